#!/usr/bin/env python3
"""Guess what is missing from a random tenth of the listing; writes inventory/gaps.json where it stands."""

import json
import os
import random


def main():
    root = os.path.join(os.environ.get("S3_LOCAL_ROOT", "."), "nba-sim-raw-data-lake")
    names = [os.path.join(folder, f) for folder, _, files in os.walk(root) for f in files]
    sample = random.sample(names, max(len(names) // 10, 0))
    os.makedirs("inventory", exist_ok=True)
    with open("inventory/gaps.json", "w") as f:
        json.dump({"sampled": len(sample), "tasks": []}, f)
    print(f"sampled {len(sample)} of {len(names)}")


if __name__ == "__main__":
    main()
