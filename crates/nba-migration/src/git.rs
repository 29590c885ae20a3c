//! Running `git` on a checkout without hooks, without taking locks it does not need, and without the caller's variables.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A checkout, optionally seen through another index.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    project: PathBuf,
    index: Option<PathBuf>,
    work_tree: Option<PathBuf>,
    identity: bool,
}

/// Why a git command gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The program cannot be started.
    #[error("git could not be run")]
    Start(#[source] std::io::Error),
    /// It failed.
    #[error("`git {command}` failed: {message}")]
    Failed {
        /// Its first argument.
        command: String,
        /// The first line of what it said.
        message: String,
    },
    /// It named something that is not UTF-8.
    #[error("git named a file that is not UTF-8")]
    NotText,
    /// The folder is not the top of a checkout.
    #[error("`{}` is not the top of a git checkout", path.display())]
    NotACheckout {
        /// The folder.
        path: PathBuf,
    },
}

impl nba_utils::Hint for GitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Start(_) => Some("install git: apt-get install git".to_owned()),
            Self::NotACheckout { .. } => {
                Some("name the checkout's top folder with `--project`".to_owned())
            }
            _ => None,
        }
    }
}

impl Git {
    pub(crate) fn new(project: &Path) -> Self {
        Self {
            project: project.to_owned(),
            index: None,
            work_tree: None,
            identity: false,
        }
    }

    /// The checkout, which must be one of its own: a folder inside somebody else's repository is not this project's.
    pub(crate) fn checkout(project: &Path) -> Result<Self, GitError> {
        let git = Self::new(project);
        match git.text(&["rev-parse", "--show-prefix"]) {
            Ok(prefix) if prefix.trim().is_empty() => Ok(git),
            Err(GitError::Start(error)) => Err(GitError::Start(error)),
            _ => Err(GitError::NotACheckout {
                path: project.to_owned(),
            }),
        }
    }

    /// The same with another index file, so that the real one is never touched.
    pub(crate) fn with_index(&self, index: &Path) -> Self {
        Self {
            index: Some(index.to_owned()),
            ..self.clone()
        }
    }

    /// The same with another work tree.
    pub(crate) fn with_work_tree(&self, folder: &Path) -> Self {
        Self {
            work_tree: Some(folder.to_owned()),
            ..self.clone()
        }
    }

    /// The same with an author of ours, for users without one.
    pub(crate) fn with_identity(&self) -> Self {
        Self {
            identity: true,
            ..self.clone()
        }
    }

    pub(crate) fn text<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String, GitError> {
        self.with_input(arguments, b"")
    }

    /// Names separated by NUL.
    pub(crate) fn names<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Vec<String>, GitError> {
        Ok(self
            .text(arguments)?
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect())
    }

    pub(crate) fn with_input<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        input: &[u8],
    ) -> Result<String, GitError> {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.project)
            // Other people's programs have no business in what must change nothing.
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.fsmonitor=false",
            ])
            .args(["-c", "tag.gpgSign=false", "-c", "core.quotePath=false"])
            .args(arguments)
            // A variable left by a hook would point git at another repository.
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            // `git status` would otherwise refresh the index, which is a write.
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        if let Some(folder) = &self.work_tree {
            command.env("GIT_WORK_TREE", folder);
            command.env("GIT_DIR", self.project.join(".git"));
        }
        if self.identity {
            for who in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{who}_NAME"), "nba");
                command.env(format!("GIT_{who}_EMAIL"), "nba@localhost");
            }
        }
        let mut child = command.spawn().map_err(GitError::Start)?;
        // Written from a thread of its own: git answers while it reads.
        let writer = child.stdin.take().map(|mut stdin| {
            let input = input.to_vec();
            std::thread::spawn(move || stdin.write_all(&input))
        });
        let output = child.wait_with_output().map_err(GitError::Start)?;
        if let Some(writer) = writer {
            // A git that did not want its input says so by its status.
            let _ = writer.join();
        }
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            let first = message.lines().next().unwrap_or("no message");
            let command = arguments
                .first()
                .map(|word| word.as_ref().to_string_lossy().into_owned());
            return Err(GitError::Failed {
                command: command.unwrap_or_default(),
                message: first.to_owned(),
            });
        }
        String::from_utf8(output.stdout).map_err(|_| GitError::NotText)
    }
}
