//! NBA Stats v3, Basketball-Reference and ESPN's pages of 2010, each against the official box of the same games.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use libtest_mimic::Failed;
use nba_boxscore::{Confidence, GameLog, Note, Side, Stat, Verification, count, verify};
use nba_etl::plays::{Form, read_file};
use nba_utils::Verdict;
use serde_json::Value;

use crate::feeds::{figure, json, live_box, one};
use crate::official::{differences, gunzip, lines};
use crate::{Outcome, equal};

/// The two pages of nba.com, with the box that stands in them.
pub(crate) fn nba_com(data: &Path) -> Outcome {
    for (name, id) in [
        ("0022400306_ind-mem", "0022400306"),
        ("0022400308_nop-nyk", "0022400308"),
    ] {
        let path = data.join(format!("nba_com_pages/{name}.json.gz"));
        let (log, game) = one(&path, Form::NbaStatsV3)?;
        equal("id", log.id.as_str(), id)?;
        let official = live_box(&json(&path)["props"]["pageProps"]["game"]);
        equal(id, differences(&log, &game.score, &official), Vec::new())?;
        equal("counts", game.counts(), Verdict::Proven)?;
        equal("who was on court", game.court(), Verdict::Proven)?;
        let late: Vec<_> = lines(&log, &game.score)
            .filter(|(id, line)| {
                let official = &official[id];
                official.seconds.unwrap_or(0).abs_diff(line.seconds()) > 1
                    || official.plus_minus != Some(line.plus_minus)
            })
            .collect();
        equal("time on court and plus/minus", late, Vec::new())?;
        equal("shots with a place", log.shots.is_empty(), false)?;
    }
    Ok(())
}

/// The same form as the server of NBA Stats sends it: nothing lists the players, and the game proves itself.
pub(crate) fn stats_v3(data: &Path) -> Outcome {
    let path = data.join("nba_stats_json/nba_api/playbyplayv3_0022400001.json.gz");
    let (log, game) = one(&path, Form::NbaStatsV3)?;
    equal("id", log.id.as_str(), "0022400001")?;
    equal("final score", game.score.points(), [116, 117])?;
    equal("figures that differ", game.mismatches.len(), 0)?;
    equal("counts", game.counts(), Verdict::Proven)?;
    equal("players without an id", nameless(&log), Vec::new())
}

fn nameless(log: &GameLog) -> Vec<String> {
    log.teams
        .iter()
        .flat_map(|team| &team.players)
        .filter(|player| player.id.is_none())
        .map(|player| player.name.clone())
        .collect()
}

/// Pages of wnba.com: the counts are those of the box; quarters of ten minutes and halves of twenty are no NBA time.
pub(crate) fn wnba_com(data: &Path) -> Outcome {
    for id in ["1022400005", "1022500047"] {
        let path = data.join(format!("nba_com_pages/wnba_{id}.json.gz"));
        let (log, game) = one(&path, Form::NbaStatsV3)?;
        let official = live_box(&json(&path)["postGameData"]["postBoxscoreData"]);
        equal(id, differences(&log, &game.score, &official), Vec::new())?;
        equal("counts", game.counts(), Verdict::Proven)?;
        equal("court is proven", game.court() == Verdict::Proven, false)?;
    }
    let path = data.join("nba_com_pages/wnba_1020100043.json.gz");
    let halves = read_file(&path, |_, _| {});
    equal("halves are refused", halves.is_err(), true)
}

// ---- Basketball-Reference ----------------------------------------------------------------------------------------

