//! What can go wrong between us and PostgreSQL, told apart so that callers can act on it.

use std::fmt;
use std::time::Duration;

/// The result of every fallible call of this crate.
pub type Result<T, E = DbError> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What callers branch on.
///
/// Two errors of one kind call for the same reaction, whatever driver reported them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server refused the password (28P01), or none was given where one is needed.
    WrongPassword,
    /// The host name does not resolve to an address.
    UnknownHost,
    /// Nothing listens at the address, or the socket file does not exist.
    Refused,
    /// The address did not answer within the connect time-out.
    ConnectTimeout,
    /// TLS was demanded and the server has none.
    NoTls,
    /// The server's certificate is not signed by the trusted authority, or names another host.
    CertificateInvalid,
    /// TLS could not be set up for another reason.
    Tls,
    /// The server has no database of that name (3D000).
    UnknownDatabase,
    /// The server has no role of that name, or does not admit it from here (28000).
    UnknownRole,
    /// The server has no connection left (53300).
    TooManyConnections,
    /// The server is starting, stopping or in recovery (57P03).
    NotReady,
    /// Waiting for one of our own pooled connections took too long.
    PoolTimeout,
    /// The statement ran longer than `statement_timeout` (57014).
    StatementTimeout,
    /// A lock was not granted within `lock_timeout` (55P03).
    LockTimeout,
    /// The statement was cancelled (57014).
    Cancelled,
    /// A write was tried in a read-only session (25006).
    ReadOnly,
    /// The role lacks the right (42501).
    Denied,
    /// The connection broke while in use.
    ConnectionLost,
    /// The server rejected the statement for another reason.
    Query,
    /// A value could not be turned into the requested form.
    Decode,
    /// The call itself cannot work: wrong options, wrong parameters, wrong kind of statement.
    Usage,
}

/// An error message of the server, complete.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ServerError {
    /// The five-character SQLSTATE.
    pub sqlstate: String,
    /// `ERROR`, `FATAL` or `PANIC`.
    pub severity: String,
    /// The primary message.
    pub message: String,
    /// The secondary message, often with the offending values.
    pub detail: Option<String>,
    /// What the server suggests.
    pub hint: Option<String>,
    /// Schema of the table concerned.
    pub schema: Option<String>,
    /// The table concerned.
    pub table: Option<String>,
    /// The column concerned.
    pub column: Option<String>,
    /// The constraint violated.
    pub constraint: Option<String>,
    /// The context (line of a COPY, function call stack).
    pub context: Option<String>,
}

impl ServerError {
    fn from_tokio(error: &tokio_postgres::error::DbError) -> Self {
        Self {
            sqlstate: error.code().code().to_owned(),
            severity: error.severity().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
            schema: error.schema().map(str::to_owned),
            table: error.table().map(str::to_owned),
            column: error.column().map(str::to_owned),
            constraint: error.constraint().map(str::to_owned),
            context: error.where_().map(str::to_owned),
        }
    }

