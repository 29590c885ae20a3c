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
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use nba_db::ident::{self, TableName};
use nba_db::{CopyFormat, Database, DbError, TextRows, Writer};
use nba_utils::Hint;
use serde::{Deserialize, Serialize};

use super::kind::{self, Kind};
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl Unreadable {
    pub(super) fn new(key: impl Into<String>, error: ReadError) -> Unreadable {
        Unreadable {
            key: key.into(),
            reason: error.reason,
            line: error.line,
            column: error.column,
        }
    }
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
        LoadOptions::of(TableName::parse(port.shape(mode).table), mode)
    }

    /// Another table.
    #[must_use]
    pub fn of(table: TableName, mode: Mode) -> LoadOptions {
        LoadOptions {
            mode,
            table,
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
    pub rejected: u64,
    /// What was put aside, in detail; of a file with very many such rows only the first ones.
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
        self.rejected += other.rejected;
        self.aside.extend(other.aside);
        self.divergences.extend(other.divergences);
    }

    /// Everything that was read: `inserted + updated + unchanged + repeated + rejected`.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.attempted + self.rejected
    }

    /// Takes what the merge did.
    pub(super) fn set(&mut self, merged: Merged) {
        self.inserted = merged.inserted;
        self.updated = merged.updated;
        self.unchanged = merged.unchanged;
        self.repeated = merged.repeated;
    }

    /// Takes one document in, whatever became of it, and gives its rows.
    fn accept(&mut self, key: String, found: Result<Found, LoadError>) -> Result<Bytes, LoadError> {
        match found? {
            Found::Rows(reading) => return Ok(self.take(reading)),
            Found::Missing => self.missing += 1,
            Found::Unreadable(error) => self.unreadable.push(Unreadable::new(key, error)),
        }
        Ok(Bytes::new())
    }

    /// Takes one document in and gives its rows.
    fn take(&mut self, mut reading: Reading) -> Bytes {
        let rows = reading.rows.rows();
        self.loaded_games += u64::from(rows > 0);
        self.empty_games += u64::from(rows == 0);
        self.attempted += rows;
        self.rejected += count(reading.aside.len());
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
    let merge_shape = MergeShape {
        keeps_known: port.keeps_known(options.mode).is_some(),
        ..shape.into()
    };
    let staging =
        Staging::prepare(db, writer, &what, &options.table, merge_shape, options.mode).await?;
    let mut account = LoadAccount {
        games: count(ids.len()),
        ..LoadAccount::default()
    };
    let kinds = kinds(db, &what, &options.table, &shape, options.mode).await?;
    let mut failed = None;
    // `buffered` keeps the order: of a key that comes twice, the first document counts.
    let mut documents = stream::iter(ids)
        .map(|id| fetch(lake, port, id, options.mode, Arc::clone(&kinds)))
        .buffered(options.concurrency.get());
    let rows = stream::poll_fn(|context| {
        documents.poll_next_unpin(context).map(|next| {
            let (key, found) = next?;
            Some(account.accept(key, found).map_err(|error| {
                failed = Some(error);
                "a document cannot be fetched"
            }))
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
    account.set(merged);
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

/// Loads rows that are made already, in `COPY`'s text form with the columns of the shape, as [`load`] loads those of documents.
///
/// # Errors
///
/// As [`load`]; also an error of the stream itself.
pub async fn load_rows<S, E>(
    db: &Database,
    writer: &mut Writer,
    shape: Shape,
    rows: S,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError>
where
    S: futures::Stream<Item = Result<Bytes, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let what = format!("rows of {}", options.table);
    let staging = Staging::prepare(
        db,
        writer,
        &what,
        &options.table,
        shape.into(),
        options.mode,
    )
    .await?;
    // `COPY` itself compares what was handed over with what arrived.
    let staged = staging.fill(writer, rows).await?;
    let mut account = LoadAccount {
        attempted: staged,
        ..LoadAccount::default()
    };
    account.set(staging.merge(writer, options.mode, staged).await?);
    if !account.is_balanced() {
        return Err(LoadError::Unbalanced {
            what,
            account: Box::new(account),
        });
    }
    Ok(account)
}

/// Reads documents without loading them: what [`load`] would hand over and put aside. Asks the table for its key, too.
///
/// # Errors
///
/// As [`load`].
pub async fn preview(
    db: &Database,
    lake: &Lake,
    port: &'static dyn Port,
    batch: Batch,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let Batch { what, ids } = batch;
    let shape = port.shape(options.mode);
    choose_key(db, &what, &options.table, &shape.into(), options.mode).await?;
    let kinds = kinds(db, &what, &options.table, &shape, options.mode).await?;
    let mut account = LoadAccount {
        games: count(ids.len()),
        ..LoadAccount::default()
    };
    let mut documents = stream::iter(ids)
        .map(|id| fetch(lake, port, id, options.mode, Arc::clone(&kinds)))
        .buffered(options.concurrency.get());
    while let Some((key, found)) = documents.next().await {
        let _ = account.accept(key, found)?;
    }
    Ok(account)
}

/// A port whose documents lie side by side in one folder, whatever its name: `401.json`.
#[derive(Debug, Clone, Copy)]
pub struct Beside<P>(pub P);

impl<P: Port> Port for Beside<P> {
    fn shape(&self, mode: Mode) -> Shape {
        self.0.shape(mode)
    }

    fn keeps_known(&self, mode: Mode) -> Option<Divergence> {
        self.0.keeps_known(mode)
    }

    fn document(&self, id: &str) -> String {
        format!("{id}.json")
    }

    fn read(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Reading, ReadError> {
        self.0.read(bytes, id, mode)
    }
}

enum Found {
    Rows(Reading),
    Missing,
    Unreadable(ReadError),
}

/// What the columns written take. In compat mode nothing is held against it: there one value that does not fit stops the whole batch, as it
/// stops the legacy script.
async fn kinds(
    db: &Database,
    what: &str,
    table: &TableName,
    shape: &Shape,
    mode: Mode,
) -> Result<Arc<Vec<(String, Kind)>>, LoadError> {
    if mode == Mode::Compat {
        return Ok(Arc::default());
    }
    let columns = kind::columns_of(db, table)
        .await
        .map_err(|source| LoadError::Database {
            what: what.to_owned(),
            source: Box::new(source),
        })?;
    Ok(Arc::new(
        shape
            .columns
            .iter()
            .map(|name| {
                let known = columns.iter().find(|(column, _)| column == name);
                let kind = known.map_or(Kind::Text(None), |(_, kind)| *kind);
                ((*name).to_owned(), kind)
            })
            .collect(),
    ))
}

/// Fetches and reads one document; reading is work, so not on a thread that waits for others.
async fn fetch(
    lake: &Lake,
    port: &'static dyn Port,
    id: String,
    mode: Mode,
    kinds: Arc<Vec<(String, Kind)>>,
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
        Ok(mut reading) => {
            for (row, reason) in kind::sift(&mut reading.rows, &kinds) {
                reading.divergences.insert(Divergence::WholeYear);
                reading
                    .aside
                    .push(Aside::new(id.as_str(), row, format!("row {row}: {reason}")));
            }
            Found::Rows(reading)
        }
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

/// A [`Shape`] known only at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MergeShape {
    /// Columns written, in the order of the rows.
    pub(super) columns: Vec<String>,
    /// Keys that do, the best one first.
    pub(super) keys: Vec<Vec<String>>,
    /// Columns that are replaced where a row is there already.
    pub(super) updates: Vec<String>,
    /// The column that gathers rows of one game. Where there is one, compat mode needs no key: rows are compared whole, with those of
    /// the same games.
    pub(super) group: Option<String>,
    /// The column that says when a row was last written.
    pub(super) stamp: Option<String>,
    /// Whether NULL replaces nothing.
    pub(super) keeps_known: bool,
}

impl From<Shape> for MergeShape {
    fn from(shape: Shape) -> MergeShape {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        MergeShape {
            columns: owned(shape.columns),
            keys: vec![owned(shape.key)],
            updates: owned(shape.updates),
            group: None,
            stamp: shape.stamp.map(str::to_owned),
            keeps_known: false,
        }
    }
}

/// A table of this session that takes the rows before the real one sees them.
#[derive(Debug)]
pub(super) struct Staging {
    what: String,
    table: TableName,
    name: TableName,
    shape: MergeShape,
    /// Empty: rows are compared whole.
    key: Vec<String>,
}

impl Staging {
    /// Makes it, empty and of the target's types, once the target is known to have its key.
    pub(super) async fn prepare(
        db: &Database,
        writer: &mut Writer,
        what: &str,
        table: &TableName,
        shape: MergeShape,
        mode: Mode,
    ) -> Result<Staging, LoadError> {
        let key = choose_key(db, what, table, &shape, mode).await?;
        writer
            .batch_execute(&format!(
                "drop table if exists pg_temp.incoming; \
                 create temp table incoming as select {} from {} with no data; \
                 alter table incoming add column \"nba ordinal\" bigint generated always as identity",
                list(&shape.columns),
                table.sql()
            ))
            .await
            .map_err(|source| LoadError::Database {
                what: what.to_owned(),
                source: Box::new(source),
            })?;
        Ok(Staging {
            what: what.to_owned(),
            table: table.clone(),
            name: TableName::new("pg_temp", "incoming"),
            shape,
            key,
        })
    }

    /// The key the rows are merged by; empty where they are compared whole.
    #[cfg(feature = "native-hoopr")]
    pub(super) fn key(&self) -> &[String] {
        &self.key
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
        let columns: Vec<&str> = self.shape.columns.iter().map(String::as_str).collect();
        writer
            .copy_in(&self.name, &columns, CopyFormat::Text, rows)
            .await
            .map(|account| account.inserted)
            .map_err(|source| self.failed(source))
    }

    /// Merges them in one transaction, which happens whole or not at all.
    pub(super) async fn merge(
        &self,
        writer: &mut Writer,
        mode: Mode,
        staged: u64,
    ) -> Result<Merged, LoadError> {
        let failed = |source| self.failed(source);
        let mut transaction = writer.transaction().await.map_err(failed)?;
        let sql = if self.key.is_empty() {
            // No key keeps another loader from adding the same rows meanwhile.
            let lock = format!(
                "lock table {} in share row exclusive mode",
                self.table.sql()
            );
            transaction.execute(&lock, &[]).await.map_err(failed)?;
            whole_rows_sql(&self.table, &self.shape)
        } else {
            merge_sql(&self.table, &self.shape, &self.key, mode)
        };
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

/// The first of the keys that the table has; empty where rows may be compared whole.
pub(super) async fn choose_key(
    db: &Database,
    what: &str,
    table: &TableName,
    shape: &MergeShape,
    mode: Mode,
) -> Result<Vec<String>, LoadError> {
    for key in &shape.keys {
        let verified = verify_key(db, table, key)
            .await
            .map_err(|source| LoadError::Database {
                what: what.to_owned(),
                source: Box::new(source),
            })?;
        if verified {
            return Ok(key.clone());
        }
    }
    if mode == Mode::Compat && shape.group.is_some() {
        return Ok(Vec::new());
    }
    Err(LoadError::NoKey {
        table: table.clone(),
        key: shape.keys.first().cloned().unwrap_or_default(),
    })
}

/// Whether a unique key on exactly these columns holds for every row of the table.
///
/// # Errors
///
/// What the database says, also where there is no such table.
async fn verify_key(db: &Database, table: &TableName, key: &[String]) -> Result<bool, DbError> {
    let keys: i64 = db.query_scalar(KEY_SQL, &[&table.sql(), &key]).await?;
    Ok(keys > 0)
}

fn list(columns: &[String]) -> String {
    ident::list(columns.iter().map(String::as_str))
}

/// The columns of one relation, as a row.
fn row_of(relation: &str, columns: &[String]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("{relation}.{}", ident::Ident::new(column.as_str())))
        .collect();
    format!("row({})", columns.join(", "))
}

/// The merge: the first of each key, inserted or replacing, and what the server then has compared with what was sent.
fn merge_sql(table: &TableName, shape: &MergeShape, key: &[String], mode: Mode) -> String {
    let columns = list(&shape.columns);
    // What a row is to have afterwards: what was sent, or where that is NULL and must not replace anything, what `old` has.
    let wanted = |new: &str, old: &str, columns: &[String]| {
        if !shape.keeps_known {
            return row_of(new, columns);
        }
        let columns: Vec<String> = columns
            .iter()
            .map(|column| ident::Ident::new(column.as_str()))
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
            .map(|column| ident::Ident::new(column.as_str()))
            .map(|column| {
                if shape.keeps_known {
                    format!("{column} = coalesce(excluded.{column}, target.{column})")
                } else {
                    format!("{column} = excluded.{column}")
                }
            })
            .collect();
        changes.extend(
            shape
                .stamp
                .as_deref()
                .map(|stamp| format!("{} = current_timestamp", ident::Ident::new(stamp))),
        );
        let condition = match mode {
            Mode::Compat => String::new(),
            Mode::Correct => format!(
                " where {} is distinct from {}",
                row_of("target", &shape.updates),
                wanted("excluded", "target", &shape.updates)
            ),
        };
        format!("do update set {}{condition}", changes.join(", "))
    };
    let compared = if shape.updates.is_empty() {
        key
    } else {
        &shape.updates
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
        key = list(key),
        returned = shape
            .columns
            .iter()
            .map(|column| format!("target.{}", ident::Ident::new(column.as_str())))
            .collect::<Vec<_>>()
            .join(", "),
        landed = row_of("merged", compared),
        sent = wanted("first", "merged", compared),
        landed_new = row_of("merged", &shape.columns),
        sent_new = row_of("first", &shape.columns),
        merged_key = row_of("merged", key),
        first_key = row_of("first", key),
    )
}

/// The merge of rows that have no key: a row is added as often as the documents have it more often than the table.
fn whole_rows_sql(table: &TableName, shape: &MergeShape) -> String {
    let columns = list(&shape.columns);
    let there = match shape.group.as_deref().map(ident::Ident::new) {
        Some(group) => format!(
            "target.{group} = any (array(select distinct {group} from pg_temp.incoming)) \
             or (target.{group} is null and exists (select from pg_temp.incoming where {group} is null))"
        ),
        None => "true".to_owned(),
    };
    format!(
        "with numbered as (select *, {incoming}::text as \"nba whole\", \
           row_number() over (partition by {incoming}::text order by \"nba ordinal\") as \"nba nth\" from pg_temp.incoming), \
         there as (select {target}::text as \"nba whole\", count(*) as \"nba times\" from {table} as target where {there} group by 1), \
         fresh as materialized (select numbered.* from numbered left join there using (\"nba whole\") \
           where \"nba nth\" > coalesce(\"nba times\", 0)), \
         merged as (insert into {table} as target ({columns}) select {columns} from fresh order by \"nba ordinal\" \
           returning {target}::text as \"nba whole\") \
         select (select count(*) from pg_temp.incoming) as firsts, (select count(*) from merged) as inserted, 0 as updated, \
           (select count(*) from (select \"nba whole\" from merged except all select \"nba whole\" from fresh) as other) as damaged",
        table = table.sql(),
        incoming = row_of("incoming", &shape.columns),
        target = row_of("target", &shape.columns),
    )
}
