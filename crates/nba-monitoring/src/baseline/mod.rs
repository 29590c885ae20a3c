//! What the platform held at one moment, kept as evidence.
//!
//! [`capture`](capture()) takes the identity of the target first, then looks at every table in one snapshot: fingerprint, key and row
//! hashes, and for small tables the values. A baseline is a folder:
//!
//! ```text
//! .nba/baselines/<name>/baseline.json
//! .nba/baselines/<name>/rows/<schema>.<table>.parquet
//! ```
//!
//! It appears under its name only when it is complete, is never overwritten, and is checked against its digests when loaded.
//!
//! The first of a name is in effect at once. A later one is a *candidate* beside it, and takes its place only by
//! [`promote`] after a [`review`], which whoever calls it puts on record with a reason (monitoring dossier 7.1 rule 10, F24, F25).
//! What was in effect before is kept.
//!
//! Tables that are finished are kept while the others are measured: a capture that was killed goes on when it is started again.
//! What it then takes from the earlier snapshot was not written since, as the write counters say, and names that snapshot
//! ([`TableBaseline::carried`]).

mod approval;
mod capture;
mod row_file;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
pub use nba_db::fingerprint::Measurement;
use nba_db::fingerprint::{
    Carried, FingerprintError, RowDigest, SnapshotInfo, TableFingerprint, TableName, TableSpec,
};
use nba_utils::atomic::FileError;
use nba_utils::{Digest, Hint, Verdict};
use serde::{Deserialize, Serialize};

pub use self::approval::{Approval, Review, TableChange, promote, review, review_in_effect};
pub use self::capture::{CaptureOptions, RowsKept, capture};
pub use self::row_file::RowFileError;
pub use self::store::{BaselineName, Standing, discard, list, unfinished};

use crate::SchemaFacts;
use crate::activity::Activity;
use crate::games::TwinGames;
use crate::rules::TableRule;
use nba_db::identity::TargetIdentity;

/// Version of the file format.
pub const SCHEMA_VERSION: u32 = 2;

/// The state of a database at one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Baseline {
    /// Version of the file format.
    pub schema_version: u32,
    /// Name it is kept under.
    pub name: String,
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// The run that took it, to be told apart from who approves it; empty in older files.
    #[serde(default)]
    pub taken_by: String,
    /// Which database it is about.
    pub identity: TargetIdentity,
    /// When, and what transactions it sees.
    pub snapshot: SnapshotInfo,
    /// `Proven` when every table and everything beside the tables could be measured.
    pub complete: Verdict,
    /// Every table found, by name.
    pub tables: BTreeMap<TableName, TableBaseline>,
    /// Views and materialised views with a digest of their definition.
    pub views: Measurement<BTreeMap<TableName, String>>,
    /// Per table what belongs to it (column details, constraints, indexes, triggers) with a digest of its definition; and sequences.
    pub schema: Measurement<SchemaFacts>,
    /// Games that were there twice already; `None` where `games` has another shape.
    pub twin_games: Measurement<Option<Vec<TwinGames>>>,
    /// When the activity tables were last written.
    pub activity: Measurement<Activity>,
    /// The folder it was loaded from or saved to; not part of the evidence.
    #[serde(skip)]
    folder: Option<PathBuf>,
    /// BLAKE3 of `baseline.json`; not part of the evidence.
    #[serde(skip)]
    digest: Option<Digest>,
}

/// What one table held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableBaseline {
    /// Columns, key and buckets it was measured with.
    #[serde(flatten)]
    pub spec: TableSpec,
    /// What may happen to it.
    #[serde(flatten)]
    pub rule: TableRule,
    /// The content, or why it is unknown.
    pub content: Content,
    /// Size on disk in bytes, without indexes.
    pub bytes: u64,
    /// Row-level evidence, where it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowFile>,
    /// Set when it was measured in the snapshot of an earlier, interrupted run and not written since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
}

/// A measurement that may have failed; a failure is never a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// What the table held.
    Fingerprint(TableFingerprint),
    /// Why it could not be measured.
    NotMeasured(String),
}

impl Content {
    /// The fingerprint, if there is one.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&TableFingerprint> {
        match self {
            Self::Fingerprint(fingerprint) => Some(fingerprint),
            Self::NotMeasured(_) => None,
        }
    }
}

/// What was found, or the sentence that says it was not.
pub(crate) fn known<T>(measurement: &Measurement<T>) -> Result<&T, String> {
    measurement
        .as_result()
        .map_err(|reason| format!("not measured when the baseline was taken: {reason}"))
}

/// A file with the rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFile {
    /// Path relative to the baseline's folder.
    pub path: String,
    /// Number of rows in it.
    pub rows: u64,
    /// Whether values are kept beside key and hash.
    pub values: bool,
    /// BLAKE3 of the file.
    pub blake3: Digest,
}

impl Baseline {
    /// Loads a baseline and checks that it is whole.
    ///
    /// The row files are checked when they are read, and by [`RowEvidence::verify`].
    ///
    /// # Errors
    ///
    /// [`BaselineError`] when it does not exist, cannot be read, or was damaged.
    pub fn load(baselines: &Path, name: &BaselineName) -> Result<Self, BaselineError> {
        store::load(baselines, name)
    }

