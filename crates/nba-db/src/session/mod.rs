//! A checked-out connection that cancels on drop and returns clean.

mod manager;
mod pool;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{DbError, Result, statement_label};
use crate::guard;
use crate::meter::statements_in;
use crate::row::JsonRow;

pub use pool::PoolUsage;

pub(crate) use manager::{Connection, Manager, Prepared};
pub(crate) use pool::{Checkout, ClientPool, PoolSize, Seat};

/// Longest wait for a cancelled statement to end before its connection is closed regardless.
const CANCEL_WAIT: Duration = Duration::from_secs(10);

/// Time a returned connection gets to come clean before what it still runs is cancelled.
const RESET_GRACE: Duration = Duration::from_millis(500);

/// A parameter list, as tokio-postgres spells it; [`Param`](crate::Param) fits in.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// One guarded connection, borrowed from the bb8 pool.
///
/// - Dropping a future of one of its methods cancels the statement **on the server**; the session
///   then takes no further statement and its connection is not used again.
/// - Dropping the session gives the connection back clean: an open transaction is rolled back,
///   settings, temporary tables, locks and cursors are dropped.
/// - Methods take `&self`, so several statements can be in flight at once (pipelining).
///
/// ```no_run
/// # async fn example(db: nba_db::Database) -> nba_db::Result<()> {
/// let session = db.session().await?;
/// let (games, plays) = futures::try_join!(
///     session.query_scalar::<i64>("select count(*) from games", &[]),
///     session.query_scalar::<i64>("select count(*) from play_by_play", &[]),
/// )?;
/// # Ok(()) }
/// ```
pub struct Session {
    checkout: Option<Checkout>,
    pool: Arc<ClientPool>,
    seat: Seat,
    dirty: AtomicBool,
    cancelled: AtomicBool,
    single_use: bool,
}

impl Session {
    pub(crate) fn new(checkout: Checkout, pool: Arc<ClientPool>, seat: Seat) -> Self {
        Self {
            checkout: Some(checkout),
            pool,
            seat,
            dirty: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            single_use: false,
        }
    }

    fn connection(&self) -> &Connection {
        &self
            .checkout
            .as_ref()
            .expect("taken only in drop")
            .connection
    }

    /// The bare driver client, for what this type does not offer.
    ///
    /// A call through it that is dropped is cancelled only when the session goes back, not at
    /// once; the session is cleaned then.
    #[must_use]
    pub fn client(&self) -> &tokio_postgres::Client {
        self.mark_dirty();
        &self.connection().client
    }

    /// The client without the dirty mark, for statements known to leave nothing behind.
    pub(crate) fn raw_client(&self) -> &tokio_postgres::Client {
        &self.connection().client
    }

    pub(crate) fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Relaxed);
    }

    /// Closes the connection instead of returning it.
    pub(crate) fn make_single_use(&mut self) {
        self.single_use = true;
    }

    /// The account of the handle this session is of.
    pub(crate) fn meter(&self) -> &crate::meter::Meter {
        &self.pool.meter
    }

    /// Host, port, database and role, for messages.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.pool.target
    }

    /// Cancels the running statement on the server if dropped before it is disarmed.
    ///
    /// `sql` only names the statement, should the session refuse it.
    pub(crate) fn arm(&self, sql: &str) -> Result<CancelOnDrop<'_>> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(DbError::SessionCancelled {
                operation: statement_label(sql),
            });
        }
        Ok(CancelOnDrop {
            session: self,
            armed: true,
        })
    }

    pub(crate) fn cancel_now(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        spawn_cancel(
            self.connection().client.cancel_token(),
            self.pool.tls.clone(),
        );
    }

    /// Prepares through the connection's cache.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<Prepared> {
        let connection = self.connection();
        if let Some(prepared) = connection.cached(sql) {
            if prepared.leaves_state {
                self.mark_dirty();
            }
            return Ok(prepared);
        }
        let leaves_state = guard::leaves_state(sql);
        // Parsing is work of the server, and no statement of its own.
        let trip = self.meter().trip(0);
        let statement = connection
            .client
            .prepare(sql)
            .await
            .map_err(|error| DbError::from_tokio(statement_label(sql), error))?;
        drop(trip);
        let prepared = Prepared {
            statement,
            leaves_state,
        };
        if leaves_state {
            self.mark_dirty();
        } else {
            connection.cache(sql, prepared.clone());
        }
        Ok(prepared)
    }

    /// Runs a statement and returns the driver's rows.
    ///
    /// # Errors
    /// Whatever the server says, and [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) after a
    /// cancelled statement.
    pub async fn query_rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let guard = self.arm(sql)?;
        let mut outcome = self.query_once(sql, params).await;
        if outcome.as_ref().err().is_some_and(is_stale_plan) {
            self.connection().forget(sql);
            outcome = self.query_once(sql, params).await;
        }
        guard.disarm();
        outcome
    }

    async fn query_once(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let prepared = self.prepare(sql).await?;
        let trip = self.meter().trip(1);
        let rows = self
            .raw_client()
            .query(&prepared.statement, params)
            .await
            .map_err(|error| DbError::from_tokio(statement_label(sql), error))?;
        drop(trip);
        self.meter().rows(&rows);
        Ok(rows)
    }

    /// Runs a statement and returns its rows as maps with exact JSON values.
    ///
    /// # Errors
    /// As [`Session::query_rows`]; also when two columns have one name, or a column's type has no
    /// JSON form here.
    pub async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<JsonRow>> {
        let rows = self.query_rows(sql, params).await?;
        JsonRow::from_rows(sql, &rows)
    }

    /// Runs a statement that gives exactly one row with one column.
    ///
    /// # Errors
    /// As [`Session::query_rows`]; also when there is another number of rows or columns, or the
    /// value is not a `T`.
    pub async fn query_scalar<T>(&self, sql: &str, params: Params<'_>) -> Result<T>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let rows = self.query_rows(sql, params).await?;
        match rows.as_slice() {
            [row] if row.len() == 1 => row
                .try_get(0)
                .map_err(|error| DbError::from_tokio(statement_label(sql), error)),
            [row] => Err(DbError::usage(
                statement_label(sql),
                format!("{} columns where exactly one was expected", row.len()),
            )),
            rows => Err(DbError::usage(
                statement_label(sql),
                format!("{} rows where exactly one was expected", rows.len()),
            )),
        }
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// As [`Session::query_rows`].
    pub async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64> {
        let guard = self.arm(sql)?;
        let outcome = async {
            let prepared = self.prepare(sql).await?;
            let _trip = self.meter().trip(1);
            self.raw_client()
                .execute(&prepared.statement, params)
                .await
                .map_err(|error| DbError::from_tokio(statement_label(sql), error))
        }
        .await;
        guard.disarm();
        outcome
    }

    /// Runs one or more statements separated by semicolons, without parameters.
    ///
    /// # Errors
    /// As [`Session::query_rows`].
    pub async fn batch_execute(&self, sql: &str) -> Result<()> {
        let guard = self.arm(sql)?;
        self.mark_dirty();
        let trip = self.meter().trip(statements_in(sql));
        let outcome = self
            .raw_client()
            .batch_execute(sql)
            .await
            .map_err(|error| DbError::from_tokio(statement_label(sql), error));
        drop(trip);
        guard.disarm();
        outcome
    }
}

