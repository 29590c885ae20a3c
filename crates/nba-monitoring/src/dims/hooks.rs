//! The inventory's event hooks: whether they can do what they are for.

use nba_utils::Verdict;
use serde::Serialize;

use super::inventory::Inventory;

/// One hook, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HookReport {
    /// Its name.
    pub name: String,
    /// The event it waits for.
    pub trigger: String,
    /// The cron expression of a `cron` trigger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The metrics it is about.
    pub metrics: Vec<String>,
    /// Whether it can work.
    pub verdict: Verdict,
}

/// Looks at every hook. The legacy handler finds the first hook of a trigger only, so that a second one never runs, and measures
/// nothing in any case (monitoring dossier 1.7); `nba dims verify --hook NAME` does.
#[must_use]
pub fn inspect_hooks(inventory: &Inventory) -> Vec<HookReport> {
    let hooks = &inventory.hooks;
    hooks
        .iter()
        .enumerate()
        .map(|(number, hook)| {
            let mut findings = Vec::new();
            let earlier = hooks.iter().take(number);
            if let Some(first) = earlier
                .clone()
                .find(|first| first.trigger == hook.trigger && hook.trigger != "cron")
            {
                findings.push(format!(
                    "`{}` comes first for `{}`: the legacy handler never gets to this one",
                    first.name, hook.trigger
                ));
            }
            if earlier.clone().any(|first| first.name == hook.name) {
                findings.push("a hook before it has the same name".to_owned());
            }
            for pattern in &hook.metrics {
                let any = inventory
                    .metrics
                    .iter()
                    .any(|metric| crate::checks::matches(pattern, &metric.id));
                if !any {
                    findings.push(format!("no metric is called `{pattern}`"));
                }
            }
            let fields = hook
                .schedule
                .as_deref()
                .map_or(0, |schedule| schedule.split_whitespace().count());
            match (hook.trigger.as_str(), fields) {
                ("cron", 0) => findings.push("it has no `schedule`".to_owned()),
                ("cron", 5) => {}
                ("cron", _) => findings.push(format!(
                    "its `schedule` has {fields} fields, five are needed"
                )),
                _ => {}
            }
            HookReport {
                name: hook.name.clone(),
                trigger: hook.trigger.clone(),
                schedule: hook.schedule.clone(),
                metrics: inventory
                    .metrics
                    .iter()
                    .filter(|metric| hook.covers(&metric.id))
                    .map(|metric| metric.id.clone())
                    .collect(),
                verdict: Verdict::from_findings(findings),
            }
        })
        .collect()
}
