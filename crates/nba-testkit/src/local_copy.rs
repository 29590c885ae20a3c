//! The *other* database named `nba_simulator`: the developer's local copy, from which a baseline was once taken by mistake.
//!
//! Fifteen tables in the schemas `master`, `raw_data`, `espn` and `public`, with Kaggle data under NBA ids, and more rows than
//! production where a table has the same name, so that a check of minimum counts is green against it (database dossier 0 and 1.3,
//! monitoring dossier F01). `play_by_play` and all box scores are missing.
//!
//! ```no_run
//! # async fn run(target: nba_config::DatabaseTarget) -> Result<(), Box<dyn std::error::Error>> {
//! nba_testkit::local_copy::build(&target, nba_testkit::plan::Scale::default()).await?;
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;

use nba_config::DatabaseTarget;

use crate::{
    plan::Scale,
    replica::{
        self, ReplicaError,
        connection::{Connection, run},
    },
};

/// Recorded rows of the fifteen tables.
pub const RECORDED: [(&str, u64); 15] = [
    ("master.nba_games", 31_241),
    ("master.nba_plays", 14_114_618),
    ("master.espn_file_validation", 44_826),
    ("espn.espn_games", 44_828),
    ("espn.espn_team_stats", 86_212),
    ("espn.espn_plays", 14_114_618),
    ("espn.espn_schedules", 6_917),
    ("raw_data.nba_games", 31_370),
    ("raw_data.nba_misc", 44_826),
    ("public.games", 65_642),
    ("public.temporal_events", 13_602_899),
    ("public.hoopr_play_by_play", 13_586_471),
    ("public.hoopr_player_box", 813_245),
    ("public.hoopr_team_box", 61_718),
    ("public.hoopr_schedule", 30_859),
];

/// Builds the local copy into an empty database on this machine and returns the rows of every table.
///
/// Its rows come from the server's own `generate_series`: what matters about this database is that it is the wrong one.
///
/// # Errors
///
/// As [`replica::Replica::build`].
pub async fn build(
    target: &DatabaseTarget,
    scale: Scale,
) -> Result<BTreeMap<&'static str, u64>, ReplicaError> {
    let client = Connection::to(target)?.open("local copy").await?;
    replica::refuse_if_not_empty(&client, &target.database).await?;
    replica::mark(&client, &target.database, "local copy").await?;
    run(&client, TABLES).await?;
    let mut rows = BTreeMap::new();
    for (table, recorded) in RECORDED {
        let count = scale.of(recorded);
        let values = values_of(table);
        run(
            &client,
            &format!("INSERT INTO {table} SELECT {values} FROM generate_series(1, {count}) AS n"),
        )
        .await?;
        rows.insert(table, count);
    }
    run(&client, "ANALYZE").await?;
    Ok(rows)
}

/// NBA ids lost their leading zeros, team ids became texts of floats (database dossier 2.9).
fn values_of(table: &str) -> &'static str {
    match table {
        "master.nba_games" => "(20000001 + n)::text, date '1996-11-01' + n % 10000, 1996 + n % 28",
        "master.nba_plays" => "n, (20000001 + n / 452)::text, n % 452, 1 + n % 4, 'play ' || n",
        "master.espn_file_validation" => "(400000000 + n)::text, true, 452",
        "espn.espn_games" => {
            "n, (400000000 + n)::text, 1993 + n % 32, 2, now() - n * interval '6 hours', '{}'::jsonb"
        }
        "espn.espn_team_stats" => "n, (400000000 + n / 2)::text, (1 + n % 30)::text, '{}'::jsonb",
        "espn.espn_plays" => "n, (400000000 + n / 452)::text, 'play ' || n, '{}'::jsonb",
        "espn.espn_schedules" => "n, date '1996-11-01' + n, '{}'::jsonb",
        "raw_data.nba_games" => "n, (400000000 + n)::text, 'espn', 1993 + n % 32, '{}'::jsonb",
        "raw_data.nba_misc" => "n, 'espn', 'file_validation', (400000000 + n)::text, '{}'::jsonb",
        "public.games" => {
            "(11300001 + n)::text, date '1996-11-01' + n % 10000, '2013-14', (1610612737 + n % 30)::text, (1610612737 + (n + 7) % 30)::text, now()"
        }
        "public.temporal_events" => {
            "n, (11300001 + n / 456)::text, (1610612737 + n % 30)::text || '.0', timestamp '2013-10-05' + n * interval '1 second', 1 + n % 4, 'kaggle'"
        }
        "public.hoopr_play_by_play" => {
            "n, (400000000 + n / 452)::text, 2002 + n % 24, date '2001-11-01' + n % 8000, n % 452, 'play ' || n"
        }
        "public.hoopr_player_box" => {
            "n, (400000000 + n / 26)::text, n::text, 2002 + n % 24, '35:42', n % 40"
        }
        "public.hoopr_team_box" => {
            "n, (400000000 + n / 2)::text, (1 + n % 30)::text, 2002 + n % 24, 80 + n % 50"
        }
        _ => "n, (400000000 + n)::text, 2002 + n % 24, date '2001-11-01' + n % 8000",
    }
}

const TABLES: &str = "
CREATE SCHEMA master;
CREATE SCHEMA espn;
CREATE SCHEMA raw_data;
CREATE TABLE master.nba_games (game_id varchar(20) PRIMARY KEY, game_date date, season int);
CREATE TABLE master.nba_plays (id bigint PRIMARY KEY, game_id varchar(20), sequence_number int, period int, text text);
CREATE TABLE master.espn_file_validation (game_id varchar(20) PRIMARY KEY, has_pbp boolean, events int);
CREATE TABLE espn.espn_games (id int PRIMARY KEY, game_id varchar(50) NOT NULL UNIQUE, season int NOT NULL, season_type int, game_date timestamptz, data jsonb NOT NULL);
CREATE TABLE espn.espn_team_stats (id int PRIMARY KEY, game_id varchar(50), team_id varchar(50), data jsonb NOT NULL);
CREATE TABLE espn.espn_plays (id bigint PRIMARY KEY, game_id varchar(50), text text, data jsonb NOT NULL);
CREATE TABLE espn.espn_schedules (id int PRIMARY KEY, schedule_date date UNIQUE, data jsonb NOT NULL);
CREATE TABLE raw_data.nba_games (id int PRIMARY KEY, game_id varchar(50) NOT NULL UNIQUE, source varchar(50), season int, data jsonb NOT NULL);
CREATE TABLE raw_data.nba_misc (id int PRIMARY KEY, source varchar(50), entity_type varchar(50), entity_id varchar(100), data jsonb NOT NULL);
CREATE TABLE public.games (game_id varchar(20) PRIMARY KEY, game_date date, season varchar(10), home_team_id varchar(20), away_team_id varchar(20), created_at timestamp);
CREATE TABLE public.temporal_events (event_id bigint PRIMARY KEY, game_id varchar(20), team_id varchar(20), wall_clock_utc timestamp(3), quarter int, data_source varchar(20));
CREATE TABLE public.hoopr_play_by_play (id bigint PRIMARY KEY, game_id varchar(50), season int, game_date date, event_num int, text text);
CREATE TABLE public.hoopr_player_box (id int PRIMARY KEY, game_id varchar(50), player_id varchar(20), season int, minutes varchar(20), points int);
CREATE TABLE public.hoopr_team_box (id int PRIMARY KEY, game_id varchar(50), team_id varchar(20), season int, points int);
CREATE TABLE public.hoopr_schedule (id int PRIMARY KEY, game_id varchar(50) UNIQUE, season int, game_date date)";
