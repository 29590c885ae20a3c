//! Play-by-play documents from disk to [`nba_boxscore::GameLog`]s.

mod bref;
mod espn_table;
pub mod hoopr;
mod html;
mod json;
pub mod place;
mod quick_json;
pub mod stats_v2;
pub mod table;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use nba_boxscore::{GameLog, LogError};
use nba_utils::Hint;

use quick_json::Reading;

/// A document larger than this is none of ours: the largest real one has 4 MB.
const MAX_JSON_BYTES: u64 = 256 * 1024 * 1024;

/// The form a document of play-by-play has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Form {
    /// NBA Stats `playbyplayv2`, as parquet or as `resultSets`.
    NbaStatsV2,
    /// cdn.nba.com `playbyplay`.
    NbaLive,
    /// data.nba.com mobile feed.
    DataNba,
    /// ESPN site API `summary`.
    EspnSummary,
    /// hoopR `play_by_play`.
    Hoopr,
    /// ESPN page, whose plays are text alone.
    EspnPage,
    /// NBA Stats `playbyplayv3`, also inside pages of nba.com and wnba.com.
    NbaStatsV3,
    /// Basketball-Reference, whose plays are text alone.
    Bref,
    /// ESPN page of about 2010, as HTML.
    EspnHtml,
    /// The platform's table `play_by_play`: texts of ESPN's pages.
    EspnTable,
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Form::NbaStatsV2 => "NBA Stats v2",
            Form::NbaLive => "NBA live",
            Form::DataNba => "data.nba.com",
            Form::EspnSummary => "ESPN summary",
            Form::Hoopr => "hoopR",
            Form::EspnPage => "ESPN page",
            Form::NbaStatsV3 => "NBA Stats v3",
            Form::Bref => "Basketball-Reference",
            Form::EspnHtml => "ESPN HTML page",
            Form::EspnTable => "ESPN table",
        })
    }
}

impl Form {
    /// Name of its feed in tables: the platform's own where it has one, all within 20 characters (box score dossier 10).
    #[must_use]
    pub fn feed(self) -> &'static str {
        match self {
            Form::NbaStatsV2 => "nba_api",
            Form::NbaLive => "nba_live",
            Form::DataNba => "data_nba",
            Form::EspnSummary => "espn",
            Form::Hoopr => "hoopr",
            Form::EspnPage | Form::EspnTable => "espn_text",
            Form::NbaStatsV3 => "nba_api_v3",
            Form::Bref => "bref",
            Form::EspnHtml => "espn_html",
        }
    }
}

/// Reads every game of a file, whatever its form, and hands it over as soon as it is complete.
///
/// The columns of a parquet file tell its form. Anything else, plain or gzipped, is a page of HTML, a table with a known heading, or
/// JSON: one document, or one a line.
///
/// # Errors
///
/// When the file cannot be read, has no form we know, or its rows make no game.
pub fn read_file(path: &Path, mut take: impl FnMut(Form, GameLog)) -> Result<(), PlaysError> {
    let failed = |source| PlaysError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut magic = Vec::new();
    file.by_ref()
        .take(4)
        .read_to_end(&mut magic)
        .map_err(failed)?;
    let mut take = with_season(&mut take);
    if magic == *b"PAR1" {
        return read_parquet(path, &mut take);
    }
    read_stream(path, std::io::Cursor::new(magic).chain(file), &mut take)
}

/// The same for a document that came from elsewhere; `name` is what it is called there.
fn read_document(
    name: &Path,
    bytes: &[u8],
    mut take: impl FnMut(Form, GameLog),
) -> Result<(), PlaysError> {
    let mut take = with_season(&mut take);
    if !bytes.starts_with(b"PAR1") {
        return read_stream(name, bytes, &mut take);
    }
    let failed = |source| PlaysError::Read {
        path: name.to_owned(),
        source,
    };
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    std::io::Write::write_all(&mut file, bytes).map_err(failed)?;
    read_parquet(file.path(), &mut take).map_err(|error| error.of(name))
}

/// Fills in the season where the id of the game says it.
fn with_season(take: &mut impl FnMut(Form, GameLog)) -> impl FnMut(Form, GameLog) {
    |form, mut log| {
        log.season = log.season.or_else(|| season_of_id(&log.id));
        take(form, log);
    }
}

fn season_of_id(id: &str) -> Option<nba_utils::Season> {
    nba_utils::GameId::read(id).ok()?.value.season()
}

