//! `.nba/monitoring.toml`: limits, sources, heartbeats, and checks that are switched off for a reason and a time.

use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use nba_utils::Hint;
use serde::{Deserialize, Serialize};

use crate::alerts::AlertSettings;

/// The file's name in the state folder.
const SETTINGS_FILE: &str = "monitoring.toml";

/// What a project says about its monitoring; everything has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Settings {
    /// Size of the server's disk in GB (10⁹ bytes), as the provider states it; needed where the disk cannot be looked at.
    pub disk_gb: Option<f64>,
    /// What is still fine.
    pub limits: Limits,
    /// Tables that must have rows for every stretch of game days.
    pub sources: Vec<Source>,
    /// Jobs that must show work.
    pub heartbeats: Vec<Heartbeat>,
    /// Jobs that run under `nba etl run` and must have had their effect.
    pub jobs: Vec<Job>,
    /// The lake whose prefixes are looked at: a folder, or `s3` for the configured bucket.
    pub lake: Option<String>,
    /// Prefixes of the lake that must be whole and grow.
    pub prefixes: Vec<Prefix>,
    /// What the watch may cost the database.
    pub budget: Budget,
    /// Checks that do not count for a while.
    pub off: Vec<Off>,
    /// Who is told.
    pub alerts: AlertSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disk_gb: None,
            limits: Limits::default(),
            sources: Source::documented(),
            heartbeats: Vec::new(),
            jobs: Vec::new(),
            lake: None,
            prefixes: Vec::new(),
            budget: Budget::default(),
            off: Vec::new(),
            alerts: AlertSettings::default(),
        }
    }
}

/// What is still fine.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// Longest transaction, in minutes.
    pub transaction_minutes: f64,
    /// Longest idle stay inside a transaction, in minutes.
    pub idle_in_transaction_minutes: f64,
    /// Longest wait for a lock, in seconds.
    pub lock_wait_seconds: f64,
    /// Most connections in use, in per cent of those permitted.
    pub connections_percent: f64,
    /// Least free space, in per cent of the disk.
    pub free_percent: f64,
    /// Longest lag of a standby, in seconds.
    pub replication_lag_seconds: f64,
    /// Largest lag of a standby, and most write-ahead log kept for an inactive slot, in MB.
    pub replication_lag_mb: f64,
    /// Oldest unfrozen transaction, in transactions; the server stops at about 2.1 thousand million.
    pub transaction_id_age: f64,
    /// Most used part of a sequence, in per cent.
    pub sequence_percent: f64,
    /// Fewest dead rows that count as late.
    pub dead_rows: f64,
    /// Longest time without a game during a season, in days; the All-Star break takes about six.
    pub season_gap_days: i64,
    /// Longest run of game days without rows in a source.
    pub source_gap_days: i64,
    /// Days a source may take until it has a game.
    pub source_delay_days: i64,
    /// Rows a table may lose, in per cent of the most seen within a week.
    pub shrink_percent: f64,
    /// Rows a table may gain within a day, in per cent.
    pub daily_growth_percent: f64,
    /// Oldest proven backup, in hours.
    pub backup_hours: f64,
    /// Longest time without a recorded run over the inventory of metrics, in days.
    pub dims_days: f64,
    /// Hours between two listings of the lake.
    pub lake_hours: f64,
    /// Hours until tables are asked though the statistics say that nobody wrote to them.
    pub deep_hours: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transaction_minutes: 30.0,
            idle_in_transaction_minutes: 5.0,
            lock_wait_seconds: 60.0,
            connections_percent: 80.0,
            // The back-fill of F28 died at a full disk; a tenth is what a vacuum of the largest table needs here.
            free_percent: 10.0,
            replication_lag_seconds: 60.0,
            replication_lag_mb: 1_024.0,
            transaction_id_age: 1_000_000_000.0,
            sequence_percent: 80.0,
            dead_rows: 10_000.0,
            season_gap_days: 8,
            source_gap_days: 3,
            source_delay_days: 3,
            shrink_percent: 1.0,
            daily_growth_percent: 10.0,
            backup_hours: 26.0,
            // The inventory's own schedule is weekly.
            dims_days: 8.0,
            // 173,000 objects are 173 requests.
            lake_hours: 6.0,
            // Only a writer with counting switched off for itself escapes the statistics.
            deep_hours: 6.0,
        }
    }
}

/// What the watch may cost the database; beyond it, checks that ask tables are put off, by name.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Budget {
    /// Most database time of one look, in ms.
    pub look_ms: f64,
    /// Most database time of all looks of an hour, in ms.
    pub hour_ms: f64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            // One check may take as long as this: what takes longer is a load, not a look.
            look_ms: 5_000.0,
            // A sixtieth of one processor.
            hour_ms: 60_000.0,
        }
    }
}

/// A table that must keep up with the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Source {
    /// How it is called in messages.
    pub name: String,
    /// `schema.table`.
    pub table: String,
    /// Its column with the game's id, as in `games`.
    #[serde(default)]
    pub game_id: Option<String>,
    /// Its column with the game's date; used instead of the id where the ids are another source's.
    #[serde(default)]
    pub game_date: Option<String>,
    /// The first day it has to have; the first it has when absent.
    #[serde(default)]
    pub since: Option<NaiveDate>,
    /// Holes that are known.
    #[serde(default)]
    pub known_holes: Vec<KnownHole>,
}

/// A hole that is known and may stay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownHole {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Why.
    pub reason: String,
}

