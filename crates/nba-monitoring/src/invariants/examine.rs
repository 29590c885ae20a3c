//! One invariant, inside the snapshot.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::TryStreamExt as _;
use nba_db::fingerprint::FingerprintError;
use nba_db::ident::{self, TableName};
use nba_db::tokio_postgres::types::ToSql;
use nba_db::tokio_postgres::{Client, Row};

use super::book::{Invariant, Scope};
use super::inventory::Inventory;
use super::message::Message;
use super::report::Violation;
use super::waiver::Waiver;

/// Violations counted at most. A statement that holds so rarely is wrong, or the table is.
const MAX_COUNTED: u64 = 1_000_000;

/// What was found out.
pub(super) enum Examined {
    /// Something it reads is not there, or there is nothing to check.
    Nothing(String),
    /// Somebody wrote it in a way that cannot be run.
    Unusable(String),
    /// It was looked at.
    Looked(Looked),
}

/// The violations of an invariant that was looked at.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) subjects: u64,
    pub(super) known: u64,
    pub(super) new: u64,
    pub(super) listed_known: Vec<Violation>,
    pub(super) listed_new: Vec<Violation>,
    /// Whether counting stopped before the last one.
    pub(super) stopped: bool,
}

/// How to look.
pub(super) struct Look<'a> {
    pub(super) invariant: &'a Invariant,
    pub(super) waiver: Option<&'a Waiver>,
    pub(super) inventory: Option<&'a Inventory>,
    pub(super) listed: usize,
}

/// What of a table is missing: `$1` its quoted name, `$2` its columns.
const MISSING_SQL: &str = "\
select c.oid is null, array(select w.name from pg_catalog.unnest($2::pg_catalog.text[]) as w(name) \
  where not exists (select from pg_catalog.pg_attribute a where a.attrelid operator(pg_catalog.=) c.oid \
    and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped and a.attname operator(pg_catalog.=) w.name::pg_catalog.name)) \
from (select pg_catalog.to_regclass($1)::pg_catalog.oid as oid) c";

/// Looks at one invariant in the current transaction, which must be read-only and see no user's functions.
pub(super) async fn examine(
    client: &Client,
    look: &Look<'_>,
) -> Result<Examined, FingerprintError> {
    let invariant = look.invariant;
    if let Some(what) = missing(client, invariant).await? {
        return Ok(Examined::Nothing(what));
    }
    let outcome = match &invariant.scope {
        Scope::Rows => {
            let subjects = match subjects(client, invariant).await? {
                0 => {
                    return Ok(Examined::Nothing(format!(
                        "there are no {}",
                        invariant.subjects
                    )));
                }
                subjects => subjects,
            };
            violating_rows(client, look, subjects).await?
        }
        Scope::Lake { prefix, object } => match look.inventory {
            None => Examined::Nothing("the data lake was not listed".to_owned()),
            Some(lake) => unknown_objects(client, look, lake, prefix, object).await?,
        },
    };
    // Asked only now: reading a table locked it, so nothing can rewrite it any more until the transaction ends.
    for need in &invariant.needs {
        if nba_db::rewritten_since_snapshot(client, &need.table)
            .await
            .map_err(|source| FingerprintError::query(operation(invariant), source))?
        {
            return Ok(Examined::Nothing(format!(
                "{} was truncated or rewritten after the snapshot was taken, so its rows cannot be seen; run it again",
                need.table
            )));
        }
    }
    Ok(outcome)
}

fn operation(invariant: &Invariant) -> String {
    format!("look at `{}`", invariant.id)
}

async fn missing(
    client: &Client,
    invariant: &Invariant,
) -> Result<Option<String>, FingerprintError> {
    for need in &invariant.needs {
        let parameters: [&(dyn ToSql + Sync); 2] = [&need.table.sql(), &need.columns];
        let row = client
            .query_one(MISSING_SQL, &parameters)
            .await
            .map_err(|source| FingerprintError::query(operation(invariant), source))?;
        if row.get(0) {
            return Ok(Some(format!("there is no table {}", need.table)));
        }
        let columns: Vec<String> = row.get(1);
        if let Some(column) = columns.first() {
            return Ok(Some(format!("{} has no column `{column}`", need.table)));
        }
    }
    Ok(None)
}

