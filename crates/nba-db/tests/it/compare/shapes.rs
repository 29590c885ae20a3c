//! Relations of all sorts, what the caller declares, and what is refused.

use std::io;

use nba_db::Database;
use nba_db::compare::repair::RepairScript;
use nba_db::compare::{
    CompareError, CompareSpec, ComparedAs, Comparison, Difference, Mode, Observer, PlanView,
    Relation, SchemaDifference, Side, compare,
};
use nba_utils::Verdict;

use super::{World, table, told};
use crate::support::prepare;

async fn free(
    left: &Database,
    left_relation: &Relation,
    right: &Database,
    right_relation: &Relation,
    spec: &CompareSpec,
) -> Result<Comparison, CompareError> {
    compare(left, left_relation, right, right_relation, spec, &mut ()).await
}

fn query(sql: &str) -> Relation {
    Relation::Query(sql.to_owned())
}

fn names<const N: usize>(pairs: [(&str, &str); N]) -> std::collections::BTreeMap<String, String> {
    pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).into()
}

#[tokio::test]
async fn views_queries_and_partitions_are_compared() {
    let world = World::new(
        "create table plays (id int, season int, v text, primary key (id, season)) partition by range (season);
         create table plays_old partition of plays for values from (0) to (2000);
         create table plays_new partition of plays for values from (2000) to (3000);
         insert into plays select n, 1990 + n % 30, 'play ' || n from generate_series(1, 900) n;
         create table flat (like plays including all);
         insert into flat select * from plays;
         update flat set v = 'other' where id = 300;
         create view seen as select id, season, v from flat;
         create materialized view kept as select * from plays;
         create unique index on kept (id, season);
         create table parent (id int primary key, v text);
         create table child () inherits (parent);
         insert into parent values (1, 'a');
         insert into child values (2, 'b');
         create table whole (id int primary key, v text);
         insert into whole values (1, 'a'), (2, 'b');
         analyze;",
    )
    .await;
    let keyed = CompareSpec {
        key: Some(vec!["id".into(), "season".into()]),
        ..CompareSpec::default()
    };
    let sql = query("select id, season, v from plays where true -- a comment\n;");
    for right in [&world.here, &world.there] {
        for (left, other, mode) in [
            (table("plays"), table("flat"), Mode::Stream),
            (table("kept"), table("flat"), Mode::Stream),
            (table("plays"), table("seen"), Mode::Stream),
            (sql.clone(), table("flat"), Mode::Stream),
            (sql.clone(), query("select * from seen"), Mode::Stream),
        ] {
            let comparison = free(&world.here, &left, right, &other, &keyed)
                .await
                .unwrap();
            assert_eq!(
                told(&comparison),
                ["300 1990: v 'play 300' → 'other'"],
                "{left} {other}"
            );
            assert_eq!(
                comparison.mode, mode,
                "{left} {other}: {}",
                comparison.mode_reason
            );
            assert_eq!((comparison.left.rows, comparison.right.rows), (900, 900));
        }
    }
    // Children are rows of their parent.
    let comparison = free(
        &world.here,
        &table("parent"),
        &world.here,
        &table("whole"),
        &CompareSpec::default(),
    )
    .await
    .unwrap();
    assert_eq!(comparison.totals.equal, 2);
    assert_eq!(comparison.mode, Mode::Stream, "{}", comparison.mode_reason);
    // Without a key that is told, a query's rows are counted.
    let comparison = free(
        &world.here,
        &sql,
        &world.there,
        &sql,
        &CompareSpec::default(),
    )
    .await
    .unwrap();
    assert_eq!(
        (comparison.mode, comparison.verdict.is_proven()),
        (Mode::Multiset, true),
        "{:?}",
        comparison.verdict
    );
    world.stop().await;
}

