//! Games simulated possession by possession, so that play-by-play, running score and box score agree.
//!
//! A [`Universe`] is the schedule; [`simulate`] plays one of its games. Both depend on the seed alone.
//!
//! ```
//! use nba_testkit::sim::{SimOptions, Universe, simulate};
//!
//! let universe = Universe::new(1);
//! let game = simulate(&universe.header(30_000), &SimOptions { plays: Some(455), roster_size: None })?;
//! assert_eq!(game.plays.len(), 455);
//! assert_eq!(game.plays.last().map(|play| play.score), Some(game.final_score()));
//! # Ok::<(), nba_testkit::sim::SimError>(())
//! ```

mod bench;
mod engine;
pub mod events;
pub mod model;
mod rng;
pub mod roster;
pub mod schedule;
pub mod teams;
#[cfg(test)]
mod tests;
pub mod text;

pub use engine::{
    MAX_PLAYS, MIN_PLAYS, SimError, SimOptions, planned_periods, simulate, simulate_into,
};
pub use model::*;
pub use schedule::{DoubleId, Universe};
pub use teams::{special_teams, team, teams};
