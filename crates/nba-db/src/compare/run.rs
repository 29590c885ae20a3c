//! Puts a comparison together: describe, decide, divide, read, look again, judge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nba_utils::Verdict;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::checkpoint::{Checkpoint, FORMAT, Header, Marks};
use super::describe::{Described, Place, describe};
use super::divide;
use super::error::CompareError;
use super::found::{Event, Found, Texts};
use super::outcome::{
    Assembly, ColumnCount, Comparison, Difference, Observer, PlanView, Progress, SchemaDifference,
    Side, SideReport,
};
use super::plan::Plan;
use super::recheck::{self, Held};
use super::schedule::Queue;
use super::spec::{CompareSpec, Mode, Relation};
use super::statements;
use super::work::{self, Sessions, Shared};
use crate::database::Database;
use crate::error::DbError;
use crate::gentle::Governor;
use crate::guard;
use crate::ident::TableName;
use crate::quiet::{Quiet, Tick};
use crate::session::Session;
use crate::snapshot::{CATALOG_ONLY_SQL, Snapshot};

/// Events between the workers and this; a worker waits when nobody takes them.
const EVENTS: usize = 64;
/// Reasons for incomplete figures that are listed.
const MOST_UNFINISHED: usize = 20;

/// The two sides and what they are.
struct Sides<'a> {
    databases: [&'a Database; 2],
    relations: [&'a Relation; 2],
    places: [Place; 2],
    described: [Described; 2],
}

pub(super) fn failed(side: usize) -> impl Fn(DbError) -> CompareError {
    move |source| CompareError::Database {
        side: if side == 0 { Side::Left } else { Side::Right },
        source,
    }
}

pub(super) async fn compare(
    databases: [&Database; 2],
    relations: [&Relation; 2],
    spec: &CompareSpec,
    observer: &mut dyn Observer,
) -> Result<Comparison, CompareError> {
    let started = Instant::now();
    let mut checkpoint = spec
        .checkpoint
        .as_deref()
        .map(Checkpoint::open)
        .transpose()?;
    let (left, right) = futures::future::try_join(
        describe(Side::Left, databases[0], relations[0]),
        describe(Side::Right, databases[1], relations[1]),
    )
    .await?;
    let sides = Sides {
        databases,
        relations,
        places: [left.0, right.0],
        described: [left.1, right.1],
    };
    // Before the snapshots: what is written after the counters were read is seen by a later look at them.
    let marks = match &checkpoint {
        Some(_) => Some([marks(&sides, 0).await?, marks(&sides, 1).await?]),
        None => None,
    };
    let (snapshots, same_place) = snapshots(&sides).await?;
    let mut plan = Plan::new(
        [&sides.places[0], &sides.places[1]],
        [&sides.described[0], &sides.described[1]],
        relations,
        spec,
        same_place,
    )?;
    let [left, right] = snapshots;
    for (side, snapshot) in [&left, &right].into_iter().enumerate() {
        prepare(snapshot, &plan, spec).await.map_err(failed(side))?;
    }
    let earlier = checkpoint.as_ref().and_then(Checkpoint::earlier).cloned();
    let division = divide::divide(&mut plan, [&left, &right], spec, earlier.as_ref()).await?;
    if plan.mode == Mode::Join {
        let settings = left.batch_execute(statements::JOIN_SETTINGS).await;
        settings.map_err(failed(0))?;
    }
    let mut resumed = Vec::new();
    if let (Some(checkpoint), Some(marks)) = (&mut checkpoint, marks) {
        let header = Header {
            format: FORMAT,
            identity: identity(&sides, &plan, spec),
            division: division.clone(),
            marks,
        };
        if let Some(earlier) = &earlier {
            fits(spec, earlier, &header)?;
        }
        resumed = checkpoint.done();
        checkpoint.begin(&header)?;
    }
    let key = plan.key_names();
    let columns: Vec<_> = plan
        .pairs
        .iter()
        .map(|pair| pair.compared.clone())
        .collect();
    let parts = count(division.pieces());
    observer
        .started(&PlanView {
            mode: plan.mode,
            key: &key,
            columns: &columns,
            parts,
        })
        .map_err(CompareError::Observer)?;

    let taken =
        [&left, &right].map(|snapshot| (snapshot.taken_at(), snapshot.transactions().to_owned()));
    let live = !plan.same_place;
    let may_recheck = live && plan.key_proven_unique && spec.recheck.rounds > 0;
    let mut reading = Reading {
        spec,
        observer,
        checkpoint,
        found: Found::default(),
        listed: BTreeMap::new(),
        held: may_recheck.then(Held::default),
        unchecked: 0,
        unfinished: Vec::new(),
        more_unfinished: 0,
        progress: Progress {
            parts_done: 0,
            parts,
            left_rows: 0,
            right_rows: 0,
            differences: 0,
        },
    };
    reading.replay()?;
    let governors = governors(spec, plan.same_place);
    let texts = texts(&sides, &plan).await?;
    let workers = usize::try_from(spec.ranges.get()).unwrap_or(1);
    let shared = Arc::new(Shared {
        queue: Queue::new(division.pieces(), &resumed, workers),
        division,
        texts,
        governors,
        relations: relations.map(Clone::clone),
        plan,
    });
    let (out, mut events) = mpsc::channel(EVENTS);
    let all = team(&sides, &shared.plan, spec, [left, right], workers).await?;
    let mut tasks = JoinSet::new();
    for sessions in all {
        tasks.spawn(work::run(Arc::clone(&shared), sessions, out.clone()));
    }
    drop(out);
    while let Some(event) = events.recv().await {
        reading.take(event)?;
    }
    while let Some(outcome) = tasks.join_next().await {
        if let Err(error) = outcome {
            reading.unfinished(format!("a worker stopped: {error}"));
        }
    }
    let left_over = shared.queue.left();
    if left_over > 0 {
        reading.unfinished(format!(
            "{left_over} of {parts} key ranges were not read, because no session was left"
        ));
    }
    let held = reading.held.take();
    let mut recheck_report = None;
    if let Some(held) = held
        && !held.is_empty()
    {
        let unchecked = reading.unchecked;
        let report = recheck::recheck(
            &shared,
            databases,
            [&taken[0].1, &taken[1].1],
            spec,
            held,
            &mut reading,
            unchecked,
        )
        .await?;
        recheck_report = Some(report);
    }
    let carried = carried(&sides, &reading, resumed.is_empty()).await;
    let assembly = Assembly {
        parts,
        resumed_parts: count(resumed.iter().map(ExactSizeIterator::len).sum()),
        snapshots: match &reading.checkpoint {
            Some(checkpoint) if !resumed.is_empty() => {
                let now = u64::from(
                    resumed.iter().map(ExactSizeIterator::len).sum::<usize>()
                        < shared.division.pieces(),
                );
                checkpoint.runs() + now
            }
            _ => 1,
        },
    };
    let plan = &shared.plan;
    let found = &reading.found;
    let by_column: Vec<ColumnCount> = found
        .by_column
        .iter()
        .filter_map(|(&at, &(changed, within))| {
            Some(ColumnCount {
                column: plan.pairs.get(at)?.compared.left.clone(),
                changed,
                within_tolerance: within,
            })
        })
        .collect();
    let differences: Vec<Difference> = reading.listed.into_values().map(|d| *d).collect();
    let total = found.totals.differences();
    let mut notes = plan.notes.clone();
    let mut unfinished = reading.unfinished;
    if reading.more_unfinished > 0 {
        unfinished.push(format!("and {} further reasons", reading.more_unfinished));
    }
    let (carried_notes, mut doubts) = carried;
    notes.extend(carried_notes);
    // Differences that may be writes which only one of two live databases had yet.
    let uncertain = live
        && !may_recheck
        && total > 0
        && spec.recheck.rounds > 0
        && !recheck::nothing_written(databases, [&taken[0].1, &taken[1].1])
            .await
            .unwrap_or(false);
    if uncertain {
        doubts.push(format!(
            "{total} rows differ, but there were writes while the two databases were read, one after the other; without a key that \
             indexes prove, rows cannot be read again to tell a difference from a late write"
        ));
    }
    if let Some(report) = &recheck_report
        && report.converged > 0
    {
        notes.push(format!(
            "{} keys differed when they were first read and were equal at a later moment",
            report.converged
        ));
    }
    let report = |side: usize| {
        let place = &sides.places[side];
        SideReport {
            identity: place.identity.clone(),
            target: place.target.clone(),
            relation: relations[side].clone(),
            rows: found.rows[side],
            taken_at: taken[side].0,
            transactions: taken[side].1.clone(),
        }
    };
    let mut comparison = Comparison {
        verdict: Verdict::Proven,
        equal_as_declared: false,
        left: report(0),
        right: report(1),
        mode: plan.mode,
        mode_reason: plan.mode_reason.clone(),
        key,
        key_proven_unique: plan.key_proven_unique,
        columns,
        ignored: plan.ignored.clone(),
        schema: plan.schema.clone(),
        notes,
        totals: found.totals,
        by_column,
        truncated: total > count(differences.len()),
        differences,
        unfinished,
        recheck: recheck_report,
        assembly,
        elapsed: Duration::ZERO,
    };
    judge(&mut comparison, doubts, uncertain);
    comparison.elapsed = started.elapsed();
    Ok(comparison)
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What has been read so far.
pub(super) struct Reading<'a> {
    spec: &'a CompareSpec,
    observer: &'a mut dyn Observer,
    checkpoint: Option<Checkpoint>,
    pub(super) found: Found,
    /// The first differences in key order.
    listed: BTreeMap<(usize, u64), Box<Difference>>,
    /// Differences that are read again before they are told.
    held: Option<Held>,
    /// Differences that were told at once, because too many are held.
    unchecked: u64,
    unfinished: Vec<String>,
    more_unfinished: u64,
    progress: Progress,
}

impl Reading<'_> {
    /// Takes over what earlier runs found.
    fn replay(&mut self) -> Result<(), CompareError> {
        let Some(checkpoint) = self.checkpoint.take() else {
            return Ok(());
        };
        let mut numbers: BTreeMap<usize, u64> = BTreeMap::new();
        checkpoint.replay(&mut |first, difference| {
            let number = numbers.entry(first).or_default();
            let place = (first, *number);
            *number += 1;
            self.difference(place, Box::new(difference))
        })?;
        for found in checkpoint.found() {
            self.found.add(found);
        }
        self.progress.parts_done =
            count(checkpoint.done().iter().map(ExactSizeIterator::len).sum());
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), CompareError> {
        match event {
            Event::Difference { place, difference } => {
                if let Some(checkpoint) = &mut self.checkpoint {
                    checkpoint.difference(place.0, &difference)?;
                }
                self.difference(place, difference)?;
            }
            Event::Finished { first, end, found } => {
                if let Some(checkpoint) = &mut self.checkpoint {
                    checkpoint.finished(first..end, &found)?;
                }
                self.found.add(&found);
                self.progress.parts_done += count(end - first);
                self.show();
            }
            Event::Failed { failure, found } => {
                // Rows whose place in the account is not known are left out of it.
                let accounted = found.totals.is_balanced(found.rows[0], found.rows[1]);
                let mut found = *found;
                if !accounted {
                    let both = found.totals.equal + found.totals.changed;
                    found.rows = [both + found.totals.missing, both + found.totals.added];
                }
                self.found.add(&found);
                self.unfinished(failure.0);
            }
            Event::Rewritten(side) => self.unfinished(format!(
                "{side} side: the table was truncated or rewritten after the snapshot was taken, so its rows could not be seen; compare again"
            )),
        }
        Ok(())
    }

    fn show(&mut self) {
        self.progress.left_rows = self.found.rows[0];
        self.progress.right_rows = self.found.rows[1];
        self.progress.differences = self.found.totals.differences();
        self.observer.progress(self.progress);
    }

    pub(super) fn unfinished(&mut self, reason: String) {
        if self.unfinished.len() < MOST_UNFINISHED {
            self.unfinished.push(reason);
        } else {
            self.more_unfinished += 1;
        }
    }

    fn difference(
        &mut self,
        place: (usize, u64),
        difference: Box<Difference>,
    ) -> Result<(), CompareError> {
        if let Some(held) = &mut self.held {
            if held.len() < self.spec.recheck.most_keys {
                held.add(place, difference);
                return Ok(());
            }
            self.unchecked += 1;
        }
        self.tell(place, difference)
    }

    /// Shows a difference and lists it, if it is among the first.
    pub(super) fn tell(
        &mut self,
        place: (usize, u64),
        difference: Box<Difference>,
    ) -> Result<(), CompareError> {
        self.observer
            .difference(&difference)
            .map_err(CompareError::Observer)?;
        if self.spec.listed > 0 {
            self.listed.insert(place, difference);
            if self.listed.len() > self.spec.listed {
                self.listed.pop_last();
            }
        }
        Ok(())
    }
}

