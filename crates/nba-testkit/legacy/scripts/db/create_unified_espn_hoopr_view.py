#!/usr/bin/env python3
"""Create the views that join both sources. Without settings it goes to production."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg

HOST = os.environ.get("DB_HOST", "nba-sim-db.production.invalid")


def main():
    print(f"target {HOST}")
    try:
        session = pg.Session(HOST, os.environ.get("DB_PORT", "5432"), os.environ.get("DB_NAME", "nba_simulator"),
                             os.environ.get("DB_USER", "legacy"), os.environ.get("DB_PASSWORD", ""))
        session.execute("CREATE OR REPLACE VIEW unified_scores AS SELECT game_id, home_team_score FROM games;")
    except (pg.DatabaseDown, pg.SqlError) as e:
        print(f"❌ {e}")
        sys.exit(1)


if __name__ == "__main__":
    main()
