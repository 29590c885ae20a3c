//! `nba verify`, `nba baseline approve`, `nba db fingerprint`.

use crate::world::World;
use serde_json::Value;

pub(crate) fn rows_are_proved_by_key_and_proofs_are_carried_visibly(world: &World) {
    let place = world.project_with_database("verified");
    place.nba(&["baseline", "capture"]).exits(0);
    let whole = place.nba(&["verify", "--json"]).exits(0).json();
    assert_eq!(
        (&whole["carried"], &whole["verdict"]["verdict"]),
        (&0.into(), &"proven".into())
    );
    let tables = whole["tables"].as_object().unwrap().len();
    assert_eq!(whole["fresh"], tables);
    let quick = place.nba(&["verify", "--quick", "--json"]).exits(0).json();
    assert_eq!(
        (&quick["fresh"], &quick["carried"]),
        (&0.into(), &tables.into())
    );
    let text = place.nba(&["verify", "--quick"]).exits(0);
    assert!(text.out.contains("carried from earlier proofs"), "{text}");

    let key = world.sql("verified", "select min(game_id) from games");
    world.sql(
        "verified",
        &format!(
            "update games set home_score = home_score + 1 where game_id = '{}'",
            key[0]
        ),
    );
    let quick = place.nba(&["verify", "--quick", "--json"]).exits(1).json();
    assert_eq!(quick["fresh"], 1, "only what was written is read");
    let row = &quick["tables"]["public.games"]["differences"]["rows"][0];
    assert_eq!(
        (&row["kind"], &row["key"]["game_id"]),
        (&"changed".into(), &Value::from(key[0].clone()))
    );
    place
        .nba(&["verify", "games"])
        .exits(1)
        .says(&key[0])
        .says("home_score");
    place.nba(&["verify", "teams"]).exits(0);
    let records = place
        .nba(&["ledger", "show", "--json", "--limit", "1"])
        .json();
    assert_eq!(records[0]["subject"], "verify");
}

pub(crate) fn a_baseline_is_replaced_only_by_approval(world: &World) {
    let place = world.project_with_database("approved");
    place.nba(&["baseline", "capture"]).exits(0);
    world.sql(
        "approved",
        "delete from games where game_id = (select min(game_id) from games)",
    );
    place.nba(&["verify", "games"]).exits(1);
    // Measuring again does not make it right (monitoring dossier F25).
    place
        .nba(&["baseline", "capture"])
        .exits(0)
        .says("the baseline `default` is as it was");
    place.nba(&["verify", "games"]).exits(1);
    place
        .nba(&["baseline", "capture"])
        .exits(2)
        .says("waits already");
    for words in [
        &["baseline", "approve", "default"][..],
        &["baseline", "approve", "default", "--by", "me"],
        &[
            "baseline", "approve", "default", "--by", "me", "--reason", " ",
        ],
    ] {
        place.nba(words).exits(2);
    }
    let review = place
        .nba(&["baseline", "approve", "--review", "--json"])
        .exits(0)
        .json();
    let changes = review["changes"].as_array().unwrap();
    assert!(
        changes
            .iter()
            .any(|change| change["table"] == "public.games"),
        "{review}"
    );
    place.nba(&["verify", "games"]).exits(1);
    place
        .nba(&[
            "baseline",
            "approve",
            "--by",
            "data team",
            "--reason",
            "a test game, ticket 7",
        ])
        .exits(0)
        .says("approved by data team");
    place.nba(&["verify", "games"]).exits(0);
    let records = place
        .nba(&["ledger", "show", "--json", "--limit", "50"])
        .json();
    let approval = records
        .as_array()
        .unwrap()
        .iter()
        .find(|record| record["subject"] == "baseline approve")
        .unwrap();
    let figures = &approval["figures"];
    assert_eq!(
        (&figures["by"], &figures["reason"]),
        (&"data team".into(), &"a test game, ticket 7".into())
    );
    // The run that measured and the run that approved are two.
    assert_ne!(
        figures["taken_by"],
        format!("run {}", figures["run"].as_str().unwrap())
    );

    // A baseline moved into place by hand is not approved, however whole it is.
    place.nba(&["baseline", "capture"]).exits(0);
    let folder = place.project.join(".nba/baselines");
    std::fs::rename(folder.join("default"), folder.join("mine")).unwrap();
    std::fs::rename(folder.join(".candidate-default"), folder.join("default")).unwrap();
    place
        .nba(&["verify", "games"])
        .exits(2)
        .says("no record")
        .says("puts the baseline `default` in effect");
    place
        .nba(&[
            "baseline",
            "approve",
            "--by",
            "me",
            "--reason",
            "looked at it",
        ])
        .exits(0);
    place.nba(&["verify", "games"]).exits(0);
    place.nba(&["baseline", "capture"]).exits(0);
    place
        .nba(&["baseline", "discard", "--reason", "not needed"])
        .exits(0);
    place.nba(&["baseline", "approve", "--review"]).exits(2);
}

pub(crate) fn fingerprints_are_kept_and_compared(world: &World) {
    let place = world.project_with_database("fingerprinted");
    let file = |name: &str| place.project.join(name).display().to_string();
    let (before, after) = (file("before.json"), file("after.json"));
    let write = |path: &str| {
        place
            .nba(&["db", "fingerprint", "--output", path, "--budget", "90%"])
            .exits(0)
            .says("written")
    };
    write(&before);
    let named = place.nba(&["db", "fingerprint", "games"]).exits(0);
    assert!(
        named.out.contains("home_score") && named.out.contains("least"),
        "{named}"
    );
    world.sql(
        "fingerprinted",
        "update teams set team_abbreviation = null where team_id = (select min(team_id) from teams); create index on games (season)",
    );
    write(&after);
    let same = place
        .nba(&["db", "fingerprint", "--diff", &before, &before])
        .exits(0);
    assert!(same.out.contains("the same rows and definitions"), "{same}");
    let differs = place
        .nba(&["db", "fingerprint", "--diff", &before, &after])
        .exits(1);
    for said in [
        "public.teams: the same number of rows",
        "team_abbreviation: NULL 57 → 58",
        "index games_season_idx",
    ] {
        assert!(differs.out.contains(said), "{said}: {differs}");
    }
    let json = place
        .nba(&["db", "fingerprint", "--diff", &before, &after, "--json"])
        .exits(1)
        .json();
    assert_eq!(json["tables"].as_object().unwrap().len(), 1);
    // Another way of hashing is refused, and a file that is something else.
    let text = std::fs::read_to_string(&after).unwrap();
    std::fs::write(
        &after,
        text.replacen("\"encoding\": ", "\"encoding\": 9", 1),
    )
    .unwrap();
    place
        .nba(&["db", "fingerprint", "--diff", &before, &after])
        .exits(2)
        .says("cannot be compared")
        .says("nba db compare");
    std::fs::write(&after, "{").unwrap();
    place
        .nba(&["db", "fingerprint", "--diff", &before, &after])
        .exits(2)
        .says("after.json");
    place
        .nba(&["db", "fingerprint", "nosuch"])
        .exits(2)
        .says("public.nosuch");
}
