//! Everything configuration is read from, handed in as plain data so that nothing is read behind anyone's back.

use std::{
    collections::BTreeMap,
    env, fmt,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use crate::{
    error::{ConfigError, Result},
    names,
};

/// What the command line says about configuration; the highest layer.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--target NAME`: a `[targets.NAME]` or a variable family.
    pub target: Option<String>,
    /// `--database-url URL`.
    pub database_url: Option<SecretString>,
    /// `--set KEY=VALUE`, in order; the last one counts.
    pub set: Vec<(String, SecretString)>,
}

/// The outside world as configuration sees it.
///
/// Tests build one by hand; a program calls [`Inputs::from_process`], the only place that reads the process
/// environment and the home folder.
///
/// ```
/// use nba_config::{Config, ErrorKind, Inputs};
///
/// let empty = Inputs::new("/nowhere");
/// let error = Config::load(empty)?.database().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NoTarget); // never localhost, never production
/// # Ok::<(), nba_config::ConfigError>(())
/// ```
#[derive(Clone, Default)]
pub struct Inputs {
    /// Folder with `nba.toml`, `.env`, `config/` and `inventory/`.
    pub project: PathBuf,
    /// Folder with the credentials file.
    pub home: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// Names of environment variables that are not UTF-8; they are reported where they matter.
    pub not_text: Vec<String>,
    /// The command line.
    pub flags: Flags,
}

impl fmt::Debug for Inputs {
    /// Names only: values of the environment may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("project", &self.project)
            .field("home", &self.home)
            .field("environment", &self.environment.keys())
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

impl Inputs {
    /// A project folder and nothing else: no environment, no home folder, no flags.
    #[must_use]
    pub fn new(project: impl Into<PathBuf>) -> Self {
        Self {
            project: project.into(),
            ..Self::default()
        }
    }

    /// This process: its environment, its home folder, and as project the nearest folder at or above the working
    /// folder that has an `nba.toml`, else the working folder.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`] where the working folder is gone.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one reader of the environment and the home folder"
    )]
    pub fn from_process() -> Result<Self> {
        let here = env::current_dir().map_err(|source| ConfigError::Read {
            path: ".".into(),
            source,
        })?;
        let project = here
            .ancestors()
            .find(|folder| folder.join(names::PROJECT_FILE).is_file());
        let mut inputs = Self::new(project.unwrap_or(&here));
        for (name, value) in env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    inputs.environment.insert(name, value);
                }
                (Ok(name), Err(_)) => inputs.not_text.push(name),
                (Err(_), _) => {}
            }
        }
        inputs.home = env::home_dir().filter(|home| home.is_absolute());
        Ok(inputs)
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets the project folder, as `--project DIR` does.
    #[must_use]
    pub fn with_project(mut self, project: impl AsRef<Path>) -> Self {
        self.project = project.as_ref().into();
        self
    }
}
