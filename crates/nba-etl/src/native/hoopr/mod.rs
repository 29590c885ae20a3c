//! hoopR's four tables out of the season files, CSV and parquet: the ports of `load_hoopr_to_rds.py` and
//! `load_hoopr_to_local_postgres.py` (ETL dossier 3).
//!
//! Two generations of tables have the same names: the wide one has every column of the source under its own name, the narrow one
//! a renamed choice. Which one a table is shows in its columns ([`Generation`]); either can be filled from either form of file.
//!
//! One file, a season, is one load: all or nothing. Its rows go straight from the file to the server, so that memory does not
//! grow with its size.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream;
use nba_db::ident::TableName;
use nba_db::{Database, TextRows, Writer};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

mod cell;
mod drawn;
mod eastern;
mod facts;
#[cfg(feature = "native-espn")]
mod parting;
mod plan;
mod source;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;

pub use drawn::{DrawError, cut, games_of, season_files};
#[cfg(feature = "native-espn")]
pub use parting::{SeasonFile, Target, partings};
pub use plan::Generation;
pub use source::Form;
#[cfg(feature = "sqlite")]
pub use sqlite::{StageError, stage};

use self::cell::{Kind, Value};
use self::facts::Seen;
use self::plan::{FilePlan, Narrow};
use self::source::{Cell, for_each_row};
use super::kind::columns_of;
use super::load::{
    Aside, LoadAccount, LoadError, LoadOptions, MergeShape, ReadError, Staging, Unreadable,
    choose_key,
};
use super::{Divergence, Mode};
use crate::lake::{Lake, LakeError, LakeErrorKind};

/// One of the four tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// `hoopr_schedule`.
    Schedule,
    /// `hoopr_team_box`.
    TeamBox,
    /// `hoopr_player_box`.
    PlayerBox,
    /// `hoopr_play_by_play`.
    PlayByPlay,
}

/// Where a table's files are, and what tells its rows apart.
struct Spec {
    name: &'static str,
    capability: &'static str,
    csv: (&'static str, &'static str),
    parquet: (&'static str, &'static str),
    narrow: Narrow,
    /// Keys that do, the best one first: of the wide generation, of the narrow one.
    keys: [&'static [&'static [&'static str]]; 2],
}

impl Table {
    /// All four, in the order in which the legacy loader takes them (ETL dossier 3.3).
    pub const ALL: [Table; 4] = [
        Table::Schedule,
        Table::TeamBox,
        Table::PlayerBox,
        Table::PlayByPlay,
    ];

    /// Its name in the platform, in schema `public`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Its capability: `etl.hoopr.pbp`, …
    #[must_use]
    pub fn capability(self) -> &'static str {
        self.spec().capability
    }

    /// The key of a season's file in the lake; a season is named by the year it ends in (ETL dossier 1.4, 4.1).
    ///
    /// ```
    /// use nba_etl::native::hoopr::{Form, Table};
    /// assert_eq!(Table::PlayByPlay.document(2024, Form::Csv), "hoopr_phase1/bulk_pbp/pbp_2024.csv");
    /// assert_eq!(Table::TeamBox.document(2024, Form::Parquet), "hoopr_parquet/team_box/team_box_2024.parquet");
    /// ```
    #[must_use]
    pub fn document(self, season: i32, form: Form) -> String {
        let spec = self.spec();
        match form {
            Form::Csv => {
                let (folder, stem) = spec.csv;
                format!("hoopr_phase1/{folder}/{stem}_{season}.csv")
            }
            Form::Parquet => {
                let (folder, stem) = spec.parquet;
                format!("hoopr_parquet/{folder}/{stem}_{season}.parquet")
            }
        }
    }

    /// The folder of its files in a lake, ending in `/`.
    #[must_use]
    pub fn prefix(self, form: Form) -> String {
        let spec = self.spec();
        match form {
            Form::Csv => format!("hoopr_phase1/{}/", spec.csv.0),
            Form::Parquet => format!("hoopr_parquet/{}/", spec.parquet.0),
        }
    }

    /// What a file with these columns holds, whatever its name says.
    #[must_use]
    pub fn of_columns<S: AsRef<str>>(columns: &[S]) -> Option<Table> {
        let has = |name: &str| {
            columns
                .iter()
                .any(|column| column.as_ref().eq_ignore_ascii_case(name))
        };
        if has("sequence_number") {
            Some(Table::PlayByPlay)
        } else if has("athlete_id") {
            Some(Table::PlayerBox)
        } else if has("team_id") && has("game_id") && has("team_score") {
            Some(Table::TeamBox)
        } else if has("home_id") && has("away_id") {
            Some(Table::Schedule)
        } else {
            None
        }
    }

    fn spec(self) -> &'static Spec {
        match self {
            Table::Schedule => &SCHEDULE,
            Table::TeamBox => &TEAM_BOX,
            Table::PlayerBox => &PLAYER_BOX,
            Table::PlayByPlay => &PLAY_BY_PLAY,
        }
    }
}