    /// Loads the candidate that waits beside a baseline.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_candidate(baselines: &Path, name: &BaselineName) -> Result<Self, BaselineError> {
        store::load_candidate(baselines, name)
    }

    /// Whether it is in effect or waits to be approved.
    #[must_use]
    pub fn standing(&self) -> Standing {
        store::standing(self.folder())
    }

    /// When the snapshot was taken, UTC.
    #[must_use]
    pub fn captured_at(&self) -> DateTime<Utc> {
        self.snapshot.taken_at
    }

    /// BLAKE3 of `baseline.json`: what a ledger entry or a report names this baseline by; `None` before it is kept.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The folder it lies in.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The total of rows over all measured tables.
    #[must_use]
    pub fn total_rows(&self) -> u64 {
        self.tables
            .values()
            .filter_map(|table| table.content.fingerprint())
            .map(|fingerprint| fingerprint.rows)
            .sum()
    }

    /// The kept rows of a table; `None` where no rows were kept.
    #[must_use]
    pub fn rows(&self, table: &TableName) -> Option<RowEvidence> {
        let file = self.tables.get(table)?.rows.as_ref()?;
        Some(RowEvidence {
            path: self.folder.as_ref()?.join(&file.path),
            blake3: file.blake3,
        })
    }
}

/// The rows of one table, on disk.
#[derive(Debug, Clone)]
pub struct RowEvidence {
    path: PathBuf,
    blake3: Digest,
}

impl RowEvidence {
    /// Reads the rows in the buckets that `wanted` accepts. Blocks on the disk: call it off the async threads.
    ///
    /// # Errors
    ///
    /// [`BaselineError`] when the file is missing, damaged or not the one the baseline was taken with.
    pub fn read(&self, wanted: impl Fn(u32) -> bool) -> Result<Vec<RowDigest>, BaselineError> {
        self.verify()?;
        Ok(row_file::read_rows(&self.path, wanted)?)
    }

    /// The hashes of the rows in the buckets that `wanted` accepts, 8 bytes each, in no order. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn hashes(&self, wanted: impl Fn(u32) -> bool) -> Result<Vec<i64>, BaselineError> {
        self.verify()?;
        Ok(row_file::read_hashes(&self.path, wanted)?)
    }

    /// The rows whose hash `wanted` accepts. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`BaselineError`] when the file cannot be read; it was checked when the hashes were read.
    pub fn of_hashes(&self, wanted: impl Fn(i64) -> bool) -> Result<Vec<RowDigest>, BaselineError> {
        Ok(row_file::read_matching(&self.path, wanted)?)
    }

    /// Checks that the file is the one the baseline was taken with. Blocks on the disk, as reading does.
    ///
    /// # Errors
    ///
    /// [`BaselineError`] when the file is missing or damaged.
    pub fn verify(&self) -> Result<(), BaselineError> {
        store::check_digest(&self.path, self.blake3)
    }
}

/// Why a baseline could not be taken, kept or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The name cannot be a folder name.
    #[error(
        "`{0}` is no baseline name: use letters, digits, `-`, `_` and `.`, not starting with `.`"
    )]
    Name(String),
    /// A candidate of this name waits already.
    #[error("a candidate for the baseline `{name}` waits already in `{}`", folder.display())]
    Exists {
        /// Its name.
        name: String,
        /// Where it lies.
        folder: PathBuf,
    },
    /// Another process is taking it.
    #[error("the baseline `{name}` is being taken by another run")]
    Busy {
        /// Its name.
        name: String,
    },
    /// Nothing waits to be approved, or to be discarded.
    #[error("no candidate for the baseline `{name}` waits in `{}`", folder.display())]
    NoCandidate {
        /// Its name.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The candidate cannot take the place of the baseline.
    #[error("the candidate for the baseline `{name}` cannot be approved: {reason}")]
    NotApprovable {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// No baseline of this name.
    #[error("there is no baseline `{name}` in `{}`", folder.display())]
    Missing {
        /// The name asked for.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file of the baseline is not what was written.
    #[error("`{}` was changed or damaged since the baseline was taken: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Written by a newer program.
    #[error("`{}` has format version {found}, this program reads {SCHEMA_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A file operation failed.
    #[error("could not {operation} `{}`", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The main file could not be written.
    #[error("could not write the baseline")]
    File(#[from] FileError),
    /// Row-level evidence could not be written or read.
    #[error("could not keep row-level evidence")]
    Rows(#[from] RowFileError),
    /// The database could not be asked.
    #[error("could not take a baseline of the database")]
    Database(#[from] FingerprintError),
    /// No connection could be had.
    #[error("could not connect to take a baseline")]
    Connect(#[from] Box<nba_db::DbError>),
    /// The stored form could not be produced.
    #[error("could not write the baseline as JSON")]
    Json(#[source] serde_json::Error),
}

impl Hint for BaselineError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { name, .. } => Some(format!(
                "a baseline is evidence and is not overwritten: look at it with `nba baseline approve {name} --review`, then approve or discard it"
            )),
            Self::Busy { .. } => Some("wait for it, or choose another --name".to_owned()),
            Self::NoCandidate { name, .. } => Some(format!(
                "take one with `nba baseline capture --name {name}`; the first of a name is in effect at once"
            )),
            Self::NotApprovable { .. } => Some("take a baseline under another --name".to_owned()),
            Self::Missing { .. } => Some(
                "take one with `nba baseline capture`; if an approval was interrupted, repeat it".to_owned(),
            ),
            Self::Damaged { .. } => {
                Some("do not trust it: take a new baseline, and find out from the ledger who changed this one".to_owned())
            }
            Self::Connect(error) => error.hint(),
            Self::Version { .. } => Some("use the program version that wrote it, or a newer one".to_owned()),
            _ => None,
        }
    }
}
