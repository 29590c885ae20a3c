//! The eight checks of the legacy dashboard under their old names (monitoring dossier 2.1), computed from ours.

use std::collections::BTreeMap;

use nba_utils::Verdict;
use serde_json::{Value, json};

use super::report::CheckRecord;
use crate::activity::{Activity, Stream};
use crate::baseline::{Measurement, known};
use crate::rules::Criticality;

/// Legacy name of the connection check.
pub(super) const CONNECTION: &str = "database_connection";

/// Legacy name and the table behind it.
const COUNTS: [(&str, &str); 5] = [
    ("games_count", "table:public.games"),
    ("espn_pbp_count", "table:public.play_by_play"),
    ("hoopr_pbp_count", "table:public.hoopr_play_by_play"),
    ("box_score_players", "table:public.box_score_players"),
    ("box_score_teams", "table:public.box_score_teams"),
];
const BOX_SCORES: &str = "recent_data_activity";
const DIMS: &str = "dims_monitoring";

/// Whether a check only repeats the check of a table.
pub(super) fn is_table_alias(name: &str) -> bool {
    COUNTS.iter().any(|(alias, _)| *alias == name)
}

/// Adds the aliases of table checks, and stand-ins for what was not reached, so that all eight names are always there.
pub(super) fn add_aliases(checks: &mut BTreeMap<String, CheckRecord>) {
    for (alias, table) in COUNTS {
        let record = match checks.get(table) {
            Some(record) => CheckRecord {
                differences: None,
                ..record.clone()
            },
            None => not_applicable("neither the baseline nor the database has this table"),
        };
        checks.insert(alias.to_owned(), record);
    }
    for name in [BOX_SCORES, DIMS] {
        checks.entry(name.to_owned()).or_insert_with(|| {
            let reason = "not measured";
            CheckRecord::new(
                Verdict::not_proven(reason),
                Criticality::Warning,
                Value::Null,
                Value::Null,
                reason,
            )
        });
    }
}

fn not_applicable(reason: &str) -> CheckRecord {
    CheckRecord::new(
        Verdict::not_applicable(reason),
        Criticality::Warning,
        Value::Null,
        Value::Null,
        reason,
    )
}

/// `recent_data_activity` and `dims_monitoring`.
pub(super) fn activity_checks(
    before: &Measurement<Activity>,
    now: &Result<&Activity, String>,
) -> [(&'static str, CheckRecord); 2] {
    let known = known(before);
    let before = |pick: fn(&Activity) -> Option<&Stream>| {
        known
            .as_ref()
            .map(|known| pick(known))
            .map_err(Clone::clone)
    };
    let both = |pick: fn(&Activity) -> Option<&Stream>| {
        now.as_ref().map(|now| pick(now)).map_err(Clone::clone)
    };
    let boxes = stream_check(
        "box-score snapshots",
        "7 days",
        before(|activity| activity.box_score_snapshots.as_ref()),
        both(|activity| activity.box_score_snapshots.as_ref()),
        ["box_score_snapshots_7d", "last_update"],
    );
    let dims = stream_check(
        "DIMS snapshots",
        "24 hours",
        before(|activity| activity.dims_snapshots.as_ref()),
        both(|activity| activity.dims_snapshots.as_ref()),
        ["snapshots_24h", "last_snapshot"],
    );
    [(BOX_SCORES, boxes), (DIMS, dims)]
}

/// Active before and silent now is a finding; silent before is no statement about now.
fn stream_check(
    what: &str,
    window: &str,
    before: Result<Option<&Stream>, String>,
    now: Result<Option<&Stream>, String>,
    keys: [&str; 2],
) -> CheckRecord {
    let expected = match &before {
        Ok(Some(before)) => json!(before.recent),
        Ok(None) | Err(_) => Value::Null,
    };
    let (before, now) = match (before, now) {
        (Ok(before), Ok(Some(now))) => (before, now),
        (Ok(_), Ok(None)) => return not_applicable(&format!("no table of {what}")),
        (Err(reason), _) | (_, Err(reason)) => {
            return CheckRecord::new(
                Verdict::not_proven(reason.clone()),
                Criticality::Warning,
                expected,
                Value::Null,
                reason,
            );
        }
    };
    let last = now.last.map_or_else(
        || "none ever".to_owned(),
        |last| format!("the newest {}", last.format("%Y-%m-%d %H:%M UTC")),
    );
    let verdict = match before {
        _ if now.recent > 0 => Verdict::Proven,
        Some(before) if before.recent > 0 => {
            Verdict::refuted(format!("no {what} in the last {window}; {last}"))
        }
        _ => Verdict::not_applicable(format!(
            "no {what} in the last {window}, nor before the baseline; {last}"
        )),
    };
    let message = verdict
        .reasons()
        .first()
        .cloned()
        .unwrap_or_else(|| format!("{} {what} in the last {window}; {last}", now.recent));
    let mut record = CheckRecord::new(
        verdict,
        Criticality::Warning,
        expected,
        json!(now.recent),
        message,
    );
    record.extra.insert(keys[0].to_owned(), json!(now.recent));
    record.extra.insert(keys[1].to_owned(), json!(now.last));
    record
}
