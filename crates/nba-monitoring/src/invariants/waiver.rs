//! Violations that somebody has looked at: written down, owned, and with an end (monitoring dossier 7.1, rule 24).
//!
//! A waiver names rows with all their values. A row that gets worse, a row that was not there, another database, another
//! definition of the invariant or a later day: each of them is not covered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use nba_db::identity::TargetIdentity;
use nba_utils::atomic::{self, FileError, NewFile};
use nba_utils::{Digest, Hint};
use serde::{Deserialize, Serialize};

use super::book::Invariant;
use super::report::{InvariantReport, WaiverRecord};

/// Most rows one waiver names: what is broken more often than that is no exception.
pub const MAX_WAIVED: usize = 100_000;

/// Most days a waiver counts: somebody has to look again at least once a year.
pub const LONGEST_DAYS: i64 = 366;

/// Known violations of one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Waiver {
    /// The invariant.
    pub invariant: String,
    /// Who answers for it.
    pub owner: String,
    /// Why these rows may stay as they are.
    pub reason: String,
    /// When it was written, UTC.
    pub written_at: DateTime<Utc>,
    /// Last day it counts, UTC.
    pub expires: NaiveDate,
    /// Cluster it was written for, where it can be read.
    pub system_identifier: Option<String>,
    /// Database it was written for.
    pub database: String,
    /// [`Invariant::definition`] it was written for.
    pub definition: Digest,
    /// Columns of the rows.
    pub columns: Vec<String>,
    /// The violating rows, each value in text form.
    pub rows: BTreeSet<Vec<Option<String>>>,
}

impl Waiver {
    /// Puts every violation of one invariant in a report on record.
    ///
    /// # Errors
    ///
    /// [`WaiverError::Refused`] when owner or reason is empty, the end is past or more than [`LONGEST_DAYS`] away, or the report
    /// does not have every violation.
    pub fn of(
        report: &InvariantReport,
        invariant: &Invariant,
        owner: &str,
        reason: &str,
        expires: NaiveDate,
    ) -> Result<Self, WaiverError> {
        let refused = |why: String| WaiverError::Refused {
            invariant: invariant.id.clone(),
            why,
        };
        let (owner, reason) = (owner.trim(), reason.trim());
        if owner.is_empty() || reason.is_empty() {
            return Err(refused("it needs an owner and a reason".to_owned()));
        }
        let today = report.timestamp.date_naive();
        if expires < today || expires > today + TimeDelta::days(LONGEST_DAYS) {
            return Err(refused(format!(
                "its end has to be between {today} and {LONGEST_DAYS} days later"
            )));
        }
        let record = report.invariants.get(&invariant.id);
        let (Some(record), Some(identity)) = (record, &report.identity) else {
            return Err(refused("it was not looked at".to_owned()));
        };
        let found = record.known + record.new;
        if record.subject_count.is_none() {
            let reasons = record.verdict.reasons().join("; ");
            return Err(refused(format!("it could not be looked at: {reasons}")));
        }
        if record.truncated || usize::try_from(found).ok() != Some(record.violations.len()) {
            return Err(refused(format!(
                "{found} rows violate it; at most {MAX_WAIVED} can be exceptions"
            )));
        }
        if found == 0 {
            return Err(refused("nothing violates it".to_owned()));
        }
        let columns: Vec<String> = record
            .violations
            .first()
            .map(|violation| violation.values.keys().cloned().collect())
            .unwrap_or_default();
        let rows: BTreeSet<_> = record
            .violations
            .iter()
            .map(|violation| violation.values.values().cloned().collect::<Vec<_>>())
            .collect();
        Ok(Self {
            invariant: invariant.id.clone(),
            owner: owner.to_owned(),
            reason: reason.to_owned(),
            written_at: report.timestamp,
            expires,
            system_identifier: identity.brief.system_identifier.clone(),
            database: identity.brief.database.clone(),
            definition: invariant.definition(),
            columns,
            rows,
        })
    }

