//! `nba rollback`.

use super::Code;
use crate::cli::rollback::{RehearseArgs, RollbackCommand, RunArgs};
use crate::context::{Context, baseline_name};
use crate::render::Tone;
use nba_config::Config;
use nba_migration::ledger::Entry;
use nba_migration::rollback::{
    CodeOptions, CodePlace, DataOptions, RehearseOptions, RunOptions, RunReport, Service, checkout,
    plan, rehearse, render_text, run as go_back, services,
};
use nba_migration::state::StateCapture;
use nba_monitoring::baseline::Baseline;
use nba_monitoring::health::{HealthOptions, HealthReport};
use nba_utils::format::duration;
use std::time::Duration;

pub(crate) async fn run(context: &Context, command: &RollbackCommand) -> anyhow::Result<Code> {
    match command {
        RollbackCommand::Plan { baseline } => planned(context, baseline).await,
        RollbackCommand::Rehearse(args) => rehearsed(context, args).await,
        RollbackCommand::Run(args) => gone_back(context, args).await,
    }
}

async fn rehearsed(context: &Context, args: &RehearseArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let point = match &args.point {
        Some(point) => point.clone(),
        None => match checkout(config.project())?.restore_points.first() {
            Some(newest) => newest.commit.clone(),
            None => anyhow::bail!("there is no restore point: make one with `nba restore point`"),
        },
    };
    let backup = match &args.backup {
        Some(name) => name.clone(),
        None => super::backup::newest(&config, &args.place)?,
    };
    let verify = super::backup::verify_options(&config, &args.place, &args.scratch)?;
    let options = RehearseOptions::new(config.project(), point, backup, verify);
    let report = rehearse(&ledger, &options).await?;
    context.out.json(&report)?;
    shown(context, "rehearsal", &report);
    Ok(report.verdict.exit_code())
}

async fn gone_back(context: &Context, args: &RunArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let id = args
        .id
        .clone()
        .unwrap_or_else(|| format!("rollback-{}", chrono::Utc::now().format("%Y%m%dT%H%M%SZ")));
    let mut options = RunOptions::new(id, config.project(), config.state_directory()?);
    options.code = match (&args.point, &args.code_into, args.in_place) {
        (None, ..) => None,
        (Some(point), Some(folder), _) => Some(CodeOptions {
            point: point.clone(),
            place: CodePlace::Beside(folder.clone()),
        }),
        (Some(point), None, true) => Some(CodeOptions {
            point: point.clone(),
            place: CodePlace::InPlace,
        }),
        (Some(_), None, false) => {
            anyhow::bail!("say where the code goes: `--code-into DIR` or `--in-place`")
        }
    };
    if let (Some(backup), Some(database)) = (&args.backup, &args.database) {
        options.data = Some(DataOptions {
            backup: backup.clone(),
            verify: super::backup::verify_options(&config, &args.place, &args.scratch)?,
            database: database.clone(),
        });
    }
    let mut report = go_back(&ledger, &options).await?;
    for service in running_before(context, &config) {
        let how = service.command.unwrap_or(service.why);
        report.next.push(format!(
            "start again what ran before: {}: {how}",
            service.what
        ));
    }
    context.out.json(&report)?;
    shown(context, "rollback", &report);
    Ok(report.verdict.exit_code())
}

fn shown(context: &Context, what: &str, report: &RunReport) {
    let text = format!(
        "{what} `{}`: {} in {}",
        report.id,
        report.verdict.as_str().replace('_', " "),
        duration(Duration::from_millis(report.elapsed_ms))
    );
    context.out.line(&Tone::of(&report.verdict).paint(&text));
    for step in &report.steps {
        let before = if step.resumed { " (done before)" } else { "" };
        context.out.line(&format!(
            "  {} {}: {}{before}",
            Tone::of(&step.verdict).paint(step.verdict.as_str().replace('_', " ").as_str()),
            step.stage.as_str(),
            step.what
        ));
        for reason in step.verdict.reasons() {
            context.out.line(&format!("      {reason}"));
        }
    }
    for next in &report.next {
        context.out.line(&format!("  next: {next}"));
    }
}

/// What the newest capture found running and has to run again; a capture that cannot be read is told.
fn running_before(context: &Context, config: &Config) -> Vec<Service> {
    let newest = config
        .state_directory()
        .map_err(anyhow::Error::from)
        .and_then(|state| Ok(StateCapture::list(&state.join("captures"))?.pop()));
    match newest.and_then(|newest| Ok(newest.as_deref().map(StateCapture::load).transpose()?)) {
        Ok(Some(capture)) => services(&capture),
        Ok(None) => Vec::new(),
        Err(error) => {
            context
                .out
                .note(&format!("what ran before is not known: {error:#}"));
            Vec::new()
        }
    }
}

async fn planned(context: &Context, baseline: &str) -> anyhow::Result<Code> {
    let config = context.config()?;
    // In an emergency a plan without health is better than none; it says what it lacks.
    let health = match health(context, &config, baseline).await {
        Ok(report) => Some(report),
        Err(error) => {
            context
                .out
                .note(&format!("health could not be asked: {error:#}"));
            None
        }
    };
    let plan =
        plan(config.project(), health.as_ref()).with_services(&running_before(context, &config));
    context.out.json(&plan)?;
    context.out.line(render_text(&plan).trim_end());
    if let Some(health) = &health {
        super::health::record(context, &config, health)?;
    }
    context.append(&config, &Entry::new("rollback plan", plan.verdict.clone()))?;
    Ok(plan.exit_code())
}

async fn health(
    context: &Context,
    config: &Config,
    baseline: &str,
) -> anyhow::Result<HealthReport> {
    let baseline = Baseline::load(&Context::baselines(config)?, &baseline_name(baseline)?)?;
    super::health::measure(context, config, &baseline, &HealthOptions::default()).await
}
