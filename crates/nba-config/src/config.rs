//! The loaded configuration.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use figment::{Figment, error::Kind as FigmentKind};
use once_cell::sync::OnceCell;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::{
    error::{ConfigError, Result},
    inputs::Inputs,
    invariants::{self, InvariantSetting},
    layer,
    load::{self, Loaded},
    names::Kind,
    origin::Origin,
    resolve,
    s3::S3Settings,
    sections::{Capabilities, LoggingSettings, PoolSection, S3Section},
    settings::DatabaseSettings,
    target::DatabaseTarget,
};

/// Everything that is configured, each value with its source.
///
/// Sources, lowest precedence first: built-in defaults, `nba.toml`, legacy YAML, legacy variable files
/// (secret folders, `HOME/nba-sim-credentials.env`, project `.env`), environment, flags.
///
/// ```
/// use nba_config::{Config, Inputs};
///
/// let inputs = Inputs::new("/nowhere")
///     .with_variable("RDS_HOST", "db.example")
///     .with_variable("RDS_DATABASE", "nba_simulator")
///     .with_variable("RDS_USERNAME", "etl")
///     .with_variable("RDS_PASSWORD", "00712345");
/// let target = Config::load(inputs)?.database()?;
/// assert_eq!(target.to_string(), "postgres://etl:***@db.example:5432/nba_simulator");
/// # Ok::<(), nba_config::ConfigError>(())
/// ```
pub struct Config {
    pub(crate) inputs: Inputs,
    pub(crate) loaded: Loaded,
    figment: Figment,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("project", &self.inputs.project)
            .field("sources", &self.loaded.sources)
            .finish_non_exhaustive()
    }
}

static GLOBAL: OnceCell<Config> = OnceCell::new();

impl Config {
    /// Reads every source once.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is not UTF-8, and an `nba.toml` that is not TOML. Doubtful lines of
    /// legacy files are no errors here: they are findings of [`Config::check`], and a target that needs them is refused.
    pub fn load(inputs: Inputs) -> Result<Self> {
        let loaded = load::load(&inputs)?;
        let figment = loaded
            .layers
            .iter()
            .fold(Figment::new(), |figment, layer| figment.merge(layer));
        Ok(Self {
            inputs,
            loaded,
            figment,
        })
    }

