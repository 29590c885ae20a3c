use std::collections::{BTreeMap, BTreeSet};

use super::super::parting::{Gatherer, Record};
use super::*;

fn page(games: &str) -> String {
    format!(r#"{{"page":{{"content":{{"schedule":{{"20240115":[{games}]}}}}}}}}"#)
}

/// A whole game; `more` comes last, so that it can replace a part of it.
fn whole(id: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","date":"2024-01-16T00:30Z","competitors":[
            {{"id":"1","isHome":true,"score":"101","abbrev":"ATL","displayName":"Atlanta Hawks","winner":true}},
            {{"id":"2","score":"99","abbrev":"BOS"}}]{more}}}"#
    )
}

fn cells(record: &Record) -> BTreeMap<&'static str, Option<&str>> {
    let values = record.values.iter().map(Option::as_deref);
    COLUMNS.iter().copied().zip(values).collect()
}

fn one(game: &str, mode: Mode) -> Record {
    let day = read(page(game).as_bytes(), "d", mode).unwrap();
    assert_eq!(day.games.rows.len(), 1, "{:?}", day.games);
    day.games.rows[0].clone()
}

fn ids(document: &str, mode: Mode) -> Vec<String> {
    let day = read(document.as_bytes(), "d", mode).unwrap();
    let rows = day.games.rows.into_iter();
    rows.filter_map(|row| row.values[0].clone()).collect()
}

