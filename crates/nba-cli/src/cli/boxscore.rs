//! The flags of `nba boxscore`.

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use nba_utils::Season;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

/// What is asked of play-by-play.
#[derive(Debug, Subcommand)]
pub(crate) enum BoxscoreCommand {
    /// The box score of a game, or of one of its periods.
    #[command(after_help = "\
Examples:
  nba boxscore show 0022400561_playbyplay.json
  nba boxscore show 401585601                                from the store that `generate` fills
  nba boxscore show database: --game 401585601               from the tables of the configured database
  nba boxscore show season.parquet --game 0022300061
  nba boxscore show season.parquet --game 0022300061 --period Q4 --json")]
    Show {
        #[command(flatten)]
        game: GameArgs,
        /// Only what happened in this period: Q1 to Q4, OT1 and so on.
        #[arg(long, value_name = "PERIOD")]
        period: Option<PeriodName>,
    },
    /// The box score at a moment: everything up to this reading of the clock.
    #[command(after_help = "\
Examples:
  nba boxscore at 401585601 Q3 4:21
  nba boxscore at season.parquet Q3 4:21 --game 0022300061
  nba boxscore at 0022400561_playbyplay.json Q4 0:42.3")]
    At {
        #[command(flatten)]
        game: GameArgs,
        /// Q1 to Q4, OT1 and so on.
        period: PeriodName,
        /// Time left in the period.
        clock: nba_utils::Clock,
    },
    /// Hold every game of files, a lake or a database against itself: invariants, printed scores, running figures, lineups.
    #[command(after_help = "\
Examples:
  nba boxscore verify season.parquet
  nba boxscore verify ./lake --limit 50
  nba boxscore verify database: --season 2023-24 --source hoopr
  nba boxscore verify ./lake --counts-only --json | jq .games_refuted

The 14 counts and who was on court are two statements with a verdict each. Lineups that the events alone do not settle are
inferred and make the second one `not_proven`; --counts-only leaves it out of the exit code.")]
    Verify {
        #[command(flatten)]
        place: PlaceArgs,
        /// Name at most this many findings.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
        /// Let only the 14 counts decide.
        #[arg(long)]
        counts_only: bool,
    },
    /// Count all games of files, a lake or a database: into a store that knows every moment, or as one CSV of final lines.
    #[command(after_help = "\
Examples:
  nba boxscore generate --season 2023-24 --source hoopr               the tables of the configured database
  nba boxscore generate ./lake --store boxes                          every event of every game, as changes and keyframes in parquet
  nba boxscore generate lake:espn_play_by_play/ --season 2023-24      the configured bucket
  nba boxscore generate s3://bucket/espn_play_by_play/ --store boxes --jobs 4
  nba boxscore generate season.parquet --out boxes.csv

A store is filled in parts, each whole or not there. Run it again to go on after an interruption, or to take in new and changed
games: what is there and unchanged is left alone, and what was wanted before stays. A database is only read, game by game along
its index, by one session unless --jobs says more.")]
    Generate {
        #[command(flatten)]
        place: PlaceArgs,
        /// The store to fill, created when missing; the project's own, in its state folder, unless told.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        store: Option<PathBuf>,
        /// The CSV to write; it appears when it is complete.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "store")]
        out: Option<PathBuf>,
        /// Drop the games of files that are gone; otherwise they stay as they were read.
        #[arg(long, conflicts_with = "out")]
        prune: bool,
        /// Parts at work at once; one per core unless told, and one for a database.
        #[arg(long, value_name = "N", conflicts_with = "out")]
        jobs: Option<NonZeroUsize>,
        /// Name at most this many findings.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Load a store into PostgreSQL: changes with views that rebuild any moment, and the platform's tables.
    #[command(after_help = "\
Examples:
  nba boxscore load boxes --schema box_scores
  nba boxscore load boxes --schema box_scores --with intervals --with plus-minus --free 40GB
  nba boxscore load boxes --schema box_scores --dry-run
  nba db query \"select player_name, points from box_scores.moments where game_id = '0022300061' and event_num = 200\"

The schema is created and carries a mark; one without it is refused, so no table of the platform is touched. Full snapshots take
hundreds of times the room of changes: they are written only when --free proves that there is room for them.")]
    Load {
        /// The store; the project's own unless told.
        #[arg(value_name = "STORE", value_hint = ValueHint::DirPath)]
        store: Option<PathBuf>,
        /// The schema to fill; created when missing.
        #[arg(long, value_name = "NAME")]
        schema: String,
        /// Also fill these tables; may be given several times.
        #[arg(long, value_name = "TABLES", value_enum)]
        with: Vec<Tables>,
        /// Free space on the server's disk, such as 40GB.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        free: Option<u64>,
        /// Say what would be loaded, and write nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Draw a game: how the score went, who was on court, where shots were taken.
    #[command(after_help = "\
Examples:
  nba boxscore chart 0022400561_playbyplay.json                    in the terminal
  nba boxscore chart 401585601                                     from the store that `generate` fills
  nba boxscore chart 0022400561_playbyplay.json --svg game.svg
  nba boxscore chart boxes --game 0022300061 --png game.png
  nba boxscore chart season.parquet --game 0022300061 --svg flow.svg --panel flow")]
    Chart {
        #[command(flatten)]
        game: GameArgs,
        /// Write a drawing.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        svg: Option<PathBuf>,
        /// Write a picture.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        png: Option<PathBuf>,
        /// Only these panels; all of them unless told.
        #[arg(long, value_name = "PANEL", value_enum)]
        panel: Vec<PanelName>,
    },
    /// What happened in each stretch of a game: quarters, halves, minutes down to tenths of a second.
    #[command(after_help = "\
Examples:
  nba boxscore splits season.parquet --game 0022300061 --grid half
  nba boxscore splits boxes --game 0022300061 --grid 1min --json | jq '.splits[0]'

A stretch holds what happened after its beginning, up to its end. Stretches of a second and less are named only where something
happened in them.")]
    Splits {
        #[command(flatten)]
        game: GameArgs,
        /// How the game is cut.
        #[arg(long, value_enum, default_value = "period", value_name = "GRID")]
        grid: GridName,
    },
}

/// Tables beside the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tables {
    /// `game_state_snapshots` and `player_snapshot_stats`: a row per player and event.
    Snapshots,
    /// `box_score_snapshots`: a JSON document per event.
    Documents,
    /// `lineup_snapshots` and `player_plus_minus_snapshots`.
    PlusMinus,
    /// `interval_box_scores` by 6, 3, 1.5 and 1 minutes.
    Intervals,
    /// `possession_metadata`: who had the ball from when to when, and what came of it.
    Possessions,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PanelName {
    /// The difference of the scores over time.
    Flow,
    /// Who was on court when.
    Players,
    /// Where shots were taken.
    Shots,
}

/// How a game is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GridName {
    /// Quarters and overtimes.
    Period,
    /// Halves and overtimes.
    Half,
    /// Six minutes.
    #[value(name = "6min")]
    SixMinutes,
    /// Three minutes.
    #[value(name = "3min")]
    ThreeMinutes,
    /// A minute and a half.
    #[value(name = "90s")]
    NinetySeconds,
    /// One minute.
    #[value(name = "1min")]
    Minutes,
    /// One second.
    #[value(name = "1s")]
    Seconds,
    /// A tenth of a second.
    #[value(name = "0.1s")]
    Tenths,
}

/// A size in bytes: `123`, `40GB`; units count in thousands.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; say 500MB, 40GB or 2TB");
    let upper = text.trim().to_ascii_uppercase();
    let (number, unit) = match upper.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(at) => upper.split_at(at),
        None => (upper.as_str(), ""),
    };
    let unit: u64 = match unit {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(unit).ok_or_else(wrong)
}

