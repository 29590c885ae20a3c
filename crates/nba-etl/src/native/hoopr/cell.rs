//! One cell of a file as the value of one column.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveDateTime};
use nba_db::TextRows;

use super::facts::Dtype;
use super::source::Cell;
use crate::native::Mode;
pub(super) use crate::native::kind::Kind;

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) mode: Mode,
    pub(super) kind: Kind,
    /// An id or a count that is kept as text: `13`, never `13.0`, in correct mode.
    pub(super) digits: bool,
    /// What pandas takes the column for, where it is to be followed.
    pub(super) dtype: Option<Dtype>,
}

/// A value that its column takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    Whole(i64),
    Real(f64),
    Truth(bool),
    Date(NaiveDate),
    Moment(NaiveDateTime),
}

impl Value<'_> {
    pub(super) fn write(&self, rows: &mut TextRows) {
        match self {
            Value::Null => rows.null(),
            Value::Text(text) => rows.text(text),
            Value::Whole(value) => rows.display(value),
            Value::Real(value) => rows.display(value),
            Value::Truth(value) => rows.display(if *value { 't' } else { 'f' }),
            Value::Date(value) => rows.display(value),
            Value::Moment(value) => rows.display(value),
        };
    }
}

#[cfg(feature = "native-espn")]
impl Value<'_> {
    /// The text PostgreSQL reads; `None` is NULL.
    pub(super) fn said(&self) -> Option<String> {
        Some(match self {
            Value::Null => return None,
            Value::Text(text) => text.clone().into_owned(),
            Value::Whole(value) => value.to_string(),
            Value::Real(value) => value.to_string(),
            Value::Truth(value) => if *value { "t" } else { "f" }.to_owned(),
            Value::Date(value) => value.to_string(),
            Value::Moment(value) => value.to_string(),
        })
    }
}

/// What R writes for nothing.
const R_NULLS: [&str; 2] = ["", "NA"];

/// What `pandas.read_csv` takes for nothing.
const PANDAS_NULLS: [&str; 18] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan",
];

/// Whether a text of a CSV file means NULL.
pub(super) fn is_null(text: &str, mode: Mode) -> bool {
    match mode {
        Mode::Compat => PANDAS_NULLS.contains(&text) || text == "null",
        Mode::Correct => R_NULLS.contains(&text),
    }
}

