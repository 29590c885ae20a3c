//! A store of box scores: written in parts, gone on with, read back, and loaded into PostgreSQL.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use nba_boxscore::{Line, Moments, Side, verify};
use nba_etl::boxscore::{BatchAccount, BatchOptions, Store, StoreError, generate};
use nba_etl::plays::place::Files;
use nba_etl::plays::read_file;
use nba_testkit::lake::{HooprFiles, LakeOptions, build};
use nba_testkit::plan::{Plan, PlanOptions, Scale};
use nba_testkit::sim::Universe;
use nba_utils::Verdict;

/// A lake of documents and parquet files; its files in order.
pub(crate) fn lake(folder: &Path) -> Vec<PathBuf> {
    let universe = Universe::new(1946);
    let plan = Plan::new(
        &universe,
        PlanOptions {
            scale: Scale::new(0.001).unwrap(),
            ..PlanOptions::default()
        },
    )
    .unwrap();
    let options = LakeOptions {
        hoopr: HooprFiles::Parquet,
        ..LakeOptions::default()
    };
    build(&folder.join("lake"), &universe, &plan, &options, &|_| {}).unwrap();
    let mut found: Vec<PathBuf> = walkdir(folder);
    found.retain(|file| file.to_string_lossy().contains("play_by_play"));
    found.sort();
    assert!(found.len() > 30, "{} files", found.len());
    found
}

/// The JSON documents among files that hold a game with plays.
fn documents(files: &[PathBuf]) -> Vec<&PathBuf> {
    let has_plays = |file: &&PathBuf| {
        let mut events = 0;
        file.extension().is_some_and(|ending| ending == "json")
            && read_file(file, |_, log| events += log.events.len()).is_ok()
            && events > 100
    };
    files.iter().filter(has_plays).collect()
}

