//! Finished tables on disk, so that a measurement that was killed goes on where it stopped.
//!
//! A snapshot does not survive the process that took it. What was measured in an earlier one may stand beside what is measured in a
//! later one only if the table was not written in between, which its write counters tell ([`quiet`](crate::quiet)); then the
//! result is used and says in which snapshot it was measured. In any doubt the table is measured again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use nba_utils::Digest;
use nba_utils::atomic::{self, FileError, NewFile};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{SnapshotInfo, TableName};
use crate::quiet::{Quiet, ServerMarks, TableMarks, Tick};

/// Where a result of an earlier run comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The earlier snapshot.
    pub snapshot: SnapshotInfo,
    /// No write that was committed before this was counted since, UTC.
    pub unwritten_until: DateTime<Utc>,
}

/// A result that is still good, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<T> {
    /// The result.
    pub value: T,
    /// The earlier snapshot.
    pub carried: Carried,
}

/// The folder of finished tables of one measurement.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    /// What is measured, how, and of which database: results under another key are not looked at.
    key: String,
    tick: Tick,
}

#[derive(Serialize, Deserialize)]
struct File<T> {
    key: String,
    table: TableName,
    snapshot: SnapshotInfo,
    server: ServerMarks,
    marks: TableMarks,
    value: T,
}

/// The digest of the text after it: a file that a crash of the machine left half-written is no result.
const DIGEST_LENGTH: usize = 64;

impl Checkpoint {
    /// Opens the folder, which is made if it is not there. `tick` must have been read before the snapshot of this run.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn open(
        folder: impl Into<PathBuf>,
        key: impl Into<String>,
        tick: Tick,
    ) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            key: key.into(),
            tick,
        })
    }

    /// The result for a table, if an earlier run kept one and nothing was written to the table since.
    #[must_use]
    pub fn kept<T: DeserializeOwned>(&self, table: &TableName) -> Option<Kept<T>> {
        let text = fs::read_to_string(self.path(table)).ok()?;
        let (digest, json) = text.split_at_checked(DIGEST_LENGTH)?;
        if Digest::of(json.as_bytes()).to_string() != digest {
            return None;
        }
        let file: File<T> = serde_json::from_str(json).ok()?;
        if file.key != self.key || file.table != *table {
            return None;
        }
        let quiet = self.tick.unwritten(table, &file.server, &file.marks);
        let unwritten_until = self.tick.counted_until?.max(file.snapshot.taken_at);
        (quiet == Quiet::Unwritten).then_some(Kept {
            value: file.value,
            carried: Carried {
                snapshot: file.snapshot,
                unwritten_until,
            },
        })
    }

    /// Keeps a result measured in `snapshot`. A table that the counters say nothing about is not kept.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn keep<T: Serialize>(
        &self,
        table: &TableName,
        snapshot: &SnapshotInfo,
        value: &T,
    ) -> Result<(), FileError> {
        let Some(marks) = self.tick.tables.get(table) else {
            return Ok(());
        };
        let file = File {
            key: self.key.clone(),
            table: table.clone(),
            snapshot: snapshot.clone(),
            server: self.tick.server.clone(),
            marks: marks.clone(),
            value,
        };
        // What has no JSON form is measured again.
        let Ok(json) = serde_json::to_string(&file) else {
            return Ok(());
        };
        let text = format!("{}{json}", Digest::of(json.as_bytes()));
        atomic::replace(&self.path(table), text.as_bytes(), NewFile::Private)
    }

    /// Removes what was kept, once the whole result is safe.
    pub fn clear(self) {
        // A left-over is in nobody's way: it is looked at with its key and its counters.
        fs::remove_dir_all(&self.folder).ok();
    }

    /// Whether the folder of an earlier run holds any result.
    #[must_use]
    pub fn holds_any(folder: &Path) -> bool {
        fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
    }

    fn path(&self, table: &TableName) -> PathBuf {
        let name = Digest::of(table.to_string().as_bytes()).to_string();
        self.folder.join(format!("{}.json", &name[..32]))
    }
}
