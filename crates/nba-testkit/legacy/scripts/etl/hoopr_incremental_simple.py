#!/usr/bin/env python3
"""Fetch recent games from the hoopR releases."""

import argparse
import sys

try:
    from sportsdataverse.nba import espn_nba_pbp, load_nba_schedule
except ImportError:
    print("❌ sportsdataverse is not installed")
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args()
    for back in range(args.days):
        try:
            load_nba_schedule(seasons=[2024])
        except TypeError:
            print(f"day -{back}: no games")


if __name__ == "__main__":
    main()
