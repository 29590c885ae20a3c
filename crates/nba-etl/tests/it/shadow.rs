//! The native loader beside the legacy script: the same documents, two databases, every row the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{ConnectOptions, Database, Purpose};
use nba_etl::lake::Lake;
use nba_etl::native::boxes::{BoxPlayers, BoxTeams};
use nba_etl::native::games::{Games, Teams, documents_of_year};
use nba_etl::native::load::{
    Batch, LoadAccount, LoadError, LoadOptions, Port, games_of_year, load, load_year,
};
use nba_etl::native::plays::PlayByPlay;
use nba_etl::native::{Divergence, Mode};
use nba_etl::runner::{Cancel, Ending, Environment, Script, run};
use nba_testkit::lake::{HooprFiles, LakeOptions, build};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};
use nba_testkit::sim::Universe;

use crate::legacy::search_path;

/// Years that hold games.
const YEARS: std::ops::RangeInclusive<i32> = 1993..=2025;

const ROWS: &str = "select play_id, coalesce(concat_ws('|', game_id, coalesce(period_number::text, '~'), \
     coalesce(period_display, '~'), coalesce(clock_display, '~'), coalesce(play_text, '~'), coalesce(home_away, '~'), \
     coalesce(scoring_play::text, '~'), coalesce(away_score::text, '~'), coalesce(home_score::text, '~')), '') \
     from public.play_by_play";

struct Platform {
    server: EmbeddedServer,
    dir: tempfile::TempDir,
}

