//! Files, their order, and what is odd about them.

use nba_config::{ConfigError, ErrorKind};

use crate::world::{World, whole};

const CREDENTIALS: &str = "# legacy credentials\nexport RDS_HOST='rds.example' # the endpoint\nexport RDS_PORT='5432'\nexport RDS_DATABASE=\"nba\"\nexport RDS_USERNAME='etl'\nexport RDS_PASSWORD='p%a:s?s#w&d'\n";

#[test]
fn layers_override_in_order() {
    let world = World::new().file("project/nba.toml", "[s3]\nbucket = 'toml'\nregion = 'toml'\nprefix = 'toml'\nendpoint = 'http://toml'\nprofile='toml'\n");
    let s3 = world.config().s3().unwrap();
    assert_eq!((s3.bucket.as_str(), s3.path_style), ("toml", true));

    let world = world.file(
        "project/config/reconciliation_config.yaml",
        "s3:\n  bucket: yaml\n",
    );
    assert_eq!(world.config().s3().unwrap().bucket, "yaml");
    let world = world.file(
        "home/nba-sim-credentials.env",
        "export S3_BUCKET='credentials'\nexport AWS_REGION=credentials\n",
    );
    assert_eq!(world.config().s3().unwrap().bucket, "credentials");
    let world = world.file("project/.env", "S3_BUCKET=dotenv\n");
    assert_eq!(world.config().s3().unwrap().bucket, "dotenv");
    let mut world = world.env("S3_BUCKET=environment");
    assert_eq!(world.config().s3().unwrap().bucket, "environment");
    world
        .inputs
        .flags
        .set
        .push(("s3.bucket".into(), "flag".into()));
    let s3 = world.config().s3().unwrap();
    assert_eq!(
        (s3.bucket.as_str(), s3.region.as_str(), s3.prefix.as_str()),
        ("flag", "credentials", "toml")
    );

    let explained = world.config().explain();
    let bucket = explained
        .values
        .iter()
        .find(|value| value.key == "s3.bucket")
        .unwrap();
    let chain: Vec<_> = bucket
        .overrides
        .iter()
        .map(|old| old.value.as_str())
        .collect();
    assert_eq!(
        chain,
        [
            "environment",
            "dotenv",
            "credentials",
            "yaml",
            "toml",
            "nba-sim-raw-data-lake"
        ]
    );
    assert_eq!(bucket.source.to_string(), "flag --set s3.bucket");
    assert_eq!(
        bucket.overrides[1].source.to_string(),
        format!("{}:1 (S3_BUCKET)", world.path("project/.env").display())
    );
    assert_eq!(
        bucket.overrides[4].source.to_string(),
        format!("{}:2", world.path("project/nba.toml").display())
    );
    assert_eq!(bucket.overrides[5].source.to_string(), "default");
}

#[test]
fn the_credentials_file_alone_is_enough() {
    let world = World::new().file("home/nba-sim-credentials.env", CREDENTIALS);
    let target = world.database().unwrap();
    assert_eq!(whole(&target), "etl:p%a:s?s#w&d@rds.example:5432/nba");
    let path = world.path("home/nba-sim-credentials.env");
    assert_eq!(
        target.provenance["host"].to_string(),
        format!("{}:2 (RDS_HOST)", path.display())
    );
    // 22846b9: the environment wins over the file
    let world = world.env("RDS_USERNAME=other");
    assert_eq!(world.database().unwrap().user, "other");
}

#[test]
fn the_home_dot_env_is_read_only_where_nothing_else_is() {
    let world = World::new().file("home/.env", CREDENTIALS);
    assert_eq!(world.database().unwrap().user, "etl");
    let world = world.file("home/nba-sim-credentials.env", "");
    assert_eq!(world.database().unwrap_err().kind(), ErrorKind::NoTarget);
}

#[test]
fn secret_folders_are_families_of_their_own() {
    let world = World::new()
        .file(
            "project/.env.nba_simulator_aws.production/RDS_HOST_NBA_SIMULATOR_AWS_WORKFLOW.env",
            "prod.example\n",
        )
        .file(
            "project/.env.nba_simulator_aws.production/RDS_DATABASE_NBA_SIMULATOR_AWS_WORKFLOW.env",
            "nba",
        )
        // a short name gets the folder's context
        .file(
            "project/.env.nba_simulator_aws.production/RDS_USERNAME.env",
            "etl\r\n",
        )
        .file(
            "project/.env.nba_simulator_aws.production/RDS_PASSWORD.env",
            " 'raw' # value\n",
        )
        .file(
            "project/.env.nba_simulator_aws.production/README.md",
            "not a secret",
        );
    assert_eq!(
        whole(&world.database().unwrap()),
        "etl: 'raw' # value@prod.example:5432/nba"
    );
    let world = world.file(
        "home/.env.nba_simulator_aws.development/POSTGRES_USER.env",
        "me",
    );
    assert_eq!(
        world.database().unwrap_err().kind(),
        ErrorKind::Conflict,
        "production needs a choice now"
    );
}

