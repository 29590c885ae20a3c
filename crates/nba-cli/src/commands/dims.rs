//! `nba dims`.

use super::Code;
use crate::cli::monitor::DimsCommand;
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use chrono::Utc;
use nba_config::{Config, ExposeSecret as _};
use nba_db::JsonRow;
use nba_etl::runner::Environment;
use nba_migration::ledger::Entry;
use nba_monitoring::dims::{DimsReport, Inventory, MeasureOptions, judge, measure};
use nba_utils::exit_code;
use std::collections::BTreeMap;

/// The values the legacy program stored of one metric, newest first.
const HISTORY_SQL: &str = "select recorded_at::text as recorded_at, value, verification_method, verified_by from public.dims_metrics_history \
     where metric_category = $1 and metric_name = $2 order by recorded_at desc, id desc limit $3";

pub(crate) async fn run(context: &Context, command: &DimsCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    match command {
        DimsCommand::Verify { metrics } => verify(context, &config, metrics).await,
        DimsCommand::History { metric, limit } => history(context, &config, metric, *limit).await,
    }
}

async fn verify(context: &Context, config: &Config, wanted: &[String]) -> anyhow::Result<Code> {
    let inventory = Inventory::load(config.project())?;
    let chosen = |id: &str| {
        wanted.is_empty()
            || wanted.iter().any(|name| {
                // A category alone is that category, not everything as in the legacy program (monitoring dossier 1.1).
                id == name
                    || id
                        .strip_prefix(name.as_str())
                        .is_some_and(|rest| rest.starts_with('.'))
            })
    };
    let metrics: Vec<_> = inventory
        .metrics
        .iter()
        .filter(|metric| chosen(&metric.id))
        .cloned()
        .collect();
    if metrics.is_empty() {
        bail!(
            "no metric and no category is called `{}`",
            wanted.join("`, `")
        );
    }
    let options = MeasureOptions::new(environment(context, config)?);
    let (project, thresholds) = (config.project().to_owned(), inventory.thresholds);
    let records = tokio::task::spawn_blocking(move || -> BTreeMap<_, _> {
        let measured = |metric: &nba_monitoring::dims::Metric| {
            metric.enabled.then(|| measure(metric, &project, &options))
        };
        metrics
            .iter()
            .map(|metric| {
                (
                    metric.id.clone(),
                    judge(metric, measured(metric).as_ref(), &thresholds),
                )
            })
            .collect()
    })
    .await?;
    let report = DimsReport::new(Utc::now(), records);
    context.out.json(&report)?;
    for (id, record) in &report.metrics {
        let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        context.out.line(&format!(
            "{} {id}: documented {}, measured {}{}",
            Tone::of(&record.verdict).paint(record.status.as_str()),
            value(&record.documented),
            value(&record.measured),
            match record.verdict.reasons() {
                [] => String::new(),
                reasons => format!(" ({})", reasons.join("; ")),
            }
        ));
    }
    for id in inventory.undefined.iter().filter(|id| chosen(id)) {
        context
            .out
            .note(&format!("`{id}` is documented, and nothing measures it"));
    }
    let entry = Entry::new("dims verify", report.verdict.clone())
        .figure("summary", serde_json::json!(report.summary));
    context
        .append(config, &entry)
        .context("the verdict above is not on record")?;
    Ok(report.verdict.exit_code())
}

/// What the commands may see: harmless variables, the target under its legacy names, and the credentials of the object store.
fn environment(context: &Context, config: &Config) -> anyhow::Result<Environment> {
    let own = context.inputs()?.environment;
    let mut environment = Environment::allowed(&own);
    for (name, value) in own
        .iter()
        .filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("S3_"))
    {
        environment.set(name, value);
    }
    if let Ok(target) = config.database() {
        for (name, value) in target.legacy_variables() {
            environment.set_secret(name, value.expose_secret());
        }
        // What psql itself reads: no other variable brings the password to a command line of the inventory.
        if let Some(password) = &target.password {
            environment.set_secret("PGPASSWORD", password.expose_secret());
        }
    }
    for secret in config.secrets() {
        environment.hide(secret.expose_secret());
    }
    Ok(environment)
}

async fn history(
    context: &Context,
    config: &Config,
    metric: &str,
    limit: u32,
) -> anyhow::Result<Code> {
    let Some((category, name)) = metric.split_once('.') else {
        bail!("a metric is called `category.name`, such as `s3_storage.total_objects`");
    };
    let db = context.connect(config, "dims").await?;
    let rows: Vec<JsonRow> = db
        .query(HISTORY_SQL, &[&category, &name, &i64::from(limit)])
        .await?;
    if rows.is_empty() {
        bail!("`public.dims_metrics_history` has no value of `{metric}`");
    }
    context.out.json(&rows)?;
    for row in &rows {
        context.out.line(&serde_json::to_string(row)?);
    }
    Ok(exit_code::PROVEN)
}
