//! What exists beside tables.

use std::collections::BTreeMap;

use nba_db::fingerprint::{FingerprintError, TableName};
use nba_db::tokio_postgres::Client;

const VIEWS_SQL: &str = "\
select n.nspname::text, c.relname::text, coalesce(pg_get_viewdef(c.oid), '') \
from pg_class c join pg_namespace n on n.oid = c.relnamespace \
where c.relkind in ('v', 'm') and c.relpersistence <> 't' \
and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')";

/// Views and materialised views, each with the blake3 of its definition; those of extensions are left out.
pub(crate) async fn views(
    client: &Client,
) -> Result<BTreeMap<TableName, String>, FingerprintError> {
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
