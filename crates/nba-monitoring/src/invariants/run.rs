//! All invariants of a book in one snapshot.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::Utc;
use futures::FutureExt as _;
use nba_db::Database;
use nba_db::fingerprint::{FingerprintError, SnapshotInfo, in_session_snapshot};
use nba_db::identity::TargetIdentity;
use nba_db::tokio_postgres::Client;
use nba_utils::Verdict;
use nba_utils::errors::one_line;

use super::book::{Book, Invariant, Scope};
use super::examine::{Examined, Look, Looked, examine};
use super::inventory::Inventory;
use super::report::{InvariantRecord, InvariantReport, REPORT_VERSION, Violation};
use super::waiver::{Waiver, Waivers};
use crate::connections::Effort;

/// Sorting is what windows over a game's plays need; the shared snapshot discourages it for the sake of fingerprints.
const SETTINGS: &str = "set local enable_sort = on";

/// How a run looks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunOptions {
    /// The invariants to look at; none means all that need nothing but the database.
    pub only: Vec<String>,
    /// Connections and time limits.
    pub effort: Effort,
    /// Violations listed per invariant; those on record are listed where others leave room.
    pub listed: usize,
    /// Violations on record.
    pub waivers: Waivers,
    /// The data lake; without it, invariants about it are left out.
    pub inventory: Option<Inventory>,
}

impl Default for RunOptions {
    /// All that need nothing but the database, ten violations each, no waivers.
    fn default() -> Self {
        Self {
            only: Vec::new(),
            effort: Effort::default(),
            listed: 10,
            waivers: Waivers::default(),
            inventory: None,
        }
    }
}

/// Looks at the invariants of a book. Never fails: what goes wrong is in the report.
///
/// Everything is read in one read-only snapshot, statement by statement within the time limit; a statement that fails leaves its
/// own invariant unproven and no other.
///
/// # Cancellation
///
/// Dropping the future cancels what runs on the server.
pub async fn run(db: &Database, book: &Book, options: &RunOptions) -> InvariantReport {
    let began = Instant::now();
    let (chosen, _) = choose(book, options);
    let mut report = match measure(db, &chosen, options).await {
        Ok((identity, snapshot, records)) => InvariantReport {
            snapshot: Some(snapshot),
            identity: Some(identity),
            ..finished(book, options, records)
        },
        Err(reason) => InvariantReport::unreachable(book, options, &reason),
    };
    report.elapsed_ms = milliseconds(began.elapsed());
    report
}

impl InvariantReport {
    /// The report of a run that could not reach the database: nothing is proven.
    #[must_use]
    pub fn unreachable(book: &Book, options: &RunOptions, reason: &str) -> Self {
        let (chosen, _) = choose(book, options);
        let lost = |invariant: &&Invariant| {
            let record = plain(invariant, Verdict::not_proven(reason), Duration::ZERO);
            (invariant.id.clone(), record)
        };
        finished(book, options, chosen.iter().map(lost).collect())
    }
}

fn finished(
    book: &Book,
    options: &RunOptions,
    invariants: BTreeMap<String, InvariantRecord>,
) -> InvariantReport {
    let unknown = options
        .only
        .iter()
        .filter(|id| book.get(id).is_none())
        .map(|id| Verdict::not_proven(format!("no invariant is called `{id}`")));
    let parts = invariants
        .iter()
        .map(|(id, record)| record.verdict.clone().about(id));
    InvariantReport {
        schema_version: REPORT_VERSION,
        timestamp: Utc::now(),
        verdict: Verdict::all(unknown.chain(parts)),
        identity: None,
        snapshot: None,
        elapsed_ms: 0,
        invariants,
        left_out: choose(book, options).1,
    }
}

/// Those to look at, and those left out because nobody asked for them and they need more than the database.
fn choose<'a>(book: &'a Book, options: &RunOptions) -> (Vec<&'a Invariant>, Vec<String>) {
    if !options.only.is_empty() {
        let asked = |invariant: &&Invariant| options.only.contains(&invariant.id);
        return (book.iter().filter(asked).collect(), Vec::new());
    }
    let (chosen, rest): (Vec<_>, Vec<_>) = book
        .iter()
        .partition(|invariant| options.inventory.is_some() || invariant.scope == Scope::Rows);
    let left_out = rest.into_iter().map(|invariant| invariant.id.clone());
    (chosen, left_out.collect())
}

type Measured = (
    TargetIdentity,
    SnapshotInfo,
    BTreeMap<String, InvariantRecord>,
);

