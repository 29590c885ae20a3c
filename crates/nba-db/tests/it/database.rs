//! What a database handle promises, against a real server.

use nba_db::{ErrorKind, Param, Purpose};

use crate::support::{open, server};

#[tokio::test]
async fn a_writer_writes_and_keeps_accounts() {
    let server = server().await;
    let db = open(&server, 4).await;
    let mut writer = db.writer(Purpose::new("set up a test")).await.unwrap();
    writer
        .batch_execute("create table t (a int primary key, b text)")
        .await
        .unwrap();
    let many = (0..1000_i64).map(|i| vec![Param::Int(i), Param::Text(format!("row {i}"))]);
    let account = writer
        .execute_many("insert into t values ($1, $2)", many)
        .await
        .unwrap();
    assert_eq!((account.attempted, account.affected), (1000, 1000));

    let twice = [
        vec![Param::Int(5000), Param::Null],
        vec![Param::Int(1), Param::Null],
    ];
    let error = writer
        .execute_many("insert into t values ($1, $2)", twice)
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("23505"), "{error}");
    assert!(error.to_string().contains("parameter list 2"), "{error}");
    assert!(error.to_string().contains("t_pkey"), "{error}");

    let audit = writer.finish().await;
    assert_eq!(
        (audit.statements, audit.failures, audit.rollbacks),
        (2, 1, 1)
    );
    assert_eq!(audit.rows, 1000);
    assert_eq!(
        db.query_scalar::<i64>("select count(*) from t", &[])
            .await
            .unwrap(),
        1000
    );
}

#[tokio::test]
async fn identity_catalog_and_counts() {
    let server = server().await;
    let db = open(&server, 4).await;
    let mut writer = db.writer(Purpose::new("set up a test")).await.unwrap();
    writer
        .batch_execute(
            "create schema odds; create table odds.b (id serial primary key, v numeric(5,2) default 1.5 check (v > 0), g int8 generated always as (1) stored);
             create table a (x int references odds.b); create view v as select * from a; create materialized view mv as select 1 as one;
             insert into odds.b (id) select generate_series(1, 10); create index on a (x) where x > 1; create table \"Q\"\"x\" (\"weird name\" text)",
        )
        .await
        .unwrap();
    drop(writer);
    let identity = db.identity().await.unwrap();
    println!("{}", serde_json::to_string_pretty(&identity).unwrap());
    assert!(
        identity.read_only_proof.is_proven(),
        "{:?}",
        identity.read_only_proof
    );
    assert!(
        identity
            .same_target(&db.identity().await.unwrap())
            .is_proven()
    );
    let catalog = db.catalog().await.unwrap();
    println!("{}", serde_json::to_string_pretty(&catalog).unwrap());
    let positions = db.sequence_positions(&catalog).await.unwrap();
    assert!(positions[0].is_behind(), "{positions:?}");
    let tables: Vec<_> = catalog.tables().map(|t| t.table.clone()).collect();
    let counts = db.counts(&tables, &Default::default()).await.unwrap();
    println!("{counts:?}");
    assert!(counts.verdict().is_proven());
    let error = db.query("create table x (a int)", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
}