static SCHEDULE: Spec = Spec {
    name: "hoopr_schedule",
    capability: "etl.hoopr.schedule",
    csv: ("bulk_schedule", "schedule"),
    parquet: ("schedule", "schedule"),
    narrow: Narrow {
        mark: "home_team_id",
        renames: &[
            ("id", "game_id"),
            ("game_id", "game_id"),
            ("date", "game_date"),
            ("game_date", "game_date"),
            ("season", "season"),
            ("home_id", "home_team_id"),
            ("away_id", "away_team_id"),
            ("home_name", "home_team_name"),
            ("away_name", "away_team_name"),
            ("home_score", "home_score"),
            ("away_score", "away_score"),
            ("status_type_name", "game_status"),
        ],
        ratios: &[],
        copied_ratios: false,
    },
    keys: [&[&["game_id"], &["id"]], &[&["game_id"]]],
};

static TEAM_BOX: Spec = Spec {
    name: "hoopr_team_box",
    capability: "etl.hoopr.team_box",
    csv: ("bulk_team_box", "team_box"),
    parquet: ("team_box", "team_box"),
    narrow: Narrow {
        mark: "pts",
        renames: &[
            ("game_id", "game_id"),
            ("season", "season"),
            ("season_type", "season_type"),
            ("game_date", "game_date"),
            ("team_id", "team_id"),
            ("team_name", "team_name"),
            ("field_goals_made", "fgm"),
            ("field_goals_attempted", "fga"),
            ("field_goal_pct", "fg_pct"),
            ("three_point_field_goals_made", "fg3m"),
            ("three_point_field_goals_attempted", "fg3a"),
            ("three_point_field_goal_pct", "fg3_pct"),
            ("free_throws_made", "ftm"),
            ("free_throws_attempted", "fta"),
            ("free_throw_pct", "ft_pct"),
            ("offensive_rebounds", "oreb"),
            ("defensive_rebounds", "dreb"),
            ("total_rebounds", "reb"),
            ("assists", "ast"),
            ("steals", "stl"),
            ("blocks", "blk"),
            ("turnovers", "tov"),
            ("fouls", "pf"),
            ("team_score", "pts"),
        ],
        ratios: &RATIOS,
        copied_ratios: true,
    },
    keys: [&[&["game_id", "team_id"]], &[&["game_id", "team_id"]]],
};

static PLAYER_BOX: Spec = Spec {
    name: "hoopr_player_box",
    capability: "etl.hoopr.player_box",
    csv: ("bulk_player_box", "player_box"),
    parquet: ("player_box", "player_box"),
    narrow: Narrow {
        mark: "player_id",
        renames: &[
            ("game_id", "game_id"),
            ("season", "season"),
            ("season_type", "season_type"),
            ("game_date", "game_date"),
            ("athlete_id", "player_id"),
            ("athlete_display_name", "player_name"),
            ("team_id", "team_id"),
            ("team_name", "team_name"),
            ("minutes", "minutes"),
            ("field_goals_made", "fgm"),
            ("field_goals_attempted", "fga"),
            ("three_point_field_goals_made", "fg3m"),
            ("three_point_field_goals_attempted", "fg3a"),
            ("free_throws_made", "ftm"),
            ("free_throws_attempted", "fta"),
            ("offensive_rebounds", "oreb"),
            ("defensive_rebounds", "dreb"),
            ("rebounds", "reb"),
            ("assists", "ast"),
            ("steals", "stl"),
            ("blocks", "blk"),
            ("turnovers", "tov"),
            ("fouls", "pf"),
            ("points", "pts"),
            ("plus_minus", "plus_minus"),
            ("starter", "starter"),
        ],
        ratios: &RATIOS,
        copied_ratios: false,
    },
    keys: [&[&["game_id", "athlete_id"]], &[&["game_id", "player_id"]]],
};

