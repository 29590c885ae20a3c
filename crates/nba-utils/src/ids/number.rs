//! Whole numbers whose text went through a floating-point column.

use std::fmt;

use super::IdError;

/// Whole numbers up to this (2^53) survive a double-precision column; beyond it neighbours become equal.
pub const MAX_EXACT_DOUBLE: u64 = 9_007_199_254_740_992;

/// C's `%g` and its relatives print six digits. A longer number in scientific notation with no more than that many
/// has most likely been rounded.
const ROUNDED_DIGITS: usize = 6;

/// What happened to the text of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spoilage {
    /// `1610612760.0`: the column had a gap and became floating point.
    DecimalPoint,
    /// `1.61061276e9`: printed in scientific notation.
    Scientific,
    /// `22300123` for `0022300123`: leading zeros are gone.
    ZerosLost,
    /// `0401307856`: zeros that do not belong there.
    ZerosAdded,
    /// Spaces around it.
    Spaces,
}

impl fmt::Display for Spoilage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DecimalPoint => "written with a decimal point",
            Self::Scientific => "written in scientific notation",
            Self::ZerosLost => "leading zeros lost",
            Self::ZerosAdded => "leading zeros added",
            Self::Spaces => "spaces around it",
        })
    }
}

/// A whole number read from any of its spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalInteger {
    /// The number.
    pub value: u64,
    /// Its digits as they stood there: leading zeros kept, decimal point and exponent resolved.
    pub digits: String,
    /// What had happened to the text, as far as it can be told without knowing the kind of id.
    pub spoilage: Option<Spoilage>,
}

impl CanonicalInteger {
    /// The same question once the id's own spelling is known.
    pub(super) fn spoilage_against(&self, spelling: &str) -> Option<Spoilage> {
        self.spoilage
            .or_else(|| match self.digits.len().cmp(&spelling.len()) {
                std::cmp::Ordering::Less => Some(Spoilage::ZerosLost),
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Greater => Some(Spoilage::ZerosAdded),
            })
    }
}

/// Reads a whole number from its own spelling, or from what a floating-point column made of it.
///
/// The decimal point is moved in the text, so nothing is rounded here. `13.0` is 13; `13.5` is an error, and so is `4.01308e+08`,
/// which has kept six of nine digits.
///
/// ```
/// use nba_utils::ids::{Spoilage, canonical_integer};
/// let team = canonical_integer("1610612760.0")?;
/// assert_eq!((team.value, team.spoilage), (1_610_612_760, Some(Spoilage::DecimalPoint)));
/// assert_eq!(canonical_integer("1.61061276e9")?.value, 1_610_612_760);
/// assert_eq!(canonical_integer("0022300123")?.digits, "0022300123");
/// assert!(canonical_integer("4.01308e+08").is_err());
/// # Ok::<(), nba_utils::ids::IdError>(())
/// ```
///
/// # Errors
/// The text is not a whole number, is negative, does not fit into 64 bits, or has lost digits.
pub fn canonical_integer(text: &str) -> Result<CanonicalInteger, IdError> {
    let not_a_number = || IdError::NotANumber {
        text: text.to_owned(),
    };
    let digits_lost = || IdError::DigitsLost {
        text: text.to_owned(),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());

    let trimmed = text.trim();
    let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
        None => (trimmed, None),
        Some((mantissa, exponent)) => {
            let unsigned = exponent.strip_prefix('+').unwrap_or(exponent);
            if unsigned.is_empty() || !all_digits(unsigned) {
                return Err(not_a_number());
            }
            (
                mantissa,
                Some(
                    unsigned
                        .parse::<usize>()
                        .ok()
                        .filter(|exponent| *exponent < 20)
                        .ok_or_else(not_a_number)?,
                ),
            )
        }
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        None => (mantissa, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    if whole.is_empty() || !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return Err(not_a_number());
    }

    let (moved, rest) = match (fraction.unwrap_or(""), exponent.unwrap_or(0)) {
        (fraction, exponent) if exponent >= fraction.len() => (
            format!("{fraction}{}", "0".repeat(exponent - fraction.len())),
            "",
        ),
        (fraction, exponent) => (fraction[..exponent].to_owned(), &fraction[exponent..]),
    };
    if rest.bytes().any(|byte| byte != b'0') {
        return Err(not_a_number());
    }
    let digits = format!("{whole}{moved}");
    let value: u64 = digits.parse().map_err(|_| not_a_number())?;

    let was_double = fraction.is_some() || exponent.is_some();
    if was_double && value > MAX_EXACT_DOUBLE {
        return Err(digits_lost());
    }
    if exponent.is_some() {
        let significant = whole.len() + fraction.map_or(0, str::len);
        if significant <= ROUNDED_DIGITS && value.to_string().len() > ROUNDED_DIGITS {
            return Err(digits_lost());
        }
    }
    let spoilage = if exponent.is_some() {
        Some(Spoilage::Scientific)
    } else if fraction.is_some() {
        Some(Spoilage::DecimalPoint)
    } else {
        (trimmed.len() != text.len()).then_some(Spoilage::Spaces)
    };
    Ok(CanonicalInteger {
        value,
        digits,
        spoilage,
    })
}

/// The whole number in a double-precision column.
///
/// ```
/// use nba_utils::ids::integer_of_double;
/// assert_eq!(integer_of_double(401307856.0)?, 401307856);
/// assert!(integer_of_double(13.5).is_err());
/// # Ok::<(), nba_utils::ids::IdError>(())
/// ```
///
/// # Errors
/// The value is negative, has a fraction, is not finite, or is beyond [`MAX_EXACT_DOUBLE`].
pub fn integer_of_double(value: f64) -> Result<u64, IdError> {
    // Display prints every digit and no exponent, so the text is exact.
    let text = value.to_string();
    let number = canonical_integer(&text)?.value;
    if number > MAX_EXACT_DOUBLE {
        return Err(IdError::DigitsLost { text });
    }
    Ok(number)
}
