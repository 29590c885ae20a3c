use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::compare::CellChange;

fn kind(declared: &str, old: Option<&str>, new: Option<&str>) -> String {
    let column = ComparedColumn::exact("c", declared);
    let cell = CellChange {
        column: "c".to_owned(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
    };
    cell::classify(Family::of(&column), &cell).to_string()
}

#[test]
fn every_kind_is_told() {
    let both = |declared, old, new, expected: &str| {
        assert_eq!(
            kind(declared, Some(old), Some(new)),
            expected,
            "{declared}: {old} -> {new}"
        );
    };
    for (declared, old, new, expected) in [
        ("integer", None, Some("0"), "NULL became 0"),
        ("integer", Some("0"), None, "0 became NULL"),
        ("integer", None, Some("7"), "NULL became a value"),
        ("integer", Some("7"), None, "a value became NULL"),
        ("numeric(5,2)", None, Some("0.00"), "NULL became 0"),
        ("double precision", None, Some("NaN"), "NULL became NaN"),
        (
            "double precision",
            Some("1.5"),
            Some("NaN"),
            "a value became NaN",
        ),
        ("boolean", None, Some("false"), "NULL became false"),
        ("text", Some(""), None, "'' became NULL"),
        ("text", None, Some(" "), "NULL became white space"),
        ("text", None, Some("None"), "NULL became the text 'None'"),
        (
            "text",
            Some("J. Smith"),
            Some("nan"),
            "a value became the text 'nan'",
        ),
        ("text", Some("J. Smith"), Some(""), "a value became ''"),
        ("text", Some(""), Some("J. Smith"), "'' became a value"),
        ("text", Some(""), Some(" "), "'' became white space"),
        ("date", None, Some("2025-01-01"), "NULL became a value"),
    ] {
        assert_eq!(
            kind(declared, old, new),
            expected,
            "{declared}: {old:?} -> {new:?}"
        );
    }
    both("integer", "7", "8", "+1");
    both("numeric(9,6)", "0.554694", "0.554695", "+0.000001");
    both("numeric(9,6)", "0.554699", "0.554700", "+0.000001");
    both("numeric", "1.5", "-1.5", "the sign turned");
    both(
        "numeric",
        "0.455",
        "45.5",
        "× 100 (a ratio became a percentage)",
    );
    both("integer", "45", "45000", "× 10^3");
    both("numeric", "48.4837", "48.48", "rounded to 2 decimals");
    both(
        "numeric",
        "48.4877",
        "48.48",
        "digits cut off after 2 decimals",
    );
    both("numeric", "48.5", "49", "rounded to 0 decimals");
    both(
        "double precision",
        "0.1",
        "0.10000000149011612",
        "precision of a 32-bit float",
    );
    both(
        "double precision",
        "0.3",
        "0.30000000000000004",
        "last bits of a float",
    );
    both(
        "numeric",
        "12345678901234567890123456789012345678901",
        "12345678901234567890123456789012345678902",
        "numbers changed by various amounts",
    );
    both("boolean", "true", "false", "true became false");
    both(
        "timestamp with time zone",
        "2025-10-02 14:05:24.12348+00",
        "2025-10-02 14:05:24.123481+00",
        "+1 µs",
    );
    both(
        "timestamp without time zone",
        "2025-10-02 14:05:07",
        "2025-10-02 14:05:08",
        "+1 s",
    );
    both(
        "timestamp with time zone",
        "2025-10-02 14:05:07+00",
        "2025-10-02 09:05:07+00",
        "shifted by -5 h, as by a time zone",
    );
    both("date", "2025-10-02", "2025-10-03", "+1 day");
    both(
        "timestamp without time zone",
        "2025-10-02 14:05:07.5",
        "2025-10-02 14:05:07",
        "fractions of a second lost",
    );
    both(
        "timestamp without time zone",
        "2025-10-02 19:30:00",
        "2025-10-02 00:00:00",
        "time of day lost",
    );
    both(
        "jsonb",
        r#"{"a": 1, "b": 2}"#,
        r#"{"a": 1, "b": 3}"#,
        "the value at $.b",
    );
    both(
        "jsonb",
        r#"{"a": [1, 2]}"#,
        r#"{"a": [1, 5]}"#,
        "the value at $.a[]",
    );
    both(
        "jsonb",
        r#"{"a": 1, "b": 2}"#,
        r#"{"a": 2, "b": 3}"#,
        "values inside the document",
    );
    both(
        "json",
        r#"{"a":1,"b":2}"#,
        r#"{"b": 2, "a": 1}"#,
        "the same document: white space or order of keys",
    );
    both(
        "json",
        r#"{"a": 12345678901234567890123}"#,
        r#"{"a": 12345678901234567890124}"#,
        "values inside the document",
    );
    both("text", "abc", "abc ", "trailing white space");
    both("text", "abc", " abc", "leading white space");
    both("text", "a b", "a  b", "white space inside");
    both("text", "Abc", "ABC", "upper and lower case");
    both(
        "text",
        "Joki\u{107}",
        "Jokic\u{301}",
        "the same text, decomposed (NFD)",
    );
    both(
        "text",
        "Jokic\u{301}",
        "Joki\u{107}",
        "the same text, composed (NFC)",
    );
    both("text", "Jokić", "Jokic", "accents lost");
    both("text", "Jokić", "Joki?", "damaged encoding");
    both("text", "Dončić", "DonÄ\u{8d}iÄ‡", "damaged encoding");
    both("text", "A & B", "A &amp; B", "escaped characters");
    both(
        "text",
        "401360001",
        "401360001.0",
        "`.0` at the end, as of a float",
    );
    both("text", "0022300001", "22300001", "leading zeros");
    both("text", "true", "1", "the same boolean, written differently");
    both(
        "text",
        "2025-10-02T14:05:00Z",
        "2025-10-02 14:05:00+00",
        "the same moment, written differently",
    );
    both(
        "text",
        "makes 2-pt jump shot",
        "makes 2-pt",
        "the end cut off",
    );
    both("text", "makes", "makes layup", "text added at the end");
    both("text", "Smith", "J. Smith", "text added at the start");
    both(
        "text",
        "Los Angeles Lakers",
        "LAL",
        "a name became its abbreviation",
    );
    both("text", "foul", "rebound", "another value");
    both("integer[]", "{1,2}", "{1,3}", "another value");
}

fn explainer(columns: &[(&str, &str)], key: &[&str]) -> Explainer {
    let key: Vec<String> = key.iter().map(|&name| name.to_owned()).collect();
    let columns: Vec<ComparedColumn> = columns
        .iter()
        .map(|&(name, declared)| ComparedColumn::exact(name, declared))
        .collect();
    Explainer::new(&key, &columns)
}

fn changed(key: &str, cells: &[(&str, Option<&str>, Option<&str>)]) -> Difference {
    Difference {
        key: vec![Some(key.to_owned())],
        what: Change::Changed {
            cells: cells
                .iter()
                .map(|&(column, old, new)| CellChange {
                    column: column.to_owned(),
                    old: old.map(str::to_owned),
                    new: new.map(str::to_owned),
                })
                .collect(),
        },
        repeated: None,
    }
}

#[test]
fn a_value_that_changed_its_column_is_told_as_that() {
    let columns = [
        ("id", "bigint"),
        ("home", "text"),
        ("away", "text"),
        ("note", "text"),
    ];
    let mut explainer = explainer(&columns, &["id"]);
    explainer.observe(&changed(
        "1",
        &[
            ("home", Some("LAL"), Some("BOS")),
            ("away", Some("BOS"), Some("LAL")),
        ],
    ));
    explainer.observe(&changed(
        "2",
        &[("home", Some("LAL"), None), ("note", None, Some("LAL"))],
    ));
    let told: Vec<String> = explainer
        .finish()
        .groups
        .iter()
        .map(Group::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "1 row: swapped with `home` in `away`",
            "1 row: swapped with `away` in `home`",
            "1 row: moved to `note` in `home`",
            "1 row: came from `home` in `note`",
        ]
    );
}

