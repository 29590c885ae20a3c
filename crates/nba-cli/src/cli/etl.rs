//! The flags of `nba etl`.

use clap::{Subcommand, ValueHint};

#[derive(Debug, Subcommand)]
pub(crate) enum EtlCommand {
    /// Run one program under guard: own process group, clean environment, deadline, bounded output.
    #[command(after_help = "\
Examples:
  nba etl run --timeout 600 -- python3 scripts/etl/espn_incremental_simple.py --days 3

An exit status of 0 is no evidence that anything happened: without a measured effect the verdict is `not_proven`, exit code 2.")]
    Run {
        /// Seconds until the whole process tree is stopped.
        #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
        timeout: u64,
        /// Pass these variables of the environment on (a few harmless ones always are).
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        pass_env: Vec<String>,
        /// Count the rows of these tables before and after; more rows are the proof that it did something.
        #[arg(long, value_name = "SCHEMA.TABLE", value_delimiter = ',')]
        expect_rows: Vec<String>,
        /// The program and its arguments; no shell is involved.
        #[arg(last = true, required = true, value_hint = ValueHint::CommandWithArguments)]
        argv: Vec<String>,
    },
}
