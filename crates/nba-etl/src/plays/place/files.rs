//! Files of this machine.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Mark, Place, State, Step};
use crate::plays::{PlaysError, read_file};

/// Files, named by their absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(Vec<PathBuf>);

impl Files {
    /// These files, each once; what is not there shows when it is read.
    ///
    /// # Errors
    ///
    /// When a path is empty, or the current folder is gone.
    pub fn new(paths: &[PathBuf]) -> Result<Self, PlaysError> {
        let mut files = paths
            .iter()
            .map(|path| {
                std::path::absolute(path).map_err(|source| PlaysError::Read {
                    path: path.clone(),
                    source,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        files.sort();
        files.dedup();
        Ok(Self(files))
    }
}

/// Size and time of a file as it is now.
fn look(path: &Path) -> io::Result<Mark> {
    let about = std::fs::metadata(path)?;
    let state = about
        .modified()?
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or(0);
    Ok(Mark {
        size: about.len(),
        state,
    })
}

impl Place for Files {
    fn noun(&self) -> &'static str {
        "files"
    }

    fn units(&self) -> &[PathBuf] {
        &self.0
    }

    fn has(&self, unit: &Path) -> bool {
        unit.exists()
    }

    fn bytes(&self, unit: &Path) -> u64 {
        std::fs::metadata(unit).map_or(0, |about| about.len())
    }

    fn states(&self, known: &[(&Path, Mark)]) -> Result<Vec<State>, PlaysError> {
        let states = known.iter().map(|(path, mark)| match look(path) {
            // Objects and games of tables have no path from the root.
            _ if !path.is_absolute() => State::Same,
            Ok(now) if now == *mark => State::Same,
            // The second, where a folder on the way is a file now.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                State::Gone
            }
            _ => State::Changed,
        });
        Ok(states.collect())
    }

    fn read(&self, units: &[PathBuf], take: &mut dyn FnMut(usize, Step)) -> Result<(), PlaysError> {
        for (number, path) in units.iter().enumerate() {
            // Before it is read: a file that changes meanwhile is another one by the next run.
            let looked = match path.to_str() {
                Some(_) => look(path),
                // A store could not name it.
                None => Err(io::Error::new(
                    io::ErrorKind::InvalidFilename,
                    "its name is no UTF-8",
                )),
            };
            let mark = match looked {
                Ok(mark) => mark,
                Err(source) => {
                    let path = path.clone();
                    take(number, Step::Closed(PlaysError::Read { path, source }));
                    continue;
                }
            };
            let mut games = false;
            let read = read_file(path, |form, log| {
                games = true;
                take(number, Step::Game(form, Box::new(log)));
            });
            take(
                number,
                match read {
                    Err(error @ PlaysError::Read { .. }) if !games => Step::Closed(error),
                    read => Step::End(read, mark),
                },
            );
        }
        Ok(())
    }
}
