//! No secret in any output, whatever goes wrong.

use nba_config::{Config, ConfigError};

use crate::world::World;

const SECRET: &str = "s3kr1t";

fn full(world: World) -> World {
    let mut world = world
        .file("project/nba.toml", format!("[targets.a]\nurl = 'postgres://u:{SECRET}@h/d'\n[targets.b]\nhost='h'\ndatabase='d'\nuser='u'\npassword='{SECRET}'\n[targets.c]\nurl = 'mysql://u:{SECRET}@h/d'\n"))
        .file("project/.env", format!("DB_HOST=h\nDB_NAME=d\nDB_USER=u\nDB_PASSWORD='{SECRET}'\nRDS_PASSWORD=\"{SECRET}$x\"\nPOSTGRES_PASSWORD='{SECRET}\n"))
        .file("project/inventory/config.yaml", format!("database:\n  connection:\n    host: h2\n    database: d\n    user: u\n    password: {SECRET}\n"))
        .file("project/config/x.yaml", format!("password: {SECRET}\npassword: ${{X:{SECRET}}}\nat: {SECRET}\n"))
        .env(&format!("DATABASE_URL=postgres://u:{SECRET}?@h/d PGHOST=u:{SECRET}@h PGPASSWORD={SECRET} AWS_SECRET_ACCESS_KEY={SECRET} AWS_ACCESS_KEY_ID={SECRET} AWS_SESSION_TOKEN={SECRET} AWS_ENDPOINT_URL=http://u:{SECRET}@h NBA_DATABASE__PASSWORD={SECRET} NBA_DB_PASSWORD={SECRET} NBA_POOL__MAXX={SECRET} RDS_HOST=http://u:{SECRET}@h/ S3_BUCKET=ok"));
    world.inputs.flags.database_url = Some(format!("postgres://u:{SECRET}@h/d").into());
    world
        .inputs
        .flags
        .set
        .push(("database.password".into(), SECRET.into()));
    world
}

fn outputs(config: &Config) -> Vec<String> {
    let explained = config.explain();
    let check = config.check();
    let mut out = vec![
        format!("{config:?}"),
        format!("{explained:?}"),
        explained.render_text(),
        serde_json::to_string(&explained).unwrap(),
        format!("{check:?}"),
        check.render_text(),
        serde_json::to_string(&check).unwrap(),
    ];
    let mut errors: Vec<ConfigError> = Vec::new();
    let mut add = |result: Result<nba_config::DatabaseTarget, ConfigError>| match result {
        Ok(target) => out.extend([
            target.to_string(),
            format!("{target:?}"),
            target.to_url_masked(),
        ]),
        Err(error) => errors.push(error),
    };
    add(config.database());
    for name in [
        "a", "b", "c", "db", "rds", "url", "pg", "postgres", "dims", "nba", "yaml",
    ] {
        add(config.target(name));
    }
    for error in errors {
        out.extend([
            error.to_string(),
            format!("{error:?}"),
            error.hint().unwrap_or_default(),
        ]);
    }
    if let Ok(legacy) = config.load_database_config() {
        out.extend([
            format!("{legacy:?}"),
            serde_json::to_string(&legacy).unwrap(),
        ]);
    }
    out.push(format!("{:?} {:?}", config.s3(), config.get("x.password")));
    out
}

#[test]
fn secrets_show_nowhere() {
    let world = full(World::new());
    let debug = format!("{:?}", world.inputs);
    assert!(!debug.contains(SECRET), "{debug}");
    for flags in [true, false] {
        let mut inputs = world.inputs.clone();
        if !flags {
            inputs.flags = nba_config::Flags::default();
        }
        for output in outputs(&Config::load(inputs).unwrap()) {
            assert!(!output.contains(SECRET), "{output}");
        }
    }
}

#[test]
fn the_search_would_find_a_secret() {
    // the control: a value that is not secret does show
    let config = full(World::new())
        .env(&format!("S3_BUCKET={SECRET}-bucket"))
        .config();
    assert!(
        outputs(&config)
            .iter()
            .any(|output| output.contains(SECRET))
    );
}

#[test]
fn a_broken_project_file_does_not_show_its_line() {
    let world = World::new().file(
        "project/nba.toml",
        format!("[database]\npassword = \"{SECRET}\n"),
    );
    let error = Config::load(world.inputs).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    let world = World::new().file(
        "project/nba.toml",
        format!("[database]\npassword = {SECRET}\n"),
    );
    let error = Config::load(world.inputs).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
}
