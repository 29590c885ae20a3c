//! Taking a baseline.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use futures::{FutureExt, StreamExt};
use nba_db::fingerprint::schema::{self, SchemaFacts};
use nba_db::fingerprint::{
    Checkpoint, Detail, Digest, ENCODING_VERSION, FingerprintError, FoundTable, Kept, RowDetail,
    RowDigest, SnapshotInfo, TableFingerprint, TableSpec, discover, fingerprint_gently,
    in_noted_snapshot, stream_rows_gently,
};
use nba_db::gentle::{Gentleness, Governor};
use nba_db::quiet::Tick;
use nba_db::tokio_postgres::Client;
use nba_db::{Database, Session};
use nba_utils::Verdict;
use tokio::sync::mpsc;

use super::row_file::{ROWS_PER_GROUP, RowFileWriter};
use super::store::{Draft, ROWS, check_digest, file_digest};
use super::{
    Baseline, BaselineError, BaselineName, Content, Measurement, RowFile, SCHEMA_VERSION,
    TableBaseline,
};
use crate::activity::Activity;
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
    /// When to rest and to pause; never, when absent.
    pub gentleness: Option<Gentleness>,
    /// The run that takes it, so that it can be told from who approves it.
    pub taken_by: String,
    /// Of which tables rows are kept.
    pub rows: RowsKept,
    /// Tables of more rows get fingerprints only; missing rows are then located to a bucket, not to a key.
    pub max_rows_kept: u64,
    /// Values are kept for tables of at most this many rows …
    pub max_value_rows: u64,
    /// … and at most this many bytes.
    pub max_value_bytes: u64,
}

/// Of which tables a baseline keeps rows, beside the fingerprint that every table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowsKept {
    /// Of all whose rule is about rows: key and hash; of small ones the values too.
    #[default]
    All,
    /// Of small ones only.
    Small,
    /// Of none: differences are told by table and column, not by row.
    None,
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
            gentleness: None,
            taken_by: String::new(),
            rows: RowsKept::default(),
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
    table: TableBaseline,
    error: Option<BaselineError>,
}

/// Takes a baseline of a database, everything in one snapshot.
///
/// The first of a name is in effect at once; a later one is a candidate (see [`promote`](super::promote)).
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
/// A run that ends early, by force or by an error, leaves its finished tables behind; the next one of the same name takes those that
/// were not written since, and measures the others.
///
/// # Errors
///
/// [`BaselineError`] when a candidate waits already, the database cannot be asked at all or the files cannot be written.
///
/// # Cancellation
///
/// Dropping the future cancels what runs on the server.
pub async fn capture(db: &Database, options: &CaptureOptions) -> Result<Baseline, BaselineError> {
    // Before anything else: which database is this?
    let identity = db.identity().await.map_err(Box::new)?;
    let sessions = options.effort.sessions(db).await.map_err(Box::new)?;
    capture_over(&sessions, identity, options).await
}

