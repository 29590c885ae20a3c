//! A comparison as text, as JSON and as a parquet file.

#[cfg(feature = "parquet")]
mod file;
mod text;

use serde::Serialize;

use super::explain::Explanation;
use super::outcome::Comparison;
use super::repair::RepairCounts;

#[cfg(feature = "parquet")]
pub use self::file::{DifferenceFile, DifferenceFileError};
pub use self::text::render_text;

/// Everything there is to say about a comparison; in JSON the fields of [`Comparison`] beside `explanation`.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// What was found.
    #[serde(flatten)]
    pub comparison: &'a Comparison,
    /// What the differences have in common, and where they lie.
    pub explanation: &'a Explanation,
    /// What the repair script would do, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairCounts>,
}
