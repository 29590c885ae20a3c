//! The flags of `nba load`.

use super::shadow::{ShadowMode, years};
use clap::{Args, Subcommand, ValueHint};
use std::ops::RangeInclusive;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum LoadCommand {
    /// ESPN's documents of games, in any of their three shapes.
    #[command(after_help = "\
Examples:
  nba load espn                                 all years of `games`, from the configured bucket
  nba load espn ./lake --years 2023-2024        from a local lake: `espn_play_by_play/401….json`
  nba load espn 401585577.json --table play_by_play
  nba load espn ./lake --dry-run                reads and counts, writes nothing
  nba load espn ./lake --mode compat            as the legacy script does it, quirks included

A year is loaded all or nothing. Killed, the same command goes on behind the last one that was finished; a second run changes
nothing. Exit code 0: every row that was read is in the table; 1: documents or rows were put aside, and the quarantine says
where and why; 2: it stopped, or nothing was there.")]
    Espn(LoadArgs),
    /// hoopR's season files, CSV or parquet.
    #[command(after_help = "\
Examples:
  nba load hoopr                                all seasons of the four tables, from the configured bucket
  nba load hoopr ./lake --table hoopr_team_box --years 2024
  nba load hoopr team_box_2024.parquet          which table it is for shows in its columns
  nba load hoopr ./lake --json | jq .tables

A table without a unique key is refused, and the message says how to make one; in compat mode, whose tables have none, rows are
compared whole, and a second run adds none twice. Seasons are named by the year they end in. Exit codes as of `nba load espn`.")]
    Hoopr(LoadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// A local lake, or files and folders of documents; without any, the configured bucket.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// What to be faithful to: the documents, or the legacy script.
    #[arg(long, default_value = "correct")]
    pub(crate) mode: ShadowMode,
    /// Only this table; may be given more than once.
    #[arg(long = "table", value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
    /// Only games of these calendar years; of hoopR, seasons by the year they end in.
    #[arg(long, value_name = "FROM-TO", value_parser = years)]
    pub(crate) years: Option<RangeInclusive<i32>>,
    /// Read everything and count, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Begin anew instead of going on with a load that was interrupted.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) restart: bool,
}
