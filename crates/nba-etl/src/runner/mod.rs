//! Running one legacy script: bounded in time and output, with a clean environment, leaving no process behind.
//!
//! Dozens of the real scripts exit 0 after doing nothing (ETL dossier 6.2), so an exit status is never evidence here: a run
//! is [`Verdict::Proven`] only when the caller's own look at the *effect* says so, and the script ended cleanly.
//!
//! ```
//! use nba_etl::runner::{Cancel, Environment, RunReport, Script, run};
//! use nba_utils::Verdict;
//!
//! let mut environment = Environment::empty();
//! environment.set("PATH", "/usr/local/bin:/usr/bin:/bin");
//! let dir = tempfile::tempdir()?;
//! let script = Script::new("sh", ["-c", "echo done; touch loaded"], dir.path(), environment);
//!
//! let blind = run(&script, &Cancel::new(), None)?;
//! assert_ne!(blind.verdict, Verdict::Proven);
//!
//! let loaded = dir.path().join("loaded");
//! let look = |_: &RunReport| if loaded.exists() { Verdict::Proven } else { Verdict::refuted("nothing was loaded") };
//! let seen = run(&script, &Cancel::new(), Some(&look))?;
//! assert_eq!(seen.verdict, Verdict::Proven);
//! assert_eq!(seen.stdout.text, "done\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nba_utils::{Hint, Verdict};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use uuid::Uuid;

mod environment;
mod launch;
mod limits;
mod lock;
mod log;
mod messages;
mod output;
mod report;
mod survivors;
#[cfg(test)]
mod tests;

pub use environment::{ALLOWED_VARIABLES, Environment, NOWHERE};
pub use launch::{Interpreter, LaunchError, find_interpreter};
pub use limits::{Isolation, Limits, network_isolation};
pub use lock::{AdvisoryLock, Holder, LocalLock, LockError};
pub use log::{LogFile, prune_logs};
pub use messages::{MESSAGES_VARIABLE, Messages};
pub use output::Tail;
pub use report::{Progress, counters, progress};
pub use survivors::Survivor;

/// Variable that marks every process of a run, for finding those that left the process group.
pub const RUN_ID_VARIABLE: &str = "NBA_RUN_ID";

/// Longest run unless told otherwise: the limit the scheduled workflow gives a single script (ETL dossier 5.4).
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(3600);

/// Time between asking to end and ending by force.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(5);

/// Bytes kept of each output stream: the counters the loaders print come last.
pub const DEFAULT_TAIL: usize = 64 * 1024;

/// Pause between two looks at the child: short beside the 50 ms a Python start takes, long enough to cost nothing.
const POLL: Duration = Duration::from_millis(10);

/// Pause between two looks at the processes it started. One that is born, leaves the session, clears its environment and loses
/// its parent in less is found only where orphans are adopted.
const LOOK: Duration = Duration::from_millis(200);

/// Pause between two words to the observer.
const TICK: Duration = Duration::from_secs(1);

/// How long killed processes may take to vanish, and their pipes to close.
const SETTLE: Duration = Duration::from_secs(2);

/// One command to run.
#[derive(Debug, Clone)]
pub struct Script {
    /// Program: a path, or a name looked up in the environment's `PATH`.
    pub program: OsString,
    /// Arguments, without the program's name. Keep secrets out of them: any user of the machine can read them.
    pub arguments: Vec<OsString>,
    /// Working folder; many scripts write relative to it (ETL dossier 6.3).
    pub folder: PathBuf,
    /// All variables it gets.
    pub environment: Environment,
    /// Longest run.
    pub deadline: Duration,
    /// Time between TERM and KILL.
    pub grace: Duration,
    /// Longest time without any output, where silence means that it hangs.
    pub silence: Option<Duration>,
    /// Bytes kept of the end of each output stream.
    pub tail: usize,
    /// Priority, memory, network.
    pub limits: Limits,
    /// Where its whole output goes as well, secrets hidden.
    pub log: Option<LogFile>,
    /// Linux: become the parent of whatever the script leaves behind, so that nothing escapes, not even what clears its
    /// environment and leaves the session. Every new child of *this* process counts as the script's: only for a process that
    /// starts nothing else meanwhile.
    pub adopt: bool,
}