impl Platform {
    async fn start() -> Platform {
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        server.create_database("pristine").await.unwrap();
        let replica = ReplicaOptions {
            plan: PlanOptions {
                scale: Scale::new(0.001).unwrap(),
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
        let documents = LakeOptions {
            hoopr: HooprFiles::None,
            ..LakeOptions::default()
        };
        build(&bucket(dir.path()), &universe, &plan, &documents, &|_| {}).unwrap();
        let platform = Platform { server, dir };
        let db = platform.open("pristine").await;
        let mut writer = db.writer(Purpose::new("set up a test")).await.unwrap();
        writer
            .batch_execute("truncate public.play_by_play cascade")
            .await
            .unwrap();
        let _ = writer.finish().await;
        db.close().await;
        platform
    }

    /// A scratch database of its own, never production.
    async fn scratch(&self, name: &str) -> Database {
        self.server
            .create_database_from_template(name, "pristine")
            .await
            .unwrap();
        self.open(name).await
    }

    async fn open(&self, name: &str) -> Database {
        Database::connect(ConnectOptions::from(&self.server.target(name)))
            .await
            .unwrap()
    }

    /// The unmodified script over all years.
    fn legacy(&self, database: &str, checkout: &str) {
        let dir = self.dir.path().join(checkout);
        std::fs::create_dir_all(&dir).unwrap();
        let options = LegacyOptions {
            lake: Some(self.dir.path().join("lake")),
            ..LegacyOptions::default()
        };
        let checkout = LegacyCheckout::build(&dir, &options).unwrap();
        let mut environment = Environment::allowed([("PATH", search_path())]);
        for (name, value) in checkout.environment() {
            environment.set(&name, value);
        }
        environment.set_database(&self.server.target(database));
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
        script.deadline = Duration::from_secs(300);
        let report = run(&script, &Cancel::new(), None).unwrap();
        assert_eq!(report.ending, Ending::Exited(0), "{report:?}");
        assert!(report.counters["plays inserted"] > 0, "{report:?}");
    }

    async fn native(&self, db: &Database, mode: Mode) -> Vec<LoadAccount> {
        let lake = Lake::local(bucket(self.dir.path()));
        let options = LoadOptions::new(&PlayByPlay, mode);
        let mut writer = db.writer(Purpose::new("load plays")).await.unwrap();
        let mut accounts = Vec::new();
        for year in YEARS {
            let account = load_year(db, &mut writer, &lake, &PlayByPlay, year, &options)
                .await
                .unwrap();
            assert!(account.is_balanced(), "{account:?}");
            accounts.push(account);
        }
        let _ = writer.finish().await;
        accounts
    }
}

fn bucket(dir: &Path) -> std::path::PathBuf {
    dir.join("lake/nba-sim-raw-data-lake")
}

async fn rows(db: &Database) -> BTreeMap<String, String> {
    let rows = db.query_rows(ROWS, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn sum(accounts: &[LoadAccount], figure: fn(&LoadAccount) -> u64) -> u64 {
    accounts.iter().map(figure).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_that_of_the_legacy_script() {
    let platform = Platform::start().await;
    let (a, b) = (
        platform.scratch("legacy_a").await,
        platform.scratch("native").await,
    );
    platform.legacy("legacy_a", "a");
    let legacy = rows(&a).await;
    assert!(legacy.len() > 10_000, "{}", legacy.len());

    let accounts = platform.native(&b, Mode::Compat).await;
    let native = rows(&b).await;
    let different: Vec<_> = legacy
        .iter()
        .filter(|(id, row)| native.get(*id) != Some(*row))
        .take(3)
        .collect();
    assert!(different.is_empty(), "{different:?}");
    assert_eq!(
        legacy.len(),
        native.len(),
        "rows only the native loader has"
    );
    assert_eq!(
        sum(&accounts, |account| account.inserted),
        u64::try_from(native.len()).unwrap()
    );
    assert!(sum(&accounts, |account| account.repeated) > 0);

    // A second time: the same rows, all of them written again, as the script does it.
    let again = platform.native(&b, Mode::Compat).await;
    assert_eq!(sum(&again, |account| account.inserted), 0);
    assert_eq!(rows(&b).await, native);

    // What is right differs, and each difference has a name.
    let c = platform.scratch("correct").await;
    let accounts = platform.native(&c, Mode::Correct).await;
    let correct = rows(&c).await;
    assert!(native.iter().all(|(id, row)| correct.get(id) == Some(row)));
    let named: std::collections::BTreeSet<Divergence> = accounts
        .iter()
        .flat_map(|account| account.divergences.iter().copied())
        .collect();
    assert_eq!(correct.len() > native.len(), !named.is_empty(), "{named:?}");
    let again = platform.native(&c, Mode::Correct).await;
    assert_eq!(sum(&again, |account| account.inserted + account.updated), 0);
    assert_eq!(
        sum(&again, |account| account.unchanged),
        u64::try_from(correct.len()).unwrap()
    );

    // Without a key that tells plays apart, nothing is loaded.
    let mut writer = c.writer(Purpose::new("set up a test")).await.unwrap();
    writer
        .batch_execute("alter table public.play_by_play drop constraint play_by_play_pkey cascade")
        .await
        .unwrap();
    let lake = Lake::local(bucket(platform.dir.path()));
    let error = load_year(
        &c,
        &mut writer,
        &lake,
        &PlayByPlay,
        2024,
        &LoadOptions::new(&PlayByPlay, Mode::Compat),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, LoadError::NoKey { .. }), "{error:?}");
}

/// A port, the rows of its table without the times of loading, and whether its documents are days.
const ESPN: [(&dyn Port, &str, bool); 4] = [
    (
        &Teams,
        "select t::text from (select team_id, team_name, team_abbreviation from teams) t order by 1",
        true,
    ),
    (
        &Games,
        "select (to_jsonb(g) - 'updated_at')::text from games g order by 1",
        true,
    ),
    (
        &BoxTeams,
        "select (to_jsonb(b) - 'updated_at')::text from box_score_teams b order by 1",
        false,
    ),
    (
        &BoxPlayers,
        "select (to_jsonb(b) - 'updated_at')::text from box_score_players b order by 1",
        false,
    ),
];

/// Whether they are the script's rows is for the dual run to say (`nba-migration`); here they go into tables that are full already,
/// and in again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_and_box_scores_can_be_loaded_again_and_again() {
    let platform = Platform::start().await;
    let lake = Lake::local(bucket(platform.dir.path()));
    let years = 2012..=2024;
    for mode in [Mode::Compat, Mode::Correct] {
        let db = platform
            .scratch(&format!("again_{mode:?}").to_lowercase())
            .await;
        let mut writer = db.writer(Purpose::new("load games")).await.unwrap();
        for (port, rows_sql, of_days) in ESPN {
            let options = LoadOptions::new(port, mode);
            let mut states = Vec::new();
            let mut accounts = Vec::new();
            for _ in 0..2 {
                let mut all = LoadAccount::default();
                for year in years.clone() {
                    let ids = if of_days {
                        documents_of_year(&lake, year).await.unwrap()
                    } else {
                        games_of_year(&db, year, &options.games).await.unwrap()
                    };
                    let what = format!("{} of {year}", options.table);
                    let batch = Batch { what, ids };
                    let account = load(&db, &mut writer, &lake, port, batch, &options)
                        .await
                        .unwrap();
                    all.add(account);
                }
                assert!(all.is_balanced(), "{all:?}");
                let rows = db.query_rows(rows_sql, &[]).await.unwrap();
                let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
                states.push(rows);
                accounts.push(all);
            }
            let table = &options.table;
            assert!(accounts[0].attempted > 0, "{table}: {accounts:?}");
            assert_eq!(accounts[1].inserted, 0, "{table}: {accounts:?}");
            assert_eq!(states[0], states[1], "{table}");
            // Compat mode writes everything again, as the script does.
            let again = accounts[1].updated;
            let writes = mode == Mode::Compat && port.shape(mode).stamp.is_some();
            assert_eq!(again > 0, writes, "{table}: {accounts:?}");
        }
        let _ = writer.finish().await;
    }
}

#[tokio::test]
async fn documents_of_a_year_are_those_whose_name_begins_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("espn_schedules");
    std::fs::create_dir_all(folder.join("old")).unwrap();
    for name in [
        "20240102.json",
        "20240101.json",
        "20230101.json",
        "20240103.JSON",
        "old/20240104.json",
        "x20240105.json",
    ] {
        std::fs::write(folder.join(name), "{}").unwrap();
    }
    let lake = Lake::local(dir.path());
    let found = documents_of_year(&lake, 2024).await.unwrap();
    assert_eq!(
        found,
        [
            "espn_schedules/20240101.json",
            "espn_schedules/20240102.json",
            "espn_schedules/old/20240104.json"
        ]
    );
    assert!(documents_of_year(&lake, 1999).await.unwrap().is_empty());
}
