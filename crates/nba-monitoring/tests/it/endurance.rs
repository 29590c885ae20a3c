//! The short version of `examples/endurance`: every kind of fault once.

#[path = "../../examples/endurance/story.rs"]
mod story;

use story::{Plan, endure};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_raise_no_false_alarm_and_hide_no_loss() {
    let outcome = endure(Plan {
        ticks: 210,
        seed: 1,
        quiet: 6,
    })
    .await;
    // Memory is the long run's business: so short a one is all warm-up.
    assert!(
        outcome.missed.is_empty() && outcome.false_alarms.is_empty() && outcome.wrong.is_empty(),
        "{outcome:#?}"
    );
    assert!(outcome.all_kinds(), "{outcome:#?}");
}
