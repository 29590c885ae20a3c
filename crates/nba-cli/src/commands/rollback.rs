//! `nba rollback`.

use super::Code;
use crate::cli::RollbackCommand;
use crate::context::{Context, baseline_name};
use nba_config::Config;
use nba_migration::ledger::Entry;
use nba_migration::rollback::{plan, render_text};
use nba_monitoring::baseline::Baseline;
use nba_monitoring::health::{HealthOptions, HealthReport};

pub(crate) async fn run(context: &Context, command: &RollbackCommand) -> anyhow::Result<Code> {
    let RollbackCommand::Plan { baseline } = command;
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
    let plan = plan(config.project(), health.as_ref());
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
