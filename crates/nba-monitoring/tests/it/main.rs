//! Integration tests of `nba-monitoring`, against real servers.

mod baseline;
mod health;
mod platform;
