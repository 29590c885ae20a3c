#!/usr/bin/env python3
"""Update the inventory and commit whatever changed in the working tree."""

import subprocess
import sys


def main():
    subprocess.run([sys.executable, "scripts/monitoring/dims_cli.py", "update"], capture_output=True)
    subprocess.run(["git", "add", "-A"], capture_output=True)
    subprocess.run(["git", "commit", "-m", "chore: daily update"], capture_output=True)
    print("✅ daily update complete")


if __name__ == "__main__":
    main()
