//! Reading a table page range by page range.
//!
//! Digests add up, so the ranges of a table give what one statement over all of it would. Pages are known by number, which
//! needs no key and no order. Rows written after the snapshot lie where they like and are invisible; pages appended after the
//! size was asked for hold nothing else.

use std::ops::Range;
use std::time::Duration;

use tokio_postgres::{Client, Row, Statement};

use super::encode::{Source, fingerprint_sql, quote};
use super::{
    BucketDigest, ColumnDigest, Detail, Digest, FingerprintError, TableFingerprint, TableSpec,
    snapshot,
};
use crate::gentle::PIECE;

/// Pages of the first range, 4 MB: a tenth of a second's work or so.
const FIRST_PAGES: u32 = 512;
/// Most rows in a range, so that its list of hashes stays below 40 MB on the server.
const MOST_ROWS: u64 = 2_000_000;

/// One line per relation below the table, itself included: number, name, kind, pages, whether it is an ordinary heap, and the
/// isolation level, without which ranges would see different states.
pub(super) const EXTENT_SQL: &str = "\
with recursive part as ( \
  select $1::pg_catalog.text::pg_catalog.regclass::pg_catalog.oid as oid \
  union select i.inhrelid from part p join pg_catalog.pg_inherits i on i.inhparent operator(pg_catalog.=) p.oid) \
select c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind::pg_catalog.text, \
  case when c.relkind in ('r', 'm') then pg_catalog.pg_relation_size(c.oid) operator(pg_catalog./) \
    pg_catalog.current_setting('block_size')::pg_catalog.int8 end, \
  coalesce(a.amname operator(pg_catalog.=) 'heap', false), \
  pg_catalog.current_setting('transaction_isolation') \
from part p join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) p.oid \
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace \
left join pg_catalog.pg_am a on a.oid operator(pg_catalog.=) c.relam order by c.oid";

/// A relation with pages of its own: a table, a partition, a materialised view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Its quoted name.
    pub(super) sql: String,
    /// Pages to read.
    pub(super) pages: u32,
}

/// How a table can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    /// Page range by page range.
    Pages(Vec<Leaf>),
    /// By one statement: a view, or storage without pages.
    Whole,
}

/// Finds out how to read a table, and how many pages it has at this moment.
pub(super) async fn extent(client: &Client, table: &TableSpec) -> Result<Extent, FingerprintError> {
    let operation = format!("fingerprint `{}`", table.table);
    let unsupported = |reason| FingerprintError::Unsupported {
        operation: operation.clone(),
        reason,
    };
    let rows = client
        .query(EXTENT_SQL, &[&table.relation_sql()])
        .await
        .map_err(|source| FingerprintError::query(operation.clone(), source))?;
    let mut leaves = Vec::new();
    let mut whole = table.columns.is_empty();
    let mut elsewhere = false;
    for row in &rows {
        if row.get::<_, &str>(6).starts_with("read") {
            return Err(unsupported(
                "it takes several statements, which see one state only in a repeatable read transaction",
            ));
        }
        match row.get(3) {
            "f" => elsewhere = true,
            "v" => {
                whole = true;
                elsewhere |= client
                    .query_one(snapshot::FOREIGN_SQL, &[&table.relation_sql()])
                    .await
                    .map_err(|source| FingerprintError::query(operation.clone(), source))?
                    .get::<_, bool>(0);
            }
            "r" | "m" if row.get(5) => {
                let pages: Option<i64> = row.get(4);
                let pages = pages
                    .and_then(|pages| u32::try_from(pages).ok())
                    .ok_or_else(|| unsupported("it was dropped after the snapshot was taken"))?;
                leaves.push(Leaf {
                    sql: format!("{}.{}", quote(row.get(1)), quote(row.get(2))),
                    pages,
                });
            }
            "p" => {}
            _ => whole = true,
        }
    }
    if elsewhere {
        return Err(unsupported(
            "its rows, or some of them, live on another server, which no snapshot covers",
        ));
    }
    Ok(if whole {
        Extent::Whole
    } else {
        Extent::Pages(leaves)
    })
}

