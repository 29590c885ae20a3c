//! `nba boxscore`: games of a lake, counted, shown at any moment and held against themselves.

use std::time::Duration;

use nba_testkit::s3::{S3Credentials, S3Server};

use crate::program::wait_for;
use crate::world::World;

/// A season of the lake with one game, and one with two.
const ONE_GAME: &str = "lake/hoopr_parquet/play_by_play/pbp_2004.parquet";
const TWO_GAMES: &str = "lake/hoopr_parquet/play_by_play/pbp_2003.parquet";

pub(crate) fn games_are_counted_and_proven(world: &World) {
    let place = world.project("boxscore");
    place
        .nba(&["testkit", "lake", "lake", "--scale", "0.001", "--quiet"])
        .exits(0);

    let proven = place
        .nba(&["--json", "boxscore", "verify", TWO_GAMES])
        .exits(0)
        .json();
    assert_eq!(proven["verdict"], "proven", "{proven}");
    assert_eq!(proven["games_proven"], 2, "{proven}");
    assert!(
        proven["figures_compared"].as_u64() > Some(1_000),
        "{proven}"
    );
    // Pages without plays prove nothing, and the exit code says so.
    let lake = place
        .nba(&["--json", "boxscore", "verify", "lake"])
        .exits(2)
        .json();
    assert_eq!(lake["games_refuted"], 0, "{lake}");
    assert!(lake["games_not_proven"].as_u64() > Some(0), "{lake}");

    let shown = place
        .nba(&["--json", "boxscore", "show", ONE_GAME])
        .exits(0)
        .json();
    let then = place
        .nba(&["--json", "boxscore", "at", ONE_GAME, "Q1", "0:00"])
        .json();
    assert_ne!(shown, then, "the first quarter is not the game");
    place
        .nba(&["boxscore", "show", ONE_GAME, "--period", "Q4"])
        .says("counts: proven");

    let out = place.project.join("boxes.csv");
    let generated = place
        .nba(&[
            "--json",
            "boxscore",
            "generate",
            TWO_GAMES,
            "--out",
            "boxes.csv",
        ])
        .exits(0)
        .json();
    for figure in ["games_proven", "figures_compared", "starting_fives"] {
        assert_eq!(generated[figure], proven[figure], "{generated}");
    }
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(written.starts_with("game_id,team_id,"), "{written}");
    assert!(written.lines().count() > 30, "{written}");

    for (words, problem) in [
        (&["show", "nosuch"][..], "cannot read `nosuch`"),
        (&["show", TWO_GAMES], "name one with --game"),
        (&["show", TWO_GAMES, "--game", "17"], "has no game `17`"),
        (&["at", ONE_GAME, "Q9", "0:00"], "`Q9` is no period"),
        (&["verify", "nosuch"], "nosuch"),
        (&["generate", "nosuch", "--out", "none.csv"], "nosuch"),
    ] {
        let words: Vec<&str> = ["--json", "boxscore"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let ran = place.nba(&words).exits(2);
        let error = ran.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(problem), "{ran}");
    }
    assert!(!place.project.join("none.csv").exists());
}

