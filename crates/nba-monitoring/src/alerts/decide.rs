//! Which notices are due.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::settings::{AlertSettings, Channel};
use crate::watch::{CheckState, Event, EventKind, Level};

/// Notices kept for delivery at most; the oldest go first, and this is said.
const OUTBOX: usize = 500;
/// A notice that could not be delivered for this long is given up.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::hours(24);
/// Waits between attempts double from one minute to one hour.
const LONGEST_WAIT_MINUTES: i64 = 60;

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeKind {
    /// A check went into alarm.
    Raised,
    /// It became worse.
    Worse,
    /// It has been so for long, and a further circle is told.
    Escalated,
    /// It still is so, and nobody has acknowledged it.
    Reminder,
    /// It is over.
    Resolved,
    /// About the monitor itself.
    Monitor,
    /// Sent on request, to see whether it arrives.
    Test,
}

impl NoticeKind {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Worse => "worse",
            Self::Escalated => "escalated",
            Self::Reminder => "reminder",
            Self::Resolved => "resolved",
            Self::Monitor => "monitor",
            Self::Test => "test",
        }
    }
}

/// What is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// Version of this form.
    pub version: u32,
    /// What it says.
    pub kind: NoticeKind,
    /// The check.
    pub check: String,
    /// How it stands.
    pub level: Level,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When the notice was written.
    pub at: DateTime<Utc>,
    /// One line for people.
    pub message: String,
    /// What to do; empty where the catalogue does not know.
    pub remedy: String,
    /// Which database, as far as it is known.
    pub target: String,
}

impl Notice {
    /// A notice to see whether it arrives.
    #[must_use]
    pub fn test(target: &str, now: DateTime<Utc>) -> Self {
        Self {
            version: 1,
            kind: NoticeKind::Test,
            check: "monitor".to_owned(),
            level: Level::Good,
            since: now,
            at: now,
            message: "this is a test, nothing is wrong".to_owned(),
            remedy: String::new(),
            target: target.to_owned(),
        }
    }

    /// One line for people.
    #[must_use]
    pub fn headline(&self) -> String {
        let Self {
            kind,
            check,
            level,
            message,
            ..
        } = self;
        format!("[{}] {} {check}: {message}", kind.as_str(), level.as_str())
    }
}

/// A notice on its way through one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The channel's name.
    pub channel: String,
    /// What is delivered.
    pub notice: Notice,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next one is due.
    pub due: DateTime<Utc>,
    /// Why the last one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// What is known about one alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Open {
    level: Level,
    since: DateTime<Utc>,
    /// Circles told so far, from 0.
    circle: usize,
    /// When the last notice went out.
    told: DateTime<Utc>,
    /// Channels that were told, and have to be told that it is over.
    channels: Vec<String>,
    /// When it was over, if it is.
    #[serde(default)]
    over: Option<DateTime<Utc>>,
}

/// Which alarms are out, and what is still to be delivered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Alerting {
    open: BTreeMap<String, Open>,
    /// What is still to be delivered.
    #[serde(default)]
    pub outbox: Vec<Outgoing>,
    /// Alarms that were not announced because they were back too soon.
    #[serde(default)]
    pub deduplicated: u64,
}

impl Alerting {
    /// Takes a tick's events and the present alarms into account, and puts what is due into the outbox.
    pub fn decide(
        &mut self,
        settings: &AlertSettings,
        target: &str,
        events: &[Event],
        checks: &BTreeMap<String, CheckState>,
        now: DateTime<Utc>,
    ) {
        for event in events {
            match event.kind {
                EventKind::Raised => self.raised(settings, target, event, now),
                EventKind::Changed => self.changed(settings, target, event, now),
                EventKind::Cleared => self.cleared(target, event, now),
                _ => {
                    let notice = notice(NoticeKind::Monitor, event, target, now);
                    for channel in told_of(settings, "monitor", Level::Unknown, 0) {
                        self.put(&channel.name, notice.clone(), now);
                    }
                }
            }
        }
        for (id, check) in checks.iter().filter(|(_, check)| check.level.is_alarm()) {
            self.still(settings, target, id, check, now);
        }
        let window = TimeDelta::minutes(settings.dedupe_minutes);
        self.open
            .retain(|_, open| open.over.is_none_or(|over| now - over < window));
    }

    fn raised(
        &mut self,
        settings: &AlertSettings,
        target: &str,
        event: &Event,
        now: DateTime<Utc>,
    ) {
        if let Some(open) = self.open.get_mut(&event.check) {
            // Back within the window. Worse than before is news, the same is not.
            let worse = event.level > open.level;
            open.over = None;
            open.level = event.level;
            open.since = event.since;
            if !worse {
                self.deduplicated += 1;
                return;
            }
        }
        let channels: Vec<String> = told_of(settings, &event.check, event.level, 0)
            .map(|channel| channel.name.clone())
            .collect();
        for channel in &channels {
            self.put(channel, notice(NoticeKind::Raised, event, target, now), now);
        }
        self.open.insert(
            event.check.clone(),
            Open {
                level: event.level,
                since: event.since,
                circle: 0,
                told: now,
                channels,
                over: None,
            },
        );
    }

    fn changed(
        &mut self,
        settings: &AlertSettings,
        target: &str,
        event: &Event,
        now: DateTime<Utc>,
    ) {
        let Some(open) = self.open.get_mut(&event.check) else {
            return self.raised(settings, target, event, now);
        };
        let worse = event.level > open.level;
        open.level = event.level;
        if !worse {
            return;
        }
        open.told = now;
        let circle = open.circle;
        let mut channels = Vec::new();
        for channel in told_of_up_to(settings, &event.check, event.level, circle) {
            if !open.channels.contains(&channel.name) {
                open.channels.push(channel.name.clone());
            }
            channels.push(channel.name.clone());
        }
        for channel in channels {
            self.put(&channel, notice(NoticeKind::Worse, event, target, now), now);
        }
    }

