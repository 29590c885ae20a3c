//! How a later baseline takes the place of the one in effect: by review and approval, never by being measured.
//!
//! A run that writes down what it found as what is expected proves nothing (monitoring dossier F25). So the measuring run only leaves a
//! candidate; [`review`] says what it would change, and [`promote`] makes it effective. Who approves, and why, is put on record by
//! the caller before the promotion.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nba_db::fingerprint::TableName;
use nba_utils::format::thousands;
use serde::Serialize;

use super::store::{self, sync_folder};
use super::{Baseline, BaselineError, BaselineName, TableBaseline};

/// A candidate beside the baseline it would replace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Review {
    /// Name of both.
    pub name: String,
    /// BLAKE3 of the candidate's main file.
    pub candidate: Option<nba_utils::Digest>,
    /// The run that took the candidate.
    pub taken_by: String,
    /// BLAKE3 of the main file of the baseline in effect; absent after an approval that was interrupted half-way.
    pub replaces: Option<nba_utils::Digest>,
    /// What would be expected differently, table by table.
    pub changes: Vec<TableChange>,
    /// Tables that stay as they are.
    pub unchanged: usize,
    /// Whether everything of the candidate was measured.
    pub complete: nba_utils::Verdict,
}

/// What would be expected differently of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableChange {
    /// The table.
    pub table: TableName,
    /// Rows of the baseline in effect, where they were counted.
    pub rows_before: Option<u64>,
    /// Rows of the candidate, where they were counted.
    pub rows_after: Option<u64>,
    /// One line for people.
    pub message: String,
}

/// What became of a promotion.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Approval {
    /// The baseline that is now in effect.
    pub effective: Baseline,
    /// Where the one before was moved to.
    pub superseded: Option<std::path::PathBuf>,
}

/// Compares the candidate of this name with the baseline in effect.
///
/// # Errors
///
/// [`BaselineError::NoCandidate`], [`BaselineError::NotApprovable`] when it is of another database, or when a file is damaged.
pub fn review(baselines: &Path, name: &BaselineName) -> Result<Review, BaselineError> {
    let candidate = Baseline::load_candidate(baselines, name)?;
    let effective = match Baseline::load(baselines, name) {
        Ok(effective) => Some(effective),
        // An approval was interrupted between its two steps: the candidate still has to move.
        Err(BaselineError::Missing { .. }) => None,
        Err(error) => return Err(error),
    };
    if let Some(effective) = &effective {
        let same = effective.identity.same_target(&candidate.identity);
        if !same.is_proven() {
            return Err(BaselineError::NotApprovable {
                name: name.to_string(),
                reason: format!("not the same database: {}", same.reasons().join("; ")),
            });
        }
    }
    let none = std::collections::BTreeMap::new();
    let before = effective.as_ref().map_or(&none, |known| &known.tables);
    let names: BTreeSet<&TableName> = before.keys().chain(candidate.tables.keys()).collect();
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for table in names {
        match change(table, before.get(table), candidate.tables.get(table)) {
            Some(change) => changes.push(change),
            None => unchanged += 1,
        }
    }
    Ok(Review {
        name: name.to_string(),
        candidate: candidate.digest(),
        taken_by: candidate.taken_by.clone(),
        replaces: effective.as_ref().and_then(Baseline::digest),
        changes,
        unchanged,
        complete: candidate.complete,
    })
}

/// The review of a baseline that is in effect already, for one that nobody put on record: it changes nothing.
///
/// # Errors
///
/// As [`Baseline::load`].
pub fn review_in_effect(baselines: &Path, name: &BaselineName) -> Result<Review, BaselineError> {
    let effective = Baseline::load(baselines, name)?;
    Ok(Review {
        name: name.to_string(),
        candidate: effective.digest(),
        taken_by: effective.taken_by.clone(),
        replaces: effective.digest(),
        changes: Vec::new(),
        unchanged: effective.tables.len(),
        complete: effective.complete,
    })
}

/// Puts the candidate that was reviewed in effect; the baseline before it is kept beside it.
///
/// Two steps, each atomic: interrupted between them, no baseline of the name is in effect, and promoting again finishes it.
///
/// # Errors
///
/// [`BaselineError::NotApprovable`] when the candidate is not the one that was reviewed; otherwise when a folder cannot be moved.
pub fn promote(
    baselines: &Path,
    name: &BaselineName,
    review: &Review,
) -> Result<Approval, BaselineError> {
    let candidate = Baseline::load_candidate(baselines, name)?;
    if candidate.digest() != review.candidate {
        return Err(BaselineError::NotApprovable {
            name: name.to_string(),
            reason: "it is not the one that was reviewed".to_owned(),
        });
    }
    let target = baselines.join(name.as_str());
    let failed = |source| BaselineError::Io {
        operation: "replace",
        path: target.clone(),
        source,
    };
    let mut superseded = None;
    if target.exists() {
        let place = store::superseded_folder(baselines, name);
        fs::rename(&target, &place).map_err(failed)?;
        superseded = Some(place);
    }
    fs::rename(store::candidate_folder(baselines, name), &target).map_err(failed)?;
    sync_folder(baselines).map_err(failed)?;
    Ok(Approval {
        effective: Baseline::load(baselines, name)?,
        superseded,
    })
}

fn change(
    name: &TableName,
    before: Option<&TableBaseline>,
    after: Option<&TableBaseline>,
) -> Option<TableChange> {
    let rows = |table: Option<&TableBaseline>| {
        table
            .and_then(|table| table.content.fingerprint())
            .map(|content| content.rows)
    };
    let (rows_before, rows_after) = (rows(before), rows(after));
    let count = |rows: Option<u64>| rows.map_or_else(|| "not measured".to_owned(), thousands);
    let message = match (before, after) {
        (None, _) => format!("new: {} rows", count(rows_after)),
        (Some(_), None) => format!("no longer expected: {} rows", count(rows_before)),
        (Some(before), Some(after)) => {
            let mut parts = Vec::new();
            if rows_before != rows_after {
                parts.push(format!(
                    "{} → {} rows",
                    count(rows_before),
                    count(rows_after)
                ));
            } else if before.content != after.content {
                let columns = before
                    .content
                    .fingerprint()
                    .zip(after.content.fingerprint())
                    .map(|(before, after)| before.differing_columns(after).join(", "))
                    .unwrap_or_default();
                parts.push(format!(
                    "{} rows, other values in {columns}",
                    count(rows_after)
                ));
            }
            if before.rule != after.rule {
                parts.push(format!(
                    "rule {} → {}",
                    before.rule.rule.as_str(),
                    after.rule.rule.as_str()
                ));
            }
            if before.spec.columns != after.spec.columns || before.spec.key != after.spec.key {
                parts.push("other columns or another key".to_owned());
            }
            if before.rows.is_some() && after.rows.is_none() {
                parts.push("rows are no longer kept".to_owned());
            }
            if parts.is_empty() {
                return None;
            }
            parts.join("; ")
        }
    };
    Some(TableChange {
        table: name.clone(),
        rows_before,
        rows_after,
        message,
    })
}