/// Prepares the statement that reads ranges of a leaf, or the whole table.
pub(super) async fn prepare(
    client: &Client,
    table: &TableSpec,
    leaf: Option<&Leaf>,
    detail: Detail,
) -> Result<Statement, FingerprintError> {
    let source = leaf.map_or(Source::Whole, |leaf| Source::Pages(&leaf.sql));
    client
        .prepare(&fingerprint_sql(table, source, detail))
        .await
        .map_err(|source| FingerprintError::query(operation(table), source))
}

/// Reads a range of pages, or everything where the statement has no range.
pub(super) async fn read(
    client: &Client,
    statement: &Statement,
    table: &TableSpec,
    detail: Detail,
    pages: Option<&Range<u32>>,
) -> Result<TableFingerprint, FingerprintError> {
    let failed = |source| FingerprintError::query(operation(table), source);
    let lines = match pages {
        Some(pages) => {
            let from = format!("({},0)", pages.start);
            let to = format!("({},0)", pages.end);
            client.query(statement, &[&from, &to]).await
        }
        None => client.query(statement, &[]).await,
    };
    let mut found = TableFingerprint::nothing(table, detail);
    for line in &lines.map_err(failed)? {
        add_line(&mut found, line).map_err(|what| FingerprintError::Decode {
            operation: operation(table),
            what: what.to_owned(),
        })?;
    }
    // Until here it is the number of values.
    for column in &mut found.columns {
        column.nulls = found.rows.saturating_sub(column.nulls);
    }
    Ok(found)
}

/// Refuses what was rewritten after the snapshot: its rows cannot be seen any more.
pub(super) async fn refuse_rewritten(
    client: &Client,
    table: &TableSpec,
) -> Result<(), FingerprintError> {
    let rewritten: bool = client
        .query_one(snapshot::REWRITTEN_SQL, &[&table.relation_sql()])
        .await
        .map_err(|source| FingerprintError::query(operation(table), source))?
        .get(0);
    if rewritten {
        return Err(FingerprintError::Unsupported {
            operation: operation(table),
            reason: "it was rewritten after the snapshot was taken, by truncate or alter table, so its rows cannot be seen; \
                     measure again",
        });
    }
    Ok(())
}

fn operation(table: &TableSpec) -> String {
    format!("fingerprint `{}`", table.table)
}

fn add_line(found: &mut TableFingerprint, line: &Row) -> Result<(), &'static str> {
    let digest = |text: &str| text.parse().map(Digest).map_err(|_| "digest");
    let count = |number: i64| u64::try_from(number).map_err(|_| "count");
    if let Some(bucket) = line.get::<_, Option<i32>>(0) {
        let part = BucketDigest {
            rows: count(line.get(1))?,
            digest: digest(line.get(2))?,
        };
        let bucket = usize::try_from(bucket).map_err(|_| "bucket")?;
        let known = found.buckets.get_mut(bucket).ok_or("bucket")?;
        *known = known.combined(part);
        found.rows += part.rows;
        found.digest = found.digest.combined(part.digest);
    }
    let Some(sums) = line.get::<_, Option<Vec<Option<&str>>>>(3) else {
        return Ok(());
    };
    let filled: Vec<i64> = line.get(4);
    let empty: Vec<Option<i64>> = line.get(5);
    if (sums.len(), filled.len(), empty.len())
        != (
            found.columns.len(),
            found.columns.len(),
            found.columns.len(),
        )
    {
        return Err("list of columns");
    }
    for (column, ((sum, filled), empty)) in found
        .columns
        .iter_mut()
        .zip(sums.into_iter().zip(filled).zip(empty))
    {
        if let Some(sum) = sum {
            column.digest = column.digest.combined(digest(sum)?);
        }
        column.nulls += count(filled)?;
        column.empty += count(empty.unwrap_or(0))?;
    }
    Ok(())
}

