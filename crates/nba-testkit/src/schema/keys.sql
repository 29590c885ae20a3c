-- Primary keys, unique keys and indexes, created after the load. Each statement names its table first; statements of different tables may
-- run at the same time. Tables that do not appear here have no key and no index in production either, apart from what keys.sql says.

ALTER TABLE public.box_score_players ADD CONSTRAINT box_score_players_pkey PRIMARY KEY (game_id, player_id);

ALTER TABLE public.box_score_snapshots ADD CONSTRAINT box_score_snapshots_pkey PRIMARY KEY (id);

ALTER TABLE public.box_score_snapshots ADD CONSTRAINT box_score_snapshots_game_id_event_num_data_source_key UNIQUE (game_id, event_num, data_source);

CREATE INDEX idx_box_score_snapshots_game_id ON public.box_score_snapshots (game_id);

CREATE INDEX idx_box_score_snapshots_data_source ON public.box_score_snapshots (data_source);

CREATE INDEX idx_box_score_snapshots_created_at ON public.box_score_snapshots (created_at);

ALTER TABLE public.box_score_teams ADD CONSTRAINT box_score_teams_pkey PRIMARY KEY (game_id);

ALTER TABLE public.box_score_verification ADD CONSTRAINT box_score_verification_pkey PRIMARY KEY (game_id, data_source);

CREATE INDEX idx_box_score_verification_grade ON public.box_score_verification (quality_grade);

CREATE INDEX idx_box_score_verification_source ON public.box_score_verification (data_source);

CREATE INDEX idx_box_score_verification_match ON public.box_score_verification (final_score_match);

ALTER TABLE public.dims_approval_log ADD CONSTRAINT dims_approval_log_pkey PRIMARY KEY (id);

CREATE INDEX idx_dims_approval_pending ON public.dims_approval_log (status) WHERE status = 'pending';

CREATE INDEX idx_dims_approval_metric ON public.dims_approval_log (metric_category, metric_name);

CREATE INDEX idx_dims_approval_requested ON public.dims_approval_log (requested_at DESC);

ALTER TABLE public.dims_config ADD CONSTRAINT dims_config_pkey PRIMARY KEY (key);

ALTER TABLE public.dims_event_log ADD CONSTRAINT dims_event_log_pkey PRIMARY KEY (id);

CREATE INDEX idx_dims_event_type ON public.dims_event_log (event_type);

CREATE INDEX idx_dims_event_processed ON public.dims_event_log (processed_at DESC);

ALTER TABLE public.dims_metrics_history ADD CONSTRAINT dims_metrics_history_pkey PRIMARY KEY (id);

CREATE INDEX idx_dims_history_metric ON public.dims_metrics_history (metric_category, metric_name);

CREATE INDEX idx_dims_history_recorded ON public.dims_metrics_history (recorded_at DESC);

CREATE INDEX idx_dims_history_metric_recorded ON public.dims_metrics_history (metric_category, metric_name, recorded_at DESC);

CREATE INDEX idx_dims_history_numeric ON public.dims_metrics_history (metric_category, metric_name, numeric_value) WHERE value_type IN ('integer', 'float');

ALTER TABLE public.dims_metrics_snapshots ADD CONSTRAINT dims_metrics_snapshots_pkey PRIMARY KEY (id);

ALTER TABLE public.dims_metrics_snapshots ADD CONSTRAINT dims_metrics_snapshots_snapshot_date_key UNIQUE (snapshot_date);

CREATE INDEX idx_dims_snapshots_date ON public.dims_metrics_snapshots (snapshot_date DESC);

CREATE INDEX idx_dims_snapshots_data ON public.dims_metrics_snapshots USING gin (metrics_data);

ALTER TABLE public.dims_verification_runs ADD CONSTRAINT dims_verification_runs_pkey PRIMARY KEY (id);

CREATE INDEX idx_dims_runs_timestamp ON public.dims_verification_runs (run_timestamp DESC);

CREATE INDEX idx_dims_runs_drift ON public.dims_verification_runs (drift_detected) WHERE drift_detected;

ALTER TABLE public.game_state_snapshots ADD CONSTRAINT game_state_snapshots_pkey PRIMARY KEY (snapshot_id);

ALTER TABLE public.game_state_snapshots ADD CONSTRAINT game_state_snapshots_game_id_event_num_data_source_key UNIQUE (game_id, event_num, data_source);

CREATE INDEX idx_game_state_snapshots_game ON public.game_state_snapshots (game_id);

CREATE INDEX idx_game_state_snapshots_quarter ON public.game_state_snapshots (quarter);

