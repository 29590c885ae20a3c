//! Identifiers in statements: the only place where text becomes part of SQL.
#![expect(clippy::disallowed_types, reason = "this is the quoting module")]

use std::fmt;

use sqlx::AssertSqlSafe;

/// A quoted identifier. Its `Display` is the quoted form.
///
/// ```
/// use nba_db::ident::Ident;
/// assert_eq!(Ident::new("games").to_string(), "\"games\"");
/// assert_eq!(Ident::new("a\"; drop table games; --").to_string(), "\"a\"\"; drop table games; --\"");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ident(String);

impl Ident {
    /// An identifier named exactly so. NUL, which no name can contain, is dropped.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let mut name = name.into();
        name.retain(|c| c != '\0');
        Self(name)
    }

    /// The bare name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A table (or view) in a schema.
///
/// `Display` and JSON give `schema.name` for people and reports, [`TableName::sql`] the quoted form
/// for statements.
///
/// ```
/// use nba_db::ident::TableName;
/// let table = TableName::new("odds", "bet_types");
/// assert_eq!(table.sql(), "\"odds\".\"bet_types\"");
/// assert_eq!(table.to_string(), "odds.bet_types");
/// assert_eq!(TableName::parse("games"), TableName::new("public", "games"));
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct TableName {
    /// Schema, unquoted.
    pub schema: String,
    /// Table, unquoted.
    pub name: String,
}

impl TableName {
    /// A table named exactly so.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// Reads `schema.name`, or `name` for one in `public`. Names are taken as they are, without
    /// folding case; the first dot separates.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('.') {
            Some((schema, name)) => Self::new(schema, name),
            None => Self::new("public", text),
        }
    }

    /// The quoted form for statements.
    #[must_use]
    pub fn sql(&self) -> String {
        format!(
            "{}.{}",
            Ident::new(self.schema.as_str()),
            Ident::new(self.name.as_str())
        )
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for TableName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once('.') {
            Some((schema, name)) if !schema.is_empty() && !name.is_empty() => {
                Ok(Self::new(schema, name))
            }
            _ => Err(format!("`{text}` is not of the form `schema.table`")),
        }
    }
}

/// Quotes names and joins them with commas.
///
/// ```
/// assert_eq!(nba_db::ident::list(["a", "B"]), "\"a\", \"B\"");
/// ```
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names
        .into_iter()
        .map(|name| Ident::new(name).to_string())
        .collect();
    quoted.join(", ")
}

/// Quotes a string literal, for the few statements that take no parameters (`COPY`, `SET`).
///
/// ```
/// assert_eq!(nba_db::ident::literal("it's"), "'it''s'");
/// assert_eq!(nba_db::ident::literal(r"a\b"), r" E'a\\b'");
/// ```
#[must_use]
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''").replace('\0', "");
    if doubled.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// Hands a statement that was put together here or in the guard to sqlx, which takes only
/// constants otherwise.
pub(crate) fn trusted(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

#[cfg(test)]
mod tests;
