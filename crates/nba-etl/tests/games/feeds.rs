//! The other forms, each against the official box of the same game.

use std::collections::BTreeMap;
use std::path::Path;

use nba_boxscore::adapter::{data_nba, espn_text};
use nba_boxscore::{GameLog, Side, Stat, Verification, count, verify};
use nba_etl::plays::table::for_each_batch;
use nba_etl::plays::{Form, read_file};
use nba_utils::Verdict;
use parquet::errors::ParquetError;
use serde_json::Value;

use crate::official::{OfficialLine, differences, gunzip, lines};
use crate::{Outcome, equal};

pub(crate) fn one(
    path: &Path,
    form: Form,
) -> Result<(GameLog, Verification), libtest_mimic::Failed> {
    let mut found = Vec::new();
    read_file(path, |form, log| found.push((form, log)))?;
    let (read_as, log) = found.pop().ok_or("no game")?;
    equal("form", read_as, form)?;
    let game = verify(&log);
    Ok((log, game))
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&gunzip(path)).unwrap()
}

const LIVE: [&str; 14] = [
    "points",
    "fieldGoalsMade",
    "fieldGoalsAttempted",
    "threePointersMade",
    "threePointersAttempted",
    "freeThrowsMade",
    "freeThrowsAttempted",
    "reboundsOffensive",
    "reboundsDefensive",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "foulsPersonal",
];

pub(crate) fn figure(value: &Value) -> u16 {
    value
        .as_f64()
        .map_or(0, |value| format!("{value:.0}").parse().unwrap_or(0))
}

/// `homeTeam` and `awayTeam` with `players[].statistics`.
pub(crate) fn live_box(game: &Value) -> BTreeMap<u64, OfficialLine> {
    let mut lines = BTreeMap::new();
    for team in ["homeTeam", "awayTeam"] {
        for player in game[team]["players"].as_array().unwrap() {
            let statistics = &player["statistics"];
            let minutes = statistics["minutes"].as_str().unwrap_or("PT00M00.00S");
            // Pages round a time of 30:59.5 to `30:60`.
            let sixty = minutes
                .split_once(':')
                .and_then(|(minutes, seconds)| Some((minutes.parse().ok()?, seconds.parse().ok()?)))
                .map(|(minutes, seconds): (u32, u32)| minutes * 60 + seconds);
            let seconds = minutes
                .parse::<nba_utils::Clock>()
                .ok()
                .map(|clock| clock.whole_seconds())
                .or(sixty);
            lines.insert(
                player["personId"].as_u64().unwrap(),
                OfficialLine {
                    counts: LIVE.map(|stat| figure(&statistics[stat])),
                    plus_minus: statistics["plusMinusPoints"]
                        .as_f64()
                        .and_then(|value| format!("{value:.0}").parse().ok()),
                    seconds,
                },
            );
        }
    }
    lines
}

/// cdn.nba.com: every game that has a box.
pub(crate) fn live(data: &Path) -> Outcome {
    let folder = data.join("nba_live_cdn");
    let mut compared = 0;
    for id in ["22000001", "22500775", "22500776"] {
        let (log, game) = one(
            &folder.join(format!("{id}_playbyplay.json.gz")),
            Form::NbaLive,
        )?;
        let document = json(&folder.join(format!("{id}_boxscore.json.gz")));
        let official = live_box(&document["game"]);
        equal(id, differences(&log, &game.score, &official), Vec::new())?;
        let wrong: Vec<_> = lines(&log, &game.score)
            .filter(|(id, line)| official[id].plus_minus != Some(line.plus_minus))
            .map(|(id, line)| (id, line.plus_minus, official[&id].plus_minus))
            .collect();
        equal("plus/minus", wrong, Vec::new())?;
        let late: Vec<_> = lines(&log, &game.score)
            .filter(|(id, line)| official[id].seconds.unwrap_or(0).abs_diff(line.seconds()) > 1)
            .collect();
        equal("time on court", late, Vec::new())?;
        equal("counts", game.counts(), Verdict::Proven)?;
        compared += 1;
    }
    equal("games", compared, 3)
}

