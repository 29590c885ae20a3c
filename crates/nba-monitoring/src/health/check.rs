//! One health run: identity first, then the catalogue both ways, then every table by its rule.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::Utc;
use futures::FutureExt;
use nba_db::fingerprint::schema::{self, SchemaFacts};
use nba_db::fingerprint::{
    FingerprintError, FoundTable, KeySpec, TableName, TableSpec, discover, in_session_snapshot,
};
use nba_db::gentle::Governor;
use nba_db::tokio_postgres::Client;
use nba_db::{Database, Session};
use nba_utils::Verdict;
use nba_utils::errors::one_line;
use serde_json::{Value, json};

use super::legacy;
use super::locate::Limits;
use super::report::{
    BaselineRecord, CheckRecord, HealthReport, IdentityRecord, Overall, REPORT_VERSION, Status,
    short_version, table_check,
};
use super::table::{Looker, Present, Seen, missing_table, table_record};
use crate::activity::Activity;
use crate::baseline::{Baseline, Measurement, TableBaseline, known};
use crate::connections::Effort;
use crate::games::TwinGames;
use crate::rules::Criticality;
use nba_db::identity::TargetIdentity;

/// How a health run behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HealthOptions {
    /// Number of this run in a continuous series, from 1.
    pub check_number: u64,
    /// Connections and time limits.
    pub effort: Effort,
    /// Rows listed per table and kind of difference.
    pub listed_rows: usize,
    /// Rows of both sides held in memory while locating differences of one table; about 100 bytes each. Where more rows lie in the
    /// differing parts, their hashes are compared first, at 8 bytes each.
    pub max_located_rows: u64,
}

impl Default for HealthOptions {
    /// A single run that lists ten rows of each kind and holds at most two million.
    fn default() -> Self {
        Self {
            check_number: 1,
            effort: Effort::default(),
            listed_rows: 10,
            max_located_rows: 2_000_000,
        }
    }
}

/// Compares a database with a baseline. Never fails: what goes wrong is in the report.
///
/// ```no_run
/// # async fn example(db: nba_db::Database, baseline: nba_monitoring::baseline::Baseline) {
/// use nba_monitoring::health::{HealthOptions, check, render_text};
/// let report = check(&db, &baseline, &HealthOptions::default()).await;
/// println!("{}", render_text(&report));
/// # }
/// ```
///
/// # Cancellation
///
/// Dropping the future abandons the run; nothing was written anywhere.
pub async fn check(db: &Database, baseline: &Baseline, options: &HealthOptions) -> HealthReport {
    let mut run = Run::start(baseline, options);
    let identity = match db.identity().await {
        Ok(identity) => identity,
        Err(error) => return run.unreachable(&one_line(&error)),
    };
    run.connected(&identity);
    if run.identified(identity).is_refuted() {
        return run.stopped();
    }
    run.kept_rows().await;
    let sessions = match options.effort.sessions(db).await {
        Ok(sessions) => sessions,
        Err(error) => return run.unreachable(&one_line(&error)),
    };
    match compare(&sessions, &mut run).await {
        Ok(()) => run.finish(),
        Err(error) => run.unreachable(&error.reason()),
    }
}

impl HealthReport {
    /// The report of a run that could not reach the database: everything is unproven, nothing is zero.
    #[must_use]
    pub fn unreachable(baseline: &Baseline, options: &HealthOptions, reason: &str) -> Self {
        Run::start(baseline, options).unreachable(reason)
    }
}

/// A report under construction.
pub(super) struct Run<'a> {
    baseline: &'a Baseline,
    options: &'a HealthOptions,
    began: Instant,
    report: HealthReport,
}

impl<'a> Run<'a> {
    fn start(baseline: &'a Baseline, options: &'a HealthOptions) -> Self {
        let report = HealthReport {
            schema_version: REPORT_VERSION,
            timestamp: Utc::now(),
            check_number: options.check_number,
            overall_status: Overall::Error,
            degraded_checks: Vec::new(),
            verdict: Verdict::not_proven("nothing was checked"),
            identity: IdentityRecord {
                expected: baseline.identity.clone(),
                actual: None,
                verdict: Verdict::not_proven("the target was not asked"),
            },
            baseline: BaselineRecord {
                name: baseline.name.clone(),
                captured_at: baseline.captured_at(),
                digest: baseline.digest(),
            },
            snapshot: None,
            elapsed_ms: 0,
            checks: BTreeMap::new(),
        };
        Self {
            baseline,
            options,
            began: Instant::now(),
            report,
        }
    }

