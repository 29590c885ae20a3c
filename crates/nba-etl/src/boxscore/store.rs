//! A folder of parts, each whole or not there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use nba_utils::atomic::{self, NewFile};
use nba_utils::{Digest, Hint, Season, Verdict};
use serde::{Deserialize, Serialize};

use super::card::StoredGame;
use super::part::{self, PartFault};
use crate::plays::PlaysError;
use crate::plays::place::{Mark, Wanted};

/// Form of the files; a store of another one is refused.
const VERSION: u32 = 1;

const RECORD: &str = "part.json";
const PART: &str = "part-";
const NEW: &str = ".new-";

/// What became of a source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
#[non_exhaustive]
pub enum SourceOutcome {
    /// It was read to its end.
    Read {
        /// Games it holds.
        games: u64,
    },
    /// It is no play-by-play of a known form.
    UnknownForm,
    /// It breaks off, or its rows make no game.
    Unreadable {
        /// Games before that, which are stored.
        games: u64,
        /// Why.
        error: String,
    },
}

/// A unit of a place that a part holds: a file, an object of a lake, a game of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Absolute path, or address.
    pub path: PathBuf,
    /// Bytes of a file, rows of a game.
    pub size: u64,
    /// Last change of a file, in nanoseconds since 1970; a digest of what tells states apart elsewhere.
    pub modified: u64,
    /// Games that an earlier unit of the part has with other contents.
    #[serde(default)]
    pub repeated: u64,
    /// Games of seasons or feeds that were not wanted.
    #[serde(default)]
    pub left_out: u64,
    /// Games that may have been wanted, if only somebody said their season.
    #[serde(default)]
    pub season_unknown: u64,
    /// What was wanted of it; a game counts that fits one of these.
    #[serde(default = "everything")]
    pub wanted: Vec<Wanted>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: SourceOutcome,
}

fn everything() -> Vec<Wanted> {
    vec![Wanted::default()]
}

impl SourceFile {
    /// The state it was read in.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            size: self.size,
            state: self.modified,
        }
    }

    /// Whether everything that is wanted now was wanted when it was read.
    pub(super) fn covers(&self, wanted: &Wanted) -> bool {
        self.wanted.iter().any(|one| one.covers(wanted))
    }
}

/// What a part says of one of its games.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    /// Its file, among the sources of the part.
    pub(super) file: usize,
    /// Its row among the games of the part, which files with the same game share; its place here in a part of an earlier version.
    #[serde(default)]
    pub(super) row: Option<usize>,
    pub(super) id: String,
    pub(super) source: String,
    #[serde(default)]
    pub(super) season: Option<Season>,
    pub(super) digest: Digest,
    pub(super) counts: Verdict,
    pub(super) court: Verdict,
    pub(super) grade: Option<char>,
    pub(super) events: u64,
    pub(super) figures: u64,
}

/// What a part holds, and of which files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartRecord {
    version: u32,
    /// Counts up with every part: the order in which they were written.
    pub(super) sequence: u64,
    /// The files.
    pub sources: Vec<SourceFile>,
    pub(super) games: Vec<Listed>,
    /// Games that came twice in these files with other contents; the first one counts.
    pub repeated: u64,
    /// Bytes of its files, by name; none in a part of an earlier version.
    #[serde(default)]
    pub(super) sizes: BTreeMap<String, u64>,
}

impl PartRecord {
    pub(super) fn new(
        sequence: u64,
        sources: Vec<SourceFile>,
        games: Vec<Listed>,
        repeated: u64,
    ) -> Self {
        Self {
            version: VERSION,
            sequence,
            sources,
            games,
            repeated,
            sizes: BTreeMap::new(),
        }
    }
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder cannot be used.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another run writes.
    #[error("another run writes into `{}`", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// A part is not what was written.
    #[error("part `{}` is damaged: {problem}", path.display())]
    Damaged {
        /// The part.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No such game.
    #[error("`{}` has no game `{game}`", path.display())]
    NoGame {
        /// The store.
        path: PathBuf,
        /// The game.
        game: String,
    },
    /// More than one feed has the game.
    #[error("game `{game}` is there from {}", sources.join(" and "))]
    SeveralSources {
        /// The game.
        game: String,
        /// The feeds.
        sources: Vec<String>,
    },
    /// The place of the games cannot be read.
    #[error(transparent)]
    Place(#[from] PlaysError),
    /// No store.
    #[error("`{}` is no store of box scores", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
}

/// What to do about a part that cannot be read.
const AGAIN: &str = "another run may be replacing this part: try again; when nobody writes into the store, remove the part's folder and generate \
                     again, which does only its games anew";

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        match self {
            StoreError::Busy { .. } => {
                Some("wait for it; the lock ends with the process that holds it".to_owned())
            }
            StoreError::Damaged { .. } => Some(AGAIN.to_owned()),
            StoreError::SeveralSources { .. } => Some("name one with --source".to_owned()),
            StoreError::NoStore { .. } => {
                Some("make one with `nba boxscore generate PATH --store DIR`".to_owned())
            }
            StoreError::Place(error) => error.hint(),
            StoreError::File { operation, .. } if matches!(*operation, "read" | "look at") => {
                Some(AGAIN.to_owned())
            }
            StoreError::File { .. } | StoreError::NoGame { .. } => None,
        }
    }
}

