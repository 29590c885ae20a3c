//! Who else works in the database: sessions, and what was written between two looks.

use std::collections::BTreeMap;
use std::time::Duration;

use nba_db::Database;

use super::{DatabaseActivity, StateError};

const SESSIONS_SQL: &str = "select coalesce(usename::pg_catalog.text, '?') || ' ' || coalesce(nullif(application_name, ''), 'no name') \
     || ' from ' || coalesce(pg_catalog.host(client_addr), 'socket') || case when state = 'active' then ' (active)' else '' end, pg_catalog.count(*) \
     from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid() \
     and backend_type = 'client backend' and application_name not like 'nba/%' and application_name not like 'nba!/%' \
     group by 1 order by 1 limit 200";

const SEES_ALL_SQL: &str = "select pg_catalog.pg_has_role('pg_read_all_stats', 'usage')";

const WRITTEN_SQL: &str = "select schemaname || '.' || relname, (n_tup_ins + n_tup_upd + n_tup_del)::pg_catalog.int8 \
     from pg_catalog.pg_stat_user_tables";

/// Looks twice, `between` apart. Reads only statistics.
///
/// # Errors
///
/// [`StateError::Database`].
pub async fn database_activity(
    db: &Database,
    between: Duration,
) -> Result<DatabaseActivity, StateError> {
    let failed = |error| StateError::Database(Box::new(error));
    let before = written(db).await?;
    tokio::time::sleep(between).await;
    let after = written(db).await?;
    let sessions = db.query_rows(SESSIONS_SQL, &[]).await.map_err(failed)?;
    let sees_all: bool = db.query_scalar(SEES_ALL_SQL, &[]).await.map_err(failed)?;
    Ok(DatabaseActivity {
        database: db.options().target.database.clone(),
        sessions: sessions
            .iter()
            .map(|row| {
                (
                    row.get::<_, String>(0),
                    u64::try_from(row.get::<_, i64>(1)).unwrap_or(0),
                )
            })
            .collect(),
        written: after
            .into_iter()
            .filter_map(|(table, rows)| {
                let moved = rows - before.get(&table).copied().unwrap_or(0);
                u64::try_from(moved)
                    .ok()
                    .filter(|&moved| moved > 0)
                    .map(|moved| (table, moved))
            })
            .collect(),
        between_ms: u64::try_from(between.as_millis()).unwrap_or(u64::MAX),
        sees_all,
    })
}

async fn written(db: &Database) -> Result<BTreeMap<String, i64>, StateError> {
    let rows = db
        .query_rows(WRITTEN_SQL, &[])
        .await
        .map_err(|error| StateError::Database(Box::new(error)))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