/// What Python does with these was established by running the legacy script (ETL dossier 2.3).
#[test]
fn compat_does_what_the_script_does() {
    let good = |id: &str| whole(id, "");
    for (games, expected) in [
        // no id, or fewer than two teams: left out
        (
            format!(r#"{{}}, {{"id": "x"}}, {{"id": 0}}, {}"#, good("a")),
            &["a"][..],
        ),
        // a number becomes a text
        (good("a").replace("\"a\"", "401"), &["401"]),
        // the first game that cannot be read ends the file
        (
            format!(
                "{}, {}, {}",
                good("a"),
                good("b").replace("\"99\"", "\"TBD\""),
                good("c")
            ),
            &["a"],
        ),
        (format!("{}, 7, {}", good("a"), good("c")), &["a"]),
        (
            format!(
                "{}, {}, {}",
                good("a"),
                whole("b", r#", "venue": "x""#),
                good("c")
            ),
            &["a"],
        ),
        // false in Python is nothing at all
        (
            whole("a", r#", "venue": 0, "status": "", "broadcasts": {}"#),
            &["a"],
        ),
    ] {
        assert_eq!(ids(&page(&games), Mode::Compat), expected, "{games}");
    }
    for document in [
        "[]",
        "7",
        "{}",
        r#"{"page": []}"#,
        r#"{"page": {"content": {"schedule": "x"}}}"#,
        // the scoreboard is no schedule for the script
        r#"{"events": [{"id": "a"}]}"#,
        // `schedule` is there, so `events` is not looked at
        r#"{"page": {"content": {"schedule": null, "events": [{"id": "a"}]}}}"#,
    ] {
        assert!(ids(document, Mode::Compat).is_empty(), "{document}");
    }
    let list = format!(r#"{{"page":{{"content":{{"events":[{}]}}}}}}"#, good("a"));
    assert_eq!(ids(&list, Mode::Compat), ["a"]);
    assert!(read(b"<html>", "d", Mode::Compat).is_err());
}

#[test]
fn compat_keeps_the_cells_of_the_script() {
    let record = one(
        &whole(
            "a",
            r#", "status": {"id": null, "detail": "Final", "state": "post"}, "broadcasts": [{"name": "A", "market": "away"},
                {"name": "N", "market": "National"}], "completed": true, "tickets": [1]"#,
        ),
        Mode::Compat,
    );
    let found = cells(&record);
    for (column, expected) in [
        ("game_date", Some("2024-01-16")),
        ("game_time", Some("2024-01-16 00:30:00")),
        ("season", Some("2023-24")),
        ("home_team_id", Some("1")),
        ("home_score", Some("101")),
        ("home_team_is_winner", Some("t")),
        ("away_team_is_winner", Some("f")),
        ("venue_id", Some("")),
        ("venue", None),
        ("game_status", Some("Unknown")),
        ("status_detail", None),
        ("status_id", Some("None")),
        ("status_state", Some("post")),
        ("broadcast_name", Some("N")),
        ("broadcast_count", Some("2")),
        ("completed", Some("t")),
        ("is_tie", None),
        ("periods", Some("4")),
        ("time_valid", Some("t")),
        ("header_postfix", Some("")),
        ("has_tickets", Some("t")),
    ] {
        assert_eq!(found[column], expected, "{column}");
    }
    // A date that cannot be read leaves time and season NULL; a score of the number 0 is lost.
    let record = one(
        &whole("a", "")
            .replace("2024-01-16T00:30Z", "2024-10-02Tnoon")
            .replace("\"99\"", "0"),
        Mode::Compat,
    );
    let found = cells(&record);
    assert_eq!(found["game_date"], Some("2024-10-02"));
    assert_eq!((found["game_time"], found["season"]), (None, None));
    assert_eq!(found["away_score"], None);
    // Nobody says who is at home: the first two, in order.
    let record = one(
        &whole("a", "").replace("\"isHome\":true,", ""),
        Mode::Compat,
    );
    assert_eq!(cells(&record)["home_team_abbrev"], Some("ATL"));
}

#[test]
fn the_first_teams_are_kept_of_a_file_that_ends_early() {
    let games = format!(
        r#"{}, {{"id": "b", "competitors": [{{"id": 3}}, {{}}, 7]}}, {}"#,
        whole("a", ""),
        whole("c", "")
    );
    let day = read(page(&games).as_bytes(), "d", Mode::Compat).unwrap();
    let teams: Vec<_> = day
        .teams
        .rows
        .iter()
        .map(|row| row.values[1].as_deref())
        .collect();
    assert_eq!(
        teams,
        [
            Some("Team 1"),
            Some("Team 2"),
            Some("Team 3"),
            Some("Team ")
        ]
    );
    assert_eq!(day.games.aside.len(), 1);
    assert_eq!(day.games.aside[0].number, 2);
}

/// The game `a`, there before with these columns.
fn there(columns: &[(&str, &str)]) -> [(Vec<String>, Value); 1] {
    let columns = columns
        .iter()
        .copied()
        .map(|(name, value)| (name, value.into()));
    [(
        vec!["a".to_owned()],
        Value::from_iter(columns.map(|(name, value): (&str, Value)| (name, value))),
    )]
}

#[test]
fn what_a_document_does_not_say_keeps_what_a_game_had() {
    let board = r#"{"events": [{"id": "a", "date": "2025-04-11T23:00Z", "competitions": [{"competitors": [
        {"id": "1", "homeAway": "home", "score": "10"}, {"id": "2", "homeAway": "away", "score": "9"}]}]}]}"#;
    let key = ["a".to_owned()];
    let why = |document: &str, column: &str, new: Option<&str>| {
        let mut gatherer =
            Gatherer::new(&Games).with_rows_there(there(&[("broadcast_name", "ESPN")]));
        gatherer.add(document.as_bytes(), "d");
        let found = gatherer.finish().explain_cell(&key, column, new);
        found.into_iter().map(Divergence::id).collect::<Vec<_>>()
    };
    // The script does not read a scoreboard at all.
    assert_eq!(why(board, "home_score", Some("10")), ["GAM-2"]);
    assert!(why(board, "home_score", Some("11")).is_empty());
    // Of a page it takes the NULL.
    let page = page(&whole("a", ""));
    assert_eq!(why(&page, "broadcast_name", Some("ESPN")), ["GAM-12"]);
    assert!(why(&page, "broadcast_name", Some("TNT")).is_empty());
}

fn parting(game: &str, column: &str) -> Vec<&'static str> {
    let mut gatherer = Gatherer::new(&Games).with_rows_there(there(&[]));
    gatherer.add(page(game).as_bytes(), "d");
    let partings = gatherer.finish();
    let new = cells(&one(game, Mode::Correct))[column].map(str::to_owned);
    let found = partings.explain_cell(&["a".to_owned()], column, new.as_deref());
    // What is not the document's is explained by nothing.
    assert!(
        partings
            .explain_cell(&["a".to_owned()], column, Some("invented"))
            .is_empty()
    );
    found.into_iter().map(Divergence::id).collect()
}

