//! The four-valued answer of every check.
//!
//! Only [`Verdict::Proven`] is green. An error, a skip, a time-out or a missing permission is
//! [`Verdict::NotProven`], never a number and never a pass.
//!
//! The JSON form is flat and stable:
//!
//! ```
//! use nba_utils::Verdict;
//!
//! let verdict = Verdict::refuted("games: expected 44828 rows, found 44827");
//! let json = serde_json::to_string(&verdict)?;
//! assert_eq!(json, r#"{"verdict":"refuted","reasons":["games: expected 44828 rows, found 44827"]}"#);
//! assert_eq!(serde_json::from_str::<Verdict>(&json)?, verdict);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::errors::exit_code;

#[cfg(test)]
mod tests;

/// Stands in for a reason that was handed over blank, so that "no reason" is visible.
const NO_REASON: &str = "no reason given";

/// What a check found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// The statement was checked and holds. The only green value.
    Proven,
    /// The statement was checked and does not hold.
    Refuted {
        /// What contradicts it.
        reasons: Reasons,
    },
    /// The check could not tell: it failed, was skipped, timed out or was not permitted.
    NotProven {
        /// What stood in the way.
        reasons: Reasons,
    },
    /// The statement has no meaning for this target.
    NotApplicable {
        /// Why it has none.
        reason: String,
    },
}

impl Verdict {
    /// A refutation with one reason.
    pub fn refuted(reason: impl Into<String>) -> Self {
        Self::Refuted {
            reasons: Reasons::one(reason),
        }
    }

    /// An open question with one reason.
    pub fn not_proven(reason: impl Into<String>) -> Self {
        Self::NotProven {
            reasons: Reasons::one(reason),
        }
    }