    /// The configuration of this process, loaded at the first call; a failed load is tried again at the next.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn global() -> Result<&'static Self> {
        GLOBAL.get_or_try_init(|| Self::load(Inputs::from_process()?))
    }

    /// The project folder.
    #[must_use]
    pub fn project(&self) -> &Path {
        &self.inputs.project
    }

    /// The database to use.
    ///
    /// `--target`, `--database-url`, `database.target` or `database.family` decide. Without any of them every complete
    /// variable family must name the same server; the family first in [`names::FAMILIES`](crate::names::FAMILIES) gives
    /// role and password. Fields are never mixed across families, host, database and role never guessed.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoTarget`], [`ConfigError::Conflict`], [`ConfigError::Production`], [`ConfigError::Incomplete`],
    /// [`ConfigError::UnknownTarget`] and [`ConfigError::Value`].
    pub fn database(&self) -> Result<DatabaseTarget> {
        Ok(self.absolute(resolve::database(&self.loaded, &self.database_settings()?)?))
    }

    /// The target of that name: `[targets.NAME]`, or a variable family such as `rds`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownTarget`], [`ConfigError::Incomplete`] and [`ConfigError::Value`].
    pub fn target(&self, name: &str) -> Result<DatabaseTarget> {
        Ok(self.absolute(resolve::named(
            &self.loaded,
            &self.database_settings()?,
            name,
        )?))
    }

    /// Names that [`Config::target`] accepts now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] where `[pool]` is wrong.
    pub fn target_names(&self) -> Result<Vec<String>> {
        Ok(resolve::known(&self.loaded, &self.database_settings()?))
    }

    /// Every secret of every source, used or not: what must be hidden in whatever is written.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        let entries = self.loaded.layers.iter().flat_map(|layer| &layer.entries);
        entries
            .filter_map(|(key, entry)| {
                let text = entry.value.as_ref().ok()?;
                match layer::kind(key) {
                    Kind::Secret => Some(text.clone().into()),
                    Kind::Url => DatabaseTarget::from_url(text).ok()?.password,
                    _ => None,
                }
            })
            .collect()
    }

    /// `[pool]`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn database_settings(&self) -> Result<DatabaseSettings> {
        let pool: PoolSection = self.section("pool")?;
        if pool.max_connections == 0 || pool.min_connections > pool.max_connections {
            let key = "pool.max_connections";
            let expected = "must be at least 1 and at least `pool.min_connections`".into();
            return Err(ConfigError::Value {
                key: key.into(),
                origin: self.origin(key),
                expected,
            });
        }
        Ok(DatabaseSettings {
            min_connections: pool.min_connections,
            max_connections: pool.max_connections,
            connect_timeout: pool.connect_timeout.0,
            acquire_timeout: pool.acquire_timeout.0,
            statement_timeout: pool.statement_timeout.0,
            lock_timeout: pool.lock_timeout.0,
            idle_in_transaction_timeout: pool.idle_in_transaction_timeout.0,
        })
    }

    /// `[s3]`. The bucket's default is `nba-sim-raw-data-lake`, which every legacy program uses.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn s3(&self) -> Result<S3Settings> {
        let section: S3Section = self.section("s3")?;
        let endpoint = section.endpoint;
        if endpoint.as_ref().is_some_and(|url| url.contains('@')) {
            let key = "s3.endpoint";
            let expected = "must not hold a user or password; use the access keys".into();
            return Err(ConfigError::Value {
                key: key.into(),
                origin: self.origin(key),
                expected,
            });
        }
        Ok(S3Settings {
            bucket: section.bucket,
            region: section.region,
            prefix: section.prefix.trim_start_matches('/').to_owned(),
            path_style: section.path_style.unwrap_or(endpoint.is_some()),
            endpoint,
            profile: section.profile,
            access_key_id: self.secret("s3.access_key_id")?,
            secret_access_key: self.secret("s3.secret_access_key")?,
            session_token: self.secret("s3.session_token")?,
        })
    }

    /// `[logging]`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn logging(&self) -> Result<LoggingSettings> {
        let mut logging: LoggingSettings = self.section("logging")?;
        logging.file = logging.file.map(|path| self.path(path));
        Ok(logging)
    }

    /// `[capabilities]`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn capabilities(&self) -> Result<Capabilities> {
        if !self.figment.contains("capabilities") {
            return Ok(Capabilities::default());
        }
        Ok(Capabilities(self.section("capabilities")?))
    }

    /// `[entry_points]`: legacy scripts by capability, as they were written.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn entry_points(&self) -> Result<BTreeMap<String, String>> {
        const SECTION: &str = "entry_points.";
        let keys = self
            .loaded
            .layers
            .iter()
            .flat_map(|layer| layer.entries.keys());
        let mut found = BTreeMap::new();
        for key in keys {
            if let Some(name) = key.strip_prefix(SECTION)
                && let Some((text, _)) = resolve::text(&self.loaded.layers, key)?
            {
                found.insert(name.to_owned(), text.to_owned());
            }
        }
        Ok(found)
    }

    /// `[invariants.NAME]`, by name.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn invariants(&self) -> Result<Vec<InvariantSetting>> {
        invariants::settings(&self.loaded.layers)
    }

    /// Folder of ledger, baselines and reports.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn state_directory(&self) -> Result<PathBuf> {
        let text = resolve::text(&self.loaded.layers, "state.directory")?;
        Ok(self
            .inputs
            .project
            .join(text.map_or(".nba", |(text, _)| text)))
    }

    /// Folder with the PostgreSQL programs for the embedded server, where one is configured.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn postgres_bin_directory(&self) -> Result<Option<PathBuf>> {
        let text = resolve::text(&self.loaded.layers, "postgres.bin_directory")?;
        Ok(text.map(|(text, _)| self.path(text)))
    }

    /// Where the value that counts for a key comes from.
    pub(crate) fn origin(&self, key: &str) -> Origin {
        resolve::effective(&self.loaded.layers, key)
            .map_or(Origin::Default, |entry| entry.origin.clone())
    }

    fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        // a value that cannot be trusted is missing from figment: name it instead of the one below it
        for layer in &self.loaded.layers {
            for key in layer
                .entries
                .keys()
                .filter(|key| key.split('.').next() == Some(name))
            {
                resolve::text(&self.loaded.layers, key)?;
            }
        }
        self.figment.focus(name).extract_lossy().map_err(|error| {
            let key = format!("{name}.{}", error.path.join("."));
            let expected = match error.kind {
                FigmentKind::Message(message) => message,
                kind => kind.to_string(),
            };
            ConfigError::Value {
                origin: self.origin(&key),
                key,
                expected,
            }
        })
    }

    fn secret(&self, key: &str) -> Result<Option<SecretString>> {
        let text = resolve::text(&self.loaded.layers, key)?;
        Ok(text.map(|(text, _)| text.into()))
    }

    fn absolute(&self, mut target: DatabaseTarget) -> DatabaseTarget {
        target.ssl_root_cert = target.ssl_root_cert.map(|path| self.path(&path));
        target
    }

    /// Paths in configuration are relative to the project, not to wherever the program was started; `~/` is the home folder.
    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        match (path.strip_prefix("~"), &self.inputs.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.inputs.project.join(path),
        }
    }
}
