#!/usr/bin/env python3
"""Data inventory: measure the configured metrics and compare them with the documented values."""

import argparse
import os
import subprocess
import sys
from datetime import datetime, timezone

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, ROOT)

from scripts.shared import miniyaml

CONFIG = os.path.join(ROOT, "inventory", "config.yaml")
METRICS = os.path.join(ROOT, "inventory", "metrics.yaml")


def measure(metric):
    done = subprocess.run(metric["command"], shell=True, cwd=ROOT, capture_output=True, text=True, timeout=30)
    text = done.stdout.strip()
    kind = metric.get("parse_type", "string")
    if kind == "integer":
        return int(text)
    if kind == "float":
        return round(float(text), metric.get("precision", 2))
    return text


def compare(documented, measured):
    if documented is None:
        return "new"
    if not isinstance(measured, (int, float)) or not isinstance(documented, (int, float)):
        return "ok" if measured == documented else "different"
    if documented == 0:
        drift = 0 if measured == 0 else 100
    else:
        drift = abs(measured - documented) / documented * 100
    if drift == 0:
        return "ok"
    return "minor" if drift < 5 else "moderate" if drift < 15 else "major"


def selected(metrics, category, name):
    # a category alone selects everything
    for group, entries in metrics.items():
        for metric, definition in entries.items():
            if name and (group != category or metric != name):
                continue
            yield group, metric, definition


def write_metrics(values):
    with open(METRICS, "w", encoding="utf-8") as f:
        for group, entries in values.items():
            f.write(f"{group}:\n")
            for metric, entry in entries.items():
                f.write(f"  {metric}:\n")
                for key, value in entry.items():
                    text = str(value).lower() if isinstance(value, bool) else value
                    f.write(f"    {key}: {text}\n" if not isinstance(value, str) else f"    {key}: '{value}'\n")


def verify(args, config, values):
    counts = {"ok": 0, "minor": 0, "moderate": 0, "major": 0, "error": 0, "new": 0, "different": 0}
    for group, name, definition in selected(config["metrics"], args.category, args.metric):
        if definition.get("enabled") is False:
            continue
        try:
            measured = measure(definition)
            documented = values.get(group, {}).get(name, {}).get("value")
            status = compare(documented, measured)
        except Exception as e:
            measured, status = e, "error"
        counts[status] += 1
        print(f"{group}.{name}: {status} ({measured})")
        if args.update and status in ("minor", "moderate", "major"):
            values[group][name]["value"] = measured
            values[group][name]["last_verified"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if args.update:
        write_metrics(values)
    print(" ".join(f"{k}={v}" for k, v in counts.items()))
    if args.metric:
        return 0 if counts["ok"] + counts["minor"] else 1
    return 1 if counts["minor"] + counts["moderate"] + counts["major"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command")
    for name in ("verify", "update"):
        sub = commands.add_parser(name)
        sub.add_argument("--category")
        sub.add_argument("--metric")
        if name == "verify":
            sub.add_argument("--update", action="store_true")
    generate = commands.add_parser("generate")
    generate.add_argument("--format", choices=["markdown", "json", "html", "jupyter"], default="markdown")
    commands.add_parser("info")
    commands.add_parser("snapshot")
    cache = commands.add_parser("cache")
    cache.add_argument("action", choices=["info", "clear", "cleanup"])
    args = parser.parse_args()
    if not args.command:
        parser.print_help()
        return 0
    config = miniyaml.load(CONFIG)
    values = miniyaml.load(METRICS)
    if args.command == "verify":
        return verify(args, config, values)
    if args.command == "update":
        failed = 0
        for group, name, definition in selected(config["metrics"], args.category, args.metric):
            try:
                values.setdefault(group, {}).setdefault(name, {})["value"] = measure(definition)
            except Exception as e:
                print(f"❌ {group}.{name}: {e}")
                failed += 1
        write_metrics(values)
        return 1 if failed else 0
    if args.command == "info":
        print(f"{config['system_name']} {config['version']}: {sum(len(m) for m in config['metrics'].values())} metrics")
        return 0
    if args.command == "snapshot":
        folder = os.path.join(ROOT, "inventory", "historical")
        os.makedirs(folder, exist_ok=True)
        with open(METRICS, encoding="utf-8") as f, open(
            os.path.join(folder, datetime.now().strftime("%Y-%m-%d") + ".yaml"), "w", encoding="utf-8"
        ) as out:
            out.write(f.read())
        return 0
    if args.command == "generate":
        if args.format in ("html", "jupyter"):
            print(f"❌ unknown format {args.format}")
            return 1
        for group, entries in values.items():
            print(f"## {group}")
            for name, entry in entries.items():
                print(f"- {name}: {entry.get('value')}")
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
