//! Numbers, sizes and durations for people. Values are cut, never rounded up, so that 99.9 % never shows as 100 %.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// A whole number with a comma between thousands.
///
/// ```
/// use nba_utils::format::thousands;
/// assert_eq!(thousands(13_074_829u64), "13,074,829");
/// assert_eq!(thousands(-1_000), "-1,000");
/// ```
pub fn thousands(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in binary units with one decimal.
///
/// ```
/// use nba_utils::format::bytes;
/// assert_eq!(bytes(999), "999 B");
/// assert_eq!(bytes(1_610_612_736), "1.5 GiB");
/// ```
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut whole = bytes;
    let mut rest = 0;
    let mut name = "";
    for unit in UNITS {
        if whole < 1024 {
            break;
        }
        (whole, rest, name) = (whole / 1024, whole % 1024, unit);
    }
    format!("{whole}.{} {name}", rest * 10 / 1024)
}

/// A share in per cent with one decimal; `None` of nothing.
///
/// ```
/// use nba_utils::format::percent;
/// assert_eq!(percent(44_827, 44_828).as_deref(), Some("99.9 %"));
/// assert_eq!(percent(0, 0), None);
/// ```
pub fn percent(part: u64, whole: u64) -> Option<String> {
    let permille = (u128::from(part) * 1_000).checked_div(u128::from(whole))?;
    Some(format!("{}.{} %", permille / 10, permille % 10))
}

/// A duration in the two units that matter.
///
/// ```
/// use std::time::Duration;
/// use nba_utils::format::duration;
/// assert_eq!(duration(Duration::from_micros(850)), "850 µs");
/// assert_eq!(duration(Duration::from_millis(12_345)), "12.3 s");
/// assert_eq!(duration(Duration::from_secs(3_723)), "1 h 02 min");
/// ```
pub fn duration(duration: Duration) -> String {
    const SECOND: u128 = 1_000_000;
    let micros = duration.as_micros();
    let seconds = duration.as_secs();
    match micros {
        0 => format!("{} ns", duration.as_nanos()),
        1..1_000 => format!("{micros} µs"),
        1_000..SECOND => format!("{} ms", micros / 1_000),
        _ if seconds < 60 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        _ if seconds < 3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}
