//! Row-level evidence on disk: one parquet file per table with key, hash and, for small tables, the values.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nba_db::fingerprint::RowDigest;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// Rows per row group, which bounds the memory of writer and reader.
pub(super) const ROWS_PER_GROUP: usize = 32_768;

const SCHEMA: &str = "message rows {
    required int32 bucket;
    optional binary key (UTF8);
    required int64 hash;
    optional binary row_values (UTF8);
}";

/// Could not write or read row-level evidence.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} row evidence in `{}`", path.display())]
pub struct RowFileError {
    operation: &'static str,
    path: PathBuf,
    source: ParquetError,
}

/// Writes rows in groups.
pub(super) struct RowFileWriter {
    path: PathBuf,
    inner: SerializedFileWriter<File>,
}

impl RowFileWriter {
    pub(super) fn create(path: &Path) -> Result<Self, RowFileError> {
        let failed = |source| RowFileError {
            operation: "create",
            path: path.to_owned(),
            source,
        };
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // Keys and hashes hardly repeat.
            .set_dictionary_enabled(false)
            .build();
        let file = File::create(path).map_err(|error| failed(error.into()))?;
        let inner = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            inner,
        })
    }

    /// Writes one row group.
    pub(super) fn write(&mut self, rows: &[RowDigest]) -> Result<(), RowFileError> {
        self.try_write(rows).map_err(|source| RowFileError {
            operation: "write",
            path: self.path.clone(),
            source,
        })
    }

    fn try_write(&mut self, rows: &[RowDigest]) -> Result<(), ParquetError> {
        let buckets = rows
            .iter()
            .map(|row| i32::try_from(row.bucket).map_err(out_of_range))
            .collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<i64> = rows.iter().map(|row| row.hash).collect();
        let mut group = self.inner.next_row_group()?;
        write_required::<Int32Type>(&mut group, &buckets)?;
        write_texts(&mut group, rows.iter().map(|row| row.key.as_deref()))?;
        write_required::<Int64Type>(&mut group, &hashes)?;
        write_texts(&mut group, rows.iter().map(|row| row.values.as_deref()))?;
        group.close()?;
        Ok(())
    }

    /// Writes the footer and forces the file to disk.
    pub(super) fn finish(self) -> Result<(), RowFileError> {
        let failed = |source| RowFileError {
            operation: "finish",
            path: self.path.clone(),
            source,
        };
        let file = self.inner.into_inner().map_err(failed)?;
        file.sync_all().map_err(|error| failed(error.into()))
    }
}

fn out_of_range(error: std::num::TryFromIntError) -> ParquetError {
    ParquetError::General(error.to_string())
}

fn write_required<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let mut column = next_column(group)?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

fn write_texts<'a>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    texts: impl Iterator<Item = Option<&'a str>>,
) -> Result<(), ParquetError> {
    let mut levels = Vec::new();
    let mut values = Vec::new();
    for text in texts {
        levels.push(i16::from(text.is_some()));
        values.extend(text.map(|text| ByteArray::from(text.as_bytes().to_vec())));
    }
    let mut column = next_column(group)?;
    match column.untyped() {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            writer.write_batch(&values, Some(&levels), None)?
        }
        _ => {
            return Err(ParquetError::General(
                "the schema has another column here".to_owned(),
            ));
        }
    };
    column.close()
}

fn next_column<'a>(
    group: &'a mut SerializedRowGroupWriter<'_, File>,
) -> Result<parquet::file::writer::SerializedColumnWriter<'a>, ParquetError> {
    group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has fewer columns".to_owned()))
}

/// Reads the rows whose bucket `wanted` accepts; memory is one row group and the rows kept.
pub(crate) fn read_rows(
    path: &Path,
    wanted: impl Fn(u32) -> bool,
) -> Result<Vec<RowDigest>, RowFileError> {
    let mut kept = Vec::new();
    each_group(path, |group| {
        read_group(group, |bucket, _| wanted(bucket), &mut kept)
    })?;
    Ok(kept)
}

/// Reads the rows whose hash `wanted` accepts; texts are read only of row groups that hold one.
pub(crate) fn read_matching(
    path: &Path,
    wanted: impl Fn(i64) -> bool,
) -> Result<Vec<RowDigest>, RowFileError> {
    let mut kept = Vec::new();
    each_group(path, |group| {
        let (_, hashes) = read_numbers(group)?;
        if hashes.iter().any(|&hash| wanted(hash)) {
            read_group(group, |_, hash| wanted(hash), &mut kept)?;
        }
        Ok(())
    })?;
    Ok(kept)
}

