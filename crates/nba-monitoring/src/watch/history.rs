//! The recorded past: one line per tick, a file per day, rolled up with age.
//!
//! Ticks are kept for 14 days, hours for 90, days for 365 (monitoring dossier 1.8: history 365 days, snapshots 90). Plain lines need no
//! engine, can be read while they are written, and a line that was not finished when the power went is only that one lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike as _, Utc};
use nba_utils::atomic::{self, FileError, NewFile};
use serde::{Deserialize, Serialize};

use super::level::Level;

/// Days until ticks become hours, hours become days, and days go.
const TICKS_KEPT: i64 = 14;
const HOURS_KEPT: i64 = 90;
const DAYS_KEPT: i64 = 365;

/// The past of a watch.
#[derive(Debug, Clone)]
pub struct History {
    folder: PathBuf,
}

/// The past could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A file or the folder cannot be used.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("could not write the history")]
    File(#[from] FileError),
}

/// One check at one time, or over an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The worst that was seen.
    pub level: Level,
    /// Mean, least and greatest value, where there was one.
    pub value: Option<(f64, f64, f64)>,
    /// Looks in it.
    pub looks: u32,
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

/// A line as it stands in the files: level, then nothing, the value, or mean, least and greatest.
#[derive(Debug, Deserialize)]
struct Line {
    t: DateTime<Utc>,
    #[serde(default = "one")]
    n: u32,
    // Owned: a name with a quotation mark in it cannot be borrowed.
    c: BTreeMap<String, Vec<serde_json::Value>>,
}

fn one() -> u32 {
    1
}

/// The three resolutions, finest first: what a day's file is called.
const SUFFIXES: [&str; 3] = [".jsonl", ".hours.jsonl", ".days.jsonl"];

