//! Restoring a backup somewhere and comparing everything with the snapshot it was taken from.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Utc};
use nba_db::Database;
use nba_db::catalog::{Catalog, Relation};
use nba_db::fingerprint::{TableFingerprint, TableName, TableSpec};
use nba_db::identity::Brief;
use nba_etl::runner::Ending;
use nba_utils::format::thousands;
use nba_utils::{Digest, Verdict};
use serde::Serialize;

use super::create::{RESERVE, milliseconds};
use super::scratch::{self, Place, existing, proof_mark, room};
use super::tools::{Connection, last_words, succeeded};
use super::{BackupError, Manifest, Scratch, TableContent, Tools, files, manifest, measure, store};
use crate::fault;
use crate::ledger::Entry;

/// Findings named in the verdict; all of them are in the lists.
const NAMED: usize = 20;

/// How a backup is verified.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Folder of all backups.
    pub folder: PathBuf,
    /// PostgreSQL's client programs.
    pub tools: Tools,
    /// Where it is restored.
    pub scratch: Scratch,
    /// Tables restored, and compared, at once.
    pub jobs: NonZeroUsize,
    /// The digest of the manifest as the ledger has it; a manifest that was changed since is refuted.
    pub expected_manifest: Option<Digest>,
}

impl VerifyOptions {
    /// Into a private server, two tables at once.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, tools: Tools) -> Self {
        Self {
            folder: folder.into(),
            tools,
            scratch: Scratch::Private(None),
            jobs: NonZeroUsize::MIN.saturating_add(1),
            expected_manifest: None,
        }
    }
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// Name of the backup.
    pub name: String,
    /// `Proven` only when every file, every row and every definition came back.
    pub verdict: Verdict,
    /// In one line.
    pub statement: String,
    /// Which database the backup is of.
    pub target: Brief,
    /// BLAKE3 of the manifest.
    pub manifest_digest: Digest,
    /// The state the backup holds.
    pub taken_at: DateTime<Utc>,
    /// When the verification ended.
    pub verified_at: DateTime<Utc>,
    /// Age of that state then, in seconds: what a restore would lose at least (RPO).
    pub rpo_seconds: i64,
    /// Rows the snapshot held.
    pub rows: u64,
    /// Rows of the tables that came back identical.
    pub identical_rows: u64,
    /// Each table.
    pub tables: Vec<TableResult>,
    /// Definitions that did not come back.
    pub definitions: Vec<String>,
    /// Files that are not what the manifest says.
    pub files: Vec<String>,
    /// How long it took.
    pub timings: Timings,
}

/// One restored table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableResult {
    /// Its name.
    pub table: TableName,
    /// What may be said.
    pub verdict: Verdict,
    /// Rows in the snapshot.
    pub expected_rows: Option<u64>,
    /// Rows restored.
    pub restored_rows: Option<u64>,
}

/// How long the parts took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Timings {
    /// Reading all files for their digests.
    pub files_ms: u64,
    /// Making the empty database.
    pub prepare_ms: u64,
    /// `pg_restore`.
    pub restore_ms: u64,
    /// Comparing.
    pub compare_ms: u64,
    /// From the decision to the database proven: all of the above (RTO).
    pub rto_ms: u64,
}

impl Verification {
    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self, folder: &Path) -> Entry {
        let mut entry = Entry::new("backup verify", self.verdict.clone())
            .figure("backup", self.name.as_str())
            .figure("taken_at", self.taken_at.to_rfc3339())
            .figure("rows", self.rows)
            .figure("identical_rows", self.identical_rows)
            .figure("tables", self.tables.len())
            .figure("rto_ms", self.timings.rto_ms)
            .figure("rpo_seconds", self.rpo_seconds)
            .artefact(
                folder
                    .join(&self.name)
                    .join(manifest::FILE)
                    .display()
                    .to_string(),
                self.manifest_digest,
            );
        entry.target = Some(self.target.clone());
        entry
    }
}