static PLAY_BY_PLAY: Spec = Spec {
    name: "hoopr_play_by_play",
    capability: "etl.hoopr.pbp",
    csv: ("bulk_pbp", "pbp"),
    parquet: ("play_by_play", "pbp"),
    narrow: Narrow {
        mark: "event_num",
        renames: &[
            ("game_id", "game_id"),
            ("season", "season"),
            ("game_date", "game_date"),
            ("sequence_number", "event_num"),
            ("period", "period"),
            ("clock_display_value", "clock"),
            ("team_id", "team_id"),
            ("athlete_id_1", "player_id"),
            ("type_text", "event_type"),
            ("text", "description"),
            ("home_score", "score_home"),
            ("away_score", "score_away"),
        ],
        ratios: &[],
        copied_ratios: false,
    },
    keys: [
        &[
            &["id"],
            &["game_id", "sequence_number"],
            &["game_id", "game_play_number"],
        ],
        &[&["game_id", "event_num"]],
    ],
};

/// Share, made, attempted.
const RATIOS: [(&str, &str, &str); 3] = [
    ("fg_pct", "field_goals_made", "field_goals_attempted"),
    (
        "fg3_pct",
        "three_point_field_goals_made",
        "three_point_field_goals_attempted",
    ),
    ("ft_pct", "free_throws_made", "free_throws_attempted"),
];

/// Things put aside that are described; the others are only counted, so that a file of nothing but bad rows stays small.
const DESCRIBED: usize = 1_000;

/// Bytes of rows handed over at once, and how many such pieces may wait.
const PIECE_BYTES: usize = 256 * 1024;
const PIECES: usize = 4;

/// Why a file was not read on: the server stopped taking rows, and says itself why.
const GONE: &str = "nobody takes its rows any more";

/// How to load into a table of this name in `public`.
#[must_use]
pub fn options(table: Table, mode: Mode) -> LoadOptions {
    LoadOptions::of(TableName::new("public", table.name()), mode)
}

/// Loads the file of a season, as [`load_file`].
///
/// # Errors
///
/// As [`load_file`].
pub async fn load_season(
    db: &Database,
    writer: &mut Writer,
    lake: &Lake,
    table: Table,
    season: i32,
    form: Form,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let key = table.document(season, form);
    load_file(db, writer, lake, table, &key, options).await
}

