//! Exit codes, next steps, and the rendering of an error with its causes.

use std::error::Error;
use std::fmt;

#[cfg(test)]
mod tests;

/// The exit codes of every command.
pub mod exit_code {
    /// Proven, healthy, done.
    pub const PROVEN: u8 = 0;
    /// Refuted, degraded: something was found that needs a person.
    pub const REFUTED: u8 = 1;
    /// Could not tell, or the command was used wrongly.
    pub const COULD_NOT_TELL: u8 = 2;
}

/// An error that may know what to do next.
///
/// ```
/// use nba_utils::{ErrorReport, Hint};
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("no database is configured")]
/// struct NoTarget;
///
/// impl Hint for NoTarget {
///     fn hint(&self) -> Option<String> {
///         Some("set DATABASE_URL".to_owned())
///     }
/// }
///
/// let report = ErrorReport::new(&NoTarget).knowing::<NoTarget>();
/// assert_eq!(report.to_string(), "error: no database is configured\nhint: set DATABASE_URL");
/// ```
pub trait Hint {
    /// The next step for the person who reads the error, without the word `hint`.
    fn hint(&self) -> Option<String>;
}

/// Renders an error, its causes and the first next step found among them.
///
/// One line each: `error: …`, `caused by: …`, `hint: …`. A cause whose text the line above already ends with is left out,
/// because many libraries repeat their source.
#[derive(Debug)]
pub struct ErrorReport<'a> {
    error: &'a (dyn Error + 'static),
    hint: Option<String>,
}

impl<'a> ErrorReport<'a> {
    /// A report without a hint.
    pub fn new(error: &'a (dyn Error + 'static)) -> Self {
        Self { error, hint: None }
    }

    /// Looks through the chain for an `E` and takes its hint, unless an earlier call found one.
    ///
    /// The type has to be named because a `dyn Error` cannot be asked for another trait.
    #[must_use]
    pub fn knowing<E: Error + Hint + 'static>(mut self) -> Self {
        if self.hint.is_none() {
            self.hint = chain(self.error)
                .filter_map(|error| error.downcast_ref::<E>())
                .find_map(Hint::hint);
        }
        self
    }

    /// Uses `hint` unless the chain already gave one.
    #[must_use]
    pub fn or_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// The hint found so far.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for ErrorReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut above = String::new();
        for (depth, error) in chain(self.error).enumerate() {
            let text = error.to_string();
            if depth == 0 {
                write!(f, "error: {text}")?;
            } else if !above.ends_with(&text) {
                write!(f, "\ncaused by: {text}")?;
            } else {
                continue;
            }
            above = text;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// The error itself, then its causes.
pub fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error and its causes in one line, for a place that holds a text and not an error.
///
/// A cause whose text the line already ends with is left out, because many libraries repeat their source.
///
/// ```
/// use nba_utils::errors::one_line;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("cannot load 2024")]
/// struct NotLoaded(#[source] std::io::Error);
///
/// let error = NotLoaded(std::io::Error::other("the connection was closed"));
/// assert_eq!(one_line(&error), "cannot load 2024: the connection was closed");
/// ```
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    for error in chain(error) {
        let text = error.to_string();
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
    }
    line
}
