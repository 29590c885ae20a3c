//! A store into PostgreSQL: changes and keyframes with views that rebuild any moment, and the platform's tables.
//!
//! Everything goes into a schema of its own, which is created for it and carries a mark; a schema without that mark is refused, so
//! that no table of the platform is ever written. Games are written whole, some at a time in one transaction: what is there with the
//! same digest is left alone, so a second run changes nothing and a killed one goes on.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::stream;
use md5::{Digest as _, Md5};
use nba_boxscore::{Grid, Line, Point, ShotValue, Side, Standing};
use nba_db::ident::{Ident, TableName, literal};
use nba_db::{CopyFormat, DbError, TextRows, Writer};
use nba_utils::{Hint, Verdict};
use serde::Serialize;

use super::card::{StoredGame, shot_row};
use super::part::{change_row, standing_row};
use super::store::{Store, StoreError};

const SCHEMA_SQL: &str = include_str!("schema.sql");

/// What the comment of our schema says.
const MARK: &str = "box scores, written by nba boxscore load";

/// Rows handed over in one transaction at most, apart from those of its last game: some 60 MB.
const ROWS_PER_TRANSACTION: u64 = 400_000;

/// Tables that are filled together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableSet {
    /// Games, players, events, changes, keyframes, shots, `quarter_box_scores` and `box_score_verification`: always there.
    Changes,
    /// `game_state_snapshots` and `player_snapshot_stats`: a row per player and event.
    Snapshots,
    /// `box_score_snapshots`: a JSON document per event.
    Documents,
    /// `lineup_snapshots` and `player_plus_minus_snapshots`: a row per player and event.
    PlusMinus,
    /// `interval_box_scores` by 6, 3 and 1.5 minutes and by the minute; lines that have nothing are left out.
    Intervals,
    /// `possession_metadata`: a row per possession.
    Possessions,
}

impl TableSet {
    /// All of them.
    pub const ALL: [TableSet; 6] = [
        TableSet::Changes,
        TableSet::Snapshots,
        TableSet::Documents,
        TableSet::PlusMinus,
        TableSet::Intervals,
        TableSet::Possessions,
    ];

    /// Its name in `games.table_sets` and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TableSet::Changes => "changes",
            TableSet::Snapshots => "snapshots",
            TableSet::Documents => "documents",
            TableSet::PlusMinus => "plus-minus",
            TableSet::Intervals => "intervals",
            TableSet::Possessions => "possessions",
        }
    }

    /// Names of its tables.
    pub fn table_names(self) -> impl Iterator<Item = &'static str> {
        self.tables().iter().map(|table| table.name)
    }

    fn tables(self) -> &'static [Table] {
        match self {
            TableSet::Changes => &CHANGES,
            TableSet::Snapshots => &SNAPSHOTS,
            TableSet::Documents => &DOCUMENTS,
            TableSet::PlusMinus => &PLUS_MINUS,
            TableSet::Intervals => &INTERVALS,
            TableSet::Possessions => &POSSESSIONS,
        }
    }

    /// Bytes it takes for one event, indexes included, rounded up from tables of real games (`scripts/bench-boxscore --tables`).
    #[must_use]
    pub const fn bytes_per_event(self) -> u64 {
        match self {
            TableSet::Changes => 1_000,
            TableSet::Snapshots => 6_000,
            TableSet::Documents => 4_000,
            TableSet::PlusMinus => 6_000,
            TableSet::Intervals => 2_000,
            TableSet::Possessions => 300,
        }
    }
}

/// A table, its columns as they are staged, and, where it does not take them as they are, the statement that inserts them.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    game: &'static str,
    insert: Option<&'static str>,
}

