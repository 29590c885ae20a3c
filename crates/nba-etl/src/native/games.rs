//! ESPN schedule documents into `games`, and the teams they name into `teams`: the port of `extract_schedule_local.py` (ETL dossier
//! 2.3).
//!
//! A document is one day. Two ports read it: [`Teams`] first, because `games` refers to them, then [`Games`].
//!
//! ```
//! use nba_etl::native::{Mode, games};
//!
//! let day = br#"{"page":{"content":{"schedule":{"20240115":[
//!     {"id":"401","date":"2024-01-16T00:30Z","competitors":[{"id":"1","isHome":true,"score":"101"},{"id":"2","score":"99"}]},
//!     {"id":"402","date":"2024-01-16T03:00Z","competitors":[{"id":"3","isHome":true,"score":"TBD"},{"id":"4","score":"99"}]},
//!     {"id":"403","date":"2024-01-16T03:30Z","competitors":[{"id":"5","isHome":true},{"id":"6"}]}]}}}}"#;
//! let legacy = games::read(day, "20240115", Mode::Compat)?;
//! assert_eq!(legacy.games.rows.len(), 1); // the first game that cannot be read ends the file there
//! let correct = games::read(day, "20240115", Mode::Correct)?;
//! assert_eq!(correct.games.rows.len(), 2);
//! assert_eq!(correct.games.aside[0].reason, "`score` is no whole number: `TBD`");
//! # Ok::<(), nba_etl::native::load::ReadError>(())
//! ```

use futures::TryStreamExt as _;
use serde_json::Value;

use super::load::{Port, ReadError, Reading, Shape};
use super::parting::{Records, TwoModes};
use super::python::{self, falsy};
use super::{Divergence, Mode};
use crate::lake::{Inventory, Lake, LakeError};

mod correct;
mod legacy;
#[cfg(test)]
mod tests;

/// Where the documents of days are.
const PREFIX: &str = "espn_schedules/";

/// Columns of `games`, in the script's order.
static COLUMNS: [&str; 55] = [
    "game_id",
    "game_date",
    "game_time",
    "season",
    "home_team_id",
    "home_team_abbrev",
    "home_team_name",
    "home_team_short_name",
    "home_team_logo",
    "home_team_color",
    "home_team_alt_color",
    "home_team_uid",
    "home_team_record_summary",
    "home_team_standing_summary",
    "home_team_location",
    "home_score",
    "home_team_is_winner",
    "home_team_leader_name",
    "home_team_leader_stat",
    "away_team_id",
    "away_team_abbrev",
    "away_team_name",
    "away_team_short_name",
    "away_team_logo",
    "away_team_color",
    "away_team_alt_color",
    "away_team_uid",
    "away_team_record_summary",
    "away_team_standing_summary",
    "away_team_location",
    "away_score",
    "away_team_is_winner",
    "away_team_leader_name",
    "away_team_leader_stat",
    "venue",
    "venue_id",
    "venue_city",
    "venue_state",
    "venue_country",
    "venue_indoor",
    "game_status",
    "status_detail",
    "status_id",
    "status_state",
    "broadcast_name",
    "broadcast_market",
    "broadcast_type",
    "broadcast_count",
    "completed",
    "is_tie",
    "periods",
    "time_valid",
    "game_link",
    "header_postfix",
    "has_tickets",
];
/// What the script replaces in a row that is there already; all else keeps the values of the first load for ever (ETL dossier 2.3).
static REFRESHED: [&str; 13] = [
    "game_date",
    "game_time",
    "season",
    "home_team_abbrev",
    "away_team_abbrev",
    "home_team_name",
    "away_team_name",
    "home_score",
    "away_score",
    "venue",
    "game_status",
    "broadcast_name",
    "completed",
];
/// What correct mode replaces: also what goes with it, so that a row does not say who won and not that it is over.
static KEPT_UP_TO_DATE: [&str; 24] = [
    "game_date",
    "game_time",
    "season",
    "home_team_abbrev",
    "away_team_abbrev",
    "home_team_name",
    "away_team_name",
    "home_score",
    "away_score",
    "venue",
    "game_status",
    "broadcast_name",
    "completed",
    "home_team_is_winner",
    "away_team_is_winner",
    "venue_id",
    "venue_city",
    "venue_state",
    "status_detail",
    "status_id",
    "status_state",
    "broadcast_market",
    "broadcast_type",
    "broadcast_count",
];

