//! Private PostgreSQL servers, from the server programs found on this machine.
//!
//! A newcomer has no database, a test needs its own, and neither should have to set one up. An
//! [`EmbeddedServer`] runs on a unix socket nobody else can open, as root and as a normal user, and
//! goes away together with the process that started it, even when that is killed.
//!
//! It signals only servers it started, and writes only to folders it created.
//!
//! # Example
//!
//! ```no_run
//! use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = EmbeddedServer::start(EmbeddedOptions::default()).await?;
//! server.create_database("replica").await?;
//! println!("psql '{}'", server.url("replica"));
//! server.stop().await?; // dropping it does the same, blocking for some milliseconds
//! # Ok(())
//! # }
//! ```

mod binaries;
mod error;
mod guardian;
mod options;
mod privilege;
mod run_folder;
mod running;
mod server;
mod system_id;
mod template;
#[cfg(test)]
mod tests;

pub use binaries::{PgBinaries, Place, Search};
pub use error::{EmbeddedError, EmbeddedErrorKind};
pub use options::{Durability, EmbeddedOptions, Storage, TcpPort};
pub use privilege::RunAs;
pub use run_folder::SOCKET_PATH_MAX;
pub use server::{EmbeddedServer, stop_folder};
