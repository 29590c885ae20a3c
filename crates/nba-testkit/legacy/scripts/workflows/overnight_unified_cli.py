#!/usr/bin/env python3
"""Run the collectors one after another; none of them is critical."""

import re
import subprocess
import sys

STEPS = [
    ["scripts/etl/espn_incremental_async.py", "--days", "3"],
    ["scripts/etl/hoopr_incremental_simple.py", "--days", "3"],
    ["scripts/etl/basketball_reference_incremental_scraper.py", "--upload-to-s3"],
]


def main():
    games = 0
    for step in STEPS:
        done = subprocess.run([sys.executable] + step, capture_output=True, text=True, timeout=3600)
        match = re.search(r"(\d+) games scraped", done.stdout)
        games += int(match.group(1)) if match else 0
        print(f"{'✅' if done.returncode == 0 else '⚠️ '} {step[0]}")
    print(f"overnight workflow complete, {games} games")


if __name__ == "__main__":
    main()
