//! Pool and session limits of a database connection.

use std::time::Duration;

/// How many connections are opened, and how long anything may take.
///
/// Legacy code set none of these limits (database dossier 3.4): one slow statement held a connection for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// Connections kept open, over all pools of one `Database`; default 2.
    pub min_connections: u32,
    /// Most connections ever open, over all pools of one `Database`; default 10, the legacy pool's bound.
    pub max_connections: u32,
    /// Longest time to establish one connection; default 10 s, the longest in legacy code.
    pub connect_timeout: Duration,
    /// Longest wait for a free connection; default 30 s.
    pub acquire_timeout: Duration,
    /// `statement_timeout` of every session; default 60 s.
    pub statement_timeout: Duration,
    /// `lock_timeout` of every session; default 5 s, so that a reader never queues behind a migration for long.
    pub lock_timeout: Duration,
    /// `idle_in_transaction_session_timeout` of every session; default 60 s.
    pub idle_in_transaction_timeout: Duration,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            min_connections: 2,
            max_connections: 10,
            connect_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(60),
        }
    }
}
