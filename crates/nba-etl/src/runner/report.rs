//! Figures in the output of a script.
//!
//! The loaders end with a summary, such as `Plays inserted: 0` (ETL dossier 1.1). Figures are claims: they can refute, and
//! never prove.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

/// Most labels kept.
const LABELS: usize = 200;

/// Longest line looked at, in bytes: a longer one is data.
const LONGEST_LINE: usize = 400;

/// How far a script says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
}

/// The figures a text ends with, by label in lower case; of a label that comes twice, the last.
///
/// ```
/// use nba_etl::runner::counters;
///
/// let found = counters(["⚠️ game 1: bad\nPlays inserted: 1,204\nErrors: 0\ngames loaded: 3, failed: 1\n12 games scraped\n"]);
/// assert_eq!(found["plays inserted"], 1204);
/// assert_eq!(found["errors"], 0);
/// assert_eq!(found["failed"], 1);
/// assert_eq!(found["games scraped"], 12);
/// ```
#[must_use]
pub fn counters<'t>(texts: impl IntoIterator<Item = &'t str>) -> BTreeMap<String, u64> {
    static LABELLED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"([A-Za-z][A-Za-z _/()-]{1,48}?)\s*(?:[:=]\s*|\s)([0-9][0-9,]*)(?:$|[\s,;)])")
            .expect("a constant pattern")
    });
    static COUNTED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?:^|[^0-9.:-])([0-9][0-9,]*)\s+((?:games?|plays?|rows?|files?|records?|players?|events?|documents?|objects?|items?)\s+[a-z]+)",
        )
        .expect("a constant pattern")
    });
    let mut found = BTreeMap::new();
    let mut put = |label: &str, figure: &str| {
        let label = label.trim().to_ascii_lowercase();
        let figure = figure.trim_end_matches(',').replace(',', "");
        if let Ok(figure) = figure.parse()
            && !label.is_empty()
            && (found.len() < LABELS || found.contains_key(&label))
        {
            found.insert(label, figure);
        }
    };
    for line in texts.into_iter().flat_map(str::lines) {
        if line.len() > LONGEST_LINE || !line.bytes().any(|byte| byte.is_ascii_digit()) {
            continue;
        }
        for counted in COUNTED.captures_iter(line) {
            put(&counted[2], &counted[1]);
        }
        for labelled in LABELLED.captures_iter(line) {
            put(&labelled[1], &labelled[2]);
        }
    }
    found
}

/// The last `done/total` or percentage in a text.
///
/// ```
/// use nba_etl::runner::progress;
///
/// let found = progress("Processing 40/100\nProcessing 41/100 (date 2024-01-15)\n").unwrap();
/// assert_eq!((found.done, found.total), (41, 100));
/// assert!(progress("nothing here\n").is_none());
/// ```
#[must_use]
pub fn progress(text: &str) -> Option<Progress> {
    static OF: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|[\s\[(:])([0-9][0-9,]*)\s*(?:/|of)\s*([0-9][0-9,]*)(?:$|[\s\]),.:])")
            .expect("a constant pattern")
    });
    static PERCENT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|[\s\[(:])([0-9]{1,3})(?:\.[0-9]+)?\s?%").expect("a constant pattern")
    });
    let number = |text: &str| text.replace(',', "").parse::<u64>().ok();
    text.lines()
        .rev()
        .filter(|line| line.len() <= LONGEST_LINE)
        .find_map(|line| {
            let of = OF.captures_iter(line).last().and_then(|found| {
                let (done, total) = (number(&found[1])?, number(&found[2])?);
                (done <= total && total > 0).then_some(Progress { done, total })
            });
            of.or_else(|| {
                let done = number(&PERCENT.captures_iter(line).last()?[1])?;
                (done <= 100).then_some(Progress { done, total: 100 })
            })
        })
}
