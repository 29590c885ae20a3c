//! Old and new on the same documents, each into a database of its own, compared row by row.
//!
//! 1. A private server gets the definitions of the target, and of its games only the chosen ones. The target is only read.
//! 2. The legacy script runs into one database, and once more into a second: where it does not agree with itself, nobody can.
//! 3. The port loads the same documents into a third. It runs after the script, in a task of its own with a deadline: it can neither
//!    delay nor change nor fail what the script does.
//! 4. Every row is compared. A row that only the port has is *explained* when its document holds that play and the script is known to
//!    leave it out, under a name ([`Divergence`]); everything else is unexplained, and one such row refutes the run.

mod candidate;
mod history;
mod scratch;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nba_db::compare::{
    Change, CompareError, CompareSpec, Comparison, Difference, Observer, PlanView, Relation,
    compare,
};
use nba_db::ident::TableName;
use nba_db::{Database, DbError};
use nba_etl::lake::{Lake, LakeError};
use nba_etl::native::{Divergence, Mode};
use nba_etl::runner::{Ending, RunError, RunReport, Script, run_async};
use nba_utils::{Hint, Verdict};
use serde::Serialize;

pub use self::candidate::{Candidate, EspnPlays, Loaded};
pub use self::history::{History, Run, histories, page};
use self::scratch::Scratch;
pub use self::units::Units;
use crate::backup::{BackupError, Tools};
use crate::ledger::Entry;
use crate::switch::SHADOW_SUBJECT;

/// Differences that are listed one by one.
const LISTED: usize = 1_000;
/// Longest time the port may take.
const CANDIDATE_DEADLINE: Duration = Duration::from_secs(3_600);
/// Columns that say when a row was loaded, which differs from run to run.
const LOADING_TIMES: [&str; 2] = ["created_at", "updated_at"];
/// One minus the confidence of the bound.
const DOUBT: f64 = 0.05;

/// A capability that has a port: its name, the script, the table both fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// As in `nba switch` and `[entry_points]` of nba.toml.
    pub name: &'static str,
    /// The legacy script, unless `[entry_points]` names another.
    pub script: &'static str,
    /// The table.
    pub table: &'static str,
}

/// What has a port so far.
pub const CAPABILITIES: [Capability; 1] = [Capability {
    name: "etl.espn.pbp",
    script: "scripts/etl/extract_pbp_local.py",
    table: "public.play_by_play",
}];

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
    /// Calendar years of the games; all, when absent.
    pub years: Option<RangeInclusive<i32>>,
    /// Where the documents are.
    pub lake: Arc<Lake>,
    /// PostgreSQL's programs.
    pub tools: Tools,
    /// Longest time the port may take.
    pub candidate_deadline: Duration,
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
        }
    }
}

