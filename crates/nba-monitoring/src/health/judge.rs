//! From rule, baseline and measurement to a verdict and a sentence.

use nba_db::fingerprint::TableFingerprint;
use nba_utils::Verdict;
use nba_utils::format::thousands;

use super::locate::Located;
use crate::rules::Rule;

/// The verdict on one table and the line for people.
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) message: String,
}

impl Judgement {
    fn proven(message: String) -> Self {
        Self {
            verdict: Verdict::Proven,
            message,
        }
    }

    fn refuted(message: String) -> Self {
        Self {
            verdict: Verdict::refuted(message.clone()),
            message,
        }
    }

    fn not_proven(message: String) -> Self {
        Self {
            verdict: Verdict::not_proven(message.clone()),
            message,
        }
    }
}

/// Rules that look at the number of rows only.
pub(super) fn judge_count(rule: &Rule, before: u64, now: u64) -> Judgement {
    match *rule {
        Rule::ExpectedEmpty if now == 0 => Judgement::proven("empty, as expected".to_owned()),
        Rule::ExpectedEmpty => {
            Judgement::refuted(format!("expected to be empty, has {}", rows(now)))
        }
        Rule::External if now == 0 && before > 0 => {
            Judgement::refuted(format!("lost all {}", rows(before)))
        }
        Rule::External => {
            let message = format!(
                "written by another project, not judged: {} at the baseline, {} now",
                rows(before),
                thousands(now)
            );
            Judgement {
                verdict: Verdict::not_applicable(message.clone()),
                message,
            }
        }
        // A share of nothing is nothing: no number could ever break the band, nor keep it.
        Rule::Growing { .. } if before == 0 => {
            let message = format!(
                "empty at the baseline, {} now: there is no band to stay within",
                rows(now)
            );
            Judgement {
                verdict: Verdict::not_applicable(message.clone()),
                message,
            }
        }
        Rule::Growing {
            min_percent,
            max_percent,
        } => {
            let least = percent_of(before, min_percent);
            let most = max_percent.map(|percent| percent_of(before, percent));
            if now < least {
                Judgement::refuted(format!(
                    "{}: at least {} expected",
                    rows(now),
                    thousands(least)
                ))
            } else if let Some(most) = most.filter(|&most| now > most) {
                Judgement::refuted(format!(
                    "{}: at most {} expected",
                    rows(now),
                    thousands(most)
                ))
            } else {
                Judgement::proven(format!(
                    "{} at the baseline, {} now, within its band",
                    rows(before),
                    thousands(now)
                ))
            }
        }
        Rule::Frozen | Rule::AppendOnly { .. } => {
            Judgement::not_proven("the contents were not compared".to_owned())
        }
    }
}

/// Rules about contents, once both sides are fingerprinted; `located` says what differs where that could be found out.
pub(super) fn judge_rows(
    rule: &Rule,
    before: &TableFingerprint,
    now: &TableFingerprint,
    located: &Located,
) -> Judgement {
    if before == now {
        return Judgement::proven(format!("{} unchanged", rows(now.rows)));
    }
    if before.rows == now.rows && before.digest == now.digest {
        // The rows add up to the same, their columns do not: never the same content, whatever the sum says.
        return Judgement::refuted(match before.differing_columns(now).as_slice() {
            [] => "rows changed; count and total digest are unchanged".to_owned(),
            columns => format!(
                "values changed in columns {}; the count is unchanged",
                columns.join(", ")
            ),
        });
    }
    if before.rows == 0 {
        // Nothing could get lost, so there are no rows to look for.
        return if *rule == Rule::Frozen {
            Judgement::refuted(format!("empty at the baseline, {} added", rows(now.rows)))
        } else {
            Judgement::proven(format!("empty at the baseline, {} added", rows(now.rows)))
        };
    }
    if now.rows == 0 {
        return Judgement::refuted(format!(
            "emptied: {} expected, none left",
            rows(before.rows)
        ));
    }
    let growth_bound = match *rule {
        Rule::AppendOnly { max_growth_percent } => max_growth_percent,
        _ => Some(0),
    };
    let mut findings = Vec::new();
    if let Some(found) = &located.found {
        let mut say = |count: usize, what: &str, example: Option<String>| {
            if count > 0 {
                let example = example.map_or_else(String::new, |key| {
                    format!(" ({key}{})", if count > 1 { ", …" } else { "" })
                });
                findings.push(format!("{} {what}{example}", rows_of(count)));
            }
        };
        say(
            found.missing.len(),
            "missing",
            found.missing.first().and_then(|row| located.key_text(row)),
        );
        say(
            found.changed.len(),
            "changed",
            found
                .changed
                .first()
                .and_then(|(row, _)| located.key_text(row)),
        );
        say(
            found.duplicated.len(),
            "there more than once",
            found
                .duplicated
                .first()
                .and_then(|row| located.key_text(row)),
        );
        if *rule == Rule::Frozen {
            say(
                found.added.len(),
                "added",
                found.added.first().and_then(|row| located.key_text(row)),
            );
        }
    }
    if findings.is_empty() && now.rows < before.rows {
        findings.push(format!("{} missing", rows(before.rows - now.rows)));
    }
    if let Some(percent) = growth_bound.filter(|_| *rule != Rule::Frozen) {
        let most = before
            .rows
            .saturating_add(percent_of(before.rows, percent).max(1));
        if before.rows > 0 && now.rows > most {
            findings.push(format!(
                "grew from {} to {}, at most {percent} % more expected",
                thousands(before.rows),
                rows(now.rows)
            ));
        }
    }
    // Rows stay in their bucket: one that did not grow and differs has lost or changed a row, located or not.
    if findings.is_empty() && (*rule == Rule::Frozen || holds_less(before, now)) {
        let columns = before.differing_columns(now).join(", ");
        findings.push(format!("contents differ in {columns}"));
    }
    if !findings.is_empty() {
        let unchanged = if before.rows == now.rows {
            "; the count is unchanged"
        } else {
            ""
        };
        let located = located
            .obstacle
            .as_ref()
            .map_or_else(String::new, |why| format!("; {why}"));
        return Judgement::refuted(format!("{}{unchanged}{located}", findings.join("; ")));
    }
    match (&located.found, &located.obstacle) {
        (Some(found), None) => Judgement::proven(format!(
            "{} at the baseline all unchanged, {} added",
            rows(before.rows),
            thousands(u64::try_from(found.added.len()).unwrap_or(u64::MAX))
        )),
        (_, Some(why)) => Judgement::not_proven(format!(
            "{} now, {} at the baseline; {why}",
            rows(now.rows),
            thousands(before.rows)
        )),
        (None, None) => Judgement::not_proven("the difference was not looked into".to_owned()),
    }
}

/// Whether rows of the baseline cannot all be there: some part of the table has other rows, and not more of them.
fn holds_less(before: &TableFingerprint, now: &TableFingerprint) -> bool {
    let pairs = before.buckets.iter().zip(&now.buckets);
    before.rows >= now.rows
        || pairs
            .filter(|(old, _)| old.rows > 0)
            .any(|(old, new)| old != new && new.rows <= old.rows)
}

/// `percent` of `value`, rounded down; saturates.
fn percent_of(value: u64, percent: u32) -> u64 {
    let product = u128::from(value) * u128::from(percent) / 100;
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// `1 row`, `44,828 rows`.
pub(super) fn rows(count: u64) -> String {
    format!(
        "{} {}",
        thousands(count),
        if count == 1 { "row" } else { "rows" }
    )
}

fn rows_of(count: usize) -> String {
    rows(u64::try_from(count).unwrap_or(u64::MAX))
}
