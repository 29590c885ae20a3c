use std::collections::BTreeSet;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use nba_utils::Hint as _;

use super::*;

fn checkout(dir: &Path) -> LegacyCheckout {
    LegacyCheckout::build(dir, &LegacyOptions::default()).unwrap()
}

/// A real run of one script with the checkout's settings and no terminal.
fn command(checkout: &LegacyCheckout, program: &str, script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .arg(checkout.script(script))
        .args(arguments)
        .current_dir(checkout.project())
        .env("TMPDIR", checkout.home())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(checkout.environment())
        .stdin(Stdio::null());
    command
}

fn run(
    checkout: &LegacyCheckout,
    program: &str,
    script: &str,
    arguments: &[&str],
) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command(checkout, program, script, arguments)
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    (status.code().unwrap(), text)
}

fn python(checkout: &LegacyCheckout, script: &str, arguments: &[&str]) -> (i32, String) {
    run(checkout, "python3", script, arguments)
}

fn git(checkout: &LegacyCheckout, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(checkout.project())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_file_of_the_folder_is_in_the_history() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("legacy");
    let mut on_disk = BTreeSet::new();
    let mut folders = vec![base.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                on_disk.insert(path.strip_prefix(&base).unwrap().display().to_string());
            }
        }
    }
    let listed: BTreeSet<String> = files::HISTORY
        .iter()
        .flat_map(|c| c.files)
        .map(|(path, _)| (*path).to_owned())
        .collect();
    assert_eq!(on_disk, listed);
}

#[test]
fn is_a_clean_repository_with_the_same_commits_every_time() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [a, b] = [0, 1].map(|i| checkout(dirs[i].path()));
    assert_eq!(git(&a, &["status", "--porcelain"]), "");
    assert_eq!(
        git(&a, &["rev-parse", "HEAD"]),
        git(&b, &["rev-parse", "HEAD"])
    );
    assert_eq!(git(&a, &["rev-list", "--count", "main"]), "5");
    assert_eq!(git(&a, &["tag"]), format!("{SIDE_TAG}\n{MAIN_TAG}"));
    let on_main = git(&a, &["tag", "--merged", "main"]);
    assert_eq!(on_main, MAIN_TAG);
    let tracked = git(&a, &["ls-files"]);
    assert_eq!(tracked.lines().count(), a.files().count());
    assert!(!tracked.contains("credentials"));
}

#[test]
fn refuses_to_overwrite() {
    let dir = tempfile::tempdir().unwrap();
    checkout(dir.path());
    let error = LegacyCheckout::build(dir.path(), &LegacyOptions::default()).unwrap_err();
    assert!(matches!(error, LegacyError::Exists { .. }));
    assert!(error.hint().is_some());
}

#[test]
fn the_documented_traps_of_the_files_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    let read = |path: &str| std::fs::read_to_string(checkout.script(path)).unwrap();
    assert_eq!(read("config/aws_config.yaml"), "");
    assert_eq!(
        read("config/prms_config.yaml")
            .matches("  phase_0:")
            .count(),
        2
    );
    assert!(read("config/rag_llm_config.yaml").contains("${RDS_PORT:5432}"));
    assert!(checkout.script(".gitignore").exists());
    let crontab = std::fs::read_to_string(checkout.installed_crontab()).unwrap();
    assert!(!crontab.contains(DOCUMENTED_HOME));
    // The overnight line lacks its `cd` in the installed copy only.
    let overnight = crontab
        .lines()
        .find(|l| l.contains("overnight_unified"))
        .unwrap();
    assert!(!overnight.contains("cd "));
    assert!(read("deployment/cron/crontab.template").contains(" cd "));
}

#[test]
fn a_shell_reads_the_credentials_as_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = LegacyOptions {
        target: LegacyTarget {
            password: "it's %40 \"#$HOME` \\ 00712345".to_owned(),
            ..LegacyTarget::default()
        },
        ..LegacyOptions::default()
    };
    let checkout = LegacyCheckout::build(dir.path(), &options).unwrap();
    let output = Command::new("bash")
        .args([
            "-c",
            r#". "$1"; printf '%s|%s' "$DB_PASSWORD" "$RDS_USERNAME""#,
            "-",
        ])
        .arg(checkout.credentials_file())
        .output()
        .unwrap();
    let expected = format!("{}|{}", options.target.password, options.target.user);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert!(!format!("{options:?}").contains("00712345"));
}

