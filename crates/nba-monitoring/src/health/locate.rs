//! From two fingerprints that differ to the rows that differ.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt;
use nba_db::fingerprint::{
    FingerprintError, RowDetail, RowDigest, TableFingerprint, TableSpec, row_values, stream_rows,
};
use nba_db::tokio_postgres::Client;

use super::compare::{RowSets, compare_rows};
use super::report::{ColumnDifference, DifferenceKind, Differences, RowDifference};
use crate::baseline::RowEvidence;

/// What is known about the rows that differ.
#[derive(Debug, Default)]
pub(super) struct Located {
    /// The differing rows of the examined buckets.
    pub(super) found: Option<RowSets>,
    /// Why not every difference was located.
    pub(super) obstacle: Option<String>,
    key_columns: Vec<String>,
    columns: Vec<String>,
    /// Current values of listed rows, by key and hash.
    values: HashMap<(Option<String>, i64), String>,
}

/// Limits of one search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Rows of both sides held in memory at once.
    pub(super) rows: u64,
    /// Rows listed per kind of difference.
    pub(super) listed: usize,
}

impl Located {
    /// Nothing could be located, for this reason.
    pub(super) fn blocked(obstacle: impl Into<String>) -> Self {
        Self {
            obstacle: Some(obstacle.into()),
            ..Self::default()
        }
    }

    /// Reads the differing buckets of both sides and compares them.
    ///
    /// # Errors
    ///
    /// When the database cannot be read; evidence that cannot be read is an obstacle, not an error.
    pub(super) async fn search(
        client: &Client,
        table: &TableSpec,
        evidence: Option<RowEvidence>,
        before: &TableFingerprint,
        now: &TableFingerprint,
        limits: Limits,
    ) -> Result<Self, FingerprintError> {
        let Some(evidence) = evidence else {
            return Ok(Self::blocked(
                "the baseline kept no rows of this table, so single rows cannot be told apart",
            ));
        };
        let differing = before.differing_buckets(now);
        let buckets = affordable(&differing, before, now, limits.rows);
        let mut obstacle = None;
        if buckets.len() < differing.len() {
            obstacle = Some(format!(
                "{} of {} differing parts of the table were examined",
                buckets.len(),
                differing.len()
            ));
        }
        let wanted = buckets.clone();
        let read = tokio::task::spawn_blocking(move || {
            evidence.read(|bucket| wanted.binary_search(&bucket).is_ok())
        })
        .await;
        let expected = match read {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => return Ok(Self::blocked(chain(&error))),
            Err(error) => {
                return Ok(Self::blocked(format!(
                    "reading the baseline's rows was stopped: {error}"
                )));
            }
        };
        let actual: Vec<RowDigest> = stream_rows(client, table, &buckets, RowDetail::Hash)
            .await?
            .try_collect()
            .await?;
        let found = compare_rows(table, expected, actual);

        let hashes = found.listed_hashes(limits.listed);
        let values = if hashes.is_empty() {
            Vec::new()
        } else {
            row_values(client, table, &buckets, &hashes).await?
        };
        let values = values
            .into_iter()
            .filter_map(|row| Some(((row.key, row.hash), row.values?)))
            .collect();
        Ok(Self {
            found: Some(found),
            obstacle,
            key_columns: table.key_columns().to_vec(),
            columns: table
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            values,
        })
    }

    /// The key as `game_id=401…`, for a message; `None` in a table without key.
    pub(super) fn key_text(&self, row: &RowDigest) -> Option<String> {
        let key = self.key(row);
        let parts: Vec<String> = self
            .key_columns
            .iter()
            .map(|column| {
                format!(
                    "{column}={}",
                    key.get(column).and_then(Option::as_deref).unwrap_or("NULL")
                )
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// The report's form, listing the first rows of each kind.
    pub(super) fn differences(&self, listed: usize, suspects: &[String]) -> Option<Differences> {
        let found = self.found.as_ref()?;
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        let mut rows = Vec::new();
        rows.extend(
            found
                .missing
                .iter()
                .take(listed)
                .map(|row| self.one(DifferenceKind::Missing, Some(row), None, suspects)),
        );
        rows.extend(
            found.changed.iter().take(listed).map(|(old, new)| {
                self.one(DifferenceKind::Changed, Some(old), Some(new), suspects)
            }),
        );
        rows.extend(
            found
                .duplicated
                .iter()
                .take(listed)
                .map(|row| self.one(DifferenceKind::Duplicated, None, Some(row), suspects)),
        );
        rows.extend(
            found
                .added
                .iter()
                .take(listed)
                .map(|row| self.one(DifferenceKind::Added, None, Some(row), suspects)),
        );
        Some(Differences {
            missing: count(found.missing.len()),
            added: count(found.added.len()),
            changed: count(found.changed.len()),
            duplicated: count(found.duplicated.len()),
            truncated: self.obstacle.clone(),
            rows,
        })
    }

    fn one(
        &self,
        kind: DifferenceKind,
        old: Option<&RowDigest>,
        new: Option<&RowDigest>,
        suspects: &[String],
    ) -> RowDifference {
        let expected = old.and_then(|row| self.named(row.values.as_deref()));
        let actual = new.and_then(|row| {
            self.named(
                self.values
                    .get(&(row.key.clone(), row.hash))
                    .map(String::as_str),
            )
        });
        let columns: Vec<ColumnDifference> = match (&expected, &actual) {
            (Some(old), Some(new)) => self
                .columns
                .iter()
                .filter(|column| old.get(*column) != new.get(*column))
                .map(|column| ColumnDifference {
                    column: column.clone(),
                    expected: old.get(column).cloned().flatten(),
                    actual: new.get(column).cloned().flatten(),
                })
                .collect(),
            _ => Vec::new(),
        };
        let note = (kind == DifferenceKind::Changed && columns.is_empty()).then(|| {
            format!(
                "the baseline kept no values of this table; columns that differ in it: {}",
                suspects.join(", ")
            )
        });
        // A changed row is told by its columns; the whole row would only repeat them.
        let whole = kind != DifferenceKind::Changed || columns.is_empty();
        let key = old.or(new).map(|row| self.key(row)).unwrap_or_default();
        RowDifference {
            kind,
            key,
            columns,
            expected: expected.filter(|_| whole),
            actual: actual.filter(|_| whole),
            note,
        }
    }

    fn key(&self, row: &RowDigest) -> BTreeMap<String, Option<String>> {
        let values: Vec<Option<String>> = row
            .key
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        self.key_columns.iter().cloned().zip(values).collect()
    }

    fn named(&self, values: Option<&str>) -> Option<BTreeMap<String, Option<String>>> {
        let values: Vec<Option<String>> = serde_json::from_str(values?).ok()?;
        (values.len() == self.columns.len())
            .then(|| self.columns.iter().cloned().zip(values).collect())
    }
}

/// The first buckets whose rows fit the limit, at least one.
fn affordable(
    differing: &[u32],
    before: &TableFingerprint,
    now: &TableFingerprint,
    limit: u64,
) -> Vec<u32> {
    let rows = |fingerprint: &TableFingerprint, bucket: u32| {
        usize::try_from(bucket)
            .ok()
            .and_then(|index| fingerprint.buckets.get(index))
            .map_or(0, |bucket| bucket.rows)
    };
    let mut total = 0_u64;
    differing
        .iter()
        .copied()
        .take_while(|&bucket| {
            let first = total == 0;
            total = total
                .saturating_add(rows(before, bucket))
                .saturating_add(rows(now, bucket));
            first || total <= limit
        })
        .collect()
}

/// An error with its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
