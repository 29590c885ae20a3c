//! What is fingerprinted: the table, its columns, its key and its buckets, as found in the catalogue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::FingerprintError;
use super::encode::{ENCODING_VERSION, quote};
pub use crate::ident::TableName;

/// Rows one bucket should hold, so that locating a difference reads little and the list of buckets stays short.
const ROWS_PER_BUCKET: u64 = 2_000;
/// Most buckets per table: 13 million rows still give buckets of 13 thousand.
const MAX_BUCKETS: u32 = 1_024;

/// A column as the fingerprint sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// Column name.
    pub name: String,
    /// Declared type, such as `character varying(50)`.
    pub declared: String,
    /// `pg_type.typname` with domains resolved, such as `varchar`, empty for types that are not built in; decides how values
    /// are hashed.
    pub base_type: String,
}

impl ColumnSpec {
    /// Whether its values are texts, which may be empty.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.base_type.as_str(), "text" | "varchar" | "bpchar")
    }
}

/// What tells the rows of a table apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySpec {
    /// A primary key or a unique index over columns that cannot be NULL.
    Columns(Vec<String>),
    /// No such key: rows are a multiset and identified by their content.
    WholeRow,
}

/// Everything needed to fingerprint a table now and again later in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSpec {
    /// Schema and name.
    pub table: TableName,
    /// Columns in table order.
    pub columns: Vec<ColumnSpec>,
    /// What identifies a row.
    pub key: KeySpec,
    /// Number of buckets, a power of two.
    pub buckets: u32,
    /// [`ENCODING_VERSION`] of the program that made it; measured with another one, digests could not be compared.
    #[serde(default = "first_encoding")]
    pub encoding: u32,
}

/// Before the version was kept there was one.
fn first_encoding() -> u32 {
    1
}

impl TableSpec {
    /// Refuses to measure for a comparison that could only be wrong.
    pub(super) fn comparable(&self, operation: &str) -> Result<(), FingerprintError> {
        if self.encoding == ENCODING_VERSION {
            return Ok(());
        }
        Err(FingerprintError::Unsupported {
            operation: operation.to_owned(),
            reason: "the earlier measurement hashed values in another way; take a new baseline with this version",
        })
    }

    /// The names of the key columns; empty without a key.
    #[must_use]
    pub fn key_columns(&self) -> &[String] {
        match &self.key {
            KeySpec::Columns(names) => names,
            KeySpec::WholeRow => &[],
        }
    }

    pub(super) fn relation_sql(&self) -> String {
        format!("{}.{}", quote(&self.table.schema), quote(&self.table.name))
    }
}

/// A table found in the catalogue, with its estimated size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// How it is fingerprinted.
    pub spec: TableSpec,
    /// Bytes on disk as of the last vacuum or analyse, without indexes and compressed values; 0 before the first.
    pub estimated_bytes: u64,
    /// Whether rows live on another server, which a local snapshot does not cover.
    pub foreign: bool,
    /// Whether the number of buckets comes from a row estimate; without one it is 1.
    analysed: bool,
}

/// From here on a table is worth reading by several sessions.
const LARGE_BYTES: u64 = 64 * 1024 * 1024;

impl FoundTable {
    /// Among how many of `sessions` the reading is divided. Only where the buckets are settled: all shares need the same.
    pub(super) fn shares(&self, sessions: usize) -> u32 {
        if self.foreign || !self.analysed || self.estimated_bytes < LARGE_BYTES {
            return 1;
        }
        u32::try_from(sessions).unwrap_or(1).max(1)
    }

    /// The true size on disk in bytes, without indexes; chooses the buckets by it if there was no row estimate.
    ///
    /// Unlike the catalogue this waits for a lock, so it belongs into the measurement of the table.
    ///
    /// # Errors
    ///
    /// [`FingerprintError`] when the statement fails.
    pub async fn measure_size(&mut self, client: &Client) -> Result<u64, FingerprintError> {
        /// A row of these tables on disk, in bytes; only decides the number of buckets.
        const TYPICAL_ROW: u64 = 150;
        let size = client
            .query_one(
                "select pg_catalog.pg_table_size($1::pg_catalog.text::pg_catalog.regclass)",
                &[&self.spec.relation_sql()],
            )
            .await;
        let size: i64 = size
            .map_err(|source| {
                FingerprintError::query(format!("measure `{}`", self.spec.table), source)
            })?
            .get(0);
        let bytes = u64::try_from(size).unwrap_or(0);
        if !self.analysed {
            self.spec.buckets = bucket_count(bytes / TYPICAL_ROW);
        }
        Ok(bytes)
    }
}

/// The number of buckets for a table of `rows` rows.
#[must_use]
pub fn bucket_count(rows: u64) -> u32 {
    let wanted = u32::try_from(rows / ROWS_PER_BUCKET).unwrap_or(MAX_BUCKETS);
    wanted.clamp(1, MAX_BUCKETS).next_power_of_two()
}

pub(super) const TABLES_SQL: &str = "\
select n.nspname::text, c.relname::text, c.reltuples::float8, c.relpages::int8 * current_setting('block_size')::int8, c.relkind = 'f' \
from pg_class c join pg_namespace n on n.oid = c.relnamespace \
where c.relkind = any($1) and not c.relispartition and c.relpersistence <> 't' \
and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
order by 1, 2";

