//! Arguments of `nba phase`, `nba preflight` and `nba switch`.

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ProfileArgs {
    /// Two phases per step; no gate is left out.
    #[arg(long)]
    pub(crate) fast: bool,
}

/// Phases that advance only on evidence.
#[derive(Debug, Subcommand)]
pub(crate) enum PhaseCommand {
    /// The present phase, its gates and every waiver; computed from the ledger.
    #[command(after_help = "\
Examples:
  nba phase status
  nba phase status --fast --json | jq .gates")]
    Status {
        /// The plan.
        #[command(flatten)]
        profile: ProfileArgs,
    },
    /// What to run next.
    #[command(after_help = "\
Examples:
  nba phase next
  nba phase next --fast")]
    Next {
        /// The plan.
        #[command(flatten)]
        profile: ProfileArgs,
    },
    /// The same as `status`, and whether anything calls for going back.
    #[command(after_help = "\
Example:
  nba phase check --fall-back           on an alarm, every capability goes back to legacy at once")]
    Check {
        /// The plan.
        #[command(flatten)]
        profile: ProfileArgs,
        /// On an alarm, switch every capability back to legacy.
        #[arg(long)]
        fall_back: bool,
    },
    /// Close the present phase, if every gate passes.
    #[command(after_help = "\
Examples:
  nba phase advance
  nba phase advance --fast              two phases at a time, all their gates")]
    Advance {
        /// The plan.
        #[command(flatten)]
        profile: ProfileArgs,
    },
    /// Let one gate pass for a while, in writing.
    #[command(after_help = "\
Examples:
  nba phase waive 0.tests --owner 'data team' --reason 'no pytest on this machine' --until 2027-01-31
  nba phase waive queue:etl.espn.pbp --owner 'data team' --reason 'before monitoring' --until 2027-01-31

A waiver is shown for ever, and is no proof.")]
    Waive {
        /// The gate, such as `0.tests`, or the turn of a capability, such as `queue:etl.espn.pbp`.
        #[arg(value_name = "GATE")]
        gate: String,
        /// Who answers for it.
        #[arg(long, value_name = "NAME")]
        owner: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Last day it counts, at most a year ahead.
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: NaiveDate,
    },
    /// The way so far: steps, what is open, waivers, what went wrong and how it was mended.
    #[command(after_help = "\
Examples:
  nba phase report
  nba phase report --markdown migration.md")]
    Report {
        /// Write it into this file.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        markdown: Option<PathBuf>,
    },
    /// Whether the ports are as quick as their scripts, by the last dual runs; closes `2.speed` and `5.speed`.
    #[command(after_help = "\
Examples:
  nba phase benchmark
  nba phase benchmark --tolerance 25")]
    Benchmark {
        /// Per cent a port may take longer; it is put on record with the outcome.
        #[arg(long, default_value_t = nba_migration::phase::TOLERANCE, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=10_000))]
        tolerance: u32,
    },
    /// The time after the last phase: proven when every day of it had a proven health record.
    #[command(after_help = "\
Example of a line in a crontab:
  0 7 * * * nba --project ~/nba-simulator-aws phase watch --days 14 --quiet")]
    Watch {
        /// Days (UTC) after the last phase was closed.
        #[arg(long, default_value_t = 14, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
    /// Which old scripts may go and which stay, and why; with --yes they move to scripts_legacy/, after all phases.
    #[command(after_help = "\
Examples:
  nba phase cleanup                     only says so
  nba phase cleanup --yes
  nba phase cleanup --undo              puts everything back

Nothing is deleted. What a schedule, a service, a process or another file refers to stays, and so do scrapers.")]
    Cleanup(CleanupArgs),
    /// A stand-in for a Python module that moved, below nba/shims/, tried with a real Python under both names.
    #[command(after_help = "\
Example:
  nba phase shim scripts/utils/clock.py --to nba_simulator.utils.clock")]
    Shim(ShimArgs),
    /// Put on record that the team knows.
    #[command(after_help = "\
Example:
  nba phase acknowledge --owner 'data team' --note 'phase 1 begins on Monday'")]
    Acknowledge {
        /// Who says so.
        #[arg(long, value_name = "NAME")]
        owner: String,
        /// What they know.
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CleanupArgs {
    /// Do it.
    #[arg(long, conflicts_with = "undo")]
    pub(crate) yes: bool,
    /// Put back what was moved and not changed since.
    #[arg(long)]
    pub(crate) undo: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ShimArgs {
    /// The old file, relative to the checkout; it is left alone.
    #[arg(value_name = "FILE")]
    pub(crate) old: String,
    /// The module it is now.
    #[arg(long, value_name = "MODULE")]
    pub(crate) to: String,
    /// The Python that imports both.
    #[arg(long, default_value = "python3", value_name = "PROGRAM", value_hint = ValueHint::CommandName)]
    pub(crate) python: PathBuf,
}

/// Who does the work of a capability: the old script or the port.
#[derive(Debug, Subcommand)]
pub(crate) enum SwitchCommand {
    /// The mode of one capability, or who does one unit of it; for scripts.
    #[command(after_help = "\
Examples:
  nba switch get etl.espn.pbp           legacy, shadow, canary 5%, native or off
  [ \"$(nba switch get etl.espn.pbp --unit 401234567)\" = legacy ] && python3 scripts/etl/…")]
    Get {
        /// The capability.
        #[arg(value_name = "CAPABILITY")]
        capability: String,
        /// A unit of work, such as a game: the answer is then `legacy`, `native` or `off`.
        #[arg(long, value_name = "KEY")]
        unit: Option<String>,
    },
    /// Switch a capability: up one step at a time and on evidence, down at once.
    #[command(after_help = "\
Examples:
  nba switch set etl.espn.pbp shadow --by 'data team' --why 'phase 2'
  nba switch set etl.espn.pbp 'canary 5%' --by 'data team' --why 'three runs agree'
  nba switch set etl.espn.pbp legacy --by 'data team' --why 'a row differs'")]
    Set {
        /// The capability.
        #[arg(value_name = "CAPABILITY")]
        capability: String,
        /// legacy, shadow, canary N%, native or off.
        #[arg(value_name = "MODE")]
        mode: nba_migration::switch::Mode,
        /// Who does it.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Every capability that was ever switched, with its epoch.
    List,
    /// In which order capabilities move, and what each waits for; with names, put another order on record.
    #[command(after_help = "\
Examples:
  nba switch queue
  nba switch queue monitoring.dims etl.espn.pbp --by 'data team' --why 'looking before loading'

Without an order on record utilities come first, then monitoring, then loaders. Scrapers and migration scripts are locked until all
phases are done.")]
    Queue {
        /// The capabilities, first to last.
        #[arg(value_name = "CAPABILITY", requires_all = ["by", "why"])]
        order: Vec<String>,
        /// Who puts it on record.
        #[arg(long, value_name = "NAME", requires = "order")]
        by: Option<String>,
        /// Why.
        #[arg(long, value_name = "TEXT", requires = "order")]
        why: Option<String>,
    },
}
