//! Season files in the SQLite file that `load_hoopr_to_rds.py` copies from, as `create_local_hoopr_database.py` makes it of the
//! parquet files with pandas (ETL dossier 3.3): the first file makes the table, the others are appended; whole numbers and truth values
//! are INTEGER, numbers with gaps or fractions REAL.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, QueryBuilder, Sqlite};
use tokio::sync::mpsc;

use super::source::{self, Cell, Form, for_each_row};
use super::{ReadError, Table};

/// SQLite's limit for the values of one statement.
const MOST_VALUES: usize = 32_766;
/// Batches of rows on the way.
const WAITING: usize = 2;

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// A season cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// A later season has another set of columns, at which pandas gives up as well.
    #[error("`{}` has a column `{column}`, which the first season has not", path.display())]
    Column {
        /// Its file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// SQLite refused.
    #[error("SQLite refused the rows of `{}`", path.display())]
    Refused {
        /// The season's file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The reader broke down.
    #[error("the reader of `{}` broke down", path.display())]
    Reader {
        /// The season's file.
        path: PathBuf,
    },
}

/// The table's name in that file.
fn name(table: Table) -> &'static str {
    match table {
        Table::Schedule => "schedule",
        Table::TeamBox => "team_box",
        Table::PlayerBox => "player_box",
        Table::PlayByPlay => "play_by_play",
    }
}

/// What pandas and SQLite make of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Integer,
    Real,
    Text,
    Date,
    Timestamp,
}

impl Kept {
    fn of(column: &Column) -> Kept {
        match column {
            Column {
                whole: true,
                real: false,
                gaps: false,
                ..
            }
            | Column { truth: true, .. } => Kept::Integer,
            Column { whole: true, .. } | Column { real: true, .. } => Kept::Real,
            Column { date: true, .. } => Kept::Date,
            Column { moment: true, .. } => Kept::Timestamp,
            Column { .. } => Kept::Text,
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Kept::Integer => "INTEGER",
            Kept::Real => "REAL",
            Kept::Text => "TEXT",
            Kept::Date => "DATE",
            Kept::Timestamp => "TIMESTAMP",
        }
    }
}

/// What was seen of a column.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    whole: bool,
    real: bool,
    truth: bool,
    date: bool,
    moment: bool,
    gaps: bool,
}

impl Column {
    fn add(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Null => self.gaps = true,
            Cell::Whole(_) => self.whole = true,
            Cell::Real(_) => self.real = true,
            Cell::Truth(_) => self.truth = true,
            Cell::Date(_) => self.date = true,
            Cell::Moment(_) => self.moment = true,
            Cell::Text(_) => {}
        }
    }
}

/// A value on its way into SQLite.
#[derive(Debug)]
enum Bound {
    Null,
    Whole(i64),
    Real(f64),
    Text(String),
}

impl Bound {
    fn of(cell: Cell<'_>) -> Bound {
        match cell {
            Cell::Null => Bound::Null,
            Cell::Text(text) => Bound::Text(text.to_owned()),
            Cell::Whole(value) => Bound::Whole(value),
            Cell::Real(value) => Bound::Real(value),
            Cell::Truth(value) => Bound::Whole(i64::from(value)),
            Cell::Date(value) => Bound::Text(value.to_string()),
            Cell::Moment(value) => Bound::Text(value.to_string()),
        }
    }
}

/// Makes `file` with one table of all these seasons, in this order.
///
/// # Errors
///
/// [`StageError`]; the file is then of no use.
pub async fn stage(file: &Path, table: Table, seasons: &[PathBuf]) -> Result<(), StageError> {
    let mut options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off);
    options = options.disable_statement_logging();
    let nowhere = seasons.first().cloned().unwrap_or_default();
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |source| StageError::Refused { path, source }
    };
    let mut db = options.connect().await.map_err(refused(&nowhere))?;
    let mut known: Option<Vec<String>> = None;
    for season in seasons {
        let (columns, kinds) = look(season).await?;
        match &known {
            None => {
                let mut create = QueryBuilder::<Sqlite>::new("create table ");
                create.push(quoted(name(table))).push(" (");
                for (at, (column, kind)) in columns.iter().zip(&kinds).enumerate() {
                    create.push(if at > 0 { ", " } else { "" });
                    create.push(quoted(column)).push(" ").push(kind.sql());
                }
                create.push(")");
                create
                    .build()
                    .execute(&mut db)
                    .await
                    .map_err(refused(season))?;
                known = Some(columns.clone());
            }
            Some(known) => {
                if let Some(column) = columns.iter().find(|column| !known.contains(column)) {
                    return Err(StageError::Column {
                        path: season.clone(),
                        column: column.clone(),
                    });
                }
            }
        }
        fill(&mut db, table, season, columns).await?;
    }
    db.close().await.map_err(refused(&nowhere))
}

