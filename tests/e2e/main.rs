//! End to end: what only shows when several crates, or the repository as a whole, are looked at.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod boundaries;
mod integrity;
mod scripts;
