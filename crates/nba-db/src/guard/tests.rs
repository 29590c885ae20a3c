use nba_config::DatabaseTarget;

use super::*;

#[test]
fn statements_that_leave_something_behind_are_known() {
    for sql in [
        "select 1",
        " \n SELECT * from t",
        "(select 1)",
        "with a as (select 1) select * from a",
        "values (1)",
        "table games",
        "explain select 1",
        "show all",
        "copy t to stdout",
        "update t set a = 1",
    ] {
        assert!(!leaves_state(sql), "{sql}");
    }
    for sql in [
        "set work_mem = '1MB'",
        "begin",
        "BEGIN",
        "select set_config('a', 'b', false)",
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_lock(1)",
        "select 1 into temp t",
        "prepare p as select 1",
        "listen x",
        "declare c cursor with hold for select 1",
        "create temp table t ()",
        "selective",
        "-- x\nset a = b",
        "",
        "select pg_export_snapshot()",
    ] {
        assert!(leaves_state(sql), "{sql}");
    }
}

#[test]
fn bounds_are_rounded_up_and_kept_in_range() {
    for (duration, text) in [
        (Duration::ZERO, "0"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_millis(1500), "1500"),
        (Duration::MAX, "2147483647"),
    ] {
        assert_eq!(milliseconds(duration), text);
    }
}

#[test]
fn both_ways_to_set_the_guard_say_the_same() {
    let options = ConnectOptions::from(DatabaseTarget::from_url("postgres://u@h/d").unwrap());
    let (startup, statements) = (startup_options(&options), set_statements(&options));
    for (name, value) in settings(&options) {
        assert!(startup.contains(&format!("-c {name}={value}")), "{startup}");
        assert!(
            statements.contains(&format!("set {name} = '{value}'")),
            "{statements}"
        );
    }
    assert!(startup.contains("default_transaction_read_only=on"));
    assert!(reset_statements(&options, GuardMode::Statements).ends_with(&statements));
}
