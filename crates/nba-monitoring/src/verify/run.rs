//! One verify run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use nba_db::fingerprint::{
    FingerprintError, FoundTable, SnapshotInfo, TableName, discover, in_noted_snapshot,
};
use nba_db::gentle::{Gentleness, Governor};
use nba_db::quiet::{Quiet, Tick};
use nba_db::tokio_postgres::Client;
use nba_db::{Database, Session};
use nba_utils::Verdict;
use nba_utils::errors::one_line;
use serde_json::{Value, json};

use super::book::{KeptProof, ProofBook};
use super::report::{Proof, TableProof, VERIFY_VERSION, VerifyReport};
use super::scrub::{self, Candidate};
use crate::baseline::{Baseline, TableBaseline};
use crate::connections::Effort;
use crate::health::locate::Limits;
use crate::health::table::{Looker, Present, missing_table, table_record};
use crate::health::{BaselineRecord, CheckRecord, IdentityRecord};

/// Time between two savings of the book while tables are being proven.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// How a verify run behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Tables of the baseline to verify; all when empty.
    pub tables: Vec<TableName>,
    /// Connections and time limits.
    pub effort: Effort,
    /// When to rest and to pause; never, when absent.
    pub gentleness: Option<Gentleness>,
    /// Rows listed per table and kind of difference.
    pub listed_rows: usize,
    /// Rows of both sides held in memory while locating differences of one table; about 100 bytes each.
    pub max_located_rows: u64,
    /// Whether the baseline was approved, as far as the caller knows.
    pub approved: Verdict,
    /// Where proofs are kept for quick runs; nowhere, when absent.
    pub book: Option<PathBuf>,
    /// Carry proofs where no write was counted; read everything, when absent.
    pub quick: Option<Quick>,
}

/// How proofs are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quick {
    /// No proof is older than this; the work is spread over the runs in between.
    pub scrub_within: Duration,
}

impl Default for VerifyOptions {
    /// All tables, everything read, ten rows of each kind listed.
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            effort: Effort::default(),
            gentleness: None,
            listed_rows: 10,
            max_located_rows: 2_000_000,
            approved: Verdict::not_applicable("nobody was asked"),
            book: None,
            quick: None,
        }
    }
}

/// Proves a database against a baseline, table by table. Never fails: what goes wrong is in the report.
///
/// ```no_run
/// # async fn example(db: nba_db::Database, baseline: nba_monitoring::baseline::Baseline) {
/// use nba_monitoring::verify::{VerifyOptions, render_text, verify};
/// let report = verify(&db, &baseline, &VerifyOptions::default()).await;
/// println!("{}", render_text(&report));
/// # }
/// ```
///
/// # Cancellation
///
/// Dropping the future cancels what runs on the server. Proofs made until about a second before are kept, and a quick run goes on
/// from them.
pub async fn verify(db: &Database, baseline: &Baseline, options: &VerifyOptions) -> VerifyReport {
    let mut run = Run::start(baseline, options);
    let identity = match db.identity().await {
        Ok(identity) => identity,
        Err(error) => return run.stopped(&one_line(&error)),
    };
    let verdict = baseline.identity.same_target(&identity);
    run.report.identity.actual = Some(identity.clone());
    run.report.identity.verdict = verdict.clone();
    if verdict.is_refuted() {
        return run.stopped("not compared: this is another database");
    }
    let book = baseline.digest().map(|digest| match &options.book {
        Some(path) => ProofBook::load(path, digest, &identity),
        None => ProofBook::new(digest, &identity),
    });
    match run.prove(db, book).await {
        Ok(()) => run.finish(),
        Err(reason) => run.stopped(&reason),
    }
}

impl VerifyReport {
    /// The report of a run that could not reach the database: everything is unproven.
    #[must_use]
    pub fn unreachable(baseline: &Baseline, options: &VerifyOptions, reason: &str) -> Self {
        Run::start(baseline, options).stopped(reason)
    }
}

