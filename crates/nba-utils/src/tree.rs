//! Fingerprint of a folder tree: every path with its kind, mode, size and contents, and what differs between two.
//!
//! Symbolic links are recorded as links and not followed. Modification times are left out, since copying and checking out change
//! them; so is the mode of the root, which may be a scratch folder.
//!
//! ```
//! use nba_utils::tree::{Excludes, TreeFingerprint};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("a.py"), "print(1)")?;
//! let before = TreeFingerprint::of(folder.path(), &Excludes::new(["*.log"])?)?;
//!
//! std::fs::write(folder.path().join("a.py"), "print(2)")?;
//! std::fs::write(folder.path().join("b.log"), "noise")?;
//! let after = TreeFingerprint::of(folder.path(), &Excludes::new(["*.log"])?)?;
//!
//! assert_ne!(before.root(), after.root());
//! assert_eq!(before.diff(&after)?.to_string(), "~ a.py: contents");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::digest::Digest;
use crate::errors::Hint;

mod diff;
mod entry;
#[cfg(test)]
mod tests;

pub use diff::{Changed, Difference, TreeDiff};
pub use entry::{Entry, Mode, path_of_text, text_of_path};

/// How often a file is read again when it changes meanwhile.
const READ_ATTEMPTS: usize = 3;

/// What is left out of a fingerprint, in the syntax of `.gitignore`, relative to the root.
#[derive(Debug, Clone)]
pub struct Excludes {
    patterns: Vec<String>,
    matcher: Gitignore,
}

impl Excludes {
    /// Nothing is left out.
    pub fn none() -> Self {
        Self {
            patterns: Vec::new(),
            matcher: Gitignore::empty(),
        }
    }

    /// These patterns; as in `.gitignore`, a later one beginning with `!` takes back an earlier one.
    ///
    /// # Errors
    /// A pattern is malformed.
    pub fn new<I>(patterns: I) -> Result<Self, TreeError>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let patterns: Vec<String> = patterns.into_iter().map(Into::into).collect();
        let mut builder = GitignoreBuilder::new("");
        for pattern in &patterns {
            builder
                .add_line(None, pattern)
                .map_err(|source| TreeError::Pattern {
                    pattern: pattern.clone(),
                    source: Box::new(source),
                })?;
        }
        let matcher = builder.build().map_err(|source| TreeError::Pattern {
            pattern: patterns.join(" "),
            source: Box::new(source),
        })?;
        Ok(Self { patterns, matcher })
    }

    fn leaves_out(&self, relative: &Path, is_folder: bool) -> bool {
        self.matcher.matched(relative, is_folder).is_ignore()
    }
}

/// Every entry of a tree, and one digest over all of them.
///
/// Serialised it carries its own digest; reading it back fails if an entry was changed by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct TreeFingerprint {
    // Invariant: `root` is computed from the other two.
    root: Digest,
    excludes: Vec<String>,
    entries: BTreeMap<String, Entry>,
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    root: Digest,
    excludes: Vec<String>,
    entries: BTreeMap<String, Entry>,
}

impl TreeFingerprint {
    /// Reads the whole tree below `root`.
    ///
    /// # Errors
    /// `root` is not a folder, something in it cannot be read, or a file keeps changing while it is read. There is no
    /// fingerprint of a part.
    pub fn of(root: &Path, excludes: &Excludes) -> Result<Self, TreeError> {
        Self::again(root, excludes, &mut TreeMemory::default())
    }