    fn from_sqlx(error: &sqlx::postgres::PgDatabaseError) -> Self {
        Self {
            sqlstate: error.code().to_owned(),
            severity: format!("{:?}", error.severity()).to_uppercase(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
            schema: error.schema().map(str::to_owned),
            table: error.table().map(str::to_owned),
            column: error.column().map(str::to_owned),
            constraint: error.constraint().map(str::to_owned),
            context: error.r#where().map(str::to_owned),
        }
    }

    /// The kind this SQLSTATE stands for.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.sqlstate.as_str() {
            "28P01" => ErrorKind::WrongPassword,
            "28000" => ErrorKind::UnknownRole,
            "3D000" => ErrorKind::UnknownDatabase,
            "53300" => ErrorKind::TooManyConnections,
            "57P03" => ErrorKind::NotReady,
            "57P01" | "57P02" | "57P05" | "08000" | "08003" | "08006" => ErrorKind::ConnectionLost,
            // One SQLSTATE, two causes; only the text tells them apart, and it is translated on
            // servers with another lc_messages: then it counts as a cancellation.
            "57014" if self.message.contains("statement timeout") => ErrorKind::StatementTimeout,
            "57014" => ErrorKind::Cancelled,
            "55P03" => ErrorKind::LockTimeout,
            "25006" => ErrorKind::ReadOnly,
            "42501" => ErrorKind::Denied,
            _ => ErrorKind::Query,
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {}", self.message, self.sqlstate)?;
        let table = match (&self.schema, &self.table) {
            (Some(schema), Some(table)) => Some(format!("{schema}.{table}")),
            (None, Some(table)) => Some(table.clone()),
            _ => None,
        };
        for (name, value) in [
            ("table", table.as_ref()),
            ("column", self.column.as_ref()),
            ("constraint", self.constraint.as_ref()),
        ] {
            if let Some(value) = value {
                write!(f, ", {name} `{value}`")?;
            }
        }
        f.write_str(")")?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

/// Who had the pool's connections when somebody waited in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolHolder {
    /// Source position of the checkout.
    pub at: String,
    /// How long it has been held.
    pub held_for: Duration,
}

impl fmt::Display for PoolHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {:.1?}", self.at, self.held_for)
    }
}

/// An error of this crate.
///
/// Its text names the operation and, where the server spoke, SQLSTATE, message, table and
/// constraint. It never contains a password, nor any literal of a statement.
///
/// ```
/// use nba_config::DatabaseTarget;
/// use nba_db::{Database, ErrorKind};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let nowhere = DatabaseTarget::from_url("postgres://reader@127.0.0.1:1/nba")?;
/// let error = Database::connect(&nowhere).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Refused);
/// assert!(error.hint().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// No session could be opened; `kind` says why.
    #[error("cannot connect to {target}: {reason}")]
    Connect {
        /// Why.
        kind: ErrorKind,
        /// Host, port, database and role.
        target: String,
        /// The reason in words.
        reason: String,
        /// The driver's own error.
        #[source]
        source: Option<Source>,
    },
    /// Every pooled connection was in use for too long.
    #[error("waited {waited:.1?} for one of {limit} connections of the {pool} pool to {target}{}{}", holders_text(.holders), last_text(.last))]
    PoolTimeout {
        /// Which pool.
        pool: &'static str,
        /// Host, port, database and role.
        target: String,
        /// How long was waited.
        waited: Duration,
        /// Size of the pool.
        limit: u32,
        /// Who held its connections, longest first; empty where the pool does not know.
        holders: Vec<PoolHolder>,
        /// The last real error met while opening connections, if any.
        last: Option<Box<DbError>>,
    },
    /// The server refused a statement.
    #[error("{operation}: {error}")]
    Server {
        /// What was being done.
        operation: String,
        /// The server's message.
        error: Box<ServerError>,
    },
    /// The connection broke.
    #[error("{operation}: the connection to the server was lost")]
    ConnectionLost {
        /// What was being done.
        operation: String,
        /// The driver's own error.
        #[source]
        source: Option<Source>,
    },
    /// A statement of this session was cancelled before; the session must be given back.
    #[error("{operation}: this session had a statement cancelled and takes no further one")]
    SessionCancelled {
        /// What was being done.
        operation: String,
    },
    /// A value could not be read in the requested form.
    #[error("{operation}: cannot decode {what}")]
    Decode {
        /// What was being done.
        operation: String,
        /// Column and type.
        what: String,
        /// The decoder's own error.
        #[source]
        source: Option<Source>,
    },
    /// The call cannot work as written.
    #[error("{operation}: {problem}")]
    Usage {
        /// What was being done.
        operation: String,
        /// What is wrong.
        problem: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// A stream handed in by the caller failed.
    #[error("{operation}: the rows to load could not be read")]
    Input {
        /// What was being done.
        operation: String,
        /// The caller's own error.
        #[source]
        source: Source,
    },
}

