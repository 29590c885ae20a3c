//! ESPN box scores into `box_score_teams` and `box_score_players`: the port of `extract_boxscores_local.py` (ETL dossier 2.4).
//!
//! Two ports read the same document: [`BoxTeams`] and [`BoxPlayers`].
//!
//! ```
//! use nba_etl::native::{Mode, boxes};
//!
//! let page = br#"{"page":{"content":{"gamepackage":{"bxscr":[{"tm":{"id":"1","hm":true},"stats":[{"type":"bench",
//!     "keys":["minutes","points"],"athlts":[{"athlt":{"id":"7"},"stats":["12:40","2.5"]},{"athlt":{"id":"8"},"stats":[]}]}]}]}}}}"#;
//! let points = |found: &boxes::Boxes| found.players.rows.iter().map(|row| row.values[18].clone()).collect::<Vec<_>>();
//! let legacy = boxes::read(page, "401", Mode::Compat)?;
//! assert_eq!(points(&legacy), [Some("25".to_owned()), Some("0".to_owned())]); // digits only; who did not play has no points
//! let correct = boxes::read(page, "401", Mode::Correct)?;
//! assert_eq!(points(&correct), [None, None]);
//! # Ok::<(), nba_etl::native::load::ReadError>(())
//! ```

use serde_json::{Map, Value};

use super::load::{Port, ReadError, Reading, Shape};
use super::parting::{Records, TwoModes};
use super::plays::embedded;
use super::{Divergence, Mode, python};

mod correct;
mod legacy;
mod summary;
#[cfg(test)]
mod tests;

/// Columns of `box_score_teams`, in the script's order.
static TEAM_COLUMNS: [&str; 44] = [
    "game_id",
    "game_date",
    "home_team_id",
    "home_team_abbrev",
    "home_team_score",
    "home_team_field_goals",
    "home_team_three_pointers",
    "home_team_free_throws",
    "home_team_field_goals_pct",
    "home_team_three_pointers_pct",
    "home_team_free_throws_pct",
    "home_team_offensive_rebounds",
    "home_team_defensive_rebounds",
    "home_team_total_rebounds",
    "home_team_assists",
    "home_team_steals",
    "home_team_blocks",
    "home_team_turnovers",
    "home_team_fouls",
    "away_team_id",
    "away_team_abbrev",
    "away_team_score",
    "away_team_field_goals",
    "away_team_three_pointers",
    "away_team_free_throws",
    "away_team_field_goals_pct",
    "away_team_three_pointers_pct",
    "away_team_free_throws_pct",
    "away_team_offensive_rebounds",
    "away_team_defensive_rebounds",
    "away_team_total_rebounds",
    "away_team_assists",
    "away_team_steals",
    "away_team_blocks",
    "away_team_turnovers",
    "away_team_fouls",
    "attendance",
    "game_state",
    "referee1_name",
    "referee1_position",
    "referee2_name",
    "referee2_position",
    "referee3_name",
    "referee3_position",
];
/// Columns of `box_score_players`, in the script's order.
static PLAYER_COLUMNS: [&str; 19] = [
    "game_id",
    "player_id",
    "team_id",
    "team_abbrev",
    "is_starter",
    "minutes",
    "field_goals",
    "three_pointers",
    "free_throws",
    "offensive_rebounds",
    "defensive_rebounds",
    "total_rebounds",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "fouls",
    "plus_minus",
    "points",
];
/// What the script replaces of a row that is there already (ETL dossier 2.4).
static TEAM_REFRESHED: [&str; 2] = ["home_team_score", "away_team_score"];
/// The same of a player.
static PLAYER_REFRESHED: [&str; 2] = ["minutes", "points"];

/// Keys of the three texts of made and attempted, in the order of the columns.
const PAIRS: [&str; 3] = [
    "fieldGoalsMade-fieldGoalsAttempted",
    "threePointFieldGoalsMade-threePointFieldGoalsAttempted",
    "freeThrowsMade-freeThrowsAttempted",
];
/// Keys of a player's figures, in the order of the columns.
const COUNTS: [&str; 10] = [
    "offensiveRebounds",
    "defensiveRebounds",
    "rebounds",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "fouls",
    "plusMinus",
    "points",
];

