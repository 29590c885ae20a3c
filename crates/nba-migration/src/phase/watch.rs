//! The time after the last phase: a watch with an end (monitoring dossier 6.21, GC45).

use chrono::{DateTime, Days, NaiveDate, Utc};
use nba_utils::Verdict;
use serde::Serialize;

use super::{ADVANCE, PHASES, Record, position};
use crate::ledger::Entry;

/// What the health records say since all phases were done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Watch {
    /// `Proven` when the time is over and every day of it had a proven health record and no refuted one.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// When the last phase was closed.
    pub from: Option<DateTime<Utc>>,
    /// The last day, UTC.
    pub until: Option<NaiveDate>,
    /// Length in days.
    pub days: u32,
    /// Days so far with a proven health record.
    pub proven_days: usize,
    /// Days so far without one.
    pub missing: Vec<NaiveDate>,
    /// Numbers of refuted health records.
    pub refuted: Vec<u64>,
}

impl Watch {
    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry::new("watch", self.verdict.clone())
            .figure("days", self.days)
            .figure("proven_days", self.proven_days)
            .figure("until", serde_json::json!(self.until))
    }
}

/// Judges the `days` whole days (UTC) after the last phase was closed. A day without a look is not green.
#[must_use]
pub fn watched(records: &[Record], days: u32, now: DateTime<Utc>) -> Watch {
    let empty = |verdict| Watch {
        verdict,
        from: None,
        until: None,
        days,
        proven_days: 0,
        missing: Vec::new(),
        refuted: Vec::new(),
    };
    let end = records.iter().rev().find(|record| {
        record.entry.subject == ADVANCE
            && record
                .entry
                .figures
                .get("to")
                .and_then(serde_json::Value::as_u64)
                == u64::try_from(PHASES.len()).ok()
    });
    let Some(end) = end.filter(|_| position(records).0 >= PHASES.len()) else {
        return empty(Verdict::not_proven(
            "the watch begins when all phases are done",
        ));
    };
    let health: Vec<&Record> = records
        .iter()
        .filter(|record| record.entry.subject == "health" && record.sequence > end.sequence)
        .collect();
    let refuted: Vec<u64> = health
        .iter()
        .filter(|record| record.entry.verdict.is_refuted())
        .map(|record| record.sequence)
        .collect();
    let day = |number: u32| {
        let first = end.time.date_naive();
        first.checked_add_days(Days::new(number.into()))
    };
    let today = now.date_naive();
    let mut missing = Vec::new();
    let mut proven_days = 0;
    // Today is not over: it counts from tomorrow on.
    for date in (1..=days).filter_map(day).filter(|date| *date < today) {
        let seen = health
            .iter()
            .any(|record| record.time.date_naive() == date && record.entry.verdict.is_proven());
        if seen {
            proven_days += 1;
        } else {
            missing.push(date);
        }
    }
    let until = day(days);
    let mut verdicts =
        vec![Verdict::from_findings(refuted.iter().map(|number| {
            format!("record {number}: health was refuted")
        }))];
    verdicts.extend(
        missing
            .iter()
            .map(|date| Verdict::not_proven(format!("{date}: health was not proven"))),
    );
    if until.is_none_or(|until| today <= until) {
        verdicts.push(Verdict::not_proven(format!(
            "the watch ends after {}: {proven_days} of {days} days so far",
            until.map_or_else(|| "no day".to_owned(), |until| until.to_string())
        )));
    }
    Watch {
        verdict: Verdict::all(verdicts),
        from: Some(end.time),
        until,
        days,
        proven_days,
        missing,
        refuted,
    }
}
