use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use super::{Permanence, RetryPolicy, Waited};

fn policy(attempts: u32) -> RetryPolicy {
    let attempts = NonZeroU32::new(attempts).unwrap();
    RetryPolicy {
        attempts,
        first_delay: Duration::from_millis(100),
        max_delay: Duration::from_secs(1),
    }
}

/// Runs an operation that always fails; returns (tries, waits, error).
fn fail(
    policy: RetryPolicy,
    permanence: Permanence,
    waited: Waited,
) -> (u32, u32, Result<(), u32>) {
    let (mut tries, mut waits) = (0, 0);
    let result = policy.run_blocking(
        || {
            tries += 1;
            Err(tries)
        },
        |_| permanence,
        |_| {
            waits += 1;
            waited
        },
    );
    (tries, waits, result)
}

#[test]
fn never_waits_after_the_last_try() {
    assert_eq!(
        fail(policy(4), Permanence::Transient, Waited::Whole),
        (4, 3, Err(4))
    );
    assert_eq!(
        fail(RetryPolicy::ONCE, Permanence::Transient, Waited::Whole),
        (1, 0, Err(1))
    );
}

#[test]
fn permanent_errors_are_not_retried() {
    assert_eq!(
        fail(policy(4), Permanence::Permanent, Waited::Whole),
        (1, 0, Err(1))
    );
}

#[test]
fn cancelling_returns_the_error_at_hand() {
    assert_eq!(
        fail(policy(4), Permanence::Transient, Waited::Cancelled),
        (1, 1, Err(1))
    );
}

#[test]
fn two_runs_wait_differently() {
    let runs: std::collections::HashSet<Vec<Duration>> =
        (0..20).map(|_| policy(6).delays().collect()).collect();
    assert!(runs.len() > 1);
}

proptest! {
    #[test]
    fn delays_stay_within_their_bounds(attempts in 1u32..40) {
        let delays: Vec<_> = policy(attempts).delays().collect();
        prop_assert_eq!(delays.len(), usize::try_from(attempts - 1).unwrap());
        let mut whole = Duration::from_millis(100);
        for delay in delays {
            prop_assert!(delay <= whole && delay >= whole / 2);
            whole = (whole * 2).min(Duration::from_secs(1));
        }
    }
}
