//! Fills a store from files: in parallel, resumable, every file and game accounted for.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use nba_boxscore::{GameLog, verify};
use nba_utils::{Digest, Verdict};
use serde::Serialize;

use super::card::StoredGame;
use super::part::PartWriter;
use super::store::{
    Listed, PartRecord, SourceFile, SourceOutcome, StoreError, Writing, parts, winners,
};
use crate::plays::{Form, PlaysError, read_file};

/// Files of one part at most: one game a file makes parts of a few megabytes, and a killed run loses at most this much of work
/// per worker.
const FILES_PER_PART: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero");

/// Bytes of source files of one part at most; a larger file is a part of its own.
const BYTES_PER_PART: u64 = 64 * 1024 * 1024;

/// How to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchOptions {
    /// Parts at work at once.
    pub jobs: NonZeroUsize,
    /// Findings named; more are counted.
    pub limit: usize,
    /// Files of one part at most.
    pub files_per_part: NonZeroUsize,
}

impl Default for BatchOptions {
    /// One worker per core, 20 findings.
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            limit: 20,
            files_per_part: FILES_PER_PART,
        }
    }
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Files done in this run.
    pub files_done: usize,
    /// Files this run has to do.
    pub files: usize,
    /// Games written in this run.
    pub games: usize,
}

/// What the store holds of the files after a run, and what the run did. Always balanced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BatchAccount {
    /// Files found.
    pub files: u64,
    /// Read to their end.
    pub files_read: u64,
    /// Of no known form.
    pub files_unknown: u64,
    /// That break off, or cannot be opened.
    pub files_unreadable: u64,
    /// Of all these, those that were done before and are as they were.
    pub files_unchanged: u64,
    /// Games in these files.
    pub games: u64,
    /// Games whose counts are proven.
    pub games_proven: u64,
    /// Games that contradict themselves.
    pub games_refuted: u64,
    /// The others.
    pub games_not_proven: u64,
    /// Games of which who was on court is proven too.
    pub games_court_proven: u64,
    /// Games that came twice; the first one counts, and the others are in none of the figures above but this and `games_in_files`.
    pub games_repeated: u64,
    /// Games as the files hold them.
    pub games_in_files: u64,
    /// Games of all parts, by grade: A to F, and `-` for none.
    pub grades: BTreeMap<char, u64>,
    /// Events of these games.
    pub events: u64,
    /// Printed figures compared.
    pub figures_compared: u64,
    /// Parts written by this run.
    pub parts_written: u64,
    /// Parts that were there and stay.
    pub parts_unchanged: u64,
    /// Parts whose sources have changed: done anew.
    pub parts_replaced: u64,
    /// Over all games: equal digests are equal contents, however they were divided into parts.
    pub digest: Option<Digest>,
    /// What is wrong, first things first.
    pub findings: Vec<String>,
    /// Findings beyond the limit.
    pub findings_dropped: u64,
}

impl BatchAccount {
    /// Whether the figures add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.files == self.files_read + self.files_unknown + self.files_unreadable
            && self.games == self.games_proven + self.games_refuted + self.games_not_proven
            && self.games_in_files == self.games + self.games_repeated
            && self.games == self.grades.values().sum::<u64>()
    }

    /// Refuted by a game that contradicts itself; proven when every game's counts are, and every file could be read.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.is_balanced() {
            return Verdict::refuted("the account of the batch does not balance");
        }
        if self.games_refuted > 0 {
            return Verdict::refuted(format!(
                "{} games contradict themselves",
                self.games_refuted
            ));
        }
        let mut open = Vec::new();
        if self.games == 0 {
            open.push("there is no game".to_owned());
        }
        if self.files_unreadable > 0 {
            open.push(format!("{} files cannot be read", self.files_unreadable));
        }
        if self.games_not_proven > 0 {
            open.push(format!("the counts of {} games", self.games_not_proven));
        }
        match open.is_empty() {
            true => Verdict::Proven,
            false => Verdict::not_proven(open.join(", ")),
        }
    }

    fn finding(&mut self, limit: usize, finding: String) {
        if self.findings.len() < limit {
            self.findings.push(finding);
        } else {
            self.findings_dropped += 1;
        }
    }
}

/// A part that has to be written.
struct Work {
    files: Vec<PathBuf>,
}

