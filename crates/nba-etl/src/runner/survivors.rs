//! Finding what a script started: by session and group, by descent, by the run's mark in the environment, and, where orphans
//! are adopted, by being our child.
//!
//! `/proc` answers on Linux. Elsewhere only the process group is signalled, and nobody is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};

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

/// What was there before the script; `Some` only where orphans are adopted.
pub(super) struct Before {
    own_children: Option<BTreeSet<u32>>,
}

impl Before {
    /// Call before the script is started.
    pub(super) fn taken(adopt: bool) -> Before {
        Before {
            own_children: (adopt && become_subreaper()).then(|| {
                let own = std::process::id();
                processes()
                    .into_values()
                    .filter(|process| process.parent == own)
                    .map(|process| process.pid)
                    .collect()
            }),
        }
    }
}

#[cfg(target_os = "linux")]
fn become_subreaper() -> bool {
    let own = i32::try_from(std::process::id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::set_child_subreaper(own).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn become_subreaper() -> bool {
    false
}

/// One line of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy)]
struct Process {
    pid: u32,
    dead: bool,
    parent: u32,
    group: u32,
    session: u32,
    /// In clock ticks since boot: with the id it names a process for good.
    start: u64,
}

/// The processes of one run.
pub(super) struct Members {
    before: Before,
    /// Start times of those seen so far.
    seen: Mutex<BTreeMap<u32, u64>>,
}

impl Members {
    pub(super) fn new(before: Before) -> Members {
        Members {
            before,
            seen: Mutex::new(BTreeMap::new()),
        }
    }

    /// Remembers who belongs to the run now: who loses its parents later is still known.
    pub(super) fn look(&self, leader: u32) {
        let all = processes();
        self.of(&all, leader, &|_| false);
    }

    /// Members that live, without the leader. The dead that nobody reaped do not count; those that are our own are reaped.
    pub(super) fn living(&self, leader: u32, run_id: Uuid) -> Vec<Survivor> {
        let mark = mark(run_id);
        let all = processes();
        let members = self.of(&all, leader, &|pid| is_marked(pid, &mark));
        let mut living = Vec::new();
        for process in members.iter().filter_map(|pid| all.get(pid)) {
            if process.pid == leader {
                continue;
            }
            if process.dead {
                if process.parent == std::process::id() {
                    reap(process.pid);
                }
                continue;
            }
            living.push(Survivor {
                pid: process.pid,
                command: command_line(process.pid),
                escaped: process.group != leader,
            });
        }
        living
    }

    /// Sends a signal to all members but the leader, whose group got it already. The handle is taken before the process is
    /// looked at again, so that an id given to someone else in between is never hit.
    #[cfg(target_os = "linux")]
    pub(super) fn signal(&self, leader: u32, run_id: Uuid, signal: Signal) {
        use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

        let mark = mark(run_id);
        let all = processes();
        for pid in self.of(&all, leader, &|pid| is_marked(pid, &mark)) {
            let Some(process) = all.get(&pid).filter(|process| !process.dead) else {
                continue;
            };
            let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
                continue;
            };
            if pid != leader
                && let Ok(handle) = pidfd_open(id, PidfdFlags::empty())
                && stat(pid).is_some_and(|now| now.start == process.start)
            {
                // It may have ended by itself meanwhile.
                let _ = pidfd_send_signal(handle, signal);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn signal(&self, _: u32, _: Uuid, _: Signal) {}

    /// The leader, its session and group, the marked, those seen before, the adopted, and all that descend from them.
    fn of(
        &self,
        all: &BTreeMap<u32, Process>,
        leader: u32,
        marked: &dyn Fn(u32) -> bool,
    ) -> BTreeSet<u32> {
        let own = std::process::id();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let adopted = |process: &Process| {
            process.parent == own
                && self
                    .before
                    .own_children
                    .as_ref()
                    .is_some_and(|before| !before.contains(&process.pid))
        };
        let mut members: BTreeSet<u32> = all
            .values()
            .filter(|process| process.pid != own)
            .filter(|process| {
                process.pid == leader
                    || process.group == leader
                    || process.session == leader
                    || seen.get(&process.pid) == Some(&process.start)
                    || adopted(process)
                    || marked(process.pid)
            })
            .map(|process| process.pid)
            .collect();
        loop {
            let more: Vec<u32> = all
                .values()
                .filter(|process| {
                    members.contains(&process.parent)
                        && process.pid != own
                        && !members.contains(&process.pid)
                })
                .map(|process| process.pid)
                .collect();
            if more.is_empty() {
                break;
            }
            members.extend(more);
        }
        for process in members.iter().filter_map(|pid| all.get(pid)) {
            seen.insert(process.pid, process.start);
        }
        members
    }
}

fn reap(pid: u32) {
    use rustix::process::{Pid, WaitOptions, waitpid};
    if let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // Someone else may have done it.
        let _ = waitpid(Some(id), WaitOptions::NOHANG);
    }
}

fn processes() -> BTreeMap<u32, Process> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .map(|process| (process.pid, process))
        .collect()
}

/// From `/proc/PID/stat`, whose second field is a name in parentheses that may hold anything.
fn stat(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        dead: matches!(*fields.first()?, "Z" | "X" | "x"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

fn mark(run_id: Uuid) -> String {
    format!("{RUN_ID_VARIABLE}={run_id}")
}

/// Unreadable for processes of other users, which therefore never match.
fn is_marked(pid: u32, mark: &str) -> bool {
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
