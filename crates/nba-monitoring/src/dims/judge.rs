//! Documented and measured value.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::Serialize;

use super::inventory::{Metric, Thresholds};
use super::measure::Measured;

/// How a metric stands; the legacy words, and `severe` for what the legacy program should have used its third threshold for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// One metric of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricRecord {
    /// How it stands.
    pub status: DimsStatus,
    /// What that proves.
    pub verdict: Verdict,
    /// The documented value.
    pub documented: Option<String>,
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
    /// Each metric.
    pub metrics: BTreeMap<String, MetricRecord>,
}

impl DimsReport {
    /// Joins the records of a run.
    #[must_use]
    pub fn new(timestamp: DateTime<Utc>, metrics: BTreeMap<String, MetricRecord>) -> Self {
        let mut summary = BTreeMap::new();
        for record in metrics.values() {
            *summary.entry(record.status.as_str()).or_insert(0) += 1;
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
            metrics,
        }
    }
}

/// Holds a measurement against the documented value. Drift below the first threshold is within tolerance.
#[must_use]
pub fn judge(
    metric: &Metric,
    measured: Option<&Measured>,
    thresholds: &Thresholds,
) -> MetricRecord {
    let documented = metric.documented.clone();
    let record =
        |status, verdict, measured: Option<&String>, drift_percent: Option<f64>| MetricRecord {
            status,
            verdict,
            documented: documented.clone(),
            measured: measured.cloned(),
            drift_percent,
            needs_approval: metric.critical
                && drift_percent.is_some_and(|drift| drift >= thresholds.moderate),
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
    let Some(known) = &documented else {
        return record(
            DimsStatus::New,
            Verdict::not_proven(format!("measured {value}, and nothing is documented")),
            Some(value),
            None,
        );
    };
    let (Ok(left), Ok(right)) = (known.parse::<f64>(), value.parse::<f64>()) else {
        let same = known == value;
        let status = if same {
            DimsStatus::Ok
        } else {
            DimsStatus::Different
        };
        let finding = (!same).then(|| format!("documented `{known}`, measured `{value}`"));
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
        .then(|| format!("documented {known}, measured {value}: {drift:.1} % off"));
    record(
        status,
        Verdict::from_findings(finding),
        Some(value),
        Some(drift),
    )
}
