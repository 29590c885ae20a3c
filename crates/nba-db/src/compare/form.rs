//! When two values in PostgreSQL's binary form are the same value.
//!
//! Most types have one binary form per value, so that bytes tell. The others are brought to a canonical form first: `1.50` is
//! `1.5` as a number but not as bytes, arrays and rows carry the numbers of their types, which differ between servers.

use std::cmp::Ordering;

use super::decimal::Decimal;

/// How the bytes of a value are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// One value has one form.
    Bytes,
    /// `numeric`: the number of decimals shown is no part of the value.
    Numeric,
    /// `real` and `double precision`: every not-a-number is the same, both zeros are not.
    Float,
    /// `jsonb`: numbers by value.
    Jsonb,
    /// The text of a number of some type.
    NumberText,
    /// An array, without the number of its element type.
    Array(Box<Form>),
    /// A row, without the numbers of its column types.
    Composite(Vec<Form>),
    /// A range.
    Range(Box<Form>),
    /// A set of ranges.
    Multirange(Box<Form>),
}

/// Room for two canonical forms, used again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    left: Vec<u8>,
    right: Vec<u8>,
}

impl Form {
    /// Whether two values are the same. Bytes that cannot be read as the type promises are the same only bit by bit.
    pub(super) fn same(
        &self,
        left: Option<&[u8]>,
        right: Option<&[u8]>,
        scratch: &mut Scratch,
    ) -> bool {
        let (Some(left), Some(right)) = (left, right) else {
            return left.is_none() && right.is_none();
        };
        if left == right {
            return true;
        }
        if *self == Self::Bytes {
            return false;
        }
        scratch.left.clear();
        scratch.right.clear();
        self.canonical(left, &mut scratch.left).is_some()
            && self.canonical(right, &mut scratch.right).is_some()
            && scratch.left == scratch.right
    }

    /// Appends a form that is the same for the same value, and for no other; as it is where it cannot be read.
    pub(super) fn append(&self, value: Option<&[u8]>, out: &mut Vec<u8>) {
        let Some(value) = value else {
            out.push(0);
            return;
        };
        let start = out.len();
        out.extend_from_slice(&[1, 0, 0, 0, 0]);
        if self.canonical(value, out).is_none() {
            out.truncate(start);
            out.extend_from_slice(&[2, 0, 0, 0, 0]);
            out.extend_from_slice(value);
        }
        let length = u32::try_from(out.len() - start - 5).unwrap_or(u32::MAX);
        out[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
    }

    fn canonical(&self, value: &[u8], out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Bytes => out.extend_from_slice(value),
            Self::Numeric => Number::read(value)?.append(out),
            Self::Float => float(value, out)?,
            Self::Jsonb => json(value.strip_prefix(&[1])?, out)?,
            Self::NumberText => number_text(std::str::from_utf8(value).ok()?, out),
            Self::Array(element) => {
                let mut rest = value;
                let dimensions = take_u32(&mut rest)?;
                let (_has_nulls, _type) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
                out.extend_from_slice(&dimensions.to_be_bytes());
                let bounds = usize::try_from(dimensions).ok()?.checked_mul(8)?;
                out.extend_from_slice(take(&mut rest, bounds)?);
                while !rest.is_empty() {
                    element.append(take_value(&mut rest)?, out);
                }
            }
            Self::Composite(fields) => {
                let mut rest = value;
                if usize::try_from(take_u32(&mut rest)?).ok()? != fields.len() {
                    return None;
                }
                for field in fields {
                    let _type = take_u32(&mut rest)?;
                    field.append(take_value(&mut rest)?, out);
                }
            }
            Self::Range(element) => {
                let (flags, mut rest) = value.split_first()?;
                out.push(*flags);
                while !rest.is_empty() {
                    element.append(take_value(&mut rest)?, out);
                }
            }
            Self::Multirange(range) => {
                let mut rest = value;
                let _ranges = take_u32(&mut rest)?;
                while !rest.is_empty() {
                    range.append(take_value(&mut rest)?, out);
                }
            }
        }
        Some(())
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_be_bytes(*head))
}

/// A value with its length in front; a negative length is NULL.
pub(super) fn take_value<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    match usize::try_from(i32::from_be_bytes(*head)) {
        Ok(length) => {
            let (value, tail) = tail.split_at_checked(length)?;
            *rest = tail;
            Some(Some(value))
        }
        Err(_) => {
            *rest = tail;
            Some(None)
        }
    }
}

fn float(value: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let is_nan = match value.len() {
        4 => f32::from_be_bytes(value.try_into().ok()?).is_nan(),
        8 => f64::from_be_bytes(value.try_into().ok()?).is_nan(),
        _ => return None,
    };
    out.extend_from_slice(if is_nan { b"NaN" } else { value });
    Some(())
}

/// `jsonb` as text has its keys in order and one way of spacing, so only numbers can be written differently.
fn json(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => {
                let start = at;
                at += 1;
                while *text.get(at)? != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
                out.extend_from_slice(text.get(start..at)?);
            }
            b'-' | b'0'..=b'9' => {
                let length = text[at..]
                    .iter()
                    .take_while(|byte| {
                        matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                    })
                    .count();
                number_text(std::str::from_utf8(&text[at..at + length]).ok()?, out);
                at += length;
            }
            other => {
                out.push(other);
                at += 1;
            }
        }
    }
    Some(())
}

