//! Fingerprints of many tables in one snapshot, as a document that can be kept and compared with a later one.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use nba_utils::atomic::FileError;
use nba_utils::{Digest, Hint, Reasons, Verdict};
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::checkpoint::{Carried, Checkpoint, Kept};
use super::measurement::Measurement;
use super::piece::Share;
use super::profile::{ColumnProfile, profile};
use super::schema::{SchemaFacts, facts_digest, schema_facts, views};
use super::{
    Detail, ENCODING_VERSION, FingerprintError, FoundTable, SnapshotInfo, TableFingerprint,
    TableName, TableSpec, discover, discover_views, fingerprint_share, in_noted_snapshot,
};
use crate::database::Database;
use crate::error::DbError;
use crate::gentle::{Account, Gentleness, Governor};
use crate::identity::TargetIdentity;
use crate::quiet::Tick;
use crate::session::Session;

/// Version of the document's form.
pub const REPORT_FORMAT: u32 = 1;

/// What is fingerprinted, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FingerprintOptions {
    /// Tables or views; all tables when empty.
    pub tables: Vec<TableName>,
    /// Whether columns have digests of their own.
    pub detail: Detail,
    /// Sessions at once; fewer when the pool has fewer.
    pub connections: NonZeroUsize,
    /// Longest statement; a table that needs longer is not measured.
    pub statement_timeout: Duration,
    /// When to rest and to pause; never, when absent.
    pub gentleness: Option<Gentleness>,
    /// Folder for finished tables, from which a killed run goes on; it is removed at the end of a run that measured everything.
    pub checkpoint: Option<PathBuf>,
}

impl Default for FingerprintOptions {
    /// All tables with all columns, two sessions, five minutes per statement, no rests.
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            detail: Detail::Columns,
            connections: NonZeroUsize::MIN.saturating_add(1),
            statement_timeout: Duration::from_secs(300),
            gentleness: None,
            checkpoint: None,
        }
    }
}

/// What many tables held at one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FingerprintReport {
    /// Version of this form.
    pub format: u32,
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// Version of the way values become hashes.
    pub encoding: u32,
    /// Which database it is about.
    pub identity: TargetIdentity,
    /// The snapshot everything was read in, but for the tables that say otherwise.
    pub snapshot: SnapshotInfo,
    /// Whether columns have digests of their own.
    pub detail: Detail,
    /// `Proven` when everything that was asked for was measured.
    pub verdict: Verdict,
    /// BLAKE3 over the definitions of all tables, views and sequences.
    pub schema: Measurement<Digest>,
    /// Views and materialised views with the BLAKE3 of their definition.
    pub views: Measurement<BTreeMap<TableName, String>>,
    /// Every table by name.
    pub tables: BTreeMap<TableName, TableReport>,
    /// How the work was spread over time.
    pub account: Account,
}

/// What one table held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableReport {
    /// Columns, key and buckets it was measured with.
    #[serde(flatten)]
    pub spec: TableSpec,
    /// Size on disk in bytes, without indexes.
    pub bytes: u64,
    /// The content, or why it is unknown.
    pub content: Measurement<TableFingerprint>,
    /// Ranges and distinct values of the columns; not measured with [`Detail::Rows`].
    pub profile: Measurement<Vec<ColumnProfile>>,
    /// BLAKE3 over columns, types, keys, constraints, indexes and triggers; absent for views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Digest>,
    /// What belongs to the table with the BLAKE3 of its definition, so that a later difference can be named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub definitions: BTreeMap<String, String>,
    /// Set when it was measured in the snapshot of an earlier, interrupted run and not written since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
}

/// What a finished table is kept as.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    spec: TableSpec,
    bytes: u64,
    content: TableFingerprint,
    profile: Measurement<Vec<ColumnProfile>>,
}

enum Task {
    Table(Arc<Divided>, Share),
    Views,
    Schema,
}

enum Found {
    Table(Box<Measured>, Option<Carried>),
    /// A share of a table; the session that finishes the last one has the table.
    Share,
    Views(BTreeMap<TableName, String>),
    Schema(SchemaFacts),
}

/// A table whose reading is divided among sessions.
struct Divided {
    found: FoundTable,
    /// Shares that are still being read, and the sum of the others.
    progress: Mutex<(u32, Option<TableFingerprint>)>,
}

impl Divided {
    fn tasks(found: FoundTable, sessions: usize) -> impl Iterator<Item = Task> {
        let shares = found.shares(sessions);
        let table = Arc::new(Self {
            found,
            progress: Mutex::new((shares, None)),
        });
        Share::all(shares).map(move |share| Task::Table(Arc::clone(&table), share))
    }

