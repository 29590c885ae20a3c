//! Backups: made in one snapshot, restored, compared; and everything that must not pass for one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nba_config::{DatabaseTarget, Host};
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, TcpPort};
use nba_db::{Database, Purpose};
use nba_migration::backup::{
    Apply, BackupError, CreateOptions, Created, Proofs, Retention, Scratch, Tools, Verification,
    VerifyOptions, create, history, list, prune, status, verify,
};
use nba_migration::ledger::Ledger;
use nba_utils::{Digest, Hint as _, Verdict};
use serde_json::Value;

const PASSWORD: &str = "p:a\\ss word'1";

/// What a database of the platform has, as a role without any special right makes it.
const SCHEMA: &str = "
create schema espn;
create table games (game_id text primary key, season int not null, home varchar(3) check (home in ('LAL', 'BOS', 'NYK')), tip timestamptz);
create table plays (id bigint generated always as identity primary key, game_id text not null references games, clock numeric(8,2),
    body text, score int generated always as (length(body)) stored);
create table no_key (a int, b text);
create table espn.\"Odd.Name\" (\"Key\" serial primary key, doc jsonb, raw json, tags text[], bits bytea, f float8);
create table parts (season int not null, n int) partition by range (season);
create table parts_2023 partition of parts for values from (2023) to (2024);
create table parts_2024 partition of parts for values from (2024) to (2025);
create table empty_one (x int);
create unlogged table fleeting (x int);
create index plays_by_game on plays (game_id) where clock > 0;
create view lakers as select * from games where home = 'LAL';
create materialized view per_season as select season, count(*) as games from games group by season;
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touched before update on games for each row execute function touch();
alter table no_key enable row level security;
create policy mine on no_key using (a > 0);
insert into games select g::text, 2023 + g % 2, (array['LAL','BOS','NYK'])[1 + g % 3], '2023-10-24 23:30Z'::timestamptz + g * interval '1 day' from generate_series(1, 500) g;
insert into plays (game_id, clock, body) select (1 + g % 500)::text, g / 7.0, 'play number ' || g || ' made' from generate_series(1, 20000) g;
insert into no_key select g % 10, null from generate_series(1, 100) g;
insert into espn.\"Odd.Name\" (doc, raw, tags, bits, f) select jsonb_build_object('n', g), '{\"a\":  1}', array['x', null], '\\x00ff', 'NaN' from generate_series(1, 50) g;
insert into parts select 2023 + g % 2, g from generate_series(1, 1000) g;
insert into fleeting values (1);
refresh materialized view per_season;
select lo_create(4711);
";

pub(crate) struct World {
    pub(crate) server: EmbeddedServer,
    pub(crate) dir: tempfile::TempDir,
    tools: Tools,
}

impl World {
    /// A server that asks for passwords, with a database that belongs to a role without any special right, as on RDS.
    pub(crate) async fn new() -> Self {
        let server = EmbeddedServer::start(EmbeddedOptions {
            tcp: Some(TcpPort::Any),
            ..EmbeddedOptions::default()
        })
        .await
        .unwrap();
        let tools = Tools::find(Some(server.programs().folder().to_owned())).unwrap();
        let world = Self {
            server,
            dir: tempfile::tempdir().unwrap(),
            tools,
        };
        world
            .superuser(
                "postgres",
                &format!(
                    "create role plain login nosuperuser nocreatedb nocreaterole password '{}'",
                    PASSWORD.replace('\'', "''")
                ),
            )
            .await;
        world
            .superuser("postgres", "create role stranger login")
            .await;
        world
            .superuser("postgres", "create role maker login createdb")
            .await;
        world
            .superuser("postgres", "create database nba owner plain")
            .await;
        // The catalogue function behind the system identifier, which some providers take away.
        world
            .superuser(
                "nba",
                "revoke execute on function pg_control_system() from public",
            )
            .await;
        let db = Database::connect(&world.target()).await.unwrap();
        let mut writer = db.writer(Purpose::new("set up")).await.unwrap();
        writer.batch_execute(SCHEMA).await.unwrap();
        world
    }

    pub(crate) async fn superuser(&self, database: &str, sql: &str) {
        let db = Database::connect(&self.server.target(database))
            .await
            .unwrap();
        let mut writer = db.writer(Purpose::new("set up")).await.unwrap();
        writer.batch_execute(sql).await.unwrap();
    }

