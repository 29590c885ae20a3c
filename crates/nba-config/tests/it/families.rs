//! The variable families and the traps of the legacy loader (database dossier 3.2 and 6.3).

use nba_config::{ErrorKind, names};

use crate::world::{World, whole};

const DB: &str = "DB_HOST=db.example DB_NAME=nba DB_USER=u DB_PASSWORD=pw-db";
const RDS: &str = "RDS_HOST=rds.example RDS_DATABASE=nba RDS_USERNAME=u RDS_PASSWORD=pw-rds";
const POSTGRES: &str =
    "POSTGRES_HOST=pg.example POSTGRES_DB=nba POSTGRES_USER=u POSTGRES_PASSWORD=pw-pg";

fn hierarchical(family: &str, context: &str, host: &str) -> String {
    let (database, user) = if family == "RDS" {
        ("DATABASE", "USERNAME")
    } else {
        ("DB", "USER")
    };
    let end = format!("NBA_SIMULATOR_AWS_{context}");
    format!(
        "{family}_HOST_{end}={host} {family}_{database}_{end}=nba {family}_{user}_{end}=u {family}_PASSWORD_{end}=pw"
    )
}

#[track_caller]
fn resolves(env: &str, expected: &str) {
    let target = World::new()
        .env(env)
        .database()
        .unwrap_or_else(|error| panic!("{env}: {error}"));
    assert_eq!(whole(&target), expected, "{env}");
}

#[track_caller]
fn refuses(env: &str, kind: ErrorKind, parts: &[&str]) {
    let error = World::new().env(env).database().expect_err(env);
    assert_eq!(error.kind(), kind, "{env}: {error}");
    for part in parts {
        assert!(error.to_string().contains(part), "{env}: {error}");
    }
    assert!(error.hint().is_some(), "{env}: a hint");
}

#[test]
fn each_family_alone_resolves() {
    resolves(DB, "u:pw-db@db.example:5432/nba");
    resolves(RDS, "u:pw-rds@rds.example:5432/nba");
    resolves(POSTGRES, "u:pw-pg@pg.example:5432/nba");
    resolves(
        "PGHOST=h PGDATABASE=d PGUSER=u PGPASSWORD=p PGPORT=6000",
        "u:p@h:6000/d",
    );
    resolves(
        "PGHOST=/run/postgresql PGDATABASE=d PGUSER=u",
        "u:-@/run/postgresql:5432/d",
    );
    resolves("DATABASE_URL=postgres://u:p%40@h:6000/d", "u:p@@h:6000/d");
    resolves("NBA_DATABASE__URL=postgres://u:p@h/d", "u:p@h:5432/d");
    resolves(
        "NBA_DATABASE__HOST=h NBA_DATABASE__DATABASE=d NBA_DATABASE__USER=u",
        "u:-@h:5432/d",
    );
    for (family, context) in [
        ("RDS", "WORKFLOW"),
        ("RDS", "DEVELOPMENT"),
        ("POSTGRES", "WORKFLOW"),
        ("POSTGRES", "DEVELOPMENT"),
    ] {
        resolves(&hierarchical(family, context, "h"), "u:pw@h:5432/nba");
    }
}

#[test]
fn every_variable_of_every_family_counts() {
    // a name nobody reads would be found here: each variable, alone, makes its family incomplete, not absent
    for family in names::FAMILIES {
        for (field, variables) in family.variables {
            for variable in *variables {
                let world = World::new().env(&format!("{variable}=1"));
                let key = family.key(*field);
                let explained = world.config().explain();
                assert!(
                    explained.values.iter().any(|value| value.key == key),
                    "{variable} does not set {key}"
                );
            }
        }
    }
}

#[test]
fn an_empty_environment_is_no_target() {
    // legacy: localhost at HEAD, the production endpoint in 17 scripts
    refuses("", ErrorKind::NoTarget, &["no database target"]);
    let error = World::new().database().unwrap_err();
    let hint = error.hint().unwrap();
    for looked in [
        "DB_*",
        "RDS_*",
        "POSTGRES_*",
        "/nba.toml",
        "/.env",
        "/nba-sim-credentials.env",
    ] {
        assert!(hint.contains(looked), "{hint}");
    }
    assert_eq!(World::new().check().verdict.exit_code(), 2);
}

