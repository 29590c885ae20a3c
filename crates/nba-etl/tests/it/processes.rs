//! Runs that go wrong in every documented way, with a real database and real processes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nba_config::DatabaseTarget;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{ConnectOptions, Database, Purpose};
use nba_etl::effect::{Expectation, Measure, Sources, conclude, judge};
use nba_etl::history::{Begun, Finished, History};
use nba_etl::lake::Lake;
use nba_etl::runner::{
    AdvisoryLock, Cancel, Ending, Environment, RunReport, Script, Watched, run, run_watched,
};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_utils::Verdict;
use uuid::Uuid;

use crate::legacy::search_path;

async fn server() -> EmbeddedServer {
    EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap()
}

async fn sql(db: &Database, text: &str) {
    let mut writer = db.writer(Purpose::new("set up a test")).await.unwrap();
    writer.batch_execute(text).await.unwrap();
}

fn sh(text: &str, dir: &Path) -> Script {
    let environment = Environment::allowed([("PATH", search_path())]);
    let mut script = Script::new("bash", ["-c", text], dir, environment);
    script.deadline = Duration::from_secs(120);
    script.grace = Duration::from_millis(500);
    script
}

/// Measures, runs, measures again.
async fn judged(script: Script, expectations: &[&str], sources: &Sources<'_>) -> RunReport {
    let expectations: Vec<Expectation> = expectations.iter().map(|e| e.parse().unwrap()).collect();
    let mut before: Vec<Measure> = Vec::new();
    for expectation in &expectations {
        before.push(expectation.measure(sources).await);
    }
    let mut report = run_watched(script, Uuid::now_v7(), Arc::default())
        .await
        .unwrap();
    let mut effects = Vec::new();
    for (expectation, before) in expectations.iter().zip(&before) {
        let after = expectation.measure(sources).await;
        effects.push(judge(expectation, before, &after, None, &report));
    }
    let effect = conclude(&expectations, &effects, &report);
    report.judge(effect);
    report
}

/// F16 (monitoring dossier 4.2): 24 days of exit status 0 with 0 files. Each day of them is refuted, the first one too.
#[tokio::test]
async fn twenty_four_days_of_nothing_are_caught_on_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let lake_folder = dir.path().join("lake");
    std::fs::create_dir_all(lake_folder.join("nba-sim-raw-data-lake")).unwrap();
    let options = LegacyOptions {
        lake: Some(lake_folder.clone()),
        ..LegacyOptions::default()
    };
    let checkout = LegacyCheckout::build(dir.path(), &options).unwrap();
    let lake = Lake::local(lake_folder.join("nba-sim-raw-data-lake"));
    let project = checkout.project();
    let sources = Sources {
        db: None,
        lake: Some(&lake),
        folder: &project,
    };
    let history = History::open(&dir.path().join("history.db")).await.unwrap();
    let collector = || {
        let mut environment = Environment::allowed([("PATH", search_path())]);
        for (name, value) in checkout.environment() {
            environment.set(&name, value);
        }
        Script::new(
            "python3",
            ["scripts/etl/espn_incremental_async.py", "--days", "1"],
            &project,
            environment,
        )
    };
    let job = "etl.espn";
    for day in 1..=24_i64 {
        let report = judged(collector(), &["objects:espn_play_by_play/"], &sources).await;
        assert_eq!(report.ending, Ending::Exited(0), "day {day}: {report:?}");
        assert!(report.verdict.is_refuted(), "day {day}: {}", report.verdict);
        remember(&history, job, &report).await;
        let fresh = history
            .fresh(job, Duration::from_secs(26 * 3600))
            .await
            .unwrap();
        assert!(fresh.is_refuted(), "day {day}");
        assert_eq!(history.since_proven(job).await.unwrap(), (None, day));
    }
    // The same script on a day on which something arrives.
    let key = lake_folder.join("nba-sim-raw-data-lake/espn_play_by_play/401.json");
    let mut works = sh(
        &format!(
            "mkdir -p '{0}' && echo '{{}}' > '{1}'",
            key.parent().unwrap().display(),
            key.display()
        ),
        &project,
    );
    works.folder = project.clone();
    let report = judged(works, &["objects:espn_play_by_play/"], &sources).await;
    assert_eq!(report.verdict, Verdict::Proven);
    remember(&history, job, &report).await;
    assert!(
        history
            .fresh(job, Duration::from_secs(3600))
            .await
            .unwrap()
            .is_proven()
    );
}

