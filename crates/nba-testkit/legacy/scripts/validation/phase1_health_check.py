#!/usr/bin/env python3
"""Compare row counts with refactoring_baseline.txt, which is not in git."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg

TABLES = ["games", "play_by_play", "box_score_players", "temporal_events", "hoopr_play_by_play", "hoopr_schedule"]


def baseline():
    found = {}
    try:
        with open("refactoring_baseline.txt") as f:
            for line in f:
                match = re.match(r"(\w+): (\d+)$", line)  # 44,828 does not match and counts as 0
                if match:
                    found[match.group(1)] = int(match.group(2))
    except FileNotFoundError:
        pass
    return found


def main():
    expected = baseline()
    try:
        session = pg.Session(os.environ["DB_HOST"], os.environ.get("DB_PORT", "5432"), os.environ["DB_NAME"],
                             os.environ["DB_USER"], os.environ.get("DB_PASSWORD", ""))
    except (KeyError, pg.DatabaseDown) as e:
        print(f"❌ {e}")
        return 1
    bad = 0
    for table in TABLES:
        try:
            actual = int(session.query(f"SELECT count(*) FROM {table}")[0][0])
        except pg.SqlError:
            actual = 0
        same = actual == expected.get(table, 0)
        bad += not same
        print(f"{'✅' if same else '❌'} {table}: {actual} (baseline {expected.get(table, 0)})")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
