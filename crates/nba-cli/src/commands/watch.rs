//! The watch behind `nba dashboard` and `nba serve`: looks, alarms, notices.

use crate::context::Context;
use anyhow::Context as _;
use chrono::Utc;
use nba_config::Config;
use nba_db::Database;
use nba_etl::Lake;
use nba_etl::history::History;
use nba_migration::ledger::Ledger;
use nba_migration::state::TreeGuard;
use nba_monitoring::alerts::{self, Outgoing};
use nba_monitoring::checks::{
    self, Evidence, JobEvidence, LastBackup, LastRun, Memory, Observation, RunOptions, Settings,
    observe_evidence, observe_health, observe_lake,
};
use nba_monitoring::health::HealthReport;
use nba_monitoring::watch::{Event, EventKind, Monitor, Policy, Tick, WatchError};
use nba_utils::{ErrorReport, Verdict};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where a project's watch keeps its files.
pub(crate) fn folder(config: &Config) -> anyhow::Result<PathBuf> {
    Ok(config.state_directory()?.join("monitor"))
}

/// The project's settings of monitoring.
pub(crate) fn settings(context: &Context, config: &Config) -> anyhow::Result<Settings> {
    let settings = Settings::load(&config.state_directory()?)?;
    let redactor = context.logging.redactor();
    for secret in settings.alerts.secrets() {
        redactor.register(secret);
    }
    Ok(settings)
}

/// Looking at every file of the legacy side is for once an hour, not for each look.
const TREE_EVERY: Duration = Duration::from_secs(3_600);

/// The watch of a project; one process at a time has it.
pub(crate) struct Watch {
    monitor: Monitor,
    settings: Settings,
    interval: Duration,
    /// When the legacy side was last looked at, and what that came to.
    tree: Option<(Instant, Verdict)>,
    guard: Arc<Mutex<TreeGuard>>,
}

