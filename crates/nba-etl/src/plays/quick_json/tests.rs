use std::borrow::Cow;

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::json;
use super::{Reading, quick};

/// A struct with a field of every kind that readers ask for.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    whole_number: Option<i64>,
    small: Option<u8>,
    real: Option<f64>,
    word: Option<bool>,
    name: Option<String>,
    anything: Option<IgnoredAny>,
    #[serde(default)]
    unit: (),
    #[serde(borrow, default)]
    list: Vec<Record<'a>>,
    #[serde(borrow)]
    one: Option<Box<Record<'a>>>,
    numbers: Option<Vec<u64>>,
}

/// What the quick reader says, `serde_json` says too. Returns whether it said something.
#[track_caller]
fn check(document: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(document);
    let found = quick::<Record<'_>>(document);
    if let Some(found) = &found {
        match serde_json::from_slice::<Record<'_>>(document) {
            // Two that are no number are not equal, but their texts are.
            Ok(plain) => assert_eq!(format!("{found:?}"), format!("{plain:?}"), "{shown}"),
            Err(error) => panic!("`serde_json` refuses what was read: {error}: {shown}"),
        }
    }
    if quick::<IgnoredAny>(document).is_some() {
        assert!(
            serde_json::from_slice::<IgnoredAny>(document).is_ok(),
            "{shown}"
        );
    }
    found.is_some()
}

/// The same key text again and again, other keys, spaces, nested values of every kind, and a text with escapes.
const RECORDS: &str = r#"{"list": [
  {"wholeNumber": 12, "text": "PT11M38.00S", "extra": [], "real": -1.5e3, "small": 7},
  {"wholeNumber": -3, "text": "Jokić \"\u00e9\" \\", "extra": [{"a": [null, true], "b": {}}, -0.1, "x"], "real": 0, "small": 255},
  {"wholeNumber": 0, "text": null, "word": true, "extra": {"a": "}", "b": [[1], {"c": 2}]}, "real": 1.25, "small": null},
  {"wholeNumber": 999999999999999999, "text": "", "word": false,"name":"n" , "extra" :1e-5, "numbers": [1, 2 ,3], "unit": null}
 ], "one": {"list": [{}, { }], "anything": {"deep": [[[{}]]]}}}
"#;

/// What is put in place of a byte.
const PIECES: [&[u8]; 24] = [
    b"",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"\0",
    b"\x1f",
    b"0",
    b"-",
    b".",
    b"e",
    b"1",
    b"n",
    b"\xff",
    b"\xc3",
    b"\\u12",
    b"\"x\":1,",
    b"null",
];

#[test]
fn records_are_read_quickly_and_damaged_ones_as_serde_json_does() {
    assert!(check(RECORDS.as_bytes()));
    for at in 0..RECORDS.len() {
        check(&RECORDS.as_bytes()[..at]);
        for piece in PIECES {
            let mut damaged = RECORDS.as_bytes().to_vec();
            damaged.splice(at..=at, piece.iter().copied());
            check(&damaged);
            damaged.insert(at, b'"');
            check(&damaged);
        }
    }
}

