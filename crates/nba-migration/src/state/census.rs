//! What lies in a checkout, by kind and ending.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::StateError;

/// Files and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// Files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// The files of a checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Census {
    /// All files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// By ending, in lower case; without one under an empty name.
    pub endings: BTreeMap<String, Kind>,
    /// By top folder; those at the top under an empty name.
    pub folders: BTreeMap<String, Kind>,
    /// Functions `test_…` in Python files, as pytest would find them by name.
    pub python_tests: u64,
}

/// Largest Python file that is searched for tests.
const LARGEST: u64 = 4 * 1024 * 1024;

impl Census {
    pub(super) fn of(project: &Path) -> Result<Self, StateError> {
        let mut census = Self::default();
        let walk = WalkDir::new(project).into_iter().filter_entry(|entry| {
            entry.depth() != 1 || (entry.file_name() != ".git" && entry.file_name() != ".nba")
        });
        for entry in walk {
            let entry = entry.map_err(|error| StateError::Io {
                operation: "list",
                path: project.to_owned(),
                source: error.into(),
            })?;
            if !entry.file_type().is_file() {
                continue;
            }
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            let relative = entry.path().strip_prefix(project).unwrap_or(entry.path());
            let ending = relative
                .extension()
                .map(|ending| ending.to_string_lossy().to_ascii_lowercase())
                .unwrap_or_default();
            let folder = match relative.components().count() {
                1 => String::new(),
                _ => relative
                    .components()
                    .next()
                    .map(|part| part.as_os_str().to_string_lossy().into_owned())
                    .unwrap_or_default(),
            };
            census.files += 1;
            census.bytes += bytes;
            if ending == "py" && bytes <= LARGEST {
                let text = std::fs::read(entry.path()).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                let tests = text.lines().map(str::trim_start).filter(|line| {
                    line.starts_with("def test_") || line.starts_with("async def test_")
                });
                census.python_tests += u64::try_from(tests.count()).unwrap_or(0);
            }
            for kind in [
                census.endings.entry(ending).or_default(),
                census.folders.entry(folder).or_default(),
            ] {
                kind.files += 1;
                kind.bytes += bytes;
            }
        }
        Ok(census)
    }
}