/// What the measuring of all tables shares.
struct Run<'a> {
    options: &'a CaptureOptions,
    draft: &'a Path,
    governor: &'a Governor,
    checkpoint: Option<&'a Checkpoint>,
    begun: &'a OnceLock<SnapshotInfo>,
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
    let checkpoint = checkpoint(first, &draft, &identity, options).await?;
    let mut found = discover(first).await?;
    // The largest first, so that no connection is left with it at the end.
    found.sort_by_key(|table| std::cmp::Reverse(table.estimated_bytes));
    let mut tasks: Vec<Task> = found
        .into_iter()
        .map(|table| Task::Table(Box::new(table)))
        .collect();
    tasks.extend([Task::Views, Task::Schema, Task::TwinGames, Task::Activity]);

    let governor = options
        .gentleness
        .clone()
        .map_or_else(Governor::unlimited, Governor::new);
    let begun = OnceLock::new();
    let run = Run {
        options,
        draft: draft.folder(),
        governor: &governor,
        checkpoint: checkpoint.as_ref(),
        begun: &begun,
    };
    let (snapshot, results) = in_noted_snapshot(
        sessions,
        &tasks,
        |snapshot| {
            begun.set(snapshot.clone()).ok();
        },
        |client, task| run.task(client, task).boxed(),
    )
    .await?;

    let mut baseline = Baseline {
        schema_version: SCHEMA_VERSION,
        name: options.name.to_string(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        taken_by: options.taken_by.clone(),
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
                if let Some(error) = measured.error {
                    return Err(error);
                }
                let table = measured.table;
                baseline.tables.insert(table.spec.table.clone(), table);
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
                    carried: None,
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

/// Opens the draft's finished tables. Without readable write counters a capture works, but cannot be resumed.
async fn checkpoint(
    client: &Client,
    draft: &Draft,
    identity: &TargetIdentity,
    options: &CaptureOptions,
) -> Result<Option<Checkpoint>, BaselineError> {
    // Before the snapshot, so that the counters hold nothing the snapshot does not see.
    let tick = match Tick::read(client).await {
        Ok(tick) => tick,
        Err(error) if error.is_connection_lost() => return Err(error.into()),
        Err(error) => {
            tracing::info!(reason = %error.reason(), "an interruption of this capture would lose all of it");
            return Ok(None);
        }
    };
    // What was measured of another database, or with other options, is of no use.
    let key = format!(
        "{:?} {} {} {ENCODING_VERSION} {:?} {} {} {} {:?}",
        identity.brief.system_identifier,
        identity.brief.database_oid,
        identity.brief.role,
        options.rows,
        options.max_rows_kept,
        options.max_value_rows,
        options.max_value_bytes,
        options.rules,
    );
    let folder = draft.finished();
    match Checkpoint::open(&folder, key, tick) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(source) => Err(BaselineError::Io {
            operation: "create",
            path: folder,
            source,
        }),
    }
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

impl Run<'_> {
    async fn task(&self, client: &Client, task: &Task) -> Result<Found, FingerprintError> {
        self.options.effort.limit(client).await?;
        match task {
            Task::Table(table) => self
                .table(client, table)
                .await
                .map(|measured| Found::Table(Box::new(measured))),
            Task::Views => schema::views(client).await.map(Found::Views),
            Task::Schema => schema::schema_facts(client).await.map(Found::Schema),
            Task::TwinGames => TwinGames::find(client).await.map(Found::TwinGames),
            Task::Activity => Activity::read(client).await.map(Found::Activity),
        }
    }

    async fn table(
        &self,
        client: &Client,
        found: &FoundTable,
    ) -> Result<Measured, FingerprintError> {
        if let Some(table) = self.finished_before(found).await {
            return Ok(Measured { table, error: None });
        }
        let mut measured = self.measure(client, found).await?;
        if let (Some(checkpoint), Some(snapshot), None) =
            (self.checkpoint, self.begun.get(), &measured.error)
        {
            // A full disk ends the capture, here as well as with the rows.
            measured.error = checkpoint
                .keep(&found.spec.table, snapshot, &measured.table)
                .err()
                .map(Into::into);
        }
        Ok(measured)
    }

    /// The table as an interrupted run left it, if nothing was written to it since and its rows are whole.
    async fn finished_before(&self, found: &FoundTable) -> Option<TableBaseline> {
        let Kept { mut value, carried } =
            self.checkpoint?.kept::<TableBaseline>(&found.spec.table)?;
        if let Some(file) = &value.rows {
            let (path, blake3) = (self.draft.join(&file.path), file.blake3);
            let whole = tokio::task::spawn_blocking(move || check_digest(&path, blake3));
            whole.await.ok()?.ok()?;
        }
        value.carried = Some(carried);
        Some(value)
    }

    async fn measure(
        &self,
        client: &Client,
        found: &FoundTable,
    ) -> Result<Measured, FingerprintError> {
        if found.foreign {
            return Err(FingerprintError::Unsupported {
                operation: format!("fingerprint `{}`", found.spec.table),
                reason: "its rows live on another server, which no snapshot covers",
            });
        }
        let options = self.options;
        let mut found = found.clone();
        let bytes = found.measure_size(client).await?;
        let content =
            fingerprint_gently(client, &found.spec, Detail::Columns, self.governor).await?;
        let rule = options
            .rules
            .rule_for(&found.spec.table, Some(content.rows));
        let rows = content.rows;
        let small = rows <= options.max_value_rows && bytes <= options.max_value_bytes;
        let wanted = match options.rows {
            RowsKept::All => rows <= options.max_rows_kept,
            RowsKept::Small => small,
            RowsKept::None => false,
        };
        let mut measured = Measured {
            table: TableBaseline {
                content: Content::Fingerprint(content.clone()),
                bytes,
                rows: None,
                carried: None,
                spec: found.spec,
                rule,
            },
            error: None,
        };
        if rows == 0 || !wanted || !measured.table.rule.rule.needs_rows() {
            return Ok(measured);
        }
        match self
            .keep_rows(client, &measured.table.spec, &content, small)
            .await
        {
            Ok(rows) => measured.table.rows = Some(rows),
            // A full disk ends the capture; a statement that fails only leaves this table unproven.
            Err(BaselineError::Database(error)) => return Err(error),
            Err(error) => measured.error = Some(error),
        }
        Ok(measured)
    }

    /// Streams the rows to a file and checks that they add up to the fingerprint.
    async fn keep_rows(
        &self,
        client: &Client,
        table: &TableSpec,
        fingerprint: &TableFingerprint,
        values: bool,
    ) -> Result<RowFile, BaselineError> {
        let name = file_name(table);
        let path = self.draft.join(ROWS).join(&name);
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
        let mut rows = stream_rows_gently(client, table, &buckets, detail, self.governor)
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
            if group.len() >= ROWS_PER_GROUP
                && sender.send(std::mem::take(&mut group)).await.is_err()
            {
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
