//! Seasons, in every spelling the legacy platform uses (database dossier 7.2).
//!
//! A bare number is ambiguous: `2002` is 2002-03 in `raw_data.*` and 2001-02 in the hoopR tables. So a number is only read
//! together with its [`SeasonEncoding`], and [`str::parse`] accepts only the forms that name both years.
//!
//! ```
//! use nba_utils::Season;
//!
//! let season: Season = "1999-00".parse()?;
//! assert_eq!(season.to_string(), "1999-00");
//! assert_eq!((season.start_year(), season.end_year()), (1999, 2000));
//! assert!("2004".parse::<Season>().is_err());
//! # Ok::<(), nba_utils::season::SeasonError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::errors::Hint;

#[cfg(test)]
mod tests;

/// One NBA season, known by the year it starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Invariant: FIRST_START_YEAR..=LAST_START_YEAR.
pub struct Season(u16);

/// How a place spells a season (database dossier 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeasonEncoding {
    /// `2004-05`: `games.season`.
    Text,
    /// `2004-2005`: the same with both years in full.
    LongText,
    /// `2004` for 2004-05: `raw_data.*`, `espn.espn_games`, `possession_panel`.
    StartYear,
    /// `2005` for 2004-05: the hoopR tables and the SQLite ESPN copy.
    EndYear,
    /// `2004-05` or the word `unknown`: `nba_api_*`.
    NbaApi,
}

impl Season {
    /// The league's first season, 1946-47.
    pub const FIRST_START_YEAR: u16 = 1946;
    /// The last season accepted. Two-digit years cannot be told apart beyond it.
    pub const LAST_START_YEAR: u16 = 2099;

    /// The season that starts in `year` (2004 is 2004-05).
    ///
    /// # Errors
    /// `year` is before 1946 or after 2099.
    pub fn from_start_year(year: i64) -> Result<Self, SeasonError> {
        u16::try_from(year)
            .ok()
            .filter(|year| (Self::FIRST_START_YEAR..=Self::LAST_START_YEAR).contains(year))
            .map(Self)
            .ok_or(SeasonError::OutOfRange { start_year: year })
    }

    /// The season that ends in `year` (2005 is 2004-05).
    ///
    /// # Errors
    /// `year` is before 1947 or after 2100.
    pub fn from_end_year(year: i64) -> Result<Self, SeasonError> {
        Self::from_start_year(year.saturating_sub(1))
    }

    /// Reads `text` the way `encoding` writes it. `None` only for the word `unknown` in [`SeasonEncoding::NbaApi`].
    ///
    /// ```
    /// use nba_utils::{Season, season::SeasonEncoding};
    /// let season = Season::parse_as("2002", SeasonEncoding::EndYear)?;
    /// assert_eq!(season.map(|s| s.to_string()).as_deref(), Some("2001-02"));
    /// assert_eq!(Season::parse_as("unknown", SeasonEncoding::NbaApi)?, None);
    /// # Ok::<(), nba_utils::season::SeasonError>(())
    /// ```
    ///
    /// # Errors
    /// `text` is not of that form, its years are not consecutive, or the season is out of range.
    pub fn parse_as(text: &str, encoding: SeasonEncoding) -> Result<Option<Self>, SeasonError> {
        let malformed = || SeasonError::Malformed {
            text: text.to_owned(),
        };
        let both_years = |end_digits: usize| {
            let (_, end) = text.split_once('-').ok_or_else(malformed)?;
            if end.len() == end_digits {
                text.parse().map(Some)
            } else {
                Err(malformed())
            }
        };
        let year = || digits(text, 4).ok_or_else(malformed);
        match encoding {
            SeasonEncoding::Text => both_years(2),
            SeasonEncoding::LongText => both_years(4),
            SeasonEncoding::StartYear => Self::from_start_year(year()?).map(Some),
            SeasonEncoding::EndYear => Self::from_end_year(year()?).map(Some),
            SeasonEncoding::NbaApi if text == "unknown" => Ok(None),
            SeasonEncoding::NbaApi => both_years(2),
        }
    }

    /// Writes the season the way `encoding` spells it.
    pub fn format_as(self, encoding: SeasonEncoding) -> String {
        match encoding {
            SeasonEncoding::Text | SeasonEncoding::NbaApi => self.to_string(),
            SeasonEncoding::LongText => format!("{}-{}", self.start_year(), self.end_year()),
            SeasonEncoding::StartYear => self.start_year().to_string(),
            SeasonEncoding::EndYear => self.end_year().to_string(),
        }
    }

