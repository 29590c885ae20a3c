//! Layered configuration with provenance for a legacy NBA data platform: every variable family, no silent guesses.
//!
//! Layers, lowest precedence first: built-in defaults, the project file `nba.toml`, legacy YAML, legacy variable files,
//! the environment, command-line flags. Every value knows its source and what it overrode; secrets are never shown.
//!
//! A database target is taken from **one** variable family (`DB_*`, `RDS_*`, `POSTGRES_*`, `PG*`, …) as a whole. Families
//! that name different servers are a conflict, which only a choice resolves. Nothing falls back to localhost or to a
//! production endpoint.
//!
//! ```
//! use nba_config::{Config, ErrorKind, Inputs};
//!
//! let mut inputs = Inputs::new("/nowhere");
//! for (family, host) in [("DB", "one.example"), ("POSTGRES", "other.example")] {
//!     inputs = inputs
//!         .with_variable(format!("{family}_HOST"), host)
//!         .with_variable(format!("{family}_USER"), "etl")
//!         .with_variable(format!("{family}_PASSWORD"), "secret");
//! }
//! inputs = inputs.with_variable("DB_NAME", "nba").with_variable("POSTGRES_DB", "nba");
//! let config = Config::load(inputs.clone())?;
//! assert_eq!(config.database().unwrap_err().kind(), ErrorKind::Conflict);
//!
//! inputs.flags.target = Some("postgres".into());
//! assert_eq!(Config::load(inputs)?.database()?.host.to_string(), "other.example");
//! # Ok::<(), nba_config::ConfigError>(())
//! ```
//!
//! The crate has no cargo features, starts no threads and opens no connections. It is the only crate that reads the
//! process environment and the home folder, and only in [`Inputs::from_process`].

mod check;
mod config;
mod error;
mod explain;
mod inputs;
mod invariants;
mod layer;
mod legacy;
mod load;
mod origin;
mod reference;
mod resolve;
mod s3;
mod sections;
mod settings;
mod target;
mod text;
mod toml_file;
mod url;

pub mod envfile;
pub mod names;
pub mod yaml;

pub use check::{Code, ConfigCheck, Finding, Severity};
pub use config::Config;
pub use error::{ConfigError, ErrorKind, Result, UrlProblem};
pub use explain::{ExplainedValue, Explanation, FieldOrigin, Overridden, ResolvedDatabase};
pub use inputs::{Flags, Inputs};
pub use invariants::InvariantSetting;
pub use legacy::{
    Found, LegacyDatabaseConfig, LegacyS3Config, load_database_config, load_s3_config,
};
pub use load::Source;
pub use origin::Origin;
pub use reference::reference_markdown;
pub use s3::S3Settings;
pub use secrecy::{ExposeSecret, SecretString};
pub use sections::{Capabilities, CapabilityMode, LogFormat, LogLevel, LoggingSettings};
pub use settings::DatabaseSettings;
pub use target::{DatabaseTarget, Host, ServerKey, SslMode, UnknownSslMode};

/// A complete `nba.toml` with every section explained.
pub const EXAMPLE_PROJECT_FILE: &str = include_str!("../examples/nba.toml");
