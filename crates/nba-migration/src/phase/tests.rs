use super::*;

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::in_folder(folder.path());
    (folder, ledger)
}

fn prove(ledger: &Ledger, gate: &Gate) {
    for _ in 0..gate.in_a_row {
        let mut entry = Entry::new(gate.subjects[0], Verdict::Proven);
        if gate.subjects.contains(&"state capture") {
            entry = entry.figure("legacy_tree", "aa");
        }
        ledger.append(&entry).unwrap();
    }
}

fn of_phase(phase: usize) -> Vec<Gate> {
    gates()
        .into_iter()
        .filter(|gate| gate.phase == phase)
        .collect()
}

#[test]
fn every_gate_blocks_alone_and_all_of_them_let_pass() {
    for (index, missing) in of_phase(0).into_iter().enumerate() {
        let (_folder, ledger) = ledger();
        for (other, gate) in of_phase(0).into_iter().enumerate() {
            if other != index {
                prove(&ledger, &gate);
            }
        }
        let error = advance(&ledger, Profile::Safe, Utc::now()).unwrap_err();
        let PhaseError::Blocked { open, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(open.len(), 1, "{open:?}");
        assert!(
            open[0].starts_with(missing.id) && open[0].contains(missing.remedy),
            "{open:?}"
        );
        prove(&ledger, &missing);
        assert_eq!(advance(&ledger, Profile::Safe, Utc::now()).unwrap().0, 1);
    }
}

#[test]
fn six_phases_lead_to_the_end_and_the_fast_plan_leaves_no_gate_out() {
    let (_folder, slow) = ledger();
    for phase in 0..PHASES.len() {
        assert_eq!(
            Standing::read(&slow, Profile::Safe, Utc::now())
                .unwrap()
                .phase,
            phase
        );
        for gate in of_phase(phase) {
            prove(&slow, &gate);
        }
        advance(&slow, Profile::Safe, Utc::now()).unwrap();
    }
    assert!(matches!(
        advance(&slow, Profile::Safe, Utc::now()),
        Err(PhaseError::Done)
    ));

    let (_folder, fast) = ledger();
    let mut seen = 0;
    for _ in 0..3 {
        let standing = Standing::read(&fast, Profile::Fast, Utc::now()).unwrap();
        seen += standing.gates.len();
        for result in &standing.gates {
            prove(&fast, &result.gate);
        }
        advance(&fast, Profile::Fast, Utc::now()).unwrap();
    }
    assert_eq!(seen, gates().len());
    assert!(matches!(
        advance(&fast, Profile::Fast, Utc::now()),
        Err(PhaseError::Done)
    ));
}

#[test]
fn old_failed_and_foreign_evidence_is_none() {
    let (_folder, ledger) = ledger();
    for gate in of_phase(0) {
        prove(&ledger, &gate);
    }
    let judged = |now| -> BTreeMap<&'static str, Verdict> {
        let standing = Standing::read(&ledger, Profile::Safe, now).unwrap();
        standing
            .gates
            .into_iter()
            .map(|result| (result.gate.id, result.verdict))
            .collect()
    };
    let now = Utc::now();
    assert!(judged(now).values().all(Verdict::is_proven));
    let later = judged(now + Duration::hours(2));
    assert!(!later["0.monitor"].is_proven() && later["0.backup"].is_proven());
    assert!(later["0.monitor"].to_string().contains("hours old"));
    // A rehearsal expires too.
    assert!(!judged(now + Duration::days(40))["0.rehearsal"].is_proven());
    // The newest record decides, however many good ones came before.
    ledger
        .append(&Entry::new(
            "backup verify",
            Verdict::refuted("one row differs"),
        ))
        .unwrap();
    assert!(judged(now)["0.backup"].is_refuted());
    ledger
        .append(&Entry::new("backup verify", Verdict::not_proven("no room")))
        .unwrap();
    assert_eq!(judged(now)["0.backup"].exit_code(), 2);

    // F01: evidence from another database.
    let brief = |oid| {
        serde_json::from_value::<Brief>(serde_json::json!({
            "system_identifier": "1", "system_identifier_reason": null, "database": "nba_simulator", "database_oid": oid,
            "role": "r", "is_superuser": false, "server_addr": null, "server_port": null, "server_version_num": 150_000,
        }))
        .unwrap()
    };
    let mut baseline = Entry::new("baseline capture", Verdict::Proven);
    baseline.target = Some(brief(5));
    ledger.append(&baseline).unwrap();
    let mut backup = Entry::new("backup verify", Verdict::Proven);
    backup.target = Some(brief(6));
    ledger.append(&backup).unwrap();
    let verdict = judged(now)["0.backup"].clone();
    assert!(
        verdict.is_refuted() && verdict.to_string().contains("another database"),
        "{verdict}"
    );
}

