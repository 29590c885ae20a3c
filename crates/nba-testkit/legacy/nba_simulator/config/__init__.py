"""Settings by the names the scripts know."""

import os


def load_database_config():
    return {
        "host": os.getenv("RDS_HOST", os.getenv("DB_HOST", "localhost")),
        "port": int(os.getenv("RDS_PORT", os.getenv("DB_PORT", "5432"))),
        "database": os.getenv("RDS_DATABASE", os.getenv("DB_NAME", "nba_simulator")),
        "user": os.getenv("RDS_USERNAME", os.getenv("DB_USER", "postgres")),
        "password": os.getenv("RDS_PASSWORD", os.getenv("DB_PASSWORD", "")),
    }


def load_s3_config():
    return {
        "bucket": os.getenv("S3_BUCKET", "nba-sim-raw-data-lake"),
        "region": os.getenv("AWS_REGION", "us-east-1"),
    }
