//! `nba health` and `nba dashboard`.

use super::Code;
use super::background::{self, Detached};
use super::watch::Watch;
use crate::cli::{DashboardArgs, HealthArgs};
use crate::context::{Context, baseline_name};
use crate::render::Tone;
use anyhow::{Context as _, bail};
use nba_config::Config;
use nba_migration::ledger::Entry;
use nba_migration::rollback::suite::register;
use nba_monitoring::baseline::Baseline;
use nba_monitoring::health::{
    HealthOptions, HealthReport, Overall, check, render_text, row_text, write_report,
};
use nba_monitoring::watch::{Standing, Tick};
use nba_utils::exit_code;
use serde::Serialize;
use std::time::Duration;

/// Where the legacy dashboard wrote its files, relative to the project.
const LEGACY_LOGS: &str = "refactoring_logs";

pub(crate) async fn run(context: &Context, args: &HealthArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let baseline = Baseline::load(
        &Context::baselines(&config)?,
        &baseline_name(&args.baseline)?,
    )?;
    let mut options = HealthOptions::default();
    options.listed_rows = args.limit;
    let report = measure(context, &config, &baseline, &options).await?;
    let code = match &args.check {
        Some(id) => one(context, &report, id)?,
        None => {
            context.out.json(&report)?;
            context.out.line(&painted(&report));
            report.exit_code()
        }
    };
    record(context, &config, &report)?;
    if args.write {
        let files = write_report(&config.project().join(LEGACY_LOGS), &report)?;
        context
            .out
            .note(&format!("written: {}", files.kept.display()));
    }
    Ok(code)
}

pub(crate) async fn dashboard(context: &Context, args: &DashboardArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    if args.status {
        return background::status(context, &config);
    }
    if args.stop {
        return background::stop(context, &config).await;
    }
    let baseline = Baseline::load(
        &Context::baselines(&config)?,
        &baseline_name(&args.baseline)?,
    )?;
    if args.background {
        return background::start(context, &config).await;
    }
    #[cfg(feature = "tui")]
    if args.tui && std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        return super::tui::run(context, &std::sync::Arc::new(config), args).await;
    }
    // On record, so that a rollback stops this process and no other.
    let _registered = match args.continuous {
        true => register(&config.state_directory()?, std::process::id()).ok(),
        false => None,
    };
    let mut ticks = tokio::time::interval(Duration::from_secs(args.interval));
    // A check that takes longer than the interval delays the next one instead of piling up.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut options = HealthOptions::default();
    let mut watch = Watch::open(context, &config, Duration::from_secs(args.interval))?;
    let detached = match (&watch, args.detached) {
        (_, false) => None,
        (Some(_), true) => Some(Detached::begin(&config, args.interval)?),
        (None, true) => bail!(
            "another process watches this project, `nba serve` or `nba dashboard --continuous`: it has to end first"
        ),
    };
    if watch.is_none() {
        context
            .out
            .note("another process watches this project: this look is not taken into account");
    }
    loop {
        ticks.tick().await;
        let report = measure(context, &config, &baseline, &options).await?;
        let looked = match &mut watch {
            Some(watch) => Some(watch.look(context, &config, Some(&report)).await),
            None => None,
        };
        let shown = Shown {
            report: &report,
            watch: looked.as_ref(),
        };
        if args.continuous {
            context.out.json_line(&shown)?;
        } else {
            context.out.json(&shown)?;
        }
        context.out.line(&painted(&report));
        if let Some(tick) = &looked {
            show(context, tick);
        }
        let kept = keep(context, &config, &report);
        if let Some(detached) = &detached {
            // Nobody starts it again: a disk that is full costs a record, not the watch.
            let turned = detached.turn_log().context("the log cannot be kept short");
            for error in [kept.err(), turned.err()].into_iter().flatten() {
                context.out.note(&format!("the watch goes on: {error:#}"));
            }
        } else {
            kept?;
        }
        let last = !args.continuous || args.ticks == Some(options.check_number);
        if last || (report.overall_status == Overall::Critical && detached.is_none()) {
            return Ok(report.exit_code());
        }
        options.check_number += 1;
    }
}

