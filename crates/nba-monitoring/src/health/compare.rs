//! Two sets of rows of one table, compared by key and hash.

use std::collections::HashMap;

use nba_db::fingerprint::{KeySpec, RowDigest, TableSpec};

/// What differs between expected and actual rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RowSets {
    /// Expected rows that are gone.
    pub(super) missing: Vec<RowDigest>,
    /// Rows that were not expected.
    pub(super) added: Vec<RowDigest>,
    /// Same key, other content: expected, actual.
    pub(super) changed: Vec<(RowDigest, RowDigest)>,
    /// Rows that are there more often than expected: a key that exists twice, or in a table without key an equal row.
    pub(super) duplicated: Vec<RowDigest>,
}

/// Compares the rows; both sides hold the same buckets of the same table.
///
/// Equal rows cancel out one by one, so what is left is exact for tables with duplicates too.
pub(super) fn compare_rows(
    table: &TableSpec,
    expected: Vec<RowDigest>,
    actual: Vec<RowDigest>,
) -> RowSets {
    let mut left = group(table, expected);
    let mut right = group(table, actual);
    let mut located = RowSets::default();
    for (identity, mut wanted) in left.drain() {
        let mut found = right.remove(&identity).unwrap_or_default();
        let existed = wanted.len();
        // Cancel equal contents.
        wanted.retain(
            |row| match found.iter().position(|other| other.hash == row.hash) {
                Some(position) => {
                    found.swap_remove(position);
                    false
                }
                None => true,
            },
        );
        let mut found = found.into_iter();
        for row in wanted {
            match found.next() {
                Some(other) => located.changed.push((row, other)),
                None => located.missing.push(row),
            }
        }
        // The identity existed, so what is left over repeats it.
        debug_assert!(existed > 0, "groups are never empty");
        located.duplicated.extend(found);
    }
    for (_, rows) in right {
        let mut rows = rows.into_iter();
        located.added.extend(rows.next());
        located.duplicated.extend(rows);
    }
    located.sort();
    located
}

impl RowSets {
    /// Hashes of the current rows among the first `limit` of each kind.
    pub(super) fn listed_hashes(&self, limit: usize) -> Vec<i64> {
        let changed = self.changed.iter().take(limit).map(|(_, row)| row.hash);
        let added = self.added.iter().take(limit).map(|row| row.hash);
        changed
            .chain(added)
            .chain(self.duplicated.iter().take(limit).map(|row| row.hash))
            .collect()
    }

    /// A stable order: hash maps have none.
    fn sort(&mut self) {
        let order = |row: &RowDigest| (row.key.clone(), row.hash);
        self.missing.sort_by_cached_key(order);
        self.added.sort_by_cached_key(order);
        self.duplicated.sort_by_cached_key(order);
        self.changed.sort_by_cached_key(|(row, _)| order(row));
    }
}

/// What makes two rows the same row.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Key(String),
    Content(i64),
}

fn group(table: &TableSpec, rows: Vec<RowDigest>) -> HashMap<Identity, Vec<RowDigest>> {
    let mut groups: HashMap<Identity, Vec<RowDigest>> = HashMap::with_capacity(rows.len());
    for row in rows {
        let identity = match (&table.key, &row.key) {
            (KeySpec::Columns(_), Some(key)) => Identity::Key(key.clone()),
            _ => Identity::Content(row.hash),
        };
        groups.entry(identity).or_default().push(row);
    }
    groups
}

#[cfg(test)]
mod tests {
    use nba_db::fingerprint::TableName;

    use super::*;

    fn table(key: KeySpec) -> TableSpec {
        TableSpec {
            encoding: nba_db::fingerprint::ENCODING_VERSION,
            table: TableName::new("public", "t"),
            columns: Vec::new(),
            key,
            buckets: 1,
        }
    }

    fn row(key: &str, hash: i64) -> RowDigest {
        RowDigest {
            bucket: 0,
            key: (!key.is_empty()).then(|| key.to_owned()),
            hash,
            values: None,
        }
    }

    #[test]
    fn keyed_rows() {
        let table = table(KeySpec::Columns(vec!["id".into()]));
        let expected = vec![row("a", 1), row("b", 2), row("c", 3)];
        assert_eq!(
            compare_rows(&table, expected.clone(), expected.clone()),
            RowSets::default()
        );
        let actual = vec![
            row("c", 33),
            row("d", 4),
            row("a", 1),
            row("a", 1),
            row("e", 5),
            row("e", 6),
        ];
        let located = compare_rows(&table, expected, actual);
        assert_eq!(located.missing, [row("b", 2)]);
        assert_eq!(located.changed, [(row("c", 3), row("c", 33))]);
        assert_eq!(located.added, [row("d", 4), row("e", 5)]);
        assert_eq!(located.duplicated, [row("a", 1), row("e", 6)]);
    }

    #[test]
    fn rows_without_key_are_a_multiset() {
        let table = table(KeySpec::WholeRow);
        let expected = vec![row("", 1), row("", 1), row("", 2), row("", 3)];
        let actual = vec![row("", 1), row("", 2), row("", 2), row("", 4)];
        let located = compare_rows(&table, expected, actual);
        assert_eq!(located.missing, [row("", 1), row("", 3)]);
        assert_eq!(located.duplicated, [row("", 2)]);
        assert_eq!(located.added, [row("", 4)]);
        assert!(located.changed.is_empty());
    }
}
