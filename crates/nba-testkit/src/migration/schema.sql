CREATE SCHEMA espn;
CREATE TABLE espn.espn_games (
    id serial PRIMARY KEY,
    game_id varchar(50) NOT NULL UNIQUE,
    season integer NOT NULL,
    season_type integer CHECK (season_type IN (1, 2, 3, 5)),
    game_date timestamptz,
    home_team varchar(100),
    away_team varchar(100),
    home_score integer,
    away_score integer,
    collected_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    data jsonb NOT NULL,
    metadata jsonb
);
CREATE TABLE espn.espn_team_stats (
    id serial PRIMARY KEY,
    game_id varchar(50) NOT NULL REFERENCES espn.espn_games (game_id) ON DELETE CASCADE,
    team_id varchar(50) NOT NULL,
    team_name varchar(100),
    is_home boolean,
    points integer,
    field_goal_pct numeric(5,2),
    UNIQUE (game_id, team_id)
);
CREATE TABLE espn.espn_plays (
    id bigserial PRIMARY KEY,
    game_id varchar(50) NOT NULL REFERENCES espn.espn_games (game_id) ON DELETE CASCADE,
    play_id varchar(50),
    sequence_number integer,
    period integer,
    clock varchar(20),
    text text,
    home_score integer,
    away_score integer
);
CREATE INDEX idx_espn_plays_game ON espn.espn_plays (game_id);
CREATE TABLE espn.espn_schedules (
    id serial PRIMARY KEY,
    schedule_date date NOT NULL UNIQUE,
    games integer
);
