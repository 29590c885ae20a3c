//! Merges two streams of rows in the order of their keys.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::form::Order;
use super::found::{Failure, Sink};
use super::outcome::Repeated;
use super::plan::Plan;
use super::reader::{ReadError, Reader, fields};

/// Bytes of rows with one key (or one hash) that are held at once.
const MOST_GROUP_BYTES: usize = 24 << 20;
/// Length of the hash with its length in front, which stands before the columns of a row without a key.
const HASH: usize = 12;

async fn advance(reader: &mut Reader, side: usize) -> Result<(), Failure> {
    advance_beside(reader, side, None).await
}

/// Goes on to a row that is probably the same as the other side's.
async fn advance_beside(
    reader: &mut Reader,
    side: usize,
    other: Option<&Bytes>,
) -> Result<(), Failure> {
    reader.advance(other).await.map_err(|error| match error {
        ReadError::Server(error) => Failure::server(side, error),
        ReadError::Malformed(what) => {
            Failure(format!("{} side: the server sent {what}", name(side)))
        }
    })
}

fn name(side: usize) -> &'static str {
    if side == 0 { "left" } else { "right" }
}

fn out_of_order(side: usize) -> Failure {
    Failure(format!(
        "{} side: rows did not come in the order of the key, or a key came twice that an index says is unique; the index may be corrupt",
        name(side)
    ))
}

fn key_order(plan: &Plan, left: &[u8], right: &[u8]) -> Ordering {
    plan.pairs[..plan.key]
        .iter()
        .zip(fields(left).zip(fields(right)))
        .map(|(pair, (left, right))| pair.order.compare(left, right))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Merges rows of which an index says that each key is there once on a side.
pub(super) async fn unique(
    left: &mut Reader,
    right: &mut Reader,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let plan = sink.plan();
    futures::future::try_join(advance(left, 0), advance(right, 1)).await?;
    let mut last: [Option<Bytes>; 2] = [None, None];
    loop {
        let order = match (left.row(), right.row()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(l), Some(r)) if l == r => {
                // Nearly always. The right row needs no check of its own: what came before it was smaller than this left row.
                ascending(plan, left, &mut last[0], 0)?;
                last[1] = last[0].clone();
                sink.found.totals.equal += 1;
                advance(left, 0).await?;
                advance_beside(right, 1, left.row()).await?;
                continue;
            }
            (Some(l), Some(r)) => key_order(plan, l, r),
        };
        if order.is_le() {
            ascending(plan, left, &mut last[0], 0)?;
        }
        if order.is_ge() {
            ascending(plan, right, &mut last[1], 1)?;
        }
        match (order, left.row(), right.row()) {
            (Ordering::Equal, Some(l), Some(r)) => sink.pair(l, r, None).await?,
            (Ordering::Less, Some(l), _) => sink.alone(0, l, None).await?,
            (_, _, Some(r)) => sink.alone(1, r, None).await?,
            _ => {}
        }
        if order.is_le() {
            advance(left, 0).await?;
        }
        if order.is_ge() {
            advance(right, 1).await?;
        }
    }
    sink.found.rows = [left.rows(), right.rows()];
    sink.flush().await
}

/// Whether the current row's key comes after the last one.
fn ascending(
    plan: &Plan,
    reader: &Reader,
    last: &mut Option<Bytes>,
    side: usize,
) -> Result<(), Failure> {
    let Some(row) = reader.row() else {
        return Ok(());
    };
    if let Some(last) = last
        && key_order(plan, last, row).is_ge()
    {
        return Err(out_of_order(side));
    }
    *last = Some(row.clone());
    Ok(())
}

/// Merges rows whose key may be there any number of times, or be NULL.
pub(super) async fn repeated(
    left: &mut Reader,
    right: &mut Reader,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let plan = sink.plan();
    let order = |left: &[u8], right: &[u8]| key_order(plan, left, right);
    futures::future::try_join(advance(left, 0), advance(right, 1)).await?;
    loop {
        let Some((lefts, rights)) = groups(left, right, order).await? else {
            break;
        };
        let head = lefts.first().or(rights.first());
        if head.is_some_and(|row| fields(row).take(plan.key).any(|field| field.is_none())) {
            sink.found.totals.null_keys += 1;
        }
        if lefts.len() > 1 || rights.len() > 1 {
            sink.found.totals.repeated_keys += 1;
        }
        match (lefts.as_slice(), rights.as_slice()) {
            ([l], [r]) => sink.pair(l, r, None).await?,
            (lefts, rights) => many(lefts, rights, sink).await?,
        }
    }
    sink.found.rows = [left.rows(), right.rows()];
    sink.flush().await
}