CREATE INDEX idx_game_state_snapshots_source ON public.game_state_snapshots (data_source);

CREATE INDEX idx_game_state_snapshots_created ON public.game_state_snapshots (created_at);

ALTER TABLE public.game_states ADD CONSTRAINT game_states_pkey PRIMARY KEY (state_id);

ALTER TABLE public.game_states ADD CONSTRAINT game_states_game_id_state_time_key UNIQUE (game_id, state_time);

CREATE INDEX idx_game_states_time ON public.game_states USING brin (state_time);

CREATE INDEX idx_game_states_game ON public.game_states (game_id);

ALTER TABLE public.games ADD CONSTRAINT games_pkey PRIMARY KEY (game_id);

CREATE INDEX idx_games_date ON public.games (game_date);

CREATE INDEX idx_games_season ON public.games (season);

CREATE INDEX idx_games_home_team ON public.games (home_team_id);

CREATE INDEX idx_games_away_team ON public.games (away_team_id);

CREATE INDEX idx_games_date_season ON public.games (game_date, season);

ALTER TABLE public.games_summary ADD CONSTRAINT games_summary_pkey PRIMARY KEY (game_id);

CREATE INDEX idx_hoopr_pbp_game_id ON public.hoopr_play_by_play (game_id);

CREATE INDEX idx_hoopr_pbp_game_date ON public.hoopr_play_by_play (game_date);

CREATE INDEX idx_hoopr_player_box_game_id ON public.hoopr_player_box (game_id);

CREATE INDEX idx_hoopr_schedule_game_id ON public.hoopr_schedule (game_id);

CREATE INDEX idx_hoopr_schedule_game_date ON public.hoopr_schedule (game_date);

CREATE INDEX idx_hoopr_team_box_game_id ON public.hoopr_team_box (game_id);

ALTER TABLE public.lineup_snapshots ADD CONSTRAINT lineup_snapshots_pkey PRIMARY KEY (id);

ALTER TABLE public.lineup_snapshots ADD CONSTRAINT lineup_snapshots_game_id_event_number_team_id_key UNIQUE (game_id, event_number, team_id);

ALTER TABLE public.nba_api_comprehensive ADD CONSTRAINT nba_api_comprehensive_pkey PRIMARY KEY (id);

ALTER TABLE public.nba_api_comprehensive ADD CONSTRAINT nba_api_comprehensive_data_type_season_entity_id_key UNIQUE (data_type, season, entity_id);

CREATE INDEX idx_nba_api_comprehensive_type ON public.nba_api_comprehensive (data_type);

CREATE INDEX idx_nba_api_comprehensive_season ON public.nba_api_comprehensive (season);

CREATE INDEX idx_nba_api_comprehensive_entity ON public.nba_api_comprehensive (entity_id);

CREATE INDEX idx_nba_api_comprehensive_game ON public.nba_api_comprehensive (game_id);

ALTER TABLE public.nba_api_game_advanced ADD CONSTRAINT nba_api_game_advanced_pkey PRIMARY KEY (id);

ALTER TABLE public.nba_api_game_advanced ADD CONSTRAINT nba_api_game_advanced_game_id_season_endpoint_key UNIQUE (game_id, season, endpoint);

CREATE INDEX idx_nba_api_game_advanced_game ON public.nba_api_game_advanced (game_id);

CREATE INDEX idx_nba_api_game_advanced_season ON public.nba_api_game_advanced (season);

CREATE INDEX idx_nba_api_game_advanced_date ON public.nba_api_game_advanced (game_date);

ALTER TABLE public.nba_api_player_dashboards ADD CONSTRAINT nba_api_player_dashboards_pkey PRIMARY KEY (id);

ALTER TABLE public.nba_api_player_dashboards ADD CONSTRAINT nba_api_player_dashboards_player_id_season_dashboard_type_key UNIQUE (player_id, season, dashboard_type);

CREATE INDEX idx_nba_api_player_dashboards_player ON public.nba_api_player_dashboards (player_id);

CREATE INDEX idx_nba_api_player_dashboards_season ON public.nba_api_player_dashboards (season);

CREATE INDEX idx_nba_api_player_dashboards_type ON public.nba_api_player_dashboards (dashboard_type);

ALTER TABLE public.nba_api_player_tracking ADD CONSTRAINT nba_api_player_tracking_pkey PRIMARY KEY (id);

ALTER TABLE public.nba_api_player_tracking ADD CONSTRAINT nba_api_player_tracking_player_id_season_endpoint_key UNIQUE (player_id, season, endpoint);

