//! A stand-in for a Python module that moved: the old name still works, and says on standard error where to go.
//!
//! The legacy plan copied modules and put shims in their old places; nobody tried both imports, and consolidations lost functions
//! (monitoring dossier 6.20, GB14; 4.2, F18, F19). [`write()`] makes the stand-in below `nba/shims/`, never in the place of the old file,
//! and [`verify`] imports the old name through it, the new one, and the old file while it is still there, with a real Python: the two names
//! must be one module, nothing that was public may be missing, and nothing may be written to standard output.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nba_etl::runner::{Cancel, Ending, Environment, RunError, Script, run};
use nba_utils::atomic::{self, FileError, NewFile};
use nba_utils::{Digest, Hint, Verdict};
use serde::{Deserialize, Serialize};

use crate::ledger::Entry;

/// Folder of the stand-ins, in the checkout.
const FOLDER: &str = "nba/shims";
/// Longest time an import may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Imports all three; prints one line of JSON and nothing else.
const CHECK: &str = include_str!("check.py");

/// A stand-in and what importing it gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Shim {
    /// `Refuted` when the two names are not one module or something public is gone; `NotProven` when an import could not be tried.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The old file, relative to the checkout.
    pub old: String,
    /// The old module.
    pub old_module: String,
    /// The new module.
    pub new_module: String,
    /// The stand-in.
    pub file: PathBuf,
    /// Public names of the new module.
    pub names: usize,
    /// Public names of the old file that the new module lacks.
    pub missing: Vec<String>,
}

impl Shim {
    /// The record for the ledger.
    #[must_use]
    pub fn entry(&self, digest: Digest) -> Entry {
        Entry::new("shim", self.verdict.clone())
            .figure("old", self.old_module.as_str())
            .figure("new", self.new_module.as_str())
            .figure("names", self.names)
            .artefact(self.file.display().to_string(), digest)
    }
}

/// Why there is no stand-in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShimError {
    /// Not a Python module of the checkout.
    #[error("`{0}` is no Python file of the checkout, given as `folder/name.py`")]
    BadPath(String),
    /// Not the name of a module.
    #[error("`{0}` is no name of a Python module")]
    BadModule(String),
    /// It could not be written.
    #[error("the stand-in could not be written")]
    File(#[from] FileError),
    /// Its folder could not be made.
    #[error("could not create `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Python could not be run.
    #[error("the imports could not be tried")]
    Run(#[from] RunError),
}

impl Hint for ShimError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::BadPath(_) => Some("for example `scripts/utils/clock.py`".to_owned()),
            Self::BadModule(_) => Some("for example `nba_simulator.utils.clock`".to_owned()),
            Self::File(error) => error.hint(),
            Self::Run(error) => error.hint(),
            Self::Folder { .. } => None,
        }
    }
}

fn is_module(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The module of a file: `scripts/utils/clock.py` is `scripts.utils.clock`.
fn module_of(old: &str) -> Result<String, ShimError> {
    old.strip_suffix(".py")
        .map(|path| path.replace('/', "."))
        .filter(|module| is_module(module))
        .ok_or_else(|| ShimError::BadPath(old.to_owned()))
}

/// The text of the stand-in.
///
/// # Errors
///
/// [`ShimError::BadPath`], [`ShimError::BadModule`].
pub fn text(old: &str, new_module: &str) -> Result<String, ShimError> {
    let old_module = module_of(old)?;
    if !is_module(new_module) || new_module == old_module {
        return Err(ShimError::BadModule(new_module.to_owned()));
    }
    Ok(format!(
        "\"\"\"Moved: `{old_module}` is `{new_module}` now. This stand-in keeps the old name working.\"\"\"\n\
         import sys\nimport warnings\n\n\
         warnings.warn(\"`{old_module}` moved to `{new_module}`\", DeprecationWarning, stacklevel=2)\n\n\
         if __name__ == \"__main__\":\n    import runpy\n\n    runpy.run_module(\"{new_module}\", run_name=\"__main__\", alter_sys=True)\n\
         else:\n    import importlib\n\n    sys.modules[__name__] = importlib.import_module(\"{new_module}\")\n"
    ))
}

/// Writes the stand-in and tries it. The old file is left alone. Blocks.
///
/// # Errors
///
/// [`ShimError`]; what an import finds is the verdict, not an error.
pub fn write(
    project: &Path,
    old: &str,
    new_module: &str,
    environment: Environment,
    python: &Path,
) -> Result<(Shim, Digest), ShimError> {
    let text = text(old, new_module)?;
    let file = project.join(FOLDER).join(old);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|source| ShimError::Folder {
            path: folder.to_owned(),
            source,
        })?;
    }
    atomic::replace(&file, text.as_bytes(), NewFile::Readable)?;
    let shim = verify(project, old, new_module, environment, python)?;
    Ok((shim, Digest::of(text.as_bytes())))
}

/// What the check prints.
#[derive(Deserialize)]
struct Found {
    same: bool,
    warned: bool,
    names: Vec<String>,
    original: Option<Vec<String>>,
    problem: Option<String>,
}

/// Tries the stand-in of `old`: both imports, with a real Python and without any database.
///
/// # Errors
///
/// As [`write()`].
pub fn verify(
    project: &Path,
    old: &str,
    new_module: &str,
    mut environment: Environment,
    python: &Path,
) -> Result<Shim, ShimError> {
    let old_module = module_of(old)?;
    let file = project.join(FOLDER).join(old);
    environment.without_database();
    environment.set("PYTHONDONTWRITEBYTECODE", "1");
    let words: [&Path; 7] = [
        Path::new("-c"),
        Path::new(CHECK),
        project,
        Path::new(&old_module),
        Path::new(new_module),
        &file,
        Path::new(old),
    ];
    let mut script = Script::new(python, words, project, environment);
    script.deadline = DEADLINE;
    let report = run(&script, &Cancel::new(), None)?;
    let mut shim = Shim {
        verdict: Verdict::Proven,
        old: old.to_owned(),
        old_module,
        new_module: new_module.to_owned(),
        file,
        names: 0,
        missing: Vec::new(),
    };
    let found: Option<Found> = serde_json::from_str(report.stdout.text.trim()).ok();
    shim.verdict = match found {
        _ if report.ending != Ending::Exited(0) => Verdict::not_proven(format!(
            "Python ended with {}: {}",
            report.ending,
            report.stderr.text.lines().last().unwrap_or_default()
        )),
        None => Verdict::refuted("something was written to standard output by an import"),
        Some(Found {
            problem: Some(problem),
            ..
        }) => Verdict::refuted(problem),
        Some(found) => {
            shim.names = found.names.len();
            shim.missing = found
                .original
                .unwrap_or_default()
                .into_iter()
                .filter(|name| !found.names.contains(name))
                .collect();
            let mut wrong: Vec<String> = shim
                .missing
                .iter()
                .map(|name| format!("`{name}` of the old file is gone"))
                .collect();
            if !found.same {
                wrong.push("the two names are not one module".to_owned());
            }
            if !found.warned {
                wrong.push("the old name does not say that it moved".to_owned());
            }
            Verdict::from_findings(wrong)
        }
    };
    Ok(shim)
}
