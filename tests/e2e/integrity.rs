//! Each check of the production suite is green on a sound database and red on the defect it is for.

use nba_db::{
    Database,
    embedded::{EmbeddedOptions, EmbeddedServer},
};
use nba_tests::integrity::CHECKS;

use super::change;

/// The columns the checks look at, without the keys that would keep the defects out.
const SOUND: &str = "
    create table games (game_id text, home_team_id text, away_team_id text);
    create table play_by_play (game_id text);
    create table hoopr_play_by_play (game_id integer);
    create table box_score_players (game_id text);
    create table box_score_teams (game_id text);
    create table box_score_snapshots (game_id text);
    insert into games values ('401', '1', '2'), ('402', '2', '3');
    insert into play_by_play values ('401'), ('402');
    insert into hoopr_play_by_play values (401);
    insert into box_score_players values ('401');
    insert into box_score_teams values ('401'), ('401');
    insert into box_score_snapshots values ('401');
";

/// A defect, and the only checks that must turn red.
const DEFECTS: [(&str, &[&str]); 11] = [
    (
        "truncate games",
        &[
            "games_count",
            "box_scores_belong_to_games",
            "play_by_play_belongs_to_games",
        ],
    ),
    ("truncate play_by_play", &["play_by_play_count"]),
    (
        "drop table hoopr_play_by_play",
        &["hoopr_play_by_play_count"],
    ),
    (
        "delete from hoopr_play_by_play",
        &["hoopr_play_by_play_count"],
    ),
    ("truncate box_score_players", &["box_score_players_count"]),
    ("truncate box_score_teams", &["box_score_teams_count"]),
    (
        "truncate box_score_snapshots",
        &["box_score_snapshots_count"],
    ),
    (
        "insert into games values ('401', '7', '8')",
        &["game_ids_are_unique"],
    ),
    (
        "update games set away_team_id = '2' where game_id = '402'",
        &["games_have_two_different_teams"],
    ),
    (
        "insert into box_score_teams values ('499')",
        &["box_scores_belong_to_games"],
    ),
    (
        "insert into play_by_play values ('499')",
        &["play_by_play_belongs_to_games"],
    ),
];

async fn red(server: &EmbeddedServer, database: &str) -> Vec<&'static str> {
    let db = Database::connect(&server.target(database)).await.unwrap();
    let mut red = Vec::new();
    for check in CHECKS {
        if let Err(finding) = check.run(&db).await {
            println!("{}: {finding}", check.name);
            red.push(check.name);
        }
    }
    db.close().await;
    red
}

#[tokio::test]
async fn production_checks_see_planted_defects_and_nothing_else() {
    let server = EmbeddedServer::start(EmbeddedOptions::default())
        .await
        .unwrap();
    server.create_database("sound").await.unwrap();
    change(&server, "sound", SOUND).await;
    assert_eq!(red(&server, "sound").await, Vec::<&str>::new());
    for (number, (defect, expected)) in DEFECTS.iter().enumerate() {
        let database = format!("defect_{number}");
        server
            .create_database_from_template(&database, "sound")
            .await
            .unwrap();
        change(&server, &database, defect).await;
        assert_eq!(red(&server, &database).await, *expected, "{defect}");
    }
    server.stop().await.unwrap();
}
