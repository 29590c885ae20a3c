//! Backups that count only after a restore of them was proven.
//!
//! The legacy platform wrote dumps, checked that they were not empty and never restored one (monitoring dossier 3.1); between
//! the counts "verified" and the dump 1,968 rows had come in, unnoticed. Here
//!
//! 1. [`create`] opens one snapshot and gives it to a parallel `pg_dump` *and* to the fingerprints of all tables, so that both
//!    describe the same state to the row, whatever writes meanwhile. The manifest is written last and the folder gets its name
//!    after that: a folder called like a backup is a whole one.
//! 2. [`verify`] restores it, into a private server or a new database of a given one, compares every table with the fingerprints
//!    of the snapshot and every definition with the catalogue's, and measures how long that took.
//! 3. [`Proofs`] reads from the evidence ledger which backups were proven that way; [`prune`] never removes the newest of them.
//!
//! Nothing here needs more than the rights of a role that may read its tables.

mod create;
mod error;
mod evidence;
mod files;
mod manifest;
mod measure;
mod newest;
mod scratch;
mod store;
mod tools;
mod verify;

pub use self::create::{CreateOptions, Created, create};
pub use self::error::BackupError;
pub use self::evidence::{Drilled, Proof, Proofs, Status, history, status};
pub use self::files::FileRecord;
pub use self::manifest::{Elapsed, LAKE_FILE, LakeRecord, Manifest, TableContent, TableRecord};
pub use self::newest::{NewestProven, newest_proven};
pub use self::scratch::Scratch;
pub use self::store::{Apply, Decision, Retention, Stored, list, prune};
pub use self::tools::Tools;
pub(crate) use self::tools::{Connection, succeeded};
pub use self::verify::{TableResult, Timings, Verification, VerifyOptions, restore_new, verify};
