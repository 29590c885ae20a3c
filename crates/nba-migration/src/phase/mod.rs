//! Phases that advance only on evidence.
//!
//! The legacy plan ticked its check lists by hand, 8 of 8 (monitoring dossier 4.2, F27, F31). Here a phase is what the ledger says it
//! is: [`Standing::read`] looks at the records, judges each gate by the newest one that speaks about it, and [`advance`] writes the
//! step into the ledger only when every gate of the phase is proven, not applicable, or waived in writing. A record that is missing,
//! too old, about another database, or from before the phase began is `NotProven`. A waiver has an owner, a reason and an end, and
//! stays visible for ever.

mod gates;
mod report;
mod speed;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use nba_db::identity::Brief;
use nba_utils::{Hint, Verdict};
use serde::Serialize;

pub use self::gates::{Gate, PHASES, Phase, gates};
pub use self::report::{Lesson, PhaseReport, Taken, report};
pub use self::speed::{Pace, SpeedReport, TOLERANCE, speed};
pub use self::watch::{Watch, watched};
use crate::fault;
use crate::ledger::{Entry, Ledger, LedgerError, Receipt, Record};
use crate::switch::TURN_WAIVER;

/// Subject of a step forward.
const ADVANCE: &str = "phase advance";
/// Subject of a step back.
const FALL_BACK: &str = "phase fall back";
/// Subject of a waiver.
const WAIVER: &str = "waiver";
/// Longest waiver: a year.
const LONGEST_WAIVER: i64 = 366;

/// How many phases one step closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// One after the other: nine weeks in the legacy plan.
    #[default]
    Safe,
    /// Two at a time, 0+1, 2+3, 4+5: three weeks. No check is left out.
    Fast,
}

impl Profile {
    fn step(self) -> usize {
        match self {
            Self::Safe => 1,
            Self::Fast => 2,
        }
    }
}

/// How a gate stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GateResult {
    /// The gate.
    #[serde(flatten)]
    pub gate: Gate,
    /// What the evidence says, waivers aside.
    pub verdict: Verdict,
    /// The record that decided.
    pub record: Option<u64>,
    /// The waiver that lets it pass, where one does.
    pub waiver: Option<Waiver>,
}

impl GateResult {
    /// Whether it lets the phase pass.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Proven | Verdict::NotApplicable { .. }
        ) || self.waiver.is_some()
    }
}

/// A written exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Waiver {
    /// Which gate.
    pub gate: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Last day it counts, UTC.
    pub until: NaiveDate,
    /// When it was written.
    pub written_at: DateTime<Utc>,
    /// Its record.
    pub sequence: u64,
    /// Whether it still counts.
    pub active: bool,
}

/// Where a project stands, computed from its ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Standing {
    /// `Proven` when every gate of the present phase passes on evidence alone; a waiver makes it `NotProven`.
    pub verdict: Verdict,
    /// Whether the ledger holds.
    pub ledger: Verdict,
    /// The present phase; one past the last when all are done.
    pub phase: usize,
    /// When it began.
    pub since: Option<DateTime<Utc>>,
    /// The gates that have to pass before the next step.
    pub gates: Vec<GateResult>,
    /// Every waiver ever written.
    pub waivers: Vec<Waiver>,
    /// What calls for going back.
    pub alarms: Vec<String>,
    /// Which database the evidence is about.
    pub target: Option<Brief>,
}

/// Why nothing was advanced or waived.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhaseError {
    /// Gates do not pass.
    #[error("phase {phase} is not done: {}", open.join("; "))]
    Blocked {
        /// The phase.
        phase: usize,
        /// The gates, with what they lack.
        open: Vec<String>,
    },
    /// Everything is done.
    #[error("all phases are done")]
    Done,
    /// Not a gate.
    #[error("there is no gate `{0}`")]
    UnknownGate(String),
    /// A waiver without what makes it one.
    #[error("a waiver needs {0}")]
    BadWaiver(&'static str),
    /// The ledger could not be read or written.
    #[error("the phases could not be read or recorded")]
    Ledger(#[from] LedgerError),
}

impl Hint for PhaseError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Blocked { .. } => Some("`nba phase next` says what to run".to_owned()),
            Self::UnknownGate(_) => Some("`nba phase status` names them".to_owned()),
            Self::Ledger(error) => error.hint(),
            _ => None,
        }
    }
}

