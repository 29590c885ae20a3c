//! Every configuration key, variable name and default, in one place.
//!
//! [`reference_markdown`](crate::reference_markdown) turns these tables into the reference page.

/// Bucket used where none is configured (database dossier 5.1).
pub const DEFAULT_BUCKET: &str = "nba-sim-raw-data-lake";
/// Region used where none is configured (database dossier 5.1).
pub const DEFAULT_REGION: &str = "us-east-1";
/// PostgreSQL's port, the only one legacy code uses (database dossier 3.4).
pub const DEFAULT_PORT: u16 = 5432;

/// The project file.
pub const PROJECT_FILE: &str = "nba.toml";
/// The project's variable file.
pub const DOT_ENV: &str = ".env";
/// The credentials file in the home folder (database dossier 3.3).
pub const CREDENTIALS_FILE: &str = "nba-sim-credentials.env";
/// Folders with one secret per file, in the project and in the home folder: this prefix and a context (database dossier 3.3).
pub const SECRETS_FOLDER_PREFIX: &str = ".env.nba_simulator_aws.";
/// The contexts of the secret folders, and the word their variables end in. Lowest precedence first.
pub const SECRETS_CONTEXTS: [(&str, &str); 3] = [
    ("test", "TEST"),
    ("development", "DEVELOPMENT"),
    ("production", "WORKFLOW"),
];
/// Other secret folders of the legacy hierarchy start so; they belong to other projects and are not read.
pub const OTHER_SECRETS_PREFIX: &str = ".env.";
/// What hierarchical variable names have between family and context.
pub const HIERARCHY_INFIX: &str = "_NBA_SIMULATOR_AWS_";
/// The settings file of DIMS; its `database.connection` is a target.
pub const DIMS_FILE: &str = "inventory/config.yaml";
/// The YAML file of the legacy package's non-legacy mode.
pub const DATABASE_YAML: &str = "config/database.yaml";
/// The folder of the other legacy YAML files.
pub const YAML_FOLDER: &str = "config";
/// Prefix of our own variables; `__` separates sections: `NBA_DATABASE__HOST` is `database.host`.
pub const OWN_PREFIX: &str = "NBA_";
/// The variable of the legacy loader's context. Reported, never obeyed.
pub const ENVIRONMENT: &str = "ENVIRONMENT";
/// Password variables that belong to no family; usable through `password_env`.
pub const LONE_PASSWORDS: [&str; 2] = ["NBA_DB_PASSWORD", "NBA_SIM_DB_PASSWORD"];

/// A part of a database target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The whole target as a URL.
    Url,
    /// Host name, address or socket folder.
    Host,
    /// Port.
    Port,
    /// Database name.
    Database,
    /// Role name.
    User,
    /// Password.
    Password,
    /// Name of the variable that holds the password.
    PasswordEnv,
    /// Encryption and verification.
    SslMode,
    /// File with the trusted authorities.
    SslRootCert,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Url,
        Self::Host,
        Self::Port,
        Self::Database,
        Self::User,
        Self::Password,
        Self::PasswordEnv,
        Self::SslMode,
        Self::SslRootCert,
    ];

    /// The last part of its configuration key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Host => "host",
            Self::Port => "port",
            Self::Database => "database",
            Self::User => "user",
            Self::Password => "password",
            Self::PasswordEnv => "password_env",
            Self::SslMode => "sslmode",
            Self::SslRootCert => "sslrootcert",
        }
    }
}

/// May a family be chosen without being named?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Yes.
    Automatic,
    /// Yes, unless a development or test set exists beside it: these names mean production.
    Production,
    /// Never: these names mean a test server.
    ByNameOnly,
}

