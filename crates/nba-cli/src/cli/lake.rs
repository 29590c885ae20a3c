//! The flags of `nba lake`.

use clap::{Args, Subcommand, ValueHint};
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Objects and bytes per prefix, with full pagination; optionally kept as a manifest.
    #[command(after_help = "\
Examples:
  nba lake inventory                    the bucket of the configuration
  nba lake inventory --path ./lake      a local folder
  nba lake inventory --manifest monday.parquet
  nba lake inventory --manifest monday.parquet --content    with a digest of every object: reads them all")]
    Inventory {
        #[command(flatten)]
        part: Part,
        /// Keep the listing in this new parquet file: key, size, ETag, time, version, checksum.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        manifest: Option<PathBuf>,
        /// Also ask for version and checksum of every object: one request each.
        #[arg(long, requires = "manifest")]
        facts: bool,
        /// Also read every object and keep its BLAKE3.
        #[arg(long, requires = "manifest")]
        content: bool,
    },
    /// What came, went and changed between two manifests.
    #[command(after_help = "\
Examples:
  nba lake diff monday.parquet friday.parquet
  nba lake diff monday.parquet friday.parquet --json | jq .changed

Same size and no digest in common is neither equal nor different: the verdict is then `not_proven`, exit code 2.")]
    Diff {
        /// The earlier manifest.
        #[arg(value_name = "LEFT", value_hint = ValueHint::FilePath)]
        left: PathBuf,
        /// The later one.
        #[arg(value_name = "RIGHT", value_hint = ValueHint::FilePath)]
        right: PathBuf,
    },
    /// Whether a local copy holds exactly what the lake, or a manifest of it, does.
    #[command(after_help = "\
Examples:
  nba lake verify --copy ./lake                          against the bucket of the configuration
  nba lake verify --copy ./lake --prefix espn_schedules/
  nba lake verify --copy ./lake --against monday.parquet without the lake

Sizes first, then ETags where a file's can be computed; what that leaves open is read from the lake and compared.")]
    Verify {
        /// The copy.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        copy: PathBuf,
        /// A manifest instead of the lake.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["path", "prefix"])]
        against: Option<PathBuf>,
        #[command(flatten)]
        part: Part,
    },
    /// Fetch a sample into a scratch folder and compare it with a manifest: can the lake be got back?
    #[command(after_help = "\
Examples:
  nba lake drill --against monday.parquet                another 50 objects each time
  nba lake drill --against monday.parquet --sample 500
  nba lake drill --against monday.parquet --seed 20261127T071300Z    the same ones again

Make the manifest with `nba lake inventory --manifest FILE --facts`, so that it has the version of every object.")]
    Drill {
        /// The manifest.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        against: PathBuf,
        /// Objects fetched.
        #[arg(long, default_value = "50", value_name = "N")]
        sample: NonZeroUsize,
        /// What the sample is drawn from; the time by default.
        #[arg(long, value_name = "TEXT")]
        seed: Option<String>,
        /// A local folder instead of the bucket.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        path: Option<PathBuf>,
    },
    /// Fetch single objects, each into a new file; length and checksum are compared.
    #[command(after_help = "\
Examples:
  nba lake get espn_schedules/20240115.json --to ./documents")]
    Get {
        /// Keys.
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
        /// Folder; the key is the path below it.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        to: PathBuf,
        /// A local folder instead of the bucket.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        path: Option<PathBuf>,
    },
    /// Bring a local copy up to date. Never deletes; interrupted, it goes on where it was.
    #[command(after_help = "\
Examples:
  nba lake sync --to ./lake --dry-run
  nba lake sync --to ./lake --prefix espn_schedules/
  nba lake sync --to ./lake --update    also replace files that are older than their object

Files that are there with the object's size and are not older are taken for it: `nba lake verify` compares contents.")]
    Sync {
        /// The copy.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        to: PathBuf,
        /// Replace files that are older than their object; otherwise they are kept and named.
        #[arg(long)]
        update: bool,
        /// Only say what would be fetched.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        part: Part,
    },
}

/// Which lake, and what of it.
#[derive(Debug, Args)]
pub(crate) struct Part {
    /// A local folder instead of the bucket.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) path: Option<PathBuf>,
    /// Only keys that start with this; several may be given.
    #[arg(long, value_name = "PREFIX", value_delimiter = ',')]
    pub(crate) prefix: Vec<String>,
    /// Prefixes listed, and objects read, at the same time.
    #[arg(long, default_value = "8", value_name = "N")]
    pub(crate) parallel: NonZeroUsize,
}
