use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(text: &str) -> YamlFile {
    YamlFile::parse(Path::new("x.yaml"), text).unwrap()
}

fn notes(text: &str) -> Vec<String> {
    let file = parse(text);
    file.notes
        .iter()
        .map(|note| format!("{} {}: {}", note.line, note.path, note.kind))
        .collect()
}

#[test]
fn an_empty_file_is_an_empty_mapping() {
    for text in ["", "\n\n", "# only a comment\n", "\u{feff}"] {
        let file = parse(text);
        assert_eq!(file.root.to_json(), json!({}), "{text:?}");
        assert_eq!(file.notes[0].kind, YamlNoteKind::Empty, "{text:?}");
    }
}

#[test]
fn the_last_of_two_equal_keys_counts_and_is_reported() {
    let text = "mappings:\n  phase_0: old\n  phase_1: x\n  phase_0:\n    a: 1\n";
    assert_eq!(
        parse(text).root.to_json(),
        json!({"mappings": {"phase_1": "x", "phase_0": {"a": 1}}})
    );
    assert_eq!(
        notes(text),
        ["4 mappings.phase_0: the key is already on line 2; the last one counts"]
    );
    assert_eq!(notes("a: 1\nb: 2\n"), [""; 0]);
}

#[test]
fn yaml_1_1_traps_stay_text() {
    let text = "season: 2024-25\ncron: '0 9 * * 1'\nat: 12:30\nmorning: 09:00\nid: 0022300001\nzip: 00712345\nflag: yes\nbig: 123456789012345678901234\ndate: 2024-01-02\nversion: '1.0'\n";
    let json = parse(text).root.to_json();
    assert_eq!(
        json,
        json!({
            "season": "2024-25", "cron": "0 9 * * 1", "at": "12:30", "morning": "09:00", "id": "0022300001",
            "zip": "00712345", "flag": "yes", "big": "123456789012345678901234", "date": "2024-01-02", "version": "1.0"
        })
    );
    let doubtful: Vec<_> = parse(text)
        .notes
        .into_iter()
        .map(|note| (note.line, note.kind))
        .collect();
    assert_eq!(
        doubtful,
        [
            (3, YamlNoteKind::Yaml11("a number to base 60")),
            (5, YamlNoteKind::Yaml11("an octal number")),
            (6, YamlNoteKind::Yaml11("an octal number")),
            (7, YamlNoteKind::Yaml11("a boolean")),
            (9, YamlNoteKind::Yaml11("a date")),
        ]
    );
    assert_eq!(parse(text).root.get("flag").unwrap().as_bool(), Some(true));
}

#[test]
fn plain_types_are_read() {
    let text = "n: 5\nneg: -0.1\nf: 1.5e3\nt: true\nz: ~\nempty:\nq: '5'\nlist: [1, a]\n";
    assert_eq!(
        parse(text).root.to_json(),
        json!({"n": 5, "neg": -0.1, "f": 1500.0, "t": true, "z": null, "empty": null, "q": "5", "list": [1, "a"]})
    );
    assert_eq!(parse(text).root.get("list.1").unwrap().as_str(), Some("a"));
    assert_eq!(parse(text).root.get("list.2"), None);
    assert_eq!(parse(text).root.get("z").unwrap().as_str(), None);
}

#[test]
fn placeholders_are_reported_and_left_alone() {
    let text = "database:\n  host: ${DB_HOST:localhost}\n  port: \"${DB_PORT}\"\n  note: $5\n";
    assert_eq!(
        parse(text).root.get("database.host").unwrap().as_str(),
        Some("${DB_HOST:localhost}")
    );
    assert_eq!(
        notes(text),
        [
            "2 database.host: `${DB_HOST}` is plain text here: no program expands it",
            "3 database.port: `${DB_PORT}` is plain text here: no program expands it",
        ]
    );
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "base: &b {a: 1, b: 2}\nother:\n  <<: *b\n  b: 3\nsame: *b\n";
    assert_eq!(
        parse(text).root.to_json(),
        json!({"base": {"a": 1, "b": 2}, "other": {"b": 3, "a": 1}, "same": {"a": 1, "b": 2}})
    );
}

#[test]
fn errors_name_file_and_line() {
    for (text, line) in [
        ("a: 1\nb: [1\n", 2),
        ("a: 1\n  b: 2\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: *nope\n", 1),
        ("a: 1\n? [x]\n: 2\n", 2),
    ] {
        let error = YamlFile::parse(Path::new("x.yaml"), text).unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("x.yaml:{line}: ")),
            "{text:?}: {shown}"
        );
    }
}

#[test]
fn bombs_are_refused() {
    let mut text = String::from("a0: &a0 [x]\n");
    for n in 1..30 {
        let before = n - 1;
        text.push_str(&format!("a{n}: &a{n} [*a{before}, *a{before}]\n"));
    }
    assert!(YamlFile::parse(Path::new("x.yaml"), &text).is_err());
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(YamlFile::parse(Path::new("x.yaml"), &deep).is_err());
}

proptest! {
    #[test]
    fn any_text_survives_in_quotes(text in "(?s)[^\\p{Cc}\\u{feff}\\p{Zl}\\p{Zp}]{0,30}") {
        let yaml = format!("k: '{}'\n", text.replace('\'', "''"));
        prop_assert_eq!(parse(&yaml).root.to_json(), json!({"k": text}));
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[a-c:\\-\\[\\]{}&*<'\"|># \n?,]{0,60}") {
        let _ = YamlFile::parse(Path::new("x.yaml"), &text);
    }
}

/// What PyYAML 6 answers for these texts was looked up by running it.
#[test]
fn texts_that_pyyaml_takes_for_something_else_are_noted() {
    let noted = |text: &str| !parse(&format!("k: {text}\n")).notes.is_empty();
    for text in [
        "12:30",
        "190:20:30",
        "0022300001",
        "yes",
        "on",
        "off",
        "No",
        "1_000",
        "0x1F",
        "2024-01-02",
    ] {
        assert!(noted(text), "{text}");
    }
    for text in [
        "09:00", "8:60", "2024-25", "0o14", "y", "089", "12e03", "'12:30'", "\"yes\"", "5", ".5",
        "true",
    ] {
        assert!(!noted(text), "{text}");
    }
    assert_eq!(parse("k: .5\n").root.to_json(), json!({"k": 0.5}));
}
