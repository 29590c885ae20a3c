use proptest::prelude::*;
use serde_json::json;

use super::{
    MadeAttempted, NumberError, legacy_safe_int, legacy_safe_int_json, parse_int,
    parse_optional_int,
};

#[test]
fn dossier_7_5_and_etl_2_4_safe_int() {
    for (text, expected) in [
        ("+12", 12),
        ("-3", -3),
        ("-5", -5),
        ("+5", 5),
        ("--", 0),
        ("", 0),
        ("DNP", 0),
        ("12.5", 125),
        ("1,234", 1234),
        ("1-2", 0),
        ("-", 0),
        ("5-", 0),
        (" 17 ", 17),
        ("٣", 0),
    ] {
        assert_eq!(legacy_safe_int(text), Ok(expected), "{text}");
    }
    assert!(matches!(
        legacy_safe_int("99999999999999999999"),
        Err(NumberError::TooLarge { .. })
    ));
}

#[test]
fn safe_int_of_json_values() {
    for (value, expected) in [
        (json!(7.9), 7),
        (json!(-0.4), 0),
        (json!(-7.9), -7),
        (json!(12), 12),
        (json!("12.5"), 125),
        (json!(null), 0),
    ] {
        assert_eq!(legacy_safe_int_json(Some(&value)), Ok(expected), "{value}");
    }
    assert_eq!(legacy_safe_int_json(None), Ok(0));
    for value in [json!(1e300), json!(true), json!([1]), json!({})] {
        assert!(legacy_safe_int_json(Some(&value)).is_err(), "{value}");
    }
}

#[test]
fn strict_reader_refuses_what_the_legacy_one_bends() {
    for text in [
        "12.5", "1,234", "1-2", "--", "", " 1", "1 ", "+", "-", "+-1", "0x1", "１",
    ] {
        assert!(parse_int(text).is_err(), "{text}");
    }
    assert_eq!(parse_int("-007"), Ok(-7));
    assert_eq!(parse_optional_int("--"), Ok(None));
    assert_eq!(parse_optional_int("0"), Ok(Some(0)));
    assert!(parse_optional_int("DNP").is_err());
}

#[test]
fn made_attempted() {
    assert_eq!("7-12".parse(), MadeAttempted::new(7, 12));
    assert_eq!("0-0".parse(), Ok(MadeAttempted::default()));
    assert_eq!(
        "13-12".parse::<MadeAttempted>(),
        Err(NumberError::MoreMadeThanAttempted {
            made: 13,
            attempted: 12
        })
    );
    for text in [
        "", "7", "7-", "-12", "7-12-1", "7--12", "+7-12", "7 - 12", "7-70000",
    ] {
        assert!(text.parse::<MadeAttempted>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn integers_round_trip(value in any::<i64>()) {
        prop_assert_eq!(parse_int(&value.to_string()), Ok(value));
        prop_assert_eq!(legacy_safe_int(&value.to_string()), Ok(value));
    }

    #[test]
    fn shots_round_trip(made in 0u16..200, missed in 0u16..200) {
        let shots = MadeAttempted::new(made, made + missed).unwrap();
        prop_assert_eq!(shots.to_string().parse(), Ok(shots));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,24}") {
        let _ = (parse_int(&text), parse_optional_int(&text), legacy_safe_int(&text), text.parse::<MadeAttempted>());
    }

    #[test]
    fn legacy_and_strict_agree_where_strict_reads(text in "[+-]?[0-9]{1,25}") {
        if let Ok(value) = parse_int(&text) {
            prop_assert_eq!(legacy_safe_int(&text), Ok(value));
        }
    }
}
