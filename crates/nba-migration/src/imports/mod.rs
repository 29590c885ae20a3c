//! Whether the Python modules of a checkout find each other, judged from what is in git and without running anything.
//!
//! For weeks 22 scrapers imported modules that were on one disk and in no commit, while "24 of 24 imports pass" was reported from that
//! disk; a module that was deleted broke a tool outside of its package (monitoring dossier 4.2, F20, F21, F22). [`check`] follows every
//! `import` of a package of the checkout, in every Python file git knows, to a file git knows.
//!
//! What is imported from outside of the checkout, and names that are built at run time, are not looked at. An import inside `try` that
//! catches `ImportError` is a remark.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nba_utils::Verdict;
use serde::Serialize;

use crate::git::{Git, GitError};
use crate::ledger::Entry;

/// Findings named in a verdict.
const NAMED: usize = 30;

/// An import that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Broken {
    /// The file that imports.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The module that is wanted.
    pub module: String,
    /// What there is instead.
    pub problem: Problem,
    /// Whether the file says what to do without it.
    pub guarded: bool,
}

/// What there is instead of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Nothing.
    Missing,
    /// A file on this disk that git does not know: it works here and nowhere else.
    Untracked,
}

/// All imports that were looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// `Refuted` when an import that is not guarded leads nowhere; `NotProven` when a file could not be read.
    pub verdict: Verdict,
    /// Python files git knows.
    pub files: usize,
    /// Imports of the checkout's own packages.
    pub imports: usize,
    /// Those that lead nowhere, by file.
    pub broken: Vec<Broken>,
    /// Files that could not be read.
    pub unread: Vec<String>,
}

impl ImportReport {
    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry::new("imports", self.verdict.clone())
            .figure("files", self.files)
            .figure("imports", self.imports)
            .figure("broken", self.broken.len())
    }
}

/// Follows all imports of the checkout `project`. Blocks.
///
/// # Errors
///
/// [`GitError`]: no git, or not the top folder of a checkout.
pub fn check(project: &Path) -> Result<ImportReport, GitError> {
    let git = Git::checkout(project)?;
    let tracked: BTreeSet<String> = git.names(&["ls-files", "-z"])?.into_iter().collect();
    let modules = Modules::of(&tracked);
    let mut report = ImportReport {
        verdict: Verdict::Proven,
        files: 0,
        imports: 0,
        broken: Vec::new(),
        unread: Vec::new(),
    };
    for file in tracked.iter().filter(|file| file.ends_with(".py")) {
        report.files += 1;
        let text = match fs::read(project.join(file)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                report.unread.push(format!("{file}: {error}"));
                continue;
            }
        };
        for import in imports(&text) {
            let Some(module) = absolute(file, &import) else {
                report.imports += 1;
                report.broken.push(Broken {
                    file: file.clone(),
                    line: import.line,
                    module: format!("{}{}", ".".repeat(import.dots), import.module),
                    problem: Problem::Missing,
                    guarded: import.guarded,
                });
                continue;
            };
            // A name that is no package here is the standard library's or somebody else's.
            if !modules.owns(file, &module, import.dots > 0) {
                continue;
            }
            report.imports += 1;
            if modules.has(file, &module) {
                // What a package does not define itself has to be a module of it.
                for name in &import.names {
                    let full = format!("{module}.{name}");
                    if modules.has(file, &full) || defines(project, &modules, file, &module, name) {
                        continue;
                    }
                    report.broken.push(Broken {
                        file: file.clone(),
                        line: import.line,
                        problem: Problem::of(project, file, &full),
                        module: full,
                        guarded: import.guarded,
                    });
                }
                continue;
            }
            report.broken.push(Broken {
                file: file.clone(),
                line: import.line,
                problem: Problem::of(project, file, &module),
                module,
                guarded: import.guarded,
            });
        }
    }
    report.broken.sort();
    let findings = report
        .broken
        .iter()
        .filter(|one| !one.guarded)
        .take(NAMED)
        .map(|one| {
            let what = match one.problem {
                Problem::Missing => "is not there",
                Problem::Untracked => "is on this disk and not in git",
            };
            format!("{}:{}: `{}` {what}", one.file, one.line, one.module)
        });
    report.verdict = Verdict::all([
        Verdict::from_findings(findings),
        nba_utils::Reasons::collect(report.unread.iter().take(NAMED).cloned())
            .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons }),
        if report.files == 0 {
            Verdict::not_proven("git knows no Python file here")
        } else {
            Verdict::Proven
        },
    ]);
    Ok(report)
}

impl Problem {
    /// Of a module that git does not know.
    fn of(project: &Path, file: &str, module: &str) -> Self {
        let on_disk = candidates(file, module)
            .iter()
            .any(|path| project.join(path).exists());
        if on_disk {
            Self::Untracked
        } else {
            Self::Missing
        }
    }
}

/// Whether a module may have a name that is no module of its own: a file may define anything, a package what its `__init__.py` names.
fn defines(project: &Path, modules: &Modules, file: &str, module: &str, name: &str) -> bool {
    let paths = candidates(file, module);
    let known = |path: &&String| modules.files.contains(*path);
    let Some(path) = paths.iter().find(known) else {
        // A folder without `__init__.py` has nothing but modules.
        return false;
    };
    if !path.ends_with("/__init__.py") {
        return true;
    }
    let Ok(text) = fs::read_to_string(project.join(path)) else {
        // Said elsewhere: it is among the files that could not be read.
        return true;
    };
    let words = || text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    // Names may come from anywhere then.
    text.contains("import *")
        || words().any(|word| word == name || word == "__getattr__" || word == "globals")
}

