//! Read-only transactions that see one state of the database, alone or together.

use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::database::Database;
use crate::error::{DbError, Result};
use crate::ident::{self, TableName};
use crate::session::Session;

const BEGIN_SQL: &str = "begin transaction isolation level repeatable read, read only";
pub(crate) const EXPORT_SQL: &str = "select pg_catalog.pg_export_snapshot(), pg_catalog.pg_current_snapshot()::pg_catalog.text, pg_catalog.clock_timestamp()";

/// Everything whose rows are read when the relation `$1` is: itself, what inherits from it, and what a view selects from.
macro_rules! parts_of {
    () => {
        "\
with recursive part as ( \
  select $1::pg_catalog.text::pg_catalog.regclass::pg_catalog.oid as oid \
  union select x.oid from part p cross join lateral ( \
    select i.inhrelid as oid from pg_catalog.pg_inherits i where i.inhparent operator(pg_catalog.=) p.oid \
    union all select d.refobjid from pg_catalog.pg_class v \
    join pg_catalog.pg_rewrite r on r.ev_class operator(pg_catalog.=) v.oid \
    join pg_catalog.pg_depend d on d.objid operator(pg_catalog.=) r.oid \
    where v.oid operator(pg_catalog.=) p.oid and v.relkind operator(pg_catalog.=) 'v' \
    and d.classid operator(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
    and d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass) x) "
    };
}

/// Whether the relation `$1`, or a part of it, was given other files since the snapshot was taken.
///
/// `TRUNCATE` and rewriting `ALTER TABLE` are not covered by a snapshot: an older one sees the table empty. The function
/// tells the present file, the row of `pg_class` the file at the snapshot; `NULL` says that the part is gone or new.
pub(crate) const REWRITTEN_SQL: &str = concat!(
    parts_of!(),
    "select pg_catalog.count(*) operator(pg_catalog.>) 0 from part p left join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) p.oid \
     where c.oid is null or (c.relkind operator(pg_catalog.<>) 'p' and c.relkind operator(pg_catalog.<>) 'f' \
     and c.relkind operator(pg_catalog.<>) 'v' \
     and pg_catalog.pg_relation_filenode(c.oid) is distinct from c.relfilenode \
     and c.relfilenode operator(pg_catalog.<>) 0)"
);

/// Whether reading the relation `$1` reads rows that live on another server.
pub(crate) const FOREIGN_SQL: &str = concat!(
    parts_of!(),
    "select pg_catalog.count(*) operator(pg_catalog.>) 0 from part p \
     join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) p.oid where c.relkind operator(pg_catalog.=) 'f'"
);

/// Keeps functions, tables and operators of users from standing in for PostgreSQL's until the transaction ends.
pub(crate) const CATALOG_ONLY_SQL: &str = "set local search_path = pg_catalog";

/// Whether `table`, or a part of it, was truncated or rewritten after the snapshot of the client's transaction was taken, so that
/// the transaction cannot see its rows. Ask after reading the table: reading locks it.
///
/// # Errors
/// Whatever the server says, also when there is no such table.
pub async fn rewritten_since_snapshot(
    client: &tokio_postgres::Client,
    table: &TableName,
) -> std::result::Result<bool, tokio_postgres::Error> {
    client
        .query_one(REWRITTEN_SQL, &[&table.sql()])
        .await?
        .try_get(0)
}

/// A session inside a read-only, repeatable-read transaction.
///
/// Everything read through it is one state of the database, however long it takes. Others can see
/// the same state with [`Database::join_snapshot`] while this one is alive. Dropping it ends the
/// transaction.
///
/// ```no_run
/// # async fn example(db: nba_db::Database) -> nba_db::Result<()> {
/// let here = db.snapshot().await?;
/// let there = db.join_snapshot(here.id()).await?;
/// let games = here.query_scalar::<i64>("select count(*) from games", &[]).await?;
/// assert_eq!(games, there.query_scalar::<i64>("select count(*) from games", &[]).await?);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Snapshot {
    session: Session,
    id: String,
    transactions: String,
    taken_at: DateTime<Utc>,
}

impl Snapshot {
    /// `begin` opens the transaction on the wanted state.
    async fn begin(session: Session, begin: &str) -> Result<Self> {
        const OPERATION: &str = "opening a snapshot";
        session.batch_execute(begin).await?;
        let rows = session.query_rows(EXPORT_SQL, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| DbError::usage(OPERATION, "the server gave no row"))?;
        let fail = |error| DbError::from_tokio(OPERATION, error);
        let id = row.try_get(0).map_err(fail)?;
        let transactions = row.try_get(1).map_err(fail)?;
        let taken_at = row.try_get(2).map_err(fail)?;
        Ok(Self {
            session,
            id,
            transactions,
            taken_at,
        })
    }

    /// The id under which other sessions can join.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The transactions it sees, in `pg_current_snapshot()` form.
    #[must_use]
    pub fn transactions(&self) -> &str {
        &self.transactions
    }

    /// The server's clock when it was taken.
    #[must_use]
    pub fn taken_at(&self) -> DateTime<Utc> {
        self.taken_at
    }

    /// Bounds each further statement of this transaction; zero means unlimited.
    ///
    /// # Errors
    /// As [`Session::batch_execute`].
    pub async fn limit_statements(&self, timeout: Duration) -> Result<()> {
        self.session
            .batch_execute(&format!(
                "set local statement_timeout = {}",
                crate::guard::milliseconds(timeout)
            ))
            .await
    }
}

impl Deref for Snapshot {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Database {
    /// Opens a snapshot of now.
    ///
    /// # Errors
    /// As [`Database::session`] and [`Session::batch_execute`].
    #[track_caller]
    pub fn snapshot(&self) -> impl Future<Output = Result<Snapshot>> + Send + use<> {
        let session = self.session();
        async move { Snapshot::begin(session.await?, BEGIN_SQL).await }
    }

    /// Opens another session on the snapshot called `id`, whose owner must still hold it.
    ///
    /// # Errors
    /// As [`Database::snapshot`]; also when no such snapshot is held.
    #[track_caller]
    pub fn join_snapshot(&self, id: &str) -> impl Future<Output = Result<Snapshot>> + Send + use<> {
        let session = self.session();
        let join = format!(
            "{BEGIN_SQL}; set transaction snapshot {}",
            ident::literal(id)
        );
        async move { Snapshot::begin(session.await?, &join).await }
    }

    /// As [`Database::join_snapshot`], with a session that is free right now, or none.
    #[track_caller]
    pub(crate) fn try_join_snapshot(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Snapshot>>> + Send + use<> {
        let session = self.try_session();
        let join = format!(
            "{BEGIN_SQL}; set transaction snapshot {}",
            ident::literal(id)
        );
        async move {
            match session.await? {
                Some(session) => Snapshot::begin(session, &join).await.map(Some),
                None => Ok(None),
            }
        }
    }
}
