//! Whether the legacy side is still what was last put on record.

use std::path::Path;

use nba_utils::Verdict;

use super::legacy_tree;
use crate::ledger::Ledger;

/// Holds every file of the legacy side against the last recorded state capture. Blocks: reads the whole checkout.
///
/// `NotApplicable` without a capture on record; `NotProven` when ledger or checkout cannot be read.
#[must_use]
pub fn tree_guard(ledger: &Ledger, project: &Path) -> Verdict {
    let records = match ledger.verify() {
        Ok(found) if found.verdict.is_refuted() => {
            return Verdict::not_proven("the ledger is damaged");
        }
        Ok(_) => ledger.records(),
        Err(error) => Err(error),
    };
    let records = match records {
        Ok(records) => records,
        Err(error) => return Verdict::not_proven(nba_utils::ErrorReport::new(&error).to_string()),
    };
    let captured = records.iter().rev().find_map(|record| {
        let captured = record.entry.subject == "state capture";
        let tree = record
            .entry
            .figures
            .get("legacy_tree")
            .filter(|_| captured)?;
        Some((record.time, tree.as_str()?))
    });
    let Some((time, expected)) = captured else {
        return Verdict::not_applicable("no `nba state capture` is on record");
    };
    match legacy_tree(project) {
        Ok(tree) if tree.root().to_string() == expected => Verdict::Proven,
        Ok(_) => Verdict::refuted(format!(
            "files of the legacy side are not as they were at the capture of {}",
            time.format("%Y-%m-%d %H:%M UTC")
        )),
        Err(error) => Verdict::not_proven(nba_utils::ErrorReport::new(&error).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Entry;

    #[test]
    fn a_changed_file_of_the_legacy_side_is_seen_and_our_own_are_not() {
        let project = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = project.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let ledger = Ledger::in_folder(project.path().join(".nba"));
        let guard = || tree_guard(&ledger, project.path());
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
