//! Integration tests of `nba-db`, against real servers.

#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "embedded")]
mod fingerprint;
