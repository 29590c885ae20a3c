//! Which old scripts may go, which have to stay and why, and the move itself, which can be taken back.
//!
//! The legacy guide ends with a move of old scripts to `scripts_legacy/`, "keeping" what schedules and scrapers use, and left it to a
//! person to know which those are (monitoring dossier 6.20, GB16; 6.21, GC53). Here a script may go only when a port does its work
//! (its capability is `native`) and nothing that was found refers to it: no schedule, service or agent of the newest state capture, no
//! running process, no other file of the checkout. Scrapers and migration scripts stay in any case. Nothing is moved before all phases
//! are done and the final state has a restore point; nothing is deleted ever, and [`undo`] puts everything back.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, Utc};
use nba_utils::atomic::{self, FileError, NewFile};
use nba_utils::{Digest, Hint, Verdict};
use serde::{Deserialize, Serialize};

use crate::fault;
use crate::git::{Git, GitError};
use crate::ledger::{Entry, Ledger, LedgerError, Record};
use crate::phase::{self, PHASES};
use crate::state::{Resolution, StateCapture, StateError};
use crate::switch::{Class, Mode, Switchboard};

/// Folder of the old scripts.
const SCRIPTS: &str = "scripts/";
/// Folder they move to.
const LEGACY: &str = "scripts_legacy/";
/// What was, or is being, moved; in the state folder.
const JOURNAL: &str = "cleanup.json";
/// Hours the state capture may be old: what runs changes.
const HOURS: i64 = 24;
/// Largest file that is searched for references, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Endings of files that can refer to a script and mean it.
const CODE: [&str; 16] = [
    "py", "sh", "bash", "zsh", "r", "ipynb", "yml", "yaml", "toml", "cfg", "ini", "service",
    "timer", "plist", "cron", "mk",
];
/// The same without an ending, or with one of any kind.
const NAMES: [&str; 3] = ["makefile", "dockerfile", "crontab"];

/// One script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// Its path in the checkout.
    pub path: String,
    /// Where it would go; `None` when it stays.
    pub to: Option<String>,
    /// Why it stays or may go.
    pub why: Vec<String>,
}

/// All scripts git knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CleanupPlan {
    /// Whether anything may be moved now.
    #[serde(flatten)]
    pub ready: Verdict,
    /// Scripts, by path.
    pub items: Vec<Item>,
}

impl CleanupPlan {
    /// Those that may go.
    pub fn movable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items
            .iter()
            .filter_map(|item| Some((item.path.as_str(), item.to.as_deref()?)))
    }
}

/// What a move or its undoing did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Moved {
    /// From where to where.
    pub moved: Vec<(String, String)>,
    /// What stayed where it was, and why.
    pub kept: Vec<(String, String)>,
}

impl Moved {
    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self, subject: &str) -> Entry {
        let kept = self.kept.iter().map(|(path, why)| format!("{path}: {why}"));
        let verdict = nba_utils::Reasons::collect(kept)
            .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons });
        Entry::new(subject, verdict)
            .figure("files", self.moved.len())
            .figure("moved", serde_json::json!(self.moved))
    }
}

/// Why nothing was planned or moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CleanupError {
    /// It is too early, or something is missing.
    #[error("nothing may be moved yet: {0}")]
    NotReady(Verdict),
    /// Nothing was moved.
    #[error("no script was moved that could come back")]
    Nothing,
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
    /// The list of moves could not be written.
    #[error("the list of moves could not be kept")]
    File(#[from] FileError),
    /// The list of moves cannot be read.
    #[error("`{}` cannot be read: {problem}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Line and cause.
        problem: String,
    },
    /// Git could not say what belongs to the checkout.
    #[error("the scripts could not be listed")]
    Git(#[from] GitError),
    /// The ledger could not be read.
    #[error("the evidence could not be read")]
    Ledger(#[from] LedgerError),
}

impl Hint for CleanupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotReady(_) => {
                Some("`nba phase cleanup` without --yes shows the plan".to_owned())
            }
            Self::File(error) => error.hint(),
            Self::Git(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            _ => None,
        }
    }
}

fn io_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> CleanupError + use<> {
    let path = path.to_owned();
    move |source| CleanupError::Io {
        operation,
        path,
        source,
    }
}

