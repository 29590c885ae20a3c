//! Each defect is planted and found under its name, with the key; and nothing is found where nothing is wrong.

use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_monitoring::health::{
    DifferenceKind, HealthOptions, HealthReport, Overall, Status, check, render_text,
};

use crate::platform::{DATABASE, Platform, degraded, table, writer};

#[tokio::test]
async fn an_untouched_platform_is_healthy() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    let report = platform.check(&baseline).await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Healthy, 0),
        "{}",
        render_text(&report)
    );
    assert!(report.verdict.is_proven() && report.degraded_checks.is_empty());
    for name in [
        "database_connection",
        "games_count",
        "espn_pbp_count",
        "hoopr_pbp_count",
        "box_score_players",
        "box_score_teams",
        "recent_data_activity",
        "dims_monitoring",
    ] {
        assert!(report.checks.contains_key(name), "{name}");
    }
    assert_eq!(report.checks["games_count"].expected, 400);
    assert_eq!(
        report
            .checks
            .keys()
            .filter(|name| name.starts_with("table:"))
            .count(),
        13
    );
}

#[tokio::test]
async fn work_as_usual_raises_no_alarm() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform
        .execute(
            "insert into games (game_id, game_date, home_team_id, away_team_id) values ('500000001', '2025-11-01', '1', '2');
             insert into play_by_play (play_id, game_id) values ('5000000011', '500000001');
             insert into hoopr_play_by_play values (500000001, '1', 'new', 2026);
             update odds.odds_snapshots set price = 1; delete from odds.odds_snapshots where snapshot_id = 1;
             update dims_config set value = '2';
             vacuum analyze"
                .split("vacuum")
                .next()
                .unwrap(),
        )
        .await;
    platform.execute("vacuum full").await;
    let report = platform.check(&baseline).await;
    assert_eq!(
        report.overall_status,
        Overall::Healthy,
        "{}",
        render_text(&report)
    );
    assert_eq!(
        table(&report, "public.games").message,
        "400 rows at the baseline all unchanged, 1 added"
    );
    assert_eq!(table(&report, "odds.odds_snapshots").status, Status::Skip);
}

#[tokio::test]
async fn a_deleted_row_is_named() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform
        .execute("delete from play_by_play where play_id = '40000007712'")
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Critical, 1)
    );
    assert_eq!(degraded(&report), ["table:public.play_by_play"]);
    assert!(
        report
            .degraded_checks
            .contains(&"espn_pbp_count".to_owned())
    );
    let check = table(&report, "public.play_by_play");
    assert_eq!(check.message, "1 row missing (play_id=40000007712)");
    assert_eq!(
        (check.expected.clone(), check.actual.clone()),
        (12_000.into(), 11_999.into())
    );
    let row = &check.differences.as_ref().unwrap().rows[0];
    assert_eq!(row.kind, DifferenceKind::Missing);
    assert_eq!(row.key["play_id"].as_deref(), Some("40000007712"));
    assert_eq!(
        row.expected.as_ref().unwrap()["play_text"].as_deref(),
        Some("play 12")
    );
}

#[tokio::test]
async fn a_changed_value_under_an_equal_count_is_named_with_old_and_new() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform
        .execute("update games set home_score = home_score + 1 where game_id = '400000123'")
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(degraded(&report), ["table:public.games"]);
    let check = table(&report, "public.games");
    assert_eq!(
        check.message,
        "1 row changed (game_id=400000123); the count is unchanged"
    );
    let differences = check.differences.as_ref().unwrap();
    assert_eq!((differences.changed, differences.rows.len()), (1, 1));
    let change = &differences.rows[0].columns;
    assert_eq!(change.len(), 1);
    assert_eq!(
        (
            change[0].column.as_str(),
            change[0].expected.as_deref(),
            change[0].actual.as_deref()
        ),
        ("home_score", Some("90"), Some("91"))
    );
    assert!(
        render_text(&report).contains("changed game_id=400000123: home_score `90` → `91`"),
        "{}",
        render_text(&report)
    );
}