/// Rows with one key: those that are the same are taken away first, the others paired in the order of their values.
async fn many(lefts: &[Bytes], rights: &[Bytes], sink: &mut Sink<'_>) -> Result<(), Failure> {
    let repeated = (lefts.len() > 1 || rights.len() > 1).then(|| Repeated {
        left: count(lefts.len()),
        right: count(rights.len()),
    });
    let mut values: BTreeMap<Vec<u8>, [Vec<&Bytes>; 2]> = BTreeMap::new();
    for (side, rows) in [lefts, rights].into_iter().enumerate() {
        for row in rows {
            values.entry(canonical(sink.plan(), row)).or_default()[side].push(row);
        }
    }
    let mut rest: [Vec<&Bytes>; 2] = [Vec::new(), Vec::new()];
    for [l, r] in values.values() {
        let same = l.len().min(r.len());
        sink.found.totals.equal += count(same);
        rest[0].extend(&l[same..]);
        rest[1].extend(&r[same..]);
    }
    let pairs = rest[0].len().min(rest[1].len());
    for (l, r) in rest[0].iter().zip(&rest[1]) {
        sink.pair(l, r, repeated).await?;
    }
    for (side, rows) in rest.iter().enumerate() {
        for row in &rows[pairs..] {
            sink.alone(side, row, repeated).await?;
        }
    }
    Ok(())
}

/// Merges rows without a key: how often each is there is compared. The hash only brings equal rows together; whether they are
/// equal is told by their values.
pub(super) async fn multiset(
    left: &mut Reader,
    right: &mut Reader,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let order = |left: &[u8], right: &[u8]| {
        let hash = |row: &[u8]| -> Option<Vec<u8>> { fields(row).next()?.map(<[u8]>::to_vec) };
        Order::Signed.compare(hash(left).as_deref(), hash(right).as_deref())
    };
    futures::future::try_join(advance(left, 0), advance(right, 1)).await?;
    loop {
        let Some((lefts, rights)) = groups(left, right, order).await? else {
            break;
        };
        if let ([l], [r]) = (lefts.as_slice(), rights.as_slice())
            && l == r
        {
            sink.found.totals.equal += 1;
            continue;
        }
        let mut values: BTreeMap<Vec<u8>, [Vec<&[u8]>; 2]> = BTreeMap::new();
        for (side, rows) in [&lefts, &rights].into_iter().enumerate() {
            for row in rows {
                let row = row.get(HASH..).unwrap_or_default();
                values.entry(canonical(sink.plan(), row)).or_default()[side].push(row);
            }
        }
        for sides in values.values() {
            let [l, r] = sides;
            let same = l.len().min(r.len());
            sink.found.totals.equal += count(same);
            let repeated = (l.len() > 1 || r.len() > 1).then(|| Repeated {
                left: count(l.len()),
                right: count(r.len()),
            });
            for (side, rows) in sides.iter().enumerate() {
                for row in &rows[same..] {
                    sink.alone(side, row, repeated).await?;
                }
            }
        }
    }
    sink.found.rows = [left.rows(), right.rows()];
    sink.flush().await
}

fn canonical(plan: &Plan, row: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(row.len());
    for (pair, value) in plan.pairs.iter().zip(fields(row)) {
        pair.form.append(value, &mut bytes);
    }
    bytes
}

/// The rows with the smallest key there is on either side; `None` at the end.
async fn groups(
    left: &mut Reader,
    right: &mut Reader,
    order: impl Fn(&[u8], &[u8]) -> Ordering + Copy,
) -> Result<Option<(Vec<Bytes>, Vec<Bytes>)>, Failure> {
    let which = match (left.row(), right.row()) {
        (None, None) => return Ok(None),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(l), Some(r)) => order(l, r),
    };
    let mut lefts = Vec::new();
    let mut rights = Vec::new();
    if which.is_le() {
        group(left, 0, order, &mut lefts).await?;
    }
    if which.is_ge() {
        group(right, 1, order, &mut rights).await?;
    }
    Ok(Some((lefts, rights)))
}

/// The current row and those after it that have the same key.
async fn group(
    reader: &mut Reader,
    side: usize,
    order: impl Fn(&[u8], &[u8]) -> Ordering,
    rows: &mut Vec<Bytes>,
) -> Result<(), Failure> {
    let mut bytes = 0;
    while let Some(row) = reader.row() {
        if let Some(first) = rows.first() {
            match order(first, row) {
                Ordering::Equal => {}
                Ordering::Less => break,
                Ordering::Greater => return Err(out_of_order(side)),
            }
        }
        bytes += row.len();
        if bytes > MOST_GROUP_BYTES {
            return Err(Failure(format!(
                "{} side: more than {} MiB of rows have one and the same key, which is more than is held at once",
                name(side),
                MOST_GROUP_BYTES >> 20
            )));
        }
        // A copy: the row is a slice of a buffer that would be kept alive.
        let kept = if rows.is_empty() {
            row.clone()
        } else {
            Bytes::copy_from_slice(row)
        };
        rows.push(kept);
        advance(reader, side).await?;
    }
    Ok(())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
