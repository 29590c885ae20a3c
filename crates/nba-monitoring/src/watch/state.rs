//! What is kept from tick to tick.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::event::{Event, EventKind};
use super::level::{Level, Standing};
use super::maintenance::Maintenance;
use crate::alerts::Alerting;
use crate::checks::{LookCost, Memory, Observation};

/// Version of the file's form.
pub const STATE_VERSION: u32 = 1;

/// How many looks it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Bad looks in a row until a check is in alarm.
    pub bad: u32,
    /// Good looks in a row until it leaves it.
    pub good: u32,
}

impl Default for Policy {
    /// Three bad, two good.
    fn default() -> Self {
        Self { bad: 3, good: 2 }
    }
}

/// Everything that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct State {
    /// Version of this form.
    pub version: u32,
    /// When the watch began.
    pub started: DateTime<Utc>,
    /// When the last look was taken.
    pub last_tick: Option<DateTime<Utc>>,
    /// Seconds between two looks, as the last one knew it.
    #[serde(default)]
    pub interval_s: u64,
    /// Looks taken.
    pub ticks: u64,
    /// What the last look cost in milliseconds.
    #[serde(default)]
    pub last_ms: u64,
    /// What it cost otherwise.
    #[serde(default)]
    pub cost: LookCost,
    /// Every check that was ever looked at, and not long ago.
    pub checks: BTreeMap<String, CheckState>,
    /// Windows, past ones for a week.
    #[serde(default)]
    pub maintenance: Vec<Maintenance>,
    /// What the checks remember.
    #[serde(default)]
    pub memory: Memory,
    /// Notices that are out, and those still to be sent.
    #[serde(default)]
    pub alerting: Alerting,
}

/// Looks of one kind in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// Whether they were bad.
    pub bad: bool,
    /// How many.
    pub looks: u32,
    /// The first of them.
    pub from: DateTime<Utc>,
}

/// One check over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckState {
    /// How it stands.
    pub level: Level,
    /// Since when: the first look that was so, not the one that made it an alarm.
    pub since: DateTime<Utc>,
    /// The last looks.
    pub streak: Streak,
    /// The last look.
    pub last: Observation,
    /// When.
    pub seen: DateTime<Utc>,
    /// The reason of a maintenance window that covered the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<String>,
    /// Who has seen the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
}

/// Somebody has seen an alarm and looks after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl CheckState {
    /// Bad at the last look without being in alarm.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        !self.level.is_alarm() && self.streak.bad
    }

    fn first(seen: Observation, now: DateTime<Utc>) -> Self {
        Self {
            level: Level::Unsettled,
            since: now,
            // Nothing was seen yet; `record` counts the look.
            streak: Streak {
                bad: false,
                looks: 0,
                from: now,
            },
            last: seen,
            seen: now,
            maintenance: None,
            acknowledged: None,
        }
    }

    /// Takes a look into account, and says what that changes.
    fn record(
        &mut self,
        seen: Observation,
        now: DateTime<Utc>,
        policy: Policy,
        maintenance: Option<String>,
    ) -> Option<Event> {
        let look = Level::of(&seen);
        let bad = look.is_alarm();
        // A clock that was set back must not make a state begin in the future.
        self.since = self.since.min(now);
        self.streak.from = self.streak.from.min(now);
        if self.streak.bad != bad || self.streak.looks == 0 {
            self.streak = Streak {
                bad,
                looks: 0,
                from: now,
            };
        }
        self.streak.looks = self.streak.looks.saturating_add(1);
        let before = (self.level, self.since);
        let message = seen.message.clone();
        self.last = seen;
        self.seen = now;
        if maintenance.is_some() && bad && !self.level.is_alarm() {
            // Counting starts when the window ends.
            self.streak.looks = 0;
        }
        self.maintenance = maintenance;
        let kind = match (self.level.is_alarm(), bad) {
            (false, true) if self.streak.looks >= policy.bad => {
                self.settle(look, self.streak.from);
                EventKind::Raised
            }
            (false, true) => return None,
            (true, true) if look != self.level => {
                self.level = look;
                EventKind::Changed
            }
            (true, true) => return None,
            (true, false) if look == Level::NotApplicable || self.streak.looks >= policy.good => {
                self.settle(look, self.streak.from);
                self.acknowledged = None;
                EventKind::Cleared
            }
            (true, false) => return None,
            (false, false) => {
                if look != self.level {
                    self.settle(look, self.streak.from);
                }
                return None;
            }
        };
        Some(Event {
            at: now,
            kind,
            check: self.last.id.clone(),
            level: self.level,
            before: before.0,
            since: match kind {
                EventKind::Cleared => before.1,
                _ => self.since,
            },
            message,
        })
    }

    fn settle(&mut self, level: Level, since: DateTime<Utc>) {
        self.level = level;
        self.since = since;
    }
}

