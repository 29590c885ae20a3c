//! `nba.toml`.

use std::time::Duration;

use nba_config::{
    CapabilityMode, EXAMPLE_PROJECT_FILE, ErrorKind, LogFormat, LogLevel, SslMode, names,
};

use crate::world::{World, whole};

#[test]
fn the_example_is_complete_and_right() {
    let world = World::new()
        .file("project/nba.toml", EXAMPLE_PROJECT_FILE)
        .env("RDS_HOST=r RDS_DATABASE=d RDS_USERNAME=u RDS_PASSWORD=p NBA_SIM_DB_PASSWORD=s");
    let config = world.config();
    assert_eq!(
        whole(&config.database().unwrap()),
        "nba:-@127.0.0.1:5433/nba_simulator"
    );
    let production = config.target("production").unwrap();
    assert_eq!(
        (production.name.as_deref(), whole(&production).as_str()),
        (Some("production"), "u:p@r:5432/d")
    );
    let standby = config.target("standby").unwrap();
    assert_eq!(
        (whole(&standby).as_str(), standby.ssl),
        (
            "reader:s@standby.example:5432/nba_simulator",
            SslMode::VerifyFull
        )
    );
    assert_eq!(
        standby.ssl_root_cert,
        Some(world.path("project/certs/rds-global-bundle.pem"))
    );
    assert_eq!(
        config.target_names().unwrap(),
        ["production", "replica", "standby", "rds"]
    );
    assert!(
        config
            .check()
            .findings
            .iter()
            .all(|finding| finding.code.as_str() != "unknown-key")
    );
    // every key of the table is in the example, at least as a comment
    for key in names::KEYS {
        let last = key.key.rsplit('.').find(|part| *part != "*").unwrap();
        assert!(
            EXAMPLE_PROJECT_FILE.contains(last) || key.key.starts_with("s3."),
            "{}",
            key.key
        );
    }
    // and its values are the defaults
    let bare = World::new().config();
    assert_eq!(
        config.database_settings().unwrap(),
        bare.database_settings().unwrap()
    );
    assert_eq!(config.logging().unwrap(), bare.logging().unwrap());
}

#[test]
fn built_in_defaults_agree_with_the_types() {
    let config = World::new().config();
    assert_eq!(
        config.database_settings().unwrap(),
        nba_config::DatabaseSettings::default()
    );
    let s3 = config.s3().unwrap();
    let default = nba_config::S3Settings::default();
    assert_eq!(
        (s3.bucket, s3.region, s3.prefix, s3.path_style),
        (
            default.bucket,
            default.region,
            default.prefix,
            default.path_style
        )
    );
    assert_eq!(
        config.state_directory().unwrap(),
        config.project().join(".nba")
    );
    assert_eq!(config.postgres_bin_directory().unwrap(), None);
}

#[test]
fn unknown_keys_are_reported_with_the_nearest() {
    let world = World::new()
        .file(
            "project/nba.toml",
            "[pool]\nmax_conections = 3\n[targets.a]\nhosst = 'x'\n[nonsense]\nx = 1\n",
        )
        .env("NBA_POOL__MIN_CONECTIONS=1");
    let check = world.check();
    let hints: Vec<_> = check
        .findings
        .iter()
        .filter(|f| f.code.as_str() == "unknown-key")
        .map(|f| (f.message.clone(), f.hint.clone()))
        .collect();
    let expect = |key: &str, near: Option<&str>| {
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        let message = format!("`{key}` is not a configuration key and has no effect");
        assert!(hints.contains(&(message, hint)), "{key}: {hints:?}");
    };
    expect("pool.max_conections", Some("pool.max_connections"));
    expect("pool.min_conections", Some("pool.min_connections"));
    expect("targets.a.hosst", Some("targets.a.host"));
    expect("nonsense.x", None);
    assert_eq!(hints.len(), 4);
}

