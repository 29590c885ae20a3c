//! The scripts of a legacy checkout, read from their sources: what each one takes, touches, calls and endangers.
//!
//! Nothing is run and nothing is written. The list is discovered, not fixed: scripts come and go, and 14 of the 36 shell
//! scripts call others that are gone (ETL dossier 0 and 5.3).
//!
//! What a source *says* is found with patterns, not by understanding the program: tables and prefixes made at run time show
//! as `{…}` or not at all. The registry helps to ask the right questions before a run; what a run did is measured.
//!
//! ```
//! use nba_etl::registry::Registry;
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::create_dir(dir.path().join("scripts"))?;
//! std::fs::write(
//!     dir.path().join("scripts/load.py"),
//!     "import argparse\nif __name__ == '__main__':\n    p = argparse.ArgumentParser()\n    p.add_argument('--year', type=int)\n",
//! )?;
//! let registry = Registry::discover(dir.path())?;
//! let script = registry.find("load")?;
//! assert_eq!(script.path, "scripts/load.py");
//! assert!(script.flags.check(&["--year".into(), "2024".into()]).is_empty());
//! let problems = script.flags.check(&["--ye".into(), "2024".into()]);
//! assert!(problems[0].message.contains("silently take it for `--year`"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use nba_utils::Hint;
use serde::Serialize;

mod flags;
pub(crate) mod near;
mod python;
mod schedule;
mod shell;
mod source;
#[cfg(test)]
mod tests;

pub use flags::{ArgumentProblem, Flag, Flags, ParserKind, Takes, ValueKind};
pub use schedule::{CronError, CronTime, Schedule, Scheduler};
pub use source::{Hazard, HazardKind, Language, ScriptCall, TableEffect, TableUse};

use source::{Reference, Source};

/// Largest source read, in bytes: the largest real one has about 120 KB.
const SOURCE_LIMIT: u64 = 2 * 1024 * 1024;

/// Most files looked at: the real checkout has 3,439 (ETL dossier, head).
const FILE_LIMIT: usize = 100_000;

/// Folders that hold no scripts of the project.
const SKIPPED_FOLDERS: [&str; 11] = [
    ".git",
    ".nba",
    ".venv",
    "venv",
    "env",
    "node_modules",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    "site-packages",
    "target",
];

/// Candidates named in an error.
const CANDIDATES: usize = 5;

/// One script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScriptInfo {
    /// Path in the checkout, with `/` between its parts.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// Its first line, where that names an interpreter.
    pub shebang: Option<String>,
    /// The program that runs it: of the first line, or else the language's usual one.
    pub interpreter: String,
    /// Whether it may be executed directly.
    pub executable: bool,
    /// Its first sentence about itself.
    pub summary: Option<String>,
    /// Whether it is meant to be run, and not only imported.
    pub entry_point: bool,
    /// What it takes.
    pub flags: Flags,
    /// Environment variables it reads.
    pub variables: BTreeSet<String>,
    /// Families of those that name a database, a bucket or keys. More than one database family means that they can disagree.
    pub families: BTreeSet<String>,
    /// Tables in its writing statements.
    pub tables: Vec<TableUse>,
    /// Prefixes of the lake it names.
    pub prefixes: BTreeSet<String>,
    /// Whether it writes objects at all.
    pub writes_objects: bool,
    /// Scripts and modules of the checkout it calls.
    pub calls: Vec<ScriptCall>,
    /// Scripts that call it.
    pub called_by: BTreeSet<String>,
    /// Schedules that run it, directly or through others, as indices into [`Registry::schedules`].
    pub schedules: BTreeSet<usize>,
    /// Dangers, by line.
    pub hazards: Vec<Hazard>,
}

impl ScriptInfo {
    /// What it calls that does not exist.
    pub fn missing(&self) -> impl Iterator<Item = &ScriptCall> {
        self.calls.iter().filter(|call| call.file.is_none())
    }

    /// Tables it writes, without those it only creates or drops.
    pub fn written_tables(&self) -> impl Iterator<Item = &str> {
        let written: BTreeSet<&str> = self
            .tables
            .iter()
            .filter(|table| table.effect == TableEffect::Writes)
            .map(|table| table.table.as_str())
            .collect();
        written.into_iter()
    }
}

/// A file that could not be read as a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Path in the checkout.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// All scripts of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Registry {
    /// The checkout.
    pub root: PathBuf,
    /// By path.
    pub scripts: Vec<ScriptInfo>,
    /// Schedules found in the checkout.
    pub schedules: Vec<Schedule>,
    /// Files that are missing from `scripts`, with the reason.
    pub unread: Vec<Unread>,
}