/// A check nobody looked at for this long is forgotten; one in alarm never is.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(7);
/// A past window is kept this long.
const WINDOW_KEPT: TimeDelta = TimeDelta::days(7);

impl State {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            version: STATE_VERSION,
            started: now,
            last_tick: None,
            interval_s: 0,
            ticks: 0,
            last_ms: 0,
            cost: LookCost::default(),
            checks: BTreeMap::new(),
            maintenance: Vec::new(),
            memory: Memory::default(),
            alerting: Alerting::default(),
        }
    }

    /// The ids whose next record would be an alarm: look again before it is one.
    #[must_use]
    pub fn to_confirm(
        &self,
        seen: &[Observation],
        now: DateTime<Utc>,
        policy: Policy,
    ) -> Vec<String> {
        seen.iter()
            .filter(|observation| Level::of(observation).is_alarm())
            .filter(|observation| self.in_maintenance(&observation.id, now).is_none())
            .filter(|observation| match self.checks.get(&observation.id) {
                None => policy.bad <= 1,
                Some(check) => {
                    let before = if check.streak.bad {
                        check.streak.looks
                    } else {
                        0
                    };
                    !check.level.is_alarm() && before.saturating_add(1) >= policy.bad
                }
            })
            .map(|observation| observation.id.clone())
            .collect()
    }

    /// The reason of a window that covers this check now.
    #[must_use]
    pub fn in_maintenance(&self, id: &str, now: DateTime<Utc>) -> Option<&str> {
        let mut windows = self.maintenance.iter();
        windows
            .find(|window| window.covers(id, now))
            .map(|window| window.reason.as_str())
    }

    /// Takes all looks of a tick into account.
    pub fn record(
        &mut self,
        seen: Vec<Observation>,
        now: DateTime<Utc>,
        interval: std::time::Duration,
        policy: Policy,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(last) = self.last_tick {
            let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
            let gap = now - last;
            if gap < TimeDelta::zero() {
                let text = format!(
                    "the clock was set back from {} to {}",
                    stamp(last),
                    stamp(now)
                );
                events.push(Event::of_monitor(now, EventKind::ClockSetBack, now, text));
            } else if gap > interval.checked_mul(3).unwrap_or(TimeDelta::MAX) {
                let text = format!("nobody watched between {} and {}", stamp(last), stamp(now));
                events.push(Event::of_monitor(now, EventKind::Gap, last, text));
            }
        }
        for observation in seen {
            let id = observation.id.clone();
            let maintenance = self.in_maintenance(&id, now).map(str::to_owned);
            let check = self
                .checks
                .entry(id)
                .or_insert_with(|| CheckState::first(observation.clone(), now));
            events.extend(check.record(observation, now, policy, maintenance));
        }
        self.checks
            .retain(|_, check| check.level.is_alarm() || now - check.seen <= FORGOTTEN_AFTER);
        self.maintenance
            .retain(|window| now - window.until <= WINDOW_KEPT);
        self.last_tick = Some(now);
        self.interval_s = interval.as_secs();
        self.ticks += 1;
        events
    }

    /// Why it may not be believed any more: no look for three intervals means that nobody watches.
    #[must_use]
    pub fn stale(&self, now: DateTime<Utc>) -> Option<String> {
        let Some(last) = self.last_tick else {
            return Some("no look has been taken yet".to_owned());
        };
        let interval = TimeDelta::seconds(
            i64::try_from(self.interval_s.max(1)).unwrap_or(i64::MAX / 1_000_000),
        );
        // Half a minute for the look itself.
        let limit = interval * 3 + TimeDelta::seconds(30);
        (now - last > limit).then(|| {
            format!(
                "nobody watches: the last look was taken at {}, one is due every {} s",
                last.format("%Y-%m-%d %H:%M:%S UTC"),
                self.interval_s
            )
        })
    }

    /// How everything stands together.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let worst = self
            .checks
            .values()
            .filter(|check| check.maintenance.is_none())
            .map(|check| check.level)
            .max();
        match worst {
            Some(Level::Critical) => Standing::Critical,
            Some(Level::Unknown) | None => Standing::Unknown,
            Some(Level::Warning) => Standing::Warning,
            Some(Level::Unsettled) => Standing::Suspect,
            // Nothing that applies was proven: that is no health.
            Some(Level::NotApplicable) => Standing::Unknown,
            Some(Level::Good) if self.checks.values().any(CheckState::is_suspect) => {
                Standing::Suspect
            }
            Some(Level::Good) => Standing::Healthy,
        }
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
