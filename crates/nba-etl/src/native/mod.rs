//! Native loaders: the same documents into the same tables as the legacy scripts, in two modes.
//!
//! [`Mode::Compat`] gives what the legacy script gives, its quirks included, so that the two can be compared row by row.
//! [`Mode::Correct`] does the right thing. Where the two part, a [`Divergence`] has a name, a reason and a test.
//!
//! [`load`] is what all ports share, `parting` tells row by row where the two modes part. ESPN play-by-play (`plays`) is the port of
//! `extract_pbp_local.py`, schedules (`games`) of `extract_schedule_local.py`, box scores (`boxes`) of `extract_boxscores_local.py`; hoopR's
//! four tables are in `hoopr`, and `job` goes through a whole lake.

#[cfg(feature = "native-espn")]
mod borrowed;
#[cfg(feature = "native-espn")]
pub mod boxes;
#[cfg(feature = "native-espn")]
pub mod games;
#[cfg(feature = "native-hoopr")]
pub mod hoopr;
#[cfg(all(feature = "native-espn", feature = "native-hoopr"))]
pub mod job;
mod kind;
pub mod load;
#[cfg(feature = "native-espn")]
pub mod parting;
#[cfg(feature = "native-espn")]
pub mod plays;
#[cfg(feature = "native-espn")]
mod python;
#[cfg(test)]
mod tests;

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
    /// `HPR-9`: the legacy loader takes every word that pandas knows for nothing (`None`, `nan`, `null`) for NULL (ETL dossier 3.4); the port
    /// only what R writes for it.
    HooprWords,
    /// `HPR-10`: the legacy loader stores a row without its key; the port puts it aside with the reason.
    HooprKeyless,
    /// `GAM-1`: the legacy script gives the rest of a day up at the first game it cannot read (ETL dossier 2.3); the port puts that game
    /// aside and reads on.
    GameRestOfFile,
    /// `GAM-2`: the legacy script takes a scoreboard, as it is fetched today, for a day without games (ETL dossier 2.1); the port reads it.
    GameScoreboard,
    /// `GAM-3`: the legacy script loses a score that is the number 0 (ETL dossier 2.3); the port stores 0.
    GameZeroScore,
    /// `GAM-4`: the legacy script looks for the status a level too low, so it is `Unknown` and NULL (ETL dossier 2.3); the port looks where
    /// the page has it.
    GameStatus,
    /// `GAM-5`: the legacy script turns the season in October, also in 2020, and has none where it cannot read the time (database dossier
    /// 7.2); the port goes by the league's seasons.
    GameSeason,
    /// `GAM-6`: the legacy script takes the day as it is written, whatever its zone (ETL dossier 2.3); the port stores that of UTC.
    GameZone,
    /// `GAM-7`: the legacy script stores an empty text, or the word `None`, for what a document does not say (ETL dossier 2.3); the port
    /// stores NULL.
    GameEmptyText,
    /// `GAM-8`: the legacy script leaves an event that is no game out in silence, and stores one whose team has no id under the id `""`; the
    /// port puts both aside with the reason.
    GameIncomplete,
    /// `GAM-9`: of a game that is there already the legacy script replaces 13 columns, so the others keep the first load's values for ever
    /// (ETL dossier 2.3); the port replaces winner, venue, status and broadcast as well.
    GameFirstLoad,
    /// `GAM-10`: the legacy script names a new team `Team 1` (ETL dossier 2.3); the port takes the name from the document.
    GameTeamNames,
    /// `GAM-11`: the legacy script finds the national broadcast only when it is spelled `National`; the port in any spelling.
    GameBroadcast,
    /// `GAM-12`: the legacy script replaces what a game had by NULL where a later document does not say it; the port keeps it.
    GameKept,
    /// `BOX-1`: the legacy script takes a summary document for a game without figures (ETL dossier 2.1); the port reads it.
    BoxSummary,
    /// `BOX-2`: the legacy script cannot read a package that is embedded in a page (ETL dossier 2.1); the port can.
    BoxEmbedded,
    /// `BOX-3`: the legacy script stores zeros for who did not play (ETL dossier 2.4); the port stores NULL.
    BoxDidNotPlay,
    /// `BOX-4`: the legacy script makes 125 of `12.5` and 0 of `1-2` (ETL dossier 2.4); the port stores NULL for what is no figure.
    BoxGarbled,
    /// `BOX-5`: the legacy script stores zeros where a team's totals are missing (ETL dossier 2.4); the port stores NULL.
    BoxMissingTotals,
    /// `BOX-6`: the legacy script cannot read a tip-off with seconds and drops its zone (ETL dossier 2.4); the port stores it in UTC.
    BoxDate,
    /// `BOX-7`: the legacy script stores 0 or an empty text for what a document does not say (ETL dossier 2.4); the port stores NULL.
    BoxMissing,
    /// `BOX-8`: the legacy script stores no row of a game whose strip or information is missing or odd; the port stores what is there.
    BoxTeamRow,
    /// `BOX-9`: the legacy script stores a player without id under the id `""`; the port puts the line aside with the reason.
    BoxIncomplete,
    /// `BOX-10`: the legacy script loses a whole game by one line it cannot read (ETL dossier 2.4); the port puts that line aside.
    BoxRestOfGame,
    /// `BOX-11`: of a box score that is there already the legacy script replaces scores, minutes and points alone (ETL dossier 2.4); the port
    /// replaces what changed.
    BoxFirstLoad,
}

