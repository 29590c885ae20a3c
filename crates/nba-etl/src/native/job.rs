//! A whole load: which documents there are, piece after piece, with a memory of what is done.
//!
//! A piece is a year of games, or a season's file: it is loaded all or nothing, and then remembered in a file of the state folder. A
//! load that was killed goes on behind its last piece; one that is complete forgets, and the next one reads everything again and
//! changes nothing. What could not be loaded goes to a file of its own, one line of JSON each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt as _;
use nba_db::ident::TableName;
use nba_db::{Database, DbError, Writer};
use nba_utils::atomic::{self, FileError, NewFile};
use nba_utils::{Hint, Verdict};
use serde::{Deserialize, Serialize};

use super::hoopr::{self, Form};
use super::load::{self, Batch, Beside, LoadAccount, LoadError, LoadOptions, Port};
use super::{Mode, boxes, games, plays};
use crate::lake::{Inventory, Lake, LakeError};

#[cfg(test)]
mod tests;

/// Where documents come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Documents of games and days, JSON.
    Espn,
    /// Season files, CSV or parquet.
    Hoopr,
}

impl Source {
    /// Names of the tables it fills, in the order in which they are loaded.
    #[must_use]
    pub fn tables(self) -> Vec<&'static str> {
        match self {
            Source::Espn => ESPN.iter().map(|table| table.name).collect(),
            Source::Hoopr => hoopr::Table::ALL.iter().map(|table| table.name()).collect(),
        }
    }
}

/// A table filled from ESPN's documents.
struct EspnTable {
    name: &'static str,
    port: &'static dyn Port,
    /// The same for documents that lie in any folder.
    beside: &'static dyn Port,
    units: Units,
}

/// What a document of a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    /// A game, which `games` names.
    Games,
    /// A day, whose document lies under `espn_schedules/`.
    Days,
}

/// Games refer to teams, and everything else to games.
static ESPN: [EspnTable; 5] = [
    EspnTable {
        name: "teams",
        port: &games::Teams,
        beside: &Beside(games::Teams),
        units: Units::Days,
    },
    EspnTable {
        name: "games",
        port: &games::Games,
        beside: &Beside(games::Games),
        units: Units::Days,
    },
    EspnTable {
        name: "play_by_play",
        port: &plays::PlayByPlay,
        beside: &Beside(plays::PlayByPlay),
        units: Units::Games,
    },
    EspnTable {
        name: "box_score_teams",
        port: &boxes::BoxTeams,
        beside: &Beside(boxes::BoxTeams),
        units: Units::Games,
    },
    EspnTable {
        name: "box_score_players",
        port: &boxes::BoxPlayers,
        beside: &Beside(boxes::BoxPlayers),
        units: Units::Games,
    },
];

/// The ports of ESPN's documents by the table they fill.
pub(super) fn espn_ports() -> impl Iterator<Item = (&'static str, &'static dyn Port)> {
    ESPN.iter().map(|table| (table.name, table.port))
}

/// What to load.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobOptions {
    /// Where from.
    pub source: Source,
    /// What to be faithful to.
    pub mode: Mode,
    /// Tables, by the names of [`Source::tables`]; empty for all of them.
    pub tables: Vec<String>,
    /// Only these calendar years; of hoopR, seasons by the year they end in.
    pub years: Option<RangeInclusive<i32>>,
    /// The folder that remembers what is done.
    pub state: PathBuf,
    /// Forget an interrupted load instead of going on with it.
    pub restart: bool,
}

impl JobOptions {
    /// Everything, in correct mode.
    #[must_use]
    pub fn new(source: Source, state: impl Into<PathBuf>) -> JobOptions {
        JobOptions {
            source,
            mode: Mode::Correct,
            tables: Vec::new(),
            years: None,
            state: state.into(),
            restart: false,
        }
    }
}

