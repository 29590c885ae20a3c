//! The handle other crates and services hold.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use bb8::ManageConnection as _;
use nba_config::{DatabaseSettings, Host, SslMode};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Executor as _};
use tokio_postgres::Row;

use crate::error::{DbError, ErrorKind, Result};
use crate::guard::{self, GuardMode};
use crate::ident;
use crate::meter::{Meter, Spent, statements_in};
use crate::options::ConnectOptions;
use crate::relay::{self, Relay};
use crate::row::JsonRow;
use crate::session::{ClientPool, Connection, Manager, Params, PoolSize, PoolUsage, Session};
use crate::tls;

/// A connection idle for longer than this is tested before sqlx hands it out.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Fewest connections that give each pool one.
const FEWEST_CONNECTIONS: u32 = 2;

/// A pooled, guarded, read-only-by-default connection to one database. Cheap to clone.
///
/// Two pools share one session set-up and one budget of connections:
/// [`pool`](Database::pool) is an sqlx `PgPool`, for typed queries and transactions;
/// [`session`](Database::session) lends a tokio-postgres client out of bb8, for COPY, streaming,
/// pipelining and cancelling. All other methods use the second.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use nba_config::DatabaseTarget;
/// use nba_db::Database;
/// let target = DatabaseTarget::from_url("postgres://reader@db.example/nba")?;
/// let db = Database::connect(&target).await?;
/// for row in db.query("select game_id, season from games limit 5", &[]).await? {
///     println!("{}", row.to_json());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    options: ConnectOptions,
    sqlx: PgPool,
    clients: Arc<ClientPool>,
    guard_mode: GuardMode,
    server_version_num: i32,
    meter: Arc<Meter>,
    opening: Spent,
}

