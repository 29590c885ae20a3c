//! What a backup says about itself.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use nba_db::catalog::Catalog;
use nba_db::fingerprint::{TableFingerprint, TableSpec};
use nba_db::identity::TargetIdentity;
use nba_utils::atomic::{self, NewFile};
use nba_utils::{Digest, Verdict};
use serde::{Deserialize, Serialize};

use super::{BackupError, FileRecord};

/// Name of the manifest inside a backup's folder.
pub(super) const FILE: &str = "manifest.json";

/// Name of the folder with the archive inside a backup's folder.
pub(super) const DUMP: &str = "dump";

/// Name of the list of the lake's objects inside a backup's folder.
pub const LAKE_FILE: &str = "lake.parquet";

/// The form of the manifest; another one is refused, not guessed at.
const SCHEMA_VERSION: u32 = 1;

/// Everything about one backup; written last, read first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Form of this file.
    pub schema_version: u32,
    /// Name of the backup, which is its folder's.
    pub name: String,
    /// Program and version that made it.
    pub tool: String,
    /// First line of `pg_dump --version`.
    pub pg_dump: String,
    /// Which database it is of.
    pub identity: TargetIdentity,
    /// The server's clock when the snapshot was taken: the state the backup holds.
    pub taken_at: DateTime<Utc>,
    /// The transactions the snapshot sees, in `pg_current_snapshot()` form.
    pub transactions: String,
    /// `NotProven` names what could not be measured; such a part can never be proven restored.
    pub complete: Verdict,
    /// How long it took.
    pub elapsed: Elapsed,
    /// Sum of all files, in bytes.
    pub bytes: u64,
    /// Every file, by name.
    pub files: Vec<FileRecord>,
    /// What every table held in the snapshot, by name.
    pub tables: Vec<TableRecord>,
    /// All definitions in the snapshot.
    pub catalog: Catalog,
    /// Number of large objects, which belong to no table.
    pub large_objects: u64,
    /// Names of the server's roles: owners, grants and policies name them, and a dump does not create them.
    pub roles: Vec<String>,
    /// The list of the lake's objects that belongs to this state, where one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lake: Option<LakeRecord>,
}

/// A list of the lake's objects, kept beside the dump as [`LAKE_FILE`]: a dump holds none of them, and without their versions nobody can
/// say what belongs to it (monitoring dossier 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeRecord {
    /// The lake, as it describes itself.
    pub lake: String,
    /// When the listing began, UTC.
    pub taken_at: DateTime<Utc>,
    /// Objects.
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Objects whose version is known: only those can be brought back as they were.
    pub versioned: u64,
    /// Digest over all entries, as the list itself has it.
    pub digest: String,
}

/// How long making it took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elapsed {
    /// `pg_dump`.
    pub dump_ms: u64,
    /// The fingerprints, at the same time.
    pub fingerprints_ms: u64,
    /// Reading the files for their digests, afterwards.
    pub digests_ms: u64,
    /// All of it.
    pub total_ms: u64,
}

/// One table in the snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// How it was measured, and is measured again after a restore.
    pub spec: TableSpec,
    /// What it held.
    pub content: TableContent,
}

/// What a table held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableContent {
    /// Rows and digest.
    Measured(TableFingerprint),
    /// It could not be measured, for this reason.
    NotMeasured(String),
    /// Its rows live on another server: `pg_dump` saves the definition only.
    Foreign,
}

impl Manifest {
    pub(super) const VERSION: u32 = SCHEMA_VERSION;

    /// Rows of all measured tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables
            .iter()
            .filter_map(|table| match &table.content {
                TableContent::Measured(fingerprint) => Some(fingerprint.rows),
                _ => None,
            })
            .sum()
    }

    /// Writes it into the folder and gives back the digest of the file.
    pub(super) fn save(&self, folder: &Path) -> Result<Digest, BackupError> {
        let path = folder.join(FILE);
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| BackupError::Manifest {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        text.push(b'\n');
        atomic::create(&path, &text, NewFile::Private)?;
        Ok(Digest::of(&text))
    }

    /// Reads the manifest of a backup's folder, with the digest of the file.
    ///
    /// # Errors
    ///
    /// [`BackupError::Io`] when it cannot be read, [`BackupError::Manifest`] with line and column when it is not one.
    pub fn load(folder: &Path) -> Result<(Self, Digest), BackupError> {
        let path = folder.join(FILE);
        let text = fs::read(&path).map_err(BackupError::io("read", &path))?;
        let bad = |problem: String| BackupError::Manifest {
            path: path.clone(),
            problem,
        };
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if manifest.schema_version != SCHEMA_VERSION {
            return Err(bad(format!(
                "it has form {}, this version reads form {SCHEMA_VERSION}",
                manifest.schema_version
            )));
        }
        if folder.file_name().and_then(|name| name.to_str()) != Some(manifest.name.as_str()) {
            return Err(bad(format!(
                "it belongs to the backup `{}`, not to this folder",
                manifest.name
            )));
        }
        Ok((manifest, Digest::of(&text)))
    }
}