/// Documents to load.
#[derive(Debug, Clone)]
pub enum Documents {
    /// A lake with the platform's prefixes.
    Lake(Arc<Lake>),
    /// Files on this machine, and folders that hold them.
    Files(Vec<PathBuf>),
}

impl Documents {
    fn describe(&self) -> String {
        match self {
            Documents::Lake(lake) => lake.describe(),
            Documents::Files(files) => {
                let files: Vec<String> = files
                    .iter()
                    .map(|file| file.display().to_string())
                    .collect();
                files.join(", ")
            }
        }
    }
}

/// Figures of some documents. Always `read = inserted + updated + unchanged + rejected`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    /// Documents asked for.
    pub documents: u64,
    /// Those that are not there.
    pub missing: u64,
    /// Those that hold no row.
    pub empty: u64,
    /// Those that cannot be read.
    pub unreadable: u64,
    /// Rows in the documents.
    pub read: u64,
    /// New rows.
    pub inserted: u64,
    /// Rows that were there and were written again.
    pub updated: u64,
    /// Rows that were there, the same.
    pub unchanged: u64,
    /// Rows not loaded: repeated, and put aside.
    pub rejected: u64,
    /// Of these, rows whose key came before in the same piece.
    pub repeated: u64,
}

impl Figures {
    fn of(account: &LoadAccount) -> Figures {
        Figures {
            documents: account.games,
            missing: account.missing,
            empty: account.empty_games,
            unreadable: load::count(account.unreadable.len()),
            read: account.read(),
            inserted: account.inserted,
            updated: account.updated,
            unchanged: account.unchanged,
            rejected: account.rejected + account.repeated,
            repeated: account.repeated,
        }
    }

    fn add(&mut self, other: &Figures) {
        self.documents += other.documents;
        self.missing += other.missing;
        self.empty += other.empty;
        self.unreadable += other.unreadable;
        self.read += other.read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
        self.repeated += other.repeated;
    }

    /// Whether they add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.read == self.inserted + self.updated + self.unchanged + self.rejected
    }

    /// Rows put aside: rejected, and not because they came before.
    #[must_use]
    pub fn put_aside(&self) -> u64 {
        self.rejected.saturating_sub(self.repeated)
    }
}

/// Something that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quarantined {
    /// The table it was for.
    pub table: String,
    /// Key of the document in the lake, or its file.
    pub file: String,
    /// Number of the row or play in the document, counted from 1; 0 for the whole document.
    pub item: u64,
    /// Line, counted from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// Column in the line, in bytes, counted from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<u64>,
    /// Why.
    pub reason: String,
}

/// What became of one piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PieceReport {
    /// The table.
    pub table: String,
    /// The year, or the file.
    pub piece: String,
    /// The figures.
    pub figures: Figures,
    /// What was not loaded; of a file with very many such rows only the first ones.
    pub quarantined: Vec<Quarantined>,
    /// Ids of the places where this was not what the legacy script does (`docs/divergences.md`).
    pub divergences: BTreeSet<String>,
    /// It was loaded by an earlier run that did not come to its end.
    #[serde(skip_deserializing, default)]
    pub before: bool,
}

/// What became of all of it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct JobReport {
    /// Whether everything that was read is in the table.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Where from.
    pub source: Source,
    /// What it is faithful to.
    pub mode: Mode,
    /// The lake, or the files.
    pub documents: String,
    /// Nothing was written.
    pub dry_run: bool,
    /// By table.
    pub tables: BTreeMap<String, Figures>,
    /// All of them.
    pub total: Figures,
    /// Pieces: years or files.
    pub pieces: u64,
    /// Pieces that an earlier run had loaded before it was stopped.
    pub resumed: u64,
    /// Where this was not what the legacy script does.
    pub divergences: BTreeSet<String>,
    /// What was not loaded.
    pub quarantined: u64,
    /// Where that is described, one line of JSON each.
    pub quarantine: Option<PathBuf>,
}

