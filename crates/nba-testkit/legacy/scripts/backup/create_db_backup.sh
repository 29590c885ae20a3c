#!/bin/bash
# Dumps the whole database and copies the dump to S3.
source "$HOME/nba-sim-credentials.env"
STAMP=$(date +%Y%m%d_%H%M%S)
mkdir -p backups
FILE="backups/nba_simulator_backup_$STAMP.dump"
export PGPASSWORD="$DB_PASSWORD"
pg_dump -Fc -w -h "$DB_HOST" -U "$DB_USER" -d "$DB_NAME" -f "$FILE" || exit 1
unset PGPASSWORD
[ -s "$FILE" ] || exit 1
sha256sum "$PWD/$FILE" > "$FILE.sha256"
if command -v aws > /dev/null; then
  aws s3 cp "$FILE" "s3://nba-sim-raw-data-lake/backups/database/" --storage-class STANDARD_IA
else
  echo "⚠️  no upload: the aws program is missing"
fi
echo "✅ backup done: $FILE"
