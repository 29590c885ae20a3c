//! `nba health`, `nba dashboard`, `nba baseline`.

use crate::program::{Place, Ran, wait_for};
use crate::world::{World, run_async};
use nba_config::{DatabaseTarget, Host};
use nba_testkit::defects::{Defect, Planted};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The checks of the legacy dashboard (monitoring dossier 2.1).
const LEGACY_CHECKS: [&str; 8] = [
    "database_connection",
    "games_count",
    "espn_pbp_count",
    "hoopr_pbp_count",
    "box_score_players",
    "box_score_teams",
    "recent_data_activity",
    "dims_monitoring",
];

fn capture(place: &Place) {
    place.nba(&["baseline", "capture"]).exits(0);
}

fn health(place: &Place, code: i32) -> Value {
    let report = place.nba(&["health", "--json"]).exits(code).json();
    crate::schema::holds(&report);
    report
}

pub(crate) fn planted_defects_are_named(world: &World) {
    let place = world.project_with_database("defects");
    capture(&place);
    let before = health(&place, 0);
    assert_eq!(
        (&before["overall_status"], &before["check_number"]),
        (&"healthy".into(), &1.into())
    );
    assert_eq!(before["degraded_checks"], Value::Array(Vec::new()));
    for name in LEGACY_CHECKS {
        let check = &before["checks"][name];
        for key in ["status", "expected", "actual", "message"] {
            assert!(
                !check[key].is_null() || check["status"] == "skip" || name == "database_connection",
                "{name}.{key}: {check}"
            );
        }
    }
    let target = DatabaseTarget::new(
        Host::Unix(world.socket().into()),
        5432,
        "defects",
        "postgres",
    );
    // A copy of a replica has its tables, but not the mark that lets it be damaged.
    world.sql("defects", "comment on database defects is 'nba replica'");
    for defect in [
        Defect::RowDeleted,
        Defect::ValueChanged,
        Defect::GameDuplicated,
        Defect::TableEmptied,
        Defect::TableDropped,
    ] {
        let planted = run_async(defect.plant(&target)).unwrap();
        let report = health(&place, 1);
        let degraded = report["degraded_checks"].as_array().unwrap();
        let by_name = degraded.iter().find(|name| {
            let check = &report["checks"][name.as_str().unwrap()];
            check["verdict"]["verdict"] == "refuted" && names(&check.to_string(), &planted)
        });
        assert!(by_name.is_some(), "{planted:?}: {degraded:?}");
        // And for people.
        let text = place.nba(&["health"]).exits(1);
        assert!(
            text.out.contains(planted.table) && names(&text.out, &planted),
            "{planted:?}: {text}"
        );
    }
    let records = place.nba(&["ledger", "verify", "--json"]).exits(0).json()["records"].clone();
    assert_eq!(
        records, 12,
        "one of the capture, one of each of eleven checks"
    );
}

/// Whether a report names the row by every part of its key, or the table's counts where it is more than a row.
fn names(text: &str, planted: &Planted) -> bool {
    let values = planted
        .key
        .split(", ")
        .filter_map(|part| part.split_once('='));
    let by_key =
        values.clone().count() > 0 && values.clone().all(|(_, value)| text.contains(value));
    by_key || (planted.rows != 1 && text.contains(planted.before.as_deref().unwrap_or("missing")))
}

