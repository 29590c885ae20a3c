use super::*;
use crate::runner::{Cancel, Environment, Script, run};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn ran(text: &str, dir: &Path) -> RunReport {
    let script = Script::new(
        "sh",
        ["-c", text],
        dir,
        Environment::allowed([("PATH", PATH)]),
    );
    run(&script, &Cancel::new(), None).unwrap()
}

fn expect(text: &str) -> Expectation {
    text.parse().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// The verdict of a shell script in a folder.
fn verdict(text: &str, dir: &Path, expectations: &[&str], volume: Option<u64>) -> Verdict {
    let expectations: Vec<Expectation> = expectations.iter().map(|text| expect(text)).collect();
    let sources = Sources {
        db: None,
        lake: None,
        folder: dir,
    };
    let measure = || -> Vec<Measure> {
        expectations
            .iter()
            .map(|expectation| block_on(expectation.measure(&sources)))
            .collect()
    };
    let before = measure();
    let mut report = ran(text, dir);
    let after = measure();
    let effects: Vec<EffectReport> = expectations
        .iter()
        .zip(before.iter().zip(&after))
        .map(|(expectation, (before, after))| judge(expectation, before, after, volume, &report))
        .collect();
    let effect = conclude(&expectations, &effects, &report);
    report.judge(effect);
    report.verdict
}

#[test]
fn files_that_came_or_changed_are_an_effect_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let v = |text: &str| verdict(text, dir.path(), &["files:data"], None);
    assert!(v("exit 0").is_refuted());
    assert!(v("mkdir -p data && echo 1 > data/1.json").is_proven());
    assert!(v("true").is_refuted(), "what was there before is no effect");
    assert!(v("sleep 0.02; echo 22 > data/1.json").is_proven());
    assert!(
        v("rm data/1.json; echo 1 > data/2.json").is_refuted(),
        "something is gone"
    );
    // An effect of a script that failed is no proof.
    assert_eq!(v("echo 1 > data/3.json; exit 3").as_str(), "not_proven");
}

#[test]
fn the_schedule_says_how_much_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let v = |text: &str, volume| verdict(text, dir.path(), &["files:d"], Some(volume));
    assert!(v("mkdir d; touch d/1 d/2", 3).is_refuted());
    assert!(v("touch d/3 d/4 d/5", 3).is_proven());
    // A day without games: nothing was to come, and nothing came.
    assert!(v("true", 0).is_proven());
    // A number of its own is stronger than the schedule.
    assert!(verdict("touch d/6", dir.path(), &["files:d>=2"], Some(1)).is_refuted());
}

#[test]
fn what_a_script_says_can_refute_and_never_prove() {
    let dir = tempfile::tempdir().unwrap();
    let v = |text: &str, expectations: &[&str]| verdict(text, dir.path(), expectations, None);
    assert_eq!(
        v("echo Plays inserted: 12", &["counter:Plays inserted>=1"]).as_str(),
        "not_proven"
    );
    assert!(v("echo Plays inserted: 0", &["counter:plays inserted>=1"]).is_refuted());
    assert!(
        v(
            "echo Errors: 3; echo x > f",
            &["files:.", "counter:errors<=0"]
        )
        .is_refuted()
    );
    assert!(
        v(
            "echo Errors: 0; echo y > g",
            &["files:.", "counter:errors<=0"]
        )
        .is_proven()
    );
    assert_eq!(
        v("echo z > h", &["files:.", "counter:errors<=0"]).as_str(),
        "not_proven"
    );
    assert_eq!(v("true", &[]).as_str(), "not_proven");
}

#[test]
fn a_script_may_report_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let v = |text: &str| {
        verdict(
            text,
            dir.path(),
            &["files:out", "counter:rows loaded>=5"],
            None,
        )
    };
    let good = r#"mkdir -p out; echo a > out/1; echo '{"type":"counter","name":"rows loaded","value":7}' >> "$NBA_MESSAGES""#;
    assert!(v(good).is_proven());
    let failed = r#"echo b > out/2; echo rows loaded: 9; echo '{"type":"result","ok":false,"reason":"403"}' >> "$NBA_MESSAGES""#;
    assert_eq!(
        v(failed),
        Verdict::refuted("the script reports that it failed: 403")
    );
    let report = ran("echo nonsense > $NBA_MESSAGES", dir.path());
    assert_eq!(report.messages.problems.len(), 1);
    let report = ran("mkfifo $NBA_MESSAGES", dir.path());
    assert_eq!(
        report.messages.problems,
        ["the messages are no regular file"]
    );
    let report = ran(
        "yes '{\"type\":\"log\",\"text\":\"a\"}' | head -c 3000000 > $NBA_MESSAGES",
        dir.path(),
    );
    assert!(report.messages.log.len() <= 100);
    assert!(
        report.messages.problems[0].contains("left out"),
        "{:?}",
        report.messages.problems
    );
}

#[test]
fn what_cannot_be_measured_is_not_proven() {
    let dir = tempfile::tempdir().unwrap();
    for text in [
        "rows:public.games",
        "objects:espn_schedules/",
        "query:select 1",
    ] {
        assert_eq!(
            verdict("true", dir.path(), &[text], None).as_str(),
            "not_proven",
            "{text}"
        );
    }
}

#[test]
fn expectations_are_read_or_explained() {
    for wrong in [
        "games",
        "rows:",
        "rows:games<=3",
        "rows:games>3",
        "rows:a>=x",
        "counter:errors",
        "birds:x",
    ] {
        assert!(wrong.parse::<Expectation>().is_err(), "{wrong}");
    }
    let query = expect("query:select count(*) from games where a >= 1");
    assert!(matches!(query.what, What::Query { ref sql } if sql.ends_with("a >= 1")));
}
