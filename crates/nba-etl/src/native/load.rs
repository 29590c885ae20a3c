//! What all ports share: documents read a few at a time, their rows staged with `COPY`, merged behind a key in one statement, and
//! counted by the server.
//!
//! A port is a [`Port`]: the table it fills, its key, and what one document holds. Everything else is here:
//!
//! ```no_run
//! # async fn example(db: nba_db::Database, lake: nba_etl::Lake) -> Result<(), Box<dyn std::error::Error>> {
//! use nba_db::Purpose;
//! use nba_etl::native::{Mode, load, plays};
//!
//! let mut writer = db.writer(Purpose::new("load espn plays")).await?;
//! let port = &plays::PlayByPlay;
//! let account = load::load_year(&db, &mut writer, &lake, port, 2024, &load::LoadOptions::new(port, Mode::Correct)).await?;
//! assert!(account.is_balanced());
//! # Ok(()) }
//! ```

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use nba_db::ident::{self, TableName};
use nba_db::{CopyFormat, Database, DbError, TextRows, Writer};
use nba_utils::Hint;
use serde::Serialize;

use super::{Divergence, Mode};
use crate::lake::{Lake, LakeError, LakeErrorKind};

#[cfg(test)]
mod tests;

/// The table a port fills, and what becomes of a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Its name in the legacy platform, `schema.table`.
    pub table: &'static str,
    /// Columns written, in the order of the rows.
    pub columns: &'static [&'static str],
    /// The columns that tell rows apart. A unique key on exactly these is asked for before anything is written, and no row has
    /// NULL there.
    pub key: &'static [&'static str],
    /// Columns that are replaced where a row is there already; empty: such a row is left alone.
    pub updates: &'static [&'static str],
    /// The column that says when a row was last written.
    pub stamp: Option<&'static str>,
}

/// What one document holds.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Reading {
    /// Rows in the document's order, one field for each of [`Shape::columns`].
    pub rows: TextRows,
    /// What was not loaded, and why.
    pub aside: Vec<Aside>,
    /// Where correct mode did not do what the legacy script does.
    pub divergences: BTreeSet<Divergence>,
}

/// Something in a document that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Aside {
    /// The document: for most ports the game.
    pub game_id: String,
    /// Its number in the document, counted from 1.
    pub number: usize,
    /// Why.
    pub reason: String,
}

impl Aside {
    /// Item `number`, counted from 1, of a document.
    pub fn new(document: impl Into<String>, number: usize, reason: impl Into<String>) -> Aside {
        Aside {
            game_id: document.into(),
            number,
            reason: reason.into(),
        }
    }
}

/// Why a document cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct ReadError {
    /// What is wrong.
    pub reason: String,
    /// Line, counted from 1; 0 where it is unknown.
    pub line: usize,
    /// Column in the line, in bytes, counted from 1; 0 where it is unknown.
    pub column: usize,
}

impl ReadError {
    /// Something that has no place in the document.
    pub fn new(reason: impl Into<String>) -> ReadError {
        ReadError {
            reason: reason.into(),
            line: 0,
            column: 0,
        }
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> ReadError {
        ReadError {
            line: error.line(),
            column: error.column(),
            reason: error.to_string(),
        }
    }
}

/// A document that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unreadable {
    /// Its key in the lake.
    pub key: String,
    /// Why.
    pub reason: String,
    /// Line, counted from 1; 0 where it is unknown.
    pub line: usize,
    /// Column in the line, in bytes, counted from 1; 0 where it is unknown.
    pub column: usize,
}

/// The native form of one legacy loader: one table out of documents of one kind.
pub trait Port: Send + Sync {
    /// The table.
    fn shape(&self, mode: Mode) -> Shape;

    /// Where the document with this id (of a game, or of a day) is in the lake.
    fn document(&self, id: &str) -> String;

    /// The divergence behind keeping, in a row that is there already, what a document does not say: NULL then replaces nothing. `None`: it
    /// does, as the legacy scripts have it.
    fn keeps_known(&self, _mode: Mode) -> Option<Divergence> {
        None
    }

