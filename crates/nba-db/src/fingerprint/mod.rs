//! Order-free fingerprints of tables, computed inside PostgreSQL in one snapshot, and the rows behind them.
//!
//! A [`TableFingerprint`] says how many rows a table has and what they contain, without moving them: the server hashes every
//! value by its type, binds the values of a row together and adds the rows up. The sum is kept per *bucket* (a hash of the
//! key), so a later difference is located by reading the differing buckets only, and per *column*, so the column at fault is
//! known at once. Tables are read in ranges of pages of about half a second each, so that the work can rest between them
//! ([`gentle`](crate::gentle)).
//!
//! What two equal fingerprints prove: the same number of rows, and (up to a 64-bit hash collision per row) the same
//! multiset of rows. `NULL`, `''` and `'null'` differ; `1.5` and `1.50` in a `numeric` column are one value, as they are
//! to PostgreSQL; text, `json` and `jsonb` are compared by their exact text.
//!
//! Nothing here writes. [`in_snapshot`] opens read-only repeatable-read transactions that share one exported snapshot and
//! runs a job per table over them; a job that fails (a statement time-out, a missing right) fails alone and is reported
//! as *not proven*, never as a number.

mod checkpoint;
mod diff;
mod encode;
mod measurement;
mod piece;
mod profile;
mod report;
mod rows;
pub mod schema;
mod snapshot;
mod spec;
#[cfg(test)]
mod tests;

use std::error::Error as _;
use std::fmt;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use crate::gentle::{GentleError, Governor};

pub use self::checkpoint::{Carried, Checkpoint, Kept};
pub use self::diff::{ColumnDiff, FingerprintDiff, NotComparable, TableDiff};
pub use self::encode::ENCODING_VERSION;
pub use self::measurement::Measurement;
use self::piece::{Extent, Pace, Share};
pub use self::profile::{ColumnProfile, Distinct, Source, ValueRange};
pub use self::report::{
    DocumentError, FingerprintOptions, FingerprintReport, REPORT_FORMAT, ReportError, TableReport,
};
pub use self::rows::{
    RowDetail, RowDigest, RowStream, rows_of_hashes, stream_rows, stream_rows_gently,
};
pub use self::snapshot::{
    SnapshotInfo, in_noted_snapshot, in_session_snapshot, in_snapshot, settle,
};
pub use self::spec::{
    ColumnSpec, FoundTable, KeySpec, TableName, TableSpec, bucket_count, discover, discover_views,
};

/// A 128-bit sum of row or column hashes.
///
/// Adding (rather than exclusive-or) makes duplicated rows visible: a row that is there twice counts twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(i128);

impl Digest {
    /// The digest of both sets of rows together.
    #[must_use]
    pub fn combined(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl From<i128> for Digest {
    fn from(sum: i128) -> Self {
        Self(sum)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_ne_bytes(self.0.to_ne_bytes()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16)
            .map(|bits| Self(i128::from_ne_bytes(bits.to_ne_bytes())))
            .map_err(|_| format!("`{text}` is not a digest of hexadecimal digits"))
    }
}

/// What a fingerprint says beside rows and buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Nothing: the quickest.
    Rows,
    /// Digest, NULLs and empty strings of each column; about half as much work again.
    #[default]
    Columns,
}

/// Rows and content of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BucketDigest {
    /// Rows in the bucket.
    pub rows: u64,
    /// Sum of their row hashes.
    pub digest: Digest,
}

/// Content of one column over all rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDigest {
    /// Column name.
    pub name: String,
    /// Sum of the hashes of its values.
    pub digest: Digest,
    /// Rows in which it is NULL.
    pub nulls: u64,
    /// Rows in which it is the empty string; 0 where its values are no texts.
    #[serde(default)]
    pub empty: u64,
}

impl BucketDigest {
    /// Both sets of rows together.
    #[must_use]
    pub fn combined(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            digest: self.digest.combined(other.digest),
        }
    }
}

/// What a table held at one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFingerprint {
    /// Exact number of rows.
    pub rows: u64,
    /// Sum of all row hashes.
    pub digest: Digest,
    /// Per column, in table order; empty with [`Detail::Rows`].
    pub columns: Vec<ColumnDigest>,
    /// Per bucket; the length is the number of buckets of the [`TableSpec`].
    pub buckets: Vec<BucketDigest>,
}

impl TableFingerprint {
    /// Numbers of the buckets whose content differs.
    #[must_use]
    pub fn differing_buckets(&self, other: &Self) -> Vec<u32> {
        let empty = BucketDigest::default();
        (0..self.buckets.len().max(other.buckets.len()))
            .filter(|&index| {
                self.buckets.get(index).unwrap_or(&empty)
                    != other.buckets.get(index).unwrap_or(&empty)
            })
            .filter_map(|index| u32::try_from(index).ok())
            .collect()
    }

    /// Names of the columns whose content differs.
    #[must_use]
    pub fn differing_columns(&self, other: &Self) -> Vec<String> {
        self.columns
            .iter()
            .filter(|column| {
                other
                    .columns
                    .iter()
                    .find(|theirs| theirs.name == column.name)
                    != Some(column)
            })
            .map(|column| column.name.clone())
            .collect()
    }
}

