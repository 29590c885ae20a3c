//! The run: a platform, a lake, proxies in front of both, faults one after the other, and what must be seen of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use nba_config::{DatabaseTarget, Host, S3Settings, SslMode};
use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::tokio_postgres::{Client, NoTls};
use nba_etl::Lake;
use nba_monitoring::alerts::NoticeKind;
use nba_monitoring::checks::{
    Evidence, LastBackup, Observation, RunOptions, Settings, observe_evidence, observe_lake, run,
    unreachable,
};
use nba_monitoring::watch::{EventKind, Monitor, Policy, State};
use nba_testkit::proxy::{Fault, FaultProxy, Upstream};
use nba_testkit::s3::{S3Credentials, S3Server};
use nba_utils::Verdict;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};

const DATABASE: &str = "nba_simulator";
const BUCKET: &str = "lake";
/// The watch's own interval; nobody waits for it.
const INTERVAL: Duration = Duration::from_secs(300);
/// Looks after which a planted defect has to be an alarm: three bad ones, and a listing of the lake or an hour of standing still.
const SEEN_WITHIN: u64 = 20;
/// Looks a fault's alarm may outlive it.
const CLEARED_WITHIN: u64 = 8;
const SCHEMA: &str = "
create table games (game_id varchar(50) primary key, game_date date not null);
insert into games select n::text, date '2024-10-22' + n / 10 from generate_series(1, 400) n;
create table box_score_players (game_id text, player_id text, points int, unique (game_id, player_id));
insert into box_score_players select g::text, p::text, p from generate_series(1, 400) g, generate_series(1, 10) p;
create table ids (id serial primary key);
create table beats (n bigint);
insert into beats values (0);
analyze;
";

const SETTINGS: &str = r#"
disk_gb = 1000
lake = "s3"
[limits]
dead_rows = 1000000000
lake_hours = 0.25
free_percent = 0
[[prefixes]]
prefix = "pbp/"
[[heartbeats]]
name = "loop"
sql = "select n from public.beats"
max_hours = 1.0
[[off]]
check = "freshness.*"
reason = "the clock of this run is not the data's"
owner = "endurance"
until = "2099-12-31"
[alerts]
dedupe_minutes = 0
reminder_minutes = 100000
[[alerts.channels]]
name = "team"
kind = "command"
command = ["true"]
"#;

/// How long, and with which faults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Looks.
    pub(crate) ticks: u64,
    /// Chooses where faults begin.
    pub(crate) seed: u64,
    /// Looks from one fault's end to the next.
    pub(crate) quiet: u64,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    ServerRestart,
    ShortCut,
    LongCut,
    StatsReset,
    ClockBack,
    ClockAhead,
    SlowNetwork,
    HistoryUnwritable,
    LakeUnreachable,
    Killed,
    Sigkill,
    RowsLost,
    ObjectLost,
    SequenceEnds,
    JobStandsStill,
}

use Kind::*;

/// Every kind in turn.
const KINDS: [Kind; 15] = [
    ServerRestart,
    // Rows are lost while nothing but the counters can tell.
    StatsReset,
    RowsLost,
    ShortCut,
    Killed,
    ObjectLost,
    ClockBack,
    LongCut,
    SlowNetwork,
    SequenceEnds,
    HistoryUnwritable,
    LakeUnreachable,
    Sigkill,
    JobStandsStill,
    ClockAhead,
];

impl Kind {
    /// Looks it lasts.
    fn looks(self) -> u64 {
        match self {
            ServerRestart | StatsReset | ClockBack | ClockAhead | Killed | Sigkill => 1,
            ShortCut | LakeUnreachable | SlowNetwork => 2,
            HistoryUnwritable => 3,
            LongCut => 6,
            RowsLost | ObjectLost | SequenceEnds | JobStandsStill => SEEN_WITHIN,
        }
    }

    /// The check that has to go into alarm, if one has to.
    fn seen_by(self) -> Option<&'static str> {
        match self {
            LongCut => Some("db.connection"),
            RowsLost => Some("volume.tables"),
            ObjectLost => Some("lake.prefixes"),
            SequenceEnds => Some("db.sequences"),
            JobStandsStill => Some("work.heartbeats"),
            _ => None,
        }
    }
}

