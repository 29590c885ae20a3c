//! The program itself, as a person or a scheduled job runs it: real processes, a real server, a whole replica.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup_lake;
mod boxscore;
mod browser;
mod check;
mod compare;
mod configuration;
mod contract;
mod crash;
mod database;
mod demo;
mod dims;
mod etl;
mod failures;
#[cfg(feature = "fault-points")]
mod faults;
mod health;
mod lake;
mod ledger;
mod load;
mod permits;
mod program;
mod safety;
mod schema;
mod secrets;
mod shadow;
mod verify;
mod watch;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use world::World;

/// What a story is called, and the story.
type Story = (&'static str, fn(&World));

// Stories that need a replica, each with a project, and where it writes a database, of its own; the longest first.

/// What is looked at, and how it is told.
const LOOK: &[Story] = &[
    (
        "the page works in a browser",
        browser::the_page_works_in_a_browser,
    ),
    (
        "every command speaks JSON",
        contract::every_command_speaks_json,
    ),
    (
        "planted defects are named",
        health::planted_defects_are_named,
    ),
    (
        "a damaged baseline is no baseline",
        health::a_damaged_baseline_is_no_baseline,
    ),
    (
        "the wrong database is not compared",
        health::the_wrong_database_is_not_compared,
    ),
    ("one check can be asked", health::one_check_can_be_asked),
    (
        "the dashboard writes the legacy files",
        health::the_dashboard_writes_the_legacy_files,
    ),
    (
        "an interrupted dashboard ends at once",
        health::an_interrupted_dashboard_ends_at_once,
    ),
    (
        "an alarm is raised, told and acknowledged",
        watch::an_alarm_is_raised_told_and_acknowledged,
    ),
    (
        "a watch in the background is found and ended",
        watch::a_watch_in_the_background_is_found_and_ended,
    ),
    ("a watch is served", watch::a_watch_is_served),
    (
        "who measures does not approve",
        dims::who_measures_does_not_approve,
    ),
    (
        "both inventories are compared",
        dims::both_inventories_are_compared,
    ),
    (
        "settings say where they came from",
        configuration::settings_say_where_they_came_from,
    ),
];

/// What is proven and kept safe.
const PROVE: &[Story] = &[
    ("secrets stay secret", secrets::secrets_stay_secret),
    ("the whole way, and back", safety::the_whole_way_and_back),
    (
        "a killed comparison goes on",
        compare::a_killed_comparison_goes_on,
    ),
    (
        "a comparison is told, written and recorded",
        compare::a_comparison_is_told_written_and_recorded,
    ),
    ("a difference is located", compare::a_difference_is_located),
    (
        "an edited ledger is refused",
        ledger::an_edited_ledger_is_refused,
    ),
    (
        "numbers keep every digit",
        database::numbers_keep_every_digit,
    ),
    ("writes are refused", database::writes_are_refused),
    (
        "counts are those of the plan",
        database::counts_are_those_of_the_plan,
    ),
    (
        "a closed pipe is no error",
        database::a_closed_pipe_is_no_error,
    ),
    (
        "rows are proved by key and proofs are carried visibly",
        verify::rows_are_proved_by_key_and_proofs_are_carried_visibly,
    ),
    (
        "a baseline is replaced only by approval",
        verify::a_baseline_is_replaced_only_by_approval,
    ),
    (
        "fingerprints are kept and compared",
        verify::fingerprints_are_kept_and_compared,
    ),
];

/// What is moved.
const MOVE: &[Story] = &[
    (
        "old and new agree or say where not",
        shadow::old_and_new_agree_or_say_where_not,
    ),
    (
        "a deadline ends the whole tree",
        etl::a_deadline_ends_the_whole_tree,
    ),
    (
        "a store is filled, gone on with and loaded",
        boxscore::a_store_is_filled_gone_on_with_and_loaded,
    ),
    (
        "a killed load goes on and a second changes nothing",
        load::a_killed_load_goes_on_and_a_second_changes_nothing,
    ),
    (
        "scripts are read, run and remembered",
        etl::scripts_are_read_run_and_remembered,
    ),
    (
        "games of a season come from tables and lakes",
        boxscore::games_of_a_season_come_from_tables_and_lakes,
    ),
    ("games are drawn and cut", boxscore::games_are_drawn_and_cut),
    (
        "games are counted and proven",
        boxscore::games_are_counted_and_proven,
    ),
    (
        "a backup holds the list of the lake",
        backup_lake::a_backup_holds_the_list_of_the_lake,
    ),
    (
        "only an effect proves a script",
        etl::only_an_effect_proves_a_script,
    ),
    ("a script gets no secrets", etl::a_script_gets_no_secrets),
    ("one job runs once", etl::one_job_runs_once),
    (
        "a script runs only while it may write",
        permits::a_script_runs_only_while_it_may_write,
    ),
    (
        "a wrapped script is probed",
        permits::a_wrapped_script_is_probed,
    ),
    ("nothing escapes", etl::nothing_escapes),
    ("a copy is proven or not", lake::a_copy_is_proven_or_not),
];

/// At once, beside another test: that keeps two cores busy.
const WORKERS: usize = 2;

#[test]
fn what_is_looked_at_on_a_replica() {
    let world = World::after_an_interrupted_build();
    let failed = tell(&world, LOOK);
    // The last word: what the program says when its server has gone.
    health::a_stopped_server_is_not_an_empty_one(&world);
    assert!(failed.is_empty(), "failed, see above: {failed:?}");
}

#[test]
fn what_is_proven_on_a_replica() {
    let failed = tell(&World::new(), PROVE);
    assert!(failed.is_empty(), "failed, see above: {failed:?}");
}

#[test]
fn what_is_moved_on_a_replica() {
    let failed = tell(&World::new(), MOVE);
    assert!(failed.is_empty(), "failed, see above: {failed:?}");
}

#[test]
fn failures_are_found_by_name() {
    let world = World::new();
    let replays = failures::REPLAYS
        .iter()
        .map(|replay| (replay.name, replay.story));
    let own: [Story; 2] = [
        (
            "own statements are looked at",
            check::own_statements_are_looked_at,
        ),
        ("waivers are on record", check::waivers_are_on_record),
    ];
    let stories: Vec<Story> = replays.chain(own).collect();
    let failed = tell(&world, &stories);
    assert!(failed.is_empty(), "failed, see above: {failed:?}");
}

/// Tells all stories, several at once, and returns those that failed.
fn tell(world: &World, stories: &[Story]) -> Vec<&'static str> {
    let failed = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((name, story)) = stories.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    let ended = catch_unwind(AssertUnwindSafe(|| story(world)));
                    println!("{name}: {:.1} s", started.elapsed().as_secs_f64());
                    if ended.is_err() {
                        failed.lock().unwrap().push(*name);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}
