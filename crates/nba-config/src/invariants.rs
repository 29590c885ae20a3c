//! `[invariants.NAME]`: statements about rows that a project adds to the built-in ones.

use std::collections::BTreeSet;

use crate::{
    error::{ConfigError, Result},
    layer::Layer,
    origin::Origin,
    resolve,
};

/// The section's name.
const SECTION: &str = "invariants.";

/// One `[invariants.NAME]`, as it was written. What it means is decided where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvariantSetting {
    /// NAME.
    pub name: String,
    /// Where its query, or else the first of its values, was written.
    pub origin: Origin,
    /// Returns the violating rows.
    pub sql: Option<String>,
    /// What it reads.
    pub needs: Option<String>,
    /// The statement in one line.
    pub title: Option<String>,
    /// What is said about a violating row.
    pub message: Option<String>,
    /// `critical` or `warning`.
    pub severity: Option<String>,
    /// Columns that name a row.
    pub key: Option<usize>,
    /// What is counted.
    pub subjects: Option<String>,
    /// Counts them.
    pub subjects_sql: Option<String>,
    /// Whether its tables may be missing or empty.
    pub optional: bool,
    /// Why it must hold.
    pub why: Option<String>,
    /// What to do about a row that violates it.
    pub remedy: Option<String>,
}

/// All of them, by name.
pub(crate) fn settings(layers: &[Layer]) -> Result<Vec<InvariantSetting>> {
    let keys = layers.iter().flat_map(|layer| layer.entries.keys());
    let names: BTreeSet<&str> = keys
        .filter_map(|key| key.strip_prefix(SECTION)?.split('.').next())
        .collect();
    names.into_iter().map(|name| one(layers, name)).collect()
}

fn one(layers: &[Layer], name: &str) -> Result<InvariantSetting> {
    let key = |part: &str| format!("{SECTION}{name}.{part}");
    let get = |part: &str| -> Result<Option<String>> {
        let found = resolve::text(layers, &key(part))?;
        Ok(found.map(|(text, _)| text.to_owned()))
    };
    let wrong = |part: &str, expected: &str| {
        let origin =
            resolve::effective(layers, &key(part)).map_or(Origin::Default, |e| e.origin.clone());
        ConfigError::Value {
            key: key(part),
            origin,
            expected: expected.to_owned(),
        }
    };
    let number = match get("key")? {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| wrong("key", "must be a number of columns"))?,
        ),
    };
    let optional = match get("optional")?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(wrong("optional", "must be true or false")),
    };
    let prefix = key("");
    let origin = resolve::effective(layers, &key("sql")).or_else(|| {
        let entries = layers.iter().rev().flat_map(|layer| &layer.entries);
        entries
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(_, entry)| entry)
            .next()
    });
    Ok(InvariantSetting {
        name: name.to_owned(),
        origin: origin.map_or(Origin::Default, |entry| entry.origin.clone()),
        sql: get("sql")?,
        needs: get("needs")?,
        title: get("title")?,
        message: get("message")?,
        severity: get("severity")?,
        key: number,
        subjects: get("subjects")?,
        subjects_sql: get("subjects_sql")?,
        optional,
        why: get("why")?,
        remedy: get("remedy")?,
    })
}
