//! What runs, when, from where, and whether it can run at all: the state of a platform before anything is moved.
//!
//! "No active cron jobs" passed a preflight while twelve were installed, two of them lacking the change of folder without which they
//! cannot find their script (monitoring dossier 4.2, F03). [`capture`] therefore discovers instead of asking: crontabs of users, of the
//! system and in the checkout, systemd units and timers, launchd agents, running processes; it follows every command to its program
//! and script from the folder it would start in, and looks for the last sign of life of each job. [`diff`] says what changed between
//! two captures. It only reads.
//!
//! A place that may not be read is `NotProven`, with its name; it is never "nothing there".

mod census;
mod command;
mod crontab;
mod database;
mod diff;
mod guard;
mod inventory;
mod launchd;
mod places;
mod process;
mod systemd;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use nba_utils::atomic::{self, FileError, NewFile};
use nba_utils::tree::{Excludes, TreeError, TreeMemory};
use nba_utils::{Digest, Hint, TreeFingerprint, Verdict};
use serde::{Deserialize, Serialize};

pub use self::census::{Census, Kind};
pub use self::command::{Resolution, Step};
pub use self::database::database_activity;
pub use self::diff::{Change, StateDiff, diff};
pub use self::guard::{TreeGuard, tree_guard};
pub use self::inventory::Inventory;
pub use self::places::Places;
pub use self::process::Process;
pub(crate) use self::process::read as process;
use crate::ledger::Entry;
use crate::rollback::{Checkout, checkout};

/// Findings named in a verdict.
const NAMED: usize = 30;

/// Where a job was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The crontab of a user, as installed.
    UserCrontab,
    /// `/etc/crontab` or a file in `/etc/cron.d`.
    SystemCrontab,
    /// A script in `/etc/cron.daily` and the like.
    CronFolder,
    /// A systemd service.
    Systemd,
    /// A launchd agent or daemon.
    Launchd,
    /// A crontab, unit or agent that lies in the checkout: what somebody meant to install.
    Committed,
}

/// Something that runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Job {
    /// Where it was found.
    pub source: Source,
    /// The file, and the line where a file has several.
    pub place: String,
    /// When: five fields, `@reboot`, an `OnCalendar`, or what the agent says; `None` for what only runs on demand.
    pub schedule: Option<String>,
    /// As which user, where that is told.
    pub user: Option<String>,
    /// The folder it starts in.
    pub folder: PathBuf,
    /// The command, secrets hidden.
    pub command: String,
    /// What each part of the command leads to.
    pub steps: Vec<Step>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// Files it writes its output to, and when that last happened.
    pub outputs: BTreeMap<String, Option<DateTime<Utc>>>,
}

impl Job {
    /// What keeps it from running.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        self.steps
            .iter()
            .filter_map(|step| step.resolution.problem(&step.words))
    }

    /// Whether any part of it lies in `folder`.
    #[must_use]
    pub fn concerns(&self, folder: &Path) -> bool {
        self.folder.starts_with(folder)
            || self
                .steps
                .iter()
                .any(|step| step.folder.starts_with(folder))
            || self.command.contains(&*folder.to_string_lossy())
            || self.steps.iter().any(|step| match &step.resolution {
                Resolution::Found { program, script } => {
                    program.starts_with(folder)
                        || script
                            .as_ref()
                            .is_some_and(|script| script.starts_with(folder))
                }
                _ => false,
            })
    }
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateCapture {
    /// When.
    pub captured_at: DateTime<Utc>,
    /// The machine's name.
    pub machine: String,
    /// The project.
    pub project: PathBuf,
    /// `Refuted` when a job cannot run or installed and committed schedules differ, `NotProven` when something could not be looked at.
    pub verdict: Verdict,
    /// What is wrong, in words.
    pub findings: Vec<String>,
    /// What could not be looked at.
    pub unseen: Vec<String>,
    /// Jobs, by source and place.
    pub jobs: Vec<Job>,
    /// Processes that belong to the project or run one of its scripts.
    pub processes: Vec<Process>,
    /// Where the checkout stands.
    pub git: Option<Checkout>,
    /// What lies in it.
    pub census: Census,
    /// What its Python files offer: functions, classes, endpoints.
    #[serde(default)]
    pub inventory: Inventory,
    /// Digest of every file the legacy side owns: the guard of later phases.
    pub legacy_tree: Digest,
    /// Who else works in the database, where it was asked.
    #[serde(default)]
    pub database: Option<DatabaseActivity>,
}

