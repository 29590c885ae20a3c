//! Do jobs do anything? A process that runs is no sign of it: a loop of the legacy platform was "healthy" for five hours with not
//! one piece of work done (monitoring dossier 4.2, F17).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use nba_db::tokio_postgres::Row;
use nba_db::tokio_postgres::types::Type;
use serde::{Deserialize, Serialize};

use super::run::{Found, Look, LookError, Memory};
use super::server::{count, whole};
use super::settings::Heartbeat;
use super::{answers, cost, reads};

/// The figure of a job, and when it last changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProgressMark {
    /// The figure.
    pub value: f64,
    /// When it was first seen.
    pub since: DateTime<Utc>,
}

/// Jobs by name.
pub type Progress = BTreeMap<String, ProgressMark>;

/// What the statement of a heartbeat gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// When a piece of work was last done; none ever when absent.
    Last(Option<DateTime<Utc>>),
    /// A figure that has to grow.
    Figure(f64),
}

/// A job whose statement has to be sent, and what its answer will rest on.
type Due<'a> = (&'a Heartbeat, Option<answers::Ground>);

/// Judges every job. A statement whose tables nobody has written to is not sent again; what it gave is judged by the present time.
pub(super) async fn heartbeats(look: &Look<'_>, memory: &mut Memory) -> Result<Found, LookError> {
    let beats = &look.settings.heartbeats;
    if beats.is_empty() {
        return Ok(Found::not_applicable(
            "no job is configured: `[[heartbeats]]` in `.nba/monitoring.toml`",
        ));
    }
    let mut found = BeatsFound::default();
    let mut due: Vec<Due<'_>> = Vec::new();
    for beat in beats {
        let ground = ground(look, beat).await?;
        let standing = match (&ground, &look.tick) {
            (Some(ground), Some(tick)) => memory.answers.reading(&beat.sql, ground, tick, look.now),
            _ => None,
        };
        match standing {
            Some(reading) => found.judge(beat, reading, &mut memory.progress, look.now),
            None => due.push((beat, ground)),
        }
    }
    if !due.is_empty() {
        if let Some(why) = look.over_budget(&memory.cost) {
            memory.cost.put_off("work.heartbeats");
            let names: Vec<&str> = due.iter().map(|(beat, _)| beat.name.as_str()).collect();
            let why = format!("not asked, over budget: {why}");
            found.unknown.push(format!("{}: {why}", names.join(", ")));
        } else {
            let touched = look.touched().await;
            let asked = ask(look, due, &mut found, memory).await;
            // What a statement touched before it failed is counted, too: a savepoint takes no figure back.
            memory.cost.pages(touched, cost::after(look, &asked).await);
            asked?;
        }
    }
    let known = |name: &str| beats.iter().any(|beat| beat.name == name);
    memory.progress.retain(|name, _| known(name));
    let asked = |sql: &str| beats.iter().any(|beat| beat.sql == sql);
    memory.answers.only_statements(asked);
    Ok(found.all(beats.len()))
}

/// What an answer of this statement would rest on; nothing where what it reads is not known.
async fn ground(look: &Look<'_>, beat: &Heartbeat) -> Result<Option<answers::Ground>, LookError> {
    match (&look.tick, reads::tables(&beat.sql)) {
        (Some(tick), Some(tables)) => answers::of_tables(look, tables, tick).await,
        _ => Ok(None),
    }
}

/// Sends the statements that are due.
async fn ask(
    look: &Look<'_>,
    due: Vec<Due<'_>>,
    found: &mut BeatsFound,
    memory: &mut Memory,
) -> Result<(), LookError> {
    for (beat, ground) in due {
        look.session.batch_execute("savepoint beat").await?;
        match look.rows(&beat.sql).await {
            Ok(rows) => match reading(&rows) {
                Ok(reading) => {
                    found.judge(beat, reading, &mut memory.progress, look.now);
                    if let Some(ground) = ground {
                        memory.answers.read(&beat.sql, ground, reading, look.now);
                    }
                }
                Err(why) => found.unknown.push(format!("{}: {why}", beat.name)),
            },
            Err(error) => {
                found.unknown.push(format!("{}: {error}", beat.name));
                look.session
                    .batch_execute("rollback to savepoint beat")
                    .await?;
            }
        }
    }
    Ok(())
}

