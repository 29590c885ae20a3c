//! Taking a baseline.

use std::path::{Path, PathBuf};

use futures::{FutureExt, StreamExt};
use nba_db::fingerprint::{
    Digest, FingerprintError, FoundTable, RowDetail, RowDigest, TableFingerprint, TableSpec,
    discover, fingerprint, in_session_snapshot, stream_rows,
};
use nba_db::tokio_postgres::Client;
use nba_db::{Database, Session};
use nba_utils::Verdict;
use tokio::sync::mpsc;

use super::row_file::{ROWS_PER_GROUP, RowFileWriter};
use super::store::{Draft, ROWS, file_digest};
use super::{
    Baseline, BaselineError, BaselineName, Content, Measurement, RowFile, SCHEMA_VERSION,
    TableBaseline,
};
use crate::activity::Activity;
use crate::catalogue::{self, SchemaFacts};
use crate::connections::Effort;
use crate::games::TwinGames;
use crate::rules::RuleBook;
use nba_db::identity::TargetIdentity;

/// Row groups waiting for the disk, per table being read.
const GROUPS_IN_FLIGHT: usize = 2;

/// How a baseline is taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaptureOptions {
    /// Folder of all baselines, usually `.nba/baselines`.
    pub folder: PathBuf,
    /// Name of this one.
    pub name: BaselineName,
    /// The rule of each table.
    pub rules: RuleBook,
    /// Connections and time limits.
    pub effort: Effort,
    /// Tables of more rows get fingerprints only; missing rows are then located to a bucket, not to a key.
    pub max_rows_kept: u64,
    /// Values are kept for tables of at most this many rows …
    pub max_value_rows: u64,
    /// … and at most this many bytes.
    pub max_value_bytes: u64,
}

impl CaptureOptions {
    /// The usual limits: hashes up to 20 million rows, values up to 100,000 rows and 32 MB.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, name: BaselineName) -> Self {
        Self {
            folder: folder.into(),
            name,
            rules: RuleBook::default(),
            effort: Effort::default(),
            max_rows_kept: 20_000_000,
            max_value_rows: 100_000,
            max_value_bytes: 32 * 1024 * 1024,
        }
    }
}

/// What is measured in the snapshot.
enum Task {
    Table(Box<FoundTable>),
    Views,
    Schema,
    TwinGames,
    Activity,
}

enum Found {
    Table(Box<Measured>),
    Views(std::collections::BTreeMap<nba_db::fingerprint::TableName, String>),
    Schema(SchemaFacts),
    TwinGames(Option<Vec<TwinGames>>),
    Activity(Activity),
}

struct Measured {
    spec: TableSpec,
    bytes: u64,
    fingerprint: TableFingerprint,
    rows: Option<RowFile>,
    row_error: Option<BaselineError>,
}

/// Takes a baseline of a database, everything in one snapshot.
///
/// ```no_run
/// # async fn example(db: nba_db::Database) -> Result<(), nba_monitoring::baseline::BaselineError> {
/// use nba_monitoring::baseline::{BaselineName, CaptureOptions, capture};
/// let options = CaptureOptions::new(".nba/baselines", BaselineName::new("before-phase-1")?);
/// let baseline = capture(&db, &options).await?;
/// println!("{} rows in {} tables", baseline.total_rows(), baseline.tables.len());
/// # Ok(()) }
/// ```
///
/// What cannot be measured, a table or anything else, is kept with the reason, and makes the baseline's `complete` verdict `NotProven`.
///
/// # Errors
///
/// [`BaselineError`] when the name is taken, the database cannot be asked at all or the files cannot be written. Nothing is
/// left behind then.
///
/// # Cancellation
///
/// Dropping the future removes the unfinished folder.
pub async fn capture(db: &Database, options: &CaptureOptions) -> Result<Baseline, BaselineError> {
    // Before anything else: which database is this?
    let identity = db.identity().await.map_err(Box::new)?;
    let sessions = options.effort.sessions(db).await.map_err(Box::new)?;
    capture_over(&sessions, identity, options).await
}

