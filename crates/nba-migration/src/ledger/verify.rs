//! Reading the whole ledger and finding what was done to it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};

use nba_utils::{Digest, Verdict};
use serde::Serialize;

use super::file::{Line, io as io_error, line_hash};
use super::{Head, Ledger, LedgerError, Record, genesis};

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// `Proven` when every record is there, unchanged and in order; `NotProven` when something cannot be told.
    pub verdict: Verdict,
    /// Whole records read.
    pub records: u64,
    /// Number and hash of the last one.
    pub head: Option<Head>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Bytes of an unfinished line at the end: a crash while appending; the next append sets it aside.
    pub unfinished_bytes: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Line number, from 1; for a missing end the line that should be there.
    pub line: u64,
    /// What kind of thing.
    pub kind: FindingKind,
    /// In words.
    pub message: String,
}

/// Kinds of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Not a record at all, or not in the form it was written.
    Unreadable,
    /// The text does not have its hash.
    Edited,
    /// Numbers are skipped.
    Missing,
    /// A number comes again or out of order.
    Reordered,
    /// The right number, following another record than the one before it.
    Replaced,
    /// The head names a record that is not there, or another one.
    CutOff,
    /// There are records and no head.
    NoHead,
}

impl Ledger {
    /// Reads everything and checks hashes, chain, numbers and head. An absent ledger is `NotProven`: there is no evidence.
    ///
    /// # Errors
    ///
    /// When a file cannot be read; damage is a finding, not an error.
    pub fn verify(&self) -> Result<Verification, LedgerError> {
        let mut state = State::new();
        self.each_line(|line, whole| state.take(line, whole))?;
        state.finish(self.head())
    }

    /// Like [`verify`](Self::verify), and the ledger must contain the record with this hash: one that was noted elsewhere.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_against(&self, anchor: Digest) -> Result<Verification, LedgerError> {
        let mut found = false;
        let mut verification = self.verify()?;
        self.each_line(|line, whole| {
            found |= whole
                && serde_json::from_slice::<Line<'_>>(line)
                    .is_ok_and(|parsed| parsed.hash == anchor);
        })?;
        if !found {
            let message = format!("no record has the hash {anchor}");
            verification.verdict =
                Verdict::all([verification.verdict, Verdict::refuted(message.clone())]);
            verification.findings.push(Finding {
                line: verification.records + 1,
                kind: FindingKind::CutOff,
                message,
            });
        }
        Ok(verification)
    }

    /// All whole records, oldest first, as far as they can be read; check the chain with [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, LedgerError> {
        let mut records = Vec::new();
        self.each_line(|line, whole| {
            let parsed = serde_json::from_slice::<Line<'_>>(line)
                .ok()
                .filter(|_| whole);
            records.extend(
                parsed.and_then(|line| serde_json::from_str::<Record>(line.record.get()).ok()),
            );
        })?;
        Ok(records)
    }

    /// The last `limit` whole records, newest first, as far as they can be read; no more than these are held in memory. Check the chain
    /// with [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn newest(&self, limit: usize) -> Result<Vec<Record>, LedgerError> {
        let mut newest = VecDeque::new();
        self.each_line(|line, whole| {
            if whole {
                newest.push_front(line.to_vec());
                newest.truncate(limit);
            }
        })?;
        let records = newest.iter().filter_map(|line| {
            let line = serde_json::from_slice::<Line<'_>>(line).ok()?;
            serde_json::from_str::<Record>(line.record.get()).ok()
        });
        Ok(records.collect())
    }

    /// Calls `take` with each line and whether it is finished by a line feed.
    fn each_line(&self, mut take: impl FnMut(&[u8], bool)) -> Result<(), LedgerError> {
        let path = self.path();
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(io_error("open", &path))?,
        };
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader
                .read_until(b'\n', &mut line)
                .map_err(io_error("read", &path))?
                == 0
            {
                return Ok(());
            }
            let whole = line.last() == Some(&b'\n');
            take(
                if whole {
                    &line[..line.len() - 1]
                } else {
                    &line
                },
                whole,
            );
        }
    }
}