    fn put(&mut self, name: impl Into<String>, record: CheckRecord) {
        self.report.checks.insert(name.into(), record);
    }

    fn connected(&mut self, identity: &TargetIdentity) {
        let message = format!(
            "connected to `{}`, {}",
            identity.brief.database,
            short_version(identity)
        );
        let mut record = CheckRecord::new(
            Verdict::Proven,
            Criticality::Critical,
            json!(1),
            json!(1),
            message,
        );
        record.extra.insert("test_query".to_owned(), json!(1));
        self.put(legacy::CONNECTION, record);
    }

    fn identified(&mut self, actual: TargetIdentity) -> Verdict {
        let expected = &self.baseline.identity;
        let verdict = expected.same_target(&actual);
        let message = match &verdict {
            Verdict::Proven => "the database the baseline was taken from".to_owned(),
            Verdict::Refuted { reasons } => format!(
                "not the database the baseline was taken from: {}",
                reasons.as_slice().join("; ")
            ),
            other => other.reasons().join("; "),
        };
        let value =
            |identity: &TargetIdentity| serde_json::to_value(identity).unwrap_or(Value::Null);
        let record = CheckRecord::new(
            verdict.clone(),
            Criticality::Critical,
            value(expected),
            value(&actual),
            message,
        );
        self.put("identity", record);
        self.read_only(actual.read_only_proof.clone());
        self.report.identity.actual = Some(actual);
        self.report.identity.verdict = verdict.clone();
        verdict
    }

    /// Whether the sessions of this run could write; a monitor that could is a risk in itself.
    fn read_only(&mut self, verdict: Verdict) {
        let message = match &verdict {
            Verdict::Proven => "a write through each pool was refused".to_owned(),
            other => other.reasons().join("; "),
        };
        let actual = json!(verdict.as_str());
        self.put(
            "read_only_sessions",
            CheckRecord::new(
                verdict,
                Criticality::Warning,
                json!("proven"),
                actual,
                message,
            ),
        );
    }

    /// Whether the kept rows are whole: found out now, not on the day they are needed.
    async fn kept_rows(&mut self) {
        let tables = self.baseline.tables.keys();
        let kept: Vec<_> = tables
            .filter_map(|table| self.baseline.rows(table))
            .collect();
        let files = kept.len();
        let verified = tokio::task::spawn_blocking(move || -> Vec<String> {
            let problems = kept.iter().filter_map(|rows| rows.verify().err());
            problems.map(|problem| one_line(&problem)).collect()
        });
        let problems = verified
            .await
            .unwrap_or_else(|error| vec![format!("the kept rows were not checked: {error}")]);
        let verdict = Verdict::all(
            std::iter::once(Verdict::Proven).chain(problems.iter().map(Verdict::not_proven)),
        );
        let message = match problems.as_slice() {
            [] => format!("{files} files of kept rows are as they were written"),
            problems => problems.join("; "),
        };
        let whole = files.saturating_sub(problems.len());
        self.put(
            "baseline_rows",
            CheckRecord::new(
                verdict,
                Criticality::Warning,
                json!(files),
                json!(whole),
                message,
            ),
        );
    }

    /// Another database: nothing of it may be compared.
    fn stopped(mut self) -> HealthReport {
        self.mark_unmeasured("not compared: this is another database");
        self.finish()
    }

    fn unreachable(mut self, reason: &str) -> HealthReport {
        let verdict = Verdict::not_proven(reason);
        let mut record = CheckRecord::new(
            verdict.clone(),
            Criticality::Critical,
            json!(1),
            Value::Null,
            reason,
        );
        record.extra.insert("error".to_owned(), json!(reason));
        self.put(legacy::CONNECTION, record);
        if self.report.identity.actual.is_none() {
            self.report.identity.verdict = verdict;
        }
        self.mark_unmeasured("not measured: the database did not answer");
        self.finish()
    }

    /// Every table of the baseline that has no check yet is unproven.
    fn mark_unmeasured(&mut self, reason: &str) {
        for (name, table) in &self.baseline.tables {
            self.report
                .checks
                .entry(table_check(name))
                .or_insert_with(|| {
                    let expected = table
                        .content
                        .fingerprint()
                        .map_or(Value::Null, |content| json!(content.rows));
                    let mut record = CheckRecord::new(
                        Verdict::not_proven(reason),
                        table.rule.criticality,
                        expected,
                        Value::Null,
                        reason,
                    );
                    record.rule = Some(table.rule.clone());
                    record
                });
        }
    }

