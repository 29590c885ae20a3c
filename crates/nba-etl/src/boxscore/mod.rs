//! Box scores of many games: a store of parquet files, filled by a batch that can be stopped and goes on.
//!
//! A [`Store`] is a folder. Every part of it holds the games of some source files as changes and keyframes, from which the box
//! score at any event is rebuilt; what cannot be read, and why, is on record too. [`generate`] writes what is missing.

mod batch;
mod card;
mod part;
mod png;
mod store;
#[cfg(feature = "boxscore-db")]
pub mod tables;

pub use batch::{BatchAccount, BatchOptions, Progress, generate};
pub use card::{GameCard, GradeCard, PlayerCard, StoredGame, TeamCard};
pub use png::png;
pub use store::{PartRecord, SourceFile, SourceOutcome, Store, StoreError};
