use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::super::parting::{Gatherer, Partings, Record};
use super::*;

const KEYS: [&str; 4] = ["minutes", PAIRS[0], "rebounds", "points"];

fn player(id: &Value, stats: &Value) -> Value {
    json!({"athlt": {"id": id}, "stats": stats})
}

/// A game of one player a side, with all that the script needs.
fn package() -> Value {
    let team = |id: &str, hm: bool, stats: &Value| {
        json!({"tm": {"id": id, "abbrev": id, "hm": hm}, "stats": [
            {"type": "starters", "keys": KEYS, "athlts": [player(&json!(id), stats)]},
            {"type": "totals", "ttls": ["", "7-15", "1-2", "3-4", "1", "2", "3", "4", "5", "6", "7", "8", "", "18"],
             "pcts": ["", "46.7%", ".5", 75]},
        ]})
    };
    json!({
        "gmInfo": {"dtTm": "2021-05-12T21:30Z", "attnd": "1,234", "gameState": "post", "refs": [{"dspNm": "A", "pos": "Referee"}]},
        "gmStrp": {"tms": [{"isHome": true, "score": "101"}, {"score": 99}]},
        "bxscr": [team("20", false, &json!(["38:30", "7-15", "+12", 18])), team("10", true, &json!(["12", "1-2", "0", "2"]))],
    })
}

fn page(package: &Value) -> String {
    json!({"page": {"content": {"gamepackage": package}}}).to_string()
}

fn found(document: &str, mode: Mode) -> Boxes {
    read(document.as_bytes(), "g", mode).unwrap()
}

fn cells<'r>(
    columns: &[&'static str],
    record: &'r Record,
) -> BTreeMap<&'static str, Option<&'r str>> {
    columns
        .iter()
        .copied()
        .zip(record.values.iter().map(Option::as_deref))
        .collect()
}

fn partings(port: &'static dyn TwoModes, document: &str) -> Partings {
    let mut gatherer = Gatherer::new(port);
    gatherer.add(document.as_bytes(), "g");
    gatherer.finish()
}

/// The table of the dossier (ETL dossier 2.4), and what Python 3.11 gives.
#[test]
fn whole_numbers_keep_their_digits_in_compat_mode() {
    for (value, expected) in [
        (json!("+12"), "12"),
        (json!("-3"), "-3"),
        (json!("--"), "0"),
        (json!(""), "0"),
        (json!(null), "0"),
        (json!("DNP"), "0"),
        (json!("12.5"), "125"),
        (json!("1,234"), "1234"),
        (json!("1-2"), "0"),
        (json!(7.9), "7"),
        (json!(true), "1"),
        (json!("007"), "7"),
    ] {
        assert_eq!(
            legacy::safe_int(Some(&value), "x").unwrap(),
            expected,
            "{value}"
        );
    }
    assert!(legacy::safe_int(Some(&json!([1])), "x").is_err());
}

