#!/usr/bin/env python3
"""Season totals of the current season. (There is no --days.)"""

import argparse
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--also-previous-season", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--config")
    parser.parse_args()
    try:
        import basketball_reference_web_scraper  # noqa: F401
    except ImportError:
        print("❌ basketball_reference_web_scraper is not installed")
        sys.exit(1)


if __name__ == "__main__":
    main()