#[test]
fn loaders_succeed_with_the_database_down() {
    let dir = tempfile::tempdir().unwrap();
    let lake = tempfile::tempdir().unwrap();
    let mut options = LegacyOptions::default();
    options.target.host = dir.path().join("no-socket-here").display().to_string();
    options.lake = Some(lake.path().to_owned());
    let checkout = LegacyCheckout::build(dir.path(), &options).unwrap();
    for (script, label) in [
        ("scripts/etl/extract_schedule_local.py", "Games inserted: 0"),
        ("scripts/etl/extract_pbp_local.py", "Plays inserted: 0"),
        (
            "scripts/etl/extract_boxscores_local.py",
            "Player stats inserted: 0",
        ),
    ] {
        let (code, text) = python(&checkout, script, &["--year", "2024"]);
        assert_eq!(code, 0, "{text}");
        assert!(
            text.contains("no connection") && text.contains(label),
            "{text}"
        );
        assert!(!text.contains(&options.target.password));
    }
    let (code, text) = python(
        &checkout,
        "scripts/validation/verify_game_coverage.py",
        &["--all"],
    );
    assert_eq!(code, 0, "{text}");
}

#[test]
fn dry_runs_crash_and_a_missing_year_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let lake = tempfile::tempdir().unwrap();
    let options = LegacyOptions {
        lake: Some(lake.path().to_owned()),
        ..LegacyOptions::default()
    };
    let checkout = LegacyCheckout::build(dir.path(), &options).unwrap();
    for (script, error) in [
        ("scripts/etl/extract_schedule_local.py", "TypeError"),
        ("scripts/etl/extract_pbp_local.py", "UnboundLocalError"),
        (
            "scripts/etl/extract_boxscores_local.py",
            "UnboundLocalError",
        ),
    ] {
        let (code, text) = python(&checkout, script, &["--year", "2024", "--dry-run"]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(error), "{text}");
        assert_eq!(python(&checkout, script, &[]).0, 1);
    }
}

#[test]
fn scrapers_succeed_without_a_network() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    let (code, text) = python(
        &checkout,
        "scripts/etl/espn_incremental_simple.py",
        &["--days", "1"],
    );
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("Errors: 1") && text.contains("✅ done"),
        "{text}"
    );
    // A prefix is enough for the parser, and the option does nothing.
    let (code, text) = python(
        &checkout,
        "scripts/etl/espn_async_scraper.py",
        &["--season", "2024"],
    );
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("seasons: 2024"), "{text}");
    let arguments = ["--game-id", "401585183", "--rate-limit", "0"];
    let (code, text) = python(&checkout, "scripts/etl/espn_web_scraper.py", &arguments);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("stored 0, failed 3"), "{text}");
    let (code, _) = python(
        &checkout,
        "scripts/etl/espn_incremental_simple.py",
        &["--game-id", "1"],
    );
    assert_eq!(code, 2);
}

#[test]
fn scripts_depend_on_the_working_directory() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    let script = "scripts/etl/load_espn_pbp_to_rds.py";
    let (code, text) = python(&checkout, script, &[]);
    assert_eq!(code, 1);
    assert!(text.contains("FileNotFoundError"), "{text}");
    create_dir(&checkout.script("logs")).unwrap();
    let (code, text) = python(&checkout, script, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("games loaded: 0"), "{text}");

    // From elsewhere, a default configuration appears.
    let elsewhere = tempfile::tempdir().unwrap();
    let status = command(
        &checkout,
        "python3",
        "scripts/etl/espn_async_scraper.py",
        &[],
    )
    .current_dir(elsewhere.path())
    .output()
    .unwrap()
    .status;
    assert!(status.success());
    assert!(elsewhere.path().join("config/scraper_config.yaml").exists());
}