fn walkdir(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walkdir(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Makes parts as an earlier version wrote them: without the sizes of their files.
fn forget_sizes(store: &Path) {
    for entry in std::fs::read_dir(store).unwrap() {
        let file = entry.unwrap().path().join("part.json");
        let Ok(text) = std::fs::read(&file) else {
            continue;
        };
        let mut record: serde_json::Value = serde_json::from_slice(&text).unwrap();
        record.as_object_mut().unwrap().remove("sizes");
        std::fs::write(&file, record.to_string()).unwrap();
    }
}

fn run(files: &[PathBuf], store: &Path) -> BatchAccount {
    let mut options = BatchOptions::default();
    options.files_per_part = NonZeroUsize::new(12).unwrap();
    let account = generate(&Files::new(files).unwrap(), store, &options, &|_| {}).unwrap();
    assert!(account.is_balanced(), "{account:#?}");
    account
}

#[test]
fn a_batch_is_complete_and_a_second_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let files = lake(dir.path());
    let store = dir.path().join("store");
    let first = run(&files, &store);
    assert!(first.games > 20 && first.games_proven > 10, "{first:#?}");
    assert_eq!(first.games_refuted, 0, "{first:#?}");
    assert!(first.grades.get(&'A') > Some(&10), "{first:#?}");
    assert_eq!(first.files_unchanged, 0);

    let second = run(&files, &store);
    assert_eq!(second.files_unchanged, second.files);
    assert_eq!((second.parts_written, second.parts_replaced), (0, 0));
    assert_eq!(second.digest, first.digest);
    assert_eq!(second.games, first.games);

    // What was read straight from the files is what the store gives back, at every event.
    let kept = Store::open(&store).unwrap();
    let mut stored = BTreeMap::new();
    kept.each_game(|game| -> Result<(), StoreError> {
        let key = (game.card.id.clone(), game.card.source.clone());
        assert!(stored.insert(key, game).is_none(), "a game comes twice");
        Ok(())
    })
    .unwrap();
    assert_eq!(stored.len(), kept.ids().len());
    let mut compared = 0;
    for file in &files {
        let _ = read_file(file, |_, log| {
            let game = verify(&log);
            let Ok(moments) = Moments::new(log.roster_sizes(), &game.events) else {
                return;
            };
            let count = game.events.len();
            let same = stored
                .values()
                .filter(|one| one.card.id == log.id)
                .any(|one| {
                    one.timeline.points().len() == count
                        && (0..=count)
                            .step_by(17)
                            .chain([count])
                            .all(|at| one.timeline.box_after(at) == moments.after(at).finish())
                });
            assert!(
                same || log.id.is_empty(),
                "game {} of {}",
                log.id,
                file.display()
            );
            compared += 1;
        });
    }
    for ((id, feed), game) in stored.iter().step_by(9) {
        assert_eq!(kept.game(id, Some(feed)).unwrap(), *game);
    }
    assert!(compared > 20);
    assert!(matches!(
        kept.game("no such game", None),
        Err(StoreError::NoGame { .. })
    ));
}

/// What a killed run leaves behind, and what a changed, lost or new file does.
#[test]
fn an_unfinished_batch_goes_on_and_changed_files_are_done_anew() {
    let dir = tempfile::tempdir().unwrap();
    let files = lake(dir.path());
    let whole = run(&files, &dir.path().join("whole"));
    let store = dir.path().join("store");

    // As if it had been killed: some files are done, a part is half written.
    let half = run(&files[..files.len() / 2], &store);
    assert!(half.games < whole.games);
    let torn = store.join(".new-torn");
    std::fs::create_dir(&torn).unwrap();
    std::fs::write(torn.join("games.parquet"), b"PAR1").unwrap();
    let rest = run(&files, &store);
    assert!(!torn.exists());
    assert_eq!(rest.digest, whole.digest, "{rest:#?}");
    assert_eq!(rest.files_unchanged, half.files);

    // A file that changes takes the others of its part with it, and nothing else.
    let games = documents(&files);
    let (changed, other) = (games[0], games[1]);
    let text = std::fs::read(changed).unwrap();
    std::fs::copy(other, changed).unwrap();
    let without = run(&files, &store);
    assert!(
        without.parts_replaced >= 1 && without.parts_unchanged >= 1,
        "{without:#?}"
    );
    assert_ne!(without.digest, whole.digest);
    std::fs::write(changed, text).unwrap();
    assert_eq!(run(&files, &store).digest, whole.digest);
}

#[test]
fn a_store_is_written_by_one_run_and_damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let files = lake(dir.path());
    let store = dir.path().join("store");
    run(&files, &store);
    let lock = std::fs::File::options()
        .write(true)
        .open(store.join(".lock"))
        .unwrap();
    lock.lock().unwrap();
    let busy = generate(
        &Files::new(&files).unwrap(),
        &store,
        &BatchOptions::default(),
        &|_| {},
    );
    assert!(matches!(busy, Err(StoreError::Busy { .. })), "{busy:?}");
    drop(lock);

    // The changes of one part in the place of those of another: every file is sound, the games are not.
    let parts: Vec<PathBuf> = std::fs::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("part.json").is_file())
        .collect();
    assert!(parts.len() > 1, "{parts:?}");
    let games_of = |part: &Path| {
        let text = std::fs::read_to_string(part.join("part.json")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        record["games"].as_array().unwrap().len()
    };
    let mut full = parts.iter().filter(|part| games_of(part) > 0);
    let (one, other) = (full.next().unwrap(), full.next().unwrap());
    std::fs::copy(one.join("changes.parquet"), other.join("changes.parquet")).unwrap();
    let refused = Store::open(&store);
    assert!(
        matches!(refused, Err(StoreError::Damaged { .. })),
        "{refused:?}"
    );
    forget_sizes(&store);
    let mut found = 0;
    let outcome = Store::open(&store)
        .unwrap()
        .each_game(|_| -> Result<(), StoreError> {
            found += 1;
            Ok(())
        });
    assert!(
        matches!(&outcome, Err(StoreError::Damaged { .. })),
        "{found} games, {outcome:?}"
    );
}

#[cfg(feature = "boxscore-db")]
mod tables {
    use std::collections::BTreeSet;

