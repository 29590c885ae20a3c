//! The flags of `nba lake`.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Objects and bytes per prefix, with full pagination.
    #[command(after_help = "\
Examples:
  nba lake inventory                    the bucket of the configuration
  nba lake inventory --path ./lake      a local folder")]
    Inventory {
        /// A local folder instead of the bucket.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        path: Option<PathBuf>,
        /// Only keys that start with this.
        #[arg(long, default_value = "", value_name = "PREFIX")]
        prefix: String,
    },
}
