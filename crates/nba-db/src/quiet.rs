//! Whether a table was written since an earlier look, told without reading one of its pages.
//!
//! A [`Tick`] reads the write counters of all tables, the versions of their catalogue rows and everything that would make the
//! counters lie (statistics reset or lost in a crash, counting switched off, another server) in one round trip. Two ticks
//! that agree say that nothing was *counted* between them; any doubt is an answer of its own.
//!
//! What makes it sound: a write is counted by its session after it was committed, so whoever reads the counters **before** taking
//! a snapshot sees every write that is counted in them. What makes it late: a session may hand its counts over up to
//! [`COUNTING_LAG`] after it committed, and not before the running statement or transaction ends.
//! [`Tick::counted_until`] says up to when writes are certainly counted.
//!
//! What it cannot see: a superuser's session that switches `track_counts` off for itself, and changes made to the data files
//! behind the server's back. Only reading the rows again finds those.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::fingerprint::FingerprintError;
use crate::ident::TableName;
use crate::meter::statements_in;
use crate::session::Session;
use crate::snapshot::CATALOG_ONLY_SQL;

/// How long a session may keep its counts to itself: PostgreSQL's own bound (`PGSTAT_MAX_INTERVAL`), usually ten seconds.
pub const COUNTING_LAG: TimeDelta = TimeDelta::seconds(60);

const OPERATION: &str = "read the write counters";
/// Within a transaction PostgreSQL would answer from what it read before.
const FORGET: &str = "select pg_catalog.pg_stat_clear_snapshot()";

/// One look at the counters of all tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tick {
    /// The server's clock before the counters were read, UTC.
    pub read_at: DateTime<Utc>,
    /// Writes committed before this are counted; `None` where the sessions of others cannot be seen.
    pub counted_until: Option<DateTime<Utc>>,
    /// What has to stay the same for counters to mean anything.
    pub server: ServerMarks,
    /// A digest of the versions of everything defined in the database: tables, views, indexes, constraints, triggers …
    pub structure: String,
    /// Per table, partitions under their parent; views are left out.
    pub tables: BTreeMap<TableName, TableMarks>,
}

/// What has to stay the same for counters to mean anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMarks {
    /// Number of the database within its cluster.
    pub database: u32,
    /// When the server was started.
    pub started: DateTime<Utc>,
    /// When the server's settings were last read; counting may have been off in between.
    pub configured: DateTime<Utc>,
    /// When counters were last reset: of the database, of background writer and of WAL. A crash resets the last two.
    pub resets: [Option<DateTime<Utc>>; 3],
    /// Whether writes are counted.
    pub counting: bool,
    /// Whether a role or database has a setting of its own for counting.
    pub counting_varies: bool,
    /// Whether it is a standby: replayed writes are not counted.
    pub standby: bool,
    /// A digest of the versions of types, casts and extensions, which decide how stored bytes read.
    pub types: String,
}

/// Counters and catalogue versions of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableMarks {
    /// The table itself and everything below it, by number.
    pub parts: Vec<PartMarks>,
}

/// Counters and catalogue versions of a table without children, or of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartMarks {
    /// Number of the relation; a table created anew has another.
    pub oid: u32,
    /// `pg_class.relkind`.
    pub kind: char,
    /// Number of its file; `TRUNCATE` and rewriting give it another.
    pub file: u32,
    /// Versions of its catalogue rows, columns included.
    pub version: String,
    /// Rows inserted since the counters began, rolled back ones included.
    pub inserted: i64,
    /// Rows updated.
    pub updated: i64,
    /// Rows deleted.
    pub deleted: i64,
    /// Rows updated without touching an index.
    pub hot_updated: i64,
}

/// What two ticks say about a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quiet {
    /// No write was counted and nothing hints at one that was not.
    Unwritten,
    /// It was written.
    Written(String),
    /// The counters cannot tell; the reason.
    Unknown(String),
}

impl Quiet {
    /// The reason not to rely on an earlier reading; `None` when nothing was written.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Unwritten => None,
            Self::Written(reason) | Self::Unknown(reason) => Some(reason),
        }
    }
}

