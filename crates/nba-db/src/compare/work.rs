//! The workers: each reads ranges of keys until none is left.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_postgres::types::{FromSql, Type};

use super::found::{Event, Failure, Found, Sink, Texts};
use super::merge;
use super::outcome::Side;
use super::plan::Plan;
use super::reader::{ReadError, Reader, fields};
use super::schedule::{Division, Pace, Queue};
use super::spec::{Mode, Relation};
use super::statements::Wanted;
use crate::gentle::{GentleError, Governor, Turn};
use crate::snapshot::{Snapshot, rewritten_since_snapshot};

/// Differing rows whose values are fetched by one statement.
const FETCHED: usize = 500;
/// Longest silence of a session that waits for the other side's turn.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// What all workers share.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) division: Division,
    pub(super) queue: Queue,
    pub(super) texts: [Texts; 2],
    /// Of each side's server; one and the same where it is one server.
    pub(super) governors: [Arc<Governor>; 2],
    pub(super) relations: [Relation; 2],
}

/// A worker's sessions: one where the server joins, one per side where rows are merged here.
pub(super) struct Sessions {
    pub(super) left: Snapshot,
    pub(super) right: Option<Snapshot>,
}

/// Reads until no piece is left or its sessions are lost.
pub(super) async fn run(shared: Arc<Shared>, sessions: Sessions, out: mpsc::Sender<Event>) {
    let limited = shared
        .governors
        .iter()
        .any(|governor| governor.is_limited());
    let mut pace = Pace::new(limited);
    while let Some(pieces) = shared.queue.take(pace.pieces) {
        let mut sink = Sink::new(&shared.plan, &shared.texts, &out, pieces.start);
        let outcome = match turns(&shared, &sessions).await {
            Ok(_turns) => {
                let started = Instant::now();
                let outcome = read(&shared, &sessions, &pieces, &mut sink).await;
                pace.learn(pieces.len(), started.elapsed());
                outcome
            }
            Err(error) => Err(Failure(with_cause(&error))),
        };
        let found = Box::new(std::mem::take(&mut sink.found));
        let event = match outcome {
            Ok(()) => Event::Finished {
                first: pieces.start,
                end: pieces.end,
                found,
            },
            Err(failure) => Event::Failed {
                failure: Failure(format!(
                    "{} of {} key ranges: {}",
                    pieces.len(),
                    shared.division.pieces(),
                    failure.0
                )),
                found,
            },
        };
        let stop = matches!(event, Event::Failed { .. });
        if out.send(event).await.is_err() || stop {
            // After an error the transaction, and the snapshot with it, is lost.
            return;
        }
    }
    look_back(&shared, &sessions, &out).await;
}

fn with_cause(error: &GentleError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Whether the rows could be seen at all: a snapshot does not cover `TRUNCATE`.
async fn look_back(shared: &Shared, sessions: &Sessions, out: &mpsc::Sender<Event>) {
    let clients = [
        &sessions.left,
        sessions.right.as_ref().unwrap_or(&sessions.left),
    ];
    for (at, side) in [Side::Left, Side::Right].into_iter().enumerate() {
        let Relation::Table(table) = &shared.relations[at] else {
            continue;
        };
        let event = match rewritten_since_snapshot(clients[at].client(), table).await {
            Ok(false) => continue,
            Ok(true) => Event::Rewritten(side),
            Err(error) => Event::Failed {
                failure: Failure::server(at, error),
                found: Box::default(),
            },
        };
        if out.send(event).await.is_err() {
            return;
        }
    }
}

/// The right to work on both servers; each session is kept alive while the other waits.
async fn turns<'a>(shared: &'a Shared, sessions: &Sessions) -> Result<Vec<Turn<'a>>, GentleError> {
    let [left, right] = &shared.governors;
    let first = left.turn(sessions.left.client());
    let Some(session) = &sessions.right else {
        return Ok(vec![first.await?]);
    };
    let mut turns = vec![kept_alive(first, session).await?];
    if !Arc::ptr_eq(left, right) {
        let second = right.turn(session.client());
        turns.push(kept_alive(second, &sessions.left).await?);
    }
    Ok(turns)
}