pub(crate) fn a_damaged_baseline_is_no_baseline(world: &World) {
    let place = world.project("damaged");
    capture(&place);
    let folder = place.project.join(".nba/baselines/default");
    let row_file = folder.join("rows/public.games.parquet");
    for file in [folder.join("baseline.json"), row_file] {
        let sound = std::fs::read(&file).unwrap();
        let mut damaged = sound.clone();
        // One digit of a figure, or one byte of the data.
        let middle = damaged
            .iter()
            .enumerate()
            .skip(sound.len() / 2)
            .find(|(_, byte)| byte.is_ascii_digit())
            .unwrap()
            .0;
        damaged[middle] ^= 1;
        for (what, bytes) in [
            ("changed", Some(&damaged[..])),
            ("cut", Some(&sound[..middle])),
            ("lost", None),
        ] {
            match bytes {
                Some(bytes) => std::fs::write(&file, bytes).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            let name = file.file_name().unwrap().to_str().unwrap();
            // Without its main file there is no baseline at all.
            let named = if (what, name) == ("lost", "baseline.json") {
                "no baseline `default`"
            } else {
                name
            };
            place.nba(&["health"]).exits(2).says(named);
        }
        std::fs::write(&file, &sound).unwrap();
        place.nba(&["health"]).exits(0);
    }
}

pub(crate) fn the_wrong_database_is_not_compared(world: &World) {
    let place = world.project("wrong_right");
    capture(&place);
    let other = world.project_with_database("wrong_other");
    copy(
        &place.project.join(".nba/baselines"),
        &other.project.join(".nba/baselines"),
    );
    let ran = other.nba(&["health", "--json"]).exits(1);
    let report = ran.json();
    assert_eq!(report["identity"]["verdict"]["verdict"], "refuted", "{ran}");
    assert_nothing_was_counted(&report);
    let text = other.nba(&["health"]).exits(1);
    assert!(text.out.contains("wrong_other"), "{text}");
}

/// No table may look compared, least of all empty.
fn assert_nothing_was_counted(report: &Value) {
    let checks = report["checks"].as_object().unwrap();
    let tables: Vec<_> = checks
        .iter()
        .filter(|(name, _)| name.starts_with("table:"))
        .collect();
    assert!(tables.len() >= 54, "{report:#}");
    for (name, check) in tables {
        assert_eq!(check["actual"], Value::Null, "{name}");
        assert!(
            ["not_proven", "not_applicable"]
                .contains(&check["verdict"]["verdict"].as_str().unwrap()),
            "{name}: {check}"
        );
    }
}

pub(crate) fn one_check_can_be_asked(world: &World) {
    let place = world.project("one_check");
    place.nba(&["health"]).exits(2).says("nba baseline capture");
    capture(&place);
    let one = place.nba(&["health", "--check", "games_count"]).exits(0);
    assert!(one.out.starts_with("ok games_count: "), "{one}");
    assert_eq!(one.out.lines().count(), 1, "{one}");
    let known = place
        .nba(&["health", "--check", "games"])
        .exits(2)
        .says("`games`");
    for name in LEGACY_CHECKS {
        assert!(known.err.contains(name), "{known}");
    }
    place
        .nba(&["health", "--baseline", "nosuch"])
        .exits(2)
        .says("no baseline `nosuch`")
        .says("hint: ");
    let shown = place.nba(&["baseline", "show", "--json"]).exits(0).json();
    assert_eq!(
        shown["tables"].as_object().map_or_else(
            || shown["tables"].as_array().unwrap().len(),
            serde_json::Map::len
        ),
        54
    );
}

pub(crate) fn the_dashboard_writes_the_legacy_files(world: &World) {
    let place = world.project("dashboard");
    capture(&place);
    let logs = place.project.join("refactoring_logs");
    let run = place
        .nba(&[
            "dashboard",
            "--json",
            "--continuous",
            "--ticks",
            "2",
            "--interval",
            "1",
        ])
        .exits(0);
    // One document per check, each on its line.
    let numbers: Vec<Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["check_number"].clone())
        .collect();
    assert_eq!(numbers, [1, 2]);
    let files = names_in(&logs);
    assert_eq!(
        files
            .iter()
            .filter(|name| name.starts_with("health_check_") && name.ends_with(".json"))
            .count(),
        2
    );
    assert!(files.contains(&"latest.json".to_owned()));
    assert_eq!(files.len(), 3, "something half written was left: {files:?}");
    let latest: Value =
        serde_json::from_slice(&std::fs::read(logs.join("latest.json")).unwrap()).unwrap();
    assert_eq!(
        (&latest["check_number"], &latest["overall_status"]),
        (&2.into(), &"healthy".into())
    );
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

pub(crate) fn an_interrupted_dashboard_ends_at_once(world: &World) {
    let place = world.project("interrupted");
    capture(&place);
    let latest = place.project.join("refactoring_logs/latest.json");
    let dashboard = place.spawn(&["dashboard", "--continuous", "--interval", "3600"]);
    // Each time it is there it has to be whole.
    wait_for("report", Duration::from_secs(30), || {
        let text = std::fs::read(&latest).ok()?;
        Some(serde_json::from_slice::<Value>(&text).expect("a whole report"))
    });
    dashboard.signal("INT");
    let ran = dashboard.ends_within(Duration::from_secs(3)).exits(2);
    assert!(
        ran.err.contains("interrupted") && ran.out.contains("healthy"),
        "{ran}"
    );
    place.nba(&["ledger", "verify"]).exits(0);
}

/// Run when all else is done, because it stops the server.
pub(crate) fn a_stopped_server_is_not_an_empty_one(world: &World) {
    let place = world.project("stopped");
    capture(&place);
    world.stop().exits(0).says("stopped");
    world.stop().exits(0).says("no server was running there");
    let report = health(&place, 2);
    assert_eq!(report["overall_status"], "error");
    assert_eq!(
        report["checks"]["database_connection"]["verdict"]["verdict"],
        "not_proven"
    );
    assert_nothing_was_counted(&report);
    let text = place.nba(&["health"]).exits(2);
    assert!(
        text.out.contains("could not tell")
            || text.out.contains("not proven")
            || text.out.contains("error"),
        "{text}"
    );
    for words in [
        &["db", "counts"][..],
        &["db", "identity"],
        &["baseline", "capture", "--name", "b"],
    ] {
        let ran: Ran = place.nba(words).exits(2).says("error: ").says("hint: ");
        assert!(ran.out.is_empty(), "{ran}");
    }
    // Without a server there is still a plan, which says what it lacks.
    place.nba(&["rollback", "plan"]).exits(2);
    assert_eq!(names_in(&place.project.join(".nba/baselines")), ["default"]);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