impl Divergence {
    /// All of them.
    pub const ALL: [Divergence; 39] = [
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
        Divergence::HooprWords,
        Divergence::HooprKeyless,
        Divergence::GameRestOfFile,
        Divergence::GameScoreboard,
        Divergence::GameZeroScore,
        Divergence::GameStatus,
        Divergence::GameSeason,
        Divergence::GameZone,
        Divergence::GameEmptyText,
        Divergence::GameIncomplete,
        Divergence::GameFirstLoad,
        Divergence::GameTeamNames,
        Divergence::GameBroadcast,
        Divergence::GameKept,
        Divergence::BoxSummary,
        Divergence::BoxEmbedded,
        Divergence::BoxDidNotPlay,
        Divergence::BoxGarbled,
        Divergence::BoxMissingTotals,
        Divergence::BoxDate,
        Divergence::BoxMissing,
        Divergence::BoxTeamRow,
        Divergence::BoxIncomplete,
        Divergence::BoxRestOfGame,
        Divergence::BoxFirstLoad,
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
            Divergence::HooprWords => "HPR-9",
            Divergence::HooprKeyless => "HPR-10",
            Divergence::GameRestOfFile => "GAM-1",
            Divergence::GameScoreboard => "GAM-2",
            Divergence::GameZeroScore => "GAM-3",
            Divergence::GameStatus => "GAM-4",
            Divergence::GameSeason => "GAM-5",
            Divergence::GameZone => "GAM-6",
            Divergence::GameEmptyText => "GAM-7",
            Divergence::GameIncomplete => "GAM-8",
            Divergence::GameFirstLoad => "GAM-9",
            Divergence::GameTeamNames => "GAM-10",
            Divergence::GameBroadcast => "GAM-11",
            Divergence::GameKept => "GAM-12",
            Divergence::BoxSummary => "BOX-1",
            Divergence::BoxEmbedded => "BOX-2",
            Divergence::BoxDidNotPlay => "BOX-3",
            Divergence::BoxGarbled => "BOX-4",
            Divergence::BoxMissingTotals => "BOX-5",
            Divergence::BoxDate => "BOX-6",
            Divergence::BoxMissing => "BOX-7",
            Divergence::BoxTeamRow => "BOX-8",
            Divergence::BoxIncomplete => "BOX-9",
            Divergence::BoxRestOfGame => "BOX-10",
            Divergence::BoxFirstLoad => "BOX-11",
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
