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
        let record = judge(metric, measured.as_ref(), &inventory.thresholds);
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
