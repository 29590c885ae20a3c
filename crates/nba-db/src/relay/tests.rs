use nba_config::DatabaseTarget;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::*;

#[test]
fn only_passwords_sqlx_may_refuse_take_the_detour() {
    for password in [
        None,
        Some(""),
        Some("it's \"100%\" a:b@c/d?e#f&g \\ $"),
        Some("00712345"),
    ] {
        assert!(!is_needed(password), "{password:?}");
    }
    for password in ["line\nbreak", "tab\t", "Łódź", "🏀"] {
        assert!(is_needed(Some(password)), "{password:?}");
    }
}

#[tokio::test]
async fn a_stranger_without_the_token_is_turned_away() {
    let target = DatabaseTarget::from_url("postgres://u:p@127.0.0.1:1/d").unwrap();
    let options = ConnectOptions::from(target);
    let tls = crate::tls::connector(&options).unwrap();
    let relay = Relay::start(&options, tls).await.unwrap();
    let connect = |token: &str| {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(relay.port)
            .username("u")
            .password(token)
            .ssl_mode(PgSslMode::Disable)
    };
    let error = connect("guess").connect().await.unwrap_err();
    assert!(error.to_string().contains("token"), "{error}");
    // With it, the relay tries the server, which is not there.
    let error = connect(&relay.token).connect().await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    // Gone with its owner.
    let port = relay.port;
    drop(relay);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        assert!(std::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}