#[tokio::test]
async fn what_was_declared_is_shown_and_is_no_proof() {
    let world = World::new(
        "create table l (id int primary key, name text, pct numeric, seen timestamptz, day date, loaded_at text);
         create table r (id bigint primary key, full_name varchar(20), pct float8, seen timestamptz, day date, loaded_at text, extra int);
         insert into l values (1, 'a', 0.5, '2025-10-21 10:00+00', '2025-10-21', 'x'), (2, 'b', 0.25, '2025-10-21 10:00+00', '2025-10-21', 'y');
         insert into r values (1, 'a', 0.5004, '2025-10-21 10:00:01.5+00', '2025-10-22', 'z', 1), (2, 'b', 0.25, '2025-10-21 10:00+00', '2025-10-21', 'y', 2);",
    )
    .await;
    for way in world
        .ways()
        .into_iter()
        .filter(|way| way.mode != Mode::Multiset)
    {
        let base = CompareSpec {
            map: names([("name", "full_name")]),
            ignore: names([("loaded_at", "time of the copy"), ("extra", "new")]),
            mode: Some(way.mode),
            ..CompareSpec::default()
        };
        let comparison = way.compare("l", "r", base.clone()).await;
        assert_eq!(
            told(&comparison),
            [
                "1: pct '0.5' → '0.5004', seen '2025-10-21 10:00:00+00' → '2025-10-21 10:00:01.5+00', day '2025-10-21' → '2025-10-22'"
            ],
            "{}",
            way.name
        );
        assert!(comparison.schema.contains(&SchemaDifference::Type {
            column: "pct".into(),
            left: "numeric".into(),
            right: "double precision".into()
        }));
        let pct = comparison
            .columns
            .iter()
            .find(|column| column.left == "pct")
            .unwrap();
        assert_eq!(pct.compared_as, ComparedAs::Number);
        let tolerant = CompareSpec {
            tolerance: [("pct", "0.0004"), ("seen", "1.5"), ("day", "86400")]
                .map(|(column, limit)| (column.to_owned(), limit.parse().unwrap()))
                .into(),
            ..base.clone()
        };
        let comparison = way.compare("l", "r", tolerant.clone()).await;
        assert_eq!(comparison.totals.within_tolerance, 1, "{}", way.name);
        assert_eq!(comparison.totals.equal, 2);
        assert!(comparison.equal_as_declared);
        assert!(
            matches!(&comparison.verdict, Verdict::NotProven { reasons } if reasons.as_slice().len() == 3),
            "{:?}",
            comparison.verdict
        );
        assert_eq!(comparison.by_column.len(), 3);
        assert!(
            comparison
                .by_column
                .iter()
                .all(|column| column.changed == 0 && column.within_tolerance == 1)
        );
        let strict = CompareSpec {
            tolerance: [
                ("pct".to_owned(), "0.00039".parse().unwrap()),
                ("seen".to_owned(), "1.5".parse().unwrap()),
            ]
            .into(),
            ..base
        };
        let comparison = way.compare("l", "r", strict).await;
        assert_eq!(
            told(&comparison),
            ["1: pct '0.5' → '0.5004', day '2025-10-21' → '2025-10-22'"],
            "{}",
            way.name
        );
        assert!(comparison.verdict.is_refuted());
    }
    // Not declared, a column on one side refutes by itself.
    let way = world.ways()[1];
    let comparison = way
        .compare(
            "l",
            "r",
            CompareSpec {
                ignore: names([("pct", ""), ("seen", ""), ("day", ""), ("loaded_at", "")]),
                ..CompareSpec::default()
            },
        )
        .await;
    assert_eq!(comparison.totals.differences(), 0);
    assert!(comparison.verdict.is_refuted() && !comparison.equal_as_declared);
    assert!(comparison.schema.iter().any(|found| matches!(found, SchemaDifference::OnlyOn { side: Side::Right, column, .. } if column == "extra")));
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let world = World::new(
        "create table l (id int primary key, name text, j jsonb);
         create table r (id int primary key, name text, other text);
         create table one (a int); create table two (b int); create table nothing ();
         insert into l values (1, 'a', '{}'); insert into r values (1, 'a', '');",
    )
    .await;
    let with = |change: &dyn Fn(&mut CompareSpec)| {
        let mut spec = CompareSpec::default();
        change(&mut spec);
        spec
    };
    let (l, r) = (table("l"), table("r"));
    let same = query("select 1 as a");
    let one = table("one");
    let text = |text: &str| vec![text.to_owned()];
    let cases: Vec<(&Relation, Relation, CompareSpec, &str)> = vec![
        (&l, l.clone(), CompareSpec::default(), "cannot fail"),
        (&same, same.clone(), CompareSpec::default(), "cannot fail"),
        (
            &l,
            table("gone"),
            CompareSpec::default(),
            "no table or view `public.gone` on the right",
        ),
        (
            &l,
            table("nothing"),
            CompareSpec::default(),
            "has no columns",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.key = Some(text("nmae"))),
            "`nmae`",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.key = Some(text("j"))),
            "only on the left",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.key = Some(vec![])),
            "no columns",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.map = names([("name", "gone")])),
            "`gone`",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.map = names([("name", "other"), ("j", "other")])),
            "two columns",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.ignore = names([("gone", "")])),
            "`gone`",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.tolerance = [("name".to_owned(), "1".parse().unwrap())].into()),
            "neither a number",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.tolerance = [("id".to_owned(), "1".parse().unwrap())].into()),
            "part of the key",
        ),
        (
            &l,
            r.clone(),
            with(&|spec| spec.tolerance = [("j".to_owned(), "1".parse().unwrap())].into()),
            "not compared",
        ),
        (
            &one,
            table("two"),
            CompareSpec::default(),
            "no column in common",
        ),
        (
            &one,
            query("select 1 as a"),
            with(&|spec| spec.mode = Some(Mode::Stream)),
            "no unique index",
        ),
        (
            &l,
            query("select 1 as id, 2 as id"),
            CompareSpec::default(),
            "two columns `id`",
        ),
        (
            &l,
            table("r"),
            with(&|spec| {
                spec.mode = Some(Mode::Multiset);
                spec.key = Some(text("id"));
            }),
            "no key",
        ),
        (
            &one,
            query("select 1 as a"),
            with(&|spec| {
                spec.mode = Some(Mode::Join);
                spec.key = Some(text("a"));
            }),
            "join mode is not possible",
        ),
    ];
    for (left, right, spec, expected) in cases {
        let error = free(&world.here, left, &world.here, &right, &spec)
            .await
            .unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected), "{expected}: {message}");
        assert!(error.hint().is_some(), "{message}");
    }
    // Asked for, or in another database, the same table is compared.
    let again = with(&|spec| spec.same_relation = true);
    assert!(
        free(&world.here, &l, &world.here, &l, &again)
            .await
            .unwrap()
            .verdict
            .is_proven()
    );
    assert!(
        free(&world.here, &l, &world.there, &l, &CompareSpec::default())
            .await
            .unwrap()
            .verdict
            .is_proven()
    );
    // What the server says of a side names the side.
    let error = free(
        &world.here,
        &l,
        &world.here,
        &query("selekt"),
        &CompareSpec::default(),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            error,
            CompareError::Database {
                side: Side::Right,
                ..
            }
        ),
        "{error}"
    );
    world.stop().await;
}