    /// The same, without reading the contents of files that are as `memory` knows them; what was seen is in `memory` afterwards.
    ///
    /// # Errors
    /// As [`TreeFingerprint::of`]; the memory is empty then.
    pub fn again(
        root: &Path,
        excludes: &Excludes,
        memory: &mut TreeMemory,
    ) -> Result<Self, TreeError> {
        let known = std::mem::take(memory);
        let now = SystemTime::now();
        let is_folder = fs::metadata(root)
            .map_err(TreeError::io("look at", root))?
            .is_dir();
        if !is_folder {
            return Err(TreeError::NotAFolder {
                path: root.to_owned(),
            });
        }
        let mut entries = BTreeMap::new();
        let mut seen = TreeMemory::default();
        let walk = WalkDir::new(root)
            .min_depth(1)
            .into_iter()
            .filter_entry(|found| {
                let relative = found.path().strip_prefix(root).unwrap_or(found.path());
                // the root itself passes here, and no pattern may take it away
                found.depth() == 0 || !excludes.leaves_out(relative, found.file_type().is_dir())
            });
        for found in walk {
            let found = found.map_err(|error| {
                let path = error.path().unwrap_or(root).to_owned();
                TreeError::Io {
                    operation: "list",
                    path,
                    source: error.into(),
                }
            })?;
            let relative = found.path().strip_prefix(root).unwrap_or(found.path());
            let path = text_of_path(relative);
            let entry = match known.unchanged(&path, found.path())? {
                Some((state, entry)) => {
                    seen.files.insert(path.clone(), (state, entry.clone()));
                    entry
                }
                None => {
                    let (entry, state) = read_entry(found.path())?;
                    if let Some(state) = state.filter(|state| state.is_settled(now)) {
                        seen.files.insert(path.clone(), (state, entry.clone()));
                    }
                    seen.read += 1;
                    entry
                }
            };
            entries.insert(path, entry);
        }
        *memory = seen;
        Ok(Self::assemble(excludes.patterns.clone(), entries))
    }

    fn assemble(excludes: Vec<String>, entries: BTreeMap<String, Entry>) -> Self {
        Self {
            root: entry::root_digest(&excludes, &entries),
            excludes,
            entries,
        }
    }

    /// The digest over all entries and the patterns that left others out.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The entries by path. Paths are relative, with `/` between folders; see [`text_of_path`] for odd names.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// The sum of the files' sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.entries
            .values()
            .map(|entry| {
                if let Entry::File { size, .. } = entry {
                    *size
                } else {
                    0
                }
            })
            .sum()
    }

    /// What has to happen to `self` to become `later`.
    ///
    /// # Errors
    /// The two were taken with different exclude patterns, so a missing path would mean nothing.
    pub fn diff(&self, later: &Self) -> Result<TreeDiff, TreeError> {
        if self.excludes != later.excludes {
            return Err(TreeError::DifferentExcludes {
                left: self.excludes.join(" "),
                right: later.excludes.join(" "),
            });
        }
        Ok(TreeDiff::between(&self.entries, &later.entries))
    }
}

impl From<TreeFingerprint> for Stored {
    fn from(tree: TreeFingerprint) -> Self {
        Self {
            root: tree.root,
            excludes: tree.excludes,
            entries: tree.entries,
        }
    }
}

impl TryFrom<Stored> for TreeFingerprint {
    type Error = TreeError;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let tree = Self::assemble(stored.excludes, stored.entries);
        if tree.root == stored.root {
            Ok(tree)
        } else {
            Err(TreeError::Altered {
                stored: stored.root,
                computed: tree.root,
            })
        }
    }
}

/// The files of a tree as they were last read, for [`TreeFingerprint::again`].
///
/// A file is taken for unchanged when device, number, size, time of modification *and time of change* are. The last one is set by
/// the system at every write, renaming or setting of times, and by nobody else; so a file that was changed and given its old time of
/// modification is read again. What escapes is a write past the file system, or under a clock that was set back to the very moment:
/// whoever relies on it forgets it (`TreeMemory::default()`) now and then.
#[derive(Debug, Clone, Default)]
pub struct TreeMemory {
    files: BTreeMap<String, (FileState, Entry)>,
    read: usize,
}

impl TreeMemory {
    /// Files whose contents need not be read while they stay as they are.
    #[must_use]
    pub fn known(&self) -> usize {
        self.files.len()
    }

