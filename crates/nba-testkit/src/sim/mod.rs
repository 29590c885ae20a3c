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
//!
//! # Rates
//!
//! Per team and game over all seasons, unless the caller asks for another number of rows; tests hold them to it.
//!
//! | what | rate | source |
//! |---|---|---|
//! | rows of a game | 452 on average without overtime | database dossier 8.4: 435–458 |
//! | points, field-goal tries, made | 108, 89, 47 % | the league of today; earlier seasons do not score less here |
//! | share of three-point tries | 12 % in 1993-94, 23 % in 2011-12, 42 % in 2024-25 | the league's history, without the shorter line of 1994–97 |
//! | free throws, turnovers, personal fouls | 22, 14, 19 | the league of today |
//! | offensive rebounds | 26 % of the players' | the league of today |
//! | team rebounds, team turnovers | 8, 0.7, without a player | box-score dossier 14.7 |
//! | changes, time-outs, reviews | 20, 5, 1.3 | as many as the number of rows leaves room for |
//! | overtime | 6 % of the games, at most three | the league of today; up to four are in the real files |
//! | technical fouls, fouled out, sent off | 0.3, 0.1, 0.016 | box-score dossier appendix A for the kinds |
//!
//! Play types and their words are ESPN's (box-score dossier 4.3 and appendix A), the older dialect is 14.4 of the same.
//!
//! # What always holds
//!
//! * Score, line score and box score are counted from the rows as they are written.
//! * A dead ball happens at a whole second, and players change only then, so time on court is whole seconds and adds up
//!   to five times the length of the game.
//! * Points of free throws count for the five on court when the foul was called, also when players change between the tries.
//! * Players who foul out or are sent off are replaced at once and do not return.
//! * Overtime is planned before tip-off, so that the number of rows can be reached exactly; games that are to be tied are
//!   steered to it, others end with a winner.

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