/// Why a load stopped. What came before is loaded, and remembered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// There is no such table.
    #[error("`{table}` is not filled from these documents; what is: {}", known.join(", "))]
    UnknownTable {
        /// What was asked for.
        table: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// Nothing was found to load.
    #[error("there is nothing to load in {documents}")]
    Nothing {
        /// The lake, or the files.
        documents: String,
    },
    /// A file is none of the four tables.
    #[error("`{}` is no file of a hoopR table", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why.
        source: load::ReadError,
    },
    /// A file or folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The lake did not answer.
    #[error("cannot list {lake}")]
    Lake {
        /// The lake.
        lake: String,
        /// What it said.
        source: LakeError,
    },
    /// The database refused.
    #[error("cannot find out which years there are")]
    Database {
        /// What it said.
        source: Box<DbError>,
    },
    /// Nobody may write this table now, or somebody else.
    #[error("`{table}` may not be written now; what came before was")]
    Withheld {
        /// The table.
        table: String,
        /// Who may, and why not this one.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A piece failed.
    #[error("`{piece}` of `{table}` was not loaded; what came before it was")]
    Piece {
        /// The table.
        table: String,
        /// The piece.
        piece: String,
        /// Why.
        source: Box<LoadError>,
    },
    /// The memory of what is done cannot be kept.
    #[error("cannot remember what is done in `{}`", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
}

impl Hint for JobError {
    fn hint(&self) -> Option<String> {
        match self {
            JobError::Piece { source, .. } => source
                .hint()
                .or_else(|| Some("the same command goes on where this one stopped".to_owned())),
            JobError::Lake { source, .. } => source.hint(),
            JobError::Database { source } => source.hint(),
            JobError::Nothing { .. } => Some(
                "a lake has folders such as `espn_play_by_play/`, `hoopr_phase1/` and `hoopr_parquet/`"
                    .to_owned(),
            ),
            JobError::Withheld { .. } => Some(
                "`nba switch list` says who may write; the same command goes on where this one stopped"
                    .to_owned(),
            ),
            JobError::Foreign { .. }
            | JobError::UnknownTable { .. }
            | JobError::Io { .. }
            | JobError::State { .. } => None,
        }
    }
}

/// The right to write a table, held while one piece of it is written.
pub type Held = Box<dyn Send>;

/// Asked before every piece, with the name of its table: whoever may be told to stop in the middle of a load is told here.
pub type Permit<'a> =
    dyn FnMut(&str) -> Result<Held, Box<dyn std::error::Error + Send + Sync>> + Send + 'a;

/// A permit for databases of which nobody else writes: scratch places, tests.
///
/// # Errors
///
/// Never.
pub fn anybody(_table: &str) -> Result<Held, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Box::new(()))
}

/// What is loaded all or nothing.
struct Piece {
    name: String,
    lake: Arc<Lake>,
    work: Work,
}