const LINE: [&str; 24] = [
    "game_id",
    "data_source",
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

const fn table(name: &'static str, columns: &'static [&'static str]) -> Table {
    Table {
        name,
        columns,
        game: "game_id",
        insert: None,
    }
}

const CHANGES: [Table; 7] = [
    table(
        "players",
        &[
            "game_id",
            "data_source",
            "side",
            "slot",
            "player_id",
            "player_name",
            "team_id",
        ],
    ),
    table(
        "events",
        &[
            "game_id",
            "data_source",
            "event_num",
            "period",
            "clock_tenths",
            "elapsed_tenths",
            "home_score",
            "away_score",
        ],
    ),
    table("changes", &LINE),
    table("keyframes", &LINE),
    table(
        "shots",
        &[
            "game_id",
            "data_source",
            "event_num",
            "side",
            "slot",
            "worth",
            "made",
            "across",
            "out",
        ],
    ),
    table(
        "quarter_box_scores",
        &[
            "game_id",
            "data_source",
            "quarter",
            "player_id",
            "player_name",
            "team_id",
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
            "reb",
            "plus_minus",
            "minutes",
        ],
    ),
    table(
        "box_score_verification",
        &[
            "game_id",
            "data_source",
            "final_score_match",
            "home_score_generated",
            "away_score_generated",
            "home_score_actual",
            "away_score_actual",
            "total_discrepancies",
            "discrepancy_details",
            "mae_points",
            "mae_rebounds",
            "mae_assists",
            "mae_steals",
            "mae_blocks",
            "mae_turnovers",
            "quality_grade",
            "notes",
        ],
    ),
];

const SNAPSHOTS: [Table; 2] = [
    table(
        "game_state_snapshots",
        &[
            "game_id",
            "data_source",
            "event_num",
            "quarter",
            "time_remaining",
            "game_clock_seconds",
            "home_score",
            "away_score",
            "verification_passed",
        ],
    ),
    Table {
        name: "player_snapshot_stats",
        columns: &[
            "game_id",
            "data_source",
            "event_num",
            "player_id",
            "player_name",
            "team_id",
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
            "reb",
            "plus_minus",
            "minutes",
            "on_court",
        ],
        game: "snapshot_id",
        insert: Some(
            "insert into {target} (snapshot_id, player_id, player_name, team_id, points, fgm, fga, fg3m, fg3a, ftm, fta, oreb, \
             dreb, reb, ast, stl, blk, tov, pf, plus_minus, minutes, on_court) \
             select g.snapshot_id, s.player_id, s.player_name, s.team_id, s.points, s.fgm, s.fga, s.fg3m, s.fg3a, s.ftm, s.fta, \
             s.oreb, s.dreb, s.reb, s.ast, s.stl, s.blk, s.tov, s.pf, s.plus_minus, s.minutes, s.on_court \
             from {staged} s join {schema}.game_state_snapshots g using (game_id, event_num, data_source)",
        ),
    },
];

const DOCUMENTS: [Table; 1] = [table(
    "box_score_snapshots",
    &[
        "game_id",
        "data_source",
        "event_num",
        "quarter",
        "time_remaining",
        "game_clock_seconds",
        "home_score",
        "away_score",
        "snapshot_data",
    ],
)];

const PLUS_MINUS: [Table; 2] = [
    table(
        "lineup_snapshots",
        &[
            "game_id",
            "data_source",
            "event_number",
            "period",
            "time_elapsed_seconds",
            "team_id",
            "opponent_team_id",
            "home_team",
            "player1_id",
            "player2_id",
            "player3_id",
            "player4_id",
            "player5_id",
            "lineup_hash",
            "team_score",
            "opponent_score",
            "plus_minus",
        ],
    ),
    table(
        "player_plus_minus_snapshots",
        &[
            "game_id",
            "data_source",
            "event_number",
            "player_id",
            "team_id",
            "on_court",
            "team_score",
            "opponent_score",
            "plus_minus",
            "player_plus_minus",
            "stint_id",
            "minutes_played_cumulative",
        ],
    ),
];

const INTERVALS: [Table; 1] = [table(
    "interval_box_scores",
    &[
        "game_id",
        "data_source",
        "grid",
        "interval_num",
        "label",
        "from_tenths",
        "until_tenths",
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
        "tenths",
    ],
)];

const POSSESSIONS: [Table; 1] = [table(
    "possession_metadata",
    &[
        "game_id",
        "data_source",
        "possession_number",
        "period",
        "start_event_number",
        "end_event_number",
        "start_seconds",
        "end_seconds",
        "duration_seconds",
        "offensive_team_id",
        "defensive_team_id",
        "lineup_hash_offense",
        "lineup_hash_defense",
        "possession_result",
        "points_scored",
        "shot_type",
        "offensive_rebound",
        "second_chance",
        "defensive_rebound",
        "forced_turnover",
        "points_per_possession",
        "score_differential_start",
    ],
)];

/// Grids of `interval_box_scores`: the platform's own. Finer ones are made from the changes on demand.
const GRIDS: [Grid; 4] = [
    Grid::SixMinutes,
    Grid::ThreeMinutes,
    Grid::NinetySeconds,
    Grid::Minutes,
];

/// How to load.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadOptions {
    /// The schema, created when missing.
    pub schema: String,
    /// What is filled beside [`TableSet::Changes`].
    pub sets: BTreeSet<TableSet>,
    /// Free space on the server's disk in bytes, as far as it is known.
    pub free_bytes: Option<u64>,
}

impl LoadOptions {
    /// Changes alone, into this schema.
    #[must_use]
    pub fn new(schema: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            sets: BTreeSet::new(),
            free_bytes: None,
        }
    }
}

/// What became of the games and rows. Always balanced: `games = inserted + updated + unchanged`, and every row handed over arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoadAccount {
    /// Games of the store.
    pub games: u64,
    /// New ones.
    pub inserted: u64,
    /// That were there with another content, or without one of the wanted sets of tables.
    pub updated: u64,
    /// That were there, the same.
    pub unchanged: u64,
    /// Rows handed over, by table.
    pub attempted: BTreeMap<String, u64>,
    /// Rows that arrived, by table.
    pub written: BTreeMap<String, u64>,
    /// Transactions.
    pub transactions: u64,
    /// What the rows to write were estimated to take before anything was written, in bytes.
    pub estimated_bytes: u64,
}

impl LoadAccount {
    /// Whether the figures add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.games == self.inserted + self.updated + self.unchanged
            && self.attempted == self.written
    }
}

