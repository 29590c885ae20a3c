//! The data lake: a folder with the documents the games left behind, in all their shapes.
//!
//! A document says what the database of the same [`Plan`] says, so that loading the one must give the other. Where they
//! differ on purpose it is listed in [`quirks`]. Everything depends on the seed; days are written in parallel and one after
//! the other, so that memory does not grow with the scale.
//!
//! | key | content |
//! |---|---|
//! | `espn_play_by_play/{game}.json`, `espn_box_scores/…`, `espn_team_stats/…` | one document per game, in one of three shapes (ETL dossier 2.1) |
//! | `espn_schedules/{YYYYMMDD}.json` | the games of one US day |
//! | `pbp/`, `box_scores/`, `team_stats/`, `schedule/` | the same under the names before 2025-11-06 (database dossier 5.3) |
//! | `hoopr_phase1/bulk_*/*_{season}.csv`, `hoopr_parquet/*/*_{season}.parquet` | the four hoopR tables by end year, source column names (ETL dossier 3.2, 4.1) |
//!
//! ```
//! use nba_testkit::lake::{LakeOptions, build};
//! use nba_testkit::plan::{Plan, PlanOptions, Scale};
//! use nba_testkit::sim::Universe;
//!
//! let universe = Universe::new(1);
//! let plan = Plan::new(&universe, PlanOptions { scale: Scale::new(0.001)?, ..PlanOptions::default() })?;
//! let dir = tempfile::tempdir()?;
//! let report = build(dir.path(), &universe, &plan, &LakeOptions::default(), &|_| {})?;
//! assert!(report.by_prefix["espn_play_by_play"].objects > 40);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::NaiveDate;
use nba_utils::Hint;
use rayon::prelude::*;

use crate::plan::{Feeds, Plan, PlannedGame, Temporal};
use crate::sim::{Game, SimError, SimOptions, Universe, simulate};
use crate::tables::GameTables;

mod document;
mod hoopr;
mod page;
pub mod quirks;
mod schedule;
mod summary;
#[cfg(test)]
mod tests;

/// Days made at once: enough work for every core, few enough that their hoopR rows (about 4 MB a day) stay small.
const DAYS_AT_ONCE: usize = 8;

/// Under which names the ESPN documents are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefixes {
    /// The names since 2025-11-06, which the loaders read.
    #[default]
    Renamed,
    /// The names before, which 8–19 scripts each still read.
    Old,
    /// Both: the renaming copied and kept the originals.
    Both,
}

impl Prefixes {
    const fn names(self) -> &'static [[&'static str; 4]] {
        const RENAMED: [&str; 4] = [
            "espn_play_by_play",
            "espn_box_scores",
            "espn_team_stats",
            "espn_schedules",
        ];
        const OLD: [&str; 4] = ["pbp", "box_scores", "team_stats", "schedule"];
        match self {
            Prefixes::Renamed => &[RENAMED],
            Prefixes::Old => &[OLD],
            Prefixes::Both => &[RENAMED, OLD],
        }
    }
}

/// In which forms hoopR's tables are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HooprFiles {
    /// Not at all.
    None,
    /// `hoopr_phase1/`: CSV as R writes it.
    Csv,
    /// `hoopr_parquet/`.
    Parquet,
    /// Both, as in production.
    #[default]
    Both,
}