#[test]
fn fields_are_never_taken_from_two_families() {
    // legacy: host of one, password of another
    refuses(
        "DB_HOST=h DB_NAME=d DB_USER=u RDS_PASSWORD=p",
        ErrorKind::NoTarget,
        &["DB_* lacks DB_PASSWORD", "RDS_* lacks RDS_HOST"],
    );
    refuses(
        "RDS_HOST=h DB_NAME=d DB_USER=u DB_PASSWORD=p",
        ErrorKind::NoTarget,
        &[
            "DB_* lacks DB_HOST",
            "RDS_* lacks RDS_DATABASE, RDS_USERNAME, RDS_PASSWORD",
        ],
    );
    refuses(
        "RDS_HOST=h PGPASSWORD=p PGDATABASE=d PGUSER=u",
        ErrorKind::NoTarget,
        &["PG* lacks PGHOST"],
    );
    resolves(
        &format!("{RDS} DB_PASSWORD=other DB_PORT=1"),
        "u:pw-rds@rds.example:5432/nba",
    );
}

#[test]
fn two_servers_are_a_conflict_until_one_is_named() {
    let both = format!("{DB} {RDS}");
    refuses(
        &both,
        ErrorKind::Conflict,
        &[
            "db names db.example:5432/nba",
            "rds names rds.example:5432/nba",
        ],
    );
    refuses(
        &format!("{both} {POSTGRES}"),
        ErrorKind::Conflict,
        &["3 database targets"],
    );
    // another port or another database is another target too
    refuses(
        &format!(
            "{DB} RDS_HOST=db.example RDS_PORT=6000 RDS_DATABASE=nba RDS_USERNAME=u RDS_PASSWORD=p"
        ),
        ErrorKind::Conflict,
        &[],
    );
    refuses(
        &format!("{DB} RDS_HOST=db.example RDS_DATABASE=nba_data RDS_USERNAME=u RDS_PASSWORD=p"),
        ErrorKind::Conflict,
        &[],
    );

    let world = World::new().env(&both);
    assert_eq!(world.check().verdict.exit_code(), 1);
    assert!(world.codes().contains(&"target-conflict"));

    resolves(
        &format!("{both} NBA_DATABASE__FAMILY=rds"),
        "u:pw-rds@rds.example:5432/nba",
    );
    let world = World::new().env(&both).target_flag("db");
    assert_eq!(
        whole(&world.database().unwrap()),
        "u:pw-db@db.example:5432/nba"
    );
    assert_eq!(world.check().verdict.exit_code(), 0);
    assert!(world.codes().contains(&"other-server"), "still reported");
    let world = World::new()
        .env(&both)
        .file("project/nba.toml", "database.family = \"rds\"\n");
    assert_eq!(
        whole(&world.database().unwrap()),
        "u:pw-rds@rds.example:5432/nba"
    );
}

#[test]
fn the_same_server_twice_is_fine() {
    let same =
        format!("{DB} RDS_HOST=DB.example. RDS_DATABASE=nba RDS_USERNAME=u RDS_PASSWORD=pw-db");
    resolves(&same, "u:pw-db@db.example:5432/nba");
    assert!(World::new().env(&same).codes().contains(&"same-server"));
    let other =
        format!("{DB} RDS_HOST=db.example RDS_DATABASE=nba RDS_USERNAME=reader RDS_PASSWORD=x");
    resolves(&other, "u:pw-db@db.example:5432/nba");
    assert!(World::new().env(&other).codes().contains(&"other-login"));
    assert_eq!(World::new().env(&other).check().verdict.exit_code(), 0);
}

#[test]
fn production_names_never_win_by_themselves() {
    // legacy: WORKFLOW names win regardless of ENVIRONMENT
    let production = hierarchical("RDS", "WORKFLOW", "production.example");
    let development = hierarchical("POSTGRES", "DEVELOPMENT", "dev.example");
    for environment in ["", "ENVIRONMENT=production", "ENVIRONMENT=development"] {
        let both = format!("{production} {development} {environment}");
        refuses(
            &both,
            ErrorKind::Conflict,
            &["postgres-development", "rds-workflow"],
        );
        // not even when the development set lacks something
        let half = format!(
            "{production} POSTGRES_HOST_NBA_SIMULATOR_AWS_DEVELOPMENT=dev.example {environment}"
        );
        refuses(
            &half,
            ErrorKind::Conflict,
            &["`rds-workflow` is production"],
        );
        let test = format!(
            "{production} {} {environment}",
            hierarchical("POSTGRES", "TEST", "test.example")
        );
        refuses(
            &test,
            ErrorKind::Conflict,
            &["`rds-workflow` is production"],
        );
    }
    let world = World::new().env(&format!(
        "{production} {development} ENVIRONMENT=production"
    ));
    assert!(world.codes().contains(&"environment-ignored"));
    let named = World::new()
        .env(&format!("{production} {development}"))
        .target_flag("rds-workflow");
    assert_eq!(
        named.database().unwrap().host.to_string(),
        "production.example"
    );
    // on one server, the development role is used
    let same = format!(
        "{production} {}",
        hierarchical("POSTGRES", "DEVELOPMENT", "production.example")
    );
    assert_eq!(
        World::new().env(&same).database().unwrap().name.as_deref(),
        Some("postgres-development")
    );
}