/// The one live game whose box is in the form of NBA Stats.
pub(crate) fn live_against_stats(data: &Path) -> Outcome {
    let (log, game) = one(
        &data.join("nba_live_cdn/22400561_playbyplay.json.gz"),
        Form::NbaLive,
    )?;
    let document =
        json(&data.join("nba_stats_json/najicham/boxscoretraditionalv2_0022400561.json.gz"));
    equal(
        "figures",
        differences(&log, &game.score, &stats_box(&document)),
        Vec::new(),
    )?;
    equal("counts", game.counts(), Verdict::Proven)
}

/// Games without a box prove themselves.
pub(crate) fn live_without_box(data: &Path) -> Outcome {
    for id in ["22400500", "22500857"] {
        let (_, game) = one(
            &data.join(format!("nba_live_cdn/{id}_playbyplay.json.gz")),
            Form::NbaLive,
        )?;
        equal(id, game.counts(), Verdict::Proven)?;
    }
    Ok(())
}

fn stats_box(document: &Value) -> BTreeMap<u64, OfficialLine> {
    const STATS: [&str; 14] = [
        "PTS", "FGM", "FGA", "FG3M", "FG3A", "FTM", "FTA", "OREB", "DREB", "AST", "STL", "BLK",
        "TO", "PF",
    ];
    let set = document["resultSets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|set| set["name"] == "PlayerStats")
        .unwrap();
    let place = |name: &str| {
        set["headers"]
            .as_array()
            .unwrap()
            .iter()
            .position(|header| header == name)
            .unwrap()
    };
    set["rowSet"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row[place("PLAYER_ID")].as_u64().unwrap(),
                OfficialLine {
                    counts: STATS.map(|stat| figure(&row[place(stat)])),
                    plus_minus: None,
                    seconds: None,
                },
            )
        })
        .collect()
}

/// NBA Stats as its server sends it, with the awkward orders of the pbpstats fixtures.
pub(crate) fn stats_json(data: &Path) -> Outcome {
    let folder = data.join("nba_stats_json");
    let (log, game) = one(
        &folder.join("pbp/stats_0021600270.json.gz"),
        Form::NbaStatsV2,
    )?;
    let official = stats_box(&json(
        &folder.join("game_details/stats_boxscore_0021600270.json.gz"),
    ));
    equal(
        "figures",
        differences(&log, &game.score, &official),
        Vec::new(),
    )?;
    equal("counts", game.counts(), Verdict::Proven)?;
    // In the G League one free throw stands for two or three points: the score says that these are not the NBA's rules.
    let (_, game) = one(
        &folder.join("pbp/stats_2021900002.json.gz"),
        Form::NbaStatsV2,
    )?;
    let refuted = matches!(game.counts(), Verdict::Refuted { .. });
    equal("G League is refuted", refuted, true)?;
    for name in [
        "raw_stats_0021900001",
        "stats_0021900001",
        "technical_before_period_start",
    ] {
        let (_, game) = one(
            &folder.join(format!("pbp/{name}.json.gz")),
            Form::NbaStatsV2,
        )?;
        equal(name, game.counts(), Verdict::Proven)?;
    }
    Ok(())
}

/// The mobile feed of a game whose box NBA Stats has.
pub(crate) fn data_nba(data: &Path) -> Outcome {
    let folder = data.join("nba_stats_json");
    let (log, game) = one(&folder.join("pbp/data_0021600270.json.gz"), Form::DataNba)?;
    let official = stats_box(&json(
        &folder.join("game_details/stats_boxscore_0021600270.json.gz"),
    ));
    equal(
        "figures",
        differences(&log, &game.score, &official),
        Vec::new(),
    )?;
    equal("counts", game.counts(), Verdict::Proven)
}

/// The period of a row, which the table does not have, and its cells.
type PeriodAndCells = (i64, Vec<String>);

