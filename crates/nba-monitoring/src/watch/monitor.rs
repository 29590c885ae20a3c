//! The watch itself: one per project, its state on disk.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use nba_utils::Hint;
use nba_utils::atomic::{self, FileError, NewFile};
use serde::Serialize;

use super::event::{EVENTS_FILE, Event, EventKind};
use super::history::History;
use super::level::{Level, Standing};
use super::state::{Policy, STATE_VERSION, State};
use crate::checks::{LookCost, Observation};

const STATE_FILE: &str = "state.json";
const LOCK_FILE: &str = "lock";

/// Keeps the state of a project's watch. Only one process at a time may.
#[derive(Debug)]
pub struct Monitor {
    folder: PathBuf,
    /// The state; what is changed in it is kept with the next [`Monitor::save`] or tick.
    pub state: State,
    policy: Policy,
    history: History,
    /// Something that happened before the first tick.
    pending: Vec<Event>,
    _lock: File,
}

/// The watch could not be taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// Another process has it.
    #[error("`{}` is in use by another monitor", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder cannot be used.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The state cannot be kept.
    #[error("could not keep the state of the watch")]
    Write(#[from] FileError),
    /// It is of a newer version.
    #[error("`{}` has version {found}, this program knows {STATE_VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl Hint for WatchError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { .. } => Some("a `nba dashboard` or `nba serve` runs for this project; `nba serve --read-only` shows what it writes".to_owned()),
            Self::Newer { .. } => Some("use the newer program, or put the file aside".to_owned()),
            Self::Write(error) => error.hint(),
            Self::Io { .. } => None,
        }
    }
}

/// What a tick came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tick {
    /// Its number since the watch began.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// How everything stands.
    pub standing: Standing,
    /// Checks in alarm.
    pub in_alarm: Vec<String>,
    /// Checks that were bad at this look and are not in alarm.
    pub suspect: Vec<String>,
    /// What this look cost.
    pub cost: LookCost,
    /// What changed.
    pub events: Vec<Event>,
    /// What the monitor could not write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