/// Which game is meant.
#[derive(Debug, Args)]
pub(crate) struct GameArgs {
    /// A file of play-by-play (NBA Stats, hoopR, cdn.nba.com, data.nba.com, ESPN; parquet or JSON, plain or gzipped), a store, a place as
    /// `generate` takes it, or the id of a game in the project's own store.
    #[arg(value_name = "GAME", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The game, where there are several.
    #[arg(long, value_name = "ID")]
    pub(crate) game: Option<String>,
    /// The source, when the game is there from several.
    #[arg(long, value_name = "SOURCE", value_enum)]
    pub(crate) source: Option<SourceName>,
}

/// Where games are, and which of them are meant.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// Files and folders with all their files; or `database:[TABLE]`, `lake:[PREFIX]` or `s3://BUCKET[/PREFIX]`. The tables of the configured
    /// database unless told.
    #[arg(value_name = "PLACE", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Only games of this season, such as 2023-24; may be given several times.
    #[arg(long, value_name = "SEASON")]
    pub(crate) season: Vec<Season>,
    /// Only games from this source; may be given several times.
    #[arg(long, value_name = "SOURCE", value_enum)]
    pub(crate) source: Vec<SourceName>,
}

/// Where games come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceName {
    /// ESPN: summaries, pages, and the table `play_by_play`.
    Espn,
    /// ESPN's pages and the table `play_by_play`: texts alone.
    #[value(name = "espn_text")]
    EspnText,
    /// ESPN's pages of about 2010.
    #[value(name = "espn_html")]
    EspnHtml,
    /// hoopR, as files and as the table `hoopr_play_by_play`.
    Hoopr,
    /// NBA Stats, v2 and v3.
    #[value(name = "nba_api")]
    NbaApi,
    /// NBA Stats v3, and pages of nba.com and wnba.com.
    #[value(name = "nba_api_v3")]
    NbaApiV3,
    /// cdn.nba.com.
    #[value(name = "nba_live")]
    NbaLive,
    /// data.nba.com.
    #[value(name = "data_nba")]
    DataNba,
    /// Basketball-Reference.
    Bref,
}

