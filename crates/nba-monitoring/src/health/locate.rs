//! From two fingerprints that differ to the rows that differ.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt;
use nba_db::fingerprint::{
    FingerprintError, RowDetail, RowDigest, TableFingerprint, TableSpec, rows_of_hashes,
    stream_rows_gently,
};
use nba_db::gentle::Governor;
use nba_db::tokio_postgres::Client;
use nba_utils::errors::one_line;
use nba_utils::format::thousands;

use super::compare::{RowSets, compare_rows};
use super::report::{ColumnDifference, DifferenceKind, Differences, RowDifference};
use crate::baseline::{BaselineError, RowEvidence};

/// What is known about the rows that differ.
#[derive(Debug, Default)]
pub(crate) struct Located {
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
pub(crate) struct Limits {
    /// Rows of both sides held in memory at once.
    pub(crate) rows: u64,
    /// Rows listed per kind of difference.
    pub(crate) listed: usize,
}

impl Limits {
    /// A hash takes a twelfth of what a row with its key takes.
    fn hashes(self) -> u64 {
        self.rows.saturating_mul(12)
    }
}

impl Located {
    /// Nothing could be located, for this reason.
    pub(crate) fn blocked(obstacle: impl Into<String>) -> Self {
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
    pub(crate) async fn search(
        client: &Client,
        table: &TableSpec,
        evidence: Option<RowEvidence>,
        before: &TableFingerprint,
        now: &TableFingerprint,
        limits: Limits,
        governor: &Governor,
    ) -> Result<Self, FingerprintError> {
        let Some(evidence) = evidence else {
            return Ok(Self::blocked(
                "the baseline kept no rows of this table, so single rows cannot be told apart",
            ));
        };
        let differing = before.differing_buckets(now);
        let search = Search {
            client,
            table,
            evidence,
            limits,
            governor,
        };
        let of_baseline: u64 = differing.iter().map(|&bucket| held(before, bucket)).sum();
        let of_now: u64 = differing.iter().map(|&bucket| held(now, bucket)).sum();
        let sides = if of_baseline.saturating_add(of_now) <= limits.rows {
            search.all_rows(&differing).await?
        } else if of_baseline <= limits.hashes() {
            search.by_hash(&differing).await?
        } else {
            let buckets = affordable(&differing, before, now, limits.rows);
            let mut sides = search.all_rows(&buckets).await?;
            if let Sides::Read { obstacle, .. } = &mut sides {
                *obstacle = Some(format!(
                    "{} of {} differing parts of the table were examined",
                    buckets.len(),
                    differing.len()
                ));
            }
            sides
        };
        let (expected, actual, buckets, obstacle) = match sides {
            Sides::Read {
                expected,
                actual,
                buckets,
                obstacle,
            } => (expected, actual, buckets, obstacle),
            Sides::Blocked(reason) => return Ok(Self::blocked(reason)),
        };
        let found = compare_rows(table, expected, actual);

        let hashes = found.listed_hashes(limits.listed);
        let values = if hashes.is_empty() {
            Vec::new()
        } else {
            rows_of_hashes(client, table, &buckets, &hashes, RowDetail::Values).await?
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

/// What a search works with.
struct Search<'a> {
    client: &'a Client,
    table: &'a TableSpec,
    evidence: RowEvidence,
    limits: Limits,
    governor: &'a Governor,
}

/// The rows of both sides that have to be compared by key.
enum Sides {
    Read {
        expected: Vec<RowDigest>,
        actual: Vec<RowDigest>,
        buckets: Vec<u32>,
        obstacle: Option<String>,
    },
    Blocked(String),
}

impl Search<'_> {
    /// All rows of these buckets.
    async fn all_rows(&self, buckets: &[u32]) -> Result<Sides, FingerprintError> {
        let (evidence, wanted) = (self.evidence.clone(), buckets.to_vec());
        let read = blocking(move || evidence.read(|bucket| wanted.binary_search(&bucket).is_ok()));
        let expected = match read.await {
            Ok(rows) => rows,
            Err(reason) => return Ok(Sides::Blocked(reason)),
        };
        let actual: Vec<RowDigest> = self
            .stream(buckets, RowDetail::Hash)
            .await?
            .try_collect()
            .await?;
        Ok(Sides::Read {
            expected,
            actual,
            buckets: buckets.to_vec(),
            obstacle: None,
        })
    }

    /// Only the rows whose hashes the other side lacks. The hash covers the key, so equal hashes cancel without it.
    async fn by_hash(&self, buckets: &[u32]) -> Result<Sides, FingerprintError> {
        let (evidence, wanted) = (self.evidence.clone(), buckets.to_vec());
        let read = blocking(move || {
            let mut hashes = evidence.hashes(|bucket| wanted.binary_search(&bucket).is_ok())?;
            hashes.sort_unstable();
            Ok(hashes)
        });
        let mut expected = match read.await {
            Ok(hashes) => Unmatched::new(hashes),
            Err(reason) => return Ok(Sides::Blocked(reason)),
        };
        let most = usize::try_from(self.limits.rows / 2).unwrap_or(usize::MAX);
        let mut added: Vec<i64> = Vec::new();
        let mut rows = self.stream(buckets, RowDetail::Bare).await?;
        while let Some(row) = rows.try_next().await? {
            if !expected.take(row.hash) {
                added.push(row.hash);
                if added.len() > most {
                    return Ok(Sides::Blocked(format!(
                        "more than {} rows are new or changed, too many to name",
                        thousands(self.limits.rows / 2)
                    )));
                }
            }
        }
        drop(rows);
        let lost = expected.left();
        if lost.len() > most {
            return Ok(Sides::Blocked(format!(
                "{} rows are missing or changed, too many to name",
                thousands(u64::try_from(lost.len()).unwrap_or(u64::MAX))
            )));
        }
        let (evidence, mut wanted) = (self.evidence.clone(), Unmatched::new(lost.clone()));
        let read = blocking(move || {
            let rows = evidence.of_hashes(|hash| lost.binary_search(&hash).is_ok())?;
            // A hash that is there twice and lost once gives one row.
            Ok(rows
                .into_iter()
                .filter(|row| wanted.take(row.hash))
                .collect())
        });
        let expected = match read.await {
            Ok(rows) => rows,
            Err(reason) => return Ok(Sides::Blocked(reason)),
        };
        added.sort_unstable();
        let mut wanted = Unmatched::new(added.clone());
        added.dedup();
        let actual = if added.is_empty() {
            Vec::new()
        } else {
            let detail = RowDetail::Hash;
            rows_of_hashes(self.client, self.table, buckets, &added, detail).await?
        };
        Ok(Sides::Read {
            expected,
            actual: actual
                .into_iter()
                .filter(|row| wanted.take(row.hash))
                .collect(),
            buckets: buckets.to_vec(),
            obstacle: None,
        })
    }

    async fn stream(
        &self,
        buckets: &[u32],
        detail: RowDetail,
    ) -> Result<nba_db::fingerprint::RowStream<'_>, FingerprintError> {
        stream_rows_gently(self.client, self.table, buckets, detail, self.governor).await
    }
}

/// A sorted list of hashes that are crossed off one by one, equal ones too.
struct Unmatched {
    hashes: Vec<i64>,
    taken: Vec<u64>,
}

impl Unmatched {
    /// `hashes` must be sorted.
    fn new(hashes: Vec<i64>) -> Self {
        let words = hashes.len().div_ceil(64);
        Self {
            hashes,
            taken: vec![0; words],
        }
    }

