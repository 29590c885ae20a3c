use super::*;

fn options(command: &str, run: &str) -> ConnectOptions {
    let target = DatabaseTarget::from_url("postgres://u:hidden-password@h/d").unwrap();
    ConnectOptions::from(target).application(command, run)
}

#[test]
fn application_names_fit_the_server() {
    for (command, run, name) in [
        ("health", "0193", "nba/health/0193"),
        ("a/b'c\\d e\nf", "r/1", "nba/abcdef/r1"),
        ("", "", "nba//"),
        ("łódź", "🏀", "nba/d/"),
    ] {
        assert_eq!(options(command, run).application_name(), name);
    }
    let long = options(&"c".repeat(100), &"r".repeat(100)).application_name();
    assert_eq!(long.len(), 63);
    assert!(long.ends_with(&"r".repeat(36)));
}

#[test]
fn tls_is_demanded_as_libpq_does() {
    for (url, mode) in [
        ("postgres://u@h/d?sslmode=require", SslMode::Require),
        (
            "postgres://u@h/d?sslmode=require&sslrootcert=/ca.pem",
            SslMode::VerifyCa,
        ),
        ("postgres://u@h/d?sslmode=verify-full", SslMode::VerifyFull),
        ("postgres://u@h/d", SslMode::Prefer),
        (
            "postgres:///d?host=/tmp&user=u&sslmode=require",
            SslMode::Disable,
        ),
    ] {
        let options = ConnectOptions::from(DatabaseTarget::from_url(url).unwrap());
        assert_eq!(options.effective_ssl(), mode, "{url}");
    }
}

#[test]
fn no_form_shows_the_password() {
    let options = options("c", "r");
    for text in [
        format!("{options}"),
        format!("{options:?}"),
        format!("{options:#?}"),
    ] {
        assert!(!text.contains("hidden-password"), "{text}");
    }
}
