//! Verify proves each rule with the exact keys, carries proofs only while nothing was written, and says that it did.

use std::path::PathBuf;
use std::time::Duration;

use nba_db::fingerprint::TableName;
use nba_monitoring::baseline::{Baseline, BaselineName};
use nba_monitoring::health::DifferenceKind;
use nba_monitoring::rules::RuleBook;
use nba_monitoring::verify::{
    Proof, Quick, TableProof, VerifyOptions, VerifyReport, render_text, verify,
};

use crate::platform::{Platform, writer};

const DAY: Duration = Duration::from_secs(86_400);

fn name(table: &str) -> TableName {
    TableName::parse(table)
}

fn proof<'a>(report: &'a VerifyReport, table: &str) -> &'a TableProof {
    &report.tables[&name(table)]
}

/// A platform whose counters are all handed over.
async fn start() -> (Platform, Baseline) {
    let platform = Platform::start().await;
    platform
        .execute("analyze; select pg_stat_force_next_flush()")
        .await;
    let baseline = platform.capture().await;
    (platform, baseline)
}

/// Statements of one session, whose counts are handed over at once.
async fn write(platform: &Platform, sql: &str) {
    let client = writer(&platform.server).await;
    client.batch_execute(sql).await.unwrap();
    client
        .batch_execute("select pg_stat_force_next_flush()")
        .await
        .unwrap();
}

fn book(platform: &Platform) -> PathBuf {
    platform.folder.path().join(".nba/proofs/default.json")
}

fn quick(platform: &Platform, scrub_within: Duration) -> VerifyOptions {
    let mut options = VerifyOptions::default();
    options.book = Some(book(platform));
    options.quick = Some(Quick { scrub_within });
    options
}

fn carried(report: &VerifyReport) -> Vec<&str> {
    report
        .tables
        .iter()
        .filter(|(_, table)| matches!(table.proof, Proof::Carried { .. }))
        .map(|(name, _)| name.name.as_str())
        .collect()
}

#[tokio::test]
async fn each_rule_is_proved_and_what_breaks_it_is_named_by_key() {
    let platform = Platform::start().await;
    let rules = platform.folder.path().join("rules.json");
    std::fs::write(
        &rules,
        r#"{ "public.teams": "frozen", "public.play_by_play": "append_only",
             "public.box_score_teams": { "rule": "growing", "min_percent": 90, "max_percent": 110 } }"#,
    )
    .unwrap();
    let mut options = platform.capture_options();
    options.rules = RuleBook::load(&rules).unwrap();
    let baseline = platform.capture_with(&options).await;
    let options = VerifyOptions::default();
    let report = verify(&platform.db, &baseline, &options).await;
    assert!(report.verdict.is_proven(), "{}", render_text(&report));
    assert_eq!((report.fresh, report.carried), (13, 0));

    // Additions alone leave an append-only table proven.
    platform
        .execute("insert into play_by_play (play_id, game_id) values ('9', '400000001')")
        .await;
    let report = verify(&platform.db, &baseline, &options).await;
    let plays = proof(&report, "play_by_play");
    assert!(plays.check.verdict.is_proven());
    assert_eq!(
        plays.check.message,
        "12,000 rows at the baseline all unchanged, 1 added"
    );

    platform
        .execute(
            "update teams set team_name = 'x' where team_id = '5'; insert into teams values ('31', 'new');
             delete from play_by_play where play_id = '40000007712';
             update play_by_play set play_text = 'x' where play_id = '40000007713';
             delete from box_score_teams where game_id < '400000100';
             insert into players values ('1');
             insert into rag.play_embeddings default values;
             truncate odds.odds_snapshots",
        )
        .await;
    let report = verify(&platform.db, &baseline, &options).await;
    assert_eq!(report.exit_code(), 1);
    let teams = proof(&report, "teams");
    assert_eq!(
        teams.check.message,
        "1 row changed (team_id=5); 1 row added (team_id=31)"
    );
    let plays = proof(&report, "play_by_play");
    assert_eq!(
        plays.check.message,
        "1 row missing (play_id=40000007712); 1 row changed (play_id=40000007713); the count is unchanged"
    );
    let rows = &plays.check.differences.as_ref().unwrap().rows;
    let keys = |kind| -> Vec<&str> {
        rows.iter()
            .filter(|row| row.kind == kind)
            .filter_map(|row| row.key["play_id"].as_deref())
            .collect()
    };
    assert_eq!(keys(DifferenceKind::Missing), ["40000007712"]);
    assert_eq!(keys(DifferenceKind::Changed), ["40000007713"]);
    assert_eq!(keys(DifferenceKind::Added), ["9"]);
    for (table, message) in [
        ("box_score_teams", "at least 360 expected"),
        ("odds.odds_snapshots", "lost all 40 rows"),
    ] {
        let found = &proof(&report, table).check;
        assert!(found.verdict.is_refuted(), "{table}");
        assert!(found.message.contains(message), "{}", found.message);
    }
    // Named tables only, and one the baseline does not know.
    let mut named = VerifyOptions::default();
    named.tables = vec![name("games")];
    let report = verify(&platform.db, &baseline, &named).await;
    assert!(report.verdict.is_proven());
    assert_eq!(report.tables.len(), 1);
    named.tables.push(name("nosuch"));
    let report = verify(&platform.db, &baseline, &named).await;
    assert_eq!(report.exit_code(), 2);
    platform.execute("drop table dims_config").await;
    named.tables = vec![name("dims_config")];
    let report = verify(&platform.db, &baseline, &named).await;
    assert!(proof(&report, "dims_config").check.message.contains("gone"));
    assert_eq!(report.exit_code(), 1);
}

