//! Official box scores in the three forms the data has.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use nba_boxscore::{GameBox, GameLog, Line, Side, Stat, count};
use nba_etl::plays::table::{Batch, for_each_batch};
use parquet::errors::ParquetError;

/// One player of an official box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfficialLine {
    /// In the order of [`Stat::ALL`].
    pub(crate) counts: [u16; 14],
    pub(crate) plus_minus: Option<i16>,
    pub(crate) seconds: Option<u32>,
}

/// Game, then player.
pub(crate) type Boxes = BTreeMap<String, BTreeMap<u64, OfficialLine>>;

/// Every figure that differs: player, stat, counted, official.
pub(crate) fn differences(
    log: &GameLog,
    score: &GameBox,
    official: &BTreeMap<u64, OfficialLine>,
) -> Vec<(u64, Stat, u16, u16)> {
    let mut found = Vec::new();
    let ours: BTreeMap<u64, Line> = lines(log, score).collect();
    for (&id, line) in &ours {
        if !official.contains_key(&id) {
            found.extend(
                Stat::ALL
                    .into_iter()
                    .map(|stat| (id, stat, count(line, stat), 0))
                    .filter(|one| one.2 > 0),
            );
        }
    }
    for (&id, line) in official {
        let own = ours.get(&id).copied().unwrap_or_default();
        for (stat, &official) in Stat::ALL.into_iter().zip(&line.counts) {
            if count(&own, stat) != official {
                found.push((id, stat, count(&own, stat), official));
            }
        }
    }
    found
}

/// Every player of a log with his line.
pub(crate) fn lines(log: &GameLog, score: &GameBox) -> impl Iterator<Item = (u64, Line)> {
    Side::BOTH.into_iter().flat_map(|side| {
        log.teams[side.index()]
            .players
            .iter()
            .zip(&score.teams[side.index()].players)
            .map(|(player, line)| (player.id.unwrap_or_default(), *line))
            .collect::<Vec<_>>()
    })
}

/// Names in the order of [`Stat::ALL`].
const PLAYOFFS: [&str; 14] = [
    "points",
    "fieldGoalsMade",
    "fieldGoalsAttempted",
    "threePointersMade",
    "threePointersAttempted",
    "freeThrowsMade",
    "freeThrowsAttempted",
    "reboundsOffensive",
    "reboundsDefensive",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "foulsPersonal",
];

/// The copy's headings of steals, blocks and turnovers are swapped.
const REGULAR_2023_24: [&str; 14] = [
    "Points", "FGM", "FGA", "3PM", "3PA", "FTM", "FTA", "OREB", "DREB", "AST", "TO", "STL", "BLK",
    "PF",
];

const REGULAR_2020_21: [&str; 14] = [
    "PTS", "FGM", "FGA", "FG3M", "FG3A", "FTM", "FTA", "OREB", "DREB", "AST", "STL", "BLK", "TO",
    "PF",
];

pub(crate) fn playoffs(data: &Path) -> Boxes {
    parquet_boxes(
        &data.join("nba_stats_v2/box_players_playoffs.parquet"),
        "gameId",
        "personId",
        "plusMinusPoints",
        &PLAYOFFS,
    )
}

pub(crate) fn regular_2023_24(data: &Path) -> Boxes {
    parquet_boxes(
        &data.join("nba_stats_v2/box_players_regular_2023_24_first_half.parquet"),
        "nba_game_id",
        "person_id",
        "+/-",
        &REGULAR_2023_24,
    )
}

fn parquet_boxes(
    path: &Path,
    game: &str,
    person: &str,
    plus_minus: &str,
    stats: &[&str; 14],
) -> Boxes {
    let mut names = vec![game, person, plus_minus];
    names.extend(stats);
    let mut boxes = Boxes::new();
    for_each_batch(path, &names, |batch: &Batch| {
        for row in 0..batch.rows() {
            let (Some(game), Some(person)) = (batch.whole(0, row), batch.whole(1, row)) else {
                continue;
            };
            let figure = |column| {
                u16::try_from(batch.whole(column, row).unwrap_or_default()).unwrap_or_default()
            };
            let line = OfficialLine {
                counts: std::array::from_fn(|stat| figure(3 + stat)),
                plus_minus: batch
                    .whole(2, row)
                    .and_then(|value| i16::try_from(value).ok()),
                seconds: None,
            };
            boxes
                .entry(format!("{game:010}"))
                .or_default()
                .insert(u64::try_from(person).unwrap(), line);
        }
        Ok::<(), ParquetError>(())
    })
    .unwrap();
    boxes
}

/// Some players stand there twice, before and after a correction: the later row counts.
pub(crate) fn regular_2020_21(data: &Path) -> Boxes {
    let path = data.join("nba_stats_v2/box_players_regular_2020_21_first_half.csv.gz");
    let text = gunzip(&path);
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let stats = REGULAR_2020_21.map(place);
    let mut boxes = Boxes::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{line}");
        let game: u64 = cells[place("GAME_ID")].parse().unwrap();
        let official = OfficialLine {
            counts: stats.map(|stat| cells[stat].parse().unwrap_or_default()),
            plus_minus: cells[place("PLUS_MINUS")].parse().ok(),
            seconds: seconds(cells[place("MIN")]),
        };
        boxes
            .entry(format!("{game:010}"))
            .or_default()
            .insert(cells[place("PLAYER_ID")].parse().unwrap(), official);
    }
    boxes
}

/// `mm:ss`, `mm:ss:00` or, a spreadsheet's doing, `mm:00:00` as a fraction of a day.
fn seconds(cell: &str) -> Option<u32> {
    if let Some((minutes, seconds)) = cell.split_once(':') {
        let seconds = seconds.split(':').next()?;
        return Some(minutes.parse::<u32>().ok()? * 60 + seconds.parse::<u32>().ok()?);
    }
    let hours = cell.parse::<f64>().ok()? * 24.0;
    let minutes: u32 = format!("{hours:.0}").parse().ok()?;
    Some(minutes * 60)
}

pub(crate) fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}
