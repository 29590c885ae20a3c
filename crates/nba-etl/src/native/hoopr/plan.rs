//! Which column of a file fills which column of the table, and how.

use std::collections::BTreeSet;

use serde::Serialize;

use super::cell::{self, Kind, Manner, Value};
use super::facts::{Dtype, Seen};
use super::source::{Cell, Form};
use super::{Divergence, Mode, ReadError, Table};

/// Which of the two tables of one name it is (ETL dossier 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// All columns of the source, under their names: RDS.
    Wide,
    /// A choice of them, renamed: the local database.
    Narrow,
}

/// The narrow generation of one table.
pub(super) struct Narrow {
    /// A column that the wide generation does not have.
    pub(super) mark: &'static str,
    /// Source and target, in the legacy loader's order.
    pub(super) renames: &'static [(&'static str, &'static str)],
    /// Shares: target, made, attempted.
    pub(super) ratios: &'static [(&'static str, &'static str, &'static str)],
    /// The legacy loader copies the shares from the source (per cent there) instead of computing them.
    pub(super) copied_ratios: bool,
}

/// Texts that are numbers: ids, and what pandas turns into `38.0`.
const DIGITS: [&str; 6] = [
    "game_id",
    "team_id",
    "player_id",
    "home_team_id",
    "away_team_id",
    "minutes",
];

/// What fills a column.
#[derive(Debug, Clone)]
enum From {
    /// A cell, by its place among the wanted ones.
    Cell(usize),
    /// Made over attempted; NULL for no attempt.
    Ratio(usize, usize),
    /// The season in the file's name.
    Season(i64),
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    from: From,
    manner: Manner,
    /// A missing value is false, not NULL: `starter`.
    else_false: bool,
}

/// How one file fills the table.
#[derive(Debug, Clone)]
pub(super) struct FilePlan {
    pub(super) generation: Generation,
    pub(super) form: Form,
    /// Columns of the file that are read, by their place.
    pub(super) wanted: Vec<usize>,
    columns: Vec<Column>,
    /// Where the plan itself is not the legacy loader's.
    pub(super) divergences: BTreeSet<Divergence>,
}

impl FilePlan {
    pub(super) fn new(
        narrow: &Narrow,
        form: Form,
        source: &[String],
        target: &[(String, Kind)],
        name: &str,
        mode: Mode,
    ) -> Result<FilePlan, ReadError> {
        let generation = if target.iter().any(|(column, _)| column == narrow.mark) {
            Generation::Narrow
        } else {
            Generation::Wide
        };
        let mut plan = FilePlan {
            generation,
            form,
            wanted: Vec::new(),
            columns: Vec::new(),
            divergences: BTreeSet::new(),
        };
        match generation {
            Generation::Wide => plan.widen(source, target, mode)?,
            Generation::Narrow => plan.narrow(narrow, source, target, name, mode)?,
        }
        if plan.columns.is_empty() {
            return Err(ReadError::new("none of its columns is one of the table"));
        }
        Ok(plan)
    }

    /// Every column under its own name, whose case the database folded (`PBP`).
    fn widen(
        &mut self,
        source: &[String],
        target: &[(String, Kind)],
        mode: Mode,
    ) -> Result<(), ReadError> {
        for (at, name) in source.iter().enumerate() {
            let folded = name.to_lowercase();
            let Some((column, kind)) = target.iter().find(|(column, _)| *column == folded) else {
                if mode == Mode::Compat {
                    return Err(ReadError::new(format!(
                        "the table has no column `{folded}`"
                    )));
                }
                self.divergences.insert(Divergence::HooprNewColumn);
                continue;
            };
            if self.columns.iter().any(|known| known.name == *column) {
                return Err(ReadError::new(format!("column `{folded}` is there twice")));
            }
            let from = self.want(at);
            self.push(column, from, *kind, mode);
        }
        Ok(())
    }

    fn narrow(
        &mut self,
        narrow: &Narrow,
        source: &[String],
        target: &[(String, Kind)],
        name: &str,
        mode: Mode,
    ) -> Result<(), ReadError> {
        let place = |wanted: &str| {
            source
                .iter()
                .position(|column| column.to_lowercase().replace([' ', '.'], "_") == wanted)
        };
        let kind_of = |wanted: &str| {
            target
                .iter()
                .find(|(column, _)| column == wanted)
                .map(|(_, kind)| *kind)
        };
        for (from, to) in narrow.renames {
            let (Some(at), Some(kind)) = (place(from), kind_of(to)) else {
                continue;
            };
            let share = narrow.ratios.iter().any(|(share, ..)| share == to);
            if share && mode == Mode::Correct {
                continue;
            }
            if let Some(twice) = self.columns.iter_mut().find(|known| known.name == *to) {
                match mode {
                    // The statement names a column twice, and every season fails (ETL dossier 3.4).
                    Mode::Compat => {
                        return Err(ReadError::new(format!("`{to}` is named twice")));
                    }
                    Mode::Correct => {
                        self.divergences.insert(Divergence::HooprTwice);
                        if from == to {
                            let place = self.wanted.len();
                            self.wanted.push(at);
                            twice.from = From::Cell(place);
                        }
                        continue;
                    }
                }
            }
            let from = self.want(at);
            self.push(to, from, kind, mode);
        }
        if !(narrow.copied_ratios && mode == Mode::Compat) {
            for (share, made, attempted) in narrow.ratios {
                let (Some(made), Some(attempted), Some(kind)) =
                    (place(made), place(attempted), kind_of(share))
                else {
                    continue;
                };
                let (made, attempted) = (self.place_of(made), self.place_of(attempted));
                self.push(share, From::Ratio(made, attempted), kind, mode);
                if narrow.copied_ratios {
                    self.divergences.insert(Divergence::HooprShares);
                }
            }
        }
        if !self.columns.iter().any(|column| column.name == "season") {
            let Some(season) = season_of(name) else {
                return Err(ReadError::new(
                    "it has no column `season`, and no year in its name",
                ));
            };
            if let Some(kind) = kind_of("season") {
                self.push("season", From::Season(season), kind, mode);
            }
        } else if mode == Mode::Compat && season_of(name).is_none() {
            return Err(ReadError::new("there is no year in its name"));
        }
        Ok(())
    }

