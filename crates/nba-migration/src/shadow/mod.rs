//! Old and new on the same documents, each into a database of its own, compared row by row.
//!
//! 1. A private server gets the definitions of the target, and of its games only the chosen ones. The target is only read.
//! 2. The legacy script runs into one database, and once more into a second: where it does not agree with itself, nobody can.
//! 3. The port loads the same documents into a third. It runs after the script, in a task of its own with a deadline: it can neither
//!    delay nor change nor fail what the script does.
//! 4. Every row is compared. A row that only the port has is *explained* when its document holds that play and the script is known to
//!    leave it out, under a name ([`nba_etl::native::Divergence`]); everything else is unexplained, and one such row refutes the run.

mod candidate;
mod capability;
mod gather;
mod history;
mod scratch;
mod seasons;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nba_db::compare::{CompareError, CompareSpec, Comparison, Relation, compare};
use nba_db::ident::TableName;
use nba_db::{Database, DbError};
use nba_etl::lake::{Lake, LakeError};
use nba_etl::native::Mode;
use nba_etl::native::hoopr::{DrawError, StageError};
use nba_etl::native::parting::Partings;
use nba_etl::runner::{Ending, RunError, RunReport, Script, run_async};
use nba_utils::{Hint, Verdict};
use serde::Serialize;

pub use self::candidate::{Candidate, Loaded, NativePort};
pub use self::capability::{CAPABILITIES, Capability, Documents};
use self::gather::Gathered;
pub use self::gather::RowDifference;
pub use self::history::{History, Run, histories, page};
use self::scratch::Scratch;
pub use self::seasons::Seasons;
pub use self::units::Units;
use crate::backup::{BackupError, Tools};
use crate::ledger::Entry;
use crate::switch::SHADOW_SUBJECT;

/// Longest time the port may take.
const CANDIDATE_DEADLINE: Duration = Duration::from_secs(3_600);
/// Columns that say when a row was loaded, which differs from run to run.
const LOADING_TIMES: [&str; 2] = ["created_at", "updated_at"];
/// One minus the confidence of the bound.
const DOUBT: f64 = 0.05;

/// What to run, on what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ShadowOptions {
    /// What is compared.
    pub capability: Capability,
    /// The legacy script without its arguments; its environment gets the scratch database under every name.
    pub script: Script,
    /// What the port is faithful to.
    pub mode: Mode,
    /// Games, drawn evenly from all that qualify.
    pub units: usize,
    /// Calendar years of the games, or seasons where files of seasons are read; all, when absent.
    pub years: Option<RangeInclusive<i32>>,
    /// Where the documents are.
    pub lake: Arc<Lake>,
    /// PostgreSQL's programs.
    pub tools: Tools,
    /// Longest time the port may take.
    pub candidate_deadline: Duration,
    /// Longest time one statement of the comparison may take; the session's own limit where it is absent.
    pub comparison_timeout: Option<Duration>,
}

impl ShadowOptions {
    /// A hundred games of all years, in compat mode.
    #[must_use]
    pub fn new(capability: Capability, script: Script, lake: Arc<Lake>, tools: Tools) -> Self {
        Self {
            capability,
            script,
            mode: Mode::Compat,
            units: 100,
            years: None,
            lake,
            tools,
            candidate_deadline: CANDIDATE_DEADLINE,
            comparison_timeout: None,
        }
    }
}

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableOutcome {
    /// Its name.
    pub table: String,
    /// Rows the script left.
    pub legacy_rows: u64,
    /// Of these, rows the script wrote: the others were there before.
    pub legacy_written: u64,
    /// Rows the port left.
    pub native_rows: u64,
    /// Rows that are the same.
    pub equal_rows: u64,
    /// Rows that differ between two runs of the script.
    pub noise: u64,
    /// Rows that differ for a reason with a name.
    pub explained: u64,
    /// Rows that differ for none.
    pub unexplained: u64,
}

