//! `nba etl history` and `nba etl logs`.

use super::{Code, open_history};
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use chrono::{SecondsFormat, Utc};
use nba_etl::history::RunRecord;
use nba_etl::registry::Registry;
use nba_utils::exit_code;
use nba_utils::format::duration;
use std::time::Duration;

pub(super) async fn show(
    context: &Context,
    job: Option<&str>,
    limit: u32,
    fresh_within: Option<u32>,
) -> anyhow::Result<Code> {
    let config = context.config()?;
    let history = open_history(&config).await?;
    let mut job = job.map(str::to_owned);
    if let Some(name) = &job
        && history.recent(Some(name), 1).await?.is_empty()
        && let Ok(registry) = Registry::discover(config.project())
        && let Ok(script) = registry.resolve(name, &config.entry_points()?)
    {
        // A short name of a script: its runs are remembered under its path.
        job = Some(script.path.clone());
    }
    let runs = history.recent(job.as_deref(), limit).await?;
    let fresh = match (fresh_within, &job) {
        (Some(hours), Some(job)) => {
            let limit = Duration::from_secs(u64::from(hours) * 3600);
            Some(history.fresh(job, limit).await?)
        }
        _ => None,
    };
    history.close().await;
    let now = Utc::now();
    context
        .out
        .json(&serde_json::json!({ "runs": runs, "fresh": fresh }))?;
    let rows = runs.iter().map(|run| {
        vec![
            run.run_id.chars().take(13).collect::<String>().into(),
            run.started_at
                .to_rfc3339_opts(SecondsFormat::Secs, true)
                .into(),
            run.job.clone().into(),
            state(run, now).into(),
            run.elapsed.map(duration).unwrap_or_default().into(),
            format!(
                "{} {}",
                Tone::of(&run.verdict).paint(run.verdict.as_str()),
                run.verdict.reasons().join("; ")
            )
            .trim()
            .to_owned()
            .into(),
        ]
    });
    context.out.table(
        &["run", "started", "job", "ended with", "took", "verdict"],
        rows,
    );
    if runs.is_empty() {
        context.out.line("no runs so far");
    }
    Ok(match fresh {
        None => exit_code::PROVEN,
        Some(verdict) => {
            let reasons = verdict.reasons().join("; ");
            context.out.line(&format!(
                "fresh: {} {reasons}",
                Tone::of(&verdict).paint(verdict.as_str())
            ));
            verdict.exit_code()
        }
    })
}

fn state(run: &RunRecord, now: chrono::DateTime<Utc>) -> String {
    if let Some(ending) = &run.ending {
        return ending.clone();
    }
    if run.is_lost(now) {
        return "nothing: it was lost".to_owned();
    }
    match run.progress {
        Some((done, total)) => format!("(running, {done} of {total})"),
        None => "(running)".to_owned(),
    }
}

pub(super) async fn logs(context: &Context, id: Option<&str>) -> anyhow::Result<Code> {
    let config = context.config()?;
    let history = open_history(&config).await?;
    let run = match id {
        Some(id) => history.find(id).await?,
        None => {
            let mut latest = history.recent(None, 1).await?;
            latest.pop().context("no runs so far")?
        }
    };
    history.close().await;
    let Some(path) = &run.log else {
        bail!("no log was kept of run `{}`", run.run_id)
    };
    let bytes = std::fs::read(path).with_context(|| {
        format!(
            "the log `{}` of run `{}` cannot be read",
            path.display(),
            run.run_id
        )
    })?;
    let text = String::from_utf8_lossy(&bytes);
    context
        .out
        .json(&serde_json::json!({ "run": run, "log": text }))?;
    context.out.line(text.trim_end());
    Ok(exit_code::PROVEN)
}
