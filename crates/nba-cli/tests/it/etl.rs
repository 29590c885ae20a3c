//! `nba etl`.

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
        "--database",
        "db",
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
        .says("rows of `public.grown`: nothing came or changed, at least 1 expected (1 before, 1 after)");
    place
        .nba(&["etl", "run", "--", "true"])
        .exits(2)
        .says("is no evidence");
    place
        .nba(&["etl", "run", "--expect-rows", "public.grown", "--", "false"])
        .exits(1)
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
        "trap '' TERM; sleep 601 & echo $! > {0}.new; mv {0}.new {0}; wait",
        marker.display()
    );
    // Even what ignores being asked: the program waits for the end it makes.
    let mut run = place.spawn(&["etl", "run", "--grace", "1", "--", "sh", "-c", &script]);
    let child: Option<u32> = wait_for("child", Duration::from_secs(60), || {
        let known = std::fs::read_to_string(&marker).ok();
        match known.and_then(|text| text.trim().parse().ok()) {
            Some(child) => Some(Some(child)),
            None => run.has_ended().then_some(None),
        }
    });
    let Some(child) = child else {
        panic!(
            "ended before its script began: {}",
            run.ends_within(Duration::from_secs(10))
        );
    };
    run.signal("TERM");
    let ran = run.ends_within(Duration::from_secs(30)).exits(2);
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
    for name in ["ODDS_API_KEY", "of-nobody"] {
        assert!(!bare.out.contains(name), "{bare}");
    }
    // No database by any of its names, until one is given.
    for name in ["DB_HOST", "RDS_HOSTNAME", "POSTGRES_HOST", "PGHOST"] {
        assert!(
            bare.out
                .contains(&format!("{name}=no-database-was-given.invalid")),
            "{bare}"
        );
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

pub(crate) fn scripts_are_read_run_and_remembered(world: &World) {
    let place = world.project_with_database("etl_scripts");
    let listed = place.nba(&["etl", "list", "--json"]).exits(0).json();
    let names: Vec<&str> = listed["scripts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|script| script["path"].as_str())
        .collect();
    assert!(
        names.contains(&"scripts/etl/extract_pbp_local.py"),
        "{names:?}"
    );
    place
        .nba(&["etl", "list", "--missing"])
        .exits(0)
        .says("calls scrape_missing_espn_data.py, which is missing");
    place
        .nba(&["etl", "inspect", "extract_pbp_local"])
        .exits(0)
        .says("--year VALUE");
    // A name of nba.toml leads to a script, or to an error that names what may be meant.
    std::fs::write(
        place.project.join("nba.toml"),
        "[entry_points]\n\"etl.espn.pbp\" = \"extract_pbp_local\"\n\"etl.hoopr\" = \"run_hoopr_scraper\"\n",
    )
    .unwrap();
    place
        .nba(&["etl", "inspect", "etl.espn.pbp"])
        .exits(0)
        .says("scripts/etl/extract_pbp_local.py");
    place
        .nba(&["etl", "run", "etl.hoopr"])
        .exits(2)
        .says("entry point of `etl.hoopr`");

    // Arguments that the script would misunderstand never reach it.
    place
        .nba(&["etl", "run", "espn_async_scraper", "--", "--season", "2024"])
        .exits(2)
        .says("silently take it for `--seasons`");
    place
        .nba(&[
            "etl",
            "run",
            "extract_pbp_local",
            "--dry-run",
            "--",
            "--year",
            "2024",
        ])
        .exits(0)
        .says("would run:");
    assert!(
        !place.project.join(".nba/history.db").exists(),
        "a dry run leaves nothing"
    );

    // No database was given: the loader finds none, ends with 0, and is not believed.
    let lake = place.project.join("lake");
    std::fs::create_dir_all(lake.join("nba-sim-raw-data-lake")).unwrap();
    let blind = place
        .with("S3_LOCAL_ROOT", lake.display().to_string())
        .nba(&[
            "etl",
            "run",
            "etl.espn.pbp",
            "--pass-env",
            "S3_LOCAL_ROOT",
            "--expect",
            "rows:public.play_by_play",
            "--",
            "--year",
            "2024",
        ])
        .exits(1)
        .says("nothing came or changed");
    assert!(blind.out.contains("no connection"), "{blind}");
    // With the database, and with work to do, it is.
    let helper = place.project.join("scripts/etl/add_game.py");
    std::fs::write(
        &helper,
        "#!/usr/bin/env python3\nimport os, subprocess\nif __name__ == '__main__':\n    subprocess.run(['psql', '-qX', '-c', \"insert into games (game_id) values ('9')\"], check=True)\n    print('Games inserted: 1')\n",
    )
    .unwrap();
    world.sql("etl_scripts", "create table added (n int)");
    std::fs::write(
        &helper,
        std::fs::read_to_string(&helper).unwrap().replace(
            "insert into games (game_id) values ('9')",
            "insert into added values (1)",
        ),
    )
    .unwrap();
    let ran = place
        .nba(&[
            "etl",
            "run",
            "add_game",
            "--json",
            "--database",
            "db",
            "--lock-hosts",
            "--expect",
            "rows:public.added",
            "--expect",
            "counter:games inserted>=1",
        ])
        .exits(0);
    let report = ran.json();
    assert_eq!(report["counters"]["games inserted"], 1);
    let run_id = report["run_id"].as_str().unwrap().to_owned();

    let history = place.nba(&["etl", "history", "--json"]).exits(0).json();
    assert_eq!(history["runs"][0]["run_id"], run_id.as_str());
    assert_eq!(history["runs"][0]["verdict"], "proven");
    assert_eq!(history["runs"][1]["verdict"], "refuted");
    place
        .nba(&["etl", "logs", &run_id[..13]])
        .exits(0)
        .says("Games inserted: 1");
    place
        .nba(&["etl", "history", "add_game", "--fresh-within", "1"])
        .exits(0);
    place
        .nba(&["etl", "history", "etl.espn.pbp", "--fresh-within", "26"])
        .exits(1)
        .says("none of 1 runs");
    place
        .nba(&["etl", "history", "never_ran", "--fresh-within", "26"])
        .exits(2);
    // The day has as many games as the schedule says.
    place
        .nba(&[
            "etl",
            "run",
            "add_game",
            "--database",
            "db",
            "--expect",
            "rows:public.added",
            "--volume",
            "select 3 as n",
        ])
        .exits(1)
        .says("only 1 came or changed, at least 3 expected");
}

pub(crate) fn one_job_runs_once(world: &World) {
    let place = world.project("etl_overlap");
    let marker = place.project.join("started");
    let script = format!("touch '{}'; sleep 600", marker.display());
    let first = place.spawn(&["etl", "run", "--job", "nightly", "--", "sh", "-c", &script]);
    wait_for("the first run", Duration::from_secs(20), || {
        marker.exists().then_some(())
    });
    place
        .nba(&["etl", "run", "--job", "nightly", "--", "true"])
        .exits(2)
        .says("`nightly` is running already");
    place
        .nba(&["etl", "run", "--job", "other", "--", "true"])
        .exits(2)
        .says("is no evidence");
    // Killed without a chance to clear up: the lock ends with it, and the run is not taken for a running one for ever.
    first.signal("KILL");
    drop(first);
    place
        .nba(&["etl", "run", "--job", "nightly", "--", "true"])
        .exits(2)
        .says("is no evidence");
}

pub(crate) fn nothing_escapes(world: &World) {
    let place = world.project("etl_escape");
    // Out of the session, without the mark, its parent gone at once: only being its new parent finds it.
    let script = "env -i setsid sh -c 'sleep 602 > /dev/null 2>&1 & echo $!'; exit 0";
    let ran = place
        .nba(&["etl", "run", "--json", "--", "bash", "-c", script])
        .exits(2);
    let report = ran.json();
    let child: u32 = report["stdout"].as_str().unwrap().trim().parse().unwrap();
    wait_for("end of the escaped child", Duration::from_secs(10), || {
        (!is_alive(child)).then_some(())
    });
    // Caught before its `exec`, the child still has the words of its shell.
    let survivor = report["survivors"][0].as_str().unwrap();
    assert!(survivor.contains("sleep 602"), "{ran}");
}
