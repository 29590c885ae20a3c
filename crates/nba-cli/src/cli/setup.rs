//! Arguments of `nba setup` and `nba state`.

use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct SetupArgs {
    /// Only say what would be added.
    #[arg(long, conflicts_with = "undo")]
    pub(crate) dry_run: bool,
    /// Remove what a set-up added and nobody changed since; evidence and backups stay.
    #[arg(long)]
    pub(crate) undo: bool,
}

pub(crate) const SETUP_EXAMPLES: &str = "\
Examples:
  nba setup --dry-run                   what it would add
  nba setup                             adds it, and proves that nothing else changed
  nba setup --undo                      takes it away again

Nothing that is there is changed: the ignore rules are files in our own folders too.";

/// What runs, when, and whether it can run at all.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Discover schedules, units, agents, processes, git and files, and follow every command to its script.
    #[command(after_help = "\
Examples:
  nba state capture                     this machine, this project
  nba state capture --crontab saved_crontab.txt
  nba state capture --database          also who else works in the database

Exit code 1: a job cannot find its program or script, or a schedule is installed that nobody committed.")]
    Capture(CaptureArgs),
    /// What changed between two captures; the last two by default.
    #[command(after_help = "\
Examples:
  nba state diff
  nba state diff .nba/captures/state_20261127T071300000Z.json")]
    Diff {
        /// The earlier capture.
        #[arg(value_name = "BEFORE", value_hint = ValueHint::FilePath)]
        before: Option<PathBuf>,
        /// The later capture.
        #[arg(value_name = "AFTER", value_hint = ValueHint::FilePath)]
        after: Option<PathBuf>,
    },
    /// The captures of the project, oldest first.
    List,
    /// Follow every import of the checkout's own Python modules to a file git knows; runs nothing.
    Imports,
    /// Run the existing test suite and keep the result of every test, skips included.
    #[command(after_help = "\
Examples:
  nba state tests                       python3 -m pytest -rA -q …
  nba state tests --compare             whether what passed in the kept run still passes
  nba state tests -- python3 -m pytest -rA tests/unit")]
    Tests(TestsArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CaptureArgs {
    /// Read this file as the installed crontab, instead of asking for it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) crontab: Vec<PathBuf>,
    /// Another root than `/`: a mounted disk of the machine to be moved.
    #[arg(long, value_name = "DIR", default_value = "/", value_hint = ValueHint::DirPath)]
    pub(crate) root: PathBuf,
    /// Also ask the target who else works in it.
    #[arg(long)]
    pub(crate) database: bool,
    /// Seconds between the two looks at the database's counters.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) between: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TestsArgs {
    /// Compare with the first results that were kept, instead of keeping new ones.
    #[arg(long)]
    pub(crate) compare: bool,
    /// Seconds until the suite is stopped.
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    pub(crate) timeout: u64,
    /// Pass these variables of the environment on (a few harmless ones always are).
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) pass_env: Vec<String>,
    /// The suite; it has to print the summary of `pytest -rA`.
    #[arg(last = true, value_hint = ValueHint::CommandWithArguments)]
    pub(crate) argv: Vec<String>,
}
