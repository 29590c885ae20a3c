//! A report as plain text.

use std::fmt::Write as _;

use super::report::{InvariantRecord, InvariantReport};
use nba_utils::Verdict;

/// The report for a terminal or a log: the verdict, then each invariant with its violations, refuted ones first.
#[must_use]
pub fn render_text(report: &InvariantReport) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = render(report, &mut text);
    text
}

fn render(report: &InvariantReport, out: &mut String) -> std::fmt::Result {
    let (known, new) = report.violations();
    writeln!(
        out,
        "check: {}; {} invariants, {new} violations{}",
        report.verdict.as_str().replace('_', " "),
        report.invariants.len(),
        match known {
            0 => String::new(),
            known => format!(" and {known} on record"),
        }
    )?;
    match &report.identity {
        Some(identity) => writeln!(
            out,
            "target: `{}`, system identifier {}",
            identity.brief.database,
            identity
                .brief
                .system_identifier
                .as_deref()
                .unwrap_or("not readable")
        )?,
        None => writeln!(out, "target: did not answer")?,
    }
    let mut records: Vec<_> = report.invariants.iter().collect();
    records.sort_by_key(|(_, record)| rank(&record.verdict));
    for (id, record) in records {
        line(out, id, record)?;
    }
    if !report.left_out.is_empty() {
        writeln!(
            out,
            "not asked for, because the data lake has to be listed (--lake): {}",
            report.left_out.join(", ")
        )?;
    }
    Ok(())
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Refuted { .. } => 0,
        Verdict::NotProven { .. } => 1,
        Verdict::Proven => 2,
        Verdict::NotApplicable { .. } => 3,
    }
}

fn line(out: &mut String, id: &str, record: &InvariantRecord) -> std::fmt::Result {
    let word = record.verdict.as_str().replace('_', " ");
    write!(out, "{word:<14} {id}: {}", record.title)?;
    let Some(subjects) = record.subject_count else {
        let reasons = record.verdict.reasons().join("; ");
        return writeln!(out, " ({reasons})");
    };
    match (record.new, record.known) {
        (0, 0) => write!(out, " ({subjects} {})", record.subjects)?,
        (0, known) => write!(
            out,
            " ({subjects} {}, {known} violations on record)",
            record.subjects
        )?,
        (new, 0) => write!(
            out,
            " ({new} violations over {subjects} {})",
            record.subjects
        )?,
        (new, known) => write!(
            out,
            " ({new} violations and {known} on record over {subjects} {})",
            record.subjects
        )?,
    }
    writeln!(out)?;
    if let Some(waiver) = &record.waiver {
        match &waiver.void {
            None => writeln!(
                out,
                "  on record until {} by {}: {}",
                waiver.expires, waiver.owner, waiver.reason
            )?,
            Some(void) => writeln!(
                out,
                "  the waiver by {} for {} rows does not count: {void}",
                waiver.owner, waiver.rows
            )?,
        }
    }
    if record.new > 0 {
        for violation in record.violations.iter().filter(|row| !row.known) {
            writeln!(out, "  {}", violation.message)?;
        }
        let listed = record.violations.iter().filter(|row| !row.known).count();
        let more = record.new - u64::try_from(listed).unwrap_or(record.new).min(record.new);
        if more > 0 {
            writeln!(out, "  and {more} more")?;
        }
        if let Some(remedy) = &record.remedy {
            writeln!(out, "  remedy: {remedy}")?;
        }
    }
    Ok(())
}
