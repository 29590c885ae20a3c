//! The kinds of difference a value can have, and how they are said.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The ways in which "there is nothing" is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// NULL.
    Null,
    /// The empty text.
    Empty,
    /// Only white space.
    Spaces,
    /// A word that stands for nothing, such as `None`, `nan` or `null`.
    Word(String),
    /// The number 0.
    Zero,
    /// The number `NaN`.
    NotANumber,
    /// The boolean false.
    False,
}

impl fmt::Display for Blank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Empty => f.write_str("''"),
            Self::Spaces => f.write_str("white space"),
            Self::Word(word) => write!(f, "the text '{word}'"),
            Self::Zero => f.write_str("0"),
            Self::NotANumber => f.write_str("NaN"),
            Self::False => f.write_str("false"),
        }
    }
}

/// Where white space differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// Before the text.
    Leading,
    /// After the text.
    Trailing,
    /// Before and after the text.
    Around,
    /// Inside the text.
    Inside,
}

/// A Unicode normalisation form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnicodeForm {
    /// Composed: one code point for a letter with its accent.
    Composed,
    /// Decomposed: the accent is a code point of its own.
    Decomposed,
    /// A mixture.
    Mixed,
    /// Look-alikes were exchanged too: no-break spaces, ligatures, full-width letters.
    Compatible,
}

/// What kind of difference it is. Every pair of different values has exactly one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Kind {
    /// Nothing became another form of nothing.
    Blank {
        /// How it was written.
        old: Blank,
        /// How it is written now.
        new: Blank,
    },
    /// Nothing became a value.
    Filled {
        /// How nothing was written.
        from: Blank,
    },
    /// A value was lost: the column became poorer (monitoring dossier F08).
    Lost {
        /// What stands there instead.
        to: Blank,
    },
    /// The values of two columns of the row changed places.
    Swapped {
        /// The other column.
        with: String,
    },
    /// The value stands in another column of the row now.
    MovedTo {
        /// That column.
        column: String,
    },
    /// The value stood in another column of the row before.
    CameFrom {
        /// That column.
        column: String,
    },
    /// A number changed by this amount.
    Delta {
        /// The amount with its sign, exact.
        by: String,
    },
    /// A number changed by an amount that hardly another row has.
    OtherNumber,
    /// The sign of a number turned.
    Sign,
    /// A number is ten to this power times as large: 2 for a ratio that became a percentage.
    Scaled {
        /// The power of ten.
        power: i32,
    },
    /// A number was rounded.
    Rounded {
        /// Digits after the point that are left.
        decimals: u32,
    },
    /// The digits of a number were cut off.
    DigitsCut {
        /// Digits after the point that are left.
        decimals: u32,
    },
    /// A number went through a 32-bit float.
    SinglePrecision,
    /// Two floats differ in their last bits only.
    LastBits,
    /// The same number, written differently.
    SameNumber,
    /// A whole number was given `.0`, or lost it, as identifiers do that pass through a float.
    PointZero,
    /// Leading zeros were lost or added.
    LeadingZeros,
    /// True became false or the other way.
    Boolean {
        /// What it is now.
        to: bool,
    },
    /// The same boolean, written differently.
    SameBoolean,
    /// A time moved by whole hours, as between two time zones.
    Zone {
        /// Hours, with sign.
        hours: i64,
    },
    /// A time moved by this much.
    Moved {
        /// The distance with its sign and unit.
        by: String,
    },
    /// A time moved by a distance that hardly another row has.
    OtherTime,
    /// Fractions of a second were lost.
    SubsecondsCut,
    /// The time of day was lost.
    TimeOfDayCut,
    /// The same moment, written differently.
    SameTime,
    /// The same JSON document: only white space or the order of keys differs.
    JsonForm,
    /// A value inside a JSON document.
    JsonValue {
        /// Path to the only difference; `$` when there are several.
        path: String,
    },
    /// Upper and lower case.
    Case,
    /// White space.
    Space {
        /// Where.
        at: Spot,
    },
    /// The same text in another Unicode normalisation form.
    Unicode {
        /// The form it has now.
        to: UnicodeForm,
    },
    /// Accents were lost.
    AccentsLost,
    /// The text was read or written in a wrong encoding: `Ã©` for `é`, or `?` in place of letters.
    Encoding,
    /// `&amp;` for `&` and the like.
    Escaped,
    /// The end of a text was cut off.
    Cut,
    /// Something was added at the end of a text.
    Appended,
    /// Something was added before a text.
    Prepended,
    /// A name became its abbreviation (monitoring dossier F08).
    Abbreviated,
    /// Another value.
    Replaced,
}

