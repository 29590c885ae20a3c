//! What watching costs, and the budget it keeps to.
//!
//! A look counts what it sends and how long it waits ([`nba_db::Spent`]), which asks nothing of the server. Pages are counted where
//! tables are asked: a session sees in its own transaction how many pages of each relation it has touched, before these figures go
//! into the statistics that all sessions share. A check that reads catalogues alone touches no table, and tests hold it to that with
//! the server's counters. What was not counted is absent, never 0.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nba_db::Spent;
use nba_utils::Verdict;
use nba_utils::format::thousands;
use serde::{Deserialize, Serialize};

use super::run::{Found, Look, LookError};
use super::settings::Budget;

/// What one look cost, a second look before an alarm included.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LookCost {
    /// Connections opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u64>,
    /// Statements sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<u64>,
    /// Milliseconds of database time: waited for answers, beyond the shortest answer of the look for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_ms: Option<f64>,
    /// Pages of tables, their indexes and TOAST that were touched, in memory or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
    /// Bytes of rows that came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_bytes: Option<u64>,
    /// Milliseconds that the comparison with the baseline took; absent in a look without one. It reads every page of every table,
    /// whenever its owner wants it to, and is not part of the figures above, nor of the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_ms: Option<u64>,
    /// Bytes of this process in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Bytes of the recorded past on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_bytes: Option<u64>,
    /// Milliseconds of database time in the hour up to this look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour_db_ms: Option<f64>,
    /// The checks that took most of it, with their milliseconds, the dearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dearest: Vec<(String, f64)>,
    /// Checks that were not asked because the budget was spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_off: Vec<String>,
}

/// Checks that are named as the dearest.
const DEAREST: usize = 3;

/// Names of the figures in the history, beside the time of the look.
pub(crate) const DB_MS: &str = "monitor.db_ms";
/// How many pages of tables a look touched.
pub(crate) const PAGES: &str = "monitor.pages";

impl LookCost {
    /// Name and value of each figure that is known, as the history keeps them.
    pub(crate) fn figures(&self) -> Vec<(&'static str, f64)> {
        let figures = [
            (DB_MS, self.db_ms),
            (PAGES, self.pages.map(figure)),
            ("monitor.statements", self.statements.map(figure)),
            ("monitor.received_bytes", self.received_bytes.map(figure)),
            ("monitor.memory_bytes", self.memory_bytes.map(figure)),
            ("monitor.history_bytes", self.history_bytes.map(figure)),
            ("monitor.baseline_ms", self.baseline_ms.map(figure)),
        ];
        figures
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// In one line for people; what was not counted is "not known".
    #[must_use]
    pub fn line(&self) -> String {
        let bytes = |value: Option<u64>| value.map(|value| super::server::size(figure(value)));
        let figures = [
            ("database time", self.db_ms.map(|ms| format!("{ms:.1} ms"))),
            (
                "in the last hour",
                self.hour_db_ms.map(|ms| format!("{ms:.0} ms")),
            ),
            ("statements", self.statements.map(thousands)),
            ("pages of tables", self.pages.map(thousands)),
            ("received", bytes(self.received_bytes)),
            ("memory", bytes(self.memory_bytes)),
            ("history", bytes(self.history_bytes)),
        ];
        let figures = figures.into_iter().map(|(name, value)| {
            let value = value.unwrap_or_else(|| "not known".to_owned());
            format!("{name} {value}")
        });
        let mut parts: Vec<String> = figures.collect();
        if let Some(ms) = self.baseline_ms {
            parts.push(format!("the baseline beside it {} ms", thousands(ms)));
        }
        if !self.put_off.is_empty() {
            parts.push(format!("over budget, put off: {}", self.put_off.join(", ")));
        }
        parts.join(", ")
    }
}

/// What the watch spent lately.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spending {
    /// Milliseconds of database time by minute since 1970, of the last hour.
    #[serde(default)]
    minutes: BTreeMap<i64, f64>,
    /// The look that goes on; taken by the tick that ends it.
    #[serde(skip)]
    look: Option<Counted>,
}

