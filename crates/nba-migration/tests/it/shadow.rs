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
    CAPABILITIES, Candidate, Capability, Loaded, NativePort, ShadowOptions, ShadowReport, Units,
    shadow,
};
use nba_testkit::lake::{HooprFiles, LakeOptions, Shapes, build};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};
use nba_testkit::sim::Universe;
use nba_utils::Verdict;

/// What a port may do wrong.
#[derive(Clone)]
pub(crate) enum Fault {
    /// One figure of one row.
    Changes(&'static str),
    /// Puts a view in the place of a table, whose every row takes a while.
    Slows(&'static str),
    Panics,
    Hangs,
}

pub(crate) struct Faulty {
    pub(crate) port: NativePort,
    pub(crate) fault: Fault,
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
                Fault::Slows(sql) => {
                    let mut writer = db.writer(Purpose::new("plant a delay")).await.unwrap();
                    writer.batch_execute(sql).await.unwrap();
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

    lake: Arc<Lake>,
    script: Script,
    tools: Tools,
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
            shapes: Shapes::Evenly,
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
        let script = Script::new("python3", ["-"], checkout.project(), environment);
        let lake = Arc::new(Lake::local(root.join("nba-sim-raw-data-lake")));
        let tools = Tools::find(None).unwrap();
        let db = Database::connect(ConnectOptions::from(&server.target("platform")))
            .await
            .unwrap();
        Self {
            db,
            lake,
            script,
            tools,
            _server: server,
            _dir: dir,
        }
    }

    /// Forty games of few years: a script starts a client for each, and some for each game.
    fn options(&self, name: &str) -> ShadowOptions {
        let capability = known(name);
        let mut script = self.script.clone();
        script.arguments = vec![capability.script.into()];
        let lake = Arc::clone(&self.lake);
        let mut options = ShadowOptions::new(capability, script, lake, self.tools.clone());
        options.years = Some(2010..=2019);
        options.units = 40;
        options
    }

    fn port(&self, options: &ShadowOptions) -> NativePort {
        NativePort {
            capability: options.capability,
            mode: options.mode,
            lake: Arc::clone(&self.lake),
        }
    }

    async fn run(&self, options: &ShadowOptions) -> ShadowReport {
        shadow(&self.db, options, &self.port(options), |_| {})
            .await
            .unwrap()
    }

    async fn faulty(&self, options: &ShadowOptions, fault: Fault) -> ShadowReport {
        let port = Faulty {
            port: self.port(options),
            fault,
        };
        let mut options = options.clone();
        options.candidate_deadline = Duration::from_secs(120);
        if matches!(port.fault, Fault::Hangs) {
            options.candidate_deadline = Duration::from_secs(5);
        }
        shadow(&self.db, &options, &port, |_| {}).await.unwrap()
    }
}

pub(crate) fn known(name: &str) -> Capability {
    let found = CAPABILITIES.iter().find(|known| known.name == name);
    *found.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_proven_refuted_or_explained_by_name() {
    let place = Place::make().await;
    let options = place.options("etl.espn.pbp");
    let proven = place.run(&options).await;
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
    let mut all = options.clone();
    all.mode = Mode::Correct;
    all.years = None;
    all.units = 10_000;
    let correct = place.run(&all).await;
    assert_eq!(correct.verdict, Verdict::Proven, "{correct:?}");
    assert!(correct.explained > 0, "{correct:?}");
    assert_eq!(correct.native_rows, correct.legacy_rows + correct.explained);
    named(&correct, &["PBP-2", "PBP-3"]);
    assert!(correct.units >= 40, "{correct:?}");

    // Planted defects.
    let changed = place
        .faulty(&options, Fault::Changes(
            "update play_by_play set home_score = home_score + 1 where play_id = (select min(play_id) from play_by_play where home_score > 0)",
        ))
        .await;
    assert!(changed.verdict.is_refuted(), "{changed:?}");
    assert_eq!((changed.unexplained, changed.dirty_units), (1, 1));
    assert!(changed.mismatch_bound.is_none());
    let lost = place
        .faulty(&options, Fault::Changes(
            "delete from play_by_play where play_id in (select play_id from play_by_play order by play_id limit 3)",
        ))
        .await;
    assert!(lost.verdict.is_refuted(), "{lost:?}");
    assert_eq!((lost.unexplained, lost.explained), (3, 0));

    // In correct mode as well: what the document does not hold is explained by nothing.
    let mut right = options.clone();
    right.mode = Mode::Correct;
    let invented = place
        .faulty(&right, Fault::Changes(
            "insert into play_by_play (play_id, game_id) select game_id || '-invented', game_id from games",
        ))
        .await;
    assert!(invented.verdict.is_refuted(), "{invented:?}");
    assert_eq!(invented.unexplained, invented.units);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_down_or_is_slow_is_not_a_proof() {
    let place = Place::make().await;
    let mut options = place.options("etl.espn.pbp");
    // It is only to fail: a few games are enough.
    options.units = 10;
    // A comparison that could not look at every row proves nothing, and refutes nothing.
    let mut short = options.clone();
    short.comparison_timeout = Some(Duration::from_secs(2));
    let slow = place
        .faulty(
            &short,
            Fault::Slows(
                "alter table play_by_play rename to plays_behind_it; create view play_by_play as \
             select * from plays_behind_it where pg_sleep(0.02 * length(play_id)) is not null",
            ),
        )
        .await;
    assert!(
        !slow.verdict.is_proven() && !slow.verdict.is_refuted(),
        "{slow:?}"
    );
    assert!(slow.mismatch_bound.is_none());

    // A port that breaks down is a finding about the port; the script's run stands.
    for (fault, words) in [
        (Fault::Panics, "the port panicked"),
        (Fault::Hangs, "did not end within 5 s"),
    ] {
        let report = place.faulty(&options, fault).await;
        assert!(report.verdict.is_refuted(), "{report:?}");
        assert!(
            report.verdict.reasons().join(" ").contains(words),
            "{report:?}"
        );
        assert!(report.legacy_rows > 100, "{report:?}");
    }

    // A script that fails, or does nothing, measures nothing.
    let mut silent = options.clone();
    silent.script.environment.set("S3_LOCAL_ROOT", "/nowhere");
    let report = place.run(&silent).await;
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

/// Every row that differs is explained, and these reasons are among them.
fn named(report: &ShadowReport, names: &[&str]) {
    assert_eq!(report.unexplained, 0, "{report:?}");
    for name in names {
        assert!(
            report.by_divergence.get(name).is_some_and(|rows| *rows > 0),
            "{name}: {:?}",
            report.by_divergence
        );
    }
}

/// Some are there already, the others are new, and the teams come first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_are_proven_refuted_or_explained_by_name() {
    let place = Place::make().await;
    let mut options = place.options("etl.espn.games");
    options.units = 5;
    options.years = None;
    let proven = place.run(&options).await;
    assert_eq!(proven.verdict, Verdict::Proven, "{proven:?}");
    let tables: Vec<&str> = proven
        .tables
        .iter()
        .map(|table| table.table.as_str())
        .collect();
    assert_eq!(tables, ["public.teams", "public.games"]);
    let games = &proven.tables[1];
    assert!(
        games.legacy_written > 5 && games.equal_rows > 5,
        "{proven:?}"
    );
    assert_eq!(proven.units, games.legacy_written);

    options.mode = Mode::Correct;
    let correct = place.run(&options).await;
    assert_eq!(correct.verdict, Verdict::Proven, "{correct:?}");
    named(&correct, &["GAM-2", "GAM-4", "GAM-7", "GAM-10"]);

    // A game that the port gives to another day, and a team that no document names.
    let planted = place
        .faulty(&options, Fault::Changes(
            "with stray as (insert into teams (team_id, team_name) values ('999', 'Nobody')) \
             update games set game_date = game_date + 1 where game_id = (select max(game_id) from games)",
        ))
        .await;
    assert!(planted.verdict.is_refuted(), "{planted:?}");
    assert_eq!((planted.unexplained, planted.dirty_units), (2, 2));
}

/// Two tables of one document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn box_scores_are_proven_refuted_or_explained_by_name() {
    let place = Place::make().await;
    let mut options = place.options("etl.espn.box");
    let proven = place.run(&options).await;
    assert_eq!(proven.verdict, Verdict::Proven, "{proven:?}");
    assert_eq!(proven.tables.len(), 2);
    assert!(
        proven.tables.iter().all(|table| table.equal_rows > 1),
        "{proven:?}"
    );

    options.mode = Mode::Correct;
    options.years = None;
    options.units = 10_000;
    let correct = place.run(&options).await;
    assert_eq!(correct.verdict, Verdict::Proven, "{correct:?}");
    named(&correct, &["BOX-1", "BOX-2", "BOX-3", "BOX-7"]);

    // One figure, of a player whose row is there on both sides.
    let planted = place
        .faulty(&options, Fault::Changes(
            "update box_score_players set assists = assists + 1 where (game_id, player_id) = \
             (select game_id, player_id from box_score_players where points > 0 order by game_id, player_id limit 1)",
        ))
        .await;
    assert!(planted.verdict.is_refuted(), "{planted:?}");
    assert_eq!((planted.unexplained, planted.dirty_units), (1, 1));
    let found = &planted.differences[0];
    assert_eq!(found.table, "public.box_score_players");
    assert!(
        found.game_id.is_some() && found.explained_by.is_empty(),
        "{found:?}"
    );
}
