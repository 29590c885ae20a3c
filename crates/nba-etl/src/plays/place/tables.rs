//! Games of tables of a PostgreSQL database.
//!
//! Every statement on plays follows the index on `game_id`: the games are found by going from one to the next, and the rows of some at a time
//! are read. No table of plays is scanned, nothing is sorted on the server, and no transaction stays open.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use nba_boxscore::GameLog;
use nba_db::catalog::Relation;
use nba_db::ident::{Ident, TableName};
use nba_db::tokio_postgres::Row;
use nba_db::{Database, DbError};
use nba_utils::season::SeasonEncoding;
use nba_utils::{EspnGameId, Season};
use tokio::runtime::Handle;

use super::{Mark, Place, State, Step, Wanted, decoded, encoded, short};
use crate::plays::stats_v2::Fault;
use crate::plays::table::Batch;
use crate::plays::{Form, PlaysError, espn_table, hoopr, season_of_id};

/// Games whose rows are asked for at once: some 30,000 rows.
const GAMES: usize = 64;

/// What the rows without a game are called together; no encoded id is.
const NAMELESS: &str = "%00";

/// What a table of plays holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlayTable {
    /// hoopR's `play_by_play`, with ids of players (box score dossier 3.2).
    Hoopr,
    /// Texts of ESPN's pages (box score dossier 3.3).
    Espn,
}

impl PlayTable {
    /// What a table holds, by its columns; none for other tables.
    fn of(relation: &Relation) -> Option<Self> {
        let has = |names: &[&str]| {
            names
                .iter()
                .all(|name| relation.columns.iter().any(|column| column.name == *name))
        };
        if !has(&["game_id"]) {
            None
        } else if has(&["type_text", "athlete_id_1", "sequence_number"]) {
            Some(Self::Hoopr)
        } else if has(&espn_table::COLUMNS) {
            Some(Self::Espn)
        } else {
            None
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Hoopr => Form::Hoopr,
            Self::Espn => Form::EspnTable,
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Hoopr => &hoopr::COLUMNS,
            Self::Espn => &espn_table::COLUMNS,
        }
    }
}

/// What another table says of a game.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct About {
    season: Option<Season>,
    /// `[home, away]`.
    teams: [(Option<u64>, String); 2],
}

/// One table.
#[derive(Debug)]
struct Table {
    kind: PlayTable,
    /// What the names of its games begin with.
    root: String,
    /// Asks for the rows of the games `$1`.
    sql: String,
    /// By name, the id as the table spells it.
    games: BTreeMap<PathBuf, (String, About)>,
    /// Rows without a game, and what they are called together.
    nameless: (PathBuf, u64),
}

/// The games of one or two tables, named by the address of their table and their id.
#[derive(Debug)]
pub struct Tables {
    db: Database,
    runtime: Handle,
    tables: Vec<Table>,
    units: Vec<PathBuf>,
    left_out: Vec<String>,
}

/// An id without what a column of doubles or texts did to it.
fn canonical(id: &str) -> String {
    EspnGameId::read(id).map_or_else(|_| id.to_owned(), |read| read.value.to_string())
}

fn failed(source: DbError) -> PlaysError {
    PlaysError::Database { source }
}