/// Loads one file of the lake, all or nothing; CSV or parquet shows in its first bytes.
///
/// Correct mode asks for a unique key, merges behind it and puts rows aside that do not fit. Compat mode gives what the legacy
/// loader gives the first time, which for most files is everything or, for one bad cell, nothing; the tables it fills have no key,
/// so that a second run there doubles every row. Here it does not: a row that is there already, in every column, as often as
/// in the file, is left alone.
///
/// # Errors
///
/// [`LoadError`]; the table is then as it was. A file that cannot be read is no error but [`LoadAccount::unreadable`].
pub async fn load_file(
    db: &Database,
    writer: &mut Writer,
    lake: &Lake,
    table: Table,
    key: &str,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let mut account = LoadAccount {
        games: 1,
        ..LoadAccount::default()
    };
    let Some(opened) = open(db, lake, table, key, options, &mut account).await? else {
        return Ok(account);
    };
    let Opened {
        file,
        order,
        plan,
        shape,
    } = opened;
    let what = format!("`{key}`");
    let gone = || LoadError::Reader {
        key: key.to_owned(),
    };
    let staging = Staging::prepare(db, writer, &what, &options.table, shape, options.mode).await?;
    let needed = plan.needed(table, staging.key(), options.mode);
    let (sender, mut receiver) = mpsc::channel::<Result<Bytes, &'static str>>(PIECES);
    let reading = tokio::task::spawn_blocking(move || order.read(&plan, &needed, &sender));
    let rows = stream::poll_fn(move |context| receiver.poll_recv(context));
    let staged = staging.fill(writer, rows).await;
    let read = match reading.await.map_err(|_| gone())? {
        Ok(read) => read,
        // What came before it was staged, or was on the way; nothing of it is merged.
        Err(error) => {
            if error.reason == GONE {
                staged?;
            }
            account.unreadable.push(Unreadable::new(key, error));
            return Ok(account);
        }
    };
    let staged = staged?;
    account.read_file(read);
    if staged == account.attempted {
        let merged = staging.merge(writer, options.mode, staged).await?;
        account.set(merged);
        note(&mut account, options.mode);
    }
    if !account.is_balanced() {
        return Err(LoadError::Unbalanced {
            what,
            account: Box::new(account),
        });
    }
    drop(file);
    Ok(account)
}

/// Reads a file without loading it: what [`load_file`] would hand over and put aside. Asks the table for its key, too.
///
/// # Errors
///
/// As [`load_file`].
pub async fn preview_file(
    db: &Database,
    lake: &Lake,
    table: Table,
    key: &str,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let mut account = LoadAccount {
        games: 1,
        ..LoadAccount::default()
    };
    let Some(opened) = open(db, lake, table, key, options, &mut account).await? else {
        return Ok(account);
    };
    let Opened {
        file,
        order,
        plan,
        shape,
    } = opened;
    let what = format!("`{key}`");
    let chosen = choose_key(db, &what, &options.table, &shape, options.mode).await?;
    let needed = plan.needed(table, &chosen, options.mode);
    let read = tokio::task::spawn_blocking(move || order.read_rows(&plan, &needed, |_| true))
        .await
        .map_err(|_| LoadError::Reader {
            key: key.to_owned(),
        })?;
    drop(file);
    match read {
        Ok(read) => account.read_file(read),
        Err(error) => account.unreadable.push(Unreadable::new(key, error)),
    }
    Ok(account)
}

/// A file that has a place in the table.
struct Opened {
    file: Local,
    order: Order,
    plan: FilePlan,
    shape: MergeShape,
}

/// Fetches a file and plans how it fills the table; `None`, with the reason in the account, where it cannot.
async fn open(
    db: &Database,
    lake: &Lake,
    table: Table,
    key: &str,
    options: &LoadOptions,
    account: &mut LoadAccount,
) -> Result<Option<Opened>, LoadError> {
    let file = match fetch(lake, key).await {
        Ok(file) => file,
        Err(error) if error.kind() == LakeErrorKind::NotFound => {
            account.missing = 1;
            return Ok(None);
        }
        Err(source) => {
            return Err(LoadError::Lake {
                key: key.to_owned(),
                source,
            });
        }
    };
    let target = columns_of(db, &options.table)
        .await
        .map_err(|source| LoadError::Database {
            what: format!("`{key}`"),
            source: Box::new(source),
        })?;
    let order = Order {
        path: file.path().to_owned(),
        name: key.rsplit('/').next().unwrap_or(key).to_owned(),
        key: key.to_owned(),
        table,
        mode: options.mode,
        target,
    };
    let (order, plan) = tokio::task::spawn_blocking(move || {
        let plan = order.plan();
        (order, plan)
    })
    .await
    .map_err(|_| LoadError::Reader {
        key: key.to_owned(),
    })?;
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            account.unreadable.push(Unreadable::new(key, error));
            return Ok(None);
        }
    };
    let columns: Vec<String> = plan.columns().map(str::to_owned).collect();
    let shape = MergeShape {
        keys: order.keys(&plan),
        updates: match options.mode {
            // `on conflict do nothing`, where there is a key (ETL dossier 3.4).
            Mode::Compat => Vec::new(),
            Mode::Correct => columns.clone(),
        },
        group: columns.iter().find(|name| *name == "game_id").cloned(),
        columns,
        stamp: None,
        keeps_known: false,
    };
    Ok(Some(Opened {
        file,
        order,
        plan,
        shape,
    }))
}

