#!/bin/bash
# Lists every object of the lake into one file.
mkdir -p backups
OUT="backups/s3_manifest_$(date +%Y%m%d_%H%M%S).json"
aws s3api list-objects-v2 --bucket nba-sim-raw-data-lake --output json > "$OUT" || { echo "❌ listing failed"; exit 1; }
aws s3 cp "$OUT" s3://nba-sim-raw-data-lake/backups/manifests/ || echo "⚠️  upload failed"
echo "✅ $OUT"
