use super::*;

fn page(groups: &str) -> String {
    format!(r#"{{"page":{{"content":{{"gamepackage":{{"pbp":{{"playGrps":{groups}}}}}}}}}}}"#)
}

fn ids(text: &str, mode: Mode) -> Vec<String> {
    let found = read(text.as_bytes(), "1", mode).unwrap();
    found.plays.into_iter().map(|play| play.play_id).collect()
}

/// What Python does with these was established by running the legacy script (ETL dossier 2.2).
#[test]
fn compat_does_what_the_script_does() {
    for (groups, expected) in [
        // numbers become texts; `false`, 0 and "" are no ids
        (
            r#"[[{"id": 4010000013}, {"id": ""}, {"id": 0}, {"id": null}, {}, {"id": "b"}]]"#,
            &["4010000013", "b"][..],
        ),
        // a group that is no list is left out
        (r#"[{"id": "x"}, null, [{"id": "a"}]]"#, &["a"]),
        // the first play that cannot be read ends the game
        (
            r#"[[{"id": "a"}, {"id": "b", "period": null}, {"id": "c"}]]"#,
            &["a"],
        ),
        (
            r#"[[{"id": "a"}, {"id": "b", "clock": "11:34"}, {"id": "c"}], [{"id": "d"}]]"#,
            &["a"],
        ),
        (r#"[[{"id": "a"}, 7, {"id": "c"}]]"#, &["a"]),
        ("null", &[]),
        ("{}", &[]),
    ] {
        assert_eq!(ids(&page(groups), Mode::Compat), expected, "{groups}");
    }
    for text in [
        "[]",
        "7",
        "{}",
        r#"{"page": null}"#,
        r#"{"page": {"content": null}}"#,
        r#"{"plays": [{"id": "a"}]}"#,
    ] {
        assert!(ids(text, Mode::Compat).is_empty(), "{text}");
    }
    assert!(read(b"<html>", "1", Mode::Compat).is_err());
}

#[test]
fn cells_are_kept_as_they_are() {
    let text = page(
        r#"[[{"id": "a", "period": {"number": 1, "displayValue": "1st Quarter"}, "clock": {"displayValue": "45.2"},
            "text": "tab\there", "homeAway": "home", "scoringPlay": true, "awayScore": "12", "homeScore": 0},
           {"id": "b", "scoringPlay": null}, {"id": "c"}]]"#,
    );
    let found = read(text.as_bytes(), "401", Mode::Compat).unwrap();
    let values = |at: usize| -> Vec<Option<&str>> {
        found.plays[at]
            .values
            .iter()
            .map(Option::as_deref)
            .collect()
    };
    assert_eq!(
        values(0),
        [
            Some("1"),
            Some("1st Quarter"),
            Some("45.2"),
            Some("tab\there"),
            Some("home"),
            Some("t"),
            Some("12"),
            Some("0")
        ]
    );
    assert_eq!(values(1)[5], None, "an explicit null stays one");
    assert_eq!(values(2)[5], Some("f"), "absent is false");
}

