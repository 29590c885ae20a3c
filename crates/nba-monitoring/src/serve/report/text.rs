//! The week for a terminal.

use std::fmt::Write as _;

use super::{Outage, Week};
use crate::checks::{size, whole};

/// Tables and checks that a terminal shows; the page has all.
const SHOWN: usize = 10;

impl Week {
    /// The week as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {} from {} to {}",
            self.database
                .as_deref()
                .unwrap_or("no database has answered yet"),
            self.standing.as_str(),
            self.from.format("%Y-%m-%d %H:%M"),
            self.to.format("%Y-%m-%d %H:%M UTC"),
        );
        if let Some(problem) = &self.problem {
            let _ = writeln!(text, "{problem}");
        }
        let _ = writeln!(
            text,
            "{} looks, {} without a watch",
            self.looks,
            minutes(self.unwatched_minutes)
        );
        let _ = writeln!(text, "\nalarms: {}", self.outages.len());
        for outage in &self.outages {
            let _ = writeln!(
                text,
                "  {:<9} {} {}: {}",
                outage.level.as_str(),
                outage.check,
                lasted(outage),
                outage.message
            );
        }
        let bad = self.checks.iter().filter(|check| check.bad_hours > 0);
        for check in bad.take(SHOWN) {
            let _ = writeln!(
                text,
                "  {}: bad looks in {} of {} hours",
                check.id, check.bad_hours, check.hours
            );
        }
        let grown = self.grown();
        let _ = writeln!(
            text,
            "\ntables: {}, {} changed",
            self.tables.len(),
            grown.len()
        );
        for table in grown.iter().take(SHOWN) {
            let _ = writeln!(
                text,
                "  {:<40} {:>14} rows {:>14}",
                table.table,
                whole(table.rows),
                change(table.gained)
            );
        }
        for chapter in &self.evidence {
            let _ = writeln!(
                text,
                "\n{}: {}",
                chapter.title.to_lowercase(),
                chapter.summary
            );
            for record in chapter.records.iter().take(SHOWN) {
                let _ = writeln!(
                    text,
                    "  {} {} {}",
                    record.at.format("%Y-%m-%d %H:%M"),
                    record.verdict,
                    record.subject
                );
            }
        }
        let _ = writeln!(text, "\nwatching: {}", self.cost_line());
        text
    }

    /// What watching cost, in one line.
    pub(super) fn cost_line(&self) -> String {
        let look = match (
            self.cost.look_ms_mean,
            self.cost.look_ms_max,
            self.cost.looking_s,
        ) {
            (Some(mean), Some(most), Some(spent)) => {
                format!("{mean:.0} ms per look, {most:.0} ms at most, {spent:.0} s in all")
            }
            _ => "no look was recorded".to_owned(),
        };
        let database = match (self.cost.db_ms_mean, self.cost.db_ms_max) {
            (Some(mean), Some(most)) => {
                format!("database time {mean:.0} ms per look, {most:.0} ms at most")
            }
            _ => "database time not known".to_owned(),
        };
        let pages = self.cost.pages_max.map_or_else(
            || "pages of tables not known".to_owned(),
            |most| format!("{} pages of tables at most", whole(most)),
        );
        let disk = u32::try_from(self.cost.disk_bytes).map_or(f64::from(u32::MAX), f64::from);
        format!("{look}; {database}; {pages}; {} on disk", size(disk))
    }

    /// Tables that changed, the largest change first.
    pub(super) fn grown(&self) -> Vec<&super::TableWeek> {
        let mut grown: Vec<_> = self
            .tables
            .iter()
            .filter(|table| table.gained.is_some_and(|gained| gained.abs() >= 0.5))
            .collect();
        let size = |table: &super::TableWeek| table.gained.unwrap_or(0.0).abs();
        grown.sort_by(|left, right| size(right).total_cmp(&size(left)));
        grown
    }
}

/// A change with its sign.
pub(super) fn change(gained: Option<f64>) -> String {
    match gained {
        None => "new".to_owned(),
        Some(gained) if gained >= 0.5 => format!("+{}", whole(gained)),
        Some(gained) => whole(gained),
    }
}

/// Minutes as people say them.
pub(super) fn minutes(minutes: i64) -> String {
    match minutes {
        ..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

/// Since when, and for how long.
pub(super) fn lasted(outage: &Outage) -> String {
    let since = outage.since.format("%Y-%m-%d %H:%M");
    match outage.until {
        None => format!("since {since}, goes on"),
        Some(until) => format!(
            "since {since}, for {}",
            minutes((until - outage.since).num_minutes())
        ),
    }
}
