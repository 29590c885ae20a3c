//! Every run of a script, remembered in an SQLite file of the project's state folder (`history.db`).
//!
//! The evidence of a run is in the ledger; this is the memory that can be asked: when did it last work, how long does it take,
//! what did it print.
//!
//! The file must lie on a local disk: SQLite's write-ahead log does not work over a network file system.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use nba_utils::{Hint, Verdict};
use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteRow};

use crate::sqlite::{self, SqliteError};

#[cfg(test)]
mod tests;

/// A run whose last sign of life is older is lost: signs come every few seconds.
pub const LOST_AFTER: Duration = Duration::from_secs(60);

/// Steps that make the tables, as [`sqlite::open`] wants them.
const STEPS: [&str; 1] = ["
    create table etl_runs (
        run_id       text    not null primary key,
        job          text    not null,
        script       text,
        command      text    not null,
        host         text    not null,
        pid          integer not null,
        target       text,
        log          text,
        started_at   text    not null,
        heartbeat_at text    not null,
        done         integer,
        total        integer,
        ended_at     text,
        ending       text,
        elapsed_ms   integer,
        verdict      text,
        effects      text,
        counters     text,
        survivors    integer not null default 0
    ) strict;
    create index etl_runs_by_job on etl_runs (job, started_at);
    pragma user_version = 1;
"];

/// Why the history cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file cannot be opened or made.
    #[error("cannot open the history `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system or SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A statement failed.
    #[error("cannot {operation} in the history `{}`", path.display())]
    Statement {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The file was made by a later version of this program.
    #[error("the history `{}` is of a later version (step {step})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its step.
        step: i64,
    },
    /// No run has that id.
    #[error("there is no run `{id}`")]
    NoSuchRun {
        /// What was looked for.
        id: String,
    },
    /// Several runs begin with that id.
    #[error("`{id}` is the beginning of {runs} runs")]
    Ambiguous {
        /// What was looked for.
        id: String,
        /// How many.
        runs: usize,
    },
}

impl Hint for HistoryError {
    fn hint(&self) -> Option<String> {
        match self {
            HistoryError::NoSuchRun { .. } | HistoryError::Ambiguous { .. } => {
                Some("`nba etl history` shows the runs and their ids".to_owned())
            }
            HistoryError::Newer { .. } => Some("use the newer program".to_owned()),
            _ => None,
        }
    }
}

/// A run that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its id; ids that grow with time sort by age.
    pub run_id: String,
    /// What it is a run of: two runs of one job do the same thing.
    pub job: String,
    /// The script in the checkout, if it is one.
    pub script: Option<String>,
    /// Program and arguments, secrets hidden.
    pub command: Vec<String>,
    /// Name of the machine.
    pub host: String,
    /// Process that runs it.
    pub pid: u32,
    /// The database it was given, without password.
    pub target: Option<String>,
    /// File of its whole output.
    pub log: Option<PathBuf>,
    /// When.
    pub started_at: DateTime<Utc>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// In words.
    pub ending: String,
    /// How long it took.
    pub elapsed: Duration,
    /// What it proved.
    pub verdict: Verdict,
    /// Its effects.
    pub effects: serde_json::Value,
    /// Figures of its output.
    pub counters: serde_json::Value,
    /// Processes it left behind.
    pub survivors: usize,
}

/// A run as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// Its id.
    pub run_id: String,
    /// What it is a run of.
    pub job: String,
    /// The script in the checkout.
    pub script: Option<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Name of the machine.
    pub host: String,
    /// Process that ran it.
    pub pid: i64,
    /// The database it was given.
    pub target: Option<String>,
    /// File of its whole output.
    pub log: Option<PathBuf>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Its last sign of life.
    pub heartbeat_at: DateTime<Utc>,
    /// Units done and in all, if it told.
    pub progress: Option<(i64, i64)>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended; none while it runs, or when it was lost.
    pub ending: Option<String>,
    /// How long it took.
    pub elapsed: Option<Duration>,
    /// What it proved; a run that never ended is not proven.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Its effects.
    pub effects: serde_json::Value,
    /// Figures of its output.
    pub counters: serde_json::Value,
    /// Processes it left behind.
    pub survivors: i64,
}

impl RunRecord {
    /// Whether it is still going on.
    #[must_use]
    pub fn is_running(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && !self.is_lost(now)
    }

    /// Whether it ended without saying how: killed, or its machine went down.
    #[must_use]
    pub fn is_lost(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none()
            && (now - self.heartbeat_at)
                .to_std()
                .is_ok_and(|silent| silent > LOST_AFTER)
    }
}

/// The open history.
#[derive(Debug, Clone)]
pub struct History {
    pool: SqlitePool,
    path: PathBuf,
}

