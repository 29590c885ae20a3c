//! What happened to a date or time.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::kind::Kind;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Two zones of the world are never further apart from UTC.
const MOST_ZONE_HOURS: i64 = 14;

/// Microseconds since 1970, of UTC where an offset is written.
fn parse(text: &str) -> Option<i64> {
    let (plain, offset) = split_offset(text);
    let moment = if let Ok(time) = NaiveTime::parse_from_str(plain, "%H:%M:%S%.f") {
        NaiveDate::default().and_time(time)
    } else if let Ok(date) = NaiveDate::parse_from_str(plain, "%Y-%m-%d") {
        date.and_time(NaiveTime::MIN)
    } else {
        NaiveDateTime::parse_from_str(plain, "%Y-%m-%d %H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M:%S%.f"))
            .or_else(|_| NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M"))
            .ok()?
    };
    moment
        .and_utc()
        .timestamp_micros()
        .checked_sub(offset * SECOND)
}

/// The text without its offset, and the offset in seconds.
fn split_offset(text: &str) -> (&str, i64) {
    if let Some(plain) = text.strip_suffix('Z') {
        return (plain, 0);
    }
    // A sign behind the time of day; dates have dashes too.
    let Some(at) = text.find(':').and_then(|colon| {
        text[colon..]
            .find(['+', '-'])
            .map(|further| colon + further)
    }) else {
        return (text, 0);
    };
    let (plain, offset) = text.split_at(at);
    let mut parts = offset[1..].split(':').map(|part| part.parse::<i64>());
    let (Some(Ok(hours)), minutes) = (parts.next(), parts.next()) else {
        return (text, 0);
    };
    let seconds = hours * 3600 + minutes.and_then(Result::ok).unwrap_or(0) * 60;
    (
        plain,
        if offset.starts_with('-') {
            -seconds
        } else {
            seconds
        },
    )
}

/// How two different time texts differ; `None` where one of them is no ordinary time.
pub(super) fn classify(old: &str, new: &str) -> Option<Kind> {
    let (before, after) = (parse(old)?, parse(new)?);
    let distance = after.checked_sub(before)?;
    if distance == 0 {
        return Some(Kind::SameTime);
    }
    let lost = |unit: i64| {
        after.rem_euclid(unit) == 0
            && before.rem_euclid(unit) != 0
            && distance.abs() < unit
            && distance.abs() > 1
    };
    if lost(SECOND) || lost(SECOND / 1000) {
        return Some(Kind::SubsecondsCut);
    }
    let hours = distance / HOUR;
    if distance % HOUR == 0 && hours.abs() <= MOST_ZONE_HOURS {
        return Some(Kind::Zone { hours });
    }
    let same_day = before.div_euclid(DAY) == after.div_euclid(DAY);
    if same_day && after.rem_euclid(DAY) == 0 {
        return Some(Kind::TimeOfDayCut);
    }
    Some(Kind::Moved { by: span(distance) })
}

/// A distance with its sign, in the units it is whole in.
fn span(microseconds: i64) -> String {
    let sign = if microseconds < 0 { '-' } else { '+' };
    let mut rest = microseconds.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, name) in [
        (DAY, "day"),
        (HOUR, "h"),
        (MINUTE, "min"),
        (SECOND, "s"),
        (1_000, "ms"),
        (1, "µs"),
    ] {
        let unit = unit.unsigned_abs();
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            let plural = if name == "day" && count > 1 { "s" } else { "" };
            parts.push(format!("{count} {name}{plural}"));
        }
    }
    format!("{sign}{}", parts.join(" "))
}
