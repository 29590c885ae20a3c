//! Schedules that lie in a checkout: crontabs, systemd timers and services, launchd agents.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _};
use regex::Regex;
use serde::Serialize;

/// Whose schedule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scheduler {
    /// A crontab line.
    Cron,
    /// A systemd service or timer.
    Systemd,
    /// A launchd agent.
    Launchd,
}

/// One scheduled command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Schedule {
    /// File in the checkout.
    pub file: String,
    /// Line in it.
    pub line: usize,
    /// Whose.
    pub scheduler: Scheduler,
    /// When, in the scheduler's own words.
    pub when: String,
    /// The command.
    pub command: String,
    /// Scripts of the checkout it runs.
    pub scripts: Vec<String>,
    /// Scripts it names that do not exist.
    pub missing: Vec<String>,
    /// What else is wrong with it.
    pub problems: Vec<String>,
    /// The longest time between two runs, where it can be worked out: a run that is older is late.
    pub longest_gap: Option<Duration>,
}

/// When a crontab line runs.
///
/// ```
/// use nba_etl::registry::CronTime;
/// use std::time::Duration;
///
/// let nightly: CronTime = "0 3 * * *".parse()?;
/// assert_eq!(nightly.longest_gap(), Some(Duration::from_secs(24 * 3600)));
/// let weekdays: CronTime = "30 2 * * 1-5".parse()?;
/// assert_eq!(weekdays.longest_gap(), Some(Duration::from_secs(3 * 24 * 3600)));
/// assert!("61 * * * *".parse::<CronTime>().is_err());
/// # Ok::<(), nba_etl::registry::CronError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTime {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: BTreeSet<u32>,
    months: BTreeSet<u32>,
    weekdays: BTreeSet<u32>,
    /// Both days and weekdays are restricted: either is enough.
    either: bool,
}

/// A time that cron would not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no time for cron: {problem}")]
pub struct CronError {
    text: String,
    problem: String,
}

impl std::str::FromStr for CronTime {
    type Err = CronError;

    fn from_str(text: &str) -> Result<CronTime, CronError> {
        let error = |problem: String| CronError {
            text: text.to_owned(),
            problem,
        };
        let written = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = written.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(error(format!(
                "it has {} fields instead of 5",
                fields.len()
            )));
        };
        let months = [
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ];
        let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let mut days_of_week = field(weekday, 0, 7, &weekdays, 0).map_err(&error)?;
        if days_of_week.remove(&7) {
            days_of_week.insert(0);
        }
        Ok(CronTime {
            minutes: field(minute, 0, 59, &[], 0).map_err(&error)?,
            hours: field(hour, 0, 23, &[], 0).map_err(&error)?,
            days: field(day, 1, 31, &[], 0).map_err(&error)?,
            months: field(month, 1, 12, &months, 1).map_err(&error)?,
            weekdays: days_of_week,
            either: !day.starts_with('*') && !weekday.starts_with('*'),
        })
    }
}

fn field(
    text: &str,
    first: u32,
    last: u32,
    names: &[&str],
    base: u32,
) -> Result<BTreeSet<u32>, String> {
    let number = |text: &str| -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(at) = names.iter().position(|name| *name == lower) {
            return Ok(u32::try_from(at).unwrap_or(0) + base);
        }
        text.parse()
            .ok()
            .filter(|value| (first..=last).contains(value))
            .ok_or_else(|| format!("`{text}` is not between {first} and {last}"))
    };
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step: u32 = step
                    .parse()
                    .ok()
                    .filter(|step| *step > 0)
                    .ok_or_else(|| format!("`{step}` is no step"))?;
                (range, step)
            }
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (first, last),
            Some((from, to)) => (number(from)?, number(to)?),
            None if step > 1 => (number(range)?, last),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return Err(format!("`{range}` runs backwards"));
        }
        values.extend((from..=to).step_by(usize::try_from(step).unwrap_or(1)));
    }
    Ok(values)
}

impl CronTime {
    /// Whether it runs in that minute (local time of the machine; a changed clock is not considered).
    #[must_use]
    pub fn runs_at(&self, time: NaiveDateTime) -> bool {
        self.runs_on(time.date())
            && self.hours.contains(&time.hour())
            && self.minutes.contains(&time.minute())
    }

    fn runs_on(&self, date: NaiveDate) -> bool {
        let day = self.days.contains(&date.day());
        let weekday = self
            .weekdays
            .contains(&date.weekday().num_days_from_sunday());
        let right_day = if self.either {
            day || weekday
        } else {
            day && weekday
        };
        self.months.contains(&date.month()) && right_day
    }

    /// The last minute before `now` in which it ran, looking back four years.
    #[must_use]
    pub fn last_before(&self, now: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut date = now.date();
        for _ in 0..4 * 366 {
            if self.runs_on(date) {
                let times = self.hours.iter().rev().flat_map(|hour| {
                    self.minutes
                        .iter()
                        .rev()
                        .filter_map(|minute| date.and_hms_opt(*hour, *minute, 0))
                });
                if let Some(found) = times.into_iter().find(|time| *time < now) {
                    return Some(found);
                }
            }
            date = date.pred_opt()?;
        }
        None
    }

