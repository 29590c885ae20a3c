//! A comparison for people.

use std::fmt::Write as _;

use nba_utils::Verdict;
use nba_utils::format::{duration, thousands};

use super::Report;
use crate::compare::explain::{Explanation, Place, RowCounts, Spread, rows};
use crate::compare::outcome::{Change, Comparison, Difference, SchemaDifference, Side, SideReport};

/// Groups of the explanation that are shown.
const GROUPS: usize = 20;
/// Places (seasons, months, key ranges) that are shown of each sort.
const PLACES: usize = 12;
/// Characters of a value that are shown.
const VALUE: usize = 60;
/// Values of a missing or added row that are shown.
const VALUES: usize = 4;

/// The whole report; the first line is the verdict. At most `listed` differing rows are shown.
#[must_use]
pub fn render_text(report: &Report<'_>, listed: usize) -> String {
    let comparison = report.comparison;
    let mut text = String::new();
    let _ = writeln!(text, "{}", first_line(comparison));
    side(&mut text, Side::Left, &comparison.left);
    side(&mut text, Side::Right, &comparison.right);
    let _ = writeln!(text, "  rows   {}", balance(comparison));
    let _ = writeln!(text, "  how    {}", how(comparison));
    for line in conditions(comparison) {
        let _ = writeln!(text, "  note   {line}");
    }
    for difference in &comparison.schema {
        let _ = writeln!(text, "  column {}", schema(difference));
    }
    for reason in &comparison.unfinished {
        let _ = writeln!(text, "  open   {}", plain(reason));
    }
    if comparison.totals.differences() > 0 || report.explanation.rows.total() > 0 {
        explanation(&mut text, report.explanation);
        listing(&mut text, comparison, listed);
    }
    text
}

fn first_line(comparison: &Comparison) -> String {
    let found = comparison.totals.differences();
    match &comparison.verdict {
        Verdict::Proven => format!(
            "compare: proven: {} on each side, all the same",
            rows(comparison.left.rows)
        ),
        Verdict::Refuted { .. } if found > 0 => {
            format!("compare: refuted: {} differ", rows(found))
        }
        verdict if comparison.equal_as_declared => format!(
            "compare: {verdict}: equal only within what was declared",
            verdict = verdict.as_str().replace('_', " ")
        ),
        verdict => format!(
            "compare: {}: {}",
            verdict.as_str().replace('_', " "),
            plain(&verdict.reasons().join("; "))
        ),
    }
}

fn side(text: &mut String, side: Side, report: &SideReport) {
    let _ = writeln!(
        text,
        "  {side:<6} {} of `{}` ({}), {} at {}",
        plain(&report.relation.to_string()),
        plain(&report.identity.database),
        plain(&report.target),
        rows(report.rows),
        report.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
    );
}

fn balance(comparison: &Comparison) -> String {
    let totals = &comparison.totals;
    let mut text = format!(
        "{} equal, {} missing on the right, {} added on the right, {} changed",
        thousands(totals.equal),
        thousands(totals.missing),
        thousands(totals.added),
        thousands(totals.changed),
    );
    for (number, what) in [
        (totals.within_tolerance, "equal only within a tolerance"),
        (totals.repeated_keys, "keys that are there more than once"),
        (totals.null_keys, "keys with NULL"),
    ] {
        if number > 0 {
            let _ = write!(text, "; {} {what}", thousands(number));
        }
    }
    text
}

fn how(comparison: &Comparison) -> String {
    let key = if comparison.key.is_empty() {
        "no key".to_owned()
    } else {
        let proven = if comparison.key_proven_unique {
            "a unique index on both sides"
        } else {
            "not proven unique"
        };
        format!("key {} ({proven})", plain(&comparison.key.join(", ")))
    };
    format!(
        "{key}, {} columns, {} mode ({}), {}",
        comparison.columns.len(),
        comparison.mode,
        plain(&comparison.mode_reason),
        duration(comparison.elapsed)
    )
}

/// What was left out or allowed, and what else the verdict depends on.
fn conditions(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for ignored in &comparison.ignored {
        lines.push(format!(
            "`{}` was not compared: {}",
            plain(&ignored.column),
            plain(&ignored.reason)
        ));
    }
    for column in &comparison.columns {
        if let Some(tolerance) = &column.tolerance {
            lines.push(format!(
                "`{}` may deviate by {tolerance}",
                plain(&column.left)
            ));
        }
        if column.left != column.right {
            lines.push(format!(
                "`{}` was compared with `{}`",
                plain(&column.left),
                plain(&column.right)
            ));
        }
    }
    lines.extend(comparison.notes.iter().map(|note| plain(note)));
    if comparison.assembly.resumed_parts > 0 {
        lines.push(format!(
            "{} of {} key ranges were read by an earlier run, in {} snapshots in all",
            comparison.assembly.resumed_parts,
            comparison.assembly.parts,
            comparison.assembly.snapshots
        ));
    }
    if let Some(recheck) = &comparison.recheck {
        lines.push(format!(
            "differing keys were read again {} times: {} became equal, {} stayed different, {} kept changing, {} were not read again",
            recheck.rounds,
            thousands(recheck.converged),
            thousands(recheck.persistent),
            thousands(recheck.moving),
            thousands(recheck.unchecked),
        ));
    }
    lines
}

