//! What is compared with what, and how strictly.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use crate::gentle::Gentleness;
use crate::ident::TableName;

/// Differences kept in the result; an observer sees all of them.
const LISTED: usize = 1_000;
/// Key ranges read at the same time.
const RANGES: NonZeroU32 = NonZeroU32::new(2).expect("two is not zero");
/// `work_mem` of the server's sessions, in MiB.
const SERVER_MEMORY_MIB: NonZeroU32 = NonZeroU32::new(16).expect("sixteen is not zero");

/// Rows of a piece of the key, about: half a second's work for a slow server.
const PIECE_ROWS: NonZeroU64 = NonZeroU64::new(20_000).expect("it is not zero");

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A table, partitioned table, view, materialised view or foreign table.
    Table(TableName),
    /// The rows of a query, which takes no parameters and must be a trusted text. It runs in a read-only transaction with
    /// the role's own search path.
    Query(String),
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "{table}"),
            Self::Query(_) => f.write_str("query"),
        }
    }
}

impl From<TableName> for Relation {
    fn from(table: TableName) -> Self {
        Self::Table(table)
    }
}

/// How the rows of the two sides are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Inside one database: a merge join over two unique indexes, which gives only the rows that differ.
    Join,
    /// Two streams of rows in key order, merged here.
    Stream,
    /// Two streams of rows in the order of a hash, for rows without a key: how often each row is there is compared.
    Multiset,
}

impl Mode {
    /// The word used in JSON and in text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Stream => "stream",
            Self::Multiset => "multiset",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The largest absolute difference that still counts as equal: of numbers, or in seconds of dates and times.
///
/// It is an exact decimal, so that a tolerance of 0.001 hides nothing between two numbers of 41 digits.
///
/// ```
/// use nba_db::compare::Tolerance;
/// assert_eq!("0.001".parse::<Tolerance>()?.to_string(), "0.001");
/// assert!("-1".parse::<Tolerance>().is_err());
/// # Ok::<(), nba_db::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Tolerance(
    // Invariant: not negative.
    pub(super) Decimal,
);

impl std::str::FromStr for Tolerance {
    type Err = super::CompareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Decimal::parse(text) {
            Some(decimal) if !decimal.is_negative() => Ok(Self(decimal)),
            _ => Err(super::CompareError::Spec {
                problem: format!("`{text}` is not a tolerance"),
                hint: "give a number from 0 on, such as 0.001; seconds for dates and times",
            }),
        }
    }
}

impl TryFrom<String> for Tolerance {
    type Error = super::CompareError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Tolerance> for String {
    fn from(tolerance: Tolerance) -> Self {
        tolerance.to_string()
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How keys that differ between two live databases are read again until it is clear what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recheck {
    /// Times the differing keys are read again at most; 0 takes the first reading for the truth.
    pub rounds: u32,
    /// Wait before the first round; each further one is twice as long.
    pub first_delay: Duration,
    /// Keys that are read again at most; beyond them differences are reported as found.
    pub most_keys: usize,
}

impl Default for Recheck {
    fn default() -> Self {
        Self {
            rounds: 5,
            first_delay: Duration::from_millis(500),
            most_keys: 10_000,
        }
    }
}

/// How two relations are compared.
///
/// ```
/// use nba_db::compare::CompareSpec;
/// let spec = CompareSpec {
///     key: Some(vec!["game_id".into(), "event_num".into()]),
///     ignore: [("loaded_at".into(), "time of the copy".into())].into(),
///     ..CompareSpec::default()
/// };
/// assert_eq!(spec.listed, 1_000);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompareSpec {
    /// The columns that tell rows apart, by their names on the left; without them a unique index is looked for.
    pub key: Option<Vec<String>>,
    /// Columns that have another name on the right: left name to right name.
    pub map: BTreeMap<String, String>,
    /// Columns that are not compared, with the reason. By their left name, or the right one of a column only there.
    pub ignore: BTreeMap<String, String>,
    /// Allowed deviation by column (left name).
    pub tolerance: BTreeMap<String, Tolerance>,
    /// Differences kept in the result; all are counted and shown to the observer.
    pub listed: usize,
    /// Key ranges read at the same time, each by a session per side (one in join mode).
    pub ranges: NonZeroU32,
    /// Rows of a piece of the key, about. A statement reads as many neighbouring pieces as fit into its time; a checkpoint keeps whole
    /// ones.
    pub piece_rows: NonZeroU64,
    /// When the work rests and gives way; without it, never.
    #[serde(skip)]
    pub gentle: Option<Gentleness>,
    /// How rows are brought together; without it the fastest way that fits is taken.
    pub mode: Option<Mode>,
    /// `work_mem` of the server's sessions, in MiB.
    pub server_memory_mib: NonZeroU32,
    /// Longest time one statement may run, which reads one key range; without it the session's own limit holds.
    pub statement_timeout: Option<Duration>,
    /// The file in which finished key ranges are kept, so that an interrupted comparison goes on where it was.
    pub checkpoint: Option<PathBuf>,
    /// What is done about differences between two live databases.
    pub recheck: Recheck,
    /// Compares a table with itself, which is otherwise refused because it cannot fail.
    pub same_relation: bool,
}

impl Default for CompareSpec {
    fn default() -> Self {
        Self {
            key: None,
            map: BTreeMap::new(),
            ignore: BTreeMap::new(),
            tolerance: BTreeMap::new(),
            listed: LISTED,
            ranges: RANGES,
            piece_rows: PIECE_ROWS,
            gentle: None,
            mode: None,
            server_memory_mib: SERVER_MEMORY_MIB,
            statement_timeout: None,
            checkpoint: None,
            recheck: Recheck::default(),
            same_relation: false,
        }
    }
}
