//! Order-free fingerprints of tables, computed inside PostgreSQL in one snapshot, and the rows behind them.
//!
//! A [`TableFingerprint`] says how many rows a table has and what they contain, without moving them: one statement per
//! table hashes every value by its type, binds the values of a row together and adds the rows up. The sum is kept per
//! *bucket* (a hash of the key), so a later difference is located by reading the differing buckets only, and per
//! *column*, so the column at fault is known at once.
//!
//! What two equal fingerprints prove: the same number of rows, and (up to a 64-bit hash collision per row) the same
//! multiset of rows. `NULL`, `''` and `'null'` differ; `1.5` and `1.50` in a `numeric` column are one value, as they are
//! to PostgreSQL; text, `json` and `jsonb` are compared by their exact text.
//!
//! Nothing here writes. [`in_snapshot`] opens read-only repeatable-read transactions that share one exported snapshot and
//! runs a job per table over them; a job that fails (a statement time-out, a missing right) fails alone and is reported
//! as *not proven*, never as a number.

mod encode;
mod rows;
mod snapshot;
mod spec;
#[cfg(test)]
mod tests;

use std::error::Error as _;
use std::fmt;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

pub use self::encode::ENCODING_VERSION;
pub use self::rows::{RowDetail, RowDigest, RowStream, row_values, stream_rows};
pub use self::snapshot::{SnapshotInfo, in_session_snapshot, in_snapshot};
pub use self::spec::{
    ColumnSpec, FoundTable, KeySpec, TableName, TableSpec, bucket_count, discover,
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
}

/// What a table held at one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFingerprint {
    /// Exact number of rows.
    pub rows: u64,
    /// Sum of all row hashes.
    pub digest: Digest,
    /// Per column, in table order.
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

/// Fingerprints one table with one statement, in whatever transaction `client` is in.
///
/// # Errors
///
/// [`FingerprintError`] with the SQLSTATE, for instance `57014` when the statement time-out ended it.
///
/// # Cancellation
///
/// Dropping the future leaves the statement to the session's time-out, unless it runs inside [`in_session_snapshot`].
pub async fn fingerprint(
    client: &Client,
    table: &TableSpec,
) -> Result<TableFingerprint, FingerprintError> {
    let operation = format!("fingerprint `{}`", table.table);
    table.comparable(&operation)?;
    let lines = client
        .query(&encode::fingerprint_sql(table), &[])
        .await
        .map_err(|source| FingerprintError::query(operation.clone(), source))?;
    // Asked only now: reading the table locked it, so nothing can rewrite it any more until the transaction ends.
    let rewritten: bool = client
        .query_one(snapshot::REWRITTEN_SQL, &[&table.relation_sql()])
        .await
        .map_err(|source| FingerprintError::query(operation.clone(), source))?
        .get(0);
    if rewritten {
        return Err(FingerprintError::Unsupported {
            operation,
            reason: "it was rewritten after the snapshot was taken, by truncate or alter table, so its rows cannot be seen; \
                     measure again",
        });
    }
    let undecodable = |what: &str| FingerprintError::Decode {
        operation: operation.clone(),
        what: what.to_owned(),
    };

    let mut result = TableFingerprint {
        rows: 0,
        digest: Digest::default(),
        columns: table
            .columns
            .iter()
            .map(|c| ColumnDigest {
                name: c.name.clone(),
                digest: Digest::default(),
                nulls: 0,
            })
            .collect(),
        buckets: vec![BucketDigest::default(); usize::try_from(table.buckets).unwrap_or(1)],
    };
    let sum = |text: Option<&str>| {
        text.map_or(Some(0), |text| text.parse::<i128>().ok())
            .map(Digest)
    };
    for line in &lines {
        let bucket = usize::try_from(line.get::<_, i32>(0)).map_err(|_| undecodable("bucket"))?;
        let rows = u64::try_from(line.get::<_, i64>(1)).map_err(|_| undecodable("row count"))?;
        let digest = sum(line.get(2)).ok_or_else(|| undecodable("digest"))?;
        *result
            .buckets
            .get_mut(bucket)
            .ok_or_else(|| undecodable("bucket"))? = BucketDigest { rows, digest };
        result.rows += rows;
        result.digest = result.digest.combined(digest);
        for (index, column) in result.columns.iter_mut().enumerate() {
            let digest =
                sum(line.get(3 + 2 * index)).ok_or_else(|| undecodable("column digest"))?;
            let present = u64::try_from(line.get::<_, i64>(4 + 2 * index))
                .map_err(|_| undecodable("null count"))?;
            column.digest = column.digest.combined(digest);
            column.nulls += rows.saturating_sub(present);
        }
    }
    Ok(result)
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
            _ => self.to_string(),
        }
    }

    /// Whether the connection is gone, so that later statements on it are pointless.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Query { source, .. } if source.is_closed())
    }
}
