//! Which proofs a quick run renews although no write was counted.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A proof that could be carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate<T> {
    /// What it is about.
    pub(super) item: T,
    /// When it was made.
    pub(super) at: DateTime<Utc>,
    /// What renewing it reads, in bytes.
    pub(super) bytes: u64,
}

/// The least a table counts for: a page.
const PAGE: u64 = 8_192;

/// What to renew now, and the credit left for later.
///
/// Credit grows with time so that the bytes of all proofs are read once per period; the oldest proofs spend it first, and a large
/// one waits until there is enough. Whatever is older than the period is renewed at once.
pub(super) fn due<T: Copy + Ord>(
    candidates: &mut [Candidate<T>],
    credit: u64,
    since_last: Duration,
    now: DateTime<Utc>,
    period: Duration,
) -> (Vec<T>, u64) {
    candidates.sort_by_key(|candidate| (candidate.at, candidate.item));
    let total: u64 = candidates.iter().map(size).sum();
    let period_ms = period.as_millis().max(1);
    let earned = u128::from(total).saturating_mul(since_last.as_millis()) / period_ms;
    let mut credit = credit
        .saturating_add(u64::try_from(earned).unwrap_or(u64::MAX))
        .min(total);
    let mut renewed = Vec::new();
    let mut waiting = false;
    for candidate in &*candidates {
        let age = now.signed_duration_since(candidate.at);
        // A proof from the future is one of another clock.
        let overdue = age.to_std().is_ok_and(|age| age >= period) || age.num_seconds() < -60;
        let bytes = size(candidate);
        if overdue {
            credit = credit.saturating_sub(bytes);
            renewed.push(candidate.item);
        } else if !waiting && bytes <= credit {
            credit -= bytes;
            renewed.push(candidate.item);
        } else {
            waiting = true;
        }
    }
    (renewed, credit)
}

fn size<T>(candidate: &Candidate<T>) -> u64 {
    candidate.bytes.max(PAGE)
}
