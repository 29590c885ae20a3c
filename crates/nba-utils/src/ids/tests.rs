use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

fn espn(text: &str) -> EspnGameId {
    text.parse().unwrap()
}

#[test]
fn dossier_7_1_espn_games() {
    let check = |text: &str, date: Option<&str>| {
        let id = espn(text);
        assert_eq!(id.to_string(), text);
        assert_eq!(
            id.embedded_date().map(|date| date.to_string()).as_deref(),
            date,
            "{text}"
        );
        assert_eq!(id.is_modern(), date.is_none());
    };
    check("241231002", Some("2004-12-31"));
    check("190302004", Some("1999-03-02"));
    check("311011004", Some("2011-10-11"));
    check("001231002", Some("1980-12-31"));
    // reads as 2020-02-16 too, but the form with a date had ended by then
    check("400216894", None);
    check("401307856", None);
}

#[test]
fn not_espn_games() {
    for text in [
        "",
        "40130785",
        "4013078561",
        "241331002",
        "240230002",
        "501307856",
        "24123100a",
        " 401307856",
        "401307856.0",
        "４01307856",
    ] {
        assert!(text.parse::<EspnGameId>().is_err(), "{text}");
    }
}

#[test]
fn short_numbers_are_not_padded_to_espn_games() {
    // as nine digits this would be a game of 1 January 1980
    assert!(EspnGameId::from_number(101_001).is_err());
    assert!(EspnGameId::read("101001").is_err());
}

#[test]
fn dossier_7_1_nba_games() {
    let id = NbaGameId::from_number(11_300_002).unwrap();
    assert_eq!(id.to_string(), "0011300002");
    assert_eq!((id.league(), id.game_type()), (0, 1));
    assert_eq!(id.season().unwrap().to_string(), "2013-14");
    let old: NbaGameId = "0029900001".parse().unwrap();
    assert_eq!(old.season().unwrap().to_string(), "1999-00");
    let gap: NbaGameId = "0024500001".parse().unwrap();
    assert_eq!(gap.season().unwrap().to_string(), "2045-46");
    assert!("22300123".parse::<NbaGameId>().is_err());
    assert!("0000000000".parse::<NbaGameId>().is_err());
    assert!(NbaGameId::from_number(10_000_000_000).is_err());
}

#[test]
fn dossier_7_1_basketball_reference_games() {
    let id: BbrefGameId = "202410220BOS".parse().unwrap();
    assert_eq!(
        (id.date().to_string().as_str(), id.home_team()),
        ("2024-10-22", "BOS")
    );
    for text in [
        "",
        "202410220bos",
        "202410221BOS",
        "202413220BOS",
        "202410220BO",
        "202410220BOST",
        "2024102é0BOS",
        "２02410220BOS",
    ] {
        assert!(text.parse::<BbrefGameId>().is_err(), "{text}");
    }
}

#[test]
fn spoiled_texts_are_repaired_and_reported() {
    let check = |text: &str, digits: &str, spoilage| {
        let number = canonical_integer(text).unwrap();
        assert_eq!(
            (number.digits.as_str(), number.spoilage),
            (digits, spoilage),
            "{text}"
        );
    };
    check("13", "13", None);
    check("13.0", "13", Some(Spoilage::DecimalPoint));
    check("13.", "13", Some(Spoilage::DecimalPoint));
    check("1610612760.0", "1610612760", Some(Spoilage::DecimalPoint));
    check("1610612760.000", "1610612760", Some(Spoilage::DecimalPoint));
    check("1.61061276e9", "1610612760", Some(Spoilage::Scientific));
    check("1.610612760E+09", "1610612760", Some(Spoilage::Scientific));
    check("4.01307856e+08", "401307856", Some(Spoilage::Scientific));
    check("1e3", "1000", Some(Spoilage::Scientific));
    check(" 1966 ", "1966", Some(Spoilage::Spaces));
    check("0022300123", "0022300123", None);
    check("18446744073709551615", "18446744073709551615", None);
}

#[test]
fn texts_that_cannot_be_repaired() {
    for text in [
        "",
        " ",
        ".",
        ".0",
        "e",
        "1e",
        "1e-3",
        "1e99",
        "1.5",
        "1.61061276e7",
        "-1",
        "+1",
        "1.0.0",
        "0x1",
        "nan",
        "inf",
        "NaN",
        "1,000",
        "18446744073709551616",
        "１",
    ] {
        assert!(
            matches!(canonical_integer(text), Err(IdError::NotANumber { .. })),
            "{text}"
        );
    }
    for text in ["4.01308e+08", "1.61061e9", "9007199254740993.0", "1.0e18"] {
        assert!(
            matches!(canonical_integer(text), Err(IdError::DigitsLost { .. })),
            "{text}"
        );
    }
}

#[test]
fn doubles() {
    assert_eq!(integer_of_double(1_610_612_760.0), Ok(1_610_612_760));
    assert_eq!(integer_of_double(0.0), Ok(0));
    for value in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e16, 1e300] {
        assert!(integer_of_double(value).is_err(), "{value}");
    }
}

