//! Making a backup.

use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::Utc;
use nba_db::catalog::Catalog;
use nba_db::fingerprint::{FoundTable, discover};
use nba_db::identity::TargetIdentity;
use nba_db::{Database, Snapshot};
use nba_utils::{Digest, Verdict};
use serde::Serialize;

use super::manifest::{Elapsed, Manifest, TableContent};
use super::measure::Measurer;
use super::store::{Draft, PLAIN};
use super::tools::{Connection, succeeded};
use super::{BackupError, LAKE_FILE, LakeRecord, TableRecord, Tools, files};
use crate::fault;
use crate::ledger::Entry;

/// How long a dump waits for a lock on a table before it gives up, so that it never queues in front of a migration for long.
const LOCK_WAIT: &str = "--lock-wait-timeout=30s";
/// Between two looks at the disk and signs of life of the session that holds the snapshot.
const WATCH: Duration = Duration::from_secs(2);
/// Room that must stay free while a backup is made: a full disk harms everybody on it (monitoring dossier 4.2, F28).
pub(super) const RESERVE: u64 = 64 * 1024 * 1024;

/// How a backup is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateOptions {
    /// Folder of all backups, usually `backups`.
    pub folder: PathBuf,
    /// PostgreSQL's client programs.
    pub tools: Tools,
    /// Tables dumped at once.
    pub jobs: NonZeroUsize,
    /// Tables fingerprinted at once.
    pub connections: NonZeroUsize,
    /// gzip level of the data files, 0 for none. The default 1 costs little and halves the size at least.
    pub compression: u8,
    /// Also write the whole dump as SQL text, for people without `pg_restore`.
    pub plain_sql: bool,
    /// Bytes that must stay free on the disk.
    pub reserve: u64,
    /// A list of the lake's objects to be kept with it: the file, and what it holds.
    pub lake: Option<(PathBuf, LakeRecord)>,
}

impl CreateOptions {
    /// Two tables at once, one fingerprint beside them: what a server of two processors bears.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, tools: Tools) -> Self {
        Self {
            folder: folder.into(),
            tools,
            jobs: NonZeroUsize::MIN.saturating_add(1),
            connections: NonZeroUsize::MIN,
            compression: 1,
            plain_sql: false,
            reserve: RESERVE,
            lake: None,
        }
    }
}

/// A backup that was made. It proves nothing yet: see [`verify`](super::verify).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Created {
    /// Its folder.
    pub folder: PathBuf,
    /// BLAKE3 of its manifest; kept in the ledger, it shows a manifest that was changed later.
    pub manifest_digest: Digest,
    /// What it says about itself.
    pub manifest: Manifest,
    /// Unfinished backups of earlier runs that were removed.
    pub removed: Vec<String>,
}

impl Created {
    /// `NotProven` in any case: made is not restored.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::all([
            self.manifest.complete.clone(),
            Verdict::not_proven("it was not restored yet; run `nba backup verify`"),
        ])
    }

    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let manifest = &self.manifest;
        Entry::new("backup create", self.verdict())
            .about(&manifest.identity)
            .figure("backup", manifest.name.as_str())
            .figure("taken_at", manifest.taken_at.to_rfc3339())
            .figure("tables", manifest.tables.len())
            .figure("rows", manifest.rows())
            .figure("bytes", manifest.bytes)
            .figure("dump_ms", manifest.elapsed.dump_ms)
            .figure("total_ms", manifest.elapsed.total_ms)
            .artefact(
                self.folder
                    .join(super::manifest::FILE)
                    .display()
                    .to_string(),
                self.manifest_digest,
            )
    }
}