/// What a dual run found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ShadowReport {
    /// Form of this document.
    pub schema_version: u32,
    /// What was compared.
    pub capability: &'static str,
    /// What the port was faithful to.
    pub mode: Mode,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub elapsed_seconds: f64,
    /// The conclusion.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Games that both worked on, with a document each or without. Of a script that reads days: the games it wrote.
    pub units: u64,
    /// Games with a row that nothing explains.
    pub dirty_units: u64,
    /// With 95 % confidence, at most this share of all games has an unexplained row; only when none of these has.
    pub mismatch_bound: Option<f64>,
    /// How long the port took; the script's time is in `legacy`.
    pub native_seconds: f64,
    /// Rows the script left.
    pub legacy_rows: u64,
    /// Rows the port left.
    pub native_rows: u64,
    /// Rows that are the same.
    pub equal_rows: u64,
    /// Rows that differ between two runs of the script.
    pub noise: u64,
    /// Rows that differ for a reason with a name.
    pub explained: u64,
    /// Rows that differ for none.
    pub unexplained: u64,
    /// The same figures for each table.
    pub tables: Vec<TableOutcome>,
    /// How many rows each divergence explains.
    pub by_divergence: BTreeMap<&'static str, u64>,
    /// How the script ended, and what it claimed.
    pub legacy: LegacyRun,
    /// What the port says it did, when it came to an end.
    pub native: Option<Loaded>,
    /// Why it did not.
    pub native_problem: Option<String>,
    /// Rows that differ, the unexplained first; at most a thousand of each kind.
    pub differences: Vec<RowDifference>,
    /// Whether there are more.
    pub truncated: bool,
    /// What was declared not to count, with the reason.
    pub ignored: BTreeMap<String, String>,
    /// What was made in the port's database before it began, with the reason.
    pub prepared: Vec<String>,
}

/// What is known of the script's run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LegacyRun {
    /// Its command line.
    pub command: Vec<String>,
    /// How it ended.
    pub ending: String,
    /// How long it took.
    pub elapsed_seconds: f64,
    /// Its own figures: claims, not facts.
    pub counters: BTreeMap<String, u64>,
}

