//! `nba dims approve`: approvals are records of the ledger, and nowhere else.

use super::VERIFY;
use crate::commands::Code;
use crate::context::Context;
use anyhow::{Context as _, bail};
use chrono::Utc;
use nba_config::Config;
use nba_migration::ledger::{Entry, Record};
use nba_monitoring::dims::{Approved, Inventory, MeasuredRun};
use nba_utils::atomic::{self, NewFile};
use nba_utils::{Digest, Verdict, exit_code};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Subject of the record of an approval.
const APPROVE: &str = "dims approve";

/// Where the last run is kept.
fn file(config: &Config) -> anyhow::Result<PathBuf> {
    Ok(config.state_directory()?.join("dims").join("last-run.json"))
}

/// Keeps a run for approval.
pub(super) fn keep(config: &Config, run: &MeasuredRun) -> anyhow::Result<(PathBuf, Digest)> {
    let path = file(config)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make `{}`", folder.display()))?;
    }
    let bytes = serde_json::to_vec_pretty(run)?;
    atomic::replace(&path, &bytes, NewFile::Readable)?;
    Ok((path, Digest::of(&bytes)))
}

/// The last run, if it is the one on record.
fn last_run(config: &Config) -> anyhow::Result<MeasuredRun> {
    let path = file(config)?;
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("nothing has been measured yet: `nba dims verify` does")
        }
        Err(error) => {
            return Err(error).with_context(|| format!("could not read `{}`", path.display()));
        }
    };
    let digest = Digest::of(&bytes);
    let records = records(config)?;
    let on_record = records
        .iter()
        .rev()
        .find(|record| record.entry.subject == VERIFY)
        .and_then(|record| record.entry.artefacts.first());
    if on_record.is_none_or(|artefact| artefact.blake3 != digest) {
        bail!(
            "`{}` is not what the last `nba dims verify` put on record: measure again",
            path.display()
        );
    }
    serde_json::from_slice(&bytes).with_context(|| format!("`{}` is no run", path.display()))
}

/// The ledger's records; damaged evidence is no evidence.
fn records(config: &Config) -> anyhow::Result<Vec<Record>> {
    let ledger = Context::ledger(config)?;
    let verification = ledger.verify()?;
    if verification.verdict.is_refuted() {
        bail!(
            "the ledger is damaged, so that no approval in it counts: `nba ledger verify` says where"
        );
    }
    Ok(ledger.records()?)
}

/// The approvals that hold, by metric.
pub(super) fn approvals(
    context: &Context,
    config: &Config,
    inventory: &Inventory,
) -> anyhow::Result<BTreeMap<String, Approved>> {
    let mut approved = BTreeMap::new();
    for record in records(config)? {
        if record.entry.subject != APPROVE {
            continue;
        }
        let figures = &record.entry.figures;
        let metric = figures.get("metric").and_then(|metric| metric.as_str());
        let value = figures
            .get("approved")
            .and_then(|approved| serde_json::from_value::<Approved>(approved.clone()).ok());
        if let (Some(metric), Some(value)) = (metric, value) {
            // The newest record of a metric counts.
            approved.insert(metric.to_owned(), value);
        }
    }
    let documented = |id: &str| {
        let metric = inventory.metrics.iter().find(|metric| metric.id == id);
        metric.and_then(|metric| metric.documented.as_deref())
    };
    approved.retain(|id, approved: &mut Approved| {
        let holds = approved.holds(documented(id));
        if !holds {
            context.out.note(&format!(
                "the approval of `{id}` by {} is void: the inventory says something else now",
                approved.by
            ));
        }
        holds
    });
    Ok(approved)
}

/// Shows what waits.
pub(super) fn waiting(context: &Context, config: &Config) -> anyhow::Result<Code> {
    let run = last_run(config)?;
    let waiting: BTreeMap<_, _> = run.waiting().collect();
    context
        .out
        .json(&json!({ "run": run.run, "by": run.by, "at": run.at, "waiting": waiting }))?;
    context.out.line(&format!(
        "run {} of {}, measured by {}: {} values are not as expected",
        run.run,
        run.at.format("%Y-%m-%d %H:%M UTC"),
        run.by,
        waiting.len()
    ));
    for (id, record) in &waiting {
        let before = record
            .approved
            .as_ref()
            .map(|approved| &approved.value)
            .or(record.documented.as_ref());
        context.out.line(&format!(
            "{} {id}: {} → {}{}",
            record.status.as_str(),
            before.map_or("nothing", String::as_str),
            record.measured.as_deref().unwrap_or("-"),
            if record.needs_approval {
                ", needs approval"
            } else {
                ""
            }
        ));
    }
    let open = waiting
        .iter()
        .filter(|(_, record)| record.needs_approval)
        .map(|(id, _)| format!("{id} needs approval"));
    Ok(Verdict::from_findings(open).exit_code())
}

/// Approves values of the last run; all of those that were named, or none.
pub(super) fn approve(
    context: &Context,
    config: &Config,
    metrics: &[String],
    by: &str,
    reason: &str,
) -> anyhow::Result<Code> {
    let run = last_run(config)?;
    let now = Utc::now();
    let approved = metrics
        .iter()
        .map(|metric| Ok((metric, run.approve(metric, by, reason, now)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for (metric, approved) in &approved {
        let entry = Entry::new(APPROVE, Verdict::Proven)
            .figure("metric", metric.as_str())
            .figure("approved", json!(approved));
        context
            .append(config, &entry)
            .with_context(|| format!("`{metric}` was not approved"))?;
    }
    context
        .out
        .json(&json!(approved.iter().cloned().collect::<BTreeMap<_, _>>()))?;
    for (metric, approved) in &approved {
        context.out.line(&format!(
            "{metric} is expected to be {} from now on, approved by {by}: {reason}",
            approved.value
        ));
    }
    Ok(exit_code::PROVEN)
}
