//! The recorded past: every look in an SQLite file, and in sums of hours and days.
//!
//! Looks are kept for 14 days, hours for 90, days for 365 (monitoring dossier 1.8: history 365 days, snapshots 90). An hour or a day
//! has the worst that was seen, the number of looks, and mean, least and greatest value, so that no bad moment is averaged away. It
//! is brought up to date with each look, so that a chart of a year reads a year's days and nothing else.
//!
//! The history is not the state: what is in alarm and since when stands in `state.json`. A disk that is full costs history and
//! stops nothing; each look tries again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use nba_etl::sqlite::{self, SqliteError};
use nba_utils::Hint;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteRow, SqliteSynchronous};
use tokio::sync::Mutex;

use super::level::Level;

/// The file's name.
const FILE: &str = "history.db";

/// The name under which the time that a look took is kept, in milliseconds.
pub const LOOK_MS: &str = "monitor.look_ms";

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// How finely the past is kept: how many days, and in which parts (in ms; 1 is as it was).
const RESOLUTIONS: [(i64, i64); 3] = [(14, 1), (90, HOUR_MS), (365, DAY_MS)];

/// Bytes of a page. A look changes a few rows in many places, and each costs a page.
const PAGE_BYTES: u32 = 1_024;
/// Memory for pages of the file, in KiB; it fills as the history grows, within weeks, and then stays. SQLite's own bound, said here
/// because nothing else of a watch takes more memory with time.
const CACHE_KIB: u32 = 2_000;
/// Pages that the file may have: 1 GiB.
const MOST_PAGES: u32 = 1_048_576;

/// Steps that make the tables, as [`sqlite::open`] wants them. `resolution` is 0 for a look, 1 for an hour, 2 for a day; `at` is
/// when it begins, in milliseconds since 1970, UTC; `valued` counts the looks that had a value. A series is one stretch of the key.
const STEPS: [&str; 1] = ["
    create table names (
        id   integer not null primary key,
        name text    not null unique
    ) strict;
    create table samples (
        resolution integer not null,
        name       integer not null references names,
        at         integer not null,
        level      integer not null,
        looks      integer not null,
        valued     integer not null,
        mean       real,
        low        real,
        high       real,
        primary key (resolution, name, at)
    ) strict, without rowid;
    pragma user_version = 1;
"];

/// `?1` is one JSON object: name → level, value.
const NAMES_SQL: &str = "insert into names (name) select key from json_each(?1) where true on conflict (name) do nothing";
/// The look at `?2` as it is, and into its hour and its day.
const APPEND_SQL: &str = "insert into samples (resolution, name, at, level, looks, valued, mean, low, high) \
     select r.column1, n.id, ?2 - ?2 % r.column2, j.value ->> 0, 1, j.value ->> 1 is not null, j.value ->> 1, j.value ->> 1, j.value ->> 1 \
     from json_each(?1) j join names n on n.name = j.key cross join (values (0, 1), (1, 3600000), (2, 86400000)) r where true \
     on conflict (resolution, name, at) do update set level = max(level, excluded.level), \
       looks = looks + 1, valued = valued + excluded.valued, \
       mean = case when excluded.valued = 0 then mean when valued = 0 then excluded.mean \
         else mean + (excluded.mean - mean) / (valued + 1) end, \
       low = min(coalesce(low, excluded.low), coalesce(excluded.low, low)), \
       high = max(coalesce(high, excluded.high), coalesce(excluded.high, high))";
const DROP_SQL: &str =
    "delete from samples where resolution = ?1 and name in (select id from names) and at < ?2";
const UNUSED_SQL: &str = "delete from names where not exists \
     (select 1 from samples s where s.resolution in (0, 1, 2) and s.name = names.id)";

/// What begins before `?2` and reaches into it belongs to the first part.
const SERIES_SQL: &str = "select n.name, max(s.at - ?2, 0) / ?4 as part, max(s.level) as level, sum(s.looks) as looks, \
       sum(s.mean * s.valued) / sum(s.valued) as mean, min(s.low) as low, max(s.high) as high \
     from names n cross join samples s on s.name = n.id and s.resolution = ?5 and s.at between ?6 and ?3 \
     where substr(n.name, 1, length(?1)) = ?1 group by n.id, part order by n.name, part";

/// What an export reads, in the order of the key.
pub(super) const EXPORT_SQL: &str = "select s.resolution, n.name, s.at, s.level, s.looks, s.mean, s.low, s.high \
     from names n cross join samples s on s.name = n.id and s.resolution in (0, 1, 2) \
     where substr(n.name, 1, length(?1)) = ?1 order by s.resolution, n.name, s.at";

/// The past of a watch. Opened when it is first used, and again after a failure.
#[derive(Debug, Clone)]
pub struct History {
    path: PathBuf,
    most_pages: u32,
    pool: Arc<Mutex<Option<SqlitePool>>>,
}

/// The past could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file cannot be opened or made.
    #[error("could not open the history `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SqliteError,
    },
    /// A statement failed.
    #[error("could not {action} the history `{}`", path.display())]
    Statement {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// There is no history.
    #[error("there is no history `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file to export to cannot be used.
    #[error("could not {action} `{}`", path.display())]
    Export {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error, or that of the format.
        source: io::Error,
    },
}

