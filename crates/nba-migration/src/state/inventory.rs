//! What the Python files of a checkout offer: functions, classes, and the addresses they ask.
//!
//! A consolidation kept "all scrapers" and lost 150 of 152 endpoints of one source and 41 of 43 page types of another; nobody had a list
//! from before (monitoring dossier 4.2, F18). Names are read from the sources, by lines; nothing is run. What is made at run time is not
//! seen.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StateError;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Longest address that is kept, in characters: longer ones are data.
const LONGEST: usize = 200;
/// What ends an address in a source: quotes, brackets, and where something is filled in at run time.
const ENDS: &str = "\"'`<>{}()[]\\,";

/// What the files offer, without where: what moved is not lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Inventory {
    /// Names of functions and methods; those of tests are counted elsewhere.
    pub functions: BTreeSet<String>,
    /// Names of classes.
    pub classes: BTreeSet<String>,
    /// Addresses (`https://…`), without what is filled in at run time.
    pub endpoints: BTreeSet<String>,
}

impl Inventory {
    pub(super) fn of(project: &Path) -> Result<Self, StateError> {
        let mut inventory = Self::default();
        let ours = [".git", ".nba", "nba", "backups"];
        let walk = walkdir::WalkDir::new(project)
            .into_iter()
            .filter_entry(|entry| {
                entry.depth() != 1 || !ours.iter().any(|name| entry.file_name() == *name)
            });
        for entry in walk {
            let entry = entry.map_err(|error| StateError::Io {
                operation: "list",
                path: project.to_owned(),
                source: error.into(),
            })?;
            let python = entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "py");
            let small = entry
                .metadata()
                .is_ok_and(|metadata| metadata.len() <= LARGEST);
            if !python || !small || !entry.file_type().is_file() {
                continue;
            }
            let text = std::fs::read(entry.path()).map_err(super::io("read", entry.path()))?;
            inventory.add(&String::from_utf8_lossy(&text));
        }
        Ok(inventory)
    }

    fn add(&mut self, text: &str) {
        for line in text.lines() {
            let code = line.trim_start();
            let code = code.strip_prefix("async ").unwrap_or(code);
            if let Some(name) = code.strip_prefix("def ").and_then(word) {
                if !name.starts_with("test_") {
                    self.functions.insert(name);
                }
            } else if let Some(name) = code.strip_prefix("class ").and_then(word) {
                self.classes.insert(name);
            }
            for scheme in ["https://", "http://"] {
                for (at, _) in line.match_indices(scheme) {
                    let address: String = line[at..]
                        .chars()
                        .take_while(|c| !c.is_whitespace() && !ENDS.contains(*c))
                        .collect();
                    if address.len() > scheme.len() && address.chars().count() <= LONGEST {
                        self.endpoints.insert(address);
                    }
                }
            }
        }
    }

    /// What `later` offers no more, as `kind name`.
    pub(super) fn lost<'a>(&'a self, later: &'a Self) -> impl Iterator<Item = String> + 'a {
        gone("the function", &self.functions, &later.functions)
            .chain(gone("the class", &self.classes, &later.classes))
            .chain(gone("the endpoint", &self.endpoints, &later.endpoints))
    }
}

fn gone<'a>(
    what: &'static str,
    before: &'a BTreeSet<String>,
    after: &'a BTreeSet<String>,
) -> impl Iterator<Item = String> + 'a {
    before
        .difference(after)
        .map(move |name| format!("{what} `{name}`"))
}

/// The name a text begins with.
fn word(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consolidation_that_loses_endpoints_is_told_and_a_move_is_not() {
        let source = |names: &[&str]| -> String {
            names
                .iter()
                .map(|name| {
                    format!(
                        "    async def fetch_{name}(self):\n        return self.get(f\"https://stats.example/{name}?game={{id}}\")\n"
                    )
                })
                .collect()
        };
        let mut before = Inventory::default();
        before.add("class Hoopr:\n");
        before.add(&source(&["boxscore", "shots", "draft"]));
        before.add("def test_nothing():\n    pass\n");
        let mut moved = Inventory::default();
        moved.add(&source(&["draft", "shots", "boxscore"]));
        moved.add("class Hoopr(Base):\n");
        assert_eq!(before, moved);
        let mut after = Inventory::default();
        after.add(&source(&["boxscore"]));
        let lost: Vec<String> = before.lost(&after).collect();
        assert_eq!(
            lost,
            [
                "the function `fetch_draft`",
                "the function `fetch_shots`",
                "the class `Hoopr`",
                "the endpoint `https://stats.example/draft?game=`",
                "the endpoint `https://stats.example/shots?game=`",
            ]
        );
        assert_eq!(after.lost(&before).count(), 0);
    }
}
