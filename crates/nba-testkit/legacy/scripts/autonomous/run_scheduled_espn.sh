#!/bin/bash
# Scheduled collection of espn, followed by an inventory update in the background.
ARGS="${1:---days 3}"
DRY_RUN="${2:-}"
cd "$(dirname "$0")/../.." || exit 1
mkdir -p logs
python3 scripts/etl/espn_incremental_async.py $ARGS ${DRY_RUN:+--dry-run} > logs/espn.log 2>&1
status=$?
nohup python3 scripts/monitoring/dims_cli.py update > logs/dims_espn.log 2>&1 &
exit $status
