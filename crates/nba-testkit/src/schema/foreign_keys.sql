-- Foreign keys, last, one after the other: each takes a lock on both tables.

ALTER TABLE public.dims_approval_log ADD CONSTRAINT dims_approval_log_verification_run_id_fkey FOREIGN KEY (verification_run_id) REFERENCES public.dims_verification_runs (id);

ALTER TABLE public.dims_event_log ADD CONSTRAINT dims_event_log_verification_run_id_fkey FOREIGN KEY (verification_run_id) REFERENCES public.dims_verification_runs (id);

ALTER TABLE public.game_states ADD CONSTRAINT game_states_game_id_fkey FOREIGN KEY (game_id) REFERENCES public.games (game_id) ON DELETE CASCADE;

ALTER TABLE public.games ADD CONSTRAINT games_home_team_id_fkey FOREIGN KEY (home_team_id) REFERENCES public.teams (team_id) ON DELETE CASCADE;

ALTER TABLE public.games ADD CONSTRAINT games_away_team_id_fkey FOREIGN KEY (away_team_id) REFERENCES public.teams (team_id) ON DELETE CASCADE;

ALTER TABLE public.play_by_play ADD CONSTRAINT play_by_play_game_id_fkey FOREIGN KEY (game_id) REFERENCES public.games (game_id);

ALTER TABLE public.player_game_stats ADD CONSTRAINT player_game_stats_game_id_fkey FOREIGN KEY (game_id) REFERENCES public.games (game_id) ON DELETE CASCADE;

ALTER TABLE public.player_game_stats ADD CONSTRAINT player_game_stats_player_id_fkey FOREIGN KEY (player_id) REFERENCES public.players (player_id) ON DELETE CASCADE;

ALTER TABLE public.player_game_stats ADD CONSTRAINT player_game_stats_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams (team_id) ON DELETE CASCADE;

ALTER TABLE public.player_snapshot_stats ADD CONSTRAINT player_snapshot_stats_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES public.game_state_snapshots (snapshot_id) ON DELETE CASCADE;

ALTER TABLE public.player_snapshots ADD CONSTRAINT player_snapshots_player_id_fkey FOREIGN KEY (player_id) REFERENCES public.players (player_id) ON DELETE CASCADE;

ALTER TABLE public.players ADD CONSTRAINT players_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams (team_id) ON DELETE SET NULL;

ALTER TABLE public.plays ADD CONSTRAINT plays_game_id_fkey FOREIGN KEY (game_id) REFERENCES public.games (game_id) ON DELETE CASCADE;

ALTER TABLE public.plays ADD CONSTRAINT plays_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams (team_id) ON DELETE SET NULL;

ALTER TABLE public.plays ADD CONSTRAINT plays_player_id_fkey FOREIGN KEY (player_id) REFERENCES public.players (player_id) ON DELETE SET NULL;

ALTER TABLE public.team_game_stats ADD CONSTRAINT team_game_stats_game_id_fkey FOREIGN KEY (game_id) REFERENCES public.games (game_id) ON DELETE CASCADE;

ALTER TABLE public.team_game_stats ADD CONSTRAINT team_game_stats_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams (team_id) ON DELETE CASCADE;

ALTER TABLE public.temporal_events ADD CONSTRAINT temporal_events_game_id_fkey FOREIGN KEY (game_id) REFERENCES public.games (game_id) ON DELETE CASCADE;

ALTER TABLE odds.odds_snapshots ADD CONSTRAINT odds_snapshots_event_id_fkey FOREIGN KEY (event_id) REFERENCES odds.events (event_id) ON DELETE CASCADE;

ALTER TABLE odds.odds_snapshots ADD CONSTRAINT odds_snapshots_bookmaker_id_fkey FOREIGN KEY (bookmaker_id) REFERENCES odds.bookmakers (bookmaker_id);

ALTER TABLE odds.odds_snapshots ADD CONSTRAINT odds_snapshots_market_type_id_fkey FOREIGN KEY (market_type_id) REFERENCES odds.market_types (market_type_id);

ALTER TABLE odds.scores ADD CONSTRAINT scores_event_id_fkey FOREIGN KEY (event_id) REFERENCES odds.events (event_id) ON DELETE CASCADE;
