//! The built database is the planned one, twice the same, and never built over something else.

use std::{num::NonZeroUsize, time::Duration};

use nba_testkit::{
    plan::{Plan, Temporal},
    quirks::{self, Rate},
    replica::{Replica, ReplicaError, ReplicaOptions},
    schema,
    sim::Universe,
};

use crate::support::{Server, digests, number, options, rows};

#[tokio::test(flavor = "multi_thread")]
async fn counts_keys_views_and_quirks_are_the_planned_ones() {
    let server = Server::start().await;
    let options = options(0.01, Temporal::Filled);
    let report = server.build(options).await;
    let client = server.client().await;

    let plan = Plan::new(&Universe::new(options.seed), options.plan).unwrap();
    for table in schema::tables() {
        let count = number(&client, &format!("select count(*) from {}", table.name)).await;
        assert_eq!(
            u64::try_from(count).unwrap(),
            plan.rows(table.name),
            "{}",
            table.name
        );
        assert_eq!(
            report.rows[table.name],
            plan.rows(table.name),
            "{}",
            table.name
        );
    }
    assert_eq!(report.total_rows, plan.total_rows());

    tables_are_exactly_the_documented_ones(&client).await;
    keys_are_the_documented_ones(&client).await;
    views_answer(&client).await;
    rows_refer_to_rows(&client).await;
    sequences_continue(&client).await;
    let mut wrong = Vec::new();
    for quirk in quirks::all() {
        let row = &rows(&client, quirk.count_sql).await[0];
        let (found, base): (i64, i64) = (row.get(0), row.get(1));
        let [found, base] = [found, base].map(|count| f64::from(u32::try_from(count).unwrap()));
        let fits = match quirk.rate {
            Rate::Always => found == base && base > 0.0,
            Rate::Never => found == 0.0 && base > 0.0,
            Rate::Some => found > 0.0 && found <= base,
            Rate::About(share) => (found / base - share).abs() < 0.06,
            // A draw per game: four standard deviations.
            Rate::OneIn(n) => {
                let expected = base / f64::from(u32::try_from(n).unwrap());
                (found - expected).abs() <= 4.0 * expected.sqrt()
            }
        };
        if !fits {
            wrong.push(format!(
                "{}: {found} of {base}, wanted {:?}",
                quirk.name, quirk.rate
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn tables_are_exactly_the_documented_ones(client: &tokio_postgres::Client) {
    let found: Vec<String> = rows(
        client,
        "select table_schema || '.' || table_name from information_schema.tables
            where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema') order by 1",
    )
    .await
    .iter()
    .map(|row| row.get(0))
    .collect();
    let mut wanted: Vec<_> = schema::tables().map(|table| table.name).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for table in schema::tables() {
        let columns: Vec<String> = rows(
            client,
            &format!("select attname::text from pg_attribute where attrelid = '{}'::regclass and attnum > 0 order by attnum", table.name),
        )
        .await
        .iter()
        .map(|row| row.get(0))
        .collect();
        assert_eq!(
            columns,
            table.columns().collect::<Vec<_>>(),
            "{}",
            table.name
        );
    }
}

async fn keys_are_the_documented_ones(client: &tokio_postgres::Client) {
    let keyless = rows(
        client,
        "select relname::text from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace
            and not exists (select from pg_constraint where conrelid = c.oid and contype in ('p', 'u')) order by 1",
    )
    .await;
    let keyless: Vec<String> = keyless.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        keyless,
        [
            "hoopr_play_by_play",
            "hoopr_player_box",
            "hoopr_schedule",
            "hoopr_team_box"
        ]
    );
    assert_eq!(
        number(
            client,
            "select count(*) from pg_indexes where tablename like 'hoopr%'"
        )
        .await,
        6
    );
    assert_eq!(
        number(
            client,
            "select count(*) from pg_indexes where schemaname = 'raw_data'"
        )
        .await,
        29
    );
    let cascades = "select count(*) from pg_constraint where conrelid = 'games'::regclass and confdeltype = 'c'";
    assert_eq!(number(client, cascades).await, 2);
}

async fn views_answer(client: &tokio_postgres::Client) {
    let views = rows(
        client,
        "select format('%I.%I', schemaname, viewname) from pg_views where schemaname not in ('pg_catalog', 'information_schema')
            union all select format('%I.%I', schemaname, matviewname) from pg_matviews order by 1",
    )
    .await;
    assert_eq!(views.len(), 10);
    for view in views {
        let view: String = view.get(0);
        rows(client, &format!("select * from {view} limit 1")).await;
    }
    let plays = number(client, "select count(*) from unified_play_by_play").await;
    assert_eq!(
        plays,
        number(client, "select count(*) from hoopr_play_by_play").await
    );
    let all_null = "select count(*) from raw_data.games_summary where home_team is not null or home_score is not null";
    assert_eq!(number(client, all_null).await, 0);
    // Documented to fail: it reads columns that the table does not have.
    let broken = client
        .query(
            "select * from get_game_state_at_time('1', now()::timestamp)",
            &[],
        )
        .await;
    assert_eq!(
        broken
            .unwrap_err()
            .code()
            .map(|code| code.code().to_owned()),
        Some("42703".to_owned())
    );
}

async fn rows_refer_to_rows(client: &tokio_postgres::Client) {
    for orphans in [
        "select count(*) from box_score_players b where not exists (select from games g where g.game_id = b.game_id)",
        "select count(*) from box_score_teams b where not exists (select from games g where g.game_id = b.game_id)",
        "select count(*) from box_score_players b where not exists (select from box_score_teams t where t.game_id = b.game_id)",
        "select count(*) from hoopr_play_by_play p where not exists (select from hoopr_schedule s where s.game_id = p.game_id)",
        "select count(*) from hoopr_player_box p where not exists (select from hoopr_team_box t where t.game_id = p.game_id and t.team_id = p.team_id)",
        "select count(*) from team_seasons s where not exists (select from teams t where t.team_id = s.team_id)",
    ] {
        assert_eq!(number(client, orphans).await, 0, "{orphans}");
    }
}

async fn sequences_continue(client: &tokio_postgres::Client) {
    assert_eq!(
        number(client, "select nextval('dims_metrics_history_id_seq')").await,
        158
    );
    assert_eq!(
        number(client, "select nextval('plays_play_id_seq')::bigint").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_builds_are_equal_whatever_the_workers_do_and_another_seed_is_not() {
    let server = Server::start().await;
    let mut found = Vec::new();
    for (database, seed, workers) in [("one", 7, 1), ("two", 7, 5), ("three", 8, 2)] {
        server.embedded.create_database(database).await.unwrap();
        let workers = NonZeroUsize::new(workers).unwrap();
        let options = ReplicaOptions {
            seed,
            workers,
            ..options(0.002, Temporal::Filled)
        };
        Replica::build(&server.embedded.target(database), options, |_| {})
            .await
            .unwrap();
        found.push(digests(&server.client_of(database).await).await);
    }
    assert_eq!(found[0], found[1]);
    let differing = found[0]
        .iter()
        .zip(&found[2])
        .filter(|(one, other)| one != other)
        .count();
    assert!(differing >= 9, "only {differing} tables depend on the seed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_built_over_something_else() {
    let server = Server::start().await;
    let client = server.client().await;
    client
        .batch_execute("create table precious (id int)")
        .await
        .unwrap();
    let target = server.target();
    let build = || Replica::build(&target, options(0.001, Temporal::Empty), |_| {});
    let error = build().await.unwrap_err();
    assert!(
        matches!(
            error,
            ReplicaError::NotEmpty {
                replica: false,
                relations: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(!Replica::is_marked(&client).await.unwrap());

    client.batch_execute("drop table precious").await.unwrap();
    build().await.unwrap();
    assert!(Replica::is_marked(&client).await.unwrap());
    let error = build().await.unwrap_err();
    assert!(
        matches!(error, ReplicaError::NotEmpty { replica: true, .. }),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("drop database"));
}

#[tokio::test]
async fn another_machine_is_refused_without_connecting() {
    let target =
        nba_config::DatabaseTarget::from_url("postgres://u:p@db.example/nba_simulator").unwrap();
    let error = Replica::build(&target, ReplicaOptions::default(), |_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ReplicaError::NotLocal { host } if host == "db.example"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_is_an_error_not_a_hang() {
    let server = Server::start().await;
    let target = server.target();
    let build = tokio::spawn(async move {
        Replica::build(&target, options(0.1, Temporal::Empty), |_| {}).await
    });
    let client = server.client().await;
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while number(&client, "select count(*) from pg_stat_progress_copy").await < 5 {
        assert!(std::time::Instant::now() < deadline, "the load never began");
        tokio::task::yield_now().await;
    }
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_progress_copy";
    number(&client, kill).await;
    let error = tokio::time::timeout(Duration::from_secs(30), build)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, ReplicaError::Server { .. }), "{error:?}");
}
