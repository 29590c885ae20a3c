//! What the dual runs on record prove together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::Serialize;
use serde_json::Value;

use super::mismatch_bound;
use crate::ledger::{Ledger, LedgerError, Record};
use crate::switch::{NEEDED_RUNS, SHADOW_SUBJECT};

/// The dual runs of one capability.
#[derive(Debug, Clone, Serialize)]
pub struct History {
    /// Which.
    pub capability: String,
    /// All of them, oldest first.
    pub runs: Vec<Run>,
    /// Proven runs since the last that was not.
    pub proven_in_a_row: usize,
    /// Whether the last run found rows that nothing explains.
    pub refuted_last: bool,
    /// Games of the largest of the runs in a row. Runs draw the same games, so their numbers do not add up.
    pub clean_units: u64,
    /// With 95 % confidence, at most this share of all games has an unexplained row.
    pub mismatch_bound: Option<f64>,
    /// What comes next.
    pub next: String,
}

/// One dual run on record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Number of the record.
    pub sequence: u64,
    /// When it was recorded.
    pub time: DateTime<Utc>,
    /// What it found.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What the port was faithful to.
    pub mode: String,
    /// Games.
    pub units: u64,
    /// Rows that are the same.
    pub equal_rows: u64,
    /// Rows that differ for a reason with a name.
    pub explained: u64,
    /// Rows that differ for none.
    pub unexplained: u64,
}

impl Run {
    fn of(record: &Record) -> Self {
        let number = |name: &str| {
            record
                .entry
                .figures
                .get(name)
                .and_then(Value::as_u64)
                .unwrap_or(0)
        };
        let mode = record.entry.figures.get("mode").and_then(Value::as_str);
        Self {
            sequence: record.sequence,
            time: record.time,
            verdict: record.entry.verdict.clone(),
            mode: mode.unwrap_or_default().to_owned(),
            units: number("units"),
            equal_rows: number("equal_rows"),
            explained: number("explained"),
            unexplained: number("unexplained"),
        }
    }
}

/// The dual runs of each capability, by name.
///
/// # Errors
///
/// [`LedgerError`]; also when the ledger was tampered with, for then it proves nothing.
pub fn histories(ledger: &Ledger) -> Result<Vec<History>, LedgerError> {
    let mut runs: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for record in ledger.records()? {
        if record.entry.subject != SHADOW_SUBJECT {
            continue;
        }
        if let Some(capability) = record
            .entry
            .figures
            .get("capability")
            .and_then(Value::as_str)
        {
            runs.entry(capability.to_owned())
                .or_default()
                .push(Run::of(&record));
        }
    }
    Ok(runs
        .into_iter()
        .map(|(capability, runs)| history(capability, runs))
        .collect())
}

fn history(capability: String, runs: Vec<Run>) -> History {
    let row = runs
        .iter()
        .rev()
        .take_while(|run| run.verdict.is_proven())
        .count();
    let clean_units = runs
        .iter()
        .rev()
        .take(row)
        .map(|run| run.units)
        .max()
        .unwrap_or(0);
    let refuted_last = runs.last().is_some_and(|run| run.verdict.is_refuted());
    let next = match NEEDED_RUNS.saturating_sub(row) {
        0 => format!("`nba switch set {capability} canary 1%` may be asked for"),
        missing if refuted_last => format!("mend the port, then {missing} proven runs"),
        missing => format!("{missing} more proven runs"),
    };
    History {
        capability,
        runs,
        proven_in_a_row: row,
        refuted_last,
        mismatch_bound: (clean_units > 0)
            .then(|| mismatch_bound(usize::try_from(clean_units).unwrap_or(usize::MAX))),
        clean_units,
        next,
    }
}

/// All of it as a page that needs nothing else.
#[must_use]
pub fn page(histories: &[History]) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Dual runs</title>\n\
         <style>:root{color-scheme:light dark}body{font:16px system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}\
         table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;border-bottom:1px solid #8884}\
         td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.refuted{color:#c22;font-weight:600}\
         .proven{color:#281}@media(prefers-color-scheme:dark){.proven{color:#6c5}.refuted{color:#f77}}</style>\n\
         <h1>Dual runs</h1>\n",
    );
    for history in histories {
        let bound = history.mismatch_bound.map_or_else(String::new, |bound| {
            format!(
                " With 95 % confidence, at most {:.2} % of all games have a row that differs for no known reason.",
                bound * 100.0
            )
        });
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "<h2>{}</h2>\n<p>{} proven in a row, over {} games.{bound} Next: {}.</p>\n\
             <table><thead><tr><th>record</th><th>time</th><th>verdict</th><th>mode</th><th class=n>games</th>\
             <th class=n>equal rows</th><th class=n>explained</th><th class=n>unexplained</th></tr></thead><tbody>\n",
            escaped(&history.capability),
            history.proven_in_a_row,
            history.clean_units,
            escaped(&history.next),
        );
        for run in history.runs.iter().rev() {
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"{verdict}\">{verdict} {}</td><td>{}</td><td class=n>{}</td>\
                 <td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>",
                run.sequence,
                run.time.format("%Y-%m-%d %H:%M UTC"),
                escaped(&run.verdict.reasons().join("; ")),
                escaped(&run.mode),
                run.units,
                run.equal_rows,
                run.explained,
                run.unexplained,
                verdict = run.verdict.as_str(),
            );
        }
        page.push_str("</tbody></table>\n");
    }
    page.push_str("</html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(verdict: Verdict, units: u64) -> Run {
        Run {
            sequence: 1,
            time: Utc::now(),
            verdict,
            mode: "compat".to_owned(),
            units,
            equal_rows: 5,
            explained: 0,
            unexplained: 0,
        }
    }

    #[test]
    fn only_runs_since_the_last_that_was_not_proven_count_and_games_do_not_add_up() {
        let refuted = || Verdict::refuted("3 rows <b>differ</b>");
        let runs = vec![
            run(Verdict::Proven, 900),
            run(refuted(), 100),
            run(Verdict::Proven, 100),
            run(Verdict::Proven, 300),
        ];
        let found = history("etl.espn.pbp".to_owned(), runs.clone());
        assert_eq!((found.proven_in_a_row, found.clean_units), (2, 300));
        assert!(found.mismatch_bound.is_some_and(|bound| bound < 0.01));
        assert!(found.next.starts_with("1 more"), "{}", found.next);
        let worse = history("x".to_owned(), [runs, vec![run(refuted(), 100)]].concat());
        assert_eq!((worse.proven_in_a_row, worse.mismatch_bound), (0, None));
        assert!(worse.refuted_last);

        let html = page(&[found, worse]);
        assert!(html.contains("3 rows &lt;b&gt;differ"), "{html}");
        assert_eq!(html.matches("<tr><td>").count(), 9);
    }
}
