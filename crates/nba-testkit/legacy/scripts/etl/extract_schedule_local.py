#!/usr/bin/env python3
"""Load schedule pages of whole calendar years from the lake into `games`."""

import argparse
import json
import os
import sys
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg, store

TEAM_FIELDS = [
    ("abbrev", "abbrev"), ("name", "displayName"), ("short_name", "shortDisplayName"), ("logo", "logo"),
    ("color", "teamColor"), ("alt_color", "altColor"), ("uid", "uid"), ("record_summary", "recordSummary"),
    ("standing_summary", "standingSummary"), ("location", "location"),
]
COLUMNS = ["game_id", "game_date", "game_time", "season"]
for _side in ("home", "away"):
    COLUMNS += [f"{_side}_team_id"] + [f"{_side}_team_{name}" for name, _ in TEAM_FIELDS]
    COLUMNS += [f"{_side}_score", f"{_side}_team_is_winner", f"{_side}_team_leader_name", f"{_side}_team_leader_stat"]
COLUMNS += [
    "venue", "venue_id", "venue_city", "venue_state", "venue_country", "venue_indoor",
    "game_status", "status_detail", "status_id", "status_state",
    "broadcast_name", "broadcast_market", "broadcast_type", "broadcast_count",
    "completed", "is_tie", "periods", "time_valid", "game_link", "header_postfix", "has_tickets",
]
REFRESHED = [
    "game_date", "game_time", "season", "home_team_abbrev", "away_team_abbrev", "home_team_name", "away_team_name",
    "home_score", "away_score", "venue", "game_status", "broadcast_name", "completed",
]


def season_of(moment):
    first = moment.year if moment.month >= 10 else moment.year - 1
    return f"{first}-{(first + 1) % 100:02d}"


def team_columns(team):
    leader = team.get("leader") or {}
    score = int(team["score"]) if "score" in team and team["score"] else None
    return (
        [str(team.get("id", ""))]
        + [team.get(source) for _, source in TEAM_FIELDS]
        + [score, team.get("winner", False), leader.get("name"), leader.get("displayValue")]
    )


def pick_broadcast(items):
    for wanted in ("National", "Home"):
        for item in items:
            if item.get("market") == wanted:
                return item
    return items[0] if items else {}


def game_row(event):
    if not event.get("id") or len(event.get("competitors") or []) < 2:
        return None
    home = away = None
    for team in event["competitors"]:
        if team.get("homeAway") == "home" or team.get("isHome"):
            home = team
        else:
            away = team
    if home is None or away is None:
        home, away = event["competitors"][0], event["competitors"][1]
    date = event.get("date") or ""
    try:
        moment = datetime.fromisoformat(date.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    venue = event.get("venue") or {}
    address = venue.get("address") or {}
    status = event.get("status") or {}
    broadcasts = event.get("broadcasts") or []
    broadcast = pick_broadcast(broadcasts)
    kind = status.get("type") or {}
    return (
        [str(event["id"]), date.split("T")[0] or None, moment, season_of(moment) if moment else None]
        + team_columns(home) + team_columns(away)
        + [
            venue.get("fullName"), str(venue.get("id", "")), address.get("city"), address.get("state"),
            address.get("country"), venue.get("indoor"),
            kind.get("detail", "Unknown"), kind.get("detail"), str(status.get("id", "")), status.get("state"),
            broadcast.get("name"), broadcast.get("market"), broadcast.get("type"), len(broadcasts),
            event.get("completed"), event.get("isTie"),
            ((event.get("format") or {}).get("regulation") or {}).get("periods", 4),
            event.get("timeValid", True), event.get("link"), event.get("headerPostfix", ""),
            bool(event.get("tickets")),
        ]
    )


def games_of(document):
    content = (document.get("page") or {}).get("content") or {}
    root = content["schedule"] if "schedule" in content else content.get("events")
    if not root:
        return []
    if isinstance(root, dict):
        return [game for day in root.values() if isinstance(day, list) for game in day]
    return root


def read_year(bucket, year, totals):
    keys = sorted(k for k in bucket.list("espn_schedules/")
                  if os.path.basename(k).startswith(str(year)) and k.endswith(".json"))
    rows, teams = {}, {}
    for number, key in enumerate(keys, 1):
        found = 0
        try:
            for event in games_of(json.loads(bucket.get(key))):
                for team in event.get("competitors") or []:
                    teams[str(team.get("id", ""))] = None
                row = game_row(event)
                if row is not None:
                    rows.setdefault(row[0], row)
                    found += 1
        except Exception as e:  # the rest of the file is lost, the file still counts as read
            print(f"⚠️  {key}: {e}")
        totals["processed"] += found
        totals["skipped"] += found == 0
        if number % 100 == 0:
            print(f"   … {number} of {len(keys)} files")
    return list(rows.values()), list(teams)


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
    totals = {"processed": 0, "inserted": 0, "skipped": 0, "errors": 0}
    for year in years:
        print(f"📅 schedule {year}")
        rows, teams = read_year(bucket, year, totals)
        if args.dry_run:
            print(json.dumps(dict(zip(COLUMNS, rows[0])) if rows else {"at": datetime.now()}, indent=2))
            continue
        try:
            session = pg.Session(os.environ["DB_HOST"], os.environ.get("DB_PORT", "5432"), os.environ["DB_NAME"],
                                 os.environ["DB_USER"], os.environ["DB_PASSWORD"])
            stubs = [[t, f"Team {t}", f"T{t}"] for t in teams]
            session.execute(pg.upsert_script("teams", ["team_id", "team_name", "team_abbreviation"], stubs, ["team_id"], []))
            session.execute(pg.upsert_script("games", COLUMNS, rows, ["game_id"], REFRESHED,
                                             widen=[("game_time", "timestamptz")]))
            totals["inserted"] += len(rows)
        except pg.DatabaseDown as e:
            print(f"❌ no connection: {e}")
        except pg.SqlError as e:
            print(f"❌ insert of {year} failed: {e}")
            totals["errors"] += len(rows)
    print("=" * 40)
    print(f"Years processed: {len(list(years))}")
    print(f"Files processed: {totals['processed']}")
    print(f"Games inserted: {totals['inserted']}")
    print(f"Files skipped: {totals['skipped']}")
    print(f"Errors: {totals['errors']}")
    print("✅ done")


if __name__ == "__main__":
    main()
