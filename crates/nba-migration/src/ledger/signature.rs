//! Signing the head of the ledger, so that a rewritten one is not taken for the old one.
//!
//! The chain shows every change by somebody who cannot rewrite all of it. Who can, cannot sign: a record holds an Ed25519 signature over
//! number and hash of the record before it, and with that over all records so far.

use std::fs;
use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use nba_utils::atomic::{self, NewFile};
use nba_utils::{Digest, Verdict};
use serde::Serialize;

use super::{Entry, Ledger, LedgerError, Receipt, Record};

/// Subject of the records.
const SUBJECT: &str = "ledger signature";

/// A private key for signing.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

/// What the signatures in a ledger say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SignatureCheck {
    /// `Proven` when the newest signature by this key fits the records before it; `NotProven` when there is none.
    pub verdict: Verdict,
    /// Records covered by it.
    pub covered: u64,
    /// Records after it, which only the chain protects.
    pub uncovered: u64,
}

fn bad(path: &Path, what: impl Into<String>) -> LedgerError {
    LedgerError::Key {
        path: path.to_owned(),
        what: what.into(),
    }
}

impl SigningKey {
    /// Makes a key and keeps it in a new file that only its owner can read, as PKCS#8.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Key`] when it cannot be made or the file is there already.
    pub fn generate(path: &Path) -> Result<Self, LedgerError> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random)
            .map_err(|_| bad(path, "no key could be made"))?;
        atomic::create(path, document.as_ref(), NewFile::Private)?;
        Self::read(path)
    }

    /// Reads a key that [`generate`](Self::generate) made.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Key`].
    pub fn read(path: &Path) -> Result<Self, LedgerError> {
        let bytes = fs::read(path).map_err(|error| bad(path, error.to_string()))?;
        Ed25519KeyPair::from_pkcs8(&bytes)
            .map(Self)
            .map_err(|error| bad(path, format!("not an Ed25519 key in PKCS#8: {error}")))
    }

    /// The public key in hexadecimal: keep it where the ledger's owner cannot reach.
    #[must_use]
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// What is signed.
fn message(sequence: u64, hash: &Digest) -> Vec<u8> {
    format!("nba ledger head {sequence} {hash}").into_bytes()
}

impl Ledger {
    /// Adds a record with a signature over everything so far.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append); [`LedgerError::Damaged`] when the ledger does not hold: damage is not signed.
    pub fn sign(&self, key: &SigningKey) -> Result<Receipt, LedgerError> {
        let verification = self.verify()?;
        let damaged = |what: &str| LedgerError::Damaged {
            path: self.path(),
            what: what.to_owned(),
        };
        if verification.verdict.is_refuted() {
            return Err(damaged("it is not signed"));
        }
        let head = verification
            .head
            .ok_or_else(|| damaged("there is nothing to sign"))?;
        let signature = key.0.sign(&message(head.sequence, &head.hash));
        self.append(
            &Entry::new(SUBJECT, Verdict::Proven)
                .figure("signed_sequence", head.sequence)
                .figure("signed_hash", head.hash.to_string())
                .figure("public_key", key.public())
                .figure("signature", hex(signature.as_ref())),
        )
    }

    /// Checks the newest signature by the key with this public part (hexadecimal).
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub fn verify_signature(&self, public_key: &str) -> Result<SignatureCheck, LedgerError> {
        let chain = self.verify()?.verdict;
        let records = self.records()?;
        let text = |record: &Record, name: &str| {
            let value = record.entry.figures.get(name)?;
            value.as_str().map(str::to_owned)
        };
        let signed = records.iter().rev().find(|record| {
            record.entry.subject == SUBJECT
                && text(record, "public_key")
                    .is_some_and(|key| key.eq_ignore_ascii_case(public_key))
        });
        let total = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let Some(record) = signed else {
            return Ok(SignatureCheck {
                verdict: Verdict::all([
                    chain,
                    Verdict::not_proven("no record is signed by this key"),
                ]),
                covered: 0,
                uncovered: total,
            });
        };
        let sequence = record
            .entry
            .figures
            .get("signed_sequence")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        // What it signed is the record it follows; the chain has that record's hash.
        let follows = sequence + 1 == record.sequence
            && text(record, "signed_hash") == Some(record.previous.to_string());
        let valid = match (
            unhex(public_key),
            text(record, "signature").and_then(|text| unhex(&text)),
        ) {
            (Some(key), Some(signature)) => UnparsedPublicKey::new(&ED25519, key)
                .verify(&message(sequence, &record.previous), &signature)
                .is_ok(),
            _ => false,
        };
        let fits = if follows && valid {
            Verdict::Proven
        } else {
            Verdict::refuted(format!(
                "the signature in record {} does not fit",
                record.sequence
            ))
        };
        Ok(SignatureCheck {
            verdict: Verdict::all([chain, fits]),
            covered: sequence,
            uncovered: total.saturating_sub(record.sequence),
        })
    }
}
