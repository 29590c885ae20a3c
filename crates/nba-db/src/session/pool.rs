//! A fair pool: bb8 behind a semaphore that serves waiters in order.
//!
//! bb8 alone gives a returned connection to whoever asks next, which starves those who wait.

use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Session;
use super::manager::{Connection, Manager};
use crate::error::{DbError, PoolHolder, Result};
use crate::guard::{self, GuardMode};
use crate::meter::Meter;
use crate::options::ConnectOptions;

/// bb8 retries a failing connect until this passes; our own wait ends at the acquire time-out.
const REAP_IDLE_AFTER: Duration = Duration::from_secs(600);

type LastError = Arc<Mutex<Option<DbError>>>;

/// Keeps the last error bb8 met in the background, which it otherwise hides behind "timed out".
#[derive(Debug, Clone, Default)]
struct Sink(LastError);

impl bb8::ErrorSink<DbError> for Sink {
    fn sink(&self, error: DbError) {
        *lock(&self.0) = Some(error);
    }

    fn boxed_clone(&self) -> Box<dyn bb8::ErrorSink<DbError>> {
        Box::new(self.clone())
    }
}

/// Who holds a connection, for the text of a time-out.
#[derive(Clone, Copy)]
struct Holder {
    at: &'static Location<'static>,
    since: Instant,
}

/// A place in the list of holders.
pub(crate) struct Seat(usize);

/// What a [`Session`] needs of its pool.
pub(crate) struct ClientPool {
    pool: bb8::Pool<Manager>,
    permits: Arc<Semaphore>,
    limit: u32,
    acquire_timeout: Duration,
    holders: Mutex<Vec<Option<Holder>>>,
    last_error: LastError,
    pub(crate) target: String,
    pub(crate) tls: MakeRustlsConnect,
    pub(crate) reset_sql: String,
    pub(crate) meter: Arc<Meter>,
}

/// A checked-out connection with its place in the queue.
pub(crate) struct Checkout {
    // Declared first: the connection is back in the pool before the next waiter is let in.
    pub(crate) connection: bb8::PooledConnection<'static, Manager>,
    _permit: OwnedSemaphorePermit,
}

