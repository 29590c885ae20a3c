//! Fills a store from files: in parallel, resumable, every file and game accounted for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use nba_boxscore::{GameLog, verify};
use nba_utils::{Digest, Verdict};
use parquet::errors::ParquetError;
use serde::Serialize;

use super::card::StoredGame;
use super::part::PartWriter;
use super::store::{
    Listed, PartRecord, SourceFile, SourceOutcome, StoreError, Writing, newest, parts, winners,
};
use crate::plays::place::{Fit, Mark, Place, State, Step, Wanted};
use crate::plays::{Form, PlaysError};

/// Files of one part at most: one game a file makes parts of a few megabytes, and a killed run loses at most this much of work
/// per worker.
const FILES_PER_PART: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero");

/// Bytes of source files of one part at most; a larger file is a part of its own.
const BYTES_PER_PART: u64 = 64 * 1024 * 1024;

/// Files of one part at least, as far as there are so many: a part has the overhead of its files.
const FEWEST_PER_PART: usize = 32;

/// Reasons kept of a game that is not proven: of a game whose rows are in disorder there are hundreds.
const MOST_REASONS: usize = 5;

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
    /// Which games; all of them unless told. What was wanted before stays.
    pub wanted: Wanted,
    /// Drop the games of units that are gone; otherwise they stay as they were read.
    pub prune: bool,
}

