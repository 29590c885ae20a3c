//! A process killed in the middle of replacing a file.

use std::fs;
use std::time::{Duration, Instant};

use crate::child;

/// How long the first file may take to appear.
const DEADLINE: Duration = Duration::from_secs(20);
const KILLS: usize = 10;

#[test]
fn killed_writer_leaves_a_whole_file() {
    for kill in 0..KILLS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut writer = child::command("replace", folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        // the first read that finds another letter means that at least one file was replaced
        let mut first = None;
        loop {
            assert!(
                start.elapsed() < DEADLINE,
                "no file was replaced within {DEADLINE:?}"
            );
            let seen = fs::read(&path).ok().map(|bytes| bytes[0]);
            if first.is_some() && seen != first {
                break;
            }
            first = seen;
        }
        // kill at a different point of the cycle every time
        for _ in 0..kill {
            let _ = fs::metadata(&path).unwrap();
            std::thread::yield_now();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let left = fs::read(&path).unwrap();
        assert_eq!(left.len(), child::REPLACED_BYTES);
        assert!(
            left.iter().all(|byte| *byte == left[0]),
            "the file is a mixture"
        );
    }
}
