//! Every value with where it came from and what it overrode; secrets masked.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::Serialize;

use crate::{
    config::Config,
    layer::{self, Entry, Layer},
    load::Source,
    names::{self, Kind},
    origin::Origin,
};

/// What `nba config show` shows.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The project folder.
    pub project: String,
    /// The database that would be used, or why there is none.
    pub database: ResolvedDatabase,
    /// Every value, by key.
    pub values: Vec<ExplainedValue>,
    /// Every place that was looked at, lowest precedence first.
    pub sources: Vec<Source>,
}

/// The database that would be used, or why there is none.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ResolvedDatabase {
    /// There is exactly one.
    Target {
        /// Its family or name.
        name: Option<String>,
        /// Its URL without the password.
        url: String,
        /// Where each field came from.
        fields: Vec<FieldOrigin>,
    },
    /// There is none.
    None {
        /// Why.
        error: String,
        /// What to do.
        hint: Option<String>,
    },
}

/// Where one field of the target came from.
#[derive(Debug, Clone, Serialize)]
pub struct FieldOrigin {
    /// Field name.
    pub field: &'static str,
    /// Its source.
    pub source: Origin,
}

/// One value.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ExplainedValue {
    /// Dotted key; `family.rds.host` and the like for variable families.
    pub key: String,
    /// The value that counts, `***` for secrets, or why it cannot be used.
    pub value: String,
    /// Is it a secret?
    pub secret: bool,
    /// Can it be used?
    pub usable: bool,
    /// Where it comes from.
    pub source: Origin,
    /// What it overrode, highest first.
    pub overrides: Vec<Overridden>,
}

/// A value that another one overrode.
#[derive(Debug, Clone, Serialize)]
pub struct Overridden {
    /// The value, `***` for secrets.
    pub value: String,
    /// Where it comes from.
    pub source: Origin,
}

impl Config {
    /// Every value with where it came from and what it overrode; secrets masked.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let layers = &self.loaded.layers;
        let keys: BTreeSet<&String> = layers
            .iter()
            .flat_map(|layer| layer.entries.keys())
            .collect();
        let mut values: Vec<_> = keys
            .into_iter()
            .filter_map(|key| explain(layers, key))
            .collect();
        // families last: they are many and matter only where one is used
        values.sort_by_key(|value| value.key.starts_with("family."));
        let database = match self.database() {
            Ok(target) => ResolvedDatabase::Target {
                url: target.to_url_masked(),
                fields: target
                    .provenance
                    .iter()
                    .map(|(field, source)| FieldOrigin {
                        field,
                        source: source.clone(),
                    })
                    .collect(),
                name: target.name,
            },
            Err(error) => ResolvedDatabase::None {
                hint: error.hint(),
                error: error.to_string(),
            },
        };
        Explanation {
            project: self.project().display().to_string(),
            database,
            values,
            sources: self.loaded.sources.clone(),
        }
    }
}

fn shown(key: &str, entry: &Entry) -> String {
    match &entry.value {
        Ok(text) => layer::shown(key, text),
        Err(why) => format!("unusable: {why}"),
    }
}

fn explain(layers: &[Layer], key: &str) -> Option<ExplainedValue> {
    let mut entries = layers
        .iter()
        .rev()
        .filter_map(|layer| layer.entries.get(key));
    let first = entries.next()?;
    Some(ExplainedValue {
        key: key.to_owned(),
        value: shown(key, first),
        secret: layer::kind(key) == Kind::Secret,
        usable: first.value.is_ok(),
        source: first.origin.clone(),
        overrides: entries
            .map(|entry| Overridden {
                value: shown(key, entry),
                source: entry.origin.clone(),
            })
            .collect(),
    })
}

impl Explanation {
    /// As text for a terminal.
    #[must_use]
    pub fn render_text(&self) -> String {
        let mut out = String::new();
        // writing to a String cannot fail
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "project   {}", self.project)?;
        match &self.database {
            ResolvedDatabase::Target { name, url, fields } => {
                let name = name.as_deref().unwrap_or("unnamed");
                let title = names::family(name).map(|family| family.title);
                writeln!(out, "database  {url}")?;
                match title {
                    Some(title) => writeln!(out, "          from family {name} ({title})")?,
                    None => writeln!(out, "          from target {name}")?,
                }
                for field in fields {
                    writeln!(out, "          {:<9} {}", field.field, field.source)?;
                }
            }
            ResolvedDatabase::None { error, hint } => {
                writeln!(out, "database  none: {error}")?;
                if let Some(hint) = hint {
                    writeln!(out, "          hint: {}", hint.replace('\n', "\n        "))?;
                }
            }
        }
        writeln!(out)?;
        let width = self
            .values
            .iter()
            .map(|value| value.key.len())
            .max()
            .unwrap_or(0);
        for value in &self.values {
            let text = if value.value.is_empty() {
                "(empty)"
            } else {
                &value.value
            };
            writeln!(
                out,
                "{:<width$}  {}  [{}]",
                value.key,
                one_line(text),
                value.source
            )?;
            for old in &value.overrides {
                writeln!(
                    out,
                    "{:<width$}  overrides {}  [{}]",
                    "",
                    one_line(&old.value),
                    old.source
                )?;
            }
        }
        writeln!(out, "\nread, lowest precedence first:")?;
        for source in &self.sources {
            match (&source.problem, source.found) {
                (Some(problem), _) => writeln!(out, "  {} (unusable: {problem})", source.name)?,
                (None, true) => writeln!(out, "  {} ({} values)", source.name, source.values)?,
                (None, false) => writeln!(out, "  {} (not there)", source.name)?,
            }
        }
        Ok(())
    }
}

/// Line ends and other control characters made visible, so that a value cannot forge a line.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}