    /// Entries that the last fingerprint had to read.
    #[must_use]
    pub fn read(&self) -> usize {
        self.read
    }

    /// What is known of a file that is as it was.
    fn unchanged(&self, name: &str, path: &Path) -> Result<Option<(FileState, Entry)>, TreeError> {
        let Some((state, entry)) = self.files.get(name) else {
            return Ok(None);
        };
        let found = fs::symlink_metadata(path).map_err(TreeError::io("look at", path))?;
        let same = found.is_file() && FileState::of(&found) == *state;
        Ok(same.then(|| (*state, entry.clone())))
    }
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    device: u64,
    number: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Two changes within the resolution of a file system's clock have the same time; the coarsest in use count in seconds.
const UNSETTLED: Duration = Duration::from_secs(3);

impl FileState {
    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            number: file.ino(),
            size: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Whether its last change was long enough before `now` for another one to have another time.
    fn is_settled(&self, now: SystemTime) -> bool {
        let Ok(seconds) = u64::try_from(self.changed.0) else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        now.duration_since(changed)
            .is_ok_and(|passed| passed > UNSETTLED)
    }
}

/// The entry, and the state of the file that was read.
fn read_entry(path: &Path) -> Result<(Entry, Option<FileState>), TreeError> {
    for _ in 0..READ_ATTEMPTS {
        let found = fs::symlink_metadata(path).map_err(TreeError::io("look at", path))?;
        let kind = found.file_type();
        let mode = Mode::from_bits(found.permissions().mode());
        if kind.is_dir() {
            return Ok((Entry::Folder { mode }, None));
        }
        if kind.is_symlink() {
            let target = fs::read_link(path).map_err(TreeError::io("read link", path))?;
            let target = text_of_path(&target);
            return Ok((Entry::Link { target }, None));
        }
        if !kind.is_file() {
            return Ok((Entry::Special { mode }, None));
        }
        let state = FileState::of(&found);
        let file = File::open(path).map_err(TreeError::io("open", path))?;
        let (digest, size) = Digest::of_reader(&file).map_err(TreeError::io("read", path))?;
        let after = file.metadata().map_err(TreeError::io("look at", path))?;
        if size == after.len() && state == FileState::of(&after) {
            let entry = Entry::File {
                mode,
                size,
                blake3: digest,
            };
            return Ok((entry, Some(state)));
        }
    }
    Err(TreeError::Changing {
        path: path.to_owned(),
    })
}

/// Why a tree could not be fingerprinted or compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The root is something else.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// The root as given.
        path: PathBuf,
    },
    /// An exclude pattern that `.gitignore` would not take either.
    #[error("cannot read exclude pattern `{pattern}`")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file that was different after reading, several times.
    #[error("`{}` keeps changing while it is read", path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// Two fingerprints with different ideas of what belongs to the tree.
    #[error("the fingerprints leave out different paths: `{left}` and `{right}`")]
    DifferentExcludes {
        /// Patterns of the first.
        left: String,
        /// Patterns of the second.
        right: String,
    },
    /// A stored fingerprint whose entries do not give its digest.
    #[error("the fingerprint was altered: it says {stored}, its entries give {computed}")]
    Altered {
        /// The digest it carries.
        stored: Digest,
        /// The digest of its entries.
        computed: Digest,
    },
    /// The system refused.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl TreeError {
    fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }
}

impl Hint for TreeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Changing { .. } => {
                Some("exclude files that are being written, such as logs".to_owned())
            }
            Self::DifferentExcludes { .. } => {
                Some("take both fingerprints with the same patterns".to_owned())
            }
            Self::Altered { .. } => {
                Some("take the fingerprint anew; this one is no evidence".to_owned())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run as a user who may read the whole tree, or exclude the path".to_owned())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                "the path vanished while the tree was read; try again when it is quiet".to_owned(),
            ),
            Self::NotAFolder { .. } | Self::Pattern { .. } | Self::Io { .. } => None,
        }
    }
}