const BEGIN_SQL: &str = "insert into etl_runs (run_id, job, script, command, host, pid, target, log, started_at, heartbeat_at) \
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)";
const BEAT_SQL: &str = "update etl_runs set heartbeat_at = ?2, done = ?3, total = ?4 where run_id = ?1 and ended_at is null";
const FINISH_SQL: &str = "update etl_runs set ended_at = ?2, heartbeat_at = ?2, ending = ?3, elapsed_ms = ?4, verdict = ?5, \
     effects = ?6, counters = ?7, survivors = ?8 where run_id = ?1";
const RECENT_SQL: &str = "select * from etl_runs where ?1 is null or job = ?1 or script = ?1 order by started_at desc, run_id desc limit ?2";
const BY_ID_SQL: &str = "select * from etl_runs where substr(run_id, 1, length(?1)) = ?1 order by started_at desc limit 2";
const JOBS_SQL: &str = "select distinct job from etl_runs order by job";
const PROVEN_SQL: &str = "select ended_at from etl_runs where job = ?1 and json_extract(verdict, '$.verdict') = 'proven' \
     order by started_at desc limit 1";
const UNPROVEN_SQL: &str = "select count(*) from etl_runs where job = ?1 and ended_at is not null and started_at > coalesce(\
     (select max(started_at) from etl_runs where job = ?1 and json_extract(verdict, '$.verdict') = 'proven'), '')";

impl History {
    /// Opens the file, or makes it, readable for its owner alone.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Open`] or [`HistoryError::Newer`].
    pub async fn open(path: &Path) -> Result<History, HistoryError> {
        let pool = sqlite::open(path, &STEPS, SqliteConnectOptions::new())
            .await
            .map_err(|error| match error {
                SqliteError::Newer { step } => HistoryError::Newer {
                    path: path.to_owned(),
                    step,
                },
                other => HistoryError::Open {
                    path: path.to_owned(),
                    source: other.into(),
                },
            })?;
        Ok(History {
            pool,
            path: path.to_owned(),
        })
    }

    fn failed(&self, operation: &'static str) -> impl FnOnce(sqlx::Error) -> HistoryError {
        let path = self.path.clone();
        move |source| HistoryError::Statement {
            operation,
            path,
            source,
        }
    }

    /// Remembers that a run begins.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Statement`], also when the id is known.
    pub async fn begin(&self, run: &Begun) -> Result<(), HistoryError> {
        sqlx::query(BEGIN_SQL)
            .bind(&run.run_id)
            .bind(&run.job)
            .bind(&run.script)
            .bind(json(&run.command))
            .bind(&run.host)
            .bind(i64::from(run.pid))
            .bind(&run.target)
            .bind(run.log.as_ref().map(|path| path.display().to_string()))
            .bind(moment(run.started_at))
            .execute(&self.pool)
            .await
            .map_err(self.failed("begin a run"))?;
        Ok(())
    }

