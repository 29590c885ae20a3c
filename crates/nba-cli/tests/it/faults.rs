//! Everything that writes in steps, ended at every boundary between two steps: killed, cut off from the server (its sessions ended,
//! the network cut), out of room (files limited, the disk full).
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
use nba_testkit::proxy::{FaultProxy, Upstream};
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
    Cleanup,
    Back,
}

impl Work {
    const ALL: [Self; 9] = [
        Self::Rollback,
        Self::Verify,
        Self::Create,
        Self::Setup,
        Self::Undo,
        Self::Code,
        Self::Advance,
        Self::Cleanup,
        Self::Back,
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
            Self::Cleanup => "cleanup",
            Self::Back => "back",
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
    /// At that boundary, the network between it and the server is cut.
    Unplugged(usize),
    /// No file may become larger than this many KiB.
    Full(u32),
    /// The disk has this many KiB left, and they run out.
    DiskFull(u64),
}

/// A small disk in memory, of which a trial has all; only root may mount one.
struct Disk {
    folder: PathBuf,
}

/// Room for everything a trial does when nothing is in its way, with what a backup wants to be kept free, in KiB.
const ROOM: u64 = 512 * 1024;

impl Disk {
    fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        mount(&format!("size={ROOM}k"), folder).then(|| Self {
            folder: folder.to_owned(),
        })
    }

    /// Leaves this many KiB of what is not used.
    fn leave(&self, kib: u64) {
        let found = free_kib(&self.folder);
        let used = ROOM - found;
        assert!(mount(
            &format!("remount,size={}k", used + kib),
            &self.folder
        ));
    }

    fn enlarge(&self) {
        assert!(mount(&format!("remount,size={ROOM}k"), &self.folder));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Somebody may still look at it for a moment: it goes when nobody does.
        let gone = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.folder)
            .status();
        if !gone.is_ok_and(|status| status.success()) {
            eprintln!("left mounted: {}", self.folder.display());
        }
    }
}

