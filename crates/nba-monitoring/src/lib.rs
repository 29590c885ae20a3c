//! Baselines, per-table rules and health checks that cannot lie

mod activity;
pub mod baseline;
mod catalogue;
mod connections;
mod games;
pub mod health;
pub mod invariants;
pub mod rules;

pub use self::activity::{Activity, Stream};
pub use self::catalogue::SchemaFacts;
pub use self::connections::Effort;
pub use self::games::TwinGames;
