//! The builder's memory does not grow with the scale.

use std::process::Command;

use nba_testkit::plan::Temporal;

use crate::support::{Server, options};

/// Tells the probe below what to build; absent when it runs as one of the tests.
const PROBE_SCALE: &str = "NBA_TESTKIT_PROBE_SCALE";
/// What six times as many rows may cost. The larger build writes 155 MB more than the smaller, which is what keeping the
/// rows would show; the smaller does not fill every buffer and allocator arena yet, which has shown 15 MB.
const ALLOWED_GROWTH_KIB: u64 = 40 * 1024;

#[test]
fn six_times_the_rows_need_no_more_memory() {
    let small = peak_kib(0.005);
    let large = peak_kib(0.03);
    assert!(
        large < small + ALLOWED_GROWTH_KIB,
        "{small} KiB became {large} KiB"
    );
}

/// Peak resident memory of a process that only builds a replica of this scale.
fn peak_kib(scale: f64) -> u64 {
    let probe = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::probe", "--nocapture"])
        .env(PROBE_SCALE, scale.to_string())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&probe.stdout).into_owned();
    let line = printed
        .lines()
        .find_map(|line| line.split_once("VmHWM:"))
        .unwrap_or_else(|| panic!("{printed}{}", String::from_utf8_lossy(&probe.stderr)));
    line.1.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Runs in the child process; as a test of its own it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the parent talks to the child"
    )]
    let scale = std::env::var(PROBE_SCALE);
    let Ok(scale) = scale else { return };
    let server = Server::start().await;
    server
        .build(options(scale.parse().unwrap(), Temporal::Empty))
        .await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap()
    );
}
