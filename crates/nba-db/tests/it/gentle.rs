//! Work that gives way: the budget holds, load and lock queues pause it, and it never stands in anybody's way for long.

use std::time::{Duration, Instant};

use nba_db::Database;
use nba_db::gentle::{GentleError, Gentleness, Governor, PauseReason};

use crate::support::{open, prepare, server};

fn rules() -> Gentleness {
    Gentleness {
        look_every: Duration::from_millis(50),
        longest_lock_wait: Duration::from_millis(100),
        ..Gentleness::default()
    }
}

/// A session that runs `sql`, which takes long, until dropped.
async fn busy(db: &Database, sql: &'static str) -> tokio::task::JoinHandle<()> {
    let session = db.session().await.unwrap();
    tokio::spawn(async move {
        session.batch_execute(sql).await.ok();
    })
}

#[tokio::test]
async fn a_budget_bounds_the_share_of_time_at_work() {
    let server = server().await;
    let db = open(&server, 4).await;
    let session = db.session().await.unwrap();
    let governor = Governor::new(Gentleness {
        budget: Some("25%".parse().unwrap()),
        ..rules()
    });
    for _ in 0..10 {
        let _turn = governor.turn(&session).await.unwrap();
        session
            .batch_execute("select pg_sleep(0.02)")
            .await
            .unwrap();
    }
    // The rest after the last piece is owed to the next one.
    drop(governor.turn(&session).await.unwrap());
    let account = governor.account();
    assert_eq!(account.pieces, 11);
    let share = account.worked.as_secs_f64() / account.elapsed.as_secs_f64();
    assert!(share <= 0.26, "{account}");
    assert!(
        account.rested >= 2 * account.worked,
        "most of it was rest: {account}"
    );
}

#[tokio::test]
async fn an_unlimited_governor_neither_rests_nor_asks() {
    let server = server().await;
    let db = open(&server, 4).await;
    let session = db.session().await.unwrap();
    let governor = Governor::unlimited();
    for _ in 0..100 {
        drop(governor.turn(&session).await.unwrap());
    }
    let account = governor.account();
    assert_eq!(
        (account.pieces, account.rested, account.pauses),
        (100, Duration::ZERO, 0)
    );
}

#[tokio::test]
async fn load_pauses_it_and_its_end_lets_it_go_on() {
    let server = server().await;
    let db = open(&server, 4).await;
    let others = open(&server, 4).await;
    let session = db.session().await.unwrap();
    session
        .batch_execute("begin isolation level repeatable read")
        .await
        .unwrap();
    let governor = Governor::new(Gentleness {
        most_active: 0,
        ..rules()
    });
    drop(governor.turn(&session).await.unwrap());
    assert_eq!(governor.account().pauses, 0, "nobody else works");

    let load = busy(&others, "select pg_sleep(0.6)").await;
    crate::support::eventually("the load runs", || async {
        crate::support::running(&db, "pg_sleep").await > 0
    })
    .await;
    let begun = Instant::now();
    loop {
        drop(governor.turn(&session).await.unwrap());
        if governor.account().pauses > 0 || begun.elapsed() > crate::support::SOON {
            break;
        }
    }
    load.await.unwrap();
    let account = governor.account();
    assert_eq!(account.pauses, 1, "{account}");
    assert!(
        matches!(
            account.listed[0].reason,
            PauseReason::Load {
                active: 1,
                limit: 0
            }
        ),
        "{account}"
    );
    assert!(
        account.to_string().contains("1 sessions of others"),
        "{account}"
    );
}

#[tokio::test]
async fn a_pause_that_does_not_end_is_given_up_with_its_reason() {
    let server = server().await;
    let db = open(&server, 4).await;
    let others = open(&server, 4).await;
    let session = db.session().await.unwrap();
    let load = busy(&others, "select pg_sleep(60)").await;
    crate::support::eventually("the load runs", || async {
        crate::support::running(&db, "pg_sleep").await > 0
    })
    .await;
    let governor = Governor::new(Gentleness {
        most_active: 0,
        longest_pause: Duration::from_millis(200),
        ..rules()
    });
    let error = governor.turn(&session).await.unwrap_err();
    assert!(
        matches!(error, GentleError::PausedTooLong { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("run statements, more than 0"),
        "{error}"
    );
    assert!(error.hint().is_some());
    load.abort();
}

#[tokio::test]
async fn a_queue_for_a_lock_pauses_it() {
    let server = server().await;
    let db = open(&server, 4).await;
    prepare(&db, "create table t (id int)").await;
    let holder = open(&server, 4).await;
    let waiter = open(&server, 4).await;
    let session = db.session().await.unwrap();
    let hold = holder.session().await.unwrap();
    hold.batch_execute("begin; select pg_advisory_xact_lock(7)")
        .await
        .unwrap();
    let waiting = busy(&waiter, "begin; select pg_advisory_xact_lock(7)").await;
    let governor = Governor::new(rules());
    let release = async {
        crate::support::eventually("a wait was noticed", || async {
            governor.account().paused > Duration::ZERO
        })
        .await;
        hold.batch_execute("commit").await.unwrap();
    };
    let work = async {
        let begun = Instant::now();
        while governor.account().pauses == 0 && begun.elapsed() < crate::support::SOON {
            drop(governor.turn(&session).await.unwrap());
        }
    };
    futures::join!(release, work);
    waiting.await.unwrap();
    let account = governor.account();
    assert!(
        matches!(account.listed[0].reason, PauseReason::LockQueue { .. }),
        "{account}"
    );
}

#[tokio::test]
async fn it_gives_way_to_those_who_wait_for_its_own_locks() {
    let server = server().await;
    let db = open(&server, 4).await;
    prepare(&db, "create table t (id int)").await;
    let others = open(&server, 4).await;
    let session = db.session().await.unwrap();
    session
        .batch_execute("begin isolation level repeatable read; select count(*) from t")
        .await
        .unwrap();
    let waiting = busy(
        &others,
        "begin read write; lock table t in access exclusive mode; rollback",
    )
    .await;
    let governor = Governor::new(rules());
    let begun = Instant::now();
    let error = loop {
        match governor.turn(&session).await {
            Ok(turn) => drop(turn),
            Err(error) => break error,
        }
        assert!(begun.elapsed() < crate::support::SOON);
    };
    assert!(matches!(error, GentleError::InTheWay { .. }), "{error}");
    session.batch_execute("rollback").await.unwrap();
    waiting.await.unwrap();
}
