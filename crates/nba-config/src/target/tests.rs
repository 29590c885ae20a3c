use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::error::{ConfigError, UrlProblem};

fn problem(url: &str) -> UrlProblem {
    match DatabaseTarget::from_url(url) {
        Err(ConfigError::Url(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn url_parts_are_decoded() {
    let target = DatabaseTarget::from_url(
        "postgresql://us%3Aer:p%40%2F%3F%23%26%25%3A'%22%0A@Db.Example.:6543/nba%20x?sslmode=verify-full&sslrootcert=/etc/ca%20x.pem&connect_timeout=3",
    )
    .unwrap();
    assert_eq!(target.user, "us:er");
    assert_eq!(
        target.password.as_ref().unwrap().expose_secret(),
        "p@/?#&%:'\"\n"
    );
    assert_eq!(target.database, "nba x");
    assert_eq!(target.port, 6543);
    assert_eq!(target.ssl, SslMode::VerifyFull);
    assert_eq!(
        target.ssl_root_cert.as_deref(),
        Some("/etc/ca x.pem".as_ref())
    );
    assert_eq!(target.settings.connect_timeout.as_secs(), 3);
    assert_eq!(target.server().to_string(), "db.example:6543/nba x");
}

#[test]
fn socket_and_ipv6_urls() {
    let target =
        DatabaseTarget::from_url("postgres:///db?host=/sock/dir&user=postgres&port=5433").unwrap();
    assert_eq!(target.host, Host::Unix("/sock/dir".into()));
    assert_eq!((target.port, target.password.is_none()), (5433, true));
    assert_eq!(
        target.to_string(),
        "postgres:///db?host=/sock/dir&port=5433&user=postgres"
    );
    let again = DatabaseTarget::from_url(&target.to_string()).unwrap();
    assert_eq!(again.server(), target.server());

    let target = DatabaseTarget::from_url("postgres://u@[::1]:5433/db").unwrap();
    assert_eq!(target.host, Host::Tcp("::1".into()));
    assert!(target.host.is_local());
    assert_eq!(target.to_string(), "postgres://u@[::1]:5433/db");
    let target = DatabaseTarget::from_url("postgres://u@%2Fvar%2Frun/db").unwrap();
    assert_eq!(target.host, Host::Unix("/var/run".into()));
}

#[test]
fn bad_urls_are_refused_without_repeating_them() {
    let cases = [
        ("mysql://u:sekret@h/d", UrlProblem::Scheme),
        ("host=h password=sekret", UrlProblem::Scheme),
        ("postgres://u:se%ret@h/d", UrlProblem::Percent("password")),
        ("postgres://u:se%ffret@h/d", UrlProblem::NotText("password")),
        // what the legacy URL builder makes of a password with `?` or `#` (database dossier 3.4)
        ("postgres://u:sekret?x@h/d", UrlProblem::Port),
        ("postgres://u:sekret#x@h/d", UrlProblem::Port),
        ("postgres://u:sekret@h:99999/d", UrlProblem::Port),
        ("postgres://u:sekret@h:0/d", UrlProblem::Port),
        ("postgres://u:sekret@h", UrlProblem::Missing("database")),
        ("postgres://h/d", UrlProblem::Missing("user")),
        ("postgres:///d?user=u", UrlProblem::Missing("host")),
        ("postgres://u@a,b/d", UrlProblem::ManyHosts),
        (
            "postgres://u@a/d?sslmod=require",
            UrlProblem::Parameter("sslmod".into()),
        ),
    ];
    for (url, expected) in cases {
        assert_eq!(problem(url), expected, "{url}");
        let error = DatabaseTarget::from_url(url).unwrap_err();
        assert!(
            !format!("{error} {error:?} {:?}", error.hint()).contains("sekret"),
            "{url}"
        );
    }
    assert!(matches!(
        problem("postgres://u@a/d?sslmode=yes"),
        UrlProblem::ParameterValue { .. }
    ));
}

#[test]
fn passwords_never_show() {
    let target = DatabaseTarget::from_url("postgres://u:sekret@h/d").unwrap();
    assert!(!format!("{target} {target:?}").contains("sekret"));
    assert_eq!(
        target.to_url().expose_secret(),
        "postgres://u:sekret@h:5432/d"
    );
    assert!(!format!("{:?}", target.to_url()).contains("sekret"));
}

proptest! {
    #[test]
    fn every_target_survives_its_url(
        user in "\\PC{1,12}",
        password in proptest::option::of("(?s).{1,20}"),
        database in "\\PC{1,12}",
        port in 1u16..,
        socket in any::<bool>(),
    ) {
        let host = if socket { Host::Unix("/run/pg & co".into()) } else { Host::Tcp("db-1.example".into()) };
        let mut target = DatabaseTarget::new(host, port, database, user);
        target.password = password.map(Into::into);
        let again = DatabaseTarget::from_url(target.to_url().expose_secret()).unwrap();
        prop_assert_eq!(again.server(), target.server());
        prop_assert_eq!(again.user, target.user);
        prop_assert_eq!(
            again.password.as_ref().map(ExposeSecret::expose_secret),
            target.password.as_ref().map(ExposeSecret::expose_secret)
        );
    }
}
