"""The refactored package; importing it creates the log folder."""

import logging.handlers
import os

_LOGS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "logs")
os.makedirs(_LOGS, exist_ok=True)
logging.getLogger("nba_simulator").addHandler(
    logging.handlers.RotatingFileHandler(
        os.path.join(_LOGS, "nba_simulator.log"), maxBytes=10 * 1024 * 1024, backupCount=5
    )
)
