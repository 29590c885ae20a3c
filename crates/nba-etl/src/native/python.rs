//! What Python does with the values of a document: the legacy scripts are Python, and [`Mode::Compat`](super::Mode::Compat) has to
//! come to the same cells.
//!
//! Where Python raises an exception these functions give an error with the reason; what is lost by it depends on where the script
//! catches it. A list or an object that is handed over as it is where a single value belongs is an error too: the real scripts' driver
//! refuses it.

use std::borrow::Cow;

use chrono::{Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// A document as `json.loads` reads it: a byte order mark is skipped.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// What Python takes for false; an absent value is `None`.
pub(super) fn falsy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(entries)) => entries.is_empty(),
        Some(Value::Bool(true)) => false,
    }
}

/// `value.get(…)`: only an object has that.
pub(super) fn object<'v>(value: &'v Value, name: &str) -> Result<&'v Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("`{name}` is no object"))
}

/// `parent.get(name) or {}`: what is false is an empty object, here `None`.
pub(super) fn object_or_empty<'v>(
    parent: Option<&'v Map<String, Value>>,
    name: &str,
) -> Result<Option<&'v Map<String, Value>>, String> {
    match parent.and_then(|parent| parent.get(name)) {
        value if falsy(value) => Ok(None),
        Some(value) => object(value, name).map(Some),
        None => Ok(None),
    }
}

/// `parent.get(name) or []`.
pub(super) fn list_or_empty<'v>(
    parent: Option<&'v Map<String, Value>>,
    name: &str,
) -> Result<&'v [Value], String> {
    match parent.and_then(|parent| parent.get(name)) {
        value if falsy(value) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        _ => Err(format!("`{name}` is no list")),
    }
}

/// What a loop over `parent.get(name) or []` sees: the items of a list, the letters of a text, the names of an object's entries.
pub(super) fn iterated<'v>(
    parent: Option<&'v Map<String, Value>>,
    name: &str,
) -> Result<Vec<Cow<'v, Value>>, String> {
    match parent.and_then(|parent| parent.get(name)) {
        value if falsy(value) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.iter().map(Cow::Borrowed).collect()),
        Some(Value::String(text)) => Ok(text
            .chars()
            .map(|letter| Cow::Owned(Value::from(letter.to_string())))
            .collect()),
        Some(Value::Object(entries)) => Ok(entries
            .keys()
            .map(|name| Cow::Owned(Value::from(name.as_str())))
            .collect()),
        _ => Err(format!("`{name}` is no list")),
    }
}

/// `str(value)`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float_text(float),
            _ => number.to_string(),
        },
        Value::Array(_) | Value::Object(_) => repr(value),
    }
}

/// `repr(value)`, the entries of an object in the order of their keys.
fn repr(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(repr).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{}: {}", quoted(name), repr(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        value => text(value),
    }
}

/// In single quotes, unless only these are in the text.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut quoted = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            letter if letter == quote => quoted.extend(['\\', letter]),
            letter if letter.is_ascii_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push(quote);
    quoted
}

/// The value, if it is a single one.
pub(super) fn scalar<'v>(value: &'v Value, name: &str) -> Result<&'v Value, String> {
    match value {
        Value::Array(_) | Value::Object(_) => Err(format!("`{name}` is neither text nor number")),
        value => Ok(value),
    }
}

/// `str(parent.get(name, ""))`: an explicit null becomes the text `None`.
pub(super) fn text_or_empty(parent: Option<&Map<String, Value>>, name: &str) -> String {
    parent
        .and_then(|parent| parent.get(name))
        .map_or_else(String::new, text)
}

/// What reaches the server for a value that is handed over as it is; `None` is NULL.
pub(super) fn cell(
    parent: Option<&Map<String, Value>>,
    name: &str,
) -> Result<Option<String>, String> {
    match parent.and_then(|parent| parent.get(name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(boolean(*flag))),
        Some(value) => Ok(Some(text(scalar(value, name)?))),
    }
}

/// `parent.get(name, default)`: an explicit null stays null.
pub(super) fn cell_or(
    parent: Option<&Map<String, Value>>,
    name: &str,
    default: &str,
) -> Result<Option<String>, String> {
    if parent.is_some_and(|parent| parent.contains_key(name)) {
        cell(parent, name)
    } else {
        Ok(Some(default.to_owned()))
    }
}

/// PostgreSQL's short text of a truth value.
pub(super) fn boolean(flag: bool) -> String {
    if flag { "t" } else { "f" }.to_owned()
}

/// `int(value)` as decimal digits, of any length.
pub(super) fn int(value: &Value, name: &str) -> Result<String, String> {
    match value {
        Value::Bool(flag) => Ok(u8::from(*flag).to_string()),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => Ok(truncated(float)),
            _ => Ok(number.to_string()),
        },
        Value::String(text) => {
            int_of(text.trim()).ok_or_else(|| format!("`{name}` is no whole number: `{text}`"))
        }
        _ => Err(format!("`{name}` is no number")),
    }
}

/// Towards zero, in digits.
pub(super) fn truncated(float: f64) -> String {
    let text = format!("{:.0}", float.trunc());
    if text == "-0" { "0".to_owned() } else { text }
}

/// `int(text)` of a text without spaces around it, in plain digits.
pub(super) fn int_of(text: &str) -> Option<String> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let digits = without_underscores(digits)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let short = digits.trim_start_matches('0');
    Some(if short.is_empty() {
        "0".to_owned()
    } else {
        format!("{sign}{short}")
    })
}