fn read_parquet(path: &Path, take: &mut impl FnMut(Form, GameLog)) -> Result<(), PlaysError> {
    let failed = |source| PlaysError::Parquet {
        path: path.to_owned(),
        source,
    };
    if table::has_columns(path, &["GAME_ID", "EVENTMSGTYPE", "PERIOD"]).map_err(failed)? {
        return stats_v2::read_parquet(path, |log| take(Form::NbaStatsV2, log));
    }
    if table::has_columns(path, &["game_id", "type_text", "athlete_id_1"]).map_err(failed)? {
        return hoopr::read_parquet(path, |log| take(Form::Hoopr, log));
    }
    Err(PlaysError::UnknownForm {
        path: path.to_owned(),
    })
}

/// Reads what is no parquet, gzipped or not.
fn read_stream(
    path: &Path,
    mut stream: impl std::io::Read,
    take: &mut impl FnMut(Form, GameLog),
) -> Result<(), PlaysError> {
    let failed = |source| PlaysError::Read {
        path: path.to_owned(),
        source,
    };
    let mut magic = Vec::new();
    stream
        .by_ref()
        .take(2)
        .read_to_end(&mut magic)
        .map_err(failed)?;
    let mut bytes = Vec::new();
    let limit = MAX_JSON_BYTES + 1;
    let is_zipped = magic == [0x1f, 0x8b];
    let stream = std::io::Cursor::new(magic).chain(stream);
    if is_zipped {
        flate2::read::MultiGzDecoder::new(stream)
            .take(limit)
            .read_to_end(&mut bytes)
    } else {
        stream.take(limit).read_to_end(&mut bytes)
    }
    .map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_JSON_BYTES) {
        return Err(PlaysError::TooLarge {
            path: path.to_owned(),
        });
    }
    let named = |fault| match fault {
        json::Fault::Json(_) if !is_json(&bytes) => PlaysError::UnknownForm {
            path: path.to_owned(),
        },
        json::Fault::Json(source) => PlaysError::Json {
            path: path.to_owned(),
            source,
        },
        json::Fault::UnknownForm => PlaysError::UnknownForm {
            path: path.to_owned(),
        },
        json::Fault::Log { game, error } => PlaysError::Log {
            path: path.to_owned(),
            game,
            source: error,
        },
    };
    read_bytes(&bytes, Reading::Quick, |form, mut log| {
        if log.id.is_empty() {
            // Pages without a game strip, tables without an id: the file is called after the game.
            log.id = stem(path);
        }
        take(form, log);
    })
    .map_err(named)
}

/// Whether a text begins as JSON of a game or of several does.
fn is_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

/// What a file is called without its endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Reads the games of a document that is no parquet.
fn read_bytes(
    bytes: &[u8],
    by: Reading,
    mut take: impl FnMut(Form, GameLog),
) -> Result<(), json::Fault> {
    let start = bytes
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(bytes.len());
    let text = &bytes[start..];
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.first() == Some(&b'<') {
        let (form, log) = html::read(text)?;
        take(form, log);
        return Ok(());
    }
    if bref::is_csv(text) {
        take(Form::Bref, bref::read_csv(text)?);
        return Ok(());
    }
    let fault = match json::read(text, by) {
        Ok((form, log)) => {
            take(form, log);
            return Ok(());
        }
        Err(fault) => fault,
    };
    // One document is no JSON when another one follows it.
    let mut documents = json::documents(text).enumerate().peekable();
    let is_first_of_many = matches!(documents.peek(), Some((0, Ok(first))) if first.len() < text.trim_ascii_end().len());
    if !is_first_of_many || !matches!(fault, json::Fault::Json(_)) {
        return Err(fault);
    }
    for (number, document) in documents {
        let (form, log) = document
            .map_err(json::Fault::Json)
            .and_then(|document| json::read(document, by))
            .map_err(|fault| fault.in_document(number))?;
        take(form, log);
    }
    Ok(())
}