/// Why there is no registry, or no such script in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The checkout is not there.
    #[error("`{}` is no folder", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The checkout cannot be walked.
    #[error("cannot read the folder `{}`", path.display())]
    Walk {
        /// Where it failed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// More files than any checkout has.
    #[error("`{}` holds more than {FILE_LIMIT} files", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
    /// No script has that name.
    #[error("there is no script `{name}`{}", about(via.as_deref()))]
    NoSuchScript {
        /// What was looked for.
        name: String,
        /// The entry point's name that led there.
        via: Option<String>,
        /// Scripts that may have been meant.
        near: Vec<String>,
    },
    /// Several scripts have that name.
    #[error("`{name}` can be {}", paths.join(" or "))]
    Ambiguous {
        /// What was looked for.
        name: String,
        /// All of them.
        paths: Vec<String>,
    },
}

fn about(via: Option<&str>) -> String {
    via.map_or_else(String::new, |via| {
        format!(" (entry point of `{via}` in nba.toml)")
    })
}

impl Hint for RegistryError {
    fn hint(&self) -> Option<String> {
        match self {
            RegistryError::NoFolder { .. } => {
                Some("give the legacy checkout with --project".to_owned())
            }
            RegistryError::TooMany { .. } => {
                Some("give the legacy checkout itself, not a folder above it".to_owned())
            }
            RegistryError::NoSuchScript { near, .. } if near.is_empty() => {
                Some("`nba etl list` shows all scripts of the checkout".to_owned())
            }
            RegistryError::NoSuchScript { near, .. } => Some(format!(
                "near: {}; `nba etl list` shows all",
                near.join(", ")
            )),
            RegistryError::Ambiguous { .. } => Some("give the whole path".to_owned()),
            RegistryError::Walk { .. } => None,
        }
    }
}

