//! One snapshot shared by several connections, and jobs spread over them.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, join_all, try_join_all};
use futures::lock::Mutex;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::FingerprintError;
use crate::session::Session;

/// When and where in the database's history a snapshot was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// Time of the server's clock, UTC.
    pub taken_at: DateTime<Utc>,
    /// The transactions it sees, in `pg_current_snapshot()` form.
    pub transactions: String,
    /// Connections that shared it.
    pub connections: usize,
}

/// Text forms must not depend on the session; forcing hash aggregation keeps a bad estimate from sorting the whole table;
/// row security must raise an error, not hide rows; no function of a user may stand in for one of PostgreSQL's; compiling
/// hundreds of hash expressions takes longer than it saves.
const SETTINGS: &str = "set local timezone = 'UTC'; set local datestyle = 'ISO, MDY'; set local intervalstyle = 'postgres'; \
set local extra_float_digits = 1; set local bytea_output = 'hex'; set local enable_sort = off; set local row_security = off; \
set local xmloption = 'content'; set local jit = off; set local search_path = pg_catalog";

pub(super) use crate::snapshot::{FOREIGN_SQL, REWRITTEN_SQL};

/// Makes the transaction `client` is in fit for [`fingerprint`](super::fingerprint): what [`in_snapshot`] does by itself.
///
/// For callers that hold the transactions themselves because something else, such as `pg_dump`, has to see the same snapshot.
///
/// # Errors
///
/// When the statement fails.
pub async fn settle(client: &Client) -> Result<(), FingerprintError> {
    client
        .batch_execute(SETTINGS)
        .await
        .map_err(|source| FingerprintError::query("settle the transaction", source))
}

const LEADER: &str = "begin isolation level repeatable read read only";

/// Runs `job` for every item over the given connections, all of them seeing one and the same snapshot.
///
/// Items are taken in order, so put the largest first. Each runs behind a savepoint: a failing job fails alone. The result
/// has one entry per item, in the same order. All transactions are rolled back at the end; none stays open while others work
/// for longer than it takes to notice that nothing is left to do.
///
/// # Errors
///
/// When the snapshot cannot be set up; failures of jobs are in the list.
///
/// # Cancellation
///
/// Dropping the future leaves the transactions open until the connections are closed or reset; the pool resets them on return.
pub async fn in_snapshot<'e, C, T, R, F>(
    connections: &'e [C],
    items: &'e [T],
    job: F,
) -> Result<(SnapshotInfo, Vec<Result<R, FingerprintError>>), FingerprintError>
where
    C: Deref<Target = Client> + Sync,
    T: Sync,
    R: Send,
    F: Fn(&'e Client, &'e T) -> BoxFuture<'e, Result<R, FingerprintError>> + Sync,
{
    let clients: Vec<&'e Client> = connections.iter().map(|connection| &**connection).collect();
    over(&clients, items, |_| (), job).await
}