/// A row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// Values of the key.
    pub key: Vec<Option<String>>,
    /// The game it belongs to, where that is known.
    pub game_id: Option<String>,
    /// What differs; the left side is the script's.
    pub what: Change,
    /// Names of the divergences that explain it; empty when nothing does.
    pub explained_by: Vec<&'static str>,
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
    /// Games that both worked on, with a document each or without.
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
    #[error("cannot read the document of game `{game_id}`")]
    Lake {
        /// The game.
        game_id: String,
        /// The reason.
        source: Box<LakeError>,
    },
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
            Self::Legacy(_) | Self::Compare(_) => None,
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
    let units = Units::draw(source, options.units, options.years.clone()).await?;
    progress(&format!(
        "{} games of {} to {}",
        units.len(),
        units.years().start(),
        units.years().end()
    ));
    let table = TableName::parse(options.capability.table);
    let scratch = Scratch::prepare(source, &options.tools, &units).await?;

    progress("the legacy script");
    let first = legacy(&scratch, "legacy", options, &units).await?;
    progress("the legacy script once more");
    let second = legacy(&scratch, "legacy_again", options, &units).await?;
    progress("the port");
    let native = scratch.database("native").await?;
    let port_began = Instant::now();
    let loaded = candidate::run(candidate, &native, &units, options.candidate_deadline).await;
    let native_seconds = port_began.elapsed().as_secs_f64();

    progress("comparison");
    let explanations = units.divergences(&options.lake, options.mode).await?;
    let spec = spec();
    let relation = Relation::Table(table);
    let mut noise = Gathered::new(BTreeMap::new());
    let twice = compare(
        &first.db, &relation, &second.db, &relation, &spec, &mut noise,
    )
    .await?;
    let mut gathered = Gathered::new(explanations);
    let compared = compare(
        &first.db,
        &relation,
        &native,
        &relation,
        &spec,
        &mut gathered,
    )
    .await?;
    gathered.find_games(&first.db, &relation).await?;

    let noise = twice.totals.differences();
    let dirty = gathered.dirty_units();
    let legacy_verdict = first.verdict().and_then(|()| second.verdict());
    let verdict = conclude(&Facts {
        legacy: legacy_verdict,
        loaded: &loaded,
        noise,
        twice: &twice,
        compared: &compared,
        unexplained: gathered.unexplained,
        dirty,
    });
    for db in [first.db, second.db, native] {
        db.close().await;
    }
    let mut differences = gathered.listed_unexplained;
    differences.append(&mut gathered.listed_explained);
    Ok(ShadowReport {
        schema_version: 1,
        capability: options.capability.name,
        mode: options.mode,
        started_at,
        elapsed_seconds: began.elapsed().as_secs_f64(),
        mismatch_bound: (verdict.is_proven()).then(|| mismatch_bound(units.len())),
        verdict,
        units: count(units.len()),
        dirty_units: dirty,
        native_seconds,
        legacy_rows: compared.left.rows,
        native_rows: compared.right.rows,
        equal_rows: compared.totals.equal,
        noise,
        explained: gathered.explained,
        unexplained: gathered.unexplained,
        by_divergence: gathered.by_divergence,
        legacy: first.run,
        native_problem: loaded.as_ref().err().cloned(),
        native: loaded.ok(),
        truncated: count(differences.len()) < gathered.explained + gathered.unexplained,
        differences,
        ignored: spec.ignore,
    })
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

fn spec() -> CompareSpec {
    CompareSpec {
        ignore: LOADING_TIMES
            .iter()
            .map(|column| ((*column).to_owned(), "the time of loading".to_owned()))
            .collect(),
        listed: 0,
        ..CompareSpec::default()
    }
}

/// One run of the script into a database of its own.
struct Legacy {
    db: Database,
    run: LegacyRun,
    ended_well: bool,
    rows: u64,
}

impl Legacy {
    /// The script is the measure: one that failed, or that did nothing, measures nothing.
    fn verdict(&self) -> Result<(), String> {
        if !self.ended_well {
            return Err(format!("the legacy script ended with {}", self.run.ending));
        }
        if self.rows == 0 {
            return Err(format!(
                "the legacy script ended with {} and loaded nothing",
                self.run.ending
            ));
        }
        Ok(())
    }
}

