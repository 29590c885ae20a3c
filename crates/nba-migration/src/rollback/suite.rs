//! The suite's own running processes, so that a rollback stops exactly those.
//!
//! The legacy rollback stopped whatever had the project's name in its arguments (monitoring dossier 3.3). Here a process that runs for
//! long writes its number *and* the moment it was started; a number that was given to somebody else since is left alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nba_utils::Verdict;
use nba_utils::atomic::{self, NewFile};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use crate::state::Process;

/// Folder of the records, inside the state folder.
const FOLDER: &str = "processes";
/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(20);
/// Between two looks whether it has.
const POLL: Duration = Duration::from_millis(20);

/// Keeps a process on record for as long as it lives.
#[derive(Debug)]
pub struct Registered {
    path: PathBuf,
}

impl Drop for Registered {
    fn drop(&mut self) {
        // A record that stays names a process that has ended: nobody is stopped by it.
        let _ = fs::remove_file(&self.path);
    }
}

/// What became of one recorded process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// Its number.
    pub pid: u32,
    /// Its arguments as recorded.
    pub command: Vec<String>,
    /// `Proven` when it has ended, `Refuted` when it goes on.
    pub verdict: Verdict,
    /// In words.
    pub what: String,
}

/// Puts the process `pid` on record in the state folder; needs `/proc`.
///
/// # Errors
///
/// When it cannot be looked at, or the record cannot be written.
pub fn register(state: &Path, pid: u32) -> io::Result<Registered> {
    let process = look(pid)?;
    let folder = state.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{pid}.json"));
    let text = serde_json::to_vec_pretty(&process).map_err(io::Error::other)?;
    atomic::replace(&path, &text, NewFile::Private).map_err(io::Error::other)?;
    Ok(Registered { path })
}

/// The process with this number, as it is now; needs `/proc`.
///
/// # Errors
///
/// When there is none, or it cannot be looked at.
pub fn look(pid: u32) -> io::Result<Process> {
    crate::state::process(&Path::new("/proc").join(pid.to_string()), pid)
}

/// Whether it is still the recorded process, and not an ended one that waits for its parent.
#[must_use]
pub fn is_running(recorded: &Process) -> bool {
    let same = look(recorded.pid).is_ok_and(|now| now.started_ticks == recorded.started_ticks);
    let stat = fs::read_to_string(format!("/proc/{}/stat", recorded.pid)).unwrap_or_default();
    let ended = stat
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('Z'));
    same && !ended
}

/// Asks every recorded process to end, waits, and says which did. Blocks for at most 20 s per process.
///
/// # Errors
///
/// When the records cannot be listed; one that cannot be read is a `NotProven` result.
pub fn stop_all(state: &Path) -> io::Result<Vec<Stopped>> {
    let mut results = Vec::new();
    let listing = match fs::read_dir(state.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(results),
        other => other?,
    };
    for entry in listing {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let recorded: Process = match fs::read(&path)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()))
        {
            Ok(recorded) => recorded,
            Err(problem) => {
                results.push(Stopped {
                    pid: 0,
                    command: Vec::new(),
                    verdict: Verdict::not_proven(problem),
                    what: format!("`{}` cannot be read", path.display()),
                });
                continue;
            }
        };
        if recorded.pid == std::process::id() {
            continue;
        }
        let stopped = stop(&recorded);
        if stopped.verdict.is_proven() {
            let _ = fs::remove_file(&path);
        }
        results.push(stopped);
    }
    Ok(results)
}

/// Asks this process to end, waits for at most 20 s, and says whether it did. Another one that was given its number is left alone.
#[must_use]
pub fn stop(recorded: &Process) -> Stopped {
    let result = |verdict, what: &str| Stopped {
        pid: recorded.pid,
        command: recorded.command.clone(),
        verdict,
        what: what.to_owned(),
    };
    if !is_running(recorded) {
        return result(Verdict::Proven, "it had ended already");
    }
    if let Err(error) = terminate(recorded)
        && error != rustix::io::Errno::SRCH
    {
        return result(
            Verdict::refuted(error.to_string()),
            "it may not be stopped by us",
        );
    }
    let deadline = Instant::now() + GRACE;
    while is_running(recorded) && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
    if is_running(recorded) {
        let verdict = Verdict::refuted(format!("process {} goes on", recorded.pid));
        result(
            verdict,
            "it did not end when asked; nothing worse was done to it",
        )
    } else {
        result(Verdict::Proven, "it was asked to end, and did")
    }
}

/// A descriptor names one process: looked at after it was opened, the signal cannot reach another one with the same number.
#[cfg(target_os = "linux")]
fn terminate(recorded: &Process) -> rustix::io::Result<()> {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let process = pidfd_open(number(recorded)?, PidfdFlags::empty())?;
    if !is_running(recorded) {
        return Err(rustix::io::Errno::SRCH);
    }
    pidfd_send_signal(process, Signal::TERM)
}

#[cfg(not(target_os = "linux"))]
fn terminate(recorded: &Process) -> rustix::io::Result<()> {
    rustix::process::kill_process(number(recorded)?, Signal::TERM)
}

fn number(recorded: &Process) -> rustix::io::Result<Pid> {
    i32::try_from(recorded.pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(rustix::io::Errno::SRCH)
}
