//! A deterministic replica of the legacy platform for demos, tests and benches.

pub mod sim;
