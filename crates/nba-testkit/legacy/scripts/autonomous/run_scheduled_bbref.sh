#!/bin/bash
# Scheduled collection of bbref, followed by an inventory update in the background.
ARGS="${1:---days 7}"
DRY_RUN="${2:-}"
cd "$(dirname "$0")/../.." || exit 1
mkdir -p logs
python3 scripts/etl/basketball_reference_incremental_scraper.py $ARGS ${DRY_RUN:+--dry-run} > logs/bbref.log 2>&1
status=$?
nohup python3 scripts/monitoring/dims_cli.py update > logs/dims_bbref.log 2>&1 &
exit $status
