//! The flags of `nba shadow`.

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::ops::RangeInclusive;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ShadowCommand {
    /// Run a legacy script and its port on the same games, each into a scratch database, and compare every row.
    #[command(after_help = "\
Examples:
  nba shadow run etl.espn.pbp                          a hundred games, from the configured bucket
  nba shadow run etl.espn.pbp --units 500 --years 2010-2024
  nba shadow run etl.espn.pbp --mode correct           differences that have a name are explained by it
  nba shadow run etl.espn.box --lake ./lake --pass-env S3_LOCAL_ROOT
  nba shadow run etl.hoopr.team_box --years 2024-2025  files of seasons, cut to the games drawn
  nba shadow run etl.espn.pbp --json | jq .unexplained

The target is only read: its definitions and the chosen games go to a private server, and nothing else is written to. The
script gets that server under every name a script may look for. Exit code 0: every row agrees, or differs for a reason with a
name; 1: rows differ for none; 2: the script itself failed, did nothing, or does not agree with itself.")]
    Run(ShadowArgs),
    /// The dual runs so far, what they prove together, and what is missing for the next step.
    #[command(after_help = "\
Examples:
  nba shadow report
  nba shadow report etl.espn.pbp --html shadow.html")]
    Report {
        /// Only this capability.
        #[arg(value_name = "CAPABILITY")]
        capability: Option<String>,
        /// Also write it as a page of its own.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        html: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShadowArgs {
    /// What has a port: `etl.espn.pbp`, `etl.espn.games`, `etl.espn.box`, `etl.hoopr.schedule`, `etl.hoopr.team_box`,
    /// `etl.hoopr.player_box`, `etl.hoopr.pbp`.
    #[arg(value_name = "CAPABILITY")]
    pub(crate) capability: String,
    /// Games, drawn evenly; the same ones each time. Of `etl.espn.games`: those that are there before, all others of their years are
    /// new.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) units: u32,
    /// Only games of these calendar years; of hoopR, of the seasons that end in them.
    #[arg(long, value_name = "FROM-TO", value_parser = years)]
    pub(crate) years: Option<RangeInclusive<i32>>,
    /// What the port is faithful to.
    #[arg(long, default_value = "compat")]
    pub(crate) mode: ShadowMode,
    /// A local folder as the lake of the port, instead of the bucket.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) lake: Option<PathBuf>,
    /// Pass these variables of the environment on to the script (a few harmless ones always are).
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) pass_env: Vec<String>,
    /// Another home folder for the script.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) home: Option<PathBuf>,
    /// Seconds until the script is stopped, and the port.
    #[arg(long, default_value_t = 3600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// Show at most this many rows that differ.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShadowMode {
    /// The script, quirks included.
    Compat,
    /// The documents.
    Correct,
}

pub(crate) fn years(text: &str) -> Result<RangeInclusive<i32>, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let year = |text: &str| {
        text.trim()
            .parse::<i32>()
            .ok()
            .filter(|year| (1946..=2200).contains(year))
            .ok_or_else(|| format!("`{text}` is no year"))
    };
    let (from, to) = (year(from)?, year(to)?);
    if from > to {
        return Err(format!("{from} is after {to}"));
    }
    Ok(from..=to)
}
