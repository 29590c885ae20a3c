//! `nba db compare` and `nba db explain`.

use crate::program::{Place, Ran};
use crate::world::World;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// Interrupted runs: two in three ends at a size of the file, the others at a time.
const TRIALS: u64 = 54;
/// Longest wait for the size at which a run is killed; it may be over before.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: &str = "
create table old_plays (id int primary key, game text not null, v numeric, at timestamptz);
insert into old_plays select n, 'game ' || n / 300, n * 0.25, timestamptz '2025-10-21 19:30+00' + n * interval '1 second'
from generate_series(1, 12000) n;
create table new_plays (like old_plays including all);
insert into new_plays select * from old_plays where id % 97 <> 0;
update new_plays set v = v + 0.000001 where id % 61 = 0;
update new_plays set at = null where id % 89 = 0;
insert into new_plays select id + 100000, game, v, at from old_plays where id % 301 = 0;
create view shown as select * from new_plays;
analyze old_plays, new_plays;";

fn tables(world: &World, name: &str) -> Place {
    let place = world.project_with_database(name);
    world.sql(name, TABLES);
    place
}

/// What must not depend on how a result came about.
fn essence(ran: &Ran) -> Value {
    let document = ran.json();
    let parts = [
        "verdict",
        "totals",
        "by_column",
        "differences",
        "truncated",
        "unfinished",
    ];
    let mut essence: Vec<Value> = parts.iter().map(|part| document[part].clone()).collect();
    // Examples and ranges of the key follow the order in which differences arrive, which is not fixed between ranges.
    let explanation = &document["explanation"];
    essence.extend(["rows", "months"].map(|part| explanation[part].clone()));
    for group in explanation["groups"].as_array().unwrap() {
        essence.extend(["rows", "column", "kind"].map(|part| group[part].clone()));
    }
    essence.push(document["left"]["rows"].clone());
    essence.push(document["right"]["rows"].clone());
    Value::Array(essence)
}

fn parts_that_differ(expected: &Value, found: &Value) -> Vec<String> {
    let parts = |value: &Value| value.as_array().unwrap().clone();
    let (expected, found) = (parts(expected), parts(found));
    assert_eq!(expected.len(), found.len());
    let both = expected.iter().zip(&found);
    both.filter(|(expected, found)| expected != found)
        .map(|(expected, found)| format!("{expected:.300} {found:.300}"))
        .collect()
}

pub(crate) fn a_comparison_is_told_written_and_recorded(world: &World) {
    let place = tables(world, "compared");
    let ran = place
        .nba(&[
            "db",
            "compare",
            "old_plays",
            "new_plays",
            "--limit",
            "3",
            "--parquet",
            "all.parquet",
            "--repair",
            "repair.sql",
        ])
        .exits(1);
    for text in [
        "compare: refuted: ",
        "rows: +0.000001 in `v`",
        "became NULL in `at`",
        "join mode",
        "  … 3 of ",
    ] {
        assert!(ran.out.contains(text), "{text} in {ran}");
    }
    let parquet = std::fs::read(place.project.join("all.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1"));
    let script = std::fs::read_to_string(place.project.join("repair.sql")).unwrap();
    assert!(script.contains("DRY RUN") && script.trim_end().ends_with("rollback;"));
    let json = place
        .nba(&[
            "--json",
            "db",
            "compare",
            "old_plays",
            "new_plays",
            "--mode",
            "stream",
        ])
        .exits(1)
        .json();
    assert_eq!(json["mode"], "stream");
    assert_eq!(json["totals"]["missing"], 12_000 / 97);
    assert_eq!(json["totals"]["added"], 12_000 / 301);
    let ledger = place.nba(&["ledger", "show", "--json"]).exits(0);
    assert!(ledger.out.contains("db compare"), "{ledger}");
    // Declared, it is equal, and says so only when that is accepted.
    let ignore = [
        "db",
        "compare",
        "new_plays",
        "shown",
        "--key",
        "id",
        "--ignore",
        "at=for a test",
    ];
    place
        .nba(&ignore)
        .exits(2)
        .says("`at` was not compared: for a test");
    let accepted: Vec<&str> = ignore.into_iter().chain(["--as-declared"]).collect();
    place.nba(&accepted).exits(0);
    place
        .nba(&[
            "db",
            "compare",
            "new_plays",
            "shown",
            "--key",
            "id",
            "--budget",
            "50%",
        ])
        .exits(0);
    // What cannot be meant is an error with a next step.
    place
        .nba(&["db", "compare", "old_plays", "old_plays"])
        .exits(2)
        .says("cannot fail");
    place
        .nba(&["db", "compare", "old_plays", "nowhere"])
        .exits(2)
        .says("hint: ");
}

