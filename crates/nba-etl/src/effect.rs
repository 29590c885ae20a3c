//! What a run was to bring about, and whether it did: measured before and after, never taken from an exit status.
//!
//! For 24 days scripts ended with status 0 and stored nothing, and nobody noticed (monitoring dossier 4.2, F16). Here a run is
//! *proven* when the rows, objects or files it was started for are there, *refuted* when they are not, and *not proven* when
//! that could not be measured. What a script says about itself can refute, and never prove.
//!
//! ```
//! use nba_etl::effect::{Expectation, What};
//!
//! let rows: Expectation = "rows:public.play_by_play>=400".parse()?;
//! assert_eq!(rows.minimum, Some(400));
//! let objects: Expectation = "objects:espn_play_by_play/".parse()?;
//! assert_eq!(objects.what, What::Objects { prefix: "espn_play_by_play/".to_owned() });
//! let counter: Expectation = "counter:errors<=0".parse()?;
//! assert!(matches!(counter.what, What::Counter { .. }));
//! # Ok::<(), nba_etl::effect::ExpectationError>(())
//! ```

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use nba_db::Database;
use nba_db::counts::CountOptions;
use nba_db::ident::TableName;
use nba_utils::Verdict;
use nba_utils::format::thousands;
use serde::Serialize;

use crate::lake::{Inventory, Lake, LakeObject};
use crate::runner::RunReport;

#[cfg(test)]
mod tests;

/// Least effect where neither the expectation nor the schedule names one: something has to happen.
const DEFAULT_MINIMUM: u64 = 1;

/// One thing that has to be different after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expectation {
    /// What is looked at.
    pub what: What,
    /// By how much, in rows, objects or files. Without it: what the schedule says, or else one.
    pub minimum: Option<u64>,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// More rows in a table.
    Rows {
        /// The table.
        table: TableName,
    },
    /// A larger number from a query: for loaders that update rows, such as
    /// `select count(*) from games where updated_at > now() - interval '1 day'`.
    Query {
        /// The query; read-only, one number.
        sql: String,
    },
    /// New or changed objects under a prefix of the lake.
    Objects {
        /// The prefix.
        prefix: String,
    },
    /// New or changed files in a folder.
    Files {
        /// The folder; relative to the run's working folder.
        folder: PathBuf,
    },
    /// A figure the script itself gives. It can refute, and never prove.
    Counter {
        /// Its label, in lower case.
        label: String,
        /// How it has to compare.
        relation: Relation,
        /// With what.
        value: u64,
    },
}

/// How a figure has to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Relation {
    /// At least.
    AtLeast,
    /// At most.
    AtMost,
    /// Exactly.
    Equal,
}

/// A text that names no expectation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no expectation: {problem}")]
pub struct ExpectationError {
    text: String,
    problem: String,
}

impl nba_utils::Hint for ExpectationError {
    fn hint(&self) -> Option<String> {
        Some(
            "such as rows:public.games>=5, objects:espn_schedules/, files:data/nba_pbp, query:select …, counter:errors<=0"
                .to_owned(),
        )
    }
}

impl std::str::FromStr for Expectation {
    type Err = ExpectationError;

    fn from_str(text: &str) -> Result<Expectation, ExpectationError> {
        let error = |problem: &str| ExpectationError {
            text: text.to_owned(),
            problem: problem.to_owned(),
        };
        let (kind, rest) = text
            .split_once(':')
            .ok_or_else(|| error("it has no `kind:` in front"))?;
        if kind == "query" {
            let what = What::Query {
                sql: rest.trim().to_owned(),
            };
            return Ok(Expectation {
                what,
                minimum: None,
            });
        }
        let (target, relation, number) = match rest.find(['<', '>', '=']) {
            None => (rest, None, None),
            Some(at) => {
                let (relation, number) = [
                    (">=", Relation::AtLeast),
                    ("<=", Relation::AtMost),
                    ("=", Relation::Equal),
                ]
                .into_iter()
                .find_map(|(sign, relation)| Some((relation, rest[at..].strip_prefix(sign)?)))
                .ok_or_else(|| error("the sign is none of >=, <= and ="))?;
                let number = number
                    .trim()
                    .parse()
                    .map_err(|_| error("no whole number follows the sign"))?;
                (&rest[..at], Some(relation), Some(number))
            }
        };
        let target = target.trim();
        if target.is_empty() {
            return Err(error("it names nothing"));
        }
        if kind == "counter" {
            let (Some(relation), Some(value)) = (relation, number) else {
                return Err(error("a counter needs a sign and a number"));
            };
            let label = target.to_ascii_lowercase();
            return Ok(Expectation {
                what: What::Counter {
                    label,
                    relation,
                    value,
                },
                minimum: None,
            });
        }
        if relation.is_some_and(|relation| relation != Relation::AtLeast) {
            return Err(error("only `>=` has a meaning here"));
        }
        let what = match kind {
            "rows" => What::Rows {
                table: TableName::parse(target),
            },
            "objects" => What::Objects {
                prefix: target.to_owned(),
            },
            "files" => What::Files {
                folder: PathBuf::from(target),
            },
            _ => {
                return Err(error(
                    "the kind is none of rows, query, objects, files, counter",
                ));
            }
        };
        Ok(Expectation {
            what,
            minimum: number,
        })
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Rows { table } => write!(f, "rows of `{table}`"),
            What::Query { sql } => write!(f, "result of `{sql}`"),
            What::Objects { prefix } => write!(f, "objects under `{prefix}`"),
            What::Files { folder } => write!(f, "files in `{}`", folder.display()),
            What::Counter { label, .. } => write!(f, "its own figure `{label}`"),
        }
    }
}