impl Hint for HistoryError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open {
                source: SqliteError::Newer { .. },
                ..
            } => Some("use the newer program".to_owned()),
            Self::Missing { .. } => Some(
                "`nba dashboard --continuous` or `nba serve` in this project writes one".to_owned(),
            ),
            Self::Export { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                Some("choose another name: nothing is overwritten".to_owned())
            }
            _ => None,
        }
    }
}

/// A sample and when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// The worst that was seen.
    pub level: Level,
    /// Mean of the values.
    pub mean: Option<f64>,
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
    /// Looks in it.
    pub looks: u32,
}

/// The past of several checks, by id.
pub type Series = BTreeMap<String, Vec<Point>>;

impl History {
    /// The history in this folder, usually `.nba/monitor`. Nothing is opened or made yet.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
            most_pages: MOST_PAGES,
            pool: Arc::default(),
        }
    }

    /// The same with another bound on the size of its file, in pages of 1 KiB; more is an error, as on a disk that is full.
    #[must_use]
    pub fn bounded(self, most_pages: u32) -> Self {
        Self {
            most_pages,
            pool: Arc::default(),
            ..self
        }
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of its file and of what is on the way into it; `None` where there is none.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        let file = std::fs::metadata(&self.path)
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        let mut beside = self.path.clone().into_os_string();
        beside.push("-wal");
        let beside = std::fs::metadata(beside).map_or(0, |file| file.len());
        Some(file.len() + beside)
    }

    /// The open file. The lock is held while it is opened, so that it is opened once.
    async fn pool(&self) -> Result<SqlitePool, HistoryError> {
        let mut known = self.pool.lock().await;
        if let Some(pool) = &*known {
            return Ok(pool.clone());
        }
        // A power cut may cost the last looks, never the file.
        let options = SqliteConnectOptions::new()
            .synchronous(SqliteSynchronous::Normal)
            .page_size(PAGE_BYTES)
            // Negative: KiB, not pages.
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .pragma("max_page_count", self.most_pages.to_string());
        let pool = sqlite::open(&self.path, &STEPS, options)
            .await
            .map_err(|source| HistoryError::Open {
                path: self.path.clone(),
                source,
            })?;
        *known = Some(pool.clone());
        Ok(pool)
    }

    /// The open file of a history that is there; `None` where there is none, which reading does not change.
    pub(super) async fn existing(&self) -> Result<Option<SqlitePool>, HistoryError> {
        match self.path.is_file() {
            true => self.pool().await.map(Some),
            false => Ok(None),
        }
    }

    /// Closes the file; the next use opens it again.
    pub async fn close(&self) {
        let pool = self.pool.lock().await.take();
        if let Some(pool) = pool {
            pool.close().await;
        }
    }

    pub(super) fn failed(&self, action: &'static str) -> impl FnOnce(sqlx::Error) -> HistoryError {
        let path = self.path.clone();
        move |source| HistoryError::Statement {
            action,
            path,
            source,
        }
    }

    /// What failed is opened anew next time: the file may be another one by then.
    async fn or_closed<T>(&self, outcome: Result<T, HistoryError>) -> Result<T, HistoryError> {
        if outcome.is_err() {
            self.close().await;
        }
        outcome
    }

    /// Adds one look: what each name showed, and how long all of it took.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the file or the disk refuses; nothing of the look is kept then.
    pub async fn append<'a>(
        &self,
        now: DateTime<Utc>,
        elapsed_ms: u64,
        samples: impl Iterator<Item = (&'a str, Level, Option<f64>)>,
    ) -> Result<(), HistoryError> {
        let mut cells: serde_json::Map<String, serde_json::Value> = samples
            .map(|(name, level, value)| {
                // What is no number has no place in JSON, and becomes null.
                let cell = serde_json::json!([level.rank(), value]);
                (name.to_owned(), cell)
            })
            .collect();
        cells.insert(
            LOOK_MS.to_owned(),
            serde_json::json!([Level::NotApplicable.rank(), elapsed_ms]),
        );
        let cells = serde_json::Value::Object(cells).to_string();
        let at = now.timestamp_millis();
        let written = async {
            let pool = self.pool().await?;
            let failed = |source| self.failed("write")(source);
            let mut transaction = pool.begin_with("begin immediate").await.map_err(failed)?;
            sqlx::query(NAMES_SQL)
                .bind(&cells)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            sqlx::query(APPEND_SQL)
                .bind(&cells)
                .bind(at)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            transaction.commit().await.map_err(failed)
        };
        let written = written.await;
        self.or_closed(written).await
    }

    /// Removes what is too old. Can be interrupted and called again at any time: it is one transaction.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the file or the disk refuses; nothing has changed then.
    pub async fn compact(&self, now: DateTime<Utc>) -> Result<(), HistoryError> {
        let today = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        let done = async {
            let Some(pool) = self.existing().await? else {
                return Ok(());
            };
            let failed = |source| self.failed("shorten")(source);
            let mut transaction = pool.begin_with("begin immediate").await.map_err(failed)?;
            let mut gone = 0;
            for (resolution, (days, _)) in (0_i64..).zip(RESOLUTIONS) {
                gone += sqlx::query(DROP_SQL)
                    .bind(resolution)
                    .bind((today - TimeDelta::days(days)).timestamp_millis())
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed)?
                    .rows_affected();
            }
            if gone > 0 {
                sqlx::query(UNUSED_SQL)
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed)?;
            }
            transaction.commit().await.map_err(failed)
        };
        let done = done.await;
        self.or_closed(done).await
    }

    /// The past of the names that begin with `prefix`, from `from` to the present, in about `points` parts of equal length: from looks
    /// where parts are shorter than an hour, from hours where they are shorter than a day, from days otherwise, and never from
    /// what is not kept that long.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the file is there and cannot be read.
    pub async fn series(
        &self,
        prefix: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        points: u32,
    ) -> Result<Series, HistoryError> {
        let step = ((to - from).num_milliseconds() / i64::from(points.max(1))).max(1);
        let (resolution, part) = resolution(step, to - from);
        let first = from.timestamp_millis() - part + 1;
        let read = async {
            let Some(pool) = self.existing().await? else {
                return Ok(Vec::new());
            };
            sqlx::query(SERIES_SQL)
                .bind(prefix)
                .bind(from.timestamp_millis())
                .bind(to.timestamp_millis())
                .bind(step)
                .bind(resolution)
                .bind(first)
                .fetch_all(&pool)
                .await
                .map_err(self.failed("read"))
        };
        let read = read.await;
        let rows = self.or_closed(read).await?;
        let mut series = Series::new();
        for row in &rows {
            let (name, point) = point(row, from, step).map_err(self.failed("read"))?;
            series.entry(name).or_default().push(point);
        }
        Ok(series)
    }
}

/// The coarsest resolution that still fills every part, or a coarser one that reaches back so far; and the length of its parts.
fn resolution(step: i64, back: TimeDelta) -> (i64, i64) {
    let [(looks, look), (hours, hour), (_, day)] = RESOLUTIONS;
    if step < HOUR_MS && back <= TimeDelta::days(looks) {
        (0, look)
    } else if step < DAY_MS && back <= TimeDelta::days(hours) {
        (1, hour)
    } else {
        (2, day)
    }
}

fn point(row: &SqliteRow, from: DateTime<Utc>, step: i64) -> Result<(String, Point), sqlx::Error> {
    let part: i64 = row.try_get("part")?;
    let looks: i64 = row.try_get("looks")?;
    let point = Point {
        at: from + TimeDelta::milliseconds(part.saturating_mul(step)),
        level: Level::from_rank(row.try_get("level")?),
        mean: row.try_get("mean")?,
        min: row.try_get("low")?,
        max: row.try_get("high")?,
        looks: u32::try_from(looks).unwrap_or(u32::MAX),
    };
    Ok((row.try_get("name")?, point))
}