/// Backs a database up: a dump, and the fingerprints of all tables in the same snapshot.
///
/// Reads only. Needs a session for the snapshot, one per fingerprint at once and one per dump job.
///
/// # Errors
///
/// [`BackupError`]; nothing that looks like a backup is left behind then.
///
/// # Cancellation
///
/// Dropping the future stops `pg_dump` and removes what was written.
pub async fn create(db: &Database, options: &CreateOptions) -> Result<Created, BackupError> {
    let begun = Instant::now();
    options.tools.refuse_newer(db.server_version_num())?;
    let identity = db.identity().await?;
    let draft = Draft::start(&options.folder, &identity.brief.database, Utc::now())?;

    fault::point("backup.draft");

    let leader = db.snapshot().await?;
    fault::point("backup.snapshot");
    // The catalogue of the snapshot, and what else a restore needs to know.
    let catalog = leader.catalog().await?;
    let roles: Vec<String> = leader
        .query_rows(ROLES_SQL, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let large_objects: i64 = leader.query_scalar(LARGE_OBJECTS_SQL, &[]).await?;
    enough_room(options, &catalog)?;
    let found = tables(db, &catalog).await?;

    let dump_folder = draft.folder().join(super::manifest::DUMP);
    let connection =
        Connection::to(&db.options().target, &db.options().application_name())?.read_only();
    let dump = async {
        let begun = Instant::now();
        let arguments = dump_arguments(options, leader.id(), &dump_folder);
        let report = options
            .tools
            .run("pg_dump", arguments, &connection, draft.folder())
            .await?;
        succeeded("pg_dump", report)?;
        Ok::<_, BackupError>(begun.elapsed())
    };
    let measure = async {
        let begun = Instant::now();
        let measurer = Measurer::join(db, leader.id(), options.connections.get()).await?;
        let records = measurer.all(found).await?;
        Ok::<_, BackupError>((records, begun.elapsed()))
    };
    let work = futures::future::try_join(dump, measure);
    let (dumped, (records, measured)) = tokio::select! {
        done = work => done?,
        stopped = watch(&leader, options) => return Err(stopped),
    };
    fault::point("backup.dumped");
    // Everybody has read; the server may forget the snapshot.
    let (taken_at, transactions) = (leader.taken_at(), leader.transactions().to_owned());
    drop(leader);
    if options.plain_sql {
        plain_sql(options, &dump_folder, draft.folder()).await?;
        fault::point("backup.plain");
    }

    if let Some((file, _)) = &options.lake {
        let to = draft.folder().join(LAKE_FILE);
        fs::copy(file, &to).map_err(BackupError::io("copy the list of the lake to", &to))?;
        fault::point("backup.lake");
    }

    let hashing = Instant::now();
    let folder = draft.folder().to_owned();
    let file_records = tokio::task::spawn_blocking(move || {
        files::sync(&folder)?;
        files::measure(&folder)
    })
    .await??;
    fault::point("backup.digests");
    let manifest = Manifest {
        schema_version: Manifest::VERSION,
        name: draft.name().to_owned(),
        tool: concat!("nba ", env!("CARGO_PKG_VERSION")).to_owned(),
        pg_dump: options.tools.version().to_owned(),
        taken_at,
        transactions,
        complete: complete(&records, &identity),
        identity,
        elapsed: Elapsed {
            dump_ms: milliseconds(dumped),
            fingerprints_ms: milliseconds(measured),
            digests_ms: milliseconds(hashing.elapsed()),
            total_ms: milliseconds(begun.elapsed()),
        },
        bytes: file_records.iter().map(|file| file.bytes).sum(),
        files: file_records,
        tables: records,
        catalog,
        large_objects: u64::try_from(large_objects).unwrap_or(0),
        roles,
        lake: options.lake.as_ref().map(|(_, record)| record.clone()),
    };
    let manifest_digest = manifest.save(draft.folder())?;
    fault::point("backup.manifest");
    let removed = draft.removed().to_vec();
    let folder = draft.finish()?;
    fault::point("backup.named");
    Ok(Created {
        folder,
        manifest_digest,
        manifest,
        removed,
    })
}

/// Roles that a dump may name; those of the system are on every server.
const ROLES_SQL: &str = "select rolname::pg_catalog.text from pg_catalog.pg_roles \
     where rolname not like 'pg\\_%' order by 1 limit 1000";
const LARGE_OBJECTS_SQL: &str =
    "select pg_catalog.count(*) from pg_catalog.pg_largeobject_metadata";

/// The tables to fingerprint: those of the snapshot. One made since is in neither the dump nor the fingerprints.
async fn tables(db: &Database, catalog: &Catalog) -> Result<Vec<FoundTable>, BackupError> {
    let session = db.session().await?;
    let mut found = discover(session.client()).await?;
    found.retain(|table| catalog.relation(&table.spec.table).is_some());
    Ok(found)
}

/// Refuses before anything is written.
fn enough_room(options: &CreateOptions, catalog: &Catalog) -> Result<(), BackupError> {
    let tables: i64 = catalog
        .relations
        .iter()
        .map(|relation| relation.table_bytes)
        .sum();
    let tables = u64::try_from(tables).unwrap_or(0);
    // Text is seldom larger than the pages it came from, and compressed never; uncompressed gets twice the room.
    let copies = u64::from(options.compression == 0) + 1 + 2 * u64::from(options.plain_sql);
    let needed = tables
        .saturating_mul(copies)
        .saturating_add(options.reserve);
    let free = files::free_bytes(&options.folder)?;
    if free < needed {
        return Err(BackupError::Space {
            path: options.folder.clone(),
            free,
            needed,
            what: "the dump",
        });
    }
    Ok(())
}

fn dump_arguments(options: &CreateOptions, snapshot: &str, folder: &Path) -> Vec<OsString> {
    // Host, role, database and password are not among them: every user of the machine can read arguments.
    let mut file = OsString::from("--file=");
    file.push(folder);
    vec![
        "--format=directory".into(),
        format!("--jobs={}", options.jobs).into(),
        format!("--compress={}", options.compression.min(9)).into(),
        format!("--snapshot={snapshot}").into(),
        LOCK_WAIT.into(),
        "--no-password".into(),
        "--no-sync".into(),
        file,
    ]
}

async fn plain_sql(options: &CreateOptions, dump: &Path, folder: &Path) -> Result<(), BackupError> {
    let mut file = OsString::from("--file=");
    file.push(folder.join(PLAIN));
    let connection = Connection::none();
    let report = options
        .tools
        .run("pg_restore", vec![file, dump.into()], &connection, folder)
        .await?;
    succeeded("pg_restore", report)?;
    Ok(())
}

/// Keeps the session that holds the snapshot alive and looks at the disk; ends only when the work has to.
async fn watch(leader: &Snapshot, options: &CreateOptions) -> BackupError {
    loop {
        tokio::time::sleep(WATCH).await;
        if let Err(error) = leader.query_scalar::<i32>("select 1", &[]).await {
            return error.into();
        }
        match files::free_bytes(&options.folder) {
            Ok(free) if free < options.reserve => {
                return BackupError::Space {
                    path: options.folder.clone(),
                    free,
                    needed: options.reserve,
                    what: "going on",
                };
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

fn complete(records: &[TableRecord], identity: &TargetIdentity) -> Verdict {
    let mut open: Vec<String> = records
        .iter()
        .filter_map(|record| match &record.content {
            TableContent::NotMeasured(reason) => Some(format!("{}: {reason}", record.spec.table)),
            _ => None,
        })
        .collect();
    if identity.brief.system_identifier.is_none() {
        tracing::info!(
            "the server's system identifier may not be read; the backup names the database without it"
        );
    }
    if records.is_empty() {
        open.push("the database has no tables".to_owned());
    }
    match nba_utils::Reasons::collect(open) {
        Some(reasons) => Verdict::NotProven { reasons },
        None => Verdict::Proven,
    }
}

pub(super) fn milliseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// The folder of backups, made when missing; only its owner may look into it.
pub(super) fn ensure_folder(folder: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(BackupError::io("create", folder))
}
