//! Everything that writes in steps, ended at every boundary between two steps: killed, cut off from the server, out of room.
//!
//! A first run writes down the boundaries it passes. Then one run is ended at each of them, looked at, and run again: what was done
//! by halves is never reported as done, and the second run completes it or takes it back. Every trial has a project, a source database
//! and a role of its own, without any right that a cloud provider would not give.

use crate::program::{Place, Ran, wait_for};
use crate::world::run_async;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::tokio_postgres::{self, NoTls, SimpleQueryMessage};
use nba_migration::backup::{self, Proofs};
use nba_migration::ledger::{Entry, Ledger, Record};
use nba_migration::phase::{self, Profile, Standing};
use nba_migration::setup;
use nba_utils::tree::Excludes;
use nba_utils::{TreeFingerprint, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Trials at once: two keep two cores busy, a third fills their waits.
const WORKERS: usize = 3;

/// Longest wait for anything, on a machine that others use too.
const LIMIT: Duration = Duration::from_secs(60);

const TABLES: &str = "
create table games (game_id text primary key, season int);
insert into games select n::text, 2000 + n % 20 from generate_series(1, 200) n;
create table plays (game_id text references games, number int, what text, primary key (game_id, number));
insert into plays select (1 + n % 200)::text, n, 'play ' || n from generate_series(1, 2000) n;
create index plays_by_what on plays (what);
analyze";

/// What is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Setup,
    Undo,
    Create,
    Verify,
    Rollback,
    Code,
    Advance,
}

impl Work {
    const ALL: [Self; 7] = [
        Self::Rollback,
        Self::Verify,
        Self::Create,
        Self::Setup,
        Self::Undo,
        Self::Code,
        Self::Advance,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Undo => "undo",
            Self::Create => "create",
            Self::Verify => "verify",
            Self::Rollback => "rollback",
            Self::Code => "code",
            Self::Advance => "advance",
        }
    }

    /// Whether it talks to a server.
    fn asks(self) -> bool {
        matches!(self, Self::Create | Self::Verify | Self::Rollback)
    }
}

/// How a run is ended.
#[derive(Clone, Copy)]
enum End {
    /// SIGKILL at the boundary with this number.
    Killed(usize),
    /// At that boundary, the server ends all its sessions.
    CutOff(usize),
    /// No file may become larger than this many KiB.
    Full(u32),
}

/// A server with the source database, and projects to copy.
struct Stage {
    runtime: tokio::runtime::Runtime,
    server: EmbeddedServer,
    dir: tempfile::TempDir,
    backup: String,
    point: String,
    trials: AtomicUsize,
}

/// One run and what it works on.
struct Trial<'a> {
    stage: &'a Stage,
    work: Work,
    place: Place,
    name: String,
}

fn sql(server: &EmbeddedServer, database: &str, sql: &str) -> Vec<String> {
    let url = server.url(database);
    run_async(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        let rows = client.simple_query(sql).await;
        drop(client);
        driver.await.unwrap().unwrap();
        rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .into_iter()
            .filter_map(|row| match row {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            })
            .collect()
    })
}

fn ledger(project: &Path) -> Ledger {
    Ledger::in_folder(project.join(".nba"))
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp")
        .args(["-a", "--"])
        .args([from, to])
        .status()
        .unwrap();
    assert!(copied.success());
}

/// Everything but git's own files, the state and the settings, which are ours.
fn tree(project: &Path) -> TreeFingerprint {
    let excludes = Excludes::new([".git", "/.nba"]).unwrap();
    TreeFingerprint::of(project, &excludes).unwrap()
}