impl Script {
    /// A command with the default limits.
    pub fn new<A>(
        program: impl Into<OsString>,
        arguments: A,
        folder: impl Into<PathBuf>,
        environment: Environment,
    ) -> Script
    where
        A: IntoIterator,
        A::Item: Into<OsString>,
    {
        Script {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            folder: folder.into(),
            environment,
            deadline: DEFAULT_DEADLINE,
            grace: DEFAULT_GRACE,
            silence: None,
            tail: DEFAULT_TAIL,
            limits: Limits::default(),
            log: None,
            adopt: false,
        }
    }

    /// Program and arguments, secrets hidden.
    #[must_use]
    pub fn command_line(&self) -> Vec<String> {
        let redactor = self.environment.redactor();
        std::iter::once(&self.program)
            .chain(&self.arguments)
            .map(|part| redactor.redact(&part.to_string_lossy()).into_owned())
            .collect()
    }
}

/// How a run is going.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Since its start.
    pub elapsed: Duration,
    /// Bytes written to standard output and to standard error.
    pub output_bytes: (u64, u64),
    /// Since the last byte of output, or the start.
    pub silent_for: Duration,
    /// The last line that tells how far it is.
    pub progress: Option<Progress>,
}

/// Told about a run while it goes on, from the thread that runs it.
pub trait Observer {
    /// The process was started.
    fn started(&self, _run_id: Uuid, _pid: u32) {}
    /// A second has passed. `Err` with a reason ends the run: something that it needs was lost.
    ///
    /// # Errors
    ///
    /// Why the run must end.
    fn tick(&self, _status: &Status) -> Result<(), String> {
        Ok(())
    }
}

/// Nobody is told.
impl Observer for () {}

/// Stops a run from another thread; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not cancelled.
    #[must_use]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Asks the run to end, as at its deadline.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How the script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal we did not send.
    Signalled(i32),
    /// Stopped by us at its deadline.
    Deadline,
    /// Stopped by us because it had not written anything for too long.
    Silent,
    /// Stopped by us because the caller wanted it.
    Cancelled,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(status) => write!(f, "exit status {status}"),
            Ending::Signalled(signal) => write!(f, "death by signal {signal}"),
            Ending::Deadline => f.write_str("being stopped at its deadline"),
            Ending::Silent => f.write_str("being stopped after a long silence"),
            Ending::Cancelled => f.write_str("being stopped on request"),
        }
    }
}

/// What a run was, and what may be concluded from it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunReport {
    /// Value of [`RUN_ID_VARIABLE`] in this run.
    pub run_id: Uuid,
    /// Program and arguments, secrets hidden.
    pub command: Vec<String>,
    /// How it ended.
    pub ending: Ending,
    /// From start to the last process' end.
    pub elapsed: Duration,
    /// End of its standard output, secrets hidden.
    pub stdout: Tail,
    /// End of its standard error, secrets hidden. Output there is no failure: warnings at start are common.
    pub stderr: Tail,
    /// Processes it left behind, which were ended.
    pub survivors: Vec<Survivor>,
    /// The last figures its output ended with, by their label: claims of the script, not facts.
    pub counters: std::collections::BTreeMap<String, u64>,
    /// The last line that told how far it was.
    pub progress: Option<Progress>,
    /// What it reported through the file of [`MESSAGES_VARIABLE`].
    pub messages: Messages,
    /// Why the log is incomplete, if it is.
    pub log_problem: Option<String>,
    /// What the observer lost, when that ended the run.
    pub interrupted: Option<String>,
    /// What is known about the effect; never [`Verdict::Proven`] without an [`EffectCheck`].
    pub verdict: Verdict,
}

/// A look at what the script was to bring about: rows, files, objects.
///
/// Any `Fn(&RunReport) -> Verdict` is one. The report's own verdict is still open when it is asked.
pub trait EffectCheck {
    /// Whether the effect is there.
    fn check(&self, report: &RunReport) -> Verdict;
}

impl<F: Fn(&RunReport) -> Verdict> EffectCheck for F {
    fn check(&self, report: &RunReport) -> Verdict {
        self(report)
    }
}