impl Database {
    /// Opens both pools, after one session proved that the target can be reached and that the
    /// guard holds there.
    ///
    /// # Errors
    /// The true reason connecting failed, told apart by [`DbError::kind`]: host unknown, refused,
    /// no TLS, certificate, password, role, database, too many connections.
    pub async fn connect(options: impl Into<ConnectOptions>) -> Result<Self> {
        let options = options.into();
        if options.limits().max_connections < FEWEST_CONNECTIONS {
            return Err(DbError::usage_with_hint(
                "connecting",
                format!(
                    "{} connections are too few for two pools",
                    options.limits().max_connections
                ),
                "set `max_connections` to 2 or more",
            ));
        }
        let tls = tls::connector(&options)?;
        resolve(&options).await?;
        let meter = Arc::new(Meter::default());
        let (first, guard_mode, server_version_num) = prove_guard(&options, &tls, &meter).await?;
        let opening = meter.spent();
        let (sqlx_size, client_size) = split(options.limits());
        let sqlx = sqlx_pool(&options, &tls, guard_mode, sqlx_size, &meter).await?;
        let shared = Arc::clone(&meter);
        let clients =
            ClientPool::open(&options, tls, guard_mode, client_size, first, shared).await?;
        tracing::debug!(target_database = %options, ?guard_mode, "connected");
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                sqlx,
                clients: Arc::new(clients),
                guard_mode,
                server_version_num,
                meter,
                opening,
            }),
        })
    }

    /// The sqlx pool, guarded like everything else: its sessions are read-only and time-limited.
    ///
    /// ```no_run
    /// # async fn example(db: nba_db::Database) -> Result<(), sqlx::Error> {
    /// let games: i64 = sqlx::query_scalar("select count(*) from games").fetch_one(db.pool()).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.inner.sqlx
    }

    /// The options this handle was opened with.
    #[must_use]
    pub fn options(&self) -> &ConnectOptions {
        &self.inner.options
    }

    /// How the guard reaches this server.
    #[must_use]
    pub fn guard_mode(&self) -> GuardMode {
        self.inner.guard_mode
    }

    /// The server's version as a number: 150014 is 15.14.
    #[must_use]
    pub fn server_version_num(&self) -> i32 {
        self.inner.server_version_num
    }

    /// What this handle and its clones have asked of the server so far, its opening included; [`Spent`] says what is not counted.
    ///
    /// ```no_run
    /// # async fn example(db: nba_db::Database) -> nba_db::Result<()> {
    /// let before = db.spent();
    /// db.query("select count(*) from games", &[]).await?;
    /// let spent = db.spent().since(&before);
    /// println!("{} statements, {:?} of the server's time", spent.statements, spent.worked());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.inner.meter.spent()
    }

    /// What opening this handle took: a handle whose [`spent`](Database::spent) has no more statements was not used yet.
    #[must_use]
    pub fn opening(&self) -> Spent {
        self.inner.opening
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.inner.meter
    }

    /// Waits in line for a session.
    ///
    /// # Errors
    /// [`ErrorKind::PoolTimeout`] after `acquire_timeout`, saying who holds the sessions; the true
    /// connect error when the server cannot be reached.
    ///
    /// Cancel-safe: a dropped wait leaves the line.
    #[track_caller]
    pub fn session(&self) -> impl Future<Output = Result<Session>> + Send + use<> {
        let at = Location::caller();
        let clients = Arc::clone(&self.inner.clients);
        async move { clients.checkout(at).await }
    }

    /// A session that is free right now, or none.
    #[track_caller]
    pub(crate) fn try_session(
        &self,
    ) -> impl Future<Output = Result<Option<Session>>> + Send + use<> {
        let at = Location::caller();
        let clients = Arc::clone(&self.inner.clients);
        async move { clients.try_checkout(at).await }
    }

    /// Runs a statement and returns its rows as maps with exact JSON values: the legacy
    /// `execute_query`, with `$1` parameters. See [`legacy`](crate::legacy) for `%s`.
    ///
    /// # Errors
    /// As [`Session::query`]. A connection that turns out to be dead is replaced and the statement
    /// run once more, which is safe as the session is read-only.
    ///
    /// Dropping the future cancels the statement on the server.
    #[track_caller]
    pub fn query<'a>(
        &'a self,
        sql: &'a str,
        params: Params<'a>,
    ) -> impl Future<Output = Result<Vec<JsonRow>>> + Send + 'a {
        let rows = self.query_rows(sql, params);
        async move { JsonRow::from_rows(sql, &rows.await?) }
    }

    /// Runs a statement and returns the driver's rows.
    ///
    /// # Errors
    /// As [`Database::query`].
    #[track_caller]
    pub fn query_rows<'a>(
        &'a self,
        sql: &'a str,
        params: Params<'a>,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send + 'a {
        let at = Location::caller();
        async move {
            let first = self
                .inner
                .clients
                .checkout(at)
                .await?
                .query_rows(sql, params)
                .await;
            match first {
                Err(error) if error.kind() == ErrorKind::ConnectionLost => {
                    self.inner
                        .clients
                        .checkout(at)
                        .await?
                        .query_rows(sql, params)
                        .await
                }
                outcome => outcome,
            }
        }
    }

    /// Runs a statement that gives exactly one row with one column.
    ///
    /// # Errors
    /// As [`Session::query_scalar`].
    #[track_caller]
    pub fn query_scalar<'a, T>(
        &'a self,
        sql: &'a str,
        params: Params<'a>,
    ) -> impl Future<Output = Result<T>> + Send + 'a
    where
        T: for<'r> tokio_postgres::types::FromSql<'r> + Send + 'a,
    {
        let session = self.session();
        async move { session.await?.query_scalar(sql, params).await }
    }

    /// Translates an sqlx error met on [`Database::pool`] into this crate's.
    #[must_use]
    pub fn error(&self, operation: &str, error: sqlx::Error) -> DbError {
        match DbError::from_sqlx(operation, &self.inner.options.to_string(), error) {
            DbError::PoolTimeout { target, .. } => DbError::PoolTimeout {
                pool: "sqlx",
                target,
                waited: self.inner.options.limits().acquire_timeout,
                limit: self.inner.sqlx.options().get_max_connections(),
                holders: Vec::new(),
                last: None,
            },
            error => error,
        }
    }

    /// How much of the two pools is in use: sqlx first, bb8 second.
    #[must_use]
    pub fn usage(&self) -> (PoolUsage, PoolUsage) {
        let sqlx = &self.inner.sqlx;
        let idle = u32::try_from(sqlx.num_idle()).unwrap_or(u32::MAX);
        let open = sqlx.size();
        let first = PoolUsage {
            limit: sqlx.options().get_max_connections(),
            open,
            in_use: open.saturating_sub(idle),
        };
        (first, self.inner.clients.usage())
    }

    /// Closes the sqlx pool and waits for its connections to end; the bb8 ones end when the last
    /// clone of the handle and the last session are dropped.
    pub async fn close(self) {
        self.inner.sqlx.close().await;
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("target", &self.inner.options.to_string())
            .field("guard_mode", &self.inner.guard_mode)
            .field("usage", &self.usage())
            .finish()
    }
}

