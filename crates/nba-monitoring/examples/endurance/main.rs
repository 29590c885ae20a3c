//! A watch that goes on for weeks while everything around it fails, in minutes: its clock runs ahead, the faults are real.
//!
//! `cargo run --release -p nba-monitoring --all-features --example endurance -- --ticks 10000 --seed 1`
//!
//! Prints one JSON document and ends with 1 when there was a false alarm, a planted defect that was missed, a state that was not
//! right after a restart, or memory that grew.
#![allow(clippy::unwrap_used, reason = "a run that cannot go on ends")]

mod story;

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use story::{Outcome, Plan, endure, victim};

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

/// Makes this program the one that is killed; for the run itself.
const VICTIM: &str = "--victim";

fn start_victim(folder: &Path, now: DateTime<Utc>) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.arg(VICTIM).arg(folder).arg(now.to_rfc3339());
    command
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str, usual: u64| {
        let at = words.iter().position(|word| word == flag);
        at.map_or(usual, |at| words[at + 1].parse().unwrap())
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let [flag, folder, now] = words.as_slice()
        && flag == VICTIM
    {
        runtime.block_on(victim(Path::new(folder), now.parse().unwrap()));
        return ExitCode::SUCCESS;
    }
    let plan = Plan {
        ticks: number("--ticks", 10_000),
        seed: number("--seed", 1),
        quiet: number("--quiet", 28),
    };
    let outcome = runtime.block_on(endure(plan, start_victim));
    println!("{}", serde_json::to_string_pretty(&outcome).unwrap());
    ExitCode::from(u8::from(!is_fine(&outcome)))
}
