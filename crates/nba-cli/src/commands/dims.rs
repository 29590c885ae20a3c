//! `nba dims`.

mod approve;
mod compare;
mod events;

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
use nba_monitoring::dims::{
    DimsReport, Inventory, MeasureOptions, MeasuredRun, Metric, NOBODY, judge, measure,
};
use nba_utils::exit_code;
use std::collections::BTreeMap;

/// The values the legacy program stored of one metric, newest first.
const HISTORY_SQL: &str = "select recorded_at::text as recorded_at, value, verification_method, verified_by from public.dims_metrics_history \
     where metric_category = $1 and metric_name = $2 order by recorded_at desc, id desc limit $3";
/// Subject of the record of a run.
pub(super) const VERIFY: &str = "dims verify";

pub(crate) async fn run(context: &Context, command: &DimsCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    match command {
        DimsCommand::Verify { metrics, hook, by } => {
            verify(context, &config, metrics, hook.as_deref(), by.as_deref()).await
        }
        DimsCommand::Approve {
            metrics,
            by: Some(by),
            reason: Some(reason),
        } => approve::approve(context, &config, metrics, by, reason),
        DimsCommand::Approve { .. } => approve::waiting(context, &config),
        DimsCommand::Events { log } => events::run(context, &config, *log).await,
        DimsCommand::Compare { metrics } => compare::run(context, &config, metrics).await,
        DimsCommand::History { metric, limit } => history(context, &config, metric, *limit).await,
    }
}

/// Whether a metric is among those that were named; all are when none is. A category alone is that category, not everything as
/// in the legacy program (monitoring dossier 1.1).
fn is_wanted(wanted: &[String], id: &str) -> bool {
    wanted.is_empty()
        || wanted.iter().any(|name| {
            id == name
                || id
                    .strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
        })
}

/// The metrics that were named; an error when there is none of them.
fn chosen(inventory: &Inventory, wanted: &[String]) -> anyhow::Result<Vec<Metric>> {
    let metrics: Vec<Metric> = inventory
        .metrics
        .iter()
        .filter(|metric| is_wanted(wanted, &metric.id))
        .cloned()
        .collect();
    if metrics.is_empty() {
        bail!(
            "no metric and no category is called `{}`",
            wanted.join("`, `")
        );
    }
    Ok(metrics)
}

async fn verify(
    context: &Context,
    config: &Config,
    wanted: &[String],
    hook: Option<&str>,
    by: Option<&str>,
) -> anyhow::Result<Code> {
    let inventory = Inventory::load(config.project())?;
    let metrics = match hook {
        None => chosen(&inventory, wanted)?,
        Some(name) => {
            let Some(hook) = inventory.hooks.iter().find(|hook| hook.name == name) else {
                bail!("no event hook is called `{name}`: `nba dims events` lists them");
            };
            let metrics = inventory.metrics.iter();
            metrics
                .filter(|metric| hook.covers(&metric.id))
                .cloned()
                .collect()
        }
    };
    if metrics.is_empty() {
        bail!(
            "no metric is meant by the event hook `{}`",
            hook.unwrap_or_default()
        );
    }
    let approved = approve::approvals(context, config, &inventory)?;
    let options = MeasureOptions::new(environment(context, config)?);
    let (project, thresholds) = (config.project().to_owned(), inventory.thresholds);
    let records = tokio::task::spawn_blocking(move || -> BTreeMap<_, _> {
        let measured =
            |metric: &Metric| metric.enabled.then(|| measure(metric, &project, &options));
        metrics
            .iter()
            .map(|metric| {
                let record = judge(
                    metric,
                    approved.get(&metric.id),
                    measured(metric).as_ref(),
                    &thresholds,
                );
                (metric.id.clone(), record)
            })
            .collect()
    })
    .await?;
    let report = DimsReport::new(Utc::now(), records);
    context.out.json(&report)?;
    for (id, record) in &report.metrics {
        let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let expected = match &record.approved {
            Some(approved) => format!("approved {} by {}", approved.value, approved.by),
            None => format!("documented {}", value(&record.documented)),
        };
        context.out.line(&format!(
            "{} {id}: {expected}, measured {}, severity {}{}{}",
            Tone::of(&record.verdict).paint(record.status.as_str()),
            value(&record.measured),
            record.severity.as_str(),
            match record.verdict.reasons() {
                [] => String::new(),
                reasons => format!(" ({})", reasons.join("; ")),
            },
            if record.needs_approval {
                "; the change needs approval"
            } else {
                ""
            }
        ));
    }
    if hook.is_none() {
        let undefined = inventory.undefined.iter();
        for id in undefined.filter(|id| is_wanted(wanted, id)) {
            context
                .out
                .note(&format!("`{id}` is documented, and nothing measures it"));
        }
    }
    let measured_by = match by {
        Some(by) => by.to_owned(),
        None => actor(context)?,
    };
    let run = MeasuredRun::new(
        context.run_id.clone(),
        measured_by,
        report.timestamp,
        report.metrics.clone(),
    );
    let (path, digest) = approve::keep(config, &run)?;
    let entry = Entry::new(VERIFY, report.verdict.clone())
        .figure("summary", serde_json::json!(report.summary))
        .figure("whole", hook.is_none() && wanted.is_empty())
        .figure("run", run.run.as_str())
        .figure("by", run.by.as_str())
        .artefact(path.display().to_string(), digest);
    context
        .append(config, &entry)
        .context("the verdict above is not on record")?;
    Ok(report.verdict.exit_code())
}

/// The account this program runs under.
fn actor(context: &Context) -> anyhow::Result<String> {
    let environment = context.inputs()?.environment;
    Ok(["USER", "LOGNAME"]
        .iter()
        .find_map(|name| environment.get(*name))
        .filter(|name| !name.trim().is_empty())
        .cloned()
        .unwrap_or_else(|| NOBODY.to_owned()))
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
