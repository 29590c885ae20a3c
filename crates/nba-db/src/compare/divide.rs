//! How the rows are divided: by keys that cut them into pieces of about the same number of rows.
//!
//! The keys come from a sample, so the pieces differ in size; together they cover every key there can be, so nothing depends on
//! the sample but the time.

use serde_json::Value;
use tokio_postgres::Row;

use super::checkpoint::Header;
use super::error::CompareError;
use super::plan::Plan;
use super::run::failed;
use super::schedule::Division;
use super::spec::{CompareSpec, Mode};
use super::statements::Wanted;
use crate::error::DbError;
use crate::snapshot::Snapshot;

/// Most pieces: a statement can read several, so more only cost room.
const MOST_PIECES: u64 = 4_096;
/// Pages of the sample per piece; with fewer the pieces become too unequal.
const PAGES_PER_PIECE: u64 = 4;
/// Bytes of rows without a key that are sorted at once.
const SORTED_BYTES: u64 = 512 << 20;
/// Bytes of a page.
const PAGE: u64 = 8_192;

/// Divides the rows, or takes the division of an earlier run; a join the server would not do as wanted becomes a merge here.
pub(super) async fn divide(
    plan: &mut Plan,
    snapshots: [&Snapshot; 2],
    spec: &CompareSpec,
    earlier: Option<&Header>,
) -> Result<Division, CompareError> {
    if plan.mode == Mode::Multiset {
        let pieces = (plan.bytes / SORTED_BYTES + 1).max(u64::from(spec.ranges.get()));
        let pieces = if plan.can_sample.contains(&true) {
            u32::try_from(pieces.min(MOST_PIECES)).unwrap_or(1)
        } else {
            // A query may be costly, and each piece runs all of it.
            1
        };
        return Ok(match earlier {
            Some(header) => header.division.clone(),
            None => Division::Hashes(pieces),
        });
    }
    let wanted = wanted(plan, spec);
    let mut division = match earlier {
        Some(header) if matches!(header.division, Division::Keys(_)) => header.division.clone(),
        _ => Division::Keys(sample(plan, snapshots, wanted).await?),
    };
    if plan.mode == Mode::Join
        && let Some(surprise) = surprise(plan, snapshots[0], &division).await
    {
        if spec.mode == Some(Mode::Join) {
            return Err(CompareError::Spec {
                problem: format!("the server would not join as wanted: {surprise}"),
                hint: "leave the mode out: rows are then merged here",
            });
        }
        plan.fall_back(format!("the server would not join as wanted: {surprise}"));
        if earlier.is_none() {
            division = Division::Keys(sample(plan, snapshots, wanted).await?);
        }
    }
    if plan.mode == Mode::Stream && earlier.is_none() && division.pieces() > 1 {
        let few = usize::try_from(spec.ranges.get()).unwrap_or(1);
        if division.pieces() > few && needs_sort(plan, snapshots, &division).await? {
            // Each piece reads and sorts on its own, which without an index means reading everything for each.
            division = coarser(division, few);
            plan.mode_reason.push_str(
                "; an index has not the order in which rows are merged, so they are sorted",
            );
        }
    }
    Ok(division)
}

fn wanted(plan: &Plan, spec: &CompareSpec) -> u64 {
    if !plan.pairs[..plan.key]
        .iter()
        .all(super::pair::Pair::is_divisible)
    {
        return 1;
    }
    (plan.estimate / spec.piece_rows.get()).clamp(1, MOST_PIECES)
}

