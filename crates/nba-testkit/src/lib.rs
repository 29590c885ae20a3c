//! A deterministic replica of the legacy platform for demos, tests and benches.

mod background;
pub mod defects;
pub mod lake;
pub mod legacy;
pub mod local_copy;
pub mod migration;
pub mod plan;
pub mod proxy;
pub mod quirks;
pub mod replica;
pub mod s3;
pub mod schema;
pub mod sim;
pub mod tables;
