//! The invariants that are looked at: the built-in ones and the user's.

use std::collections::BTreeMap;

use nba_config::{InvariantSetting, Origin};
use nba_utils::{Digest, Hint};
use serde::{Deserialize, Serialize};

use super::message::Message;
use super::need::Need;
use crate::rules::Criticality;

/// The built-in invariants, as data.
const BUILTIN: &str = include_str!("builtin.toml");

/// When an invariant is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Scope {
    /// The SQL returns rows that violate it.
    Rows,
    /// The SQL returns what the database knows of, one text per row; each object of the data lake must be among it.
    Lake {
        /// Objects looked at: those whose key starts so.
        prefix: String,
        /// Regular expression whose first group is what the database has to know of an object; others are passed over.
        object: String,
    },
}

/// A statement about rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Invariant {
    /// Its name: lower-case letters, digits and `_`.
    pub id: String,
    /// The statement in one line, such as `one game is there once`.
    pub title: String,
    /// How much a violation weighs.
    pub severity: Criticality,
    /// Why it must hold.
    pub why: String,
    /// What to do about a row that violates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Where that was learnt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What it reads. All of it has to be there.
    pub needs: Vec<Need>,
    /// Whether a platform may do without these tables or have no rows in them: it is not applicable then. Otherwise it is not
    /// proven.
    pub optional: bool,
    /// What is counted, such as `games`.
    pub subjects: String,
    /// SQL that counts them; the rows of the first table it needs when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects_sql: Option<String>,
    /// SQL that returns the violating rows; what names a row comes first.
    pub sql: String,
    /// Columns at the front of a row that name it.
    pub key: usize,
    /// What is said about a violating row; all its columns when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// What it is about.
    pub scope: Scope,
    /// Where it was configured; built in when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured: Option<Origin>,
}

impl Invariant {
    /// Names what is looked for: a waiver counts only for the definition it was written for.
    #[must_use]
    pub fn definition(&self) -> Digest {
        let text = format!("{:?}\n{}\n{}", self.scope, self.key, self.sql);
        Digest::of(text.as_bytes())
    }
}

/// One table of `builtin.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    severity: Criticality,
    why: String,
    remedy: String,
    source: String,
    needs: String,
    #[serde(default)]
    optional: bool,
    subjects: String,
    #[serde(default)]
    subjects_sql: Option<String>,
    sql: String,
    #[serde(default = "one")]
    key: usize,
    message: Message,
    #[serde(default)]
    lake: Option<WrittenLake>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLake {
    prefix: String,
    object: String,
}

fn one() -> usize {
    1
}

/// The invariants of a run, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    invariants: BTreeMap<String, Invariant>,
}

impl Book {
    /// The built-in ones.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same text.
    #[must_use]
    pub fn builtin() -> Self {
        let written: BTreeMap<String, Written> =
            toml_edit::de::from_str(BUILTIN).expect("a test reads the built-in invariants");
        let invariants = written
            .into_iter()
            .map(|(id, written)| {
                let needs = Need::list(&written.needs).expect("a test reads the built-in needs");
                let scope = match written.lake {
                    None => Scope::Rows,
                    Some(lake) => Scope::Lake {
                        prefix: lake.prefix,
                        object: lake.object,
                    },
                };
                let invariant = Invariant {
                    id: id.clone(),
                    title: written.title,
                    severity: written.severity,
                    why: written.why,
                    remedy: Some(written.remedy),
                    source: Some(written.source),
                    needs,
                    optional: written.optional,
                    subjects: written.subjects,
                    subjects_sql: written.subjects_sql,
                    sql: written.sql,
                    key: written.key,
                    message: Some(written.message),
                    scope,
                    configured: None,
                };
                (id, invariant)
            })
            .collect();
        Self { invariants }
    }

    /// These and the user's own, from `[invariants.NAME]` in `nba.toml`.
    ///
    /// # Errors
    ///
    /// [`BookError`] with file and line when one of them has a taken name, or a part of it is missing or cannot be understood.
    pub fn with_configured(mut self, settings: &[InvariantSetting]) -> Result<Self, BookError> {
        for setting in settings {
            let invariant = configured(setting)?;
            if self.invariants.contains_key(&invariant.id) {
                return Err(BookError::new(
                    setting,
                    "is the name of a built-in invariant",
                ));
            }
            self.invariants.insert(invariant.id.clone(), invariant);
        }
        Ok(self)
    }

    /// The invariant of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Invariant> {
        self.invariants.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Invariant> {
        self.invariants.values()
    }
}

fn configured(setting: &InvariantSetting) -> Result<Invariant, BookError> {
    let wrong = |what: String| BookError::new(setting, what);
    let good =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if !setting.name.chars().all(good) {
        return Err(wrong(
            "has a name with other letters than a-z, 0-9 and `_`".to_owned(),
        ));
    }
    let missing = |part: &str| wrong(format!("lacks `{part}`"));
    let sql = setting.sql.clone().ok_or_else(|| missing("sql"))?;
    let needs = setting.needs.as_ref().ok_or_else(|| missing("needs"))?;
    let needs = Need::list(needs).map_err(|what| wrong(format!("has bad `needs`: {what}")))?;
    let first = needs.first().ok_or_else(|| missing("needs"))?;
    let subjects = match (&setting.subjects, &setting.subjects_sql) {
        (Some(noun), _) => noun.clone(),
        (None, _) => format!("rows of {}", first.table),
    };
    let severity = match setting.severity.as_deref() {
        Some("critical") => Criticality::Critical,
        None | Some("warning") => Criticality::Warning,
        Some(other) => {
            return Err(wrong(format!(
                "has the severity `{other}`, expected critical or warning"
            )));
        }
    };
    let message = match &setting.message {
        None => None,
        Some(text) => {
            Some(Message::new(text).map_err(|what| wrong(format!("has a bad `message`: {what}")))?)
        }
    };
    let key = setting.key.unwrap_or(1);
    if key == 0 {
        return Err(wrong(
            "has no column that names a row: `key` is 0".to_owned(),
        ));
    }
    Ok(Invariant {
        id: setting.name.clone(),
        title: setting
            .title
            .clone()
            .unwrap_or_else(|| setting.name.clone()),
        severity,
        why: setting
            .why
            .clone()
            .unwrap_or_else(|| "the project says so".to_owned()),
        remedy: setting.remedy.clone(),
        source: None,
        needs,
        optional: setting.optional,
        subjects,
        subjects_sql: setting.subjects_sql.clone(),
        sql,
        key,
        message,
        scope: Scope::Rows,
        configured: Some(setting.origin.clone()),
    })
}

/// An invariant of the user's that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`invariants.{name}` from {origin} {what}")]
pub struct BookError {
    name: String,
    origin: Origin,
    what: String,
}

impl BookError {
    fn new(setting: &InvariantSetting, what: impl Into<String>) -> Self {
        Self {
            name: setting.name.clone(),
            origin: setting.origin.clone(),
            what: what.into(),
        }
    }
}

impl Hint for BookError {
    fn hint(&self) -> Option<String> {
        Some(
            "an invariant needs at least `sql`, which returns the violating rows, and `needs`, the tables it reads; see `nba config reference`"
                .to_owned(),
        )
    }
}