/// 200 games of the mobile feed, whose texts carry running figures.
pub(crate) fn data_nba_seasons(data: &Path) -> Outcome {
    let columns = [
        "game", "evt", "cl", "de", "mtype", "etype", "opid", "tid", "pid", "hs", "vs", "epid",
    ];
    let mut games: Vec<(String, Vec<PeriodAndCells>)> = Vec::new();
    let mut period = 0;
    for_each_batch(
        &data.join("data_nba_com/pbp_2016_18_a.parquet"),
        &columns,
        |batch| {
            for row in 0..batch.rows() {
                let id = batch.text(0, row);
                if games.last().is_none_or(|(last, _)| last != id) {
                    games.push((id.to_owned(), Vec::new()));
                    period = 0;
                }
                let whole = |column| batch.whole(column, row).unwrap_or(0).to_string();
                if batch.whole(5, row) == Some(12) {
                    period += 1;
                }
                let cells = vec![
                    whole(1),
                    batch.text(2, row).to_owned(),
                    batch.text(3, row).to_owned(),
                    whole(4),
                    whole(5),
                    whole(6),
                    whole(7),
                    whole(8),
                    whole(9),
                    whole(10),
                    whole(11),
                ];
                games.last_mut().unwrap().1.push((period, cells));
            }
            Ok::<(), ParquetError>(())
        },
    )?;
    let (mut figures, mut unexplained, mut verdicts) = (0, 0, BTreeMap::new());
    for (id, rows) in &games {
        let plays: Vec<data_nba::Play<'_>> = rows
            .iter()
            .map(|(period, cells)| {
                let whole = |place: usize| cells[place].parse::<i64>().unwrap();
                let count = |place: usize| cells[place].parse::<u16>().unwrap();
                data_nba::Play {
                    number: Some(whole(0)),
                    period: *period,
                    clock: &cells[1],
                    text: &cells[2],
                    action: whole(3),
                    kind: whole(4),
                    opponent: Some(whole(5)),
                    team: whole(6),
                    player: whole(7),
                    score: [count(8), count(9)],
                    helper: Some(whole(10)),
                }
            })
            .collect();
        let log = data_nba::read(id, &plays, None)?;
        let game = verify(&log);
        figures += game.figures;
        unexplained += game
            .mismatches
            .iter()
            .filter(|one| one.explanation.is_none())
            .count();
        let word = match game.counts() {
            Verdict::Proven => "proven",
            Verdict::Refuted { .. } => "refuted",
            _ => "not proven",
        };
        *verdicts.entry(word).or_insert(0) += 1;
    }
    equal("games", games.len(), 200)?;
    equal("figures compared", figures, 120_935)?;
    // Thirteen games print other figures than they add up to: five begin with the totals of their end, in one a free throw has the
    // clock of another time, the others lack a correction. Nothing of that is called proven.
    equal("figures that nothing explains", unexplained, 822)?;
    equal(
        "verdicts",
        verdicts,
        BTreeMap::from([("proven", 187), ("refuted", 13)]),
    )
}

/// ESPN's texts alone, against ESPN's own box of the same document.
pub(crate) fn espn_text(data: &Path) -> Outcome {
    let path = data.join("espn/nba_summary_json/401585607.json.gz");
    let document = json(&path);
    let home = &document["header"]["competitions"][0]["competitors"][0]["team"]["id"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows: Vec<(Value, String, String)> = document["plays"]
        .as_array()
        .unwrap()
        .iter()
        .map(|play| {
            (
                play.clone(),
                text(&play["clock"]["displayValue"]),
                text(&play["text"]),
            )
        })
        .collect();
    let log = espn_text::read(
        "401585607",
        rows.iter().map(|(play, clock, text)| espn_text::Row {
            number: play["sequenceNumber"]
                .as_str()
                .and_then(|number| number.parse().ok()),
            period: play["period"]["number"].as_i64().unwrap(),
            clock,
            text,
            side: match &play["team"]["id"] {
                Value::Null => None,
                team if team == home => Some(Side::Home),
                _ => Some(Side::Away),
            },
            score: Some([figure(&play["homeScore"]), figure(&play["awayScore"])]),
        }),
    )?;
    let game = verify(&log);
    // The same lines by name as by id.
    let (by_id, exact) = one(&path, Form::EspnSummary)?;
    let named = |log: &GameLog, game: &Verification| {
        let mut found: Vec<(String, [u16; 14])> = Side::BOTH
            .into_iter()
            .flat_map(|side| {
                log.teams[side.index()]
                    .players
                    .iter()
                    .zip(&game.score.teams[side.index()].players)
                    .map(|(player, line)| {
                        (player.name.clone(), Stat::ALL.map(|stat| count(line, stat)))
                    })
                    .collect::<Vec<_>>()
            })
            .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
            .collect();
        found.sort();
        found
    };
    let (ours, theirs) = (named(&log, &game), named(&by_id, &exact));
    equal("players", ours.len(), theirs.len())?;
    let mut different = Vec::new();
    for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        for (stat, (ours, theirs)) in Stat::ALL.into_iter().zip(ours.iter().zip(theirs)) {
            if ours != theirs {
                different.push((name.as_str(), stat, *ours, *theirs));
            }
        }
    }
    // One miss from the line does not say that it was a three; the game is not called proven.
    equal(
        "figures",
        different,
        vec![("Gary Trent Jr.", Stat::Fg3a, 5, 6)],
    )?;
    let open = matches!(game.counts(), Verdict::NotProven { .. });
    equal("counts are not proven", open, true)
}

