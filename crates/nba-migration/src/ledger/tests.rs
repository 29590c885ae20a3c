use std::fs;

use nba_utils::Verdict;
use proptest::prelude::*;

use super::*;

fn ledger_of(records: usize) -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::in_folder(folder.path().join(".nba"));
    for n in 1..=records {
        let entry = Entry::new(
            format!("check {n}"),
            Verdict::refuted("a\nreason \"quoted\""),
        )
        .figure("rows", n);
        assert_eq!(
            ledger.append(&entry).unwrap().sequence,
            u64::try_from(n).unwrap()
        );
    }
    (folder, ledger)
}

fn lines(ledger: &Ledger) -> Vec<String> {
    fs::read_to_string(ledger.path())
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn rewrite(ledger: &Ledger, lines: &[String]) {
    fs::write(
        ledger.path(),
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    )
    .unwrap();
}

fn kinds(ledger: &Ledger) -> Vec<FindingKind> {
    ledger
        .verify()
        .unwrap()
        .findings
        .iter()
        .map(|finding| finding.kind)
        .collect()
}

#[test]
fn a_whole_ledger_is_proven() {
    let (_folder, ledger) = ledger_of(5);
    let verification = ledger.verify().unwrap();
    assert!(
        verification.verdict.is_proven(),
        "{:?}",
        verification.verdict
    );
    assert_eq!(verification.records, 5);
    let records = ledger.records().unwrap();
    assert_eq!(records[4].entry.subject, "check 5");
    assert_eq!(records[0].tool, concat!("nba ", env!("CARGO_PKG_VERSION")));
    let anchor = verification.head.unwrap().hash;
    assert!(ledger.verify_against(anchor).unwrap().verdict.is_proven());
    assert!(
        ledger
            .verify_against(Digest::of(b"other"))
            .unwrap()
            .verdict
            .is_refuted()
    );
}

#[test]
fn an_absent_ledger_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        Ledger::in_folder(folder.path())
            .verify()
            .unwrap()
            .verdict
            .exit_code(),
        2
    );
}

#[test]
fn each_kind_of_tampering_has_its_finding() {
    type Change = fn(&mut Vec<String>);
    let changes: [(Change, &[FindingKind]); 8] = [
        (
            |lines| lines[1] = lines[1].replace("check 2", "check 9"),
            &[FindingKind::Edited],
        ),
        (|lines| drop(lines.remove(2)), &[FindingKind::Missing]),
        (|lines| drop(lines.remove(0)), &[FindingKind::Missing]),
        (
            |lines| lines.swap(1, 2),
            &[
                FindingKind::Missing,
                FindingKind::Reordered,
                FindingKind::Missing,
            ],
        ),
        (
            |lines| lines.insert(3, lines[2].clone()),
            &[FindingKind::Reordered],
        ),
        (|lines| drop(lines.pop()), &[FindingKind::CutOff]),
        (
            |lines| lines[2].truncate(40),
            &[FindingKind::Unreadable, FindingKind::Missing],
        ),
        (
            |lines| lines[2] = lines[2].replacen("{\"hash\"", "{ \"hash\"", 1),
            &[FindingKind::Unreadable, FindingKind::Missing],
        ),
    ];
    for (index, (change, expected)) in changes.iter().enumerate() {
        let (_folder, ledger) = ledger_of(5);
        let mut changed = lines(&ledger);
        change(&mut changed);
        rewrite(&ledger, &changed);
        assert_eq!(kinds(&ledger), *expected, "change {index}");
        assert_eq!(ledger.verify().unwrap().verdict.exit_code(), 1);
    }
}

#[test]
fn a_record_with_a_fresh_hash_still_breaks_the_chain() {
    let (_folder, ledger) = ledger_of(3);
    let mut changed = lines(&ledger);
    let record: Record = ledger.records().unwrap()[1].clone();
    let forged = Record {
        entry: Entry::new("forged", Verdict::Proven),
        ..record
    };
    let text = serde_json::to_string(&forged).unwrap();
    changed[1] = format!(
        "{{\"hash\":\"{}\",\"record\":{text}}}",
        Digest::of(text.as_bytes())
    );
    rewrite(&ledger, &changed);
    assert_eq!(kinds(&ledger), [FindingKind::Replaced]);
}

