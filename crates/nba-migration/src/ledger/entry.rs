//! What one record says.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nba_db::identity::{Brief, TargetIdentity};
use nba_monitoring::baseline::{Baseline, Review};
use nba_monitoring::health::HealthReport;
use nba_monitoring::verify::VerifyReport;
use nba_utils::{Digest, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Subject of the record of a capture.
pub(super) const CAPTURE: &str = "baseline capture";
/// Subject of the record of an approval.
pub(super) const APPROVE: &str = "baseline approve";
/// Figure: whether a captured baseline is in effect.
const STANDING: &str = "standing";
/// Figure: BLAKE3 of a baseline's main file.
const BASELINE_DIGEST: &str = "baseline_digest";

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
        let entry = Self::new(CAPTURE, baseline.complete.clone())
            .about(&baseline.identity)
            .figure("baseline", baseline.name.as_str())
            .figure("tables", baseline.tables.len())
            .figure("rows", baseline.total_rows())
            .figure("captured_at", json!(baseline.captured_at()))
            .figure(STANDING, baseline.standing().as_str())
            .figure("taken_by", baseline.taken_by.as_str());
        let entry = match baseline.digest() {
            Some(digest) => entry.figure(BASELINE_DIGEST, digest.to_string()),
            None => entry,
        };
        match (baseline.folder(), baseline.digest()) {
            (Some(folder), Some(digest)) => {
                entry.artefact(folder.join("baseline.json").display().to_string(), digest)
            }
            _ => entry,
        }
    }

    /// The record of a baseline that takes the place of another: who answers for it, why, and what it changes.
    #[must_use]
    pub fn approval(review: &Review, by: &str, reason: &str, run: &str) -> Self {
        let changes: Vec<String> = review
            .changes
            .iter()
            .map(|change| format!("{}: {}", change.table, change.message))
            .collect();
        let entry = Self::new(APPROVE, review.complete.clone())
            .figure("baseline", review.name.as_str())
            .figure("by", by)
            .figure("reason", reason)
            .figure("run", run)
            .figure("taken_by", review.taken_by.as_str())
            .figure("changes", json!(changes))
            .figure("replaces", json!(review.replaces));
        match review.candidate {
            Some(digest) => entry.figure(BASELINE_DIGEST, digest.to_string()),
            None => entry,
        }
    }

    /// The record of a verify run; says what was read and what was carried.
    #[must_use]
    pub fn verify(report: &VerifyReport) -> Self {
        let mut entry = Self::new("verify", report.verdict.clone())
            .figure("baseline", report.baseline.name.as_str())
            .figure("tables", report.tables.len())
            .figure("fresh", report.fresh)
            .figure("carried", report.carried);
        if let Some(oldest) = report.oldest_proof {
            entry = entry.figure("oldest_proof", json!(oldest));
        }
        if let Some(digest) = report.baseline.digest {
            entry = entry.figure(BASELINE_DIGEST, digest.to_string());
        }
        match &report.identity.actual {
            Some(actual) => entry.about(actual),
            None => entry,
        }
    }

    /// Whether it puts the baseline with this digest in effect: an approval, or the first capture of its name.
    pub(super) fn puts_in_effect(&self, digest: &str) -> bool {
        let says =
            |name: &str, value: &str| self.figures.get(name).and_then(Value::as_str) == Some(value);
        let about = says(BASELINE_DIGEST, digest)
            || self
                .artefacts
                .iter()
                .any(|artefact| artefact.blake3.to_string() == digest);
        let effective = match self.subject.as_str() {
            APPROVE => true,
            // Before there were candidates, every capture was in effect.
            CAPTURE => !self.figures.contains_key(STANDING) || says(STANDING, "effective"),
            _ => false,
        };
        about && effective
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
            entry = entry.figure(BASELINE_DIGEST, digest.to_string());
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
