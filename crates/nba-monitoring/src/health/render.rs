//! A report as plain text.

use std::fmt::Write as _;

use super::report::{
    CheckRecord, ColumnDifference, DifferenceKind, HealthReport, RowDifference, Status,
    short_version,
};

/// Row differences shown per check; the JSON form has more.
const SHOWN_ROWS: usize = 5;

/// The report for a terminal or a log: the verdict, what is degraded with its rows, and a line for the rest.
#[must_use]
pub fn render_text(report: &HealthReport) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = render(report, &mut text);
    text
}

fn render(report: &HealthReport, out: &mut String) -> std::fmt::Result {
    let (ok, skipped, degraded) = partition(report);
    writeln!(
        out,
        "health: {} ({})",
        report.overall_status.as_str(),
        report.verdict.as_str().replace('_', " ")
    )?;
    match &report.identity.actual {
        Some(actual) => writeln!(
            out,
            "target: `{}`, {}, system identifier {}",
            actual.brief.database,
            short_version(actual),
            actual
                .brief
                .system_identifier
                .as_deref()
                .unwrap_or("not readable")
        )?,
        None => writeln!(out, "target: did not answer")?,
    }
    writeln!(
        out,
        "baseline: {} of {}",
        report.baseline.name,
        report.baseline.captured_at.format("%Y-%m-%d %H:%M:%S UTC")
    )?;
    for (name, record) in degraded {
        writeln!(
            out,
            "{:<8} {name}: {}",
            record.status.as_str(),
            record.message
        )?;
        for row in record
            .differences
            .iter()
            .flat_map(|differences| &differences.rows)
            .take(SHOWN_ROWS)
        {
            writeln!(out, "           {}", row_text(row))?;
        }
    }
    let seconds = report.elapsed_ms / 1000;
    writeln!(
        out,
        "{ok} checks ok, {skipped} not applicable, {seconds}.{:03} s",
        report.elapsed_ms % 1000
    )
}

/// Numbers of proven and inapplicable checks, and the degraded ones, worst first.
fn partition(report: &HealthReport) -> (usize, usize, Vec<(&String, &CheckRecord)>) {
    let count = |status| {
        report
            .checks
            .values()
            .filter(|record| record.status == status)
            .count()
    };
    let mut degraded: Vec<_> = report
        .checks
        .iter()
        .filter(|(_, record)| !matches!(record.status, Status::Ok | Status::Skip))
        .collect();
    degraded.sort_by_key(|(_, record)| std::cmp::Reverse(record.status));
    (count(Status::Ok), count(Status::Skip), degraded)
}

/// One differing row on one line: `changed game_id=401: home_score 101 → 102`.
#[must_use]
pub fn row_text(row: &RowDifference) -> String {
    let mut text = row.kind.as_str().to_owned();
    let shown = |value: Option<&str>| {
        value.map_or_else(
            || "NULL".to_owned(),
            |value| format!("`{}`", shortened(value)),
        )
    };
    for (column, value) in &row.key {
        let _ = write!(text, " {column}={}", value.as_deref().unwrap_or("NULL"));
    }
    if row.columns.is_empty() {
        let whole = match row.kind {
            DifferenceKind::Missing => row.expected.as_ref(),
            _ => row.actual.as_ref(),
        };
        let rest = whole
            .into_iter()
            .flatten()
            .filter(|(column, value)| value.is_some() && !row.key.contains_key(*column));
        let values: Vec<String> = rest
            .take(4)
            .map(|(column, value)| format!("{column} {}", shown(value.as_deref())))
            .collect();
        if !values.is_empty() {
            let _ = write!(text, ": {} …", values.join(", "));
        }
    } else {
        let change = |change: &ColumnDifference| {
            format!(
                "{} {} → {}",
                change.column,
                shown(change.expected.as_deref()),
                shown(change.actual.as_deref())
            )
        };
        let _ = write!(
            text,
            ": {}",
            row.columns
                .iter()
                .map(change)
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    if let Some(note) = &row.note {
        let _ = write!(text, " ({note})");
    }
    text
}

/// At most this many characters of a value on a line.
const SHOWN_CHARACTERS: usize = 60;

fn shortened(value: &str) -> String {
    if value.chars().count() <= SHOWN_CHARACTERS {
        return value.to_owned();
    }
    let mut text: String = value.chars().take(SHOWN_CHARACTERS).collect();
    text.push('…');
    text
}
