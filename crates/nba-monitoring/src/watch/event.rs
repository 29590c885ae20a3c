//! What happened: `.nba/monitor/events.jsonl`.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::level::Level;

/// The file's name.
pub(super) const EVENTS_FILE: &str = "events.jsonl";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A check went into alarm.
    Raised,
    /// A check in alarm became better or worse.
    Changed,
    /// A check left its alarm.
    Cleared,
    /// No look was taken for longer than three intervals: nobody watched.
    Gap,
    /// The machine's clock was set back.
    ClockSetBack,
    /// The kept state was damaged and put aside.
    StateLost,
    /// The monitor could not write its own files.
    CannotWrite,
    /// A notice could not be delivered.
    NotDelivered,
}

impl EventKind {
    /// The word in text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Changed => "changed",
            Self::Cleared => "cleared",
            Self::Gap => "gap",
            Self::ClockSetBack => "clock set back",
            Self::StateLost => "state lost",
            Self::CannotWrite => "cannot write",
            Self::NotDelivered => "not delivered",
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: EventKind,
    /// The check; `monitor` for events about the monitor itself.
    pub check: String,
    /// How it stands now.
    pub level: Level,
    /// How it stood before.
    pub before: Level,
    /// Since when the state that now begins (raised) or ends (cleared) is so.
    pub since: DateTime<Utc>,
    /// One line for people.
    pub message: String,
}

impl Event {
    /// An event about the monitor itself.
    #[must_use]
    pub fn about_monitor(at: DateTime<Utc>, kind: EventKind, message: impl Into<String>) -> Self {
        Self::of_monitor(at, kind, at, message)
    }

    /// The same with a beginning.
    pub(crate) fn of_monitor(
        at: DateTime<Utc>,
        kind: EventKind,
        since: DateTime<Utc>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            at,
            kind,
            check: "monitor".to_owned(),
            level: Level::Unknown,
            before: Level::Good,
            since,
            message: message.into(),
        }
    }
}

/// Bytes read from the end of the file at most; some thousand events.
const TAIL: u64 = 1_000_000;

/// The last events, newest first; an unfinished last line is left out.
///
/// # Errors
///
/// The system's error when the file is there and cannot be read.
pub fn read_events(folder: &Path, limit: usize) -> io::Result<Vec<Event>> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = match std::fs::File::open(folder.join(EVENTS_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str(line).ok())
        .take(limit)
        .collect())
}