/// Why games were not loaded; those of finished transactions are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database refused.
    #[error("cannot load box scores into schema `{schema}`")]
    Database {
        /// The schema.
        schema: String,
        /// What it said.
        source: Box<DbError>,
    },
    /// The schema is somebody else's.
    #[error("schema `{schema}` was not made by this command")]
    NotOurs {
        /// The schema.
        schema: String,
    },
    /// Full snapshots were asked for and nobody knows the room.
    #[error("{} more are needed, and how much is free on the server is not known", nba_utils::format::bytes(*needed))]
    RoomUnknown {
        /// Bytes, estimated.
        needed: u64,
    },
    /// There is not enough room.
    #[error("{} more are needed and {} are free, of which a fifth is kept", nba_utils::format::bytes(*needed), nba_utils::format::bytes(*free))]
    NoRoom {
        /// Bytes, estimated.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// The store was written before possessions were kept.
    #[error("the store has no possessions of game `{game}` of {feed}")]
    NoPossessions {
        /// The game.
        game: String,
        /// Its feed.
        feed: String,
    },
    /// A text does not fit its column.
    #[error("game `{game}`: `{value}` is longer than the {limit} characters of `{column}`")]
    TooLong {
        /// The game.
        game: String,
        /// The column.
        column: &'static str,
        /// Its length.
        limit: usize,
        /// The text.
        value: String,
    },
    /// Rows were handed over and did not arrive.
    #[error("`{table}`: {attempted} rows were handed over and {written} arrived")]
    Unbalanced {
        /// The table.
        table: String,
        /// Rows.
        attempted: u64,
        /// Rows.
        written: u64,
    },
}

impl Hint for LoadError {
    fn hint(&self) -> Option<String> {
        match self {
            LoadError::Store(error) => error.hint(),
            LoadError::Database { source, .. } => source.hint(),
            LoadError::NotOurs { .. } => Some(
                "name a schema that does not exist: it is created, and nothing of the platform is touched".to_owned(),
            ),
            LoadError::RoomUnknown { .. } => Some(
                "say what is free with --free, such as `--free 40GB`; changes alone need no such proof".to_owned(),
            ),
            LoadError::NoRoom { .. } => Some(
                "load changes alone: the view `moments` rebuilds every moment from them".to_owned(),
            ),
            LoadError::NoPossessions { .. } => Some(
                "remove the store and generate it anew, or load without possessions".to_owned(),
            ),
            LoadError::TooLong { .. } | LoadError::Unbalanced { .. } => None,
        }
    }
}

/// Loads every game of a store.
///
/// # Errors
///
/// [`LoadError`]; what finished transactions wrote stays, and the next run goes on from there.
pub async fn load(
    store: &Store,
    writer: &mut Writer,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let mut sets = options.sets.clone();
    sets.insert(TableSet::Changes);
    let database = database(&options.schema);
    create(writer, &options.schema).await?;
    let rows = writer
        .query_rows(&loaded_sql(&options.schema), &[])
        .await
        .map_err(&database)?;
    let there = loaded(&rows);
    let mut account = LoadAccount::default();
    guard(store, &there, &sets, options.free_bytes, &mut account)?;
    let mut batch = Batch::new(&options.schema, writer)
        .await
        .map_err(&database)?;
    for part in 0..store.parts().count() {
        let mut group = 0;
        while let Some(games) = store.group(part, group, |_, _| true)? {
            for game in games {
                account.games += 1;
                let key = (game.card.id.clone(), game.card.source.clone());
                let todo = match there.get(&key) {
                    None => {
                        account.inserted += 1;
                        sets.clone()
                    }
                    Some(old) if old.digest == game.card.digest.to_string() => {
                        let missing: BTreeSet<TableSet> =
                            sets.difference(&old.sets).copied().collect();
                        if missing.is_empty() {
                            account.unchanged += 1;
                            continue;
                        }
                        account.updated += 1;
                        missing
                    }
                    Some(old) => {
                        account.updated += 1;
                        sets.union(&old.sets).copied().collect()
                    }
                };
                batch.add(&game, &todo)?;
                if batch.rows >= ROWS_PER_TRANSACTION {
                    batch.write(writer, &mut account).await?;
                }
            }
            group += 1;
        }
    }
    batch.write(writer, &mut account).await?;
    Ok(account)
}

/// What [`load`] would do: nothing is written, not even the schema.
///
/// # Errors
///
/// [`LoadError`], also when there is no room for what is asked.
pub async fn preview(
    store: &Store,
    db: &nba_db::Database,
    options: &LoadOptions,
) -> Result<LoadAccount, LoadError> {
    let database = database(&options.schema);
    let mut sets = options.sets.clone();
    sets.insert(TableSet::Changes);
    let rows = db
        .query_rows(OURS_SQL, &[&options.schema])
        .await
        .map_err(&database)?;
    let there = match rows.first().map(|row| row.get::<_, Option<String>>(0)) {
        None => BTreeMap::new(),
        Some(Some(mark)) if mark == MARK => {
            let rows = db
                .query_rows(&loaded_sql(&options.schema), &[])
                .await
                .map_err(&database)?;
            loaded(&rows)
        }
        Some(_) => {
            return Err(LoadError::NotOurs {
                schema: options.schema.clone(),
            });
        }
    };
    let mut account = LoadAccount::default();
    guard(store, &there, &sets, options.free_bytes, &mut account)?;
    for (id, feed, digest) in store.listed() {
        account.games += 1;
        match there.get(&(id.to_owned(), feed.to_owned())) {
            None => account.inserted += 1,
            Some(old) if old.digest == digest.to_string() && sets.is_subset(&old.sets) => {
                account.unchanged += 1;
            }
            Some(_) => account.updated += 1,
        }
    }
    Ok(account)
}

