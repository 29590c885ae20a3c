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

use std::borrow::Cow;
use std::collections::BTreeSet;

use nba_db::TextRows;

use super::borrowed::{Json, Object};
use super::load::{Aside, Port, ReadError, Reading, Shape};
use super::{Divergence, Mode, python};
use crate::shape::EMBEDDED_MARK;

#[cfg(test)]
mod tests;

/// Columns written, in order (ETL dossier 2.2).
static COLUMNS: [&str; 10] = [
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
    let mut plays = Vec::new();
    let found = walk(bytes, game_id, mode, &mut |row| {
        plays.push(row.owned(game_id));
    })?;
    Ok(Plays {
        plays,
        aside: found.aside,
        divergences: found.divergences,
    })
}

/// Hands every play over, in the document's order.
fn walk(
    bytes: &[u8],
    game_id: &str,
    mode: Mode,
    keep: &mut dyn FnMut(&Row<'_>),
) -> Result<Found, serde_json::Error> {
    let mut found = Found::default();
    let document: Json<'_> = match serde_json::from_slice(bytes) {
        Ok(document) => document,
        Err(error) => match (mode, embedded(bytes)) {
            (Mode::Correct, Some(package)) => {
                found.divergences.insert(Divergence::Embedded);
                Json::Object(Object::of("gamepackage", package))
            }
            _ => return Err(error),
        },
    };
    match mode {
        Mode::Compat => compat(&document, game_id, &mut found, keep),
        Mode::Correct => correct(&document, game_id, &mut found, keep),
    }
    Ok(found)
}

/// What is beside the plays.
#[derive(Default)]
struct Found {
    aside: Vec<Aside>,
    divergences: BTreeSet<Divergence>,
}

/// The package after the mark in an HTML page.
pub(super) fn embedded<'d, T: serde::Deserialize<'d>>(bytes: &'d [u8]) -> Option<T> {
    let mark = EMBEDDED_MARK.as_bytes();
    let start = bytes
        .windows(mark.len())
        .position(|window| window == mark)?
        + mark.len();
    let object = start + bytes[start..].iter().position(|byte| *byte == b'{')?;
    let mut values = serde_json::Deserializer::from_slice(&bytes[object..]).into_iter::<T>();
    values.next()?.ok()
}

/// The groups of plays. An absent part is an empty one; anything else in its place ends the game, as it does in Python.
fn groups<'d, 'j>(document: &'d Json<'j>, path: &[&str]) -> Option<&'d Vec<Json<'j>>> {
    let mut at = document;
    for part in path {
        at = at.as_object()?.get(part)?;
    }
    at.as_array()
}

const PAGE_PATH: [&str; 5] = ["page", "content", "gamepackage", "pbp", "playGrps"];

fn compat(document: &Json<'_>, game_id: &str, found: &mut Found, keep: &mut dyn FnMut(&Row<'_>)) {
    let Some(groups) = groups(document, &PAGE_PATH) else {
        return;
    };
    let mut number = 0;
    for play in groups.iter().filter_map(Json::as_array).flatten() {
        number += 1;
        let Some(object) = play.as_object() else {
            return found.put_aside(game_id, number, "is no object");
        };
        if falsy(object.get("id")) {
            continue;
        }
        match row(object) {
            Ok(row) => keep(&row),
            // One `try` around the whole game (ETL dossier 2.2).
            Err(reason) => return found.put_aside(game_id, number, reason),
        }
    }
}

fn correct(document: &Json<'_>, game_id: &str, found: &mut Found, keep: &mut dyn FnMut(&Row<'_>)) {
    let nested: Vec<&Json<'_>> = match groups(document, &PAGE_PATH)
        .or_else(|| groups(document, &["gamepackage", "pbp", "playGrps"]))
        .or_else(|| groups(document, &["pbp", "playGrps"]))
    {
        Some(groups) => groups.iter().filter_map(Json::as_array).flatten().collect(),
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
        match row(object) {
            Ok(row) => {
                if ended {
                    found.divergences.insert(Divergence::RestOfGame);
                }
                keep(&row);
            }
            Err(reason) => {
                ended = true;
                found.put_aside(game_id, number, reason);
            }
        }
    }
}

impl Found {
    fn put_aside(&mut self, game_id: &str, number: usize, reason: impl Into<String>) {
        self.aside.push(Aside::new(game_id, number, reason));
    }
}

