//! One part of a store: six parquet files beside each other.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use nba_boxscore::{
    Change, PlayerRef, Point, Shot, ShotPlace, ShotResult, ShotValue, Side, Standing, Stat,
    Timeline, count,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::card::{
    GameCard, StoredGame, possession_of, possession_row, possessions_digest, shot_row, shots_digest,
};
use crate::plays::table::{Batch, read_group};

/// Games in a row group: the unit a reader decodes for one game. Of real games, some 30,000 events.
pub(super) const GAMES_PER_GROUP: usize = 64;

pub(super) const GAMES: &str = "games.parquet";
const EVENTS: &str = "events.parquet";
const CHANGES: &str = "changes.parquet";
const KEYFRAMES: &str = "keyframes.parquet";
/// Not there in parts that were written before places of shots were kept.
const SHOTS: &str = "shots.parquet";
/// Not there in parts that were written before possessions were kept.
const POSSESSIONS: &str = "possessions.parquet";

const GAMES_SCHEMA: &str = "message games {
    required binary game_id (UTF8);
    required binary source (UTF8);
    required binary card (UTF8);
    required int32 home_players;
    required int32 away_players;
}";

const EVENTS_SCHEMA: &str = "message events {
    required binary game_id (UTF8);
    required binary source (UTF8);
    required int32 event_num;
    required int32 period;
    required int32 clock_tenths;
    required int32 elapsed_tenths;
    required int32 home_score;
    required int32 away_score;
}";

/// Columns of `shots` after game and source.
const SHOT_COLUMNS: [&str; 7] = [
    "event_num",
    "side",
    "slot",
    "worth",
    "made",
    "across",
    "out",
];

/// Columns of `possessions` after game and source.
const POSSESSION_COLUMNS: [&str; 15] = [
    "first_event",
    "last_event",
    "period",
    "side",
    "start_tenths",
    "end_tenths",
    "points",
    "outcome",
    "worth",
    "free_throws",
    "offensive_rebounds",
    "defensive_rebound",
    "stolen",
    "blocked",
    "margin",
];

/// Columns of `changes` and `keyframes` after game and source.
const LINE_COLUMNS: [&str; 22] = [
    "event_num",
    "side",
    "slot",
    "points",
    "fgm",
    "fga",
    "fg3m",
    "fg3a",
    "ftm",
    "fta",
    "oreb",
    "dreb",
    "ast",
    "stl",
    "blk",
    "tov",
    "pf",
    "plus_minus",
    "technical_fouls",
    "unknown_periods",
    "court",
    "court_tenths",
];

fn schema(name: &str, columns: &[&str]) -> String {
    let columns: String = columns
        .iter()
        .map(|column| format!("required int32 {column};"))
        .collect();
    format!(
        "message {name} {{ required binary game_id (UTF8); required binary source (UTF8); {columns} }}"
    )
}

/// Columns of one row group that is being gathered.
struct Group {
    texts: Vec<Vec<ByteArray>>,
    wholes: Vec<Vec<i32>>,
}

impl Group {
    fn new(texts: usize, wholes: usize) -> Self {
        Self {
            texts: vec![Vec::new(); texts],
            wholes: vec![Vec::new(); wholes],
        }
    }

    fn push(&mut self, texts: &[&ByteArray], wholes: &[i32]) {
        for (column, value) in self.texts.iter_mut().zip(texts) {
            column.push((*value).clone());
        }
        for (column, value) in self.wholes.iter_mut().zip(wholes) {
            column.push(*value);
        }
    }
}

/// One parquet file that is being written.
struct Table {
    writer: SerializedFileWriter<File>,
    group: Group,
    sizes: (usize, usize),
}

