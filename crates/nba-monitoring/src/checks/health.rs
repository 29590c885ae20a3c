//! A health report, seen as observations.

use super::run::Observation;
use crate::health::HealthReport;
use crate::rules::Criticality;

/// What every observation from a health report starts with.
const PREFIX: &str = "health.";

/// The names the legacy dashboard has for checks that are there under their own name, too; the connection has its own check.
const REPEATED: [&str; 6] = [
    "database_connection",
    "games_count",
    "espn_pbp_count",
    "hoopr_pbp_count",
    "box_score_players",
    "box_score_teams",
];

/// One observation per check of the report, ids with `health.` in front; tables carry their rows as value.
#[must_use]
pub fn observe_health(report: &HealthReport) -> Vec<Observation> {
    report
        .checks
        .iter()
        .filter(|(name, _)| !REPEATED.contains(&name.as_str()))
        .map(|(name, record)| {
            let severity = record
                .rule
                .as_ref()
                .map_or(Criticality::Warning, |rule| rule.criticality);
            let severity = match record.status {
                crate::health::Status::Critical => Criticality::Critical,
                _ => severity,
            };
            let value = match name.starts_with("table:") {
                true => record.actual.as_f64(),
                false => None,
            };
            Observation::new(
                format!("{PREFIX}{name}"),
                severity,
                record.verdict.clone(),
                value,
                record.message.clone(),
            )
        })
        .collect()
}
