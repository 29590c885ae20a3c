//! Baselines, per-table rules and health checks that cannot lie

mod activity;
pub mod baseline;
mod connections;
mod games;
pub mod health;
pub mod invariants;
pub mod rules;
pub mod verify;

pub use self::activity::{Activity, Stream};
pub use self::connections::Effort;
pub use self::games::TwinGames;
pub use nba_db::fingerprint::schema::SchemaFacts;
