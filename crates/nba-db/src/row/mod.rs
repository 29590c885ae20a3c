//! Rows as maps with exact JSON values.

pub(crate) mod json;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::error::{DbError, Result, statement_label};

/// One row: column names and the JSON text of each value, in column order.
///
/// The text keeps what the server sent: every digit of a `numeric`, the whole range of `int8`,
/// `jsonb` and `json` as stored. `serde_json::to_string(&row)` is therefore exact; converting to
/// `serde_json::Value` is not for numbers beyond 64 bits or 17 digits.
///
/// | PostgreSQL | JSON |
/// |---|---|
/// | integers, `numeric`, `real`, `double precision` | number; `"NaN"`, `"Infinity"`, `"-Infinity"` as strings |
/// | `boolean` | `true`, `false` |
/// | `json`, `jsonb` | as stored |
/// | `date`, `timestamp`, `timestamptz`, `time`, `timetz` | ISO 8601 string, `timestamptz` in UTC with `+00:00`; `"infinity"`, ` BC` as the server writes them |
/// | `interval` | ISO 8601 duration string, months, days and seconds kept apart |
/// | `bytea` | `"\\x…"` string |
/// | arrays (any dimension), composites, ranges | array, object, string in the server's notation |
/// | text, enums, `uuid`, `oid`, network addresses and the like | string |
///
/// ```
/// # use nba_db::JsonRow;
/// # fn show(row: &JsonRow) -> Result<(), Box<dyn std::error::Error>> {
/// let id: String = row.get("game_id")?;
/// let exact: Option<&str> = row.text("plus_minus"); // JSON text: `null`, `1.50`, `"abc"`
/// println!("{}", serde_json::to_string(row)?);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct JsonRow {
    columns: Arc<[String]>,
    values: Vec<Box<RawValue>>,
}

impl PartialEq for JsonRow {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self
                .values
                .iter()
                .map(|v| v.get())
                .eq(other.values.iter().map(|v| v.get()))
    }
}

impl JsonRow {
    pub(crate) fn from_rows(sql: &str, rows: &[Row]) -> Result<Vec<Self>> {
        let Some(first) = rows.first() else {
            return Ok(Vec::new());
        };
        let columns = Columns::of(sql, first)?;
        rows.iter().map(|row| columns.row(row)).collect()
    }

    /// The column names, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The JSON text of a column; `None` if there is no such column, `Some("null")` for NULL.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        Some(self.values.get(at)?.get())
    }

    /// The value of a column as any type that can be read from its JSON.
    ///
    /// # Errors
    /// When there is no such column or its JSON is no `T`.
    pub fn get<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        let text = self.text(column).ok_or_else(|| {
            DbError::usage_with_hint(
                "reading a row",
                format!("no column `{column}`"),
                format!("the columns are {}", self.columns.join(", ")),
            )
        })?;
        serde_json::from_str(text).map_err(|error| DbError::Decode {
            operation: "reading a row".to_owned(),
            what: format!("column `{column}`"),
            source: Some(Box::new(error)),
        })
    }

    /// The whole row as any type that can be read from a JSON object.
    ///
    /// # Errors
    /// When the row's JSON is no `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.to_json()).map_err(|error| DbError::Decode {
            operation: "reading a row".to_owned(),
            what: format!("columns {}", self.columns.join(", ")),
            source: Some(Box::new(error)),
        })
    }

    /// The row as exact JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members: Vec<String> = self
            .iter()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// Names and JSON texts, in column order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns
            .iter()
            .map(String::as_str)
            .zip(self.values.iter().map(|value| value.get()))
    }
}

impl Serialize for JsonRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (name, value) in self.columns.iter().zip(&self.values) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The shape of a result, checked once and then applied to each of its rows.
#[derive(Clone)]
pub(crate) struct Columns {
    label: String,
    names: Arc<[String]>,
    types: Arc<[Type]>,
}

impl Columns {
    pub(crate) fn of(sql: &str, row: &Row) -> Result<Self> {
        let label = statement_label(sql);
        let names: Arc<[String]> = row
            .columns()
            .iter()
            .map(|column| column.name().to_owned())
            .collect();
        for (at, name) in names.iter().enumerate() {
            // The legacy helper kept the last of them silently (database dossier 6.4).
            if names[..at].contains(name) {
                return Err(DbError::usage_with_hint(
                    label,
                    format!("two columns are named `{name}`"),
                    "give one of them another name with `as`",
                ));
            }
        }
        let types: Arc<[Type]> = row
            .columns()
            .iter()
            .map(|column| column.type_().clone())
            .collect();
        Ok(Self {
            label,
            names,
            types,
        })
    }

    pub(crate) fn row(&self, row: &Row) -> Result<JsonRow> {
        let mut values = Vec::with_capacity(self.types.len());
        let mut text = String::new();
        for (at, kind) in self.types.iter().enumerate() {
            let raw: Option<Raw<'_>> = row
                .try_get(at)
                .map_err(|error| DbError::from_tokio(self.label.clone(), error))?;
            text.clear();
            match raw {
                None => text.push_str("null"),
                Some(Raw(bytes)) => json::write(kind, bytes, &mut text)
                    .map_err(|error| self.undecodable(at, error))?,
            }
            values.push(
                RawValue::from_string(text.clone())
                    .map_err(|error| self.undecodable(at, error.into()))?,
            );
        }
        Ok(JsonRow {
            columns: Arc::clone(&self.names),
            values,
        })
    }

    fn undecodable(&self, at: usize, source: json::Error) -> DbError {
        DbError::Decode {
            operation: self.label.clone(),
            what: format!(
                "column `{}` of type `{}`",
                self.names[at],
                self.types[at].name()
            ),
            source: Some(source),
        }
    }
}

/// The bytes of a value of whatever type.
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Self, json::Error> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
