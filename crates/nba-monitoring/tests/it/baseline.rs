//! Baselines are complete, whole, replaced only by approval, and go on where they were interrupted.

use nba_db::fingerprint::TableName;
use nba_monitoring::baseline::{
    Baseline, BaselineError, BaselineName, CaptureOptions, Content, RowsKept, Standing, capture,
    discard, list, promote, review, unfinished,
};
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
async fn a_later_capture_waits_until_it_is_approved() {
    let platform = Platform::start().await;
    let (folder, name) = (platform.baselines(), BaselineName::default());
    let taken = platform.capture().await;
    assert_eq!(taken.standing(), Standing::Effective);
    assert!(matches!(
        review(&folder, &name),
        Err(BaselineError::NoCandidate { .. })
    ));
    platform
        .execute("delete from play_by_play where play_id < '4000001'; update teams set team_name = 'X' where team_id = '7'")
        .await;
    // What was measured is not what is expected: health stays red (monitoring dossier F25).
    let mut options = platform.capture_options();
    options.taken_by = "run 2".to_owned();
    let candidate = capture(&platform.db, &options).await.unwrap();
    assert_eq!(candidate.standing(), Standing::Candidate);
    let effective = Baseline::load(&folder, &name).unwrap();
    assert_eq!(effective, taken);
    assert_eq!(list(&folder).unwrap(), std::slice::from_ref(&name));
    assert_eq!(platform.check(&effective).await.exit_code(), 1);
    // A third does not replace the second.
    let error = capture(&platform.db, &options).await.unwrap_err();
    assert!(matches!(error, BaselineError::Exists { .. }), "{error}");
    assert!(error.hint().unwrap().contains("approve"));

    let seen = review(&folder, &name).unwrap();
    assert_eq!(seen.taken_by, "run 2");
    let changes: Vec<(String, &str)> = seen
        .changes
        .iter()
        .map(|change| (change.table.to_string(), change.message.as_str()))
        .collect();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(changes[0].0, "public.play_by_play");
    assert!(changes[0].1.starts_with("12,000 → "), "{changes:?}");
    assert_eq!(
        changes[1],
        (
            "public.teams".to_owned(),
            "30 rows, other values in team_name"
        )
    );
    let approval = promote(&folder, &name, &seen).unwrap();
    assert_eq!(approval.effective.digest(), candidate.digest());
    assert_eq!(approval.effective.standing(), Standing::Effective);
    assert!(approval.superseded.unwrap().join("baseline.json").exists());
    assert_eq!(platform.check(&approval.effective).await.exit_code(), 0);
    // What was reviewed is what is approved, and nothing else.
    capture(&platform.db, &options).await.unwrap();
    let error = promote(&folder, &name, &seen).unwrap_err();
    assert!(
        error.to_string().contains("not the one that was reviewed"),
        "{error}"
    );
    discard(&folder, &name).unwrap();
    assert!(matches!(
        discard(&folder, &name),
        Err(BaselineError::NoCandidate { .. })
    ));
    assert_eq!(
        Baseline::load(&folder, &name).unwrap().digest(),
        candidate.digest()
    );
}

#[tokio::test]
async fn an_approval_that_was_interrupted_is_finished_by_the_next() {
    let platform = Platform::start().await;
    let (folder, name) = (platform.baselines(), BaselineName::default());
    platform.capture().await;
    let candidate = platform.capture().await;
    // Killed between its two steps.
    std::fs::rename(folder.join("default"), folder.join(".superseded-default-x")).unwrap();
    let error = Baseline::load(&folder, &name).unwrap_err();
    assert!(error.hint().unwrap().contains("repeat it"), "{error}");
    let error = capture(&platform.db, &platform.capture_options())
        .await
        .unwrap_err();
    assert!(matches!(error, BaselineError::Exists { .. }), "{error}");
    let seen = review(&folder, &name).unwrap();
    assert_eq!(seen.replaces, None);
    let approval = promote(&folder, &name, &seen).unwrap();
    assert_eq!(approval.effective.digest(), candidate.digest());
}

#[tokio::test]
async fn a_candidate_of_another_database_cannot_be_approved() {
    let platform = Platform::start().await;
    platform.capture().await;
    platform.server.create_database("other").await.unwrap();
    let db = nba_db::Database::connect(&platform.server.target("other"))
        .await
        .unwrap();
    capture(&db, &platform.capture_options()).await.unwrap();
    let error = review(&platform.baselines(), &BaselineName::default()).unwrap_err();
    assert!(
        error.to_string().contains("not the same database"),
        "{error}"
    );
}

