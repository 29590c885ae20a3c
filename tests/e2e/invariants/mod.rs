//! Every built-in invariant holds on a sound platform, apart from the documented quirks of production, and each is seen to find the
//! defect it is for.

mod planted;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use nba_monitoring::invariants::{
    Book, InvariantReport, Inventory, RunOptions, Waiver, Waivers, render_text, run,
};
use nba_testkit::migration;
use nba_testkit::plan::{PlanOptions, Scale};
use nba_testkit::replica::{Replica, ReplicaOptions};

use self::planted::{PLANTS, Plant};
use super::change;

/// Invariants that the replica violates, because production does. Each is a documented quirk: tables without a key, ids in floating
/// point, one game under two ids, and what loaders leave out (database dossier 2.4 to 2.6, 7.1, 7.5, 7.10).
const QUIRKS: [&str; 11] = [
    "box_date_fits_the_game",
    "box_scores_have_players",
    "hoopr_season_present",
    "ids_are_exact",
    "nba_api_rows_once",
    "player_id_form",
    "player_points_are_made_shots",
    "team_names_are_names",
    "team_statistics_present",
    "twin_games",
    "unique_key_behind_conflict",
];

/// What the replica has no rows of, as production has none.
const FILLED: &str = "
insert into team_game_stats (game_id, team_id, points)
    select game_id, home_team_id, home_team_score from box_score_teams
    union all select game_id, away_team_id, away_team_score from box_score_teams;
insert into possession_panel (game_id, game_date, possession_number, season, game_seconds_elapsed, period, seconds_remaining,
        offensive_team_id, defensive_team_id, points_scored)
    select g.game_id, g.game_date, n, left(g.season, 4)::int, n * 14, 1 + n / 51, 720 - (n * 14) % 720, g.home_team_id, g.away_team_id, 1
    from (select * from games order by game_id desc limit 3) g, generate_series(1, 200) n;
insert into temporal_events (game_id, wall_clock_utc, quarter, precision_level, data_source)
    select p.game_id, now(), p.period_number, 'second', 'espn' from play_by_play p
    where p.game_id in (select distinct game_id from play_by_play order by game_id desc limit 2);
insert into raw_data.nba_misc (source, entity_type, entity_id, data)
    select 'espn', 'file_validation', game_id, '{}' from games;";

/// Copies worked on at once: two keep two processors busy, a third fills their waits.
const WORKERS: usize = 3;

/// The replica with a migration done right.
async fn platform(server: &EmbeddedServer, name: &str, scale: f64, seed: u64) {
    server.create_database(name).await.unwrap();
    let options = ReplicaOptions {
        plan: PlanOptions {
            scale: Scale::new(scale).unwrap(),
            ..PlanOptions::default()
        },
        seed,
        ..ReplicaOptions::default()
    };
    Replica::build(&server.target(name), options, |_| {})
        .await
        .unwrap();
    for step in migration::STEPS {
        change(server, name, step).await;
    }
    change(server, name, FILLED).await;
}

/// A data lake that holds exactly what the database knows, and an object more.
async fn lake(client: &Client, more: Option<&str>) -> Inventory {
    let sql = "select 'espn_play_by_play/2024/' || game_id || '.json' from games where game_id ~ '^[0-9]{9}$'
        union all select 'espn_schedules/2024/' || to_char(schedule_date, 'YYYYMMDD') || '.json' from espn.espn_schedules";
    let mut keys: Vec<String> = rows(client, sql)
        .await
        .into_iter()
        .filter_map(|mut row| row.pop_first())
        .map(|(_, key)| key)
        .collect();
    keys.extend(more.map(str::to_owned));
    Inventory {
        place: "a lake".to_owned(),
        keys,
    }
}

async fn look(
    server: &EmbeddedServer,
    database: &str,
    only: &[&str],
    object: Option<&str>,
) -> InvariantReport {
    let client = client(server, database).await;
    let mut options = RunOptions::default();
    options.only = only.iter().map(|id| (*id).to_owned()).collect();
    options.listed = 10_000;
    options.inventory = Some(lake(&client, object).await);
    drop(client);
    let db = Database::connect(&server.target(database)).await.unwrap();
    let report = run(&db, &Book::builtin(), &options).await;
    db.close().await;
    report
}

