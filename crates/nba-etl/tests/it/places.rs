//! Box scores of games in files, in a bucket and in a database: the same games come out the same, each change is noticed, and what was
//! wanted before stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nba_config::{S3Settings, SecretString};
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::ident::TableName;
use nba_db::{Database, Purpose};
use nba_etl::boxscore::{BatchAccount, BatchOptions, Store, StoreError, generate};
use nba_etl::lake::{Inventory, Lake};
use nba_etl::plays::PlaysError;
use nba_etl::plays::place::{Files, Objects, Place, Tables, Wanted};
use nba_testkit::plan::{PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};
use nba_testkit::s3::{S3Credentials, S3Server};
use nba_utils::{Hint as _, Season, Verdict};
use tokio::runtime::{Handle, Runtime};

use crate::boxes::lake;

const BUCKET: &str = "nba-sim-raw-data-lake";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn run(place: &dyn Place, store: &Path, wanted: &Wanted) -> BatchAccount {
    let mut options = BatchOptions::default();
    options.wanted = wanted.clone();
    options.files_per_part = std::num::NonZeroUsize::new(10).unwrap();
    options.jobs = std::num::NonZeroUsize::new(2).unwrap();
    let account = generate(place, store, &options, &|_| {}).unwrap();
    assert!(account.is_balanced(), "{account:#?}");
    account
}

/// The same, without what is gone.
fn prune(place: &dyn Place, store: &Path, wanted: &Wanted) -> BatchAccount {
    let mut options = BatchOptions::default();
    options.wanted = wanted.clone();
    options.prune = true;
    let account = generate(place, store, &options, &|_| {}).unwrap();
    assert!(account.is_balanced(), "{account:#?}");
    account
}

fn ids(store: &Path) -> BTreeSet<String> {
    let ids = Store::open(store).unwrap().ids();
    ids.into_iter().map(|(id, _)| id).collect()
}

fn season(text: &str) -> Wanted {
    Wanted {
        seasons: [text.parse::<Season>().unwrap()].into(),
        ..Wanted::default()
    }
}

#[test]
fn a_bucket_gives_what_its_files_give() {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), S3Credentials::random()).unwrap();
    let bucket = server.create_bucket(BUCKET).unwrap();
    let files = lake(&bucket);
    let keys = server.credentials();
    let settings = S3Settings {
        bucket: BUCKET.to_owned(),
        endpoint: Some(server.endpoint().to_owned()),
        access_key_id: Some(SecretString::from(keys.access_key.clone())),
        secret_access_key: Some(SecretString::from(keys.secret_key.clone())),
        ..S3Settings::default()
    };
    let runtime = runtime();
    let root = format!("s3://{BUCKET}/");
    let list = |prefixes: &[&str]| {
        let what = Inventory {
            prefixes: prefixes.iter().map(|&one| one.to_owned()).collect(),
            ..Inventory::default()
        };
        runtime.block_on(async {
            let lake = Lake::s3(&settings).await;
            Objects::list(lake, root.clone(), &what, Handle::current())
                .await
                .unwrap()
        })
    };
    let plays = [
        "lake/espn_play_by_play/",
        "lake/hoopr_parquet/play_by_play/",
    ];
    let all = Wanted::default();
    let by_file = run(
        &Files::new(&files).unwrap(),
        &dir.path().join("by-file"),
        &all,
    );
    let store = dir.path().join("by-object");
    let by_object = run(&list(&plays), &store, &all);
    assert_eq!(by_object.digest, by_file.digest);
    assert_eq!(by_object.files, by_file.files);
    assert!(by_object.parts_written > 2, "{by_object:#?}");

    let again = run(&list(&plays), &store, &all);
    assert_eq!(again.files_unchanged, again.files);
    assert_eq!((again.parts_written, again.digest), (0, by_file.digest));

    // Only some are listed, one of them changed: the others of its part are read again all the same.
    let changed = files
        .iter()
        .find(|file| file.to_string_lossy().contains("hoopr"))
        .unwrap();
    let gone = files
        .iter()
        .rfind(|file| file.to_string_lossy().contains("hoopr"))
        .unwrap();
    std::fs::copy(gone, changed).unwrap();
    let partly = run(&list(&plays[1..]), &store, &all);
    assert!(partly.parts_replaced > 0, "{partly:#?}");
    assert_ne!(partly.digest, by_file.digest);
    std::fs::remove_file(gone).unwrap();
    let stays = run(&list(&plays), &store, &all);
    assert_eq!((stays.files_gone, stays.digest), (1, partly.digest));
    let fewer = prune(&list(&plays), &store, &all);
    assert_eq!(fewer.files_gone, 1);
    let mut left = files.clone();
    left.retain(|file| file != gone);
    let fresh = run(&Files::new(&left).unwrap(), &dir.path().join("fresh"), &all);
    assert_eq!(fewer.digest, fresh.digest, "{fewer:#?}");

    // A store out of reach is no store without games.
    let place = list(&plays);
    drop(server);
    let refused = generate(
        &place,
        &dir.path().join("none"),
        &BatchOptions::default(),
        &|_| {},
    );
    assert!(
        matches!(&refused, Err(StoreError::Place(PlaysError::Lake { .. }))),
        "{refused:?}"
    );
}