#[test]
fn bad_values_name_key_and_place() {
    for (toml, parts) in [
        (
            "[pool]\nmax_connections = 'many'\n",
            ["pool.max_connections", "nba.toml:2"],
        ),
        (
            "[pool]\nmin_connections = 20\n",
            ["pool.max_connections", "at least"],
        ),
        (
            "[pool]\nlock_timeout = '5 parsecs'\n",
            ["pool.lock_timeout", "500ms"],
        ),
        (
            "[logging]\nlevel = 'loud'\n",
            ["logging.level", "nba.toml:2"],
        ),
        (
            "[capabilities]\n'etl.espn' = 'fast'\n",
            ["capabilities.etl.espn", "nba.toml:2"],
        ),
        (
            "[s3]\npath_style = 'perhaps'\n",
            ["s3.path_style", "nba.toml:2"],
        ),
    ] {
        let config = World::new().file("project/nba.toml", toml).config();
        let error = [
            config.database_settings().err(),
            config.logging().err(),
            config.capabilities().err(),
            config.s3().err(),
        ]
        .into_iter()
        .flatten()
        .next()
        .expect(toml);
        assert_eq!(error.kind(), ErrorKind::Value);
        for part in parts {
            assert!(error.to_string().contains(part), "{toml}: {error}");
        }
        assert_eq!(config.check().verdict.exit_code(), 1, "{toml}");
    }
}

#[test]
fn sections_are_typed() {
    let config = World::new()
        .file("project/nba.toml", "[pool]\nmax_connections = 4\nlock_timeout = \"250ms\"\nstatement_timeout = \"5min\"\nacquire_timeout = 7\n[logging]\nformat = \"json\"\nfile = \"logs/nba.log\"\n[capabilities]\netl.espn.pbp = \"shadow\"\n")
        .env("LOG_LEVEL=WARNING NBA_CAPABILITIES__ETL__HOOPR=native NBA_PG_BIN=/opt/pg/bin")
        .config();
    let pool = config.database_settings().unwrap();
    assert_eq!(pool.max_connections, 4);
    assert_eq!(
        (
            pool.lock_timeout,
            pool.statement_timeout,
            pool.acquire_timeout
        ),
        (
            Duration::from_millis(250),
            Duration::from_secs(300),
            Duration::from_secs(7)
        )
    );
    let logging = config.logging().unwrap();
    assert_eq!(
        (logging.level, logging.format),
        (LogLevel::Warn, LogFormat::Json)
    );
    assert_eq!(logging.file, Some(config.project().join("logs/nba.log")));
    assert_eq!(
        config.postgres_bin_directory().unwrap(),
        Some("/opt/pg/bin".into())
    );
    let modes = config.capabilities().unwrap();
    assert_eq!(modes.mode("etl.espn.pbp"), CapabilityMode::Shadow);
    assert_eq!(modes.mode("etl.hoopr.player_box"), CapabilityMode::Native);
    assert_eq!(modes.mode("etl.espn"), CapabilityMode::Legacy);
}

#[test]
fn a_capability_may_be_the_beginning_of_another() {
    let toml = "[capabilities]\n\"etl\" = \"off\"\n\"etl.espn\" = \"native\"\n";
    let modes = World::new()
        .file("project/nba.toml", toml)
        .config()
        .capabilities()
        .unwrap();
    assert_eq!(
        (modes.mode("etl.x"), modes.mode("etl.espn.pbp")),
        (CapabilityMode::Off, CapabilityMode::Native)
    );
}

