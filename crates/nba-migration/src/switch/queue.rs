//! In which order capabilities move, and which do not move yet.
//!
//! The legacy plan moves utilities first, then what only looks (monitoring, health), then loaders (monitoring dossier 6.20, GB12), and
//! leaves scrapers, migration scripts, cron, systemd and Phase 8 alone until all phases are done (GB13, GC48, GC50). Here that is a rule of
//! [`switch`](super::switch): a port writes nothing as long as something that comes before it is not native. The order is that of the
//! classes, or a list that was put on record; out of turn it goes by a waiver of `queue:CAPABILITY`, in writing.

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::Serialize;

use super::{Mode, SwitchError, Switchboard, is_name};
use crate::ledger::{Entry, Ledger, Receipt};

/// Subject of the record of an order.
pub(super) const SUBJECT: &str = "switch queue";
/// In front of a capability's name: what a waiver of its turn is about.
pub(crate) const WAIVER: &str = "queue:";

/// What a capability is, as far as its turn is concerned; told by the words of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Documentation, utilities, logging, configuration: first.
    Utilities,
    /// What only looks: monitoring, health, dashboards, DIMS.
    Monitoring,
    /// What loads or computes.
    Loading,
    /// Scrapers, migration scripts, what cron and systemd start, Phase 8: not before all phases are done.
    Locked,
}

impl Class {
    /// The class of a capability.
    ///
    /// ```
    /// use nba_migration::switch::Class;
    /// assert_eq!(Class::of("etl.espn.pbp"), Class::Loading);
    /// assert_eq!(Class::of("etl.espn.scraper"), Class::Locked);
    /// ```
    #[must_use]
    pub fn of(capability: &str) -> Self {
        let has = |words: &[&str]| {
            capability
                .split(['.', '_'])
                .any(|part| words.contains(&part))
        };
        if has(&[
            "scraper",
            "scrapers",
            "scraping",
            "migration",
            "migrations",
            "cron",
            "systemd",
            "phase8",
        ]) {
            Self::Locked
        } else if has(&[
            "docs",
            "documentation",
            "util",
            "utils",
            "utilities",
            "logging",
            "config",
        ]) {
            Self::Utilities
        } else if has(&["monitoring", "health", "dashboard", "dims", "alerts"]) {
            Self::Monitoring
        } else {
            Self::Loading
        }
    }
}

/// A capability and its turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Turn {
    /// The capability.
    pub capability: String,
    /// Its class.
    pub class: Class,
    /// Its mode.
    pub mode: Mode,
    /// What comes first and is not native yet.
    pub first: Vec<String>,
    /// Whether it may not leave `legacy` at all yet.
    pub locked: bool,
    /// What the comparisons say since its last change.
    pub evidence: Verdict,
}

impl Switchboard {
    /// What has to be native before a port of this capability may write: by the order on record, or by the classes of those that were
    /// ever switched.
    #[must_use]
    pub fn first(&self, capability: &str) -> Vec<String> {
        let before: Vec<&String> = if self.queue.is_empty() {
            let class = Class::of(capability);
            self.settings
                .keys()
                .filter(|name| Class::of(name) < class)
                .collect()
        } else {
            // What is not in the list comes last.
            self.queue
                .iter()
                .take_while(|name| *name != capability)
                .collect()
        };
        before
            .into_iter()
            .filter(|name| !matches!(self.mode(name), Mode::Native | Mode::Off))
            .cloned()
            .collect()
    }

    /// Whether it stays `legacy` because the phases are not all done.
    #[must_use]
    pub fn locked(&self, capability: &str) -> bool {
        Class::of(capability) == Class::Locked && self.phase < crate::phase::PHASES.len()
    }

    /// Every capability in the order on record or ever switched, with its turn.
    #[must_use]
    pub fn turns(&self) -> Vec<Turn> {
        let mut names: Vec<&String> = self.queue.iter().collect();
        let mut others: Vec<&String> = self
            .settings
            .keys()
            .filter(|name| !self.queue.contains(name))
            .collect();
        others.sort_by_key(|name| (Class::of(name), *name));
        names.extend(others);
        names
            .into_iter()
            .map(|name| Turn {
                capability: name.clone(),
                class: Class::of(name),
                mode: self.mode(name),
                first: self.first(name),
                locked: self.locked(name),
                evidence: self.evidence(name),
            })
            .collect()
    }

    /// Whether somebody lets it go out of turn, in writing, today.
    pub(super) fn out_of_turn(&self, capability: &str, now: DateTime<Utc>) -> bool {
        self.waived.iter().any(|(gate, until)| {
            gate.strip_prefix(WAIVER) == Some(capability) && now.date_naive() <= *until
        })
    }
}

/// Puts the order on record in which capabilities move; the newest record counts, an empty one goes back to the order of the classes.
///
/// # Errors
///
/// [`SwitchError::BadName`], or when the ledger cannot be written.
pub fn set_queue(
    ledger: &Ledger,
    order: &[String],
    by: &str,
    why: &str,
) -> Result<Receipt, SwitchError> {
    if let Some(bad) = order.iter().find(|name| !is_name(name)) {
        return Err(SwitchError::BadName(bad.clone()));
    }
    let entry = Entry::new(SUBJECT, Verdict::Proven)
        .figure("order", serde_json::json!(order))
        .figure("by", by)
        .figure("why", why);
    Ok(ledger.append(&entry)?)
}
