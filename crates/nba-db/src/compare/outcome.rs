//! What a comparison found.

use std::time::Duration;

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::{Deserialize, Serialize};

use super::spec::{Mode, Relation, Tolerance};
use crate::identity::Brief;

/// Which side something is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The first relation: the truth that is compared with.
    Left,
    /// The second relation: the copy that is judged.
    Right,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

/// The value of one column that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellChange {
    /// Column, by its left name.
    pub column: String,
    /// The exact text of the left value; `None` is NULL.
    pub old: Option<String>,
    /// The exact text of the right value; `None` is NULL.
    pub new: Option<String>,
}

/// What is different about one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The row is only on the left.
    Missing {
        /// Its values, in the order of [`Comparison::columns`].
        values: Vec<Option<String>>,
    },
    /// The row is only on the right.
    Added {
        /// Its values, in the order of [`Comparison::columns`].
        values: Vec<Option<String>>,
    },
    /// The row is on both sides, with other values.
    Changed {
        /// The columns that differ, in the order of [`Comparison::columns`].
        cells: Vec<CellChange>,
    },
}

/// How often a key is there, where that is not once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// Rows with this key on the left.
    pub left: u64,
    /// Rows with this key on the right.
    pub right: u64,
}

/// One row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Exact texts of the key columns, in the order of [`Comparison::key`]; empty without a key.
    pub key: Vec<Option<String>>,
    /// What is different.
    pub what: Change,
    /// Set where several rows have this key: which of them belong together is then a guess (rows that are the same are
    /// taken away first, the others paired in order), the number of differences is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated: Option<Repeated>,
}

/// How values of a column are brought to a common form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedAs {
    /// Numbers of any size: `1.5` is `1.50`, and not-a-number is itself.
    Number,
    /// The exact value, told by its text form.
    Exact,
}

/// A pair of columns that was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComparedColumn {
    /// Name on the left.
    pub left: String,
    /// Name on the right.
    pub right: String,
    /// Declared type on the left.
    pub left_type: String,
    /// Declared type on the right.
    pub right_type: String,
    /// What counts as equal.
    pub compared_as: ComparedAs,
    /// Allowed deviation.
    pub tolerance: Option<Tolerance>,
}

impl ComparedColumn {
    /// A column of the same name and type on both sides, compared exactly.
    pub fn exact(name: impl Into<String>, declared: impl Into<String>) -> Self {
        let (name, declared) = (name.into(), declared.into());
        Self {
            left: name.clone(),
            right: name,
            left_type: declared.clone(),
            right_type: declared,
            compared_as: ComparedAs::Exact,
            tolerance: None,
        }
    }
}

/// A column that was left out because the caller said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IgnoredColumn {
    /// Its name: the left one where it is on both sides.
    pub column: String,
    /// The sides that have it.
    pub sides: Vec<Side>,
    /// The declared reason.
    pub reason: String,
}

/// A difference between the columns of the two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum SchemaDifference {
    /// A column is on one side only. It refutes equality.
    OnlyOn {
        /// The side that has it.
        side: Side,
        /// Its name.
        column: String,
        /// Its declared type.
        declared: String,
    },
    /// The declared types differ; values are compared in the common form that [`ComparedColumn::compared_as`] tells. It is
    /// reported and refutes nothing.
    Type {
        /// Name on the left.
        column: String,
        /// Declared type on the left.
        left: String,
        /// Declared type on the right.
        right: String,
    },
}

/// One side as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SideReport {
    /// The database.
    pub identity: Brief,
    /// Host, port, database and role.
    pub target: String,
    /// What was read.
    pub relation: Relation,
    /// Rows, exactly, as far as they were read.
    pub rows: u64,
    /// The server's clock when the (last) snapshot was taken.
    pub taken_at: DateTime<Utc>,
    /// The transactions it sees, in `pg_current_snapshot()` form.
    pub transactions: String,
}

/// Rows by what became of them. They balance: see [`Totals::is_balanced`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Rows that are the same on both sides, those within a declared tolerance included.
    pub equal: u64,
    /// Rows only on the left.
    pub missing: u64,
    /// Rows only on the right.
    pub added: u64,
    /// Rows on both sides with other values.
    pub changed: u64,
    /// Rows counted as equal only because of a declared tolerance.
    pub within_tolerance: u64,
    /// Keys that are there more than once on a side; always 0 for a key that an index proves unique.
    pub repeated_keys: u64,
    /// Keys of which a column is NULL.
    pub null_keys: u64,
}

