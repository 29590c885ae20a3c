//! Game and play identifiers, and the repair of ids that went through a floating-point column (database dossier 7.1).
//!
//! Every id is parsed once, keeps its zeros when printed, and is serialised as text. Reading a stored id tells whether the text was
//! spoiled on its way:
//!
//! ```
//! use nba_utils::ids::{NbaGameId, Spoilage};
//!
//! let read = NbaGameId::read("22300123.0")?;
//! assert_eq!(read.value.to_string(), "0022300123");
//! assert_eq!(read.spoilage, Some(Spoilage::DecimalPoint));
//! # Ok::<(), nba_utils::ids::IdError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::Season;

mod number;
mod play;
#[cfg(test)]
mod tests;

pub use number::{
    CanonicalInteger, MAX_EXACT_DOUBLE, Spoilage, canonical_integer, integer_of_double,
};
pub use play::PlayId;

/// An id together with what had happened to its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read<T> {
    /// The id.
    pub value: T,
    /// How the text differed from the id's own spelling; `None` when it did not.
    pub spoilage: Option<Spoilage>,
}

/// An ESPN game id: nine digits. hoopR uses the same ids.
///
/// Until about 2013 the id carries a date: `YYMMDD` and a three-digit number, where the year is 1980 + `YY`. Later ids start with
/// 400 or 401 and carry none. Which of the two it is follows from the first digit; nothing else about the date should be derived
/// from an id, since the documents disagree on the year of the switch.
///
/// ```
/// use nba_utils::EspnGameId;
/// let legacy: EspnGameId = "241231002".parse()?;
/// assert_eq!(legacy.embedded_date().map(|date| date.to_string()).as_deref(), Some("2004-12-31"));
/// let modern: EspnGameId = "401307856".parse()?;
/// assert_eq!(modern.embedded_date(), None);
/// # Ok::<(), nba_utils::ids::IdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Invariant: at most nine digits; below FIRST_MODERN the first six are a date.
pub struct EspnGameId(u32);

impl EspnGameId {
    const DIGITS: usize = 9;
    /// The smallest number of nine digits.
    const SHORTEST: u64 = 100_000_000;
    /// The smallest id of the form without a date. As a date it would be in 2020, long after that form ended.
    const FIRST_MODERN: u32 = 400_000_000;
    /// The largest first digit is 4; a later range would be news and is refused until it is known.
    const LAST_MODERN: u32 = 499_999_999;
    /// The year that `YY` = 00 means.
    const LEGACY_YEAR_ZERO: i32 = 1980;

    /// The id with this number.
    ///
    /// # Errors
    /// The number is of neither form, or shorter than nine digits: the archive begins in 1993, so nothing lost its zeros, and a
    /// shorter number is something else.
    pub fn from_number(number: u64) -> Result<Self, IdError> {
        if number < Self::SHORTEST {
            return Err(IdError::NotEspnGame {
                text: number.to_string(),
            });
        }
        Self::checked(number)
    }

    fn checked(number: u64) -> Result<Self, IdError> {
        let malformed = || IdError::NotEspnGame {
            text: number.to_string(),
        };
        let id = Self(u32::try_from(number).map_err(|_| malformed())?);
        if id.is_modern() || id.embedded_date().is_some() {
            Ok(id)
        } else {
            Err(malformed())
        }
    }

    /// A legacy id from its date and running number (below 1000).
    ///
    /// # Errors
    /// The year is not within 1980–2019, or the number has more than three digits.
    pub fn from_date(date: NaiveDate, number: u16) -> Result<Self, IdError> {
        let text = format!("{date}/{number}");
        let year = u64::try_from(date.year() - Self::LEGACY_YEAR_ZERO)
            .ok()
            .filter(|year| *year < 40);
        let (Some(year), true) = (year, number < 1000) else {
            return Err(IdError::NotEspnGame { text });
        };
        let day = (year * 100 + u64::from(date.month())) * 100 + u64::from(date.day());
        Self::checked(day * 1000 + u64::from(number))
    }

    /// Reads the id from stored text, repairing what a floating-point column did to it.
    ///
    /// # Errors
    /// The text is no id, or digits were lost.
    pub fn read(text: &str) -> Result<Read<Self>, IdError> {
        let number = canonical_integer(text)?;
        let value = Self::from_number(number.value)?;
        Ok(Read {
            value,
            spoilage: number.spoilage_against(&value.to_string()),
        })
    }

    /// Whether the id has the form without a date.
    pub fn is_modern(self) -> bool {
        (Self::FIRST_MODERN..=Self::LAST_MODERN).contains(&self.0)
    }

    /// The date inside a legacy id; `None` for a modern one.
    pub fn embedded_date(self) -> Option<NaiveDate> {
        if self.0 >= Self::FIRST_MODERN {
            return None;
        }
        let day = self.0 / 1000;
        let year = i32::try_from(day / 10_000).ok()?;
        NaiveDate::from_ymd_opt(Self::LEGACY_YEAR_ZERO + year, day / 100 % 100, day % 100)
    }