const OFFICIAL: [&str; 14] = [
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

/// A full name as Basketball-Reference writes it: an initial and a surname, no `Jr.`.
fn short(name: &str) -> String {
    let mut words: Vec<&str> = name.split(' ').collect();
    if matches!(words.last(), Some(&("Jr." | "Sr." | "II" | "III" | "IV"))) {
        words.pop();
    }
    let initial: String = words[0].chars().take(1).collect();
    format!("{initial}. {}", words[1..].join(" ")).to_lowercase()
}

/// Three names that the two sites spell differently.
fn same_spelling(name: &str) -> String {
    match name.to_lowercase().as_str() {
        "a. şengün" => "a. sengun".to_owned(),
        "h. gonzález peña" => "h. gonzález".to_owned(),
        other => other.to_owned(),
    }
}

/// Counts by side and name; players of one name are one line.
type Named = BTreeMap<(Side, String), [u16; 14]>;

fn add(named: &mut Named, key: (Side, String), counts: [u16; 14]) {
    let line = named.entry(key).or_default();
    for (sum, more) in line.iter_mut().zip(counts) {
        *sum += more;
    }
}

fn by_name(log: &GameLog, game: &Verification) -> Named {
    let mut named = Named::new();
    for side in Side::BOTH {
        let players = &log.teams[side.index()].players;
        for (player, line) in players.iter().zip(&game.score.teams[side.index()].players) {
            let counts = Stat::ALL.map(|stat| count(line, stat));
            add(&mut named, (side, same_spelling(&player.name)), counts);
        }
    }
    named.retain(|_, counts| counts.iter().any(|count| *count > 0));
    named
}

/// All games of a file with a game a line.
fn bref_games(path: &Path) -> Result<Vec<(GameLog, Verification)>, Failed> {
    let mut games = Vec::new();
    let mut forms = Vec::new();
    read_file(path, |form, log| {
        let game = verify(&log);
        forms.push(form);
        games.push((log, game));
    })?;
    equal("forms", forms, vec![Form::Bref; games.len()])?;
    Ok(games)
}

fn verdicts<'g>(
    games: impl IntoIterator<Item = &'g Verification>,
) -> BTreeMap<&'static str, usize> {
    let mut verdicts = BTreeMap::new();
    for game in games {
        *verdicts.entry(game.counts().as_str()).or_insert(0) += 1;
    }
    verdicts
}

/// 40 playoff games against the NBA's own box.
pub(crate) fn bref_playoffs(data: &Path) -> Outcome {
    let games = bref_games(&data.join("bref/pbp_playoffs_2026.jsonl.gz"))?;
    let boxes = gunzip(&data.join("bref/official_box_playoffs_2026.jsonl.gz"));
    let mut different: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut court, mut off) = (0, [0usize; 4]);
    for ((log, game), line) in games.iter().zip(boxes.lines()) {
        let document: Value = serde_json::from_str(line)?;
        let home = document["teams"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|team| team["isHome"] == true)
            .map(|team| team["teamId"].clone())
            .ok_or("no home team")?;
        let mut official = Named::new();
        for player in document["players"].as_array().into_iter().flatten() {
            let side = if player["teamId"] == home {
                Side::Home
            } else {
                Side::Away
            };
            let name = short(player["name"].as_str().unwrap_or_default());
            add(
                &mut official,
                (side, name),
                OFFICIAL.map(|stat| figure(&player[stat])),
            );
        }
        official.retain(|_, counts| counts.iter().any(|count| *count > 0));
        equal("court is proven", game.court() == Verdict::Proven, false)?;
        let answered = game
            .starts
            .iter()
            .all(|start| start.confidence == Confidence::Certain);
        if answered && game.court_violations.is_empty() {
            court += 1;
            for (sum, more) in off.iter_mut().zip(court_differences(log, game, &document)) {
                *sum += more;
            }
        }
        let ours = by_name(log, game);
        let mut wrong = Vec::new();
        for key in ours
            .keys()
            .chain(official.keys().filter(|key| !ours.contains_key(*key)))
        {
            let (own, theirs) = (
                ours.get(key).copied().unwrap_or_default(),
                official.get(key).copied().unwrap_or_default(),
            );
            for (stat, (own, theirs)) in Stat::ALL.into_iter().zip(own.into_iter().zip(theirs)) {
                if own != theirs {
                    wrong.push(format!("{} {stat} {own} for {theirs}", key.1));
                }
            }
        }
        if !wrong.is_empty() {
            different.insert(log.id.clone(), wrong);
        }
    }
    equal("games", games.len(), 40)?;
    equal("games whose court has one answer", court, 38)?;
    equal(
        "players, more than one and five seconds off, other plus/minus",
        off,
        [848, 152, 112, 5],
    )?;
    // Two turnovers of the box have no row: the other side goes on with a ball that nobody lost, and nothing is proven.
    let wrongly: Vec<&str> = games
        .iter()
        .filter(|(log, game)| different.contains_key(&log.id) && game.counts() == Verdict::Proven)
        .map(|(log, _)| log.id.as_str())
        .collect();
    equal("proven, and not what the box says", wrongly, Vec::new())?;
    let text = |line: &str| vec![line.to_owned()];
    equal(
        "games that differ",
        different,
        BTreeMap::from([
            ("202604240PHI".to_owned(), text("j. tatum tov 0 for 1")),
            ("202605120SAS".to_owned(), text("v. wembanyama tov 3 for 4")),
        ]),
    )?;
    equal(
        "games with another doubt",
        doubtful(&games),
        BTreeMap::from([("J. Williams", 2), ("another", 3)]),
    )?;
    equal(
        "counts",
        verdicts(games.iter().map(|(_, game)| game)),
        BTreeMap::from([("not_proven", 5), ("proven", 35)]),
    )
}

