//! From a red preflight through the phases to a loss, and back.

use crate::program::Place;
use crate::world::World;
use nba_utils::TreeFingerprint;
use nba_utils::tree::Excludes;

/// What a phase asks for is done, and only then it advances; rows are lost, an alarm is raised, and they come back.
pub(crate) fn the_whole_way_and_back(world: &World) {
    let place = world.project_with_database("safety");
    let project = place.project.display().to_string();
    place.nba(&["preflight"]).exits(2);
    place.nba(&["phase", "advance"]).exits(2).says("0.backup");

    // Red: two jobs that cannot find their script, a service whose interpreter is not there, a crontab nobody committed.
    let crontab = place.project.join("installed.cron");
    std::fs::write(
        &crontab,
        "0 9 * * * scripts/audit/run_data_audit.sh --quiet\n",
    )
    .unwrap();
    let capture = ["state", "capture", "--crontab", "installed.cron"];
    place.nba(&capture).exits(1).says("is not there");
    // Remedies.
    std::fs::write(
        &crontab,
        format!("0 2 * * * cd {project} && bash scripts/autonomous/run_scheduled_espn.sh\n"),
    )
    .unwrap();
    std::fs::remove_file(
        place
            .home
            .join(".config/systemd/user/adce-autonomous.service"),
    )
    .unwrap();
    place.nba(&capture).exits(0);

    place.nba(&["baseline", "capture"]).exits(0);
    place.nba(&["restore", "point"]).exits(0);
    place
        .nba(&[
            "state",
            "tests",
            "--",
            "echo",
            "PASSED tests/a.py::test_one",
        ])
        .exits(0);
    place
        .nba(&["lake", "inventory", "--path", "config"])
        .exits(0);
    place
        .nba(&[
            "phase",
            "acknowledge",
            "--owner",
            "me",
            "--note",
            "all know",
        ])
        .exits(0);
    place
        .nba(&["backup", "drill"])
        .exits(0)
        .says("restorable and identical");
    place.nba(&["rollback", "rehearse"]).exits(0);
    place.nba(&["health"]).exits(0);
    place
        .nba(&["preflight"])
        .exits(2)
        .says("1 of 2 proven runs");
    place.nba(&["health"]).exits(0);
    place.nba(&["preflight"]).exits(0);
    place.nba(&["phase", "advance"]).exits(0).says("phase 1");

    // The parallel structure, and nothing of the old side touched.
    let untouched = legacy_side(&place);
    place
        .nba(&["setup"])
        .exits(0)
        .says("nothing else changed: proven");
    let after = legacy_side(&place);
    assert!(untouched.diff(&after).unwrap().is_empty());
    place.nba(&capture).exits(0);
    place.nba(&["phase", "advance"]).exits(2).says("1.health");
    place.nba(&["health"]).exits(0);
    place.nba(&["phase", "advance"]).exits(0).says("phase 2");

    // Side by side: the script and its port on the same games, again and again. Twice is not enough.
    place
        .nba(&[
            "switch",
            "set",
            "etl.espn.pbp",
            "shadow",
            "--by",
            "me",
            "--why",
            "phase 2",
        ])
        .exits(0);
    place.nba(&["phase", "advance"]).exits(2).says("2.shadow");
    let root = world.dir().join("safety-lake").display().to_string();
    let bucket = format!("{root}/nba-sim-raw-data-lake");
    place.nba(&["testkit", "lake", &bucket, "--quiet"]).exits(0);
    let with_lake = place.with("S3_LOCAL_ROOT", &root);
    let compare = || {
        let ran = with_lake
            .nba(&[
                "shadow",
                "run",
                "etl.espn.pbp",
                "--units",
                "20",
                "--years",
                "2016-2019",
                "--lake",
                &bucket,
                "--pass-env",
                "S3_LOCAL_ROOT",
                "--json",
            ])
            .exits(0);
        assert!(ran.json()["equal_rows"].as_u64() > Some(100), "{ran}");
    };
    compare();
    compare();
    place
        .nba(&["phase", "advance"])
        .exits(2)
        .says("2.shadow: not proven: 2 of 3 proven runs in a row");
    compare();
    // Medians of three; the suite is not built for speed here.
    place
        .nba(&["phase", "benchmark", "--tolerance", "300"])
        .exits(0);
    let until = (chrono::Utc::now() + chrono::Duration::days(7))
        .format("%Y-%m-%d")
        .to_string();
    place
        .nba(&[
            "phase",
            "waive",
            "2.invariants",
            "--owner",
            "me",
            "--reason",
            "a story",
            "--until",
            &until,
        ])
        .exits(0);
    place.nba(&["health"]).exits(0);
    place.nba(&["phase", "advance"]).exits(0).says("phase 3");

    // Rows are lost.
    let before = world.sql("safety", "select count(*) from games");
    world.sql(
        "safety",
        "delete from play_by_play where ctid in (select ctid from play_by_play limit 10)",
    );
    let lost = world.sql("safety", "select count(*) from play_by_play");
    place.nba(&["health"]).exits(1);
    place
        .nba(&["phase", "check", "--fall-back"])
        .exits(1)
        .says("`etl.espn.pbp` is legacy again");
    place.nba(&["phase", "advance"]).exits(2).says("health is");

    // And come back, into a new database; the live one stays as it is.
    let backups = place.nba(&["backup", "list", "--json"]).exits(0).json();
    let backup = backups[0]["name"].as_str().unwrap();
    let points = place.nba(&["restore", "list", "--json"]).exits(0).json();
    let point = points[0]["commit"].as_str().unwrap();
    let run = [
        "rollback",
        "run",
        "--yes",
        "--id",
        "story",
        "--point",
        point,
        "--code-into",
        "../as-it-was",
        "--backup",
        backup,
        "--on",
        "db",
        "--database",
        "safety_restored",
    ];
    let ran = place.nba(&run).exits(0).says("restorable and identical");
    assert!(
        ran.out
            .contains("next: `safety_restored` was proven identical"),
        "{ran}"
    );
    place.nba(&run).exits(0).says("(done before)");
    assert_eq!(
        world.sql("safety", "select count(*) from play_by_play"),
        lost
    );
    assert_ne!(
        world.sql("safety_restored", "select count(*) from play_by_play"),
        lost
    );
    assert_eq!(
        world.sql("safety_restored", "select count(*) from games"),
        before
    );
    place.nba(&["phase", "status", "--json"]).exits(1);
    // Identity and content, held against the baseline from before the loss and not against the backup.
    let restored = format!(
        "postgres:///safety_restored?host={}&user=postgres",
        world.socket()
    );
    place
        .nba(&[
            "--target", &restored, "baseline", "capture", "--name", "restored",
        ])
        .exits(0);
    let shown = |name: &str| {
        let shown = place.nba(&["baseline", "show", name, "--json"]).exits(0);
        shown.json()
    };
    let (before, after) = (shown("default"), shown("restored"));
    let system = "/identity/system_identifier";
    assert!(before.pointer(system).is_some_and(|id| id.is_string()));
    assert_eq!(before.pointer(system), after.pointer(system));
    let tables = |shown: &serde_json::Value| -> Vec<(String, serde_json::Value)> {
        let tables = shown["tables"].as_object().unwrap();
        tables
            .iter()
            .map(|(name, table)| (name.clone(), table["content"].clone()))
            .collect()
    };
    assert!(tables(&before).len() >= 54);
    assert_eq!(tables(&before), tables(&after));
    // Definitions are the backup's business: PostgreSQL prints some of them otherwise after a restore.
    place.nba(&["ledger", "verify"]).exits(0);
    // What happened, for those who come after: the loss, the step back, and what was waived.
    let told = place.nba(&["phase", "report"]).exits(0);
    for words in [
        "## Lessons",
        "rows missing",
        "rollback story",
        "`2.invariants`",
    ] {
        assert!(told.out.contains(words), "`{words}` is missing in {told}");
    }
    world.sql("postgres", "drop database safety_restored");
}

/// Every file of the checkout that is not ours.
fn legacy_side(place: &Place) -> TreeFingerprint {
    let ours = [
        ".git",
        "/.nba",
        "/nba",
        "/nba.toml",
        "/backups",
        "/refactoring_logs",
    ];
    TreeFingerprint::of(&place.project, &Excludes::new(ours).unwrap()).unwrap()
}
