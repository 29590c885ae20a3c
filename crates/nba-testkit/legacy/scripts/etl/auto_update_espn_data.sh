#!/bin/bash
# Asks, then updates everything.
set -e
read -p "Proceed? (y/n) " reply
if [[ ! $replay =~ ^[Yy]$ ]]; then
  echo "aborted"
  exit 0
fi
python3 "$(dirname "$0")/espn_incremental_async.py" --days 14