/// The defect is planted: every row of a game that hands the ball over is left out, and every try is turned around.
pub(crate) fn bref_planted(data: &Path) -> Outcome {
    let text = gunzip(&data.join("bref/pbp_playoffs_2026.jsonl.gz"));
    let game: Value = serde_json::from_str(text.lines().next().unwrap_or_default())?;
    let rows = game["rows"].as_array().ok_or("no rows")?;
    let said = |row: &Value| -> String {
        let cells = row["cells"].as_array().into_iter().flatten();
        let texts: Vec<&str> = cells.filter_map(Value::as_str).collect();
        texts.join(" ")
    };
    // A technical free throw that goes wrong belongs to nobody's possession, nor does the team's rebound of a dead ball.
    let hands_over = |text: &str| {
        let words = ["makes", "misses", "rebound by", "Turnover by"];
        words.iter().any(|word| text.contains(word))
            && !text.contains("misses technical")
            && !text.contains("heave")
            && !text.contains("rebound by Team")
    };
    let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile()?;
    let mut planted = Vec::new();
    let mut plant = |what: String, refutes: bool, rows: Vec<Value>| -> Outcome {
        let mut defect = game.clone();
        defect["rows"] = rows.into();
        writeln!(file, "{defect}")?;
        planted.push((what, refutes));
        Ok(())
    };
    plant("nothing".to_owned(), false, rows.clone())?;
    // Nothing says who has the ball first, and nobody goes on with it behind the last: those two of a period can be lost without a
    // trace.
    let mut silent = BTreeSet::new();
    let (mut first, mut last) = (true, None);
    for (place, row) in rows.iter().enumerate() {
        let text = said(row);
        if text.starts_with("Time") {
            silent.extend(last);
            first = true;
        } else if hands_over(&text) {
            silent.extend(std::mem::take(&mut first).then_some(place));
            last = Some(place);
        }
    }
    silent.extend(last);
    for (place, row) in rows.iter().enumerate() {
        let text = said(row);
        if !hands_over(&text) || silent.contains(&place) {
            continue;
        }
        let mut fewer = rows.clone();
        fewer.remove(place);
        plant(format!("without `{text}`"), false, fewer)?;
        let turned = [(" makes ", " misses "), (" misses ", " makes ")]
            .into_iter()
            .find(|(word, _)| text.contains(word));
        if let Some((word, other)) = turned {
            let cells: Vec<Value> = row["cells"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|cell| {
                    cell.as_str()
                        .unwrap_or_default()
                        .replace(word, other)
                        .into()
                })
                .collect();
            let mut wrong = rows.clone();
            wrong[place]["cells"] = cells.into();
            plant(format!("turned around `{text}`"), true, wrong)?;
        }
    }
    let mut verdicts = Vec::new();
    read_file(file.path(), |_, log| verdicts.push(verify(&log).counts()))?;
    equal("games", verdicts.len(), planted.len())?;
    equal("many are planted", planted.len() > 400, true)?;
    equal("without a defect", verdicts[0].clone(), Verdict::Proven)?;
    let missed: Vec<_> = planted
        .iter()
        .zip(&verdicts)
        .skip(1)
        .filter(|((_, refutes), verdict)| match verdict {
            Verdict::Refuted { .. } => false,
            Verdict::NotProven { .. } => *refutes,
            _ => true,
        })
        .collect();
    equal("defects not noticed", missed, Vec::new())
}

/// Players of a game, and those whose time differs by more than a second, or whose plus/minus differs.
fn court_differences(log: &GameLog, game: &Verification, document: &Value) -> [usize; 4] {
    let mut found = [0; 4];
    for player in document["players"].as_array().into_iter().flatten() {
        let name = short(player["name"].as_str().unwrap_or_default());
        let minutes = player["minutes"].as_str().unwrap_or_default();
        let official = minutes
            .split_once(':')
            .and_then(|(minutes, seconds)| Some((minutes.parse().ok()?, seconds.parse().ok()?)))
            .map_or(0, |(minutes, seconds): (u32, u32)| minutes * 60 + seconds);
        let margin = player["plusMinusPoints"].as_f64().unwrap_or_default();
        let own = log
            .teams
            .iter()
            .zip(&game.score.teams)
            .flat_map(|(team, score)| team.players.iter().zip(&score.players))
            .find(|(player, _)| same_spelling(&player.name) == name)
            .map(|(_, line)| *line)
            .unwrap_or_default();
        found[0] += 1;
        found[1] += usize::from(own.seconds().abs_diff(official) > 1);
        found[2] += usize::from(own.seconds().abs_diff(official) > 5);
        found[3] += usize::from((f64::from(own.plus_minus) - margin).abs() > 0.5);
    }
    found
}