fn text(record: &Record, name: &str) -> Option<String> {
    let figure = record.entry.figures.get(name)?;
    figure.as_str().map(str::to_owned)
}

impl Standing {
    /// Reads the ledger and judges the gates of the present phase.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read. A damaged one is no error: nothing is proven then.
    pub fn read(
        ledger: &Ledger,
        profile: Profile,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let verdict = ledger.verify()?.verdict;
        Ok(Self::of(verdict, &ledger.records()?, profile, now))
    }

    /// The gates of phase 0, whatever the present phase is: may anything begin?
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn preflight(ledger: &Ledger, now: DateTime<Utc>) -> Result<Self, LedgerError> {
        let verdict = ledger.verify()?.verdict;
        Ok(Self::at(
            (0, None),
            verdict,
            &ledger.records()?,
            Profile::Safe,
            now,
        ))
    }

    /// The same from records in hand.
    #[must_use]
    pub fn of(ledger: Verdict, records: &[Record], profile: Profile, now: DateTime<Utc>) -> Self {
        Self::at(position(records), ledger, records, profile, now)
    }

    fn at(
        (phase, since): (usize, Option<DateTime<Utc>>),
        ledger: Verdict,
        records: &[Record],
        profile: Profile,
        now: DateTime<Utc>,
    ) -> Self {
        let waivers = waivers(records, now);
        let target = records
            .iter()
            .rev()
            .find(|record| record.entry.subject == "baseline capture")
            .and_then(|record| record.entry.target.clone());
        let results: Vec<GateResult> = gates()
            .into_iter()
            .filter(|gate| (phase..phase + profile.step()).contains(&gate.phase))
            .map(|gate| {
                let (verdict, record) = if ledger.is_refuted() {
                    (Verdict::not_proven("the ledger is damaged"), None)
                } else {
                    judge(&gate, records, since, target.as_ref(), now)
                };
                let passes = matches!(verdict, Verdict::Proven | Verdict::NotApplicable { .. });
                let waiver = waivers
                    .iter()
                    .rev()
                    .find(|waiver| waiver.active && waiver.gate == gate.id && !passes)
                    .cloned();
                GateResult {
                    gate,
                    verdict,
                    record,
                    waiver,
                }
            })
            .collect();
        let alarms = alarms(records, since);
        let verdict = Verdict::all(std::iter::once(ledger.clone()).chain(results.iter().map(
            |result| {
                match &result.waiver {
                    Some(waiver) => Verdict::not_proven(format!(
                        "waived by {} until {}: {}",
                        waiver.owner, waiver.until, waiver.reason
                    ))
                    .about(result.gate.id),
                    None => result.verdict.clone().about(result.gate.id),
                }
            },
        )));
        Self {
            verdict,
            ledger,
            phase,
            since,
            gates: results,
            waivers,
            alarms,
            target,
        }
    }

    /// The gates that do not pass.
    pub fn open(&self) -> impl Iterator<Item = &GateResult> {
        self.gates.iter().filter(|result| !result.passes())
    }
}

/// The present phase and when it began: every step is a record.
pub(crate) fn position(records: &[Record]) -> (usize, Option<DateTime<Utc>>) {
    let mut position = (0, None);
    for record in records {
        let moved = [ADVANCE, FALL_BACK].contains(&record.entry.subject.as_str());
        if let Some(to) = record
            .entry
            .figures
            .get("to")
            .and_then(serde_json::Value::as_u64)
            .filter(|_| moved)
        {
            position = (usize::try_from(to).unwrap_or(0), Some(record.time));
        }
    }
    position
}

pub(crate) fn waivers(records: &[Record], now: DateTime<Utc>) -> Vec<Waiver> {
    records
        .iter()
        .filter(|record| record.entry.subject == WAIVER)
        .filter_map(|record| {
            let until: NaiveDate = text(record, "until")?.parse().ok()?;
            Some(Waiver {
                gate: text(record, "gate")?,
                owner: text(record, "owner")?,
                reason: text(record, "reason")?,
                until,
                written_at: record.time,
                sequence: record.sequence,
                active: now.date_naive() <= until,
            })
        })
        .collect()
}

