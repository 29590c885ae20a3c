//! Two fingerprint documents, compared without either database.

use std::collections::{BTreeMap, BTreeSet};

use nba_utils::format::thousands;
use nba_utils::{Hint, Verdict};
use serde::{Deserialize, Serialize};

use super::report::{FingerprintReport, TableReport};
use super::schema::schema_differences;
use super::{TableFingerprint, TableName};

/// How two documents differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FingerprintDiff {
    /// `Proven` when every table of both holds the same rows and is defined in the same way.
    pub verdict: Verdict,
    /// Tables whose rows differ, or of which that is unknown.
    pub tables: BTreeMap<TableName, TableDiff>,
    /// Differences of definitions, one sentence each.
    pub schema: Vec<String>,
    /// Tables with the same rows.
    pub same: usize,
}

/// How one table differs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableDiff {
    /// One line for people.
    pub message: String,
    /// Rows of the first document, where they were counted.
    pub rows_before: Option<u64>,
    /// Rows of the second document, where they were counted.
    pub rows_after: Option<u64>,
    /// Columns whose values differ.
    pub columns: Vec<ColumnDiff>,
    /// How many buckets differ, of how many; absent where the two were divided in different ways.
    pub buckets: Option<(usize, usize)>,
}

/// How one column differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnDiff {
    /// Column name.
    pub name: String,
    /// NULLs of the first and of the second document.
    pub nulls: (u64, u64),
    /// Empty strings of the first and of the second document.
    pub empty: (u64, u64),
    /// Least and greatest value of the first and of the second document, where they changed and both are exact.
    pub ranges: Option<((String, String), (String, String))>,
}

/// Two documents whose digests mean different things.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the two fingerprints cannot be compared: {what} is {before} in the first and {after} in the second"
)]
pub struct NotComparable {
    what: &'static str,
    before: String,
    after: String,
}

impl Hint for NotComparable {
    fn hint(&self) -> Option<String> {
        Some(
            "`nba db compare` compares rows between servers of any kind, value by value".to_owned(),
        )
    }
}

impl FingerprintReport {
    /// Compares this document with a later one, or with one of a copy.
    ///
    /// Digests are compared only where they mean the same: one version of the encoding, one major version of PostgreSQL, one
    /// encoding of the database. Hashes do not depend on collations; least and greatest values do, and are compared only under
    /// the same one.
    ///
    /// # Errors
    ///
    /// [`NotComparable`] with what differs.
    pub fn diff(&self, other: &Self) -> Result<FingerprintDiff, NotComparable> {
        let same = |what, before: String, after: String| {
            if before == after {
                return Ok(());
            }
            Err(NotComparable {
                what,
                before,
                after,
            })
        };
        same(
            "the way values are hashed",
            format!("version {}", self.encoding),
            format!("version {}", other.encoding),
        )?;
        let major = |report: &Self| (report.identity.brief.server_version_num / 10_000).to_string();
        same("PostgreSQL's major version", major(self), major(other))?;
        same(
            "the database's encoding",
            self.identity.encoding.clone(),
            other.identity.encoding.clone(),
        )?;
        let one_order = self.identity.collation == other.identity.collation;

        let mut verdicts = Vec::new();
        let mut tables = BTreeMap::new();
        let mut same = 0;
        let names: BTreeSet<&TableName> = self.tables.keys().chain(other.tables.keys()).collect();
        for name in names {
            let (verdict, diff) = match (self.tables.get(name), other.tables.get(name)) {
                (Some(before), Some(after)) => compare(before, after, one_order),
                (before, after) => only_one(before, after),
            };
            verdicts.push(verdict.about(&name.to_string()));
            match diff {
                Some(diff) => {
                    tables.insert(name.clone(), diff);
                }
                None => same += 1,
            }
        }
        let schema = self.schema_findings(other);
        verdicts.push(match (self.schema.as_result(), other.schema.as_result()) {
            (Ok(before), Ok(after)) if before == after => Verdict::Proven,
            (Ok(_), Ok(_)) => Verdict::from_findings(if schema.is_empty() {
                vec!["definitions differ".to_owned()]
            } else {
                schema.clone()
            }),
            (Err(reason), _) | (_, Err(reason)) => {
                Verdict::not_proven(format!("definitions were not measured: {reason}"))
            }
        });
        Ok(FingerprintDiff {
            verdict: Verdict::all(verdicts),
            tables,
            schema,
            same,
        })
    }