    /// Why it does not count here and now, if it does not.
    pub(crate) fn void(
        &self,
        invariant: &Invariant,
        identity: &TargetIdentity,
        today: NaiveDate,
    ) -> Option<String> {
        if today > self.expires {
            return Some(format!("it expired on {}", self.expires));
        }
        if self.definition != invariant.definition() {
            return Some("the invariant was changed since".to_owned());
        }
        let brief = &identity.brief;
        if (&self.system_identifier, &self.database) != (&brief.system_identifier, &brief.database)
        {
            return Some(format!(
                "it was written for `{}` (system identifier {})",
                self.database,
                self.system_identifier.as_deref().unwrap_or("not readable")
            ));
        }
        None
    }

    /// Whether it names a row with these values.
    pub(crate) fn names(&self, values: &BTreeMap<String, Option<String>>) -> bool {
        values.keys().eq(&self.columns)
            && self
                .rows
                .contains(&values.values().cloned().collect::<Vec<_>>())
    }

    pub(crate) fn record(&self, void: Option<String>) -> WaiverRecord {
        WaiverRecord {
            owner: self.owner.clone(),
            reason: self.reason.clone(),
            expires: self.expires,
            rows: self.rows.len(),
            void,
        }
    }

    /// Writes it into the folder, in place of an older one for the same invariant, and returns file and digest.
    ///
    /// # Errors
    ///
    /// [`WaiverError`] when the folder or file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(PathBuf, Digest), WaiverError> {
        fs::create_dir_all(folder).map_err(|source| WaiverError::Folder {
            path: folder.to_owned(),
            source,
        })?;
        let path = folder.join(format!("{}.json", self.invariant));
        let mut text = serde_json::to_vec_pretty(self).map_err(|source| WaiverError::Form {
            path: path.clone(),
            source,
        })?;
        text.push(b'\n');
        atomic::replace(&path, &text, NewFile::Private)?;
        Ok((path, Digest::of(&text)))
    }
}

/// The waivers of a project, by invariant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers {
    waivers: BTreeMap<String, (Waiver, Digest)>,
}

impl Waivers {
    /// Reads every waiver of a folder; no folder, no waivers.
    ///
    /// # Errors
    ///
    /// [`WaiverError`] when a file cannot be read or is none.
    pub fn load(folder: &Path) -> Result<Self, WaiverError> {
        let failed = |source| WaiverError::Folder {
            path: folder.to_owned(),
            source,
        };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(failed)?,
        };
        let mut waivers = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let text = fs::read(&path).map_err(|source| WaiverError::Folder {
                path: path.clone(),
                source,
            })?;
            let waiver: Waiver =
                serde_json::from_slice(&text).map_err(|source| WaiverError::Form {
                    path: path.clone(),
                    source,
                })?;
            waivers.insert(waiver.invariant.clone(), (waiver, Digest::of(&text)));
        }
        Ok(Self { waivers })
    }

    /// Leaves out those whose file is not the recorded one; returns the invariants they are for.
    ///
    /// A waiver is only as good as the evidence that somebody gave it: `recorded` says which digest the ledger has.
    pub fn keep_recorded(&mut self, recorded: impl Fn(&str) -> Option<Digest>) -> Vec<String> {
        let doubtful: Vec<String> = self
            .waivers
            .iter()
            .filter(|(id, (_, digest))| recorded(id) != Some(*digest))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &doubtful {
            self.waivers.remove(id);
        }
        doubtful
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waivers.is_empty()
    }

    /// The waiver for that invariant.
    #[must_use]
    pub fn get(&self, invariant: &str) -> Option<&Waiver> {
        self.waivers.get(invariant).map(|(waiver, _)| waiver)
    }
}

/// A waiver that cannot be given, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaiverError {
    /// It may not be given.
    #[error("no waiver for `{invariant}`: {why}")]
    Refused {
        /// The invariant.
        invariant: String,
        /// Why not.
        why: String,
    },
    /// The folder or a file in it cannot be used.
    #[error("could not use the waivers in `{}`", path.display())]
    Folder {
        /// Folder or file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is no waiver.
    #[error("`{}` is no waiver", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// A file could not be written.
    #[error("could not write the waiver")]
    File(#[from] FileError),
}

impl Hint for WaiverError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { .. } => None,
            Self::Folder { .. } => Some("see the rights of the folder".to_owned()),
            Self::Form { path, .. } => Some(format!(
                "write it anew with `nba check ID --waive`, or remove `{}`: its rows count as violations then",
                path.display()
            )),
            Self::File(error) => error.hint(),
        }
    }
}
