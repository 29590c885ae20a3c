//! What differs between two trees.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Entry, Mode};
use crate::verdict::Verdict;

/// Findings in a verdict; the full list stays in the diff.
const MAX_FINDINGS: usize = 20;

/// The paths that differ, each list in the order of the paths.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct TreeDiff {
    /// Only in the later tree.
    pub added: Vec<String>,
    /// Only in the earlier tree.
    pub removed: Vec<String>,
    /// In both, and different.
    pub changed: Vec<Changed>,
}

/// A path that is in both trees and not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The path.
    pub path: String,
    /// In what it differs; never empty.
    pub differences: Vec<Difference>,
}

/// One difference at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Difference {
    /// A file became a folder, and so on; nothing else is compared then.
    Kind {
        /// Kind in the earlier tree.
        from: &'static str,
        /// Kind in the later tree.
        to: &'static str,
    },
    /// Other permission bits.
    Mode {
        /// In the earlier tree.
        from: Mode,
        /// In the later tree.
        to: Mode,
    },
    /// Another size in bytes.
    Size {
        /// In the earlier tree.
        from: u64,
        /// In the later tree.
        to: u64,
    },
    /// Other contents.
    Contents,
    /// A link that points elsewhere.
    Target {
        /// In the earlier tree.
        from: String,
        /// In the later tree.
        to: String,
    },
}

impl TreeDiff {
    pub(super) fn between(
        earlier: &BTreeMap<String, Entry>,
        later: &BTreeMap<String, Entry>,
    ) -> Self {
        let missing_in = |other: &BTreeMap<String, Entry>, tree: &BTreeMap<String, Entry>| {
            tree.keys()
                .filter(|path| !other.contains_key(*path))
                .cloned()
                .collect()
        };
        let changed = earlier.iter().filter_map(|(path, before)| {
            let differences = differences(before, later.get(path)?);
            (!differences.is_empty()).then(|| Changed {
                path: path.clone(),
                differences,
            })
        });
        Self {
            added: missing_in(earlier, later),
            removed: missing_in(later, earlier),
            changed: changed.collect(),
        }
    }

    /// Whether the trees are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// How many paths differ.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len()
    }

    /// `Proven` if the trees are the same, otherwise `Refuted` with the first twenty paths and the number of others.
    pub fn verdict(&self) -> Verdict {
        let mut findings: Vec<String> = self.lines().take(MAX_FINDINGS).collect();
        if let more @ 1.. = self.len().saturating_sub(MAX_FINDINGS) {
            findings.push(format!("and {more} more paths"));
        }
        Verdict::from_findings(findings)
    }

    /// One line per path: `- removed`, `+ added`, `~ changed: what`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let removed = self.removed.iter().map(|path| format!("- {path}"));
        let added = self.added.iter().map(|path| format!("+ {path}"));
        let changed = self.changed.iter().map(|change| {
            let what: Vec<String> = change
                .differences
                .iter()
                .map(Difference::to_string)
                .collect();
            format!("~ {}: {}", change.path, what.join(", "))
        });
        removed.chain(added).chain(changed)
    }
}

impl fmt::Display for TreeDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines().enumerate() {
            write!(f, "{}{line}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { from, to } => write!(f, "{from} became {to}"),
            Self::Mode { from, to } => write!(f, "mode {from} became {to}"),
            Self::Size { from, to } => write!(f, "size {from} became {to}"),
            Self::Contents => f.write_str("contents"),
            Self::Target { from, to } => write!(f, "target {from} became {to}"),
        }
    }
}

fn differences(before: &Entry, after: &Entry) -> Vec<Difference> {
    if before.kind() != after.kind() {
        return vec![Difference::Kind {
            from: before.kind(),
            to: after.kind(),
        }];
    }
    let mut differences = Vec::new();
    if let (Some(from), Some(to)) = (before.mode(), after.mode())
        && from != to
    {
        differences.push(Difference::Mode { from, to });
    }
    match (before, after) {
        (
            Entry::File {
                size: from,
                blake3: old,
                ..
            },
            Entry::File {
                size: to,
                blake3: new,
                ..
            },
        ) => {
            if from != to {
                differences.push(Difference::Size {
                    from: *from,
                    to: *to,
                });
            }
            if old != new {
                differences.push(Difference::Contents);
            }
        }
        (Entry::Link { target: from }, Entry::Link { target: to }) if from != to => {
            differences.push(Difference::Target {
                from: from.clone(),
                to: to.clone(),
            });
        }
        _ => {}
    }
    differences
}