impl Totals {
    /// Rows that are not the same.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.missing + self.added + self.changed
    }

    /// Whether every row of both sides is accounted for.
    #[must_use]
    pub fn is_balanced(&self, left_rows: u64, right_rows: u64) -> bool {
        let both = self.equal + self.changed;
        left_rows == both + self.missing && right_rows == both + self.added
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.equal += other.equal;
        self.missing += other.missing;
        self.added += other.added;
        self.changed += other.changed;
        self.within_tolerance += other.within_tolerance;
        self.repeated_keys += other.repeated_keys;
        self.null_keys += other.null_keys;
    }
}

/// How many rows differ in a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnCount {
    /// Column, by its left name.
    pub column: String,
    /// Changed rows in which it differs.
    pub changed: u64,
    /// Rows in which it differs by no more than its tolerance.
    pub within_tolerance: u64,
}

/// What reading the differing keys of two live databases again gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecheckReport {
    /// Times they were read again.
    pub rounds: u32,
    /// Time spent waiting and reading.
    pub elapsed: Duration,
    /// Keys that were equal at some later moment.
    pub converged: u64,
    /// Keys that stayed different with the same values.
    pub persistent: u64,
    /// Keys still different whose values kept changing.
    pub moving: u64,
    /// Differing keys that were not read again because there were too many.
    pub unchecked: u64,
}

/// Where the parts of a result come from that was put together over several runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Assembly {
    /// Key ranges in all.
    pub parts: u64,
    /// Key ranges taken over from earlier runs.
    pub resumed_parts: u64,
    /// Snapshots the parts were read in, those of earlier runs included.
    pub snapshots: u64,
}

/// The result of [`compare`](super::compare()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// `Proven` only if every column of every row was compared and is the same, and no tolerance hid a difference.
    pub verdict: Verdict,
    /// Whether no difference was found beyond what was declared as ignored or tolerated. Weaker than `Proven`.
    pub equal_as_declared: bool,
    /// The left side.
    pub left: SideReport,
    /// The right side.
    pub right: SideReport,
    /// How rows were brought together.
    pub mode: Mode,
    /// Why in this way.
    pub mode_reason: String,
    /// Key columns by their left names; empty without a key.
    pub key: Vec<String>,
    /// Whether a unique index on each side proves the key.
    pub key_proven_unique: bool,
    /// The columns compared: those of the key first.
    pub columns: Vec<ComparedColumn>,
    /// The columns left out as declared.
    pub ignored: Vec<IgnoredColumn>,
    /// Differences between the columns themselves.
    pub schema: Vec<SchemaDifference>,
    /// What else a reader has to know.
    pub notes: Vec<String>,
    /// Rows by what became of them, exact even when the list is cut.
    pub totals: Totals,
    /// Changed rows per column, only those that have any.
    pub by_column: Vec<ColumnCount>,
    /// The first differences in key order.
    pub differences: Vec<Difference>,
    /// Whether there are more differences than listed.
    pub truncated: bool,
    /// Why the figures are incomplete, where a part could not be read.
    pub unfinished: Vec<String>,
    /// Reading again, where two live databases differed.
    pub recheck: Option<RecheckReport>,
    /// Where the parts come from.
    pub assembly: Assembly,
    /// Wall time of this run.
    pub elapsed: Duration,
}

/// How far a comparison has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Key ranges finished.
    pub parts_done: u64,
    /// Key ranges in all.
    pub parts: u64,
    /// Rows of the left side read so far, as far as known.
    pub left_rows: u64,
    /// Rows of the right side read so far, as far as known.
    pub right_rows: u64,
    /// Differences found so far.
    pub differences: u64,
}

/// Sees a comparison while it runs. Every method has a default that does nothing.
pub trait Observer: Send {
    /// Called once before the first difference: what will be compared.
    ///
    /// # Errors
    /// Stops the comparison.
    fn started(&mut self, plan: &PlanView<'_>) -> std::io::Result<()> {
        let _ = plan;
        Ok(())
    }

    /// Called for every difference, however many are listed in the result. Key ranges are read at the same time, so the
    /// order holds only within a range.
    ///
    /// # Errors
    /// Stops the comparison.
    fn difference(&mut self, difference: &Difference) -> std::io::Result<()> {
        let _ = difference;
        Ok(())
    }

    /// Called now and then.
    fn progress(&mut self, progress: Progress) {
        let _ = progress;
    }
}

/// Sees nothing.
impl Observer for () {}

/// What will be compared, known before the first row is read.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PlanView<'a> {
    /// How rows are brought together.
    pub mode: Mode,
    /// Key columns by their left names.
    pub key: &'a [String],
    /// The columns compared: those of the key first.
    pub columns: &'a [ComparedColumn],
    /// Key ranges in all.
    pub parts: u64,
}
