//! A script that would make the right side equal to the left one. It is only ever written; nothing here runs it.
//!
//! What a reader can rely on:
//!
//! - It is one transaction, and ends with `rollback`: run as it is, it changes nothing and shows whether all of it would work.
//! - Every statement must touch exactly one row, else everything stops. A changed row is found by its whole key *and* by the
//!   values it had when it was compared, so that nobody's later work is overwritten.
//! - Rows that are only on the right are never deleted: those statements are comments.
//! - Every value stands on one line, quoted by [`ident`](crate::ident).

use std::io::{self, Write};

use crate::catalog::{IdentityKind, Relation};
use crate::ident::{Ident, literal_line};
use crate::identity::Brief;

use super::outcome::{CellChange, Change, ComparedColumn, Difference, Repeated};

/// Statements checked together, so that the server parses no endless text.
const BATCH: usize = 100;

/// Why no script can be written for a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The relation on the right cannot be repaired by statements.
    #[error("no repair script for `{table}`: {reason}")]
    Table {
        /// Its name.
        table: String,
        /// Why not.
        reason: &'static str,
    },
    /// The script could not be written.
    #[error("the repair script could not be written")]
    Write(#[from] io::Error),
}

impl RepairError {
    /// What to do instead.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Table { .. } => {
                Some("leave the script out; the differences are in the report".to_owned())
            }
            Self::Write(_) => None,
        }
    }
}

/// What a script would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RepairCounts {
    /// Rows it would insert.
    pub inserts: u64,
    /// Rows it would update.
    pub updates: u64,
    /// Rows it would delete if somebody took the comment marks away.
    pub deletes_commented: u64,
    /// Differences it leaves to a person, each with a comment.
    pub skipped: u64,
}

/// Writes a repair script while the differences arrive.
#[derive(Debug)]
pub struct RepairScript<W: Write> {
    out: W,
    table: String,
    key: Vec<Column>,
    columns: Vec<Column>,
    // Column names of `insert`, and what stands around the values.
    insert_start: String,
    insert_end: String,
    batch: Vec<String>,
    counts: RepairCounts,
}

/// A column of the right table.
#[derive(Debug, Clone)]
struct Column {
    left: String,
    // Quoted.
    right: String,
    // Its text form loses the blanks at its end.
    padded: bool,
    writable: bool,
}

impl<W: Write> RepairScript<W> {
    /// Starts a script for the table on the right, compared with this key (left names) and these columns.
    ///
    /// # Errors
    /// [`RepairError`] for views, for names that could break out of a comment, and when `out` fails.
    pub fn begin(
        mut out: W,
        target: &Brief,
        table: &Relation,
        key: &[String],
        columns: &[ComparedColumn],
    ) -> Result<Self, RepairError> {
        let refuse = |reason| RepairError::Table {
            table: table.table.to_string().escape_debug().to_string(),
            reason,
        };
        if !table.is_table() {
            return Err(refuse("it is no table"));
        }
        let names = columns.iter().map(|column| column.right.as_str());
        let control = |name: &str| name.contains(char::is_control);
        if names
            .chain([table.table.schema.as_str(), table.table.name.as_str()])
            .any(control)
        {
            return Err(refuse("a name has control characters"));
        }
        let all: Vec<Column> = columns
            .iter()
            .map(|column| {
                let known = table
                    .columns
                    .iter()
                    .find(|known| known.name == column.right);
                Column {
                    left: column.left.clone(),
                    right: Ident::new(column.right.as_str()).to_string(),
                    padded: column.right_type.starts_with("character("),
                    writable: known.is_some_and(|known| !known.generated),
                }
            })
            .collect();
        let of_key: Vec<Column> = key
            .iter()
            .filter_map(|name| all.iter().find(|column| column.left == *name).cloned())
            .collect();
        let right_key: Vec<&str> = columns
            .iter()
            .filter(|column| key.contains(&column.left))
            .map(|column| column.right.as_str())
            .collect();
        let always = table
            .columns
            .iter()
            .any(|column| column.identity == Some(IdentityKind::Always));
        let list: Vec<&str> = all
            .iter()
            .filter(|column| column.writable)
            .map(|column| column.right.as_str())
            .collect();
        let insert_start = format!(
            "insert into {} ({}){} values (",
            table.table.sql(),
            list.join(", "),
            if always {
                " overriding system value"
            } else {
                ""
            }
        );
        let insert_end = if is_unique(table, &right_key) {
            let names: Vec<&str> = of_key.iter().map(|column| column.right.as_str()).collect();
            format!(") on conflict ({}) do nothing", names.join(", "))
        } else {
            ")".to_owned()
        };
        header(&mut out, target, table)?;
        Ok(Self {
            out,
            table: table.table.sql(),
            key: of_key,
            columns: all,
            insert_start,
            insert_end,
            batch: Vec::new(),
            counts: RepairCounts::default(),
        })
    }

