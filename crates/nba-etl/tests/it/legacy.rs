//! Scripts of a legacy checkout, run as they would be in production.

use std::time::Duration;

use nba_etl::runner::{Cancel, Ending, Environment, RunReport, Script, run};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_utils::Verdict;

#[expect(
    clippy::disallowed_methods,
    reason = "the scripts need the python3 this test run was started with"
)]
pub(crate) fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn checkout(dir: &std::path::Path) -> (LegacyCheckout, LegacyOptions) {
    let mut options = LegacyOptions::default();
    options.target.host = dir.join("nobody").display().to_string();
    options.lake = Some(dir.join("lake"));
    (LegacyCheckout::build(dir, &options).unwrap(), options)
}

fn script(checkout: &LegacyCheckout, program: &str, path: &str, arguments: &[&str]) -> Script {
    let mut environment = Environment::allowed([("PATH", search_path())]);
    for (name, value) in checkout.environment() {
        environment.set(&name, value);
    }
    let arguments = std::iter::once(path).chain(arguments.iter().copied());
    let mut script = Script::new(program, arguments, checkout.project(), environment);
    script.deadline = Duration::from_secs(60);
    script.grace = Duration::from_millis(500);
    script
}

#[test]
fn a_loader_that_did_nothing_and_says_so_with_status_0_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (checkout, options) = checkout(dir.path());
    let loader = script(
        &checkout,
        "python3",
        "scripts/etl/extract_pbp_local.py",
        &["--year", "2024"],
    );
    let report = run(&loader, &Cancel::new(), None).unwrap();
    assert_eq!(report.ending, Ending::Exited(0));
    assert!(matches!(report.verdict, Verdict::NotProven { .. }));

    let counted = |report: &RunReport| {
        if report.stdout.text.contains("Plays inserted: 0\n") {
            Verdict::refuted("no play was inserted")
        } else {
            Verdict::not_proven("its counter is missing")
        }
    };
    let report = run(&loader, &Cancel::new(), Some(&counted)).unwrap();
    assert_eq!(report.verdict, Verdict::refuted("no play was inserted"));
    assert!(!format!("{report:?}").contains(&options.target.password));
}

#[test]
fn a_password_that_a_script_prints_does_not_reach_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let (checkout, options) = checkout(dir.path());
    let wrapper = script(&checkout, "bash", "scripts/etl/run_etl_all_years.sh", &[]);
    let report = run(&wrapper, &Cancel::new(), None).unwrap();
    assert_eq!(report.ending, Ending::Exited(127));
    assert!(report.stderr.text.contains("DB_PASSWORD="), "{report:?}");
    assert!(!format!("{report:?}").contains(&options.target.password));
}

#[test]
fn a_launcher_and_its_agent_and_its_worker_are_ended_together() {
    let dir = tempfile::tempdir().unwrap();
    let (checkout, _) = checkout(dir.path());
    let launcher = script(
        &checkout,
        "bash",
        "scripts/etl/deploy_phase_9_2_hoopr_agent.sh",
        &["start"],
    );
    let report = run(&launcher, &Cancel::new(), None).unwrap();
    assert_eq!(report.ending, Ending::Exited(0));
    assert!(!report.survivors.is_empty(), "{report:?}");
    for survivor in &report.survivors {
        let line = std::fs::read(format!("/proc/{}/cmdline", survivor.pid)).unwrap_or_default();
        assert!(line.is_empty(), "{survivor:?} is alive");
    }
}

#[test]
fn a_question_ends_the_script_instead_of_hanging_it() {
    let dir = tempfile::tempdir().unwrap();
    let (checkout, _) = checkout(dir.path());
    let asking = script(&checkout, "bash", "scripts/etl/run_espn_scraper.sh", &[]);
    let report = run(&asking, &Cancel::new(), None).unwrap();
    assert_eq!(report.ending, Ending::Exited(1));
}
