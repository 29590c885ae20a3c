//! Guarded, pooled, read-only-by-default access to PostgreSQL, with identity, catalogue, COPY and an embedded server

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod fingerprint;