#[tokio::test]
async fn a_changed_value_is_located_without_kept_values_too() {
    let platform = Platform::start().await;
    let mut options = platform.capture_options();
    options.max_value_rows = 0;
    let baseline = nba_monitoring::baseline::capture(&platform.db, &options)
        .await
        .unwrap();
    platform
        .execute("update games set season = null where game_id = '400000200'")
        .await;
    let report = platform.check(&baseline).await;
    let row = &table(&report, "public.games")
        .differences
        .as_ref()
        .unwrap()
        .rows[0];
    assert_eq!(row.key["game_id"].as_deref(), Some("400000200"));
    assert!(
        row.note
            .as_ref()
            .unwrap()
            .contains("columns that differ in it: season"),
        "{row:?}"
    );
    assert_eq!(row.actual.as_ref().unwrap()["season"], None);
}

#[tokio::test]
async fn a_game_under_a_second_id_is_named_with_both() {
    let platform = Platform::start().await;
    // One pair is there from the start, as on the real platform; it is known and no alarm.
    platform.execute("insert into games select '190302004', game_date, season, home_team_id, away_team_id, 1, 1 from games where game_id = '400000005'").await;
    let baseline = platform.capture().await;
    assert_eq!(
        baseline
            .twin_games
            .measured()
            .unwrap()
            .as_ref()
            .unwrap()
            .len(),
        1
    );
    assert!(platform.check(&baseline).await.verdict.is_proven());
    platform
        .execute(
            "insert into games select '249999999', game_date + 1, season, home_team_id, away_team_id, home_score, away_score
             from games where game_id = '400000042'",
        )
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(
        degraded(&report),
        ["natural_key:public.games"],
        "{}",
        render_text(&report)
    );
    let check = &report.checks["natural_key:public.games"];
    assert_eq!(check.status, Status::Critical);
    assert!(
        check.message.contains("249999999 and 400000042"),
        "{}",
        check.message
    );
}

#[tokio::test]
async fn an_emptied_table_is_named() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform.execute("truncate box_score_players").await;
    let report = platform.check(&baseline).await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Critical, 1)
    );
    assert_eq!(degraded(&report), ["table:public.box_score_players"]);
    assert_eq!(
        table(&report, "public.box_score_players").message,
        "emptied: 4,000 rows expected, none left"
    );
}

#[tokio::test]
async fn a_lost_table_alone_is_critical() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform.execute("drop table hoopr_play_by_play").await;
    let report = platform.check(&baseline).await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Critical, 1)
    );
    assert_eq!(
        degraded(&report),
        ["catalogue", "table:public.hoopr_play_by_play"]
    );
    assert_eq!(
        table(&report, "public.hoopr_play_by_play").message,
        "the table is gone, 8,000 rows lost"
    );
    assert_eq!(
        report.checks["catalogue"].message,
        "table missing: public.hoopr_play_by_play"
    );
}

#[tokio::test]
async fn another_database_of_the_same_name_is_refused_before_anything_is_compared() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    let other = EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap();
    other.create_database(DATABASE).await.unwrap();
    let db = Database::connect(&other.target(DATABASE)).await.unwrap();
    let report = check(&db, &baseline, &HealthOptions::default()).await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Critical, 1)
    );
    assert!(report.identity.verdict.is_refuted());
    assert_eq!(report.checks["identity"].status, Status::Critical);
    assert!(
        !report.checks.contains_key("catalogue"),
        "nothing was compared"
    );
    let games = table(&report, "public.games");
    assert_eq!(
        (games.status, games.actual.clone()),
        (Status::Error, serde_json::Value::Null)
    );
    assert!(
        report
            .verdict
            .reasons()
            .iter()
            .any(|reason| reason.contains("system identifier")),
        "{:?}",
        report.verdict
    );
}

#[tokio::test]
async fn a_recreated_database_is_another_one() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform.db.close().await;
    platform.server.drop_database(DATABASE).await.unwrap();
    platform.server.create_database(DATABASE).await.unwrap();
    let db = Database::connect(&platform.server.target(DATABASE))
        .await
        .unwrap();
    let report = check(&db, &baseline, &HealthOptions::default()).await;
    assert!(
        report.identity.verdict.is_refuted(),
        "{:?}",
        report.identity.verdict
    );
}

