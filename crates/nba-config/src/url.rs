//! Database URLs, read and written strictly.

use std::{fmt::Write as _, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{
    error::UrlProblem,
    names,
    target::{DatabaseTarget, Host, SslMode},
};

/// Everything but RFC 3986's unreserved characters.
const ENCODE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODE).to_string()
}

fn decode(text: &str, part: &'static str) -> Result<String, UrlProblem> {
    let bytes = text.as_bytes();
    let bad = bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%'
            && !bytes
                .get(at + 1..at + 3)
                .is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    });
    if bad {
        return Err(UrlProblem::Percent(part));
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(UrlProblem::NotText(part)),
    }
}

fn port(text: &str) -> Result<u16, UrlProblem> {
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or(UrlProblem::Port)
}

/// The rest after the scheme.
fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    // SQLAlchemy writes the driver behind a plus sign
    let scheme = scheme.split_once('+').map_or(scheme, |(scheme, _)| scheme);
    matches!(
        scheme.to_ascii_lowercase().as_str(),
        "postgres" | "postgresql"
    )
    .then_some(rest)
}

pub(crate) fn parse(text: &str) -> Result<DatabaseTarget, UrlProblem> {
    let rest = strip_scheme(text.trim()).ok_or(UrlProblem::Scheme)?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // the last `@`: hosts cannot hold one, passwords that nobody encoded can
    let (userinfo, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    if address.contains(',') {
        return Err(UrlProblem::ManyHosts);
    }
    let (host_text, port_text) = match address.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6
                .split_once(']')
                .ok_or(UrlProblem::Missing("end of the IPv6 address"))?;
            (host, rest.strip_prefix(':').unwrap_or(rest))
        }
        None => address.split_once(':').unwrap_or((address, "")),
    };
    let (user_text, password_text) = match userinfo.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };

    let mut host = decode(host_text, "host")?;
    let mut number = if port_text.is_empty() {
        names::DEFAULT_PORT
    } else {
        port(port_text)?
    };
    let mut user = decode(user_text, "user")?;
    let mut password = password_text
        .map(|text| decode(text, "password"))
        .transpose()?;
    let mut database = decode(path.strip_prefix('/').unwrap_or(path), "database")?;
    let mut target = DatabaseTarget::new(Host::Tcp(String::new()), number, "", "");

    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, "parameter name")?;
        let value = decode(value, "parameter value")?;
        match name.as_str() {
            "host" => host = value,
            "port" => number = port(&value)?,
            "user" => user = value,
            "password" => password = Some(value),
            "dbname" => database = value,
            "sslmode" => {
                target.ssl = value
                    .parse::<SslMode>()
                    .map_err(|_| UrlProblem::ParameterValue {
                        name: "sslmode",
                        expected: "disable, prefer, require, verify-ca or verify-full",
                    })?;
            }
            "sslrootcert" if value.is_empty() => {}
            "sslrootcert" => target.ssl_root_cert = Some(value.into()),
            "connect_timeout" => {
                let seconds = value.parse::<u64>().ok().filter(|seconds| *seconds > 0);
                let seconds = seconds.ok_or(UrlProblem::ParameterValue {
                    name: "connect_timeout",
                    expected: "a whole number of seconds, at least 1",
                })?;
                target.settings.connect_timeout = Duration::from_secs(seconds);
            }
            "application_name" => {}
            _ => return Err(UrlProblem::Parameter(name)),
        }
    }

    for (part, text) in [("host", &host), ("user", &user), ("database", &database)] {
        if text.is_empty() {
            return Err(UrlProblem::Missing(part));
        }
    }
    target.host = Host::parse(&host);
    target.port = number;
    target.user = user;
    target.database = database;
    target.password = password
        .filter(|password| !password.is_empty())
        .map(Into::into);
    Ok(target)
}

/// Writes a URL; `password` is already encoded (or a mask).
pub(crate) fn write(target: &DatabaseTarget, password: Option<&str>) -> String {
    let mut out = String::from("postgres://");
    let mut query = Vec::new();
    if let Host::Unix(path) = &target.host {
        // User and password too: sqlx refuses `user@` in front of no host.
        query.push(format!("host={}", encode_path(&path.to_string_lossy())));
        query.push(format!("port={}", target.port));
        query.push(format!("user={}", encode(&target.user)));
        if let Some(password) = password {
            query.push(format!("password={password}"));
        }
    } else {
        out.push_str(&encode(&target.user));
        if let Some(password) = password {
            out.push(':');
            out.push_str(password);
        }
        out.push('@');
    }
    if let Host::Tcp(host) = &target.host {
        // writing to a String cannot fail
        let _ = if host.contains(':') {
            write!(out, "[{host}]:{}", target.port)
        } else {
            write!(out, "{}:{}", encode(host), target.port)
        };
    }
    out.push('/');
    out.push_str(&encode(&target.database));
    if target.ssl != SslMode::default() {
        query.push(format!("sslmode={}", target.ssl));
    }
    if let Some(path) = &target.ssl_root_cert {
        query.push(format!(
            "sslrootcert={}",
            encode_path(&path.to_string_lossy())
        ));
    }
    if !query.is_empty() {
        out.push('?');
        out.push_str(&query.join("&"));
    }
    out
}

/// Like [`encode`], but slashes stay readable: they mean nothing in a query.
fn encode_path(text: &str) -> String {
    const PATH: &AsciiSet = &ENCODE.remove(b'/');
    utf8_percent_encode(text, PATH).to_string()
}