fn schema(difference: &SchemaDifference) -> String {
    match difference {
        SchemaDifference::OnlyOn {
            side,
            column,
            declared,
        } => format!("`{}` {declared} is only on the {side}", plain(column)),
        SchemaDifference::Type {
            column,
            left,
            right,
        } => format!(
            "`{}` is {left} on the left, {right} on the right",
            plain(column)
        ),
    }
}

fn explanation(text: &mut String, explanation: &Explanation) {
    if !explanation.groups.is_empty() {
        let _ = writeln!(text, "why");
    }
    for group in explanation.groups.iter().take(GROUPS) {
        let example = &group.example;
        let _ = writeln!(
            text,
            "  {group}, such as {} → {}",
            value(example.old.as_deref()),
            value(example.new.as_deref())
        );
    }
    let further = explanation.groups.len().saturating_sub(GROUPS);
    if further > 0 {
        let _ = writeln!(text, "  and {further} further kinds");
    }
    let _ = writeln!(text, "where");
    for (name, spread) in [
        ("season", &explanation.seasons),
        ("month", &explanation.months),
        ("key", &explanation.key_ranges),
    ] {
        if let Some(spread) = spread {
            places(text, name, spread);
        }
    }
}

/// Of many places those with the most rows, in their order.
fn places(text: &mut String, name: &str, spread: &Spread) {
    let mut shown: Vec<usize> = (0..spread.places.len()).collect();
    shown.sort_by_key(|&at| std::cmp::Reverse(spread.places[at].rows.total()));
    shown.truncate(PLACES);
    shown.sort_unstable();
    for place in shown.iter().filter_map(|&at| spread.places.get(at)) {
        let _ = writeln!(
            text,
            "  {name:<6} {} {}: {}",
            plain(&spread.column),
            span(place),
            counts(place.rows)
        );
    }
    let further = spread.places.len().saturating_sub(PLACES);
    if further > 0 {
        let _ = writeln!(text, "  {name:<6} and {further} further");
    }
    if spread.elsewhere.total() > 0 {
        let _ = writeln!(
            text,
            "  {name:<6} {} unknown: {}",
            plain(&spread.column),
            counts(spread.elsewhere)
        );
    }
}

fn span(place: &Place) -> String {
    let bare = |value: Option<&str>| value.map_or_else(|| "NULL".to_owned(), shortened);
    match &place.to {
        Some(to) if place.from.as_ref() != Some(to) => {
            format!("{} to {}", bare(place.from.as_deref()), shortened(to))
        }
        _ => bare(place.from.as_deref()),
    }
}

fn counts(rows: RowCounts) -> String {
    let parts: Vec<String> = [
        (rows.missing, "missing"),
        (rows.added, "added"),
        (rows.changed, "changed"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", thousands(number)))
    .collect();
    parts.join(", ")
}

fn listing(text: &mut String, comparison: &Comparison, listed: usize) {
    if listed == 0 {
        return;
    }
    let _ = writeln!(text, "rows");
    for difference in comparison.differences.iter().take(listed) {
        line(text, comparison, difference);
    }
    let found = comparison.totals.differences();
    let shown = comparison.differences.len().min(listed);
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    if found > shown {
        let _ = writeln!(
            text,
            "  … {} of {} are shown: --limit shows more, --parquet keeps all",
            thousands(shown),
            thousands(found)
        );
    }
}

fn line(text: &mut String, comparison: &Comparison, difference: &Difference) {
    let key: Vec<String> = comparison
        .key
        .iter()
        .zip(&difference.key)
        .map(|(column, key)| {
            let key = key.as_deref().map_or_else(|| "NULL".to_owned(), shortened);
            format!("{}={key}", plain(column))
        })
        .collect();
    let key = key.join(" ");
    let (what, values) = match &difference.what {
        Change::Missing { values } => ("missing", of_row(comparison, values)),
        Change::Added { values } => ("added", of_row(comparison, values)),
        Change::Changed { cells } => {
            let cells: Vec<String> = cells
                .iter()
                .map(|cell| {
                    format!(
                        "{} {} → {}",
                        plain(&cell.column),
                        value(cell.old.as_deref()),
                        value(cell.new.as_deref())
                    )
                })
                .collect();
            ("changed", cells.join(", "))
        }
    };
    let _ = write!(text, "  {what:<7}");
    for part in [key, values] {
        if !part.is_empty() {
            let _ = write!(text, " {part}");
        }
    }
    if let Some(repeated) = difference.repeated {
        let _ = write!(
            text,
            " (this key is there {} times on the left, {} on the right)",
            repeated.left, repeated.right
        );
    }
    text.push('\n');
}

/// The first values of a row that are not part of its key.
fn of_row(comparison: &Comparison, values: &[Option<String>]) -> String {
    let mut others = comparison
        .columns
        .iter()
        .zip(values)
        .filter(|(column, _)| !comparison.key.contains(&column.left));
    let shown: Vec<String> = others
        .by_ref()
        .take(VALUES)
        .map(|(column, cell)| format!("{} {}", plain(&column.left), value(cell.as_deref())))
        .collect();
    let more = if others.next().is_some() { " …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn value(value: Option<&str>) -> String {
    value.map_or_else(
        || "NULL".to_owned(),
        |text| format!("`{}`", shortened(text)),
    )
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", plain(&text[..end])),
        None => plain(text),
    }
}

/// A value cannot imitate a line of the report, nor command the terminal.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control()
            || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    safe
}