/// A replica's tables, and the lake of the same games.
struct World {
    runtime: Runtime,
    db: Database,
    files: Vec<PathBuf>,
    dir: tempfile::TempDir,
    _server: EmbeddedServer,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = lake(dir.path());
        let runtime = runtime();
        let (server, db) = runtime.block_on(async {
            let server = EmbeddedServer::start(EmbeddedOptions::default())
                .await
                .unwrap();
            server.create_database("nba").await.unwrap();
            let options = ReplicaOptions {
                seed: 1946,
                plan: PlanOptions {
                    scale: Scale::new(0.001).unwrap(),
                    ..PlanOptions::default()
                },
                ..ReplicaOptions::default()
            };
            Replica::build(&server.target("nba"), options, |_| {})
                .await
                .unwrap();
            let db = Database::connect(&server.target("nba")).await.unwrap();
            (server, db)
        });
        Self {
            runtime,
            db,
            files,
            dir,
            _server: server,
        }
    }

    fn list(&self, table: Option<&str>, wanted: &Wanted) -> Result<Tables, PlaysError> {
        let table = table.map(TableName::parse);
        self.runtime.block_on(Tables::list(
            self.db.clone(),
            table.as_ref(),
            wanted,
            self.runtime.handle().clone(),
        ))
    }

    fn write(&self, sql: &str) {
        self.runtime.block_on(async {
            let mut writer = self.db.writer(Purpose::new("test")).await.unwrap();
            writer.batch_execute(sql).await.unwrap();
            let _ = writer.finish().await;
        });
    }

    fn count(&self, sql: &str) -> u64 {
        let count: i64 = self
            .runtime
            .block_on(self.db.query_scalar(sql, &[]))
            .unwrap();
        u64::try_from(count).unwrap()
    }
}

