//! Integration tests of `nba-monitoring`, against real servers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod baseline;
mod checks;
mod cost;
mod endurance;
mod health;
mod platform;
mod verify;
