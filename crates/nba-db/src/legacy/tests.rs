use super::*;

fn positional(sql: &str, list: &[Param]) -> Result<String> {
    translate(sql, &LegacyParams::Positional(list)).map(|(sql, _)| sql)
}

#[test]
fn placeholders_become_typed_parameters() {
    let cases: &[(&str, &[Param], &str)] = &[
        ("select %s", &[Param::Int(5)], "select $1::int4"),
        ("select %s", &[Param::Int(5_000_000_000)], "select $1::int8"),
        ("select %s", &[Param::Float(1.5)], "select $1::numeric"),
        ("select %s", &[Param::Float(f64::NAN)], "select $1::float8"),
        ("select %s", &[Param::Bool(true)], "select $1::bool"),
        ("select %s", &[Param::from("x")], "select $1"),
        ("select %s", &[Param::Null], "select $1"),
        ("select %s,%s", &[Param::Null, Param::Null], "select $1,$2"),
        ("select a %% b", &[], "select a % b"),
        ("where n like 'a%%'", &[], "where n like 'a%'"),
        ("'it''s', %s", &[Param::Null], "'it''s', $1"),
        (r"E'\'%%', %s", &[Param::Null], r"E'\'%', $1"),
        (r"'\', %s", &[Param::Null], r"'\', $1"),
        ("name'x%%', %s", &[Param::Null], "name'x%', $1"),
        ("\"a\"\"%%\" = %s", &[Param::Null], "\"a\"\"%\" = $1"),
        ("-- 'it\n%s", &[Param::Null], "-- 'it\n$1"),
        ("/* ' /* ' */ */ %s", &[Param::Null], "/* ' /* ' */ */ $1"),
        ("$$ ' $$ || %s", &[Param::Null], "$$ ' $$ || $1"),
        ("$a$ $$ ' $a$ || %s", &[Param::Null], "$a$ $$ ' $a$ || $1"),
        ("select é, %s", &[Param::Null], "select é, $1"),
        ("'unterminated", &[], "'unterminated"),
        ("%s%s", &[Param::Null, Param::Int(1)], "$1$2::int4"),
    ];
    for (sql, list, expected) in cases {
        assert_eq!(positional(sql, list).unwrap(), *expected, "{sql}");
    }
}

#[test]
fn what_psycopg2_would_paste_or_refuse_is_an_error() {
    let cases: &[(&str, &[Param])] = &[
        ("interval '%s days'", &[Param::Int(5)]),
        ("\"%s\"", &[Param::Int(5)]),
        ("-- %s", &[Param::Int(5)]),
        ("$$ %s $$", &[Param::Int(5)]),
        ("like 'a%'", &[]),
        ("a % b", &[]),
        ("%d", &[Param::Int(5)]),
        ("%(name)s", &[Param::Int(5)]),
        ("select %s", &[]),
        ("select 1", &[Param::Int(5)]),
        ("%", &[]),
    ];
    for (sql, list) in cases {
        let error = positional(sql, list).unwrap_err();
        assert!(error.hint().is_some(), "{sql}: {error}");
    }
    let named = LegacyParams::Named(&[("a", Param::Null)]);
    for sql in ["%s", "%(b)s", "%(a)d", "%(a"] {
        assert!(translate(sql, &named).is_err(), "{sql}");
    }
}

#[test]
fn without_parameters_nothing_is_touched() {
    let (sql, list) = translate("like 'a%' and b %% c", &LegacyParams::None).unwrap();
    assert_eq!((sql.as_str(), list.len()), ("like 'a%' and b %% c", 0));
}

proptest::proptest! {
    #[test]
    fn any_text_is_handled_without_panic(sql in "\\PC{0,40}", sql2 in "[%s()'\"$/*a-e \\\\-]{0,40}") {
        for sql in [sql, sql2] {
            let _ = positional(&sql, &[Param::Null, Param::Null]);
        }
    }

    #[test]
    fn text_without_percent_is_kept(sql in "[^%]{0,60}") {
        proptest::prop_assert_eq!(positional(&sql, &[]).unwrap(), sql);
    }
}