#[test]
fn questions_fail_or_abort() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    for script in [
        "scripts/etl/run_espn_scraper.sh",
        "scripts/etl/overnight_hoopr_all_152.sh",
        "scripts/etl/auto_update_espn_data.sh",
    ] {
        assert_eq!(run(&checkout, "bash", script, &[]).0, 1, "{script}");
    }
    let mut child = command(
        &checkout,
        "bash",
        "scripts/etl/auto_update_espn_data.sh",
        &[],
    )
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"y\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"aborted\n");
}

#[test]
fn shell_wrappers_hide_failures_and_print_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    let (code, text) = run(
        &checkout,
        "bash",
        "scripts/etl/backfill_and_load_espn.sh",
        &[],
    );
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("failed: 1") && text.contains("✅ loaded"),
        "{text}"
    );
    let (code, text) = run(&checkout, "bash", "scripts/etl/run_etl_all_years.sh", &[]);
    assert_eq!(code, 127);
    assert!(text.contains(&checkout.options.target.password), "{text}");
    // The unknown flag is an error for the collector, the workflow goes on.
    let (code, text) = python(&checkout, "scripts/workflows/overnight_unified_cli.py", &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("workflow complete, 0 games"), "{text}");
    let (code, _) = run(
        &checkout,
        "bash",
        "scripts/autonomous/run_scheduled_bbref.sh",
        &[],
    );
    assert_eq!(code, 2);
}

#[test]
fn an_agent_outlives_its_launcher_and_its_worker_outlives_the_agent() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    let script = "scripts/etl/deploy_phase_9_2_hoopr_agent.sh";
    assert_eq!(run(&checkout, "bash", script, &["start"]).0, 0);
    let log = checkout.script("logs/phase_9_2_hoopr_agent.log");
    let deadline = Instant::now() + Duration::from_secs(30);
    let worker: u32 = loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if let Some((_, pid)) = text.trim().rsplit_once("worker ") {
            break pid.parse().unwrap();
        }
        assert!(Instant::now() < deadline, "the agent never wrote its log");
        std::thread::sleep(Duration::from_millis(10));
    };
    let alive = |pid: u32| Path::new(&format!("/proc/{pid}")).exists();
    assert_eq!(run(&checkout, "bash", script, &["stop"]).0, 0);
    assert!(alive(worker));
    assert!(
        Command::new("kill")
            .arg(worker.to_string())
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn the_inventory_calls_errors_success() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    let script = "scripts/monitoring/dims_cli.py";
    let (code, text) = python(&checkout, script, &["verify"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("code_base.python_files: major"), "{text}");
    let metric = [
        "verify",
        "--category",
        "aws_inventory",
        "--metric",
        "rds_allocated_storage_gb",
    ];
    assert_eq!(python(&checkout, script, &metric).0, 0);
    let (code, _) = python(&checkout, script, &["verify", "--format", "json"]);
    assert_eq!(code, 2);
    let broken = std::fs::read_to_string(checkout.script("inventory/config.yaml"))
        .unwrap()
        .lines()
        .map(|l| {
            if l.trim_start().starts_with("command:") {
                "      command: echo nothing\n".to_owned()
            } else {
                format!("{l}\n")
            }
        })
        .collect::<String>()
        .replace("parse_type: string", "parse_type: integer");
    std::fs::write(checkout.script("inventory/config.yaml"), broken).unwrap();
    let (code, text) = python(&checkout, script, &["verify"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("error=10"), "{text}");
}

#[test]
fn the_own_tests_of_the_checkout_pass() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = checkout(dir.path());
    // Plain Python has no pytest; its test functions are functions all the same.
    let program = "import sys, runpy\nfor path in sys.argv[1:]:\n    for name, f in runpy.run_path(path).items():\n        if name.startswith('test_'):\n            f()\n            print(name)\n";
    let output = Command::new("python3")
        .args([
            "-c",
            program,
            "tests/unit/test_helpers.py",
            "tests/unit/test_config.py",
        ])
        .current_dir(checkout.project())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 5);
}
