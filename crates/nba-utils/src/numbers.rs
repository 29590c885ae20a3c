//! Numbers that arrive as text: strict readers, and the legacy reader whose faults must be reproduced.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Words that stand for "no value" in ESPN and hoopR text columns (database dossier 7.5).
pub const MISSING_WORDS: [&str; 6] = ["", "--", "NA", "N/A", "nan", "None"];

/// Whether `text` is one of [`MISSING_WORDS`], spaces around it aside.
pub fn is_missing(text: &str) -> bool {
    MISSING_WORDS.contains(&text.trim())
}

/// Reads a whole number: an optional sign and ASCII digits, nothing else.
///
/// ```
/// use nba_utils::numbers::parse_int;
/// assert_eq!(parse_int("+7")?, 7);
/// assert!(parse_int("12.5").is_err());
/// # Ok::<(), nba_utils::numbers::NumberError>(())
/// ```
///
/// # Errors
/// Any other character, no digit at all, or a number beyond 64 bits.
pub fn parse_int(text: &str) -> Result<i64, NumberError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::NotAnInteger {
            text: text.to_owned(),
        });
    }
    text.parse().map_err(|_| NumberError::TooLarge {
        text: text.to_owned(),
    })
}

/// Like [`parse_int`], with `None` for the [`MISSING_WORDS`] instead of a made-up zero.
///
/// # Errors
/// As [`parse_int`].
pub fn parse_optional_int(text: &str) -> Result<Option<i64>, NumberError> {
    if is_missing(text) {
        Ok(None)
    } else {
        parse_int(text).map(Some)
    }
}

/// The integer the legacy extract scripts make of a text.
///
/// They drop every character but digits and the minus sign and turn what is left into a number, or into 0 when that fails. So `12.5`
/// is 125, `+5` is 5, `1,234` is 1234, and `1-2`, `--`, `DNP` and an empty text are 0, which cannot be told from a real 0
/// (database dossier 7.5, ETL dossier 2.4). Python reads any number of digits; ours stop at 64 bits.
///
/// ```
/// use nba_utils::numbers::legacy_safe_int;
/// assert_eq!(legacy_safe_int("12.5")?, 125);
/// assert_eq!(legacy_safe_int("1-2")?, 0);
/// # Ok::<(), nba_utils::numbers::NumberError>(())
/// ```
///
/// # Errors
/// More than 64 bits, where the legacy `INTEGER` column refuses the row too.
pub fn legacy_safe_int(text: &str) -> Result<i64, NumberError> {
    let kept: String = text
        .chars()
        .filter(|character| character.is_ascii_digit() || *character == '-')
        .collect();
    match parse_int(&kept) {
        Err(NumberError::NotAnInteger { .. }) => Ok(0),
        other => other,
    }
}

/// [`legacy_safe_int`] for a JSON value: absent and null are 0, numbers lose their fraction (7.9 is 7).
///
/// # Errors
/// As [`legacy_safe_int`]; also a boolean, array or object, which no known document has in such a place.
pub fn legacy_safe_int_json(value: Option<&serde_json::Value>) -> Result<i64, NumberError> {
    use serde_json::Value;
    match value {
        Some(Value::String(text)) => legacy_safe_int(text),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(integer) => Ok(integer),
            None => {
                let text = number
                    .as_f64()
                    .map_or_else(|| number.to_string(), |float| float.trunc().to_string());
                // `-0` is what truncating -0.4 prints
                parse_int(&text)
            }
        },
        Some(Value::Null) | None => Ok(0),
        Some(other @ (Value::Bool(_) | Value::Array(_) | Value::Object(_))) => {
            Err(NumberError::NotAnInteger {
                text: other.to_string(),
            })
        }
    }
}

/// Shots made and attempted, stored as the text `7-12` in `box_score_*`.
///
/// ```
/// use nba_utils::numbers::MadeAttempted;
/// let shots: MadeAttempted = "7-12".parse()?;
/// assert_eq!((shots.made(), shots.attempted()), (7, 12));
/// # Ok::<(), nba_utils::numbers::NumberError>(())
/// ```
///
/// The legacy loader writes `0-0` where the source has nothing, so a stored `0-0` does not prove that nobody shot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MadeAttempted {
    // Invariant: made <= attempted.
    made: u16,
    attempted: u16,
}

impl MadeAttempted {
    /// Both counts.
    ///
    /// # Errors
    /// More made than attempted.
    pub fn new(made: u16, attempted: u16) -> Result<Self, NumberError> {
        if made > attempted {
            return Err(NumberError::MoreMadeThanAttempted { made, attempted });
        }
        Ok(Self { made, attempted })
    }

    /// Shots that went in.
    pub fn made(self) -> u16 {
        self.made
    }

    /// Shots taken.
    pub fn attempted(self) -> u16 {
        self.attempted
    }
}

impl fmt::Display for MadeAttempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.made, self.attempted)
    }
}

impl FromStr for MadeAttempted {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || NumberError::NotMadeAttempted {
            text: text.to_owned(),
        };
        let count = |text: &str| {
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                text.parse().map_err(|_| malformed())
            } else {
                Err(malformed())
            }
        };
        let (made, attempted) = text.split_once('-').ok_or_else(malformed)?;
        Self::new(count(made)?, count(attempted)?)
    }
}

impl TryFrom<String> for MadeAttempted {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MadeAttempted> for String {
    fn from(shots: MadeAttempted) -> Self {
        shots.to_string()
    }
}

/// Why a number could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Something other than a sign and digits.
    #[error("`{text}` is not a whole number")]
    NotAnInteger {
        /// The text as given.
        text: String,
    },
    /// Beyond 64 bits.
    #[error("`{text}` does not fit into 64 bits")]
    TooLarge {
        /// The text as given.
        text: String,
    },
    /// Not of the form `7-12`.
    #[error("`{text}` is not a pair of shots made and attempted")]
    NotMadeAttempted {
        /// The text as given.
        text: String,
    },
    /// The counts contradict each other.
    #[error("{made} shots made of {attempted} attempted")]
    MoreMadeThanAttempted {
        /// Shots that went in.
        made: u16,
        /// Shots taken.
        attempted: u16,
    },
}
