//! The whole way in one document: steps, waivers, what went wrong and how it was mended (monitoring dossier 6.21, GC46, GC47).

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::Serialize;

use super::{ADVANCE, FALL_BACK, PHASES, Profile, Record, Standing, Waiver, text};

/// A step forward or back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Taken {
    /// Number of the record.
    pub sequence: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The phase before.
    pub from: usize,
    /// The phase after; smaller when it was taken back.
    pub to: usize,
    /// Why it was taken back, or which gates were waived.
    pub note: String,
}

/// Something that was refuted, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Lesson {
    /// What was looked at, such as `health`.
    pub subject: String,
    /// Number of the record that refuted it.
    pub refuted: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What was wrong.
    pub reasons: Vec<String>,
    /// The next record about the same that was proven; `None` while it is open.
    pub proven_again: Option<u64>,
    /// Seconds until then.
    pub open_seconds: Option<i64>,
}

/// The way so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhaseReport {
    /// When this was written.
    pub made_at: DateTime<Utc>,
    /// Where the project stands.
    pub standing: Standing,
    /// Steps, oldest first.
    pub steps: Vec<Taken>,
    /// Every waiver.
    pub waivers: Vec<Waiver>,
    /// What was refuted, oldest first; runs of the same refutation are one.
    pub lessons: Vec<Lesson>,
    /// What people put on record, with who did.
    pub notes: Vec<String>,
    /// Records in all.
    pub records: usize,
}

/// Reads the way out of the ledger's records.
#[must_use]
pub fn report(ledger: Verdict, records: &[Record], now: DateTime<Utc>) -> PhaseReport {
    let number = |record: &Record, name: &str| {
        let value = record.entry.figures.get(name)?.as_u64()?;
        usize::try_from(value).ok()
    };
    let steps = records
        .iter()
        .filter(|record| [ADVANCE, FALL_BACK].contains(&record.entry.subject.as_str()))
        .filter_map(|record| {
            let waived: Vec<&str> = record
                .entry
                .figures
                .get("waived")
                .and_then(|value| value.as_array())
                .into_iter()
                .flatten()
                .filter_map(|gate| gate.as_str())
                .collect();
            Some(Taken {
                sequence: record.sequence,
                at: record.time,
                from: number(record, "from")?,
                to: number(record, "to")?,
                note: text(record, "why").unwrap_or_else(|| match waived.len() {
                    0 => "on evidence alone".to_owned(),
                    _ => format!("waived: {}", waived.join(", ")),
                }),
            })
        })
        .collect();
    let notes = records
        .iter()
        .filter(|record| record.entry.subject == "acknowledged")
        .filter_map(|record| {
            Some(format!(
                "{} {}: {}",
                record.time.format("%Y-%m-%d"),
                text(record, "owner")?,
                text(record, "note")?
            ))
        })
        .collect();
    let standing = Standing::of(ledger, records, Profile::Safe, now);
    PhaseReport {
        made_at: now,
        steps,
        waivers: standing.waivers.clone(),
        lessons: lessons(records),
        notes,
        records: records.len(),
        standing,
    }
}

fn lessons(records: &[Record]) -> Vec<Lesson> {
    let mut found: Vec<Lesson> = Vec::new();
    for record in records {
        let subject = record.entry.subject.as_str();
        // A step back is an answer, not a finding.
        if subject == FALL_BACK {
            continue;
        }
        let open = found
            .iter_mut()
            .rev()
            .find(|lesson| lesson.subject == subject && lesson.proven_again.is_none());
        match (open, &record.entry.verdict) {
            (Some(lesson), Verdict::Proven) => {
                lesson.proven_again = Some(record.sequence);
                lesson.open_seconds = Some((record.time - lesson.at).num_seconds());
            }
            (None, Verdict::Refuted { .. }) => found.push(Lesson {
                subject: subject.to_owned(),
                refuted: record.sequence,
                at: record.time,
                reasons: record.entry.verdict.reasons().to_vec(),
                proven_again: None,
                open_seconds: None,
            }),
            _ => {}
        }
    }
    found
}

impl PhaseReport {
    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let phase = PHASES
            .get(self.standing.phase)
            .map_or("all phases are done", |phase| phase.title);
        writeln!(out, "# The way so far\n")?;
        writeln!(
            out,
            "Phase {}: {phase}. {} records, the chain is {}.\n",
            self.standing.phase,
            self.records,
            self.standing.ledger.as_str().replace('_', " ")
        )?;
        writeln!(out, "## Steps\n")?;
        for step in &self.steps {
            writeln!(
                out,
                "- {}: {} to {} ({}; record {})",
                step.at.format("%Y-%m-%d %H:%M UTC"),
                step.from,
                step.to,
                step.note,
                step.sequence
            )?;
        }
        if self.steps.is_empty() {
            writeln!(out, "None.")?;
        }
        writeln!(out, "\n## Open\n")?;
        let mut open = 0;
        for result in self.standing.open() {
            writeln!(out, "- `{}`: {}", result.gate.id, result.verdict)?;
            open += 1;
        }
        for alarm in &self.standing.alarms {
            writeln!(out, "- alarm: {alarm}")?;
            open += 1;
        }
        if open == 0 {
            writeln!(out, "Nothing.")?;
        }
        writeln!(out, "\n## Waivers\n")?;
        for waiver in &self.waivers {
            writeln!(
                out,
                "- `{}` by {} until {}: {}",
                waiver.gate, waiver.owner, waiver.until, waiver.reason
            )?;
        }
        if self.waivers.is_empty() {
            writeln!(out, "None.")?;
        }
        writeln!(out, "\n## Lessons\n")?;
        for lesson in &self.lessons {
            let end = match (lesson.proven_again, lesson.open_seconds) {
                (Some(record), Some(seconds)) => {
                    let seconds = u64::try_from(seconds).unwrap_or(0);
                    let took = nba_utils::format::duration(std::time::Duration::from_secs(seconds));
                    format!("proven again after {took} by record {record}")
                }
                _ => "open".to_owned(),
            };
            writeln!(
                out,
                "- {} `{}`, record {}: {}; {end}",
                lesson.at.format("%Y-%m-%d"),
                lesson.subject,
                lesson.refuted,
                lesson.reasons.join("; ")
            )?;
        }
        if self.lessons.is_empty() {
            writeln!(out, "Nothing was refuted.")?;
        }
        writeln!(out, "\n## Put on record by people\n")?;
        for note in &self.notes {
            writeln!(out, "- {note}")?;
        }
        if self.notes.is_empty() {
            writeln!(out, "Nothing.")?;
        }
        Ok(())
    }
}