/// What may go and what stays. Changes nothing; blocks: reads every file of code in the checkout.
///
/// `scripts` names the script of each capability, as `[entry_points]` and the ports have them.
///
/// # Errors
///
/// [`CleanupError::Git`] and [`CleanupError::Ledger`]; what is missing for a move is part of the plan.
pub fn plan(
    ledger: &Ledger,
    project: &Path,
    scripts: &BTreeMap<String, String>,
    now: DateTime<Utc>,
) -> Result<CleanupPlan, CleanupError> {
    let git = Git::checkout(project)?;
    let tracked = git.names(&["ls-files", "-z"])?;
    let records = ledger.records()?;
    let board = Switchboard::read(ledger)?;
    let (capture, seen) = capture(&records, now);
    let used = capture
        .as_ref()
        .map(|capture| Used::of(capture, project))
        .unwrap_or_default();
    let texts = Texts::read(project, &tracked);

    let items: Vec<Item> = tracked
        .iter()
        .filter(|path| path.starts_with(SCRIPTS))
        .map(|path| {
            let mut why = Vec::new();
            if fs::symlink_metadata(project.join(path)).is_err() {
                why.push("it is not in the work tree".to_owned());
            }
            let owners: Vec<&String> = scripts
                .iter()
                .filter(|(_, script)| *script == path)
                .map(|(capability, _)| capability)
                .collect();
            if owners.is_empty() {
                why.push("no port does its work".to_owned());
            }
            for owner in &owners {
                let mode = board.mode(owner);
                if mode != Mode::Native {
                    why.push(format!("`{owner}` is {mode}"));
                }
            }
            if Class::of(&path.replace(['/', '-'], ".")) == Class::Locked {
                why.push("scrapers and migration scripts stay".to_owned());
            }
            why.extend(used.by(path));
            why.extend(texts.by(path));
            for problem in &texts.unread {
                why.push(format!(
                    "not everything could be searched for it: {problem}"
                ));
            }
            let to = why.is_empty().then(|| path.replacen(SCRIPTS, LEGACY, 1));
            if to.is_some() {
                why = owners
                    .iter()
                    .map(|owner| format!("`{owner}` is native, nothing refers to it"))
                    .collect();
            }
            Item {
                path: path.clone(),
                to,
                why,
            }
        })
        .collect();
    Ok(CleanupPlan {
        ready: Verdict::all([board.ledger, seen, done(&records)]),
        items,
    })
}

/// All phases done, and the final state tagged since.
fn done(records: &[Record]) -> Verdict {
    let (phase, since) = phase::position(records);
    if phase < PHASES.len() {
        return Verdict::not_proven(format!(
            "phase {phase} is not done; old code stays until all are"
        ));
    }
    let tagged = records.iter().rev().any(|record| {
        record.entry.subject == "restore point"
            && record.entry.verdict.is_proven()
            && since.is_none_or(|since| record.time >= since)
    });
    if tagged {
        Verdict::Proven
    } else {
        Verdict::not_proven("the final state has no restore point; run `nba restore point`")
    }
}

/// The newest capture on record, if it is young, untouched and saw everything.
fn capture(records: &[Record], now: DateTime<Utc>) -> (Option<StateCapture>, Verdict) {
    let remedy = "run `nba state capture`";
    let newest = records
        .iter()
        .rev()
        .find(|record| record.entry.subject == "state capture");
    let Some((record, artefact)) =
        newest.and_then(|record| Some((record, record.entry.artefacts.first()?)))
    else {
        return (
            None,
            Verdict::not_proven(format!("what runs here is not known; {remedy}")),
        );
    };
    let path = Path::new(&artefact.path);
    let loaded = fs::read(path)
        .map_err(|error| error.to_string())
        .and_then(|text| {
            if Digest::of(&text) == artefact.blake3 {
                StateCapture::load(path).map_err(|error: StateError| error.to_string())
            } else {
                Err("it was changed since it was recorded".to_owned())
            }
        });
    let found = match loaded {
        Ok(found) => found,
        Err(problem) => {
            let text = format!(
                "the capture of record {}: {problem}; {remedy}",
                record.sequence
            );
            return (None, Verdict::not_proven(text));
        }
    };
    let verdict = if now - record.time > Duration::hours(HOURS) {
        Verdict::not_proven(format!(
            "the newest state capture is {} hours old, {HOURS} are allowed; {remedy}",
            (now - record.time).num_hours()
        ))
    } else {
        nba_utils::Reasons::collect(
            found
                .unseen
                .iter()
                .map(|place| format!("not seen: {place}")),
        )
        .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons })
    };
    (Some(found), verdict)
}

