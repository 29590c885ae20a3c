//! What others do on the server right now.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::{GentleError, Gentleness};

/// Inside a transaction the activity view stands still unless told otherwise.
pub(crate) const FRESH_SQL: &str = "select pg_catalog.pg_stat_clear_snapshot()";

/// One line: active sessions of others, sessions whose activity the role may not see, and in seconds the longest wait for a
/// lock, the longest wait for one of ours, the lag of the slowest replica, and our own lag on a replica.
///
/// Ours are the sessions with this session's application name, which holds the run's id. Waits are looked at one by one only
/// where there are any: `pg_blocking_pids` stops the lock manager for a moment.
pub(crate) const LOAD_SQL: &str = "\
with ours as materialized ( \
  select a.pid from pg_catalog.pg_stat_activity a \
  where a.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid() \
  or (pg_catalog.current_setting('application_name') operator(pg_catalog.<>) '' \
    and a.application_name operator(pg_catalog.=) pg_catalog.current_setting('application_name'))), \
waits as materialized ( \
  select l.pid, pg_catalog.max(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() operator(pg_catalog.-) l.waitstart)) as seconds \
  from pg_catalog.pg_locks l where not l.granted and l.waitstart is not null group by l.pid) \
select \
  (select pg_catalog.count(*) from pg_catalog.pg_stat_activity a where a.backend_type operator(pg_catalog.=) 'client backend' \
    and a.state operator(pg_catalog.=) 'active' and not exists (select from ours o where o.pid operator(pg_catalog.=) a.pid)), \
  (select pg_catalog.count(*) from pg_catalog.pg_stat_activity a where a.usesysid is not null and a.state is null \
    and a.query operator(pg_catalog.=) '<insufficient privilege>'), \
  (select pg_catalog.max(w.seconds) from waits w where not exists (select from ours o where o.pid operator(pg_catalog.=) w.pid)), \
  (select pg_catalog.max(w.seconds) from waits w where exists (select from ours o \
    where o.pid operator(pg_catalog.=) any (pg_catalog.pg_blocking_pids(w.pid)))), \
  (select pg_catalog.max(pg_catalog.date_part('epoch', r.replay_lag)) from pg_catalog.pg_stat_replication r), \
  case when pg_catalog.pg_is_in_recovery() \
    and pg_catalog.pg_last_wal_receive_lsn() is distinct from pg_catalog.pg_last_wal_replay_lsn() \
    then pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.pg_last_xact_replay_timestamp()) end";

/// Why work paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PauseReason {
    /// Many sessions of others run statements.
    Load {
        /// How many.
        active: u64,
        /// How many may.
        limit: u32,
    },
    /// Somebody waits for a lock.
    LockQueue {
        /// The longest wait.
        waited: Duration,
        /// The longest that is put up with.
        limit: Duration,
    },
    /// A replica, or this one, is behind.
    ReplicaLag {
        /// By how much.
        lag: Duration,
        /// By how much it may.
        limit: Duration,
    },
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { active, limit } => {
                write!(
                    f,
                    "{active} sessions of others run statements, more than {limit}"
                )
            }
            Self::LockQueue { waited, limit } => write!(
                f,
                "a session has waited {:.1} s for a lock, longer than {:.1} s",
                waited.as_secs_f64(),
                limit.as_secs_f64()
            ),
            Self::ReplicaLag { lag, limit } => write!(
                f,
                "a replica is {:.1} s behind, more than {:.1} s",
                lag.as_secs_f64(),
                limit.as_secs_f64()
            ),
        }
    }
}

/// One look at the server.
#[derive(Debug, Default)]
pub(super) struct Load {
    active: u64,
    pub(super) unseen: u64,
    lock_wait: Duration,
    pub(super) waiting_for_us: Duration,
    replica_lag: Duration,
}

impl Load {
    pub(super) async fn look(client: &Client) -> Result<Self, GentleError> {
        let failed = |source| GentleError::Look { source };
        client.batch_execute(FRESH_SQL).await.map_err(failed)?;
        let row = client.query_one(LOAD_SQL, &[]).await.map_err(failed)?;
        let count = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
        let seconds = |at: usize| {
            let value = row.get::<_, Option<f64>>(at).unwrap_or(0.0);
            Duration::try_from_secs_f64(value).unwrap_or(Duration::ZERO)
        };
        Ok(Self {
            active: count(0),
            unseen: count(1),
            lock_wait: seconds(2),
            waiting_for_us: seconds(3),
            replica_lag: seconds(4).max(seconds(5)),
        })
    }

    /// The first reason to pause.
    pub(super) fn reason(&self, rules: &Gentleness) -> Option<PauseReason> {
        if self.lock_wait > rules.longest_lock_wait {
            return Some(PauseReason::LockQueue {
                waited: self.lock_wait,
                limit: rules.longest_lock_wait,
            });
        }
        if self.active > u64::from(rules.most_active) {
            return Some(PauseReason::Load {
                active: self.active,
                limit: rules.most_active,
            });
        }
        (self.replica_lag > rules.most_replica_lag).then_some(PauseReason::ReplicaLag {
            lag: self.replica_lag,
            limit: rules.most_replica_lag,
        })
    }
}

/// Pausing would not help those who wait for us.
pub(super) fn is_in_the_way(load: &Load, rules: &Gentleness) -> bool {
    load.waiting_for_us > rules.longest_lock_wait
}
