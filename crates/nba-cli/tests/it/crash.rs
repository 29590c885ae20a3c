//! `kill -9` at any moment: captures and verifications go on, and end as if nothing had happened.

use crate::program::Place;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::tokio_postgres::{self, NoTls};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Captures that are killed.
const CAPTURES: u32 = 40;
/// Verifications that are killed.
const VERIFICATIONS: u32 = 12;

/// Large and small tables, with and without a key.
const TABLES: &str = "
create table teams (id int primary key, name text);
insert into teams select n, 'Team ' || n from generate_series(1, 30) n;
create table games (id int primary key, season int, score int);
insert into games select n, 2000 + n % 20, n % 150 from generate_series(1, 5000) n;
create table plays (game int, number int, what text, primary key (game, number));
insert into plays select n / 50, n % 50, 'play ' || n from generate_series(1, 40000) n;
create table events (game int, what text);
insert into events select n / 10, 'event ' || n % 7 from generate_series(1, 20000) n;
do $$ begin for t in 1..8 loop
  execute format('create table small_%s as select n as id, md5(n::text) as v from generate_series(1, 500) n', t);
end loop; end $$;
analyze";

/// Moments spread evenly over a span, in an order that does not repeat soon; the same in every run.
struct Moments(u32);

impl Moments {
    fn next(&mut self, span: Duration) -> Duration {
        // Steps of the golden ratio fill an interval evenly.
        self.0 = self.0.wrapping_add(2_654_435_769);
        span.mul_f64(f64::from(self.0) / f64::from(u32::MAX))
    }
}

/// Starts the command and kills it after a while. `false` when it was over before.
fn killed(place: &Place, words: &[&str], after: Duration) -> bool {
    let mut running = place.spawn(words);
    let deadline = Instant::now() + after;
    while Instant::now() < deadline {
        if running.has_ended() {
            let ran = running.ends_within(Duration::from_secs(1));
            assert_eq!(ran.code, Some(0), "{ran}");
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    running.signal("KILL");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_goes_on() {
    let server = EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap();
    server.create_database("killed").await.unwrap();
    let url = server.url("killed");
    let write = async |sql: &str| {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        // A session that ends hands its counts over.
        drop(client);
        driver.await.unwrap().unwrap();
    };
    write(TABLES).await;
    let dir = tempfile::tempdir().unwrap();
    let place = Place::empty(dir.path()).with("DATABASE_URL", url.clone());
    let started = Instant::now();
    place
        .nba(&["baseline", "capture", "--name", "whole"])
        .exits(0);
    let span = started.elapsed();
    let whole = contents(&place, "whole");
    assert_eq!(whole.as_object().map(serde_json::Map::len), Some(12));

    let folder = |name: &str| -> PathBuf { place.project.join(".nba/baselines").join(name) };
    let capture = ["baseline", "capture", "--name", "trial"];
    let mut moments = Moments(0);
    let (mut kills, mut completed, mut resumed) = (0, 0, 0);
    let mut judge = |place: &Place| {
        assert_eq!(contents(place, "trial"), whole);
        let shown = place.nba(&["baseline", "show", "trial", "--json"]).json();
        let tables = shown["tables"].as_object().unwrap();
        resumed += tables
            .values()
            .filter(|table| !table["carried"].is_null())
            .count();
        std::fs::remove_dir_all(folder("trial")).unwrap();
        completed += 1;
    };
    while kills < CAPTURES {
        if killed(&place, &capture, moments.next(span)) {
            kills += 1;
        }
        // Whenever it dies, there is a whole baseline or none.
        if folder("trial").exists() {
            judge(&place);
        }
    }
    place.nba(&capture).exits(0);
    judge(&place);
    println!(
        "{kills} captures killed, {completed} completed with {resumed} tables of earlier runs"
    );
    place.nba(&["ledger", "verify"]).exits(0);

    // A verification that was killed leaves nothing that a quick one could be misled by.
    let verify = ["verify", "--baseline", "whole"];
    let started = Instant::now();
    place.nba(&verify).exits(0);
    let span = started.elapsed();
    let mut kills = 0;
    while kills < VERIFICATIONS {
        let quick = kills % 3 == 0;
        let words: Vec<&str> = verify
            .iter()
            .copied()
            .chain(quick.then_some("--quick"))
            .collect();
        let span = if quick { span / 4 } else { span };
        if killed(&place, &words, moments.next(span)) {
            kills += 1;
        }
    }
    let quick = place
        .nba(&["verify", "--baseline", "whole", "--quick", "--json"])
        .exits(0)
        .json();
    assert_eq!(quick["verdict"]["verdict"], "proven");
    write("update teams set name = 'nowhere' where id = 7").await;
    let after = place
        .nba(&["verify", "--baseline", "whole", "--quick", "--json"])
        .exits(1)
        .json();
    assert_eq!(
        after["tables"]["public.teams"]["verdict"]["verdict"],
        "refuted"
    );
    place.nba(&["ledger", "verify"]).exits(0);
    server.stop().await.unwrap();
}

/// What a baseline expects of each table, without times and snapshots.
fn contents(place: &Place, name: &str) -> Value {
    let shown = place
        .nba(&["baseline", "show", name, "--json"])
        .exits(0)
        .json();
    let mut tables = shown["tables"].clone();
    for table in tables.as_object_mut().unwrap().values_mut() {
        let table = table.as_object_mut().unwrap();
        table.remove("carried");
        if let Some(rows) = table.get_mut("rows").and_then(Value::as_object_mut) {
            // Rows come in the order in which the server reads them.
            rows.remove("blake3");
        }
    }
    tables
}