/// The bare client, with the same consequences as [`Session::client`].
impl std::ops::Deref for Session {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &tokio_postgres::Client {
        self.client()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("target", &self.pool.target)
            .finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut checkout) = self.checkout.take() else {
            return;
        };
        self.pool.stand_up(&self.seat);
        let cancelled = self.cancelled.load(Ordering::Relaxed);
        let dirty = self.dirty.load(Ordering::Relaxed);
        if self.single_use || checkout.connection.client.is_closed() {
            checkout.connection.discard();
            return;
        }
        if !cancelled && !dirty {
            checkout.connection.touch();
            return;
        }
        // Both need the server's answer, which drop cannot wait for.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            checkout.connection.discard();
            return;
        };
        let pool = Arc::clone(&self.pool);
        runtime.spawn(async move {
            if cancelled {
                // The place in the pool stays taken until the server has let go, so that the
                // budget of connections holds. The connection is not reused: a cancel request is
                // delivered asynchronously and could hit the next borrower's statement.
                let ended = checkout.connection.client.simple_query("");
                let _ = tokio::time::timeout(CANCEL_WAIT, ended).await;
                checkout.connection.discard();
            } else if reset(&checkout.connection.client, &pool).await {
                checkout.connection.touch();
            } else {
                checkout.connection.discard();
            }
            drop(checkout);
        });
    }
}

/// Brings a returned connection back to its first state; `false` where it must be closed instead.
///
/// A call through the bare client may have been dropped while its statement runs on; the reset is
/// queued behind it. So a reset that does not come through at once is followed by a cancel.
async fn reset(client: &tokio_postgres::Client, pool: &ClientPool) -> bool {
    let _trip = pool.meter.trip(statements_in(&pool.reset_sql));
    let mut reset = std::pin::pin!(client.batch_execute(&pool.reset_sql));
    match tokio::time::timeout(RESET_GRACE, &mut reset).await {
        Ok(outcome) => outcome.is_ok(),
        Err(_) => {
            spawn_cancel(client.cancel_token(), pool.tls.clone());
            // Whatever comes of it, a cancelled connection is not lent again.
            let _ = tokio::time::timeout(CANCEL_WAIT, &mut reset).await;
            false
        }
    }
}

/// Cancels the session's running statement unless disarmed.
pub(crate) struct CancelOnDrop<'a> {
    session: &'a Session,
    armed: bool,
}

impl CancelOnDrop<'_> {
    pub(crate) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.session.cancel_now();
        }
    }
}

/// Sends a cancel request in the background; where no runtime is left, `statement_timeout` ends
/// the statement instead.
fn spawn_cancel(token: CancelToken, tls: MakeRustlsConnect) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            match tokio::time::timeout(CANCEL_WAIT, token.cancel_query(tls)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a dropped statement could not be cancelled on the server");
                }
                Err(_) => tracing::warn!("cancelling a dropped statement on the server timed out"),
            }
        });
    }
}

/// A cached plan that no longer fits: the table changed (0A000), or a pooler lost it (26000).
fn is_stale_plan(error: &DbError) -> bool {
    error
        .server()
        .is_some_and(|server| match server.sqlstate.as_str() {
            "0A000" => server.message.contains("cached plan"),
            "26000" => true,
            _ => false,
        })
}