#[test]
fn each_divergence_has_its_name() {
    let of = |text: &str| read(text.as_bytes(), "1", Mode::Correct).unwrap();
    let rest = of(&page(
        r#"[[{"id": "a"}, {"id": "b", "period": null}, {"id": "c"}]]"#,
    ));
    assert_eq!(rest.plays.len(), 2);
    assert_eq!(rest.divergences, BTreeSet::from([Divergence::RestOfGame]));
    assert_eq!(
        (rest.aside[0].number, rest.aside[0].reason.as_str()),
        (2, "`period` is null")
    );
    let summary = of(r#"{"boxscore": {}, "header": {}, "plays": [{"id": "a"}]}"#);
    assert_eq!(summary.divergences, BTreeSet::from([Divergence::Summary]));
    let html = of(r#"<html>window.espn.gamepackageData = {"pbp": {"playGrps": [[{"id": "a"}]]}};"#);
    assert_eq!(
        (html.plays.len(), html.divergences),
        (1, BTreeSet::from([Divergence::Embedded]))
    );
    let nameless = of(&page(r#"[[{"id": "a"}, {"id": ""}]]"#));
    assert_eq!(
        nameless.divergences,
        BTreeSet::from([Divergence::MissingId])
    );
    assert_eq!(nameless.aside.len(), 1);
    // A document that the script reads rightly is read the same.
    let same = page(r#"[[{"id": "a"}], [{"id": "b"}]]"#);
    assert_eq!(
        of(&same).plays,
        read(same.as_bytes(), "1", Mode::Compat).unwrap().plays
    );
    assert!(of(&same).divergences.is_empty());
}

proptest::proptest! {
    #[test]
    fn no_document_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), text in r#"[\[\]{}"a-z:,0-9 ]{0,200}"#) {
        for mode in [Mode::Compat, Mode::Correct] {
            let _ = read(&bytes, "1", mode);
            let _ = read(page(&text).as_bytes(), "1", mode);
        }
    }

    #[test]
    fn compat_reads_no_more_than_correct(ids in proptest::collection::vec("[a-z]{0,3}", 0..20), broken in 0usize..25) {
        let plays: Vec<String> = ids.iter().enumerate().map(|(at, id)| {
            if at == broken { format!(r#"{{"id": "{id}", "clock": null}}"#) } else { format!(r#"{{"id": "{id}"}}"#) }
        }).collect();
        let text = page(&format!("[[{}]]", plays.join(",")));
        let compat = read(text.as_bytes(), "1", Mode::Compat).unwrap().plays;
        let correct = read(text.as_bytes(), "1", Mode::Correct).unwrap().plays;
        proptest::prop_assert!(correct.starts_with(&compat));
    }
}

/// A play as a document has it.
fn written(play: &Play) -> serde_json::Value {
    let mut object = serde_json::json!({"id": play.play_id});
    let text = |at: usize| {
        play.values[at]
            .clone()
            .map_or(serde_json::Value::Null, Into::into)
    };
    object["period"] = serde_json::json!({"number": text(0), "displayValue": text(1)});
    object["clock"] = serde_json::json!({"displayValue": text(2)});
    for (at, name) in [
        (3, "text"),
        (4, "homeAway"),
        (5, "scoringPlay"),
        (6, "awayScore"),
        (7, "homeScore"),
    ] {
        object[name] = text(at);
    }
    object
}

proptest::proptest! {
    /// What is written in any of the three shapes is read again: every text, whatever is in it, in the same order.
    #[test]
    fn what_is_written_is_read(cells in proptest::collection::vec((".{1,12}", proptest::collection::vec(proptest::option::of(".{0,12}"), 8)), 0..8)) {
        let plays: Vec<Play> = cells
            .into_iter()
            .map(|(id, values)| Play {
                play_id: id,
                game_id: "401".to_owned(),
                values: values.try_into().unwrap(),
            })
            .collect();
        let list: Vec<serde_json::Value> = plays.iter().map(written).collect();
        let groups: Vec<&[serde_json::Value]> = list.chunks(3).collect();
        let package = serde_json::json!({"pbp": {"playGrps": groups}});
        let page = serde_json::json!({"page": {"content": {"gamepackage": package}}}).to_string();
        let summary = serde_json::json!({"boxscore": {}, "header": {}, "plays": list}).to_string();
        let html = format!("<script>{EMBEDDED_MARK} {package};</script>");
        for text in [&page, &summary, &html] {
            let found = read(text.as_bytes(), "401", Mode::Correct).unwrap();
            proptest::prop_assert_eq!(&found.plays, &plays);
            // Straight into rows, the same cells.
            let mut rows = TextRows::default();
            for play in &plays {
                rows.text(&play.play_id).text(&play.game_id);
                for value in &play.values {
                    rows.optional(value.as_deref());
                }
                rows.end_row();
            }
            let reading = PlayByPlay.read(text.as_bytes(), "401", Mode::Correct).unwrap();
            proptest::prop_assert_eq!(reading.rows.as_bytes(), rows.as_bytes());
        }
        proptest::prop_assert_eq!(read(page.as_bytes(), "401", Mode::Compat).unwrap().plays, plays);
    }
}
