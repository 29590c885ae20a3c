//! Baselines are complete, whole and never overwritten.

use nba_db::fingerprint::TableName;
use nba_monitoring::baseline::{Baseline, BaselineError, BaselineName, Content, capture, list};
use nba_monitoring::rules::RuleOrigin;
use nba_utils::Hint as _;

use crate::platform::{DATABASE, Platform};

#[tokio::test]
async fn a_baseline_comes_back_as_it_was() {
    let platform = Platform::start().await;
    let taken = platform.capture().await;
    assert!(taken.complete.is_proven());
    assert_eq!(taken.tables.len(), 13);
    assert_eq!(
        list(&platform.baselines()).unwrap(),
        [BaselineName::default()]
    );
    let loaded = Baseline::load(&platform.baselines(), &BaselineName::default()).unwrap();
    assert_eq!(loaded, taken);
    assert!(loaded.digest().is_some());

    let games = &loaded.tables[&TableName::new("public", "games")];
    assert_eq!(games.content.fingerprint().unwrap().rows, 400);
    assert_eq!(games.rule.origin, RuleOrigin::Documented);
    let rows = loaded
        .rows(&TableName::new("public", "games"))
        .unwrap()
        .read(|_| true)
        .unwrap();
    assert_eq!(rows.len(), 400);
    assert!(
        rows.iter()
            .all(|row| row.key.is_some() && row.values.is_some())
    );
    assert_eq!(
        loaded.tables[&TableName::new("public", "shot_charts")]
            .rule
            .origin,
        RuleOrigin::Unknown
    );
}

#[tokio::test]
async fn an_existing_baseline_is_not_overwritten() {
    let platform = Platform::start().await;
    let taken = platform.capture().await;
    platform.execute("delete from play_by_play").await;
    let error = capture(&platform.db, &platform.capture_options())
        .await
        .unwrap_err();
    assert!(matches!(error, BaselineError::Exists { .. }), "{error}");
    assert!(error.hint().unwrap().contains("another --name"));
    assert_eq!(
        Baseline::load(&platform.baselines(), &BaselineName::default()).unwrap(),
        taken
    );
    assert_eq!(
        std::fs::read_dir(platform.baselines()).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[tokio::test]
async fn an_edited_baseline_is_refused() {
    let platform = Platform::start().await;
    let taken = platform.capture().await;
    let path = taken.folder().unwrap().join("baseline.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"critical\"", "\"warning\"", 1)).unwrap();
    let error = Baseline::load(&platform.baselines(), &BaselineName::default()).unwrap_err();
    assert!(matches!(error, BaselineError::Damaged { .. }), "{error}");
    let missing =
        Baseline::load(&platform.baselines(), &BaselineName::new("other").unwrap()).unwrap_err();
    assert!(
        matches!(missing, BaselineError::Missing { .. }),
        "{missing}"
    );
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_kept_as_unmeasured() {
    let platform = Platform::start().await;
    platform
        .execute("create role reader login; grant select on all tables in schema public, odds, rag to reader; grant usage on schema odds, rag to reader; revoke select on games from reader")
        .await;
    let mut target = platform.server.target(DATABASE);
    target.user = "reader".to_owned();
    let db = nba_db::Database::connect(&target).await.unwrap();
    let baseline = capture(&db, &platform.capture_options()).await.unwrap();
    assert!(!baseline.complete.is_proven());
    let Content::NotMeasured(reason) = &baseline.tables[&TableName::new("public", "games")].content
    else {
        panic!("measured")
    };
    assert!(
        reason.contains("permission denied") && reason.contains("42501"),
        "{reason}"
    );
    assert!(
        baseline.tables[&TableName::new("public", "teams")]
            .content
            .fingerprint()
            .is_some()
    );
}

#[tokio::test]
async fn a_table_name_cannot_leave_the_folder() {
    let platform = Platform::start().await;
    platform.execute(r#"create table "../../evil" (id int); insert into "../../evil" values (1); create table "Ünïcode / space" ("a b" int); insert into "Ünïcode / space" values (2)"#).await;
    let baseline = platform.capture().await;
    assert!(baseline.complete.is_proven(), "{:?}", baseline.complete);
    assert!(
        baseline
            .rows(&TableName::new("public", "../../evil"))
            .unwrap()
            .read(|_| true)
            .unwrap()
            .len()
            == 1
    );
    assert!(platform.check(&baseline).await.verdict.is_proven());
    let files = std::fs::read_dir(baseline.folder().unwrap().join("rows"))
        .unwrap()
        .count();
    assert_eq!(
        files,
        baseline
            .tables
            .values()
            .filter(|table| table.rows.is_some())
            .count()
    );
}

#[tokio::test]
async fn a_failed_look_beside_the_tables_is_not_stored_as_nothing_there() {
    let platform = Platform::start().await;
    platform
        .execute(
            "create role reader login; grant usage on schema odds, rag to reader;
             grant select on all tables in schema public, odds, rag to reader;
             grant execute on function pg_control_system() to reader;
             revoke execute on function pg_get_viewdef(oid), pg_get_indexdef(oid) from public;
             revoke select on games, dims_metrics_snapshots from reader",
        )
        .await;
    let mut target = platform.server.target(DATABASE);
    target.user = "reader".to_owned();
    let db = nba_db::Database::connect(&target).await.unwrap();
    let baseline = capture(&db, &platform.capture_options()).await.unwrap();
    assert_eq!(baseline.complete.exit_code(), 2);
    assert!(baseline.views.measured().is_none());
    assert!(baseline.schema.measured().is_none());
    assert!(baseline.twin_games.measured().is_none());
    assert!(baseline.activity.measured().is_none());
    let reasons = baseline.complete.reasons().join("; ");
    assert!(reasons.contains("list the views"), "{reasons}");

    platform
        .execute("drop view unified_schedule; grant execute on function pg_get_viewdef(oid), pg_get_indexdef(oid) to public")
        .await;
    let report = platform.check(&baseline).await;
    for name in [
        "views",
        "schema",
        "natural_key:public.games",
        "dims_monitoring",
        "recent_data_activity",
        "baseline_complete",
    ] {
        let check = &report.checks[name];
        assert_eq!(check.verdict.as_str(), "not_proven", "{name}");
    }
    assert_eq!(report.exit_code(), 2);
}

#[tokio::test]
async fn an_incomplete_baseline_is_never_healthy() {
    let platform = Platform::start().await;
    let mut baseline = platform.capture().await;
    assert_eq!(platform.check(&baseline).await.exit_code(), 0);
    baseline.complete = nba_utils::Verdict::not_proven("something was not measured");
    let report = platform.check(&baseline).await;
    assert_eq!(report.exit_code(), 2);
    assert_eq!(report.degraded_checks, ["baseline_complete"]);
}

#[tokio::test]
async fn drafts_of_killed_runs_are_swept_and_those_at_work_are_not() {
    let platform = Platform::start().await;
    let dead = platform.baselines().join(".draft-default-1/rows");
    let live = platform.baselines().join(".draft-default-2/rows");
    for folder in [&dead, &live] {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("public.games.parquet"), "half").unwrap();
    }
    let held = std::fs::File::open(live.parent().unwrap()).unwrap();
    held.lock().unwrap();
    platform.capture().await;
    assert!(!dead.parent().unwrap().exists());
    assert!(live.join("public.games.parquet").exists());
}
