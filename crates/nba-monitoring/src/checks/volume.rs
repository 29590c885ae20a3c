//! Did a table lose rows, or gain far too many? From statistics alone, at no cost; [`health`](crate::health) says exactly which.
//!
//! Two signs are used, because each has a blind spot: the planner's estimate does not notice a `DELETE` before the next vacuum,
//! and the count of live rows starts anew after a crash and is corrected by every analysis. The counters of inserted and
//! deleted rows alone would not do: they count what was rolled back, too.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::run::{Found, Look, LookError};
use super::server::{count, whole};
use super::settings::Limits;
use crate::rules::{Rule, RuleBook};

/// How long the largest number of rows seen is held against a table.
const REFERENCE_DAYS: i64 = 7;
/// Small tables change by large shares: a handful of rows is no loss to call somebody for, the health check sees it.
const FEWEST_ROWS: f64 = 50.0;

/// A count of live rows below this part of the estimate was started anew and not yet put right by an analysis.
const RELIABLE_SHARE: f64 = 0.5;

/// What the statistics say about one table.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct TableVolume {
    /// Estimated rows.
    pub rows: f64,
    /// Rows by the statistics: exact but for corrections by an analysis or vacuum.
    pub live: f64,
    /// Vacuums and analyses so far.
    pub tended: f64,
    /// Rows inserted since the counters started.
    pub inserted: f64,
    /// Rows deleted since the counters started.
    pub deleted: f64,
}

/// The tables at the last tick, and the figures they are held against.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Volumes {
    /// When, and since when the server's counters count.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    #[serde(default)]
    counting_since: Option<String>,
    /// The last look.
    #[serde(default)]
    pub tables: BTreeMap<String, TableVolume>,
    /// The largest number of rows of the last days, and when it was seen.
    #[serde(default)]
    most: BTreeMap<String, (DateTime<Utc>, f64)>,
    /// The look of a day ago: the counters of a table, to see a burst.
    #[serde(default)]
    day: BTreeMap<String, (DateTime<Utc>, TableVolume)>,
    /// Rows deleted since the largest number was seen.
    #[serde(default)]
    lost: BTreeMap<String, f64>,
}

/// The estimate follows the size of the table between two analyses, as the planner's own does.
const TABLES_SQL: &str = "select n.nspname::text || '.' || c.relname::text, \
     (case when c.reltuples >= 0 and c.relpages > 0 \
        then c.reltuples::float8 / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::float8) \
      when pg_relation_size(c.oid) = 0 then 0 else coalesce(s.n_live_tup, 0) end)::float8, \
     coalesce(s.n_live_tup, 0)::float8, coalesce(s.vacuum_count + s.autovacuum_count + s.analyze_count + s.autoanalyze_count, 0)::float8, \
     coalesce(s.n_tup_ins, 0)::float8, coalesce(s.n_tup_del, 0)::float8 \
     from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_all_tables s on s.relid = c.oid \
     where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'";

/// Counters start anew with a reset, and with the server after a crash.
const COUNTING_SQL: &str = "select concat_ws(' ', (select stats_reset from pg_stat_database where datname = current_database()), pg_postmaster_start_time())";

pub(super) async fn tables(look: &Look<'_>, volumes: &mut Volumes) -> Result<Found, LookError> {
    let since: String = look.row(COUNTING_SQL).await?.get(0);
    let rows = look.rows(TABLES_SQL).await?;
    let seen: BTreeMap<String, TableVolume> = rows
        .iter()
        .map(|row| {
            let volume = TableVolume {
                rows: row.get(1),
                live: row.get(2),
                tended: row.get(3),
                inserted: row.get(4),
                deleted: row.get(5),
            };
            (row.get(0), volume)
        })
        .collect();
    let first = volumes.at.is_none();
    let findings = volumes.judge(look.now, &since, seen, &look.settings.limits);
    let tables = volumes.tables.len();
    if first {
        return Ok(Found {
            verdict: nba_utils::Verdict::Proven,
            value: Some(0.0),
            message: Some(format!("{tables} tables seen for the first time")),
        });
    }
    let out = count(findings.len());
    Ok(Found::judged(
        findings,
        out,
        format!("{tables} tables are within bounds"),
    ))
}

fn rule(table: &str) -> Rule {
    let table = nba_db::ident::TableName::parse(table);
    RuleBook::default().rule_for(&table, None).rule
}

