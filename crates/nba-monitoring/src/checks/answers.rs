//! Answers that stand while nothing was written: a quiet look asks the counters, and no table.
//!
//! What a check found out in tables stays true until somebody writes to them, and the server counts every row that is written
//! ([`nba_db::quiet`] says what makes that sound). So a look that finds the counters of a check's tables as they were gives the last
//! answer again. The counters are read *before* the tables: a commit shows its rows first and its counts after, so that what is
//! counted has been seen, and what has not been seen will be counted.
//!
//! Any doubt leads to the tables: a reset of the statistics, a crash or restart of the server, counting that is switched off, a standby,
//! a role that may not see the sessions of others, a view, a table that was emptied or altered, other settings, another day, a clock
//! that was set back, a check that was asked for by name. And they are asked every [`deep_hours`](super::Limits::deep_hours) in any
//! case. An answer that was not found out is none. Answers live as long as the process: the first look after a start asks.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use nba_db::ident::TableName;
use nba_db::quiet::{Quiet, ServerMarks, TableMarks, Tick};
use nba_utils::Verdict;

use super::freshness::today;
use super::progress::Reading;
use super::run::{Found, Look, LookError};
use super::settings::{Limits, Settings, Source};

/// What the tables said, by check, and by the statement of a heartbeat.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answers {
    checks: BTreeMap<&'static str, Answer>,
    readings: BTreeMap<String, Read>,
}

/// What the statement of a heartbeat gave.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    at: DateTime<Utc>,
    ground: Ground,
    reading: Reading,
}

#[derive(Debug, Clone, PartialEq)]
struct Answer {
    at: DateTime<Utc>,
    ground: Ground,
    verdict: Verdict,
    value: Option<f64>,
    message: Option<String>,
}

/// Everything an answer rests on: where all of it is as it was, the answer is, too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ground {
    /// Day by which freshness is judged.
    day: NaiveDate,
    limits: Limits,
    sources: Vec<Source>,
    server: ServerMarks,
    /// Counters of each table; `None` for one that does not exist.
    tables: BTreeMap<TableName, Option<TableMarks>>,
}

/// The tables that a check reads; `None` where that is not known, or where it reads none.
fn tables(id: &str, settings: &Settings) -> Option<Vec<TableName>> {
    let games = || TableName::new("public", "games");
    Some(match id {
        "freshness.games" => vec![games()],
        "freshness.sources" => {
            let sources = settings.sources.iter();
            let sources = sources.map(|source| TableName::parse(&source.table));
            std::iter::once(games()).chain(sources).collect()
        }
        "work.phase8" => vec![TableName::new("public", "box_score_snapshots"), games()],
        // The statements of heartbeats are the user's own, and each has an answer of its own.
        _ => return None,
    })
}

const ABSENT_SQL: &str = "select bool_and(to_regclass(name) is null) from unnest($1::text[]) name";

/// What an answer of this check would rest on; `None` when the tables have to be asked in any case.
pub(super) async fn ground(
    look: &Look<'_>,
    id: &str,
    tick: &Tick,
) -> Result<Option<Ground>, LookError> {
    match tables(id, look.settings) {
        Some(names) => of_tables(look, names, tick).await,
        None => Ok(None),
    }
}

/// The same for a statement that reads these tables.
pub(super) async fn of_tables(
    look: &Look<'_>,
    names: Vec<TableName>,
    tick: &Tick,
) -> Result<Option<Ground>, LookError> {
    let tables: BTreeMap<TableName, Option<TableMarks>> = names
        .into_iter()
        .map(|name| {
            let marks = tick.tables.get(&name).cloned();
            (name, marks)
        })
        .collect();
    // What has no counters is not there, or is a view of what is not known.
    let without = tables.iter().filter(|(_, marks)| marks.is_none());
    let without: Vec<String> = without.map(|(name, _)| name.sql()).collect();
    if !without.is_empty() {
        let rows = look.session.query_rows(ABSENT_SQL, &[&without]).await?;
        let absent = rows.first().and_then(|row| row.get::<_, Option<bool>>(0));
        if absent != Some(true) {
            return Ok(None);
        }
    }
    Ok(Some(Ground {
        day: today(look.now),
        limits: look.settings.limits,
        sources: look.settings.sources.clone(),
        server: tick.server.clone(),
        tables,
    }))
}

impl Ground {
    /// Whether an answer of that time and ground still is one.
    fn stands(&self, then: &Self, at: DateTime<Utc>, tick: &Tick, now: DateTime<Utc>) -> bool {
        let age = (now - at).as_seconds_f64();
        age >= 0.0 && age < self.limits.deep_hours * 3_600.0 && self.holds(then, tick)
    }

    /// Whether everything is as it was when `then` was the ground; `tick` is the one this ground was read from.
    fn holds(&self, then: &Self, tick: &Tick) -> bool {
        self.day == then.day
            && self.limits == then.limits
            && self.sources == then.sources
            && self.tables.keys().eq(then.tables.keys())
            && then.tables.iter().all(|(name, marks)| match marks {
                Some(marks) => tick.unwritten(name, &then.server, marks) == Quiet::Unwritten,
                None => matches!(self.tables.get(name), Some(None)),
            })
    }
}

impl Answers {
    /// The last answer, when everything it rests on is as it was.
    pub(super) fn standing(
        &self,
        id: &str,
        ground: &Ground,
        tick: &Tick,
        now: DateTime<Utc>,
    ) -> Option<Found> {
        let answer = self.checks.get(id)?;
        if !ground.stands(&answer.ground, answer.at, tick, now) {
            return None;
        }
        let message = answer.message.as_ref().map(|message| {
            format!(
                "{message} (seen at {}, nothing was written since)",
                answer.at.format("%H:%M UTC")
            )
        });
        Some(Found {
            verdict: answer.verdict.clone(),
            value: answer.value,
            message,
        })
    }

    /// Remembers an answer that was found out; one that was not leaves none.
    pub(super) fn keep(
        &mut self,
        id: &'static str,
        ground: Ground,
        found: &Found,
        at: DateTime<Utc>,
    ) {
        if matches!(found.verdict, Verdict::NotProven { .. }) {
            self.checks.remove(id);
            return;
        }
        let answer = Answer {
            at,
            ground,
            verdict: found.verdict.clone(),
            value: found.value,
            message: found.message.clone(),
        };
        self.checks.insert(id, answer);
    }

    /// What the statement of a heartbeat gave last, when everything it rests on is as it was.
    pub(super) fn reading(
        &self,
        sql: &str,
        ground: &Ground,
        tick: &Tick,
        now: DateTime<Utc>,
    ) -> Option<Reading> {
        let read = self.readings.get(sql)?;
        let stands = ground.stands(&read.ground, read.at, tick, now);
        stands.then_some(read.reading)
    }

    /// Remembers what a statement gave.
    pub(super) fn read(&mut self, sql: &str, ground: Ground, reading: Reading, at: DateTime<Utc>) {
        let read = Read {
            at,
            ground,
            reading,
        };
        self.readings.insert(sql.to_owned(), read);
    }

    /// Forgets statements that nobody asks any more.
    pub(super) fn only_statements(&mut self, wanted: impl Fn(&str) -> bool) {
        self.readings.retain(|sql, _| wanted(sql));
    }
}
