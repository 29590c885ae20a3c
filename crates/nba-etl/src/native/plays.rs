//! ESPN play-by-play documents into `play_by_play`: the port of `extract_pbp_local.py` (ETL dossier 2.2).
//!
//! ```
//! use nba_etl::native::{Mode, plays};
//!
//! let page = br#"{"page":{"content":{"gamepackage":{"pbp":{"playGrps":[[
//!     {"id": 4013078561, "period": {"number": 1}, "clock": {"displayValue": "11:34"}, "homeScore": 2},
//!     {"id": "4013078562", "period": {"number": 1}, "clock": null},
//!     {"id": "4013078563", "period": {"number": 1}}]]}}}}}"#;
//! let legacy = plays::read(page, "401307856", Mode::Compat)?;
//! assert_eq!(legacy.plays.len(), 1); // the second play ends the game there
//! let correct = plays::read(page, "401307856", Mode::Correct)?;
//! assert_eq!(correct.plays.len(), 2);
//! assert_eq!(correct.aside[0].reason, "`clock` is null");
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use nba_db::ident::TableName;
use nba_db::{CopyFormat, Database, DbError, TextRows, Writer};
use nba_utils::Hint;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Divergence, Mode};
use crate::lake::{Lake, LakeError, LakeErrorKind};
use crate::shape::EMBEDDED_MARK;

#[cfg(test)]
mod tests;

/// Columns written, in order (ETL dossier 2.2).
const COLUMNS: [&str; 10] = [
    "play_id",
    "game_id",
    "period_number",
    "period_display",
    "clock_display",
    "play_text",
    "home_away",
    "scoring_play",
    "away_score",
    "home_score",
];

/// One row of `play_by_play`, as texts that PostgreSQL reads; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Play {
    /// Its id in the document, which is the key of the table.
    pub play_id: String,
    /// The game the document was fetched for.
    pub game_id: String,
    /// The other columns in the table's order, `period_number` to `home_score`.
    pub values: [Option<String>; 8],
}

/// Something that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Aside {
    /// The game.
    pub game_id: String,
    /// Number of the play in the document, counted from 1 over all groups.
    pub number: usize,
    /// Why.
    pub reason: String,
}

/// What a document holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Plays {
    /// In the document's order.
    pub plays: Vec<Play>,
    /// What was not loaded, and why. In compat mode only the play that ended the game.
    pub aside: Vec<Aside>,
    /// Where correct mode did not do what the legacy script does.
    pub divergences: BTreeSet<Divergence>,
}

/// Reads one document.
///
/// # Errors
///
/// It is no JSON, and in correct mode no page with an embedded package either.
pub fn read(bytes: &[u8], game_id: &str, mode: Mode) -> Result<Plays, serde_json::Error> {
    let mut found = Plays::default();
    let document: Value = match serde_json::from_slice(bytes) {
        Ok(document) => document,
        Err(error) => match (mode, embedded(bytes)) {
            (Mode::Correct, Some(package)) => {
                found.divergences.insert(Divergence::Embedded);
                Value::from_iter([("gamepackage".to_owned(), package)])
            }
            _ => return Err(error),
        },
    };
    match mode {
        Mode::Compat => compat(&document, game_id, &mut found),
        Mode::Correct => correct(&document, game_id, &mut found),
    }
    Ok(found)
}

fn embedded(bytes: &[u8]) -> Option<Value> {
    let mark = EMBEDDED_MARK.as_bytes();
    let start = bytes
        .windows(mark.len())
        .position(|window| window == mark)?
        + mark.len();
    let object = start + bytes[start..].iter().position(|byte| *byte == b'{')?;
    let mut values = serde_json::Deserializer::from_slice(&bytes[object..]).into_iter::<Value>();
    values.next()?.ok()
}

/// The groups of plays. An absent part is an empty one; anything else in its place ends the game, as it does in Python.
fn groups<'d>(document: &'d Value, path: &[&str]) -> Option<&'d Vec<Value>> {
    let mut at = document;
    for part in path {
        at = at.as_object()?.get(*part)?;
    }
    at.as_array()
}

const PAGE_PATH: [&str; 5] = ["page", "content", "gamepackage", "pbp", "playGrps"];

