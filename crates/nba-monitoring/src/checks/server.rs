//! The server and its sessions, from catalogues and statistics views alone.

use nba_db::tokio_postgres::Row;
use nba_utils::format::thousands;

use super::run::{Found, Look, LookError};

type Outcome = Result<Found, LookError>;

/// What PostgreSQL shows instead of what another role's session is doing.
const HIDDEN: &str = "<insufficient privilege>";

const RIGHT: &str = "grant the role `pg_monitor`";

impl Look<'_> {
    pub(super) async fn rows(&self, sql: &str) -> Result<Vec<Row>, LookError> {
        Ok(self.session.query_rows(sql, &[]).await?)
    }

    pub(super) async fn row(&self, sql: &str) -> Result<Row, LookError> {
        let mut rows = self.rows(sql).await?;
        rows.pop().ok_or_else(|| LookError::NoRow(sql.to_owned()))
    }
}

const STANDBY_SQL: &str = "select pg_is_in_recovery(), \
     (case when pg_last_wal_receive_lsn() is not distinct from pg_last_wal_replay_lsn() then 0 \
      else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end)::float8";

const RECEIVERS_SQL: &str = "select coalesce(nullif(application_name, ''), 'pid ' || pid)::text, \
     pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, \
       coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn))::float8, \
     extract(epoch from coalesce(replay_lag, flush_lag, write_lag))::float8 \
     from pg_stat_replication";

/// On a standby its own lag, on a primary that of everyone who receives from it.
pub(super) async fn replication_lag(look: &Look<'_>) -> Outcome {
    let limits = &look.settings.limits;
    if look.identity.in_recovery {
        let row = look.row(STANDBY_SQL).await?;
        let Some(seconds) = row.get::<_, Option<f64>>(1) else {
            return Ok(Found::not_proven(
                "the standby does not say when it last replayed a transaction",
            ));
        };
        let late = (seconds > limits.replication_lag_seconds).then(|| {
            format!(
                "this standby is {seconds:.0} s behind, {} s are permitted",
                limits.replication_lag_seconds
            )
        });
        return Ok(Found::judged(
            late.into_iter().collect(),
            seconds,
            format!("this standby is {seconds:.0} s behind"),
        ));
    }
    let rows = look.rows(RECEIVERS_SQL).await?;
    if rows.is_empty() {
        return Ok(Found::not_applicable("nothing receives from this server"));
    }
    let mut findings = Vec::new();
    let mut worst = 0.0_f64;
    for row in &rows {
        let name: String = row.get(0);
        let Some(bytes) = row.get::<_, Option<f64>>(1) else {
            return Ok(Found::not_proven(format!(
                "the position of receiver `{name}` is not shown to this role: {RIGHT}"
            )));
        };
        let seconds = row.get::<_, Option<f64>>(2).unwrap_or(0.0);
        worst = worst.max(bytes);
        if bytes > megabytes(limits.replication_lag_mb) || seconds > limits.replication_lag_seconds
        {
            findings.push(format!(
                "`{name}` is {} and {seconds:.0} s behind",
                size(bytes)
            ));
        }
    }
    let fine = format!("{} receivers, {} behind at most", rows.len(), size(worst));
    Ok(Found::judged(findings, worst, fine))
}

const SLOTS_SQL: &str = "select slot_name::text, active, coalesce(wal_status, '')::text, \
     pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn)::float8 \
     from pg_replication_slots";

pub(super) async fn replication_slots(look: &Look<'_>) -> Outcome {
    let rows = look.rows(SLOTS_SQL).await?;
    if rows.is_empty() {
        return Ok(Found::not_applicable("there is no replication slot"));
    }
    let limit = megabytes(look.settings.limits.replication_lag_mb);
    let mut findings = Vec::new();
    let mut worst = 0.0_f64;
    for row in &rows {
        let (name, active, status): (String, bool, String) = (row.get(0), row.get(1), row.get(2));
        let kept = row.get::<_, Option<f64>>(3).unwrap_or(0.0);
        worst = worst.max(kept);
        if status == "lost" {
            findings.push(format!("slot `{name}` has lost what its consumer needs"));
        } else if !active && kept > limit {
            findings.push(format!(
                "nobody reads slot `{name}`, which keeps {}",
                size(kept)
            ));
        }
    }
    let fine = format!("{} slots keep {} at most", rows.len(), size(worst));
    Ok(Found::judged(findings, worst, fine))
}