#[test]
fn a_changed_legacy_tree_and_old_proofs_do_not_close_a_later_phase() {
    let (_folder, ledger) = ledger();
    // A remedy of phase 0 may still change what is found.
    ledger
        .append(
            &Entry::new("state capture", Verdict::refuted("a job"))
                .figure("legacy_tree", "before the remedy"),
        )
        .unwrap();
    for gate in of_phase(0) {
        prove(&ledger, &gate);
    }
    advance(&ledger, Profile::Safe, Utc::now()).unwrap();
    prove(&ledger, &of_phase(1)[0]);
    let judged = || -> BTreeMap<&'static str, Verdict> {
        let standing = Standing::read(&ledger, Profile::Safe, Utc::now()).unwrap();
        standing
            .gates
            .into_iter()
            .map(|result| (result.gate.id, result.verdict))
            .collect()
    };
    assert!(
        judged()["1.health"]
            .to_string()
            .contains("before this phase")
    );
    let capture = |tree: &str| {
        ledger
            .append(&Entry::new("state capture", Verdict::Proven).figure("legacy_tree", tree))
            .unwrap();
    };
    capture("bb");
    assert!(judged()["1.legacy"].is_refuted(), "a script was changed");
    capture("aa");
    assert!(judged()["1.legacy"].is_proven(), "and put back");
}

#[test]
fn a_waiver_is_written_owned_seen_for_ever_and_ends() {
    let (_folder, ledger) = ledger();
    let now = Utc::now();
    for gate in of_phase(0).into_iter().filter(|gate| gate.id != "0.tests") {
        prove(&ledger, &gate);
    }
    let until = now.date_naive() + Duration::days(10);
    for (gate, owner, reason, until) in [
        ("0.nosuch", "me", "why", until),
        ("0.tests", " ", "why", until),
        ("0.tests", "me", "", until),
        ("0.tests", "me", "why", now.date_naive() - Duration::days(1)),
        (
            "0.tests",
            "me",
            "why",
            now.date_naive() + Duration::days(400),
        ),
    ] {
        assert!(
            waive(&ledger, gate, owner, reason, until, now).is_err(),
            "{gate} {owner} {reason} {until}"
        );
    }
    waive(
        &ledger,
        "0.tests",
        "the data team",
        "no pytest on this machine",
        until,
        now,
    )
    .unwrap();
    let standing = Standing::read(&ledger, Profile::Safe, now).unwrap();
    assert_eq!(standing.open().count(), 0);
    assert_eq!(standing.verdict.exit_code(), 2, "a waiver is no proof");
    let expired = Standing::read(&ledger, Profile::Safe, now + Duration::days(11)).unwrap();
    assert!(expired.open().any(|result| result.gate.id == "0.tests"));
    advance(&ledger, Profile::Safe, now).unwrap();
    let later = Standing::read(&ledger, Profile::Safe, now).unwrap();
    assert_eq!((later.phase, later.waivers.len()), (1, 1), "shown for ever");
    let records = ledger.records().unwrap();
    assert_eq!(
        records.last().unwrap().entry.figures["waived"],
        serde_json::json!(["0.tests"])
    );
}

