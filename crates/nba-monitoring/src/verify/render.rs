//! A verify report as text for people.

use std::fmt::Write as _;

use super::report::{Proof, VerifyReport};
use crate::health::row_text;

/// The report as text: the verdict with what it rests on, then every table that is not proven, with its rows.
#[must_use]
pub fn render_text(report: &VerifyReport) -> String {
    let mut text = format!("verify: {}", report.verdict.as_str().replace('_', " "));
    let time =
        |time: &chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let all = report.tables.len();
    let rests = match (report.fresh, report.carried, &report.oldest_proof) {
        (_, 0, _) => format!("{} of {all} tables read now", report.fresh),
        (fresh, carried, Some(oldest)) => format!(
            "{fresh} of {all} tables read now, {carried} carried from earlier proofs, the oldest of {}",
            time(oldest)
        ),
        (fresh, carried, None) => format!("{fresh} of {all} tables read now, {carried} carried"),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, " ({rests})");
    let _ = writeln!(
        text,
        "baseline: {} of {}",
        report.baseline.name,
        time(&report.baseline.captured_at)
    );
    if !report.identity.verdict.is_proven() {
        let _ = writeln!(
            text,
            "identity: {}",
            report.identity.verdict.reasons().join("; ")
        );
    }
    if !matches!(report.approved.as_str(), "proven" | "not_applicable") {
        let _ = writeln!(text, "approval: {}", report.approved.reasons().join("; "));
    }
    for (name, table) in &report.tables {
        if matches!(table.check.verdict.as_str(), "proven" | "not_applicable") {
            continue;
        }
        let _ = writeln!(
            text,
            "{} {name}: {}",
            table.check.status.as_str(),
            table.check.message
        );
        let Some(differences) = &table.check.differences else {
            continue;
        };
        for row in &differences.rows {
            let _ = writeln!(text, "  {}", row_text(row));
        }
        let listed = u64::try_from(differences.rows.len()).unwrap_or(u64::MAX);
        let all =
            differences.missing + differences.added + differences.changed + differences.duplicated;
        if all > listed {
            let _ = writeln!(text, "  … and {} more", all - listed);
        }
    }
    let carried = report
        .tables
        .values()
        .filter_map(|table| match &table.proof {
            Proof::Carried {
                unwritten_until, ..
            } => Some(unwritten_until),
            _ => None,
        })
        .min();
    if let Some(until) = carried {
        let _ = writeln!(
            text,
            "carried: no write was counted in these tables up to {}; their rows were not read",
            time(until)
        );
    }
    text
}