/// One way of naming a target: a set of variables (or keys) that belong together.
#[derive(Debug)]
pub struct Family {
    /// Its name, usable as `--target NAME` and `database.family`.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// May it be chosen without being named?
    pub selection: Selection,
    /// May the password be absent over TCP? Only where leaving it out is a decision, not an oversight.
    pub password_optional: bool,
    /// Its variables by field. The first name is the right one; the others are accepted and reported.
    pub variables: &'static [(Field, &'static [&'static str])],
}

macro_rules! hierarchical {
    ($id:literal, $prefix:literal, $context:literal, $database:literal, $user:literal, $selection:ident) => {
        Family {
            id: $id,
            title: concat!($prefix, "_*_NBA_SIMULATOR_AWS_", $context),
            selection: Selection::$selection,
            password_optional: false,
            variables: &[
                (
                    Field::Host,
                    &[concat!($prefix, "_HOST_NBA_SIMULATOR_AWS_", $context)],
                ),
                (
                    Field::Port,
                    &[concat!($prefix, "_PORT_NBA_SIMULATOR_AWS_", $context)],
                ),
                (
                    Field::Database,
                    &[concat!($prefix, $database, "_NBA_SIMULATOR_AWS_", $context)],
                ),
                (
                    Field::User,
                    &[concat!($prefix, $user, "_NBA_SIMULATOR_AWS_", $context)],
                ),
                (
                    Field::Password,
                    &[concat!($prefix, "_PASSWORD_NBA_SIMULATOR_AWS_", $context)],
                ),
                (
                    Field::SslMode,
                    &[concat!($prefix, "_SSLMODE_NBA_SIMULATOR_AWS_", $context)],
                ),
            ],
        }
    };
}

/// The flag's own family: naming a target on the command line is a choice.
pub const FLAG_FAMILY: &str = "flag";
/// Our own family: `[database]` in `nba.toml` and `NBA_DATABASE__*`.
pub const OWN_FAMILY: &str = "nba";
/// `database.connection` of DIMS.
pub const DIMS_FAMILY: &str = "dims";
/// `config/database.yaml`.
pub const YAML_FAMILY: &str = "yaml";

/// Every family, highest precedence first: where several name the *same* server, the first gives role and password.
pub static FAMILIES: &[Family] = &[
    Family {
        id: FLAG_FAMILY,
        title: "--database-url",
        selection: Selection::ByNameOnly,
        password_optional: true,
        variables: &[],
    },
    Family {
        id: OWN_FAMILY,
        title: "[database] and NBA_DATABASE__*",
        selection: Selection::Automatic,
        password_optional: true,
        variables: &[],
    },
    Family {
        id: "url",
        title: "DATABASE_URL",
        selection: Selection::Automatic,
        password_optional: true,
        variables: &[(Field::Url, &["DATABASE_URL"])],
    },
    Family {
        id: "db",
        title: "DB_*",
        selection: Selection::Automatic,
        password_optional: false,
        variables: &[
            (Field::Host, &["DB_HOST", "DB_HOSTNAME"]),
            (Field::Port, &["DB_PORT"]),
            (Field::Database, &["DB_NAME", "DB_DATABASE"]),
            (Field::User, &["DB_USER", "DB_USERNAME"]),
            (Field::Password, &["DB_PASSWORD"]),
            (Field::SslMode, &["DB_SSLMODE"]),
            (Field::SslRootCert, &["DB_SSLROOTCERT"]),
        ],
    },
    Family {
        id: "rds",
        title: "RDS_*",
        selection: Selection::Automatic,
        password_optional: false,
        variables: &[
            (Field::Host, &["RDS_HOST", "RDS_HOSTNAME", "RDS_ENDPOINT"]),
            (Field::Port, &["RDS_PORT"]),
            (Field::Database, &["RDS_DATABASE", "RDS_DB_NAME", "RDS_DB"]),
            (Field::User, &["RDS_USERNAME", "RDS_USER"]),
            (Field::Password, &["RDS_PASSWORD"]),
            (Field::SslMode, &["RDS_SSLMODE"]),
            (Field::SslRootCert, &["RDS_SSLROOTCERT"]),
        ],
    },
    hierarchical!(
        "rds-development",
        "RDS",
        "DEVELOPMENT",
        "_DATABASE",
        "_USERNAME",
        Automatic
    ),
    hierarchical!(
        "postgres-development",
        "POSTGRES",
        "DEVELOPMENT",
        "_DB",
        "_USER",
        Automatic
    ),
    hierarchical!(
        "rds-test",
        "RDS",
        "TEST",
        "_DATABASE",
        "_USERNAME",
        ByNameOnly
    ),
    hierarchical!(
        "postgres-test",
        "POSTGRES",
        "TEST",
        "_DB",
        "_USER",
        ByNameOnly
    ),
    hierarchical!(
        "rds-workflow",
        "RDS",
        "WORKFLOW",
        "_DATABASE",
        "_USERNAME",
        Production
    ),
    hierarchical!(
        "postgres-workflow",
        "POSTGRES",
        "WORKFLOW",
        "_DB",
        "_USER",
        Production
    ),
    Family {
        id: "postgres",
        title: "POSTGRES_*",
        selection: Selection::Automatic,
        password_optional: false,
        variables: &[
            (Field::Host, &["POSTGRES_HOST"]),
            (Field::Port, &["POSTGRES_PORT"]),
            (Field::Database, &["POSTGRES_DB", "POSTGRES_DATABASE"]),
            (Field::User, &["POSTGRES_USER", "POSTGRES_USERNAME"]),
            (Field::Password, &["POSTGRES_PASSWORD"]),
            (Field::SslMode, &["POSTGRES_SSLMODE"]),
            (Field::SslRootCert, &["POSTGRES_SSLROOTCERT"]),
        ],
    },
    Family {
        id: "pg",
        title: "PG*",
        selection: Selection::Automatic,
        password_optional: false,
        variables: &[
            (Field::Host, &["PGHOST"]),
            (Field::Port, &["PGPORT"]),
            (Field::Database, &["PGDATABASE"]),
            (Field::User, &["PGUSER"]),
            (Field::Password, &["PGPASSWORD"]),
            (Field::SslMode, &["PGSSLMODE"]),
            (Field::SslRootCert, &["PGSSLROOTCERT"]),
        ],
    },
    Family {
        id: "test-db",
        title: "TEST_DB_*",
        selection: Selection::ByNameOnly,
        password_optional: false,
        variables: &[
            (Field::Host, &["TEST_DB_HOST"]),
            (Field::Port, &["TEST_DB_PORT"]),
            (Field::Database, &["TEST_DB_NAME"]),
            (Field::User, &["TEST_DB_USER"]),
            (Field::Password, &["TEST_DB_PASSWORD"]),
        ],
    },
    Family {
        id: DIMS_FAMILY,
        title: "database.connection of inventory/config.yaml",
        selection: Selection::Automatic,
        password_optional: false,
        variables: &[],
    },
    Family {
        id: YAML_FAMILY,
        title: "config/database.yaml",
        selection: Selection::Automatic,
        password_optional: false,
        variables: &[],
    },
];

/// The family of that name.
#[must_use]
pub fn family(id: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.id == id)
}

