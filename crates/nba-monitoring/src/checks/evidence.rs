//! The project's own evidence: is it whole, and is there a backup? What is read is handed in, because the ledger belongs to
//! another crate.

use chrono::{DateTime, Utc};
use nba_utils::Verdict;

use super::catalogue::{CATALOGUE, Group};
use super::run::{Found, Observation, RunOptions, switched_off};
use super::settings::Settings;

/// What the project's folder says.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Whether the chain is whole.
    pub ledger: Verdict,
    /// Its records.
    pub records: u64,
    /// The newest backup on record.
    pub backup: Option<LastBackup>,
}

/// A backup on record.
#[derive(Debug, Clone, PartialEq)]
pub struct LastBackup {
    /// When.
    pub at: DateTime<Utc>,
    /// Whether its restore was proven.
    pub verdict: Verdict,
}

/// The observations of the group `evidence`.
#[must_use]
pub fn observe_evidence(
    evidence: &Evidence,
    settings: &Settings,
    options: &RunOptions,
) -> Vec<Observation> {
    let now = options.now.unwrap_or_else(Utc::now);
    CATALOGUE
        .iter()
        .filter(|spec| {
            spec.group == Group::Evidence
                && (options.only.is_empty() || options.only.iter().any(|only| only == spec.id))
        })
        .map(|spec| {
            let found = match switched_off(settings, spec.id, now.date_naive()) {
                Some(off) => Found::not_applicable(off),
                None if spec.id == "evidence.ledger" => ledger(evidence),
                None => backup(evidence, settings.limits.backup_hours, now),
            };
            Observation::of(spec, found)
        })
        .collect()
}

fn ledger(evidence: &Evidence) -> Found {
    let records = u32::try_from(evidence.records).map_or(f64::from(u32::MAX), f64::from);
    let message = evidence.ledger.is_proven().then(|| {
        format!(
            "{} records, each with the digest of the one before",
            evidence.records
        )
    });
    Found {
        verdict: evidence.ledger.clone(),
        value: Some(records),
        message,
    }
}

fn backup(evidence: &Evidence, hours: f64, now: DateTime<Utc>) -> Found {
    let Some(last) = &evidence.backup else {
        return Found {
            verdict: Verdict::refuted("no backup with a proven restore is on record"),
            value: None,
            message: None,
        };
    };
    let age = (now - last.at).as_seconds_f64() / 3_600.0;
    let sentence = format!(
        "the last proven backup is of {}, {age:.1} h ago",
        last.at.format("%Y-%m-%d %H:%M UTC")
    );
    let late = (age > hours).then(|| format!("{sentence}; {hours} h are permitted"));
    Found::judged(late.into_iter().collect(), age, sentence)
}