#[test]
fn tables_give_what_their_files_give() {
    let world = World::new();
    let path = |name: &str| world.dir.path().join(name);
    let hoopr = Wanted {
        feeds: ["hoopr".to_owned()].into(),
        ..Wanted::default()
    };
    // Of the files, those of other feeds are read and left out.
    let by_file = run(&Files::new(&world.files).unwrap(), &path("files"), &hoopr);
    assert!(
        by_file.games > 0 && by_file.games_left_out > 0,
        "{by_file:#?}"
    );
    let place = world.list(None, &hoopr).unwrap();
    let store = path("tables");
    let by_table = run(&place, &store, &hoopr);
    assert_eq!(
        (by_table.games, by_table.events),
        (by_file.games, by_file.events)
    );
    assert_eq!(by_table.digest, by_file.digest, "{by_table:#?}");
    assert_eq!(by_table.verdict(), Verdict::Proven);
    // A store that has them from files already: they came twice, and were asked for all the same.
    let both = path("both");
    run(&Files::new(&world.files).unwrap(), &both, &hoopr);
    let twice = run(&place, &both, &hoopr);
    assert_eq!(
        (twice.digest, twice.games_repeated),
        (by_file.digest, by_table.games)
    );
    assert_eq!(twice.verdict(), Verdict::Proven);
    assert_eq!(
        by_table.files,
        world.count("select count(distinct game_id) from hoopr_play_by_play")
    );

    // Rows in another order on the disk are the same game.
    world.write(
        "create table moved as select * from hoopr_play_by_play order by md5(hoopr_play_by_play::text); \
         truncate hoopr_play_by_play; insert into hoopr_play_by_play select * from moved; drop table moved",
    );
    let again = run(&world.list(None, &hoopr).unwrap(), &store, &hoopr);
    assert_eq!(again.files_unchanged, again.files, "{again:#?}");
    assert_eq!(again.parts_written, 0);

    // A figure of one row, a game less, rows that belong to nobody: each is noticed.
    world.write(
        "update hoopr_play_by_play set away_score = away_score + 50 where ctid = (select max(ctid) from hoopr_play_by_play \
         where game_id = (select max(game_id) from hoopr_play_by_play))",
    );
    let changed = run(&world.list(None, &hoopr).unwrap(), &store, &hoopr);
    assert_eq!((changed.parts_replaced, changed.games), (1, by_table.games));
    assert_eq!(changed.games_refuted, 1, "{changed:#?}");
    world.write(
        "delete from hoopr_play_by_play where game_id = (select max(game_id) from hoopr_play_by_play)",
    );
    let stays = run(&world.list(None, &hoopr).unwrap(), &store, &hoopr);
    assert_eq!((stays.games, stays.files_gone), (by_table.games, 1));
    let fewer = prune(&world.list(None, &hoopr).unwrap(), &store, &hoopr);
    assert_eq!(fewer.games, by_table.games - 1);
    world.write(
        "update hoopr_play_by_play set game_id = null where game_id = (select max(game_id) from hoopr_play_by_play)",
    );
    let lost = prune(&world.list(None, &hoopr).unwrap(), &store, &hoopr);
    assert_eq!((lost.games, lost.files_unreadable), (by_table.games - 2, 1));
    assert!(
        lost.findings.iter().any(|one| one.contains("no `game_id`")),
        "{lost:#?}"
    );
    assert_ne!(lost.verdict(), Verdict::Proven);

    // Without the index every game would be a scan.
    world.write("drop index idx_hoopr_pbp_game_id");
    let error = world.list(Some("hoopr_play_by_play"), &hoopr).unwrap_err();
    assert!(matches!(error, PlaysError::NoIndex { .. }), "{error:?}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("create index"))
    );
    let error = world.list(Some("games"), &hoopr).unwrap_err();
    assert!(matches!(error, PlaysError::NoPlays { .. }), "{error:?}");
    let error = world.list(Some("nosuch"), &hoopr).unwrap_err();
    assert!(matches!(error, PlaysError::NoTable { .. }), "{error:?}");
    // One of another order of its letters does not give the next game.
    world.write("drop view unified_play_by_play; alter table hoopr_play_by_play alter game_id type text; create index on hoopr_play_by_play (game_id text_pattern_ops)");
    let error = world.list(Some("hoopr_play_by_play"), &hoopr).unwrap_err();
    assert!(matches!(error, PlaysError::NoIndex { .. }), "{error:?}");
    for (index, is_usable) in [
        ("(season) include (game_id)", false),
        ("(lower(game_id))", false),
        ("(game_id desc)", true),
    ] {
        world.write(&format!("create index tried on hoopr_play_by_play {index}"));
        let listed = world.list(Some("hoopr_play_by_play"), &hoopr);
        assert_eq!(listed.is_ok(), is_usable, "{index}: {listed:?}");
        world.write("drop index tried");
    }
    // A table of usual name that cannot be read is not passed over, unless nobody asks for it.
    world.write("alter table hoopr_play_by_play rename athlete_id_1 to athlete");
    let error = world.list(None, &Wanted::default()).unwrap_err();
    assert!(matches!(error, PlaysError::NoPlays { .. }), "{error:?}");
    let texts = Wanted {
        feeds: ["espn_text".to_owned()].into(),
        ..Wanted::default()
    };
    assert!(world.list(None, &texts).is_ok());
    world.write("drop table hoopr_play_by_play");
    let place = world.list(None, &Wanted::default()).unwrap();
    assert_eq!(
        place.left_out(),
        ["there is no table `public.hoopr_play_by_play`"]
    );
}

