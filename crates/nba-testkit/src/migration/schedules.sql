INSERT INTO espn.espn_schedules (schedule_date, games)
SELECT game_date, count(*) FROM public.games GROUP BY game_date;
