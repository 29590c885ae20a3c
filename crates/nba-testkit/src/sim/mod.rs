//! Games simulated possession by possession, so that play-by-play, running score and box score agree.

pub mod model;

pub use model::*;
