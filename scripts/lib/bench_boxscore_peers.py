"""Time of pbpstats and of a pandas groupby on the games that `scripts/bench-boxscore` counts, as lines of its table."""

import glob
import json
import os
import sys
import tempfile
import time

import pandas as pd


def main(data, games):
    files = sorted(glob.glob(f"{data}/nba_stats_v2/pbp_*.parquet"))
    print("\n| peer, one thread | events | seconds | events/s |")
    print("|---|---:|---:|---:|")
    groupby(files)
    pbpstats(files[0], games)


def line(what, events, seconds):
    print(f"| {what} | {events} | {seconds:.3f} | {events / seconds:.0f} |")


def groupby(files):
    """Points, tries and rebounds per player only: no lineups, minutes, plus/minus or checks."""
    start = time.perf_counter()
    rows = 0
    for file in files:
        table = pd.read_parquet(file).drop_duplicates(["GAME_ID", "EVENTNUM"])
        rows += len(table)
        text = table.HOMEDESCRIPTION.fillna("") + table.VISITORDESCRIPTION.fillna("")
        kind = table.EVENTMSGTYPE
        three = text.str.contains("3PT", regex=False)
        made = text.str.contains("PTS", regex=False)
        table = table.assign(
            fga=kind.isin([1, 2]),
            fgm=kind == 1,
            fg3a=kind.isin([1, 2]) & three,
            fg3m=(kind == 1) & three,
            fta=kind == 3,
            ftm=(kind == 3) & made,
            reb=kind == 4,
            tov=kind == 5,
        )
        counts = ["fga", "fgm", "fg3a", "fg3m", "fta", "ftm", "reb", "tov"]
        table.groupby(["GAME_ID", "PLAYER1_ID"])[counts].sum()
        for column, of in (("PLAYER2_ID", 1), ("PLAYER2_ID", 5), ("PLAYER3_ID", 2)):
            table[kind == of].groupby(["GAME_ID", column]).size()
    line("pandas groupby, counts alone, from parquet", rows, time.perf_counter() - start)


def pbpstats(file, games):
    """Its own loader on its own form of file, offline; games it cannot do are counted as such."""
    from pbpstats.client import Client

    table = pd.read_parquet(file)
    ids = sorted(table.GAME_ID.unique())[:games]
    with tempfile.TemporaryDirectory() as folder:
        for part in ("pbp", "game_details", "overrides"):
            os.makedirs(f"{folder}/{part}")
        columns = [column for column in table.columns if column != "SRC_ROW"]
        for game in ids:
            part = table[table.GAME_ID == game][columns]
            rows = json.loads(part.to_json(orient="values"))
            names = ["PlayByPlay", "AvailableVideo"]
            document = {
                "resource": "playbyplay",
                "parameters": {"GameID": game, "StartPeriod": 0, "EndPeriod": 0},
                "resultSets": [
                    {"name": names[0], "headers": columns, "rowSet": rows},
                    {"name": names[1], "headers": ["VIDEO_AVAILABLE_FLAG"], "rowSet": [[1]]},
                ],
            }
            with open(f"{folder}/pbp/stats_{game}.json", "w", encoding="utf-8") as out:
                json.dump(document, out)
            # It wants shot charts; without shots it counts the same.
            shots = {"resultSets": [{"name": "Shot_Chart_Detail", "headers": ["GAME_EVENT_ID"], "rowSet": []}]}
            for side in ("home", "away"):
                with open(f"{folder}/game_details/stats_{side}_shots_{game}.json", "w", encoding="utf-8") as out:
                    json.dump(shots, out)
        client = Client(
            {
                "dir": folder,
                "EnhancedPbp": {"source": "file", "data_provider": "stats_nba"},
            }
        )
        events = answered = 0
        start = time.perf_counter()
        for game in ids:
            try:
                one = client.Game(game)
                for item in one.enhanced_pbp.items:
                    item.event_stats
                events += len(one.enhanced_pbp.items)
                answered += 1
            except Exception as error:  # its failures are its answer
                print(f"pbpstats: {game}: {type(error).__name__}", file=sys.stderr)
        line(
            f"pbpstats 1.3.11, from JSON, {answered} of {len(ids)} games answered",
            events,
            time.perf_counter() - start,
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
