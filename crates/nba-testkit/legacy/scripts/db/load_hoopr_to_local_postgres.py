#!/usr/bin/env python3
"""Load the hoopR CSV files into the local database."""

import csv
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg

COUNTS = {
    "field_goals_made": "fgm", "field_goals_attempted": "fga", "three_point_field_goals_made": "fg3m",
    "three_point_field_goals_attempted": "fg3a", "free_throws_made": "ftm", "free_throws_attempted": "fta",
    "offensive_rebounds": "oreb", "defensive_rebounds": "dreb", "assists": "ast", "steals": "stl", "blocks": "blk",
    "turnovers": "tov", "fouls": "pf"}
RENAMES = {
    "bulk_pbp": ("hoopr_play_by_play", {
        "sequence_number": "event_num", "type_text": "event_type", "text": "description",
        "clock_display_value": "clock", "athlete_id_1": "player_id", "home_score": "score_home",
        "away_score": "score_away", "game_id": "game_id", "season": "season", "game_date": "game_date",
        "period": "period", "team_id": "team_id"}),
    "bulk_player_box": ("hoopr_player_box", {
        "game_id": "game_id", "season": "season", "season_type": "season_type", "athlete_id": "player_id",
        "athlete_display_name": "player_name", "team_id": "team_id", "team_name": "team_name", "minutes": "minutes",
        **COUNTS, "rebounds": "reb", "points": "pts", "plus_minus": "plus_minus", "starter": "starter"}),
    "bulk_team_box": ("hoopr_team_box", {
        "game_id": "game_id", "season": "season", "season_type": "season_type", "game_date": "game_date",
        "team_id": "team_id", **COUNTS, "field_goal_pct": "fg_pct", "three_point_field_goal_pct": "fg3_pct",
        "free_throw_pct": "ft_pct", "total_rebounds": "reb", "team_score": "pts"}),
    "bulk_schedule": ("hoopr_schedule", {
        "id": "game_id", "game_id": "game_id", "date": "game_date", "game_date": "game_date", "season": "season",
        "home_id": "home_team_id", "away_id": "away_team_id", "home_name": "home_team_name",
        "away_name": "away_team_name", "home_score": "home_score", "away_score": "away_score",
        "status_type_name": "game_status"}),
}
DDL = """
CREATE TABLE IF NOT EXISTS hoopr_play_by_play (id SERIAL PRIMARY KEY, game_id VARCHAR(50), season INT, game_date DATE,
  event_num INT, period INT, clock VARCHAR(20), team_id VARCHAR(20), player_id VARCHAR(20), event_type VARCHAR(100),
  description TEXT, score_home INT, score_away INT, created_at TIMESTAMP DEFAULT now());
CREATE TABLE IF NOT EXISTS hoopr_schedule (id SERIAL PRIMARY KEY, game_id VARCHAR(50) UNIQUE, season INT,
  game_date DATE, home_team_id VARCHAR(20), away_team_id VARCHAR(20), home_team_name VARCHAR(200),
  away_team_name VARCHAR(200), home_score INT, away_score INT, game_status VARCHAR(50), created_at TIMESTAMP DEFAULT now());
CREATE TABLE IF NOT EXISTS hoopr_team_box (id SERIAL PRIMARY KEY, game_id VARCHAR(50), team_id VARCHAR(20), season INT,
  season_type VARCHAR(20), game_date DATE, fgm INT, fga INT, fg_pct DECIMAL(5,3), fg3m INT, fg3a INT, fg3_pct DECIMAL(5,3),
  ftm INT, fta INT, ft_pct DECIMAL(5,3), oreb INT, dreb INT, reb INT, ast INT, stl INT, blk INT, tov INT, pf INT, pts INT,
  created_at TIMESTAMP DEFAULT now());
DROP TABLE IF EXISTS hoopr_player_box CASCADE;
CREATE TABLE hoopr_player_box (id SERIAL PRIMARY KEY, game_id VARCHAR(50), player_id VARCHAR(20), player_name VARCHAR(200),
  team_id VARCHAR(20), team_name VARCHAR(200), season INT, season_type VARCHAR(20), minutes VARCHAR(20), fgm INT, fga INT,
  fg_pct DECIMAL(5,3), fg3m INT, fg3a INT, fg3_pct DECIMAL(5,3), ftm INT, fta INT, ft_pct DECIMAL(5,3), oreb INT, dreb INT,
  reb INT, ast INT, stl INT, blk INT, tov INT, pf INT, pts INT, plus_minus INT, starter BOOLEAN,
  created_at TIMESTAMP DEFAULT now());
"""
TEXTS = {"game_id", "team_id", "player_id", "player_name", "team_name", "season_type", "minutes", "clock", "event_type",
         "description", "home_team_id", "away_team_id", "home_team_name", "away_team_name", "game_status"}