/// ESPN's own box of the same document.
pub(crate) fn espn_summary(data: &Path) -> Outcome {
    let path = data.join("espn/nba_summary_json/401585607.json.gz");
    let (log, game) = one(&path, Form::EspnSummary)?;
    let document = json(&path);
    let mut official = BTreeMap::new();
    for team in document["boxscore"]["players"].as_array().unwrap() {
        for athlete in team["statistics"][0]["athletes"].as_array().unwrap() {
            let Some(stats) = athlete["stats"]
                .as_array()
                .filter(|stats| !stats.is_empty())
            else {
                continue;
            };
            let cell = |place: usize| stats[place].as_str().unwrap();
            let whole = |place: usize| cell(place).parse::<u16>().unwrap();
            let split = |place: usize| {
                let (made, tried) = cell(place).split_once('-').unwrap();
                [made.parse::<u16>().unwrap(), tried.parse().unwrap()]
            };
            let ([fgm, fga], [fg3m, fg3a], [ftm, fta]) = (split(2), split(3), split(4));
            // MIN PTS FG 3PT FT REB AST TO STL BLK OREB DREB PF +/-
            let counts = [
                whole(1),
                fgm,
                fga,
                fg3m,
                fg3a,
                ftm,
                fta,
                whole(10),
                whole(11),
                whole(6),
                whole(8),
                whole(9),
                whole(7),
                whole(12),
            ];
            official.insert(
                athlete["athlete"]["id"].as_str().unwrap().parse().unwrap(),
                OfficialLine {
                    counts,
                    plus_minus: cell(13).parse().ok(),
                    seconds: None,
                },
            );
        }
    }
    let played = official
        .values()
        .filter(|line: &&OfficialLine| line.counts.iter().any(|count| *count > 0))
        .count();
    equal("players with figures", played > 20, true)?;
    equal(
        "figures",
        differences(&log, &game.score, &official),
        Vec::new(),
    )?;
    let wrong: Vec<_> = lines(&log, &game.score)
        .filter(|(id, line)| {
            official.get(id).and_then(|line| line.plus_minus) != Some(line.plus_minus)
        })
        .collect();
    equal("plus/minus", wrong, Vec::new())?;
    equal("counts", game.counts(), Verdict::Proven)
}

/// College games have halves of 20 minutes, other types and rows that are missing: no panic, and nothing proven.
pub(crate) fn espn_college(data: &Path) -> Outcome {
    for name in [
        "290710041_mens_6ot_game",
        "330452197_mens_game_2",
        "401706886_mens_game",
    ] {
        let path = data.join(format!("espn/ncaa_summary_json/{name}.json.gz"));
        let mut proven = false;
        // Refusing the clock of a half is an answer, too.
        let _ = read_file(&path, |_, log| {
            proven = verify(&log).counts() == Verdict::Proven;
        });
        equal(name, proven, false)?;
    }
    Ok(())
}