/// Why there was no dual run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShadowError {
    /// There is nothing to work on.
    #[error("no game qualifies: {0}")]
    NoUnits(String),
    /// The target could not be read, or a scratch database not be filled.
    #[error("could not {operation}")]
    Database {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The reason.
        source: Box<DbError>,
    },
    /// No server for the scratch databases, or no definitions in them.
    #[error("no scratch database")]
    Scratch(#[source] Box<BackupError>),
    /// The script could not be started.
    #[error("the legacy script did not run")]
    Legacy(#[from] RunError),
    /// A document could not be read.
    #[error("cannot read {what}")]
    Lake {
        /// What was read.
        what: String,
        /// The reason.
        source: Box<LakeError>,
    },
    /// A season's file could not be cut to the games that were drawn.
    #[error("the documents could not be prepared")]
    Draw(#[from] Box<DrawError>),
    /// There is no SQLite file that the legacy script could read.
    #[error("the legacy script's input could not be prepared")]
    Stage(#[from] Box<StageError>),
    /// There is no room for the documents.
    #[error("no folder for the documents")]
    Folder(#[source] std::io::Error),
    /// Rows could not be compared.
    #[error("cannot compare the rows")]
    Compare(#[from] CompareError),
}

impl ShadowError {
    fn database(operation: &'static str) -> impl FnOnce(DbError) -> Self {
        move |source| Self::Database {
            operation,
            source: Box::new(source),
        }
    }
}

impl Hint for ShadowError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoUnits(_) => {
                Some("look at `games` of the target, or choose other years".to_owned())
            }
            Self::Database { source, .. } => source.hint(),
            Self::Scratch(source) => source.hint(),
            Self::Lake { source, .. } => source.hint(),
            Self::Draw(_) => Some("`--years` leaves seasons out".to_owned()),
            Self::Legacy(_) | Self::Compare(_) | Self::Stage(_) | Self::Folder(_) => None,
        }
    }
}

/// Runs the script twice and the port once on the same games, and compares what they left. `progress` is told of each step.
///
/// The target is only read; everything is written on a private server that is gone afterwards.
///
/// # Errors
///
/// [`ShadowError`], when there is nothing that could be judged. A script that fails, and a port that fails, panics or hangs, are no
/// errors but findings.
pub async fn shadow(
    source: &Database,
    options: &ShadowOptions,
    candidate: &dyn Candidate,
    mut progress: impl FnMut(&str),
) -> Result<ShadowReport, ShadowError> {
    let (started_at, began) = (Utc::now(), Instant::now());
    let capability = &options.capability;
    let (most, years) = (options.units, options.years.clone());
    let units = Units::draw(source, &options.lake, capability, most, years).await?;
    progress(&format!(
        "{} games of {} to {}",
        units.len(),
        units.years().start(),
        units.years().end()
    ));
    let scratch = Scratch::prepare(source, &options.tools, &units).await?;

    progress("the legacy script");
    let first = legacy(&scratch, "legacy", options, &units).await?;
    progress("the legacy script once more");
    let second = legacy(&scratch, "legacy_again", options, &units).await?;
    progress("the port");
    let native = scratch.database("native").await?;
    let mut prepared = Vec::new();
    if let (Some(seasons), Mode::Correct) = (units.seasons(), options.mode) {
        for table in capability.tables() {
            scratch.unique(&native, &table, seasons.key()).await?;
            prepared.push(format!(
                "the port's `{table}` has a unique key on {}, without which correct mode loads nothing",
                seasons.key().join(", ")
            ));
        }
    }
    let port_began = Instant::now();
    let loaded = candidate::run(candidate, &native, &units, options.candidate_deadline).await;
    let native_seconds = port_began.elapsed().as_secs_f64();

    progress("comparison");
    let partings = units
        .partings(&options.lake, capability, options.mode)
        .await?;
    let mut found = Found::default();
    for ((table, parting), written) in capability.tables().iter().zip(partings).zip(&first.written)
    {
        let sides = [&first.db, &second.db, &native];
        let key = match units.seasons() {
            Some(seasons) => seasons.key(),
            None => key(capability, table),
        };
        let spec = spec(options, key, &units);
        found.table(table, &spec, sides, parting, *written).await?;
    }
    let games = match capability.documents {
        Documents::OfGames | Documents::OfSeasons(_) => units.len(),
        Documents::OfDays => first
            .written
            .last()
            .and_then(|rows| usize::try_from(*rows).ok())
            .unwrap_or(0),
    };
    // Of more rows than are listed, not every game is known.
    let dirty = match capability.documents {
        Documents::OfDays => count(found.dirty.len()),
        _ => count(found.dirty.len().min(games)),
    };
    let verdict = conclude(&Facts {
        legacy: first.verdict().and_then(|()| second.verdict()),
        loaded: &loaded,
        noise: found.noise,
        doubts: &found.doubts,
        unexplained: found.unexplained,
        dirty,
    });
    for db in [first.db, second.db, native] {
        db.close().await;
    }
    let mut differences = found.listed_unexplained;
    differences.append(&mut found.listed_explained);
    let sum = |figure: fn(&TableOutcome) -> u64| found.tables.iter().map(figure).sum::<u64>();
    Ok(ShadowReport {
        schema_version: 2,
        capability: capability.name,
        mode: options.mode,
        started_at,
        elapsed_seconds: began.elapsed().as_secs_f64(),
        mismatch_bound: (verdict.is_proven()).then(|| mismatch_bound(games)),
        verdict,
        units: count(games),
        dirty_units: dirty,
        native_seconds,
        legacy_rows: sum(|table| table.legacy_rows),
        native_rows: sum(|table| table.native_rows),
        equal_rows: sum(|table| table.equal_rows),
        noise: found.noise,
        explained: found.explained,
        unexplained: found.unexplained,
        by_divergence: found.by_divergence,
        legacy: first.run,
        native_problem: loaded.as_ref().err().cloned(),
        native: loaded.ok(),
        truncated: count(differences.len()) < found.explained + found.unexplained,
        differences,
        ignored: ignored(&units),
        prepared,
        tables: found.tables,
    })
}

/// The key columns of a table.
fn key(capability: &Capability, table: &TableName) -> &'static [&'static str] {
    let mut shapes = capability.ports.iter().map(|port| port.shape(Mode::Compat));
    shapes
        .find(|shape| TableName::parse(shape.table) == *table)
        .map_or(&[], |shape| shape.key)
}

/// What the comparisons of all tables found.
#[derive(Default)]
struct Found {
    tables: Vec<TableOutcome>,
    noise: u64,
    explained: u64,
    unexplained: u64,
    dirty: BTreeSet<String>,
    by_divergence: BTreeMap<&'static str, u64>,
    listed_explained: Vec<RowDifference>,
    listed_unexplained: Vec<RowDifference>,
    /// Why not every row was looked at.
    doubts: Vec<Verdict>,
}

impl Found {
    /// Compares one table: the script with itself, then with the port.
    async fn table(
        &mut self,
        table: &TableName,
        spec: &CompareSpec,
        [first, second, native]: [&Database; 3],
        partings: Partings,
        written: u64,
    ) -> Result<(), ShadowError> {
        let relation = Relation::Table(table.clone());
        let mut noise = Gathered::new(table, Partings::none());
        let twice = compare(first, &relation, second, &relation, spec, &mut noise).await?;
        let mut gathered = Gathered::new(table, partings);
        let compared = compare(first, &relation, native, &relation, spec, &mut gathered).await?;
        gathered.find_games(first).await?;
        for comparison in [&twice, &compared] {
            self.doubts.extend(doubt(comparison));
        }
        self.tables.push(TableOutcome {
            table: table.to_string(),
            legacy_rows: compared.left.rows,
            legacy_written: written,
            native_rows: compared.right.rows,
            equal_rows: compared.totals.equal,
            noise: twice.totals.differences(),
            explained: gathered.explained,
            unexplained: gathered.unexplained,
        });
        self.noise += twice.totals.differences();
        self.explained += gathered.explained;
        self.unexplained += gathered.unexplained;
        self.dirty.extend(gathered.dirty().iter().cloned());
        for (name, rows) in gathered.by_divergence {
            *self.by_divergence.entry(name).or_default() += rows;
        }
        self.listed_explained.extend(gathered.listed_explained);
        self.listed_unexplained.extend(gathered.listed_unexplained);
        Ok(())
    }
}

/// Why a comparison proves nothing although it found nothing, or not all.
fn doubt(comparison: &Comparison) -> Option<Verdict> {
    // Rows that were found may all be explained; those that were not looked at are not.
    if let Some(reason) = comparison.unfinished.first() {
        return Some(Verdict::not_proven(reason.clone()));
    }
    let doubtful = matches!(comparison.verdict, Verdict::NotProven { .. })
        && !comparison.equal_as_declared
        && comparison.totals.differences() == 0;
    doubtful.then(|| comparison.verdict.clone())
}

impl ShadowReport {
    /// The record that gates and switches read.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let mut entry = Entry::new(SHADOW_SUBJECT, self.verdict.clone())
            .figure("capability", self.capability)
            .figure("mode", serde_json::json!(self.mode))
            .figure("units", self.units)
            .figure("dirty_units", self.dirty_units)
            .figure("legacy_rows", self.legacy_rows)
            .figure("native_rows", self.native_rows)
            .figure("equal_rows", self.equal_rows)
            .figure("explained", self.explained)
            .figure("unexplained", self.unexplained)
            .figure("noise", self.noise)
            .figure("legacy_seconds", self.legacy.elapsed_seconds)
            .figure("native_seconds", self.native_seconds)
            .figure("seconds", self.elapsed_seconds);
        if let Some(bound) = self.mismatch_bound {
            entry = entry.figure("mismatch_bound", bound);
        }
        entry
    }
}