    /// Reads one document. Rows that must not be loaded go to [`Reading::aside`] with the reason.
    ///
    /// # Errors
    ///
    /// It is no document of this kind at all.
    fn read(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Reading, ReadError>;
}

/// Documents on the way at once unless told otherwise: enough to hide the latency of S3.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

/// How to load.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadOptions {
    /// What to be faithful to.
    pub mode: Mode,
    /// The table that is filled.
    pub table: TableName,
    /// The table that names the games of a year.
    pub games: TableName,
    /// Documents on the way at once.
    pub concurrency: NonZeroUsize,
}

impl LoadOptions {
    /// The port's own table, for the games of `public.games`, eight documents at a time.
    #[must_use]
    pub fn new(port: &dyn Port, mode: Mode) -> LoadOptions {
        LoadOptions {
            mode,
            table: TableName::parse(port.shape(mode).table),
            games: TableName::parse("public.games"),
            concurrency: CONCURRENCY,
        }
    }
}

/// What became of the rows of some documents. Always balanced:
/// `attempted = inserted + updated + unchanged + repeated` and
/// `games = loaded_games + empty_games + missing + unreadable`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoadAccount {
    /// Documents asked for.
    pub games: u64,
    /// Documents with at least one row.
    pub loaded_games: u64,
    /// Documents that hold none.
    pub empty_games: u64,
    /// Documents that are not there.
    pub missing: u64,
    /// Documents that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Rows handed to the server.
    pub attempted: u64,
    /// New rows.
    pub inserted: u64,
    /// Rows that were there and were written again.
    pub updated: u64,
    /// Rows that were there, the same.
    pub unchanged: u64,
    /// Rows whose key came before in the same documents: the first one counts.
    pub repeated: u64,
    /// What was put aside.
    pub aside: Vec<Aside>,
    /// Where this was not what the legacy script does.
    pub divergences: BTreeSet<Divergence>,
}

impl LoadAccount {
    /// Whether the figures add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.attempted == self.inserted + self.updated + self.unchanged + self.repeated
            && self.games
                == self.loaded_games
                    + self.empty_games
                    + self.missing
                    + count(self.unreadable.len())
    }

    /// Adds the account of other documents.
    pub fn add(&mut self, other: LoadAccount) {
        self.games += other.games;
        self.loaded_games += other.loaded_games;
        self.empty_games += other.empty_games;
        self.missing += other.missing;
        self.unreadable.extend(other.unreadable);
        self.attempted += other.attempted;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.repeated += other.repeated;
        self.aside.extend(other.aside);
        self.divergences.extend(other.divergences);
    }

    /// Takes one document in and gives its rows.
    fn take(&mut self, mut reading: Reading) -> Bytes {
        let rows = reading.rows.rows();
        self.loaded_games += u64::from(rows > 0);
        self.empty_games += u64::from(rows == 0);
        self.attempted += rows;
        self.aside.extend(reading.aside);
        self.divergences.extend(reading.divergences);
        reading.rows.take()
    }
}

pub(super) fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// Why documents were not loaded; none of them was, then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The table cannot tell one row from another.
    #[error("`{table}` has no unique key on `{}`", key.join("`, `"))]
    NoKey {
        /// The table.
        table: TableName,
        /// The columns.
        key: Vec<String>,
    },
    /// The figures do not add up.
    #[error("the account of {what} does not balance: {account:?}")]
    Unbalanced {
        /// What was loaded.
        what: String,
        /// The figures.
        account: Box<LoadAccount>,
    },
    /// The table holds something else than what was handed over.
    #[error("{rows} rows of {what} are not in `{table}` as they were sent")]
    Landed {
        /// What was loaded.
        what: String,
        /// The table.
        table: TableName,
        /// Rows that differ.
        rows: u64,
    },
    /// The lake did not answer.
    #[error("cannot read `{key}`")]
    Lake {
        /// The document.
        key: String,
        /// What it said.
        source: LakeError,
    },
    /// Reading a document panicked.
    #[error("reading `{key}` was given up")]
    Reader {
        /// The document.
        key: String,
    },
    /// The database refused.
    #[error("cannot load {what}")]
    Database {
        /// What was loaded.
        what: String,
        /// What it said.
        source: Box<DbError>,
    },
}

