//! Readers of the forms play-by-play comes in. Each takes borrowed rows and gives a [`GameLog`](crate::GameLog).

pub mod bref;
pub mod data_nba;
pub mod espn;
pub mod espn_text;
pub mod live;
pub mod stats_v2;
pub mod stats_v3;
pub(crate) mod text;
