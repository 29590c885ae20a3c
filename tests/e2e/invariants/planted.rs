//! One planted defect, or more, for every built-in invariant.

/// A defect and what has to be said about it.
pub(super) struct Plant {
    /// The invariant that must find it.
    pub(super) id: &'static str,
    /// A query of one row: what is damaged. Its columns stand for `{column}` below.
    pub(super) pick: &'static str,
    /// The damage.
    pub(super) damage: &'static str,
    /// Columns and values that name the violating row.
    pub(super) key: &'static [(&'static str, &'static str)],
    /// Part of what a person reads about it.
    pub(super) says: &'static str,
    /// An object that is in the data lake as well.
    pub(super) object: Option<&'static str>,
}

const fn plant(
    id: &'static str,
    pick: &'static str,
    damage: &'static str,
    key: &'static [(&'static str, &'static str)],
    says: &'static str,
) -> Plant {
    Plant {
        id,
        pick,
        damage,
        key,
        says,
        object: None,
    }
}

const PLAYED: &str = "select g.game_id as game, g.home_team_id as home, g.away_team_id as away, count(*) as plays
    from games g join play_by_play p on p.game_id = g.game_id group by g.game_id order by g.game_id desc limit 1";
const BOX: &str = "select game_id as game, home_team_id as home, away_team_id as away from box_score_teams order by game_id desc limit 1";
const PLAYER: &str =
    "select game_id as game, player_id as player, team_id as team, points from box_score_players
    where points > 3 and player_id <> '' order by minutes desc, game_id, player_id limit 1";
const HOOPR: &str = "select s.game_id as game, s.home_id as home, s.game_date as day, count(*) as plays
    from hoopr_schedule s join hoopr_play_by_play p on p.game_id = s.game_id where s.season is not null
    group by s.game_id, s.home_id, s.game_date order by s.game_id desc limit 1";
const HOOPR_PLAYER: &str = "select game_id as game, athlete_id::bigint as player, team_id as team, minutes from hoopr_player_box
    where points > 3 and minutes is not null order by field_goals_attempted desc, game_id, athlete_id limit 1";
const MIGRATED: &str = "select game_id as game from espn.espn_games order by game_id desc limit 1";
const NOTHING: &str = "select 1 as one";

/// A game a second time: `{changes}` are the columns that differ.
macro_rules! second_game {
    ($changes:literal) => {
        concat!(
            "insert into games select (jsonb_populate_record(g, jsonb_build_object('game_id', '400999001'",
            $changes,
            "))).* from games g where game_id = '{game}'"
        )
    };
}
const TWIN: &str = "select least(game_id, '400999001') as one, greatest(game_id, '400999001') as other, game_id as game
    from games where home_team_id <> away_team_id order by game_id desc limit 1";
const TWINS: &[(&str, &str)] = &[("game_id", "{one}"), ("other_id", "{other}")];

