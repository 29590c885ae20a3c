//! Exact values, streams, loads and legacy calls.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use nba_db::ident::TableName;
use nba_db::legacy::{LegacyParams, execute_query, execute_write};
use nba_db::{CopyFormat, ErrorKind, Param, Purpose, TextRows};
use serde_json::value::RawValue;

use crate::support::{open, prepare, server};

/// Expressions whose JSON must be what the server's own `to_json` says, byte for byte.
const AS_TO_JSON: &[&str] = &[
    "12345678901234567890123456789012345678901::numeric",
    "-0.00000000000000000000000000000000000000001::numeric",
    "1.50::numeric",
    "0::numeric",
    "0.0::numeric",
    "0.000::numeric(5,3)",
    "-1::numeric",
    "10000::numeric",
    "100000000::numeric",
    "1e20::numeric",
    "1e-20::numeric",
    "0.0001::numeric",
    "0.00010::numeric",
    "1.0001::numeric",
    "12345.6789::numeric",
    "99999999.99999999::numeric",
    "10000.00001::numeric",
    "0.00001::numeric",
    "1e130::numeric",
    "'NaN'::numeric",
    "'Infinity'::numeric",
    "'-Infinity'::numeric",
    "9223372036854775807::int8",
    "(-9223372036854775808)::int8",
    "32767::int2",
    "-5::int4",
    "4294967295::oid",
    "true",
    "false",
    "null::int",
    "0.1::float8",
    "1.5::float4",
    "0.1::float4",
    "'NaN'::float8",
    "'Infinity'::float4",
    "'-Infinity'::float8",
    "'{\"b\": 1.10, \"a\": [1e2, null]}'::jsonb",
    "'{\"b\" :  1.10, \"b\": 12345678901234567890123}'::json",
    "'\"x\"'::jsonb",
    "'null'::jsonb",
    "'\"\\ud800\"'::json",
    "'2024-02-29'::date",
    "'0001-01-01'::date",
    "'0044-03-15 BC'::date",
    "'infinity'::date",
    "'-infinity'::date",
    "'5874897-12-31'::date",
    "'4713-01-01 BC'::date",
    "'10000-01-01'::date",
    "'2024-02-29 23:59:59.999999'::timestamp",
    "'1999-12-31 23:59:59.5'::timestamp",
    "'2000-01-01'::timestamp",
    "'0044-03-15 12:00 BC'::timestamp",
    "'infinity'::timestamp",
    "'294276-12-31 23:59:59.999999'::timestamp",
    "'2024-02-29 23:59:59.999999+05:30'::timestamptz",
    "'1600-01-01 00:00:00+00'::timestamptz",
    "'-infinity'::timestamptz",
    "'1900-02-28 12:00'::timestamptz",
    "'23:59:59.5'::time",
    "'24:00:00'::time",
    "'12:34:56+05:30'::timetz",
    "'12:34:56-08'::timetz",
    "'12:34:56.000001+00'::timetz",
    "'\\x00ff10'::bytea",
    "''::bytea",
    "'a \"quoted\" \\ text\n\ttab é 🏀'::text",
    "''::text",
    "'x'::varchar(5)",
    "'x'::char(5)",
    "'x'::name",
    "'x'::\"char\"",
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
    "array[1,null,3]",
    "array[]::int[]",
    "array[[1,2],[3,4]]",
    "array['a','b,c',null,'\"']",
    "array[1.50,2.00]::numeric[]",
    "array['{\"a\": 1}'::jsonb]",
    "'[0:1]={1,2}'::int[]",
    "array['2024-01-01 00:00:00+00'::timestamptz]",
    "row(1, 'x', null)",
    "'(1,x)'::pair",
    "'happy'::mood",
    "array['happy','sad']::mood[]",
    "5::positive",
    "'192.168.0.1'::inet",
    "'192.168.0.0/16'::inet",
    "'10.0.0.0/8'::cidr",
    "'::1'::inet",
    "'08:00:2b:01:02:03'::macaddr",
    "B'10110'",
    "'16/B374D848'::pg_lsn",
    "int4range(1, 5)",
    "'empty'::int4range",
    "numrange(1.5, null)",
    "daterange('2024-01-01', '2024-02-01')",
    "'{[1,3),[5,7)}'::int4multirange",
    "tsrange('2024-01-01', '2024-01-02 03:04:05.5')",
    "tstzrange('2024-01-01', null)",
    "xmin::xid from pg_class limit 1",
];

