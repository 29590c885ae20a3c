//! What can go wrong while configuration is read and resolved.

use std::path::PathBuf;

use crate::{
    names::{self, Selection},
    origin::Origin,
};

/// Result of a configuration operation.
pub type Result<T, E = ConfigError> = std::result::Result<T, E>;

/// What callers branch on; see [`ConfigError::kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be read.
    Io,
    /// A file or text is not in its format.
    Syntax,
    /// A value is of the wrong type or out of range.
    Value,
    /// No database target is configured, or the one chosen is incomplete.
    NoTarget,
    /// Two configured targets point at different servers and none was chosen.
    Conflict,
    /// A name that is not configured was asked for.
    UnknownTarget,
}

/// An error of this crate. No variant ever holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file or folder exists but cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A file is not UTF-8 text.
    #[error("{}:{line}: byte {offset} of the file is not UTF-8", .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first bad byte, from 1.
        line: usize,
        /// Offset of the first bad byte from the start of the file.
        offset: usize,
    },
    /// A file is not in its format.
    #[error("{}:{line}: {message}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What was expected; holds no value of the file.
        message: String,
    },
    /// A database URL cannot be understood. The URL is not repeated: it may hold a password.
    #[error("database url: {0}")]
    Url(UrlProblem),
    /// A value does not fit its key.
    #[error("`{key}` from {origin}: {expected}")]
    Value {
        /// Configuration key or variable name.
        key: String,
        /// Where the value came from.
        origin: Origin,
        /// What would have been right; never repeats a secret.
        expected: String,
    },
    /// Nothing names a database completely. There is no default: neither localhost nor production.
    #[error("no database target is configured{}", .incomplete.iter().map(|one| format!("; {one}")).collect::<String>())]
    NoTarget {
        /// Files and other sources that were read, in order.
        looked: Vec<String>,
        /// Files that would have been read, had they been there.
        absent: Vec<String>,
        /// Families that are set in part, and what they lack.
        incomplete: Vec<String>,
        /// Targets that exist but are only used when named.
        choices: Vec<String>,
    },
    /// Complete families point at different servers, and none was chosen.
    #[error("{} database targets point at different servers: {}", .servers.len(), .servers.join("; "))]
    Conflict {
        /// Family, server and place of each.
        servers: Vec<String>,
        /// Names to choose from.
        choices: Vec<String>,
    },
    /// Only a production family is complete while development or test names are set beside it.
    #[error("`{family}` is production ({server}), and development or test names are set beside it")]
    Production {
        /// The family.
        family: &'static str,
        /// Its server.
        server: String,
    },
    /// The target that was chosen lacks something.
    #[error("the database target `{name}` lacks {}", .missing.join(", "))]
    Incomplete {
        /// Its name.
        name: String,
        /// What to set.
        missing: Vec<String>,
    },
    /// No target and no complete family has that name.
    #[error("there is no database target `{name}`")]
    UnknownTarget {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

/// Why a database URL was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlProblem {
    /// The text does not start with a PostgreSQL scheme.
    #[error("it does not start with `postgres://` or `postgresql://`")]
    Scheme,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("the {0} has a `%` that is not followed by two hexadecimal digits")]
    Percent(&'static str),
    /// Decoding gave bytes that are not text.
    #[error("the {0} is not UTF-8 once decoded")]
    NotText(&'static str),
    /// The port is not a number.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// A needed part is missing.
    #[error("it names no {0}")]
    Missing(&'static str),
    /// Several hosts are listed.
    #[error("it lists several hosts, and a target is exactly one server")]
    ManyHosts,
    /// A query parameter is not known.
    #[error("the parameter `{0}` is not known")]
    Parameter(String),
    /// A query parameter has a wrong value.
    #[error("the parameter `{name}` must be {expected}")]
    ParameterValue {
        /// Parameter name.
        name: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
}

impl From<UrlProblem> for ConfigError {
    fn from(problem: UrlProblem) -> Self {
        Self::Url(problem)
    }
}

impl ConfigError {
    /// What a caller branches on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { .. } => ErrorKind::Io,
            Self::NotUtf8 { .. } | Self::Syntax { .. } | Self::Url(_) => ErrorKind::Syntax,
            Self::Value { .. } => ErrorKind::Value,
            Self::NoTarget { .. } | Self::Incomplete { .. } => ErrorKind::NoTarget,
            Self::Conflict { .. } | Self::Production { .. } => ErrorKind::Conflict,
            Self::UnknownTarget { .. } => ErrorKind::UnknownTarget,
        }
    }

    /// The next step for the person who sees this error.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Url(UrlProblem::Parameter(_)) => {
                Some("known parameters: host, port, user, password, dbname, sslmode, sslrootcert, connect_timeout, application_name".into())
            }
            Self::Url(UrlProblem::Missing(_)) => Some(
                "the full form is postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full".into(),
            ),
            Self::Url(_) => Some(
                "percent-encode `%` `@` `:` `/` `?` `#` `&` in user and password (`%` is %25, `@` is %40, `?` is %3F)".into(),
            ),
            Self::NotUtf8 { .. } => Some("save the file as UTF-8".into()),
            Self::NoTarget { looked, absent, choices, .. } => {
                Some(where_to_set(looked, absent, choices))
            }
            Self::Conflict { choices, .. } => Some(choose(choices)),
            Self::Production { family, .. } => Some(choose(&[(*family).to_owned()])),
            Self::Incomplete { missing, .. } => {
                missing.first().map(|first| format!("set {first}, in the same place as its siblings"))
            }
            Self::UnknownTarget { known, .. } if known.is_empty() => {
                Some("no target is configured at all; `nba config show` lists what was read".into())
            }
            Self::UnknownTarget { known, .. } => Some(format!("configured: {}", known.join(", "))),
            Self::Value { .. } | Self::Syntax { .. } => {
                Some("correct the value there; `nba config show` lists every value with its source".into())
            }
            Self::Read { .. } => Some("check that the file exists and may be read by you".into()),
        }
    }
}

/// Where a target can be set, and where none was found.
fn where_to_set(looked: &[String], absent: &[String], choices: &[String]) -> String {
    let mut lines = Vec::new();
    if !choices.is_empty() {
        lines.push(format!(
            "choose one with --target: {}, or",
            choices.join(", ")
        ));
    }
    lines.push(
        "set DB_HOST, DB_NAME, DB_USER and DB_PASSWORD, or DATABASE_URL, or [database] in nba.toml"
            .to_owned(),
    );
    let families = names::FAMILIES
        .iter()
        .filter(|family| family.selection != Selection::ByNameOnly);
    let variables: Vec<_> = families.map(|family| family.title).collect();
    lines.push(format!("looked for {}", variables.join(", ")));
    lines.push(format!("in {}", looked.join(", ")));
    if !absent.is_empty() {
        lines.push(format!("not there: {}", absent.join(", ")));
    }
    lines.join("\n  ")
}

/// How to choose among several targets.
fn choose(names: &[String]) -> String {
    let first = names.first().map_or("NAME", String::as_str);
    format!(
        "choose one ({}): --target {first}, or `family = \"{first}\"` under [database] in nba.toml",
        names.join(", ")
    )
}
