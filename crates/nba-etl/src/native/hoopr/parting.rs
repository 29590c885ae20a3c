//! Where the two modes of a hoopR port part: row by row, from the season files alone.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use nba_db::{Database, DbError};

use super::cell::{Kind, Value};
use super::plan::FilePlan;
use super::source::{Cell, for_each_row};
use super::{Divergence, Generation, Mode, Order, ReadError, Table, columns_of, options};
use crate::native::parting::{NO_VALUE, Parting, Partings};

/// One of the four tables as a database has it.
#[derive(Debug, Clone)]
pub struct Target {
    table: Table,
    generation: Generation,
    columns: Vec<(String, Kind)>,
}

impl Target {
    /// Looks at the table in `public`.
    ///
    /// # Errors
    ///
    /// What the database says, also where there is no such table.
    pub async fn of(db: &Database, table: Table) -> Result<Target, DbError> {
        let columns = columns_of(db, &options(table, Mode::Compat).table).await?;
        Ok(Target::made(table, columns))
    }

    fn made(table: Table, columns: Vec<(String, Kind)>) -> Target {
        let mark = table.spec().narrow.mark;
        let narrow = columns.iter().any(|(column, _)| column == mark);
        let generation = if narrow {
            Generation::Narrow
        } else {
            Generation::Wide
        };
        Target {
            table,
            generation,
            columns,
        }
    }

    #[cfg(test)]
    pub(super) fn with(table: Table, columns: &[(&str, Kind)]) -> Target {
        let columns = columns.iter();
        let columns = columns.map(|(name, kind)| ((*name).to_owned(), *kind));
        Target::made(table, columns.collect())
    }

    /// Which of the two generations it is.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The columns that tell its rows apart, which correct mode asks a unique key for.
    #[must_use]
    pub fn key(&self) -> &'static [&'static str] {
        let keys = self.table.spec().keys[match self.generation {
            Generation::Wide => 0,
            Generation::Narrow => 1,
        }];
        let there = |wanted: &&str| self.columns.iter().any(|(column, _)| column == wanted);
        keys.iter()
            .find(|key| key.iter().all(there))
            .copied()
            .unwrap_or(&[])
    }

    /// The columns that no file fills: the number of the row and the time of loading, in the narrow generation.
    #[must_use]
    pub fn filled_by_itself(&self) -> Vec<&str> {
        if self.generation == Generation::Wide {
            return Vec::new();
        }
        let narrow = &self.table.spec().narrow;
        let of_file = |name: &str| {
            name == "season"
                || narrow.renames.iter().any(|(_, to)| *to == name)
                || narrow.ratios.iter().any(|(share, ..)| *share == name)
        };
        self.columns
            .iter()
            .map(|(column, _)| column.as_str())
            .filter(|column| !of_file(column))
            .collect()
    }

    fn order(&self, file: &SeasonFile, mode: Mode) -> Order {
        Order {
            path: file.path.clone(),
            name: file.key.rsplit('/').next().unwrap_or(&file.key).to_owned(),
            key: file.key.clone(),
            table: self.table,
            mode,
            target: self.columns.clone(),
        }
    }

    fn kind(&self, wanted: &str) -> Option<Kind> {
        let mut columns = self.columns.iter();
        columns
            .find(|(column, _)| column == wanted)
            .map(|(_, kind)| *kind)
    }

    /// Why the two modes have another value for a cell; `None` where nothing is known that would.
    fn reason(&self, column: &str, theirs: Option<&str>, ours: Option<&str>) -> Option<Divergence> {
        let narrow = &self.table.spec().narrow;
        let share = narrow.ratios.iter().any(|(share, ..)| *share == column);
        if share && narrow.copied_ratios && self.generation == Generation::Narrow {
            return Some(Divergence::HooprShares);
        }
        match (self.kind(column)?, theirs, ours) {
            (Kind::Text(_), Some(_), Some(_)) => Some(Divergence::HooprFloatIds),
            (Kind::Text(_), None, Some(_)) => Some(Divergence::HooprWords),
            _ => None,
        }
    }
}

