//! `nba dims events`.

use crate::commands::Code;
use crate::context::Context;
use crate::render::Tone;
use nba_config::Config;
use nba_db::JsonRow;
use nba_monitoring::dims::{Inventory, inspect_hooks};
use nba_utils::Verdict;
use serde_json::json;

/// What the legacy program recorded of events, newest first.
const LOG_SQL: &str = "select id, event_type, event_source, metrics_triggered, processed_at::text as processed_at, success, error_message \
     from public.dims_event_log order by id desc limit $1";

pub(super) async fn run(
    context: &Context,
    config: &Config,
    log: Option<u32>,
) -> anyhow::Result<Code> {
    let inventory = Inventory::load(config.project())?;
    let hooks = inspect_hooks(&inventory);
    let rows: Option<Vec<JsonRow>> = match log {
        None => None,
        Some(limit) => {
            let db = context.connect(config, "dims").await?;
            Some(db.query(LOG_SQL, &[&i64::from(limit)]).await?)
        }
    };
    let verdict = if hooks.is_empty() {
        Verdict::not_applicable("the inventory has no event hooks")
    } else {
        let verdicts = hooks.iter();
        Verdict::all(verdicts.map(|hook| hook.verdict.clone().about(&hook.name)))
    };
    context
        .out
        .json(&json!({ "verdict": verdict, "hooks": hooks, "log": rows }))?;
    if hooks.is_empty() {
        context.out.line("the inventory has no event hooks");
    }
    for hook in &hooks {
        let when = match &hook.schedule {
            Some(schedule) => format!("{} {schedule}", hook.trigger),
            None => hook.trigger.clone(),
        };
        context.out.line(&format!(
            "{} {} ({when}): {} metrics{}",
            Tone::of(&hook.verdict).paint(hook.verdict.as_str()),
            hook.name,
            hook.metrics.len(),
            match hook.verdict.reasons() {
                [] => String::new(),
                reasons => format!("; {}", reasons.join("; ")),
            }
        ));
    }
    for row in rows.iter().flatten() {
        context.out.line(&serde_json::to_string(row)?);
    }
    Ok(verdict.exit_code())
}
