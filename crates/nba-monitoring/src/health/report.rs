//! The result of a health run, in a form that tools written for the legacy dashboard can read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nba_db::fingerprint::{SnapshotInfo, TableName};
use nba_utils::{Digest, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rules::{Criticality, TableRule};
use nba_db::identity::TargetIdentity;

/// Version of the JSON form.
pub const REPORT_VERSION: u32 = 1;

/// The status words of a check in the legacy dashboard (monitoring dossier 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Proven.
    Ok,
    /// Has no meaning for this target; unlike in the legacy dashboard it is not a degraded check.
    Skip,
    /// Refuted, of lesser weight.
    Warning,
    /// Could not be told.
    Error,
    /// Refuted, of full weight.
    Critical,
}

impl Status {
    /// The status of a verdict when its breach has this weight.
    #[must_use]
    pub fn of(verdict: &Verdict, criticality: Criticality) -> Self {
        match (verdict, criticality) {
            (Verdict::Proven, _) => Self::Ok,
            (Verdict::Refuted { .. }, Criticality::Critical) => Self::Critical,
            (Verdict::Refuted { .. }, Criticality::Warning) => Self::Warning,
            (Verdict::NotProven { .. }, _) => Self::Error,
            (Verdict::NotApplicable { .. }, _) => Self::Skip,
        }
    }

    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skip => "skip",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// The overall status words of the legacy dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// Everything that applies is proven.
    Healthy,
    /// Something of lesser weight is refuted.
    Warning,
    /// One check of full weight is refuted; one is enough (monitoring dossier 7.1 rule 9).
    Critical,
    /// Something could not be told.
    Error,
}

impl Overall {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Error => "error",
        }
    }
}

/// A whole health run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// Version of this form.
    pub schema_version: u32,
    /// When the run began, UTC with zone.
    pub timestamp: DateTime<Utc>,
    /// Number of the run in a continuous series, from 1.
    pub check_number: u64,
    /// Legacy word for the whole.
    pub overall_status: Overall,
    /// Names of checks that are refuted or could not be told.
    pub degraded_checks: Vec<String>,
    /// The proof value of the whole; decides the exit code.
    pub verdict: Verdict,
    /// Which database was expected and which was found.
    pub identity: IdentityRecord,
    /// The baseline compared with.
    pub baseline: BaselineRecord,
    /// The snapshot everything was read in; absent when it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotInfo>,
    /// Duration of the run in milliseconds.
    pub elapsed_ms: u64,
    /// Every check by name: the eight legacy names, `identity`, `read_only_sessions`, `baseline_rows`, `baseline_complete`, `catalogue`, `schema`, `views`, `natural_key:public.games` and one
    /// `table:<schema>.<table>` per table.
    pub checks: BTreeMap<String, CheckRecord>,
}

/// Identity of expected and actual target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityRecord {
    /// The target of the baseline.
    pub expected: TargetIdentity,
    /// The target that answered; absent when none did.
    pub actual: Option<TargetIdentity>,
    /// Whether they are the same.
    pub verdict: Verdict,
}

/// The baseline a report refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineRecord {
    /// Its name.
    pub name: String,
    /// When it was taken, UTC.
    pub captured_at: DateTime<Utc>,
    /// BLAKE3 of its main file.
    pub digest: Option<Digest>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckRecord {
    /// Legacy word.
    pub status: Status,
    /// Proof value with reasons.
    pub verdict: Verdict,
    /// What should be; a row count for tables.
    pub expected: Value,
    /// What is.
    pub actual: Value,
    /// One line for people.
    pub message: String,
    /// The table's rule, for checks of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<TableRule>,
    /// The rows that differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differences: Option<Differences>,
    /// Further legacy keys, such as `box_score_snapshots_7d`.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl CheckRecord {
    /// A check without rows.
    pub(crate) fn new(
        verdict: Verdict,
        criticality: Criticality,
        expected: Value,
        actual: Value,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::of(&verdict, criticality),
            verdict,
            expected,
            actual,
            message: message.into(),
            rule: None,
            differences: None,
            extra: BTreeMap::new(),
        }
    }
}

/// How the rows of a table differ from the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Differences {
    /// Rows of the baseline that are gone.
    pub missing: u64,
    /// Rows that are new.
    pub added: u64,
    /// Rows whose key is still there with other content.
    pub changed: u64,
    /// Rows that are there more often than in the baseline.
    pub duplicated: u64,
    /// Set when not every difference was looked at: the numbers above are then lower bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// The first of each kind.
    pub rows: Vec<RowDifference>,
}

/// How one row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// In the baseline only.
    Missing,
    /// In the database only.
    Added,
    /// Other content under the same key.
    Changed,
    /// There more often than before.
    Duplicated,
}

impl DifferenceKind {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Duplicated => "duplicated",
        }
    }
}

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowDifference {
    /// How.
    pub kind: DifferenceKind,
    /// Key columns and their text forms; empty in a table without key.
    pub key: BTreeMap<String, Option<String>>,
    /// For a changed row the columns that differ, where the baseline kept values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnDifference>,
    /// The row as the baseline has it, where values were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<BTreeMap<String, Option<String>>>,
    /// The row as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<BTreeMap<String, Option<String>>>,
    /// What limits this entry, such as values that were not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One value that differs, in PostgreSQL's text form; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDifference {
    /// Column name.
    pub column: String,
    /// In the baseline.
    pub expected: Option<String>,
    /// Now.
    pub actual: Option<String>,
}

impl HealthReport {
    /// The process exit code: 0 healthy, 1 degraded, 2 could not tell.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }

    /// The check of one table.
    #[must_use]
    pub fn table(&self, table: &TableName) -> Option<&CheckRecord> {
        self.checks.get(&table_check(table))
    }
}

/// `PostgreSQL 15.14`, without the build.
pub(crate) fn short_version(identity: &TargetIdentity) -> String {
    let words: Vec<&str> = identity.version.split_whitespace().take(2).collect();
    words.join(" ")
}

/// Name of a table's check.
pub(crate) fn table_check(table: &TableName) -> String {
    format!("table:{table}")
}