/// What Python takes for false.
fn falsy(value: Option<&Json<'_>>) -> bool {
    match value {
        None | Some(Json::Null | Json::Bool(false)) => true,
        Some(Json::String(text)) => text.is_empty(),
        Some(Json::Number(number)) => number.as_f64() == Some(0.0),
        Some(Json::Array(items)) => items.is_empty(),
        Some(Json::Object(entries)) => entries.is_empty(),
        Some(Json::Bool(true)) => false,
    }
}

/// A cell still in its document.
#[derive(Clone, Copy)]
enum Scalar<'d> {
    Text(&'d str),
    Number(&'d serde_json::Number),
    Flag(bool),
}

impl Scalar<'_> {
    fn owned(self) -> String {
        match self {
            Scalar::Text(text) => text.to_owned(),
            Scalar::Number(number) => python::text(&number.clone().into()),
            Scalar::Flag(flag) => if flag { "t" } else { "f" }.to_owned(),
        }
    }

    fn write(self, rows: &mut TextRows) {
        match self {
            Scalar::Text(text) => rows.text(text),
            // A fraction as Python writes it.
            Scalar::Number(number) if number.is_f64() => rows.text(&self.owned()),
            Scalar::Number(number) => rows.display(number),
            Scalar::Flag(flag) => rows.display(if flag { 't' } else { 'f' }),
        };
    }
}

/// A play still in its document.
struct Row<'d> {
    id: Cow<'d, str>,
    values: [Option<Scalar<'d>>; 8],
}

impl Row<'_> {
    fn owned(&self, game_id: &str) -> Play {
        Play {
            play_id: self.id.clone().into_owned(),
            game_id: game_id.to_owned(),
            values: self.values.map(|value| value.map(Scalar::owned)),
        }
    }

    fn write(&self, game_id: &str, rows: &mut TextRows) {
        rows.text(&self.id).text(game_id);
        for value in self.values {
            match value {
                Some(value) => value.write(rows),
                None => {
                    rows.null();
                }
            }
        }
        rows.end_row();
    }
}

fn row<'d>(play: &'d Object<'_>) -> Result<Row<'d>, String> {
    let inner = |name: &str| -> Result<Option<&'d Object<'_>>, String> {
        match play.get(name) {
            None => Ok(None),
            Some(Json::Object(object)) => Ok(Some(object)),
            Some(Json::Null) => Err(format!("`{name}` is null")),
            Some(_) => Err(format!("`{name}` is no object")),
        }
    };
    let period = inner("period")?;
    let clock = inner("clock")?;
    let scoring = match play.get("scoringPlay") {
        None => Some(Scalar::Flag(false)),
        given => cell("scoringPlay", given)?,
    };
    Ok(Row {
        id: match play.get("id") {
            Some(Json::String(id)) => Cow::Borrowed(id),
            // `str(id)`, whatever it is.
            Some(id) => Cow::Owned(python::text(&id.to_value())),
            None => Cow::Borrowed(""),
        },
        values: [
            part(period, "number")?,
            part(period, "displayValue")?,
            part(clock, "displayValue")?,
            cell("text", play.get("text"))?,
            cell("homeAway", play.get("homeAway"))?,
            scoring,
            cell("awayScore", play.get("awayScore"))?,
            cell("homeScore", play.get("homeScore"))?,
        ],
    })
}

fn part<'d>(object: Option<&'d Object<'_>>, name: &str) -> Result<Option<Scalar<'d>>, String> {
    cell(name, object.and_then(|object| object.get(name)))
}

fn cell<'d>(name: &str, value: Option<&'d Json<'_>>) -> Result<Option<Scalar<'d>>, String> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(Scalar::Text(text))),
        Some(Json::Number(number)) => Ok(Some(Scalar::Number(number))),
        Some(Json::Bool(flag)) => Ok(Some(Scalar::Flag(*flag))),
        Some(_) => Err(format!("`{name}` is neither text nor number")),
    }
}

/// `play_by_play` out of `espn_play_by_play/`.
#[derive(Debug, Clone, Copy)]
pub struct PlayByPlay;

impl Port for PlayByPlay {
    fn shape(&self, _: Mode) -> Shape {
        Shape {
            table: "public.play_by_play",
            columns: &COLUMNS,
            key: &["play_id"],
            // Never `game_id`: a play keeps its first game (ETL dossier 2.2).
            updates: COLUMNS.split_at(2).1,
            stamp: Some("updated_at"),
        }
    }

    fn document(&self, id: &str) -> String {
        format!("espn_play_by_play/{id}.json")
    }

    fn read(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Reading, ReadError> {
        let mut rows = TextRows::default();
        let found = walk(bytes, id, mode, &mut |row| row.write(id, &mut rows))?;
        Ok(Reading {
            rows,
            aside: found.aside,
            divergences: found.divergences,
        })
    }
}