/// What jobs and processes refer to.
#[derive(Default)]
struct Used {
    /// Commands and files, with who has them.
    by: Vec<(String, String)>,
}

impl Used {
    fn of(capture: &StateCapture, project: &Path) -> Self {
        let mut by = Vec::new();
        for job in &capture.jobs {
            by.push((job.command.clone(), job.place.clone()));
            for step in &job.steps {
                if let Resolution::Found { program, script } = &step.resolution {
                    for file in std::iter::once(program).chain(script) {
                        by.push((file.display().to_string(), job.place.clone()));
                    }
                }
            }
        }
        for process in &capture.processes {
            let who = format!("process {}", process.pid);
            by.push((process.command.join(" "), who.clone()));
            if let Some(script) = &process.script {
                by.push((script.display().to_string(), who));
            }
        }
        let top = format!("{}/", project.display());
        for (text, _) in &mut by {
            *text = text.replace(&top, "");
        }
        Self { by }
    }

    fn by(&self, path: &str) -> Vec<String> {
        let who: BTreeSet<&String> = self
            .by
            .iter()
            .filter(|(text, _)| names(text, path))
            .map(|(_, who)| who)
            .collect();
        who.into_iter()
            .map(|who| format!("{who} runs it"))
            .collect()
    }
}

/// The files of a checkout that can refer to a script.
struct Texts {
    files: Vec<(String, String)>,
    unread: Vec<String>,
}

impl Texts {
    fn read(project: &Path, tracked: &[String]) -> Self {
        let mut texts = Self {
            files: Vec::new(),
            unread: Vec::new(),
        };
        for path in tracked {
            let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
            // Ours names scripts to replace them.
            if path == "nba.toml" || path.starts_with("nba/") || path.starts_with(LEGACY) {
                continue;
            }
            if !CODE.contains(&ending) && !NAMES.iter().any(|word| name.contains(word)) {
                continue;
            }
            let file = project.join(path);
            match fs::symlink_metadata(&file) {
                // Removed from the work tree: it refers to nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Ok(found) if found.len() > LARGEST => {
                    texts.unread.push(format!("`{path}` is too large"));
                    continue;
                }
                _ => {}
            }
            match fs::read(&file) {
                Ok(bytes) => texts
                    .files
                    .push((path.clone(), String::from_utf8_lossy(&bytes).into_owned())),
                Err(error) => texts.unread.push(format!("`{path}`: {error}")),
            }
        }
        texts
    }

    fn by(&self, path: &str) -> Vec<String> {
        self.files
            .iter()
            .filter(|(other, text)| other != path && names(text, path))
            .map(|(other, _)| format!("`{other}` names it"))
            .collect()
    }
}

