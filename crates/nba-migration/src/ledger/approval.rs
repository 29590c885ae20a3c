//! Whether a baseline was put in effect on record.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use nba_monitoring::baseline::Baseline;
use nba_utils::Verdict;

use super::entry::{APPROVE, CAPTURE};
use super::file::{Line, line_hash};
use super::{Ledger, Record};

impl Ledger {
    /// Whether the ledger has a record that put this very baseline in effect: its approval, or the capture that was the first of
    /// its name. A folder that was moved there by hand has none.
    ///
    /// Only the record's own hash is checked here; the chain is [`verify`](Self::verify)'s business.
    #[must_use]
    pub fn approval(&self, baseline: &Baseline) -> Verdict {
        let Some(digest) = baseline.digest() else {
            return Verdict::not_proven("the baseline was never kept");
        };
        let digest = digest.to_string();
        match self.puts_in_effect(&digest) {
            Ok(true) => Verdict::Proven,
            Ok(false) => Verdict::not_proven(format!(
                "no record in `{}` puts the baseline `{}` in effect: neither an approval nor a first capture (`nba baseline approve` does)",
                self.path().display(),
                baseline.name
            )),
            Err(error) => Verdict::not_proven(format!(
                "could not read `{}`: {error}",
                self.path().display()
            )),
        }
    }

    fn puts_in_effect(&self, digest: &str) -> std::io::Result<bool> {
        let lines = match File::open(self.path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            other => BufReader::new(other?),
        };
        for line in lines.split(b'\n') {
            let Ok(line) = String::from_utf8(line?) else {
                continue;
            };
            // Most lines are about health and name the baseline too: only these are worth parsing.
            if !line.contains(digest) || !(line.contains(APPROVE) || line.contains(CAPTURE)) {
                continue;
            }
            let Ok(parsed) = serde_json::from_str::<Line<'_>>(&line) else {
                continue;
            };
            let whole = line_hash(parsed.record.get()) == parsed.hash;
            if whole
                && serde_json::from_str::<Record>(parsed.record.get())
                    .is_ok_and(|record| record.entry.puts_in_effect(digest))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
