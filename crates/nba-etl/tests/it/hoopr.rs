//! hoopR's season files into both generations of tables, beside the legacy loader and beside the rows they were written from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::ident::TableName;
use nba_db::{ConnectOptions, Database, Purpose};
use nba_etl::lake::Lake;
use nba_etl::native::hoopr::{Form, Table, load_file, load_season, options};
use nba_etl::native::job::{self, Documents, JobError, JobOptions, Source};
use nba_etl::native::load::{LoadAccount, LoadError};
use nba_etl::native::{Divergence, Mode};
use nba_etl::runner::{Cancel, Ending, Environment, Script, run};
use nba_testkit::lake::{LakeOptions, build};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};
use nba_testkit::sim::Universe;

use crate::legacy::search_path;

struct Platform {
    server: EmbeddedServer,
    dir: tempfile::TempDir,
    checkout: LegacyCheckout,
    seasons: Vec<i32>,
}

impl Platform {
    async fn start() -> Platform {
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        server.create_database("pristine").await.unwrap();
        server.create_database("empty").await.unwrap();
        let replica = ReplicaOptions {
            plan: PlanOptions {
                scale: Scale::new(0.001).unwrap(),
                ..PlanOptions::default()
            },
            ..ReplicaOptions::default()
        };
        let universe = Universe::new(replica.seed);
        let plan = Plan::new(&universe, replica.plan).unwrap();
        Replica::build(&server.target("pristine"), replica, |_| {})
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        build(
            &bucket(dir.path()),
            &universe,
            &plan,
            &LakeOptions::default(),
            &|_| {},
        )
        .unwrap();
        let checkout = dir.path().join("checkout");
        std::fs::create_dir_all(&checkout).unwrap();
        let checkout = LegacyCheckout::build(&checkout, &LegacyOptions::default()).unwrap();
        let mut seasons: Vec<i32> =
            std::fs::read_dir(bucket(dir.path()).join("hoopr_phase1/bulk_schedule"))
                .unwrap()
                .map(|entry| {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    name["schedule_".len()..][..4].parse().unwrap()
                })
                .collect();
        seasons.sort_unstable();
        Platform {
            server,
            dir,
            checkout,
            seasons,
        }
    }

    async fn database(&self, name: &str, template: &str) -> Database {
        self.server
            .create_database_from_template(name, template)
            .await
            .unwrap();
        Database::connect(ConnectOptions::from(&self.server.target(name)))
            .await
            .unwrap()
    }

    fn lake(&self) -> Lake {
        Lake::local(bucket(self.dir.path()))
    }

    /// The unmodified script, over the files of a folder.
    fn legacy(&self, database: &str, files: &Path) {
        let mut environment = Environment::allowed([("PATH", search_path())]);
        for (name, value) in self.checkout.environment() {
            environment.set(&name, value);
        }
        environment.set_database(&self.server.target(database));
        environment.set("HOOPR_DIR", files.display().to_string());
        let mut script = Script::new(
            "python3",
            ["scripts/db/load_hoopr_to_local_postgres.py"],
            self.checkout.project(),
            environment,
        );
        script.deadline = Duration::from_secs(300);
        let report = run(&script, &Cancel::new(), None).unwrap();
        assert_eq!(report.ending, Ending::Exited(0), "{report:?}");
    }

    async fn native(
        &self,
        db: &Database,
        tables: &[Table],
        form: Form,
        mode: Mode,
    ) -> Vec<LoadAccount> {
        let lake = self.lake();
        let mut writer = db.writer(Purpose::new("load hoopR")).await.unwrap();
        let mut accounts = Vec::new();
        for &table in tables {
            for &season in &self.seasons {
                let options = options(table, mode);
                let account = load_season(db, &mut writer, &lake, table, season, form, &options)
                    .await
                    .unwrap();
                assert!(account.is_balanced(), "{account:?}");
                accounts.push(account);
            }
        }
        let _ = writer.finish().await;
        accounts
    }
}

fn bucket(dir: &Path) -> PathBuf {
    dir.join("lake/nba-sim-raw-data-lake")
}