impl TableVolume {
    /// Rows that went since an earlier look, under the same counters.
    fn gone_since(&self, before: &Self) -> f64 {
        // After a reset or a crash the count of live rows starts at 0 and cannot fall: until the next analysis only the counters
        // tell. They count what was rolled back, too; a loss that nobody sees is the worse error.
        if self.tended == before.tended && before.live < before.rows * RELIABLE_SHARE {
            let net = (self.deleted - before.deleted) - (self.inserted - before.inserted);
            return net.max(0.0);
        }
        let fewer = (before.live - self.live).max(0.0);
        if self.tended == before.tended {
            return fewer;
        }
        // The correction of an analysis is no loss: at most what was deleted went.
        fewer.min((self.deleted - before.deleted).max(0.0))
    }
}

impl Volumes {
    /// Holds a look against what is remembered, and remembers it.
    pub(super) fn judge(
        &mut self,
        now: DateTime<Utc>,
        counting_since: &str,
        seen: BTreeMap<String, TableVolume>,
        limits: &Limits,
    ) -> Vec<String> {
        let mut findings = Vec::new();
        let same_counters = self.counting_since.as_deref() == Some(counting_since);
        for table in self.tables.keys() {
            if !seen.contains_key(table) && self.most.contains_key(table) {
                findings.push(format!("{table} is gone"));
            }
        }
        for (table, now_seen) in &seen {
            let rule = rule(table);
            if same_counters && let Some(before) = self.tables.get(table) {
                let lost = self.lost.entry(table.clone()).or_default();
                *lost += now_seen.gone_since(before);
                // Where rows are rewritten, those that come back later are not lost.
                if matches!(rule, Rule::Growing { .. }) {
                    *lost = (*lost - (now_seen.live - before.live).max(0.0)).max(0.0);
                }
            }
            let expired = self
                .most
                .get(table)
                .is_none_or(|(at, _)| *at > now || now - *at > TimeDelta::days(REFERENCE_DAYS));
            let most = self.most.get(table).map_or(0.0, |(_, most)| *most);
            if expired || now_seen.rows >= most {
                self.most.insert(table.clone(), (now, now_seen.rows));
                if expired {
                    self.lost.remove(table);
                }
            }
            if same_counters {
                findings.extend(self.burst(table, now_seen, rule, now, limits));
            }
            let most = most.max(now_seen.rows);
            if most >= FEWEST_ROWS && rule != Rule::External {
                let permitted = most * limits.shrink_percent / 100.0;
                let lost = self.lost.get(table).copied().unwrap_or(0.0);
                if lost > permitted {
                    findings.push(format!(
                        "{table}: {} of about {} rows were deleted",
                        whole(lost),
                        whole(most)
                    ));
                } else if most - now_seen.rows > permitted.max(most * ESTIMATE_NOISE) {
                    findings.push(format!(
                        "{table}: about {} rows, {} were seen before",
                        whole(now_seen.rows),
                        whole(most)
                    ));
                }
            }
            let stale = self
                .day
                .get(table)
                .is_none_or(|(at, _)| *at > now || now - *at >= TimeDelta::days(1));
            if stale || !same_counters {
                self.day.insert(table.clone(), (now, *now_seen));
            }
        }
        // A table that is gone stays named until its time is over.
        for (table, (at, _)) in &self.most {
            if !seen.contains_key(table)
                && now - *at <= TimeDelta::days(REFERENCE_DAYS)
                && !findings
                    .iter()
                    .any(|finding| finding.starts_with(&format!("{table} is gone")))
            {
                findings.push(format!("{table} is gone"));
            }
        }
        self.most.retain(|table, (at, _)| {
            seen.contains_key(table) || now - *at <= TimeDelta::days(REFERENCE_DAYS)
        });
        self.lost.retain(|table, _| seen.contains_key(table));
        self.day.retain(|table, _| seen.contains_key(table));
        self.at = Some(now);
        self.counting_since = Some(counting_since.to_owned());
        self.tables = seen;
        findings
    }

    /// More rows added within a day than usual.
    fn burst(
        &self,
        table: &str,
        seen: &TableVolume,
        rule: Rule,
        now: DateTime<Utc>,
        limits: &Limits,
    ) -> Option<String> {
        let Rule::AppendOnly {
            max_growth_percent: Some(_),
        } = rule
        else {
            return None;
        };
        let (at, then) = self.day.get(table)?;
        let gained = (seen.inserted - then.inserted).min(seen.live - then.live);
        let permitted = then.rows * limits.daily_growth_percent / 100.0;
        let counts = *at <= now && now - *at <= TimeDelta::days(1) && then.rows >= FEWEST_ROWS;
        (counts && gained > permitted).then(|| {
            format!(
                "{table}: {} rows were added to {} within a day",
                whole(gained),
                whole(then.rows)
            )
        })
    }
}

/// An analysis may correct the estimate by some per cent without a row being touched.
const ESTIMATE_NOISE: f64 = 0.2;