/// What all jobs came to.
#[derive(Default)]
struct BeatsFound {
    findings: Vec<String>,
    unknown: Vec<String>,
}

impl BeatsFound {
    fn judge(
        &mut self,
        beat: &Heartbeat,
        reading: Reading,
        progress: &mut Progress,
        now: DateTime<Utc>,
    ) {
        let finding = match reading {
            Reading::Last(last) => aged(beat, last, now),
            Reading::Figure(value) => grown(beat, value, progress, now),
        };
        let named = finding.map(|finding| format!("{}: {finding}", beat.name));
        self.findings.extend(named);
    }

    fn all(self, jobs: usize) -> Found {
        if self.findings.is_empty() && !self.unknown.is_empty() {
            return Found::not_proven(self.unknown.join("; "));
        }
        let still = count(self.findings.len());
        Found::judged(self.findings, still, format!("{jobs} jobs do their work"))
    }
}

/// The one value of an answer; an error when nothing can be said.
fn reading(rows: &[Row]) -> Result<Reading, String> {
    let [row] = rows else {
        return Err(format!("its query gave {} rows, not one", rows.len()));
    };
    let [column] = row.columns() else {
        return Err(format!(
            "its query gave {} columns, not one",
            row.columns().len()
        ));
    };
    let failed = |error: nba_db::tokio_postgres::Error| error.to_string();
    let value = match *column.type_() {
        Type::TIMESTAMPTZ => {
            let time: Option<DateTime<Utc>> = row.try_get(0).map_err(failed)?;
            return Ok(Reading::Last(time));
        }
        // The platform's columns carry no zone and hold UTC by convention.
        Type::TIMESTAMP => {
            let time: Option<NaiveDateTime> = row.try_get(0).map_err(failed)?;
            return Ok(Reading::Last(time.map(|time| time.and_utc())));
        }
        Type::INT8 => row
            .try_get::<_, Option<i64>>(0)
            .map_err(failed)?
            .map(whole_number),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(0)
            .map_err(failed)?
            .map(f64::from),
        Type::FLOAT8 => row.try_get(0).map_err(failed)?,
        ref other => {
            return Err(format!(
                "its query gives a `{other}`: a count or a time is needed"
            ));
        }
    };
    value
        .map(Reading::Figure)
        .ok_or_else(|| "its query gave NULL".to_owned())
}

fn aged(beat: &Heartbeat, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<String> {
    let Some(last) = last else {
        return Some("it has never done anything".to_owned());
    };
    let hours = (now - last).as_seconds_f64() / 3_600.0;
    (hours > beat.max_hours).then(|| {
        format!(
            "nothing for {hours:.1} h, since {}",
            last.format("%Y-%m-%d %H:%M UTC")
        )
    })
}

/// A figure that stays the same for too long; one that became smaller was counted anew, which is no work.
pub(super) fn grown(
    beat: &Heartbeat,
    value: f64,
    progress: &mut Progress,
    now: DateTime<Utc>,
) -> Option<String> {
    let mark = progress
        .entry(beat.name.clone())
        .or_insert(ProgressMark { value, since: now });
    if value > mark.value || mark.since > now + TimeDelta::minutes(1) {
        *mark = ProgressMark { value, since: now };
    } else {
        mark.value = value;
    }
    let hours = (now - mark.since).as_seconds_f64() / 3_600.0;
    (hours > beat.max_hours)
        .then(|| format!("its figure has been {} for {hours:.1} h", whole(mark.value)))
}

fn whole_number(number: i64) -> f64 {
    let (high, low) = (number.div_euclid(1 << 31), number.rem_euclid(1 << 31));
    let part = |part: i64| i32::try_from(part).map_or(0.0, f64::from);
    // Beyond 2^53 neighbours become one; a count of work does not get there.
    if let Ok(high) = i32::try_from(high) {
        f64::from(high).mul_add(2_147_483_648.0, part(low))
    } else {
        f64::MAX
    }
}