impl LoadAccount {
    fn read_file(&mut self, read: Read) {
        self.attempted = read.rows;
        self.loaded_games = u64::from(read.rows > 0);
        self.empty_games = u64::from(read.rows == 0);
        self.rejected = read.rejected;
        self.aside = read.aside;
        self.divergences = read.divergences;
    }
}

/// Names what the merge did that the legacy loader does not.
fn note(account: &mut LoadAccount, mode: Mode) {
    if account.unchanged > 0 {
        account.divergences.insert(Divergence::HooprAgain);
    }
    if mode == Mode::Correct && account.repeated > 0 {
        account.divergences.insert(Divergence::HooprDouble);
    }
    if account.updated > 0 {
        account.divergences.insert(Divergence::HooprRefresh);
    }
}

/// A file of the lake on this machine.
enum Local {
    There(PathBuf),
    Fetched(tempfile::NamedTempFile),
}

impl Local {
    fn path(&self) -> &Path {
        match self {
            Local::There(path) => path,
            Local::Fetched(file) => file.path(),
        }
    }
}

/// The file itself in a local lake; a copy of its own from a bucket, because two passes are needed and parquet begins at the end.
async fn fetch(lake: &Lake, key: &str) -> Result<Local, LakeError> {
    use futures::TryStreamExt as _;
    if let Some(path) = lake.local_path(key) {
        // Asked for what is there and what is not in the lake's own words.
        let _ = lake.open(key).await?;
        return Ok(Local::There(path));
    }
    let io = |source| LakeError::Io {
        path: std::env::temp_dir(),
        source,
    };
    let file = tempfile::NamedTempFile::new().map_err(io)?;
    let mut copy = tokio::fs::File::from_std(file.reopen().map_err(io)?);
    let (_, mut parts) = lake.open(key).await?;
    while let Some(bytes) = parts.try_next().await? {
        copy.write_all(&bytes).await.map_err(io)?;
    }
    copy.flush().await.map_err(io)?;
    Ok(Local::Fetched(file))
}

/// What is to be read.
struct Order {
    path: PathBuf,
    /// The file's own name, which has the season in it.
    name: String,
    key: String,
    table: Table,
    mode: Mode,
    target: Vec<(String, Kind)>,
}

/// What a file held.
struct Read {
    rows: u64,
    rejected: u64,
    aside: Vec<Aside>,
    divergences: BTreeSet<Divergence>,
}

impl Order {
    fn keys(&self, plan: &FilePlan) -> Vec<Vec<String>> {
        let keys = self.table.spec().keys[match plan.generation {
            Generation::Wide => 0,
            Generation::Narrow => 1,
        }];
        keys.iter()
            .filter(|key| {
                key.iter()
                    .all(|column| plan.columns().any(|name| name == *column))
            })
            .map(|key| key.iter().map(|&column| column.to_owned()).collect())
            .collect()
    }

    /// How the file's columns fill the table's, after a first pass over the texts where what is in one row changes all others.
    fn plan(&self) -> Result<FilePlan, ReadError> {
        let form = Form::of(&self.path).map_err(|error| ReadError::new(error.to_string()))?;
        let source = source::columns(&self.path, form)?;
        let mut plan = FilePlan::new(
            &self.table.spec().narrow,
            form,
            &source,
            &self.target,
            &self.name,
            self.mode,
        )?;
        if form == Form::Csv && self.mode == Mode::Compat {
            let mut seen = vec![Seen::default(); plan.wanted.len()];
            for_each_row(&self.path, form, &plan.wanted, &mut |place, cells| {
                for (seen, cell) in seen
                    .iter_mut()
                    .zip(cells.map_err(|reason| place.fault(&reason))?)
                {
                    if let Cell::Text(text) = cell {
                        seen.add(text);
                    }
                }
                Ok(())
            })?;
            plan.follow(&seen);
        }
        Ok(plan)
    }