/// Divides the budget; the bb8 side carries the bulk work and gets the odd one.
fn split(limits: &DatabaseSettings) -> (PoolSize, PoolSize) {
    let least = limits.min_connections.min(limits.max_connections);
    let sqlx = PoolSize {
        least: least / 2,
        most: limits.max_connections / 2,
    };
    let client = PoolSize {
        least: least - sqlx.least,
        most: limits.max_connections - sqlx.most,
    };
    (sqlx, client)
}

/// Tells an unknown host from a host that does not answer, before a driver mixes them up.
async fn resolve(options: &ConnectOptions) -> Result<()> {
    let Host::Tcp(host) = &options.target.host else {
        return Ok(());
    };
    let lookup = tokio::net::lookup_host((host.as_str(), options.target.port));
    let unknown =
        |reason: String| DbError::connect(&options.to_string(), ErrorKind::UnknownHost, reason);
    match tokio::time::timeout(options.limits().connect_timeout, lookup).await {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(_) => Ok(()),
            None => Err(unknown("the host name has no address".to_owned())),
        },
        Ok(Err(error)) => Err(unknown(format!(
            "the host name cannot be resolved: {error}"
        ))),
        Err(_) => Err(unknown(
            "the host name could not be resolved in time".to_owned(),
        )),
    }
}

/// Opens the first session and reads back whether the guard arrived; falls back to `SET`.
async fn prove_guard(
    options: &ConnectOptions,
    tls: &tokio_postgres_rustls::MakeRustlsConnect,
    meter: &Arc<Meter>,
) -> Result<(Connection, GuardMode, i32)> {
    let at_startup = Manager::new(options, tls.clone(), None).counting(Arc::clone(meter));
    match at_startup.connect().await {
        Ok(connection) => {
            let (holds, version) = guard_holds(&connection, options, meter).await?;
            if holds {
                return Ok((connection, GuardMode::Startup, version));
            }
        }
        Err(error) if refuses_startup_options(&error) => {}
        Err(error) => return Err(error),
    }
    let by_statement = Manager::new(options, tls.clone(), Some(guard::set_statements(options)))
        .counting(Arc::clone(meter));
    let connection = by_statement.connect().await?;
    match guard_holds(&connection, options, meter).await? {
        (true, version) => Ok((connection, GuardMode::Statements, version)),
        (false, _) => Err(DbError::usage_with_hint(
            "setting the session guard",
            "the server does not keep the session's settings",
            "connect to the server directly, or through a pooler in session mode",
        )),
    }
}

/// pgbouncer and RDS Proxy name the parameter they do not take.
fn refuses_startup_options(error: &DbError) -> bool {
    matches!(error, DbError::Connect { reason, .. } if reason.contains("startup parameter")
        || (reason.contains("0A000") && reason.contains("options")))
}