impl Tables {
    /// Lists the games of a table, or of `play_by_play` and `hoopr_play_by_play` where none is named, as far as they are wanted. `runtime` is where
    /// the database is asked; [`Place::read`] must not be called by its own tasks.
    ///
    /// # Errors
    ///
    /// When there is no such table, it has no index on `game_id`, or the database fails.
    pub async fn list(
        db: Database,
        named: Option<&TableName>,
        wanted: &Wanted,
        runtime: Handle,
    ) -> Result<Self, PlaysError> {
        let catalog = db.catalog().await.map_err(failed)?;
        let usual = [
            ("play_by_play", PlayTable::Espn),
            ("hoopr_play_by_play", PlayTable::Hoopr),
        ];
        let is_wanted =
            |kind: PlayTable| wanted.feeds.is_empty() || wanted.feeds.contains(kind.form().feed());
        let names: Vec<TableName> = match named {
            Some(name) => vec![name.clone()],
            None => usual
                .iter()
                .filter(|(_, kind)| is_wanted(*kind))
                .map(|(name, _)| TableName::parse(name))
                .collect(),
        };
        let mut tables = Vec::new();
        let mut left_out = Vec::new();
        for name in &names {
            let Some(relation) = catalog.relation(name) else {
                left_out.push(format!("there is no table `{name}`"));
                continue;
            };
            let kind = PlayTable::of(relation).filter(|_| relation.is_table());
            let kind = kind.ok_or_else(|| PlaysError::NoPlays {
                table: name.to_string(),
            })?;
            tables.push(Table::list(&db, relation, kind).await?);
        }
        if tables.is_empty() {
            return Err(PlaysError::NoTable {
                database: db.options().to_string(),
                table: named.map(ToString::to_string),
            });
        }
        if tables.iter().any(|table| table.kind == PlayTable::Espn)
            && let Some(games) = catalog.relation(&TableName::parse("games"))
        {
            let about = about(&db, games).await?;
            let espn = tables
                .iter_mut()
                .filter(|table| table.kind == PlayTable::Espn);
            for (id, said) in espn.flat_map(|table| table.games.values_mut()) {
                if let Some(about) = about.get(&canonical(id)) {
                    let season = about.season.or(said.season);
                    *said = About {
                        season,
                        ..about.clone()
                    };
                }
            }
        }
        let mut units = Vec::new();
        for table in &tables {
            let games = table.games.iter().filter(|(_, (id, about))| {
                let season = about.season.or_else(|| season_of_id(id));
                // One of an unknown season is read, so that it is on record as such.
                wanted.seasons.is_empty()
                    || season.is_none_or(|season| wanted.seasons.contains(&season))
            });
            units.extend(games.map(|(unit, _)| unit.clone()));
            if table.nameless.1 > 0 {
                units.push(table.nameless.0.clone());
            }
        }
        units.sort();
        Ok(Self {
            db,
            runtime,
            tables,
            units,
            left_out,
        })
    }

    /// The table of a unit, and the id as the table spells it.
    fn find(&self, unit: &Path) -> Option<(&Table, String)> {
        let name = unit.to_str()?;
        self.tables
            .iter()
            .find_map(|table| Some((table, decoded(name.strip_prefix(&table.root)?))))
    }

    /// The rows of some games of one table, by game.
    fn rows(&self, table: &Table, ids: &[&str]) -> Result<HashMap<String, Vec<Row>>, PlaysError> {
        let rows = self
            .runtime
            .block_on(self.db.query_rows(&table.sql, &[&ids]))
            .map_err(failed)?;
        let mut games: HashMap<String, Vec<Row>> = HashMap::with_capacity(ids.len());
        for row in rows {
            let game: &str = row.get(0);
            match games.get_mut(game) {
                Some(rows) => rows.push(row),
                None => {
                    games.insert(game.to_owned(), vec![row]);
                }
            }
        }
        Ok(games)
    }

    /// Hands over each unit with its table, its id there and its rows, in order; a unit of no table of these with nothing.
    fn each(
        &self,
        units: &[&Path],
        mut take: impl FnMut(usize, Option<(&Table, &str, &[Row])>),
    ) -> Result<(), PlaysError> {
        let mut done = 0;
        while let Some(unit) = units.get(done) {
            let Some((table, _)) = self.find(unit) else {
                take(done, None);
                done += 1;
                continue;
            };
            let ids: Vec<String> = units[done..]
                .iter()
                .take(GAMES)
                .map_while(|unit| {
                    let (of, id) = self.find(unit)?;
                    std::ptr::eq(of, table).then_some(id)
                })
                .collect();
            let with_rows: Vec<&str> = ids
                .iter()
                .zip(&units[done..])
                .filter(|(_, unit)| ***unit != *table.nameless.0)
                .map(|(id, _)| id.as_str())
                .collect();
            let games = self.rows(table, &with_rows)?;
            for id in &ids {
                let rows = games.get(id).map_or(&[][..], Vec::as_slice);
                take(done, Some((table, id, rows)));
                done += 1;
            }
        }
        Ok(())
    }
}