impl Source {
    /// The platform's documented sources (database dossier 1.2).
    fn documented() -> Vec<Self> {
        let source = |name: &str, table: &str, id: Option<&str>, date: Option<&str>| Self {
            name: name.to_owned(),
            table: table.to_owned(),
            game_id: id.map(str::to_owned),
            game_date: date.map(str::to_owned),
            since: None,
            known_holes: Vec::new(),
        };
        vec![
            source(
                "ESPN play-by-play",
                "public.play_by_play",
                Some("game_id"),
                None,
            ),
            source(
                "ESPN box scores, players",
                "public.box_score_players",
                Some("game_id"),
                None,
            ),
            source(
                "ESPN box scores, teams",
                "public.box_score_teams",
                Some("game_id"),
                None,
            ),
            source(
                "hoopR play-by-play",
                "public.hoopr_play_by_play",
                None,
                Some("game_date"),
            ),
            source(
                "hoopR schedule",
                "public.hoopr_schedule",
                None,
                Some("game_date"),
            ),
        ]
    }
}

/// A job that must show work.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Heartbeat {
    /// How the job is called.
    pub name: String,
    /// A query with one value: a count that has to grow, or the time of the last piece of work.
    pub sql: String,
    /// Longest time without work, in hours.
    pub max_hours: f64,
}

/// A job that must have had its effect.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Job {
    /// Its name, as `nba etl history` has it.
    pub name: String,
    /// Longest time since a run that was proven, in hours.
    pub max_hours: f64,
}

/// A prefix of the lake.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Prefix {
    /// The beginning of its keys, such as `espn_play_by_play/`.
    pub prefix: String,
    /// Longest time without a new object during a season, in hours; it need not grow when absent.
    #[serde(default)]
    pub max_hours: Option<f64>,
}

/// Checks that do not count for a while.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Off {
    /// An id, or the beginning of ids with `*` at its end.
    pub check: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Last day.
    pub until: NaiveDate,
}

impl Off {
    /// Whether it is about this check on this day.
    #[must_use]
    pub fn covers(&self, id: &str, today: NaiveDate) -> bool {
        today <= self.until && matches(&self.check, id)
    }
}

/// Whether an id is meant by an id or the beginning of ids with `*` at its end.
pub(crate) fn matches(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => pattern == id,
    }
}

/// The settings could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is no TOML, has an unknown key or a value of another type.
    #[error("`{}` is not understood: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column, what was expected. Never a value: it could be a secret.
        message: String,
    },
    /// A value is out of range.
    #[error("`{}`: {what}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Key, value and what is permitted.
        what: String,
    },
}

impl Hint for SettingsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => None,
            _ => Some(
                "docs/monitoring.md shows every key; without the file the defaults count"
                    .to_owned(),
            ),
        }
    }
}

impl Settings {
    /// Reads `monitoring.toml` in the state folder; the defaults where there is none.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when the file is there and cannot be read or understood.
    pub fn load(state_folder: &Path) -> Result<Self, SettingsError> {
        let path = state_folder.join(SETTINGS_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(SettingsError::Read { path, source }),
        }
    }

    /// Parses the text of the file; `path` is for messages.
    ///
    /// # Errors
    ///
    /// As [`Settings::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml_edit::de::from_str(text).map_err(|error| {
            let at = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or_else(String::new, |before| {
                    format!("line {}: ", before.matches('\n').count() + 1)
                });
            SettingsError::Parse {
                path: path.to_owned(),
                message: format!("{at}{}", error.message()),
            }
        })?;
        match settings.fault() {
            None => Ok(settings),
            Some(what) => Err(SettingsError::Value {
                path: path.to_owned(),
                what,
            }),
        }
    }

    fn fault(&self) -> Option<String> {
        if self
            .disk_gb
            .is_some_and(|size| !size.is_finite() || size <= 0.0)
        {
            return Some("`disk_gb` must be more than 0".to_owned());
        }
        for source in &self.sources {
            if source.game_id.is_some() == source.game_date.is_some() {
                return Some(format!(
                    "source `{}` needs `game_id` or `game_date`, one of them",
                    source.name
                ));
            }
        }
        for beat in &self.heartbeats {
            if !beat.max_hours.is_finite() || beat.max_hours <= 0.0 {
                return Some(format!(
                    "heartbeat `{}`: `max_hours` must be more than 0",
                    beat.name
                ));
            }
        }
        let bad = |hours: f64| !hours.is_finite() || hours <= 0.0;
        if let Some(job) = self.jobs.iter().find(|job| bad(job.max_hours)) {
            return Some(format!(
                "job `{}`: `max_hours` must be more than 0",
                job.name
            ));
        }
        for prefix in &self.prefixes {
            if prefix.prefix.is_empty() || prefix.max_hours.is_some_and(bad) {
                return Some(format!(
                    "prefix `{}` needs a name, and its `max_hours` must be more than 0",
                    prefix.prefix
                ));
            }
        }
        if !self.prefixes.is_empty() && self.lake.is_none() {
            return Some("`[[prefixes]]` need `lake`: a folder, or `s3`".to_owned());
        }
        if bad(self.limits.lake_hours) || bad(self.limits.dims_days) || bad(self.limits.deep_hours)
        {
            return Some(
                "`lake_hours`, `deep_hours` and `dims_days` must be more than 0".to_owned(),
            );
        }
        if bad(self.budget.look_ms) || bad(self.budget.hour_ms) {
            return Some("`look_ms` and `hour_ms` of the budget must be more than 0".to_owned());
        }
        let blank = |off: &&Off| off.reason.trim().is_empty() || off.owner.trim().is_empty();
        if let Some(off) = self.off.iter().find(blank) {
            return Some(format!(
                "switching `{}` off needs a reason and an owner",
                off.check
            ));
        }
        self.alerts.fault()
    }
}
