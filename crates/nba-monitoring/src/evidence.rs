//! Evidence as it is shown: on the page of `nba serve`, in the terminal, in the weekly report. The ledger and the history of jobs belong
//! to other crates; who shows them hands them in.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// One record of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceRow {
    /// When.
    pub at: DateTime<Utc>,
    /// What was done.
    pub subject: String,
    /// What came out: `proven`, `refuted`, `not_proven`, `not_applicable`.
    pub verdict: String,
    /// Reasons and figures in one line.
    pub detail: String,
    /// The digest of the record before, which the record carries.
    pub digest: String,
}

/// Evidence about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// What it is about.
    pub title: String,
    /// What is said in place of records, or before them.
    pub summary: String,
    /// Records, newest first.
    pub records: Vec<EvidenceRow>,
}
