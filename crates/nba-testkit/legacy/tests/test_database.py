import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from scripts.shared import pg


@pytest.mark.skipif("DB_HOST" not in os.environ, reason="no database")
def test_there_are_games():
    session = pg.Session(os.environ["DB_HOST"], os.environ.get("DB_PORT", "5432"), os.environ["DB_NAME"],
                         os.environ["DB_USER"], os.environ.get("DB_PASSWORD", ""))
    assert int(session.query("SELECT count(*) FROM games")[0][0]) > 0
