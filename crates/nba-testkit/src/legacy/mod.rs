//! A legacy checkout: a git repository, a home folder and a crontab like those of the platform to be moved.
//!
//! The scripts are written for this crate and need only `python3`, `bash` and `psql`. They do what the real ones are
//! documented to do wrong: succeed with the database down, refresh a few columns only, skip the newer document shape in
//! silence, ask questions, leave children behind, print a password (ETL dossier 1, 2 and 6). Hosts that stand for
//! production end in `.invalid` and are never reached.
//!
//! | path | what it is |
//! |---|---|
//! | `nba-simulator-aws/` | the repository, see [`LegacyCheckout::project`] |
//! | `home/nba-sim-credentials.env` | settings in the file's real syntax, both variable families |
//! | `home/Library/LaunchAgents/`, `home/.config/systemd/user/` | installed units |
//! | `spool/crontab` | what `crontab -l` would print |
//!
//! ```no_run
//! use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
//!
//! let checkout = LegacyCheckout::build("/tmp/replica".as_ref(), &LegacyOptions::default())?;
//! assert!(checkout.script("scripts/etl/extract_pbp_local.py").exists());
//! # Ok::<(), nba_testkit::legacy::LegacyError>(())
//! ```

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::s3::S3Credentials;

mod files;
#[cfg(test)]
mod tests;

/// Where the real files say the owner's home is; installed units name the checkout's own home instead.
pub const DOCUMENTED_HOME: &str = "/Users/legacy";

/// Name of the repository's folder.
pub const PROJECT: &str = "nba-simulator-aws";

/// Tag on a side branch, as the real one is (monitoring dossier 3.4).
pub const SIDE_TAG: &str = "pre-refactor-20251028_050228";

/// Tag on `main`, made before the package was introduced.
pub const MAIN_TAG: &str = "pre-refactor-20251030_145942";

/// The database the credentials file points at.
#[derive(Clone, PartialEq, Eq)]
pub struct LegacyTarget {
    /// Host name, address, or the folder of a Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// Role.
    pub user: String,
    /// Password; `Debug` hides it.
    pub password: String,
}

impl fmt::Debug for LegacyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyTarget")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("password", &"[REDACTED]")
            .finish()
    }
}

impl Default for LegacyTarget {
    /// A host nobody answers at.
    fn default() -> Self {
        LegacyTarget {
            host: "nba-sim-db.replica.invalid".to_owned(),
            port: 5432,
            database: "nba_simulator".to_owned(),
            user: "nba_legacy".to_owned(),
            password: "not-a-secret-00712345%#".to_owned(),
        }
    }
}

/// What the checkout is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LegacyOptions {
    /// Database of the credentials file.
    pub target: LegacyTarget,
    /// Folder that holds the bucket folders, for scripts that read the lake without S3.
    pub lake: Option<PathBuf>,
    /// Object store of the credentials file: base URL and keys.
    pub s3: Option<(String, S3Credentials)>,
}

/// Why no checkout was built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyError {
    /// A file or folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The folder holds a checkout or something else already.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The `git` program cannot be started.
    #[error("cannot start `git`")]
    NoGit(#[source] io::Error),
    /// A `git` command failed.
    #[error("`git {command}` failed: {message}")]
    Git {
        /// Its arguments.
        command: String,
        /// Its standard error.
        message: String,
    },
}

impl nba_utils::Hint for LegacyError {
    fn hint(&self) -> Option<String> {
        match self {
            LegacyError::NoGit(_) => Some("install git: apt-get install git".to_owned()),
            LegacyError::Exists { path } => Some(format!(
                "choose another folder, or remove `{}`",
                path.display()
            )),
            _ => None,
        }
    }
}

/// A checkout on disk.
#[derive(Debug, Clone)]
pub struct LegacyCheckout {
    root: PathBuf,
    options: LegacyOptions,
}

