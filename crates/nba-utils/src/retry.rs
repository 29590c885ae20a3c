//! Bounded, jittered retrying.
//!
//! The policy only hands out waiting times, so that blocking and async callers share it. The order in which an async caller has to
//! ask is the one of [`RetryPolicy::run_blocking`]: permanent errors first, then the next delay, then cancellation.
//!
//! ```
//! use nba_utils::retry::RetryPolicy;
//!
//! let policy = RetryPolicy::default();
//! let delays: Vec<_> = policy.delays().collect();
//! assert_eq!(delays.len(), 3 - 1); // nothing to wait for after the last try
//! assert!(delays.iter().all(|delay| *delay <= policy.max_delay));
//! ```

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How often to try, and how long to wait between tries.
///
/// The wait doubles from `first_delay` up to `max_delay`; each one is cut by a random part of up to half, so that callers that failed
/// together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, the first included.
    pub attempts: NonZeroU32,
    /// The wait after the first failure, before jitter.
    pub first_delay: Duration,
    /// No wait is longer.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// The legacy three tries from one second on (but never for permanent errors), at most half a minute apart.
    fn default() -> Self {
        const THREE: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");
        Self {
            attempts: THREE,
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
        }
    }
}

/// Whether an error can go away by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permanence {
    /// Trying again may help.
    Transient,
    /// It will fail the same way.
    Permanent,
}

/// Whether waiting was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Waited {
    /// The time has passed.
    Whole,
    /// The caller wants to stop.
    Cancelled,
}

impl RetryPolicy {
    /// One try, no retry.
    pub const ONCE: Self = Self {
        attempts: NonZeroU32::MIN,
        first_delay: Duration::ZERO,
        max_delay: Duration::ZERO,
    };

    /// The waiting times between tries: one fewer than there are tries.
    pub fn delays(&self) -> Delays {
        // A fresh hasher is randomly keyed: enough to spread callers, and no dependency.
        Delays {
            left: self.attempts.get() - 1,
            next: self.first_delay,
            max: self.max_delay,
            seed: RandomState::new().hash_one(0),
        }
    }

    /// Tries `operation` until it succeeds, fails permanently, the tries are used up or waiting is cancelled.
    ///
    /// `wait` sleeps, and may report that the caller wants to stop.
    ///
    /// ```
    /// use nba_utils::retry::{Permanence, RetryPolicy, Waited};
    /// let mut tries = 0;
    /// let result = RetryPolicy::default().run_blocking(
    ///     || { tries += 1; if tries < 3 { Err("busy") } else { Ok(tries) } },
    ///     |_| Permanence::Transient,
    ///     |_delay| Waited::Whole, // std::thread::sleep in earnest
    /// );
    /// assert_eq!(result, Ok(3));
    /// ```
    ///
    /// # Errors
    /// The error of the last try, unchanged.
    pub fn run_blocking<T, E>(
        &self,
        mut operation: impl FnMut() -> Result<T, E>,
        mut permanence: impl FnMut(&E) -> Permanence,
        mut wait: impl FnMut(Duration) -> Waited,
    ) -> Result<T, E> {
        let mut delays = self.delays();
        loop {
            let error = match operation() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if permanence(&error) == Permanence::Permanent {
                return Err(error);
            }
            let Some(delay) = delays.next() else {
                return Err(error);
            };
            if wait(delay) == Waited::Cancelled {
                return Err(error);
            }
        }
    }
}

/// The waiting times of one run of a [`RetryPolicy`].
#[derive(Debug, Clone)]
pub struct Delays {
    left: u32,
    next: Duration,
    max: Duration,
    seed: u64,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let whole = self.next.min(self.max);
        self.next = whole.saturating_mul(2);
        // SplitMix64 (Steele, Lea, Flood 2014): one step per delay
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = u32::try_from(mixed >> 48).unwrap_or(0);
        Some(whole - whole / 2 / 65_536 * share)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}
