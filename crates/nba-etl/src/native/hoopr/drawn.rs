//! Fewer games of a season's file: what a dual run gives to both sides, so that its work is bounded by games and not by seasons.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt as _;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader as _;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};

use super::source::{self, Cell, Form, for_each_row};
use super::{Table, fetch, season_of};
use crate::lake::{Inventory, Lake, LakeError};
use crate::native::load::ReadError;
use crate::parquet_file::contained;

/// The column that says which game a row belongs to.
const GAME: &str = "game_id";

/// Why a season's file cannot be cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// The file cannot be fetched.
    #[error("cannot read `{key}`")]
    Lake {
        /// Its key.
        key: String,
        /// The reason.
        source: LakeError,
    },
    /// It is no file of this table.
    #[error("`{key}` cannot be read")]
    File {
        /// Its key.
        key: String,
        /// Why, with the line where there is one.
        source: ReadError,
    },
    /// The reader broke down.
    #[error("the reader of `{key}` broke down")]
    Reader {
        /// Its key.
        key: String,
    },
}

/// The season files of a table in a lake, by season.
///
/// # Errors
///
/// The lake cannot be listed.
pub async fn season_files(
    lake: &Lake,
    table: Table,
    form: Form,
) -> Result<Vec<(i32, String)>, LakeError> {
    let ending = match form {
        Form::Csv => ".csv",
        Form::Parquet => ".parquet",
    };
    let mut files: Vec<(i32, String)> = lake
        .inventory(&Inventory::of(table.prefix(form)))
        .map_ok(|object| object.key)
        .try_filter_map(|key| {
            let name = key.rsplit('/').next().unwrap_or(&key);
            let season = season_of(name).filter(|_| name.ends_with(ending));
            std::future::ready(Ok(season.map(|season| (season, key))))
        })
        .try_collect()
        .await?;
    files.sort_unstable();
    Ok(files)
}

/// The games of a season's file.
///
/// # Errors
///
/// [`DrawError`].
pub async fn games_of(lake: &Lake, key: &str) -> Result<BTreeSet<String>, DrawError> {
    on_file(lake, key, |path| {
        let mut games = BTreeSet::new();
        each_game(path, &mut |game| {
            if let Some(game) = game
                && !games.contains(&game)
            {
                games.insert(game);
            }
        })?;
        Ok(games)
    })
    .await
}

/// Writes the file of a season once more, under the same key in `folder`, with the rows of these games and those of none. Cells, their
/// order and their types stay as they are; a file of which nothing is left out is copied byte by byte.
///
/// # Errors
///
/// [`DrawError`].
pub async fn cut(
    lake: &Lake,
    key: &str,
    games: Arc<BTreeSet<String>>,
    folder: &Path,
) -> Result<(), DrawError> {
    let to = folder.join(key);
    on_file(lake, key, move |from| {
        let io = |error: std::io::Error| ReadError::new(error.to_string());
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        let mut keep = Vec::new();
        each_game(from, &mut |game| {
            keep.push(game.is_none_or(|game| games.contains(&game)));
        })?;
        if keep.iter().all(|kept| *kept) {
            std::fs::copy(from, &to).map_err(io)?;
            return Ok(());
        }
        match Form::of(from).map_err(io)? {
            Form::Csv => cut_csv(from, &to, &keep),
            Form::Parquet => {
                cut_parquet(from, &to, &keep).map_err(|error| ReadError::new(error.to_string()))
            }
        }
    })
    .await
}

async fn on_file<T: Send + 'static>(
    lake: &Lake,
    key: &str,
    work: impl FnOnce(&Path) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, DrawError> {
    let file = fetch(lake, key).await.map_err(|source| DrawError::Lake {
        key: key.to_owned(),
        source,
    })?;
    let path: PathBuf = file.path().to_owned();
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    drop(file);
    done.map_err(|_| DrawError::Reader {
        key: key.to_owned(),
    })?
    .map_err(|source| DrawError::File {
        key: key.to_owned(),
        source,
    })
}

/// The game of each row, in the file's order; `None` where the row has none, or no cells that could be told apart.
fn each_game(path: &Path, take: &mut dyn FnMut(Option<String>)) -> Result<(), ReadError> {
    let form = Form::of(path).map_err(|error| ReadError::new(error.to_string()))?;
    let columns = source::columns(path, form)?;
    let at = columns
        .iter()
        .position(|column| column.eq_ignore_ascii_case(GAME))
        .ok_or_else(|| ReadError::new(format!("it has no column `{GAME}`")))?;
    for_each_row(path, form, &[at], &mut |_, cells| {
        take(
            cells
                .ok()
                .and_then(|cells| cells.first().copied())
                .and_then(game),
        );
        Ok(())
    })
}