/// Abandons a capture after some tables are finished.
async fn interrupt(platform: &Platform, options: &CaptureOptions) {
    let locker = crate::platform::writer(&platform.server).await;
    locker
        .batch_execute("begin; lock table shot_charts in access exclusive mode")
        .await
        .unwrap();
    let finished = platform.baselines().join(".draft-default/finished");
    let wait = async {
        while std::fs::read_dir(&finished).map_or(0, Iterator::count) < 8 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        taken = capture(&platform.db, options) => panic!("not interrupted: {taken:?}"),
        () = wait => {}
    }
    locker.batch_execute("rollback").await.unwrap();
}

#[tokio::test]
async fn an_interrupted_capture_goes_on_and_never_mixes_snapshots_silently() {
    let platform = Platform::start().await;
    let mut options = platform.capture_options();
    options.effort.connections = std::num::NonZeroUsize::MIN;
    platform
        .execute("analyze; select pg_stat_force_next_flush()")
        .await;
    interrupt(&platform, &options).await;
    assert_eq!(list(&platform.baselines()).unwrap(), []);
    assert_eq!(
        unfinished(&platform.baselines()).unwrap(),
        [BaselineName::default()]
    );
    // One finished table is written, and the rows of another are damaged.
    platform
        .execute("update games set home_score = 0 where game_id = '400000001'; select pg_stat_force_next_flush()")
        .await;
    let rows = platform.baselines().join(".draft-default/rows");
    let damaged = rows.join("public.box_score_players.parquet");
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    std::fs::write(rows.join("public.gone.parquet"), "of a table that is gone").unwrap();

    let taken = platform.capture_with(&options).await;
    assert!(taken.complete.is_proven());
    let carried: Vec<String> = taken
        .tables
        .iter()
        .filter(|(_, table)| table.carried.is_some())
        .map(|(name, _)| name.name.clone())
        .collect();
    assert!(carried.contains(&"play_by_play".to_owned()), "{carried:?}");
    for measured in ["games", "box_score_players", "shot_charts"] {
        assert!(!carried.contains(&measured.to_owned()), "{measured}");
    }
    let from = &taken.tables[&TableName::new("public", "play_by_play")]
        .carried
        .as_ref()
        .unwrap()
        .snapshot;
    assert!(from.taken_at < taken.snapshot.taken_at);
    assert!(!taken.folder().unwrap().join("finished").exists());
    assert!(
        !taken
            .folder()
            .unwrap()
            .join("rows/public.gone.parquet")
            .exists()
    );
    assert_eq!(unfinished(&platform.baselines()).unwrap(), []);
    // The same as an uninterrupted one.
    let mut other = platform.capture_options();
    other.name = BaselineName::new("whole").unwrap();
    let whole = platform.capture_with(&other).await;
    for (name, table) in &whole.tables {
        let resumed = &taken.tables[name];
        assert_eq!(table.content, resumed.content, "{name}");
        assert_eq!(table.rule, resumed.rule, "{name}");
        let rows = |baseline: &Baseline| {
            let mut rows = baseline.rows(name).map(|rows| rows.read(|_| true).unwrap());
            if let Some(rows) = &mut rows {
                rows.sort_by_key(|row| (row.key.clone(), row.hash));
            }
            rows
        };
        assert_eq!(rows(&whole), rows(&taken), "{name}");
    }
    assert!(platform.check(&taken).await.verdict.is_proven());
}

#[tokio::test]
async fn what_was_measured_with_other_options_is_not_taken_over() {
    let platform = Platform::start().await;
    let mut options = platform.capture_options();
    options.effort.connections = std::num::NonZeroUsize::MIN;
    platform.execute("analyze").await;
    interrupt(&platform, &options).await;
    options.rows = RowsKept::None;
    let taken = platform.capture_with(&options).await;
    assert!(
        taken
            .tables
            .values()
            .all(|table| table.carried.is_none() && table.rows.is_none())
    );
    assert_eq!(
        std::fs::read_dir(taken.folder().unwrap().join("rows"))
            .unwrap()
            .count(),
        0
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
async fn a_draft_at_work_is_left_alone() {
    let platform = Platform::start().await;
    let live = platform.baselines().join(".draft-default");
    std::fs::create_dir_all(live.join("rows")).unwrap();
    let held = std::fs::File::open(&live).unwrap();
    held.lock().unwrap();
    let error = capture(&platform.db, &platform.capture_options())
        .await
        .unwrap_err();
    assert!(matches!(error, BaselineError::Busy { .. }), "{error}");
    let error = discard(&platform.baselines(), &BaselineName::default()).unwrap_err();
    assert!(matches!(error, BaselineError::Busy { .. }), "{error}");
    drop(held);
    platform.capture().await;
    assert!(!live.exists());
}
