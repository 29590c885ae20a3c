//! Restore points of the code: an annotated tag that holds the whole work tree, uncommitted work included.
//!
//! The legacy plan committed everything on a new branch and recomputed the tag's name from today's date when it had to go back
//! (monitoring dossier 0.3, 3.3). [`create`] writes the tree through an index of its own: branch, index and work tree stay as they
//! are, and that is proven, not assumed. Secrets, ignored and very large files are left out and listed. The exact commit is
//! recorded; nobody computes a name again.

mod restore;
mod secrets;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use nba_utils::tree::{Excludes, TreeError};
use nba_utils::{Digest, Hint, TreeFingerprint, Verdict};
use serde::Serialize;

pub use self::restore::{Restored, compare_beside, restore_beside, restore_in_place};
use crate::git::{Git, GitError};
use crate::ledger::Entry;

/// How names begin; legacy users know the pattern (monitoring dossier 7.3).
pub const PREFIX: &str = "pre-refactor-";

/// Names tried when one is taken.
const MAX_SAME_SECOND: u32 = 100;

/// Files listed by name in a record; the report has all of them.
const LISTED: usize = 50;

/// How a restore point is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Untracked files above this size stay out: a repository is no place for data.
    pub max_untracked_bytes: u64,
    /// What to say in the tag.
    pub message: String,
    /// The time in the name.
    pub now: DateTime<Utc>,
}

impl Options {
    /// Files up to 20 MB, now.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            max_untracked_bytes: 20 * 1024 * 1024,
            message: message.into(),
            now: Utc::now(),
        }
    }
}

/// A restore point that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RestorePoint {
    /// `Proven` when the tag holds everything that is not listed as left out, and nothing else changed.
    pub verdict: Verdict,
    /// Name of the tag.
    pub tag: String,
    /// The commit it leads to; this, not the name, is what a rollback uses.
    pub commit: String,
    /// The tree of that commit.
    pub tree: String,
    /// The commit that was checked out.
    pub base: Option<String>,
    /// The branch that was checked out.
    pub branch: Option<String>,
    /// Changed and new files that are only in the restore point.
    pub uncommitted: Vec<String>,
    /// Files left out.
    pub left_out: Vec<LeftOut>,
    /// Ignored files and folders, which are never taken.
    pub ignored: Vec<String>,
}

/// A file that is not in the restore point as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: String,
}

impl RestorePoint {
    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let paths: Vec<&str> = self
            .left_out
            .iter()
            .take(LISTED)
            .map(|one| one.path.as_str())
            .collect();
        Entry::new("restore point", self.verdict.clone())
            .figure("tag", self.tag.as_str())
            .figure("commit", self.commit.as_str())
            .figure("tree", self.tree.as_str())
            .figure("base", self.base.clone())
            .figure("branch", self.branch.clone())
            .figure("uncommitted", self.uncommitted.len())
            .figure("left_out", serde_json::json!(paths))
            .figure("left_out_count", self.left_out.len())
    }
}

/// Why there is no restore point.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestorePointError {
    /// Git refused something.
    #[error("the restore point could not be made")]
    Git(#[from] GitError),
    /// The tree could not be fingerprinted.
    #[error("the work tree could not be read")]
    Tree(#[from] TreeError),
    /// A file operation failed.
    #[error("could not {operation} `{}`", path.display())]
    Io {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The folder to restore into is not empty.
    #[error("`{}` is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// No such commit or tag.
    #[error("there is no restore point `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

impl Hint for RestorePointError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Git(error) => error.hint(),
            Self::NotEmpty { .. } => Some("name a folder that does not exist yet".to_owned()),
            Self::Unknown { .. } => Some("`nba restore list` names them".to_owned()),
            _ => None,
        }
    }
}