async fn ping(session: &Snapshot) -> Result<(), GentleError> {
    let answer = session.client().batch_execute("select 1").await;
    answer.map_err(|source| GentleError::Look { source })
}

async fn kept_alive<T>(
    wait: impl Future<Output = Result<T, GentleError>>,
    other: &Snapshot,
) -> Result<T, GentleError> {
    let mut wait = std::pin::pin!(wait);
    loop {
        match tokio::time::timeout(KEEP_ALIVE, &mut wait).await {
            Ok(outcome) => return outcome,
            Err(_) => ping(other).await?,
        }
    }
}

async fn read(
    shared: &Shared,
    sessions: &Sessions,
    pieces: &Range<usize>,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let plan = &shared.plan;
    match (plan.mode, &sessions.right) {
        (Mode::Join, _) => {
            let part = shared.division.keys(pieces);
            join(plan, &sessions.left, &plan.join_sql(&part), sink).await
        }
        (Mode::Stream, Some(right)) => {
            let part = shared.division.keys(pieces);
            stream(plan, [&sessions.left, right], &Wanted::Part(&part), sink).await
        }
        (Mode::Multiset, Some(right)) => {
            let part = shared.division.hashes(pieces);
            let queries = [0, 1].map(|side| plan.multiset_query(side, &part));
            copies(plan, [&sessions.left, right], &queries, sink).await
        }
        (_, None) => Err(Failure("a session is missing".to_owned())),
    }
}

/// Merges two streams in the order of the key.
pub(super) async fn stream(
    plan: &Plan,
    sessions: [&Snapshot; 2],
    wanted: &Wanted<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let queries = [0, 1].map(|side| plan.stream_query(side, wanted));
    copies(plan, sessions, &queries, sink).await
}

async fn copies(
    plan: &Plan,
    sessions: [&Snapshot; 2],
    queries: &[String; 2],
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let arm = |side: usize| {
        let guard = sessions[side].arm(&queries[side]);
        guard.map_err(|error| Failure::of_side(side, &error))
    };
    let guards = [arm(0)?, arm(1)?];
    let count = plan.pairs.len() + usize::from(plan.mode == Mode::Multiset);
    let open = |side: usize| {
        let sql = format!("copy ({}) to stdout (format binary)", queries[side]);
        let client = sessions[side].client();
        async move {
            let opened = Reader::open(client, &sql, count).await;
            opened.map_err(|error| Failure::server(side, error))
        }
    };
    let (mut left, mut right) = futures::future::try_join(open(0), open(1)).await?;
    match plan.mode {
        Mode::Multiset => merge::multiset(&mut left, &mut right, sink).await?,
        _ if plan.key_proven_unique => merge::unique(&mut left, &mut right, sink).await?,
        _ => merge::repeated(&mut left, &mut right, sink).await?,
    }
    // Both streams came to their end, so there is nothing left to cancel.
    for guard in guards {
        guard.disarm();
    }
    Ok(())
}

/// An array of pairs of row addresses, as `array_agg(array[tid, tid])` gives it.
struct Addresses(Vec<[Option<String>; 2]>);

