//! Fingerprints of a whole database as a document: every kind of relation, comparing two documents, going on after an interruption.

use std::num::NonZeroUsize;

use futures::{FutureExt, TryStreamExt};
use nba_db::Database;
use nba_db::embedded::EmbeddedServer;
use nba_db::fingerprint::{
    Detail, FingerprintOptions, FingerprintReport, Measurement, RowDetail, RowDigest, Source,
    TableReport, discover, discover_views, fingerprint, in_snapshot, stream_rows_gently,
};
use nba_db::gentle::{Gentleness, Governor};
use nba_db::ident::TableName;
use nba_db::tokio_postgres::{Client, NoTls};

use crate::support::{open, server};

/// One relation of every kind, three rows each where it has rows.
const ZOO: &str = "
create table keyed (id int primary key, name text unique, score numeric(6,2));
insert into keyed values (1, 'a', 1.50), (2, null, 2), (3, '', null);
create table keyless (a int, b text);
insert into keyless values (1, 'x'), (1, 'x'), (2, null);
create table null_keys (k int unique, v text);
insert into null_keys values (1, 'a'), (null, 'b'), (null, 'b');
create table documents (id int primary key, plain json, binary_form jsonb);
insert into documents values (1, '{\"a\":1}', '{\"a\":1}'), (2, '{\"a\": 1}', null), (3, null, 'null');
create table parts (id int, season int, primary key (id, season)) partition by range (season);
create table parts_old partition of parts for values from (0) to (2000);
create table parts_new partition of parts for values from (2000) to (3000);
insert into parts values (1, 1999), (2, 2005), (3, 2006);
create table parent (id int);
create table child (extra text) inherits (parent);
insert into parent values (1), (2); insert into child values (3, 'x');
create table generated (id int primary key, twice int generated always as (id * 2) stored);
insert into generated values (1), (2), (3);
create table no_columns ();
insert into no_columns default values; insert into no_columns default values; insert into no_columns default values;
create table dropped (id int, gone text, kept text);
insert into dropped values (1, 'x', 'a'), (2, 'y', 'b'), (3, 'z', 'c'); alter table dropped drop column gone;
create table empty (id int primary key);
create view seen as select id, name from keyed;
create materialized view stored as select id, name from keyed;
create extension postgres_fdw;
create server elsewhere foreign data wrapper postgres_fdw;
create foreign table far (id int) server elsewhere;
create view far_seen as select id from far union all select id from parent;
create index keyed_score on keyed (score);
analyze";

/// Relations with rows that can be measured, and a statement that changes one value (or row) of each.
const CHANGES: [(&str, &str); 12] = [
    ("keyed", "update keyed set score = 1.51 where id = 1"),
    ("keyless", "update keyless set b = '' where b is null"),
    (
        "null_keys",
        "delete from null_keys where ctid = (select max(ctid) from null_keys)",
    ),
    (
        "documents",
        "update documents set plain = '{\"a\": 1}' where id = 1",
    ),
    ("parts", "update parts set season = 2007 where id = 1"),
    ("parent", "update child set id = 4"),
    ("generated", "update generated set id = 4 where id = 3"),
    ("no_columns", "insert into no_columns default values"),
    ("dropped", "update dropped set kept = 'C' where id = 3"),
    ("empty", "insert into empty values (1)"),
    ("seen", "update keyed set name = 'A' where id = 1"),
    ("stored", "refresh materialized view stored"),
];

async fn writer(server: &EmbeddedServer) -> Client {
    let (client, connection) = nba_db::tokio_postgres::connect(&server.url("nba"), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

fn name(table: &str) -> TableName {
    TableName::new("public", table)
}

async fn measure(db: &Database, tables: &[&str]) -> FingerprintReport {
    let mut options = FingerprintOptions::default();
    options.tables = tables.iter().map(|table| name(table)).collect();
    db.fingerprint(&options).await.unwrap()
}

fn table<'a>(report: &'a FingerprintReport, table: &str) -> &'a TableReport {
    &report.tables[&name(table)]
}

