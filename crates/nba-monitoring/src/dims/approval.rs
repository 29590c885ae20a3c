//! How a measured value takes the place of a documented one: somebody else says so.
//!
//! The legacy program wrote what it had measured down as what it expected, masked zeros included (monitoring dossier 1.6, F24),
//! and then reported no drift (F25). Here a run leaves what it measured, another person approves single values of it, and the
//! approval counts from the next run on. Nothing is written to the inventory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::judge::{DimsStatus, MetricRecord};

/// Who measures when nobody says so. Nobody can be shown to be somebody else than this.
pub const NOBODY: &str = "unknown";

/// A value that is expected because somebody approved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The value.
    pub value: String,
    /// What was documented then; once the inventory says something else, the approval is void.
    pub documented: Option<String>,
    /// Who approved it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The run that measured it.
    pub run: String,
    /// Who started that run.
    pub measured_by: String,
}

impl Approved {
    /// Whether it still is about what the inventory says.
    #[must_use]
    pub fn holds(&self, documented: Option<&str>) -> bool {
        self.documented.as_deref() == documented
    }
}

/// What a run leaves for approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MeasuredRun {
    /// Version of this form.
    pub version: u32,
    /// Its id.
    pub run: String,
    /// Who started it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What it saw.
    pub metrics: BTreeMap<String, MetricRecord>,
}

impl MeasuredRun {
    /// A run that was just made.
    #[must_use]
    pub fn new(
        run: impl Into<String>,
        by: impl Into<String>,
        at: DateTime<Utc>,
        metrics: BTreeMap<String, MetricRecord>,
    ) -> Self {
        Self {
            version: 1,
            run: run.into(),
            by: by.into(),
            at,
            metrics,
        }
    }

    /// The metrics with a value that is not what was expected.
    pub fn waiting(&self) -> impl Iterator<Item = (&String, &MetricRecord)> {
        self.metrics
            .iter()
            .filter(|(_, record)| record.measured.is_some() && record.status != DimsStatus::Ok)
    }

    /// Approves one value of the run.
    ///
    /// # Errors
    ///
    /// [`ApprovalError`] when there is nothing to approve, or nobody else does it.
    pub fn approve(
        &self,
        metric: &str,
        by: &str,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Approved, ApprovalError> {
        let metric = || metric.to_owned();
        let same = |left: &str, right: &str| left.trim().eq_ignore_ascii_case(right.trim());
        if same(&self.by, NOBODY) {
            return Err(ApprovalError::NobodyMeasured {
                run: self.run.clone(),
            });
        }
        if same(&self.by, by) {
            return Err(ApprovalError::SameActor {
                run: self.run.clone(),
                by: by.to_owned(),
            });
        }
        let record = self
            .metrics
            .get(&metric())
            .ok_or_else(|| ApprovalError::NotInRun {
                metric: metric(),
                run: self.run.clone(),
            })?;
        let value = record
            .measured
            .clone()
            .ok_or_else(|| ApprovalError::NoValue {
                metric: metric(),
                why: record.verdict.reasons().join("; "),
            })?;
        if record.status == DimsStatus::Ok {
            return Err(ApprovalError::AsExpected {
                metric: metric(),
                value,
            });
        }
        Ok(Approved {
            value,
            documented: record.documented.clone(),
            by: by.trim().to_owned(),
            reason: reason.trim().to_owned(),
            at: now,
            run: self.run.clone(),
            measured_by: self.by.clone(),
        })
    }
}

/// A value was not approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// Who measured approves, too.
    #[error("`{by}` started run {run}: who measured a value cannot approve it")]
    SameActor {
        /// The run.
        run: String,
        /// Who.
        by: String,
    },
    /// Nobody knows who measured.
    #[error("nobody said who started run {run}, so that nobody can be shown to be somebody else")]
    NobodyMeasured {
        /// The run.
        run: String,
    },
    /// The run did not measure it.
    #[error("run {run} did not measure `{metric}`")]
    NotInRun {
        /// The metric.
        metric: String,
        /// The run.
        run: String,
    },
    /// There is no value.
    #[error("`{metric}` has no value to approve: {why}")]
    NoValue {
        /// The metric.
        metric: String,
        /// Why.
        why: String,
    },
    /// Nothing changed.
    #[error("`{metric}` is {value}, as expected: there is nothing to approve")]
    AsExpected {
        /// The metric.
        metric: String,
        /// The value.
        value: String,
    },
}

impl nba_utils::Hint for ApprovalError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::SameActor { .. } => {
                "let somebody else look at it: `nba dims approve METRIC --by NAME --reason TEXT`"
                    .to_owned()
            }
            Self::NobodyMeasured { .. } => {
                "measure with `nba dims verify --by NAME`, or with the variable USER set".to_owned()
            }
            Self::NotInRun { metric, .. } => format!("measure it: `nba dims verify {metric}`"),
            Self::NoValue { .. } => {
                "mend what measures it: a failure is no value, and cannot become one".to_owned()
            }
            Self::AsExpected { .. } => return None,
        })
    }
}