/// Where effects are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The database, for rows and queries.
    pub db: Option<&'a Database>,
    /// The lake, for objects.
    pub lake: Option<&'a Lake>,
    /// The run's working folder, for files.
    pub folder: &'a Path,
}

/// What was there at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// So many.
    Count(u64),
    /// Objects or files, each by the hash of its name and of its state.
    Footprint {
        /// Hash of the name → hash of size, ETag and time.
        states: HashMap<u64, u64>,
        /// The latest change.
        newest: Option<DateTime<Utc>>,
    },
    /// Nothing to measure: a claim.
    Claim,
    /// It could not be measured.
    Unknown(String),
}

impl Expectation {
    /// Whether it rests on a measurement, and not on what the script says.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        !matches!(self.what, What::Counter { .. })
    }

    /// Looks at the present state. What cannot be measured is [`Measure::Unknown`], with the reason.
    pub async fn measure(&self, sources: &Sources<'_>) -> Measure {
        match &self.what {
            What::Rows { table } => match sources.db {
                Some(db) => count(db, table).await,
                None => Measure::Unknown("there is no database to count in".to_owned()),
            },
            What::Query { sql } => match sources.db {
                Some(db) => number(db, sql)
                    .await
                    .map_or_else(Measure::Unknown, Measure::Count),
                None => Measure::Unknown("there is no database to ask".to_owned()),
            },
            What::Objects { prefix } => match sources.lake {
                Some(lake) => footprint(lake, &Inventory::of(prefix)).await,
                None => Measure::Unknown("there is no lake to look into".to_owned()),
            },
            What::Files { folder } => {
                let folder = sources.folder.join(folder);
                if folder.is_dir() {
                    footprint(&Lake::local(folder), &Inventory::default()).await
                } else {
                    // A run may make it.
                    Measure::Footprint {
                        states: HashMap::new(),
                        newest: None,
                    }
                }
            }
            What::Counter { .. } => Measure::Claim,
        }
    }
}

async fn count(db: &Database, table: &TableName) -> Measure {
    let counted = db
        .counts(std::slice::from_ref(table), &CountOptions::default())
        .await;
    match counted {
        Err(error) => Measure::Unknown(with_causes(&error)),
        Ok(counts) => match counts.rows(table) {
            Some(rows) => Measure::Count(rows),
            None => Measure::Unknown(counts.verdict().reasons().join("; ")),
        },
    }
}

