#!/bin/bash
# Runs the loaders for every year with one environment string.
SETTINGS="DB_PASSWORD=$DB_PASSWORD DB_HOST=$DB_HOST DB_NAME=$DB_NAME DB_USER=$DB_USER"
$SETTINGS python3 "$(dirname "$0")/extract_pbp_local.py" --year-range 1993-2025
