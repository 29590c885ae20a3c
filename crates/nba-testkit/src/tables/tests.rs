use chrono::{NaiveDate, TimeZone, Utc};

use super::*;
use crate::{
    plan::{Plan, PlanOptions},
    schema,
    sim::{Universe, simulate},
};

fn encoded(write: impl FnOnce(&mut Rows)) -> String {
    let mut rows = Rows::default();
    write(&mut rows);
    String::from_utf8(rows.bytes().to_vec()).unwrap()
}

#[test]
fn what_copy_would_misread_is_escaped() {
    let row = encoded(|rows| {
        rows.text("a\tb\nc\rd\\e")
            .text("")
            .text("\\N")
            .null()
            .text("Žalgiris")
            .end();
    });
    assert_eq!(row, "a\\tb\\nc\\rd\\\\e\t\t\\\\N\t\\N\tŽalgiris\n");
}

#[test]
fn numbers_and_times_have_one_form() {
    let noon = Utc.with_ymd_and_hms(2020, 2, 9, 12, 5, 7).unwrap();
    let row = encoded(|rows| {
        rows.int(0)
            .int(-12)
            .int(i64::MIN)
            .boolean(true)
            .bit(false)
            .opt_int(None::<i64>);
        rows.date(NaiveDate::from_ymd_opt(1996, 11, 1).unwrap())
            .timestamp(noon)
            .end();
    });
    assert_eq!(
        row,
        "0\t-12\t-9223372036854775808\tt\t0\t\\N\t1996-11-01\t2020-02-09 12:05:07\n"
    );
}

#[test]
fn percentages_are_rounded_half_up_and_zero_without_tries() {
    for (made, attempted, text) in [
        (1, 3, "33.3"),
        (2, 3, "66.7"),
        (1, 8, "12.5"),
        (1, 16, "6.3"),
        (9, 9, "100.0"),
        (0, 0, "0.0"),
    ] {
        assert_eq!(
            encoded(|rows| espn::percent(rows, made, attempted)),
            format!("{text}\t"),
            "{made}-{attempted}"
        );
    }
}

#[test]
fn every_row_has_as_many_fields_as_its_table_has_columns() {
    let universe = Universe::new(3);
    let plan = Plan::new(
        &universe,
        PlanOptions {
            temporal: Temporal::Filled,
            ..PlanOptions::default()
        },
    )
    .unwrap();
    let mut tables = GameTables::default();
    for planned in plan.games.iter().rev().take(60).chain(&plan.games[..20]) {
        let game = simulate(&universe.header(planned.index), &planned.sim_options()).unwrap();
        tables.add(&game, planned, Temporal::Filled, 1);
    }
    let mut all: Vec<_> = tables
        .tables()
        .map(|(name, rows)| (name, rows.take()))
        .collect();
    for table in schema::tables().filter(|table| !GAME_TABLES.contains(&table.name)) {
        let mut rows = Rows::default();
        reference::write(&mut rows, table.name, &universe, &plan).unwrap();
        assert_eq!(rows.count(), plan.rows(table.name), "{}", table.name);
        all.push((table.name, rows.take()));
    }
    assert_eq!(all.len(), 54);
    for (name, (bytes, count)) in all {
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            u64::try_from(text.lines().count()).unwrap(),
            count,
            "{name}"
        );
        let columns = schema::table(name).unwrap().stored_columns().count();
        for line in text.lines() {
            assert_eq!(line.split('\t').count(), columns, "{name}: {line}");
        }
    }
}

#[test]
fn taking_rows_leaves_nothing_behind() {
    let mut rows = Rows::default();
    rows.int(1).end();
    assert_eq!(rows.take(), (b"1\n".to_vec(), 1));
    assert_eq!((rows.bytes(), rows.count()), (&b""[..], 0));
}
