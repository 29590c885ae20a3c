//! What kind of embedded server to start.

use std::{path::PathBuf, time::Duration};

use super::{binaries::Search, privilege::RunAs};

/// Time a server gets to become ready: recovery after a crash on a slow disk takes a while.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the data lives, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Storage {
    /// In a temporary folder that disappears with the server.
    #[default]
    Ephemeral,
    /// In this folder, which is created where missing and used again the next time.
    Folder(PathBuf),
}

/// What survives a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing is guaranteed, everything is quick: no fsync, minimal WAL.
    #[default]
    Throwaway,
    /// PostgreSQL's own safe defaults.
    Safe,
}

/// The port on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TcpPort {
    /// Any free one.
    Any,
    /// This one.
    Fixed(u16),
}

/// Options of [`EmbeddedServer::start`](super::EmbeddedServer::start). The default is an ephemeral,
/// throw-away server on a unix socket only.
///
/// # Example
///
/// ```
/// use nba_db::embedded::{EmbeddedOptions, Storage, TcpPort};
///
/// let tls_test = EmbeddedOptions {
///     tcp: Some(TcpPort::Any),
///     conf: vec![("ssl".to_owned(), "on".to_owned())],
///     hba: vec!["hostssl all all 127.0.0.1/32 scram-sha-256".to_owned()],
///     ..EmbeddedOptions::default()
/// };
/// assert_eq!(tls_test.storage, Storage::Ephemeral);
/// ```
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Where the data lives.
    pub storage: Storage,
    /// What survives a crash.
    pub durability: Durability,
    /// Also listen on 127.0.0.1; without it there is only the unix socket.
    pub tcp: Option<TcpPort>,
    /// More lines of `postgresql.conf`, as name and plain value; they win over ours.
    pub conf: Vec<(String, String)>,
    /// Lines of `pg_hba.conf`, before ours: `local all all trust`, and passwords (SCRAM) over TCP.
    pub hba: Vec<String>,
    /// More arguments of `initdb`.
    pub initdb_args: Vec<String>,
    /// Files put into the data folder before the start, such as `server.crt` and `server.key`.
    pub files: Vec<(String, Vec<u8>)>,
    /// Where to look for the server programs.
    pub search: Search,
    /// Whom to run the server as.
    pub run_as: RunAs,
    /// Folder of initialised templates; by default below the run folder.
    pub cache_dir: Option<PathBuf>,
    /// Folder of ephemeral servers and short sockets; by default `/tmp/nba-pg-<uid>`.
    pub run_dir: Option<PathBuf>,
    /// Folder of the socket; by default in the server's folder, or a short one where that is too long.
    pub socket_dir: Option<PathBuf>,
    /// Name of the superuser.
    pub superuser: String,
    /// Time the server gets to become ready.
    pub start_timeout: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            storage: Storage::default(),
            durability: Durability::default(),
            tcp: None,
            conf: Vec::new(),
            hba: Vec::new(),
            initdb_args: Vec::new(),
            files: Vec::new(),
            search: Search::default(),
            run_as: RunAs::default(),
            cache_dir: None,
            run_dir: None,
            socket_dir: None,
            superuser: "postgres".to_owned(),
            start_timeout: START_TIMEOUT,
        }
    }
}

impl EmbeddedOptions {
    /// A durable server on a folder that is used again.
    #[must_use]
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self {
            storage: Storage::Folder(path.into()),
            durability: Durability::Safe,
            ..Self::default()
        }
    }
}
