//! Tests of the parts that need no server; `tests/it/embedded.rs` has the rest.

use super::{
    binaries::major_of,
    privilege::account,
    server::{conf_quoted, quoted},
    system_id::crc32c,
};

#[test]
fn crc32c_of_the_standard_check_value() {
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
}

#[test]
fn major_version_is_read_from_what_postgres_says() {
    let check = |text, expected| assert_eq!(major_of(text), expected, "{text}");
    check(
        "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)",
        Some(15),
    );
    check("postgres (PostgreSQL) 18beta1", Some(18));
    check("postgres", None);
    check("", None);
}

#[test]
fn accounts_prefer_postgres() {
    let passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n";
    assert_eq!(account(passwd), Some((101, 104)));
    assert_eq!(
        account(&passwd.replace("postgres", "other")),
        Some((65534, 65534))
    );
    assert_eq!(account("root:x:0:0::/root:/bin/sh\n"), None);
}

#[test]
fn names_and_values_are_quoted() {
    assert_eq!(quoted("a\"b").unwrap(), "\"a\"\"b\"");
    assert!(quoted("").is_err());
    assert!(quoted("a\0b").is_err());
    assert!(quoted(&"x".repeat(64)).is_err());
    assert_eq!(conf_quoted(r"it's a \ b"), r"'it''s a \\ b'");
}
