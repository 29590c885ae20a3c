use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};

use super::*;
use crate::state::command::Shell;

fn program(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A checkout, and a machine made for it.
struct World {
    dir: tempfile::TempDir,
    checkout: LegacyCheckout,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let checkout =
            LegacyCheckout::build(&dir.path().join("legacy"), &LegacyOptions::default()).unwrap();
        for name in ["python3", "bash", "find", "cat", "date", "gzip"] {
            program(&dir.path().join("root/usr/bin").join(name));
        }
        Self { dir, checkout }
    }

    fn places(&self) -> Places {
        let mut places = Places::machine("legacy", self.checkout.home());
        places.root = self.dir.path().join("root");
        places.crontabs = vec![self.checkout.installed_crontab()];
        places
    }

    fn capture(&self) -> StateCapture {
        capture(&self.checkout.project(), &self.places()).unwrap()
    }
}

/// F03: "no active cron jobs" while eleven were installed, two of them without the change of folder.
#[test]
fn f03_jobs_are_discovered_and_followed_to_their_scripts() {
    let world = World::new();
    let found = world.capture();
    let installed: Vec<&Job> = found
        .jobs
        .iter()
        .filter(|job| job.source == Source::UserCrontab)
        .collect();
    assert_eq!(installed.len(), 11);
    assert!(found.verdict.is_refuted(), "{}", found.verdict);
    let said = found.findings.join("\n");
    let home = world.checkout.home();
    for wanted in [
        // Without `cd` cron looks below the home folder.
        format!(
            "crontab:3: the script `{}` is not there",
            home.join("scripts/audit/run_data_audit.sh").display()
        ),
        format!(
            "crontab:6: the folder `{}` is not there",
            home.join("odds-api").display()
        ),
        format!(
            "crontab:7: the script `{}` is not there",
            home.join("miniconda3/envs/nba-aws/bin/python3").display()
        ),
        "it is installed, and no file of the checkout has it so".to_owned(),
    ] {
        assert!(said.contains(&wanted), "{wanted}\nis not in\n{said}");
    }
    // The one that works is not accused.
    let works = installed
        .iter()
        .find(|job| job.command.contains("daily_update_cli.py"))
        .unwrap();
    assert_eq!(works.problems().count(), 0, "{works:?}");
    assert_eq!(works.schedule.as_deref(), Some("0 0,6,12,18 * * *"));
    let last = installed
        .iter()
        .find(|job| job.command.contains("adce_status"))
        .unwrap();
    assert_eq!(
        last.outputs.len(),
        1,
        "its log was never written: {:?}",
        last.outputs
    );
    assert!(
        !serde_json::to_string(&found)
            .unwrap()
            .contains("$(cat /Users/legacy/odds-api/key)")
    );
    // Units and agents too.
    for source in [Source::Systemd, Source::Launchd, Source::Committed] {
        assert!(
            found.jobs.iter().any(|job| job.source == source),
            "{source:?}"
        );
    }
    let agent = found
        .jobs
        .iter()
        .find(|job| job.source == Source::Launchd)
        .unwrap();
    assert!(
        agent.disabled && agent.command.contains("autonomous_loop.py"),
        "{agent:?}"
    );
    assert!(found.census.python_tests > 0 && found.census.endings["py"].files > 20);
}

#[test]
fn two_captures_differ_by_what_changed() {
    let world = World::new();
    let before = world.capture();
    assert!(!diff(&before, &world.capture()).verdict.is_refuted());
    let folder = world.dir.path().join("captures");
    let (path, _) = before.save(&folder).unwrap();
    assert_eq!(StateCapture::load(&path).unwrap(), before);
    assert_eq!(
        StateCapture::list(&folder).unwrap(),
        std::slice::from_ref(&path)
    );
    fs::write(&path, "{\"captured_at\": 1}").unwrap();
    assert!(
        StateCapture::load(&path)
            .unwrap_err()
            .to_string()
            .contains("line 1")
    );

    let crontab = world.checkout.installed_crontab();
    let text = fs::read_to_string(&crontab).unwrap();
    // A comment moves every line and changes nothing.
    fs::write(&crontab, format!("# a comment\n{text}")).unwrap();
    let moved = diff(&before, &world.capture());
    assert!(
        moved
            .changes
            .iter()
            .all(|change| change.what == "a problem"),
        "{:?}",
        moved.changes
    );
    // A job less, another time, a script that is gone.
    let fewer: String = text
        .lines()
        .filter(|line| !line.contains("run_scheduled_bbref"))
        .map(|line| line.replace("0 2 * * * /", "30 2 * * * /") + "\n")
        .collect();
    fs::write(&crontab, fewer).unwrap();
    fs::remove_file(
        world
            .checkout
            .script("scripts/workflows/daily_update_cli.py"),
    )
    .unwrap();
    let found = diff(&before, &world.capture());
    assert!(found.verdict.is_refuted());
    let said = found.verdict.to_string();
    let changes: Vec<String> = found
        .changes
        .iter()
        .map(|change| format!("{change:?}"))
        .collect();
    let changes = changes.join("\n");
    for part in [
        "run_scheduled_bbref",
        "30 2 * * *",
        "daily_update_cli.py",
        "the files of the legacy side",
    ] {
        assert!(changes.contains(part), "{part}: {changes}\n{said}");
    }
}

