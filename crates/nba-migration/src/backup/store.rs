//! The folder of backups: drafts, whole backups, and which of them may go.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, Utc};
use nba_utils::Digest;
use serde::Serialize;

use super::create::ensure_folder;
use super::{BackupError, Manifest, Proofs, manifest};
use crate::fault;

/// Begin of the name of a backup that is not whole yet. Such a folder is never listed.
const PARTIAL: &str = ".partial-";
/// Begin of the name of a backup that is being removed.
const DELETED: &str = ".deleted-";
/// Whoever makes or removes backups holds it.
const LOCK: &str = ".lock";
/// The dump as text, where it was asked for.
pub(super) const PLAIN: &str = "dump.sql";
/// Names tried when one is taken.
const MAX_SAME_SECOND: u32 = 100;

/// Exclusive right to change the folder, for as long as it lives; also released by the end of the process.
struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    fn take(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(BackupError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(BackupError::Busy {
                folder: folder.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(BackupError::io("lock", &path)(error)),
        }
    }
}

/// A backup being made. Dropped without [`finish`](Self::finish), it is removed.
pub(super) struct Draft {
    _lock: Lock,
    parent: PathBuf,
    name: String,
    folder: PathBuf,
    removed: Vec<String>,
    finished: bool,
}

impl Draft {
    pub(super) fn start(
        parent: &Path,
        database: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, BackupError> {
        ensure_folder(parent)?;
        let parent = std::path::absolute(parent).map_err(BackupError::io("find", parent))?;
        let lock = Lock::take(&parent)?;
        // With the lock in hand, whatever is unfinished has lost its maker.
        let removed = remove_leftovers(&parent)?;
        let name = free_name(&parent, database, now)?;
        let folder = parent.join(format!("{PARTIAL}{name}"));
        use std::os::unix::fs::DirBuilderExt as _;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(BackupError::io("create", &folder))?;
        Ok(Self {
            _lock: lock,
            parent,
            name,
            folder,
            removed,
            finished: false,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn removed(&self) -> &[String] {
        &self.removed
    }

    /// Gives the whole backup its name.
    pub(super) fn finish(mut self) -> Result<PathBuf, BackupError> {
        let path = self.parent.join(&self.name);
        sync_folder(&self.folder)?;
        fs::rename(&self.folder, &path).map_err(BackupError::io("name", &path))?;
        self.finished = true;
        sync_folder(&self.parent)?;
        Ok(path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "an unfinished backup is left behind; the next run removes it");
        }
    }
}

fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::io("bring to the disk", folder))
}

fn remove_leftovers(parent: &Path) -> Result<Vec<String>, BackupError> {
    let mut removed = Vec::new();
    for (name, path) in entries(parent)? {
        if name.starts_with(PARTIAL) || name.starts_with(DELETED) {
            fs::remove_dir_all(&path).map_err(BackupError::io("remove", &path))?;
            removed.push(name);
        }
    }
    Ok(removed)
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(BackupError::io("list", folder))?,
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(BackupError::io("list", folder))?;
        // Links and files are nobody's backup of ours.
        if entry
            .file_type()
            .map_err(BackupError::io("look at", &entry.path()))?
            .is_dir()
            && let Some(name) = entry.file_name().to_str()
        {
            found.push((name.to_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// `nba_simulator_20261127T071300Z`: readable, sorted by time, and never the name of an earlier one.
fn free_name(parent: &Path, database: &str, now: DateTime<Utc>) -> Result<String, BackupError> {
    let safe: String = database
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .take(60)
        .collect();
    let base = format!("{safe}_{}", now.format("%Y%m%dT%H%M%SZ"));
    let taken = |name: &str| fs::symlink_metadata(parent.join(name)).is_ok();
    std::iter::once(base.clone())
        .chain((2..=MAX_SAME_SECOND).map(|n| format!("{base}-{n}")))
        .find(|name| !taken(name))
        .ok_or(BackupError::BadName {
            name: base,
            problem: "it is taken a hundred times over",
        })
}

/// A name given by a person, as a folder below `folder`.
pub(super) fn locate(folder: &Path, name: &str) -> Result<PathBuf, BackupError> {
    let problem = match name {
        "" => Some("it is empty"),
        _ if name.starts_with('.') => Some("it begins with a dot: not a whole backup"),
        _ if name.contains(['/', '\0']) => Some("it is a path"),
        _ => None,
    };
    if let Some(problem) = problem {
        return Err(BackupError::BadName {
            name: name.to_owned(),
            problem,
        });
    }
    let path = folder.join(name);
    if path.join(manifest::FILE).is_file() {
        return Ok(path);
    }
    Err(BackupError::Unknown {
        name: name.to_owned(),
        folder: folder.to_owned(),
    })
}

/// A whole backup on disk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// BLAKE3 of its manifest.
    pub manifest_digest: Option<Digest>,
    /// The manifest, or why it cannot be read.
    #[serde(skip)]
    pub manifest: Result<Manifest, String>,
}

/// All whole backups in the folder, oldest first; a folder without a manifest is none.
///
/// # Errors
///
/// [`BackupError::Io`] when the folder cannot be listed. A manifest that cannot be read is part of the list.
pub fn list(folder: &Path) -> Result<Vec<Stored>, BackupError> {
    let mut found = Vec::new();
    for (name, path) in entries(folder)? {
        if name.starts_with('.') || !path.join(manifest::FILE).is_file() {
            continue;
        }
        let (manifest, digest) = match Manifest::load(&path) {
            Ok((manifest, digest)) => (Ok(manifest), Some(digest)),
            Err(error) => (Err(error.to_string()), None),
        };
        found.push(Stored {
            name,
            folder: path,
            manifest_digest: digest,
            manifest,
        });
    }
    // By the snapshot, not by the text of the name (monitoring dossier 7.1, rule 16).
    found.sort_by_key(|stored| {
        stored
            .manifest
            .as_ref()
            .map_or(DateTime::<Utc>::MIN_UTC, |manifest| manifest.taken_at)
    });
    Ok(found)
}

/// Which backups to keep, per database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// This many of the newest.
    pub keep: usize,
    /// And all younger than this many days.
    pub keep_days: u32,
}

/// What becomes of one backup, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Its name.
    pub name: String,
    /// Whether it stays.
    pub keep: bool,
    /// The reason.
    pub why: String,
}

/// Decides what may go; `apply` says whether it goes.
///
/// The newest proven backup of each database stays whatever the rule says, so does one whose manifest cannot be read, and
/// without any proven one everything stays: an unproven backup is not worth less than none.
///
/// # Errors
///
/// [`BackupError`]; [`BackupError::Busy`] while another run works in the folder.
pub fn prune(
    folder: &Path,
    retention: Retention,
    proofs: &Proofs,
    apply: Apply,
) -> Result<Vec<Decision>, BackupError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let _lock = Lock::take(folder)?;
    let stored = list(folder)?;
    let now = Utc::now();
    let database = |stored: &Stored| {
        stored.manifest.as_ref().ok().map(|manifest| {
            let brief = &manifest.identity.brief;
            (brief.system_identifier.clone(), brief.database.clone())
        })
    };
    let mut decisions = Vec::new();
    for (index, one) in stored.iter().enumerate() {
        let Ok(manifest) = &one.manifest else {
            decisions.push(decision(
                one,
                true,
                "its manifest cannot be read: a person has to look",
            ));
            continue;
        };
        let newer: Vec<&Stored> = stored
            .iter()
            .skip(index + 1)
            .filter(|other| database(other) == database(one))
            .collect();
        let proven = |stored: &Stored| proofs.of(stored).is_some();
        let (keep, why) = if newer.len() < retention.keep {
            (true, "one of the newest")
        } else if now - manifest.taken_at < Duration::days(i64::from(retention.keep_days)) {
            (true, "young enough")
        } else if !newer.iter().any(|other| proven(other)) {
            (
                true,
                if proven(one) {
                    "the newest proven one"
                } else {
                    "no newer one is proven"
                },
            )
        } else {
            (false, "newer ones are kept, one of them proven")
        };
        decisions.push(decision(one, keep, why));
    }
    if apply == Apply::Yes {
        for (one, decision) in stored.iter().zip(&decisions) {
            if !decision.keep {
                // First out of sight, so that half a backup never looks like one.
                let doomed = folder.join(format!("{DELETED}{}", one.name));
                fs::rename(&one.folder, &doomed).map_err(BackupError::io("remove", &one.folder))?;
                fault::point("backup.doomed");
                fs::remove_dir_all(&doomed).map_err(BackupError::io("remove", &doomed))?;
            }
        }
    }
    Ok(decisions)
}

/// Whether a decision is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    /// It is.
    Yes,
    /// It is only told.
    No,
}

fn decision(stored: &Stored, keep: bool, why: &str) -> Decision {
    Decision {
        name: stored.name.clone(),
        keep,
        why: why.to_owned(),
    }
}
