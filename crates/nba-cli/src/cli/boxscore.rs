//! The flags of `nba boxscore`.

use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;
use std::str::FromStr;

/// What is asked of play-by-play.
#[derive(Debug, Subcommand)]
pub(crate) enum BoxscoreCommand {
    /// The box score of a game, or of one of its periods.
    #[command(after_help = "\
Examples:
  nba boxscore show 0022400561_playbyplay.json
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
    /// Hold every game of files and folders against itself: invariants, printed scores, running figures, lineups.
    #[command(after_help = "\
Examples:
  nba boxscore verify season.parquet
  nba boxscore verify ./lake --limit 50
  nba boxscore verify ./lake --counts-only --json | jq .games_refuted

The 14 counts and who was on court are two statements with a verdict each. Lineups that the events alone do not settle are
inferred and make the second one `not_proven`; --counts-only leaves it out of the exit code.")]
    Verify {
        /// Files, and folders with all their files.
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
        /// Name at most this many findings.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
        /// Let only the 14 counts decide.
        #[arg(long)]
        counts_only: bool,
    },
    /// Write the lines of all players of all games as CSV.
    #[command(after_help = "\
Examples:
  nba boxscore generate season.parquet --out boxes.csv
  nba boxscore generate ./lake --out boxes.csv")]
    Generate {
        /// Files, and folders with all their files.
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
        /// The file to write; it appears when it is complete.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
    },
}

/// Which game is meant.
#[derive(Debug, Args)]
pub(crate) struct GameArgs {
    /// A file of play-by-play: NBA Stats v2 (parquet, JSON), hoopR (parquet), cdn.nba.com, data.nba.com, ESPN; plain or gzipped.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The game, when the file holds several.
    #[arg(long, value_name = "ID")]
    pub(crate) game: Option<String>,
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
    use super::PeriodName;

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
