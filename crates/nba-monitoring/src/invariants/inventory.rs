//! What lies in the data lake, to hold against what the database says came from it.

/// The keys of a data lake.
///
/// Only a complete listing proves that something is missing in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Where it was listed, for reports.
    pub place: String,
    /// Every key.
    pub keys: Vec<String>,
}