    /// Crosses off one occurrence; `false` when none is left.
    fn take(&mut self, hash: i64) -> bool {
        let mut at = self.hashes.partition_point(|&other| other < hash);
        while self.hashes.get(at) == Some(&hash) {
            if let Some(word) = self.taken.get_mut(at / 64)
                && *word & (1 << (at % 64)) == 0
            {
                *word |= 1 << (at % 64);
                return true;
            }
            at += 1;
        }
        false
    }

    /// What was not crossed off, sorted.
    fn left(&self) -> Vec<i64> {
        let is_left = |at: usize| {
            self.taken
                .get(at / 64)
                .is_some_and(|word| word & (1 << (at % 64)) == 0)
        };
        let hashes = self.hashes.iter().enumerate();
        hashes
            .filter(|&(at, _)| is_left(at))
            .map(|(_, &hash)| hash)
            .collect()
    }
}

/// Reads evidence off the async threads; what goes wrong is an obstacle.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, BaselineError> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(one_line(&error)),
        Err(error) => Err(format!("reading the baseline's rows was stopped: {error}")),
    }
}

/// The number of rows in a bucket.
fn held(fingerprint: &TableFingerprint, bucket: u32) -> u64 {
    usize::try_from(bucket)
        .ok()
        .and_then(|index| fingerprint.buckets.get(index))
        .map_or(0, |bucket| bucket.rows)
}

/// The first buckets whose rows fit the limit, at least one.
fn affordable(
    differing: &[u32],
    before: &TableFingerprint,
    now: &TableFingerprint,
    limit: u64,
) -> Vec<u32> {
    let mut total = 0_u64;
    differing
        .iter()
        .copied()
        .take_while(|&bucket| {
            let first = total == 0;
            total = total
                .saturating_add(held(before, bucket))
                .saturating_add(held(now, bucket));
            first || total <= limit
        })
        .collect()
}
