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

#[test]
fn there_is_no_terminal_to_ask_on() {
    // getpass and ssh ask there, whatever standard input is.
    let report = go(&bash(
        "echo asking > /dev/tty || echo no terminal; ps -o sid= -p $$ | tr -d ' '; echo $$",
    ));
    assert!(report.stdout.text.contains("no terminal"), "{report:?}");
    let lines: Vec<&str> = report.stdout.text.lines().collect();
    assert_eq!(
        lines[lines.len() - 2],
        lines[lines.len() - 1],
        "its own session"
    );
}

#[test]
fn a_child_that_clears_its_environment_is_known_by_its_descent() {
    let report = go(&bash(
        "env -i setsid sleep 68 > /dev/null 2>&1 < /dev/null & sleep 1; echo done",
    ));
    assert_eq!(report.survivors.len(), 1, "{report:?}");
    assert!(report.survivors[0].escaped);
    assert!(!alive(report.survivors[0].pid));
}

#[test]
fn a_long_silence_is_a_hang() {
    let mut script = sh("echo working; sleep 69");
    script.silence = Some(Duration::from_secs(1));
    let report = go(&script);
    assert_eq!(report.ending, Ending::Silent);
    // Output keeps it going, however slow it is.
    let mut script = sh("for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done");
    script.silence = Some(Duration::from_secs(10));
    assert_eq!(go(&script).ending, Ending::Exited(0));
}

#[test]
fn limits_reach_the_script() {
    let mut script = sh("nice; ulimit -v; sleep 0");
    let own: u8 = go(&script)
        .stdout
        .text
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    script.limits.niceness = 3;
    script.limits.memory = Some(3 << 30);
    let report = go(&script);
    let lines: Vec<&str> = report.stdout.text.lines().collect();
    assert_eq!(
        lines,
        [(own + 3).min(19).to_string().as_str(), "3145728"],
        "{report:?}"
    );
    let mut script = Script {
        program: "python3".into(),
        arguments: vec!["-c".into(), "x = bytearray(1 << 30)".into()],
        ..sh("")
    };
    script.environment.set("PATH", search_path());
    script.limits.memory = Some(512 << 20);
    let report = go(&script);
    assert_ne!(report.ending, Ending::Exited(0));
    assert!(report.stderr.text.contains("MemoryError"), "{report:?}");
}

/// Where this machine has python3.
fn search_path() -> std::ffi::OsString {
    #[expect(clippy::disallowed_methods, reason = "python3 may be anywhere")]
    std::env::var_os("PATH").unwrap_or_default()
}

#[test]
fn without_network_nothing_is_reached() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!(
        "(echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null && echo reached || echo cut off; id -u > {{dir}}/f"
    );
    let dir = tempfile::tempdir().unwrap();
    let text = text.replace("{dir}", &dir.path().display().to_string());
    assert_eq!(go(&bash(&text)).stdout.text, "reached\n");
    let mut script = bash(&text);
    script.limits.no_network = true;
    match network_isolation() {
        Isolation::Possible(..) => {
            assert_eq!(go(&script).stdout.text, "cut off\n");
            let uid = std::fs::read_to_string(dir.path().join("f")).unwrap();
            assert_eq!(uid.trim(), rustix::process::getuid().as_raw().to_string());
        }
        Isolation::NotPermitted(_) => {
            let error = run(&script, &Cancel::new(), None).unwrap_err();
            assert!(matches!(error, RunError::NoIsolation { .. }));
        }
    }
}

#[test]
fn a_script_without_a_database_finds_none_by_any_name() {
    let mut script = sh("env");
    script.environment.set("DB_PASSWORD", "hunter22");
    script.environment.without_database();
    let report = go(&script);
    for name in [
        "DB_HOST",
        "RDS_HOST",
        "RDS_HOSTNAME",
        "POSTGRES_HOST",
        "PGHOST",
        "NBA_SIM_DB_HOST",
        "RDS_HOST_NBA_SIMULATOR_AWS_WORKFLOW",
        "POSTGRES_HOST_NBA_SIMULATOR_AWS_TEST",
        "TEST_DB_HOST",
    ] {
        assert!(
            report.stdout.text.contains(&format!("{name}={NOWHERE}\n")),
            "{name}"
        );
    }
    assert!(!report.stdout.text.contains("hunter22"));
    let target =
        nba_config::DatabaseTarget::from_url("postgres://etl:s3cretword@db.example:6543/nba")
            .unwrap();
    script.environment.set_database(&target);
    let report = go(&script);
    assert!(!report.stdout.text.contains(NOWHERE), "{report:?}");
    assert!(!report.stdout.text.contains("s3cretword"));
    for line in [
        "DB_HOST=db.example",
        "RDS_DB_NAME=nba",
        "PGPORT=6543",
        "NBA_SIM_DB_USER=etl",
        "DB_PASSWORD=***",
    ] {
        assert!(report.stdout.text.contains(&format!("{line}\n")), "{line}");
    }
}

