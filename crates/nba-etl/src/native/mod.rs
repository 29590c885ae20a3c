//! Native loaders: the same documents into the same tables as the legacy scripts, in two modes.
//!
//! [`Mode::Compat`] gives what the legacy script gives, its quirks included, so that the two can be compared row by row.
//! [`Mode::Correct`] does the right thing. Where the two part, a [`Divergence`] has a name, a reason and a test.
//!
//! [`load`] is what all ports share. So far: ESPN play-by-play ([`plays`]), the port of `extract_pbp_local.py`.

pub mod load;
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
}

impl Divergence {
    /// All of them.
    pub const ALL: [Divergence; 5] = [
        Divergence::RestOfGame,
        Divergence::Summary,
        Divergence::Embedded,
        Divergence::MissingId,
        Divergence::Untouched,
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
        }
    }
}