/// What the run came to.
#[derive(Debug, Default, Serialize)]
#[allow(dead_code, reason = "the example and the test each look at a part")]
pub(crate) struct Outcome {
    ticks: u64,
    simulated_days: f64,
    seed: u64,
    faults: BTreeMap<Kind, u64>,
    planted: u64,
    pub(crate) missed: Vec<String>,
    pub(crate) false_alarms: Vec<String>,
    pub(crate) wrong: Vec<String>,
    raised: u64,
    resolved: u64,
    deliveries_failed: u64,
    restarts_right: u64,
    kills_right: u64,
    history_faults: u64,
    state_bytes: u64,
    pub(crate) rss_early_kb: Option<u64>,
    pub(crate) rss_end_kb: Option<u64>,
    look_ms_mean: f64,
    wall_s: f64,
}

impl Outcome {
    /// Whether every kind of fault happened.
    #[allow(dead_code, reason = "asked by the test")]
    pub(crate) fn all_kinds(&self) -> bool {
        self.faults.len() == KINDS.len()
    }
}

/// The world around the watch.
struct World {
    server: EmbeddedServer,
    database: FaultProxy,
    target: DatabaseTarget,
    storage: FaultProxy,
    lake: Lake,
    objects: PathBuf,
    _s3: S3Server,
    folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        server.create_database(DATABASE).await.unwrap();
        let socket = server
            .socket_dir()
            .join(format!(".s.PGSQL.{}", server.port()));
        let database = FaultProxy::start(Upstream::Unix(socket)).unwrap();
        let address = database.address();
        let mut target = DatabaseTarget::new(
            Host::Tcp(address.ip().to_string()),
            address.port(),
            DATABASE,
            server.user(),
        );
        target.ssl = SslMode::Disable;
        std::fs::create_dir(folder.path().join("s3")).unwrap();
        let s3 = S3Server::start(&folder.path().join("s3"), S3Credentials::random()).unwrap();
        let objects = s3.create_bucket(BUCKET).unwrap().join("pbp");
        std::fs::create_dir_all(&objects).unwrap();
        for number in 0..20 {
            std::fs::write(objects.join(format!("{number}.json")), "0123456789").unwrap();
        }
        let upstream = s3.endpoint().rsplit('/').next().unwrap().parse().unwrap();
        let storage = FaultProxy::start(Upstream::Tcp(upstream)).unwrap();
        let keys = s3.credentials();
        let lake = Lake::s3(&S3Settings {
            bucket: BUCKET.to_owned(),
            endpoint: Some(format!("http://{}", storage.address())),
            path_style: true,
            access_key_id: Some(keys.access_key.clone().into()),
            secret_access_key: Some(keys.secret_key.clone().into()),
            ..S3Settings::default()
        })
        .await;
        let world = Self {
            server,
            database,
            target,
            storage,
            lake,
            objects,
            _s3: s3,
            folder,
        };
        world.execute(SCHEMA).await;
        world
    }

    /// Runs statements as the platform does, past the proxy; its counters are on record when this returns.
    async fn execute(&self, sql: &str) {
        let (client, connection): (Client, _) =
            nba_db::tokio_postgres::connect(&self.server.url(DATABASE), NoTls)
                .await
                .unwrap();
        let running = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        running.await.unwrap().unwrap();
    }

    fn monitor(&self) -> PathBuf {
        self.folder.path().join("monitor")
    }
}

/// The run.
struct Run {
    world: World,
    settings: Settings,
    monitor: Option<Monitor>,
    now: DateTime<Utc>,
    outcome: Outcome,
    looking: Duration,
    deliveries: u64,
    beating: bool,
    /// How the process that will be killed is started.
    victim: Victim,
}

impl Run {
    fn monitor(&mut self) -> &mut Monitor {
        self.monitor.as_mut().unwrap()
    }

    async fn observe(&mut self, options: &RunOptions) -> Vec<Observation> {
        let memory = &mut self.monitor.as_mut().unwrap().state.memory;
        let mut seen = match Database::connect(&self.world.target).await {
            Ok(db) => run(&db, &self.settings, memory, options).await,
            Err(error) => unreachable(&error.to_string(), options),
        };
        let mut evidence = Evidence::unknown("not part of this run");
        evidence.ledger = Verdict::Proven;
        evidence.legacy_tree = Verdict::Proven;
        evidence.backup = Some(LastBackup {
            at: self.now - TimeDelta::hours(1),
            verdict: Verdict::Proven,
        });
        seen.extend(observe_evidence(&evidence, &self.settings, options));
        let lake = Ok(&self.world.lake);
        seen.extend(observe_lake(lake, &self.settings, &mut memory.lake, options).await);
        seen
    }