/// The bounds of the pieces.
async fn sample(
    plan: &Plan,
    snapshots: [&Snapshot; 2],
    wanted: u64,
) -> Result<Vec<Vec<String>>, CompareError> {
    let Some(side) = [0, 1].into_iter().find(|&side| plan.can_sample[side]) else {
        return Ok(Vec::new());
    };
    if wanted <= 1 {
        return Ok(Vec::new());
    }
    let pages = (plan.bytes / PAGE).max(1);
    let percent = if pages <= wanted * PAGES_PER_PIECE {
        100.0
    } else {
        // Both are small enough for a float to hold them exactly.
        let ratio = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        100.0 * ratio(wanted * PAGES_PER_PIECE) / ratio(pages)
    };
    let rows = snapshots[side]
        .client()
        .query_typed(&plan.sample_sql(side, percent, wanted), &[])
        .await
        .map_err(|error| failed(side)(DbError::from_tokio("dividing the rows", error)))?;
    let read = |row: &Row| -> Result<Vec<String>, tokio_postgres::Error> {
        (0..row.len()).map(|at| row.try_get(at)).collect()
    };
    let bounds: Result<Vec<Vec<String>>, _> = rows.iter().map(read).collect();
    let mut bounds =
        bounds.map_err(|error| failed(side)(DbError::from_tokio("dividing the rows", error)))?;
    bounds.dedup();
    Ok(bounds)
}

fn coarser(division: Division, few: usize) -> Division {
    let Division::Keys(bounds) = division else {
        return division;
    };
    let pieces = bounds.len() + 1;
    Division::Keys(
        (1..few)
            .filter_map(|at| bounds.get((pieces * at / few).checked_sub(1)?).cloned())
            .collect(),
    )
}

/// What the server would do other than merging two indexes; `None` if it would do just that.
async fn surprise(plan: &Plan, session: &Snapshot, division: &Division) -> Option<String> {
    let middle = division.pieces() / 2;
    let sql = plan.join_sql(&division.keys(&(middle..middle + 1)));
    // The settings hold for the statement alone; a refusal must not end the transaction.
    let outcome = async {
        let client = session.client();
        client.batch_execute("savepoint plan").await?;
        client
            .batch_execute(super::statements::JOIN_SETTINGS)
            .await?;
        let plan = explain(session, &sql).await;
        client.batch_execute("rollback to savepoint plan").await?;
        plan
    }
    .await;
    let nodes = match outcome {
        Ok(nodes) => nodes,
        Err(error) => {
            let error = DbError::from_tokio("planning the join", error);
            return Some(error.to_string());
        }
    };
    if !nodes.iter().any(|node| node == "Merge Join") {
        return Some("its plan has no merge join".to_owned());
    }
    let unwanted = [
        "Sort",
        "Incremental Sort",
        "Hash",
        "Hash Join",
        "Gather",
        "Gather Merge",
    ];
    let found = nodes.iter().find(|node| unwanted.contains(&node.as_str()));
    found.map(|node| format!("its plan has the step `{node}`"))
}

/// Whether a side has to sort to give its rows in the order of the key.
async fn needs_sort(
    plan: &Plan,
    snapshots: [&Snapshot; 2],
    division: &Division,
) -> Result<bool, CompareError> {
    let middle = division.pieces() / 2;
    let part = division.keys(&(middle..middle + 1));
    for (side, session) in snapshots.into_iter().enumerate() {
        let sql = plan.stream_query(side, &Wanted::Part(&part));
        let nodes = explain(session, &sql)
            .await
            .map_err(|error| failed(side)(DbError::from_tokio("planning to read", error)))?;
        if nodes
            .iter()
            .any(|node| node == "Sort" || node == "Incremental Sort")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The steps of a statement's plan.
async fn explain(session: &Snapshot, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = format!("explain (format json, costs off) {sql}");
    let rows = session.client().query_typed(&sql, &[]).await?;
    let mut nodes = Vec::new();
    for row in &rows {
        collect(&row.try_get::<_, Value>(0)?, &mut nodes);
    }
    Ok(nodes)
}

fn collect(value: &Value, nodes: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, nodes)),
        Value::Object(fields) => {
            if let Some(Value::String(node)) = fields.get("Node Type") {
                nodes.push(node.clone());
            }
            fields.values().for_each(|value| collect(value, nodes));
        }
        _ => {}
    }
}