#[tokio::test]
async fn json_is_exactly_the_servers_own() {
    let server = server().await;
    let db = open(&server, 2).await;
    prepare(
        &db,
        "create type mood as enum ('happy', 'sad'); create type pair as (a int, b text); create domain positive as int check (value > 0)",
    )
    .await;
    let mut differences = Vec::new();
    for expression in AS_TO_JSON {
        // The server's JSON has the last word; a NULL is SQL's, not JSON's, there.
        let (value, from) = expression
            .split_once(" from ")
            .map_or((*expression, String::new()), |(v, f)| {
                (v, format!(" from {f}"))
            });
        let sql = format!(
            "select coalesce(to_json({value})::text, 'null') as theirs, {value} as ours{from}"
        );
        let row = db
            .query(&sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error:?}"));
        let theirs: String = row[0].get("theirs").unwrap();
        let ours = row[0].text("ours").unwrap();
        if ours != theirs {
            differences.push(format!("{expression}: `{ours}` instead of `{theirs}`"));
            continue;
        }
        // And it survives a round trip through a serializer untouched.
        let json = row[0].to_json();
        let parsed: std::collections::BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&json).unwrap();
        assert_eq!(parsed["ours"].get(), theirs);
    }
    assert!(differences.is_empty(), "{differences:#?}");
    for (expression, expected) in [
        // The server writes its own notation here; ours is ISO 8601 whatever the session says.
        (
            "'1 year 2 mons -3 days 04:05:06.7'::interval",
            r#""P1Y2M-3DT4H5M6.7S""#,
        ),
        ("'-00:00:00.5'::interval", r#""PT-0.5S""#),
        ("'0'::interval", r#""PT0S""#),
        // Same value, shorter or other spelling of the exponent.
        ("1e300::float8", "1e300"),
        ("1e-7::float8", "1e-7"),
        ("100000000000000000000::float8", "1e20"),
    ] {
        let row = db
            .query(&format!("select {expression} as v"), &[])
            .await
            .unwrap();
        let text = row[0].text("v").unwrap();
        if expected.starts_with('"') {
            assert_eq!(text, expected, "{expression}");
        } else {
            assert_eq!(
                text.parse::<f64>().unwrap(),
                expected.parse::<f64>().unwrap(),
                "{expression}"
            );
        }
    }
    let error = db.query("select 1 as a, 2 as a", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("`a`"), "{error}");
    let error = db
        .query("select 'a'::tsvector as v", &[])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(
        format!("{:?}", std::error::Error::source(&error)).contains("cast it to text"),
        "{error:?}"
    );
}

#[tokio::test]
async fn parameters_fit_the_type_the_server_expects() {
    let server = server().await;
    let db = open(&server, 2).await;
    for (sql, param, expected) in [
        (
            "select $1::int8 as v",
            Param::Int(i64::MAX),
            "9223372036854775807",
        ),
        ("select $1::numeric as v", Param::from("1.50"), "1.50"),
        ("select $1::text as v", Param::Int(7), "\"7\""),
        (
            "select $1::date as v",
            Param::from("2024-02-29"),
            "\"2024-02-29\"",
        ),
        ("select $1::bool as v", Param::Bool(true), "true"),
        (
            "select $1::bytea as v",
            Param::Bytes(vec![0, 255]),
            r#""\\x00ff""#,
        ),
        ("select $1::float8 as v", Param::Float(0.1), "0.1"),
        (
            "select $1::jsonb as v",
            Param::from("{\"a\":1}"),
            "{\"a\": 1}",
        ),
        ("select $1::int[] as v", Param::from("{1,2}"), "[1,2]"),
        ("select $1::int as v", Param::Null, "null"),
        (
            "select $1 as v",
            Param::from("'; drop table games; --"),
            "\"'; drop table games; --\"",
        ),
    ] {
        let row = db.query(sql, &[&param]).await.unwrap();
        assert_eq!(row[0].text("v"), Some(expected), "{sql}");
    }
    let error = db
        .query("select $1::int as v", &[&Param::from("x")])
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("22P02"), "{error}");
}

#[tokio::test]
async fn a_changed_table_does_not_break_a_cached_statement() {
    let server = server().await;
    let db = open(&server, 2).await;
    prepare(&db, "create table t (a int); insert into t values (1)").await;
    assert_eq!(
        db.query("select * from t", &[]).await.unwrap()[0].to_json(),
        r#"{"a":1}"#
    );
    prepare(&db, "alter table t add b text default 'new'").await;
    assert_eq!(
        db.query("select * from t", &[]).await.unwrap()[0].to_json(),
        r#"{"a":1,"b":"new"}"#
    );
}