#[test]
fn rare_amounts_are_counted_together_and_frequent_ones_are_not() {
    let mut explainer = explainer(&[("id", "bigint"), ("points", "integer")], &["id"]);
    for row in 0..1_000_i32 {
        let by = if row % 2 == 0 { 1 } else { row };
        let new = (50 + by).to_string();
        explainer.observe(&changed(
            &row.to_string(),
            &[("points", Some("50"), Some(new.as_str()))],
        ));
    }
    let explanation = explainer.finish();
    assert!(explanation.rare_together);
    assert!(explanation.groups.len() <= MOST_KINDS + 1);
    let most = explanation
        .groups
        .iter()
        .find(|group| group.kind.to_string() == "+1");
    assert_eq!(most.expect("the frequent amount").rows, 501);
    assert_eq!(
        explanation
            .groups
            .iter()
            .map(|group| group.rows)
            .sum::<u64>(),
        1_000
    );
}

#[test]
fn differences_are_located() {
    let columns = [
        ("id", "bigint"),
        ("season", "integer"),
        ("game_date", "date"),
    ];
    let mut explainer = explainer(&columns, &["id"]);
    let row = |id: i64, season: &str, date: &str| Difference {
        key: vec![Some(id.to_string())],
        what: Change::Missing {
            values: vec![
                Some(id.to_string()),
                Some(season.to_owned()),
                Some(date.to_owned()),
            ],
        },
        repeated: None,
    };
    for id in 0..300 {
        explainer.observe(&row(id, "1999", "2000-02-11"));
    }
    for id in 5_000_000..5_000_500 {
        explainer.observe(&row(id, "2024", "2024-11-30"));
    }
    explainer.observe(&changed(
        "7000000",
        &[("season", Some("2024"), Some("2025"))],
    ));
    let explanation = explainer.finish();
    let seasons = explanation.seasons.expect("a column is called so");
    let figures: Vec<(Option<&str>, u64)> = seasons
        .places
        .iter()
        .map(|place| (place.from.as_deref(), place.rows.total()))
        .collect();
    assert_eq!(figures, [(Some("1999"), 300), (Some("2024"), 501)]);
    let months = explanation.months.expect("a date");
    assert_eq!(months.places[0].from.as_deref(), Some("2000-02"));
    assert_eq!(months.elsewhere.changed, 1);
    let ranges = explanation.key_ranges.expect("a key").places;
    assert!(ranges.len() <= 10);
    assert_eq!(
        ranges.iter().map(|place| place.rows.total()).sum::<u64>(),
        801
    );
    assert!(
        ranges.iter().all(|place| (place.from <= place.to) && {
            let from: i64 = place.from.as_deref().unwrap().parse().unwrap();
            let to: i64 = place.to.as_deref().unwrap().parse().unwrap();
            to - from < 1_000
        }),
        "{ranges:?}"
    );
}

