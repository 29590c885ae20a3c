//! Fetching: one object into a file, or a whole lake into a local copy. Nothing is ever deleted.

use std::io::Write as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures::stream::TryStreamExt as _;
use nba_utils::Verdict;
use nba_utils::retry::RetryPolicy;
use serde::Serialize;

use super::compare::{Findings, blocking};
use super::digests::{Digests, Hasher};
use super::{Inventory, Lake, LakeError, LakeErrorKind, LakeObject};

/// Tries per object when its bytes do not arrive; single requests are retried by the client itself besides.
const RETRIES: RetryPolicy = RetryPolicy {
    attempts: NonZeroU32::new(4).expect("four is not zero"),
    first_delay: Duration::from_millis(250),
    max_delay: Duration::from_secs(10),
};

/// Clocks of file systems may keep whole seconds only.
const TIME_TOLERANCE: Duration = Duration::from_secs(2);

/// An object that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Download {
    /// What the lake said about it.
    pub object: LakeObject,
    /// Digests of the bytes that arrived.
    pub digests: Digests,
    /// Whether its ETag is the MD5 of those bytes. `None` where the ETag has another form; `Some(false)` also where a key of KMS
    /// encrypts the object.
    pub etag_matches: Option<bool>,
}

/// Fetches one object of any size into a file, which appears only when all bytes are there and on the disk.
///
/// The file gets the object's time of modification. Interrupted transfers are tried again, with jitter.
///
/// # Errors
///
/// [`LakeError::AlreadyThere`] when the file exists, [`LakeError::Damaged`] when the bytes do not pass the length and checksum
/// the lake announced, or the lake's own trouble. Nothing is left behind then.
pub async fn download(lake: &Lake, key: &str, file: &Path) -> Result<Download, LakeError> {
    if tokio::fs::symlink_metadata(file).await.is_ok() {
        return Err(LakeError::AlreadyThere {
            lake: format!("`{}`", file.display()),
            key: key.to_owned(),
        });
    }
    fetch(lake, key, file, Existing::Keep).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

async fn fetch(
    lake: &Lake,
    key: &str,
    file: &Path,
    existing: Existing,
) -> Result<Download, LakeError> {
    let mut delays = RETRIES.delays();
    loop {
        let error = match try_fetch(lake, key, file, existing).await {
            Ok(download) => return Ok(download),
            Err(error) => error,
        };
        let transient = matches!(
            error.kind(),
            LakeErrorKind::Corrupt | LakeErrorKind::Unreachable
        );
        match delays.next() {
            Some(delay) if transient => tokio::time::sleep(delay).await,
            _ => return Err(error),
        }
    }
}

async fn try_fetch(
    lake: &Lake,
    key: &str,
    file: &Path,
    existing: Existing,
) -> Result<Download, LakeError> {
    let write = |source| LakeError::Write {
        path: file.to_owned(),
        source,
    };
    let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
    let (object, mut parts) = lake.open(key).await?;
    let mut temporary = blocking(move || {
        std::fs::create_dir_all(&folder)?;
        tempfile::Builder::new()
            .prefix(".nba-")
            .suffix(".part")
            .tempfile_in(&folder)
    })
    .await
    .map_err(write)?;
    let mut hasher = Hasher::default();
    while let Some(bytes) = parts.try_next().await? {
        hasher.add(&bytes);
        temporary = blocking(move || {
            temporary.write_all(&bytes)?;
            Ok(temporary)
        })
        .await
        .map_err(write)?;
    }
    let digests = hasher.finish();
    let etag_matches = object.etag.as_deref().and_then(|etag| {
        let plain = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| etag.eq_ignore_ascii_case(&digests.md5))
    });
    let target = file.to_owned();
    let modified = object.modified.map(SystemTime::from);
    blocking(move || {
        use std::os::unix::fs::PermissionsExt as _;
        let open = temporary.as_file();
        open.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        if let Some(modified) = modified {
            open.set_modified(modified)?;
        }
        open.sync_all()?;
        match existing {
            Existing::Keep => temporary.persist_noclobber(&target).map_err(|e| e.error)?,
            Existing::Replace => temporary.persist(&target).map_err(|e| e.error)?,
        };
        Ok(())
    })
    .await
    .map_err(write)?;
    Ok(Download {
        object,
        digests,
        etag_matches,
    })
}

