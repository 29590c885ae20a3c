//! Arguments of `nba backup`.

use clap::{Args, Subcommand, ValueHint};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Backups that count only after a restore of them was proven.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Dump the target, and fingerprint all tables in the same snapshot; reads only.
    #[command(after_help = "\
Examples:
  nba backup create                     into backups/ of the project
  nba backup create --jobs 4 --compress 6
  nba backup create --plain-sql         also as SQL text
  nba backup create --lake s3           with the list of the lake's objects, versions included

Made is not proven: `nba backup verify` restores it and compares every row.")]
    Create(CreateArgs),
    /// Restore a backup into a scratch database and compare every table with the snapshot it was taken from.
    #[command(after_help = "\
Examples:
  nba backup verify                     the newest one, into a private server
  nba backup verify NAME --scratch-dir /big/disk
  nba backup verify NAME --on staging   into a new database of that target, dropped afterwards")]
    Verify(VerifyArgs),
    /// Create, verify and tidy up: what a schedule runs.
    #[command(after_help = "\
Example of a line in a crontab:
  15 4 * * * nba --project ~/nba-simulator-aws backup drill --keep 7 --quiet")]
    Drill(DrillArgs),
    /// Whether there is a proven way back, and how old it is; exit code 1 when it is too old.
    #[command(after_help = "\
Example:
  nba backup status --max-age 26 --json | jq .age_seconds")]
    Status {
        /// Where.
        #[command(flatten)]
        place: PlaceArgs,
        /// Hours the newest proven backup may be old.
        #[arg(long, default_value_t = 26, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=87_600))]
        max_age: u32,
    },
    /// Every restore that was tried, oldest first: what came out and how long it took.
    #[command(after_help = "\
Example:
  nba backup history --json | jq '.[-1].rto_ms'")]
    History,
    /// All backups, oldest first, and which of them are proven.
    #[command(after_help = "\
Example:
  nba backup list --folder /mnt/backups")]
    List {
        /// Where.
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// What the retention rule would remove; with --yes it does. The newest proven backup always stays.
    #[command(after_help = "\
Examples:
  nba backup prune --keep 7             only says so
  nba backup prune --keep 7 --keep-days 30 --yes")]
    Prune {
        /// Where.
        #[command(flatten)]
        place: PlaceArgs,
        /// The rule.
        #[command(flatten)]
        rule: RetentionArgs,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    /// Folder of the backups; `backups` in the project by default.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RetentionArgs {
    /// Keep this many of the newest.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) keep: usize,
    /// Keep all younger than this many days.
    #[arg(long, default_value_t = 0, value_name = "DAYS")]
    pub(crate) keep_days: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Tables dumped at once.
    #[arg(long, default_value = "2", value_name = "N")]
    pub(crate) jobs: NonZeroUsize,
    /// gzip level of the data files, 0 for none.
    #[arg(long, default_value_t = 1, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) compress: u8,
    /// Also write the dump as SQL text.
    #[arg(long)]
    pub(crate) plain_sql: bool,
    /// Keep the list of the lake's objects with it, each with its version and checksum: a local folder, or `s3` for the bucket.
    #[arg(long, value_name = "DIR|s3", value_hint = ValueHint::DirPath)]
    pub(crate) lake: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ScratchArgs {
    /// Folder for the private server's files.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "on")]
    pub(crate) scratch_dir: Option<PathBuf>,
    /// Restore into a new database on the server of this target instead, and drop it afterwards.
    #[arg(long, value_name = "TARGET")]
    pub(crate) on: Option<String>,
    /// Tables restored at once.
    #[arg(long, default_value = "2", value_name = "N")]
    pub(crate) restore_jobs: NonZeroUsize,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyArgs {
    /// Name of the backup; the newest by default.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) scratch: ScratchArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DrillArgs {
    #[command(flatten)]
    pub(crate) create: CreateArgs,
    #[command(flatten)]
    pub(crate) scratch: ScratchArgs,
    #[command(flatten)]
    pub(crate) rule: RetentionArgs,
}