/// A look while it is counted.
#[derive(Debug, Clone, PartialEq, Default)]
struct Counted {
    cost: LookCost,
    /// Milliseconds by check.
    checks: BTreeMap<&'static str, f64>,
    /// Set where pages were touched and not counted.
    pages_unknown: bool,
}

impl Spending {
    /// The cost of the comparison with the baseline that was made for this look.
    pub fn compared(&mut self, elapsed_ms: u64) {
        self.counted().cost.baseline_ms = Some(elapsed_ms);
    }

    /// What the look that ends cost; nothing is known of one that did not reach the database. The next one begins.
    pub fn take(&mut self) -> LookCost {
        let counted = self.look.take().unwrap_or_default();
        let mut cost = counted.cost;
        let mut checks: Vec<_> = counted.checks.into_iter().collect();
        checks.sort_by(|left, right| right.1.total_cmp(&left.1));
        let checks = checks.into_iter().take(DEAREST);
        cost.dearest = checks.map(|(id, ms)| (id.to_owned(), ms)).collect();
        cost
    }

    fn counted(&mut self) -> &mut Counted {
        self.look.get_or_insert_default()
    }

    /// What a check took.
    pub(super) fn check(&mut self, id: &'static str, spent: &Spent) {
        *self.counted().checks.entry(id).or_default() += ms(spent.worked());
    }

    /// Pages that were touched between two readings; unknown when one of them failed.
    pub(super) fn pages(&mut self, before: Option<i64>, after: Option<i64>) {
        let counted = self.counted();
        let touched = before.zip(after).map(|(before, after)| after - before);
        match touched.and_then(|touched| u64::try_from(touched).ok()) {
            Some(touched) => *counted.cost.pages.get_or_insert(0) += touched,
            None => counted.pages_unknown = true,
        }
    }

    pub(super) fn put_off(&mut self, id: &'static str) {
        let put_off = &mut self.counted().cost.put_off;
        if !put_off.iter().any(|known| known == id) {
            put_off.push(id.to_owned());
        }
    }

    /// Why no dear check may be asked now, `spent` being what this look has cost so far.
    pub(super) fn over(
        &self,
        budget: &Budget,
        spent: &Spent,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let look = ms(spent.worked());
        if look > budget.look_ms {
            return Some(format!(
                "this look has taken {look:.0} ms of database time, {} ms are permitted (`look_ms`)",
                budget.look_ms
            ));
        }
        let hour = self.hour(now) + look;
        (hour > budget.hour_ms).then(|| {
            format!(
                "the last hour has taken {hour:.0} ms of database time, {} ms are permitted (`hour_ms`)",
                budget.hour_ms
            )
        })
    }

    fn hour(&self, now: DateTime<Utc>) -> f64 {
        let minute = minute(now);
        // A clock that was set back leaves minutes that are yet to come: nobody knows of which hour they are.
        let last = self.minutes.range(minute - 59..=minute);
        last.map(|(_, ms)| ms).sum()
    }

    /// Adds what a run of checks spent to the look and to its hour.
    pub(super) fn add(&mut self, spent: &Spent, now: DateTime<Utc>) {
        let spent_ms = ms(spent.worked());
        let this = minute(now);
        self.minutes
            .retain(|minute, _| (this - 59..=this).contains(minute));
        let minute = self.minutes.entry(this).or_default();
        *minute = rounded(*minute + spent_ms);
        let hour = rounded(self.hour(now));
        let counted = self.counted();
        let cost = &mut counted.cost;
        *cost.connections.get_or_insert(0) += spent.connections;
        *cost.statements.get_or_insert(0) += spent.statements;
        *cost.received_bytes.get_or_insert(0) += spent.received_bytes;
        let look = rounded(cost.db_ms.unwrap_or_default() + spent_ms);
        cost.db_ms = Some(look);
        cost.hour_db_ms = Some(hour);
        cost.pages = match counted.pages_unknown {
            true => None,
            // Nothing was asked of a table.
            false => Some(cost.pages.unwrap_or_default()),
        };
    }