/// A game's id in one spelling, whatever form the file gives it.
fn game(cell: Cell<'_>) -> Option<String> {
    let text = match cell {
        Cell::Text(text) => text.trim().to_owned(),
        Cell::Whole(value) => value.to_string(),
        Cell::Real(value) => value.to_string(),
        _ => return None,
    };
    let text = text.strip_suffix(".0").unwrap_or(&text);
    (!text.is_empty() && text != "NA").then(|| text.to_owned())
}

fn cut_csv(from: &Path, to: &Path, keep: &[bool]) -> Result<(), ReadError> {
    let io = |error: std::io::Error| ReadError::new(error.to_string());
    let bytes = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_path(from)
        .map_err(|error| ReadError::new(error.to_string()));
    let mut reader = bytes?;
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(BufWriter::new(File::create(to).map_err(io)?));
    let mut record = csv::ByteRecord::new();
    // The heading stays.
    let mut kept = std::iter::once(&true).chain(keep);
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| ReadError::new(error.to_string()))?
    {
        if kept.next().copied().unwrap_or(true) {
            writer
                .write_byte_record(&record)
                .map_err(|error| ReadError::new(error.to_string()))?;
        }
    }
    let mut file = writer
        .into_inner()
        .map_err(|error| ReadError::new(error.to_string()))?;
    file.flush().map_err(io)
}

fn cut_parquet(from: &Path, to: &Path, keep: &[bool]) -> Result<(), ParquetError> {
    let reader = source::open_parquet(from)?;
    let schema = reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .root_schema_ptr();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(File::create(to)?, schema, properties)?;
    let mut begin = 0;
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index)?;
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        let keep = keep.get(begin..begin + rows).unwrap_or_default();
        begin += rows;
        if !keep.iter().any(|kept| *kept) {
            continue;
        }
        let mut out = writer.next_row_group()?;
        for at in 0..group.num_columns() {
            let Some(mut column) = out.next_column()? else {
                break;
            };
            let column_writer = &mut column;
            match contained(|| group.get_column_reader(at))? {
                ColumnReader::BoolColumnReader(from) => {
                    cut_column::<BoolType>(from, column_writer, keep)?;
                }
                ColumnReader::Int32ColumnReader(from) => {
                    cut_column::<Int32Type>(from, column_writer, keep)?;
                }
                ColumnReader::Int64ColumnReader(from) => {
                    cut_column::<Int64Type>(from, column_writer, keep)?;
                }
                ColumnReader::Int96ColumnReader(from) => {
                    cut_column::<Int96Type>(from, column_writer, keep)?;
                }
                ColumnReader::FloatColumnReader(from) => {
                    cut_column::<FloatType>(from, column_writer, keep)?;
                }
                ColumnReader::DoubleColumnReader(from) => {
                    cut_column::<DoubleType>(from, column_writer, keep)?;
                }
                ColumnReader::ByteArrayColumnReader(from) => {
                    cut_column::<ByteArrayType>(from, column_writer, keep)?;
                }
                ColumnReader::FixedLenByteArrayColumnReader(from) => {
                    cut_column::<FixedLenByteArrayType>(from, column_writer, keep)?;
                }
            }
            column.close()?;
        }
        out.close()?;
    }
    writer.close()?;
    Ok(())
}

/// One column of one row group; a flat one, as all of hoopR's are.
fn cut_column<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    to: &mut SerializedColumnWriter<'_>,
    keep: &[bool],
) -> Result<(), ParquetError> {
    let (mut levels, mut values): (Vec<i16>, Vec<T::T>) = (Vec::new(), Vec::new());
    loop {
        let (records, ..) =
            contained(|| from.read_records(keep.len(), Some(&mut levels), None, &mut values))?;
        if records == 0 {
            break;
        }
    }
    // A required column has no levels: each row has a value.
    let optional = !levels.is_empty();
    let mut values = values.into_iter();
    let (mut kept_levels, mut kept_values) = (Vec::new(), Vec::new());
    for (at, kept) in keep.iter().enumerate() {
        let level = levels.get(at).copied().unwrap_or(1);
        let value = (level > 0).then(|| values.next()).flatten();
        if *kept {
            kept_levels.push(level);
            kept_values.extend(value);
        }
    }
    to.typed::<T>()
        .write_batch(&kept_values, optional.then_some(&kept_levels[..]), None)?;
    Ok(())
}
