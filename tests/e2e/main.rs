//! End to end: what only shows when several crates, or the repository as a whole, are looked at.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod boundaries;
mod integrity;
mod invariants;
mod platform;
mod scripts;

use nba_db::embedded::EmbeddedServer;

/// Changes a database behind the back of whoever checks it.
async fn change(server: &EmbeddedServer, database: &str, sql: &str) {
    let (client, connection) =
        nba_db::tokio_postgres::connect(&server.url(database), nba_db::tokio_postgres::NoTls)
            .await
            .unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
}