fn holders_text(holders: &[PoolHolder]) -> String {
    /// More names than these do not help a reader.
    const SHOWN: usize = 4;
    if holders.is_empty() {
        return String::new();
    }
    let named: Vec<String> = holders
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    let rest = holders.len().saturating_sub(SHOWN);
    let more = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    format!(", held by {}{more}", named.join(", "))
}

fn last_text(last: &Option<Box<DbError>>) -> String {
    last.as_ref()
        .map(|error| format!("; last error: {error}"))
        .unwrap_or_default()
}

impl DbError {
    /// What callers branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect { kind, .. } => *kind,
            Self::PoolTimeout { .. } => ErrorKind::PoolTimeout,
            Self::Server { error, .. } => error.kind(),
            Self::ConnectionLost { .. } => ErrorKind::ConnectionLost,
            Self::SessionCancelled { .. } => ErrorKind::Cancelled,
            Self::Decode { .. } => ErrorKind::Decode,
            Self::Usage { .. } | Self::Input { .. } => ErrorKind::Usage,
        }
    }

    /// The server's message, where the server spoke about a statement.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The SQLSTATE, where the server spoke about a statement.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        self.server().map(|error| error.sqlstate.as_str())
    }

    /// What to do next, where there is something general to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if let Self::Usage { hint, .. } = self {
            return hint.clone();
        }
        if let Some(hint) = self.server().and_then(|error| error.hint.clone()) {
            return Some(hint);
        }
        let text = match self.kind() {
            ErrorKind::WrongPassword => {
                "check the password and where it comes from with `nba config show`"
            }
            ErrorKind::UnknownHost => {
                "check the host name; a cloud end point resolves only with its full name and a working DNS"
            }
            ErrorKind::Refused => {
                "check host and port, and that the server runs and accepts TCP connections from here"
            }
            ErrorKind::ConnectTimeout => {
                "check the security group or firewall: the address does not answer at all"
            }
            ErrorKind::NoTls => {
                "the server offers no TLS; only on a trusted network set sslmode to `prefer` or `disable`"
            }
            ErrorKind::CertificateInvalid => {
                "set `ssl_root_cert` to the authority's bundle and use the host name the certificate is made out to"
            }
            ErrorKind::UnknownDatabase => {
                "list the databases of this server with `psql -l` and correct the name"
            }
            ErrorKind::UnknownRole => {
                "check the user name, and that pg_hba.conf admits it from this address"
            }
            ErrorKind::TooManyConnections => {
                "lower `max_connections` or close other clients; see pg_stat_activity"
            }
            ErrorKind::NotReady => "wait until the server has finished starting",
            ErrorKind::PoolTimeout => {
                "raise `max_connections` or the acquire time-out, or hold connections for less long"
            }
            ErrorKind::StatementTimeout => {
                "raise `statement_timeout` for this command, or narrow the statement"
            }
            ErrorKind::LockTimeout => "another session holds the lock; see pg_locks",
            ErrorKind::ReadOnly => {
                "sessions are read-only; writing needs an explicit `Database::writer`"
            }
            ErrorKind::Denied => "grant the right to this role, or use one that has it",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Whether trying the same again later could succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Refused
                | ErrorKind::ConnectTimeout
                | ErrorKind::TooManyConnections
                | ErrorKind::NotReady
                | ErrorKind::PoolTimeout
                | ErrorKind::LockTimeout
                | ErrorKind::ConnectionLost
        ) || matches!(self.sqlstate(), Some("40001" | "40P01"))
    }

    pub(crate) fn usage(operation: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Usage {
            operation: operation.into(),
            problem: problem.into(),
            hint: None,
        }
    }

    pub(crate) fn usage_with_hint(
        operation: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Usage {
            operation: operation.into(),
            problem: problem.into(),
            hint: Some(hint.into()),
        }
    }

    /// Translates an error of tokio-postgres met while running `operation`.
    pub(crate) fn from_tokio(operation: impl Into<String>, error: tokio_postgres::Error) -> Self {
        let operation = operation.into();
        if let Some(server) = error.as_db_error() {
            let error = Box::new(ServerError::from_tokio(server));
            return Self::Server { operation, error };
        }
        let text = error.to_string();
        if error.is_closed() || text.starts_with("error communicating") {
            return Self::ConnectionLost {
                operation,
                source: Some(Box::new(error)),
            };
        }
        if text.starts_with("error deserializing") || text.starts_with("invalid column") {
            return Self::Decode {
                operation,
                what: text,
                source: error.into_source(),
            };
        }
        let reason = std::error::Error::source(&error)
            .map(|s| format!(": {s}"))
            .unwrap_or_default();
        Self::usage(operation, format!("{text}{reason}"))
    }

    /// Translates an error of tokio-postgres met while opening a session.
    pub(crate) fn from_tokio_connect(target: &str, error: tokio_postgres::Error) -> Self {
        if let Some(server) = error.as_db_error() {
            return Self::refused_by_server(target, &ServerError::from_tokio(server));
        }
        let text = error.to_string();
        let kind = if text.contains("server does not support TLS")
            || source_text(&error).contains("server does not support TLS")
        {
            ErrorKind::NoTls
        } else {
            classify_connect(&error).unwrap_or_else(|| {
                if text.starts_with("invalid configuration")
                    && source_text(&error).contains("password")
                {
                    ErrorKind::WrongPassword
                } else if text.starts_with("timeout") {
                    ErrorKind::ConnectTimeout
                } else if text.contains("TLS") {
                    ErrorKind::Tls
                } else {
                    ErrorKind::ConnectionLost
                }
            })
        };
        let reason = reason_text(kind, &error);
        Self::Connect {
            kind,
            target: target.to_owned(),
            reason,
            source: Some(Box::new(error)),
        }
    }

    pub(crate) fn connect(target: &str, kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self::Connect {
            kind,
            target: target.to_owned(),
            reason: reason.into(),
            source: None,
        }
    }

    fn refused_by_server(target: &str, error: &ServerError) -> Self {
        let kind = match error.kind() {
            ErrorKind::Query if error.sqlstate.starts_with("28") => ErrorKind::UnknownRole,
            kind => kind,
        };
        Self::Connect {
            kind,
            target: target.to_owned(),
            reason: error.to_string(),
            source: None,
        }
    }

    /// Translates an error of sqlx, so that both pools speak one language.
    ///
    /// `operation` names what was being done, `target` where.
    #[must_use]
    pub fn from_sqlx(operation: impl Into<String>, target: &str, error: sqlx::Error) -> Self {
        let operation = operation.into();
        match error {
            sqlx::Error::Database(server) => {
                match server.try_downcast::<sqlx::postgres::PgDatabaseError>() {
                    Ok(server) => {
                        let error = ServerError::from_sqlx(&server);
                        // The classes the server uses only before a session exists.
                        if error.severity == "FATAL" && error.kind() != ErrorKind::ConnectionLost {
                            Self::refused_by_server(target, &error)
                        } else {
                            Self::Server {
                                operation,
                                error: Box::new(error),
                            }
                        }
                    }
                    Err(other) => Self::usage(operation, other.to_string()),
                }
            }
            sqlx::Error::PoolTimedOut => Self::PoolTimeout {
                pool: "sqlx",
                target: target.to_owned(),
                waited: Duration::ZERO,
                limit: 0,
                holders: Vec::new(),
                last: None,
            },
            sqlx::Error::Tls(source) => {
                let kind = if source.to_string().contains("does not support TLS") {
                    ErrorKind::NoTls
                } else {
                    classify_connect(source.as_ref()).unwrap_or(ErrorKind::Tls)
                };
                let reason = reason_text(kind, source.as_ref());
                Self::Connect {
                    kind,
                    target: target.to_owned(),
                    reason,
                    source: Some(source),
                }
            }
            sqlx::Error::Io(error) => match classify_connect(&error) {
                Some(kind) => {
                    let reason = reason_text(kind, &error);
                    Self::Connect {
                        kind,
                        target: target.to_owned(),
                        reason,
                        source: Some(Box::new(error)),
                    }
                }
                None => Self::ConnectionLost {
                    operation,
                    source: Some(Box::new(error)),
                },
            },
            error @ (sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed) => {
                Self::ConnectionLost {
                    operation,
                    source: Some(Box::new(error)),
                }
            }
            sqlx::Error::ColumnDecode { index, source } => Self::Decode {
                operation,
                what: format!("column {index}"),
                source: Some(source),
            },
            error @ (sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::Decode(_)
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }) => Self::Decode {
                operation,
                what: error.to_string(),
                source: None,
            },
            error => Self::usage(operation, error.to_string()),
        }
    }
}