#[test]
fn test_servers_are_used_only_when_named() {
    let test = "TEST_DB_HOST=t TEST_DB_NAME=nba_test TEST_DB_USER=u TEST_DB_PASSWORD=p";
    let error = World::new().env(test).database().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoTarget);
    assert!(
        error
            .hint()
            .unwrap()
            .contains("--target: test-db (t:5432/nba_test)"),
        "{:?}",
        error.hint()
    );
    assert_eq!(
        World::new()
            .env(test)
            .target_flag("test-db")
            .database()
            .unwrap()
            .database,
        "nba_test"
    );
    resolves(&format!("{test} {DB}"), "u:pw-db@db.example:5432/nba");
    let hierarchical_test = hierarchical("POSTGRES", "TEST", "t");
    refuses(&hierarchical_test, ErrorKind::NoTarget, &[]);
}

#[test]
fn an_empty_text_is_not_set() {
    // legacy: an empty text hid the next family
    resolves(
        &format!("DB_HOST= DB_PASSWORD= {RDS}"),
        "u:pw-rds@rds.example:5432/nba",
    );
    resolves(
        "RDS_HOST=h RDS_PORT= RDS_DATABASE=d RDS_USERNAME=u RDS_PASSWORD=p",
        "u:p@h:5432/d",
    );
    refuses(
        "RDS_HOST=h RDS_DATABASE= RDS_USERNAME=u RDS_PASSWORD=p",
        ErrorKind::NoTarget,
        &["RDS_* lacks RDS_DATABASE"],
    );
    assert!(
        World::new()
            .env(&format!("DB_HOST= {RDS}"))
            .codes()
            .contains(&"empty-value")
    );
    // an empty variable does not hide the file below it either
    let world = World::new()
        .file("project/.env", format!("{}\n", RDS.replace(' ', "\n")))
        .env("RDS_PASSWORD=");
    assert_eq!(
        whole(&world.database().unwrap()),
        "u:pw-rds@rds.example:5432/nba"
    );
}

#[test]
fn misspelt_names_are_accepted_and_reported() {
    for names in [
        "RDS_HOSTNAME=h RDS_DB_NAME=d RDS_USER=u RDS_PASSWORD=p",
        "RDS_ENDPOINT=h RDS_DB=d RDS_USERNAME=u RDS_PASSWORD=p",
        "DB_HOST=h DB_DATABASE=d DB_USERNAME=u DB_PASSWORD=p",
        "DB_HOSTNAME=h DB_NAME=d DB_USER=u DB_PASSWORD=p",
        "POSTGRES_HOST=h POSTGRES_DATABASE=d POSTGRES_USERNAME=u POSTGRES_PASSWORD=p",
    ] {
        resolves(names, "u:p@h:5432/d");
        assert!(
            World::new()
                .env(names)
                .codes()
                .contains(&"misspelt-variable"),
            "{names}"
        );
    }
    assert!(!World::new().env(RDS).codes().contains(&"misspelt-variable"));
    // the right name wins over the wrong one, and the difference is reported
    let both = format!("{RDS} RDS_USER=wrong RDS_DB_NAME=wrong");
    resolves(&both, "u:pw-rds@rds.example:5432/nba");
    assert!(World::new().env(&both).codes().contains(&"names-disagree"));
}

#[test]
fn nothing_is_guessed() {
    for lacking in ["DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD"] {
        let rest: Vec<_> = DB
            .split(' ')
            .filter(|pair| !pair.starts_with(lacking))
            .collect();
        refuses(
            &rest.join(" "),
            ErrorKind::NoTarget,
            &[&format!("DB_* lacks {lacking}")],
        );
    }
    // except the port, which is 5432 everywhere, and the password of a server on this machine
    resolves(
        "DB_HOST=localhost DB_NAME=d DB_USER=u",
        "u:-@localhost:5432/d",
    );
}