impl Table {
    fn create(
        path: &Path,
        schema: &str,
        texts: usize,
        wholes: usize,
    ) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let schema = parse_message_type(schema)?;
        Ok(Self {
            writer: SerializedFileWriter::new(
                File::create_new(path)?,
                Arc::new(schema),
                Arc::new(properties),
            )?,
            group: Group::new(texts, wholes),
            sizes: (texts, wholes),
        })
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let group = std::mem::replace(&mut self.group, Group::new(self.sizes.0, self.sizes.1));
        let mut writer = self.writer.next_row_group()?;
        for values in &group.texts {
            column::<ByteArrayType>(&mut writer, values)?;
        }
        for values in &group.wholes {
            column::<Int32Type>(&mut writer, values)?;
        }
        writer.close()?;
        Ok(())
    }

    fn finish(self) -> Result<(), ParquetError> {
        self.writer.into_inner()?.sync_all()?;
        Ok(())
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has no further column".to_owned()))?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

/// Writes the games of one part, one after the other.
pub(super) struct PartWriter {
    games: Table,
    events: Table,
    changes: Table,
    keyframes: Table,
    shots: Table,
    possessions: Table,
    pending: usize,
}

impl PartWriter {
    /// Starts the files in an empty folder.
    pub(super) fn create(folder: &Path) -> Result<Self, ParquetError> {
        let lines = LINE_COLUMNS.len();
        Ok(Self {
            games: Table::create(&folder.join(GAMES), GAMES_SCHEMA, 3, 2)?,
            events: Table::create(&folder.join(EVENTS), EVENTS_SCHEMA, 2, 6)?,
            changes: Table::create(
                &folder.join(CHANGES),
                &schema("changes", &LINE_COLUMNS),
                2,
                lines,
            )?,
            keyframes: Table::create(
                &folder.join(KEYFRAMES),
                &schema("keyframes", &LINE_COLUMNS),
                2,
                lines,
            )?,
            shots: Table::create(
                &folder.join(SHOTS),
                &schema("shots", &SHOT_COLUMNS),
                2,
                SHOT_COLUMNS.len(),
            )?,
            possessions: Table::create(
                &folder.join(POSSESSIONS),
                &schema("possessions", &POSSESSION_COLUMNS),
                2,
                POSSESSION_COLUMNS.len(),
            )?,
            pending: 0,
        })
    }

    /// Adds a game.
    pub(super) fn push(&mut self, game: &StoredGame) -> Result<(), ParquetError> {
        let card = &game.card;
        let id = ByteArray::from(card.id.as_str());
        let source = ByteArray::from(card.source.as_str());
        let text =
            serde_json::to_string(card).map_err(|error| ParquetError::External(Box::new(error)))?;
        let [home, away] = game.timeline.roster_sizes().map(i32::from);
        self.games.group.push(
            &[&id, &source, &ByteArray::from(text.into_bytes())],
            &[home, away],
        );
        for (number, point) in (0i32..).zip(game.timeline.points()) {
            let [home, away] = point.points.map(i32::from);
            self.events.group.push(
                &[&id, &source],
                &[
                    number,
                    i32::from(point.period),
                    i32::from(point.clock_tenths),
                    i32::try_from(point.elapsed_tenths()).unwrap_or(i32::MAX),
                    home,
                    away,
                ],
            );
        }
        for change in game.timeline.changes() {
            self.changes
                .group
                .push(&[&id, &source], &change_row(change));
        }
        for (before, state) in game.timeline.keyframes() {
            for ((side, slot), standing) in game.timeline.holders().zip(state) {
                if before > 0 && *standing != Standing::default() {
                    let row = standing_row(before, side, slot, standing);
                    self.keyframes.group.push(&[&id, &source], &row);
                }
            }
        }
        for shot in &game.shots {
            self.shots.group.push(&[&id, &source], &shot_row(shot));
        }
        for possession in &game.possessions {
            self.possessions
                .group
                .push(&[&id, &source], &possession_row(possession));
        }
        self.pending += 1;
        if self.pending == GAMES_PER_GROUP {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        self.pending = 0;
        for table in [
            &mut self.games,
            &mut self.events,
            &mut self.changes,
            &mut self.keyframes,
            &mut self.shots,
            &mut self.possessions,
        ] {
            table.flush()?;
        }
        Ok(())
    }

    /// Brings everything to the disk.
    pub(super) fn finish(mut self) -> Result<(), ParquetError> {
        if self.pending > 0 {
            self.flush()?;
        }
        for table in [
            self.games,
            self.events,
            self.changes,
            self.keyframes,
            self.shots,
            self.possessions,
        ] {
            table.finish()?;
        }
        Ok(())
    }
}

fn whose(side: Side, slot: Option<u8>) -> [i32; 2] {
    [i32::from(side == Side::Away), slot.map_or(-1, i32::from)]
}

/// A change as a row of its table.
pub(super) fn change_row(change: &Change) -> [i32; 22] {
    let [side, slot] = whose(change.side, change.slot);
    let mut row = [0; 22];
    row[0] = i32::try_from(change.event).unwrap_or(i32::MAX);
    row[1] = side;
    row[2] = slot;
    for (cell, more) in row[3..].iter_mut().zip(change.counts) {
        *cell = i32::from(more);
    }
    row[17] = i32::from(change.plus_minus);
    row[18] = i32::from(change.technical_fouls);
    row[19] = i32::from(change.unknown_periods);
    row[20] = i32::from(change.court);
    row[21] = change.court_tenths;
    row
}

/// A kept state as a row of its table; its event number is the number of events before it.
pub(super) fn standing_row(
    before: usize,
    side: Side,
    slot: Option<u8>,
    standing: &Standing,
) -> [i32; 22] {
    let [side, slot] = whose(side, slot);
    let mut row = [0; 22];
    row[0] = i32::try_from(before).unwrap_or(i32::MAX);
    row[1] = side;
    row[2] = slot;
    for (cell, stat) in row[3..].iter_mut().zip(Stat::ALL) {
        *cell = i32::from(count(&standing.line, stat));
    }
    row[17] = i32::from(standing.line.plus_minus);
    row[18] = i32::from(standing.technical_fouls);
    row[19] = i32::from(standing.unknown_periods);
    row[20] = i32::from(standing.court);
    row[21] = standing.court_tenths;
    row
}

/// Why a part is not what was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartFault {
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Damaged(String),
}

/// Reads one row group of a part and hands over its games; every game is summed up again and compared with what it says.
pub(super) fn read_games(
    folder: &Path,
    group: usize,
    wanted: impl Fn(&str, &str) -> bool,
    mut take: impl FnMut(StoredGame),
) -> Result<bool, PartFault> {
    let of = |file: &str, columns: &[&str]| -> Result<Batch, PartFault> {
        read_group(&folder.join(file), columns, group)?
            .ok_or_else(|| PartFault::Damaged(format!("`{file}` has no row group {group}")))
    };
    let Some(games) = read_group(
        &folder.join(GAMES),
        &["game_id", "source", "card", "home_players", "away_players"],
        group,
    )?
    else {
        return Ok(false);
    };
    if !(0..games.rows()).any(|row| wanted(games.text(0, row), games.text(1, row))) {
        return Ok(true);
    }
    let events = of(
        EVENTS,
        &[
            "game_id",
            "source",
            "period",
            "clock_tenths",
            "home_score",
            "away_score",
        ],
    )?;
    let mut columns = vec!["game_id", "source"];
    columns.extend(LINE_COLUMNS);
    let changes = of(CHANGES, &columns)?;
    let keyframes = of(KEYFRAMES, &columns)?;
    let mut columns = vec!["game_id", "source"];
    columns.extend(SHOT_COLUMNS);
    let places = if folder.join(SHOTS).exists() {
        Some(of(SHOTS, &columns)?)
    } else {
        None
    };
    let mut columns = vec!["game_id", "source"];
    columns.extend(POSSESSION_COLUMNS);
    let possessions = if folder.join(POSSESSIONS).exists() {
        Some(of(POSSESSIONS, &columns)?)
    } else {
        None
    };
    let (mut event, mut change, mut frame, mut shot, mut possession) = (0, 0, 0, 0, 0);
    for row in 0..games.rows() {
        let (id, source) = (games.text(0, row), games.text(1, row));
        let rows = |batch: &Batch, next: &mut usize| {
            let from = *next;
            while *next < batch.rows()
                && batch.text(0, *next) == id
                && batch.text(1, *next) == source
            {
                *next += 1;
            }
            from..*next
        };
        let own = (
            rows(&events, &mut event),
            rows(&changes, &mut change),
            rows(&keyframes, &mut frame),
        );
        let own_shots = places
            .as_ref()
            .map(|places| (places, rows(places, &mut shot)));
        let own_possessions = possessions
            .as_ref()
            .map(|possessions| (possessions, rows(possessions, &mut possession)));
        if !wanted(id, source) {
            continue;
        }
        let damaged = |what: String| PartFault::Damaged(format!("game `{id}` of {source}: {what}"));
        let out_of_range = || damaged("a figure is out of range".to_owned());
        let card: GameCard =
            serde_json::from_str(games.text(2, row)).map_err(|error| damaged(error.to_string()))?;
        let size = |column| {
            games
                .whole(column, row)
                .and_then(|size| u8::try_from(size).ok())
        };
        let sizes = [
            size(3).ok_or_else(out_of_range)?,
            size(4).ok_or_else(out_of_range)?,
        ];
        if sizes.map(usize::from) != [0, 1].map(|side: usize| card.teams[side].players.len()) {
            return Err(damaged("its roster has another size".to_owned()));
        }
        let points = own
            .0
            .map(|row| point(&events, row))
            .collect::<Option<Vec<_>>>();
        let list = own
            .1
            .map(|row| change_of(&changes, row))
            .collect::<Option<Vec<_>>>();
        let (points, list) = points.zip(list).ok_or_else(out_of_range)?;
        let timeline = Timeline::from_parts(sizes, points, list)
            .map_err(|error| damaged(error.to_string()))?;
        // The kept states are the sums they stand for.
        let mut kept = own.2;
        for (before, state) in timeline.keyframes() {
            for ((side, slot), standing) in timeline.holders().zip(state) {
                if before == 0 || *standing == Standing::default() {
                    continue;
                }
                let row = kept.next().map(|row| cells(&keyframes, row));
                if row != Some(Some(standing_row(before, side, slot, standing))) {
                    return Err(damaged(format!(
                        "the state kept before event {before} is not the sum of the changes"
                    )));
                }
            }
        }
        let shots = match own_shots {
            Some((places, rows)) => rows
                .map(|row| shot_of(places, row, sizes, timeline.points().len()))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(out_of_range)?,
            None => Vec::new(),
        };
        if card
            .shots_digest
            .is_some_and(|digest| digest != shots_digest(&shots))
        {
            return Err(damaged("its shots are not those of its digest".to_owned()));
        }
        let possessions = match own_possessions {
            Some((possessions, rows)) => rows
                .map(|row| cells(possessions, row).and_then(possession_of))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(out_of_range)?,
            None => Vec::new(),
        };
        if card
            .possessions_digest
            .is_some_and(|digest| digest != possessions_digest(&possessions))
        {
            return Err(damaged(
                "its possessions are not those of its digest".to_owned(),
            ));
        }
        let game = StoredGame {
            card,
            timeline,
            shots,
            possessions,
        };
        if game.card.digest != super::card::digest(&game.timeline) {
            return Err(damaged("its events are not those of its digest".to_owned()));
        }
        take(game);
    }
    Ok(true)
}

fn point(batch: &Batch, row: usize) -> Option<Point> {
    let whole = |column| batch.whole(column, row);
    Some(Point {
        period: u8::try_from(whole(2)?).ok()?,
        clock_tenths: u16::try_from(whole(3)?).ok()?,
        points: [
            u16::try_from(whole(4)?).ok()?,
            u16::try_from(whole(5)?).ok()?,
        ],
    })
}

fn cells<const N: usize>(batch: &Batch, row: usize) -> Option<[i32; N]> {
    let mut cells = [0; N];
    for (column, cell) in cells.iter_mut().enumerate() {
        *cell = batch
            .whole(column + 2, row)
            .and_then(|value| i32::try_from(value).ok())?;
    }
    Some(cells)
}

fn change_of(batch: &Batch, row: usize) -> Option<Change> {
    let cells: [i32; 22] = cells(batch, row)?;
    let side = match cells[1] {
        0 => Side::Home,
        1 => Side::Away,
        _ => return None,
    };
    let slot = match cells[2] {
        -1 => None,
        slot => Some(u8::try_from(slot).ok()?),
    };
    let mut change = Change::none(u32::try_from(cells[0]).ok()?, side, slot);
    for (count, cell) in change.counts.iter_mut().zip(&cells[3..17]) {
        *count = u8::try_from(*cell).ok()?;
    }
    change.plus_minus = i8::try_from(cells[17]).ok()?;
    change.technical_fouls = u8::try_from(cells[18]).ok()?;
    change.unknown_periods = u8::try_from(cells[19]).ok()?;
    change.court = i8::try_from(cells[20]).ok()?;
    change.court_tenths = cells[21];
    Some(change)
}

fn shot_of(batch: &Batch, row: usize, sizes: [u8; 2], events: usize) -> Option<(ShotPlace, Shot)> {
    let whole = |column: usize| batch.whole(column + 2, row);
    let side = match whole(1)? {
        0 => Side::Home,
        1 => Side::Away,
        _ => return None,
    };
    let slot = u8::try_from(whole(2)?).ok()?;
    let event = u32::try_from(whole(0)?).ok()?;
    if slot >= sizes[side.index()] || usize::try_from(event).ok()? >= events {
        return None;
    }
    let shot = Shot {
        shooter: PlayerRef { side, slot },
        value: match whole(3)? {
            2 => ShotValue::Two,
            3 => ShotValue::Three,
            _ => return None,
        },
        result: match whole(4)? {
            0 => ShotResult::Missed { block: None },
            1 => ShotResult::Made { assist: None },
            _ => return None,
        },
    };
    let place = ShotPlace {
        event,
        across: i16::try_from(whole(5)?).ok()?,
        out: i16::try_from(whole(6)?).ok()?,
    };
    Some((place, shot))
}
