#!/bin/bash
# Checks that the files named here exist.
set -e
for name in backups/nba_simulator_backup_20251030_145942.dump backups/s3_manifest_20251030.json; do
  [ -s "$name" ]
  echo "✅ $name"
done
echo ==========
echo "all backups verified"
