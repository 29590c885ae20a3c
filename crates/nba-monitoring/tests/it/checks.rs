//! Every live check sees the defect that is planted for it, and nothing without one.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_monitoring::checks::{
    CATALOGUE, Evidence, JobEvidence, LastBackup, LastRun, Memory, Observation, RunOptions,
    Settings, observe_evidence, observe_lake, run, unreachable,
};
use nba_utils::Verdict;

use crate::platform::{DATABASE, Platform, writer};

/// The day after the platform's last game.
fn now() -> DateTime<Utc> {
    "2024-12-02T12:00:00Z".parse().unwrap()
}

fn settings(text: &str) -> Settings {
    Settings::parse("monitoring.toml".as_ref(), text).unwrap()
}

/// A platform that can be replicated from.
async fn platform() -> Platform {
    let options = EmbeddedOptions {
        conf: [
            ("wal_level", "replica"),
            ("max_wal_senders", "4"),
            ("autovacuum", "on"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        hba: vec!["local replication all trust".to_owned()],
        ..EmbeddedOptions::default()
    };
    Platform::on(EmbeddedServer::start(options).await.unwrap()).await
}

/// One live check at one time.
struct Asker<'a> {
    db: &'a Database,
    memory: Memory,
    now: DateTime<Utc>,
}

impl Asker<'_> {
    async fn ask(&mut self, id: &str, settings: &Settings) -> Observation {
        let mut options = RunOptions::default();
        options.only = vec![id.to_owned()];
        options.now = Some(self.now);
        let mut seen = run(self.db, settings, &mut self.memory, &options).await;
        assert_eq!(seen.len(), 1, "{id}: {seen:?}");
        seen.remove(0)
    }

    /// The check is refuted, with words that name the defect.
    async fn refuted(&mut self, id: &str, settings: &Settings, named: &str) {
        let seen = self.ask(id, settings).await;
        assert!(
            seen.verdict.is_refuted() && seen.message.contains(named),
            "{id} does not see `{named}`: {seen:?}"
        );
    }

    async fn proven(&mut self, id: &str, settings: &Settings) {
        let seen = self.ask(id, settings).await;
        assert!(seen.verdict.is_proven(), "{seen:?}");
    }

    /// Statistics arrive with a delay of up to a second, and later on a busy machine.
    async fn refuted_soon(&mut self, id: &str, settings: &Settings, named: &str) {
        let mut seen = self.ask(id, settings).await;
        for _ in 0..600 {
            if seen.verdict.is_refuted() && seen.message.contains(named) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            seen = self.ask(id, settings).await;
        }
        panic!("{id} does not see `{named}`: {seen:?}");
    }
}

#[tokio::test]
async fn a_sound_platform_is_proven_by_every_check_that_applies() {
    let platform = Platform::start().await;
    let settings = settings("[limits]\nfree_percent = 0\n");
    let mut memory = Memory::default();
    let mut options = RunOptions::default();
    options.now = Some(now());
    for round in 0..2 {
        let seen = run(&platform.db, &settings, &mut memory, &options).await;
        let ids: BTreeSet<&str> = seen.iter().map(|seen| seen.id.as_str()).collect();
        let known = CATALOGUE.iter().filter(|spec| spec.cost.asks_database());
        assert_eq!(ids, known.map(|spec| spec.id).collect(), "all are asked");
        for observation in seen {
            let expected = match observation.id.as_str() {
                "db.replication_lag"
                | "db.replication_slots"
                | "work.heartbeats"
                | "work.phase8" => "not_applicable",
                _ => "proven",
            };
            assert_eq!(
                observation.verdict.as_str(),
                expected,
                "round {round}: {observation:?}"
            );
            assert!(!observation.message.is_empty(), "{observation:?}");
        }
    }
}

/// A platform on which nothing happens that a test does not do: autovacuum reads tables, too.
pub(crate) async fn still_platform() -> Platform {
    let mut options = EmbeddedOptions::default();
    options
        .conf
        .push(("autovacuum".to_owned(), "off".to_owned()));
    Platform::on(EmbeddedServer::start(options).await.unwrap()).await
}

/// Looks as the watch takes them, each over connections of its own, and what they touched.
pub(crate) struct Watcher<'a> {
    platform: &'a Platform,
    client: nba_db::tokio_postgres::Client,
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    pub(crate) now: DateTime<Utc>,
}