enum Work {
    Documents(&'static dyn Port, Vec<String>),
    Season(hoopr::Table, String),
}

/// Loads documents, or with no writer only reads them.
///
/// `target` says which database it is: an interrupted load of another one is not gone on with. Before a piece is written `permit` is
/// asked, and what it gives is held until the piece is written; every finished piece is told to `progress`.
///
/// # Errors
///
/// [`JobError`]; pieces that were finished stay loaded, and the same call goes on behind them.
pub async fn run(
    db: &Database,
    mut writer: Option<&mut Writer>,
    documents: &Documents,
    target: &str,
    options: &JobOptions,
    permit: &mut Permit<'_>,
    progress: &mut (dyn FnMut(&PieceReport) + Send),
) -> Result<JobReport, JobError> {
    let tables = chosen(options)?;
    let identity = format!(
        "{target}\n{}\n{:?} {:?} {:?} {:?}",
        documents.describe(),
        options.source,
        options.mode,
        tables,
        options.years
    );
    let mut memory = Memory::open(options, &identity, writer.is_none())?;
    let mut report = JobReport {
        verdict: Verdict::Proven,
        source: options.source,
        mode: options.mode,
        documents: documents.describe(),
        dry_run: writer.is_none(),
        tables: BTreeMap::new(),
        total: Figures::default(),
        pieces: 0,
        resumed: 0,
        divergences: BTreeSet::new(),
        quarantined: 0,
        quarantine: None,
    };
    for table in tables {
        // Only now: which games there are may have been loaded a moment ago.
        for piece in pieces(db, documents, table, options).await? {
            let done = match memory.done.remove(&(table.to_owned(), piece.name.clone())) {
                Some(mut before) => {
                    before.before = true;
                    report.resumed += 1;
                    before
                }
                None => {
                    let withheld = |source| JobError::Withheld {
                        table: table.to_owned(),
                        source,
                    };
                    let _held = match &writer {
                        Some(_) => Some(permit(table).map_err(withheld)?),
                        None => None,
                    };
                    let done = one(db, writer.as_deref_mut(), table, &piece, options).await?;
                    memory.remember(&done)?;
                    done
                }
            };
            report.take(&done);
            progress(&done);
        }
    }
    if report.pieces == 0 {
        return Err(JobError::Nothing {
            documents: documents.describe(),
        });
    }
    report.quarantine = memory.finish(report.quarantined)?;
    report.verdict = report.judge();
    Ok(report)
}

fn chosen(options: &JobOptions) -> Result<Vec<&'static str>, JobError> {
    let known = options.source.tables();
    for table in &options.tables {
        if !known.contains(&table.as_str()) {
            return Err(JobError::UnknownTable {
                table: table.clone(),
                known,
            });
        }
    }
    Ok(known
        .into_iter()
        .filter(|name| {
            options.tables.is_empty() || options.tables.iter().any(|table| table == name)
        })
        .collect())
}

impl JobReport {
    fn take(&mut self, done: &PieceReport) {
        self.pieces += 1;
        self.tables
            .entry(done.table.clone())
            .or_default()
            .add(&done.figures);
        self.total.add(&done.figures);
        self.divergences.extend(done.divergences.iter().cloned());
        self.quarantined += load::count(done.quarantined.len());
    }

    fn judge(&self) -> Verdict {
        let total = &self.total;
        let mut findings = Vec::new();
        if !self.dry_run && !total.is_balanced() {
            findings.push(format!(
                "{} rows were read, and {} are accounted for",
                total.read,
                total.inserted + total.updated + total.unchanged + total.rejected
            ));
        }
        if total.unreadable > 0 {
            findings.push(format!("{} documents cannot be read", total.unreadable));
        }
        if total.put_aside() > 0 {
            findings.push(format!("{} rows were put aside", total.put_aside()));
        }
        match findings.is_empty() {
            false => Verdict::refuted(findings.join("; ")),
            true if self.dry_run => Verdict::not_applicable("nothing was written"),
            true if total.documents == total.missing => {
                Verdict::not_proven("none of the documents is there")
            }
            true => Verdict::Proven,
        }
    }
}