SHARES = (("fg_pct", "fgm", "fga"), ("fg3_pct", "fg3m", "fg3a"), ("ft_pct", "ftm", "fta"))
NOTHING = set("|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null".split("|"))
WHOLE = re.compile(r"\s*[+-]?\d+\s*$")
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$")
TRUTH = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}


def frame_column(cells):
    """A column as a data frame has it: whole numbers, numbers with a gap or a fraction, truth values, or texts."""
    there = [c for c in cells if c not in NOTHING]
    gaps = len(there) < len(cells)
    if all(NUMBER.match(c) for c in there):
        whole = there and not gaps and all(WHOLE.match(c) for c in there)
        return [None if c in NOTHING else int(c) if whole else float(c) for c in cells]
    if not gaps and all(c in TRUTH for c in there):
        return [TRUTH[c] for c in cells]
    return [None if c in NOTHING else c for c in cells]


def number(value):
    """Numbers as the database takes them for whole ones; dashes are nothing."""
    if isinstance(value, str):
        value = value.strip()
        if value in ("", "--"):
            return None
        if value in TRUTH:
            return int(TRUTH[value])
        if NUMBER.match(value):
            value = float(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def cell(column, value):
    if column == "starter":
        return bool(value) if not isinstance(value, str) else TRUTH.get(value, value)
    if value is None:
        return None
    if column in TEXTS:
        return str(value)
    return number(value) if column not in ("game_date",) else value


def load_file(session, path, table, renames):
    season = int(re.search(r"(\d{4})", os.path.basename(path)).group(1))
    try:
        with open(path, newline="", encoding="utf-8") as f:
            heading, *rows = list(csv.reader(f)) or [[]]
        if "--test" in sys.argv:
            rows = rows[:1000]
        if any(len(row) > len(heading) for row in rows):
            raise ValueError("Error tokenizing data")
        rows = [row + [""] * (len(heading) - len(row)) for row in rows]
        names = [name.lower().replace(" ", "_").replace(".", "_") for name in heading]
        sources = [c for c in renames if c in names]
        columns = [renames[c] for c in sources]
        frame = [frame_column([row[names.index(c)] for row in rows]) for c in sources]
        cells = [[cell(c, value) for c, value in zip(columns, row)] for row in zip(*frame)]
        if table == "hoopr_player_box":
            game, player = columns.index("game_id"), columns.index("player_id")
            cells = [c for c in cells if c[game] is not None and c[player] is not None]
            for share, made, attempted in SHARES:
                m, a = columns.index(made), columns.index(attempted)
                cells = [c + [c[m] / c[a] if c[m] is not None and c[a] else None] for c in cells]
                columns.append(share)
        if "season" not in columns:
            columns.append("season")
            cells = [c + [season] for c in cells]
        session.execute(pg.upsert_script(table, columns, cells, [], []))
        return len(cells)
    except Exception as e:
        print(f"❌ {path}: {e}")
        return 0


def main():
    base = os.environ.get("HOOPR_DIR", "/tmp/hoopr_phase1")
    try:
        session = pg.Session(os.environ.get("POSTGRES_HOST", "localhost"), os.environ.get("POSTGRES_PORT", "5432"),
                             os.environ.get("POSTGRES_DB", "nba_simulator"), os.environ.get("POSTGRES_USER", "legacy"),
                             os.environ.get("POSTGRES_PASSWORD", ""))
    except pg.DatabaseDown as e:
        print(f"❌ {e}")
        return
    session.execute(DDL)
    for folder, (table, renames) in RENAMES.items():
        total = 0
        where = os.path.join(base, folder)
        for name in sorted(os.listdir(where)) if os.path.isdir(where) else []:
            total += load_file(session, os.path.join(where, name), table, renames)
        print(f"✅ {table}: {total} rows")


if __name__ == "__main__":
    main()
