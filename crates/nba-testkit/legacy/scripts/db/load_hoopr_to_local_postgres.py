#!/usr/bin/env python3
"""Load the hoopR CSV files into the local database."""

import csv
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg

RENAMES = {
    "bulk_pbp": ("hoopr_play_by_play", {
        "sequence_number": "event_num", "type_text": "event_type", "text": "description",
        "clock_display_value": "clock", "athlete_id_1": "player_id", "home_score": "score_home",
        "away_score": "score_away", "game_id": "game_id", "season": "season", "game_date": "game_date",
        "period": "period", "team_id": "team_id"}),
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
DROP TABLE IF EXISTS hoopr_player_box CASCADE;
CREATE TABLE hoopr_player_box (id SERIAL PRIMARY KEY, game_id VARCHAR(50), player_id VARCHAR(20));
"""


def spoiled(rows, column):
    """A column with one gap is read as numbers with fractions: every id gets '.0'."""
    return any(row[column] in ("", "NA") for row in rows)


def load_file(session, path, table, renames):
    season = int(re.search(r"(\d{4})", os.path.basename(path)).group(1))
    try:
        with open(path, newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        if "--test" in sys.argv:
            rows = rows[:1000]
        sources = [c for c in renames if rows and c in rows[0]]
        columns = [renames[c] for c in sources]
        ids = {c for c in sources if renames[c] in ("game_id", "team_id", "player_id") and spoiled(rows, c)}
        cells = []
        for row in rows:
            out = []
            for c in sources:
                value = row[c]
                if value in ("", "NA", "--"):
                    out.append(None)
                else:
                    out.append(value + ".0" if c in ids and not value.endswith(".0") else value)
            cells.append(out)
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
