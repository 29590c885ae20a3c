//! This test binary started once more, to do one thing in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use nba_utils::atomic::{self, NewFile};
use nba_utils::logging::{self, ConsoleLog, FileLog, LogError, LogOptions};

const TASK: &str = "NBA_UTILS_TEST_TASK";
const FOLDER: &str = "NBA_UTILS_TEST_FOLDER";

/// The size of the file that is replaced again and again: large enough to be caught in the middle.
pub(crate) const REPLACED_BYTES: usize = 1 << 20;

/// A command that runs `task` in `folder`.
pub(crate) fn command(task: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child::runs_its_task", "--exact", "--nocapture"]);
    command
        .env(TASK, task)
        .env(FOLDER, folder)
        .env_remove("NO_COLOR");
    command
}

/// Does nothing unless it is the process that [`command`] started.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own message to itself, not a setting"
)]
fn runs_its_task() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    match task.as_str() {
        "log" => log(&folder),
        "replace" => replace_for_ever(&folder),
        other => panic!("no task `{other}`"),
    }
}

fn log(folder: &Path) {
    let options = LogOptions {
        console: Some(ConsoleLog {
            filter: "info".to_owned(),
            ..ConsoleLog::default()
        }),
        file: Some(FileLog::at(folder.join("nba.log"))),
        ..LogOptions::default()
    };
    let guard = logging::init(&options).unwrap();
    guard.redactor().register("hunter2");
    tracing::info!(password = "unregistered", "connected with hunter2");
    guard.check().unwrap();
    let second = LogOptions {
        file: Some(FileLog::at(folder.join("second.log"))),
        ..LogOptions::default()
    };
    assert!(matches!(
        logging::init(&second),
        Err(LogError::AlreadySetUp)
    ));
}

fn replace_for_ever(folder: &Path) {
    let path = folder.join("state");
    for byte in (b'a'..=b'z').cycle() {
        atomic::replace(&path, &vec![byte; REPLACED_BYTES], NewFile::Private).unwrap();
    }
}