/// Judges one gate by the records that speak about it.
fn judge(
    gate: &Gate,
    records: &[Record],
    since: Option<DateTime<Utc>>,
    target: Option<&Brief>,
    now: DateTime<Utc>,
) -> (Verdict, Option<u64>) {
    let about: Vec<&Record> = records
        .iter()
        .filter(|record| gate.subjects.contains(&record.entry.subject.as_str()))
        .collect();
    let Some(newest) = about.last() else {
        return (
            Verdict::not_proven(format!("nothing was recorded; run `{}`", gate.remedy)),
            None,
        );
    };
    let sequence = Some(newest.sequence);
    if let (Some(wanted), Some(found)) = (target, &newest.entry.target)
        && !same_target(wanted, found)
    {
        return (
            Verdict::refuted(format!(
                "record {} is about another database, `{}`",
                newest.sequence, found.database
            )),
            sequence,
        );
    }
    if !newest.entry.verdict.is_proven() {
        return (
            newest
                .entry
                .verdict
                .clone()
                .about(&format!("record {}", newest.sequence)),
            sequence,
        );
    }
    if gate.in_phase && since.is_some_and(|since| newest.time < since) {
        return (
            Verdict::not_proven(format!(
                "record {} is from before this phase",
                newest.sequence
            )),
            sequence,
        );
    }
    let age = now - newest.time;
    if age > Duration::hours(gate.max_age_hours) {
        return (
            Verdict::not_proven(format!(
                "record {} is {} hours old, {} are allowed; run `{}`",
                newest.sequence,
                age.num_hours(),
                gate.max_age_hours,
                gate.remedy
            )),
            sequence,
        );
    }
    // Several in a row where one could be luck.
    let in_a_row = about
        .iter()
        .rev()
        .take_while(|record| record.entry.verdict.is_proven())
        .filter(|record| !gate.in_phase || since.is_none_or(|since| record.time >= since))
        .count();
    if in_a_row < gate.in_a_row {
        return (
            Verdict::not_proven(format!(
                "{in_a_row} of {} proven runs in a row",
                gate.in_a_row
            )),
            sequence,
        );
    }
    if let Some(figure) = gate.unchanged {
        return unchanged(figure, records, sequence);
    }
    (Verdict::Proven, sequence)
}

/// One value must be the same in the newest record that has it as in the last one before phase 0 was closed.
fn unchanged(figure: &str, records: &[Record], sequence: Option<u64>) -> (Verdict, Option<u64>) {
    let values: BTreeMap<u64, String> = records
        .iter()
        .filter_map(|record| Some((record.sequence, text(record, figure)?)))
        .collect();
    // Until then remedies may change what is found; what was found last is what the phase was closed on.
    let closed = records
        .iter()
        .rev()
        .find(|record| {
            record.entry.subject == ADVANCE
                && record
                    .entry
                    .figures
                    .get("from")
                    .and_then(serde_json::Value::as_u64)
                    == Some(0)
        })
        .map_or(0, |record| record.sequence);
    let reference = values
        .range(..closed)
        .next_back()
        .or_else(|| values.first_key_value());
    let verdict = match (reference, values.last_key_value()) {
        (Some((first, _)), Some((last, _))) if first == last => Verdict::not_proven(format!(
            "`{figure}` was recorded once; nothing to compare with"
        )),
        (Some((_, before)), Some((_, after))) if before == after => Verdict::Proven,
        (Some((first, _)), Some((last, _))) => Verdict::refuted(format!(
            "`{figure}` differs between the records {first} and {last}"
        )),
        _ => Verdict::not_proven(format!("`{figure}` was never recorded")),
    };
    (verdict, sequence)
}

/// By what tells databases apart; where the system identifier may not be read, name and number stand in.
fn same_target(a: &Brief, b: &Brief) -> bool {
    let systems = match (&a.system_identifier, &b.system_identifier) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    systems && a.database == b.database && a.database_oid == b.database_oid
}

/// What happened since the phase began that calls for going back (monitoring dossier 6.7, SR1).
fn alarms(records: &[Record], since: Option<DateTime<Utc>>) -> Vec<String> {
    let mut alarms = Vec::new();
    let after = |record: &&Record| since.is_none_or(|since| record.time >= since);
    if let Some(health) = records
        .iter()
        .filter(after)
        .rev()
        .find(|record| record.entry.subject == "health")
        && health.entry.verdict.is_refuted()
    {
        let status = text(health, "overall_status").unwrap_or_default();
        alarms.push(format!(
            "record {}: health is {status}: {}",
            health.sequence,
            health.entry.verdict.reasons().join("; ")
        ));
    }
    alarms
}