#[test]
fn a_lost_head_is_a_finding() {
    let (_folder, ledger) = ledger_of(3);
    fs::remove_file(ledger.head_path()).unwrap();
    assert_eq!(kinds(&ledger), [FindingKind::NoHead]);
    assert!(matches!(
        ledger.append(&Entry::new("x", Verdict::Proven)),
        Err(LedgerError::Damaged { .. })
    ));
}

#[test]
fn an_unfinished_line_is_set_aside_and_said() {
    let (folder, ledger) = ledger_of(2);
    let whole = fs::read_to_string(ledger.path()).unwrap();
    fs::write(ledger.path(), format!("{whole}{{\"hash\":\"12")).unwrap();
    let verification = ledger.verify().unwrap();
    assert!(verification.verdict.is_proven() && verification.unfinished_bytes == 11);
    let receipt = ledger
        .append(&Entry::new("after", Verdict::Proven))
        .unwrap();
    let recovery = receipt.recovery.unwrap();
    assert_eq!((receipt.sequence, recovery.bytes), (3, 11));
    assert_eq!(
        fs::read_to_string(folder.path().join(".nba").join(recovery.moved_to)).unwrap(),
        "{\"hash\":\"12"
    );
    assert!(ledger.verify().unwrap().verdict.is_proven());
    assert!(ledger.records().unwrap()[2].recovery.is_some());
}

#[test]
fn a_record_that_was_acknowledged_is_never_taken_for_unfinished() {
    let (_folder, ledger) = ledger_of(3);
    let text = fs::read_to_string(ledger.path()).unwrap();
    fs::write(ledger.path(), &text[..text.len() - 10]).unwrap();
    assert_eq!(kinds(&ledger), [FindingKind::CutOff]);
    assert!(matches!(
        ledger.append(&Entry::new("x", Verdict::Proven)),
        Err(LedgerError::Damaged { .. })
    ));
}

#[test]
fn a_crash_between_line_and_head_loses_nothing() {
    let (_folder, ledger) = ledger_of(2);
    let head = fs::read(ledger.head_path()).unwrap();
    ledger
        .append(&Entry::new("third", Verdict::Proven))
        .unwrap();
    fs::write(ledger.head_path(), head).unwrap();
    assert!(ledger.verify().unwrap().verdict.is_proven());
    assert_eq!(
        ledger
            .append(&Entry::new("fourth", Verdict::Proven))
            .unwrap()
            .sequence,
        4
    );
    assert!(ledger.verify().unwrap().verdict.is_proven());
}

#[test]
fn writers_take_turns() {
    let (_folder, ledger) = ledger_of(0);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let ledger = &ledger;
            scope.spawn(move || {
                for n in 0..25 {
                    ledger
                        .append(&Entry::new(format!("{writer}/{n}"), Verdict::Proven))
                        .unwrap();
                }
            });
        }
    });
    let verification = ledger.verify().unwrap();
    assert!(
        verification.verdict.is_proven() && verification.records == 100,
        "{verification:?}"
    );
}

#[test]
fn long_records_are_found_from_the_end() {
    let (_folder, ledger) = ledger_of(1);
    ledger
        .append(&Entry::new("long", Verdict::Proven).figure("text", "x".repeat(300_000)))
        .unwrap();
    assert_eq!(
        ledger
            .append(&Entry::new("next", Verdict::Proven))
            .unwrap()
            .sequence,
        3
    );
    assert!(ledger.verify().unwrap().verdict.is_proven());
}

