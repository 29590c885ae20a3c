import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", ".."))

import nba_simulator.config as config


def test_default_bucket():
    os.environ.pop("S3_BUCKET", None)
    assert config.load_s3_config()["bucket"] == "nba-sim-raw-data-lake"
