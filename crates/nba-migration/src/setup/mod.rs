//! Setting a legacy checkout up, by adding only.
//!
//! The legacy set-up script overwrote files, appended the same ignore rules on every run, made a new tag each time and switched the
//! branch under running jobs (monitoring dossier 2.1b). [`apply`] adds folders and files of our own and touches nothing that is
//! there: even the ignore rules are files in our own folders. What it will do is a list first, doing it twice is doing it once,
//! [`undo`] removes exactly what was added and is still as it was, and a fingerprint of the tree before and after is the proof.

mod content;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use nba_utils::atomic::{self, FileError, NewFile};
use nba_utils::tree::{Excludes, TreeError};
use nba_utils::{Digest, Hint, TreeFingerprint, Verdict};
use serde::{Deserialize, Serialize};

use crate::fault;
use crate::ledger::Entry;

/// The state folder, relative to the project.
const STATE: &str = ".nba";
/// What was added, inside the state folder; written before anything is.
const JOURNAL: &str = "setup.json";
/// Changes by others that are named.
const NAMED: usize = 20;

/// One thing to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its path in the project.
    pub path: PathBuf,
    /// What it is for.
    pub what: String,
    /// What there is now.
    pub state: ItemState,
}

/// What there is at an item's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Nothing: it will be added.
    Missing,
    /// What we would add, or a folder of that name.
    Present,
    /// Something else, which is left alone.
    Other,
}

/// What a set-up did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// `Proven` when everything is there and nothing that was there changed.
    pub verdict: Verdict,
    /// Every item as it is now.
    pub items: Vec<Item>,
    /// What this run added.
    pub added: Vec<PathBuf>,
    /// Digest of everything that was there before.
    pub before: Digest,
    /// Digest of the same afterwards.
    pub after: Digest,
}

impl Report {
    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry::new("setup", self.verdict.clone())
            .figure("added", self.added.len())
            .figure("items", self.items.len())
            .figure("tree_before", self.before.to_string())
            .figure("tree_after", self.after.to_string())
    }
}

/// What an undo did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Undone {
    /// Removed.
    pub removed: Vec<PathBuf>,
    /// Left, and why.
    pub kept: Vec<(PathBuf, String)>,
}

/// Why a checkout could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
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
    /// A file could not be written atomically.
    #[error("could not add a file")]
    File(#[from] FileError),
    /// The tree could not be read.
    #[error("the project could not be read")]
    Tree(#[from] TreeError),
    /// The journal cannot be read.
    #[error("`{}` cannot be read: {problem}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Nothing was set up here.
    #[error("`{}` was not set up", path.display())]
    NotSetUp {
        /// The project.
        path: PathBuf,
    },
    /// A folder that is no project.
    #[error("`{}` is no legacy checkout: it has neither `README.md` nor `scripts/`", path.display())]
    NotAProject {
        /// The folder.
        path: PathBuf,
    },
}

impl Hint for SetupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAProject { .. } => {
                Some("name the checkout's top folder with `--project`".to_owned())
            }
            Self::File(error) => error.hint(),
            _ => None,
        }
    }
}

fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SetupError + use<> {
    let path = path.to_owned();
    move |source| SetupError::Io {
        operation,
        path,
        source,
    }
}

/// What was, or is being, added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Journal {
    started_at: DateTime<Utc>,
    /// In the order of adding.
    items: Vec<JournalItem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct JournalItem {
    path: PathBuf,
    /// `None` for a folder.
    blake3: Option<Digest>,
}