/// One reading of [`MARKS_SQL`].
#[derive(Deserialize)]
struct Marks {
    read_at: DateTime<Utc>,
    busy_since: Option<DateTime<Utc>>,
    hidden: u32,
    #[serde(flatten)]
    server: ServerMarks,
}

#[derive(Deserialize)]
struct Parts {
    structure: String,
    tables: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    schema: String,
    name: String,
    #[serde(flatten)]
    marks: PartMarks,
}

impl Tick {
    /// Reads the counters. `client` must not be inside a transaction.
    ///
    /// To keep a measurement together with a tick, read the tick first and take the snapshot afterwards.
    ///
    /// # Errors
    ///
    /// [`FingerprintError`] when the catalogue cannot be read, or when counters were reset during the reading.
    pub async fn read(client: &Client) -> Result<Self, FingerprintError> {
        match client.simple_query(&statements()).await {
            Ok(messages) => Self::of_messages(&messages),
            Err(source) => {
                // The failed statement left the transaction open.
                client.batch_execute("rollback").await.ok();
                Err(FingerprintError::query(OPERATION, source))
            }
        }
    }

    /// As [`Tick::read`], on the account of the session's handle ([`Database::spent`](crate::Database::spent)).
    ///
    /// # Errors
    ///
    /// As [`Tick::read`].
    pub async fn of(session: &Session) -> Result<Self, FingerprintError> {
        let sql = statements();
        let client = session.client();
        let trip = session.meter().trip(statements_in(&sql));
        let read = client.simple_query(&sql).await;
        drop(trip);
        match read {
            Ok(messages) => {
                session.meter().texts(&messages);
                Self::of_messages(&messages)
            }
            Err(source) => {
                client.batch_execute("rollback").await.ok();
                Err(FingerprintError::query(OPERATION, source))
            }
        }
    }

    fn of_messages(messages: &[SimpleQueryMessage]) -> Result<Self, FingerprintError> {
        let mut documents = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).filter(|text| text.starts_with('{')),
            _ => None,
        });
        let before: Marks = decode(documents.next())?;
        let parts: Parts = decode(documents.next())?;
        let after: Marks = decode(documents.next())?;
        if before.server != after.server {
            return Err(FingerprintError::Unsupported {
                operation: OPERATION.to_owned(),
                reason: "they were reset while they were read",
            });
        }
        let mut tables: BTreeMap<TableName, TableMarks> = BTreeMap::new();
        for part in parts.tables {
            let table = TableName::new(part.schema, part.name);
            let marks = tables
                .entry(table)
                .or_insert_with(|| TableMarks { parts: Vec::new() });
            marks.parts.push(part.marks);
        }
        let oldest = before
            .busy_since
            .map_or(before.read_at, |busy| busy.min(before.read_at));
        Ok(Self {
            read_at: before.read_at,
            counted_until: (before.hidden == 0).then_some(oldest - COUNTING_LAG),
            server: before.server,
            structure: parts.structure,
            tables,
        })
    }

    /// Whether `table` was written between `earlier` and this tick of the same target.
    #[must_use]
    pub fn unwritten_since(&self, earlier: &Self, table: &TableName) -> Quiet {
        match earlier.tables.get(table) {
            Some(then) => self.unwritten(table, &earlier.server, then),
            None => Quiet::Unknown("it was not there at the earlier reading".to_owned()),
        }
    }

    /// As [`unwritten_since`](Self::unwritten_since), with the parts of the earlier tick that were kept.
    #[must_use]
    pub fn unwritten(&self, table: &TableName, server: &ServerMarks, then: &TableMarks) -> Quiet {
        if let Some(doubt) = self.server.doubt(server) {
            return Quiet::Unknown(doubt);
        }
        if self.counted_until.is_none() {
            return Quiet::Unknown(
                "the sessions of other roles cannot be seen, so the age of the counters is unknown (grant pg_read_all_stats)"
                    .to_owned(),
            );
        }
        match self.tables.get(table) {
            Some(now) => now.compare(then),
            None => Quiet::Written("it is gone".to_owned()),
        }
    }

    /// Whether anything was defined, changed or dropped between `earlier` and this tick.
    #[must_use]
    pub fn same_structure(&self, server: &ServerMarks, structure: &str) -> bool {
        self.server.doubt(server).is_none() && self.structure == structure
    }
}

