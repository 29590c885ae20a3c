use super::*;

fn server(sqlstate: &str, message: &str) -> ServerError {
    ServerError {
        sqlstate: sqlstate.to_owned(),
        severity: "ERROR".to_owned(),
        message: message.to_owned(),
        detail: None,
        hint: None,
        schema: None,
        table: None,
        column: None,
        constraint: None,
        context: None,
    }
}

#[test]
fn sqlstates_become_kinds() {
    for (sqlstate, message, kind) in [
        ("28P01", "", ErrorKind::WrongPassword),
        ("28000", "", ErrorKind::UnknownRole),
        ("3D000", "", ErrorKind::UnknownDatabase),
        ("53300", "", ErrorKind::TooManyConnections),
        ("57P03", "", ErrorKind::NotReady),
        ("57P01", "", ErrorKind::ConnectionLost),
        (
            "57014",
            "canceling statement due to statement timeout",
            ErrorKind::StatementTimeout,
        ),
        (
            "57014",
            "canceling statement due to user request",
            ErrorKind::Cancelled,
        ),
        ("55P03", "", ErrorKind::LockTimeout),
        ("25006", "", ErrorKind::ReadOnly),
        ("42501", "", ErrorKind::Denied),
        ("42601", "", ErrorKind::Query),
    ] {
        assert_eq!(server(sqlstate, message).kind(), kind, "{sqlstate}");
    }
}

#[test]
fn a_server_error_shows_all_its_parts() {
    let error = ServerError {
        schema: Some("public".to_owned()),
        table: Some("games".to_owned()),
        constraint: Some("games_pkey".to_owned()),
        detail: Some("Key (game_id)=(1) already exists.".to_owned()),
        ..server("23505", "duplicate key")
    };
    let error = DbError::Server {
        operation: "loading".to_owned(),
        error: Box::new(error),
    };
    assert_eq!(
        error.to_string(),
        "loading: duplicate key (SQLSTATE 23505, table `public.games`, constraint `games_pkey`): Key (game_id)=(1) already exists."
    );
    assert_eq!(error.sqlstate(), Some("23505"));
}

#[test]
fn a_statement_is_named_without_its_literals() {
    for (sql, label) in [
        ("select  1\n from t", "statement `select 1 from t`"),
        (
            "alter role a password 'secret'",
            "statement `alter role a password …`",
        ),
        ("select $$secret$$", "statement `select …`"),
        ("select $1", "statement `select $1`"),
        ("select $tag$secret$tag$", "statement `select …`"),
    ] {
        assert_eq!(statement_label(sql), label);
    }
    assert_eq!(
        statement_label(&"é".repeat(500)).chars().count(),
        "statement `…`".chars().count() + 80
    );
}

#[test]
fn only_what_may_pass_is_transient() {
    let of = |sqlstate: &str| DbError::Server {
        operation: String::new(),
        error: Box::new(server(sqlstate, "")),
    };
    for sqlstate in ["40001", "40P01", "53300", "57P03", "55P03", "57P01"] {
        assert!(of(sqlstate).is_transient(), "{sqlstate}");
    }
    for sqlstate in ["23505", "25006", "28P01", "57014", "42601"] {
        assert!(!of(sqlstate).is_transient(), "{sqlstate}");
    }
}

#[test]
fn a_pool_timeout_says_what_it_waited_for() {
    let holder = |at: &str| PoolHolder {
        at: at.to_owned(),
        held_for: Duration::from_secs(3),
    };
    let error = DbError::PoolTimeout {
        pool: "bb8",
        target: "db:5432/nba as `etl`".to_owned(),
        waited: Duration::from_secs(30),
        limit: 5,
        holders: (0..5).map(|at| holder(&format!("load.rs:{at}"))).collect(),
        last: Some(Box::new(DbError::connect(
            "db",
            ErrorKind::Refused,
            "nobody there",
        ))),
    };
    assert_eq!(
        error.to_string(),
        "waited 30.0s for one of 5 connections of the bb8 pool to db:5432/nba as `etl`, held by load.rs:0 for 3.0s, \
         load.rs:1 for 3.0s, load.rs:2 for 3.0s, load.rs:3 for 3.0s and 1 more; last error: cannot connect to db: nobody there"
    );
}
