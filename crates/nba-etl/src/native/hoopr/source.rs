//! The rows of a hoopR file, CSV or parquet, one at a time: memory stays that of a batch whatever the file's size.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::eastern;
use crate::native::load::ReadError;
use crate::parquet_file;
use crate::plays::table::values;

/// Rows decoded at once: with 77 columns of mostly short texts about 20 MB.
const BATCH: usize = 4_096;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Comma-separated, as R's `write_csv` does it: `hoopr_phase1/`.
    Csv,
    /// Typed columns, as sportsdataverse releases them: `hoopr_parquet/`.
    Parquet,
}

impl Form {
    /// By the magic bytes of a parquet file; anything else is taken for text.
    pub(super) fn of(path: &Path) -> std::io::Result<Form> {
        use std::io::Read as _;
        let mut magic = Vec::with_capacity(4);
        File::open(path)?.take(4).read_to_end(&mut magic)?;
        Ok(if magic == b"PAR1" {
            Form::Parquet
        } else {
            Form::Csv
        })
    }
}

/// One cell as the file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    /// All that a CSV file has; whether it means NULL depends on who reads.
    Text(&'a str),
    Whole(i64),
    Real(f64),
    Truth(bool),
    Date(NaiveDate),
    /// US Eastern time.
    Moment(NaiveDateTime),
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Row, counted from 1, without the heading.
    pub(super) row: usize,
    /// Line of a text file, counted from 1.
    pub(super) line: Option<u64>,
}

/// What takes the rows: their cells, or why the row has none.
pub(super) type Take<'t> =
    dyn FnMut(Place, Result<&[Cell<'_>], String>) -> Result<(), ReadError> + 't;

/// The column names, in the file's order and spelling.
pub(super) fn columns(path: &Path, form: Form) -> Result<Vec<String>, ReadError> {
    match form {
        Form::Csv => {
            let mut reader = csv_reader(path)?;
            let header = reader.byte_headers().map_err(|error| csv_error(&error))?;
            header
                .iter()
                .map(|name| {
                    let name = std::str::from_utf8(name)
                        .map_err(|_| ReadError::new("the heading is no UTF-8"))?;
                    Ok(name.trim_start_matches('\u{feff}').to_owned())
                })
                .collect()
        }
        Form::Parquet => {
            let reader = open(path)?;
            let schema = reader.metadata().file_metadata().schema_descr();
            Ok(schema
                .columns()
                .iter()
                .map(|column| column.path().string())
                .collect())
        }
    }
}

/// Hands over the cells of the wanted columns (positions in [`columns`]), row after row.
pub(super) fn for_each_row(
    path: &Path,
    form: Form,
    wanted: &[usize],
    take: &mut Take<'_>,
) -> Result<(), ReadError> {
    match form {
        Form::Csv => csv_rows(path, wanted, take),
        Form::Parquet => parquet_rows(path, wanted, take),
    }
}

fn csv_reader(path: &Path) -> Result<csv::Reader<BufReader<File>>, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::new(error.to_string()))?;
    Ok(csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(BufReader::with_capacity(256 * 1024, file)))
}

fn csv_error(error: &csv::Error) -> ReadError {
    let line = error
        .position()
        .and_then(|position| usize::try_from(position.line()).ok())
        .unwrap_or(0);
    let mut fault = ReadError::new(error.to_string());
    fault.line = line;
    fault
}

