//! Whether the legacy side is still what was last put on record.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use nba_utils::tree::TreeMemory;

use super::legacy_tree_again;
use crate::ledger::Ledger;

/// How long files are believed to be as their times say; after it every file is read again.
const READ_ALL_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// Holds every file of the legacy side against the last recorded state capture. Blocks: reads the whole checkout.
///
/// `NotApplicable` without a capture on record; `NotProven` when ledger or checkout cannot be read.
#[must_use]
pub fn tree_guard(ledger: &Ledger, project: &Path) -> Verdict {
    TreeGuard::default().look(ledger, project)
}

/// The same again and again, at the cost of what changed: a file is read when its size or one of its times is another, the time of
/// change included, which nobody can set; and every file once a day.
#[derive(Debug, Default)]
pub struct TreeGuard {
    memory: TreeMemory,
    /// When every file was last read.
    read_all: Option<Instant>,
}

impl TreeGuard {
    /// As [`tree_guard`]. Blocks: looks at every file, and reads those that changed.
    pub fn look(&mut self, ledger: &Ledger, project: &Path) -> Verdict {
        let (time, expected) = match expected(ledger) {
            Ok(found) => found,
            Err(verdict) => return verdict,
        };
        if self
            .read_all
            .is_none_or(|at| at.elapsed() >= READ_ALL_EVERY)
        {
            self.memory = TreeMemory::default();
        }
        let all = self.memory.known() == 0;
        match legacy_tree_again(project, &mut self.memory) {
            Ok(tree) => {
                if all {
                    self.read_all = Some(Instant::now());
                }
                if tree.root().to_string() == expected {
                    return Verdict::Proven;
                }
                Verdict::refuted(format!(
                    "files of the legacy side are not as they were at the capture of {}",
                    time.format("%Y-%m-%d %H:%M UTC")
                ))
            }
            Err(error) => Verdict::not_proven(nba_utils::ErrorReport::new(&error).to_string()),
        }
    }
}

/// When the tree was last put on record, and its digest; or what can be said without.
fn expected(ledger: &Ledger) -> Result<(DateTime<Utc>, String), Verdict> {
    let records = match ledger.verify() {
        Ok(found) if found.verdict.is_refuted() => {
            return Err(Verdict::not_proven("the ledger is damaged"));
        }
        Ok(_) => ledger.records(),
        Err(error) => Err(error),
    };
    let records = records
        .map_err(|error| Verdict::not_proven(nba_utils::ErrorReport::new(&error).to_string()))?;
    let captured = records.iter().rev().find_map(|record| {
        let captured = record.entry.subject == "state capture";
        let tree = record
            .entry
            .figures
            .get("legacy_tree")
            .filter(|_| captured)?;
        Some((record.time, tree.as_str()?.to_owned()))
    });
    captured.ok_or_else(|| Verdict::not_applicable("no `nba state capture` is on record"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Entry;
    use crate::state::legacy_tree;

    #[test]
    fn a_changed_file_of_the_legacy_side_is_seen_and_our_own_are_not() {
        let project = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = project.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let ledger = Ledger::in_folder(project.path().join(".nba"));
        // One that remembers and one that reads everything say the same.
        let mut remembering = TreeGuard::default();
        let mut guard = || {
            let verdict = tree_guard(&ledger, project.path());
            assert_eq!(remembering.look(&ledger, project.path()), verdict);
            verdict
        };
        write("scripts/load.py", "print(1)\n");
        assert_eq!(guard().as_str(), "not_applicable");
        let tree = legacy_tree(project.path()).unwrap().root().to_string();
        let entry = Entry::new("state capture", Verdict::Proven).figure("legacy_tree", tree);
        ledger.append(&entry).unwrap();
        write("logs/today.log", "written by a job");
        write(".nba/monitoring.toml", "");
        assert_eq!(guard(), Verdict::Proven);
        write("scripts/load.py", "print(2)\n");
        assert!(guard().is_refuted());
        write("scripts/load.py", "print(1)\n");
        assert_eq!(guard(), Verdict::Proven);
        write("scripts/new.py", "");
        assert!(guard().is_refuted());
    }
}