    use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
    use nba_db::{Database, Purpose};
    use nba_etl::boxscore::StoredGame;
    use nba_etl::boxscore::tables::{LoadAccount, LoadError, LoadOptions, TableSet, load};
    use nba_etl::plays::table::read_group;
    use nba_utils::Hint as _;
    use serde_json::{Value, json};

    use super::*;

    async fn write(
        db: &Database,
        store: &Store,
        options: &LoadOptions,
    ) -> Result<LoadAccount, LoadError> {
        let mut writer = db.writer(Purpose::new("test")).await.unwrap();
        let account = load(store, &mut writer, options).await;
        let _ = writer.finish().await;
        if let Ok(account) = &account {
            assert!(account.is_balanced(), "{account:#?}");
        }
        account
    }

    /// Turns a store into one of the version that kept no possessions.
    fn forget_possessions(store: &Path) {
        const COLUMNS: [&str; 5] = ["game_id", "source", "card", "home_players", "away_players"];
        let mut parts = 0;
        for file in walkdir(store) {
            if file.ends_with("possessions.parquet") {
                std::fs::remove_file(&file).unwrap();
                parts += 1;
            }
            if file.ends_with("games.parquet") {
                let games = read_group(&file, &COLUMNS, 0).unwrap().unwrap();
                assert!(read_group(&file, &COLUMNS, 1).unwrap().is_none());
                let rows: Vec<Value> = (0..games.rows())
                    .map(|row| {
                        let mut card: Value = serde_json::from_str(games.text(2, row)).unwrap();
                        let fields = card.as_object_mut().unwrap();
                        assert!(fields.remove("possessions_digest").is_some());
                        json!({
                            "game_id": games.text(0, row),
                            "source": games.text(1, row),
                            "card": card.to_string(),
                            "home_players": games.whole(3, row),
                            "away_players": games.whole(4, row),
                        })
                    })
                    .collect();
                crate::feeds::parquet_rows::write(&file, &COLUMNS.map(str::to_owned), &rows);
            }
        }
        assert!(parts > 0);
    }

    async fn rows(db: &Database, sql: &str) -> i64 {
        db.query_scalar(sql, &[]).await.unwrap()
    }