    /// Over TCP, with a password.
    pub(crate) fn target(&self) -> DatabaseTarget {
        let mut target = DatabaseTarget::new(
            Host::Tcp("127.0.0.1".into()),
            self.server.port(),
            "nba",
            "plain",
        );
        target.password = Some(PASSWORD.to_owned().into());
        target.settings.max_connections = 12;
        target
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    fn options(&self) -> CreateOptions {
        let mut options = CreateOptions::new(self.folder(), self.tools.clone());
        // So that a changed byte in a data file is accepted by everything but our checks.
        options.compression = 0;
        options
    }

    pub(crate) async fn create(&self) -> Created {
        let db = Database::connect(&self.target()).await.unwrap();
        create(&db, &self.options()).await.unwrap()
    }

    pub(crate) fn verify_options(&self) -> VerifyOptions {
        VerifyOptions::new(self.folder(), self.tools.clone())
    }

    pub(crate) async fn verify(&self, name: &str) -> Verification {
        verify(name, &self.verify_options()).await.unwrap()
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".lock")
        .collect();
    names.sort();
    names
}

/// The data file that holds `text`.
fn file_with(backup: &Path, text: &str) -> PathBuf {
    fs::read_dir(backup.join("dump"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension().is_some_and(|extension| extension == "dat")
                && !path.ends_with("toc.dat")
                && String::from_utf8_lossy(&fs::read(path).unwrap()).contains(text)
        })
        .unwrap()
}

/// Copies a backup under another name, as its maker would have named it.
fn copy_as(world: &World, from: &Path, name: &str) -> PathBuf {
    let to = world.folder().join(name);
    fs::create_dir_all(to.join("dump")).unwrap();
    for entry in fs::read_dir(from.join("dump")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join("dump").join(entry.file_name())).unwrap();
    }
    let manifest = fs::read_to_string(from.join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    manifest["name"] = name.into();
    fs::write(to.join("manifest.json"), manifest.to_string()).unwrap();
    to
}

/// What an adversary does: all digests of files fit again.
fn forge_digests(backup: &Path) {
    let path = backup.join("manifest.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for record in manifest["files"].as_array_mut().unwrap() {
        let file = backup.join(record["path"].as_str().unwrap());
        let bytes = fs::read(&file).unwrap();
        record["bytes"] = bytes.len().into();
        record["blake3"] = Digest::of(&bytes).to_string().into();
        let sha256 = std::process::Command::new("sha256sum")
            .arg(&file)
            .output()
            .unwrap();
        let sha256 = String::from_utf8(sha256.stdout).unwrap();
        record["sha256"] = sha256.split(' ').next().unwrap().into();
    }
    fs::write(&path, manifest.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_proven_and_damage_is_refuted() {
    let world = World::new().await;
    let db = Database::connect(&world.target()).await.unwrap();

    // Somebody goes on writing, before, while and after the dump.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writing = tokio::spawn({
        let (target, stop) = (world.target(), std::sync::Arc::clone(&stop));
        async move {
            let db = Database::connect(&target).await.unwrap();
            let mut writer = db.writer(Purpose::new("play on")).await.unwrap();
            let mut written = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                writer
                    .batch_execute("insert into plays (game_id, body) values ('1', 'live'); update games set season = season where game_id = '2'")
                    .await
                    .unwrap();
                written += 1;
            }
            written
        }
    });
    let created = create(&db, &world.options()).await.unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writing.await.unwrap() > 0);

    assert_eq!(created.verdict().exit_code(), 2, "made is not proven");
    assert!(
        created.manifest.complete.is_proven(),
        "{}",
        created.manifest.complete
    );
    let name = created.manifest.name.as_str();
    assert_eq!(entries(&world.folder()), [name]);
    let text = fs::read_to_string(created.folder.join("manifest.json")).unwrap();
    assert!(!text.contains("ss word"), "the password is in the manifest");
    let sums: String = created
        .manifest
        .files
        .iter()
        .map(|file| format!("{}  {}\n", file.sha256, file.path))
        .collect();
    fs::write(world.dir.path().join("sums"), sums).unwrap();
    let checked = std::process::Command::new("sha256sum")
        .arg("-c")
        .arg(world.dir.path().join("sums"))
        .current_dir(&created.folder)
        .output()
        .unwrap();
    assert!(checked.status.success(), "other tools can check it too");

    let proven = world.verify(name).await;
    assert!(proven.verdict.is_proven(), "{:?}", proven.verdict);
    assert_eq!(proven.rows, created.manifest.rows());
    assert_eq!(proven.rows, proven.identical_rows);
    assert!(
        proven.statement.starts_with("restorable and identical: 2"),
        "{}",
        proven.statement
    );
    assert!(proven.timings.restore_ms > 0 && proven.timings.rto_ms >= proven.timings.restore_ms);

    // A bit of a data file is turned. PostgreSQL's own tool does not notice …
    let flipped = copy_as(&world, &created.folder, "flipped");
    let file = file_with(&flipped, "play number 4711 made");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes
        .windows(21)
        .position(|part| part == b"play number 4711 made")
        .unwrap();
    bytes[at] ^= 1;
    fs::write(&file, &bytes).unwrap();
    // … the digests of the files do,
    let refuted = world.verify("flipped").await;
    assert!(refuted.verdict.is_refuted());
    assert_eq!(refuted.files.len(), 1);
    assert_eq!(
        refuted.timings.restore_ms, 0,
        "a changed file is not restored"
    );
    // and when they were made to fit, the content does.
    forge_digests(&flipped);
    let refuted = world.verify("flipped").await;
    assert_eq!(refuted.files, Vec::<String>::new());
    assert!(refuted.timings.restore_ms > 0, "pg_restore accepted it");
    assert!(refuted.verdict.is_refuted());
    assert_eq!(
        refuted.verdict.reasons(),
        ["public.plays: the same number of rows with other content, in 1 of 8 buckets"]
    );
    // A forged manifest is not the recorded one.
    let mut options = world.verify_options();
    options.expected_manifest = Some(created.manifest_digest);
    assert!(
        verify("flipped", &options).await.unwrap().files[0]
            .contains("not the one that was recorded")
    );

    // Rows taken out of a data file.
    let short = copy_as(&world, &created.folder, "short");
    let file = file_with(&short, "play number 4711 made");
    let text = fs::read_to_string(&file).unwrap();
    let fewer: String = text
        .lines()
        .filter(|line| !line.contains("play number 12"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&file, fewer).unwrap();
    forge_digests(&short);
    let refuted = world.verify("short").await;
    assert!(refuted.verdict.is_refuted());
    assert!(
        refuted.verdict.to_string().contains("rows instead of"),
        "{}",
        refuted.verdict
    );

    // A data file that does not parse, one that is missing, one that does not belong.
    let broken = copy_as(&world, &created.folder, "broken");
    fs::write(
        file_with(&broken, "play number 4711 made"),
        "one\tcolumn too\n",
    )
    .unwrap();
    forge_digests(&broken);
    assert!(world.verify("broken").await.verdict.is_refuted());
    let missing = copy_as(&world, &created.folder, "missing");
    fs::remove_file(file_with(&missing, "play number 4711 made")).unwrap();
    assert!(world.verify("missing").await.files[0].contains("is missing"));
    let extra = copy_as(&world, &created.folder, "extra");
    fs::write(extra.join("dump/9999.dat"), "").unwrap();
    assert!(world.verify("extra").await.files[0].contains("does not belong"));

    // An index that was lost on the way is a definition that did not come back.
    let lost = copy_as(&world, &created.folder, "lost");
    let path = lost.join("manifest.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let plays = manifest["catalog"]["relations"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|relation| relation["table"] == "public.plays")
        .unwrap();
    let mut index = plays["indexes"][0].clone();
    index["name"] = "plays_by_clock".into();
    plays["indexes"].as_array_mut().unwrap().push(index);
    fs::write(&path, manifest.to_string()).unwrap();
    assert_eq!(
        world.verify("lost").await.definitions,
        ["index `plays_by_clock` of `public.plays` is missing"]
    );

    // The same on a given server, by a role that may only create databases; nothing stays there.
    let mut options = world.verify_options();
    let mut maker = world.server.target("postgres");
    maker.user = "maker".into();
    options.scratch = Scratch::On(Box::new(maker));
    let given = verify(name, &options).await.unwrap();
    assert!(given.verdict.is_proven(), "{:?}", given.verdict);
    let left: i64 = db
        .query_scalar(
            "select count(*) from pg_database where datname like 'nba_verify%'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_backup_is_none_and_the_last_proven_one_stays() {
    let world = World::new().await;
    let db = Database::connect(&world.target()).await.unwrap();

    // No room: refused before anything is written.
    let mut options = world.options();
    options.reserve = u64::MAX / 2;
    let error = create(&db, &options).await.unwrap_err();
    assert!(matches!(error, BackupError::Space { .. }), "{error}");
    assert_eq!(entries(&world.folder()), Vec::<String>::new());

    // A role that may not read everything gets no backup of what it may.
    let mut stranger = world.server.target("nba");
    stranger.user = "stranger".into();
    stranger.settings.max_connections = 12;
    let stranger = Database::connect(&stranger).await.unwrap();
    let error = create(&stranger, &world.options()).await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    assert!(error.hint().unwrap().contains("right to read"));
    assert_eq!(entries(&world.folder()), Vec::<String>::new());

    // Given up in the middle: a lock keeps the dump waiting.
    let blocker = Database::connect(&world.target()).await.unwrap();
    let mut blocker = blocker.writer(Purpose::new("block")).await.unwrap();
    blocker
        .batch_execute("begin; lock table plays in access exclusive mode")
        .await
        .unwrap();
    let interrupted =
        tokio::time::timeout(Duration::from_secs(2), create(&db, &world.options())).await;
    assert!(interrupted.is_err());
    blocker.batch_execute("rollback").await.unwrap();
    assert_eq!(entries(&world.folder()), Vec::<String>::new());

    // Killed in the middle: what is left is no backup, and goes with the next run.
    fs::create_dir_all(world.folder().join(".partial-nba_1/dump")).unwrap();
    fs::write(world.folder().join(".partial-nba_1/manifest.json"), "{}").unwrap();
    fs::create_dir(world.folder().join("no_manifest")).unwrap();
    assert!(list(&world.folder()).unwrap().is_empty());
    for name in [".partial-nba_1", "no_manifest", "../backups", ""] {
        assert!(
            verify(name, &world.verify_options()).await.is_err(),
            "{name}"
        );
    }
    let mut options = world.options();
    options.plain_sql = true;
    let first = create(&db, &options).await.unwrap();
    // As text too, for people without `pg_restore`: with the data, and under the same digests.
    let text = fs::read_to_string(first.folder.join("dump.sql")).unwrap();
    assert!(text.contains("CREATE TABLE public.plays") && text.contains("play number 4711 made"));
    assert!(
        first
            .manifest
            .files
            .iter()
            .any(|file| file.path == "dump.sql")
    );
    assert_eq!(first.removed, [".partial-nba_1"]);

    // Evidence: only what the ledger holds counts.
    let ledger = Ledger::in_folder(world.dir.path().join(".nba"));
    let day = chrono::Duration::days(1);
    let now = chrono::Utc::now();
    let judge = |now| {
        let proofs = Proofs::read(&ledger).unwrap();
        status(&list(&world.folder()).unwrap(), &proofs, day, now)
    };
    ledger.append(&first.entry()).unwrap();
    assert_eq!(judge(now).verdict.exit_code(), 2, "made, not proven");
    let verification = world.verify(&first.manifest.name).await;
    ledger.append(&verification.entry(&world.folder())).unwrap();
    let proven = judge(now);
    assert_eq!(proven.verdict, Verdict::Proven);
    assert_eq!(
        proven.newest_proven.as_deref(),
        Some(first.manifest.name.as_str())
    );
    assert!(judge(now + day * 2).verdict.is_refuted(), "too old");

    // Two newer ones, never restored: the proven one stays, whatever the rule.
    let second = world.create().await;
    let third = world.create().await;
    let rule = Retention {
        keep: 1,
        keep_days: 0,
    };
    let proofs = || Proofs::read(&ledger).unwrap();
    let kept = |decisions: Vec<nba_migration::backup::Decision>| -> Vec<bool> {
        decisions.iter().map(|decision| decision.keep).collect()
    };
    assert_eq!(
        kept(prune(&world.folder(), rule, &proofs(), Apply::Yes).unwrap()),
        [true; 3]
    );
    let verification = world.verify(&third.manifest.name).await;
    ledger.append(&verification.entry(&world.folder())).unwrap();
    assert_eq!(
        kept(prune(&world.folder(), rule, &proofs(), Apply::No).unwrap()),
        [false, false, true]
    );
    assert_eq!(entries(&world.folder()).len(), 4, "only told");
    prune(&world.folder(), rule, &proofs(), Apply::Yes).unwrap();
    assert_eq!(
        entries(&world.folder()),
        [third.manifest.name.clone(), "no_manifest".to_owned()]
    );
    assert!(!second.folder.exists());

    // Every try is remembered, also of what is gone.
    let tried = history(&ledger).unwrap();
    let names: Vec<&str> = tried.iter().map(|one| one.backup.as_str()).collect();
    assert_eq!(names, [&first.manifest.name, &third.manifest.name]);
    assert!(tried.iter().all(|one| one.verdict.is_proven()
        && one.rows == one.identical_rows
        && one.rows > 0
        && one.rto_ms > 0));

    // A manifest that was changed after the proof has none.
    let path = third.folder.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"tool\": \"nba", "\"tool\": \"nbb")).unwrap();
    assert_eq!(judge(now).verdict.exit_code(), 2);
    fs::write(&path, &text).unwrap();
    assert_eq!(judge(now).verdict, Verdict::Proven);

    // A ledger that was edited proves nothing.
    let text = fs::read_to_string(ledger.path()).unwrap();
    fs::write(
        ledger.path(),
        text.replace("backup verify", "backup verifx"),
    )
    .unwrap();
    assert!(judge(now).verdict.is_refuted());
}
