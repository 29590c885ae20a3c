use super::*;

/// Runs a script that prints what pytest would.
fn suite(lines: &str, status: i32) -> TestResults {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("out"), lines).unwrap();
    let command = [
        "sh".to_owned(),
        "-c".to_owned(),
        format!("cat out; exit {status}"),
    ];
    let mut environment = Environment::empty();
    environment.set("PATH", "/usr/bin:/bin");
    measure(dir.path(), &command, environment, Duration::from_secs(60)).unwrap()
}

const BEFORE: &str = "....F.s\nPASSED tests/a.py::test_one\nPASSED tests/a.py::test_two[x y]\nPASSED tests/b.py::test_three\n\
SKIPPED [2] tests/c.py:7: no database\nFAILED tests/a.py::test_four - assert 1 == 2\nXFAIL tests/a.py::test_five\n3 passed, 1 failed in 0.1s\n";

#[test]
fn each_test_is_kept_and_a_skip_is_no_pass() {
    let before = suite(BEFORE, 1);
    assert_eq!(before.verdict, Verdict::Proven);
    let counts = [
        Outcome::Passed,
        Outcome::Failed,
        Outcome::Skipped,
        Outcome::Expected,
    ]
    .map(|outcome| before.count(outcome));
    assert_eq!(counts, [3, 1, 2, 1]);
    assert_eq!(before.tests["tests/a.py::test_two[x y]"], Outcome::Passed);
    assert_eq!(suite(BEFORE, 1).still_pass(&before), Verdict::Proven);

    let fails = suite(
        &BEFORE.replace(
            "PASSED tests/b.py::test_three",
            "FAILED tests/b.py::test_three - boom",
        ),
        1,
    );
    assert!(fails.still_pass(&before).is_refuted());
    let gone = suite(&BEFORE.replace("PASSED tests/b.py::test_three\n", ""), 1);
    assert!(gone.still_pass(&before).is_refuted());
    let skipped = suite(
        &BEFORE
            .replace("PASSED tests/b.py::test_three\n", "")
            .replace("[2]", "[3]"),
        1,
    );
    let verdict = skipped.still_pass(&before);
    assert_eq!(verdict.exit_code(), 2, "{verdict}");

    let dir = tempfile::tempdir().unwrap();
    let (path, _) = before.save(dir.path()).unwrap();
    assert_eq!(TestResults::load(&path).unwrap(), before);
}

/// F33: an option that does not exist ends with 2 and must not look like "no failures".
#[test]
fn f33_a_suite_that_did_not_run_gives_no_results() {
    for (text, status) in [
        ("ERROR: usage: unrecognised arguments: --bogus\n", 2),
        ("no tests ran in 0.01s\n", 5),
        ("", 0),
        (BEFORE, 3),
    ] {
        let results = suite(text, status);
        assert_eq!(results.verdict.exit_code(), 2, "{status}: {text}");
        assert_eq!(
            results.still_pass(&suite(BEFORE, 1)).exit_code(),
            if text == BEFORE { 2 } else { 1 }
        );
    }
    let nothing = measure(
        Path::new("/"),
        &[],
        Environment::empty(),
        Duration::from_secs(1),
    );
    assert!(matches!(nothing, Err(TestError::NoCommand)));
}

#[test]
fn coverage_may_not_shrink_nor_leave_files_out() {
    let with = |table: &str| {
        let table = format!(
            "{BEFORE}Name  Stmts   Miss  Cover   Missing\n---\n{table}---\nTOTAL  150  30  80%\n"
        );
        suite(&table, 1)
    };
    let before = with("pkg/a.py  100  20  80%  3-22\npkg/b.py  50  10  80%\n");
    assert_eq!(before.covered(), (120, 150));
    assert_eq!(before.still_pass(&before), Verdict::Proven);
    let more = with("pkg/a.py  100  20  80%\npkg/b.py  50  0  100%\npkg/c.py  10  5  50%\n");
    assert_eq!(more.still_pass(&before), Verdict::Proven);
    let less = with("pkg/a.py  100  21  79%\npkg/b.py  50  10  80%\n");
    let verdict = less.still_pass(&before);
    assert!(verdict.to_string().contains("119 of 150"), "{verdict}");
    // A larger share of less.
    let other = with("pkg/b.py  50  1  98%\n");
    let verdict = other.still_pass(&before);
    assert!(verdict.is_refuted() && verdict.to_string().contains("pkg/a.py"));
    let none = suite(BEFORE, 1).still_pass(&before);
    assert_eq!(none.exit_code(), 2, "{none}");
    assert_eq!(before.still_pass(&suite(BEFORE, 1)), Verdict::Proven);
}
