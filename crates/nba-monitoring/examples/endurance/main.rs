//! A watch that goes on for weeks while everything around it fails, in minutes: its clock runs ahead, the faults are real.
//!
//! `cargo run --release -p nba-monitoring --all-features --example endurance -- --ticks 10000 --seed 1`
//!
//! Prints one JSON document and ends with 1 when there was a false alarm, a planted defect that was missed, a state that was not
//! right after a restart, or memory that grew.
#![allow(clippy::unwrap_used, reason = "a run that cannot go on ends")]

mod story;

use std::process::ExitCode;

use story::{Outcome, Plan, endure};

/// Memory may grow by this much after the first fifth of the run: pages an allocator keeps, not a leak.
const GROWTH_PERMITTED_KB: u64 = 24 * 1_024;

fn is_fine(outcome: &Outcome) -> bool {
    let grown = match (outcome.rss_early_kb, outcome.rss_end_kb) {
        (Some(early), Some(end)) => end.saturating_sub(early) > GROWTH_PERMITTED_KB,
        _ => false,
    };
    outcome.missed.is_empty()
        && outcome.false_alarms.is_empty()
        && outcome.wrong.is_empty()
        && !grown
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str, usual: u64| {
        let at = words.iter().position(|word| word == flag);
        at.map_or(usual, |at| words[at + 1].parse().unwrap())
    };
    let plan = Plan {
        ticks: number("--ticks", 10_000),
        seed: number("--seed", 1),
        quiet: number("--quiet", 28),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(endure(plan));
    println!("{}", serde_json::to_string_pretty(&outcome).unwrap());
    ExitCode::from(u8::from(!is_fine(&outcome)))
}
