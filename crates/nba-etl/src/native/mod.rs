//! Native loaders: the same documents into the same tables as the legacy scripts, in two modes.
//!
//! [`Mode::Compat`] gives what the legacy script gives, its quirks included, so that the two can be compared row by row.
//! [`Mode::Correct`] does the right thing. Where the two part, a [`Divergence`] has a name, a reason and a test.
//!
//! [`load`] is what all ports share: ESPN play-by-play (`plays`), the port of `extract_pbp_local.py`, and hoopR's four tables
//! (`hoopr`).

#[cfg(feature = "native-espn")]
mod borrowed;
#[cfg(feature = "native-hoopr")]
pub mod hoopr;
#[cfg(all(feature = "native-espn", feature = "native-hoopr"))]
pub mod job;
mod kind;
pub mod load;
#[cfg(feature = "native-espn")]
pub mod plays;

use serde::Serialize;

/// What to be faithful to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The legacy script.
    Compat,
    /// The document.
    Correct,
}

/// A place where [`Mode::Correct`] does not do what the legacy script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Divergence {
    /// `PBP-1`: the legacy script gives the rest of a game up at the first play it cannot read (ETL dossier 2.2); the port puts
    /// that play aside and reads on.
    RestOfGame,
    /// `PBP-2`: the legacy script takes a summary document, as it is fetched today, for a game without plays (ETL dossier 2.1);
    /// the port reads it.
    Summary,
    /// `PBP-3`: the legacy script cannot read a package that is embedded in a page (ETL dossier 2.1); the port can.
    Embedded,
    /// `PBP-4`: the legacy script leaves a play without id out and says nothing; the port puts it aside with the reason.
    MissingId,
    /// `PBP-5`: the legacy script sets `updated_at` of every row it meets again; the port only of rows that changed.
    Untouched,
    /// `ROW-1`: one value that does not fit its column, and the legacy scripts lose the whole year (ETL dossier 2.2); the port puts that row
    /// aside.
    WholeYear,
    /// `HPR-1`: the legacy loader renames both `id` and `game_id` to `game_id`, and loads no schedule at all (ETL dossier 3.4).
    HooprTwice,
    /// `HPR-2`: one empty cell, and the legacy loader writes every id of the season as `13.0` (ETL dossier 3.4).
    HooprFloatIds,
    /// `HPR-3`: one cell that does not fit, and the legacy loader loads nothing of the season (ETL dossier 3.4).
    HooprWholeFile,
    /// `HPR-4`: a second run of the legacy loader doubles every row (ETL dossier 3.4); of the port it changes nothing.
    HooprAgain,
    /// `HPR-5`: the legacy loader keeps a row as often as the file has it; the port once per key.
    HooprDouble,
    /// `HPR-6`: the legacy loader copies the team's shares as per cent into a column of fractions, and 100 % loses the season (ETL
    /// dossier 3.4); the port computes fractions.
    HooprShares,
    /// `HPR-7`: a column that only later seasons have stops the legacy loader (ETL dossier 3.3); the port leaves it out.
    HooprNewColumn,
    /// `HPR-8`: the legacy loader never corrects a row that is there; the port does.
    HooprRefresh,
}

impl Divergence {
    /// All of them.
    pub const ALL: [Divergence; 14] = [
        Divergence::RestOfGame,
        Divergence::Summary,
        Divergence::Embedded,
        Divergence::MissingId,
        Divergence::Untouched,
        Divergence::WholeYear,
        Divergence::HooprTwice,
        Divergence::HooprFloatIds,
        Divergence::HooprWholeFile,
        Divergence::HooprAgain,
        Divergence::HooprDouble,
        Divergence::HooprShares,
        Divergence::HooprNewColumn,
        Divergence::HooprRefresh,
    ];

    /// The name it has in reports and in `docs/divergences.md`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Divergence::RestOfGame => "PBP-1",
            Divergence::Summary => "PBP-2",
            Divergence::Embedded => "PBP-3",
            Divergence::MissingId => "PBP-4",
            Divergence::Untouched => "PBP-5",
            Divergence::WholeYear => "ROW-1",
            Divergence::HooprTwice => "HPR-1",
            Divergence::HooprFloatIds => "HPR-2",
            Divergence::HooprWholeFile => "HPR-3",
            Divergence::HooprAgain => "HPR-4",
            Divergence::HooprDouble => "HPR-5",
            Divergence::HooprShares => "HPR-6",
            Divergence::HooprNewColumn => "HPR-7",
            Divergence::HooprRefresh => "HPR-8",
        }
    }
}

/// Any bytes as a document of every ESPN port, in both modes, for fuzzing: no document may panic, and every row is one line of as many
/// fields as the table has columns.
///
/// # Panics
///
/// When a row is none.
#[cfg(all(feature = "native-espn", feature = "native-hoopr"))]
#[doc(hidden)]
#[must_use]
pub fn fuzz_one(bytes: &[u8]) -> String {
    let mut told = String::new();
    for (name, port) in job::espn_ports() {
        for mode in [Mode::Compat, Mode::Correct] {
            let Ok(mut reading) = port.read(bytes, "401307856", mode) else {
                told.push_str(" refused");
                continue;
            };
            let fields = port.shape(mode).columns.len();
            let (rows, text) = (reading.rows.rows(), reading.rows.take());
            let mut lines = 0;
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                lines += 1;
                let tabs = line.iter().filter(|byte| **byte == b'\t').count();
                assert_eq!(
                    tabs + 1,
                    fields,
                    "{name}: a row has another number of fields"
                );
            }
            assert_eq!(lines, rows, "{name}: a row is no line");
            told.push_str(if rows > 0 { " rows" } else { " none" });
        }
    }
    told.trim_start().to_owned()
}