/// Writes the games of these files into a store. What is there already and has not changed is left alone; a run that was killed
/// is continued by the next one. Blocks.
///
/// # Errors
///
/// When the store cannot be written. A source that cannot be read is no error: it is on record, and in the account.
pub fn generate(
    files: &[PathBuf],
    folder: &Path,
    options: &BatchOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<BatchAccount, StoreError> {
    let store = Writing::begin(folder)?;
    let (kept, stale) = store.parts()?;
    let mut account = BatchAccount::default();
    let mut wanted = HashSet::with_capacity(files.len());
    let mut pending = Vec::new();
    let done: HashSet<&Path> = kept
        .iter()
        .flat_map(|(_, record)| &record.sources)
        .map(|source| source.path.as_path())
        .collect();
    for file in files {
        let path = std::path::absolute(file).map_err(|source| StoreError::File {
            operation: "look at",
            path: file.clone(),
            source: source.into(),
        })?;
        if !wanted.insert(path.clone()) {
            continue;
        }
        account.files += 1;
        if done.contains(path.as_path()) {
            account.files_unchanged += 1;
        } else {
            pending.push(path);
        }
    }
    // The other files of a part that is given up have to be done anew, too, wherever they lie.
    for source in stale.iter().flat_map(|(_, record)| &record.sources) {
        if !done.contains(source.path.as_path())
            && source.path.exists()
            && !wanted.contains(&source.path)
        {
            pending.push(source.path.clone());
        }
    }
    pending.sort();
    pending.dedup();
    let total = pending.len();
    let work = divide(pending, options.files_per_part);
    let sequence = kept
        .iter()
        .chain(&stale)
        .map(|(_, record)| record.sequence + 1)
        .max()
        .unwrap_or(0);
    let failed = run(&store, &work, sequence, options, total, progress)?;
    for (part, _) in &stale {
        store.retire(part)?;
    }
    account.parts_written = u64::try_from(work.len()).unwrap_or(u64::MAX);
    account.parts_unchanged = u64::try_from(kept.len()).unwrap_or(u64::MAX);
    account.parts_replaced = u64::try_from(stale.len()).unwrap_or(u64::MAX);
    summarise(
        &mut account,
        &parts(folder)?,
        &wanted,
        &failed,
        options.limit,
    );
    Ok(account)
}

/// Files in order, divided so that a part is neither too large nor one file of thousands.
fn divide(files: Vec<PathBuf>, most: NonZeroUsize) -> Vec<Work> {
    let mut work = Vec::new();
    let mut current = Work { files: Vec::new() };
    let mut bytes = 0u64;
    for file in files {
        let size = std::fs::metadata(&file).map_or(0, |about| about.len());
        let full = current.files.len() >= most.get()
            || (!current.files.is_empty() && bytes.saturating_add(size) > BYTES_PER_PART);
        if full {
            work.push(std::mem::replace(&mut current, Work { files: Vec::new() }));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        current.files.push(file);
    }
    if !current.files.is_empty() {
        work.push(current);
    }
    work
}

/// Files that could not even be opened: by path, why. They are tried again by the next run.
type Failed = BTreeMap<PathBuf, String>;

fn run(
    store: &Writing,
    work: &[Work],
    sequence: u64,
    options: &BatchOptions,
    files: usize,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Failed, StoreError> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let done = (AtomicUsize::new(0), AtomicUsize::new(0));
    let outcome: Mutex<Result<Failed, StoreError>> = Mutex::new(Ok(Failed::new()));
    let one = || {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(work) = work.get(number) else { return };
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            let written = write(store, work, sequence.saturating_add(number), &mut |games| {
                let files_done = done.0.fetch_add(1, Ordering::Relaxed) + 1;
                let games = done.1.fetch_add(games, Ordering::Relaxed) + games;
                progress(Progress {
                    files_done,
                    files,
                    games,
                });
            });
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match (written, &mut *outcome) {
                (Ok(failed), Ok(all)) => all.extend(failed),
                (Err(error), Ok(_)) => {
                    stop.store(true, Ordering::Relaxed);
                    *outcome = Err(error);
                }
                (_, Err(_)) => {}
            }
        }
    };
    let workers = options.jobs.get().min(work.len());
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(one);
        }
        one();
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn write(
    store: &Writing,
    work: &Work,
    sequence: u64,
    done: &mut dyn FnMut(usize),
) -> Result<Failed, StoreError> {
    let mut sources = Vec::with_capacity(work.files.len());
    let mut games: Vec<Listed> = Vec::new();
    let mut failed = Failed::new();
    let mut repeated = 0;
    let mut known: HashSet<(String, String)> = HashSet::new();
    let mut naming = blake3::Hasher::new();
    for path in &work.files {
        naming.update(path.as_os_str().as_encoded_bytes());
        if let Ok((size, modified)) = SourceFile::look(path) {
            naming.update(&size.to_le_bytes());
            naming.update(&modified.to_le_bytes());
        }
        naming.update(b"\0");
    }
    let name = naming.finalize().to_hex()[..24].to_owned();
    let folder = store.new_part(&name)?;
    let broken = |source| StoreError::File {
        operation: "write",
        path: folder.clone(),
        source: Box::new(source),
    };
    let mut writer = PartWriter::create(&folder).map_err(broken)?;
    for path in &work.files {
        let file = sources.len();
        let mut count = 0u64;
        let mut problem = None;
        let look = match SourceFile::look(path) {
            Ok(look) => look,
            Err(error) => {
                failed.insert(path.clone(), error.to_string());
                done(0);
                continue;
            }
        };
        let mut take = |form: Form, log: GameLog| {
            count += 1;
            if problem.is_some() {
                return;
            }
            let game = StoredGame::new(form, &log, &verify(&log));
            let card = &game.card;
            if !known.insert((card.id.clone(), card.source.clone())) {
                repeated += 1;
                return;
            }
            games.push(Listed {
                file,
                id: card.id.clone(),
                source: card.source.clone(),
                digest: card.digest,
                counts: card.counts.clone(),
                court: card.court.clone(),
                grade: card.record.grade,
                events: u64::try_from(game.timeline.points().len()).unwrap_or(u64::MAX),
                figures: card.figures,
            });
            problem = writer.push(&game).err();
        };
        let read = read_file(path, &mut take);
        if let Some(problem) = problem {
            return Err(broken(problem));
        }
        let outcome = match read {
            Ok(()) => SourceOutcome::Read { games: count },
            Err(PlaysError::UnknownForm { .. } | PlaysError::Json { .. }) if count == 0 => {
                SourceOutcome::UnknownForm
            }
            Err(error @ PlaysError::Read { .. }) => {
                // It may be readable next time.
                failed.insert(path.clone(), told(&error));
                done(0);
                continue;
            }
            Err(error) => SourceOutcome::Unreadable {
                games: count,
                error: told(&error),
            },
        };
        let (size, modified) = look;
        sources.push(SourceFile {
            path: path.clone(),
            size,
            modified,
            outcome,
        });
        done(usize::try_from(count).unwrap_or(usize::MAX));
    }
    writer.finish().map_err(broken)?;
    let record = PartRecord::new(sequence, sources, games, repeated);
    store.commit(&folder, &name, &record)?;
    Ok(failed)
}

/// An error with its cause.
fn told(error: &PlaysError) -> String {
    let cause =
        std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    format!("{error}{cause}")
}

/// Fills the account from what is on record of all parts.
fn summarise(
    account: &mut BatchAccount,
    parts: &[(PathBuf, PartRecord)],
    wanted: &HashSet<PathBuf>,
    failed: &Failed,
    limit: usize,
) {
    for (path, error) in failed {
        if wanted.contains(path) {
            account.files_unreadable += 1;
        }
        account.finding(limit, format!("cannot read `{}`: {error}", path.display()));
    }
    for (_, record) in parts {
        account.games_repeated += record.repeated;
        for source in &record.sources {
            let here = wanted.contains(&source.path);
            match &source.outcome {
                SourceOutcome::Read { games } => {
                    account.games_in_files += games;
                    account.files_read += u64::from(here);
                }
                SourceOutcome::UnknownForm => account.files_unknown += u64::from(here),
                SourceOutcome::Unreadable { games, error } => {
                    account.games_in_files += games;
                    account.files_unreadable += u64::from(here);
                    account.finding(limit, error.clone());
                }
            }
        }
        account.games_repeated += u64::try_from(record.games.len()).unwrap_or(u64::MAX);
    }
    let winners = winners(parts);
    account.games_repeated -= u64::try_from(winners.len()).unwrap_or(0);
    let mut hasher = blake3::Hasher::new();
    for ((id, source), (part, place)) in winners {
        let game = &parts[part].1.games[place];
        account.games += 1;
        account.events += game.events;
        account.figures_compared += game.figures;
        *account.grades.entry(game.grade.unwrap_or('-')).or_default() += 1;
        account.games_court_proven += u64::from(game.court == Verdict::Proven);
        match &game.counts {
            Verdict::Proven => account.games_proven += 1,
            Verdict::Refuted { .. } => account.games_refuted += 1,
            _ => account.games_not_proven += 1,
        }
        if game.counts != Verdict::Proven {
            account.finding(limit, game.counts.clone().about(id).to_string());
        }
        for text in [id.as_bytes(), source.as_bytes()] {
            hasher.update(text);
            hasher.update(b"\0");
        }
        hasher.update(game.digest.as_bytes());
    }
    account.digest = hasher.finalize().to_hex().parse().ok();
}
