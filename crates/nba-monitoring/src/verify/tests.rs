use std::time::Duration;

use chrono::{TimeDelta, TimeZone, Utc};

use super::scrub::{Candidate, due};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_tick_soon_after_the_last_renews_nothing() {
    let now = Utc.with_ymd_and_hms(2026, 1, 2, 0, 0, 0).unwrap();
    let mut proofs = [candidate(1, now, 1_000_000), candidate(2, now, 0)];
    let (renewed, credit) = due(&mut proofs, 0, Duration::from_secs(1), now, DAY);
    assert!(renewed.is_empty());
    assert!(credit > 0, "what was earned is kept");
}

#[test]
fn a_proof_as_old_as_the_period_is_never_carried() {
    let now = Utc.with_ymd_and_hms(2026, 1, 2, 0, 0, 0).unwrap();
    let old = now - TimeDelta::days(1);
    let mut proofs = [candidate(1, old, u64::MAX / 4), candidate(2, now, 10)];
    let (renewed, _) = due(&mut proofs, 0, Duration::ZERO, now, DAY);
    assert_eq!(renewed, [1]);
    let ahead = now + TimeDelta::hours(1);
    let (renewed, _) = due(&mut [candidate(3, ahead, 10)], 0, Duration::ZERO, now, DAY);
    assert_eq!(renewed, [3], "the clock was set back");
}

/// Whatever the sizes and the pauses between ticks: no proof gets older than the period and a pause, and no tick has to renew
/// everything.
#[test]
fn every_proof_is_renewed_within_the_period() {
    let begin = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap();
    let sizes: Vec<u64> = (0..54).map(|n| 1 << (n % 30)).collect();
    let mut made: Vec<_> = sizes.iter().map(|_| begin).collect();
    let (mut now, mut credit) = (begin, 0);
    let pause = Duration::from_secs(300);
    let mut most = 0;
    for _ in 0..(3 * 288) {
        now += pause;
        let mut candidates: Vec<_> = made
            .iter()
            .zip(&sizes)
            .enumerate()
            .map(|(item, (&at, &bytes))| candidate(item, at, bytes))
            .collect();
        let (renewed, left) = due(&mut candidates, credit, pause, now, DAY);
        credit = left;
        most = most.max(renewed.len());
        for item in renewed {
            made[item] = now;
        }
        for at in &made {
            assert!(now - *at <= TimeDelta::days(1), "{now}");
        }
    }
    assert!(most < 54, "the work is spread over ticks");
    assert!(made.iter().all(|at| *at > begin));
}

fn candidate<T>(item: T, at: chrono::DateTime<Utc>, bytes: u64) -> Candidate<T> {
    Candidate { item, at, bytes }
}
