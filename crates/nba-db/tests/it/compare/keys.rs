//! Keys of all sorts: compound, repeated, NULL, undeclared, and none.

use std::num::NonZeroU64;

use nba_db::compare::{Change, CompareSpec, Mode, Repeated};

use super::{World, told};

fn key(columns: &[&str]) -> CompareSpec {
    CompareSpec {
        key: Some(columns.iter().map(|&column| column.to_owned()).collect()),
        ..CompareSpec::default()
    }
}

fn small_pieces(rows: u64) -> CompareSpec {
    CompareSpec {
        piece_rows: NonZeroU64::new(rows).unwrap(),
        listed: 10_000,
        ..CompareSpec::default()
    }
}

#[tokio::test]
async fn keys_of_every_sort_are_cut_into_pieces_that_lose_no_row() {
    let world = World::new(
        "create table l (season int, game text, event bigint, d date, v int, primary key (season, game, event));
         insert into l select 2000 + n % 7, (array['ä', 'Z', 'a', ' b', 'É', '', 'ab', 'a b'])[1 + n % 8], n, date '2025-10-21' + n, n
         from generate_series(1, 3000) n;
         create table r (like l including all);
         insert into r select * from l where event % 500 <> 0;
         insert into r select season, game, event + 100000, d, v from l where event % 600 = 0;
         update r set v = v + 1 where event % 700 = 0;
         create table by_date (d date, n numeric, b boolean, u uuid, t timestamptz, v int, primary key (d, n, b, u, t));
         insert into by_date select date '2025-10-21' - n % 40, n * 1.5, n % 2 = 0, md5(n::text)::uuid, '2025-10-21'::timestamptz + n * interval '1 microsecond', n
         from generate_series(1, 2000) n;
         create table by_date_r (like by_date including all);
         insert into by_date_r select * from by_date;
         update by_date_r set v = 0 where v in (1, 777, 2000);
         delete from by_date_r where v = 500;
         analyze l, r, by_date, by_date_r;",
    )
    .await;
    for way in world.ways() {
        let comparison = way.compare("l", "r", small_pieces(100)).await;
        let totals = comparison.totals;
        assert!(
            comparison.assembly.parts > 1,
            "{}: {:?}",
            way.name,
            comparison.assembly
        );
        assert_eq!(
            (comparison.left.rows, comparison.right.rows),
            (3000, 2999),
            "{}",
            way.name
        );
        if way.mode == Mode::Multiset {
            assert_eq!(
                (totals.missing, totals.added),
                (6 + 4, 5 + 4),
                "{}",
                way.name
            );
        } else {
            // The index has the order of the database's collation, which no merge of two streams can rely on.
            let few = way.mode == Mode::Stream;
            assert_eq!(
                comparison.assembly.parts == 2,
                few,
                "{}: {:?}",
                way.name,
                comparison.assembly
            );
            assert_eq!(comparison.mode_reason.contains("sorted"), few);
            assert_eq!(
                (totals.missing, totals.added, totals.changed, totals.equal),
                (6, 5, 4, 2990),
                "{}",
                way.name
            );
            assert_eq!(comparison.key, ["season", "game", "event"]);
            assert!(comparison.key_proven_unique);
        }
        let comparison = way.compare("by_date", "by_date_r", small_pieces(70)).await;
        let totals = comparison.totals;
        assert!(comparison.assembly.parts > 1);
        if way.mode == Mode::Multiset {
            assert_eq!((totals.missing, totals.added), (4, 3), "{}", way.name);
        } else {
            assert!(
                comparison.assembly.parts > 10,
                "{}: {:?}",
                way.name,
                comparison.assembly
            );
            assert_eq!(
                (totals.missing, totals.added, totals.changed),
                (1, 0, 3),
                "{}",
                way.name
            );
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn repeated_and_null_keys_are_counted_and_no_row_is_dropped() {
    let world = World::new(
        "create table l (k int, t text, v text);
         create table r (like l);
         insert into l values (1, 'a', 'same'), (1, 'a', 'same'), (1, 'a', 'old'), (2, 'a', 'only left'), (null, 'a', 'x'), (null, 'a', 'y'),
             (3, null, 'null in t'), (4, 'd', 'one'), (5, 'e', 'z');
         insert into r values (1, 'a', 'new'), (1, 'a', 'same'), (null, 'a', 'y'), (null, 'a', 'z'), (3, null, 'null in t'),
             (4, 'd', 'one'), (4, 'd', 'one'), (5, 'e', 'z');
         analyze l, r;",
    )
    .await;
    for way in world
        .ways()
        .into_iter()
        .filter(|way| way.mode == Mode::Stream)
    {
        let comparison = way.compare("l", "r", key(&["k", "t"])).await;
        assert!(!comparison.key_proven_unique);
        let totals = comparison.totals;
        // Key 1: one `same` taken away, the second one and `old` against `new`.
        assert_eq!(
            told(&comparison),
            [
                "1 a: v 'old' → 'new'",
                "1 a: missing",
                "2 a: missing",
                "4 d: added",
                "NULL a: v 'x' → 'z'",
            ],
            "{}",
            way.name
        );
        assert_eq!(
            (totals.repeated_keys, totals.null_keys),
            (3, 2),
            "{}",
            way.name
        );
        assert_eq!(
            comparison.differences[0].repeated,
            Some(Repeated { left: 3, right: 2 })
        );
        assert_eq!(comparison.differences[2].repeated, None);
    }
    // In small pieces NULL belongs to the last one, and to no other.
    world
        .run(
            "create table many (k int, t text, v int);
             insert into many select nullif(n % 50, 0), nullif((n % 3)::text, '0'), n from generate_series(1, 2000) n;
             create table many_r as select * from many where v <> 1234;
             analyze many, many_r;",
        )
        .await;
    for way in world
        .ways()
        .into_iter()
        .filter(|way| way.mode == Mode::Stream)
    {
        let spec = CompareSpec {
            key: Some(vec!["k".to_owned(), "t".to_owned()]),
            ranges: 8.try_into().unwrap(),
            ..small_pieces(50)
        };
        let comparison = way.compare("many", "many_r", spec).await;
        assert!(comparison.assembly.parts > 4);
        assert_eq!((comparison.left.rows, comparison.right.rows), (2000, 1999));
        assert_eq!(
            comparison.totals.differences(),
            1 + comparison.totals.changed
        );
        assert_eq!(comparison.totals.missing, 1);
    }
    world.stop().await;
}

#[tokio::test]
async fn rows_without_a_key_are_counted_each() {
    let world = World::new(
        "create table l (a text, n numeric);
         create table r (like l);
         insert into l values ('x', 1.50), ('x', 1.5), ('x', 1), ('y', null), ('z', 3), ('z', 3), ('z', 3);
         insert into r values ('x', 1.500), ('x', 1.5), ('y', null), ('y', null), ('z', 3), ('w', 0);",
    )
    .await;
    for way in world
        .ways()
        .into_iter()
        .filter(|way| way.mode == Mode::Multiset)
    {
        let comparison = way.compare("l", "r", CompareSpec::default()).await;
        let totals = comparison.totals;
        assert_eq!(
            (totals.missing, totals.added, totals.equal),
            (3, 2, 4),
            "{}",
            way.name
        );
        let thrice = Some(Repeated { left: 3, right: 1 });
        let of_z = |row: &&nba_db::compare::Difference| matches!(&row.what, Change::Missing { values } if values[0].as_deref() == Some("z"));
        let rows: Vec<_> = comparison.differences.iter().filter(of_z).collect();
        assert_eq!(rows.len(), 2, "{}", way.name);
        assert!(
            rows.iter()
                .all(|row| row.repeated == thrice && row.key.is_empty())
        );
        // Without being asked for, too.
        let spec = CompareSpec::default();
        let left = super::table("l");
        let right = super::table("r");
        let free = nba_db::compare::compare(way.left, &left, way.right, &right, &spec, &mut ())
            .await
            .unwrap();
        assert_eq!(free.mode, Mode::Multiset, "{}", free.mode_reason);
        assert_eq!(free.totals, totals);
    }
    world.stop().await;
}

#[tokio::test]
async fn the_key_of_one_side_serves_for_a_copy_without_an_index() {
    let world = World::new(
        "create table games (id int primary key, home text);
         insert into games select n, 'team ' || n from generate_series(1, 500) n;
         create table copied as select * from games where id <> 77;
         update copied set home = 'nobody' where id = 5;
         insert into copied select * from copied where id = 9;",
    )
    .await;
    let spec = CompareSpec::default();
    for (left, right, expected) in [
        (
            "games",
            "copied",
            vec!["5: home 'team 5' → 'nobody'", "9: added", "77: missing"],
        ),
        (
            "copied",
            "games",
            vec!["5: home 'nobody' → 'team 5'", "9: missing", "77: added"],
        ),
    ] {
        let (left, right) = (super::table(left), super::table(right));
        let comparison =
            nba_db::compare::compare(&world.here, &left, &world.here, &right, &spec, &mut ())
                .await
                .unwrap();
        assert_eq!(comparison.mode, Mode::Stream);
        assert_eq!(told(&comparison), expected);
        assert_eq!(comparison.totals.repeated_keys, 1);
        assert!(
            comparison
                .notes
                .iter()
                .any(|note| note.contains("no unique index"))
        );
    }
    world.stop().await;
}