/// Restores the backup called `name` and compares it with the snapshot it was taken from.
///
/// Writes only to the scratch place, which is removed afterwards.
///
/// # Errors
///
/// [`BackupError`] when it could not be tried: no such backup, no programs, no room, no server. What is found, a changed file or
/// an archive that cannot be restored, is part of the result.
///
/// # Cancellation
///
/// Dropping the future stops `pg_restore`; a private server goes too, a database made on a given server (`nba_verify_…`) goes with the
/// next run.
pub async fn verify(name: &str, options: &VerifyOptions) -> Result<Verification, BackupError> {
    let begun = Instant::now();
    let folder = store::locate(&options.folder, name)?;
    let (manifest, digest) = Manifest::load(&folder)?;
    let mut found = Found::new(&manifest, digest);
    check_files(&mut found, &folder, options, digest).await?;
    if !found.files.is_empty() {
        return Ok(found.conclude(begun));
    }

    if let Some(disk) = options.scratch.disk() {
        let (free, needed) = (
            files::free_bytes(existing(&disk))?,
            room(&manifest) + RESERVE,
        );
        if free < needed {
            return Err(BackupError::Space {
                path: disk,
                free,
                needed,
                what: "a restore",
            });
        }
    }
    let preparing = Instant::now();
    let place = Place::make(&options.scratch, &options.tools, &manifest).await?;
    found.timings.prepare_ms = milliseconds(preparing.elapsed());
    let outcome = restore_and_compare(&place, &folder, options, &mut found).await;
    place.clear().await?;
    fault::point("restore.cleared");
    outcome?;
    Ok(found.conclude(begun))
}

/// Restores the backup called `name` into a *new* database on the server of [`Scratch::On`], which gets its name only when everything was
/// found identical; otherwise it is dropped. What an interrupted run left is dropped too; what an earlier run of the same restore had
/// proven and named is not restored again, but compared again.
///
/// # Errors
///
/// As [`verify`], and [`BackupError::DatabaseExists`]: nothing is ever restored over what is there.
pub async fn restore_new(
    name: &str,
    options: &VerifyOptions,
    database: &str,
) -> Result<Verification, BackupError> {
    let Scratch::On(target) = &options.scratch else {
        return Err(BackupError::BadName {
            name: database.to_owned(),
            problem: "a private server disappears; give the target to restore on",
        });
    };
    let begun = Instant::now();
    let folder = store::locate(&options.folder, name)?;
    let (manifest, digest) = Manifest::load(&folder)?;
    let mut found = Found::new(&manifest, digest);
    check_files(&mut found, &folder, options, digest).await?;
    if !found.files.is_empty() {
        return Ok(found.conclude(begun));
    }
    let proof = proof_mark(name, digest);
    if let scratch::Standing::Proven = scratch::standing(target, database, &proof).await? {
        // Somebody may have written to it since: it counts for what it is now.
        found.restored = Verdict::Proven;
        found
            .compare_with(
                &(**target).clone().with_database(database),
                &folder,
                options,
            )
            .await?;
        return Ok(found.conclude(begun));
    }
    let preparing = Instant::now();
    let place = Place::make(&options.scratch, &options.tools, &manifest).await?;
    found.timings.prepare_ms = milliseconds(preparing.elapsed());
    let outcome = restore_and_compare(&place, &folder, options, &mut found).await;
    let proven = outcome.is_ok() && found.verdict().is_proven();
    if proven {
        place.keep_as(database, &proof).await?;
    } else {
        place.clear().await?;
        fault::point("restore.cleared");
    }
    outcome?;
    Ok(found.conclude(begun))
}

/// Holds the manifest against the ledger, and the files against the manifest.
async fn check_files(
    found: &mut Found<'_>,
    folder: &Path,
    options: &VerifyOptions,
    digest: Digest,
) -> Result<(), BackupError> {
    let begun = Instant::now();
    if options
        .expected_manifest
        .is_some_and(|expected| expected != digest)
    {
        found.files.push(
            "the manifest is not the one that was recorded when the backup was made".to_owned(),
        );
    }
    let (checked, records) = (folder.to_owned(), found.manifest.files.clone());
    let differences =
        tokio::task::spawn_blocking(move || files::differences(&checked, &records)).await??;
    found.files.extend(differences);
    found.timings.files_ms = milliseconds(begun.elapsed());
    fault::point("restore.checked");
    Ok(())
}

