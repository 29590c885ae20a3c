//! What `pandas.read_csv` takes each column of a file for: one empty cell makes every id of a season end in `.0` (ETL dossier 3.4).

use super::cell::{is_null, truth};
use crate::native::Mode;

/// The type pandas gives a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dtype {
    /// Only whole numbers.
    Whole,
    /// Numbers, with fractions or with gaps.
    Real,
    /// Only truth values.
    Truth,
    /// Anything else: texts stay as they are.
    Object,
}

/// What has been seen of one column.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    gaps: bool,
    /// A gap that only pandas takes for one: `None`, `nan`.
    words: bool,
    whole: bool,
    real: bool,
    truth: bool,
    other: bool,
}

impl Seen {
    pub(super) fn add(&mut self, text: &str) {
        if is_null(text, Mode::Compat) {
            self.gaps = true;
            self.words |= !is_null(text, Mode::Correct);
        } else if self.other {
            // Nothing can change it any more.
        } else if text.trim().parse::<i64>().is_ok() {
            self.whole = true;
        } else if is_number(text) {
            self.real = true;
        } else if truth(text).is_some() {
            self.truth = true;
        } else {
            self.other = true;
        }
    }

    /// Whether any cell held a word that pandas takes for nothing.
    pub(super) fn has_words(self) -> bool {
        self.words
    }

    /// Whether any cell held something.
    pub(super) fn has_values(self) -> bool {
        self.whole || self.real || self.truth || self.other
    }

    pub(super) fn dtype(self) -> Dtype {
        match self {
            Seen { other: true, .. } => Dtype::Object,
            Seen {
                truth: true,
                whole: false,
                real: false,
                gaps: false,
                ..
            } => Dtype::Truth,
            Seen { truth: true, .. } => Dtype::Object,
            Seen {
                whole: true,
                real: false,
                gaps: false,
                ..
            } => Dtype::Whole,
            // A column of nothing is one of floats, too.
            _ => Dtype::Real,
        }
    }
}

/// Rust reads a few words as numbers that pandas does not.
fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.bytes().any(|byte| byte.is_ascii_digit()) && text.parse::<f64>().is_ok()
}
