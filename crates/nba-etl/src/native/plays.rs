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

use serde_json::{Map, Value};

use super::load::{Aside, Port, ReadError, Reading, Shape};
use super::python::{self, falsy};
use super::{Divergence, Mode};
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

/// The package after the mark in an HTML page.
pub(super) fn embedded(bytes: &[u8]) -> Option<Value> {
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
        self.aside.push(Aside::new(game_id, number, reason));
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
            Some(number @ Value::Number(_)) => Ok(Some(python::text(number))),
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
        play_id: play.get("id").map(python::text).unwrap_or_default(),
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
        let found = read(bytes, id, mode)?;
        let mut reading = Reading {
            aside: found.aside,
            divergences: found.divergences,
            ..Reading::default()
        };
        for play in &found.plays {
            reading.rows.text(&play.play_id).text(&play.game_id);
            for value in &play.values {
                reading.rows.optional(value.as_deref());
            }
            reading.rows.end_row();
        }
        Ok(reading)
    }
}