CREATE INDEX idx_nba_api_player_tracking_player ON public.nba_api_player_tracking (player_id);

CREATE INDEX idx_nba_api_player_tracking_season ON public.nba_api_player_tracking (season);

CREATE INDEX idx_nba_api_player_tracking_endpoint ON public.nba_api_player_tracking (endpoint);

ALTER TABLE public.nba_api_team_dashboards ADD CONSTRAINT nba_api_team_dashboards_pkey PRIMARY KEY (id);

ALTER TABLE public.nba_api_team_dashboards ADD CONSTRAINT nba_api_team_dashboards_team_id_season_dashboard_type_key UNIQUE (team_id, season, dashboard_type);

CREATE INDEX idx_nba_api_team_dashboards_team ON public.nba_api_team_dashboards (team_id);

CREATE INDEX idx_nba_api_team_dashboards_season ON public.nba_api_team_dashboards (season);

CREATE INDEX idx_nba_api_team_dashboards_type ON public.nba_api_team_dashboards (dashboard_type);

ALTER TABLE public.play_by_play ADD CONSTRAINT play_by_play_pkey PRIMARY KEY (play_id);

CREATE INDEX idx_play_by_play_game_id ON public.play_by_play (game_id);

CREATE INDEX idx_play_by_play_period ON public.play_by_play (period_number);

CREATE INDEX idx_play_by_play_scoring ON public.play_by_play (scoring_play);

ALTER TABLE public.player_biographical ADD CONSTRAINT player_biographical_pkey PRIMARY KEY (player_id);

CREATE INDEX idx_player_biographical_birth ON public.player_biographical (birth_date) WHERE birth_date IS NOT NULL;

ALTER TABLE public.player_game_stats ADD CONSTRAINT player_game_stats_pkey PRIMARY KEY (stat_id);

ALTER TABLE public.player_game_stats ADD CONSTRAINT player_game_stats_game_id_player_id_key UNIQUE (game_id, player_id);

CREATE INDEX idx_player_game_stats_game ON public.player_game_stats (game_id);

CREATE INDEX idx_player_game_stats_player ON public.player_game_stats (player_id);

CREATE INDEX idx_player_game_stats_team ON public.player_game_stats (team_id);

CREATE INDEX idx_player_game_stats_points ON public.player_game_stats (points);

CREATE INDEX idx_player_game_stats_game_team ON public.player_game_stats (game_id, team_id);

ALTER TABLE public.player_plus_minus_snapshots ADD CONSTRAINT player_plus_minus_snapshots_pkey PRIMARY KEY (id);

ALTER TABLE public.player_plus_minus_snapshots ADD CONSTRAINT player_plus_minus_snapshots_game_id_event_number_player_id_key UNIQUE (game_id, event_number, player_id);

ALTER TABLE public.player_snapshot_stats ADD CONSTRAINT player_snapshot_stats_pkey PRIMARY KEY (snapshot_id, player_id);

CREATE INDEX idx_player_snapshot_stats_snapshot ON public.player_snapshot_stats (snapshot_id);

CREATE INDEX idx_player_snapshot_stats_player ON public.player_snapshot_stats (player_id);

CREATE INDEX idx_player_snapshot_stats_team ON public.player_snapshot_stats (team_id);

CREATE INDEX idx_player_snapshot_stats_on_court ON public.player_snapshot_stats (on_court);

ALTER TABLE public.player_snapshots ADD CONSTRAINT player_snapshots_pkey PRIMARY KEY (snapshot_id);

ALTER TABLE public.player_snapshots ADD CONSTRAINT player_snapshots_player_id_snapshot_time_key UNIQUE (player_id, snapshot_time);

CREATE INDEX idx_player_snapshots_time ON public.player_snapshots USING brin (snapshot_time);

CREATE INDEX idx_player_snapshots_player ON public.player_snapshots (player_id);

CREATE INDEX idx_player_snapshots_player_time ON public.player_snapshots (player_id, snapshot_time);

ALTER TABLE public.players ADD CONSTRAINT players_pkey PRIMARY KEY (player_id);

CREATE INDEX idx_players_team ON public.players (team_id);

CREATE INDEX idx_players_position ON public.players ("position");

CREATE INDEX idx_players_name ON public.players (player_name);

ALTER TABLE public.plays ADD CONSTRAINT plays_pkey PRIMARY KEY (play_id);

CREATE INDEX idx_plays_game ON public.plays (game_id);

CREATE INDEX idx_plays_period ON public.plays (period);

CREATE INDEX idx_plays_team ON public.plays (team_id);

CREATE INDEX idx_plays_player ON public.plays (player_id);

