//! The variables a script gets.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use nba_config::names::{FAMILIES, Field};
use nba_config::{DatabaseTarget, ExposeSecret as _};
use nba_utils::redact::{Redactor, names_a_secret};
use uuid::Uuid;

use super::RUN_ID_VARIABLE;

/// Variables of the caller that reach a script unless others are named. Everything else of his environment stays with
/// him: the scripts know five spellings for one database (ETL dossier 6.5), and a forgotten one decides.
pub const ALLOWED_VARIABLES: &[&str] = &[
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
];

/// Host that every database variable names unless a target is given: nobody answers there, and a loader that falls back on
/// the production server when a variable is missing (ETL dossier 6.5) finds none missing.
pub const NOWHERE: &str = "no-database-was-given.invalid";

/// Spellings that only shell scripts use (ETL dossier 6.5).
const SHELL_FAMILY: [(Field, &str); 5] = [
    (Field::Host, "NBA_SIM_DB_HOST"),
    (Field::Port, "NBA_SIM_DB_PORT"),
    (Field::Database, "NBA_SIM_DB_NAME"),
    (Field::User, "NBA_SIM_DB_USER"),
    (Field::Password, "NBA_SIM_DB_PASSWORD"),
];

/// Every variable a legacy script may take a part of its database target from.
fn database_variables() -> impl Iterator<Item = (Field, &'static str)> {
    FAMILIES
        .iter()
        .flat_map(|family| family.variables)
        .flat_map(|(field, names)| names.iter().map(|name| (*field, *name)))
        .chain(SHELL_FAMILY)
}

/// A complete environment; nothing is inherited. `Debug` shows names, not values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    secrets: Vec<String>,
}

impl Environment {
    /// No variables, except those that keep a Python script's output readable: unbuffered and UTF-8.
    #[must_use]
    pub fn empty() -> Environment {
        let mut environment = Environment::default();
        environment.set("PYTHONUNBUFFERED", "1");
        environment.set("PYTHONIOENCODING", "utf-8");
        environment
    }

    /// Those of `all` that are in [`ALLOWED_VARIABLES`].
    pub fn allowed<N, V>(all: impl IntoIterator<Item = (N, V)>) -> Environment
    where
        N: AsRef<str>,
        V: Into<OsString>,
    {
        let mut environment = Environment::empty();
        for (name, value) in all {
            if ALLOWED_VARIABLES.contains(&name.as_ref()) {
                environment.set(name.as_ref(), value);
            }
        }
        environment
    }

    /// Sets one variable. A name that says it is a secret (`DB_PASSWORD`) makes the value one.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        let value = value.into();
        if names_a_secret(name) {
            self.set_secret(name, value);
        } else {
            self.variables.insert(name.to_owned(), value);
        }
    }

    /// Sets a variable whose value is hidden in everything that is reported.
    pub fn set_secret(&mut self, name: &str, value: impl Into<OsString>) {
        let value = value.into();
        self.secrets.push(value.to_string_lossy().into_owned());
        self.variables.insert(name.to_owned(), value);
    }

    /// Points every spelling of every database variable at one target, so that no script can mix two or fall back on a
    /// third.
    ///
    /// ```
    /// use nba_config::DatabaseTarget;
    /// use nba_etl::runner::Environment;
    ///
    /// let mut environment = Environment::empty();
    /// environment.set_database(&DatabaseTarget::from_url("postgres://etl@scratch.example/nba")?);
    /// for name in ["DB_HOST", "RDS_HOSTNAME", "POSTGRES_HOST", "PGHOST", "NBA_SIM_DB_HOST"] {
    ///     assert_eq!(environment.get(name).unwrap(), "scratch.example");
    /// }
    /// # Ok::<(), nba_config::ConfigError>(())
    /// ```
    pub fn set_database(&mut self, target: &DatabaseTarget) {
        for (field, name) in database_variables() {
            let value = match field {
                Field::Host => Some(target.host.to_string()),
                Field::Port => Some(target.port.to_string()),
                Field::Database => Some(target.database.clone()),
                Field::User => Some(target.user.clone()),
                Field::SslMode => Some(target.ssl.to_string()),
                Field::SslRootCert => target
                    .ssl_root_cert
                    .as_ref()
                    .map(|path| path.display().to_string()),
                Field::Password => {
                    match &target.password {
                        Some(password) => self.set_secret(name, password.expose_secret()),
                        // Scripts refuse to start without one, and a file's must not be taken instead; a server that
                        // asks for none does not look at it.
                        None => self.set_plain(name, "none"),
                    }
                    continue;
                }
                Field::Url => {
                    self.set_secret(name, target.to_url().expose_secret());
                    continue;
                }
                Field::PasswordEnv => None,
            };
            match value {
                Some(value) => self.set_plain(name, value),
                None => {
                    self.variables.remove(name);
                }
            }
        }
        self.without_files();
    }

    /// Points every spelling of every database variable at [`NOWHERE`]: the script has no database.
    pub fn without_database(&mut self) {
        for (field, name) in database_variables() {
            match field {
                Field::Host => self.set_plain(name, NOWHERE),
                Field::Port => self.set_plain(name, "1"),
                Field::Url => self.set_plain(name, format!("postgresql://none@{NOWHERE}:1/none")),
                Field::Database | Field::User | Field::Password => self.set_plain(name, "none"),
                Field::SslMode | Field::SslRootCert | Field::PasswordEnv => {
                    self.variables.remove(name);
                }
            }
        }
        self.without_files();
    }

    /// libpq's own files, which name servers and passwords too.
    fn without_files(&mut self) {
        for name in ["PGSERVICEFILE", "PGPASSFILE"] {
            self.set_plain(name, "/dev/null");
        }
    }

    fn set_plain(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str)
    }

    /// Hides a secret that the script may find elsewhere, such as in the checkout's credentials file.
    pub fn hide(&mut self, secret: impl Into<String>) {
        self.secrets.push(secret.into());
    }

    /// Names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    pub(super) fn with_run_id(&self, run_id: Uuid) -> BTreeMap<OsString, OsString> {
        let mark = (RUN_ID_VARIABLE.into(), run_id.to_string().into());
        self.variables
            .iter()
            .map(|(name, value)| (name.into(), value.clone()))
            .chain([mark])
            .collect()
    }

    pub(super) fn redactor(&self) -> Redactor {
        let redactor = Redactor::new();
        for secret in &self.secrets {
            redactor.register(secret);
        }
        redactor
    }

    /// In bytes, in its longest spelling: every byte percent-encoded.
    pub(super) fn longest_secret(&self) -> usize {
        self.secrets
            .iter()
            .map(|secret| secret.len() * 3)
            .max()
            .unwrap_or(0)
    }

    /// The program by *this* environment's `PATH`: the child's, not the caller's, decides what `python3` is.
    pub(super) fn resolve(&self, program: &OsStr) -> OsString {
        if Path::new(program).components().count() > 1 {
            return program.to_owned();
        }
        let path = self.variables.get("PATH").cloned().unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(|candidate| super::is_executable(candidate))
            .map_or_else(|| program.to_owned(), Into::into)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
