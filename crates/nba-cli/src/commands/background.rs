//! `nba dashboard --background|--status|--stop`: the watch as a process of its own.
//!
//! The process that is started takes its own session, keeps the watch's lock, and only then puts itself on record with the moment it was
//! started: a number that was given to somebody else since is never taken for it. Whether it *works* is told by its last look, not
//! by its being there (F17).

use super::Code;
use super::watch::folder;
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use nba_config::Config;
use nba_migration::rollback::suite;
use nba_migration::state::Process;
use nba_monitoring::watch::read_state;
use nba_utils::atomic::{self, NewFile};
use nba_utils::format::duration;
use nba_utils::{ErrorReport, Verdict, exit_code};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A log that is longer is put aside; the one put aside before it goes.
const LOG_BYTES: u64 = 4 * 1024 * 1024;
/// What is shown of the log of a process that did not start.
const TAIL_BYTES: u64 = 4 * 1024;
/// How long the process may take until it watches.
const START: Duration = Duration::from_secs(60);
/// Between two looks whether it does.
const POLL: Duration = Duration::from_millis(50);
/// A heartbeat may be this far in the future until the clock is not believed.
const CLOCK: TimeDelta = TimeDelta::seconds(60);

/// The running watch, as it put itself on record.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    /// Number and start of the process.
    process: Process,
    /// When it began to watch.
    since: DateTime<Utc>,
    /// Seconds between two looks.
    interval_s: u64,
}

/// The files, all in the folder of the watch.
#[derive(Debug, Clone)]
struct Files {
    folder: PathBuf,
}

impl Files {
    fn of(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            folder: folder(config)?,
        })
    }

    fn record(&self) -> PathBuf {
        self.folder.join("background.json")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("background.log")
    }

    /// Who is on record; `None` when nobody is.
    fn read(&self) -> anyhow::Result<Option<Record>> {
        let path = self.record();
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| format!("cannot read `{}`", path.display()))?,
        };
        let record = serde_json::from_slice(&text)
            .with_context(|| format!("`{}` is damaged", path.display()))?;
        Ok(Some(record))
    }

    fn write(&self, record: &Record) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(record)?;
        atomic::replace(&self.record(), &text, NewFile::Private)?;
        Ok(())
    }

    /// Takes this process off the record, and no other.
    fn forget(&self, process: &Process) {
        let ours = |record: &Record| {
            (record.process.pid, record.process.started_ticks)
                == (process.pid, process.started_ticks)
        };
        if self.read().ok().flatten().as_ref().is_some_and(ours) {
            // A record that stays names a process that has ended.
            let _ = fs::remove_file(self.record());
        }
    }

    /// One start or stop at a time; released with the file.
    fn lock(&self) -> anyhow::Result<File> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create `{}`", self.folder.display()))?;
        let path = self.folder.join("background.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open `{}`", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another `nba dashboard --background` or `--stop` is at work for this project"
                )
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
            }
        }
    }

    /// The log, for more; one that is too long is put aside first.
    fn open_log(&self) -> io::Result<File> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|known| known.len() > LOG_BYTES) {
            fs::rename(&path, self.folder.join("background.log.1"))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
    }
}

/// What is said about a watch that runs, or does not.
#[derive(Serialize)]
struct Report {
    running: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_age_s: Option<i64>,
    log: PathBuf,
    state: PathBuf,
    verdict: Verdict,
}

