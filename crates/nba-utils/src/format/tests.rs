use std::time::Duration;

use proptest::prelude::*;

use super::{bytes, duration, percent, thousands};

#[test]
fn numbers() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (44_828, "44,828"),
        (-999, "-999"),
        (-123_456, "-123,456"),
    ] {
        assert_eq!(thousands(number), text);
    }
    assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
    assert_eq!(thousands(i64::MIN), "-9,223,372,036,854,775,808");
}

#[test]
fn sizes() {
    for (size, text) in [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_024, "1.0 KiB"),
        (1_535, "1.4 KiB"),
        (10 << 20, "10.0 MiB"),
        (u64::MAX, "15.9 EiB"),
    ] {
        assert_eq!(bytes(size), text);
    }
}

#[test]
fn shares() {
    for (part, whole, text) in [
        (0, 3, "0.0 %"),
        (1, 3, "33.3 %"),
        (2, 3, "66.6 %"),
        (3, 3, "100.0 %"),
        (4, 3, "133.3 %"),
        (u64::MAX - 1, u64::MAX, "99.9 %"),
    ] {
        assert_eq!(percent(part, whole).as_deref(), Some(text));
    }
    assert_eq!(percent(1, 0), None);
}

#[test]
fn durations() {
    for (micros, text) in [
        (0, "0 ns"),
        (999, "999 µs"),
        (1_000, "1 ms"),
        (999_999, "999 ms"),
        (1_000_000, "1.0 s"),
        (59_999_999, "59.9 s"),
        (60_000_000, "1 min 00 s"),
        (3_599_000_000, "59 min 59 s"),
        (3_600_000_000, "1 h 00 min"),
        (90_000_000_000, "1 d 01 h"),
    ] {
        assert_eq!(duration(Duration::from_micros(micros)), text);
    }
    assert_eq!(duration(Duration::from_nanos(850)), "850 ns");
    assert!(duration(Duration::MAX).ends_with(" h"));
}

proptest! {
    #[test]
    fn thousands_can_be_read_back(number in any::<i64>()) {
        prop_assert_eq!(thousands(number).replace(',', "").parse::<i64>().unwrap(), number);
    }
}
