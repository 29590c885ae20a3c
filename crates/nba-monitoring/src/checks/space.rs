//! Free space, and how long it will last.
//!
//! A back-fill of the legacy platform ran until the disk of its server was full, at nine tenths of the rows (monitoring dossier 4.2,
//! F28). SQL cannot see a disk. Where the server runs on this machine its folder is asked; elsewhere the size of the disk has
//! to be configured, and what the databases and the write-ahead log take is subtracted from it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::run::{Found, Look, LookError};
use super::server::size;

/// Database sizes of the last days.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Growth {
    /// Time and bytes, oldest first.
    samples: Vec<(DateTime<Utc>, f64)>,
}

/// One sample in six hours for a week.
const SAMPLE_HOURS: i64 = 6;
const SAMPLES: usize = 28;
/// Fewer days say nothing about growth.
const FEWEST_DAYS: f64 = 1.0;
/// The projection has to reach this far.
const PROJECTED_DAYS: f64 = 7.0;

impl Growth {
    /// Adds a sample when the last one is old enough; a clock that was set back starts anew.
    pub(super) fn add(&mut self, now: DateTime<Utc>, bytes: f64) {
        if self.samples.last().is_some_and(|(at, _)| *at > now) {
            self.samples.clear();
        }
        let due = self
            .samples
            .last()
            .is_none_or(|(at, _)| now - *at >= TimeDelta::hours(SAMPLE_HOURS));
        if due {
            self.samples.push((now, bytes));
            if self.samples.len() > SAMPLES {
                self.samples.remove(0);
            }
        }
    }

    /// Bytes a day since the oldest sample; `None` before there is a day of them.
    pub(super) fn daily(&self, now: DateTime<Utc>, bytes: f64) -> Option<f64> {
        let (at, then) = self.samples.first()?;
        let days = (now - *at).as_seconds_f64() / 86_400.0;
        (days >= FEWEST_DAYS).then(|| (bytes - then) / days)
    }
}

const SIZES_SQL: &str =
    "select sum(pg_database_size(oid))::float8 from pg_database where datallowconn";
const WAL_SQL: &str = "select coalesce(sum(size), 0)::float8 from pg_ls_waldir()";
const FOLDER_SQL: &str = "select current_setting('data_directory')";

pub(super) async fn free_space(look: &Look<'_>, growth: &mut Growth) -> Result<Found, LookError> {
    let database: f64 = look
        .row("select pg_database_size(current_database())::float8")
        .await?
        .get(0);
    growth.add(look.now, database);
    let (total, free, how) = match look.settings.disk_gb {
        Some(gb) => {
            let total = gb * 1e9;
            let databases: f64 = look.row(SIZES_SQL).await?.get(0);
            // Without the right to list it the log is left out; its size is bounded by `max_wal_size` and slots.
            look.session.batch_execute("savepoint wal").await?;
            let wal = match look.row(WAL_SQL).await {
                Ok(row) => row.get(0),
                Err(_) => {
                    look.session
                        .batch_execute("rollback to savepoint wal")
                        .await?;
                    0.0
                }
            };
            (total, total - databases - wal, "of the configured disk")
        }
        None => match local_disk(look).await? {
            Ok((total, free)) => (total, free, "of the server's disk"),
            Err(why) => {
                return Ok(Found::not_proven(format!(
                    "the free space cannot be seen: {why}; set `disk_gb` in `.nba/monitoring.toml`"
                )));
            }
        },
    };
    let share = free / total * 100.0;
    let mut sentence = format!("{} {how} ({}) are free", size(free), size(total));
    let mut findings = Vec::new();
    if share < look.settings.limits.free_percent {
        findings.push(format!(
            "{sentence}: {share:.1} %, {} % are wanted",
            look.settings.limits.free_percent
        ));
    }
    if let Some(daily) = growth
        .daily(look.now, database)
        .filter(|daily| *daily > 0.0)
    {
        let days = free / daily;
        if days < PROJECTED_DAYS {
            findings.push(format!(
                "the database grows by {} a day: the disk is full in {days:.1} days",
                size(daily)
            ));
        } else {
            sentence = format!(
                "{sentence}, enough for {days:.0} days at {} a day",
                size(daily)
            );
        }
    }
    Ok(Found::judged(findings, free, sentence))
}

/// Size and free bytes of the disk under the server's folder, or why they cannot be known.
async fn local_disk(look: &Look<'_>) -> Result<Result<(f64, f64), String>, LookError> {
    if !look.db.options().target.host.is_local() {
        return Ok(Err("the server is another machine".to_owned()));
    }
    look.session.batch_execute("savepoint folder").await?;
    let folder: String = match look.row(FOLDER_SQL).await {
        Ok(row) => row.get(0),
        Err(error) => {
            look.session
                .batch_execute("rollback to savepoint folder")
                .await?;
            return Ok(Err(error.to_string()));
        }
    };
    let folder = Path::new(&folder);
    // A tunnel makes a remote server look local: only the same cluster's own control file proves the folder.
    match cluster_of(folder) {
        Ok(system) if Some(&system) == look.identity.brief.system_identifier.as_ref() => {}
        Ok(_) => {
            return Ok(Err(format!(
                "`{}` of this machine belongs to another server",
                folder.display()
            )));
        }
        Err(error) => {
            return Ok(Err(format!(
                "`{}` cannot be looked at ({error})",
                folder.display()
            )));
        }
    }
    Ok(disk_of(folder).map_err(|error| format!("`{}`: {error}", folder.display())))
}

/// The system identifier is the first thing in `pg_control`, in the machine's own byte order.
fn cluster_of(folder: &Path) -> std::io::Result<String> {
    let mut bytes = [0_u8; 8];
    File::open(folder.join("global/pg_control"))?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes).to_string())
}

fn disk_of(folder: &Path) -> std::io::Result<(f64, f64)> {
    let disk = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| {
        let kib = u128::from(blocks) * u128::from(disk.f_frsize) / 1_024;
        u32::try_from(kib / 1_024).map_or(f64::from(u32::MAX), f64::from) * 1_048_576.0
    };
    Ok((bytes(disk.f_blocks), bytes(disk.f_bavail)))
}

#[cfg(test)]
mod tests {
    use super::Growth;
    use chrono::{DateTime, TimeDelta, Utc};

    #[test]
    fn growth_needs_a_day_and_survives_a_clock_that_is_set_back() {
        let start: DateTime<Utc> = DateTime::UNIX_EPOCH;
        let mut growth = Growth::default();
        growth.add(start, 1_000.0);
        assert_eq!(growth.daily(start + TimeDelta::hours(23), 2_000.0), None);
        assert_eq!(
            growth.daily(start + TimeDelta::days(2), 3_000.0),
            Some(1_000.0)
        );
        for hours in 0..1_000 {
            growth.add(start + TimeDelta::hours(hours), 1_000.0);
        }
        assert!(growth.samples.len() <= super::SAMPLES);
        growth.add(start, 5.0);
        assert_eq!(growth.samples.len(), 1);
    }
}