impl Hint for LoadError {
    fn hint(&self) -> Option<String> {
        match self {
            LoadError::NoKey { table, key } => Some(format!(
                "create unique index concurrently on {table} ({}); duplicates have to go first",
                key.join(", ")
            )),
            LoadError::Landed { .. } => Some(
                "nothing was kept; a trigger or a rule of the table changes what is written"
                    .to_owned(),
            ),
            LoadError::Lake { source, .. } => source.hint(),
            LoadError::Database { source, .. } => source.hint(),
            LoadError::Unbalanced { .. } | LoadError::Reader { .. } => None,
        }
    }
}

/// A unique key on exactly these columns that holds for every row of the table, whatever the order of its columns.
const KEY_SQL: &str = "select count(*) from pg_index i \
     where i.indrelid = $1::text::regclass and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null \
     and i.indnkeyatts = cardinality($2::text[]) \
     and (select array_agg(a.attname::text collate \"C\" order by a.attname::text collate \"C\") from pg_attribute a \
          where a.attrelid = i.indrelid and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])) \
       = (select array_agg(c collate \"C\" order by c collate \"C\") from unnest($2::text[]) as c)";

/// Documents that are loaded together, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What it is, for messages: `play_by_play of 2024`.
    pub what: String,
    /// Ids of the documents, in the order in which they count: of a key that comes twice, the first.
    pub ids: Vec<String>,
}

/// Loads the documents of a calendar year's games, all or nothing.
///
/// # Errors
///
/// As [`load`].
pub async fn load_year(
    db: &Database,
    writer: &mut Writer,
    lake: &Lake,
    port: &'static dyn Port,
    year: i32,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let what = format!("{} of {year}", options.table);
    let ids = games_of_year(db, year, &options.games)
        .await
        .map_err(|source| LoadError::Database {
            what: what.clone(),
            source: Box::new(source),
        })?;
    load(db, writer, lake, port, Batch { what, ids }, options).await
}

/// The games of a calendar year in the order of their dates, as the legacy scripts ask for them (ETL dossier 2.2).
///
/// # Errors
///
/// What the database says.
pub async fn games_of_year(
    db: &Database,
    year: i32,
    games: &TableName,
) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "select game_id::text from {} where game_date >= make_date($1, 1, 1) and game_date < make_date($1 + 1, 1, 1) \
         order by game_date, game_id",
        games.sql()
    );
    let rows = db.query_rows(&sql, &[&year]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Loads documents, all or nothing: staged with `COPY`, merged in one statement, counted and compared by the server.
///
/// Running it twice changes nothing but, in compat mode, [`Shape::stamp`]. Memory: a few documents and their rows.
///
/// # Errors
///
/// [`LoadError`]; the table is then as it was.
pub async fn load(
    db: &Database,
    writer: &mut Writer,
    lake: &Lake,
    port: &'static dyn Port,
    batch: Batch,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let Batch { what, ids } = batch;
    let shape = port.shape(options.mode);
    let mut staging = Staging::prepare(db, writer, &what, &options.table, &shape).await?;
    staging.keeps_known = port.keeps_known(options.mode).is_some();
    let mut account = LoadAccount {
        games: count(ids.len()),
        ..LoadAccount::default()
    };
    let mut failed = None;
    // `buffered` keeps the order: of a key that comes twice, the first document counts.
    let mut documents = stream::iter(ids)
        .map(|id| fetch(lake, port, id, options.mode))
        .buffered(options.concurrency.get());
    let rows = stream::poll_fn(|context| {
        documents.poll_next_unpin(context).map(|next| {
            let (key, found) = next?;
            Some(match found {
                Ok(Found::Rows(reading)) => Ok(account.take(reading)),
                Ok(Found::Missing) => {
                    account.missing += 1;
                    Ok(Bytes::new())
                }
                Ok(Found::Unreadable(error)) => {
                    account.unreadable.push(Unreadable {
                        key,
                        reason: error.reason,
                        line: error.line,
                        column: error.column,
                    });
                    Ok(Bytes::new())
                }
                Err(error) => {
                    failed = Some(error);
                    Err("a document cannot be fetched")
                }
            })
        })
    });
    let staged = staging.fill(writer, rows).await;
    if let Some(error) = failed {
        return Err(error);
    }
    let staged = staged?;
    if staged != account.attempted {
        return Err(LoadError::Unbalanced {
            what,
            account: Box::new(account),
        });
    }
    let merged = staging.merge(writer, options.mode, staged).await?;
    account.inserted = merged.inserted;
    account.updated = merged.updated;
    account.unchanged = merged.unchanged;
    account.repeated = merged.repeated;
    if account.unchanged > 0 && shape.stamp.is_some() {
        account.divergences.insert(Divergence::Untouched);
    }
    if !account.is_balanced() {
        return Err(LoadError::Unbalanced {
            what,
            account: Box::new(account),
        });
    }
    Ok(account)
}

enum Found {
    Rows(Reading),
    Missing,
    Unreadable(ReadError),
}

/// Fetches and reads one document; reading is work, so not on a thread that waits for others.
async fn fetch(
    lake: &Lake,
    port: &'static dyn Port,
    id: String,
    mode: Mode,
) -> (String, Result<Found, LoadError>) {
    let key = port.document(&id);
    let bytes = match lake.get(&key).await {
        Ok(document) => document.bytes,
        Err(error) if error.kind() == LakeErrorKind::NotFound => return (key, Ok(Found::Missing)),
        Err(source) => {
            let error = LoadError::Lake {
                key: key.clone(),
                source,
            };
            return (key, Err(error));
        }
    };
    let found = tokio::task::spawn_blocking(move || match port.read(&bytes, &id, mode) {
        Ok(reading) => Found::Rows(reading),
        Err(error) => Found::Unreadable(error),
    })
    .await
    .map_err(|_| LoadError::Reader { key: key.clone() });
    (key, found)
}

/// What the merge of staged rows did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Merged {
    /// New rows.
    pub(super) inserted: u64,
    /// Rows written again.
    pub(super) updated: u64,
    /// Rows that were there, the same.
    pub(super) unchanged: u64,
    /// Rows whose key came before in the batch.
    pub(super) repeated: u64,
}

