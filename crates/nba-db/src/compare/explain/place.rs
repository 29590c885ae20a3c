//! Where differences lie: seasons, months, ranges of the key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compare::{Change, ComparedColumn, Difference};

/// Seasons or months told apart; a platform with more of them than a century has is counted together beyond.
const MOST_PLACES: usize = 1_300;
/// Ranges of the key that are told.
const RANGES: usize = 10;
/// Ranges kept while counting: more than are told, so that the last gaps closed are the smallest.
const FINE_RANGES: usize = 200;

/// Names of columns with the season, the likeliest first.
const SEASONS: [&str; 5] = [
    "season",
    "season_year",
    "season_id",
    "season_start",
    "game_season",
];
/// Names of columns with the time of a game, the likeliest first.
const DATES: [&str; 7] = [
    "game_date",
    "game_time",
    "game_datetime",
    "date",
    "event_time",
    "event_timestamp",
    "start_time",
];

/// Rows by what became of them, at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowCounts {
    /// Rows only on the left.
    pub missing: u64,
    /// Rows only on the right.
    pub added: u64,
    /// Rows with other values.
    pub changed: u64,
}

impl RowCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.missing + self.added + self.changed
    }

    pub(super) fn count(&mut self, change: &Change) {
        match change {
            Change::Missing { .. } => self.missing += 1,
            Change::Added { .. } => self.added += 1,
            Change::Changed { .. } => self.changed += 1,
        }
    }

    fn add(&mut self, other: Self) {
        self.missing += other.missing;
        self.added += other.added;
        self.changed += other.changed;
    }
}

/// Differing rows at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// The season or month, or the first key of a range; `None` is NULL.
    pub from: Option<String>,
    /// The last key of a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The rows.
    #[serde(flatten)]
    pub rows: RowCounts,
}

/// How the differing rows are spread over the values of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spread {
    /// The column.
    pub column: String,
    /// In the order of the values.
    pub places: Vec<Place>,
    /// Rows of which the value is not known, or beyond the places that are told apart.
    #[serde(default)]
    pub elsewhere: RowCounts,
}

/// Counts rows by the value of a column, or the start of it.
#[derive(Debug)]
pub(super) struct PlaceCounter {
    at: usize,
    column: String,
    // Characters of the value that count: the year and month of a date.
    prefix: Option<usize>,
    places: BTreeMap<Option<String>, RowCounts>,
    elsewhere: RowCounts,
}

impl PlaceCounter {
    pub(super) fn season(columns: &[ComparedColumn]) -> Option<Self> {
        let at = named(columns, &SEASONS, |_| true)?;
        Some(Self::new(columns, at, None))
    }

    pub(super) fn month(columns: &[ComparedColumn]) -> Option<Self> {
        let is_time = |column: &ComparedColumn| {
            column.left_type == "date" || column.left_type.starts_with("timestamp")
        };
        let at = named(columns, &DATES, is_time).or_else(|| {
            // Any other time, but not the time of a write.
            columns
                .iter()
                .position(|column| is_time(column) && !column.left.ends_with("_at"))
        })?;
        Some(Self::new(columns, at, Some("2025-10".len())))
    }

    fn new(columns: &[ComparedColumn], at: usize, prefix: Option<usize>) -> Self {
        Self {
            at,
            column: columns
                .get(at)
                .map(|column| column.left.clone())
                .unwrap_or_default(),
            prefix,
            places: BTreeMap::new(),
            elsewhere: RowCounts::default(),
        }
    }

    pub(super) fn count(&mut self, difference: &Difference, key: &[String]) {
        let Some(value) = value(difference, key, &self.column, self.at) else {
            self.elsewhere.count(&difference.what);
            return;
        };
        let place = value.map(|value| match self.prefix {
            Some(length) => value.get(..length).unwrap_or(value),
            None => value,
        });
        let place = place.map(str::to_owned);
        if self.places.len() >= MOST_PLACES && !self.places.contains_key(&place) {
            self.elsewhere.count(&difference.what);
        } else {
            self.places
                .entry(place)
                .or_default()
                .count(&difference.what);
        }
    }

    pub(super) fn finish(self) -> Spread {
        Spread {
            column: self.column,
            places: self
                .places
                .into_iter()
                .map(|(from, rows)| Place {
                    from,
                    to: None,
                    rows,
                })
                .collect(),
            elsewhere: self.elsewhere,
        }
    }
}

