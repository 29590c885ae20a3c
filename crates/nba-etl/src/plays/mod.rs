//! Play-by-play documents from disk to [`nba_boxscore::GameLog`]s.

mod bref;
pub mod hoopr;
mod html;
mod json;
pub mod stats_v2;
pub mod table;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use nba_boxscore::{GameLog, LogError};
use nba_utils::Hint;

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
        })
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
    if magic == *b"PAR1" {
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
        return Err(PlaysError::UnknownForm {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    let rest = std::io::Cursor::new(&magic).chain(file);
    let limit = MAX_JSON_BYTES + 1;
    if magic.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(rest)
            .take(limit)
            .read_to_end(&mut bytes)
    } else {
        rest.take(limit).read_to_end(&mut bytes)
    }
    .map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_JSON_BYTES) {
        return Err(PlaysError::TooLarge {
            path: path.to_owned(),
        });
    }
    let named = |fault| match fault {
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
    read_bytes(&bytes, |form, mut log| {
        if log.id.is_empty() {
            // Pages without a game strip, tables without an id: the file is called after the game.
            log.id = stem(path);
        }
        take(form, log);
    })
    .map_err(named)
}

/// What a file is called without its endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Reads the games of a document that is no parquet.
fn read_bytes(bytes: &[u8], mut take: impl FnMut(Form, GameLog)) -> Result<(), json::Fault> {
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
    let fault = match json::read(text) {
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
            .and_then(json::read)
            .map_err(|fault| fault.in_document(number))?;
        take(form, log);
    }
    Ok(())
}

/// Reads a document that is no parquet, counts its games, stores and draws them: what a fuzzer calls. Returns what became of the last one.
///
/// # Panics
///
/// When what was read cannot be told again: changes that do not add up to the count, or a proven game whose figures do not agree.
#[doc(hidden)]
#[must_use]
pub fn fuzz_one(bytes: &[u8]) -> String {
    let mut outcome = "no game".to_owned();
    match read_bytes(bytes, |form, log| outcome = fuzz_game(form, &log)) {
        Ok(()) => outcome,
        Err(json::Fault::UnknownForm | json::Fault::Json(_)) => "no form".to_owned(),
        Err(json::Fault::Log { .. }) => "refused".to_owned(),
    }
}

fn fuzz_game(form: Form, log: &GameLog) -> String {
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
}

impl Hint for PlaysError {
    fn hint(&self) -> Option<String> {
        match self {
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