impl Family {
    /// The configuration key of one of its fields.
    #[must_use]
    pub fn key(&self, field: Field) -> String {
        match self.id {
            OWN_FAMILY => format!("database.{}", field.as_str()),
            id => format!("family.{id}.{}", field.as_str()),
        }
    }

    /// How a person sets that field: the right variable, or the key.
    #[must_use]
    pub fn setting(&self, field: Field) -> String {
        let named = self
            .variables
            .iter()
            .find(|(candidate, _)| *candidate == field);
        match (named.and_then(|(_, names)| names.first()), self.id) {
            (Some(name), _) => (*name).to_owned(),
            (None, OWN_FAMILY) => {
                let upper = field.as_str().to_ascii_uppercase();
                format!("database.{} (NBA_DATABASE__{upper})", field.as_str())
            }
            (None, DIMS_FAMILY) => {
                format!("database.connection.{} in {DIMS_FILE}", field.as_str())
            }
            (None, YAML_FAMILY) => format!("{} in {DATABASE_YAML}", field.as_str()),
            (None, _) => field.as_str().to_owned(),
        }
    }
}

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// Time: `500ms`, `30s`, `5min`, `2h`; a bare number is seconds.
    Duration,
    /// A file or folder; relative to the project folder.
    Path,
    /// A text that is never shown.
    Secret,
    /// A URL; shown without its password.
    Url,
    /// A capability's mode: `legacy`, `shadow`, `canary`, `native` or `off`.
    Mode,
}

impl Kind {
    /// The word for it in the reference page.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Switch => "true/false",
            Self::Duration => "duration",
            Self::Path => "path",
            Self::Secret => "secret",
            Self::Url => "url",
            Self::Mode => "mode",
        }
    }
}

/// One configuration key.
#[derive(Debug)]
pub struct Key {
    /// Dotted key as in `nba.toml`; a part `*` stands for any name.
    pub key: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Built-in value.
    pub default: Option<&'static str>,
    /// Legacy variables that set it, the right one first, then others that are accepted.
    pub variables: &'static [&'static str],
    /// What it is for.
    pub help: &'static str,
}

const fn key(
    key: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    variables: &'static [&'static str],
    help: &'static str,
) -> Key {
    Key {
        key,
        kind,
        default,
        variables,
        help,
    }
}