/// What the document of a game holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Boxes {
    /// The row of `box_score_teams`, if there is one.
    pub teams: Records,
    /// Rows of `box_score_players`.
    pub players: Records,
}

/// Reads one document.
///
/// # Errors
///
/// It is no JSON, and in correct mode no page with an embedded package either; in compat mode also where the script's own way to the
/// package ends in an exception, which loses the game.
pub fn read(bytes: &[u8], game_id: &str, mode: Mode) -> Result<Boxes, ReadError> {
    match mode {
        Mode::Compat => legacy::game(&python::parse(bytes)?, game_id),
        Mode::Correct => {
            let lost = python::parse(bytes)
                .ok()
                .and_then(|document| legacy::game(&document, game_id).err())
                .is_some();
            let (document, source) = match python::parse(bytes) {
                Ok(document) => match summary::package(&document) {
                    Some(package) => (package, Some(Divergence::BoxSummary)),
                    None => (document, None),
                },
                Err(error) => match embedded(bytes) {
                    Some(package) => (package, Some(Divergence::BoxEmbedded)),
                    None => return Err(error.into()),
                },
            };
            let source = source.or(lost.then_some(Divergence::BoxRestOfGame));
            Ok(correct::game(package(&document), game_id, source))
        }
    }
}

/// The game package of a page, bare or not.
fn package(document: &Value) -> Option<&Map<String, Value>> {
    ["/page/content/gamepackage", "/gamepackage", ""]
        .into_iter()
        .find_map(|path| document.pointer(path))
        .and_then(Value::as_object)
}

/// `box_score_teams` out of `espn_box_scores/`.
#[derive(Debug, Clone, Copy)]
pub struct BoxTeams;

/// `box_score_players` out of `espn_box_scores/`.
#[derive(Debug, Clone, Copy)]
pub struct BoxPlayers;

impl Port for BoxTeams {
    fn shape(&self, mode: Mode) -> Shape {
        Shape {
            table: "public.box_score_teams",
            columns: &TEAM_COLUMNS,
            key: &["game_id"],
            updates: match mode {
                Mode::Compat => &TEAM_REFRESHED,
                Mode::Correct => TEAM_COLUMNS.split_at(1).1,
            },
            stamp: Some("updated_at"),
        }
    }

    fn document(&self, id: &str) -> String {
        format!("espn_box_scores/{id}.json")
    }

    fn read(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Reading, ReadError> {
        Ok(self.records(bytes, id, mode)?.into_reading())
    }
}

impl TwoModes for BoxTeams {
    fn records(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Records, ReadError> {
        Ok(read(bytes, id, mode)?.teams)
    }

    fn first_load(&self) -> Option<Divergence> {
        Some(Divergence::BoxFirstLoad)
    }
}

impl Port for BoxPlayers {
    fn shape(&self, mode: Mode) -> Shape {
        Shape {
            table: "public.box_score_players",
            columns: &PLAYER_COLUMNS,
            key: &["game_id", "player_id"],
            updates: match mode {
                Mode::Compat => &PLAYER_REFRESHED,
                Mode::Correct => PLAYER_COLUMNS.split_at(2).1,
            },
            stamp: Some("updated_at"),
        }
    }

    fn document(&self, id: &str) -> String {
        format!("espn_box_scores/{id}.json")
    }

    fn read(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Reading, ReadError> {
        Ok(self.records(bytes, id, mode)?.into_reading())
    }
}

impl TwoModes for BoxPlayers {
    fn records(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Records, ReadError> {
        Ok(read(bytes, id, mode)?.players)
    }

    fn first_load(&self) -> Option<Divergence> {
        Some(Divergence::BoxFirstLoad)
    }
}