    /// Every line at this event, as SQL has it.
    async fn moment(db: &Database, game: &StoredGame, event: usize) -> Vec<(i16, i16, Line)> {
        let rows = db
            .query_rows(
                "select side, slot, points, fgm, fga, fg3m, fg3a, ftm, fta, oreb, dreb, ast, stl, blk, tov, pf, plus_minus, tenths \
                 from boxes.moments where game_id = $1 and data_source = $2 and event_num = $3 order by side, slot",
                &[
                    &game.card.id.as_str(),
                    &game.card.source.as_str(),
                    &i32::try_from(event).unwrap(),
                ],
            )
            .await
            .unwrap();
        rows.iter()
            .map(|row| {
                let count = |column: usize| u16::try_from(row.get::<_, i32>(column)).unwrap();
                let line = Line {
                    pts: count(2),
                    fgm: count(3),
                    fga: count(4),
                    fg3m: count(5),
                    fg3a: count(6),
                    ftm: count(7),
                    fta: count(8),
                    oreb: count(9),
                    dreb: count(10),
                    ast: count(11),
                    stl: count(12),
                    blk: count(13),
                    tov: count(14),
                    pf: count(15),
                    plus_minus: i16::try_from(row.get::<_, i32>(16)).unwrap(),
                    tenths: u32::try_from(row.get::<_, i32>(17)).unwrap(),
                };
                (row.get(0), row.get(1), line)
            })
            .collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tables_hold_what_the_store_holds() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = lake(dir.path());
        // Documents and tables, few of each: a row per player and event is many rows.
        let tables = files.split_off(files.len() / 2);
        files.truncate(12);
        files.extend(tables.into_iter().rev().take(4));
        let folder = dir.path().join("store");
        run(&files, &folder);
        let store = Store::open(&folder).unwrap();
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        server.create_database("nba").await.unwrap();
        let db = Database::connect(&server.target("nba")).await.unwrap();

        let mut options = LoadOptions::new("boxes");
        let first = write(&db, &store, &options).await.unwrap();
        println!("{first:?}");
        assert_eq!(first.inserted, first.games);
        let mut games = Vec::new();
        store
            .each_game(|game| -> Result<(), StoreError> {
                games.push(game);
                Ok(())
            })
            .unwrap();
        let events: usize = games.iter().map(|game| game.timeline.points().len()).sum();
        assert_eq!(
            rows(&db, "select count(*) from boxes.events").await,
            i64::try_from(events).unwrap()
        );

        // SQL rebuilds any moment from keyframes and changes.
        for game in games.iter().step_by(5) {
            let count = game.timeline.points().len();
            for event in [0, 1, 62, 63, 64, 127, count / 2, count.saturating_sub(1)] {
                if event + 1 > count {
                    continue;
                }
                let score = game.timeline.box_after(event + 1);
                let mut expected = Vec::new();
                for side in Side::BOTH {
                    let of = i16::from(side == Side::Away);
                    let team = &score.teams[side.index()];
                    expected.push((of, -1, team.team));
                    expected.extend(
                        (0..)
                            .zip(&team.players)
                            .map(|(slot, line)| (of, slot, *line)),
                    );
                }
                assert_eq!(
                    moment(&db, game, event).await,
                    expected,
                    "{} {event}",
                    game.card.id
                );
            }
        }
        let quarters = "select count(*) from (select game_id, data_source, sum(points) p from boxes.quarter_box_scores group by 1, 2) q \
             join boxes.games g using (game_id, data_source) where q.p <> g.home_score + g.away_score";
        assert_eq!(rows(&db, quarters).await, 0);
        let over = "select count(*) from (select game_id, data_source, sum(points) p from boxes.box_scores group by 1, 2) q \
             join boxes.games g using (game_id, data_source) where q.p <> g.home_score + g.away_score";
        assert_eq!(rows(&db, over).await, 0);
        let at = "select count(*) from boxes.games g where events > 0 and boxes.event_at(game_id, data_source, 1e6) <> events - 1";
        assert_eq!(rows(&db, at).await, 0);
        let graded = "select count(*) from boxes.box_score_verification where quality_grade = 'A' and total_discrepancies = 0";
        assert!(rows(&db, graded).await > 3);

        // Again: nothing.
        let second = write(&db, &store, &options).await.unwrap();
        assert_eq!((second.unchanged, second.transactions), (second.games, 0));

        // Full snapshots only where there is room for them.
        options.sets = BTreeSet::from(TableSet::ALL);
        assert!(matches!(
            write(&db, &store, &options).await,
            Err(LoadError::RoomUnknown { .. })
        ));
        options.free_bytes = Some(1_000_000);
        assert!(matches!(
            write(&db, &store, &options).await,
            Err(LoadError::NoRoom { .. })
        ));
        assert_eq!(
            rows(&db, "select count(*) from boxes.game_state_snapshots").await,
            0
        );
        options.free_bytes = Some(1 << 40);
        let full = write(&db, &store, &options).await.unwrap();
        assert_eq!((full.updated, full.inserted), (full.games, 0));
        for (what, sql) in [
            (
                "snapshots are the moments",
                "select count(*) from boxes.player_snapshot_stats s join boxes.game_state_snapshots g using (snapshot_id) \
                 join boxes.players p on (p.game_id, p.data_source, p.player_id) = (g.game_id, g.data_source, s.player_id) \
                 join boxes.games b on (b.game_id, b.data_source) = (g.game_id, g.data_source) and b.events - 1 = g.event_num \
                 join boxes.box_scores m on (m.game_id, m.data_source, m.side, m.slot) = (p.game_id, p.data_source, p.side, p.slot) \
                 where (s.points, s.reb, s.ast, s.plus_minus, s.on_court) is distinct from (m.points, m.reb, m.ast, m.plus_minus, m.on_court)",
            ),
            (
                "one snapshot per event",
                "select count(*) from boxes.events e left join boxes.game_state_snapshots g using (game_id, data_source, event_num) \
                 left join boxes.box_score_snapshots d using (game_id, data_source, event_num) \
                 where g.snapshot_id is null or d.id is null or g.home_score <> e.home_score or d.score_differential <> e.home_score - e.away_score",
            ),
            (
                "intervals add up",
                "select count(*) from (select game_id, data_source, grid, sum(points) p from boxes.interval_box_scores group by 1, 2, 3) i \
                 join boxes.games g using (game_id, data_source) where i.p <> g.home_score + g.away_score",
            ),
            (
                "possessions of a period share it without a gap",
                "select count(*) from (select *, lag(end_event_number) over w as before, lag(end_seconds) over w as until \
                 from boxes.possession_metadata window w as (partition by game_id, data_source, period order by possession_number)) p \
                 where before is not null and (start_event_number <> before + 1 or start_seconds <> until)",
            ),
            (
                "possessions have no more points than the game",
                "select count(*) from (select game_id, data_source, sum(points_scored) p, count(*) n from boxes.possession_metadata group by 1, 2) q \
                 join boxes.games g using (game_id, data_source) where q.p > g.home_score + g.away_score or q.p < g.home_score + g.away_score - 12 or q.n < 150",
            ),
            (
                "the ten of a possession are those of its first event",
                "select count(*) from boxes.possession_metadata p left join boxes.lineup_snapshots l \
                 on (l.game_id, l.data_source, l.event_number, l.team_id, l.lineup_hash) \
                 = (p.game_id, p.data_source, p.start_event_number, p.offensive_team_id, p.lineup_hash_offense) \
                 where p.lineup_hash_offense is not null and p.lineup_hash_defense is not null and l.game_id is null",
            ),
            (
                "BX-37: a lineup's plus/minus is the difference of the scores",
                "select count(*) from boxes.lineup_snapshots where plus_minus <> team_score - opponent_score",
            ),
        ] {
            assert_eq!(rows(&db, sql).await, 0, "{what}");
        }
        let possessions: usize = games.iter().map(|game| game.possessions.len()).sum();
        assert_eq!(
            rows(&db, "select count(*) from boxes.possession_metadata").await,
            i64::try_from(possessions).unwrap()
        );
        let size = "select pg_total_relation_size('boxes.possession_metadata') / (select sum(events) from boxes.games)::bigint";
        println!("{} bytes of possessions per event", rows(&db, size).await);
        let five = "select count(*) from boxes.lineup_snapshots where lineup_hash <> md5(concat_ws('|', player1_id, player2_id, \
             player3_id, player4_id, player5_id))";
        assert_eq!(rows(&db, five).await, 0);
        assert!(rows(&db, "select count(*) from boxes.lineup_snapshots").await > 1_000);
        let third = write(&db, &store, &options).await.unwrap();
        assert_eq!((third.unchanged, third.transactions), (third.games, 0));

        // A game that changed is written anew, whole, and no row of its old self stays.
        let mut writer = db.writer(Purpose::new("plant a defect")).await.unwrap();
        writer
            .batch_execute(
                "update boxes.games set digest = 'other' where (game_id, data_source) = (select game_id, data_source from boxes.games limit 1); \
                 insert into boxes.events select game_id, data_source, 99999, 4, 0, 28800, 0, 0 from boxes.games where digest = 'other'",
            )
            .await
            .unwrap();
        let _ = writer.finish().await;
        let again = write(&db, &store, &options).await.unwrap();
        assert_eq!((again.updated, again.unchanged), (1, again.games - 1));
        assert_eq!(
            rows(&db, "select count(*) from boxes.events").await,
            i64::try_from(events).unwrap()
        );

        // A store without possessions is loaded without them, and what it lacks is named.
        let old = dir.path().join("old");
        run(&files[..2], &old);
        forget_possessions(&old);
        forget_sizes(&old);
        let old = Store::open(&old).unwrap();
        let mut without = LoadOptions::new("old");
        without.free_bytes = Some(1 << 40);
        without.sets = BTreeSet::from([TableSet::Possessions]);
        let refused = write(&db, &old, &without).await.unwrap_err();
        assert!(
            matches!(&refused, LoadError::NoPossessions { game, .. } if old.ids().iter().any(|(id, _)| id == game)),
            "{refused:?}"
        );
        assert!(refused.hint().unwrap().contains("without possessions"));
        assert_eq!(rows(&db, "select count(*) from old.games").await, 0);
        without.sets.clear();
        let loaded = write(&db, &old, &without).await.unwrap();
        assert!(loaded.inserted > 0 && loaded.inserted == loaded.games);

        // A schema of somebody else is not touched.
        let refused = write(&db, &store, &LoadOptions::new("public")).await;
        assert!(
            matches!(refused, Err(LoadError::NotOurs { .. })),
            "{refused:?}"
        );
        db.close().await;
    }
}