impl<'a> FromSql<'a> for Addresses {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // Dimensions, flag and type; then two dimensions with their bounds.
        const HEAD: usize = 12 + 16;
        let rest = raw
            .get(HEAD..)
            .ok_or("an array of two dimensions is expected")?;
        let mut pairs = Vec::new();
        let mut half = None;
        for field in fields(rest) {
            let address = match field {
                None => None,
                Some(bytes) => {
                    let bytes: [u8; 6] = bytes.try_into()?;
                    let block = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                    let line = u16::from_be_bytes([bytes[4], bytes[5]]);
                    Some(format!("({block},{line})"))
                }
            };
            match half.take() {
                None => half = Some(address),
                Some(left) => pairs.push([left, address]),
            }
        }
        Ok(Self(pairs))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Lets the server join a part and fetches the rows that may differ.
async fn join(
    plan: &Plan,
    session: &Snapshot,
    sql: &str,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let guard = session
        .arm(sql)
        .map_err(|error| Failure::of_side(0, &error))?;
    let failed = |error| Failure::server(0, error);
    // Not through the cache of prepared statements: each part has its own text.
    let row = session.client().query_typed(sql, &[]).await;
    let rows = row.map_err(failed)?;
    let row = rows
        .first()
        .ok_or_else(|| Failure("the server gave no row".to_owned()))?;
    let joined: i64 = row.try_get(0).map_err(failed)?;
    let addresses: Option<Addresses> = row.try_get(1).map_err(failed)?;
    let addresses = addresses.map(|addresses| addresses.0).unwrap_or_default();
    let joined = u64::try_from(joined).unwrap_or(0);
    let candidates = u64::try_from(addresses.len()).unwrap_or(u64::MAX);
    let only = |side: usize| {
        let absent = addresses.iter().filter(|pair| pair[side].is_none()).count();
        u64::try_from(absent).unwrap_or(u64::MAX)
    };
    sink.found.totals.equal += joined.saturating_sub(candidates);
    sink.found.rows = [
        joined.saturating_sub(only(0)),
        joined.saturating_sub(only(1)),
    ];
    for some in addresses.chunks(FETCHED) {
        fetch(plan, session, some, sink).await?;
    }
    sink.flush().await?;
    guard.disarm();
    Ok(())
}

async fn fetch(
    plan: &Plan,
    session: &Snapshot,
    addresses: &[[Option<String>; 2]],
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let list = |side: usize| -> String {
        let texts: Vec<String> = addresses
            .iter()
            .map(|pair| match &pair[side] {
                Some(address) => format!("\"{address}\""),
                None => "NULL".to_owned(),
            })
            .collect();
        texts.join(",")
    };
    let columns = plan.pairs.len();
    let sql = plan.fetch_sql(&list(0), &list(1));
    let mut reader = Reader::open(session.client(), &sql, 2 + 2 * columns)
        .await
        .map_err(|error| Failure::server(0, error))?;
    let mut seen = 0_usize;
    loop {
        reader.advance(None).await.map_err(|error| match error {
            ReadError::Server(error) => Failure::server(0, error),
            ReadError::Malformed(what) => Failure(format!("the server sent {what}")),
        })?;
        let Some(row) = reader.row() else { break };
        let Some(expected) = addresses.get(seen) else {
            return Err(Failure(
                "the server gave more rows than were asked for".to_owned(),
            ));
        };
        seen += 1;
        let mut flags = fields(row).take(2).map(|flag| flag == Some(&[1][..]));
        let present = [flags.next() == Some(true), flags.next() == Some(true)];
        if present != [expected[0].is_some(), expected[1].is_some()] {
            return Err(Failure(
                "a row that was joined could not be fetched".to_owned(),
            ));
        }
        // Two flags of one byte, each with its length in front.
        let values = row.get(10..).unwrap_or_default();
        let middle: usize = fields(values)
            .take(columns)
            .map(|field| 4 + field.map_or(0, <[u8]>::len))
            .sum();
        let (left, right) = values.split_at_checked(middle).unwrap_or((values, &[]));
        match present {
            [true, true] => sink.pair(left, right, None).await?,
            [true, false] => sink.alone(0, left, None).await?,
            [false, true] => sink.alone(1, right, None).await?,
            [false, false] => return Err(Failure("a joined row without a side".to_owned())),
        }
    }
    if seen == addresses.len() {
        Ok(())
    } else {
        Err(Failure(
            "the server gave fewer rows than were asked for".to_owned(),
        ))
    }
}

/// Reads rows with some keys again, in a snapshot of now on each side.
pub(super) async fn reread(
    plan: &Plan,
    texts: &[Texts; 2],
    sessions: [&Snapshot; 2],
    keys: &[Vec<Option<String>>],
    out: &mpsc::Sender<Event>,
) -> Result<Found, Failure> {
    let mut sink = Sink::new(plan, texts, out, 0);
    stream(plan, sessions, &Wanted::Keys(keys), &mut sink).await?;
    Ok(std::mem::take(&mut sink.found))
}
