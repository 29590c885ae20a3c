//! Listings of lakes, kept in parquet files: what was there, when, and how it can be recognised again.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::stream::{StreamExt as _, TryStreamExt as _};
use nba_utils::{Hint, Verdict};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader as _;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::RowAccessor as _;
use parquet::schema::parser::parse_message_type;
use serde::Serialize;

use super::compare::{CopyReport, Findings, blocking, hash};
use super::digests::{Hasher, digests_of_file, etag_of_file};
use super::{Inventory, Lake, LakeError, LakeTotals};
use crate::parquet_file;

/// Entries per row group.
const ENTRIES_PER_GROUP: usize = 32_768;

const SCHEMA: &str = "message manifest {
    required binary key (UTF8);
    required int64 size;
    optional binary etag (UTF8);
    optional binary modified (UTF8);
    optional binary version (UTF8);
    optional binary checksum (UTF8);
    optional binary blake3 (UTF8);
}";

const LAKE: &str = "nba.lake";
const TAKEN_AT: &str = "nba.taken_at";
const PREFIXES: &str = "nba.prefixes";
const DIGEST: &str = "nba.digest";

/// One object in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Entry {
    /// Key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// ETag without quotes; with `-N` behind it for an upload in `N` parts.
    pub etag: Option<String>,
    /// Time of modification.
    pub modified: Option<DateTime<Utc>>,
    /// Version id.
    pub version: Option<String>,
    /// The checksum the service keeps, `algorithm:value`.
    pub checksum: Option<String>,
    /// BLAKE3 of the content, where it was read.
    pub blake3: Option<String>,
}

/// What goes into a manifest besides the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestOptions {
    /// What of the lake.
    pub what: Inventory,
    /// Ask for version and checksum of every object: one request each.
    pub facts: bool,
    /// Read every object and keep its BLAKE3.
    pub content: bool,
    /// Objects asked or read at once.
    pub concurrency: NonZeroUsize,
}

impl Default for ManifestOptions {
    /// The listing alone.
    fn default() -> Self {
        ManifestOptions {
            what: Inventory::default(),
            facts: false,
            content: false,
            concurrency: NonZeroUsize::new(8).expect("eight is not zero"),
        }
    }
}

/// A complete listing of a lake at one moment, sorted by key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// The lake, as it describes itself.
    pub lake: String,
    /// When the listing began.
    pub taken_at: DateTime<Utc>,
    /// What of the lake: the prefixes, none for all of it.
    pub prefixes: Vec<String>,
    /// By key, each once.
    pub entries: Vec<Entry>,
}

/// Why a manifest cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be written or read.
    #[error("cannot {operation} the manifest `{}`", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is parquet, and no manifest, or not the one that was written.
    #[error("`{}` is no intact manifest: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl Hint for ManifestError {
    fn hint(&self) -> Option<String> {
        Some("make one with `nba lake inventory --manifest FILE`".to_owned())
    }
}

impl Manifest {
    /// Lists a lake. Needs about 150 bytes of memory per object.
    ///
    /// # Errors
    ///
    /// Any error: an incomplete manifest is none.
    pub async fn take(lake: &Lake, options: &ManifestOptions) -> Result<Manifest, LakeError> {
        let taken_at = Utc::now();
        let mut entries: Vec<Entry> = lake
            .inventory(&options.what)
            .map_ok(|object| async move {
                let mut entry = Entry {
                    key: object.key,
                    size: object.size,
                    etag: object.etag,
                    modified: object.modified,
                    version: None,
                    checksum: None,
                    blake3: None,
                };
                if options.facts {
                    let facts = lake.facts(&entry.key).await?;
                    entry.version = facts.version;
                    entry.checksum = facts.checksum;
                    entry.etag = entry.etag.or(facts.etag);
                }
                if options.content {
                    let (_, mut parts) = lake.open(&entry.key).await?;
                    let mut hasher = Hasher::default();
                    while let Some(bytes) = parts.try_next().await? {
                        hasher.add(&bytes);
                    }
                    let digests = hasher.finish();
                    if digests.size != entry.size {
                        return Err(LakeError::Damaged {
                            lake: lake.describe(),
                            key: entry.key,
                            message: format!(
                                "it was listed with {} bytes and has {}",
                                entry.size, digests.size
                            ),
                        });
                    }
                    entry.blake3 = Some(digests.blake3.to_hex().to_string());
                }
                Ok(entry)
            })
            .try_buffer_unordered(options.concurrency.get())
            .try_collect()
            .await?;
        entries.sort();
        Ok(Manifest {
            lake: lake.describe(),
            taken_at,
            prefixes: options.what.disjoint(),
            entries,
        })
    }