/// Client sessions of this database, and those whose kind is hidden from this role.
const SESSIONS_SQL: &str = "select pid, coalesce(usename::text, '?'), coalesce(nullif(application_name, ''), 'unnamed')::text, \
     coalesce(state, '')::text, coalesce(query, '') = $1, \
     extract(epoch from clock_timestamp() - xact_start)::float8, extract(epoch from clock_timestamp() - state_change)::float8 \
     from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
     and (backend_type = 'client backend' or query = $1)";

struct Busy {
    who: String,
    state: String,
    transaction: Option<f64>,
    in_state: Option<f64>,
}

/// Sessions that show what they do, and the number of those that do not.
async fn sessions(look: &Look<'_>) -> Result<(Vec<Busy>, usize), LookError> {
    let rows = look.session.query_rows(SESSIONS_SQL, &[&HIDDEN]).await?;
    let (hidden, shown): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get::<_, bool>(4));
    let shown = shown
        .iter()
        .map(|row| Busy {
            who: format!(
                "pid {} of `{}` ({})",
                row.get::<_, i32>(0),
                row.get::<_, String>(1),
                row.get::<_, String>(2)
            ),
            state: row.get(3),
            transaction: row.get(5),
            in_state: row.get(6),
        })
        .collect();
    Ok((shown, hidden.len()))
}

pub(super) async fn long_transactions(look: &Look<'_>) -> Outcome {
    let limit = look.settings.limits.transaction_minutes * 60.0;
    over_limit(look, limit, "in a transaction", |busy| busy.transaction).await
}

pub(super) async fn idle_in_transaction(look: &Look<'_>) -> Outcome {
    let limit = look.settings.limits.idle_in_transaction_minutes * 60.0;
    let idle = |busy: &Busy| {
        busy.state
            .starts_with("idle in transaction")
            .then_some(busy.in_state)
            .flatten()
    };
    over_limit(look, limit, "idle in a transaction", idle).await
}

async fn over_limit(
    look: &Look<'_>,
    limit: f64,
    what: &str,
    seconds: impl Fn(&Busy) -> Option<f64>,
) -> Outcome {
    let (busy, hidden) = sessions(look).await?;
    let mut findings = Vec::new();
    let mut worst = 0.0_f64;
    for session in &busy {
        let Some(time) = seconds(session) else {
            continue;
        };
        worst = worst.max(time);
        if time > limit {
            findings.push(format!("{} has been {what} for {time:.0} s", session.who));
        }
    }
    if findings.is_empty() && hidden > 0 {
        return Ok(Found::not_proven(format!(
            "what {hidden} sessions of other roles do is not shown to this role: {RIGHT}"
        )));
    }
    let fine = format!("{} sessions, {worst:.0} s {what} at most", busy.len());
    Ok(Found::judged(findings, worst, fine))
}

/// `pg_locks` shows every wait to every role, other than `pg_stat_activity`.
const WAITS_SQL: &str = "select l.pid, extract(epoch from clock_timestamp() - l.waitstart)::float8, l.locktype::text, \
     coalesce(l.relation::regclass::text, ''), array_to_string(pg_blocking_pids(l.pid), ', ') \
     from pg_locks l where not l.granted and l.waitstart is not null order by l.waitstart limit 20";

/// `waitstart` came with PostgreSQL 14.
const WAITSTART_SINCE: i32 = 140_000;

