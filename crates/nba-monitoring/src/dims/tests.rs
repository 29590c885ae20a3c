use nba_etl::runner::Environment;

use super::*;

const CONFIG: &str = "
verification:
  thresholds: { minor: 5, moderate: 15, major: 25 }
approval:
  critical_metrics: [a.far]
metrics:
  a:
    same: { command: 'echo 12', parse_type: integer }
    near: { command: 'echo 104', parse_type: integer }
    far: { command: 'echo 130', parse_type: integer }
    rounded: { command: 'echo 15.913', parse_type: float, precision: 2 }
    text: { command: 'echo synced', parse_type: string }
    new: { command: 'echo 3', parse_type: integer }
    off: { command: 'echo 3', parse_type: integer, enabled: false }
    masked: { command: 'no-such-program 2>/dev/null || echo 0', parse_type: integer }
    piped: { command: 'cat /nonexistent 2>/dev/null | wc -l', parse_type: integer }
    sentinel: { command: 'echo unavailable', parse_type: string }
    words: { command: 'echo many', parse_type: integer }
    empty: { command: 'true', parse_type: string }
    slow: { command: 'sleep 60', parse_type: integer }
";

const METRICS: &str = "
a:
  same: { value: 12 }
  near: { value: 100 }
  far: { value: 100 }
  rounded: { value: 15.91 }
  text: { value: synced }
  masked: { value: 0 }
  piped: { value: 0 }
  sentinel: { value: unavailable }
  words: { value: 1 }
  empty: { value: '' }
  slow: { value: 1 }
  forgotten: { value: 1 }
";

fn project(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inventory")).unwrap();
    std::fs::write(folder.path().join("inventory/config.yaml"), config).unwrap();
    std::fs::write(folder.path().join("inventory/metrics.yaml"), METRICS).unwrap();
    folder
}

#[test]
fn a_metric_that_cannot_be_measured_is_not_its_documented_zero() {
    let folder = project(CONFIG);
    let inventory = Inventory::load(folder.path()).unwrap();
    assert_eq!(inventory.undefined, ["a.forgotten"]);
    let mut environment = Environment::empty();
    environment.set("PATH", "/usr/local/bin:/usr/bin:/bin");
    let mut options = MeasureOptions::new(environment);
    options.deadline = std::time::Duration::from_secs(2);
    for (name, status, verdict) in [
        ("same", DimsStatus::Ok, "proven"),
        ("near", DimsStatus::Minor, "proven"),
        ("far", DimsStatus::Severe, "refuted"),
        ("rounded", DimsStatus::Ok, "proven"),
        ("text", DimsStatus::Ok, "proven"),
        ("new", DimsStatus::New, "not_proven"),
        ("off", DimsStatus::Disabled, "not_applicable"),
        // Each of these was once reported as what it is documented as (F24, F34).
        ("masked", DimsStatus::Error, "not_proven"),
        ("piped", DimsStatus::Error, "not_proven"),
        ("sentinel", DimsStatus::Error, "not_proven"),
        ("words", DimsStatus::Error, "not_proven"),
        ("empty", DimsStatus::Error, "not_proven"),
        ("slow", DimsStatus::Error, "not_proven"),
    ] {
        let metric = inventory
            .metrics
            .iter()
            .find(|metric| metric.id == format!("a.{name}"))
            .unwrap();
        let measured = metric
            .enabled
            .then(|| measure(metric, folder.path(), &options));
        let record = judge(metric, None, measured.as_ref(), &inventory.thresholds);
        assert_eq!(
            (record.status, record.verdict.as_str()),
            (status, verdict),
            "{name}: {record:?}"
        );
        assert_eq!(
            record.measured.is_none(),
            matches!(status, DimsStatus::Error | DimsStatus::Disabled),
            "{name}"
        );
        assert_eq!(record.needs_approval, name == "far", "{name}");
    }
    // Reading is all that was done.
    assert_eq!(
        std::fs::read_to_string(folder.path().join("inventory/metrics.yaml")).unwrap(),
        METRICS
    );
}

#[test]
fn the_three_thresholds_are_used() {
    let folder = project(CONFIG);
    let inventory = Inventory::load(folder.path()).unwrap();
    let metric = &inventory.metrics[1];
    for (value, status) in [
        ("100", DimsStatus::Ok),
        ("96", DimsStatus::Minor),
        ("106", DimsStatus::Moderate),
        ("80", DimsStatus::Major),
        ("130", DimsStatus::Severe),
        ("0", DimsStatus::Severe),
    ] {
        let record = judge(
            metric,
            None,
            Some(&Measured::Value(value.to_owned())),
            &inventory.thresholds,
        );
        assert_eq!(record.status, status, "{value}");
    }
}

#[test]
fn masks_come_off_wherever_they_stand() {
    for (masked, bare) in [
        ("a || echo 0", "a "),
        ("a || echo 'unavailable'", "a "),
        (
            "(a 2>/dev/null || echo 0) | wc -l",
            "(a 2>/dev/null ) | wc -l",
        ),
        ("a || true; b", "a ; b"),
        ("a || b", "a || b"),
        ("echo '|| echo'", "echo '|| echo'"),
    ] {
        assert_eq!(unmasked(masked), bare, "{masked}");
    }
}