async fn legacy(
    scratch: &Scratch,
    name: &str,
    options: &ShadowOptions,
    units: &Units,
) -> Result<Legacy, ShadowError> {
    let db = scratch.database(name).await?;
    let mut script = options.script.clone();
    script.environment.set_database(&scratch.target(name));
    let years = units.years();
    script.arguments.extend([
        "--year-range".into(),
        format!("{}-{}", years.start(), years.end()).into(),
    ]);
    let report: RunReport = run_async(script).await?;
    let rows: i64 = db
        .query_scalar(
            &format!(
                "select count(*) from {}",
                TableName::parse(options.capability.table).sql()
            ),
            &[],
        )
        .await
        .map_err(ShadowError::database("count what the script loaded"))?;
    Ok(Legacy {
        db,
        ended_well: report.ending == Ending::Exited(0),
        rows: u64::try_from(rows).unwrap_or(0),
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
    twice: &'a Comparison,
    compared: &'a Comparison,
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
    for comparison in [facts.twice, facts.compared] {
        // Rows that were found may all be explained; those that were not looked at are not.
        if let Some(reason) = comparison.unfinished.first() {
            return Verdict::not_proven(reason.clone());
        }
        if let Verdict::NotProven { .. } = comparison.verdict
            && !comparison.equal_as_declared
            && comparison.totals.differences() == 0
        {
            return comparison.verdict.clone();
        }
    }
    Verdict::Proven
}

/// Sorts differences by whether they are explained, while they are found.
struct Gathered {
    /// By the id of the play that the script leaves out.
    explanations: BTreeMap<String, BTreeSet<Divergence>>,
    game_column: Option<usize>,
    explained: u64,
    unexplained: u64,
    by_divergence: BTreeMap<&'static str, u64>,
    listed_explained: Vec<RowDifference>,
    listed_unexplained: Vec<RowDifference>,
}

impl Gathered {
    fn new(explanations: BTreeMap<String, BTreeSet<Divergence>>) -> Self {
        Self {
            explanations,
            game_column: None,
            explained: 0,
            unexplained: 0,
            by_divergence: BTreeMap::new(),
            listed_explained: Vec::new(),
            listed_unexplained: Vec::new(),
        }
    }

    /// Changed rows say only what changed: the game of the unexplained ones is asked for.
    async fn find_games(&mut self, db: &Database, relation: &Relation) -> Result<(), ShadowError> {
        let Relation::Table(table) = relation else {
            return Ok(());
        };
        let keys: Vec<String> = self
            .listed_unexplained
            .iter()
            .filter(|difference| difference.game_id.is_none())
            .filter_map(|difference| difference.key.first().cloned().flatten())
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "select play_id::text, game_id::text from {} where play_id::text = any($1)",
            table.sql()
        );
        let rows = db
            .query_rows(&sql, &[&keys])
            .await
            .map_err(ShadowError::database("ask which games the rows belong to"))?;
        let games: BTreeMap<String, Option<String>> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        for difference in &mut self.listed_unexplained {
            if let (None, Some(Some(key))) = (&difference.game_id, difference.key.first()) {
                difference.game_id = games.get(key).cloned().flatten();
            }
        }
        Ok(())
    }

    fn dirty_units(&self) -> u64 {
        let games: BTreeSet<&String> = self
            .listed_unexplained
            .iter()
            .filter_map(|difference| difference.game_id.as_ref())
            .collect();
        count(games.len())
    }
}

impl Observer for Gathered {
    fn started(&mut self, plan: &PlanView<'_>) -> std::io::Result<()> {
        self.game_column = plan
            .columns
            .iter()
            .position(|column| column.left == "game_id");
        Ok(())
    }

    fn difference(&mut self, difference: &Difference) -> std::io::Result<()> {
        let game_id = match &difference.what {
            Change::Missing { values } | Change::Added { values } => self
                .game_column
                .and_then(|index| values.get(index).cloned())
                .flatten(),
            Change::Changed { .. } => None,
        };
        // The port reads more than the script wherever they part; it never reads something else.
        let names: Vec<&'static str> = match (&difference.what, difference.key.first()) {
            (Change::Added { .. }, Some(Some(play))) => self
                .explanations
                .get(play)
                .into_iter()
                .flatten()
                .map(|divergence| divergence.id())
                .collect(),
            _ => Vec::new(),
        };
        let (number, list) = if names.is_empty() {
            (&mut self.unexplained, &mut self.listed_unexplained)
        } else {
            (&mut self.explained, &mut self.listed_explained)
        };
        *number += 1;
        for name in &names {
            *self.by_divergence.entry(name).or_default() += 1;
        }
        if list.len() < LISTED {
            list.push(RowDifference {
                key: difference.key.clone(),
                game_id,
                what: difference.what.clone(),
                explained_by: names,
            });
        }
        Ok(())
    }
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

    #[test]
    fn only_added_plays_that_the_script_leaves_out_are_explained() {
        let plays = BTreeMap::from([("7".to_owned(), BTreeSet::from([Divergence::RestOfGame]))]);
        let mut gathered = Gathered::new(plays);
        gathered.game_column = Some(1);
        let row = |play: &str, game: &str| vec![Some(play.to_owned()), Some(game.to_owned())];
        for (play, what) in [
            (
                "7",
                Change::Added {
                    values: row("7", "1"),
                },
            ),
            // Invented, in the very game where the port parts.
            (
                "8",
                Change::Added {
                    values: row("8", "1"),
                },
            ),
            (
                "7",
                Change::Missing {
                    values: row("7", "2"),
                },
            ),
            ("7", Change::Changed { cells: Vec::new() }),
        ] {
            let difference = Difference {
                key: vec![Some(play.to_owned())],
                what,
                repeated: None,
            };
            gathered.difference(&difference).unwrap();
        }
        assert_eq!((gathered.explained, gathered.unexplained), (1, 3));
        assert_eq!(gathered.by_divergence, BTreeMap::from([("PBP-1", 1)]));
        assert_eq!(gathered.dirty_units(), 2, "games 1 and 2");
    }
}