/// A table of this session that takes the rows before the real one sees them.
#[derive(Debug)]
pub(super) struct Staging {
    what: String,
    table: TableName,
    name: TableName,
    shape: Shape,
    /// Whether NULL replaces nothing.
    keeps_known: bool,
}

impl Staging {
    /// Makes it, empty and of the target's types, once the target is known to have its key.
    pub(super) async fn prepare(
        db: &Database,
        writer: &mut Writer,
        what: &str,
        table: &TableName,
        shape: &Shape,
    ) -> Result<Staging, LoadError> {
        let staging = Staging {
            what: what.to_owned(),
            table: table.clone(),
            name: TableName::new("pg_temp", "incoming"),
            shape: *shape,
            keeps_known: false,
        };
        let keyed = verify_key(db, table, shape)
            .await
            .map_err(|source| staging.failed(source))?;
        if !keyed {
            return Err(LoadError::NoKey {
                table: table.clone(),
                key: shape.key.iter().map(|&column| column.to_owned()).collect(),
            });
        }
        writer
            .batch_execute(&format!(
                "drop table if exists pg_temp.incoming; \
                 create temp table incoming as select {} from {} with no data; \
                 alter table incoming add column \"nba ordinal\" bigint generated always as identity",
                ident::list(shape.columns.iter().copied()),
                table.sql()
            ))
            .await
            .map_err(|source| staging.failed(source))?;
        Ok(staging)
    }

    fn failed(&self, source: DbError) -> LoadError {
        LoadError::Database {
            what: self.what.clone(),
            source: Box::new(source),
        }
    }

    /// Sends the rows and gives their number.
    pub(super) async fn fill<S, E>(&self, writer: &mut Writer, rows: S) -> Result<u64, LoadError>
    where
        S: futures::Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        writer
            .copy_in(&self.name, self.shape.columns, CopyFormat::Text, rows)
            .await
            .map(|account| account.inserted)
            .map_err(|source| self.failed(source))
    }

    /// Merges them in one statement, which happens whole or not at all.
    pub(super) async fn merge(
        &self,
        writer: &mut Writer,
        mode: Mode,
        staged: u64,
    ) -> Result<Merged, LoadError> {
        let sql = merge_sql(&self.table, &self.shape, mode, self.keeps_known);
        let failed = |source| self.failed(source);
        let mut transaction = writer.transaction().await.map_err(failed)?;
        let rows = transaction.query(&sql, &[]).await.map_err(failed)?;
        let figure = |column: &str| -> Result<u64, LoadError> {
            match rows.first() {
                Some(row) => row.get::<u64>(column).map_err(failed),
                None => Ok(0),
            }
        };
        let (firsts, damaged) = (figure("firsts")?, figure("damaged")?);
        let (inserted, updated) = (figure("inserted")?, figure("updated")?);
        if damaged > 0 {
            transaction.rollback().await.map_err(failed)?;
            return Err(LoadError::Landed {
                what: self.what.clone(),
                table: self.table.clone(),
                rows: damaged,
            });
        }
        transaction.commit().await.map_err(failed)?;
        Ok(Merged {
            inserted,
            updated,
            unchanged: firsts.saturating_sub(inserted + updated),
            repeated: staged.saturating_sub(firsts),
        })
    }
}

