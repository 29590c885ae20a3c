//! The result of a verify run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nba_db::fingerprint::{SnapshotInfo, TableName};
use nba_db::gentle::Account;
use nba_utils::Verdict;
use serde::{Deserialize, Serialize};

use crate::health::{BaselineRecord, CheckRecord, IdentityRecord};

/// Version of the JSON form.
pub const VERIFY_VERSION: u32 = 1;

/// A whole verify run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Version of this form.
    pub schema_version: u32,
    /// When the run began, UTC.
    pub timestamp: DateTime<Utc>,
    /// The proof value of the whole; decides the exit code. `fresh` and `carried` say what it rests on.
    pub verdict: Verdict,
    /// Tables that were looked at in this run.
    pub fresh: usize,
    /// Tables whose earlier proof was carried, because no write was counted since.
    pub carried: usize,
    /// The oldest proof that was carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_proof: Option<DateTime<Utc>>,
    /// Which database was expected and which was found.
    pub identity: IdentityRecord,
    /// The baseline compared with.
    pub baseline: BaselineRecord,
    /// Whether the baseline was approved, as far as the caller knows.
    pub approved: Verdict,
    /// The snapshot in which tables were looked at; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotInfo>,
    /// Duration of the run in milliseconds.
    pub elapsed_ms: u64,
    /// How the work was spread over time.
    pub account: Account,
    /// Every table of the baseline that was asked for.
    pub tables: BTreeMap<TableName, TableProof>,
}

/// What is known about one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableProof {
    /// Verdict, counts, message and differing rows, as in health.
    #[serde(flatten)]
    pub check: CheckRecord,
    /// Where the verdict comes from.
    pub proof: Proof,
}

/// Where a verdict comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The rows were read in this run.
    Fresh {
        /// The time of the snapshot, UTC.
        at: DateTime<Utc>,
    },
    /// The rows were read in an earlier run, and no write was counted since.
    Carried {
        /// The time of that run's snapshot, UTC.
        from: DateTime<Utc>,
        /// Writes committed before this would have been counted, UTC.
        unwritten_until: DateTime<Utc>,
    },
    /// Nothing was read.
    None,
}

impl VerifyReport {
    /// The process exit code: 0 proven, 1 refuted, 2 could not tell.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }
}