    /// Reads the rows and hands them over piece by piece; those with nothing in a needed column are put aside.
    fn read(
        &self,
        plan: &FilePlan,
        needed: &[String],
        sender: &mpsc::Sender<Result<Bytes, &'static str>>,
    ) -> Result<Read, ReadError> {
        let outcome = self.read_rows(plan, needed, |bytes| {
            sender.blocking_send(Ok(bytes)).is_ok()
        });
        if outcome.is_err() {
            // Nothing of a file that breaks off may be taken for the whole of it.
            let _ = sender.blocking_send(Err("the file cannot be read to its end"));
        }
        outcome
    }

    fn read_rows(
        &self,
        plan: &FilePlan,
        needed: &[String],
        mut send: impl FnMut(Bytes) -> bool,
    ) -> Result<Read, ReadError> {
        let needed: Vec<usize> = plan.places(needed).collect();
        let mut seen = vec![Seen::default(); plan.wanted.len()];
        let mut read = Read {
            rows: 0,
            rejected: 0,
            aside: Vec::new(),
            divergences: plan.divergences.clone(),
        };
        let mut rows = TextRows::default();
        for_each_row(&self.path, plan.form, &plan.wanted, &mut |place, cells| {
            let values = cells.and_then(|cells| {
                if self.mode == Mode::Correct && plan.form == Form::Csv {
                    for (seen, cell) in seen.iter_mut().zip(cells) {
                        if let Cell::Text(text) = cell {
                            seen.add(text);
                        }
                    }
                }
                plan.values(cells)
            });
            match (values, self.mode) {
                (Ok(values), _) => {
                    let nameless = needed
                        .iter()
                        .find(|&&at| values.get(at) == Some(&Value::Null));
                    match nameless.and_then(|&at| plan.columns().nth(at)) {
                        Some(column) => {
                            if self.mode == Mode::Correct {
                                read.divergences.extend(plan.keyless(self.table));
                            }
                            read.put_aside(&self.key, place, format!("`{column}` is empty"));
                        }
                        None => {
                            for value in &values {
                                value.write(&mut rows);
                            }
                            rows.end_row();
                        }
                    }
                }
                // One bad cell, and the legacy loader rolls the whole season back (ETL dossier 3.4).
                (Err(reason), Mode::Compat) => return Err(place.fault(&reason)),
                (Err(reason), Mode::Correct) => {
                    read.divergences.insert(Divergence::HooprWholeFile);
                    read.put_aside(&self.key, place, reason);
                }
            }
            if rows.as_bytes().len() >= PIECE_BYTES && !send(rows.take()) {
                return Err(ReadError::new(GONE));
            }
            Ok(())
        })?;
        read.rows = rows.rows();
        if !send(rows.take()) {
            return Err(ReadError::new(GONE));
        }
        if self.mode == Mode::Correct {
            read.divergences.extend(plan.unlike_pandas(&seen));
        }
        Ok(read)
    }
}

impl Read {
    fn put_aside(&mut self, key: &str, place: source::Place, reason: String) {
        self.rejected += 1;
        if self.aside.len() < DESCRIBED {
            let reason = match place.line {
                Some(line) => format!("line {line}: {reason}"),
                None => reason,
            };
            self.aside.push(Aside::new(key, place.row, reason));
        }
    }
}

impl source::Place {
    fn fault(self, reason: &str) -> ReadError {
        let mut fault = ReadError::new(format!("row {}: {reason}", self.row));
        fault.line = self
            .line
            .and_then(|line| usize::try_from(line).ok())
            .unwrap_or(0);
        fault
    }
}

