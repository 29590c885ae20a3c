//! What one record says.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nba_db::identity::{Brief, TargetIdentity};
use nba_monitoring::baseline::Baseline;
use nba_monitoring::health::HealthReport;
use nba_utils::{Digest, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Evidence to be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// What was done, such as `baseline capture` or `health`.
    pub subject: String,
    /// What came out.
    pub verdict: Verdict,
    /// Which database it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Brief>,
    /// Numbers and names worth finding again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, Value>,
    /// Files that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artefacts: Vec<Artefact>,
}

/// A file as it was when the record was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artefact {
    /// Its path.
    pub path: String,
    /// BLAKE3 of its content.
    pub blake3: Digest,
}

impl Entry {
    /// An entry about no database, without figures.
    pub fn new(subject: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            subject: subject.into(),
            verdict,
            target: None,
            figures: BTreeMap::new(),
            artefacts: Vec::new(),
        }
    }

    /// Names the database.
    #[must_use]
    pub fn about(mut self, target: &TargetIdentity) -> Self {
        self.target = Some(target.brief.clone());
        self
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.figures.insert(name.into(), value.into());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn artefact(mut self, path: impl Into<String>, blake3: Digest) -> Self {
        self.artefacts.push(Artefact {
            path: path.into(),
            blake3,
        });
        self
    }

    /// The record of a baseline that was taken.
    #[must_use]
    pub fn baseline(baseline: &Baseline) -> Self {
        let entry = Self::new("baseline capture", baseline.complete.clone())
            .about(&baseline.identity)
            .figure("baseline", baseline.name.as_str())
            .figure("tables", baseline.tables.len())
            .figure("rows", baseline.total_rows())
            .figure("captured_at", json!(baseline.captured_at()));
        match (baseline.folder(), baseline.digest()) {
            (Some(folder), Some(digest)) => {
                entry.artefact(folder.join("baseline.json").display().to_string(), digest)
            }
            _ => entry,
        }
    }

    /// The record of a health run; the target is the one that answered.
    #[must_use]
    pub fn health(report: &HealthReport) -> Self {
        let mut entry = Self::new("health", report.verdict.clone())
            .figure("overall_status", report.overall_status.as_str())
            .figure("degraded_checks", json!(report.degraded_checks))
            .figure("checks", report.checks.len())
            .figure("baseline", report.baseline.name.as_str());
        if let Some(digest) = report.baseline.digest {
            entry = entry.figure("baseline_digest", digest.to_string());
        }
        match &report.identity.actual {
            Some(actual) => entry.about(actual),
            None => entry,
        }
    }
}

/// An entry as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// Number, from 1 without gaps.
    pub sequence: u64,
    /// Hash of the record before.
    pub previous: Digest,
    /// When it was written, UTC.
    pub time: DateTime<Utc>,
    /// Program and version.
    pub tool: String,
    /// What was set aside before this record, if a crash left an unfinished line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// The evidence.
    #[serde(flatten)]
    pub entry: Entry,
}

/// An unfinished line that a crash left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// File it was moved to, beside the ledger.
    pub moved_to: String,
    /// Its length in bytes.
    pub bytes: u64,
}