fn database(schema: &str) -> impl Fn(DbError) -> LoadError + '_ {
    move |source| LoadError::Database {
        schema: schema.to_owned(),
        source: Box::new(source),
    }
}

const OURS_SQL: &str =
    "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = $1";

/// Creates the schema and its tables where they are missing; a schema of somebody else is refused.
async fn create(writer: &mut Writer, schema: &str) -> Result<(), LoadError> {
    let database = database(schema);
    let rows = writer
        .query_rows(OURS_SQL, &[&schema])
        .await
        .map_err(&database)?;
    let name = Ident::new(schema);
    match rows.first().map(|row| row.get::<_, Option<String>>(0)) {
        None => {
            writer
                .batch_execute(&format!(
                    "create schema {name}; comment on schema {name} is {}",
                    literal(MARK)
                ))
                .await
                .map_err(&database)?;
        }
        Some(Some(mark)) if mark == MARK => {}
        Some(_) => {
            return Err(LoadError::NotOurs {
                schema: schema.to_owned(),
            });
        }
    }
    writer
        .batch_execute(&format!(
            "begin; set local search_path = {name}, pg_catalog; {SCHEMA_SQL}; commit"
        ))
        .await
        .map_err(&database)
}

/// What is known of a game that was loaded before.
struct Loaded {
    digest: String,
    sets: BTreeSet<TableSet>,
}

fn loaded_sql(schema: &str) -> String {
    let games = TableName::new(schema, "games").sql();
    format!("select game_id, data_source, digest, table_sets from {games}")
}

fn loaded(rows: &[nba_db::tokio_postgres::Row]) -> BTreeMap<(String, String), Loaded> {
    rows.iter()
        .map(|row| {
            let names: Vec<String> = row.get(3);
            let sets = TableSet::ALL
                .into_iter()
                .filter(|set| names.iter().any(|name| name == set.name()))
                .collect();
            let digest = row.get(2);
            ((row.get(0), row.get(1)), Loaded { digest, sets })
        })
        .collect()
}

/// Estimates what is to be written, and refuses full snapshots there is no room for. One game in five of the room stays free.
fn guard(
    store: &Store,
    there: &BTreeMap<(String, String), Loaded>,
    sets: &BTreeSet<TableSet>,
    free: Option<u64>,
    account: &mut LoadAccount,
) -> Result<(), LoadError> {
    let mut needed = 0u64;
    for game in store.parts().flat_map(|part| &part.games) {
        let old = there.get(&(game.id.clone(), game.source.clone()));
        for set in sets {
            let is_there = old
                .is_some_and(|old| old.digest == game.digest.to_string() && old.sets.contains(set));
            if !is_there {
                needed = needed.saturating_add(game.events.saturating_mul(set.bytes_per_event()));
            }
        }
    }
    account.estimated_bytes = needed;
    match free {
        Some(free) if needed > free / 5 * 4 => Err(LoadError::NoRoom { needed, free }),
        None if needed > 0 && sets.len() > 1 => Err(LoadError::RoomUnknown { needed }),
        _ => Ok(()),
    }
}

/// Games that are written in one transaction.
struct Batch {
    schema: String,
    staged: BTreeMap<&'static str, TextRows>,
    games: TextRows,
    /// Id, feed and sets of the games.
    todo: Vec<(String, String, BTreeSet<TableSet>)>,
    rows: u64,
}

const GAME_COLUMNS: [&str; 13] = [
    "game_id",
    "data_source",
    "home_team",
    "away_team",
    "periods",
    "events",
    "home_score",
    "away_score",
    "counts",
    "court",
    "figures_compared",
    "digest",
    "table_sets",
];

fn staging(table: &str) -> TableName {
    TableName::new("pg_temp", format!("incoming_{table}"))
}

impl Batch {
    /// An empty one, and the temporary tables its rows are staged in.
    async fn new(schema: &str, writer: &mut Writer) -> Result<Self, DbError> {
        let mut sql = String::new();
        for table in TableSet::ALL.into_iter().flat_map(TableSet::tables) {
            let staged = staging(table.name).sql();
            let target = TableName::new(schema, table.name).sql();
            let columns = match table.name {
                // The key of the game stands in another table.
                "player_snapshot_stats" => format!(
                    "null::varchar as game_id, null::varchar as data_source, null::integer as event_num, {}",
                    table.columns[3..].join(", ")
                ),
                _ => table.columns.join(", "),
            };
            sql.push_str(&format!(
                "drop table if exists {staged}; create temp table {staged} as select {columns} from {target} with no data; "
            ));
        }
        let (staged, target) = (
            staging("games").sql(),
            TableName::new(schema, "games").sql(),
        );
        sql.push_str(&format!(
            "drop table if exists {staged}; create temp table {staged} as select {} from {target} with no data",
            GAME_COLUMNS.join(", ")
        ));
        writer.batch_execute(&sql).await?;
        Ok(Self {
            schema: schema.to_owned(),
            staged: BTreeMap::new(),
            games: TextRows::default(),
            todo: Vec::new(),
            rows: 0,
        })
    }

