//! The files of a backup: two digests each, and nothing more and nothing less than the manifest says.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use nba_utils::Digest;
use nba_utils::tree::text_of_path;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use walkdir::WalkDir;

use super::{BackupError, manifest};

/// Bytes read at once.
const CHUNK: usize = 1024 * 1024;

/// One file of the dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Path inside the backup's folder; never absolute, so that a copy elsewhere can be checked (monitoring dossier 3.1).
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3.
    pub blake3: Digest,
    /// SHA-256 in hexadecimal, for `sha256sum -c`.
    pub sha256: String,
}

/// Measures every file in the folder except the manifest, by name.
pub(super) fn measure(folder: &Path) -> Result<Vec<FileRecord>, BackupError> {
    let mut records = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| BackupError::Io {
            operation: "list",
            path: folder.to_owned(),
            source: error.into(),
        })?;
        if entry.file_type().is_dir() {
            continue;
        }
        let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        if relative == Path::new(manifest::FILE) {
            continue;
        }
        records.push(one(entry.path(), text_of_path(relative))?);
    }
    Ok(records)
}

fn one(path: &Path, name: String) -> Result<FileRecord, BackupError> {
    let failed = || BackupError::io("read", path);
    // Not followed: a link leads out of the backup.
    if !fs::symlink_metadata(path).map_err(failed())?.is_file() {
        return Err(failed()(std::io::Error::other("not a regular file")));
    }
    let mut file = File::open(path).map_err(failed())?;
    let mut blake3 = blake3::Hasher::new();
    let mut sha256 = sha2::Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(failed())?;
        if read == 0 {
            break;
        }
        let part = buffer.get(..read).unwrap_or_default();
        blake3.update(part);
        sha256.update(part);
        bytes += u64::try_from(read).unwrap_or(0);
    }
    let mut hex = String::with_capacity(64);
    for byte in sha256.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    let blake3: Digest = blake3
        .finalize()
        .to_hex()
        .as_str()
        .parse()
        .map_err(|_| failed()(std::io::Error::other("no digest")))?;
    Ok(FileRecord {
        path: name,
        bytes,
        blake3,
        sha256: hex,
    })
}

/// What differs between the files and their records; empty when nothing does.
pub(super) fn differences(
    folder: &Path,
    expected: &[FileRecord],
) -> Result<Vec<String>, BackupError> {
    let found = measure(folder)?;
    let mut findings = Vec::new();
    for record in expected {
        match found.iter().find(|file| file.path == record.path) {
            None => findings.push(format!("file `{}` is missing", record.path)),
            Some(file) if file.bytes != record.bytes => findings.push(format!(
                "file `{}` has {} bytes instead of {}",
                record.path, file.bytes, record.bytes
            )),
            Some(file) if file != record => {
                findings.push(format!(
                    "file `{}` was changed: its digest differs",
                    record.path
                ));
            }
            Some(_) => {}
        }
    }
    for file in &found {
        if !expected.iter().any(|record| record.path == file.path) {
            findings.push(format!(
                "file `{}` does not belong to the backup",
                file.path
            ));
        }
    }
    Ok(findings)
}

/// Brings a whole tree to the disk, so that a manifest never outlives its files.
pub(super) fn sync(folder: &Path) -> Result<(), BackupError> {
    for entry in WalkDir::new(folder).contents_first(true) {
        let entry = entry.map_err(|error| BackupError::Io {
            operation: "list",
            path: folder.to_owned(),
            source: error.into(),
        })?;
        File::open(entry.path())
            .and_then(|file| file.sync_all())
            .map_err(BackupError::io("bring to the disk", entry.path()))?;
    }
    Ok(())
}

/// Bytes free for us on the file system of `folder`.
pub(super) fn free_bytes(folder: &Path) -> Result<u64, BackupError> {
    let stat = rustix::fs::statvfs(folder)
        .map_err(|error| BackupError::io("ask for the free space of", folder)(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
