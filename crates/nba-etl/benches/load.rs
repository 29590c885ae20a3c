//! How fast documents become rows of an indexed table: `scripts/bench-load`.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]
#![allow(clippy::print_stdout, reason = "figures are the result")]

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nba_config::ExposeSecret as _;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{ConnectOptions, Database, Purpose};
use nba_etl::lake::Lake;
use nba_etl::native::Mode;
use nba_etl::native::job::{self, Documents, JobOptions, Source};
use nba_etl::native::load::{LoadOptions, Port as _, load_rows};
use nba_etl::native::plays::PlayByPlay;
use nba_etl::runner::{Cancel, Ending, Environment, Script, run};
use nba_testkit::lake::{LakeOptions, build};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};
use nba_testkit::sim::Universe;

/// Word that makes this program load instead of measure, so that its memory is that of loading alone.
const LOAD: &str = "load-alone";

struct Options {
    scale: f64,
    repeats: usize,
    /// Leave out everything but the memory.
    memory: bool,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let [first, url, lake, source] = words.as_slice()
        && first == LOAD
    {
        runtime.block_on(load_alone(url, Path::new(lake), source));
        return;
    }
    let mut options = Options {
        scale: 0.001,
        repeats: 3,
        memory: false,
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--memory" {
            options.memory = true;
            continue;
        }
        let value = words
            .next()
            .unwrap_or_else(|| panic!("`{word}` lacks its value"));
        match word.as_str() {
            "--scale" => options.scale = value.parse().unwrap(),
            "--repeats" => options.repeats = value.parse().unwrap(),
            _ => panic!("`{word}` is none of --scale, --repeats, --memory"),
        }
    }
    runtime.block_on(measure(&options));
}

struct Platform {
    server: EmbeddedServer,
    dir: tempfile::TempDir,
}

impl Platform {
    async fn build(scale: f64) -> Platform {
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        server.create_database("pristine").await.unwrap();
        let replica = ReplicaOptions {
            plan: PlanOptions {
                scale: Scale::new(scale).unwrap(),
                ..PlanOptions::default()
            },
            ..ReplicaOptions::default()
        };
        let universe = Universe::new(replica.seed);
        let plan = Plan::new(&universe, replica.plan).unwrap();
        Replica::build(&server.target("pristine"), replica, |_| {})
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let platform = Platform { server, dir };
        build(
            &platform.bucket(),
            &universe,
            &plan,
            &LakeOptions::default(),
            &|_| {},
        )
        .unwrap();
        let db = platform.open("pristine").await;
        let mut writer = db.writer(Purpose::new("set up")).await.unwrap();
        writer
            .batch_execute(
                "truncate public.play_by_play, public.hoopr_play_by_play, public.hoopr_player_box, public.hoopr_team_box, \
                   public.hoopr_schedule cascade; \
                 create unique index on hoopr_play_by_play (id); create unique index on hoopr_player_box (game_id, athlete_id); \
                 create unique index on hoopr_team_box (game_id, team_id); create unique index on hoopr_schedule (game_id)",
            )
            .await
            .unwrap();
        let _ = writer.finish().await;
        db.close().await;
        platform
    }

    fn bucket(&self) -> PathBuf {
        self.dir.path().join("lake/nba-sim-raw-data-lake")
    }

    async fn open(&self, name: &str) -> Database {
        Database::connect(ConnectOptions::from(&self.server.target(name)))
            .await
            .unwrap()
    }

    async fn fresh(&self, name: &str) -> Database {
        self.server
            .create_database_from_template(name, "pristine")
            .await
            .unwrap();
        self.open(name).await
    }
}

/// The shortest time: what disturbs only adds.
fn best(times: &[Duration]) -> f64 {
    times
        .iter()
        .map(Duration::as_secs_f64)
        .fold(f64::INFINITY, f64::min)
}

fn per_second(count: usize, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds
}

async fn measure(options: &Options) {
    let platform = Platform::build(options.scale).await;
    println!("| what | figure | beside | ratio |");
    println!("|---|---|---|---|");
    if !options.memory {
        let documents: Vec<(String, Vec<u8>)> = {
            let mut files: Vec<PathBuf> =
                std::fs::read_dir(platform.bucket().join("espn_play_by_play"))
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .collect();
            files.sort();
            files
                .into_iter()
                .map(|file| {
                    let id = file.file_stem().unwrap().to_string_lossy().into_owned();
                    (id, std::fs::read(&file).unwrap())
                })
                .collect()
        };
        reading(&documents, options.repeats);
        rows(&platform, &documents, options.repeats).await;
        whole(&platform, &documents).await;
    }
    for source in ["espn", "hoopr"] {
        memory(&platform, source).await;
    }
}

