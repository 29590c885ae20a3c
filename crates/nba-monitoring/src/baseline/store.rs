//! The folder of a baseline: complete or absent, never overwritten, checked when read.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nba_db::fingerprint::Checkpoint;
use nba_utils::Digest;
use nba_utils::atomic::{self, NewFile};

use super::{Baseline, BaselineError, SCHEMA_VERSION};

/// The main file.
const FILE: &str = "baseline.json";
/// The digest of the main file, in `b3sum` form.
const DIGEST_FILE: &str = "baseline.json.b3";
/// The folder of row files.
pub(super) const ROWS: &str = "rows";

/// What the names of unfinished baselines begin with.
const DRAFT: &str = ".draft-";

/// A name that is safe as a folder name.
// Invariant: not empty, only ASCII letters, digits, `-`, `_`, `.`, no dot in front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaselineName(String);

impl BaselineName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`BaselineError::Name`] with the rule.
    pub fn new(name: impl Into<String>) -> Result<Self, BaselineError> {
        let name = name.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty()
            || name.starts_with('.')
            || name.len() > 128
            || !name.chars().all(allowed)
        {
            return Err(BaselineError::Name(name));
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BaselineName {
    /// `default`, the one health runs compare with when nothing else is said.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for BaselineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of the baselines in a folder, sorted; none when the folder does not exist.
///
/// # Errors
///
/// [`BaselineError::Io`] when the folder cannot be read.
pub fn list(baselines: &Path) -> Result<Vec<BaselineName>, BaselineError> {
    let failed = |source| BaselineError::Io {
        operation: "list",
        path: baselines.to_owned(),
        source,
    };
    let entries = match fs::read_dir(baselines) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.path().join(FILE).is_file() {
            names.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| BaselineName::new(name).ok()),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// What the names of baselines that wait for approval begin with.
const CANDIDATE: &str = ".candidate-";
/// What the names of baselines that were in effect begin with; a time follows.
const SUPERSEDED: &str = ".superseded-";
/// The folder of finished tables in a draft.
const FINISHED: &str = "finished";

/// Whether a baseline is what health and verify compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// It is.
    Effective,
    /// It waits to be approved.
    Candidate,
}

impl Standing {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Candidate => "candidate",
        }
    }
}

pub(super) fn standing(folder: Option<&Path>) -> Standing {
    let name = folder
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    if name.is_some_and(|name| name.starts_with(CANDIDATE)) {
        Standing::Candidate
    } else {
        Standing::Effective
    }
}

/// Where a candidate lies.
pub(super) fn candidate_folder(baselines: &Path, name: &BaselineName) -> PathBuf {
    baselines.join(format!("{CANDIDATE}{name}"))
}

/// Where a superseded baseline goes; the time keeps all of them.
pub(super) fn superseded_folder(baselines: &Path, name: &BaselineName) -> PathBuf {
    let now = chrono::Utc::now().format("%Y%m%dT%H%M%S%.6fZ");
    baselines.join(format!("{SUPERSEDED}{name}-{now}"))
}

/// The names of captures that were interrupted and can be resumed, sorted.
///
/// # Errors
///
/// [`BaselineError::Io`] when the folder cannot be read.
pub fn unfinished(baselines: &Path) -> Result<Vec<BaselineName>, BaselineError> {
    let entries = match fs::read_dir(baselines) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| BaselineError::Io {
            operation: "list",
            path: baselines.to_owned(),
            source,
        })?,
    };
    let mut names: Vec<BaselineName> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            BaselineName::new(name.strip_prefix(DRAFT)?).ok()
        })
        .collect();
    names.sort();
    Ok(names)
}

/// Removes the candidate of this name and what an interrupted capture left; the baseline in effect stays.
///
/// # Errors
///
/// [`BaselineError::NoCandidate`] when there is neither, [`BaselineError::Busy`] when it is being taken right now.
pub fn discard(baselines: &Path, name: &BaselineName) -> Result<(), BaselineError> {
    let candidate = candidate_folder(baselines, name);
    let draft = baselines.join(format!("{DRAFT}{name}"));
    if !candidate.exists() && !draft.exists() {
        return Err(BaselineError::NoCandidate {
            name: name.to_string(),
            folder: baselines.to_owned(),
        });
    }
    let removed = |path: &Path| match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| BaselineError::Io {
            operation: "remove",
            path: path.to_owned(),
            source,
        }),
    };
    if draft.exists() {
        let _lock = held(&draft, name)?;
        removed(&draft)?;
    }
    removed(&candidate)
}

