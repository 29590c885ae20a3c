//! `nba etl run`.

use crate::program::{is_alive, wait_for};
use crate::world::{World, credentials};
use nba_db::embedded::{PgBinaries, Search};
use std::time::Duration;

pub(crate) fn only_an_effect_proves_a_script(world: &World) {
    let place = world.project_with_database("etl_effect");
    world.sql("etl_effect", "create table public.grown (n int)");
    let psql = PgBinaries::find(&Search::default())
        .unwrap()
        .program("psql")
        .display()
        .to_string();
    let insert = [
        "etl",
        "run",
        "--json",
        "--expect-rows",
        "public.grown",
        "--",
        &psql,
        "-q",
        "-h",
        &world.socket(),
        "-U",
        "postgres",
        "-d",
        "etl_effect",
        "-c",
        "insert into grown values (1)",
    ];
    let ran = place.nba(&insert).exits(0);
    assert_eq!(ran.json()["rows_before"]["public.grown"], 0);
    assert_eq!(ran.json()["rows_after"]["public.grown"], 1);

    place
        .nba(&["etl", "run", "--expect-rows", "public.grown", "--", "true"])
        .exits(1)
        .says("`public.grown` has not grown: 1 rows before, 1 after");
    place
        .nba(&["etl", "run", "--", "true"])
        .exits(2)
        .says("is no evidence");
    place
        .nba(&["etl", "run", "--expect-rows", "public.grown", "--", "false"])
        .exits(2)
        .says("exit status 1");
    place
        .nba(&["etl", "run", "--expect-rows", "public.nosuch", "--", "true"])
        .exits(2)
        .says("public.nosuch");
    place
        .nba(&["etl", "run", "--", "no-such-program"])
        .exits(2)
        .says("hint: install `no-such-program`");
    // Quiet: the verdict, without what the script printed.
    let quiet = place
        .nba(&["etl", "run", "--quiet", "--", "echo", "chatter"])
        .exits(2);
    assert!(
        !quiet.out.contains("chatter") && quiet.out.contains("not_proven"),
        "{quiet}"
    );
}

pub(crate) fn a_deadline_ends_the_whole_tree(world: &World) {
    let place = world.project("etl_deadline");
    // A child in the group, and one that has left it.
    let script = "sleep 600 & echo $!; setsid sleep 600 & echo $!; wait";
    let ran = place
        .nba(&[
            "etl",
            "run",
            "--json",
            "--timeout",
            "1",
            "--",
            "sh",
            "-c",
            script,
        ])
        .exits(2);
    let report = ran.json();
    assert_eq!(report["ending"], "being stopped at its deadline");
    let children: Vec<u32> = report["stdout"]
        .as_str()
        .unwrap()
        .lines()
        .map(|id| id.parse().unwrap())
        .collect();
    assert_eq!(children.len(), 2, "{ran}");
    for child in children {
        wait_for("end of a child", Duration::from_secs(5), || {
            (!is_alive(child)).then_some(())
        });
    }
    // Interrupted by hand, the same.
    let marker = place.project.join("started");
    let script = format!(
        "sleep 601 & echo $! > {0}.new; mv {0}.new {0}; wait",
        marker.display()
    );
    let run = place.spawn(&["etl", "run", "--", "sh", "-c", &script]);
    let child: u32 = wait_for("child", Duration::from_secs(20), || {
        std::fs::read_to_string(&marker).ok()?.trim().parse().ok()
    });
    run.signal("TERM");
    let ran = run.ends_within(Duration::from_secs(10)).exits(2);
    assert!(ran.err.contains("told to stop"), "{ran}");
    wait_for("end of a child", Duration::from_secs(5), || {
        (!is_alive(child)).then_some(())
    });
}

pub(crate) fn a_script_gets_no_secrets(world: &World) {
    let place = world
        .project("etl_secrets")
        .with("ODDS_API_KEY", "key-of-nobody")
        .with("DB_PASSWORD", "word-of-nobody");
    let bare = place.nba(&["etl", "run", "--", "env"]).exits(2);
    assert!(
        bare.out.contains("PATH=") && bare.out.contains("HOME="),
        "{bare}"
    );
    for name in ["ODDS_API_KEY", "DB_PASSWORD", "of-nobody"] {
        assert!(!bare.out.contains(name), "{bare}");
    }
    let passed = place
        .nba(&["etl", "run", "--pass-env", "DB_PASSWORD", "--", "env"])
        .exits(2);
    assert!(passed.out.contains("DB_PASSWORD=***"), "{passed}");
    place
        .nba(&["etl", "run", "--pass-env", "NOT_THERE", "--", "env"])
        .exits(2)
        .says("`NOT_THERE` is not set");

    // What the script finds by itself is hidden as well, also under a name that says nothing.
    let file = credentials(&place).display().to_string();
    let found = place
        .nba(&[
            "etl",
            "run",
            "--",
            "sh",
            "-c",
            &format!(". {file}; echo it is $RDS_PASSWORD"),
        ])
        .exits(2);
    assert!(found.out.contains("it is ***"), "{found}");
}
