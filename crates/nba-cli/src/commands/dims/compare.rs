//! `nba dims compare`.

use super::{chosen, environment};
use crate::commands::Code;
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use nba_config::Config;
use nba_migration::ledger::Entry;
use nba_monitoring::dims::{Inventory, LEGACY_PROGRAM, MeasureOptions, ParityRecord, compare};
use nba_utils::Verdict;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) async fn run(
    context: &Context,
    config: &Config,
    wanted: &[String],
) -> anyhow::Result<Code> {
    let inventory = Inventory::load(config.project())?;
    let mut metrics = chosen(&inventory, wanted)?;
    metrics.retain(|metric| metric.enabled);
    if metrics.is_empty() {
        bail!("what was named is switched off in the inventory");
    }
    let project = config.project().to_owned();
    if !project.join(LEGACY_PROGRAM).is_file() {
        bail!(
            "there is no `{LEGACY_PROGRAM}` in `{}`: nothing to compare with",
            project.display()
        );
    }
    let options = MeasureOptions::new(environment(context, config)?);
    let records = tokio::task::spawn_blocking(move || -> BTreeMap<String, ParityRecord> {
        metrics
            .iter()
            .map(|metric| (metric.id.clone(), compare(metric, &project, &options)))
            .collect()
    })
    .await?;
    let verdict = Verdict::all(
        records
            .iter()
            .map(|(id, record)| record.verdict.clone().about(id)),
    );
    context
        .out
        .json(&json!({ "verdict": verdict, "metrics": records }))?;
    for (id, record) in &records {
        let legacy = record
            .legacy
            .as_ref()
            .map_or("nothing", |legacy| legacy.value.as_str());
        context.out.line(&format!(
            "{} {id}: legacy {legacy}, native {}{}",
            Tone::of(&record.verdict).paint(record.verdict.as_str()),
            record.native.as_deref().unwrap_or("-"),
            match record.verdict.reasons() {
                [] => String::new(),
                reasons => format!(" ({})", reasons.join("; ")),
            }
        ));
    }
    let count = |word: &str| {
        records
            .values()
            .filter(|record| record.verdict.as_str() == word)
            .count()
    };
    context.out.line(&format!(
        "{} agree, {} differ, {} could not be told",
        count("proven"),
        count("refuted"),
        count("not_proven")
    ));
    let entry = Entry::new("dims compare", verdict.clone())
        .figure("agree", count("proven"))
        .figure("differ", count("refuted"))
        .figure("unknown", count("not_proven"));
    context
        .append(config, &entry)
        .context("the verdict above is not on record")?;
    Ok(verdict.exit_code())
}