/// The one number of a read-only query.
///
/// # Errors
///
/// Why there is none.
pub async fn number(db: &Database, sql: &str) -> Result<u64, String> {
    let rows = db
        .query(sql, &[])
        .await
        .map_err(|error| with_causes(&error))?;
    let [row] = &rows[..] else {
        return Err(format!("`{sql}` gives {} rows instead of one", rows.len()));
    };
    let json = serde_json::to_value(row).map_err(|error| error.to_string())?;
    let values: Vec<&serde_json::Value> = json
        .as_object()
        .map(|object| object.values().collect())
        .unwrap_or_default();
    match &values[..] {
        [value] => value
            .as_u64()
            .ok_or_else(|| format!("`{sql}` gives `{value}`, which is no whole number")),
        several => Err(format!(
            "`{sql}` gives {} columns instead of one",
            several.len()
        )),
    }
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    nba_utils::errors::chain(error)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

async fn footprint(lake: &Lake, what: &Inventory) -> Measure {
    let gathered = lake
        .inventory(what)
        .try_fold(
            (HashMap::new(), None),
            |(mut states, newest): (HashMap<u64, u64>, Option<DateTime<Utc>>), object| async move {
                states.insert(hash(&object.key), state(&object));
                Ok((states, newest.max(object.modified)))
            },
        )
        .await;
    match gathered {
        Ok((states, newest)) => Measure::Footprint { states, newest },
        Err(error) => Measure::Unknown(with_causes(&error)),
    }
}

/// Without keys of its own, so that two measurements agree.
fn hash(value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn state(object: &LakeObject) -> u64 {
    hash((object.size, &object.etag, object.modified))
}

/// One expectation, before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EffectReport {
    /// What was looked at.
    pub what: String,
    /// How many were there before; none where that could not be measured.
    pub before: Option<u64>,
    /// And after.
    pub after: Option<u64>,
    /// How many came or changed.
    pub gained: Option<u64>,
    /// How many are gone.
    pub lost: Option<u64>,
    /// Least number that was expected.
    pub expected: u64,
    /// What follows.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Compares two measurements of one expectation. `volume` is what the schedule led to expect.
#[must_use]
pub fn judge(
    expectation: &Expectation,
    before: &Measure,
    after: &Measure,
    volume: Option<u64>,
    report: &RunReport,
) -> EffectReport {
    let expected = expectation.minimum.or(volume).unwrap_or(DEFAULT_MINIMUM);
    let what = expectation.to_string();
    let mut effect = EffectReport {
        what: what.clone(),
        before: None,
        after: None,
        gained: None,
        lost: None,
        expected,
        verdict: Verdict::not_proven(""),
    };
    if let What::Counter {
        label,
        relation,
        value,
    } = &expectation.what
    {
        effect.expected = *value;
        let found = report
            .messages
            .counters
            .get(label)
            .or_else(|| report.counters.get(label))
            .copied();
        effect.after = found;
        effect.verdict = claim(label, *relation, *value, found);
        return effect;
    }
    match (before, after) {
        (Measure::Count(old), Measure::Count(new)) => {
            effect.before = Some(*old);
            effect.after = Some(*new);
            effect.gained = Some(new.saturating_sub(*old));
            effect.lost = Some(old.saturating_sub(*new));
        }
        (Measure::Footprint { states: old, .. }, Measure::Footprint { states: new, .. }) => {
            let size = |map: &HashMap<u64, u64>| u64::try_from(map.len()).ok();
            let number = |count: usize| u64::try_from(count).ok();
            effect.before = size(old);
            effect.after = size(new);
            effect.gained = number(
                new.iter()
                    .filter(|(key, state)| old.get(*key) != Some(*state))
                    .count(),
            );
            effect.lost = number(old.keys().filter(|key| !new.contains_key(*key)).count());
        }
        (Measure::Unknown(reason), _) => {
            effect.verdict =
                Verdict::not_proven(format!("{what} could not be measured before: {reason}"));
            return effect;
        }
        (_, Measure::Unknown(reason)) => {
            effect.verdict =
                Verdict::not_proven(format!("{what} could not be measured after: {reason}"));
            return effect;
        }
        _ => {
            effect.verdict = Verdict::not_proven(format!("{what} was not measured"));
            return effect;
        }
    }
    let (gained, lost) = (
        effect.gained.unwrap_or_default(),
        effect.lost.unwrap_or_default(),
    );
    let figures = format!(
        "{} before, {} after",
        thousands(effect.before.unwrap_or_default()),
        thousands(effect.after.unwrap_or_default())
    );
    effect.verdict = if lost > 0 {
        Verdict::refuted(format!("{what}: {} are gone ({figures})", thousands(lost)))
    } else if gained >= expected {
        Verdict::Proven
    } else if gained == 0 {
        Verdict::refuted(format!(
            "{what}: nothing came or changed, at least {} expected ({figures})",
            thousands(expected)
        ))
    } else {
        Verdict::refuted(format!(
            "{what}: only {} came or changed, at least {} expected ({figures})",
            thousands(gained),
            thousands(expected)
        ))
    };
    effect
}

fn claim(label: &str, relation: Relation, value: u64, found: Option<u64>) -> Verdict {
    let Some(found) = found else {
        return Verdict::not_proven(format!("the script gives no figure `{label}`"));
    };
    let (holds, sign) = match relation {
        Relation::AtLeast => (found >= value, "at least"),
        Relation::AtMost => (found <= value, "at most"),
        Relation::Equal => (found == value, "exactly"),
    };
    if holds {
        Verdict::not_applicable(format!("`{label}` is {found}, as the script itself says"))
    } else {
        Verdict::refuted(format!("`{label}` is {found}, {sign} {value} expected"))
    }
}

/// What all effects together say about a run.
#[must_use]
pub fn conclude(
    expectations: &[Expectation],
    effects: &[EffectReport],
    report: &RunReport,
) -> Verdict {
    let mut parts: Vec<Verdict> = effects
        .iter()
        .map(|effect| effect.verdict.clone())
        .collect();
    if let Some((false, reason)) = &report.messages.result {
        let reason = reason.as_deref().unwrap_or("no reason given");
        parts.push(Verdict::refuted(format!(
            "the script reports that it failed: {reason}"
        )));
    }
    if expectations.is_empty() {
        parts.push(Verdict::not_proven(format!(
            "{} is no evidence, and no effect was checked",
            report.ending
        )));
    } else if !expectations.iter().any(Expectation::is_measured) {
        parts.push(Verdict::not_proven(
            "only figures of the script itself were looked at, nothing was measured",
        ));
    }
    Verdict::all(parts)
}