#[test]
fn what_is_out_of_the_ordinary() {
    let deep =
        |levels: usize| format!("{{\"extra\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let nested =
        |levels: usize| format!("{}{{}}{}", "{\"one\":".repeat(levels), "}".repeat(levels));
    assert!(check(deep(64).as_bytes()));
    assert!(!check(deep(65).as_bytes()));
    assert!(!check(deep(100_000).as_bytes()));
    assert!(check(nested(60).as_bytes()));
    assert!(!check(nested(70).as_bytes()));
    assert!(!check(nested(10_000).as_bytes()));
    for value in [
        "0",
        "-0",
        "00",
        "01",
        "-1",
        "-01",
        "--1",
        "+1",
        "1.",
        ".1",
        "1.0",
        "1e5",
        "1e",
        "1e+",
        "1E-2",
        "1e999",
        "-1e999",
        "0x1",
        "1_0",
        "255",
        "256",
        "999999999999999999",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "NaN",
        "Infinity",
        "nul",
        "nullx",
        "true",
        "tru",
        "True",
        "''",
        "\"\"",
        "\"\\\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83dx\"",
        "\"\\x\"",
        "\"\\/\"",
        "\"\t\"",
        "\"\u{7f}\"",
        "\"\u{2028}\"",
        "\"Jokić\"",
        "\"1\"",
        "[]",
        "{}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{a:1}",
        "[1}",
        "{\"a\":1]",
        "[[]",
        "[]]",
        "[1]",
        "[1,2]",
        "[-1]",
        "[1.0]",
        "1 2",
        "1,",
        "",
    ] {
        for key in [
            "text",
            "wholeNumber",
            "small",
            "real",
            "word",
            "name",
            "anything",
            "unit",
            "list",
            "one",
            "numbers",
            "other",
            "te\\u0078t",
            "",
            "Text",
        ] {
            for frame in [
                format!("{{\"{key}\":{value}}}"),
                format!(" {{ \"small\" : 1 , \"{key}\" : {value} , \"after\" : 2 }} "),
                format!(
                    "{{\"list\":[{{\"{key}\":{value},\"z\":1}},{{\"{key}\":{value},\"z\":1}}]}}"
                ),
                // The same key twice.
                format!("{{\"{key}\":{value},\"{key}\":{value}}}"),
                // A first key once more, without its comma.
                format!(
                    "{{\"list\":[{{\"{key}\":{value}}},{{\"{key}\":{value}\"{key}\":{value}}}]}}"
                ),
            ] {
                check(frame.as_bytes());
                check(format!("{frame}x").as_bytes());
            }
        }
    }
    assert!(!check(b"\xef\xbb\xbf{}"));
    assert!(!check(b"{\"other\":\"\xff\"}"));
    assert!(!check(b"[null,null]"));
    assert!(!check(b"{\"text\":\"a\",\"text\":\"a\"}"));
}

#[test]
fn more_keys_than_are_remembered() {
    let object: Vec<String> = (0..300).map(|key| format!("\"k{key}\": {key}")).collect();
    let object = format!("{{{}, \"small\": 9}}", object.join(", "));
    assert!(check(
        format!("{{\"list\": [{object}, {object}, {object}]}}").as_bytes()
    ));
}

/// Text of any JSON value, with keys that a [`Record`] has.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        (0..300).prop_map(|number: i32| number.to_string()),
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
        "[ -~]{0,12}".prop_map(|text| format!("\"{text}\"")),
        prop::sample::select(vec!["null", "true", "false", "[]", "{}"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let key = prop::sample::select(vec![
            "text",
            "wholeNumber",
            "small",
            "real",
            "word",
            "name",
            "anything",
            "list",
            "one",
            "numbers",
            "extra",
        ]);
        let space = prop::sample::select(vec!["", " ", "\n  "]);
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..5), space.clone())
                .prop_map(|(values, space)| format!("[{}]", values.join(&format!(",{space}")))),
            (prop::collection::vec((key, inner), 0..7), space).prop_map(|(pairs, space)| {
                let pairs: Vec<String> = pairs
                    .into_iter()
                    .map(|(key, value)| format!("\"{key}\":{space}{value}"))
                    .collect();
                format!("{{{}}}", pairs.join(&format!(",{space}")))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_reads_as_with_serde_json(values in prop::collection::vec(value(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for value in &values {
            check(value.as_bytes());
        }
        let document = format!("{{\"list\": [{}]}}", values.join(", "));
        check(document.as_bytes());
        let mut damaged = document.into_bytes();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        check(&damaged);
    }
}

/// A small document of each form.
const DOCUMENTS: [&str; 6] = [
    r#"{"meta": {"version": 1}, "game": {"gameId": "0022400500", "actions": [
{"actionNumber": 2, "clock": "PT12M00.00S", "period": 1, "actionType": "period", "subType": "start", "qualifiers": [], "personId": 0, "x": null, "scoreHome": "0", "scoreAway": "0"},
{"actionNumber": 7, "clock": "PT11M38.50S", "period": 1, "teamId": 1610612746, "teamTricode": "LAC", "actionType": "2pt", "subType": "Hook", "qualifiers": ["pointsinthepaint"], "personId": 1627826, "x": 6.1, "xLegacy": -4, "yLegacy": 12, "shotResult": "Made", "pointsTotal": 2, "scoreHome": "2", "scoreAway": "0", "playerNameI": "I. Zubac \"Big\"", "assistPersonId": 202695, "assistTotal": 1},
{"actionNumber": 9, "clock": "PT11M20.00S", "period": 1, "teamId": 1610612750, "teamTricode": "MIN", "actionType": "turnover", "subType": "lost-ball", "personId": 203497, "turnoverTotal": 1, "scoreHome": "2", "scoreAway": "0", "playerNameI": "R. Gobert", "stealPersonId": 202695}]}}"#,
    r#"{"game": {"gameId": "0022400001", "actions": [
{"actionNumber": 4, "clock": "PT12M00.00S", "period": 1, "teamId": 0, "personId": 0, "playerName": "", "description": "Start of 1st Period", "actionType": "period", "subType": "start", "location": "", "actionId": 1, "scoreHome": "0", "scoreAway": "0"},
{"actionNumber": 7, "clock": "PT11M37.00S", "period": 1, "teamId": 1610612738, "teamTricode": "BOS", "personId": 201143, "playerName": "Horford", "playerNameI": "A. Horford", "description": "Horford 26' 3PT Jump Shot (3 PTS)", "actionType": "Made Shot", "subType": "Jump Shot", "location": "h", "actionId": 2, "scoreHome": "3", "scoreAway": "0"}]}}"#,
    r#"{"resource": "playbyplay", "parameters": {"GameID": "0021600270"}, "resultSets": [{"name": "PlayByPlay", "headers": ["GAME_ID", "EVENTNUM", "EVENTMSGTYPE", "EVENTMSGACTIONTYPE", "PERIOD", "PCTIMESTRING", "HOMEDESCRIPTION", "VISITORDESCRIPTION", "SCORE", "PERSON1TYPE", "PLAYER1_ID", "PLAYER1_NAME", "PLAYER1_TEAM_ID", "PLAYER1_TEAM_ABBREVIATION"], "rowSet": [