/// Looks through the chain for the cause of a failed connection.
fn classify_connect(error: &(dyn std::error::Error + 'static)) -> Option<ErrorKind> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(kind) = error.downcast_ref::<rustls::Error>().map(classify_tls) {
            return Some(kind);
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            // An io::Error made from another error hides it from `source`.
            if let Some(kind) = io
                .get_ref()
                .and_then(|e| e.downcast_ref::<rustls::Error>())
                .map(classify_tls)
            {
                return Some(kind);
            }
            match io.kind() {
                std::io::ErrorKind::ConnectionRefused
                | std::io::ErrorKind::NotFound
                | std::io::ErrorKind::HostUnreachable
                | std::io::ErrorKind::NetworkUnreachable => return Some(ErrorKind::Refused),
                std::io::ErrorKind::TimedOut => return Some(ErrorKind::ConnectTimeout),
                // The resolver's failures have no kind and no number of their own.
                _ if io.raw_os_error().is_none() && io.to_string().contains("lookup address") => {
                    return Some(ErrorKind::UnknownHost);
                }
                _ => {}
            }
        }
        current = error.source();
    }
    None
}

fn classify_tls(error: &rustls::Error) -> ErrorKind {
    match error {
        rustls::Error::InvalidCertificate(_) => ErrorKind::CertificateInvalid,
        _ => ErrorKind::Tls,
    }
}

