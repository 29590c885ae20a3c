#!/bin/bash
# Scrapes the missing seasons from ESPN.
OUT="${TMPDIR:-/tmp}/espn_data"
rm -rf "$OUT"
read -p "This takes hours. Continue? (y/n) " reply || exit 1
[ "$reply" = "y" ] || exit 1
python3 "$(dirname "$0")/scrape_missing_espn_data.py" --start-date 2022-10-01 --end-date 2025-06-30 --output-dir "$OUT"