async fn over<'e, T, R, F>(
    clients: &[&'e Client],
    items: &'e [T],
    begun: impl FnOnce(&SnapshotInfo),
    job: F,
) -> Result<(SnapshotInfo, Vec<Result<R, FingerprintError>>), FingerprintError>
where
    T: Sync,
    R: Send,
    F: Fn(&'e Client, &'e T) -> BoxFuture<'e, Result<R, FingerprintError>> + Sync,
{
    let operation = "take a snapshot shared by all connections";
    let failed = |source| FingerprintError::query(operation, source);
    let Some((leader, followers)) = clients.split_first() else {
        return Err(FingerprintError::NoConnection {
            operation: operation.to_owned(),
        });
    };

    leader.batch_execute(LEADER).await.map_err(failed)?;
    let row = leader
        .query_one(
            "select pg_catalog.pg_export_snapshot(), pg_catalog.pg_current_snapshot()::pg_catalog.text, pg_catalog.clock_timestamp()",
            &[],
        )
        .await
        .map_err(failed)?;
    let exported: String = row.get(0);
    let info = SnapshotInfo {
        transactions: row.get(1),
        taken_at: row.get(2),
        connections: clients.len(),
    };
    // The id comes from the server and is hexadecimal digits and dashes; the quotes are doubled all the same.
    let join = format!(
        "{LEADER}; set transaction snapshot '{}'",
        exported.replace('\'', "''")
    );
    try_join_all(followers.iter().map(|client| client.batch_execute(&join)))
        .await
        .map_err(failed)?;
    try_join_all(clients.iter().map(|client| client.batch_execute(SETTINGS)))
        .await
        .map_err(failed)?;
    begun(&info);

    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<R, FingerprintError>>>> =
        items.iter().map(|_| Mutex::new(None)).collect();
    join_all(clients.iter().map(|&client| {
        let (next, results, job) = (&next, &results, &job);
        async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let (Some(item), Some(slot)) = (items.get(index), results.get(index)) else {
                    break;
                };
                let result = guarded(client, item, job).await;
                let lost = result
                    .as_ref()
                    .is_err_and(FingerprintError::is_connection_lost)
                    || client.is_closed();
                *slot.lock().await = Some(result);
                if lost {
                    return;
                }
            }
            // A failure here means the connection is gone, and the transaction with it.
            client.batch_execute("rollback").await.ok();
        }
    }))
    .await;

    let results = results
        .into_iter()
        .map(|slot| {
            let lost = || {
                Err(FingerprintError::NoConnection {
                    operation: "finish the measurement".to_owned(),
                })
            };
            slot.into_inner().unwrap_or_else(lost)
        })
        .collect();
    Ok((info, results))
}

/// [`in_snapshot`] over sessions of a pool: dropping the future cancels what is running on the server.
///
/// A session cancelled that way takes no further statement; its connection is replaced.
///
/// # Errors
///
/// As [`in_snapshot`], and [`FingerprintError::NoConnection`] for a session that was cancelled before.
pub async fn in_session_snapshot<'e, T, R, F>(
    sessions: &'e [Session],
    items: &'e [T],
    job: F,
) -> Result<(SnapshotInfo, Vec<Result<R, FingerprintError>>), FingerprintError>
where
    T: Sync,
    R: Send,
    F: Fn(&'e Client, &'e T) -> BoxFuture<'e, Result<R, FingerprintError>> + Sync,
{
    in_noted_snapshot(sessions, items, |_| (), job).await
}

/// [`in_session_snapshot`] that tells which snapshot it is before the first job begins, so that jobs can put down with their
/// results what they were measured in.
///
/// # Errors
///
/// As [`in_session_snapshot`].
pub async fn in_noted_snapshot<'e, T, R, F>(
    sessions: &'e [Session],
    items: &'e [T],
    begun: impl FnOnce(&SnapshotInfo),
    job: F,
) -> Result<(SnapshotInfo, Vec<Result<R, FingerprintError>>), FingerprintError>
where
    T: Sync,
    R: Send,
    F: Fn(&'e Client, &'e T) -> BoxFuture<'e, Result<R, FingerprintError>> + Sync,
{
    let operation = "take a snapshot shared by all sessions";
    let mut guards = Vec::with_capacity(sessions.len());
    for session in sessions {
        let lost = |_| FingerprintError::NoConnection {
            operation: operation.to_owned(),
        };
        guards.push(session.arm(operation).map_err(lost)?);
    }
    let clients: Vec<&'e Client> = sessions.iter().map(Session::client).collect();
    let outcome = over(&clients, items, begun, job).await;
    for guard in guards {
        guard.disarm();
    }
    outcome
}

async fn guarded<'e, T, R, F>(
    client: &'e Client,
    item: &'e T,
    job: &F,
) -> Result<R, FingerprintError>
where
    F: Fn(&'e Client, &'e T) -> BoxFuture<'e, Result<R, FingerprintError>>,
{
    let failed = |source| FingerprintError::query("set a savepoint", source);
    client
        .batch_execute("savepoint job")
        .await
        .map_err(failed)?;
    let result = job(client, item).await;
    let end = if result.is_ok() {
        "release savepoint job"
    } else {
        "rollback to savepoint job"
    };
    match client.batch_execute(end).await {
        Err(source) if result.is_ok() => Err(failed(source)),
        _ => result,
    }
}
