//! Guarded, pooled, read-only-by-default access to PostgreSQL, with identity, catalogue, COPY and an embedded server

pub mod fingerprint;