#[tokio::test]
async fn rows_stream_out_typed_or_as_json() {
    let server = server().await;
    let db = open(&server, 2).await;
    let sum = db
        .stream("select g from generate_series(1, 100000) g", &[])
        .await
        .unwrap()
        .try_fold(
            0_i64,
            |sum, row| async move { Ok(sum + row.get::<i64>("g")?) },
        )
        .await
        .unwrap();
    assert_eq!(sum, 5_000_050_000);
    // A stream read to its end gives its connection back: the pool has only this one.
    assert_eq!(db.usage().1.in_use, 0);

    let games: Vec<(String, i32)> = db
        .query_as(
            sqlx::query_as("select '00' || $1::text as game_id, 7 as points").bind("22300001"),
        )
        .await
        .unwrap();
    assert_eq!(games, [("0022300001".to_owned(), 7)]);

    // An error in the middle is an item, and the last one.
    let items: Vec<_> = db
        .stream("select 1 / (3 - g) as q from generate_series(1, 5) g", &[])
        .await
        .unwrap()
        .collect()
        .await;
    assert_eq!(
        items.last().unwrap().as_ref().unwrap_err().sqlstate(),
        Some("22012")
    );
    assert_eq!(db.usage().1.in_use, 0);
}

#[tokio::test]
async fn a_load_balances_or_leaves_nothing() {
    let server = server().await;
    let db = open(&server, 4).await;
    prepare(
        &db,
        "create table t (id int primary key, name text, v numeric)",
    )
    .await;
    let table = TableName::parse("t");
    let mut writer = db.writer(Purpose::new("load")).await.unwrap();
    let rows = |range: std::ops::Range<i32>| {
        let mut rows = TextRows::default();
        for id in range {
            rows.display(id)
                .text("tab\there\nnew \\ line")
                .null()
                .end_row();
        }
        rows.take()
    };
    // Pieces that end anywhere.
    let bytes = rows(0..5000);
    let pieces = bytes
        .chunks(1001)
        .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
        .collect::<Vec<_>>();
    let account = writer
        .copy_in(
            &table,
            &["id", "name", "v"],
            CopyFormat::Text,
            futures::stream::iter(pieces),
        )
        .await
        .unwrap();
    assert_eq!(
        (account.attempted, account.inserted, account.rejected),
        (5000, 5000, 0)
    );
    assert!(account.is_balanced());
    assert_eq!(account.bytes, u64::try_from(bytes.len()).unwrap());

    let one = |bytes: Bytes| futures::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    // The last row without its newline counts.
    let account = writer
        .copy_in(
            &table,
            &[],
            CopyFormat::Text,
            one(Bytes::from_static(b"9000\ta\t1\n9001\tb\t2")),
        )
        .await
        .unwrap();
    assert_eq!(account.attempted, 2);

    // A duplicate key in the last row: nothing of the load stays.
    let mut bad = rows(6000..7000).to_vec();
    bad.extend_from_slice(b"1\tx\t1\n");
    let error = writer
        .copy_in(&table, &[], CopyFormat::Text, one(bad.into()))
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("23505"), "{error}");
    assert!(error.to_string().contains("t_pkey"), "{error}");
    // Rows lost behind an end marker: the account would not balance.
    let error = writer
        .copy_in(
            &table,
            &[],
            CopyFormat::Text,
            one(Bytes::from_static(b"8000\ta\t1\n\\.\n8001\tb\t2\n")),
        )
        .await
        .unwrap_err();
    assert!(error.to_string().contains("rows"), "{error}");
    // A stream that fails half way.
    let broken = futures::stream::iter([
        Ok(rows(7000..7100)),
        Err(std::io::Error::other("disk gone")),
    ]);
    let error = writer
        .copy_in(&table, &[], CopyFormat::Text, broken)
        .await
        .unwrap_err();
    assert!(
        format!("{:?}", std::error::Error::source(&error)).contains("disk gone"),
        "{error:?}"
    );
    // A dropped load.
    let slow = futures::stream::iter([Ok::<_, std::io::Error>(rows(7200..7300))])
        .chain(futures::stream::pending());
    let dropped = tokio::time::timeout(
        std::time::Duration::from_millis(200),
        writer.copy_in(&table, &[], CopyFormat::Text, slow),
    )
    .await;
    assert!(dropped.is_err());
    let audit = writer.finish().await;
    assert_eq!((audit.loads.len(), audit.failures), (2, 3));
    assert_eq!(
        db.query_scalar::<i64>("select count(*) from t", &[])
            .await
            .unwrap(),
        5002
    );

    // Out again, in each form, and in again.
    for format in [CopyFormat::Text, CopyFormat::Csv, CopyFormat::Binary] {
        let out: Vec<Bytes> = db
            .copy_out(&table, format)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        prepare(
            &db,
            "create table if not exists copy (like t); truncate copy",
        )
        .await;
        let mut writer = db.writer(Purpose::new("load back")).await.unwrap();
        let back = futures::stream::iter(out.into_iter().map(Ok::<_, std::io::Error>));
        let account = writer
            .copy_in(&TableName::parse("copy"), &[], format, back)
            .await
            .unwrap();
        assert_eq!(account.inserted, 5002);
        drop(writer);
        let differences: i64 = db
            .query_scalar(
                "select count(*) from (select * from t except all select * from copy) d",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(differences, 0);
    }
}

