//! The short version of `examples/endurance`: every kind of fault once.

#[path = "../../examples/endurance/story.rs"]
mod story;

use std::path::Path;

use chrono::{DateTime, Utc};
use story::{Plan, endure, victim};

/// Begins the word that tells this program that it is the one to be killed: time and folder follow.
const VICTIM: &str = "victim=";

fn start_victim(folder: &Path, now: DateTime<Utc>) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    // A name that no test has hinders nobody.
    command
        .args(["--exact", "endurance::the_process_that_is_killed"])
        .arg("--nocapture")
        .arg(format!("{VICTIM}{}{}", now.to_rfc3339(), folder.display()));
    command
}

/// No test of its own: the run below starts it and kills it.
#[tokio::test]
async fn the_process_that_is_killed() {
    let mut words = std::env::args();
    let Some(told) = words.find_map(|word| word.strip_prefix(VICTIM).map(str::to_owned)) else {
        return;
    };
    let (now, folder) = told.split_at(told.find('/').unwrap());
    victim(Path::new(folder), now.parse().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_raise_no_false_alarm_and_hide_no_loss() {
    let plan = Plan {
        ticks: 220,
        seed: 1,
        quiet: 6,
    };
    let outcome = endure(plan, start_victim).await;
    // Memory is the long run's business: so short a one is all warm-up.
    assert!(
        outcome.missed.is_empty() && outcome.false_alarms.is_empty() && outcome.wrong.is_empty(),
        "{outcome:#?}"
    );
    assert!(outcome.all_kinds(), "{outcome:#?}");
}
