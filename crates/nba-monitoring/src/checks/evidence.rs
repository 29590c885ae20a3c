//! The project's own evidence: is it whole, and is there a backup? What is read is handed in, because the ledger belongs to
//! another crate.

use chrono::{DateTime, Utc};
use nba_utils::Verdict;

use super::catalogue::{CATALOGUE, Cost};
use super::run::{Found, Observation, RunOptions, switched_off};
use super::settings::Settings;

/// What the project's folder says.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Whether the chain is whole.
    pub ledger: Verdict,
    /// Its records.
    pub records: u64,
    /// The newest backup on record whose restore was proven.
    pub backup: Option<LastBackup>,
    /// Whether the legacy side is as it was when it was last put on record.
    pub legacy_tree: Verdict,
    /// The last recorded run over all metrics of the inventory.
    pub dims: Option<LastRun>,
    /// The configured jobs, and whether each did what it is for.
    pub jobs: Vec<JobEvidence>,
}

impl Evidence {
    /// What is known when nothing could be read.
    #[must_use]
    pub fn unknown(why: &str) -> Self {
        Self {
            ledger: Verdict::not_proven(why),
            records: 0,
            backup: None,
            legacy_tree: Verdict::not_proven(why),
            dims: None,
            jobs: Vec::new(),
        }
    }
}

/// A run on record.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRun {
    /// When.
    pub at: DateTime<Utc>,
    /// What it came to.
    pub verdict: Verdict,
}

/// What the history of runs says about a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEvidence {
    /// The job.
    pub name: String,
    /// `Proven` when it had its effect within its time.
    pub verdict: Verdict,
}

/// A backup on record.
#[derive(Debug, Clone, PartialEq)]
pub struct LastBackup {
    /// The moment whose state it holds.
    pub at: DateTime<Utc>,
    /// Whether its restore was proven, and no later one failed.
    pub verdict: Verdict,
}

/// The observations of the checks that cost the server nothing: evidence and jobs.
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
            spec.cost == Cost::None
                && (options.only.is_empty() || options.only.iter().any(|only| only == spec.id))
        })
        .map(|spec| {
            let found = match switched_off(settings, spec.id, now.date_naive()) {
                Some(off) => Found::not_applicable(off),
                None => match spec.id {
                    "evidence.ledger" => ledger(evidence),
                    "evidence.backup" => backup(evidence, settings.limits.backup_hours, now),
                    "evidence.legacy_tree" => legacy_tree(evidence),
                    "evidence.dims" => dims(evidence, settings.limits.dims_days, now),
                    "work.jobs" => jobs(evidence),
                    // A test holds the catalogue against this list.
                    other => Found::not_proven(format!("nothing is known about `{other}`")),
                },
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
        "the newest proven backup holds the state of {}, {age:.1} h ago",
        last.at.format("%Y-%m-%d %H:%M UTC")
    );
    let late = (age > hours).then(|| format!("{sentence}; {hours} h are permitted"));
    let verdict = Verdict::all([Verdict::from_findings(late), last.verdict.clone()]);
    let message = verdict.is_proven().then_some(sentence);
    Found {
        verdict,
        value: Some(age),
        message,
    }
}

fn legacy_tree(evidence: &Evidence) -> Found {
    let verdict = evidence.legacy_tree.clone();
    let message = verdict
        .is_proven()
        .then(|| "every file is as it was at the last capture".to_owned());
    Found {
        verdict,
        value: None,
        message,
    }
}

fn dims(evidence: &Evidence, days: f64, now: DateTime<Utc>) -> Found {
    let Some(last) = &evidence.dims else {
        return Found::not_applicable("no `nba dims verify` over all metrics is on record");
    };
    let hours = (now - last.at).as_seconds_f64() / 3_600.0;
    let late = (hours > days * 24.0).then(|| {
        format!("the last run was {hours:.1} h ago, {days} days are permitted: nobody measures")
    });
    let verdict = Verdict::all([Verdict::from_findings(late), last.verdict.clone()]);
    let message = verdict
        .is_proven()
        .then(|| format!("every metric was as expected {hours:.1} h ago"));
    Found {
        verdict,
        value: Some(hours),
        message,
    }
}

fn jobs(evidence: &Evidence) -> Found {
    if evidence.jobs.is_empty() {
        return Found::not_applicable("no job is configured: `[[jobs]]` in `.nba/monitoring.toml`");
    }
    let verdicts = evidence.jobs.iter();
    let verdict = Verdict::all(verdicts.map(|job| job.verdict.clone().about(&job.name)));
    let message = verdict
        .is_proven()
        .then(|| format!("{} jobs had their effect", evidence.jobs.len()));
    let idle = evidence.jobs.iter();
    let idle = idle.filter(|job| job.verdict.is_refuted()).count();
    Found {
        verdict,
        value: Some(super::server::count(idle)),
        message,
    }
}
