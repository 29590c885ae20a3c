//! NBA Stats `playbyplayv2` rows in parquet files, one or many games after each other.

use std::path::Path;

use nba_boxscore::adapter::stats_v2::{Person, Reader, Row};
use nba_boxscore::{GameLog, LogError};
use parquet::errors::ParquetError;

use super::PlaysError;
use super::table::{Batch, for_each_batch};

pub(super) const COLUMNS: [&str; 25] = [
    "GAME_ID",
    "EVENTNUM",
    "EVENTMSGTYPE",
    "EVENTMSGACTIONTYPE",
    "PERIOD",
    "PCTIMESTRING",
    "HOMEDESCRIPTION",
    "NEUTRALDESCRIPTION",
    "VISITORDESCRIPTION",
    "SCORE",
    "PERSON1TYPE",
    "PLAYER1_ID",
    "PLAYER1_NAME",
    "PLAYER1_TEAM_ID",
    "PLAYER1_TEAM_ABBREVIATION",
    "PERSON2TYPE",
    "PLAYER2_ID",
    "PLAYER2_NAME",
    "PLAYER2_TEAM_ID",
    "PLAYER2_TEAM_ABBREVIATION",
    "PERSON3TYPE",
    "PLAYER3_ID",
    "PLAYER3_NAME",
    "PLAYER3_TEAM_ID",
    "PLAYER3_TEAM_ABBREVIATION",
];

/// Reads every game of a file and hands it over as soon as it is complete. Rows of one game stand together.
///
/// # Errors
///
/// When the file cannot be read or its rows make no game; the error names the file, and the game and row where it can.
pub fn read_parquet(path: &Path, mut take: impl FnMut(GameLog)) -> Result<(), PlaysError> {
    let mut games = Games::default();
    for_each_batch(path, &COLUMNS, |batch| games.batch(batch, &mut take))
        .map_err(|fault| fault.at(path))?;
    games.finish(&mut take);
    Ok(())
}

/// Games out of rows that come in batches of [`COLUMNS`].
#[derive(Default)]
pub(super) struct Games {
    current: Option<(String, Reader)>,
}

impl Games {
    /// Takes the next rows, and hands over what is complete by then.
    pub(super) fn batch(
        &mut self,
        batch: &Batch,
        take: &mut impl FnMut(GameLog),
    ) -> Result<(), Fault> {
        for row in 0..batch.rows() {
            let game = batch.text(0, row);
            if self.current.as_ref().is_none_or(|(id, _)| id != game) {
                if let Some((_, reader)) = self.current.take() {
                    take(reader.finish());
                }
                if game.is_empty() {
                    return Err(Fault::Missing("GAME_ID"));
                }
                self.current = Some((game.to_owned(), Reader::new(game)));
            }
            let person = |first: usize| Person {
                kind: batch.whole(first, row),
                id: batch.whole(first + 1, row),
                name: batch.text(first + 2, row),
                team: batch.whole(first + 3, row),
                team_name: batch.text(first + 4, row),
            };
            let missing = |name| Fault::Missing(name);
            let read = Row {
                number: batch.whole(1, row),
                kind: batch.whole(2, row).ok_or(missing("EVENTMSGTYPE"))?,
                action: batch.whole(3, row).unwrap_or(0),
                period: batch.whole(4, row).ok_or(missing("PERIOD"))?,
                clock: batch.text(5, row),
                home: batch.text(6, row),
                neutral: batch.text(7, row),
                visitor: batch.text(8, row),
                score: batch.text(9, row),
                people: [person(10), person(15), person(20)],
            };
            if let Some((id, reader)) = &mut self.current {
                reader.row(&read).map_err(|error| Fault::Log {
                    game: id.clone(),
                    error,
                })?;
            }
        }
        Ok(())
    }

    /// Hands over the last game.
    pub(super) fn finish(self, take: &mut impl FnMut(GameLog)) {
        if let Some((_, reader)) = self.current {
            take(reader.finish());
        }
    }
}

/// What went wrong, before the file is named.
pub(super) enum Fault {
    Parquet(ParquetError),
    Missing(&'static str),
    Log { game: String, error: LogError },
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl Fault {
    pub(super) fn at(self, path: &Path) -> PlaysError {
        let path = path.to_owned();
        match self {
            Self::Parquet(source) => PlaysError::Parquet { path, source },
            Self::Missing(column) => PlaysError::MissingColumn { path, column },
            Self::Log { game, error } => PlaysError::Log {
                path,
                game,
                source: error,
            },
        }
    }
}