async fn capture_over(
    sessions: &[Session],
    identity: TargetIdentity,
    options: &CaptureOptions,
) -> Result<Baseline, BaselineError> {
    let draft = Draft::start(&options.folder, &options.name)?;
    let Some(first) = sessions.first().map(Session::client) else {
        return Err(FingerprintError::NoConnection {
            operation: "take a baseline".to_owned(),
        }
        .into());
    };
    let mut found = discover(first).await?;
    // The largest first, so that no connection is left with it at the end.
    found.sort_by_key(|table| std::cmp::Reverse(table.estimated_bytes));
    let mut tasks: Vec<Task> = found
        .into_iter()
        .map(|table| Task::Table(Box::new(table)))
        .collect();
    tasks.extend([Task::Views, Task::Schema, Task::TwinGames, Task::Activity]);

    let rows_folder = draft.folder().join(ROWS);
    let (snapshot, results) = in_session_snapshot(sessions, &tasks, |client, task| {
        run(client, task, options, &rows_folder).boxed()
    })
    .await?;

    let mut baseline = Baseline {
        schema_version: SCHEMA_VERSION,
        name: options.name.to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        identity,
        snapshot,
        complete: Verdict::Proven,
        tables: std::collections::BTreeMap::new(),
        views: not_asked(),
        schema: not_asked(),
        twin_games: not_asked(),
        activity: not_asked(),
        folder: None,
        digest: None,
    };
    let mut open = Vec::new();
    for (task, result) in tasks.into_iter().zip(results) {
        match (task, result) {
            (Task::Table(_), Ok(Found::Table(measured))) => {
                if let Some(error) = measured.row_error {
                    return Err(error);
                }
                let name = measured.spec.table.clone();
                let table = TableBaseline {
                    rule: options
                        .rules
                        .rule_for(&name, Some(measured.fingerprint.rows)),
                    content: Content::Fingerprint(measured.fingerprint),
                    bytes: measured.bytes,
                    rows: measured.rows,
                    spec: measured.spec,
                };
                baseline.tables.insert(name, table);
            }
            (Task::Table(found), result) => {
                let reason = why_not(result);
                open.push(format!("{}: {reason}", found.spec.table));
                let name = found.spec.table.clone();
                let table = TableBaseline {
                    rule: options.rules.rule_for(&name, None),
                    content: Content::NotMeasured(reason),
                    bytes: found.estimated_bytes,
                    rows: None,
                    spec: found.spec,
                };
                baseline.tables.insert(name, table);
            }
            (Task::Views, Ok(Found::Views(views))) => baseline.views = Measurement::Measured(views),
            (Task::Views, result) => baseline.views = not_measured(&mut open, result),
            (Task::Schema, Ok(Found::Schema(schema))) => {
                baseline.schema = Measurement::Measured(schema);
            }
            (Task::Schema, result) => baseline.schema = not_measured(&mut open, result),
            (Task::TwinGames, Ok(Found::TwinGames(twins))) => {
                baseline.twin_games = Measurement::Measured(twins);
            }
            (Task::TwinGames, result) => baseline.twin_games = not_measured(&mut open, result),
            (Task::Activity, Ok(Found::Activity(activity))) => {
                baseline.activity = Measurement::Measured(activity);
            }
            (Task::Activity, result) => baseline.activity = not_measured(&mut open, result),
        }
    }
    if let Some(reasons) = nba_utils::Reasons::collect(open) {
        baseline.complete = Verdict::NotProven { reasons };
    }
    tokio::task::spawn_blocking(move || draft.complete(baseline))
        .await
        .map_err(stopped)?
}

fn not_asked<T>() -> Measurement<T> {
    Measurement::NotMeasured("it was not asked for".to_owned())
}

/// Keeps the reason twice: where the finding belongs, and in the verdict on the whole.
fn not_measured<T>(
    open: &mut Vec<String>,
    result: Result<Found, FingerprintError>,
) -> Measurement<T> {
    let reason = why_not(result);
    open.push(reason.clone());
    Measurement::NotMeasured(reason)
}

fn why_not(result: Result<Found, FingerprintError>) -> String {
    result.err().map_or_else(
        || "the measurement was mixed up".to_owned(),
        |error| error.reason(),
    )
}

fn stopped(error: tokio::task::JoinError) -> BaselineError {
    BaselineError::Io {
        operation: "write",
        path: PathBuf::from("baseline.json"),
        source: std::io::Error::other(error),
    }
}

async fn run(
    client: &Client,
    task: &Task,
    options: &CaptureOptions,
    folder: &Path,
) -> Result<Found, FingerprintError> {
    options.effort.limit(client).await?;
    match task {
        Task::Table(table) => measure(client, table, options, folder)
            .await
            .map(|measured| Found::Table(Box::new(measured))),
        Task::Views => catalogue::views(client).await.map(Found::Views),
        Task::Schema => catalogue::schema_facts(client).await.map(Found::Schema),
        Task::TwinGames => TwinGames::find(client).await.map(Found::TwinGames),
        Task::Activity => Activity::read(client).await.map(Found::Activity),
    }
}