pub(super) async fn lock_waits(look: &Look<'_>) -> Outcome {
    if look.identity.brief.server_version_num < WAITSTART_SINCE {
        return Ok(Found::not_proven(
            "a server before PostgreSQL 14 does not say since when a lock is waited for",
        ));
    }
    let limit = look.settings.limits.lock_wait_seconds;
    let rows = look.rows(WAITS_SQL).await?;
    let mut findings = Vec::new();
    let mut worst = 0.0_f64;
    for row in &rows {
        let seconds: f64 = row.get(1);
        worst = worst.max(seconds);
        if seconds > limit {
            let (kind, relation): (String, String) = (row.get(2), row.get(3));
            let on = if relation.is_empty() { kind } else { relation };
            findings.push(format!(
                "pid {} has waited {seconds:.0} s for a lock on `{on}` that pid {} holds",
                row.get::<_, i32>(0),
                row.get::<_, String>(4)
            ));
        }
    }
    let fine = format!("{} waits, {worst:.0} s at most", rows.len());
    Ok(Found::judged(findings, worst, fine))
}

const CONNECTIONS_SQL: &str = "select (select count(*) from pg_stat_activity where backend_type = 'client backend' or query = $1)::float8, \
     (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int)::float8";

pub(super) async fn connections(look: &Look<'_>) -> Outcome {
    let rows = look.session.query_rows(CONNECTIONS_SQL, &[&HIDDEN]).await?;
    let Some(row) = rows.first() else {
        return Ok(Found::not_proven("the server gave no row"));
    };
    let (used, limit): (f64, f64) = (row.get(0), row.get(1));
    let share = used / limit * 100.0;
    let sentence = format!("{used:.0} of {limit:.0} connections are in use");
    let findings = (share > look.settings.limits.connections_percent).then(|| sentence.clone());
    Ok(Found::judged(
        findings.into_iter().collect(),
        share,
        sentence,
    ))
}

const VACUUM_SQL: &str =
    "select current_setting('autovacuum') = 'on' and current_setting('track_counts') = 'on'";

const LATE_SQL: &str = "select n.nspname::text || '.' || c.relname::text, s.n_dead_tup::float8, \
     coalesce((select option_value from pg_options_to_table(c.reloptions) where option_name = 'autovacuum_enabled'), 'true') in ('false', 'off', '0', 'no'), \
     2 * (current_setting('autovacuum_vacuum_threshold')::float8 \
       + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(c.reltuples, 0)) \
     from pg_stat_user_tables s join pg_class c on c.oid = s.relid join pg_namespace n on n.oid = c.relnamespace \
     order by s.n_dead_tup desc";

/// A table is late at twice the number of dead rows at which autovacuum comes.
pub(super) async fn autovacuum(look: &Look<'_>) -> Outcome {
    let mut findings = Vec::new();
    if !look.row(VACUUM_SQL).await?.get::<_, bool>(0) {
        findings.push("autovacuum, or `track_counts` that it needs, is switched off".to_owned());
    }
    let mut dead_in_late = 0.0;
    let rows = look.rows(LATE_SQL).await?;
    for row in &rows {
        let (table, dead, off, late): (String, f64, bool, f64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        if dead > late && dead >= look.settings.limits.dead_rows {
            dead_in_late += dead;
            let why = if off {
                ", autovacuum is switched off for it"
            } else {
                ""
            };
            findings.push(format!("{table}: {dead:.0} dead rows{why}"));
        }
    }
    let fine = format!("it keeps up with {} tables", rows.len());
    Ok(Found::judged(findings, dead_in_late, fine))
}

const AGE_SQL: &str =
    "select datname::text, age(datfrozenxid)::float8 from pg_database order by 2 desc limit 1";

pub(super) async fn transaction_ids(look: &Look<'_>) -> Outcome {
    let row = look.row(AGE_SQL).await?;
    let (database, age): (String, f64) = (row.get(0), row.get(1));
    let limit = look.settings.limits.transaction_id_age;
    let sentence = format!(
        "the oldest transaction id of `{database}` is {} transactions old",
        whole(age)
    );
    let findings = (age > limit).then(|| format!("{sentence}, {} are permitted", whole(limit)));
    Ok(Found::judged(findings.into_iter().collect(), age, sentence))
}

/// An index that is being built is invalid, too.
const INVALID_SQL: &str = "select i.indexrelid::regclass::text, i.indrelid::regclass::text from pg_index i \
     where not i.indisvalid and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid) \
     and not exists (select from pg_locks l where l.relation = i.indexrelid and l.mode = 'ShareUpdateExclusiveLock') \
     and exists (select from pg_class c where c.oid = i.indexrelid and c.relkind = 'i') order by 1";

pub(super) async fn invalid_indexes(look: &Look<'_>) -> Outcome {
    let rows = look.rows(INVALID_SQL).await?;
    let findings: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "index {} of {} is invalid",
                row.get::<_, String>(0),
                row.get::<_, String>(1)
            )
        })
        .collect();
    let invalid = count(rows.len());
    Ok(Found::judged(findings, invalid, "every index is valid"))
}