#[tokio::test]
async fn empty_tables_are_equal_and_the_list_is_cut_honestly() {
    let world = World::new(
        "create table l (id int primary key, v text);
         create table r (like l including all);
         create table full_one (like l including all);
         insert into full_one select n, 'row ' || n from generate_series(1, 3000) n;
         analyze;",
    )
    .await;
    for way in world.ways() {
        let comparison = way.compare("l", "r", CompareSpec::default()).await;
        assert!(comparison.verdict.is_proven(), "{}", way.name);
        assert_eq!(comparison.totals, nba_db::compare::Totals::default());
        let spec = CompareSpec {
            listed: 7,
            piece_rows: 100.try_into().unwrap(),
            ..CompareSpec::default()
        };
        let comparison = way.compare("full_one", "r", spec.clone()).await;
        assert_eq!(
            (comparison.totals.missing, comparison.differences.len()),
            (3000, 7),
            "{}",
            way.name
        );
        assert!(comparison.truncated);
        if way.mode != Mode::Multiset {
            let keys: Vec<_> = comparison
                .differences
                .iter()
                .map(|row| row.key[0].clone().unwrap())
                .collect();
            assert_eq!(keys, ["1", "2", "3", "4", "5", "6", "7"], "{}", way.name);
        }
        let comparison = way.compare("r", "full_one", spec).await;
        assert_eq!(comparison.totals.added, 3000, "{}", way.name);
    }
    world.stop().await;
}

/// Runs a statement once everything is decided and the snapshots are taken.
struct Meanwhile {
    runtime: tokio::runtime::Handle,
    db: Database,
    sql: &'static str,
}

