INSERT INTO espn.espn_plays (game_id, play_id, period, clock, text, home_score, away_score)
SELECT p.game_id, p.play_id, p.period_number, p.clock_display, p.play_text, p.home_score, p.away_score
FROM public.play_by_play p
JOIN espn.espn_games g ON g.game_id = p.game_id
ON CONFLICT DO NOTHING;
