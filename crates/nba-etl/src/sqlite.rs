//! SQLite files of the project's state folder: for their owner alone, in write-ahead mode, with tables that are made in steps.
//!
//! The file must lie on a local disk: SQLite's write-ahead log does not work over a network file system.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

/// Longest wait for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

/// Why a file cannot be opened; the caller names it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The file cannot be made.
    #[error("cannot make the file")]
    File(#[from] std::io::Error),
    /// SQLite refused.
    #[error("SQLite refused")]
    Refused(#[from] sqlx::Error),
    /// It was made by a later version of this program.
    #[error("it is of a later version (step {step})")]
    Newer {
        /// Its step.
        step: i64,
    },
}

/// Opens `path`, or makes it, readable for its owner alone, and brings its tables up to date.
///
/// `steps` make the tables, in order, each in a transaction of its own; the text of number *n* ends with
/// `pragma user_version = n`. A step is never changed once it was released: the next one is added. `options` may say more than is
/// said here about waiting, journal and file.
///
/// # Errors
///
/// [`SqliteError`]; no half of a step stays.
pub async fn open(
    path: &Path,
    steps: &[&'static str],
    options: SqliteConnectOptions,
) -> Result<SqlitePool, SqliteError> {
    use std::os::unix::fs::OpenOptionsExt as _;

    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // SQLite would make it readable for everybody.
    std::fs::File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    let options = options
        .filename(path)
        .busy_timeout(BUSY)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    match step(&pool, steps).await {
        Ok(()) => Ok(pool),
        Err(error) => {
            pool.close().await;
            Err(error)
        }
    }
}

async fn step(pool: &SqlitePool, steps: &[&'static str]) -> Result<(), SqliteError> {
    loop {
        // `immediate`: two processes that open a new file at once must not both see step 0.
        let mut transaction = pool.begin_with("begin immediate").await?;
        let done: i64 = sqlx::query_scalar("pragma user_version")
            .fetch_one(&mut *transaction)
            .await?;
        let at = usize::try_from(done).unwrap_or(0);
        if at > steps.len() {
            return Err(SqliteError::Newer { step: done });
        }
        let Some(step) = steps.get(at) else {
            return Ok(());
        };
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
}
