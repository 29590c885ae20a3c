//! `nba check`: a project's own statements, and waivers.

use crate::world::World;
use serde_json::Value;
use std::path::Path;

/// A statement that is violated, and four that cannot be looked at.
const OWN: &str = r#"
[invariants.no_crowd]
title = "somebody was there"
needs = "public.games(game_id, venue)"
sql = "select game_id, venue from public.games where game_id = (select max(game_id) from public.games) -- the last one"
message = "game {game_id} at {venue}"
remedy = "count again"
severity = "critical"

[invariants.bad_sql]
needs = "public.games(game_id)"
sql = "selec game_id from public.games"

[invariants.writes]
needs = "public.games(game_id)"
sql = "select nextval('public.temporal_events_event_id_seq') as game_id"

[invariants.two_statements]
needs = "public.games(game_id)"
sql = "select game_id from public.games) as v; delete from public.games; select * from (select 1 as game_id"

[invariants.never_ends]
needs = "public.games(game_id)"
sql = "select g.game_id from public.games g cross join pg_catalog.pg_sleep(1000)"

[invariants.names_nothing]
needs = "public.games(game_id)"
sql = "select game_id from public.games"
message = "game {nosuch}"

[invariants.lost_table]
needs = "public.nosuch(game_id)"
sql = "select game_id from public.nosuch"
"#;

pub(crate) fn own_statements_are_looked_at(world: &World) {
    let place = world.project("own_checks");
    let file = place.project.join("nba.toml");
    std::fs::write(&file, OWN).unwrap();

    let report = place.nba(&["check", "no_crowd", "--json"]).exits(1).json();
    let record = &report["invariants"]["no_crowd"];
    assert_eq!(
        (&record["severity"], &record["new"]),
        (&"critical".into(), &1.into())
    );
    let text = place.nba(&["check", "no_crowd"]).exits(1);
    let game = record["violations"][0]["values"]["game_id"]
        .as_str()
        .unwrap();
    assert!(text.out.contains(&format!("game {game} at ")), "{text}");
    assert!(text.out.contains("remedy: count again"), "{text}");
    let listed = place.nba(&["check", "no_crowd", "--list"]).exits(0);
    assert!(listed.out.contains("nba.toml"), "{listed}");

    for (id, reason) in [
        ("bad_sql", "syntax error"),
        ("writes", "read-only transaction"),
        ("two_statements", "multiple commands"),
        ("never_ends", "statement timeout"),
        (
            "names_nothing",
            "its message names `nosuch`; its query gives game_id",
        ),
        ("lost_table", "there is no table public.nosuch"),
    ] {
        let ran = place
            .nba(&["check", id, "plays_per_game", "--timeout", "1", "--json"])
            .exits(2);
        let report = ran.json();
        assert_eq!(report["verdict"], "not_proven", "{ran}");
        let record = &report["invariants"][id];
        assert_eq!(record["verdict"], "not_proven", "{ran}");
        assert!(record["subject_count"].is_null(), "{ran}");
        assert!(
            record["reasons"].to_string().contains(reason),
            "{id}: {record:#}"
        );
        // What is wrong with one statement takes nothing from the others.
        assert_eq!(
            report["invariants"]["plays_per_game"]["verdict"], "proven",
            "{ran}"
        );
    }
    let left = world.sql("nba_simulator", "select count(*) from games");
    assert_ne!(left, ["0"], "nothing was deleted");

    // The statement that the page shows.
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/invariants.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, shown) = page.split_once("```toml\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    std::fs::write(&file, shown).unwrap();
    let ran = place.nba(&["check", "crowds"]).exits(0);
    assert!(
        ran.out
            .starts_with("check: proven; 1 invariants, 0 violations"),
        "{ran}"
    );

    // What cannot be understood is said with its place, before anything is asked.
    for (written, says) in [
        ("[invariants.x]\nsql = \"select 1\"", "lacks `needs`"),
        ("[invariants.x]\nneeds = \"public.games\"", "lacks `sql`"),
        (
            "[invariants.twin_games]\nneeds = \"a.b\"\nsql = \"select 1\"",
            "is the name of a built-in invariant",
        ),
        (
            "[invariants.x]\nneeds = \"games\"\nsql = \"select 1\"",
            "bad `needs`",
        ),
        (
            "[invariants.x]\nneeds = \"a.b\"\nsql = \"select 1\"\nkey = 0",
            "`key` is 0",
        ),
        (
            "[invariants.x]\nneeds = \"a.b\"\nsql = \"select 1\"\nseverity = \"grave\"",
            "has the severity `grave`",
        ),
        (
            "[invariants.x]\nneeds = \"a.b\"\nsql = \"select 1\"\nmessage = \"{a\"",
            "bad `message`",
        ),
        (
            "[invariants.x]\nneeds = \"a.b\"\nsql = \"select 1\"\noptional = \"perhaps\"",
            "optional",
        ),
    ] {
        std::fs::write(&file, written).unwrap();
        let ran = place.nba(&["check"]).exits(2).says(says);
        assert!(
            ran.err.contains("nba.toml") && ran.err.contains("invariants."),
            "{ran}"
        );
    }
}

