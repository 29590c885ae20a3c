//! Which mode may follow which.

use std::fmt;

use nba_utils::{Hint, Verdict};

use super::{MOST_CANARIES, Mode};

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is so already.
    Same,
    /// A step was left out.
    Skips {
        /// What comes next.
        next: &'static str,
    },
    /// The evidence is missing or speaks against it.
    Evidence(Verdict),
    /// Enough is being tried already.
    TooMany,
    /// Others come first.
    Turn {
        /// What is not native yet and comes before it.
        first: Vec<String>,
    },
    /// It stays as it is until all phases are done.
    Locked,
    /// The ledger does not hold.
    Ledger,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("it is that already"),
            Self::Skips { next } => write!(f, "{next} comes first"),
            Self::Evidence(verdict) => write!(f, "the evidence does not carry it: {verdict}"),
            Self::TooMany => write!(f, "{MOST_CANARIES} capabilities are in canary already"),
            Self::Turn { first } => write!(f, "{} comes first and is not native yet", first.join(", ")),
            Self::Locked => f.write_str(
                "scrapers, migration scripts, cron, systemd and Phase 8 are not touched before all phases are done",
            ),
            Self::Ledger => f.write_str("the ledger is damaged"),
        }
    }
}

impl Hint for Refusal {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Evidence(_) => Some("compare old and new on the same input until the last three runs are proven".to_owned()),
            Self::TooMany => Some("bring one of them to native, or back to legacy, first".to_owned()),
            Self::Turn { .. } => Some("`nba switch queue` shows the order and changes it; `nba phase waive queue:CAPABILITY` lets one go out of turn, in writing".to_owned()),
            Self::Locked => Some("`nba phase status` says which phase it is".to_owned()),
            Self::Ledger => Some("look at it with `nba ledger verify`; going back to legacy is possible all the same".to_owned()),
            _ => None,
        }
    }
}

/// Whether the port does less afterwards.
#[must_use]
pub fn is_demotion(from: Mode, to: Mode) -> bool {
    share(to) < share(from) || (from == Mode::Shadow && to == Mode::Legacy) || to == Mode::Off
}

/// Per cent of the units that the port writes.
fn share(mode: Mode) -> u8 {
    match mode {
        Mode::Legacy | Mode::Shadow | Mode::Off => 0,
        Mode::Canary(share) => share,
        Mode::Native => 100,
    }
}

/// Whether one mode may follow another, evidence aside: up one step at a time, down to anywhere, and out of `off` only to `legacy`.
///
/// # Errors
///
/// [`Refusal::Same`] and [`Refusal::Skips`].
pub fn allowed(from: Mode, to: Mode) -> Result<(), Refusal> {
    match (from, to) {
        _ if from == to => Err(Refusal::Same),
        (Mode::Off, Mode::Legacy) => Ok(()),
        (Mode::Off, _) => Err(Refusal::Skips { next: "legacy" }),
        _ if is_demotion(from, to) => Ok(()),
        (Mode::Legacy, Mode::Shadow)
        | (Mode::Shadow, Mode::Canary(_))
        | (Mode::Canary(_), Mode::Canary(_) | Mode::Native) => Ok(()),
        (Mode::Legacy, _) => Err(Refusal::Skips { next: "shadow" }),
        (Mode::Shadow, _) => Err(Refusal::Skips { next: "canary" }),
        _ => Err(Refusal::Same),
    }
}