/// Reads a document, counts its games, stores and draws them: what a fuzzer calls. Returns what became of the last one.
///
/// Parquet is read as a file. Rows of the platform's tables and of parquet files are taken as JSON, too, one object a line: mutated cells
/// reach what mutated bytes of parquet do not.
///
/// # Panics
///
/// When what was read cannot be told again: changes that do not add up to the count, or a proven game whose figures do not agree; and when
/// the quick reader of JSON says something else than `serde_json`.
#[doc(hidden)]
#[must_use]
pub fn fuzz_one(bytes: &[u8]) -> String {
    let mut outcome = "no game".to_owned();
    if bytes.starts_with(b"PAR1") {
        let take = |form, log: GameLog| outcome = fuzz_game(&format!("{form}"), &log);
        return match read_document(Path::new("fuzzed"), bytes, take) {
            Ok(()) => outcome,
            Err(PlaysError::UnknownForm { .. } | PlaysError::Parquet { .. }) => fuzz_rows(bytes),
            Err(_) => "refused".to_owned(),
        };
    }
    let read = |by| {
        let mut games = Vec::new();
        let fault = read_bytes(bytes, by, |form, log| games.push((form, log))).err();
        (games, fault)
    };
    let (games, fault) = read(Reading::Quick);
    let (plain_games, plain_fault) = read(Reading::Plain);
    assert_eq!(games, plain_games, "the quick reader reads another game");
    assert_eq!(
        format!("{fault:?}"),
        format!("{plain_fault:?}"),
        "the quick reader finds another fault"
    );
    for (form, log) in &games {
        outcome = fuzz_game(&format!("{form}"), log);
    }
    match fault {
        None => outcome,
        Some(json::Fault::UnknownForm | json::Fault::Json(_)) => fuzz_rows(bytes),
        Some(json::Fault::Log { .. }) => "refused".to_owned(),
    }
}

/// Rows as JSON, one a line, as the adapter of their columns.
fn fuzz_rows(bytes: &[u8]) -> String {
    use serde_json::Value;
    let rows: Vec<Value> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let has = |name: &str| rows.iter().any(|row| row.get(name).is_some());
    let mut outcome = "no game".to_owned();
    let mut take = |what: &str, log: &GameLog| outcome = fuzz_game(what, log);
    let read = if has("EVENTMSGTYPE") {
        let mut games = stats_v2::Games::default();
        let mut take = |log: GameLog| take("rows of NBA Stats v2", &log);
        let read = games.batch(&table::Batch::of_json(&rows, &stats_v2::COLUMNS), &mut take);
        read.map(|()| games.finish(&mut take)).is_ok()
    } else if has("athlete_id_1") {
        let mut games = hoopr::Games::default();
        let mut take = |log: GameLog| take("rows of hoopR", &log);
        let read = games.batch(&table::Batch::of_json(&rows, &hoopr::COLUMNS), &mut take);
        read.and_then(|()| games.finish(&mut take)).is_ok()
    } else if has("play_text") {
        let text = |name: &str| rows.iter().find_map(|row| row.get(name)?.as_str());
        let id = text("play_id").and_then(|id| id.get(..9));
        let batch = table::Batch::of_json(&rows, &espn_table::COLUMNS);
        espn_table::read_batch(text("game_id").or(id).unwrap_or_default(), &batch)
            .map(|log| take("rows of ESPN texts", &log))
            .is_ok()
    } else {
        return "no form".to_owned();
    };
    if read { outcome } else { "refused".to_owned() }
}

fn fuzz_game(form: &str, log: &GameLog) -> String {
    use nba_boxscore::{Chart, Grid, Panel, Timeline, tally, verify};
    use nba_utils::Verdict;
    let game = verify(log);
    let counts = game.counts();
    let record = game.record(log);
    if counts == Verdict::Proven {
        assert!(
            record.final_score_match != Some(false),
            "a proven game has another final score: {record:?}"
        );
    }
    let Ok(timeline) = Timeline::new(log.roster_sizes(), &game.events) else {
        return format!("{form}: not countable");
    };
    let score = tally(log.roster_sizes(), &game.events).ok();
    assert_eq!(
        Some(timeline.box_after(game.events.len()).points()),
        score.map(|score| score.points()),
        "changes do not add up"
    );
    let events: usize = timeline
        .splits(Grid::Minutes)
        .map(|split| split.events.len())
        .sum();
    assert_eq!(events, game.events.len(), "a stretch lost an event");
    let chart = Chart::new(log, &game.events, &timeline);
    assert!(!chart.svg(&Panel::ALL).contains("NaN"));
    let _ = chart.flow_text(72, 12);
    format!("{form}: {}", counts.as_str())
}

