//! Recognising a running server, and stopping it only when it is provably ours.
//!
//! A process id alone proves nothing: ids are reused. A server counts as the one of a data folder when
//! the process named in `postmaster.pid` works inside that folder and started when the file says; it
//! counts as *ours* when its command line carries the run id we wrote next to the folder. The signal
//! goes through a process handle taken before those checks, so nobody else can receive it.

use std::{
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// File beside the data folder holding the id of the run.
pub(super) const RUN_FILE: &str = "run";
/// Setting that carries the run id on the server's command line, and in `SHOW nba.server`.
pub(super) const RUN_SETTING: &str = "nba.server";
/// The file and the kernel may disagree by rounding, and by the time between start and writing the file.
const START_TOLERANCE_SECONDS: u64 = 60;
/// How long a server may take to stop that is not our child: a fast stop first writes and syncs whatever a build left
/// in memory, which took 12 s on a busy machine with a replica of a thousandth.
pub(super) const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// How to stop a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Disconnect clients, write everything, stop.
    Fast,
    /// Stop now; the next start recovers.
    Immediate,
}

/// A live server on a data folder.
#[derive(Debug)]
pub(super) struct Running {
    pid: rustix::process::Pid,
    handle: OwnedFd,
}

/// Who works on a data folder.
#[derive(Debug)]
pub(super) enum Occupant {
    /// Nobody; a `postmaster.pid` lying there is left over.
    Nobody,
    /// This server.
    Server(Running),
    /// Perhaps somebody: PostgreSQL's own interlock has to decide.
    Unknown,
}

/// Who works on a data folder.
#[cfg(target_os = "linux")]
pub(super) fn occupant(data: &Path) -> Occupant {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return Occupant::Nobody;
    };
    let mut lines = text.lines().map(str::trim);
    let pid = lines.next().and_then(|line| line.parse().ok());
    let written_start = lines.nth(1).and_then(|line| line.parse::<u64>().ok());
    let (Some(pid), Some(written_start)) = (pid.and_then(Pid::from_raw), written_start) else {
        return Occupant::Unknown;
    };
    // Taken first: from here on the handle means one process, whatever happens to the number.
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Occupant::Nobody,
        Err(_) => return Occupant::Unknown,
    };
    let process = process_folder(pid);
    match (fs::read_link(process.join("cwd")), data.canonicalize()) {
        (Ok(works_in), Ok(data)) if works_in != data => return Occupant::Nobody,
        (Ok(_), Ok(_)) => {}
        _ => return Occupant::Unknown,
    }
    match start_seconds(&process) {
        Some(start) if start.abs_diff(written_start) <= START_TOLERANCE_SECONDS => {
            Occupant::Server(Running { pid, handle })
        }
        _ => Occupant::Unknown,
    }
}

/// Without `/proc` nothing can be proven, so no server is ever signalled this way.
#[cfg(not(target_os = "linux"))]
pub(super) fn occupant(data: &Path) -> Occupant {
    if data.join("postmaster.pid").exists() {
        Occupant::Unknown
    } else {
        Occupant::Nobody
    }
}

/// The server running on a data folder, if its process can be proven to be that.
pub(super) fn find(data: &Path) -> Option<Running> {
    match occupant(data) {
        Occupant::Server(server) => Some(server),
        Occupant::Nobody | Occupant::Unknown => None,
    }
}

impl Running {
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Whether we started it: its command line carries the run id written in the server folder.
    pub(super) fn started_in(&self, folder: &Path) -> bool {
        let Ok(run) = fs::read_to_string(folder.join(RUN_FILE)) else {
            return false;
        };
        let words = fs::read(process_folder(self.pid).join("cmdline")).unwrap_or_default();
        let wanted = format!("{RUN_SETTING}={}", run.trim());
        words
            .split(|byte| *byte == 0)
            .any(|word| word == wanted.as_bytes())
    }

    /// Stops it and waits; whether it is gone in the end.
    pub(super) fn stop(&self, how: Stop) -> bool {
        if self.signal(how).is_err() {
            return !self.is_alive();
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        while self.is_alive() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    #[cfg(target_os = "linux")]
    fn signal(&self, how: Stop) -> rustix::io::Result<()> {
        use rustix::process::{Signal, pidfd_send_signal};
        let signal = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        pidfd_send_signal(&self.handle, signal)
    }

    #[cfg(not(target_os = "linux"))]
    fn signal(&self, _how: Stop) -> rustix::io::Result<()> {
        Err(rustix::io::Errno::NOSYS)
    }

    /// A process nobody has waited for yet counts as gone.
    fn is_alive(&self) -> bool {
        let stat = fs::read_to_string(process_folder(self.pid).join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| {
            !rest.is_empty() && !rest.starts_with('Z') && !rest.starts_with('X')
        })
    }
}

fn process_folder(pid: rustix::process::Pid) -> PathBuf {
    PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()))
}

/// When a process started, in seconds since 1970.
#[cfg(target_os = "linux")]
fn start_seconds(process: &Path) -> Option<u64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // The name in brackets may hold anything; field 22 is the 20th after it.
    let ticks: u64 = stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()?;
    let boot: u64 = fs::read_to_string("/proc/stat")
        .ok()?
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    Some(boot + ticks / rustix::param::clock_ticks_per_second())
}
