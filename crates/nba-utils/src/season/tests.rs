use chrono::NaiveDate;
use proptest::prelude::*;

use super::{Season, SeasonEncoding, SeasonError};

const ENCODINGS: [SeasonEncoding; 5] = [
    SeasonEncoding::Text,
    SeasonEncoding::LongText,
    SeasonEncoding::StartYear,
    SeasonEncoding::EndYear,
    SeasonEncoding::NbaApi,
];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn season(start: i64) -> Season {
    Season::from_start_year(start).unwrap()
}

#[test]
fn dossier_7_2_every_encoding() {
    let check = |text: &str, encoding, expected: &str| {
        let parsed = Season::parse_as(text, encoding).unwrap().unwrap();
        assert_eq!(parsed.to_string(), expected, "{text} as {encoding:?}");
        assert_eq!(parsed.format_as(encoding), text);
    };
    check("2004-05", SeasonEncoding::Text, "2004-05");
    check("2004-2005", SeasonEncoding::LongText, "2004-05");
    check("2004", SeasonEncoding::StartYear, "2004-05");
    check("2002", SeasonEncoding::EndYear, "2001-02");
    check("2020-21", SeasonEncoding::NbaApi, "2020-21");
    check("1999-00", SeasonEncoding::Text, "1999-00");
    check("1999-2000", SeasonEncoding::LongText, "1999-00");
    check("1946-47", SeasonEncoding::Text, "1946-47");
}

#[test]
fn text_of_another_encoding_is_refused() {
    for (text, encoding) in [
        ("2004", SeasonEncoding::Text),
        ("2004-2005", SeasonEncoding::Text),
        ("2004-05", SeasonEncoding::LongText),
        ("2004-05", SeasonEncoding::StartYear),
        ("2004-05", SeasonEncoding::EndYear),
        ("unknown", SeasonEncoding::Text),
        ("Unknown", SeasonEncoding::NbaApi),
        ("1946", SeasonEncoding::EndYear),
    ] {
        assert!(
            Season::parse_as(text, encoding).is_err(),
            "{text} as {encoding:?}"
        );
    }
    assert_eq!(
        Season::parse_as("unknown", SeasonEncoding::NbaApi),
        Ok(None)
    );
}

#[test]
fn each_fault_has_its_own_error() {
    let check = |text: &str, expected: SeasonError| {
        assert_eq!(text.parse::<Season>(), Err(expected), "{text}");
    };
    let text = |text: &str| text.to_owned();
    check("2004", SeasonError::Ambiguous { text: text("2004") });
    check("unknown", SeasonError::Unknown);
    check(
        "2004-06",
        SeasonError::NotConsecutive {
            text: text("2004-06"),
        },
    );
    check(
        "1999-01",
        SeasonError::NotConsecutive {
            text: text("1999-01"),
        },
    );
    check(
        "1999-2099",
        SeasonError::NotConsecutive {
            text: text("1999-2099"),
        },
    );
    check("1945-46", SeasonError::OutOfRange { start_year: 1945 });
    for malformed in [
        "",
        "-",
        "2004-",
        "-05",
        "04-05",
        "2004-5",
        "2004-005",
        "2004/05",
        " 2004-05",
        "2004-05 ",
        "2004-0x",
        "２００４-05",
        "+204-05",
    ] {
        check(
            malformed,
            SeasonError::Malformed {
                text: text(malformed),
            },
        );
    }
}

#[test]
fn dates_of_the_odd_seasons() {
    let check = |date: &str, right: &str, legacy: &str| {
        assert_eq!(
            Season::from_date(day(date)).unwrap().to_string(),
            right,
            "{date}"
        );
        assert_eq!(
            Season::legacy_from_utc_date(day(date)).unwrap().to_string(),
            legacy,
            "legacy {date}"
        );
    };
    check("2004-12-31", "2004-05", "2004-05");
    check("2005-06-23", "2004-05", "2004-05");
    // September pre-season
    check("2018-09-28", "2018-19", "2017-18");
    // the bubble, in US and in UTC dates
    check("2020-07-30", "2019-20", "2019-20");
    check("2020-09-30", "2019-20", "2019-20");
    check("2020-10-01", "2019-20", "2020-21");
    check("2020-10-11", "2019-20", "2020-21");
    check("2020-10-12", "2019-20", "2020-21");
    check("2020-12-11", "2020-21", "2020-21");
    check("2021-07-21", "2020-21", "2020-21");
    check("2021-10-03", "2021-22", "2021-22");
    // lock-out seasons start late, in the same season year
    check("1999-02-05", "1998-99", "1998-99");
    check("2011-12-25", "2011-12", "2011-12");
}

#[test]
fn neighbours_stop_at_the_ends() {
    assert_eq!(season(1946).previous(), None);
    assert_eq!(season(2099).next(), None);
    assert_eq!(season(1999).next(), Some(season(2000)));
    assert_eq!(season(2000).previous(), Some(season(1999)));
}

#[test]
fn json_is_the_text_form() {
    assert_eq!(serde_json::to_string(&season(2004)).unwrap(), "\"2004-05\"");
    assert_eq!(
        serde_json::from_str::<Season>("\"2004-05\"").unwrap(),
        season(2004)
    );
    assert!(serde_json::from_str::<Season>("2004").is_err());
}

proptest! {
    #[test]
    fn formats_round_trip(start in 1946i64..=2099) {
        let season = season(start);
        for encoding in ENCODINGS {
            prop_assert_eq!(Season::parse_as(&season.format_as(encoding), encoding).unwrap(), Some(season));
        }
        prop_assert_eq!(season.to_string().parse::<Season>().unwrap(), season);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,12}", year in any::<i64>()) {
        let _ = text.parse::<Season>();
        for encoding in ENCODINGS {
            if let Ok(Some(season)) = Season::parse_as(&text, encoding) {
                prop_assert_eq!(season.format_as(encoding), text.clone());
            }
        }
        let _ = (Season::from_start_year(year), Season::from_end_year(year));
    }

    #[test]
    fn near_misses_are_read_or_refused(text in "[0-9]{2,5}-?[0-9]{0,5}") {
        if let Ok(season) = text.parse::<Season>() {
            let spellings = [season.to_string(), season.format_as(SeasonEncoding::LongText)];
            prop_assert!(spellings.contains(&text));
        }
    }

    #[test]
    fn utc_and_us_date_agree_during_play(start in 1947i64..2090, shift in 0u64..240) {
        // from 20 September to mid-May games are played; the UTC date may be one later
        let us = NaiveDate::from_ymd_opt(i32::try_from(start).unwrap(), 9, 20).unwrap() + chrono::Days::new(shift);
        prop_assume!(start != 2020 || us >= day("2020-10-13"));
        prop_assert_eq!(Season::from_date(us).unwrap(), season(start));
        prop_assert_eq!(Season::from_date(us.succ_opt().unwrap()).unwrap(), season(start));
    }
}