#[test]
fn what_may_not_be_read_is_not_nothing() {
    let world = World::new();
    fs::write(
        world.checkout.installed_crontab(),
        "@reboot true\n61 is no job\n",
    )
    .unwrap();
    let found = world.capture();
    assert!(
        found
            .unseen
            .iter()
            .any(|place| place.contains("crontab:2: neither")),
        "{:?}",
        found.unseen
    );
    assert!(!found.verdict.is_proven());
}

#[test]
fn a_running_script_of_the_project_is_found_with_its_folder() {
    let world = World::new();
    let project = world.checkout.project();
    fs::write(project.join("loop.sh"), "read line\n").unwrap();
    let mut child = std::process::Command::new("sh")
        .args(["loop.sh", "--db-password=hunter22"])
        .current_dir(&project)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let found = world.capture();
    child.kill().unwrap();
    child.wait().unwrap();
    let process = found
        .processes
        .iter()
        .find(|process| process.pid == child.id())
        .unwrap();
    assert_eq!(process.script, Some(project.join("loop.sh")));
    assert_eq!(process.folder, Some(project));
    assert_eq!(process.command.last().unwrap(), "--db-password=***");
}

fn follow(line: &str) -> (Vec<Resolution>, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "usr/bin/python3",
        "usr/bin/bash",
        "usr/bin/nice",
        "usr/bin/timeout",
        "usr/bin/flock",
    ] {
        program(&dir.path().join(name));
    }
    for name in ["w/a b.py", "w/run.py", "w/x.sh"] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let path = [PathBuf::from("/usr/bin")];
    let shell = Shell {
        path: &path,
        home: Path::new("/home/u"),
        root: dir.path(),
    };
    let line = shell.follow(line, Path::new("/w"));
    (
        line.steps.into_iter().map(|step| step.resolution).collect(),
        line.outputs,
    )
}

#[test]
fn command_lines_are_followed_as_a_shell_would() {
    let found = |script: &str| Resolution::Found {
        program: "/usr/bin/python3".into(),
        script: Some(script.into()),
    };
    let cases: [(&str, Vec<Resolution>); 10] = [
        ("python3 run.py --days 3", vec![found("/w/run.py")]),
        (
            "A=1 B='x y' python3 -u 'a b.py' >> out.log 2>&1",
            vec![found("/w/a b.py")],
        ),
        (
            "cd /w && python3 ./run.py || echo failed",
            vec![Resolution::BuiltIn, found("/w/run.py"), Resolution::BuiltIn],
        ),
        ("cd /nowhere && python3 run.py", vec![Resolution::NoFolder]),
        (
            "nice -n 10 timeout 60s python3 run.py &",
            vec![found("/w/run.py")],
        ),
        (
            "flock -n /tmp/a.lock python3 run.py",
            vec![found("/w/run.py")],
        ),
        ("python3 \"$HOME/run.py\"", vec![Resolution::Unclear]),
        (
            "python3 -m package.module",
            vec![Resolution::Found {
                program: "/usr/bin/python3".into(),
                script: None,
            }],
        ),
        (
            "./x.sh",
            vec![Resolution::NotExecutable {
                file: "/w/x.sh".into(),
            }],
        ),
        (
            "nosuch; python3 nosuch.py # comment",
            vec![
                Resolution::NoProgram,
                Resolution::NoScript {
                    script: "/w/nosuch.py".into(),
                },
            ],
        ),
    ];
    for (line, wanted) in cases {
        assert_eq!(follow(line).0, wanted, "{line}");
    }
    assert_eq!(
        follow("python3 run.py >> logs/a.log 2>&1").1,
        [PathBuf::from("/w/logs/a.log")]
    );
    assert_eq!(
        follow("python3 run.py &> /x/b.log").1,
        [PathBuf::from("/x/b.log")]
    );
    assert_eq!(
        follow("python3 run.py > /dev/null 2> err.log").1,
        [PathBuf::from("/w/err.log")]
    );
}