impl ClientPool {
    /// Opens the pool around `first`, a connection that is known to work.
    pub(crate) async fn open(
        options: &ConnectOptions,
        tls: MakeRustlsConnect,
        mode: GuardMode,
        size: PoolSize,
        first: Connection,
        meter: Arc<Meter>,
    ) -> Result<Self> {
        let limit = size.most;
        let after_connect = (mode == GuardMode::Statements).then(|| guard::set_statements(options));
        let manager =
            Manager::new(options, tls.clone(), after_connect).counting(Arc::clone(&meter));
        let sink = Sink::default();
        let last_error = Arc::clone(&sink.0);
        let pool = bb8::Pool::builder()
            .max_size(limit)
            .min_idle(size.least)
            .idle_timeout(REAP_IDLE_AFTER)
            .connection_timeout(options.limits().acquire_timeout)
            // The most recently used first: it needs no liveness test, and surplus ones go idle.
            .queue_strategy(bb8::QueueStrategy::Lifo)
            .error_sink(Box::new(sink))
            .build(manager)
            .await?;
        // Full only if the limit were 0, which `Database::connect` excludes.
        let _ = pool.add(first);
        let permits = usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(permits)),
            limit,
            acquire_timeout: options.limits().acquire_timeout,
            holders: Mutex::default(),
            last_error,
            target: options.to_string(),
            tls,
            reset_sql: guard::reset_statements(options, mode),
            meter,
        })
    }

    /// Waits in line for a connection.
    pub(crate) async fn checkout(
        self: &Arc<Self>,
        at: &'static Location<'static>,
    ) -> Result<Session> {
        let started = Instant::now();
        // A free connection needs no timer.
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let wait = Arc::clone(&self.permits).acquire_owned();
                match tokio::time::timeout(self.acquire_timeout, wait).await {
                    Ok(Ok(permit)) => permit,
                    Ok(Err(_)) => {
                        return Err(DbError::usage(
                            "checking out a session",
                            "the pool is closed",
                        ));
                    }
                    Err(_) => return Err(self.timed_out(started, None)),
                }
            }
        };
        self.take(at, started, permit).await
    }

    /// A connection that needs no waiting in line, or none.
    pub(crate) async fn try_checkout(
        self: &Arc<Self>,
        at: &'static Location<'static>,
    ) -> Result<Option<Session>> {
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => self.take(at, Instant::now(), permit).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn take(
        self: &Arc<Self>,
        at: &'static Location<'static>,
        started: Instant,
        permit: OwnedSemaphorePermit,
    ) -> Result<Session> {
        let mut get = std::pin::pin!(self.pool.get_owned());
        let outcome = match futures::poll!(&mut get) {
            // The usual case, an idle connection, needs no timer.
            Poll::Ready(outcome) => Ok(outcome),
            Poll::Pending => {
                let left = self.acquire_timeout.saturating_sub(started.elapsed());
                tokio::time::timeout(left, get).await
            }
        };
        match outcome {
            Ok(Ok(connection)) => {
                let seat = self.sit(Holder {
                    at,
                    since: Instant::now(),
                });
                Ok(Session::new(
                    Checkout {
                        connection,
                        _permit: permit,
                    },
                    Arc::clone(self),
                    seat,
                ))
            }
            Ok(Err(bb8::RunError::User(error))) => Err(error),
            Ok(Err(bb8::RunError::TimedOut)) | Err(_) => {
                let last = lock(&self.last_error).take();
                Err(match last {
                    // Nobody held anything: what is wrong is the connecting, so that is the error.
                    Some(error) if self.pool.state().connections == 0 => error,
                    last => self.timed_out(started, last),
                })
            }
        }
    }

    fn timed_out(&self, started: Instant, last: Option<DbError>) -> DbError {
        let mut holders: Vec<Holder> = lock(&self.holders).iter().flatten().copied().collect();
        holders.sort_by_key(|holder| holder.since);
        DbError::PoolTimeout {
            pool: "bb8",
            target: self.target.clone(),
            waited: started.elapsed(),
            limit: self.limit,
            holders: holders
                .iter()
                .map(|holder| PoolHolder {
                    at: format!("{}:{}", holder.at.file(), holder.at.line()),
                    held_for: holder.since.elapsed(),
                })
                .collect(),
            last: last.map(Box::new),
        }
    }

    fn sit(&self, holder: Holder) -> Seat {
        let mut holders = lock(&self.holders);
        let free = holders.iter().position(Option::is_none);
        match free {
            Some(at) => {
                holders[at] = Some(holder);
                Seat(at)
            }
            None => {
                holders.push(Some(holder));
                Seat(holders.len() - 1)
            }
        }
    }

    pub(crate) fn stand_up(&self, seat: &Seat) {
        if let Some(place) = lock(&self.holders).get_mut(seat.0) {
            *place = None;
        }
    }

    /// Size, open and idle connections at this moment.
    pub(crate) fn usage(&self) -> PoolUsage {
        let state = self.pool.state();
        let free = u32::try_from(self.permits.available_permits()).unwrap_or(u32::MAX);
        PoolUsage {
            limit: self.limit,
            open: state.connections,
            in_use: self.limit.saturating_sub(free),
        }
    }
}

/// Connections of one of the two pools.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSize {
    /// Kept open when idle.
    pub(crate) least: u32,
    /// Open at most.
    pub(crate) most: u32,
}

/// How much of a pool is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct PoolUsage {
    /// Connections at most.
    pub limit: u32,
    /// Connections open now.
    pub open: u32,
    /// Connections checked out now.
    pub in_use: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