/// The columns of a season, and what pandas takes them for.
async fn look(season: &Path) -> Result<(Vec<String>, Vec<Kept>), StageError> {
    let path = season.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let form = Form::of(&path).map_err(|error| ReadError::new(error.to_string()))?;
        let names = source::columns(&path, form)?;
        let wanted: Vec<usize> = (0..names.len()).collect();
        let mut columns = vec![Column::default(); names.len()];
        for_each_row(&path, form, &wanted, &mut |place, cells| {
            for (column, cell) in columns
                .iter_mut()
                .zip(cells.map_err(|reason| place.fault(&reason))?)
            {
                column.add(*cell);
            }
            Ok(())
        })?;
        Ok((names, columns.iter().map(Kept::of).collect()))
    })
    .await;
    finished(season, read)
}

fn finished<T>(
    season: &Path,
    read: Result<Result<T, ReadError>, tokio::task::JoinError>,
) -> Result<T, StageError> {
    read.map_err(|_| StageError::Reader {
        path: season.to_owned(),
    })?
    .map_err(|source| StageError::File {
        path: season.to_owned(),
        source,
    })
}

/// Appends the rows of a season, in its order.
async fn fill(
    db: &mut SqliteConnection,
    table: Table,
    season: &Path,
    columns: Vec<String>,
) -> Result<(), StageError> {
    let most = (MOST_VALUES / columns.len().max(1)).max(1);
    let (sender, mut receiver) = mpsc::channel::<Vec<Vec<Bound>>>(WAITING);
    let path = season.to_owned();
    let width = columns.len();
    let reading = tokio::task::spawn_blocking(move || {
        let form = Form::of(&path).map_err(|error| ReadError::new(error.to_string()))?;
        let wanted: Vec<usize> = (0..width).collect();
        let mut rows = Vec::new();
        for_each_row(&path, form, &wanted, &mut |place, cells| {
            let cells = cells.map_err(|reason| place.fault(&reason))?;
            rows.push(cells.iter().map(|cell| Bound::of(*cell)).collect());
            if rows.len() == most && sender.blocking_send(std::mem::take(&mut rows)).is_err() {
                return Err(ReadError::new(super::GONE));
            }
            Ok(())
        })?;
        // Whoever stopped taking rows says why.
        let _ = sender.blocking_send(rows);
        Ok(())
    });
    let refused = |source| StageError::Refused {
        path: season.to_owned(),
        source,
    };
    let mut transaction = db.begin().await.map_err(refused)?;
    while let Some(rows) = receiver.recv().await {
        if rows.is_empty() {
            continue;
        }
        let mut insert = QueryBuilder::<Sqlite>::new("insert into ");
        insert.push(quoted(name(table))).push(" (");
        for (at, column) in columns.iter().enumerate() {
            insert.push(if at > 0 { ", " } else { "" });
            insert.push(quoted(column));
        }
        insert.push(") ");
        insert.push_values(rows, |mut row, values| {
            for value in values {
                match value {
                    Bound::Null => row.push_bind(None::<String>),
                    Bound::Whole(value) => row.push_bind(value),
                    Bound::Real(value) => row.push_bind(value),
                    Bound::Text(value) => row.push_bind(value),
                };
            }
        });
        insert
            .build()
            .persistent(false)
            .execute(&mut *transaction)
            .await
            .map_err(refused)?;
    }
    transaction.commit().await.map_err(refused)?;
    finished(season, reading.await)
}

/// A name in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
