//! One run of a job at a time, on this machine and across machines.
//!
//! The legacy PID files protect nothing: they are removed when the launcher returns, and a reused id passes for a running job
//! (ETL dossier 1.4 and 6.6). These locks are held by the kernel and by PostgreSQL, and end with their holder.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use nba_db::{Database, Session};
use nba_utils::Hint;
use serde::{Deserialize, Serialize};

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// Name of the machine.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// Id of the run.
    pub run_id: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn this(run_id: impl Into<String>) -> Holder {
        Holder {
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            pid: std::process::id(),
            run_id: run_id.into(),
            since: Utc::now(),
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "process {} on {} since {} (run {})",
            self.pid,
            self.host,
            self.since.to_rfc3339_opts(SecondsFormat::Secs, true),
            self.run_id
        )
    }
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The job is running.
    #[error("`{job}` is running already: {holder}")]
    Held {
        /// The job.
        job: String,
        /// By whom, as far as it is known.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error("cannot use the lock file `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database did not answer.
    #[error("cannot ask the database for the lock of `{job}`")]
    Database {
        /// The job.
        job: String,
        /// What it said.
        source: Box<nba_db::DbError>,
    },
}

impl Hint for LockError {
    fn hint(&self) -> Option<String> {
        match self {
            LockError::Held { .. } => {
                Some("wait for it to end; a lock ends with the process that holds it".to_owned())
            }
            LockError::Database { source, .. } => source.hint(),
            LockError::File { .. } => None,
        }
    }
}

/// Characters of a job in the name of its lock file; a file's name may have 255 bytes, and a job may be a whole command.
const READABLE: usize = 200;

/// A lock on this machine: `flock` on a file, which the kernel gives back when its holder ends, however it ends.
#[derive(Debug)]
pub struct LocalLock {
    _file: File,
}

impl LocalLock {
    /// Takes the lock of `job` in `folder` without waiting.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] with its holder, or the file cannot be used.
    pub fn take(folder: &Path, job: &str, holder: &Holder) -> Result<LocalLock, LockError> {
        // Other characters could leave the folder or name two jobs the same.
        let name: String = job
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .take(READABLE)
            .collect();
        let hash = blake3::hash(job.as_bytes()).to_hex();
        let path = folder.join(format!("{name}-{}.lock", &hash[..8]));
        let error = |source| LockError::File {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(error)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who it is helps, and is not needed.
                let _ = (&mut file).take(4096).read_to_string(&mut text);
                let holder = serde_json::from_str::<Holder>(&text).map_or_else(
                    |_| "another process".to_owned(),
                    |holder| holder.to_string(),
                );
                return Err(LockError::Held {
                    job: job.to_owned(),
                    holder,
                });
            }
            Err(TryLockError::Error(source)) => return Err(error(source)),
        }
        let text = serde_json::to_string(holder).map_err(|e| error(e.into()))?;
        file.set_len(0).map_err(error)?;
        file.rewind().map_err(error)?;
        file.write_all(text.as_bytes()).map_err(error)?;
        Ok(LocalLock { _file: file })
    }
}

/// A lock that all hosts share: a session advisory lock in PostgreSQL, which ends with its session.
///
/// It needs a real session: behind a pooler in transaction mode it protects nothing.
pub struct AdvisoryLock {
    session: Session,
    backend: i32,
}

/// First half of the key: `nba` and the kind of lock, apart from everybody else's keys.
const LOCK_CLASS: i32 = 0x6e62_6131;

const TAKE_SQL: &str = "select pg_try_advisory_lock($1, $2)";
const ALIVE_SQL: &str = "select pg_backend_pid()";
const HOLDER_SQL: &str = "select coalesce(a.application_name, '') || ', process ' || l.pid || \
     ' of the server, from ' || coalesce(a.client_hostname, host(a.client_addr), 'the server itself') \
     || ' since ' || a.backend_start::text \
     from pg_locks l left join pg_stat_activity a on a.pid = l.pid \
     where l.locktype = 'advisory' and l.granted and l.classid::bigint = $1::int8 \
     and l.objid::bigint = $2::int8 limit 1";

impl std::fmt::Debug for AdvisoryLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdvisoryLock")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

impl AdvisoryLock {
    /// Takes the lock of `job` without waiting. The session is kept until the lock is dropped.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] with its holder, or [`LockError::Database`].
    pub async fn take(db: &Database, job: &str) -> Result<AdvisoryLock, LockError> {
        let error = |source| LockError::Database {
            job: job.to_owned(),
            source: Box::new(source),
        };
        let hash = blake3::hash(job.as_bytes());
        let [a, b, c, d, ..] = *hash.as_bytes();
        let key = i32::from_be_bytes([a, b, c, d]);
        let session = db.session().await.map_err(error)?;
        let taken: bool = session
            .query_scalar(TAKE_SQL, &[&LOCK_CLASS, &key])
            .await
            .map_err(error)?;
        if !taken {
            let unsigned = |half: i32| i64::from(u32::from_ne_bytes(half.to_ne_bytes()));
            let holder: Result<String, _> = session
                .query_scalar(HOLDER_SQL, &[&unsigned(LOCK_CLASS), &unsigned(key)])
                .await;
            return Err(LockError::Held {
                job: job.to_owned(),
                holder: holder.unwrap_or_else(|_| "another session".to_owned()),
            });
        }
        let backend = session.query_scalar(ALIVE_SQL, &[]).await.map_err(error)?;
        Ok(AdvisoryLock { session, backend })
    }

    /// Whether the session still lives, and with it the lock.
    ///
    /// # Errors
    ///
    /// Why it is lost: another host may have started the job meanwhile.
    pub async fn check(&self) -> Result<(), String> {
        match self.session.query_scalar::<i32>(ALIVE_SQL, &[]).await {
            Ok(backend) if backend == self.backend => Ok(()),
            Ok(_) => Err("the session of the lock was replaced by another one".to_owned()),
            Err(error) => Err(format!("the session of the lock is lost: {error}")),
        }
    }
}
