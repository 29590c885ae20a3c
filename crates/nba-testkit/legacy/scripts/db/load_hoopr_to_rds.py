#!/usr/bin/env python3
"""Copy the local hoopR database to RDS, table by table."""

import argparse
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from scripts.shared import pg

TYPES = {"INTEGER": "INTEGER", "REAL": "DOUBLE PRECISION", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP"}
TABLES = [("schedule", "hoopr_schedule"), ("team_box", "hoopr_team_box"),
          ("player_box", "hoopr_player_box"), ("play_by_play", "hoopr_play_by_play")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args()
    source_path = os.environ.get("HOOPR_SQLITE", "/tmp/hoopr_local.db")
    if not os.path.exists(source_path):
        print(f"❌ {source_path} not found")
        sys.exit(1)
    session = pg.Session(os.environ.get("DB_HOST", "nba-sim-db.production.invalid"), os.environ.get("DB_PORT", "5432"),
                         os.environ.get("DB_NAME", "nba_simulator"), os.environ.get("DB_USER", "legacy"),
                         os.environ.get("DB_PASSWORD", ""))
    source = sqlite3.connect(source_path)
    if args.dry_run:
        return
    for table, target in TABLES:
        columns = [(r[1], TYPES.get(r[2], "TEXT")) for r in source.execute(f"PRAGMA table_info({table})")]
        if not columns:
            continue
        exists = session.query(f"SELECT 1 FROM information_schema.tables WHERE table_name = '{target}'")
        if exists and input(f"{target} exists. Drop it? (yes/no) ") == "yes":
            session.execute(f"DROP TABLE {target} CASCADE")
            exists = []
        if not exists:
            body = ", ".join(f"{name} {kind}" for name, kind in columns)
            session.execute(f"CREATE TABLE {target} ({body})")
        lines = [f"COPY {target} ({', '.join(name for name, _ in columns)}) FROM STDIN;"]
        count = 0
        for row in source.execute(f"SELECT * FROM {table}"):
            lines.append("\t".join(pg.copy_text(None if cell == "" else cell) for cell in row))
            count += 1
        session.execute("\n".join(lines + ["\\."]) + "\n")
        there = int(session.query(f"SELECT count(*) FROM {target}")[0][0])
        if there != count:
            print(f"⚠️  {target}: {count} copied, {there} there")
        print(f"✅ {target}: {count} rows")


if __name__ == "__main__":
    main()