struct State {
    lines: u64,
    last: Option<Head>,
    /// The record the head names, if it came by.
    seen: Vec<Head>,
    findings: Vec<Finding>,
    unfinished_bytes: u64,
}

impl State {
    fn new() -> Self {
        Self {
            lines: 0,
            last: None,
            seen: Vec::new(),
            findings: Vec::new(),
            unfinished_bytes: 0,
        }
    }

    fn report(&mut self, kind: FindingKind, message: String) {
        self.findings.push(Finding {
            line: self.lines,
            kind,
            message,
        });
    }

    fn take(&mut self, line: &[u8], whole: bool) {
        if !whole {
            self.unfinished_bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
            return;
        }
        self.lines += 1;
        let parsed: Line<'_> = match serde_json::from_slice(line) {
            Ok(parsed) => parsed,
            Err(error) => {
                return self.report(FindingKind::Unreadable, format!("not a record: {error}"));
            }
        };
        // The line must be exactly what append writes, so that nothing can hide beside the hashed text.
        if serde_json::to_vec(&parsed).ok().as_deref() != Some(line) {
            return self.report(
                FindingKind::Unreadable,
                "not written by this program".to_owned(),
            );
        }
        let found = line_hash(parsed.record.get());
        let record: Record = match serde_json::from_str(parsed.record.get()) {
            Ok(record) => record,
            Err(error) => {
                return self.report(FindingKind::Unreadable, format!("not a record: {error}"));
            }
        };
        if found != parsed.hash {
            self.report(
                FindingKind::Edited,
                format!("record {} was edited", record.sequence),
            );
        }
        let (number, previous) = self
            .last
            .map_or((0, genesis()), |head| (head.sequence, head.hash));
        if record.sequence <= number {
            self.report(
                FindingKind::Reordered,
                format!("record {} stands after record {number}", record.sequence),
            );
        } else if record.sequence > number + 1 {
            let missing = match record.sequence - number - 1 {
                1 => format!("record {} is missing", number + 1),
                _ => format!(
                    "records {} to {} are missing",
                    number + 1,
                    record.sequence - 1
                ),
            };
            self.report(FindingKind::Missing, missing);
        } else if record.previous != previous {
            self.report(
                FindingKind::Replaced,
                format!(
                    "record {} does not follow the record before it",
                    record.sequence
                ),
            );
        }
        let head = Head {
            sequence: record.sequence,
            hash: parsed.hash,
        };
        self.last = Some(head);
        self.seen.push(head);
    }

    fn finish(
        mut self,
        head: Result<Option<Head>, LedgerError>,
    ) -> Result<Verification, LedgerError> {
        let last = self.last;
        let mut unproven = Vec::new();
        let line = self.lines + 1;
        let mut at_end = |kind, message| {
            self.findings.push(Finding {
                line,
                kind,
                message,
            });
        };
        match head {
            Ok(None) if self.lines == 0 => unproven.push("there is no ledger".to_owned()),
            // A crash right after the first line leaves no head; more records without one are suspect.
            Ok(None) if self.lines == 1 => {
                unproven.push("there is no head file, so a lost end would not be seen".to_owned());
            }
            Ok(None) => at_end(
                FindingKind::NoHead,
                "the head file is gone, so records may have been cut off".to_owned(),
            ),
            Ok(Some(head)) => {
                let one_behind = last.is_some_and(|last| last.sequence == head.sequence + 1)
                    && self.seen.contains(&head);
                if Some(head) != last && !one_behind {
                    at_end(
                        FindingKind::CutOff,
                        format!(
                            "record {} was written and is not the last one here",
                            head.sequence
                        ),
                    );
                }
            }
            Err(LedgerError::Damaged { what, .. }) => at_end(FindingKind::NoHead, what),
            Err(error) => return Err(error),
        }
        let refuted = Verdict::from_findings(
            self.findings
                .iter()
                .map(|finding| format!("line {}: {}", finding.line, finding.message)),
        );
        let unproven = unproven.into_iter().map(Verdict::not_proven);
        Ok(Verification {
            verdict: Verdict::all(std::iter::once(refuted).chain(unproven)),
            records: self.lines,
            head: last,
            findings: self.findings,
            unfinished_bytes: self.unfinished_bytes,
        })
    }
}
