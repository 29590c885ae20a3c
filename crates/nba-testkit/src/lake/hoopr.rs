//! hoopR's four tables of one season as CSV and parquet.
//!
//! The cells are those of the database's rows, which were loaded from these files; only the types are the source's again:
//! truth values instead of 0 and 1, whole numbers instead of doubles (ETL dossier 3.2, 3.3).

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{HooprFiles, LakeError, LakeReport, create_dir};
use crate::schema;
use crate::tables::GameTables;

/// Rows of one parquet row group: at 63 columns about 30 MB before encoding.
const ROW_GROUP: usize = 16_384;

/// Table, folder and file name in `hoopr_phase1/`, folder in `hoopr_parquet/` (ETL dossier 1.4 and 4.1).
const FILES: [(&str, &str, &str, &str); 4] = [
    (
        "public.hoopr_play_by_play",
        "bulk_pbp",
        "pbp",
        "play_by_play",
    ),
    (
        "public.hoopr_player_box",
        "bulk_player_box",
        "player_box",
        "player_box",
    ),
    (
        "public.hoopr_team_box",
        "bulk_team_box",
        "team_box",
        "team_box",
    ),
    (
        "public.hoopr_schedule",
        "bulk_schedule",
        "schedule",
        "schedule",
    ),
];

/// Columns of truth values, which the database keeps as 0 and 1.
const TRUTH: [&str; 26] = [
    "scoring_play",
    "shooting_play",
    "home_favorite",
    "game_spread_available",
    "home_timeout_called",
    "away_timeout_called",
    "starter",
    "ejected",
    "did_not_play",
    "active",
    "team_winner",
    "time_valid",
    "neutral_site",
    "conference_competition",
    "play_by_play_available",
    "recent",
    "venue_indoor",
    "status_type_completed",
    "home_is_active",
    "home_winner",
    "away_is_active",
    "away_winner",
    "game_json",
    "pbp",
    "team_box",
    "player_box",
];

/// Columns that hold fractions in the source too; all other doubles of the database are whole numbers with gaps.
const FRACTIONS: [&str; 11] = [
    "id",
    "coordinate_x",
    "coordinate_y",
    "coordinate_x_raw",
    "coordinate_y_raw",
    "game_spread",
    "home_team_spread",
    "clock_seconds",
    "field_goal_pct",
    "free_throw_pct",
    "three_point_field_goal_pct",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Fraction,
    Truth,
    Text,
    Date,
    Moment,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    kind: Kind,
}

/// Columns of a table with the source's names and types, from the database's definition.
fn columns(table: &str) -> Vec<Column> {
    let Some(table) = schema::table(table) else {
        return Vec::new();
    };
    let definition = table.create_sql("real[]");
    let type_of = |name: &str| {
        definition.lines().find_map(|line| {
            let (column, rest) = line.trim().split_once(' ')?;
            (column.trim_matches('"') == name).then(|| rest.trim_end_matches(',').to_owned())
        })
    };
    table
        .columns()
        .map(|name| {
            let name = name.trim_matches('"');
            let kind = match type_of(name).as_deref() {
                Some("integer" | "double precision") if TRUTH.contains(&name) => Kind::Truth,
                Some("double precision") if FRACTIONS.contains(&name) => Kind::Fraction,
                Some("integer" | "double precision") => Kind::Whole,
                Some("date") => Kind::Date,
                Some("timestamp") => Kind::Moment,
                _ => Kind::Text,
            };
            // Unquoted DDL folded this one name.
            let name = if name == "pbp" { "PBP" } else { name };
            Column {
                name: name.to_owned(),
                kind,
            }
        })
        .collect()
}

/// The files of one season; they appear with the first row.
pub(super) struct Season<'a> {
    dir: &'a Path,
    season: u16,
    forms: HooprFiles,
    tables: [Option<TableFiles>; FILES.len()],
}

impl Season<'_> {
    pub(super) fn new(dir: &Path, season: u16, forms: HooprFiles) -> Season<'_> {
        Season {
            dir,
            season,
            forms,
            tables: [const { None }; FILES.len()],
        }
    }

    /// Appends the rows of some games and takes them away.
    pub(super) fn add(&mut self, rows: &mut GameTables) -> Result<(), LakeError> {
        for (name, rows) in rows.tables() {
            let Some(at) = FILES.iter().position(|(table, ..)| *table == name) else {
                continue;
            };
            let (bytes, count) = rows.take();
            if count == 0 {
                continue;
            }
            let files = match &mut self.tables[at] {
                Some(files) => files,
                None => {
                    let created = TableFiles::create(self.dir, at, self.season, self.forms)?;
                    self.tables[at].insert(created)
                }
            };
            files.add(&bytes)?;
        }
        Ok(())
    }

    pub(super) fn finish(self, report: &mut LakeReport) -> Result<(), LakeError> {
        for files in self.tables.into_iter().flatten() {
            files.finish(report)?;
        }
        Ok(())
    }
}

