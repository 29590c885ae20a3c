-- Views, functions and triggers. The deployed view definitions are not in the repository (contradiction 20): these have the documented
-- names and sources. Function bodies contain no empty line.

CREATE FUNCTION public.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = CURRENT_TIMESTAMP;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.update_game_states_columns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = CURRENT_TIMESTAMP;
    NEW.score_differential = NEW.current_score_home - NEW.current_score_away;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_game_states BEFORE INSERT OR UPDATE ON public.game_states FOR EACH ROW EXECUTE FUNCTION public.update_game_states_columns();

CREATE TRIGGER trigger_player_snapshots BEFORE UPDATE ON public.player_snapshots FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER trigger_possession_panel BEFORE UPDATE ON public.possession_panel FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER trigger_temporal_events BEFORE UPDATE ON public.temporal_events FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER trigger_raw_nba_games BEFORE UPDATE ON raw_data.nba_games FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER trigger_raw_nba_players BEFORE UPDATE ON raw_data.nba_players FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER trigger_raw_nba_teams BEFORE UPDATE ON raw_data.nba_teams FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TRIGGER trigger_raw_nba_misc BEFORE UPDATE ON raw_data.nba_misc FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

-- Fails when it is called: it reads columns this database's game_states does not have (dossier 2.11).
CREATE FUNCTION public.get_game_state_at_time(p_game_id varchar, p_time timestamp) RETURNS TABLE (home_score integer, away_score integer, last_event_type varchar) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT g.home_score, g.away_score, g.last_event_type FROM game_states g WHERE g.game_id = p_game_id AND g.state_time <= p_time ORDER BY g.state_time DESC LIMIT 1;
END;
$$;

CREATE FUNCTION public.dims_get_metric_trend(p_category varchar, p_name varchar, p_days integer DEFAULT 30) RETURNS TABLE (recorded_at timestamp, value text, numeric_value numeric) LANGUAGE sql AS $$
    SELECT h.recorded_at, h.value, h.numeric_value FROM dims_metrics_history h
    WHERE h.metric_category = p_category AND h.metric_name = p_name AND h.recorded_at >= now() - make_interval(days => p_days)
    ORDER BY h.recorded_at;
$$;

CREATE FUNCTION public.dims_metric_stats(p_category varchar, p_name varchar) RETURNS TABLE (samples bigint, minimum numeric, maximum numeric, average numeric) LANGUAGE sql AS $$
    SELECT count(*), min(h.numeric_value), max(h.numeric_value), avg(h.numeric_value) FROM dims_metrics_history h
    WHERE h.metric_category = p_category AND h.metric_name = p_name;
$$;

CREATE FUNCTION public.dims_cleanup_old_history(p_days integer DEFAULT 365) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE removed integer;
BEGIN
    DELETE FROM dims_metrics_history WHERE recorded_at < now() - make_interval(days => p_days);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END;
$$;

CREATE FUNCTION public.dims_cleanup_old_snapshots(p_days integer DEFAULT 90) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE removed integer;
BEGIN
    DELETE FROM dims_metrics_snapshots WHERE snapshot_date < current_date - p_days;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END;
$$;

CREATE VIEW public.dims_metrics_latest AS
    SELECT DISTINCT ON (metric_category, metric_name) metric_category, metric_name, value, value_type, numeric_value, recorded_at
    FROM dims_metrics_history ORDER BY metric_category, metric_name, recorded_at DESC;

CREATE VIEW public.dims_pending_approvals AS
    SELECT * FROM dims_approval_log WHERE status = 'pending';

CREATE VIEW public.dims_recent_drift AS
    SELECT id, run_timestamp, total_metrics, metrics_verified, discrepancies FROM dims_verification_runs
    WHERE drift_detected AND run_timestamp >= now() - interval '30 days';

CREATE VIEW public.latest_snapshots AS
    SELECT DISTINCT ON (game_id, data_source) * FROM game_state_snapshots ORDER BY game_id, data_source, event_num DESC;

-- Grade D is missing and the division is by the plain count, as in the committed definition (dossier 2.7).
CREATE VIEW public.verification_summary AS
    SELECT data_source, count(*) AS games,
        count(*) FILTER (WHERE quality_grade = 'A') AS grade_a, count(*) FILTER (WHERE quality_grade = 'B') AS grade_b,
        count(*) FILTER (WHERE quality_grade = 'C') AS grade_c, count(*) FILTER (WHERE quality_grade = 'F') AS grade_f,
        100.0 * count(*) FILTER (WHERE final_score_match) / count(*) AS match_pct
    FROM box_score_verification GROUP BY data_source;

-- As many rows as hoopr_play_by_play, as recorded (dossier 1.3).
CREATE VIEW public.unified_play_by_play AS
    SELECT 'hoopr'::text AS source, game_id::text AS game_id, sequence_number, period_number, clock_display_value AS clock, type_text AS event_type,
        text AS description, home_score, away_score, scoring_play = 1 AS scoring_play, game_date, season
    FROM hoopr_play_by_play;

CREATE VIEW public.unified_schedule AS
    SELECT 'espn'::text AS source, g.game_id::text AS game_id, g.game_date, g.season::text AS season, g.home_team_name AS home_team, g.away_team_name AS away_team,
        g.home_score, g.away_score
    FROM games g WHERE g.game_date < DATE '2001-10-01'
    UNION ALL
    SELECT 'hoopr'::text, h.game_id::text, h.game_date, h.season::text, h.home_display_name, h.away_display_name, h.home_score, h.away_score
    FROM hoopr_schedule h WHERE h.status_type_completed = 1;

CREATE VIEW public.data_source_coverage AS
    SELECT season, count(*) AS games, count(*) FILTER (WHERE home_score IS NOT NULL) AS with_score
    FROM games GROUP BY season;

-- The keys they read are not in the documents, so every column but the id is NULL (dossier 2.15).
CREATE MATERIALIZED VIEW raw_data.games_summary AS
    SELECT game_id, data ->> 'home_team' AS home_team, data ->> 'away_team' AS away_team, (data ->> 'home_score')::integer AS home_score,
        (data ->> 'away_score')::integer AS away_score
    FROM raw_data.nba_games;

CREATE MATERIALIZED VIEW raw_data.players_summary AS
    SELECT player_id, data ->> 'position' AS "position", data ->> 'team' AS team FROM raw_data.nba_players;