fn compat(document: &Value, game_id: &str, found: &mut Plays) {
    let Some(groups) = groups(document, &PAGE_PATH) else {
        return;
    };
    let mut number = 0;
    for play in groups.iter().filter_map(Value::as_array).flatten() {
        number += 1;
        let Some(object) = play.as_object() else {
            return found.put_aside(game_id, number, "is no object");
        };
        if falsy(object.get("id")) {
            continue;
        }
        match row(object, game_id) {
            Ok(play) => found.plays.push(play),
            // One `try` around the whole game (ETL dossier 2.2).
            Err(reason) => return found.put_aside(game_id, number, reason),
        }
    }
}

fn correct(document: &Value, game_id: &str, found: &mut Plays) {
    let nested: Vec<&Value> = match groups(document, &PAGE_PATH)
        .or_else(|| groups(document, &["gamepackage", "pbp", "playGrps"]))
        .or_else(|| groups(document, &["pbp", "playGrps"]))
    {
        Some(groups) => groups
            .iter()
            .filter_map(Value::as_array)
            .flatten()
            .collect(),
        None => match groups(document, &["plays"]) {
            Some(flat) => {
                found.divergences.insert(Divergence::Summary);
                flat.iter().collect()
            }
            None => return,
        },
    };
    let mut ended = false;
    for (at, play) in nested.into_iter().enumerate() {
        let number = at + 1;
        let Some(object) = play.as_object() else {
            found.put_aside(game_id, number, "is no object");
            ended = true;
            continue;
        };
        if falsy(object.get("id")) {
            found.divergences.insert(Divergence::MissingId);
            found.put_aside(game_id, number, "it has no id");
            continue;
        }
        match row(object, game_id) {
            Ok(play) => {
                if ended {
                    found.divergences.insert(Divergence::RestOfGame);
                }
                found.plays.push(play);
            }
            Err(reason) => {
                ended = true;
                found.put_aside(game_id, number, reason);
            }
        }
    }
}

impl Plays {
    fn put_aside(&mut self, game_id: &str, number: usize, reason: impl Into<String>) {
        self.aside.push(Aside {
            game_id: game_id.to_owned(),
            number,
            reason: reason.into(),
        });
    }
}

/// What Python takes for false.
fn falsy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(entries)) => entries.is_empty(),
        Some(Value::Bool(true)) => false,
    }
}

fn row(play: &Map<String, Value>, game_id: &str) -> Result<Play, String> {
    let inner = |name: &str| -> Result<Option<&Map<String, Value>>, String> {
        match play.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(Value::Null) => Err(format!("`{name}` is null")),
            Some(_) => Err(format!("`{name}` is no object")),
        }
    };
    let cell = |name: &str, value: Option<&Value>| -> Result<Option<String>, String> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Bool(flag)) => Ok(Some(if *flag { "t" } else { "f" }.to_owned())),
            Some(_) => Err(format!("`{name}` is neither text nor number")),
        }
    };
    let period = inner("period")?;
    let part = |object: Option<&Map<String, Value>>, name: &str| {
        cell(name, object.and_then(|object| object.get(name)))
    };
    let clock_of = inner("clock")?;
    let scoring = match play.get("scoringPlay") {
        None => Some("f".to_owned()),
        given => cell("scoringPlay", given)?,
    };
    Ok(Play {
        play_id: cell("id", play.get("id"))?.unwrap_or_default(),
        game_id: game_id.to_owned(),
        values: [
            part(period, "number")?,
            part(period, "displayValue")?,
            part(clock_of, "displayValue")?,
            cell("text", play.get("text"))?,
            cell("homeAway", play.get("homeAway"))?,
            scoring,
            cell("awayScore", play.get("awayScore"))?,
            cell("homeScore", play.get("homeScore"))?,
        ],
    })
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
    /// `public.play_by_play` for the games of `public.games`, eight documents at a time.
    #[must_use]
    pub fn new(mode: Mode) -> LoadOptions {
        LoadOptions {
            mode,
            table: TableName::parse("public.play_by_play"),
            games: TableName::parse("public.games"),
            concurrency: CONCURRENCY,
        }
    }
}

