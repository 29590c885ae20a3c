//! Where the two modes of a port part: which rows, which cells, and under which names.
//!
//! It is computed from the documents alone, by reading each of them in both modes. So a row that a dual run finds different is
//! explained by what its document really holds, and never because something else in the same document is odd.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use nba_db::TextRows;

use super::load::{Aside, Port, ReadError, Reading, Shape};
use super::plays::{self, PlayByPlay};
use super::{Divergence, Mode};

#[cfg(test)]
mod tests;

/// A row as a document gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// One text for each of [`Shape::columns`](super::load::Shape::columns), as PostgreSQL reads it; `None` is NULL.
    pub values: Vec<Option<String>>,
    /// Columns whose value is not what the legacy script stores, and why.
    pub named: BTreeMap<&'static str, Divergence>,
    /// Why the legacy script has no such row, if it has none.
    pub because: BTreeSet<Divergence>,
}

/// A row that the legacy script stores and the port does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its key.
    pub key: Vec<String>,
    /// Why.
    pub divergence: Divergence,
}

/// The rows of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Records {
    /// In the document's order.
    pub rows: Vec<Record>,
    /// Rows of the script that must not be stored.
    pub left_out: Vec<LeftOut>,
    /// What was not loaded, and why.
    pub aside: Vec<Aside>,
    /// Where correct mode did not do what the legacy script does.
    pub divergences: BTreeSet<Divergence>,
}

impl Records {
    /// The same as the rows of a [`Port`].
    #[must_use]
    pub fn into_reading(self) -> Reading {
        let mut rows = TextRows::default();
        for row in &self.rows {
            for value in &row.values {
                rows.optional(value.as_deref());
            }
            rows.end_row();
        }
        Reading {
            rows,
            aside: self.aside,
            divergences: self.divergences,
        }
    }
}

/// A port whose two modes can be held against each other.
pub trait TwoModes: Port {
    /// Reads one document into rows with their reasons.
    ///
    /// # Errors
    ///
    /// It is no document of this kind at all.
    fn records(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Records, ReadError>;

    /// The divergence behind columns that only correct mode replaces in a row that is there already.
    fn first_load(&self) -> Option<Divergence> {
        None
    }
}

impl TwoModes for PlayByPlay {
    fn records(&self, bytes: &[u8], id: &str, mode: Mode) -> Result<Records, ReadError> {
        let found = plays::read(bytes, id, mode)?;
        // A play that only the port has is one that the script did not reach.
        let because: BTreeSet<Divergence> = found
            .divergences
            .iter()
            .copied()
            .filter(|divergence| *divergence != Divergence::MissingId)
            .collect();
        let rows = found.plays.into_iter().map(|play| Record {
            values: [Some(play.play_id), Some(play.game_id)]
                .into_iter()
                .chain(play.values)
                .collect(),
            named: BTreeMap::new(),
            because: because.clone(),
        });
        Ok(Records {
            rows: rows.collect(),
            left_out: Vec::new(),
            aside: found.aside,
            divergences: found.divergences,
        })
    }
}

/// What may be different about one row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parting {
    /// Only the port has it, for these reasons, and its values are these.
    pub added: Option<(BTreeSet<Divergence>, Vec<Option<String>>)>,
    /// Only the script has it, for this reason.
    pub left_out: Option<Divergence>,
    /// Cells of a row that both have: the reason, and what the port stores.
    pub cells: BTreeMap<Cow<'static, str>, (BTreeSet<Divergence>, Option<String>)>,
    /// The script has it more often than the port, for this reason.
    pub repeated: Option<Divergence>,
}

/// Stands for NULL in a key. No text of PostgreSQL holds it.
pub const NO_VALUE: &str = "\0";

/// The partings of some documents, by the key of the row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partings {
    rows: BTreeMap<Vec<String>, Parting>,
    columns: Vec<Cow<'static, str>>,
}

impl Partings {
    /// Nothing parts: what compat mode promises.
    #[must_use]
    pub fn none() -> Partings {
        Partings::default()
    }

    /// Of rows whose values are those of `columns`.
    #[cfg(feature = "native-hoopr")]
    pub(super) fn of_rows(
        rows: BTreeMap<Vec<String>, Parting>,
        columns: Vec<Cow<'static, str>>,
    ) -> Partings {
        Partings { rows, columns }
    }

    /// What is known of the row with this key.
    #[must_use]
    pub fn of(&self, key: &[String]) -> Option<&Parting> {
        self.rows.get(key)
    }

