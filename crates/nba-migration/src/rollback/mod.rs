//! What getting back would take, and what of it is proven.
//!
//! The legacy rollback recomputes a tag name from today's date, restores whatever a pattern matches over the live database and
//! stops processes by name pattern (monitoring dossier 0.3 and 3.3). [`plan`] only looks: it names the exact commit behind each
//! restore point, lists every backup it finds as *unproven* until a restore of it was rehearsed, and orders the steps with the
//! reason for each. It changes nothing and restores nothing.

mod backups;
mod git;
mod restart;
mod run;
pub mod suite;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use nba_monitoring::health::{HealthReport, Status};
use nba_utils::Verdict;
use serde::Serialize;

pub use self::backups::{Backup, BackupKind};
pub use self::git::{Checkout, RestorePoint, checkout};
pub use self::restart::{Service, services};
pub use self::run::{
    CodeOptions, CodePlace, DataOptions, RehearseOptions, RollbackError, RunOptions, RunReport,
    Stage, StepResult, rehearse, run,
};

/// The plan: what was found and what would have to be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RollbackPlan {
    /// When the plan was made, UTC.
    pub made_at: DateTime<Utc>,
    /// `Proven` would mean that everything needed is rehearsed; without a proven backup it is `NotProven`.
    pub verdict: Verdict,
    /// The code side: where the checkout stands, and the tags to go back to, newest first.
    pub checkout: Result<Checkout, String>,
    /// Files found under `backups/`, newest first.
    pub backups: Vec<Backup>,
    /// What could not be read under `backups/`.
    pub backup_problems: Vec<String>,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Whether it has to be done, and whether it can be.
    pub need: Need,
    /// What to do.
    pub action: String,
    /// Why.
    pub why: String,
    /// The exact command, where there is one; it is printed, never run.
    pub command: Option<String>,
}

/// Whether a step is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The evidence calls for it.
    Needed,
    /// The evidence says it is not needed.
    NotNeeded,
    /// Needed, and what it takes is missing or unproven.
    Blocked,
    /// There is no evidence either way.
    Unknown,
}

impl Need {
    /// The word in text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Needed => "needed",
            Self::NotNeeded => "not needed",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
        }
    }
}

/// Makes the plan for a project folder from its newest health report, if there is one.
///
/// Reads the folder `backups/` and asks `git` about the checkout; blocks while doing so.
///
/// ```
/// let project = tempfile::tempdir()?;
/// let plan = nba_migration::rollback::plan(project.path(), None);
/// assert_eq!(plan.verdict.exit_code(), 2, "nothing is proven in an empty folder");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn plan(project: &Path, health: Option<&HealthReport>) -> RollbackPlan {
    let checkout = checkout(project).map_err(|error| error.to_string());
    let (backups, backup_problems) = backups::find(&project.join("backups"));
    let steps = steps(&checkout, &backups, health);

    let mut open = Vec::new();
    match backups.len() {
        0 => open.push("there is no backup under `backups/`".to_owned()),
        1 => open.push("the one backup was never restored in a rehearsal".to_owned()),
        many => open.push(format!(
            "none of the {many} backups was ever restored in a rehearsal"
        )),
    }
    match &checkout {
        Err(reason) => open.push(format!("the code's restore points are unknown: {reason}")),
        Ok(checkout) if checkout.restore_points.is_empty() => {
            open.push("there is no tag `pre-refactor-*` to go back to".to_owned());
        }
        Ok(_) => {}
    }
    if health.is_none() {
        open.push("there is no health report to tell what is damaged".to_owned());
    }
    let verdict = Verdict::all(open.into_iter().map(Verdict::not_proven));
    RollbackPlan {
        made_at: Utc::now(),
        verdict,
        checkout,
        backups,
        backup_problems,
        steps,
    }
}

fn steps(
    checkout: &Result<Checkout, String>,
    backups: &[Backup],
    health: Option<&HealthReport>,
) -> Vec<Step> {
    let damaged: Vec<(&str, &str)> = health
        .iter()
        .flat_map(|report| &report.checks)
        .filter(|(name, record)| {
            name.starts_with("table:")
                && matches!(record.status, Status::Critical | Status::Warning)
        })
        .map(|(name, record)| (name.trim_start_matches("table:"), record.message.as_str()))
        .collect();
    let other_database = health.is_some_and(|report| report.identity.verdict.is_refuted());
    let data_need = match health {
        _ if other_database => Need::Unknown,
        None => Need::Unknown,
        Some(_) if !damaged.is_empty() => Need::Needed,
        Some(report) if report.verdict.is_proven() => Need::NotNeeded,
        Some(_) => Need::Unknown,
    };

    let mut steps = Vec::new();
    if other_database {
        steps.push(Step {
            need: Need::Needed,
            action: "point the configuration at the right database".to_owned(),
            why: "the newest health report is about another database than the baseline; nothing here may be restored".to_owned(),
            command: Some("nba config check".to_owned()),
        });
    }
    steps.push(Step {
        need: if data_need == Need::NotNeeded { Need::NotNeeded } else { Need::Needed },
        action: "stop what writes to the database: cron jobs, timers and loaders, each by its own switch".to_owned(),
        why: "a restore beside a running writer loses rows; stopping by name pattern hits bystanders, so it is done by hand".to_owned(),
        command: None,
    });
    steps.push(Step {
        need: if data_need == Need::NotNeeded { Need::NotNeeded } else { Need::Needed },
        action: "record the damaged state before touching it".to_owned(),
        why: "what is restored has to be told from what was lost, and a wrong restore has to be undone".to_owned(),
        command: Some("nba baseline capture --name before-rollback".to_owned()),
    });
    steps.push(code_step(checkout));
    steps.push(data_step(data_need, &damaged, backups));
    steps.push(Step {
        need: Need::Needed,
        action: "check again".to_owned(),
        why: "only a proven health report ends a rollback".to_owned(),
        command: Some("nba health".to_owned()),
    });
    steps
}

