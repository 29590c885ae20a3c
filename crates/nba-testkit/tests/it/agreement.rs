//! The tables agree with each other: box scores are what the play rows add up to, feeds show the same games.

use nba_testkit::plan::Temporal;
use tokio_postgres::Client;

use crate::support::{Server, number, options};

/// Counts per player recomputed from `hoopr_play_by_play`, beside what `hoopr_player_box` says.
const FROM_PLAYS: &str = "
    with credit as (
        select game_id, athlete_id_1 as player, score_value as pts,
            (type_text !~ 'Free Throw' and shooting_play = 1)::int as fga, (type_text !~ 'Free Throw' and shooting_play = 1 and scoring_play = 1)::int as fgm,
            (type_abbreviation = '3PT')::int as fg3a, (type_abbreviation = '3PT' and scoring_play = 1)::int as fg3m,
            (type_text ~ 'Free Throw')::int as fta, (type_text ~ 'Free Throw' and scoring_play = 1)::int as ftm,
            (type_text = 'Offensive Rebound')::int as oreb, (type_text = 'Defensive Rebound')::int as dreb,
            0 as ast, 0 as blk
        from hoopr_play_by_play where athlete_id_1 is not null
        union all
        select game_id, athlete_id_2, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            (shooting_play = 1 and scoring_play = 1)::int, (shooting_play = 1 and scoring_play = 0)::int
        from hoopr_play_by_play where athlete_id_2 is not null
    ), sums as (
        select game_id, player, sum(pts) as pts, sum(fga) as fga, sum(fgm) as fgm, sum(fg3a) as fg3a, sum(fg3m) as fg3m, sum(fta) as fta, sum(ftm) as ftm,
            sum(oreb) as oreb, sum(dreb) as dreb, sum(ast) as ast, sum(blk) as blk
        from credit group by 1, 2
    )";

async fn disagreeing_players(client: &Client) -> i64 {
    let sql = format!(
        "{FROM_PLAYS} select count(*) from hoopr_player_box b left join sums s on s.game_id = b.game_id and s.player = b.athlete_id
        where b.did_not_play = 0 and b.game_id in (select game_id from hoopr_play_by_play)
            and (coalesce(s.pts, 0), coalesce(fgm, 0), coalesce(fga, 0), coalesce(fg3m, 0), coalesce(fg3a, 0), coalesce(ftm, 0), coalesce(fta, 0), coalesce(oreb, 0), coalesce(dreb, 0), coalesce(ast, 0), coalesce(blk, 0))
            is distinct from (b.points, field_goals_made, field_goals_attempted, three_point_field_goals_made, three_point_field_goals_attempted,
                free_throws_made, free_throws_attempted, offensive_rebounds, defensive_rebounds, assists, blocks)"
    );
    number(client, &sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn box_scores_are_what_the_plays_add_up_to() {
    let server = Server::start().await;
    server.build(options(0.004, Temporal::Filled)).await;
    let client = server.client().await;

    assert!(
        number(
            &client,
            "select count(*) from hoopr_player_box where points > 0"
        )
        .await
            > 1_000
    );
    assert_eq!(disagreeing_players(&client).await, 0);
    for (disagreement, sql) in [
        (
            "last running score and final score",
            "select count(*) from games g join (select game_id, max(home_score) as home, max(away_score) as away from play_by_play group by 1) p
                using (game_id) where (g.home_score, g.away_score) <> (p.home, p.away)",
        ),
        (
            "ESPN player points and team score",
            "select count(*) from box_score_teams t join (select game_id, team_id, sum(points) as points from box_score_players group by 1, 2) p
                on p.game_id = t.game_id and p.team_id = t.home_team_id where p.points <> t.home_team_score",
        ),
        (
            "scores of the two feeds",
            "select count(*) from games g join hoopr_schedule h on h.game_id = g.game_id::int
                where (g.home_score, g.away_score) is distinct from (h.home_score, h.away_score)",
        ),
        (
            "plays of joint games in the two feeds",
            "select count(*) from (select game_id, count(*) as n from play_by_play group by 1) e
                join (select game_id, count(*) as n from hoopr_play_by_play group by 1) h on h.game_id = e.game_id::int where e.n <> h.n",
        ),
        (
            "plays of joint games in the temporal table",
            "select count(*) from (select game_id, count(*) as n from play_by_play group by 1) e
                left join (select game_id, count(*) as n from temporal_events group by 1) t using (game_id) where e.n is distinct from t.n",
        ),
        (
            "texts and scores of joint plays",
            "select count(*) from play_by_play e join hoopr_play_by_play h on h.id = e.play_id::float8
                where (e.play_text, e.home_score, e.away_score, e.period_number) is distinct from (h.text, h.home_score, h.away_score, h.period_number)",
        ),
        (
            "player rows of joint games in the two feeds, apart from the stale ones and the nameless ones",
            "select count(*) from box_score_players e join hoopr_player_box h on h.game_id = e.game_id::int and e.player_id <> '' and h.athlete_id = e.player_id::float8
                where e.updated_at = e.created_at and h.did_not_play = 0
                    and (e.points, e.assists, e.steals, e.blocks, e.turnovers, e.fouls, e.total_rebounds, e.plus_minus, e.minutes)
                    is distinct from (h.points, h.assists, h.steals, h.blocks, h.turnovers, h.fouls, h.rebounds, h.plus_minus::int, split_part(h.minutes, ':', 1)::int)",
        ),
        (
            "minutes of a team and five times the length of the game",
            "select count(*) from (select b.game_id, team_id, sum(split_part(minutes, ':', 1)::int * 60 + split_part(minutes, ':', 2)::int) as seconds
                from hoopr_player_box b group by 1, 2) m
                join hoopr_schedule s using (game_id) where seconds <> 5 * (2880 + 300 * (status_period - 4))",
        ),
        (
            "overtime of the temporal table, which is 28 minutes early",
            "select count(*) from temporal_events o where quarter = 5 and wall_clock_utc > (select max(wall_clock_utc) from temporal_events r
                where r.game_id = o.game_id and r.quarter = 4)",
        ),
    ] {
        assert_eq!(number(&client, sql).await, 0, "{disagreement}");
    }

    // The negative control: the same questions see one changed play.
    let spoil = "update hoopr_play_by_play set score_value = 3 where ctid = (select min(ctid) from hoopr_play_by_play where score_value = 2)";
    client.batch_execute(spoil).await.unwrap();
    assert_eq!(disagreeing_players(&client).await, 1);
}