/// Why nothing ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The working folder is not there.
    #[error("working folder `{}` does not exist", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The program could not be started.
    #[error("cannot start `{program}` in `{}`", folder.display())]
    Start {
        /// The program.
        program: String,
        /// Working folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run was to have no network, and this system does not permit that.
    #[error("cannot start `{program}` without network: {message}")]
    NoIsolation {
        /// The program.
        program: String,
        /// What was tried.
        message: String,
    },
    /// The child could not be watched; it was killed.
    #[error("lost track of `{program}` (process {pid})")]
    Lost {
        /// The program.
        program: String,
        /// Its process id.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
}

impl Hint for RunError {
    fn hint(&self) -> Option<String> {
        match self {
            RunError::Start {
                program, source, ..
            } if source.kind() == io::ErrorKind::NotFound => Some(format!(
                "install `{program}`, or give the script a PATH that has it"
            )),
            RunError::NoIsolation { .. } => Some(
                "Linux namespaces are needed, and `unshare` of util-linux; leave the isolation out to run with network"
                    .to_owned(),
            ),
            RunError::NoFolder { .. } => Some("give the folder of the checkout".to_owned()),
            _ => None,
        }
    }
}

/// Runs a script to its end and clears up after it. Blocks; see [`run_async`].
///
/// The child gets its own session, so that there is no terminal to ask on, nothing on standard input, and pipes for its
/// output. When it has ended, was cancelled, is silent for too long or is past its deadline, the whole session gets TERM, after
/// the grace KILL; so does whatever escaped but carries the run's mark (Linux) or was adopted ([`Script::adopt`]).
///
/// # Errors
///
/// Only when nothing ran, or the child could not be watched. A script that fails is a report.
pub fn run(
    script: &Script,
    cancel: &Cancel,
    effect: Option<&dyn EffectCheck>,
) -> Result<RunReport, RunError> {
    let mut report = run_observed(script, cancel, Uuid::now_v7(), &())?;
    if let Some(effect) = effect {
        report.judge(effect.check(&report));
    }
    Ok(report)
}

/// [`run`] under an id the caller chose, telling an observer; look at the effect afterwards and [`RunReport::judge`].
///
/// # Errors
///
/// As [`run`].
pub fn run_observed(
    script: &Script,
    cancel: &Cancel,
    run_id: Uuid,
    observer: &dyn Observer,
) -> Result<RunReport, RunError> {
    if !script.folder.is_dir() {
        return Err(RunError::NoFolder {
            path: script.folder.clone(),
        });
    }
    let program = script.program.to_string_lossy().into_owned();
    let not_started = |source| RunError::Start {
        program: program.clone(),
        folder: script.folder.clone(),
        source,
    };
    let resolved = script.environment.resolve(&script.program);
    if !is_executable(Path::new(&resolved)) {
        let kind = if Path::new(&resolved).exists() {
            io::ErrorKind::PermissionDenied
        } else {
            io::ErrorKind::NotFound
        };
        return Err(not_started(kind.into()));
    }
    let (resolved, arguments) =
        script
            .limits
            .wrap(resolved, &script.arguments)
            .map_err(|message| RunError::NoIsolation {
                program: program.clone(),
                message,
            })?;

    let redactor = script.environment.redactor();
    let messages = messages::Inbox::open().map_err(not_started)?;
    let margin = script.environment.longest_secret();
    let log = log::Log::open(script.log.as_ref(), &redactor);
    let open =
        |name| output::Stream::open(name, script.tail, margin, log.clone()).map_err(not_started);
    let (stdout, stdout_writer) = open("out")?;
    let (stderr, stderr_writer) = open("err")?;
    let before = survivors::Before::taken(script.adopt);
    let limits = script.limits.clone();
    let started = Instant::now();
    let mut environment = script.environment.with_run_id(run_id);
    environment.insert(MESSAGES_VARIABLE.into(), messages.path().into());
    // The expression holds our copies of the writing ends. It is dropped with this statement, so that the readers see the end.
    let handle = duct::cmd(resolved, arguments)
        .dir(&script.folder)
        .full_env(environment)
        .stdin_null()
        .stdout_file(stdout_writer)
        .stderr_file(stderr_writer)
        .unchecked()
        .before_spawn(move |command| {
            limits.install(command);
            Ok(())
        })
        .start()
        .map_err(not_started)?;
    let family = Family {
        leader: handle.pids().first().copied().unwrap_or_default(),
        run_id,
        members: survivors::Members::new(before),
    };
    let lost = |source| RunError::Lost {
        program: program.clone(),
        pid: family.leader,
        source,
    };
    observer.started(run_id, family.leader);

    let watch = Watch {
        script,
        cancel,
        observer,
        started,
        streams: [&stdout, &stderr],
    };
    let (stopped, interrupted) = family.watch(&watch).map_err(lost)?;
    // While the leader was alive nobody was "left behind".
    let survivors = match stopped {
        None => family.survivors(),
        Some(_) => Vec::new(),
    };
    if stopped.is_some() || !survivors.is_empty() {
        family.end(script.grace);
    }
    // Only now is the leader reaped: until here its id cannot have been given to anyone else.
    let status = handle
        .wait_timeout(SETTLE)
        .map_err(lost)?
        .ok_or_else(|| lost(io::Error::other("it does not die")))?
        .status;
    family.disarm();

    let ending = stopped.unwrap_or_else(|| {
        use std::os::unix::process::ExitStatusExt as _;
        match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, signal) => Ending::Signalled(signal.unwrap_or_default()),
        }
    });
    let settle = Instant::now() + SETTLE;
    let stdout = stdout.finish(settle, &redactor);
    let stderr = stderr.finish(settle, &redactor);
    let texts = [stdout.text.as_str(), stderr.text.as_str()];
    let figures = counters(texts);
    let last_progress = texts.into_iter().rev().find_map(progress);
    Ok(RunReport {
        run_id,
        command: script.command_line(),
        ending,
        counters: figures,
        progress: last_progress,
        messages: messages.read(&redactor),
        log_problem: log.finish([("out", &stdout), ("err", &stderr)]),
        interrupted,
        stdout,
        stderr,
        survivors: survivors
            .into_iter()
            .map(|survivor| survivor.redacted(&redactor))
            .collect(),
        elapsed: started.elapsed(),
        verdict: Verdict::not_proven(format!(
            "{ending} is no evidence, and no effect was checked"
        )),
    })
}