struct TableFiles {
    columns: Vec<Column>,
    csv: Option<(PathBuf, BufWriter<File>)>,
    parquet: Option<Parquet>,
}

impl TableFiles {
    fn create(
        dir: &Path,
        at: usize,
        season: u16,
        forms: HooprFiles,
    ) -> Result<TableFiles, LakeError> {
        let (table, csv_folder, file, parquet_folder) = FILES[at];
        let columns = columns(table);
        let open = |folder: &str, extension: &str| {
            let folder = dir.join(folder);
            create_dir(&folder)?;
            let path = folder.join(format!("{file}_{season}.{extension}"));
            match File::create(&path) {
                Ok(file) => Ok((path, file)),
                Err(source) => Err(LakeError::Write { path, source }),
            }
        };
        let csv = if matches!(forms, HooprFiles::Csv | HooprFiles::Both) {
            let (path, file) = open(&format!("hoopr_phase1/{csv_folder}"), "csv")?;
            let mut writer = BufWriter::new(file);
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            writeln!(writer, "{}", names.join(",")).map_err(|source| LakeError::Write {
                path: path.clone(),
                source,
            })?;
            Some((path, writer))
        } else {
            None
        };
        let parquet = if matches!(forms, HooprFiles::Parquet | HooprFiles::Both) {
            let (path, file) = open(&format!("hoopr_parquet/{parquet_folder}"), "parquet")?;
            Some(Parquet::new(path, file, &columns)?)
        } else {
            None
        };
        Ok(TableFiles {
            columns,
            csv,
            parquet,
        })
    }

    /// Takes rows in the text format of `COPY`.
    fn add(&mut self, rows: &[u8]) -> Result<(), LakeError> {
        // The rows are made of strings.
        let rows = String::from_utf8_lossy(rows);
        for row in rows.lines() {
            let cells: Vec<Option<String>> = row.split('\t').map(unescaped).collect();
            if let Some((path, writer)) = &mut self.csv {
                csv_row(writer, &self.columns, &cells).map_err(|source| LakeError::Write {
                    path: path.clone(),
                    source,
                })?;
            }
            if let Some(parquet) = &mut self.parquet {
                parquet.add(cells)?;
            }
        }
        Ok(())
    }

    fn finish(self, report: &mut LakeReport) -> Result<(), LakeError> {
        let mut count = |prefix: &str, path: PathBuf| match std::fs::metadata(&path) {
            Ok(metadata) => {
                report.wrote(
                    prefix,
                    usize::try_from(metadata.len()).unwrap_or(usize::MAX),
                );
                Ok(())
            }
            Err(source) => Err(LakeError::Write { path, source }),
        };
        if let Some((path, mut writer)) = self.csv {
            writer.flush().map_err(|source| LakeError::Write {
                path: path.clone(),
                source,
            })?;
            count("hoopr_phase1", path)?;
        }
        if let Some(parquet) = self.parquet {
            count("hoopr_parquet", parquet.finish()?)?;
        }
        Ok(())
    }
}

/// A cell of `COPY`'s text format; `None` is NULL.
fn unescaped(cell: &str) -> Option<String> {
    if cell == "\\N" {
        return None;
    }
    if !cell.contains('\\') {
        return Some(cell.to_owned());
    }
    let mut text = String::with_capacity(cell.len());
    let mut letters = cell.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, false) => text.push(letter),
            (_, true) => match letters.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
        }
    }
    Some(text)
}

/// As R's `write_csv`: `NA` for what is missing, `TRUE` and `FALSE`, quotes where needed.
fn csv_row(
    writer: &mut impl std::io::Write,
    columns: &[Column],
    cells: &[Option<String>],
) -> std::io::Result<()> {
    for (at, (column, cell)) in columns.iter().zip(cells).enumerate() {
        if at > 0 {
            writer.write_all(b",")?;
        }
        match (column.kind, cell.as_deref()) {
            (_, None) => writer.write_all(b"NA")?,
            (Kind::Truth, Some(cell)) => {
                writer.write_all(if cell == "1" { b"TRUE" } else { b"FALSE" })?;
            }
            (Kind::Text, Some(cell)) if cell.contains([',', '"', '\n', '\r']) => {
                write!(writer, "\"{}\"", cell.replace('"', "\"\""))?;
            }
            (_, Some(cell)) => writer.write_all(cell.as_bytes())?,
        }
    }
    writer.write_all(b"\n")
}

/// A parquet file, with the rows of the group being filled.
struct Parquet {
    path: PathBuf,
    kinds: Vec<Kind>,
    writer: SerializedFileWriter<File>,
    /// Column after column, as texts.
    cells: Vec<Vec<Option<String>>>,
}

