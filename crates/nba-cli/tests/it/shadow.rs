//! `nba shadow`: the script of the checkout and its port, on the same games.

use crate::world::World;

const CAPABILITY: &str = "etl.espn.pbp";
const BUCKET: &str = "nba-sim-raw-data-lake";

/// A dual run of thirty games, with this much more.
fn words_of(bucket: &str, more: &[&'static str]) -> Vec<String> {
    let mut words = vec![
        "--json",
        "shadow",
        "run",
        CAPABILITY,
        "--units",
        "30",
        "--pass-env",
        "S3_LOCAL_ROOT",
        "--lake",
        bucket,
    ];
    words.extend(more);
    words.iter().map(ToString::to_string).collect()
}

pub(crate) fn old_and_new_agree_or_say_where_not(world: &World) {
    let place = world.project("shadow");
    let root = place.project.join("shadow-lake");
    let root = root.display().to_string();
    let bucket = format!("{root}/{BUCKET}");
    place.nba(&["testkit", "lake", &bucket, "--quiet"]).exits(0);
    let place = place.with("S3_LOCAL_ROOT", &root);
    let words = |more: &[&'static str]| words_of(&bucket, more);
    let run = |more: &[&'static str]| {
        let words = words(more);
        place.nba(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    place
        .nba(&["shadow", "report"])
        .exits(2)
        .says("no dual run");

    let before = world.sql("nba_simulator", "select count(*) from play_by_play");
    let agreed = run(&[]).exits(0).json();
    assert_eq!(agreed["verdict"], "proven", "{agreed}");
    assert_eq!(agreed["units"], 30, "{agreed}");
    assert_eq!(agreed["unexplained"], 0, "{agreed}");
    assert_eq!(agreed["legacy_rows"], agreed["equal_rows"], "{agreed}");
    assert!(agreed["equal_rows"].as_u64() > Some(1_000), "{agreed}");
    assert!(agreed["mismatch_bound"].as_f64() < Some(0.1), "{agreed}");
    // Three times, and the switch may move; two are not enough.
    place
        .nba(&["shadow", "report", CAPABILITY])
        .exits(0)
        .says("2 more proven runs");

    // Games and box scores: two tables each. What is right differs, and every row has the name of the reason.
    let other: Vec<String> = words(&[])
        .into_iter()
        .map(|word| word.replace(CAPABILITY, "etl.espn.box"))
        .collect();
    let boxes = place
        .nba(&other.iter().map(String::as_str).collect::<Vec<_>>())
        .exits(0)
        .json();
    assert_eq!(
        boxes["tables"][1]["table"], "public.box_score_players",
        "{boxes}"
    );
    assert_eq!(boxes["legacy_rows"], boxes["equal_rows"], "{boxes}");
    let other: Vec<String> = other
        .iter()
        .map(|word| word.replace("etl.espn.box", "etl.espn.games"))
        .chain(["--mode".to_owned(), "correct".to_owned()])
        .collect();
    let games = place
        .nba(&other.iter().map(String::as_str).collect::<Vec<_>>())
        .exits(0)
        .json();
    assert_eq!(games["unexplained"], 0, "{games}");
    assert!(
        games["by_divergence"]["GAM-4"].as_u64() > Some(0),
        "{games}"
    );

    // hoopR: files of seasons, and the script that fills the tables as this target has them.
    let season: Vec<String> = words(&[])
        .into_iter()
        .map(|word| word.replace(CAPABILITY, "etl.hoopr.team_box"))
        .map(|word| if word == "30" { "20".to_owned() } else { word })
        .collect();
    let teams = place
        .nba(&season.iter().map(String::as_str).collect::<Vec<_>>())
        .exits(0)
        .json();
    assert_eq!(teams["tables"][0]["table"], "public.hoopr_team_box");
    assert_eq!(teams["units"], 20, "{teams}");
    assert_eq!(teams["equal_rows"], 40, "{teams}");
    let command = teams["legacy"]["command"].to_string();
    assert!(command.contains("load_hoopr_to_rds.py"), "{teams}");

    // The script is the measure. Without its documents it loads nothing and ends with 0: that proves nothing about the port.
    let silent = place
        .with("S3_LOCAL_ROOT", "/nowhere")
        .nba(&words(&[]).iter().map(String::as_str).collect::<Vec<_>>())
        .exits(2)
        .json();
    let reason = silent["reasons"].to_string();
    assert!(reason.contains("loaded nothing"), "{silent}");

    // Negative control: a script that was changed in one figure.
    let script = place.project.join("scripts/etl/extract_pbp_local.py");
    let source = std::fs::read_to_string(&script).unwrap();
    let changed = source.replace(
        "play.get(\"homeScore\")",
        "play.get(\"homeScore\") and play.get(\"homeScore\") + 1",
    );
    assert_ne!(source, changed);
    std::fs::write(&script, changed).unwrap();
    let refuted = run(&[]).exits(1).json();
    assert!(refuted["unexplained"].as_u64() > Some(100), "{refuted}");
    let cell = &refuted["differences"][0]["what"]["changed"]["cells"][0];
    assert_eq!(cell["column"], "home_score", "{refuted}");
    assert!(
        refuted["differences"][0]["game_id"].is_string(),
        "{refuted}"
    );
    place
        .nba(&["shadow", "report", "--html", "shadow.html"])
        .exits(1)
        .says("mend the port");
    let html = std::fs::read_to_string(place.project.join("shadow.html")).unwrap();
    assert!(
        html.contains(CAPABILITY) && html.contains("refuted"),
        "{html}"
    );
    std::fs::write(&script, source).unwrap();
    assert_eq!(
        world.sql("nba_simulator", "select count(*) from play_by_play"),
        before,
        "the target is only read"
    );

    for (words, problem) in [
        (&["etl.nosuch"][..], "what has: etl.espn.pbp"),
        (&[CAPABILITY, "--years", "2024-2020"], "2024 is after 2020"),
        (
            &[CAPABILITY, "--years", "1950-1951", "--lake", "."],
            "no game qualifies",
        ),
    ] {
        let words: Vec<&str> = ["--json", "shadow", "run"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let ran = place.nba(&words).exits(2);
        let error = ran.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(problem), "{ran}");
    }
}