/// With 95 % confidence, the share of games with a mismatch is at most this when `clean` games in a row had none: the exact
/// (Clopper–Pearson) bound for no failure, near 3 / n.
#[must_use]
pub fn mismatch_bound(clean: usize) -> f64 {
    let clean = f64::from(u32::try_from(clean).unwrap_or(u32::MAX));
    if clean < 1.0 {
        return 1.0;
    }
    1.0 - DOUBT.powf(1.0 / clean)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Columns that are not compared, and why.
fn ignored(units: &Units) -> BTreeMap<String, String> {
    if let Some(seasons) = units.seasons() {
        return seasons.ignored();
    }
    LOADING_TIMES
        .iter()
        .map(|column| ((*column).to_owned(), "the time of loading".to_owned()))
        .collect()
}

fn spec(options: &ShadowOptions, key: &[&str], units: &Units) -> CompareSpec {
    CompareSpec {
        key: (!key.is_empty()).then(|| key.iter().map(ToString::to_string).collect()),
        statement_timeout: options.comparison_timeout,
        ignore: ignored(units),
        listed: 0,
        ..CompareSpec::default()
    }
}

/// One run of the script into a database of its own.
struct Legacy {
    db: Database,
    run: LegacyRun,
    ended_well: bool,
    tables: Vec<TableName>,
    /// Rows of each table that the script wrote.
    written: Vec<u64>,
}

impl Legacy {
    /// The script is the measure: one that failed, or that did nothing, measures nothing.
    fn verdict(&self) -> Result<(), String> {
        if !self.ended_well {
            return Err(format!("the legacy script ended with {}", self.run.ending));
        }
        let mut tables = self.tables.iter().zip(&self.written);
        if tables.clone().all(|(_, rows)| *rows == 0) {
            return Err(format!(
                "the legacy script ended with {} and loaded nothing",
                self.run.ending
            ));
        }
        match tables.find(|(_, rows)| **rows == 0) {
            Some((table, _)) => Err(format!("the legacy script loaded nothing into `{table}`")),
            None => Ok(()),
        }
    }
}

async fn legacy(
    scratch: &Scratch,
    name: &str,
    options: &ShadowOptions,
    units: &Units,
) -> Result<Legacy, ShadowError> {
    let db = scratch.database(name).await?;
    let counting = || ShadowError::database("count what the script loaded");
    let before: i64 = db
        .query_scalar(
            "select pg_snapshot_xmax(pg_current_snapshot())::text::int8",
            &[],
        )
        .await
        .map_err(counting())?;
    let mut script = options.script.clone();
    script.environment.set_database(&scratch.target(name));
    match units.seasons() {
        Some(seasons) => seasons.hand_to(&mut script),
        None => {
            let years = units.years();
            script.arguments.extend([
                "--year-range".into(),
                format!("{}-{}", years.start(), years.end()).into(),
            ]);
        }
    }
    let report: RunReport = run_async(script).await?;
    let tables = options.capability.tables();
    let mut written = Vec::with_capacity(tables.len());
    for table in &tables {
        // A server of our own is too young for its transaction numbers to start again.
        let sql = format!(
            "select count(*) from {} where xmin::text::int8 >= $1",
            table.sql()
        );
        let rows: i64 = db
            .query_scalar(&sql, &[&before])
            .await
            .map_err(counting())?;
        written.push(u64::try_from(rows).unwrap_or(0));
    }
    Ok(Legacy {
        db,
        ended_well: report.ending == Ending::Exited(0),
        tables,
        written,
        run: LegacyRun {
            command: report.command,
            ending: report.ending.to_string(),
            elapsed_seconds: report.elapsed.as_secs_f64(),
            counters: report.counters,
        },
    })
}

/// What a conclusion rests on.
struct Facts<'a> {
    legacy: Result<(), String>,
    loaded: &'a Result<Loaded, String>,
    noise: u64,
    doubts: &'a [Verdict],
    unexplained: u64,
    dirty: u64,
}