    /// One look, as the watch takes it; the checks in alarm.
    async fn look(&mut self, forward: TimeDelta) -> (BTreeSet<String>, Vec<EventKind>) {
        self.now += forward;
        if self.beating {
            self.world.execute("update beats set n = n + 1").await;
        }
        let began = Instant::now();
        let mut options = RunOptions::default();
        options.now = Some(self.now);
        let mut seen = self.observe(&options).await;
        let now = self.now;
        options.only = self.monitor().to_confirm(&seen, now);
        if !options.only.is_empty() {
            for again in self.observe(&options).await {
                if let Some(first) = seen.iter_mut().find(|first| first.id == again.id) {
                    *first = again;
                }
            }
        }
        let tick = self.monitor().tick(now, INTERVAL, 1, seen).await;
        self.looking += began.elapsed();
        self.outcome.history_faults += u64::from(!tick.faults.is_empty());
        self.tell(&tick.events);
        if tick.number % 12 == 1 {
            // What cannot be written keeps it from this, too.
            let _ = self.monitor().history().compact(now).await;
        }
        let kinds = tick.events.iter().map(|event| event.kind).collect();
        (tick.in_alarm.into_iter().collect(), kinds)
    }

    /// Every third delivery fails once.
    fn tell(&mut self, events: &[nba_monitoring::watch::Event]) {
        let Self {
            monitor,
            settings,
            now,
            outcome,
            deliveries,
            ..
        } = self;
        let state = &mut monitor.as_mut().unwrap().state;
        state
            .alerting
            .decide(&settings.alerts, DATABASE, events, &state.checks, *now);
        for outgoing in state.alerting.due(&settings.alerts, *now) {
            *deliveries += 1;
            if deliveries.is_multiple_of(3) && outgoing.attempts == 0 {
                outcome.deliveries_failed += 1;
                if let Some(lost) = state.alerting.failed(outgoing, "refused".to_owned(), *now) {
                    outcome.wrong.push(lost);
                }
                continue;
            }
            match outgoing.notice.kind {
                NoticeKind::Raised => outcome.raised += 1,
                NoticeKind::Resolved => outcome.resolved += 1,
                _ => {}
            }
        }
    }

    async fn begin(&mut self, kind: Kind) {
        let world = &self.world;
        match kind {
            ServerRestart => world.server.restart().await.unwrap(),
            ShortCut | LongCut => {
                world.database.set(Fault::Refuse);
                world.database.cut();
            }
            StatsReset => world.execute("select pg_stat_reset()").await,
            SlowNetwork => world.database.set(Fault::Delay(Duration::from_millis(5))),
            HistoryUnwritable => {
                // A folder in the place of a file cannot be written to, whoever tries.
                let file = world.monitor().join("history.db");
                self.monitor.as_ref().unwrap().history().close().await;
                std::fs::rename(&file, file.with_extension("kept")).unwrap();
                std::fs::create_dir(&file).unwrap();
            }
            LakeUnreachable => {
                world.storage.set(Fault::Refuse);
                world.storage.cut();
            }
            RowsLost => {
                world
                    .execute("delete from box_score_players where game_id::int <= 40")
                    .await;
            }
            ObjectLost => {
                let kept = world.folder.path().join("kept.json");
                std::fs::rename(world.objects.join("7.json"), kept).unwrap();
            }
            SequenceEnds => {
                world
                    .execute("select setval('ids_id_seq', 2147483600)")
                    .await;
            }
            JobStandsStill => self.beating = false,
            ClockBack => self.now -= TimeDelta::minutes(90),
            ClockAhead => self.now += TimeDelta::hours(2),
            Killed | Sigkill => {}
        }
    }

