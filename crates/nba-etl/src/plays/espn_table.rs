//! The platform's table `play_by_play`: texts of ESPN's pages, a row a play (box score dossier 3.3).

use nba_boxscore::adapter::espn_text;
use nba_boxscore::{GameLog, Side};
use nba_utils::{EspnGameId, PlayId};

use super::stats_v2::Fault;
use super::table::Batch;

pub(super) const COLUMNS: [&str; 7] = [
    "play_id",
    "period_number",
    "clock_display",
    "play_text",
    "home_away",
    "home_score",
    "away_score",
];

/// Reads all rows of a batch as one game, in the order of their numbers where all have one.
pub(super) fn read_batch(id: &str, batch: &Batch) -> Result<GameLog, Fault> {
    let game = EspnGameId::read(id).ok().map(|read| read.value);
    let count = |column, row| {
        batch
            .whole(column, row)
            .and_then(|one| u16::try_from(one).ok())
    };
    let mut plays: Vec<espn_text::Row<'_>> = (0..batch.rows())
        .map(|row| espn_text::Row {
            number: game
                .and_then(|game| PlayId::split(batch.text(0, row), game).ok())
                .and_then(|play| u32::try_from(play.sequence).ok()),
            period: batch.whole(1, row).unwrap_or(0),
            clock: batch.text(2, row),
            text: batch.text(3, row),
            side: match batch.text(4, row) {
                "home" => Some(Side::Home),
                "away" => Some(Side::Away),
                _ => None,
            },
            score: count(5, row)
                .zip(count(6, row))
                .map(|(home, away)| [home, away]),
        })
        .collect();
    if plays.iter().all(|play| play.number.is_some()) {
        plays.sort_by_key(|play| play.number);
    }
    espn_text::read(id, plays).map_err(|error| Fault::Log {
        game: id.to_owned(),
        error,
    })
}
