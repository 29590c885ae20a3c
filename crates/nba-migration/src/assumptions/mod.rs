//! What the plan takes for granted, each with its evidence, its owner and its end.
//!
//! The first plan assumed early development, the second 40 tables and no jobs; nobody had written down who would have to notice
//! (monitoring dossier 6.9, SL1; F02, F03). An assumption here names the records of the ledger that carry it. It is proven while the
//! newest of them is proven and young enough, and expires: what nobody looks after is not proven any more.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use nba_utils::{Hint, Verdict};
use serde::Serialize;

use crate::ledger::{Entry, Ledger, LedgerError, Receipt, Record};

/// Subject of the record of an assumption.
const SUBJECT: &str = "assumption";
/// Subject of the record of a look at all of them.
const VERIFY: &str = "assumptions";
/// How old the evidence may be, in days.
const DAYS: i64 = 7;
/// Longest time until somebody has to say again that it still holds: a year.
const LONGEST: i64 = 366;
/// Rows from which on a database is nobody's toy.
const MANY_ROWS: u64 = 1_000_000;

/// Something that is taken for granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Assumption {
    /// Its name.
    pub id: String,
    /// What is assumed.
    pub statement: String,
    /// Subject of the records that carry it, such as `state capture`.
    pub evidence: String,
    /// Who has to notice when it fails.
    pub owner: String,
    /// Last day it counts, UTC; `None` for those of the plan, which count as long as their evidence is young.
    pub until: Option<NaiveDate>,
    /// What to run.
    pub remedy: String,
}

/// An assumption and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Judged {
    /// The assumption.
    #[serde(flatten)]
    pub assumption: Assumption,
    /// How it stands.
    pub verdict: Verdict,
    /// The record that decided.
    pub record: Option<u64>,
}

/// What kind of place this is, by what runs in it (monitoring dossier 6.1, SA12). Whatever it is called, nothing is treated as a toy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Jobs or processes run here, or the database is large: people depend on it.
    Live,
    /// It was looked at, and nothing runs and little is in it.
    Development,
    /// It was not looked at: taken for live.
    Unknown,
}

impl Environment {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Development => "development",
            Self::Unknown => "unknown, taken for live",
        }
    }
}

/// All assumptions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Register {
    /// All of them together.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What kind of place this is.
    pub environment: Environment,
    /// Why.
    pub because: String,
    /// Each, those of the plan first.
    pub assumptions: Vec<Judged>,
}

/// Why an assumption was not put on record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssumptionError {
    /// Something that makes it one is missing.
    #[error("an assumption needs {0}")]
    Bad(&'static str),
    /// Its evidence is nothing that is ever recorded.
    #[error("no record is about `{0}`")]
    NoEvidence(String),
    /// The ledger could not be read or written.
    #[error("the assumptions could not be read or recorded")]
    Ledger(#[from] LedgerError),
}

impl Hint for AssumptionError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoEvidence(_) => Some(
                "name the subject of a record, such as `state capture`; `nba ledger show` lists them"
                    .to_owned(),
            ),
            Self::Ledger(error) => error.hint(),
            Self::Bad(_) => None,
        }
    }
}

/// What the plan itself takes for granted: name, statement, evidence, remedy.
const OF_THE_PLAN: [(&str, &str, &str, &str); 6] = [
    (
        "database",
        "the database is the one that is meant, and every table of it is known",
        "baseline capture",
        "nba baseline capture",
    ),
    (
        "jobs",
        "every job that runs here is known and finds its script",
        "state capture",
        "nba state capture",
    ),
    (
        "rows",
        "the rows are those the baseline remembers",
        "health",
        "nba health",
    ),
    (
        "lake",
        "the data lake can be listed, and what is in it is counted",
        "lake inventory",
        "nba lake inventory",
    ),
    (
        "way-back",
        "a backup of this database comes back identical",
        "backup verify",
        "nba backup drill",
    ),
    (
        "code",
        "the code as it is can be brought back, uncommitted work included",
        "restore point",
        "nba restore point",
    ),
];

/// Judges every assumption by the ledger.
///
/// # Errors
///
/// When the ledger cannot be read. A damaged one is no error: nothing is proven then.
pub fn register(ledger: &Ledger, now: DateTime<Utc>) -> Result<Register, LedgerError> {
    let chain = ledger.verify()?.verdict;
    Ok(of(&chain, &ledger.records()?, now))
}

/// The same from records in hand.
#[must_use]
pub fn of(ledger: &Verdict, records: &[Record], now: DateTime<Utc>) -> Register {
    let plan = OF_THE_PLAN.map(|(id, statement, evidence, remedy)| Assumption {
        id: id.to_owned(),
        statement: statement.to_owned(),
        evidence: evidence.to_owned(),
        owner: "the plan".to_owned(),
        until: None,
        remedy: remedy.to_owned(),
    });
    let mut all: Vec<Assumption> = plan.into();
    for record in records
        .iter()
        .filter(|record| record.entry.subject == SUBJECT)
    {
        if let Some(written) = written(record) {
            // Written again, it takes the place of what it was.
            all.retain(|other| other.id != written.id);
            all.push(written);
        }
    }
    let assumptions: Vec<Judged> = all
        .into_iter()
        .map(|assumption| {
            let (verdict, record) = if ledger.is_refuted() {
                (Verdict::not_proven("the ledger is damaged"), None)
            } else {
                judge(&assumption, records, now)
            };
            Judged {
                verdict: verdict.about(&assumption.id),
                record,
                assumption,
            }
        })
        .collect();
    let (environment, because) = environment(records);
    Register {
        verdict: Verdict::all(assumptions.iter().map(|one| one.verdict.clone())),
        environment,
        because,
        assumptions,
    }
}

