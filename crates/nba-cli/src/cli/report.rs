//! `nba report`.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

/// How far back a plot goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PlotRange {
    /// 24 hours.
    #[default]
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
    /// 365 days.
    Year,
}

impl PlotRange {
    /// Days.
    pub(crate) const fn days(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Year => 365,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// The last seven days of the watch: alarms and since when, growth of tables, drills, dual runs, phases, and what watching cost.
    #[command(after_help = "\
Examples:
  nba report weekly                     in the terminal
  nba report weekly --html week.html    one page with its drawings, to be sent or printed
  nba report weekly --json | jq '.outages[] | select(.until == null)'

It reads the files of the watch and the ledger, and asks no database. The exit code says how everything stands now:
0 healthy, 1 in alarm, 2 could not tell, which is also so when nobody watches any more.")]
    Weekly {
        /// Also write the page; a file of that name is replaced.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        html: Option<PathBuf>,
    },
    /// The recorded past of one check, table or figure of the watch, drawn in letters, as SVG or as PNG.
    #[command(after_help = "\
Examples:
  nba report plot db.connection
  nba report plot rows:public.games --range year --svg games.svg
  nba report plot monitor.db_ms --range week --png cost.png

Names are those of the history: a check's id, `rows:TABLE`, or what a look cost (`monitor.look_ms`, `monitor.db_ms`, `monitor.pages` …).
Stretches without a look are holes, those with an alarm are marked.")]
    Plot {
        /// The name.
        #[arg(value_name = "NAME")]
        name: String,
        /// How far back.
        #[arg(long, value_enum, default_value_t)]
        range: PlotRange,
        /// Draw it into this file; a file of that name is replaced.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        svg: Option<PathBuf>,
        /// Draw it as a picture into this file; a file of that name is replaced.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        png: Option<PathBuf>,
    },
    /// The recorded past of every check, table and look, as a parquet file.
    #[command(after_help = "\
Examples:
  nba report history --export past.parquet
  nba report history --export rows.parquet --names rows:    estimated rows per table
  nba report history --export one.parquet --names db.free_space

Looks of 14 days, hours of 90, days of 365: columns `resolution`, `name`, `at`, `level`, `looks`, `mean`, `min`, `max`.")]
    History {
        /// The file to write; one that exists is left alone.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        export: PathBuf,
        /// Only names that begin with this.
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        names: String,
    },
}
