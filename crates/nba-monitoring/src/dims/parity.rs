//! The legacy program and this one on the same metric.

use std::path::Path;

use nba_etl::runner::{Cancel, Ending, Script, run};
use nba_utils::Verdict;
use serde::Serialize;

use super::inventory::Metric;
use super::measure::{MeasureOptions, Measured, measure, read, unmasked};

/// The legacy program, in the project.
pub const LEGACY_PROGRAM: &str = "scripts/monitoring/dims_cli.py";

/// What the legacy program said about a metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LegacyReading {
    /// Its word for how the metric stands.
    pub status: String,
    /// The value it printed.
    pub value: String,
}

/// Both programs on one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ParityRecord {
    /// `Proven` when both measured the same.
    pub verdict: Verdict,
    /// What the legacy program said, if it said anything.
    pub legacy: Option<LegacyReading>,
    /// What this program measured.
    pub native: Option<String>,
    /// Whether the command's failure would look like a value to the legacy program.
    pub masked: bool,
}

/// Reads what `dims_cli.py verify --category C --metric M` printed: the block of the production program, or one line per metric.
#[must_use]
pub fn parse_legacy(id: &str, text: &str) -> Option<LegacyReading> {
    let labelled = |label: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(label))
            .map(|rest| rest.trim().to_owned())
    };
    if let (Some(value), Some(status)) = (labelled("Actual Value:"), labelled("Status:")) {
        let status = status.to_lowercase();
        return Some(LegacyReading { status, value });
    }
    let rest = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(id)?.strip_prefix(": "))?;
    let (status, value) = rest.split_once(" (")?;
    Some(LegacyReading {
        status: status.to_owned(),
        value: value.strip_suffix(')')?.to_owned(),
    })
}

/// Measures a metric, lets the legacy program measure it, and measures again: what moves by itself is told from what differs. Blocks.
///
/// The legacy program only verifies one metric at a time, which makes it write nothing.
#[must_use]
pub fn compare(metric: &Metric, project: &Path, options: &MeasureOptions) -> ParityRecord {
    let masked = unmasked(&metric.command) != metric.command;
    let before = measure(metric, project, options);
    let legacy = ask_legacy(metric, project, options);
    let after = measure(metric, project, options);
    judge(metric, &before, legacy, &after, masked)
}

pub(super) fn judge(
    metric: &Metric,
    before: &Measured,
    legacy: Result<LegacyReading, String>,
    after: &Measured,
    masked: bool,
) -> ParityRecord {
    let native = match after {
        Measured::Value(value) => Some(value.clone()),
        Measured::Failed(_) => None,
    };
    let record = |verdict, legacy| ParityRecord {
        verdict,
        legacy,
        native: native.clone(),
        masked,
    };
    let said = match legacy {
        Ok(said) => said,
        Err(why) => return record(Verdict::not_proven(why), None),
    };
    let theirs = match (said.status.as_str(), read(metric.kind, &said.value)) {
        ("error", _) => Err("the legacy program calls it an error".to_owned()),
        (_, Measured::Failed(why)) => Err(format!("the legacy program: {why}")),
        (_, Measured::Value(value)) => Ok(value),
    };
    let verdict = match (before, theirs, after) {
        (Measured::Value(first), Ok(theirs), Measured::Value(second)) => {
            if theirs == *first || theirs == *second {
                Verdict::Proven
            } else if first == second {
                Verdict::refuted(format!("legacy {theirs}, native {second}"))
            } else {
                Verdict::not_proven(format!(
                    "it moves: {first}, then legacy {theirs}, then {second}"
                ))
            }
        }
        (Measured::Failed(why), Ok(theirs), _) | (_, Ok(theirs), Measured::Failed(why)) => {
            let mask = if masked {
                "; its command turns a failure into that"
            } else {
                ""
            };
            Verdict::not_proven(format!(
                "the legacy program says {theirs}, and it cannot be measured: {why}{mask}"
            ))
        }
        (_, Err(theirs), _) => Verdict::not_proven(theirs),
    };
    record(verdict, Some(said))
}

fn ask_legacy(
    metric: &Metric,
    project: &Path,
    options: &MeasureOptions,
) -> Result<LegacyReading, String> {
    let (category, name) = metric
        .id
        .split_once('.')
        .ok_or_else(|| format!("`{}` has no category", metric.id))?;
    if !project.join(LEGACY_PROGRAM).is_file() {
        return Err(format!("there is no `{LEGACY_PROGRAM}`"));
    }
    let mut environment = options.environment.clone();
    // A folder of the legacy tree gets no new files by our looking.
    environment.set("PYTHONDONTWRITEBYTECODE", "1");
    let arguments = [
        LEGACY_PROGRAM,
        "verify",
        "--category",
        category,
        "--metric",
        name,
    ];
    let mut script = Script::new("python3", arguments, project, environment);
    // It gives each command half a minute of its own, and has to start.
    script.deadline = options.deadline.saturating_mul(2);
    let report = run(&script, &Cancel::new(), None)
        .map_err(|error| nba_utils::ErrorReport::new(&error).to_string())?;
    // 1 is its word for drift; 2 is the parser's for an option it does not know (F33).
    if !matches!(report.ending, Ending::Exited(0 | 1)) {
        return Err(format!("the legacy program ended with {}", report.ending));
    }
    parse_legacy(&metric.id, &report.stdout.text).ok_or_else(|| {
        let said = report.stderr.text.trim().lines().last().unwrap_or_default();
        format!(
            "what the legacy program printed about `{}` is not understood: {said}",
            metric.id
        )
    })
}
