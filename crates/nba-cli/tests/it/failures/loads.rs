//! What went wrong when rows were loaded.

use super::scene::{Scene, totals};
use crate::world::World;
use nba_testkit::migration;

pub(crate) fn an_upsert_made_rows_poorer(world: &World) {
    let scene = Scene::new(world, "f08");
    let game = scene.one("select max(game_id) from box_score_teams");
    scene.run(&format!(
        "update box_score_teams set home_team_three_pointers_pct = null where game_id = '{game}'"
    ));
    scene.run("create table public.box_before as select * from box_score_teams");
    let compare = [
        "public.box_before",
        "public.box_score_teams",
        "--key",
        "game_id",
    ];
    scene.holds("team_names_are_names");
    scene.holds("player_names_are_names");
    assert_eq!(totals(&scene.compare(&compare, 0)), [0, 0, 0]);
    scene.place.nba(&["baseline", "capture"]).exits(0);
    scene.place.nba(&["health"]).exits(0);

    let name = scene.one(&format!(
        "select home_team_name from games where game_id = '{game}'"
    ));
    let short = scene.one(&format!(
        "select home_team_abbrev from games where game_id = '{game}'"
    ));
    // The loader knows the abbreviation only, and 0.0 for what it does not know.
    scene.run(&format!(
        "insert into games (game_id, game_date, home_team_id, away_team_id, home_team_name)
            select game_id, game_date, home_team_id, away_team_id, home_team_abbrev from games where game_id = '{game}'
            on conflict (game_id) do update set home_team_name = excluded.home_team_name;
         insert into box_score_teams (game_id, home_team_three_pointers_pct) values ('{game}', 0.0)
            on conflict (game_id) do update set home_team_three_pointers_pct = excluded.home_team_three_pointers_pct;
         update hoopr_player_box set athlete_display_name = '' where game_id = (select max(game_id) from hoopr_player_box)"
    ));
    scene.finds(
        "team_names_are_names",
        &[("game_id", &game), ("home_team_name", &short)],
        &format!("is between {short} ({short})"),
    );
    let hoopr = scene.one("select max(game_id) from hoopr_player_box");
    scene.finds(
        "player_names_are_names",
        &[("game_id", &hoopr)],
        "is called ''",
    );
    // Every count is what it was; the values are not.
    let games = scene.health_refutes("table:public.games");
    assert!(
        games.contains(&game) && games.contains(&name) && games.contains(&short),
        "{games}"
    );
    let boxes = scene.health_refutes("table:public.box_score_teams");
    assert!(
        boxes.contains(&game) && boxes.contains("home_team_three_pointers_pct"),
        "{boxes}"
    );
    let comparison = scene.compare(&compare, 1);
    assert_eq!(totals(&comparison), [0, 0, 1]);
    assert_eq!(comparison["differences"][0]["key"][0], game);
    assert!(
        comparison["explanation"]
            .to_string()
            .contains("home_team_three_pointers_pct"),
        "{comparison:#}"
    );
}

pub(crate) fn a_second_run_doubled_the_rows(world: &World) {
    let scene = Scene::migrated(world, "f09");
    // Before anything happens: the clause is there, the key is not.
    scene.finds(
        "unique_key_behind_conflict",
        &[("table_name", "espn.espn_plays")],
        "espn.espn_plays has no unique key on (game_id, play_id): loading it a second time doubles its rows",
    );
    scene.holds("espn_plays_once");
    scene.place.nba(&["baseline", "capture"]).exits(0);
    scene.place.nba(&["health"]).exits(0);

    // The rehearsal: the same load again has to change nothing.
    scene.run(migration::PLAYS);
    let game = scene.one("select max(game_id) from espn.espn_plays");
    let plays = scene.one(&format!(
        "select count(*) from play_by_play where game_id = '{game}'"
    ));
    scene.finds(
        "espn_plays_once",
        &[("game_id", &game), ("surplus", &plays)],
        &format!("{plays} plays of game {game} are there again in espn.espn_plays"),
    );
    let rows = scene.one("select count(*) from espn.espn_plays");
    assert!(
        scene
            .health_refutes("table:espn.espn_plays")
            .contains(&rows)
    );

    // With a key behind the clause, a third run changes nothing.
    scene.run(
        "delete from espn.espn_plays a using espn.espn_plays b where a.game_id = b.game_id and a.play_id = b.play_id and a.id > b.id;
         create unique index espn_plays_once on espn.espn_plays (game_id, play_id)",
    );
    scene
        .place
        .nba(&["baseline", "capture", "--name", "keyed"])
        .exits(0);
    scene.run(migration::PLAYS);
    scene.holds("espn_plays_once");
    scene.place.nba(&["health", "--baseline", "keyed"]).exits(0);
    let report = scene
        .place
        .nba(&["check", "unique_key_behind_conflict", "--json"])
        .exits(1);
    assert!(!report.out.contains("espn.espn_plays"), "{report}");
}