impl ServerMarks {
    /// Why counters read under `then` cannot be compared with those read under `self`.
    fn doubt(&self, then: &Self) -> Option<String> {
        let text = if self.database != then.database {
            "it is another database"
        } else if self.standby || then.standby {
            "a standby does not count the writes it replays"
        } else if !self.counting || !then.counting {
            "writes are not counted: track_counts is off"
        } else if self.counting_varies || then.counting_varies {
            "track_counts is set for a role or a database, so some writes may not be counted"
        } else if self.started != then.started {
            "the server was restarted"
        } else if self.resets != then.resets {
            "the counters were reset, or lost in a crash"
        } else if self.configured != then.configured {
            "the server's settings were read again"
        } else if self.types != then.types {
            "types, casts or extensions were changed"
        } else {
            return None;
        };
        Some(text.to_owned())
    }
}

impl TableMarks {
    fn compare(&self, then: &Self) -> Quiet {
        if self
            .parts
            .iter()
            .any(|part| !matches!(part.kind, 'r' | 'p'))
        {
            return Quiet::Unknown("its rows, or some of them, live on another server".to_owned());
        }
        let numbers = |marks: &Self| marks.parts.iter().map(|part| part.oid).collect::<Vec<_>>();
        if numbers(self) != numbers(then) {
            return Quiet::Written("it was created anew, or has other partitions".to_owned());
        }
        for (now, then) in self.parts.iter().zip(&then.parts) {
            if now.file != then.file {
                return Quiet::Written("it was truncated or rewritten".to_owned());
            }
            if now.version != then.version || now.kind != then.kind {
                return Quiet::Written("its definition was changed".to_owned());
            }
        }
        let total = |count: fn(&PartMarks) -> i64| {
            let sum = |marks: &Self| marks.parts.iter().map(count).sum::<i64>();
            sum(self).saturating_sub(sum(then))
        };
        // Part by part: what one partition gained must not make up for what another lost.
        if self.parts == then.parts {
            return Quiet::Unwritten;
        }
        Quiet::Written(format!(
            "{} inserted, {} updated, {} deleted since",
            total(|part| part.inserted),
            total(|part| part.updated),
            total(|part| part.deleted)
        ))
    }
}

/// All of it in one round trip. The marks before and after: a reset in between would leave counters of one life with the marks of
/// another.
fn statements() -> String {
    format!(
        "begin read only; {CATALOG_ONLY_SQL}; {MARKS_SQL}; {FORGET}; {PARTS_SQL}; {FORGET}; {MARKS_SQL}; rollback"
    )
}

fn decode<'a, T: Deserialize<'a>>(text: Option<&'a str>) -> Result<T, FingerprintError> {
    let undecodable = |what: String| FingerprintError::Decode {
        operation: OPERATION.to_owned(),
        what,
    };
    let text = text.ok_or_else(|| undecodable("list".to_owned()))?;
    serde_json::from_str(text).map_err(|error| undecodable(error.to_string()))
}