#[test]
fn compat_keeps_the_cells_of_the_script() {
    let game = found(&page(&package()), Mode::Compat);
    let row = cells(&TEAM_COLUMNS, &game.teams.rows[0]);
    for (column, expected) in [
        ("game_id", Some("g")),
        ("game_date", Some("2021-05-12 21:30:00")),
        ("home_team_id", Some("10")),
        ("home_team_score", Some("101")),
        ("away_team_score", Some("99")),
        ("away_team_field_goals", Some("7-15")),
        ("away_team_field_goals_pct", Some("46.7")),
        ("away_team_three_pointers_pct", Some("0.5")),
        ("away_team_free_throws_pct", Some("75.0")),
        ("away_team_offensive_rebounds", Some("1")),
        ("away_team_fouls", Some("8")),
        ("attendance", Some("1234")),
        ("referee1_name", Some("A")),
        ("referee3_position", Some("")),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    let away = cells(&PLAYER_COLUMNS, &game.players.rows[0]);
    for (column, expected) in [
        ("player_id", Some("20")),
        ("is_starter", Some("t")),
        ("minutes", Some("38")),
        ("field_goals", Some("7-15")),
        ("three_pointers", Some("0-0")),
        ("total_rebounds", Some("12")),
        ("assists", Some("0")),
        ("points", Some("18")),
    ] {
        assert_eq!(away[column], expected, "{column}");
    }
}

#[test]
fn compat_loses_what_the_script_loses() {
    let lost = |change: fn(&mut Value)| {
        let mut package = package();
        change(&mut package);
        let game = read(page(&package).as_bytes(), "g", Mode::Compat);
        game.map(|game| (game.teams.rows.len(), game.players.rows.len()))
            .ok()
    };
    type Case = (&'static str, fn(&mut Value), Option<(usize, usize)>);
    let cases: [Case; 8] = [
        ("all is well", |_| (), Some((1, 2))),
        (
            "no information",
            |p| drop(p.as_object_mut().unwrap().remove("gmInfo")),
            Some((0, 2)),
        ),
        (
            "no strip",
            |p| drop(p.as_object_mut().unwrap().remove("gmStrp")),
            Some((0, 2)),
        ),
        (
            "one side only",
            |p| drop(p["bxscr"].as_array_mut().unwrap().pop()),
            Some((0, 1)),
        ),
        (
            "a date that is no text",
            |p| p["gmInfo"]["dtTm"] = json!(7),
            Some((0, 2)),
        ),
        ("no figures", |p| p["bxscr"] = json!([]), Some((0, 0))),
        (
            "a figure that is a list",
            |p| p["bxscr"][0]["stats"][0]["athlts"][0]["stats"][3] = json!([1]),
            None,
        ),
        (
            "an athlete that is none",
            |p| p["bxscr"][1]["stats"][0]["athlts"][0] = json!(7),
            None,
        ),
    ];
    for (what, change, expected) in cases {
        assert_eq!(lost(change), expected, "{what}");
    }
    for document in ["{}", r#"{"page": {}}"#, r#"{"boxscore": {}, "header": {}}"#] {
        let game = found(document, Mode::Compat);
        assert!(
            game.teams.rows.is_empty() && game.players.rows.is_empty(),
            "{document}"
        );
    }
    for document in ["[]", r#"{"page": null}"#, "<html>"] {
        assert!(
            read(document.as_bytes(), "g", Mode::Compat).is_err(),
            "{document}"
        );
    }
    // The last line of a player counts.
    let mut twice = package();
    let again = player(&json!("20"), &json!(["1", "0-1", "0", "0"]));
    twice["bxscr"][0]["stats"][0]["athlts"]
        .as_array_mut()
        .unwrap()
        .push(again);
    for mode in [Mode::Compat, Mode::Correct] {
        let game = found(&page(&twice), mode);
        assert_eq!(game.players.rows.len(), 2);
        assert_eq!(
            cells(&PLAYER_COLUMNS, &game.players.rows[0])["minutes"],
            Some("1")
        );
    }
}

/// Each divergence of a cell: what the document has, what correct mode makes of it, under which name.
#[test]
fn correct_parts_from_the_script_by_name() {
    let team: &'static dyn TwoModes = &BoxTeams;
    let line: &'static dyn TwoModes = &BoxPlayers;
    let stats = "/bxscr/0/stats/0/athlts/0/stats";
    for (port, path, value, column, expected, name) in [
        (line, stats, json!([]), "points", None, "BOX-3"),
        (
            line,
            "/bxscr/0/stats/0/athlts/0/stats/3",
            json!("2.5"),
            "points",
            None,
            "BOX-4",
        ),
        (
            line,
            "/bxscr/0/stats/0/athlts/0/stats/1",
            json!("7 of 15"),
            "field_goals",
            None,
            "BOX-4",
        ),
        (
            line,
            "/bxscr/0/stats/0/athlts/0/stats/3",
            json!("--"),
            "points",
            None,
            "BOX-7",
        ),
        (
            team,
            "/bxscr/0/stats/1/ttls",
            json!([]),
            "away_team_fouls",
            None,
            "BOX-5",
        ),
        (
            team,
            "/bxscr/0/stats/1/ttls/5",
            json!("1-2"),
            "away_team_defensive_rebounds",
            None,
            "BOX-4",
        ),
        (
            team,
            "/gmInfo/dtTm",
            json!("2021-05-12T21:30:00Z"),
            "game_date",
            Some("2021-05-12 21:30:00"),
            "BOX-6",
        ),
        (
            team,
            "/gmInfo/dtTm",
            json!("2021-05-12T21:30-05:00"),
            "game_date",
            Some("2021-05-13 02:30:00"),
            "BOX-6",
        ),
        (
            team,
            "/gmInfo/attnd",
            json!(null),
            "attendance",
            None,
            "BOX-7",
        ),
        (
            team,
            "/gmInfo/refs",
            json!([]),
            "referee1_name",
            None,
            "BOX-7",
        ),
    ] {
        let mut package = package();
        *package.pointer_mut(path).unwrap() = value;
        let document = page(&package);
        let records = port
            .records(document.as_bytes(), "g", Mode::Correct)
            .unwrap();
        let columns = port.shape(Mode::Correct).columns;
        assert_eq!(cells(columns, &records.rows[0])[column], expected, "{path}");
        let key: Vec<String> = ["g", "20"]
            .iter()
            .take(port.shape(Mode::Correct).key.len())
            .map(ToString::to_string)
            .collect();
        let found = partings(port, &document);
        let why = found.explain_cell(&key, column, expected);
        let why: BTreeSet<&str> = why.into_iter().map(Divergence::id).collect();
        assert!(why.contains(name), "{path}: {why:?}");
        assert!(
            found.explain_cell(&key, column, Some("99")).is_empty(),
            "{path}"
        );
    }
    // What both modes read alike may only differ because of an earlier load, and only in a row of one.
    let key = ["g".to_owned(), "20".to_owned()];
    for there in [false, true] {
        let mut gatherer = Gatherer::new(&BoxPlayers);
        if there {
            gatherer = gatherer.with_rows_there([(key.to_vec(), json!({}))]);
        }
        gatherer.add(page(&package()).as_bytes(), "g");
        let found = gatherer.finish();
        assert!(found.explain_cell(&key, "points", Some("18")).is_empty());
        let why = found.explain_cell(&key, "total_rebounds", Some("12"));
        assert_eq!(why.contains(&Divergence::BoxFirstLoad), there);
    }
}

#[test]
fn correct_keeps_what_the_script_loses_and_puts_the_rest_aside() {
    let key = |id: &str| vec!["g".to_owned(), id.to_owned()];
    // One figure that is a list loses the game there; here a cell.
    let mut odd = package();
    odd["bxscr"][0]["stats"][0]["athlts"][0]["stats"][3] = json!([1]);
    let document = page(&odd);
    let players = partings(&BoxPlayers, &document);
    assert_eq!(
        players.explain_added(&key("10"), |_| None),
        BTreeSet::from([Divergence::BoxRestOfGame])
    );
    let teams = partings(&BoxTeams, &document);
    assert_eq!(
        teams.explain_added(&["g".to_owned()], |_| None),
        BTreeSet::from([Divergence::BoxRestOfGame])
    );

    let mut bare = package();
    bare.as_object_mut().unwrap().remove("gmInfo");
    let teams = partings(&BoxTeams, &page(&bare));
    assert_eq!(
        teams.explain_added(&["g".to_owned()], |_| None),
        BTreeSet::from([Divergence::BoxTeamRow])
    );

    let mut nameless = package();
    nameless["bxscr"][0]["stats"][0]["athlts"][0]["athlt"]["id"] = json!("");
    let document = page(&nameless);
    assert_eq!(
        partings(&BoxPlayers, &document).explain_missing(&key("")),
        BTreeSet::from([Divergence::BoxIncomplete])
    );
    let aside = found(&document, Mode::Correct).players.aside;
    assert_eq!(aside[0].reason, "a player has no id");
}

#[test]
fn correct_reads_an_embedded_package_and_a_summary() {
    let html = format!(
        "<html><script>window.espn.gamepackageData = {};</script></html>",
        package()
    );
    assert!(read(html.as_bytes(), "g", Mode::Compat).is_err());
    let game = found(&html, Mode::Correct);
    assert_eq!((game.teams.rows.len(), game.players.rows.len()), (1, 2));
    assert!(game.players.divergences.contains(&Divergence::BoxEmbedded));

    let side = |id: &str, word: &str| {
        json!({"team": {"id": id, "abbreviation": id}, "homeAway": word, "statistics": [
            {"name": PAIRS[0], "displayValue": "7-15"}, {"name": "fieldGoalPct", "displayValue": "46.7"},
            {"name": "fouls", "displayValue": "8"}]})
    };
    let lines = |id: &str| {
        json!({"team": {"id": id}, "statistics": [{"keys": KEYS, "athletes": [
            {"athlete": {"id": id}, "starter": true, "didNotPlay": false, "stats": ["38", "7-15", "12", "18"]},
            {"athlete": {"id": format!("{id}b")}, "starter": false, "didNotPlay": true, "stats": []}]}]})
    };
    let summary = json!({
        "boxscore": {"teams": [side("20", "away"), side("10", "home")], "players": [lines("20"), lines("10")]},
        "gameInfo": {"attendance": 12, "officials": [{"displayName": "A", "position": {"displayName": "Referee"}}]},
        "header": {"competitions": [{"date": "2021-05-12T21:30Z", "status": {"type": {"state": "post"}}, "competitors": [
            {"homeAway": "home", "score": "101"}, {"homeAway": "away", "score": "99"}]}]},
    })
    .to_string();
    let game = found(&summary, Mode::Correct);
    let row = cells(&TEAM_COLUMNS, &game.teams.rows[0]);
    for (column, expected) in [
        ("home_team_id", Some("10")),
        ("home_team_score", Some("101")),
        ("away_team_field_goals", Some("7-15")),
        ("away_team_field_goals_pct", Some("46.7")),
        ("away_team_three_pointers_pct", None),
        ("away_team_fouls", Some("8")),
        ("attendance", Some("12")),
        ("game_state", Some("post")),
        ("referee1_position", Some("Referee")),
        ("referee2_name", None),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    assert_eq!(game.players.rows.len(), 4);
    let bench = cells(&PLAYER_COLUMNS, &game.players.rows[1]);
    assert_eq!(
        (bench["player_id"], bench["is_starter"], bench["points"]),
        (Some("20b"), Some("f"), None)
    );
    let why =
        partings(&BoxPlayers, &summary).explain_added(&["g".to_owned(), "10".to_owned()], |_| None);
    assert_eq!(why, BTreeSet::from([Divergence::BoxSummary]));
}
