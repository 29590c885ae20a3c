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
    /// folding case; a part that has a dot itself stands in double quotes, otherwise the first dot
    /// separates.
    ///
    /// ```
    /// use nba_db::ident::TableName;
    /// let odd = TableName::new("a", "b.c");
    /// assert_eq!(odd.to_string(), "a.\"b.c\"");
    /// assert_eq!(TableName::parse(&odd.to_string()), odd);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::split(text).unwrap_or_else(|| Self::new("public", text))
    }

    fn split(text: &str) -> Option<Self> {
        let (schema, rest) = part(text)?;
        let rest = rest.strip_prefix('.')?;
        let name = match part(rest) {
            Some((name, "")) => name,
            _ => rest.to_owned(),
        };
        Some(Self::new(schema, name))
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
        write!(f, "{}.{}", Part(&self.schema), Part(&self.name))
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
        Self::split(&text)
            .filter(|table| !table.schema.is_empty() && !table.name.is_empty())
            .ok_or_else(|| format!("`{text}` is not of the form `schema.table`"))
    }
}

/// The first part of a written name, and what follows it.
fn part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

/// One part of a name as it is written: plain, or in quotes where a dot or a quote would make it ambiguous.
struct Part<'a>(&'a str);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(['.', '"']) {
            write!(f, "\"{}\"", self.0.replace('"', "\"\""))
        } else {
            f.write_str(self.0)
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

/// Quotes a string literal so that it stays on one line: a script that people read, and in which a comment must not end where a
/// value has a line break.
///
/// ```
/// assert_eq!(nba_db::ident::literal_line("it's"), "'it''s'");
/// assert_eq!(nba_db::ident::literal_line("a\nb\\"), r" E'a\nb\\'");
/// ```
#[must_use]
pub fn literal_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return literal(text);
    }
    let mut line = String::from(" E'");
    for letter in text.chars().filter(|letter| *letter != '\0') {
        match letter {
            '\'' => line.push_str("''"),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            other if other.is_control() => line.push_str(&format!("\\u{:04X}", u32::from(other))),
            other => line.push(other),
        }
    }
    line.push('\'');
    line
}

/// Hands a statement that was put together here or in the guard to sqlx, which takes only
/// constants otherwise.
pub(crate) fn trusted(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

#[cfg(test)]
mod tests;
