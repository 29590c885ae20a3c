//! Parameters that adapt to the type the server expects.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

/// A parameter whose type the server decides, as with a literal in the statement.
///
/// Rust types bound directly (`&5_i64`) must match the server's type exactly. A `Param` travels
/// as text and is read by the server's own input function, so `Param::from(5)` fits `integer`,
/// `numeric` and `text` alike. Values never become part of the statement's text.
///
/// ```
/// use nba_db::Param;
/// let by_id: Vec<Param> = vec!["0022300001".into(), 5_i64.into(), Param::Null];
/// assert_eq!(by_id[0], Param::Text("0022300001".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Param {
    /// SQL NULL.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A double; every digit needed to read the same value back is sent.
    Float(f64),
    /// Text, or the text form of a value of any type.
    Text(String),
    /// Raw bytes for a `bytea`.
    Bytes(Vec<u8>),
}

impl ToSql for Param {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Bool(value) => out.put_slice(if *value { b"true" } else { b"false" }),
            Self::Int(value) => out.put_slice(value.to_string().as_bytes()),
            Self::Float(value) => out.put_slice(float_text(*value).as_bytes()),
            Self::Text(value) => out.put_slice(value.as_bytes()),
            Self::Bytes(value) if *ty == Type::BYTEA => {
                out.put_slice(b"\\x");
                for byte in value {
                    out.put_slice(format!("{byte:02x}").as_bytes());
                }
            }
            Self::Bytes(_) => return Err(format!("bytes do not fit type `{}`", ty.name()).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

/// PostgreSQL's spelling of a double.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "Infinity".to_owned()
        } else {
            "-Infinity".to_owned()
        }
    } else {
        format!("{value:e}")
    }
}

impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Param {
    fn from(value: i32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<f64> for Param {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Param {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Param {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Borrows a list of parameters in the form the query methods take.
#[must_use]
pub fn params(list: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    list.iter()
        .map(|param| -> &(dyn ToSql + Sync) { param })
        .collect()
}
