//! Whether a local copy of a lake is one.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use futures::stream::TryStreamExt as _;
use nba_utils::Verdict;
use nba_utils::format::thousands;
use serde::Serialize;

use super::digests::{Hasher, digests_of_file, etag_of_file};
use super::{Inventory, Lake, LakeError, LakeObject};

/// Names kept of each kind of finding.
const KEPT: usize = 50;

/// How many, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Findings {
    /// How many.
    pub count: u64,
    /// The first fifty.
    pub first: Vec<String>,
}

impl Findings {
    pub(super) fn add(&mut self, what: impl Into<String>) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(what.into());
        }
    }

    /// `3 objects: a, b, c`; nothing where there are none.
    pub(super) fn reason(&self, what: &str) -> Option<String> {
        let shown: Vec<&str> = self.first.iter().take(3).map(String::as_str).collect();
        let more = if self.count > 3 { ", …" } else { "" };
        (self.count > 0).then(|| {
            format!(
                "{} {what}: {}{more}",
                thousands(self.count),
                shown.join(", ")
            )
        })
    }
}

/// What a comparison of a lake with a local copy found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CopyReport {
    /// Objects whose content is the same.
    pub same: u64,
    /// Of those, how many were shown by their ETag alone; the others were read and compared.
    pub by_etag: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// In the lake and not in the copy.
    pub missing: Findings,
    /// In the copy and not in the lake.
    pub extra: Findings,
    /// In both, with different contents.
    pub different: Findings,
    /// What could not be compared, with the reason.
    pub undecided: Findings,
}

impl CopyReport {
    /// Proven only when every object was compared and is the same, and there is nothing else.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let refuted = [
            self.missing.reason("are missing from the copy"),
            self.different.reason("differ"),
            self.extra.reason("are only in the copy"),
        ];
        let mut parts = vec![Verdict::from_findings(refuted.into_iter().flatten())];
        if let Some(reason) = self.undecided.reason("could not be compared") {
            parts.push(Verdict::not_proven(reason));
        }
        if self.same == 0 && parts.len() == 1 && parts[0].is_proven() {
            return Verdict::not_proven("there is nothing to compare");
        }
        Verdict::all(parts)
    }
}

/// What became of one object.
enum Outcome {
    Same { by_etag: bool, bytes: u64 },
    Missing(String),
    Different(String),
    Undecided(String),
}

/// Compares every object of a lake with the file of the same name below `copy`.
///
/// Size first; then the ETag, where it can be computed from the file; whatever that leaves open is read from the lake and
/// compared byte by byte. Several objects at a time, in bounded memory but for 8 bytes per object.
///
/// # Errors
///
/// The listing of either side cannot be completed. Trouble with one object is a finding.
pub async fn verify_copy(
    lake: &Lake,
    copy: &Path,
    what: &Inventory,
    concurrency: NonZeroUsize,
) -> Result<CopyReport, LakeError> {
    let mut report = CopyReport::default();
    let mut known: HashSet<u64> = HashSet::new();
    let mut outcomes = lake
        .inventory(what)
        .map_ok(|object| {
            let hash = hash(&object.key);
            let path = copy.join(&object.key);
            async move {
                // A marker of a folder, as consoles make them, has no file.
                if object.key.ends_with('/') && object.size == 0 {
                    return Ok((hash, None));
                }
                Ok((hash, Some(one(lake, object, path).await)))
            }
        })
        .try_buffer_unordered(concurrency.get());
    while let Some((hash, outcome)) = outcomes.try_next().await? {
        known.insert(hash);
        match outcome {
            None => {}
            Some(Outcome::Same { by_etag, bytes }) => {
                report.same += 1;
                report.by_etag += u64::from(by_etag);
                report.bytes = report.bytes.saturating_add(bytes);
            }
            Some(Outcome::Missing(key)) => report.missing.add(key),
            Some(Outcome::Different(text)) => report.different.add(text),
            Some(Outcome::Undecided(text)) => report.undecided.add(text),
        }
    }
    drop(outcomes);
    let local = Lake::local(copy);
    let mut files = local.inventory(what);
    while let Some(file) = files.try_next().await? {
        if !known.contains(&hash(&file.key)) {
            report.extra.add(file.key);
        }
    }
    Ok(report)
}

/// Without keys of its own, so that both sides agree.
pub(super) fn hash(key: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

async fn one(lake: &Lake, object: LakeObject, path: PathBuf) -> Outcome {
    let key = object.key.clone();
    let undecided = |reason: String| Outcome::Undecided(format!("{key} ({reason})"));
    let size = match tokio::fs::symlink_metadata(&path).await {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => return Outcome::Different(format!("{key} (not a regular file)")),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Outcome::Missing(key);
        }
        Err(error) => return undecided(error.to_string()),
    };
    if size != object.size {
        return Outcome::Different(format!("{key} ({size} bytes instead of {})", object.size));
    }
    if let Some(etag) = object.etag.clone() {
        let path = path.clone();
        let shown = blocking(move || etag_of_file(&path, &etag)).await;
        match shown {
            Ok(Some(true)) => {
                return Outcome::Same {
                    by_etag: true,
                    bytes: size,
                };
            }
            Ok(_) => {}
            Err(error) => return undecided(error.to_string()),
        }
    }
    let theirs = async {
        let (_, mut parts) = lake.open(&key).await?;
        let mut hasher = Hasher::default();
        while let Some(bytes) = parts.try_next().await? {
            hasher.add(&bytes);
        }
        Ok::<_, LakeError>(hasher.finish())
    };
    let theirs = match theirs.await {
        Ok(digests) => digests,
        Err(error) => return undecided(error.to_string()),
    };
    match blocking(move || digests_of_file(&path)).await {
        Ok(ours) if ours == theirs => Outcome::Same {
            by_etag: false,
            bytes: size,
        },
        Ok(_) => Outcome::Different(format!("{key} (same size, other content)")),
        Err(error) => undecided(error.to_string()),
    }
}

/// Work that blocks, on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
