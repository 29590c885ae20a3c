//! What a run of programs costs: their own time and memory, and that of the server processes working for them.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Pause between two looks at the running processes.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Pause between two looks at the memory of server processes; each walks the page tables of the shared buffers.
const WEIGH_EVERY: Duration = Duration::from_millis(150);
/// Time server processes get to end after their client has.
const GRACE: Duration = Duration::from_secs(10);
/// The kernel counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// What to watch beside the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Time only, so that watching does not cost any.
    Time,
    /// The memory of the server processes too.
    ServerMemory,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) client_cpu: Duration,
    pub(crate) server_cpu: Duration,
    /// Sum of the peak resident sets of all programs, in KiB.
    pub(crate) client_kib: u64,
    /// Largest sum of private memory of all new server processes, in KiB; zero when not watched.
    pub(crate) server_kib: u64,
}

/// What a run cost, and what its programs wrote.
pub(crate) struct Ran {
    pub(crate) cost: Cost,
    pub(crate) outputs: Vec<String>,
    /// Exit codes; `None` after a signal.
    pub(crate) codes: Vec<Option<i32>>,
}

/// Runs all programs at once and waits for the last. `servers` are the process ids of the PostgreSQL servers.
pub(crate) fn run(commands: Vec<Command>, servers: &[u32], watch: Watch) -> std::io::Result<Ran> {
    let before: BTreeSet<u32> = children(servers);
    let (server_before, own_before) = (server_time(servers), children_time("self"));
    let started = Instant::now();
    let mut running = Vec::new();
    for mut command in commands {
        let output = tempfile::tempfile()?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?);
        running.push((command.spawn()?, output, 0_u64, None));
    }
    let mut cost = Cost::default();
    let mut weighed: Option<Instant> = None;
    loop {
        let mut alive = false;
        for (child, _, peak, code) in &mut running {
            if code.is_none() {
                *peak = (*peak).max(peak_kib(child));
                *code = child.try_wait()?.map(|status| status.code());
                alive |= code.is_none();
            }
        }
        if !alive {
            break;
        }
        if watch == Watch::ServerMemory && weighed.is_none_or(|at| at.elapsed() >= WEIGH_EVERY) {
            let private = children(servers)
                .difference(&before)
                .map(|process| private_kib(*process))
                .sum();
            cost.server_kib = cost.server_kib.max(private);
            weighed = Some(Instant::now());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    cost.wall = started.elapsed();
    // A backend's time is its server's once it has ended.
    let patience = Instant::now() + GRACE;
    while children(servers).difference(&before).next().is_some() && Instant::now() < patience {
        std::thread::sleep(LOOK_EVERY);
    }
    cost.server_cpu = server_time(servers).saturating_sub(server_before);
    cost.client_cpu = children_time("self").saturating_sub(own_before);
    cost.client_kib = running.iter().map(|(_, _, peak, _)| peak).sum();
    let mut outputs = Vec::new();
    for (_, file, ..) in &mut running {
        use std::io::Seek as _;
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        outputs.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(Ran {
        cost,
        outputs,
        codes: running
            .into_iter()
            .map(|(.., code)| code.flatten())
            .collect(),
    })
}

/// The fields of `/proc/…/stat` after the program's name; the first is the state.
fn stat(process: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn ticks(fields: &[String], which: std::ops::RangeInclusive<usize>) -> Duration {
    let count: u32 = fields
        .get(which)
        .unwrap_or_default()
        .iter()
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    TICK * count
}

/// User and system time of the children that have ended.
fn children_time(process: &str) -> Duration {
    stat(process).map_or(Duration::ZERO, |fields| ticks(&fields, 13..=14))
}

/// Time of the servers, the processes they have and those they had.
fn server_time(servers: &[u32]) -> Duration {
    let own: Duration = servers
        .iter()
        .filter_map(|server| stat(&server.to_string()))
        .map(|fields| ticks(&fields, 11..=14))
        .sum();
    let living: Duration = children(servers)
        .iter()
        .filter_map(|child| stat(&child.to_string()))
        .map(|fields| ticks(&fields, 11..=12))
        .sum();
    own + living
}

/// Processes whose parent is one of these.
fn children(servers: &[u32]) -> BTreeSet<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return BTreeSet::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|process| {
            stat(&process.to_string())
                .and_then(|fields| fields.get(1)?.parse::<u32>().ok())
                .is_some_and(|parent| servers.contains(&parent))
        })
        .collect()
}

fn peak_kib(child: &Child) -> u64 {
    field_kib(Path::new(&format!("/proc/{}/status", child.id())), "VmHWM:")
}

/// Memory of its own, without the server's shared buffers: their pages count as private too while only one process has touched
/// them.
fn private_kib(process: u32) -> u64 {
    field_kib(
        Path::new(&format!("/proc/{process}/smaps_rollup")),
        "Pss_Anon:",
    )
}

fn field_kib(file: &Path, name: &str) -> u64 {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|figure| figure.parse().ok())
        .unwrap_or(0)
}