fn failed<E>(operation: &'static str, path: &Path) -> impl FnOnce(E) -> StoreError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = path.to_owned();
    move |source| StoreError::File {
        operation,
        path,
        source: source.into(),
    }
}

/// A folder of box scores.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    parts: Vec<(PathBuf, PartRecord)>,
    /// Places of games that do not count, by part.
    repeats: Vec<HashSet<(String, String)>>,
}

/// By unit, the part that last read it to its end, or tried to where none did: what other parts have of it does not count.
pub(super) fn newest(parts: &[(PathBuf, PartRecord)]) -> HashMap<&Path, usize> {
    let mut newest: HashMap<&Path, (bool, usize)> = HashMap::new();
    for (part, (_, record)) in parts.iter().enumerate() {
        for source in &record.sources {
            let whole = matches!(source.outcome, SourceOutcome::Read { .. });
            let best = newest.entry(&source.path).or_insert((whole, part));
            if whole >= best.0 {
                *best = (whole, part);
            }
        }
    }
    newest
        .into_iter()
        .map(|(unit, (_, part))| (unit, part))
        .collect()
}

/// Of each game the place that counts, by part and position: the file that comes first by name decides, however the files were divided
/// into parts.
pub(super) fn winners(parts: &[(PathBuf, PartRecord)]) -> BTreeMap<(&str, &str), (usize, usize)> {
    let newest = newest(parts);
    let path = |(part, place): (usize, usize)| {
        let record = &parts[part].1;
        let file = record.games[place].file;
        record.sources.get(file).map(|source| source.path.as_path())
    };
    let mut winners: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for (part, (_, record)) in parts.iter().enumerate() {
        for (place, game) in record.games.iter().enumerate() {
            let unit = path((part, place));
            if unit.and_then(|unit| newest.get(unit)) != Some(&part) {
                continue;
            }
            winners
                .entry((&game.id, &game.source))
                .and_modify(|best| {
                    if unit < path(*best) {
                        *best = (part, place);
                    }
                })
                .or_insert((part, place));
        }
    }
    winners
}

impl Store {
    /// Opens a store to read it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read, is no store, or holds a part of another form.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let parts = parts(folder)?;
        if parts.is_empty() {
            return Err(StoreError::NoStore {
                path: folder.to_owned(),
            });
        }
        let mut repeats: Vec<HashSet<(String, String)>> = vec![HashSet::new(); parts.len()];
        let winners = winners(&parts);
        for (number, (_, record)) in parts.iter().enumerate() {
            for game in &record.games {
                if winners
                    .get(&(game.id.as_str(), game.source.as_str()))
                    .is_none_or(|(part, _)| *part != number)
                {
                    repeats[number].insert((game.id.clone(), game.source.clone()));
                }
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            parts,
            repeats,
        })
    }

    /// Whether a path is a folder that holds parts.
    #[must_use]
    pub fn is_one(folder: &Path) -> bool {
        fs::read_dir(folder).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| {
                    entry.file_name().to_string_lossy().starts_with(PART)
                        && entry.path().join(RECORD).is_file()
                })
            })
        })
    }

    /// The records of its parts, oldest first.
    pub fn parts(&self) -> impl Iterator<Item = &PartRecord> {
        self.parts.iter().map(|(_, record)| record)
    }

    /// Every game once, by id and feed: of two files with one game, the first by name counts. Parts are read one row group at a time.
    ///
    /// # Errors
    ///
    /// When a part cannot be read or is damaged, and what `take` returns.
    pub fn each_game<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(StoredGame) -> Result<(), E>,
    ) -> Result<(), E> {
        for number in 0..self.parts.len() {
            let mut group = 0;
            while let Some(games) = self.group(number, group, |_, _| true)? {
                for game in games {
                    take(game)?;
                }
                group += 1;
            }
        }
        Ok(())
    }

    /// The games of one row group of a part that count; none behind the last group.
    ///
    /// # Errors
    ///
    /// When the part cannot be read or is damaged.
    pub fn group(
        &self,
        part: usize,
        group: usize,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<Option<Vec<StoredGame>>, StoreError> {
        let Some((folder, _)) = self.parts.get(part) else {
            return Ok(None);
        };
        let repeats = &self.repeats[part];
        let mut games = Vec::new();
        let more = part::read_games(
            folder,
            group,
            |id, source| {
                wanted(id, source)
                    && (repeats.is_empty()
                        || !repeats.contains(&(id.to_owned(), source.to_owned())))
            },
            |game| games.push(game),
        )
        .map_err(|fault| match fault {
            PartFault::Parquet(error) => failed("read", folder)(error),
            PartFault::Damaged(problem) => StoreError::Damaged {
                path: folder.clone(),
                problem,
            },
        })?;
        Ok(more.then_some(games))
    }

    /// One game, whose row group alone is decoded.
    ///
    /// # Errors
    ///
    /// When it is not there, when several feeds have it and none is named, or when its part is damaged.
    pub fn game(&self, id: &str, source: Option<&str>) -> Result<StoredGame, StoreError> {
        // By feed, the part and row group that count.
        let mut places: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for ((_, feed), (part, place)) in winners(&self.parts)
            .into_iter()
            .filter(|((one, feed), _)| *one == id && source.is_none_or(|source| source == *feed))
        {
            let row = self.parts[part].1.games[place].row.unwrap_or(place);
            places.insert(feed, (part, row / part::GAMES_PER_GROUP));
        }
        let missing = || StoreError::NoGame {
            path: self.folder.clone(),
            game: id.to_owned(),
        };
        if places.len() > 1 {
            return Err(StoreError::SeveralSources {
                game: id.to_owned(),
                sources: places.into_keys().map(str::to_owned).collect(),
            });
        }
        let (feed, (number, group)) = places.into_iter().next().ok_or_else(missing)?;
        let games = self.group(number, group, |one, source| one == id && source == feed)?;
        games.into_iter().flatten().next().ok_or_else(missing)
    }

    /// Id, feed and digest of the games that count.
    #[cfg(feature = "boxscore-db")]
    pub(super) fn listed(&self) -> impl Iterator<Item = (&str, &str, Digest)> {
        winners(&self.parts)
            .into_iter()
            .map(|((id, feed), (part, place))| (id, feed, self.parts[part].1.games[place].digest))
    }

    /// Ids and feeds of the games that count.
    #[must_use]
    pub fn ids(&self) -> Vec<(String, String)> {
        winners(&self.parts)
            .into_keys()
            .map(|(id, feed)| (id.to_owned(), feed.to_owned()))
            .collect()
    }
}