/// Fingerprints one table with all details, in the repeatable read transaction `client` is in.
///
/// The table stays locked against being rewritten until the transaction ends.
///
/// # Errors
///
/// [`FingerprintError`] with the SQLSTATE, for instance `57014` when the statement time-out ended a range of pages;
/// [`FingerprintError::Unsupported`] outside a repeatable read transaction.
///
/// # Cancellation
///
/// Dropping the future leaves the statement to the session's time-out, unless it runs inside [`in_session_snapshot`].
pub async fn fingerprint(
    client: &Client,
    table: &TableSpec,
) -> Result<TableFingerprint, FingerprintError> {
    fingerprint_gently(client, table, Detail::Columns, &Governor::unlimited()).await
}

/// As [`fingerprint`], taking turns of `governor` between the ranges of pages.
///
/// # Errors
///
/// As [`fingerprint`], and [`FingerprintError::Gentle`] when the governor ends the work.
pub async fn fingerprint_gently(
    client: &Client,
    table: &TableSpec,
    detail: Detail,
    governor: &Governor,
) -> Result<TableFingerprint, FingerprintError> {
    fingerprint_share(client, table, detail, governor, Share::WHOLE).await
}

/// The part of [`fingerprint_gently`] that falls to one of several sessions of the same snapshot. The parts of all shares
/// together ([`TableFingerprint::absorb`]) are the fingerprint.
async fn fingerprint_share(
    client: &Client,
    table: &TableSpec,
    detail: Detail,
    governor: &Governor,
    share: Share,
) -> Result<TableFingerprint, FingerprintError> {
    table.comparable(&format!("fingerprint `{}`", table.table))?;
    let mut found = TableFingerprint::nothing(table, detail);
    match piece::extent(client, table).await? {
        // One statement cannot be shared.
        Extent::Whole if share.is_first() => {
            let statement = piece::prepare(client, table, None, detail).await?;
            let _turn = governor.turn(client).await?;
            found = piece::read(client, &statement, table, detail, None).await?;
        }
        Extent::Whole => return Ok(found),
        Extent::Pages(leaves) => {
            let mut pace = Pace::default();
            for leaf in &leaves {
                let statement = piece::prepare(client, table, Some(leaf), detail).await?;
                let mut start = share.first_page().min(leaf.pages);
                // Even a leaf without pages for this share is read, which locks it.
                loop {
                    let pages = pace.range(leaf, start, share);
                    let turn = governor.turn(client).await?;
                    let begun = Instant::now();
                    let part = piece::read(client, &statement, table, detail, Some(&pages)).await?;
                    drop(turn);
                    pace.learn(pages.end - pages.start, part.rows, begun.elapsed());
                    found.absorb(&part);
                    start = share.after(pages.end);
                    if start >= leaf.pages {
                        break;
                    }
                }
            }
        }
    }
    // Asked only now: reading the table locked it, so nothing can rewrite it any more until the transaction ends.
    piece::refuse_rewritten(client, table).await?;
    Ok(found)
}

/// Every fixed statement of this module, by name.
pub(crate) fn own_statements() -> [(&'static str, &'static str); 7] {
    [
        ("tables to fingerprint", spec::TABLES_SQL),
        ("their columns", spec::COLUMNS_SQL),
        ("their keys", spec::KEYS_SQL),
        ("extent", piece::EXTENT_SQL),
        ("profile", profile::PROFILE_SQL),
        ("view definitions", schema::VIEWS_SQL),
        ("table definitions", schema::SCHEMA_SQL),
    ]
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// PostgreSQL refused or ended a statement.
    #[error("could not {operation}")]
    Query {
        /// What was being done.
        operation: String,
        /// SQLSTATE, where the server gave one.
        sqlstate: Option<String>,
        /// The driver's error.
        source: tokio_postgres::Error,
    },
    /// An answer had an unexpected form.
    #[error("could not {operation}: unreadable {what} in the answer")]
    Decode {
        /// What was being done.
        operation: String,
        /// Which part of the answer.
        what: String,
    },
    /// It cannot be done for this table, or not now.
    #[error("could not {operation}: {reason}")]
    Unsupported {
        /// What was being done.
        operation: String,
        /// Why it cannot be done.
        reason: &'static str,
    },
    /// The server was needed by others.
    #[error("could not go on")]
    Gentle(#[from] GentleError),
    /// No connection was left to do it.
    #[error("could not {operation}: every connection of the snapshot was lost")]
    NoConnection {
        /// What was being done.
        operation: String,
    },
}

impl FingerprintError {
    /// A failed statement, with the SQLSTATE taken from the driver's error.
    pub fn query(operation: impl Into<String>, source: tokio_postgres::Error) -> Self {
        Self::Query {
            operation: operation.into(),
            sqlstate: source.code().map(|code| code.code().to_owned()),
            source,
        }
    }

    /// The whole reason in one line, for a report: what was done, SQLSTATE and the server's message.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Query {
                source, sqlstate, ..
            } => match source.as_db_error() {
                Some(db) => format!(
                    "{self}: {} ({})",
                    db.message(),
                    sqlstate.as_deref().unwrap_or("no SQLSTATE")
                ),
                None => match source.source() {
                    Some(cause) => format!("{self}: {source}: {cause}"),
                    None => format!("{self}: {source}"),
                },
            },
            Self::Gentle(source) => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }

    /// Whether the connection is gone, so that later statements on it are pointless.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Query { source, .. } if source.is_closed())
    }
}