fn mount(options: &str, folder: &Path) -> bool {
    std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(folder)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// KiB that are free, as `df` says.
fn free_kib(folder: &Path) -> u64 {
    let said = std::process::Command::new("df")
        .args(["-k", "--output=avail"])
        .arg(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    text.lines().last().unwrap().trim().parse().unwrap()
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
    /// A step that is wrong on purpose.
    plant: Option<&'static str>,
    /// What stands between it and the server.
    proxy: Option<FaultProxy>,
    disk: Option<Disk>,
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

fn settle(project: &Path, url: &str) {
    let text = format!("[database]\ntarget = \"replica\"\n\n[targets.replica]\nurl = \"{url}\"\n");
    std::fs::write(project.join("nba.toml"), text).unwrap();
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
        stage.all_phases_done();
        stage
    }

    /// A checkout with a script that a port replaced, and one with that script moved away.
    fn all_phases_done(&self) {
        copy(&self.template("create"), &self.template("cleanup"));
        let place = self.place(Work::Cleanup);
        let settings = place.project.join("nba.toml");
        let text = std::fs::read_to_string(&settings).unwrap();
        std::fs::write(
            &settings,
            text + "\n[entry_points]\n\"etl.job\" = \"job\"\n",
        )
        .unwrap();
        let nothing = place.home.join("nothing");
        std::fs::create_dir(&nothing).unwrap();
        let crontab = place.home.join("none");
        std::fs::write(&crontab, "").unwrap();
        let words = [
            "state",
            "capture",
            "--crontab",
            "../home/none",
            "--root",
            "../home/nothing",
        ];
        place.nba(&words).exits(0);
        let evidence = ledger(&place.project);
        for entry in [
            Entry::new("switch", Verdict::Proven)
                .figure("capability", "etl.job")
                .figure("to", "native"),
            Entry::new("phase advance", Verdict::Proven).figure("to", 6),
            Entry::new("restore point", Verdict::Proven),
        ] {
            evidence.append(&entry).unwrap();
        }
        copy(&self.template("cleanup"), &self.template("back"));
        self.place(Work::Back)
            .nba(&["phase", "cleanup", "--yes"])
            .exits(0);
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
        settle(
            project,
            &format!("postgres:///{database}?host={socket}&port={port}&user={role}"),
        );
    }

    /// The same with a network between, which can be cut.
    fn proxy(&self, project: &Path, database: &str, role: &str) -> FaultProxy {
        let socket = format!(".s.PGSQL.{}", self.server.port());
        let upstream = Upstream::Unix(self.server.socket_dir().join(socket));
        let proxy = FaultProxy::start(upstream).unwrap();
        let address = proxy.address();
        settle(
            project,
            &format!("postgres://{role}@{address}/{database}?sslmode=disable"),
        );
        proxy
    }

    fn trial(&self, work: Work) -> Trial<'_> {
        let name = format!(
            "{}_{}",
            work.name(),
            self.trials.fetch_add(1, Ordering::Relaxed)
        );
        copy(&self.template(work.name()), &self.template(&name));
        self.prepared(work, name, None)
    }

    /// The same on a disk of its own; `None` where none may be mounted.
    fn trial_on_a_disk(&self, work: Work) -> Option<Trial<'_>> {
        let name = format!(
            "{}_{}",
            work.name(),
            self.trials.fetch_add(1, Ordering::Relaxed)
        );
        let folder = self.template(&name);
        let disk = Disk::mount(&folder)?;
        copy(&self.template(work.name()).join("."), &folder);
        Some(self.prepared(work, name, Some(disk)))
    }

    fn prepared(&self, work: Work, name: String, disk: Option<Disk>) -> Trial<'_> {
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
            plant: None,
            proxy: None,
            disk,
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
            Work::Cleanup => &["phase", "cleanup", "--yes"],
            Work::Back => &["phase", "cleanup", "--undo"],
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
        let planted = self.plant.iter().flat_map(|name| ["--plant", name]);
        words
            .iter()
            .copied()
            .chain(planted)
            .map(str::to_owned)
            .collect()
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
            End::CutOff(at) => self.held(at, |trial| {
                sql(
                    &trial.stage.server,
                    "postgres",
                    &format!(
                        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = '{}'",
                        trial.name
                    ),
                );
            }),
            End::Unplugged(at) => self.held(at, |trial| {
                trial.proxy.as_ref().unwrap().cut();
            }),
            End::DiskFull(kib) => {
                let disk = self.disk.as_ref().unwrap();
                disk.leave(kib);
                let ran = self.run();
                disk.enlarge();
                ended(&ran)
            }
            End::Full(kib) => {
                let words = self.words().join(" ");
                let ran = self
                    .place
                    .shell(&format!("trap '' XFSZ; ulimit -f {kib}; exec nba {words}"));
                ended(&ran)
            }
        }
    }

    /// Stops it at a boundary, takes something away, lets it go on; whether it ended as if it were done.
    fn held(&self, at: usize, take: impl FnOnce(&Self)) -> bool {
        let mut words = self.words();
        words.extend(["--fault".to_owned(), format!("hold:{at}")]);
        let running = self.place.spawn(&words);
        let stat = format!("/proc/{}/stat", running.id());
        wait_for("boundary", LIMIT, || {
            let stat = std::fs::read_to_string(&stat).unwrap_or_default();
            let state = stat.rsplit(')').next().unwrap_or_default();
            state.trim_start().starts_with('T').then_some(())
        });
        take(self);
        running.signal("CONT");
        ended(&running.ends_within(LIMIT))
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
            Work::Cleanup | Work::Back => {
                // Under one name or the other, or, between the two steps of a move, under both; never under none.
                let names = ["scripts/job.py", "scripts_legacy/job.py"];
                let there = names.map(|name| std::fs::read_to_string(project.join(name)).ok());
                let whole = Some("print\nmore\n".to_owned());
                assert!(there.contains(&whole), "{there:?}");
                assert!(there.iter().all(|text| text.is_none() || *text == whole));
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
            Work::Cleanup => assert!(
                project.join("scripts_legacy/job.py").exists()
                    && !project.join("scripts/job.py").exists()
            ),
            Work::Back => assert!(
                project.join("scripts/job.py").exists()
                    && !project.join("scripts_legacy/job.py").exists()
                    && !project.join(".nba/cleanup.json").exists()
            ),
        }
    }

    /// Runs it again and demands that all is well then.
    fn completes(&self, boundary: &str) {
        let ran = self.run();
        let done_before = match self.work {
            // The step is in the ledger, so the next phase is what is asked for now; or nothing is left to undo.
            Work::Advance => ran.err.contains("phase 1 is not done"),
            Work::Undo => ran.err.contains("was not set up"),
            Work::Back => ran.err.contains("no script was moved"),
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

/// Done, or an error that says why not; nothing else is an end. Whether it was done.
fn ended(ran: &Ran) -> bool {
    assert!(
        ran.code == Some(0) || (ran.code == Some(2) && ran.err.contains("error:")),
        "{ran}"
    );
    ran.code == Some(0)
}

/// One trial, from its beginning to its end.
fn attempt(stage: &Stage, work: Work, end: End, boundary: &str, plant: Option<&'static str>) {
    let mut trial = match end {
        End::DiskFull(_) => stage.trial_on_a_disk(work).unwrap(),
        _ => stage.trial(work),
    };
    trial.plant = plant;
    if let End::Unplugged(_) = end {
        trial.proxy = Some(stage.proxy(&trial.place.project, "src", &trial.name));
    }
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
    let disks = Disk::mount(&stage.template("disk")).is_some();
    if !disks {
        println!("skipped: trials on a full disk, because only root may mount one");
    }
    let mut trials = Vec::new();
    for work in Work::ALL {
        let boundaries = stage.trial(work).boundaries();
        println!("{}: {}", work.name(), boundaries.join(" "));
        assert!(boundaries.len() > 1, "{} has no boundaries", work.name());
        for (index, boundary) in boundaries.iter().enumerate() {
            trials.push((work, End::Killed(index + 1), boundary.clone()));
            if boundary.starts_with("backup.") || boundary.starts_with("restore.") {
                trials.push((work, End::CutOff(index + 1), boundary.clone()));
                trials.push((work, End::Unplugged(index + 1), boundary.clone()));
            }
        }
        // From "not a byte" up to a file of a record, an item, a manifest.
        for kib in [0, 1, 2, 4, 16] {
            trials.push((work, End::Full(kib), format!("{kib} KiB")));
        }
        if disks {
            for kib in [0, 4, 16] {
                trials.push((work, End::DiskFull(kib), format!("{kib} KiB left")));
            }
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
                    let tried = catch_unwind(AssertUnwindSafe(|| {
                        attempt(&stage, *work, *end, boundary, None);
                    }));
                    if tried.is_err() {
                        let how = match end {
                            End::Killed(_) => "killed at",
                            End::CutOff(_) => "cut off at",
                            End::Unplugged(_) => "unplugged at",
                            End::Full(_) => "no file above",
                            End::DiskFull(_) => "the disk full with",
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
    for (work, plant, at) in [
        (Work::Undo, "undo-forgets-first", "setup.undo"),
        (Work::Rollback, "rollback-tells-first", "rollback.code"),
    ] {
        would_be_noticed(&stage, work, plant, at);
    }
    stage.runtime.block_on(stage.server.stop()).unwrap();
    assert!(failed.is_empty(), "failed, see above: {failed:#?}");
}

/// With a step that is wrong on purpose, whole runs still end well, and one of the trials fails: the trials look at what matters.
fn would_be_noticed(stage: &Stage, work: Work, plant: &'static str, at: &str) {
    let mut whole = stage.trial(work);
    whole.plant = Some(plant);
    let boundaries = whole.boundaries();
    let mut tried = boundaries
        .iter()
        .enumerate()
        .filter(|(_, boundary)| *boundary == at);
    let noticed = tried.any(|(index, boundary)| {
        let end = End::Killed(index + 1);
        catch_unwind(AssertUnwindSafe(|| {
            attempt(stage, work, end, boundary, Some(plant));
        }))
        .is_err()
    });
    assert!(noticed, "`{plant}` went unnoticed at {boundaries:?}");
    println!("{plant}: noticed, as it has to be (a failure above is this one)");
}