#[tokio::test]
async fn an_unreachable_database_is_unproven_not_empty() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    let mut target = platform.server.target(DATABASE);
    target.settings.acquire_timeout = std::time::Duration::from_secs(2);
    let db = Database::connect(&target).await.unwrap();
    platform.server.stop().await.unwrap();
    let report = check(&db, &baseline, &HealthOptions::default()).await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Error, 2),
        "{}",
        render_text(&report)
    );
    assert_eq!(report.checks["database_connection"].status, Status::Error);
    assert_eq!(report.checks["games_count"].actual, serde_json::Value::Null);
}

#[tokio::test]
async fn rules_about_numbers_are_kept() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform
        .execute(
            "insert into players values ('2544');
             insert into rag.play_embeddings (embedding) values ('{1}');
             delete from odds.odds_snapshots;
             delete from dims_config;
             insert into shot_charts (x) select 1 from generate_series(1, 6)",
        )
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(report.overall_status, Overall::Warning);
    let message = |name| table(&report, name).message.as_str();
    assert_eq!(message("public.players"), "expected to be empty, has 1 row");
    assert_eq!(
        message("rag.play_embeddings"),
        "expected to be empty, has 1 row"
    );
    assert_eq!(message("odds.odds_snapshots"), "lost all 40 rows");
    assert_eq!(message("public.dims_config"), "0 rows: at least 1 expected");
    assert_eq!(
        message("public.shot_charts"),
        "grew from 50 to 56 rows, at most 10 % more expected"
    );
    assert_eq!(degraded(&report).len(), 5);
}

#[tokio::test]
async fn rows_loaded_twice_into_a_keyless_table_are_found() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform.execute("insert into hoopr_play_by_play select * from hoopr_play_by_play where game_id = 400000001").await;
    let report = platform.check(&baseline).await;
    assert_eq!(degraded(&report), ["table:public.hoopr_play_by_play"]);
    let check = table(&report, "public.hoopr_play_by_play");
    assert_eq!(check.message, "20 rows there more than once");
    assert_eq!(check.differences.as_ref().unwrap().duplicated, 20);
    assert!(
        check.differences.as_ref().unwrap().rows[0].actual.is_some(),
        "the row itself stands in for the key"
    );
}

#[tokio::test]
async fn a_row_replaced_in_a_keyless_table_is_found() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform.execute("update hoopr_play_by_play set season = 0 where game_id = 400000001 and sequence_number = '9'").await;
    let report = platform.check(&baseline).await;
    let differences = table(&report, "public.hoopr_play_by_play")
        .differences
        .as_ref()
        .unwrap();
    assert_eq!(
        (differences.missing, differences.added, differences.changed),
        (1, 1, 0)
    );
    assert_eq!(
        differences.rows[0].expected.as_ref().unwrap()["season"],
        None
    );
    assert_eq!(
        differences.rows[1].actual.as_ref().unwrap()["season"].as_deref(),
        Some("0")
    );
}

#[tokio::test]
async fn catalogue_changes_are_named_both_ways() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform
        .execute(
            "create table surprise (id int);
             alter table games add column note text;
             alter table teams drop column team_name;
             alter table box_score_teams alter home_team_score type bigint;
             alter table shot_charts drop constraint shot_charts_pkey;
             drop view unified_schedule",
        )
        .await;
    let report = platform.check(&baseline).await;
    let catalogue = &report.checks["catalogue"].message;
    for part in [
        "unexpected table: public.surprise",
        "column added to public.games: note",
        "public.teams: column removed: team_name",
        "public.box_score_teams: column type changed: home_team_score from integer to bigint",
        "key of public.shot_charts was (id), is none",
    ] {
        assert!(catalogue.contains(part), "{part}: {catalogue}");
    }
    assert_eq!(
        report.checks["views"].message,
        "view missing: public.unified_schedule"
    );
    assert_eq!(table(&report, "public.teams").status, Status::Critical);
    assert_eq!(
        table(&report, "public.games").status,
        Status::Ok,
        "the rows themselves are unchanged"
    );
}

