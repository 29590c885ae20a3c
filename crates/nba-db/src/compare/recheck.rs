//! Two live databases: keys that differ are read again until it is clear whether they differ or only were read at different moments.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::error::CompareError;
use super::found::{Event, Failure, Found};
use super::outcome::{Change, Difference, RecheckReport};
use super::run::{Reading, prepare};
use super::spec::CompareSpec;
use super::work::{Shared, reread};
use crate::database::Database;
use crate::error::DbError;
use crate::snapshot::Snapshot;

/// Keys read by one statement.
const KEYS: usize = 200;
/// Readings in a row with the same values after which a difference counts as one.
const SAME_READINGS: u32 = 3;
/// Longest wait between two rounds.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

type Key = Vec<Option<String>>;
type Place = (usize, u64);

/// Differences that are not told yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    differences: BTreeMap<Place, Box<Difference>>,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.differences.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    pub(super) fn add(&mut self, place: Place, difference: Box<Difference>) {
        self.differences.insert(place, difference);
    }
}

/// A key that still differs.
struct Open {
    place: Place,
    difference: Box<Difference>,
    /// Readings in a row that gave the same values.
    same: u32,
}

/// Reads the held differences again and tells those that stay. The account in `reading` follows.
pub(super) async fn recheck(
    shared: &Shared,
    databases: [&Database; 2],
    seen: [&str; 2],
    spec: &CompareSpec,
    held: Held,
    reading: &mut Reading<'_>,
    unchecked: u64,
) -> Result<RecheckReport, CompareError> {
    let started = Instant::now();
    let mut report = RecheckReport {
        unchecked,
        ..RecheckReport::default()
    };
    let mut open: HashMap<Key, Open> = held
        .differences
        .into_iter()
        .map(|(place, difference)| {
            let same = 1;
            let key = difference.key.clone();
            (
                key,
                Open {
                    place,
                    difference,
                    same,
                },
            )
        })
        .collect();
    let mut settled = false;
    let mut delay = spec.recheck.first_delay;
    match nothing_written(databases, seen).await {
        Ok(true) => settled = true,
        Ok(false) => {}
        Err(error) => reading.unfinished(format!("reading again: {error}")),
    }
    while !settled && report.rounds < spec.recheck.rounds && !open.is_empty() {
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(LONGEST_DELAY);
        report.rounds += 1;
        match round(shared, databases, spec, &mut open, reading).await {
            Ok(converged) => report.converged += converged,
            Err(failure) => {
                reading.unfinished(format!("reading again: {}", failure.0));
                break;
            }
        }
        settled = open.values().all(|open| open.same >= SAME_READINGS);
    }
    let mut rest: Vec<Open> = open.into_values().collect();
    rest.sort_by_key(|open| open.place);
    for open in rest {
        if settled || open.same > 1 {
            report.persistent += 1;
        } else {
            report.moving += 1;
        }
        reading.tell(open.place, open.difference)?;
    }
    report.elapsed = started.elapsed();
    Ok(report)
}

/// Whether no transaction wrote anything on either server since these snapshots were taken: then reading again gives the same.
pub(super) async fn nothing_written(
    databases: [&Database; 2],
    seen: [&str; 2],
) -> Result<bool, DbError> {
    for (database, seen) in databases.into_iter().zip(seen) {
        let now: String = database
            .query_scalar(
                "select pg_catalog.pg_current_snapshot()::pg_catalog.text",
                &[],
            )
            .await?;
        if now != seen {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads all open keys once more; how many became equal.
async fn round(
    shared: &Shared,
    databases: [&Database; 2],
    spec: &CompareSpec,
    open: &mut HashMap<Key, Open>,
    reading: &mut Reading<'_>,
) -> Result<u64, Failure> {
    let (left, right) = futures::future::try_join(
        snapshot(shared, databases[0], spec, 0),
        snapshot(shared, databases[1], spec, 1),
    )
    .await?;
    let mut keys: Vec<Key> = open.keys().cloned().collect();
    keys.sort();
    let mut converged = 0;
    for some in keys.chunks(KEYS) {
        // The key is unique, so each gives a row per side at most, and each row a difference at most: nothing waits for room.
        let (out, mut events) = mpsc::channel(2 * some.len() + 1);
        let found = reread(&shared.plan, &shared.texts, [&left, &right], some, &out).await?;
        drop(out);
        let mut now: HashMap<Key, Box<Difference>> = HashMap::new();
        while let Some(event) = events.recv().await {
            if let Event::Difference { difference, .. } = event {
                now.insert(difference.key.clone(), difference);
            }
        }
        // The last reading of a key is what counts: take the earlier one out of the account, put this one in.
        for key in some {
            let Some(known) = open.get_mut(key) else {
                continue;
            };
            forget(shared, &mut reading.found, &known.difference);
            match now.remove(key) {
                None => {
                    open.remove(key);
                    converged += 1;
                }
                Some(difference) => {
                    known.same = if difference == known.difference {
                        known.same + 1
                    } else {
                        1
                    };
                    known.difference = difference;
                }
            }
        }
        reading.found.add(&found);
    }
    Ok(converged)
}

async fn snapshot(
    shared: &Shared,
    database: &Database,
    spec: &CompareSpec,
    side: usize,
) -> Result<Snapshot, Failure> {
    let failed = |error| Failure::of_side(side, &error);
    let snapshot = database.snapshot().await.map_err(failed)?;
    prepare(&snapshot, &shared.plan, spec)
        .await
        .map_err(failed)?;
    Ok(snapshot)
}

/// Takes a difference out of the account.
fn forget(shared: &Shared, found: &mut Found, difference: &Difference) {
    let less = |number: &mut u64| *number = number.saturating_sub(1);
    match &difference.what {
        Change::Missing { .. } => {
            less(&mut found.totals.missing);
            less(&mut found.rows[0]);
        }
        Change::Added { .. } => {
            less(&mut found.totals.added);
            less(&mut found.rows[1]);
        }
        Change::Changed { cells } => {
            less(&mut found.totals.changed);
            less(&mut found.rows[0]);
            less(&mut found.rows[1]);
            for cell in cells {
                let at = shared
                    .plan
                    .pairs
                    .iter()
                    .position(|pair| pair.compared.left == cell.column);
                if let Some(counts) = at.and_then(|at| found.by_column.get_mut(&at)) {
                    less(&mut counts.0);
                }
            }
        }
    }
    found.by_column.retain(|_, counts| *counts != (0, 0));
}
