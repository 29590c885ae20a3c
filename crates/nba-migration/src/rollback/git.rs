//! The code side: tags and the checkout, read with `git` and never changed.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;

/// The pattern of restore points that legacy users know (monitoring dossier 7.3).
const TAGS: &str = "refs/tags/pre-refactor-*";

/// Where a checkout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// Asks git; the reason in words when that is not possible.
pub(super) fn look(project: &Path) -> Result<Checkout, String> {
    // A folder inside somebody else's repository is not this project's checkout.
    let inside = run(project, &["rev-parse", "--show-prefix"])?;
    if !inside.trim().is_empty() {
        return Err("the project folder is not the top of a git checkout".to_owned());
    }
    let head = run(project, &["rev-parse", "--verify", "--quiet", "HEAD"])
        .ok()
        .map(|text| text.trim().to_owned());
    let changed_files = run(project, &["status", "--porcelain", "-z"])?
        .split('\0')
        .filter(|entry| !entry.is_empty())
        .count();
    // The dereferenced commit stands first where there is one, that is for annotated tags.
    let format =
        "--format=%(*objectname)%00%(objectname)%00%(refname:short)%00%(creatordate:iso-strict)";
    let listing = run(
        project,
        &["for-each-ref", "--sort=-creatordate", format, TAGS],
    )?;
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

fn run(project: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(project)
        .args(arguments)
        // A variable left by a hook would point git at another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        // `git status` would otherwise refresh the index, which is a write.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("git could not be run: {error}"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        let first = message.lines().next().unwrap_or("no message");
        return Err(format!("git {}: {first}", arguments.first().unwrap_or(&"")));
    }
    String::from_utf8(output.stdout).map_err(|_| "git gave a name that is not UTF-8".to_owned())
}