/// What was read stays until it was read again, whatever becomes of its file.
#[test]
fn games_are_not_lost_with_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = lake(dir.path())
        .into_iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "parquet"))
        .take(6)
        .collect();
    let store = dir.path().join("store");
    let whole = run(&files, &store);
    assert_eq!(whole.games_wanted, whole.games);

    // One of a part has changed, another one of it cannot be opened: a folder has its name.
    let (changed, shut) = (&files[0], &files[1]);
    let keep = dir.path().join("keep");
    std::fs::rename(shut, &keep).unwrap();
    std::fs::create_dir(shut).unwrap();
    let touch = || {
        let bytes = std::fs::read(changed).unwrap();
        std::fs::write(changed, bytes).unwrap();
    };
    touch();
    let some = run(&files[..1], &store);
    assert_eq!(some.digest, whole.digest, "{some:#?}");
    assert_eq!(some.files_unreadable, 1, "{some:#?}");
    assert_ne!(some.verdict(), Verdict::Proven);
    // Until it can be opened again.
    std::fs::remove_dir(shut).unwrap();
    std::fs::rename(&keep, shut).unwrap();
    let again = run(&files, &store);
    assert_eq!((again.digest, again.files_unreadable), (whole.digest, 0));

    // A disk that is away.
    let away = dir.path().join("away");
    std::fs::rename(shut, &away).unwrap();
    touch();
    let gone = run(&files[..1], &store);
    assert_eq!(
        (gone.digest, gone.files_gone),
        (whole.digest, 1),
        "{gone:#?}"
    );
    std::fs::rename(&away, shut).unwrap();
    assert_eq!(run(&files, &store).files_gone, 0);

    // Killed before the old part was removed: both have the same files, and each counts once.
    let parts = |folder: &Path| {
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("part.json").is_file())
            .collect();
        found.sort();
        found
    };
    let old = parts(&store)
        .into_iter()
        .map(|part| {
            let to = dir.path().join(part.file_name().unwrap());
            std::fs::create_dir(&to).unwrap();
            for entry in std::fs::read_dir(&part).unwrap() {
                let entry = entry.unwrap();
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
            (to, part)
        })
        .collect::<Vec<_>>();
    touch();
    run(&files, &store);
    for (kept, part) in old {
        if !part.exists() {
            std::fs::rename(kept, part).unwrap();
        }
    }
    assert_eq!(
        Store::open(&store).unwrap().ids().len(),
        usize::try_from(whole.games).unwrap()
    );
    let killed = run(&files[..1], &store);
    assert_eq!(killed.digest, whole.digest, "{killed:#?}");
    assert_eq!(killed.parts_written, 0);

    // A file of a part that is shorter than it was.
    let part = parts(&store).swap_remove(0);
    let file = part.join("changes.parquet");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..100]).unwrap();
    let damaged = generate(
        &Files::new(&files).unwrap(),
        &store,
        &BatchOptions::default(),
        &|_| {},
    );
    assert!(
        matches!(damaged, Err(StoreError::Damaged { .. })),
        "{damaged:?}"
    );
}