fn written(record: &Record) -> Option<Assumption> {
    let text = |name: &str| {
        let value = record.entry.figures.get(name)?;
        value.as_str().map(str::to_owned)
    };
    Some(Assumption {
        id: text("id")?,
        statement: text("statement")?,
        evidence: text("evidence")?,
        owner: text("owner")?,
        until: Some(text("until")?.parse().ok()?),
        remedy: "nba ledger show".to_owned(),
    })
}

fn judge(
    assumption: &Assumption,
    records: &[Record],
    now: DateTime<Utc>,
) -> (Verdict, Option<u64>) {
    if let Some(until) = assumption.until.filter(|until| now.date_naive() > *until) {
        let text = format!("it ended on {until}; {} has to say again", assumption.owner);
        return (Verdict::not_proven(text), None);
    }
    let newest = records
        .iter()
        .rev()
        .find(|record| record.entry.subject == assumption.evidence);
    let Some(newest) = newest else {
        let text = format!("nothing was recorded; run `{}`", assumption.remedy);
        return (Verdict::not_proven(text), None);
    };
    let record = Some(newest.sequence);
    if !newest.entry.verdict.is_proven() {
        let verdict = newest.entry.verdict.clone();
        return (
            verdict.about(&format!("record {}", newest.sequence)),
            record,
        );
    }
    let age = now - newest.time;
    if age > Duration::days(DAYS) {
        let text = format!(
            "record {} is {} days old, {DAYS} are allowed; run `{}`",
            newest.sequence,
            age.num_days(),
            assumption.remedy
        );
        return (Verdict::not_proven(text), record);
    }
    (Verdict::Proven, record)
}

fn environment(records: &[Record]) -> (Environment, String) {
    let newest = |subject: &str| {
        records
            .iter()
            .rev()
            .find(|record| record.entry.subject == subject)
    };
    let figure = |record: Option<&Record>, name: &str| record?.entry.figures.get(name)?.as_u64();
    let state = newest("state capture");
    let jobs = figure(state, "jobs");
    let processes = figure(state, "processes");
    let rows = figure(newest("baseline capture"), "rows");
    let told = |number: Option<u64>, what: &str| match number {
        Some(number) => format!("{} {what}", nba_utils::format::thousands(number)),
        None => format!("{what} unknown"),
    };
    let because = [
        told(jobs, "jobs"),
        told(processes, "processes"),
        told(rows, "rows"),
    ]
    .join(", ");
    let class = if jobs.is_some_and(|jobs| jobs > 0)
        || processes.is_some_and(|processes| processes > 0)
        || rows.is_some_and(|rows| rows >= MANY_ROWS)
    {
        Environment::Live
    } else if jobs.is_some() && processes.is_some() && rows.is_some() {
        Environment::Development
    } else {
        Environment::Unknown
    };
    (class, because)
}

/// Puts an assumption on record, or says of a known one that it still holds.
///
/// # Errors
///
/// [`AssumptionError::Bad`] without a name, a statement, an owner or an end within a year; [`AssumptionError::NoEvidence`] when nothing
/// that was ever recorded could carry it.
pub fn add(
    ledger: &Ledger,
    id: &str,
    statement: &str,
    evidence: &str,
    owner: &str,
    until: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Receipt, AssumptionError> {
    for (value, what) in [
        (id, "a name"),
        (statement, "a statement"),
        (owner, "an owner"),
    ] {
        if value.trim().is_empty() {
            return Err(AssumptionError::Bad(what));
        }
    }
    if OF_THE_PLAN.iter().any(|(known, ..)| *known == id) {
        return Err(AssumptionError::Bad("a name that the plan does not use"));
    }
    let days = (until - now.date_naive()).num_days();
    if !(0..=LONGEST).contains(&days) {
        return Err(AssumptionError::Bad("an end, from today to a year ahead"));
    }
    let own = [SUBJECT, VERIFY].contains(&evidence);
    let recorded = ledger
        .records()?
        .iter()
        .any(|record| record.entry.subject == evidence);
    // What only assumptions say of themselves is no evidence.
    if own || !recorded {
        return Err(AssumptionError::NoEvidence(evidence.to_owned()));
    }
    let entry = Entry::new(SUBJECT, Verdict::not_proven("an assumption is no proof"))
        .figure("id", id)
        .figure("statement", statement)
        .figure("evidence", evidence)
        .figure("owner", owner)
        .figure("until", until.to_string());
    Ok(ledger.append(&entry)?)
}

impl Register {
    /// The record of a look at all of them.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry::new(VERIFY, self.verdict.clone())
            .figure("environment", self.environment.as_str())
            .figure("assumptions", self.assumptions.len())
    }
}