/// One import as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    line: usize,
    /// Dots in front: 0 for an absolute one.
    dots: usize,
    module: String,
    /// What is taken from it, where that stands on the same line.
    names: Vec<String>,
    guarded: bool,
}

/// The imports of a file: `import a.b as c, d`, `from a.b import c`, `from . import c`.
fn imports(text: &str) -> Vec<Import> {
    let mut found = Vec::new();
    // Indentation of `try:` blocks; which of them catch a failed import is known at their end.
    let mut tries: Vec<(usize, usize)> = Vec::new();
    let mut quoted: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let code = line.trim();
        // Texts over several lines hold prose, and prose holds the word `import`.
        if let Some(mark) = quoted {
            if line.contains(mark) {
                quoted = None;
            }
            continue;
        }
        for mark in ["\"\"\"", "'''"] {
            if line.matches(mark).count() % 2 == 1 {
                quoted = Some(mark);
            }
        }
        let indent = line.len() - line.trim_start().len();
        if code == "try:" {
            tries.push((indent, found.len()));
        } else if code.starts_with("except") {
            while let Some((at, from)) = tries.pop() {
                if at == indent {
                    if code.contains("ImportError")
                        || code.contains("ModuleNotFoundError")
                        || code == "except:"
                        || code.contains("Exception")
                    {
                        for import in found.iter_mut().skip(from) {
                            let import: &mut Import = import;
                            import.guarded = true;
                        }
                    }
                    break;
                }
            }
        } else if let Some(rest) = code.strip_prefix("import ") {
            for part in rest.split('#').next().unwrap_or_default().split(',') {
                let module = part.split_whitespace().next().unwrap_or_default();
                if is_module(module) {
                    found.push(Import {
                        line: index + 1,
                        dots: 0,
                        module: module.to_owned(),
                        names: Vec::new(),
                        guarded: false,
                    });
                }
            }
        } else if let Some((from, names)) = code
            .strip_prefix("from ")
            .and_then(|rest| rest.split_once(" import"))
        {
            let from = from.trim();
            let module = from.trim_start_matches('.');
            let dots = from.len() - module.len();
            // `from . import a, b` names no module but the package itself.
            if is_module(module) || (module.is_empty() && dots > 0) {
                let names = names.split('#').next().unwrap_or_default();
                found.push(Import {
                    line: index + 1,
                    dots,
                    module: module.to_owned(),
                    names: names
                        .split([',', '(', ')', ';', '\\'])
                        .filter_map(|part| part.split_whitespace().next())
                        .filter(|name| is_module(name) && !name.contains('.'))
                        .map(str::to_owned)
                        .collect(),
                    guarded: false,
                });
            }
        }
    }
    found
}

fn is_module(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|part| {
            part.chars().all(|c| c.is_alphanumeric() || c == '_')
                && part.starts_with(|c: char| c.is_alphabetic() || c == '_')
        })
}

/// The full name of what a file imports; `None` when the dots lead out of the checkout.
fn absolute(file: &str, import: &Import) -> Option<String> {
    if import.dots == 0 {
        return Some(import.module.clone());
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    for _ in 0..import.dots {
        parts.pop()?;
    }
    if !import.module.is_empty() {
        parts.push(&import.module);
    }
    (!parts.is_empty()).then(|| parts.join("."))
}

/// Where a module of this name may lie: from the top of the checkout, and beside the file, as for a script that is run.
fn candidates(file: &str, module: &str) -> Vec<String> {
    let path = module.replace('.', "/");
    let beside = file
        .rsplit_once('/')
        .map(|(folder, _)| format!("{folder}/{path}"));
    std::iter::once(path)
        .chain(beside)
        .flat_map(|path| [format!("{path}.py"), format!("{path}/__init__.py"), path])
        .collect()
}

/// What git knows, as modules.
struct Modules {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
    /// Python files per top name.
    tops: BTreeMap<String, usize>,
}

impl Modules {
    fn of(tracked: &BTreeSet<String>) -> Self {
        let mut modules = Self {
            files: BTreeSet::new(),
            folders: BTreeSet::new(),
            tops: BTreeMap::new(),
        };
        for file in tracked.iter().filter(|file| file.ends_with(".py")) {
            let mut folder = file.as_str();
            while let Some((parent, _)) = folder.rsplit_once('/') {
                modules.folders.insert(parent.to_owned());
                folder = parent;
            }
            if let Some((top, _)) = file.split_once('/') {
                *modules.tops.entry(top.to_owned()).or_insert(0) += 1;
            }
            modules.files.insert(file.clone());
        }
        modules
    }

    /// Whether a module of this name would be the checkout's own.
    fn owns(&self, file: &str, module: &str, relative: bool) -> bool {
        let top = module.split('.').next().unwrap_or(module);
        relative || self.tops.contains_key(top) || self.has(file, top)
    }

    fn has(&self, file: &str, module: &str) -> bool {
        candidates(file, module)
            .iter()
            .any(|path| self.files.contains(path) || self.folders.contains(path))
    }
}
