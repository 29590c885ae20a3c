//! The production-shaped replica, seen through every crate: sound as built, and never mistaken for another database.
//!
//! That each kind of damage is found is proven in nba-monitoring, that `nba demo` shows it in nba-cli.

use nba_db::{
    Database,
    embedded::{EmbeddedOptions, EmbeddedServer},
};
use nba_monitoring::{
    baseline::{BaselineName, CaptureOptions, capture},
    health::{HealthOptions, check, render_text},
};
use nba_testkit::{
    plan::{PlanOptions, Scale},
    replica::{Replica, ReplicaOptions},
};
use nba_tests::integrity::CHECKS;

/// About 45,000 rows: every table and every quirk, in a few seconds.
fn small() -> ReplicaOptions {
    ReplicaOptions {
        plan: PlanOptions {
            scale: Scale::new(0.002).unwrap(),
            ..PlanOptions::default()
        },
        ..ReplicaOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replica_is_sound_and_its_evidence_is_about_it_alone() {
    let server = EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap();
    server.create_database("replica").await.unwrap();
    Replica::build(&server.target("replica"), small(), |_| {})
        .await
        .unwrap();
    server
        .create_database_from_template("copy", "replica")
        .await
        .unwrap();

    let db = Database::connect(&server.target("replica")).await.unwrap();
    for check in CHECKS {
        let found = check.run(&db).await;
        found.unwrap_or_else(|finding| panic!("{}: {finding}", check.name));
    }
    let folder = tempfile::tempdir().unwrap();
    let options = CaptureOptions::new(folder.path(), BaselineName::default());
    let baseline = capture(&db, &options).await.unwrap();
    let report = check(&db, &baseline, &HealthOptions::default()).await;
    assert_eq!(report.exit_code(), 0, "{}", render_text(&report));

    // Row for row the same, and yet another database.
    let copy = Database::connect(&server.target("copy")).await.unwrap();
    let report = check(&copy, &baseline, &HealthOptions::default()).await;
    assert_eq!(report.exit_code(), 1);
    assert!(report.identity.verdict.is_refuted());
    let compared = |name: &&String| name.starts_with("table:");
    let judged = report.checks.iter().filter(|(name, _)| compared(name));
    assert!(
        judged
            .into_iter()
            .all(|(_, check)| !check.verdict.is_proven()),
        "nothing is called right across databases"
    );
    server.stop().await.unwrap();
}