async fn one(
    db: &Database,
    writer: Option<&mut Writer>,
    table: &str,
    piece: &Piece,
    options: &JobOptions,
) -> Result<PieceReport, JobError> {
    let lake = &piece.lake;
    let load_options = LoadOptions::of(TableName::new("public", table), options.mode);
    let outcome = match (&piece.work, writer) {
        (Work::Documents(port, ids), writer) => {
            let batch = Batch {
                what: format!("{table} of {}", piece.name),
                ids: ids.clone(),
            };
            match writer {
                Some(writer) => load::load(db, writer, lake, *port, batch, &load_options).await,
                None => load::preview(db, lake, *port, batch, &load_options).await,
            }
        }
        (Work::Season(kind, key), Some(writer)) => {
            hoopr::load_file(db, writer, lake, *kind, key, &load_options).await
        }
        (Work::Season(kind, key), None) => {
            hoopr::preview_file(db, lake, *kind, key, &load_options).await
        }
    };
    let account = outcome.map_err(|source| JobError::Piece {
        table: table.to_owned(),
        piece: piece.name.clone(),
        source: Box::new(source),
    })?;
    let known = |number: usize| u64::try_from(number).ok().filter(|number| *number > 0);
    let documents = account.unreadable.iter().map(|document| Quarantined {
        table: table.to_owned(),
        file: document.key.clone(),
        item: 0,
        line: known(document.line),
        column: known(document.column),
        reason: document.reason.clone(),
    });
    let file_of = |aside: &load::Aside| match &piece.work {
        Work::Documents(port, _) => port.document(&aside.game_id),
        Work::Season(..) => aside.game_id.clone(),
    };
    let rows = account.aside.iter().map(|aside| Quarantined {
        table: table.to_owned(),
        file: file_of(aside),
        item: u64::try_from(aside.number).unwrap_or(u64::MAX),
        line: None,
        column: None,
        reason: aside.reason.clone(),
    });
    Ok(PieceReport {
        table: table.to_owned(),
        piece: piece.name.clone(),
        figures: Figures::of(&account),
        quarantined: documents.chain(rows).collect(),
        divergences: account
            .divergences
            .iter()
            .map(|divergence| divergence.id().to_owned())
            .collect(),
        before: false,
    })
}

/// What there is of a table.
async fn pieces(
    db: &Database,
    documents: &Documents,
    table: &str,
    options: &JobOptions,
) -> Result<Vec<Piece>, JobError> {
    match (documents, options.source) {
        (Documents::Lake(lake), Source::Espn) => {
            let Some(known) = ESPN.iter().find(|known| known.name == table) else {
                return Ok(Vec::new());
            };
            espn_pieces(db, lake, known, options).await
        }
        (Documents::Lake(lake), Source::Hoopr) => {
            let Some(kind) = hoopr::Table::ALL
                .into_iter()
                .find(|kind| kind.name() == table)
            else {
                return Ok(Vec::new());
            };
            season_pieces(lake, kind, options).await
        }
        (Documents::Files(files), Source::Espn) => {
            let Some(known) = ESPN.iter().find(|known| known.name == table) else {
                return Ok(Vec::new());
            };
            let mut found = Vec::new();
            for (folder, ids) in by_folder(files)? {
                let lake = Arc::new(Lake::local(&folder));
                // A year of games each, so that neither memory nor what is lost by a kill grows with the folder.
                for (at, ids) in ids.chunks(FILES_OF_A_PIECE).enumerate() {
                    found.push(Piece {
                        name: format!("{} #{}", folder.display(), at + 1),
                        lake: Arc::clone(&lake),
                        work: Work::Documents(known.beside, ids.to_vec()),
                    });
                }
            }
            Ok(found)
        }
        (Documents::Files(files), Source::Hoopr) => season_files(files, table),
    }
}

/// Documents of a piece where no year says which belong together.
const FILES_OF_A_PIECE: usize = 1_000;

const YEARS_SQL: &str = "select distinct extract(year from game_date)::int4 as year from public.games where game_date is not null order by 1";

async fn espn_pieces(
    db: &Database,
    lake: &Arc<Lake>,
    table: &EspnTable,
    options: &JobOptions,
) -> Result<Vec<Piece>, JobError> {
    let database = |source| JobError::Database {
        source: Box::new(source),
    };
    if table.units == Units::Days {
        return day_pieces(lake, table, options).await;
    }
    let years = db.query_rows(YEARS_SQL, &[]).await.map_err(database)?;
    let mut found = Vec::new();
    for row in &years {
        let year: i32 = row.get(0);
        if options
            .years
            .as_ref()
            .is_some_and(|years| !years.contains(&year))
        {
            continue;
        }
        let ids = load::games_of_year(db, year, &TableName::new("public", "games"))
            .await
            .map_err(database)?;
        found.push(Piece {
            name: year.to_string(),
            lake: Arc::clone(lake),
            work: Work::Documents(table.port, ids),
        });
    }
    Ok(found)
}

