use super::encode::{Source, fingerprint_sql, rows_sql};
use super::*;

fn spec(key: KeySpec) -> TableSpec {
    let column = |name: &str, base: &str| ColumnSpec {
        name: name.into(),
        declared: base.into(),
        base_type: base.into(),
    };
    TableSpec {
        table: TableName::new("public", "odd\"name"),
        columns: vec![
            column("id", "int8"),
            column("when", "timestamptz"),
            column("who\"", "text"),
        ],
        key,
        buckets: 8,
        encoding: ENCODING_VERSION,
    }
}

#[test]
fn identifiers_are_quoted_and_buckets_masked() {
    let keyed = spec(KeySpec::Columns(vec!["id".into()]));
    let sql = fingerprint_sql(&keyed, Source::Whole, Detail::Columns);
    assert!(sql.contains("\"public\".\"odd\"\"name\""), "{sql}");
    assert!(sql.contains("\"who\"\"\"::pg_catalog.text"), "{sql}");
    assert!(sql.contains("& 7)::pg_catalog.int4"), "{sql}");
    let rows = rows_sql(
        &spec(KeySpec::WholeRow),
        RowDetail::Values,
        Source::Pages("t"),
        Some(&[1, 3]),
    );
    assert!(rows.contains("to_json(array["), "{rows}");
    assert!(rows.contains("tid and ctid"), "{rows}");
    assert!(rows.contains("= any('{1,3}'::"), "{rows}");
}

#[test]
fn digest_survives_its_text_form() {
    for value in [0, 1, -1, i128::MAX, i128::MIN] {
        let digest = Digest::from(value);
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert_eq!(json.len(), 34);
    }
    assert!(serde_json::from_str::<Digest>("\"xyz\"").is_err());
}

#[test]
fn bucket_count_is_a_bounded_power_of_two() {
    for (rows, expected) in [
        (0, 1),
        (1_999, 1),
        (4_000, 2),
        (130_748, 128),
        (u64::MAX, 1_024),
    ] {
        assert_eq!(bucket_count(rows), expected, "{rows}");
    }
}

#[test]
fn differing_buckets_and_columns_are_named() {
    let bucket = |rows, sum| BucketDigest {
        rows,
        digest: Digest::from(sum),
    };
    let column = |name: &str, sum, nulls| ColumnDigest {
        name: name.into(),
        digest: Digest::from(sum),
        nulls,
        empty: 0,
    };
    let left = TableFingerprint {
        rows: 3,
        digest: Digest::from(6),
        columns: vec![column("a", 1, 0), column("b", 2, 0)],
        buckets: vec![bucket(1, 1), bucket(2, 5)],
    };
    let mut right = left.clone();
    assert!(left.differing_buckets(&right).is_empty() && left.differing_columns(&right).is_empty());
    right.buckets[1] = bucket(2, 6);
    right.columns[1] = column("b", 2, 1);
    assert_eq!(left.differing_buckets(&right), [1]);
    assert_eq!(left.differing_columns(&right), ["b"]);
}

/// Every page is read by exactly one share, however long the ranges are and whatever each session takes for the size.
#[test]
fn shares_of_a_table_fit_together() {
    use super::piece::{Leaf, Pace, Share};
    use std::time::Duration;

    for of in 1..=3 {
        for pages in [0_u32, 1, 4_095, 4_096, 4_097, 8_192, 20_000] {
            let mut read = vec![0; usize::try_from(pages).unwrap()];
            for (number, share) in Share::all(of).enumerate() {
                // A table that grows: later sessions see more pages.
                let grown = pages + 700 * u32::try_from(number).unwrap();
                let leaf = Leaf {
                    sql: "t".into(),
                    pages: grown,
                };
                let mut pace = Pace::default();
                let mut start = share.first_page().min(grown);
                loop {
                    let range = pace.range(&leaf, start, share);
                    for page in range.clone() {
                        if let Some(times) = read.get_mut(usize::try_from(page).unwrap()) {
                            *times += 1;
                        }
                    }
                    let speed = Duration::from_millis(u64::from(start % 7) * 300 + 1);
                    pace.learn(range.end - range.start, 1, speed);
                    start = share.after(range.end);
                    if start >= grown {
                        break;
                    }
                }
            }
            assert!(
                read.iter().all(|&times| times == 1),
                "{of} shares of {pages} pages"
            );
        }
    }
}
