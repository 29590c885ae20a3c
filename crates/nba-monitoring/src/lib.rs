//! Baselines, per-table rules and health checks that cannot lie

mod activity;
pub mod baseline;
mod catalogue;
mod games;
pub mod rules;
mod target;

pub use self::activity::{Activity, Stream};
pub use self::games::TwinGames;
pub use self::target::TargetIdentity;
