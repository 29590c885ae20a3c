//! Every configuration key, variable name and default, in one place.

/// Bucket used where none is configured (database dossier 5.1).
pub const DEFAULT_BUCKET: &str = "nba-sim-raw-data-lake";
/// Region used where none is configured (database dossier 5.1).
pub const DEFAULT_REGION: &str = "us-east-1";
/// PostgreSQL's port, the only one legacy code uses (database dossier 3.4).
pub const DEFAULT_PORT: u16 = 5432;