impl History {
    /// The history in this folder.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    fn path(&self, day: NaiveDate, suffix: &str) -> PathBuf {
        self.folder.join(format!("{day}{suffix}"))
    }

    /// Adds one tick.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the folder or the disk refuses; an unfinished line of an earlier crash is closed first.
    pub fn append<'a>(
        &self,
        now: DateTime<Utc>,
        elapsed_ms: u64,
        samples: impl Iterator<Item = (&'a str, Level, Option<f64>)>,
    ) -> Result<(), HistoryError> {
        fs::create_dir_all(&self.folder).map_err(|source| HistoryError::Io {
            action: "make",
            path: self.folder.clone(),
            source,
        })?;
        let mut line = format!(
            r#"{{"t":"{}","ms":{elapsed_ms},"c":{{"#,
            now.format("%Y-%m-%dT%H:%M:%S%.3fZ")
        );
        for (number, (id, level, value)) in samples.enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let id = serde_json::Value::from(id);
            // Writing to a String cannot fail.
            let _ = write!(line, r#"{comma}{id}:["{}""#, level.code());
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let _ = write!(line, ",{}", (value * 1_000.0).round() / 1_000.0);
            }
            line.push(']');
        }
        line.push_str("}}");
        let path = self.path(now.date_naive(), SUFFIXES[0]);
        match atomic::append_line(&path, &line) {
            Err(FileError::TornLine { .. }) => {
                mend(&path)?;
                Ok(atomic::append_line(&path, &line)?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Rolls up what is old enough, and removes what is too old. Can be interrupted and called again at any time.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when a file cannot be read, written or removed; nothing is removed before its roll-up is on disk.
    pub fn compact(&self, now: DateTime<Utc>) -> Result<(), HistoryError> {
        let today = now.date_naive();
        let aged = |days| today.checked_sub_signed(TimeDelta::days(days));
        for (day, suffix) in self.files()? {
            let path = self.path(day, suffix);
            let older = |days| aged(days).is_some_and(|limit| day < limit);
            let remove = || {
                fs::remove_file(&path).map_err(|source| HistoryError::Io {
                    action: "remove",
                    path: path.clone(),
                    source,
                })
            };
            if older(DAYS_KEPT) {
                remove()?;
            } else if suffix == SUFFIXES[0] && older(TICKS_KEPT) {
                self.roll_up(day, &path, SUFFIXES[1], |at| at.hour())?;
                remove()?;
            } else if suffix == SUFFIXES[1] && older(HOURS_KEPT) {
                self.roll_up(day, &path, SUFFIXES[2], |_| 0)?;
                remove()?;
            }
        }
        Ok(())
    }

    fn roll_up(
        &self,
        day: NaiveDate,
        from: &Path,
        suffix: &str,
        hour: fn(&DateTime<Utc>) -> u32,
    ) -> Result<(), HistoryError> {
        let mut parts: BTreeMap<u32, (u32, BTreeMap<String, Sample>)> = BTreeMap::new();
        each_line(from, |line| {
            let (looks, part) = parts.entry(hour(&line.t)).or_default();
            *looks += line.n;
            for (id, fields) in &line.c {
                if let Some(sample) = sample(fields, line.n) {
                    part.entry(id.clone())
                        .and_modify(|known| *known = known.and(sample))
                        .or_insert(sample);
                }
            }
        })?;
        let mut text = String::new();
        for (hour, (looks, samples)) in parts {
            let Some(at) = day.and_hms_opt(hour, 0, 0) else {
                continue;
            };
            let cells: serde_json::Map<String, serde_json::Value> = samples
                .into_iter()
                .map(|(id, sample)| {
                    let code = sample.level.code().to_string();
                    let cell = match sample.value {
                        None => serde_json::json!([code]),
                        Some((mean, min, max)) => serde_json::json!([code, mean, min, max]),
                    };
                    (id, cell)
                })
                .collect();
            let line = serde_json::json!({ "t": at.and_utc(), "n": looks, "c": cells });
            let _ = writeln!(text, "{line}");
        }
        // A roll-up that an interrupted compaction left is made anew from the same source.
        Ok(atomic::replace(
            &self.path(day, suffix),
            text.as_bytes(),
            NewFile::Private,
        )?)
    }

    /// Day and resolution of each file, oldest first.
    fn files(&self) -> Result<Vec<(NaiveDate, &'static str)>, HistoryError> {
        let failed = |source| HistoryError::Io {
            action: "list",
            path: self.folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str() else { continue };
            let Some((day, suffix)) = name.split_at_checked(10) else {
                continue;
            };
            let known = SUFFIXES.into_iter().find(|known| *known == suffix);
            if let (Ok(day), Some(suffix)) = (day.parse(), known) {
                files.push((day, suffix));
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// The past of the ids that are wanted, from `from` on, in about `points` parts of equal length.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when a file cannot be read; a line that is no sample is left out.
    pub fn series(
        &self,
        wanted: impl Fn(&str) -> bool,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        points: u32,
    ) -> Result<Series, HistoryError> {
        let mut parts: BTreeMap<String, BTreeMap<i64, Sample>> = BTreeMap::new();
        let step = ((to - from).num_milliseconds() / i64::from(points.max(1))).max(1);
        for (day, suffix) in self.files()? {
            if day < from.date_naive() || day > to.date_naive() {
                continue;
            }
            each_line(&self.path(day, suffix), |line| {
                // An hour or a day belongs to the part in which it begins; the first one may begin before `from`.
                let part = (line.t - from).num_milliseconds().div_euclid(step).max(0);
                if line.t > to || (suffix == SUFFIXES[0] && line.t < from) {
                    return;
                }
                for (id, fields) in line.c {
                    if !wanted(&id) {
                        continue;
                    }
                    if let Some(sample) = sample(&fields, line.n) {
                        parts
                            .entry(id)
                            .or_default()
                            .entry(part)
                            .and_modify(|known| *known = known.and(sample))
                            .or_insert(sample);
                    }
                }
            })?;
        }
        let point = |(part, sample): (i64, Sample)| Point {
            at: from + TimeDelta::milliseconds(part.saturating_mul(step)),
            level: sample.level,
            mean: sample.value.map(|value| value.0),
            min: sample.value.map(|value| value.1),
            max: sample.value.map(|value| value.2),
            looks: sample.looks,
        };
        Ok(parts
            .into_iter()
            .map(|(id, parts)| (id, parts.into_iter().map(point).collect()))
            .collect())
    }
}

impl Sample {
    /// Both together.
    fn and(self, other: Self) -> Self {
        let value = match (self.value, other.value) {
            (Some((left, least, most)), Some((right, lesser, more))) => {
                let (n, m) = (f64::from(self.looks.max(1)), f64::from(other.looks.max(1)));
                let mean = (left * n + right * m) / (n + m);
                Some((mean, least.min(lesser), most.max(more)))
            }
            (left, right) => left.or(right),
        };
        Self {
            level: self.level.max(other.level),
            value,
            looks: self.looks.saturating_add(other.looks),
        }
    }
}

fn sample(fields: &[serde_json::Value], looks: u32) -> Option<Sample> {
    let level = Level::from_code(fields.first()?.as_str()?)?;
    let number = |at: usize| fields.get(at).and_then(serde_json::Value::as_f64);
    let value = number(1).map(|mean| (mean, number(2).unwrap_or(mean), number(3).unwrap_or(mean)));
    Some(Sample {
        level,
        value,
        looks,
    })
}

/// Calls `take` with each line that is one; an unfinished one was lost with the power.
fn each_line(path: &Path, mut take: impl FnMut(Line)) -> Result<(), HistoryError> {
    let failed = |source| HistoryError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let mut reader = match fs::File::open(path) {
        Ok(file) => BufReader::new(file),
        // Rolled up by the monitor while somebody reads.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            return Ok(());
        }
        if let Ok(line) = serde_json::from_slice::<Line>(&bytes) {
            take(line);
        }
    }
}

/// Closes a line that a crash left unfinished, so that the next one can follow.
fn mend(path: &Path) -> Result<(), HistoryError> {
    use std::io::Write as _;
    let failed = |source| HistoryError::Io {
        action: "mend",
        path: path.to_owned(),
        source,
    };
    let mut file = fs::File::options()
        .append(true)
        .open(path)
        .map_err(failed)?;
    file.write_all(b"\n").map_err(failed)?;
    file.sync_all().map_err(failed)
}