impl Registry {
    /// Reads all scripts and schedules below `root`. Symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// When the folder cannot be walked to its end. A file that cannot be read is listed in [`Registry::unread`].
    pub fn discover(root: &Path) -> Result<Registry, RegistryError> {
        if !root.is_dir() {
            return Err(RegistryError::NoFolder {
                path: root.to_owned(),
            });
        }
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut all_files: BTreeSet<String> = BTreeSet::new();
        let mut executable: BTreeSet<String> = BTreeSet::new();
        let mut unread = Vec::new();
        let walk = walkdir::WalkDir::new(root)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| {
                let name = entry.file_name().to_string_lossy();
                entry.depth() == 0
                    || !entry.file_type().is_dir()
                    || !SKIPPED_FOLDERS.contains(&name.as_ref())
            });
        for entry in walk {
            let entry = entry.map_err(|error| RegistryError::Walk {
                path: error.path().unwrap_or(root).to_owned(),
                source: error.into(),
            })?;
            if !entry.file_type().is_file() {
                continue;
            }
            if all_files.len() == FILE_LIMIT {
                return Err(RegistryError::TooMany {
                    path: root.to_owned(),
                });
            }
            let path = entry
                .path()
                .strip_prefix(root)
                .unwrap_or(entry.path())
                .iter()
                .map(|part| part.to_string_lossy())
                .collect::<Vec<_>>()
                .join("/");
            all_files.insert(path.clone());
            match candidate(entry.path(), &path) {
                Ok(Some(bytes)) => {
                    if super::runner::is_executable(entry.path()) {
                        executable.insert(path.clone());
                    }
                    files.insert(path, bytes);
                }
                Ok(None) => {}
                Err(reason) => unread.push(Unread { path, reason }),
            }
        }
        let mut registry = Registry {
            root: root.to_owned(),
            scripts: Vec::new(),
            schedules: Vec::new(),
            unread,
        };
        for (path, bytes) in &files {
            registry.add(path, bytes, executable.contains(path), &all_files);
        }
        registry.link(&all_files);
        Ok(registry)
    }

    fn add(&mut self, path: &str, bytes: &[u8], executable: bool, files: &BTreeSet<String>) {
        let text = String::from_utf8_lossy(bytes);
        if let Some(scheduler) = schedule::scheduler_of(path) {
            self.schedules
                .extend(schedule::read(scheduler, path, &text));
            return;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let first = text.lines().next().unwrap_or_default();
        let Some(language) = Language::of(name, first) else {
            return;
        };
        let source = Source::read(language, &text);
        let shebang = first.strip_prefix("#!").map(|line| line.trim().to_owned());
        let families = source
            .variables
            .iter()
            .filter_map(|name| source::family_of(name))
            .map(str::to_owned)
            .collect();
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        let mut calls: Vec<ScriptCall> = Vec::new();
        for (written, line, reference) in source.calls {
            let Some(call) = look_up(path, &written, line, reference, files, &names) else {
                continue;
            };
            let itself = call.file.as_deref() == Some(path);
            if !itself && !calls.iter().any(|known| known.written == call.written) {
                calls.push(call);
            }
        }
        self.scripts.push(ScriptInfo {
            path: path.to_owned(),
            language,
            interpreter: interpreter(language, shebang.as_deref()),
            shebang,
            executable,
            summary: source.summary,
            entry_point: source.entry_point,
            flags: source.flags,
            variables: source.variables,
            families,
            tables: source.tables.into_iter().collect(),
            prefixes: source.prefixes,
            writes_objects: source.writes_objects,
            calls,
            called_by: BTreeSet::new(),
            schedules: BTreeSet::new(),
            hazards: {
                let mut hazards: Vec<Hazard> = source.hazards.into_iter().collect();
                hazards.sort_by_key(|hazard| hazard.line);
                hazards
            },
        });
    }

    /// Who calls whom, and which schedules lead to which script.
    fn link(&mut self, files: &BTreeSet<String>) {
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        for schedule in &mut self.schedules {
            for written in schedule::scripts_in(&schedule.command) {
                match file_of("", &written, files) {
                    Some(file) => schedule.scripts.push(file),
                    // A script of another project is none of ours.
                    None if outside(&written, &self.root) => {}
                    None => {
                        let near = near::nearest(&written, names.iter().copied(), 1);
                        schedule.problems.push(match near.first() {
                            Some(near) => {
                                format!("`{written}` does not exist; near: {near}")
                            }
                            None => format!("`{written}` does not exist"),
                        });
                        schedule.missing.push(written);
                    }
                }
            }
        }
        let edges: Vec<(String, String)> = self
            .scripts
            .iter()
            .flat_map(|script| {
                script
                    .calls
                    .iter()
                    .filter_map(|call| Some((script.path.clone(), call.file.clone()?)))
            })
            .collect();
        let mut reached: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (number, schedule) in self.schedules.iter().enumerate() {
            let mut open: Vec<String> = schedule.scripts.clone();
            while let Some(path) = open.pop() {
                if reached.entry(path.clone()).or_default().insert(number) {
                    open.extend(
                        edges
                            .iter()
                            .filter(|(from, _)| *from == path)
                            .map(|(_, to)| to.clone()),
                    );
                }
            }
        }
        for script in &mut self.scripts {
            script.called_by = edges
                .iter()
                .filter(|(_, to)| *to == script.path)
                .map(|(from, _)| from.clone())
                .collect();
            script.schedules = reached.remove(&script.path).unwrap_or_default();
        }
    }

    /// The script of that path, file name, or file name without its ending.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchScript`] with near candidates, or [`RegistryError::Ambiguous`].
    pub fn find(&self, name: &str) -> Result<&ScriptInfo, RegistryError> {
        self.find_via(name, None)
    }

    /// The script a name means: a name of `entry_points` (capability → script, from `nba.toml`) first, or else as
    /// [`Registry::find`].
    ///
    /// # Errors
    ///
    /// As [`Registry::find`]; the error says which entry point led to the missing script.
    pub fn resolve(
        &self,
        name: &str,
        entry_points: &BTreeMap<String, String>,
    ) -> Result<&ScriptInfo, RegistryError> {
        match entry_points.get(name) {
            Some(target) => self.find_via(target, Some(name)),
            None => self.find_via(name, None),
        }
    }

    fn find_via(&self, name: &str, via: Option<&str>) -> Result<&ScriptInfo, RegistryError> {
        let wanted = name.trim_start_matches("./");
        if let Some(script) = self.scripts.iter().find(|script| script.path == wanted) {
            return Ok(script);
        }
        let by = |matches: &dyn Fn(&str) -> bool| -> Vec<&ScriptInfo> {
            self.scripts
                .iter()
                .filter(|script| matches(script.path.rsplit('/').next().unwrap_or_default()))
                .collect()
        };
        let mut found = by(&|file| file == wanted);
        if found.is_empty() && !wanted.contains('/') {
            found = by(&|file| {
                file.rsplit_once('.')
                    .is_some_and(|(stem, _)| stem == wanted)
            });
        }
        match &found[..] {
            [one] => Ok(one),
            [] => Err(RegistryError::NoSuchScript {
                name: name.to_owned(),
                via: via.map(str::to_owned),
                near: near::nearest(
                    wanted,
                    self.scripts
                        .iter()
                        .filter(|script| script.entry_point)
                        .map(|script| script.path.as_str()),
                    CANDIDATES,
                ),
            }),
            several => Err(RegistryError::Ambiguous {
                name: name.to_owned(),
                paths: several.iter().map(|script| script.path.clone()).collect(),
            }),
        }
    }
}

