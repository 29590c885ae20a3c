//! Baselines, per-table rules and health checks that cannot lie.
//!
//! ```no_run
//! # async fn example(db: nba_db::Database) -> Result<(), Box<dyn std::error::Error>> {
//! use nba_monitoring::baseline::{BaselineName, CaptureOptions, capture};
//! use nba_monitoring::health::{HealthOptions, check, render_text};
//!
//! let baseline = capture(&db, &CaptureOptions::new(".nba/baselines", BaselineName::default())).await?;
//! // later
//! let report = check(&db, &baseline, &HealthOptions::default()).await;
//! println!("{}", render_text(&report));
//! # Ok(()) }
//! ```
//!
//! The monitored database is never written to; every measurement that fails is *not proven* with its reason, never a number.

mod activity;
pub mod baseline;
mod catalogue;
mod connections;
mod games;
pub mod health;
pub mod rules;

pub use self::activity::{Activity, Stream};
pub use self::connections::Effort;
pub use self::games::TwinGames;