impl Table {
    async fn list(db: &Database, relation: &Relation, kind: PlayTable) -> Result<Self, PlaysError> {
        let name = &relation.table;
        let is_usable = relation.indexes.iter().any(|index| {
            // Of another operator class or collation it would not give the order of the column.
            let plain = ["(game_id)", "(game_id,", "(game_id DESC"];
            index.is_valid
                && !index.is_partial
                && index.method == "btree"
                && index
                    .columns
                    .first()
                    .is_some_and(|first| first == "game_id")
                && plain.iter().any(|begin| index.definition.contains(begin))
        });
        if !is_usable {
            return Err(PlaysError::NoIndex {
                table: name.to_string(),
            });
        }
        let column = |name: &str| relation.columns.iter().find(|column| column.name == name);
        let as_text = |name: &str| match column(name) {
            Some(_) => format!("{}::text", Ident::new(name)),
            None => "null::text".to_owned(),
        };
        let columns: Vec<String> = kind
            .columns()
            .iter()
            .zip(1..)
            .map(|(name, number)| format!("{} as c{number}", as_text(name)))
            .collect();
        let id_type = column("game_id").map_or("text", |column| column.data_type.as_str());
        let (sql, columns) = (name.sql(), columns.join(", "));
        let rows_sql = format!(
            "select g.game, t.* from unnest($1::text[]) as g(game) cross join lateral \
             (select {columns} from {sql} where game_id = g.game::{id_type} offset 0) t"
        );
        let (season, day) = (as_text("season"), as_text("game_date"));
        // From one game to the next, each a step into the index.
        let games_sql = format!(
            "with recursive g as ((select game_id from {sql} where game_id is not null order by game_id limit 1) union all \
             select (select game_id from {sql} where game_id > g.game_id order by game_id limit 1) from g where g.game_id is not null) \
             select g.game_id::text, s.season, s.day from g cross join lateral \
             (select {season} as season, {day} as day from {sql} t where t.game_id = g.game_id limit 1) s"
        );
        let root = format!("postgresql://{}/{name}/", db.options().address());
        let games = db.query_rows(&games_sql, &[]).await.map_err(failed)?;
        let games = games
            .iter()
            .map(|row| {
                let id: String = row.get(0);
                let text = |column: usize| row.get::<_, Option<&str>>(column).unwrap_or_default();
                let season = Season::parse_as(text(1), SeasonEncoding::EndYear)
                    .ok()
                    .flatten();
                let day = || Season::from_date(text(2).get(..10)?.parse().ok()?).ok();
                let season = season.or_else(day);
                let about = About {
                    season,
                    ..About::default()
                };
                (
                    PathBuf::from(format!("{root}{}", encoded(&id))),
                    (id, about),
                )
            })
            .collect();
        let nameless: i64 = db
            .query_scalar(
                &format!("select count(*) from {sql} where game_id is null"),
                &[],
            )
            .await
            .map_err(failed)?;
        Ok(Self {
            kind,
            nameless: (
                PathBuf::from(format!("{root}{NAMELESS}")),
                u64::try_from(nameless).unwrap_or(0),
            ),
            root,
            sql: rows_sql,
            games,
        })
    }

    /// Tells one state of a game from another, whatever the order of its rows on the disk.
    fn mark(&self, unit: &Path, rows: &[Row]) -> Mark {
        if *unit == self.nameless.0 {
            let size = self.nameless.1;
            return Mark { size, state: 0 };
        }
        // What another table says of it; hoopR's rows say all themselves.
        let about = match self.kind {
            PlayTable::Espn => self.games.get(unit).map(|(_, about)| about),
            PlayTable::Hoopr => None,
        };
        let mut state = short(&blake3::hash(format!("{about:?}").as_bytes()));
        for row in rows {
            let mut hasher = blake3::Hasher::new();
            for column in 0..row.len() {
                let cell: Option<&str> = row.get(column);
                let length = cell.map_or(u64::MAX, |text| u64::try_from(text.len()).unwrap_or(0));
                hasher.update(&length.to_le_bytes());
                hasher.update(cell.unwrap_or_default().as_bytes());
            }
            state = state.wrapping_add(short(&hasher.finalize()));
        }
        Mark {
            size: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            state,
        }
    }

    fn game(&self, unit: &Path, id: &str, rows: &[Row]) -> Result<GameLog, Fault> {
        let about = self.games.get(unit).map(|(_, about)| about);
        let columns = (1..=self.kind.columns().len())
            .map(|column| rows.iter().map(|row| row.get(column)).collect())
            .collect();
        let (id, batch) = (canonical(id), Batch::of_texts(columns));
        let mut log = match self.kind {
            PlayTable::Hoopr => hoopr::read_batch(&id, &batch)?,
            PlayTable::Espn => espn_table::read_batch(&id, &batch)?,
        };
        if let Some(about) = about {
            log.season = log.season.or(about.season);
            for (team, (id, name)) in log.teams.iter_mut().zip(&about.teams) {
                if self.kind == PlayTable::Espn {
                    team.id = *id;
                    team.name.clone_from(name);
                }
            }
        }
        log.season = log.season.or_else(|| season_of_id(&log.id));
        Ok(log)
    }
}