CREATE INDEX idx_plays_type ON public.plays (play_type);

CREATE INDEX idx_plays_game_period ON public.plays (game_id, period);

CREATE INDEX idx_plays_scoring ON public.plays (scoring_play) WHERE scoring_play;

ALTER TABLE public.possession_metadata ADD CONSTRAINT possession_metadata_pkey PRIMARY KEY (id);

ALTER TABLE public.possession_panel ADD CONSTRAINT possession_panel_pkey PRIMARY KEY (possession_id);

ALTER TABLE public.possession_panel ADD CONSTRAINT possession_panel_game_id_possession_number_key UNIQUE (game_id, possession_number);

CREATE INDEX idx_possession_panel_game ON public.possession_panel (game_id);

CREATE INDEX idx_possession_panel_date ON public.possession_panel (game_date);

CREATE INDEX idx_possession_panel_season ON public.possession_panel (season);

CREATE INDEX idx_possession_panel_offense ON public.possession_panel (offensive_team_id);

CREATE INDEX idx_possession_panel_defense ON public.possession_panel (defensive_team_id);

CREATE INDEX idx_possession_panel_clutch ON public.possession_panel (game_id) WHERE is_clutch;

CREATE INDEX idx_possession_panel_close ON public.possession_panel (game_id) WHERE is_close_game;

CREATE INDEX idx_possession_panel_off_lineup ON public.possession_panel (off_lineup_hash) WHERE off_lineup_hash IS NOT NULL;

CREATE INDEX idx_possession_panel_def_lineup ON public.possession_panel (def_lineup_hash) WHERE def_lineup_hash IS NOT NULL;

CREATE INDEX idx_possession_panel_shots ON public.possession_panel (shot_type) WHERE shot_attempted;

ALTER TABLE public.possession_panel_pbpstats ADD CONSTRAINT possession_panel_pbpstats_pkey PRIMARY KEY (id);

ALTER TABLE public.possession_panel_pbpstats ADD CONSTRAINT possession_panel_pbpstats_game_id_possession_number_key UNIQUE (game_id, possession_number);

ALTER TABLE public.quarter_box_scores ADD CONSTRAINT quarter_box_scores_pkey PRIMARY KEY (game_id, quarter, player_id, data_source);

CREATE INDEX idx_quarter_box_scores_game ON public.quarter_box_scores (game_id);

CREATE INDEX idx_quarter_box_scores_quarter ON public.quarter_box_scores (quarter);

CREATE INDEX idx_quarter_box_scores_player ON public.quarter_box_scores (player_id);

ALTER TABLE public.team_game_stats ADD CONSTRAINT team_game_stats_pkey PRIMARY KEY (stat_id);

ALTER TABLE public.team_game_stats ADD CONSTRAINT team_game_stats_game_id_team_id_key UNIQUE (game_id, team_id);

CREATE INDEX idx_team_game_stats_game ON public.team_game_stats (game_id);

CREATE INDEX idx_team_game_stats_team ON public.team_game_stats (team_id);

ALTER TABLE public.team_seasons ADD CONSTRAINT team_seasons_pkey PRIMARY KEY (team_id, season);

ALTER TABLE public.teams ADD CONSTRAINT teams_pkey PRIMARY KEY (team_id);

CREATE INDEX idx_teams_name ON public.teams (team_name);

CREATE INDEX idx_teams_abbreviation ON public.teams (team_abbreviation);

CREATE INDEX idx_teams_conference ON public.teams (conference);

ALTER TABLE public.temporal_events ADD CONSTRAINT temporal_events_pkey PRIMARY KEY (event_id);

CREATE INDEX idx_temporal_events_time ON public.temporal_events USING brin (wall_clock_utc) WITH (pages_per_range = 128);

CREATE INDEX idx_temporal_events_game ON public.temporal_events (game_id);

CREATE INDEX idx_temporal_events_player ON public.temporal_events (player_id) WHERE player_id IS NOT NULL;

CREATE INDEX idx_temporal_events_type ON public.temporal_events (event_type);

CREATE INDEX idx_temporal_events_data ON public.temporal_events USING gin (event_data);

ALTER TABLE odds.bookmakers ADD CONSTRAINT bookmakers_pkey PRIMARY KEY (bookmaker_id);

ALTER TABLE odds.bookmakers ADD CONSTRAINT bookmakers_bookmaker_key_key UNIQUE (bookmaker_key);

ALTER TABLE odds.events ADD CONSTRAINT events_pkey PRIMARY KEY (event_id);

CREATE INDEX idx_odds_events_commence ON odds.events (commence_time);

