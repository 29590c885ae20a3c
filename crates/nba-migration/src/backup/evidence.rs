//! What the ledger knows about backups.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use nba_utils::{Digest, Verdict};
use serde::Serialize;

use super::Stored;
use crate::ledger::{Ledger, LedgerError, Record};

/// Subjects of the records that say something about a backup's restore.
const VERIFY: &str = "backup verify";

/// A backup's proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Proof {
    /// Number of the record.
    pub sequence: u64,
    /// When it was verified.
    pub verified_at: DateTime<Utc>,
    /// BLAKE3 of the manifest then.
    pub manifest: Digest,
    /// Rows that came back.
    pub rows: u64,
    /// Time a restore took, in milliseconds.
    pub rto_ms: u64,
}

/// Which backups were restored and found identical, by the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Proofs {
    /// Whether the ledger itself holds; without that nothing is proven.
    pub ledger: Verdict,
    proven: BTreeMap<String, Proof>,
    created: BTreeMap<String, Digest>,
    last: Option<(DateTime<Utc>, Verdict)>,
}

impl Proofs {
    /// Reads the ledger and checks its chain. The newest record of a backup counts: a later failure takes a proof away.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub fn read(ledger: &Ledger) -> Result<Self, LedgerError> {
        let verdict = ledger.verify()?.verdict;
        let mut proofs = Self {
            ledger: verdict,
            proven: BTreeMap::new(),
            created: BTreeMap::new(),
            last: None,
        };
        // Damaged evidence is no evidence.
        if !proofs.ledger.is_refuted() {
            for record in ledger.records()? {
                proofs.take(&record);
            }
        }
        Ok(proofs)
    }

    fn take(&mut self, record: &Record) {
        let entry = &record.entry;
        let Some(name) = entry.figures.get("backup").and_then(|name| name.as_str()) else {
            return;
        };
        let manifest = entry.artefacts.first().map(|artefact| artefact.blake3);
        let number = |name: &str| {
            entry
                .figures
                .get(name)
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0)
        };
        match (entry.subject.as_str(), manifest) {
            ("backup create", Some(manifest)) => {
                self.created.insert(name.to_owned(), manifest);
            }
            (VERIFY, Some(manifest)) => {
                self.last = Some((record.time, entry.verdict.clone()));
                if entry.verdict.is_proven() {
                    let proof = Proof {
                        sequence: record.sequence,
                        verified_at: record.time,
                        manifest,
                        rows: number("rows"),
                        rto_ms: number("rto_ms"),
                    };
                    self.proven.insert(name.to_owned(), proof);
                } else {
                    self.proven.remove(name);
                }
            }
            _ => {}
        }
    }

    /// The proof of a backup on disk; none when its manifest is not the one that was proven.
    #[must_use]
    pub fn of(&self, stored: &Stored) -> Option<&Proof> {
        let proof = self.proven.get(&stored.name)?;
        (Some(proof.manifest) == stored.manifest_digest).then_some(proof)
    }

    /// The digest of a backup's manifest as recorded when it was made, for [`VerifyOptions`](super::VerifyOptions).
    #[must_use]
    pub fn recorded_manifest(&self, name: &str) -> Option<Digest> {
        self.created.get(name).copied()
    }
}

/// One restore that was tried, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Drilled {
    /// Number of the record.
    pub sequence: u64,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Name of the backup; it may be gone since.
    pub backup: String,
    /// What came out.
    pub verdict: Verdict,
    /// Rows of the snapshot.
    pub rows: u64,
    /// Rows that came back identical.
    pub identical_rows: u64,
    /// Time the restore took, in milliseconds (RTO).
    pub rto_ms: u64,
    /// Age of the state it held then, in seconds (RPO).
    pub rpo_seconds: i64,
}

/// Every restore that was tried, oldest first: how sure the way back was, and how long it took, over time.
///
/// # Errors
///
/// When the ledger cannot be read.
pub fn history(ledger: &Ledger) -> Result<Vec<Drilled>, LedgerError> {
    let records = ledger.records()?;
    Ok(records
        .into_iter()
        .filter(|record| record.entry.subject == VERIFY)
        .map(|record| {
            let figure = |name: &str| record.entry.figures.get(name);
            let number = |name: &str| {
                let value = figure(name).and_then(serde_json::Value::as_u64);
                value.unwrap_or(0)
            };
            Drilled {
                sequence: record.sequence,
                at: record.time,
                backup: figure("backup")
                    .and_then(|name| name.as_str())
                    .unwrap_or_default()
                    .to_owned(),
                rows: number("rows"),
                identical_rows: number("identical_rows"),
                rto_ms: number("rto_ms"),
                rpo_seconds: figure("rpo_seconds")
                    .and_then(serde_json::Value::as_i64)
                    .unwrap_or(0),
                verdict: record.entry.verdict,
            }
        })
        .collect())
}

/// Whether there is a way back, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// `Refuted` when the newest proven backup is too old, `NotProven` when there is none.
    pub verdict: Verdict,
    /// The newest backup that was proven.
    pub newest_proven: Option<String>,
    /// The state it holds.
    pub taken_at: Option<DateTime<Utc>>,
    /// Age of that state, in seconds (RPO).
    pub age_seconds: Option<i64>,
    /// Its proof.
    pub proof: Option<Proof>,
    /// Backups on disk.
    pub backups: usize,
    /// How many of them are proven.
    pub proven: usize,
}

/// Judges the backups on disk by the ledger: the newest proven one may be at most `max_age` old.
#[must_use]
pub fn status(stored: &[Stored], proofs: &Proofs, max_age: Duration, now: DateTime<Utc>) -> Status {
    let proven: Vec<(&Stored, &Proof)> = stored
        .iter()
        .filter_map(|one| proofs.of(one).map(|proof| (one, proof)))
        .collect();
    // `stored` is in the order of the snapshots.
    let newest = proven.last().copied();
    let taken_at = newest.and_then(|(one, _)| one.manifest.as_ref().ok().map(|m| m.taken_at));
    let age = taken_at.map(|taken_at| now - taken_at);
    let mut verdicts = Vec::new();
    if !stored.is_empty() {
        verdicts.push(proofs.ledger.clone());
    }
    verdicts.push(match (newest, age) {
        (Some((one, _)), Some(age)) if age > max_age => Verdict::refuted(format!(
            "the newest proven backup `{}` is {} hours old, {} are allowed",
            one.name,
            age.num_hours(),
            max_age.num_hours()
        )),
        (Some(_), Some(_)) => Verdict::Proven,
        _ if stored.is_empty() => Verdict::not_proven("there is no backup"),
        _ => Verdict::not_proven("no backup was ever proven by a restore"),
    });
    // A drill that failed after the last good one is news, even while the old proof is young enough.
    if let Some((time, verdict)) = &proofs.last
        && !verdict.is_proven()
    {
        verdicts.push(Verdict::not_proven(format!(
            "the last verification, {}, ended {}",
            time.format("%Y-%m-%d %H:%M UTC"),
            verdict.as_str().replace('_', " ")
        )));
    }
    Status {
        verdict: Verdict::all(verdicts),
        newest_proven: newest.map(|(one, _)| one.name.clone()),
        taken_at,
        age_seconds: age.map(|age| age.num_seconds()),
        proof: newest.map(|(_, proof)| proof.clone()),
        backups: stored.len(),
        proven: proven.len(),
    }
}
