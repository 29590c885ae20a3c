//! The game clock, in every form the sources write it (database dossier 7.6).
//!
//! Two things are called "clock seconds" in the legacy tables and run in opposite directions, so they are two types here:
//! [`Clock`] is what is left of a period, [`GameTime`] is what has passed since tip-off. Both count hundredths of a second.
//!
//! ```
//! use nba_utils::clock::{Clock, Period};
//!
//! let clock: Clock = "42.3".parse()?;
//! assert_eq!(clock, "PT00M42.30S".parse()?);
//! assert_eq!(clock.since_tip_off(Period::new(5)?)?.whole_seconds(), 2880 + 257);
//! # Ok::<(), nba_utils::clock::ClockError>(())
//! ```

use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::errors::Hint;

#[cfg(test)]
mod tests;

/// Hundredths in a second.
const SECOND: u32 = 100;
/// Hundredths in a minute.
const MINUTE: u32 = 60 * SECOND;

/// A period of a game: 1 to 4, then overtimes from 5 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Period(NonZeroU8);

impl Period {
    /// Seconds in one of the four regular periods.
    pub const REGULAR_SECONDS: u16 = 720;
    /// Seconds in an overtime.
    pub const OVERTIME_SECONDS: u16 = 300;
    /// Regular periods in a game.
    pub const REGULAR_COUNT: u8 = 4;

    /// The period with this number, counted from 1.
    ///
    /// # Errors
    /// The number is 0.
    pub fn new(number: u8) -> Result<Self, ClockError> {
        NonZeroU8::new(number)
            .map(Self)
            .ok_or(ClockError::NoSuchPeriod)
    }

    /// Its number, counted from 1.
    pub fn number(self) -> u8 {
        self.0.get()
    }

    /// Whether it comes after the four regular periods.
    pub fn is_overtime(self) -> bool {
        self.number() > Self::REGULAR_COUNT
    }

    /// How long it lasts, in seconds.
    pub fn seconds(self) -> u16 {
        if self.is_overtime() {
            Self::OVERTIME_SECONDS
        } else {
            Self::REGULAR_SECONDS
        }
    }

    /// The clock at its start.
    pub fn full_clock(self) -> Clock {
        Clock::from_seconds(self.seconds())
    }

    /// When it begins, since tip-off.
    pub fn start(self) -> GameTime {
        let before = self.number() - 1;
        let regular = before.min(Self::REGULAR_COUNT);
        let seconds = u32::from(regular) * u32::from(Self::REGULAR_SECONDS)
            + u32::from(before - regular) * u32::from(Self::OVERTIME_SECONDS);
        GameTime(seconds * SECOND)
    }

    /// The following period; `None` after the 255th.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for Period {
    /// `Q1` to `Q4`, then `OT1` and so on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number().checked_sub(Self::REGULAR_COUNT) {
            Some(overtime @ 1..) => write!(f, "OT{overtime}"),
            _ => write!(f, "Q{}", self.number()),
        }
    }
}

/// What is left of a period, in hundredths of a second.
///
/// It does not know its period: college files with periods of 1,200 s exist. [`Clock::check_in`] tells whether it fits one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Clock(u32);

/// A way to write a [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockForm {
    /// `11:38`, `0:42`: ESPN, NBA API `pctimestring`. Fractions are cut.
    MinutesSeconds,
    /// `12:00.0`, `0:42.3`: hoopR. Hundredths are cut.
    MinutesSecondsTenths,
    /// `11:38`, and `42.3` within the last minute: ESPN. Hundredths are cut, above a minute tenths too.
    EspnDisplay,
    /// `PT11M38.00S`: newer NBA live data. Nothing is cut.
    IsoDuration,
}

impl Clock {
    /// The end of a period.
    pub const ZERO: Self = Self(0);

    /// A clock from integer seconds **remaining** (`temporal_events`, `game_states`).
    pub fn from_seconds(seconds: u16) -> Self {
        Self(u32::from(seconds) * SECOND)
    }

    /// The same for a number from outside, such as a database column.
    ///
    /// # Errors
    /// A negative number, or more than 65,535.
    pub fn try_from_seconds(seconds: i64) -> Result<Self, ClockError> {
        u16::try_from(seconds)
            .map(Self::from_seconds)
            .map_err(|_| ClockError::NotSeconds { seconds })
    }