    /// Why only the port has the row with these values; empty when the documents do not hold it so.
    ///
    /// `values` gives what is in the table by column; a column it does not know is not looked at.
    pub fn explain_added<'v>(
        &self,
        key: &[String],
        value: impl Fn(&str) -> Option<Option<&'v str>>,
    ) -> BTreeSet<Divergence> {
        let Some((reasons, expected)) = self.of(key).and_then(|parting| parting.added.as_ref())
        else {
            return BTreeSet::new();
        };
        let same = self.columns.iter().zip(expected).all(|(column, expected)| {
            value(column).is_none_or(|found| same_value(found, expected.as_deref()))
        });
        if same {
            reasons.clone()
        } else {
            BTreeSet::new()
        }
    }

    /// Why only the script has the row; empty when nothing explains that.
    #[must_use]
    pub fn explain_missing(&self, key: &[String]) -> BTreeSet<Divergence> {
        self.of(key)
            .and_then(|parting| parting.left_out)
            .into_iter()
            .collect()
    }

    /// Why the script has another row with a key that the port has, too; empty when nothing explains that.
    #[must_use]
    pub fn explain_repeated(&self, key: &[String]) -> BTreeSet<Divergence> {
        self.of(key)
            .and_then(|parting| parting.repeated)
            .into_iter()
            .collect()
    }

    /// Why the port stores `new` in a column where the script stores something else; empty when it should not.
    #[must_use]
    pub fn explain_cell(
        &self,
        key: &[String],
        column: &str,
        new: Option<&str>,
    ) -> BTreeSet<Divergence> {
        match self.of(key).and_then(|parting| parting.cells.get(column)) {
            Some((reasons, expected)) if same_value(new, expected.as_deref()) => reasons.clone(),
            _ => BTreeSet::new(),
        }
    }
}

/// Gathers the partings of the documents of a batch, in the order in which they count: of a key that comes twice, the first.
pub struct Gatherer {
    port: &'static dyn TwoModes,
    documents: usize,
    /// With the number of the document that the row is from.
    legacy: BTreeMap<Vec<String>, (usize, Record)>,
    correct: BTreeMap<Vec<String>, (usize, Record)>,
    left_out: BTreeMap<Vec<String>, Divergence>,
    there: BTreeMap<Vec<String>, serde_json::Value>,
}

impl Gatherer {
    /// Of this port.
    #[must_use]
    pub fn new(port: &'static dyn TwoModes) -> Gatherer {
        Gatherer {
            port,
            documents: 0,
            legacy: BTreeMap::new(),
            correct: BTreeMap::new(),
            left_out: BTreeMap::new(),
            there: BTreeMap::new(),
        }
    }

    /// Rows that are in the table before anything is loaded, by their keys: an object of columns each.
    #[must_use]
    pub fn with_rows_there(
        mut self,
        rows: impl IntoIterator<Item = (Vec<String>, serde_json::Value)>,
    ) -> Gatherer {
        self.there.extend(rows);
        self
    }

    /// Takes one document in. One that a mode cannot read holds nothing for it.
    pub fn add(&mut self, bytes: &[u8], id: &str) {
        let read = |mode| self.port.records(bytes, id, mode).unwrap_or_default();
        let (legacy, correct) = (read(Mode::Compat), read(Mode::Correct));
        self.documents += 1;
        for row in legacy.rows {
            let key = self.key(&row);
            self.legacy.entry(key).or_insert((self.documents, row));
        }
        for row in correct.rows {
            let key = self.key(&row);
            self.correct.entry(key).or_insert((self.documents, row));
        }
        for left in correct.left_out {
            self.left_out.entry(left.key).or_insert(left.divergence);
        }
    }

    fn key(&self, row: &Record) -> Vec<String> {
        let shape = self.port.shape(Mode::Correct);
        shape
            .key
            .iter()
            .map(|wanted| {
                let at = shape.columns.iter().position(|column| column == wanted);
                at.and_then(|at| row.values.get(at).cloned().flatten())
                    .unwrap_or_default()
            })
            .collect()
    }

