//! What can go wrong while configuration is read and resolved.

use std::path::PathBuf;

use crate::origin::Origin;

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
            _ => None,
        }
    }
}
