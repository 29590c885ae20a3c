use proptest::prelude::*;
use serde_json::json;

use super::{MASK, Redactor, names_a_secret};

#[test]
fn patterns_find_secrets_nobody_registered() {
    let redactor = Redactor::new();
    let check = |text: &str, expected: &str| assert_eq!(redactor.redact(text), expected);
    check("password=hunter2", "password=***");
    check("PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=*** psql -h db");
    check(
        "export DB_PASSWORD='hunter two' # comment",
        "export DB_PASSWORD=*** # comment",
    );
    check(
        "host=db password='it\\'s two' user=app",
        "host=db password=*** user=app",
    );
    check("password=a,b;c&d\"e", "password=***");
    check("password: hunter2\nuser: app", "password: ***\nuser: app");
    check(
        r#"{"password": "hunter \" two", "user": "app"}"#,
        r#"{"password": ***, "user": "app"}"#,
    );
    check(
        r#"error="refused: password=\"hunter two\" host=db""#,
        r#"error="refused: password=*** host=db""#,
    );
    check("password=\"cut off in the mid", "password=***");
    check(
        "{'password': 'hunter2', 'a': 1}",
        "{'password': ***, 'a': 1}",
    );
    check("--password hunter2 --host db", "--password *** --host db");
    check(
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG",
        "aws_secret_access_key = ***",
    );
    check("AWS_SESSION_TOKEN=abc", "AWS_SESSION_TOKEN=***");
    check("key AKIAIOSFODNN7EXAMPLE used", "key AKIA*** used");
    check(
        "Authorization: Bearer abc.def-ghi",
        "Authorization: Bearer ***",
    );
    check("sent bearer abcdefghijklmnop1234", "sent bearer ***");
    check(
        "postgres://app:p%40ss@db:5432/nba?x=1",
        "postgres://app:***@db:5432/nba?x=1",
    );
    check(
        "postgres://app:p@ss/word@db/nba",
        "postgres://app:***@db/nba",
    );
    check("redis://:pw@cache", "redis://:***@cache");
    check(
        "a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b",
        "a *** b",
    );
    check(
        "https://s3/x?X-Amz-Signature=0123abcd",
        "https://s3/x?X-Amz-Signature=***",
    );
    check(
        "\x1b[3mpassword\x1b[0m\x1b[2m=\x1b[0mhunter2\x1b[0m done",
        "\x1b[3mpassword\x1b[0m\x1b[2m=\x1b[0m***\x1b[0m done",
    );
}

#[test]
fn quoting_does_not_let_secrets_out() {
    let redactor = Redactor::new();
    let check = |text: &str, expected: &str| assert_eq!(redactor.redact(text), expected);
    check("password='a'b host=db", "password=*** host=db");
    check("password='it''s two' host=db", "password=*** host=db");
    check(
        r#"note="password='x'" host="db""#,
        r#"note="password=***" host="db""#,
    );
    check(
        "alter role app password 'it''s' valid",
        "alter role app password *** valid",
    );
    check(r"password=\abc host=db", "password=*** host=db");
    check(
        r#"a="{\"password\":\"x y\",\"b\":1}""#,
        r#"a="{\"password\":***,\"b\":1}""#,
    );
}

#[test]
fn ordinary_text_is_left_alone() {
    let redactor = Redactor::new();
    for text in [
        "",
        "games: expected 44828 rows, found 44827",
        "password authentication failed for user `app`",
        "password_file=/run/pw token_count=12",
        "postgres://app@db:5432/nba",
        "https://example.org/a:b@c/d",
        "s3://nba-sim-raw-data-lake/pbp/401307856.json",
        "at 12:30:05 host=db port=5432",
        "the secret is out",
        "commit 0a1bae2f0a1bae2f0a1bae2f0a1bae2f0a1bae2f",
    ] {
        assert_eq!(redactor.redact(text), text);
        assert!(
            matches!(redactor.redact(text), std::borrow::Cow::Borrowed(_)),
            "{text}"
        );
    }
}