/// What a set-up of `project` would do. Changes nothing.
///
/// # Errors
///
/// [`SetupError::NotAProject`].
pub fn plan(project: &Path) -> Result<Vec<Item>, SetupError> {
    if !project.join("README.md").is_file() && !project.join("scripts").is_dir() {
        return Err(SetupError::NotAProject {
            path: project.to_owned(),
        });
    }
    Ok(content::pieces()
        .into_iter()
        .map(|piece| {
            let path = project.join(piece.path);
            let state = match (fs::symlink_metadata(&path), piece.file) {
                (Err(_), _) => ItemState::Missing,
                (Ok(found), None) if found.is_dir() => ItemState::Present,
                (Ok(found), Some(text)) if found.is_file() && same(&path, text) => {
                    ItemState::Present
                }
                _ => ItemState::Other,
            };
            Item {
                path: piece.path.into(),
                what: piece.what.to_owned(),
                state,
            }
        })
        .collect())
}

fn same(path: &Path, text: &str) -> bool {
    fs::read(path).is_ok_and(|found| found == text.as_bytes())
}

/// Adds what is missing, and proves that nothing else changed. Blocks; safe to run again after a crash at any point.
///
/// # Errors
///
/// [`SetupError`]; running it again goes on where it stopped.
pub fn apply(project: &Path) -> Result<Report, SetupError> {
    let planned = plan(project)?;
    // Without what the suite itself writes all the time, and git, whose own files move with every command.
    let excludes = Excludes::new([".git", &format!("/{STATE}")])?;
    let before = TreeFingerprint::of(project, &excludes)?;
    let known: BTreeSet<PathBuf> = content::pieces()
        .iter()
        .map(|piece| piece.path.into())
        .collect();

    let mut journal = read_journal(project)?.unwrap_or(Journal {
        started_at: Utc::now(),
        items: Vec::new(),
    });
    let missing: Vec<&Item> = planned
        .iter()
        .filter(|item| item.state == ItemState::Missing)
        .collect();
    let mut added = Vec::new();
    if !missing.is_empty() {
        make_folder(&project.join(STATE))?;
        for item in &missing {
            let blake3 = content::pieces()
                .into_iter()
                .find(|piece| Path::new(piece.path) == item.path)
                .and_then(|piece| piece.file)
                .map(|text| Digest::of(text.as_bytes()));
            // An item that an interrupted run added is in the list already.
            if !journal.items.iter().any(|known| known.path == item.path) {
                journal.items.push(JournalItem {
                    path: item.path.clone(),
                    blake3,
                });
            }
        }
        fault::point("setup.planned");
        // Before the first addition: whatever happens now, an undo knows what may be ours.
        write_journal(project, &journal)?;
        fault::point("setup.journal");
        for piece in content::pieces() {
            let path = project.join(piece.path);
            if !missing
                .iter()
                .any(|item| item.path == Path::new(piece.path))
            {
                continue;
            }
            match piece.file {
                None => make_folder(&path)?,
                Some(text) => {
                    match atomic::create(&path, text.as_bytes(), NewFile::Readable) {
                        // Somebody else was quicker; it is his.
                        Err(error) if error.is_already_there() => continue,
                        other => other?,
                    }
                    if piece.executable {
                        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                            .map_err(io_error("make executable", &path))?;
                    }
                }
            }
            added.push(PathBuf::from(piece.path));
            fault::point("setup.item");
        }
    }

    let after = TreeFingerprint::of(project, &excludes)?;
    let items = plan(project)?;
    let mut verdicts = vec![unchanged(&before, &after, &known)?];
    for item in &items {
        verdicts.push(match item.state {
            ItemState::Present => Verdict::Proven,
            ItemState::Missing => Verdict::refuted(format!("`{}` is missing", item.path.display())),
            ItemState::Other => Verdict::not_proven(format!(
                "`{}` was there already with other content and was left alone",
                item.path.display()
            )),
        });
    }
    fault::point("setup.judged");
    Ok(Report {
        verdict: Verdict::all(verdicts),
        items,
        added,
        before: before.root(),
        after: after.root(),
    })
}