fn source_text(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

/// The innermost message: the outer ones only say "error connecting".
fn reason_text(kind: ErrorKind, error: &dyn std::error::Error) -> String {
    let mut inner = error.to_string();
    let mut current = error.source();
    while let Some(source) = current {
        inner = source.to_string();
        current = source.source();
    }
    match kind {
        ErrorKind::NoTls => "the server does not support TLS, which `sslmode` demands".to_owned(),
        ErrorKind::CertificateInvalid => {
            format!("the server's certificate is not trusted: {inner}")
        }
        ErrorKind::UnknownHost => format!("the host name cannot be resolved: {inner}"),
        _ => inner,
    }
}

/// Names a statement in messages: its beginning up to the first literal, as a literal may be a
/// secret.
pub(crate) fn statement_label(sql: &str) -> String {
    /// Characters shown; enough to recognise a statement in a log line.
    const SHOWN: usize = 80;
    let opens_literal = |at: usize| {
        let rest = &sql[at..];
        // `$$…` and `$tag$…` open one too, `$1` does not.
        rest.starts_with('\'')
            || (rest.starts_with('$') && !rest[1..].starts_with(|c: char| c.is_ascii_digit()))
    };
    let code_end = sql
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| opens_literal(*at))
        .unwrap_or(sql.len());
    let mut label = String::new();
    for word in sql[..code_end].split_whitespace() {
        if !label.is_empty() {
            label.push(' ');
        }
        label.push_str(word);
    }
    let mut cut = code_end < sql.len();
    if let Some((at, _)) = label.char_indices().nth(SHOWN) {
        label.truncate(at);
        cut = true;
    }
    if cut && code_end < sql.len() && sql[..code_end].ends_with(char::is_whitespace) {
        label.push(' ');
    }
    if cut {
        label.push('…');
    }
    format!("statement `{label}`")
}

#[cfg(test)]
mod tests;