/// Starts the watch and waits until it watches.
pub(crate) async fn start(context: &Context, config: &Config) -> anyhow::Result<Code> {
    config.database()?;
    let files = Files::of(config)?;
    let _one = files.lock()?;
    // A record that cannot be read decides nothing: the lock of the watch does, in the process that is started.
    if let Ok(Some(record)) = files.read()
        && suite::is_running(&record.process)
    {
        bail!(
            "process {} watches this project in the background already, since {}; `nba dashboard --stop` ends it",
            record.process.pid,
            time(record.since)
        );
    }
    let log = files
        .open_log()
        .with_context(|| format!("cannot open `{}`", files.log().display()))?;
    let began = log.metadata()?.len();
    let mut child = Command::new(std::env::current_exe()?)
        .args(words())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start the watch")?;
    let deadline = Instant::now() + START;
    let record = loop {
        if let Ok(Some(record)) = files.read()
            && record.process.pid == child.id()
            && suite::is_running(&record.process)
        {
            break record;
        }
        if child.try_wait()?.is_some() {
            bail!(
                "the watch ended at once; its log says:\n{}",
                tail(&files.log(), began)
            );
        }
        if Instant::now() > deadline {
            // It is ours, and was not waited for: its number is still its own.
            let _ = child.kill();
            let _ = child.wait();
            bail!(
                "the watch did not begin within {}; its log is `{}`",
                duration(START),
                files.log().display()
            );
        }
        tokio::time::sleep(POLL).await;
    };
    context.out.json(&Report {
        running: Some(true),
        pid: Some(record.process.pid),
        since: Some(record.since),
        interval_s: Some(record.interval_s),
        heartbeat: None,
        heartbeat_age_s: None,
        log: files.log(),
        state: files.record(),
        verdict: Verdict::Proven,
    })?;
    context.out.line(&format!(
        "process {} watches this project every {} s; log `{}`",
        record.process.pid,
        record.interval_s,
        files.log().display()
    ));
    Ok(exit_code::PROVEN)
}

/// The words of this command for the process that stays: the same, and no more than the caller has put there.
fn words() -> Vec<OsString> {
    let left_out = ["--background", "--continuous", "--json"];
    std::env::args_os()
        .skip(1)
        .filter(|word| !left_out.iter().any(|left| word == left))
        .chain(["--continuous", "--detached"].map(OsString::from))
        .collect()
}

/// The end of what was written after `from`.
fn tail(path: &Path, from: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let at = from.max(length.saturating_sub(TAIL_BYTES));
        file.seek(SeekFrom::Start(at))?;
        let mut text = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
    };
    read().unwrap_or_else(|error| format!("(it cannot be read: {error})"))
}

/// The process that stays; dropping it takes it off the record.
pub(crate) struct Detached {
    files: Files,
    process: Process,
}

impl Detached {
    /// Takes a session of its own, and puts itself on record. The caller has the watch.
    pub(crate) fn begin(config: &Config, interval_s: u64) -> anyhow::Result<Self> {
        match rustix::process::setsid() {
            // It leads one already.
            Ok(_) | Err(rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error).context("cannot leave the session"),
        }
        let files = Files::of(config)?;
        let process = suite::look(std::process::id())
            .context("a watch in the background needs `/proc` to be told from others")?;
        files.write(&Record {
            process: process.clone(),
            since: Utc::now(),
            interval_s,
        })?;
        Ok(Self { files, process })
    }

    /// Keeps the log bounded; to be called after each look.
    pub(crate) fn turn_log(&self) -> io::Result<()> {
        if fs::metadata(self.files.log()).is_ok_and(|log| log.len() <= LOG_BYTES) {
            return Ok(());
        }
        io::stdout().flush()?;
        let log = self.files.open_log()?;
        rustix::stdio::dup2_stdout(&log)?;
        rustix::stdio::dup2_stderr(&log)?;
        Ok(())
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        self.files.forget(&self.process);
    }
}

/// Whether it runs and works: 0, does not: 1, cannot be told: 2.
pub(crate) fn status(context: &Context, config: &Config) -> anyhow::Result<Code> {
    let files = Files::of(config)?;
    let report = examine(&files, Utc::now());
    context.out.json(&report)?;
    let mut line = match (report.running, report.pid) {
        (Some(true), Some(pid)) => format!("running: process {pid}"),
        (Some(false), _) => "not running".to_owned(),
        _ => "cannot tell".to_owned(),
    };
    if let (Some(true), Some(since)) = (report.running, report.since) {
        line.push_str(&format!(" since {}", time(since)));
    }
    if let Some(age) = report.heartbeat_age_s {
        line.push_str(&format!("; last look {age} s ago"));
    }
    for reason in report.verdict.reasons() {
        line.push_str(&format!("; {reason}"));
    }
    context.out.line(&Tone::of(&report.verdict).paint(&line));
    Ok(report.verdict.exit_code())
}