/// Who else works in the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatabaseActivity {
    /// Its name.
    pub database: String,
    /// Sessions of others, by role, program and address, with how many of them are active.
    pub sessions: BTreeMap<String, u64>,
    /// Tables whose counters moved between the two looks, with the rows written.
    pub written: BTreeMap<String, u64>,
    /// Milliseconds between the two looks.
    pub between_ms: u64,
    /// Whether sessions of other roles may be looked into.
    pub sees_all: bool,
}

/// Why a state could not be captured or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A file operation failed.
    #[error("could not {operation} `{}`", path.display())]
    Io {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The project's tree could not be read.
    #[error("the project could not be read")]
    Tree(#[from] TreeError),
    /// The capture could not be written.
    #[error("the capture could not be kept")]
    File(#[from] FileError),
    /// A capture that cannot be read.
    #[error("the capture `{}` cannot be read: {problem}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Line and cause.
        problem: String,
    },
    /// The database could not be asked.
    #[error("the database could not be asked who else works in it")]
    Database(#[source] Box<nba_db::DbError>),
}

impl Hint for StateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Database(error) => error.hint(),
            Self::Bad { .. } => Some("`nba state list` names the captures there are".to_owned()),
            _ => None,
        }
    }
}

pub(crate) fn io(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> StateError + use<> {
    let path = path.to_owned();
    move |source| StateError::Io {
        operation,
        path,
        source,
    }
}

/// Fingerprints what belongs to the legacy side: everything but git, our state, and what both sides only write to.
///
/// # Errors
///
/// [`StateError::Tree`].
pub fn legacy_tree(project: &Path) -> Result<TreeFingerprint, StateError> {
    legacy_tree_again(project, &mut TreeMemory::default())
}

/// The same, without reading files that are as they were.
fn legacy_tree_again(
    project: &Path,
    memory: &mut TreeMemory,
) -> Result<TreeFingerprint, StateError> {
    let excludes = Excludes::new([
        ".git",
        "/.nba",
        "/nba",
        "/nba.toml",
        "/backups",
        "/refactoring_logs",
        "/logs",
        "__pycache__",
        "*.pyc",
        "*.log",
    ])?;
    Ok(TreeFingerprint::again(project, &excludes, memory)?)
}

/// Looks at the machine and the project. Blocks: lists processes and reads the whole checkout.
///
/// # Errors
///
/// [`StateError`] when the project cannot be read; any other place that cannot be read is part of the result.
pub fn capture(project: &Path, places: &Places) -> Result<StateCapture, StateError> {
    let project = std::path::absolute(project).map_err(io("find", project))?;
    let mut unseen = Vec::new();
    let mut jobs = places.jobs(&project, &mut unseen);
    jobs.sort();
    let processes = match process::list(places.proc(), &project) {
        Ok(processes) => processes,
        Err(error) => {
            unseen.push(format!("the running processes: {error}"));
            Vec::new()
        }
    };
    let git = match checkout(&project) {
        Ok(git) => Some(git),
        Err(error) => {
            unseen.push(format!("the state of git: {error}"));
            None
        }
    };
    let mut findings = Vec::new();
    for job in jobs
        .iter()
        .filter(|job| job.source != Source::Committed && !job.disabled)
    {
        // What has nothing to do with the project is somebody else's business.
        if job.source == Source::UserCrontab || job.concerns(&project) {
            findings.extend(
                job.problems()
                    .map(|problem| format!("{}: {problem}", job.place)),
            );
        }
    }
    findings.extend(drift(&jobs, &project));
    let verdict = Verdict::all([
        Verdict::from_findings(findings.iter().take(NAMED).cloned()),
        nba_utils::Reasons::collect(unseen.iter().take(NAMED).cloned())
            .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons }),
    ]);
    Ok(StateCapture {
        captured_at: Utc::now(),
        machine: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        verdict,
        findings,
        unseen,
        jobs,
        processes,
        git,
        census: Census::of(&project)?,
        inventory: Inventory::of(&project)?,
        legacy_tree: legacy_tree(&project)?.root(),
        project,
        database: None,
    })
}

