#!/usr/bin/env python3
"""Long-running agent that starts worker processes of its own."""

import logging
import subprocess
import sys
import time

logging.basicConfig(level=logging.INFO, filename="logs/phase_9_2_hoopr_agent.log")


def main():
    worker = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(1)"])
    logging.info("worker %d", worker.pid)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
