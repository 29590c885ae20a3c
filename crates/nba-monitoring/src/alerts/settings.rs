//! `[alerts]` in `.nba/monitoring.toml`.

use std::fmt;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::watch::Level;

/// Who is told, and how often.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AlertSettings {
    /// Where notices go.
    pub channels: Vec<Channel>,
    /// A check that leaves its alarm and is back within this many minutes is not announced again.
    pub dedupe_minutes: i64,
    /// Minutes in alarm until the next circle is told.
    pub escalate_minutes: Vec<i64>,
    /// Minutes between reminders of what nobody has acknowledged.
    pub reminder_minutes: i64,
    /// When only what is critical is delivered.
    pub quiet_hours: Option<QuietHours>,
    /// Called at each tick that went well: a service outside raises the alarm when the calls stop.
    pub heartbeat_url: Option<SecretUrl>,
}

impl Default for AlertSettings {
    /// The legacy platform's times (monitoring dossier 7.3): 30 minutes, then 30, 60 and 120.
    fn default() -> Self {
        Self {
            channels: Vec::new(),
            dedupe_minutes: 30,
            escalate_minutes: vec![30, 60, 120],
            reminder_minutes: 240,
            quiet_hours: None,
            heartbeat_url: None,
        }
    }
}

impl AlertSettings {
    /// Values that must be in no log line.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let hooks = self
            .channels
            .iter()
            .filter_map(|channel| match &channel.kind {
                Kind::Command { .. } | Kind::Email(_) | Kind::Sns(_) => None,
                Kind::Webhook { url }
                | Kind::Slack { url }
                | Kind::Discord { url }
                | Kind::Teams { url } => Some(url),
            });
        hooks.chain(&self.heartbeat_url).map(SecretUrl::expose)
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<String> {
        let mut names = std::collections::BTreeSet::new();
        for channel in &self.channels {
            if !names.insert(&channel.name) {
                return Some(format!("two alert channels are called `{}`", channel.name));
            }
            if matches!(&channel.kind, Kind::Command { command } if command.is_empty()) {
                return Some(format!(
                    "channel `{}`: `command` names no program",
                    channel.name
                ));
            }
            if let Kind::Email(email) = &channel.kind
                && let Some(fault) = email.fault()
            {
                return Some(format!("channel `{}`: {fault}", channel.name));
            }
            if let Kind::Sns(sns) = &channel.kind
                && let Some(fault) = sns.fault()
            {
                return Some(format!("channel `{}`: {fault}", channel.name));
            }
        }
        let times = [self.dedupe_minutes, self.reminder_minutes - 1];
        if times
            .iter()
            .chain(&self.escalate_minutes)
            .any(|minutes| *minutes < 0)
        {
            return Some(
                "minutes of `[alerts]` must not be negative, and reminders not every moment"
                    .to_owned(),
            );
        }
        if !self.escalate_minutes.is_sorted() {
            return Some("`escalate_minutes` must grow".to_owned());
        }
        None
    }
}

/// One way out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Channel {
    /// How it is called in messages.
    pub name: String,
    /// The least severe alarm it is told of.
    #[serde(default)]
    pub severity: Severity,
    /// Ids, or beginnings of ids with `*` at the end; all when empty.
    #[serde(default)]
    pub checks: Vec<String>,
    /// From which circle on it is told: 0 at once, 1 after the first time of `escalate_minutes`, and so on.
    #[serde(default)]
    pub circle: usize,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A program that gets the notice as JSON on its standard input. No shell is involved.
    Command {
        /// Program, with its folder unless it is in `/usr/local/bin`, `/usr/bin` or `/bin`, and arguments.
        command: Vec<String>,
    },
    /// The notice as a JSON document, by POST.
    Webhook {
        /// Where to.
        url: SecretUrl,
    },
    /// A message in the form Slack and Mattermost take.
    Slack {
        /// Where to.
        url: SecretUrl,
    },
    /// A message in the form Discord takes.
    Discord {
        /// Where to.
        url: SecretUrl,
    },
    /// A card in the form the workflows of Microsoft Teams take.
    Teams {
        /// Where to.
        url: SecretUrl,
    },
    /// An e-mail.
    Email(Email),
    /// A message to a topic of Amazon SNS.
    Sns(Sns),
}

