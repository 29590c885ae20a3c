//! Getting the code of a restore point back.

use std::fs;
use std::path::{Path, PathBuf};

use nba_utils::Verdict;
use serde::Serialize;

use super::{LISTED, Options, RestorePoint, RestorePointError, create, io};
use crate::fault;
use crate::git::Git;

/// Code that was brought back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Restored {
    /// `Proven` when every file is as it was recorded.
    pub verdict: Verdict,
    /// The commit.
    pub commit: String,
    /// Where the files are.
    pub folder: PathBuf,
    /// Files restored.
    pub files: usize,
    /// The state before, when it was restored in place: the way back from the way back.
    pub before: Option<RestorePoint>,
}

/// The exact commit behind a name, which must be in the repository.
fn commit_of(git: &Git, name: &str) -> Result<String, RestorePointError> {
    let unknown = || RestorePointError::Unknown {
        name: name.to_owned(),
    };
    // An option, or a range, is no name.
    if name.is_empty() || name.starts_with('-') || name.contains("..") {
        return Err(unknown());
    }
    let found = git.text(&[
        "rev-parse",
        "--verify",
        "--quiet",
        &format!("{name}^{{commit}}"),
    ]);
    Ok(found.map_err(|_| unknown())?.trim().to_owned())
}

/// Writes the files of `name` (a tag or a commit) into a new folder. The checkout, its index and its branches stay untouched.
///
/// # Errors
///
/// [`RestorePointError::Unknown`], [`RestorePointError::NotEmpty`], or what git or the disk says.
pub fn restore_beside(
    project: &Path,
    name: &str,
    into: &Path,
) -> Result<Restored, RestorePointError> {
    let git = Git::checkout(project)?;
    let commit = commit_of(&git, name)?;
    fs::create_dir_all(into).map_err(io("create", into))?;
    if fs::read_dir(into)
        .map_err(io("list", into))?
        .next()
        .is_some()
    {
        return Err(RestorePointError::NotEmpty {
            path: into.to_owned(),
        });
    }
    let into = std::path::absolute(into).map_err(io("find", into))?;
    let scratch = tempfile::tempdir().map_err(io("create", Path::new("temporary folder")))?;
    let through = git
        .with_index(&scratch.path().join("index"))
        .with_work_tree(&into);
    through.text(&["read-tree", &commit])?;
    through.text(&["checkout-index", "--all"])?;
    let verdict = same(&through)?;
    let files = through.names(&["ls-files", "-z"])?.len();
    Ok(Restored {
        verdict,
        commit,
        folder: into,
        files,
        before: None,
    })
}

/// Compares a folder with the files of `name` (a tag or a commit). Changes nothing.
///
/// # Errors
///
/// [`RestorePointError::Unknown`], or what git or the disk says.
pub fn compare_beside(
    project: &Path,
    name: &str,
    folder: &Path,
) -> Result<Restored, RestorePointError> {
    let git = Git::checkout(project)?;
    let commit = commit_of(&git, name)?;
    let folder = std::path::absolute(folder).map_err(io("find", folder))?;
    let scratch = tempfile::tempdir().map_err(io("create", Path::new("temporary folder")))?;
    let through = git
        .with_index(&scratch.path().join("index"))
        .with_work_tree(&folder);
    through.text(&["read-tree", &commit])?;
    let files = through.names(&["ls-files", "-z"])?.len();
    // Something that is in no restore point may not pass for a part of one.
    let foreign = through.names(&["ls-files", "--others", "-z"])?;
    let foreign = Verdict::from_findings(
        foreign
            .into_iter()
            .take(LISTED)
            .map(|path| format!("`{path}` is not in the restore point")),
    );
    Ok(Restored {
        verdict: Verdict::all([same(&through)?, foreign]),
        commit,
        folder,
        files,
        before: None,
    })
}

/// Brings the files of `name` back into the checkout itself, after a restore point of what is there now. The branch stays; what was
/// uncommitted then is uncommitted again.
///
/// Files that are in neither (ignored, or left out) stay as they are.
///
/// # Errors
///
/// As [`restore_beside`] and [`create`]; the restore point of the present state is made first, so nothing is lost.
pub fn restore_in_place(project: &Path, name: &str) -> Result<Restored, RestorePointError> {
    let git = Git::checkout(project)?;
    let commit = commit_of(&git, name)?;
    let before = create(
        project,
        &Options::new(format!("before the code of {name} was restored")),
    )?;
    fault::point("code.saved");
    // Whatever is in the present state and not in the wanted one is removed too: it is in the restore point just made.
    let scratch = tempfile::tempdir().map_err(io("create", Path::new("temporary folder")))?;
    let through = git.with_index(&scratch.path().join("index"));
    through.text(&["read-tree", &before.commit])?;
    through.text(&["update-index", "-q", "--refresh"]).ok();
    through.text(&["read-tree", "--reset", "-u", &commit])?;
    fault::point("code.written");
    let verdict = same(&through)?;
    let files = through.names(&["ls-files", "-z"])?.len();
    Ok(Restored {
        verdict: Verdict::all([before.verdict.clone(), verdict]),
        commit,
        folder: project.to_owned(),
        files,
        before: Some(before),
    })
}

/// Whether the files are those of the index.
fn same(git: &Git) -> Result<Verdict, RestorePointError> {
    // The times in a fresh index mean nothing yet.
    git.text(&["update-index", "-q", "--refresh"]).ok();
    let different = git.names(&["diff-files", "--name-only", "-z"])?;
    Ok(Verdict::from_findings(
        different
            .into_iter()
            .take(LISTED)
            .map(|path| format!("`{path}` is not what was recorded")),
    ))
}
