//! Which inserts are looked at; what is said about them is tested against a server.

use super::untargeted;

#[track_caller]
fn check(sql: &str, expected: &[(&str, &[&str])]) {
    let found = untargeted(sql);
    let found: Vec<(&str, Vec<&str>)> = found
        .iter()
        .map(|insert| {
            let columns = insert.columns.iter().map(String::as_str).collect();
            (insert.table.as_str(), columns)
        })
        .collect();
    let expected: Vec<(&str, Vec<&str>)> = expected
        .iter()
        .map(|(table, columns)| (*table, columns.to_vec()))
        .collect();
    assert_eq!(found, expected, "{sql}");
}

#[test]
fn inserts_without_a_target_are_found() {
    check(
        "INSERT INTO espn.espn_plays (game_id, \"play Id\") VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &[("espn.espn_plays", &["game_id", "\"play Id\""])],
    );
    check(
        "with n as (select 1) insert into \"A\".\"b\"\"c\" as t select * from n on conflict do nothing",
        &[("\"A\".\"b\"\"c\"", &[])],
    );
    check(
        "insert into t (select 1) on conflict do nothing",
        &[("t", &[])],
    );
    check(
        "insert into a values (1); insert into b values ('x;') on conflict /* on conflict (id) */ do -- so\nnothing;",
        &[("b", &[])],
    );
}

#[test]
fn others_are_left_alone() {
    for sql in [
        "insert into t values (1)",
        "insert into t values (1) on conflict (id) do nothing",
        "insert into t values (1) on conflict on constraint t_pkey do nothing",
        "insert into t values (1) on conflict (id) do update set a = 1",
        "insert into t values (' on conflict do nothing')",
        "insert into t values (e'\\' on conflict do nothing')",
        "insert into t values ($a$ on conflict do nothing $a$, $1, $2)",
        "select 1 -- insert into t on conflict do nothing",
        "",
        "insert into",
        "'open",
        "\"open",
        "$tag$open",
        "/* open /* twice */",
    ] {
        check(sql, &[]);
    }
}