fn named(
    columns: &[ComparedColumn],
    names: &[&str],
    fits: impl Fn(&ComparedColumn) -> bool,
) -> Option<usize> {
    names.iter().find_map(|name| {
        columns
            .iter()
            .position(|column| column.left == *name && fits(column))
    })
}

/// The value of a column in a differing row: on the left, where the row is there. `None` if it was not told.
fn value<'a>(
    difference: &'a Difference,
    key: &[String],
    column: &str,
    at: usize,
) -> Option<Option<&'a str>> {
    if let Some(position) = key.iter().position(|name| name == column) {
        return difference.key.get(position).map(Option::as_deref);
    }
    match &difference.what {
        Change::Missing { values } | Change::Added { values } => {
            values.get(at).map(Option::as_deref)
        }
        Change::Changed { cells } => cells
            .iter()
            .find(|cell| cell.column == column)
            .map(|cell| cell.old.as_deref()),
    }
}

/// A key by which rows are ordered: whole numbers by value, everything else by text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Number(i128),
    Text(String),
    Null,
}

impl Point {
    fn parse(value: Option<&str>) -> Self {
        let Some(value) = value else {
            return Self::Null;
        };
        match value.parse() {
            // A text with leading zeros is an identifier and sorts as text.
            Ok(number) if !value.starts_with(['0', '+']) || value == "0" => Self::Number(number),
            _ => Self::Text(value.to_owned()),
        }
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text),
            Self::Null => None,
        }
    }

    /// How far it is to a larger point; only compared with other distances.
    fn distance(&self, larger: &Self) -> u128 {
        match (self, larger) {
            (Self::Number(from), Self::Number(to)) => to.abs_diff(*from),
            (Self::Text(from), Self::Text(to)) => {
                let common = from
                    .bytes()
                    .zip(to.bytes())
                    .take_while(|(left, right)| left == right)
                    .count();
                // The earlier they part, the further apart.
                let digit = |text: &str| text.as_bytes().get(common).copied().unwrap_or(0);
                let step = u128::from(digit(to).abs_diff(digit(from)));
                step << (8 * 14_usize.saturating_sub(common))
            }
            _ => u128::MAX,
        }
    }
}

/// Counts rows in a bounded number of ranges, which close the smallest gaps first.
#[derive(Debug)]
pub(super) struct RangeCounter {
    column: String,
    // First key of a range, to its last key and its rows.
    ranges: BTreeMap<Point, (Point, RowCounts)>,
}

impl RangeCounter {
    pub(super) fn new(column: &str) -> Self {
        Self {
            column: column.to_owned(),
            ranges: BTreeMap::new(),
        }
    }

    pub(super) fn count(&mut self, difference: &Difference) {
        let point = Point::parse(difference.key.first().and_then(Option::as_deref));
        let mut rows = RowCounts::default();
        rows.count(&difference.what);
        if let Some((_, (last, counts))) = self.ranges.range_mut(..=&point).next_back()
            && *last >= point
        {
            counts.add(rows);
            return;
        }
        self.ranges.insert(point.clone(), (point, rows));
        if self.ranges.len() > FINE_RANGES {
            self.close_gap();
        }
    }

    /// Joins the two ranges with the smallest gap between them.
    fn close_gap(&mut self) {
        let ranges = self.ranges.iter();
        let smallest = ranges
            .clone()
            .zip(ranges.skip(1))
            .min_by_key(|((_, (last, _)), (first, _))| last.distance(first))
            .map(|((left, _), (right, _))| (left.clone(), right.clone()));
        if let Some((left, right)) = smallest
            && let Some((last, rows)) = self.ranges.remove(&right)
            && let Some(joined) = self.ranges.get_mut(&left)
        {
            joined.0 = last;
            joined.1.add(rows);
        }
    }

    pub(super) fn finish(mut self) -> Spread {
        while self.ranges.len() > RANGES {
            self.close_gap();
        }
        Spread {
            column: self.column,
            places: self
                .ranges
                .into_iter()
                .map(|(from, (to, rows))| Place {
                    from: from.text(),
                    to: to.text(),
                    rows,
                })
                .collect(),
            elsewhere: RowCounts::default(),
        }
    }
}