#[test]
fn targets_are_wholes_too() {
    let world = World::new().file("project/nba.toml", "[targets.a]\nhost = 'h'\nuser = 'u'\n");
    let error = world.config().target("a").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database target `a` lacks targets.a.database"
    );
    for toml in [
        "[targets.a]\nurl = 'postgres://u@h/d'\nhost = 'x'\n",
        "[targets.a]\nfamily = 'rds'\nhost = 'x'\n",
    ] {
        let error = World::new()
            .file("project/nba.toml", toml)
            .config()
            .target("a")
            .unwrap_err();
        assert!(error.to_string().contains("not both"), "{error}");
    }
    let world = World::new().file(
        "project/nba.toml",
        "[targets.rds]\nurl = 'postgres://u@h/d'\n",
    );
    assert!(world.codes().contains(&"reserved-name"));
    assert_eq!(
        world.config().target("rds").unwrap_err().kind(),
        ErrorKind::NoTarget
    );
    // named targets are never used unnamed
    let world = World::new().file(
        "project/nba.toml",
        "[targets.only]\nurl = 'postgres://u@h/d'\n",
    );
    let error = world.database().unwrap_err();
    assert!(
        error.hint().unwrap().contains("--target: only"),
        "{:?}",
        error.hint()
    );
    let both = World::new().file(
        "project/nba.toml",
        "[database]\nfamily = 'rds'\ntarget = 'only'\n[targets.only]\nurl = 'postgres://u@h/d'\n",
    );
    assert_eq!(both.database().unwrap_err().kind(), ErrorKind::Value);
    assert!(both.target_flag("only").database().is_ok());
}

#[test]
fn the_reference_page_has_every_name() {
    let page = nba_config::reference_markdown();
    for key in names::KEYS {
        assert!(
            page.contains(&format!("`{}`", key.key.replace('*', "NAME"))),
            "{}",
            key.key
        );
    }
    for family in names::FAMILIES {
        assert!(page.contains(&format!("`{}`", family.id)), "{}", family.id);
        for variable in family.variables.iter().flat_map(|(_, names)| *names) {
            assert!(page.contains(&format!("`{variable}`")), "{variable}");
        }
    }
}

#[test]
fn a_target_may_get_its_password_from_our_own_variable() {
    let world = World::new()
        .file(
            "project/nba.toml",
            "[targets.prod]\nurl = 'postgres://u@h/d'\n",
        )
        .env("NBA_TARGETS__PROD__PASSWORD=00712345 NBA_DATABASE__TARGET=prod");
    assert_eq!(whole(&world.database().unwrap()), "u:00712345@h:5432/d");
}

#[test]
fn an_unusable_target_that_nobody_chose_is_a_warning() {
    let toml = "[targets.later]\nfamily = 'rds'\n[targets.now]\nurl = 'postgres://u@localhost/d'\n";
    let world = World::new().file("project/nba.toml", toml);
    let world = world.target_flag("now");
    assert!(world.check().verdict.is_proven());
    assert_eq!(world.codes(), ["target-unusable"]);
    let world = world.target_flag("later");
    assert_eq!(world.check().verdict.exit_code(), 2);
    assert_eq!(world.codes(), ["no-target"]);
}

#[test]
fn a_mistyped_set_flag_is_an_error() {
    let mut world = World::new();
    world
        .inputs
        .flags
        .set
        .push(("pool.max_conections".into(), "3".into()));
    let error = nba_config::Config::load(world.inputs).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("did you mean `pool.max_connections`?"),
        "{error}"
    );
}

#[test]
fn a_family_may_be_verified_more_strictly() {
    let toml =
        "[targets.prod]\nfamily = 'rds'\nsslmode = 'verify-full'\nsslrootcert = '~/ca.pem'\n";
    let world = World::new()
        .file("project/nba.toml", toml)
        .env("RDS_HOST=h RDS_DATABASE=d RDS_USERNAME=u RDS_PASSWORD=p RDS_SSLMODE=require");
    let target = world.config().target("prod").unwrap();
    assert_eq!(target.ssl, SslMode::VerifyFull);
    assert_eq!(target.ssl_root_cert, Some(world.path("home/ca.pem")));
    assert_eq!(
        target.provenance["sslmode"].to_string(),
        format!("{}:3", world.path("project/nba.toml").display())
    );
    assert_eq!(world.config().target("rds").unwrap().ssl, SslMode::Require);
}