impl Parquet {
    fn new(path: PathBuf, file: File, columns: &[Column]) -> Result<Parquet, LakeError> {
        let writer = schema_of(columns)
            .and_then(|schema| {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_created_by("nba-testkit".to_owned())
                    .build();
                SerializedFileWriter::new(file, schema, Arc::new(properties))
            })
            .map_err(|source| LakeError::Parquet {
                path: path.clone(),
                source,
            })?;
        Ok(Parquet {
            path,
            kinds: columns.iter().map(|column| column.kind).collect(),
            writer,
            cells: vec![Vec::new(); columns.len()],
        })
    }

    fn add(&mut self, row: Vec<Option<String>>) -> Result<(), LakeError> {
        for (column, cell) in self.cells.iter_mut().zip(row) {
            column.push(cell);
        }
        if self
            .cells
            .first()
            .is_some_and(|column| column.len() >= ROW_GROUP)
        {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LakeError> {
        if self.cells.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let write = || -> Result<(), ParquetError> {
            let mut group = self.writer.next_row_group()?;
            for (kind, column) in self.kinds.iter().zip(&self.cells) {
                write_column(&mut group, *kind, column)?;
            }
            group.close()?;
            Ok(())
        };
        let result = { write }();
        result.map_err(|source| LakeError::Parquet {
            path: self.path.clone(),
            source,
        })?;
        self.cells.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    fn finish(mut self) -> Result<PathBuf, LakeError> {
        self.flush()?;
        match self.writer.close() {
            Ok(_) => Ok(self.path),
            Err(source) => Err(LakeError::Parquet {
                path: self.path,
                source,
            }),
        }
    }
}

fn schema_of(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let fields: Result<Vec<TypePtr>, ParquetError> = columns
        .iter()
        .map(|column| {
            let (physical, logical) = match column.kind {
                Kind::Whole => (Physical::INT32, None),
                Kind::Fraction => (Physical::DOUBLE, None),
                Kind::Truth => (Physical::BOOLEAN, None),
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
                Kind::Moment => (
                    Physical::INT64,
                    Some(LogicalType::timestamp(false, TimeUnit::MICROS)),
                ),
            };
            Type::primitive_type_builder(&column.name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical)
                .build()
                .map(Arc::new)
        })
        .collect();
    Type::group_type_builder("schema")
        .with_fields(fields?)
        .build()
        .map(Arc::new)
}

fn write_column(
    group: &mut SerializedRowGroupWriter<'_, File>,
    kind: Kind,
    cells: &[Option<String>],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General(
            "more columns than the schema has".to_owned(),
        ));
    };
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let present = || cells.iter().flatten();
    let bad = |cell: &str| ParquetError::General(format!("`{cell}` is not a {kind:?}"));
    match kind {
        Kind::Whole => {
            // Some whole numbers are printed as doubles.
            let values: Result<Vec<i32>, _> = present()
                .map(|cell| cell.trim_end_matches(".0").parse().map_err(|_| bad(cell)))
                .collect();
            column
                .typed::<Int32Type>()
                .write_batch(&values?, Some(&levels), None)?;
        }
        Kind::Fraction => {
            let values: Result<Vec<f64>, _> = present()
                .map(|cell| cell.parse().map_err(|_| bad(cell)))
                .collect();
            column
                .typed::<DoubleType>()
                .write_batch(&values?, Some(&levels), None)?;
        }
        Kind::Truth => {
            let values: Vec<bool> = present().map(|cell| cell == "1").collect();
            column
                .typed::<BoolType>()
                .write_batch(&values, Some(&levels), None)?;
        }
        Kind::Text => {
            let values: Vec<ByteArray> = present()
                .map(|cell| ByteArray::from(cell.as_str()))
                .collect();
            column
                .typed::<ByteArrayType>()
                .write_batch(&values, Some(&levels), None)?;
        }
        Kind::Date => {
            let epoch = NaiveDate::default();
            let values: Result<Vec<i32>, _> = present()
                .map(|cell| {
                    let date: NaiveDate = cell.parse().map_err(|_| bad(cell))?;
                    i32::try_from((date - epoch).num_days()).map_err(|_| bad(cell))
                })
                .collect();
            column
                .typed::<Int32Type>()
                .write_batch(&values?, Some(&levels), None)?;
        }
        Kind::Moment => {
            let values: Result<Vec<i64>, _> = present()
                .map(|cell| {
                    NaiveDateTime::parse_from_str(cell, "%Y-%m-%d %H:%M:%S%.f")
                        .map(|time| time.and_utc().timestamp_micros())
                        .map_err(|_| bad(cell))
                })
                .collect();
            column
                .typed::<Int64Type>()
                .write_batch(&values?, Some(&levels), None)?;
        }
    }
    column.close()
}
