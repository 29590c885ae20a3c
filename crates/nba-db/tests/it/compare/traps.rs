//! The trap battery: differences that comparison tools miss, and equal values they report. Each stands in a row of its own.

use std::collections::BTreeSet;

use nba_db::compare::{Change, CompareSpec, Mode};

use super::{World, told};

const TABLES: &str = "
create type mood as enum ('good', 'bad');
create type pair as (n numeric, t text);
create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table l (id int primary key, a text, b text, num numeric, fl float8, ts timestamptz, jb jsonb, js json, by bytea,
    arr int[], bo boolean, narr numeric[], rng numrange, comp pair, iv interval, c char(5), bp bpchar, dt date, e mood, vc varchar(40),
    nc text collate nocase, u uuid, f4 real, moods mood[], jarr jsonb[], ranges nummultirange, ip inet, x xml);
create table r (like l including all);";

/// Row, columns, left values, right values, whether it is a difference.
const TRAPS: &[(i32, &str, &str, &str, bool)] = &[
    (1, "a", "null", "''", true),
    (2, "a, b", "'x|y', 'z'", "'x', 'y|z'", true),
    (3, "a", "'x'", "'x '", true),
    (4, "a", "'x'", "'X'", true),
    (5, "a, b", "'ab', 'c'", "'a', 'bc'", true),
    (6, "num", "1", "1.000000000001", true),
    (
        7,
        "num",
        "12345678901234567890123456789012345678901",
        "12345678901234567890123456789012345678902",
        true,
    ),
    (8, "fl", "0.1", "0.10000000000000002", true),
    (
        9,
        "ts",
        "'2025-10-21 19:30:00.123456+00'",
        "'2025-10-21 19:30:00.123457+00'",
        true,
    ),
    (
        10,
        "jb",
        r#"'{"a": 1, "b": [1, 2]}'"#,
        r#"'{"a": 1, "b": [1, 3]}'"#,
        true,
    ),
    (11, "a", "null", "'<null>'", true),
    (12, "a, b", "null, 'v'", "'v', null", true),
    (13, "by", r"'\x00ff'", r"'\x00fe'", true),
    (14, "arr", "'{1,null}'", "null", true),
    (15, "a", "U&'Jokic\\0301'", "U&'Joki\\0107'", true),
    (16, "fl", "'NaN'", "null", true),
    (17, "bo", "null", "false", true),
    (18, "a", "null", "' '", true),
    (19, "js", r#"'{"a":1,"b":2}'"#, r#"'{"b":2,"a":1}'"#, true),
    (20, "a", "null", "'null'", true),
    (21, "fl", "0", "'-0'", true),
    (22, "iv", "'1 day'", "'24:00:00'", true),
    (23, "bp", "'x'", "'x '", true),
    (24, "arr", "'{{1,2}}'", "'{1,2}'", true),
    (25, "arr", "'{1,null}'", "'{1,2}'", true),
    (26, "jb", "'\"1\"'", "'1'", true),
    (27, "nc", "'curry'", "'Curry'", true),
    (28, "num", "'NaN'", "null", true),
    (29, "num", "'Infinity'", "'NaN'", true),
    (30, "js", "'{\"a\":1}'", "'{\"a\": 1}'", true),
    (31, "f4", "0.1", "0.10000001", true),
    (32, "e", "'good'", "'bad'", true),
    (33, "moods", "'{good}'", "'{good,bad}'", true),
    (34, "comp", "row(1, null)", "row(1, '')", true),
    (35, "rng", "'[1,2)'", "'[1,2]'", true),
    (36, "jb", "null", "'null'", true),
    (37, "by", "''", "null", true),
    (38, "arr", "'{}'", "null", true),
    (39, "narr", "'{1.5}'", "'{1.51}'", true),
    (40, "dt", "'infinity'", "null", true),
    (41, "vc", "'1e3'", "'1000'", true),
    (42, "ip", "'10.0.0.1/32'", "'10.0.0.1/31'", true),
    (43, "x", "'<a/>'", "'<a></a>'", true),
    (44, "num", "-5", "5", true),
    // Equal, whatever the bytes.
    (61, "num", "1.50", "1.5", false),
    (
        62,
        "jb",
        r#"'{"a": 1.50, "b": 2}'"#,
        r#"'{"b": 2, "a": 1.5}'"#,
        false,
    ),
    (63, "narr", "'{1.50,null}'", "'{1.5,null}'", false),
    (64, "num", "'NaN'", "'NaN'", false),
    (65, "rng", "'[1.0,2)'", "'[1,2.00)'", false),
    (66, "comp", "row(1.50, 'x')", "row(1.5, 'x')", false),
    (67, "c", "'NY'", "'NY   '", false),
    (68, "fl", "'NaN'", "'NaN'", false),
    (
        69,
        "jarr",
        r#"array['{"a": 1.0}'::jsonb]"#,
        r#"array['{"a": 1}'::jsonb]"#,
        false,
    ),
    (70, "ranges", "'{[1.0,2)}'", "'{[1,2.0)}'", false),
    (71, "num", "0", "-0.000", false),
    (
        72,
        "ts",
        "'2025-10-21 19:30:00+00'",
        "'2025-10-21 14:30:00-05'",
        false,
    ),
    (
        73,
        "u",
        "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
        "'a0eebc999c0b4ef8bb6d6bb9bd380a11'",
        false,
    ),
];

#[tokio::test]
async fn every_trap_is_seen_in_every_mode_and_equal_values_are_equal() {
    let world = World::new(TABLES).await;
    let mut sql = String::new();
    for (id, columns, left, right, _) in TRAPS {
        for (table, values) in [("l", left), ("r", right)] {
            sql.push_str(&format!(
                "insert into {table} (id, {columns}) values ({id}, {values});\n"
            ));
        }
    }
    world.run(&sql).await;
    let expected: BTreeSet<i32> = TRAPS
        .iter()
        .filter(|trap| trap.4)
        .map(|trap| trap.0)
        .collect();
    assert!(expected.len() >= 18);
    for way in world.ways() {
        let comparison = way.compare("l", "r", CompareSpec::default()).await;
        assert!(comparison.verdict.is_refuted(), "{}", way.name);
        assert_eq!(comparison.mode, way.mode);
        if way.mode == Mode::Multiset {
            let ids = |missing: bool| -> BTreeSet<i32> {
                comparison
                    .differences
                    .iter()
                    .filter_map(|difference| match &difference.what {
                        Change::Missing { values } if missing => values[0].clone(),
                        Change::Added { values } if !missing => values[0].clone(),
                        _ => None,
                    })
                    .map(|id| id.parse().unwrap())
                    .collect()
            };
            assert_eq!(ids(true), expected, "{}", way.name);
            assert_eq!(ids(false), expected, "{}", way.name);
            assert_eq!(comparison.totals.changed, 0);
            continue;
        }
        let found: BTreeSet<i32> = comparison
            .differences
            .iter()
            .map(|difference| difference.key[0].as_deref().unwrap().parse().unwrap())
            .collect();
        assert_eq!(found, expected, "{}: {:#?}", way.name, told(&comparison));
        // In the column that was changed, with its exact values.
        let told = told(&comparison);
        for exact in [
            "1: a NULL → ''",
            "3: a 'x' → 'x '",
            "7: num '12345678901234567890123456789012345678901' → '12345678901234567890123456789012345678902'",
            "8: fl '0.1' → '0.10000000000000002'",
            "9: ts '2025-10-21 19:30:00.123456+00' → '2025-10-21 19:30:00.123457+00'",
            "12: a NULL → 'v', b 'v' → NULL",
            "13: by '\\x00ff' → '\\x00fe'",
            "16: fl 'NaN' → NULL",
            "17: bo NULL → 'false'",
            "21: fl '0' → '-0'",
            "23: bp 'x' → 'x '",
            "33: moods '{good}' → '{good,bad}'",
            "34: comp '(1,)' → '(1,\"\")'",
        ] {
            assert!(
                told.iter().any(|line| line == exact),
                "{}: {exact}: {told:#?}",
                way.name
            );
        }
        assert_eq!(comparison.totals.equal, 13, "{}", way.name);
        assert_eq!(comparison.unfinished, Vec::<String>::new());
    }
    world.stop().await;
}