    fn add(&mut self, game: &StoredGame, sets: &BTreeSet<TableSet>) -> Result<(), LoadError> {
        let names = Names::new(game)?;
        for set in sets {
            match set {
                TableSet::Changes => self.changes(game, &names),
                TableSet::Snapshots => self.snapshots(game, &names),
                TableSet::Documents => self.documents(game, &names),
                TableSet::PlusMinus => self.plus_minus(game, &names),
                TableSet::Intervals => self.intervals(game),
                TableSet::Possessions => self.possessions(game, &names)?,
            }
        }
        let card = &game.card;
        let last = game.timeline.points().last();
        let [home, away] = last.map_or([0; 2], |point| point.points);
        let all: Vec<&str> = sets.iter().map(|set| set.name()).collect();
        self.games
            .text(&card.id)
            .text(&card.source)
            .text(&names.teams[0].1)
            .text(&names.teams[1].1)
            .display(last.map_or(0, |point| point.period))
            .display(game.timeline.points().len())
            .display(home)
            .display(away)
            .text(card.counts.as_str())
            .text(card.court.as_str())
            .display(card.figures)
            .display(card.digest)
            .text(&format!("{{{}}}", all.join(",")))
            .end_row();
        self.todo
            .push((card.id.clone(), card.source.clone(), sets.clone()));
        self.rows = self.staged.values().map(TextRows::rows).sum();
        Ok(())
    }

    fn table(&mut self, name: &'static str, game: &StoredGame) -> &mut TextRows {
        self.staged
            .entry(name)
            .or_default()
            .text(&game.card.id)
            .text(&game.card.source)
    }

    fn changes(&mut self, game: &StoredGame, names: &Names) {
        let timeline = &game.timeline;
        for ((side, slot), who) in timeline.holders().zip(&names.holders) {
            self.table("players", game)
                .display(u8::from(side == Side::Away))
                .display(slot.map_or(-1, i16::from))
                .text(&who.id)
                .text(&who.name)
                .text(&names.teams[side.index()].0)
                .end_row();
        }
        for (number, point) in timeline.points().iter().enumerate() {
            let rows = self.table("events", game);
            rows.display(number)
                .display(point.period)
                .display(point.clock_tenths)
                .display(point.elapsed_tenths());
            for points in point.points {
                rows.display(points);
            }
            rows.end_row();
        }
        for change in timeline.changes() {
            let rows = self.table("changes", game);
            for cell in change_row(change) {
                rows.display(cell);
            }
            rows.end_row();
        }
        for (before, state) in timeline.keyframes().skip(1) {
            for ((side, slot), standing) in timeline.holders().zip(state) {
                if *standing == Standing::default() {
                    continue;
                }
                let rows = self.table("keyframes", game);
                for cell in standing_row(before, side, slot, standing) {
                    rows.display(cell);
                }
                rows.end_row();
            }
        }
        for shot in &game.shots {
            let [event, side, slot, worth, made, across, out] = shot_row(shot);
            let rows = self.table("shots", game);
            for cell in [event, side, slot, worth] {
                rows.display(cell);
            }
            rows.text(if made == 1 { "t" } else { "f" })
                .display(across)
                .display(out)
                .end_row();
        }
        for (quarter, split) in (1..).zip(timeline.splits(Grid::Periods)) {
            for (((side, slot), who), line) in
                timeline.holders().zip(&names.holders).zip(&split.lines)
            {
                if slot.is_none() || *line == Line::default() {
                    continue;
                }
                let rows = self.table("quarter_box_scores", game);
                rows.display(quarter)
                    .text(&who.id)
                    .text(&who.name)
                    .text(&names.teams[side.index()].0);
                counts(rows, line);
                rows.display(line.oreb + line.dreb)
                    .display(line.plus_minus)
                    .text(&minutes(line.tenths))
                    .end_row();
            }
        }
        let record = &game.card.record;
        let rows = self.table("box_score_verification", game);
        rows.optional(
            record
                .final_score_match
                .map(|same| if same { "t" } else { "f" }),
        );
        for points in record.generated_score {
            rows.display(points);
        }
        for side in [0, 1] {
            match record.actual_score {
                Some(score) => rows.display(score[side]),
                None => rows.null(),
            };
        }
        rows.display(record.total_discrepancies)
            .text(&serde_json::to_string(&record.discrepancies).unwrap_or_default());
        for error in record.mean_errors {
            rows.text(&format!("{:.2}", error.min(999.99)));
        }
        rows.optional(record.grade.map(String::from).as_deref())
            .text(&record.notes)
            .end_row();
    }

    fn snapshots(&mut self, game: &StoredGame, names: &Names) {
        let passed = match game.card.counts {
            Verdict::Proven => Some("t"),
            Verdict::Refuted { .. } => Some("f"),
            _ => None,
        };
        each_state(game, |number, point, state| {
            let elapsed = point.elapsed_tenths();
            let rows = self.table("game_state_snapshots", game);
            state_columns(rows, number, point);
            rows.optional(passed).end_row();
            for (((side, slot), who), standing) in
                game.timeline.holders().zip(&names.holders).zip(state)
            {
                if slot.is_none()
                    || (standing.line == Line::default()
                        && standing.court == 0
                        && standing.court_tenths == 0)
                {
                    continue;
                }
                let line = standing.line_at(elapsed);
                let rows = self.table("player_snapshot_stats", game);
                rows.display(number)
                    .text(&who.id)
                    .text(&who.name)
                    .text(&names.teams[side.index()].0);
                counts(rows, &line);
                rows.display(line.oreb + line.dreb)
                    .display(line.plus_minus)
                    .text(&minutes(line.tenths))
                    .display(standing.court == 1)
                    .end_row();
            }
        });
    }

