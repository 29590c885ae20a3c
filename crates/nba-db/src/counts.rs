//! Exact row counts, several tables at a time, all of one moment.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::error::{DbError, Result};
use crate::ident::TableName;
use crate::snapshot::{CATALOG_ONLY_SQL, REWRITTEN_SQL, Snapshot};

/// How counting may use the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountOptions {
    /// Sessions counting at once; fewer where the pool has fewer. Default 2, half of a small
    /// server's cores being left to the live system.
    pub parallel: NonZeroUsize,
    /// Longest count of one table.
    pub timeout: Duration,
}

impl Default for CountOptions {
    fn default() -> Self {
        Self {
            parallel: NonZeroUsize::MIN.saturating_add(1),
            timeout: Duration::from_secs(120),
        }
    }
}

/// The count of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableCount {
    /// The table.
    pub table: TableName,
    /// Its rows; `None` where it could not be counted. Never a guess, and never 0 for a failure.
    pub rows: Option<u64>,
    /// `Proven`, or why there is no count.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long it took.
    pub elapsed: Duration,
}

/// Counts of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// The server's clock at the moment counted.
    pub taken_at: DateTime<Utc>,
    /// The transactions seen, in `pg_current_snapshot()` form.
    pub transactions: String,
    /// In the order asked for.
    pub tables: Vec<TableCount>,
}

impl Counts {
    /// The rows of a table, if it was counted.
    #[must_use]
    pub fn rows(&self, table: &TableName) -> Option<u64> {
        self.tables.iter().find(|count| count.table == *table)?.rows
    }

    /// Whether every table was counted.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::all(
            self.tables
                .iter()
                .map(|count| count.verdict.clone().about(&count.table.to_string())),
        )
    }
}

impl Database {
    /// Counts the rows of `tables` exactly, in one snapshot shared by all sessions used.
    ///
    /// A table that is missing, locked, not permitted or too slow is `NotProven` with the reason;
    /// the others are counted all the same.
    ///
    /// # Errors
    /// When the snapshot cannot be opened. Fewer free sessions than asked for are no error.
    ///
    /// Dropping the future cancels the running counts on the server.
    #[track_caller]
    pub fn counts<'a>(
        &'a self,
        tables: &'a [TableName],
        options: &'a CountOptions,
    ) -> impl Future<Output = Result<Counts>> + Send + 'a {
        let leader = self.snapshot();
        async move {
            let leader = leader.await?;
            let (taken_at, transactions) = (leader.taken_at(), leader.transactions().to_owned());
            let wanted = options.parallel.get().min(tables.len());
            let mut sessions = Vec::with_capacity(wanted);
            for _ in 1..wanted {
                // Waiting for a session while holding one could wait for itself for ever.
                match self.try_join_snapshot(leader.id()).await? {
                    Some(follower) => sessions.push(follower),
                    None => break,
                }
            }
            sessions.push(leader);
            for session in &sessions {
                session.batch_execute(CATALOG_ONLY_SQL).await?;
            }
            let next = AtomicUsize::new(0);
            let done: Vec<Mutex<Option<TableCount>>> =
                tables.iter().map(|_| Mutex::new(None)).collect();
            futures::future::join_all(sessions.into_iter().map(|session| async {
                // Owned here: the session goes back as soon as nothing is left for it.
                let session = session;
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(table), Some(slot)) = (tables.get(at), done.get(at)) else {
                        break;
                    };
                    let count = count_one(&session, table, options.timeout).await;
                    *slot
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(count);
                }
            }))
            .await;
            let tables = done
                .into_iter()
                .zip(tables)
                .map(|(slot, table)| {
                    slot.into_inner()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .unwrap_or_else(|| TableCount {
                            table: table.clone(),
                            rows: None,
                            verdict: Verdict::not_proven("not reached"),
                            elapsed: Duration::ZERO,
                        })
                })
                .collect();
            Ok(Counts {
                taken_at,
                transactions,
                tables,
            })
        }
    }
}

async fn count_one(session: &Snapshot, table: &TableName, timeout: Duration) -> TableCount {
    let started = Instant::now();
    let outcome = count_rows(session, table, timeout).await;
    let elapsed = started.elapsed();
    let (rows, verdict) = match outcome {
        Ok(rows) => (Some(rows), Verdict::Proven),
        Err(error) => (None, Verdict::not_proven(error.to_string())),
    };
    TableCount {
        table: table.clone(),
        rows,
        verdict,
        elapsed,
    }
}

async fn count_rows(session: &Snapshot, table: &TableName, timeout: Duration) -> Result<u64> {
    session.batch_execute("savepoint one_table").await?;
    let outcome = async {
        session.limit_statements(timeout).await?;
        let rows: i64 = session
            .query_scalar(
                &format!("select pg_catalog.count(*) from {}", table.sql()),
                &[],
            )
            .await?;
        // Counting locked the table, so the answer holds until the transaction ends.
        if session.query_scalar(REWRITTEN_SQL, &[&table.sql()]).await? {
            return Err(DbError::usage(
                "counting",
                format!(
                    "`{table}` was truncated or rewritten after the snapshot was taken; count again"
                ),
            ));
        }
        u64::try_from(rows).map_err(|_| DbError::usage("counting", format!("{rows} rows")))
    }
    .await;
    // One failed table must not fail the rest of the transaction.
    session
        .batch_execute("rollback to savepoint one_table; release savepoint one_table")
        .await?;
    outcome
}
