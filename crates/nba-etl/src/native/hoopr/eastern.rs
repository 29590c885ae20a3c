//! US Eastern time: what hoopR's `game_date_time` is in, and what the legacy loaders keep of it (ETL dossier 3.2, 3.3: the offset is
//! dropped). The rules since 1987 are few; a time zone database would be a dependency for one column.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};

/// The clock in New York at a moment of UTC.
pub(super) fn from_utc(utc: NaiveDateTime) -> NaiveDateTime {
    let standard = utc - TimeDelta::hours(5);
    // Summer time begins at 2:00 standard and ends at 2:00 summer time, which is 1:00 standard.
    let in_summer = summer(standard.year()).is_some_and(|(first, last)| {
        standard >= first.and_time(hour(2)) && standard < last.and_time(hour(1))
    });
    if in_summer {
        standard + TimeDelta::hours(1)
    } else {
        standard
    }
}

/// First and last day of summer time.
fn summer(year: i32) -> Option<(NaiveDate, NaiveDate)> {
    let sunday =
        |month, number| NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, number);
    if year >= 2007 {
        return sunday(3, 2).zip(sunday(11, 1));
    }
    // Until 2006: from the first Sunday of April to the last one of October.
    sunday(4, 1).zip(sunday(10, 5).or_else(|| sunday(10, 4)))
}

fn hour(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default()
}
