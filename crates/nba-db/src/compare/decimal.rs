//! Decimal numbers of any length, exact.

use std::cmp::Ordering;
use std::fmt;

/// Longest exponent taken: beyond it the digits would not fit in memory, and PostgreSQL has no such numbers.
const MOST_EXPONENT: i32 = 200_000;

/// A finite decimal number: digits without leading or trailing zeros, times a power of ten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    // Values 0–9, the most significant first; empty for zero. No zero at either end.
    digits: Vec<u8>,
    // Power of ten of the last digit; 0 for zero.
    exponent: i32,
}

impl Decimal {
    /// Reads `-12.50` or `1.5e-7`; `None` for anything else, not-a-number and infinity included.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, power) = match rest.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let digits: Option<Vec<u8>> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|byte| byte.is_ascii_digit().then(|| byte - b'0'))
            .collect();
        let exponent = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        if exponent.abs() > MOST_EXPONENT {
            return None;
        }
        Some(Self::normal(negative, digits?, exponent))
    }

    fn normal(negative: bool, mut digits: Vec<u8>, mut exponent: i32) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..zeros);
        if digits.is_empty() {
            return Self {
                negative: false,
                digits,
                exponent: 0,
            };
        }
        Self {
            negative,
            digits,
            exponent,
        }
    }

    pub(super) fn is_negative(&self) -> bool {
        self.negative
    }

    /// By value.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let low = self.exponent.min(other.exponent);
        let magnitude = || magnitude(&self.scaled(low), &other.scaled(low));
        match (self.negative, other.negative) {
            (false, false) => magnitude(),
            (true, true) => magnitude().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// Whether `|self - other| <= limit`.
    pub(super) fn is_within(&self, other: &Self, limit: &Self) -> bool {
        let low = self.exponent.min(other.exponent).min(limit.exponent);
        let (left, right, limit) = (self.scaled(low), other.scaled(low), limit.scaled(low));
        let distance = if self.negative == other.negative {
            match magnitude(&left, &right) {
                Ordering::Less => minus(&right, &left),
                _ => minus(&left, &right),
            }
        } else {
            plus(&left, &right)
        };
        magnitude(&distance, &limit) != Ordering::Greater
    }

    /// The digits as a whole number of units of `10^low`, the least significant first.
    fn scaled(&self, low: i32) -> Vec<u8> {
        let zeros = usize::try_from(self.exponent - low).unwrap_or(0);
        let mut digits = vec![0; if self.digits.is_empty() { 0 } else { zeros }];
        digits.extend(self.digits.iter().rev());
        digits
    }
}

fn magnitude(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| {
        digits
            .iter()
            .rposition(|&digit| digit != 0)
            .map_or(0, |at| at + 1)
    };
    let (left, right) = (&left[..significant(left)], &right[..significant(right)]);
    left.len()
        .cmp(&right.len())
        .then_with(|| left.iter().rev().cmp(right.iter().rev()))
}

/// `left - right`, where `left` is not smaller.
fn minus(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    left.iter()
        .enumerate()
        .map(|(at, &digit)| {
            let take = right.get(at).copied().unwrap_or(0) + borrow;
            borrow = u8::from(digit < take);
            digit + 10 * borrow - take
        })
        .collect()
}

fn plus(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum = Vec::with_capacity(left.len().max(right.len()) + 1);
    for at in 0..left.len().max(right.len()) {
        let digit =
            left.get(at).copied().unwrap_or(0) + right.get(at).copied().unwrap_or(0) + carry;
        carry = digit / 10;
        sum.push(digit % 10);
    }
    sum.push(carry);
    sum
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let digit = |at: usize| char::from(b'0' + self.digits.get(at).copied().unwrap_or(0));
        let length = i32::try_from(self.digits.len()).unwrap_or(i32::MAX);
        // Digits before the point.
        let whole = length + self.exponent;
        if whole <= 0 {
            f.write_str("0")?;
        }
        for at in 0..usize::try_from(whole).unwrap_or(0) {
            write!(f, "{}", digit(at))?;
        }
        if self.exponent < 0 {
            f.write_str(".")?;
            for _ in whole..0 {
                f.write_str("0")?;
            }
            for at in usize::try_from(whole).unwrap_or(0)..self.digits.len() {
                write!(f, "{}", digit(at))?;
            }
        }
        Ok(())
    }
}
