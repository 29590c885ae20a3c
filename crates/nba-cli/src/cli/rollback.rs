//! Arguments of `nba rollback`.

use super::backup::{PlaceArgs, ScratchArgs};
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// Back to before.
#[derive(Debug, Subcommand)]
pub(crate) enum RollbackCommand {
    /// Ordered steps with the evidence why each is needed; changes nothing.
    #[command(after_help = "\
Examples:
  nba rollback plan
  nba rollback plan --baseline before-phase-1")]
    Plan {
        /// Baseline to judge by.
        #[arg(long, default_value = "default", value_name = "NAME")]
        baseline: String,
    },
    /// Do all of it in scratch places, measure it, and write the certificate that preflight asks for.
    #[command(after_help = "\
Examples:
  nba rollback rehearse                 the newest restore point and backup
  nba rollback rehearse --point pre-refactor-20261127T071300Z --backup NAME")]
    Rehearse(RehearseArgs),
    /// Go back for real: stop the suite's processes, switch to legacy, bring code and data back beside what is there.
    #[command(after_help = "\
Examples:
  nba rollback run --yes                only processes, switches and phase
  nba rollback run --point TAG --code-into ../as-it-was --backup NAME --on admin --database nba_restored --yes
  nba rollback run --id rollback-20261127T071300Z --yes …    go on with an interrupted one

Needs a newest health record that is refuted. Data is only ever restored into a new database.")]
    Run(Box<RunArgs>),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RehearseArgs {
    /// A restore point's tag or commit; the newest by default.
    #[arg(long, value_name = "POINT")]
    pub(crate) point: Option<String>,
    /// The backup; the newest by default.
    #[arg(long, value_name = "NAME")]
    pub(crate) backup: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) scratch: ScratchArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Name of this rollback; that of an interrupted one to go on with it.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Bring the code of this restore point back.
    #[arg(long, value_name = "POINT")]
    pub(crate) point: Option<String>,
    /// Into this new folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "point", conflicts_with = "in_place")]
    pub(crate) code_into: Option<PathBuf>,
    /// Into the checkout itself, after a restore point of what is there.
    #[arg(long, requires = "point")]
    pub(crate) in_place: bool,
    /// Bring the data of this backup back.
    #[arg(long, value_name = "NAME", requires_all = ["on", "database"])]
    pub(crate) backup: Option<String>,
    /// Name of the new database.
    #[arg(long, value_name = "NAME", requires = "backup")]
    pub(crate) database: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) scratch: ScratchArgs,
    /// Do it.
    #[arg(long, required = true)]
    pub(crate) yes: bool,
}
