#!/bin/bash
# Launches the 152-endpoint scrape in the background.
set -euo pipefail
WORK="${TMPDIR:-/tmp}"
PID_FILE="$WORK/hoopr_all_152.pid"
trap 'rm -f "$PID_FILE"' EXIT INT TERM
SEASONS="${1:-2002:2025}"
read -r -p "Enough disk space? (y/n) " answer
[ "$answer" = "y" ] || exit 1
read -r -p "Start $SEASONS now? (y/n) " answer
[ "$answer" = "y" ] || exit 1
nohup Rscript "$(dirname "$0")/scrape_hoopr_phase1_foundation.R" "$WORK/hoopr_all_152" > "$WORK/hoopr_all_152_overnight.log" 2>&1 &
echo $! > "$PID_FILE"
echo "started in the background"
