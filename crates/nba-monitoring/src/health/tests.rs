use std::collections::BTreeMap;

use nba_db::fingerprint::{BucketDigest, ColumnDigest, Digest, TableFingerprint};
use nba_utils::Verdict;

use super::judge::{judge_count, judge_rows};
use super::locate::Located;
use super::report::{CheckRecord, Status};
use super::*;
use crate::rules::{Criticality, Rule};

const APPEND: Rule = Rule::AppendOnly {
    max_growth_percent: Some(10),
};

fn fingerprint(rows: u64, sum: i128) -> TableFingerprint {
    let digest = Digest::from(sum);
    TableFingerprint {
        rows,
        digest,
        columns: vec![ColumnDigest {
            name: "points".to_owned(),
            digest,
            nulls: 0,
        }],
        buckets: vec![BucketDigest { rows, digest }],
    }
}

#[test]
fn rules_about_numbers() {
    let band = Rule::Growing {
        min_percent: 90,
        max_percent: Some(150),
    };
    for (rule, before, now, verdict) in [
        (Rule::ExpectedEmpty, 0, 0, "proven"),
        (Rule::ExpectedEmpty, 0, 1, "refuted"),
        (Rule::External, 40, 39, "not_applicable"),
        (Rule::External, 40, 0, "refuted"),
        (Rule::External, 0, 0, "not_applicable"),
        (band, 100, 90, "proven"),
        (band, 100, 89, "refuted"),
        (band, 100, 150, "proven"),
        (band, 100, 151, "refuted"),
        (
            Rule::Growing {
                min_percent: 100,
                max_percent: None,
            },
            100,
            u64::MAX,
            "proven",
        ),
    ] {
        assert_eq!(
            judge_count(&rule, before, now).verdict.as_str(),
            verdict,
            "{rule:?} {before} {now}"
        );
    }
}

#[test]
fn contents_without_row_evidence_are_never_proven_by_a_count() {
    let blocked = || Located::blocked("no rows kept");
    let before = fingerprint(100, 7);
    for (rule, now, verdict, part) in [
        (APPEND, fingerprint(100, 7), "proven", "100 rows unchanged"),
        (APPEND, fingerprint(101, 9), "not_proven", "no rows kept"),
        (APPEND, fingerprint(100, 9), "not_proven", "no rows kept"),
        (APPEND, fingerprint(99, 9), "refuted", "1 row missing"),
        (
            APPEND,
            fingerprint(111, 9),
            "refuted",
            "grew from 100 to 111 rows",
        ),
        (APPEND, fingerprint(0, 0), "refuted", "emptied"),
        (
            Rule::Frozen,
            fingerprint(100, 9),
            "refuted",
            "contents differ in points; the count is unchanged",
        ),
        (
            Rule::Frozen,
            fingerprint(101, 9),
            "refuted",
            "contents differ in points",
        ),
    ] {
        let judgement = judge_rows(&rule, &before, &now, &blocked());
        assert_eq!(
            judgement.verdict.as_str(),
            verdict,
            "{rule:?} {now:?}: {}",
            judgement.message
        );
        assert!(judgement.message.contains(part), "{}", judgement.message);
    }
}

#[test]
fn a_verdict_becomes_the_legacy_word() {
    for (verdict, criticality, status) in [
        (Verdict::Proven, Criticality::Critical, Status::Ok),
        (
            Verdict::refuted("x"),
            Criticality::Critical,
            Status::Critical,
        ),
        (Verdict::refuted("x"), Criticality::Warning, Status::Warning),
        (
            Verdict::not_proven("x"),
            Criticality::Critical,
            Status::Error,
        ),
        (
            Verdict::not_applicable("x"),
            Criticality::Warning,
            Status::Skip,
        ),
    ] {
        assert_eq!(Status::of(&verdict, criticality), status);
    }
    assert!(
        Status::Critical > Status::Error
            && Status::Error > Status::Warning
            && Status::Warning > Status::Skip
    );
}

#[test]
fn all_eight_legacy_names_are_there_whatever_was_reached() {
    let mut checks: BTreeMap<String, CheckRecord> = BTreeMap::new();
    super::legacy::add_aliases(&mut checks);
    assert_eq!(checks.len(), 7, "and the connection check itself");
    assert!(checks.values().all(|record| record.status != Status::Ok));
}

#[test]
fn a_row_is_told_on_one_line() {
    let mut row = RowDifference {
        kind: DifferenceKind::Changed,
        key: BTreeMap::from([("game_id".to_owned(), Some("401".to_owned()))]),
        columns: vec![ColumnDifference {
            column: "score".to_owned(),
            expected: None,
            actual: Some(String::new()),
        }],
        expected: None,
        actual: None,
        note: None,
    };
    assert_eq!(row_text(&row), "changed game_id=401: score NULL → ``");
    row.kind = DifferenceKind::Missing;
    row.columns.clear();
    row.expected = Some(BTreeMap::from([("text".to_owned(), Some("x".repeat(200)))]));
    assert!(
        row_text(&row).starts_with("missing game_id=401: text `xxx") && row_text(&row).len() < 120
    );
}