/// What to bring up to date, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncOptions {
    /// What of the lake.
    pub what: Inventory,
    /// Objects on the way at once.
    pub concurrency: NonZeroUsize,
    /// Replace files that are older than their object. Without it they are kept and named.
    pub update: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl Default for SyncOptions {
    /// Everything, eight at a time; files that differ are kept.
    fn default() -> Self {
        SyncOptions {
            what: Inventory::default(),
            concurrency: NonZeroUsize::new(8).expect("eight is not zero"),
            update: false,
            dry_run: false,
        }
    }
}

/// What a synchronisation did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// Objects listed.
    pub listed: u64,
    /// Files that were there, with the object's size and time. Their content was not read: `verify` does.
    pub present: u64,
    /// Objects fetched, or to be fetched in a dry run.
    pub fetched: u64,
    /// Of those, files that were replaced by a newer object.
    pub replaced: u64,
    /// Bytes fetched.
    pub bytes: u64,
    /// Files that differ from their object and were kept.
    pub kept: Findings,
    /// Objects that could not be fetched, with the reason.
    pub failed: Findings,
    /// Whether nothing was done.
    pub dry_run: bool,
}

impl SyncReport {
    /// Proven when every object is there now.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.dry_run {
            return Verdict::not_proven("a dry run fetches nothing");
        }
        let open = [
            self.failed.reason("could not be fetched"),
            self.kept.reason("differ and were kept"),
        ];
        Verdict::all(
            open.into_iter()
                .flatten()
                .map(Verdict::not_proven)
                .chain([Verdict::Proven]),
        )
    }
}

enum Step {
    Present,
    Fetched { bytes: u64, replaced: bool },
    Kept(String),
    Failed(String),
}

/// Brings a local copy of a lake up to date: fetches what is missing, never deletes, and replaces only older files and only
/// when asked to. Interrupted, it goes on where it was when it is started again: a file is there whole or not at all.
///
/// # Errors
///
/// The listing cannot be completed. Trouble with one object is a finding.
pub async fn sync(
    lake: &Lake,
    copy: &Path,
    options: &SyncOptions,
) -> Result<SyncReport, LakeError> {
    let mut report = SyncReport {
        dry_run: options.dry_run,
        ..SyncReport::default()
    };
    let mut steps = lake
        .inventory(&options.what)
        .map_ok(|object| {
            let path = copy.join(&object.key);
            async move { Ok(step(lake, object, path, options).await) }
        })
        .try_buffer_unordered(options.concurrency.get());
    while let Some(step) = steps.try_next().await? {
        report.listed += 1;
        match step {
            Step::Present => report.present += 1,
            Step::Fetched { bytes, replaced } => {
                report.fetched += 1;
                report.replaced += u64::from(replaced);
                report.bytes = report.bytes.saturating_add(bytes);
            }
            Step::Kept(text) => report.kept.add(text),
            Step::Failed(text) => report.failed.add(text),
        }
    }
    Ok(report)
}

async fn step(lake: &Lake, object: LakeObject, path: PathBuf, options: &SyncOptions) -> Step {
    // A marker of a folder, as consoles make them.
    if object.key.ends_with('/') && object.size == 0 {
        return Step::Present;
    }
    let existing = match tokio::fs::symlink_metadata(&path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Existing::Keep,
        Err(error) => return Step::Failed(format!("{} ({error})", object.key)),
        Ok(found) if !found.is_file() => {
            return Step::Kept(format!("{} (not a regular file)", object.key));
        }
        Ok(found) => {
            let age = object
                .modified
                .map(SystemTime::from)
                .zip(found.modified().ok());
            let older = age.is_some_and(|(theirs, ours)| theirs > ours + TIME_TOLERANCE);
            // A file that is newer than its object was copied after the object was written, by whatever tool.
            if found.len() == object.size && !older {
                return Step::Present;
            }
            if !(older && options.update) {
                let why = if older { "older" } else { "another size" };
                return Step::Kept(format!("{} ({why})", object.key));
            }
            Existing::Replace
        }
    };
    let replaced = existing == Existing::Replace;
    if options.dry_run {
        return Step::Fetched {
            bytes: object.size,
            replaced,
        };
    }
    match fetch(lake, &object.key, &path, existing).await {
        Ok(download) => Step::Fetched {
            bytes: download.digests.size,
            replaced,
        },
        Err(error) => {
            let causes: Vec<String> = nba_utils::errors::chain(&error)
                .map(ToString::to_string)
                .collect();
            Step::Failed(format!("{} ({})", object.key, causes.join(": ")))
        }
    }
}
