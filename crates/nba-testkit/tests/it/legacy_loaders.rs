//! The checkout's loaders, run for real on the lake into the database of the same plan: what they read must be what the
//! database holds, and what they are documented to do wrong must happen.

use std::process::{Command, Stdio};

use nba_testkit::lake::{self, HooprFiles, LakeOptions};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use nba_testkit::plan::{Plan, Temporal};
use nba_testkit::sim::Universe;

use crate::support::{DATABASE, Server, number, options, rows};

struct Platform {
    server: Server,
    checkout: LegacyCheckout,
    lake: lake::LakeReport,
    _dir: tempfile::TempDir,
}

impl Platform {
    async fn start() -> Platform {
        let server = Server::start().await;
        let replica = options(0.001, Temporal::Empty);
        server.build(replica).await;
        let dir = tempfile::tempdir().unwrap();
        let universe = Universe::new(replica.seed);
        let plan = Plan::new(&universe, replica.plan).unwrap();
        let documents = LakeOptions {
            hoopr: HooprFiles::None,
            ..LakeOptions::default()
        };
        let bucket = dir.path().join("lake/nba-sim-raw-data-lake");
        let lake = lake::build(&bucket, &universe, &plan, &documents, &|_| {}).unwrap();
        let mut settings = LegacyOptions::default();
        settings.target.host = server.embedded.socket_dir().display().to_string();
        settings.target.port = server.embedded.port();
        settings.target.database = DATABASE.to_owned();
        settings.target.user = server.embedded.user().to_owned();
        settings.lake = Some(dir.path().join("lake"));
        let checkout = LegacyCheckout::build(dir.path(), &settings).unwrap();
        Platform {
            server,
            checkout,
            lake,
            _dir: dir,
        }
    }

    /// Runs a loader over all years; it must claim success.
    fn load(&self, script: &str) -> String {
        let output = Command::new("python3")
            .arg(self.checkout.script(script))
            .args(["--year-range", "1993-2025"])
            .current_dir(self.checkout.project())
            .envs(self.checkout.environment())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!text.contains("failed"), "{text}");
        text
    }
}

/// The number a loader prints after a label.
fn counter(text: &str, label: &str) -> i64 {
    text.lines()
        .find_map(|line| line.strip_prefix(label)?.strip_prefix(": "))
        .unwrap_or_else(|| panic!("no `{label}` in {text}"))
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn plays_of_the_lake_are_those_of_the_database() {
    let platform = Platform::start().await;
    let client = platform.server.client().await;
    client
        .batch_execute("create table before as select * from play_by_play")
        .await
        .unwrap();
    let text = platform.load("scripts/etl/extract_pbp_local.py");
    assert!(counter(&text, "Plays inserted") > 0, "{text}");
    // Summary documents, pages without plays and HTML pages are passed over in silence or counted as an error.
    assert!(counter(&text, "Games skipped") > 0, "{text}");
    let differing = "select count(*) from before b left join play_by_play p using (play_id) \
                     where (b.game_id, b.period_number, b.period_display, b.clock_display, b.play_text, b.home_away, \
                            b.scoring_play, b.away_score, b.home_score) \
                     is distinct from (p.game_id, p.period_number, p.period_display, p.clock_display, p.play_text, \
                            p.home_away, p.scoring_play, p.away_score, p.home_score)";
    assert_eq!(number(&client, differing).await, 0);
    let added = "select count(*) from play_by_play p where not exists (select 1 from before b where b.play_id = p.play_id)";
    assert!(
        number(&client, added).await > 0,
        "games outside the table have plays too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn box_scores_of_the_lake_are_those_of_the_database() {
    let platform = Platform::start().await;
    let client = platform.server.client().await;
    client
        .batch_execute(
            "create table teams_before as select * from box_score_teams; truncate box_score_teams; \
             create table players_before as select * from box_score_players; truncate box_score_players",
        )
        .await
        .unwrap();
    let text = platform.load("scripts/etl/extract_boxscores_local.py");
    assert!(counter(&text, "Player stats inserted") > 0, "{text}");

    // Times of loading are ours; the state is `post` in the document (sample page) and `Final` in the replica.
    let same = |table: &str, key: &str| {
        format!(
            "select b.{key}::text, a.column_name from {table}_before b \
             join box_score_{table} n using (game_id{}) \
             cross join lateral (select o.key as column_name from jsonb_each(to_jsonb(b)) o \
               join jsonb_each(to_jsonb(n)) m using (key) where o.value is distinct from m.value \
               and o.key not in ('created_at', 'updated_at', 'game_state')) a",
            if table == "players" {
                ", player_id"
            } else {
                ""
            }
        )
    };
    let differing = rows(&client, &same("teams", "game_id")).await;
    assert!(
        differing.is_empty(),
        "{:?}",
        differing
            .iter()
            .map(|r| (r.get::<_, String>(0), r.get::<_, String>(1)))
            .collect::<Vec<_>>()
    );
    let differing = rows(&client, &same("players", "game_id")).await;
    // Only what a partial upsert left stale.
    for row in &differing {
        let column: String = row.get(1);
        assert!(
            ["defensive_rebounds", "total_rebounds"].contains(&column.as_str()),
            "{column}"
        );
    }
    let lost = "select count(*) from players_before b left join box_score_players n using (game_id, player_id) where n.game_id is null";
    assert_eq!(number(&client, lost).await, 0);
    let lost = "select count(*) from teams_before b left join box_score_teams n using (game_id) where n.game_id is null";
    assert_eq!(number(&client, lost).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn upserts_refresh_a_few_columns_only() {
    let platform = Platform::start().await;
    let client = platform.server.client().await;
    client
        .batch_execute(
            "update games set home_score = 1, venue_city = 'Nowhere'; \
             update box_score_players set points = 99, total_rebounds = 99",
        )
        .await
        .unwrap();
    let text = platform.load("scripts/etl/extract_schedule_local.py");
    assert!(counter(&text, "Games inserted") > 0, "{text}");
    assert!(platform.lake.by_prefix["espn_schedules"].objects > 0);
    platform.load("scripts/etl/extract_boxscores_local.py");
    let refreshed = number(&client, "select count(*) from games where home_score > 1").await;
    assert!(refreshed >= counter(&text, "Games inserted"));
    // A game that was not there before may have been added, with its city.
    let stale = "select count(*) from games where venue_city <> 'Nowhere' and created_at < now() - interval '1 day'";
    assert_eq!(number(&client, stale).await, 0);
    assert!(
        number(
            &client,
            "select count(*) from games where game_status = 'Unknown'"
        )
        .await
            > 0
    );
    let points = "select count(*) from box_score_players where points = 99";
    assert_eq!(number(&client, points).await, 0);
    assert!(
        number(
            &client,
            "select count(*) from box_score_players where total_rebounds = 99"
        )
        .await
            > 0
    );
}
