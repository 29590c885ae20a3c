//! From two rows that differ to what is told about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use futures::future::try_join_all;
use tokio::sync::{OnceCell, mpsc};
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::form::Scratch;
use super::outcome::{CellChange, Change, Difference, Repeated, Side, Totals};
use super::plan::Plan;
use super::reader::fields;
use crate::error::DbError;
use crate::session::Session;

/// Differing rows whose texts are asked for together.
const TOGETHER: usize = 64;
/// Bytes of rows that wait for that.
const WAITING_BYTES: usize = 1 << 20;

/// Why a range of keys could not be read to its end.
#[derive(Debug, Clone)]
pub(super) struct Failure(pub(super) String);

impl Failure {
    pub(super) fn of_side(side: usize, error: &DbError) -> Self {
        let side = if side == 0 { Side::Left } else { Side::Right };
        Self(format!("{side} side: {error}"))
    }

    pub(super) fn server(side: usize, error: tokio_postgres::Error) -> Self {
        Self::of_side(side, &DbError::from_tokio("reading rows", error))
    }
}

/// What was found in a range of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Found {
    pub(super) totals: Totals,
    /// Rows on the left and on the right.
    pub(super) rows: [u64; 2],
    /// Changed rows, and rows within a tolerance, by number of the column.
    pub(super) by_column: BTreeMap<usize, (u64, u64)>,
}

impl Found {
    pub(super) fn add(&mut self, other: &Self) {
        self.totals.add(&other.totals);
        for (mine, theirs) in self.rows.iter_mut().zip(other.rows) {
            *mine += theirs;
        }
        for (&column, &(changed, within)) in &other.by_column {
            let counts = self.by_column.entry(column).or_default();
            counts.0 += changed;
            counts.1 += within;
        }
    }
}

/// What the workers tell while they read.
#[derive(Debug)]
pub(super) enum Event {
    Difference {
        /// Number of the first piece of the range of keys it lies in, and its number there.
        place: (usize, u64),
        difference: Box<Difference>,
    },
    Finished {
        first: usize,
        end: usize,
        found: Box<Found>,
    },
    /// A range could not be read; what had been found in it until then.
    Failed { failure: Failure, found: Box<Found> },
    /// The rows of a side cannot be seen in the snapshot any more.
    Rewritten(Side),
}

/// A value in binary form as a parameter.
#[derive(Debug)]
struct Raw<'a>(Option<&'a [u8]>);

impl ToSql for Raw<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Asks the server that sent a value for its text.
pub(super) struct Texts {
    session: Arc<Session>,
    side: usize,
    sql: String,
    statement: OnceCell<Statement>,
    /// The pairs that need the server.
    told: Vec<usize>,
}

impl Texts {
    pub(super) fn new(plan: &Plan, side: usize, session: Arc<Session>) -> Self {
        Self {
            session,
            side,
            sql: plan.texts_sql(side),
            statement: OnceCell::new(),
            told: plan
                .told_by_server(side)
                .into_iter()
                .map(|(at, _)| at)
                .collect(),
        }
    }

    /// The texts of the wanted columns of a row; all others stay NULL.
    async fn of(
        &self,
        plan: &Plan,
        row: &[u8],
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Vec<Option<String>>, Failure> {
        let values: Vec<Option<&[u8]>> = fields(row).collect();
        let value = |at: usize| values.get(at).copied().flatten();
        let mut texts = vec![None; plan.pairs.len()];
        let mut ask = false;
        for (at, pair) in plan.pairs.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            let Some(bytes) = value(at) else { continue };
            if self.told.contains(&at) {
                ask = true;
            } else {
                let text = pair.text[self.side].here(bytes);
                // Only a database without an encoding can hold such texts.
                texts[at] =
                    Some(text.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned()));
            }
        }
        if !ask {
            return Ok(texts);
        }
        let failed = |error| Failure::server(self.side, error);
        let client = self.session.raw_client();
        let statement = self
            .statement
            .get_or_try_init(|| client.prepare(&self.sql))
            .await
            .map_err(failed)?;
        let raw: Vec<Raw<'_>> = self
            .told
            .iter()
            .map(|&at| Raw(value(at).filter(|_| wanted(at))))
            .collect();
        let params: Vec<&(dyn ToSql + Sync)> = raw
            .iter()
            .map(|raw| -> &(dyn ToSql + Sync) { raw })
            .collect();
        let told = client.query_one(statement, &params).await.map_err(failed)?;
        for (number, &at) in self.told.iter().enumerate() {
            texts[at] = told.try_get(number).map_err(failed)?;
        }
        Ok(texts)
    }
}

/// A pair of rows that may differ, or a row without a partner.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) left: Option<Vec<u8>>,
    pub(super) right: Option<Vec<u8>>,
    /// For a pair: the columns whose values are not the same.
    pub(super) columns: Vec<usize>,
    pub(super) repeated: Option<Repeated>,
}

/// The columns in which two rows are not the same.
pub(super) fn differing(
    plan: &Plan,
    left: &[u8],
    right: &[u8],
    scratch: &mut Scratch,
) -> Vec<usize> {
    plan.pairs
        .iter()
        .zip(fields(left).zip(fields(right)))
        .enumerate()
        .filter(|(_, (pair, (left, right)))| !pair.form.same(*left, *right, scratch))
        .map(|(at, _)| at)
        .collect()
}