#[test]
fn a_definition_that_is_not_understood_is_named_with_its_line() {
    for (text, expected) in [
        (
            "metrics:\n  a:\n    b: { parse_type: integer }\n",
            "line 3: metric `a.b` has no command",
        ),
        (
            "metrics:\n  a:\n    b: { command: x, parse_type: complex }\n",
            "unknown `parse_type` `complex`",
        ),
        (
            "verification:\n  thresholds:\n    minor: few\n",
            "line 3: the threshold `minor` is no number",
        ),
    ] {
        let folder = project(text);
        let error = Inventory::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(
        Inventory::load(empty.path()).is_err(),
        "a missing inventory is no empty one"
    );
}

fn options() -> MeasureOptions {
    let mut environment = Environment::empty();
    environment.set("PATH", "/usr/local/bin:/usr/bin:/bin");
    let mut options = MeasureOptions::new(environment);
    options.deadline = std::time::Duration::from_secs(20);
    options
}

fn metric<'a>(inventory: &'a Inventory, name: &str) -> &'a Metric {
    inventory
        .metrics
        .iter()
        .find(|metric| metric.id == format!("a.{name}"))
        .unwrap()
}

fn measured_run(folder: &std::path::Path, by: &str, names: &[&str]) -> MeasuredRun {
    let inventory = Inventory::load(folder).unwrap();
    let records = names
        .iter()
        .map(|name| {
            let metric = metric(&inventory, name);
            let measured = measure(metric, folder, &options());
            let record = judge(metric, None, Some(&measured), &inventory.thresholds);
            (metric.id.clone(), record)
        })
        .collect();
    MeasuredRun::new("run 1", by, chrono::Utc::now(), records)
}

#[test]
fn replay_f24_a_masked_failure_cannot_become_the_expected_value() {
    let folder = project(CONFIG);
    let run = measured_run(
        folder.path(),
        "cron",
        &["masked", "piped", "sentinel", "far"],
    );
    for name in ["masked", "piped", "sentinel"] {
        let error = run
            .approve(
                &format!("a.{name}"),
                "ann",
                "looks right",
                chrono::Utc::now(),
            )
            .unwrap_err();
        assert!(matches!(error, ApprovalError::NoValue { .. }), "{error}");
    }
    // The same question where the answer is yes.
    let waiting: Vec<_> = run.waiting().map(|(id, _)| id.as_str()).collect();
    assert_eq!(waiting, ["a.far"]);
    let approved = run
        .approve("a.far", "ann", "new season", chrono::Utc::now())
        .unwrap();
    assert_eq!(approved.value, "130");
}

#[test]
fn replay_f25_who_measured_cannot_set_the_expectation() {
    let folder = project(CONFIG);
    let run = measured_run(folder.path(), "Ann", &["far", "same"]);
    let now = chrono::Utc::now();
    assert!(matches!(
        run.approve("a.far", " ann ", "it is so", now),
        Err(ApprovalError::SameActor { .. })
    ));
    assert!(matches!(
        measured_run(folder.path(), NOBODY, &["far"]).approve("a.far", "bob", "it is so", now),
        Err(ApprovalError::NobodyMeasured { .. })
    ));
    assert!(matches!(
        run.approve("a.same", "bob", "it is so", now),
        Err(ApprovalError::AsExpected { .. })
    ));
    assert!(matches!(
        run.approve("a.near", "bob", "it is so", now),
        Err(ApprovalError::NotInRun { .. })
    ));
    let approved = run.approve("a.far", "bob", "new season", now).unwrap();
    // It counts for a later run, and only as long as the inventory says what it said.
    let inventory = Inventory::load(folder.path()).unwrap();
    let far = metric(&inventory, "far");
    let later = |value: &str| {
        judge(
            far,
            Some(&approved),
            Some(&Measured::Value(value.to_owned())),
            &inventory.thresholds,
        )
    };
    assert_eq!(later("130").status, DimsStatus::Ok);
    assert_eq!(
        later("100").status,
        DimsStatus::Major,
        "the documented value is not expected any more"
    );
    assert!(approved.holds(far.documented.as_deref()));
    assert!(!approved.holds(Some("101")) && !approved.holds(None));
}

#[test]
fn replay_f34_a_metric_has_to_prove_that_it_can_fail() {
    let folder = project(CONFIG);
    let inventory = Inventory::load(folder.path()).unwrap();
    // Masked, and never measured correctly since it was introduced; the legacy word was `ok`.
    let masked = metric(&inventory, "masked");
    let said = LegacyReading {
        status: "ok".to_owned(),
        value: "0".to_owned(),
    };
    let measured = measure(masked, folder.path(), &options());
    let record = parity::judge(masked, &measured, Ok(said), &measured, true);
    assert_eq!(record.verdict.as_str(), "not_proven");
    assert!(
        record.verdict.reasons()[0].contains("turns a failure into that"),
        "{record:?}"
    );
    assert_eq!(record.native, None, "no number stands for a failure");
}