#[tokio::test]
async fn transactions_of_a_writer_end_as_told() {
    let server = server().await;
    let db = open(&server, 4).await;
    prepare(
        &db,
        "create table t (a int primary key deferrable initially deferred)",
    )
    .await;
    let mut writer = db.writer(Purpose::new("write")).await.unwrap();
    let insert = "insert into t values ($1)";
    let mut transaction = writer.transaction().await.unwrap();
    transaction.execute(insert, &[&1]).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = writer.transaction().await.unwrap();
    transaction.execute(insert, &[&2]).await.unwrap();
    drop(transaction);
    let mut transaction = writer.transaction().await.unwrap();
    transaction.execute(insert, &[&3]).await.unwrap();
    transaction.rollback().await.unwrap();
    // Deferred: the duplicate shows at commit.
    let mut transaction = writer.transaction().await.unwrap();
    transaction.execute(insert, &[&1]).await.unwrap();
    assert_eq!(
        transaction.commit().await.unwrap_err().sqlstate(),
        Some("23505")
    );
    // A failed transaction cannot be committed by mistake.
    let mut transaction = writer.transaction().await.unwrap();
    transaction.execute(insert, &[&4]).await.unwrap();
    transaction.execute("select 1 / 0", &[]).await.unwrap_err();
    assert_eq!(
        transaction.commit().await.unwrap_err().sqlstate(),
        Some("25P02")
    );
    writer.execute("rollback", &[]).await.unwrap();
    assert_eq!(writer.audit().rollbacks, 2);
    drop(writer);
    let left: Vec<i64> = db
        .query("select a from t", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get("a").unwrap())
        .collect();
    assert_eq!(left, [1]);
    assert!(db.writer(Purpose::new(" ")).await.is_err());
}

#[tokio::test]
async fn the_legacy_calls_keep_their_promises_and_lose_their_traps() {
    let server = server().await;
    let db = open(&server, 4).await;
    prepare(&db, "create table t (id text, v int, j jsonb); insert into t values ('0022300001', 5, '{\"a\": [10, 20]}')").await;
    let rows = execute_query(
        &db,
        "select id, v, 100 %% 7 as rest, j->'a'->%s as second from t where id = %s and v > %s and id like '00%%' -- 100%%",
        &LegacyParams::Positional(&[Param::Int(1), Param::from("0022300001"), Param::Float(1.5)]),
    )
    .await
    .unwrap();
    assert_eq!(
        rows[0].to_json(),
        r#"{"id":"0022300001","v":5,"rest":2,"second":20}"#
    );
    // Whole numbers stay numbers, as with psycopg2.
    let rows = execute_query(
        &db,
        "select %(a)s as a, %(b)s as b",
        &LegacyParams::Named(&[("a", Param::Int(1)), ("b", Param::from("x'; --"))]),
    )
    .await
    .unwrap();
    assert_eq!(rows[0].to_json(), r#"{"a":1,"b":"x'; --"}"#);
    let rows = execute_query(&db, "select 'a%' as a", &LegacyParams::None)
        .await
        .unwrap();
    assert_eq!(rows[0].to_json(), r#"{"a":"a%"}"#);
    // A write without result set was lost silently; it is refused before it runs.
    let error = execute_query(&db, "delete from t", &LegacyParams::None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.hint().unwrap().contains("execute_write"));
    let mut writer = db.writer(Purpose::new("legacy write")).await.unwrap();
    let touched = execute_write(
        &mut writer,
        "update t set v = %s where id = %s",
        &LegacyParams::Positional(&[Param::Int(6), Param::from("0022300001")]),
    )
    .await
    .unwrap();
    assert_eq!(touched, 1);
    drop(writer);
    assert_eq!(
        db.query_scalar::<i32>("select v from t", &[])
            .await
            .unwrap(),
        6
    );
}
