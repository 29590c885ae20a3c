//! The code side: tags and the checkout, read with `git` and never changed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::git::{Git, GitError};

/// The pattern of restore points that legacy users know (monitoring dossier 7.3).
const TAGS: &str = "refs/tags/pre-refactor-*";

/// Where a checkout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkout {
    /// The checked-out commit; `None` before the first.
    pub head: Option<String>,
    /// Files with uncommitted changes, untracked ones included.
    pub changed_files: usize,
    /// Restore points, newest first.
    pub restore_points: Vec<RestorePoint>,
}

/// A tag `pre-refactor-*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RestorePoint {
    /// Its name, as it is; never computed from a date.
    pub tag: String,
    /// The commit it leads to.
    pub commit: String,
    /// When it was made, ISO 8601 with offset.
    pub tagged_at: String,
    /// Whether it is an annotated tag, which cannot be moved unseen.
    pub annotated: bool,
}

/// Where the checkout `project` stands, and its restore points. Blocks; changes nothing.
///
/// # Errors
///
/// [`GitError`]: no git, or not the top folder of a checkout.
pub fn checkout(project: &Path) -> Result<Checkout, GitError> {
    let git = Git::checkout(project)?;
    let head = git
        .text(&["rev-parse", "--verify", "--quiet", "HEAD"])
        .ok()
        .map(|text| text.trim().to_owned());
    let changed_files = git
        .text(&["status", "--porcelain", "-z"])?
        .split('\0')
        .filter(|entry| !entry.is_empty())
        .count();
    // The dereferenced commit stands first where there is one, that is for annotated tags.
    let format =
        "--format=%(*objectname)%00%(objectname)%00%(refname:short)%00%(creatordate:iso-strict)";
    let listing = git.text(&["for-each-ref", "--sort=-creatordate", format, TAGS])?;
    let restore_points = listing.lines().filter_map(restore_point).collect();
    Ok(Checkout {
        head,
        changed_files,
        restore_points,
    })
}

fn restore_point(line: &str) -> Option<RestorePoint> {
    let mut fields = line.split('\0');
    let (target, object, tag, time) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let annotated = !target.is_empty();
    Some(RestorePoint {
        tag: tag.to_owned(),
        commit: if annotated { target } else { object }.to_owned(),
        tagged_at: time.to_owned(),
        annotated,
    })
}
