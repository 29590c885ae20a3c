INSERT INTO espn.espn_team_stats (game_id, team_id, team_name, is_home, points, field_goal_pct)
SELECT b.game_id, side.team_id, side.team_name, side.is_home, side.points, side.pct
FROM public.box_score_teams b
JOIN espn.espn_games g ON g.game_id = b.game_id
CROSS JOIN LATERAL (VALUES
    (b.home_team_id, g.home_team, true, b.home_team_score, b.home_team_field_goals_pct),
    (b.away_team_id, g.away_team, false, b.away_team_score, b.away_team_field_goals_pct)) AS side(team_id, team_name, is_home, points, pct);