/// The documents of days, a year together.
async fn day_pieces(
    lake: &Arc<Lake>,
    table: &EspnTable,
    options: &JobOptions,
) -> Result<Vec<Piece>, JobError> {
    let failed = |source| JobError::Lake {
        lake: lake.describe(),
        source,
    };
    let mut years: BTreeSet<i32> = BTreeSet::new();
    let listing = Inventory::of("espn_schedules/");
    let mut objects = lake.inventory(&listing);
    while let Some(object) = objects.try_next().await.map_err(failed)? {
        let name = object.key.rsplit('/').next().unwrap_or_default();
        years.extend(name.get(..4).and_then(|year| year.parse::<i32>().ok()));
    }
    drop(objects);
    let mut found = Vec::new();
    for year in years {
        if options
            .years
            .as_ref()
            .is_some_and(|years| !years.contains(&year))
        {
            continue;
        }
        found.push(Piece {
            name: year.to_string(),
            lake: Arc::clone(lake),
            work: Work::Documents(
                table.port,
                games::documents_of_year(lake, year).await.map_err(failed)?,
            ),
        });
    }
    Ok(found)
}

/// The season files of a table: parquet, and CSV where a season has no other.
async fn season_pieces(
    lake: &Arc<Lake>,
    table: hoopr::Table,
    options: &JobOptions,
) -> Result<Vec<Piece>, JobError> {
    let mut seasons: BTreeMap<i32, String> = BTreeMap::new();
    for form in [Form::Parquet, Form::Csv] {
        let listing = Inventory::of(table.prefix(form));
        let mut objects = lake.inventory(&listing);
        while let Some(object) = objects.try_next().await.map_err(|source| JobError::Lake {
            lake: lake.describe(),
            source,
        })? {
            let name = object.key.rsplit('/').next().unwrap_or_default();
            let Some(season) = hoopr::season_of(name) else {
                continue;
            };
            if options
                .years
                .as_ref()
                .is_none_or(|years| years.contains(&season))
            {
                seasons.entry(season).or_insert(object.key);
            }
        }
    }
    Ok(seasons
        .into_values()
        .map(|key| Piece {
            name: key.clone(),
            lake: Arc::clone(lake),
            work: Work::Season(table, key),
        })
        .collect())
}

