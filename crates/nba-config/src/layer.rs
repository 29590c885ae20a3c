//! One source of configuration: its values with their origin, as a figment provider.

use std::{collections::BTreeMap, path::PathBuf};

use figment::{
    Error, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use crate::{
    names::{self, Kind},
    origin::Origin,
    target::DatabaseTarget,
};

/// What stands in place of a secret.
pub(crate) const MASK: &str = "***";

/// The section whose keys are not split.
const CAPABILITIES: &str = "capabilities";

/// One value. No `Debug`: it may be a secret.
#[derive(Clone)]
pub(crate) struct Entry {
    /// `Err` says why the value cannot be trusted.
    pub(crate) value: Result<String, String>,
    pub(crate) origin: Origin,
}

/// One source, such as a file or the environment.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) path: Option<PathBuf>,
    pub(crate) entries: BTreeMap<String, Entry>,
}

impl Layer {
    pub(crate) fn new(name: impl Into<String>, path: Option<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path,
            entries: BTreeMap::new(),
        }
    }

    pub(crate) fn insert(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
        origin: Origin,
    ) {
        self.entries.insert(
            key.into(),
            Entry {
                value: Ok(value.into()),
                origin,
            },
        );
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        let origins: BTreeMap<String, String> = self
            .entries
            .iter()
            .map(|(key, entry)| (key.clone(), entry.origin.to_string()))
            .collect();
        // figment's own environment provider names no variable: ours does (dependencies A.4)
        Metadata::named(self.name.clone()).interpolater(move |_, keys| {
            let key = keys.join(".");
            origins
                .get(&key)
                .map_or_else(|| key.clone(), |origin| format!("{key} from {origin}"))
        })
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut dict = Dict::new();
        for (key, entry) in &self.entries {
            if let Ok(text) = &entry.value {
                insert(&mut dict, key, text);
            }
        }
        Ok(Profile::Default.collect(dict))
    }
}

/// Every value stays a text: figment's own guessing would eat the zeros of `00712345` (dependencies A.0).
fn insert(dict: &mut Dict, key: &str, text: &str) {
    let Some((section, rest)) = key.split_once('.') else {
        dict.insert(key.into(), Value::from(text));
        return;
    };
    let inner = dict
        .entry(section.into())
        .or_insert_with(|| Value::from(Dict::new()));
    let Value::Dict(_, inner) = inner else { return };
    if section == CAPABILITIES {
        // capability names have dots themselves, and one may be the beginning of another
        inner.insert(rest.into(), Value::from(text));
    } else {
        insert(inner, rest, text);
    }
}

/// The kind of a key, families included.
pub(crate) fn kind(key: &str) -> Kind {
    if let Some(known) = names::find_key(key) {
        return known.kind;
    }
    match key.rsplit('.').next() {
        Some("password") => Kind::Secret,
        Some("url") => Kind::Url,
        _ => Kind::Text,
    }
}

/// A value as it may be shown.
pub(crate) fn shown(key: &str, value: &str) -> String {
    match kind(key) {
        Kind::Secret => MASK.into(),
        // What is no URL may still be a connection string with `password=`.
        Kind::Url => DatabaseTarget::from_url(value)
            .map_or_else(|_| MASK.into(), |target| target.to_url_masked()),
        _ => masked(value),
    }
}

/// Hides the password of anything that looks like a URL with one, whatever key it stands under.
fn masked(value: &str) -> String {
    let login = value.rfind('@').is_some_and(|at| value[..at].contains(':'));
    let query = value.contains("://") && value.contains(['?', '#']);
    let words = value.to_ascii_lowercase();
    let pair = ["password", "passwd", "pwd"]
        .iter()
        .any(|name| words.contains(name))
        && value.contains('=');
    if !login && !query && !pair {
        return value.into();
    }
    DatabaseTarget::from_url(value).map_or_else(|_| MASK.into(), |target| target.to_url_masked())
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_connection_string_that_is_no_url_is_not_shown() {
        let words = "host=db.example port=5432 dbname=nba user=etl password=s3cret";
        for key in ["database.url", "family.url.url", "targets.prod.url"] {
            assert!(!shown(key, words).contains("s3cret"), "{key}");
        }
        assert!(!shown("family.db.host", words).contains("s3cret"));
        assert_eq!(shown("family.db.host", "db.example"), "db.example");
        let url = shown("database.url", "postgres://etl:s3cret@db.example/nba");
        assert!(
            url.contains("db.example") && !url.contains("s3cret"),
            "{url}"
        );
    }
}
