//! Times in which trouble is expected.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A window in which nothing is raised for the checks it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Number, for ending it early.
    pub id: u64,
    /// Ids, or beginnings of ids with `*` at the end.
    pub checks: Vec<String>,
    /// First moment.
    pub from: DateTime<Utc>,
    /// First moment after it.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
}

impl Maintenance {
    /// Whether it is about this check at this moment.
    #[must_use]
    pub fn covers(&self, id: &str, now: DateTime<Utc>) -> bool {
        self.from <= now
            && now < self.until
            && self
                .checks
                .iter()
                .any(|pattern| crate::checks::matches(pattern, id))
    }
}