/// The snapshots to read in, one per side, and whether both are one state of one database.
async fn snapshots(sides: &Sides<'_>) -> Result<([Snapshot; 2], bool), CompareError> {
    let left = sides.databases[0].snapshot().await.map_err(failed(0))?;
    if sides.places[0].is(&sides.places[1])
        && let Ok(right) = sides.databases[1].join_snapshot(left.id()).await
    {
        return Ok(([left, right], true));
    }
    let right = sides.databases[1].snapshot().await.map_err(failed(1))?;
    Ok(([left, right], false))
}

/// Makes a session independent of its surroundings until its transaction ends.
pub(super) async fn prepare(
    snapshot: &Snapshot,
    plan: &Plan,
    spec: &CompareSpec,
) -> Result<(), DbError> {
    let mut sql = format!(
        "{}; set local work_mem = '{}MB'",
        statements::SETTINGS,
        spec.server_memory_mib
    );
    if !plan.own_search_path {
        sql.push_str("; ");
        sql.push_str(CATALOG_ONLY_SQL);
    }
    if let Some(timeout) = spec.statement_timeout {
        sql.push_str("; set local statement_timeout = ");
        sql.push_str(&guard::milliseconds(timeout));
    }
    snapshot.batch_execute(&sql).await
}

/// The workers' sessions: the first from the snapshots that are there, as many further as are free.
async fn team(
    sides: &Sides<'_>,
    plan: &Plan,
    spec: &CompareSpec,
    first: [Snapshot; 2],
    workers: usize,
) -> Result<Vec<Sessions>, CompareError> {
    let ids = [first[0].id().to_owned(), first[1].id().to_owned()];
    let streams = plan.mode != Mode::Join;
    let [left, right] = first;
    // In join mode the left session sees both.
    let right = streams.then_some(right);
    let mut team = vec![Sessions { left, right }];
    while team.len() < workers {
        let join = |side: usize| {
            let session = sides.databases[side].try_join_snapshot(&ids[side]);
            async move { session.await.map_err(failed(side)) }
        };
        let Some(left) = join(0).await? else { break };
        prepare(&left, plan, spec).await.map_err(failed(0))?;
        let mut right = None;
        if streams {
            right = join(1).await?;
            let Some(right) = &right else { break };
            prepare(right, plan, spec).await.map_err(failed(1))?;
        } else {
            let settings = left.batch_execute(statements::JOIN_SETTINGS).await;
            settings.map_err(failed(0))?;
        }
        team.push(Sessions { left, right });
    }
    Ok(team)
}

