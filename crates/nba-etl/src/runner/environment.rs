//! The variables a script gets.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use nba_utils::redact::{Redactor, names_a_secret};
use uuid::Uuid;

use super::RUN_ID_VARIABLE;

/// Variables of the caller that reach a script unless others are named. Everything else of his environment stays with
/// him: the scripts know five spellings for one database (ETL dossier 6.5), and a forgotten one decides.
pub const ALLOWED_VARIABLES: &[&str] = &[
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
];

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