#[tokio::test]
async fn every_kind_of_relation_is_measured_or_says_why_not() {
    let server = server().await;
    let db = open(&server, 4).await;
    let client = writer(&server).await;
    client.batch_execute(ZOO).await.unwrap();

    let all = measure(&db, &[]).await;
    let measured: Vec<&str> = all
        .tables
        .iter()
        .filter(|(_, table)| table.content.measured().is_some())
        .map(|(name, _)| name.name.as_str())
        .collect();
    assert_eq!(
        measured,
        [
            "child",
            "documents",
            "dropped",
            "empty",
            "generated",
            "keyed",
            "keyless",
            "no_columns",
            "null_keys",
            "parent",
            "parts"
        ]
    );
    // The foreign table makes the whole not proven, by name.
    assert_eq!(all.verdict.as_str(), "not_proven");
    let reasons = all.verdict.reasons();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(
        reasons[0].contains("public.far") && reasons[0].contains("another server"),
        "{reasons:?}"
    );
    assert!(all.schema.measured().is_some());
    assert_eq!(all.views.measured().unwrap().len(), 3);

    let relations: Vec<&str> = CHANGES.iter().map(|(relation, _)| *relation).collect();
    let mut before = measure(&db, &relations).await;
    assert!(before.verdict.is_proven(), "{:?}", before.verdict);
    for relation in &relations {
        let content = table(&before, relation).content.measured().unwrap();
        let expected = if *relation == "empty" { 0 } else { 3 };
        assert_eq!(content.rows, expected, "{relation}");
    }
    // Nothing was written: nothing differs.
    let again = measure(&db, &relations).await;
    let diff = before.diff(&again).unwrap();
    assert!(
        diff.verdict.is_proven() && diff.tables.is_empty(),
        "{diff:?}"
    );
    assert_eq!(diff.same, relations.len());
    // Each defect is seen in its own relation.
    for (relation, change) in CHANGES {
        client.batch_execute(change).await.unwrap();
        let after = measure(&db, &relations).await;
        let diff = before.diff(&after).unwrap();
        assert!(diff.verdict.is_refuted(), "{relation}");
        let mut named: Vec<&str> = diff
            .tables
            .keys()
            .map(|table| table.name.as_str())
            .collect();
        // A view shows what its table has.
        named.retain(|table| !(relation == "seen" && *table == "keyed"));
        assert_eq!(named, [relation], "{:?}", diff.tables);
        before = after;
    }

    // What a view takes from another server is not covered either.
    let far = measure(&db, &["far_seen"]).await;
    let Measurement::NotMeasured(reason) = &table(&far, "far_seen").content else {
        panic!("measured")
    };
    assert!(reason.contains("another server"), "{reason}");
    let mut unknown = FingerprintOptions::default();
    unknown.tables = vec![name("nosuch")];
    let error = db.fingerprint(&unknown).await.unwrap_err();
    assert!(error.to_string().contains("public.nosuch"), "{error}");
}