impl Monitor {
    /// Takes up the watch in `folder` (usually `.nba/monitor`), where there was one before.
    ///
    /// A state that cannot be read is put aside, never overwritten, and the first tick says so.
    ///
    /// # Errors
    ///
    /// [`WatchError`] when another process has it, or the folder cannot be used.
    pub fn open(
        folder: impl Into<PathBuf>,
        now: DateTime<Utc>,
        policy: Policy,
    ) -> Result<Self, WatchError> {
        let folder = folder.into();
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| WatchError::Io {
                action,
                path,
                source,
            }
        };
        fs::create_dir_all(&folder).map_err(io("make", &folder))?;
        let path = folder.join(LOCK_FILE);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(WatchError::Busy { folder }),
            Err(TryLockError::Error(source)) => return Err(io("lock", &path)(source)),
        }
        let mut pending = Vec::new();
        let state = match read_state(&folder) {
            Ok(Some(state)) => state,
            Ok(None) => State::new(now),
            Err(ReadState::Newer(found)) => {
                return Err(WatchError::Newer {
                    path: folder.join(STATE_FILE),
                    found,
                });
            }
            Err(ReadState::Io(source)) => return Err(io("read", &folder.join(STATE_FILE))(source)),
            Err(ReadState::Form(why)) => {
                let damaged = folder.join(STATE_FILE);
                let aside = folder.join(format!(
                    "state-damaged-{}.json",
                    now.format("%Y%m%dT%H%M%S%fZ")
                ));
                fs::rename(&damaged, &aside).map_err(io("put aside", &damaged))?;
                let text = format!(
                    "the kept state was damaged ({why}) and is now `{}`; what was known is lost",
                    aside.display()
                );
                pending.push(Event::of_monitor(now, EventKind::StateLost, now, text));
                State::new(now)
            }
        };
        let history = History::in_folder(&folder);
        Ok(Self {
            folder,
            state,
            policy,
            history,
            pending,
            _lock: lock,
        })
    }

    /// The ids whose record would be an alarm: look at them again, and hand in what the second look saw.
    #[must_use]
    pub fn to_confirm(&self, seen: &[Observation], now: DateTime<Utc>) -> Vec<String> {
        self.state.to_confirm(seen, now, self.policy)
    }

    /// Takes the looks of a tick into account and keeps the result. Never fails: what cannot be written is in
    /// [`Tick::faults`], and goes on in memory.
    pub async fn tick(
        &mut self,
        now: DateTime<Utc>,
        interval: Duration,
        elapsed_ms: u64,
        seen: Vec<Observation>,
    ) -> Tick {
        let sample: Vec<(String, Level, Option<f64>)> = seen
            .iter()
            .map(|observation| {
                (
                    observation.id.clone(),
                    Level::of(observation),
                    observation.value,
                )
            })
            .collect();
        let volumes = self.state.memory.volumes.tables.iter();
        let rows: Vec<(String, Level, Option<f64>)> = volumes
            .map(|(table, volume)| {
                (
                    format!("rows:{table}"),
                    Level::NotApplicable,
                    Some(volume.rows),
                )
            })
            .collect();
        let cost = self.cost();
        let spent = cost.figures();
        let mut events = std::mem::take(&mut self.pending);
        let mut faults = self.take_requests(now);
        self.state.last_ms = elapsed_ms;
        self.state.cost = cost.clone();
        events.extend(self.state.record(seen, now, interval, self.policy));
        let samples = sample.iter().chain(&rows);
        let samples = samples.map(|(id, level, value)| (id.as_str(), *level, *value));
        let spent = spent
            .iter()
            .map(|(name, value)| (*name, Level::NotApplicable, Some(*value)));
        let samples = samples.chain(spent);
        if let Err(error) = self.history.append(now, elapsed_ms, samples).await {
            faults.push(nba_utils::ErrorReport::new(&error).to_string());
        }
        faults.extend(self.log(&events));
        let checks = self.state.checks.iter();
        let names = |wanted: fn(&super::state::CheckState) -> bool| -> Vec<String> {
            checks
                .clone()
                .filter(|(_, check)| wanted(check))
                .map(|(id, _)| id.clone())
                .collect()
        };
        Tick {
            number: self.state.ticks,
            at: now,
            standing: self.state.standing(),
            in_alarm: names(|check| check.level.is_alarm()),
            suspect: names(super::state::CheckState::is_suspect),
            cost,
            events,
            faults,
        }
    }

    /// What the look that ends now cost, with what this process and its files take.
    fn cost(&mut self) -> LookCost {
        let mut cost = self.state.memory.cost.take();
        cost.memory_bytes = memory_bytes();
        cost.history_bytes = self.history.bytes();
        cost
    }

    /// Adds events to the log; what could not be written comes back as text.
    pub fn log(&self, events: &[Event]) -> Vec<String> {
        let path = self.folder.join(EVENTS_FILE);
        let mut faults = Vec::new();
        for event in events {
            let written = serde_json::to_string(event)
                .map_err(|error| error.to_string())
                .and_then(|line| {
                    atomic::append_line(&path, &line)
                        .map_err(|error| nba_utils::ErrorReport::new(&error).to_string())
                });
            if let Err(why) = written {
                faults.push(why);
                break;
            }
        }
        faults
    }

    /// Carries out what was asked for since the last tick; what could not be is in the result.
    pub fn take_requests(&mut self, now: DateTime<Utc>) -> Vec<String> {
        match super::request::take(&self.folder) {
            Ok(requests) => {
                for request in requests {
                    request.apply(&mut self.state, now);
                }
                Vec::new()
            }
            Err(error) => vec![format!("requests cannot be read: {error}")],
        }
    }

    /// Keeps the state.
    ///
    /// # Errors
    ///
    /// [`WatchError::Write`]; the state of the last tick is then still there.
    pub fn save(&self) -> Result<(), WatchError> {
        let path = self.folder.join(STATE_FILE);
        let json = serde_json::to_vec(&self.state).map_err(|error| WatchError::Io {
            action: "write as JSON",
            path: path.clone(),
            source: error.into(),
        })?;
        Ok(atomic::replace(&path, &json, NewFile::Private)?)
    }

    /// Keeps the past in a file of at most this many pages of 1 KiB, instead of the usual bound.
    #[must_use]
    pub fn with_history_bound(mut self, most_pages: u32) -> Self {
        self.history = self.history.bounded(most_pages);
        self
    }

    /// The recorded past.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Bytes of this process in memory; `None` where the system has no `/proc`.
fn memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kilobytes.checked_mul(1_024)
}

/// Why a state could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadState {
    /// The file is there and cannot be read.
    #[error("could not read the state of the watch")]
    Io(#[from] io::Error),
    /// It is no state.
    #[error("the state of the watch is damaged: {0}")]
    Form(String),
    /// It is of a newer version.
    #[error("the state of the watch has version {0}, this program knows {STATE_VERSION}")]
    Newer(u64),
}

/// The kept state of a watch, also while another process has it; `None` when there is none.
///
/// # Errors
///
/// [`ReadState`] when it is there and cannot be read.
pub fn read_state(folder: &Path) -> Result<Option<State>, ReadState> {
    let bytes = match fs::read(folder.join(STATE_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    let form = |error: serde_json::Error| ReadState::Form(error.to_string());
    let found: Versioned = serde_json::from_slice(&bytes).map_err(form)?;
    if found.version > u64::from(STATE_VERSION) {
        return Err(ReadState::Newer(found.version));
    }
    Ok(Some(serde_json::from_slice(&bytes).map_err(form)?))
}