/// Why a file gave no play-by-play.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaysError {
    /// The file cannot be opened or read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No parquet, or a damaged one.
    #[error("cannot read `{}` as parquet", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: parquet::errors::ParquetError,
    },
    /// No JSON, or not what its form has.
    #[error("cannot read `{}` as JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        source: serde_json::Error,
    },
    /// JSON of none of the known forms.
    #[error("`{}` is no play-by-play of a known form", path.display())]
    UnknownForm {
        /// The file.
        path: PathBuf,
    },
    /// More than any real document has.
    #[error("`{}` is larger than {MAX_JSON_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A column that every row needs is not there, or empty.
    #[error("`{}`: no value in column `{column}`", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// The rows make no game.
    #[error("`{}`: game `{game}` cannot be read", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// The game's id.
        game: String,
        /// What is wrong with it.
        source: LogError,
    },
    /// Rows of a table that belong to no game.
    #[error("`{}`: {rows} rows have no `game_id`", path.display())]
    Rows {
        /// The table.
        path: PathBuf,
        /// How many.
        rows: u64,
    },
    /// The lake did not give its listing or an object.
    #[error("the lake cannot be read")]
    Lake {
        /// What it said.
        source: crate::lake::LakeError,
    },
    /// The database did not give its rows.
    #[cfg(feature = "boxscore-db")]
    #[error("the tables cannot be read")]
    Database {
        /// What it said.
        source: nba_db::DbError,
    },
    /// There is no such table, or it holds no plays.
    #[cfg(feature = "boxscore-db")]
    #[error("{database} has no table of plays{}", table.as_ref().map_or_else(String::new, |name| format!(" `{name}`")))]
    NoTable {
        /// Which database.
        database: String,
        /// The one that was asked for; none where any would do.
        table: Option<String>,
    },
    /// It is a view, or lacks the columns of plays.
    #[cfg(feature = "boxscore-db")]
    #[error("`{table}` is no table of plays")]
    NoPlays {
        /// The relation.
        table: String,
    },
    /// Its games can only be found by reading all of it.
    #[cfg(feature = "boxscore-db")]
    #[error("table `{table}` has no index that begins with `game_id`")]
    NoIndex {
        /// The table.
        table: String,
    },
}

impl PlaysError {
    /// Whether the file is whole and holds something else. One that breaks off may be a game, and is damaged.
    #[must_use]
    pub fn is_other_kind(&self) -> bool {
        match self {
            Self::UnknownForm { .. } => true,
            Self::Json { source, .. } => source.is_data(),
            _ => false,
        }
    }

    /// The same of another file.
    fn of(mut self, name: &Path) -> Self {
        match &mut self {
            Self::Read { path, .. }
            | Self::Parquet { path, .. }
            | Self::Json { path, .. }
            | Self::UnknownForm { path }
            | Self::TooLarge { path }
            | Self::MissingColumn { path, .. }
            | Self::Log { path, .. }
            | Self::Rows { path, .. } => name.clone_into(path),
            Self::Lake { .. } => {}
            #[cfg(feature = "boxscore-db")]
            Self::Database { .. }
            | Self::NoTable { .. }
            | Self::NoPlays { .. }
            | Self::NoIndex { .. } => {}
        }
        self
    }
}

impl Hint for PlaysError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Lake { source } => source.hint(),
            #[cfg(feature = "boxscore-db")]
            Self::Database { source } => source.hint(),
            #[cfg(feature = "boxscore-db")]
            Self::NoTable { .. } => Some("tables of plays are `play_by_play` and `hoopr_play_by_play`; --target chooses the database".to_owned()),
            #[cfg(feature = "boxscore-db")]
            Self::NoPlays { .. } => Some(
                "it must be a table with the columns of `play_by_play` or `hoopr_play_by_play`; name another with `database:TABLE`"
                    .to_owned(),
            ),
            #[cfg(feature = "boxscore-db")]
            Self::NoIndex { table } => Some(format!(
                "every game would cost a scan of the whole table; make one with `create index concurrently on {table} (game_id)`, or read the files"
            )),
            Self::Rows { .. } => Some("find out which loader lost the ids; the rows belong to no game".to_owned()),
            Self::Read { .. } => Some("check the path and the rights".to_owned()),
            Self::Parquet { .. } => Some("check that the file is parquet and complete".to_owned()),
            Self::Json { .. } => Some("check that the file is complete".to_owned()),
            Self::UnknownForm { .. } | Self::TooLarge { .. } => Some(
                "known forms: NBA Stats v2 (parquet, JSON) and v3, pages of nba.com, cdn.nba.com, data.nba.com, ESPN summary, \
                 ESPN page (JSON, HTML), hoopR, Basketball-Reference"
                    .to_owned(),
            ),
            Self::MissingColumn { .. } => {
                Some("check that these are rows of `playbyplayv2` or of hoopR's `play_by_play`".to_owned())
            }
            Self::Log { source, .. } => source.hint(),
        }
    }
}
