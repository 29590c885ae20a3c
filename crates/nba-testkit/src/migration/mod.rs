//! The migration of November 2025 into the schema `espn`, done right (database dossier 2.18; monitoring dossier 4.1).
//!
//! It really went wrong in the ways of monitoring dossier 4.2, F04 to F09. Tests run these steps, then replay what happened to one of
//! them; so a check is seen to be green before and red after. The tables have the keys that the real ones have: two of four can be
//! loaded twice.

/// The tables.
pub const SCHEMA: &str = include_str!("schema.sql");
/// Games with a box score.
pub const GAMES: &str = include_str!("games.sql");
/// Two rows per game.
pub const TEAM_STATS: &str = include_str!("team_stats.sql");
/// Their plays. The conflict clause is the original's, and idle: nothing but a serial number is unique (F09).
pub const PLAYS: &str = include_str!("plays.sql");
/// One row per day with a game.
pub const SCHEDULES: &str = include_str!("schedules.sql");

/// All steps in their order.
pub const STEPS: [&str; 5] = [SCHEMA, GAMES, TEAM_STATS, PLAYS, SCHEDULES];
