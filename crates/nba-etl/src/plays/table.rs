//! Chosen columns of a parquet file, a batch of rows at a time.

use std::fs::File;
use std::path::Path;

use chrono::{Days, NaiveDate};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use crate::parquet_file::{self, contained};

/// Rows decoded at once: with 24 columns about 4 MB.
const BATCH: usize = 8_192;

/// One column of a batch; nulls are `None`.
#[derive(Debug)]
enum Column {
    /// The file has no such column, or it holds only nulls of an unread type.
    Absent,
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Text(Vec<Option<ByteArray>>),
}

/// Rows of the wanted columns, in the order they were asked for.
#[derive(Debug)]
pub struct Batch {
    columns: Vec<Column>,
    rows: usize,
}

impl Batch {
    /// Rows of a table that were asked for as texts; `columns` are equally long.
    #[cfg(feature = "boxscore-db")]
    pub(crate) fn of_texts(columns: Vec<Vec<Option<String>>>) -> Self {
        Self {
            rows: columns.first().map_or(0, Vec::len),
            columns: columns
                .into_iter()
                .map(|column| {
                    let texts = column.into_iter();
                    Column::Text(
                        texts
                            .map(|text| text.map(|text| ByteArray::from(text.into_bytes())))
                            .collect(),
                    )
                })
                .collect(),
        }
    }

    /// Rows of JSON as a file with these columns has them; numbers and texts may stand in one column, as in no file.
    pub(super) fn of_json(rows: &[serde_json::Value], names: &[&str]) -> Self {
        use serde_json::Value;
        let column = |name: &&str| {
            let cells: Vec<Option<&Value>> = rows.iter().map(|row| row.get(*name)).collect();
            let has = |kind: fn(&Value) -> bool| cells.iter().flatten().any(|cell| kind(cell));
            if has(Value::is_string) {
                let text = |cell: Option<&Value>| match cell? {
                    Value::String(text) => Some(ByteArray::from(text.as_str())),
                    Value::Null => None,
                    other => Some(ByteArray::from(other.to_string().into_bytes())),
                };
                Column::Text(cells.into_iter().map(text).collect())
            } else if has(Value::is_f64) {
                Column::Real(cells.into_iter().map(|cell| cell?.as_f64()).collect())
            } else {
                let whole = |cell: Option<&Value>| match cell? {
                    Value::Bool(is) => Some(i64::from(*is)),
                    cell => cell.as_i64(),
                };
                Column::Whole(cells.into_iter().map(whole).collect())
            }
        };
        Self {
            columns: names.iter().map(column).collect(),
            rows: rows.len(),
        }
    }

    /// Number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// A whole number; a real one counts when it has no fraction (ids come as `123.0` too), a text when it is one.
    #[must_use]
    pub fn whole(&self, column: usize, row: usize) -> Option<i64> {
        match self.columns.get(column)? {
            Column::Absent => None,
            Column::Whole(values) => *values.get(row)?,
            Column::Real(values) => whole_of_real((*values.get(row)?)?),
            Column::Text(_) => whole_of_text(self.text(column, row).trim()),
        }
    }

    /// A text; empty when null, and when it is no UTF-8.
    #[must_use]
    pub fn text(&self, column: usize, row: usize) -> &str {
        match self.columns.get(column) {
            Some(Column::Text(values)) => values
                .get(row)
                .and_then(Option::as_ref)
                .and_then(|bytes| std::str::from_utf8(bytes.data()).ok())
                .unwrap_or_default(),
            _ => "",
        }
    }

    /// A day, kept as one or as a text that begins with one.
    pub(super) fn date(&self, column: usize, row: usize) -> Option<NaiveDate> {
        match self.columns.get(column)? {
            Column::Text(_) => self.text(column, row).get(..10)?.parse().ok(),
            _ => {
                let days = u64::try_from(self.whole(column, row)?).ok()?;
                NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_days(Days::new(days))
            }
        }
    }

    /// A truth value, however it is kept.
    #[must_use]
    pub fn truth(&self, column: usize, row: usize) -> Option<bool> {
        match self.columns.get(column)? {
            Column::Text(_) => match self.text(column, row) {
                "true" | "TRUE" | "True" | "t" | "1" => Some(true),
                "false" | "FALSE" | "False" | "f" | "0" => Some(false),
                _ => None,
            },
            _ => self.whole(column, row).map(|value| value != 0),
        }
    }
}

/// A whole number in a text, which a column of doubles may have spoiled (`"4065648.0"`).
fn whole_of_text(text: &str) -> Option<i64> {
    text.parse()
        .ok()
        .or_else(|| whole_of_real(text.parse().ok()?))
}

/// A real number as a whole one, when it is.
pub(crate) fn whole_of_real(value: f64) -> Option<i64> {
    // Beyond this a double no longer holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() < EXACT)
        .then(|| format!("{value:.0}").parse().ok())
        .flatten()
}

/// Whether a parquet file has all these columns, whatever the case of their letters.
///
/// # Errors
///
/// When the file cannot be read.
pub fn has_columns(path: &Path, names: &[&str]) -> Result<bool, ParquetError> {
    let reader = parquet_file::open(path)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    Ok(names.iter().all(|name| {
        schema
            .columns()
            .iter()
            .any(|column| column.name().eq_ignore_ascii_case(name))
    }))
}