    fn documents(&mut self, game: &StoredGame, names: &Names) {
        each_state(game, |number, point, state| {
            let document = document(game, names, number, point, state);
            let rows = self.table("box_score_snapshots", game);
            state_columns(rows, number, point);
            rows.text(&document.to_string()).end_row();
        });
    }

    fn plus_minus(&mut self, game: &StoredGame, names: &Names) {
        let stints = game.timeline.stints();
        each_state(game, |number, point, state| {
            let elapsed = point.elapsed_tenths();
            let fives = fives(game, names, state);
            for side in Side::BOTH {
                let (own, other) = (side.index(), side.other().index());
                let [team, opponent] = [point.points[own], point.points[other]];
                let five = &fives[own];
                if five.len() == 5 && fives[other].len() == 5 {
                    let rows = self.table("lineup_snapshots", game);
                    rows.display(number)
                        .display(point.period)
                        .display(elapsed / 10)
                        .text(&names.teams[own].0)
                        .text(&names.teams[other].0)
                        .display(side == Side::Home);
                    for player in five {
                        rows.text(player);
                    }
                    rows.text(&lineup_hash(five))
                        .display(team)
                        .display(opponent)
                        .display(i32::from(team) - i32::from(opponent))
                        .end_row();
                }
            }
            for (((side, slot), who), standing) in
                game.timeline.holders().zip(&names.holders).zip(state)
            {
                let Some(slot) = slot else { continue };
                let line = standing.line_at(elapsed);
                if line == Line::default() && standing.court == 0 {
                    continue;
                }
                let (own, other) = (side.index(), side.other().index());
                let [team, opponent] = [point.points[own], point.points[other]];
                let stint = stints
                    .iter()
                    .filter(|stint| stint.player.side == side && stint.player.slot == slot)
                    .take_while(|stint| stint.from <= elapsed)
                    .count();
                let rows = self.table("player_plus_minus_snapshots", game);
                rows.display(number)
                    .text(&who.id)
                    .text(&names.teams[own].0)
                    .display(standing.court == 1)
                    .display(team)
                    .display(opponent)
                    .display(i32::from(team) - i32::from(opponent))
                    .display(line.plus_minus);
                if standing.court == 1 && stint > 0 {
                    rows.text(&format!("{}:{}:{stint}", game.card.id, who.id));
                } else {
                    rows.null();
                }
                rows.text(&minutes(line.tenths)).end_row();
            }
        });
    }

    fn intervals(&mut self, game: &StoredGame) {
        for grid in GRIDS {
            for (number, split) in game.timeline.splits(grid).enumerate() {
                for ((side, slot), line) in game.timeline.holders().zip(&split.lines) {
                    if *line == Line::default() {
                        continue;
                    }
                    let rows = self.table("interval_box_scores", game);
                    rows.text(grid.name())
                        .display(number)
                        .text(&split.span.label())
                        .display(split.span.from)
                        .display(split.span.until)
                        .display(u8::from(side == Side::Away))
                        .display(slot.map_or(-1, i16::from));
                    counts(rows, line);
                    rows.display(line.plus_minus).display(line.tenths).end_row();
                }
            }
        }
    }

    fn possessions(&mut self, game: &StoredGame, names: &Names) -> Result<(), LoadError> {
        if game.card.possessions_digest.is_none() {
            return Err(LoadError::NoPossessions {
                game: game.card.id.clone(),
                feed: game.card.source.clone(),
            });
        }
        for (number, one) in (1u32..).zip(&game.possessions) {
            // The ten when it has begun: changes behind the end of the one before are made.
            let first = usize::try_from(one.first).unwrap_or(usize::MAX);
            let fives = fives(game, names, &game.timeline.after(first.saturating_add(1)));
            let [own, other] = [one.side.index(), one.side.other().index()];
            let flag = |is: bool| if is { "t" } else { "f" };
            let duration = one.end_tenths.saturating_sub(one.start_tenths);
            let rows = self.table("possession_metadata", game);
            rows.display(number)
                .display(one.period)
                .display(one.first)
                .display(one.last)
                .display(one.start_tenths / 10)
                .display(one.end_tenths / 10)
                .text(&format!("{}.{}", duration / 10, duration % 10))
                .text(&names.teams[own].0)
                .text(&names.teams[other].0);
            for five in [&fives[own], &fives[other]] {
                rows.optional((five.len() == 5).then(|| lineup_hash(five)).as_deref());
            }
            rows.optional(one.outcome.name())
                .display(one.points)
                .text(match (one.shot, one.free_throws) {
                    (Some(ShotValue::Two), _) => "2pt",
                    (Some(ShotValue::Three), _) => "3pt",
                    (None, true) => "ft",
                    (None, false) => "none",
                })
                .text(flag(one.offensive_rebounds > 0))
                .text(flag(one.offensive_rebounds > 0))
                .text(flag(one.defensive_rebound))
                .text(flag(one.stolen))
                .display(one.points)
                .display(one.margin)
                .end_row();
        }
        Ok(())
    }