struct Run<'a> {
    baseline: &'a Baseline,
    options: &'a VerifyOptions,
    began: Instant,
    asked: BTreeMap<&'a TableName, &'a TableBaseline>,
    governor: Governor,
    report: VerifyReport,
}

/// The book, and when it was last written.
struct Keeper<'a> {
    book: Option<ProofBook>,
    path: Option<&'a PathBuf>,
    saved: Instant,
    /// Why it could not be written.
    problem: Option<String>,
}

impl<'a> Run<'a> {
    fn start(baseline: &'a Baseline, options: &'a VerifyOptions) -> Self {
        let wanted = &options.tables;
        let asked = baseline
            .tables
            .iter()
            .filter(|(name, _)| wanted.is_empty() || wanted.contains(name))
            .collect();
        let governor = options.gentleness.clone();
        Self {
            baseline,
            options,
            began: Instant::now(),
            asked,
            governor: governor.map_or_else(Governor::unlimited, Governor::new),
            report: VerifyReport {
                schema_version: VERIFY_VERSION,
                timestamp: Utc::now(),
                verdict: Verdict::not_proven("nothing was verified"),
                fresh: 0,
                carried: 0,
                oldest_proof: None,
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
                approved: options.approved.clone(),
                snapshot: None,
                elapsed_ms: 0,
                account: nba_db::gentle::Account::default(),
                tables: BTreeMap::new(),
            },
        }
    }

    /// The error is the reason why nothing more can be found out.
    async fn prove(&mut self, db: &Database, book: Option<ProofBook>) -> Result<(), String> {
        let session = db.session().await.map_err(|error| one_line(&error))?;
        // Before any snapshot, so that the counters hold nothing that a snapshot does not see. Without readable counters tables
        // are verified all the same, and nothing is carried.
        let tick = match Tick::read(session.client()).await {
            Err(error) if error.is_connection_lost() => return Err(error.reason()),
            other => other.ok(),
        };
        drop(session);
        let mut keeper = Keeper {
            book,
            path: self.options.book.as_ref(),
            saved: Instant::now(),
            problem: None,
        };
        if let (Some(quick), Some(tick), Some(book)) = (self.options.quick, &tick, &mut keeper.book)
        {
            self.carry(quick, tick, book);
        }
        let now = self.report.timestamp;
        if let Some(book) = &mut keeper.book {
            book.last_run = Some(now);
        }
        let open: Vec<&TableBaseline> = self
            .asked
            .iter()
            .filter(|(name, _)| !self.report.tables.contains_key(**name))
            .map(|(_, table)| *table)
            .collect();
        let keeper = Mutex::new(keeper);
        if !open.is_empty() {
            // Only now: a quick run that reads nothing needs no second connection.
            let sessions = self.options.effort.sessions(db).await;
            let sessions = sessions.map_err(|error| one_line(&error))?;
            self.look(&sessions, open, tick.as_ref(), &keeper)
                .await
                .map_err(|error| error.reason())?;
        }
        let mut keeper = keeper.into_inner().unwrap_or_else(PoisonError::into_inner);
        keeper.save();
        if let Some(problem) = keeper.problem {
            tracing::warn!(%problem, "the next quick run cannot rest on this one");
        }
        Ok(())
    }

