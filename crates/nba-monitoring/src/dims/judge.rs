//! Documented and measured value.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::{Deserialize, Serialize};

use super::approval::Approved;
use super::inventory::{Metric, Thresholds};
use super::measure::Measured;

/// How a metric stands; the legacy words, and `severe` for what the legacy program should have used its third threshold for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DimsStatus {
    /// As documented.
    Ok,
    /// Off by less than the first threshold.
    Minor,
    /// Off by less than the second.
    Moderate,
    /// Off by less than the third.
    Major,
    /// Off by the third or more.
    Severe,
    /// Text that is another.
    Different,
    /// Nothing is documented.
    New,
    /// Not measured.
    Error,
    /// Switched off in the inventory.
    Disabled,
}

impl DimsStatus {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Minor => "minor",
            Self::Moderate => "moderate",
            Self::Major => "major",
            Self::Severe => "severe",
            Self::Different => "different",
            Self::New => "new",
            Self::Error => "error",
            Self::Disabled => "disabled",
        }
    }
}

/// How much a status weighs; the legacy words (monitoring dossier 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Nothing to do.
    None,
    /// Worth a line.
    Low,
    /// Worth a look.
    Medium,
    /// Somebody should act.
    High,
    /// Somebody has to act.
    Critical,
}

impl Weight {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The legacy table, with a line of its own for the third threshold, which the legacy program reads and never uses.
    #[must_use]
    pub fn of(status: DimsStatus, volatile: bool) -> Self {
        match (status, volatile) {
            (DimsStatus::Ok | DimsStatus::Disabled, _) => Self::None,
            (DimsStatus::New, _) | (DimsStatus::Minor, true) => Self::Low,
            (DimsStatus::Different, _)
            | (DimsStatus::Minor, false)
            | (DimsStatus::Moderate, true) => Self::Medium,
            (DimsStatus::Error, _) | (DimsStatus::Moderate, false) | (DimsStatus::Major, true) => {
                Self::High
            }
            (DimsStatus::Major, false) | (DimsStatus::Severe, _) => Self::Critical,
        }
    }
}

/// One metric of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricRecord {
    /// How it stands.
    pub status: DimsStatus,
    /// How much that weighs.
    pub severity: Weight,
    /// What that proves.
    pub verdict: Verdict,
    /// The documented value.
    pub documented: Option<String>,
    /// The value somebody approved in its place, with who and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Approved>,
    /// The measured value; absent when it could not be measured.
    pub measured: Option<String>,
    /// Difference in per cent of the documented value, for numbers.
    pub drift_percent: Option<f64>,
    /// Whether a change of it needs somebody else's approval.
    pub needs_approval: bool,
}

/// A run over metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DimsReport {
    /// When, UTC.
    pub timestamp: DateTime<Utc>,
    /// All together.
    pub verdict: Verdict,
    /// Metrics by status.
    pub summary: BTreeMap<&'static str, usize>,
    /// Metrics by weight.
    pub severities: BTreeMap<&'static str, usize>,
    /// Each metric.
    pub metrics: BTreeMap<String, MetricRecord>,
}

impl DimsReport {
    /// Joins the records of a run.
    #[must_use]
    pub fn new(timestamp: DateTime<Utc>, metrics: BTreeMap<String, MetricRecord>) -> Self {
        let mut summary = BTreeMap::new();
        let mut severities = BTreeMap::new();
        for record in metrics.values() {
            *summary.entry(record.status.as_str()).or_insert(0) += 1;
            *severities.entry(record.severity.as_str()).or_insert(0) += 1;
        }
        let verdict = Verdict::all(
            metrics
                .iter()
                .map(|(id, record)| record.verdict.clone().about(id)),
        );
        Self {
            timestamp,
            verdict,
            summary,
            severities,
            metrics,
        }
    }
}

/// Holds a measurement against the value that was approved, or else documented. Drift below the first threshold is within tolerance.
///
/// A change of a critical metric needs somebody's approval when it drifted by the second threshold or weighs *high* (monitoring
/// dossier 1.6): a text that is another always does.
#[must_use]
pub fn judge(
    metric: &Metric,
    approved: Option<&Approved>,
    measured: Option<&Measured>,
    thresholds: &Thresholds,
) -> MetricRecord {
    let record = |status, verdict, measured: Option<&String>, drift_percent: Option<f64>| {
        let severity = Weight::of(status, metric.volatile);
        let changed = measured.is_some()
            && (drift_percent.is_some_and(|drift| drift >= thresholds.moderate)
                || severity >= Weight::High
                || status == DimsStatus::Different);
        MetricRecord {
            status,
            severity,
            verdict,
            documented: metric.documented.clone(),
            approved: approved.cloned(),
            measured: measured.cloned(),
            drift_percent,
            needs_approval: metric.critical && changed,
        }
    };
    let value = match measured {
        None => {
            return record(
                DimsStatus::Disabled,
                Verdict::not_applicable("switched off in the inventory"),
                None,
                None,
            );
        }
        Some(Measured::Failed(why)) => {
            return record(
                DimsStatus::Error,
                Verdict::not_proven(why.clone()),
                None,
                None,
            );
        }
        Some(Measured::Value(value)) => value,
    };
    let (word, known) = match (approved, &metric.documented) {
        (Some(approved), _) => ("approved", &approved.value),
        (None, Some(documented)) => ("documented", documented),
        (None, None) => {
            return record(
                DimsStatus::New,
                Verdict::not_proven(format!("measured {value}, and nothing is documented")),
                Some(value),
                None,
            );
        }
    };
    let (Ok(left), Ok(right)) = (known.parse::<f64>(), value.parse::<f64>()) else {
        let same = known == value;
        let status = if same {
            DimsStatus::Ok
        } else {
            DimsStatus::Different
        };
        let finding = (!same).then(|| format!("{word} `{known}`, measured `{value}`"));
        return record(status, Verdict::from_findings(finding), Some(value), None);
    };
    let drift = match (left, right) {
        (left, right) if left == right => 0.0,
        (0.0, _) => 100.0,
        (left, right) => ((right - left) / left).abs() * 100.0,
    };
    let status = match drift {
        0.0 => DimsStatus::Ok,
        drift if drift < thresholds.minor => DimsStatus::Minor,
        drift if drift < thresholds.moderate => DimsStatus::Moderate,
        drift if drift < thresholds.major => DimsStatus::Major,
        _ => DimsStatus::Severe,
    };
    let finding = (drift >= thresholds.minor)
        .then(|| format!("{word} {known}, measured {value}: {drift:.1} % off"));
    record(
        status,
        Verdict::from_findings(finding),
        Some(value),
        Some(drift),
    )
}