impl Watch {
    /// Takes up the watch; `None` while another process has it.
    pub(crate) fn open(
        context: &Context,
        config: &Config,
        interval: Duration,
    ) -> anyhow::Result<Option<Self>> {
        let settings = settings(context, config)?;
        match Monitor::open(folder(config)?, Utc::now(), Policy::default()) {
            Ok(monitor) => Ok(Some(Self {
                monitor,
                settings,
                interval,
                tree: None,
                guard: Arc::default(),
            })),
            Err(WatchError::Busy { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a look, confirms what would be an alarm, keeps the result and tells who is to be told.
    pub(crate) async fn look(
        &mut self,
        context: &Context,
        config: &Config,
        health: Option<&HealthReport>,
    ) -> Tick {
        let began = Instant::now();
        let options = RunOptions::default();
        if let Some(report) = health {
            let spending = &mut self.monitor.state.memory.cost;
            spending.compared(report.elapsed_ms);
        }
        let mut seen = self.observe(context, config, health, &options).await;
        let confirm = self.monitor.to_confirm(&seen, Utc::now());
        if !confirm.is_empty() {
            self.confirm(context, config, &mut seen, &confirm).await;
        }
        let now = Utc::now();
        let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut tick = self.monitor.tick(now, self.interval, elapsed, seen).await;
        self.tell(&mut tick).await;
        self.housekeeping(&mut tick).await;
        tick
    }

    async fn observe(
        &mut self,
        context: &Context,
        config: &Config,
        health: Option<&HealthReport>,
        options: &RunOptions,
    ) -> Vec<Observation> {
        let memory = &mut self.monitor.state.memory;
        let mut seen = match context.connect(config, "watch").await {
            // On the heap, like what is beside the database.
            Ok(db) => Box::pin(checks::run(&db, &self.settings, memory, options)).await,
            Err(error) => checks::unreachable(&format!("{error:#}"), options),
        };
        seen.extend(health.into_iter().flat_map(observe_health));
        let again = options.only.iter().any(|id| id == "evidence.legacy_tree");
        let tree = match &self.tree {
            Some((at, verdict)) if !again && at.elapsed() < TREE_EVERY => verdict.clone(),
            _ => {
                let verdict = legacy_tree(config, Arc::clone(&self.guard)).await;
                self.tree = Some((Instant::now(), verdict.clone()));
                verdict
            }
        };
        let memory = &mut self.monitor.state.memory;
        // On the heap: its clients are large, and every command that watches holds this future.
        let beside = beside_database(config, &self.settings, memory, options, tree);
        seen.extend(Box::pin(beside).await);
        seen
    }

    /// A second look, over a new connection, at what would be an alarm. What the health check found was found in one snapshot
    /// and needs no second one.
    async fn confirm(
        &mut self,
        context: &Context,
        config: &Config,
        seen: &mut [Observation],
        ids: &[String],
    ) {
        let mut options = RunOptions::default();
        options.only = ids
            .iter()
            .filter(|id| checks::find(id).is_some())
            .cloned()
            .collect();
        if options.only.is_empty() {
            return;
        }
        for again in self.observe(context, config, None, &options).await {
            if let Some(first) = seen.iter_mut().find(|first| first.id == again.id) {
                *first = again;
            }
        }
    }

    /// Delivers what is due; what fails is kept and tried again.
    async fn tell(&mut self, tick: &mut Tick) {
        let target = self
            .monitor
            .state
            .memory
            .identity
            .as_ref()
            .map_or_else(String::new, |identity| identity.brief.database.clone());
        let now = tick.at;
        let mut events = tick.events.clone();
        for fault in &tick.faults {
            events.push(Event::about_monitor(now, EventKind::CannotWrite, fault));
        }
        let state = &mut self.monitor.state;
        state
            .alerting
            .decide(&self.settings.alerts, &target, &events, &state.checks, now);
        let due = state.alerting.due(&self.settings.alerts, now);
        let outcomes = futures::future::join_all(
            due.into_iter()
                .map(|outgoing| deliver(&self.settings, outgoing)),
        )
        .await;
        let mut lost = Vec::new();
        for (outgoing, outcome) in outcomes {
            let Err(why) = outcome else { continue };
            tick.faults
                .push(format!("channel `{}`: {why}", outgoing.channel));
            if let Some(given_up) = self.monitor.state.alerting.failed(outgoing, why, now) {
                lost.push(Event::about_monitor(now, EventKind::NotDelivered, given_up));
            }
        }
        tick.faults.extend(self.monitor.log(&lost));
        if let Some(url) = &self.settings.alerts.heartbeat_url
            && let Err(error) = alerts::send_heartbeat(url, tick.standing.as_str()).await
        {
            tick.faults.push(ErrorReport::new(&error).to_string());
        }
    }

    async fn housekeeping(&mut self, tick: &mut Tick) {
        // Once an hour at the usual interval; it does nothing on most days.
        if tick.number % 12 == 1
            && let Err(error) = self.monitor.history().compact(tick.at).await
        {
            tick.faults.push(ErrorReport::new(&error).to_string());
        }
        if let Err(error) = self.monitor.save() {
            tick.faults.push(ErrorReport::new(&error).to_string());
        }
    }
}

async fn deliver(settings: &Settings, outgoing: Outgoing) -> (Outgoing, Result<(), String>) {
    let channel = settings
        .alerts
        .channels
        .iter()
        .find(|channel| channel.name == outgoing.channel);
    let outcome = match channel {
        Some(channel) => alerts::deliver(channel, &outgoing.notice)
            .await
            .map_err(|error| ErrorReport::new(&error).to_string()),
        // It was taken out of the settings: nobody wants its notices any more.
        None => Ok(()),
    };
    (outgoing, outcome)
}

/// What is not asked of the database: evidence, jobs, the lake.
async fn beside_database(
    config: &Config,
    settings: &Settings,
    memory: &mut Memory,
    options: &RunOptions,
    legacy_tree: Verdict,
) -> Vec<Observation> {
    let mut evidence = evidence(config);
    evidence.legacy_tree = legacy_tree;
    evidence.jobs = jobs(config, settings).await;
    let mut seen = observe_evidence(&evidence, settings, options);
    let lake = lake(config, settings).await;
    let lake = lake.as_ref().map_err(String::as_str);
    seen.extend(observe_lake(lake, settings, &mut memory.lake, options).await);
    seen
}

/// What the project's folder says, but for what is read elsewhere.
fn evidence(config: &Config) -> Evidence {
    let ledger = match config.state_directory() {
        Ok(folder) => Ledger::in_folder(folder),
        Err(error) => return Evidence::unknown(&ErrorReport::new(&error).to_string()),
    };
    let verification = match ledger.verify() {
        Ok(verification) => verification,
        Err(error) => return Evidence::unknown(&ErrorReport::new(&error).to_string()),
    };
    let mut evidence = Evidence::unknown("not looked at");
    // What cannot be read here could not be verified above either.
    evidence.backup = nba_migration::backup::newest_proven(&ledger)
        .ok()
        .flatten()
        .map(|newest| LastBackup {
            at: newest.taken_at,
            verdict: newest.verdict,
        });
    let records = ledger.records().unwrap_or_default();
    let measured = records.iter().rev();
    evidence.dims = measured
        .into_iter()
        // A run over some metrics says nothing about the others.
        .find(|record| {
            record.entry.subject == super::dims::VERIFY
                && record.entry.figures.get("whole") == Some(&true.into())
        })
        .map(|record| LastRun {
            at: record.time,
            verdict: record.entry.verdict.clone(),
        });
    evidence.records = verification.records;
    evidence.ledger = verification.verdict;
    evidence
}

/// Whether the legacy side is as it was last put on record.
async fn legacy_tree(config: &Config, guard: Arc<Mutex<TreeGuard>>) -> Verdict {
    let ledger = match config.state_directory() {
        Ok(folder) => Ledger::in_folder(folder),
        Err(error) => return Verdict::not_proven(ErrorReport::new(&error).to_string()),
    };
    let project = config.project().to_owned();
    let look = move || {
        let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
        guard.look(&ledger, &project)
    };
    tokio::task::spawn_blocking(look)
        .await
        .unwrap_or_else(|error| Verdict::not_proven(error.to_string()))
}

/// What the configured jobs did, by the history of their runs.
async fn jobs(config: &Config, settings: &Settings) -> Vec<JobEvidence> {
    if settings.jobs.is_empty() {
        return Vec::new();
    }
    let history = async {
        let path = config.state_directory()?.join(super::etl::HISTORY_FILE);
        if !path.is_file() {
            anyhow::bail!("no run of any job is on record: `nba etl run` keeps them");
        }
        Ok(History::open(&path).await?)
    };
    let history: anyhow::Result<History> = history.await;
    let mut jobs = Vec::new();
    for job in &settings.jobs {
        let verdict = match &history {
            Err(error) => Verdict::not_proven(format!("{error:#}")),
            Ok(history) => {
                let limit = Duration::try_from_secs_f64(job.max_hours * 3_600.0);
                match history
                    .fresh(&job.name, limit.unwrap_or(Duration::MAX))
                    .await
                {
                    Ok(verdict) => verdict,
                    Err(error) => Verdict::not_proven(ErrorReport::new(&error).to_string()),
                }
            }
        };
        jobs.push(JobEvidence {
            name: job.name.clone(),
            verdict,
        });
    }
    if let Ok(history) = history {
        history.close().await;
    }
    jobs
}

/// The lake of the settings, or why there is none.
async fn lake(config: &Config, settings: &Settings) -> Result<Lake, String> {
    match settings.lake.as_deref() {
        None => Err("`lake` in `.nba/monitoring.toml` names no lake".to_owned()),
        Some("s3") => match config.s3() {
            Ok(bucket) => Ok(Lake::s3(&bucket).await),
            Err(error) => Err(ErrorReport::new(&error).to_string()),
        },
        Some(folder) => Ok(Lake::local(config.project().join(folder))),
    }
}

/// Asks some checks of the catalogue once, without taking them into account anywhere.
pub(crate) async fn ask(
    context: &Context,
    config: &Config,
    ids: &[String],
) -> anyhow::Result<Vec<Observation>> {
    let settings = settings(context, config)?;
    let mut options = RunOptions::default();
    options.only = ids.to_vec();
    options.unbudgeted = true;
    // What the watch remembers is what the checks judge by; it is not changed.
    let kept = nba_monitoring::watch::read_state(&folder(config)?)
        .context("cannot read what the watch remembers")?;
    let mut memory = kept.map(|state| state.memory).unwrap_or_default();
    config.database()?;
    let connected: Result<Database, _> = context.connect(config, "check").await;
    let mut seen = match connected {
        Ok(db) => Box::pin(checks::run(&db, &settings, &mut memory, &options)).await,
        Err(error) => checks::unreachable(&format!("{error:#}"), &options),
    };
    let tree = if ids.is_empty() || ids.iter().any(|id| id == "evidence.legacy_tree") {
        legacy_tree(config, Arc::default()).await
    } else {
        Verdict::not_proven("not looked at")
    };
    let beside = beside_database(config, &settings, &mut memory, &options, tree);
    seen.extend(Box::pin(beside).await);
    Ok(seen)
}
