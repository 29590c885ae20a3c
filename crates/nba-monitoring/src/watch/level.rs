//! How a check stands.

use serde::{Deserialize, Serialize};

use crate::checks::Observation;
use crate::health::Status;

/// How a check stands, going by all that was seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Has no meaning for this target, or is switched off.
    NotApplicable,
    /// Proven.
    Good,
    /// Not seen often enough to say.
    Unsettled,
    /// In alarm: refuted, of lesser weight.
    Warning,
    /// In alarm: could not be told, again and again. An alarm about the monitoring itself.
    Unknown,
    /// In alarm: refuted, of full weight.
    Critical,
}

impl Level {
    /// What one look alone says.
    #[must_use]
    pub fn of(observation: &Observation) -> Self {
        match observation.status() {
            Status::Ok => Self::Good,
            Status::Skip => Self::NotApplicable,
            Status::Warning => Self::Warning,
            Status::Error => Self::Unknown,
            Status::Critical => Self::Critical,
        }
    }

    /// Whether somebody has to look.
    #[must_use]
    pub fn is_alarm(self) -> bool {
        self >= Self::Warning
    }

    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::Good => "good",
            Self::Unsettled => "unsettled",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }

    /// Its place in the order from best to worst, as the history keeps it.
    pub(crate) fn rank(self) -> i64 {
        match self {
            Self::NotApplicable => 0,
            Self::Good => 1,
            Self::Unsettled => 2,
            Self::Warning => 3,
            Self::Unknown => 4,
            Self::Critical => 5,
        }
    }

    /// The level of a rank; a rank that nobody writes is one that nobody can tell.
    pub(crate) fn from_rank(rank: i64) -> Self {
        match rank {
            0 => Self::NotApplicable,
            1 => Self::Good,
            2 => Self::Unsettled,
            3 => Self::Warning,
            5 => Self::Critical,
            _ => Self::Unknown,
        }
    }
}

/// How everything stands together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// All that applies is good.
    Healthy,
    /// Something was bad at its last look, and is not in alarm (yet).
    Suspect,
    /// The worst alarm is of lesser weight.
    Warning,
    /// Something cannot be told.
    Unknown,
    /// One alarm of full weight is enough (monitoring dossier 7.1 rule 9).
    Critical,
}

impl Standing {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Suspect => "suspect",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }

    /// 0 healthy, 1 refuted, 2 could not tell.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Healthy => nba_utils::exit_code::PROVEN,
            Self::Warning | Self::Critical => nba_utils::exit_code::REFUTED,
            Self::Suspect | Self::Unknown => nba_utils::exit_code::COULD_NOT_TELL,
        }
    }
}