/// Every key of `nba.toml`.
pub static KEYS: &[Key] = &[
    key(
        "database.family",
        Kind::Text,
        None,
        &[],
        "Which variable family names the database, where several do",
    ),
    key(
        "database.target",
        Kind::Text,
        None,
        &[],
        "Which `[targets.NAME]` is used when `--target` is not given",
    ),
    key(
        "database.url",
        Kind::Url,
        None,
        &[],
        "The database as a URL, in place of the single fields",
    ),
    key(
        "database.host",
        Kind::Text,
        None,
        &[],
        "Host name, address, or folder of a Unix socket",
    ),
    key(
        "database.port",
        Kind::Number,
        None,
        &[],
        "Port; 5432 where absent",
    ),
    key(
        "database.database",
        Kind::Text,
        None,
        &[],
        "Database name; never guessed",
    ),
    key(
        "database.user",
        Kind::Text,
        None,
        &[],
        "Role name; never guessed",
    ),
    key(
        "database.password",
        Kind::Secret,
        None,
        &[],
        "Password; better kept in a variable, see `password_env`",
    ),
    key(
        "database.password_env",
        Kind::Text,
        None,
        &[],
        "Name of the variable that holds the password",
    ),
    key(
        "database.sslmode",
        Kind::Text,
        None,
        &[],
        "disable, prefer, require, verify-ca or verify-full; prefer where absent",
    ),
    key(
        "database.sslrootcert",
        Kind::Path,
        None,
        &[],
        "PEM file with the trusted authorities",
    ),
    key(
        "targets.*.family",
        Kind::Text,
        None,
        &[],
        "Take the whole target from this variable family; only `sslmode` and `sslrootcert` may stand beside it",
    ),
    key("targets.*.url", Kind::Url, None, &[], "As `database.url`"),
    key(
        "targets.*.host",
        Kind::Text,
        None,
        &[],
        "As `database.host`",
    ),
    key(
        "targets.*.port",
        Kind::Number,
        None,
        &[],
        "As `database.port`",
    ),
    key(
        "targets.*.database",
        Kind::Text,
        None,
        &[],
        "As `database.database`",
    ),
    key(
        "targets.*.user",
        Kind::Text,
        None,
        &[],
        "As `database.user`",
    ),
    key(
        "targets.*.password",
        Kind::Secret,
        None,
        &[],
        "As `database.password`",
    ),
    key(
        "targets.*.password_env",
        Kind::Text,
        None,
        &[],
        "As `database.password_env`",
    ),
    key(
        "targets.*.sslmode",
        Kind::Text,
        None,
        &[],
        "As `database.sslmode`",
    ),
    key(
        "targets.*.sslrootcert",
        Kind::Path,
        None,
        &[],
        "As `database.sslrootcert`",
    ),
    key(
        "pool.min_connections",
        Kind::Number,
        Some("2"),
        &[],
        "Connections kept open",
    ),
    key(
        "pool.max_connections",
        Kind::Number,
        Some("10"),
        &[],
        "Most connections ever open",
    ),
    key(
        "pool.connect_timeout",
        Kind::Duration,
        Some("10s"),
        &[],
        "Longest time to establish a connection",
    ),
    key(
        "pool.acquire_timeout",
        Kind::Duration,
        Some("30s"),
        &[],
        "Longest wait for a free connection",
    ),
    key(
        "pool.statement_timeout",
        Kind::Duration,
        Some("60s"),
        &[],
        "The server stops a statement after this time",
    ),
    key(
        "pool.lock_timeout",
        Kind::Duration,
        Some("5s"),
        &[],
        "The server stops waiting for a lock after this time",
    ),
    key(
        "pool.idle_in_transaction_timeout",
        Kind::Duration,
        Some("60s"),
        &[],
        "The server ends a session idle in a transaction after this time",
    ),
    key(
        "s3.bucket",
        Kind::Text,
        Some(DEFAULT_BUCKET),
        &["S3_BUCKET", "S3_RAW_DATA_BUCKET", "S3_BUCKET_NAME"],
        "Bucket with the raw data",
    ),
    key(
        "s3.region",
        Kind::Text,
        Some(DEFAULT_REGION),
        &["AWS_REGION", "AWS_DEFAULT_REGION"],
        "Its region",
    ),
    key(
        "s3.prefix",
        Kind::Text,
        Some(""),
        &["S3_PREFIX"],
        "Key prefix; empty for the whole bucket",
    ),
    key(
        "s3.endpoint",
        Kind::Url,
        None,
        &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
        "Address of an S3-compatible service in place of AWS",
    ),
    key(
        "s3.path_style",
        Kind::Switch,
        None,
        &[],
        "Bucket in the path; on where an endpoint is set",
    ),
    key(
        "s3.profile",
        Kind::Text,
        None,
        &["AWS_PROFILE"],
        "Profile of the AWS configuration files",
    ),
    key(
        "s3.access_key_id",
        Kind::Secret,
        None,
        &["AWS_ACCESS_KEY_ID"],
        "Access key",
    ),
    key(
        "s3.secret_access_key",
        Kind::Secret,
        None,
        &["AWS_SECRET_ACCESS_KEY"],
        "Secret key",
    ),
    key(
        "s3.session_token",
        Kind::Secret,
        None,
        &["AWS_SESSION_TOKEN"],
        "Session token of temporary keys",
    ),
    key(
        "logging.level",
        Kind::Text,
        Some("info"),
        &["LOG_LEVEL"],
        "error, warn, info, debug or trace",
    ),
    key(
        "logging.format",
        Kind::Text,
        Some("text"),
        &[],
        "text or json",
    ),
    key(
        "logging.file",
        Kind::Path,
        None,
        &[],
        "Log file; none where absent",
    ),
    key(
        "logging.max_size_mb",
        Kind::Number,
        Some("10"),
        &[],
        "The log file is rotated at this size, in MiB",
    ),
    key(
        "logging.keep",
        Kind::Number,
        Some("5"),
        &[],
        "Rotated log files kept",
    ),
    key(
        "state.directory",
        Kind::Path,
        Some(".nba"),
        &[],
        "Folder of ledger, baselines and reports",
    ),
    key(
        "postgres.bin_directory",
        Kind::Path,
        None,
        &["NBA_PG_BIN"],
        "Folder with initdb and postgres for the embedded server",
    ),
    key(
        "invariants.*.needs",
        Kind::Text,
        None,
        &[],
        "What it reads: `schema.table(column, …)`, several separated by `;`",
    ),
    key(
        "invariants.*.sql",
        Kind::Text,
        None,
        &[],
        "A query that returns the rows that violate the invariant `NAME`; what names a row comes first, every table with its schema",
    ),
    key(
        "invariants.*.title",
        Kind::Text,
        None,
        &[],
        "The statement in one line; the name where absent",
    ),
    key(
        "invariants.*.message",
        Kind::Text,
        None,
        &[],
        "What is said about a violating row, with `{column}` for its values",
    ),
    key(
        "invariants.*.severity",
        Kind::Text,
        None,
        &[],
        "critical or warning; warning where absent",
    ),
    key(
        "invariants.*.key",
        Kind::Number,
        None,
        &[],
        "Columns at the front of a row that name it; 1 where absent",
    ),
    key(
        "invariants.*.subjects",
        Kind::Text,
        None,
        &[],
        "What is counted, such as `games`",
    ),
    key(
        "invariants.*.subjects_sql",
        Kind::Text,
        None,
        &[],
        "A query that counts them; the rows of the first table it reads where absent",
    ),
    key(
        "invariants.*.optional",
        Kind::Switch,
        None,
        &[],
        "Whether a platform may do without these tables, or without rows in them",
    ),
    key(
        "invariants.*.why",
        Kind::Text,
        None,
        &[],
        "Why it must hold",
    ),
    key(
        "invariants.*.remedy",
        Kind::Text,
        None,
        &[],
        "What to do about a row that violates it",
    ),
    key(
        "capabilities.*",
        Kind::Mode,
        None,
        &[],
        "Mode of one capability, such as `etl.espn.pbp`",
    ),
    key(
        "entry_points.*",
        Kind::Text,
        None,
        &[],
        "The legacy script that a capability such as `etl.espn.pbp` runs: a path in the checkout, or a file name",
    ),
];