/// Columns of `teams` that a schedule can fill.
static TEAM_COLUMNS: [&str; 3] = ["team_id", "team_name", "team_abbreviation"];

/// What the document of a day holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Day {
    /// Rows of `games`.
    pub games: Records,
    /// Rows of `teams`.
    pub teams: Records,
}

/// Reads one document; `day` names it in what is put aside.
///
/// # Errors
///
/// It is no JSON.
pub fn read(bytes: &[u8], day: &str, mode: Mode) -> Result<Day, ReadError> {
    let document = python::parse(bytes)?;
    Ok(match mode {
        Mode::Compat => legacy::day(&document, day).0,
        Mode::Correct => correct::day(&document, day),
    })
}

/// The games of a document in the page's form, day after day; the days in the order of their keys.
fn events(document: &Value) -> Result<Vec<&Value>, String> {
    let top = python::object(document, "the document")?;
    let page = python::object_or_empty(Some(top), "page")?;
    let Some(content) = python::object_or_empty(page, "content")? else {
        return Ok(Vec::new());
    };
    let root = content.get("schedule").or_else(|| content.get("events"));
    match root {
        root if falsy(root) => Ok(Vec::new()),
        Some(Value::Object(days)) => Ok(days
            .values()
            .filter_map(Value::as_array)
            .flatten()
            .collect()),
        Some(Value::Array(games)) => Ok(games.iter().collect()),
        _ => Err("the schedule is neither an object nor a list".to_owned()),
    }
}

/// The documents of a calendar year, in the order in which they count: those whose file name begins with the year, however deep
/// they lie.
///
/// # Errors
///
/// What the lake says.
pub async fn documents_of_year(lake: &Lake, year: i32) -> Result<Vec<String>, LakeError> {
    let year = year.to_string();
    let mut keys: Vec<String> = lake
        .inventory(&Inventory::of(PREFIX))
        .map_ok(|object| object.key)
        .try_filter(|key| {
            let name = key.rsplit('/').next().unwrap_or(key);
            std::future::ready(name.starts_with(&year) && name.ends_with(".json"))
        })
        .try_collect()
        .await?;
    keys.sort_unstable();
    Ok(keys)
}

/// `teams` out of `espn_schedules/`: a row for every team that is new, so that games can refer to it. Ids of documents are their keys,
/// see [`documents_of_year`].
#[derive(Debug, Clone, Copy)]
pub struct Teams;

/// `games` out of `espn_schedules/`. Ids of documents are their keys, see [`documents_of_year`]; [`Teams`] comes first.
#[derive(Debug, Clone, Copy)]
pub struct Games;

impl Port for Teams {
    fn shape(&self, _: Mode) -> Shape {
        Shape {
            table: "public.teams",
            columns: &TEAM_COLUMNS,
            key: &["team_id"],
            updates: &[],
            stamp: None,
        }
    }

    fn document(&self, id: &str) -> String {
        id.to_owned()
    }

    fn read(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Reading, ReadError> {
        Ok(self.records(bytes, id, mode)?.into_reading())
    }
}

impl TwoModes for Teams {
    fn records(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Records, ReadError> {
        Ok(read(bytes, id, mode)?.teams)
    }
}

impl Port for Games {
    fn shape(&self, mode: Mode) -> Shape {
        Shape {
            table: "public.games",
            columns: &COLUMNS,
            key: &["game_id"],
            updates: match mode {
                Mode::Compat => &REFRESHED,
                Mode::Correct => &KEPT_UP_TO_DATE,
            },
            stamp: Some("updated_at"),
        }
    }

    fn keeps_known(&self, mode: Mode) -> Option<Divergence> {
        (mode == Mode::Correct).then_some(Divergence::GameKept)
    }

    fn document(&self, id: &str) -> String {
        id.to_owned()
    }

    fn read(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Reading, ReadError> {
        Ok(self.records(bytes, id, mode)?.into_reading())
    }
}

impl TwoModes for Games {
    fn records(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Records, ReadError> {
        Ok(read(bytes, id, mode)?.games)
    }

    fn first_load(&self) -> Option<Divergence> {
        Some(Divergence::GameFirstLoad)
    }
}