fn code_step(checkout: &Result<Checkout, String>) -> Step {
    let action = "bring the code back".to_owned();
    let checkout = match checkout {
        Ok(checkout) => checkout,
        Err(reason) => {
            return Step {
                need: Need::Unknown,
                action,
                why: reason.clone(),
                command: None,
            };
        }
    };
    let Some(newest) = checkout.restore_points.first() else {
        let why = "there is no tag `pre-refactor-*`, so no commit is known to be good".to_owned();
        return Step {
            need: Need::Blocked,
            action,
            why,
            command: None,
        };
    };
    if checkout.head.as_deref() == Some(&newest.commit) && checkout.changed_files == 0 {
        let why = format!("the checkout is at `{}` and has no changes", newest.tag);
        return Step {
            need: Need::NotNeeded,
            action,
            why,
            command: None,
        };
    }
    let changes = match checkout.changed_files {
        0 => String::new(),
        1 => "; commit or stash its 1 changed file first".to_owned(),
        many => format!("; commit or stash its {many} changed files first"),
    };
    Step {
        need: Need::Needed,
        action,
        why: format!(
            "the checkout is not at `{}`, the newest restore point{changes}",
            newest.tag
        ),
        // The commit, not the tag: a tag can be moved.
        command: Some(format!("git switch --detach {}", newest.commit)),
    }
}

fn data_step(need: Need, damaged: &[(&str, &str)], backups: &[Backup]) -> Step {
    let action = "restore the damaged tables into a scratch database, compare it with the baseline, then copy the lost rows".to_owned();
    if need != Need::Needed {
        let why = match need {
            Need::NotNeeded => "the newest health report proves all data unchanged",
            _ => "no health report says which data is damaged; run `nba health` first",
        };
        return Step {
            need,
            action,
            why: why.to_owned(),
            command: None,
        };
    }
    let tables: Vec<String> = damaged
        .iter()
        .map(|(table, message)| format!("{table}: {message}"))
        .collect();
    let source = match backups.first() {
        None => "; there is no backup to restore from".to_owned(),
        Some(newest) => format!(
            "; the newest backup is `{}`, never restored in a rehearsal",
            newest.path.display()
        ),
    };
    Step {
        need: Need::Blocked,
        action,
        why: format!("{}{source}", tables.join("; ")),
        command: None,
    }
}

impl RollbackPlan {
    /// Adds what has to be started again at the end: services the newest capture found switched on, and processes that ran then and do
    /// not run now. Only what was on record is started, never "everything with the project's name" (monitoring dossier 3.3).
    #[must_use]
    pub fn with_services(mut self, services: &[Service]) -> Self {
        let at = self.steps.len().saturating_sub(1);
        for service in services.iter().rev() {
            self.steps.insert(
                at,
                Step {
                    need: Need::Needed,
                    action: format!("start again: {}", service.what),
                    why: service.why.clone(),
                    command: service.command.clone(),
                },
            );
        }
        self
    }

    /// The process exit code: 2 while anything needed is unproven.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }
}

/// The plan for a terminal.
#[must_use]
pub fn render_text(plan: &RollbackPlan) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = render(plan, &mut text);
    text
}

fn render(plan: &RollbackPlan, out: &mut String) -> std::fmt::Result {
    writeln!(out, "rollback plan: {}", plan.verdict)?;
    writeln!(out, "nothing below was run; each step is yours to take")?;
    for (number, step) in plan.steps.iter().enumerate() {
        writeln!(
            out,
            "{}. [{}] {}",
            number + 1,
            step.need.as_str(),
            step.action
        )?;
        writeln!(out, "     why: {}", step.why)?;
        if let Some(command) = &step.command {
            writeln!(out, "     run: {command}")?;
        }
    }
    match &plan.checkout {
        Err(reason) => writeln!(out, "restore points: unknown, {reason}")?,
        Ok(checkout) if checkout.restore_points.is_empty() => {
            writeln!(out, "restore points: none")?;
        }
        Ok(checkout) => {
            writeln!(out, "restore points:")?;
            for point in &checkout.restore_points {
                writeln!(
                    out,
                    "  {} {} ({})",
                    point.commit, point.tag, point.tagged_at
                )?;
            }
        }
    }
    writeln!(
        out,
        "backups, all unproven: {}",
        if plan.backups.is_empty() { "none" } else { "" }
    )?;
    for backup in &plan.backups {
        let (size, kind) = (nba_utils::format::bytes(backup.bytes), backup.kind.as_str());
        writeln!(
            out,
            "  {} ({size}, {kind}, {})",
            backup.path.display(),
            backup.modified.format("%Y-%m-%d %H:%M UTC")
        )?;
    }
    for problem in &plan.backup_problems {
        writeln!(out, "  not read: {problem}")?;
    }
    Ok(())
}
