//! Is every row of the baseline still there, unchanged? Table by table, with the exact keys where not.
//!
//! [`verify`] proves the rule of each table against the baseline: *frozen* tables are identical; in *append-only* ones every row of
//! the baseline is there unchanged, and there are only additions; *growing* ones stay within their band; *external* ones are not
//! judged; *expected-empty* ones are. It shares the look at a table and the judgement with [`health`](crate::health), and leaves
//! to health what is not about rows: activity, schema, views, natural keys and the legacy names.
//!
//! # Quiet ticks
//!
//! Every proof is written down with the write counters read *before* its snapshot ([`ProofBook`]). A quick run ([`Quick`]) reads the
//! counters again, in one round trip and without a page of any table. Where they say that nothing was written since, it *carries*
//! the earlier proof: the report says so, with the time of the proof and the time up to which writes are certainly counted
//! ([`Proof::Carried`]). That is never a fresh proof. Counters do not see everything (see [`quiet`](nba_db::quiet)), so a quick
//! run also proves some tables anew, the oldest proofs first, at a pace that renews all of them within [`Quick::scrub_within`]; a
//! proof that is older is never carried.

mod book;
mod render;
mod report;
mod run;
mod scrub;
#[cfg(test)]
mod tests;

pub use self::book::{BookError, ProofBook};
pub use self::render::render_text;
pub use self::report::{Proof, TableProof, VERIFY_VERSION, VerifyReport};
pub use self::run::{Quick, VerifyOptions, verify};