/// What leaves games in doubt beside the fact that the text prints the score alone, and in how many.
fn doubtful(games: &[(GameLog, Verification)]) -> BTreeMap<&'static str, usize> {
    let mut doubts = BTreeMap::new();
    for (_, game) in games {
        let what = game.notes.iter().find_map(|note| match note {
            Note::AmbiguousName { name, .. } if name == "J. Williams" => Some("J. Williams"),
            Note::Nobody { what, .. } => Some(*what),
            Note::ScoreOnly => None,
            other if other.is_doubt() && !other.is_about_court() => Some("another"),
            _ => None,
        });
        if let Some(what) = what {
            *doubts.entry(what).or_insert(0) += 1;
        }
    }
    doubts
}

/// 60 games of the regular season, without a box here.
pub(crate) fn bref_regular(data: &Path) -> Outcome {
    let games = bref_games(&data.join("bref/pbp_regular_2025_26.jsonl.gz"))?;
    equal("games", games.len(), 60)?;
    // Most of the others: a team rebounds what nobody shot, for a try from afar at the end of a period has no row.
    let expected = BTreeMap::from([
        ("J. Williams", 2),
        ("another", 13),
        ("blocked heave", 4),
        ("shot", 1),
    ]);
    equal("games with a doubt", doubtful(&games), expected)?;
    equal(
        "counts",
        verdicts(games.iter().map(|(_, game)| game)),
        BTreeMap::from([("not_proven", 20), ("proven", 40)]),
    )?;
    let wrong: Vec<_> = games
        .iter()
        .flat_map(|(log, game)| {
            game.mismatches
                .iter()
                .map(|one| format!("{}: {one}", log.id))
        })
        .collect();
    let swapped = "202511300POR: row 65: score of away: printed 11, counted 10 (rows swapped)";
    equal("scores that differ", wrong, vec![swapped.to_owned()])
}

/// What the best-known scraper writes of older games, and two files in no form at all.
pub(crate) fn bref_scraper(data: &Path) -> Outcome {
    let mut found = Vec::new();
    for name in [
        "2003_10_29_TOR_pbp",
        "2018_10_16_BOS_pbp",
        "2018_10_22_POR_pbp",
    ] {
        let path = data.join(format!("bref/scraper_output/{name}.csv.gz"));
        let (log, game) = one(&path, Form::Bref)?;
        found.push((log.id, game.score.points(), game.counts().as_str()));
    }
    equal(
        "games",
        found,
        vec![
            ("2003_10_29_TOR_pbp".to_owned(), [90, 87], "proven"),
            ("2018_10_16_BOS_pbp".to_owned(), [105, 87], "proven"),
            ("2018_10_22_POR_pbp".to_owned(), [124, 125], "proven"),
        ],
    )?;
    for name in ["202606020NYK_pbp", "202606080NYK_pbp"] {
        let read = read_file(&data.join(format!("bref/odd/{name}.json.gz")), |_, _| {});
        equal(name, read.is_err(), true)?;
    }
    Ok(())
}

// ---- ESPN's pages of 2010 ----------------------------------------------------------------------------------------

