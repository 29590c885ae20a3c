//! Asking the checks of the catalogue.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use nba_db::identity::TargetIdentity;
use nba_db::quiet::Tick;
use nba_db::{Database, DbError, Session, Spent};
use nba_utils::Verdict;
use nba_utils::errors::one_line;
use serde::{Deserialize, Serialize};

use super::catalogue::{CATALOGUE, CheckSpec};
use super::progress::Progress;
use super::settings::Settings;
use super::volume::Volumes;
use super::{answers, cost, freshness, phase8, prefixes, progress, server, space, volume};
use crate::health::Status;
use crate::rules::Criticality;

/// Longest statement of a live check: what takes longer is a load, not a look.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a check saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Observation {
    /// The check's id.
    pub id: String,
    /// How much a refutation weighs.
    pub severity: Criticality,
    /// What it found.
    pub verdict: Verdict,
    /// The charted value, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// One line for people.
    pub message: String,
    /// How long it took.
    pub elapsed_ms: u64,
}

impl Observation {
    /// An observation of anything.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        severity: Criticality,
        verdict: Verdict,
        value: Option<f64>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            severity,
            verdict,
            value,
            message: message.into(),
            elapsed_ms: 0,
        }
    }

    /// The legacy status word.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::of(&self.verdict, self.severity)
    }

    pub(super) fn of(spec: &CheckSpec, found: Found) -> Self {
        let message = match (&found.verdict, found.message) {
            (_, Some(message)) => message,
            (verdict, None) => summary(verdict.reasons()),
        };
        Self::new(spec.id, spec.severity, found.verdict, found.value, message)
    }
}

/// Reasons that a line for people has; all of them are in the verdict.
const REASONS_SHOWN: usize = 4;

fn summary(reasons: &[String]) -> String {
    let shown = reasons.iter().take(REASONS_SHOWN);
    let mut text = shown.cloned().collect::<Vec<_>>().join("; ");
    if reasons.len() > REASONS_SHOWN {
        text.push_str(&format!("; and {} more", reasons.len() - REASONS_SHOWN));
    }
    text
}

/// What a check's own module says.
pub(super) struct Found {
    pub(super) verdict: Verdict,
    pub(super) value: Option<f64>,
    /// The reasons of the verdict when absent.
    pub(super) message: Option<String>,
}

impl Found {
    /// `Proven` without findings, with this sentence; `Refuted` with them otherwise.
    pub(super) fn judged(findings: Vec<String>, value: f64, fine: impl Into<String>) -> Self {
        let verdict = Verdict::from_findings(findings);
        let message = verdict.is_proven().then(|| fine.into());
        Self {
            verdict,
            value: Some(value),
            message,
        }
    }

    pub(super) fn not_proven(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::not_proven(reason),
            value: None,
            message: None,
        }
    }

    pub(super) fn not_applicable(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::not_applicable(reason),
            value: None,
            message: None,
        }
    }
}

/// What the checks remember from one tick to the next; kept by [`watch`](crate::watch).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Memory {
    /// The target of the first tick.
    #[serde(default)]
    pub identity: Option<TargetIdentity>,
    /// Rows per table.
    #[serde(default)]
    pub volumes: Volumes,
    /// Figures of jobs.
    #[serde(default)]
    pub progress: Progress,
    /// Database sizes of the last days, for the projection.
    #[serde(default)]
    pub growth: space::Growth,
    /// The lake's prefixes.
    #[serde(default)]
    pub lake: prefixes::LakeMemory,
    /// What watching costs.
    #[serde(default)]
    pub cost: cost::Spending,
    /// What tables said that nobody has written to since; gone with the process.
    #[serde(skip)]
    pub(super) answers: answers::Answers,
}

/// Which checks are asked, and when.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// Only these; all when empty.
    pub only: Vec<String>,
    /// The time checks judge by; the machine's clock when absent.
    pub now: Option<DateTime<Utc>>,
    /// Set for a person who asks: the budget of the watch puts nothing off.
    pub unbudgeted: bool,
}

impl RunOptions {
    pub(super) fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == id)
    }
}

/// The check of the monitor's own cost, asked when all others were.
const COST: &str = "monitor.cost";

