-- The 54 base tables without keys and indexes (those are in keys.sql, so that a load runs first).
-- Statements end with a semicolon followed by an empty line. "shape" says how sure the columns are:
-- ddl (committed DDL), loader (column list of the loader), partial (documented in outline), assumed (name only is documented).

-- shape: loader; dossier 2.5
CREATE TABLE public.box_score_players (
    game_id varchar(50) NOT NULL,
    player_id varchar(50) NOT NULL,
    team_id varchar(50),
    team_abbrev varchar(10),
    is_starter boolean,
    minutes integer,
    field_goals varchar(10) DEFAULT '0-0',
    three_pointers varchar(10) DEFAULT '0-0',
    free_throws varchar(10) DEFAULT '0-0',
    offensive_rebounds integer,
    defensive_rebounds integer,
    total_rebounds integer,
    assists integer,
    steals integer,
    blocks integer,
    turnovers integer,
    fouls integer,
    plus_minus integer,
    points integer,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: ddl (the storage-system variant, which has the generated column); dossier 2.7
CREATE TABLE public.box_score_snapshots (
    id serial NOT NULL,
    game_id varchar(50) NOT NULL,
    event_num integer NOT NULL,
    data_source varchar(20) NOT NULL,
    quarter integer NOT NULL,
    time_remaining varchar(10),
    game_clock_seconds integer NOT NULL,
    home_score integer DEFAULT 0,
    away_score integer DEFAULT 0,
    score_differential integer GENERATED ALWAYS AS (home_score - away_score) STORED,
    snapshot_data jsonb NOT NULL,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: loader; one row per game; dossier 2.6
CREATE TABLE public.box_score_teams (
    game_id varchar(50) NOT NULL,
    game_date timestamp,
    home_team_id varchar(50),
    home_team_abbrev varchar(10),
    home_team_score integer,
    away_team_id varchar(50),
    away_team_abbrev varchar(10),
    away_team_score integer,
    home_team_field_goals varchar(10),
    home_team_field_goals_pct numeric(5,2),
    home_team_three_pointers varchar(10),
    home_team_three_pointers_pct numeric(5,2),
    home_team_free_throws varchar(10),
    home_team_free_throws_pct numeric(5,2),
    home_team_offensive_rebounds integer,
    home_team_defensive_rebounds integer,
    home_team_total_rebounds integer,
    home_team_assists integer,
    home_team_steals integer,
    home_team_blocks integer,
    home_team_turnovers integer,
    home_team_fouls integer,
    away_team_field_goals varchar(10),
    away_team_field_goals_pct numeric(5,2),
    away_team_three_pointers varchar(10),
    away_team_three_pointers_pct numeric(5,2),
    away_team_free_throws varchar(10),
    away_team_free_throws_pct numeric(5,2),
    away_team_offensive_rebounds integer,
    away_team_defensive_rebounds integer,
    away_team_total_rebounds integer,
    away_team_assists integer,
    away_team_steals integer,
    away_team_blocks integer,
    away_team_turnovers integer,
    away_team_fouls integer,
    attendance integer,
    game_state varchar(50),
    referee1_name varchar(100),
    referee1_position varchar(50),
    referee2_name varchar(100),
    referee2_position varchar(50),
    referee3_name varchar(100),
    referee3_position varchar(50),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: ddl; dossier 2.7
CREATE TABLE public.box_score_verification (
    game_id varchar(50) NOT NULL,
    data_source varchar(50) NOT NULL,
    final_score_match boolean,
    home_score_generated integer,
    home_score_actual integer,
    away_score_generated integer,
    away_score_actual integer,
    total_discrepancies integer DEFAULT 0,
    discrepancy_details jsonb,
    mae_points numeric(5,2),
    mae_rebounds numeric(5,2),
    mae_assists numeric(5,2),
    mae_steals numeric(5,2),
    mae_blocks numeric(5,2),
    mae_turnovers numeric(5,2),
    quality_grade char(1) CHECK (quality_grade IN ('A', 'B', 'C', 'D', 'F')),
    notes text,
    verified_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.8
CREATE TABLE public.dims_approval_log (
    id serial NOT NULL,
    metric_category varchar(100) NOT NULL,
    metric_name varchar(100) NOT NULL,
    old_value text,
    new_value text,
    drift_pct numeric(10,2),
    status varchar(20) NOT NULL DEFAULT 'pending',
    severity varchar(20),
    requested_by varchar(100),
    requested_at timestamp DEFAULT now(),
    reviewed_by varchar(100),
    reviewed_at timestamp,
    review_notes text,
    auto_applied boolean DEFAULT false,
    verification_run_id integer,
    metadata jsonb,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.8
CREATE TABLE public.dims_config (
    key varchar(100) NOT NULL,
    value text,
    value_type varchar(20),
    description text,
    updated_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.8
CREATE TABLE public.dims_event_log (
    id serial NOT NULL,
    event_type varchar(50) NOT NULL,
    event_source varchar(200),
    metrics_triggered text[],
    verification_run_id integer,
    event_data jsonb,
    processed_at timestamp DEFAULT now(),
    execution_time_ms integer,
    success boolean DEFAULT true,
    error_message text,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.8
CREATE TABLE public.dims_metrics_history (
    id serial NOT NULL,
    metric_category varchar(100) NOT NULL,
    metric_name varchar(100) NOT NULL,
    value text NOT NULL,
    value_type varchar(20) NOT NULL,
    numeric_value numeric,
    recorded_at timestamp NOT NULL DEFAULT now(),
    verification_method varchar(50),
    verified_by varchar(100),
    cached boolean DEFAULT false,
    cache_expires timestamp,
    metadata jsonb,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.8
CREATE TABLE public.dims_metrics_snapshots (
    id serial NOT NULL,
    snapshot_date date NOT NULL,
    metrics_data jsonb NOT NULL,
    total_metrics integer,
    metadata jsonb,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.8
CREATE TABLE public.dims_verification_runs (
    id serial NOT NULL,
    run_timestamp timestamp NOT NULL DEFAULT now(),
    total_metrics integer NOT NULL,
    metrics_verified integer NOT NULL,
    drift_detected boolean NOT NULL DEFAULT false,
    auto_updated boolean DEFAULT false,
    discrepancies jsonb,
    summary jsonb,
    execution_time_ms integer,
    triggered_by varchar(100),
    metadata jsonb,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; game_clock_seconds is time elapsed here; dossier 2.7
CREATE TABLE public.game_state_snapshots (
    snapshot_id bigserial NOT NULL,
    game_id varchar(50) NOT NULL,
    event_num integer NOT NULL,
    quarter integer NOT NULL,
    time_remaining varchar(10),
    game_clock_seconds integer NOT NULL,
    home_score integer DEFAULT 0,
    away_score integer DEFAULT 0,
    data_source varchar(50) NOT NULL,
    verification_passed boolean,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.11
CREATE TABLE public.game_states (
    state_id bigserial NOT NULL,
    game_id varchar(20) NOT NULL,
    state_time timestamp(3) NOT NULL,
    current_score_home integer DEFAULT 0,
    current_score_away integer DEFAULT 0,
    score_differential integer,
    quarter integer NOT NULL CHECK (quarter > 0),
    game_clock_seconds integer CHECK (game_clock_seconds IS NULL OR game_clock_seconds BETWEEN 0 AND 720),
    game_status varchar(20) CHECK (game_status IN ('in_progress', 'halftime', 'final', 'scheduled', 'postponed')),
    possession_team_id integer,
    possession_arrow varchar(10),
    home_lineup integer[] CHECK (array_length(home_lineup, 1) <= 5),
    away_lineup integer[] CHECK (array_length(away_lineup, 1) <= 5),
    last_scoring_play_time timestamp(3),
    scoring_run_home integer DEFAULT 0,
    scoring_run_away integer DEFAULT 0,
    timeouts_remaining_home integer,
    timeouts_remaining_away integer,
    created_at timestamp(3) DEFAULT now(),
    updated_at timestamp(3) DEFAULT now()
);

-- shape: ddl (12 columns of the base file and the 46 added later); dossier 2.1
CREATE TABLE public.games (
    game_id varchar(50) NOT NULL,
    game_date date NOT NULL,
    season varchar(20),
    home_team_id varchar(50) NOT NULL,
    away_team_id varchar(50) NOT NULL,
    home_score integer,
    away_score integer,
    venue varchar(200),
    attendance integer,
    game_status varchar(50),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP,
    game_time timestamp,
    home_team_abbrev varchar(10),
    home_team_name varchar(100),
    home_team_short_name varchar(100),
    home_team_location varchar(100),
    home_team_logo text,
    home_team_color varchar(10),
    home_team_alt_color varchar(10),
    home_team_uid varchar(50),
    home_team_record_summary varchar(50),
    home_team_standing_summary varchar(100),
    home_team_is_winner boolean,
    home_team_leader_name varchar(100),
    home_team_leader_stat varchar(50),
    away_team_abbrev varchar(10),
    away_team_name varchar(100),
    away_team_short_name varchar(100),
    away_team_location varchar(100),
    away_team_logo text,
    away_team_color varchar(10),
    away_team_alt_color varchar(10),
    away_team_uid varchar(50),
    away_team_record_summary varchar(50),
    away_team_standing_summary varchar(100),
    away_team_is_winner boolean,
    away_team_leader_name varchar(100),
    away_team_leader_stat varchar(50),
    venue_id varchar(50),
    venue_city varchar(100),
    venue_state varchar(50),
    venue_country varchar(50),
    venue_indoor boolean,
    status_id varchar(50),
    status_state varchar(50),
    status_detail varchar(100),
    broadcast_name varchar(100),
    broadcast_market varchar(50),
    broadcast_type varchar(50),
    broadcast_count integer,
    completed boolean,
    is_tie boolean,
    periods integer DEFAULT 4,
    time_valid boolean DEFAULT true,
    has_tickets boolean,
    game_link text,
    header_postfix varchar(100)
);

-- shape: ddl; dossier 2.7
CREATE TABLE public.games_summary (
    game_id varchar(50) NOT NULL,
    home_team varchar(100),
    away_team varchar(100),
    game_date date,
    season varchar(10),
    final_home_score integer,
    final_away_score integer,
    total_events integer,
    data_sources text[],
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- The four hoopR tables are the RDS generation: every parquet column, no key, nothing NOT NULL. Types follow the loader's rule from the
-- types pandas leaves behind: whole numbers without gaps are INTEGER, with gaps DOUBLE PRECISION, truth values INTEGER 0/1, the rest TEXT.
-- `id` does not fit an INTEGER and is numeric in the source, hence DOUBLE PRECISION.
-- shape: partial; 62 names documented for 63 columns, the last is from hoopR's own column list; dossier 2.4
CREATE TABLE public.hoopr_play_by_play (
    game_play_number integer,
    id double precision,
    sequence_number text,
    type_id integer,
    type_text text,
    text text,
    away_score integer,
    home_score integer,
    period_number integer,
    period_display_value text,
    clock_display_value text,
    scoring_play integer,
    score_value integer,
    team_id double precision,
    athlete_id_1 double precision,
    athlete_id_2 double precision,
    athlete_id_3 double precision,
    wallclock text,
    shooting_play integer,
    coordinate_x_raw double precision,
    coordinate_y_raw double precision,
    game_id integer,
    season integer,
    season_type integer,
    home_team_id integer,
    home_team_name text,
    home_team_mascot text,
    home_team_abbrev text,
    home_team_name_alt text,
    away_team_id integer,
    away_team_name text,
    away_team_mascot text,
    away_team_abbrev text,
    away_team_name_alt text,
    game_spread double precision,
    home_favorite integer,
    game_spread_available integer,
    home_team_spread double precision,
    qtr integer,
    "time" text,
    clock_minutes integer,
    clock_seconds double precision,
    home_timeout_called integer,
    away_timeout_called integer,
    half text,
    game_half text,
    lead_qtr double precision,
    lead_half text,
    start_quarter_seconds_remaining integer,
    start_half_seconds_remaining integer,
    start_game_seconds_remaining integer,
    end_quarter_seconds_remaining double precision,
    end_half_seconds_remaining double precision,
    end_game_seconds_remaining double precision,
    period integer,
    lag_qtr double precision,
    lag_half text,
    coordinate_x double precision,
    coordinate_y double precision,
    game_date date,
    game_date_time timestamp,
    type_abbreviation text,
    lead_game_half text
);

-- shape: partial; 57 names documented for 56 columns, the one left out here (active) is a guess; dossier 2.4
CREATE TABLE public.hoopr_player_box (
    game_id integer,
    season integer,
    season_type integer,
    game_date date,
    game_date_time timestamp,
    athlete_id double precision,
    athlete_display_name text,
    team_id integer,
    team_name text,
    team_location text,
    team_short_display_name text,
    minutes text,
    field_goals_made double precision,
    field_goals_attempted double precision,
    three_point_field_goals_made double precision,
    three_point_field_goals_attempted double precision,
    free_throws_made double precision,
    free_throws_attempted double precision,
    offensive_rebounds double precision,
    defensive_rebounds double precision,
    rebounds double precision,
    assists double precision,
    steals double precision,
    blocks double precision,
    turnovers double precision,
    fouls double precision,
    plus_minus text,
    points double precision,
    starter integer,
    ejected integer,
    did_not_play integer,
    reason text,
    athlete_jersey text,
    athlete_short_name text,
    athlete_headshot_href text,
    athlete_position_name text,
    athlete_position_abbreviation text,
    team_display_name text,
    team_uid text,
    team_slug text,
    team_logo text,
    team_abbreviation text,
    team_color text,
    team_alternate_color text,
    home_away text,
    team_winner integer,
    team_score integer,
    opponent_team_id integer,
    opponent_team_name text,
    opponent_team_location text,
    opponent_team_display_name text,
    opponent_team_abbreviation text,
    opponent_team_logo text,
    opponent_team_color text,
    opponent_team_alternate_color text,
    opponent_team_score integer
);

-- shape: partial; dossier 2.4
CREATE TABLE public.hoopr_schedule (
    id integer,
    uid text,
    date text,
    attendance double precision,
    time_valid integer,
    neutral_site integer,
    conference_competition integer,
    play_by_play_available integer,
    recent integer,
    start_date text,
    broadcast text,
    highlights text,
    notes_type text,
    notes_headline text,
    broadcast_market text,
    broadcast_name text,
    type_id integer,
    type_abbreviation text,
    venue_id double precision,
    venue_full_name text,
    venue_address_city text,
    venue_address_state text,
    venue_indoor integer,
    status_clock double precision,
    status_display_clock text,
    status_period integer,
    status_type_id integer,
    status_type_name text,
    status_type_state text,
    status_type_completed integer,
    status_type_description text,
    status_type_detail text,
    status_type_short_detail text,
    status_type_alt_detail text,
    format_regulation_periods integer,
    home_id integer,
    home_uid text,
    home_location text,
    home_name text,
    home_abbreviation text,
    home_display_name text,
    home_short_display_name text,
    home_color text,
    home_alternate_color text,
    home_is_active integer,
    home_venue_id double precision,
    home_logo text,
    home_score integer,
    home_winner integer,
    home_linescores text,
    home_records text,
    away_id integer,
    away_uid text,
    away_location text,
    away_name text,
    away_abbreviation text,
    away_display_name text,
    away_short_display_name text,
    away_color text,
    away_alternate_color text,
    away_is_active integer,
    away_venue_id double precision,
    away_logo text,
    away_score integer,
    away_winner integer,
    away_linescores text,
    away_records text,
    game_id integer,
    season integer,
    season_type integer,
    game_json integer,
    game_json_url text,
    game_date_time timestamp,
    game_date date,
    pbp integer,
    team_box integer,
    player_box integer
);

-- shape: partial; 57 names documented for 56 columns, the one left out here (opponent_team_uid) is a guess; dossier 2.4
CREATE TABLE public.hoopr_team_box (
    game_id integer,
    season integer,
    season_type integer,
    game_date date,
    game_date_time timestamp,
    team_id integer,
    team_uid text,
    team_slug text,
    team_location text,
    team_name text,
    team_abbreviation text,
    team_display_name text,
    team_short_display_name text,
    team_color text,
    team_alternate_color text,
    team_logo text,
    team_home_away text,
    team_score integer,
    team_winner integer,
    assists integer,
    blocks integer,
    defensive_rebounds integer,
    fast_break_points text,
    field_goal_pct double precision,
    field_goals_made integer,
    field_goals_attempted integer,
    flagrant_fouls integer,
    fouls integer,
    free_throw_pct double precision,
    free_throws_made integer,
    free_throws_attempted integer,
    largest_lead text,
    offensive_rebounds integer,
    points_in_paint text,
    steals integer,
    team_turnovers integer,
    technical_fouls integer,
    three_point_field_goal_pct double precision,
    three_point_field_goals_made integer,
    three_point_field_goals_attempted integer,
    total_rebounds integer,
    total_technical_fouls integer,
    total_turnovers integer,
    turnover_points text,
    turnovers integer,
    opponent_team_id integer,
    opponent_team_slug text,
    opponent_team_location text,
    opponent_team_name text,
    opponent_team_abbreviation text,
    opponent_team_display_name text,
    opponent_team_short_display_name text,
    opponent_team_color text,
    opponent_team_alternate_color text,
    opponent_team_logo text,
    opponent_team_score integer
);

-- shape: partial; dossier 2.13
CREATE TABLE public.lineup_snapshots (
    id bigserial NOT NULL,
    game_id text NOT NULL,
    event_number integer NOT NULL,
    period integer NOT NULL,
    time_elapsed_seconds integer NOT NULL,
    possession_number integer,
    "timestamp" text,
    team_id text NOT NULL,
    opponent_team_id text,
    home_team boolean,
    player1_id text NOT NULL,
    player2_id text NOT NULL,
    player3_id text NOT NULL,
    player4_id text NOT NULL,
    player5_id text NOT NULL,
    lineup_hash text NOT NULL,
    team_score integer,
    opponent_score integer,
    plus_minus integer,
    offensive_possession boolean,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.17
CREATE TABLE public.nba_api_comprehensive (
    id serial NOT NULL,
    data_type varchar(100),
    season varchar(10),
    entity_id varchar(50),
    data jsonb,
    scraped_at timestamp,
    loaded_at timestamp DEFAULT now(),
    file_path text,
    event_timestamp timestamp,
    game_id varchar(50),
    features_generated boolean DEFAULT false,
    feature_version varchar(20)
);

-- shape: ddl; dossier 2.17
CREATE TABLE public.nba_api_game_advanced (
    id serial NOT NULL,
    game_id varchar(50),
    season varchar(10),
    endpoint varchar(50),
    data jsonb,
    scraped_at timestamp,
    loaded_at timestamp DEFAULT now(),
    game_date timestamp,
    game_datetime timestamp,
    features_generated boolean DEFAULT false,
    feature_version varchar(20)
);

-- shape: ddl; dossier 2.17
CREATE TABLE public.nba_api_player_dashboards (
    id serial NOT NULL,
    player_id varchar(50),
    season varchar(10),
    dashboard_type varchar(50),
    data jsonb,
    scraped_at timestamp,
    loaded_at timestamp DEFAULT now(),
    game_id varchar(50),
    event_timestamp timestamp,
    features_generated boolean DEFAULT false,
    feature_version varchar(20)
);

-- shape: ddl; dossier 2.17
CREATE TABLE public.nba_api_player_tracking (
    id serial NOT NULL,
    player_id varchar(50),
    season varchar(10),
    endpoint varchar(50),
    data jsonb,
    scraped_at timestamp,
    loaded_at timestamp DEFAULT now(),
    game_id varchar(50),
    event_timestamp timestamp,
    features_generated boolean DEFAULT false,
    feature_version varchar(20)
);

-- shape: ddl; dossier 2.17
CREATE TABLE public.nba_api_team_dashboards (
    id serial NOT NULL,
    team_id varchar(50),
    season varchar(10),
    dashboard_type varchar(50),
    data jsonb,
    scraped_at timestamp,
    loaded_at timestamp DEFAULT now(),
    game_id varchar(50),
    event_timestamp timestamp,
    features_generated boolean DEFAULT false,
    feature_version varchar(20)
);

-- Twelve columns as the loader writes them. Documents speak of a thirteenth without naming it; an invented column would teach our tools
-- a name that production may not have, so there is none here (contradiction 24).
-- shape: loader; dossier 2.3
CREATE TABLE public.play_by_play (
    play_id varchar(20) NOT NULL,
    game_id varchar(20),
    period_number integer,
    period_display varchar(50),
    clock_display varchar(10),
    play_text text,
    home_away varchar(10),
    scoring_play boolean,
    away_score integer,
    home_score integer,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: ddl; dossier 2.12
CREATE TABLE public.player_biographical (
    player_id varchar(20) NOT NULL,
    birth_date date,
    birth_date_precision varchar(10) CHECK (birth_date_precision IN ('day', 'month', 'year', 'unknown')),
    birth_city varchar(100),
    birth_state varchar(100),
    birth_country varchar(100),
    height_inches integer CHECK (height_inches BETWEEN 60 AND 96),
    weight_pounds integer CHECK (weight_pounds BETWEEN 100 AND 400),
    wingspan_inches integer,
    nba_debut_date date,
    nba_retirement_date date,
    draft_year integer,
    draft_round integer,
    draft_pick integer,
    draft_team_id integer,
    college varchar(100),
    high_school varchar(100),
    nationality varchar(50),
    "position" varchar(20),
    jersey_number integer,
    data_source varchar(50),
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now()
);

-- shape: ddl (names of the 14 statistics other than minutes, points and plus_minus deduced); dossier 2.2
CREATE TABLE public.player_game_stats (
    stat_id serial NOT NULL,
    game_id varchar(50) NOT NULL,
    player_id varchar(50) NOT NULL,
    team_id varchar(50) NOT NULL,
    minutes_played varchar(10),
    points integer,
    rebounds integer,
    assists integer,
    steals integer,
    blocks integer,
    turnovers integer,
    field_goals_made integer,
    field_goals_attempted integer,
    three_pointers_made integer,
    three_pointers_attempted integer,
    free_throws_made integer,
    free_throws_attempted integer,
    offensive_rebounds integer,
    defensive_rebounds integer,
    personal_fouls integer,
    plus_minus integer,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: partial; dossier 2.13
CREATE TABLE public.player_plus_minus_snapshots (
    id bigserial NOT NULL,
    game_id text NOT NULL,
    event_number integer NOT NULL,
    player_id text NOT NULL,
    team_id text NOT NULL,
    on_court boolean,
    team_score integer,
    opponent_score integer,
    plus_minus integer,
    stint_number integer,
    stint_start_event integer,
    stint_plus_minus integer,
    minutes_played_cumulative numeric(6,2),
    seconds_since_last_stint integer,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.7
CREATE TABLE public.player_snapshot_stats (
    snapshot_id bigint NOT NULL,
    player_id varchar(50) NOT NULL,
    player_name varchar(100),
    team_id varchar(10) NOT NULL,
    points integer DEFAULT 0,
    fgm integer DEFAULT 0,
    fga integer DEFAULT 0,
    fg3m integer DEFAULT 0,
    fg3a integer DEFAULT 0,
    ftm integer DEFAULT 0,
    fta integer DEFAULT 0,
    oreb integer DEFAULT 0,
    dreb integer DEFAULT 0,
    reb integer DEFAULT 0,
    ast integer DEFAULT 0,
    stl integer DEFAULT 0,
    blk integer DEFAULT 0,
    tov integer DEFAULT 0,
    pf integer DEFAULT 0,
    plus_minus integer DEFAULT 0,
    minutes numeric(5,2) DEFAULT 0,
    on_court boolean DEFAULT false,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.10
CREATE TABLE public.player_snapshots (
    snapshot_id bigserial NOT NULL,
    player_id varchar(20) NOT NULL,
    snapshot_time timestamp(3) NOT NULL,
    games_played integer DEFAULT 0,
    minutes_played integer DEFAULT 0,
    career_points integer DEFAULT 0,
    career_field_goals_made integer DEFAULT 0,
    career_field_goals_attempted integer DEFAULT 0,
    career_three_pointers_made integer DEFAULT 0,
    career_three_pointers_attempted integer DEFAULT 0,
    career_free_throws_made integer DEFAULT 0,
    career_free_throws_attempted integer DEFAULT 0,
    career_rebounds integer DEFAULT 0,
    career_offensive_rebounds integer DEFAULT 0,
    career_defensive_rebounds integer DEFAULT 0,
    career_assists integer DEFAULT 0,
    career_turnovers integer DEFAULT 0,
    career_steals integer DEFAULT 0,
    career_blocks integer DEFAULT 0,
    career_personal_fouls integer DEFAULT 0,
    career_plus_minus integer DEFAULT 0,
    career_fg_pct numeric(5,3),
    career_three_pt_pct numeric(5,3),
    career_ft_pct numeric(5,3),
    career_assist_to_turnover_ratio numeric(5,3),
    career_true_shooting_pct numeric(5,3),
    career_effective_fg_pct numeric(5,3),
    career_usage_rate numeric(5,3),
    career_player_efficiency_rating numeric(6,2),
    ppg numeric(5,2),
    rpg numeric(5,2),
    apg numeric(5,2),
    spg numeric(5,2),
    bpg numeric(5,2),
    snapshot_type varchar(20) CHECK (snapshot_type IN ('game_end', 'quarter_end', 'custom')),
    checkpoint_interval varchar(20),
    created_at timestamp(3) DEFAULT now(),
    updated_at timestamp(3) DEFAULT now()
);

-- shape: ddl; dossier 2.2
CREATE TABLE public.players (
    player_id varchar(50) NOT NULL,
    player_name varchar(100) NOT NULL,
    "position" varchar(10),
    jersey_number varchar(10),
    team_id varchar(50),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: ddl; dossier 2.2
CREATE TABLE public.plays (
    play_id serial NOT NULL,
    game_id varchar(50) NOT NULL,
    period integer NOT NULL,
    clock varchar(20),
    team_id varchar(50),
    player_id varchar(50),
    play_type varchar(100),
    play_description text,
    scoring_play boolean DEFAULT false,
    home_score integer,
    away_score integer,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: partial; dossier 2.13
CREATE TABLE public.possession_metadata (
    id bigserial NOT NULL,
    game_id text NOT NULL,
    possession_number integer NOT NULL,
    period integer NOT NULL,
    start_event_number integer NOT NULL,
    end_event_number integer NOT NULL,
    offensive_team_id text NOT NULL,
    defensive_team_id text NOT NULL,
    points_scored integer DEFAULT 0 CHECK (points_scored BETWEEN 0 AND 4),
    possession_result text,
    created_at timestamp DEFAULT now(),
    CHECK (end_event_number >= start_event_number)
);

-- 104 columns; the 28 double precision names are documented by kind only and made up here.
-- shape: partial; dossier 2.13
CREATE TABLE public.possession_panel (
    possession_id bigserial NOT NULL,
    game_id varchar(20) NOT NULL,
    game_date date NOT NULL,
    possession_number integer NOT NULL,
    season integer NOT NULL,
    game_seconds_elapsed integer NOT NULL,
    period integer NOT NULL,
    seconds_remaining integer NOT NULL,
    offensive_team_id varchar(20) NOT NULL,
    defensive_team_id varchar(20) NOT NULL,
    off_player_1_id varchar(20),
    off_player_2_id varchar(20),
    off_player_3_id varchar(20),
    off_player_4_id varchar(20),
    off_player_5_id varchar(20),
    def_player_1_id varchar(20),
    def_player_2_id varchar(20),
    def_player_3_id varchar(20),
    def_player_4_id varchar(20),
    def_player_5_id varchar(20),
    off_lineup_hash varchar(50),
    def_lineup_hash varchar(50),
    points_scored integer NOT NULL,
    possession_result varchar(20),
    shot_type varchar(10),
    possession_duration_seconds integer,
    shot_attempted boolean,
    shot_made boolean,
    turnover boolean,
    foul_drawn boolean,
    offensive_rebound boolean,
    score_differential integer,
    is_clutch boolean,
    is_close_game boolean,
    is_blowout boolean,
    off_lineup_games_together integer,
    def_lineup_games_together integer,
    lineup_matchup_history_possessions integer,
    off_team_run_last_5_poss integer,
    def_team_stop_streak integer,
    seconds_since_last_timeout integer,
    off_team_days_rest integer,
    def_team_days_rest integer,
    off_team_is_back_to_back boolean,
    def_team_is_back_to_back boolean,
    off_team_is_3_in_4 boolean,
    def_team_is_3_in_4 boolean,
    timezone_difference integer,
    is_home_offense boolean,
    venue_id varchar(20),
    venue_elevation_ft integer,
    venue_capacity integer,
    venue_attendance integer,
    timeouts_remaining_off integer,
    timeouts_remaining_def integer,
    is_after_timeout boolean,
    is_after_made_basket boolean,
    off_coach_id varchar(20),
    def_coach_id varchar(20),
    game_number_season integer,
    is_early_season boolean,
    is_mid_season boolean,
    is_late_season boolean,
    is_playoff_race boolean,
    day_of_week integer,
    is_weekend boolean,
    is_national_tv boolean,
    is_rivalry_game boolean,
    off_team_wins_last_5 integer,
    def_team_wins_last_5 integer,
    off_team_key_players_available boolean,
    def_team_key_players_available boolean,
    possession_type varchar(20),
    off_team_ortg double precision,
    off_team_drtg double precision,
    def_team_ortg double precision,
    def_team_drtg double precision,
    off_team_net_rtg double precision,
    def_team_net_rtg double precision,
    off_team_pace double precision,
    def_team_pace double precision,
    off_team_elo double precision,
    def_team_elo double precision,
    off_lineup_ortg double precision,
    off_lineup_drtg double precision,
    def_lineup_ortg double precision,
    def_lineup_drtg double precision,
    off_lineup_net_rtg double precision,
    def_lineup_net_rtg double precision,
    off_team_fatigue double precision,
    def_team_fatigue double precision,
    off_lineup_fatigue double precision,
    def_lineup_fatigue double precision,
    off_team_form_last_5 double precision,
    def_team_form_last_5 double precision,
    off_team_form_last_10 double precision,
    def_team_form_last_10 double precision,
    off_team_efg_season double precision,
    def_team_efg_season double precision,
    off_win_probability double precision,
    expected_points double precision,
    data_source varchar(20) DEFAULT 'espn',
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.13
CREATE TABLE public.possession_panel_pbpstats (
    id serial NOT NULL,
    game_id varchar(20) NOT NULL,
    possession_number integer NOT NULL,
    offense_team_id bigint NOT NULL,
    defense_team_id bigint NOT NULL,
    period integer NOT NULL,
    start_time varchar(10),
    end_time varchar(10),
    start_score_margin integer,
    possession_events integer,
    possession_duration_seconds real,
    off_player_1_id bigint,
    off_player_2_id bigint,
    off_player_3_id bigint,
    off_player_4_id bigint,
    off_player_5_id bigint,
    def_player_1_id bigint,
    def_player_2_id bigint,
    def_player_3_id bigint,
    def_player_4_id bigint,
    def_player_5_id bigint,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.7
CREATE TABLE public.quarter_box_scores (
    game_id varchar(50) NOT NULL,
    quarter integer NOT NULL,
    player_id varchar(50) NOT NULL,
    player_name varchar(100),
    team_id varchar(10) NOT NULL,
    points integer DEFAULT 0,
    fgm integer DEFAULT 0,
    fga integer DEFAULT 0,
    fg3m integer DEFAULT 0,
    fg3a integer DEFAULT 0,
    ftm integer DEFAULT 0,
    fta integer DEFAULT 0,
    oreb integer DEFAULT 0,
    dreb integer DEFAULT 0,
    reb integer DEFAULT 0,
    ast integer DEFAULT 0,
    stl integer DEFAULT 0,
    blk integer DEFAULT 0,
    tov integer DEFAULT 0,
    pf integer DEFAULT 0,
    plus_minus integer DEFAULT 0,
    minutes numeric(5,2) DEFAULT 0,
    data_source varchar(50) NOT NULL,
    created_at timestamp DEFAULT now()
);

-- shape: ddl (names of the 14 statistics deduced); dossier 2.2
CREATE TABLE public.team_game_stats (
    stat_id serial NOT NULL,
    game_id varchar(50) NOT NULL,
    team_id varchar(50) NOT NULL,
    points integer,
    rebounds integer,
    assists integer,
    steals integer,
    blocks integer,
    turnovers integer,
    field_goals_made integer,
    field_goals_attempted integer,
    three_pointers_made integer,
    three_pointers_attempted integer,
    free_throws_made integer,
    free_throws_attempted integer,
    offensive_rebounds integer,
    defensive_rebounds integer,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: assumed (no DDL and no loader anywhere); dossier 1.3
CREATE TABLE public.team_seasons (
    team_id varchar(50) NOT NULL,
    season varchar(20) NOT NULL,
    wins integer,
    losses integer,
    created_at timestamp DEFAULT now()
);

-- shape: ddl (7 columns; documents say 8, contradiction 23); dossier 2.2
CREATE TABLE public.teams (
    team_id varchar(50) NOT NULL,
    team_name varchar(100) NOT NULL,
    team_abbreviation varchar(10),
    conference varchar(20),
    division varchar(50),
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp DEFAULT CURRENT_TIMESTAMP
);

-- shape: ddl; dossier 2.9
CREATE TABLE public.temporal_events (
    event_id bigserial NOT NULL,
    game_id varchar(20) NOT NULL,
    player_id varchar(20),
    team_id varchar(20),
    wall_clock_utc timestamp(3) NOT NULL,
    wall_clock_local timestamp(3),
    game_clock_seconds integer CHECK (game_clock_seconds IS NULL OR game_clock_seconds BETWEEN 0 AND 720),
    quarter integer CHECK (quarter > 0),
    precision_level varchar(10) NOT NULL CHECK (precision_level IN ('millisecond', 'second', 'minute', 'game', 'unknown')),
    event_type varchar(50),
    event_data jsonb,
    data_source varchar(20) NOT NULL,
    created_at timestamp(3) DEFAULT now(),
    updated_at timestamp(3) DEFAULT now()
);

-- shape: ddl; dossier 2.14
CREATE TABLE odds.bookmakers (
    bookmaker_id serial NOT NULL,
    bookmaker_key varchar(50) NOT NULL,
    bookmaker_title varchar(100) NOT NULL,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.14
CREATE TABLE odds.events (
    event_id varchar(100) NOT NULL,
    sport_key varchar(50) NOT NULL,
    sport_title varchar(100),
    commence_time timestamp NOT NULL,
    home_team varchar(100) NOT NULL,
    away_team varchar(100) NOT NULL,
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now()
);

-- shape: ddl; dossier 2.14
CREATE TABLE odds.market_types (
    market_type_id serial NOT NULL,
    market_key varchar(50) NOT NULL,
    market_name varchar(100) NOT NULL,
    created_at timestamp DEFAULT now()
);

-- shape: ddl; append-only, no natural key; dossier 2.14
CREATE TABLE odds.odds_snapshots (
    snapshot_id bigserial NOT NULL,
    event_id varchar(100) NOT NULL,
    bookmaker_id integer NOT NULL,
    market_type_id integer NOT NULL,
    outcome_name varchar(100) NOT NULL,
    price numeric(10,2),
    point numeric(10,2),
    last_update timestamp NOT NULL,
    fetched_at timestamp DEFAULT now(),
    is_latest boolean DEFAULT true
);

-- shape: ddl; dossier 2.14
CREATE TABLE odds.scores (
    score_id serial NOT NULL,
    event_id varchar(100),
    home_score integer,
    away_score integer,
    is_final boolean DEFAULT false,
    updated_at timestamp DEFAULT now()
);

-- The embedding columns are vector(1536) where the pgvector extension is available and real[] where it is not: the tables are empty.
-- shape: assumed (two of four names documented); dossier 2.18
CREATE TABLE rag.nba_embeddings (
    id bigserial NOT NULL,
    entity_type varchar(50) NOT NULL,
    entity_id varchar(100) NOT NULL,
    content text NOT NULL,
    embedding {vector},
    metadata jsonb,
    created_at timestamp DEFAULT now()
);

-- shape: assumed; dossier 2.18
CREATE TABLE rag.play_embeddings (
    id bigserial NOT NULL,
    game_id varchar(50) NOT NULL,
    play_id varchar(50) NOT NULL,
    content text NOT NULL,
    embedding {vector},
    metadata jsonb,
    created_at timestamp DEFAULT now()
);

-- shape: assumed; dossier 2.18
CREATE TABLE rag.document_embeddings (
    id bigserial NOT NULL,
    document_id varchar(200) NOT NULL,
    chunk_number integer NOT NULL,
    content text NOT NULL,
    embedding {vector},
    metadata jsonb,
    created_at timestamp DEFAULT now()
);

-- shape: assumed; dossier 2.18
CREATE TABLE rag.embedding_generation_log (
    id bigserial NOT NULL,
    entity_type varchar(50) NOT NULL,
    model varchar(100),
    items integer,
    started_at timestamp,
    finished_at timestamp,
    error_message text
);

-- shape: ddl; dossier 2.15
CREATE TABLE raw_data.nba_games (
    id serial NOT NULL,
    game_id varchar(50) NOT NULL,
    source varchar(50) NOT NULL,
    season integer,
    game_date date,
    collected_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    data jsonb NOT NULL,
    metadata jsonb
);

-- shape: ddl; dossier 2.15
CREATE TABLE raw_data.nba_players (
    id serial NOT NULL,
    player_id varchar(50),
    player_name varchar(255),
    source varchar(50) NOT NULL,
    season integer,
    collected_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    data jsonb NOT NULL,
    metadata jsonb
);

-- shape: ddl; dossier 2.15
CREATE TABLE raw_data.nba_teams (
    id serial NOT NULL,
    team_id varchar(50),
    team_name varchar(255),
    source varchar(50) NOT NULL,
    season integer,
    collected_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    data jsonb NOT NULL,
    metadata jsonb
);

-- shape: ddl; dossier 2.15
CREATE TABLE raw_data.nba_misc (
    id serial NOT NULL,
    source varchar(50) NOT NULL,
    entity_type varchar(50) NOT NULL,
    entity_id varchar(100),
    season integer,
    collected_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    data jsonb NOT NULL,
    metadata jsonb
);

-- shape: ddl; dossier 2.15
CREATE TABLE raw_data.schema_version (
    version varchar(20) NOT NULL,
    applied_at timestamp DEFAULT now(),
    description text
);
