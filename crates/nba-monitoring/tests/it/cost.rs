//! What watching costs is counted as the server counts it, and the budget is kept by name.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use nba_monitoring::checks::{Observation, RunOptions, Settings, run};
use nba_monitoring::watch::{Level, Monitor, Policy, Tick, read_state};

use crate::checks::{Watcher, still_platform};
use crate::platform::Platform;

const QUIET: &str = "[limits]\nfree_percent = 0\n\
     [[heartbeats]]\nname = \"loop\"\nsql = \"select count(*) from public.dims_config\"\nmax_hours = 8.0\n";

#[tokio::test]
async fn pages_are_counted_as_the_server_counts_them_and_a_quiet_heartbeat_has_none() {
    let platform = still_platform().await;
    platform.execute("analyze").await;
    let mut watcher = Watcher::new(&platform, QUIET).await;
    watcher.look().await;
    for _ in 0..2 {
        watcher.now += TimeDelta::minutes(5);
        let (seen, pages) = watcher.look().await;
        assert_eq!(pages, 0, "pages of a quiet look");
        let cost = watcher.memory.cost.take();
        assert_eq!(cost.pages, Some(0));
        assert!(cost.statements.unwrap() > 20, "{cost:?}");
        assert!(cost.connections >= Some(2), "{cost:?}");
        assert!(cost.db_ms.unwrap() > 0.0 && cost.received_bytes.unwrap() > 1_000);
        assert_eq!(verdict(&seen, "work.heartbeats"), "proven");
        assert_eq!(verdict(&seen, "monitor.cost"), "proven");
    }
    // In time the tables are asked though nobody wrote: all that is touched is ours.
    watcher.now += TimeDelta::hours(7);
    let (_, pages) = watcher.look().await;
    assert!(pages > 0);
    assert_eq!(
        watcher.memory.cost.take().pages,
        u64::try_from(pages).ok(),
        "the server's own count"
    );
    // A figure that stands still is seen without asking for it again.
    watcher.now += TimeDelta::hours(2);
    let (seen, pages) = watcher.look().await;
    assert_eq!(pages, 0);
    let beat = named(&seen, "work.heartbeats");
    assert!(
        beat.verdict.is_refuted() && beat.message.contains("loop: its figure has been 1 for 9"),
        "{beat:?}"
    );
    // A row more, and it is asked again.
    platform
        .execute("insert into dims_config values ('cycle', '1')")
        .await;
    let pages = watcher
        .look_until("work.heartbeats", "proven", "1 jobs do their work")
        .await;
    assert!(pages > 0);
    // What may depend on the time is asked at each look.
    watcher.settings = Settings::parse(
        "monitoring.toml".as_ref(),
        "[limits]\nfree_percent = 0\n[[heartbeats]]\nname = \"loop\"\nmax_hours = 8.0\n\
         sql = \"select count(*) from public.dims_config where now() > '2000-01-01'\"\n",
    )
    .unwrap();
    for _ in 0..2 {
        assert!(watcher.look().await.1 > 0);
    }
}

fn named<'a>(seen: &'a [Observation], id: &str) -> &'a Observation {
    seen.iter().find(|seen| seen.id == id).unwrap()
}

fn verdict<'a>(seen: &'a [Observation], id: &str) -> &'a str {
    named(seen, id).verdict.as_str()
}

/// A watch with its state on disk.
struct Watched<'a> {
    platform: &'a Platform,
    monitor: Monitor,
    now: DateTime<Utc>,
}

impl Watched<'_> {
    async fn look(
        &mut self,
        forward: TimeDelta,
        text: &str,
    ) -> (BTreeMap<String, Observation>, Tick) {
        self.now += forward;
        let mut options = RunOptions::default();
        options.now = Some(self.now);
        let settings = Settings::parse("monitoring.toml".as_ref(), text).unwrap();
        let memory = &mut self.monitor.state.memory;
        let seen = run(&self.platform.db, &settings, memory, &options).await;
        let by_id = seen.iter().map(|seen| (seen.id.clone(), seen.clone()));
        let by_id = by_id.collect();
        let interval = Duration::from_secs(300);
        let tick = self.monitor.tick(self.now, interval, 1, seen).await;
        (by_id, tick)
    }
}

const SLOW: &str = "[limits]\nfree_percent = 0\n[budget]\nlook_ms = 2000\n\
     [[heartbeats]]\nname = \"slow\"\nsql = \"select 1::int8 from pg_catalog.pg_sleep(2.1)\"\nmax_hours = 1.0\n";