/// Reads a cell.
///
/// # Errors
///
/// The reason why the column does not take it.
pub(super) fn value<'a>(cell: Cell<'a>, manner: &Manner) -> Result<Value<'a>, String> {
    let kind = manner.kind;
    let refused = |given: &dyn std::fmt::Display| Err(format!("is `{given}`, not {}", kind.says()));
    match (cell, kind) {
        (Cell::Null, _) => Ok(Value::Null),
        (Cell::Text(text), Kind::Text(limit)) => {
            let text = text_cell(text, manner);
            match &text {
                Value::Text(text) if limit.is_some_and(|limit| text.chars().count() > limit) => {
                    refused(text)
                }
                Value::Text(text) if text.contains('\0') => {
                    Err("holds a NUL character, which PostgreSQL does not take".to_owned())
                }
                _ => Ok(text),
            }
        }
        (Cell::Text(text), _) if means_nothing(text) => Ok(Value::Null),
        (Cell::Text(text), Kind::Whole(bits)) => match whole(text) {
            Some(value) => fits(value, bits).map_or_else(|| refused(&text), Ok),
            None => refused(&text),
        },
        (Cell::Text(text), Kind::Double) => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Value::Real(value)),
            _ => truth(text).map_or_else(
                || refused(&text),
                |truth| Ok(Value::Whole(i64::from(truth))),
            ),
        },
        (Cell::Text(text), Kind::Numeric(digits)) => match text.parse::<f64>() {
            Ok(value) if in_numeric(value, digits) => Ok(Value::Real(value)),
            _ => refused(&text),
        },
        (Cell::Text(text), Kind::Truth) => {
            truth(text).map_or_else(|| refused(&text), |truth| Ok(Value::Truth(truth)))
        }
        (Cell::Text(text), Kind::Date) => {
            // A moment's day is that of its own clock.
            let day = text.get(..10).unwrap_or(text);
            match day.parse::<NaiveDate>() {
                Ok(date) if day.len() == text.len() || moment(text).is_some() => {
                    Ok(Value::Date(date))
                }
                _ => refused(&text),
            }
        }
        (Cell::Text(text), Kind::Moment) => {
            moment(text).map_or_else(|| refused(&text), |moment| Ok(Value::Moment(moment)))
        }
        (Cell::Whole(value), Kind::Whole(bits)) => {
            fits(value, bits).map_or_else(|| refused(&value), Ok)
        }
        (Cell::Whole(value), Kind::Double) => Ok(Value::Whole(value)),
        (Cell::Whole(value), Kind::Numeric(digits)) => {
            if digits.is_none_or(|digits| value.unsigned_abs() < 10_u64.saturating_pow(digits)) {
                Ok(Value::Whole(value))
            } else {
                refused(&value)
            }
        }
        (Cell::Whole(value @ (0 | 1)), Kind::Truth) => Ok(Value::Truth(value == 1)),
        (Cell::Whole(value), Kind::Text(_)) => bounded(value.to_string(), kind),
        (Cell::Real(value), Kind::Whole(bits)) => match whole_of(value) {
            Some(value) => fits(value, bits).map_or_else(|| refused(&value), Ok),
            None => refused(&value),
        },
        (Cell::Real(value), Kind::Double) => Ok(Value::Real(value)),
        (Cell::Real(value), Kind::Numeric(digits)) => {
            if in_numeric(value, digits) {
                Ok(Value::Real(value))
            } else {
                refused(&value)
            }
        }
        (Cell::Real(value), Kind::Truth) if value == 0.0 || value == 1.0 => {
            Ok(Value::Truth(value == 1.0))
        }
        (Cell::Real(value), Kind::Text(_)) => {
            let text = match whole_of(value) {
                Some(whole) if manner.digits && manner.mode == Mode::Correct => whole.to_string(),
                _ => python_float(value),
            };
            bounded(text, kind)
        }
        // SQLite keeps a truth value as a number (ETL dossier 3.3).
        (Cell::Truth(value), Kind::Whole(_) | Kind::Double) => Ok(Value::Whole(i64::from(value))),
        (Cell::Truth(value), Kind::Truth) => Ok(Value::Truth(value)),
        (Cell::Truth(value), Kind::Text(_)) => bounded(i64::from(value).to_string(), kind),
        (Cell::Date(value), Kind::Date) => Ok(Value::Date(value)),
        (Cell::Date(value), Kind::Moment) => Ok(Value::Moment(value.into())),
        (Cell::Date(value), Kind::Text(_)) => bounded(value.to_string(), kind),
        (Cell::Moment(value), Kind::Moment) => Ok(Value::Moment(value)),
        (Cell::Moment(value), Kind::Date) => Ok(Value::Date(value.date())),
        (Cell::Moment(value), Kind::Text(_)) => bounded(value.to_string(), kind),
        (Cell::Whole(value), _) => refused(&value),
        (Cell::Real(value), _) => refused(&value),
        (Cell::Truth(value), _) => refused(&value),
        (Cell::Date(value), _) => refused(&value),
        (Cell::Moment(value), _) => refused(&value),
    }
}

