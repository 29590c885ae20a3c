//! Every way connecting can fail, told apart; passwords of every kind; TLS.

use nba_config::{DatabaseTarget, Host, SslMode};
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, TcpPort};
use nba_db::{Database, DbError, ErrorKind};

use crate::support::{open, prepare, server_with, tcp_server};

const PASSWORD: &str = "s3cret-of-the-test";

fn tcp(server: &EmbeddedServer, user: &str, password: Option<&str>) -> DatabaseTarget {
    let mut target = DatabaseTarget::new(Host::parse("127.0.0.1"), server.port(), "nba", user);
    target.password = password.map(Into::into);
    target.settings.max_connections = 2;
    target
}

async fn refusal(target: &DatabaseTarget) -> DbError {
    let error = Database::connect(target)
        .await
        .expect_err("must not connect");
    let everything = format!("{error} {error:?} {:?} {target:?}", error.hint());
    assert!(!everything.contains(PASSWORD), "{everything}");
    error
}

#[tokio::test]
async fn each_cause_has_its_own_error() {
    let server = tcp_server().await;
    let db = open(&server, 2).await;
    prepare(&db, &format!("create role reader login password '{PASSWORD}'; create role nologin password '{PASSWORD}'")).await;
    let good = tcp(&server, "reader", Some(PASSWORD));
    Database::connect(&good).await.unwrap();

    let but = |change: &dyn Fn(&mut DatabaseTarget)| {
        let mut target = good.clone();
        change(&mut target);
        target
    };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let cases = [
        (
            ErrorKind::WrongPassword,
            tcp(&server, "reader", Some("wrong")),
        ),
        (ErrorKind::WrongPassword, tcp(&server, "reader", None)),
        // PostgreSQL does not tell a stranger which roles exist.
        (
            ErrorKind::WrongPassword,
            tcp(&server, "nobody_at_all", Some(PASSWORD)),
        ),
        (
            ErrorKind::UnknownRole,
            tcp(&server, "nologin", Some(PASSWORD)),
        ),
        (
            ErrorKind::UnknownDatabase,
            but(&|t| t.database = "no_such_database".to_owned()),
        ),
        (
            ErrorKind::UnknownHost,
            but(&|t| t.host = Host::parse("no-such-host.invalid")),
        ),
        (ErrorKind::Refused, but(&|t| t.port = free_port())),
        (
            ErrorKind::Refused,
            but(&|t| t.host = Host::parse("/nonexistent")),
        ),
        (ErrorKind::NoTls, but(&|t| t.ssl = SslMode::Require)),
        (
            ErrorKind::ConnectTimeout,
            but(&|t| {
                t.port = silent_port;
                t.settings.connect_timeout = std::time::Duration::from_millis(300);
            }),
        ),
        (
            ErrorKind::Tls,
            but(&|t| {
                t.ssl = SslMode::VerifyFull;
                t.ssl_root_cert = Some("/nonexistent.pem".into());
            }),
        ),
    ];

    for (kind, target) in &cases {
        let error = refusal(target).await;
        assert_eq!(error.kind(), *kind, "{error} {error:?}");
        assert!(error.hint().is_some() || *kind == ErrorKind::Tls, "{error}");
    }

    // sqlx, asked directly, gives the same kinds.
    for (kind, target) in &cases[..5] {
        let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(target.port)
            .username(&target.user)
            .password(
                target
                    .password
                    .as_ref()
                    .map_or("", |p| nba_config::ExposeSecret::expose_secret(p)),
            )
            .database(&target.database);
        let error = sqlx::ConnectOptions::connect(&options).await.unwrap_err();
        let error = DbError::from_sqlx("connecting", &target.to_string(), error);
        assert_eq!(error.kind(), *kind, "{error} {error:?}");
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn a_full_server_says_so() {
    let options = EmbeddedOptions {
        conf: vec![
            ("max_connections".to_owned(), "4".to_owned()),
            ("superuser_reserved_connections".to_owned(), "1".to_owned()),
        ],
        ..EmbeddedOptions::default()
    };
    let server = server_with(options).await;
    let db = open(&server, 2).await;
    prepare(&db, "create role plain login").await;
    let mut target = server.target("nba");
    target.user = "plain".to_owned();
    target.settings.max_connections = 12;
    target.settings.acquire_timeout = std::time::Duration::from_millis(500);
    let hog = Database::connect(&target).await.unwrap();
    let mut held = Vec::new();
    let error = loop {
        match hog.session().await {
            Ok(session) => held.push(session),
            Err(error) => break error,
        }
    };
    let text = error.to_string();
    assert!(text.contains("53300"), "{text}");
    drop(held);
}

#[tokio::test]
async fn passwords_of_every_kind_work_through_both_pools() {
    let server = tcp_server().await;
    let admin = open(&server, 2).await;
    prepare(&admin, "create role reader login").await;
    for password in [
        "it's \"quoted\" `here`",
        "line\nbreak\r\n\ttab",
        "100%s %(x)s %25 %",
        "a:b@c/d?e#f&g=h",
        "00712345",
        "Łódź ∑ 🏀 e\u{301}",
        "back\\slash $1 ${HOME}",
        " leading and trailing ",
        &"long".repeat(100),
    ] {
        prepare(
            &admin,
            &format!(
                "alter role reader password {}",
                nba_db::ident::literal(password)
            ),
        )
        .await;
        let db = Database::connect(&tcp(&server, "reader", Some(password)))
            .await
            .unwrap();
        assert_eq!(
            db.query_scalar::<i32>("select 1", &[]).await.unwrap(),
            1,
            "{password:?}"
        );
        sqlx::query("select 1").execute(db.pool()).await.unwrap();
        let wrong = format!("{password}x");
        let error = Database::connect(&tcp(&server, "reader", Some(&wrong)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongPassword);
        assert!(!format!("{error:?}{error}").contains(&wrong));
    }
}

struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

fn authority(name: &str) -> Authority {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        issuer: rcgen::Issuer::new(params, key),
        pem,
    }
}

#[tokio::test]
async fn tls_is_verified_as_asked_through_both_pools() {
    let right = authority("right");
    let wrong = authority("wrong");
    let key = rcgen::KeyPair::generate().unwrap();
    // Made out to a name, not to the address.
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &right.issuer)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let right_pem = folder.path().join("right.pem");
    std::fs::write(&right_pem, &right.pem).unwrap();
    let wrong_pem = folder.path().join("wrong.pem");
    std::fs::write(&wrong_pem, &wrong.pem).unwrap();

    let server = server_with(EmbeddedOptions {
        tcp: Some(TcpPort::Any),
        conf: vec![("ssl".to_owned(), "on".to_owned())],
        files: vec![
            ("server.crt".to_owned(), certificate.pem().into_bytes()),
            ("server.key".to_owned(), key.serialize_pem().into_bytes()),
        ],
        ..EmbeddedOptions::default()
    })
    .await;
    prepare(
        &open(&server, 2).await,
        &format!("create role reader login password '{PASSWORD}'"),
    )
    .await;

    let attempt = |host: &str, mode: SslMode, bundle: Option<&std::path::Path>| {
        let mut target = tcp(&server, "reader", Some(PASSWORD));
        target.host = Host::parse(host);
        target.ssl = mode;
        target.ssl_root_cert = bundle.map(Into::into);
        target
    };
    const ENCRYPTED_SQL: &str = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    for (host, mode, bundle) in [
        ("localhost", SslMode::VerifyFull, Some(right_pem.as_path())),
        ("127.0.0.1", SslMode::VerifyCa, Some(right_pem.as_path())),
        ("127.0.0.1", SslMode::Require, Some(right_pem.as_path())),
        ("127.0.0.1", SslMode::Require, None),
        ("127.0.0.1", SslMode::Prefer, None),
    ] {
        let db = Database::connect(&attempt(host, mode, bundle))
            .await
            .unwrap();
        assert!(
            db.query_scalar::<bool>(ENCRYPTED_SQL, &[]).await.unwrap(),
            "{mode}"
        );
        let encrypted: bool = sqlx::query_scalar(ENCRYPTED_SQL)
            .fetch_one(db.pool())
            .await
            .unwrap();
        assert!(encrypted, "{mode}");
        // Cancelling goes over TLS too.
        let dropped = tokio::time::timeout(
            std::time::Duration::from_millis(100),
            db.query("select pg_sleep(68)", &[]),
        );
        assert!(dropped.await.is_err());
        let observer = open(&server, 2).await;
        crate::support::eventually("it stops", || async {
            crate::support::running(&observer, "pg_sleep(68)").await == 0
        })
        .await;
    }
    // A password sqlx refuses to send takes the relay, which encrypts and verifies just the same.
    prepare(
        &open(&server, 2).await,
        "create role odd login password E'line\\nbreak'",
    )
    .await;
    let mut odd = attempt("localhost", SslMode::VerifyFull, Some(right_pem.as_path()));
    odd.user = "odd".to_owned();
    odd.password = Some("line\nbreak".into());
    let db = Database::connect(&odd).await.unwrap();
    let encrypted: bool = sqlx::query_scalar(ENCRYPTED_SQL)
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert!(encrypted);
    let plain = Database::connect(&attempt("127.0.0.1", SslMode::Disable, None))
        .await
        .unwrap();
    assert!(
        !plain
            .query_scalar::<bool>(ENCRYPTED_SQL, &[])
            .await
            .unwrap()
    );

    for (host, mode, bundle) in [
        ("localhost", SslMode::VerifyFull, Some(wrong_pem.as_path())),
        ("127.0.0.1", SslMode::VerifyCa, Some(wrong_pem.as_path())),
        ("127.0.0.1", SslMode::Require, Some(wrong_pem.as_path())),
        // The right authority, another name.
        ("127.0.0.1", SslMode::VerifyFull, Some(right_pem.as_path())),
        // A private authority is none of the public ones.
        ("localhost", SslMode::VerifyFull, None),
    ] {
        let target = attempt(host, mode, bundle);
        let error = refusal(&target).await;
        assert_eq!(
            error.kind(),
            ErrorKind::CertificateInvalid,
            "{mode} {error} {error:?}"
        );
        // And the same through sqlx alone, without the first session that refuses it before.
        let mut options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .host(host)
            .port(target.port)
            .username("reader")
            .password(PASSWORD)
            .database("nba")
            .ssl_mode(match mode {
                SslMode::VerifyFull => sqlx::postgres::PgSslMode::VerifyFull,
                _ => sqlx::postgres::PgSslMode::VerifyCa,
            });
        if let Some(bundle) = bundle {
            options = options.ssl_root_cert(bundle);
        }
        let error = sqlx::ConnectOptions::connect(&options).await.unwrap_err();
        let error = DbError::from_sqlx("connecting", "test", error);
        assert_eq!(
            error.kind(),
            ErrorKind::CertificateInvalid,
            "{mode} {error} {error:?}"
        );
    }
    let error = refusal(&attempt("127.0.0.1", SslMode::VerifyCa, None)).await;
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
}
