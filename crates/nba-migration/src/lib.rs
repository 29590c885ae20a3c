//! Evidence and the way back: a ledger that cannot be edited unseen, and rollback plans that promise only what is proven.
//!
//! ```
//! use nba_migration::ledger::{Entry, Ledger};
//! use nba_utils::Verdict;
//!
//! let folder = tempfile::tempdir()?;
//! let ledger = Ledger::in_folder(folder.path());
//! let receipt = ledger.append(&Entry::new("health", Verdict::Proven))?;
//! assert_eq!(receipt.sequence, 1);
//! assert!(ledger.verify()?.verdict.is_proven());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The feature `fault-points` is for tests alone: it lets them end the process at every step boundary.

pub mod assumptions;
pub mod backup;
pub mod cleanup;
#[cfg(feature = "fault-points")]
pub mod fault;
#[cfg(not(feature = "fault-points"))]
mod fault;
mod git;
pub mod imports;
pub mod ledger;
pub mod phase;
pub mod restore_point;
pub mod rollback;
pub mod setup;
pub mod shadow;
pub mod shim;
pub mod state;
pub mod switch;
pub mod test_results;

pub use self::git::GitError;