/// The largest value is the sequence's own, or that of the column it fills where this is less.
const SEQUENCES_SQL: &str = "select s.seqrelid::regclass::text, has_sequence_privilege(s.seqrelid, 'select, usage'), \
     coalesce(case when has_sequence_privilege(s.seqrelid, 'select, usage') then pg_sequence_last_value(s.seqrelid) end, s.seqstart)::float8, \
     least(s.seqmax, case t.typname when 'int2' then 32767 when 'int4' then 2147483647 end)::float8 \
     from pg_sequence s \
     left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.seqrelid and d.refclassid = 'pg_class'::regclass \
       and d.refobjsubid > 0 and d.deptype in ('a', 'i') \
     left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid \
     left join pg_type t on t.oid = a.atttypid \
     where s.seqincrement > 0 and not s.seqcycle \
     and not exists (select from pg_class c where c.oid = s.seqrelid and c.relpersistence = 't')";

pub(super) async fn sequences(look: &Look<'_>) -> Outcome {
    let rows = look.rows(SEQUENCES_SQL).await?;
    let mut findings = Vec::new();
    let mut hidden = 0_usize;
    let mut worst = 0.0_f64;
    for row in &rows {
        let (name, visible): (String, bool) = (row.get(0), row.get(1));
        if !visible {
            hidden += 1;
            continue;
        }
        let (last, most): (f64, f64) = (row.get(2), row.get(3));
        let share = last / most * 100.0;
        worst = worst.max(share);
        if share > look.settings.limits.sequence_percent {
            findings.push(format!(
                "sequence {name} is at {} of {}",
                whole(last),
                whole(most)
            ));
        }
    }
    if findings.is_empty() && hidden > 0 {
        return Ok(Found::not_proven(format!(
            "{hidden} sequences are not shown to this role: grant it `select` on them"
        )));
    }
    let fine = format!("{} sequences, {worst:.1} % used at most", rows.len());
    Ok(Found::judged(findings, worst, fine))
}

fn megabytes(mb: f64) -> f64 {
    mb * 1_048_576.0
}

/// Bytes for people; a `float8` of the server has no fraction here.
pub(crate) fn size(bytes: f64) -> String {
    const STEPS: [(f64, &str); 3] = [
        (1_073_741_824.0, "GiB"),
        (1_048_576.0, "MiB"),
        (1_024.0, "KiB"),
    ];
    STEPS
        .iter()
        .find(|(step, _)| bytes.abs() >= *step)
        .map_or_else(
            || format!("{bytes:.0} B"),
            |(step, name)| format!("{:.1} {name}", bytes / step),
        )
}

/// A whole number with commas.
pub(crate) fn whole(number: f64) -> String {
    let text = format!("{number:.0}");
    text.parse::<i128>().map_or(text, thousands)
}

/// A small number of things as a charted value.
pub(super) fn count(things: usize) -> f64 {
    u32::try_from(things).map_or(f64::from(u32::MAX), f64::from)
}