pub(crate) fn a_difference_is_located(world: &World) {
    let place = tables(world, "located");
    let ran = place
        .nba(&[
            "db",
            "explain",
            "old_plays=new_plays",
            "new_plays=shown",
            "--key",
            "id",
        ])
        .exits(1);
    assert!(
        ran.out.contains("compare: proven") && ran.out.contains("compare: refuted"),
        "{ran}"
    );
    for text in [
        "rows: +0.000001 in `v`",
        "  month  at 2025-10: ",
        "  key    id 61 to ",
    ] {
        assert!(ran.out.contains(text), "{text} in {ran}");
    }
    let documents = place
        .nba(&["--json", "db", "explain", "old_plays=new_plays"])
        .exits(1)
        .json();
    assert_eq!(documents[0]["explanation"]["months"]["column"], "at");
    assert_eq!(documents[0]["differences"], serde_json::json!([]));
    place
        .nba(&["db", "explain", "old_plays"])
        .exits(2)
        .says("nothing to be compared with");
}

pub(crate) fn a_killed_comparison_goes_on(world: &World) {
    let place = tables(world, "killed");
    let command = |mode: &str, file: &Path| -> Vec<String> {
        let file = file.display().to_string();
        let words = [
            "--json",
            "--quiet",
            "db",
            "compare",
            "old_plays",
            "new_plays",
            "--mode",
            mode,
            "--piece",
            "40",
            "--limit",
            "1000000",
            "--resume",
            &file,
        ];
        words.map(str::to_owned).into()
    };
    let whole: Vec<(Value, u64, Duration)> = ["join", "stream"]
        .iter()
        .map(|mode| {
            let file = place.project.join(format!("{mode}.whole"));
            let started = Instant::now();
            let ran = place.nba(&command(mode, &file)).exits(1);
            (
                essence(&ran),
                std::fs::metadata(&file).unwrap().len(),
                started.elapsed(),
            )
        })
        .collect();
    assert_eq!(whole[0].0, whole[1].0, "both modes find the same");
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64;
    let mut continued = 0;
    for trial in 0..TRIALS {
        let (mode, (expected, length, took)) = match trial % 2 {
            0 => ("join", &whole[0]),
            _ => ("stream", &whole[1]),
        };
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let permille = chance >> 33 & 1023;
        let file = place.project.join(format!("trial-{trial}"));
        let mut running = place.spawn(&command(mode, &file));
        if trial % 3 == 0 {
            std::thread::sleep(*took * u32::try_from(permille).unwrap() / 1024);
        } else {
            let size = length * permille / 1024;
            let deadline = Instant::now() + PATIENCE;
            while std::fs::metadata(&file).map_or(0, |file| file.len()) < size
                && !running.has_ended()
                && Instant::now() < deadline
            {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        // SIGKILL.
        running.kill();
        let ran = place.nba(&command(mode, &file)).exits(1);
        let found = essence(&ran);
        let other = parts_that_differ(expected, &found);
        assert!(
            other.is_empty(),
            "trial {trial}, {mode}: {other:#?} {}",
            ran.err
        );
        let assembly = &ran.json()["assembly"];
        let resumed = assembly["resumed_parts"].as_u64().unwrap();
        if 0 < resumed && resumed < assembly["parts"].as_u64().unwrap() {
            continued += 1;
        }
    }
    println!("{continued} of {TRIALS} killed runs went on in the middle");
    assert!(continued > 0, "no run was killed in the middle");
}
