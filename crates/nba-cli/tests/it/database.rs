//! `nba db`.

use crate::world::{SCALE, World};
use nba_testkit::plan::{Plan, PlanOptions, Scale, Temporal};
use nba_testkit::sim::Universe;

/// Seed of `nba testkit build` unless told otherwise.
const SEED: u64 = 1946;

const EXACT: &str = r#"select 12345678901234567890123456789012345678901::numeric as n,
    -0.10::numeric(4, 2) as small, '{"b": 1.10, "a": [1e2, null]}'::jsonb as j, 'NaN'::float8 as nan,
    '2025-11-01 12:30:00.123456+00'::timestamptz as t, null::int as nothing"#;

pub(crate) fn numbers_keep_every_digit(world: &World) {
    let place = world.project("exact");
    let ran = place.nba(&["db", "query", "--json", EXACT]).exits(0);
    ran.json();
    for exact in [
        r#""n": 12345678901234567890123456789012345678901,"#,
        r#""small": -0.10,"#,
        r#""j": {"a": [100, null], "b": 1.10}"#,
        ".123456",
        r#""nothing": null"#,
    ] {
        assert!(ran.out.contains(exact), "{exact} in {ran}");
    }
    let text = place.nba(&["db", "query", EXACT]).exits(0);
    assert!(
        text.out
            .contains(" 12345678901234567890123456789012345678901 "),
        "{text}"
    );
    let many = [
        "db",
        "query",
        "--json",
        "--limit",
        "3",
        "select generate_series(1, 10) as n",
    ];
    let some = place.nba(&many).exits(0).says("3 of 10 rows shown");
    assert_eq!(some.json().as_array().unwrap().len(), 3);
}

pub(crate) fn writes_are_refused(world: &World) {
    let place = world.project("writes");
    let count = || world.sql("nba_simulator", "select count(*) from games");
    let before = count();
    for sql in [
        "delete from games",
        "with gone as (delete from games returning 1) select count(*) from gone",
        "create table mine (n int)",
        "set default_transaction_read_only = off; delete from games",
        "commit; delete from games",
    ] {
        place.nba(&["db", "query", sql]).exits(2).says("error: ");
    }
    place
        .nba(&["db", "query", "delete from games"])
        .exits(2)
        .says("SQLSTATE 25006")
        .says("hint: sessions are read-only");
    assert_eq!(count(), before);
}

pub(crate) fn counts_are_those_of_the_plan(world: &World) {
    let options = PlanOptions {
        scale: Scale::new(SCALE.parse().unwrap()).unwrap(),
        temporal: Temporal::Empty,
    };
    let plan = Plan::new(&Universe::new(SEED), options).unwrap();
    let place = world.project("counts");
    let counts = place.nba(&["db", "counts", "--json"]).exits(0).json();
    let tables = counts["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 54);
    for table in tables {
        let name = table["table"].as_str().unwrap();
        assert_eq!(table["rows"], plan.rows(name), "{name}");
        assert_eq!(table["rows"], world.built["rows"][name], "{name}");
    }
    assert_eq!(world.built["total_rows"], plan.total_rows());

    let catalog = place.nba(&["db", "catalog", "--json"]).exits(0).json();
    let relations = catalog["relations"].as_array().unwrap();
    assert_eq!(
        relations
            .iter()
            .filter(|relation| relation["kind"] == "table")
            .count(),
        54
    );
    let identity = place.nba(&["db", "identity", "--json"]).exits(0).json();
    assert_eq!(identity["read_only_proof"]["verdict"], "proven");
}

pub(crate) fn a_closed_pipe_is_no_error(world: &World) {
    let place = world.project("pipe");
    for line in [
        "nba db catalog | head -n 1",
        "nba --json db catalog | head -c 1",
        "nba completions bash | true",
        "nba db query --limit 5000 'select n as a, n as b from generate_series(1, 5000) as n' | true",
    ] {
        let ran = place
            .shell(&format!("{line} >/dev/null; exit ${{PIPESTATUS[0]}}"))
            .exits(0);
        assert!(!ran.err.contains("error"), "{ran}");
    }
}