async fn subjects(client: &Client, invariant: &Invariant) -> Result<u64, FingerprintError> {
    let counted = |sql: String| async move {
        let row = client
            .query_one(&sql, &[])
            .await
            .map_err(|source| FingerprintError::query(operation(invariant), source))?;
        let count: i64 = row.try_get(0).map_err(|_| FingerprintError::Decode {
            operation: operation(invariant),
            what: format!(
                "number of {}, which has to be one bigint,",
                invariant.subjects
            ),
        })?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    match (&invariant.subjects_sql, invariant.needs.first()) {
        (Some(sql), _) => counted(inner(sql)).await,
        (None, Some(need)) => counted(count_sql(&need.table)).await,
        (None, None) => Err(FingerprintError::Decode {
            operation: operation(invariant),
            what: "table it needs".to_owned(),
        }),
    }
}

fn count_sql(table: &TableName) -> String {
    format!("select pg_catalog.count(*) from {}", table.sql())
}

/// The user's text as the inside of a sub-query: it can be nothing but a query then. A comment at its end must not reach what
/// follows.
fn inner(sql: &str) -> String {
    format!("select * from (\n{}\n) as inner_query", bare(sql))
}

fn bare(sql: &str) -> &str {
    sql.trim().trim_end_matches(';').trim_end()
}

/// The statement with every column as text, and the names of its columns.
async fn as_text(
    client: &Client,
    invariant: &Invariant,
    message: Option<&Message>,
) -> Result<Result<(String, Vec<String>), String>, FingerprintError> {
    let statement = client
        .prepare(&inner(&invariant.sql))
        .await
        .map_err(|source| FingerprintError::query(operation(invariant), source))?;
    let columns: Vec<String> = statement
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    if columns.len() < invariant.key {
        return Ok(Err(format!(
            "its query has {} columns, of which {} should name the row",
            columns.len(),
            invariant.key
        )));
    }
    let unknown = message
        .into_iter()
        .flat_map(Message::columns)
        .find(|name| !columns.iter().any(|column| column == name));
    if let Some(name) = unknown {
        return Ok(Err(format!(
            "its message names `{name}`; its query gives {}",
            columns.join(", ")
        )));
    }
    let list: Vec<String> = columns
        .iter()
        .map(|column| format!("v.{}::pg_catalog.text", ident::Ident::new(column.as_str())))
        .collect();
    let sql = format!(
        "select {} from (\n{}\n) as v",
        list.join(", "),
        bare(&invariant.sql)
    );
    Ok(Ok((sql, columns)))
}

async fn violating_rows(
    client: &Client,
    look: &Look<'_>,
    subjects: u64,
) -> Result<Examined, FingerprintError> {
    let invariant = look.invariant;
    let (sql, columns) = match as_text(client, invariant, invariant.message.as_ref()).await? {
        Ok(prepared) => prepared,
        Err(what) => return Ok(Examined::Unusable(what)),
    };
    let failed = |source| FingerprintError::query(operation(invariant), source);
    let by_columns = Message::of_columns(&columns);
    let message = invariant.message.as_ref().unwrap_or(&by_columns);
    let none: [&(dyn ToSql + Sync); 0] = [];
    let mut rows = pin!(client.query_raw(&sql, none).await.map_err(failed)?);
    let mut looked = Looked {
        subjects,
        ..Looked::default()
    };
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        if looked.known + looked.new == MAX_COUNTED {
            looked.stopped = true;
            break;
        }
        let values = values(&columns, &row).map_err(failed)?;
        looked.take(look, &columns, values, message);
    }
    Ok(Examined::Looked(looked))
}

fn values(
    columns: &[String],
    row: &Row,
) -> Result<BTreeMap<String, Option<String>>, nba_db::tokio_postgres::Error> {
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| Ok((column.clone(), row.try_get(at)?)))
        .collect()
}

impl Looked {
    fn take(
        &mut self,
        look: &Look<'_>,
        columns: &[String],
        values: BTreeMap<String, Option<String>>,
        message: &Message,
    ) {
        let known = look.waiver.is_some_and(|waiver| waiver.names(&values));
        let (count, list) = if known {
            (&mut self.known, &mut self.listed_known)
        } else {
            (&mut self.new, &mut self.listed_new)
        };
        *count += 1;
        if list.len() >= look.listed {
            return;
        }
        let value = |column: &str| values.get(column).and_then(Option::as_deref);
        let key = columns
            .iter()
            .take(look.invariant.key)
            .map(|column| (column.clone(), value(column).map(str::to_owned)))
            .collect();
        let message = message.fill(value);
        list.push(Violation {
            key,
            message,
            known,
            values,
        });
    }
}

/// The column a missing object is reported in.
const OBJECT: &str = "object";
/// The column with what the database should know of it.
const EXPECTED: &str = "expected";

async fn unknown_objects(
    client: &Client,
    look: &Look<'_>,
    lake: &Inventory,
    prefix: &str,
    object: &str,
) -> Result<Examined, FingerprintError> {
    let invariant = look.invariant;
    let pattern = match regex::Regex::new(object) {
        Ok(pattern) => pattern,
        Err(error) => return Ok(Examined::Unusable(error.to_string())),
    };
    let (sql, _) = match as_text(client, invariant, None).await? {
        Ok(prepared) => prepared,
        Err(what) => return Ok(Examined::Unusable(what)),
    };
    let rows = client
        .query(&sql, &[])
        .await
        .map_err(|source| FingerprintError::query(operation(invariant), source))?;
    let present: std::collections::BTreeSet<String> = rows
        .iter()
        .filter_map(|row| row.get::<_, Option<String>>(0))
        .collect();
    let columns = [OBJECT.to_owned(), EXPECTED.to_owned()];
    let by_columns = Message::of_columns(&columns);
    let message = invariant.message.as_ref().unwrap_or(&by_columns);
    let mut looked = Looked::default();
    for key in lake.keys.iter().filter(|key| key.starts_with(prefix)) {
        let Some(expected) = pattern.captures(key).and_then(|found| found.get(1)) else {
            continue;
        };
        looked.subjects += 1;
        if !present.contains(expected.as_str()) {
            let values = BTreeMap::from([
                (OBJECT.to_owned(), Some(key.clone())),
                (EXPECTED.to_owned(), Some(expected.as_str().to_owned())),
            ]);
            looked.take(look, &columns, values, message);
        }
    }
    Ok(if looked.subjects == 0 {
        Examined::Nothing(format!(
            "`{}` has no objects below `{prefix}` that fit",
            lake.place
        ))
    } else {
        Examined::Looked(looked)
    })
}