/// Reads the hashes of the rows whose bucket `wanted` accepts.
pub(crate) fn read_hashes(
    path: &Path,
    wanted: impl Fn(u32) -> bool,
) -> Result<Vec<i64>, RowFileError> {
    let mut kept = Vec::new();
    each_group(path, |group| {
        let (buckets, hashes) = read_numbers(group)?;
        for (bucket, hash) in buckets.into_iter().zip(hashes) {
            if wanted(u32::try_from(bucket).map_err(out_of_range)?) {
                kept.push(hash);
            }
        }
        Ok(())
    })?;
    Ok(kept)
}

fn each_group(
    path: &Path,
    mut read: impl FnMut(&dyn RowGroupReader) -> Result<(), ParquetError>,
) -> Result<(), RowFileError> {
    let failed = |source| RowFileError {
        operation: "read",
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(|error| failed(error.into()))?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index).map_err(failed)?;
        read(&*group).map_err(failed)?;
    }
    Ok(())
}

/// Buckets and hashes of a row group.
fn read_numbers(group: &dyn RowGroupReader) -> Result<(Vec<i32>, Vec<i64>), ParquetError> {
    let rows = usize::try_from(group.metadata().num_rows()).map_err(out_of_range)?;
    let mut buckets = Vec::with_capacity(rows);
    match group.get_column_reader(0)? {
        ColumnReader::Int32ColumnReader(mut column) => {
            column.read_records(rows, None, None, &mut buckets)?
        }
        _ => return Err(unexpected("bucket")),
    };
    let mut hashes = Vec::with_capacity(rows);
    match group.get_column_reader(2)? {
        ColumnReader::Int64ColumnReader(mut column) => {
            column.read_records(rows, None, None, &mut hashes)?
        }
        _ => return Err(unexpected("hash")),
    };
    Ok((buckets, hashes))
}

fn read_group(
    group: &dyn RowGroupReader,
    wanted: impl Fn(u32, i64) -> bool,
    kept: &mut Vec<RowDigest>,
) -> Result<(), ParquetError> {
    let (buckets, hashes) = read_numbers(group)?;
    let keys = read_texts(group, 1, buckets.len())?;
    let values = read_texts(group, 3, buckets.len())?;
    for (((bucket, key), hash), values) in buckets.into_iter().zip(keys).zip(hashes).zip(values) {
        let bucket = u32::try_from(bucket).map_err(out_of_range)?;
        if wanted(bucket, hash) {
            kept.push(RowDigest {
                bucket,
                key,
                hash,
                values,
            });
        }
    }
    Ok(())
}

fn read_texts(
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
) -> Result<Vec<Option<String>>, ParquetError> {
    let ColumnReader::ByteArrayColumnReader(mut reader) = group.get_column_reader(column)? else {
        return Err(unexpected("text"));
    };
    let (mut levels, mut values) = (Vec::with_capacity(rows), Vec::new());
    reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter();
    levels
        .into_iter()
        .map(|level| match level {
            0 => Ok(None),
            _ => values
                .next()
                .ok_or_else(|| unexpected("text"))?
                .as_utf8()
                .map(|text| Some(text.to_owned())),
        })
        .collect()
}

fn unexpected(column: &str) -> ParquetError {
    ParquetError::General(format!("the {column} column has another type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_buckets_select() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let rows: Vec<RowDigest> = (0..70_000_u32)
            .map(|n| RowDigest {
                bucket: n % 8,
                key: (n % 3 != 0).then(|| format!("[\"{n}\"]")),
                hash: i64::from(n) - 5,
                values: (n % 2 == 0).then(|| format!("[\"é{n}\",null]")),
            })
            .collect();
        let mut writer = RowFileWriter::create(&path).unwrap();
        for chunk in rows.chunks(ROWS_PER_GROUP) {
            writer.write(chunk).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(read_rows(&path, |_| true).unwrap(), rows);
        let third: Vec<_> = rows.iter().filter(|row| row.bucket == 3).cloned().collect();
        assert_eq!(read_rows(&path, |bucket| bucket == 3).unwrap(), third);
        let hashes: Vec<i64> = third.iter().map(|row| row.hash).collect();
        assert_eq!(read_hashes(&path, |bucket| bucket == 3).unwrap(), hashes);
        let one = read_matching(&path, |hash| hash == 69_990).unwrap();
        assert_eq!(one, [rows[69_995].clone()]);
    }

    #[test]
    fn a_cut_file_is_an_error_not_fewer_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let mut writer = RowFileWriter::create(&path).unwrap();
        writer
            .write(&[RowDigest {
                bucket: 0,
                key: None,
                hash: 1,
                values: None,
            }])
            .unwrap();
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 6]).unwrap();
        let error = read_rows(&path, |_| true).unwrap_err();
        assert!(error.to_string().contains("rows.parquet"), "{error}");
    }
}