#[test]
fn a_bad_line_blocks_only_who_needs_it() {
    let world = World::new().file(
        "project/.env",
        "export PATH=$HOME/bin:$PATH\nexport DB_HOST=h\nDB_NAME=d\nDB_USER=u\nDB_PASSWORD='ok'\n",
    );
    assert_eq!(whole(&world.database().unwrap()), "u:ok@h:5432/d");
    assert!(world.codes().contains(&"bad-line"));
    let world = World::new().file(
        "project/.env",
        "DB_HOST=h\nDB_NAME=d\nDB_USER=u\nDB_PASSWORD=\"pa$word\"\n",
    );
    let error = world.database().unwrap_err();
    let place = format!("{}:4 (DB_PASSWORD)", world.path("project/.env").display());
    assert!(error.to_string().contains(&place), "{error}");
    assert!(!error.to_string().contains("pa$word"), "{error}");
    // nor does the value below it come back
    let world = world.file("home/nba-sim-credentials.env", "DB_PASSWORD=old\n");
    assert!(world.database().is_err());
}

#[test]
fn files_that_cannot_be_read_name_themselves() {
    let world = World::new().file("project/.env", b"A=1\nB=\xff\n");
    let error = nba_config::Config::load(world.inputs.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}:2: byte 6 of the file is not UTF-8",
            world.path("project/.env").display()
        )
    );
    let world = World::new().file("project/nba.toml", "[s3]\nbucket = 'open\n");
    let error = nba_config::Config::load(world.inputs.clone()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("{}:2: ", world.path("project/nba.toml").display())),
        "{error}"
    );
    assert!(matches!(error, ConfigError::Syntax { .. }));
    let world = World::new().file("project/.env/file", "");
    let error = nba_config::Config::load(world.inputs).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn dims_substitutes_its_own_placeholders_only() {
    let dims = "system_name: DIMS\ndatabase:\n  connection:\n    host: ${DB_HOST}\n    port: 5432\n    database: nba\n    user: ${DB_USER}\n    password: ${DB_PASSWORD}\n";
    let world = World::new().file("project/inventory/config.yaml", dims);
    let error = world.database().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("database.connection of inventory/config.yaml lacks"),
        "{error}"
    );
    // with DB_HOST, DB_USER and DB_PASSWORD set it is complete although DB_NAME is not
    let world = world.env("DB_HOST=h DB_USER=u DB_PASSWORD=p");
    let target = world.database().unwrap();
    assert_eq!(
        (target.name.as_deref(), whole(&target).as_str()),
        (Some("dims"), "u:p@h:5432/nba")
    );
    assert_eq!(
        target.provenance["host"].to_string(),
        format!(
            "{}:4 (DB_HOST)",
            world.path("project/inventory/config.yaml").display()
        )
    );

    let world = World::new().file("project/config/database.yaml", "database:\n  host: ${DB_HOST:localhost}\n  port: 5432\n  database: d\n  user: u\n  password: p\n");
    let error = world.database().unwrap_err();
    assert!(error.to_string().contains("nothing expands"), "{error}");
    let world = World::new().file(
        "project/config/database.yaml",
        "host: h\nport: 6000\ndatabase: d\nuser: u\npassword: 00712345\n",
    );
    assert_eq!(whole(&world.database().unwrap()), "u:00712345@h:6000/d");
}

