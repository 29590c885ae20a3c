//! The failures of the legacy platform (monitoring dossier 4.2) that the integrity engine must find, replayed the way they happened:
//! first the same command is green, then the defect is planted, then a named check is red and says what a person needs.
//!
//! `docs/failures.md` is the table [`REPLAYS`] for people; a test keeps them in step.

mod loads;
mod migration;
mod scene;
mod sources;

use crate::world::World;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// One failure: what happened, what finds it, and the story that replays it.
pub(crate) struct Replay {
    id: &'static str,
    happened: &'static str,
    checks: &'static str,
    command: &'static str,
    /// Path of the story below `failures`.
    pub(crate) name: &'static str,
    pub(crate) story: fn(&World),
}

/// A replay whose name is its function's.
macro_rules! replay {
    ($module:ident::$story:ident, $id:literal, $happened:literal, $checks:literal, $command:literal) => {
        Replay {
            id: $id,
            happened: $happened,
            checks: $checks,
            command: $command,
            name: concat!(stringify!($module), "::", stringify!($story)),
            story: $module::$story,
        }
    };
}

pub(crate) const REPLAYS: [Replay; 12] = [
    replay!(
        migration::two_team_rows_collapsed_into_one,
        "F04",
        "A migration lost 3,444 of 89,656 team rows: a missing team id became the text `None`, and two rows collapsed on the unique key. It was reported as 100 % successful.",
        "`espn_two_team_rows`, `two_team_rows`, `hoopr_two_team_rows`, `box_sides_complete`",
        "`nba check espn_two_team_rows`; `nba db compare` of source and target by game and team"
    ),
    replay!(
        migration::a_schedule_was_derived_from_what_was_loaded,
        "F05",
        "6,917 schedule days were derived from the games that had been loaded and called complete; the source has about 11,633 documents.",
        "`lake_schedule_days_are_known`, `lake_games_are_known`",
        "`nba check lake_schedule_days_are_known --lake s3`"
    ),
    replay!(
        migration::one_kind_of_season_was_lost,
        "F06",
        "One game's season type became NULL and the play-in was labelled Special: 99.998 %, accepted.",
        "`espn_season_type_complete`, `season_type_complete`",
        "`nba check espn_season_type_complete`; `nba db compare` of the documents' values and the table's"
    ),
    replay!(
        migration::a_check_that_joins_cannot_fail,
        "F07",
        "The foreign-key check joined both tables and counted both sides of the same join: 100 %, whatever happens.",
        "`espn_rows_have_their_game`, `plays_have_their_game`, `box_rows_have_their_game`, `hoopr_rows_have_their_game`, `temporal_events_have_their_game`",
        "`nba check espn_rows_have_their_game`"
    ),
    replay!(
        loads::an_upsert_made_rows_poorer,
        "F08",
        "An upsert overwrote richer rows: names became abbreviations or empty, NULL percentages became 0.0. It was called enrichment.",
        "`team_names_are_names`, `player_names_are_names`, `percentages_are_of_shots`, `table:…` of `nba health`",
        "`nba health`; `nba check team_names_are_names`; `nba db compare` with the rows before"
    ),
    replay!(
        loads::a_second_run_doubled_the_rows,
        "F09",
        "Plays were inserted `on conflict do nothing` into a table without a unique key: a second run would have doubled 14.1 million rows. It was called safe to re-run.",
        "`unique_key_behind_conflict`, `espn_plays_once`, `hoopr_rows_once`, `plays_per_game`, `table:…` of `nba health`; writers of `nba-db` refuse the statement",
        "`nba check unique_key_behind_conflict espn_plays_once`; `nba baseline capture`, run the load again, `nba health`"
    ),
    replay!(
        sources::two_copies_differ_by_one_row,
        "F11",
        "The same set has 14,114,617 rows in one database and 14,114,618 in its copy; the remedy proposed was to empty one of them.",
        "`missing`, `added` and `changed` of the comparison",
        "`nba db compare public.temporal_events --right-target COPY`"
    ),
    replay!(
        loads::rows_were_counted_that_nobody_wrote,
        "F12",
        "14.1 million plays were only summarised into a JSON field, and reported as migrated; a second run would have duplicated 44,826 rows.",
        "`raw_games_hold_their_plays`, `raw_documents_once`, the effect of `nba etl run`; the accounts of `nba-db` tell attempted from affected",
        "`nba check raw_games_hold_their_plays`; `nba etl run --expect-rows public.play_by_play -- LOADER`"
    ),
    replay!(
        sources::one_game_was_loaded_under_two_ids,
        "F13",
        "128 games were loaded a second time under ESPN's other id format: 1,118 games of 990, called 112.9 % complete.",
        "`twin_games`, `team_plays_once_a_day`, `season_within_schedule`, `games_within_schedule`",
        "`nba check twin_games season_within_schedule`"
    ),
    replay!(
        sources::possessions_were_jump_balls,
        "F23",
        "1,366,710 possessions were called 98.3 % complete when they were 46.6 per game instead of about 200: almost only jump balls.",
        "`possessions_per_game`, `estimated_possessions`",
        "`nba check possessions_per_game`"
    ),
    replay!(
        loads::a_schema_was_written_from_assumption,
        "F29",
        "Tables were written from assumption: no keys, ids in floating point, NULL seasons, a duplicated column, a conflict clause that cannot work.",
        "`ids_are_exact`, `hoopr_ids_whole`, `hoopr_season_present`, `columns_once`, `hoopr_schedule_ids_agree`, `unique_key_behind_conflict`; writers of `nba-db` refuse the statement",
        "`nba check ids_are_exact hoopr_season_present columns_once unique_key_behind_conflict`"
    ),
    replay!(
        sources::a_skipped_check_is_not_a_pass,
        "F31",
        "Equivalence was proved by table counts that nothing could have changed; 5 % were allowed, and the two real tests were skipped.",
        "every check: what cannot be measured is `not_proven`, exit code 2",
        "`nba check`; `nba db compare` refuses to compare a table with itself"
    ),
];

/// The page's table.
fn table() -> String {
    let mut text = String::from(
        "| id | what happened | found by | command | replayed in |\n|---|---|---|---|---|\n",
    );
    for replay in &REPLAYS {
        let Replay {
            id,
            happened,
            checks,
            command,
            name,
            ..
        } = replay;
        writeln!(
            text,
            "| {id} | {happened} | {checks} | {command} | `failures::{name}` |"
        )
        .unwrap();
    }
    text
}

#[test]
fn the_page_of_failures_is_in_step() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/failures.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, written) = page
        .split_once("<!-- generated: the table in crates/nba-cli/tests/it/failures/mod.rs -->\n")
        .expect("the page has the mark");
    assert_eq!(
        written.trim(),
        table().trim(),
        "put this below the mark:\n{}",
        table()
    );
}

#[test]
fn every_named_invariant_exists() {
    let ids: BTreeSet<String> = nba_monitoring::invariants::Book::builtin()
        .iter()
        .map(|invariant| invariant.id.clone())
        .collect();
    for replay in &REPLAYS {
        let words = replay.checks.split('`').skip(1).step_by(2);
        for word in words.filter(|word| word.contains('_') && !word.contains("proven")) {
            assert!(ids.contains(word), "{}: {word}", replay.id);
        }
    }
}
