//! `nba alerts`.

use super::Code;
use super::watch::{folder, settings};
use crate::cli::monitor::AlertsCommand;
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use nba_config::Config;
use nba_migration::ledger::Entry;
use nba_monitoring::alerts::{Notice, deliver};
use nba_monitoring::watch::{
    Acknowledgement, Maintenance, Monitor, Policy, Request, State, WatchError, read_events,
    read_state,
};
use nba_utils::{ErrorReport, Verdict, exit_code};
use serde_json::json;

pub(crate) async fn run(context: &Context, command: &AlertsCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    match command {
        AlertsCommand::List => list(context, &config),
        AlertsCommand::Ack { check, by, note } => ack(context, &config, check, by, note.as_deref()),
        AlertsCommand::Maintenance { end: Some(id), .. } => {
            let state = state(&config)?;
            if !state.maintenance.iter().any(|window| window.id == *id) {
                bail!("there is no maintenance window {id}; `nba alerts list` shows them");
            }
            ask(context, &config, &Request::EndMaintenance { id: *id })?;
            context.out.json(&json!({ "ended": id }))?;
            context
                .out
                .line(&format!("maintenance window {id} is over"));
            Ok(exit_code::PROVEN)
        }
        AlertsCommand::Maintenance {
            checks,
            minutes,
            reason,
            owner,
            ..
        } => {
            let (Some(minutes), Some(reason), Some(owner)) = (minutes, reason, owner) else {
                bail!("a maintenance window needs --minutes, --reason and --owner");
            };
            maintenance(context, &config, checks, *minutes, reason, owner)
        }
        AlertsCommand::Test => test(context, &config).await,
        AlertsCommand::Events { limit } => events(context, &config, *limit),
        AlertsCommand::Forget { yes } => forget(context, &config, *yes),
    }
}

/// What is kept; nothing kept is a question that cannot be answered, not an empty list of alarms.
fn state(config: &Config) -> anyhow::Result<State> {
    match read_state(&folder(config)?)? {
        Some(state) => Ok(state),
        None => {
            bail!("nothing has been watched yet: start `nba serve` or `nba dashboard --continuous`")
        }
    }
}