async fn texts(sides: &Sides<'_>, plan: &Plan) -> Result<[Texts; 2], CompareError> {
    let left: Arc<Session> = Arc::new(sides.databases[0].session().await.map_err(failed(0))?);
    let right = if plan.same_place {
        Arc::clone(&left)
    } else {
        Arc::new(sides.databases[1].session().await.map_err(failed(1))?)
    };
    Ok([Texts::new(plan, 0, left), Texts::new(plan, 1, right)])
}

fn governors(spec: &CompareSpec, same_place: bool) -> [Arc<Governor>; 2] {
    let governor = || {
        Arc::new(match &spec.gentle {
            Some(rules) => Governor::new(rules.clone()),
            None => Governor::unlimited(),
        })
    };
    let left = governor();
    let right = if same_place {
        Arc::clone(&left)
    } else {
        governor()
    };
    [left, right]
}

/// The write counters of a side's table, or why there are none.
async fn marks(sides: &Sides<'_>, side: usize) -> Result<Result<Marks, String>, CompareError> {
    let Relation::Table(table) = sides.relations[side] else {
        return Ok(Err("a query has no write counters".to_owned()));
    };
    let session = sides.databases[side]
        .session()
        .await
        .map_err(failed(side))?;
    Ok(match Tick::read(session.client()).await {
        Ok(tick) => match tick.tables.get(table) {
            Some(marks) => Ok(Marks {
                server: tick.server.clone(),
                table: marks.clone(),
            }),
            None => Err(format!("`{table}` has no write counters")),
        },
        Err(error) => Err(error.to_string()),
    })
}

