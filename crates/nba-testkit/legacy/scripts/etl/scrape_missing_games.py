#!/usr/bin/env python3
"""Fetch game pages and keep the object embedded in the HTML."""

import argparse
import json
import logging
import os
import re
import urllib.request

logging.basicConfig(level=logging.INFO, filename="logs/scrape_missing_games.log")
EMBEDDED = re.compile(r"window\.espn\.gamepackageData\s*=\s*(\{.*?\});", re.S)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing-games")
    parser.add_argument("--game-id")
    parser.add_argument("--output-dir", default="data/missing_games_scraped")
    parser.add_argument("--max-concurrent", type=int, default=5)
    args = parser.parse_args()
    ids = [args.game_id] if args.game_id else []
    if args.missing_games and os.path.exists(args.missing_games):
        with open(args.missing_games) as f:
            ids += json.load(f)
    found = 0
    for game_id in ids:
        try:
            with urllib.request.urlopen(f"http://www.espn.invalid/nba/game/_/gameId/{game_id}", timeout=30) as answer:
                match = EMBEDDED.search(answer.read().decode())
            os.makedirs(args.output_dir, exist_ok=True)
            with open(os.path.join(args.output_dir, f"{game_id}.json"), "w") as f:
                f.write(match.group(1))
            found += 1
        except Exception as e:
            logging.error("%s: %s", game_id, e)
    print(f"found {found} of {len(ids)}")


if __name__ == "__main__":
    main()