["0021600270", 0, 12, 0, 1, "12:00", null, null, null, 0, 0, null, null, null],
["0021600270", 2, 1, 80, 1, "11:39", null, "Morris 12' Jump Shot (2 PTS)", "2 - 0", 5, 202693, "Markieff Morris", 1610612764, "WAS"],
["0021600270", 3, 2, 1.5, 1, "11:20", "MISS Adams 4' Layup", null, [], 4, 203500, "Steven \u0041dams", 1610612760, true]]}]}"#,
    r#"{"boxscore": {"players": [{"statistics": [{"athletes": [{"athlete": {"id": "4066", "displayName": "A. One"}}]}]}]}, "header": {"id": "401585607", "competitions": [{"competitors": [{"homeAway": "home", "team": {"id": "28", "abbreviation": "TOR"}}, {"homeAway": "away", "team": {"id": "2", "abbreviation": "BOS"}}]}]}, "plays": [
{"sequenceNumber": "4", "type": {"id": "615", "text": "Jumpball"}, "text": "A vs. B", "homeScore": 0, "awayScore": 0, "period": {"number": 1}, "clock": {"displayValue": "12:00"}, "scoringPlay": false, "scoreValue": 0},
{"sequenceNumber": "7", "type": {"id": "92", "text": "Jump Shot"}, "text": "One makes 14-foot jumper", "homeScore": 2, "awayScore": 0, "period": {"number": 1}, "clock": {"displayValue": "11:40"}, "scoringPlay": true, "scoreValue": 2, "team": {"id": "28"}, "participants": [{"athlete": {"id": "4066"}}], "shootingPlay": true, "coordinate": {"x": 25, "y": 4}}]}"#,
    r#"{"app": {}, "page": {"content": {"gamepackage": {"gmStrp": {"gid": "401585183"}, "pbp": {"tms": {"home": {"id": "28", "abbrev": "TOR"}, "away": {"id": "2", "abbrev": "BOS"}}, "playGrps": [[
{"id": "4015851834", "period": {"number": 1}, "text": "A. One makes 14-foot jumper", "homeAway": "home", "awayScore": 0, "homeScore": 2, "clock": {"displayValue": "11:40"}, "scoringPlay": true},
{"id": "4015851837", "period": {"number": 1}, "text": "B. Two misses layup", "homeAway": "away", "awayScore": 0, "homeScore": 2, "clock": {"displayValue": "11:20"}}]]}}}}}"#,
    r#"{"g": {"mid": 1480564137310, "gid": "0021600270", "pd": [{"p": 1, "pla": [
{"evt": 0, "cl": "12:00", "de": "Start Period", "locX": 0, "mtype": 0, "etype": 12, "opid": "", "tid": 0, "pid": 0, "hs": 0, "vs": 0, "epid": ""},
{"evt": 2, "cl": "11:39", "de": "[WAS 2-0] Mark Morris Jump shot: Made (2 PTS)", "locX": -19, "mtype": 80, "etype": 1, "opid": "", "tid": 1610612764, "pid": 202693, "hs": 0, "vs": 2, "epid": ""},
{"evt": 3, "cl": "11:18", "de": "[OKC 2-2] Sabonis Jump Shot: Made (2 PTS)", "locX": 9, "mtype": 1, "etype": 1, "opid": "", "tid": 1610612760, "pid": 1627734, "hs": 2, "vs": 2, "epid": ""}]}]}}"#,
];

#[test]
fn documents_of_every_form_give_the_same_game_either_way() {
    let read = |document: &[u8], by| format!("{:?}", json::read(document, by));
    for document in DOCUMENTS {
        let game = json::read(document.as_bytes(), Reading::Quick);
        assert!(
            matches!(&game, Ok((_, log)) if log.events.len() > 1),
            "{game:?}"
        );
        for (at, piece) in (0..document.len()).step_by(2).zip(PIECES.iter().cycle()) {
            let mut damaged = document.as_bytes().to_vec();
            damaged.splice(at..=at, piece.iter().copied());
            for damaged in [&document.as_bytes()[..at], damaged.as_slice()] {
                assert_eq!(
                    read(damaged, Reading::Quick),
                    read(damaged, Reading::Plain),
                    "{}",
                    String::from_utf8_lossy(damaged)
                );
            }
        }
    }
}
