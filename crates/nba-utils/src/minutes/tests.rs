use proptest::prelude::*;

use super::*;

fn time(text: &str) -> PlayedTime {
    text.parse().unwrap()
}

#[test]
fn dossier_7_7_every_form() {
    let check = |text: &str, hundredths: u32, precision| {
        assert_eq!(
            (time(text).hundredths(), time(text).precision()),
            (hundredths, precision),
            "{text}"
        );
    };
    check("35", 210_000, Precision::WholeMinute);
    check("0", 0, Precision::WholeMinute);
    check("38.0", 228_000, Precision::WholeMinute);
    check("35:42", 214_200, Precision::Seconds);
    check("5:07", 30_700, Precision::Seconds);
    check("240:00", 1_440_000, Precision::Seconds);
    check("35.70", 214_200, Precision::HundredthMinute);
    check("35.00", 210_000, Precision::HundredthMinute);
    check("35.7", 214_200, Precision::TenthMinute);
    check("PT35M42.00S", 214_200, Precision::Seconds);
    check(" 35:42", 214_200, Precision::Seconds);
}

#[test]
fn not_minutes() {
    for text in [
        "", "--", "DNP", "35:", ":42", "35:60", "35:4", "-3", "+3", "35.", ".5", "3,5", "35:42:00",
        "99999", "1e1",
    ] {
        assert!(
            matches!(
                text.parse::<PlayedTime>(),
                Err(MinutesError::Malformed { .. })
            ),
            "{text}"
        );
    }
    assert!(matches!(
        "35.701".parse::<PlayedTime>(),
        Err(MinutesError::TooPrecise { .. })
    ));
    for text in ["", "--", "NA", "N/A"] {
        assert_eq!(PlayedTime::parse_optional(Some(text)), Ok(None), "{text}");
    }
    assert_eq!(PlayedTime::parse_optional(None), Ok(None));
    assert!(PlayedTime::parse_optional(Some("DNP")).is_err());
}

#[test]
fn legacy_minutes_cut_the_seconds() {
    for (text, minutes) in [("38:30", 38), ("38", 38), ("38:59", 38)] {
        assert_eq!(time(text).legacy_whole_minutes(), minutes, "{text}");
    }
}

#[test]
fn comparison_at_the_coarser_precision() {
    use Agreement::{AsFarAsKnown, Different, Same};
    let check = |left: &str, right: &str, expected| {
        assert_eq!(
            time(left).compare(time(right)),
            expected,
            "{left} and {right}"
        );
        assert_eq!(
            time(right).compare(time(left)),
            expected,
            "{right} and {left}"
        );
    };
    check("35:42", "35:42", Same);
    check("35:42", "35:43", Different);
    check("35", "35", Same);
    check("35", "38.0", Different);
    check("35:00", "35", AsFarAsKnown);
    check("35:59", "35", AsFarAsKnown);
    check("36:00", "35", Different);
    check("34:59", "35", Different);
    check("35:42", "35.70", AsFarAsKnown);
    check("35:43", "35.70", Different);
    check("35:43", "35.72", AsFarAsKnown);
    check("35:45", "35.7", AsFarAsKnown);
    check("35:46", "35.7", Different);
    check("35.70", "35", AsFarAsKnown);
    check("36.01", "35", Different);
    check("35.99", "36", Different);
    check("0:00", "0.00", AsFarAsKnown);
}

proptest! {
    #[test]
    fn forms_round_trip(seconds in 0u32..40_000, precision in 0u8..4) {
        let text = match precision {
            0 => format!("{}:{:02}", seconds / 60, seconds % 60),
            1 => format!("{}.{:02}", seconds / 100, seconds % 100),
            2 => format!("{}.{}", seconds / 10 % 10_000, seconds % 9 + 1),
            _ => format!("{}", seconds % 10_000),
        };
        prop_assert_eq!(time(&time(&text).to_string()), time(&text));
        prop_assert_eq!(time(&text).to_string(), text);
    }

    #[test]
    fn every_way_to_write_a_time_agrees_with_it(seconds in 0u16..15_000) {
        let exact = PlayedTime::from_seconds(seconds);
        let decimal = f64::from(seconds) / 60.0;
        for text in [format!("{}", seconds / 60), format!("{decimal:.2}"), format!("{decimal:.1}"), format!("{}.0", seconds / 60)] {
            let written = time(&text);
            // `38.0` out of rounding to tenths cannot be told from cut minutes
            if written.precision() != Precision::WholeMinute || !text.contains('.') || seconds / 60 == u16::try_from(written.hundredths() / 6000).unwrap() {
                prop_assert_ne!(exact.compare(written), Agreement::Different, "{}", text);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,12}", near in "[0-9]{0,6}[:.]?[0-9]{0,6}") {
        for text in [text, near] {
            let _ = PlayedTime::parse_optional(Some(&text));
        }
    }
}