    /// What the baseline does not know cannot be compared with anything, so no run against it is green.
    fn baseline_complete(&mut self) {
        let verdict = self.baseline.complete.clone();
        let message = match &verdict {
            Verdict::Proven => "everything was measured when the baseline was taken".to_owned(),
            other => format!("the baseline is incomplete: {}", other.reasons().join("; ")),
        };
        let verdict = match verdict {
            Verdict::Proven => Verdict::Proven,
            _ => Verdict::not_proven(message.clone()),
        };
        let actual = json!(verdict.as_str());
        self.put(
            "baseline_complete",
            CheckRecord::new(
                verdict,
                Criticality::Warning,
                json!("proven"),
                actual,
                message,
            ),
        );
    }

    fn finish(mut self) -> HealthReport {
        self.baseline_complete();
        legacy::add_aliases(&mut self.report.checks);
        let report = &mut self.report;
        let names = |wanted: &dyn Fn(&CheckRecord) -> bool| -> Vec<String> {
            report
                .checks
                .iter()
                .filter(|(_, record)| wanted(record))
                .map(|(name, _)| name.clone())
                .collect()
        };
        let degraded = names(&|record| !matches!(record.status, Status::Ok | Status::Skip));
        let worst = report.checks.values().map(|record| record.status).max();
        report.overall_status = match worst {
            Some(Status::Critical) => Overall::Critical,
            Some(Status::Error) | None => Overall::Error,
            Some(Status::Warning) => Overall::Warning,
            Some(Status::Ok | Status::Skip) => Overall::Healthy,
        };
        // Aliases repeat checks of tables; their reasons would be said twice.
        let parts = report
            .checks
            .iter()
            .filter(|(name, _)| !legacy::is_table_alias(name));
        report.verdict =
            Verdict::all(parts.map(|(name, record)| record.verdict.clone().about(name)));
        report.degraded_checks = degraded;
        report.elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.report
    }
}

/// What is read in the snapshot.
enum Task<'a> {
    Table(&'a TableBaseline, Box<Present>),
    Views,
    Schema,
    TwinGames,
    Activity,
}

enum Found {
    Table(Box<Seen>),
    Views(BTreeMap<TableName, String>),
    Schema(SchemaFacts),
    TwinGames(Option<Vec<TwinGames>>),
    Activity(Activity),
}

async fn compare(sessions: &[Session], run: &mut Run<'_>) -> Result<(), FingerprintError> {
    let Some(first) = sessions.first().map(Session::client) else {
        return Err(FingerprintError::NoConnection {
            operation: "compare the tables".to_owned(),
        });
    };
    let baseline = run.baseline;
    let present: BTreeMap<TableName, FoundTable> = discover(first)
        .await?
        .into_iter()
        .map(|table| (table.spec.table.clone(), table))
        .collect();
    let mut tasks = Vec::new();
    for (name, table) in &baseline.tables {
        match present.get(name) {
            Some(found) => tasks.push(Task::Table(
                table,
                Box::new(Present::new(&table.spec, &found.spec)),
            )),
            None => run.put(table_check(name), missing_table(table)),
        }
    }
    // The largest first, so that no connection is left with it at the end.
    tasks.sort_by_key(|task| match task {
        Task::Table(table, _) => std::cmp::Reverse(table.bytes),
        _ => std::cmp::Reverse(0),
    });
    tasks.extend([Task::Views, Task::Schema, Task::TwinGames, Task::Activity]);
    run.put("catalogue", catalogue_check(&baseline.tables, &present));

    let effort = run.options.effort;
    let governor = Governor::unlimited();
    let looker = Looker {
        baseline,
        governor: &governor,
        limits: Limits {
            rows: run.options.max_located_rows,
            listed: run.options.listed_rows,
        },
    };
    let (snapshot, results) = in_session_snapshot(sessions, &tasks, |client, task| {
        measure(client, task, &looker, effort).boxed()
    })
    .await?;
    run.report.snapshot = Some(snapshot);
    for (task, result) in tasks.iter().zip(results) {
        match (task, result) {
            (Task::Table(table, present), result) => {
                let seen = result.and_then(|found| match found {
                    Found::Table(seen) => Ok(*seen),
                    _ => Err(mixed_up()),
                });
                run.put(
                    table_check(&table.spec.table),
                    table_record(table, present, seen, looker.limits.listed),
                );
            }
            (Task::Views, result) => run.put("views", views_check(&baseline.views, result)),
            (Task::Schema, result) => run.put("schema", schema_check(&baseline.schema, result)),
            (Task::TwinGames, result) => run.put(
                "natural_key:public.games",
                twins_check(&baseline.twin_games, result),
            ),
            (Task::Activity, result) => {
                let now = result.and_then(|found| match found {
                    Found::Activity(activity) => Ok(activity),
                    _ => Err(mixed_up()),
                });
                for (name, record) in legacy::activity_checks(
                    &baseline.activity,
                    &now.as_ref().map_err(FingerprintError::reason),
                ) {
                    run.put(name, record);
                }
            }
        }
    }
    Ok(())
}

