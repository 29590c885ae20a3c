//! What an invariant reads.

use std::fmt;
use std::str::FromStr;

use nba_db::ident::TableName;
use serde::{Deserialize, Serialize};

/// A table and the columns of it that an invariant reads.
///
/// ```
/// use nba_monitoring::invariants::Need;
/// let need: Need = "public.games(game_id, season)".parse().unwrap();
/// assert_eq!(need.columns, ["game_id", "season"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Need {
    /// The table.
    pub table: TableName,
    /// Its columns; none means that only the table has to be there.
    pub columns: Vec<String>,
}

impl Need {
    /// A list in writing: needs separated by `;`.
    pub(crate) fn list(text: &str) -> Result<Vec<Self>, String> {
        text.split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect()
    }
}

impl FromStr for Need {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (table, columns) = match text.trim().split_once('(') {
            Some((table, rest)) => {
                let inner = rest
                    .strip_suffix(')')
                    .ok_or_else(|| format!("`{text}` has no closing bracket"))?;
                (table.trim(), inner)
            }
            None => (text.trim(), ""),
        };
        let table = TableName::try_from(table.to_owned())?;
        let columns = columns
            .split(',')
            .map(str::trim)
            .filter(|column| !column.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(Self { table, columns })
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        match self.columns.as_slice() {
            [] => Ok(()),
            columns => write!(f, "({})", columns.join(", ")),
        }
    }
}

impl TryFrom<String> for Need {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Need> for String {
    fn from(need: Need) -> Self {
        need.to_string()
    }
}