    fn want(&mut self, at: usize) -> From {
        From::Cell(self.place_of(at))
    }

    fn place_of(&mut self, at: usize) -> usize {
        if let Some(place) = self.wanted.iter().position(|wanted| *wanted == at) {
            return place;
        }
        self.wanted.push(at);
        self.wanted.len() - 1
    }

    fn push(&mut self, name: &str, from: From, kind: Kind, mode: Mode) {
        let narrow = self.generation == Generation::Narrow;
        self.columns.push(Column {
            name: name.to_owned(),
            from,
            manner: Manner {
                mode,
                kind,
                digits: narrow && DIGITS.contains(&name),
                dtype: (self.form == Form::Csv).then_some(Dtype::Object),
            },
            else_false: narrow && name == "starter" && kind == Kind::Truth,
        });
    }

    /// The table's columns that are filled, in the order of the values.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Where these columns are among the values.
    pub(super) fn places(&self, names: &[String]) -> impl Iterator<Item = usize> {
        names
            .iter()
            .filter_map(|name| self.columns().position(|column| column == name))
    }

    /// Columns without which a row is put aside: those of its key. The legacy loader of `hoopr_player_box` leaves rows without their ids
    /// out, too (ETL dossier 3.4).
    pub(super) fn needed(&self, table: Table, key: &[String], mode: Mode) -> Vec<String> {
        match mode {
            Mode::Correct => key.to_vec(),
            Mode::Compat if table == Table::PlayerBox && self.generation == Generation::Narrow => {
                vec!["game_id".to_owned(), "player_id".to_owned()]
            }
            Mode::Compat => Vec::new(),
        }
    }

    /// What it is called that a row without its key is put aside, where the legacy loader stores it.
    pub(super) fn keyless(&self, table: Table) -> Option<Divergence> {
        let both = table == Table::PlayerBox && self.generation == Generation::Narrow;
        (!both).then_some(Divergence::HooprKeyless)
    }

    /// Takes the columns for what pandas takes them.
    pub(super) fn follow(&mut self, seen: &[Seen]) {
        for column in &mut self.columns {
            if let From::Cell(place) = column.from
                && let Some(seen) = seen.get(place)
            {
                column.manner.dtype = Some(seen.dtype());
            }
        }
    }

    /// Where pandas would have taken a word for nothing, or spoilt texts of numbers.
    pub(super) fn unlike_pandas(&self, seen: &[Seen]) -> BTreeSet<Divergence> {
        let words = self.columns.iter().any(|column| match column.from {
            From::Cell(place) => {
                matches!(column.manner.kind, Kind::Text(_))
                    && seen.get(place).is_some_and(|seen| seen.has_words())
            }
            _ => false,
        });
        let spoilt = self.columns.iter().any(|column| match column.from {
            From::Cell(place) => {
                column.manner.digits
                    && matches!(column.manner.kind, Kind::Text(_))
                    && column.manner.dtype.is_some()
                    && seen
                        .get(place)
                        .is_some_and(|seen| seen.dtype() == Dtype::Real && seen.has_values())
            }
            _ => false,
        });
        let words = words.then_some(Divergence::HooprWords);
        let spoilt = spoilt.then_some(Divergence::HooprFloatIds);
        words.into_iter().chain(spoilt).collect()
    }

    /// The values of a row.
    ///
    /// # Errors
    ///
    /// The first cell that does not fit, with its column.
    pub(super) fn values<'a>(&self, cells: &[Cell<'a>]) -> Result<Vec<Value<'a>>, String> {
        let cell = |place: usize| cells.get(place).copied().unwrap_or(Cell::Null);
        self.columns
            .iter()
            .map(|column| {
                let of = |cell: Cell<'a>, manner: &Manner| {
                    cell::value(cell, manner)
                        .map_err(|reason| format!("`{}` {reason}", column.name))
                };
                match column.from {
                    From::Cell(place) => {
                        let value = of(cell(place), &column.manner)?;
                        Ok(match value {
                            Value::Null if column.else_false => Value::Truth(false),
                            value => value,
                        })
                    }
                    From::Season(season) => of(Cell::Whole(season), &column.manner),
                    From::Ratio(made, attempted) => {
                        let count = Manner {
                            kind: Kind::Double,
                            ..column.manner
                        };
                        let number = |place| {
                            of(cell(place), &count).map(|value| match value {
                                Value::Real(value) => Some(value),
                                Value::Whole(value) => i32::try_from(value).ok().map(f64::from),
                                _ => None,
                            })
                        };
                        match (number(made)?, number(attempted)?) {
                            (Some(made), Some(attempted)) if attempted != 0.0 => {
                                of(Cell::Real(made / attempted), &column.manner)
                            }
                            _ => Ok(Value::Null),
                        }
                    }
                }
            })
            .collect()
    }
}

/// The first four digits in a file's name.
pub(super) fn season_of(name: &str) -> Option<i64> {
    name.as_bytes()
        .windows(4)
        .find(|window| window.iter().all(u8::is_ascii_digit))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
}
