//! What went wrong around the data: evidence, schedules, code, backups, room.

use super::scene::Scene;
use crate::program::{Place, Ran};
use crate::world::World;
use std::path::Path;

/// A git checkout of the platform's package and one script outside of it.
fn package(world: &World, name: &str) -> Place {
    let place = Place::empty(&world.dir().join(name));
    let files = [
        ("README.md", "# legacy\n"),
        ("nba_simulator/__init__.py", ""),
        ("nba_simulator/database.py", "import json\n"),
        (
            "nba_simulator/etl/__init__.py",
            "from .base import Scraper\n",
        ),
        (
            "nba_simulator/etl/base.py",
            "from nba_simulator.database import connect\n",
        ),
        (
            "scripts/backup/snapshot.py",
            "from nba_simulator import database\n",
        ),
    ];
    for (path, text) in files {
        let path = place.project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    place.shell("git init -q && git add .").exits(0);
    commit(&place);
    place
}

fn commit(place: &Place) {
    place
        .shell("git -c user.name=t -c user.email=t@example.invalid -c commit.gpgsign=false commit -aqm work")
        .exits(0);
}

/// Fails unless `nba state imports` is red and says this.
#[track_caller]
fn imports_refuted(place: &Place, says: &str) {
    let ran = place.nba(&["state", "imports"]).exits(1);
    assert!(ran.out.contains(says), "`{says}` is missing in {ran}");
}

pub(crate) fn a_baseline_was_taken_from_another_database(world: &World) {
    let scene = Scene::new(world, "f01");
    scene.place.nba(&["baseline", "capture"]).exits(0);
    scene.place.nba(&["health"]).exits(0);
    // A local database under nearly the same name: more rows, fewer tables.
    scene.copy("f01_local");
    scene.run_in(
        "f01_local",
        "drop table play_by_play cascade; drop table box_score_players cascade",
    );
    let local = scene.url("f01_local", "postgres");
    let report = scene
        .place
        .nba(&["--target", &local, "health", "--json"])
        .exits(1)
        .json();
    assert_eq!(report["identity"]["verdict"]["verdict"], "refuted");
    let counted = report["checks"]
        .as_object()
        .unwrap()
        .iter()
        .any(|(name, check)| name.starts_with("table:") && !check["actual"].is_null());
    assert!(!counted, "nothing may be compared: {report:#}");
    // Nor does evidence from there close a gate.
    let ran = scene.place.nba(&["preflight"]);
    assert!(ran.out.contains("about another database"), "{ran}");
}

pub(crate) fn tables_were_there_that_no_plan_knew(world: &World) {
    let scene = Scene::new(world, "f02");
    let captured = scene
        .place
        .nba(&["baseline", "capture", "--json"])
        .exits(0)
        .json();
    let shown = scene
        .place
        .nba(&["baseline", "show", "default", "--json"])
        .exits(0)
        .json();
    let tables = shown["tables"].as_object().unwrap();
    assert!(tables.len() >= 54, "{captured:#}");
    assert!(tables.contains_key("raw_data.nba_games"));
    scene.place.nba(&["health"]).exits(0);
    scene.run(
        "create schema side; create table side.temporal_events as select n as event_id from generate_series(1, 1000) n",
    );
    let ran = scene.place.nba(&["health"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.out.contains("side.temporal_events"), "{ran}");
}

pub(crate) fn jobs_were_installed_that_nobody_saw(world: &World) {
    let place = world.project("f03");
    let crontab = place.project.join("installed.cron");
    let folder = place.project.display().to_string();
    let good = format!("0 2 * * * cd {folder} && bash scripts/autonomous/run_scheduled_espn.sh\n");
    std::fs::write(&crontab, &good).unwrap();
    std::fs::remove_file(
        place
            .home
            .join(".config/systemd/user/adce-autonomous.service"),
    )
    .unwrap();
    let capture = ["state", "capture", "--crontab", "installed.cron"];
    place.nba(&capture).exits(0);
    // A line without the change of folder, which starts in the home folder and cannot find its script.
    let bad = "0 9 * * * scripts/audit/run_data_audit.sh --quiet\n";
    std::fs::write(&crontab, format!("{good}{bad}")).unwrap();
    place
        .nba(&capture)
        .exits(1)
        .says("run_data_audit.sh` is not there");
    let diff = place.nba(&["state", "diff"]).exits(1);
    assert!(diff.out.contains("a job"), "{diff}");
}

pub(crate) fn a_dry_run_returned_early_and_failures_exited_with_0(world: &World) {
    let place = package(world, "f10");
    // The dry run is the run's own plan: what it names is what is added, to the item.
    let planned = place.nba(&["setup", "--dry-run", "--json"]).exits(0).json();
    let done = place.nba(&["setup", "--json"]).exits(0).json();
    let paths = |items: &serde_json::Value| -> Vec<String> {
        let items = items.as_array().unwrap();
        items
            .iter()
            .map(|item| item["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let added: Vec<String> = done["added"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(paths(&planned), added);
    // A loader that counts a failure and exits with 0 is not believed; one that says so is not hidden.
    place
        .nba(&["etl", "run", "--", "echo", "1 game failed, continuing"])
        .exits(2)
        .says("is no evidence");
    place
        .nba(&["etl", "run", "--", "false"])
        .exits(2)
        .says("exit status 1");
}

pub(crate) fn files_changed_and_originals_were_deleted(world: &World) {
    let place = package(world, "f14");
    std::fs::write(place.project.join("installed.cron"), "").unwrap();
    let capture = ["state", "capture", "--crontab", "installed.cron"];
    place.nba(&capture).exits(0);
    place.nba(&capture).exits(0);
    place.nba(&["state", "diff"]).exits(0);
    std::fs::write(place.project.join("scripts/backup/snapshot.py"), "").unwrap();
    place.nba(&capture).exits(0);
    place
        .nba(&["state", "diff"])
        .exits(1)
        .says("the files of the legacy side");

    // Originals in the lake: two lists, object by object.
    let lake = place.project.join("lake/espn_play_by_play");
    std::fs::create_dir_all(&lake).unwrap();
    for game in ["400975770", "400975771"] {
        std::fs::write(lake.join(format!("{game}.json")), "{\"plays\": []}").unwrap();
    }
    let list = |file: &str| {
        place
            .nba(&[
                "lake",
                "inventory",
                "--path",
                "lake",
                "--content",
                "--manifest",
                file,
            ])
            .exits(0);
    };
    list("before.parquet");
    list("same.parquet");
    place
        .nba(&["lake", "diff", "before.parquet", "same.parquet"])
        .exits(0);
    std::fs::remove_file(lake.join("400975770.json")).unwrap();
    list("after.parquet");
    place
        .nba(&["lake", "diff", "before.parquet", "after.parquet"])
        .exits(1)
        .says("400975770");
}

/// `nba state tests`, of a suite that prints these summary lines.
fn suite(place: &Place, compare: bool, summary: &str) -> Ran {
    let mut words = vec!["state", "tests"];
    if compare {
        words.push("--compare");
    }
    words.extend(["--", "printf", summary]);
    place.nba(&words)
}

pub(crate) fn functions_were_lost_in_a_consolidation(world: &World) {
    let place = package(world, "f18");
    // What the sources offer, before and after: endpoints that no file has any more, although no test ever asked for them.
    let endpoints = place.project.join("nba_simulator/etl/endpoints.py");
    let source = |names: &[&str]| -> String {
        names
            .iter()
            .map(|name| {
                format!("def fetch_{name}():\n    return 'https://stats.example/{name}'\n\n")
            })
            .collect()
    };
    let capture = || {
        std::fs::write(place.project.join("none.crontab"), "").unwrap();
        place.nba(&[
            "state",
            "capture",
            "--crontab",
            "none.crontab",
            "--root",
            "scripts",
        ]);
    };
    std::fs::write(&endpoints, source(&["boxscore", "shots", "draft"])).unwrap();
    place.shell("git add nba_simulator").exits(0);
    commit(&place);
    capture();
    std::fs::write(&endpoints, source(&["boxscore"])).unwrap();
    commit(&place);
    capture();
    let lost = place.nba(&["state", "diff"]).exits(1);
    for name in [
        "the function `fetch_shots`",
        "the endpoint `https://stats.example/draft`",
    ] {
        assert!(lost.out.contains(name), "{name} is missing: {lost}");
    }
    assert!(!lost.out.contains("fetch_boxscore"), "{lost}");
    let all = "PASSED tests/hoopr.py::test_schedule\\nPASSED tests/hoopr.py::test_lineups\\n";
    suite(&place, false, all).exits(0);
    suite(&place, true, all).exits(0);
    suite(&place, true, "PASSED tests/hoopr.py::test_schedule\\n")
        .exits(1)
        .says("tests/hoopr.py::test_lineups");
    // What else used a function that has gone is found without running anything.
    place.nba(&["state", "imports"]).exits(0);
    std::fs::remove_file(place.project.join("nba_simulator/etl/base.py")).unwrap();
    commit(&place);
    imports_refuted(&place, "nba_simulator/etl/__init__.py");
}

pub(crate) fn tests_were_complete_because_they_were_skipped(world: &World) {
    let place = package(world, "f19");
    let all = "PASSED tests/chain.py::test_import\\nPASSED tests/chain.py::test_run\\n";
    suite(&place, false, all).exits(0);
    suite(&place, true, all).exits(0);
    let skipped = "PASSED tests/chain.py::test_import\\nSKIPPED [1] tests/chain.py:7: import commented out\\n";
    let ran = suite(&place, true, skipped);
    assert_ne!(ran.code, Some(0), "a skip is no pass: {ran}");
    assert!(ran.out.contains("tests/chain.py::test_run"), "{ran}");
}

pub(crate) fn an_import_led_nowhere(world: &World) {
    let place = package(world, "f20");
    place.nba(&["state", "imports"]).exits(0);
    let file = place.project.join("nba_simulator/etl/base.py");
    std::fs::write(file, "from nba_simulator.monitoring import dims\n").unwrap();
    commit(&place);
    imports_refuted(&place, "nba_simulator.monitoring");
}

pub(crate) fn a_module_was_never_committed(world: &World) {
    let place = package(world, "f21");
    let file = place.project.join("nba_simulator/etl/base.py");
    std::fs::write(file, "from nba_simulator import config\n").unwrap();
    commit(&place);
    // It is there and it runs, on this disk.
    std::fs::write(place.project.join("nba_simulator/config.py"), "").unwrap();
    imports_refuted(&place, "nba_simulator");
    place.shell("git add .").exits(0);
    commit(&place);
    place.nba(&["state", "imports"]).exits(0);
}

pub(crate) fn a_module_was_deleted_that_a_script_outside_needed(world: &World) {
    let place = package(world, "f22");
    place.nba(&["state", "imports"]).exits(0);
    // Nothing in the package needs it any more.
    std::fs::write(place.project.join("nba_simulator/etl/base.py"), "").unwrap();
    std::fs::remove_file(place.project.join("nba_simulator/database.py")).unwrap();
    commit(&place);
    imports_refuted(&place, "scripts/backup/snapshot.py");
}

pub(crate) fn a_verification_set_its_own_expectation(world: &World) {
    let scene = Scene::new(world, "f25");
    scene.place.nba(&["baseline", "capture"]).exits(0);
    scene.place.nba(&["health"]).exits(0);
    scene.run(
        "delete from box_score_teams where ctid in (select ctid from box_score_teams limit 5)",
    );
    scene.place.nba(&["health"]).exits(1);
    // What is measured now is written down as what was expected, and still is not: somebody else has to approve it.
    scene.place.nba(&["baseline", "capture"]);
    scene.health_refutes("table:public.box_score_teams");
}

pub(crate) fn failures_were_declared_expected(world: &World) {
    let place = package(world, "f26");
    let day = |days| {
        (chrono::Utc::now() + chrono::TimeDelta::days(days))
            .format("%Y-%m-%d")
            .to_string()
    };
    let waive = |owner: &str, reason: &str, until: &str| {
        place.nba(&[
            "phase", "waive", "0.tests", "--owner", owner, "--reason", reason, "--until", until,
        ])
    };
    waive("", "the schema differs", &day(7)).exits(2);
    waive("data team", "", &day(7)).exits(2);
    waive("data team", "the schema differs", &day(-1)).exits(2);
    waive("data team", "the schema differs", &day(4000)).exits(2);
    waive("data team", "the schema differs", &day(7)).exits(0);
    // Written, owned and ending, it lets pass and is no proof.
    let status = place.nba(&["phase", "status", "--json"]).exits(2).json();
    let gate = status["gates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gate| gate["id"] == "0.tests")
        .unwrap();
    assert_eq!(gate["waiver"]["owner"], "data team");
    assert_eq!(gate["verdict"]["verdict"], "not_proven", "{gate:#}");
}

pub(crate) fn evidence_was_typed_by_hand(world: &World) {
    let place = package(world, "f27");
    std::fs::write(
        place.project.join("installed.cron"),
        "0 9 * * * scripts/nothing.sh\n",
    )
    .unwrap();
    place
        .nba(&["state", "capture", "--crontab", "installed.cron"])
        .exits(1);
    place.nba(&["ledger", "verify"]).exits(0);
    let ledger = place.project.join(".nba/ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    assert!(text.contains("\"verdict\":\"refuted\""), "{text}");
    std::fs::write(
        &ledger,
        text.replace("\"verdict\":\"refuted\"", "\"verdict\":\"proven\""),
    )
    .unwrap();
    place.nba(&["ledger", "verify"]).exits(1);
    // Nothing that rests on it is proven, and nothing is added to it.
    let status = place.nba(&["phase", "status"]);
    assert_ne!(status.code, Some(0), "{status}");
    assert!(status.out.contains("the ledger is damaged"), "{status}");
    place
        .nba(&[
            "phase",
            "acknowledge",
            "--owner",
            "me",
            "--note",
            "all know",
        ])
        .exits(2)
        .says("nba ledger verify");
}

pub(crate) fn the_disk_was_full_in_the_middle(world: &World) {
    let scene = Scene::new(world, "f28");
    let place = &scene.place;
    place.nba(&["backup", "create"]).exits(0);
    let before = place.nba(&["backup", "list", "--json"]).exits(0).json();
    // No file may pass 32 KiB from here on, which the dump finds in the middle of a table.
    let ran = place.shell("trap '' XFSZ; ulimit -f 32; exec nba backup create");
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("error: "), "{ran}");
    let after = place.nba(&["backup", "list", "--json"]).exits(0).json();
    assert_eq!(before, after, "half a backup is none");
    place.nba(&["backup", "verify"]).exits(0);
}

pub(crate) fn a_suite_that_did_not_run_was_green(world: &World) {
    let place = package(world, "f33");
    suite(&place, false, "PASSED tests/a.py::test_one\\n").exits(0);
    // An option that does not exist, and an ending that hides it.
    let ran = place.nba(&["state", "tests", "--compare", "--", "sh", "-c", "exit 2"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    let masked = place.nba(&[
        "state",
        "tests",
        "--compare",
        "--",
        "sh",
        "-c",
        "no-such-option || true",
    ]);
    assert_ne!(masked.code, Some(0), "{masked}");
}

pub(crate) fn a_bit_of_a_backup_was_turned(world: &World) {
    let scene = Scene::new(world, "bitflip");
    let place = &scene.place;
    let created = place
        .nba(&["backup", "create", "--compress", "0", "--json"])
        .exits(0)
        .json();
    place.nba(&["backup", "verify"]).exits(0);
    let folder = Path::new(created["folder"].as_str().unwrap()).join("dump");
    // A letter of a text in the largest data file.
    let file = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|end| end == "dat") && !path.ends_with("toc.dat")
        })
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    let at = half + bytes[half..].iter().position(|&byte| byte == b'e').unwrap();
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    place.nba(&["backup", "verify"]).exits(1).says(&name);
    place.nba(&["backup", "status"]).exits(2);
}
