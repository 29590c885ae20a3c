//! A file that starts anew at a size, and keeps some predecessors.
//!
//! Several processes may write to the same one: a rotation happens under a lock, and the others notice that the name has moved
//! on. The crates for this panic when the folder vanishes or take one process for granted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Logs name hosts, users and statements: for their owner alone.
const MODE: u32 = 0o600;

/// An append-only file, rotated before the write that would make it too large.
///
/// A single write is never split, so one that is larger than the limit makes a file of that size.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    backups: u8,
    file: File,
}

impl RotatingFile {
    /// Opens or creates the file and the folders above it.
    ///
    /// # Errors
    /// A folder or the file cannot be created or opened.
    pub fn open(path: &Path, max_bytes: u64, backups: u8) -> io::Result<Self> {
        let file = open_current(path)?;
        Ok(Self {
            path: path.to_owned(),
            max_bytes,
            backups,
            file,
        })
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The file with this number: 0 is the current one, 1 the newest predecessor.
    fn numbered(&self, number: u8) -> PathBuf {
        if number == 0 {
            self.path.clone()
        } else {
            self.with_ending(&number.to_string())
        }
    }

    fn with_ending(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    }

    /// Opens the file anew if another process has rotated or removed it.
    fn follow_name(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        let same = match fs::metadata(&self.path) {
            Ok(named) => (named.dev(), named.ino()) == (ours.dev(), ours.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !same {
            self.file = open_current(&self.path)?;
        }
        Ok(())
    }

    fn is_full_for(&self, bytes: usize) -> io::Result<bool> {
        let size = self.file.metadata()?.len();
        let more = u64::try_from(bytes).unwrap_or(u64::MAX);
        Ok(size > 0 && size.saturating_add(more) > self.max_bytes)
    }

    fn rotate(&mut self, bytes: usize) -> io::Result<()> {
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(MODE)
            .open(self.with_ending("lock"))?;
        lock.lock()?;
        // another process may have been quicker
        self.follow_name()?;
        if !self.is_full_for(bytes)? {
            return Ok(());
        }
        if self.backups == 0 {
            fs::remove_file(&self.path)?;
        }
        for number in (0..self.backups).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        self.file = open_current(&self.path)?;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.follow_name()?;
        if self.is_full_for(bytes.len())? {
            self.rotate(bytes.len())?;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open_current(path: &Path) -> io::Result<File> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(MODE)
        .open(path)
}