async fn restore_and_compare(
    place: &Place,
    folder: &Path,
    options: &VerifyOptions,
    found: &mut Found<'_>,
) -> Result<(), BackupError> {
    let restoring = Instant::now();
    let problem = restore(
        &options.tools,
        folder,
        place.target(),
        options.jobs,
        if place.has_roles() {
            Owners::Kept
        } else {
            Owners::Dropped
        },
    )
    .await?;
    found.timings.restore_ms = milliseconds(restoring.elapsed());
    if let Some(problem) = problem {
        found.restored = problem.verdict();
        return Ok(());
    }
    fault::point("restore.restored");
    found.restored = Verdict::Proven;
    found.compare_with(place.target(), folder, options).await?;
    fault::point("restore.compared");
    Ok(())
}

/// Whether owners and grants are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owners {
    /// They are; every role has to be there.
    Kept,
    /// Everything belongs to the restoring role.
    Dropped,
}

/// Why an archive could not be restored.
pub(crate) struct Problem {
    message: String,
}

impl Problem {
    /// `Refuted` when the archive itself is at fault, `NotProven` when the place may be.
    pub(crate) fn verdict(&self) -> Verdict {
        /// What `pg_restore` and the server say about data that is not what was dumped.
        const CORRUPT: [&str; 9] = [
            "could not read from input file",
            "could not uncompress data",
            "could not close compression",
            "unexpected end of file",
            "invalid byte sequence",
            "invalid input syntax",
            "extra data after last expected column",
            "missing data for column",
            "COPY failed for table",
        ];
        /// What says that the place failed, not the archive.
        const PLACE: [&str; 3] = [
            "No space left on device",
            "server closed the connection",
            "terminating connection",
        ];
        let says = |words: &[&str]| words.iter().any(|word| self.message.contains(word));
        let reason = format!("it could not be restored: {}", self.message);
        if says(&CORRUPT) && !says(&PLACE) {
            Verdict::refuted(reason)
        } else {
            Verdict::not_proven(reason)
        }
    }
}

/// Restores an archive into an empty database; stops at the first error.
pub(crate) async fn restore(
    tools: &Tools,
    folder: &Path,
    target: &nba_config::DatabaseTarget,
    jobs: NonZeroUsize,
    owners: Owners,
) -> Result<Option<Problem>, BackupError> {
    let connection = Connection::to(target, "nba!/restore")?;
    let mut arguments: Vec<OsString> = vec![
        "--format=directory".into(),
        format!("--jobs={jobs}").into(),
        "--exit-on-error".into(),
        "--no-password".into(),
        format!("--dbname={}", target.database).into(),
    ];
    if owners == Owners::Dropped {
        arguments.extend(["--no-owner".into(), "--no-privileges".into()]);
    }
    arguments.push(folder.join(manifest::DUMP).into());
    let report = tools
        .run("pg_restore", arguments, &connection, folder)
        .await?;
    Ok(match report.ending {
        Ending::Exited(0) => None,
        _ => Some(Problem {
            message: last_words(&report),
        }),
    })
}

pub(crate) struct Compared {
    pub(crate) tables: Vec<TableResult>,
    pub(crate) definitions: Vec<String>,
    pub(crate) undecided: Vec<String>,
}

