//! What `nba config show` and `nba config check` print.

use serde_json::{Value, json};

use crate::world::World;

fn world() -> World {
    World::new()
        .file("home/nba-sim-credentials.env", "export RDS_HOST='rds.example'\nexport RDS_DATABASE='nba'\nexport RDS_USERNAME='etl'\nexport RDS_PASSWORD='one'\n")
        .env("RDS_PASSWORD=two LOG_LEVEL=debug")
}

#[test]
fn show_names_source_and_what_was_overridden() {
    let world = world();
    let text = world
        .config()
        .explain()
        .render_text()
        .replace(&world.path("").display().to_string(), "/");
    for line in [
        "project   /project",
        "database  postgres://etl:***@rds.example:5432/nba",
        "          from family rds (RDS_*)",
        "          host      /home/nba-sim-credentials.env:1 (RDS_HOST)",
        "          password  environment variable RDS_PASSWORD",
        "          port      default",
        "family.rds.password               ***  [environment variable RDS_PASSWORD]",
        "                                  overrides ***  [/home/nba-sim-credentials.env:4 (RDS_PASSWORD)]",
        "logging.level                     debug  [environment variable LOG_LEVEL]",
        "                                  overrides info  [default]",
        "s3.prefix                         (empty)  [default]",
        "  /project/nba.toml (not there)",
        "  /home/nba-sim-credentials.env (4 values)",
    ] {
        assert!(text.lines().any(|have| have == line), "{line}\nin\n{text}");
    }
}

#[test]
fn show_json_is_the_same_data() {
    let world = world();
    let json = serde_json::to_value(world.config().explain()).unwrap();
    assert_eq!(json["database"]["state"], "target");
    assert_eq!(
        json["database"]["url"],
        "postgres://etl:***@rds.example:5432/nba"
    );
    let values = json["values"].as_array().unwrap();
    let password = values
        .iter()
        .find(|value| value["key"] == "family.rds.password")
        .unwrap();
    assert_eq!(
        *password,
        json!({
            "key": "family.rds.password", "value": "***", "secret": true, "usable": true,
            "source": {"kind": "environment", "variable": "RDS_PASSWORD"},
            "overrides": [{
                "value": "***",
                "source": {"kind": "file", "path": world.path("home/nba-sim-credentials.env"), "line": 4, "variable": "RDS_PASSWORD"}
            }]
        })
    );
    let none = serde_json::to_value(World::new().config().explain()).unwrap();
    assert_eq!(none["database"]["state"], "none");
    assert!(none["database"]["hint"].is_string());
}

#[test]
fn check_json_has_verdict_target_and_findings() {
    let json = |world: World| serde_json::to_value(world.check()).unwrap();
    let good = json(world());
    assert_eq!(
        (&good["verdict"], &good["target"]),
        (
            &json!("proven"),
            &json!("postgres://etl:***@rds.example:5432/nba")
        )
    );
    let none = json(World::new());
    assert_eq!(
        (&none["verdict"], &none["target"]),
        (&json!("not_proven"), &Value::Null)
    );
    assert!(
        none["reasons"][0]
            .as_str()
            .unwrap()
            .contains("no database target")
    );
    let conflict = json(world().env("DB_HOST=x DB_NAME=nba DB_USER=u DB_PASSWORD=p"));
    assert_eq!(conflict["verdict"], "refuted");
    let first = &conflict["findings"][0];
    assert_eq!(
        (&first["severity"], &first["code"]),
        (&json!("error"), &json!("target-conflict"))
    );
    assert!(
        first["hint"].as_str().unwrap().contains("--target"),
        "{first}"
    );
}

#[test]
fn check_warns_of_unverified_tls() {
    assert!(world().codes().contains(&"tls-unverified"));
    assert!(
        !world()
            .env("RDS_SSLMODE=verify-full")
            .codes()
            .contains(&"tls-unverified")
    );
    let local = World::new().env("PGHOST=/run PGDATABASE=d PGUSER=u");
    assert_eq!(
        local.codes(),
        [""; 0],
        "nothing to say about a plain local target"
    );
}

#[test]
fn values_cannot_forge_lines() {
    let mut world = world();
    world
        .inputs
        .environment
        .insert("S3_PREFIX".into(), "x\ndatabase  forged".into());
    let text = world.config().explain().render_text();
    assert!(
        !text
            .lines()
            .any(|line| line.starts_with("database  forged")),
        "{text}"
    );
}
