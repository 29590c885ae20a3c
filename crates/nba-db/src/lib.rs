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
//! # Features
//!
//! - `embedded`: starts private PostgreSQL servers from binaries found on the machine.

pub mod catalog;
mod copy;
pub mod counts;
mod database;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
pub mod fingerprint;
mod guard;
pub mod ident;
pub mod identity;
pub mod legacy;
mod options;
mod param;
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
pub use options::ConnectOptions;
pub use param::{Param, params};
pub use row::JsonRow;
pub use session::{Params, PoolUsage, Session};
pub use snapshot::Snapshot;
pub use stream::{JsonStream, RowStream};
pub use writer::{ManyAccount, Purpose, WriteTransaction, Writer, WriterAudit};

/// The driver below [`Session`], for its types.
pub use tokio_postgres;