/// Compares a restored database with the manifest.
async fn compare(
    target: &nba_config::DatabaseTarget,
    folder: &Path,
    manifest: &Manifest,
    options: &VerifyOptions,
) -> Result<Compared, BackupError> {
    let db = Database::connect(target).await?;
    let catalog = db.catalog().await?;
    let mut definitions = Definitions::default();
    definitions.compare(&manifest.catalog, &catalog);
    let large_objects: i64 = db
        .query_scalar(
            "select pg_catalog.count(*) from pg_catalog.pg_largeobject_metadata",
            &[],
        )
        .await?;
    if u64::try_from(large_objects) != Ok(manifest.large_objects) {
        definitions.missing.push(format!(
            "{} large objects instead of {}",
            large_objects, manifest.large_objects
        ));
    }
    let mut undecided = Vec::new();
    if !definitions.texts.is_empty() {
        match schema_text(&options.tools, folder).await? {
            // PostgreSQL may print an expression otherwise after it was read again; what counts is that the archive has it.
            Some(schema) => definitions
                .texts
                .retain(|text| !schema.contains(&text.expected)),
            None => {
                undecided.push("the archive's definitions are too long to be compared".to_owned());
            }
        }
    }
    let mut findings = definitions.missing;
    findings.extend(definitions.texts.into_iter().map(|text| text.finding));

    let wanted: Vec<(&TableSpec, &TableFingerprint)> = manifest
        .tables
        .iter()
        .filter_map(|table| match &table.content {
            TableContent::Measured(fingerprint) => Some((&table.spec, fingerprint)),
            _ => None,
        })
        .collect();
    // A table that is not there, or has other columns, is found above already; measuring it could only fail.
    let there: Vec<TableSpec> = wanted
        .iter()
        .filter(|(spec, _)| {
            catalog.relation(&spec.table).is_some_and(|relation| {
                spec.columns.iter().all(|column| {
                    relation
                        .columns
                        .iter()
                        .any(|other| other.name == column.name)
                })
            })
        })
        .map(|(spec, _)| (*spec).clone())
        .collect();
    let measured = measure::again(&db, &there, options.jobs.get()).await?;
    db.close().await;
    let mut tables = Vec::new();
    for record in &manifest.tables {
        let table = record.spec.table.clone();
        tables.push(match &record.content {
            TableContent::Foreign => TableResult {
                table,
                verdict: Verdict::not_applicable("its rows live on another server"),
                expected_rows: None,
                restored_rows: None,
            },
            TableContent::NotMeasured(reason) => TableResult {
                table,
                verdict: Verdict::not_proven(format!("it was not measured: {reason}")),
                expected_rows: None,
                restored_rows: None,
            },
            TableContent::Measured(expected) => {
                let found = there
                    .iter()
                    .position(|spec| spec.table == table)
                    .and_then(|index| measured.get(index));
                judge(table, expected, found)
            }
        });
    }
    Ok(Compared {
        tables,
        definitions: findings,
        undecided,
    })
}

fn judge(
    table: TableName,
    expected: &TableFingerprint,
    found: Option<&Result<TableFingerprint, String>>,
) -> TableResult {
    let (verdict, restored_rows) = match found {
        None => (
            Verdict::refuted("it, or a column of it, was not restored"),
            None,
        ),
        Some(Err(reason)) => (Verdict::not_proven(reason.clone()), None),
        Some(Ok(found)) if found.rows != expected.rows => (
            Verdict::refuted(format!(
                "{} rows instead of {}",
                thousands(found.rows),
                thousands(expected.rows)
            )),
            Some(found.rows),
        ),
        Some(Ok(found)) if found.digest != expected.digest => (
            Verdict::refuted(format!(
                "the same number of rows with other content, in {} of {} buckets",
                found.differing_buckets(expected).len(),
                expected.buckets.len()
            )),
            Some(found.rows),
        ),
        Some(Ok(found)) => (Verdict::Proven, Some(found.rows)),
    };
    TableResult {
        table,
        verdict,
        expected_rows: Some(expected.rows),
        restored_rows,
    }
}

/// The definitions in the archive as text; `None` when there is more than is kept.
async fn schema_text(tools: &Tools, folder: &Path) -> Result<Option<String>, BackupError> {
    let arguments = vec![
        "--schema-only".into(),
        "--file=-".into(),
        folder.join(manifest::DUMP).into(),
    ];
    let report = tools
        .run("pg_restore", arguments, &Connection::none(), folder)
        .await?;
    let report = succeeded("pg_restore", report)?;
    Ok((!report.stdout.truncated && !report.stdout.unfinished).then_some(report.stdout.text))
}

/// A definition whose text differs.
struct Text {
    finding: String,
    expected: String,
}