/// Rows of a box page: name, then MIN FGM-A 3PM-A FTM-A OREB DREB REB AST STL BLK TO PF +/- PTS.
fn html_box(page: &str) -> Vec<(String, [u16; 14], Option<i16>)> {
    let mut found = Vec::new();
    for row in page.split("<tr").skip(1) {
        let cells: Vec<String> = row
            .split("<td")
            .skip(1)
            .map(|cell| {
                let inside = cell.split_once('>').map_or("", |(_, rest)| rest);
                let mut text = String::new();
                let mut tag = false;
                for letter in inside.split("</td").next().unwrap_or_default().chars() {
                    match letter {
                        '<' => tag = true,
                        '>' => tag = false,
                        other if !tag => text.push(other),
                        _ => {}
                    }
                }
                text.trim().to_owned()
            })
            .collect();
        let [
            name,
            _,
            fg,
            three,
            ft,
            oreb,
            dreb,
            _,
            ast,
            stl,
            blk,
            tov,
            pf,
            margin,
            pts,
        ] = &cells[..]
        else {
            continue;
        };
        let split = |cell: &str| -> Option<[u16; 2]> {
            let (made, tried) = cell.split_once('-')?;
            Some([made.parse().ok()?, tried.parse().ok()?])
        };
        let (Some([fgm, fga]), Some([fg3m, fg3a]), Some([ftm, fta])) =
            (split(fg), split(three), split(ft))
        else {
            continue;
        };
        let whole = |cell: &str| cell.parse::<u16>().unwrap_or_default();
        let name = name.split(',').next().unwrap_or_default().trim();
        // The totals have no name.
        if name.is_empty() {
            continue;
        }
        found.push((
            name.to_owned(),
            [
                whole(pts),
                fgm,
                fga,
                fg3m,
                fg3a,
                ftm,
                fta,
                whole(oreb),
                whole(dreb),
                whole(ast),
                whole(stl),
                whole(blk),
                whole(tov),
                whole(pf),
            ],
            margin.trim_start_matches('+').parse().ok(),
        ));
    }
    found
}

/// Ten pages of texts against ten pages of boxes.
pub(crate) fn espn_html(data: &Path) -> Outcome {
    let folder = data.join("espn/nba_html_2010_2011");
    let mut games = 0;
    let mut different = BTreeMap::new();
    let mut margins = BTreeMap::new();
    let mut wrongly_proven = Vec::new();
    let mut verdicts = BTreeMap::new();
    let mut entries: Vec<_> = std::fs::read_dir(&folder)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Some(id) = name.strip_suffix("_pbp.html.gz") else {
            continue;
        };
        games += 1;
        let (log, game) = one(&path, Form::EspnHtml)?;
        equal("id", log.id.as_str(), id)?;
        let official = html_box(&gunzip_lossy(&folder.join(format!("{id}_box.html.gz"))));
        let mut ours: BTreeMap<String, ([u16; 14], i16)> = BTreeMap::new();
        for (team, boxed) in log.teams.iter().zip(&game.score.teams) {
            for (player, line) in team.players.iter().zip(&boxed.players) {
                let counts = Stat::ALL.map(|stat| count(line, stat));
                ours.insert(player.name.clone(), (counts, line.plus_minus));
            }
        }
        let mut wrong = Vec::new();
        let mut margin = 0;
        for (name, theirs, plus_minus) in &official {
            // The box was renamed afterwards.
            let name = match name.as_str() {
                "Metta World Peace" => "Ron Artest",
                other => other,
            };
            let (own, own_margin) = ours.remove(name).unwrap_or_default();
            margin += usize::from(plus_minus.is_some_and(|theirs| theirs != own_margin));
            for (stat, (own, theirs)) in Stat::ALL.into_iter().zip(own.iter().zip(theirs)) {
                if own != theirs {
                    wrong.push(format!("{name} {stat} {own} for {theirs}"));
                }
            }
        }
        for (name, (counts, _)) in ours {
            if counts.iter().any(|count| *count > 0) {
                wrong.push(format!("{name} {counts:?}"));
            }
        }
        *verdicts.entry(game.counts().as_str()).or_insert(0) += 1;
        if margin > 0 {
            margins.insert(id.to_owned(), margin);
        }
        if !wrong.is_empty() {
            if game.counts() == Verdict::Proven {
                wrongly_proven.push(id.to_owned());
            }
            different.insert(id.to_owned(), wrong);
        }
    }
    equal("games", games, 10)?;
    equal(
        "of the games that differ proven",
        wrongly_proven,
        Vec::<String>::new(),
    )?;
    // The text credits an assist to another player than the box.
    let expected = vec![
        "Darko Milicic ast 0 for 1".to_owned(),
        "Luke Ridnour ast 4 for 3".to_owned(),
    ];
    equal(
        "games that differ",
        different,
        BTreeMap::from([("310324006".to_owned(), expected)]),
    )?;
    equal("players whose plus/minus differs", margins, BTreeMap::new())?;
    equal(
        "counts",
        verdicts,
        BTreeMap::from([("not_proven", 8), ("proven", 2)]),
    )
}

/// Some of these pages are Latin-1.
fn gunzip_lossy(path: &Path) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