/// Takes the lock of a draft, which its process holds while it lives.
fn held(draft: &Path, name: &BaselineName) -> Result<File, BaselineError> {
    let failed = |source| BaselineError::Io {
        operation: "lock",
        path: draft.to_owned(),
        source,
    };
    let lock = File::open(draft).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(BaselineError::Busy {
            name: name.to_string(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// A folder under construction. It stays behind when it holds finished tables, so that the next run goes on from them.
pub(super) struct Draft {
    folder: PathBuf,
    target: PathBuf,
    completed: bool,
    /// Held on the folder itself while this process lives: what tells a draft at work from one left by a killed run.
    _lock: File,
}

impl Draft {
    /// Starts or resumes the draft of this name. The first of a name will be in effect, a later one a candidate.
    pub(super) fn start(baselines: &Path, name: &BaselineName) -> Result<Self, BaselineError> {
        let exists = |folder: PathBuf| BaselineError::Exists {
            name: name.to_string(),
            folder,
        };
        let candidate = candidate_folder(baselines, name);
        if candidate.exists() {
            return Err(exists(candidate));
        }
        let mut target = baselines.join(name.as_str());
        if target.exists() {
            target = candidate;
        }
        // A dot in front keeps a draft from being a baseline.
        let folder = baselines.join(format!("{DRAFT}{name}"));
        let rows = folder.join(ROWS);
        let failed = |source| BaselineError::Io {
            operation: "create",
            path: rows.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = held(&folder, name)?;
        fs::create_dir_all(&rows).map_err(failed)?;
        // A run that was killed at its very end left a main file, which is written anew.
        for file in [FILE, DIGEST_FILE] {
            fs::remove_file(folder.join(file)).ok();
        }
        Ok(Self {
            folder,
            target,
            completed: false,
            _lock: lock,
        })
    }

    /// The folder of finished tables.
    pub(super) fn finished(&self) -> PathBuf {
        self.folder.join(FINISHED)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the main file and gives the folder its name.
    pub(super) fn complete(mut self, mut baseline: Baseline) -> Result<Baseline, BaselineError> {
        self.tidy(&baseline)?;
        let json = serde_json::to_vec_pretty(&baseline).map_err(BaselineError::Json)?;
        let digest = Digest::of(&json);
        atomic::create(&self.folder.join(FILE), &json, NewFile::Readable)?;
        let line = format!(
            "{digest}  {FILE}
"
        );
        atomic::create(
            &self.folder.join(DIGEST_FILE),
            line.as_bytes(),
            NewFile::Readable,
        )?;
        let failed = |source| BaselineError::Io {
            operation: "publish",
            path: self.target.clone(),
            source,
        };
        sync_folder(&self.folder).map_err(failed)?;
        // Renaming onto an existing, non-empty folder fails, so another run that was quicker is not overwritten.
        match fs::rename(&self.folder, &self.target) {
            Err(_) if self.target.exists() => {
                let folder = self.target.parent().unwrap_or(&self.target).to_owned();
                return Err(BaselineError::Exists {
                    name: baseline.name,
                    folder,
                });
            }
            other => other.map_err(failed)?,
        }
        self.completed = true;
        // Only now: until the baseline has its name, they are what a killed run goes on from.
        fs::remove_dir_all(self.target.join(FINISHED)).ok();
        if let Some(parent) = self.target.parent() {
            sync_folder(parent).map_err(failed)?;
        }
        baseline.folder = Some(self.target.clone());
        baseline.digest = Some(digest);
        Ok(baseline)
    }
}

impl Draft {
    /// Removes row files that no table of the baseline has: of tables that were measured again, or are gone.
    fn tidy(&self, baseline: &Baseline) -> Result<(), BaselineError> {
        let rows = self.folder.join(ROWS);
        let failed = |source| BaselineError::Io {
            operation: "tidy up",
            path: rows.clone(),
            source,
        };
        let wanted: Vec<PathBuf> = baseline
            .tables
            .values()
            .filter_map(|table| table.rows.as_ref())
            .map(|file| self.folder.join(&file.path))
            .collect();
        for entry in fs::read_dir(&rows).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if !wanted.contains(&path) {
                fs::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.completed && !Checkpoint::holds_any(&self.finished()) {
            // Nothing depends on an empty draft.
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) fn load(baselines: &Path, name: &BaselineName) -> Result<Baseline, BaselineError> {
    let missing = || BaselineError::Missing {
        name: name.to_string(),
        folder: baselines.to_owned(),
    };
    load_folder(baselines.join(name.as_str()), missing)
}

pub(super) fn load_candidate(
    baselines: &Path,
    name: &BaselineName,
) -> Result<Baseline, BaselineError> {
    let missing = || BaselineError::NoCandidate {
        name: name.to_string(),
        folder: baselines.to_owned(),
    };
    load_folder(candidate_folder(baselines, name), missing)
}

fn load_folder(
    folder: PathBuf,
    missing: impl Fn() -> BaselineError,
) -> Result<Baseline, BaselineError> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        other => other.map_err(|source| BaselineError::Io {
            operation: "read",
            path: path.clone(),
            source,
        })?,
    };
    let digest_path = folder.join(DIGEST_FILE);
    let recorded = fs::read_to_string(&digest_path).map_err(|source| BaselineError::Io {
        operation: "read",
        path: digest_path,
        source,
    })?;
    let digest = Digest::of(&bytes);
    if recorded.split_whitespace().next() != Some(digest.to_string().as_str()) {
        return Err(BaselineError::Damaged {
            path,
            what: format!("its digest is {digest}"),
        });
    }
    let damaged = |error: serde_json::Error| BaselineError::Damaged {
        path: path.clone(),
        what: error.to_string(),
    };
    // The version first: a newer format may not fit the structure at all.
    let version = serde_json::from_slice::<VersionOnly>(&bytes)
        .map_err(damaged)?
        .schema_version;
    if version != SCHEMA_VERSION {
        return Err(BaselineError::Version {
            path,
            found: version,
        });
    }
    let mut baseline: Baseline = serde_json::from_slice(&bytes).map_err(damaged)?;
    baseline.folder = Some(folder);
    baseline.digest = Some(digest);
    Ok(baseline)
}

#[derive(serde::Deserialize)]
struct VersionOnly {
    schema_version: u32,
}

/// BLAKE3 of a file.
pub(super) fn file_digest(path: &Path) -> Result<Digest, BaselineError> {
    let failed = |source| BaselineError::Io {
        operation: "read",
        path: path.to_owned(),
        source,
    };
    let (digest, _) = Digest::of_reader(File::open(path).map_err(failed)?).map_err(failed)?;
    Ok(digest)
}

pub(super) fn check_digest(path: &Path, expected: Digest) -> Result<(), BaselineError> {
    let found = file_digest(path)?;
    if found == expected {
        return Ok(());
    }
    Err(BaselineError::Damaged {
        path: path.to_owned(),
        what: format!("its digest is {found}, expected {expected}"),
    })
}
