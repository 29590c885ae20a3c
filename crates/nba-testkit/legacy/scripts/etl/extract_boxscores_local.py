#!/usr/bin/env python3
"""Load box-score pages of whole calendar years into `box_score_teams` and `box_score_players`."""

import argparse
import json
import os
import re
import sys
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg, store

SIDE_COLUMNS = ["team_id", "team_abbrev", "team_score", "team_field_goals", "team_three_pointers", "team_free_throws",
                "team_field_goals_pct", "team_three_pointers_pct", "team_free_throws_pct", "team_offensive_rebounds",
                "team_defensive_rebounds", "team_total_rebounds", "team_assists", "team_steals", "team_blocks",
                "team_turnovers", "team_fouls"]
TEAM_COLUMNS = (["game_id", "game_date"] + [f"home_{c}" for c in SIDE_COLUMNS] + [f"away_{c}" for c in SIDE_COLUMNS]
                + ["attendance", "game_state"]
                + [f"referee{n}_{part}" for n in (1, 2, 3) for part in ("name", "position")])
PLAYER_COLUMNS = ["game_id", "player_id", "team_id", "team_abbrev", "is_starter", "minutes", "field_goals",
                  "three_pointers", "free_throws", "offensive_rebounds", "defensive_rebounds", "total_rebounds",
                  "assists", "steals", "blocks", "turnovers", "fouls", "plus_minus", "points"]
PAIRS = {"field_goals": "fieldGoalsMade-fieldGoalsAttempted",
         "three_pointers": "threePointFieldGoalsMade-threePointFieldGoalsAttempted",
         "free_throws": "freeThrowsMade-freeThrowsAttempted"}
COUNTS = ["offensiveRebounds", "defensiveRebounds", "rebounds", "assists", "steals", "blocks", "turnovers", "fouls",
          "plusMinus", "points"]


def safe_int(value):
    """Keeps digits and minus only: '12.5' becomes 125, 'DNP' becomes 0."""
    if isinstance(value, (int, float)):
        return int(value)
    try:
        return int(re.sub(r"[^0-9-]", "", value or ""))
    except ValueError:
        return 0


def parse_minutes(value):
    return safe_int(str(value or "").split(":")[0])


def parse_percentage(value):
    try:
        return float(str(value).rstrip("%"))
    except ValueError:
        return 0.0


def parse_date(text):
    for pattern in ("%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%MZ"):
        try:
            return datetime.strptime(text or "", pattern)
        except ValueError:
            pass
    return None


def side_values(team, scores):
    tm = team.get("tm") or {}
    totals = next((g for g in team.get("stats") or [] if g.get("type") == "totals"), {})
    cells, percent = totals.get("ttls") or [], totals.get("pcts") or []
    if len(cells) < 14:
        figures = ["0-0", "0-0", "0-0", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    else:
        figures = cells[1:4] + [parse_percentage(p) for p in (percent + ["", "", "", ""])[1:4]]
        figures += [safe_int(cells[i]) for i in range(4, 12)]
    return [tm.get("id"), tm.get("abbrev"), scores.get(bool(tm.get("hm")), 0)] + figures


def rows_of(package, game_id):
    team_row, players = None, []
    try:
        info = package["gmInfo"]
        scores = {bool(t.get("isHome")): safe_int(t.get("score")) for t in package["gmStrp"]["tms"]}
        sides = {}
        for team in package.get("bxscr") or []:
            sides[bool((team.get("tm") or {}).get("hm"))] = side_values(team, scores)
        referees = (info.get("refs") or []) + [{}, {}, {}]
        team_row = ([str(game_id), parse_date(info.get("dtTm"))] + sides[True] + sides[False]
                    + [safe_int(info.get("attnd")), info.get("gameState")]
                    + [r.get(k, "") for r in referees[:3] for k in ("dspNm", "pos")])
    except Exception as e:
        print(f"⚠️  game {game_id}: no team row: {e!r}")
    for team in package.get("bxscr") or []:
        tm = team.get("tm") or {}
        for group in team.get("stats") or []:
            for athlete in group.get("athlts") or []:
                values = dict(zip(group.get("keys") or [], athlete.get("stats") or []))
                players.append(
                    [str(game_id), str((athlete.get("athlt") or {}).get("id", "")), tm.get("id"), tm.get("abbrev"),
                     group.get("type") == "starters", parse_minutes(values.get("minutes"))]
                    + [values.get(k) or "0-0" for k in PAIRS.values()]
                    + [safe_int(values.get(k)) for k in COUNTS])
    return team_row, players


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--year", type=int)
    parser.add_argument("--year-range")
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args()
    missing = [v for v in ("DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD") if not os.environ.get(v)]
    if missing:
        print("❌ not set: " + ", ".join(missing))
        sys.exit(1)
    if args.year_range:
        first, last = args.year_range.split("-")
        years = range(int(first), int(last) + 1)
    elif args.year:
        years = [args.year]
    else:
        print("❌ give --year or --year-range")
        sys.exit(1)

    bucket = store.Bucket(os.environ.get("S3_RAW_DATA_BUCKET", "nba-sim-raw-data-lake"))
    games_done = teams_done = players_done = errors = 0
    for year in years:
        print(f"📅 box scores {year}")
        try:
            if not args.dry_run:
                session = pg.Session(os.environ["DB_HOST"], os.environ.get("DB_PORT", "5432"), os.environ["DB_NAME"],
                                     os.environ["DB_USER"], os.environ["DB_PASSWORD"])
        except pg.DatabaseDown as e:
            print(f"❌ no connection: {e}")
            continue
        games = session.query(
            f"SELECT game_id FROM games WHERE game_date >= '{year}-01-01' AND game_date < '{year + 1}-01-01' "
            "ORDER BY game_date")
        for (game_id,) in games:
            try:
                document = json.loads(bucket.get(f"espn_box_scores/{game_id}.json"))
                package = document.get("page", {}).get("content", {}).get("gamepackage", {})
                team_row, players = rows_of(package, game_id)
                if team_row:
                    session.execute(pg.upsert_script("box_score_teams", TEAM_COLUMNS, [team_row], ["game_id"],
                                                     ["home_team_score", "away_team_score"]))
                    teams_done += 1
                unique = {(r[0], r[1]): r for r in players}
                if unique:
                    session.execute(pg.upsert_script("box_score_players", PLAYER_COLUMNS, unique.values(),
                                                     ["game_id", "player_id"], ["minutes", "points"]))
                    players_done += len(unique)
                games_done += 1
            except Exception as e:
                if "NoSuchKey" not in str(e):
                    print(f"⚠️  game {game_id}: {e}")
                errors += 1
    print("=" * 40)
    print(f"Games processed: {games_done}")
    print(f"Team stats inserted: {teams_done}")
    print(f"Player stats inserted: {players_done}")
    print(f"Errors: {errors}")
    print("✅ done")


if __name__ == "__main__":
    main()
