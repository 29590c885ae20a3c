//! The pieces of a comparison and who reads them.
//!
//! The key is cut into many small pieces of about the same number of rows. A worker takes as many neighbouring ones at once as
//! it can read in the time aimed at, so that a statement is neither a trifle nor endless, whatever the server can do.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::statements::{HashPart, Part};
use crate::gentle::PIECE;

/// What one statement should take when nobody has to be spared: short enough to lose little in an interruption.
const STATEMENT: Duration = Duration::from_secs(1);
/// Pieces taken at first, when nothing is known about the speed.
const FIRST: usize = 2;
/// The number of pieces taken grows and shrinks by this at most.
const STEP: usize = 4;

/// How the rows are divided.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Division {
    /// By keys, in order.
    Keys(Vec<Vec<String>>),
    /// By hashes, evenly.
    Hashes(u32),
}

impl Division {
    pub(super) fn pieces(&self) -> usize {
        match self {
            Self::Keys(bounds) => bounds.len() + 1,
            Self::Hashes(pieces) => usize::try_from(*pieces).unwrap_or(usize::MAX),
        }
    }

    /// The part of the key that some neighbouring pieces make up.
    pub(super) fn keys(&self, pieces: &Range<usize>) -> Part {
        match self {
            Self::Keys(bounds) => Part {
                from: pieces
                    .start
                    .checked_sub(1)
                    .and_then(|at| bounds.get(at))
                    .cloned(),
                to: bounds.get(pieces.end - 1).cloned(),
            },
            Self::Hashes(_) => Part::default(),
        }
    }

    /// The part of the hashes that some neighbouring pieces make up.
    pub(super) fn hashes(&self, pieces: &Range<usize>) -> HashPart {
        let count = i128::try_from(self.pieces()).unwrap_or(1);
        let bound = |at: usize| {
            let at = i128::try_from(at).unwrap_or(0);
            let span = i128::from(u64::MAX) + 1;
            (0 < at && at < count)
                .then(|| i64::try_from(i128::from(i64::MIN) + span * at / count).ok())
                .flatten()
        };
        HashPart {
            from: bound(pieces.start),
            to: bound(pieces.end),
        }
    }
}

/// Which pieces are still to be read.
#[derive(Debug)]
pub(super) struct Queue {
    open: Mutex<Vec<bool>>,
    workers: usize,
}

impl Queue {
    /// All pieces but those in `done`.
    pub(super) fn new(pieces: usize, done: &[Range<usize>], workers: usize) -> Self {
        let mut open = vec![true; pieces];
        for range in done {
            if let Some(pieces) = open.get_mut(range.clone()) {
                pieces.fill(false);
            }
        }
        Self {
            open: Mutex::new(open),
            workers: workers.max(1),
        }
    }

    /// The next pieces, at most `most`; towards the end fewer, so that the workers finish together.
    pub(super) fn take(&self, most: usize) -> Option<Range<usize>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let start = open.iter().position(|open| *open)?;
        let left = open[start..].iter().filter(|open| **open).count();
        let fair = left.div_ceil(self.workers * 2);
        let most = most.min(fair).max(1);
        let length = open[start..]
            .iter()
            .take(most)
            .take_while(|open| **open)
            .count();
        let range = start..start + length;
        open[range.clone()].fill(false);
        Some(range)
    }

    /// Pieces nobody took.
    pub(super) fn left(&self) -> usize {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter(|open| **open).count()
    }
}

/// How many pieces a worker takes at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    aim: Duration,
    pub(super) pieces: usize,
}

impl Pace {
    pub(super) fn new(limited: bool) -> Self {
        Self {
            aim: if limited { PIECE } else { STATEMENT },
            pieces: if limited { 1 } else { FIRST },
        }
    }

    /// Learns from how long some pieces took.
    pub(super) fn learn(&mut self, pieces: usize, took: Duration) {
        let took = took.as_micros().max(1);
        let pieces = pieces.max(1);
        let by_time = self
            .aim
            .as_micros()
            .saturating_mul(u128::try_from(pieces).unwrap_or(1))
            / took;
        let by_time = usize::try_from(by_time).unwrap_or(usize::MAX);
        self.pieces = by_time.clamp((pieces / STEP).max(1), pieces * STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::{Division, Queue};

    #[test]
    fn pieces_cover_everything_once() {
        for done in [vec![], vec![0..3, 5..6], vec![9..10, 2..4]] {
            let queue = Queue::new(10, &done, 2);
            let mut seen: Vec<usize> = done.iter().cloned().flatten().collect();
            while let Some(range) = queue.take(3) {
                seen.extend(range);
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..10).collect::<Vec<_>>());
            assert_eq!(queue.left(), 0);
        }
    }

    #[test]
    fn neighbouring_parts_share_their_bound_and_the_ends_are_open() {
        let keys = Division::Keys(vec![vec!["5".into()], vec!["9".into()]]);
        let (first, second) = (keys.keys(&(0..1)), keys.keys(&(1..3)));
        assert_eq!((first.from, &first.to), (None, &second.from));
        assert_eq!(second.to, None);
        let hashes = Division::Hashes(3);
        let parts: Vec<_> = (0..3).map(|at| hashes.hashes(&(at..at + 1))).collect();
        assert_eq!((parts[0].from, parts[2].to), (None, None));
        assert!(parts[0].to.is_some() && parts[0].to == parts[1].from);
        assert!(parts[1].to.is_some() && parts[1].to == parts[2].from);
        assert!(parts[1].from < parts[1].to);
    }
}
