//! An append-only file of what was found out, when, by which program, about which database.
//!
//! `ledger.jsonl` has one record per line: the BLAKE3 of the entry, and the entry with the hash of the record before it. An
//! edited, deleted, inserted, repeated or reordered record breaks the chain. `ledger.head` holds number and hash of the
//! newest record, so records cut off the end are missed too; whoever can rewrite both files can still shorten the ledger, so
//! keep a printed head hash elsewhere and hand it to [`Ledger::verify_against`].
//!
//! Appending is safe between processes (a lock file) and against crashes: a record counts once its line is on the disk; a
//! line that was never finished is set aside and the next record says so.

mod approval;
mod entry;
mod file;
mod signature;
#[cfg(test)]
mod tests;
mod verify;

use std::path::PathBuf;

use nba_utils::atomic::FileError;
use nba_utils::{Digest, Hint};

pub use self::entry::{Artefact, Entry, Record, Recovery};
pub use self::file::{Head, Ledger, Receipt};
pub use self::signature::{SignatureCheck, SigningKey};
pub use self::verify::{Finding, FindingKind, Verification};

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A file operation failed.
    #[error("could not {operation} `{}`", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The head file could not be replaced.
    #[error("could not note the newest record")]
    Head(#[from] FileError),
    /// An entry has no JSON form.
    #[error("could not write the entry as JSON")]
    Json(#[from] serde_json::Error),
    /// A key cannot be used.
    #[error("the key `{}` cannot be used: {what}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The end of the ledger is not what the head says; nothing may be added to damaged evidence.
    #[error("the end of `{}` is damaged: {what}", path.display())]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
}

impl Hint for LedgerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } => Some(
                "look at it with `nba ledger verify`; keep a copy before doing anything else"
                    .to_owned(),
            ),
            Self::Key { .. } => Some("make one with `nba ledger sign --new-key FILE`".to_owned()),
            Self::Head(error) => error.hint(),
            _ => None,
        }
    }
}

/// What the first record follows: no record hashes to this.
fn genesis() -> Digest {
    Digest::of(b"nba ledger, version 1")
}
