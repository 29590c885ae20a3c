//! Who connects where, and under which name.

use std::fmt;

use nba_config::{DatabaseSettings, DatabaseTarget, ExposeSecret as _, Host, SslMode};

/// Longest application name the server keeps; it would cut the rest with a warning.
const APPLICATION_NAME_BYTES: usize = 63;

/// Longest run id shown in the application name: a UUID's length.
const RUN_ID_BYTES: usize = 36;

/// A target, and the name our sessions carry there.
///
/// Made from a [`DatabaseTarget`], so `Database::connect(&target)` is enough where the name does
/// not matter. `Debug` and `Display` never show the password.
///
/// ```
/// use nba_config::DatabaseTarget;
/// use nba_db::ConnectOptions;
/// let target = DatabaseTarget::from_url("postgres://reader:s%25cret@db.example:5433/nba")?;
/// let options = ConnectOptions::from(&target).application("health", "0193");
/// assert_eq!(options.application_name(), "nba/health/0193");
/// assert_eq!(options.to_string(), "db.example:5433/nba as `reader`");
/// # Ok::<(), nba_config::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Server, database, role, TLS and limits.
    pub target: DatabaseTarget,
    command: String,
    run_id: String,
}

impl ConnectOptions {
    /// Names the command and the run in `application_name`, `nba/<command>/<run>`, which is how
    /// our sessions are told apart in `pg_stat_activity`: the legacy ones carry no name (database
    /// dossier 3.4).
    #[must_use]
    pub fn application(mut self, command: impl Into<String>, run_id: impl Into<String>) -> Self {
        self.command = command.into();
        self.run_id = run_id.into();
        self
    }

    /// Replaces the limits.
    #[must_use]
    pub fn settings(mut self, settings: DatabaseSettings) -> Self {
        self.target.settings = settings;
        self
    }

    /// The same server, role and limits with another database.
    #[must_use]
    pub fn with_database(&self, database: impl Into<String>) -> Self {
        let mut other = self.clone();
        other.target = other.target.with_database(database);
        other
    }

    /// Where the database is, without user and password: `host:port/database`.
    #[must_use]
    pub fn address(&self) -> String {
        let DatabaseTarget {
            host,
            port,
            database,
            ..
        } = &self.target;
        format!("{host}:{port}/{database}")
    }

    /// The run this handle reports as.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The `application_name` of the sessions: printable ASCII, at most 63 bytes; a long command
    /// is cut before the run id is.
    #[must_use]
    pub fn application_name(&self) -> String {
        let clean = |text: &str, limit: usize| -> String {
            let kept = |c: &char| c.is_ascii_graphic() && !matches!(c, '/' | '\'' | '\\');
            text.chars().filter(kept).take(limit).collect()
        };
        let run = clean(&self.run_id, RUN_ID_BYTES);
        let command = clean(
            &self.command,
            APPLICATION_NAME_BYTES - "nba//".len() - run.len(),
        );
        format!("nba/{command}/{run}")
    }

    pub(crate) fn limits(&self) -> &DatabaseSettings {
        &self.target.settings
    }

    pub(crate) fn host_text(&self) -> String {
        self.target.host.to_string()
    }

    /// TLS as it is really demanded: none on a unix socket, and `require` with an authority
    /// verifies it, both as in libpq.
    pub(crate) fn effective_ssl(&self) -> SslMode {
        match (&self.target.host, self.target.ssl) {
            (Host::Unix(_), _) => SslMode::Disable,
            (_, SslMode::Require) if self.target.ssl_root_cert.is_some() => SslMode::VerifyCa,
            (_, mode) => mode,
        }
    }

    pub(crate) fn exposed_password(&self) -> Option<&str> {
        self.target
            .password
            .as_ref()
            .map(|password| password.expose_secret())
    }
}

impl From<DatabaseTarget> for ConnectOptions {
    fn from(target: DatabaseTarget) -> Self {
        let run_id = uuid::Uuid::now_v7().simple().to_string();
        Self {
            target,
            command: "library".to_owned(),
            run_id,
        }
    }
}

impl From<&DatabaseTarget> for ConnectOptions {
    fn from(target: &DatabaseTarget) -> Self {
        Self::from(target.clone())
    }
}

impl fmt::Display for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as `{}`", self.address(), self.target.user)
    }
}

#[cfg(test)]
mod tests;
