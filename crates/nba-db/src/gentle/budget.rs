//! The share of time that work may take.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A share of time between 1 % and 100 %: for how much of each second statements may run, all sessions of a run together.
///
/// ```
/// use nba_db::gentle::Budget;
/// let budget: Budget = "20%".parse()?;
/// assert_eq!(budget.to_string(), "20%");
/// assert!("0%".parse::<Budget>().is_err());
/// # Ok::<(), nba_db::gentle::BudgetError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Budget {
    /// 1 to 100.
    percent: u8,
}

/// The text is no share of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no budget: expected a whole number from 1 to 100, such as `20%`")]
pub struct BudgetError {
    /// The text.
    text: String,
}

impl Budget {
    /// The share in percent, 1 to 100.
    #[must_use]
    pub fn percent(self) -> u8 {
        self.percent
    }

    /// The time that work of this length takes with the rest it demands.
    pub(super) fn stretch(self, worked: Duration) -> Duration {
        worked.saturating_mul(100) / u32::from(self.percent)
    }
}

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let number = trimmed.strip_suffix('%').unwrap_or(trimmed).trim_end();
        number
            .parse()
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .map(|percent| Self { percent })
            .ok_or_else(|| BudgetError {
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent)
    }
}
