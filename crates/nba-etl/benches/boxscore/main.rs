//! Box scores of real games: events per second, and the time to any moment, as a Markdown table.
//!
//! ```text
//! scripts/bench-boxscore [--data DIR] [--repeats 5] [--full] [--tables] [--database SCALE]
//! ```
//!
//! `--data` is the folder of the real games (see the test `games`). Times are medians of the turns. `--full` also counts the
//! games again and again until 6.78 million events were read from disk, on one and on two threads. `--tables` measures what an event
//! takes in PostgreSQL, by set of tables, and nothing else; `--database` reads the tables of a replica of this size, and nothing else. The last two lines are
//! given by the script: pbpstats and a pandas `groupby` on the same games, where they can be installed.

#[cfg(feature = "boxscore-db")]
mod database;
#[cfg(feature = "boxscore-db")]
mod tables;

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nba_boxscore::{Event, GameLog, Moments, Tally, solve, verify};
use nba_etl::boxscore::{BatchOptions, Store, StoreError, generate};
use nba_etl::plays::place::Files;
use nba_etl::plays::{Form, read_file, stats_v2};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Turns, unless told otherwise.
const REPEATS: usize = 5;
/// Events of all seasons in the platform's table of texts.
const ALL_SEASONS: usize = 6_781_155;

struct Arguments {
    data: PathBuf,
    repeats: usize,
    full: bool,
    tables: bool,
    database: Option<f64>,
}

