#!/usr/bin/env python3
"""Fetch the last days from the summary API and store one document under three keys."""

import argparse
import json
import os
import sys
import time
import urllib.request
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import store

API = "http://site.api.espn.invalid/apis/site/v2/sports/basketball/nba"
PREFIXES = ("espn_play_by_play", "espn_box_scores", "espn_team_stats")


def fetch(path):
    with urllib.request.urlopen(f"{API}/{path}", timeout=30) as answer:
        return json.load(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args()
    games = errors = 0
    for back in range(args.days):
        day = (datetime.now() - timedelta(days=back)).strftime("%Y%m%d")
        try:
            board = fetch(f"scoreboard?dates={day}&limit=100")
            bucket = store.Bucket("nba-sim-raw-data-lake")
            if not args.dry_run:
                bucket.put(f"espn_schedules/{day}.json", json.dumps(board).encode())
            for event in board.get("events", []):
                time.sleep(1)
                summary = json.dumps(fetch(f"summary?event={event['id']}")).encode()
                for prefix in PREFIXES:
                    if not args.dry_run:
                        bucket.put(f"{prefix}/{event['id']}.json", summary)
                games += 1
                time.sleep(1)
        except Exception as e:
            print(f"❌ {day}: {e}")
            errors += 1
    print(f"Games: {games}")
    print(f"Errors: {errors}")
    print("✅ done")


if __name__ == "__main__":
    main()
