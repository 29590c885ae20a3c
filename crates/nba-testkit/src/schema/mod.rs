//! The 54 base tables of the production database in four schemas, with the documented columns, keys, views and routines,
//! and with the documented **absence** of keys (database dossier 1.2 and 2).
//!
//! The definitions are SQL files beside this module: `tables.sql`, `keys.sql`, `foreign_keys.sql`, `routines.sql`. Tables are
//! made without keys, so that a load can run first. How sure each shape is stands above its `CREATE TABLE`.
//!
//! ```
//! use nba_testkit::schema;
//!
//! assert_eq!(schema::tables().count(), 54);
//! let games = schema::table("public.games").expect("the first table anybody asks for");
//! assert_eq!(games.columns().count(), 58);
//! ```

use std::sync::LazyLock;

#[cfg(test)]
mod tests;

const TABLES: &str = include_str!("tables.sql");
const KEYS: &str = include_str!("keys.sql");
const FOREIGN_KEYS: &str = include_str!("foreign_keys.sql");
const ROUTINES: &str = include_str!("routines.sql");

/// Schemas besides `public`, with their number of tables in parentheses in the dossier: odds (5), rag (4), raw_data (5).
pub const SCHEMAS: [&str; 3] = ["odds", "rag", "raw_data"];

/// How sure the columns of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A committed `CREATE TABLE`.
    Ddl,
    /// The column list of the script that fills it.
    Loader,
    /// Names or kinds are documented, the rest is deduced.
    Partial,
    /// Only the table's name is documented.
    Assumed,
}

/// One base table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// `schema.table`.
    pub name: &'static str,
    /// How sure the columns are.
    pub shape: Shape,
    create: &'static str,
}

impl Table {
    /// The `CREATE TABLE` statement.
    ///
    /// `vector` is the type of embedding columns: `vector(1536)` where pgvector is installed, otherwise `real[]`.
    #[must_use]
    pub fn create_sql(&self, vector: &str) -> String {
        self.create.replace("{vector}", vector)
    }

    /// Column names in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.column_lines().filter_map(column_name)
    }

    /// Columns that are written: all but generated ones.
    pub fn stored_columns(&self) -> impl Iterator<Item = &'static str> {
        self.column_lines()
            .filter(|line| !line.contains(" GENERATED "))
            .filter_map(column_name)
    }

    fn column_lines(&self) -> impl Iterator<Item = &'static str> {
        let lines = self.create.lines().skip(1).map(str::trim);
        lines.filter(|line| !line.starts_with(')') && !line.starts_with("CHECK"))
    }

    /// `ALTER TABLE` and `CREATE INDEX` statements to run after a load; empty for a table that has no key and no index.
    pub fn keys_sql(&self) -> impl Iterator<Item = &'static str> {
        let name = self.name;
        KEY_STATEMENTS
            .iter()
            .filter(move |(table, _)| *table == name)
            .map(|(_, statement)| *statement)
    }
}

static TABLE_LIST: LazyLock<Vec<Table>> = LazyLock::new(|| {
    blocks(TABLES)
        .map(|(comment, statement)| Table {
            name: word_after(statement, "CREATE TABLE ")
                .expect("tables.sql holds only CREATE TABLE"),
            shape: shape(comment),
            create: statement,
        })
        .collect()
});

static KEY_STATEMENTS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    blocks(KEYS)
        .map(|(_, statement)| {
            let table =
                word_after(statement, "ALTER TABLE ").or_else(|| word_after(statement, " ON "));
            (
                table.expect("keys.sql names the table of every statement"),
                statement,
            )
        })
        .collect()
});

/// Every base table, in the order of the dossier's lists.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    TABLE_LIST.iter()
}

/// The table with this `schema.table` name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLE_LIST.iter().find(|table| table.name == name)
}

/// Foreign keys, to run one after the other once all primary keys stand.
pub fn foreign_keys_sql() -> impl Iterator<Item = &'static str> {
    blocks(FOREIGN_KEYS).map(|(_, statement)| statement)
}

/// Functions, triggers, views and materialised views.
pub fn routines_sql() -> impl Iterator<Item = &'static str> {
    blocks(ROUTINES).map(|(_, statement)| statement)
}

/// Splits a file into `(comment, statement)`; statements end with a semicolon followed by an empty line or the end.
fn blocks(sql: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    sql.split("\n\n").filter_map(|block| {
        let block = block.trim();
        let code = block
            .lines()
            .take_while(|line| line.starts_with("--"))
            .map(|line| line.len() + 1)
            .sum::<usize>()
            .min(block.len());
        let (comment, statement) = block.split_at(code);
        let statement = statement.trim().trim_end_matches(';');
        (!statement.is_empty()).then_some((comment, statement))
    })
}

fn column_name(line: &'static str) -> Option<&'static str> {
    Some(line.split_whitespace().next()?.trim_matches('"'))
}

fn word_after(statement: &'static str, mark: &str) -> Option<&'static str> {
    statement.split_once(mark)?.1.split([' ', '\n']).next()
}

fn shape(comment: &str) -> Shape {
    let word = comment.split_once("shape: ").map_or("", |(_, rest)| rest);
    match word.split([' ', ';', '\n']).next() {
        Some("ddl") => Shape::Ddl,
        Some("loader") => Shape::Loader,
        Some("partial") => Shape::Partial,
        _ => Shape::Assumed,
    }
}