    /// Takes over the proofs that still hold.
    fn carry(&mut self, quick: Quick, tick: &Tick, book: &mut ProofBook) {
        let holds = |name: &TableName, proof: &KeptProof| {
            tick.unwritten(name, &proof.server, &proof.marks) == Quiet::Unwritten
                && matches!(
                    proof.check.verdict,
                    Verdict::Proven | Verdict::NotApplicable { .. }
                )
        };
        let mut candidates: Vec<Candidate<&TableName>> = self
            .asked
            .iter()
            .filter_map(|(name, table)| {
                let proof = book.proofs.get(*name)?;
                holds(name, proof).then_some(Candidate {
                    item: *name,
                    at: proof.at,
                    bytes: table.bytes,
                })
            })
            .collect();
        // The server's clock, as in the proofs.
        let now = tick.read_at;
        let since_last = book
            .last_run
            .and_then(|last| (self.report.timestamp - last).to_std().ok())
            .unwrap_or_default();
        let (renewed, credit) = scrub::due(
            &mut candidates,
            book.credit,
            since_last,
            now,
            quick.scrub_within,
        );
        book.credit = credit;
        let renewed: BTreeSet<&TableName> = renewed.into_iter().collect();
        for candidate in candidates {
            let name = candidate.item;
            let Some(proof) = book.proofs.get(name).filter(|_| !renewed.contains(name)) else {
                continue;
            };
            let until = tick
                .counted_until
                .map_or(proof.at, |counted| counted.max(proof.at));
            self.report
                .tables
                .insert(name.clone(), carried(proof, until));
        }
    }

    /// Looks at tables, all in one snapshot.
    async fn look(
        &mut self,
        sessions: &[Session],
        mut open: Vec<&'a TableBaseline>,
        tick: Option<&Tick>,
        keeper: &Mutex<Keeper<'_>>,
    ) -> Result<(), FingerprintError> {
        let Some(first) = sessions.first().map(Session::client) else {
            return Ok(());
        };
        let found: BTreeMap<TableName, FoundTable> = discover(first)
            .await?
            .into_iter()
            .map(|table| (table.spec.table.clone(), table))
            .collect();
        open.sort_by_key(|table| std::cmp::Reverse(table.bytes));
        let (there, gone): (Vec<&TableBaseline>, Vec<&TableBaseline>) = open
            .into_iter()
            .partition(|table| found.contains_key(&table.spec.table));
        for table in gone {
            self.report.tables.insert(
                table.spec.table.clone(),
                TableProof {
                    check: missing_table(table),
                    proof: Proof::Fresh {
                        at: self.report.timestamp,
                    },
                },
            );
        }
        let tasks: Vec<(&TableBaseline, Present)> = there
            .into_iter()
            .filter_map(|table| {
                let now = found.get(&table.spec.table)?;
                Some((table, Present::new(&table.spec, &now.spec)))
            })
            .collect();
        if tasks.is_empty() {
            return Ok(());
        }
        let looker = Looker {
            baseline: self.baseline,
            governor: &self.governor,
            limits: Limits {
                rows: self.options.max_located_rows,
                listed: self.options.listed_rows,
            },
        };
        let begun: OnceLock<SnapshotInfo> = OnceLock::new();
        let one = One {
            looker: &looker,
            effort: self.options.effort,
            tick,
            begun: &begun,
            keeper,
        };
        let (snapshot, results) = in_noted_snapshot(
            sessions,
            &tasks,
            |snapshot| {
                begun.set(snapshot.clone()).ok();
            },
            |client, (table, present)| one.prove(client, table, present).boxed(),
        )
        .await?;
        for ((table, _), result) in tasks.iter().zip(results) {
            let check = match result {
                Ok(check) => check,
                Err(error) => unproven(table, &error.reason()),
            };
            self.report.tables.insert(
                table.spec.table.clone(),
                TableProof {
                    check,
                    proof: Proof::Fresh {
                        at: snapshot.taken_at,
                    },
                },
            );
        }
        self.report.snapshot = Some(snapshot);
        Ok(())
    }

    /// Nothing more can be found out: what was not looked at stays unproven.
    fn stopped(mut self, reason: &str) -> VerifyReport {
        if self.report.identity.actual.is_none() {
            self.report.identity.verdict = Verdict::not_proven(reason);
        }
        for (name, table) in &self.asked {
            self.report
                .tables
                .entry((*name).clone())
                .or_insert_with(|| TableProof {
                    check: unproven(table, reason),
                    proof: Proof::None,
                });
        }
        self.finish()
    }