/// Committed schedules that are not installed as they stand, and installed ones that nobody committed.
fn drift(jobs: &[Job], project: &Path) -> Vec<String> {
    let crontab = |job: &&Job| job.schedule.is_some() && job.place.contains("cron");
    let committed: Vec<&Job> = jobs
        .iter()
        .filter(|job| job.source == Source::Committed)
        .filter(crontab)
        .collect();
    let installed: Vec<&Job> = jobs
        .iter()
        .filter(|job| job.source == Source::UserCrontab && job.concerns(project))
        .collect();
    if committed.is_empty() {
        return Vec::new();
    }
    let same = |a: &Job, b: &Job| a.schedule == b.schedule && a.command == b.command;
    installed
        .iter()
        .filter(|job| !committed.iter().any(|other| same(job, other)))
        .map(|job| {
            format!(
                "{}: it is installed, and no file of the checkout has it so",
                job.place
            )
        })
        .collect()
}

impl StateCapture {
    /// Adds what the database says, and what that means.
    #[must_use]
    pub fn with_database(mut self, activity: DatabaseActivity) -> Self {
        if !activity.sees_all {
            let reason = "sessions of other roles: the role may not look into them";
            self.unseen.push(reason.to_owned());
            self.verdict = Verdict::all([self.verdict, Verdict::not_proven(reason)]);
        }
        self.database = Some(activity);
        self
    }

    /// Keeps it below `folder`, usually `.nba/captures`, under its time; nothing is overwritten.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn save(&self, folder: &Path) -> Result<(PathBuf, Digest), StateError> {
        std::fs::create_dir_all(folder).map_err(io("create", folder))?;
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| StateError::Bad {
            path: folder.to_owned(),
            problem: error.to_string(),
        })?;
        text.push(b'\n');
        let path = folder.join(format!(
            "state_{}.json",
            self.captured_at.format("%Y%m%dT%H%M%S%3fZ")
        ));
        atomic::create(&path, &text, NewFile::Private)?;
        Ok((path, Digest::of(&text)))
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`], or [`StateError::Bad`] with line and column.
    pub fn load(path: &Path) -> Result<Self, StateError> {
        let text = std::fs::read(path).map_err(io("read", path))?;
        serde_json::from_slice(&text).map_err(|error| StateError::Bad {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    /// The captures in a folder, oldest first.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`] when it cannot be listed.
    pub fn list(folder: &Path) -> Result<Vec<PathBuf>, StateError> {
        let listing = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(io("list", folder))?,
        };
        let mut found = Vec::new();
        for entry in listing {
            let path = entry.map_err(io("list", folder))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            // The time in the name is of fixed width, and written by us.
            if name.starts_with("state_") && name.ends_with(".json") {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self, path: &Path, digest: Digest) -> Entry {
        Entry::new("state capture", self.verdict.clone())
            .figure("jobs", self.jobs.len())
            .figure("processes", self.processes.len())
            .figure("findings", self.findings.len())
            .figure("files", self.census.files)
            .figure("functions", self.inventory.functions.len())
            .figure("endpoints", self.inventory.endpoints.len())
            .figure("legacy_tree", self.legacy_tree.to_string())
            .artefact(path.display().to_string(), digest)
    }
}