/// The bytes of a file that may be a script or a schedule; `Err` with the reason when it is one and cannot be read.
fn candidate(file: &Path, path: &str) -> Result<Option<Vec<u8>>, String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let schedule = schedule::scheduler_of(path).is_some();
    let by_ending = Language::of(name, "").is_some();
    // Without an ending the first line decides.
    if !schedule && !by_ending && name.contains('.') {
        return Ok(None);
    }
    let open = std::fs::File::open(file).map_err(|error| error.to_string());
    let mut bytes = Vec::new();
    let read = open.and_then(|open| {
        open.take(SOURCE_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())
    });
    if !schedule && !by_ending && !bytes.starts_with(b"#!") {
        return Ok(None);
    }
    read?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SOURCE_LIMIT {
        return Err(format!("larger than {SOURCE_LIMIT} bytes"));
    }
    Ok(Some(bytes))
}

/// `/usr/bin/env python3` → `python3`; an absolute interpreter stays only where it exists: the owner's Mac is not here.
fn interpreter(language: Language, shebang: Option<&str>) -> String {
    let mut words = shebang.unwrap_or_default().split_whitespace();
    let Some(program) = words.next() else {
        return language.interpreter().to_owned();
    };
    if program.ends_with("/env") {
        return words
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .unwrap_or(language.interpreter())
            .to_owned();
    }
    if Path::new(program).is_file() {
        program.to_owned()
    } else {
        language.interpreter().to_owned()
    }
}

/// The call, looked up; `None` when it does not lead into the checkout.
fn look_up(
    from: &str,
    written: &str,
    line: usize,
    reference: Reference,
    files: &BTreeSet<String>,
    names: &[&str],
) -> Option<ScriptCall> {
    let file = match reference {
        Reference::Module => {
            let top = written.split('.').next().unwrap_or_default();
            let inside = files
                .range(format!("{top}/")..)
                .next()
                .is_some_and(|file| file.starts_with(&format!("{top}/")));
            if !inside {
                return None;
            }
            let path = written.replace('.', "/");
            let found = [format!("{path}.py"), format!("{path}/__init__.py")]
                .into_iter()
                .find(|file| files.contains(file));
            // A package without `__init__.py` is one too.
            let package = || {
                let folder = format!("{path}/");
                files
                    .range(folder.clone()..)
                    .next()
                    .is_some_and(|file| file.starts_with(&folder))
            };
            if found.is_none() && package() {
                return None;
            }
            found
        }
        Reference::Beside => {
            let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
            file_of(folder, written, files)
        }
        Reference::Path => file_of("", written, files),
    };
    let near = if file.is_none() {
        near::nearest(written, names.iter().copied(), 3)
    } else {
        Vec::new()
    };
    Some(ScriptCall {
        written: written.to_owned(),
        line,
        file,
        near,
    })
}

/// The file of the checkout that a written path means: from `folder`, or an absolute path whose end lies in the checkout.
fn file_of(folder: &str, written: &str, files: &BTreeSet<String>) -> Option<String> {
    let written = written.trim_start_matches("./");
    let direct = if folder.is_empty() {
        written.to_owned()
    } else {
        format!("{folder}/{written}")
    };
    if files.contains(&direct) {
        return Some(direct);
    }
    if !written.starts_with(['/', '~', '$']) {
        return None;
    }
    // The checkout's place on the owner's machine is not ours: the longest end that exists here is meant.
    let mut rest = written;
    while let Some((_, after)) = rest.split_once('/') {
        // One part alone would match any file at the top.
        if after.contains('/') && files.contains(after) {
            return Some(after.to_owned());
        }
        rest = after;
    }
    None
}

/// Whether an absolute path names another project: none of its parts is the checkout's own name.
fn outside(written: &str, root: &Path) -> bool {
    let own = root.file_name().map(|name| name.to_string_lossy());
    written.starts_with(['/', '~', '$'])
        && !written.split('/').any(|part| Some(part) == own.as_deref())
        || written.contains("venv/")
}

/// Any bytes as the source of a script of every language, for fuzzing: none may panic, and neither may the check of arguments against
/// the options it seems to have.
#[doc(hidden)]
#[must_use]
pub fn fuzz_one(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<String> = text
        .split_whitespace()
        .take(20)
        .map(str::to_owned)
        .collect();
    [Language::Python, Language::Shell, Language::R]
        .map(|language| {
            let source = Source::read(language, &text);
            let problems = source.flags.check(&words).len();
            let options = source.flags.options.len().min(3);
            format!("{language}: {options} options, {}", problems > 0)
        })
        .join("; ")
}