#[tokio::test]
async fn what_changed_is_told_by_column_and_by_definition() {
    let server = server().await;
    let db = open(&server, 4).await;
    let client = writer(&server).await;
    client
        .batch_execute(
            "create table games (id int primary key, season int, note text, venue text);
             insert into games select n, 2000 + n % 20, 'note ' || n, null from generate_series(1, 5000) n;
             create view recent as select id from games where season > 2015;
             analyze",
        )
        .await
        .unwrap();
    let before = measure(&db, &[]).await;
    let profile = table(&before, "games").profile.measured().unwrap();
    let column = |name: &str| {
        profile
            .iter()
            .find(|column| column.name == name)
            .unwrap()
            .clone()
    };
    let id = column("id");
    let range = id.range.unwrap();
    assert_eq!(
        (range.min.as_str(), range.max.as_str(), range.source),
        ("1", "5000", Source::Exact)
    );
    let distinct = id.distinct.unwrap();
    assert_eq!((distinct.values, distinct.source), (5000, Source::Exact));
    let season = column("season");
    let range = season.range.unwrap();
    assert_eq!(
        (range.min.as_str(), range.max.as_str(), range.source),
        ("2000", "2019", Source::Estimate)
    );
    let distinct = season.distinct.unwrap();
    assert_eq!((distinct.values, distinct.source), (20, Source::Estimate));
    let venue = column("venue");
    assert_eq!(venue.range, None);
    assert_eq!(venue.distinct.unwrap().values, 0);

    client
        .batch_execute(
            "update games set note = null where id = 7; update games set note = '' where id = 8;
             insert into games values (5001, 2000, 'x', null);
             create index games_season on games (season);
             alter table games alter column venue set default 'home', add check (season > 0);
             create or replace view recent as select id from games where season > 2016;
             create table other (id int)",
        )
        .await
        .unwrap();
    let after = measure(&db, &[]).await;
    let diff = before.diff(&after).unwrap();
    let games = &diff.tables[&name("games")];
    assert_eq!(
        (games.rows_before, games.rows_after),
        (Some(5000), Some(5001))
    );
    assert!(
        games.message.contains("1 rows more (5,000 → 5,001)"),
        "{}",
        games.message
    );
    let note = games
        .columns
        .iter()
        .find(|column| column.name == "note")
        .unwrap();
    assert_eq!((note.nulls, note.empty), ((0, 1), (0, 1)));
    let id = games
        .columns
        .iter()
        .find(|column| column.name == "id")
        .unwrap();
    let ends = |min: &str, max: &str| (min.to_owned(), max.to_owned());
    assert_eq!(id.ranges, Some((ends("1", "5000"), ends("1", "5001"))));
    assert_eq!(diff.tables[&name("other")].message, "only in the second");
    for finding in [
        "index games_season added",
        "constraint games_season_check added",
        "column venue changed",
        "view redefined: public.recent",
    ] {
        assert!(
            diff.schema.iter().any(|found| found.contains(finding)),
            "{finding}: {:?}",
            diff.schema
        );
    }
    assert_ne!(
        table(&before, "games").schema,
        table(&after, "games").schema
    );
}

#[tokio::test]
async fn documents_whose_digests_mean_different_things_are_refused() {
    let server = server().await;
    let db = open(&server, 4).await;
    writer(&server)
        .await
        .batch_execute("create table t (id int)")
        .await
        .unwrap();
    let report = measure(&db, &[]).await;
    type Change = fn(&mut FingerprintReport);
    let changes: [(Change, &str); 3] = [
        (|report| report.encoding += 1, "the way values are hashed"),
        (
            |report| report.identity.brief.server_version_num += 10_000,
            "major version",
        ),
        (
            |report| "LATIN1".clone_into(&mut report.identity.encoding),
            "encoding",
        ),
    ];
    for (change, what) in changes {
        let mut other = report.clone();
        change(&mut other);
        let error = report.diff(&other).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    // A document survives its file; a cut one says where it ends.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fp.json");
    let text = serde_json::to_string(&report).unwrap();
    std::fs::write(&path, &text).unwrap();
    assert_eq!(FingerprintReport::read(&path).unwrap(), report);
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let error = FingerprintReport::read(&path).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        error.to_string().contains("fp.json") && cause.contains("line 1"),
        "{cause}"
    );
    std::fs::write(&path, text.replacen("\"format\":1", "\"format\":99", 1)).unwrap();
    let error = FingerprintReport::read(&path).unwrap_err();
    assert!(error.to_string().contains("form 99"), "{error}");
}

