//! Layered configuration with provenance for a legacy NBA data platform: every variable family, no silent guesses.

mod error;
mod origin;
mod s3;
mod settings;
mod target;
mod url;

pub mod names;

pub use error::{ConfigError, ErrorKind, Result, UrlProblem};
pub use origin::Origin;
pub use s3::S3Settings;
pub use secrecy::{ExposeSecret, SecretString};
pub use settings::DatabaseSettings;
pub use target::{DatabaseTarget, Host, ServerKey, SslMode, UnknownSslMode};
