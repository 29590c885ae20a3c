//! Opens, checks and discards connections for bb8, on top of bb8-postgres' manager.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bb8_postgres::PostgresConnectionManager;
use nba_config::SslMode;
use tokio_postgres::{Client, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{DbError, ErrorKind, Result};
use crate::guard;
use crate::meter::{Meter, statements_in};
use crate::options::ConnectOptions;

/// A connection used more recently than this is handed out without asking the server first: it
/// saves the round trip in the busy case and still catches a server that restarted meanwhile.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Prepared statements kept per connection; a server keeps a plan for each.
const CACHED_STATEMENTS: usize = 256;

/// A statement prepared on one connection.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) statement: Statement,
    pub(crate) leaves_state: bool,
}

/// One pooled connection with what we know about it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    statements: Mutex<HashMap<Box<str>, Prepared>>,
    last_used: Instant,
    discard: bool,
}

impl Connection {
    fn new(client: Client) -> Self {
        Self {
            client,
            statements: Mutex::default(),
            last_used: Instant::now(),
            discard: false,
        }
    }

    /// Marks the connection as used just now.
    pub(crate) fn touch(&mut self) {
        self.last_used = Instant::now();
    }

    /// Makes the pool close the connection instead of keeping it.
    pub(crate) fn discard(&mut self) {
        self.discard = true;
    }

    pub(crate) fn cached(&self, sql: &str) -> Option<Prepared> {
        self.lock().get(sql).cloned()
    }

    pub(crate) fn cache(&self, sql: &str, prepared: Prepared) {
        let mut statements = self.lock();
        // Dropping all at once is crude and bounded; a program with more distinct statements than
        // this has built them from values, and no order of eviction helps it.
        if statements.len() >= CACHED_STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.into(), prepared);
    }

    pub(crate) fn forget(&self, sql: &str) {
        self.lock().remove(sql);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Prepared>> {
        self.statements
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// bb8's view of a guarded connection.
///
/// Connecting, the liveness query and "is it closed" are bb8-postgres' own; this adds the connect
/// time-out, the guard for poolers that swallow start-up options, and the liveness query only
/// after a pause.
pub(crate) struct Manager {
    inner: PostgresConnectionManager<MakeRustlsConnect>,
    target: String,
    connect_timeout: Duration,
    after_connect: Option<String>,
    meter: Arc<Meter>,
}

impl Manager {
    /// `after_connect` holds the guard's statements where start-up options do not work.
    pub(crate) fn new(
        options: &ConnectOptions,
        tls: MakeRustlsConnect,
        after_connect: Option<String>,
    ) -> Self {
        let mut config = tokio_postgres::Config::new();
        config
            .host(options.host_text())
            .port(options.target.port)
            .dbname(&options.target.database)
            .user(&options.target.user)
            .application_name(options.application_name())
            .connect_timeout(options.limits().connect_timeout)
            .ssl_mode(match options.effective_ssl() {
                SslMode::Disable => tokio_postgres::config::SslMode::Disable,
                SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
                SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                    tokio_postgres::config::SslMode::Require
                }
            });
        if let Some(password) = options.exposed_password() {
            config.password(password);
        }
        if after_connect.is_none() {
            config.options(guard::startup_options(options));
        }
        Self {
            inner: PostgresConnectionManager::new(config, tls),
            target: options.to_string(),
            connect_timeout: options.limits().connect_timeout,
            after_connect,
            meter: Arc::default(),
        }
    }

    /// The same, counting what it opens on the account of a handle.
    pub(crate) fn counting(self, meter: Arc<Meter>) -> Self {
        Self { meter, ..self }
    }
}

impl bb8::ManageConnection for Manager {
    type Connection = Connection;
    type Error = DbError;

    async fn connect(&self) -> Result<Connection> {
        let open = async {
            let client = self
                .inner
                .connect()
                .await
                .map_err(|error| DbError::from_tokio_connect(&self.target, error))?;
            self.meter.connected();
            if let Some(sql) = &self.after_connect {
                let _trip = self.meter.trip(statements_in(sql));
                client
                    .batch_execute(sql)
                    .await
                    .map_err(|error| DbError::from_tokio("setting the session guard", error))?;
            }
            Ok(Connection::new(client))
        };
        match tokio::time::timeout(self.connect_timeout, open).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DbError::connect(
                &self.target,
                ErrorKind::ConnectTimeout,
                format!("no answer within {:?}", self.connect_timeout),
            )),
        }
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<()> {
        if connection.last_used.elapsed() < TRUSTED_FOR && !self.has_broken(connection) {
            return Ok(());
        }
        // A half-open connection never answers; the pool then opens another.
        match tokio::time::timeout(
            self.connect_timeout,
            self.inner.is_valid(&mut connection.client),
        )
        .await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(DbError::from_tokio("testing an idle connection", error)),
            Err(_) => Err(DbError::ConnectionLost {
                operation: "testing an idle connection".to_owned(),
                source: None,
            }),
        }
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.discard || self.inner.has_broken(&mut connection.client)
    }
}