fn mixed_up() -> FingerprintError {
    FingerprintError::Decode {
        operation: "measure".to_owned(),
        what: "kind of result".to_owned(),
    }
}

async fn measure(
    client: &Client,
    task: &Task<'_>,
    looker: &Looker<'_>,
    effort: Effort,
) -> Result<Found, FingerprintError> {
    effort.limit(client).await?;
    match task {
        Task::Views => schema::views(client).await.map(Found::Views),
        Task::Schema => schema::schema_facts(client).await.map(Found::Schema),
        Task::TwinGames => TwinGames::find(client).await.map(Found::TwinGames),
        Task::Activity => Activity::read(client).await.map(Found::Activity),
        Task::Table(table, present) => looker
            .look(client, table, present)
            .await
            .map(|seen| Found::Table(Box::new(seen))),
    }
}

/// Both directions: what is gone, and what nobody expected. Lost tables have their own check with their own weight.
fn catalogue_check(
    expected: &BTreeMap<TableName, TableBaseline>,
    present: &BTreeMap<TableName, FoundTable>,
) -> CheckRecord {
    let mut findings = Vec::new();
    for (name, table) in expected {
        let Some(found) = present.get(name) else {
            findings.push(format!("table missing: {name}"));
            continue;
        };
        let known: BTreeSet<&str> = table
            .spec
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let new: Vec<&str> = found
            .spec
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .filter(|column| !known.contains(column))
            .collect();
        if !new.is_empty() {
            findings.push(format!("column added to {name}: {}", new.join(", ")));
        }
        findings.extend(
            Present::new(&table.spec, &found.spec)
                .findings()
                .into_iter()
                .map(|what| format!("{name}: {what}")),
        );
        if table.spec.key != found.spec.key {
            let key = |spec: &TableSpec| match &spec.key {
                KeySpec::Columns(columns) => format!("({})", columns.join(", ")),
                KeySpec::WholeRow => "none".to_owned(),
            };
            findings.push(format!(
                "key of {name} was {}, is {}",
                key(&table.spec),
                key(&found.spec)
            ));
        }
    }
    findings.extend(
        present
            .keys()
            .filter(|name| !expected.contains_key(*name))
            .map(|name| format!("unexpected table: {name}")),
    );
    let message = match findings.as_slice() {
        [] => format!(
            "all {} tables with their columns and keys, no others",
            present.len()
        ),
        findings => findings.join("; "),
    };
    CheckRecord::new(
        Verdict::from_findings(findings),
        Criticality::Warning,
        json!(expected.len()),
        json!(present.len()),
        message,
    )
}

/// What belongs to tables: constraints, indexes, triggers, details of columns; and sequences.
fn schema_check(
    expected: &Measurement<SchemaFacts>,
    result: Result<Found, FingerprintError>,
) -> CheckRecord {
    let count = |facts: &SchemaFacts| facts.values().map(BTreeMap::len).sum::<usize>();
    let total = expected
        .measured()
        .map_or(Value::Null, |known| json!(count(known)));
    let compared = known(expected).and_then(|known| match result {
        Ok(Found::Schema(now)) => Ok((known, now)),
        Ok(_) => Err(mixed_up().reason()),
        Err(error) => Err(error.reason()),
    });
    let (verdict, actual, message) = match compared {
        Ok((known, now)) => {
            let findings = schema::schema_differences(known, &now);
            let message = if findings.is_empty() {
                format!(
                    "all {} column details, constraints, indexes, triggers and sequences as they were",
                    count(known)
                )
            } else {
                findings.join("; ")
            };
            (
                Verdict::from_findings(findings),
                json!(count(&now)),
                message,
            )
        }
        Err(reason) => (Verdict::not_proven(reason.clone()), Value::Null, reason),
    };
    CheckRecord::new(verdict, Criticality::Warning, total, actual, message)
}