/// A season's file, and the name by which it is known.
#[derive(Debug, Clone)]
pub struct SeasonFile {
    /// Its key in the lake.
    pub key: String,
    /// Where it is on this machine.
    pub path: PathBuf,
}

/// Reads the files in both modes, in the order in which they are loaded, and tells where the two part. Blocks.
///
/// A file that correct mode cannot read at all parts nowhere: nothing explains what is missing then.
#[must_use]
pub fn partings(target: &Target, files: &[SeasonFile]) -> Partings {
    let mut found = Gathered::default();
    for file in files {
        // Of a file that cannot be read nothing is explained; the port's account has the reason.
        let _ = found.add(target, file);
    }
    found.finish()
}

/// A row as correct mode has it.
struct Row {
    values: Vec<Option<String>>,
    parting: Parting,
}

#[derive(Default)]
struct Gathered {
    columns: Vec<Cow<'static, str>>,
    rows: BTreeMap<Vec<String>, Row>,
    /// Keys under which only the script has rows.
    left_out: BTreeMap<Vec<String>, Divergence>,
    repeated: BTreeSet<Vec<String>>,
}

/// How the script would have read a file: not at all, for a reason that may have a name, or so.
type Script = Result<FilePlan, Option<Divergence>>;

impl Gathered {
    fn add(&mut self, target: &Target, file: &SeasonFile) -> Result<(), ReadError> {
        let order = target.order(file, Mode::Correct);
        let plan = order.plan()?;
        let script = script(&target.order(file, Mode::Compat), &plan);
        let mut wanted = plan.wanted.clone();
        for at in script.iter().flat_map(|script| &script.wanted) {
            if !wanted.contains(at) {
                wanted.push(*at);
            }
        }
        let names: Vec<Cow<'static, str>> =
            plan.columns().map(|name| name.to_owned().into()).collect();
        self.columns.clone_from(&names);
        let reading = Reading {
            target,
            plan: &plan,
            script: &script,
            own: places(&plan, &wanted),
            theirs: script
                .as_ref()
                .map(|script| places(script, &wanted))
                .unwrap_or_default(),
            names,
        };
        for_each_row(&order.path, plan.form, &wanted, &mut |_, cells| {
            if let Ok(cells) = cells {
                self.row(&reading, cells);
            }
            Ok(())
        })
    }

    fn row(&mut self, reading: &Reading<'_>, cells: &[Cell<'_>]) {
        let Some(ours) = reading.values(reading.plan, &reading.own, cells) else {
            return;
        };
        let theirs = match reading.script {
            Ok(script) => reading.values(script, &reading.theirs, cells),
            Err(_) => None,
        };
        let key = reading.key(reading.plan, &ours);
        if key.iter().any(|part| part == NO_VALUE) {
            if let (Ok(script), Some(theirs)) = (reading.script, &theirs) {
                let key = reading.key(script, theirs);
                self.left_out.insert(key, Divergence::HooprKeyless);
            }
            return;
        }
        let mut parting = Parting::default();
        match (reading.script, &theirs) {
            (Err(reason), _) => {
                parting.added = reason.map(|reason| (BTreeSet::from([reason]), ours.clone()));
            }
            (Ok(script), Some(theirs)) => {
                let differing = reading.differing(script, theirs, &ours);
                let their_key = reading.key(script, theirs);
                if their_key == key {
                    parting.cells = differing;
                } else {
                    let reasons = differing.into_values().flat_map(|(reasons, _)| reasons);
                    let reasons: BTreeSet<Divergence> = reasons.collect();
                    if let Some(reason) = reasons.first() {
                        self.left_out.insert(their_key, *reason);
                        parting.added = Some((reasons, ours.clone()));
                    }
                }
            }
            // The script has no such row, and lost no file.
            (Ok(_), None) => {}
        }
        match self.rows.entry(key) {
            Entry::Occupied(row) => {
                self.repeated.insert(row.key().clone());
            }
            Entry::Vacant(place) => {
                place.insert(Row {
                    values: ours,
                    parting,
                });
            }
        }
    }

    fn finish(mut self) -> Partings {
        for key in &self.repeated {
            let Some(row) = self.rows.get_mut(key) else {
                continue;
            };
            // Which of the script's rows the port's one is held against is a guess: any cell of it may differ.
            row.parting.repeated = Some(Divergence::HooprDouble);
            for (column, value) in self.columns.iter().zip(&row.values) {
                let (reasons, _) = row
                    .parting
                    .cells
                    .entry(column.clone())
                    .or_insert_with(|| (BTreeSet::new(), value.clone()));
                reasons.insert(Divergence::HooprDouble);
            }
        }
        let mut rows: BTreeMap<Vec<String>, Parting> = self
            .rows
            .into_iter()
            .filter(|(_, row)| row.parting != Parting::default())
            .map(|(key, row)| (key, row.parting))
            .collect();
        for (key, divergence) in self.left_out {
            rows.entry(key).or_default().left_out = Some(divergence);
        }
        Partings::of_rows(rows, self.columns)
    }
}