fn arguments() -> Result<Arguments> {
    let mut found = Arguments {
        data: PathBuf::from("../shared/data"),
        repeats: REPEATS,
        full: false,
        tables: false,
        database: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--data" => found.data = value()?.into(),
            "--repeats" => found.repeats = value()?.parse()?,
            "--full" => found.full = true,
            "--tables" => found.tables = true,
            "--database" => found.database = Some(value()?.parse()?),
            // What cargo adds.
            "--bench" => {}
            _ => return Err(format!("unknown argument `{word}`").into()),
        }
    }
    Ok(found)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn timed(repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut times = Vec::with_capacity(repeats);
    work()?;
    for _ in 0..repeats.max(1) {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

/// A count as a real number, for ratios.
fn real(count: usize) -> f64 {
    format!("{count}").parse().unwrap_or(f64::NAN)
}

fn line(what: &str, events: usize, time: Duration) {
    let seconds = time.as_secs_f64();
    println!(
        "| {what} | {events} | {:.3} | {:.0} |",
        seconds,
        real(events) / seconds
    );
}

fn files(data: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data.join("nba_stats_v2"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with("pbp_") && name.ends_with(".parquet")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn count_events(sizes: [u8; 2], events: &[Event]) {
    let mut tally = Tally::new(sizes);
    for event in events {
        let _ = tally.apply(event);
    }
    black_box(tally.finish());
}

fn main() -> Result<()> {
    let Arguments {
        data,
        repeats,
        full,
        tables,
        database,
    } = arguments()?;
    if let Some(scale) = database {
        return from_database(scale);
    }
    let files = files(&data)?;
    if tables {
        return bytes_per_event(&files);
    }
    let mut logs: Vec<GameLog> = Vec::new();
    for file in &files {
        stats_v2::read_parquet(file, |log| logs.push(log))?;
    }
    let solved: Vec<([u8; 2], Vec<Event>)> = logs
        .iter()
        .map(|log| (log.roster_sizes(), solve(log).events))
        .collect();
    let events: usize = solved.iter().map(|(_, events)| events.len()).sum();
    eprintln!("{} games, {events} events", logs.len());

    println!("| one thread | events | seconds | events/s |");
    println!("|---|---:|---:|---:|");
    let time = timed(repeats, || {
        for (sizes, events) in &solved {
            count_events(*sizes, events);
        }
        Ok(())
    })?;
    line("typed events to final boxes", events, time);
    let time = timed(repeats, || {
        for log in &logs {
            black_box(solve(log));
        }
        Ok(())
    })?;
    line("lineups of every period", events, time);
    let time = timed(repeats, || {
        for log in &logs {
            black_box(verify(log));
        }
        Ok(())
    })?;
    line(
        "logs to boxes, with lineups and every printed figure compared",
        events,
        time,
    );
    let time = timed(repeats, || {
        for file in &files {
            stats_v2::read_parquet(file, |log| {
                let events = solve(&log).events;
                count_events(log.roster_sizes(), &events);
            })?;
        }
        Ok(())
    })?;
    line("parquet on disk to final boxes", events, time);
    let time = timed(repeats, || {
        for file in &files {
            stats_v2::read_parquet(file, |log| {
                black_box(verify(&log));
            })?;
        }
        Ok(())
    })?;
    line("parquet on disk to verified boxes", events, time);
    let folder = tempfile::tempdir()?;
    let documents = documents(&data, folder.path())?;
    let live = documents.get(&Form::NbaLive.to_string());
    let live = live.ok_or("no live documents")?;
    line(
        "live JSON on disk to final boxes",
        live.events * live.rounds(),
        live.count(repeats)?,
    );
    let time = timed(repeats, || {
        for (sizes, events) in &solved {
            black_box(Moments::new(*sizes, events)?);
        }
        Ok(())
    })?;
    line("all moments as deltas with kept states", events, time);
    forms(&documents, repeats)?;
    moments(&solved, repeats)?;
    store(&files, events)?;
    if full {
        everything(&files, events)?;
    }
    Ok(())
}

/// What an event takes in PostgreSQL, of the games of the first file.
fn bytes_per_event(files: &[PathBuf]) -> Result<()> {
    let first = files.first().ok_or("no games")?;
    #[cfg(feature = "boxscore-db")]
    return tables::bytes_per_event(first);
    #[cfg(not(feature = "boxscore-db"))]
    Err(format!("{}: needs the feature `boxscore-db`", first.display()).into())
}

/// Games of tables into a store.
fn from_database(scale: f64) -> Result<()> {
    #[cfg(feature = "boxscore-db")]
    return database::games_of_tables(scale);
    #[cfg(not(feature = "boxscore-db"))]
    Err(format!("scale {scale}: needs the feature `boxscore-db`").into())
}

/// The JSON documents of one form.
#[derive(Default)]
struct Documents {
    files: Vec<PathBuf>,
    bytes: usize,
    /// What all of them give.
    events: usize,
}

impl Documents {
    /// Each is read so often in a turn that a turn takes long enough to be measured.
    fn rounds(&self) -> usize {
        const BYTES: usize = 64_000_000;
        BYTES.div_ceil(self.bytes.max(1))
    }

    /// Reads the files, to final boxes.
    fn count(&self, repeats: usize) -> Result<Duration> {
        timed(repeats, || {
            for file in std::iter::repeat_n(&self.files, self.rounds()).flatten() {
                read_file(file, |_, log| {
                    let solved = solve(&log).events;
                    count_events(log.roster_sizes(), &solved);
                })?;
            }
            Ok(())
        })
    }

    /// Passes over the same bytes in memory with `serde_json` and makes nothing of them.
    fn floor(&self, repeats: usize) -> Result<Duration> {
        let texts = self.files.iter().map(std::fs::read);
        let texts = texts.collect::<std::io::Result<Vec<_>>>()?;
        timed(repeats, || {
            for text in std::iter::repeat_n(&texts, self.rounds()).flatten() {
                let documents = serde_json::Deserializer::from_slice(text);
                for one in documents.into_iter::<serde::de::IgnoredAny>() {
                    black_box(one?);
                }
            }
            Ok(())
        })
    }
}

/// Every JSON document of play-by-play, unpacked into a folder, by its form.
fn documents(data: &Path, folder: &Path) -> Result<BTreeMap<String, Documents>> {
    let mut found = BTreeMap::<String, Documents>::new();
    let entries = walkdir::WalkDir::new(data).sort_by_file_name();
    for (number, entry) in entries.into_iter().enumerate() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        if !name.ends_with(".json.gz") && !name.ends_with(".jsonl.gz") {
            continue;
        }
        let plain = folder.join(format!("{number}.json"));
        let mut decoder = flate2::read::MultiGzDecoder::new(std::fs::File::open(entry.path())?);
        let bytes = std::io::copy(&mut decoder, &mut std::fs::File::create(&plain)?)?;
        let mut form = None;
        let mut events = 0;
        let read = read_file(&plain, |found, log| {
            form = Some(found);
            events += solve(&log).events.len();
        });
        // Box scores and shots lie beside them.
        if let (Ok(()), Some(form)) = (read, form) {
            let documents = found.entry(form.to_string()).or_default();
            documents.files.push(plain);
            documents.bytes += usize::try_from(bytes)?;
            documents.events += events;
        }
    }
    Ok(found)
}

/// How far each form of JSON is above the floor.
fn forms(all: &BTreeMap<String, Documents>, repeats: usize) -> Result<()> {
    println!(
        "\n| JSON on disk to final boxes, one thread | events | bytes an event | MB/s | events/s | times as long as `serde_json` ignoring all |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (form, documents) in all {
        let floor = documents.floor(repeats)?.as_secs_f64();
        let seconds = documents.count(repeats)?.as_secs_f64();
        let rounds = documents.rounds();
        println!(
            "| {form} | {} | {:.0} | {:.0} | {:.0} | {:.2} |",
            documents.events * rounds,
            real(documents.bytes) / real(documents.events),
            real(documents.bytes * rounds) / seconds / 1e6,
            real(documents.events * rounds) / seconds,
            seconds / floor
        );
    }
    Ok(())
}

/// The state at moments spread over all games.
fn moments(solved: &[([u8; 2], Vec<Event>)], repeats: usize) -> Result<()> {
    let kept: Vec<Moments<'_>> = solved
        .iter()
        .map(|(sizes, events)| Moments::new(*sizes, events))
        .collect::<std::result::Result<_, _>>()?;
    let mut asked = 0u32;
    let time = timed(repeats, || {
        asked = 0;
        for moments in &kept {
            for step in 0..16 {
                let count = moments.events().len() * step / 16;
                black_box(moments.after(count).finish());
                asked += 1;
            }
        }
        Ok(())
    })?;
    let each = time / asked.max(1);
    println!(
        "\nState at any event: {:.2} µs ({asked} of them)",
        each.as_secs_f64() * 1e6
    );
    Ok(())
}

/// A store: filled on one and on two threads, read back, and asked for single moments once a game is loaded.
fn store(files: &[PathBuf], events: usize) -> Result<()> {
    println!("\n| store of all moments | events | seconds | events/s |");
    println!("|---|---:|---:|---:|");
    let folder = tempfile::tempdir()?;
    let mut size = 0;
    for jobs in [1, 2] {
        let path = folder.path().join(format!("store-{jobs}"));
        let mut options = BatchOptions::default();
        options.jobs = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
        // One file is one piece of work.
        options.files_per_part = NonZeroUsize::MIN;
        let start = Instant::now();
        black_box(generate(&Files::new(files)?, &path, &options, &|_| {})?);
        line(
            &format!("parquet to a store, {jobs} thread(s)"),
            events,
            start.elapsed(),
        );
        size = walkdir::WalkDir::new(&path)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.metadata().ok())
            .filter(std::fs::Metadata::is_file)
            .map(|about| about.len())
            .sum();
    }
    let kept = Store::open(&folder.path().join("store-1"))?;
    let mut games = Vec::new();
    let start = Instant::now();
    kept.each_game(|game| -> std::result::Result<(), StoreError> {
        games.push(game);
        Ok(())
    })?;
    line("read back and summed up again", events, start.elapsed());
    let start = Instant::now();
    let mut asked = 0u32;
    for game in &games {
        let count = game.timeline.points().len();
        for step in 0..16 {
            black_box(game.timeline.after(count * step / 16));
            asked += 1;
        }
    }
    let each = start.elapsed() / asked.max(1);
    println!(
        "\nState at any event from changes and keyframes: {:.2} µs ({asked} of them); {} bytes per event on disk",
        each.as_secs_f64() * 1e6,
        size / u64::try_from(events.max(1))?
    );
    Ok(())
}

/// As many events as all seasons have, from disk, on one and on two threads.
fn everything(files: &[PathBuf], events: usize) -> Result<()> {
    let rounds = ALL_SEASONS.div_ceil(events.max(1));
    let jobs: Vec<&PathBuf> = std::iter::repeat_n(files, rounds).flatten().collect();
    println!("\n| all seasons from disk | events | seconds | events/s |");
    println!("|---|---:|---:|---:|");
    for threads in [1, 2] {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let start = Instant::now();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| -> std::result::Result<(), String> {
                        loop {
                            let job = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            let Some(file) = jobs.get(job) else {
                                return Ok(());
                            };
                            stats_v2::read_parquet(file, |log| {
                                let events = solve(&log).events;
                                count_events(log.roster_sizes(), &events);
                            })
                            .map_err(|error| error.to_string())?;
                        }
                    })
                })
                .collect();
            for worker in workers {
                worker
                    .join()
                    .map_err(|_| "a worker panicked".to_owned())??;
            }
            Ok::<(), String>(())
        })?;
        line(
            &format!("{threads} thread(s)"),
            events * rounds,
            start.elapsed(),
        );
    }
    Ok(())
}
