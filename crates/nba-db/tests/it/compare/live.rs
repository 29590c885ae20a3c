//! Tables that are written while they are compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nba_db::Database;
use nba_db::compare::{CompareSpec, Mode, Recheck, compare};
use nba_db::gentle::Gentleness;
use nba_db::tokio_postgres::NoTls;

use super::{World, table, told};

const TABLES: &str = "
create table l (id int primary key, v int not null, t text not null);
insert into l select n, 0, 'row ' || n from generate_series(1, 20000) n;
create table r (like l including all);
insert into r select * from l;
vacuum analyze l; vacuum analyze r;";

/// A session that writes until it is told to stop; how many transactions it made.
struct Writer {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Writer {
    /// Runs `statements` of the number of a turn, each on its own connection.
    async fn start(urls: Vec<String>, statements: fn(u64) -> Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let mut clients = Vec::new();
        for url in urls {
            let (client, connection) = nba_db::tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            clients.push(client);
        }
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&done));
        let task = tokio::spawn(async move {
            // About 300 transactions a second, where the machine allows it.
            let mut clock = tokio::time::interval(Duration::from_micros(3_300));
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while !stopped.load(Ordering::Relaxed) {
                clock.tick().await;
                let turn = count.fetch_add(1, Ordering::Relaxed);
                for (client, sql) in clients.iter().zip(statements(turn)) {
                    client.batch_execute(&sql).await.unwrap();
                }
            }
        });
        Self { stop, done, task }
    }

    async fn after(&self, transactions: u64) {
        let target = self.done.load(Ordering::Relaxed) + transactions;
        while self.done.load(Ordering::Relaxed) < target {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

async fn tables(db: &Database) {
    for statement in TABLES
        .split(';')
        .map(str::trim)
        .filter(|sql| !sql.is_empty())
    {
        crate::support::prepare(db, statement).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_transaction_that_writes_both_tables_never_makes_a_difference() {
    let world = World::new("select 1").await;
    tables(&world.here).await;
    let both = |turn: u64| {
        let id = 1 + turn * 7_919 % 20_000;
        let new = 100_000 + turn;
        vec![format!(
            "begin; update l set v = v + 1 where id = {id}; insert into l values ({new}, 1, 'new'); \
             update r set v = v + 1 where id = {id}; insert into r values ({new}, 1, 'new'); \
             delete from l where id = {old}; delete from r where id = {old}; commit",
            old = 100_000 + turn.saturating_sub(50)
        )]
    };
    let writer = Writer::start(vec![world.server.url("nba")], both).await;
    writer.after(20).await;
    for round in 0..4 {
        for mode in [Mode::Join, Mode::Stream, Mode::Multiset] {
            let spec = CompareSpec {
                mode: Some(mode),
                piece_rows: 2_000.try_into().unwrap(),
                ..CompareSpec::default()
            };
            let found = compare(
                &world.here,
                &table("l"),
                &world.here,
                &table("r"),
                &spec,
                &mut (),
            )
            .await
            .unwrap();
            assert_eq!(told(&found), Vec::<String>::new(), "{mode}, round {round}");
            assert!(found.verdict.is_proven(), "{mode}: {:?}", found.verdict);
        }
        writer.after(10).await;
    }
    writer.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_databases_reading_again_tells_a_late_write_from_a_difference() {
    let world = World::new("select 1").await;
    tables(&world.here).await;
    tables(&world.there).await;
    // A difference nobody repairs, and one that never stands still.
    crate::support::prepare(
        &world.there,
        "update r set t = 'other' where id = 17; delete from r where id = 18",
    )
    .await;
    let late = |turn: u64| {
        let id = 1_000 + turn * 7_919 % 19_000;
        let new = 100_000 + turn;
        let write = |table: &str| {
            format!(
                "begin; update {table} set v = {turn} where id = {id}; insert into {table} values ({new}, 1, 'new'); commit"
            )
        };
        vec![write("l"), write("r")]
    };
    let urls = vec![world.server.url("nba"), world.server.url("other")];
    let writer = Writer::start(urls, late).await;
    writer.after(20).await;
    let spec = CompareSpec {
        piece_rows: 1_000.try_into().unwrap(),
        recheck: Recheck {
            rounds: 8,
            first_delay: Duration::from_millis(100),
            ..Recheck::default()
        },
        ..CompareSpec::default()
    };
    for _ in 0..3 {
        let found = compare(
            &world.here,
            &table("l"),
            &world.there,
            &table("r"),
            &spec,
            &mut (),
        )
        .await
        .unwrap();
        assert_eq!(
            told(&found),
            ["17: t 'row 17' → 'other'", "18: missing"],
            "{:?}",
            found.recheck
        );
        assert!(found.verdict.is_refuted());
        assert!(
            found.totals.is_balanced(found.left.rows, found.right.rows),
            "{found:#?}"
        );
        let recheck = found.recheck.unwrap();
        assert_eq!(
            (recheck.persistent, recheck.moving, recheck.unchecked),
            (2, 0, 0),
            "{recheck:?}"
        );
        writer.after(5).await;
    }
    writer.stop().await;
    // Nobody writes: nothing to wait for.
    let quiet = CompareSpec {
        recheck: Recheck {
            first_delay: Duration::from_secs(3600),
            ..Recheck::default()
        },
        ..CompareSpec::default()
    };
    let found = compare(
        &world.here,
        &table("l"),
        &world.there,
        &table("r"),
        &quiet,
        &mut (),
    )
    .await
    .unwrap();
    assert_eq!(found.totals.differences(), 2);
    assert_eq!(found.recheck.unwrap().rounds, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_changing_is_no_proof_of_anything() {
    let world = World::new(
        "create table l (id int primary key, v int); insert into l values (1, 0), (2, 0); create table r (like l including all); insert into r table l",
    )
    .await;
    let restless = |turn: u64| vec![format!("update r set v = {} where id = 1", turn + 1)];
    let writer = Writer::start(vec![world.server.url("other")], restless).await;
    writer.after(3).await;
    let spec = CompareSpec {
        recheck: Recheck {
            rounds: 3,
            first_delay: Duration::from_millis(50),
            ..Recheck::default()
        },
        ..CompareSpec::default()
    };
    let found = compare(
        &world.here,
        &table("l"),
        &world.there,
        &table("r"),
        &spec,
        &mut (),
    )
    .await
    .unwrap();
    writer.stop().await;
    let recheck = found.recheck.as_ref().unwrap();
    assert_eq!((recheck.moving, recheck.persistent), (1, 0), "{recheck:?}");
    assert!(
        !found.verdict.is_proven() && !found.verdict.is_refuted(),
        "{:?}",
        found.verdict
    );
    world.stop().await;
}

#[tokio::test]
async fn a_budget_is_kept_and_changes_nothing_in_the_result() {
    let world = World::new("select 1").await;
    tables(&world.here).await;
    crate::support::prepare(&world.here, "update r set v = 9 where id % 5000 = 0").await;
    for mode in [Mode::Join, Mode::Stream] {
        let spec = CompareSpec {
            mode: Some(mode),
            piece_rows: 1_000.try_into().unwrap(),
            gentle: Some(Gentleness {
                budget: Some("50%".parse().unwrap()),
                ..Gentleness::default()
            }),
            ..CompareSpec::default()
        };
        let found = compare(
            &world.here,
            &table("l"),
            &world.here,
            &table("r"),
            &spec,
            &mut (),
        )
        .await
        .unwrap();
        assert_eq!(found.totals.changed, 4);
        assert_eq!(found.unfinished, Vec::<String>::new());
    }
    world.stop().await;
}

#[tokio::test]
async fn a_dropped_comparison_stops_on_the_server() {
    let world = World::new("create table l (id int primary key); create table r (id int primary key); insert into l select generate_series(1, 10)").await;
    let slow = super::Relation::Query(
        "select n as id, pg_sleep(0.2)::text as v from generate_series(1, 1000) n".to_owned(),
    );
    let spec = CompareSpec {
        key: Some(vec!["id".to_owned()]),
        ..CompareSpec::default()
    };
    let mut observer = ();
    let running = compare(
        &world.here,
        &slow,
        &world.there,
        &slow,
        &spec,
        &mut observer,
    );
    let outcome = tokio::time::timeout(Duration::from_secs(1), running).await;
    assert!(outcome.is_err());
    crate::support::eventually("both statements are cancelled", || async {
        crate::support::running(&world.here, "pg_sleep(0.2)").await == 0
    })
    .await;
    world.stop().await;
}