impl LegacyCheckout {
    /// Writes everything below `dir`; the same options give the same commit ids.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, `git` is missing, or `dir` holds a checkout already: nothing is overwritten.
    pub fn build(dir: &Path, options: &LegacyOptions) -> Result<LegacyCheckout, LegacyError> {
        let checkout = LegacyCheckout {
            root: std::path::absolute(dir).map_err(|source| LegacyError::Write {
                path: dir.to_owned(),
                source,
            })?,
            options: options.clone(),
        };
        let project = checkout.project();
        if project.exists() {
            return Err(LegacyError::Exists { path: project });
        }
        create_dir(&project)?;
        checkout.write_repository(&project)?;
        checkout.write_home()?;
        Ok(checkout)
    }

    /// The repository.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.root.join(PROJECT)
    }

    /// The owner's home folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Settings and secrets, in the owner's home.
    #[must_use]
    pub fn credentials_file(&self) -> PathBuf {
        self.home().join("nba-sim-credentials.env")
    }

    /// What `crontab -l` would print.
    #[must_use]
    pub fn installed_crontab(&self) -> PathBuf {
        self.root.join("spool").join("crontab")
    }

    /// Path of one file of the repository, such as `scripts/etl/extract_pbp_local.py`.
    #[must_use]
    pub fn script(&self, path: &str) -> PathBuf {
        self.project().join(path)
    }

    /// All tracked files, relative to the repository.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        files::HISTORY
            .iter()
            .flat_map(|commit| commit.files)
            .map(|(path, _)| real_name(path))
    }

    /// The variables a shell has after sourcing the credentials file, without `PATH`.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![("HOME".to_owned(), self.home().display().to_string())];
        variables.extend(
            self.settings()
                .map(|(name, value, _)| (name.to_owned(), value)),
        );
        if let Some(lake) = &self.options.lake {
            variables.push(("S3_LOCAL_ROOT".to_owned(), lake.display().to_string()));
        }
        variables
    }

    fn settings(&self) -> impl Iterator<Item = (&'static str, String, &'static str)> {
        let target = &self.options.target;
        let mut all = vec![
            ("DB_HOST", target.host.clone(), "the database"),
            ("DB_PORT", target.port.to_string(), ""),
            ("DB_NAME", target.database.clone(), ""),
            ("DB_USER", target.user.clone(), ""),
            ("DB_PASSWORD", target.password.clone(), "do not share"),
            ("RDS_HOST", target.host.clone(), "same server, older names"),
            ("RDS_PORT", target.port.to_string(), ""),
            ("RDS_DATABASE", target.database.clone(), ""),
            ("RDS_USERNAME", target.user.clone(), ""),
            ("RDS_PASSWORD", target.password.clone(), ""),
            ("S3_BUCKET", "nba-sim-raw-data-lake".to_owned(), "the lake"),
            ("AWS_REGION", crate::s3::REGION.to_owned(), ""),
        ];
        if let Some((endpoint, keys)) = &self.options.s3 {
            all.push(("AWS_ENDPOINT_URL_S3", endpoint.clone(), ""));
            all.push(("AWS_ACCESS_KEY_ID", keys.access_key.clone(), ""));
            all.push(("AWS_SECRET_ACCESS_KEY", keys.secret_key.clone(), ""));
        }
        all.into_iter()
    }

    fn write_repository(&self, project: &Path) -> Result<(), LegacyError> {
        let git = Git { project };
        git.run("init", &["--quiet", "--initial-branch=main"], None)?;
        for (number, commit) in files::HISTORY.iter().enumerate() {
            for (path, text) in commit.files {
                write(&project.join(real_name(path)), text)?;
            }
            git.commit(commit.subject, commit.date)?;
            match number {
                // The tag that reads like the point to go back to is not on the main branch.
                1 => {
                    git.run("checkout", &["--quiet", "-b", "side"], None)?;
                    write(
                        &project.join("docs/REFACTOR_NOTES.md"),
                        "# Notes\n\nWork in progress.\n",
                    )?;
                    git.commit("Try a refactoring", "2025-10-28T05:02:28-0500")?;
                    git.run("tag", &[SIDE_TAG], None)?;
                    git.run("checkout", &["--quiet", "main"], None)?;
                    git.run("branch", &["--quiet", "-D", "side"], None)?;
                }
                2 => git.run("tag", &[MAIN_TAG], None)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn write_home(&self) -> Result<(), LegacyError> {
        let mut text = String::from("# nba-sim credentials, sourced by the scheduled jobs\n\n");
        for (name, value, comment) in self.settings() {
            text.push_str(&format!("export {name}={}", quoted(&value)));
            if !comment.is_empty() {
                text.push_str(&format!("   # {comment}"));
            }
            text.push('\n');
        }
        write(&self.credentials_file(), &text)?;

        let home = self.home().display().to_string();
        let project = self.project().display().to_string();
        let local = |text: &str| {
            text.replace(&format!("{DOCUMENTED_HOME}/{PROJECT}"), &project)
                .replace(DOCUMENTED_HOME, &home)
        };
        let units = [
            (
                "deployment/cron/crontab.installed",
                self.installed_crontab(),
            ),
            (
                "config/launchd/com.nba-simulator.adce-autonomous.plist",
                self.home()
                    .join("Library/LaunchAgents/com.nba-simulator.adce-autonomous.plist"),
            ),
            (
                "config/systemd/adce-autonomous.service",
                self.home()
                    .join(".config/systemd/user/adce-autonomous.service"),
            ),
        ];
        for (source, target) in units {
            let text = files::HISTORY
                .iter()
                .flat_map(|commit| commit.files)
                .find_map(|(path, text)| (*path == source).then_some(*text))
                .unwrap_or_default();
            write(&target, &local(text))?;
        }
        Ok(())
    }
}

/// `dot-env.example` → `.env.example`.
fn real_name(path: &str) -> PathBuf {
    match path.strip_prefix("dot-") {
        Some(rest) => PathBuf::from(format!(".{rest}")),
        None => PathBuf::from(path),
    }
}

/// The value between quotes that mean the same to a shell, to python-dotenv and to systemd.
fn quoted(value: &str) -> String {
    if value.contains('\'') {
        let mut text = String::from('"');
        for c in value.chars() {
            if matches!(c, '"' | '\\' | '$' | '`') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('"');
        text
    } else {
        format!("'{value}'")
    }
}

fn create_dir(path: &Path) -> Result<(), LegacyError> {
    std::fs::create_dir_all(path).map_err(|source| LegacyError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file and its folders; scripts become executable whatever the process' mask says.
fn write(path: &Path, text: &str) -> Result<(), LegacyError> {
    use std::os::unix::fs::PermissionsExt as _;

    if let Some(folder) = path.parent() {
        create_dir(folder)?;
    }
    let script = text.starts_with("#!");
    let secret = path.extension().is_some_and(|e| e == "env");
    let mode = match (script, secret) {
        (true, _) => 0o755,
        (_, true) => 0o600,
        _ => 0o644,
    };
    std::fs::write(path, text)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)))
        .map_err(|source| LegacyError::Write {
            path: path.to_owned(),
            source,
        })
}

/// `git` in one repository, deaf to the user's settings so that commit ids come out the same everywhere.
struct Git<'a> {
    project: &'a Path,
}

impl Git<'_> {
    fn run(&self, name: &str, arguments: &[&str], date: Option<&str>) -> Result<(), LegacyError> {
        let mut command = Command::new("git");
        command
            .args(["-c", "core.autocrlf=false", "-c", "core.fileMode=true"])
            .args(["-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false"])
            .arg(name)
            .args(arguments)
            .current_dir(self.project)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "legacy owner")
            .env("GIT_AUTHOR_EMAIL", "owner@example.invalid")
            .env("GIT_COMMITTER_NAME", "legacy owner")
            .env("GIT_COMMITTER_EMAIL", "owner@example.invalid");
        for inherited in [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_TEMPLATE_DIR",
        ] {
            command.env_remove(inherited);
        }
        if let Some(date) = date {
            command
                .env("GIT_AUTHOR_DATE", date)
                .env("GIT_COMMITTER_DATE", date);
        }
        let output = command.output().map_err(LegacyError::NoGit)?;
        if output.status.success() {
            return Ok(());
        }
        Err(LegacyError::Git {
            command: format!("{name} {}", arguments.join(" ")),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    fn commit(&self, subject: &str, date: &str) -> Result<(), LegacyError> {
        self.run("add", &["--all"], None)?;
        self.run(
            "commit",
            &["--quiet", "--no-verify", "-m", subject],
            Some(date),
        )
    }
}