fn new_and_known(report: &Value) -> (u64, u64) {
    let record = &report["invariants"]["twin_games"];
    (
        record["new"].as_u64().unwrap(),
        record["known"].as_u64().unwrap(),
    )
}

pub(crate) fn waivers_are_on_record(world: &World) {
    let place = world.project_with_database("waivers");
    let check = ["check", "twin_games", "--json"];
    let waive = |until: &str| {
        let words = [
            "check",
            "twin_games",
            "--waive",
            "--owner",
            "data team",
            "--reason",
            "both ids are served",
            "--until",
            until,
        ];
        place.nba(&words)
    };
    assert_eq!(new_and_known(&place.nba(&check).exits(1).json()), (1, 0));
    // Written, owned, ending, and within a year.
    place
        .nba(&["check", "twin_games", "--waive", "--reason", "so"])
        .exits(2);
    place
        .nba(&[
            "check",
            "twin_games",
            "--waive",
            "--owner",
            " ",
            "--reason",
            "so",
            "--until",
            "2999-01-01",
        ])
        .exits(2);
    waive("2020-01-01")
        .exits(2)
        .says("its end has to be between");
    waive("2999-01-01")
        .exits(2)
        .says("its end has to be between");
    place
        .nba(&[
            "check",
            "plays_per_game",
            "--waive",
            "--owner",
            "a",
            "--reason",
            "b",
            "--until",
            &in_a_month(),
        ])
        .exits(2)
        .says("nothing violates it");
    waive(&in_a_month()).exits(0);
    let report = place.nba(&check).exits(0).json();
    assert_eq!(new_and_known(&report), (0, 1));
    assert_eq!(
        report["invariants"]["twin_games"]["waiver"]["owner"],
        "data team"
    );
    // It stays visible.
    let text = place.nba(&["check", "twin_games"]).exits(0);
    assert!(
        text.out.contains("1 violations on record") && text.out.contains("both ids are served"),
        "{text}"
    );

    // Another row is not covered, nor is the same row with another value.
    world.sql(
        "waivers",
        "insert into games select (jsonb_populate_record(g, '{\"game_id\": \"400999001\"}')).* from games g
            where game_id not like '400216906' order by game_id desc limit 1",
    );
    assert_eq!(new_and_known(&place.nba(&check).exits(1).json()), (1, 1));
    world.sql("waivers", "delete from games where game_id = '400999001'; update games set away_team_id = '1', home_team_id = '2'
        where (home_team_id, away_team_id, game_date) = (select home_team_id, away_team_id, game_date from games where game_id = '400216906')");
    assert_eq!(new_and_known(&place.nba(&check).exits(1).json()), (1, 0));

    // A file that nobody recorded is no permission.
    waive(&in_a_month()).exits(0);
    let file = place.project.join(".nba/waivers/twin_games.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("data team", "nobody")).unwrap();
    let ran = place
        .nba(&check)
        .exits(1)
        .says("is not the one on record in the ledger");
    assert_eq!(new_and_known(&ran.json()), (1, 0));
    std::fs::write(&file, "{}").unwrap();
    place.nba(&check).exits(2).says("is no waiver");
    place.nba(&["ledger", "verify"]).exits(0);
}

fn in_a_month() -> String {
    (chrono::Utc::now().date_naive() + chrono::TimeDelta::days(30)).to_string()
}