async fn measure(
    client: &Client,
    table: &FoundTable,
    options: &CaptureOptions,
    folder: &Path,
) -> Result<Measured, FingerprintError> {
    if table.foreign {
        return Err(FingerprintError::Unsupported {
            operation: format!("fingerprint `{}`", table.spec.table),
            reason: "its rows live on another server, which no snapshot covers",
        });
    }
    let mut table = table.clone();
    let bytes = table.measure_size(client).await?;
    let fingerprint = fingerprint(client, &table.spec).await?;
    let rule = options
        .rules
        .rule_for(&table.spec.table, Some(fingerprint.rows));
    let mut measured = Measured {
        spec: table.spec,
        bytes,
        fingerprint,
        rows: None,
        row_error: None,
    };
    let rows = measured.fingerprint.rows;
    if rows == 0 || !rule.rule.needs_rows() || rows > options.max_rows_kept {
        return Ok(measured);
    }
    let values = rows <= options.max_value_rows && bytes <= options.max_value_bytes;
    match keep_rows(
        client,
        &measured.spec,
        &measured.fingerprint,
        values,
        folder,
    )
    .await
    {
        Ok(rows) => measured.rows = Some(rows),
        // A full disk ends the capture; a statement that fails only leaves this table unproven.
        Err(BaselineError::Database(error)) => return Err(error),
        Err(error) => measured.row_error = Some(error),
    }
    Ok(measured)
}

/// Streams the rows to a file and checks that they add up to the fingerprint.
async fn keep_rows(
    client: &Client,
    table: &TableSpec,
    fingerprint: &TableFingerprint,
    values: bool,
    folder: &Path,
) -> Result<RowFile, BaselineError> {
    let name = file_name(table);
    let path = folder.join(&name);
    let (sender, mut receiver) = mpsc::channel::<Vec<RowDigest>>(GROUPS_IN_FLIGHT);
    let writing = tokio::task::spawn_blocking({
        let path = path.clone();
        move || -> Result<nba_utils::Digest, BaselineError> {
            let mut writer = RowFileWriter::create(&path)?;
            while let Some(rows) = receiver.blocking_recv() {
                writer.write(&rows)?;
            }
            writer.finish()?;
            file_digest(&path)
        }
    });

    let buckets: Vec<u32> = (0..table.buckets).collect();
    let detail = if values {
        RowDetail::Values
    } else {
        RowDetail::Hash
    };
    let (mut count, mut digest) = (0_u64, Digest::default());
    let mut rows = stream_rows(client, table, &buckets, detail)
        .await?
        .ready_chunks(ROWS_PER_GROUP);
    let mut group = Vec::with_capacity(ROWS_PER_GROUP);
    while let Some(arrived) = rows.next().await {
        for row in arrived {
            let row = row?;
            count += 1;
            digest = digest.combined(Digest::from(i128::from(row.hash)));
            group.push(row);
        }
        if group.len() >= ROWS_PER_GROUP && sender.send(std::mem::take(&mut group)).await.is_err() {
            // The writer ended early; its error is fetched below.
            break;
        }
    }
    if !group.is_empty() {
        sender.send(group).await.ok();
    }
    drop(sender);
    let blake3 = writing.await.map_err(stopped)??;
    if (count, digest) != (fingerprint.rows, fingerprint.digest) {
        // Same snapshot, so this can only be a fault of ours or of the server: never evidence.
        let what = format!(
            "rows: {count} rows were read, {} were counted",
            fingerprint.rows
        );
        return Err(FingerprintError::Decode {
            operation: format!("read the rows of `{}`", table.table),
            what,
        }
        .into());
    }
    Ok(RowFile {
        path: format!("{ROWS}/{name}"),
        rows: count,
        values,
        blake3,
    })
}

/// A file name no table name can break out of, unique because the digest covers the exact name.
fn file_name(table: &TableSpec) -> String {
    let exact = table.table.to_string();
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if exact.chars().all(safe) && exact.len() < 200 {
        return format!("{exact}.parquet");
    }
    let readable: String = exact.chars().filter(|&c| safe(c)).take(100).collect();
    let digest = nba_utils::Digest::of(exact.as_bytes()).to_string();
    format!("{readable}-{}.parquet", &digest[..16])
}
