//! What must hold between the rows of a basketball database, whatever their number.
//!
//! Counts prove nothing: 3,444 rows were lost under equal-looking ones (monitoring dossier F04). An [`Invariant`] is a statement
//! about rows, written as data: SQL that returns the rows that *violate* it, so that every finding names its rows. The built-in
//! ones are in `builtin.toml`; users add their own in `nba.toml` (see [`Book::with_configured`]).
//!
//! [`run`](run()) looks at all of them in one read-only snapshot. Violations that somebody has looked at can be put on record
//! with an owner, a reason and an end ([`Waiver`]); they stay visible, and only rows that are not among them refute.
//!
//! ```no_run
//! # async fn example(db: nba_db::Database) {
//! use nba_monitoring::invariants::{self, Book, RunOptions};
//! let report = invariants::run(&db, &Book::builtin(), &RunOptions::default()).await;
//! println!("{}", invariants::render_text(&report));
//! # }
//! ```

mod book;
mod examine;
mod inventory;
mod message;
mod need;
mod render;
mod report;
mod run;
#[cfg(test)]
mod tests;
mod waiver;

pub use self::book::{Book, BookError, Invariant, Scope};
pub use self::inventory::Inventory;
pub use self::message::Message;
pub use self::need::Need;
pub use self::render::render_text;
pub use self::report::{InvariantRecord, InvariantReport, REPORT_VERSION, Violation, WaiverRecord};
pub use self::run::{RunOptions, run};
pub use self::waiver::{LONGEST_DAYS, MAX_WAIVED, Waiver, WaiverError, Waivers};