/// What a result that was put together over several runs says about itself, and what it must not claim.
async fn carried(
    sides: &Sides<'_>,
    reading: &Reading<'_>,
    fresh: bool,
) -> (Vec<String>, Vec<String>) {
    let (mut notes, mut doubts) = (Vec::new(), Vec::new());
    let Some(header) = reading.checkpoint.as_ref().and_then(Checkpoint::earlier) else {
        return (notes, doubts);
    };
    if fresh {
        return (notes, doubts);
    }
    for (side, name) in [Side::Left, Side::Right].into_iter().enumerate() {
        match unwritten(sides, side, header).await {
            Ok(table) => notes.push(format!(
                "{name} side: no write to `{table}` was counted since the first of these runs began"
            )),
            Err(reason) => doubts.push(format!(
                "{name} side: parts were read in earlier runs, and it may have been written since: {reason}"
            )),
        }
    }
    (notes, doubts)
}

async fn unwritten(sides: &Sides<'_>, side: usize, header: &Header) -> Result<TableName, String> {
    let then = header.marks[side].clone()?;
    let Relation::Table(table) = sides.relations[side] else {
        return Err("a query has no write counters".to_owned());
    };
    let session = sides.databases[side].session().await;
    let session = session.map_err(|error| error.to_string())?;
    let tick = Tick::read(session.client()).await;
    let tick = tick.map_err(|error| error.to_string())?;
    match tick.unwritten(table, &then.server, &then.table) {
        Quiet::Unwritten => Ok(table.clone()),
        Quiet::Written(reason) | Quiet::Unknown(reason) => Err(reason),
    }
}