/// Whether a text names a script: by its file name, or as a Python module. Too often is safe, too seldom is not.
fn names(text: &str, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    if text.contains(file) {
        return true;
    }
    let Some(module) = path.strip_suffix(".py") else {
        return false;
    };
    let stem = module.rsplit('/').next().unwrap_or(module);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.lines()
        .filter(|line| line.contains("import") || line.contains("-m "))
        .any(|line| line.split(|c| !word(c)).any(|part| part == stem))
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Journal {
    started_at: DateTime<Utc>,
    moves: Vec<Entered>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entered {
    from: String,
    to: String,
    blake3: Digest,
}

/// Moves what may go. Run again after an interruption, it goes on.
///
/// # Errors
///
/// [`CleanupError::NotReady`] before all phases are done; nothing was touched then.
pub fn apply(ledger: &Ledger, project: &Path, plan: &CleanupPlan) -> Result<Moved, CleanupError> {
    if !plan.ready.is_proven() {
        return Err(CleanupError::NotReady(plan.ready.clone()));
    }
    let mut journal = read_journal(ledger)?.unwrap_or(Journal {
        started_at: Utc::now(),
        moves: Vec::new(),
    });
    // What an earlier run was in the middle of: both names are one file, and a plan may take that for two scripts.
    for known in &journal.moves {
        let (from, to) = (project.join(&known.from), project.join(&known.to));
        if same_file(&from, &to) {
            fs::remove_file(&from).map_err(io_error("move", &from))?;
        }
    }
    for (from, to) in plan.movable() {
        let path = project.join(from);
        if fs::symlink_metadata(&path).is_err() {
            continue;
        }
        let text = fs::read(&path).map_err(io_error("read", &path))?;
        journal.moves.retain(|known| known.from != from);
        journal.moves.push(Entered {
            from: from.to_owned(),
            to: to.to_owned(),
            blake3: Digest::of(&text),
        });
    }
    // Before the first move: whatever happens now, an undo knows all of them.
    write_journal(ledger, &journal)?;
    fault::point("cleanup.journal");
    let mut moved = Moved {
        moved: Vec::new(),
        kept: Vec::new(),
    };
    for (from, to) in plan.movable() {
        if fs::symlink_metadata(project.join(from)).is_err() {
            continue;
        }
        match shift(project, from, to)? {
            None => moved.moved.push((from.to_owned(), to.to_owned())),
            Some(why) => moved.kept.push((from.to_owned(), why)),
        }
        fault::point("cleanup.moved");
    }
    Ok(moved)
}

/// Puts everything back that was moved and not changed since. Run again after an interruption, it goes on.
///
/// # Errors
///
/// [`CleanupError::Nothing`] when nothing was moved.
pub fn undo(ledger: &Ledger, project: &Path) -> Result<Moved, CleanupError> {
    let journal = read_journal(ledger)?.ok_or(CleanupError::Nothing)?;
    let mut back = Moved {
        moved: Vec::new(),
        kept: Vec::new(),
    };
    for entered in journal.moves.iter().rev() {
        let there = project.join(&entered.to);
        let found = match fs::read(&there) {
            Ok(found) => found,
            // It never left, or is back already.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io_error("read", &there)(error)),
        };
        let outcome = if Digest::of(&found) == entered.blake3 {
            shift(project, &entered.to, &entered.from)?
        } else {
            Some("it was changed since".to_owned())
        };
        match outcome {
            None => back.moved.push((entered.to.clone(), entered.from.clone())),
            Some(why) => back.kept.push((entered.to.clone(), why)),
        }
        fault::point("cleanup.back");
    }
    if back.kept.is_empty() {
        let path = ledger.folder().join(JOURNAL);
        fs::remove_file(&path).map_err(io_error("remove", &path))?;
    }
    Ok(back)
}

/// Renames within the checkout, over nothing; the reason when something is in the way.
fn shift(project: &Path, from: &str, to: &str) -> Result<Option<String>, CleanupError> {
    let (from, to) = (project.join(from), project.join(to));
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    }
    // A link and the removal of the other name: a rename would replace what is there.
    match fs::hard_link(&from, &to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Interrupted between the two: both names are the same file.
            if !same_file(&from, &to) {
                return Ok(Some(format!("`{}` is there already", to.display())));
            }
        }
        Err(error) => return Err(io_error("move", &from)(error)),
    }
    fault::point("cleanup.linked");
    fs::remove_file(&from).map_err(io_error("move", &from))?;
    Ok(None)
}

fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::symlink_metadata(a), fs::symlink_metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

fn read_journal(ledger: &Ledger) -> Result<Option<Journal>, CleanupError> {
    let path = ledger.folder().join(JOURNAL);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io_error("read", &path))?,
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| CleanupError::Journal {
            path,
            problem: error.to_string(),
        })
}

fn write_journal(ledger: &Ledger, journal: &Journal) -> Result<(), CleanupError> {
    let path = ledger.folder().join(JOURNAL);
    let mut text = serde_json::to_vec_pretty(journal).map_err(|error| CleanupError::Journal {
        path: path.clone(),
        problem: error.to_string(),
    })?;
    text.push(b'\n');
    atomic::replace(&path, &text, NewFile::Private)?;
    Ok(())
}
