//! `kill -9` at any moment: captures and verifications go on, and end as if nothing had happened.

use crate::program::Place;
use crate::world::World;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Captures that are killed.
const CAPTURES: u32 = 40;
/// Verifications that are killed.
const VERIFICATIONS: u32 = 12;

/// Tables that stay: large and small, with and without a key.
const KEPT: &str =
    "('games', 'teams', 'play_by_play', 'hoopr_play_by_play', 'box_score_players', 'nba_games')";

/// Moments spread evenly over a span, in an order that does not repeat soon; the same in every run.
struct Moments(u32);

impl Moments {
    fn next(&mut self, span: Duration) -> Duration {
        // Steps of the golden ratio fill an interval evenly.
        self.0 = self.0.wrapping_add(2_654_435_769);
        span.mul_f64(f64::from(self.0) / f64::from(u32::MAX))
    }
}

/// Starts the command and kills it after a while. `false` when it was over before.
fn killed(place: &Place, words: &[&str], after: Duration) -> bool {
    let mut running = place.spawn(words);
    let deadline = Instant::now() + after;
    while Instant::now() < deadline {
        if running.has_ended() {
            let ran = running.ends_within(Duration::from_secs(1));
            assert_eq!(ran.code, Some(0), "{ran}");
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    running.signal("KILL");
    true
}

pub(crate) fn a_killed_run_goes_on(world: &World) {
    let place = world.project_with_database("killed");
    world.sql(
        "killed",
        &format!(
            "do $$ declare t text; begin for t in select format('%I.%I', schemaname, tablename) from pg_tables
               where schemaname not in ('pg_catalog', 'information_schema') and tablename not in {KEPT} loop execute 'drop table if exists ' || t || ' cascade'; end loop; end $$"
        ),
    );
    world.sql("killed", "analyze");
    let started = Instant::now();
    place
        .nba(&["baseline", "capture", "--name", "whole"])
        .exits(0);
    let span = started.elapsed();
    let whole = contents(&place, "whole");
    assert!(
        whole.as_object().is_some_and(|tables| tables.len() >= 5),
        "{whole}"
    );

    let folder = |name: &str| -> PathBuf { place.project.join(".nba/baselines").join(name) };
    let capture = ["baseline", "capture", "--name", "trial"];
    let mut moments = Moments(0);
    let (mut kills, mut completed, mut resumed) = (0, 0, 0);
    let mut judge = |place: &Place| {
        assert_eq!(contents(place, "trial"), whole);
        let shown = place.nba(&["baseline", "show", "trial", "--json"]).json();
        let tables = shown["tables"].as_object().unwrap();
        resumed += tables
            .values()
            .filter(|table| !table["carried"].is_null())
            .count();
        std::fs::remove_dir_all(folder("trial")).unwrap();
        completed += 1;
    };
    while kills < CAPTURES {
        if killed(&place, &capture, moments.next(span)) {
            kills += 1;
        }
        // Whenever it dies, there is a whole baseline or none.
        if folder("trial").exists() {
            judge(&place);
        }
    }
    place.nba(&capture).exits(0);
    judge(&place);
    println!(
        "{kills} captures killed, {completed} completed with {resumed} tables of earlier runs"
    );
    place.nba(&["ledger", "verify"]).exits(0);

    // A verification that was killed leaves nothing that a quick one could be misled by.
    let verify = ["verify", "--baseline", "whole"];
    let started = Instant::now();
    place.nba(&verify).exits(0);
    let span = started.elapsed();
    let mut kills = 0;
    while kills < VERIFICATIONS {
        let quick = kills % 3 == 0;
        let words: Vec<&str> = verify
            .iter()
            .copied()
            .chain(quick.then_some("--quick"))
            .collect();
        let span = if quick { span / 4 } else { span };
        if killed(&place, &words, moments.next(span)) {
            kills += 1;
        }
    }
    let quick = place
        .nba(&["verify", "--baseline", "whole", "--quick", "--json"])
        .exits(0)
        .json();
    assert_eq!(quick["verdict"]["verdict"], "proven");
    world.sql(
        "killed",
        "update teams set conference = 'nowhere' where team_id = (select min(team_id) from teams)",
    );
    let after = place
        .nba(&["verify", "--baseline", "whole", "--quick", "--json"])
        .exits(1)
        .json();
    assert_eq!(
        after["tables"]["public.teams"]["verdict"]["verdict"],
        "refuted"
    );
    place.nba(&["ledger", "verify"]).exits(0);
}

/// What a baseline expects of each table, without times and snapshots.
fn contents(place: &Place, name: &str) -> Value {
    let shown = place
        .nba(&["baseline", "show", name, "--json"])
        .exits(0)
        .json();
    let mut tables = shown["tables"].clone();
    for table in tables.as_object_mut().unwrap().values_mut() {
        let table = table.as_object_mut().unwrap();
        table.remove("carried");
        if let Some(rows) = table.get_mut("rows").and_then(Value::as_object_mut) {
            // Rows come in the order in which the server reads them.
            rows.remove("blake3");
        }
    }
    tables
}
