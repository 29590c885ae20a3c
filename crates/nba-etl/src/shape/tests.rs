use super::*;

fn check(text: &str, expected: EspnShape) {
    assert_eq!(EspnShape::detect(text.as_bytes()), expected, "{text}");
}

#[test]
fn tells_the_shapes_apart() {
    check(
        r#"{"app":1,"page":{"content":{"gamepackage":{"pbp":{"playGrps":[[{},{}],[{}]],"tms":{}}}}}}"#,
        EspnShape::Page { plays: 3 },
    );
    check(
        r#"{"page":{"content":{"gamepackage":{"bxscr":[]}}}}"#,
        EspnShape::Page { plays: 0 },
    );
    check(
        r#"{"page":{"content":{"schedule":{"20240115":[{},{}],"20240116":[{}]}}}}"#,
        EspnShape::PageSchedule { games: 3 },
    );
    check(
        r#"{"page":{"content":{"events":{"20240115":[{}]}}}}"#,
        EspnShape::PageSchedule { games: 1 },
    );
    check(
        r#"{"boxscore":{},"header":{},"plays":[{},{}]}"#,
        EspnShape::Summary { plays: 2 },
    );
    check(
        r#"{"boxscore":{},"header":{}}"#,
        EspnShape::Summary { plays: 0 },
    );
    check(
        r#"{"leagues":[],"events":[{},{}]}"#,
        EspnShape::Scoreboard { games: 2 },
    );
    check(
        r#"{"gmStrp":{},"pbp":{"playGrps":[[{}]]}}"#,
        EspnShape::Embedded { plays: 1 },
    );
    check(
        r#"<html><script>window.espn.gamepackageData = {"gmStrp":{"a":"};"},"pbp":{"playGrps":[[{},{}]]}};</script>"#,
        EspnShape::Embedded { plays: 2 },
    );
}

#[test]
fn odd_documents_are_named_not_guessed() {
    check("", EspnShape::Unreadable);
    check("<html>503</html>", EspnShape::Unreadable);
    check(
        r#"{"page":{"content":{"gamepackage":{"pbp":"#,
        EspnShape::Unreadable,
    );
    check("window.espn.gamepackageData = ", EspnShape::Unreadable);
    check("{}", EspnShape::Unknown);
    check("[1,2]", EspnShape::Unknown);
    check(r#"[{"content":{}},{},{}]"#, EspnShape::Unknown);
    check(r#"{"page":3}"#, EspnShape::Unknown);
    check(r#"{"page":{"content":null}}"#, EspnShape::Unknown);
    // Groups that are no lists hold no plays (ETL dossier 2.2); an explicit null is an empty package.
    check(
        r#"{"page":{"content":{"gamepackage":{"pbp":{"playGrps":[{"a":1},"x",[{}],null]}}}}}"#,
        EspnShape::Page { plays: 1 },
    );
    check(
        r#"{"page":{"content":{"gamepackage":{"pbp":null}}}}"#,
        EspnShape::Page { plays: 0 },
    );
}

#[test]
fn the_loaders_of_old_read_the_first_shape_only() {
    assert!(EspnShape::PageSchedule { games: 1 }.legacy_loaders_read_it());
    for other in [
        EspnShape::Summary { plays: 400 },
        EspnShape::Scoreboard { games: 9 },
        EspnShape::Embedded { plays: 400 },
        EspnShape::Unknown,
    ] {
        assert!(!other.legacy_loaders_read_it(), "{other}");
    }
}