/// More rows than may be held with their keys: hashes are compared first, and the keys are exact all the same.
#[tokio::test]
async fn additions_to_a_large_table_are_proved_by_hash() {
    let (platform, baseline) = start().await;
    let mut options = VerifyOptions::default();
    options.tables = vec![name("play_by_play"), name("hoopr_play_by_play")];
    options.max_located_rows = 2_000;
    write(
        &platform,
        "insert into play_by_play (play_id, game_id) select 'n' || n, '400000001' from generate_series(1, 500) n;
         insert into hoopr_play_by_play select 500000000 + n, 's', 'x', 2025 from generate_series(1, 300) n",
    )
    .await;
    let report = verify(&platform.db, &baseline, &options).await;
    assert!(report.verdict.is_proven(), "{}", render_text(&report));
    assert_eq!(
        proof(&report, "play_by_play").check.message,
        "12,000 rows at the baseline all unchanged, 500 added"
    );
    write(
        &platform,
        "delete from play_by_play where play_id = '40000007712';
         update play_by_play set home_score = -1 where play_id in ('40000007713', '40000007714');
         delete from hoopr_play_by_play where game_id = 400000001 and sequence_number = '3';
         insert into hoopr_play_by_play select * from hoopr_play_by_play where game_id = 400000002 and sequence_number = '4'",
    )
    .await;
    let report = verify(&platform.db, &baseline, &options).await;
    let plays = proof(&report, "play_by_play");
    assert_eq!(
        plays.check.message,
        "1 row missing (play_id=40000007712); 2 rows changed (play_id=40000007713, …)"
    );
    let hoopr = proof(&report, "hoopr_play_by_play");
    let differences = hoopr.check.differences.as_ref().unwrap();
    assert_eq!(
        (
            differences.missing,
            differences.duplicated + differences.added
        ),
        (1, 301),
        "{}",
        hoopr.check.message
    );
    // More than can be named is not proven, or refuted without the rows; never a pass.
    options.max_located_rows = 1_100;
    write(
        &platform,
        "insert into play_by_play (play_id, game_id) select 'm' || n, '400000001' from generate_series(1, 600) n",
    )
    .await;
    let report = verify(&platform.db, &baseline, &options).await;
    let plays = &proof(&report, "play_by_play").check;
    assert!(!plays.verdict.is_proven(), "{}", plays.message);
    assert!(
        plays.message.contains("too many to name"),
        "{}",
        plays.message
    );
}

