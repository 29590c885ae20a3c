//! The watch behind `nba dashboard` and `nba serve`: looks, alarms, notices.

use crate::context::Context;
use anyhow::Context as _;
use chrono::Utc;
use nba_config::Config;
use nba_db::Database;
use nba_migration::ledger::Ledger;
use nba_monitoring::alerts::{self, Outgoing};
use nba_monitoring::checks::{
    self, Evidence, LastBackup, Observation, RunOptions, Settings, observe_evidence, observe_health,
};
use nba_monitoring::health::HealthReport;
use nba_monitoring::watch::{Event, EventKind, Monitor, Policy, Tick, WatchError};
use nba_utils::{ErrorReport, Verdict};
use std::path::PathBuf;
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

/// The watch of a project; one process at a time has it.
pub(crate) struct Watch {
    monitor: Monitor,
    settings: Settings,
    interval: Duration,
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
        let mut seen = self.observe(context, config, health, &options).await;
        let confirm = self.monitor.to_confirm(&seen, Utc::now());
        if !confirm.is_empty() {
            self.confirm(context, config, &mut seen, &confirm).await;
        }
        let now = Utc::now();
        let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut tick = self.monitor.tick(now, self.interval, elapsed, seen);
        self.tell(&mut tick).await;
        self.housekeeping(&mut tick);
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
            Ok(db) => checks::run(&db, &self.settings, memory, options).await,
            Err(error) => checks::unreachable(&format!("{error:#}"), options),
        };
        seen.extend(health.into_iter().flat_map(observe_health));
        let evidence = evidence(config);
        seen.extend(observe_evidence(&evidence, &self.settings, options));
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

    fn housekeeping(&mut self, tick: &mut Tick) {
        // Once an hour at the usual interval; it does nothing on most days.
        if tick.number % 12 == 1
            && let Err(error) = self.monitor.history().compact(tick.at)
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

/// What the project's folder says.
pub(crate) fn evidence(config: &Config) -> Evidence {
    let unknown = |why: String| Evidence {
        ledger: Verdict::not_proven(why),
        records: 0,
        backup: None,
    };
    let ledger = match config.state_directory() {
        Ok(folder) => Ledger::in_folder(folder),
        Err(error) => return unknown(ErrorReport::new(&error).to_string()),
    };
    let verification = match ledger.verify() {
        Ok(verification) => verification,
        Err(error) => return unknown(ErrorReport::new(&error).to_string()),
    };
    let backup = ledger.records().ok().and_then(|records| {
        let proven = records.iter().rev().find(|record| {
            let subject = record.entry.subject.as_str();
            (subject.starts_with("backup") || subject.starts_with("restore"))
                && record.entry.verdict.is_proven()
        })?;
        Some(LastBackup {
            at: proven.time,
            verdict: proven.entry.verdict.clone(),
        })
    });
    Evidence {
        ledger: verification.verdict,
        records: verification.records,
        backup,
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
    // What the watch remembers is what the checks judge by; it is not changed.
    let kept = nba_monitoring::watch::read_state(&folder(config)?)
        .context("cannot read what the watch remembers")?;
    let mut memory = kept.map(|state| state.memory).unwrap_or_default();
    config.database()?;
    let connected: Result<Database, _> = context.connect(config, "check").await;
    let mut seen = match connected {
        Ok(db) => checks::run(&db, &settings, &mut memory, &options).await,
        Err(error) => checks::unreachable(&format!("{error:#}"), &options),
    };
    seen.extend(observe_evidence(&evidence(config), &settings, &options));
    Ok(seen)
}
