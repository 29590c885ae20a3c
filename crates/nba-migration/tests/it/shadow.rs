//! The legacy script and its port, side by side on a replica.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::{ConnectOptions, Database, Purpose};
use nba_etl::lake::Lake;
use nba_etl::native::Mode;
use nba_etl::runner::{Environment, Script};
use nba_migration::backup::Tools;
use nba_migration::shadow::{
    CAPABILITIES, Candidate, EspnPlays, Loaded, ShadowOptions, ShadowReport, Units, shadow,
};
use nba_testkit::lake::{HooprFiles, LakeOptions, build};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};
use nba_testkit::sim::Universe;
use nba_utils::Verdict;

/// What a port may do wrong.
#[derive(Clone)]
enum Fault {
    /// One figure of one row.
    Changes(&'static str),
    Panics,
    Hangs,
}

struct Faulty {
    port: EspnPlays,
    fault: Fault,
}

impl Candidate for Faulty {
    fn load(&self, db: Database, units: Units) -> BoxFuture<'static, Result<Loaded, String>> {
        let (load, fault) = (self.port.load(db.clone(), units), self.fault.clone());
        async move {
            let loaded = load.await?;
            match fault {
                Fault::Changes(sql) => {
                    let mut writer = db.writer(Purpose::new("plant a defect")).await.unwrap();
                    assert!(writer.execute(sql, &[]).await.unwrap() > 0);
                    let _ = writer.finish().await;
                }
                Fault::Panics => panic!("planted"),
                Fault::Hangs => std::future::pending().await,
            }
            Ok(loaded)
        }
        .boxed()
    }
}

struct Place {
    db: Database,
    options: ShadowOptions,
    lake: Arc<Lake>,
    _server: EmbeddedServer,
    _dir: tempfile::TempDir,
}

