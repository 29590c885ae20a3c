//! The recorded past as one parquet file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt as _;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use tokio::sync::mpsc;

use super::history::{EXPORT_SQL, History, HistoryError};
use super::level::Level;

/// Rows per row group, which bounds the memory of reader and writer.
const ROWS_PER_GROUP: usize = 32_768;
/// Groups between the reader and the writer.
const GROUPS_WAITING: usize = 2;

const SCHEMA: &str = "message history {
    required binary resolution (UTF8);
    required binary name (UTF8);
    required int64 at (TIMESTAMP(MILLIS, true));
    required binary level (UTF8);
    required int64 looks;
    optional double mean;
    optional double min;
    optional double max;
}";

/// What the three resolutions are called.
const RESOLUTIONS: [&str; 3] = ["look", "hour", "day"];

/// One sample of any resolution.
struct Sample {
    resolution: i64,
    name: String,
    at: i64,
    level: Level,
    looks: i64,
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

impl History {
    /// Writes the past of the names that begin with `prefix` as a parquet file, and says how many rows that are. Memory is a few row
    /// groups, whatever the length of the past.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when there is no history, when `to` exists (nothing is overwritten), or when reading or writing fails; no half
    /// file is left.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves no file under the wanted name.
    pub async fn export(&self, prefix: &str, to: &Path) -> Result<u64, HistoryError> {
        let Some(pool) = self.existing().await? else {
            return Err(HistoryError::Missing {
                path: self.path().to_owned(),
            });
        };
        let (sender, receiver) = mpsc::channel(GROUPS_WAITING);
        let target = to.to_owned();
        let writer = tokio::task::spawn_blocking(move || write(&target, receiver));
        let read = async {
            let mut rows = sqlx::query(EXPORT_SQL).bind(prefix).fetch(&pool);
            let mut group = Vec::new();
            while let Some(row) = rows.try_next().await? {
                group.push(sample(&row)?);
                if group.len() == ROWS_PER_GROUP
                    && sender.send(Some(std::mem::take(&mut group))).await.is_err()
                {
                    // The writer failed, and says why.
                    return Ok(());
                }
            }
            if !group.is_empty() {
                let _ = sender.send(Some(group)).await;
            }
            // The end that was reached; without it the writer leaves nothing.
            let _ = sender.send(None).await;
            Ok(())
        };
        let read: Result<(), sqlx::Error> = read.await;
        drop(sender);
        let written = writer.await;
        read.map_err(self.failed("read"))?;
        written.map_err(|error| HistoryError::Export {
            action: "write",
            path: to.to_owned(),
            source: io::Error::other(error),
        })?
    }
}

fn sample(row: &SqliteRow) -> Result<Sample, sqlx::Error> {
    Ok(Sample {
        resolution: row.try_get(0)?,
        name: row.try_get(1)?,
        at: row.try_get(2)?,
        level: Level::from_rank(row.try_get(3)?),
        looks: row.try_get(4)?,
        mean: row.try_get(5)?,
        min: row.try_get(6)?,
        max: row.try_get(7)?,
    })
}

/// Writes beside the target, and gives the file its name when it is whole.
fn write(to: &Path, groups: mpsc::Receiver<Option<Vec<Sample>>>) -> Result<u64, HistoryError> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| HistoryError::Export {
            action,
            path,
            source,
        }
    };
    if to.exists() {
        return Err(failed("write", to)(io::ErrorKind::AlreadyExists.into()));
    }
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let rows = write_groups(&partial, groups);
    match rows {
        Ok(Some(rows)) => {
            fs::rename(&partial, to).map_err(failed("name", to))?;
            Ok(rows)
        }
        Ok(None) => {
            let _ = fs::remove_file(&partial);
            Err(failed("finish", to)(io::ErrorKind::UnexpectedEof.into()))
        }
        Err(error) => {
            let _ = fs::remove_file(&partial);
            Err(failed("write", &partial)(error))
        }
    }
}

/// The rows that were written; `None` when the reader did not come to its end.
fn write_groups(
    path: &Path,
    mut groups: mpsc::Receiver<Option<Vec<Sample>>>,
) -> Result<Option<u64>, io::Error> {
    let file = File::create(path)?;
    let schema = parse_message_type(SCHEMA).map_err(io::Error::other)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
        .map_err(io::Error::other)?;
    let mut rows = 0_u64;
    let mut ended = false;
    while let Some(message) = groups.blocking_recv() {
        let Some(group) = message else {
            ended = true;
            break;
        };
        rows += u64::try_from(group.len()).unwrap_or(u64::MAX);
        let mut open = writer.next_row_group().map_err(io::Error::other)?;
        write_group(&mut open, &group).map_err(io::Error::other)?;
        open.close().map_err(io::Error::other)?;
    }
    let file = writer.into_inner().map_err(io::Error::other)?;
    file.sync_all()?;
    Ok(ended.then_some(rows))
}

fn write_group(
    group: &mut SerializedRowGroupWriter<'_, File>,
    samples: &[Sample],
) -> Result<(), ParquetError> {
    let texts = |text: fn(&Sample) -> &str| -> Vec<ByteArray> {
        let texts = samples.iter().map(text);
        texts
            .map(|text| ByteArray::from(text.as_bytes().to_vec()))
            .collect()
    };
    let numbers = |number: fn(&Sample) -> i64| -> Vec<i64> { samples.iter().map(number).collect() };
    column::<ByteArrayType>(group, &texts(resolution), None)?;
    column::<ByteArrayType>(group, &texts(|sample| &sample.name), None)?;
    column::<Int64Type>(group, &numbers(|sample| sample.at), None)?;
    column::<ByteArrayType>(group, &texts(|sample| sample.level.as_str()), None)?;
    column::<Int64Type>(group, &numbers(|sample| sample.looks), None)?;
    let figures: [fn(&Sample) -> Option<f64>; 3] = [
        |sample| sample.mean,
        |sample| sample.min,
        |sample| sample.max,
    ];
    for value in figures {
        let levels: Vec<i16> = samples
            .iter()
            .map(|sample| i16::from(value(sample).is_some()))
            .collect();
        let values: Vec<f64> = samples.iter().filter_map(value).collect();
        column::<DoubleType>(group, &values, Some(&levels))?;
    }
    Ok(())
}

fn resolution(sample: &Sample) -> &str {
    let known = usize::try_from(sample.resolution).ok();
    known
        .and_then(|at| RESOLUTIONS.get(at).copied())
        .unwrap_or("unknown")
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has fewer columns".to_owned()))?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