    /// Objects and bytes per prefix.
    #[must_use]
    pub fn totals(&self) -> LakeTotals {
        let mut totals = LakeTotals::default();
        for entry in &self.entries {
            totals.add(&super::LakeObject {
                key: entry.key.clone(),
                size: entry.size,
                etag: None,
                modified: None,
            });
        }
        totals
    }

    /// BLAKE3 over all entries: two manifests with one digest list the same.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut field = |text: Option<&str>| {
            let text = text.map_or(&b""[..], str::as_bytes);
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            hasher.update(&length.to_be_bytes());
            hasher.update(text);
        };
        for entry in &self.entries {
            field(Some(&entry.key));
            field(Some(&entry.size.to_string()));
            field(entry.etag.as_deref());
            field(entry.modified.map(moment).as_deref());
            field(entry.version.as_deref());
            field(entry.checksum.as_deref());
            field(entry.blake3.as_deref());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Writes it to a new file, which appears only when it is whole and on the disk. Blocks.
    ///
    /// # Errors
    ///
    /// [`ManifestError::File`], also when the file exists: evidence is not overwritten.
    pub fn write(&self, path: &Path) -> Result<(), ManifestError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ManifestError::File {
            operation: "write",
            path: path.to_owned(),
            source,
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let temporary = tempfile::Builder::new()
            .prefix(".nba-")
            .suffix(".part")
            .tempfile_in(folder)
            .map_err(|e| failed(e.into()))?;
        let file = temporary.reopen().map_err(|e| failed(e.into()))?;
        self.encode(file).map_err(|e| failed(e.into()))?;
        temporary
            .persist_noclobber(path)
            .map_err(|e| failed(e.error.into()))?;
        Ok(())
    }

    fn encode(&self, file: File) -> Result<(), ParquetError> {
        let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![
                pair(LAKE, self.lake.clone()),
                pair(TAKEN_AT, moment(self.taken_at)),
                pair(
                    PREFIXES,
                    serde_json::to_string(&self.prefixes).unwrap_or_default(),
                ),
                pair(DIGEST, self.digest()),
            ]))
            .build();
        let schema = parse_message_type(SCHEMA)?;
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        for entries in self.entries.chunks(ENTRIES_PER_GROUP) {
            let mut group = writer.next_row_group()?;
            required(&mut group, entries.iter().map(|e| e.key.as_str()))?;
            let sizes: Vec<i64> = entries
                .iter()
                .map(|entry| {
                    i64::try_from(entry.size).map_err(|e| ParquetError::General(e.to_string()))
                })
                .collect::<Result<_, _>>()?;
            let mut column = next(&mut group)?;
            column
                .typed::<Int64Type>()
                .write_batch(&sizes, None, None)?;
            column.close()?;
            optional(&mut group, entries.iter().map(|e| e.etag.clone()))?;
            optional(&mut group, entries.iter().map(|e| e.modified.map(moment)))?;
            optional(&mut group, entries.iter().map(|e| e.version.clone()))?;
            optional(&mut group, entries.iter().map(|e| e.checksum.clone()))?;
            optional(&mut group, entries.iter().map(|e| e.blake3.clone()))?;
            group.close()?;
        }
        writer.into_inner()?.sync_all()?;
        Ok(())
    }

    /// Reads a manifest and compares it with its own digest. Blocks.
    ///
    /// # Errors
    ///
    /// [`ManifestError::File`] or [`ManifestError::Damaged`].
    pub fn read(path: &Path) -> Result<Manifest, ManifestError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ManifestError::File {
            operation: "read",
            path: path.to_owned(),
            source,
        };
        let damaged = |problem: String| ManifestError::Damaged {
            path: path.to_owned(),
            problem,
        };
        let reader = parquet_file::open(path).map_err(|e| failed(e.into()))?;
        let pairs = reader
            .metadata()
            .file_metadata()
            .key_value_metadata()
            .cloned()
            .unwrap_or_default();
        let value = |key: &str| {
            pairs
                .iter()
                .find(|pair| pair.key == key)
                .and_then(|pair| pair.value.clone())
                .ok_or_else(|| damaged(format!("it has no `{key}`")))
        };
        let rows = parquet_file::contained(|| {
            let rows = reader.get_row_iter(None)?;
            rows.map(|row| row.map(|row| entry(&row)))
                .collect::<Result<Vec<_>, _>>()
        });
        let entries = rows
            .map_err(|e| failed(e.into()))?
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|e| damaged(e.to_string()))?;
        let manifest = Manifest {
            lake: value(LAKE)?,
            taken_at: value(TAKEN_AT)?
                .parse()
                .map_err(|e| damaged(format!("`{TAKEN_AT}`: {e}")))?,
            prefixes: serde_json::from_str(&value(PREFIXES)?)
                .map_err(|e| damaged(format!("`{PREFIXES}`: {e}")))?,
            entries,
        };
        if value(DIGEST)? != manifest.digest() {
            return Err(damaged(
                "its entries are not those of its digest".to_owned(),
            ));
        }
        Ok(manifest)
    }
}

fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

fn next<'g>(
    group: &'g mut SerializedRowGroupWriter<'_, File>,
) -> Result<parquet::file::writer::SerializedColumnWriter<'g>, ParquetError> {
    group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has no further column".to_owned()))
}

fn required<'t>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    texts: impl Iterator<Item = &'t str>,
) -> Result<(), ParquetError> {
    let values: Vec<ByteArray> = texts.map(|text| text.as_bytes().to_vec().into()).collect();
    write(group, &values, None)
}

fn optional(
    group: &mut SerializedRowGroupWriter<'_, File>,
    texts: impl Iterator<Item = Option<String>>,
) -> Result<(), ParquetError> {
    let mut levels = Vec::new();
    let mut values: Vec<ByteArray> = Vec::new();
    for text in texts {
        levels.push(i16::from(text.is_some()));
        values.extend(text.map(|text| ByteArray::from(text.into_bytes())));
    }
    write(group, &values, Some(&levels))
}

fn write(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[ByteArray],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = next(group)?;
    match column.untyped() {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            writer.write_batch(values, levels, None)?;
        }
        _ => {
            return Err(ParquetError::General(
                "the schema has another column here".to_owned(),
            ));
        }
    }
    column.close()
}

fn entry(row: &parquet::record::Row) -> Result<Entry, ParquetError> {
    let text = |column: usize| -> Result<Option<String>, ParquetError> {
        let (_, field) = row
            .get_column_iter()
            .nth(column)
            .ok_or_else(|| ParquetError::General(format!("column {column} is missing")))?;
        match field {
            parquet::record::Field::Null => Ok(None),
            parquet::record::Field::Str(text) => Ok(Some(text.clone())),
            other => Err(ParquetError::General(format!("`{other}` is no text"))),
        }
    };
    let modified = text(3)?
        .map(|text| text.parse())
        .transpose()
        .map_err(|e: chrono::ParseError| ParquetError::General(e.to_string()))?;
    Ok(Entry {
        key: text(0)?.ok_or_else(|| ParquetError::General("a key is missing".to_owned()))?,
        size: u64::try_from(row.get_long(1)?).map_err(|e| ParquetError::General(e.to_string()))?,
        etag: text(2)?,
        modified,
        version: text(4)?,
        checksum: text(5)?,
        blake3: text(6)?,
    })
}

/// What differs between two manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ManifestDiff {
    /// In both, shown to be the same by a digest.
    pub same: u64,
    /// Only in the right one.
    pub added: Findings,
    /// Only in the left one.
    pub removed: Findings,
    /// In both, with different contents.
    pub changed: Findings,
    /// In both with one size, and nothing that tells their contents apart.
    pub undecided: Findings,
    /// The two do not speak of the same part of a lake.
    pub scope: Option<String>,
}

impl ManifestDiff {
    /// Proven only when both list the same and each pair is shown to be the same.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let refuted = [
            self.removed.reason("are only in the left one"),
            self.added.reason("are only in the right one"),
            self.changed.reason("differ"),
        ];
        let mut parts = vec![Verdict::from_findings(refuted.into_iter().flatten())];
        if let Some(reason) = self
            .undecided
            .reason("have one size and no digest in common")
        {
            parts.push(Verdict::not_proven(reason));
        }
        if let Some(scope) = &self.scope {
            parts.push(Verdict::not_proven(scope.clone()));
        }
        Verdict::all(parts)
    }
}

