use crate::{plan::PlanError, sim::SimError};

/// Why a replica could not be built or touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The target is on another machine.
    #[error("`{host}` is not this machine, and replicas are only built here")]
    NotLocal {
        /// Host as configured.
        host: String,
    },
    /// The database holds something already.
    #[error("database `{database}` is not empty: {relations} relations")]
    NotEmpty {
        /// Database name.
        database: String,
        /// Tables, views, indexes and sequences found.
        relations: i64,
        /// It is an earlier replica.
        replica: bool,
    },
    /// The database was not made by this module, so it must not be changed.
    #[error("database `{database}` is not marked as a replica")]
    NotMarked {
        /// Database name.
        database: String,
    },
    /// No plan for this scale.
    #[error("plan the replica")]
    Plan(#[from] PlanError),
    /// A game could not be simulated.
    #[error("simulate a game")]
    Simulate(#[from] SimError),
    /// The server refused something or went away.
    #[error("`{doing}` failed on the server{}", detail(source))]
    Server {
        /// The statement, or what was attempted.
        doing: String,
        /// What the driver said.
        source: tokio_postgres::Error,
    },
    /// The server confirmed another number of rows than were sent.
    #[error("`{table}` has {loaded} rows instead of {planned}")]
    Count {
        /// `schema.table`.
        table: &'static str,
        /// Rows confirmed.
        loaded: u64,
        /// Rows planned.
        planned: u64,
    },
    /// The row to change does not exist: the replica is smaller than the defect needs.
    #[error("no row of `{table}` fits the defect `{defect}`")]
    NothingToChange {
        /// `schema.table`.
        table: String,
        /// Name of the defect.
        defect: &'static str,
    },
    /// A worker ended early, because another part failed or because it panicked.
    #[error("a worker stopped before its work was done")]
    Stopped,
}

/// SQLSTATE and message, which the driver's own text hides.
fn detail(source: &tokio_postgres::Error) -> String {
    source.as_db_error().map_or_else(String::new, |error| {
        format!(
            " with SQLSTATE {}: {}",
            error.code().code(),
            error.message()
        )
    })
}

impl ReplicaError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotLocal { .. } => {
                Some("name a server on this machine, or let the embedded one be used".into())
            }
            Self::NotEmpty {
                database,
                replica: true,
                ..
            } => Some(format!(
                "it is an earlier replica: drop database `{database}` and build again"
            )),
            Self::NotEmpty { .. } => Some("create an empty database for the replica".into()),
            Self::NotMarked { .. } => {
                Some("defects are only planted into replicas; build one first".into())
            }
            Self::Plan(PlanError::Scale(_)) => Some("choose a scale between 0.001 and 1".into()),
            Self::Simulate(error) => error.hint(),
            Self::NothingToChange { .. } => Some("build a larger replica".into()),
            Self::Plan(_) | Self::Server { .. } | Self::Count { .. } | Self::Stopped => None,
        }
    }
}