#[test]
fn both_programs_on_one_metric() {
    let folder = project(CONFIG);
    let inventory = Inventory::load(folder.path()).unwrap();
    let same = metric(&inventory, "same");
    let value = |text: &str| Measured::Value(text.to_owned());
    let said = |text: &str| {
        Ok(LegacyReading {
            status: "ok".to_owned(),
            value: text.to_owned(),
        })
    };
    for (what, before, legacy, after, expected) in [
        ("the same", value("12"), said("12"), value("12"), "proven"),
        ("another", value("12"), said("13"), value("12"), "refuted"),
        (
            "it grew meanwhile",
            value("12"),
            said("13"),
            value("13"),
            "proven",
        ),
        (
            "it runs away",
            value("12"),
            said("13"),
            value("14"),
            "not_proven",
        ),
        (
            "no number",
            value("12"),
            said("many"),
            value("12"),
            "not_proven",
        ),
        (
            "ended badly",
            value("12"),
            Err("it ended with 2".to_owned()),
            value("12"),
            "not_proven",
        ),
    ] {
        let record = parity::judge(same, &before, legacy, &after, false);
        assert_eq!(record.verdict.as_str(), expected, "{what}: {record:?}");
    }
    // The program is not there: nothing is known, which is no agreement.
    assert_eq!(
        compare(same, folder.path(), &options()).verdict.as_str(),
        "not_proven"
    );
}

#[test]
fn what_the_legacy_program_prints_is_read_in_both_forms() {
    let block = "\n=====\nMETRIC: a.same\nDocumented Value: 12\nActual Value:     13\nDrift:            1\nDrift %:          8.3%\nStatus:           MODERATE\n";
    let reading = parse_legacy("a.same", block).unwrap();
    assert_eq!(
        (reading.status.as_str(), reading.value.as_str()),
        ("moderate", "13")
    );
    let line = "a.same2: ok (1)\na.same: major (a (b))\nok=0 major=1\n";
    let reading = parse_legacy("a.same", line).unwrap();
    assert_eq!(
        (reading.status.as_str(), reading.value.as_str()),
        ("major", "a (b)")
    );
    assert_eq!(parse_legacy("a.same", "usage: dims_cli.py"), None);
}

#[test]
fn severities_are_used() {
    for (status, volatile, expected) in [
        (DimsStatus::Ok, false, Weight::None),
        (DimsStatus::Minor, true, Weight::Low),
        (DimsStatus::Minor, false, Weight::Medium),
        (DimsStatus::Moderate, true, Weight::Medium),
        (DimsStatus::Moderate, false, Weight::High),
        (DimsStatus::Major, true, Weight::High),
        (DimsStatus::Major, false, Weight::Critical),
        (DimsStatus::Severe, true, Weight::Critical),
        (DimsStatus::Error, true, Weight::High),
    ] {
        assert_eq!(
            Weight::of(status, volatile),
            expected,
            "{status:?} {volatile}"
        );
    }
}

#[test]
fn the_thresholds_are_read_under_both_names() {
    let folder = project(&CONFIG.replace(
        "{ minor: 5, moderate: 15, major: 25 }",
        "{ minor_drift_pct: 1, moderate_drift_pct: 2, major_drift_pct: 3 }",
    ));
    let thresholds = Inventory::load(folder.path()).unwrap().thresholds;
    assert_eq!(
        (thresholds.minor, thresholds.moderate, thresholds.major),
        (1.0, 2.0, 3.0)
    );
}

#[test]
fn hooks_that_cannot_work_are_named() {
    let events = "
events:
  hooks:
    - { name: first, trigger: scraper_complete, metrics: ['a.same', 'a.n*'] }
    - { name: second, trigger: scraper_complete, metrics: ['a.*'] }
    - { name: lost, trigger: s3_event, metrics: ['b.*'] }
    - { name: never, trigger: cron, metrics: ['a.same'] }
    - { name: nightly, trigger: cron, schedule: '0 9 * * *', metrics: ['a.same'] }
";
    let folder = project(&format!("{CONFIG}{events}"));
    let hooks = inspect_hooks(&Inventory::load(folder.path()).unwrap());
    let said: Vec<(&str, String)> = hooks
        .iter()
        .map(|hook| (hook.name.as_str(), hook.verdict.reasons().join("; ")))
        .collect();
    assert_eq!(said[0], ("first", String::new()));
    assert_eq!(hooks[0].metrics, ["a.same", "a.near", "a.new"]);
    assert!(said[1].1.contains("never gets to this one"), "{said:?}");
    assert!(said[2].1.contains("no metric is called `b.*`"), "{said:?}");
    assert!(said[3].1.contains("no `schedule`"), "{said:?}");
    assert_eq!(said[4], ("nightly", String::new()));
}