/// A text column's value of a text cell, which in compat mode is what pandas makes of it.
fn text_cell<'a>(text: &'a str, manner: &Manner) -> Value<'a> {
    match manner.dtype {
        Some(dtype) if manner.mode == Mode::Compat => {
            if is_null(text, Mode::Compat) {
                return Value::Null;
            }
            Value::Text(match dtype {
                Dtype::Object => Cow::Borrowed(text),
                Dtype::Whole => text
                    .trim()
                    .parse::<i64>()
                    .map_or(Cow::Borrowed(text), |value| Cow::Owned(value.to_string())),
                Dtype::Real => text
                    .trim()
                    .parse::<f64>()
                    .map_or(Cow::Borrowed(text), |value| Cow::Owned(python_float(value))),
                Dtype::Truth => Cow::Borrowed(match truth(text) {
                    Some(true) => "True",
                    Some(false) => "False",
                    None => text,
                }),
            })
        }
        // Of a parquet file: COPY's empty text is NULL (ETL dossier 3.3).
        None if text.is_empty() => Value::Null,
        Some(_) if is_null(text, Mode::Correct) => Value::Null,
        _ if manner.digits && manner.mode == Mode::Correct => match text.strip_suffix(".0") {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Value::Text(Cow::Borrowed(digits))
            }
            _ => Value::Text(Cow::Borrowed(text)),
        },
        _ => Value::Text(Cow::Borrowed(text)),
    }
}

fn bounded(text: String, kind: Kind) -> Result<Value<'static>, String> {
    match kind {
        Kind::Text(Some(limit)) if text.chars().count() > limit => {
            Err(format!("is `{text}`, not {}", kind.says()))
        }
        _ => Ok(Value::Text(Cow::Owned(text))),
    }
}

/// What a column of numbers, dates or truth values may say for nothing.
fn means_nothing(text: &str) -> bool {
    is_null(text, Mode::Compat) || text == "--"
}

/// A whole number, also when it is written with a fraction of nothing or with its sign (`+12`).
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse::<i64>()
        .ok()
        .or_else(|| whole_of(text.parse().ok()?))
        .or_else(|| truth(text).map(i64::from))
}

fn whole_of(value: f64) -> Option<i64> {
    crate::plays::table::whole_of_real(value)
}

fn fits(value: i64, bits: u32) -> Option<Value<'static>> {
    let inside = match bits {
        16 => i16::try_from(value).is_ok(),
        32 => i32::try_from(value).is_ok(),
        _ => true,
    };
    inside.then_some(Value::Whole(value))
}

fn in_numeric(value: f64, digits: Option<u32>) -> bool {
    // Half a unit of the third decimal below the limit is rounded up to it.
    const ROUNDED_UP: f64 = 0.000_5;
    value.is_finite()
        && digits.is_none_or(|digits| {
            value.abs() < 10_f64.powi(i32::try_from(digits).unwrap_or(i32::MAX)) - ROUNDED_UP
        })
}

/// A truth value as R, Python or PostgreSQL spell it.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "TRUE" | "True" | "true" | "T" | "t" => Some(true),
        "FALSE" | "False" | "false" | "F" | "f" => Some(false),
        _ => None,
    }
}

/// The clock time of a moment as text; the server drops an offset where its column has none (ETL dossier 3.3).
fn moment(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    // Behind the date, where a sign is an offset.
    let (date, rest) = text.split_at_checked(10)?;
    let date: NaiveDate = date.parse().ok()?;
    if rest.is_empty() {
        return Some(date.into());
    }
    let rest = rest.strip_prefix(['T', ' '])?;
    let end = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, offset) = rest.split_at(end);
    if !offset
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"Z+-:".contains(&byte))
    {
        return None;
    }
    let time = ["%H:%M:%S%.f", "%H:%M"]
        .iter()
        .find_map(|form| chrono::NaiveTime::parse_from_str(clock.trim_end(), form).ok())?;
    Some(date.and_time(time))
}

/// As Python writes a float.
pub(super) fn python_float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) => {
                let (sign, digits) = match exponent.strip_prefix('-') {
                    Some(digits) => ('-', digits),
                    None => ('+', exponent),
                };
                format!("{mantissa}e{sign}{digits:0>2}")
            }
            None => text,
        };
    }
    format!("{value:?}")
}