    /// The id as a number, for columns that hold one.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for EspnGameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.0, width = Self::DIGITS)
    }
}

impl FromStr for EspnGameId {
    type Err = IdError;

    /// Reads the nine digits and nothing else; [`EspnGameId::read`] also repairs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        exact_digits(text, Self::DIGITS)
            .ok_or_else(|| IdError::NotEspnGame {
                text: text.to_owned(),
            })
            .and_then(Self::checked)
    }
}

/// An NBA game id: ten digits with leading zeros (`0022300123`), stored elsewhere as the number `22300123`.
///
/// Two digits name the league (00 is the NBA), one the kind of game, two the season's start year, five the game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Invariant: at most ten digits.
pub struct NbaGameId(u64);

impl NbaGameId {
    const DIGITS: usize = 10;
    const LIMIT: u64 = 10_000_000_000;

    /// The id with this number, zeros put back.
    ///
    /// ```
    /// use nba_utils::NbaGameId;
    /// assert_eq!(NbaGameId::from_number(11300002)?.to_string(), "0011300002");
    /// # Ok::<(), nba_utils::ids::IdError>(())
    /// ```
    ///
    /// # Errors
    /// The number is zero or has more than ten digits.
    pub fn from_number(number: u64) -> Result<Self, IdError> {
        if number == 0 || number >= Self::LIMIT {
            return Err(IdError::NotNbaGame {
                text: number.to_string(),
            });
        }
        Ok(Self(number))
    }

    /// Reads the id from stored text: puts lost zeros back and repairs what a floating-point column did.
    ///
    /// # Errors
    /// The text is no id, or digits were lost.
    pub fn read(text: &str) -> Result<Read<Self>, IdError> {
        let number = canonical_integer(text)?;
        let value = Self::from_number(number.value)?;
        Ok(Read {
            value,
            spoilage: number.spoilage_against(&value.to_string()),
        })
    }

    /// The id as a number, for columns that hold one.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The league's two digits; 0 is the NBA.
    pub fn league(self) -> u8 {
        self.field(100_000_000, 100)
    }

    /// The kind of game: 1 pre-season, 2 regular season, 3 All-Star, 4 play-offs, 5 play-in, 6 cup final.
    pub fn game_type(self) -> u8 {
        self.field(10_000_000, 10)
    }

    /// The season from the two digits of its start year: 46–99 are the last century.
    pub fn season(self) -> Option<Season> {
        let year = i64::from(self.field(100_000, 100));
        Season::from_start_year(if year >= 46 { 1900 + year } else { 2000 + year }).ok()
    }

    fn field(self, divisor: u64, modulus: u64) -> u8 {
        u8::try_from(self.0 / divisor % modulus).expect("a remainder below 100 fits")
    }
}

impl fmt::Display for NbaGameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.0, width = Self::DIGITS)
    }
}

impl FromStr for NbaGameId {
    type Err = IdError;

    /// Reads the ten digits and nothing else; [`NbaGameId::read`] also pads and repairs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        exact_digits(text, Self::DIGITS)
            .ok_or_else(|| IdError::NotNbaGame {
                text: text.to_owned(),
            })
            .and_then(Self::from_number)
    }
}

/// A Basketball-Reference game id: the date, a zero and the home team's code (`202410220BOS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BbrefGameId {
    date: NaiveDate,
    // Invariant: three upper-case ASCII letters.
    team: [u8; 3],
}

impl BbrefGameId {
    /// The date of the game, as the site gives it (US).
    pub fn date(self) -> NaiveDate {
        self.date
    }

    /// The home team's three letters.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the invariant of `team` rules it out"
    )]
    pub fn home_team(&self) -> &str {
        std::str::from_utf8(&self.team).expect("three ASCII letters")
    }
}

impl fmt::Display for BbrefGameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}0{}", self.date.format("%Y%m%d"), self.home_team())
    }
}

impl FromStr for BbrefGameId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (day, rest) = text.split_at_checked(8)?;
            let day = u32::try_from(exact_digits(day, 8)?).ok()?;
            let year = i32::try_from(day / 10_000).ok()?;
            let date = NaiveDate::from_ymd_opt(year, day / 100 % 100, day % 100)?;
            let team: [u8; 3] = rest.strip_prefix('0')?.as_bytes().try_into().ok()?;
            team.iter()
                .all(u8::is_ascii_uppercase)
                .then_some(Self { date, team })
        };
        parse().ok_or_else(|| IdError::NotBbrefGame {
            text: text.to_owned(),
        })
    }
}

/// A game id of any known family, told apart by its form alone.
///
/// Ids of different families never compare equal: the same game has one of each.
///
/// ```
/// use nba_utils::GameId;
/// assert!(matches!("401307856".parse()?, GameId::Espn(_)));
/// assert!(matches!("0022300123".parse()?, GameId::Nba(_)));
/// assert!(matches!("202410220BOS".parse()?, GameId::BasketballReference(_)));
/// # Ok::<(), nba_utils::ids::IdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum GameId {
    /// ESPN and hoopR.
    Espn(EspnGameId),
    /// stats.nba.com and Kaggle.
    Nba(NbaGameId),
    /// basketball-reference.com.
    BasketballReference(BbrefGameId),
}