impl Stage {
    fn build() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime
            .block_on(EmbeddedServer::start(EmbeddedOptions::default()))
            .unwrap();
        sql(&server, "postgres", "create database src");
        sql(&server, "src", TABLES);
        let dir = tempfile::tempdir().unwrap();
        let mut stage = Self {
            runtime,
            server,
            dir,
            backup: String::new(),
            point: String::new(),
            trials: AtomicUsize::new(0),
        };
        // A checkout that can be set up, with uncommitted work.
        let bare = stage.place(Work::Setup);
        bare.shell(
            "mkdir scripts && echo print > scripts/job.py && echo '# legacy' > README.md && echo nba.toml > .gitignore \
             && git init -q && git add . && git -c user.name=t -c user.email=t@example.invalid commit -q -m legacy \
             && echo more >> scripts/job.py",
        )
        .exits(0);
        for work in [Work::Undo, Work::Create] {
            copy(&stage.template("setup"), &stage.template(work.name()));
        }
        stage.place(Work::Undo).nba(&["setup"]).exits(0);
        // One that has a backup, and one that has lost rows since.
        stage.settle(&stage.place(Work::Create).project, "src", "postgres");
        copy(&stage.template("create"), &stage.template("verify"));
        let place = stage.place(Work::Verify);
        let created = place.nba(&["backup", "create", "--json"]).exits(0).json();
        stage.backup = created["name"].as_str().unwrap().to_owned();
        let point = place.nba(&["restore", "point", "--json"]).exits(0).json();
        stage.point = point["commit"].as_str().unwrap().to_owned();
        for work in [Work::Code, Work::Rollback] {
            copy(&stage.template("verify"), &stage.template(work.name()));
        }
        std::fs::write(
            stage.place(Work::Code).project.join("scripts/job.py"),
            "broken\n",
        )
        .unwrap();
        let lost = Entry::new("health", Verdict::refuted("public.plays: 10 rows are gone"));
        let evidence = ledger(&stage.place(Work::Rollback).project);
        evidence.append(&lost).unwrap();
        copy(&stage.template("create"), &stage.template("advance"));
        let evidence = ledger(&stage.place(Work::Advance).project);
        let now = chrono::Utc::now();
        for gate in phase::gates().iter().filter(|gate| gate.phase == 0) {
            let until = now.date_naive() + chrono::TimeDelta::days(1);
            phase::waive(&evidence, gate.id, "me", "a trial", until, now).unwrap();
        }
        stage
    }

    fn template(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn place(&self, work: Work) -> Place {
        Place::empty(&self.template(work.name()))
    }

    /// Settings that name a database and a role of this server.
    fn settle(&self, project: &Path, database: &str, role: &str) {
        let (socket, port) = (self.server.socket_dir().display(), self.server.port());
        let url = format!("postgres:///{database}?host={socket}&port={port}&user={role}");
        let text =
            format!("[database]\ntarget = \"replica\"\n\n[targets.replica]\nurl = \"{url}\"\n");
        std::fs::write(project.join("nba.toml"), text).unwrap();
    }

    fn trial(&self, work: Work) -> Trial<'_> {
        let name = format!(
            "{}_{}",
            work.name(),
            self.trials.fetch_add(1, Ordering::Relaxed)
        );
        copy(&self.template(work.name()), &self.template(&name));
        let place = Place::empty(&self.template(&name));
        if work.asks() {
            // What a managed service gives its administrator, and no more.
            sql(
                &self.server,
                "postgres",
                &format!(
                    "create role {name} login nosuperuser createdb; grant pg_read_all_data to {name}"
                ),
            );
            self.settle(&place.project, "src", &name);
        }
        Trial {
            stage: self,
            work,
            place,
            name,
        }
    }
}