    fn schema_findings(&self, other: &Self) -> Vec<String> {
        let facts = |report: &Self| {
            report
                .tables
                .iter()
                .map(|(name, table)| (name.clone(), table.definitions.clone()))
                .collect()
        };
        let mut findings = schema_differences(&facts(self), &facts(other));
        if let (Some(before), Some(after)) = (self.views.measured(), other.views.measured()) {
            for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                let what = match (before.get(name), after.get(name)) {
                    (Some(old), Some(new)) if old == new => continue,
                    (Some(_), Some(_)) => "redefined",
                    (Some(_), None) => "missing",
                    _ => "added",
                };
                findings.push(format!("view {what}: {name}"));
            }
        }
        findings
    }
}

fn only_one(
    before: Option<&TableReport>,
    after: Option<&TableReport>,
) -> (Verdict, Option<TableDiff>) {
    let rows = |table: Option<&TableReport>| {
        table
            .and_then(|table| table.content.measured())
            .map(|content| content.rows)
    };
    let message = if after.is_none() {
        "only in the first"
    } else {
        "only in the second"
    };
    let diff = TableDiff {
        message: message.to_owned(),
        rows_before: rows(before),
        rows_after: rows(after),
        ..TableDiff::default()
    };
    (Verdict::refuted(message), Some(diff))
}

fn compare(
    before: &TableReport,
    after: &TableReport,
    one_order: bool,
) -> (Verdict, Option<TableDiff>) {
    let (old, new) = match (before.content.as_result(), after.content.as_result()) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            let message = format!(
                "not measured: {}",
                old.err().or(new.err()).unwrap_or_default()
            );
            let diff = TableDiff {
                message: message.clone(),
                rows_before: old.ok().map(|content| content.rows),
                rows_after: new.ok().map(|content| content.rows),
                ..TableDiff::default()
            };
            return (Verdict::not_proven(message), Some(diff));
        }
    };
    let shape = |table: &TableReport| -> Vec<(String, String)> {
        let columns = table.spec.columns.iter();
        columns
            .map(|column| (column.name.clone(), column.base_type.clone()))
            .collect()
    };
    let reshaped = shape(before) != shape(after);
    if !reshaped && (old.rows, old.digest) == (new.rows, new.digest) && same_columns(old, new) {
        return (Verdict::Proven, None);
    }
    let columns = columns(before, after, old, new, one_order);
    let divided_alike = old.buckets.len() == new.buckets.len() && before.spec.key == after.spec.key;
    let buckets = divided_alike.then(|| (old.differing_buckets(new).len(), old.buckets.len()));
    let mut parts = Vec::new();
    if reshaped {
        parts.push("other columns, or other types".to_owned());
    }
    parts.push(match new.rows.cmp(&old.rows) {
        std::cmp::Ordering::Less => format!(
            "{} rows fewer ({} → {})",
            thousands(old.rows - new.rows),
            thousands(old.rows),
            thousands(new.rows)
        ),
        std::cmp::Ordering::Greater => format!(
            "{} rows more ({} → {})",
            thousands(new.rows - old.rows),
            thousands(old.rows),
            thousands(new.rows)
        ),
        std::cmp::Ordering::Equal => format!("the same number of rows ({})", thousands(old.rows)),
    });
    if !columns.is_empty() {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        parts.push(format!("values differ in {}", names.join(", ")));
    } else if old.rows == new.rows {
        parts.push("their values differ".to_owned());
    }
    if let Some((differing, all)) = buckets {
        parts.push(format!("{differing} of {all} buckets differ"));
    }
    let message = parts.join("; ");
    let diff = TableDiff {
        message: message.clone(),
        rows_before: Some(old.rows),
        rows_after: Some(new.rows),
        columns,
        buckets,
    };
    (Verdict::refuted(message), Some(diff))
}

/// Only where both have digests per column.
fn same_columns(old: &TableFingerprint, new: &TableFingerprint) -> bool {
    old.columns.is_empty() || new.columns.is_empty() || old.columns == new.columns
}

fn columns(
    before: &TableReport,
    after: &TableReport,
    old: &TableFingerprint,
    new: &TableFingerprint,
    one_order: bool,
) -> Vec<ColumnDiff> {
    let range = |table: &TableReport, name: &str| {
        let profile = table.profile.measured()?;
        let found = profile.iter().find(|column| column.name == name)?;
        let range = found.range.as_ref()?;
        (range.source == super::profile::Source::Exact)
            .then(|| (range.min.clone(), range.max.clone()))
    };
    old.columns
        .iter()
        .filter_map(|column| {
            let other = new.columns.iter().find(|other| other.name == column.name)?;
            if other == column {
                return None;
            }
            let ranges = range(before, &column.name)
                .zip(range(after, &column.name))
                .filter(|(old, new)| one_order && old != new);
            Some(ColumnDiff {
                name: column.name.clone(),
                nulls: (column.nulls, other.nulls),
                empty: (column.empty, other.empty),
                ranges,
            })
        })
        .collect()
}