pub(crate) fn a_store_is_filled_gone_on_with_and_loaded(world: &World) {
    let place = world.own_database("boxstore");
    place
        .nba(&["testkit", "lake", "lake", "--scale", "0.001", "--quiet"])
        .exits(0);
    let generate = ["--json", "boxscore", "generate", "lake", "--store"];
    let with = |store: &'static str| {
        let mut words = generate.to_vec();
        words.push(store);
        words
    };
    // Pages without plays prove nothing.
    let whole = place.nba(&with("whole")).exits(2).json();
    assert_eq!(whole["games_refuted"], 0, "{whole}");
    assert!(whole["games_proven"].as_u64() > Some(10), "{whole}");

    // Killed in the middle, and gone on with.
    let store = place.project.join("boxes");
    let mut killed = place.spawn(&with("boxes"));
    wait_for("a part at work", Duration::from_secs(60), || {
        let begun = std::fs::read_dir(&store)
            .is_ok_and(|mut entries| entries.any(|entry| entry.unwrap().file_name() != ".lock"));
        (begun || killed.has_ended()).then_some(())
    });
    killed.kill();
    let rest = place.nba(&with("boxes")).exits(2).json();
    assert_eq!(rest["digest"], whole["digest"], "{rest}");
    let again = place.nba(&with("boxes")).exits(2).json();
    assert_eq!(again["files_unchanged"], again["files"], "{again}");
    assert_eq!(again["parts_written"], 0, "{again}");
    assert_eq!(again["digest"], whole["digest"], "{again}");
    let left: Vec<_> = std::fs::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    // A moment of the store is that of the file.
    let file = place
        .nba(&["--json", "boxscore", "at", ONE_GAME, "Q3", "4:21"])
        .exits(0)
        .json();
    let id = file["game"].as_str().unwrap().to_owned();
    let stored = place
        .nba(&[
            "--json", "boxscore", "at", "boxes", "Q3", "4:21", "--game", &id, "--source", "hoopr",
        ])
        .exits(0)
        .json();
    for side in ["home", "away"] {
        assert_eq!(stored[side], file[side], "{side}");
    }
    let shown = place
        .nba(&[
            "--json", "boxscore", "show", "boxes", "--game", &id, "--source", "hoopr",
        ])
        .exits(0)
        .json();
    assert_eq!(shown["grade"], "A", "{shown}");

    // Into PostgreSQL; a second run changes nothing.
    let load = [
        "--json",
        "boxscore",
        "load",
        "boxes",
        "--schema",
        "box_scores",
    ];
    let mut dry = load.to_vec();
    dry.push("--dry-run");
    let planned = place.nba(&dry).exits(0).json();
    assert_eq!(planned["inserted"], planned["games"], "{planned}");
    let schemas = "select count(*) from pg_namespace where nspname = 'box_scores'";
    assert_eq!(world.sql("boxstore", schemas), ["0"]);
    let loaded = place.nba(&load).exits(0).json();
    assert_eq!(loaded["inserted"], whole["games"], "{loaded}");
    let second = place.nba(&load).exits(0).json();
    assert_eq!(second["unchanged"], whole["games"], "{second}");
    let mut more = load.to_vec();
    more.extend(["--with", "possessions", "--free", "40GB"]);
    let more = place.nba(&more).exits(0).json();
    assert!(
        more["written"]["possession_metadata"].as_u64() > Some(1_000),
        "{more}"
    );
    let points = format!(
        "select sum(points) from box_scores.moments where game_id = '{id}' and data_source = 'hoopr' \
         and event_num = box_scores.event_at('{id}', 'hoopr', 1898.9 + 0.1)"
    );
    let total = |side: &str| file[side]["total"]["pts"].as_u64().unwrap();
    // Q3 4:21 is 1,440 + 459 seconds after the tip-off.
    assert_eq!(
        world.sql("boxstore", &points),
        [(total("home") + total("away")).to_string()]
    );
    assert_eq!(place.nba(&dry).exits(0).json()["unchanged"], whole["games"]);

    // Full snapshots need room that is known; nothing of the platform is written.
    for (words, problem) in [
        (
            &["boxes", "--schema", "box_scores", "--with", "snapshots"][..],
            "is not known",
        ),
        (
            &[
                "boxes",
                "--schema",
                "box_scores",
                "--with",
                "snapshots",
                "--free",
                "1MB",
            ],
            "more are needed",
        ),
        (
            &["boxes", "--schema", "public"],
            "was not made by this command",
        ),
        (
            &["boxes", "--schema", "box_scores", "--free", "much"],
            "is no size",
        ),
        (&["lake", "--schema", "box_scores"], "is no store"),
    ] {
        let words: Vec<&str> = ["--json", "boxscore", "load"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let ran = place.nba(&words).exits(2);
        let error = ran.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(problem), "{ran}");
    }
}

