//! One database server, as one consistent whole.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

use crate::{error::Result, origin::Origin, settings::DatabaseSettings, url};

#[cfg(test)]
mod tests;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A host name or address.
    Tcp(String),
    /// The folder of a Unix socket; a host text starting with `/`, as in libpq.
    Unix(PathBuf),
}

impl Host {
    /// Reads a host text the way libpq does: a text that starts with `/` is a socket folder.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with('/') {
            Self::Unix(text.into())
        } else {
            Self::Tcp(text.into())
        }
    }

    /// Does the connection stay on this machine for certain?
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(host) => {
                host.eq_ignore_ascii_case("localhost")
                    || host
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host) => f.write_str(host),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How the connection is encrypted and the server verified; libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server offers it, never verified; what most legacy scripts use (database dossier 3.4).
    #[default]
    Prefer,
    /// Encrypted, never verified.
    Require,
    /// Encrypted, certificate signed by a trusted authority.
    VerifyCa,
    /// Encrypted, certificate signed by a trusted authority and made for this host.
    VerifyFull,
}

impl SslMode {
    /// The text used in URLs and variables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no [`SslMode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of disable, prefer, require, verify-ca, verify-full")]
pub struct UnknownSslMode;

impl FromStr for SslMode {
    type Err = UnknownSslMode;

    /// Reads libpq's words; `allow` counts as `prefer`, which is at least as strict.
    fn from_str(text: &str) -> Result<Self, UnknownSslMode> {
        match text.trim().to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(UnknownSslMode),
        }
    }
}

/// One database server, database and role, taken as a whole from one place.
///
/// Its fields are never put together from two variable families: the legacy loader did so, and could send
/// one server's password to another (database dossier 6.3).
///
/// ```
/// use nba_config::{DatabaseTarget, Host, SslMode};
///
/// let target = DatabaseTarget::from_url("postgres://etl:p%40ss@db.example/nba?sslmode=verify-full")?;
/// assert_eq!(target.host, Host::Tcp("db.example".into()));
/// assert_eq!((target.port, target.ssl), (5432, SslMode::VerifyFull));
/// assert_eq!(target.to_string(), "postgres://etl:***@db.example:5432/nba?sslmode=verify-full");
/// # Ok::<(), nba_config::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DatabaseTarget {
    /// Name in `[targets.NAME]` or of the variable family; `None` for a target built by code.
    pub name: Option<String>,
    /// Where the server listens.
    pub host: Host,
    /// TCP port, or the number in the socket's file name.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// Role name.
    pub user: String,
    /// Password; `None` where the server asks for none.
    pub password: Option<SecretString>,
    /// Encryption and verification.
    pub ssl: SslMode,
    /// PEM file with the trusted authorities; `None` for the built-in public ones.
    pub ssl_root_cert: Option<PathBuf>,
    /// Pool and session limits.
    pub settings: DatabaseSettings,
    /// Where each field came from, by field name (`host`, `port`, `database`, `user`, `password`, `sslmode`, `sslrootcert`).
    pub provenance: BTreeMap<&'static str, Origin>,
}

/// What tells two servers apart before connecting: host, port and database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerKey {
    host: String,
    port: u16,
    database: String,
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.port, self.database)
    }
}

impl Serialize for ServerKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl DatabaseTarget {
    /// A target without password, TLS preference or limits other than the defaults.
    #[must_use]
    pub fn new(
        host: Host,
        port: u16,
        database: impl Into<String>,
        user: impl Into<String>,
    ) -> Self {
        Self {
            name: None,
            host,
            port,
            database: database.into(),
            user: user.into(),
            password: None,
            ssl: SslMode::default(),
            ssl_root_cert: None,
            settings: DatabaseSettings::default(),
            provenance: BTreeMap::new(),
        }
    }

    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…&sslrootcert=…`.
    ///
    /// `postgresql://` and SQLAlchemy's `postgresql+driver://` are the same. User, password and database are
    /// percent-decoded. The query takes `host` (a socket folder too), `port`, `user`, `password`, `dbname`,
    /// `sslmode`, `sslrootcert` and `connect_timeout` in seconds; `application_name` is ignored, because every
    /// session gets its own. Host, user and database are never guessed; the port is 5432 where absent.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Url`](crate::ConfigError::Url), which never repeats a part of the URL.
    pub fn from_url(text: &str) -> Result<Self> {
        Ok(url::parse(text)?)
    }

    /// The URL with `***` in place of the password; safe to print.
    #[must_use]
    pub fn to_url_masked(&self) -> String {
        url::write(self, self.password.as_ref().map(|_| "***"))
    }

    /// The URL with the password, percent-encoded, for drivers that take nothing else.
    #[must_use]
    pub fn to_url(&self) -> SecretString {
        let password = self
            .password
            .as_ref()
            .map(|password| url::encode(password.expose_secret()));
        url::write(self, password.as_deref()).into()
    }

    /// The same server, role and password, but another database.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = database.into();
        self.provenance.insert("database", Origin::Code);
        self
    }

    /// Host (lower case, no trailing dot), port and database.
    ///
    /// Two equal keys are the same server; two different keys may still be one server under two names,
    /// which only the server itself can tell (nba-db's target identity).
    #[must_use]
    pub fn server(&self) -> ServerKey {
        let host = match &self.host {
            Host::Tcp(host) => host.trim_end_matches('.').to_ascii_lowercase(),
            Host::Unix(path) => path.display().to_string(),
        };
        ServerKey {
            host,
            port: self.port,
            database: self.database.clone(),
        }
    }
}

impl fmt::Display for DatabaseTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_url_masked())
    }
}

impl FromStr for DatabaseTarget {
    type Err = crate::ConfigError;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_url(text)
    }
}