/// Both ways to read one file.
struct Reading<'r> {
    target: &'r Target,
    plan: &'r FilePlan,
    script: &'r Script,
    /// Where the cells that each plan wants are among those that are read.
    own: Vec<usize>,
    theirs: Vec<usize>,
    names: Vec<Cow<'static, str>>,
}

impl Reading<'_> {
    fn values(
        &self,
        plan: &FilePlan,
        places: &[usize],
        cells: &[Cell<'_>],
    ) -> Option<Vec<Option<String>>> {
        let cells: Vec<Cell<'_>> = places
            .iter()
            .map(|&at| cells.get(at).copied().unwrap_or(Cell::Null))
            .collect();
        let values = plan.values(&cells).ok()?;
        Some(values.iter().map(Value::said).collect())
    }

    fn key(&self, plan: &FilePlan, values: &[Option<String>]) -> Vec<String> {
        let at = |wanted: &str| plan.columns().position(|name| name == wanted);
        let key = self.target.key().iter();
        key.map(|wanted| {
            at(wanted)
                .and_then(|at| values.get(at).cloned().flatten())
                .unwrap_or_else(|| NO_VALUE.to_owned())
        })
        .collect()
    }

    /// The cells in which the two part, as far as that has a name.
    fn differing(
        &self,
        script: &FilePlan,
        theirs: &[Option<String>],
        ours: &[Option<String>],
    ) -> BTreeMap<Cow<'static, str>, (BTreeSet<Divergence>, Option<String>)> {
        let mut differing = BTreeMap::new();
        for (name, ours) in self.names.iter().zip(ours) {
            let at = script.columns().position(|column| column == name);
            let theirs = at.and_then(|at| theirs.get(at)).and_then(Option::as_deref);
            if theirs == ours.as_deref() {
                continue;
            }
            if let Some(reason) = self.target.reason(name, theirs, ours.as_deref()) {
                differing.insert(name.clone(), (BTreeSet::from([reason]), ours.clone()));
            }
        }
        differing
    }
}

fn places(plan: &FilePlan, wanted: &[usize]) -> Vec<usize> {
    let place = |at: &usize| wanted.iter().position(|known| known == at);
    plan.wanted.iter().filter_map(place).collect()
}

/// How the script reads the file; where it loads nothing of it, why.
fn script(order: &Order, correct: &FilePlan) -> Script {
    let named = |divergence: Divergence| {
        correct
            .divergences
            .contains(&divergence)
            .then_some(divergence)
    };
    let plan = order
        .plan()
        .map_err(|_| named(Divergence::HooprTwice).or(named(Divergence::HooprNewColumn)))?;
    let lost = order.read_rows(&plan, &[], |_| true).err();
    match lost {
        None => Ok(plan),
        Some(error) => {
            let narrow = &order.table.spec().narrow;
            // The reason begins with the column that does not fit.
            let share = |share: &str| error.reason.contains(&format!(": `{share}` is "));
            let of_share = narrow.ratios.iter().any(|(name, ..)| share(name));
            Err(named(Divergence::HooprShares)
                .filter(|_| of_share)
                .or(Some(Divergence::HooprWholeFile)))
        }
    }
}