    /// Stages what was gathered and moves it over in one transaction.
    async fn write(
        &mut self,
        writer: &mut Writer,
        account: &mut LoadAccount,
    ) -> Result<(), LoadError> {
        if self.todo.is_empty() {
            return Ok(());
        }
        let schema = self.schema.clone();
        let database = database(&schema);
        let quoted = Ident::new(schema.as_str());
        for (name, rows) in &mut self.staged {
            if rows.rows() == 0 {
                continue;
            }
            let columns = columns_of(name);
            stage(writer, name, columns, rows)
                .await
                .map_err(&database)?;
        }
        stage(writer, "games", &GAME_COLUMNS, &mut self.games)
            .await
            .map_err(&database)?;
        let staged_games = staging("games").sql();
        let mut transaction = writer.transaction().await.map_err(&database)?;
        for set in TableSet::ALL {
            // Of the games of which this set is written, what was there before goes.
            let these = format!(
                "(game_id, data_source) in (select game_id, data_source from {staged_games} where {} = any(table_sets))",
                literal(set.name())
            );
            for table in set.tables() {
                if table.game == "game_id" {
                    let target = TableName::new(schema.as_str(), table.name).sql();
                    transaction
                        .execute(&format!("delete from {target} where {these}"), &[])
                        .await
                        .map_err(&database)?;
                }
            }
        }
        for table in TableSet::ALL.into_iter().flat_map(TableSet::tables) {
            let Some(rows) = self.staged.get(table.name) else {
                continue;
            };
            let target = TableName::new(schema.as_str(), table.name).sql();
            let staged = staging(table.name).sql();
            let sql = match table.insert {
                Some(insert) => insert
                    .replace("{target}", &target)
                    .replace("{staged}", &staged)
                    .replace("{schema}", &quoted.to_string()),
                None => format!(
                    "insert into {target} ({columns}) select {columns} from {staged}",
                    columns = table.columns.join(", ")
                ),
            };
            let written = transaction.execute(&sql, &[]).await.map_err(&database)?;
            let attempted = rows.rows();
            if written != attempted {
                transaction.rollback().await.map_err(&database)?;
                return Err(LoadError::Unbalanced {
                    table: table.name.to_owned(),
                    attempted,
                    written,
                });
            }
            *account.attempted.entry(table.name.to_owned()).or_default() += attempted;
            *account.written.entry(table.name.to_owned()).or_default() += written;
        }
        let columns = GAME_COLUMNS.join(", ");
        let games = TableName::new(schema.as_str(), "games").sql();
        let changes: Vec<String> = GAME_COLUMNS[2..12]
            .iter()
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        transaction
            .execute(
                &format!(
                    "insert into {games} as target ({columns}) select {columns} from {staged_games} \
                     on conflict (game_id, data_source) do update set {}, \
                     table_sets = array(select distinct unnest(target.table_sets || excluded.table_sets) order by 1)",
                    changes.join(", ")
                ),
                &[],
            )
            .await
            .map_err(&database)?;
        transaction.commit().await.map_err(&database)?;
        account.transactions += 1;
        let mut clear: Vec<String> = self.staged.keys().map(|name| staging(name).sql()).collect();
        clear.push(staged_games);
        writer
            .batch_execute(&format!("truncate {}", clear.join(", ")))
            .await
            .map_err(&database)?;
        self.staged.clear();
        self.games = TextRows::default();
        self.todo.clear();
        self.rows = 0;
        Ok(())
    }
}

fn columns_of(name: &str) -> &'static [&'static str] {
    TableSet::ALL
        .into_iter()
        .flat_map(TableSet::tables)
        .find(|table| table.name == name)
        .map_or(&[], |table| table.columns)
}

async fn stage(
    writer: &mut Writer,
    name: &str,
    columns: &[&str],
    rows: &mut TextRows,
) -> Result<(), DbError> {
    let bytes: Result<Bytes, std::convert::Infallible> = Ok(rows.take());
    writer
        .copy_in(
            &staging(name),
            columns,
            CopyFormat::Text,
            stream::iter([bytes]),
        )
        .await?;
    Ok(())
}

/// Who a line is called in the tables.
struct Who {
    id: String,
    name: String,
}

/// Names of a game that fit their columns.
struct Names {
    /// Id and name of `[home, away]`.
    teams: [(String, String); 2],
    /// In the order of the timeline's holders.
    holders: Vec<Who>,
}

