#!/usr/bin/env python3
"""Compare games per season with the expected number; never fails."""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg

EXPECTED = {"2011-12": 990, "2019-20": 971, "2020-21": 1080}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--season")
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    try:
        session = pg.Session(os.environ.get("DB_HOST", "nba-sim-db.production.invalid"), os.environ.get("DB_PORT", "5432"),
                             os.environ.get("DB_NAME", "nba_simulator"), os.environ.get("DB_USER", "legacy"),
                             os.environ.get("DB_PASSWORD", ""))
        for season, count in session.query("SELECT season, count(*) FROM games GROUP BY season ORDER BY season"):
            if args.season in (None, season):
                print(f"{season}: {int(count) / EXPECTED.get(season, 1230):.1%}")
    except pg.DatabaseDown as e:
        print(f"❌ {e}")


if __name__ == "__main__":
    main()
