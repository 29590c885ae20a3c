//! PostgreSQL's own programs as children: found, checked, given a connection, watched.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nba_config::{DatabaseTarget, ExposeSecret as _, Host, SslMode};
use nba_db::embedded::{PgBinaries, Search};
use nba_etl::runner::{Cancel, Ending, Environment, RunReport, Script, run};
use tempfile::NamedTempFile;

use super::BackupError;

/// Longest run of one program: a dump of the documented 14 GB is expected in minutes, a restore in hours at worst.
const DEADLINE: Duration = Duration::from_secs(24 * 3600);
/// Enough for the archive listing of a thousand tables.
const TAIL: usize = 4 * 1024 * 1024;
/// Lines of an error that are kept.
const MESSAGE_LINES: usize = 6;

/// The folder of `pg_dump` and `pg_restore`.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
    version: String,
    major: u32,
}

impl Tools {
    /// Finds them; `explicit` names the folder and ends the search.
    ///
    /// Blocking: runs `--version` of some programs.
    ///
    /// # Errors
    ///
    /// [`BackupError::Scratch`] when there are no server programs, [`BackupError::Tool`] when the client programs are missing beside
    /// them.
    pub fn find(explicit: Option<PathBuf>) -> Result<Self, BackupError> {
        let found = PgBinaries::find(&Search {
            explicit,
            ..Search::default()
        })?;
        for program in ["pg_dump", "pg_restore"] {
            if !found.program(program).is_file() {
                return Err(BackupError::Tool {
                    program: program.to_owned(),
                    problem: format!("it is not in `{}`", found.folder().display()),
                });
            }
        }
        Ok(Self {
            folder: found.folder().to_owned(),
            version: found.version().replace("postgres (", "pg_dump ("),
            major: found.major(),
        })
    }

    /// What they call themselves.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Their folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A dump of a newer server would be incomplete; `pg_dump` refuses it, and so do we before anything is started.
    pub(crate) fn refuse_newer(&self, server_version_num: i32) -> Result<(), BackupError> {
        let server = u32::try_from(server_version_num / 10_000).unwrap_or(0);
        if server <= self.major {
            return Ok(());
        }
        Err(BackupError::Tool {
            program: "pg_dump".to_owned(),
            problem: format!(
                "it is of version {}, the server of version {server}",
                self.major
            ),
        })
    }

    /// Runs one program against `target` to its end; dropping the future stops it.
    pub(crate) async fn run(
        &self,
        program: &str,
        arguments: Vec<OsString>,
        connection: &Connection,
        folder: &Path,
    ) -> Result<RunReport, BackupError> {
        let mut script = Script::new(
            self.folder.join(program),
            arguments,
            folder,
            connection.environment.clone(),
        );
        script.deadline = DEADLINE;
        script.tail = TAIL;
        let cancel = Cancel::new();
        let stop = StopOnDrop(cancel.clone());
        let report = tokio::task::spawn_blocking(move || run(&script, &cancel, None)).await?;
        drop(stop);
        report.map_err(|source| BackupError::Run {
            program: program.to_owned(),
            source,
        })
    }
}

/// A program nobody waits for any more is stopped.
struct StopOnDrop(Cancel);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// How a child reaches a database: by variables only. The password lies in a file that only we can read, and goes with this value.
#[derive(Debug)]
pub(crate) struct Connection {
    environment: Environment,
    _password: Option<NamedTempFile>,
}

impl Connection {
    pub(crate) fn to(target: &DatabaseTarget, application: &str) -> Result<Self, BackupError> {
        let mut environment = Environment::empty();
        environment.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        environment.set("LC_ALL", "C.UTF-8");
        environment.set("TZ", "UTC");
        environment.set("PGHOST", target.host.to_string());
        environment.set("PGPORT", target.port.to_string());
        environment.set("PGUSER", target.user.as_str());
        environment.set("PGDATABASE", target.database.as_str());
        environment.set("PGAPPNAME", application);
        environment.set(
            "PGCONNECT_TIMEOUT",
            target.settings.connect_timeout.as_secs().max(2).to_string(),
        );
        // As nba-db understands it: none on a socket, and an authority means it is checked.
        let ssl = match (&target.host, target.ssl) {
            (Host::Unix(_), _) => SslMode::Disable,
            (_, SslMode::Require) if target.ssl_root_cert.is_some() => SslMode::VerifyCa,
            (_, mode) => mode,
        };
        environment.set("PGSSLMODE", ssl.as_str());
        match (&target.ssl_root_cert, ssl) {
            (Some(path), _) => environment.set("PGSSLROOTCERT", path.as_os_str()),
            (None, SslMode::VerifyCa | SslMode::VerifyFull) => {
                return Err(BackupError::Tool {
                    program: "pg_dump".to_owned(),
                    problem: format!(
                        "`sslmode={ssl}` needs `sslrootcert`, the file with the authority's certificate"
                    ),
                });
            }
            // Without it libpq would look into the home folder, which the child does not have.
            (None, _) => {}
        }
        let mut password = None;
        if let Some(secret) = &target.password {
            let secret = secret.expose_secret();
            environment.hide(secret);
            if secret.contains(['\n', '\r']) {
                // The file has one line per password. The child's own variables are as private as the file.
                environment.set_secret("PGPASSWORD", secret);
                return Ok(Self {
                    environment,
                    _password: None,
                });
            }
            // Found by `PGPASSFILE`; a variable with the password itself could be read in `/proc` by every process of ours.
            let file = tempfile::Builder::new()
                .prefix("nba-pass-")
                .permissions(std::fs::Permissions::from_mode(0o600))
                .tempfile()
                .map_err(BackupError::io("create", Path::new("password file")))?;
            let escape = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
            writeln!(
                file.as_file(),
                "*:*:*:{}:{}",
                escape(&target.user),
                escape(secret)
            )
            .map_err(BackupError::io("write", file.path()))?;
            environment.set("PGPASSFILE", file.path().as_os_str());
            password = Some(file);
        }
        Ok(Self {
            environment,
            _password: password,
        })
    }

    /// For programs that only read files.
    pub(super) fn none() -> Self {
        let mut environment = Environment::empty();
        environment.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        environment.set("LC_ALL", "C.UTF-8");
        Self {
            environment,
            _password: None,
        }
    }

    /// The server itself keeps the child from writing.
    pub(crate) fn read_only(mut self) -> Self {
        self.environment
            .set("PGOPTIONS", "-c default_transaction_read_only=on");
        self
    }
}

/// The report of a program that ended well, or the error with its last words.
pub(crate) fn succeeded(program: &str, report: RunReport) -> Result<RunReport, BackupError> {
    if report.ending == Ending::Exited(0) {
        return Ok(report);
    }
    Err(BackupError::Failed {
        program: program.to_owned(),
        ending: report.ending.to_string(),
        message: last_words(&report),
    })
}

/// The last lines a program said.
pub(super) fn last_words(report: &RunReport) -> String {
    let lines: Vec<&str> = report.stderr.text.lines().collect();
    let from = lines.len().saturating_sub(MESSAGE_LINES);
    lines.get(from..).unwrap_or_default().join("; ")
}
