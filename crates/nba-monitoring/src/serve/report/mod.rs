//! A week on one page: what was wrong and since when, how tables grew, what was proven, and what watching cost.
//!
//! [`Week::read`] takes it from the files of [`watch`](crate::watch); evidence is handed in, because the ledger belongs to another
//! crate. [`Week::html`] is one file that loads nothing, to be sent or kept; [`Week::text`] is for terminals; the value itself is JSON.

mod page;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use nba_utils::Hint;
use serde::Serialize;

use crate::checks::{DB_MS, PAGES};
pub use crate::evidence::Chapter;
use crate::watch::{
    Event, EventKind, History, HistoryError, LOOK_MS, Level, Point, ReadState, Series, Standing,
    State, read_events, read_state,
};

/// What a report is about.
const DAYS: i64 = 7;
/// Parts of it in the drawings: hours.
const PARTS: u32 = 168;
/// Events that are read; a watch that raises more of them in a week has other troubles.
const EVENTS: usize = 5_000;
/// Ids of row estimates in the history.
const ROWS: &str = "rows:";

/// A week of a watch.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Week {
    /// First moment.
    pub from: DateTime<Utc>,
    /// Last moment.
    pub to: DateTime<Utc>,
    /// The watched database.
    pub database: Option<String>,
    /// How everything stands at its end.
    pub standing: Standing,
    /// Why the standing may not be believed: nobody watches any more.
    pub problem: Option<String>,
    /// Looks that were taken.
    pub looks: u32,
    /// Minutes in which nobody watched.
    pub unwatched_minutes: i64,
    /// Every alarm of the week, those that go on first, then the newest.
    pub outages: Vec<Outage>,
    /// Every check that was looked at.
    pub checks: Vec<CheckWeek>,
    /// Tables by name.
    pub tables: Vec<TableWeek>,
    /// What watching cost.
    pub cost: WatchCost,
    /// Evidence of the week, by what it is about.
    pub evidence: Vec<Chapter>,
    #[serde(skip)]
    series: Series,
}

/// A time in alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// The check; `monitor` when the watch itself was blind.
    pub check: String,
    /// Its worst level.
    pub level: Level,
    /// The first bad look.
    pub since: DateTime<Utc>,
    /// The end; none while it goes on.
    pub until: Option<DateTime<Utc>>,
    /// What was seen.
    pub message: String,
}

/// A check over the week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckWeek {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub level: Level,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Hours with a look that was not good, of those with a look that applied.
    pub bad_hours: usize,
    /// Hours with a look that applied.
    pub hours: usize,
}

/// A table over the week, by the server's statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableWeek {
    /// Its name.
    pub table: String,
    /// Estimated rows at the end.
    pub rows: f64,
    /// Rows gained, negative when lost; none when it was first seen in its last hour.
    pub gained: Option<f64>,
}

/// What watching cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct WatchCost {
    /// Time of a look in ms: mean.
    pub look_ms_mean: Option<f64>,
    /// The longest.
    pub look_ms_max: Option<f64>,
    /// Seconds of the week that were spent looking.
    pub looking_s: Option<f64>,
    /// Database time of a look in ms: mean.
    pub db_ms_mean: Option<f64>,
    /// The most of a look.
    pub db_ms_max: Option<f64>,
    /// The most pages of tables that a look touched.
    pub pages_max: Option<f64>,
    /// Bytes of its files.
    pub disk_bytes: u64,
}

/// A report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is nothing to report.
    #[error("nothing has been watched yet in `{folder}`")]
    Nothing {
        /// Where the watch would be.
        folder: String,
    },
    /// The state cannot be read.
    #[error("the report needs the state of the watch")]
    State(#[from] ReadState),
    /// The events cannot be read.
    #[error("the events of the watch cannot be read")]
    Events(#[source] std::io::Error),
    /// The past cannot be read.
    #[error("the report needs the past of the watch")]
    History(#[from] HistoryError),
}

impl Hint for ReportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Nothing { .. } => {
                Some("start `nba serve` or `nba dashboard --continuous`".to_owned())
            }
            Self::History(error) => error.hint(),
            _ => None,
        }
    }
}

impl Week {
    /// The week that ends now, of the watch in this folder.
    ///
    /// # Errors
    ///
    /// [`ReportError`] when nothing was watched, or a file of the watch cannot be read: a report with a part left out would look
    /// better than things are.
    pub async fn read(
        folder: &Path,
        now: DateTime<Utc>,
        evidence: Vec<Chapter>,
    ) -> Result<Self, ReportError> {
        let Some(state) = read_state(folder)? else {
            return Err(ReportError::Nothing {
                folder: folder.display().to_string(),
            });
        };
        let events = read_events(folder, EVENTS).map_err(ReportError::Events)?;
        let history = History::in_folder(folder);
        let from = now - TimeDelta::days(DAYS);
        let series = history.series("", from, now, PARTS).await?;
        let bytes = disk_bytes(folder);
        history.close().await;
        Ok(Self::of(
            &state,
            &events,
            series,
            (from, now),
            bytes,
            evidence,
        ))
    }