pub(super) fn io(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> RestorePointError + use<> {
    let path = path.to_owned();
    move |source| RestorePointError::Io {
        operation,
        path,
        source,
    }
}

/// What must not change while a restore point is made.
#[derive(Debug, PartialEq)]
pub(super) struct State {
    pub(super) tree: TreeFingerprint,
    status: String,
    index: Option<Digest>,
    head: Option<String>,
    branch: Option<String>,
}

impl State {
    pub(super) fn of(git: &Git, project: &Path) -> Result<Self, RestorePointError> {
        Ok(Self {
            tree: TreeFingerprint::of(project, &Excludes::new([".git", ".nba"])?)?,
            status: git.text(&["status", "--porcelain", "-z"])?,
            index: fs::read(index_path(git, project)?)
                .ok()
                .map(|bytes| Digest::of(&bytes)),
            head: git
                .text(&["rev-parse", "--verify", "--quiet", "HEAD"])
                .ok()
                .map(|text| text.trim().to_owned()),
            branch: git
                .text(&["symbolic-ref", "--quiet", "--short", "HEAD"])
                .ok()
                .map(|text| text.trim().to_owned()),
        })
    }

    /// What differs.
    fn same_as(&self, later: &Self) -> Verdict {
        let mut findings: Vec<String> = match self.tree.diff(&later.tree) {
            Ok(diff) => diff
                .lines()
                .take(LISTED)
                .map(|line| format!("work tree: {line}"))
                .collect(),
            Err(error) => vec![error.to_string()],
        };
        if self.status != later.status {
            findings.push("`git status` says something else".to_owned());
        }
        if self.index != later.index {
            findings.push("the index was changed".to_owned());
        }
        if (&self.head, &self.branch) != (&later.head, &later.branch) {
            findings.push("another commit or branch is checked out".to_owned());
        }
        Verdict::from_findings(findings).about("while it was made")
    }
}

fn index_path(git: &Git, project: &Path) -> Result<PathBuf, GitError> {
    let path = git.text(&["rev-parse", "--git-path", "index"])?;
    Ok(project.join(path.trim_end_matches('\n')))
}

/// Makes a restore point of the checkout `project`. Blocks.
///
/// ```no_run
/// use nba_migration::restore_point::{Options, create};
///
/// let point = create("/home/nba/nba-simulator-aws".as_ref(), &Options::new("before phase 1"))?;
/// println!("{} is {}", point.tag, point.commit);
/// # Ok::<(), nba_migration::restore_point::RestorePointError>(())
/// ```
///
/// # Errors
///
/// [`RestorePointError`]; branch, index and work tree are unchanged in any case, and there is no tag.
pub fn create(project: &Path, options: &Options) -> Result<RestorePoint, RestorePointError> {
    let git = Git::checkout(project)?;
    let before = State::of(&git, project)?;

    // The index in use has what `git add -f` put there; a copy keeps the cache of the files' times, too.
    let scratch = tempfile::tempdir().map_err(io("create", Path::new("temporary folder")))?;
    let index = scratch.path().join("index");
    let real = index_path(&git, project)?;
    if real.is_file() {
        fs::copy(&real, &index).map_err(io("copy", &real))?;
    }
    let through = git.with_index(&index);
    unhide(&through, project)?;

    let left_out = left_out(&through, project, options)?;
    // Everything but what is left out; literal, because a name may hold `*`.
    let mut pathspecs = b".\0".to_vec();
    for one in &left_out {
        pathspecs.extend_from_slice(format!(":(exclude,literal,top){}\0", one.path).as_bytes());
    }
    through.with_input(
        &[
            "add",
            "--all",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
        ],
        &pathspecs,
    )?;
    let tree = through.text(&["write-tree"])?.trim().to_owned();
    let complete = complete(&through, &left_out)?;

    let base_tree = before
        .head
        .as_ref()
        .map(|head| git.text(&["rev-parse", &format!("{head}^{{tree}}")]))
        .transpose()?
        .map(|text| text.trim().to_owned());
    let author = if git.text(&["var", "GIT_COMMITTER_IDENT"]).is_ok() {
        git.clone()
    } else {
        git.with_identity()
    };
    let commit = match (&before.head, &base_tree) {
        (Some(head), Some(base_tree)) if *base_tree == tree => head.clone(),
        (head, _) => {
            let mut arguments = vec!["commit-tree", tree.as_str(), "-m", options.message.as_str()];
            if let Some(head) = head {
                arguments.extend(["-p", head.as_str()]);
            }
            author.text(&arguments)?.trim().to_owned()
        }
    };
    let uncommitted = match &base_tree {
        Some(base) => git.names(&["diff-tree", "-r", "-z", "--name-only", base, &tree])?,
        None => git.names(&["ls-tree", "-r", "-z", "--name-only", &tree])?,
    };
    let ignored = git.names(&[
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--directory",
        "-z",
    ])?;
    let tag = tag(&author, options, &commit)?;
    let recorded = git.text(&["rev-parse", &format!("refs/tags/{tag}^{{commit}}")])?;
    let reaches = if recorded.trim() == commit {
        Verdict::Proven
    } else {
        Verdict::refuted(format!("the tag leads to {}", recorded.trim()))
    };
    let after = State::of(&git, project)?;
    Ok(RestorePoint {
        verdict: Verdict::all([reaches, complete, before.same_as(&after)]),
        tag,
        commit,
        tree,
        base: before.head,
        branch: before.branch,
        uncommitted,
        left_out,
        ignored,
    })
}

/// Files marked as unchanged or sparse would keep their edits from being seen.
fn unhide(git: &Git, project: &Path) -> Result<(), RestorePointError> {
    let mut hidden = Vec::new();
    for line in git.names(&["ls-files", "-v", "-z"])? {
        let Some((mark, path)) = line.split_once(' ') else {
            continue;
        };
        let marked = mark.starts_with(|c: char| c.is_ascii_lowercase() || c == 'S');
        // A sparse checkout leaves files out on purpose: what is not there was not deleted.
        if marked && project.join(path).symlink_metadata().is_ok() {
            hidden.extend_from_slice(path.as_bytes());
            hidden.push(0);
        }
    }
    if !hidden.is_empty() {
        for flag in ["--no-assume-unchanged", "--no-skip-worktree"] {
            git.with_input(&["update-index", flag, "-z", "--stdin"], &hidden)?;
        }
    }
    Ok(())
}

/// New and changed files that must not, or need not, be in a restore point.
fn left_out(
    git: &Git,
    project: &Path,
    options: &Options,
) -> Result<Vec<LeftOut>, RestorePointError> {
    let mut found = Vec::new();
    let untracked = git.names(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    for path in untracked {
        let file = project.join(&path);
        let metadata = fs::symlink_metadata(&file).map_err(io("look at", &file))?;
        let why = if path.ends_with('/') {
            Some("it is a repository of its own".to_owned())
        } else if metadata.len() > options.max_untracked_bytes {
            Some(format!(
                "it is larger than {}",
                nba_utils::format::bytes(options.max_untracked_bytes)
            ))
        } else {
            secrets::why(&path, &file).map_err(io("read", &file))?
        };
        found.extend(why.map(|why| LeftOut { path, why }));
    }
    // A tracked secret is in the history already, but its present value need not be.
    for path in git.names(&["diff-files", "--name-only", "-z", "--diff-filter=d"])? {
        let file = project.join(&path);
        if let Some(why) = secrets::why(&path, &file).map_err(io("read", &file))? {
            found.push(LeftOut {
                path,
                why: format!("{why}; its committed version is kept"),
            });
        }
    }
    Ok(found)
}

/// Holds the index that was written against the files: nothing may differ but what was left out.
fn complete(git: &Git, left_out: &[LeftOut]) -> Result<Verdict, RestorePointError> {
    let mut different = git.names(&["diff-files", "--name-only", "-z"])?;
    different.extend(git.names(&["ls-files", "--others", "--exclude-standard", "-z"])?);
    different.retain(|path| !left_out.iter().any(|one| one.path == *path));
    Ok(Verdict::from_findings(
        different
            .into_iter()
            .take(LISTED)
            .map(|path| format!("`{path}` is not in it as it is on disk")),
    ))
}

fn tag(git: &Git, options: &Options, commit: &str) -> Result<String, RestorePointError> {
    let base = format!("{PREFIX}{}", options.now.format("%Y%m%dT%H%M%SZ"));
    let mut last = None;
    for number in 1..=MAX_SAME_SECOND {
        let name = match number {
            1 => base.clone(),
            more => format!("{base}-{more}"),
        };
        match git.text(&["tag", "--annotate", &name, commit, "-m", &options.message]) {
            Ok(_) => return Ok(name),
            // Never moved: a restore point that is there already stays what it is.
            Err(GitError::Failed { message, command }) if message.contains("already exists") => {
                last = Some(GitError::Failed { command, message });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.map_or_else(
        || RestorePointError::Unknown { name: base.clone() },
        RestorePointError::Git,
    ))
}