    /// A sign of life.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Statement`].
    pub async fn beat(
        &self,
        run_id: &str,
        progress: Option<(u64, u64)>,
    ) -> Result<(), HistoryError> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        sqlx::query(BEAT_SQL)
            .bind(run_id)
            .bind(moment(Utc::now()))
            .bind(progress.map(|(done, _)| number(done)))
            .bind(progress.map(|(_, total)| number(total)))
            .execute(&self.pool)
            .await
            .map_err(self.failed("note a sign of life"))?;
        Ok(())
    }

    /// Remembers how a run ended.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Statement`], or [`HistoryError::NoSuchRun`].
    pub async fn finish(&self, run_id: &str, run: &Finished) -> Result<(), HistoryError> {
        let changed = sqlx::query(FINISH_SQL)
            .bind(run_id)
            .bind(moment(Utc::now()))
            .bind(&run.ending)
            .bind(i64::try_from(run.elapsed.as_millis()).unwrap_or(i64::MAX))
            .bind(json(&run.verdict))
            .bind(run.effects.to_string())
            .bind(run.counters.to_string())
            .bind(i64::try_from(run.survivors).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await
            .map_err(self.failed("end a run"))?;
        if changed.rows_affected() == 0 {
            return Err(HistoryError::NoSuchRun {
                id: run_id.to_owned(),
            });
        }
        Ok(())
    }

    /// The latest runs, newest first; of one job or script, or of all.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Statement`].
    pub async fn recent(
        &self,
        job: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RunRecord>, HistoryError> {
        let rows = sqlx::query(RECENT_SQL)
            .bind(job)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("read runs"))?;
        rows.iter()
            .map(|row| record(row).map_err(self.failed("read a run")))
            .collect()
    }

    /// The run whose id begins so.
    ///
    /// # Errors
    ///
    /// [`HistoryError::NoSuchRun`], [`HistoryError::Ambiguous`], or [`HistoryError::Statement`].
    pub async fn find(&self, id: &str) -> Result<RunRecord, HistoryError> {
        let rows = sqlx::query(BY_ID_SQL)
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("read a run"))?;
        match &rows[..] {
            [row] if !id.is_empty() => record(row).map_err(self.failed("read a run")),
            [] => Err(HistoryError::NoSuchRun { id: id.to_owned() }),
            several => Err(HistoryError::Ambiguous {
                id: id.to_owned(),
                runs: several.len(),
            }),
        }
    }

    /// All jobs that ever ran.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Statement`].
    pub async fn jobs(&self) -> Result<Vec<String>, HistoryError> {
        sqlx::query_scalar(JOBS_SQL)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("read the jobs"))
    }

    /// When a job last did what it is for, and how many runs have ended since without.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Statement`].
    pub async fn since_proven(
        &self,
        job: &str,
    ) -> Result<(Option<DateTime<Utc>>, i64), HistoryError> {
        let proven: Option<String> = sqlx::query_scalar(PROVEN_SQL)
            .bind(job)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("read runs"))?;
        let unproven: i64 = sqlx::query_scalar(UNPROVEN_SQL)
            .bind(job)
            .fetch_one(&self.pool)
            .await
            .map_err(self.failed("read runs"))?;
        let proven = proven.and_then(|text| text.parse().ok());
        Ok((proven, unproven))
    }

    /// Whether a job did what it is for within `limit`.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Statement`].
    pub async fn fresh(&self, job: &str, limit: Duration) -> Result<Verdict, HistoryError> {
        let (proven, unproven) = self.since_proven(job).await?;
        let Some(proven) = proven else {
            let last = self.recent(Some(job), 1).await?;
            return Ok(match last.first() {
                None => Verdict::not_proven(format!("`{job}` never ran here")),
                Some(_) => Verdict::refuted(format!(
                    "none of {unproven} runs of `{job}` was proven to have done anything"
                )),
            });
        };
        let age = (Utc::now() - proven).to_std().unwrap_or_default();
        Ok(if age <= limit {
            Verdict::Proven
        } else {
            Verdict::refuted(format!(
                "`{job}` last did what it is for {} ago, at most {} allowed; {unproven} runs since",
                nba_utils::format::duration(age),
                nba_utils::format::duration(limit)
            ))
        })
    }

    /// Waits until everything is written and gives the file back.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// One width, so that texts sort as times do.
fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn record(row: &SqliteRow) -> Result<RunRecord, sqlx::Error> {
    let decode = |column: &'static str, error: Box<dyn std::error::Error + Send + Sync>| {
        sqlx::Error::ColumnDecode {
            index: column.to_owned(),
            source: error,
        }
    };
    let time = |column: &'static str| -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let text: Option<String> = row.try_get(column)?;
        text.map(|text| {
            text.parse()
                .map_err(|e: chrono::ParseError| decode(column, e.into()))
        })
        .transpose()
    };
    let value = |column: &'static str| -> Result<serde_json::Value, sqlx::Error> {
        let text: Option<String> = row.try_get(column)?;
        text.map_or(Ok(serde_json::Value::Null), |text| {
            serde_json::from_str(&text).map_err(|e| decode(column, e.into()))
        })
    };
    let missing = |column: &'static str| decode(column, "no time".into());
    let ended_at = time("ended_at")?;
    let verdict = match value("verdict")? {
        serde_json::Value::Null => Verdict::not_proven("the run has not ended"),
        text => serde_json::from_value(text).map_err(|e| decode("verdict", e.into()))?,
    };
    let elapsed: Option<i64> = row.try_get("elapsed_ms")?;
    let done: Option<i64> = row.try_get("done")?;
    let total: Option<i64> = row.try_get("total")?;
    Ok(RunRecord {
        run_id: row.try_get("run_id")?,
        job: row.try_get("job")?,
        script: row.try_get("script")?,
        command: serde_json::from_value(value("command")?)
            .map_err(|e| decode("command", e.into()))?,
        host: row.try_get("host")?,
        pid: row.try_get("pid")?,
        target: row.try_get("target")?,
        log: row.try_get::<Option<String>, _>("log")?.map(PathBuf::from),
        started_at: time("started_at")?.ok_or_else(|| missing("started_at"))?,
        heartbeat_at: time("heartbeat_at")?.ok_or_else(|| missing("heartbeat_at"))?,
        progress: done.zip(total),
        ended_at,
        ending: row.try_get("ending")?,
        elapsed: elapsed
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis),
        verdict,
        effects: value("effects")?,
        counters: value("counters")?,
        survivors: row.try_get("survivors")?,
    })
}