    /// Adds a share; the whole after the last. A share that failed is never added, so there is no whole then.
    fn add(&self, part: TableFingerprint) -> Option<TableFingerprint> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, sum) = &mut *progress;
        *open -= 1;
        let sum = match sum {
            Some(sum) => {
                sum.absorb(&part);
                sum
            }
            None => sum.insert(part),
        };
        (*open == 0).then(|| sum.clone())
    }
}

/// Why tables could not be fingerprinted at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The database could not be asked.
    #[error("could not fingerprint the database")]
    Database(#[from] FingerprintError),
    /// No session could be had.
    #[error("could not connect to fingerprint the database")]
    Connect(#[from] Box<DbError>),
    /// A name that no relation has.
    #[error("there is no table or view `{0}`")]
    Unknown(TableName),
    /// Finished tables could not be kept.
    #[error("could not keep finished tables in `{}`", folder.display())]
    Checkpoint {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A finished table could not be kept.
    #[error("could not keep a finished table")]
    Keep(#[from] FileError),
}

impl Hint for ReportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Connect(error) => error.hint(),
            Self::Unknown(_) => Some("`nba db catalog` lists every table and view".to_owned()),
            _ => None,
        }
    }
}

impl Database {
    /// Fingerprints tables, all in one snapshot, several at once.
    ///
    /// A table that cannot be measured is reported with the reason, and makes the verdict `NotProven`.
    ///
    /// ```no_run
    /// # async fn example(db: nba_db::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// use nba_db::fingerprint::FingerprintOptions;
    /// let report = db.fingerprint(&FingerprintOptions::default()).await?;
    /// println!("{} tables, {}", report.tables.len(), report.verdict.as_str());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReportError`] when the database cannot be asked at all, a name is unknown or a finished table cannot be kept.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels what runs on the server; finished tables stay in the checkpoint.
    pub async fn fingerprint(
        &self,
        options: &FingerprintOptions,
    ) -> Result<FingerprintReport, ReportError> {
        let identity = self.identity().await.map_err(Box::new)?;
        let budget = usize::try_from(self.options().target.settings.max_connections.div_ceil(2));
        let mut sessions = Vec::new();
        for _ in 0..options.connections.get().min(budget.unwrap_or(1).max(1)) {
            sessions.push(self.session().await.map_err(Box::new)?);
        }
        over(&sessions, identity, options).await
    }
}

async fn over(
    sessions: &[Session],
    identity: TargetIdentity,
    options: &FingerprintOptions,
) -> Result<FingerprintReport, ReportError> {
    let Some(first) = sessions.first().map(Session::client) else {
        return Err(FingerprintError::NoConnection {
            operation: "fingerprint tables".to_owned(),
        }
        .into());
    };
    let checkpoint = match &options.checkpoint {
        Some(folder) => {
            // Before the snapshot, so that the counters hold nothing the snapshot does not see.
            let tick = Tick::read(first).await?;
            let opened = Checkpoint::open(folder, key(&identity, options.detail), tick);
            let failed = |source| ReportError::Checkpoint {
                folder: folder.clone(),
                source,
            };
            Some(opened.map_err(failed)?)
        }
        None => None,
    };
    let mut tasks: Vec<Task> = chosen(first, &options.tables)
        .await?
        .into_iter()
        .flat_map(|table| Divided::tasks(table, sessions.len()))
        .collect();
    tasks.extend([Task::Views, Task::Schema]);

    let governor = options
        .gentleness
        .clone()
        .map_or_else(Governor::unlimited, Governor::new);
    let begun = OnceLock::new();
    let run = Run {
        options,
        governor: &governor,
        checkpoint: checkpoint.as_ref(),
        begun: &begun,
        unkept: OnceLock::new(),
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
    if let Some(error) = run.unkept.into_inner() {
        return Err(error.into());
    }
    let report = assemble(
        identity,
        snapshot,
        options.detail,
        tasks,
        results,
        &governor,
    );
    if let Some(checkpoint) = checkpoint.filter(|_| report.verdict.is_proven()) {
        checkpoint.clear();
    }
    Ok(report)
}

/// Results of another database, encoding or detail are of no use.
fn key(identity: &TargetIdentity, detail: Detail) -> String {
    format!(
        "{:?} {} {} {ENCODING_VERSION} {detail:?}",
        identity.brief.system_identifier, identity.brief.database_oid, identity.brief.role
    )
}

/// The relations that were asked for, the largest first, so that no session is left with it at the end.
async fn chosen(client: &Client, names: &[TableName]) -> Result<Vec<FoundTable>, ReportError> {
    let mut found = discover(client).await?;
    if !names.is_empty() {
        if names
            .iter()
            .any(|name| !found.iter().any(|table| table.spec.table == *name))
        {
            found.extend(discover_views(client).await?);
        }
        for name in names {
            if !found.iter().any(|table| table.spec.table == *name) {
                return Err(ReportError::Unknown(name.clone()));
            }
        }
        found.retain(|table| names.contains(&table.spec.table));
    }
    found.sort_by_key(|table| std::cmp::Reverse(table.estimated_bytes));
    Ok(found)
}

struct Run<'a> {
    options: &'a FingerprintOptions,
    governor: &'a Governor,
    checkpoint: Option<&'a Checkpoint>,
    begun: &'a OnceLock<SnapshotInfo>,
    /// The first table that could not be kept: a run that promised to be resumable must not go on without.
    unkept: OnceLock<FileError>,
}