/// Closes the present phase, if every gate passes.
///
/// # Errors
///
/// [`PhaseError::Blocked`] with every gate that does not pass; nothing is recorded then.
pub fn advance(
    ledger: &Ledger,
    profile: Profile,
    now: DateTime<Utc>,
) -> Result<(usize, Receipt), PhaseError> {
    let standing = Standing::read(ledger, profile, now)?;
    if standing.phase >= PHASES.len() {
        return Err(PhaseError::Done);
    }
    let mut open: Vec<String> = standing
        .open()
        .map(|result| format!("{}: {}", result.gate.id, result.verdict))
        .collect();
    open.extend(standing.alarms.iter().cloned());
    if !open.is_empty() {
        return Err(PhaseError::Blocked {
            phase: standing.phase,
            open,
        });
    }
    let to = (standing.phase + profile.step()).min(PHASES.len());
    let evidence: Vec<u64> = standing
        .gates
        .iter()
        .filter_map(|result| result.record)
        .collect();
    let waived: Vec<&str> = standing
        .gates
        .iter()
        .filter(|result| result.waiver.is_some())
        .map(|result| result.gate.id)
        .collect();
    let entry = Entry::new(ADVANCE, standing.verdict.clone())
        .figure("from", standing.phase)
        .figure("to", to)
        .figure("evidence", evidence)
        .figure("waived", waived);
    fault::point("phase.judged");
    let receipt = ledger.append(&entry)?;
    fault::point("phase.advanced");
    Ok((to, receipt))
}

/// Goes back to an earlier phase; evidence gathered before counts no more where a gate wants it from within the phase.
///
/// # Errors
///
/// [`PhaseError::Ledger`].
pub fn fall_back(ledger: &Ledger, to: usize, why: &str) -> Result<Receipt, PhaseError> {
    let (from, _) = position(&ledger.records()?);
    let entry = Entry::new(FALL_BACK, Verdict::refuted(why))
        .figure("from", from)
        .figure("to", to.min(from))
        .figure("why", why);
    Ok(ledger.append(&entry)?)
}

/// The same, unless the newest step is this very one: an interrupted rollback that goes on does not fall back twice.
pub(crate) fn fall_back_once(ledger: &Ledger, to: usize, why: &str) -> Result<(), PhaseError> {
    let records = ledger.records()?;
    let newest = records
        .iter()
        .rev()
        .find(|record| [ADVANCE, FALL_BACK].contains(&record.entry.subject.as_str()));
    let done = newest.is_some_and(|record| {
        record.entry.subject == FALL_BACK && text(record, "why").as_deref() == Some(why)
    });
    if !done {
        fall_back(ledger, to, why)?;
    }
    Ok(())
}

/// Writes a waiver.
///
/// # Errors
///
/// [`PhaseError::UnknownGate`] for what is neither a gate nor the turn of a capability (`queue:CAPABILITY`), and [`PhaseError::BadWaiver`] without an owner, a reason, or an end within a year.
pub fn waive(
    ledger: &Ledger,
    gate: &str,
    owner: &str,
    reason: &str,
    until: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Receipt, PhaseError> {
    let turn = gate
        .strip_prefix(TURN_WAIVER)
        .is_some_and(crate::switch::is_name);
    if !turn && !gates().iter().any(|known| known.id == gate) {
        return Err(PhaseError::UnknownGate(gate.to_owned()));
    }
    if owner.trim().is_empty() {
        return Err(PhaseError::BadWaiver("an owner"));
    }
    if reason.trim().is_empty() {
        return Err(PhaseError::BadWaiver("a reason"));
    }
    let days = (until - now.date_naive()).num_days();
    if !(0..=LONGEST_WAIVER).contains(&days) {
        return Err(PhaseError::BadWaiver("an end, from today to a year ahead"));
    }
    let entry = Entry::new(WAIVER, Verdict::not_proven(reason))
        .figure("gate", gate)
        .figure("owner", owner)
        .figure("reason", reason)
        .figure("until", until.to_string());
    Ok(ledger.append(&entry)?)
}
