//! Names that may have been meant.

use std::collections::BTreeSet;

/// The nearest of `names`, best first, at most `limit`: those that share words with `wanted`, and slips of the finger.
pub(crate) fn nearest<'n>(
    wanted: &str,
    names: impl IntoIterator<Item = &'n str>,
    limit: usize,
) -> Vec<String> {
    let own = words(wanted);
    let mut found: Vec<(usize, usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let shared = words(name).intersection(&own).count();
            let distance = distance(stem(wanted), stem(name));
            let near = distance <= stem(wanted).len() / 4 + 1;
            (near || shared * 2 >= own.len().max(2)).then_some((shared, distance, name))
        })
        .collect();
    found.sort_by(|a, b| {
        (b.1 <= 2)
            .cmp(&(a.1 <= 2))
            .then(b.0.cmp(&a.0))
            .then(a.1.cmp(&b.1))
            .then(a.2.cmp(b.2))
    });
    found
        .into_iter()
        .take(limit)
        .map(|(_, _, name)| name.to_owned())
        .collect()
}

/// The file name without folder and ending.
fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.rsplit_once('.')
        .map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}

fn words(name: &str) -> BTreeSet<String> {
    stem(name)
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() > 1)
        .map(str::to_ascii_lowercase)
        .collect()
}

/// Levenshtein distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substitute = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