#[test]
fn odd_yaml_is_reported_and_never_fatal() {
    let world = World::new()
        .env("DB_HOST=h DB_NAME=d DB_USER=u DB_PASSWORD=p")
        .file("project/config/aws_config.yaml", "")
        .file(
            "project/config/prms_config.yaml",
            "mappings:\n  phase_0: a\n  phase_0: b\n",
        )
        .file(
            "project/config/rag_llm_config.yaml",
            "database:\n  host: ${POSTGRES_HOST:localhost}\n",
        )
        .file("project/config/autonomous_config.yaml", "at: 12:30\n")
        .file("project/config/broken.yaml", "a: [1\n")
        .file("project/inventory/config.yaml", "database: [\n");
    let codes = world.codes();
    for code in [
        "yaml-empty",
        "yaml-duplicate-key",
        "yaml-placeholder",
        "yaml-type",
        "yaml-unreadable",
    ] {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
    let check = world.check();
    assert!(check.verdict.is_proven(), "{:?}", check.verdict);
    let shown = world.config().explain().render_text();
    assert!(
        shown.contains("inventory/config.yaml (unusable: "),
        "{shown}"
    );
    let duplicate = check
        .findings
        .iter()
        .find(|finding| finding.code.as_str() == "yaml-duplicate-key")
        .unwrap();
    assert_eq!(
        duplicate.sources[0].to_string(),
        format!(
            "{}:3",
            world.path("project/config/prms_config.yaml").display()
        )
    );
    assert_eq!(
        world
            .config()
            .get("prms_config.mappings.phase_0")
            .unwrap()
            .unwrap()
            .value,
        "b"
    );
    assert_eq!(
        world.config().get("aws_config").unwrap().unwrap().value,
        serde_json::json!({})
    );
}

#[test]
fn files_that_others_can_read_are_reported() {
    let world = World::new().file("project/.env", "A=1\n");
    assert!(!world.codes().contains(&"readable-by-others"));
    let world = world.open_to_all("project/.env");
    assert!(world.codes().contains(&"readable-by-others"));
}

#[test]
fn a_host_over_another_files_password_is_reported() {
    let world = World::new()
        .file("home/nba-sim-credentials.env", CREDENTIALS)
        .env("RDS_HOST=elsewhere.example");
    assert!(world.codes().contains(&"mixed-sources"));
    let world = World::new()
        .file("home/nba-sim-credentials.env", CREDENTIALS)
        .env("RDS_HOST=rds.example");
    assert!(!world.codes().contains(&"mixed-sources"));
}

#[test]
fn s3_names_of_the_legacy_scripts() {
    let s3 = |env: &str| World::new().env(env).config().s3().unwrap();
    let defaults = s3("");
    assert_eq!(
        (
            defaults.bucket.as_str(),
            defaults.region.as_str(),
            defaults.prefix.as_str()
        ),
        ("nba-sim-raw-data-lake", "us-east-1", "")
    );
    assert_eq!(s3("S3_RAW_DATA_BUCKET=raw").bucket, "raw");
    assert_eq!(s3("S3_BUCKET_NAME=name").bucket, "name");
    assert_eq!(s3("S3_BUCKET=b S3_RAW_DATA_BUCKET=raw").bucket, "b");
    assert!(
        World::new()
            .env("S3_BUCKET=b S3_RAW_DATA_BUCKET=raw")
            .codes()
            .contains(&"names-disagree")
    );
    assert_eq!(s3("AWS_DEFAULT_REGION=eu-west-1").region, "eu-west-1");
    assert_eq!(
        s3("AWS_DEFAULT_REGION=eu-west-1 AWS_REGION=eu-west-2").region,
        "eu-west-2"
    );
    let full = s3(
        "S3_PREFIX=/nba_pbp AWS_PROFILE=nba AWS_ENDPOINT_URL=http://127.0.0.1:9000 AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=s NBA_S3__PATH_STYLE=false",
    );
    assert_eq!(
        (
            full.prefix.as_str(),
            full.profile.as_deref(),
            full.path_style
        ),
        ("nba_pbp", Some("nba"), false)
    );
    assert_eq!(full.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    assert!(
        full.access_key_id.is_some()
            && full.secret_access_key.is_some()
            && full.session_token.is_none()
    );
}

#[test]
fn sources_are_listed_in_order_of_precedence() {
    let world = World::new()
        .file("project/nba.toml", "")
        .file("project/inventory/config.yaml", "a: 1\n")
        .file(
            "project/config/cloudwatch_config.yaml",
            "aws:\n  region: eu\n",
        )
        .file("home/nba-sim-credentials.env", "")
        .target_flag("x");
    let explained = world.config().explain();
    let root = world.path("").display().to_string();
    let names: Vec<_> = explained
        .sources
        .iter()
        .map(|source| source.name.replace(&root, ""))
        .collect();
    assert_eq!(
        names,
        [
            "project/nba.toml",
            "project/config/cloudwatch_config.yaml",
            "project/config/database.yaml",
            "project/inventory/config.yaml",
            "home/nba-sim-credentials.env",
            "project/.env",
            "environment",
            "flags",
        ]
    );
}

#[test]
fn placeholders_of_a_file_are_one_finding_and_those_of_dims_none() {
    let world = World::new()
        .file("project/config/rag_llm_config.yaml", "host: ${A:x}\nport: ${B:1}\n")
        .file("project/inventory/config.yaml", "database:\n  connection:\n    host: ${DB_HOST}\nmetrics:\n  rows:\n    command: psql -h ${DB_HOST}\n");
    let check = world.check();
    let found: Vec<_> = check
        .findings
        .iter()
        .filter(|f| f.code.as_str() == "yaml-placeholder")
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].sources.len(), 2);
}