#[test]
fn registered_values_are_found_in_every_spelling() {
    let redactor = Redactor::new();
    let secret = "p\"a\\s s%@\n/wörd";
    assert!(redactor.register(secret));
    let check = |text: String| {
        let hidden = redactor.redact(&text).into_owned();
        assert_eq!(hidden, format!("<{MASK}>"), "{text}");
    };
    check(format!("<{secret}>"));
    check(format!(
        "<{}>",
        serde_json::to_string(secret).unwrap().trim_matches('"')
    ));
    check(format!("<{}>", format!("{secret:?}").trim_matches('"')));
    check("<p%22a%5Cs%20s%25%40%0A%2Fw%C3%B6rd>".to_owned());
    // one line of it alone
    assert!(!redactor.redact("x p\"a\\s s%@ y").contains("s%@"));
}

#[test]
fn overlapping_values_leave_nothing() {
    let redactor = Redactor::new();
    for secret in ["abcd", "cdef", "aaaa"] {
        redactor.register(secret);
    }
    assert_eq!(redactor.redact("-abcdef-"), "-***-");
    assert_eq!(redactor.redact("-aaaaaa-"), "-***-");
    // one within the other
    redactor.register("(abcdefgh)");
    assert_eq!(redactor.redact("-(abcdefgh)-"), "-***-");
}

#[test]
fn short_values_are_not_searched_for() {
    let redactor = Redactor::new();
    assert!(!redactor.register("abc"));
    assert!(!redactor.register("   "));
    assert_eq!(redactor.redact("abc password=abc"), "abc password=***");
}

#[test]
fn clones_share_what_was_registered() {
    let redactor = Redactor::new();
    let clone = redactor.clone();
    redactor.register("hunter2");
    assert_eq!(clone.redact("hunter2"), MASK);
    assert!(!format!("{clone:?}").contains("hunter2"));
}

#[test]
fn json_stays_json() {
    let redactor = Redactor::new();
    redactor.register("hunter2");
    redactor.register("12345678");
    let mut value = json!({
        "password": "x", "api_key": 5, "secret": null,
        "the hunter2": 1, "list": ["hunter2", 12_345_678, 7, true], "deep": {"note": "password=\"a b\" x"}
    });
    redactor.redact_json(&mut value);
    assert_eq!(
        value,
        json!({
            "password": "***", "api_key": "***", "secret": null,
            "the ***": 1, "list": ["***", "***", 7, true], "deep": {"note": "password=*** x"}
        })
    );
}

#[test]
fn names_of_settings() {
    for name in [
        "password",
        "PGPASSWORD",
        "RDS_PASSWORD",
        "aws_secret_access_key",
        "AWS_ACCESS_KEY_ID",
        "api-key",
        "Authorization",
        "database.password",
    ] {
        assert!(names_a_secret(name), "{name}");
    }
    for name in [
        "host",
        "password_file",
        "token_count",
        "user",
        "key",
        "primary_key",
        "PWDX",
    ] {
        assert!(!names_a_secret(name), "{name}");
    }
}

proptest! {
    #[test]
    fn a_registered_value_never_survives(secret in "[ -~]{4,20}", before in ".{0,10}", after in ".{0,10}") {
        let redactor = Redactor::new();
        prop_assume!(redactor.register(&secret) && !MASK.contains(secret.trim()));
        let text = format!("{before}{secret}{after}");
        let hidden = redactor.redact(&text).into_owned();
        // the mask itself may complete a value of asterisks
        prop_assume!(!secret.contains('*'));
        prop_assert!(!hidden.contains(secret.trim()), "{}", hidden);
        let mut json = json!([text]);
        redactor.redact_json(&mut json);
        prop_assert!(!json[0].as_str().unwrap().contains(secret.trim()));
    }

    #[test]
    fn a_named_value_never_survives(secret in "[a-zA-Z0-9!$%&/()=?,.;#@:-]{4,20}", name in "(DB_|PG|)(PASSWORD|password|passwd|secret)", separator in "=|: |\": \"| = ") {
        let text = format!("x {name}{separator}{secret} y");
        let hidden = Redactor::new().redact(&text).into_owned();
        prop_assert!(!hidden.contains(&secret), "{} -> {}", text, hidden);
        prop_assert!(hidden.starts_with("x "));
    }

    #[test]
    fn any_text_is_taken(text in ".{0,40}", near in "(password|postgres://a)[=:][\"' a-z@\\\\]{0,12}") {
        for text in [text, near] {
            let hidden = Redactor::new().redact(&text).into_owned();
            prop_assert!(hidden == text || hidden.contains(MASK));
        }
    }
}