    /// The season the legacy loaders write for a UTC date: October and later belong to the season that starts that year.
    ///
    /// Kept to reproduce stored values. It is wrong for the 2020 Finals (October 2020 becomes 2020-21) and for pre-season games
    /// in September. [`Season::from_date`] is right (database dossier 7.2, ETL dossier 2.3).
    ///
    /// # Errors
    /// The season is out of range.
    pub fn legacy_from_utc_date(date: NaiveDate) -> Result<Self, SeasonError> {
        let year = i64::from(date.year());
        if date.month() >= 10 {
            Self::from_start_year(year)
        } else {
            Self::from_end_year(year)
        }
    }

    /// The season a game on `date` belongs to; a US date and the UTC date of the same game give the same answer.
    ///
    /// The year turns on 1 August, in the middle of the summer break, so September's pre-season games count forward. The one
    /// exception is 2020: the season stopped in March was finished until 11 October, and 2020-21 began in December
    /// and ended in July 2021.
    ///
    /// ```
    /// use chrono::NaiveDate;
    /// use nba_utils::Season;
    /// let last_game_of_the_bubble = NaiveDate::from_ymd_opt(2020, 10, 11).unwrap();
    /// assert_eq!(Season::from_date(last_game_of_the_bubble)?.to_string(), "2019-20");
    /// assert_eq!(Season::legacy_from_utc_date(last_game_of_the_bubble)?.to_string(), "2020-21");
    /// # Ok::<(), nba_utils::season::SeasonError>(())
    /// ```
    ///
    /// # Errors
    /// The season is out of range.
    pub fn from_date(date: NaiveDate) -> Result<Self, SeasonError> {
        // 13 October: one day after the last game's US date, so that its UTC date still counts.
        let turn = if date.year() == 2020 {
            (10, 13)
        } else {
            (8, 1)
        };
        let year = i64::from(date.year());
        if (date.month(), date.day()) >= turn {
            Self::from_start_year(year)
        } else {
            Self::from_end_year(year)
        }
    }

    /// The year the season starts in.
    pub fn start_year(self) -> u16 {
        self.0
    }

    /// The year the season ends in.
    pub fn end_year(self) -> u16 {
        self.0 + 1
    }

    /// The following season, if it is in range.
    pub fn next(self) -> Option<Self> {
        (self.0 < Self::LAST_START_YEAR).then(|| Self(self.0 + 1))
    }

    /// The season before, if there was one.
    pub fn previous(self) -> Option<Self> {
        (self.0 > Self::FIRST_START_YEAR).then(|| Self(self.0 - 1))
    }
}

impl fmt::Display for Season {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.start_year(), self.end_year() % 100)
    }
}

impl FromStr for Season {
    type Err = SeasonError;

    /// Reads `2004-05` and `2004-2005`, nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || SeasonError::Malformed {
            text: text.to_owned(),
        };
        if text.eq_ignore_ascii_case("unknown") {
            return Err(SeasonError::Unknown);
        }
        if digits(text, 4).is_some() {
            return Err(SeasonError::Ambiguous {
                text: text.to_owned(),
            });
        }
        let (start, end) = text.split_once('-').ok_or_else(malformed)?;
        let start = digits(start, 4).ok_or_else(malformed)?;
        let consecutive = match end.len() {
            2 => digits(end, 2) == Some((start + 1) % 100),
            4 => digits(end, 4) == Some(start + 1),
            _ => return Err(malformed()),
        };
        if !consecutive {
            return Err(if end.bytes().all(|byte| byte.is_ascii_digit()) {
                SeasonError::NotConsecutive {
                    text: text.to_owned(),
                }
            } else {
                malformed()
            });
        }
        Self::from_start_year(start)
    }
}

impl TryFrom<String> for Season {
    type Error = SeasonError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Season> for String {
    fn from(season: Season) -> Self {
        season.to_string()
    }
}

/// Why a season could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeasonError {
    /// The text has none of the known forms.
    #[error("`{text}` is not a season")]
    Malformed {
        /// The text as given.
        text: String,
    },
    /// A lone year, which could be the start or the end.
    #[error("`{text}` may be the start or the end of a season")]
    Ambiguous {
        /// The text as given.
        text: String,
    },
    /// The second year does not follow the first.
    #[error("the years of season `{text}` do not follow each other")]
    NotConsecutive {
        /// The text as given.
        text: String,
    },
    /// The word `unknown`, which `nba_api_*` stores for a missing season.
    #[error("the season is stored as `unknown`")]
    Unknown,
    /// Before 1946-47 or after 2099-00.
    #[error("no season starts in {start_year}")]
    OutOfRange {
        /// The start year asked for.
        start_year: i64,
    },
}

impl Hint for SeasonError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } | Self::NotConsecutive { .. } | Self::Ambiguous { .. } => {
                Some("write a season as `2004-05`".to_owned())
            }
            Self::OutOfRange { .. } => Some(format!(
                "seasons start from {} to {}",
                Season::FIRST_START_YEAR,
                Season::LAST_START_YEAR
            )),
            Self::Unknown => None,
        }
    }
}

/// The number in `text` if it is exactly `count` ASCII digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}