    /// Whether the look and its hour kept to the budget, by what was added.
    pub(super) fn judge(&mut self, budget: &Budget) -> Found {
        let counted = self.counted();
        let cost = &counted.cost;
        let (Some(look), Some(hour)) = (cost.db_ms, cost.hour_db_ms) else {
            return Found::not_proven("what this look cost was not counted");
        };
        let dearest = counted
            .checks
            .iter()
            .max_by(|left, right| left.1.total_cmp(right.1))
            .map_or_else(String::new, |(id, ms)| {
                format!("; the dearest is `{id}` with {ms:.0} ms")
            });
        let mut findings = Vec::new();
        if look > budget.look_ms {
            findings.push(format!(
                "this look took {look:.0} ms of database time, {} ms are permitted{dearest}",
                budget.look_ms
            ));
        }
        if hour > budget.hour_ms {
            findings.push(format!(
                "the last hour took {hour:.0} ms of database time, {} ms are permitted{dearest}",
                budget.hour_ms
            ));
        }
        if !cost.put_off.is_empty() {
            findings.push(format!("not asked: {}", cost.put_off.join(", ")));
        }
        Found::judged(
            findings,
            look,
            format!(
                "{look:.1} ms of {} ms of database time in this look, {hour:.0} ms of {} ms in the last hour",
                budget.look_ms, budget.hour_ms
            ),
        )
    }
}

/// The verdict about a check that the budget does not permit.
pub(super) fn not_asked(why: &str) -> Found {
    Found {
        verdict: Verdict::not_proven(format!("not asked, over budget: {why}")),
        value: None,
        message: None,
    }
}

/// Pages of user tables, indexes and TOAST that this session has touched and not yet handed to the shared statistics, which it does
/// between transactions only: the difference of two readings in one transaction is what was touched between them.
const PAGES_SQL: &str = "select coalesce(sum(pg_stat_get_xact_blocks_fetched(c.oid)), 0)::int8 from pg_class c \
     where c.relkind in ('r', 'i', 't', 'm') and c.oid >= 16384";

impl Look<'_> {
    /// A reading of [`PAGES_SQL`]; `None` in a transaction that failed.
    pub(super) async fn touched(&self) -> Option<i64> {
        let row = self.row(PAGES_SQL).await.ok()?;
        row.try_get(0).ok()
    }

    /// Why tables may not be asked now.
    pub(super) fn over_budget(&self, spending: &Spending) -> Option<String> {
        if !self.budgeted {
            return None;
        }
        spending.over(&self.settings.budget, &self.spent(), self.now)
    }

    /// What this run has cost so far.
    pub(super) fn spent(&self) -> Spent {
        self.db.spent().since(&self.before)
    }
}

/// A result that is worth to be counted: what a failure touched cannot be asked any more.
pub(super) async fn after<T>(look: &Look<'_>, outcome: &Result<T, LookError>) -> Option<i64> {
    match outcome {
        Ok(_) => look.touched().await,
        Err(_) => None,
    }
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

fn ms(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64() * 1_000.0)
}

/// To a thousandth: what is kept is read back as it was.
fn rounded(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}

