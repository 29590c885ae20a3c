#!/usr/bin/env python3
"""Load local box-score pages as JSONB rows. Fails when a game fails."""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

import nba_simulator  # creates logs/
from scripts.shared import pg


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--game-ids", required=True)
    parser.add_argument("--local-data-dir", default="data")
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args()
    failed = 0
    for game_id in args.game_ids.split(","):
        path = os.path.join(args.local_data_dir, "nba_box_score", f"{game_id}.json")
        try:
            with open(path) as f:
                strip = json.load(f)["page"]["content"]["gamepackage"]["gmStrp"]
            if not strip.get("dt"):
                raise ValueError("no game date")
            if not args.dry_run:
                pg.Session(os.environ.get("POSTGRES_HOST", "localhost"), os.environ.get("POSTGRES_PORT", "5432"),
                           os.environ.get("POSTGRES_DB", "nba_simulator"), os.environ.get("POSTGRES_USER", "legacy"),
                           os.environ.get("POSTGRES_PASSWORD", ""))
        except Exception as e:
            print(f"❌ {game_id}: {e!r}")
            failed += 1
    print(f"failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