async fn guard_holds(
    connection: &Connection,
    options: &ConnectOptions,
    meter: &Meter,
) -> Result<(bool, i32)> {
    const OPERATION: &str = "reading the session guard back";
    let fail = |error| DbError::from_tokio(OPERATION, error);
    // Preparing and running, two round trips.
    let trip = meter.trip(0);
    let prepared = connection.client.prepare(guard::EFFECTIVE_SQL).await;
    drop(trip);
    let trip = meter.trip(1);
    let row = connection
        .client
        .query_one(&prepared.map_err(fail)?, &[])
        .await;
    drop(trip);
    let row = row.map_err(fail)?;
    let text = |at: usize| row.try_get::<_, &str>(at).map_err(fail);
    let limits = options.limits();
    let read_only = text(0)? == "on";
    let timeouts = [
        (1, limits.statement_timeout),
        (2, limits.lock_timeout),
        (3, limits.idle_in_transaction_timeout),
    ];
    let mut bounded = true;
    for (at, wanted) in timeouts {
        let milliseconds: f64 = row.try_get(at).map_err(fail)?;
        // Exact below 2^53; the server's range is 2^31.
        bounded &= (milliseconds - wanted.as_secs_f64() * 1000.0).abs() < 1.0;
    }
    let zone = text(4)?.eq_ignore_ascii_case("utc");
    let dates = text(5)?.starts_with("ISO");
    let encoding = text(6)? == "UTF8";
    let version: i32 = row.try_get(7).map_err(fail)?;
    Ok((read_only && bounded && zone && dates && encoding, version))
}

async fn sqlx_pool(
    options: &ConnectOptions,
    tls: &tokio_postgres_rustls::MakeRustlsConnect,
    mode: GuardMode,
    size: PoolSize,
    meter: &Arc<Meter>,
) -> Result<PgPool> {
    let relay = if relay::is_needed(options.exposed_password()) {
        let started = Relay::start(options, tls.clone()).await;
        let fail = |error: std::io::Error| {
            DbError::connect(
                &options.to_string(),
                ErrorKind::Refused,
                format!("cannot listen on 127.0.0.1: {error}"),
            )
        };
        Some(started.map_err(fail)?)
    } else {
        None
    };
    let mut connect = PgConnectOptions::new_without_pgpass()
        .username(&options.target.user)
        .database(&options.target.database)
        .application_name(&options.application_name())
        .extra_float_digits(1)
        .disable_statement_logging();
    connect = match &relay {
        Some(relay) => connect
            .host("127.0.0.1")
            .port(relay.port)
            .password(&relay.token)
            .ssl_mode(PgSslMode::Disable),
        None => connect
            .host(&options.host_text())
            .port(options.target.port)
            .password(options.exposed_password().unwrap_or_default())
            .ssl_mode(match options.effective_ssl() {
                SslMode::Disable => PgSslMode::Disable,
                SslMode::Prefer => PgSslMode::Prefer,
                SslMode::Require => PgSslMode::Require,
                SslMode::VerifyCa => PgSslMode::VerifyCa,
                SslMode::VerifyFull => PgSslMode::VerifyFull,
            }),
    };
    if let Some(path) = &options.target.ssl_root_cert {
        connect = connect.ssl_root_cert(path);
    }
    if mode == GuardMode::Startup {
        connect = connect.options(guard::settings(options));
    }
    let set_up = (mode == GuardMode::Statements).then(|| guard::set_statements(options));
    let reset = guard::reset_statements(options, mode);
    let (opened, cleaned) = (Arc::clone(meter), Arc::clone(meter));
    let pool = PgPoolOptions::new()
        .max_connections(size.most)
        .min_connections(size.least)
        .acquire_timeout(options.limits().acquire_timeout)
        // Ours, below, asks only connections that sat idle.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < TRUSTED_FOR {
                    return Ok(true);
                }
                Ok(sqlx::Connection::ping(connection).await.is_ok())
            })
        })
        .after_connect(move |connection, _| {
            // Owned by the pool, which may outlive the handle.
            let _ = &relay;
            let set_up = set_up.clone();
            let meter = Arc::clone(&opened);
            Box::pin(async move {
                meter.connected();
                if let Some(sql) = set_up {
                    let _trip = meter.trip(statements_in(&sql));
                    connection
                        .execute(sqlx::raw_sql(ident::trusted(sql)))
                        .await?;
                }
                Ok(())
            })
        })
        // An open transaction, a changed setting or a lock must not reach the next borrower. What
        // cannot be cleaned is closed.
        .after_release(move |connection, _| {
            let reset = reset.clone();
            let meter = Arc::clone(&cleaned);
            Box::pin(async move {
                let _trip = meter.trip(statements_in(&reset));
                Ok(connection
                    .execute(sqlx::raw_sql(ident::trusted(reset)))
                    .await
                    .is_ok())
            })
        })
        .connect_lazy_with(connect);
    Ok(pool)
}