#[test]
fn the_whole_output_is_in_the_log_and_no_secret_is() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs/run.log");
    let mut script = sh("echo one; echo $DB_PASSWORD is it >&2; printf 'no end'");
    script.environment.set("DB_PASSWORD", "geheimes-wort");
    script.log = Some(LogFile::at(&path));
    let report = go(&script);
    assert_eq!(report.log_problem, None);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains(" out one\n") && text.contains(" out no end\n"),
        "{text}"
    );
    assert!(text.contains(" err *** is it\n"), "{text}");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Longer than the log: its beginning, and its end.
    let path = dir.path().join("logs/flood.log");
    let mut script = sh(
        "i=0; while [ $i -lt 20000 ]; do echo $i $DB_PASSWORD; i=$((i+1)); done; echo Errors: 5",
    );
    script.environment.set("DB_PASSWORD", "geheimes-wort");
    script.tail = 100;
    script.log = Some(LogFile {
        path: path.clone(),
        max_bytes: 50_000,
    });
    go(&script);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.len() < 400_000, "{}", text.len());
    assert!(
        text.contains(" out 0 ***\n")
            && text.ends_with("Errors: 5\n--- err: 0 bytes in all; it ended with\n\n"),
        "{}",
        &text[text.len() - 300..]
    );
    assert!(!text.contains("geheim"));

    // One line without an end, with a secret across every cut.
    let path = dir.path().join("logs/line.log");
    let mut script = sh(
        "i=0; while [ $i -lt 9000 ]; do printf '%s-' $DB_PASSWORD; i=$((i+1)); done; echo; echo after",
    );
    script.environment.set("DB_PASSWORD", "geheimes-wort");
    script.log = Some(LogFile::at(&path));
    go(&script);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains("gehei") && !text.contains("wort"),
        "a part of the secret is shown"
    );
    assert!(
        text.contains("left out") && text.contains("after"),
        "{}",
        &text[text.len() - 200..]
    );

    // A log that cannot be written is no reason for the script to stop.
    let mut script = sh("echo fine");
    script.log = Some(LogFile {
        path: "/dev/full".into(),
        max_bytes: 1000,
    });
    let report = go(&script);
    assert_eq!(report.stdout.text, "fine\n");
    assert!(report.log_problem.unwrap().contains("No space left"));

    assert_eq!(prune_logs(&dir.path().join("logs"), 1).unwrap(), 2);
}

#[test]
fn an_observer_sees_it_go_on_and_can_end_it() {
    struct Sees(std::sync::Mutex<Vec<Status>>);
    impl Observer for Sees {
        fn tick(&self, status: &Status) -> Result<(), String> {
            let mut all = self.0.lock().unwrap();
            all.push(status.clone());
            if all.len() == 2 {
                Err("the lock is lost".to_owned())
            } else {
                Ok(())
            }
        }
    }
    let sees = Sees(std::sync::Mutex::default());
    let mut report = run_observed(
        &sh("echo 3/10; sleep 70"),
        &Cancel::new(),
        Uuid::now_v7(),
        &sees,
    )
    .unwrap();
    let first = sees.0.lock().unwrap()[0].clone();
    assert_eq!(first.progress.map(|p| (p.done, p.total)), Some((3, 10)));
    assert_eq!(first.output_bytes.0, 5);
    report.judge(Verdict::Proven);
    assert!(
        report.verdict.to_string().contains("the lock is lost"),
        "{}",
        report.verdict
    );
}

#[test]
fn one_job_runs_once_at_a_time_on_a_machine() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Holder::this("run-1");
    let lock = LocalLock::take(dir.path(), "../etl/espn", &holder).unwrap();
    let error = LocalLock::take(dir.path(), "../etl/espn", &holder).unwrap_err();
    assert!(error.to_string().contains("run-1"), "{error}");
    LocalLock::take(dir.path(), "__/etl/espn", &holder).unwrap();
    drop(lock);
    LocalLock::take(dir.path(), "../etl/espn", &holder).unwrap();
}

#[test]
fn a_command_longer_than_a_file_name_can_be_locked() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Holder::this("run-1");
    // The beginning of one is the whole of another.
    let (long, longer) = ("x".repeat(400), "x".repeat(4_000));
    let _lock = LocalLock::take(dir.path(), &long, &holder).unwrap();
    let _other = LocalLock::take(dir.path(), &longer, &holder).unwrap();
    let error = LocalLock::take(dir.path(), &long, &holder).unwrap_err();
    assert!(matches!(error, LockError::Held { .. }), "{error}");
}
