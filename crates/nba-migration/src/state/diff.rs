//! What changed between two captures.

use std::collections::BTreeMap;

use nba_utils::Verdict;
use serde::Serialize;

use super::{Job, StateCapture};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// What changed.
    pub what: String,
    /// Before; `None` where it is new.
    pub before: Option<String>,
    /// After; `None` where it is gone.
    pub after: Option<String>,
}

/// All changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StateDiff {
    /// `Refuted` when a schedule, the legacy tree or a script changed or a new problem appeared; `NotProven` when either capture could
    /// not see everything.
    pub verdict: Verdict,
    /// The changes that refute.
    pub changes: Vec<Change>,
    /// What also moved and is no harm: processes, census, git.
    pub remarks: Vec<Change>,
}

/// Compares two captures of one project.
#[must_use]
pub fn diff(before: &StateCapture, after: &StateCapture) -> StateDiff {
    let mut changes = Vec::new();
    let mut remarks = Vec::new();
    if (&before.project, &before.machine) != (&after.project, &after.machine) {
        let name = |capture: &StateCapture| {
            format!("{} on {}", capture.project.display(), capture.machine)
        };
        changes.push(change("the project", Some(name(before)), Some(name(after))));
    }
    let describe = |job: &Job| {
        let when = job
            .schedule
            .clone()
            .unwrap_or_else(|| "on demand".to_owned());
        let off = if job.disabled { " (off)" } else { "" };
        format!("{when} {}{off}", job.command)
    };
    // Lines move when others come and go; what counts is what runs when.
    let jobs = |capture: &StateCapture| -> BTreeMap<String, u32> {
        let mut all = BTreeMap::new();
        for job in &capture.jobs {
            *all.entry(format!("{:?}: {}", job.source, describe(job)))
                .or_insert(0) += 1;
        }
        all
    };
    let (old, new) = (jobs(before), jobs(after));
    for (job, count) in &old {
        if new.get(job).is_none_or(|others| others < count) {
            changes.push(change("a job", Some(job.clone()), None));
        }
    }
    for (job, count) in &new {
        if old.get(job).is_none_or(|others| others < count) {
            changes.push(change("a job", None, Some(job.clone())));
        }
    }
    for finding in &after.findings {
        if !before.findings.contains(finding) {
            changes.push(change("a problem", None, Some(finding.clone())));
        }
    }
    if before.legacy_tree != after.legacy_tree {
        changes.push(change(
            "the files of the legacy side",
            Some(before.legacy_tree.to_string()),
            Some(after.legacy_tree.to_string()),
        ));
    }
    // What moved to another file is still there; what no file has any more got lost.
    for lost in before.inventory.lost(&after.inventory) {
        changes.push(change(&lost, Some("is there".to_owned()), None));
    }
    let scripts = |capture: &StateCapture| -> BTreeMap<String, u32> {
        let mut all = BTreeMap::new();
        for process in &capture.processes {
            *all.entry(process.command.join(" ")).or_insert(0) += 1;
        }
        all
    };
    let (old, new) = (scripts(before), scripts(after));
    for command in old.keys().filter(|command| !new.contains_key(*command)) {
        remarks.push(change("a process", Some(command.clone()), None));
    }
    for command in new.keys().filter(|command| !old.contains_key(*command)) {
        remarks.push(change("a process", None, Some(command.clone())));
    }
    let head = |capture: &StateCapture| capture.git.as_ref().and_then(|git| git.head.clone());
    if head(before) != head(after) {
        remarks.push(change("the commit", head(before), head(after)));
    }
    if before.census.python_tests != after.census.python_tests {
        remarks.push(change(
            "tests by name",
            Some(before.census.python_tests.to_string()),
            Some(after.census.python_tests.to_string()),
        ));
    }
    let findings = changes.iter().map(|change| {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        format!(
            "{}: {} became {}",
            change.what,
            side(&change.before),
            side(&change.after)
        )
    });
    let unseen = before.unseen.iter().chain(&after.unseen).cloned();
    StateDiff {
        verdict: Verdict::all([
            Verdict::from_findings(findings),
            nba_utils::Reasons::collect(unseen)
                .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons }),
        ]),
        changes,
        remarks,
    }
}

fn change(what: &str, before: Option<String>, after: Option<String>) -> Change {
    Change {
        what: what.to_owned(),
        before,
        after,
    }
}
