//! The data side: what lies under `backups/`.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Folders below `backups/` that are looked into.
const MAX_DEPTH: usize = 4;

/// A file that may be a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Backup {
    /// Its path.
    pub path: PathBuf,
    /// What it begins like.
    pub kind: BackupKind,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written, UTC, as the file system says; copies reset it.
    pub modified: DateTime<Utc>,
}

/// What a file begins like; says nothing about whether it can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BackupKind {
    /// `pg_dump -Fc`.
    CustomDump,
    /// `pg_dump` as SQL text.
    PlainDump,
    /// Compressed with gzip, content unknown.
    Gzip,
    /// No bytes at all.
    Empty,
    /// Anything else.
    Other,
}

impl BackupKind {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomDump => "custom-format dump",
            Self::PlainDump => "plain SQL dump",
            Self::Gzip => "gzip file",
            Self::Empty => "empty file",
            Self::Other => "unknown format",
        }
    }

    fn of(path: &Path, bytes: u64) -> std::io::Result<Self> {
        let mut start = Vec::new();
        File::open(path)?.take(64).read_to_end(&mut start)?;
        Ok(match start.as_slice() {
            [] if bytes == 0 => Self::Empty,
            [b'P', b'G', b'D', b'M', b'P', ..] => Self::CustomDump,
            [0x1f, 0x8b, ..] => Self::Gzip,
            start if start.starts_with(b"--\n-- PostgreSQL database") => Self::PlainDump,
            _ => Self::Other,
        })
    }
}

/// All files below `folder`, newest first, and what could not be read. Symbolic links are not followed.
pub(super) fn find(folder: &Path) -> (Vec<Backup>, Vec<String>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    if folder.is_dir() {
        walk(folder, MAX_DEPTH, &mut found, &mut problems);
    }
    found.sort_by(|a: &Backup, b| {
        b.modified
            .cmp(&a.modified)
            .then_with(|| a.path.cmp(&b.path))
    });
    (found, problems)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<Backup>, problems: &mut Vec<String>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return problems.push(format!("{}: {error}", folder.display())),
    };
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                problems.push(format!("{}: {error}", folder.display()));
                continue;
            }
        };
        let looked = fs::symlink_metadata(&path).and_then(|metadata| {
            if metadata.is_dir() {
                if depth > 0 {
                    walk(&path, depth - 1, found, problems);
                } else {
                    problems.push(format!("{}: too deep, not looked into", path.display()));
                }
            } else if metadata.is_file() {
                let modified = metadata.modified()?.into();
                let kind = BackupKind::of(&path, metadata.len())?;
                found.push(Backup {
                    path: path.clone(),
                    kind,
                    bytes: metadata.len(),
                    modified,
                });
            }
            Ok(())
        });
        if let Err(error) = looked {
            problems.push(format!("{}: {error}", path.display()));
        }
    }
}