#[test]
fn data_loss_raises_an_alarm_and_stops_the_phase() {
    let (_folder, ledger) = ledger();
    for gate in of_phase(0) {
        prove(&ledger, &gate);
    }
    ledger
        .append(
            &Entry::new("health", Verdict::refuted("games: 10 rows are gone"))
                .figure("overall_status", "critical"),
        )
        .unwrap();
    let standing = Standing::read(&ledger, Profile::Safe, Utc::now()).unwrap();
    assert!(
        standing.alarms[0].contains("critical: games: 10 rows are gone"),
        "{:?}",
        standing.alarms
    );
    assert!(advance(&ledger, Profile::Safe, Utc::now()).is_err());
    // Nobody can waive an alarm away.
    let until = Utc::now().date_naive();
    waive(&ledger, "0.monitor", "me", "hurry", until, Utc::now()).unwrap();
    assert!(advance(&ledger, Profile::Safe, Utc::now()).is_err());
    fall_back(&ledger, 0, "data loss").unwrap();
    let standing = Standing::read(&ledger, Profile::Safe, Utc::now()).unwrap();
    assert_eq!(standing.phase, 0);
    assert!(
        standing.alarms.is_empty(),
        "what happened before is answered by having gone back"
    );

    let text = std::fs::read_to_string(ledger.path()).unwrap();
    std::fs::write(ledger.path(), text.replace("hurry", "worry")).unwrap();
    let standing = Standing::read(&ledger, Profile::Safe, Utc::now()).unwrap();
    assert!(
        standing.verdict.is_refuted()
            && standing
                .gates
                .iter()
                .all(|result| !result.verdict.is_proven())
    );
}

#[test]
fn gates_have_names_of_their_own_and_phases_that_exist() {
    let all = gates();
    for gate in &all {
        assert_eq!(
            all.iter().filter(|other| other.id == gate.id).count(),
            1,
            "{}",
            gate.id
        );
        assert!(gate.id.starts_with(&format!("{}.", gate.phase)) && gate.phase < PHASES.len());
        assert!(!gate.rows.is_empty() && gate.remedy.starts_with("nba "));
    }
}

fn dual_run(ledger: &Ledger, verdict: Verdict, legacy: f64, native: f64) {
    let entry = Entry::new(crate::switch::SHADOW_SUBJECT, verdict)
        .figure("capability", "etl.espn.pbp")
        .figure("legacy_seconds", legacy)
        .figure("native_seconds", native);
    ledger.append(&entry).unwrap();
}

#[test]
fn a_port_that_is_slower_than_allowed_is_refuted() {
    let (_folder, ledger) = ledger();
    let judged = |tolerance| speed(&ledger.records().unwrap(), tolerance).verdict;
    assert_eq!(judged(10).exit_code(), 2, "nothing was measured");
    for _ in 0..2 {
        dual_run(&ledger, Verdict::Proven, 2.0, 1.0);
    }
    // Neither a failed run nor one that measured one side only counts.
    dual_run(&ledger, Verdict::refuted("a row differs"), 2.0, 1.0);
    dual_run(&ledger, Verdict::Proven, 2.0, 0.0);
    assert!(judged(10).to_string().contains("2 of 3"), "{}", judged(10));
    dual_run(&ledger, Verdict::Proven, 2.0, 50.0);
    assert_eq!(judged(10), Verdict::Proven, "one slow run is no median");
    dual_run(&ledger, Verdict::Proven, 2.0, 2.5);
    dual_run(&ledger, Verdict::Proven, 2.0, 2.5);
    assert!(judged(10).is_refuted() && judged(25).is_proven());
    let report = speed(&ledger.records().unwrap(), 10);
    assert_eq!(
        (
            report.paces[0].legacy_seconds,
            report.paces[0].native_seconds
        ),
        (2.0, 2.5)
    );
    // What is recorded closes the gate, or keeps it open.
    ledger.append(&report.entry()).unwrap();
    let gate = of_phase(2).into_iter().find(|gate| gate.id == "2.speed");
    let gate = gate.unwrap();
    let gate_says = || {
        let records = ledger.records().unwrap();
        judge(&gate, &records, None, None, Utc::now()).0
    };
    assert!(gate_says().is_refuted());
    ledger
        .append(&speed(&ledger.records().unwrap(), 25).entry())
        .unwrap();
    assert!(gate_says().is_proven());
}

