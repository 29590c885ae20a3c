//! From a script's name to a command: which interpreter, in which environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nba_utils::Hint;

use super::Environment;
use crate::registry::{Language, ScriptInfo};

/// Where a Python or R interpreter is taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interpreter {
    /// The checkout's own virtual environment (`.venv`, `venv`) if it has one, or else the script's first line by `PATH`.
    #[default]
    Automatic,
    /// This program.
    Program(PathBuf),
    /// This virtual environment.
    Virtualenv(PathBuf),
    /// The conda environment of this name, in one of the usual places below the home folder (ETL dossier, head).
    Conda(String),
}

/// Names conda gives its folder below the home.
const CONDA_FOLDERS: [&str; 5] = [
    "miniconda3",
    "anaconda3",
    "miniforge3",
    "mambaforge",
    ".conda",
];

/// Why a script cannot be started as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// No such interpreter.
    #[error("no interpreter for `{script}`: {wanted} is not there")]
    NoInterpreter {
        /// The script.
        script: String,
        /// What was looked for.
        wanted: String,
        /// Where.
        looked: Vec<PathBuf>,
    },
}

impl Hint for LaunchError {
    fn hint(&self) -> Option<String> {
        let LaunchError::NoInterpreter { looked, .. } = self;
        let places: Vec<String> = looked
            .iter()
            .map(|path| format!("`{}`", path.display()))
            .collect();
        Some(if places.is_empty() {
            "install it, or name another one with --interpreter, --venv or --conda".to_owned()
        } else {
            format!("looked in {}", places.join(", "))
        })
    }
}

/// The interpreter of a script, absolute where a virtual or conda environment gives it. The environment is changed as
/// activating that environment would: its `bin` comes first in `PATH`.
///
/// # Errors
///
/// [`LaunchError::NoInterpreter`] with the places that were looked at.
pub fn find_interpreter(
    script: &ScriptInfo,
    root: &Path,
    wanted: &Interpreter,
    environment: &mut Environment,
) -> Result<OsString, LaunchError> {
    let missing = |wanted: String, looked: Vec<PathBuf>| LaunchError::NoInterpreter {
        script: script.path.clone(),
        wanted,
        looked,
    };
    let program = match script.language {
        Language::Python => "python3",
        other => other.interpreter(),
    };
    let inside = |folder: &Path| {
        let names: &[&str] = match script.language {
            Language::Python => &["python3", "python"],
            Language::R => &["Rscript"],
            Language::Shell => &["bash"],
        };
        names
            .iter()
            .map(|name| folder.join("bin").join(name))
            .find(|path| super::is_executable(path))
    };
    match wanted {
        Interpreter::Program(path) => {
            let resolved = environment.resolve(path.as_os_str());
            if super::is_executable(Path::new(&resolved)) {
                Ok(resolved)
            } else {
                Err(missing(format!("`{}`", path.display()), Vec::new()))
            }
        }
        Interpreter::Virtualenv(folder) => {
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
            activate(environment, &folder, "VIRTUAL_ENV");
            inside(&folder)
                .or_else(|| shell(script, environment))
                .map(Into::into)
                .ok_or_else(|| missing(format!("`{program}`"), vec![folder.join("bin")]))
        }
        Interpreter::Conda(name) => {
            let home = environment
                .get("HOME")
                .map(PathBuf::from)
                .unwrap_or_default();
            let places: Vec<PathBuf> = CONDA_FOLDERS
                .iter()
                .map(|folder| home.join(folder).join("envs").join(name))
                .collect();
            let found = places
                .iter()
                .find(|place| place.join("bin").is_dir())
                .ok_or_else(|| {
                    missing(format!("the conda environment `{name}`"), places.clone())
                })?;
            activate(environment, found, "CONDA_PREFIX");
            inside(found)
                .or_else(|| shell(script, environment))
                .map(Into::into)
                .ok_or_else(|| missing(format!("`{program}`"), vec![found.join("bin")]))
        }
        Interpreter::Automatic => {
            for folder in [".venv", "venv"].map(|name| root.join(name)) {
                if script.language == Language::Python
                    && let Some(found) = inside(&folder)
                {
                    activate(environment, &folder, "VIRTUAL_ENV");
                    return Ok(found.into());
                }
            }
            // `python` of a first line that says so may be missing where `python3` is there.
            let names = [script.interpreter.as_str(), program];
            names
                .iter()
                .map(|name| environment.resolve(name.as_ref()))
                .find(|path| super::is_executable(Path::new(path)))
                .ok_or_else(|| missing(format!("`{}`", script.interpreter), Vec::new()))
        }
    }
}

/// A shell script in a Python environment runs under the system's shell, with that environment's `bin` in its path.
fn shell(script: &ScriptInfo, environment: &Environment) -> Option<PathBuf> {
    (script.language == Language::Shell)
        .then(|| PathBuf::from(environment.resolve(script.interpreter.as_ref())))
        .filter(|path| super::is_executable(path))
}

fn activate(environment: &mut Environment, folder: &Path, variable: &str) {
    let mut path = OsString::from(folder.join("bin"));
    if let Some(old) = environment.get("PATH") {
        path.push(":");
        path.push(old);
    }
    environment.set("PATH", path);
    environment.set(variable, folder.as_os_str());
}