/// One core: documents to rows, beside the bare parse of the same bytes.
fn reading(documents: &[(String, Vec<u8>)], repeats: usize) {
    let bytes: usize = documents.iter().map(|(_, bytes)| bytes.len()).sum();
    let (mut bare, mut ours, mut rows) = (Vec::new(), Vec::new(), 0);
    for _ in 0..repeats {
        let started = Instant::now();
        for (_, bytes) in documents {
            let parsed: Result<serde_json::Value, _> = serde_json::from_slice(bytes);
            std::hint::black_box(parsed.is_ok());
        }
        bare.push(started.elapsed());
        let started = Instant::now();
        rows = 0;
        for (id, bytes) in documents {
            if let Ok(reading) = PlayByPlay.read(bytes, id, Mode::Correct) {
                rows += std::hint::black_box(reading).rows.rows();
            }
        }
        ours.push(started.elapsed());
    }
    let megabytes = |seconds: f64| per_second(bytes, seconds) / 1e6;
    println!(
        "| {} documents to {rows} rows, one core | {:.0} MB/s | {:.0} MB/s, `serde_json` to a value | {:.2} |",
        documents.len(),
        megabytes(best(&ours)),
        megabytes(best(&bare)),
        best(&bare) / best(&ours)
    );
}

/// Typed rows to the first load of the indexed table, accounting and proof included, beside `\copy`.
async fn rows(platform: &Platform, documents: &[(String, Vec<u8>)], repeats: usize) {
    let shape = PlayByPlay.shape(Mode::Correct);
    let db = platform.open("pristine").await;
    let known: Vec<String> = db
        .query_rows("select game_id::text from public.games", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    db.close().await;
    let known: std::collections::BTreeSet<&str> = known.iter().map(String::as_str).collect();
    let mut seen = std::collections::HashSet::new();
    let mut pieces = Vec::new();
    let mut count = 0;
    for (id, bytes) in documents {
        if !known.contains(id.as_str()) {
            continue;
        }
        let Ok(mut reading) = PlayByPlay.read(bytes, id, Mode::Correct) else {
            continue;
        };
        let mut piece = Vec::new();
        for line in reading.rows.take().split_inclusive(|byte| *byte == b'\n') {
            let key = line.split(|byte| *byte == b'\t').next().unwrap_or_default();
            // `\copy` takes no row twice.
            if seen.insert(key.to_vec()) {
                piece.extend_from_slice(line);
                count += 1;
            }
        }
        pieces.push(Bytes::from(piece));
    }
    drop(seen);
    let file = platform.dir.path().join("rows.copy");
    std::fs::write(&file, pieces.concat()).unwrap();
    let (mut copied, mut loaded) = (Vec::new(), Vec::new());
    for at in 0..repeats {
        let name = format!("copy_{at}");
        let db = platform.fresh(&name).await;
        db.close().await;
        let command = format!(
            "\\copy public.play_by_play ({}) from '{}'",
            shape.columns.join(", "),
            file.display()
        );
        let target = platform.server.target(&name);
        let url = target.to_url().expose_secret().to_owned();
        let started = Instant::now();
        let status = Command::new("psql")
            .args([
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &url,
                "-c",
                &command,
            ])
            .stdin(Stdio::null())
            .status();
        copied.push(started.elapsed());
        assert!(status.unwrap().success());

        let db = platform.fresh(&format!("load_{at}")).await;
        let mut writer = db.writer(Purpose::new("measure")).await.unwrap();
        let stream = futures::stream::iter(pieces.clone().into_iter().map(Ok::<_, Infallible>));
        let started = Instant::now();
        let account = load_rows(
            &db,
            &mut writer,
            shape,
            stream,
            &LoadOptions::new(&PlayByPlay, Mode::Correct),
        )
        .await
        .unwrap();
        loaded.push(started.elapsed());
        assert!(account.is_balanced());
        assert_eq!(usize::try_from(account.inserted).unwrap(), count);
        let _ = writer.finish().await;
        db.close().await;
    }
    println!(
        "| {count} rows into the empty table with its keys | {:.0} rows/s | {:.0} rows/s, `\\copy` | {:.2} |",
        per_second(count, best(&loaded)),
        per_second(count, best(&copied)),
        best(&copied) / best(&loaded)
    );
}

/// The same years by the legacy script and by the port.
async fn whole(platform: &Platform, documents: &[(String, Vec<u8>)]) {
    let db = platform.fresh("legacy").await;
    let checkout = platform.dir.path().join("checkout");
    std::fs::create_dir_all(&checkout).unwrap();
    let options = LegacyOptions {
        lake: Some(platform.dir.path().join("lake")),
        ..LegacyOptions::default()
    };
    let checkout = LegacyCheckout::build(&checkout, &options).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the script needs the programs of this machine"
    )]
    let path = std::env::var("PATH").unwrap();
    let mut environment = Environment::allowed([("PATH", path.as_str())]);
    for (name, value) in checkout.environment() {
        environment.set(&name, value);
    }
    environment.set_database(&platform.server.target("legacy"));
    let mut script = Script::new(
        "python3",
        [
            "scripts/etl/extract_pbp_local.py",
            "--year-range",
            "1993-2025",
        ],
        checkout.project(),
        environment,
    );
    script.deadline = Duration::from_secs(24 * 3600);
    let started = Instant::now();
    let report = run(&script, &Cancel::new(), None).unwrap();
    let legacy = started.elapsed();
    assert_eq!(report.ending, Ending::Exited(0), "{report:?}");
    let plays: i64 = db
        .query_scalar("select count(*) from public.play_by_play", &[])
        .await
        .unwrap();
    db.close().await;

    let db = platform.fresh("native").await;
    let mut options = JobOptions::new(Source::Espn, platform.dir.path().join("state"));
    options.mode = Mode::Compat;
    options.tables = vec!["play_by_play".to_owned()];
    let lake = Documents::Lake(Arc::new(Lake::local(platform.bucket())));
    let mut writer = db.writer(Purpose::new("measure")).await.unwrap();
    let started = Instant::now();
    let report = job::run(
        &db,
        Some(&mut writer),
        &lake,
        "bench",
        &options,
        &mut job::anybody,
        &mut |_| {},
    )
    .await
    .unwrap();
    let native = started.elapsed();
    assert_eq!(i64::try_from(report.total.inserted).unwrap(), plays);
    let _ = writer.finish().await;
    db.close().await;
    let plays = usize::try_from(plays).unwrap();
    let (legacy, native) = (legacy.as_secs_f64(), native.as_secs_f64());
    println!(
        "| {} documents to {plays} plays in the database | {:.0} plays/s | {:.0} plays/s, the legacy script | {:.1} |",
        documents.len(),
        per_second(plays, native),
        per_second(plays, legacy),
        legacy / native
    );
}

