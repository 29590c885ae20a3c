//! Is everything well, compared with the baseline?
//!
//! [`check`](check()) asks *which* database answers before anything else and stops when it is another one. Then it looks at the
//! catalogue in both directions, at every table by its rule, at games that are there twice, at views and at signs of life,
//! all in one read-only snapshot. Differences are followed to the rows: missing, added, changed, duplicated, with key and,
//! where the baseline kept values, old and new value.
//!
//! The answer is a [`HealthReport`]: four-valued, with the JSON keys and check names of the legacy dashboard. An unreachable
//! database is *not proven* (exit code 2), never zero rows.

mod check;
mod compare;
mod files;
mod judge;
mod legacy;
pub(crate) mod locate;
mod render;
mod report;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use self::check::{HealthOptions, check};
pub use self::files::{LATEST, ReportFileError, ReportFiles, write_report};
pub use self::render::{render_text, row_text};
pub use self::report::{
    BaselineRecord, CheckRecord, ColumnDifference, DifferenceKind, Differences, HealthReport,
    IdentityRecord, Overall, REPORT_VERSION, RowDifference, Status,
};