#[tokio::test]
async fn a_quick_run_reads_no_page_and_says_that_it_carried() {
    let (platform, baseline) = start().await;
    let options = quick(&platform, DAY);
    let observer = writer(&platform.server).await;
    observer
        .batch_execute("alter system set autovacuum = off")
        .await
        .unwrap();
    observer
        .batch_execute("select pg_reload_conf()")
        .await
        .unwrap();
    // With one session to lend, it is the one that can be told to hand its counts over.
    let mut target = platform.server.target(crate::platform::DATABASE);
    target.settings.max_connections = 2;
    let db = nba_db::Database::connect(&target).await.unwrap();
    let run = async || {
        let report = verify(&db, &baseline, &options).await;
        let session = db.session().await.unwrap();
        session
            .batch_execute("select pg_stat_force_next_flush()")
            .await
            .unwrap();
        report
    };
    let pages = "select sum(heap_blks_read + heap_blks_hit)::int8 from pg_statio_user_tables";
    let read = async || {
        observer
            .query_one(pages, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
    };
    let unread = read().await;
    let first = run().await;
    assert_eq!(
        (first.fresh, first.carried),
        (13, 0),
        "nothing to carry yet"
    );
    let before = read().await;
    assert!(before > unread, "a whole run reads pages");
    let second = run().await;
    assert_eq!(read().await, before, "a quick run reads no page of a table");
    assert!(second.verdict.is_proven());
    assert_eq!((second.fresh, second.carried), (0, 13));
    assert_eq!(second.snapshot, None);
    let at = first.snapshot.unwrap().taken_at;
    assert_eq!(second.oldest_proof, Some(at));
    for (name, table) in &second.tables {
        let Proof::Carried {
            from,
            unwritten_until,
        } = &table.proof
        else {
            panic!("{name} was read")
        };
        assert_eq!(*from, at);
        assert!(*unwritten_until >= at);
        assert!(
            table.check.message.starts_with("carried from "),
            "{}",
            table.check.message
        );
        assert!(table.check.extra.contains_key("carried_from"));
    }
    let text = render_text(&second);
    assert!(
        text.starts_with("verify: proven (0 of 13 tables read now, 13 carried from earlier proofs"),
        "{text}"
    );
    assert!(text.contains("their rows were not read"), "{text}");
    let json = serde_json::to_value(&second).unwrap();
    assert!(json["tables"]["public.games"]["proof"]["carried"]["from"].is_string());
    // Without it everything is read.
    let mut whole = options.clone();
    whole.quick = None;
    let report = verify(&platform.db, &baseline, &whole).await;
    assert_eq!((report.fresh, report.carried), (13, 0));
}

#[tokio::test]
async fn whatever_the_counters_show_is_read_again() {
    let (platform, baseline) = start().await;
    let options = quick(&platform, DAY);
    verify(&platform.db, &baseline, &options).await;
    for (table, statement) in [
        (
            "teams",
            "update teams set team_name = 'x' where team_id = '9'",
        ),
        (
            "play_by_play",
            "delete from play_by_play where play_id = '40000007712'",
        ),
        ("box_score_players", "truncate box_score_players"),
        (
            "games",
            "alter table games alter column home_score type bigint",
        ),
        (
            "hoopr_play_by_play",
            "begin; create table h as select * from hoopr_play_by_play where season is not null; drop table hoopr_play_by_play; alter table h rename to hoopr_play_by_play; commit",
        ),
    ] {
        write(&platform, statement).await;
        let report = verify(&platform.db, &baseline, &options).await;
        let found = proof(&report, table);
        assert!(matches!(found.proof, Proof::Fresh { .. }), "{table}");
        assert!(
            found.check.verdict.is_refuted(),
            "{table}: {}",
            found.check.message
        );
        assert_eq!(report.exit_code(), 1);
        // A refuted table is looked at again, never carried.
        let again = verify(&platform.db, &baseline, &options).await;
        assert!(matches!(proof(&again, table).proof, Proof::Fresh { .. }));
        assert!(carried(&again).contains(&"players"));
    }
}

#[tokio::test]
async fn nothing_is_carried_when_the_counters_cannot_be_trusted() {
    let (platform, baseline) = start().await;
    let options = quick(&platform, DAY);
    verify(&platform.db, &baseline, &options).await;
    assert_eq!(
        carried(&verify(&platform.db, &baseline, &options).await).len(),
        13
    );
    write(&platform, "select pg_stat_reset()").await;
    let report = verify(&platform.db, &baseline, &options).await;
    assert_eq!(
        (report.fresh, report.carried),
        (13, 0),
        "the counters were reset"
    );

    // The book is only a shortcut: cut, edited or of another baseline it counts for nothing.
    assert_eq!(
        carried(&verify(&platform.db, &baseline, &options).await).len(),
        13
    );
    let sound = std::fs::read(book(&platform)).unwrap();
    let edited = String::from_utf8(sound.clone())
        .unwrap()
        .replace("unchanged", "UNCHANGED");
    for (what, text) in [
        ("cut", sound[..sound.len() / 2].to_vec()),
        ("edited", edited.into_bytes()),
        ("empty", Vec::new()),
    ] {
        std::fs::write(book(&platform), text).unwrap();
        let report = verify(&platform.db, &baseline, &options).await;
        assert_eq!(report.carried, 0, "{what}");
    }
    let mut other = platform.capture_options();
    other.name = BaselineName::new("other").unwrap();
    let other = platform.capture_with(&other).await;
    let report = verify(&platform.db, &other, &options).await;
    assert_eq!(report.carried, 0, "another baseline");
}

/// The limit of counters, and what it costs at most: a superuser who does not count is caught by the scrub.
#[tokio::test]
async fn an_uncounted_write_is_caught_by_the_scrub() {
    let (platform, baseline) = start().await;
    let options = quick(&platform, DAY);
    verify(&platform.db, &baseline, &options).await;
    write(
        &platform,
        "set track_counts = off; update teams set team_name = 'x' where team_id = '9'",
    )
    .await;
    let report = verify(&platform.db, &baseline, &options).await;
    assert!(
        carried(&report).contains(&"teams"),
        "{}",
        render_text(&report)
    );
    assert!(report.verdict.is_proven());
    // All proofs are older than a millisecond.
    let scrub = quick(&platform, Duration::from_millis(1));
    tokio::time::sleep(Duration::from_millis(5)).await;
    let report = verify(&platform.db, &baseline, &scrub).await;
    assert_eq!(report.carried, 0);
    assert_eq!(
        proof(&report, "teams").check.message,
        "1 row changed (team_id=9); the count is unchanged"
    );
}

#[tokio::test]
async fn what_cannot_be_told_is_not_proven() {
    let (platform, baseline) = start().await;
    // Another database.
    platform.server.create_database("other").await.unwrap();
    let other = nba_db::Database::connect(&platform.server.target("other"))
        .await
        .unwrap();
    let options = VerifyOptions::default();
    let report = verify(&other, &baseline, &options).await;
    assert_eq!(report.exit_code(), 1);
    assert!(
        report
            .tables
            .values()
            .all(|table| table.proof == Proof::None)
    );
    // A table that may not be read, by a role that cannot see other sessions.
    platform
        .execute(
            "create role reader login; grant usage on schema odds, rag to reader;
             grant select on all tables in schema public, odds, rag to reader; revoke select on games from reader",
        )
        .await;
    let mut target = platform.server.target(crate::platform::DATABASE);
    target.user = "reader".to_owned();
    let reader = nba_db::Database::connect(&target).await.unwrap();
    let options = quick(&platform, DAY);
    let report = verify(&reader, &baseline, &options).await;
    assert_eq!(report.exit_code(), 2, "{}", render_text(&report));
    let games = &proof(&report, "games").check;
    assert_eq!(games.verdict.as_str(), "not_proven");
    assert!(games.message.contains("42501"), "{}", games.message);
    let again = verify(&reader, &baseline, &options).await;
    assert!(!carried(&again).contains(&"games"));
    // A baseline that nobody approved.
    let mut options = VerifyOptions::default();
    options.approved = nba_utils::Verdict::not_proven("no record puts it in effect");
    let report = verify(&platform.db, &baseline, &options).await;
    assert_eq!(report.exit_code(), 2);
    assert!(render_text(&report).contains("approval: no record"));
    // No server.
    let options = VerifyOptions::default();
    let report = VerifyReport::unreachable(&baseline, &options, "no route to host");
    assert_eq!(report.exit_code(), 2);
    assert_eq!(report.tables.len(), 13);
}