/// Which of the three shapes the ESPN documents have (ETL dossier 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shapes {
    /// As in production: nearly all are pages.
    #[default]
    Documented,
    /// A third of the games each, whatever their year, and half of the days as scoreboards: for whoever has to read all of them.
    Evenly,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LakeOptions {
    /// Names of the ESPN prefixes.
    pub prefixes: Prefixes,
    /// Forms of the hoopR tables.
    pub hoopr: HooprFiles,
    /// Shapes of the ESPN documents.
    pub shapes: Shapes,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LakeProgress {
    /// Days written.
    pub days_done: u64,
    /// Days in all.
    pub days: u64,
    /// Objects written.
    pub objects: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Objects and bytes under one prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrefixSize {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LakeReport {
    /// By first part of the key.
    pub by_prefix: BTreeMap<String, PrefixSize>,
    /// Games with documents.
    pub games: u64,
    /// How many games (or days, for schedules) show each quirk of [`quirks::all`].
    pub quirks: BTreeMap<&'static str, u64>,
}

impl LakeReport {
    /// Objects in all.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.by_prefix.values().map(|size| size.objects).sum()
    }

    /// Bytes in all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.by_prefix.values().map(|size| size.bytes).sum()
    }

    fn wrote(&mut self, prefix: &str, bytes: usize) {
        let size = match self.by_prefix.get_mut(prefix) {
            Some(size) => size,
            None => self.by_prefix.entry(prefix.to_owned()).or_default(),
        };
        size.objects += 1;
        size.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    fn merge(&mut self, other: LakeReport) {
        for (prefix, more) in other.by_prefix {
            let size = self.by_prefix.entry(prefix).or_default();
            size.objects += more.objects;
            size.bytes += more.bytes;
        }
        for (quirk, more) in other.quirks {
            *self.quirks.entry(quirk).or_default() += more;
        }
        self.games += other.games;
    }
}

/// Why no lake was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// The folder holds something already.
    #[error("lake folder `{}` is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A parquet file could not be written.
    #[error("cannot write the parquet file `{}`", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: parquet::errors::ParquetError,
    },
    /// A game cannot be simulated as planned.
    #[error("cannot simulate game {index} for the lake")]
    Simulate {
        /// Position in the universe.
        index: u32,
        /// Why.
        source: SimError,
    },
}

impl Hint for LakeError {
    fn hint(&self) -> Option<String> {
        match self {
            LakeError::NotEmpty { path } => Some(format!(
                "choose another folder, or remove `{}`",
                path.display()
            )),
            _ => None,
        }
    }
}

/// One game with what its documents are made from.
struct LakeGame<'a> {
    game: &'a Game,
    planned: &'a PlannedGame,
    /// The id of this entry.
    id: &'a str,
    shapes: Shapes,
}

/// Writes the lake of `plan` below `dir`, which is the bucket's folder and must be empty or absent.
///
/// `progress` is called after every few days, from one thread.
///
/// # Errors
///
/// When `dir` is not empty, a file cannot be written, or the plan does not fit the universe.
pub fn build(
    dir: &Path,
    universe: &Universe,
    plan: &Plan,
    options: &LakeOptions,
    progress: &dyn Fn(LakeProgress),
) -> Result<LakeReport, LakeError> {
    let writer = Writer::create(dir, options.prefixes)?;
    let mut seasons: BTreeMap<u16, BTreeMap<NaiveDate, Vec<&PlannedGame>>> = BTreeMap::new();
    for planned in &plan.games {
        let header = universe.header(planned.index);
        let season = seasons.entry(header.season_start).or_default();
        season.entry(header.us_date).or_default().push(planned);
    }
    let days = seasons.values().map(BTreeMap::len).sum::<usize>();
    let days = u64::try_from(days).unwrap_or(u64::MAX);
    let mut days_done = 0;
    let mut report = LakeReport::default();
    for (season, season_days) in &seasons {
        let mut tables = hoopr::Season::new(dir, season + 1, options.hoopr);
        let season_days: Vec<_> = season_days.iter().collect();
        for chunk in season_days.chunks(DAYS_AT_ONCE) {
            let written: Result<Vec<_>, LakeError> = chunk
                .par_iter()
                .map(|(date, games)| write_day(&writer, universe, **date, games, options))
                .collect();
            for (part, mut rows) in written? {
                report.merge(part);
                tables.add(&mut rows)?;
            }
            days_done += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            progress(LakeProgress {
                days_done,
                days,
                objects: writer.objects.load(Ordering::Relaxed),
                bytes: writer.bytes.load(Ordering::Relaxed),
            });
        }
        tables.finish(&mut report)?;
    }
    Ok(report)
}