    async fn end(&mut self, kind: Kind) {
        let world = &self.world;
        match kind {
            ShortCut | LongCut | SlowNetwork => world.database.set(Fault::None),
            HistoryUnwritable => {
                let file = world.monitor().join("history.db");
                std::fs::remove_dir(&file).unwrap();
                std::fs::rename(file.with_extension("kept"), &file).unwrap();
            }
            LakeUnreachable => world.storage.set(Fault::None),
            RowsLost => {
                let sql = "insert into box_score_players select g::text, p::text, p from generate_series(1, 40) g, generate_series(1, 10) p";
                world.execute(sql).await;
                // Rows that came back are no proof that they are the same ones: a person accepts it.
                self.monitor().state.memory.volumes = Default::default();
            }
            ObjectLost => {
                let kept = world.folder.path().join("kept.json");
                std::fs::rename(kept, world.objects.join("7.json")).unwrap();
            }
            SequenceEnds => world.execute("select setval('ids_id_seq', 1, false)").await,
            JobStandsStill => self.beating = true,
            Killed => self.kill().await,
            Sigkill => self.sigkill().await,
            ServerRestart | StatsReset | ClockBack | ClockAhead => {}
        }
    }

    /// The process dies between a look and the keeping of its state: what was kept before is what is there.
    async fn kill(&mut self) {
        // Through the form it is kept in: the last digit of a number may differ from the one in memory.
        let kept = serde_json::to_vec(&self.monitor().state).unwrap();
        let kept: State = serde_json::from_slice(&kept).unwrap();
        let now = self.now;
        self.look(TimeDelta::seconds(300)).await;
        self.monitor = None;
        self.now = now;
        let monitor = Monitor::open(self.world.monitor(), now, Policy::default()).unwrap();
        if monitor.state == kept {
            self.outcome.restarts_right += 1;
        } else {
            self.outcome.wrong.push(format!(
                "tick {}: another state after a restart",
                kept.ticks
            ));
        }
        self.monitor = Some(monitor);
    }

    /// Another process takes the watch over and is killed at some moment of its work: what is there afterwards is what it had kept,
    /// or was about to keep.
    async fn sigkill(&mut self) {
        self.monitor = None;
        let folder = self.world.monitor();
        let mut child = (self.victim)(&folder, self.now)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told: Vec<State> = Vec::new();
        let mut wanted = 3 + self.now.timestamp().rem_euclid(7);
        while let Some(line) = lines.next_line().await.unwrap() {
            // The test harness of the short run says something, too.
            let Some((_, json)) = line.split_once(SAVING) else {
                continue;
            };
            if let Ok(state) = serde_json::from_str(json) {
                told.push(state);
            }
            wanted -= 1;
            if wanted == 0 {
                child.start_kill().unwrap();
            }
        }
        child.wait().await.unwrap();
        let last = told.last().unwrap();
        let monitor = Monitor::open(&folder, self.now, Policy::default()).unwrap();
        if told
            .iter()
            .rev()
            .take(2)
            .any(|state| *state == monitor.state)
        {
            self.outcome.kills_right += 1;
        } else {
            self.outcome.wrong.push(format!(
                "tick {}: another state ({}) after a kill",
                last.ticks, monitor.state.ticks
            ));
        }
        self.now = monitor.state.last_tick.unwrap();
        self.monitor = Some(monitor);
    }
}

/// What the process that will be killed says before each state it keeps.
const SAVING: &str = "saving ";

/// Starts a process that calls [`victim`] for this folder and time.
pub(crate) type Victim = fn(&Path, DateTime<Utc>) -> tokio::process::Command;

/// Watches on in another process, until it is killed: each check as it was last seen.
pub(crate) async fn victim(folder: &Path, mut now: DateTime<Utc>) {
    let mut monitor = Monitor::open(folder, now, Policy::default()).unwrap();
    // Nobody may be left behind by a run that was ended.
    for _ in 0..10_000 {
        now += TimeDelta::seconds(300);
        let seen = monitor.state.checks.values();
        let seen = seen.map(|check| check.last.clone()).collect();
        monitor.tick(now, INTERVAL, 1, seen).await;
        println!("{SAVING}{}", serde_json::to_string(&monitor.state).unwrap());
        monitor.save().unwrap();
    }
}