#[test]
fn what_was_wanted_before_stays() {
    let world = World::new();
    let path = |name: &str| world.dir.path().join(name);
    let espn = |seasons: &[&str]| Wanted {
        seasons: seasons.iter().map(|one| one.parse().unwrap()).collect(),
        feeds: ["espn".to_owned(), "espn_text".to_owned()].into(),
    };
    // The platform's text table, whose season another table knows.
    let store = path("texts");
    let all = run(&world.list(None, &espn(&[])).unwrap(), &store, &espn(&[]));
    assert_eq!(all.games_refuted, 0, "{all:#?}");
    assert!(all.games_proven > 10, "{all:#?}");
    let of = |season: &str| {
        world.count(&format!(
            "select count(distinct game_id) from play_by_play join games using (game_id) where season = '{season}'"
        ))
    };
    let years: Vec<String> = (1996..2025)
        .map(|year| format!("{year}-{:02}", (year + 1) % 100))
        .filter(|season| of(season) > 0)
        .take(2)
        .collect();
    let [first, second] = [years[0].as_str(), years[1].as_str()];
    let place = world.list(None, &espn(&[first])).unwrap();
    assert_eq!(u64::try_from(place.units().len()).unwrap(), of(first));

    // A season of files, then another one: the first is still there. Then everything.
    let files = Files::new(&world.files).unwrap();
    let store = path("seasons");
    let one = run(&files, &store, &season(first));
    assert!(one.games > 0 && one.games_left_out > 0, "{one:#?}");
    let games = ids(&store);
    let again = run(&files, &store, &season(first));
    assert_eq!((again.parts_written, again.digest), (0, one.digest));
    let two = run(&files, &store, &season(second));
    assert!(two.games > one.games, "{two:#?}");
    assert!(ids(&store).is_superset(&games));
    // Asked for again, the first needs nothing. Of a season without games nothing is proven.
    assert_eq!(run(&files, &store, &season(first)).parts_written, 0);
    let none = run(&files, &path("none"), &season("2050-51"));
    assert_ne!(none.verdict(), Verdict::Proven);
    let none = run(&files, &store, &season("2050-51"));
    assert_eq!((none.games_wanted, none.games), (0, two.games));
    assert_ne!(none.verdict(), Verdict::Proven);
    let whole = run(&files, &store, &Wanted::default());
    let fresh = run(&files, &path("fresh"), &Wanted::default());
    assert_eq!(whole.digest, fresh.digest);
    assert_eq!(whole.games_left_out, 0, "{whole:#?}");

    // A game whose season nobody knows is not among those of a season, and the verdict says so.
    world.write("update games set season = null where game_id = (select min(game_id) from play_by_play where game_id > '4')");
    let wanted = espn(&[second]);
    let doubt = run(&world.list(None, &wanted).unwrap(), &path("doubt"), &wanted);
    assert_eq!(doubt.games_of_unknown_season, 1, "{doubt:#?}");
    assert!(matches!(doubt.verdict(), Verdict::NotProven { .. }));
}
