//! `inventory/config.yaml` and `inventory/metrics.yaml`.

use std::path::{Path, PathBuf};

use nba_config::ConfigError;
use nba_config::yaml::{Node, NodeValue, YamlFile};
use nba_utils::Hint;
use serde::Serialize;

/// The files, relative to the project.
const CONFIG: &str = "inventory/config.yaml";
const METRICS: &str = "inventory/metrics.yaml";

/// What a metric's command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueKind {
    /// A whole number.
    Integer,
    /// A number, rounded to so many decimals.
    Float(u32),
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
}

/// One metric as it is defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Metric {
    /// `category.name`.
    pub id: String,
    /// The shell line that measures it.
    pub command: String,
    /// What it prints.
    pub kind: ValueKind,
    /// Whether it is measured.
    pub enabled: bool,
    /// Whether it changes by itself, so that drift weighs less.
    pub volatile: bool,
    /// Whether the platform asks for approval before its value changes.
    pub critical: bool,
    /// The documented value, as it is written.
    pub documented: Option<String>,
    /// Line of its definition in `inventory/config.yaml`.
    pub line: usize,
}

/// Drift in per cent from which it is moderate, major, and severe; anything above zero is minor (monitoring dossier 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Thresholds {
    /// From here on it is moderate.
    pub minor: f64,
    /// From here on it is major.
    pub moderate: f64,
    /// From here on it is severe: the legacy program reads this and never uses it.
    pub major: f64,
}

/// What is to be measured when something has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventHook {
    /// Its name.
    pub name: String,
    /// The event it waits for.
    pub trigger: String,
    /// The cron expression of a `cron` trigger.
    pub schedule: Option<String>,
    /// Metrics, or `category.*`.
    pub metrics: Vec<String>,
}

impl EventHook {
    /// Whether it is about this metric.
    #[must_use]
    pub fn covers(&self, id: &str) -> bool {
        self.metrics
            .iter()
            .any(|pattern| crate::checks::matches(pattern, id))
    }
}

/// All metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Inventory {
    /// In the order of the file.
    pub metrics: Vec<Metric>,
    /// What drift means.
    pub thresholds: Thresholds,
    /// Documented values without a definition: nothing measures them.
    pub undefined: Vec<String>,
    /// What is to be measured after which event.
    pub hooks: Vec<EventHook>,
}

/// The inventory could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DimsError {
    /// A file cannot be read, or is no YAML.
    #[error("could not read the inventory of metrics")]
    File(#[from] ConfigError),
    /// A definition is not understood.
    #[error("`{}` line {line}: {what}", path.display())]
    Definition {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

impl Hint for DimsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Definition { .. } => Some("the file is read as it is; mend it there".to_owned()),
        }
    }
}

fn pairs(node: Option<&Node>) -> &[(String, Node)] {
    match node.map(|node| &node.value) {
        Some(NodeValue::Mapping(pairs)) => pairs,
        _ => &[],
    }
}

impl Inventory {
    /// Reads both files of a project.
    ///
    /// # Errors
    ///
    /// [`DimsError`] when a file is missing or a definition is not understood.
    pub fn load(project: &Path) -> Result<Self, DimsError> {
        let path = project.join(CONFIG);
        let config = YamlFile::read(&path)?.root;
        let documented = YamlFile::read(&project.join(METRICS))?.root;
        let wrong = |line, what: String| DimsError::Definition {
            path: path.clone(),
            line,
            what,
        };
        // The production file says `minor_drift_pct`, older ones `minor`.
        let threshold = |name: &str, usual: f64| {
            let key = format!("verification.thresholds.{name}");
            match config
                .get(&format!("{key}_drift_pct"))
                .or_else(|| config.get(&key))
            {
                None => Ok(usual),
                Some(node) => node
                    .as_str()
                    .and_then(|text| text.parse::<f64>().ok())
                    .filter(|number| number.is_finite() && *number >= 0.0)
                    .ok_or_else(|| {
                        wrong(node.line, format!("the threshold `{name}` is no number"))
                    }),
            }
        };
        let critical: Vec<&str> = match config
            .get("approval.critical_metrics")
            .map(|node| &node.value)
        {
            Some(NodeValue::Sequence(items)) => items.iter().filter_map(Node::as_str).collect(),
            _ => Vec::new(),
        };
        let mut metrics = Vec::new();
        for (category, group) in pairs(config.get("metrics")) {
            for (name, node) in pairs(Some(group)) {
                let id = format!("{category}.{name}");
                let text = |key: &str| node.get(key).and_then(Node::as_str);
                let command = text("command")
                    .ok_or_else(|| wrong(node.line, format!("metric `{id}` has no command")))?;
                let kind = match text("parse_type").unwrap_or("string") {
                    "integer" => ValueKind::Integer,
                    "float" => ValueKind::Float(
                        text("precision").map_or(Ok(2), str::parse).map_err(|_| {
                            wrong(
                                node.line,
                                format!("metric `{id}`: `precision` is no number"),
                            )
                        })?,
                    ),
                    "string" => ValueKind::Text,
                    "boolean" => ValueKind::Boolean,
                    other => {
                        return Err(wrong(
                            node.line,
                            format!("metric `{id}`: unknown `parse_type` `{other}`"),
                        ));
                    }
                };
                let value = documented.get(&format!("{id}.value"));
                metrics.push(Metric {
                    command: command.to_owned(),
                    kind,
                    enabled: node.get("enabled").and_then(Node::as_bool).unwrap_or(true),
                    volatile: text("category") == Some("volatile"),
                    critical: critical.contains(&id.as_str()),
                    documented: value.and_then(Node::as_str).map(str::to_owned),
                    line: node.line,
                    id,
                });
            }
        }
        let groups = pairs(Some(&documented)).iter();
        let undefined = groups
            .flat_map(|(category, group)| {
                pairs(Some(group))
                    .iter()
                    .map(move |(name, _)| format!("{category}.{name}"))
            })
            .filter(|id| !metrics.iter().any(|metric| metric.id == *id))
            .collect();
        Ok(Self {
            thresholds: Thresholds {
                minor: threshold("minor", 5.0)?,
                moderate: threshold("moderate", 15.0)?,
                major: threshold("major", 25.0)?,
            },
            metrics,
            undefined,
            hooks: hooks(&config).map_err(|(line, what)| wrong(line, what))?,
        })
    }
}

fn hooks(config: &Node) -> Result<Vec<EventHook>, (usize, String)> {
    let Some(NodeValue::Sequence(items)) = config.get("events.hooks").map(|node| &node.value)
    else {
        return Ok(Vec::new());
    };
    items
        .iter()
        .map(|item| {
            let text = |key: &str| item.get(key).and_then(Node::as_str).map(str::to_owned);
            let name = text("name")
                .ok_or_else(|| (item.line, "an event hook has no `name`".to_owned()))?;
            let trigger = text("trigger")
                .ok_or_else(|| (item.line, format!("event hook `{name}` has no `trigger`")))?;
            let metrics = match item.get("metrics").map(|node| &node.value) {
                Some(NodeValue::Sequence(metrics)) => metrics
                    .iter()
                    .filter_map(Node::as_str)
                    .map(str::to_owned)
                    .collect(),
                _ => Vec::new(),
            };
            Ok(EventHook {
                schedule: text("schedule"),
                name,
                trigger,
                metrics,
            })
        })
        .collect()
}
