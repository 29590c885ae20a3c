//! What is allowed to happen to a table between two looks at it.
//!
//! Live writers are normal, and growth is not automatically fine: every table gets one [`Rule`], chosen from its
//! documented role (database dossier 1.3, 2, 8.3), from what was seen, or by the user; an unknown table gets a careful one
//! and is named.

mod documented;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nba_db::fingerprint::TableName;
use nba_utils::Hint;
use serde::{Deserialize, Serialize};

/// What may change in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Rule {
    /// Nothing: the same rows with the same values.
    Frozen,
    /// Rows may be added; every row of the baseline must still be there unchanged.
    AppendOnly {
        /// Most rows added, in per cent of the baseline; no bound when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_growth_percent: Option<u32>,
    },
    /// Rows may be changed; their number must stay within a band around the baseline.
    Growing {
        /// Fewest rows, in per cent of the baseline.
        min_percent: u32,
        /// Most rows, in per cent of the baseline; no bound when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_percent: Option<u32>,
    },
    /// Another project writes it: it must exist and be readable, and must not lose everything.
    External,
    /// It has no rows and must not get any.
    ExpectedEmpty,
}

impl Rule {
    /// The word used in files and reports.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::AppendOnly { .. } => "append_only",
            Self::Growing { .. } => "growing",
            Self::External => "external",
            Self::ExpectedEmpty => "expected_empty",
        }
    }

    /// Whether the rule is about row contents, so that row-level evidence is worth keeping.
    #[must_use]
    pub fn needs_rows(&self) -> bool {
        matches!(self, Self::Frozen | Self::AppendOnly { .. })
    }
}

/// How much a broken rule weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criticality {
    /// Worth a look; the platform still has what it needs.
    Warning,
    /// Data that nobody can bring back: one such table makes the whole state critical.
    Critical,
}

/// The rule of one table and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRule {
    /// What may change.
    #[serde(flatten)]
    pub rule: Rule,
    /// How much a breach weighs.
    pub criticality: Criticality,
    /// Who says so.
    pub origin: RuleOrigin,
}

/// Who chose a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleOrigin {
    /// The documented role of the table.
    Documented,
    /// What the table held when the baseline was taken contradicts its documented role.
    Observed,
    /// The table is not documented; the rule is the careful one.
    Unknown,
    /// The user's rules.
    Configured,
}

/// Growth that a load of new games explains; more is a doubled load until somebody says otherwise
/// (monitoring dossier F09 and F13).
const USUAL_GROWTH_PERCENT: u32 = 10;

/// An entry of the user's rules: a rule, and optionally a weight.
///
/// In a rules file (see [`RuleBook::load`]):
///
/// ```json
/// {
///   "public.teams": "frozen",
///   "public.games": { "rule": "append_only", "max_growth_percent": 2, "criticality": "critical" }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawOverride")]
pub struct RuleOverride {
    /// What may change.
    pub rule: Rule,
    /// The weight; that of the documented role when absent.
    pub criticality: Option<Criticality>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawOverride {
    Word(String),
    Table(RawTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    rule: String,
    criticality: Option<Criticality>,
    max_growth_percent: Option<u32>,
    min_percent: Option<u32>,
    max_percent: Option<u32>,
}

impl TryFrom<RawOverride> for RuleOverride {
    type Error = String;

    fn try_from(raw: RawOverride) -> Result<Self, Self::Error> {
        let raw = match raw {
            RawOverride::Table(raw) => raw,
            RawOverride::Word(rule) => RawTable {
                rule,
                criticality: None,
                max_growth_percent: None,
                min_percent: None,
                max_percent: None,
            },
        };
        let no_growth = raw.max_growth_percent.is_none();
        let no_band = raw.min_percent.is_none() && raw.max_percent.is_none();
        let rule = match raw.rule.as_str() {
            "frozen" if no_growth && no_band => Rule::Frozen,
            "external" if no_growth && no_band => Rule::External,
            "expected_empty" if no_growth && no_band => Rule::ExpectedEmpty,
            "append_only" if no_band => Rule::AppendOnly {
                max_growth_percent: raw.max_growth_percent,
            },
            "growing" if no_growth => Rule::Growing {
                min_percent: raw.min_percent.unwrap_or(100),
                max_percent: raw.max_percent,
            },
            "frozen" | "external" | "expected_empty" | "append_only" | "growing" => {
                return Err(format!("rule `{}` does not take this limit", raw.rule));
            }
            other => {
                return Err(format!(
                    "unknown rule `{other}`, expected frozen, append_only, growing, external or expected_empty"
                ));
            }
        };
        Ok(Self {
            rule,
            criticality: raw.criticality,
        })
    }
}

/// The rules of a whole database: the documented roles and the user's changes to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleBook {
    overrides: BTreeMap<TableName, RuleOverride>,
}

impl RuleBook {
    /// The documented roles with these changes.
    #[must_use]
    pub fn with_overrides(overrides: BTreeMap<TableName, RuleOverride>) -> Self {
        Self { overrides }
    }

    /// The documented roles with the changes in a file, usually `.nba/rules.json`; no file, no changes.
    ///
    /// # Errors
    ///
    /// [`RuleFileError`] with the line when the file cannot be read or has an unknown rule or limit.
    pub fn load(path: &Path) -> Result<Self, RuleFileError> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            other => other.map_err(|source| RuleFileError::Read {
                path: path.to_owned(),
                source,
            })?,
        };
        serde_json::from_slice(&text)
            .map(Self::with_overrides)
            .map_err(|source| RuleFileError::Form {
                path: path.to_owned(),
                source,
            })
    }

    /// The user's entries for tables that are not among `known`; most likely misspelt.
    pub fn unused<'a>(&'a self, known: &'a [TableName]) -> impl Iterator<Item = &'a TableName> {
        self.overrides.keys().filter(|name| !known.contains(name))
    }

    /// The rule for a table that held `rows` rows when it was looked at; `None` when that could not be counted.
    #[must_use]
    pub fn rule_for(&self, table: &TableName, rows: Option<u64>) -> TableRule {
        let documented = documented::role(table);
        let default = match documented {
            // A table that was documented as empty and is not has become data; data is kept.
            Some((Rule::ExpectedEmpty, criticality)) if rows.is_some_and(|rows| rows > 0) => {
                TableRule {
                    rule: careful(),
                    criticality,
                    origin: RuleOrigin::Observed,
                }
            }
            Some((rule, criticality)) => TableRule {
                rule,
                criticality,
                origin: RuleOrigin::Documented,
            },
            None => TableRule {
                rule: careful(),
                criticality: Criticality::Warning,
                origin: RuleOrigin::Unknown,
            },
        };
        match self.overrides.get(table) {
            Some(chosen) => TableRule {
                rule: chosen.rule,
                criticality: chosen.criticality.unwrap_or(default.criticality),
                origin: RuleOrigin::Configured,
            },
            None => default,
        }
    }
}

/// A rules file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFileError {
    /// It cannot be read.
    #[error("could not read the rules in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It has another form.
    #[error("the rules in `{}` have an error", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
}

impl Hint for RuleFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => None,
            Self::Form { .. } => Some(
                "write entries such as `\"public.teams\": \"frozen\"`; the rules are frozen, append_only, growing, external and expected_empty".to_owned(),
            ),
        }
    }
}

/// The rule for data whose role nobody wrote down: nothing may get lost or change.
fn careful() -> Rule {
    Rule::AppendOnly {
        max_growth_percent: Some(USUAL_GROWTH_PERCENT),
    }
}
