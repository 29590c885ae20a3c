//! The typed sections, extracted by figment from the merged layers.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

/// Mode of one capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CapabilityMode {
    /// The old script does the work. The mode of everything that is not configured.
    #[default]
    Legacy,
    /// The old script does the work; the port runs beside it and is compared.
    Shadow,
    /// The port does a share of the work, and is compared.
    Canary,
    /// The port does the work.
    Native,
    /// Neither runs.
    Off,
}

impl fmt::Display for CapabilityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Legacy => "legacy",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Native => "native",
            Self::Off => "off",
        })
    }
}

/// Capability modes by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Capabilities(pub BTreeMap<String, CapabilityMode>);

impl Capabilities {
    /// The mode of `etl.espn.pbp`: its own, else that of `etl.espn`, else that of `etl`, else legacy.
    #[must_use]
    pub fn mode(&self, capability: &str) -> CapabilityMode {
        let mut name = capability;
        loop {
            if let Some(mode) = self.0.get(name) {
                return *mode;
            }
            match name.rsplit_once('.') {
                Some((parent, _)) => name = parent,
                None => return CapabilityMode::default(),
            }
        }
    }
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Lowest severity that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// A person must look.
    Error,
    /// Unexpected, but continued.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// How it happens.
    Debug,
    /// Everything.
    Trace,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    /// Python's names in capitals too, `WARNING` and `CRITICAL` included: `LOG_LEVEL` is a legacy variable.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.to_ascii_lowercase().as_str() {
            "error" | "critical" => Ok(Self::Error),
            "warn" | "warning" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err(serde::de::Error::custom(
                "must be error, warn, info, debug or trace",
            )),
        }
    }
}

/// `[logging]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggingSettings {
    /// Lowest severity that is logged; default `info`.
    pub level: LogLevel,
    /// Form of the lines; default `text`.
    pub format: LogFormat,
    /// Log file; none by default.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Size at which the file is rotated, in MiB; default 10.
    pub max_size_mb: u32,
    /// Rotated files kept; default 5.
    pub keep: u32,
}

/// `[pool]`.
#[derive(Deserialize)]
pub(crate) struct PoolSection {
    pub(crate) min_connections: u32,
    pub(crate) max_connections: u32,
    pub(crate) connect_timeout: Span,
    pub(crate) acquire_timeout: Span,
    pub(crate) statement_timeout: Span,
    pub(crate) lock_timeout: Span,
    pub(crate) idle_in_transaction_timeout: Span,
}

/// `[s3]` without its secrets, which never pass through an error message.
#[derive(Deserialize)]
pub(crate) struct S3Section {
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) endpoint: Option<String>,
    #[serde(default)]
    pub(crate) path_style: Option<bool>,
    #[serde(default)]
    pub(crate) profile: Option<String>,
}

/// A duration as people write it.
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a time such as 500ms, 30s, 5min or 2h";
        /// A year; anything longer is a mistake.
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = text[..digits].parse().map_err(|_| EXPECTED)?;
        let milliseconds: u64 = match text[digits..].trim() {
            "ms" => 1,
            "" | "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            _ => return Err(EXPECTED),
        };
        let total = number.checked_mul(milliseconds).map(Duration::from_millis);
        total
            .filter(|span| *span <= LONGEST)
            .map(Self)
            .ok_or(EXPECTED)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