impl SourceName {
    /// The feeds as tables and stores call them, the best first.
    pub(crate) fn feeds(self) -> &'static [&'static str] {
        match self {
            Self::Espn => &["espn", "espn_text", "espn_html"],
            Self::EspnText => &["espn_text"],
            Self::EspnHtml => &["espn_html"],
            Self::Hoopr => &["hoopr"],
            Self::NbaApi => &["nba_api", "nba_api_v3"],
            Self::NbaApiV3 => &["nba_api_v3"],
            Self::NbaLive => &["nba_live"],
            Self::DataNba => &["data_nba"],
            Self::Bref => &["bref"],
        }
    }
}

/// A period as people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeriodName(pub(crate) u8);

impl FromStr for PeriodName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("`{text}` is no period; say Q1 to Q4, or OT1 and so on");
        let upper = text.to_ascii_uppercase();
        let number = |digits: &str| digits.parse::<u8>().ok().filter(|number| *number > 0);
        let period = if let Some(digits) = upper.strip_prefix("OT") {
            let overtime = if digits.is_empty() {
                Some(1)
            } else {
                number(digits)
            };
            overtime.and_then(|overtime| overtime.checked_add(4))
        } else if let Some(digits) = upper.strip_prefix('Q') {
            number(digits).filter(|quarter| *quarter <= 4)
        } else {
            number(&upper)
        };
        period.map(Self).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::{PeriodName, size};

    #[test]
    fn sizes() {
        assert_eq!(size("123"), Ok(123));
        assert_eq!(size("40GB"), Ok(40_000_000_000));
        assert_eq!(size("500 mb"), Ok(500_000_000));
        for wrong in ["", "GB", "-1GB", "4 parsecs", "99999999TB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn periods_by_name() {
        let read = |text: &str| text.parse::<PeriodName>().ok().map(|period| period.0);
        assert_eq!(read("Q1"), Some(1));
        assert_eq!(read("q4"), Some(4));
        assert_eq!(read("OT"), Some(5));
        assert_eq!(read("OT2"), Some(6));
        assert_eq!(read("6"), Some(6));
        for wrong in ["Q5", "Q0", "0", "", "half", "OT252"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
