use proptest::prelude::*;

use super::*;

fn clock(text: &str) -> Clock {
    text.parse().unwrap()
}

fn period(number: u8) -> Period {
    Period::new(number).unwrap()
}

#[test]
fn dossier_7_6_every_form() {
    let check =
        |text: &str, hundredths: u32| assert_eq!(clock(text).hundredths(), hundredths, "{text}");
    check("11:38", 69_800);
    check("1:05", 6_500);
    check("01:05", 6_500);
    check("0:00", 0);
    check("00:00", 0);
    check("12:00.0", 72_000);
    check("0:42.0", 4_200);
    check("0:45.2", 4_520);
    check("42.3", 4_230);
    check("5.0", 500);
    check("0.0", 0);
    check("42", 4_200);
    check("42.35", 4_235);
    check("42.350", 4_235);
    check("PT11M38.00S", 69_800);
    check("PT11M38S", 69_800);
    check("PT00M42.30S", 4_230);
    check("PT42.3S", 4_230);
    check("PT12M", 72_000);
    check("20:00", 120_000);
    check(" 11:38 ", 69_800);
}

#[test]
fn null_and_blank_are_no_clock() {
    assert_eq!(Clock::parse_optional(None), Ok(None));
    assert_eq!(Clock::parse_optional(Some("")), Ok(None));
    assert_eq!(Clock::parse_optional(Some("  ")), Ok(None));
    assert_eq!(Clock::parse_optional(Some("0:00")), Ok(Some(Clock::ZERO)));
    assert!(Clock::parse_optional(Some("--")).is_err());
    assert!("".parse::<Clock>().is_err());
}

#[test]
fn not_a_clock() {
    for text in [
        ":", "1:", ":30", "1:5", "1:005", "1:2:3", "-1:00", "+1:00", "1:-5", "1:05.", ".5", "1.",
        "PT", "PTS", "PTM", "PT1:05S", "P1D", "12:0a", "1e1", "１:05", "99999:00", "11:38 PM",
    ] {
        assert!(
            matches!(text.parse::<Clock>(), Err(ClockError::Malformed { .. })),
            "{text}"
        );
    }
    for text in ["1:60", "60", "720", "75.5", "PT1M60S"] {
        assert!(
            matches!(text.parse::<Clock>(), Err(ClockError::SixtySeconds { .. })),
            "{text}"
        );
    }
    assert!(matches!(
        "42.345".parse::<Clock>(),
        Err(ClockError::TooPrecise { .. })
    ));
}

#[test]
fn time_since_tip_off() {
    let check = |number: u8, text: &str, seconds: u32| {
        let time = clock(text).since_tip_off(period(number)).unwrap();
        assert_eq!(time.whole_seconds(), seconds, "period {number}, {text}");
        assert_eq!(time.clock_in(period(number)), Ok(clock(text)));
    };
    check(1, "12:00", 0);
    check(1, "0:00", 720);
    check(2, "12:00", 720);
    check(4, "0:00", 2880);
    check(5, "5:00", 2880);
    check(5, "0:58.8", 3121);
    check(5, "4:55", 2885);
    check(6, "5:00", 3180);
    check(1, "43.7", 676);
}

#[test]
fn clocks_that_do_not_fit_the_period() {
    assert!(matches!(
        clock("5:01").since_tip_off(period(5)),
        Err(ClockError::BeyondPeriod { .. })
    ));
    assert!(matches!(
        clock("20:00").check_in(period(1)),
        Err(ClockError::BeyondPeriod { .. })
    ));
    assert!(matches!(
        GameTime::from_seconds(719).clock_in(period(2)),
        Err(ClockError::OutsidePeriod { .. })
    ));
    assert!(matches!(
        GameTime::from_seconds(721).clock_in(period(1)),
        Err(ClockError::OutsidePeriod { .. })
    ));
    for seconds in [-1, 65_536, i64::MAX] {
        assert_eq!(
            Clock::try_from_seconds(seconds),
            Err(ClockError::NotSeconds { seconds })
        );
        assert_eq!(
            GameTime::try_from_seconds(seconds),
            Err(ClockError::NotSeconds { seconds })
        );
    }
    assert_eq!(Clock::try_from_seconds(42), Ok(clock("42")));
    assert_eq!(Period::new(0), Err(ClockError::NoSuchPeriod));
}

#[test]
fn written_forms() {
    let check =
        |text: &str, form, expected: &str| assert_eq!(clock(text).format_as(form), expected);
    check("11:38", ClockForm::MinutesSeconds, "11:38");
    check("42.39", ClockForm::MinutesSeconds, "0:42");
    check("12:00", ClockForm::MinutesSecondsTenths, "12:00.0");
    check("42.39", ClockForm::MinutesSecondsTenths, "0:42.3");
    check("42.39", ClockForm::EspnDisplay, "42.3");
    check("5", ClockForm::EspnDisplay, "5.0");
    check("1:00.5", ClockForm::EspnDisplay, "1:00");
    check("11:38", ClockForm::IsoDuration, "PT11M38.00S");
    assert_eq!(clock("11:38").to_string(), "11:38");
    assert_eq!(clock("11:38.05").to_string(), "11:38.05");
    assert_eq!(
        [1, 4, 5, 6].map(|number| period(number).to_string()),
        ["Q1", "Q4", "OT1", "OT2"]
    );
}

proptest! {
    #[test]
    fn forms_round_trip(hundredths in 0u32..600_000) {
        let exact = Clock::from_hundredths(hundredths);
        prop_assert_eq!(clock(&exact.to_string()), exact);
        prop_assert_eq!(clock(&exact.format_as(ClockForm::IsoDuration)), exact);
        prop_assert_eq!(clock(&exact.format_as(ClockForm::MinutesSecondsTenths)).tenths(), exact.tenths());
        prop_assert_eq!(clock(&exact.format_as(ClockForm::MinutesSeconds)).hundredths(), hundredths / 100 * 100);
        prop_assert_eq!(clock(&exact.format_as(ClockForm::EspnDisplay)).whole_seconds(), exact.whole_seconds());
    }

    #[test]
    fn time_runs_forward(number in 1u8..=255, left in 0u32..=72_000) {
        let (period, clock) = (period(number), Clock::from_hundredths(left));
        match clock.since_tip_off(period) {
            Ok(time) => {
                prop_assert_eq!(time.clock_in(period), Ok(clock));
                prop_assert!(time >= period.start());
            }
            Err(_) => prop_assert!(left > u32::from(period.seconds()) * 100),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,12}", near in "(PT)?[0-9]{0,6}[:M.]?[0-9]{0,6}[.]?[0-9]{0,4}S?") {
        for text in [text, near] {
            let _ = Clock::parse_optional(Some(&text));
        }
    }
}
