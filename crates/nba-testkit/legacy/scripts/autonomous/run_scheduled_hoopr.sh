#!/bin/bash
# Scheduled collection of hoopr, followed by an inventory update in the background.
ARGS="${1:---days 3}"
DRY_RUN="${2:-}"
cd "$(dirname "$0")/../.." || exit 1
mkdir -p logs
python3 scripts/etl/hoopr_incremental_simple.py $ARGS ${DRY_RUN:+--dry-run} > logs/hoopr.log 2>&1
status=$?
nohup python3 scripts/monitoring/dims_cli.py update > logs/dims_hoopr.log 2>&1 &
exit $status