/// A topic of Amazon SNS, and what opens it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Sns {
    /// The topic's name, such as `arn:aws:sns:us-east-1:123456789012:nba`.
    pub topic: String,
    /// File with the keys, in the form of `~/.aws/credentials`.
    pub credentials_file: std::path::PathBuf,
    /// Section of that file.
    #[serde(default = "default_profile")]
    pub profile: String,
    /// Address instead of that of the topic's region, such as `http://127.0.0.1:4566`.
    #[serde(default)]
    pub endpoint: Option<String>,
}

fn default_profile() -> String {
    "default".to_owned()
}

impl Sns {
    /// The topic's region.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let parts: Vec<&str> = self.topic.split(':').collect();
        match parts.as_slice() {
            ["arn", partition, "sns", region, account, name]
                if partition.starts_with("aws")
                    && ![region, account, name].iter().any(|part| part.is_empty()) =>
            {
                Some(region)
            }
            _ => None,
        }
    }

    /// Where requests go.
    #[must_use]
    pub fn address(&self) -> String {
        let region = self.region().unwrap_or_default();
        // The partition of China has a domain of its own.
        let more = if region.starts_with("cn-") { ".cn" } else { "" };
        match &self.endpoint {
            Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
            None => format!("https://sns.{region}.amazonaws.com{more}/"),
        }
    }

    fn fault(&self) -> Option<String> {
        if self.region().is_none() {
            return Some(
                "`topic` must be the whole name, such as `arn:aws:sns:us-east-1:123456789012:nba`"
                    .to_owned(),
            );
        }
        None
    }
}

/// Where e-mail goes, and through which server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Email {
    /// Name and port of the server, such as `smtp.example.org:587`.
    pub server: String,
    /// How the connection is secured.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// The sender.
    pub from: String,
    /// Everybody who is told.
    pub to: Vec<String>,
    /// The account, if the server wants one.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the account's password and nothing else.
    #[serde(default)]
    pub password_file: Option<std::path::PathBuf>,
}

/// How a connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpSecurity {
    /// In the clear at first, then TLS or nothing is sent; port 587.
    #[default]
    Starttls,
    /// TLS from the first byte; port 465.
    Tls,
    /// None: for a relay on this machine only.
    None,
}

impl Email {
    fn parts(&self) -> Option<(&str, u16)> {
        let (host, port) = self.server.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
    }

    /// The server's name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.parts().map_or("", |(host, _)| host)
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.parts().map_or(0, |(_, port)| port)
    }

    fn fault(&self) -> Option<String> {
        if self.parts().is_none() {
            return Some(
                "`server` must be a name and a port, such as `smtp.example.org:587`".to_owned(),
            );
        }
        if self.to.is_empty() {
            return Some("`to` names nobody".to_owned());
        }
        if self.user.is_some() != self.password_file.is_some() {
            return Some("`user` and `password_file` belong together".to_owned());
        }
        let local = matches!(self.host(), "localhost" | "127.0.0.1" | "::1");
        if self.security == SmtpSecurity::None && !local {
            return Some(
                "`security = \"none\"` is for a server on this machine only: what is sent could be read".to_owned(),
            );
        }
        None
    }
}

/// How severe an alarm is, for choosing channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Everything.
    #[default]
    Warning,
    /// What cannot be told, and what is critical.
    Unknown,
    /// What is critical.
    Critical,
}

impl Severity {
    /// Whether it takes in an alarm of this level.
    #[must_use]
    pub fn includes(self, level: Level) -> bool {
        let least = match self {
            Self::Warning => Level::Warning,
            Self::Unknown => Level::Unknown,
            Self::Critical => Level::Critical,
        };
        level >= least
    }
}

/// An address that is a secret: who knows it can post. It shows its host only.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The whole address.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str("***");
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        write!(f, "{scheme}://{host}/***")
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hours of the day, by a fixed distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// First minute, such as `22:00`.
    #[serde(deserialize_with = "minute_of_day")]
    pub from: NaiveTime,
    /// First minute after them, such as `08:00`.
    #[serde(deserialize_with = "minute_of_day")]
    pub to: NaiveTime,
    /// Hours ahead of UTC (behind when negative).
    #[serde(default)]
    pub utc_offset: i32,
}

fn minute_of_day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    NaiveTime::parse_from_str(&text, "%H:%M")
        .map_err(|_| serde::de::Error::custom("expected a time such as `22:00`"))
}

impl QuietHours {
    /// Whether this moment is one of them; hours over midnight are meant when they end before they begin.
    #[must_use]
    pub fn include(&self, now: DateTime<Utc>) -> bool {
        let time = (now + TimeDelta::hours(i64::from(self.utc_offset))).time();
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}
