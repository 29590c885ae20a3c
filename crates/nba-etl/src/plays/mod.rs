//! Play-by-play documents from disk to [`nba_boxscore::GameLog`]s.

pub mod hoopr;
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
        })
    }
}

/// Reads every game of a file, whatever its form, and hands it over as soon as it is complete.
///
/// The columns of a parquet file tell its form; anything else is taken for JSON, plain or gzipped.
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
    let path = path.to_owned();
    match json::read(&bytes) {
        Ok((form, log)) => {
            take(form, log);
            Ok(())
        }
        Err(json::Fault::Json(source)) => Err(PlaysError::Json { path, source }),
        Err(json::Fault::UnknownForm) => Err(PlaysError::UnknownForm { path }),
        Err(json::Fault::Log { game, error }) => Err(PlaysError::Log {
            path,
            game,
            source: error,
        }),
    }
}

/// Reads a plain JSON document, counts it, stores it and draws it: what a fuzzer calls. Returns what became of it.
///
/// # Panics
///
/// When what was read cannot be told again: changes that do not add up to the count, or a proven game whose figures do not agree.
#[doc(hidden)]
#[must_use]
pub fn fuzz_one(bytes: &[u8]) -> String {
    use nba_boxscore::{Chart, Grid, Panel, Timeline, tally, verify};
    use nba_utils::Verdict;
    let (form, log) = match json::read(bytes) {
        Ok(read) => read,
        Err(json::Fault::UnknownForm | json::Fault::Json(_)) => return "no form".to_owned(),
        Err(json::Fault::Log { .. }) => return "refused".to_owned(),
    };
    let game = verify(&log);
    let counts = game.counts();
    let record = game.record(&log);
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
    let chart = Chart::new(&log, &game.events, &timeline);
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
                "known forms: NBA Stats v2 (parquet, JSON), cdn.nba.com, data.nba.com, ESPN summary, ESPN page, hoopR"
                    .to_owned(),
            ),
            Self::MissingColumn { .. } => {
                Some("check that these are rows of `playbyplayv2` or of hoopR's `play_by_play`".to_owned())
            }
            Self::Log { source, .. } => source.hint(),
        }
    }
}