fn conclude(facts: &Facts<'_>) -> Verdict {
    if let Err(reason) = &facts.legacy {
        return Verdict::not_proven(reason.clone());
    }
    if let Err(problem) = facts.loaded {
        return Verdict::refuted(format!("the port {problem}"));
    }
    if facts.unexplained > 0 && facts.noise == 0 {
        return Verdict::refuted(format!(
            "{} rows of {} games differ for no known reason",
            facts.unexplained, facts.dirty
        ));
    }
    if facts.noise > 0 {
        return Verdict::not_proven(format!(
            "the legacy script does not agree with itself: {} rows differ between two runs",
            facts.noise
        ));
    }
    facts.doubts.first().cloned().unwrap_or(Verdict::Proven)
}

/// Where a dual run's report is kept in the state folder.
#[must_use]
pub fn report_file(state: &std::path::Path, report: &ShadowReport) -> PathBuf {
    state.join("shadow").join(report.capability).join(format!(
        "{}.json",
        report.started_at.format("%Y%m%dT%H%M%S%3fZ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_no_failure_in_so_many() {
        assert!((mismatch_bound(0) - 1.0).abs() < f64::EPSILON);
        // (1 - p)^n = 0.05.
        for clean in [1_u32, 10, 100, 2_000] {
            let bound = mismatch_bound(usize::try_from(clean).unwrap());
            let chance = (1.0 - bound).powf(f64::from(clean));
            assert!((chance - 0.05).abs() < 1e-9, "{clean}: {bound}");
        }
        assert!(mismatch_bound(300) < 0.01 && mismatch_bound(298) < 0.0101);
    }

    /// Whoever did not look at every row proved nothing, however equal the others are.
    #[test]
    fn a_comparison_that_did_not_look_at_every_row_proves_nothing() {
        let loaded = Ok(Loaded::default());
        let facts = |doubts| Facts {
            legacy: Ok(()),
            loaded: &loaded,
            noise: 0,
            doubts,
            unexplained: 0,
            dirty: 0,
        };
        assert_eq!(conclude(&facts(&[])), Verdict::Proven);
        let planted = [Verdict::not_proven("a key range was not read")];
        assert_eq!(conclude(&facts(&planted)), planted[0]);
        // A row that differs stays a finding.
        let found = Facts {
            unexplained: 1,
            dirty: 1,
            ..facts(&planted)
        };
        assert!(conclude(&found).is_refuted());
    }
}
