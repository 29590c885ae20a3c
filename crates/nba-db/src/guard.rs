//! The one session set-up both pools share.
//!
//! The settings travel as start-up options, which makes them the session's *defaults*: `RESET ALL`
//! returns to them, so a borrower cannot switch the guard off for the next one. A connection
//! pooler in between may refuse or drop start-up options; [`GuardMode::Statements`] then sets them
//! with `SET` after connecting and after every reset.

use std::time::Duration;

use crate::options::ConnectOptions;

/// How the guard reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardMode {
    /// As start-up options: the normal case.
    Startup,
    /// By `SET` statements, because a pooler (pgbouncer, RDS Proxy) swallows start-up options.
    Statements,
}

/// Ends any transaction and returns every piece of session state to its default, except prepared
/// statements (the drivers' caches own those).
///
/// `begin; rollback` ends an open transaction without the warning a bare `rollback` gives when
/// there is none; in a *failed* transaction it fails, and the connection is then closed instead.
pub(crate) const RESET_SQL: &str = "begin; rollback; set session authorization default; reset all; close all; \
     unlisten *; select pg_advisory_unlock_all(); discard temp; discard sequences";

/// Reads back what the server really applied.
pub(crate) const EFFECTIVE_SQL: &str = "select current_setting('default_transaction_read_only'), \
     (extract(epoch from current_setting('statement_timeout')::interval) * 1000)::float8, \
     (extract(epoch from current_setting('lock_timeout')::interval) * 1000)::float8, \
     (extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval) * 1000)::float8, \
     current_setting('TimeZone'), current_setting('DateStyle'), current_setting('client_encoding'), \
     current_setting('server_version_num')::int4";

/// The settings, in the order they are applied.
pub(crate) fn settings(options: &ConnectOptions) -> Vec<(&'static str, String)> {
    let limits = options.limits();
    vec![
        ("default_transaction_read_only", "on".to_owned()),
        ("statement_timeout", milliseconds(limits.statement_timeout)),
        ("lock_timeout", milliseconds(limits.lock_timeout)),
        (
            "idle_in_transaction_session_timeout",
            milliseconds(limits.idle_in_transaction_timeout),
        ),
        // Rows hidden by a policy are an error, never silently missing.
        ("row_security", "off".to_owned()),
        ("TimeZone", "UTC".to_owned()),
        ("DateStyle", "ISO".to_owned()),
        ("IntervalStyle", "postgres".to_owned()),
        ("bytea_output", "hex".to_owned()),
        ("extra_float_digits", "1".to_owned()),
    ]
}

/// The settings as libpq's `options` text. No value holds a space, so nothing needs escaping.
pub(crate) fn startup_options(options: &ConnectOptions) -> String {
    let parts: Vec<String> = settings(options)
        .iter()
        .map(|(name, value)| format!("-c {name}={value}"))
        .collect();
    parts.join(" ")
}

/// The settings as statements.
pub(crate) fn set_statements(options: &ConnectOptions) -> String {
    let mut sql = String::from("set client_encoding = 'UTF8'");
    for (name, value) in settings(options) {
        sql.push_str("; set ");
        sql.push_str(name);
        sql.push_str(" = '");
        sql.push_str(&value);
        sql.push('\'');
    }
    // Printable ASCII without quotes, see `ConnectOptions::application_name`.
    sql.push_str("; set application_name = '");
    sql.push_str(&options.application_name());
    sql.push('\'');
    sql
}

/// The statements that clean a connection before it goes back.
pub(crate) fn reset_statements(options: &ConnectOptions, mode: GuardMode) -> String {
    match mode {
        GuardMode::Startup => RESET_SQL.to_owned(),
        GuardMode::Statements => format!("{RESET_SQL}; {}", set_statements(options)),
    }
}

/// Whole milliseconds, rounded up so that a positive bound never becomes "unlimited", and within
/// the server's 32-bit range.
pub(crate) fn milliseconds(duration: Duration) -> String {
    let up = duration.as_nanos().div_ceil(1_000_000);
    i32::try_from(up).unwrap_or(i32::MAX).to_string()
}

/// Whether running `sql` can leave something behind in the session.
///
/// Plain statements cannot; anything else, and any mention of the functions that change session
/// state, counts as doing so. A user-defined function that calls `set_config(…, false)` in its
/// body is not seen.
pub(crate) fn leaves_state(sql: &str) -> bool {
    const HARMLESS: [&str; 12] = [
        "select", "with", "values", "table", "insert", "update", "delete", "merge", "explain",
        "copy", "show", "(",
    ];
    const SUSPECT: [&str; 6] = [
        "set_config",
        "advisory",
        "into",
        "setseed",
        "dblink",
        "pg_export",
    ];
    let start = sql.trim_start();
    let lower = start.to_ascii_lowercase();
    let harmless = HARMLESS.iter().any(|word| {
        lower.strip_prefix(word).is_some_and(|rest| {
            *word == "(" || !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    });
    !harmless || SUSPECT.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests;
