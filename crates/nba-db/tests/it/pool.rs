//! Waiting, fairness, recovery and cleanliness of both pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nba_db::{Database, DbError, ErrorKind, Purpose};

use crate::support::{SOON, eventually, open, running, server, target};

#[tokio::test]
async fn an_exhausted_pool_waits_and_then_says_who_holds_it() {
    let server = server().await;
    let mut target = target(&server, 2);
    target.settings.acquire_timeout = Duration::from_millis(300);
    let db = Database::connect(&target).await.unwrap();

    // Released in time: the waiter gets it, no error.
    let held = db.session().await.unwrap();
    let waiter = tokio::spawn(db.session());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiter.is_finished());
    drop(held);
    let held = waiter.await.unwrap().unwrap();

    // Never released: a typed error, not before the time-out.
    let started = Instant::now();
    let error = db.session().await.unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(290));
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    let DbError::PoolTimeout {
        holders,
        limit,
        waited,
        ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((holders.len(), *limit), (1, 1));
    assert!(*waited >= Duration::from_millis(290));
    assert!(holders[0].at.contains("pool.rs"), "{error}");
    assert!(error.to_string().contains("held by"), "{error}");
    assert!(error.hint().is_some());
    drop(held);
    db.query("select 1 as one", &[]).await.unwrap();

    // sqlx keeps the same promise.
    let held = db.pool().acquire().await.unwrap();
    let error = db.error("waiting", db.pool().acquire().await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PoolTimeout, "{error}");
    drop(held);
    sqlx::query("select 1").execute(db.pool()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_share_two_connections_fairly() {
    const TASKS: usize = 64;
    let server = server().await;
    let db = open(&server, 4).await;
    let stop = Instant::now() + Duration::from_secs(2);
    let counters: Arc<Vec<AtomicU64>> = Arc::new((0..TASKS).map(|_| AtomicU64::new(0)).collect());
    let tasks = (0..TASKS).map(|task| {
        let (db, counters) = (db.clone(), Arc::clone(&counters));
        tokio::spawn(async move {
            while Instant::now() < stop {
                db.query_rows("select 1", &[]).await.unwrap();
                counters[task].fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let mut done: Vec<u64> = counters
        .iter()
        .map(|counter| counter.load(Ordering::Relaxed))
        .collect();
    done.sort_unstable();
    let (least, median, most) = (done[0], done[TASKS / 2], done[TASKS - 1]);
    assert!(
        least * 2 >= median && most <= median * 2,
        "queries per task: {least}, {median}, {most}"
    );
}

#[tokio::test]
async fn a_server_restart_in_mid_use_is_survived() {
    let server = server().await;
    let db = open(&server, 4).await;
    db.query("select 1 as one", &[]).await.unwrap();
    sqlx::query("select 1").execute(db.pool()).await.unwrap();
    let in_flight = tokio::spawn({
        let db = db.clone();
        async move {
            db.session()
                .await
                .unwrap()
                .query("select pg_sleep(60)", &[])
                .await
        }
    });
    eventually("the statement runs", || async {
        running(&db, "pg_sleep(60)").await == 1
    })
    .await;

    server.restart().await.unwrap();

    // The interrupted statement fails as lost; it may have been half done, so nobody repeats it.
    let error = in_flight.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    // Everybody after it does not notice, not even at once.
    for _ in 0..20 {
        db.query("select 1 as one", &[]).await.unwrap();
    }
    // sqlx tests a connection only after a second of idling; its error is typed, and it recovers.
    eventually("sqlx recovers", || async {
        match sqlx::query("select 1").execute(db.pool()).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(db.error("probing", error).kind(), ErrorKind::ConnectionLost);
                false
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_stopped_server_gives_the_true_error_in_time() {
    let server = server().await;
    let mut target = target(&server, 2);
    target.settings.acquire_timeout = Duration::from_millis(600);
    let db = Database::connect(&target).await.unwrap();
    server.stop().await.unwrap();
    let started = Instant::now();
    let error = db.query("select 1 as one", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn a_dropped_statement_stops_on_the_server() {
    let server = server().await;
    let db = open(&server, 4).await;
    let observer = open(&server, 2).await;
    let gone = |marker: &'static str| {
        let observer = observer.clone();
        async move {
            eventually(marker, || async { running(&observer, marker).await == 0 }).await;
        }
    };
    let seen = |marker: &'static str| {
        let observer = observer.clone();
        async move {
            eventually(marker, || async { running(&observer, marker).await > 0 }).await;
        }
    };

    // Negative control: without our guard the statement would be there for a minute.
    tokio::select! {
        _ = db.query("select pg_sleep(61)", &[]) => unreachable!(),
        () = seen("pg_sleep(61)") => {}
    }
    gone("pg_sleep(61)").await;

    // Each other way to run one.
    let typed = sqlx::query_as::<_, (i32,)>("select 1 from pg_sleep(62)");
    tokio::select! {
        _ = db.query_as(typed) => unreachable!(),
        () = seen("pg_sleep(62)") => {}
    }
    gone("pg_sleep(62)").await;

    let mut rows = db
        .stream(
            "select g, pg_sleep(0.01), 'marker63' as m from generate_series(1, 100000) g",
            &[],
        )
        .await
        .unwrap();
    rows.next().await.unwrap().unwrap();
    seen("marker63").await;
    drop(rows);
    gone("marker63").await;

    let copy = db
        .copy_query_out(
            "select g, pg_sleep(0.001), 'marker64' from generate_series(1, 100000) g",
            Default::default(),
        )
        .await;
    let mut copy = copy.unwrap();
    copy.next().await.unwrap().unwrap();
    seen("marker64").await;
    drop(copy);
    gone("marker64").await;

    let session = db.session().await.unwrap();
    tokio::select! {
        _ = session.batch_execute("select pg_sleep(65)") => unreachable!(),
        () = seen("pg_sleep(65)") => {}
    }
    gone("pg_sleep(65)").await;
    let error = session.query("select 1 as one", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    drop(session);

    // Through the bare client: cancelled when the session goes back.
    let session = db.session().await.unwrap();
    tokio::select! {
        _ = session.client().batch_execute("select pg_sleep(66)") => unreachable!(),
        () = seen("pg_sleep(66)") => {}
    }
    drop(session);
    gone("pg_sleep(66)").await;

    // All places in the pool are free again.
    let all = futures::future::join_all((0..2).map(|_| db.session())).await;
    assert!(all.into_iter().all(|session| session.is_ok()));
}

const STATE_SQL: &str = "select current_setting('work_mem') as work_mem, current_setting('default_transaction_read_only') as ro, \
    current_setting('statement_timeout') as st, (select count(*) from pg_locks where locktype = 'advisory') as locks, \
    to_regclass('pg_temp.leak') is null as no_temp, (select count(*) from pg_cursors) as cursors, current_user as who, \
    (select count(*) from pg_stat_activity where state = 'idle in transaction') as idle, \
    array(select * from pg_listening_channels()) as listening";

const LEAKS: [&str; 8] = [
    "set work_mem = '1MB'",
    "set default_transaction_read_only = off",
    "begin",
    "set statement_timeout = 0; begin; select 1/0",
    "select pg_advisory_lock(7)",
    "begin read write; create temp table leak (a int); commit",
    "begin; declare c cursor with hold for select 1; commit; listen gossip",
    "set role pg_monitor",
];

#[tokio::test]
async fn session_state_does_not_reach_the_next_borrower() {
    let server = server().await;
    // One connection in each pool: the next borrower gets the same one.
    let db = open(&server, 2).await;
    let clean = db.query(STATE_SQL, &[]).await.unwrap()[0].to_json();
    assert!(clean.contains(r#""ro":"on""#), "{clean}");
    for leak in LEAKS {
        let session = db.session().await.unwrap();
        let _ = session.batch_execute(leak).await;
        let _ = session.query(leak, &[]).await;
        drop(session);
        assert_eq!(
            db.query(STATE_SQL, &[]).await.unwrap()[0].to_json(),
            clean,
            "after `{leak}`"
        );
    }
    // A function that changes settings, through the path that is not marked by its first word.
    db.query("select set_config('work_mem', '1MB', false)", &[])
        .await
        .unwrap();
    assert_eq!(db.query(STATE_SQL, &[]).await.unwrap()[0].to_json(), clean);

    let state = || async {
        let row: (
            String,
            String,
            String,
            i64,
            bool,
            i64,
            String,
            i64,
            Vec<String>,
        ) = sqlx::query_as(STATE_SQL)
            .fetch_one(db.pool())
            .await
            .unwrap();
        row
    };
    let clean = state().await;
    for leak in LEAKS {
        let mut connection = db.pool().acquire().await.unwrap();
        let _ = sqlx::raw_sql(leak).execute(&mut *connection).await;
        drop(connection);
        assert_eq!(state().await, clean, "after `{leak}`");
    }
}

#[tokio::test]
async fn a_writers_connection_is_never_lent_to_a_reader() {
    let server = server().await;
    let db = open(&server, 2).await;
    let mut writer = db.writer(Purpose::new("be found out")).await.unwrap();
    let backend: i32 = writer
        .query("select pg_backend_pid() as pid", &[])
        .await
        .unwrap()[0]
        .get("pid")
        .unwrap();
    writer
        .batch_execute("create table written (a int)")
        .await
        .unwrap();
    drop(writer);
    let reader: i32 = db
        .query_scalar("select pg_backend_pid()", &[])
        .await
        .unwrap();
    assert_ne!(backend, reader);
    let error = db
        .query("insert into written values (1)", &[])
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.sqlstate()),
        (ErrorKind::ReadOnly, Some("25006"))
    );
    let error = db.error(
        "x",
        sqlx::query("insert into written values (1)")
            .execute(db.pool())
            .await
            .unwrap_err(),
    );
    assert_eq!(
        (error.kind(), error.sqlstate()),
        (ErrorKind::ReadOnly, Some("25006"))
    );
}

#[tokio::test]
async fn both_pools_show_the_same_guard_and_stay_within_the_budget() {
    let server = server().await;
    let mut target = target(&server, 6);
    target.settings.statement_timeout = Duration::from_millis(1_234);
    target.settings.lock_timeout = Duration::from_millis(567);
    target.settings.idle_in_transaction_timeout = Duration::from_millis(8_901);
    let options = nba_db::ConnectOptions::from(&target).application("health", "0193-run");
    let db = Database::connect(options).await.unwrap();
    let sql = "select name, setting from pg_settings where name in ('statement_timeout', 'lock_timeout', \
        'idle_in_transaction_session_timeout', 'default_transaction_read_only', 'application_name', 'TimeZone', \
        'DateStyle', 'client_encoding', 'extra_float_digits', 'IntervalStyle', 'bytea_output') order by name";
    let ours: Vec<(String, String)> = db
        .query_rows(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let theirs: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(db.pool()).await.unwrap();
    assert_eq!(ours, theirs);
    let value = |name: &str| ours.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(value("statement_timeout"), "1234");
    assert_eq!(value("lock_timeout"), "567");
    assert_eq!(value("idle_in_transaction_session_timeout"), "8901");
    assert_eq!(value("application_name"), "nba/health/0193-run");

    let error = db.query("select pg_sleep(5)", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementTimeout, "{error}");

    // Everybody at once: never more connections than configured.
    let busy = futures::future::join_all((0..20).flat_map(|_| {
        let (one, two) = (db.clone(), db.clone());
        [
            tokio::spawn(async move { one.query("select pg_sleep(0.05)", &[]).await.map(|_| ()) }),
            tokio::spawn(async move {
                sqlx::query("select pg_sleep(0.05)")
                    .execute(two.pool())
                    .await
                    .map(|_| ())
                    .map_err(|e| two.error("x", e))
            }),
        ]
    }));
    let watch = async {
        let mut most = 0;
        let observer = open(&server, 2).await;
        for _ in 0..15 {
            let now: i64 = observer
                .query_scalar("select count(*) from pg_stat_activity where application_name = 'nba/health/0193-run'", &[])
                .await
                .unwrap();
            most = most.max(now);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        most
    };
    let (results, most) = futures::join!(busy, watch);
    for result in results {
        result.unwrap().unwrap();
    }
    assert!((2..=6).contains(&most), "{most} connections");
}

#[tokio::test]
async fn a_lock_wait_and_a_cancel_are_told_apart() {
    let server = server().await;
    let mut target = target(&server, 6);
    target.settings.lock_timeout = Duration::from_millis(100);
    let db = Database::connect(&target).await.unwrap();
    crate::support::prepare(&db, "create table t (a int)").await;
    let mut writer = db.writer(Purpose::new("hold a lock")).await.unwrap();
    let mut transaction = writer.transaction().await.unwrap();
    transaction
        .execute("lock table t in access exclusive mode", &[])
        .await
        .unwrap();
    let error = db.query("select * from t", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockTimeout, "{error}");
    transaction.rollback().await.unwrap();

    let sleeper = tokio::spawn({
        let db = db.clone();
        async move { db.query("select pg_sleep(67)", &[]).await }
    });
    eventually("it runs", || async {
        running(&db, "pg_sleep(67)").await == 1
    })
    .await;
    db.query("select pg_cancel_backend(pid) from pg_stat_activity where query like '%sleep(67)%' and pid <> pg_backend_pid()", &[])
        .await
        .unwrap();
    assert_eq!(
        sleeper.await.unwrap().unwrap_err().kind(),
        ErrorKind::Cancelled
    );
}
