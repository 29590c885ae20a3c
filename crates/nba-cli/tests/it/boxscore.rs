//! `nba boxscore`: games of a lake, counted, shown at any moment and held against themselves.

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