impl Run<'_> {
    async fn task(&self, client: &Client, task: &Task) -> Result<Found, FingerprintError> {
        let limit = format!(
            "set local statement_timeout = {}",
            self.options.statement_timeout.as_millis()
        );
        client
            .batch_execute(&limit)
            .await
            .map_err(|source| FingerprintError::query("set the statement time-out", source))?;
        match task {
            Task::Views => views(client).await.map(Found::Views),
            Task::Schema => schema_facts(client).await.map(Found::Schema),
            Task::Table(table, share) => self.table(client, table, *share).await,
        }
    }

    async fn table(
        &self,
        client: &Client,
        table: &Divided,
        share: Share,
    ) -> Result<Found, FingerprintError> {
        let name = &table.found.spec.table;
        if let Some(kept) = self
            .checkpoint
            .and_then(|checkpoint| checkpoint.kept::<Measured>(name))
        {
            if !share.is_first() {
                return Ok(Found::Share);
            }
            let Kept { value, carried } = kept;
            return Ok(Found::Table(Box::new(value), Some(carried)));
        }
        if table.found.foreign {
            return Err(FingerprintError::Unsupported {
                operation: format!("fingerprint `{name}`"),
                reason: "its rows live on another server, which no snapshot covers",
            });
        }
        let mut found = table.found.clone();
        let bytes = found.measure_size(client).await?;
        let detail = self.options.detail;
        let part = fingerprint_share(client, &found.spec, detail, self.governor, share).await?;
        let Some(content) = table.add(part) else {
            return Ok(Found::Share);
        };
        let profile = match detail {
            Detail::Rows => Measurement::NotMeasured("it was not asked for".to_owned()),
            Detail::Columns => guarded_profile(client, &found.spec, &content).await?,
        };
        let measured = Measured {
            spec: found.spec,
            bytes,
            content,
            profile,
        };
        if let (Some(checkpoint), Some(snapshot)) = (self.checkpoint, self.begun.get())
            && let Err(error) = checkpoint.keep(&measured.spec.table, snapshot, &measured)
        {
            self.unkept.set(error).ok();
        }
        Ok(Found::Table(Box::new(measured), None))
    }
}

/// A profile that fails leaves the fingerprint as it is.
async fn guarded_profile(
    client: &Client,
    table: &TableSpec,
    content: &TableFingerprint,
) -> Result<Measurement<Vec<ColumnProfile>>, FingerprintError> {
    let savepoint = |sql: &'static str| async move {
        let failed = |source| FingerprintError::query("set a savepoint", source);
        client.batch_execute(sql).await.map_err(failed)
    };
    savepoint("savepoint profile").await?;
    let found = profile(client, table, content).await;
    match &found {
        Err(error) if error.is_connection_lost() => {}
        Err(_) => savepoint("rollback to savepoint profile").await?,
        Ok(_) => savepoint("release savepoint profile").await?,
    }
    Ok(found.into())
}

