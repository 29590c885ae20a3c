//! What can go wrong with an embedded server, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

/// A failure of the embedded server.
///
/// # Example
///
/// ```
/// use nba_db::embedded::{EmbeddedErrorKind, PgBinaries, Search};
///
/// let nowhere = Search { explicit: None, places: vec![] };
/// let error = PgBinaries::find(&nowhere).unwrap_err();
/// assert_eq!(error.kind(), EmbeddedErrorKind::BinariesNotFound);
/// assert!(error.hint().unwrap().contains("install"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No usable PostgreSQL server programs on this machine.
    #[error("no PostgreSQL server programs found; looked at {}", looked_at.join(", "))]
    BinariesNotFound {
        /// Every place that was tried, in order.
        looked_at: Vec<String>,
    },
    /// The folder named by the caller holds no usable server programs.
    #[error("`{}` is no folder with PostgreSQL server programs: {problem}", folder.display())]
    BadBinaries {
        /// The folder.
        folder: PathBuf,
        /// What is missing or wrong.
        problem: String,
    },
    /// PostgreSQL refuses to run as root, and neither way around it works here.
    #[error(
        "PostgreSQL does not run as root, and both ways around it failed: user namespace: {namespace}; dropping privileges: {drop}"
    )]
    RootRefused {
        /// Why a user namespace could not be used.
        namespace: String,
        /// Why privileges could not be dropped.
        drop: String,
    },
    /// A program could not be started or failed.
    #[error("`{program}` failed ({status}): {output}")]
    Program {
        /// Name of the program.
        program: String,
        /// Exit status, or why it did not start.
        status: String,
        /// Last lines of what it said.
        output: String,
    },
    /// The server stopped or did not become ready.
    #[error("the server in `{}` {problem}; last log lines: {log}", data.display())]
    NotReady {
        /// Data folder.
        data: PathBuf,
        /// What happened, with the time waited.
        problem: String,
        /// Last lines of the server's log.
        log: String,
    },
    /// The server did not stop in time.
    #[error("the server in `{}` did not stop within {seconds} s", data.display())]
    NotStopped {
        /// Data folder.
        data: PathBuf,
        /// How long was waited, in seconds.
        seconds: u64,
    },
    /// A server already runs on the folder.
    #[error("`{}` is in use by another server{}", folder.display(), pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
        /// Process id, where known.
        pid: Option<i32>,
    },
    /// The folder holds something that this program did not create.
    #[error("`{}` is not empty and was not created as an embedded server's folder", folder.display())]
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The data folder was created by another PostgreSQL major version.
    #[error("`{}` belongs to PostgreSQL {folder_major}, the programs found are version {programs_major}", folder.display())]
    VersionMismatch {
        /// The folder.
        folder: PathBuf,
        /// Major version written in the folder.
        folder_major: String,
        /// Major version of the programs.
        programs_major: u32,
    },
    /// The address of a unix socket has a fixed size in the kernel.
    #[error("socket path `{}` has {length} bytes, the system allows {}", path.display(), super::run_folder::SOCKET_PATH_MAX)]
    SocketPathTooLong {
        /// Full path of the socket.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// A folder in a shared place belongs to someone else.
    #[error("`{}` belongs to user {owner}, not to us", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Owner's user id.
        owner: u32,
    },
    /// A file operation failed.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A statement on the embedded server failed.
    #[error("cannot {operation} on the embedded server{}", sqlstate.as_deref().map(|s| format!(" (SQLSTATE {s}: {message})")).unwrap_or_default())]
    Sql {
        /// What was tried.
        operation: String,
        /// SQLSTATE, where the server answered.
        sqlstate: Option<String>,
        /// The server's message.
        message: String,
        /// The cause.
        source: tokio_postgres::Error,
    },
    /// A database name that PostgreSQL would cut or refuse.
    #[error("`{name}` cannot be a database name: {problem}")]
    BadName {
        /// The name.
        name: String,
        /// Why.
        problem: &'static str,
    },
    /// The task doing the blocking work was cancelled or panicked.
    #[error("the background task of the embedded server ended early")]
    Task {
        /// The cause.
        source: tokio::task::JoinError,
    },
}

/// What a caller may want to branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmbeddedErrorKind {
    /// PostgreSQL is not installed where we looked.
    BinariesNotFound,
    /// The machine does not let us run it (root without a way around).
    Forbidden,
    /// The folder is in use or not ours.
    Folder,
    /// Start or stop failed.
    Server,
    /// A file, program or statement failed.
    Other,
}

impl EmbeddedError {
    /// The kind, for callers that branch.
    #[must_use]
    pub fn kind(&self) -> EmbeddedErrorKind {
        match self {
            Self::BinariesNotFound { .. } | Self::BadBinaries { .. } => {
                EmbeddedErrorKind::BinariesNotFound
            }
            Self::RootRefused { .. } => EmbeddedErrorKind::Forbidden,
            Self::FolderInUse { .. }
            | Self::ForeignFolder { .. }
            | Self::VersionMismatch { .. }
            | Self::NotOurs { .. }
            | Self::SocketPathTooLong { .. } => EmbeddedErrorKind::Folder,
            Self::NotReady { .. } | Self::NotStopped { .. } => EmbeddedErrorKind::Server,
            _ => EmbeddedErrorKind::Other,
        }
    }

    /// What to do next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BinariesNotFound { .. } => Some(super::binaries::install_hint()),
            Self::BadBinaries { .. } => Some(
                "name the folder that holds `initdb` and `postgres`, for example `/usr/lib/postgresql/15/bin`".to_owned(),
            ),
            Self::RootRefused { .. } => Some(
                "run as an ordinary user, or install `util-linux` (it provides `unshare` and `setpriv`)".to_owned(),
            ),
            Self::FolderInUse { .. } => Some(
                "stop that server first, or choose another data folder".to_owned(),
            ),
            Self::ForeignFolder { .. } => Some("choose an empty or a new folder".to_owned()),
            Self::VersionMismatch { folder_major, .. } => Some(format!(
                "install PostgreSQL {folder_major}, or choose another data folder"
            )),
            Self::SocketPathTooLong { .. } => Some("choose a shorter socket folder".to_owned()),
            Self::NotOurs { .. } => Some("choose another run folder".to_owned()),
            _ => None,
        }
    }

    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }
}
