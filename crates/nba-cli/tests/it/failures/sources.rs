//! What went wrong between two sources, two copies, and two ways of counting.

use super::scene::{Scene, totals};
use crate::world::World;

pub(crate) fn two_copies_differ_by_one_row(world: &World) {
    let scene = Scene::new(world, "f11");
    scene.run(
        "insert into temporal_events (game_id, wall_clock_utc, quarter, precision_level, data_source)
         select game_id, timestamp '2025-01-01' + n * interval '1 second', 1, 'second', 'espn' from play_by_play, generate_series(1, 1) n limit 1000",
    );
    scene.copy("f11_copy");
    let copy = scene.url("f11_copy", "postgres");
    let compare = ["public.temporal_events", "--right-target", &copy];
    assert_eq!(totals(&scene.compare(&compare, 0)), [0, 0, 0]);

    scene.run_in(
        "f11_copy",
        "insert into temporal_events (event_id, game_id, wall_clock_utc, quarter, precision_level, data_source)
         select 14114618, game_id, wall_clock_utc, 4, 'second', 'espn' from temporal_events limit 1",
    );
    let comparison = scene.compare(&compare, 1);
    assert_eq!(totals(&comparison), [0, 1, 0], "{comparison:#}");
    assert_eq!(comparison["differences"][0]["key"][0], "14114618");
    // Equal counts are no equality: one row less, and one more.
    scene.run_in(
        "f11_copy",
        "delete from temporal_events where event_id = 500",
    );
    let comparison = scene.compare(&compare, 1);
    assert_eq!(comparison["left"]["rows"], comparison["right"]["rows"]);
    assert_eq!(totals(&comparison), [1, 1, 0], "{comparison:#}");
    let text = scene
        .place
        .nba(&[&["db", "compare"], &compare[..]].concat())
        .exits(1);
    assert!(
        text.out.contains("event_id=500") && text.out.contains("event_id=14114618"),
        "{text}"
    );
}

pub(crate) fn one_game_was_loaded_under_two_ids(world: &World) {
    let scene = Scene::new(world, "f13");
    // The twin that is there already was looked at, and is on record.
    let waive = [
        "check",
        "twin_games",
        "--waive",
        "--owner",
        "data team",
        "--reason",
        "ESPN serves both",
        "--until",
        &tomorrow(),
    ];
    scene.place.nba(&waive).exits(0);
    scene.holds("twin_games");
    scene.holds("season_within_schedule");
    scene.holds("team_plays_once_a_day");

    // A "missing" game is fetched under the other format of ids, and with it a whole season.
    let (game, day) = (
        scene.one("select game_id from games where game_id like '4%' order by game_id desc limit 1"),
        scene.one("select game_date::text from games where game_id like '4%' order by game_id desc limit 1"),
    );
    let home = scene.one(&format!(
        "select home_team_id from games where game_id = '{game}'"
    ));
    let other = format!("{}0{:0>2}", &day.replace('-', "")[2..8], home);
    scene.run(&format!(
        "insert into games select (jsonb_populate_record(g, '{{\"game_id\": \"{other}\"}}')).* from games g where game_id = '{game}';
         insert into hoopr_schedule (id, game_id, season, season_type) select 311200000 + n, 311200000 + n, 2012, 2 from generate_series(1, 1118) n"
    ));
    let (one, two) = (game.clone().min(other.clone()), game.max(other));
    let record = scene.finds(
        "twin_games",
        &[("game_id", &one), ("other_id", &two)],
        &format!("games {one} ({day}) and {two} ({day}) are one game"),
    );
    assert_eq!(
        (&record["new"], &record["known"]),
        (&1.into(), &1.into()),
        "{record:#}"
    );
    scene.finds(
        "season_within_schedule",
        &[("season", "2012"), ("most", "996")],
        "regular games in hoopr_schedule; the league played at most 996",
    );
}

/// The day after today, as the program takes it.
fn tomorrow() -> String {
    (chrono::Utc::now().date_naive() + chrono::TimeDelta::days(1)).to_string()
}

pub(crate) fn possessions_were_jump_balls(world: &World) {
    let scene = Scene::new(world, "f23");
    scene.run(
        "insert into possession_panel (game_id, game_date, possession_number, season, game_seconds_elapsed, period, seconds_remaining,
            offensive_team_id, defensive_team_id, points_scored, possession_type)
         select g.game_id, g.game_date, n, left(g.season, 4)::int, n * 14, 1 + n / 51, 720 - (n * 14) % 720, g.home_team_id, g.away_team_id, 1,
            case when n % 4 = 0 then 'jump ball' else 'half court' end
         from (select * from games order by game_id desc limit 3) g, generate_series(1, 190) n",
    );
    scene.holds("possessions_per_game");
    scene.run("delete from possession_panel where possession_type <> 'jump ball'");
    let game = scene.one("select max(game_id) from possession_panel");
    let record = scene.finds(
        "possessions_per_game",
        &[("game_id", &game), ("possessions", "47"), ("periods", "4")],
        &format!("game {game} has 47 possessions in 4 periods; about 200 are played"),
    );
    // As many games as there are possessions for: "complete" by that count.
    assert_eq!(
        (&record["new"], &record["subject_count"]),
        (&3.into(), &3.into())
    );
}

pub(crate) fn a_skipped_check_is_not_a_pass(world: &World) {
    let scene = Scene::new(world, "f31");
    scene.run(
        "do $$ begin if not exists (select from pg_roles where rolname = 'f31_reader') then create role f31_reader login; end if; end $$;
         grant usage on schema public to f31_reader; grant select on all tables in schema public to f31_reader",
    );
    let reader = scene.url("f31", "f31_reader");
    let check = |code| {
        scene
            .place
            .nba(&[
                "--target",
                &reader,
                "check",
                "plays_per_game",
                "plays_have_their_game",
                "--json",
            ])
            .exits(code)
            .json()
    };
    assert_eq!(check(0)["verdict"], "proven");
    // A right that is missing.
    scene.run("revoke select on games from f31_reader");
    let report = check(2);
    assert_eq!(report["verdict"], "not_proven");
    let skipped = &report["invariants"]["plays_have_their_game"];
    assert_eq!(skipped["verdict"], "not_proven");
    assert!(
        skipped["reasons"]
            .to_string()
            .contains("permission denied for table games"),
        "{skipped:#}"
    );
    assert!(skipped["subject_count"].is_null());
    assert_eq!(
        report["invariants"]["plays_per_game"]["verdict"], "proven",
        "the other is looked at"
    );
    // A table that is missing, and one that is empty.
    scene.run("alter table play_by_play rename to play_by_play_old");
    let report = check(2);
    assert!(
        report
            .to_string()
            .contains("there is no table public.play_by_play"),
        "{report:#}"
    );
    scene.run("create table play_by_play (like play_by_play_old); grant select on play_by_play to f31_reader");
    let report = check(2);
    assert!(
        report.to_string().contains("there are no games with plays"),
        "{report:#}"
    );

    // A comparison that cannot fail is refused, and 5 % are not equal.
    let refused = scene
        .place
        .nba(&["db", "compare", "public.games", "public.games"])
        .exits(2);
    assert!(refused.err.contains("itself"), "{refused}");
    scene.run("create table public.near as select * from games; update near set attendance = 100; update games set attendance = 101");
    let near = ["public.games", "public.near", "--key", "game_id"];
    scene.compare(&near, 1);
    let within = [&near[..], &["--tolerance", "attendance=5"]].concat();
    let comparison = scene.compare(&within, 2);
    assert_eq!(
        comparison["verdict"]["verdict"], "not_proven",
        "{comparison:#}"
    );
}