/// One JSON object: what has to stay the same, and how old the counts of busy sessions may be.
///
/// A session that is inside a statement or transaction hands its counts over when that ends, a procedure that commits on its
/// way included; so the older of both starts counts. A session that has just been opened has no state yet, but a beginning, which those
/// that this role may not see have not.
pub(crate) const MARKS_SQL: &str = "\
select json_build_object( \
  'read_at', clock_timestamp(), \
  'busy_since', (select min(least(xact_start, query_start)) from pg_stat_activity \
    where datid = d.oid and pid <> pg_backend_pid() and state is distinct from 'idle' \
    and backend_type not in ('autovacuum worker', 'walsender')), \
  'hidden', (select count(*) from pg_stat_activity where datid = d.oid and pid <> pg_backend_pid() \
    and (state is null and backend_start is null or state = 'disabled') and coalesce(backend_type, 'client backend') = 'client backend'), \
  'database', d.oid::int8, 'started', pg_postmaster_start_time(), 'configured', pg_conf_load_time(), \
  'resets', json_build_array( \
    (select stats_reset from pg_stat_database where datid = d.oid), \
    (select stats_reset from pg_stat_bgwriter), (select stats_reset from pg_stat_wal)), \
  'counting', current_setting('track_counts') = 'on', \
  'counting_varies', exists (select from pg_db_role_setting r, unnest(r.setconfig) s where s like 'track\\_counts=%'), \
  'standby', pg_is_in_recovery(), \
  'types', (select coalesce(sum(hashtextextended(v, 0)), 0)::text from ( \
    select concat_ws(':', 't', oid, xmin) from pg_type where oid >= 16384 and typtype <> 'c' and typelem = 0 \
    union all select concat_ws(':', 'e', oid, xmin) from pg_enum \
    union all select concat_ws(':', 'c', oid, xmin) from pg_cast where oid >= 16384 \
    union all select concat_ws(':', 'x', oid, xmin) from pg_extension \
    union all select concat_ws(':', 'a', a.attrelid, a.attnum, a.xmin) from pg_attribute a join pg_class c on c.oid = a.attrelid \
      where c.relkind = 'c' and c.oid >= 16384) versions(v)) \
) from pg_database d where d.datname = current_database()";

/// One JSON object: every table with its parts and their counters, and a digest of all definitions.
///
/// `VACUUM`, `ANALYZE` and index builds change catalogue rows in place and leave their `xmin`.
pub(crate) const PARTS_SQL: &str = "\
with recursive defined as ( \
  select c.oid, c.xmin, c.relkind, c.relispartition, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace \
  where c.relpersistence <> 't' and c.relkind in ('r', 'p', 'f', 'v', 'm', 'i', 'I', 'S') \
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'), \
part(root, oid) as ( \
  select oid, oid from defined where relkind in ('r', 'p', 'f') and not relispartition \
  union select p.root, i.inhrelid from part p join pg_inherits i on i.inhparent = p.oid), \
columns as ( \
  select a.attrelid, sum(hashtextextended(concat_ws(':', a.attnum, a.xmin), 0)) as version \
  from pg_attribute a join defined d on d.oid = a.attrelid where a.attnum > 0 group by 1), \
versions(v) as ( \
  select concat_ws(':', 'd', oid, xmin, nspname, relname) from defined \
  union all select concat_ws(':', 'a', attrelid, version) from columns \
  union all select concat_ws(':', 'h', inhrelid, inhparent) from pg_inherits \
  union all select concat_ws(':', 'f', x.oid, x.xmin) from pg_attrdef x where x.adrelid in (select oid from defined) \
  union all select concat_ws(':', 'k', x.oid, x.xmin) from pg_constraint x where x.conrelid in (select oid from defined) \
  union all select concat_ws(':', 'i', x.indexrelid, x.xmin, x.indisvalid) from pg_index x where x.indrelid in (select oid from defined) \
  union all select concat_ws(':', 't', x.oid, x.xmin) from pg_trigger x where x.tgrelid in (select oid from defined) \
  union all select concat_ws(':', 'r', x.oid, x.xmin) from pg_rewrite x where x.ev_class in (select oid from defined) \
  union all select concat_ws(':', 's', x.seqrelid, x.xmin) from pg_sequence x) \
select json_build_object( \
  'structure', (select coalesce(sum(hashtextextended(v, 0)), 0)::text from versions), \
  'tables', (select coalesce(json_agg(json_build_object( \
      'schema', d.nspname, 'name', d.relname, 'oid', c.oid::int8, 'kind', c.relkind, 'file', c.relfilenode::int8, \
      'version', concat_ws(':', c.xmin, a.version), \
      'inserted', pg_stat_get_tuples_inserted(c.oid), 'updated', pg_stat_get_tuples_updated(c.oid), \
      'deleted', pg_stat_get_tuples_deleted(c.oid), 'hot_updated', pg_stat_get_tuples_hot_updated(c.oid)) \
      order by d.nspname, d.relname, c.oid), '[]') \
    from part p join defined d on d.oid = p.root join pg_class c on c.oid = p.oid left join columns a on a.attrelid = c.oid))";