/// What of the catalogue did not come back. Owners, grants and comments are not compared.
#[derive(Default)]
struct Definitions {
    missing: Vec<String>,
    texts: Vec<Text>,
}

impl Definitions {
    fn compare(&mut self, expected: &Catalog, found: &Catalog) {
        for schema in &expected.schemas {
            if !found.schemas.iter().any(|other| other.name == schema.name) {
                self.missing
                    .push(format!("schema `{}` is missing", schema.name));
            }
        }
        for extension in &expected.extensions {
            if !found
                .extensions
                .iter()
                .any(|other| other.name == extension.name)
            {
                self.missing
                    .push(format!("extension `{}` is missing", extension.name));
            }
        }
        for relation in &expected.relations {
            match found.relation(&relation.table) {
                None => self
                    .missing
                    .push(format!("`{}` is missing", relation.table)),
                Some(other) => self.relation(relation, other),
            }
        }
        let known: BTreeSet<&TableName> = expected.relations.iter().map(|one| &one.table).collect();
        for relation in &found.relations {
            if !known.contains(&relation.table) {
                self.missing
                    .push(format!("`{}` was not in the snapshot", relation.table));
            }
        }
        for sequence in &expected.sequences {
            match found
                .sequences
                .iter()
                .find(|other| other.sequence == sequence.sequence)
            {
                None => self
                    .missing
                    .push(format!("sequence `{}` is missing", sequence.sequence)),
                // A sequence moves on outside of snapshots, and never back.
                Some(other) if sequence.increment > 0 && other.last_value < sequence.last_value => {
                    self.missing.push(format!(
                        "sequence `{}` stands at {:?} instead of {:?}",
                        sequence.sequence, other.last_value, sequence.last_value
                    ));
                }
                Some(_) => {}
            }
        }
    }

    fn relation(&mut self, expected: &Relation, found: &Relation) {
        let table = &expected.table;
        if expected.kind != found.kind {
            self.missing.push(format!("`{table}` is of another kind"));
            return;
        }
        let names = |relation: &Relation| -> Vec<String> {
            relation
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect()
        };
        if names(expected) != names(found) {
            self.missing.push(format!("`{table}` has other columns"));
        }
        for column in &expected.columns {
            let Some(other) = found.columns.iter().find(|other| other.name == column.name) else {
                continue;
            };
            if (
                &column.data_type,
                column.nullable,
                column.identity,
                column.generated,
            ) != (
                &other.data_type,
                other.nullable,
                other.identity,
                other.generated,
            ) {
                self.missing.push(format!(
                    "column `{table}.{}` has another type or demand",
                    column.name
                ));
            }
            self.text(
                || format!("the default of `{table}.{}`", column.name),
                column.default.as_deref(),
                other.default.as_deref(),
            );
        }
        for constraint in &expected.constraints {
            match found
                .constraints
                .iter()
                .find(|other| other.name == constraint.name)
            {
                None => self.missing.push(format!(
                    "constraint `{}` of `{table}` is missing",
                    constraint.name
                )),
                Some(other) => self.text(
                    || format!("constraint `{}` of `{table}`", constraint.name),
                    Some(&constraint.definition),
                    Some(&other.definition),
                ),
            }
        }
        for index in &expected.indexes {
            match found.indexes.iter().find(|other| other.name == index.name) {
                None => self
                    .missing
                    .push(format!("index `{}` of `{table}` is missing", index.name)),
                Some(other) => self.text(
                    || format!("index `{}` of `{table}`", index.name),
                    Some(&index.definition),
                    Some(&other.definition),
                ),
            }
        }
        for trigger in &expected.triggers {
            match found
                .triggers
                .iter()
                .find(|other| other.name == trigger.name)
            {
                None => self.missing.push(format!(
                    "trigger `{}` of `{table}` is missing",
                    trigger.name
                )),
                Some(other) => {
                    if trigger.enabled != other.enabled {
                        self.missing.push(format!(
                            "trigger `{}` of `{table}` is switched otherwise",
                            trigger.name
                        ));
                    }
                    self.text(
                        || format!("trigger `{}` of `{table}`", trigger.name),
                        Some(&trigger.definition),
                        Some(&other.definition),
                    );
                }
            }
        }
        self.text(
            || format!("the query of `{table}`"),
            expected.definition.as_deref(),
            found.definition.as_deref(),
        );
    }