/// What was finished before an interruption is taken over where nothing was written since, and says so; the rest is measured.
#[tokio::test]
async fn a_measurement_goes_on_where_it_was_interrupted() {
    let server = server().await;
    let db = open(&server, 4).await;
    let client = writer(&server).await;
    client
        .batch_execute(
            "create table big (id int primary key, v text);
             insert into big select n, n::text from generate_series(1, 3000) n;
             create table written (id int); insert into written select generate_series(1, 2000);
             create table tiny (id int); insert into tiny values (1);
             analyze; select pg_stat_force_next_flush()",
        )
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut options = FingerprintOptions::default();
    options.connections = NonZeroUsize::MIN;
    options.checkpoint = Some(folder.path().join("parts"));
    // The smallest table, and so the last, cannot be had: the others are finished when the run is abandoned.
    let locker = writer(&server).await;
    locker
        .batch_execute("begin; lock table tiny in access exclusive mode")
        .await
        .unwrap();
    let finished = || std::fs::read_dir(folder.path().join("parts")).map_or(0, Iterator::count);
    let wait = async {
        while finished() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        report = db.fingerprint(&options) => panic!("not interrupted: {:?}", report.map(|report| report.verdict)),
        () = wait => {}
    }
    locker.batch_execute("rollback").await.unwrap();
    client
        .batch_execute("insert into written values (0); select pg_stat_force_next_flush()")
        .await
        .unwrap();
    let copy = folder.path().join("copy");
    copy_folder(&folder.path().join("parts"), &copy);

    let resumed = db.fingerprint(&options).await.unwrap();
    assert!(resumed.verdict.is_proven());
    let carried: Vec<&str> = resumed
        .tables
        .iter()
        .filter(|(_, table)| table.carried.is_some())
        .map(|(name, _)| name.name.as_str())
        .collect();
    assert_eq!(
        carried,
        ["big"],
        "what was written meanwhile is measured again"
    );
    let from = &table(&resumed, "big").carried.as_ref().unwrap().snapshot;
    assert!(from.taken_at < resumed.snapshot.taken_at);
    assert_eq!(finished(), 0, "nothing is left behind");
    let whole = measure(&db, &[]).await;
    for (name, table) in &whole.tables {
        assert_eq!(table.content, resumed.tables[name].content, "{name}");
        assert_eq!(table.profile, resumed.tables[name].profile, "{name}");
    }

    // Kept results are good for the same question only, and only while the counters can be trusted.
    for (what, detail, statement) in [
        ("another detail", Detail::Rows, "select 1"),
        ("counters reset", Detail::Columns, "select pg_stat_reset()"),
    ] {
        copy_folder(&copy, &folder.path().join("parts"));
        client.batch_execute(statement).await.unwrap();
        let mut other = options.clone();
        other.detail = detail;
        let report = db.fingerprint(&other).await.unwrap();
        assert!(
            report.tables.values().all(|table| table.carried.is_none()),
            "{what}"
        );
    }
    // A file that is not whole is no result.
    copy_folder(&copy, &folder.path().join("parts"));
    for file in std::fs::read_dir(folder.path().join("parts")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 2]).unwrap();
    }
    let report = db.fingerprint(&options).await.unwrap();
    assert!(report.tables.values().all(|table| table.carried.is_none()));
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[tokio::test]
async fn a_governed_stream_gives_the_same_rows_in_turns() {
    let server = server().await;
    let client = writer(&server).await;
    // More than one range of pages, and partitions.
    client
        .batch_execute(
            "create table wide (id int, season int, filler text) partition by range (season);
             create table wide_a partition of wide for values from (0) to (10);
             create table wide_b partition of wide for values from (10) to (20);
             insert into wide select n, n % 20, repeat('x', 1800) from generate_series(1, 20000) n;
             analyze",
        )
        .await
        .unwrap();
    let spec = discover(&client).await.unwrap().remove(0).spec;
    let governor = Governor::new(Gentleness::default());
    let connections = [Box::new(writer(&server).await)];
    let items = [vec![0, 1], (0..spec.buckets).collect::<Vec<u32>>()];
    let (spec, governor) = (&spec, &governor);
    let (_, results) = in_snapshot(&connections, &items, |client, buckets| {
        async move {
            let detail = RowDetail::Hash;
            let rows: Vec<RowDigest> = stream_rows_gently(client, spec, buckets, detail, governor)
                .await?
                .try_collect()
                .await?;
            Ok((rows, fingerprint(client, spec).await?))
        }
        .boxed()
    })
    .await
    .unwrap();
    for (buckets, result) in items.iter().zip(results) {
        let (rows, whole) = result.unwrap();
        let expected: u64 = buckets
            .iter()
            .map(|&bucket| whole.buckets[usize::try_from(bucket).unwrap()].rows)
            .sum();
        assert_eq!(u64::try_from(rows.len()).unwrap(), expected);
        let mut keys: Vec<_> = rows.iter().map(|row| row.hash).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), rows.len(), "no row came twice");
        assert!(rows.iter().all(|row| buckets.contains(&row.bucket)));
    }
    assert!(governor.account().pieces >= 4, "{}", governor.account());
}