/// Nothing that was there may differ; what is new must be ours.
fn unchanged(
    before: &TreeFingerprint,
    after: &TreeFingerprint,
    ours: &BTreeSet<PathBuf>,
) -> Result<Verdict, SetupError> {
    let diff = before.diff(after)?;
    let foreign = |path: &str| !ours.contains(Path::new(path));
    let mut touched = Vec::new();
    let mut meanwhile = Vec::new();
    for path in diff
        .removed
        .iter()
        .chain(diff.changed.iter().map(|changed| &changed.path))
    {
        // A path that we write to and that was there would be our fault; any other was changed by somebody else.
        if foreign(path) {
            meanwhile.push(format!(
                "`{path}` was changed or removed while it was set up, not by it"
            ));
        } else {
            touched.push(format!("`{path}` was there and was changed"));
        }
    }
    meanwhile.extend(
        diff.added
            .iter()
            .filter(|path| foreign(path))
            .map(|path| format!("`{path}` appeared while it was set up, not by it")),
    );
    meanwhile.truncate(NAMED);
    let meanwhile = nba_utils::Reasons::collect(meanwhile)
        .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons });
    Ok(Verdict::all([Verdict::from_findings(touched), meanwhile]))
}

/// Removes what a set-up added and nobody changed since; evidence and backups stay. Blocks.
///
/// # Errors
///
/// [`SetupError::NotSetUp`], or when something cannot be removed; running it again goes on.
pub fn undo(project: &Path) -> Result<Undone, SetupError> {
    let journal = read_journal(project)?.ok_or_else(|| SetupError::NotSetUp {
        path: project.to_owned(),
    })?;
    let mut undone = Undone {
        removed: Vec::new(),
        kept: Vec::new(),
    };
    let journal_file = project.join(STATE).join(JOURNAL);
    let forgets_first = fault::planted("undo-forgets-first");
    if forgets_first {
        fs::remove_file(&journal_file).map_err(io_error("remove", &journal_file))?;
    }
    for item in journal.items.iter().rev() {
        fault::point("setup.undo");
        let path = project.join(&item.path);
        // The state folder holds the journal we are reading; it goes last.
        if item.path == Path::new(STATE) || fs::symlink_metadata(&path).is_err() {
            continue;
        }
        let outcome = match item.blake3 {
            Some(digest) => match fs::read(&path) {
                Ok(found) if Digest::of(&found) == digest => {
                    fs::remove_file(&path).map_err(io_error("remove", &path))?;
                    None
                }
                _ => Some("it was changed since"),
            },
            None => match fs::remove_dir(&path) {
                Ok(()) => None,
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    Some("something is in it")
                }
                Err(error) => return Err(io_error("remove", &path)(error)),
            },
        };
        match outcome {
            None => undone.removed.push(item.path.clone()),
            Some(why) => undone.kept.push((item.path.clone(), why.to_owned())),
        }
    }
    fault::point("setup.emptied");
    if !forgets_first {
        fs::remove_file(&journal_file).map_err(io_error("remove", &journal_file))?;
    }
    fault::point("setup.forgotten");
    // Empty only when nothing was ever recorded.
    match fs::remove_dir(project.join(STATE)) {
        Ok(()) => undone.removed.push(STATE.into()),
        Err(_) => undone
            .kept
            .push((STATE.into(), "the evidence is in it".to_owned())),
    }
    Ok(undone)
}

fn make_folder(path: &Path) -> Result<(), SetupError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io_error("create", path))
}

fn read_journal(project: &Path) -> Result<Option<Journal>, SetupError> {
    let path = project.join(STATE).join(JOURNAL);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io_error("read", &path))?,
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| SetupError::Journal {
            path,
            problem: error.to_string(),
        })
}

fn write_journal(project: &Path, journal: &Journal) -> Result<(), SetupError> {
    let path = project.join(STATE).join(JOURNAL);
    let mut text = serde_json::to_vec_pretty(journal).map_err(|error| SetupError::Journal {
        path: path.clone(),
        problem: error.to_string(),
    })?;
    text.push(b'\n');
    atomic::replace(&path, &text, NewFile::Private)?;
    Ok(())
}