/// Has a request carried out: at once, or by the process that has the watch, at its next look.
fn ask(context: &Context, config: &Config, request: &Request) -> anyhow::Result<()> {
    let folder = folder(config)?;
    let now = Utc::now();
    request
        .submit(&folder, now)
        .context("cannot hand in the request")?;
    match Monitor::open(&folder, now, Policy::default()) {
        Ok(mut monitor) => {
            let faults = monitor.take_requests(now);
            if let Some(fault) = faults.first() {
                bail!("{fault}");
            }
            monitor.save()?;
        }
        Err(WatchError::Busy { .. }) => context
            .out
            .note("the running watch takes it up at its next look"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn list(context: &Context, config: &Config) -> anyhow::Result<Code> {
    let state = state(config)?;
    let now = Utc::now();
    let alarms: Vec<_> = state
        .checks
        .iter()
        .filter(|(_, check)| check.level.is_alarm())
        .collect();
    let windows: Vec<&Maintenance> = state
        .maintenance
        .iter()
        .filter(|window| window.until > now)
        .collect();
    let standing = state.standing();
    context.out.json(&json!({
        "standing": standing,
        "last_tick": state.last_tick,
        "alarms": alarms.iter().map(|(id, check)| ((*id).clone(), json!(check))).collect::<serde_json::Map<String, _>>(),
        "maintenance": windows,
        "undelivered": state.alerting.outbox,
        "deduplicated": state.alerting.deduplicated,
    }))?;
    let last = state.last_tick.map_or_else(|| "never".to_owned(), time);
    context
        .out
        .line(&format!("{}, last look {last}", standing.as_str()));
    for (id, check) in alarms {
        let by = match &check.acknowledged {
            Some(by) => format!(", looked after by {}", by.by),
            None => String::new(),
        };
        context.out.line(&format!(
            "{} {id} since {}{by}: {}",
            Tone::Bad.paint(check.level.as_str()),
            time(check.since),
            check.last.message
        ));
    }
    for window in windows {
        context.out.line(&format!(
            "maintenance {} of {} until {}, {}: {}",
            window.id,
            window.checks.join(", "),
            time(window.until),
            window.owner,
            window.reason
        ));
    }
    for outgoing in &state.alerting.outbox {
        context.out.line(&format!(
            "not delivered by `{}` after {} attempts, next {}: {}",
            outgoing.channel,
            outgoing.attempts,
            time(outgoing.due),
            outgoing
                .last_error
                .as_deref()
                .unwrap_or("held back by quiet hours")
        ));
    }
    Ok(standing.exit_code())
}

fn ack(
    context: &Context,
    config: &Config,
    id: &str,
    by: &str,
    note: Option<&str>,
) -> anyhow::Result<Code> {
    let state = state(config)?;
    match state.checks.get(id) {
        Some(check) if check.level.is_alarm() => {}
        Some(_) => bail!("`{id}` is not in alarm: there is nothing to acknowledge"),
        None => {
            bail!("nobody has looked at a check `{id}`; `nba alerts list` shows what is in alarm")
        }
    }
    let by = Acknowledgement {
        by: by.to_owned(),
        at: Utc::now(),
        note: note.map(str::to_owned),
    };
    let request = Request::Acknowledge {
        check: id.to_owned(),
        by: by.clone(),
    };
    ask(context, config, &request)?;
    context.out.json(&json!({ "acknowledged": id, "by": by }))?;
    context
        .out
        .line(&format!("`{id}` is looked after by {}", by.by));
    Ok(exit_code::PROVEN)
}

fn maintenance(
    context: &Context,
    config: &Config,
    checks: &[String],
    minutes: u32,
    reason: &str,
    owner: &str,
) -> anyhow::Result<Code> {
    let now = Utc::now();
    let window = Maintenance {
        id: u64::try_from(now.timestamp()).unwrap_or(0),
        checks: match checks {
            [] => vec!["*".to_owned()],
            checks => checks.to_vec(),
        },
        from: now,
        until: now + TimeDelta::minutes(i64::from(minutes)),
        reason: reason.to_owned(),
        owner: owner.to_owned(),
    };
    ask(context, config, &Request::Maintain(window.clone()))?;
    context.append(
        config,
        &Entry::new("maintenance", Verdict::Proven)
            .figure("checks", window.checks.join(", "))
            .figure("minutes", minutes)
            .figure("owner", owner)
            .figure("reason", reason),
    )?;
    context.out.json(&window)?;
    context.out.line(&format!(
        "nothing is raised for {} until {}; `nba alerts maintenance --end {}` ends it early",
        window.checks.join(", "),
        time(window.until),
        window.id
    ));
    Ok(exit_code::PROVEN)
}

async fn test(context: &Context, config: &Config) -> anyhow::Result<Code> {
    let settings = settings(context, config)?;
    if settings.alerts.channels.is_empty() {
        let verdict = Verdict::not_proven(
            "no channel is configured: `[[alerts.channels]]` in `.nba/monitoring.toml`",
        );
        context
            .out
            .line(&Tone::Unsure.paint(&verdict.reasons().join("; ")));
        context
            .out
            .json(&json!({ "verdict": verdict, "channels": [] }))?;
        return Ok(verdict.exit_code());
    }
    let target = config
        .database()
        .map_or_else(|_| "no database".to_owned(), |target| target.database);
    let notice = Notice::test(&target, Utc::now());
    let mut verdicts = Vec::new();
    let mut shown = Vec::new();
    for channel in &settings.alerts.channels {
        let verdict = match deliver(channel, &notice).await {
            Ok(()) => Verdict::Proven,
            Err(error) => {
                Verdict::refuted(ErrorReport::new(&error).to_string()).about(&channel.name)
            }
        };
        context.out.line(&format!(
            "{} {}",
            Tone::of(&verdict).paint(if verdict.is_proven() {
                "delivered"
            } else {
                "failed"
            }),
            match &verdict {
                Verdict::Proven => channel.name.clone(),
                other => other.reasons().join("; "),
            }
        ));
        shown.push(json!({ "channel": channel.name, "verdict": verdict }));
        verdicts.push(verdict);
    }
    let verdict = Verdict::all(verdicts);
    context
        .out
        .json(&json!({ "verdict": verdict, "channels": shown }))?;
    Ok(verdict.exit_code())
}

fn events(context: &Context, config: &Config, limit: usize) -> anyhow::Result<Code> {
    let events = read_events(&folder(config)?, limit).context("cannot read the events")?;
    context.out.json(&events)?;
    for event in events {
        context.out.line(&format!(
            "{} {} {}: {}",
            time(event.at),
            event.kind.as_str(),
            event.check,
            event.message
        ));
    }
    Ok(exit_code::PROVEN)
}

fn forget(context: &Context, config: &Config, yes: bool) -> anyhow::Result<Code> {
    if !yes {
        bail!(
            "this forgets every alarm, every acknowledgement and what rows were seen; add --yes if that is meant"
        );
    }
    ask(context, config, &Request::Forget)?;
    context.append(config, &Entry::new("watch started anew", Verdict::Proven))?;
    context.out.json(&json!({ "forgotten": true }))?;
    context.out.line("the watch starts anew at its next look");
    Ok(exit_code::PROVEN)
}