#[test]
fn a_ledger_that_was_rewritten_as_a_whole_does_not_fit_its_signature() {
    let (folder, ledger) = ledger_of(3);
    let key = SigningKey::generate(&folder.path().join("key")).unwrap();
    assert!(
        SigningKey::generate(&folder.path().join("key")).is_err(),
        "no key is overwritten"
    );
    let unsigned = ledger.verify_signature(&key.public()).unwrap();
    assert_eq!(unsigned.verdict.exit_code(), 2);
    ledger.sign(&key).unwrap();
    ledger
        .append(&Entry::new("later", Verdict::Proven))
        .unwrap();
    let signed = ledger.verify_signature(&key.public()).unwrap();
    assert_eq!(
        (signed.verdict, signed.covered, signed.uncovered),
        (Verdict::Proven, 3, 1)
    );

    // The whole story told anew, chain and head and all, with the old signature copied in.
    let signature = ledger.records().unwrap()[3].entry.clone();
    let (_other, rewritten) = ledger_of(2);
    rewritten
        .append(&Entry::new("check 3", Verdict::Proven))
        .unwrap();
    rewritten.append(&signature).unwrap();
    assert!(
        rewritten.verify().unwrap().verdict.is_proven(),
        "the chain alone cannot tell"
    );
    assert!(
        rewritten
            .verify_signature(&key.public())
            .unwrap()
            .verdict
            .is_refuted()
    );
    // By another key, it is not signed at all.
    let other = SigningKey::generate(&folder.path().join("other")).unwrap();
    rewritten.sign(&other).unwrap();
    assert!(
        !rewritten
            .verify_signature(&key.public())
            .unwrap()
            .verdict
            .is_proven()
    );
    fs::write(folder.path().join("bad"), "no key").unwrap();
    assert!(SigningKey::read(&folder.path().join("bad")).is_err());
}

/// Who can rewrite both files can shorten the ledger so that it holds by itself; a head that was noted elsewhere, or a signature, tells.
#[test]
fn records_cut_off_with_a_head_made_to_fit_are_missed_by_anchor_and_signature() {
    for records in 2..7 {
        for kept in 0..records {
            let (folder, ledger) = ledger_of(records);
            let anchor = ledger.verify().unwrap().head.unwrap().hash;
            let key = SigningKey::generate(&folder.path().join("key")).unwrap();
            ledger.sign(&key).unwrap();
            rewrite(&ledger, &lines(&ledger)[..kept]);
            match ledger.records().unwrap().last() {
                Some(last) => {
                    let line: serde_json::Value =
                        serde_json::from_str(&lines(&ledger)[kept - 1]).unwrap();
                    let head = serde_json::json!({"sequence": last.sequence, "hash": line["hash"]});
                    fs::write(ledger.head_path(), head.to_string()).unwrap();
                    let alone = ledger.verify().unwrap().verdict;
                    assert!(alone.is_proven(), "made to fit: {alone}");
                }
                None => fs::remove_file(ledger.head_path()).unwrap(),
            }
            let against = ledger.verify_against(anchor).unwrap().verdict;
            assert!(!against.is_proven(), "{kept} of {records}: {against}");
            let signed = ledger.verify_signature(&key.public()).unwrap().verdict;
            assert!(!signed.is_proven(), "{kept} of {records}: {signed}");
        }
    }
}

#[derive(Debug, Clone)]
enum Tamper {
    Flip(prop::sample::Index, u8),
    Delete(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index),
}

fn tamper() -> impl Strategy<Value = Tamper> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), 1..=255_u8).prop_map(|(at, mask)| Tamper::Flip(at, mask)),
        index().prop_map(Tamper::Delete),
        (index(), index()).prop_map(|(a, b)| Tamper::Swap(a, b)),
        (index(), index()).prop_map(|(a, b)| Tamper::Repeat(a, b)),
        index().prop_map(Tamper::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_change_goes_unseen(records in 1_usize..6, tamper in tamper()) {
        let (_folder, ledger) = ledger_of(records);
        let before = fs::read(ledger.path()).unwrap();
        let mut text = lines(&ledger);
        match &tamper {
            Tamper::Flip(at, mask) => {
                let mut bytes = before.clone();
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
                fs::write(ledger.path(), bytes).unwrap();
            }
            Tamper::Cut(at) => fs::write(ledger.path(), &before[..at.index(before.len())]).unwrap(),
            Tamper::Delete(at) => {
                text.remove(at.index(records));
                rewrite(&ledger, &text);
            }
            Tamper::Swap(a, b) => {
                text.swap(a.index(records), b.index(records));
                rewrite(&ledger, &text);
            }
            Tamper::Repeat(from, to) => {
                let line = text[from.index(records)].clone();
                text.insert(to.index(records + 1), line);
                rewrite(&ledger, &text);
            }
        }
        let changed = fs::read(ledger.path()).unwrap() != before;
        prop_assert_eq!(ledger.verify().unwrap().verdict.is_proven(), !changed, "{:?}", tamper);
    }
}