/// A count as a figure; beyond 2^53 neighbours become one, and no count here gets there.
pub(crate) fn figure(count: u64) -> f64 {
    let (high, low) = (count >> 32, count & u64::from(u32::MAX));
    let part = |part: u64| u32::try_from(part).map_or(0.0, f64::from);
    part(high).mul_add(4_294_967_296.0, part(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-01-10T{time}Z").parse().unwrap()
    }

    /// A run that worked for so long.
    fn worked(ms: u64) -> Spent {
        let mut spent = Spent::default();
        spent.statements = 2;
        spent.round_trips = 1;
        spent.waited = Duration::from_millis(ms + 1);
        spent.shortest = Some(Duration::from_millis(1));
        spent
    }

    const BUDGET: Budget = Budget {
        look_ms: 100.0,
        hour_ms: 250.0,
    };

    #[test]
    fn a_look_and_its_hour_are_held_against_the_budget() {
        let mut spending = Spending::default();
        for (time, ms, expected, named) in [
            ("12:00:00", 90, "proven", "90.0 ms of 100 ms"),
            (
                "12:05:00",
                101,
                "refuted",
                "this look took 101 ms of database time, 100 ms",
            ),
            (
                "12:59:00",
                60,
                "refuted",
                "the last hour took 251 ms of database time, 250 ms",
            ),
            // The first look is an hour old.
            ("13:00:00", 60, "proven", "221 ms of 250 ms"),
        ] {
            spending.add(&worked(ms), at(time));
            let found = spending.judge(&BUDGET);
            let said = format!("{:?} {:?}", found.verdict, found.message);
            assert_eq!(found.verdict.as_str(), expected, "{time}: {said}");
            assert!(said.contains(named), "{time}: {said}");
            let cost = spending.take();
            assert_eq!(cost.statements, Some(2));
            assert_eq!(cost.pages, Some(0), "no table was asked");
        }
        let now = at("13:00:30");
        assert_eq!(spending.over(&BUDGET, &worked(20), now), None);
        let why = spending.over(&BUDGET, &worked(40), now).unwrap();
        assert!(why.contains("261 ms") && why.contains("hour_ms"), "{why}");
        let why = spending.over(&BUDGET, &worked(101), now).unwrap();
        assert!(why.contains("look_ms"), "{why}");
        // What a clock that was set back has yet to reach is of no hour.
        assert_eq!(spending.over(&BUDGET, &worked(90), at("09:00:00")), None);
    }

    #[test]
    fn a_second_look_counts_with_the_first_and_the_dearest_is_named() {
        let mut spending = Spending::default();
        spending.check("db.connection", &worked(5));
        spending.check("work.heartbeats", &worked(80));
        spending.put_off("work.phase8");
        spending.put_off("work.phase8");
        spending.add(&worked(85), at("12:00:00"));
        spending.check("work.heartbeats", &worked(80));
        spending.add(&worked(80), at("12:00:01"));
        let found = spending.judge(&BUDGET);
        let said = format!("{:?}", found.verdict);
        for named in [
            "165 ms",
            "the dearest is `work.heartbeats` with 160 ms",
            "not asked: work.phase8",
        ] {
            assert!(said.contains(named), "`{named}`: {said}");
        }
        let cost = spending.take();
        assert_eq!(cost.put_off, ["work.phase8"]);
        assert_eq!(
            cost.dearest[0],
            ("work.heartbeats".to_owned(), 160.0),
            "{cost:?}"
        );
        assert!(cost.line().contains("over budget, put off: work.phase8"));
        assert_eq!(spending.take(), LookCost::default(), "the next look begins");
    }

    #[test]
    fn what_was_not_counted_is_not_known_and_never_zero() {
        let mut spending = Spending::default();
        assert!(!spending.judge(&BUDGET).verdict.is_proven());
        spending.pages(Some(10), Some(17));
        spending.pages(Some(20), None);
        spending.add(&worked(1), at("12:00:00"));
        spending.pages(Some(30), Some(40));
        spending.add(&worked(1), at("12:00:00"));
        let cost = spending.take();
        assert_eq!(cost.pages, None);
        assert!(cost.line().contains("pages of tables not known"));
        let nothing = LookCost::default();
        assert_eq!(serde_json::to_string(&nothing).unwrap(), "{}");
        assert!(nothing.figures().is_empty());
        assert!(!nothing.line().contains('0'), "{}", nothing.line());
        assert_eq!(figure(u64::MAX >> 11), 9_007_199_254_740_991.0);
    }
}