async fn change(db: &Database, sql: &str) {
    let mut writer = db.writer(Purpose::new("set up a test")).await.unwrap();
    writer.batch_execute(sql).await.unwrap();
    let _ = writer.finish().await;
}

/// All rows as texts, without what a database makes up itself.
async fn rows(db: &Database, table: &str) -> Vec<String> {
    let sql = format!("select (to_jsonb(t) - 'created_at')::text from {table} t order by 1");
    let rows = db.query_rows(&sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The same without the number of the row, which a season that is rolled back uses up.
async fn numberless(db: &Database, table: &str) -> Vec<String> {
    let sql = format!("select (to_jsonb(t) - 'created_at' - 'id')::text from {table} t order by 1");
    let rows = db.query_rows(&sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Plays whose player has an id that ends in `.0`.
async fn spoilt(db: &Database) -> i64 {
    db.query_scalar(
        "select count(*) from hoopr_play_by_play where player_id like '%.0'",
        &[],
    )
    .await
    .unwrap()
}

fn sum(accounts: &[LoadAccount], figure: fn(&LoadAccount) -> u64) -> u64 {
    accounts.iter().map(figure).sum()
}

fn named(accounts: &[LoadAccount]) -> Vec<&'static str> {
    let all: std::collections::BTreeSet<Divergence> = accounts
        .iter()
        .flat_map(|account| account.divergences.iter().copied())
        .collect();
    all.into_iter().map(Divergence::id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_generations_are_filled_as_they_were() {
    let platform = Platform::start().await;
    the_narrow_one(&platform).await;
    the_wide_one(&platform).await;
    what_does_not_fit(&platform).await;
    a_whole_load(&platform).await;
    #[cfg(feature = "s3")]
    from_a_bucket(&platform).await;
    real_files(&platform).await;
}

/// Compat mode beside the script, file for file and row for row, `id` included; then what is right.
async fn the_narrow_one(platform: &Platform) {
    let script = platform.database("narrow_script", "empty").await;
    platform.legacy(
        "narrow_script",
        &bucket(platform.dir.path()).join("hoopr_phase1"),
    );
    let expected = rows(&script, "hoopr_play_by_play").await;
    assert!(expected.len() > 5_000, "{}", expected.len());
    // Both of its ids, or every season fails: the negative control of the whole comparison is that it sees the quirk.
    assert!(rows(&script, "hoopr_schedule").await.is_empty());
    assert!(
        spoilt(&script).await > 0,
        "a gap spoils the ids of a season"
    );

    let nothing = platform.dir.path().join("nothing");
    std::fs::create_dir_all(&nothing).unwrap();
    let port = platform.database("narrow_port", "empty").await;
    platform.legacy("narrow_port", &nothing);
    let accounts = platform
        .native(&port, &Table::ALL, Form::Csv, Mode::Compat)
        .await;
    assert_eq!(rows(&port, "hoopr_play_by_play").await, expected);
    for boxes in ["hoopr_team_box", "hoopr_player_box"] {
        let expected = numberless(&script, boxes).await;
        assert_eq!(numberless(&port, boxes).await, expected, "{boxes}");
        assert!(expected.len() > 10, "{boxes}: {}", expected.len());
    }
    assert!(rows(&port, "hoopr_schedule").await.is_empty());
    let refused: Vec<&str> = accounts
        .iter()
        .flat_map(|account| &account.unreadable)
        .map(|file| file.reason.as_str())
        .collect();
    let twice = refused
        .iter()
        .filter(|reason| **reason == "`game_id` is named twice");
    assert_eq!(twice.count(), platform.seasons.len());

    // A second run of the script doubles every row; of the port it changes nothing.
    let again = platform
        .native(&port, &Table::ALL, Form::Csv, Mode::Compat)
        .await;
    assert_eq!(sum(&again, |account| account.inserted), 0);
    assert_eq!(named(&again), ["HPR-4"]);
    assert_eq!(rows(&port, "hoopr_play_by_play").await, expected);

    // What is right needs a key.
    change(
        &port,
        "truncate hoopr_play_by_play, hoopr_schedule, hoopr_player_box, hoopr_team_box",
    )
    .await;
    let lake = platform.lake();
    let mut writer = port.writer(Purpose::new("load hoopR")).await.unwrap();
    let season = *platform.seasons.last().unwrap();
    let error = load_season(
        &port,
        &mut writer,
        &lake,
        Table::PlayByPlay,
        season,
        Form::Csv,
        &options(Table::PlayByPlay, Mode::Correct),
    )
    .await
    .unwrap_err();
    let _ = writer.finish().await;
    assert!(
        matches!(&error, LoadError::NoKey { key, .. } if *key == ["game_id", "event_num"]),
        "{error:?}"
    );
    let hint = nba_utils::Hint::hint(&error).unwrap();
    assert!(
        hint.starts_with(
            "create unique index concurrently on public.hoopr_play_by_play (game_id, event_num)"
        ),
        "{hint}"
    );
    change(
        &port,
        "create unique index on hoopr_play_by_play (game_id, event_num); \
         create unique index on hoopr_player_box (game_id, player_id); \
         create unique index on hoopr_team_box (game_id, team_id)",
    )
    .await;
    let accounts = platform
        .native(&port, &Table::ALL, Form::Csv, Mode::Correct)
        .await;
    assert_eq!(
        sum(&accounts, |account| account.rejected),
        0,
        "{accounts:?}"
    );
    let names = named(&accounts);
    for expected in ["HPR-1", "HPR-2", "HPR-6"] {
        assert!(names.contains(&expected), "{names:?}");
    }
    let correct = rows(&port, "hoopr_play_by_play").await;
    assert_eq!(correct.len(), expected.len());
    assert_eq!(spoilt(&port).await, 0);
    let games: i64 = port
        .query_scalar("select count(*) from hoopr_schedule", &[])
        .await
        .unwrap();
    assert!(games > 20);
    let shares: i64 = port
        .query_scalar(
            "select count(*) from hoopr_team_box where fg_pct is distinct from round(fgm::numeric / nullif(fga, 0), 3)",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(shares, 0);

    // Both forms of a season are the same season.
    let before: Vec<Vec<String>> = [
        rows(&port, "hoopr_team_box").await,
        rows(&port, "hoopr_player_box").await,
        correct,
    ]
    .to_vec();
    let again = platform
        .native(
            &port,
            &[Table::TeamBox, Table::PlayByPlay],
            Form::Parquet,
            Mode::Correct,
        )
        .await;
    assert_eq!(
        sum(&again, |account| account.inserted + account.updated),
        0,
        "{again:?}"
    );
    assert_eq!(rows(&port, "hoopr_team_box").await, before[0]);
}

/// The wide generation: the very rows the files were written from.
async fn the_wide_one(platform: &Platform) {
    let pristine = platform.database("wide_expected", "pristine").await;
    let db = platform.database("wide_port", "pristine").await;
    let empty: Vec<String> = Table::ALL
        .iter()
        .map(|table| format!("truncate public.{} cascade", table.name()))
        .collect();
    change(&db, &empty.join("; ")).await;
    for (form, mode) in [(Form::Parquet, Mode::Compat), (Form::Csv, Mode::Correct)] {
        if mode == Mode::Correct {
            change(&db, &empty.join("; ")).await;
            change(
                &db,
                "create unique index on hoopr_play_by_play (id); create unique index on hoopr_player_box (game_id, athlete_id); \
                 create unique index on hoopr_team_box (game_id, team_id); create unique index on hoopr_schedule (game_id)",
            )
            .await;
        }
        let accounts = platform.native(&db, &Table::ALL, form, mode).await;
        assert!(
            accounts.iter().all(|account| account.unreadable.is_empty()),
            "{accounts:?}"
        );
        for table in Table::ALL {
            let (found, expected) = (
                rows(&db, table.name()).await,
                rows(&pristine, table.name()).await,
            );
            let different = found
                .iter()
                .zip(&expected)
                .find(|(found, expected)| found != expected);
            assert_eq!(different, None, "{} from {form:?}", table.name());
            assert_eq!(found.len(), expected.len(), "{}", table.name());
        }
        let tables = [Table::PlayerBox];
        let again = platform.native(&db, &tables, form, mode).await;
        assert_eq!(sum(&again, |account| account.inserted + account.updated), 0);
    }
}

/// Bad cells, rows and files: nothing of the file in compat mode, all the rest of it in correct mode.
async fn what_does_not_fit(platform: &Platform) {
    let db = platform.database("bad", "empty").await;
    change(
        &db,
        "create table hoopr_team_box (game_id integer, team_id integer, season integer, team_score integer, team_name varchar(5))",
    )
    .await;
    let folder = platform.dir.path().join("bad");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.join(name), text).unwrap();
    write(
        "team_box_2024.csv",
        b"game_id,team_id,season,team_score,team_name,colour\n\
          1,10,2024,99,Heat,red\n\
          2,10,2024,many,Heat,red\n\
          3,10,2024\n\
          4,10,2024,5000000000,Heat,red\n\
          5,10,2024,99,Raptors,red\n\
          6,10,2024,99,\"a\nb\",red\n\
          7,NA,2024,99,Heat,red\n\
          8,10,2024,+98,NA,red\n\
          9,10,2024,99,H\xff,red\n\
          1,10,2024,99,Heat,red\n",
    );
    write("team_box_2025.parquet", b"PAR1 and no more");
    let lake = Lake::local(&folder);
    let mut writer = db.writer(Purpose::new("load hoopR")).await.unwrap();
    let mut load = async |key: &str, mode| {
        load_file(
            &db,
            &mut writer,
            &lake,
            Table::TeamBox,
            key,
            &options(Table::TeamBox, mode),
        )
        .await
        .unwrap()
    };
    // As it is, with a column the table does not have.
    let compat = load("team_box_2024.csv", Mode::Compat).await;
    assert_eq!(
        compat.unreadable[0].reason,
        "the table has no column `colour`"
    );
    change(&db, "alter table hoopr_team_box add column colour text").await;
    let compat = load("team_box_2024.csv", Mode::Compat).await;
    assert_eq!(compat.unreadable[0].line, 4, "{compat:?}");
    assert!(rows(&db, "hoopr_team_box").await.is_empty());
    change(
        &db,
        "alter table hoopr_team_box drop column colour; create unique index on hoopr_team_box (team_id, game_id)",
    )
    .await;
    let correct = load("team_box_2024.csv", Mode::Correct).await;
    assert!(correct.is_balanced());
    assert_eq!(
        (
            correct.read(),
            correct.inserted,
            correct.repeated,
            correct.rejected
        ),
        (10, 3, 1, 6),
        "{correct:?}"
    );
    let reasons: Vec<(usize, &str)> = correct
        .aside
        .iter()
        .map(|aside| (aside.number, aside.reason.as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (
                2,
                "line 3: `team_score` is `many`, not a whole number of 32 bits"
            ),
            (3, "line 4: 3 fields instead of 6"),
            (
                4,
                "line 5: `team_score` is `5000000000`, not a whole number of 32 bits"
            ),
            (
                5,
                "line 6: `team_name` is `Raptors`, not a text of at most 5 characters"
            ),
            (7, "line 9: `team_id` is empty"),
            (9, "line 11: field 5 is no UTF-8"),
        ]
    );
    assert_eq!(named(&[correct]), ["HPR-3", "HPR-5", "HPR-7", "HPR-10"]);
    let broken = load("team_box_2025.parquet", Mode::Correct).await;
    assert_eq!(broken.unreadable.len(), 1);
    assert!(broken.is_balanced());
    assert_eq!(load("team_box_1999.csv", Mode::Correct).await.missing, 1);

    // A row that changed is corrected, and only that one.
    write(
        "team_box_2024.csv",
        b"game_id,team_id,season,team_score,team_name\n1,10,2024,100,Heat\n8,10,2024,98,NA\n",
    );
    let changed = load("team_box_2024.csv", Mode::Correct).await;
    assert_eq!(
        (changed.inserted, changed.updated, changed.unchanged),
        (0, 1, 1)
    );
    assert_eq!(named(&[changed]), ["HPR-4", "HPR-8"]);

    // A trigger that changes what is written is seen, and nothing is kept.
    change(
        &db,
        "create function spoil() returns trigger language plpgsql as $$ begin new.team_score := 0; return new; end $$; \
         create trigger spoil before insert on hoopr_team_box for each row execute function spoil()",
    )
    .await;
    write(
        "team_box_2026.csv",
        b"game_id,team_id,season,team_score,team_name\n77,10,2026,100,Heat\n",
    );
    let before = rows(&db, "hoopr_team_box").await;
    let error = load_file(
        &db,
        &mut writer,
        &lake,
        Table::TeamBox,
        "team_box_2026.csv",
        &options(Table::TeamBox, Mode::Correct),
    )
    .await
    .unwrap_err();
    let _ = writer.finish().await;
    assert!(
        matches!(error, LoadError::Landed { rows: 1, .. }),
        "{error:?}"
    );
    assert_eq!(rows(&db, "hoopr_team_box").await, before);
}

/// `nba load` without its command line: all tables, interrupted, gone on with, repeated.
async fn a_whole_load(platform: &Platform) {
    let db = platform.database("job", "pristine").await;
    let indexes = "create unique index on hoopr_player_box (game_id, athlete_id); create unique index on hoopr_team_box (game_id, team_id); \
         create unique index on hoopr_schedule (game_id)";
    let empty: Vec<String> = Table::ALL
        .iter()
        .map(|table| format!("truncate public.{} cascade", table.name()))
        .collect();
    change(&db, &format!("{}; {indexes}", empty.join("; "))).await;
    let documents = Documents::Lake(std::sync::Arc::new(platform.lake()));
    let state = platform.dir.path().join("state");
    let job_options = JobOptions::new(Source::Hoopr, &state);
    let mut writer = db.writer(Purpose::new("load hoopR")).await.unwrap();

    // Three tables are loaded, the fourth has no key: what came before stays, and is not read again.
    let mut seen = 0;
    let error = job::run(
        &db,
        Some(&mut writer),
        &documents,
        "test",
        &job_options,
        &mut job::anybody,
        &mut |_| seen += 1,
    )
    .await
    .unwrap_err();
    assert!(
        matches!(&error, JobError::Piece { table, source, .. }
            if table == "hoopr_play_by_play" && matches!(**source, LoadError::NoKey { .. })),
        "{error:?}"
    );
    assert!(seen > 0);
    // As a kill in the middle of a line would leave it.
    let memory: Vec<PathBuf> = std::fs::read_dir(state.join("load"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(memory.len(), 1);
    let mut text = std::fs::read_to_string(&memory[0]).unwrap();
    text.push_str("{\"table\":\"hoopr_pl");
    std::fs::write(&memory[0], text).unwrap();
    change(&db, "create unique index on hoopr_play_by_play (id)").await;
    let dry = job::run(
        &db,
        None,
        &documents,
        "test",
        &job_options,
        &mut job::anybody,
        &mut |_| {},
    )
    .await
    .unwrap();
    let report = job::run(
        &db,
        Some(&mut writer),
        &documents,
        "test",
        &job_options,
        &mut job::anybody,
        &mut |_| {},
    )
    .await
    .unwrap();
    assert!(report.verdict.is_proven(), "{report:?}");
    assert_eq!(report.resumed, seen);
    assert!(report.total.is_balanced());
    assert_eq!(report.total.read, dry.total.read);
    assert_eq!(report.tables.len(), 4);
    assert!(!memory[0].exists(), "a complete load forgets");

    // Whoever may not write is stopped before the next piece; what was written stays, and no right is held on to.
    let held = std::sync::Arc::new(());
    let mut left = 2;
    let stopped = job::run(
        &db,
        Some(&mut writer),
        &documents,
        "withheld",
        &job_options,
        &mut |_| {
            assert_eq!(std::sync::Arc::strong_count(&held), 1, "one at a time");
            left -= 1;
            match left {
                0 => Err("somebody else writes".into()),
                _ => Ok(Box::new(held.clone())),
            }
        },
        &mut |_| {},
    )
    .await
    .unwrap_err();
    assert!(matches!(stopped, JobError::Withheld { .. }), "{stopped:?}");
    assert_eq!((left, std::sync::Arc::strong_count(&held)), (0, 1));

    // Again: everything is read, nothing is written. Another target's memory would be no help.
    let again = job::run(
        &db,
        Some(&mut writer),
        &documents,
        "test",
        &job_options,
        &mut job::anybody,
        &mut |_| {},
    )
    .await
    .unwrap();
    assert_eq!(
        (again.resumed, again.total.inserted, again.total.updated),
        (0, 0, 0)
    );
    assert_eq!(again.total.unchanged, again.total.read);
    let _ = writer.finish().await;
}

/// The same rows out of a bucket, over HTTP.
#[cfg(feature = "s3")]
async fn from_a_bucket(platform: &Platform) {
    use nba_config::{S3Settings, SecretString};
    use nba_testkit::s3::{S3Credentials, S3Server};

    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), S3Credentials::random()).unwrap();
    server.create_bucket("lake").unwrap();
    let key = Table::TeamBox.document(*platform.seasons.last().unwrap(), Form::Parquet);
    let path = dir.path().join("lake").join(&key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::copy(bucket(platform.dir.path()).join(&key), path).unwrap();
    let keys = server.credentials();
    let settings = S3Settings {
        bucket: "lake".to_owned(),
        endpoint: Some(server.endpoint().to_owned()),
        access_key_id: Some(SecretString::from(keys.access_key.clone())),
        secret_access_key: Some(SecretString::from(keys.secret_key.clone())),
        ..S3Settings::default()
    };
    let remote = Lake::s3(&settings).await;
    let db = platform.database("bucket", "pristine").await;
    change(&db, "truncate hoopr_team_box").await;
    let mut writer = db.writer(Purpose::new("load hoopR")).await.unwrap();
    let mut inserted = Vec::new();
    let options = options(Table::TeamBox, Mode::Compat);
    for lake in [&remote, &platform.lake()] {
        let account = load_file(&db, &mut writer, lake, Table::TeamBox, &key, &options)
            .await
            .unwrap();
        assert!(account.read() > 0, "{account:?}");
        inserted.push(account.inserted);
    }
    assert!(inserted[0] > 0);
    assert_eq!(inserted[1], 0, "the local file holds the same rows");
    let absent = load_file(
        &db,
        &mut writer,
        &remote,
        Table::TeamBox,
        "hoopr_parquet/team_box/team_box_1900.parquet",
        &options,
    )
    .await
    .unwrap();
    assert_eq!(absent.missing, 1);
    let _ = writer.finish().await;
}

/// What sportsdataverse published; where it is not at hand, that is said.
async fn real_files(platform: &Platform) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told where its data lies"
    )]
    let told = std::env::var_os("NBA_DATA_DIR").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let Some(data) = told
        .into_iter()
        .chain([beside])
        .map(|folder| folder.join("hoopr"))
        .find(|folder| folder.is_dir())
    else {
        println!("SKIPPED: no real hoopR files; set NBA_DATA_DIR");
        return;
    };
    let db = platform.database("real", "pristine").await;
    change(
        &db,
        "truncate hoopr_team_box, hoopr_schedule cascade; create unique index on hoopr_team_box (game_id, team_id); \
         create unique index on hoopr_schedule (game_id)",
    )
    .await;
    let lake = Lake::local(&data);
    let mut writer = db.writer(Purpose::new("load hoopR")).await.unwrap();
    for (table, key, expected) in [
        (Table::TeamBox, "team_box_2024_2025.parquet", 1_404),
        (Table::Schedule, "schedule_2024_2025.parquet", 704),
    ] {
        let options = options(table, Mode::Correct);
        let account = load_file(&db, &mut writer, &lake, table, key, &options)
            .await
            .unwrap();
        assert_eq!(
            (account.read(), account.inserted),
            (expected, expected),
            "{account:?}"
        );
        let again = load_file(&db, &mut writer, &lake, table, key, &options)
            .await
            .unwrap();
        assert_eq!(again.unchanged, expected, "{again:?}");
    }
    let _ = writer.finish().await;
    let games: i64 = db
        .query_scalar("select count(distinct game_id) from hoopr_team_box", &[])
        .await
        .unwrap();
    assert_eq!(games, 702);
    assert_eq!(
        options(Table::TeamBox, Mode::Correct).table,
        TableName::parse("public.hoopr_team_box")
    );
}