/// Puts a report on record and writes the files of the legacy dashboard.
fn keep(context: &Context, config: &Config, report: &HealthReport) -> anyhow::Result<()> {
    record(context, config, report)?;
    let files = write_report(&config.project().join(LEGACY_LOGS), report)?;
    context
        .out
        .note(&format!("written: {}", files.latest.display()));
    Ok(())
}

/// The report with the keys of the legacy dashboard, and beside them what the watch says.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    report: &'a HealthReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<&'a Tick>,
}

/// What a look came to, in a line, and what changed by it.
pub(crate) fn show(context: &Context, tick: &Tick) {
    let tone = match tick.standing {
        Standing::Healthy => Tone::Good,
        Standing::Warning | Standing::Critical => Tone::Bad,
        Standing::Suspect | Standing::Unknown => Tone::Unsure,
    };
    let list = |what: &str, ids: &[String]| match ids {
        [] => String::new(),
        ids => format!("; {what}: {}", ids.join(", ")),
    };
    context.out.line(&format!(
        "{}{}{}",
        tone.paint(&format!("watch: {}", tick.standing.as_str())),
        list("in alarm", &tick.in_alarm),
        list("suspect", &tick.suspect)
    ));
    context.out.line(&format!("cost: {}", tick.cost.line()));
    for event in &tick.events {
        context.out.line(&format!(
            "  {} {}: {}",
            event.kind.as_str(),
            event.check,
            event.message
        ));
    }
    for fault in &tick.faults {
        context.out.note(&format!("the watch: {fault}"));
    }
}

/// Connects and checks; an unreachable database is a report too. The caller shows it before it is recorded: a verdict must
/// not be lost because a disk is full.
pub(crate) async fn measure(
    context: &Context,
    config: &Config,
    baseline: &Baseline,
    options: &HealthOptions,
) -> anyhow::Result<HealthReport> {
    // Not being configured is a usage error; not being reachable is a finding.
    config.database()?;
    let report = match context.connect(config, "health").await {
        Ok(db) => check(&db, baseline, options).await,
        Err(error) => HealthReport::unreachable(baseline, options, &format!("{error:#}")),
    };
    Ok(report)
}

/// Puts a report on record.
pub(crate) fn record(
    context: &Context,
    config: &Config,
    report: &HealthReport,
) -> anyhow::Result<()> {
    context
        .append(config, &Entry::health(report))
        .context("the verdict above is not on record")
}

fn painted(report: &HealthReport) -> String {
    let text = render_text(report);
    match text.split_once('\n') {
        Some((first, rest)) => format!(
            "{}\n{}",
            Tone::of(&report.verdict).paint(first),
            rest.trim_end()
        ),
        None => text,
    }
}

/// One check, by its own or its legacy name.
fn one(context: &Context, report: &HealthReport, id: &str) -> anyhow::Result<Code> {
    let Some(record) = report.checks.get(id) else {
        let known: Vec<&str> = report.checks.keys().map(String::as_str).collect();
        bail!("no check is called `{id}`; there are {}", known.join(", "));
    };
    context.out.json(record)?;
    context.out.line(&format!(
        "{} {id}: {}",
        Tone::of(&record.verdict).paint(record.status.as_str()),
        record.message
    ));
    for row in record
        .differences
        .iter()
        .flat_map(|differences| &differences.rows)
    {
        context.out.line(&format!("  {}", row_text(row)));
    }
    Ok(match record.verdict.exit_code() {
        // Told not to look (a skipped check) is no failure of the caller's.
        exit_code::COULD_NOT_TELL if record.verdict.as_str() == "not_applicable" => {
            exit_code::PROVEN
        }
        code => code,
    })
}
