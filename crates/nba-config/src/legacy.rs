//! The names of the legacy `nba_simulator` package, for code and people that know it (database dossier 6.2).

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    config::Config,
    error::Result,
    names::{self, Field},
    origin::Origin,
    target::DatabaseTarget,
    text,
    yaml::YamlFile,
};

/// What `load_database_config` answers, under the legacy keys. The password prints as `***`.
#[derive(Debug, Clone)]
pub struct LegacyDatabaseConfig {
    /// Host name, address or socket folder.
    pub host: String,
    /// Port, a number as at legacy HEAD.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// Role name.
    pub user: String,
    /// Password; empty where there is none, as in the legacy.
    pub password: SecretString,
}

impl LegacyDatabaseConfig {
    /// All five as text, **with the password**, for handing to a child process.
    #[must_use]
    pub fn expose(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("host", self.host.clone()),
            ("port", self.port.to_string()),
            ("database", self.database.clone()),
            ("user", self.user.clone()),
            ("password", self.password.expose_secret().to_owned()),
        ])
    }
}

impl Serialize for LegacyDatabaseConfig {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut out = serializer.serialize_struct("LegacyDatabaseConfig", 5)?;
        out.serialize_field("host", &self.host)?;
        out.serialize_field("port", &self.port)?;
        out.serialize_field("database", &self.database)?;
        out.serialize_field("user", &self.user)?;
        let empty = self.password.expose_secret().is_empty();
        out.serialize_field("password", if empty { "" } else { crate::layer::MASK })?;
        out.end()
    }
}

/// What `load_s3_config` answers, under the legacy keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegacyS3Config {
    /// Bucket; default `nba-sim-raw-data-lake`.
    pub bucket: String,
    /// Region; default `us-east-1`.
    pub region: String,
    /// Key prefix; default empty.
    pub prefix: String,
}

/// What [`Config::get`] found. `Debug` hides the value, which may be a secret.
#[derive(Clone, PartialEq)]
pub struct Found {
    /// The value.
    pub value: Json,
    /// Where it stands.
    pub source: Origin,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({})", self.source)
    }
}

/// Families whose variables legacy scripts read directly (database dossier 3.2).
const EXPORTED_FAMILIES: [&str; 4] = ["db", "rds", "postgres", "pg"];

impl DatabaseTarget {
    /// This target under every name a legacy script may ask for, `RDS_USER` beside `RDS_USERNAME` included.
    ///
    /// For the environment of a child process: with all families naming one server, no script can mix two.
    ///
    /// ```
    /// use nba_config::{DatabaseTarget, ExposeSecret};
    ///
    /// let variables = DatabaseTarget::from_url("postgres://etl:s@db.example/nba")?.legacy_variables();
    /// assert_eq!(variables["RDS_USER"].expose_secret(), "etl");
    /// assert_eq!(variables["DB_NAME"].expose_secret(), "nba");
    /// # Ok::<(), nba_config::ConfigError>(())
    /// ```
    #[must_use]
    pub fn legacy_variables(&self) -> BTreeMap<&'static str, SecretString> {
        let mut out = BTreeMap::new();
        let families = names::FAMILIES
            .iter()
            .filter(|family| EXPORTED_FAMILIES.contains(&family.id));
        for (field, variables) in families.flat_map(|family| family.variables) {
            let value = match field {
                Field::Host => Some(self.host.to_string()),
                Field::Port => Some(self.port.to_string()),
                Field::Database => Some(self.database.clone()),
                Field::User => Some(self.user.clone()),
                Field::Password => self
                    .password
                    .as_ref()
                    .map(|text| text.expose_secret().to_owned()),
                Field::SslMode => Some(self.ssl.to_string()),
                Field::SslRootCert => self
                    .ssl_root_cert
                    .as_ref()
                    .map(|path| path.display().to_string()),
                Field::Url | Field::PasswordEnv => None,
            };
            if let Some(value) = value {
                out.extend(
                    variables
                        .iter()
                        .map(|name| (*name, SecretString::from(value.clone()))),
                );
            }
        }
        out
    }
}

impl Config {
    /// The database under the legacy keys.
    ///
    /// Unlike the legacy function it never answers `localhost`, `nba_simulator` or a missing user by itself.
    ///
    /// # Errors
    ///
    /// As [`Config::database`].
    pub fn load_database_config(&self) -> Result<LegacyDatabaseConfig> {
        let target = self.database()?;
        Ok(LegacyDatabaseConfig {
            host: target.host.to_string(),
            port: target.port,
            database: target.database,
            user: target.user,
            password: target.password.unwrap_or_default(),
        })
    }

    /// The object store under the legacy keys.
    ///
    /// # Errors
    ///
    /// As [`Config::s3`].
    pub fn load_s3_config(&self) -> Result<LegacyS3Config> {
        let s3 = self.s3()?;
        Ok(LegacyS3Config {
            bucket: s3.bucket,
            region: s3.region,
            prefix: s3.prefix,
        })
    }

    /// The generic read of the reference commit: the variable of exactly that name, else a dotted path into a YAML
    /// file whose first part is the file's stem, such as `scraper_config.global.aws.region`.
    ///
    /// A variable is always text. The YAML file is read at each call.
    ///
    /// # Errors
    ///
    /// The file exists but is unreadable, not UTF-8, or not YAML.
    pub fn get(&self, key: &str) -> Result<Option<Found>> {
        if let Some(entry) = self.loaded.variable(key)
            && let Ok(text) = &entry.value
        {
            return Ok(Some(Found {
                value: text.as_str().into(),
                source: entry.origin.clone(),
            }));
        }
        let (stem, rest) = key
            .split_once('.')
            .map_or((key, None), |(stem, rest)| (stem, Some(rest)));
        let Some(file) = self.config_file(stem)? else {
            return Ok(None);
        };
        let node = match rest {
            None => Some(&file.root),
            Some(rest) => file.root.get(rest),
        };
        Ok(node.map(|node| Found {
            value: node.to_json(),
            source: Origin::File {
                path: file.path.clone(),
                line: Some(node.line),
                variable: None,
            },
        }))
    }

    /// `config/STEM.yaml`; `None` where there is no such file.
    ///
    /// # Errors
    ///
    /// The file exists but is unreadable, not UTF-8, or not YAML.
    pub fn config_file(&self, stem: &str) -> Result<Option<YamlFile>> {
        // a stem is a name, never a way out of the folder
        let plain = !stem.is_empty()
            && stem
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !plain {
            return Ok(None);
        }
        let path = self
            .project()
            .join(crate::names::YAML_FOLDER)
            .join(format!("{stem}.yaml"));
        match text::read_if_there(&path)? {
            Some(content) => YamlFile::parse(&path, &content).map(Some),
            None => Ok(None),
        }
    }
}

/// [`Config::load_database_config`] of this process.
///
/// # Errors
///
/// As [`Config::global`] and [`Config::database`].
pub fn load_database_config() -> Result<LegacyDatabaseConfig> {
    Config::global()?.load_database_config()
}

/// [`Config::load_s3_config`] of this process.
///
/// # Errors
///
/// As [`Config::global`] and [`Config::s3`].
pub fn load_s3_config() -> Result<LegacyS3Config> {
    Config::global()?.load_s3_config()
}