    /// A question that does not arise for this target.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self::NotApplicable {
            reason: visible(reason.into()),
        }
    }

    /// `Proven` when nothing contradicts, otherwise `Refuted` with these findings.
    ///
    /// Use it only after a check that ran to its end; an unfinished check is [`Verdict::not_proven`].
    ///
    /// ```
    /// use nba_utils::Verdict;
    /// assert_eq!(Verdict::from_findings(Vec::<String>::new()), Verdict::Proven);
    /// assert_eq!(Verdict::from_findings(["a row is missing"]), Verdict::refuted("a row is missing"));
    /// ```
    pub fn from_findings<I>(findings: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        match Reasons::collect(findings) {
            None => Self::Proven,
            Some(reasons) => Self::Refuted { reasons },
        }
    }

    /// The same with at most so many reasons, and how many more there are.
    ///
    /// ```
    /// use nba_utils::Verdict;
    /// let long = Verdict::from_findings(["a", "b", "c", "d"].map(str::to_owned));
    /// assert_eq!(long.brief(2).to_string(), "refuted: a; b; and 2 more");
    /// assert_eq!(long.brief(4), long);
    /// ```
    #[must_use]
    pub fn brief(&self, most: usize) -> Self {
        let cut = |reasons: &Reasons| {
            let more = reasons.0.len().saturating_sub(most.max(1));
            let mut some: Vec<String> = reasons.0.iter().take(most.max(1)).cloned().collect();
            if more > 0 {
                some.push(format!("and {more} more"));
            }
            Reasons(some)
        };
        match self {
            Self::Refuted { reasons } => Self::Refuted {
                reasons: cut(reasons),
            },
            Self::NotProven { reasons } => Self::NotProven {
                reasons: cut(reasons),
            },
            other => other.clone(),
        }
    }

    /// Joins the verdicts of several checks into one.
    ///
    /// Any `Refuted` wins, then any `NotProven`, then `Proven`; `NotApplicable` changes nothing.
    /// The reasons of all checks with the winning value are kept, in order. Only `NotApplicable` parts give
    /// `NotApplicable`; no parts at all give `NotProven`, because nothing was checked.
    ///
    /// ```
    /// use nba_utils::Verdict;
    /// assert_eq!(Verdict::all([]), Verdict::not_proven("nothing was checked"));
    /// assert_eq!(Verdict::all([Verdict::Proven, Verdict::not_applicable("no S3")]), Verdict::Proven);
    /// ```
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut refuted = Vec::new();
        let mut open = Vec::new();
        let mut neutral = Vec::new();
        let mut proven = false;
        for part in parts {
            match part {
                Self::Proven => proven = true,
                Self::Refuted { reasons } => refuted.extend(reasons.0),
                Self::NotProven { reasons } => open.extend(reasons.0),
                Self::NotApplicable { reason } => neutral.push(reason),
            }
        }
        if let Some(reasons) = Reasons::collect(refuted) {
            return Self::Refuted { reasons };
        }
        if let Some(reasons) = Reasons::collect(open) {
            return Self::NotProven { reasons };
        }
        match (proven, neutral.is_empty()) {
            (true, _) => Self::Proven,
            (false, false) => Self::NotApplicable {
                reason: neutral.join("; "),
            },
            (false, true) => Self::not_proven("nothing was checked"),
        }
    }

    /// The same verdict with `subject: ` in front of every reason.
    ///
    /// ```
    /// use nba_utils::Verdict;
    /// assert_eq!(Verdict::refuted("is empty").about("games"), Verdict::refuted("games: is empty"));
    /// ```
    #[must_use]
    pub fn about(self, subject: &str) -> Self {
        let prefix = |reasons: Reasons| {
            Reasons(
                reasons
                    .0
                    .into_iter()
                    .map(|reason| format!("{subject}: {reason}"))
                    .collect(),
            )
        };
        match self {
            Self::Proven => Self::Proven,
            Self::Refuted { reasons } => Self::Refuted {
                reasons: prefix(reasons),
            },
            Self::NotProven { reasons } => Self::NotProven {
                reasons: prefix(reasons),
            },
            Self::NotApplicable { reason } => Self::NotApplicable {
                reason: format!("{subject}: {reason}"),
            },
        }
    }

    /// Whether this is the green value.
    pub fn is_proven(&self) -> bool {
        matches!(self, Self::Proven)
    }

    /// Whether something was found that contradicts the statement.
    pub fn is_refuted(&self) -> bool {
        matches!(self, Self::Refuted { .. })
    }

    /// The reasons in order; empty only for `Proven`.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Proven => &[],
            Self::Refuted { reasons } | Self::NotProven { reasons } => reasons.as_slice(),
            Self::NotApplicable { reason } => std::slice::from_ref(reason),
        }
    }

    /// The word used in JSON and in text: `proven`, `refuted`, `not_proven`, `not_applicable`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Refuted { .. } => "refuted",
            Self::NotProven { .. } => "not_proven",
            Self::NotApplicable { .. } => "not_applicable",
        }
    }

    /// The process exit code: 0 proven, 1 refuted, 2 could not tell.
    ///
    /// A run whose every part is `NotApplicable` proved nothing, so it ends with 2 like `NotProven`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Proven => exit_code::PROVEN,
            Self::Refuted { .. } => exit_code::REFUTED,
            Self::NotProven { .. } | Self::NotApplicable { .. } => exit_code::COULD_NOT_TELL,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proven => "proven",
            Self::Refuted { .. } => "refuted",
            Self::NotProven { .. } => "not proven",
            Self::NotApplicable { .. } => "not applicable",
        })?;
        for (index, reason) in self.reasons().iter().enumerate() {
            write!(f, "{}{reason}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

/// One or more reasons, never blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
// Invariant: at least one element, and no element is blank.
pub struct Reasons(Vec<String>);

impl Reasons {
    /// A single reason. A blank one becomes `no reason given`.
    pub fn one(reason: impl Into<String>) -> Self {
        Self(vec![visible(reason.into())])
    }

    /// All reasons of an iterator, or `None` when it has none.
    pub fn collect<I>(reasons: I) -> Option<Self>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let reasons: Vec<String> = reasons
            .into_iter()
            .map(|reason| visible(reason.into()))
            .collect();
        (!reasons.is_empty()).then_some(Self(reasons))
    }

    /// The reasons in the order they were found.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Reasons {
    type Error = NoReasons;

    fn try_from(reasons: Vec<String>) -> Result<Self, Self::Error> {
        Self::collect(reasons).ok_or(NoReasons)
    }
}

/// A verdict other than `proven` came without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a verdict needs at least one reason")]
pub struct NoReasons;

fn visible(reason: String) -> String {
    if reason.trim().is_empty() {
        NO_REASON.to_owned()
    } else {
        reason
    }
}