impl TableFingerprint {
    /// What an empty table gives.
    pub(super) fn nothing(table: &TableSpec, detail: Detail) -> Self {
        let columns = match detail {
            Detail::Rows => Vec::new(),
            Detail::Columns => table
                .columns
                .iter()
                .map(|column| ColumnDigest {
                    name: column.name.clone(),
                    digest: Digest::default(),
                    nulls: 0,
                    empty: 0,
                })
                .collect(),
        };
        Self {
            rows: 0,
            digest: Digest::default(),
            columns,
            buckets: vec![BucketDigest::default(); usize::try_from(table.buckets).unwrap_or(1)],
        }
    }

    /// Adds what was found in another part of the same table.
    pub(super) fn absorb(&mut self, part: &Self) {
        self.rows += part.rows;
        self.digest = self.digest.combined(part.digest);
        for (mine, theirs) in self.columns.iter_mut().zip(&part.columns) {
            mine.digest = mine.digest.combined(theirs.digest);
            mine.nulls += theirs.nulls;
            mine.empty += theirs.empty;
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&part.buckets) {
            *mine = mine.combined(*theirs);
        }
    }
}

/// Pages that fall to one share at a stretch, 32 MB, about half a second of work: small enough for both halves of a table to take the same time.
const STRIPE: u32 = 4_096;

/// Which stripes of a table one of several sessions reads: every `of`-th, beginning with number `index`.
///
/// Stripes are told by page number alone. So the shares fit together although each session asks for the table's size at its own
/// time: pages that one of them does not know of were appended after the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    index: u32,
    of: u32,
}

impl Share {
    pub(super) const WHOLE: Self = Self { index: 0, of: 1 };

    /// All shares of a table that is divided among `of` sessions.
    pub(super) fn all(of: u32) -> impl Iterator<Item = Self> {
        let of = of.max(1);
        (0..of).map(move |index| Self { index, of })
    }

    pub(super) fn is_first(self) -> bool {
        self.index == 0
    }

    pub(super) fn first_page(self) -> u32 {
        self.index.saturating_mul(STRIPE)
    }

    /// Where the stripe of this page ends.
    fn end(self, page: u32) -> u32 {
        if self.of == 1 {
            return u32::MAX;
        }
        (page / STRIPE).saturating_add(1).saturating_mul(STRIPE)
    }

    /// The page to go on with after a range that ended before `end`.
    pub(super) fn after(self, end: u32) -> u32 {
        if self.of > 1 && end.is_multiple_of(STRIPE) {
            end.saturating_add((self.of - 1).saturating_mul(STRIPE))
        } else {
            end
        }
    }
}

/// How many pages to read at once, so that it takes about [`PIECE`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pages: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pages: FIRST_PAGES }
    }
}

impl Pace {
    /// The next range of a leaf from `start` on, within the share.
    pub(super) fn range(self, leaf: &Leaf, start: u32, share: Share) -> Range<u32> {
        let end = start.saturating_add(self.pages).min(leaf.pages);
        start..end.min(share.end(start)).max(start)
    }

    /// Learns from a range that took `elapsed`; steps of at most four times, as one range may be all holes.
    pub(super) fn learn(&mut self, pages: u32, rows: u64, elapsed: Duration) {
        let pages = u64::from(pages.max(1));
        let elapsed = u64::try_from(elapsed.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        let aim = u64::try_from(PIECE.as_micros()).unwrap_or(u64::MAX);
        let by_time = (pages.saturating_mul(aim) / elapsed).clamp(pages / 4, pages * 4);
        let by_rows = pages.saturating_mul(MOST_ROWS) / rows.max(1);
        self.pages = u32::try_from(by_time.min(by_rows).max(1)).unwrap_or(u32::MAX);
    }
}
