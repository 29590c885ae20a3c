//! The production-shaped replica: healthy as built, and every planted defect found under its name with its key.

use nba_config::DatabaseTarget;
use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_monitoring::baseline::{Baseline, BaselineName, CaptureOptions, capture};
use nba_monitoring::health::{
    HealthOptions, HealthReport, Overall, RowDifference, check, render_text,
};
use nba_monitoring::rules::RuleOrigin;
use nba_testkit::defects::{Defect, Planted};
use nba_testkit::local_copy;
use nba_testkit::plan::{PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};

use crate::platform::{DATABASE, table};

/// 90 games with 40,000 plays: enough for every table that has rows to have some.
const SCALE: f64 = 0.002;

async fn server() -> (EmbeddedServer, DatabaseTarget) {
    let server = EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap();
    server.create_database(DATABASE).await.unwrap();
    let target = server.target(DATABASE);
    (server, target)
}

struct Guarded {
    db: Database,
    target: DatabaseTarget,
    baseline: Baseline,
}

impl Guarded {
    async fn check(&self) -> HealthReport {
        check(&self.db, &self.baseline, &HealthOptions::default()).await
    }

    async fn plant(&self, defect: Defect) -> (Planted, HealthReport) {
        let planted = defect.plant(&self.target).await.unwrap();
        (planted, self.check().await)
    }
}

fn first<'a>(report: &'a HealthReport, name: &str) -> &'a RowDifference {
    &table(report, name).differences.as_ref().unwrap().rows[0]
}

fn key_text(row: &RowDifference) -> String {
    let parts: Vec<String> = row
        .key
        .iter()
        .map(|(column, value)| format!("{column}={}", value.as_deref().unwrap_or("NULL")))
        .collect();
    parts.join(", ")
}

#[tokio::test]
async fn each_planted_defect_is_found_with_its_key() {
    let (_server, target) = server().await;
    let plan = PlanOptions {
        scale: Scale::new(SCALE).unwrap(),
        ..PlanOptions::default()
    };
    let built = Replica::build(
        &target,
        ReplicaOptions {
            plan,
            ..ReplicaOptions::default()
        },
        |_| {},
    )
    .await
    .unwrap();
    let db = Database::connect(&target).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = CaptureOptions::new(folder.path(), BaselineName::default());
    let baseline = capture(&db, &options).await.unwrap();
    assert_eq!(
        (baseline.tables.len(), baseline.total_rows()),
        (54, built.total_rows)
    );
    assert!(baseline.complete.is_proven(), "{:?}", baseline.complete);
    let unknown: Vec<String> = baseline
        .tables
        .iter()
        .filter(|(_, table)| table.rule.origin != RuleOrigin::Documented)
        .map(|(name, _)| name.to_string())
        .collect();
    assert_eq!(
        unknown, [""; 0],
        "every table of production has a documented rule that fits what it holds"
    );
    let guarded = Guarded {
        db,
        target,
        baseline,
    };
    let report = guarded.check().await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Healthy, 0),
        "{}",
        render_text(&report)
    );

    // One after the other, so each is found beside the ones before it.
    let (planted, report) = guarded.plant(Defect::ValueChanged).await;
    let row = first(&report, planted.table);
    assert_eq!(key_text(row), planted.key);
    let change = row
        .columns
        .iter()
        .find(|change| Some(change.column.as_str()) == planted.column)
        .unwrap();
    assert_eq!(
        (&change.expected, &change.actual),
        (&planted.before, &planted.after)
    );
    assert_eq!(report.overall_status, Overall::Critical);
    assert!(
        table(&report, planted.table)
            .message
            .contains("the count is unchanged")
    );

    let (planted, report) = guarded.plant(Defect::ValuesSwapped).await;
    assert_eq!(
        table(&report, planted.table)
            .differences
            .as_ref()
            .unwrap()
            .changed,
        3
    );

    let (planted, report) = guarded.plant(Defect::RowDeleted).await;
    assert_eq!(key_text(first(&report, planted.table)), planted.key);
    assert!(
        report
            .degraded_checks
            .contains(&"espn_pbp_count".to_owned())
    );

    let (planted, report) = guarded.plant(Defect::GameDuplicated).await;
    let message = &report.checks["natural_key:public.games"].message;
    let second = planted.key.trim_start_matches("game_id=");
    assert!(
        message.contains(second) && message.contains(&planted.before.unwrap()),
        "{message}"
    );

    let (planted, report) = guarded.plant(Defect::RowsDoubled).await;
    assert_eq!(
        table(&report, planted.table)
            .differences
            .as_ref()
            .unwrap()
            .duplicated,
        planted.rows
    );

    let (planted, report) = guarded.plant(Defect::TableEmptied).await;
    assert!(
        table(&report, planted.table)
            .message
            .starts_with("emptied:"),
        "{}",
        table(&report, planted.table).message
    );
    assert!(
        report
            .degraded_checks
            .contains(&"box_score_teams".to_owned())
    );

    let (_, report) = guarded.plant(Defect::KeyDropped).await;
    assert!(
        report.checks["catalogue"]
            .message
            .contains("key of public.play_by_play was (play_id), is none")
    );

    let (planted, report) = guarded.plant(Defect::TableDropped).await;
    assert!(
        table(&report, planted.table)
            .message
            .starts_with("the table is gone")
    );

    // The other database of the same name, with more games than this one.
    let (_other, other_target) = server().await;
    local_copy::build(&other_target, Scale::new(SCALE).unwrap())
        .await
        .unwrap();
    let other = Database::connect(&other_target).await.unwrap();
    let report = check(&other, &guarded.baseline, &HealthOptions::default()).await;
    assert!(report.identity.verdict.is_refuted() && !report.checks.contains_key("catalogue"));
    assert_eq!(report.exit_code(), 1);
}
