use super::*;
use crate::native::plays::PlayByPlay;

fn page(plays: &str) -> String {
    format!(r#"{{"page":{{"content":{{"gamepackage":{{"pbp":{{"playGrps":[[{plays}]]}}}}}}}}}}"#)
}

fn of(document: &str) -> Partings {
    let mut gatherer = Gatherer::new(&PlayByPlay);
    gatherer.add(document.as_bytes(), "1");
    gatherer.finish()
}

fn key(id: &str) -> Vec<String> {
    vec![id.to_owned()]
}

#[test]
fn a_row_is_explained_by_what_its_document_holds_and_only_with_its_values() {
    let found = of(&page(
        r#"{"id": "a"}, {"id": "b", "clock": null}, {"id": "c", "text": "makes", "homeScore": 2}"#,
    ));
    assert_eq!(found.of(&key("a")), None, "both modes read it");
    let value = |text: &'static str| {
        move |column: &str| match column {
            "play_text" => Some(Some(text)),
            "scoring_play" => Some(Some("false")),
            "home_score" => Some(Some("2")),
            _ => None,
        }
    };
    assert_eq!(
        found.explain_added(&key("c"), value("makes")),
        BTreeSet::from([Divergence::RestOfGame])
    );
    // The row is there, with another text.
    assert!(found.explain_added(&key("c"), value("misses")).is_empty());
    // Invented, in the very game where the modes part.
    assert!(found.explain_added(&key("d"), value("makes")).is_empty());
    assert!(found.explain_missing(&key("c")).is_empty());
    assert!(
        found
            .explain_cell(&key("a"), "home_score", Some("3"))
            .is_empty()
    );
}

#[test]
fn a_value_is_the_same_in_the_form_the_server_gives_it() {
    for (found, sent, expected) in [
        (Some("true"), Some("t"), true),
        (Some("false"), Some("t"), false),
        (Some("48.30"), Some("48.3"), true),
        (Some("48.33"), Some("48.3333"), true),
        (Some("48.31"), Some("48.3"), false),
        (Some("5"), Some("5.4"), false),
        (
            Some("2024-01-15 18:00:00"),
            Some("2024-01-15 18:00:00+00:00"),
            true,
        ),
        (
            Some("2024-01-15 18:00:00"),
            Some("2024-01-15 19:00:00"),
            false,
        ),
        (None, Some(""), false),
        (None, None, true),
    ] {
        assert_eq!(same_value(found, sent), expected, "{found:?} {sent:?}");
    }
}
