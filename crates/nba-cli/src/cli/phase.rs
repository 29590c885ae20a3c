//! Arguments of `nba phase`, `nba preflight` and `nba switch`.

use chrono::NaiveDate;
use clap::{Args, Subcommand};

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
Example:
  nba phase waive 0.tests --owner 'data team' --reason 'no pytest on this machine' --until 2027-01-31

A waiver is shown for ever, and is no proof.")]
    Waive {
        /// The gate, such as `0.tests`.
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
}
