//! What the differences of a comparison have in common, and where they lie.
//!
//! 240 lines of old and new values tell a person little; "10 rows: +1 µs in `ingested_at`" tells the cause. Every changed value is
//! given exactly one [`Kind`], and is counted in the group of its column and kind.
//!
//! ```
//! use nba_db::compare::{CellChange, Change, ComparedColumn, Difference};
//! use nba_db::compare::explain::Explainer;
//!
//! let mut explainer = Explainer::new(
//!     &["game_id".to_owned()],
//!     &[ComparedColumn::exact("game_id", "text"), ComparedColumn::exact("points", "integer")],
//! );
//! let cell = CellChange { column: "points".into(), old: None, new: Some("0".into()) };
//! explainer.observe(&Difference {
//!     key: vec![Some("401360001".into())],
//!     what: Change::Changed { cells: vec![cell] },
//!     repeated: None,
//! });
//! assert_eq!(explainer.finish().groups[0].to_string(), "1 row: NULL became 0 in `points`");
//! ```

mod cell;
mod json;
mod kind;
mod moment;
mod number;
mod place;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;
use std::fmt;

use nba_utils::format::thousands;
use serde::{Deserialize, Serialize};

use self::cell::Family;
pub use self::kind::{Blank, Kind, Spot, UnicodeForm};
pub use self::place::{Place, RowCounts, Spread};
use self::place::{PlaceCounter, RangeCounter};
use super::outcome::{Change, ComparedColumn, Difference};

/// Kinds told apart in one column; amounts of which there are more are counted together.
const MOST_KINDS: usize = 24;
/// Characters of an example that are kept.
const EXAMPLE: usize = 200;

/// One changed value, as an example of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Example {
    /// Exact texts of the key columns.
    pub key: Vec<Option<String>>,
    /// The left value, cut to 200 characters; `None` is NULL.
    pub old: Option<String>,
    /// The right value, cut to 200 characters; `None` is NULL.
    pub new: Option<String>,
}

/// Changed rows whose value in one column changed in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// Rows.
    pub rows: u64,
    /// Column, by its left name.
    pub column: String,
    /// In which way.
    #[serde(flatten)]
    pub kind: Kind,
    /// The first of them.
    pub example: Example,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} in `{}`", rows(self.rows), self.kind, self.column)
    }
}

/// What differences have in common, and where they lie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// All differing rows.
    pub rows: RowCounts,
    /// Changed values by column and kind, the largest group first. A row with three changed values is in three groups.
    pub groups: Vec<Group>,
    /// Whether a column had so many different amounts that rare ones were counted together, as "various".
    pub rare_together: bool,
    /// By season, where a column tells it.
    pub seasons: Option<Spread>,
    /// By month of the game, where a column tells it.
    pub months: Option<Spread>,
    /// By ranges of the first key column.
    pub key_ranges: Option<Spread>,
}

/// Explains differences one at a time, in memory that does not grow with their number.
#[derive(Debug)]
pub struct Explainer {
    key: Vec<String>,
    families: HashMap<String, Family>,
    rows: RowCounts,
    columns: HashMap<String, HashMap<Kind, (u64, Example)>>,
    rare_together: bool,
    seasons: Option<PlaceCounter>,
    months: Option<PlaceCounter>,
    key_ranges: Option<RangeCounter>,
}

impl Explainer {
    /// For rows with this key (left names) and these columns, both as in
    /// [`PlanView`](super::PlanView) and [`Comparison`](super::Comparison).
    #[must_use]
    pub fn new(key: &[String], columns: &[ComparedColumn]) -> Self {
        Self {
            key: key.to_vec(),
            families: columns
                .iter()
                .map(|column| (column.left.clone(), Family::of(column)))
                .collect(),
            rows: RowCounts::default(),
            columns: HashMap::new(),
            rare_together: false,
            seasons: PlaceCounter::season(columns),
            months: PlaceCounter::month(columns),
            key_ranges: key.first().map(|column| RangeCounter::new(column)),
        }
    }

    /// Counts one difference.
    pub fn observe(&mut self, difference: &Difference) {
        self.rows.count(&difference.what);
        for places in [&mut self.seasons, &mut self.months].into_iter().flatten() {
            places.count(difference, &self.key);
        }
        if let Some(ranges) = &mut self.key_ranges {
            ranges.count(difference);
        }
        let Change::Changed { cells } = &difference.what else {
            return;
        };
        let families: Vec<Family> = cells
            .iter()
            .map(|cell| {
                let known = self.families.get(&cell.column);
                known.copied().unwrap_or(Family::Text)
            })
            .collect();
        let kinds = cell::classify_row(&families, cells);
        for (cell, kind) in cells.iter().zip(kinds) {
            let groups = self.columns.entry(cell.column.clone()).or_default();
            if let Some((rows, _)) = groups.get_mut(&kind) {
                *rows += 1;
                continue;
            }
            let example = Example {
                key: difference.key.clone(),
                old: cell.old.as_deref().map(shortened),
                new: cell.new.as_deref().map(shortened),
            };
            groups.insert(kind, (1, example));
            if groups.len() > MOST_KINDS {
                self.rare_together |= put_rare_together(groups);
            }
        }
    }

    /// The explanation of everything that was observed.
    #[must_use]
    pub fn finish(self) -> Explanation {
        let mut groups: Vec<Group> = self
            .columns
            .into_iter()
            .flat_map(|(column, kinds)| {
                kinds.into_iter().map(move |(kind, (rows, example))| Group {
                    rows,
                    column: column.clone(),
                    kind,
                    example,
                })
            })
            .collect();
        groups.sort_by(|left, right| {
            let order = |group: &Group| (std::cmp::Reverse(group.rows), group.column.clone());
            order(left)
                .cmp(&order(right))
                .then_with(|| left.kind.cmp(&right.kind))
        });
        Explanation {
            rows: self.rows,
            groups,
            rare_together: self.rare_together,
            seasons: self.seasons.map(PlaceCounter::finish),
            months: self.months.map(PlaceCounter::finish),
            key_ranges: self.key_ranges.map(RangeCounter::finish),
        }
    }
}

/// `1 row`, `1,204 rows`.
pub(in crate::compare) fn rows(number: u64) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} row{plural}", thousands(number))
}

/// Moves the smallest group that has a general form into it. Whether there was one.
fn put_rare_together(groups: &mut HashMap<Kind, (u64, Example)>) -> bool {
    let smallest = groups
        .iter()
        .filter(|(kind, _)| kind.general() != **kind)
        .min_by_key(|(kind, (rows, _))| (*rows, (*kind).clone()))
        .map(|(kind, _)| kind.clone());
    let Some(kind) = smallest else {
        return false;
    };
    if let Some((rows, example)) = groups.remove(&kind) {
        groups.entry(kind.general()).or_insert((0, example)).0 += rows;
    }
    true
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXAMPLE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