impl Default for BatchOptions {
    /// One worker per core, 20 findings.
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            limit: 20,
            files_per_part: FILES_PER_PART,
            wanted: Wanted::default(),
            prune: false,
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
    /// Files of the store that are there no more; their games stay.
    pub files_gone: u64,
    /// Games of the store.
    pub games: u64,
    /// Those of them that this run was asked for.
    pub games_wanted: u64,
    /// Games whose counts are proven.
    pub games_proven: u64,
    /// Games that contradict themselves.
    pub games_refuted: u64,
    /// The others.
    pub games_not_proven: u64,
    /// Games of which who was on court is proven too.
    pub games_court_proven: u64,
    /// Games that came twice; the first one counts, and the others are in none of the figures but this and `games_in_files`.
    pub games_repeated: u64,
    /// Games of other seasons or feeds than wanted.
    pub games_left_out: u64,
    /// Games left out because nobody says their season, where one was wanted.
    pub games_of_unknown_season: u64,
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
            && self.games_in_files
                == self.games
                    + self.games_repeated
                    + self.games_left_out
                    + self.games_of_unknown_season
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
        } else if self.games_wanted == 0 {
            open.push("there is no game of what was asked for".to_owned());
        }
        if self.files_unreadable > 0 {
            open.push(format!("{} sources cannot be read", self.files_unreadable));
        }
        if self.games_of_unknown_season > 0 {
            open.push(format!(
                "the season of {} games, which were left out",
                self.games_of_unknown_season
            ));
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

/// A unit that has to be read, and what is wanted of it.
struct Task {
    unit: PathBuf,
    wanted: Vec<Wanted>,
}

/// Writes the games of a place into a store. What is there already and has not changed is left alone; a run that was killed
/// is continued by the next one. Blocks.
///
/// # Errors
///
/// When the store cannot be written, or the place fails. A unit that cannot be read is no error: it is on record, and in the account.
pub fn generate(
    place: &dyn Place,
    folder: &Path,
    options: &BatchOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<BatchAccount, StoreError> {
    let store = Writing::begin(folder)?;
    let before = parts(folder)?;
    let old = Old::look(&before, place, options)?;
    let mut account = BatchAccount {
        files_gone: count(old.gone.len()),
        ..BatchAccount::default()
    };
    let wanted: HashSet<&Path> = place.units().iter().map(PathBuf::as_path).collect();
    let mut pending = BTreeMap::new();
    for unit in place.units() {
        account.files += 1;
        if old.done.contains(unit.as_path()) {
            account.files_unchanged += 1;
            continue;
        }
        // What was wanted before stays wanted.
        let mut all = old
            .again
            .get(unit.as_path())
            .copied()
            .unwrap_or(&[])
            .to_vec();
        if !all.iter().any(|one| one.covers(&options.wanted)) {
            all.retain(|one| !options.wanted.covers(one));
            all.push(options.wanted.clone());
        }
        pending.insert(unit.clone(), all);
    }
    // The other units of a part that is given up have to be done anew, too, wherever they lie.
    for (unit, all) in &old.again {
        if !wanted.contains(unit) && place.has(unit) {
            pending.insert(unit.to_path_buf(), all.to_vec());
        }
    }
    let total = pending.len();
    let tasks = pending
        .into_iter()
        .map(|(unit, wanted)| Task { unit, wanted })
        .collect();
    let work = divide(tasks, place, options);
    let sequence = before
        .iter()
        .map(|(_, record)| record.sequence + 1)
        .max()
        .unwrap_or(0);
    let mut failed = run(&store, place, &work, sequence, options, total, progress)?;
    let all = parts(folder)?;
    let newest = newest(&all);
    for (number, (part, record)) in all.iter().enumerate() {
        if record.sequence >= sequence {
            account.parts_written += 1;
            failed.extend(broken_off(record, number, &newest));
        }
        // Read anew since, or gone for good. What could not be read anew stays as it was.
        let is_over = record.sources.iter().all(|source| {
            let path = source.path.as_path();
            newest.get(path) != Some(&number) || (options.prune && old.gone.contains(path))
        });
        if is_over {
            store.retire(part)?;
            account.parts_replaced += u64::from(record.sequence < sequence);
        }
    }
    let left = parts(folder)?;
    account.parts_unchanged = count(before.len()).saturating_sub(account.parts_replaced);
    summarise(&mut account, &left, &wanted, &failed, options);
    Ok(account)
}

/// Units that broke off in this part, and of which an older one has more.
fn broken_off(
    record: &PartRecord,
    part: usize,
    newest: &HashMap<&Path, usize>,
) -> impl Iterator<Item = (PathBuf, String)> {
    let older = record.sources.iter().filter(move |source| {
        newest
            .get(source.path.as_path())
            .is_some_and(|one| *one != part)
    });
    older.filter_map(|source| {
        let why = match &source.outcome {
            SourceOutcome::Read { .. } => return None,
            SourceOutcome::UnknownForm => {
                format!(
                    "`{}` was play-by-play and is no more",
                    source.path.display()
                )
            }
            SourceOutcome::Unreadable { error, .. } => error.clone(),
        };
        Some((source.path.clone(), why))
    })
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What a store has of its units before a run.
struct Old<'p> {
    /// As they were, with everything that is wanted.
    done: HashSet<&'p Path>,
    /// To be done anew, with what was wanted of them.
    again: BTreeMap<&'p Path, &'p [Wanted]>,
    /// There no more.
    gone: HashSet<&'p Path>,
}

impl<'p> Old<'p> {
    fn look(
        parts: &'p [(PathBuf, PartRecord)],
        place: &dyn Place,
        options: &BatchOptions,
    ) -> Result<Self, StoreError> {
        let newest = newest(parts);
        let units: HashSet<&Path> = place.units().iter().map(PathBuf::as_path).collect();
        let alive: Vec<(usize, &SourceFile)> = parts
            .iter()
            .enumerate()
            .flat_map(|(part, (_, record))| record.sources.iter().map(move |source| (part, source)))
            .filter(|(part, source)| newest.get(source.path.as_path()) == Some(part))
            .collect();
        let known: Vec<(&Path, Mark)> = alive
            .iter()
            .map(|(_, source)| (source.path.as_path(), source.mark()))
            .collect();
        let states = place.states(&known)?;
        let is_over = |source: &SourceFile, state: State| match state {
            State::Changed => true,
            State::Gone => options.prune,
            State::Same => units.contains(source.path.as_path()) && !source.covers(&options.wanted),
        };
        let given_up: HashSet<usize> = alive
            .iter()
            .zip(&states)
            .filter(|((_, source), state)| is_over(source, **state))
            .map(|((part, _), _)| *part)
            .collect();
        let mut old = Self {
            done: HashSet::new(),
            again: BTreeMap::new(),
            gone: HashSet::new(),
        };
        for ((part, source), state) in alive.into_iter().zip(states) {
            let path = source.path.as_path();
            if state == State::Gone {
                old.gone.insert(path);
            } else if given_up.contains(&part) {
                old.again.insert(path, &source.wanted);
            } else {
                old.done.insert(path);
            }
        }
        Ok(old)
    }
}

/// Units in order, divided so that a part is neither too large nor one file of thousands.
fn divide(tasks: Vec<Task>, place: &dyn Place, options: &BatchOptions) -> Vec<Vec<Task>> {
    // Every worker has something to do, and no part is a handful of files.
    let share = tasks
        .len()
        .div_ceil(options.jobs.get())
        .max(FEWEST_PER_PART);
    let most = options.files_per_part.get().min(share);
    let mut work: Vec<Vec<Task>> = Vec::new();
    let mut bytes = 0u64;
    for task in tasks {
        let size = place.bytes(&task.unit);
        match work.last_mut() {
            Some(part)
                if part.len() < most
                    && bytes.saturating_add(size) <= BYTES_PER_PART
                    && part
                        .last()
                        .is_some_and(|one| place.group(&one.unit) == place.group(&task.unit)) =>
            {
                bytes = bytes.saturating_add(size);
                part.push(task);
            }
            _ => {
                bytes = size;
                work.push(vec![task]);
            }
        }
    }
    work
}

/// Files that could not be read, or not again: by path, why. They are tried again by the next run.
type Failed = BTreeMap<PathBuf, String>;

fn run(
    store: &Writing,
    place: &dyn Place,
    work: &[Vec<Task>],
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
            let written = write(
                store,
                place,
                work,
                sequence.saturating_add(number),
                &mut |games| {
                    let files_done = done.0.fetch_add(1, Ordering::Relaxed) + 1;
                    let games = done.1.fetch_add(games, Ordering::Relaxed) + games;
                    progress(Progress {
                        files_done,
                        files,
                        games,
                    });
                },
            );
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
    place: &dyn Place,
    work: &[Task],
    sequence: u64,
    done: &mut dyn FnMut(usize),
) -> Result<Failed, StoreError> {
    let folder = store.new_part(&sequence.to_string())?;
    let broken = |source| StoreError::File {
        operation: "write",
        path: folder.clone(),
        source: Box::new(source),
    };
    let mut part = Part {
        writer: PartWriter::create(&folder).map_err(broken)?,
        sources: Vec::with_capacity(work.len()),
        games: Vec::new(),
        failed: Failed::new(),
        known: HashMap::new(),
        current: Current::default(),
        problem: None,
    };
    let units: Vec<PathBuf> = work.iter().map(|task| task.unit.clone()).collect();
    let read = place.read(&units, &mut |number, step| {
        if let Some(task) = work.get(number)
            && let Some(games) = part.step(task, step)
        {
            done(games);
        }
    });
    if let Some(problem) = part.problem {
        return Err(broken(problem));
    }
    read?;
    part.writer.finish().map_err(broken)?;
    if part.sources.is_empty() {
        // Nothing could be opened: nothing is known that was not known before.
        return Ok(part.failed);
    }
    let mut naming = blake3::Hasher::new();
    naming.update(&sequence.to_le_bytes());
    for source in &part.sources {
        naming.update(source.path.as_os_str().as_encoded_bytes());
        naming.update(b"\0");
        naming.update(&source.size.to_le_bytes());
        naming.update(&source.modified.to_le_bytes());
    }
    let name = naming.finalize().to_hex()[..24].to_owned();
    let repeated = part.sources.iter().map(|source| source.repeated).sum();
    let record = PartRecord::new(sequence, part.sources, part.games, repeated);
    store.commit(&folder, &name, record)?;
    Ok(part.failed)
}

/// What is known of the unit that is being read.
#[derive(Default)]
struct Current {
    games: u64,
    repeated: u64,
    left_out: u64,
    season_unknown: u64,
}

/// A part that is being written.
struct Part {
    writer: PartWriter,
    sources: Vec<SourceFile>,
    games: Vec<Listed>,
    failed: Failed,
    /// Where each game is written, by id and feed.
    known: HashMap<(String, String), (usize, Digest)>,
    current: Current,
    problem: Option<ParquetError>,
}

impl Part {
    /// Takes in a step of reading; at the end of a unit, its games.
    fn step(&mut self, task: &Task, step: Step) -> Option<usize> {
        match step {
            Step::Game(form, log) => {
                self.game(task, form, &log);
                None
            }
            Step::End(read, mark) => {
                let current = std::mem::take(&mut self.current);
                let outcome = match read {
                    Ok(()) => SourceOutcome::Read {
                        games: current.games,
                    },
                    Err(error) if error.is_other_kind() && current.games == 0 => {
                        SourceOutcome::UnknownForm
                    }
                    Err(error) => SourceOutcome::Unreadable {
                        games: current.games,
                        error: told(&error),
                    },
                };
                self.sources.push(SourceFile {
                    path: task.unit.clone(),
                    size: mark.size,
                    modified: mark.state,
                    repeated: current.repeated,
                    left_out: current.left_out,
                    season_unknown: current.season_unknown,
                    wanted: task.wanted.clone(),
                    outcome,
                });
                Some(usize::try_from(current.games).unwrap_or(usize::MAX))
            }
            Step::Closed(error) => {
                // It may be readable next time.
                self.current = Current::default();
                self.failed.insert(task.unit.clone(), told(&error));
                Some(0)
            }
        }
    }

    fn game(&mut self, task: &Task, form: Form, log: &GameLog) {
        self.current.games += 1;
        match Wanted::fit_any(&task.wanted, form, log) {
            Fit::Wanted => {}
            Fit::LeftOut => {
                self.current.left_out += 1;
                return;
            }
            Fit::SeasonUnknown => {
                self.current.season_unknown += 1;
                return;
            }
        }
        if self.problem.is_some() {
            return;
        }
        let game = StoredGame::new(form, log, &verify(log));
        let card = &game.card;
        let key = (card.id.clone(), card.source.clone());
        let rows = self.known.len();
        let (row, digest) = *self.known.entry(key).or_insert((rows, card.digest));
        if digest != card.digest {
            self.current.repeated += 1;
            return;
        }
        // Of every file that has it: it stays while one of them is as it was.
        self.games.push(Listed {
            file: self.sources.len(),
            row: Some(row),
            id: card.id.clone(),
            source: card.source.clone(),
            season: log.season,
            digest: card.digest,
            counts: card.counts.brief(MOST_REASONS),
            court: card.court.brief(MOST_REASONS),
            grade: card.record.grade,
            events: u64::try_from(game.timeline.points().len()).unwrap_or(u64::MAX),
            figures: card.figures,
        });
        if row == rows {
            self.problem = self.writer.push(&game).err();
        }
    }
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
    wanted: &HashSet<&Path>,
    failed: &Failed,
    options: &BatchOptions,
) {
    for (path, error) in failed {
        // Of a part that was to be done anew, too.
        account.files += u64::from(!wanted.contains(path.as_path()));
        account.files_unreadable += 1;
        account.finding(options.limit, error.clone());
    }
    let newest = newest(parts);
    let mut asked = HashSet::new();
    for (part, (_, record)) in parts.iter().enumerate() {
        let is_alive = |source: &&SourceFile| newest.get(source.path.as_path()) == Some(&part);
        let all = record.sources.iter().all(|source| is_alive(&source));
        for source in record.sources.iter().filter(is_alive) {
            let path = source.path.as_path();
            let here = wanted.contains(path) && !failed.contains_key(path);
            account.games_left_out += source.left_out;
            account.games_of_unknown_season += source.season_unknown;
            if !all {
                account.games_repeated += source.repeated;
            }
            match &source.outcome {
                SourceOutcome::Read { games } => {
                    account.games_in_files += games;
                    account.files_read += u64::from(here);
                }
                SourceOutcome::UnknownForm => account.files_unknown += u64::from(here),
                SourceOutcome::Unreadable { games, error } => {
                    account.games_in_files += games;
                    account.files_unreadable += u64::from(here);
                    account.finding(options.limit, error.clone());
                }
            }
        }
        if all {
            account.games_repeated += record.repeated;
        }
        for game in &record.games {
            let Some(unit) = record.sources.get(game.file).filter(is_alive) else {
                continue;
            };
            account.games_repeated += 1;
            // Whether or not it is this copy that counts.
            if wanted.contains(unit.path.as_path()) && options.wanted.has(&game.source, game.season)
            {
                asked.insert((game.id.as_str(), game.source.as_str()));
            }
        }
    }
    account.games_wanted = count(asked.len());
    let winners = winners(parts);
    account.games_repeated -= count(winners.len());
    let mut hasher = blake3::Hasher::new();
    for ((id, source), (part, place)) in winners {
        let record = &parts[part].1;
        let game = &record.games[place];
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
            account.finding(options.limit, game.counts.clone().about(id).to_string());
        }
        for text in [id.as_bytes(), source.as_bytes()] {
            hasher.update(text);
            hasher.update(b"\0");
        }
        hasher.update(game.digest.as_bytes());
    }
    account.digest = hasher.finalize().to_hex().parse().ok();
}