impl RunReport {
    /// Joins what was found out about the effect with what the run itself gives reason to doubt.
    pub fn judge(&mut self, effect: Verdict) {
        self.verdict = Verdict::all([effect, cleanly(self)]);
    }
}

/// What speaks against relying on an effect although it was seen.
fn cleanly(report: &RunReport) -> Verdict {
    let ending = (report.ending != Ending::Exited(0))
        .then(|| Verdict::not_proven(format!("the run ended with {}", report.ending)));
    let left = report.survivors.len();
    let survivors = (left > 0)
        .then(|| Verdict::not_proven(format!("{left} processes were left behind and ended")));
    let interrupted = report
        .interrupted
        .as_ref()
        .map(|reason| Verdict::not_proven(format!("the run was ended: {reason}")));
    // Without doubts it must not add anything of its own: a neutral part leaves the effect's verdict alone.
    Verdict::all(
        [ending, survivors, interrupted]
            .into_iter()
            .flatten()
            .chain([Verdict::not_applicable("the run ended cleanly")]),
    )
}

/// [`run`] on a blocking thread, without an effect check: look at the effect afterwards and [`RunReport::judge`].
///
/// Cancel-safe: dropping the future cancels the run, which then ends within its grace.
///
/// # Errors
///
/// As [`run`].
///
/// # Panics
///
/// When the run itself panicked, or the runtime is shutting down.
pub async fn run_async(script: Script) -> Result<RunReport, RunError> {
    run_watched(script, Uuid::now_v7(), Arc::default()).await
}

/// [`run_async`] under an id the caller chose, which can be watched and ended from elsewhere.
///
/// # Errors
///
/// As [`run`].
///
/// # Panics
///
/// As [`run_async`].
pub async fn run_watched(
    script: Script,
    run_id: Uuid,
    watched: Arc<Watched>,
) -> Result<RunReport, RunError> {
    struct CancelOnDrop(Cancel);
    impl Drop for CancelOnDrop {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let guard = CancelOnDrop(Cancel::new());
    let cancel = guard.0.clone();
    tokio::task::spawn_blocking(move || run_observed(&script, &cancel, run_id, watched.as_ref()))
        .await
        .expect("the run does not panic")
}

/// How a run is going, for other tasks; they can end it, too.
#[derive(Debug, Default)]
pub struct Watched {
    status: Mutex<Option<Status>>,
    stop: Mutex<Option<String>>,
}

impl Watched {
    /// The state of at most a second ago; none before the first second.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Ends the run within a second: something it needs was lost.
    pub fn stop(&self, reason: impl Into<String>) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        stop.get_or_insert_with(|| reason.into());
    }
}

