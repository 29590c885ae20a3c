-- an older definition of games that does not fit the loaders
CREATE TABLE IF NOT EXISTS games (
    game_id VARCHAR(20) PRIMARY KEY,
    game_date TIMESTAMP NOT NULL,
    season_year INTEGER NOT NULL,
    home_team_id VARCHAR(10),
    away_team_id VARCHAR(10),
    venue_name VARCHAR(200),
    status VARCHAR(50)
);
