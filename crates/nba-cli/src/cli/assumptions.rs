//! Arguments of `nba assumptions`.

use chrono::NaiveDate;
use clap::Subcommand;

/// What the plan takes for granted.
#[derive(Debug, Subcommand)]
pub(crate) enum AssumptionsCommand {
    /// Every assumption with its evidence, owner and end, and what kind of place this is.
    List,
    /// Judge all of them by the ledger and put the outcome on record.
    #[command(after_help = "\
Example:
  nba assumptions verify --json | jq '.assumptions[] | select(.verdict.verdict != \"proven\") | .id'")]
    Verify,
    /// Put an assumption of your own on record, or say that it still holds.
    #[command(after_help = "\
Example:
  nba assumptions add one-writer --statement 'nobody else loads play-by-play' --evidence 'state capture' \\
      --owner 'data team' --until 2027-01-31

It is proven while the newest record about the evidence is proven and no older than 7 days, until its end.")]
    Add {
        /// Its name.
        #[arg(value_name = "NAME")]
        id: String,
        /// What is assumed.
        #[arg(long, value_name = "TEXT")]
        statement: String,
        /// Subject of the records that carry it, as `nba ledger show` names them.
        #[arg(long, value_name = "SUBJECT")]
        evidence: String,
        /// Who has to notice when it fails.
        #[arg(long, value_name = "NAME")]
        owner: String,
        /// Last day it counts, at most a year ahead.
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: NaiveDate,
    },
}