/// Season and teams of all games, from the table `games`.
async fn about(db: &Database, games: &Relation) -> Result<HashMap<String, About>, PlaysError> {
    let names = [
        "game_id",
        "season",
        "home_team_id",
        "home_team_abbrev",
        "away_team_id",
        "away_team_abbrev",
    ];
    let columns = names.map(|name| {
        if games.columns.iter().any(|column| column.name == name) {
            format!("{}::text", Ident::new(name))
        } else {
            "null::text".to_owned()
        }
    });
    let sql = format!("select {} from {}", columns.join(", "), games.table.sql());
    let rows = db.query_rows(&sql, &[]).await.map_err(failed)?;
    let about = rows.iter().filter_map(|row| {
        let text = |column: usize| row.get::<_, Option<&str>>(column).unwrap_or_default();
        let team = |column: usize| (text(column).parse().ok(), text(column + 1).to_owned());
        let about = About {
            season: text(1).parse().ok(),
            teams: [team(2), team(4)],
        };
        Some((canonical(row.get::<_, Option<&str>>(0)?), about))
    });
    Ok(about.collect())
}

impl Place for Tables {
    fn noun(&self) -> &'static str {
        "games in tables"
    }

    fn units(&self) -> &[PathBuf] {
        &self.units
    }

    fn has(&self, unit: &Path) -> bool {
        self.tables
            .iter()
            .any(|table| table.games.contains_key(unit))
    }

    fn bytes(&self, _: &Path) -> u64 {
        0
    }

    fn group(&self, unit: &Path) -> usize {
        let of = |table: &Table| unit.starts_with(&table.root);
        self.tables.iter().position(of).unwrap_or(0)
    }

    fn states(&self, known: &[(&Path, Mark)]) -> Result<Vec<State>, PlaysError> {
        let mut states = vec![State::Same; known.len()];
        // Of other seasons nothing is asked here.
        let mut asked = Vec::new();
        for (number, (unit, _)) in known.iter().enumerate() {
            if self
                .units
                .binary_search_by(|one| one.as_path().cmp(unit))
                .is_ok()
            {
                asked.push(number);
            } else if self.find(unit).is_some() && !self.has(unit) {
                states[number] = State::Gone;
            }
        }
        let units: Vec<&Path> = asked.iter().map(|number| known[*number].0).collect();
        self.each(&units, |position, found| {
            let (unit, mark) = known[asked[position]];
            let now = found.map(|(table, _, rows)| table.mark(unit, rows));
            if now != Some(mark) {
                states[asked[position]] = State::Changed;
            }
        })?;
        Ok(states)
    }

    fn read(&self, units: &[PathBuf], take: &mut dyn FnMut(usize, Step)) -> Result<(), PlaysError> {
        let paths: Vec<&Path> = units.iter().map(PathBuf::as_path).collect();
        self.each(&paths, |number, found| {
            let unit = paths[number];
            let Some((table, id, rows)) = found else {
                let (path, source) = (unit.to_owned(), io::ErrorKind::NotFound.into());
                take(number, Step::Closed(PlaysError::Read { path, source }));
                return;
            };
            let mark = table.mark(unit, rows);
            let read = if *unit == table.nameless.0 {
                let (path, rows) = table.nameless.clone();
                Err(PlaysError::Rows { path, rows })
            } else if rows.is_empty() {
                // Its last row went after the games were listed.
                Ok(())
            } else {
                table
                    .game(unit, id, rows)
                    .map(|log| take(number, Step::Game(table.kind.form(), Box::new(log))))
                    .map_err(|fault| fault.at(unit))
            };
            take(number, Step::End(read, mark));
        })
    }

    fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn named_after(&self, game: &str) -> Vec<PathBuf> {
        let all = self.tables.iter().flat_map(|table| &table.games);
        all.filter(|(_, (id, _))| id == game || canonical(id) == game)
            .map(|(unit, _)| unit.clone())
            .collect()
    }
}
