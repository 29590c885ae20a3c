//! What went wrong when ESPN's documents were migrated into the schema `espn`.

use super::scene::{Scene, totals};
use crate::world::World;
use nba_testkit::migration;

/// Source and target of the team rows, by game and team.
const SOURCE_SIDES: &str = "select game_id, home_team_id::text as team_id, home_team_score as points from public.box_score_teams
    union all select game_id, away_team_id, away_team_score from public.box_score_teams";
const TARGET_SIDES: &str = "select game_id, team_id::text, points from espn.espn_team_stats";

pub(crate) fn two_team_rows_collapsed_into_one(world: &World) {
    let scene = Scene::migrated(world, "f04");
    let compare = [
        "--query-left",
        SOURCE_SIDES,
        "--query-right",
        TARGET_SIDES,
        "--key",
        "game_id,team_id",
    ];
    scene.holds("espn_two_team_rows");
    assert_eq!(totals(&scene.compare(&compare, 0)), [0, 0, 0]);

    // The document of one game has no team ids; Python's str() of a missing value is `None`, for both sides.
    let game = scene.one("select max(game_id) from espn.espn_games");
    scene.run("delete from espn.espn_team_stats");
    let as_it_happened = migration::TEAM_STATS
        .replace(
            "b.game_id, side.team_id",
            &format!("b.game_id, case when b.game_id = '{game}' then 'None' else side.team_id end"),
        )
        .replace("pct);", "pct) on conflict (game_id, team_id) do nothing;");
    scene.run(&as_it_happened);

    let record = scene.finds(
        "espn_two_team_rows",
        &[("game_id", &game), ("team_rows", "1"), ("team_ids", "None")],
        &format!("game {game} has 1 team rows instead of 2 in espn.espn_team_stats: teams None"),
    );
    assert_eq!(record["new"], 1, "no other game is accused: {record:#}");
    // The keyed comparison with the source names the rows that are gone, and the one nobody asked for.
    let comparison = scene.compare(&compare, 1);
    assert_eq!(totals(&comparison), [2, 1, 0], "{comparison:#}");
    let keys = comparison["differences"].to_string();
    assert!(keys.contains(&format!("[\"{game}\",\"None\"]")), "{keys}");
}

pub(crate) fn a_schedule_was_derived_from_what_was_loaded(world: &World) {
    let scene = Scene::migrated(world, "f05");
    // The source's own documents.
    let lake = scene.place.project.join("source/espn_schedules");
    std::fs::create_dir_all(&lake).unwrap();
    let days = scene
        .one("select string_agg(to_char(schedule_date, 'YYYYMMDD'), ' ') from espn.espn_schedules");
    for day in days.split(' ') {
        std::fs::write(lake.join(format!("{day}.json")), "{}").unwrap();
    }
    let check = [
        "check",
        "lake_schedule_days_are_known",
        "--lake",
        "source",
        "--json",
    ];
    scene.place.nba(&check).exits(0);

    // The schedule is derived again from a table of games that lacks one.
    let day = scene.one("select max(game_date)::text from games g where not exists (select from play_by_play p where p.game_id = g.game_id)
        and not exists (select from games o where o.game_date = g.game_date and o.game_id <> g.game_id)");
    scene.run(&format!(
        "delete from espn.espn_schedules; delete from games where game_date = '{day}'; {}",
        migration::SCHEDULES
    ));
    let document = format!("espn_schedules/{}.json", day.replace('-', ""));
    let ran = scene.place.nba(&check).exits(1);
    let record = &ran.json()["invariants"]["lake_schedule_days_are_known"];
    assert_eq!(
        (&record["verdict"], &record["new"]),
        (&"refuted".into(), &1.into()),
        "{record:#}"
    );
    assert_eq!(
        record["violations"][0]["values"]["object"], document,
        "{record:#}"
    );
    // By count alone, as it was checked: every day that has a game is there.
    let blind = scene.one("select (select count(*) from espn.espn_schedules) = (select count(distinct game_date) from games)");
    assert_eq!(blind, "t");
}

pub(crate) fn one_kind_of_season_was_lost(world: &World) {
    let scene = Scene::migrated(world, "f06");
    let id = "espn_season_type_complete";
    let compare = [
        "--query-left",
        "select game_id, (data #>> '{season,type}')::int as season_type from espn.espn_games",
        "--query-right",
        "select game_id, season_type from espn.espn_games",
        "--key",
        "game_id",
    ];
    scene.holds(id);
    scene.compare(&compare, 0);
    let lost = scene.one("select min(game_id) from espn.espn_games");
    let special = scene.one("select max(game_id) from espn.espn_games");
    scene.run(&format!(
        "update espn.espn_games set season_type = null where game_id = '{lost}';
         update espn.espn_games set season_type = 5, data = jsonb_set(data, '{{season,type}}', '5'),
            metadata = '{{\"season_type_name\": \"Special\"}}' where game_id = '{special}'"
    ));
    scene.finds(id, &[("game_id", &lost)], "has the kind of season NULL");
    let record = scene.finds(
        id,
        &[("game_id", &special), ("label", "Special")],
        &format!("game {special} has the kind of season 5 with the name Special"),
    );
    assert_eq!(record["new"], 2);
    // One row differs from its document, and is named with what it was.
    let comparison = scene.compare(&compare, 1);
    assert_eq!(totals(&comparison), [0, 0, 1], "{comparison:#}");
    assert_eq!(comparison["differences"][0]["key"][0], lost);
}

pub(crate) fn a_check_that_joins_cannot_fail(world: &World) {
    let scene = Scene::migrated(world, "f07");
    let joined = "select count(p.game_id) = count(g.game_id) from espn.espn_plays p join espn.espn_games g on g.game_id = p.game_id";
    scene.holds("espn_rows_have_their_game");
    scene.holds("plays_have_their_game");
    assert_eq!(scene.one(joined), "t");

    let game = scene.one("select max(game_id) from espn.espn_plays");
    let plays = scene.one(&format!(
        "select count(*) from espn.espn_plays where game_id = '{game}'"
    ));
    scene.run(&format!(
        "alter table espn.espn_plays drop constraint espn_plays_game_id_fkey; delete from espn.espn_games where game_id = '{game}';
         alter table play_by_play drop constraint play_by_play_game_id_fkey; delete from games where game_id = '{game}'"
    ));
    assert_eq!(
        scene.one(joined),
        "t",
        "the legacy check sees nothing, whatever happens"
    );
    scene.finds(
        "espn_rows_have_their_game",
        &[
            ("table_name", "espn_plays"),
            ("game_id", &game),
            ("rows", &plays),
        ],
        &format!(
            "{plays} rows of espn.espn_plays belong to game {game}, which is not in espn.espn_games"
        ),
    );
    scene.finds(
        "plays_have_their_game",
        &[("game_id", &game), ("plays", &plays)],
        &format!("{plays} plays belong to game {game}, which is not in games"),
    );
}