impl Observer for Meanwhile {
    fn started(&mut self, _: &PlanView<'_>) -> io::Result<()> {
        let (db, sql) = (self.db.clone(), self.sql);
        tokio::task::block_in_place(|| self.runtime.block_on(prepare(&db, sql)));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_truncated_under_the_snapshot_is_never_taken_for_empty() {
    let world = World::new(
        "create table l (id int primary key, v text);
         create table r (like l including all);
         insert into r values (1, 'a');",
    )
    .await;
    let mut meanwhile = Meanwhile {
        runtime: tokio::runtime::Handle::current(),
        db: world.there.clone(),
        sql: "truncate r",
    };
    let comparison = world.ways()[2]
        .try_compare("l", "r", CompareSpec::default(), &mut meanwhile)
        .await
        .unwrap();
    assert_eq!(comparison.totals.differences(), 0);
    assert!(
        matches!(&comparison.verdict, Verdict::NotProven { reasons } if reasons.as_slice()[0].contains("truncated or rewritten")),
        "{:?}",
        comparison.verdict
    );
    world.stop().await;
}

/// Writes a repair script while the differences arrive.
struct Repairing {
    script: Option<RepairScript<std::fs::File>>,
    file: std::fs::File,
    target: nba_db::identity::Brief,
    table: nba_db::catalog::Relation,
}

impl Observer for Repairing {
    fn started(&mut self, plan: &PlanView<'_>) -> io::Result<()> {
        self.script = Some(
            RepairScript::begin(
                self.file.try_clone()?,
                &self.target,
                &self.table,
                plan.key,
                plan.columns,
            )
            .map_err(io::Error::other)?,
        );
        Ok(())
    }

    fn difference(&mut self, difference: &Difference) -> io::Result<()> {
        self.script.as_mut().unwrap().add(difference)
    }
}

#[tokio::test]
async fn the_repair_script_makes_the_tables_equal() {
    let world = World::new(
        r#"create type mood as enum ('good', 'bad');
         create table l (id int, "Odd ""name" text, n numeric, f float8, j jsonb, b bytea, a int[], m mood, c char(4), t timestamptz, primary key (id, "Odd ""name"));
         create table r (like l including all);
         insert into l select n, 'it''s \ ' || n || E'\n', n * 1.5, n / 3.0, jsonb_build_object('k', n), decode(md5(n::text), 'hex'), array[n, null], 'good', 'ab', '2025-10-21'::timestamptz + n * interval '1 us'
         from generate_series(1, 400) n;
         insert into r select * from l where id % 40 <> 0;
         insert into r values (1000, 'added', 1, 1, '1', '', '{}', 'bad', 'x', 'infinity');
         update r set n = null, j = '{"k": null}' where id % 31 = 0;
         update r set f = f * (1 + 1e-15), b = null, a = '{}', m = 'bad', c = 'zz', t = null where id % 57 = 0;"#,
    )
    .await;
    let catalog = world.here.catalog().await.unwrap();
    let target = world.here.identity().await.unwrap().brief;
    for way in &world.ways()[..2] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("repair.sql");
        let mut observer = Repairing {
            script: None,
            file: std::fs::File::create(&file).unwrap(),
            target: target.clone(),
            table: catalog
                .relations
                .iter()
                .find(|table| table.table.name == "r")
                .unwrap()
                .clone(),
        };
        world
            .run("drop table if exists kept; create table kept as select * from r")
            .await;
        let comparison = way
            .try_compare("l", "r", CompareSpec::default(), &mut observer)
            .await
            .unwrap();
        assert_eq!(
            (comparison.totals.missing, comparison.totals.added),
            (10, 1),
            "{}",
            way.name
        );
        let counts = observer.script.unwrap().finish().unwrap();
        assert_eq!(
            (counts.inserts, counts.deletes_commented, counts.skipped),
            (10, 1, 0)
        );
        let sql = std::fs::read_to_string(&file).unwrap();
        assert!(sql.contains("\nrollback;"));
        let run = sql
            .replace("\nrollback;", "\ncommit;")
            .replace("\n-- delete from", "\ndelete from");
        std::fs::write(&file, run).unwrap();
        let psql = std::process::Command::new(world.server.programs().program("psql"))
            .args([
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &world.server.url("nba"),
                "-f",
            ])
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            psql.status.success(),
            "{}",
            String::from_utf8_lossy(&psql.stderr)
        );
        let comparison = way.compare("l", "r", CompareSpec::default()).await;
        assert!(
            comparison.verdict.is_proven(),
            "{}: {:#?}",
            way.name,
            told(&comparison)
        );
        world
            .run("truncate r; insert into r select * from kept")
            .await;
    }
    world.stop().await;
}

#[tokio::test]
async fn another_encoding_and_another_collation_make_no_difference() {
    const SQL: &str = "
        create table plays (name text primary key, team text);
        insert into plays select chr(65 + n % 26) || n || (array['é', 'a', 'Z', ' ', 'ß', 'ø', ''])[1 + n % 7], (array['Dončić', 'José', null])[2 + n % 2]
        from generate_series(1, 500) n;
        create table bare as select team, name from plays;
        analyze;";
    let world = World::new(SQL).await;
    let url = world.server.url("postgres");
    let (client, connection) = nba_db::tokio_postgres::connect(&url, nba_db::tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute("create database latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'")
        .await
        .unwrap();
    let latin = Database::connect(&world.server.target("latin"))
        .await
        .unwrap();
    prepare(&latin, &SQL.replace("'Dončić', ", "'Doncic', ")).await;
    for (name, key) in [("plays", true), ("bare", false)] {
        let found = free(
            &world.here,
            &table(name),
            &latin,
            &table(name),
            &CompareSpec::default(),
        )
        .await
        .unwrap();
        assert_eq!(found.mode == Mode::Stream, key);
        assert!(found.verdict.is_proven(), "{name}: {:#?}", told(&found));
        assert_eq!(found.totals.equal, 500);
    }
    prepare(
        &latin,
        "update plays set team = 'Jose' where name like '%é' and name < 'D'",
    )
    .await;
    let found = free(
        &world.here,
        &table("plays"),
        &latin,
        &table("plays"),
        &CompareSpec::default(),
    )
    .await
    .unwrap();
    assert!(
        found.totals.changed > 0 && found.totals.differences() == found.totals.changed,
        "{:#?}",
        told(&found)
    );
    latin.close().await;
    drop(client);
    world.stop().await;
}
