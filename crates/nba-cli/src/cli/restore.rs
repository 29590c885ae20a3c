//! Arguments of `nba restore`.

use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

/// The code as it was.
#[derive(Debug, Subcommand)]
pub(crate) enum RestoreCommand {
    /// Tag the whole work tree, uncommitted work included; branch, index and files stay as they are.
    #[command(after_help = "\
Examples:
  nba restore point
  nba restore point --message 'before phase 1' --json | jq -r .commit

Secrets, ignored files and untracked files above 20 MB are left out, and listed.")]
    Point {
        /// What to say in the tag.
        #[arg(long, default_value = "the work tree, as it was", value_name = "TEXT")]
        message: String,
    },
    /// All restore points, newest first.
    List,
    /// Bring the code of a restore point back, beside the checkout or in its place.
    #[command(after_help = "\
Examples:
  nba restore code pre-refactor-20261127T071300Z --into ../as-it-was
  nba restore code pre-refactor-20261127T071300Z --in-place --yes

In place, what is there now becomes a restore point first.")]
    Code {
        /// A tag or a commit.
        #[arg(value_name = "POINT")]
        point: String,
        /// A new folder.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present = "in_place", conflicts_with = "in_place")]
        into: Option<PathBuf>,
        /// In the checkout itself.
        #[arg(long, requires = "yes")]
        in_place: bool,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}
