//! The legacy loaders of hoopR and their port, side by side: CSV into the narrow tables, parquet into the wide ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{ConnectOptions, Database, Purpose};
use nba_etl::lake::Lake;
use nba_etl::native::Mode;
use nba_etl::native::hoopr::Generation;
use nba_etl::runner::{Cancel, Ending, Environment, Script, run};
use nba_migration::backup::Tools;
use nba_migration::shadow::{NativePort, ShadowOptions, ShadowReport, shadow};
use nba_testkit::lake::{HooprFiles, LakeOptions, build};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};
use nba_testkit::sim::Universe;
use nba_utils::Verdict;
use nba_utils::errors::one_line;

use crate::shadow::{Fault, Faulty, known};

const NARROW: &str = "scripts/db/load_hoopr_to_local_postgres.py";
const WIDE: &str = "scripts/db/load_hoopr_to_rds.py";

struct Place {
    db: Database,
    lake: Arc<Lake>,
    bucket: PathBuf,
    script: Script,
    tools: Tools,
    _server: EmbeddedServer,
    _dir: tempfile::TempDir,
}

impl Place {
    /// With the tables of one generation: of RDS, with rows in them, or those that the loader of the other makes.
    async fn make(generation: Generation) -> Self {
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        server.create_database("platform").await.unwrap();
        let target = server.target("platform");
        let replica = ReplicaOptions {
            plan: PlanOptions {
                scale: Scale::new(0.001).unwrap(),
                ..PlanOptions::default()
            },
            ..ReplicaOptions::default()
        };
        let universe = Universe::new(replica.seed);
        let plan = Plan::new(&universe, replica.plan).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let bucket = dir.path().join("lake/nba-sim-raw-data-lake");
        let documents = LakeOptions {
            hoopr: match generation {
                Generation::Wide => HooprFiles::Parquet,
                Generation::Narrow => HooprFiles::Csv,
            },
            ..LakeOptions::default()
        };
        build(&bucket, &universe, &plan, &documents, &|_| {}).unwrap();
        let checkout = dir.path().join("platform");
        let checkout = LegacyCheckout::build(&checkout, &LegacyOptions::default()).unwrap();
        #[allow(
            clippy::disallowed_methods,
            reason = "the test's own programs are found as the shell finds them"
        )]
        let path = std::env::var("PATH").unwrap_or_default();
        let environment = Environment::allowed([("PATH", path)]);
        let script = Script::new("python3", ["-"], checkout.project(), environment);
        match generation {
            Generation::Wide => {
                Replica::build(&target, replica, |_| {}).await.unwrap();
            }
            Generation::Narrow => {
                let mut maker = script.clone();
                maker.arguments = vec![NARROW.into()];
                maker.environment.set_database(&target);
                maker.environment.set("HOOPR_DIR", dir.path().join("none"));
                let report = run(&maker, &Cancel::new(), None).unwrap();
                assert_eq!(report.ending, Ending::Exited(0), "{report:?}");
            }
        }
        Self {
            db: Database::connect(ConnectOptions::from(&target))
                .await
                .unwrap(),
            _server: server,
            lake: Arc::new(Lake::local(&bucket)),
            bucket,
            script,
            tools: Tools::find(None).unwrap(),
            _dir: dir,
        }
    }

    async fn options(&self, name: &str, mode: Mode) -> ShadowOptions {
        let capability = known(name);
        let mut script = self.script.clone();
        script.arguments = vec![capability.script_for(&self.db).await.unwrap().into()];
        let lake = Arc::clone(&self.lake);
        let mut options = ShadowOptions::new(capability, script, lake, self.tools.clone());
        options.mode = mode;
        options.units = 10_000;
        options
    }

    async fn run(&self, options: &ShadowOptions) -> ShadowReport {
        shadow(&self.db, options, &port(options), |_| {})
            .await
            .unwrap()
    }

    async fn faulty(&self, options: &ShadowOptions, sql: &'static str) -> ShadowReport {
        let port = Faulty {
            port: port(options),
            fault: Fault::Changes(sql),
        };
        shadow(&self.db, options, &port, |_| {}).await.unwrap()
    }
}

fn port(options: &ShadowOptions) -> NativePort {
    NativePort {
        capability: options.capability,
        mode: options.mode,
        lake: Arc::clone(&options.lake),
    }
}

