//! Least and greatest value and the number of distinct values of each column, as far as that is known without reading the table.
//!
//! Each figure says where it comes from: *exact* ones from an index in the snapshot, or from arithmetic over exact figures;
//! *estimates* from the sample of the last `ANALYZE`, which may be old, and is no evidence of anything.

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::encode::quote;
use super::{FingerprintError, TableFingerprint, TableSpec};
use crate::ident::literal;

/// Where a figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Read in the snapshot, or follows from what was.
    Exact,
    /// The sample of the last `ANALYZE`.
    Estimate,
}

/// What is known about the values of one column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Column name.
    pub name: String,
    /// Least and greatest value; absent without an index and without statistics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<ValueRange>,
    /// Number of distinct values that are not NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<Distinct>,
}

/// Least and greatest value in PostgreSQL's text form, by the column's own order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueRange {
    /// Least value.
    pub min: String,
    /// Greatest value.
    pub max: String,
    /// Where both come from.
    pub source: Source,
}

/// A number of distinct values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distinct {
    /// The number.
    pub values: u64,
    /// Where it comes from.
    pub source: Source,
}

/// Per column: name, whether an index over it alone is unique, whether an index in the column's own order begins with
/// it, the statistics' number of distinct values, and the sample's values.
///
/// Statistics of columns the role may not read are not shown to it.
pub(super) const PROFILE_SQL: &str = "\
select a.attname::text, \
  coalesce(bool_or(i.indisunique and i.indnkeyatts = 1 and i.indimmediate), false), \
  coalesce(bool_or(m.amname = 'btree' and i.indcollation[0] = a.attcollation and o.opcdefault), false), \
  max(s.n_distinct)::float8, \
  max(s.histogram_bounds::text), max(s.most_common_vals::text) \
from pg_class c join pg_namespace n on n.oid = c.relnamespace \
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
left join pg_index i on i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null \
left join pg_class x on x.oid = i.indexrelid left join pg_am m on m.oid = x.relam left join pg_opclass o on o.oid = i.indclass[0] \
left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname \
  and s.inherited = (c.relkind = 'p') \
where c.oid = $1::text::regclass group by a.attnum, a.attname order by a.attnum";

/// Types whose values are ordered and whose arrays read back from the statistics' text form.
const ORDERED: [&str; 20] = [
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "text",
    "varchar",
    "bpchar",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "bool",
    "inet",
    "oid",
    "money",
];

struct Known {
    name: String,
    unique: bool,
    indexed: bool,
    distinct: Option<f64>,
    samples: Vec<String>,
}

/// Reads the profile of a table, in the snapshot in which it had this content. No page of the table is read but those an index leads to.
///
/// # Errors
///
/// [`FingerprintError`] when a statement fails.
pub(super) async fn profile(
    client: &Client,
    table: &TableSpec,
    content: &TableFingerprint,
) -> Result<Vec<ColumnProfile>, FingerprintError> {
    let failed = |source| FingerprintError::query(format!("profile `{}`", table.table), source);
    let known: Vec<Known> = client
        .query(PROFILE_SQL, &[&table.relation_sql()])
        .await
        .map_err(failed)?
        .iter()
        .map(|row| Known {
            name: row.get(0),
            unique: row.get(1),
            indexed: row.get(2),
            distinct: row.get(3),
            samples: [row.get::<_, Option<String>>(4), row.get(5)]
                .into_iter()
                .flatten()
                .collect(),
        })
        .collect();
    let mut profiles = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let mut found = ColumnProfile {
            name: column.name.clone(),
            ..ColumnProfile::default()
        };
        let Some(known) = known.iter().find(|known| known.name == column.name) else {
            profiles.push(found);
            continue;
        };
        let ordered = ORDERED.contains(&column.base_type.as_str());
        let asked = if ordered && known.indexed {
            Some((by_index(table, &column.name), Source::Exact))
        } else if ordered && !known.samples.is_empty() {
            let sql = by_sample(&column.base_type, &known.samples);
            Some((sql, Source::Estimate))
        } else {
            None
        };
        if let Some((sql, source)) = asked {
            let row = client.query_one(&sql, &[]).await.map_err(failed)?;
            if let (Some(min), Some(max)) = (row.get(0), row.get(1)) {
                found.range = Some(ValueRange { min, max, source });
            }
        }
        found.distinct = distinct(known, content);
        profiles.push(found);
    }
    Ok(profiles)
}

/// A unique column has as many values as it has rows that are not NULL; otherwise the statistics have a number, or (below zero)
/// a share of the rows.
fn distinct(known: &Known, content: &TableFingerprint) -> Option<Distinct> {
    let column = content
        .columns
        .iter()
        .find(|column| column.name == known.name);
    let filled = column.map(|column| content.rows.saturating_sub(column.nulls));
    let exact = |values| Distinct {
        values,
        source: Source::Exact,
    };
    if filled == Some(0) {
        return Some(exact(0));
    }
    if let Some(filled) = filled.filter(|_| known.unique) {
        return Some(exact(filled));
    }
    let number = known.distinct?;
    // Rust has no checked float conversion; the text form is exact for whole numbers.
    let whole = |number: f64| format!("{number:.0}").parse::<u64>().ok();
    let values = if number < 0.0 {
        let millionths = u128::from(whole(number * -1_000_000.0)?);
        u64::try_from(u128::from(content.rows) * millionths / 1_000_000).ok()?
    } else {
        whole(number)?
    };
    Some(Distinct {
        values,
        source: Source::Estimate,
    })
}

/// Both ends of the index. An unqualified name after `order by` would mean the text form.
fn by_index(table: &TableSpec, column: &str) -> String {
    let (column, relation) = (quote(column), table.relation_sql());
    let end = |order: &str| {
        format!(
            "(select r.{column}::pg_catalog.text from {relation} r where r.{column} is not null order by r.{column} {order} limit 1)"
        )
    };
    format!("select {}, {}", end("asc"), end("desc"))
}

/// Both ends of the sample.
fn by_sample(base_type: &str, samples: &[String]) -> String {
    let kind = quote(base_type);
    let values: Vec<String> = samples
        .iter()
        .map(|sample| {
            format!(
                "select v from pg_catalog.unnest({}::pg_catalog.{kind}[]) u(v)",
                literal(sample)
            )
        })
        .collect();
    let values = values.join(" union all ");
    let end = |order: &str| {
        format!(
            "(select s.v::pg_catalog.text from ({values}) s(v) where s.v is not null order by s.v {order} limit 1)"
        )
    };
    format!("select {}, {}", end("asc"), end("desc"))
}