    /// From what was read; `events` are newest first.
    fn of(
        state: &State,
        events: &[Event],
        series: Series,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        disk_bytes: u64,
        evidence: Vec<Chapter>,
    ) -> Self {
        let problem = state.stale(to);
        let standing = match problem {
            Some(_) => Standing::Unknown,
            None => state.standing(),
        };
        let cost = series.get(LOOK_MS).map(Vec::as_slice).unwrap_or_default();
        let looks: u32 = cost.iter().map(|point| point.looks).sum();
        let spent = sum(cost);
        let past = |name: &str| series.get(name).map(Vec::as_slice).unwrap_or_default();
        let most = |points: &[Point]| points.iter().filter_map(|point| point.max).reduce(f64::max);
        let db = past(DB_MS);
        let counted: u32 = db.iter().map(|point| point.looks).sum();
        Self {
            from,
            to,
            database: state
                .memory
                .identity
                .as_ref()
                .map(|identity| identity.brief.database.clone()),
            standing,
            problem,
            looks,
            unwatched_minutes: unwatched(state, events, from, to),
            outages: outages(state, events, from),
            checks: checks(state, &series),
            tables: tables(state, &series),
            cost: WatchCost {
                look_ms_mean: (looks > 0).then(|| spent / f64::from(looks)),
                look_ms_max: most(cost),
                looking_s: (looks > 0).then_some(spent / 1_000.0),
                db_ms_mean: (counted > 0).then(|| sum(db) / f64::from(counted)),
                db_ms_max: most(db),
                pages_max: most(past(PAGES)),
                disk_bytes,
            },
            evidence,
            series,
        }
    }
}

/// All values of a stretch together.
fn sum(points: &[Point]) -> f64 {
    let sums = points.iter();
    sums.filter_map(|point| point.mean.map(|mean| mean * f64::from(point.looks)))
        .sum()
}

/// Bytes of the files of the watch.
fn disk_bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten();
    files
        .filter_map(|file| file.ok()?.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}

/// Minutes without a watch: gaps that ended, and the one that goes on.
fn unwatched(state: &State, events: &[Event], from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    let gaps = events.iter().filter(|event| event.kind == EventKind::Gap);
    let gaps = gaps.map(|gap| (gap.since, gap.at));
    // Before the watch began nobody watched either.
    let open = state.stale(to).and(state.last_tick).map(|last| (last, to));
    let before = (state.started > from).then_some((from, state.started));
    gaps.chain(open)
        .chain(before)
        .map(|(since, until)| (until.min(to) - since.max(from)).num_minutes().max(0))
        .sum()
}

/// Alarms that were there after `from`.
fn outages(state: &State, events: &[Event], from: DateTime<Utc>) -> Vec<Outage> {
    let mut open: BTreeMap<&str, Outage> = BTreeMap::new();
    let mut found = Vec::new();
    for event in events.iter().rev() {
        let begun = || Outage {
            check: event.check.clone(),
            level: event.level,
            since: event.since,
            until: None,
            message: event.message.clone(),
        };
        match event.kind {
            EventKind::Raised => {
                open.insert(&event.check, begun());
            }
            EventKind::Changed => {
                let outage = open.entry(&event.check).or_insert_with(begun);
                outage.level = outage.level.max(event.level);
            }
            EventKind::Cleared => {
                // Raised before the events that are kept: it ended, and its beginning is in its end.
                let mut outage = open.remove(event.check.as_str()).unwrap_or_else(|| Outage {
                    level: event.before,
                    ..begun()
                });
                outage.until = Some(event.at);
                found.push(outage);
            }
            EventKind::StateLost | EventKind::CannotWrite | EventKind::NotDelivered => {
                found.push(Outage {
                    until: Some(event.at),
                    ..begun()
                });
            }
            EventKind::Gap | EventKind::ClockSetBack => {
                found.push(Outage {
                    check: event.check.clone(),
                    level: Level::Unknown,
                    since: event.since,
                    until: Some(event.at),
                    message: event.message.clone(),
                });
            }
        }
    }
    // What is in alarm now is in the state, whatever became of its event.
    for (id, check) in state
        .checks
        .iter()
        .filter(|(_, check)| check.level.is_alarm())
    {
        let known = open
            .get(id.as_str())
            .map_or(check.level, |outage| outage.level);
        found.push(Outage {
            check: id.clone(),
            level: known.max(check.level),
            since: check.since,
            until: None,
            message: check.last.message.clone(),
        });
    }
    found.retain(|outage| outage.until.is_none_or(|until| until >= from));
    found.sort_by_key(|outage| (outage.until.is_some(), std::cmp::Reverse(outage.since)));
    found
}

fn checks(state: &State, series: &Series) -> Vec<CheckWeek> {
    let week = |(id, check): (&String, &crate::watch::CheckState)| {
        let points = series.get(id).map(Vec::as_slice).unwrap_or_default();
        let applied = points
            .iter()
            .filter(|point| point.level != Level::NotApplicable);
        CheckWeek {
            id: id.clone(),
            level: check.level,
            since: check.since,
            bad_hours: applied
                .clone()
                .filter(|point| point.level.is_alarm())
                .count(),
            hours: applied.count(),
        }
    };
    state.checks.iter().map(week).collect()
}

fn tables(state: &State, series: &Series) -> Vec<TableWeek> {
    let tables = state.memory.volumes.tables.iter();
    tables
        .map(|(table, volume)| {
            let points = series.get(&format!("{ROWS}{table}"));
            let first = points
                .filter(|points| points.len() > 1)
                .and_then(|points| points.first()?.mean);
            TableWeek {
                table: table.clone(),
                rows: volume.rows,
                gained: first.map(|first| volume.rows - first),
            }
        })
        .collect()
}