/// What became of the plays of a year. Always balanced:
/// `attempted = inserted + updated + unchanged + repeated`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoadAccount {
    /// Games of the year.
    pub games: u64,
    /// Games with at least one play.
    pub loaded_games: u64,
    /// Games whose document holds none.
    pub empty_games: u64,
    /// Games without a document.
    pub missing: u64,
    /// Games whose document cannot be read.
    pub unreadable: Vec<String>,
    /// Plays handed to the server.
    pub attempted: u64,
    /// New rows.
    pub inserted: u64,
    /// Rows that were there and were written again.
    pub updated: u64,
    /// Rows that were there, the same.
    pub unchanged: u64,
    /// Plays whose id came before in the year: the first one counts.
    pub repeated: u64,
    /// Plays that were put aside.
    pub aside: Vec<Aside>,
    /// Where this was not what the legacy script does.
    pub divergences: BTreeSet<Divergence>,
}

impl LoadAccount {
    /// Whether the figures add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let unreadable = u64::try_from(self.unreadable.len()).unwrap_or(u64::MAX);
        self.attempted == self.inserted + self.updated + self.unchanged + self.repeated
            && self.games == self.loaded_games + self.empty_games + self.missing + unreadable
    }
}

/// Why a year was not loaded; nothing of it was, then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The table cannot tell a play from another one.
    #[error("`{table}` has no unique key on `play_id`")]
    NoKey {
        /// The table.
        table: TableName,
    },
    /// The figures do not add up.
    #[error("the account of {year} does not balance: {account:?}")]
    Unbalanced {
        /// The year.
        year: i32,
        /// The figures.
        account: Box<LoadAccount>,
    },
    /// The lake did not answer.
    #[error("cannot read the document of game `{game_id}`")]
    Lake {
        /// The game.
        game_id: String,
        /// What it said.
        source: LakeError,
    },
    /// The database refused.
    #[error("cannot load the plays of {year}")]
    Database {
        /// The year.
        year: i32,
        /// What it said.
        source: Box<DbError>,
    },
}

impl Hint for LoadError {
    fn hint(&self) -> Option<String> {
        match self {
            LoadError::NoKey { table } => Some(format!(
                "create unique index concurrently on {table} (play_id); duplicates have to go first"
            )),
            LoadError::Lake { source, .. } => source.hint(),
            LoadError::Database { source, .. } => source.hint(),
            LoadError::Unbalanced { .. } => None,
        }
    }
}

const KEY_SQL: &str = "select count(*) from pg_index i join pg_attribute a on a.attrelid = i.indrelid \
     where i.indrelid = $1::text::regclass and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1 \
     and a.attnum = i.indkey[0] and a.attname = 'play_id'";

/// Loads the plays of a calendar year, all or nothing: staged with `COPY`, merged in one statement, counted by the server.
///
/// Running it twice changes nothing but, in compat mode, `updated_at`. Memory: the rows of a few documents.
///
/// # Errors
///
/// [`LoadError`]; the table is then as it was.
pub async fn load_year(
    db: &Database,
    writer: &mut Writer,
    lake: &Lake,
    year: i32,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let database = |source| LoadError::Database {
        year,
        source: Box::new(source),
    };
    let table = options.table.sql();
    let keys: i64 = db
        .query_scalar(KEY_SQL, &[&table])
        .await
        .map_err(database)?;
    if keys == 0 {
        return Err(LoadError::NoKey {
            table: options.table.clone(),
        });
    }
    let games = games(db, year, options).await.map_err(database)?;
    let columns = COLUMNS.join(", ");
    writer
        .batch_execute(&format!(
            "drop table if exists pg_temp.incoming_plays; \
             create temp table incoming_plays as select {columns} from {table} with no data; \
             alter table incoming_plays add column ordinal bigint generated always as identity"
        ))
        .await
        .map_err(database)?;

    let mut account = LoadAccount {
        games: u64::try_from(games.len()).unwrap_or(u64::MAX),
        ..LoadAccount::default()
    };
    // `buffered` keeps the order: of a play that comes twice, the first game in it counts.
    let mut documents = stream::iter(games)
        .map(|game_id| async move {
            let document = lake.get(&format!("espn_play_by_play/{game_id}.json")).await;
            (game_id, document)
        })
        .buffered(options.concurrency.get());
    let staging = TableName::new("pg_temp", "incoming_plays");
    let mut rows = TextRows::default();
    while let Some((game_id, document)) = documents.next().await {
        let bytes = match document {
            Ok(document) => document.bytes,
            Err(error) if error.kind() == LakeErrorKind::NotFound => {
                account.missing += 1;
                continue;
            }
            Err(source) => return Err(LoadError::Lake { game_id, source }),
        };
        match read(&bytes, &game_id, options.mode) {
            Err(_) => account.unreadable.push(game_id),
            Ok(found) => {
                let any = !found.plays.is_empty();
                account.loaded_games += u64::from(any);
                account.empty_games += u64::from(!any);
                account.aside.extend(found.aside);
                account.divergences.extend(found.divergences);
                for play in &found.plays {
                    rows.text(&play.play_id).text(&play.game_id);
                    for value in &play.values {
                        rows.optional(value.as_deref());
                    }
                    rows.end_row();
                }
            }
        }
        if rows.as_bytes().len() >= STAGE_BYTES {
            stage(writer, &staging, &mut rows, &mut account)
                .await
                .map_err(database)?;
        }
    }
    stage(writer, &staging, &mut rows, &mut account)
        .await
        .map_err(database)?;
    merge(writer, &table, options.mode, &mut account)
        .await
        .map_err(database)?;
    if !account.is_balanced() {
        return Err(LoadError::Unbalanced {
            year,
            account: Box::new(account),
        });
    }
    Ok(account)
}