/// Kilobytes of this process in memory.
fn rss_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Watches until the plan is done.
pub(crate) async fn endure(plan: Plan, victim: Victim) -> Outcome {
    let began = Instant::now();
    let world = World::start().await;
    let start: DateTime<Utc> = "2025-01-10T00:10:00Z".parse().unwrap();
    let monitor = Monitor::open(world.monitor(), start, Policy::default()).unwrap();
    let mut run = Run {
        world,
        settings: Settings::parse("monitoring.toml".as_ref(), SETTINGS).unwrap(),
        monitor: Some(monitor),
        now: start,
        outcome: Outcome {
            seed: plan.seed,
            ..Outcome::default()
        },
        looking: Duration::ZERO,
        deliveries: 0,
        beating: true,
        victim,
    };
    let mut random = plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below.max(1)
    };
    let mut kinds = KINDS.iter().copied().cycle();
    let mut fault: Option<(Kind, u64)> = None;
    let mut due = plan.quiet;
    // Checks that may be in alarm, and until which look.
    let mut allowed: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen = false;
    for tick in 1..=plan.ticks {
        if fault.is_none() && tick >= due && tick + SEEN_WITHIN + CLEARED_WITHIN < plan.ticks {
            let kind = kinds.next().unwrap();
            *run.outcome.faults.entry(kind).or_insert(0) += 1;
            run.begin(kind).await;
            fault = Some((kind, tick + kind.looks()));
            seen = false;
            run.outcome.planted += u64::from(kind.seen_by().is_some());
        }
        let jitter = i64::try_from(next(20)).unwrap();
        let (in_alarm, events) = run.look(TimeDelta::seconds(290 + jitter)).await;
        if let Some((kind, _)) = fault {
            match kind {
                LongCut => {
                    // Nothing of the database can be told.
                    for id in &in_alarm {
                        allowed.insert(id.clone(), tick + CLEARED_WITHIN);
                    }
                }
                _ => {
                    if let Some(id) = kind.seen_by() {
                        allowed.insert(id.to_owned(), tick + CLEARED_WITHIN);
                    }
                }
            }
            seen |= kind.seen_by().is_some_and(|id| in_alarm.contains(id));
            let told = match kind {
                ClockBack => events.contains(&EventKind::ClockSetBack),
                ClockAhead => events.contains(&EventKind::Gap),
                _ => true,
            };
            if !told {
                run.outcome
                    .missed
                    .push(format!("tick {tick}: {kind:?} left no event"));
            }
        }
        for id in &in_alarm {
            if allowed.get(id).is_none_or(|until| *until < tick) {
                let check = &run.monitor().state.checks[id];
                let text = format!("tick {tick}: {id}: {}", check.last.message);
                run.outcome.false_alarms.push(text);
            }
        }
        run.monitor().save().unwrap();
        if let Some((kind, until)) = fault
            && (tick + 1 >= until || (seen && kind.seen_by().is_some()))
        {
            if kind.seen_by().is_some() && !seen {
                run.outcome.missed.push(format!("tick {tick}: {kind:?}"));
            }
            run.end(kind).await;
            fault = None;
            due = tick + plan.quiet + next(plan.quiet / 4 + 1);
        }
        if tick == plan.ticks / 5 {
            run.outcome.rss_early_kb = rss_kb();
        }
    }
    // What is still to be delivered is delivered.
    for _ in 0..4 {
        run.look(TimeDelta::seconds(300)).await;
    }
    if run.outcome.raised != run.outcome.resolved {
        let text = format!(
            "{} raised, {} resolved",
            run.outcome.raised, run.outcome.resolved
        );
        run.outcome.wrong.push(text);
    }
    run.outcome.rss_end_kb = rss_kb();
    run.outcome.ticks = run.monitor().state.ticks;
    let days = (run.now - start).num_minutes();
    run.outcome.simulated_days = f64::from(i32::try_from(days).unwrap()) / 1_440.0;
    let state = run.world.monitor().join("state.json");
    run.outcome.state_bytes = std::fs::metadata(state).unwrap().len();
    let looks = f64::from(u32::try_from(plan.ticks).unwrap());
    run.outcome.look_ms_mean = run.looking.as_secs_f64() * 1_000.0 / looks;
    run.outcome.wall_s = began.elapsed().as_secs_f64();
    run.world.server.stop().await.unwrap();
    run.outcome
}