fn views_check(
    expected: &Measurement<BTreeMap<TableName, String>>,
    result: Result<Found, FingerprintError>,
) -> CheckRecord {
    let expected = match known(expected) {
        Ok(expected) => expected,
        Err(reason) => return not_compared(reason, Criticality::Warning),
    };
    let (verdict, actual, message) = match result {
        Ok(Found::Views(now)) => {
            let mut findings: Vec<String> = expected
                .iter()
                .filter_map(|(name, digest)| match now.get(name) {
                    None => Some(format!("view missing: {name}")),
                    Some(other) if other != digest => Some(format!("view redefined: {name}")),
                    Some(_) => None,
                })
                .collect();
            findings.extend(
                now.keys()
                    .filter(|name| !expected.contains_key(*name))
                    .map(|name| format!("unexpected view: {name}")),
            );
            let message = if findings.is_empty() {
                format!("all {} views as they were", now.len())
            } else {
                findings.join("; ")
            };
            (Verdict::from_findings(findings), json!(now.len()), message)
        }
        Ok(_) => (
            Verdict::not_proven(mixed_up().reason()),
            Value::Null,
            mixed_up().reason(),
        ),
        Err(error) => (
            Verdict::not_proven(error.reason()),
            Value::Null,
            error.reason(),
        ),
    };
    CheckRecord::new(
        verdict,
        Criticality::Warning,
        json!(expected.len()),
        actual,
        message,
    )
}

/// A check that has nothing to compare with.
fn not_compared(reason: String, criticality: Criticality) -> CheckRecord {
    CheckRecord::new(
        Verdict::not_proven(reason.clone()),
        criticality,
        Value::Null,
        Value::Null,
        reason,
    )
}

fn twins_check(
    known: &Measurement<Option<Vec<TwinGames>>>,
    result: Result<Found, FingerprintError>,
) -> CheckRecord {
    let known = match crate::baseline::known(known) {
        Ok(known) => known.as_deref(),
        Err(reason) => return not_compared(reason, Criticality::Critical),
    };
    let expected = known.map_or(Value::Null, |known| json!(known.len()));
    let unproven = |reason: String| {
        CheckRecord::new(
            Verdict::not_proven(reason.clone()),
            Criticality::Critical,
            expected.clone(),
            Value::Null,
            reason,
        )
    };
    match result {
        Err(error) => unproven(error.reason()),
        Ok(Found::TwinGames(None)) => {
            let reason =
                "there is no public.games with game_id, game_date, both teams and both scores";
            CheckRecord::new(
                Verdict::not_applicable(reason),
                Criticality::Critical,
                expected,
                Value::Null,
                reason,
            )
        }
        Ok(Found::TwinGames(Some(now))) => {
            let known: BTreeSet<&TwinGames> = known.unwrap_or_default().iter().collect();
            let new: Vec<&TwinGames> = now.iter().filter(|twins| !known.contains(twins)).collect();
            let findings: Vec<String> = new
                .iter()
                .map(|twins| {
                    format!(
                        "one game is there twice: game_id {} and {} (teams {} and {}, {})",
                        twins.ids[0], twins.ids[1], twins.teams[0], twins.teams[1], twins.dates[0]
                    )
                })
                .collect();
            let already = if known.is_empty() {
                String::new()
            } else {
                format!(" ({} pairs known from the baseline)", known.len())
            };
            let message = match findings.as_slice() {
                [] => format!("no game is there twice{already}"),
                [one] => one.clone(),
                [first, ..] => {
                    format!("{} games are there twice, such as: {first}", findings.len())
                }
            };
            let mut record = CheckRecord::new(
                Verdict::from_findings(findings),
                Criticality::Critical,
                expected,
                json!(now.len()),
                message,
            );
            if !new.is_empty() {
                record
                    .extra
                    .insert("duplicated_games".to_owned(), json!(new));
            }
            record
        }
        Ok(_) => unproven(mixed_up().reason()),
    }
}