/// Compares two manifests. Times of modification are no difference: a copy inside S3 sets them anew.
#[must_use]
pub fn diff(left: &Manifest, right: &Manifest) -> ManifestDiff {
    let mut found = ManifestDiff {
        scope: (left.prefixes != right.prefixes).then(|| {
            let name = |prefixes: &[String]| match prefixes {
                [] => "the whole lake".to_owned(),
                some => some.join(", "),
            };
            format!(
                "the left one lists {}, the right one {}",
                name(&left.prefixes),
                name(&right.prefixes)
            )
        }),
        ..ManifestDiff::default()
    };
    let (mut a, mut b) = (
        left.entries.iter().peekable(),
        right.entries.iter().peekable(),
    );
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(l), Some(r)) => l.key.cmp(&r.key),
        };
        match order {
            Ordering::Less => {
                if let Some(entry) = a.next() {
                    found.removed.add(&entry.key);
                }
            }
            Ordering::Greater => {
                if let Some(entry) = b.next() {
                    found.added.add(&entry.key);
                }
            }
            Ordering::Equal => {
                if let (Some(l), Some(r)) = (a.next(), b.next()) {
                    match same(l, r) {
                        Some(true) => found.same += 1,
                        Some(false) => found.changed.add(&l.key),
                        None => found.undecided.add(&l.key),
                    }
                }
            }
        }
    }
}

/// Whether two entries have one content; `None` when neither their sizes nor a digest they share tell.
fn same(left: &Entry, right: &Entry) -> Option<bool> {
    if left.size != right.size {
        return Some(false);
    }
    if let (Some(l), Some(r)) = (&left.blake3, &right.blake3) {
        return Some(l == r);
    }
    if let (Some(l), Some(r)) = (&left.checksum, &right.checksum)
        && l.split(':').next() == r.split(':').next()
        // A checksum of parts depends on the parts.
        && !l.contains('-')
        && !r.contains('-')
    {
        return Some(l == r);
    }
    match (&left.etag, &right.etag) {
        (Some(l), Some(r)) if l == r => Some(true),
        // Other parts or another encryption give the same content another ETag.
        _ => None,
    }
}

/// Compares the files below `copy` with a manifest, without the lake.
///
/// A BLAKE3 in the manifest decides. An ETag can show that a file is the same; where it does not, the file is *undecided*, as
/// parts and encryption of the upload are not known.
///
/// # Errors
///
/// The copy cannot be listed.
pub async fn verify_manifest(
    manifest: &Manifest,
    copy: &Path,
    concurrency: NonZeroUsize,
) -> Result<CopyReport, LakeError> {
    let mut report = CopyReport::default();
    let mut checks = futures::stream::iter(
        manifest
            .entries
            .iter()
            .filter(|entry| !(entry.key.ends_with('/') && entry.size == 0)),
    )
    .map(|entry| {
        let path = copy.join(&entry.key);
        async move {
            let (etag, size, wanted) = (entry.etag.clone(), entry.size, entry.blake3.clone());
            let checked =
                blocking(move || check(&path, size, wanted.as_deref(), etag.as_deref())).await;
            (entry, checked)
        }
    })
    .buffer_unordered(concurrency.get());
    while let Some((entry, checked)) = checks.next().await {
        match checked {
            Ok(Check::Same { by_etag }) => {
                report.same += 1;
                report.by_etag += u64::from(by_etag);
                report.bytes = report.bytes.saturating_add(entry.size);
            }
            Ok(Check::Different(why)) => report.different.add(format!("{} ({why})", entry.key)),
            Ok(Check::Open) => report
                .undecided
                .add(format!("{} (no digest that decides)", entry.key)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                report.missing.add(&entry.key);
            }
            Err(error) => report.undecided.add(format!("{} ({error})", entry.key)),
        }
    }
    drop(checks);
    let known: std::collections::HashSet<u64> = manifest
        .entries
        .iter()
        .map(|entry| hash(&entry.key))
        .collect();
    let local = Lake::local(copy);
    let mut files = local.inventory(&Inventory {
        prefixes: manifest.prefixes.clone(),
        ..Inventory::default()
    });
    while let Some(file) = files.try_next().await? {
        if !known.contains(&hash(&file.key)) {
            report.extra.add(file.key);
        }
    }
    Ok(report)
}

enum Check {
    Same { by_etag: bool },
    Different(String),
    Open,
}

fn check(path: &Path, size: u64, blake3: Option<&str>, etag: Option<&str>) -> io::Result<Check> {
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_file() {
        return Ok(Check::Different("not a regular file".to_owned()));
    }
    if found.len() != size {
        return Ok(Check::Different(format!(
            "{} bytes instead of {size}",
            found.len()
        )));
    }
    if let Some(blake3) = blake3 {
        return Ok(
            if digests_of_file(path)?.blake3.to_hex().as_str() == blake3 {
                Check::Same { by_etag: false }
            } else {
                Check::Different("same size, other content".to_owned())
            },
        );
    }
    match etag {
        Some(etag) if etag_of_file(path, etag)? == Some(true) => Ok(Check::Same { by_etag: true }),
        _ => Ok(Check::Open),
    }
}
