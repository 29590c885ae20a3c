//! Settings of the object store.

use secrecy::SecretString;

use crate::names;

/// Which bucket to use and how to reach it. Secrets print as `[REDACTED]`.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// Bucket; default `nba-sim-raw-data-lake` (database dossier 5.1).
    pub bucket: String,
    /// Region; default `us-east-1` (database dossier 5.1).
    pub region: String,
    /// Key prefix, without a leading slash; empty for the whole bucket.
    pub prefix: String,
    /// Address of an S3-compatible service, such as `http://127.0.0.1:9000`; `None` for AWS itself.
    pub endpoint: Option<String>,
    /// Put the bucket into the path, not into the host name. On by default where an `endpoint` is set.
    pub path_style: bool,
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Access key; `None` leaves it to the AWS credential chain.
    pub access_key_id: Option<SecretString>,
    /// Secret key of `access_key_id`.
    pub secret_access_key: Option<SecretString>,
    /// Session token of temporary keys.
    pub session_token: Option<SecretString>,
}

impl Default for S3Settings {
    fn default() -> Self {
        Self {
            bucket: names::DEFAULT_BUCKET.into(),
            region: names::DEFAULT_REGION.into(),
            prefix: String::new(),
            endpoint: None,
            path_style: false,
            profile: None,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
        }
    }
}
