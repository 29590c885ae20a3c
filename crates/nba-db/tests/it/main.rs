//! Integration tests of `nba-db`, against real servers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "embedded")]
#[path = "compare/main.rs"]
mod compare;
#[cfg(feature = "embedded")]
mod conflict;
#[cfg(feature = "embedded")]
mod connecting;
#[cfg(feature = "embedded")]
mod database;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "embedded")]
mod examples;
#[cfg(feature = "embedded")]
mod fingerprint;
#[cfg(feature = "embedded")]
mod fingerprints;
#[cfg(feature = "embedded")]
mod gentle;
#[cfg(feature = "embedded")]
mod pool;
#[cfg(feature = "embedded")]
mod pooler;
#[cfg(feature = "embedded")]
mod quiet;
#[cfg(feature = "embedded")]
mod rows;
#[cfg(feature = "embedded")]
mod support;
