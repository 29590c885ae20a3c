//! The newest backup that was proven by a restore, by the ledger and the files it names.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use nba_utils::{Digest, Verdict};

use crate::ledger::{Ledger, LedgerError};

/// The only subject that proves a restore: made, pruned, or restored as code is not restored and compared.
const VERIFY: &str = "backup verify";

/// What the ledger says about the way back.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewestProven {
    /// Its name.
    pub name: String,
    /// The moment whose state it holds; its age, not that of the proof, is what a restore would lose.
    pub taken_at: DateTime<Utc>,
    /// `NotProven` when a later verification, of whichever backup, did not end well.
    pub verdict: Verdict,
}

/// The newest backup with a proven restore whose manifest is still there, unchanged; `None` when there is none, or the ledger is damaged.
///
/// # Errors
///
/// When the ledger cannot be read.
pub fn newest_proven(ledger: &Ledger) -> Result<Option<NewestProven>, LedgerError> {
    if ledger.verify()?.verdict.is_refuted() {
        return Ok(None);
    }
    let mut proven: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let mut last: Option<(DateTime<Utc>, Verdict)> = None;
    for record in ledger.records()? {
        let entry = &record.entry;
        if entry.subject != VERIFY {
            continue;
        }
        last = Some((record.time, entry.verdict.clone()));
        let text = |name: &str| entry.figures.get(name).and_then(|value| value.as_str());
        let Some(name) = text("backup") else { continue };
        // A later failure takes the proof away.
        proven.remove(name);
        let taken_at = text("taken_at").and_then(|time| time.parse().ok());
        let there = entry
            .artefacts
            .first()
            .is_some_and(|manifest| is_unchanged(&manifest.path, manifest.blake3));
        if let (true, true, Some(taken_at)) = (entry.verdict.is_proven(), there, taken_at) {
            proven.insert(name.to_owned(), taken_at);
        }
    }
    let newest = proven.into_iter().max_by_key(|(_, taken_at)| *taken_at);
    Ok(newest.map(|(name, taken_at)| NewestProven {
        name,
        taken_at,
        verdict: match last {
            Some((time, verdict)) if !verdict.is_proven() => Verdict::not_proven(format!(
                "the last verification of a backup, {}, ended {}",
                time.format("%Y-%m-%d %H:%M UTC"),
                verdict.as_str().replace('_', " ")
            )),
            _ => Verdict::Proven,
        },
    }))
}

fn is_unchanged(path: &str, digest: Digest) -> bool {
    std::fs::read(Path::new(path)).is_ok_and(|bytes| Digest::of(&bytes) == digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Entry;

    fn verified(folder: &Path, name: &str, taken_at: &str, verdict: Verdict) -> Entry {
        let manifest = folder.join(format!("{name}.json"));
        std::fs::write(&manifest, name).unwrap();
        Entry::new("backup verify", verdict)
            .figure("backup", name)
            .figure("taken_at", taken_at)
            .artefact(manifest.display().to_string(), Digest::of(name.as_bytes()))
    }

    #[test]
    fn only_a_restore_of_a_backup_that_is_there_proves_one() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::in_folder(folder.path().join("state"));
        let newest = || newest_proven(&ledger).unwrap();
        // Each of these has `backup` or `restore` in its name, is proven, and restored nothing.
        for subject in [
            "backup create",
            "backup prune",
            "restore point",
            "restore code",
        ] {
            let entry = Entry::new(subject, Verdict::Proven)
                .figure("backup", "a")
                .figure("taken_at", "2026-01-01T00:00:00+00:00");
            ledger.append(&entry).unwrap();
        }
        assert_eq!(newest(), None);
        let (old, new) = ("2026-01-01T00:00:00+00:00", "2026-01-05T00:00:00+00:00");
        let append = |entry: Entry| {
            ledger.append(&entry).unwrap();
        };
        append(verified(folder.path(), "new", new, Verdict::Proven));
        // Verified later, and it holds an older state: not the newest.
        append(verified(folder.path(), "old", old, Verdict::Proven));
        let found = newest().unwrap();
        assert_eq!(
            (found.name.as_str(), found.verdict.as_str()),
            ("new", "proven")
        );
        assert_eq!(found.taken_at, new.parse::<DateTime<Utc>>().unwrap());
        // A failure takes the proof away, and is told.
        append(verified(
            folder.path(),
            "new",
            new,
            Verdict::refuted("a row"),
        ));
        let found = newest().unwrap();
        assert_eq!(
            (found.name.as_str(), found.verdict.as_str()),
            ("old", "not_proven")
        );
        // A backup that is gone, or was changed, is none.
        std::fs::write(folder.path().join("old.json"), "other").unwrap();
        assert_eq!(newest(), None);
    }
}