    /// Adds what one difference needs.
    ///
    /// # Errors
    /// What the writer says.
    pub fn add(&mut self, difference: &Difference) -> io::Result<()> {
        let shown = shown_key(&self.key, difference);
        match (&difference.what, difference.repeated) {
            (Change::Changed { .. }, Some(Repeated { left, right })) => {
                self.skip(&format!("{shown}: changed; this key is there {left} times on the left and {right} times on the right, so which row is meant is a guess"))
            }
            (Change::Missing { values }, _) => {
                let values: Vec<String> = self
                    .columns
                    .iter()
                    .zip(values)
                    .filter(|(column, _)| column.writable)
                    .map(|(_, value)| literal(value.as_deref()))
                    .collect();
                let sql = format!("{}{}{}", self.insert_start, values.join(", "), self.insert_end);
                self.counts.inserts += 1;
                self.statement(&sql, &shown)
            }
            (Change::Added { values }, _) => {
                let conditions: Vec<String> = self
                    .columns
                    .iter()
                    .zip(values)
                    .map(|(column, value)| is_value(column, value.as_deref()))
                    .collect();
                self.flush()?;
                self.counts.deletes_commented += 1;
                writeln!(
                    self.out,
                    "-- only on the right, {shown}; deleting is your decision:\n-- delete from {} as target where {};",
                    self.table,
                    conditions.join(" and ")
                )
            }
            (Change::Changed { cells }, None) => self.update(difference, cells, &shown),
        }
    }

    fn update(
        &mut self,
        difference: &Difference,
        cells: &[CellChange],
        shown: &str,
    ) -> io::Result<()> {
        let mut sets = Vec::new();
        let mut conditions: Vec<String> = self
            .key
            .iter()
            .zip(&difference.key)
            .map(|(column, value)| key_is(column, value.as_deref()))
            .collect();
        for cell in cells {
            let Some(column) = self
                .columns
                .iter()
                .find(|column| column.left == cell.column && column.writable)
            else {
                let problem = format!(
                    "{shown}: `{}` is computed by the database",
                    cell.column.escape_debug()
                );
                return self.skip(&problem);
            };
            sets.push(format!(
                "{} = {}",
                column.right,
                literal(cell.old.as_deref())
            ));
            conditions.push(is_value(column, cell.new.as_deref()));
        }
        let sql = format!(
            "update {} as target set {} where {}",
            self.table,
            sets.join(", "),
            conditions.join(" and ")
        );
        self.counts.updates += 1;
        self.statement(&sql, shown)
    }

    fn skip(&mut self, problem: &str) -> io::Result<()> {
        self.flush()?;
        self.counts.skipped += 1;
        writeln!(self.out, "-- left to you: {problem}")
    }

