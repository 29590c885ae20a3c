//! Why a comparison could not even begin, or had to stop.

use std::path::PathBuf;

use crate::error::DbError;

/// An error of [`compare`](super::compare()).
///
/// What goes wrong while rows are read (a time-out, a lost connection) is no error but part of the result, which then is
/// not proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The two relations cannot be compared as asked.
    #[error("{problem}")]
    Spec {
        /// What is wrong.
        problem: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// A side could not be reached or described.
    #[error("{side} side")]
    Database {
        /// Which one.
        side: super::Side,
        /// Why.
        #[source]
        source: DbError,
    },
    /// The checkpoint file could not be read or written.
    #[error("checkpoint `{}`", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The checkpoint file belongs to another comparison.
    #[error("checkpoint `{}` belongs to another comparison: {reason}", path.display())]
    OtherCheckpoint {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The observer did not take a difference.
    #[error("the differences could not be handed on")]
    Observer(#[source] std::io::Error),
}

impl CompareError {
    /// What to do next, where there is something general to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Spec { hint, .. } => Some((*hint).to_owned()),
            Self::Database { source, .. } => source.hint(),
            Self::OtherCheckpoint { .. } => {
                Some("give another file, or remove this one to begin from the start".to_owned())
            }
            Self::Checkpoint { .. } | Self::Observer(_) => None,
        }
    }
}