/// All rows of one row group, of the named columns; none when the file has no such group.
///
/// # Errors
///
/// When the file cannot be read.
pub fn read_group(
    path: &Path,
    names: &[&str],
    group: usize,
) -> Result<Option<Batch>, ParquetError> {
    let reader = parquet_file::open(path)?;
    if group >= reader.num_row_groups() {
        return Ok(None);
    }
    let places = places(&reader, names);
    let group = reader.get_row_group(group)?;
    let rows = usize::try_from(group.metadata().num_rows())
        .map_err(|error| ParquetError::External(Box::new(error)))?;
    let columns = open(&*group, &places)?
        .iter_mut()
        .map(|reader| match reader {
            Some(reader) => column(reader, rows),
            None => Ok(Column::Absent),
        })
        .collect::<Result<Vec<_>, ParquetError>>()?;
    Ok(Some(Batch { columns, rows }))
}

/// Where the named columns stand in a file.
fn places(reader: &SerializedFileReader<File>, names: &[&str]) -> Vec<Option<usize>> {
    let schema = reader.metadata().file_metadata().schema_descr();
    names
        .iter()
        .map(|name| {
            (0..schema.num_columns()).find(|&index| {
                schema.column(index).name().eq_ignore_ascii_case(name)
                    && schema.column(index).max_rep_level() == 0
            })
        })
        .collect()
}

/// Hands batch after batch of the named columns to `take`, which may stop with an error of its own.
///
/// # Errors
///
/// When the file cannot be read, and what `take` returns.
pub fn for_each_batch<E>(
    path: &Path,
    names: &[&str],
    mut take: impl FnMut(&Batch) -> Result<(), E>,
) -> Result<(), E>
where
    E: From<ParquetError>,
{
    let reader = parquet_file::open(path)?;
    let places = places(&reader, names);
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index)?;
        let total = usize::try_from(group.metadata().num_rows())
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        let mut readers = open(&*group, &places)?;
        let mut done = 0;
        while done < total {
            let want = BATCH.min(total - done);
            let columns = readers
                .iter_mut()
                .map(|reader| match reader {
                    Some(reader) => column(reader, want),
                    None => Ok(Column::Absent),
                })
                .collect::<Result<Vec<_>, ParquetError>>()?;
            take(&Batch {
                columns,
                rows: want,
            })?;
            done += want;
        }
    }
    Ok(())
}

fn open(
    group: &dyn RowGroupReader,
    places: &[Option<usize>],
) -> Result<Vec<Option<ColumnReader>>, ParquetError> {
    places
        .iter()
        .map(|place| {
            place
                .map(|index| contained(|| group.get_column_reader(index)))
                .transpose()
        })
        .collect()
}

fn column(reader: &mut ColumnReader, want: usize) -> Result<Column, ParquetError> {
    Ok(match reader {
        ColumnReader::Int64ColumnReader(reader) => Column::Whole(values(reader, want, Some)?),
        ColumnReader::Int32ColumnReader(reader) => {
            Column::Whole(values(reader, want, |value| Some(i64::from(value)))?)
        }
        ColumnReader::BoolColumnReader(reader) => {
            Column::Whole(values(reader, want, |value| Some(i64::from(value)))?)
        }
        ColumnReader::DoubleColumnReader(reader) => {
            // Not a number is how some writers say null.
            Column::Real(values(reader, want, |value: f64| {
                (!value.is_nan()).then_some(value)
            })?)
        }
        ColumnReader::FloatColumnReader(reader) => Column::Real(values(reader, want, |value| {
            (!value.is_nan()).then_some(f64::from(value))
        })?),
        ColumnReader::ByteArrayColumnReader(reader) => Column::Text(values(reader, want, Some)?),
        ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            Column::Absent
        }
    })
}

/// Rows that are made room for at once.
const ROOM: usize = 1 << 20;

pub(crate) fn values<T: DataType, V: Clone>(
    reader: &mut ColumnReaderImpl<T>,
    want: usize,
    convert: impl Fn(T::T) -> Option<V>,
) -> Result<Vec<Option<V>>, ParquetError> {
    // How many rows there are the file says, and it may be damaged.
    let mut levels: Vec<i16> = Vec::with_capacity(want.min(ROOM));
    let mut raw = Vec::with_capacity(want.min(ROOM));
    let (mut read, mut total) = (0, 0);
    while total < want {
        let (records, _, _) = contained(|| {
            reader.read_records((want - total).min(ROOM), Some(&mut levels), None, &mut raw)
        })?;
        if records == 0 {
            break;
        }
        read += records;
        total = read;
    }
    if total < want {
        return Err(ParquetError::General(format!(
            "{want} rows announced, {total} there"
        )));
    }
    let required = levels.is_empty();
    let mut raw = raw.into_iter();
    if required {
        return Ok(raw.map(convert).collect());
    }
    let full = levels.iter().copied().max().unwrap_or(1).max(1);
    Ok(levels
        .into_iter()
        .map(|level| {
            if level == full {
                raw.next().and_then(&convert)
            } else {
                None
            }
        })
        .collect())
}
