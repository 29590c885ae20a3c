//! Guarded, pooled, read-only-by-default access to PostgreSQL.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use nba_config::DatabaseTarget;
//! use nba_db::Database;
//!
//! let target = DatabaseTarget::from_url("postgres://reader@db.example/nba")?;
//! let db = Database::connect(&target).await?;
//! let rows = db.query("select count(*) as games from games", &[]).await?; // rows as exact JSON
//! let games: i64 = sqlx::query_scalar("select count(*) from games").fetch_one(db.pool()).await?;
//! # Ok(()) }
//! ```
//!
//! What holds for every session, whichever pool it comes from:
//!
//! - It cannot write, unless it was asked for with a purpose ([`Database::writer`]).
//! - Statements, lock waits and pauses in transactions are limited in time.
//! - It is named `nba/<command>/<run>` in `pg_stat_activity`.
//! - Dropping what runs on it cancels that on the server.
//! - It comes back clean: no transaction, setting, lock or temporary table reaches the next borrower.
//!
//! Waiting for a session is fair and bounded ([`ErrorKind::PoolTimeout`]). Errors name SQLSTATE,
//! table and constraint, never a password or a literal.
//!
//! # Two pools
//!
//! sqlx is the public face for typed queries; bb8 with bb8-postgres lends whole tokio-postgres
//! clients, for what sqlx lacks: cancelling, pipelining, exact types for unknown tables. bb8 alone
//! starves those who wait and hides why connecting fails; both are mended here. deadpool would need
//! less mending, but bb8 is what the platform asked for, and it measures the same.
//!
//! One difference remains between the drivers: with `verify-ca` and `verify-full`, sqlx trusts the
//! public authorities beside `ssl_root_cert`. The first session of every [`Database`] is verified
//! against `ssl_root_cert` alone.
//!
//! # Features
//!
//! - `embedded`: starts private PostgreSQL servers from binaries found on the machine.

pub mod catalog;
pub mod compare;
mod conflict;
mod copy;
pub mod counts;
mod database;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
pub mod fingerprint;
pub mod gentle;
mod guard;
pub mod ident;
pub mod identity;
pub mod legacy;
mod meter;
mod options;
mod param;
pub mod quiet;
mod relay;
mod row;
mod session;
mod snapshot;
mod stream;
mod tls;
mod writer;

pub use copy::{CopyAccount, CopyFormat, CopyOut, TextRows};
pub use database::Database;
pub use error::{DbError, ErrorKind, PoolHolder, Result, ServerError};
pub use guard::GuardMode;
pub use meter::Spent;
pub use options::ConnectOptions;
pub use param::{Param, params};
pub use row::JsonRow;
pub use session::{Params, PoolUsage, Session};
pub use snapshot::{Snapshot, rewritten_since_snapshot};
pub use stream::{JsonStream, RowStream};
pub use writer::{ManyAccount, Purpose, WriteTransaction, Writer, WriterAudit};

/// The driver below [`Session`], for its types.
pub use tokio_postgres;

/// Every fixed statement this crate sends, by name, so that a test can prepare each of them.
#[doc(hidden)]
#[must_use]
pub fn own_statements() -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("guard", guard::EFFECTIVE_SQL),
        ("identity", identity::IDENTITY_SQL),
        ("system", identity::SYSTEM_SQL),
        ("table set", identity::TABLE_SET_SQL),
        ("snapshot", snapshot::EXPORT_SQL),
        ("snapshot rewritten", snapshot::REWRITTEN_SQL),
        ("rows elsewhere", snapshot::FOREIGN_SQL),
        ("quiet marks", quiet::MARKS_SQL),
        ("quiet parts", quiet::PARTS_SQL),
        ("schemas", catalog::SCHEMAS_SQL),
        ("relations", catalog::RELATIONS_SQL),
        ("columns", catalog::COLUMNS_SQL),
        ("constraints", catalog::CONSTRAINTS_SQL),
        ("indexes", catalog::INDEXES_SQL),
        ("triggers", catalog::TRIGGERS_SQL),
        ("sequences", catalog::SEQUENCES_SQL),
        ("extensions", catalog::EXTENSIONS_SQL),
        ("backend", stream::BACKEND_SQL),
        ("cancel", stream::CANCEL_SQL),
        ("load", gentle::LOAD_SQL),
        ("compare place", compare::PLACE_SQL),
        ("compare relation", compare::RELATION_SQL),
        ("compare columns", compare::ATTRIBUTES_SQL),
        ("compare unique", compare::UNIQUE_SQL),
        ("compare types", compare::TYPES_SQL),
        ("compare modifiers", compare::MODIFIER_SQL),
        ("conflicts", conflict::CAN_CONFLICT_SQL),
        ("load afresh", gentle::FRESH_SQL),
    ];
    all.extend(fingerprint::own_statements());
    all
}
