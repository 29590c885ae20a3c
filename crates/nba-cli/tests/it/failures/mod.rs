//! The failures of the legacy platform (monitoring dossier 4.2) that can be replayed, the way they happened:
//! first the same command is green, then the defect is planted, then a named check is red and says what a person needs.
//!
//! `docs/failures.md` is the table [`REPLAYS`] for people; a test keeps them in step.

mod loads;
mod migration;
mod safety;
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

pub(crate) const REPLAYS: [Replay; 28] = [
    replay!(
        safety::a_baseline_was_taken_from_another_database,
        "F01",
        "The baseline was taken from a local database: 15 tables, 146 % of the rows. It was called a success.",
        "identity, before anything is compared; gates refuse its records",
        "`nba health`; `nba preflight`"
    ),
    replay!(
        safety::tables_were_there_that_no_plan_knew,
        "F02",
        "The plan assumed 40 tables in one schema; there were 54 in four, the largest of them unknown.",
        "every table is discovered: no list of names",
        "`nba baseline capture`; `nba health`"
    ),
    replay!(
        safety::jobs_were_installed_that_nobody_saw,
        "F03",
        "No active cron jobs, said the preflight; twelve were installed, two of which could not find their script.",
        "every command is followed to its script, from the folder it starts in",
        "`nba state capture`; `nba state diff`"
    ),
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
        safety::a_dry_run_returned_early_and_failures_exited_with_0,
        "F10",
        "The dry run returned before the steps that failed in production, and failed games left the exit status at 0.",
        "one plan for the dry run and the run; an exit status is no evidence",
        "`nba setup --dry-run`; `nba etl run`"
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
        safety::files_changed_and_originals_were_deleted,
        "F14",
        "A document had another form; the originals were deleted after a copy as CSV.",
        "the fingerprint of the legacy side; manifests of the lake, object by object",
        "`nba state diff`; `nba lake diff`"
    ),
    replay!(
        safety::functions_were_lost_in_a_consolidation,
        "F18",
        "A consolidation kept 2 of 152 endpoints; it was called a clean-up.",
        "a test that has gone is a finding; every import is followed",
        "`nba state tests --compare`; `nba state imports`"
    ),
    replay!(
        safety::tests_were_complete_because_they_were_skipped,
        "F19",
        "Six faults in the chain of imports were found after 18 of 18 tests had passed; part of the cure was to comment the import out.",
        "each test by name: a skip is no pass",
        "`nba state tests --compare`"
    ),
    replay!(
        safety::an_import_led_nowhere,
        "F20",
        "8 imports of 96 led nowhere at a commit that was called ready for production.",
        "every import is followed to a file",
        "`nba state imports`"
    ),
    replay!(
        safety::a_module_was_never_committed,
        "F21",
        "Two modules that 22 scrapers import were on one disk only: 24 of 24 imports passed there.",
        "a file that git does not know is no module",
        "`nba state imports`"
    ),
    replay!(
        safety::a_module_was_deleted_that_a_script_outside_needed,
        "F22",
        "A module was deleted that nothing in the package used; the tool that makes backups did.",
        "scripts outside of the package are followed too",
        "`nba state imports`"
    ),
    replay!(
        sources::possessions_were_jump_balls,
        "F23",
        "1,366,710 possessions were called 98.3 % complete when they were 46.6 per game instead of about 200: almost only jump balls.",
        "`possessions_per_game`, `estimated_possessions`",
        "`nba check possessions_per_game`"
    ),
    replay!(
        safety::a_verification_set_its_own_expectation,
        "F25",
        "35 of 35 verified: in the same commit the measured values had been written down as the expected ones.",
        "a capture takes effect by an approval of another run, on record",
        "`nba baseline capture`; `nba health`"
    ),
    replay!(
        safety::failures_were_declared_expected,
        "F26",
        "Validators asked for the wrong variables; afterwards their failures were declared expected.",
        "a waiver has an owner, a reason and an end, and is no proof",
        "`nba phase waive`; `nba phase status`"
    ),
    replay!(
        safety::evidence_was_typed_by_hand,
        "F27",
        "A manifest named a commit that does not exist; one page told sessions of three days that were one.",
        "the chain of the ledger",
        "`nba ledger verify`; `nba phase status`"
    ),
    replay!(
        safety::the_disk_was_full_in_the_middle,
        "F28",
        "The disk was full in the middle of a back-fill, at 89.71 %.",
        "room is asked for first and watched; half a backup has no name",
        "`nba backup create`; `nba backup list`"
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
    replay!(
        safety::a_suite_that_did_not_run_was_green,
        "F33",
        "Hooks called options that do not exist, and ended in `or true`.",
        "results are read test by test; a suite without results is not proven",
        "`nba state tests --compare`"
    ),
    replay!(
        safety::a_bit_of_a_backup_was_turned,
        "bit flip",
        "A bit of a dump turns: `pg_restore` accepts it with exit status 0.",
        "the digest of each file, then the fingerprint of each table",
        "`nba backup verify`; `nba backup status`"
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
