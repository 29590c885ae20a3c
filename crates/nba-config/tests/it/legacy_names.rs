//! The functions of the legacy package (database dossier 6.2).

use nba_config::{ErrorKind, ExposeSecret as _};
use serde_json::json;

use crate::world::World;

#[test]
fn load_database_config_has_the_legacy_keys() {
    let world = World::new()
        .env("RDS_HOST=h RDS_PORT=6000 RDS_DATABASE=d RDS_USERNAME=u RDS_PASSWORD=00712345");
    let config = world.config().load_database_config().unwrap();
    assert_eq!(
        serde_json::to_value(&config).unwrap(),
        json!({"host": "h", "port": 6000, "database": "d", "user": "u", "password": "***"})
    );
    let map = config.expose();
    assert_eq!(
        map.keys().copied().collect::<Vec<_>>(),
        ["database", "host", "password", "port", "user"]
    );
    assert_eq!(
        (map["password"].as_str(), map["port"].as_str()),
        ("00712345", "6000")
    );
    // legacy: localhost, nba_simulator, no user, empty password
    let error = World::new().config().load_database_config().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoTarget);
}

#[test]
fn load_s3_config_has_the_legacy_keys() {
    let config = World::new().config().load_s3_config().unwrap();
    assert_eq!(
        serde_json::to_value(config).unwrap(),
        json!({"bucket": "nba-sim-raw-data-lake", "region": "us-east-1", "prefix": ""})
    );
}

#[test]
fn get_reads_the_exact_variable_then_the_file() {
    let world = World::new()
        .file(
            "project/config/scraper_config.yaml",
            "global:\n  aws:\n    region: eu\n    access_key_id: null\n  seasons: [2024-25]\n",
        )
        .env("SOME_NAME=00012 global=no");
    let config = world.config();
    let get = |key: &str| config.get(key).unwrap().map(|found| found.value);
    assert_eq!(get("SOME_NAME"), Some(json!("00012")));
    assert_eq!(get("scraper_config.global.aws.region"), Some(json!("eu")));
    assert_eq!(
        get("scraper_config.global.aws.access_key_id"),
        Some(json!(null))
    );
    assert_eq!(
        get("scraper_config.global.seasons"),
        Some(json!(["2024-25"]))
    );
    assert_eq!(get("scraper_config.nope"), None);
    assert_eq!(get("nope.x"), None);
    assert_eq!(get("../../etc/passwd"), None);
    let source = config
        .get("scraper_config.global.aws.region")
        .unwrap()
        .unwrap()
        .source;
    assert_eq!(
        source.to_string(),
        format!(
            "{}:3",
            world.path("project/config/scraper_config.yaml").display()
        )
    );
    assert!(config.config_file("nope").unwrap().is_none());
}

#[test]
fn exported_variables_name_one_server_under_every_name() {
    let url =
        "postgres://etl:p%40ss%0A'@db.example:6000/nba?sslmode=verify-full&sslrootcert=/ca.pem";
    let target = nba_config::DatabaseTarget::from_url(url).unwrap();
    let mut world = World::new();
    for (name, value) in target.legacy_variables() {
        world
            .inputs
            .environment
            .insert(name.into(), value.expose_secret().into());
    }
    // what each legacy script asks for, right or wrong (database dossier 3.2)
    for name in [
        "DB_HOST",
        "RDS_HOSTNAME",
        "RDS_DB_NAME",
        "RDS_DATABASE",
        "RDS_USER",
        "RDS_USERNAME",
        "POSTGRES_DB",
        "PGPASSWORD",
    ] {
        assert!(world.inputs.environment.contains_key(name), "{name}");
    }
    for family in ["db", "rds", "postgres", "pg"] {
        let read = world.config().target(family).unwrap();
        assert_eq!(
            read.to_url().expose_secret(),
            target.to_url().expose_secret(),
            "{family}"
        );
    }
    assert!(world.check().verdict.is_proven());
    assert!(!world.codes().contains(&"names-disagree"));
}
