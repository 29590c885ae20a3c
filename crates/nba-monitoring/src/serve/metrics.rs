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
