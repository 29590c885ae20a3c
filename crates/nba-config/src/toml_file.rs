//! `nba.toml`, with the line of every value.

use std::path::Path;

use toml_edit::{ImDocument, Item, TableLike, Value};

use crate::{
    error::{ConfigError, Result},
    text,
};

/// One value of the file: dotted key, text, line.
pub(crate) struct TomlValue {
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// All values of a file, as text; `Err` names file and line.
pub(crate) fn parse(path: &Path, content: &str) -> Result<Vec<TomlValue>> {
    let document = ImDocument::parse(content).map_err(|error| ConfigError::Syntax {
        path: path.into(),
        line: line_of(content, error.span()),
        // the message only: the error's Display repeats the line, which may hold a password
        message: error.message().replace('\n', ", "),
    })?;
    let mut out = Vec::new();
    let mut keys = Vec::new();
    table(path, content, document.as_table(), &mut keys, &mut out)?;
    Ok(out)
}

fn line_of(content: &str, span: Option<std::ops::Range<usize>>) -> usize {
    let before = span.and_then(|span| content.as_bytes().get(..span.start));
    text::line_at(before.unwrap_or_default())
}

fn table(
    path: &Path,
    content: &str,
    table_like: &dyn TableLike,
    keys: &mut Vec<String>,
    out: &mut Vec<TomlValue>,
) -> Result<()> {
    for (key, item) in table_like.iter() {
        keys.push(key.to_owned());
        let line = line_of(content, item.span());
        match item.as_table_like() {
            Some(inner) => table(path, content, inner, keys, out)?,
            None => {
                let text = scalar(item).ok_or_else(|| ConfigError::Syntax {
                    path: path.into(),
                    line,
                    message: format!(
                        "`{}` must be a text, a number or true/false",
                        keys.join(".")
                    ),
                })?;
                out.push(TomlValue {
                    key: keys.join("."),
                    text,
                    line,
                });
            }
        }
        keys.pop();
    }
    Ok(())
}

/// A scalar as text; numbers as they were written.
fn scalar(item: &Item) -> Option<String> {
    match item.as_value()? {
        Value::String(text) => Some(text.value().clone()),
        Value::Boolean(flag) => Some(flag.value().to_string()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Float(number) => Some(number.value().to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => None,
    }
}