fn csv_rows(path: &Path, wanted: &[usize], take: &mut Take<'_>) -> Result<(), ReadError> {
    let mut reader = csv_reader(path)?;
    let width = reader
        .byte_headers()
        .map_err(|error| csv_error(&error))?
        .len();
    let mut record = csv::ByteRecord::new();
    let mut row = 0;
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| csv_error(&error))?
    {
        row += 1;
        let place = Place {
            row,
            line: record.position().map(csv::Position::line),
        };
        if record.len() != width {
            take(
                place,
                Err(format!("{} fields instead of {width}", record.len())),
            )?;
            continue;
        }
        let cells: Result<Vec<Cell<'_>>, usize> = wanted
            .iter()
            .map(|&at| match record.get(at).map(std::str::from_utf8) {
                Some(Ok(text)) => Ok(Cell::Text(text)),
                _ => Err(at + 1),
            })
            .collect();
        match cells {
            Ok(cells) => take(place, Ok(&cells))?,
            Err(field) => take(place, Err(format!("field {field} is no UTF-8")))?,
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<SerializedFileReader<File>, ReadError> {
    open_parquet(path).map_err(|error| parquet_error(&error))
}

pub(super) fn open_parquet(path: &Path) -> Result<SerializedFileReader<File>, ParquetError> {
    parquet_file::open(path)
}

fn parquet_error(error: &ParquetError) -> ReadError {
    ReadError::new(error.to_string())
}

/// The decoded cells of one column.
enum Decoded {
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Truth(Vec<Option<bool>>),
    Text(Vec<Option<ByteArray>>),
    Date(Vec<Option<NaiveDate>>),
    Moment(Vec<Option<NaiveDateTime>>),
}

impl Decoded {
    fn cell(&self, row: usize) -> Result<Cell<'_>, String> {
        fn of<T: Copy>(values: &[Option<T>], row: usize) -> Option<T> {
            values.get(row).copied().flatten()
        }
        Ok(match self {
            Decoded::Whole(values) => of(values, row).map_or(Cell::Null, Cell::Whole),
            Decoded::Real(values) => of(values, row).map_or(Cell::Null, Cell::Real),
            Decoded::Truth(values) => of(values, row).map_or(Cell::Null, Cell::Truth),
            Decoded::Date(values) => of(values, row).map_or(Cell::Null, Cell::Date),
            Decoded::Moment(values) => of(values, row).map_or(Cell::Null, Cell::Moment),
            Decoded::Text(values) => match values.get(row).and_then(Option::as_ref) {
                None => Cell::Null,
                Some(bytes) => Cell::Text(
                    std::str::from_utf8(bytes.data())
                        .map_err(|_| "a text is no UTF-8".to_owned())?,
                ),
            },
        })
    }
}

fn parquet_rows(path: &Path, wanted: &[usize], take: &mut Take<'_>) -> Result<(), ReadError> {
    let reader = open(path)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let mut row = 0;
    for index in 0..reader.num_row_groups() {
        let group = reader
            .get_row_group(index)
            .map_err(|error| parquet_error(&error))?;
        let total = usize::try_from(group.metadata().num_rows())
            .map_err(|_| ReadError::new(format!("row group {index} has a negative size")))?;
        let mut readers = wanted
            .iter()
            .map(|&at| {
                parquet_file::contained(|| group.get_column_reader(at))
                    .map_err(|error| parquet_error(&error))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut done = 0;
        while done < total {
            let want = BATCH.min(total - done);
            let columns = readers
                .iter_mut()
                .zip(wanted)
                .map(|(reader, &at)| decode(reader, &schema.column(at), want))
                .collect::<Result<Vec<_>, _>>()?;
            let mut cells = Vec::with_capacity(columns.len());
            for within in 0..want {
                row += 1;
                let place = Place { row, line: None };
                let mut problem = None;
                cells.clear();
                for (column, &at) in columns.iter().zip(wanted) {
                    match column.cell(within) {
                        Ok(cell) => cells.push(cell),
                        Err(reason) => {
                            problem = Some(format!("`{}`: {reason}", schema.column(at).name()));
                            break;
                        }
                    }
                }
                take(place, problem.map_or(Ok(cells.as_slice()), Err))?;
            }
            done += want;
        }
    }
    Ok(())
}

fn decode(
    reader: &mut ColumnReader,
    descriptor: &ColumnDescriptor,
    want: usize,
) -> Result<Decoded, ReadError> {
    let unread = |what: &str| {
        Err(ReadError::new(format!(
            "column `{}` holds {what}, which no hoopR table has",
            descriptor.path().string()
        )))
    };
    if descriptor.max_rep_level() > 0 {
        return unread("lists");
    }
    let failed = |error: ParquetError| parquet_error(&error);
    Ok(match reader {
        ColumnReader::BoolColumnReader(reader) => {
            Decoded::Truth(values(reader, want, Some).map_err(failed)?)
        }
        ColumnReader::Int32ColumnReader(reader) if is_date(descriptor) => {
            Decoded::Date(values(reader, want, day).map_err(failed)?)
        }
        ColumnReader::Int32ColumnReader(reader) => {
            let unsigned = is_unsigned(descriptor);
            let whole = |value: i32| {
                Some(if unsigned {
                    i64::from(value.cast_unsigned())
                } else {
                    i64::from(value)
                })
            };
            Decoded::Whole(values(reader, want, whole).map_err(failed)?)
        }
        ColumnReader::Int64ColumnReader(reader) => match moment_of(descriptor) {
            Some(form) => {
                Decoded::Moment(values(reader, want, |value| form.read(value)).map_err(failed)?)
            }
            None => Decoded::Whole(values(reader, want, Some).map_err(failed)?),
        },
        ColumnReader::FloatColumnReader(reader) => {
            let real = |value: f32| (!value.is_nan()).then(|| unsigned_zero(f64::from(value)));
            Decoded::Real(values(reader, want, real).map_err(failed)?)
        }
        ColumnReader::DoubleColumnReader(reader) => {
            // Not a number is how pandas says NULL.
            let real = |value: f64| (!value.is_nan()).then(|| unsigned_zero(value));
            Decoded::Real(values(reader, want, real).map_err(failed)?)
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            Decoded::Text(values(reader, want, Some).map_err(failed)?)
        }
        ColumnReader::Int96ColumnReader(_) => return unread("96-bit moments"),
        ColumnReader::FixedLenByteArrayColumnReader(_) => return unread("bytes of a fixed length"),
    })
}

/// The legacy loader goes through SQLite, which keeps no sign of zero; and nobody means one.
fn unsigned_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

fn is_date(descriptor: &ColumnDescriptor) -> bool {
    matches!(descriptor.logical_type_ref(), Some(LogicalType::Date))
        || descriptor.converted_type() == ConvertedType::DATE
}

fn is_unsigned(descriptor: &ColumnDescriptor) -> bool {
    matches!(descriptor.logical_type_ref(), Some(LogicalType::Integer(int)) if !int.is_signed)
        || matches!(
            descriptor.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32
        )
}

fn day(value: i32) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    let days = Days::new(u64::from(value.unsigned_abs()));
    if value < 0 {
        epoch.checked_sub_days(days)
    } else {
        epoch.checked_add_days(days)
    }
}

/// How a column counts moments.
#[derive(Debug, Clone, Copy)]
struct MomentForm {
    /// Microseconds of a unit, or units of a microsecond where it is finer.
    unit: Unit,
    /// An instant; otherwise the time of a clock, which is an Eastern one.
    instant: bool,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Milli,
    Micro,
    Nano,
}

fn moment_of(descriptor: &ColumnDescriptor) -> Option<MomentForm> {
    match descriptor.logical_type_ref() {
        Some(LogicalType::Timestamp(form)) => Some(MomentForm {
            unit: match form.unit {
                TimeUnit::MILLIS => Unit::Milli,
                TimeUnit::MICROS => Unit::Micro,
                TimeUnit::NANOS => Unit::Nano,
            },
            instant: form.is_adjusted_to_u_t_c,
        }),
        Some(_) => None,
        None => match descriptor.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS => Some(Unit::Milli),
            ConvertedType::TIMESTAMP_MICROS => Some(Unit::Micro),
            _ => None,
        }
        .map(|unit| MomentForm {
            unit,
            instant: true,
        }),
    }
}

impl MomentForm {
    fn read(self, value: i64) -> Option<NaiveDateTime> {
        let time = match self.unit {
            Unit::Milli => DateTime::from_timestamp_millis(value)?,
            Unit::Micro => DateTime::from_timestamp_micros(value)?,
            Unit::Nano => DateTime::from_timestamp_nanos(value),
        }
        .naive_utc();
        Some(if self.instant {
            eastern::from_utc(time)
        } else {
            time
        })
    }
}
