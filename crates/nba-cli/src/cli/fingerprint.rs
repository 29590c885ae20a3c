//! The flags of `nba db fingerprint`.

use clap::{Args, ValueEnum, ValueHint};
use nba_db::fingerprint::Detail;
use nba_db::gentle::Budget;
use std::path::PathBuf;

pub(crate) const FINGERPRINT_EXAMPLES: &str = "\
Examples:
  nba db fingerprint                    every table, in one snapshot
  nba db fingerprint games teams        with their columns
  nba db fingerprint --detail rows      rows and definitions only, about twice as fast
  nba db fingerprint --output before.json --budget 20% --resume before.parts
  nba db fingerprint --diff before.json after.json

A view can be fingerprinted by name. With --diff no database is asked; the two files must come from one major version of
PostgreSQL and one encoding, or they are refused.";

/// What is fingerprinted, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct FingerprintArgs {
    /// Tables or views (`schema.table`); every table otherwise.
    #[arg(value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
    /// Whether each column has a digest, NULL counts and ranges of its own.
    #[arg(long, value_enum, default_value_t = DetailName::Columns, value_name = "DETAIL")]
    pub(crate) detail: DetailName,
    /// Share of the time the server may be kept busy; it rests in between, and longer while others need it.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) budget: Option<Budget>,
    /// Write the fingerprints to this file, with everything a later comparison needs.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Keep finished tables in this folder, and go on from it after an interruption.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) resume: Option<PathBuf>,
    /// Compare two files written with --output.
    #[arg(long, num_args = 2, value_names = ["FILE", "FILE"], value_hint = ValueHint::FilePath,
          conflicts_with_all = ["tables", "detail", "budget", "output", "resume"])]
    pub(crate) diff: Option<Vec<PathBuf>>,
}

/// [`Detail`] as a word on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DetailName {
    /// Rows and definitions.
    Rows,
    /// Each column too.
    Columns,
}

impl From<DetailName> for Detail {
    fn from(name: DetailName) -> Self {
        match name {
            DetailName::Rows => Self::Rows,
            DetailName::Columns => Self::Columns,
        }
    }
}