/// Peak memory of a process that does nothing but load.
async fn memory(platform: &Platform, source: &str) {
    let name = format!("alone_{source}");
    let db = platform.fresh(&name).await;
    db.close().await;
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            LOAD,
            platform.server.target(&name).to_url().expose_secret(),
            &platform.bucket().display().to_string(),
            source,
        ])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{}", text.trim());
}

async fn load_alone(url: &str, lake: &Path, source: &str) {
    let target = nba_config::DatabaseTarget::from_url(url).unwrap();
    let db = Database::connect(ConnectOptions::from(&target))
        .await
        .unwrap();
    let state = tempfile::tempdir().unwrap();
    let options = JobOptions::new(
        if source == "espn" {
            Source::Espn
        } else {
            Source::Hoopr
        },
        state.path(),
    );
    let mut writer = db.writer(Purpose::new("measure")).await.unwrap();
    let started = Instant::now();
    let report = job::run(
        &db,
        Some(&mut writer),
        &Documents::Lake(Arc::new(Lake::local(lake))),
        "bench",
        &options,
        &mut job::anybody,
        &mut |_| {},
    )
    .await
    .unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(report.total.is_balanced());
    let _ = writer.finish().await;
    db.close().await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or(" unknown")
        .trim();
    println!(
        "| `{source}`: {} rows of {} documents | {seconds:.1} s | peak memory {peak} | |",
        report.total.read, report.total.documents
    );
}