impl Trial<'_> {
    fn words(&self) -> Vec<String> {
        let (point, backup) = (self.stage.point.as_str(), self.stage.backup.as_str());
        let database = self.database();
        let words: &[&str] = match self.work {
            Work::Setup => &["setup"],
            Work::Undo => &["setup", "--undo"],
            Work::Create => &["backup", "create"],
            Work::Verify => &["backup", "verify", "--on", "replica"],
            Work::Code => &["restore", "code", point, "--in-place", "--yes"],
            Work::Advance => &["phase", "advance"],
            Work::Rollback => &[
                "rollback",
                "run",
                "--yes",
                "--id",
                "trial",
                "--point",
                point,
                "--code-into",
                "../code",
                "--backup",
                backup,
                "--on",
                "replica",
                "--database",
                &database,
            ],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// The database a rollback restores into.
    fn database(&self) -> String {
        format!("{}_restored", self.name)
    }

    fn run(&self) -> Ran {
        self.place.nba(&self.words())
    }

    fn run_with(&self, fault: &str) -> Ran {
        let mut words = self.words();
        words.extend(["--fault".to_owned(), fault.to_owned()]);
        self.place.nba(&words)
    }

    /// The boundaries of a whole run, in order.
    fn boundaries(&self) -> Vec<String> {
        let file = self.place.home.join("trace");
        self.run_with(&format!("trace:{}", file.display())).exits(0);
        self.is_whole();
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Runs it and ends it; whether it ended by itself, as if it were done.
    fn end(&self, end: End) -> bool {
        match end {
            End::Killed(at) => {
                let ran = self.run_with(&format!("kill:{at}"));
                assert_eq!(ran.code, None, "it was to be killed: {ran}");
                false
            }
            End::CutOff(at) => {
                let mut words = self.words();
                words.extend(["--fault".to_owned(), format!("hold:{at}")]);
                let running = self.place.spawn(&words);
                let stat = format!("/proc/{}/stat", running.id());
                wait_for("boundary", LIMIT, || {
                    let stat = std::fs::read_to_string(&stat).unwrap_or_default();
                    let state = stat.rsplit(')').next().unwrap_or_default();
                    state.trim_start().starts_with('T').then_some(())
                });
                sql(
                    &self.stage.server,
                    "postgres",
                    &format!(
                        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = '{}'",
                        self.name
                    ),
                );
                running.signal("CONT");
                let ran = running.ends_within(LIMIT);
                assert!(
                    ran.code == Some(0) || (ran.code == Some(2) && ran.err.contains("error:")),
                    "{ran}"
                );
                ran.code == Some(0)
            }
            End::Full(kib) => {
                let words = self.words().join(" ");
                let ran = self
                    .place
                    .shell(&format!("trap '' XFSZ; ulimit -f {kib}; exec nba {words}"));
                assert!(
                    ran.code == Some(0) || (ran.code == Some(2) && ran.err.contains("error:")),
                    "{ran}"
                );
                ran.code == Some(0)
            }
        }
    }

    fn records(&self) -> Vec<Record> {
        let ledger = ledger(&self.place.project);
        let verdict = ledger.verify().unwrap().verdict;
        assert!(!verdict.is_refuted(), "{}: {verdict}", self.name);
        ledger.records().unwrap()
    }

    fn proven(&self, subject: &str) -> bool {
        self.records()
            .iter()
            .any(|record| record.entry.subject == subject && record.entry.verdict.is_proven())
    }

    fn exists(&self, database: &str) -> bool {
        let found = format!("select 1 from pg_database where datname = '{database}'");
        !sql(&self.stage.server, "postgres", &found).is_empty()
    }

    fn is_set_up(&self) -> bool {
        let items = setup::plan(&self.place.project).unwrap();
        items
            .iter()
            .all(|item| item.state == setup::ItemState::Present)
    }

    /// What must be so whatever happened: nothing half-done is told as done.
    fn holds(&self) {
        let project = &self.place.project;
        let backups = || backup::list(&project.join("backups")).unwrap();
        match self.work {
            Work::Setup => assert!(!self.proven("setup") || self.is_set_up()),
            Work::Undo | Work::Code => drop(self.records()),
            Work::Create => {
                for stored in backups() {
                    assert!(stored.manifest.is_ok(), "{stored:?}");
                    // Whatever has a name is whole: a restore says so.
                    self.place
                        .nba(&["backup", "verify", &stored.name, "--on", "replica"])
                        .exits(0);
                }
            }
            Work::Verify => {
                let proofs = Proofs::read(&ledger(project)).unwrap();
                let proven = backups().iter().any(|one| proofs.of(one).is_some());
                assert_eq!(proven, self.proven("backup verify"));
            }
            Work::Rollback => {
                let steps = self
                    .records()
                    .iter()
                    .filter(|record| record.entry.subject == "rollback step")
                    .count();
                assert!(!self.proven("rollback run") || steps == 6);
                if self.exists(&self.database()) {
                    let rows = sql(
                        &self.stage.server,
                        &self.database(),
                        "select count(*) from plays",
                    );
                    assert_eq!(rows, ["2000"], "it has its name, and is not whole");
                }
            }
            Work::Advance => {
                let phase = self.phase();
                assert!(phase <= 1, "one step was taken twice");
                assert_eq!(
                    phase == 1,
                    self.records()
                        .iter()
                        .any(|record| record.entry.subject == "phase advance")
                );
            }
        }
    }

    fn phase(&self) -> usize {
        let ledger = ledger(&self.place.project);
        let standing = Standing::read(&ledger, Profile::Safe, chrono::Utc::now()).unwrap();
        standing.phase
    }

    /// What must be so after a run that ended well.
    fn is_whole(&self) {
        let project = &self.place.project;
        let original = self.stage.template("setup").join("project");
        match self.work {
            Work::Setup => {
                assert!(self.is_set_up() && self.proven("setup"));
                let diff = tree(&original).diff(&tree(project)).unwrap();
                assert!(
                    diff.removed.is_empty() && diff.changed.is_empty(),
                    "{diff:?}"
                );
            }
            Work::Undo => {
                let diff = tree(&original).diff(&tree(project)).unwrap();
                assert!(diff.is_empty(), "{diff:?}");
            }
            Work::Create => {
                let folder = project.join("backups");
                assert!(!backup::list(&folder).unwrap().is_empty());
                for entry in std::fs::read_dir(&folder).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    assert!(!name.starts_with(".partial"), "{name} is left");
                }
            }
            Work::Verify => assert!(self.proven("backup verify")),
            Work::Rollback => {
                assert!(self.proven("rollback run") && self.exists(&self.database()));
                let code = project.with_file_name("code").join("scripts/job.py");
                assert_eq!(std::fs::read_to_string(code).unwrap(), "print\nmore\n");
            }
            Work::Code => {
                let code = std::fs::read_to_string(project.join("scripts/job.py")).unwrap();
                assert_eq!(code, "print\nmore\n");
            }
            Work::Advance => assert_eq!(self.phase(), 1),
        }
    }

    /// Runs it again and demands that all is well then.
    fn completes(&self, boundary: &str) {
        let ran = self.run();
        let done_before = match self.work {
            // The step is in the ledger, so the next phase is what is asked for now; or nothing is left to undo.
            Work::Advance => ran.err.contains("phase 1 is not done"),
            Work::Undo => ran.err.contains("was not set up"),
            _ => false,
        };
        assert!(ran.code == Some(0) || done_before, "{boundary}: {ran}");
        self.is_whole();
        if matches!(self.work, Work::Verify | Work::Rollback) {
            let left = sql(
                &self.stage.server,
                "postgres",
                &format!(
                    "select datname from pg_database where datname like 'nba_verify_%' and pg_get_userbyid(datdba) = '{}'",
                    self.name
                ),
            );
            // Only between making and marking it is a database nobody's, for ten minutes.
            let allowed = usize::from(boundary == "restore.created");
            assert!(left.len() <= allowed, "{boundary}: {left:?} is left");
        }
    }
}

/// One trial, from its beginning to its end.
fn attempt(stage: &Stage, work: Work, end: End, boundary: &str) {
    let trial = stage.trial(work);
    if trial.end(end) {
        trial.is_whole();
    }
    trial.holds();
    trial.completes(boundary);
    if work == Work::Setup
        && let End::Killed(at) = end
    {
        // The other way out: what was begun is taken back.
        let trial = stage.trial(work);
        trial.end(End::Killed(at));
        let ran = trial.place.nba(&["setup", "--undo"]);
        assert!(
            ran.code == Some(0) || ran.err.contains("was not set up"),
            "{boundary}: {ran}"
        );
        let original = tree(&stage.template("setup").join("project"));
        let diff = original.diff(&tree(&trial.place.project)).unwrap();
        assert!(diff.is_empty(), "{boundary}: {diff:?}");
    }
}

#[test]
fn ended_at_any_boundary_nothing_is_half_done() {
    let stage = Stage::build();
    let mut trials = Vec::new();
    for work in Work::ALL {
        let boundaries = stage.trial(work).boundaries();
        println!("{}: {}", work.name(), boundaries.join(" "));
        assert!(boundaries.len() > 1, "{} has no boundaries", work.name());
        for (index, boundary) in boundaries.iter().enumerate() {
            trials.push((work, End::Killed(index + 1), boundary.clone()));
            if boundary.starts_with("backup.") || boundary.starts_with("restore.") {
                trials.push((work, End::CutOff(index + 1), boundary.clone()));
            }
        }
        // From "not a byte" up to a file of a record, an item, a manifest.
        for kib in [0, 1, 2, 4, 16] {
            trials.push((work, End::Full(kib), format!("{kib} KiB")));
        }
    }
    let failed = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((work, end, boundary)) =
                    trials.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let tried =
                        catch_unwind(AssertUnwindSafe(|| attempt(&stage, *work, *end, boundary)));
                    if tried.is_err() {
                        let how = match end {
                            End::Killed(_) => "killed at",
                            End::CutOff(_) => "cut off at",
                            End::Full(_) => "no file above",
                        };
                        failed
                            .lock()
                            .unwrap()
                            .push(format!("{} {how} {boundary}", work.name()));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    println!("{} trials", trials.len());
    stage.runtime.block_on(stage.server.stop()).unwrap();
    assert!(failed.is_empty(), "failed, see above: {failed:#?}");
}