/// Each divergence of a cell: what the document has, what correct mode makes of it, under which name.
#[test]
fn correct_parts_from_the_script_by_name() {
    for (game, column, expected, name) in [
        (
            whole("a", "").replace("\"99\"", "0"),
            "away_score",
            Some("0"),
            "GAM-3",
        ),
        (
            whole("a", r#", "status": {"detail": "Final/OT", "id": "3"}"#),
            "game_status",
            Some("Final/OT"),
            "GAM-4",
        ),
        (
            whole("a", "").replace("2024-01-16T00:30Z", "2020-10-11T23:30Z"),
            "season",
            Some("2019-20"),
            "GAM-5",
        ),
        (
            whole("a", "").replace("2024-01-16T00:30Z", "2024-01-15T19:30-05:00"),
            "game_date",
            Some("2024-01-16"),
            "GAM-6",
        ),
        (
            whole("a", r#", "venue": {"id": null}"#),
            "venue_id",
            None,
            "GAM-7",
        ),
        (whole("a", ""), "broadcast_count", None, "GAM-7"),
        (
            whole(
                "a",
                r#", "broadcasts": [{"name": "H", "market": "home"}, {"name": "N", "market": "national"}]"#,
            ),
            "broadcast_name",
            Some("N"),
            "GAM-11",
        ),
    ] {
        assert_eq!(
            cells(&one(&game, Mode::Correct))[column],
            expected,
            "{column}"
        );
        assert!(parting(&game, column).contains(&name), "{column}");
    }
    // Where both read the same there is nothing to explain but a later load.
    assert!(parting(&whole("a", ""), "home_score").is_empty());
    assert_eq!(
        parting(&whole("a", ""), "home_team_is_winner"),
        ["GAM-9"],
        "only replaced in correct mode"
    );
}

#[test]
fn correct_reads_on_and_puts_aside() {
    let games = format!(
        "{}, {}, {}",
        whole("a", ""),
        whole("b", "").replace("\"99\"", "\"TBD\""),
        whole("c", "")
    );
    assert_eq!(ids(&page(&games), Mode::Correct), ["a", "c"]);
    let mut gatherer = Gatherer::new(&Games);
    gatherer.add(page(&games).as_bytes(), "d");
    let partings = gatherer.finish();
    let why = |id: &str| partings.explain_added(&[id.to_owned()], |_| None);
    assert_eq!(
        why("c").into_iter().map(Divergence::id).collect::<Vec<_>>(),
        ["GAM-1"]
    );
    assert!(why("a").is_empty() && why("b").is_empty());

    // A team without an id is no team: the script stores the game all the same.
    let game = whole("a", "").replace(r#""id":"2","#, "");
    assert!(ids(&page(&game), Mode::Correct).is_empty());
    let mut gatherer = Gatherer::new(&Games);
    gatherer.add(page(&game).as_bytes(), "d");
    let missing = gatherer.finish().explain_missing(&["a".to_owned()]);
    assert_eq!(missing, BTreeSet::from([Divergence::GameIncomplete]));
    let mut gatherer = Gatherer::new(&Teams);
    gatherer.add(page(&game).as_bytes(), "d");
    let partings = gatherer.finish();
    assert_eq!(
        partings.explain_missing(&[String::new()]),
        BTreeSet::from([Divergence::GameIncomplete])
    );
    let names = partings.explain_cell(&["1".to_owned()], "team_name", Some("Atlanta Hawks"));
    assert_eq!(names, BTreeSet::from([Divergence::GameTeamNames]));
}

#[test]
fn correct_reads_the_scoreboard() {
    let document = r#"{"leagues": [], "day": {"date": "2025-04-11"}, "events": [{"id": "401", "date": "2025-04-11T23:00Z",
        "competitions": [{"id": "401", "competitors": [
            {"id": "1", "homeAway": "home", "score": "10", "winner": true, "team": {"id": "1", "abbreviation": "ATL", "displayName": "Hawks"}},
            {"id": "2", "homeAway": "away", "score": "9", "winner": false, "team": {"abbreviation": "BOS"}}],
          "venue": {"id": "9", "fullName": "Arena", "address": {"city": "X"}}, "broadcasts": [{"market": "national", "names": ["ESPN"]}]}],
        "status": {"type": {"id": "3", "state": "post", "completed": true, "detail": "Final"}}}]}"#;
    assert!(ids(document, Mode::Compat).is_empty());
    let day = read(document.as_bytes(), "d", Mode::Correct).unwrap();
    let found = cells(&day.games.rows[0]);
    for (column, expected) in [
        ("game_id", Some("401")),
        ("season", Some("2024-25")),
        ("home_team_abbrev", Some("ATL")),
        ("away_score", Some("9")),
        ("away_team_is_winner", Some("f")),
        ("venue_city", Some("X")),
        ("game_status", Some("Final")),
        ("status_id", Some("3")),
        ("broadcast_name", Some("ESPN")),
        ("completed", Some("t")),
    ] {
        assert_eq!(found[column], expected, "{column}");
    }
    assert!(day.games.divergences.contains(&Divergence::GameScoreboard));
    assert_eq!(day.teams.rows.len(), 2);
}