    /// A clock from hundredths of a second remaining.
    pub fn from_hundredths(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// Hundredths of a second remaining.
    pub fn hundredths(self) -> u32 {
        self.0
    }

    /// Tenths of a second remaining, hundredths cut.
    pub fn tenths(self) -> u32 {
        self.0 / 10
    }

    /// Seconds remaining, fractions cut.
    pub fn whole_seconds(self) -> u32 {
        self.0 / SECOND
    }

    /// Reads a nullable clock column; null and blank are `None`.
    ///
    /// The legacy RDS processor takes them for `0:00` and `espn_processor` takes any text it cannot read for `12:00`.
    ///
    /// # Errors
    /// As [`Clock::from_str`] for any other text.
    pub fn parse_optional(text: Option<&str>) -> Result<Option<Self>, ClockError> {
        match text.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some),
        }
    }

    /// Whether the clock can show this in `period`.
    ///
    /// # Errors
    /// More is left than the period is long.
    pub fn check_in(self, period: Period) -> Result<(), ClockError> {
        if self <= period.full_clock() {
            Ok(())
        } else {
            Err(ClockError::BeyondPeriod {
                clock: self,
                period,
            })
        }
    }

    /// The time since tip-off.
    ///
    /// # Errors
    /// More is left than the period is long.
    pub fn since_tip_off(self, period: Period) -> Result<GameTime, ClockError> {
        self.check_in(period)?;
        Ok(GameTime(period.start().0 + period.full_clock().0 - self.0))
    }

    /// Writes the clock in `form`, which may cut fractions.
    pub fn format_as(self, form: ClockForm) -> String {
        let (minutes, seconds, hundredths) =
            (self.0 / MINUTE, self.0 % MINUTE / SECOND, self.0 % SECOND);
        match form {
            ClockForm::EspnDisplay if minutes == 0 => format!("{seconds}.{}", hundredths / 10),
            ClockForm::MinutesSeconds | ClockForm::EspnDisplay => format!("{minutes}:{seconds:02}"),
            ClockForm::MinutesSecondsTenths => {
                format!("{minutes}:{seconds:02}.{}", hundredths / 10)
            }
            ClockForm::IsoDuration => format!("PT{minutes:02}M{seconds:02}.{hundredths:02}S"),
        }
    }
}

impl fmt::Display for Clock {
    /// `11:38`, or `11:38.05` when there is a fraction. Nothing is cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, seconds, hundredths) =
            (self.0 / MINUTE, self.0 % MINUTE / SECOND, self.0 % SECOND);
        write!(f, "{minutes}:{seconds:02}")?;
        if hundredths > 0 {
            write!(f, ".{hundredths:02}")?;
        }
        Ok(())
    }
}

impl FromStr for Clock {
    type Err = ClockError;

    /// Reads `M:SS`, `MM:SS`, both with a fraction, `SS.s` without a minute, and `PT11M38.00S`. All of them say what is
    /// **left**. Spaces around it are ignored.
    ///
    /// A number of 60 or more without a colon is refused: as integer seconds it may run in either direction.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hundredths(text.trim())
            .map(Self)
            .map_err(|fault| match fault {
                Fault::Malformed => ClockError::Malformed {
                    text: text.to_owned(),
                },
                Fault::SixtySeconds => ClockError::SixtySeconds {
                    text: text.to_owned(),
                },
                Fault::TooPrecise => ClockError::TooPrecise {
                    text: text.to_owned(),
                },
            })
    }
}

/// What has passed since tip-off, breaks not counted, in hundredths of a second.
///
/// This is what `game_state_snapshots` and `box_score_snapshots` keep, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GameTime(u32);

impl GameTime {
    /// Tip-off.
    pub const ZERO: Self = Self(0);

    /// A time from integer seconds **elapsed**.
    pub fn from_seconds(seconds: u16) -> Self {
        Self(u32::from(seconds) * SECOND)
    }

    /// The same for a number from outside, such as a database column.
    ///
    /// # Errors
    /// A negative number, or more than 65,535.
    pub fn try_from_seconds(seconds: i64) -> Result<Self, ClockError> {
        u16::try_from(seconds)
            .map(Self::from_seconds)
            .map_err(|_| ClockError::NotSeconds { seconds })
    }

