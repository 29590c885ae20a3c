INSERT INTO espn.espn_games (game_id, season, season_type, game_date, home_team, away_team, home_score, away_score, data, metadata)
SELECT g.game_id, left(g.season, 4)::int, kind.code, g.game_time AT TIME ZONE 'UTC', g.home_team_name, g.away_team_name, g.home_score, g.away_score,
    jsonb_build_object('season', jsonb_build_object('type', kind.code)), jsonb_build_object('season_type_name', kind.name)
FROM public.games g
JOIN public.box_score_teams b ON b.game_id = g.game_id
CROSS JOIN LATERAL (SELECT * FROM (VALUES
        (1, 'preseason', extract(month FROM g.game_date) = 10 AND extract(day FROM g.game_date) < 15),
        (3, 'playoffs', extract(month FROM g.game_date) BETWEEN 5 AND 8),
        (2, 'regular', true)) AS kinds(code, name, fits) WHERE fits LIMIT 1) kind;
