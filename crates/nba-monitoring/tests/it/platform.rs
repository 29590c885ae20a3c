//! A small platform of the legacy shape on a private server.

use std::path::PathBuf;

use nba_db::Database;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_db::tokio_postgres::{Client, NoTls};
use nba_monitoring::baseline::{Baseline, BaselineName, CaptureOptions, capture};
use nba_monitoring::health::{CheckRecord, HealthOptions, HealthReport, check};

/// Name of the legacy database, wherever it runs.
pub(crate) const DATABASE: &str = "nba_simulator";

const SCHEMA: &str = "
create table teams (team_id varchar(50) primary key, team_name varchar(100) not null);
create table games (game_id varchar(50) primary key, game_date date not null, season varchar(20),
    home_team_id varchar(50) not null references teams, away_team_id varchar(50) not null references teams,
    home_score int, away_score int, updated_at timestamp default '2025-04-13 00:00:00');
create table play_by_play (play_id varchar(20) primary key, game_id varchar(20) references games, period_number int,
    clock_display varchar(10), play_text text, home_score int);
create table hoopr_play_by_play (game_id int, sequence_number text, text text, season int);
create table box_score_players (game_id text, player_id text, points int, unique (game_id, player_id));
create table box_score_teams (game_id text primary key, home_team_score int);
create table box_score_snapshots (id serial primary key, created_at timestamp default '2025-10-14 00:00:00');
create table dims_metrics_snapshots (id serial primary key, snapshot_date date unique, created_at timestamp);
create table players (player_id varchar(50) primary key);
create table dims_config (key varchar(100) primary key, value text);
create table shot_charts (id bigserial primary key, x int);
create schema odds;
create table odds.odds_snapshots (snapshot_id bigserial primary key, price numeric(10,2));
create schema rag;
create table rag.play_embeddings (id bigserial primary key, embedding real[]);
create view unified_schedule as select game_id, game_date from games;
insert into teams select n::text, 'Team ' || n from generate_series(1, 30) n;
insert into games (game_id, game_date, season, home_team_id, away_team_id, home_score, away_score)
    select (400000000 + n)::text, date '2024-10-22' + n / 10, '2024-25', (1 + n % 30)::text, (1 + (n + 7 + n / 30) % 30)::text,
           90 + n % 41, 88 + n % 37 from generate_series(1, 400) n;
insert into play_by_play select game_id || s, game_id, 1 + s / 10, '12:00', 'play ' || s, s
    from games, generate_series(1, 30) s;
insert into hoopr_play_by_play select game_id::int, s::text, 'play ' || s, case when s % 9 > 0 then 2025 end
    from games, generate_series(1, 20) s;
insert into box_score_players select game_id, p::text, p from games, generate_series(1, 10) p;
insert into box_score_teams select game_id, home_score from games;
insert into box_score_snapshots default values;
insert into dims_metrics_snapshots (snapshot_date, created_at) values ('2025-10-31', '2025-10-31 09:00:00');
insert into dims_config values ('schema_version', '1.0.0');
insert into shot_charts (x) select n from generate_series(1, 50) n;
insert into odds.odds_snapshots (price) select n from generate_series(1, 40) n;
";

/// A server with the platform's database, a guarded handle to it and a place for baselines.
pub(crate) struct Platform {
    pub(crate) server: EmbeddedServer,
    pub(crate) db: Database,
    pub(crate) folder: tempfile::TempDir,
}

impl Platform {
    /// A platform with some thousand rows.
    pub(crate) async fn start() -> Self {
        let server = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        Self::on(server).await
    }

    /// The same on a server of one's own.
    pub(crate) async fn on(server: EmbeddedServer) -> Self {
        server.create_database(DATABASE).await.unwrap();
        writer(&server).await.batch_execute(SCHEMA).await.unwrap();
        let db = Database::connect(&server.target(DATABASE)).await.unwrap();
        Self {
            server,
            db,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs statements as the legacy platform would: outside our guarded sessions.
    pub(crate) async fn execute(&self, sql: &str) {
        writer(&self.server).await.batch_execute(sql).await.unwrap();
    }

    pub(crate) fn baselines(&self) -> PathBuf {
        self.folder.path().join(".nba/baselines")
    }

    pub(crate) fn capture_options(&self) -> CaptureOptions {
        CaptureOptions::new(self.baselines(), BaselineName::default())
    }

    pub(crate) async fn capture(&self) -> Baseline {
        capture(&self.db, &self.capture_options()).await.unwrap()
    }

    pub(crate) async fn capture_with(&self, options: &CaptureOptions) -> Baseline {
        capture(&self.db, options).await.unwrap()
    }

    pub(crate) async fn check(&self, baseline: &Baseline) -> HealthReport {
        check(&self.db, baseline, &HealthOptions::default()).await
    }
}

/// An unguarded connection, as a legacy program has it.
pub(crate) async fn writer(server: &EmbeddedServer) -> Client {
    let (client, connection) = nba_db::tokio_postgres::connect(&server.url(DATABASE), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// The names of degraded checks without the legacy names, which repeat the others.
pub(crate) fn degraded(report: &HealthReport) -> Vec<&str> {
    report
        .degraded_checks
        .iter()
        .map(String::as_str)
        .filter(|name| name.contains(':') || !name.contains('_'))
        .collect()
}

pub(crate) fn table<'a>(report: &'a HealthReport, name: &str) -> &'a CheckRecord {
    &report.checks[&format!("table:{name}")]
}
