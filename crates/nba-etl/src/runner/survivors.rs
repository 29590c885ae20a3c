//! Finding processes a script left behind: by process group, and by the run's mark in their environment.
//!
//! `/proc` answers both on Linux. Elsewhere only the process group is signalled, and nobody is listed.

use std::fs;

use nba_utils::redact::Redactor;
use rustix::process::Signal;
use uuid::Uuid;

use super::RUN_ID_VARIABLE;

/// A process that outlived its script.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survivor {
    /// Its id.
    pub pid: u32,
    /// Its command line, secrets hidden.
    pub command: String,
    /// Whether it had left the script's process group.
    pub escaped: bool,
}

impl Survivor {
    pub(super) fn redacted(self, redactor: &Redactor) -> Survivor {
        Survivor {
            command: redactor.redact(&self.command).into_owned(),
            ..self
        }
    }
}

/// Living processes of the group or the run, without the leader itself. The dead that nobody reaped do not count.
pub(super) fn of(leader: u32, run_id: Uuid) -> Vec<Survivor> {
    processes()
        .filter(|pid| *pid != leader)
        .filter_map(|pid| {
            let (state, group) = state_and_group(pid)?;
            let dead = matches!(state, 'Z' | 'X' | 'x');
            let member = group == leader;
            (!dead && (member || is_marked(pid, run_id))).then(|| Survivor {
                pid,
                command: command_line(pid),
                escaped: !member,
            })
        })
        .collect()
}

/// Sends a signal to every process that carries the mark. The handle is taken before the mark is read again, so that an
/// id given to someone else in between is never hit.
#[cfg(target_os = "linux")]
pub(super) fn signal_marked(run_id: Uuid, signal: Signal) {
    use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

    for pid in processes().filter(|pid| is_marked(*pid, run_id)) {
        let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            continue;
        };
        if let Ok(handle) = pidfd_open(id, PidfdFlags::empty())
            && is_marked(pid, run_id)
        {
            // It may have ended by itself meanwhile.
            let _ = pidfd_send_signal(handle, signal);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn signal_marked(_: Uuid, _: Signal) {}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// From `/proc/PID/stat`, whose second field is a name in parentheses that may hold anything.
fn state_and_group(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let group = fields.nth(1)?.parse().ok()?;
    Some((state, group))
}

/// Unreadable for processes of other users, which therefore never match.
fn is_marked(pid: u32, run_id: Uuid) -> bool {
    let mark = format!("{RUN_ID_VARIABLE}={run_id}");
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
        environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == mark.as_bytes())
    })
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim()
        .to_owned()
}
