//! Files that are either the old or the new ones, also after a crash; and logs that only ever grow by whole lines.
//!
//! ```
//! use nba_utils::atomic::{self, NewFile};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("latest.json");
//! atomic::replace(&path, b"{}", NewFile::Private)?;
//! assert_eq!(std::fs::read(&path)?, b"{}");
//! assert!(atomic::create(&path, b"[]", NewFile::Private).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::errors::Hint;

#[cfg(test)]
mod tests;

/// Who may read a file that did not exist before. A file that is replaced keeps its mode and owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NewFile {
    /// Its owner alone (0600).
    Private,
    /// Everybody (0644).
    Readable,
}

impl NewFile {
    fn mode(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Readable => 0o644,
        }
    }
}

/// Writes the whole file, or leaves the old one as it was.
///
/// The contents go into a temporary file in the same folder, are brought to the disk, and take the name in one step; then
/// the folder is brought to the disk too. Mode and owner of a replaced file are kept. A process that is killed on the way can
/// leave a temporary file `.nba-*.tmp` behind, which nothing reads.
///
/// # Errors
/// The name belongs to something other than a regular file (a symbolic link is not followed, because what it points to may not be
/// ours), the owner cannot be kept, or the folder or disk refuses. The old file is then untouched.
pub fn replace(path: &Path, contents: &[u8], new: NewFile) -> Result<(), FileError> {
    let old = match fs::symlink_metadata(path) {
        Ok(old) if old.is_file() => Some(old),
        Ok(_) => {
            return Err(FileError::NotARegularFile {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(FileError::io("look at", path)(error)),
    };
    let temporary = written_beside(path, contents, new)?;
    if let Some(old) = old {
        let ours = temporary
            .as_file()
            .metadata()
            .map_err(FileError::io("look at", temporary.path()))?;
        if (ours.uid(), ours.gid()) != (old.uid(), old.gid()) {
            fchown(temporary.as_file(), Some(old.uid()), Some(old.gid()))
                .map_err(FileError::io("keep the owner of", path))?;
        }
        let mode = Permissions::from_mode(old.mode() & 0o7777);
        temporary
            .as_file()
            .set_permissions(mode)
            .map_err(FileError::io("keep the mode of", path))?;
    }
    temporary
        .as_file()
        .sync_all()
        .map_err(FileError::io("write", path))?;
    temporary
        .persist(path)
        .map_err(|error| FileError::io("replace", path)(error.error))?;
    sync_folder_of(path)
}

/// Writes a file that must not exist yet; nothing is ever overwritten.
///
/// # Errors
/// The name is taken (`kind()` of the source is `AlreadyExists`), or the folder or disk refuses.
pub fn create(path: &Path, contents: &[u8], new: NewFile) -> Result<(), FileError> {
    let temporary = written_beside(path, contents, new)?;
    temporary
        .as_file()
        .sync_all()
        .map_err(FileError::io("write", path))?;
    temporary
        .persist_noclobber(path)
        .map_err(|error| FileError::io("create", path)(error.error))?;
    sync_folder_of(path)
}

/// Appends one line and brings it to the disk; writers of several processes take turns.
///
/// A missing file is created with mode 0600. What a failed write left behind is cut off again.
///
/// ```
/// use nba_utils::atomic;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ledger.jsonl");
/// atomic::append_line(&path, "{}")?;
/// atomic::append_line(&path, "{}")?;
/// assert_eq!(std::fs::read_to_string(&path)?, "{}\n{}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `line` contains a line feed, the file ends in the middle of a line, or the folder or disk refuses.
pub fn append_line(path: &Path, line: &str) -> Result<(), FileError> {
    if line.contains('\n') {
        return Err(FileError::NotOneLine {
            path: path.to_owned(),
        });
    }
    let is_new = !path.exists();
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(NewFile::Private.mode())
        .open(path)
        .map_err(FileError::io("open", path))?;
    // released when the file is closed
    file.lock().map_err(FileError::io("lock", path))?;
    let length = file
        .metadata()
        .map_err(FileError::io("look at", path))?
        .len();
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(length - 1))
            .and_then(|_| file.read_exact(&mut last))
            .map_err(FileError::io("read", path))?;
        if last != *b"\n" {
            return Err(FileError::TornLine {
                path: path.to_owned(),
                length,
            });
        }
    }
    if let Err(error) = file
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| file.sync_all())
    {
        // if this fails too, the next append reports the torn line
        let _ = file.set_len(length);
        return Err(FileError::io("append to", path)(error));
    }
    if is_new { sync_folder_of(path) } else { Ok(()) }
}

fn written_beside(path: &Path, contents: &[u8], new: NewFile) -> Result<NamedTempFile, FileError> {
    let mut temporary = tempfile::Builder::new()
        .prefix(".nba-")
        .suffix(".tmp")
        .tempfile_in(folder_of(path))
        .map_err(FileError::io("create a temporary file beside", path))?;
    temporary
        .write_all(contents)
        .map_err(FileError::io("write", path))?;
    let mode = Permissions::from_mode(new.mode());
    temporary
        .as_file()
        .set_permissions(mode)
        .map_err(FileError::io("set the mode of", path))?;
    Ok(temporary)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new name is on the disk only when its folder is.
fn sync_folder_of(path: &Path) -> Result<(), FileError> {
    let folder = folder_of(path);
    File::open(folder)
        .and_then(|open| open.sync_all())
        .map_err(FileError::io("bring to disk", folder))
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A folder, a symbolic link, a pipe.
    #[error("`{}` is not a regular file", path.display())]
    NotARegularFile {
        /// The name.
        path: PathBuf,
    },
    /// An append that would have been several lines.
    #[error("cannot append more than one line at a time to `{}`", path.display())]
    NotOneLine {
        /// The file.
        path: PathBuf,
    },
    /// The file does not end with a line feed.
    #[error("`{}` ends in the middle of a line, at byte {length}", path.display())]
    TornLine {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
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

impl FileError {
    fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether [`create`] found the name taken.
    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    }
}

impl Hint for FileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotARegularFile { .. } => {
                Some("name the file itself, not a link to it".to_owned())
            }
            Self::TornLine { .. } => Some(
                "a writer was interrupted; look at the last line, keep a copy, and cut it off"
                    .to_owned(),
            ),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    Some("run as the owner of the file and its folder".to_owned())
                }
                io::ErrorKind::NotFound => Some("create the folder first".to_owned()),
                io::ErrorKind::StorageFull => Some("free some space".to_owned()),
                _ => None,
            },
            Self::NotOneLine { .. } => None,
        }
    }
}
