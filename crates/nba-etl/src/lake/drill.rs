//! Restoring a sample of a lake and comparing it with a manifest that was taken before.
//!
//! 173,000 objects are not fetched every night to know whether they can be. A few are, other ones each time, and each is held against
//! what the manifest says of it: size, digest, and the version that was there. The sample is drawn from a seed, which is kept with the
//! result, so that anybody can draw it again.

use std::num::NonZeroUsize;
use std::path::Path;

use futures::stream::TryStreamExt as _;
use nba_utils::{Digest, Verdict};
use serde::Serialize;

use super::{CopyReport, Lake, LakeError, LakeErrorKind, Manifest, download, verify_manifest};

/// How a drill is made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrillOptions {
    /// Objects fetched.
    pub sample: NonZeroUsize,
    /// What the sample is drawn from; another one draws others.
    pub seed: String,
    /// Objects fetched at once.
    pub concurrency: NonZeroUsize,
}

impl DrillOptions {
    /// So many objects, drawn from this seed.
    #[must_use]
    pub fn new(sample: NonZeroUsize, seed: impl Into<String>) -> Self {
        Self {
            sample,
            seed: seed.into(),
            concurrency: NonZeroUsize::MIN.saturating_add(3),
        }
    }
}

/// What a drill found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Drill {
    /// `Proven` when every object of the sample came back as the manifest has it.
    pub verdict: Verdict,
    /// The lake, as it describes itself.
    pub lake: String,
    /// The manifest's own digest.
    pub manifest: String,
    /// Objects in the manifest.
    pub objects: usize,
    /// Objects fetched.
    pub sample: usize,
    /// What they were drawn from.
    pub seed: String,
    /// Objects of the sample whose version the manifest has. Without versions, what is overwritten is gone.
    pub versioned: usize,
    /// Object by object.
    pub report: CopyReport,
}

/// Fetches a sample of `lake` into the empty folder `scratch` and compares it with `manifest`.
///
/// An object that is missing, damaged, or another one than the manifest's is refuted, one without any digest in common is not proven.
///
/// # Errors
///
/// [`LakeError`] when the lake cannot be asked or refuses: nothing is known then.
pub async fn drill(
    lake: &Lake,
    manifest: &Manifest,
    options: &DrillOptions,
    scratch: &Path,
) -> Result<Drill, LakeError> {
    let mut drawn: Vec<_> = manifest
        .entries
        .iter()
        // Names of folders, as consoles make them, have no content.
        .filter(|entry| !(entry.key.ends_with('/') && entry.size == 0))
        .map(|entry| {
            let lot = Digest::of(format!("{}\0{}", options.seed, entry.key).as_bytes());
            (lot.to_string(), entry)
        })
        .collect();
    drawn.sort_by(|(left, _), (right, _)| left.cmp(right));
    drawn.truncate(options.sample.get());

    let mut part = manifest.clone();
    part.entries = drawn.iter().map(|(_, entry)| (*entry).clone()).collect();
    part.entries.sort_by(|left, right| left.key.cmp(&right.key));
    let damaged: Vec<String> = futures::stream::iter(part.entries.iter().map(Ok::<_, LakeError>))
        .map_ok(|entry| async move {
            match download(lake, &entry.key, &scratch.join(&entry.key)).await {
                Ok(_) => Ok(None),
                // It is not in the folder then, and the comparison says so.
                Err(error @ LakeError::NoSuchKey { .. }) => Ok(Some(error.to_string())),
                Err(error) if error.kind() == LakeErrorKind::Corrupt => {
                    Ok(Some(format!("`{}` does not come back: {error}", entry.key)))
                }
                Err(error) => Err(error),
            }
        })
        .try_buffer_unordered(options.concurrency.get())
        .try_filter_map(|problem| async move { Ok(problem) })
        .try_collect()
        .await?;
    let report = verify_manifest(&part, scratch, options.concurrency).await?;
    Ok(Drill {
        verdict: Verdict::all([report.verdict(), Verdict::from_findings(damaged)]),
        lake: lake.describe(),
        manifest: manifest.digest(),
        objects: manifest.entries.len(),
        sample: part.entries.len(),
        seed: options.seed.clone(),
        versioned: part
            .entries
            .iter()
            .filter(|entry| entry.version.is_some())
            .count(),
        report,
    })
}