fn value() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some(String::new())),
        "[ a-cA-C0-9.é?-]{0,6}".prop_map(Some),
        any::<i64>().prop_map(|number| Some(number.to_string())),
        any::<f64>().prop_map(|number| Some(number.to_string())),
        "-?[0-9]{1,40}(\\.[0-9]{1,20})?(e-?[0-9]{1,4})?".prop_map(Some),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]( [0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?([+-][0-9]{2})?)?".prop_map(Some),
        "(None|null|NaN|nan|t|f|true|false|\\{\"a\": ?[0-9]\\}|\\[1,2\\])".prop_map(Some),
        any::<String>().prop_map(Some),
    ]
}

fn declared() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "integer",
        "numeric(10,2)",
        "double precision",
        "boolean",
        "date",
        "timestamp with time zone",
        "json",
        "text",
        "bytea",
        "integer[]",
    ])
}

proptest! {
    /// Any values at all: no panic, one kind per value, and the groups add up to the values.
    #[test]
    fn every_changed_value_has_exactly_one_kind(
        types in prop::collection::vec(declared(), 4),
        rows in prop::collection::vec(prop::collection::vec((value(), value()), 4), 0..40),
    ) {
        let names = ["a", "b", "c", "d"];
        let columns: Vec<(&str, &str)> = names.into_iter().zip(types).collect();
        let mut explainer = explainer(&columns, &["id"]);
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        let mut observed = 0;
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<(&str, Option<&str>, Option<&str>)> = names
                .into_iter()
                .zip(row)
                .filter(|(_, (old, new))| old != new)
                .map(|(name, (old, new))| (name, old.as_deref(), new.as_deref()))
                .collect();
            for (name, ..) in &cells {
                *expected.entry(name).or_default() += 1;
            }
            observed += 1;
            explainer.observe(&changed(&number.to_string(), &cells));
        }
        let explanation = explainer.finish();
        let mut found: BTreeMap<&str, u64> = BTreeMap::new();
        for group in &explanation.groups {
            *found.entry(group.column.as_str()).or_default() += group.rows;
            prop_assert!(!group.to_string().is_empty());
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(explanation.rows.total(), observed);
        let ranges = explanation.key_ranges.map_or(0, |spread| {
            spread.places.iter().map(|place| place.rows.total()).sum()
        });
        prop_assert_eq!(ranges, observed);
    }
}
