//! The rows behind a fingerprint: key, hash and, if wanted, values.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio_postgres::{Client, Row};

use super::encode::Source;
use super::piece::Extent;
use super::{FingerprintError, TableSpec, encode, piece};
use crate::gentle::Governor;

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
    /// The hash only, for the least to travel.
    Bare,
    /// Key and hash only.
    Hash,
    /// The values too.
    Values,
}

/// Pages read by one statement of a governed stream, 16 MB: about [`PIECE`](crate::gentle::PIECE) of work.
const PAGES_AT_ONCE: u32 = 2_048;

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
    let operation = operation(table);
    table.comparable(&operation)?;
    let sql = encode::rows_sql(table, detail, Source::Whole, some_of(table, buckets));
    let lines = client
        .query_raw(&sql, Vec::<String>::new())
        .await
        .map_err(|source| FingerprintError::query(operation.clone(), source))?;
    let inner = lines.map(move |line| read_line(line, &operation));
    Ok(RowStream {
        inner: Box::pin(inner),
    })
}

/// As [`stream_rows`], range of pages by range of pages, taking a turn of `governor` for each. Belongs into a repeatable read
/// transaction, in which all ranges see one state.
///
/// # Errors
///
/// As [`stream_rows`], and [`FingerprintError::Gentle`] when the governor ends the work.
pub async fn stream_rows_gently<'a>(
    client: &'a Client,
    table: &TableSpec,
    buckets: &[u32],
    detail: RowDetail,
    governor: &'a Governor,
) -> Result<RowStream<'a>, FingerprintError> {
    let operation = operation(table);
    table.comparable(&operation)?;
    let wanted = some_of(table, buckets);
    let mut pieces: Vec<(Arc<str>, Vec<String>)> = Vec::new();
    match piece::extent(client, table).await? {
        Extent::Whole => {
            let sql = encode::rows_sql(table, detail, Source::Whole, wanted);
            pieces.push((sql.into(), Vec::new()));
        }
        Extent::Pages(leaves) => {
            for leaf in leaves {
                let source = Source::Pages(&leaf.sql);
                let sql: Arc<str> = encode::rows_sql(table, detail, source, wanted).into();
                let mut start = 0;
                while start < leaf.pages {
                    let end = start.saturating_add(PAGES_AT_ONCE).min(leaf.pages);
                    let range = vec![format!("({start},0)"), format!("({end},0)")];
                    pieces.push((Arc::clone(&sql), range));
                    start = end;
                }
            }
        }
    }
    let inner = stream::iter(pieces)
        .then(move |(sql, range)| {
            let operation = operation.clone();
            async move {
                let turn = governor.turn(client).await?;
                let lines = client
                    .query_raw(&*sql, range)
                    .await
                    .map_err(|source| FingerprintError::query(operation.clone(), source))?;
                Ok::<_, FingerprintError>(lines.map(move |line| {
                    // Until the last line is read.
                    let _turn = &turn;
                    read_line(line, &operation)
                }))
            }
        })
        .try_flatten();
    Ok(RowStream {
        inner: Box::pin(inner),
    })
}

/// The rows that have one of the given hashes; `buckets` limits the search.
///
/// # Errors
///
/// [`FingerprintError`] when the statement fails.
pub async fn rows_of_hashes(
    client: &Client,
    table: &TableSpec,
    buckets: &[u32],
    hashes: &[i64],
    detail: RowDetail,
) -> Result<Vec<RowDigest>, FingerprintError> {
    let operation = format!("read differing rows of `{}`", table.table);
    table.comparable(&operation)?;
    let sql = encode::matching_sql(table, detail, buckets);
    let rows = client
        .query(&sql, &[&hashes])
        .await
        .map_err(|source| FingerprintError::query(operation.clone(), source))?;
    rows.iter().map(|row| decode(row, &operation)).collect()
}

fn operation(table: &TableSpec) -> String {
    format!("read the rows of `{}`", table.table)
}

/// The buckets to ask for; `None` asks for all without a condition.
fn some_of<'a>(table: &TableSpec, buckets: &'a [u32]) -> Option<&'a [u32]> {
    let all = u32::try_from(buckets.len()).is_ok_and(|count| count >= table.buckets);
    (!all).then_some(buckets)
}

fn read_line(
    line: Result<Row, tokio_postgres::Error>,
    operation: &str,
) -> Result<RowDigest, FingerprintError> {
    let row = line.map_err(|source| FingerprintError::query(operation, source))?;
    decode(&row, operation)
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