    fn cleared(&mut self, target: &str, event: &Event, now: DateTime<Utc>) {
        let Some(open) = self.open.get_mut(&event.check) else {
            return;
        };
        open.over = Some(now);
        let channels = open.channels.clone();
        for channel in channels {
            self.put(
                &channel,
                notice(NoticeKind::Resolved, event, target, now),
                now,
            );
        }
    }

    /// Escalation and reminders.
    fn still(
        &mut self,
        settings: &AlertSettings,
        target: &str,
        id: &str,
        check: &CheckState,
        now: DateTime<Utc>,
    ) {
        let Some(open) = self.open.get_mut(id) else {
            return;
        };
        if check.acknowledged.is_some() || check.maintenance.is_some() {
            return;
        }
        let minutes = (now - open.since).num_minutes();
        let due = settings
            .escalate_minutes
            .iter()
            .filter(|limit| minutes >= **limit)
            .count();
        let event = Event {
            at: now,
            kind: EventKind::Raised,
            check: id.to_owned(),
            level: check.level,
            before: check.level,
            since: check.since,
            message: check.last.message.clone(),
        };
        let mut outgoing: Vec<(String, NoticeKind)> = Vec::new();
        if due > open.circle {
            for circle in open.circle + 1..=due {
                for channel in told_of(settings, id, check.level, circle) {
                    if !open.channels.contains(&channel.name) {
                        open.channels.push(channel.name.clone());
                    }
                    outgoing.push((channel.name.clone(), NoticeKind::Escalated));
                }
            }
            open.circle = due;
        }
        if now - open.told >= TimeDelta::minutes(settings.reminder_minutes) {
            for channel in &open.channels {
                if !outgoing.iter().any(|(name, _)| name == channel) {
                    outgoing.push((channel.clone(), NoticeKind::Reminder));
                }
            }
            open.told = now;
        }
        for (channel, kind) in outgoing {
            self.put(&channel, notice(kind, &event, target, now), now);
        }
    }

    fn put(&mut self, channel: &str, notice: Notice, now: DateTime<Utc>) {
        // News about a check replaces what was not delivered about it, but for an alarm that nobody has heard of yet.
        self.outbox.retain(|waiting| {
            waiting.channel != channel
                || waiting.notice.check != notice.check
                || waiting.notice.kind != NoticeKind::Reminder
        });
        if self.outbox.len() >= OUTBOX {
            self.outbox.remove(0);
        }
        self.outbox.push(Outgoing {
            channel: channel.to_owned(),
            notice,
            attempts: 0,
            due: now,
            last_error: None,
        });
    }

    /// Takes out what is to be delivered now: what is due, and not held back by quiet hours.
    pub fn due(&mut self, settings: &AlertSettings, now: DateTime<Utc>) -> Vec<Outgoing> {
        let quiet = settings.quiet_hours.is_some_and(|hours| hours.include(now));
        let (due, waiting) = std::mem::take(&mut self.outbox)
            .into_iter()
            .partition(|outgoing| {
                outgoing.due <= now && (!quiet || outgoing.notice.level == Level::Critical)
            });
        self.outbox = waiting;
        due
    }

    /// Puts back what could not be delivered; what has been tried for a day is given up, and named.
    pub fn failed(
        &mut self,
        mut outgoing: Outgoing,
        why: String,
        now: DateTime<Utc>,
    ) -> Option<String> {
        if now - outgoing.notice.at > GIVEN_UP_AFTER {
            return Some(format!(
                "`{}` for `{}` was given up after {} attempts: {why}",
                outgoing.notice.headline(),
                outgoing.channel,
                outgoing.attempts + 1
            ));
        }
        let wait = 1_i64
            .checked_shl(outgoing.attempts)
            .unwrap_or(LONGEST_WAIT_MINUTES)
            .clamp(1, LONGEST_WAIT_MINUTES);
        outgoing.attempts = outgoing.attempts.saturating_add(1);
        outgoing.due = now + TimeDelta::minutes(wait);
        outgoing.last_error = Some(why);
        self.outbox.push(outgoing);
        None
    }
}

fn told_of<'a>(
    settings: &'a AlertSettings,
    id: &'a str,
    level: Level,
    circle: usize,
) -> impl Iterator<Item = &'a Channel> {
    settings.channels.iter().filter(move |channel| {
        channel.circle == circle
            && channel.severity.includes(level)
            && (channel.checks.is_empty()
                || channel
                    .checks
                    .iter()
                    .any(|pattern| crate::checks::matches(pattern, id)))
    })
}

fn told_of_up_to<'a>(
    settings: &'a AlertSettings,
    id: &'a str,
    level: Level,
    circle: usize,
) -> impl Iterator<Item = &'a Channel> {
    (0..=circle).flat_map(move |circle| told_of(settings, id, level, circle))
}

fn notice(kind: NoticeKind, event: &Event, target: &str, now: DateTime<Utc>) -> Notice {
    // What is over keeps the weight it had, so that quiet hours hold back both ends or none.
    let level = match kind {
        NoticeKind::Resolved => event.before,
        _ => event.level,
    };
    Notice {
        version: 1,
        kind,
        check: event.check.clone(),
        level,
        since: event.since,
        at: now,
        message: event.message.clone(),
        remedy: crate::checks::find(&event.check)
            .map_or_else(String::new, |spec| spec.remedy.to_owned()),
        target: target.to_owned(),
    }
}