/// Asks the checks that are answered by the database, and counts what that cost: all that `db` is asked meanwhile, and its opening when
/// it was not used before. Never fails: what goes wrong is in the observations.
///
/// ```no_run
/// # async fn example(db: nba_db::Database) {
/// use nba_monitoring::checks::{Memory, RunOptions, Settings, run};
/// let mut memory = Memory::default();
/// for seen in run(&db, &Settings::default(), &mut memory, &RunOptions::default()).await {
///     println!("{} {}: {}", seen.id, seen.verdict.as_str(), seen.message);
/// }
/// # }
/// ```
///
/// # Cancellation
///
/// Dropping the future cancels the running statement.
pub async fn run(
    db: &Database,
    settings: &Settings,
    memory: &mut Memory,
    options: &RunOptions,
) -> Vec<Observation> {
    let now = options.now.unwrap_or_else(Utc::now);
    let mut seen = Vec::new();
    let began = Instant::now();
    let before = match db.spent() {
        opened if opened.statements == db.opening().statements => Spent::default(),
        used => used,
    };
    let identity = match db.identity().await {
        Ok(identity) => identity,
        Err(error) => return unreachable(&one_line(&error), options),
    };
    let session = match db.session().await {
        Ok(session) => session,
        Err(error) => return unreachable(&one_line(&error), options),
    };
    let answered = began.elapsed();
    let same = match &memory.identity {
        Some(known) => known.same_target(&identity),
        None => Verdict::Proven,
    };
    let other_target = same.is_refuted();
    // Who asks for a check by name, as the look does that confirms an alarm, wants it asked.
    let tick = match options.only.is_empty() && !other_target {
        true => Tick::of(&session).await.ok(),
        false => None,
    };
    let look = Look {
        tick,
        db,
        session: &session,
        identity: &identity,
        settings,
        now,
        before,
        budgeted: !options.unbudgeted,
    };
    for spec in CATALOGUE.iter().filter(|spec| spec.cost.asks_database()) {
        if !options.wants(spec.id) || spec.id == COST {
            continue;
        }
        let spent = look.spent();
        let began = Instant::now();
        let found = if let Some(off) = switched_off(settings, spec.id, now.date_naive()) {
            Found::not_applicable(off)
        } else if other_target
            && !matches!(spec.id, "db.connection" | "db.identity" | "db.read_only")
        {
            Found::not_proven("not asked: this is another database")
        } else {
            match spec.id {
                "db.connection" => Found::judged(
                    Vec::new(),
                    answered.as_secs_f64() * 1_000.0,
                    format!(
                        "`{}` answered in {}",
                        identity.brief.database,
                        nba_utils::format::duration(answered)
                    ),
                ),
                "db.identity" => identified(&same, &identity, memory),
                "db.read_only" => {
                    let verdict = identity.read_only_proof.clone();
                    let message = verdict
                        .is_proven()
                        .then(|| "a write through each pool was refused".to_owned());
                    Found {
                        verdict,
                        value: None,
                        message,
                    }
                }
                _ => look.at(spec, memory).await,
            }
        };
        let mut observation = Observation::of(spec, found);
        observation.elapsed_ms = millis(began.elapsed());
        seen.push(observation);
        memory.cost.check(spec.id, &look.spent().since(&spent));
    }
    memory.cost.add(&look.spent(), now);
    let own = CATALOGUE.iter().find(|spec| spec.id == COST);
    if let Some(spec) = own.filter(|spec| options.wants(spec.id)) {
        let found = match switched_off(settings, spec.id, now.date_naive()) {
            Some(off) => Found::not_applicable(off),
            None => memory.cost.judge(&settings.budget),
        };
        seen.push(Observation::of(spec, found));
    }
    seen
}

/// The observations of a run that could not reach the database: nothing is known, nothing is zero.
#[must_use]
pub fn unreachable(reason: &str, options: &RunOptions) -> Vec<Observation> {
    CATALOGUE
        .iter()
        .filter(|spec| spec.cost.asks_database() && options.wants(spec.id))
        .map(|spec| {
            let reason = match spec.id {
                "db.connection" => reason.to_owned(),
                COST => "not known: the database did not answer".to_owned(),
                _ => "not asked: the database did not answer".to_owned(),
            };
            Observation::of(spec, Found::not_proven(reason))
        })
        .collect()
}

fn identified(same: &Verdict, identity: &TargetIdentity, memory: &mut Memory) -> Found {
    let message = same.is_proven().then(|| {
        let system = identity
            .brief
            .system_identifier
            .as_deref()
            .unwrap_or("unknown");
        format!("`{}` of system {system}", identity.brief.database)
    });
    if memory.identity.is_none() {
        memory.identity = Some(identity.clone());
    }
    Found {
        verdict: same.clone(),
        value: None,
        message,
    }
}

