//! What a run found out.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use nba_db::fingerprint::SnapshotInfo;
use nba_db::identity::TargetIdentity;
use nba_utils::Verdict;
use serde::Serialize;

use crate::rules::Criticality;

/// Version of the JSON form.
pub const REPORT_VERSION: u32 = 1;

/// The invariants that were looked at, in one snapshot of one database.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct InvariantReport {
    /// [`REPORT_VERSION`].
    pub schema_version: u32,
    /// When it was made, UTC.
    pub timestamp: DateTime<Utc>,
    /// Over all of them.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Which database answered.
    pub identity: Option<TargetIdentity>,
    /// The state of the database that was looked at.
    pub snapshot: Option<SnapshotInfo>,
    /// Milliseconds the run took.
    pub elapsed_ms: u64,
    /// Each invariant that was asked for, by id.
    pub invariants: BTreeMap<String, InvariantRecord>,
    /// Those of the book that need the data lake and were not asked for.
    pub left_out: Vec<String>,
}

impl InvariantReport {
    /// The process exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }

    /// Violations on record, and others.
    #[must_use]
    pub fn violations(&self) -> (u64, u64) {
        self.invariants
            .values()
            .fold((0, 0), |(known, new), record| {
                (known + record.known, new + record.new)
            })
    }
}

/// What came out about one invariant.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct InvariantRecord {
    /// The statement.
    pub title: String,
    /// How much a violation weighs.
    pub severity: Criticality,
    /// Whether it holds. Violations on record do not refute.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why it must hold.
    pub why: String,
    /// What to do about a row that violates it.
    pub remedy: Option<String>,
    /// Where that was learnt.
    pub source: Option<String>,
    /// What was counted.
    pub subjects: String,
    /// How many there are; absent when that could not be told.
    pub subject_count: Option<u64>,
    /// Violations that somebody put on record.
    pub known: u64,
    /// Violations that nobody put on record.
    pub new: u64,
    /// Some of them, those not on record first.
    pub violations: Vec<Violation>,
    /// Whether there are more than are listed.
    pub truncated: bool,
    /// The waiver that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaiverRecord>,
    /// Milliseconds it took.
    pub elapsed_ms: u64,
}

/// A row that violates an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// What names the row: columns and values, in the order of the SQL.
    pub key: Vec<(String, Option<String>)>,
    /// What is wrong with it, for a person.
    pub message: String,
    /// All its values.
    pub values: BTreeMap<String, Option<String>>,
    /// Whether it is on record.
    pub known: bool,
}

/// A waiver as a report tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaiverRecord {
    /// Who answers for it.
    pub owner: String,
    /// Why it was given.
    pub reason: String,
    /// Last day it counts.
    pub expires: NaiveDate,
    /// Rows it names.
    pub rows: usize,
    /// Why it does not count, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}