impl GameId {
    /// The season, where the id says it: the NBA's have two digits for it, those of Basketball-Reference and the older ones of ESPN a date.
    ///
    /// ```
    /// use nba_utils::GameId;
    /// let season = |text: &str| text.parse::<GameId>().ok()?.season().map(|season| season.to_string());
    /// assert_eq!(season("0022300123").as_deref(), Some("2023-24"));
    /// assert_eq!(season("202410220BOS").as_deref(), Some("2024-25"));
    /// assert_eq!(season("310324006").as_deref(), Some("2010-11"));
    /// assert_eq!(season("401307856"), None);
    /// ```
    pub fn season(self) -> Option<Season> {
        match self {
            Self::Nba(id) => id.season(),
            Self::Espn(id) => Season::from_date(id.embedded_date()?).ok(),
            Self::BasketballReference(id) => Season::from_date(id.date()).ok(),
        }
    }

    /// Reads an id of unknown family from stored text, with repair.
    ///
    /// Nine digits are ESPN; eight or ten are the NBA's (eight have lost two zeros).
    ///
    /// # Errors
    /// The text is no id of any family, or digits were lost.
    pub fn read(text: &str) -> Result<Read<Self>, IdError> {
        if let Ok(id) = text.trim().parse::<BbrefGameId>() {
            let spoilage = (text != id.to_string()).then_some(Spoilage::Spaces);
            return Ok(Read {
                value: Self::BasketballReference(id),
                spoilage,
            });
        }
        let number = canonical_integer(text).map_err(|error| match error {
            IdError::NotANumber { text } => IdError::NotAGame { text },
            other => other,
        })?;
        let value = match number.digits.len() {
            9 => EspnGameId::from_number(number.value).map(Self::Espn),
            8 | 10 => NbaGameId::from_number(number.value).map(Self::Nba),
            _ => Err(IdError::NotAGame {
                text: text.to_owned(),
            }),
        }?;
        Ok(Read {
            value,
            spoilage: number.spoilage_against(&value.to_string()),
        })
    }
}

impl fmt::Display for GameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Espn(id) => id.fmt(f),
            Self::Nba(id) => id.fmt(f),
            Self::BasketballReference(id) => id.fmt(f),
        }
    }
}

impl FromStr for GameId {
    type Err = IdError;

    /// Reads an unspoiled id; [`GameId::read`] also repairs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.len() {
            9 => text.parse().map(Self::Espn),
            10 => text.parse().map(Self::Nba),
            12 => text.parse().map(Self::BasketballReference),
            _ => Err(IdError::NotAGame {
                text: text.to_owned(),
            }),
        }
    }
}

macro_rules! as_text {
    ($($id:ty),*) => {$(
        impl TryFrom<String> for $id {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.to_string()
            }
        }
    )*};
}
as_text!(EspnGameId, NbaGameId, BbrefGameId, GameId);

impl From<EspnGameId> for GameId {
    fn from(id: EspnGameId) -> Self {
        Self::Espn(id)
    }
}

impl From<NbaGameId> for GameId {
    fn from(id: NbaGameId) -> Self {
        Self::Nba(id)
    }
}

impl From<BbrefGameId> for GameId {
    fn from(id: BbrefGameId) -> Self {
        Self::BasketballReference(id)
    }
}

/// Why an id could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Neither form of an ESPN game id.
    #[error("`{text}` is not an ESPN game id")]
    NotEspnGame {
        /// The text as given.
        text: String,
    },
    /// Not an NBA game id.
    #[error("`{text}` is not an NBA game id")]
    NotNbaGame {
        /// The text as given.
        text: String,
    },
    /// Not a Basketball-Reference game id.
    #[error("`{text}` is not a Basketball-Reference game id")]
    NotBbrefGame {
        /// The text as given.
        text: String,
    },
    /// An id of no known family.
    #[error("`{text}` is not a game id")]
    NotAGame {
        /// The text as given.
        text: String,
    },
    /// The play does not start with the game's id, or nothing countable follows it.
    #[error("`{text}` is not a play of game {game}")]
    NotAPlay {
        /// The text as given.
        text: String,
        /// The game it was to belong to.
        game: EspnGameId,
    },
    /// Not a whole number in any spelling.
    #[error("`{text}` is not a whole number")]
    NotANumber {
        /// The text as given.
        text: String,
    },
    /// A number that has lost digits on its way, so that the id cannot be known.
    #[error("`{text}` has lost digits")]
    DigitsLost {
        /// The text as given.
        text: String,
    },
}

/// The number in `text` if it is exactly `count` ASCII digits.
fn exact_digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}