#[tokio::test]
async fn a_locked_table_is_unproven_and_the_others_are_not() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    let mut target = platform.server.target(DATABASE);
    target.settings.lock_timeout = std::time::Duration::from_millis(200);
    let db = Database::connect(&target).await.unwrap();
    let (locker, connection) = nba_db::tokio_postgres::connect(
        &platform.server.url(DATABASE),
        nba_db::tokio_postgres::NoTls,
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    locker
        .batch_execute("begin; lock table teams in access exclusive mode")
        .await
        .unwrap();
    let report = check(&db, &baseline, &HealthOptions::default()).await;
    assert_eq!(
        (report.overall_status, report.exit_code()),
        (Overall::Error, 2),
        "{}",
        render_text(&report)
    );
    let teams = table(&report, "public.teams");
    assert!(
        teams.message.contains("55P03") && teams.actual.is_null(),
        "{}",
        teams.message
    );
    assert_eq!(
        degraded(&report),
        ["schema", "table:public.teams"],
        "definitions cannot be read under an exclusive lock either"
    );
    assert_eq!(report.checks["schema"].verdict.as_str(), "not_proven");
}

#[tokio::test]
async fn damaged_row_evidence_is_named_at_once_and_blocks_the_proof_of_its_table_where_it_is_needed()
 {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    let path = baseline.folder().unwrap().join("rows/public.games.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let report = platform.check(&baseline).await;
    assert!(
        table(&report, "public.games").verdict.is_proven(),
        "equal fingerprints need no rows"
    );
    assert_eq!(report.degraded_checks, ["baseline_rows"]);
    let message = &report.checks["baseline_rows"].message;
    assert!(message.contains("public.games.parquet"), "{message}");
    assert_eq!(report.exit_code(), 2);
    platform.execute("insert into games (game_id, game_date, home_team_id, away_team_id) values ('5', '2025-11-01', '1', '2')").await;
    let report = platform.check(&baseline).await;
    let games = table(&report, "public.games");
    assert_eq!(games.status, Status::Error, "{}", games.message);
    assert!(
        games.message.contains("changed or damaged"),
        "{}",
        games.message
    );
    assert_eq!(report.exit_code(), 2);
}

#[tokio::test]
async fn activity_that_stops_after_the_baseline_is_a_warning() {
    let platform = Platform::start().await;
    platform.execute("insert into dims_metrics_snapshots (snapshot_date, created_at) values (current_date, localtimestamp)").await;
    let baseline = platform.capture().await;
    assert_eq!(
        platform.check(&baseline).await.checks["dims_monitoring"].status,
        Status::Ok
    );
    platform
        .execute("update dims_metrics_snapshots set created_at = created_at - interval '3 days'")
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(report.checks["dims_monitoring"].status, Status::Warning);
    assert_eq!(report.checks["dims_monitoring"].extra["snapshots_24h"], 0);
    assert_eq!(report.checks["recent_data_activity"].status, Status::Skip);
}

#[tokio::test]
async fn a_report_survives_its_files() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    platform.execute("delete from teams where team_id not in (select home_team_id from games) or team_id = '99'; update games set season = 'x' where game_id = '400000001'").await;
    let report = platform.check(&baseline).await;
    let folder = platform.folder.path().join("refactoring_logs");
    let files = nba_monitoring::health::write_report(&folder, &report).unwrap();
    for path in [&files.latest, &files.kept] {
        let read: HealthReport = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(read, report);
    }
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&files.latest).unwrap()).unwrap();
    for key in [
        "timestamp",
        "check_number",
        "overall_status",
        "degraded_checks",
        "checks",
    ] {
        assert!(!json[key].is_null(), "{key}");
    }
    assert!(json["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(json["checks"]["games_count"]["status"], "critical");
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        2,
        "no draft is left"
    );
}

