use nba_db::fingerprint::{BucketDigest, ColumnDigest, Digest, TableFingerprint};

use super::judge::{judge_count, judge_rows};
use super::locate::Located;
use crate::rules::Rule;

const APPEND_ONLY: Rule = Rule::AppendOnly {
    max_growth_percent: Some(10),
};

/// A table of two columns and these buckets: rows and digest.
fn table(columns: [i128; 2], buckets: &[(u64, i128)]) -> TableFingerprint {
    let columns = ["home", "away"].into_iter().zip(columns);
    let buckets: Vec<BucketDigest> = buckets
        .iter()
        .map(|&(rows, sum)| BucketDigest {
            rows,
            digest: Digest::from(sum),
        })
        .collect();
    TableFingerprint {
        rows: buckets.iter().map(|bucket| bucket.rows).sum(),
        digest: buckets
            .iter()
            .fold(Digest::default(), |sum, bucket| sum.combined(bucket.digest)),
        columns: columns
            .map(|(name, sum)| ColumnDigest {
                name: name.to_owned(),
                digest: Digest::from(sum),
                nulls: 0,
                empty: 0,
            })
            .collect(),
        buckets,
    }
}

#[test]
fn values_exchanged_between_columns_under_an_equal_row_digest_are_a_change() {
    let before = table([10, 20], &[(3, 7)]);
    let swapped = table([20, 10], &[(3, 7)]);
    for rule in [Rule::Frozen, APPEND_ONLY] {
        let judged = judge_rows(&rule, &before, &swapped, &Located::default());
        assert!(judged.verdict.is_refuted(), "{}", judged.message);
        assert_eq!(
            judged.message,
            "values changed in columns home, away; the count is unchanged"
        );
        assert!(
            judge_rows(&rule, &before, &before, &Located::default())
                .verdict
                .is_proven()
        );
    }
}

#[test]
fn a_part_of_a_grown_table_that_lost_or_changed_rows_refutes_without_row_evidence() {
    let before = table([10, 20], &[(20, 7), (20, 9)]);
    let blocked = || Located::blocked("no rows");
    for (now, refuted) in [
        // One part lost a row, the other got three.
        (table([11, 21], &[(19, 6), (23, 10)]), true),
        // One part changed, the other grew.
        (table([11, 21], &[(20, 8), (21, 10)]), true),
        // Both grew: whether the old rows are among them needs the rows.
        (table([11, 21], &[(21, 8), (21, 10)]), false),
    ] {
        let judged = judge_rows(&APPEND_ONLY, &before, &now, &blocked());
        assert_eq!(judged.verdict.is_refuted(), refuted, "{}", judged.message);
        assert!(!judged.verdict.is_proven());
    }
}

#[test]
fn an_empty_append_only_table_may_get_rows_and_a_frozen_one_may_not() {
    let (empty, filled) = (table([0, 0], &[(0, 0)]), table([1, 1], &[(1, 5)]));
    let judge = |rule| judge_rows(&rule, &empty, &filled, &Located::default()).verdict;
    assert!(judge(APPEND_ONLY).is_proven());
    assert!(judge(Rule::Frozen).is_refuted());
}

#[test]
fn a_band_around_nothing_is_not_called_kept() {
    let growing = Rule::Growing {
        min_percent: 100,
        max_percent: Some(150),
    };
    assert_eq!(
        judge_count(&growing, 0, 9).verdict.as_str(),
        "not_applicable"
    );
    assert!(judge_count(&growing, 10, 12).verdict.is_proven());
    assert!(judge_count(&growing, 10, 9).verdict.is_refuted());
}