/// What a checkpoint is bound to.
fn identity(sides: &Sides<'_>, plan: &Plan, spec: &CompareSpec) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for (side, name) in ["left", "right"].into_iter().enumerate() {
        let place = &sides.places[side].identity;
        parts.insert(
            format!("{name} database"),
            format!(
                "{} {} {}",
                place.system_identifier.as_deref().unwrap_or("unknown"),
                place.database,
                place.database_oid
            ),
        );
        let relation = match sides.relations[side] {
            Relation::Table(table) => {
                let oid = sides.described[side].table.as_ref().map(|table| table.oid);
                format!("{table} {}", oid.unwrap_or(0))
            }
            Relation::Query(sql) => sql.clone(),
        };
        parts.insert(format!("{name} relation"), relation);
    }
    let text = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    let columns: Vec<_> = plan.pairs.iter().map(|pair| &pair.compared).collect();
    parts.insert("columns".to_owned(), text(serde_json::to_string(&columns)));
    parts.insert("key".to_owned(), plan.key_names().join(", "));
    parts.insert(
        "ignored columns".to_owned(),
        text(serde_json::to_string(&spec.ignore)),
    );
    parts.insert("mode".to_owned(), plan.mode.to_string());
    parts
}

fn fits(spec: &CompareSpec, earlier: &Header, now: &Header) -> Result<(), CompareError> {
    let refuse = |reason: String| CompareError::OtherCheckpoint {
        path: spec.checkpoint.clone().unwrap_or_default(),
        reason,
    };
    if earlier.format != now.format {
        return Err(refuse(format!(
            "its form is {}, this program writes {}",
            earlier.format, now.format
        )));
    }
    for (name, value) in &now.identity {
        let then = earlier.identity.get(name).map_or("nothing", String::as_str);
        if then != value {
            return Err(refuse(format!("{name} was `{then}` and is `{value}`")));
        }
    }
    Ok(())
}

/// The verdict, from everything else; `uncertain` says that differences may be none.
fn judge(comparison: &mut Comparison, more: Vec<String>, uncertain: bool) {
    let totals = &comparison.totals;
    let mut findings = Vec::new();
    for difference in &comparison.schema {
        if let SchemaDifference::OnlyOn { side, column, .. } = difference {
            findings.push(format!("column `{column}` is only on the {side}"));
        }
    }
    let mut doubts = comparison.unfinished.clone();
    doubts.extend(more);
    if let Some(recheck) = &comparison.recheck {
        if recheck.moving > 0 {
            doubts.push(format!(
                "{} keys kept changing while they were read again",
                recheck.moving
            ));
        }
        // What was not read again may be a write that only one side had yet.
        if recheck.persistent == 0 && recheck.unchecked > 0 {
            doubts.push(format!(
                "{} differing keys were too many to be read again",
                recheck.unchecked
            ));
        }
    }
    let unclear = comparison
        .recheck
        .as_ref()
        .map_or(0, |recheck| match recheck.persistent {
            0 => recheck.moving + recheck.unchecked,
            _ => 0,
        });
    let certain = totals.differences().saturating_sub(unclear);
    if certain > 0 && !uncertain {
        findings.push(format!(
            "{} rows differ: {} missing on the right, {} added on the right, {} changed",
            totals.differences(),
            totals.missing,
            totals.added,
            totals.changed
        ));
    }
    if !totals.is_balanced(comparison.left.rows, comparison.right.rows) {
        doubts.push(format!(
            "the account does not balance: {} and {} rows, {totals:?}",
            comparison.left.rows, comparison.right.rows
        ));
    }
    comparison.equal_as_declared =
        findings.is_empty() && doubts.is_empty() && totals.differences() == 0;
    for ignored in &comparison.ignored {
        doubts.push(format!(
            "`{}` was not compared: {}",
            ignored.column, ignored.reason
        ));
    }
    if totals.within_tolerance > 0 {
        doubts.push(format!(
            "{} rows are equal only within a tolerance",
            totals.within_tolerance
        ));
    }
    let open = doubts.into_iter().map(Verdict::not_proven);
    comparison.verdict = Verdict::all([Verdict::from_findings(findings)].into_iter().chain(open));
}
