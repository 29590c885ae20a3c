//! The connections a run works over.

use std::num::NonZeroUsize;
use std::time::Duration;

use nba_db::fingerprint::FingerprintError;
use nba_db::tokio_postgres::Client;
use nba_db::{Database, DbError, Session};

/// How hard a run may work the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Connections used at once; fewer when the pool has fewer.
    pub connections: NonZeroUsize,
    /// Longest statement; a table that needs longer is reported as not proven.
    pub statement_timeout: Duration,
}

/// Two connections keep both processors of the documented server (2 vCPU, 2 GB) busy at most.
const USUAL_CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

impl Default for Effort {
    /// Two connections, five minutes per statement.
    fn default() -> Self {
        Self {
            connections: USUAL_CONNECTIONS,
            statement_timeout: Duration::from_secs(300),
        }
    }
}

impl Effort {
    /// Raises or lowers the time limit of the current transaction.
    pub(crate) async fn limit(&self, client: &Client) -> Result<(), FingerprintError> {
        let sql = format!(
            "set local statement_timeout = {}",
            self.statement_timeout.as_millis()
        );
        client
            .batch_execute(&sql)
            .await
            .map_err(|source| FingerprintError::query("set the statement time-out", source))
    }

    /// Checks connections out of the pool.
    pub(crate) async fn sessions(&self, db: &Database) -> Result<Vec<Session>, DbError> {
        // The database's budget is split between its two pools; the larger half lends sessions.
        let budget =
            usize::try_from(db.options().target.settings.max_connections.div_ceil(2)).unwrap_or(1);
        let mut sessions = Vec::new();
        for _ in 0..self.connections.get().min(budget.max(1)) {
            sessions.push(db.session().await?);
        }
        Ok(sessions)
    }
}