    fn text(&mut self, what: impl FnOnce() -> String, expected: Option<&str>, found: Option<&str>) {
        match (expected, found) {
            (Some(left), Some(right)) if left != right => self.texts.push(Text {
                finding: format!("{} differs", what()),
                expected: left.trim_end_matches(';').to_owned(),
            }),
            (Some(_), None) => self.missing.push(format!("{} is missing", what())),
            (None, Some(_)) => self
                .missing
                .push(format!("{} was not in the snapshot", what())),
            _ => {}
        }
    }
}

/// What is known so far.
struct Found<'a> {
    manifest: &'a Manifest,
    digest: Digest,
    files: Vec<String>,
    restored: Verdict,
    tables: Vec<TableResult>,
    definitions: Vec<String>,
    undecided: Vec<String>,
    timings: Timings,
}

impl<'a> Found<'a> {
    fn new(manifest: &'a Manifest, digest: Digest) -> Self {
        Self {
            manifest,
            digest,
            files: Vec::new(),
            restored: Verdict::not_proven("it was not restored"),
            tables: Vec::new(),
            definitions: Vec::new(),
            undecided: Vec::new(),
            timings: Timings::default(),
        }
    }

    /// Compares a restored database with the manifest.
    async fn compare_with(
        &mut self,
        target: &nba_config::DatabaseTarget,
        folder: &Path,
        options: &VerifyOptions,
    ) -> Result<(), BackupError> {
        let comparing = Instant::now();
        let compared = compare(target, folder, self.manifest, options).await?;
        self.tables = compared.tables;
        self.definitions = compared.definitions;
        self.undecided = compared.undecided;
        self.timings.compare_ms = milliseconds(comparing.elapsed());
        Ok(())
    }

    fn verdict(&self) -> Verdict {
        let tables = self
            .tables
            .iter()
            .filter(|table| !matches!(table.verdict, Verdict::NotApplicable { .. }))
            .map(|table| table.verdict.clone().about(&table.table.to_string()));
        let undecided = self.undecided.iter().map(Verdict::not_proven);
        Verdict::all(
            [
                named(&self.files),
                self.manifest.complete.clone(),
                self.restored.clone(),
                named(&self.definitions),
            ]
            .into_iter()
            .chain(undecided)
            .chain(tables),
        )
    }

    fn conclude(mut self, begun: Instant) -> Verification {
        self.timings.rto_ms = milliseconds(begun.elapsed());
        let verdict = self.verdict();
        let (rows, total) = (self.manifest.rows(), self.manifest.tables.len());
        let same = || self.tables.iter().filter(|table| table.verdict.is_proven());
        let identical_rows: u64 = same().filter_map(|table| table.restored_rows).sum();
        let counted = format!(
            "{} of {} rows in {} of {total} tables",
            thousands(identical_rows),
            thousands(rows),
            same().count()
        );
        let statement = match &verdict {
            Verdict::Proven => format!("restorable and identical: {counted}"),
            Verdict::Refuted { .. } => format!("not what was backed up: identical are {counted}"),
            _ => format!("not proven: identical are {counted}"),
        };
        let verified_at = Utc::now();
        Verification {
            name: self.manifest.name.clone(),
            verdict,
            statement,
            target: self.manifest.identity.brief.clone(),
            manifest_digest: self.digest,
            taken_at: self.manifest.taken_at,
            verified_at,
            rpo_seconds: (verified_at - self.manifest.taken_at).num_seconds(),
            rows,
            identical_rows,
            tables: self.tables,
            definitions: self.definitions,
            files: self.files,
            timings: self.timings,
        }
    }
}

fn named(findings: &[String]) -> Verdict {
    let mut named: Vec<String> = findings.iter().take(NAMED).cloned().collect();
    if findings.len() > NAMED {
        named.push(format!("and {} more", findings.len() - NAMED));
    }
    Verdict::from_findings(named)
}