/// Season files by what is in them.
fn season_files(files: &[PathBuf], table: &str) -> Result<Vec<Piece>, JobError> {
    let mut found = Vec::new();
    for path in expand(files, &["csv", "parquet"])? {
        let kind = hoopr::table_of(&path).map_err(|source| JobError::Foreign {
            path: path.clone(),
            source,
        })?;
        if kind.name() != table {
            continue;
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        found.push(Piece {
            name: path.display().to_string(),
            lake: Arc::new(Lake::local(folder)),
            work: Work::Season(kind, name.to_string_lossy().into_owned()),
        });
    }
    Ok(found)
}

/// Ids of JSON documents by their folder.
fn by_folder(files: &[PathBuf]) -> Result<BTreeMap<PathBuf, Vec<String>>, JobError> {
    let mut found: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for path in expand(files, &["json"])? {
        if let (Some(folder), Some(id)) = (path.parent(), path.file_stem()) {
            found
                .entry(folder.to_owned())
                .or_default()
                .push(id.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

/// Files, and what is directly in folders, in the order of their names.
fn expand(paths: &[PathBuf], extensions: &[&str]) -> Result<Vec<PathBuf>, JobError> {
    let mut found = Vec::new();
    for path in paths {
        let io = |source| JobError::Io {
            path: path.clone(),
            source,
        };
        if !std::fs::metadata(path).map_err(io)?.is_dir() {
            found.push(std::path::absolute(path).map_err(io)?);
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            let wanted = file
                .extension()
                .and_then(|extension| extension.to_str())
                .is_some_and(|extension| extensions.contains(&extension));
            if wanted && file.is_file() {
                inside.push(std::path::absolute(file).map_err(io)?);
            }
        }
        inside.sort();
        found.append(&mut inside);
    }
    Ok(found)
}

/// What is done, kept in a file while the load is not complete.
struct Memory {
    path: PathBuf,
    quarantine: PathBuf,
    /// A dry run remembers nothing.
    off: bool,
    done: BTreeMap<(String, String), PieceReport>,
}

impl Memory {
    fn open(options: &JobOptions, identity: &str, off: bool) -> Result<Memory, JobError> {
        let folder = options.state.join("load");
        let digest = blake3::hash(identity.as_bytes()).to_hex();
        // Long enough that two loads of one project never share a file.
        let name: String = digest.chars().take(16).collect();
        let mut memory = Memory {
            path: folder.join(format!("{name}.jsonl")),
            quarantine: folder.join(format!("{name}.quarantine.jsonl")),
            off,
            done: BTreeMap::new(),
        };
        if off {
            return Ok(memory);
        }
        let io = |source| JobError::Io {
            path: memory.path.clone(),
            source,
        };
        std::fs::create_dir_all(&folder).map_err(io)?;
        if options.restart {
            match std::fs::remove_file(&memory.path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(io(error)),
            }
        }
        let done = memory.each()?;
        if memory.path.exists() {
            // Without a line that a kill cut off: what is appended would end up behind it.
            let mut lines = Vec::new();
            for piece in &done {
                lines.extend(serde_json::to_vec(piece).unwrap_or_default());
                lines.push(b'\n');
            }
            atomic::replace(&memory.path, &lines, NewFile::Private).map_err(|source| {
                JobError::State {
                    path: memory.path.clone(),
                    source,
                }
            })?;
        }
        memory.done = done
            .into_iter()
            .map(|piece| ((piece.table.clone(), piece.piece.clone()), piece))
            .collect();
        Ok(memory)
    }

    /// What is remembered. A last line that a kill cut off is none: its piece is loaded again, which changes nothing.
    fn each(&self) -> Result<Vec<PieceReport>, JobError> {
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(JobError::Io {
                    path: self.path.clone(),
                    source,
                });
            }
        };
        let mut found = Vec::new();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|source| JobError::Io {
                path: self.path.clone(),
                source,
            })?;
            if let Ok(piece) = serde_json::from_slice(&line) {
                found.push(piece);
            }
        }
        Ok(found)
    }

    fn remember(&self, piece: &PieceReport) -> Result<(), JobError> {
        if self.off {
            return Ok(());
        }
        // Plain data: texts, numbers and lists of them.
        let line = serde_json::to_string(piece).unwrap_or_default();
        atomic::append_line(&self.path, &line).map_err(|source| JobError::State {
            path: self.path.clone(),
            source,
        })
    }

    /// Writes down what was not loaded, and forgets the rest.
    fn finish(&self, quarantined: u64) -> Result<Option<PathBuf>, JobError> {
        if self.off {
            return Ok(None);
        }
        let mut lines = Vec::new();
        if quarantined > 0 {
            for item in self.each()?.iter().flat_map(|piece| &piece.quarantined) {
                lines.extend(serde_json::to_vec(item).unwrap_or_default());
                lines.push(b'\n');
            }
        }
        // Also where there is nothing: what an earlier load could not take is no longer so.
        atomic::replace(&self.quarantine, &lines, NewFile::Private).map_err(|source| {
            JobError::State {
                path: self.quarantine.clone(),
                source,
            }
        })?;
        match std::fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(JobError::Io {
                    path: self.path.clone(),
                    source,
                });
            }
        }
        Ok((quarantined > 0).then(|| self.quarantine.clone()))
    }
}
