//! All differences of a comparison as a parquet file, for pandas, DuckDB and the like.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::compare::outcome::{Change, Difference};

/// Lines per row group, which bounds the memory.
const LINES_PER_GROUP: usize = 4_096;

/// One line per changed value, and one per missing or added row. `row_key` and `row_values` are JSON arrays of texts and nulls.
const SCHEMA: &str = "message differences {
    required binary what (UTF8);
    required binary row_key (UTF8);
    optional binary column_name (UTF8);
    optional binary old_value (UTF8);
    optional binary new_value (UTF8);
    optional binary row_values (UTF8);
}";

/// Columns of [`SCHEMA`].
const COLUMNS: usize = 6;

/// Could not write the differences.
#[derive(Debug, thiserror::Error)]
#[error("could not write the differences to `{}`", path.display())]
pub struct DifferenceFileError {
    path: PathBuf,
    source: ParquetError,
}

type Line = [Option<String>; COLUMNS];

/// Writes differences to a parquet file while they arrive.
pub struct DifferenceFile {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    lines: Vec<Line>,
}

impl DifferenceFile {
    /// Creates the file; one that is there is replaced.
    ///
    /// # Errors
    /// [`DifferenceFileError`] when it cannot be created.
    pub fn create(path: &Path) -> Result<Self, DifferenceFileError> {
        let failed = |source| DifferenceFileError {
            path: path.to_owned(),
            source,
        };
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let file = File::create(path).map_err(|error| failed(error.into()))?;
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            lines: Vec::new(),
        })
    }

    /// Adds one difference.
    ///
    /// # Errors
    /// [`DifferenceFileError`] when the disk is full, for example.
    pub fn add(&mut self, difference: &Difference) -> Result<(), DifferenceFileError> {
        let key = json(&difference.key);
        let whole = |what: &str, values: &[Option<String>]| -> Line {
            [
                Some(what.to_owned()),
                Some(key.clone()),
                None,
                None,
                None,
                Some(json(values)),
            ]
        };
        match &difference.what {
            Change::Missing { values } => self.lines.push(whole("missing", values)),
            Change::Added { values } => self.lines.push(whole("added", values)),
            Change::Changed { cells } => self.lines.extend(cells.iter().map(|cell| {
                [
                    Some("changed".to_owned()),
                    Some(key.clone()),
                    Some(cell.column.clone()),
                    cell.old.clone(),
                    cell.new.clone(),
                    None,
                ]
            })),
        }
        if self.lines.len() >= LINES_PER_GROUP {
            self.flush().map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    /// Writes the end of the file and forces it to the disk.
    ///
    /// # Errors
    /// As [`DifferenceFile::add`].
    pub fn finish(mut self) -> Result<(), DifferenceFileError> {
        self.flush().map_err(|source| self.failed(source))?;
        let Self { path, writer, .. } = self;
        let failed = |source| DifferenceFileError { path, source };
        match writer.into_inner() {
            Ok(file) => file.sync_all().map_err(|error| failed(error.into())),
            Err(error) => Err(failed(error)),
        }
    }

    fn failed(&self, source: ParquetError) -> DifferenceFileError {
        DifferenceFileError {
            path: self.path.clone(),
            source,
        }
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in 0..COLUMNS {
            // The first two are required.
            write(&mut group, column >= 2, &self.lines, column)?;
        }
        group.close()?;
        self.lines.clear();
        Ok(())
    }
}

fn write(
    group: &mut SerializedRowGroupWriter<'_, File>,
    optional: bool,
    lines: &[Line],
    column: usize,
) -> Result<(), ParquetError> {
    let texts = || lines.iter().map(|line| line[column].as_deref());
    let levels: Vec<i16> = texts().map(|text| i16::from(text.is_some())).collect();
    let values: Vec<ByteArray> = texts()
        .flatten()
        .map(|text| ByteArray::from(text.as_bytes().to_vec()))
        .collect();
    let wrong = || ParquetError::General("the schema has other columns".to_owned());
    let mut open = group.next_column()?.ok_or_else(wrong)?;
    let ColumnWriter::ByteArrayColumnWriter(writer) = open.untyped() else {
        return Err(wrong());
    };
    writer.write_batch(&values, optional.then_some(levels.as_slice()), None)?;
    open.close()
}

fn json(values: &[Option<String>]) -> String {
    serde_json::Value::from_iter(values.iter().map(|value| value.as_deref())).to_string()
}
