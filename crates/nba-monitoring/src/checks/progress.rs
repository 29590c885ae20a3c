//! Do jobs do anything? A process that runs is no sign of it: a loop of the legacy platform was "healthy" for five hours with not
//! one piece of work done (monitoring dossier 4.2, F17).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use nba_db::tokio_postgres::Row;
use nba_db::tokio_postgres::types::Type;
use serde::{Deserialize, Serialize};

use super::run::{Found, Look, LookError};
use super::server::{count, whole};
use super::settings::Heartbeat;

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

pub(super) async fn heartbeats(
    look: &Look<'_>,
    progress: &mut Progress,
) -> Result<Found, LookError> {
    let beats = &look.settings.heartbeats;
    if beats.is_empty() {
        return Ok(Found::not_applicable(
            "no job is configured: `[[heartbeats]]` in `.nba/monitoring.toml`",
        ));
    }
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    for beat in beats {
        look.session.batch_execute("savepoint beat").await?;
        match look.rows(&beat.sql).await {
            Ok(rows) => match judge(beat, &rows, progress, look.now) {
                Ok(None) => {}
                Ok(Some(finding)) => findings.push(format!("{}: {finding}", beat.name)),
                Err(why) => unknown.push(format!("{}: {why}", beat.name)),
            },
            Err(error) => {
                unknown.push(format!("{}: {error}", beat.name));
                look.session
                    .batch_execute("rollback to savepoint beat")
                    .await?;
            }
        }
    }
    progress.retain(|name, _| beats.iter().any(|beat| beat.name == *name));
    if findings.is_empty() && !unknown.is_empty() {
        return Ok(Found::not_proven(unknown.join("; ")));
    }
    let still = count(findings.len());
    Ok(Found::judged(
        findings,
        still,
        format!("{} jobs do their work", beats.len()),
    ))
}

/// What is wrong with a job; an error when nothing can be said.
fn judge(
    beat: &Heartbeat,
    rows: &[Row],
    progress: &mut Progress,
    now: DateTime<Utc>,
) -> Result<Option<String>, String> {
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
            return Ok(aged(beat, time, now));
        }
        // The platform's columns carry no zone and hold UTC by convention.
        Type::TIMESTAMP => {
            let time: Option<NaiveDateTime> = row.try_get(0).map_err(failed)?;
            return Ok(aged(beat, time.map(|time| time.and_utc()), now));
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
    let Some(value) = value else {
        return Err("its query gave NULL".to_owned());
    };
    Ok(grown(beat, value, progress, now))
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