    /// A time from hundredths of a second elapsed.
    pub fn from_hundredths(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// Hundredths of a second elapsed.
    pub fn hundredths(self) -> u32 {
        self.0
    }

    /// Seconds elapsed, fractions cut: the value of the legacy integer columns.
    pub fn whole_seconds(self) -> u32 {
        self.0 / SECOND
    }

    /// What the clock shows in `period` at this time. The period has to be said, because the end of one is the start of the next.
    ///
    /// # Errors
    /// The time is outside the period.
    pub fn clock_in(self, period: Period) -> Result<Clock, ClockError> {
        let outside = ClockError::OutsidePeriod {
            seconds: self.whole_seconds(),
            period,
        };
        let into = self
            .0
            .checked_sub(period.start().0)
            .ok_or_else(|| outside.clone())?;
        period
            .full_clock()
            .0
            .checked_sub(into)
            .map(Clock)
            .ok_or(outside)
    }
}

/// Why a clock could not be read or placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClockError {
    /// None of the known forms.
    #[error("`{text}` is not a game clock")]
    Malformed {
        /// The text as given.
        text: String,
    },
    /// Sixty or more in the place of the seconds.
    #[error("`{text}` has more than 59 seconds")]
    SixtySeconds {
        /// The text as given.
        text: String,
    },
    /// Finer than a hundredth of a second, which no source writes.
    #[error("`{text}` is finer than hundredths of a second")]
    TooPrecise {
        /// The text as given.
        text: String,
    },
    /// More left than the period is long.
    #[error("{clock} is more than {period} is long")]
    BeyondPeriod {
        /// What was left.
        clock: Clock,
        /// Of which period.
        period: Period,
    },
    /// A time that is not in the period.
    #[error("{seconds} seconds after tip-off is not in {period}")]
    OutsidePeriod {
        /// Seconds since tip-off, fractions cut.
        seconds: u32,
        /// The period asked for.
        period: Period,
    },
    /// A number of seconds that no game has.
    #[error("{seconds} is not a number of seconds in a game")]
    NotSeconds {
        /// The number as given.
        seconds: i64,
    },
    /// Periods count from 1.
    #[error("there is no period 0")]
    NoSuchPeriod,
}

impl Hint for ClockError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } | Self::SixtySeconds { .. } => Some(
                "integer seconds need a direction: use the remaining or the elapsed reader"
                    .to_owned(),
            ),
            Self::BeyondPeriod { .. } => Some("periods of 1200 s are college games".to_owned()),
            Self::TooPrecise { .. }
            | Self::OutsidePeriod { .. }
            | Self::NotSeconds { .. }
            | Self::NoSuchPeriod => None,
        }
    }
}

/// What is wrong with a text, before it is known what the text was to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Malformed,
    SixtySeconds,
    TooPrecise,
}

/// `M:SS[.ff]`, `SS[.ff]` or `PT[M]M[S]S` as hundredths of a second.
pub(crate) fn parse_hundredths(text: &str) -> Result<u32, Fault> {
    let (minutes, seconds) = if let Some(duration) = text.strip_prefix("PT") {
        match duration.split_once('M') {
            Some((minutes, "")) => (minutes, "0"),
            Some((minutes, seconds)) => {
                (minutes, seconds.strip_suffix('S').ok_or(Fault::Malformed)?)
            }
            None => ("0", duration.strip_suffix('S').ok_or(Fault::Malformed)?),
        }
    } else {
        match text.split_once(':') {
            // `1:5` is a typing error or something else altogether
            Some((_, seconds))
                if seconds
                    .split('.')
                    .next()
                    .is_none_or(|whole| whole.len() != 2) =>
            {
                return Err(Fault::Malformed);
            }
            Some(pair) => pair,
            None => ("0", text),
        }
    };
    let (whole, fraction) = match seconds.split_once('.') {
        Some((_, "")) => return Err(Fault::Malformed),
        Some(parts) => parts,
        None => (seconds, "0"),
    };
    let minutes = short_number(minutes)?;
    let whole = short_number(whole)?;
    if whole >= 60 {
        return Err(Fault::SixtySeconds);
    }
    Ok(minutes * MINUTE + whole * SECOND + hundredths_of_fraction(fraction)?)
}

/// The digits after a decimal point as hundredths. Further digits must be zeros.
pub(crate) fn hundredths_of_fraction(fraction: &str) -> Result<u32, Fault> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Malformed);
    }
    let (kept, rest) = fraction.split_at(fraction.len().min(2));
    if rest.bytes().any(|byte| byte != b'0') {
        return Err(Fault::TooPrecise);
    }
    short_number(&format!("{kept:0<2}"))
}

/// A number of one to four digits; no clock needs more, and it bounds the arithmetic.
pub(crate) fn short_number(text: &str) -> Result<u32, Fault> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Malformed);
    }
    text.parse().map_err(|_| Fault::Malformed)
}
