//! What is defined: columns, constraints, indexes, triggers, views and sequences, as digests of their definitions.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use super::{FingerprintError, TableName};

pub(super) const VIEWS_SQL: &str = "\
select n.nspname::text, c.relname::text, coalesce(pg_get_viewdef(c.oid), '') \
from pg_class c join pg_namespace n on n.oid = c.relnamespace \
where c.relkind in ('v', 'm') and c.relpersistence <> 't' \
and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')";

/// Views and materialised views, each with the blake3 of its definition; those of extensions are left out.
///
/// Belongs into a snapshot with `search_path = pg_catalog` (see [`in_session_snapshot`](super::in_session_snapshot)): definitions
/// name their relations accordingly.
///
/// # Errors
///
/// [`FingerprintError`] when the statement fails.
pub async fn views(client: &Client) -> Result<BTreeMap<TableName, String>, FingerprintError> {
    let rows = client
        .query(VIEWS_SQL, &[])
        .await
        .map_err(|source| FingerprintError::query("list the views", source))?;
    let digest = |text: String| nba_utils::Digest::of(text.as_bytes()).to_string();
    Ok(rows
        .iter()
        .map(|row| {
            (
                TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)),
                digest(row.get(2)),
            )
        })
        .collect())
}

/// What belongs to each table, and each sequence: what it is called, such as `index games_pkey`, and the blake3 of its definition.
pub type SchemaFacts = BTreeMap<TableName, BTreeMap<String, String>>;

/// How the facts about a column are called; columns that come and go are the business of the catalogue check.
const COLUMN: &str = "column ";
/// How the fact about a sequence is called.
const SEQUENCE: &str = "sequence";

pub(super) const SCHEMA_SQL: &str = "\
with relations as ( \
  select c.oid, n.nspname::text as space, c.relname::text as name, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relpersistence \
  from pg_class c join pg_namespace n on n.oid = c.relnamespace \
  where c.relkind in ('r', 'p', 'f', 'm', 'S') and c.relpersistence <> 't' \
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')) \
select space, name, 'column ' || a.attname::text, \
  concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull::text, nullif(a.attcollation, 0)::regcollation::text, \
    a.attidentity::text, a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid)) \
from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped \
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where r.relkind <> 'S' \
union all select space, name, 'constraint ' || k.conname::text, concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated::text) \
from relations r join pg_constraint k on k.conrelid = r.oid \
union all select space, name, 'index ' || c.relname::text, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid::text) \
from relations r join pg_index i on i.indrelid = r.oid join pg_class c on c.oid = i.indexrelid \
union all select space, name, 'trigger ' || t.tgname::text, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled::text) \
from relations r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal \
union all select space, name, 'row security', concat_ws(' ', relrowsecurity::text, relforcerowsecurity::text, relpersistence::text) \
from relations r where r.relkind <> 'S' \
union all select space, name, 'sequence', \
  concat_ws(' ', format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle::text) \
from relations r join pg_sequence s on s.seqrelid = r.oid";

/// Reads the definitions of what belongs to tables, and of sequences. Belongs into a snapshot, as [`views`] does.
///
/// # Errors
///
/// [`FingerprintError`] when the statement fails.
pub async fn schema_facts(client: &Client) -> Result<SchemaFacts, FingerprintError> {
    let rows = client.query(SCHEMA_SQL, &[]).await.map_err(|source| {
        FingerprintError::query("list columns, constraints and indexes", source)
    })?;
    let mut facts = SchemaFacts::new();
    for row in &rows {
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        let digest = nba_utils::Digest::of(row.get::<_, String>(3).as_bytes()).to_string();
        facts.entry(table).or_default().insert(row.get(2), digest);
    }
    Ok(facts)
}

/// The schema fingerprint of one table: BLAKE3 over the names and definitions of everything that belongs to it.
#[must_use]
pub fn facts_digest(facts: &BTreeMap<String, String>) -> nba_utils::Digest {
    let mut text = String::new();
    for (name, definition) in facts {
        // NUL is part of no name, and a digest has a fixed length.
        text.push_str(name);
        text.push('\0');
        text.push_str(definition);
        text.push('\0');
    }
    nba_utils::Digest::of(text.as_bytes())
}

/// What differs, one sentence each. Tables, views and columns that come or go are named by other checks.
#[must_use]
pub fn schema_differences(before: &SchemaFacts, now: &SchemaFacts) -> Vec<String> {
    let mut findings = Vec::new();
    for (table, known) in before {
        let Some(found) = now.get(table) else {
            if known.contains_key(SEQUENCE) {
                findings.push(format!("sequence missing: {table}"));
            }
            continue;
        };
        let names: BTreeSet<&String> = known.keys().chain(found.keys()).collect();
        for name in names {
            let what = match (known.get(name), found.get(name)) {
                (Some(old), Some(new)) if old != new => "changed",
                (Some(_), None) if !name.starts_with(COLUMN) => "missing",
                (None, Some(_)) if !name.starts_with(COLUMN) => "added",
                _ => continue,
            };
            findings.push(format!("{table}: {name} {what}"));
        }
    }
    findings
}