impl<'a> Watcher<'a> {
    /// The first look is yet to come.
    pub(crate) async fn new(platform: &'a Platform, text: &str) -> Self {
        Self {
            client: writer(&platform.server).await,
            platform,
            settings: settings(text),
            memory: Memory::default(),
            now: now(),
        }
    }

    /// A number that the server tells.
    async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Pages of tables, indexes and TOAST that were touched so far.
    async fn pages(&self) -> i64 {
        self.number(
            "select sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0) + coalesce(toast_blks_read + toast_blks_hit, 0) \
             + coalesce(tidx_blks_read + tidx_blks_hit, 0))::bigint from pg_statio_user_tables",
        )
        .await
    }

    /// One look at everything, and the pages of user tables it touched.
    pub(crate) async fn look(&mut self) -> (Vec<Observation>, i64) {
        const SESSIONS: &str =
            "select count(*) from pg_stat_activity where backend_type = 'client backend'";
        let before = self.pages().await;
        let sessions = self.number(SESSIONS).await;
        let db = Database::connect(&self.platform.server.target(DATABASE))
            .await
            .unwrap();
        let mut options = RunOptions::default();
        options.now = Some(self.now);
        self.memory.cost.take();
        let seen = run(&db, &self.settings, &mut self.memory, &options).await;
        db.close().await;
        // What a session touched is on record when it is gone.
        for _ in 0..600 {
            if self.number(SESSIONS).await <= sessions {
                return (seen, self.pages().await - before);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the sessions of a look are still there");
    }

    /// Looks until a check says something, and the pages that this look touched.
    pub(crate) async fn look_until(&mut self, id: &str, verdict: &str, named: &str) -> i64 {
        let mut last = None;
        for _ in 0..200 {
            let (seen, pages) = self.look().await;
            let found = seen.into_iter().find(|seen| seen.id == id).unwrap();
            if found.verdict.as_str() == verdict && found.message.contains(named) {
                return pages;
            }
            last = Some(found);
        }
        panic!("{id} is not {verdict} with `{named}`: {last:?}");
    }
}

/// Verdicts and values by id, but for what differs at each look.
fn answers(seen: &[Observation]) -> Vec<(&str, &str, Option<f64>)> {
    let steady = seen.iter();
    let steady = steady.filter(|seen| !seen.id.starts_with("db.") && seen.id != "monitor.cost");
    steady
        .map(|seen| (seen.id.as_str(), seen.verdict.as_str(), seen.value))
        .collect()
}

#[tokio::test]
async fn a_quiet_look_touches_no_page_of_a_table_and_a_write_ends_the_quiet() {
    let platform = still_platform().await;
    platform.execute("analyze").await;
    let mut watcher = Watcher::new(&platform, "[limits]\nfree_percent = 0\n").await;
    let (first, asked) = watcher.look().await;
    assert!(asked > 0, "the first look asks the tables");
    for _ in 0..3 {
        watcher.now += TimeDelta::minutes(5);
        let (again, pages) = watcher.look().await;
        assert_eq!(pages, 0, "pages of tables in a quiet look");
        assert_eq!(answers(&again), answers(&first));
    }
    // One row more, and the tables are asked again: of the same game day, so that only a look can tell.
    let sql = "insert into games select '499', date '2024-12-02', season, home_team_id, away_team_id, 1, 0, now() from games limit 1";
    platform.execute(sql).await;
    let pages = watcher
        .look_until("freshness.games", "proven", "2024-12-02")
        .await;
    assert!(pages > 0);
    let (_, pages) = watcher.look().await;
    assert_eq!(pages, 0, "quiet again");
    // No counter counts these: the file is another one, and the column is no more.
    platform.execute("truncate box_score_teams").await;
    watcher
        .look_until("freshness.sources", "refuted", "teams: nothing since")
        .await;
    platform
        .execute("alter table games drop column game_date cascade")
        .await;
    watcher
        .look_until("freshness.games", "not_applicable", "no table")
        .await;
}

#[tokio::test]
async fn without_counters_that_can_be_believed_every_look_asks_the_tables() {
    let platform = still_platform().await;
    let mut watcher = Watcher::new(&platform, "[limits]\nfree_percent = 0\n").await;
    watcher.look().await;
    assert_eq!(watcher.look().await.1, 0);
    // The figures are the same before and after, and the rows are not looked for by them.
    platform.execute("select pg_stat_reset()").await;
    assert!(watcher.look().await.1 > 0, "the counters start anew");
    // Nobody knows what a view reads.
    platform
        .execute("alter table box_score_teams rename to teams_of_games; create view box_score_teams as table teams_of_games")
        .await;
    for _ in 0..2 {
        assert!(watcher.look().await.1 > 0, "a view is always asked");
    }
    platform
        .execute("drop view box_score_teams; alter table teams_of_games rename to box_score_teams")
        .await;
    watcher.look().await;
    assert_eq!(watcher.look().await.1, 0);
    watcher.now += TimeDelta::hours(6);
    assert!(
        watcher.look().await.1 > 0,
        "after its time an answer is asked for again"
    );
    platform
        .execute("create role silent; alter role silent set track_counts = off")
        .await;
    for _ in 0..2 {
        assert!(watcher.look().await.1 > 0, "somebody writes uncounted");
    }
}

#[tokio::test]
async fn each_check_of_the_server_sees_its_planted_defect() {
    let platform = platform().await;
    let mut asker = Asker {
        db: &platform.db,
        memory: Memory::default(),
        now: now(),
    };
    let usual = Settings::default();

    // Free space: a disk of 15 MB is full, one of 1 TB is not.
    asker
        .refuted(
            "db.free_space",
            &settings("disk_gb = 0.015"),
            "% are wanted",
        )
        .await;
    asker
        .proven("db.free_space", &settings("disk_gb = 1000"))
        .await;
    asker
        .refuted(
            "db.free_space",
            &settings("[limits]\nfree_percent = 100"),
            "of the server's disk",
        )
        .await;

    // A transaction that stays open, idle.
    let sleeper = writer(&platform.server).await;
    let busy =
        settings("[limits]\ntransaction_minutes = 0.0001\nidle_in_transaction_minutes = 0.0001\n");
    for id in ["db.long_transactions", "db.idle_in_transaction"] {
        asker.proven(id, &busy).await;
    }
    sleeper
        .batch_execute("begin; lock table teams")
        .await
        .unwrap();
    asker
        .refuted_soon("db.long_transactions", &busy, "in a transaction for")
        .await;
    asker
        .refuted_soon("db.idle_in_transaction", &busy, "idle in a transaction for")
        .await;
    asker.proven("db.long_transactions", &usual).await;

    // Somebody waits for its lock.
    let impatient = settings("[limits]\nlock_wait_seconds = 0.01");
    asker.proven("db.lock_waits", &impatient).await;
    let waiter = writer(&platform.server).await;
    let waiting =
        tokio::spawn(async move { waiter.batch_execute("select count(*) from teams").await });
    asker
        .refuted_soon("db.lock_waits", &impatient, "for a lock on `public.teams`")
        .await;
    sleeper.batch_execute("rollback").await.unwrap();
    waiting.await.unwrap().unwrap();

    asker
        .refuted(
            "db.connections",
            &settings("[limits]\nconnections_percent = 0.5"),
            "connections are in use",
        )
        .await;
    asker.proven("db.connections", &usual).await;
    asker
        .refuted(
            "db.transaction_ids",
            &settings("[limits]\ntransaction_id_age = 1"),
            "1 are permitted",
        )
        .await;
    asker.proven("db.transaction_ids", &usual).await;

    // Dead rows that nobody removes.
    let strict = settings("[limits]\ndead_rows = 100");
    asker.proven("db.autovacuum", &strict).await;
    platform.execute("alter table box_score_players set (autovacuum_enabled = off); update box_score_players set points = points + 1").await;
    asker
        .refuted_soon(
            "db.autovacuum",
            &strict,
            "autovacuum is switched off for it",
        )
        .await;

    // An index that was not finished.
    asker.proven("db.invalid_indexes", &usual).await;
    let failed = writer(&platform.server).await;
    failed
        .batch_execute("create unique index concurrently broken on games (season)")
        .await
        .unwrap_err();
    asker
        .refuted("db.invalid_indexes", &usual, "public.broken")
        .await;

    // A serial column near the end of its type, not of its sequence.
    asker.proven("db.sequences", &usual).await;
    platform.execute("create table soon_full (id serial); alter sequence soon_full_id_seq as bigint; select setval('soon_full_id_seq', 2000000000)").await;
    asker
        .refuted(
            "db.sequences",
            &usual,
            "public.soon_full_id_seq is at 2,000,000,000 of 2,147,483,647",
        )
        .await;

    // A slot that nobody reads.
    let small = settings("[limits]\nreplication_lag_mb = 0.1");
    platform
        .execute("select pg_create_physical_replication_slot('forgotten', true)")
        .await;
    platform
        .execute(
            "create table filler as select repeat(n::text, 100) from generate_series(1, 5000) n",
        )
        .await;
    asker
        .refuted(
            "db.replication_slots",
            &small,
            "nobody reads slot `forgotten`",
        )
        .await;
    asker.proven("db.replication_slots", &usual).await;
}

#[tokio::test]
async fn a_receiver_that_stands_still_is_behind() {
    let platform = platform().await;
    let program = platform.server.programs().program("pg_receivewal");
    if !program.is_file() {
        println!("skipped: this PostgreSQL has no pg_receivewal");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = std::process::Command::new(&program);
    receiver
        .args(["--no-sync", "--no-loop", "-D"])
        .arg(folder.path())
        .args(["-d", &platform.server.url("postgres")]);
    let receiver = Child(receiver.spawn().unwrap());
    let mut asker = Asker {
        db: &platform.db,
        memory: Memory::default(),
        now: now(),
    };
    let small = settings("[limits]\nreplication_lag_mb = 0.1");
    let mut seen = asker.ask("db.replication_lag", &small).await;
    for _ in 0..600 {
        if seen.verdict.is_proven() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen = asker.ask("db.replication_lag", &small).await;
    }
    assert!(seen.verdict.is_proven(), "{seen:?}");
    receiver.signal("STOP");
    platform
        .execute(
            "create table filler as select repeat(n::text, 100) from generate_series(1, 20000) n",
        )
        .await;
    asker
        .refuted_soon("db.replication_lag", &small, "`pg_receivewal` is")
        .await;
    receiver.signal("CONT");
}

/// Ends with the test.
struct Child(std::process::Child);

impl Child {
    fn signal(&self, name: &str) {
        let kill = std::process::Command::new("kill")
            .args([format!("-{name}"), self.0.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn what_a_role_may_not_see_is_not_proven() {
    let platform = Platform::start().await;
    platform.execute("create role watcher login; grant connect on database nba_simulator to watcher; create table hidden (id serial)").await;
    let _other = writer(&platform.server).await;
    let mut target = platform.server.target(DATABASE);
    target.user = "watcher".to_owned();
    let db = Database::connect(&target).await.unwrap();
    let mut asker = Asker {
        db: &db,
        memory: Memory::default(),
        now: now(),
    };
    let usual = Settings::default();
    for (id, why) in [
        ("db.long_transactions", "grant the role `pg_monitor`"),
        ("db.idle_in_transaction", "grant the role `pg_monitor`"),
        ("db.sequences", "sequences are not shown to this role"),
        ("db.free_space", "set `disk_gb`"),
        ("freshness.games", "permission denied"),
        ("freshness.sources", "permission denied"),
    ] {
        let seen = asker.ask(id, &usual).await;
        assert_eq!(seen.verdict.as_str(), "not_proven", "{seen:?}");
        assert!(seen.message.contains(why), "{seen:?}");
        assert_eq!(
            seen.value, None,
            "what is not known has no figure: {seen:?}"
        );
    }
    let beat = settings(
        "[[heartbeats]]\nname = \"loop\"\nsql = \"select count(*) from public.games\"\nmax_hours = 1.0",
    );
    let seen = asker.ask("work.heartbeats", &beat).await;
    assert_eq!(seen.verdict.as_str(), "not_proven", "{seen:?}");
    // What needs no right is still told.
    asker.proven("db.connections", &usual).await;
    asker.proven("db.lock_waits", &usual).await;
}

#[tokio::test]
async fn sources_that_stand_still_or_have_holes_are_named() {
    let platform = Platform::start().await;
    let mut asker = Asker {
        db: &platform.db,
        memory: Memory::default(),
        now: now(),
    };
    let usual = Settings::default();
    asker.proven("freshness.games", &usual).await;
    asker.proven("freshness.sources", &usual).await;
    // Eleven months without a hoopR row, while its own inventory knew of no gap (F30).
    platform.execute("delete from play_by_play where game_id in (select game_id from games where game_date between '2024-11-05' and '2024-11-14')").await;
    asker
        .refuted(
            "freshness.sources",
            &usual,
            "ESPN play-by-play: nothing from 2024-11-05 to 2024-11-14: 100 games on 10 days",
        )
        .await;
    let known = settings(
        "[[sources]]\nname = \"ESPN\"\ntable = \"public.play_by_play\"\ngame_id = \"game_id\"\nknown_holes = [{ from = \"2024-11-05\", to = \"2024-11-14\", reason = \"never collected\" }]",
    );
    asker.proven("freshness.sources", &known).await;
    // A source by number, and by day.
    let numbered = settings(
        "[[sources]]\nname = \"hoopR\"\ntable = \"public.hoopr_play_by_play\"\ngame_id = \"game_id\"",
    );
    asker.proven("freshness.sources", &numbered).await;
    platform
        .execute("create table by_day as select distinct game_date from games; delete from by_day where game_date >= '2024-11-20'")
        .await;
    let by_day = settings(
        "[[sources]]\nname = \"days\"\ntable = \"public.by_day\"\ngame_date = \"game_date\"",
    );
    asker
        .refuted(
            "freshness.sources",
            &by_day,
            "days: nothing since 2024-11-20",
        )
        .await;
    // A source that is configured from a day on has to be there.
    let absent = settings(
        "[[sources]]\nname = \"new\"\ntable = \"public.nowhere\"\ngame_id = \"game_id\"\nsince = \"2024-11-01\"",
    );
    asker
        .refuted(
            "freshness.sources",
            &absent,
            "there is no `public.nowhere.game_id`",
        )
        .await;

    // The scraper ends with 0 for 24 days, and writes nothing (F16).
    asker.now = now() + TimeDelta::days(24);
    asker
        .refuted("freshness.games", &usual, "25 days ago")
        .await;
    // In summer nothing is played.
    platform
        .execute("update games set game_date = date '2025-06-12' where game_id = '400000400'")
        .await;
    asker.now = "2025-09-01T12:00:00Z".parse().unwrap();
    asker.proven("freshness.games", &usual).await;
}

#[tokio::test]
async fn a_large_source_without_an_index_is_not_read_for_this() {
    let platform = Platform::start().await;
    platform.execute("create table large as select '400000001'::text as game_id from generate_series(1, 60000); analyze large").await;
    let mut asker = Asker {
        db: &platform.db,
        memory: Memory::default(),
        now: now(),
    };
    let large =
        settings("[[sources]]\nname = \"large\"\ntable = \"public.large\"\ngame_id = \"game_id\"");
    let seen = asker.ask("freshness.sources", &large).await;
    assert_eq!(seen.verdict.as_str(), "not_proven");
    assert!(seen.message.contains("has no index"), "{seen:?}");
    platform.execute("create index on large (game_id)").await;
    asker
        .refuted("freshness.sources", &large, "large: nothing")
        .await;
}

#[tokio::test]
async fn lost_rows_emptied_and_dropped_tables_are_named() {
    let platform = Platform::start().await;
    let mut asker = Asker {
        db: &platform.db,
        memory: Memory::default(),
        now: now(),
    };
    let usual = Settings::default();
    platform.execute("analyze").await;
    asker.proven("volume.tables", &usual).await;
    // What the platform loaded shows in the statistics a moment later: wait for the counters, then look anew.
    for _ in 0..600 {
        let seen: i64 = platform
            .db
            .query_scalar(
                "select n_tup_ins from pg_stat_user_tables where relname = 'box_score_players'",
                &[],
            )
            .await
            .unwrap();
        if seen == 4_000 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    asker.memory = Memory::default();
    asker.proven("volume.tables", &usual).await;
    asker.proven("volume.tables", &usual).await;
    // A statement that is taken back is no loss.
    platform
        .execute("begin; delete from box_score_players; rollback")
        .await;
    platform
        .execute("delete from box_score_players where player_id = '1'")
        .await;
    asker
        .refuted_soon(
            "volume.tables",
            &usual,
            "public.box_score_players: 400 of about 4,000 rows were deleted",
        )
        .await;
    platform.execute("truncate box_score_teams").await;
    asker
        .refuted_soon("volume.tables", &usual, "public.box_score_teams")
        .await;
    platform.execute("drop table shot_charts").await;
    asker
        .refuted_soon("volume.tables", &usual, "public.shot_charts is gone")
        .await;
}

#[tokio::test]
async fn a_job_that_does_nothing_is_named() {
    let platform = Platform::start().await;
    let mut asker = Asker {
        db: &platform.db,
        memory: Memory::default(),
        now: now(),
    };
    let count = settings(
        "[[heartbeats]]\nname = \"cycles\"\nsql = \"select count(*) from public.dims_config\"\nmax_hours = 2.0",
    );
    asker.proven("work.heartbeats", &count).await;
    // Five hours "healthy", with not one cycle (F17).
    asker.now += TimeDelta::hours(5);
    asker
        .refuted(
            "work.heartbeats",
            &count,
            "cycles: its figure has been 1 for 5.0 h",
        )
        .await;
    platform
        .execute("insert into dims_config values ('x', 'y')")
        .await;
    asker.proven("work.heartbeats", &count).await;
    let time = |column: &str| {
        settings(&format!(
            "[[heartbeats]]\nname = \"box scores\"\nsql = \"select {column} from public.box_score_snapshots\"\nmax_hours = 24.0"
        ))
    };
    asker.now = "2026-01-01T12:00:00Z".parse().unwrap();
    asker
        .refuted(
            "work.heartbeats",
            &time("max(created_at)"),
            "since 2025-10-14",
        )
        .await;
    asker.now = "2025-10-14T12:00:00Z".parse().unwrap();
    asker
        .proven("work.heartbeats", &time("max(created_at)"))
        .await;
    platform.execute("delete from box_score_snapshots").await;
    asker
        .refuted(
            "work.heartbeats",
            &time("max(created_at)"),
            "never done anything",
        )
        .await;
    for (sql, why) in [
        ("id, created_at", "0 rows"),
        ("max(created_at)::text", "a count or a time is needed"),
        ("no_such_column", "no_such_column"),
    ] {
        let seen = asker.ask("work.heartbeats", &time(sql)).await;
        assert_eq!(seen.verdict.as_str(), "not_proven", "{seen:?}");
        assert!(seen.message.contains(why), "{seen:?}");
    }
}

#[tokio::test]
async fn another_database_is_not_looked_at_and_a_silent_one_has_no_zeros() {
    let platform = Platform::start().await;
    let mut memory = Memory::default();
    let usual = Settings::default();
    run(&platform.db, &usual, &mut memory, &RunOptions::default()).await;
    // The same name on another server (F01).
    let other = Platform::start().await;
    let seen = run(&other.db, &usual, &mut memory, &RunOptions::default()).await;
    for observation in &seen {
        let expected = match observation.id.as_str() {
            // What asking cost is known, whoever was asked.
            "db.connection" | "db.read_only" | "monitor.cost" => "proven",
            "db.identity" => "refuted",
            _ => "not_proven",
        };
        assert_eq!(observation.verdict.as_str(), expected, "{observation:?}");
    }
    assert!(
        memory.volumes.tables.contains_key("public.games"),
        "what was known is kept"
    );
    // Stopped under our eyes.
    let Platform { server, db, .. } = other;
    server.stop().await.unwrap();
    for observation in run(&db, &usual, &mut memory, &RunOptions::default()).await {
        assert_eq!(
            observation.verdict.as_str(),
            "not_proven",
            "{observation:?}"
        );
        assert_eq!(observation.value, None);
    }
    let silent = unreachable("connection refused", &RunOptions::default());
    assert!(
        silent
            .iter()
            .all(|seen| seen.verdict.as_str() == "not_proven" && seen.value.is_none())
    );
    assert!(silent[0].message.contains("connection refused"));
}

#[test]
fn evidence_that_is_broken_or_old_is_refuted() {
    let mut options = RunOptions::default();
    options.now = Some(now());
    let seen = |evidence: &Evidence, id: &str| -> &'static str {
        let seen = observe_evidence(evidence, &Settings::default(), &options);
        let free = CATALOGUE.iter().filter(|spec| spec.cost.as_str() == "none");
        assert_eq!(seen.len(), free.count());
        let found = seen.iter().find(|seen| seen.id == id).unwrap();
        assert!(!found.message.contains("nothing is known"), "{found:?}");
        found.verdict.as_str()
    };
    let ago = |hours| now() - TimeDelta::hours(hours);
    let backup = |hours, verdict| {
        Some(LastBackup {
            at: ago(hours),
            verdict,
        })
    };
    let mut evidence = Evidence {
        ledger: Verdict::Proven,
        records: 3,
        backup: backup(20, Verdict::Proven),
        legacy_tree: Verdict::Proven,
        dims: None,
        jobs: Vec::new(),
    };
    assert_eq!(seen(&evidence, "evidence.ledger"), "proven");
    assert_eq!(seen(&evidence, "evidence.backup"), "proven");
    evidence.backup = backup(30, Verdict::Proven);
    assert_eq!(seen(&evidence, "evidence.backup"), "refuted");
    // The newest verification failed: the older proof stands, and is no longer enough.
    evidence.backup = backup(20, Verdict::not_proven("the last drill failed"));
    assert_eq!(seen(&evidence, "evidence.backup"), "not_proven");
    evidence.backup = None;
    assert_eq!(seen(&evidence, "evidence.backup"), "refuted");

    assert_eq!(seen(&evidence, "evidence.legacy_tree"), "proven");
    evidence.legacy_tree = Verdict::refuted("a file was changed");
    assert_eq!(seen(&evidence, "evidence.legacy_tree"), "refuted");

    assert_eq!(seen(&evidence, "evidence.dims"), "not_applicable");
    for (hours, verdict, expected) in [
        (24, Verdict::Proven, "proven"),
        (24, Verdict::not_proven("a metric failed"), "not_proven"),
        (24, Verdict::refuted("drift"), "refuted"),
        (24 * 9, Verdict::Proven, "refuted"),
    ] {
        evidence.dims = Some(LastRun {
            at: ago(hours),
            verdict,
        });
        assert_eq!(seen(&evidence, "evidence.dims"), expected, "{hours}");
    }

    assert_eq!(seen(&evidence, "work.jobs"), "not_applicable");
    for (verdict, expected) in [
        (Verdict::Proven, "proven"),
        // F16: it ends with 0 every night, and nothing comes of it.
        (Verdict::refuted("none of 24 runs was proven"), "refuted"),
        (Verdict::not_proven("it never ran here"), "not_proven"),
    ] {
        evidence.jobs = vec![JobEvidence {
            name: "scraper".to_owned(),
            verdict,
        }];
        assert_eq!(seen(&evidence, "work.jobs"), expected);
    }

    evidence.ledger = Verdict::refuted("line 2: edited");
    assert_eq!(seen(&evidence, "evidence.ledger"), "refuted");
    evidence.ledger = Verdict::not_proven("there is no ledger");
    assert_eq!(seen(&evidence, "evidence.ledger"), "not_proven");
}

#[tokio::test]
async fn snapshots_of_phase_8_are_looked_at_from_the_day_it_runs() {
    let platform = Platform::start().await;
    let mut asker = Asker {
        db: &platform.db,
        memory: Memory::default(),
        now: now(),
    };
    let usual = Settings::default();
    let seen = asker.ask("work.phase8", &usual).await;
    assert_eq!(seen.verdict.as_str(), "not_applicable", "{seen:?}");
    platform
        .execute(
            "alter table box_score_snapshots add game_id varchar(50), add event_num int, add data_source varchar(20); \
             update box_score_snapshots set game_id = 'test_game_001', event_num = 1, data_source = 'test'",
        )
        .await;
    let seen = asker.ask("work.phase8", &usual).await;
    assert!(seen.message.contains("paused"), "{seen:?}");
    platform
        .execute("insert into box_score_snapshots (game_id, event_num, data_source) select game_id, 1, 'espn' from games limit 5")
        .await;
    asker.proven("work.phase8", &usual).await;
    platform
        .execute("insert into box_score_snapshots (game_id, event_num, data_source) values ('999', 1, 'espn')")
        .await;
    asker.refuted("work.phase8", &usual, "such as `999`").await;
    platform
        .execute("update box_score_snapshots set game_id = (select min(game_id) from games) where game_id = '999'; \
                  update box_score_snapshots set event_num = 7, data_source = 'espn' where game_id = (select min(game_id) from games)")
        .await;
    asker.refuted("work.phase8", &usual, "more than once").await;
}

/// A lake of files, and a check that looks at it.
struct LakeLooks {
    folder: tempfile::TempDir,
    memory: nba_monitoring::checks::LakeMemory,
    now: DateTime<Utc>,
    settings: Settings,
}

impl LakeLooks {
    fn new(now: &str) -> Self {
        let text = "lake = \"x\"\n[[prefixes]]\nprefix = \"pbp/\"\nmax_hours = 48\n[[prefixes]]\nprefix = \"schedule/\"\n";
        let lake = Self {
            folder: tempfile::tempdir().unwrap(),
            memory: Default::default(),
            now: now.parse().unwrap(),
            settings: settings(text),
        };
        for number in 0..20 {
            lake.put(&format!("pbp/{number}.json"), "0123456789");
        }
        lake.put("schedule/1.json", "a");
        lake
    }

    fn put(&self, key: &str, text: &str) {
        let path = self.folder.path().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    async fn look(&mut self, hours: i64) -> Observation {
        self.now += TimeDelta::hours(hours);
        let mut options = RunOptions::default();
        options.now = Some(self.now);
        let lake = nba_etl::Lake::local(self.folder.path());
        let mut seen = observe_lake(Ok(&lake), &self.settings, &mut self.memory, &options).await;
        assert_eq!(seen.len(), 1);
        seen.remove(0)
    }
}

#[tokio::test]
async fn replay_f15_a_copy_that_resets_times_hides_no_loss_and_is_no_growth() {
    let mut lake = LakeLooks::new("2026-01-10T12:00:00Z");
    assert!(lake.look(0).await.verdict.is_proven());
    // The prefix is copied: every time of modification is now, and 3 objects are missing.
    for number in 0..17 {
        lake.put(&format!("pbp/{number}.json"), "0123456789");
    }
    for number in 17..20 {
        std::fs::remove_file(lake.folder.path().join(format!("pbp/{number}.json"))).unwrap();
    }
    let seen = lake.look(7).await;
    assert!(
        seen.message.contains("3 of 20 objects are gone"),
        "{seen:?}"
    );
    // Others in their place are no remedy a count could not see; fewer bytes are seen, too.
    for number in 17..20 {
        lake.put(&format!("pbp/{number}.json"), "");
    }
    let seen = lake.look(7).await;
    assert!(seen.message.contains("30 bytes were lost"), "{seen:?}");
    // New times are no new objects: it stands still.
    let seen = lake.look(40).await;
    assert!(
        seen.message.contains("no new object for 54.0 h"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn replay_f16_a_scraper_that_writes_nothing_is_seen_in_the_season() {
    let mut lake = LakeLooks::new("2026-01-10T12:00:00Z");
    assert!(lake.look(0).await.verdict.is_proven());
    let seen = lake.look(49).await;
    assert!(
        seen.verdict.is_refuted() && seen.message.contains("`pbp/`: no new object for 49.0 h"),
        "{seen:?}"
    );
    lake.put("pbp/20.json", "new");
    assert!(lake.look(7).await.verdict.is_proven());
    // A prefix that does not exist is no quiet one.
    lake.settings = settings("lake = \"x\"\n[[prefixes]]\nprefix = \"pbp_typo/\"\n");
    let seen = lake.look(7).await;
    assert!(seen.message.contains("a wrong prefix"), "{seen:?}");
    // In summer nothing new is expected.
    let mut summer = LakeLooks::new("2026-08-01T12:00:00Z");
    summer.look(0).await;
    assert!(summer.look(400).await.verdict.is_proven());
}

#[tokio::test]
async fn a_lake_that_cannot_be_listed_is_not_an_empty_one() {
    let mut lake = LakeLooks::new("2026-01-10T12:00:00Z");
    assert!(lake.look(0).await.verdict.is_proven());
    let known = lake.memory.prefixes.clone();
    let mut options = RunOptions::default();
    options.now = Some(lake.now + TimeDelta::hours(7));
    let seen = observe_lake(
        Err("no bucket is configured"),
        &lake.settings,
        &mut lake.memory,
        &options,
    )
    .await;
    assert_eq!(
        (seen[0].verdict.as_str(), seen[0].value),
        ("not_proven", None)
    );
    assert_eq!(lake.memory.prefixes, known);
    // Between two listings the last result stands.
    std::fs::remove_dir_all(lake.folder.path().join("pbp")).unwrap();
    assert!(lake.look(1).await.verdict.is_proven());
    assert!(lake.look(6).await.verdict.is_refuted());
}