/// Every whole part of a folder, oldest first.
pub(super) fn parts(folder: &Path) -> Result<Vec<(PathBuf, PartRecord)>, StoreError> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(failed("list", folder))?;
    for entry in entries {
        let path = entry.map_err(failed("list", folder))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !name.starts_with(PART) {
            continue;
        }
        let file = path.join(RECORD);
        let bytes = fs::read(&file).map_err(failed("read", &file))?;
        let record: PartRecord =
            serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged {
                path: path.clone(),
                problem: error.to_string(),
            })?;
        if record.version != VERSION {
            return Err(StoreError::Damaged {
                path,
                problem: format!("it has form {}, not {VERSION}", record.version),
            });
        }
        for (name, size) in &record.sizes {
            let file = path.join(name);
            let there = fs::metadata(&file).map_err(failed("look at", &file))?.len();
            if there != *size {
                return Err(StoreError::Damaged {
                    path,
                    problem: format!("`{name}` has {there} bytes, not {size}"),
                });
            }
        }
        found.push((path, record));
    }
    found.sort_by(|a, b| (a.1.sequence, &a.0).cmp(&(b.1.sequence, &b.0)));
    Ok(found)
}

/// A store that is being written, by one run at a time.
pub(super) struct Writing {
    folder: PathBuf,
    _lock: File,
}

impl Writing {
    /// Creates the folder where it is missing, takes the lock and clears what a killed run began.
    pub(super) fn begin(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let path = folder.join(".lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Busy {
                    path: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
            let path = entry.map_err(failed("list", folder))?.path();
            if path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(NEW))
            {
                fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// An empty folder for a part with this name.
    pub(super) fn new_part(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(format!("{NEW}{name}"));
        fs::create_dir(&path).map_err(failed("create", &path))?;
        Ok(path)
    }

    /// Gives a finished part its name: from here on it is there.
    pub(super) fn commit(
        &self,
        new: &Path,
        name: &str,
        mut record: PartRecord,
    ) -> Result<(), StoreError> {
        for entry in fs::read_dir(new).map_err(failed("list", new))? {
            let entry = entry.map_err(failed("list", new))?;
            let size = entry.metadata().map_err(failed("look at", new))?.len();
            let name = entry.file_name().to_string_lossy().into_owned();
            record.sizes.insert(name, size);
        }
        let text = serde_json::to_vec_pretty(&record).map_err(failed("write", new))?;
        let file = new.join(RECORD);
        atomic::create(&file, &text, NewFile::Readable).map_err(failed("write", &file))?;
        let path = self.folder.join(format!("{PART}{name}"));
        fs::rename(new, &path).map_err(failed("rename", new))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed("bring to disk", &self.folder))
    }

    /// Removes a part whose sources have changed, after its games were written anew.
    pub(super) fn retire(&self, part: &Path) -> Result<(), StoreError> {
        // Out of sight first, so that a reader never meets half of it.
        let name = part.file_name().unwrap_or_default().to_string_lossy();
        let hidden = self.folder.join(format!("{NEW}{name}"));
        fs::rename(part, &hidden).map_err(failed("rename", part))?;
        fs::remove_dir_all(&hidden).map_err(failed("remove", &hidden))
    }
}
