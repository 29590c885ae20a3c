//! Going back: rehearsed, run, interrupted and gone on with.

use std::process::{Child, Command};

use nba_db::{Database, Purpose};
use nba_migration::backup::Scratch;
use nba_migration::ledger::{Entry, Ledger};
use nba_migration::phase::{Profile, Standing};
use nba_migration::restore_point;
use nba_migration::rollback::{
    CodeOptions, CodePlace, DataOptions, RehearseOptions, RollbackError, RunOptions, Stage,
    rehearse, run, suite,
};
use nba_migration::switch::{Mode, Switchboard, Wish, switch};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_utils::Verdict;

use crate::backup::World;

fn sleeper() -> Child {
    Command::new("sleep").arg("600").spawn().unwrap()
}

fn health(ledger: &Ledger, verdict: Verdict) {
    ledger
        .append(&Entry::new("health", verdict).figure("overall_status", "critical"))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_rows_come_back_into_a_new_database_and_the_code_beside() {
    let world = World::new().await;
    let legacy =
        LegacyCheckout::build(&world.dir.path().join("legacy"), &LegacyOptions::default()).unwrap();
    let project = legacy.project();
    let state = world.dir.path().join(".nba");
    let ledger = Ledger::in_folder(&state);
    let created = world.create().await;
    ledger.append(&created.entry()).unwrap();
    let rows = created.manifest.rows();
    std::fs::write(legacy.script("scripts/etl/new_work.py"), "uncommitted\n").unwrap();
    let point = restore_point::create(&project, &restore_point::Options::new("before")).unwrap();
    ledger.append(&point.entry()).unwrap();

    // Rehearsed, everything in scratch places.
    let options = RehearseOptions::new(
        &project,
        &point.commit,
        &created.manifest.name,
        world.verify_options(),
    );
    let rehearsal = rehearse(&ledger, &options).await.unwrap();
    assert_eq!(rehearsal.verdict, Verdict::Proven, "{rehearsal:?}");
    assert_eq!(rehearsal.steps.len(), 4);
    let standing = Standing::read(&ledger, Profile::Safe, chrono::Utc::now()).unwrap();
    for id in ["0.rehearsal", "0.backup", "0.restore-point"] {
        let gate = standing
            .gates
            .iter()
            .find(|result| result.gate.id == id)
            .unwrap();
        assert_eq!(gate.verdict, Verdict::Proven, "{id}");
    }

    // Healthy, or never looked: nothing is restored on suspicion.
    let mut options = RunOptions::new("one", &project, &state);
    let refused = run(&ledger, &options).await;
    assert!(
        matches!(refused, Err(RollbackError::NoEvidence(_))),
        "{refused:?}"
    );
    health(&ledger, Verdict::Proven);
    assert!(matches!(
        run(&ledger, &options).await,
        Err(RollbackError::NoEvidence(_))
    ));

    // Work is under way: a capability is in shadow, a process of ours runs, one that looks the same is somebody else's.
    let wish = Wish {
        capability: "etl.espn.pbp".into(),
        to: Mode::Shadow,
        by: "me".into(),
        why: "phase 2".into(),
    };
    switch(&ledger, &wish).unwrap();
    let (mut ours, mut other) = (sleeper(), sleeper());
    let _registered = suite::register(&state, ours.id()).unwrap();
    // A number that was given to another process since.
    let stale = format!(
        "{{\"pid\":{},\"started_ticks\":1,\"command\":[\"nba\"],\"folder\":null,\"program\":null,\"script\":null}}",
        other.id()
    );
    std::fs::write(state.join("processes/stale.json"), stale).unwrap();

    // Rows are lost, a script is broken.
    let db = Database::connect(&world.target()).await.unwrap();
    let mut writer = db.writer(Purpose::new("plant data loss")).await.unwrap();
    writer
        .batch_execute("delete from plays where id <= 3444")
        .await
        .unwrap();
    std::fs::write(legacy.script("scripts/etl/new_work.py"), "broken\n").unwrap();
    health(
        &ledger,
        Verdict::refuted("public.plays: 3,444 rows are gone"),
    );

    let mut maker = world.server.target("postgres");
    maker.user = "maker".into();
    let mut verify = world.verify_options();
    verify.scratch = Scratch::On(Box::new(maker));
    let beside = world.dir.path().join("as_it_was");
    options.code = Some(CodeOptions {
        point: point.commit.clone(),
        place: CodePlace::Beside(beside.clone()),
    });
    options.data = Some(DataOptions {
        backup: created.manifest.name.clone(),
        verify,
        database: "nba_restored".into(),
    });
    // An earlier run was killed in the middle of the restore: what it left is known by its name and mark, and goes. What another
    // role made, and what is too young to have its mark, stays.
    let (dead, young, foreign) = (
        "nba_verify_0190000000007000800000000000dead",
        "nba_verify_ffffffffffff7000800000000000beef",
        "nba_verify_0190000000007000800000000000cafe",
    );
    for (name, owner) in [(dead, "maker"), (young, "maker"), (foreign, "postgres")] {
        let sql = format!("create database {name} owner {owner}");
        world.superuser("postgres", &sql).await;
    }
    let mark = format!(
        "comment on database {dead} is 'nba: restore that is not proven, held by 1 of 1.000000'"
    );
    world.superuser("postgres", &mark).await;
    // A database of that name which is not ours is nothing to restore into.
    world
        .superuser("postgres", "create database nba_restored owner maker")
        .await;
    let taken = run(&ledger, &options).await;
    assert!(
        matches!(&taken, Err(RollbackError::Data(_))),
        "a database without our mark is not touched: {taken:?}"
    );
    world
        .superuser("postgres", "drop database nba_restored")
        .await;
    let report = run(&ledger, &options).await.unwrap();
    assert_eq!(report.verdict, Verdict::Proven, "{report:?}");
    assert!(
        report.steps[0].resumed && report.steps[3].resumed,
        "gone on with, not begun again"
    );
    assert!(report.next[0].contains("nba_restored"), "{:?}", report.next);

    assert!(
        ours.try_wait().unwrap().is_some(),
        "the recorded process was stopped"
    );
    assert!(other.try_wait().unwrap().is_none(), "and no other");
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(
        Switchboard::read(&ledger).unwrap().mode("etl.espn.pbp"),
        Mode::Legacy
    );
    assert_eq!(
        std::fs::read_to_string(beside.join("scripts/etl/new_work.py")).unwrap(),
        "uncommitted\n"
    );
    assert_eq!(
        std::fs::read_to_string(legacy.script("scripts/etl/new_work.py")).unwrap(),
        "broken\n"
    );
    let lost: i64 = db
        .query_scalar("select count(*) from plays", &[])
        .await
        .unwrap();
    assert_eq!(lost, 20_000 - 3_444, "the live table is not touched");
    let restored = Database::connect(&world.server.target("nba_restored"))
        .await
        .unwrap();
    let whole: i64 = restored
        .query_scalar("select count(*) from plays", &[])
        .await
        .unwrap();
    assert_eq!(whole, 20_000);
    assert!(rows > 20_000);

    let left: Vec<String> = db
        .query_scalar(
            "select array_agg(datname::text order by datname) from pg_database where datname like 'nba_verify_%'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(left, [foreign, young]);

    // Run again, it has nothing left to do; a new one does not restore over what is there, it looks whether it is still the same.
    let again = run(&ledger, &options).await.unwrap();
    assert!(again.steps.iter().all(|step| step.resumed));
    options.id = "two".into();
    let again = run(&ledger, &options).await.unwrap();
    assert_eq!(again.verdict, Verdict::Proven, "{again:?}");
    assert!(again.steps.iter().all(|step| !step.resumed));
    world
        .superuser("nba_restored", "delete from plays where id = 1")
        .await;
    std::fs::write(beside.join("scripts/etl/new_work.py"), "edited\n").unwrap();
    options.id = "three".into();
    let edited = run(&ledger, &options).await.unwrap();
    assert!(edited.verdict.is_refuted(), "{edited:?}");
    options.code = None;
    let changed = run(&ledger, &options).await.unwrap();
    assert!(changed.verdict.is_refuted(), "{changed:?}");
    assert!(
        changed.verdict.to_string().contains("public.plays"),
        "{changed:?}"
    );
    assert!(ledger.verify().unwrap().verdict.is_proven());
}

/// Killed at every step boundary, the next run leaves out what is proven, takes the others and ends proven.
#[tokio::test]
async fn killed_between_any_two_steps_it_goes_on() {
    for done in 0..=Stage::ALL.len() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::in_folder(folder.path().join(".nba"));
        health(&ledger, Verdict::refuted("rows are gone"));
        for stage in Stage::ALL.iter().take(done) {
            let entry = Entry::new("rollback step", Verdict::Proven)
                .figure("run", "r")
                .figure("step", stage.as_str())
                .figure("what", "done");
            ledger.append(&entry).unwrap();
        }
        // The last one failed before: it is tried again.
        ledger
            .append(
                &Entry::new("rollback step", Verdict::not_proven("killed"))
                    .figure("run", "another")
                    .figure("step", "evidence"),
            )
            .unwrap();
        let options = RunOptions::new("r", folder.path(), folder.path().join(".nba"));
        let report = run(&ledger, &options).await.unwrap();
        assert_eq!(report.verdict, Verdict::Proven, "after {done}");
        assert_eq!(
            report.steps.iter().filter(|step| step.resumed).count(),
            done
        );
        assert_eq!(report.steps.len(), Stage::ALL.len());
    }
}