impl Kind {
    /// The kind that stands for all amounts of this one, when there are too many to tell apart.
    pub(super) fn general(&self) -> Self {
        match self {
            Self::Delta { .. } | Self::Scaled { .. } => Self::OtherNumber,
            Self::Rounded { .. } | Self::DigitsCut { .. } => Self::OtherNumber,
            Self::Moved { .. } | Self::Zone { .. } => Self::OtherTime,
            Self::JsonValue { .. } => Self::JsonValue {
                path: "$".to_owned(),
            },
            Self::Blank { .. } => Self::Replaced,
            other => other.clone(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Blank { old, new } => return write!(f, "{old} became {new}"),
            Self::Filled { from } => return write!(f, "{from} became a value"),
            Self::Lost { to } => return write!(f, "a value became {to}"),
            Self::Swapped { with } => return write!(f, "swapped with `{with}`"),
            Self::MovedTo { column } => return write!(f, "moved to `{column}`"),
            Self::CameFrom { column } => return write!(f, "came from `{column}`"),
            Self::Delta { by } | Self::Moved { by } => return f.write_str(by),
            Self::Scaled { power: 2 } => "× 100 (a ratio became a percentage)",
            Self::Scaled { power: -2 } => "÷ 100 (a percentage became a ratio)",
            Self::Scaled { power } => return write!(f, "× 10^{power}"),
            Self::Rounded { decimals } => return write!(f, "rounded to {decimals} decimals"),
            Self::DigitsCut { decimals } => {
                return write!(f, "digits cut off after {decimals} decimals");
            }
            Self::Zone { hours } => {
                return write!(f, "shifted by {hours:+} h, as by a time zone");
            }
            Self::Boolean { to: true } => "false became true",
            Self::Boolean { to: false } => "true became false",
            Self::JsonValue { path } if path == "$" => "values inside the document",
            Self::JsonValue { path } => return write!(f, "the value at {path}"),
            Self::Space { at } => match at {
                Spot::Leading => "leading white space",
                Spot::Trailing => "trailing white space",
                Spot::Around => "white space around",
                Spot::Inside => "white space inside",
            },
            Self::Unicode { to } => match to {
                UnicodeForm::Composed => "the same text, composed (NFC)",
                UnicodeForm::Decomposed => "the same text, decomposed (NFD)",
                UnicodeForm::Mixed => "the same text in another Unicode form",
                UnicodeForm::Compatible => "look-alike characters",
            },
            Self::OtherNumber => "numbers changed by various amounts",
            Self::Sign => "the sign turned",
            Self::SinglePrecision => "precision of a 32-bit float",
            Self::LastBits => "last bits of a float",
            Self::SameNumber => "the same number, written differently",
            Self::PointZero => "`.0` at the end, as of a float",
            Self::LeadingZeros => "leading zeros",
            Self::SameBoolean => "the same boolean, written differently",
            Self::OtherTime => "times moved by various distances",
            Self::SubsecondsCut => "fractions of a second lost",
            Self::TimeOfDayCut => "time of day lost",
            Self::SameTime => "the same moment, written differently",
            Self::JsonForm => "the same document: white space or order of keys",
            Self::Case => "upper and lower case",
            Self::AccentsLost => "accents lost",
            Self::Encoding => "damaged encoding",
            Self::Escaped => "escaped characters",
            Self::Cut => "the end cut off",
            Self::Appended => "text added at the end",
            Self::Prepended => "text added at the start",
            Self::Abbreviated => "a name became its abbreviation",
            Self::Replaced => "another value",
        };
        f.write_str(text)
    }
}
