//! Servers and handles for the tests of this binary.

use std::time::{Duration, Instant};

use nba_config::DatabaseTarget;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, TcpPort};
use nba_db::{Database, Purpose};

/// Longest wait for something that happens at once on an idle machine.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A private server with an empty database `nba`.
pub(crate) async fn server() -> EmbeddedServer {
    server_with(EmbeddedOptions::default()).await
}

/// As [`server`], with own options.
pub(crate) async fn server_with(options: EmbeddedOptions) -> EmbeddedServer {
    let server = EmbeddedServer::start(options).await.unwrap();
    server.create_database("nba").await.unwrap();
    server
}

/// As [`server`], listening on 127.0.0.1 too, where passwords are asked for.
pub(crate) async fn tcp_server() -> EmbeddedServer {
    server_with(EmbeddedOptions {
        tcp: Some(TcpPort::Any),
        ..EmbeddedOptions::default()
    })
    .await
}

/// The database `nba` of a server, with a small pool and short waits.
pub(crate) fn target(server: &EmbeddedServer, connections: u32) -> DatabaseTarget {
    let mut target = server.target("nba");
    target.settings.max_connections = connections;
    target.settings.acquire_timeout = Duration::from_secs(5);
    target
}

/// A handle on [`target`].
pub(crate) async fn open(server: &EmbeddedServer, connections: u32) -> Database {
    Database::connect(&target(server, connections))
        .await
        .unwrap()
}

/// Runs set-up statements.
pub(crate) async fn prepare(db: &Database, sql: &str) {
    let mut writer = db.writer(Purpose::new("set up a test")).await.unwrap();
    writer.batch_execute(sql).await.unwrap();
}

/// Polls until `condition` holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) {
    let deadline = Instant::now() + SOON;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Sessions other than the asking one that run a statement containing `marker`.
pub(crate) async fn running(observer: &Database, marker: &str) -> i64 {
    observer
        .query_scalar(
            "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() \
             and query like '%' || $1 || '%'",
            &[&marker],
        )
        .await
        .unwrap()
}