impl Names {
    fn new(game: &StoredGame) -> Result<Self, LoadError> {
        let fits = |column: &'static str, limit: usize, value: String| {
            if value.chars().count() > limit {
                Err(LoadError::TooLong {
                    game: game.card.id.clone(),
                    column,
                    limit,
                    value,
                })
            } else {
                Ok(value)
            }
        };
        fits("game_id", 50, game.card.id.clone())?;
        let mut teams: [(String, String); 2] = Default::default();
        let mut holders = Vec::new();
        for (side, card) in Side::BOTH.into_iter().zip(&game.card.teams) {
            // NBA team ids have ten digits: the column's limit (box score dossier 14.13).
            let id = card
                .id
                .map_or_else(|| side.to_string(), |id| id.to_string());
            let name = if card.name.is_empty() {
                side.to_string()
            } else {
                card.name.clone()
            };
            teams[side.index()] = (fits("team_id", 10, id)?, fits("home_team", 100, name)?);
            for (slot, player) in card.players.iter().enumerate() {
                let id = match player.id {
                    Some(id) => id.to_string(),
                    // The side tells two of one name apart.
                    None => format!("{side}:{slot}:{}", player.name)
                        .chars()
                        .take(50)
                        .collect(),
                };
                let name = if player.name.is_empty() {
                    id.clone()
                } else {
                    player.name.clone()
                };
                holders.push(Who {
                    id: fits("player_id", 50, id)?,
                    name: fits("player_name", 100, name)?,
                });
            }
            holders.push(Who {
                id: "team".to_owned(),
                name: "team".to_owned(),
            });
        }
        Ok(Self { teams, holders })
    }
}

/// Ids of who is on court in a state, `[home, away]`, in ascending order.
fn fives<'n>(game: &StoredGame, names: &'n Names, state: &[Standing]) -> [Vec<&'n str>; 2] {
    Side::BOTH.map(|side| {
        let mut five: Vec<&str> = game
            .timeline
            .holders()
            .zip(&names.holders)
            .zip(state)
            .filter(|(((of, slot), _), standing)| {
                *of == side && slot.is_some() && standing.court == 1
            })
            .map(|((_, who), _)| who.id.as_str())
            .collect();
        five.sort_unstable();
        five
    })
}

/// The states after every event, one after the other.
fn each_state(game: &StoredGame, mut take: impl FnMut(usize, &Point, &[Standing])) {
    let timeline = &game.timeline;
    for (number, point) in timeline.points().iter().enumerate() {
        take(number, point, &timeline.after(number + 1));
    }
}

/// `event_num` to `away_score` of both tables of snapshots.
fn state_columns(rows: &mut TextRows, number: usize, point: &Point) {
    rows.display(number)
        .display(point.period)
        .text(&clock(point.clock_tenths))
        .display(point.elapsed_tenths() / 10);
    for points in point.points {
        rows.display(points);
    }
}

/// `11:42`, and `52.1` in the last minute.
fn clock(tenths: u16) -> String {
    if tenths < 600 && !tenths.is_multiple_of(10) {
        return format!("{}.{}", tenths / 10, tenths % 10);
    }
    format!("{}:{:02}", tenths / 600, tenths % 600 / 10)
}

/// Minutes with two decimals, rounded to the nearest.
fn minutes(tenths: u32) -> String {
    let hundredths = (tenths + 3) / 6;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn counts(rows: &mut TextRows, line: &Line) {
    for stat in nba_boxscore::Stat::ALL {
        rows.display(nba_boxscore::count(line, stat));
    }
}

/// MD5 of the five ids in ascending order, joined by `|` (box score dossier 5).
fn lineup_hash(five: &[&str]) -> String {
    let digest = Md5::digest(five.join("|"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The document of `box_score_snapshots` (box score dossier 7.2), without the time of writing, which would make every run another.
fn document(
    game: &StoredGame,
    names: &Names,
    number: usize,
    point: &Point,
    state: &[Standing],
) -> serde_json::Value {
    let elapsed = point.elapsed_tenths();
    let figures = |line: &Line| {
        let mut map = serde_json::Map::new();
        for stat in nba_boxscore::Stat::ALL {
            map.insert(
                stat.name().to_owned(),
                nba_boxscore::count(line, stat).into(),
            );
        }
        map.insert("reb".to_owned(), (line.oreb + line.dreb).into());
        map
    };
    let mut players = serde_json::Map::new();
    let mut totals = [Line::default(); 2];
    for (((side, slot), who), standing) in game.timeline.holders().zip(&names.holders).zip(state) {
        let line = standing.line_at(elapsed);
        totals[side.index()].add_counts(&line);
        if slot.is_none() || (line == Line::default() && standing.court == 0) {
            continue;
        }
        let mut player = figures(&line);
        player.insert("player_id".to_owned(), who.id.clone().into());
        player.insert("player_name".to_owned(), who.name.clone().into());
        player.insert(
            "team_id".to_owned(),
            names.teams[side.index()].0.clone().into(),
        );
        player.insert("plus_minus".to_owned(), line.plus_minus.into());
        player.insert("seconds".to_owned(), line.seconds().into());
        player.insert("on_court".to_owned(), (standing.court == 1).into());
        players.insert(who.id.clone(), player.into());
    }
    let mut teams = serde_json::Map::new();
    for (total, (id, name)) in totals.iter().zip(&names.teams) {
        let mut team = figures(total);
        team.insert("team_id".to_owned(), id.clone().into());
        team.insert("team_name".to_owned(), name.clone().into());
        teams.insert(id.clone(), team.into());
    }
    serde_json::json!({
        "game_id": game.card.id,
        "event_num": number,
        "data_source": game.card.source,
        "quarter": point.period,
        "time_remaining": clock(point.clock_tenths),
        "game_clock_seconds": elapsed / 10,
        "home_score": point.points[0],
        "away_score": point.points[1],
        "players": players,
        "teams": teams,
    })
}