CREATE INDEX idx_odds_events_home ON odds.events (home_team);

CREATE INDEX idx_odds_events_away ON odds.events (away_team);

ALTER TABLE odds.market_types ADD CONSTRAINT market_types_pkey PRIMARY KEY (market_type_id);

ALTER TABLE odds.market_types ADD CONSTRAINT market_types_market_key_key UNIQUE (market_key);

ALTER TABLE odds.odds_snapshots ADD CONSTRAINT odds_snapshots_pkey PRIMARY KEY (snapshot_id);

CREATE INDEX idx_odds_snapshots_event ON odds.odds_snapshots (event_id);

CREATE INDEX idx_odds_snapshots_latest ON odds.odds_snapshots (is_latest) WHERE is_latest;

ALTER TABLE odds.scores ADD CONSTRAINT scores_pkey PRIMARY KEY (score_id);

CREATE INDEX idx_odds_scores_event ON odds.scores (event_id);

ALTER TABLE rag.nba_embeddings ADD CONSTRAINT nba_embeddings_pkey PRIMARY KEY (id);

ALTER TABLE rag.play_embeddings ADD CONSTRAINT play_embeddings_pkey PRIMARY KEY (id);

ALTER TABLE rag.document_embeddings ADD CONSTRAINT document_embeddings_pkey PRIMARY KEY (id);

ALTER TABLE rag.embedding_generation_log ADD CONSTRAINT embedding_generation_log_pkey PRIMARY KEY (id);

ALTER TABLE raw_data.nba_games ADD CONSTRAINT nba_games_pkey PRIMARY KEY (id);

ALTER TABLE raw_data.nba_games ADD CONSTRAINT nba_games_game_id_key UNIQUE (game_id);

CREATE INDEX idx_raw_nba_games_source ON raw_data.nba_games (source);

CREATE INDEX idx_raw_nba_games_season ON raw_data.nba_games (season);

CREATE INDEX idx_raw_nba_games_date ON raw_data.nba_games (game_date);

CREATE INDEX idx_raw_nba_games_data ON raw_data.nba_games USING gin (data);

CREATE INDEX idx_raw_nba_games_metadata ON raw_data.nba_games USING gin (metadata);

CREATE INDEX idx_raw_nba_games_home ON raw_data.nba_games ((data ->> 'home_team'));

CREATE INDEX idx_raw_nba_games_away ON raw_data.nba_games ((data ->> 'away_team'));

ALTER TABLE raw_data.nba_players ADD CONSTRAINT nba_players_pkey PRIMARY KEY (id);

ALTER TABLE raw_data.nba_players ADD CONSTRAINT nba_players_player_id_source_season_key UNIQUE (player_id, source, season);

CREATE INDEX idx_raw_nba_players_player ON raw_data.nba_players (player_id);

CREATE INDEX idx_raw_nba_players_season ON raw_data.nba_players (season);

CREATE INDEX idx_raw_nba_players_metadata ON raw_data.nba_players USING gin (metadata);

CREATE INDEX idx_raw_nba_players_source ON raw_data.nba_players (source);

CREATE INDEX idx_raw_nba_players_data ON raw_data.nba_players USING gin (data);

ALTER TABLE raw_data.nba_teams ADD CONSTRAINT nba_teams_pkey PRIMARY KEY (id);

ALTER TABLE raw_data.nba_teams ADD CONSTRAINT nba_teams_team_id_source_season_key UNIQUE (team_id, source, season);

CREATE INDEX idx_raw_nba_teams_team ON raw_data.nba_teams (team_id);

CREATE INDEX idx_raw_nba_teams_season ON raw_data.nba_teams (season);

CREATE INDEX idx_raw_nba_teams_metadata ON raw_data.nba_teams USING gin (metadata);

CREATE INDEX idx_raw_nba_teams_source ON raw_data.nba_teams (source);

CREATE INDEX idx_raw_nba_teams_data ON raw_data.nba_teams USING gin (data);

ALTER TABLE raw_data.nba_misc ADD CONSTRAINT nba_misc_pkey PRIMARY KEY (id);

CREATE INDEX idx_raw_nba_misc_source ON raw_data.nba_misc (source);

CREATE INDEX idx_raw_nba_misc_entity ON raw_data.nba_misc (entity_type);

CREATE INDEX idx_raw_nba_misc_season ON raw_data.nba_misc (season);

CREATE INDEX idx_raw_nba_misc_data ON raw_data.nba_misc USING gin (data);

ALTER TABLE raw_data.schema_version ADD CONSTRAINT schema_version_pkey PRIMARY KEY (version);