/// Takes candidates of one range of keys, asks for their texts and hands the differences on.
pub(super) struct Sink<'a> {
    plan: &'a Plan,
    texts: &'a [Texts; 2],
    out: &'a mpsc::Sender<Event>,
    first: usize,
    told: u64,
    waiting: Vec<Candidate>,
    bytes: usize,
    pub(super) scratch: Scratch,
    pub(super) found: Found,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        texts: &'a [Texts; 2],
        out: &'a mpsc::Sender<Event>,
        first: usize,
    ) -> Self {
        Self {
            plan,
            texts,
            out,
            first,
            told: 0,
            waiting: Vec::new(),
            bytes: 0,
            scratch: Scratch::default(),
            found: Found::default(),
        }
    }

    pub(super) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Takes two rows that belong together.
    pub(super) async fn pair(
        &mut self,
        left: &[u8],
        right: &[u8],
        repeated: Option<Repeated>,
    ) -> Result<(), Failure> {
        let columns = differing(self.plan, left, right, &mut self.scratch);
        if columns.is_empty() {
            self.found.totals.equal += 1;
            return Ok(());
        }
        self.push(Candidate {
            left: Some(left.to_vec()),
            right: Some(right.to_vec()),
            columns,
            repeated,
        })
        .await
    }

    /// Takes a row that is only on one side.
    pub(super) async fn alone(
        &mut self,
        side: usize,
        row: &[u8],
        repeated: Option<Repeated>,
    ) -> Result<(), Failure> {
        let row = Some(row.to_vec());
        let (left, right) = if side == 0 { (row, None) } else { (None, row) };
        self.push(Candidate {
            left,
            right,
            columns: Vec::new(),
            repeated,
        })
        .await
    }

    async fn push(&mut self, candidate: Candidate) -> Result<(), Failure> {
        let length = |row: &Option<Vec<u8>>| row.as_ref().map_or(0, Vec::len);
        self.bytes += length(&candidate.left) + length(&candidate.right);
        self.waiting.push(candidate);
        if self.waiting.len() >= TOGETHER || self.bytes >= WAITING_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Tells everything that waits.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let told = try_join_all(waiting.iter().map(|candidate| self.tell(candidate))).await?;
        for (difference, within) in told {
            self.count(difference.as_ref(), &within);
            let Some(difference) = difference else {
                continue;
            };
            let event = Event::Difference {
                place: (self.first, self.told),
                difference: Box::new(difference),
            };
            self.told += 1;
            // Nobody listens any more: the comparison was stopped.
            if self.out.send(event).await.is_err() {
                return Err(Failure("the comparison was stopped".to_owned()));
            }
        }
        Ok(())
    }

    fn count(&mut self, difference: Option<&Difference>, within: &[usize]) {
        let found = &mut self.found;
        for &at in within {
            found.by_column.entry(at).or_default().1 += 1;
        }
        match difference.map(|difference| &difference.what) {
            None => {
                found.totals.equal += 1;
                found.totals.within_tolerance += 1;
            }
            Some(Change::Missing { .. }) => found.totals.missing += 1,
            Some(Change::Added { .. }) => found.totals.added += 1,
            Some(Change::Changed { cells }) => {
                found.totals.changed += 1;
                for cell in cells {
                    let at = self
                        .plan
                        .pairs
                        .iter()
                        .position(|pair| pair.compared.left == cell.column);
                    if let Some(at) = at {
                        found.by_column.entry(at).or_default().0 += 1;
                    }
                }
            }
        }
    }

    /// The difference, if there is one, and the columns whose difference is within a tolerance.
    async fn tell(
        &self,
        candidate: &Candidate,
    ) -> Result<(Option<Difference>, Vec<usize>), Failure> {
        let plan = self.plan;
        let [of_left, of_right] = self.texts;
        let key_of = |texts: &[Option<String>]| texts[..plan.key].to_vec();
        let (what, key) = match (&candidate.left, &candidate.right) {
            (Some(row), None) => {
                let values = of_left.of(plan, row, |_| true).await?;
                let key = key_of(&values);
                (Change::Missing { values }, key)
            }
            (None, Some(row)) => {
                let values = of_right.of(plan, row, |_| true).await?;
                let key = key_of(&values);
                (Change::Added { values }, key)
            }
            (Some(left), Some(right)) => {
                let wanted = |at: usize| candidate.columns.contains(&at);
                let (old, new) = futures::future::try_join(
                    of_left.of(plan, left, |at| at < plan.key || wanted(at)),
                    of_right.of(plan, right, wanted),
                )
                .await?;
                let bytes: [Vec<Option<&[u8]>>; 2] =
                    [fields(left).collect(), fields(right).collect()];
                let (within, apart): (Vec<usize>, Vec<usize>) =
                    candidate.columns.iter().partition(|&&at| {
                        plan.pairs[at].tolerates(
                            [bytes[0][at], bytes[1][at]],
                            [old[at].as_deref(), new[at].as_deref()],
                        )
                    });
                if apart.is_empty() {
                    return Ok((None, within));
                }
                let key = key_of(&old);
                let cells = apart
                    .into_iter()
                    .map(|at| CellChange {
                        column: plan.pairs[at].compared.left.clone(),
                        old: old[at].clone(),
                        new: new[at].clone(),
                    })
                    .collect();
                let difference = Difference {
                    key,
                    what: Change::Changed { cells },
                    repeated: candidate.repeated,
                };
                return Ok((Some(difference), within));
            }
            (None, None) => return Err(Failure("a difference without a row".to_owned())),
        };
        let difference = Difference {
            key,
            what,
            repeated: candidate.repeated,
        };
        Ok((Some(difference), Vec::new()))
    }
}