const LOW: &str = "[limits]\nfree_percent = 0\n[budget]\nhour_ms = 1000\n";

#[tokio::test]
async fn a_slow_statement_is_named_and_dear_checks_are_put_off_by_name() {
    let platform = still_platform().await;
    let folder = platform.folder.path().join("monitor");
    let now = "2024-12-02T12:00:00Z".parse().unwrap();
    let mut watch = Watched {
        platform: &platform,
        monitor: Monitor::open(&folder, now, Policy::default()).unwrap(),
        now,
    };
    // The planted defect: a statement that takes more than the whole look may.
    let (seen, tick) = watch.look(TimeDelta::zero(), SLOW).await;
    let cost = &seen["monitor.cost"];
    assert!(
        cost.verdict.is_refuted() && cost.message.contains("the dearest is `work.heartbeats`"),
        "{cost:?}"
    );
    assert_eq!(tick.cost.put_off, ["work.phase8"], "what comes after it");
    assert!(tick.cost.db_ms.unwrap() > 2_000.0, "{:?}", tick.cost);
    assert_eq!(tick.cost.dearest[0].0, "work.heartbeats");
    assert_eq!(seen["freshness.games"].verdict.as_str(), "proven");
    let put_off = &seen["work.phase8"];
    assert!(
        put_off.verdict.as_str() == "not_proven" && put_off.message.contains("over budget"),
        "{put_off:?}"
    );
    // The hour remembers, also across a restart: what is known stands, what would have to be asked is put off.
    watch.monitor.save().unwrap();
    let memory = watch.monitor.state.memory.clone();
    let kept = read_state(&folder).unwrap().unwrap();
    assert_eq!(kept.memory.cost, memory.cost);
    let five = TimeDelta::minutes(5);
    let (seen, tick) = watch.look(five, LOW).await;
    assert_eq!(seen["freshness.games"].verdict.as_str(), "proven");
    assert_eq!(seen["monitor.cost"].verdict.as_str(), "refuted");
    assert!(seen["monitor.cost"].message.contains("the last hour took"));
    assert_eq!(tick.cost.put_off, ["work.phase8"]);
    assert_eq!(tick.cost.pages, Some(0), "nothing was asked");
    platform
        .execute("insert into games select '499', date '2024-12-02', season, home_team_id, away_team_id, 1, 0, now() from games limit 1")
        .await;
    let mut put_off = Vec::new();
    for _ in 0..200 {
        let (seen, tick) = watch.look(TimeDelta::zero(), LOW).await;
        put_off = tick.cost.put_off;
        if put_off.len() == 3 {
            assert_eq!(seen["freshness.games"].verdict.as_str(), "not_proven");
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        put_off,
        ["freshness.games", "freshness.sources", "work.phase8"]
    );
    assert_eq!(
        watch.monitor.state.checks["monitor.cost"].level,
        Level::Warning
    );
    // Who asks in person is answered.
    let mut options = RunOptions::default();
    options.now = Some(watch.now);
    options.only = vec!["freshness.games".to_owned()];
    options.unbudgeted = true;
    let mut memory = watch.monitor.state.memory.clone();
    let settings = Settings::parse("monitoring.toml".as_ref(), LOW).unwrap();
    let seen = run(&platform.db, &settings, &mut memory, &options).await;
    assert!(seen[0].verdict.is_proven(), "{seen:?}");
    // When the hour is over, everything is asked again. One of them costs less than a second in all.
    let usual = "[limits]\nfree_percent = 0\n";
    for _ in 0..2 {
        let (seen, tick) = watch.look(TimeDelta::minutes(61), usual).await;
        assert!(tick.cost.put_off.is_empty(), "{:?}", tick.cost);
        for id in ["freshness.games", "freshness.sources", "monitor.cost"] {
            assert_eq!(seen[id].verdict.as_str(), "proven", "{:?}", seen[id]);
        }
    }
    assert_eq!(
        watch.monitor.state.checks["monitor.cost"].level,
        Level::Good
    );
    let past = watch.monitor.history();
    let series = past
        .series("monitor.", watch.now - TimeDelta::hours(12), watch.now, 12)
        .await
        .unwrap();
    for name in [
        "monitor.db_ms",
        "monitor.pages",
        "monitor.statements",
        "monitor.look_ms",
    ] {
        assert!(series.contains_key(name), "{name}: {:?}", series.keys());
    }
}