/// Whether a unique key on exactly the shape's key columns holds for the table.
///
/// # Errors
///
/// What the database says, also where there is no such table.
pub async fn verify_key(db: &Database, table: &TableName, shape: &Shape) -> Result<bool, DbError> {
    let keys: i64 = db
        .query_scalar(KEY_SQL, &[&table.sql(), &shape.key])
        .await?;
    Ok(keys > 0)
}

/// The merge: the first of each key, inserted or replacing, and what the server then has compared with what was sent.
fn merge_sql(table: &TableName, shape: &Shape, mode: Mode, keeps_known: bool) -> String {
    let columns = ident::list(shape.columns.iter().copied());
    let key = ident::list(shape.key.iter().copied());
    let of = |name: &str, columns: &[&str]| {
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!("{name}.{}", ident::Ident::new(*column)))
            .collect();
        format!("row({})", columns.join(", "))
    };
    // What a row is to have afterwards: what was sent, or where that is NULL and must not replace anything, what `old` has.
    let wanted = |new: &str, old: &str, columns: &[&str]| {
        if !keeps_known {
            return of(new, columns);
        }
        let columns: Vec<String> = columns
            .iter()
            .map(|column| ident::Ident::new(*column))
            .map(|column| format!("coalesce({new}.{column}, {old}.{column})"))
            .collect();
        format!("row({})", columns.join(", "))
    };
    let conflict = if shape.updates.is_empty() {
        "do nothing".to_owned()
    } else {
        let mut changes: Vec<String> = shape
            .updates
            .iter()
            .map(|column| ident::Ident::new(*column))
            .map(|column| {
                if keeps_known {
                    format!("{column} = coalesce(excluded.{column}, target.{column})")
                } else {
                    format!("{column} = excluded.{column}")
                }
            })
            .collect();
        changes.extend(
            shape
                .stamp
                .map(|stamp| format!("{} = current_timestamp", ident::Ident::new(stamp))),
        );
        let condition = match mode {
            Mode::Compat => String::new(),
            Mode::Correct => format!(
                " where {} is distinct from {}",
                of("target", shape.updates),
                wanted("excluded", "target", shape.updates)
            ),
        };
        format!("do update set {}{condition}", changes.join(", "))
    };
    let updates = if shape.updates.is_empty() {
        shape.key
    } else {
        shape.updates
    };
    format!(
        "with first as materialized (select distinct on ({key}) * from pg_temp.incoming order by {key}, \"nba ordinal\"), \
         merged as (insert into {table} as target ({columns}) select {columns} from first order by \"nba ordinal\" \
           on conflict ({key}) {conflict} returning (target.xmax = 0) as \"nba new\", {returned}) \
         select (select count(*) from first) as firsts, count(*) filter (where \"nba new\") as inserted, \
           count(*) filter (where not \"nba new\") as updated, \
           count(*) filter (where {landed} is distinct from {sent} or (\"nba new\" and {landed_new} is distinct from {sent_new})) as damaged \
         from merged left join first on {merged_key} = {first_key}",
        table = table.sql(),
        returned = shape
            .columns
            .iter()
            .map(|column| format!("target.{}", ident::Ident::new(*column)))
            .collect::<Vec<_>>()
            .join(", "),
        landed = of("merged", updates),
        sent = wanted("first", "merged", updates),
        landed_new = of("merged", shape.columns),
        sent_new = of("first", shape.columns),
        merged_key = of("merged", shape.key),
        first_key = of("first", shape.key),
    )
}
