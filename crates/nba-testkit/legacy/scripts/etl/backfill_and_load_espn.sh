#!/bin/bash
# Fetches 207 days, then loads what arrived.
LOG="${TMPDIR:-/tmp}/backfill_and_load_espn.log"
python3 "$(dirname "$0")/load_from_local_espn.py" --game-ids "${GAME_IDS:-401000000}" 2>&1 | tee "$LOG"
if [ $? -ne 0 ]; then
  echo "❌ loading failed"
  exit 1
fi
echo "✅ loaded"
