//! hoopR's `play_by_play` in parquet files: ESPN's plays as a table, one or many games after each other.

use std::path::Path;

use nba_boxscore::GameLog;
use nba_boxscore::adapter::espn;

use nba_utils::Season;

use super::PlaysError;
use super::stats_v2::Fault;
use super::table::{Batch, for_each_batch};

pub(super) const COLUMNS: [&str; 23] = [
    "game_id",
    "sequence_number",
    "type_text",
    "text",
    "period_number",
    "clock_display_value",
    "scoring_play",
    "score_value",
    "shooting_play",
    "team_id",
    "athlete_id_1",
    "athlete_id_2",
    "athlete_id_3",
    "home_team_id",
    "away_team_id",
    "home_team_abbrev",
    "away_team_abbrev",
    "home_score",
    "away_score",
    "period",
    "clock_display",
    "season",
    "game_date",
];

/// One row, kept until its game is complete.
struct Row {
    number: Option<u32>,
    kind: String,
    text: String,
    period: i64,
    clock: String,
    scoring: bool,
    score_value: i64,
    shooting: Option<bool>,
    team: Option<u64>,
    score: Option<[u16; 2]>,
    athletes: [Option<u64>; 3],
}

/// The rows of one game.
#[derive(Default)]
struct Game {
    id: String,
    season: Option<Season>,
    teams: [u64; 2],
    names: [String; 2],
    rows: Vec<Row>,
}

impl Game {
    /// The game of a row, without its rows.
    fn begin(id: String, batch: &Batch, row: usize) -> Self {
        Self {
            id,
            // hoopR calls a season by the year it ends in.
            season: batch
                .whole(21, row)
                .and_then(|year| Season::from_end_year(year).ok())
                .or_else(|| Season::from_date(batch.date(22, row)?).ok()),
            teams: [13, 14].map(|column| whole(batch, column, row).unwrap_or(0)),
            names: [15, 16].map(|column| batch.text(column, row).to_owned()),
            rows: Vec::with_capacity(512),
        }
    }
}

/// Reads all rows of a batch as one game.
#[cfg(feature = "boxscore-db")]
pub(super) fn read_batch(id: &str, batch: &Batch) -> Result<GameLog, Fault> {
    let mut game = Game::begin(id.to_owned(), batch, 0);
    game.rows
        .extend((0..batch.rows()).map(|row| read(batch, row)));
    finish(game)
}

/// Reads every game of a file and hands it over as soon as it is complete. Rows of one game stand together; within it the
/// number of a row decides, as a number and never as text.
///
/// # Errors
///
/// When the file cannot be read or its rows make no game; the error names the file, and the game and row where it can.
pub fn read_parquet(path: &Path, mut take: impl FnMut(GameLog)) -> Result<(), PlaysError> {
    let mut games = Games::default();
    for_each_batch(path, &COLUMNS, |batch| games.batch(batch, &mut take))
        .and_then(|()| games.finish(&mut take))
        .map_err(|fault| fault.at(path))
}

/// Games out of rows that come in batches of [`COLUMNS`].
#[derive(Default)]
pub(super) struct Games {
    current: Option<Game>,
}

impl Games {
    /// Takes the next rows, and hands over what is complete by then.
    pub(super) fn batch(
        &mut self,
        batch: &Batch,
        take: &mut impl FnMut(GameLog),
    ) -> Result<(), Fault> {
        for row in 0..batch.rows() {
            let Some(id) = batch.whole(0, row) else {
                return Err(Fault::Missing("game_id"));
            };
            let id = id.to_string();
            if self.current.as_ref().is_none_or(|game| game.id != id) {
                if let Some(game) = self.current.take() {
                    take(finish(game)?);
                }
                self.current = Some(Game::begin(id, batch, row));
            }
            if let Some(game) = &mut self.current {
                game.rows.push(read(batch, row));
            }
        }
        Ok(())
    }

    /// Hands over the last game.
    pub(super) fn finish(self, take: &mut impl FnMut(GameLog)) -> Result<(), Fault> {
        match self.current {
            Some(game) => {
                take(finish(game)?);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn whole(batch: &Batch, column: usize, row: usize) -> Option<u64> {
    batch
        .whole(column, row)
        .and_then(|value| u64::try_from(value).ok())
        .filter(|value| *value > 0)
}

fn read(batch: &Batch, row: usize) -> Row {
    let count = |column| {
        batch
            .whole(column, row)
            .and_then(|value| u16::try_from(value).ok())
    };
    let either = |one: usize, other: usize| {
        let text = batch.text(one, row);
        if text.is_empty() {
            batch.text(other, row).to_owned()
        } else {
            text.to_owned()
        }
    };
    Row {
        number: batch
            .whole(1, row)
            .and_then(|number| u32::try_from(number).ok()),
        kind: batch.text(2, row).to_owned(),
        text: batch.text(3, row).to_owned(),
        period: batch
            .whole(4, row)
            .or_else(|| batch.whole(19, row))
            .unwrap_or(0),
        clock: either(5, 20),
        scoring: batch.truth(6, row).unwrap_or(false),
        score_value: batch.whole(7, row).unwrap_or(0),
        shooting: batch.truth(8, row),
        team: whole(batch, 9, row),
        score: count(17).zip(count(18)).map(|(home, away)| [home, away]),
        athletes: [10, 11, 12].map(|column| whole(batch, column, row)),
    }
}

fn finish(mut game: Game) -> Result<GameLog, Fault> {
    if game.rows.iter().all(|row| row.number.is_some()) {
        game.rows.sort_by_key(|row| row.number);
    }
    let teams = espn::Teams {
        ids: game.teams,
        names: [&game.names[0], &game.names[1]],
    };
    let plays = game.rows.iter().map(|row| espn::Play {
        number: row.number,
        period: row.period,
        clock: &row.clock,
        kind: &row.kind,
        text: &row.text,
        team: row.team,
        scoring: row.scoring,
        score_value: row.score_value,
        shooting: row.shooting,
        attempted: None,
        place: None,
        score: row.score,
        athletes: row.athletes,
    });
    let mut log = espn::read(&game.id, teams, plays).map_err(|error| Fault::Log {
        game: game.id.clone(),
        error,
    })?;
    log.season = game.season;
    Ok(log)
}