#[tokio::test]
async fn an_abandoned_run_stops_on_the_server() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    let locker = writer(&platform.server).await;
    // Another connection: inside a transaction the activity view stands still.
    let observer = writer(&platform.server).await;
    locker
        .batch_execute("begin; lock table games in access exclusive mode")
        .await
        .unwrap();
    let running = "select count(*) from pg_stat_activity
        where application_name like 'nba/%' and state = 'active' and wait_event_type = 'Lock'";
    {
        let options = HealthOptions::default();
        let run = check(&platform.db, &baseline, &options);
        let seen = async {
            while observer
                .query_one(running, &[])
                .await
                .unwrap()
                .get::<_, i64>(0)
                == 0
            {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            report = run => panic!("the run ended before it was abandoned: {}", render_text(&report)),
            () = seen => {}
        }
    }
    // The lock time-out is five seconds; a cancelled statement is gone at once.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3);
    while observer
        .query_one(running, &[])
        .await
        .unwrap()
        .get::<_, i64>(0)
        > 0
    {
        assert!(
            std::time::Instant::now() < deadline,
            "the statement still waits on the server"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn damaged_row_evidence_does_not_hide_a_change_that_the_fingerprint_shows() {
    let platform = Platform::start().await;
    let baseline = platform.capture().await;
    let path = baseline.folder().unwrap().join("rows/public.games.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    platform
        .execute("update games set home_score = home_score + 1 where game_id = '400000123'")
        .await;
    let report = platform.check(&baseline).await;
    let games = table(&report, "public.games");
    assert_eq!(games.status, Status::Critical, "{}", games.message);
    assert!(
        games
            .message
            .starts_with("contents differ in home_score; the count is unchanged"),
        "{}",
        games.message
    );
    assert_eq!(report.exit_code(), 1);
    platform
        .execute("alter table play_by_play drop constraint play_by_play_game_id_fkey; delete from games where game_id = '400000124'")
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(table(&report, "public.games").status, Status::Critical);
}

#[tokio::test]
async fn a_change_above_the_limit_of_row_evidence_is_refuted() {
    let platform = Platform::start().await;
    let mut options = platform.capture_options();
    options.max_rows_kept = 100;
    let baseline = nba_monitoring::baseline::capture(&platform.db, &options)
        .await
        .unwrap();
    assert!(platform.check(&baseline).await.verdict.is_proven());
    platform
        .execute("update games set home_score = home_score + 1 where game_id = '400000123'")
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(table(&report, "public.games").status, Status::Critical);
}

#[tokio::test]
async fn the_first_row_of_an_empty_append_only_table_is_no_alarm() {
    let platform = Platform::start().await;
    platform
        .execute("create table notes (id int primary key, note text)")
        .await;
    let baseline = platform.capture().await;
    platform.execute("insert into notes values (1, 'x')").await;
    let report = platform.check(&baseline).await;
    assert_eq!(report.exit_code(), 0, "{}", render_text(&report));
    assert_eq!(
        table(&report, "public.notes").message,
        "empty at the baseline, 1 row added"
    );
}

#[tokio::test]
async fn what_belongs_to_a_table_is_compared_too() {
    let platform = Platform::start().await;
    platform
        .execute(
            "create index games_season on games (season);
             alter table games add constraint scores check (home_score >= 0);
             create function nothing() returns trigger language plpgsql as 'begin return new; end';
             create trigger watch before insert on games for each row execute function nothing();
             create sequence numbers",
        )
        .await;
    let baseline = platform.capture().await;
    assert!(platform.check(&baseline).await.verdict.is_proven());
    platform
        .execute(
            "drop index games_season;
             alter table games drop constraint scores, alter season set default 'x', alter game_date drop not null;
             alter table games disable trigger watch;
             drop sequence numbers",
        )
        .await;
    let report = platform.check(&baseline).await;
    assert_eq!(degraded(&report), ["schema"], "{}", render_text(&report));
    assert_eq!(report.checks["schema"].status, Status::Warning);
    let message = &report.checks["schema"].message;
    for part in [
        "public.games: column game_date changed",
        "public.games: column season changed",
        "public.games: constraint scores missing",
        "public.games: index games_season missing",
        "public.games: trigger watch changed",
        "sequence missing: public.numbers",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
