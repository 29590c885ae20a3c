//! The flags of `nba db compare` and `nba db explain`.

use clap::{Args, ValueEnum, ValueHint};
use nba_db::compare::{Mode, Tolerance};
use nba_db::gentle::Budget;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

pub(crate) const COMPARE_EXAMPLES: &str = "\
Examples:
  nba db compare public.games backup.games
  nba db compare games --left-target rds --right-target replica
  nba db compare games games_new --key game_id --ignore loaded_at='time of the copy'
  nba db compare games games_new --map name=full_name --tolerance pct=0.001
  nba db compare --query-left 'select * from games where season = 2024' --query-right 'select * from games_2024'
  nba db compare games games_new --parquet all.parquet --repair repair.sql --json | jq .totals
  nba db compare games games_new --budget 20% --resume games.progress

Left is the truth, right is what is judged: `missing` rows are only on the left. A declared ignore or tolerance is shown, and the
verdict is then `not_proven` (exit code 2) even when nothing else differs, unless --as-declared accepts that.";

pub(crate) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  nba db explain games --left-target rds --right-target replica
  nba db explain games=games_new plays=plays_new
  nba db explain games plays --left-target rds --right-target replica --json | jq '.[].explanation.seasons'

Says of each table which columns differ and in which way, and in which seasons, months and ranges of the key the differing rows lie.
Nothing is listed row by row: `nba db compare` does that.";

/// Where the difference between tables lies.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Tables (`schema.table`) of both targets, or `LEFT=RIGHT` for two names.
    #[arg(value_name = "TABLE", required = true)]
    pub(crate) tables: Vec<String>,
    #[command(flatten)]
    pub(crate) rules: CompareRules,
}

/// What is compared with what, and how strictly.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Left and right table (`schema.table`); one name means the same table of both targets.
    #[arg(value_name = "TABLE", num_args = 0..=2)]
    pub(crate) tables: Vec<String>,
    #[command(flatten)]
    pub(crate) rules: CompareRules,
    /// Show at most this many rows.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Write all differences to this parquet file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) parquet: Option<PathBuf>,
    /// Write a script that would make the right table equal; it is never executed. `-` prints it, and the report goes to
    /// standard error.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) repair: Option<PathBuf>,
}

/// What both commands take.
#[derive(Debug, Args)]
pub(crate) struct CompareRules {
    /// Database of the left side, in the form of --target, which is used without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) left_target: Option<String>,
    /// Database of the right side, in the form of --target, which is used without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) right_target: Option<String>,
    /// Compare the rows of a query instead of a left table.
    #[arg(long, value_name = "SQL")]
    pub(crate) query_left: Option<String>,
    /// Compare the rows of a query instead of a right table.
    #[arg(long, value_name = "SQL")]
    pub(crate) query_right: Option<String>,
    /// Columns that tell rows apart; otherwise a unique index is looked for.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) key: Vec<String>,
    /// A column with another name on the right.
    #[arg(long, value_name = "LEFT=RIGHT", value_parser = pair)]
    pub(crate) map: Vec<(String, String)>,
    /// A column that is not compared, with the reason.
    #[arg(long, value_name = "COLUMN[=REASON]", value_parser = reason)]
    pub(crate) ignore: Vec<(String, String)>,
    /// Largest absolute difference that still is equal; seconds for dates and times.
    #[arg(long, value_name = "COLUMN=NUMBER", value_parser = tolerance)]
    pub(crate) tolerance: Vec<(String, Tolerance)>,
    /// How rows are brought together; the fastest way that fits, otherwise.
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) mode: Option<ModeName>,
    /// Key ranges read at the same time.
    #[arg(long, value_name = "N")]
    pub(crate) ranges: Option<NonZeroU32>,
    /// Rows of a key range, about: what is lost at most by an interruption.
    #[arg(long, value_name = "ROWS")]
    pub(crate) piece: Option<NonZeroU64>,
    /// Longest time one statement may run, in seconds; it reads a few key ranges, or all rows where there is no index.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) statement_timeout: Option<u64>,
    /// Keep finished key ranges in this file, and go on from it after an interruption.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) resume: Option<PathBuf>,
    /// Share of the time the server may be kept busy; it rests in between, and longer while others need it.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) budget: Option<Budget>,
    /// Exit with 0 also when both sides are equal only within the declared ignores and tolerances.
    #[arg(long)]
    pub(crate) as_declared: bool,
    /// Compare a table with itself, which cannot fail.
    #[arg(long)]
    pub(crate) same_relation: bool,
}

/// [`Mode`] as a word on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ModeName {
    /// A merge join inside one database.
    Join,
    /// Two streams in key order.
    Stream,
    /// How often each row is there.
    Multiset,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Join => Self::Join,
            ModeName::Stream => Self::Stream,
            ModeName::Multiset => Self::Multiset,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => {
            Ok((left.to_owned(), right.to_owned()))
        }
        _ => Err("two names with `=` between them are expected".to_owned()),
    }
}

fn reason(text: &str) -> Result<(String, String), String> {
    let (column, reason) = text
        .split_once('=')
        .unwrap_or((text, "no reason was given"));
    if column.is_empty() {
        return Err("a column is expected".to_owned());
    }
    Ok((column.to_owned(), reason.to_owned()))
}

fn tolerance(text: &str) -> Result<(String, Tolerance), String> {
    let (column, number) = pair(text)?;
    let tolerance = number
        .parse::<Tolerance>()
        .map_err(|error| error.to_string())?;
    Ok((column, tolerance))
}
