//! Running a metric's command so that its failures show.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use nba_etl::runner::{Cancel, Ending, Environment, Script, run};
use regex::Regex;

use super::inventory::{Metric, ValueKind};

/// How metrics are measured.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MeasureOptions {
    /// The variables the commands get.
    pub environment: Environment,
    /// Longest time a command may take; the legacy program gave 30 s.
    pub deadline: Duration,
}

impl MeasureOptions {
    /// Half a minute each.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self {
            environment,
            deadline: Duration::from_secs(30),
        }
    }
}

/// What a command gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// A value of the metric's kind, in its usual spelling.
    Value(String),
    /// Why there is none.
    Failed(String),
}

/// Values that are written for "it did not work" (monitoring dossier 1.3): they are no measurement, whoever prints them.
const NO_VALUES: [&str; 6] = ["unavailable", "unknown", "error", "n/a", "none", "null"];

/// `|| echo 0`, `|| true` and their like at the end of a command or of a part in parentheses.
static MASK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\|\|\s*(?:echo\s+(?:"[^"]*"|'[^']*'|[^\s|&;)]*)|true|:)\s*(?P<end>\)|;|$)"#)
        .expect("it is a constant and tested")
});

/// A command without what turns its failure into a value.
///
/// ```
/// use nba_monitoring::dims::unmasked;
/// assert_eq!(unmasked("psql -Atc 'select 1' 2>/dev/null || echo 0"), "psql -Atc 'select 1' 2>/dev/null ");
/// assert_eq!(unmasked("find . -name '*.py' | wc -l"), "find . -name '*.py' | wc -l");
/// ```
#[must_use]
pub fn unmasked(command: &str) -> String {
    MASK.replace_all(command, "$end").into_owned()
}

/// Measures one metric in the project's folder. Blocks; nothing is written by us.
#[must_use]
pub fn measure(metric: &Metric, project: &Path, options: &MeasureOptions) -> Measured {
    // In a pipeline the first failure counts, not only the last program's status.
    let line = format!("set -o pipefail; {}", unmasked(&metric.command));
    let mut script = Script::new("bash", ["-c", &line], project, options.environment.clone());
    script.deadline = options.deadline;
    let report = match run(&script, &Cancel::new(), None) {
        Ok(report) => report,
        Err(error) => return Measured::Failed(nba_utils::ErrorReport::new(&error).to_string()),
    };
    if report.ending != Ending::Exited(0) {
        let said = report.stderr.text.trim().lines().last().unwrap_or_default();
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        return Measured::Failed(format!("the command ended with {}{said}", report.ending));
    }
    read(metric.kind, &report.stdout.text)
}

/// What a command printed, as a value.
pub(super) fn read(kind: ValueKind, text: &str) -> Measured {
    let text = text.trim();
    if text.is_empty() {
        return Measured::Failed("the command printed nothing".to_owned());
    }
    if NO_VALUES.contains(&text.to_lowercase().as_str()) {
        return Measured::Failed(format!("`{text}` is no value"));
    }
    parse(kind, text)
}

fn parse(kind: ValueKind, text: &str) -> Measured {
    let shown: String = text.chars().take(60).collect();
    match kind {
        ValueKind::Integer => text.parse::<i128>().map_or_else(
            |_| Measured::Failed(format!("`{shown}` is no whole number")),
            |number| Measured::Value(number.to_string()),
        ),
        ValueKind::Float(decimals) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Measured::Value(format!(
                "{number:.*}",
                usize::try_from(decimals).unwrap_or(2)
            )),
            _ => Measured::Failed(format!("`{shown}` is no number")),
        },
        ValueKind::Boolean => match text.to_lowercase().as_str() {
            "true" | "1" | "yes" => Measured::Value("true".to_owned()),
            "false" | "0" | "no" => Measured::Value("false".to_owned()),
            _ => Measured::Failed(format!("`{shown}` is neither true nor false")),
        },
        ValueKind::Text => Measured::Value(text.to_owned()),
    }
}