fn assemble(
    identity: TargetIdentity,
    snapshot: SnapshotInfo,
    detail: Detail,
    tasks: Vec<Task>,
    results: Vec<Result<Found, FingerprintError>>,
    governor: &Governor,
) -> FingerprintReport {
    let mixed_up = || FingerprintError::Decode {
        operation: "fingerprint the database".to_owned(),
        what: "kind of result".to_owned(),
    };
    let mut tables = BTreeMap::new();
    let mut facts = Measurement::NotMeasured(String::new());
    let mut view_digests = Measurement::NotMeasured(String::new());
    let mut open = Vec::new();
    for (task, result) in tasks.into_iter().zip(results) {
        match task {
            Task::Views => {
                view_digests = match result {
                    Ok(Found::Views(found)) => Measurement::Measured(found),
                    Ok(_) => Err(mixed_up()).into(),
                    Err(error) => Err(error).into(),
                }
            }
            Task::Schema => {
                facts = match result {
                    Ok(Found::Schema(found)) => Measurement::Measured(found),
                    Ok(_) => Err(mixed_up()).into(),
                    Err(error) => Err(error).into(),
                }
            }
            Task::Table(divided, _) => {
                let found = &divided.found;
                let name = found.spec.table.clone();
                let (table, carried) = match result {
                    Ok(Found::Share) => continue,
                    Ok(Found::Table(measured, carried)) => (Ok(*measured), carried),
                    Ok(_) => (Err(mixed_up()), None),
                    Err(error) => (Err(error), None),
                };
                // The first share that failed says why.
                if tables.contains_key(&name) {
                    continue;
                }
                let report = match table {
                    Ok(measured) => TableReport {
                        spec: measured.spec,
                        bytes: measured.bytes,
                        content: Measurement::Measured(measured.content),
                        profile: measured.profile,
                        schema: None,
                        definitions: BTreeMap::new(),
                        carried,
                    },
                    Err(error) => TableReport {
                        bytes: found.estimated_bytes,
                        spec: found.spec.clone(),
                        content: Measurement::NotMeasured(error.reason()),
                        profile: Measurement::NotMeasured("the rows were not measured".to_owned()),
                        schema: None,
                        definitions: BTreeMap::new(),
                        carried: None,
                    },
                };
                if let Err(reason) = report.content.as_result() {
                    open.push(format!("{name}: {reason}"));
                }
                tables.insert(name, report);
            }
        }
    }
    let mut schema_text = String::new();
    let schema = match &facts {
        Measurement::Measured(facts) => {
            for (name, known) in facts {
                schema_text.push_str(&format!("{name}\0{}\0", facts_digest(known)));
                if let Some(table) = tables.get_mut(name) {
                    table.schema = Some(facts_digest(known));
                    table.definitions = known.clone();
                }
            }
            match view_digests.as_result() {
                Ok(views) => {
                    for (name, digest) in views {
                        schema_text.push_str(&format!("{name}\0{digest}\0"));
                    }
                    Measurement::Measured(Digest::of(schema_text.as_bytes()))
                }
                Err(reason) => Measurement::NotMeasured(reason.to_owned()),
            }
        }
        Measurement::NotMeasured(reason) => Measurement::NotMeasured(reason.clone()),
    };
    open.extend(
        schema
            .as_result()
            .err()
            .map(|reason| format!("schema: {reason}")),
    );
    let verdict = match Reasons::collect(open) {
        Some(reasons) => Verdict::NotProven { reasons },
        None => Verdict::Proven,
    };
    FingerprintReport {
        format: REPORT_FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        encoding: ENCODING_VERSION,
        identity,
        snapshot,
        detail,
        verdict,
        schema,
        views: view_digests,
        tables,
        account: governor.account(),
    }
}

impl FingerprintReport {
    /// When the snapshot was taken, UTC.
    #[must_use]
    pub fn taken_at(&self) -> DateTime<Utc> {
        self.snapshot.taken_at
    }

    /// The rows of all measured tables.
    #[must_use]
    pub fn total_rows(&self) -> u64 {
        self.tables
            .values()
            .filter_map(|table| table.content.measured())
            .map(|content| content.rows)
            .sum()
    }

    /// Reads a document that was kept.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] with file, line and column when it is no such document, or one of another form.
    pub fn read(path: &std::path::Path) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        struct FormatOnly {
            format: u32,
        }
        let text = fs::read(path).map_err(|source| DocumentError::Read {
            path: path.to_owned(),
            source,
        })?;
        let failed = |source| DocumentError::Form {
            path: path.to_owned(),
            source,
        };
        // The version first: another form may not fit the structure at all.
        let found: FormatOnly = serde_json::from_slice(&text).map_err(failed)?;
        if found.format != REPORT_FORMAT {
            return Err(DocumentError::Format {
                path: path.to_owned(),
                found: found.format,
            });
        }
        serde_json::from_slice(&text).map_err(failed)
    }
}

/// Why a kept document could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It cannot be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is no fingerprint document.
    #[error("`{}` is no fingerprint document", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// It has another form.
    #[error("`{}` has form {found}, this program reads {REPORT_FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
}

impl Hint for DocumentError {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Form { .. } | Self::Format { .. })
            .then(|| "write one with `nba db fingerprint --output FILE`".to_owned())
    }
}