#[test]
fn a_watch_ends_only_after_its_last_day_and_with_no_day_unseen() {
    let (_folder, ledger) = ledger();
    let end = Entry::new(ADVANCE, Verdict::Proven)
        .figure("from", 5)
        .figure("to", PHASES.len());
    assert!(!watched(&[], 3, Utc::now()).verdict.is_proven());
    ledger.append(&end).unwrap();
    ledger
        .append(&Entry::new("health", Verdict::Proven))
        .unwrap();
    let records = ledger.records().unwrap();
    let (end, look) = (records[0].clone(), records[1].clone());
    let after = |days: i64| {
        let mut look = look.clone();
        look.time = end.time + Duration::days(days);
        look.sequence = u64::try_from(days).unwrap() + 1;
        look
    };
    let all = vec![end.clone(), after(1), after(2), after(3)];
    let now = end.time + Duration::days(4);
    assert_eq!(watched(&all, 3, now).verdict, Verdict::Proven);
    let early = watched(&all, 3, now - Duration::days(1));
    assert!(
        early.verdict.to_string().contains("2 of 3 days"),
        "{early:?}"
    );
    // A day nobody looked, a look that could not tell, and a loss.
    let gap = watched(&[end.clone(), after(1), after(3)], 3, now);
    assert_eq!((gap.missing.len(), gap.verdict.exit_code()), (1, 2));
    let mut unsure = all.clone();
    unsure[2].entry.verdict = Verdict::not_proven("no connection");
    assert_eq!(watched(&unsure, 3, now).verdict.exit_code(), 2);
    let mut lost = all.clone();
    let mut loss = after(2);
    loss.sequence = 9;
    loss.entry.verdict = Verdict::refuted("rows are gone");
    lost.push(loss);
    assert!(watched(&lost, 3, now).verdict.is_refuted());
    // Taken back: the watch has not begun.
    let mut back = all;
    let mut step = end;
    step.sequence = 10;
    step.entry = Entry::new(FALL_BACK, Verdict::refuted("why")).figure("to", 0);
    back.push(step);
    assert_eq!(watched(&back, 3, now).from, None);
}

#[test]
fn a_report_tells_what_was_refuted_and_how_it_was_mended() {
    let (_folder, ledger) = ledger();
    let add = |subject: &str, verdict: Verdict| {
        ledger.append(&Entry::new(subject, verdict)).unwrap();
    };
    add("health", Verdict::refuted("10 rows are gone"));
    add("health", Verdict::refuted("11 rows are gone"));
    add("health", Verdict::not_proven("no connection"));
    add("health", Verdict::Proven);
    add("backup verify", Verdict::refuted("a bit was turned"));
    fall_back(&ledger, 0, "data loss").unwrap();
    let until = Utc::now().date_naive();
    waive(&ledger, "0.tests", "me", "no pytest", until, Utc::now()).unwrap();
    let records = ledger.records().unwrap();
    let found = report(Verdict::Proven, &records, Utc::now());
    let told: Vec<(&str, Option<u64>)> = found
        .lessons
        .iter()
        .map(|lesson| (lesson.subject.as_str(), lesson.proven_again))
        .collect();
    assert_eq!(told, [("health", Some(4)), ("backup verify", None)]);
    let text = found.markdown();
    for words in [
        "10 rows are gone; proven again",
        "a bit was turned; open",
        "data loss",
        "no pytest",
        "`0.backup`",
    ] {
        assert!(text.contains(words), "`{words}` is missing in {text}");
    }
}
