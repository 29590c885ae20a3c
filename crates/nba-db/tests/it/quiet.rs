//! A tick sees every way of writing, and nothing where nothing was written; and it reads no page of a table.

use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::ident::TableName;
use nba_db::quiet::{Quiet, Tick};
use nba_db::tokio_postgres::{Client, NoTls};

use crate::support::{server, server_with};

const SCHEMA: &str = "
create type mood as enum ('good', 'bad');
create table games (id int primary key, home varchar(20), feeling mood, score numeric(6,2));
insert into games select n, 'x', 'good', n from generate_series(1, 500) n;
create table teams (id int primary key, name text);
insert into teams select n, 'Team ' || n from generate_series(1, 30) n;
create table plays (id int, season int) partition by range (season);
create table plays_old partition of plays for values from (0) to (2000);
create table plays_new partition of plays for values from (2000) to (3000);
insert into plays select n, 1990 + n % 30 from generate_series(1, 300) n;
create table parent (id int);
create table child () inherits (parent);
create view homes as select id from games;
create role reader login;
grant select on all tables in schema public to reader;";

async fn connect(server: &EmbeddedServer, user: &str) -> Client {
    let url = server
        .url("nba")
        .replacen("user=postgres", &format!("user={user}"), 1);
    let (client, connection) = nba_db::tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Runs statements one by one and hands their counts over.
async fn write(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap();
    client
        .batch_execute("select pg_stat_force_next_flush()")
        .await
        .unwrap();
}

fn table(name: &str) -> TableName {
    TableName::new("public", name)
}

#[tokio::test]
async fn what_nobody_wrote_is_unwritten_and_no_page_is_read() {
    let server = server().await;
    let (writer, reader) = (
        connect(&server, "postgres").await,
        connect(&server, "postgres").await,
    );
    write(&writer, SCHEMA).await;
    let first = Tick::read(&reader).await.unwrap();
    let pages = "select sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))::int8 from pg_statio_user_tables";
    write(&reader, "select 1").await;
    let before: i64 = writer.query_one(pages, &[]).await.unwrap().get(0);
    let second = Tick::read(&reader).await.unwrap();
    write(&reader, "select 1").await;
    let after: i64 = writer.query_one(pages, &[]).await.unwrap().get(0);
    assert_eq!(before, after, "a tick reads no page of a user's table");
    assert_eq!(first.tables.len(), 5, "{:?}", first.tables.keys());
    for name in first.tables.keys() {
        assert_eq!(
            second.unwritten_since(&first, name),
            Quiet::Unwritten,
            "{name}"
        );
    }
    assert!(second.same_structure(&first.server, &first.structure));
    assert!(second.counted_until.unwrap() < second.read_at);
    // Housekeeping is no write.
    for housekeeping in [
        "vacuum",
        "analyze",
        "vacuum (freeze) games",
        "checkpoint",
        "create index on teams (name)",
    ] {
        writer.batch_execute(housekeeping).await.unwrap();
    }
    let third = Tick::read(&reader).await.unwrap();
    for name in first.tables.keys() {
        assert_eq!(
            third.unwritten_since(&first, name),
            Quiet::Unwritten,
            "{name}"
        );
    }
    assert!(
        !third.same_structure(&first.server, &first.structure),
        "there is a new index"
    );
    let text = serde_json::to_string(&third).unwrap();
    assert_eq!(serde_json::from_str::<Tick>(&text).unwrap(), third);
}

#[tokio::test]
async fn every_way_of_writing_is_seen_and_other_tables_stay_quiet() {
    let server = server_with(EmbeddedOptions {
        conf: vec![("max_prepared_transactions".to_owned(), "5".to_owned())],
        ..EmbeddedOptions::default()
    })
    .await;
    let (writer, reader) = (
        connect(&server, "postgres").await,
        connect(&server, "postgres").await,
    );
    write(&writer, SCHEMA).await;
    let ways = [
        ("games", "insert into games values (1000, 'y', 'bad', 1)"),
        ("games", "update games set score = score where id = 1"),
        ("games", "update games set id = 2000 where id = 1000"),
        ("games", "delete from games where id = 2"),
        ("games", "copy games (id) from program 'echo 3000'"),
        (
            "games",
            "merge into games g using teams t on g.id = t.id when matched then update set home = 'z'",
        ),
        (
            "games",
            "do $$ begin update games set home = 'p' where id = 5; commit; end $$",
        ),
        (
            "games",
            "begin; update games set home = 'q' where id = 5; prepare transaction 'later'; commit prepared 'later'",
        ),
        ("games", "alter table games alter home type text"),
        ("games", "alter table games alter score type float8"),
        ("games", "alter table games add column extra int default 5"),
        ("games", "alter table games drop column extra"),
        (
            "games",
            "create table other (like games); insert into other select * from games; drop table games cascade; alter table other rename to games",
        ),
        ("games", "vacuum full games"),
        ("games", "truncate games"),
        ("plays", "insert into plays values (9, 1995)"),
        ("plays", "truncate plays_new"),
        ("plays", "alter table plays detach partition plays_new"),
        (
            "plays",
            "create table plays_next partition of plays for values from (3000) to (4000)",
        ),
        ("parent", "insert into child values (1)"),
    ];
    for (name, sql) in ways {
        let before = Tick::read(&reader).await.unwrap();
        for statement in if sql.starts_with("do") {
            vec![sql]
        } else {
            sql.split("; ").collect()
        } {
            write_one(&writer, statement).await;
        }
        let after = Tick::read(&reader).await.unwrap();
        let seen = after.unwritten_since(&before, &table(name));
        assert!(matches!(seen, Quiet::Written(_)), "{sql}: {seen:?}");
        assert_eq!(
            after.unwritten_since(&before, &table("teams")),
            Quiet::Unwritten,
            "{sql}"
        );
    }
    // A write that was rolled back counts too: one proof too many, never one too few.
    let before = Tick::read(&reader).await.unwrap();
    write(&writer, "begin; delete from teams; rollback").await;
    let after = Tick::read(&reader).await.unwrap();
    assert!(matches!(
        after.unwritten_since(&before, &table("teams")),
        Quiet::Written(_)
    ));
}

async fn write_one(client: &Client, statement: &str) {
    // Inside a transaction nothing is handed over.
    client.batch_execute(statement).await.unwrap();
    client
        .batch_execute("select pg_stat_force_next_flush()")
        .await
        .unwrap();
}

#[tokio::test]
async fn whatever_makes_counters_lie_is_doubt() {
    let server = server().await;
    let mut writer = connect(&server, "postgres").await;
    write(&writer, SCHEMA).await;
    let ways = [
        "select pg_stat_reset()",
        "select pg_stat_reset_single_table_counters('games'::regclass)",
        "select pg_stat_reset_shared('bgwriter')",
        "select pg_stat_reset_shared('wal')",
        "alter type mood rename value 'bad' to 'sad'",
        "alter type mood add value 'so-so'",
        "alter role reader set track_counts = off",
        "alter role reader reset track_counts",
        "create extension if not exists plpgsql; create domain small as int check (value < 10)",
    ];
    for sql in ways {
        let before = Tick::read(&writer).await.unwrap();
        writer.batch_execute(sql).await.unwrap();
        let after = Tick::read(&writer).await.unwrap();
        let seen = after.unwritten_since(&before, &table("games"));
        assert!(matches!(seen, Quiet::Unknown(_)), "{sql}: {seen:?}");
    }
    let before = Tick::read(&writer).await.unwrap();
    server.restart().await.unwrap();
    writer = connect(&server, "postgres").await;
    let after = Tick::read(&writer).await.unwrap();
    assert_eq!(
        after.unwritten_since(&before, &table("games")).reason(),
        Some("the server was restarted")
    );
}

#[tokio::test]
async fn counters_lost_in_a_crash_are_not_relied_on() {
    let server = server().await;
    let mut writer = connect(&server, "postgres").await;
    write(&writer, SCHEMA).await;
    let before = Tick::read(&writer).await.unwrap();
    // A killed session takes the others and the counters with it; the postmaster and its start time stay.
    let victim: i32 = writer
        .query_one("select pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let killed = std::process::Command::new("kill")
        .args(["-9", &victim.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    crate::support::eventually("the server is back", || async {
        match nba_db::tokio_postgres::connect(&server.url("nba"), NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                let pid: Result<_, _> = client.query_one("select pg_backend_pid()", &[]).await;
                pid.is_ok() && before_is_gone(&client, &before).await
            }
            Err(_) => false,
        }
    })
    .await;
    writer = connect(&server, "postgres").await;
    let after = Tick::read(&writer).await.unwrap();
    assert_eq!(
        after.server.started, before.server.started,
        "the postmaster was not restarted"
    );
    assert_eq!(
        after.unwritten_since(&before, &table("games")).reason(),
        Some("the counters were reset, or lost in a crash")
    );
}

/// Whether the crash is over: until the postmaster notices it, sessions of before live on.
async fn before_is_gone(client: &Client, before: &Tick) -> bool {
    Tick::read(client)
        .await
        .is_ok_and(|tick| tick.server.resets != before.server.resets)
}

#[tokio::test]
async fn counts_that_are_not_handed_over_yet_are_bounded_or_doubted() {
    let server = server().await;
    let (writer, admin) = (
        connect(&server, "postgres").await,
        connect(&server, "postgres").await,
    );
    write(&writer, SCHEMA).await;
    let before = Tick::read(&admin).await.unwrap();
    // In a transaction that goes on, the counts of the one before may still wait.
    writer.batch_execute("begin; select 1").await.unwrap();
    let began: chrono::DateTime<chrono::Utc> =
        writer.query_one("select now()", &[]).await.unwrap().get(0);
    let later = Tick::read(&admin).await.unwrap();
    assert_eq!(
        later.counted_until.unwrap(),
        began - nba_db::quiet::COUNTING_LAG
    );
    writer.batch_execute("rollback").await.unwrap();
    // Who cannot see the sessions of others cannot know.
    let reader = connect(&server, "reader").await;
    let hidden = Tick::read(&reader).await.unwrap();
    assert_eq!(hidden.counted_until, None);
    assert!(matches!(
        hidden.unwritten_since(&before, &table("games")),
        Quiet::Unknown(_)
    ));
    admin
        .batch_execute("grant pg_read_all_stats to reader")
        .await
        .unwrap();
    let seen = Tick::read(&reader).await.unwrap();
    assert_eq!(
        seen.unwritten_since(&before, &table("games")),
        Quiet::Unwritten
    );
}

#[tokio::test]
async fn rows_of_other_servers_are_never_carried() {
    let server = server().await;
    let admin = connect(&server, "postgres").await;
    write(&admin, SCHEMA).await;
    let outside = "create foreign data wrapper elsewhere; create server far foreign data wrapper elsewhere;
        create foreign table abroad (id int) server far;
        create foreign table plays_far partition of plays for values from (5000) to (6000) server far";
    admin.batch_execute(outside).await.unwrap();
    let before = Tick::read(&admin).await.unwrap();
    let after = Tick::read(&admin).await.unwrap();
    for name in ["abroad", "plays"] {
        let seen = after.unwritten_since(&before, &table(name));
        assert!(matches!(seen, Quiet::Unknown(_)), "{name}: {seen:?}");
    }
    assert!(matches!(
        after.unwritten_since(&before, &table("nosuch")),
        Quiet::Unknown(_)
    ));
}