/// Every row is the same, and there are some.
fn agrees(report: &ShadowReport) {
    assert_eq!(report.verdict, Verdict::Proven, "{report:?}");
    assert_eq!(
        (report.explained, report.unexplained, report.noise),
        (0, 0, 0)
    );
    assert_eq!(report.legacy_rows, report.native_rows);
    assert_eq!(report.legacy_rows, report.equal_rows);
    assert!(
        report.equal_rows > 0 && report.mismatch_bound.is_some(),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_files_are_loaded_as_the_script_of_the_narrow_tables_loads_them() {
    let place = Place::make(Generation::Narrow).await;
    let plays = place.options("etl.hoopr.pbp", Mode::Compat).await;
    let report = place.run(&plays).await;
    agrees(&report);
    assert!(report.units > 20 && report.equal_rows > 5_000, "{report:?}");
    assert!(report.legacy.command.iter().any(|word| word == NARROW));
    let ignored: Vec<&String> = report.ignored.keys().collect();
    assert_eq!(ignored, ["created_at", "id"]);
    assert!(report.entry().figures["capability"] == "etl.hoopr.pbp");
    let players = place.options("etl.hoopr.player_box", Mode::Compat).await;
    agrees(&place.run(&players).await);

    // Right, but for one score: the ids that a gap spoils are explained, the score is not.
    let plays = place.options("etl.hoopr.pbp", Mode::Correct).await;
    let planted = place
        .faulty(
            &plays,
            "update hoopr_play_by_play set score_home = score_home + 1 where (game_id, event_num) = \
             (select game_id, event_num from hoopr_play_by_play order by 1, 2 limit 1)",
        )
        .await;
    assert!(planted.verdict.is_refuted(), "{:?}", planted.verdict);
    assert_eq!((planted.unexplained, planted.dirty_units), (1, 1));
    assert_eq!(planted.legacy_rows, planted.native_rows);
    let named = &planted.by_divergence;
    assert!(named["HPR-2"] > 1_000, "{named:?}");
    let key = &planted.prepared[0];
    assert!(key.contains("game_id, event_num"), "{key}");

    // A season with a share of 100 per cent is lost to the script, which copies them; the others have other shares. No file holds the row
    // that was invented.
    let teams = place.options("etl.hoopr.team_box", Mode::Correct).await;
    let invented = place
        .faulty(
            &teams,
            "insert into hoopr_team_box (game_id, team_id) select game_id, '0' from hoopr_team_box limit 1",
        )
        .await;
    assert!(invented.verdict.is_refuted(), "{:?}", invented.verdict);
    assert_eq!((invented.unexplained, invented.dirty_units), (1, 1));
    let named = &invented.by_divergence;
    assert_eq!(named.keys().collect::<Vec<_>>(), [&"HPR-6"]);
    assert_eq!(invented.explained + 1, invented.native_rows);

    // The script never loaded a schedule: every game has the name of the reason, and yet a script that does nothing proves nothing.
    let schedule = place.options("etl.hoopr.schedule", Mode::Correct).await;
    let report = place.run(&schedule).await;
    let reasons = report.verdict.reasons().join(" ");
    assert!(reasons.contains("loaded nothing"), "{report:?}");
    assert!(!report.verdict.is_refuted() && report.mismatch_bound.is_none());
    let named = BTreeMap::from([("HPR-1", report.native_rows)]);
    assert_eq!((report.unexplained, &report.by_divergence), (0, &named));

    what_cannot_be_drawn(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_files_are_loaded_as_the_script_of_the_wide_tables_loads_them() {
    let place = Place::make(Generation::Wide).await;
    let before = total(&place.db).await;
    for (name, mode) in [
        ("etl.hoopr.schedule", Mode::Compat),
        ("etl.hoopr.player_box", Mode::Correct),
    ] {
        let options = place.options(name, mode).await;
        let report = place.run(&options).await;
        agrees(&report);
        assert!(report.legacy.command.iter().any(|word| word == WIDE));
        assert!(report.units > 20, "{report:?}");
    }
    // A few games of the files: neither side sees another.
    let mut plays = place.options("etl.hoopr.pbp", Mode::Compat).await;
    plays.units = 5;
    let planted = place
        .faulty(
            &plays,
            "delete from hoopr_play_by_play where id in (select id from hoopr_play_by_play order by id limit 3)",
        )
        .await;
    assert!(planted.verdict.is_refuted(), "{:?}", planted.verdict);
    assert_eq!(
        (planted.units, planted.unexplained, planted.dirty_units),
        (5, 3, 1)
    );
    assert_eq!(planted.equal_rows, planted.native_rows);
    let rows: i64 = place
        .db
        .query_scalar("select count(*) from hoopr_play_by_play", &[])
        .await
        .unwrap();
    assert!(planted.legacy_rows < u64::try_from(rows).unwrap());
    assert_eq!(total(&place.db).await, before, "the target is only read");
}

async fn total(db: &Database) -> i64 {
    db.query_scalar(
        "select (select count(*) from hoopr_play_by_play) + (select count(*) from hoopr_player_box) \
         + (select count(*) from hoopr_team_box) + (select count(*) from hoopr_schedule)",
        &[],
    )
    .await
    .unwrap()
}

async fn what_cannot_be_drawn(place: &Place) {
    let mut options = place.options("etl.hoopr.team_box", Mode::Compat).await;
    let fails = async |options: &ShadowOptions| {
        let error = shadow(&place.db, options, &port(options), |_| {})
            .await
            .unwrap_err();
        one_line(&error)
    };
    options.years = Some(1950..=1951);
    let text = fails(&options).await;
    assert!(text.contains("no game"), "{text}");
    let file = broken(&place.bucket);
    options.years = None;
    let text = fails(&options).await;
    assert!(text.contains(&file) && text.contains("game_id"), "{text}");

    let plant = Purpose::new("plant a defect");
    let mut writer = place.db.writer(plant).await.unwrap();
    let drop = "drop table hoopr_team_box";
    writer.batch_execute(drop).await.unwrap();
    let _ = writer.finish().await;
    let error = options.capability.script_for(&place.db).await.unwrap_err();
    let text = one_line(&error);
    assert!(text.contains("hoopr_team_box"), "{text}");
}

/// Makes a season's file one of something else.
fn broken(bucket: &Path) -> String {
    let name = "hoopr_phase1/bulk_team_box/team_box_2001.csv";
    std::fs::write(bucket.join(name), "what,ever\n1,2\n").unwrap();
    name.to_owned()
}
