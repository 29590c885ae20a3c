//! Minutes played, in every form the tables keep them (database dossier 7.7).
//!
//! The forms differ in what they cut, so a value carries its [`Precision`] and two values are compared at the coarser one.
//!
//! ```
//! use nba_utils::minutes::{Agreement, PlayedTime};
//!
//! let exact: PlayedTime = "35:42".parse()?;
//! let cut: PlayedTime = "35".parse()?;
//! assert_eq!(exact.compare(cut), Agreement::AsFarAsKnown);
//! assert_eq!(exact.compare("36".parse()?), Agreement::Different);
//! # Ok::<(), nba_utils::minutes::MinutesError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::{Fault, hundredths_of_fraction, parse_hundredths, short_number};

#[cfg(test)]
mod tests;

/// Hundredths of a second in a minute.
const MINUTE: u32 = 6_000;

/// How finely a source writes minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// `35:42`: seconds (and their fractions, where a source has them).
    Seconds,
    /// `35.70`: rounded to a hundredth of a minute, 0.6 s.
    HundredthMinute,
    /// `35.7`: rounded to a tenth of a minute, 6 s.
    TenthMinute,
    /// `35`, `38.0`: whole minutes, the seconds cut off.
    WholeMinute,
}

/// Time on court, with the precision it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlayedTime {
    hundredths: u32,
    precision: Precision,
}

/// How two playing times compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// Written in the same precision, and the same.
    Same,
    /// Written differently, and no contradiction at the coarser precision.
    AsFarAsKnown,
    /// No playing time could be written as both.
    Different,
}

impl PlayedTime {
    /// Exactly this many seconds.
    ///
    /// ```
    /// use nba_utils::PlayedTime;
    /// assert_eq!(PlayedTime::from_seconds(2142), "35:42".parse()?);
    /// # Ok::<(), nba_utils::minutes::MinutesError>(())
    /// ```
    pub fn from_seconds(seconds: u16) -> Self {
        Self {
            hundredths: u32::from(seconds) * 100,
            precision: Precision::Seconds,
        }
    }

    /// Whole minutes with the seconds cut off (`box_score_players.minutes`).
    pub fn from_whole_minutes(minutes: u16) -> Self {
        Self {
            hundredths: u32::from(minutes) * MINUTE,
            precision: Precision::WholeMinute,
        }
    }

    /// Reads a nullable column; null and the words for "no value" are `None`, which is not 0.
    ///
    /// # Errors
    /// As [`PlayedTime::from_str`] for any other text.
    pub fn parse_optional(text: Option<&str>) -> Result<Option<Self>, MinutesError> {
        match text {
            Some(text) if !crate::numbers::is_missing(text) => text.parse().map(Some),
            _ => Ok(None),
        }
    }

    /// The minutes the legacy extract script stores: what stands before the colon, 0 when there is nothing to read
    /// (ETL dossier 2.4).
    pub fn legacy_whole_minutes(self) -> u32 {
        self.hundredths / MINUTE
    }

    /// The time in hundredths of a second, as written: for cut or rounded forms the cut or rounded value.
    pub fn hundredths(self) -> u32 {
        self.hundredths
    }

    /// The time in whole seconds, as written, fractions cut.
    pub fn whole_seconds(self) -> u32 {
        self.hundredths / 100
    }

    /// How finely it was written.
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// Compares at the coarser precision: whole minutes stand for anything up to a minute **more**, rounded decimals for half a unit
    /// either way, seconds for themselves.
    pub fn compare(self, other: Self) -> Agreement {
        if self.precision == other.precision {
            return if self.hundredths == other.hundredths {
                Agreement::Same
            } else {
                Agreement::Different
            };
        }
        let ((low, high), (other_low, other_high)) = (self.range(), other.range());
        if low <= other_high && other_low <= high {
            Agreement::AsFarAsKnown
        } else {
            Agreement::Different
        }
    }

    /// The lowest and highest hundredth that would be written this way.
    fn range(self) -> (u32, u32) {
        let at = self.hundredths;
        match self.precision {
            Precision::Seconds => (at, at),
            // exactly half a unit is rounded up or down, depending on the library
            Precision::HundredthMinute => (at.saturating_sub(30), at + 30),
            Precision::TenthMinute => (at.saturating_sub(300), at + 300),
            Precision::WholeMinute => (at, at + MINUTE - 1),
        }
    }
}

impl fmt::Display for PlayedTime {
    /// In the form it was written in: `35:42`, `35.70`, `35.7`, `35`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, rest) = (self.hundredths / MINUTE, self.hundredths % MINUTE);
        match self.precision {
            Precision::Seconds if rest % 100 > 0 => {
                write!(f, "{minutes}:{:02}.{:02}", rest / 100, rest % 100)
            }
            Precision::Seconds => write!(f, "{minutes}:{:02}", rest / 100),
            Precision::HundredthMinute => write!(f, "{minutes}.{:02}", rest / 60),
            Precision::TenthMinute => write!(f, "{minutes}.{}", rest / 600),
            Precision::WholeMinute => write!(f, "{minutes}"),
        }
    }
}

impl FromStr for PlayedTime {
    type Err = MinutesError;

    /// Reads `35:42`, `35`, `35.7`, `35.70` and `PT35M42.00S`; spaces around it are ignored.
    ///
    /// `38.0` is whole minutes: hoopR's column of whole minutes is written so as soon as one row is empty (ETL dossier 3.4).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text.trim()).map_err(|fault| match fault {
            Fault::TooPrecise => MinutesError::TooPrecise {
                text: text.to_owned(),
            },
            Fault::Malformed | Fault::SixtySeconds => MinutesError::Malformed {
                text: text.to_owned(),
            },
        })
    }
}

fn read(text: &str) -> Result<PlayedTime, Fault> {
    if text.contains(':') || text.starts_with("PT") {
        return Ok(PlayedTime {
            hundredths: parse_hundredths(text)?,
            precision: Precision::Seconds,
        });
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let precision = match fraction.len() {
        0 => return Err(Fault::Malformed),
        1 if fraction == "0" => Precision::WholeMinute,
        1 => Precision::TenthMinute,
        _ => Precision::HundredthMinute,
    };
    // a hundredth of a minute is 60 hundredths of a second
    let hundredths = short_number(whole)? * MINUTE + hundredths_of_fraction(fraction)? * 60;
    Ok(PlayedTime {
        hundredths,
        precision,
    })
}

/// Why minutes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MinutesError {
    /// None of the known forms.
    #[error("`{text}` is not a playing time")]
    Malformed {
        /// The text as given.
        text: String,
    },
    /// Finer than any source writes.
    #[error("`{text}` is finer than any known source writes minutes")]
    TooPrecise {
        /// The text as given.
        text: String,
    },
}