impl Place {
    async fn make() -> Self {
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        server.create_database("platform").await.unwrap();
        let replica = ReplicaOptions {
            plan: PlanOptions {
                scale: Scale::new(0.001).unwrap(),
                ..PlanOptions::default()
            },
            ..ReplicaOptions::default()
        };
        let universe = Universe::new(replica.seed);
        let plan = Plan::new(&universe, replica.plan).unwrap();
        Replica::build(&server.target("platform"), replica, |_| {})
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("lake");
        let documents = LakeOptions {
            hoopr: HooprFiles::None,
            ..LakeOptions::default()
        };
        build(
            &root.join("nba-sim-raw-data-lake"),
            &universe,
            &plan,
            &documents,
            &|_| {},
        )
        .unwrap();
        let checkout = dir.path().join("platform");
        let checkout = LegacyCheckout::build(
            &checkout,
            &LegacyOptions {
                lake: Some(root.clone()),
                ..LegacyOptions::default()
            },
        )
        .unwrap();
        #[allow(
            clippy::disallowed_methods,
            reason = "the test's own programs are found as the shell finds them"
        )]
        let path = std::env::var("PATH").unwrap_or_default();
        let mut environment = Environment::allowed([("PATH", path)]);
        environment.set("S3_LOCAL_ROOT", root.as_os_str());
        let capability = CAPABILITIES[0];
        let script = Script::new(
            "python3",
            [capability.script],
            checkout.project(),
            environment,
        );
        let lake = Arc::new(Lake::local(root.join("nba-sim-raw-data-lake")));
        let tools = Tools::find(None).unwrap();
        let mut options = ShadowOptions::new(capability, script, Arc::clone(&lake), tools);
        // Few years: the script starts a client for each.
        options.years = Some(2010..=2019);
        options.units = 40;
        let db = Database::connect(ConnectOptions::from(&server.target("platform")))
            .await
            .unwrap();
        Self {
            db,
            options,
            lake,
            _server: server,
            _dir: dir,
        }
    }

    fn port(&self, mode: Mode) -> EspnPlays {
        EspnPlays {
            mode,
            lake: Arc::clone(&self.lake),
        }
    }

    async fn faulty(&self, mode: Mode, fault: Fault) -> ShadowReport {
        let port = Faulty {
            port: self.port(mode),
            fault,
        };
        let mut options = self.options.clone();
        options.mode = mode;
        options.candidate_deadline = Duration::from_secs(60);
        if matches!(port.fault, Fault::Hangs) {
            options.candidate_deadline = Duration::from_secs(5);
        }
        shadow(&self.db, &options, &port, |_| {}).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_proven_refuted_or_explained_by_name() {
    let place = Place::make().await;
    let proven = shadow(&place.db, &place.options, &place.port(Mode::Compat), |_| {})
        .await
        .unwrap();
    assert_eq!(proven.verdict, Verdict::Proven, "{proven:?}");
    assert_eq!(
        (proven.explained, proven.unexplained, proven.noise),
        (0, 0, 0)
    );
    assert_eq!(proven.legacy_rows, proven.native_rows);
    assert!(proven.legacy_rows > 1_000, "{proven:?}");
    assert!(proven.mismatch_bound.is_some_and(|bound| bound < 0.5));
    assert!(proven.entry().figures["capability"] == "etl.espn.pbp");

    // What is right differs, and each row that differs has the name of the reason.
    let mut options = place.options.clone();
    options.mode = Mode::Correct;
    options.years = None;
    options.units = 10_000;
    let correct = shadow(&place.db, &options, &place.port(Mode::Correct), |_| {})
        .await
        .unwrap();
    assert_eq!(correct.verdict, Verdict::Proven, "{correct:?}");
    assert!(correct.explained > 0, "{correct:?}");
    assert_eq!(correct.native_rows, correct.legacy_rows + correct.explained);
    assert!(!correct.by_divergence.is_empty());
    assert!(correct.units >= 40, "{correct:?}");

    // Planted defects.
    let changed = place
        .faulty(Mode::Compat, Fault::Changes(
            "update play_by_play set home_score = home_score + 1 where play_id = (select min(play_id) from play_by_play where home_score > 0)",
        ))
        .await;
    assert!(changed.verdict.is_refuted(), "{changed:?}");
    assert_eq!((changed.unexplained, changed.dirty_units), (1, 1));
    assert!(changed.mismatch_bound.is_none());
    let lost = place
        .faulty(Mode::Compat, Fault::Changes(
            "delete from play_by_play where play_id in (select play_id from play_by_play order by play_id limit 3)",
        ))
        .await;
    assert!(lost.verdict.is_refuted(), "{lost:?}");
    assert_eq!((lost.unexplained, lost.explained), (3, 0));

    // In correct mode as well: what the document does not hold is explained by nothing.
    let invented = place
        .faulty(Mode::Correct, Fault::Changes(
            "insert into play_by_play (play_id, game_id) select game_id || '-invented', game_id from games",
        ))
        .await;
    assert!(invented.verdict.is_refuted(), "{invented:?}");
    assert_eq!(invented.unexplained, invented.units);

    // A port that breaks down is a finding about the port; the script's run stands.
    for (fault, words) in [
        (Fault::Panics, "the port panicked"),
        (Fault::Hangs, "did not end within 5 s"),
    ] {
        let report = place.faulty(Mode::Compat, fault).await;
        assert!(report.verdict.is_refuted(), "{report:?}");
        assert!(
            report.verdict.reasons().join(" ").contains(words),
            "{report:?}"
        );
        assert_eq!(report.legacy_rows, proven.legacy_rows);
    }

    // A script that fails, or does nothing, measures nothing.
    let mut silent = place.options.clone();
    silent.script.environment.set("S3_LOCAL_ROOT", "/nowhere");
    let report = shadow(&place.db, &silent, &place.port(Mode::Compat), |_| {})
        .await
        .unwrap();
    assert!(
        !report.verdict.is_proven() && !report.verdict.is_refuted(),
        "{report:?}"
    );
    assert!(
        report
            .verdict
            .reasons()
            .join(" ")
            .contains("loaded nothing")
    );
}
