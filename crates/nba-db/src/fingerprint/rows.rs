//! The rows behind a fingerprint: key, hash and, if wanted, values.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt};
use tokio_postgres::{Client, Row};

use super::{FingerprintError, TableSpec, encode};

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDigest {
    /// The bucket it belongs to.
    pub bucket: u32,
    /// Its key as a JSON array of the key columns' text forms; `None` in a table without key.
    pub key: Option<String>,
    /// Its 64-bit hash.
    pub hash: i64,
    /// Its values as a JSON array of text forms in column order, where they were asked for.
    pub values: Option<String>,
}

/// Rows as they arrive; memory stays bounded because the server is only read as fast as this is polled.
pub struct RowStream<'a> {
    inner: Pin<Box<dyn Stream<Item = Result<RowDigest, FingerprintError>> + Send + 'a>>,
}

impl Stream for RowStream<'_> {
    type Item = Result<RowDigest, FingerprintError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for RowStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowStream").finish_non_exhaustive()
    }
}

/// What [`stream_rows`] carries beside key and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowDetail {
    /// Key and hash only.
    Hash,
    /// The values too.
    Values,
}

/// Streams the rows of the given buckets (`0..table.buckets` for all), in no particular order.
///
/// # Errors
///
/// [`FingerprintError`] when the statement fails; a failure while reading arrives as an item of the stream.
pub async fn stream_rows<'a>(
    client: &'a Client,
    table: &TableSpec,
    buckets: &[u32],
    detail: RowDetail,
) -> Result<RowStream<'a>, FingerprintError> {
    let sql = encode::rows_sql(table, detail == RowDetail::Values);
    let buckets = bucket_numbers(buckets);
    let operation = format!("read the rows of `{}`", table.table);
    table.comparable(&operation)?;
    let lines = client
        .query_raw(&sql, [buckets])
        .await
        .map_err(|source| FingerprintError::query(operation.clone(), source))?;
    let inner = lines.map(move |line| {
        line.map_err(|source| FingerprintError::query(operation.clone(), source))
            .and_then(|row| decode(&row, &operation))
    });
    Ok(RowStream {
        inner: Box::pin(inner),
    })
}

/// The rows that have one of the given hashes, with their values; `buckets` limits the search.
///
/// # Errors
///
/// [`FingerprintError`] when the statement fails.
pub async fn row_values(
    client: &Client,
    table: &TableSpec,
    buckets: &[u32],
    hashes: &[i64],
) -> Result<Vec<RowDigest>, FingerprintError> {
    let operation = format!("read differing rows of `{}`", table.table);
    table.comparable(&operation)?;
    let rows = client
        .query(
            &encode::values_sql(table),
            &[&bucket_numbers(buckets), &hashes],
        )
        .await
        .map_err(|source| FingerprintError::query(operation.clone(), source))?;
    rows.iter().map(|row| decode(row, &operation)).collect()
}

fn bucket_numbers(buckets: &[u32]) -> Vec<i32> {
    buckets
        .iter()
        .filter_map(|&bucket| i32::try_from(bucket).ok())
        .collect()
}

fn decode(row: &Row, operation: &str) -> Result<RowDigest, FingerprintError> {
    let bucket = u32::try_from(row.get::<_, i32>(0)).map_err(|_| FingerprintError::Decode {
        operation: operation.to_owned(),
        what: "bucket".to_owned(),
    })?;
    Ok(RowDigest {
        bucket,
        key: row.get(1),
        hash: row.get(2),
        values: row.get(3),
    })
}