impl Observer for Watched {
    fn tick(&self, status: &Status) -> Result<(), String> {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.clone());
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        stop.clone().map_or(Ok(()), Err)
    }
}

/// What is looked at while the child runs.
struct Watch<'a> {
    script: &'a Script,
    cancel: &'a Cancel,
    observer: &'a dyn Observer,
    started: Instant,
    streams: [&'a output::Stream; 2],
}

impl Watch<'_> {
    fn status(&self) -> Status {
        let [out, err] = self.streams.map(output::Stream::activity);
        let last = out.last.max(err.last).max(Some(self.started));
        Status {
            elapsed: self.started.elapsed(),
            output_bytes: (out.total, err.total),
            silent_for: last.map_or(Duration::ZERO, |last| last.elapsed()),
            progress: [&err.end, &out.end]
                .into_iter()
                .find_map(|end| progress(end)),
        }
    }
}

/// The started child, not yet reaped, and everything that came of it. Dropping it kills them all.
struct Family {
    /// Process id of the child, and id of its group and session.
    leader: u32,
    run_id: Uuid,
    members: survivors::Members,
}

impl Family {
    /// Call once the leader is reaped: from then on its id may be someone else's.
    fn disarm(self) {
        std::mem::forget(self);
    }

    fn id(&self) -> Option<Pid> {
        i32::try_from(self.leader).ok().and_then(Pid::from_raw)
    }

    fn survivors(&self) -> Vec<Survivor> {
        self.members.living(self.leader, self.run_id)
    }

    /// Waits for the leader's end without reaping it; gives the reason if it must be stopped instead.
    fn watch(&self, watch: &Watch<'_>) -> io::Result<(Option<Ending>, Option<String>)> {
        let mut next_look = Instant::now();
        let mut next_tick = Instant::now() + TICK;
        loop {
            if self.leader_has_ended()? {
                return Ok((None, None));
            }
            if watch.cancel.is_cancelled() {
                return Ok((Some(Ending::Cancelled), None));
            }
            let now = Instant::now();
            if now >= watch.started + watch.script.deadline {
                return Ok((Some(Ending::Deadline), None));
            }
            if now >= next_look {
                self.members.look(self.leader);
                next_look = now + LOOK;
            }
            if now >= next_tick {
                let status = watch.status();
                if watch
                    .script
                    .silence
                    .is_some_and(|most| status.silent_for >= most)
                {
                    return Ok((Some(Ending::Silent), None));
                }
                if let Err(reason) = watch.observer.tick(&status) {
                    return Ok((Some(Ending::Cancelled), Some(reason)));
                }
                next_tick = now + TICK;
            }
            self.wait_a_moment();
        }
    }

    /// Until the leader ends, or for a moment: whichever is first.
    #[cfg(target_os = "linux")]
    fn wait_a_moment(&self) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::process::{PidfdFlags, pidfd_open};

        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: i64::try_from(LOOK.as_nanos() / 2).unwrap_or(0),
        };
        let handle = self.id().map(|id| pidfd_open(id, PidfdFlags::empty()));
        if let Some(Ok(handle)) = handle {
            // An interrupted wait is a short one.
            let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&moment));
        } else {
            std::thread::sleep(POLL);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn wait_a_moment(&self) {
        std::thread::sleep(POLL);
    }

    fn leader_has_ended(&self) -> io::Result<bool> {
        let id = self
            .id()
            .ok_or_else(|| io::Error::other("it has no process id"))?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        loop {
            match waitid(WaitId::Pid(id), options) {
                Ok(status) => return Ok(status.is_some()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// TERM to the group and to marked escapees, the grace, then KILL.
    fn end(&self, grace: Duration) {
        self.signal(Signal::TERM);
        if self.gone_before(Instant::now() + grace) {
            return;
        }
        // Processes may be born between a look and a signal: look again until nobody is left.
        let limit = Instant::now() + SETTLE;
        while Instant::now() < limit {
            self.signal(Signal::KILL);
            if self.gone_before(Instant::now() + POLL) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id() {
            // No such group means that all are gone.
            let _ = kill_process_group(id, signal);
        }
        self.members.signal(self.leader, self.run_id, signal);
    }

    fn gone_before(&self, deadline: Instant) -> bool {
        loop {
            if self.leader_has_ended().unwrap_or(true) && self.survivors().is_empty() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Whether `path` can be run, for `PATH` look-ups.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
