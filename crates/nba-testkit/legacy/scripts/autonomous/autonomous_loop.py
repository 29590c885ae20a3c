#!/usr/bin/env python3
"""Reconcile, collect, wait; for ever. Status goes to a file relative to the working directory."""

import json
import os
import subprocess
import sys
import time


def main():
    interval = float(os.environ.get("ADCE_INTERVAL_SECONDS", "900"))
    os.makedirs("inventory", exist_ok=True)
    while True:
        done = subprocess.run([sys.executable, "scripts/reconciliation/run_reconciliation.py"], capture_output=True)
        with open("inventory/adce_status.json", "w") as f:
            json.dump({"pid": os.getpid(), "reconciliation_exit": done.returncode, "healthy": True}, f)
        time.sleep(interval)


if __name__ == "__main__":
    main()
