//! The `nba` program.
fn main() {}
