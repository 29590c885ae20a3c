import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", ".."))

from scripts.etl.extract_boxscores_local import parse_minutes, parse_percentage, safe_int
from scripts.etl.extract_schedule_local import game_row


def test_safe_int_drops_the_dot():
    assert safe_int("12.5") == 125
    assert safe_int("+12") == 12
    assert safe_int("DNP") == 0
    assert safe_int(None) == 0


def test_minutes_lose_their_seconds():
    assert parse_minutes("38:30") == 38


def test_percentages():
    assert parse_percentage("48.3%") == 48.3
    assert parse_percentage("abc") == 0


def test_one_competitor_is_no_game():
    assert game_row({"id": "1", "competitors": [{}]}) is None
