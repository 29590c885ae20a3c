//! DIMS, the legacy platform's inventory of metrics: read as it is, measured without its masks, never written.
//!
//! The legacy program turned failures into values (`|| echo 0`), accepted what it measured as the new truth, and ended with 0 when every
//! metric failed (monitoring dossier 1.2 to 1.6, F24, F25, F34). Here a metric that cannot be measured is *not proven*, the
//! documented values are only compared with, and a metric whose mask cannot be taken off says so.

mod approval;
mod hooks;
mod inventory;
mod judge;
mod measure;
mod parity;
#[cfg(test)]
mod tests;

pub use self::approval::{ApprovalError, Approved, MeasuredRun, NOBODY};
pub use self::hooks::{HookReport, inspect_hooks};
pub use self::inventory::{DimsError, EventHook, Inventory, Metric, Thresholds, ValueKind};
pub use self::judge::{DimsReport, DimsStatus, MetricRecord, Weight, judge};
pub use self::measure::{MeasureOptions, Measured, measure, unmasked};
pub use self::parity::{LEGACY_PROGRAM, LegacyReading, ParityRecord, compare, parse_legacy};