#[test]
fn any_family() {
    let check = |text: &str, id: &str, spoilage| {
        let read = GameId::read(text).unwrap();
        assert_eq!(
            (read.value.to_string().as_str(), read.spoilage),
            (id, spoilage),
            "{text}"
        );
    };
    check("401307856", "401307856", None);
    check("401307856.0", "401307856", Some(Spoilage::DecimalPoint));
    check("0022300123", "0022300123", None);
    check("22300123", "0022300123", Some(Spoilage::ZerosLost));
    check("22300123.0", "0022300123", Some(Spoilage::DecimalPoint));
    check("202410220BOS", "202410220BOS", None);
    check("202410220BOS ", "202410220BOS", Some(Spoilage::Spaces));
    for text in ["", "--", "7", "jamesle01", "13.5"] {
        assert!(
            matches!(GameId::read(text), Err(IdError::NotAGame { .. })),
            "{text}"
        );
    }
    let read = EspnGameId::read("0401307856").unwrap();
    assert_eq!(
        (read.value, read.spoilage),
        (espn("401307856"), Some(Spoilage::ZerosAdded))
    );
}

#[test]
fn json_keeps_zeros() {
    let id: GameId = "0022300123".parse().unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"0022300123\"");
    assert_eq!(
        serde_json::from_str::<GameId>("\"0022300123\"").unwrap(),
        id
    );
    assert!(serde_json::from_str::<GameId>("22300123").is_err());
}

#[test]
fn dossier_7_1_play_ids() {
    let check = |text: &str, game: &str, sequence: u64| {
        assert_eq!(
            PlayId::split(text, espn(game)).unwrap().sequence,
            sequence,
            "{text}"
        );
    };
    check("4013078567", "401307856", 7);
    check("4014682150001", "401468215", 1);
    check("4010000011.0", "401000001", 1);
    for text in [
        "401307856",
        "4013078",
        "4013079997",
        "401307856a",
        "",
        "401307856 7",
    ] {
        assert!(PlayId::split(text, espn("401307856")).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn legacy_espn_round_trip(days in 0u64..14_000, number in 0u16..1000) {
        let date = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap() + chrono::Days::new(days);
        let id = EspnGameId::from_date(date, number).unwrap();
        prop_assert_eq!(id.embedded_date(), Some(date));
        prop_assert_eq!(id.to_string().parse::<EspnGameId>().unwrap(), id);
        let spoiled = EspnGameId::read(&format!("{}.0", id.number()));
        prop_assert_eq!(spoiled.ok().map(|read| read.value), (id.number() >= 100_000_000).then_some(id));
    }

    #[test]
    fn every_family_round_trips(modern in 400_000_000u64..500_000_000, nba in 1u64..10_000_000_000, days in 0u64..30_000, team in "[A-Z]{3}") {
        let date = NaiveDate::from_ymd_opt(1946, 11, 1).unwrap() + chrono::Days::new(days);
        let ids: [GameId; 3] = [
            EspnGameId::from_number(modern).unwrap().into(),
            NbaGameId::from_number(nba).unwrap().into(),
            format!("{}0{team}", date.format("%Y%m%d")).parse::<BbrefGameId>().unwrap().into(),
        ];
        for id in ids {
            prop_assert_eq!(id.to_string().parse::<GameId>().unwrap(), id);
            prop_assert_eq!(GameId::read(&id.to_string()).unwrap(), Read { value: id, spoilage: None });
        }
    }

    #[test]
    fn every_float_spelling_is_the_same_number(value in 0u64..=MAX_EXACT_DOUBLE) {
        prop_assert_eq!(canonical_integer(&value.to_string()).unwrap().value, value);
        prop_assert_eq!(canonical_integer(&format!("{value}.0")).unwrap().value, value);
        let double: f64 = value.to_string().parse().unwrap();
        prop_assert_eq!(integer_of_double(double), Ok(value));
        // never a wrong number: either the same or a refusal
        if let Ok(number) = canonical_integer(&format!("{double:e}")) {
            prop_assert_eq!(number.value, value);
        }
        if let Ok(number) = canonical_integer(&format!("{double:.5e}")) {
            prop_assert!(value < 1_000_000 && number.value == value);
        }
    }

    #[test]
    fn plays_round_trip(game in 400_000_000u64..500_000_000, sequence in 0u64..1_000_000) {
        let play = PlayId { game: EspnGameId::from_number(game).unwrap(), sequence };
        prop_assert_eq!(PlayId::split(&play.to_string(), play.game).unwrap(), play);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,16}", near in "[0-9]{0,12}[.eE+]?[0-9]{0,4}") {
        for text in [text, near] {
            let _ = (canonical_integer(&text), GameId::read(&text), text.parse::<GameId>(), text.parse::<BbrefGameId>());
            let _ = (EspnGameId::read(&text), NbaGameId::read(&text), PlayId::split(&text, espn("401307856")));
        }
    }
}
