//! `nba report`.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

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
