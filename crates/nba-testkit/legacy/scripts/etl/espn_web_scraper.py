#!/usr/bin/env python3
"""Fetch page documents of single games."""

import argparse
import json
import os
import random
import time
import urllib.request

ROOT = "/Users/legacy/nba-simulator-aws/data"
PAGES = {"boxscore": "nba_box_score", "playbyplay": "nba_pbp", "matchup": "nba_team_stats"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--game-ids", required=True)
    parser.add_argument("--rate-limit", type=float, default=0.75)
    args = parser.parse_args()
    stored = failed = 0
    for game_id in args.game_ids.split(","):
        for page, folder in PAGES.items():
            time.sleep(args.rate_limit + random.random() / 4)
            try:
                address = f"http://www.espn.invalid/nba/{page}/_/gameId/{game_id}&_xhr=1"
                with urllib.request.urlopen(address, timeout=30) as answer:
                    document = json.load(answer)
                os.makedirs(os.path.join(ROOT, folder), exist_ok=True)
                with open(os.path.join(ROOT, folder, f"{game_id}.json"), "w") as f:
                    json.dump(document, f)
                stored += 1
            except Exception as e:
                print(f"❌ {page} {game_id}: {e}")
                failed += 1
    print(f"stored {stored}, failed {failed}")


if __name__ == "__main__":
    main()
