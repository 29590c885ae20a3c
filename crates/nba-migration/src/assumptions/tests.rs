use super::*;

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::in_folder(folder.path());
    (folder, ledger)
}

fn judged(ledger: &Ledger, now: DateTime<Utc>) -> Register {
    register(ledger, now).unwrap()
}

#[test]
fn each_assumption_falls_with_its_evidence_and_all_stand_together() {
    for (index, (id, _, evidence, _)) in OF_THE_PLAN.into_iter().enumerate() {
        let (_folder, ledger) = ledger();
        for (other, (_, _, subject, _)) in OF_THE_PLAN.into_iter().enumerate() {
            if other != index {
                ledger
                    .append(&Entry::new(subject, Verdict::Proven))
                    .unwrap();
            }
        }
        let now = Utc::now();
        let open = judged(&ledger, now);
        assert!(open.verdict.to_string().contains(id), "{open:?}");
        assert_eq!(open.verdict.exit_code(), 2);
        ledger
            .append(&Entry::new(evidence, Verdict::refuted("it is not so")))
            .unwrap();
        assert!(judged(&ledger, now).verdict.is_refuted());
        ledger
            .append(&Entry::new(evidence, Verdict::Proven))
            .unwrap();
        assert!(judged(&ledger, now).verdict.is_proven());
        let later = judged(&ledger, now + Duration::days(8));
        assert!(later.verdict.to_string().contains("days old"), "{later:?}");
    }
}

#[test]
fn an_assumption_of_ours_is_owned_rests_on_records_and_ends() {
    let (_folder, ledger) = ledger();
    let now = Utc::now();
    let until = now.date_naive() + Duration::days(10);
    let add = |id: &str, evidence: &str, owner: &str, until| {
        super::add(&ledger, id, "a statement", evidence, owner, until, now)
    };
    ledger
        .append(&Entry::new("check", Verdict::Proven))
        .unwrap();
    assert!(add("", "check", "me", until).is_err());
    assert!(add("mine", "check", " ", until).is_err());
    assert!(add("mine", "check", "me", until - Duration::days(20)).is_err());
    assert!(add("mine", "check", "me", until + Duration::days(400)).is_err());
    assert!(add("jobs", "check", "me", until).is_err());
    assert!(matches!(
        add("mine", "wishes", "me", until),
        Err(AssumptionError::NoEvidence(_))
    ));
    add("mine", "check", "me", until).unwrap();
    assert!(add("yours", "assumption", "me", until).is_err());
    let one = |now| {
        let found = judged(&ledger, now).assumptions;
        found
            .into_iter()
            .find(|one| one.assumption.id == "mine")
            .unwrap()
    };
    assert!(one(now).verdict.is_proven());
    assert!(
        one(now + Duration::days(11))
            .verdict
            .to_string()
            .contains("me has to say again")
    );
    add("mine", "check", "you", until).unwrap();
    assert_eq!(one(now).assumption.owner, "you");
    assert_eq!(
        judged(&ledger, now).assumptions.len(),
        OF_THE_PLAN.len() + 1
    );

    let text = std::fs::read_to_string(ledger.path()).unwrap();
    std::fs::write(ledger.path(), text.replace("\"you\"", "\"him\"")).unwrap();
    assert!(
        judged(&ledger, now)
            .assumptions
            .iter()
            .all(|one| !one.verdict.is_proven())
    );
}

#[test]
fn what_was_not_looked_at_is_taken_for_live() {
    let (_folder, ledger) = ledger();
    let class = || judged(&ledger, Utc::now()).environment;
    assert_eq!(class(), Environment::Unknown);
    let state = |jobs: u64| {
        Entry::new("state capture", Verdict::Proven)
            .figure("jobs", jobs)
            .figure("processes", 0)
    };
    let baseline = |rows: u64| Entry::new("baseline capture", Verdict::Proven).figure("rows", rows);
    ledger.append(&state(0)).unwrap();
    assert_eq!(class(), Environment::Unknown);
    ledger.append(&baseline(100)).unwrap();
    assert_eq!(class(), Environment::Development);
    ledger.append(&baseline(20_003_545)).unwrap();
    assert_eq!(class(), Environment::Live);
    ledger.append(&baseline(100)).unwrap();
    ledger.append(&state(1)).unwrap();
    assert_eq!(class(), Environment::Live);
}
