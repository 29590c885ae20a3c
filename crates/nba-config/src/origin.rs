//! Where a value came from.

use std::{fmt, path::PathBuf};

use serde::Serialize;

/// The place one value was read from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// Built in; nobody set it.
    Default,
    /// Set by the calling program, not by configuration.
    Code,
    /// A line of a file, with the variable it defines where the file is a variable file.
    File {
        /// The file.
        path: PathBuf,
        /// Line, from 1; `None` where the whole file is the value.
        line: Option<usize>,
        /// Variable name, for `.env`-like files.
        variable: Option<String>,
    },
    /// A variable of the process environment.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A command-line flag.
    Flag {
        /// Its name, with the dashes.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Code => f.write_str("the calling program"),
            Self::File {
                path,
                line,
                variable,
            } => {
                write!(f, "{}", path.display())?;
                if let Some(line) = line {
                    write!(f, ":{line}")?;
                }
                if let Some(variable) = variable {
                    write!(f, " ({variable})")?;
                }
                Ok(())
            }
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}