/// `1_000` is a number in Python, `_1` and `1__0` are none.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let sound = bytes.iter().enumerate().all(|(at, byte)| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        *byte != b'_' || (digit(at.checked_sub(1)) && digit(Some(at + 1)))
    });
    sound.then(|| text.replace('_', ""))
}

/// `float(text)`.
pub(super) fn float(text: &str) -> Option<f64> {
    without_underscores(text.trim())?.parse().ok()
}

/// `str(float)`: the shortest digits that give the number again, with an exponent from 1e16 on and below 1e-4.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

/// A `datetime`: what the clock shows, and its zone where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Date and time as written.
    pub(super) wall: NaiveDateTime,
    /// East of UTC.
    pub(super) offset: Option<FixedOffset>,
}

impl Moment {
    /// In UTC; a time without zone counts as UTC.
    pub(super) fn utc(self) -> NaiveDateTime {
        match self.offset {
            Some(offset) => self.wall - TimeDelta::seconds(i64::from(offset.local_minus_utc())),
            None => self.wall,
        }
    }

    /// The instant as a session in UTC stores it in a column without zone.
    pub(super) fn utc_text(self) -> String {
        plain(self.utc())
    }

    /// `str(moment)` as a column without zone reads it: what the clock shows, the zone is dropped.
    pub(super) fn wall_text(self) -> String {
        plain(self.wall)
    }
}

/// A time as PostgreSQL reads it.
pub(super) fn plain(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.f").to_string()
}

/// `datetime.fromisoformat` of Python 3.11 and later, ISO weeks excepted.
pub(super) fn from_iso(text: &str) -> Option<Moment> {
    let mut rest = Digits(text);
    let year = rest.take(4)?;
    let dashes = rest.skip('-');
    let month = rest.take(2)?;
    if rest.skip('-') != dashes {
        return None;
    }
    let date = date(year, month, rest.take(2)?)?;
    let midnight = Moment {
        wall: date.and_time(NaiveTime::MIN),
        offset: None,
    };
    let mut letters = rest.0.chars();
    if letters.next().is_none() {
        return Some(midnight);
    }
    let mut rest = Digits(letters.as_str());
    let (time, nanos) = rest.time()?;
    let time = NaiveTime::from_hms_nano_opt(time[0], time[1], time[2], nanos)?;
    let offset = match rest.0.chars().next() {
        None => None,
        Some('Z') if rest.0.len() == 1 => FixedOffset::east_opt(0),
        Some(sign @ ('+' | '-')) => {
            let mut zone = Digits(&rest.0[1..]);
            let ([hours, minutes, seconds], _) = zone.time()?;
            if !zone.0.is_empty() || hours > 23 || minutes > 59 || seconds > 59 {
                return None;
            }
            let seconds = i32::try_from(hours * 3600 + minutes * 60 + seconds).ok()?;
            Some(FixedOffset::east_opt(if sign == '-' {
                -seconds
            } else {
                seconds
            })?)
        }
        Some(_) => return None,
    };
    Some(Moment {
        wall: date.and_time(time),
        offset,
    })
}

/// `strptime` with `%Y-%m-%dT%H:%M%z`, which takes `Z` too; seconds are not part of it.
pub(super) fn strptime_minutes(text: &str) -> Option<Moment> {
    let mut rest = Digits(text);
    let year = rest.take(4)?;
    let month = rest.skip('-').then(|| rest.one_or_two())??;
    let day = rest.skip('-').then(|| rest.one_or_two())??;
    let hour = (rest.skip('T') || rest.skip('t')).then(|| rest.one_or_two())??;
    let minute = rest.skip(':').then(|| rest.one_or_two())??;
    let wall = date(year, month, day)?.and_hms_opt(hour, minute, 0)?;
    if rest.0 == "Z" {
        return Some(Moment {
            wall,
            offset: FixedOffset::east_opt(0),
        });
    }
    let negative = rest.0.starts_with('-');
    let mut zone = Digits(rest.0.strip_prefix(['+', '-'])?);
    let hours = zone.take(2)?;
    zone.skip(':');
    let minutes = zone.take(2).filter(|minutes| *minutes < 60)?;
    if !zone.0.is_empty() {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    Some(Moment {
        wall,
        offset: Some(FixedOffset::east_opt(if negative {
            -seconds
        } else {
            seconds
        })?),
    })
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).filter(|date| date.year() > 0)
}

/// What is left to read.
struct Digits<'t>(&'t str);

impl Digits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let digits = self.0.get(..count)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.0 = &self.0[count..];
        digits.parse().ok()
    }

    fn one_or_two(&mut self) -> Option<u32> {
        self.take(2).or_else(|| self.take(1))
    }

    fn skip(&mut self, letter: char) -> bool {
        match self.0.strip_prefix(letter) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// `HH[:MM[:SS[.f…]]]`, or the same without colons: hours, minutes and seconds, and nanoseconds of at most six digits.
    fn time(&mut self) -> Option<([u32; 3], u32)> {
        let mut parts = [self.take(2)?, 0, 0];
        let colons = self.0.starts_with(':');
        for part in &mut parts[1..] {
            let more = if colons {
                self.skip(':')
            } else {
                self.0.starts_with(|letter: char| letter.is_ascii_digit())
            };
            if !more {
                return Some((parts, 0));
            }
            *part = self.take(2)?;
        }
        let mut nanos = 0;
        if self.skip('.') || self.skip(',') {
            let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
            if count == 0 {
                return None;
            }
            let mut unit = 100_000_000;
            for digit in self.0[..count.min(6)].bytes() {
                nanos += u32::from(digit - b'0') * unit;
                unit /= 10;
            }
            self.0 = &self.0[count..];
        }
        Some((parts, nanos))
    }
}
