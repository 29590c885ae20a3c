//! Plain connections for bulk work. They are not nba-db's: those are read-only or audited and time-limited, while a `COPY` that makes its
//! table in the same transaction, so that the server can skip its log, runs for minutes.

use nba_config::{DatabaseTarget, Host};
use secrecy::ExposeSecret;
use tokio_postgres::{Client, Config, NoTls};

use super::ReplicaError;

/// How to connect, any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    config: Config,
}

impl Connection {
    /// Accepts only servers on this machine.
    pub(crate) fn to(target: &DatabaseTarget) -> Result<Self, ReplicaError> {
        if !target.host.is_local() {
            return Err(ReplicaError::NotLocal {
                host: target.host.to_string(),
            });
        }
        let mut config = Config::new();
        match &target.host {
            Host::Tcp(host) => config.host(host),
            Host::Unix(folder) => config.host_path(folder),
        };
        config
            .port(target.port)
            .user(&target.user)
            .dbname(&target.database);
        config.connect_timeout(target.settings.connect_timeout);
        if let Some(password) = &target.password {
            config.password(password.expose_secret());
        }
        Ok(Self { config })
    }

    /// Opens a connection whose name in `pg_stat_activity` says what it does; it closes when the client is dropped.
    pub(crate) async fn open(&self, doing: &str) -> Result<Client, ReplicaError> {
        let mut config = self.config.clone();
        config.application_name(format!("nba/testkit/{doing}"));
        let (client, driver) =
            config
                .connect(NoTls)
                .await
                .map_err(|source| ReplicaError::Server {
                    doing: "connect".into(),
                    source,
                })?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "replica connection ended");
            }
        });
        Ok(client)
    }
}

/// Runs statements without parameters.
pub(crate) async fn run(client: &Client, sql: &str) -> Result<(), ReplicaError> {
    client.batch_execute(sql).await.map_err(|source| {
        let doing = sql
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(120)
            .collect();
        ReplicaError::Server { doing, source }
    })
}
