#!/usr/bin/env python3
"""Load play-by-play pages of whole calendar years from the lake into `play_by_play`."""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg, store

COLUMNS = ["play_id", "game_id", "period_number", "period_display", "clock_display", "play_text", "home_away",
           "scoring_play", "away_score", "home_score"]


def plays_of(document, game_id):
    """Plays of one page; stops at the first play it cannot read and keeps those before it."""
    rows = []
    try:
        if "page" not in document:
            return rows
        package = document["page"].get("content", {}).get("gamepackage", {})
        for group in package.get("pbp", {}).get("playGrps", []):
            if not isinstance(group, list):
                continue
            for play in group:
                if not play.get("id"):
                    continue
                period = play.get("period", {})
                rows.append([
                    str(play["id"]), str(game_id), period.get("number"), period.get("displayValue"),
                    play.get("clock", {}).get("displayValue"), play.get("text"), play.get("homeAway"),
                    play.get("scoringPlay", False), play.get("awayScore"), play.get("homeScore"),
                ])
    except Exception as e:
        print(f"⚠️  game {game_id}: {e}")
    return rows


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
    processed = inserted = skipped = errors = 0
    for year in years:
        print(f"📅 play-by-play {year}")
        rows = {}
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
                found = plays_of(json.loads(bucket.get(f"espn_play_by_play/{game_id}.json")), game_id)
            except Exception as e:
                if "NoSuchKey" not in str(e):
                    print(f"⚠️  game {game_id}: {e}")
                errors += 1
                continue
            if not found:
                skipped += 1
                continue
            processed += len(found)
            for row in found:
                rows.setdefault(row[0], row)
        if not rows:
            continue
        try:
            refreshed = [c for c in COLUMNS if c not in ("play_id", "game_id")]
            session.execute(pg.upsert_script("play_by_play", COLUMNS, rows.values(), ["play_id"], refreshed))
            inserted += len(rows)
        except (pg.SqlError, pg.DatabaseDown) as e:
            print(f"❌ insert of {year} failed: {e}")
            errors += len(rows)
    print("=" * 40)
    print(f"Plays processed: {processed}")
    print(f"Plays inserted: {inserted}")
    print(f"Games skipped: {skipped}")
    print(f"Errors: {errors}")
    print("✅ done")


if __name__ == "__main__":
    main()