pub(crate) fn rows_were_counted_that_nobody_wrote(world: &World) {
    let scene = Scene::new(world, "f12");
    let game = scene.one("select max(r.game_id) from raw_data.nba_games r join play_by_play p on p.game_id = r.game_id");
    let plays = scene.one(&format!(
        "select count(*) from play_by_play where game_id = '{game}'"
    ));
    let migrate = "insert into raw_data.nba_misc (source, entity_type, entity_id, data)
        select 'espn', 'file_validation', game_id, '{}' from games";
    scene.run(migrate);
    scene.holds("raw_games_hold_their_plays");
    scene.holds("raw_documents_once");

    // The plays become a number in a summary; the validations are migrated once more.
    scene.run(&format!(
        "update raw_data.nba_games set data = (data - 'plays') || '{{\"summary\": {{\"plays\": {plays}}}}}' where game_id = '{game}'; {migrate}"
    ));
    scene.finds(
        "raw_games_hold_their_plays",
        &[("game_id", &game), ("held", "0"), ("plays", &plays)],
        &format!("the raw document of game {game} holds 0 of its {plays} plays"),
    );
    scene.finds(
        "raw_documents_once",
        &[("entity_id", &game), ("rows", "2")],
        &format!("raw_data.nba_misc has 2 rows of espn file_validation {game}"),
    );
    // What the loader says counts for nothing; what it did to the table does.
    let loader = [
        "etl",
        "run",
        "--json",
        "--expect-rows",
        "public.play_by_play",
        "--",
    ];
    let ran = scene
        .place
        .nba(&[&loader[..], &["echo", "14.2 M rows migrated"]].concat())
        .exits(1);
    let (before, after) = (&ran.json()["rows_before"], &ran.json()["rows_after"]);
    assert_eq!(before["public.play_by_play"], after["public.play_by_play"]);
    assert!(
        ran.out
            .contains("rows of `public.play_by_play`: nothing came or changed"),
        "{ran}"
    );
}

pub(crate) fn a_schema_was_written_from_assumption(world: &World) {
    let scene = Scene::new(world, "f29");
    // The replica is as production is: the defects are in it, and are named.
    scene.finds(
        "ids_are_exact",
        &[
            ("table_name", "public.hoopr_play_by_play"),
            ("column_name", "team_id"),
        ],
        "public.hoopr_play_by_play.team_id holds ids as double precision",
    );
    for table in ["public.hoopr_play_by_play", "public.hoopr_team_box"] {
        scene.finds(
            "unique_key_behind_conflict",
            &[("table_name", table)],
            "has no unique key on",
        );
    }
    // Mended, they are named no longer.
    scene.run(
        "do $$ declare c record; begin
            for c in select attrelid::regclass as t, attname from pg_attribute a join pg_class r on r.oid = attrelid
                where relname like 'hoopr%' and relkind = 'r' and atttypid = 'float8'::regtype and attname ~ '(^|_)id(_[0-9]+)?$' loop
                execute format('alter table %s alter %I type bigint', c.t, c.attname);
            end loop; end $$;
         create unique index on hoopr_team_box (game_id, team_id)",
    );
    for id in [
        "ids_are_exact",
        "hoopr_season_present",
        "columns_once",
        "hoopr_schedule_ids_agree",
    ] {
        scene.holds(id);
    }
    let report = scene
        .place
        .nba(&["check", "unique_key_behind_conflict", "--json"])
        .exits(1);
    assert!(
        !report.out.contains("public.hoopr_team_box has"),
        "{report}"
    );

    let game = scene.one("select max(game_id) from hoopr_schedule");
    scene.run(&format!(
        "alter table hoopr_player_box alter game_id type double precision;
         update hoopr_schedule set season = null, id = 1 where game_id = {game};
         alter table hoopr_schedule add \"season.1\" integer"
    ));
    scene.finds(
        "ids_are_exact",
        &[
            ("table_name", "public.hoopr_player_box"),
            ("column_name", "game_id"),
        ],
        "public.hoopr_player_box.game_id holds ids as double precision",
    );
    scene.finds(
        "hoopr_season_present",
        &[("table_name", "hoopr_schedule"), ("game_id", &game)],
        &format!("hoopr_schedule: 1 rows of game {game} have no season"),
    );
    scene.finds(
        "columns_once",
        &[
            ("table_name", "public.hoopr_schedule"),
            ("column_name", "season.1"),
        ],
        "has the column season.1 besides season",
    );
    scene.finds(
        "hoopr_schedule_ids_agree",
        &[("game_id", &game), ("id", "1")],
        "has the id 1",
    );
}