#[test]
fn bad_values_are_named_and_not_skipped() {
    for (env, key) in [
        (format!("{DB} DB_PORT=543x"), "family.db.port"),
        (format!("{DB} DB_PORT=0"), "family.db.port"),
        (format!("{DB} DB_SSLMODE=maybe"), "family.db.sslmode"),
        ("DATABASE_URL=mysql://u:p@h/d".to_owned(), "family.url.url"),
        (DB.replace("db.example", "db.example:6000"), "DB_PORT"),
        // a password somewhere in the host
        (
            DB.replace("db.example", "u:pw@db.example"),
            "family.db.host",
        ),
        // legacy HEAD went on with the next family
        (
            format!("{RDS} DB_HOST=h DB_NAME=d DB_USER=u DB_PASSWORD=p DB_PORT=x"),
            "family.db.port",
        ),
    ] {
        let error = World::new().env(&env).database().expect_err(&env);
        assert_eq!(error.kind(), ErrorKind::Value, "{env}: {error}");
        assert!(error.to_string().contains(key), "{env}: {error}");
        assert!(
            error.to_string().contains("environment variable"),
            "{env}: {error}"
        );
        assert!(!error.to_string().contains("pw"), "{error}");
        assert_eq!(
            World::new().env(&env).check().verdict.exit_code(),
            1,
            "{env}"
        );
    }
    // unless another one is named
    let world = World::new()
        .env(&format!(
            "{RDS} DB_HOST=h DB_NAME=d DB_USER=u DB_PASSWORD=p DB_PORT=x"
        ))
        .target_flag("rds");
    assert_eq!(world.database().unwrap().host.to_string(), "rds.example");
}

#[test]
fn unknown_names_are_errors() {
    let error = World::new()
        .env(DB)
        .target_flag("production")
        .database()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownTarget);
    assert_eq!(error.hint().as_deref(), Some("configured: db"));
    let error = World::new()
        .env(DB)
        .target_flag("rds")
        .database()
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().contains("RDS_HOST")),
        (ErrorKind::NoTarget, true),
        "{error}"
    );
    let error = World::new()
        .env(&format!("{DB} NBA_DATABASE__FAMILY=rdx"))
        .database()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
}

#[test]
fn the_url_flag_decides_alone() {
    let mut world = World::new().env(&format!("{DB} {RDS}"));
    world.inputs.flags.database_url = Some("postgres://me@flag.example/x".into());
    assert_eq!(
        whole(&world.database().unwrap()),
        "me:-@flag.example:5432/x"
    );
    let error = world.target_flag("db").database().unwrap_err();
    assert!(error.to_string().contains("not both"), "{error}");
}

#[test]
fn lone_passwords_are_reported_and_can_be_named() {
    let world = World::new().env("NBA_DB_PASSWORD=secret");
    assert!(world.codes().contains(&"lone-password"));
    assert_eq!(world.database().unwrap_err().kind(), ErrorKind::NoTarget);
    let world = World::new().env("NBA_DB_PASSWORD=secret").file(
        "project/nba.toml",
        "[database]\nhost='h'\ndatabase='d'\nuser='u'\npassword_env='NBA_DB_PASSWORD'\n",
    );
    assert_eq!(whole(&world.database().unwrap()), "u:secret@h:5432/d");
    assert!(!world.codes().contains(&"lone-password"));
}

#[test]
fn awkward_passwords_arrive_unchanged() {
    for password in [
        "00712345",
        "it's",
        "say \"hi\"",
        "two\nlines",
        "100%",
        "a%41b",
        "p@ss/w:rd?x#y&z",
        " lead and trail ",
        "ünïcödé✓",
        "$HOME",
        "`id`",
        "a\\b",
        "a=b",
    ] {
        let mut world = World::new().env("DB_HOST=h DB_NAME=d DB_USER=u");
        world
            .inputs
            .environment
            .insert("DB_PASSWORD".into(), password.into());
        assert_eq!(
            whole(&world.database().unwrap()),
            format!("u:{password}@h:5432/d")
        );

        let own = [
            ("NBA_DATABASE__HOST", "h"),
            ("NBA_DATABASE__DATABASE", "d"),
            ("NBA_DATABASE__USER", "u"),
            ("NBA_DATABASE__PASSWORD", password),
        ];
        let mut world = World::new();
        world
            .inputs
            .environment
            .extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(
            whole(&world.database().unwrap()),
            format!("u:{password}@h:5432/d")
        );

        let text = nba_config::envfile::EnvFile::write([
            ("DB_HOST", "h"),
            ("DB_NAME", "d"),
            ("DB_USER", "u"),
            ("DB_PASSWORD", password),
        ]);
        let world = World::new().file("home/nba-sim-credentials.env", text);
        assert_eq!(
            whole(&world.database().unwrap()),
            format!("u:{password}@h:5432/d")
        );
    }
}

#[test]
fn a_variable_that_is_not_text_is_refused() {
    let mut world = World::new().env("DB_HOST=h DB_NAME=d DB_USER=u");
    world.inputs.not_text.push("DB_PASSWORD".into());
    let error = world.database().unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}
