//! Baselines, per-table rules and health checks that cannot lie

mod activity;
pub mod alerts;
pub mod baseline;
pub mod checks;
mod connections;
#[cfg(feature = "dims")]
pub mod dims;
pub mod evidence;
mod games;
pub mod health;
pub mod invariants;
pub mod plot;
pub mod rules;
#[cfg(feature = "web")]
pub mod serve;
#[cfg(feature = "tui")]
pub mod tui;
pub mod verify;
pub mod watch;

pub use self::activity::{Activity, Stream};
pub use self::connections::Effort;
pub use self::games::TwinGames;
pub use nba_db::fingerprint::schema::SchemaFacts;
