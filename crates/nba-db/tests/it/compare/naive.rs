//! Random small tables in every mode against the plainest comparison there is.

use std::collections::BTreeMap;

use nba_db::compare::{Change, CompareSpec, Difference, Mode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Seen, World};

/// Values by number; equal numbers are equal values, in whatever text they are written.
const TEXTS: [Option<&str>; 5] = [None, Some(""), Some(" "), Some("a"), Some("A")];
const NUMBERS: [Option<[&str; 2]>; 4] = [
    None,
    Some(["1.5", "1.50"]),
    Some(["0", "0.0"]),
    Some(["NaN", "NaN"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// 0 is NULL, where keys may be NULL.
    key: u8,
    text: usize,
    number: usize,
    /// How the number is written; no part of its value.
    written: bool,
}

impl Row {
    fn value(self) -> (usize, usize) {
        (self.text, self.number)
    }

    fn sql(self, pad: u8) -> String {
        let text = TEXTS[self.text].map_or("null".to_owned(), |text| format!("'{text}'"));
        let number = NUMBERS[self.number].map_or("null".to_owned(), |forms| {
            format!("'{}'", forms[usize::from(self.written)])
        });
        let key = if self.key == 0 && pad == 0 {
            "null".to_owned()
        } else {
            self.key.to_string()
        };
        format!("({key}, {text}, {number})")
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0_u8..12, 0..TEXTS.len(), 0..NUMBERS.len(), any::<bool>()).prop_map(
        |(key, text, number, written)| Row {
            key,
            text,
            number,
            written,
        },
    );
    proptest::collection::vec(row, 0..14)
}

/// Equal, missing, added, changed.
type Account = (u64, u64, u64, u64);

/// Rows of a side by key and value.
fn grouped(rows: &[Row]) -> BTreeMap<u8, BTreeMap<(usize, usize), u64>> {
    let mut groups: BTreeMap<u8, BTreeMap<(usize, usize), u64>> = BTreeMap::new();
    for row in rows {
        *groups
            .entry(row.key)
            .or_default()
            .entry(row.value())
            .or_default() += 1;
    }
    groups
}

fn expected(left: &[Row], right: &[Row], keyed: bool) -> Account {
    let (left, right) = (grouped(left), grouped(right));
    let none = BTreeMap::new();
    let keys: std::collections::BTreeSet<u8> = left.keys().chain(right.keys()).copied().collect();
    let mut account = (0, 0, 0, 0);
    for key in keys {
        let (l, r) = (
            left.get(&key).unwrap_or(&none),
            right.get(&key).unwrap_or(&none),
        );
        let equal: u64 = l
            .iter()
            .map(|(value, count)| (*count).min(r.get(value).copied().unwrap_or(0)))
            .sum();
        let (only_left, only_right) = (
            l.values().sum::<u64>() - equal,
            r.values().sum::<u64>() - equal,
        );
        let changed = if keyed { only_left.min(only_right) } else { 0 };
        account.0 += equal;
        account.1 += only_left - changed;
        account.2 += only_right - changed;
        account.3 += changed;
    }
    account
}

fn counted(differences: &[Difference]) -> (u64, u64, u64) {
    let mut counts = (0, 0, 0);
    for difference in differences {
        match difference.what {
            Change::Missing { .. } => counts.0 += 1,
            Change::Added { .. } => counts.1 += 1,
            Change::Changed { .. } => counts.2 += 1,
        }
    }
    counts
}

/// The last row of each key, as a table with a primary key would hold it.
fn once(rows: &[Row]) -> Vec<Row> {
    let by_key: BTreeMap<u8, Row> = rows.iter().map(|row| (row.key, *row)).collect();
    by_key.into_values().collect()
}

fn insert(table: &str, rows: &[Row], pad: u8) -> String {
    let values: Vec<String> = rows.iter().map(|row| row.sql(pad)).collect();
    if values.is_empty() {
        String::new()
    } else {
        format!("insert into {table} values {};", values.join(", "))
    }
}

#[test]
fn random_tables_give_what_a_naive_comparison_gives() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new(
        "create table l (k int primary key, t text, n numeric); create table r (like l including all);
         create table l2 (k int, t text, n numeric); create table r2 (like l2);",
    ));
    let config = Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    runner
        .run(&(rows(), rows(), 1_u64..4), |(left, right, piece)| {
            runtime.block_on(async {
                let (l, r) = (once(&left), once(&right));
                let sql = [
                    "truncate l, r, l2, r2;".to_owned(),
                    insert("l", &l, 1),
                    insert("r", &r, 1),
                    insert("l2", &left, 0),
                    insert("r2", &right, 0),
                    "analyze l, r, l2, r2".to_owned(),
                ];
                world.run(&sql.concat()).await;
                for way in world.ways() {
                    for (unique, tables, sides) in [
                        (true, ["l", "r"], [&l, &r]),
                        (false, ["l2", "r2"], [&left, &right]),
                    ] {
                        let keyed = way.mode != Mode::Multiset;
                        if way.mode == Mode::Join && !unique {
                            continue;
                        }
                        let spec = CompareSpec {
                            key: (keyed && !unique).then(|| vec!["k".to_owned()]),
                            mode: Some(way.mode),
                            piece_rows: piece.try_into().unwrap(),
                            ranges: 3.try_into().unwrap(),
                            ..CompareSpec::default()
                        };
                        let mut seen = Seen::default();
                        let found = way
                            .try_compare(tables[0], tables[1], spec, &mut seen)
                            .await
                            .unwrap();
                        let totals = found.totals;
                        let account = (totals.equal, totals.missing, totals.added, totals.changed);
                        prop_assert_eq!(
                            account,
                            expected(sides[0], sides[1], keyed),
                            "{} {:?}: {:#?}",
                            way.name,
                            tables,
                            found
                        );
                        prop_assert!(totals.is_balanced(found.left.rows, found.right.rows));
                        prop_assert_eq!(counted(&seen.0), (account.1, account.2, account.3));
                        prop_assert_eq!(
                            found.verdict.is_proven(),
                            totals.differences() == 0,
                            "{:?}",
                            found.verdict
                        );
                    }
                }
                Ok(())
            })
        })
        .unwrap();
    runtime.block_on(world.stop());
}
