//! Tells when somebody waits for a file lock, so that tests need not guess with sleeps.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(10);

/// Returns once another thread or process waits for the lock on `file`.
pub(crate) fn wait_for_waiter(file: &File) {
    let inode = format!(":{} ", file.metadata().unwrap().ino());
    let start = Instant::now();
    // a waiter is listed below the holder, with an arrow
    while !fs::read_to_string("/proc/locks")
        .unwrap()
        .lines()
        .any(|line| line.contains("-> FLOCK") && line.contains(&inode))
    {
        assert!(
            start.elapsed() < DEADLINE,
            "nobody waited for the lock within {DEADLINE:?}"
        );
        std::thread::yield_now();
    }
}