fn number_text(text: &str, out: &mut Vec<u8>) {
    match Decimal::parse(text) {
        Some(decimal) => out.extend_from_slice(decimal.to_string().as_bytes()),
        // Not-a-number and the infinities.
        None => out.extend_from_slice(text.as_bytes()),
    }
}

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// A `numeric` in binary form, seen as a value.
struct Number<'a> {
    /// In ascending order: minus infinity, negative, zero, positive, infinity, not-a-number.
    class: i8,
    /// Power of 10,000 of the first digit.
    weight: i16,
    /// Digits to the base of 10,000, two bytes each, without zeros at either end.
    digits: &'a [u8],
}

impl<'a> Number<'a> {
    fn read(value: &'a [u8]) -> Option<Self> {
        let (head, mut digits) = value.split_first_chunk::<8>()?;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let sign = word(4);
        if digits.len() != usize::from(word(0)) * 2 {
            return None;
        }
        let mut weight = i16::from_be_bytes([head[2], head[3]]);
        while let Some(rest) = digits.strip_prefix(&[0, 0]) {
            digits = rest;
            weight = weight.checked_sub(1)?;
        }
        while digits.len() >= 2 && digits.ends_with(&[0, 0]) {
            digits = &digits[..digits.len() - 2];
        }
        let class: i8 = match sign {
            NOT_A_NUMBER => 3,
            INFINITY => 2,
            MINUS_INFINITY => -2,
            _ if digits.is_empty() => 0,
            NEGATIVE => -1,
            0 => 1,
            _ => return None,
        };
        if class.abs() != 1 {
            (weight, digits) = (0, &[]);
        }
        Some(Self {
            class,
            weight,
            digits,
        })
    }

    fn append(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.class.to_be_bytes());
        out.extend_from_slice(&self.weight.to_be_bytes());
        out.extend_from_slice(self.digits);
    }

    fn compare(&self, other: &Self) -> Ordering {
        let magnitude = || {
            self.weight
                .cmp(&other.weight)
                .then_with(|| self.digits.cmp(other.digits))
        };
        self.class.cmp(&other.class).then_with(|| match self.class {
            1 => magnitude(),
            -1 => magnitude().reverse(),
            _ => Ordering::Equal,
        })
    }
}

/// In which order the server gives the values of a key column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Whole numbers with a sign, and what is stored as one: dates and times.
    Signed,
    /// By bytes: text under the collation `C`, and types that have no other order.
    Bytes,
    /// Floating point, not-a-number last.
    Float,
    /// `numeric`, not-a-number last.
    Numeric,
    /// The text of a number, ordered by its value.
    NumberText,
}

impl Order {
    /// NULL comes last. Malformed bytes are compared as bytes: the merge then sees rows out of order, and says so.
    pub(super) fn compare(self, left: Option<&[u8]>, right: Option<&[u8]>) -> Ordering {
        let (Some(left), Some(right)) = (left, right) else {
            return right.is_some().cmp(&left.is_some());
        };
        match self {
            Self::Bytes => left.cmp(right),
            Self::Signed => signed(left).cmp(&signed(right)),
            Self::Float => float_order(left, right).unwrap_or_else(|| left.cmp(right)),
            Self::Numeric => match (Number::read(left), Number::read(right)) {
                (Some(left), Some(right)) => left.compare(&right),
                _ => left.cmp(right),
            },
            Self::NumberText => number_text_order(left, right).unwrap_or_else(|| left.cmp(right)),
        }
    }
}

/// A whole number of 1 to 8 bytes.
pub(super) fn signed(value: &[u8]) -> Option<i64> {
    match value.len() {
        8 => Some(i64::from_be_bytes(value.try_into().ok()?)),
        4 => Some(i64::from(i32::from_be_bytes(value.try_into().ok()?))),
        2 => Some(i64::from(i16::from_be_bytes(value.try_into().ok()?))),
        _ => None,
    }
}

fn float_order(left: &[u8], right: &[u8]) -> Option<Ordering> {
    let read = |value: &[u8]| match value.len() {
        4 => Some(f64::from(f32::from_be_bytes(value.try_into().ok()?))),
        8 => Some(f64::from_be_bytes(value.try_into().ok()?)),
        _ => None,
    };
    let (left, right) = (read(left)?, read(right)?);
    Some(match (left.is_nan(), right.is_nan()) {
        (false, false) => left.partial_cmp(&right)?,
        (left, right) => left.cmp(&right),
    })
}

fn number_text_order(left: &[u8], right: &[u8]) -> Option<Ordering> {
    let read = |value| {
        let text = std::str::from_utf8(value).ok()?;
        Some(match text {
            "-Infinity" => (-1, None),
            "Infinity" => (1, None),
            "NaN" => (2, None),
            text => (0, Some(Decimal::parse(text)?)),
        })
    };
    let (left, right) = (read(left)?, read(right)?);
    Some(left.0.cmp(&right.0).then_with(|| match (left.1, right.1) {
        (Some(left), Some(right)) => left.compare(&right),
        _ => Ordering::Equal,
    }))
}

#[cfg(test)]
mod tests;
