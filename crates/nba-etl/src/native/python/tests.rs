use serde_json::json;

use super::*;

/// Established with Python 3.11.
#[test]
fn texts_are_those_of_str() {
    for (value, expected) in [
        (json!(7), "7"),
        (json!(7.0), "7.0"),
        (json!(0.483), "0.483"),
        (json!(1e16), "1e+16"),
        (json!(1.5e-7), "1.5e-07"),
        (json!(1e15), "1000000000000000.0"),
        (json!(-0.0), "-0.0"),
        (json!(null), "None"),
        (json!(true), "True"),
        (json!("a"), "a"),
        (json!([1, "a", null]), "[1, 'a', None]"),
        (json!({"a": 1.5, "b": "it's"}), r#"{'a': 1.5, 'b': "it's"}"#),
        (json!(["'\"\\\n"]), r#"['\'"\\\n']"#),
        (
            json!(18_446_744_073_709_551_615_u64),
            "18446744073709551615",
        ),
    ] {
        assert_eq!(text(&value), expected);
    }
}

#[test]
fn whole_numbers_are_those_of_int() {
    for (value, expected) in [
        (json!("12"), Some("12")),
        (json!(" 12\n"), Some("12")),
        (json!("+5"), Some("5")),
        (json!("-03"), Some("-3")),
        (json!("-0"), Some("0")),
        (json!("1_000"), Some("1000")),
        (json!("1__0"), None),
        (json!("_1"), None),
        (json!("12.0"), None),
        (json!(""), None),
        (json!("-"), None),
        (json!("DNP"), None),
        (json!(12.9), Some("12")),
        (json!(-12.9), Some("-12")),
        (json!(-0.5), Some("0")),
        (json!(true), Some("1")),
        (json!(null), None),
        (json!([]), None),
    ] {
        assert_eq!(int(&value, "x").ok().as_deref(), expected, "{value}");
    }
}

#[test]
fn floats_are_those_of_float() {
    for (text, expected) in [
        ("48.3", Some(48.3)),
        (".5", Some(0.5)),
        (" 5. ", Some(5.0)),
        ("1_0.5", Some(10.5)),
        ("abc", None),
        ("", None),
        ("None", None),
        ("5%", None),
    ] {
        assert_eq!(float(text), expected, "{text}");
    }
}

#[test]
fn times_are_those_of_fromisoformat() {
    for (text, expected) in [
        ("2024-01-15T18:00+00:00", Some("2024-01-15 18:00:00")),
        ("2024-01-15T18:00:30+00:00", Some("2024-01-15 18:00:30")),
        (
            "2024-01-15T18:00:30.250+00:00",
            Some("2024-01-15 18:00:30.250"),
        ),
        ("2024-01-15T18:00-05:00", Some("2024-01-15 23:00:00")),
        ("2024-01-15 18:00", Some("2024-01-15 18:00:00")),
        ("20240115T1800Z", Some("2024-01-15 18:00:00")),
        ("2024-01-15", Some("2024-01-15 00:00:00")),
        ("2024-01-15T", None),
        ("2024-0115", None),
        ("2024-02-30T18:00", None),
        ("2024-01-15T25:00", None),
        ("2024-01-15T18:00 PM", None),
        ("TBD", None),
        ("", None),
    ] {
        let found = from_iso(text).map(Moment::utc_text);
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

#[test]
fn times_of_box_scores_have_no_seconds() {
    for (text, expected) in [
        ("2021-05-12T21:30Z", Some("2021-05-12 21:30:00")),
        ("2021-5-2T9:30Z", Some("2021-05-02 09:30:00")),
        ("2021-05-12T21:30+0200", Some("2021-05-12 21:30:00")),
        ("2021-05-12T21:30-05:00", Some("2021-05-12 21:30:00")),
        ("2021-05-12T21:30:00Z", None),
        ("2021-05-12T21:30", None),
        ("2021-05-12", None),
        ("", None),
    ] {
        let found = strptime_minutes(text).map(Moment::wall_text);
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}