/// Bytes of rows gathered before they are sent.
const STAGE_BYTES: usize = 4 * 1024 * 1024;

async fn games(db: &Database, year: i32, options: &LoadOptions) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "select game_id::text from {} where game_date >= make_date($1, 1, 1) and game_date < make_date($1 + 1, 1, 1) \
         order by game_date, game_id",
        options.games.sql()
    );
    let rows = db.query_rows(&sql, &[&year]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn stage(
    writer: &mut Writer,
    staging: &TableName,
    rows: &mut TextRows,
    account: &mut LoadAccount,
) -> Result<(), DbError> {
    if rows.rows() == 0 {
        return Ok(());
    }
    let attempted = rows.rows();
    let bytes: Result<Bytes, std::convert::Infallible> = Ok(rows.take());
    writer
        .copy_in(staging, &COLUMNS, CopyFormat::Text, stream::iter([bytes]))
        .await?;
    account.attempted += attempted;
    Ok(())
}

/// One statement, so that it happens whole or not at all.
async fn merge(
    writer: &mut Writer,
    table: &str,
    mode: Mode,
    account: &mut LoadAccount,
) -> Result<(), DbError> {
    let columns = COLUMNS.join(", ");
    // Never `game_id`: a play keeps its first game (ETL dossier 2.2).
    let changes = COLUMNS[2..]
        .iter()
        .map(|column| format!("{column} = excluded.{column}"))
        .collect::<Vec<_>>()
        .join(", ");
    let unchanged = match mode {
        Mode::Compat => String::new(),
        Mode::Correct => {
            let of = |name: &str| {
                COLUMNS[2..]
                    .iter()
                    .map(|column| format!("{name}.{column}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            format!(
                " where ({}) is distinct from ({})",
                of("target"),
                of("excluded")
            )
        }
    };
    let sql = format!(
        "with first as (select distinct on (play_id) * from pg_temp.incoming_plays order by play_id, ordinal), \
         merged as (insert into {table} as target ({columns}) select {columns} from first order by ordinal \
           on conflict (play_id) do update set {changes}, updated_at = current_timestamp{unchanged} \
           returning (xmax = 0) as new) \
         select (select count(*) from first) as firsts, count(*) filter (where new) as inserted, \
           count(*) filter (where not new) as updated from merged"
    );
    let rows = writer.query_rows(&sql, &[]).await?;
    let figure = |column: &str| -> u64 {
        rows.first()
            .and_then(|row| row.try_get::<_, i64>(column).ok())
            .and_then(|figure| u64::try_from(figure).ok())
            .unwrap_or(0)
    };
    let firsts = figure("firsts");
    account.inserted = figure("inserted");
    account.updated = figure("updated");
    account.repeated = account.attempted.saturating_sub(firsts);
    account.unchanged = firsts.saturating_sub(account.inserted + account.updated);
    if account.unchanged > 0 {
        account.divergences.insert(Divergence::Untouched);
    }
    Ok(())
}