    fn finish(mut self) -> VerifyReport {
        let unknown = self
            .options
            .tables
            .iter()
            .filter(|name| !self.baseline.tables.contains_key(name))
            .map(|name| Verdict::not_proven(format!("{name}: the baseline does not know it")));
        let report = &mut self.report;
        let (mut fresh, mut carried, mut oldest) = (0, 0, None::<DateTime<Utc>>);
        for table in report.tables.values() {
            match table.proof {
                Proof::Fresh { .. } => fresh += 1,
                Proof::Carried { from, .. } => {
                    carried += 1;
                    oldest = Some(oldest.map_or(from, |oldest| oldest.min(from)));
                }
                Proof::None => {}
            }
        }
        (report.fresh, report.carried, report.oldest_proof) = (fresh, carried, oldest);
        let tables = report
            .tables
            .iter()
            .map(|(name, table)| table.check.verdict.clone().about(&name.to_string()));
        let parts: Vec<Verdict> = [
            report.identity.verdict.clone().about("identity"),
            report.approved.clone().about("approval"),
        ]
        .into_iter()
        .chain(tables)
        .chain(unknown)
        .collect();
        report.verdict = if report.tables.is_empty() {
            // An identity alone proves nothing about rows.
            Verdict::all(
                parts
                    .into_iter()
                    .chain([Verdict::not_proven("no table was verified")]),
            )
        } else {
            Verdict::all(parts)
        };
        report.account = self.governor.account();
        report.elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.report
    }
}

/// What proving one table takes.
struct One<'a, 'k> {
    looker: &'a Looker<'a>,
    effort: Effort,
    tick: Option<&'a Tick>,
    begun: &'a OnceLock<SnapshotInfo>,
    keeper: &'a Mutex<Keeper<'k>>,
}

impl One<'_, '_> {
    async fn prove(
        &self,
        client: &Client,
        table: &TableBaseline,
        present: &Present,
    ) -> Result<CheckRecord, FingerprintError> {
        self.effort.limit(client).await?;
        let seen = match self.looker.look(client, table, present).await {
            Err(error) if error.is_connection_lost() => return Err(error),
            // The transaction is rolled back to its savepoint by the caller; the record says why.
            Err(error) => {
                self.forget(&table.spec.table);
                return Err(error);
            }
            Ok(seen) => seen,
        };
        let check = table_record(table, present, Ok(seen), self.looker.limits.listed);
        self.keep(&table.spec.table, &check);
        Ok(check)
    }

    fn keep(&self, name: &TableName, check: &CheckRecord) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = self.tick.and_then(|tick| {
            let marks = tick.tables.get(name)?;
            Some((tick.server.clone(), marks.clone()))
        });
        let (Some(book), Some((server, marks)), Some(snapshot)) =
            (&mut keeper.book, marks, self.begun.get())
        else {
            return;
        };
        let proof = KeptProof {
            at: snapshot.taken_at,
            server,
            marks,
            check: check.clone(),
        };
        book.proofs.insert(name.clone(), proof);
        if keeper.saved.elapsed() >= SAVE_EVERY {
            keeper.save();
        }
    }

    /// An earlier proof must not outlive a look that failed.
    fn forget(&self, name: &TableName) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(book) = &mut keeper.book {
            book.proofs.remove(name);
        }
    }
}

impl Keeper<'_> {
    fn save(&mut self) {
        self.saved = Instant::now();
        if let (Some(book), Some(path)) = (&self.book, self.path) {
            self.problem = book.save(path).err().map(|error| one_line(&error));
        }
    }
}

/// An earlier proof, said to be one.
fn carried(proof: &KeptProof, unwritten_until: DateTime<Utc>) -> TableProof {
    let mut check = proof.check.clone();
    let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S UTC");
    check.message = format!(
        "carried from {}: {} then; no write was counted up to {}",
        time(proof.at),
        check.message,
        time(unwritten_until)
    );
    check
        .extra
        .insert("carried_from".to_owned(), json!(proof.at));
    TableProof {
        check,
        proof: Proof::Carried {
            from: proof.at,
            unwritten_until,
        },
    }
}

fn unproven(table: &TableBaseline, reason: &str) -> CheckRecord {
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
}