pub(crate) fn games_are_drawn_and_cut(world: &World) {
    let place = world.project("boxdrawn");
    place
        .nba(&["testkit", "lake", "lake", "--scale", "0.001", "--quiet"])
        .exits(0);
    let drawn = place
        .nba(&[
            "--json", "boxscore", "chart", ONE_GAME, "--svg", "game.svg", "--png", "game.png",
        ])
        .exits(0)
        .json();
    assert_eq!(drawn["svg"], "game.svg", "{drawn}");
    assert_eq!(drawn["png"], "game.png", "{drawn}");
    let png = std::fs::read(place.project.join("game.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 5_000);
    let svg = std::fs::read_to_string(place.project.join("game.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains(">Q4<"), "{svg}");
    place
        .nba(&["boxscore", "chart", ONE_GAME, "--panel", "players"])
        .exits(0)
        .says("█");

    let shown = place
        .nba(&["--json", "boxscore", "show", ONE_GAME])
        .exits(0)
        .json();
    for grid in [
        "period", "half", "6min", "3min", "90s", "1min", "1s", "0.1s",
    ] {
        let cut = place
            .nba(&["--json", "boxscore", "splits", ONE_GAME, "--grid", grid])
            .exits(0)
            .json();
        let points: u64 = cut["splits"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|split| split["lines"].as_array().unwrap())
            .map(|line| line["pts"].as_u64().unwrap())
            .sum();
        let total = |side: &str| shown[side]["total"]["pts"].as_u64().unwrap();
        assert_eq!(points, total("home") + total("away"), "{grid}");
    }
    place
        .nba(&["boxscore", "splits", ONE_GAME, "--grid", "half"])
        .exits(0)
        .says("H2");
    place
        .nba(&["boxscore", "splits", ONE_GAME, "--grid", "week"])
        .exits(2);
    place.nba(&["boxscore", "chart", "nosuch"]).exits(2);
}

pub(crate) fn games_of_a_season_come_from_tables_and_lakes(world: &World) {
    let place = world.own_database("boxseason");
    place
        .nba(&["testkit", "lake", "lake", "--scale", "0.001", "--quiet"])
        .exits(0);
    let most = world.sql(
        "boxseason",
        "select season || ' ' || max(game_id) from hoopr_play_by_play where season is not null group by season \
         order by count(distinct game_id) desc, season limit 1",
    );
    let (year, game) = most[0].split_once(' ').unwrap();
    let end: u32 = year.parse().unwrap();
    let season = format!("{}-{:02}", end - 1, end % 100);

    // The tables of the project's database into the project's own store, and a game of it by its id alone.
    let tables = place
        .nba(&[
            "--json", "boxscore", "generate", "--season", &season, "--source", "hoopr",
        ])
        .exits(0)
        .json();
    assert_eq!(tables["games_proven"], tables["games"], "{tables}");
    let listed =
        format!("select count(distinct game_id) from hoopr_play_by_play where season = {end}");
    assert_eq!(
        world.sql("boxseason", &listed),
        [tables["games"].to_string()]
    );
    place
        .nba(&[
            "boxscore", "generate", "--season", &season, "--source", "hoopr",
        ])
        .exits(0)
        .says("done before and unchanged");
    let shown = place.nba(&["--json", "boxscore", "show", game]).json();
    let asked = place
        .nba(&[
            "--json",
            "boxscore",
            "show",
            "database:",
            "--game",
            game,
            "--source",
            "hoopr",
        ])
        .json();
    for side in ["home", "away"] {
        assert_eq!(shown[side], asked[side], "{side}");
    }
    let then = place
        .nba(&["--json", "boxscore", "at", game, "Q3", "4:21"])
        .json();
    assert_ne!(then["home"], shown["home"]);
    place
        .nba(&["boxscore", "chart", game, "--panel", "flow"])
        .exits(0);
    place
        .nba(&["--json", "boxscore", "splits", game, "--grid", "half"])
        .exits(0);
    let load = place
        .nba(&["--json", "boxscore", "load", "--schema", "own_boxes"])
        .exits(0)
        .json();
    assert_eq!(load["inserted"], tables["games"], "{load}");

    // The same season of files: what is found is the same, and the account says what was left out.
    let files = place
        .nba(&[
            "--json", "boxscore", "generate", "lake", "--season", &season, "--source", "hoopr",
            "--store", "boxes",
        ])
        .json();
    assert_eq!(files["digest"], tables["digest"], "{files}");
    assert!(files["games_left_out"].as_u64() > Some(0), "{files}");
    let verified = place
        .nba(&[
            "--json",
            "boxscore",
            "verify",
            "database:play_by_play",
            "--season",
            &season,
            "--counts-only",
        ])
        .json();
    assert!(verified["games"].as_u64() > Some(0), "{verified}");
    let csv = place
        .nba(&[
            "--json",
            "boxscore",
            "generate",
            "lake",
            "--season",
            &season,
            "--out",
            "boxes.csv",
        ])
        .json();
    assert!(csv["games"].as_u64() >= files["games"].as_u64(), "{csv}");

    // The bucket that is configured, and one that is named.
    let keys = S3Credentials::random();
    let folder = place.project.join("s3");
    std::fs::create_dir(&folder).unwrap();
    let server = S3Server::start(&folder, keys.clone()).unwrap();
    let bucket = server.create_bucket("nba-sim-raw-data-lake").unwrap();
    std::fs::rename(place.project.join("lake"), bucket.join("lake")).unwrap();
    let place = place
        .with("AWS_ENDPOINT_URL", server.endpoint())
        .with("AWS_ACCESS_KEY_ID", keys.access_key.clone())
        .with("AWS_SECRET_ACCESS_KEY", keys.secret_key);
    for (from, store) in [
        ("lake:lake/hoopr_parquet/play_by_play/", "by-lake"),
        (
            "s3://nba-sim-raw-data-lake/lake/hoopr_parquet/play_by_play/",
            "by-bucket",
        ),
    ] {
        let objects = place
            .nba(&[
                "--json", "boxscore", "generate", from, "--season", &season, "--store", store,
            ])
            .exits(0)
            .json();
        assert_eq!(objects["digest"], tables["digest"], "{objects}");
    }
    let one = place
        .nba(&[
            "--json",
            "boxscore",
            "show",
            "lake:lake/hoopr_parquet/play_by_play/",
            "--game",
            game,
        ])
        .json();
    assert_eq!(one["home"], shown["home"], "{one}");

    for (words, problem) in [
        (&["show", "401999999"][..], "has no game `401999999`"),
        (&["show", "database:"], "name one with --game"),
        (&["show", "database:", "--game", "17"], "no game `17`"),
        (&["verify", "database:", "lake"], "is read alone"),
        (
            &["verify", "database:games"],
            "`public.games` is no table of plays",
        ),
        (&["verify", "s3://"], "names no bucket"),
        (
            &["generate", "lake:nosuch/", "--store", "none"],
            "there is no game",
        ),
    ] {
        let words: Vec<&str> = ["--json", "boxscore"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let ran = place.nba(&words).exits(2);
        assert!(ran.to_string().contains(problem), "{ran}");
    }
    place
        .nba(&["boxscore", "generate", "--season", "2024"])
        .exits(2)
        .says("may be the start or the end");
}
