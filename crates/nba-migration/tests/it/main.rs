//! The way back on real servers, real repositories and real processes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod rollback;
mod shadow;
mod shadow_seasons;