/// Documents of one day's games; gives their hoopR rows.
fn write_day(
    writer: &Writer<'_>,
    universe: &Universe,
    date: NaiveDate,
    games: &[&PlannedGame],
    options: &LakeOptions,
) -> Result<(LakeReport, GameTables), LakeError> {
    let mut report = LakeReport::default();
    let mut rows = GameTables::default();
    let mut events = Vec::new();
    for planned in games {
        let header = universe.header(planned.index);
        let sim_options = SimOptions {
            plays: planned.plays.map(u32::from),
            roster_size: planned
                .roster
                .map(|players| [players.div_ceil(2), players / 2]),
        };
        let game = simulate(&header, &sim_options).map_err(|source| LakeError::Simulate {
            index: planned.index,
            source,
        })?;
        if options.hoopr != HooprFiles::None {
            let only_hoopr = PlannedGame {
                feeds: hoopr_feeds(planned.feeds),
                ..**planned
            };
            rows.add(&game, &only_hoopr, Temporal::Empty, 0);
        }
        if !planned.feeds.has(Feeds::GAMES) {
            continue;
        }
        let other_id = planned.other_id.map(|id| id.to_string());
        let entry = LakeGame {
            game: &game,
            planned,
            id: other_id.as_deref().unwrap_or(&game.header.game_id),
            shapes: options.shapes,
        };
        report.games += 1;
        for quirk in quirks::all() {
            if quirk.shown_by(&entry) {
                *report.quirks.entry(quirk.name()).or_default() += 1;
            }
        }
        let documents = document::of(&entry);
        for (kind, bytes) in documents.iter().enumerate() {
            writer.write(kind, entry.id, bytes, &mut report)?;
        }
        events.push(schedule::event(&entry));
    }
    if !events.is_empty() {
        let bytes = schedule::day(date, &events, options.shapes);
        let name = date.format("%Y%m%d").to_string();
        writer.write(SCHEDULE, &name, &bytes, &mut report)?;
    }
    Ok((report, rows))
}

/// Position of the schedules among the four kinds of ESPN documents.
const SCHEDULE: usize = 3;

fn hoopr_feeds(feeds: Feeds) -> Feeds {
    [Feeds::HOOPR_PLAYS, Feeds::HOOPR_BOX, Feeds::HOOPR_SCHEDULE]
        .into_iter()
        .filter(|feed| feeds.has(*feed))
        .fold(Feeds::default(), Feeds::with)
}

/// Puts objects into the folder and counts them.
struct Writer<'a> {
    dir: &'a Path,
    prefixes: &'static [[&'static str; 4]],
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Writer<'_> {
    fn create(dir: &Path, prefixes: Prefixes) -> Result<Writer<'_>, LakeError> {
        if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(LakeError::NotEmpty {
                path: dir.to_owned(),
            });
        }
        for prefix in prefixes.names().iter().flatten() {
            create_dir(&dir.join(prefix))?;
        }
        Ok(Writer {
            dir,
            prefixes: prefixes.names(),
            objects: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    fn write(
        &self,
        kind: usize,
        name: &str,
        bytes: &[u8],
        report: &mut LakeReport,
    ) -> Result<(), LakeError> {
        for prefixes in self.prefixes {
            let prefix = prefixes[kind];
            let path = self.dir.join(prefix).join(format!("{name}.json"));
            std::fs::write(&path, bytes).map_err(|source| LakeError::Write { path, source })?;
            report.wrote(prefix, bytes.len());
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.objects.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(length, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn create_dir(path: &Path) -> Result<(), LakeError> {
    std::fs::create_dir_all(path).map_err(|source| LakeError::Write {
        path: path.to_owned(),
        source,
    })
}