    fn statement(&mut self, sql: &str, shown: &str) -> io::Result<()> {
        self.batch.push(format!(
            "  {sql};\n  get diagnostics touched = row_count;\n  if touched <> 1 then\n    \
             raise exception using message = {} || touched || ' rows';\n  end if;",
            literal_line(&format!("{shown}: 1 row expected, this would touch "))
        ));
        if self.batch.len() >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let body = self.batch.join("\n");
        self.batch.clear();
        // A value could hold the mark that ends the block.
        let mark = (0_u64..)
            .map(|number| format!("$repair{number}$"))
            .find(|mark| !body.contains(mark.as_str()))
            .unwrap_or_default();
        writeln!(
            self.out,
            "do {mark}\n#variable_conflict use_column\ndeclare\n  touched bigint;\nbegin\n{body}\nend\n{mark};"
        )
    }

    /// Ends the script and tells what it would do.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<RepairCounts> {
        self.flush()?;
        let counts = self.counts;
        writeln!(
            self.out,
            "\n-- {} rows inserted, {} updated; {} deletions above are comments, {} differences are left to you.\n\
             -- Everything above was tried. `rollback` takes it back: put `commit` in its place to keep it.\nrollback;",
            counts.inserts, counts.updates, counts.deletes_commented, counts.skipped
        )?;
        self.out.flush()?;
        Ok(counts)
    }
}

fn header(out: &mut impl Write, target: &Brief, table: &Relation) -> io::Result<()> {
    writeln!(
        out,
        "-- DRY RUN: a proposal to make {} equal to what it was compared with.\n\
         -- Written by nba, which never executes it. Read it, then: psql -v ON_ERROR_STOP=1 -f THIS_FILE\n\
         -- Triggers and foreign keys of the table act as always.\n\
         begin;\n\
         set local search_path = pg_catalog;\n\
         set local timezone = 'UTC';\n\
         set local datestyle = 'ISO';\n\
         set local intervalstyle = 'postgres';\n\
         set local bytea_output = 'hex';\n\
         set local extra_float_digits = 1;\n\
         set local lock_timeout = '5s';\n\
         do $target$\n\
         begin\n  \
           if current_database() <> {} then\n    \
             raise exception 'this is the wrong database: %', current_database();\n  \
           end if;",
        table.table.sql(),
        literal_line(&target.database)
    )?;
    if let Some(system) = &target.system_identifier {
        writeln!(
            out,
            "  if (select system_identifier::text from pg_control_system()) <> {} then\n    \
               raise exception 'this is the wrong server';\n  end if;",
            literal_line(system)
        )?;
    }
    writeln!(out, "end\n$target$;\n")
}

/// Whether an index of the table forbids two rows with the same values of exactly these columns.
fn is_unique(table: &Relation, key: &[&str]) -> bool {
    !key.is_empty()
        && table.indexes.iter().any(|index| {
            index.is_unique
                && index.is_valid
                && !index.is_partial
                && index.columns.len() == key.len()
                && key.iter().all(|name| {
                    let quoted = Ident::new(*name).to_string();
                    index
                        .columns
                        .iter()
                        .any(|column| column == name || *column == quoted)
                })
        })
}

fn literal(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), literal_line)
}

/// The row with this key; an index can serve it.
fn key_is(column: &Column, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("target.{} = {}", column.right, literal_line(value)),
        None => format!("target.{} is null", column.right),
    }
}

/// The column has this value still, told by its text: every type has one, not every type has `=`.
fn is_value(column: &Column, value: Option<&str>) -> String {
    match value {
        None => format!("target.{} is null", column.right),
        Some(value) if column.padded => key_is(column, Some(value)),
        Some(value) => format!("target.{}::text = {}", column.right, literal_line(value)),
    }
}

/// `game_id=401, event=7`, on one line.
fn shown_key(key: &[Column], difference: &Difference) -> String {
    if key.is_empty() {
        return "a row without a key".to_owned();
    }
    let parts: Vec<String> = key
        .iter()
        .zip(&difference.key)
        .map(|(column, value)| {
            let value = value.as_deref().unwrap_or("NULL");
            format!("{}={}", column.left.escape_debug(), value.escape_debug())
        })
        .collect();
    parts.join(", ")
}