/// The key a dotted text belongs to, wildcards included.
#[must_use]
pub fn find_key(dotted: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| matches(key.key, dotted))
}

fn matches(pattern: &str, dotted: &str) -> bool {
    match pattern.strip_suffix(".*") {
        // capability names have dots themselves
        Some(section) => dotted
            .strip_prefix(section)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest.split('.').all(|part| !part.is_empty())),
        None => {
            pattern.split('.').count() == dotted.split('.').count()
                && pattern
                    .split('.')
                    .zip(dotted.split('.'))
                    .all(|(want, have)| want == have || (want == "*" && !have.is_empty()))
        }
    }
}

/// The known key nearest to a misspelt one, if it is near enough to be meant.
#[must_use]
pub fn nearest_key(dotted: &str) -> Option<String> {
    let parts: Vec<&str> = dotted.split('.').collect();
    let best = KEYS
        .iter()
        .map(|key| {
            // fill wildcards with what was written
            let filled: Vec<&str> = key
                .key
                .split('.')
                .enumerate()
                .map(|(at, part)| {
                    if part == "*" {
                        parts.get(at).copied().unwrap_or(part)
                    } else {
                        part
                    }
                })
                .collect();
            filled.join(".")
        })
        .map(|candidate| (distance(&candidate, dotted), candidate))
        .min()?;
    let limit = (dotted.len() / 4).clamp(1, 4);
    (best.0 <= limit).then_some(best.1)
}

/// Levenshtein distance in bytes.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<u8> = right.bytes().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substitute = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
