//! The flags of `nba etl`.

use clap::{Args, Subcommand, ValueHint};
use nba_etl::effect::Expectation;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum EtlCommand {
    /// All scripts of the checkout, read from their sources: what they take, write, call and endanger.
    #[command(after_help = "\
Examples:
  nba etl list                          scripts that are meant to be run
  nba etl list --missing                those that call something that does not exist
  nba etl list --json | jq '.scripts[] | select(.families | length > 1) | .path'")]
    List {
        /// Also libraries and tests.
        #[arg(long)]
        all: bool,
        /// Only scripts that call something that does not exist, and schedules that do.
        #[arg(long)]
        missing: bool,
    },
    /// One script: options, variables, tables, prefixes, calls, schedules, dangers with their lines.
    #[command(after_help = "\
Examples:
  nba etl inspect extract_pbp_local
  nba etl inspect etl.espn.pbp          the entry point of a capability, from nba.toml")]
    Inspect {
        /// Path, file name, or a name of `[entry_points]` in nba.toml.
        #[arg(value_name = "SCRIPT", value_hint = ValueHint::FilePath)]
        script: String,
    },
    /// Whether the scripts can be run at all: interpreter, syntax, what they call, and their help where they have one; nothing is run.
    #[command(after_help = "\
Examples:
  nba etl probe                         all that are meant to be run
  nba etl probe extract_pbp_local --json

A script is asked for its help only where its parser answers before anything else happens; it gets no database and, where the system
permits, no network.")]
    Probe {
        /// Paths, file names, or names of `[entry_points]` in nba.toml; all entry points of the checkout without one.
        #[arg(value_name = "SCRIPT")]
        scripts: Vec<String>,
    },
    /// Run a script or program under guard, and measure what it did.
    #[command(after_help = "\
Examples:
  nba etl run extract_pbp_local --database rds --expect rows:public.play_by_play -- --year 2024
  nba etl run espn_incremental_async --expect 'objects:espn_play_by_play/' \\
      --volume \"select count(*) from games where game_date = current_date - 1\" -- --days 3
  nba etl run --timeout 600 --expect files:data/nba_pbp -- ./fetch.sh --fast
  nba etl run espn_web_scraper --dry-run -- --game-ids 401307856

Expectations: rows:TABLE[>=N], objects:PREFIX[>=N], files:FOLDER[>=N], query:SQL, counter:LABEL>=N (also <= and =).
An exit status of 0 is no evidence that anything happened: without a measured effect the verdict is `not_proven`, exit code 2.
Without --database every database variable of every family names a host that does not exist.
A script that does the work of a capability runs only while the capability is switched to it (`nba switch`).")]
    Run(Box<RunArgs>),
    /// The runs so far, newest first.
    #[command(after_help = "\
Examples:
  nba etl history
  nba etl history extract_pbp_local --limit 5
  nba etl history etl.espn.pbp --fresh-within 26    exit code 1 unless it was proven to work in the last 26 hours")]
    History {
        /// Only runs of this job, script or entry point.
        #[arg(value_name = "JOB")]
        job: Option<String>,
        /// Show at most this many.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        /// Judge the job: it has to have done what it is for within this time.
        #[arg(long, value_name = "HOURS", requires = "job")]
        fresh_within: Option<u32>,
    },
    /// The whole output of a run, secrets hidden.
    #[command(after_help = "\
Examples:
  nba etl logs                          of the latest run
  nba etl logs 019412af-7d8             the beginning of a run's id is enough")]
    Logs {
        /// Id of the run, or its beginning; the latest without it.
        #[arg(value_name = "RUN")]
        run: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Script of the checkout (path, file name, or a name of `[entry_points]`); its arguments follow `--`. Without it, what
    /// follows `--` is a program and its arguments.
    #[arg(value_name = "SCRIPT", value_hint = ValueHint::FilePath)]
    pub(crate) script: Option<String>,
    /// Something that has to be different afterwards; may be given several times.
    #[arg(long = "expect", value_name = "EXPECTATION")]
    pub(crate) expectations: Vec<Expectation>,
    /// Count the rows of these tables before and after: short for `--expect rows:TABLE`.
    #[arg(long, value_name = "SCHEMA.TABLE", value_delimiter = ',')]
    pub(crate) expect_rows: Vec<String>,
    /// A query that says how much is to be expected where an expectation names no number; asked before the run.
    #[arg(long, value_name = "SQL")]
    pub(crate) volume: Option<String>,
    /// A local folder as the lake for `objects:`, instead of the bucket.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) lake: Option<PathBuf>,
    /// Give the script this database, under every name a script may look for: a target of nba.toml or a variable family.
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// Pass these variables of the environment on (a few harmless ones always are).
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) pass_env: Vec<String>,
    /// Another home folder for the script, so that it does not find the owner's credentials file.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) home: Option<PathBuf>,
    /// Seconds until the whole process tree is stopped.
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    pub(crate) timeout: u64,
    /// Stop it after this many seconds without any output.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) silence: Option<u64>,
    /// Seconds between asking to end and ending by force.
    #[arg(long, default_value_t = 5, value_name = "0-30", value_parser = clap::value_parser!(u64).range(0..=30))]
    pub(crate) grace: u64,
    /// The interpreter; otherwise the checkout's virtual environment, or the script's first line.
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["venv", "conda"], requires = "script")]
    pub(crate) interpreter: Option<PathBuf>,
    /// A virtual environment.
    #[arg(long, value_name = "DIR", conflicts_with = "conda", requires = "script", value_hint = ValueHint::DirPath)]
    pub(crate) venv: Option<PathBuf>,
    /// A conda environment by name.
    #[arg(long, value_name = "NAME", requires = "script")]
    pub(crate) conda: Option<String>,
    /// Lower the priority by this much.
    #[arg(long, default_value_t = 0, value_name = "0-19", value_parser = clap::value_parser!(u8).range(0..=19))]
    pub(crate) nice: u8,
    /// Address space of each process, in MiB.
    #[arg(long, value_name = "MIB")]
    pub(crate) memory: Option<u32>,
    /// No network at all (Unix sockets still work); refused where the system does not permit that.
    #[arg(long)]
    pub(crate) no_network: bool,
    /// Name under which runs of this job are remembered and kept from overlapping; the script's path without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) job: Option<String>,
    /// The one unit it works on, such as a game, where its capability is in `canary`: then some units are the port's.
    #[arg(long, value_name = "KEY", requires = "script")]
    pub(crate) unit: Option<String>,
    /// Also keep other machines from running the job: an advisory lock in the configured database.
    #[arg(long)]
    pub(crate) lock_hosts: bool,
    /// Run it although its arguments do not fit what its source declares.
    #[arg(long, requires = "script")]
    pub(crate) unchecked: bool,
    /// Check everything and show the command, but run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The script's arguments, or a program and its arguments; no shell is involved.
    #[arg(last = true, required_unless_present = "script", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) argv: Vec<String>,
}
