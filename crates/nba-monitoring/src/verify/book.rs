//! What was proven when, kept between runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use nba_db::fingerprint::TableName;
use nba_db::identity::TargetIdentity;
use nba_db::quiet::{ServerMarks, TableMarks};
use nba_utils::Digest;
use nba_utils::atomic::{self, FileError, NewFile};
use serde::{Deserialize, Serialize};

use crate::health::CheckRecord;

/// Version of the file's form; a file of another form is not read.
const FORMAT: u32 = 1;

/// The proofs about one baseline of one database.
///
/// It only makes quick runs quick. A file that is missing, damaged, of another baseline or of another database counts as empty, and
/// everything is proven anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProofBook {
    format: u32,
    /// BLAKE3 of the baseline's main file.
    baseline: Digest,
    /// The database, by what tells it from others.
    system_identifier: Option<String>,
    database_oid: u32,
    /// The role, whose rights decide what it sees.
    role: String,
    /// When the last run began.
    pub(super) last_run: Option<DateTime<Utc>>,
    /// Bytes that quick runs may still read for the scrub.
    pub(super) credit: u64,
    pub(super) proofs: BTreeMap<TableName, KeptProof>,
}

/// A proof as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptProof {
    /// The time of its snapshot.
    pub(super) at: DateTime<Utc>,
    /// The server and the table's counters, read before that snapshot.
    pub(super) server: ServerMarks,
    pub(super) marks: TableMarks,
    /// What was found.
    pub(super) check: CheckRecord,
}

/// The book could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not keep the proofs for quick runs")]
pub struct BookError(#[from] FileError);

/// What the file holds: the text the digest is of, and the digest.
#[derive(Serialize, Deserialize)]
struct File {
    blake3: Digest,
    book: String,
}

impl ProofBook {
    /// An empty book.
    #[must_use]
    pub fn new(baseline: Digest, target: &TargetIdentity) -> Self {
        Self {
            format: FORMAT,
            baseline,
            system_identifier: target.brief.system_identifier.clone(),
            database_oid: target.brief.database_oid,
            role: target.brief.role.clone(),
            last_run: None,
            credit: 0,
            proofs: BTreeMap::new(),
        }
    }

    /// The book in a file, or an empty one where that is of something else.
    #[must_use]
    pub fn load(path: &Path, baseline: Digest, target: &TargetIdentity) -> Self {
        let empty = Self::new(baseline, target);
        match Self::read(path) {
            Some(found) if found.is_about(&empty) => found,
            _ => empty,
        }
    }

    fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read(path).ok()?;
        let file: File = serde_json::from_slice(&text).ok()?;
        if Digest::of(file.book.as_bytes()) != file.blake3 {
            return None;
        }
        serde_json::from_str(&file.book).ok()
    }

    fn is_about(&self, other: &Self) -> bool {
        // Without a system identifier two servers cannot be told apart.
        self.system_identifier.is_some()
            && (
                self.format,
                self.baseline,
                &self.system_identifier,
                self.database_oid,
                &self.role,
            ) == (
                other.format,
                other.baseline,
                &other.system_identifier,
                other.database_oid,
                &other.role,
            )
    }

    /// Replaces the file.
    ///
    /// # Errors
    ///
    /// [`BookError`] when it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), BookError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).ok();
        }
        let book = serde_json::to_string(self).unwrap_or_default();
        let file = File {
            blake3: Digest::of(book.as_bytes()),
            book,
        };
        let text = serde_json::to_vec(&file).unwrap_or_default();
        Ok(atomic::replace(path, &text, NewFile::Private)?)
    }

    /// The file for a baseline of this name, in the project's state folder.
    #[must_use]
    pub fn path(state: &Path, baseline: &str) -> PathBuf {
        state.join("proofs").join(format!("{baseline}.json"))
    }
}