#[tokio::test]
async fn a_view_over_a_table_truncated_after_the_snapshot_is_never_empty() {
    let server = server().await;
    let client = writer(&server).await;
    client
        .batch_execute(
            "create table base (id int); insert into base select generate_series(1, 100);
             create view inner_view as select id from base;
             create view outer_view as select id from inner_view",
        )
        .await
        .unwrap();
    let views: Vec<_> = discover_views(&client)
        .await
        .unwrap()
        .into_iter()
        .map(|view| view.spec)
        .filter(|view| view.table.name == "outer_view")
        .collect();
    let connections = [Box::new(writer(&server).await)];
    let other = &client;
    let (_, results) = in_snapshot(&connections, &views, |client, view| {
        async move {
            other
                .batch_execute(
                    "begin; truncate base; insert into base select generate_series(1, 100); commit",
                )
                .await
                .unwrap();
            fingerprint(client, view).await
        }
        .boxed()
    })
    .await
    .unwrap();
    let reason = results.into_iter().next().unwrap().unwrap_err().reason();
    assert!(reason.contains("rewritten"), "{reason}");
}

#[tokio::test]
async fn a_large_table_divided_among_sessions_has_the_fingerprint_of_the_whole() {
    let server = server().await;
    let db = open(&server, 4).await;
    let client = writer(&server).await;
    // 80 MB in pages: from 64 MB on a table is divided.
    client
        .batch_execute(
            "create table large (id int primary key, filler text, note text);
             insert into large select n, repeat('x', 1900), nullif('note ' || n % 7, 'note 3') from generate_series(1, 40000) n;
             create table small (id int); insert into small values (1);
             analyze",
        )
        .await
        .unwrap();
    let report = measure(&db, &[]).await;
    assert!(report.verdict.is_proven(), "{:?}", report.verdict);
    assert_eq!(report.tables.len(), 2);
    let divided = table(&report, "large");
    assert!(divided.bytes > 64 * 1024 * 1024, "{}", divided.bytes);
    let connections = [Box::new(writer(&server).await)];
    let specs = [divided.spec.clone()];
    let (_, results) = in_snapshot(&connections, &specs, |client, spec| {
        fingerprint(client, spec).boxed()
    })
    .await
    .unwrap();
    let whole = results.into_iter().next().unwrap().unwrap();
    assert_eq!(whole.rows, 40_000);
    assert_eq!(divided.content, Measurement::Measured(whole));
    // One share that fails leaves no half of a table.
    let locker = writer(&server).await;
    locker
        .batch_execute("begin; lock table large in access exclusive mode")
        .await
        .unwrap();
    let report = measure(&db, &[]).await;
    let Measurement::NotMeasured(reason) = &table(&report, "large").content else {
        panic!("measured")
    };
    assert!(reason.contains("55P03"), "{reason}");
    assert!(table(&report, "small").content.measured().is_some());
}