/// Why a check does not count today.
pub(super) fn switched_off(settings: &Settings, id: &str, today: NaiveDate) -> Option<String> {
    let off = settings.off.iter().find(|off| off.covers(id, today))?;
    Some(format!(
        "switched off until {} by {}: {}",
        off.until, off.owner, off.reason
    ))
}

/// What a check looks with.
pub(super) struct Look<'a> {
    pub(super) db: &'a Database,
    pub(super) session: &'a Session,
    pub(super) identity: &'a TargetIdentity,
    pub(super) settings: &'a Settings,
    pub(super) now: DateTime<Utc>,
    /// The counters before anything was asked; `None` where they cannot be read, or what is asked for is to be asked.
    pub(super) tick: Option<Tick>,
    /// What the handle had spent before this run.
    pub(super) before: Spent,
    /// Whether the budget counts.
    pub(super) budgeted: bool,
}

impl Look<'_> {
    /// One check in a transaction of its own, so that one that fails or takes too long spoils no other.
    async fn at(&self, spec: &CheckSpec, memory: &mut Memory) -> Found {
        if let Err(error) = self.begin().await {
            return Found::not_proven(one_line(&error));
        }
        let found = self.answer(spec, memory).await;
        let ended = self.session.batch_execute("rollback").await;
        match (found, ended) {
            (Ok(found), Ok(())) => found,
            (Err(error), _) => Found::not_proven(error.to_string()),
            (_, Err(error)) => Found::not_proven(one_line(&error)),
        }
    }

    /// The answer that stands, or a new one.
    async fn answer(&self, spec: &CheckSpec, memory: &mut Memory) -> Result<Found, LookError> {
        if !spec.cost.reads_tables() {
            return self.ask(spec.id, memory).await;
        }
        if spec.id == "work.heartbeats" {
            // Each job has an answer of its own.
            return progress::heartbeats(self, memory).await;
        }
        let ground = match &self.tick {
            Some(tick) => {
                let ground = answers::ground(self, spec.id, tick).await?;
                if let Some(ground) = &ground
                    && let Some(found) = memory.answers.standing(spec.id, ground, tick, self.now)
                {
                    return Ok(found);
                }
                ground
            }
            None => None,
        };
        if let Some(why) = self.over_budget(&memory.cost) {
            memory.cost.put_off(spec.id);
            return Ok(cost::not_asked(&why));
        }
        let touched = self.touched().await;
        let found = self.ask(spec.id, memory).await;
        memory.cost.pages(touched, cost::after(self, &found).await);
        let found = found?;
        if let Some(ground) = ground {
            memory.answers.keep(spec.id, ground, &found, self.now);
        }
        Ok(found)
    }

    async fn ask(&self, id: &str, memory: &mut Memory) -> Result<Found, LookError> {
        match id {
            "db.replication_lag" => server::replication_lag(self).await,
            "db.replication_slots" => server::replication_slots(self).await,
            "db.free_space" => space::free_space(self, &mut memory.growth).await,
            "db.long_transactions" => server::long_transactions(self).await,
            "db.idle_in_transaction" => server::idle_in_transaction(self).await,
            "db.lock_waits" => server::lock_waits(self).await,
            "db.connections" => server::connections(self).await,
            "db.autovacuum" => server::autovacuum(self).await,
            "db.transaction_ids" => server::transaction_ids(self).await,
            "db.invalid_indexes" => server::invalid_indexes(self).await,
            "db.sequences" => server::sequences(self).await,
            "freshness.games" => freshness::games(self).await,
            "freshness.sources" => freshness::sources(self).await,
            "volume.tables" => volume::tables(self, &mut memory.volumes).await,
            "work.phase8" => phase8::snapshots(self).await,
            // A test holds the catalogue against this list.
            other => Ok(Found::not_proven(format!(
                "nothing is known to ask for `{other}`"
            ))),
        }
    }

    async fn begin(&self) -> Result<(), DbError> {
        let sql = format!(
            // One processor, and no worker whose pages this session would not see.
            "begin read only; set local search_path = pg_catalog; set local max_parallel_workers_per_gather = 0; set local statement_timeout = {}",
            STATEMENT_TIMEOUT.as_millis()
        );
        self.session.batch_execute(&sql).await
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Why a check found nothing out.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// The server refused, or did not answer in time.
    #[error("{}", one_line(.0))]
    Db(#[from] DbError),
    /// A query that always gives a row gave none.
    #[error("the server gave no row for `{0}`")]
    NoRow(String),
}
