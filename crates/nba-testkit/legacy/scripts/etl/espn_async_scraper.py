#!/usr/bin/env python3
"""Fetch the last days concurrently. (Option --seasons is a place-holder.)"""

import argparse
import asyncio
import os


async def fetch_day(back):
    raise ConnectionError("Connection closed")


async def run(args):
    if args.seasons:
        print("seasons: " + ", ".join(args.seasons))
        return
    errors = 0
    for back in range(args.days_back):
        try:
            await fetch_day(back)
        except ConnectionError:
            errors += 1
    print(f"requests {args.days_back}, stored 0, errors {errors}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days-back", type=int, default=14)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--config-file", default="config/scraper_config.yaml")
    parser.add_argument("--seasons", nargs="+")
    args = parser.parse_args()
    if not os.path.exists(args.config_file):
        os.makedirs(os.path.dirname(args.config_file) or ".", exist_ok=True)
        with open(args.config_file, "w") as f:
            f.write("scrapers:\n  espn:\n    timeout: 30\n")
        print(f"wrote defaults to {args.config_file}")
    asyncio.run(run(args))
    print("✅ done")


if __name__ == "__main__":
    main()