/// A file that is cut keeps what it had, and a game of two files stays while one of them is as it was.
#[test]
fn a_game_stays_while_one_file_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = lake(dir.path());
    let documents = documents(&files);
    let file = |name: &str| dir.path().join(name);
    let (one, two, three) = (file("1.json"), file("2.json"), file("3.json"));
    std::fs::copy(documents[0], &one).unwrap();
    std::fs::copy(documents[0], &two).unwrap();
    std::fs::copy(documents[1], &three).unwrap();
    let store = file("store");
    let files = [one.clone(), two.clone(), three.clone()];
    let whole = run(&files, &store);
    assert_eq!((whole.games, whole.games_repeated), (2, 1), "{whole:#?}");

    // Cut in any way: the games stay, the run is not proven, and it heals.
    let bytes = std::fs::read(&three).unwrap();
    let other = b"{\"no\": \"game\"}".as_slice();
    for (cut, text) in [other, b"", &bytes[..1_000], &bytes[..bytes.len() - 5]]
        .into_iter()
        .enumerate()
    {
        std::fs::write(&three, text).unwrap();
        for _ in 0..2 {
            let account = run(&files, &store);
            assert_eq!(account.digest, whole.digest, "{cut}: {account:#?}");
            assert_eq!(
                (account.files_read, account.files_unreadable),
                (2, 1),
                "{account:#?}"
            );
            assert_ne!(account.verdict(), Verdict::Proven);
            assert_eq!(Store::open(&store).unwrap().ids().len(), 2);
        }
    }
    std::fs::write(&three, &bytes).unwrap();
    let healed = run(&files, &store);
    assert_eq!((healed.digest, healed.files_unreadable), (whole.digest, 0));

    // The first has another game now, and the second is gone.
    std::fs::remove_file(&two).unwrap();
    std::fs::copy(documents[1], &one).unwrap();
    let moved = run(&[one, three], &store);
    assert_eq!(
        (moved.digest, moved.files_gone),
        (whole.digest, 1),
        "{moved:#?}"
    );
    let kept = Store::open(&store).unwrap();
    let mut read = 0;
    kept.each_game(|_| -> Result<(), StoreError> {
        read += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(read, 2);
    for (id, feed) in kept.ids() {
        assert_eq!(kept.game(&id, Some(&feed)).unwrap().card.id, id);
    }
}

/// A name that a store cannot keep is one unreadable file, and no end of the run.
#[cfg(unix)]
#[test]
fn a_name_of_other_bytes_is_unreadable() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let files = lake(dir.path());
    let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"a\xff.json"));
    std::fs::copy(&files[0], &odd).unwrap();
    let account = run(&[odd, files[0].clone()], &dir.path().join("store"));
    assert_eq!(
        (account.files_read, account.files_unreadable),
        (1, 1),
        "{account:#?}"
    );
    assert!(account.findings[0].contains("UTF-8"), "{account:#?}");
}