async fn measure(
    db: &Database,
    chosen: &[&Invariant],
    options: &RunOptions,
) -> Result<Measured, String> {
    let identity = db.identity().await.map_err(|error| one_line(&error))?;
    let sessions = options
        .effort
        .sessions(db)
        .await
        .map_err(|error| one_line(&error))?;
    let today = identity.read_at.date_naive();
    let tasks: Vec<Task<'_>> = chosen
        .iter()
        .map(|invariant| {
            let waiver = options.waivers.get(&invariant.id);
            let void = waiver.and_then(|waiver| waiver.void(invariant, &identity, today));
            Task {
                waiver,
                look: Look {
                    invariant,
                    waiver: waiver.filter(|_| void.is_none()),
                    inventory: options.inventory.as_ref(),
                    listed: options.listed,
                },
                void,
                effort: options.effort,
            }
        })
        .collect();
    let (snapshot, results) = in_session_snapshot(&sessions, &tasks, |client, task| {
        task.look_at(client).boxed()
    })
    .await
    .map_err(|error| error.reason())?;
    let records = tasks.iter().zip(results).map(|(task, result)| {
        let record = match result {
            Ok((examined, took)) => task.record(examined, took),
            Err(error) => plain(
                task.look.invariant,
                Verdict::not_proven(error.reason()),
                Duration::ZERO,
            ),
        };
        (task.look.invariant.id.clone(), record)
    });
    let records = records.collect();
    Ok((identity, snapshot, records))
}

/// One invariant of a run.
struct Task<'a> {
    look: Look<'a>,
    waiver: Option<&'a Waiver>,
    void: Option<String>,
    effort: Effort,
}

impl Task<'_> {
    async fn look_at(&self, client: &Client) -> Result<(Examined, Duration), FingerprintError> {
        let began = Instant::now();
        client
            .batch_execute(SETTINGS)
            .await
            .map_err(|source| FingerprintError::query("set up the session", source))?;
        self.effort.limit(client).await?;
        let examined = examine(client, &self.look).await?;
        Ok((examined, began.elapsed()))
    }

    fn record(&self, examined: Examined, took: Duration) -> InvariantRecord {
        let invariant = self.look.invariant;
        match examined {
            Examined::Nothing(why) if invariant.optional => {
                plain(invariant, Verdict::not_applicable(why), took)
            }
            Examined::Nothing(why) | Examined::Unusable(why) => {
                plain(invariant, Verdict::not_proven(why), took)
            }
            Examined::Looked(looked) => self.looked(looked, took),
        }
    }

    fn looked(&self, mut looked: Looked, took: Duration) -> InvariantRecord {
        let mut verdict =
            Verdict::from_findings((looked.new > 0).then(|| finding(self.look.invariant, &looked)));
        if looked.stopped && looked.new == 0 {
            verdict = Verdict::not_proven("not every violation was looked at");
        }
        let found = looked.known + looked.new;
        let mut violations = looked.listed_new;
        looked
            .listed_known
            .truncate(self.look.listed.saturating_sub(violations.len()));
        violations.append(&mut looked.listed_known);
        let listed = u64::try_from(violations.len()).unwrap_or(u64::MAX);
        InvariantRecord {
            subject_count: Some(looked.subjects),
            known: looked.known,
            new: looked.new,
            truncated: looked.stopped || listed < found,
            violations,
            waiver: self.waiver.map(|waiver| waiver.record(self.void.clone())),
            ..plain(self.look.invariant, verdict, took)
        }
    }
}

/// What refutes, in one line.
fn finding(invariant: &Invariant, looked: &Looked) -> String {
    let example = looked
        .listed_new
        .first()
        .map_or_else(String::new, |violation: &Violation| {
            format!(", such as: {}", violation.message)
        });
    let new = if looked.known > 0 { "new " } else { "" };
    let least = if looked.stopped { "at least " } else { "" };
    let rows = if looked.new == 1 {
        "violation"
    } else {
        "violations"
    };
    format!(
        "{least}{} {new}{rows} of \"{}\" over {} {}{example}",
        looked.new, invariant.title, looked.subjects, invariant.subjects
    )
}

fn plain(invariant: &Invariant, verdict: Verdict, took: Duration) -> InvariantRecord {
    InvariantRecord {
        title: invariant.title.clone(),
        severity: invariant.severity,
        verdict,
        why: invariant.why.clone(),
        remedy: invariant.remedy.clone(),
        source: invariant.source.clone(),
        subjects: invariant.subjects.clone(),
        subject_count: None,
        known: 0,
        new: 0,
        violations: Vec::new(),
        truncated: false,
        waiver: None,
        elapsed_ms: milliseconds(took),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
