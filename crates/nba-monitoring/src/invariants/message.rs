//! Sentences with the values of a violating row in them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What stands for SQL's NULL in a sentence.
const NULL: &str = "NULL";

/// A sentence with places for values: `game {game_id} has {rows} rows`.
///
/// ```
/// use nba_monitoring::invariants::Message;
/// let message = Message::new("game {game_id} has {rows} rows").unwrap();
/// let value = |column: &str| (column == "game_id").then_some("401").or(Some("1"));
/// assert_eq!(message.fill(value), "game 401 has 1 rows");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Message {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Column(String),
}

impl Message {
    /// Reads a sentence.
    ///
    /// # Errors
    ///
    /// Says which brace has no partner.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (words, place) = rest.split_at(open);
            let close = place
                .find('}')
                .ok_or_else(|| format!("`{{` without `}}` in `{text}`"))?;
            parts.push(Part::Words(words.to_owned()));
            parts.push(Part::Column(place[1..close].to_owned()));
            rest = &place[close + 1..];
        }
        parts.push(Part::Words(rest.to_owned()));
        Ok(Self { parts })
    }

    /// One place for each column, for an invariant that brings no sentence.
    pub(crate) fn of_columns(columns: &[String]) -> Self {
        let mut parts = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            parts.push(Part::Words(format!("{separator}{column} ")));
            parts.push(Part::Column(column.clone()));
        }
        Self { parts }
    }

    /// The columns it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column(name) => Some(name.as_str()),
            Part::Words(_) => None,
        })
    }

    /// The sentence about one row; control characters of values are escaped, so that it stays one line.
    pub fn fill<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Words(words) => out.push_str(words),
                Part::Column(name) => match value(name) {
                    None => out.push_str(NULL),
                    Some("") => out.push_str("''"),
                    Some(text) => {
                        for letter in text.chars() {
                            if letter.is_control() {
                                out.extend(letter.escape_default());
                            } else {
                                out.push(letter);
                            }
                        }
                    }
                },
            }
        }
        out
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Words(words) => f.write_str(words),
            Part::Column(name) => write!(f, "{{{name}}}"),
        })
    }
}

impl TryFrom<String> for Message {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Message> for String {
    fn from(message: Message) -> Self {
        message.to_string()
    }
}