pub(super) const COLUMNS_SQL: &str = "\
select n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
       case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname else '' end::text \
from pg_attribute a \
join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace \
cross join lateral ( \
  with recursive base as ( \
    select b.oid, b.typname, b.typnamespace, b.typtype, b.typbasetype from pg_type b where b.oid = a.atttypid \
    union all \
    select b.oid, b.typname, b.typnamespace, b.typtype, b.typbasetype from base d join pg_type b on b.oid = d.typbasetype where d.typtype = 'd' \
  ) select * from base where typtype <> 'd') t \
where a.attnum > 0 and not a.attisdropped and c.relkind = any($1) and not c.relispartition and c.relpersistence <> 't' \
and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
order by 1, 2, a.attnum";

/// Unique indexes over plain columns that are all NOT NULL: primary keys first, then the narrowest.
pub(super) const KEYS_SQL: &str = "\
select n.nspname::text, c.relname::text, array_agg(a.attname::text order by k.ord) \
from pg_index i \
join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace \
join pg_class x on x.oid = i.indexrelid \
cross join lateral unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k(attnum, ord) \
join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum \
where i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null \
and c.relkind in ('r', 'p') and not c.relispartition \
and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
group by n.nspname, c.relname, i.indexrelid, i.indisprimary, i.indnkeyatts, x.relname \
having bool_and(a.attnotnull) \
order by 1, 2, i.indisprimary desc, i.indnkeyatts, x.relname";

/// Finds every table outside the system schemas, with columns, key and bucket count; partitions count as their parent.
///
/// Reads in a transaction of its own, so `client` must not be inside one.
///
/// # Errors
///
/// When a catalogue query fails.
pub async fn discover(client: &Client) -> Result<Vec<FoundTable>, FingerprintError> {
    discover_kinds(client, &['r', 'p', 'f']).await
}

/// As [`discover`], views and materialised views instead of tables. They have no key: their rows are a multiset.
///
/// # Errors
///
/// When a catalogue query fails.
pub async fn discover_views(client: &Client) -> Result<Vec<FoundTable>, FingerprintError> {
    discover_kinds(client, &['v', 'm']).await
}

/// `kinds` are those of `pg_class.relkind`.
async fn discover_kinds(
    client: &Client,
    kinds: &[char],
) -> Result<Vec<FoundTable>, FingerprintError> {
    let failed = |source| FingerprintError::query("list the tables", source);
    // No function or table of a user may stand in for the catalogue's.
    client
        .batch_execute("begin read only; set local search_path = pg_catalog")
        .await
        .map_err(failed)?;
    let found = read_tables(client, kinds).await;
    let ended = client.batch_execute("rollback").await.map_err(failed);
    let found = found?;
    ended.map(|()| found)
}

async fn read_tables(client: &Client, kinds: &[char]) -> Result<Vec<FoundTable>, FingerprintError> {
    let failed = |source| FingerprintError::query("list the tables", source);
    // PostgreSQL's `"char"`, one byte.
    let kinds: Vec<i8> = kinds
        .iter()
        .filter_map(|&kind| u8::try_from(kind).ok())
        .filter_map(|kind| i8::try_from(kind).ok())
        .collect();
    let mut columns: BTreeMap<TableName, Vec<ColumnSpec>> = BTreeMap::new();
    for row in client.query(COLUMNS_SQL, &[&kinds]).await.map_err(failed)? {
        columns
            .entry(TableName::new(
                row.get::<_, String>(0),
                row.get::<_, String>(1),
            ))
            .or_default()
            .push(ColumnSpec {
                name: row.get(2),
                declared: row.get(3),
                base_type: row.get(4),
            });
    }
    let mut keys: BTreeMap<TableName, Vec<String>> = BTreeMap::new();
    for row in client.query(KEYS_SQL, &[]).await.map_err(failed)? {
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        keys.entry(table).or_insert_with(|| row.get(2));
    }
    let mut found = Vec::new();
    for row in client.query(TABLES_SQL, &[&kinds]).await.map_err(failed)? {
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let bytes = u64::try_from(row.get::<_, i64>(3)).unwrap_or(0);
        let rows = estimated_rows(row.get(2));
        found.push(FoundTable {
            spec: TableSpec {
                columns: columns.remove(&table).unwrap_or_default(),
                key: keys
                    .remove(&table)
                    .map_or(KeySpec::WholeRow, KeySpec::Columns),
                buckets: bucket_count(rows.unwrap_or(0)),
                encoding: ENCODING_VERSION,
                table,
            },
            estimated_bytes: bytes,
            foreign: row.get(4),
            analysed: rows.is_some(),
        });
    }
    Ok(found)
}

/// The planner's estimate; none for a table that was never analysed.
fn estimated_rows(reltuples: f64) -> Option<u64> {
    // Rust has no checked float conversion; the text form is exact for whole numbers.
    (reltuples >= 0.0).then(|| format!("{reltuples:.0}").parse().unwrap_or(u64::MAX))
}