fn examine(files: &Files, now: DateTime<Utc>) -> Report {
    let mut report = Report {
        running: None,
        pid: None,
        since: None,
        interval_s: None,
        heartbeat: None,
        heartbeat_age_s: None,
        log: files.log(),
        state: files.record(),
        verdict: Verdict::Proven,
    };
    let record = match files.read() {
        Ok(Some(record)) => record,
        Ok(None) => {
            report.running = Some(false);
            report.verdict = Verdict::refuted("no watch in the background is on record");
            return report;
        }
        Err(error) => {
            report.verdict = Verdict::not_proven(format!("{error:#}"));
            return report;
        }
    };
    report.pid = Some(record.process.pid);
    report.since = Some(record.since);
    report.interval_s = Some(record.interval_s);
    let running = suite::is_running(&record.process);
    report.running = Some(running);
    let last = match read_state(&files.folder) {
        // What another process saw before is no heartbeat of this one.
        Ok(state) => state
            .and_then(|state| state.last_tick)
            .filter(|at| *at >= record.since),
        Err(error) => {
            report.verdict = Verdict::not_proven(ErrorReport::new(&error).to_string());
            None
        }
    };
    report.heartbeat = last;
    let age = now - last.unwrap_or(record.since);
    report.heartbeat_age_s = last.map(|_| age.num_seconds().max(0));
    if !running {
        report.verdict = Verdict::refuted(format!(
            "process {} has ended without taking itself off the record: it was killed, or the machine went down",
            record.process.pid
        ));
    } else if report.verdict.is_proven() {
        report.verdict = heartbeat(record.interval_s, age);
    }
    report
}

/// Whether looks still come: none for three intervals means that nothing is watched.
fn heartbeat(interval_s: u64, age: TimeDelta) -> Verdict {
    let interval = TimeDelta::seconds(i64::try_from(interval_s).unwrap_or(i64::MAX / 1_000_000));
    if age < -CLOCK {
        Verdict::not_proven("the last look is in the future: the clock was set back")
    } else if age > interval * 3 + TimeDelta::seconds(30) {
        Verdict::refuted(format!(
            "it runs, but has taken no look for {} s; one is due every {interval_s} s",
            age.num_seconds()
        ))
    } else {
        Verdict::Proven
    }
}

/// Ends the recorded process and no other: 0 when none runs any more, 1 when it goes on.
pub(crate) async fn stop(context: &Context, config: &Config) -> anyhow::Result<Code> {
    let files = Files::of(config)?;
    let _one = files.lock()?;
    let Some(record) = files.read()? else {
        let verdict = Verdict::Proven;
        context.out.json(
            &serde_json::json!({ "pid": null, "what": "no watch in the background is on record", "verdict": verdict }),
        )?;
        context.out.line("no watch in the background is on record");
        return Ok(exit_code::PROVEN);
    };
    let process = record.process.clone();
    let stopped = tokio::task::spawn_blocking(move || suite::stop(&process)).await?;
    if stopped.verdict.is_proven() {
        files.forget(&record.process);
    }
    context.out.json(&stopped)?;
    let line = format!("process {}: {}", stopped.pid, stopped.what);
    context.out.line(&Tone::of(&stopped.verdict).paint(&line));
    Ok(stopped.verdict.exit_code())
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn being_there_is_no_heartbeat() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files {
            folder: dir.path().to_owned(),
        };
        let since = at("2026-01-10T12:00:00Z");
        let report = examine(&files, since);
        assert_eq!(
            (report.running, report.verdict.exit_code()),
            (Some(false), 1)
        );
        // This process is there, and takes no look.
        let process = suite::look(std::process::id()).unwrap();
        let record = Record {
            process,
            since,
            interval_s: 60,
        };
        files.write(&record).unwrap();
        for (now, code) in [
            ("2026-01-10T12:03:00Z", 0),
            ("2026-01-10T12:04:00Z", 1),
            ("2026-01-10T11:58:00Z", 2),
        ] {
            let report = examine(&files, at(now));
            assert_eq!(report.running, Some(true));
            assert_eq!(
                report.verdict.exit_code(),
                code,
                "{now}: {}",
                report.verdict
            );
        }
        fs::write(dir.path().join("state.json"), "{").unwrap();
        assert_eq!(examine(&files, since).verdict.exit_code(), 2);
        // Its number with another start is another process.
        let mut other = record.clone();
        other.process.started_ticks += 1;
        files.write(&other).unwrap();
        let report = examine(&files, since);
        assert_eq!(
            (report.running, report.verdict.exit_code()),
            (Some(false), 1)
        );
        files.forget(&record.process);
        assert!(files.record().exists(), "another one's record");
        fs::write(files.record(), "{").unwrap();
        let report = examine(&files, since);
        assert_eq!((report.running, report.verdict.exit_code()), (None, 2));
    }
}