    /// Cells of a row that was there before: only those that correct mode replaces.
    fn of_replaced(
        &self,
        found: &(usize, Record),
        legacy: Option<&(usize, Record)>,
        former: &serde_json::Value,
    ) -> Parting {
        let shape = self.port.shape(Mode::Correct);
        let refreshed = self.port.shape(Mode::Compat).updates;
        let keeps = self.port.keeps_known(Mode::Correct);
        let mut parting = Parting::default();
        for (at, column) in shape.columns.iter().enumerate() {
            if !shape.updates.contains(column) {
                continue;
            }
            let mut reasons = match legacy {
                Some(legacy) => reasons(column, at, found, legacy),
                // The script leaves the row as it was.
                None => found.1.because.clone(),
            };
            if legacy.is_some() && !refreshed.contains(column) {
                reasons.extend(self.port.first_load());
            }
            let mut new = found.1.values.get(at).cloned().flatten();
            if new.is_none() && keeps.is_some() {
                reasons.extend(keeps);
                new = former_text(former, column);
            }
            if !reasons.is_empty() {
                parting.cells.insert(Cow::Borrowed(*column), (reasons, new));
            }
        }
        parting
    }

    /// What parts.
    #[must_use]
    pub fn finish(self) -> Partings {
        let shape = self.port.shape(Mode::Correct);
        let mut rows = BTreeMap::new();
        for (key, found) in &self.correct {
            let legacy = self.legacy.get(key);
            let parting = match (legacy, self.there.get(key)) {
                (legacy, Some(former)) => self.of_replaced(found, legacy, former),
                (Some(legacy), None) => of_new(&shape, found, legacy),
                (None, None) => Parting {
                    added: (!found.1.because.is_empty())
                        .then(|| (found.1.because.clone(), found.1.values.clone())),
                    ..Parting::default()
                },
            };
            if parting != Parting::default() {
                rows.insert(key.clone(), parting);
            }
        }
        for (key, divergence) in self.left_out {
            // A row that was there before stays whatever a document says of it.
            if self.there.contains_key(&key) {
                continue;
            }
            if self.legacy.contains_key(&key) && !self.correct.contains_key(&key) {
                rows.entry(key).or_default().left_out = Some(divergence);
            }
        }
        Partings {
            rows,
            columns: shape
                .columns
                .iter()
                .map(|column| (*column).into())
                .collect(),
        }
    }
}

/// Cells of a row that both modes insert.
fn of_new(shape: &Shape, found: &(usize, Record), legacy: &(usize, Record)) -> Parting {
    let mut parting = Parting::default();
    for (at, column) in shape.columns.iter().enumerate() {
        let reasons = reasons(column, at, found, legacy);
        if !reasons.is_empty() {
            let new = found.1.values.get(at).cloned().flatten();
            parting.cells.insert(Cow::Borrowed(*column), (reasons, new));
        }
    }
    parting
}

/// Why the two modes have another value for a column, if they have.
fn reasons(
    column: &str,
    at: usize,
    (document, row): &(usize, Record),
    (legacy_document, legacy): &(usize, Record),
) -> BTreeSet<Divergence> {
    if legacy.values.get(at) == row.values.get(at) {
        return BTreeSet::new();
    }
    match row.named.get(column) {
        Some(divergence) => BTreeSet::from([*divergence]),
        // The script took the row from another document, because it lost this one.
        None if document != legacy_document => row.because.clone(),
        None => BTreeSet::new(),
    }
}

/// A value of a row in the form of a text.
fn former_text(row: &serde_json::Value, column: &str) -> Option<String> {
    match row.get(column)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// Whether a column that holds `found` holds what was sent for it, whatever form the server gives it.
fn same_value(found: Option<&str>, sent: Option<&str>) -> bool {
    let (found, sent) = match (found, sent) {
        (Some(found), Some(sent)) => (found, sent),
        (found, sent) => return found == sent,
    };
    if found == sent {
        return true;
    }
    match (found, sent) {
        ("true" | "t", "true" | "t") | ("false" | "f", "false" | "f") => return true,
        _ => {}
    }
    let zone = |text: &str| text.trim_end_matches("+00:00").replace('T', " ");
    if found.contains(':') && zone(found) == zone(sent) {
        return true;
    }
    // A numeric column shows as many decimals as it is declared with, rounded.
    let (Some((_, decimals)), Ok(a), Ok(b)) = (
        found.split_once('.'),
        found.parse::<f64>(),
        sent.parse::<f64>(),
    ) else {
        return false;
    };
    let places = i32::try_from(decimals.len()).unwrap_or(i32::MAX);
    (a - b).abs() <= 0.5 * 10_f64.powi(-places) + f64::EPSILON
}
