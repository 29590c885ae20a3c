//! Running processes that have to do with the project.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::command::hide;

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Ticks of the clock between the machine's start and its own; with the number it names one process for ever.
    pub started_ticks: u64,
    /// Its arguments, secrets hidden.
    pub command: Vec<String>,
    /// Its working folder; `None` where we may not see it.
    pub folder: Option<PathBuf>,
    /// The program file.
    pub program: Option<PathBuf>,
    /// The script it runs, where its arguments name one that exists.
    pub script: Option<PathBuf>,
}

/// Processes whose working folder, program, script or arguments lie in the project.
pub(super) fn list(proc: &Path, project: &Path) -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    let mut seen = false;
    for entry in fs::read_dir(proc)? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        seen = true;
        // A process that ends meanwhile is no error.
        let Ok(process) = read(&entry.path(), pid) else {
            continue;
        };
        let inside =
            |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.starts_with(project));
        let named = process
            .command
            .iter()
            .any(|word| word.contains(&*project.to_string_lossy()));
        if inside(&process.folder) || inside(&process.program) || inside(&process.script) || named {
            found.push(process);
        }
    }
    if !seen {
        return Err(io::Error::other(format!("`{}` lists none", proc.display())));
    }
    found.sort();
    Ok(found)
}

pub(crate) fn read(folder: &Path, pid: u32) -> io::Result<Process> {
    let command = fs::read(folder.join("cmdline"))?;
    let words: Vec<String> = command
        .split(|&byte| byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let working = fs::read_link(folder.join("cwd")).ok();
    let script = words
        .iter()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .map(|word| match &working {
            Some(folder) => folder.join(word),
            None => PathBuf::from(word),
        })
        .find(|path| path.is_file());
    Ok(Process {
        pid,
        started_ticks: started(&fs::read_to_string(folder.join("stat"))?)
            .ok_or_else(|| io::Error::other("`stat` has another form"))?,
        command: words.iter().map(|word| hide(word)).collect(),
        folder: working,
        program: fs::read_link(folder.join("exe")).ok(),
        script,
    })
}

/// The 22nd field; the second, the name, may hold spaces and parentheses.
fn started(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()
}
