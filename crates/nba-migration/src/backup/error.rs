//! Why a backup could not be made, read or checked.

use std::path::{Path, PathBuf};

use nba_db::DbError;
use nba_db::embedded::EmbeddedError;
use nba_db::fingerprint::FingerprintError;
use nba_etl::runner::RunError;
use nba_utils::Hint;
use nba_utils::atomic::FileError;
use nba_utils::format::bytes;

/// A failure of the backup commands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file operation failed.
    #[error("could not {operation} `{}`", path.display())]
    Io {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file could not be written atomically.
    #[error("could not keep the manifest")]
    File(#[from] FileError),
    /// Not enough room on the disk.
    #[error(
        "`{}` has {} free and {} are needed for {what}",
        path.display(), bytes(*free), bytes(*needed)
    )]
    Space {
        /// The folder that was looked at.
        path: PathBuf,
        /// Bytes free for us.
        free: u64,
        /// Bytes needed.
        needed: u64,
        /// For what.
        what: &'static str,
    },
    /// A program of PostgreSQL is missing or unfit.
    #[error("`{program}` cannot be used: {problem}")]
    Tool {
        /// Its name.
        program: String,
        /// What is wrong.
        problem: String,
    },
    /// A program could not be run.
    #[error("could not run `{program}`")]
    Run {
        /// Its name.
        program: String,
        /// Why.
        source: RunError,
    },
    /// A program failed.
    #[error("`{program}` failed with {ending}: {message}")]
    Failed {
        /// Its name.
        program: String,
        /// How it ended.
        ending: String,
        /// The last lines it said.
        message: String,
    },
    /// The database refused something.
    #[error("the database could not be asked")]
    Database(#[source] Box<DbError>),
    /// The fingerprints could not be started.
    #[error("the tables could not be measured")]
    Fingerprint(#[source] Box<FingerprintError>),
    /// The scratch server failed.
    #[error("the scratch server could not be used")]
    Scratch(#[source] Box<EmbeddedError>),
    /// No such backup.
    #[error("there is no backup `{name}` in `{}`", folder.display())]
    Unknown {
        /// The name asked for.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A name that could leave the folder or be taken for something else.
    #[error("`{name}` cannot name a backup: {problem}")]
    BadName {
        /// The name.
        name: String,
        /// Why not.
        problem: &'static str,
    },
    /// A manifest that cannot be read.
    #[error("the manifest `{}` cannot be read: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Line and cause.
        problem: String,
    },
    /// Another run is making a backup in the same folder.
    #[error("another backup is being made in `{}`", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A restore never goes over a database that is there.
    #[error("the database `{name}` exists already")]
    DatabaseExists {
        /// Its name.
        name: String,
    },
    /// A task of ours ended early.
    #[error("a part of the work stopped unexpectedly")]
    Stopped(#[from] tokio::task::JoinError),
}

impl BackupError {
    pub(crate) fn io(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }
}

impl From<DbError> for BackupError {
    fn from(error: DbError) -> Self {
        Self::Database(Box::new(error))
    }
}

impl From<FingerprintError> for BackupError {
    fn from(error: FingerprintError) -> Self {
        Self::Fingerprint(Box::new(error))
    }
}

impl From<EmbeddedError> for BackupError {
    fn from(error: EmbeddedError) -> Self {
        Self::Scratch(Box::new(error))
    }
}

impl Hint for BackupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Space { .. } => {
                Some("free some space, or name another folder with `--folder`".to_owned())
            }
            Self::Tool { .. } => Some(
                "install PostgreSQL's client programs of the server's version or newer, or name their folder in NBA_PG_BIN"
                    .to_owned(),
            ),
            Self::Unknown { .. } => Some("`nba backup list` names them".to_owned()),
            Self::DatabaseExists { .. } => Some(
                "name another one: a restore never goes over live tables".to_owned(),
            ),
            Self::Busy { .. } => Some("wait for it to end".to_owned()),
            Self::Failed { message, .. } if message.contains("permission denied") => Some(
                "a backup needs the right to read every table and sequence: use a role that has it"
                    .to_owned(),
            ),
            Self::Failed { message, .. } if message.contains("canceling statement due to lock timeout") => {
                Some("something holds a lock on a table for long; try again when it has ended".to_owned())
            }
            Self::Database(error) => error.hint(),
            Self::Scratch(error) => error.hint(),
            Self::Run { source, .. } => source.hint(),
            Self::File(error) => error.hint(),
            _ => None,
        }
    }
}
