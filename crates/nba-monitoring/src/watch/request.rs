//! What people ask of a running monitor: files in `.nba/monitor/requests/`, carried out at its next tick.

use std::fs;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use nba_utils::atomic::{self, FileError, NewFile};
use serde::{Deserialize, Serialize};

use super::maintenance::Maintenance;
use super::state::{Acknowledgement, State};

const FOLDER: &str = "requests";

/// Something asked of the monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// Somebody looks after an alarm.
    Acknowledge {
        /// The check.
        check: String,
        /// Who and when.
        by: Acknowledgement,
    },
    /// Trouble is expected.
    Maintain(Maintenance),
    /// It is over early.
    EndMaintenance {
        /// Number of the window.
        id: u64,
    },
    /// The watch starts anew: another database, or accepted losses.
    Forget,
}

impl Request {
    /// Puts it where the monitor of this folder finds it.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it cannot be written.
    pub fn submit(&self, folder: &Path, now: DateTime<Utc>) -> Result<(), FileError> {
        let folder = folder.join(FOLDER);
        // The name below reports what is wrong with the folder.
        let _ = fs::create_dir_all(&folder);
        let json = serde_json::to_vec(self).unwrap_or_default();
        let digest = nba_utils::Digest::of(&json).to_string();
        let name = format!("{}-{}.json", now.format("%Y%m%dT%H%M%S%9fZ"), &digest[..8]);
        atomic::create(&folder.join(name), &json, NewFile::Private)
    }

    pub(super) fn apply(self, state: &mut State, now: DateTime<Utc>) {
        match self {
            Self::Acknowledge { check, by } => {
                if let Some(check) = state
                    .checks
                    .get_mut(&check)
                    .filter(|check| check.level.is_alarm())
                {
                    check.acknowledged = Some(by);
                }
            }
            Self::Maintain(window) => state.maintenance.push(window),
            Self::EndMaintenance { id } => {
                for window in state
                    .maintenance
                    .iter_mut()
                    .filter(|window| window.id == id)
                {
                    window.until = window.until.min(now);
                }
            }
            Self::Forget => {
                let (ticks, maintenance) = (state.ticks, std::mem::take(&mut state.maintenance));
                *state = State::new(now);
                state.ticks = ticks;
                state.maintenance = maintenance;
            }
        }
    }
}

/// Takes all requests, oldest first; one that is none is put aside.
pub(super) fn take(folder: &Path) -> io::Result<Vec<Request>> {
    let folder = folder.join(FOLDER);
    let mut paths = Vec::new();
    match fs::read_dir(&folder) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "json")
                {
                    paths.push(path);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    paths.sort_unstable();
    let mut requests = Vec::new();
    for path in paths {
        match serde_json::from_slice(&fs::read(&path)?) {
            Ok(request) => {
                requests.push(request);
                fs::remove_file(&path)?;
            }
            Err(_) => fs::rename(&path, path.with_extension("refused"))?,
        }
    }
    Ok(requests)
}
