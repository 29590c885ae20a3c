use super::*;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn environment() -> Environment {
    Environment::allowed([("PATH", PATH), ("DB_HOST", "stays-with-the-caller")])
}

fn sh(text: &str) -> Script {
    let mut script = Script::new("sh", ["-c", text], "/", environment());
    script.deadline = Duration::from_secs(20);
    script.grace = Duration::from_millis(300);
    script
}

fn bash(text: &str) -> Script {
    Script {
        program: "bash".into(),
        ..sh(text)
    }
}

fn go(script: &Script) -> RunReport {
    run(script, &Cancel::new(), None).unwrap()
}

/// The dead that nobody reaped have no command line.
fn alive(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[test]
fn an_exit_status_proves_nothing() {
    for text in ["exit 0", "exit 3"] {
        let report = go(&sh(text));
        assert!(
            matches!(report.verdict, Verdict::NotProven { .. }),
            "{text}"
        );
    }
    assert_eq!(go(&sh("exit 3")).ending, Ending::Exited(3));
    assert_eq!(go(&sh("kill -9 $$")).ending, Ending::Signalled(9));
}

#[test]
fn only_a_seen_effect_of_a_clean_run_is_proof() {
    let proven = |_: &RunReport| Verdict::Proven;
    let refuted = |_: &RunReport| Verdict::refuted("0 rows");
    let unclear = |_: &RunReport| Verdict::not_proven("no permission");
    let with = |text: &str, effect: &dyn EffectCheck| {
        run(&sh(text), &Cancel::new(), Some(effect))
            .unwrap()
            .verdict
    };
    assert_eq!(with("exit 0", &proven), Verdict::Proven);
    assert_eq!(with("exit 0", &refuted), Verdict::refuted("0 rows"));
    assert_eq!(
        with("exit 0", &unclear),
        Verdict::not_proven("no permission")
    );
    assert!(matches!(with("exit 1", &proven), Verdict::NotProven { .. }));
    assert!(matches!(
        with("sleep 60 & exit 0", &proven),
        Verdict::NotProven { .. }
    ));
}

#[test]
fn a_script_that_hangs_is_stopped_with_its_children() {
    let mut script = sh("sleep 61 & echo $!; sleep 62");
    script.deadline = Duration::from_millis(300);
    let report = go(&script);
    assert_eq!(report.ending, Ending::Deadline);
    assert!(
        report.elapsed < Duration::from_secs(10),
        "{:?}",
        report.elapsed
    );
    let child: u32 = report.stdout.text.trim().parse().unwrap();
    assert!(!alive(child));
    assert!(!report.stdout.unfinished);
}

#[test]
fn a_script_that_ignores_term_is_killed() {
    let mut script = sh("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    script.deadline = Duration::from_millis(500);
    let report = go(&script);
    assert_eq!(report.ending, Ending::Deadline);
    assert_eq!(report.stdout.text, "ready\n");
    assert!(report.elapsed >= script.deadline + script.grace);
    assert!(report.elapsed < Duration::from_secs(10));
}

#[test]
fn a_script_may_clean_up_within_its_grace() {
    let mut script = sh("trap 'echo cleaned; exit 7' TERM; while :; do sleep 0.05; done");
    script.deadline = Duration::from_millis(500);
    script.grace = Duration::from_secs(10);
    let report = go(&script);
    assert_eq!(report.ending, Ending::Deadline);
    assert!(
        report.stdout.text.ends_with("cleaned\n"),
        "{:?}",
        report.stdout
    );
}

#[test]
fn children_in_the_background_are_named_and_ended() {
    let report = go(&bash("nohup sleep 63 > /dev/null 2>&1 & echo $!"));
    assert_eq!(report.ending, Ending::Exited(0));
    let [survivor] = &report.survivors[..] else {
        panic!("{:?}", report.survivors);
    };
    assert!(!survivor.escaped);
    assert_eq!(report.stdout.text, format!("{}\n", survivor.pid));
    assert!(!alive(survivor.pid));
}

#[test]
fn a_child_that_left_the_group_and_the_session_is_found_by_its_mark() {
    let report = go(&sh(
        "setsid -f sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.1; done'; sleep 0.5",
    ));
    let escaped: Vec<_> = report.survivors.iter().filter(|s| s.escaped).collect();
    assert!(!escaped.is_empty(), "{report:?}");
    for survivor in &report.survivors {
        assert!(!alive(survivor.pid), "{survivor:?}");
    }
    assert!(!report.stdout.unfinished, "its pipe is closed");
}

#[test]
fn processes_of_others_are_left_alone() {
    let mut bystander = std::process::Command::new("sleep")
        .arg("64")
        .spawn()
        .unwrap();
    let mut script = sh("sleep 65");
    script.deadline = Duration::from_millis(100);
    go(&script);
    assert!(alive(bystander.id()));
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn a_flood_is_read_to_its_end_and_only_its_end_is_kept() {
    let mut script = sh(
        "i=0; while [ $i -lt 100 ]; do head -c 300000 /dev/zero | tr '\\0' x; echo; i=$((i+1)); done; echo Errors: 5",
    );
    script.tail = 1000;
    let report = go(&script);
    assert_eq!(report.stdout.total_bytes, 100 * 300_001 + 10);
    assert!(report.stdout.truncated);
    assert_eq!(report.stdout.text, "Errors: 5\n");
}

#[test]
fn a_question_gets_no_answer() {
    let report = go(&bash("read -p 'continue? ' answer || exit 1"));
    assert_eq!(report.ending, Ending::Exited(1));
    assert!(report.elapsed < Duration::from_secs(10));
}

#[test]
fn the_environment_is_what_was_given_and_nothing_else() {
    let report = go(&sh("env"));
    let names: Vec<&str> = report
        .stdout
        .text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    for wanted in ["PATH", "PYTHONUNBUFFERED", RUN_ID_VARIABLE] {
        assert!(names.contains(&wanted), "{wanted}");
    }
    for other in ["DB_HOST", "HOME", "CARGO_MANIFEST_DIR", "USER"] {
        assert!(!names.contains(&other), "{other}");
    }
}

#[test]
fn secrets_are_hidden_everywhere_even_where_the_output_was_cut() {
    let secret = "00712345-geheim";
    let mut script = sh(
        "echo to-out $DB_PASSWORD; echo $DB_PASSWORD: command not found >&2; i=0; \
         while [ $i -lt 200 ]; do printf '%s ' $DB_PASSWORD; i=$((i+1)); done",
    );
    script.environment.set("DB_PASSWORD", secret);
    for tail in [0, 1, 7, 8, 9, 15, 16, 17, 18, 100, 101, 102, 103, 10_000] {
        script.tail = tail;
        let shown = format!("{:?} {script:?}", go(&script));
        for part in ["0071", "45-g", "heim"] {
            assert!(!shown.contains(part), "tail {tail}: {shown}");
        }
    }
    // A secret among the arguments cannot be undone, but is not repeated.
    script.arguments.push(secret.into());
    assert!(!go(&script).command.iter().any(|part| part.contains(secret)));
}

#[test]
fn what_cannot_start_says_what_and_where() {
    let missing = Script::new("no-such-program-at-all", [""; 0], "/", environment());
    let error = run(&missing, &Cancel::new(), None).unwrap_err();
    assert!(
        error.to_string().contains("no-such-program-at-all"),
        "{error}"
    );
    assert!(error.hint().is_some());
    let mut nowhere = sh("exit 0");
    nowhere.folder = "/no/such/folder".into();
    let error = run(&nowhere, &Cancel::new(), None).unwrap_err();
    assert!(matches!(error, RunError::NoFolder { .. }));
}

#[test]
fn can_be_cancelled_from_another_thread() {
    let cancel = Cancel::new();
    let other = cancel.clone();
    let canceller = std::thread::spawn(move || other.cancel());
    let report = run(&sh("sleep 66"), &cancel, None).unwrap();
    canceller.join().unwrap();
    assert_eq!(report.ending, Ending::Cancelled);
}

#[tokio::test]
async fn dropping_the_future_ends_the_script() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = sh("echo $$ > pid; sleep 67");
    script.folder = dir.path().to_owned();
    let task = tokio::spawn(run_async(script));
    let deadline = Instant::now() + Duration::from_secs(20);
    let pid: u32 = loop {
        let text = std::fs::read_to_string(dir.path().join("pid")).unwrap_or_default();
        if let Ok(pid) = text.trim().parse() {
            break pid;
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(POLL).await;
    };
    task.abort();
    while alive(pid) {
        assert!(Instant::now() < deadline, "still alive");
        tokio::time::sleep(POLL).await;
    }
}
