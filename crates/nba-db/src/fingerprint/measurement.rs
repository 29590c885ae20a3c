//! A measurement that may have failed.

use serde::{Deserialize, Serialize};

/// What was found, or why it is unknown; a failure is never "there was nothing".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measurement<T> {
    /// What was found.
    Measured(T),
    /// Why it could not be found out.
    NotMeasured(String),
}

impl<T> Measurement<T> {
    /// What was found, if it could be found out.
    #[must_use]
    pub fn measured(&self) -> Option<&T> {
        self.as_result().ok()
    }

    /// What was found, or the reason why it is unknown.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn as_result(&self) -> Result<&T, &str> {
        match self {
            Self::Measured(found) => Ok(found),
            Self::NotMeasured(reason) => Err(reason),
        }
    }
}

impl<T> From<Result<T, super::FingerprintError>> for Measurement<T> {
    fn from(result: Result<T, super::FingerprintError>) -> Self {
        match result {
            Ok(found) => Self::Measured(found),
            Err(error) => Self::NotMeasured(error.reason()),
        }
    }
}