    /// The longest time between two runs, over two years; `None` when it runs less than twice in them.
    #[must_use]
    pub fn longest_gap(&self) -> Option<Duration> {
        // 2024 and 2025: a leap year and an ordinary one.
        let start = NaiveDate::from_ymd_opt(2024, 1, 1)?;
        let mut previous: Option<NaiveDateTime> = None;
        let mut longest: Option<TimeDelta> = None;
        for date in start
            .iter_days()
            .take(731)
            .filter(|date| self.runs_on(*date))
        {
            for hour in &self.hours {
                for minute in &self.minutes {
                    let time = date.and_hms_opt(*hour, *minute, 0)?;
                    if let Some(before) = previous {
                        longest = longest.max(Some(time - before));
                    }
                    previous = Some(time);
                }
            }
        }
        longest?.to_std().ok()
    }
}

static SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\w./~$\{\}-]*?([\w.-]+\.(?:py|sh|bash|R))\b").expect("a constant pattern")
});

/// Script paths in a command, as written.
pub(super) fn scripts_in(command: &str) -> Vec<String> {
    SCRIPT
        .find_iter(command)
        .map(|found| found.as_str().to_owned())
        .collect()
}

/// Whether a file is a schedule, and whose.
pub(super) fn scheduler_of(path: &str) -> Option<Scheduler> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.ends_with(".service") || name.ends_with(".timer") {
        Some(Scheduler::Systemd)
    } else if name.ends_with(".plist") {
        Some(Scheduler::Launchd)
    } else if name.starts_with("crontab") || name.ends_with(".cron") || name.ends_with(".crontab") {
        Some(Scheduler::Cron)
    } else {
        None
    }
}

/// Everything scheduled in one file. Scripts are looked up later.
pub(super) fn read(scheduler: Scheduler, path: &str, text: &str) -> Vec<Schedule> {
    match scheduler {
        Scheduler::Cron => crontab(path, text),
        Scheduler::Systemd => systemd(path, text),
        Scheduler::Launchd => launchd(path, text),
    }
}

fn schedule(path: &str, line: usize, scheduler: Scheduler, when: &str, command: &str) -> Schedule {
    Schedule {
        file: path.to_owned(),
        line,
        scheduler,
        when: when.to_owned(),
        command: command.to_owned(),
        scripts: Vec::new(),
        missing: Vec::new(),
        problems: Vec::new(),
        longest_gap: None,
    }
}

fn crontab(path: &str, text: &str) -> Vec<Schedule> {
    static ASSIGNMENT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\s*[A-Za-z_]\w*\s*=").expect("a constant pattern"));
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || ASSIGNMENT.is_match(line) {
            continue;
        }
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let mut rest = line;
        for _ in 0..fields {
            rest = rest.trim_start();
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest = &rest[end..];
        }
        let when = line[..line.len() - rest.len()].trim();
        let command = rest.trim();
        let mut entry = schedule(path, number + 1, Scheduler::Cron, when, command);
        match when.parse::<CronTime>() {
            Ok(time) => entry.longest_gap = time.longest_gap(),
            Err(_) if when == "@reboot" => {}
            Err(error) => entry.problems.push(error.to_string()),
        }
        let unescaped = command.replace("\\%", "");
        if unescaped.contains('%') {
            entry
                .problems
                .push("cron ends the command at the first `%` that has no backslash".to_owned());
        }
        let first = scripts_in(command).into_iter().next();
        if first.is_some_and(|script| !script.starts_with(['/', '~', '$']))
            && !command.contains("cd ")
        {
            entry.problems.push(
                "it names a script relative to the working folder, which for cron is the home folder, and has no `cd`"
                    .to_owned(),
            );
        }
        found.push(entry);
    }
    found
}

fn systemd(path: &str, text: &str) -> Vec<Schedule> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match key {
            "ExecStart" | "ExecStartPre" | "ExecStartPost" => found.push(schedule(
                path,
                number + 1,
                Scheduler::Systemd,
                key,
                value.trim_start_matches(['-', '@', '+', '!', ':']),
            )),
            "OnCalendar" | "OnUnitActiveSec" | "OnBootSec" => {
                found.push(schedule(path, number + 1, Scheduler::Systemd, value, key));
            }
            _ => {}
        }
    }
    found
}

fn launchd(path: &str, text: &str) -> Vec<Schedule> {
    static TEXT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"<string>([^<]*)</string>").expect("a constant pattern"));
    static INTERVAL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"<key>StartInterval</key>\s*<integer>(\d+)</integer>")
            .expect("a constant pattern")
    });
    let Some(start) = text.find("<key>ProgramArguments</key>") else {
        return Vec::new();
    };
    let end = text[start..]
        .find("</array>")
        .map_or(text.len(), |at| start + at);
    let command: Vec<&str> = TEXT
        .captures_iter(&text[start..end])
        .filter_map(|found| found.get(1))
        .map(|part| part.as_str())
        .collect();
    let line = text[..start].matches('\n').count() + 1;
    let interval: Option<u64> = INTERVAL
        .captures(text)
        .and_then(|found| found[1].parse().ok());
    let when = match interval {
        Some(seconds) => format!("every {seconds} s"),
        None if text.contains("<key>KeepAlive</key>") => "kept alive".to_owned(),
        None => "by calendar".to_owned(),
    };
    let mut entry = schedule(path, line, Scheduler::Launchd, &when, &command.join(" "));
    entry.longest_gap = interval.map(Duration::from_secs);
    vec![entry]
}