/// Reads a file without loading it: its table, its rows, and what correct mode would put aside, into the columns the file itself
/// has.
///
/// # Errors
///
/// It is no file of a hoopR table, or cannot be read to its end.
pub fn probe(path: &Path) -> Result<Probe, ReadError> {
    let form = Form::of(path).map_err(|error| ReadError::new(error.to_string()))?;
    let columns = source::columns(path, form)?;
    let table = Table::of_columns(&columns)
        .ok_or_else(|| ReadError::new("its columns are those of no hoopR table"))?;
    let wanted: Vec<usize> = (0..columns.len()).collect();
    let (mut rows, mut broken) = (0, 0);
    for_each_row(path, form, &wanted, &mut |_, cells| {
        match cells {
            Ok(_) => rows += 1,
            Err(_) => broken += 1,
        }
        Ok(())
    })?;
    Ok(Probe {
        table,
        form,
        columns,
        rows,
        broken,
    })
}

/// What a file holds, by its columns.
///
/// # Errors
///
/// It cannot be read, or is no file of a hoopR table.
pub fn table_of(path: &Path) -> Result<Table, ReadError> {
    let form = Form::of(path).map_err(|error| ReadError::new(error.to_string()))?;
    let columns = source::columns(path, form)?;
    Table::of_columns(&columns)
        .ok_or_else(|| ReadError::new("its columns are those of no hoopR table"))
}

/// The season in a file's name: its first four digits, the year in which it ends.
#[must_use]
pub fn season_of(name: &str) -> Option<i32> {
    plan::season_of(name).and_then(|season| i32::try_from(season).ok())
}

/// What [`probe`] finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Probe {
    /// Whose rows they are.
    pub table: Table,
    /// How the file is written.
    pub form: Form,
    /// Its columns.
    pub columns: Vec<String>,
    /// Rows that have all of them.
    pub rows: u64,
    /// Rows that have not.
    pub broken: u64,
}

/// Any bytes as a season's file, in both modes into both generations of its table, for fuzzing: no file may panic, and every row is
/// handed over or put aside.
///
/// # Panics
///
/// When a row is lost.
#[doc(hidden)]
#[must_use]
pub fn fuzz_one(bytes: &[u8]) -> String {
    let Ok(file) = tempfile::NamedTempFile::new() else {
        return "no file".to_owned();
    };
    if std::fs::write(file.path(), bytes).is_err() {
        return "no file".to_owned();
    }
    let Ok(probe) = probe(file.path()) else {
        return "refused".to_owned();
    };
    let spec = probe.table.spec();
    let kinds = [
        Kind::Text(None),
        Kind::Whole(32),
        Kind::Double,
        Kind::Text(Some(5)),
        Kind::Numeric(Some(2)),
        Kind::Date,
        Kind::Moment,
        Kind::Truth,
    ];
    let target = |names: Vec<String>| -> Vec<(String, Kind)> {
        names.into_iter().zip(kinds.into_iter().cycle()).collect()
    };
    let wide = target(
        probe
            .columns
            .iter()
            .map(|name| name.to_lowercase())
            .collect(),
    );
    let narrow = target(
        spec.narrow
            .renames
            .iter()
            .map(|(_, to)| (*to).to_owned())
            .chain(spec.narrow.ratios.iter().map(|(to, ..)| (*to).to_owned()))
            .collect(),
    );
    let mut loaded = 0;
    for target in [wide, narrow] {
        for mode in [Mode::Compat, Mode::Correct] {
            let order = Order {
                path: file.path().to_owned(),
                name: "season_2024".to_owned(),
                key: "season_2024".to_owned(),
                table: probe.table,
                mode,
                target: target.clone(),
            };
            let Ok(plan) = order.plan() else { continue };
            let needed = order.keys(&plan).first().cloned().unwrap_or_default();
            let mut lines = 0;
            let read = order.read_rows(&plan, &needed, |bytes| {
                lines += super::load::count(bytes.iter().filter(|byte| **byte == b'\n').count());
                true
            });
            if let Ok(read) = read {
                assert_eq!(lines, read.rows, "a row is no line");
                assert_eq!(
                    read.rows + read.rejected,
                    probe.rows + probe.broken,
                    "a row is lost"
                );
                loaded += 1;
            }
        }
    }
    format!("{:?} {:?}: {loaded} of 4", probe.table, probe.form)
}
