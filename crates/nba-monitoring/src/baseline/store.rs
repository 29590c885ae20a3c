//! The folder of a baseline: complete or absent, never overwritten, checked when read.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

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

/// A folder under construction, removed unless it is completed.
pub(super) struct Draft {
    folder: PathBuf,
    target: PathBuf,
    completed: bool,
    /// Held on the folder itself while this process lives: what tells a draft at work from one left by a killed run.
    _lock: File,
}

impl Draft {
    pub(super) fn start(baselines: &Path, name: &BaselineName) -> Result<Self, BaselineError> {
        let target = baselines.join(name.as_str());
        if target.exists() {
            return Err(BaselineError::Exists {
                name: name.to_string(),
                folder: baselines.to_owned(),
            });
        }
        // A dot in front keeps a draft from being a baseline; the process id keeps two runs apart.
        let folder = baselines.join(format!("{DRAFT}{name}-{}", std::process::id()));
        let rows = folder.join(ROWS);
        let failed = |source| BaselineError::Io {
            operation: "create",
            path: rows.clone(),
            source,
        };
        fs::create_dir_all(baselines).map_err(failed)?;
        // Held until the new draft has its own lock, so that no other run sweeps it away before.
        let turn = File::open(baselines).map_err(failed)?;
        turn.lock().map_err(failed)?;
        sweep(baselines);
        fs::create_dir(&folder).map_err(failed)?;
        let lock = File::open(&folder).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let draft = Self {
            folder,
            target,
            completed: false,
            _lock: lock,
        };
        fs::create_dir(&rows).map_err(failed)?;
        Ok(draft)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the main file and gives the folder its name.
    pub(super) fn complete(mut self, mut baseline: Baseline) -> Result<Baseline, BaselineError> {
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
        if let Some(parent) = self.target.parent() {
            sync_folder(parent).map_err(failed)?;
        }
        baseline.folder = Some(self.target.clone());
        baseline.digest = Some(digest);
        Ok(baseline)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.completed {
            // Nothing depends on the draft; a left-over is removed by the next run.
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

/// Removes the drafts of killed runs: those that nobody holds. What cannot be removed is in nobody's way.
fn sweep(baselines: &Path) {
    let entries = fs::read_dir(baselines).into_iter().flatten().flatten();
    for entry in entries {
        let is_draft = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(DRAFT));
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_draft || !is_folder {
            continue;
        }
        let folder = entry.path();
        if File::open(&folder).is_ok_and(|draft| draft.try_lock().is_ok()) {
            fs::remove_dir_all(&folder).ok();
        }
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) fn load(baselines: &Path, name: &BaselineName) -> Result<Baseline, BaselineError> {
    let folder = baselines.join(name.as_str());
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BaselineError::Missing {
                name: name.to_string(),
                folder: baselines.to_owned(),
            });
        }
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