async fn remember(history: &History, job: &str, report: &RunReport) {
    let run_id = report.run_id.to_string();
    let begun = Begun {
        run_id: run_id.clone(),
        job: job.to_owned(),
        script: None,
        command: report.command.clone(),
        host: "here".to_owned(),
        pid: 1,
        target: None,
        log: None,
        started_at: chrono::Utc::now(),
    };
    history.begin(&begun).await.unwrap();
    let finished = Finished {
        ending: report.ending.to_string(),
        elapsed: report.elapsed,
        verdict: report.verdict.clone(),
        effects: serde_json::Value::Null,
        counters: serde_json::to_value(&report.counters).unwrap(),
        survivors: report.survivors.len(),
    };
    history.finish(&run_id, &finished).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_counted_locks_are_shared_and_a_lost_database_proves_nothing() {
    let server = server().await;
    let mut target: DatabaseTarget = server.target("postgres");
    target.settings.acquire_timeout = Duration::from_secs(3);
    let db = Database::connect(ConnectOptions::from(&target))
        .await
        .unwrap();
    sql(
        &db,
        "create table public.games (game_id text primary key, updated_at timestamptz)",
    )
    .await;
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources {
        db: Some(&db),
        lake: None,
        folder: dir.path(),
    };
    let psql = |statement: &str| {
        let mut script = sh(
            &format!("psql -qX -v ON_ERROR_STOP=1 -c \"{statement}\""),
            dir.path(),
        );
        // The script names no server: it gets one, by every name.
        script.environment.set_database(&target);
        script
    };
    let rows = ["rows:public.games"];
    let insert = psql("insert into games values ('1', now())");
    let report = judged(insert.clone(), &rows, &sources).await;
    assert_eq!(report.verdict, Verdict::Proven, "{report:?}");
    // The second time it fails on its key.
    let report = judged(insert, &rows, &sources).await;
    assert!(report.verdict.is_refuted(), "{}", report.verdict);
    let report = judged(psql("select 1"), &rows, &sources).await;
    assert!(report.verdict.is_refuted());
    let report = judged(psql("delete from games"), &rows, &sources).await;
    assert!(
        report.verdict.to_string().contains("gone"),
        "{}",
        report.verdict
    );
    // A loader that only updates.
    sql(&db, "insert into games values ('2', null)").await;
    let fresh = ["query:select count(*) from games where updated_at is not null"];
    let report = judged(
        psql("update games set updated_at = now()"),
        &fresh,
        &sources,
    )
    .await;
    assert_eq!(report.verdict, Verdict::Proven);

    // Two hosts start the same job: their only common ground is the database.
    let other = Database::connect(ConnectOptions::from(&target).application("other-host", "r2"))
        .await
        .unwrap();
    let lock = AdvisoryLock::take(&db, "etl.espn").await.unwrap();
    let error = AdvisoryLock::take(&other, "etl.espn").await.unwrap_err();
    assert!(error.to_string().contains("running already"), "{error}");
    AdvisoryLock::take(&other, "etl.hoopr").await.unwrap();
    lock.check().await.unwrap();
    drop(lock);
    let again = Instant::now() + Duration::from_secs(20);
    let lock = loop {
        match AdvisoryLock::take(&other, "etl.espn").await {
            Ok(lock) => break lock,
            Err(error) => assert!(Instant::now() < again, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };

    // Whoever loses the lock loses the right to go on.
    sql(&db, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()").await;
    let reason = lock.check().await.unwrap_err();
    let watched = Arc::new(Watched::default());
    watched.stop(reason);
    let mut report = run_watched(sh("sleep 71", dir.path()), Uuid::now_v7(), watched)
        .await
        .unwrap();
    report.judge(Verdict::Proven);
    assert!(
        report.verdict.to_string().contains("session of the lock"),
        "{}",
        report.verdict
    );

    // The database goes while the script runs, and the script ends with 0 all the same.
    let stop = dir.path().join("go");
    let mut script = sh(
        &format!(
            "while [ ! -e '{}' ]; do sleep 0.05; done; exit 0",
            stop.display()
        ),
        dir.path(),
    );
    script.environment.set_database(&target);
    let running = judged(script, &rows, &sources);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.stop().await.unwrap();
        std::fs::write(&stop, "").unwrap();
    };
    let (report, ()) = tokio::join!(running, stopping);
    assert_eq!(report.ending, Ending::Exited(0));
    assert_eq!(report.verdict.as_str(), "not_proven", "{}", report.verdict);
    assert!(
        report
            .verdict
            .to_string()
            .contains("could not be measured after"),
        "{}",
        report.verdict
    );
}

/// 200 MB on standard output, and this process does not grow with it.
#[test]
fn a_flood_needs_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let before = peak_memory();
    let mut script = sh(
        "yes 'a line of output that says nothing' | head -c 200000000; echo; echo Errors: 7",
        dir.path(),
    );
    script.log = Some(nba_etl::runner::LogFile::at(dir.path().join("flood.log")));
    let report = run(&script, &Cancel::new(), None).unwrap();
    assert_eq!(report.stdout.total_bytes, 200_000_000 + 11);
    assert_eq!(report.counters["errors"], 7);
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    let log = std::fs::metadata(dir.path().join("flood.log"))
        .unwrap()
        .len();
    assert!(log < 32 << 20, "{log} bytes of log");
}

/// In bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}