pub(super) const PLANTS: &[Plant] = &[
    plant("twin_games", TWIN, second_game!(""), TWINS, "are one game"),
    plant(
        "twin_games",
        TWIN,
        second_game!(", 'home_team_id', g.away_team_id, 'away_team_id', g.home_team_id, 'home_score', 1"),
        TWINS,
        "games {one}",
    ),
    plant(
        "twin_games",
        TWIN,
        second_game!(", 'game_date', g.game_date + 1"),
        TWINS,
        "the same score a day apart",
    ),
    plant(
        "periods_at_least_four",
        PLAYED,
        "delete from play_by_play where game_id = '{game}' and period_number > 2",
        &[("game_id", "{game}")],
        "has plays of 2 periods, the last one 2",
    ),
    plant(
        "periods_at_least_four",
        PLAYED,
        "delete from play_by_play where game_id = '{game}' and period_number = 3",
        &[("game_id", "{game}")],
        "has plays of",
    ),
    plant(
        "plays_per_game",
        PLAYED,
        "delete from play_by_play where play_id in (select play_id from play_by_play where game_id = '{game}' order by period_number desc offset 200)",
        &[("game_id", "{game}")],
        "game {game} has 200 plays",
    ),
    plant(
        "plays_per_game",
        PLAYED,
        "insert into play_by_play (play_id, game_id, period_number) select 'x' || play_id, game_id, period_number from play_by_play where game_id = '{game}'",
        &[("game_id", "{game}")],
        "game {game} has ",
    ),
    plant(
        "box_sides_complete",
        BOX,
        "update box_score_teams set home_team_id = 'None' where game_id = '{game}'",
        &[("game_id", "{game}")],
        "has the teams None and {away}",
    ),
    plant(
        "box_sides_complete",
        BOX,
        "update box_score_teams set home_team_id = away_team_id where game_id = '{game}'",
        &[("game_id", "{game}")],
        "has the teams {away} and {away}",
    ),
    plant(
        "team_plays_once_a_day",
        HOOPR,
        "insert into hoopr_schedule (id, game_id, game_date, home_id, away_id) values (400999001, 400999001, '{day}', {home}, 99)",
        &[("team_id", "{home}"), ("game_date", "{day}")],
        "team {home} plays 2 games on {day}: ",
    ),
    plant(
        "season_within_schedule",
        NOTHING,
        "insert into hoopr_schedule (id, game_id, season, season_type) select 900000000 + n, 900000000 + n, 2012, 2 from generate_series(1, 997) n",
        &[("season", "2012")],
        "the league played at most 996",
    ),
    plant(
        "games_within_schedule",
        PLAYED,
        "insert into games (game_id, game_date, season, home_team_id, away_team_id)
         select (900000000 + n)::text, date '2012-01-01', '2011-12', '{home}', '{away}' from generate_series(1, 1258) n",
        &[("season", "2011-12")],
        "at most 1257 were played",
    ),
    plant(
        "hoopr_plays_per_game",
        HOOPR,
        "insert into hoopr_play_by_play select * from hoopr_play_by_play where game_id = {game}",
        &[("game_id", "{game}")],
        "of hoopr_play_by_play",
    ),
    plant(
        "temporal_events_per_game",
        "select game_id as game from temporal_events order by game_id desc limit 1",
        "insert into temporal_events (game_id, wall_clock_utc, quarter, precision_level, data_source)
         select game_id, wall_clock_utc, quarter, precision_level, data_source from temporal_events where game_id = '{game}'",
        &[("game_id", "{game}")],
        "of temporal_events",
    ),
    plant(
        "possessions_per_game",
        "select max(game_id) as game from possession_panel",
        "delete from possession_panel where game_id = '{game}' and possession_number % 4 > 0",
        &[("game_id", "{game}")],
        "game {game} has 50 possessions in 4 periods; about 200 are played",
    ),
    plant(
        "estimated_possessions",
        HOOPR,
        "update hoopr_team_box set field_goals_attempted = 0 where game_id = (select max(game_id) from hoopr_team_box where game_id = {game})",
        &[("game_id", "{game}")],
        "the box score of game {game} makes",
    ),
    plant(
        "hoopr_two_team_rows",
        HOOPR,
        "delete from hoopr_team_box where game_id = {game} and team_id = {home}",
        &[("game_id", "{game}")],
        "game {game} has 1 team rows instead of 2",
    ),
    plant(
        "two_team_rows",
        "select max(game_id) as game from team_game_stats",
        "delete from team_game_stats where stat_id = (select max(stat_id) from team_game_stats where game_id = '{game}')",
        &[("game_id", "{game}")],
        "game {game} has 1 team rows instead of 2",
    ),
    plant(
        "two_team_rows",
        "select max(game_id) as game from team_game_stats",
        "alter table team_game_stats drop constraint team_game_stats_team_id_fkey;
         update team_game_stats set team_id = 'None' where stat_id = (select max(stat_id) from team_game_stats where game_id = '{game}')",
        &[("game_id", "{game}")],
        "None",
    ),
    plant(
        "espn_two_team_rows",
        MIGRATED,
        "delete from espn.espn_team_stats where id = (select max(id) from espn.espn_team_stats where game_id = '{game}')",
        &[("game_id", "{game}"), ("team_rows", "1")],
        "game {game} has 1 team rows instead of 2",
    ),
    plant(
        "team_points_are_player_points",
        PLAYER,
        "update box_score_players set points = points + 1 where game_id = '{game}' and player_id = '{player}'",
        &[("game_id", "{game}"), ("team_id", "{team}")],
        "the players of team {team} have",
    ),
    plant(
        "hoopr_team_points_are_player_points",
        HOOPR_PLAYER,
        "delete from hoopr_player_box where game_id = {game} and athlete_id = {player}",
        &[("game_id", "{game}"), ("team_id", "{team}")],
        "points in hoopr_player_box",
    ),
    plant(
        "box_players_are_of_the_game",
        PLAYER,
        "update box_score_players set team_id = '99' where game_id = '{game}' and player_id = '{player}'",
        &[("game_id", "{game}"), ("player_id", "{player}")],
        "player {player} is of team 99",
    ),
    plant(
        "final_score_is_last_play",
        PLAYED,
        "update games set home_score = 199 where game_id = '{game}'",
        &[("game_id", "{game}")],
        "game {game} ended 199:",
    ),
    plant(
        "hoopr_final_score_is_last_play",
        HOOPR,
        "update hoopr_schedule set home_score = null where game_id = {game}",
        &[("game_id", "{game}")],
        "game {game} ended NULL:",
    ),
    plant(
        "box_score_is_final_score",
        BOX,
        "update box_score_teams set away_team_score = 1 where game_id = '{game}'",
        &[("game_id", "{game}")],
        ":1 in box_score_teams",
    ),
    plant(
        "score_never_falls",
        "select game_id as game, play_id as play from play_by_play where home_score > 50 and length(play_id) = length(game_id) + 3
            order by play_id desc limit 1",
        "update play_by_play set home_score = 7 where play_id = '{play}'",
        &[("game_id", "{game}"), ("play_id", "{play}")],
        "at play {play}",
    ),
    plant(
        "season_fits_the_date",
        PLAYED,
        "update games set season = '1899-00' where game_id = '{game}'",
        &[("game_id", "{game}")],
        "has the season 1899-00 instead of",
    ),
    plant(
        "season_type_complete",
        HOOPR,
        "update hoopr_schedule set season_type = null where game_id = {game}",
        &[("game_id", "{game}")],
        "has the kind of season NULL",
    ),
    plant(
        "season_type_complete",
        HOOPR,
        "update hoopr_schedule set season_type = 5, game_date = '2010-04-01' where game_id = {game}",
        &[("game_id", "{game}")],
        "has the kind of season 5",
    ),
    plant(
        "espn_season_type_complete",
        MIGRATED,
        "update espn.espn_games set season_type = null where game_id = '{game}'",
        &[("game_id", "{game}")],
        "has the kind of season NULL",
    ),
    plant(
        "espn_season_type_complete",
        MIGRATED,
        "update espn.espn_games set season_type = 5, metadata = '{\"season_type_name\": \"Special\"}' where game_id = '{game}'",
        &[("game_id", "{game}")],
        "has the kind of season 5 with the name Special",
    ),
    plant(
        "hoopr_season_present",
        HOOPR,
        "update hoopr_team_box set season = null where game_id = {game}",
        &[("table_name", "hoopr_team_box"), ("game_id", "{game}")],
        "hoopr_team_box: 2 rows of game {game} have no season",
    ),
    plant(
        "hoopr_ids_present",
        HOOPR_PLAYER,
        "update hoopr_player_box set athlete_id = null where game_id = {game} and athlete_id = {player}",
        &[("table_name", "hoopr_player_box")],
        "hoopr_player_box has 1 rows without the id",
    ),
    plant(
        "hoopr_ids_whole",
        HOOPR,
        "update hoopr_play_by_play set id = id + 0.5 where game_id = {game} and id = (select max(id) from hoopr_play_by_play where game_id = {game})",
        &[("table_name", "hoopr_play_by_play"), ("game_id", "{game}"), ("column_name", "id")],
        "which is no whole id",
    ),
    plant(
        "game_id_form",
        NOTHING,
        "insert into box_score_teams (game_id) values ('None')",
        &[("table_name", "box_score_teams"), ("game_id", "None")],
        "have the game id None",
    ),
    plant(
        "game_id_form",
        NOTHING,
        "insert into box_score_teams (game_id) values ('401704609.0')",
        &[("table_name", "box_score_teams"), ("game_id", "401704609.0")],
        "which is not nine digits",
    ),
    plant(
        "team_id_form",
        PLAYED,
        "insert into teams (team_id, team_name) values ('None', 'None'); update games set away_team_id = 'None' where game_id = '{game}'",
        &[("team_id", "None")],
        "the team id None (None) is no number; 1 games refer to it",
    ),
    plant(
        "player_id_form",
        PLAYER,
        "update box_score_players set player_id = '' where game_id = '{game}' and player_id = '{player}'",
        &[("game_id", "{game}"), ("player_id", "")],
        "a player of team {team} with {points} points has the id ''",
    ),
    plant(
        "game_date_is_utc_day",
        "select game_id as game, game_date as day from games where game_time is not null order by game_id desc limit 1",
        "update games set game_date = game_date - 1 where game_id = '{game}'",
        &[("game_id", "{game}")],
        "starts {day}",
    ),
    plant(
        "us_day_fits_utc_day",
        "select s.game_id as game from hoopr_schedule s join games g on g.game_id = s.game_id::text order by 1 desc limit 1",
        "update hoopr_schedule set game_date = game_date - 3 where game_id = {game}",
        &[("game_id", "{game}")],
        "in hoopr_schedule",
    ),
    plant(
        "box_date_fits_the_game",
        BOX,
        "update box_score_teams set game_date = null where game_id = '{game}'",
        &[("game_id", "{game}")],
        "the box score of game {game} is dated NULL",
    ),
    plant(
        "minutes_of_a_team",
        PLAYER,
        "delete from box_score_players where game_id = '{game}' and player_id = '{player}'",
        &[("game_id", "{game}"), ("team_id", "{team}")],
        "players of team {team} have",
    ),
    plant(
        "hoopr_minutes_of_a_team",
        HOOPR_PLAYER,
        "delete from hoopr_player_box where game_id = {game} and athlete_id = {player}",
        &[("game_id", "{game}"), ("team_id", "{team}")],
        "players of team {team} have",
    ),
    plant(
        "made_within_attempted",
        HOOPR_PLAYER,
        "update hoopr_player_box set field_goals_made = field_goals_attempted, field_goals_attempted = field_goals_made - 1
         where game_id = {game} and athlete_id = {player}",
        &[("game_id", "{game}"), ("athlete_id", "{player}")],
        "player {player} has",
    ),
    plant(
        "player_points_are_made_shots",
        PLAYER,
        "update box_score_players set field_goals = '0-0' where game_id = '{game}' and player_id = '{player}'",
        &[("game_id", "{game}"), ("player_id", "{player}")],
        "has {points} points from 0-0",
    ),
    plant(
        "percentages_are_of_shots",
        HOOPR,
        "update hoopr_team_box set field_goal_pct = 0.451 where game_id = {game} and team_id = {home}",
        &[("game_id", "{game}"), ("team_id", "{home}"), ("kind", "field goals")],
        "has 0.451 % of field goals",
    ),
    plant(
        "percentages_are_of_shots",
        HOOPR,
        "update hoopr_team_box set free_throw_pct = null, free_throws_attempted = 20 where game_id = {game} and team_id = {home}",
        &[("game_id", "{game}"), ("team_id", "{home}"), ("kind", "free throws")],
        "has NULL % of free throws",
    ),
    plant(
        "team_statistics_present",
        BOX,
        "update box_score_teams set home_team_field_goals = '0-0' where game_id = '{game}'",
        &[("game_id", "{game}")],
        "points from 0-0 and",
    ),
    plant(
        "team_names_are_names",
        "select game_id as game, home_team_abbrev as short from games where home_team_abbrev is not null order by game_id desc limit 1",
        "update games set home_team_name = home_team_abbrev where game_id = '{game}'",
        &[("game_id", "{game}"), ("home_team_name", "{short}")],
        "is between {short} ({short})",
    ),
    plant(
        "plays_have_their_game",
        PLAYED,
        "alter table play_by_play drop constraint play_by_play_game_id_fkey; delete from games where game_id = '{game}'",
        &[("game_id", "{game}")],
        "{plays} plays belong to game {game}, which is not in games",
    ),
    plant(
        "box_rows_have_their_game",
        NOTHING,
        "insert into box_score_teams (game_id) values ('400999003')",
        &[("table_name", "box_score_teams"), ("game_id", "400999003")],
        "1 rows of box_score_teams belong to game 400999003",
    ),
    plant(
        "box_scores_have_players",
        BOX,
        "delete from box_score_players where game_id = '{game}'",
        &[("game_id", "{game}")],
        "0 players of 0 teams",
    ),
    plant(
        "hoopr_rows_have_their_game",
        HOOPR,
        "delete from hoopr_schedule where game_id = {game}",
        &[("table_name", "hoopr_play_by_play"), ("game_id", "{game}")],
        "{plays} rows of hoopr_play_by_play belong to game {game}",
    ),
    plant(
        "temporal_events_have_their_game",
        NOTHING,
        "alter table temporal_events drop constraint temporal_events_game_id_fkey;
         insert into temporal_events (game_id, wall_clock_utc, precision_level, data_source) values ('400999004', now(), 'game', 'espn')",
        &[("game_id", "400999004")],
        "1 events belong to game 400999004",
    ),
    plant(
        "espn_rows_have_their_game",
        MIGRATED,
        "alter table espn.espn_plays drop constraint espn_plays_game_id_fkey; delete from espn.espn_games where game_id = '{game}'",
        &[("table_name", "espn_plays"), ("game_id", "{game}")],
        "rows of espn.espn_plays belong to game {game}",
    ),
    plant(
        "unique_key_behind_conflict",
        NOTHING,
        "alter table play_by_play drop constraint play_by_play_pkey",
        &[("table_name", "public.play_by_play")],
        "public.play_by_play has no unique key on (play_id)",
    ),
    plant(
        "hoopr_rows_once",
        HOOPR,
        "insert into hoopr_team_box select * from hoopr_team_box where game_id = {game} and team_id = {home}",
        &[("table_name", "hoopr_team_box"), ("game_id", "{game}")],
        "hoopr_team_box: 1 rows of game {game} are there again",
    ),
    plant(
        "espn_plays_once",
        MIGRATED,
        "insert into espn.espn_plays (game_id, play_id) select game_id, play_id from espn.espn_plays where game_id = '{game}' limit 3 on conflict do nothing",
        &[("game_id", "{game}"), ("surplus", "3")],
        "3 plays of game {game} are there again",
    ),
    plant(
        "nba_api_rows_once",
        NOTHING,
        "insert into nba_api_comprehensive (data_type, season) values ('planted', '2024-25'), ('planted', '2024-25')",
        &[("data_type", "planted"), ("season", "2024-25")],
        "has 2 rows of planted, season 2024-25, entity NULL",
    ),
    plant(
        "ids_are_exact",
        NOTHING,
        "alter table hoopr_team_box alter team_id type double precision",
        &[("table_name", "public.hoopr_team_box"), ("column_name", "team_id")],
        "public.hoopr_team_box.team_id holds ids as double precision",
    ),
    plant(
        "columns_once",
        NOTHING,
        "alter table hoopr_player_box add \"season.1\" integer",
        &[("table_name", "public.hoopr_player_box"), ("column_name", "season.1")],
        "has the column season.1 besides season",
    ),
    plant(
        "hoopr_schedule_ids_agree",
        HOOPR,
        "update hoopr_schedule set id = 400999005 where game_id = {game}",
        &[("game_id", "{game}")],
        "has the id 400999005",
    ),
    plant(
        "player_names_are_names",
        HOOPR_PLAYER,
        "update hoopr_player_box set athlete_display_name = '' where game_id = {game} and athlete_id = {player}",
        &[("game_id", "{game}"), ("athlete_id", "{player}")],
        "player {player} is called ''",
    ),
    plant(
        "raw_games_hold_their_plays",
        "select r.game_id as game, count(*) as plays from raw_data.nba_games r join play_by_play p on p.game_id = r.game_id
            group by 1 order by 1 desc limit 1",
        "update raw_data.nba_games set data = jsonb_build_object('summary', jsonb_build_object('plays', {plays})) where game_id = '{game}'",
        &[("game_id", "{game}"), ("held", "0")],
        "holds 0 of its {plays} plays",
    ),
    plant(
        "raw_documents_once",
        NOTHING,
        "insert into raw_data.nba_misc (source, entity_type, entity_id, data) select source, entity_type, entity_id, data from raw_data.nba_misc limit 1",
        &[("entity_type", "file_validation")],
        "has 2 rows of espn file_validation",
    ),
    Plant {
        object: Some("espn_play_by_play/2024/400999006.json"),
        ..plant(
            "lake_games_are_known",
            NOTHING,
            "",
            &[("object", "espn_play_by_play/2024/400999006.json")],
            "game 400999006 is not in games",
        )
    },
    Plant {
        object: Some("espn_schedules/2024/19000101.json"),
        ..plant(
            "lake_schedule_days_are_known",
            NOTHING,
            "",
            &[("object", "espn_schedules/2024/19000101.json")],
            "the day 19000101 is not in espn.espn_schedules",
        )
    },
];