async fn client(server: &EmbeddedServer, database: &str) -> Client {
    let (client, connection) = nba_db::tokio_postgres::connect(&server.url(database), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

async fn rows(client: &Client, sql: &str) -> Vec<BTreeMap<String, String>> {
    let rows = client
        .simple_query(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter()
        .filter_map(|row| match row {
            SimpleQueryMessage::Row(row) => Some(
                row.columns()
                    .iter()
                    .enumerate()
                    .map(|(at, column)| {
                        let value = row.get(at).unwrap_or("NULL");
                        (column.name().to_owned(), value.to_owned())
                    })
                    .collect(),
            ),
            _ => None,
        })
        .collect()
}

#[test]
fn every_invariant_has_a_planted_defect() {
    let planted: BTreeSet<&str> = PLANTS.iter().map(|plant| plant.id).collect();
    let book = Book::builtin();
    let all: BTreeSet<&str> = book.iter().map(|invariant| invariant.id.as_str()).collect();
    assert_eq!(all, planted);
}

#[test]
fn the_page_of_invariants_is_in_step() {
    let mut table = String::from(
        "| id | severity | what holds | why | what to do about a violation |\n|---|---|---|---|---|\n",
    );
    for invariant in Book::builtin().iter() {
        let severity = serde_json::to_value(invariant.severity).unwrap();
        writeln!(
            table,
            "| `{}` | {} | {} | {} | {} |",
            invariant.id,
            severity.as_str().unwrap(),
            invariant.title,
            invariant.why,
            invariant.remedy.as_deref().unwrap()
        )
        .unwrap();
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/invariants.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, written) = page
        .split_once("<!-- generated: crates/nba-monitoring/src/invariants/builtin.toml -->\n")
        .expect("the page has the mark");
    assert_eq!(
        written.trim(),
        table.trim(),
        "put this below the mark:\n{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_invariant_is_green_on_a_sound_platform_and_finds_its_planted_defect() {
    let server = EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap();
    platform(&server, "sound", 0.001, 1946).await;
    let sound = look(&server, "sound", &[], None).await;
    nothing_but_quirks(&sound);

    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let worker = || async {
        while let Some(plant) = PLANTS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let number = next.load(Ordering::Relaxed);
            let database = format!("planted_{}_{number}", plant.id);
            let database = &database[..database.len().min(60)];
            if let Err(why) = found(&server, database, plant, &sound).await {
                failed.lock().unwrap().push(format!("{}: {why}", plant.id));
            }
        }
    };
    futures::future::join_all((0..WORKERS).map(|_| worker())).await;
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    server.stop().await.unwrap();
}

/// Another universe, larger: what the first one happens not to have.
#[tokio::test(flavor = "multi_thread")]
async fn another_sound_platform_raises_no_false_alarm() {
    let server = EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap();
    platform(&server, "sound", 0.002, 7).await;
    let sound = look(&server, "sound", &[], None).await;
    nothing_but_quirks(&sound);
    waivers_end(&server, &sound).await;
    server.stop().await.unwrap();
}

/// A waiver counts until its end, for the database and the definition it was written for.
async fn waivers_end(server: &EmbeddedServer, report: &InvariantReport) {
    let book = Book::builtin();
    let twins = book.get("twin_games").unwrap();
    let today = report.timestamp.date_naive();
    let waiver = Waiver::of(report, twins, "data team", "both are served", today).unwrap();
    let db = Database::connect(&server.target("sound")).await.unwrap();
    let mut voids = Vec::new();
    for change in [
        |_: &mut serde_json::Value| {},
        |waiver: &mut serde_json::Value| waiver["expires"] = "2020-01-01".into(),
        |waiver: &mut serde_json::Value| waiver["database"] = "another".into(),
        |waiver: &mut serde_json::Value| waiver["system_identifier"] = "1".into(),
        |waiver: &mut serde_json::Value| waiver["definition"] = "00".repeat(32).into(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut written = serde_json::to_value(&waiver).unwrap();
        change(&mut written);
        std::fs::write(folder.path().join("w.json"), written.to_string()).unwrap();
        let mut options = RunOptions::default();
        options.only = vec![twins.id.clone()];
        options.waivers = Waivers::load(folder.path()).unwrap();
        let report = run(&db, &book, &options).await;
        let record = &report.invariants["twin_games"];
        let void = record.waiver.as_ref().unwrap().void.clone();
        assert_eq!(report.exit_code(), u8::from(void.is_some()), "{record:?}");
        assert_eq!(
            (record.new, record.known),
            if void.is_some() { (1, 0) } else { (0, 1) }
        );
        voids.push(void.unwrap_or_default());
    }
    db.close().await;
    for (void, part) in voids.iter().zip([
        "",
        "expired on 2020-01-01",
        "written for `another`",
        "written for `sound`",
        "changed since",
    ]) {
        assert!(void.contains(part), "{voids:?}");
    }
}

/// All were looked at, and what is not green is a documented quirk.
#[track_caller]
fn nothing_but_quirks(report: &InvariantReport) {
    let book = Book::builtin();
    assert_eq!(report.invariants.len(), book.iter().count());
    for (id, record) in &report.invariants {
        assert!(
            record.subject_count.is_some(),
            "{id} was not looked at: {record:?}"
        );
        assert!(
            record.verdict.is_proven()
                || (record.verdict.is_refuted() && QUIRKS.contains(&id.as_str())),
            "{}",
            render_text(report)
        );
    }
}

/// Plants the defect in a copy and looks at it.
async fn found(
    server: &EmbeddedServer,
    database: &str,
    plant: &Plant,
    sound: &InvariantReport,
) -> Result<(), String> {
    server
        .create_database_from_template(database, "sound")
        .await
        .unwrap();
    let damaged = client(server, database).await;
    let picked = rows(&damaged, plant.pick)
        .await
        .pop()
        .ok_or("nothing to damage")?;
    let fill = |text: &str| {
        picked.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    };
    let damage = fill(plant.damage);
    damaged
        .batch_execute(&damage)
        .await
        .map_err(|error| format!("{damage}: {error:?}"))?;
    drop(damaged);
    let report = look(server, database, &[plant.id], plant.object).await;
    change(
        server,
        "postgres",
        &format!("drop database {database} with (force)"),
    )
    .await;

    let record = &report.invariants[plant.id];
    let key: Vec<(&str, String)> = plant
        .key
        .iter()
        .map(|(name, value)| (*name, fill(value)))
        .collect();
    let named = |values: &BTreeMap<String, Option<String>>| {
        key.iter()
            .all(|(name, value)| values.get(*name).and_then(Option::as_deref) == Some(value))
    };
    let before = &sound.invariants[plant.id];
    if before.violations.iter().any(|row| named(&row.values)) {
        return Err(format!("{key:?} was there before"));
    }
    let says = fill(plant.says);
    let hit = record
        .violations
        .iter()
        .any(|row| named(&row.values) && row.message.contains(&says));
    if hit && report.exit_code() == 1 && record.new > before.new {
        Ok(())
    } else {
        Err(format!(
            "{key:?} and `{says}` are missing in {}",
            render_text(&report)
        ))
    }
}
