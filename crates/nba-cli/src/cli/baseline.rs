//! The commands and flags of `nba baseline`.

use clap::{Args, Subcommand, ValueEnum};
use nba_db::gentle::Budget;
use nba_monitoring::baseline::RowsKept;

#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Capture a baseline of every table of the target, in one snapshot.
    #[command(after_help = "\
Examples:
  nba baseline capture
  nba baseline capture --name before-phase-1
  nba baseline capture --budget 20%     slowly; interrupted, the same command goes on

The first capture of a name is in effect at once. A later one waits beside it, and takes its place only by
`nba baseline approve`.")]
    Capture(CaptureArgs),
    /// Put a later capture in effect, with a reason; or see what that would change.
    #[command(after_help = "\
Examples:
  nba baseline approve default --review
  nba baseline approve default --by 'data team' --reason 'season 2025-26 was loaded, ticket 40'")]
    Approve(ApproveArgs),
    /// Remove a capture that waits to be approved, or what is left of an interrupted one.
    #[command(after_help = "\
Example:
  nba baseline discard default --reason 'taken during the load'")]
    Discard {
        /// Name of the baseline.
        #[arg(default_value = "default")]
        name: String,
        /// Why it is not wanted.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List the baselines of the project.
    List,
    /// Show a baseline: identity, time, rule and figures of each table.
    #[command(after_help = "\
Examples:
  nba baseline show
  nba baseline show before-phase-1 --json | jq .identity
  nba baseline show --candidate         the one that waits to be approved")]
    Show {
        /// Name of the baseline.
        #[arg(default_value = "default")]
        name: String,
        /// Show the capture that waits to be approved.
        #[arg(long)]
        candidate: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    /// Name of the baseline.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) name: String,
    /// Of which tables the key and hash of every row are kept, so that differences are told by row.
    #[arg(long, value_enum, default_value_t = RowsName::All, value_name = "WHICH")]
    pub(crate) rows: RowsName,
    /// Share of the time the server may be kept busy; it rests in between, and longer while others need it.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) budget: Option<Budget>,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Name of the baseline.
    #[arg(default_value = "default")]
    pub(crate) name: String,
    /// Only show what would be expected differently.
    #[arg(long, conflicts_with_all = ["reason", "by", "incomplete"])]
    pub(crate) review: bool,
    /// Why the platform is right as it is now.
    #[arg(long, value_name = "TEXT", required_unless_present = "review", value_parser = said)]
    pub(crate) reason: Option<String>,
    /// Who approves; goes on record beside the run that measured.
    #[arg(long, value_name = "NAME", required_unless_present = "review", value_parser = said)]
    pub(crate) by: Option<String>,
    /// Approve although some of it could not be measured.
    #[arg(long)]
    pub(crate) incomplete: bool,
}

/// [`RowsKept`] as a word on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsName {
    /// Of every table whose rule is about rows; of small ones the values too.
    All,
    /// Of small tables only.
    Small,
    /// Of none.
    None,
}

impl From<RowsName> for RowsKept {
    fn from(name: RowsName) -> Self {
        match name {
            RowsName::All => Self::All,
            RowsName::Small => Self::Small,
            RowsName::None => Self::None,
        }
    }
}

/// Blank words are none.
pub(super) fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it must not be blank".to_owned());
    }
    Ok(text.to_owned())
}
