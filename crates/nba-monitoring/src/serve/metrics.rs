//! Prometheus text, version 0.0.4.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::site::View;
use crate::watch::Level;

pub(super) fn text(view: &View, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, rows: Vec<(String, String)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let one = |value: String| vec![(String::new(), value)];
    let up = u8::from(view.stale(now).is_none());
    metric(
        "nba_watch_up",
        "gauge",
        "Whether looks are taken: 1 when the last one is young enough.",
        one(up.to_string()),
    );
    let Some(state) = &view.state else {
        return text;
    };
    metric(
        "nba_watch_ticks_total",
        "counter",
        "Looks taken.",
        one(state.ticks.to_string()),
    );
    if let Some(last) = state.last_tick {
        metric(
            "nba_watch_last_tick_seconds",
            "gauge",
            "When the last look was taken, in Unix time.",
            one(last.timestamp().to_string()),
        );
    }
    metric(
        "nba_watch_tick_milliseconds",
        "gauge",
        "How long the last look took.",
        one(state.last_ms.to_string()),
    );
    let cost = &state.cost;
    let count = |count: Option<u64>| count.map(|count| count.to_string());
    for (name, help, value) in [
        (
            "nba_watch_db_milliseconds",
            "Database time of the last look; absent when it is not known.",
            cost.db_ms.map(|ms| ms.to_string()),
        ),
        (
            "nba_watch_hour_db_milliseconds",
            "Database time of all looks of the last hour.",
            cost.hour_db_ms.map(|ms| ms.to_string()),
        ),
        (
            "nba_watch_statements",
            "Statements of the last look.",
            count(cost.statements),
        ),
        (
            "nba_watch_connections",
            "Connections that the last look opened.",
            count(cost.connections),
        ),
        (
            "nba_watch_table_pages",
            "Pages of tables and their indexes that the last look touched.",
            count(cost.pages),
        ),
        (
            "nba_watch_received_bytes",
            "Bytes of rows that the last look received.",
            count(cost.received_bytes),
        ),
        (
            "nba_watch_memory_bytes",
            "Memory of the process that watches.",
            count(cost.memory_bytes),
        ),
        (
            "nba_watch_history_bytes",
            "The recorded past on disk.",
            count(cost.history_bytes),
        ),
        (
            "nba_watch_baseline_milliseconds",
            "How long the comparison with the baseline took; absent in a look without one.",
            count(cost.baseline_ms),
        ),
        (
            "nba_watch_put_off_checks",
            "Checks that the last look did not ask because the budget was spent.",
            Some(cost.put_off.len().to_string()),
        ),
    ] {
        let rows = value.map(|value| (String::new(), value));
        metric(name, "gauge", help, rows.into_iter().collect());
    }
    let checks =
        |value: &dyn Fn(&crate::watch::CheckState) -> Option<String>| -> Vec<(String, String)> {
            state
                .checks
                .iter()
                .filter_map(|(id, check)| {
                    Some((format!("{{check=\"{}\"}}", label(id)), value(check)?))
                })
                .collect()
        };
    metric(
        "nba_check_level",
        "gauge",
        "How a check stands: 0 not applicable, 1 good, 2 unsettled, 3 warning, 4 cannot tell, 5 critical.",
        checks(&|check| Some(number(check.level).to_string())),
    );
    metric(
        "nba_check_suspect",
        "gauge",
        "Whether the last look was bad without being an alarm.",
        checks(&|check| Some(u8::from(check.is_suspect()).to_string())),
    );
    metric(
        "nba_check_since_seconds",
        "gauge",
        "Since when it stands so, in Unix time.",
        checks(&|check| Some(check.since.timestamp().to_string())),
    );
    metric(
        "nba_check_value",
        "gauge",
        "The figure of the last look, in the unit of the catalogue; absent when it could not be measured.",
        checks(&|check| check.last.value.map(|value| value.to_string())),
    );
    let rows = state.memory.volumes.tables.iter();
    metric(
        "nba_table_rows",
        "gauge",
        "Rows of a table by the server's statistics.",
        rows.map(|(table, volume)| {
            (
                format!("{{table=\"{}\"}}", label(table)),
                format!("{:.0}", volume.rows),
            )
        })
        .collect(),
    );
    text
}

fn number(level: Level) -> u8 {
    match level {
        Level::NotApplicable => 0,
        Level::Good => 1,
        Level::Unsettled => 2,
        Level::Warning => 3,
        Level::Unknown => 4,
        Level::Critical => 5,
    }
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