/// A document that breaks off is no document of another kind.
#[test]
fn a_cut_document_is_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let file = lake(dir.path())
        .into_iter()
        .find(|file| {
            file.extension().is_some_and(|ending| ending == "json")
                && std::fs::metadata(file).unwrap().len() > 50_000
        })
        .unwrap();
    let other = dir.path().join("other.json");
    std::fs::write(&other, "{\"teams\": []}").unwrap();
    let table = dir.path().join("other.csv");
    std::fs::write(&table, "team,points\nBOS,101\n").unwrap();
    let files = [file.clone(), other, table];
    let whole = run(&files, &dir.path().join("whole"));
    assert_eq!(
        (whole.files_read, whole.files_unknown),
        (1, 2),
        "{whole:#?}"
    );
    let bytes = std::fs::read(&file).unwrap();
    for cut in [5, bytes.len() / 2, bytes.len() - 20] {
        std::fs::write(&file, &bytes[..bytes.len() - cut]).unwrap();
        let account = run(&files, &dir.path().join(format!("cut-{cut}")));
        assert_eq!(
            (account.files_unreadable, account.files_unknown),
            (1, 2),
            "{account:#?}"
        );
        assert_ne!(account.verdict(), Verdict::Proven);
    }
}

#[test]
fn a_verdict_needs_a_game() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page.html");
    std::fs::write(&file, "<html>").unwrap();
    let account = run(&[file], &dir.path().join("store"));
    assert!(matches!(account.verdict(), Verdict::NotProven { .. }));
    assert_eq!(account.files_unknown, 1);
}
