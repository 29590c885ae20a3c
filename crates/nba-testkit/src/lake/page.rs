//! Format 1: the page document, which all SQL loaders read (ETL dossier 2.1–2.4).

use serde_json::{Value, json};

use super::LakeGame;
use super::document::{
    final_word, linescores, logo, minute, pair, percent, player_id, signed, team, team_line,
    team_name, team_uid,
};
use super::quirks::LakeQuirk;
use crate::quirks::{Oddity, scramble};
use crate::sim::{Play, PlayKind, Side, text};

/// Names of the fourteen columns of a player's line, in page order.
const KEYS: [&str; 14] = [
    "minutes",
    "fieldGoalsMade-fieldGoalsAttempted",
    "threePointFieldGoalsMade-threePointFieldGoalsAttempted",
    "freeThrowsMade-freeThrowsAttempted",
    "offensiveRebounds",
    "defensiveRebounds",
    "rebounds",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "fouls",
    "plusMinus",
    "points",
];
/// Their headings.
const LABELS: [&str; 14] = [
    "MIN", "FG", "3PT", "FT", "OREB", "DREB", "REB", "AST", "STL", "BLK", "TO", "PF", "+/-", "PTS",
];

/// Which page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Plays,
    Box,
    Team,
    /// No page has all of it, but the embedded package has.
    All,
}

/// The page around the package.
pub(super) fn document(entry: &LakeGame<'_>, section: Section) -> Value {
    json!({
        "app": {},
        "page": {
            "key": "gamepackage",
            "type": "gamepackage",
            "title": format!("{} vs. {}", team_name(entry.game.header.away), team_name(entry.game.header.home)),
            "content": {"gamepackage": package(entry, section)},
        },
    })
}

/// The game package.
pub(super) fn package(entry: &LakeGame<'_>, section: Section) -> Value {
    let mut package = json!({
        "gmStrp": strip(entry),
        "gmInfo": info(entry),
    });
    let wants = |one| section == one || section == Section::All;
    if wants(Section::Plays) {
        package["pbp"] = plays(entry);
        package["shtChrt"] = json!({"plays": shots(entry)});
    }
    if wants(Section::Box) {
        package["bxscr"] = if LakeQuirk::NoBox.shown_by(entry) {
            json!([])
        } else {
            box_score(entry)
        };
    }
    if wants(Section::Team) && !LakeQuirk::NoTeamStats.shown_by(entry) {
        package["tmStats"] = team_stats(entry);
    }
    package
}

fn strip(entry: &LakeGame<'_>) -> Value {
    let score = entry.game.final_score();
    let teams: Vec<Value> = Side::BOTH
        .into_iter()
        .map(|side| {
            let of = team(entry, side);
            let [own, other] = [score[side.index()], score[side.other().index()]];
            let mut value = json!({
                "id": of.espn_id.to_string(),
                "abbrev": of.abbrev,
                "displayName": team_name(of),
                "shortDisplayName": of.name,
                "location": of.location,
                "logo": logo(of),
                "teamColor": of.color,
                "altColor": of.alt_color,
                "uid": team_uid(of),
                "recordSummary": "",
                "standingSummary": "",
                "isHome": side == Side::Home,
                "homeAway": side.as_str(),
                "linescores": linescores(entry, side),
                "score": own.to_string(),
            });
            // The loser simply lacks the key.
            if own > other {
                value["winner"] = json!(true);
            }
            value
        })
        .collect();
    json!({
        "uid": format!("s:40~l:46~e:{}", entry.id),
        "gid": entry.id,
        "dt": minute(entry),
        "nm": "basketball",
        "seasonType": entry.game.header.season_type.code(),
        "status": {"desc": final_word(entry), "det": final_word(entry), "id": "3", "state": "post"},
        "statusState": "post",
        "tbd": false,
        "tms": teams,
        "lgId": "46",
        "config": {"maxPeriods": 4},
        "hasWinner": true,
    })
}

fn info(entry: &LakeGame<'_>) -> Value {
    let header = &entry.game.header;
    let referees = header.referees.iter().enumerate();
    let referees: Vec<Value> = referees
        .filter(|(number, _)| *number != 2 || !Oddity::MissingReferee.hits(header))
        .map(|(_, name)| json!({"dspNm": name, "pos": "Referee"}))
        .collect();
    let mut info = json!({
        "dtTmVld": true,
        "dtTm": if Oddity::UnparsedDate.hits(header) {
            header.tipoff.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        } else {
            minute(entry)
        },
        "gameState": "post",
        "cvrg": "NBA TV",
        "broadcasts": [{"type": "1", "market": "National", "name": "NBA TV"}],
        "refs": referees,
        "loc": header.home.venue,
        "locAddr": {"city": header.home.city, "state": header.home.state},
    });
    // An unknown attendance is no key; the loader makes 0 of it.
    if header.attendance > 0 {
        info["attnd"] = json!(header.attendance);
    }
    info
}

fn plays(entry: &LakeGame<'_>) -> Value {
    let score = entry.game.final_score();
    let mut value = json!({"playGrps": groups(entry), "tms": {}});
    for side in Side::BOTH {
        let of = team(entry, side);
        value["tms"][side.as_str()] = json!({
            "id": of.espn_id.to_string(),
            "displayName": team_name(of),
            "abbrev": of.abbrev,
            "score": score[side.index()].to_string(),
            "league": "nba",
        });
    }
    value
}

fn groups(entry: &LakeGame<'_>) -> Value {
    if LakeQuirk::NoPlays.shown_by(entry) {
        return json!([]);
    }
    let plays = &entry.game.plays;
    let middle = plays.len() / 2;
    let numbers = LakeQuirk::NumberIds.shown_by(entry);
    let twice = LakeQuirk::DuplicatePlay.shown_by(entry);
    let nameless = LakeQuirk::EmptyId.shown_by(entry);
    let no_clock = LakeQuirk::NullClock.shown_by(entry);
    let mut groups: Vec<Vec<Value>> = Vec::new();
    for (at, one) in plays.iter().enumerate() {
        let period = usize::from(one.period.max(1));
        if groups.len() < period {
            groups.resize_with(period, Vec::new);
        }
        let group = &mut groups[period - 1];
        let mut value = play(entry, one, numbers);
        if no_clock && at == middle {
            value["clock"] = Value::Null;
        }
        if nameless && at == middle {
            let mut copy = value.clone();
            copy["id"] = json!("");
            group.push(copy);
        }
        if twice && at == middle {
            group.push(value.clone());
        }
        group.push(value);
    }
    let mut groups: Vec<Value> = groups.into_iter().map(Value::from).collect();
    if LakeQuirk::GroupNotList.shown_by(entry) {
        groups.push(json!({"note": "no plays"}));
    }
    Value::from(groups)
}

fn play(entry: &LakeGame<'_>, play: &Play, numbers: bool) -> Value {
    let header = &entry.game.header;
    let id = format!("{}{}", entry.id, play.sequence);
    // About one neutral row in 300 has no clock, the same rows as in the database.
    let clock_missing = play.side.is_none()
        && scramble(u64::from(header.index) << 16 | u64::from(play.sequence)).is_multiple_of(300);
    let clock = if clock_missing {
        String::new()
    } else {
        text::clock_display(play.clock_tenths, header.wording)
    };
    let mut value = json!({
        "id": id,
        "period": {"number": play.period, "displayValue": text::period_display(play.period)},
        "text": play.text,
        "awayScore": play.score[1],
        "homeScore": play.score[0],
        "clock": {"displayValue": clock},
    });
    if numbers && let Ok(number) = id.parse::<u64>() {
        value["id"] = json!(number);
    }
    if let Some(side) = play.side {
        value["homeAway"] = json!(side.as_str());
    }
    if play.points > 0 {
        value["scoringPlay"] = json!(true);
    }
    value
}

fn shots(entry: &LakeGame<'_>) -> Vec<Value> {
    if LakeQuirk::NoPlays.shown_by(entry) {
        return Vec::new();
    }
    let is_shot = |play: &&Play| matches!(play.kind, PlayKind::MadeShot | PlayKind::MissedShot);
    entry
        .game
        .plays
        .iter()
        .filter(is_shot)
        .filter_map(|play| {
            let (x, y) = play.coordinate?;
            let side = play.side?;
            let actor = play.actors[0]?;
            let player = &entry.game.rosters[actor.side.index()][usize::from(actor.player)];
            let (id, kind) = text::espn_type(play);
            Some(json!({
                "id": format!("{}{}", entry.id, play.sequence),
                "period": {"number": play.period},
                "text": play.text,
                "homeAway": side.as_str(),
                "athlete": {"id": player.espn_id.to_string(), "name": player.name},
                "type": {"id": id.to_string(), "txt": kind},
                "scoringPlay": play.points > 0,
                "coordinate": {"x": x, "y": y},
            }))
        })
        .collect()
}

/// Visitors first, as the page has it.
fn box_score(entry: &LakeGame<'_>) -> Value {
    let mut nameless = nameless_player(entry);
    let mut sides = Side::BOTH.map(|side| {
        let (mut starters, mut bench) = (Vec::new(), Vec::new());
        let team_box = &entry.game.boxes[side.index()];
        for (player, line) in entry.game.rosters[side.index()].iter().zip(&team_box.players) {
            let s = &line.line;
            let hidden = nameless && line.did_not_play;
            nameless &= !hidden;
            let mut value = json!({"athlt": {
                "id": player_id(player, hidden),
                "uid": format!("s:40~l:46~a:{}", player.espn_id),
                "jersey": player.jersey,
                "shrtNm": player.short_name,
                "dspNm": player.name,
            }});
            if line.did_not_play {
                value["stats"] = json!([]);
                value["dnpRsn"] = json!("DNP-COACH'S DECISION");
            } else {
                value["stats"] = json!([
                    (s.seconds / 60).to_string(),
                    pair(s.fgm, s.fga),
                    pair(s.fg3m, s.fg3a),
                    pair(s.ftm, s.fta),
                    s.oreb.to_string(),
                    s.dreb.to_string(),
                    (s.oreb + s.dreb).to_string(),
                    s.ast.to_string(),
                    s.stl.to_string(),
                    s.blk.to_string(),
                    s.tov.to_string(),
                    s.pf.to_string(),
                    signed(s.plus_minus),
                    s.pts.to_string(),
                ]);
            }
            if line.starter {
                starters.push(value);
            } else {
                bench.push(value);
            }
        }
        let group = |kind: &str, athletes: Vec<Value>| {
            json!({"type": kind, "keys": KEYS, "lbls": LABELS, "athlts": athletes})
        };
        let mut stats = vec![group("starters", starters), group("bench", bench)];
        if !LakeQuirk::MissingTotals.shown_by(entry) {
            stats.push(totals(entry, side));
        }
        let of = team(entry, side);
        json!({
            "tm": {
                "id": of.espn_id.to_string(),
                "abbrev": of.abbrev,
                "dspNm": team_name(of),
                "nm": of.name,
                "logo": logo(of),
                "hm": side == Side::Home,
            },
            "stats": stats,
        })
    });
    sides.reverse();
    json!(sides)
}

/// Home is looked at first, so that it is the same player as in the database.
fn nameless_player(entry: &LakeGame<'_>) -> bool {
    LakeQuirk::NamelessPlayer.shown_by(entry)
}

fn totals(entry: &LakeGame<'_>, side: Side) -> Value {
    let s = team_line(entry, side);
    let mut percents = vec![
        String::new(),
        format!("{}%", percent(s.fgm, s.fga)),
        format!("{}%", percent(s.fg3m, s.fg3a)),
        format!("{}%", percent(s.ftm, s.fta)),
    ];
    percents.resize(14, String::new());
    json!({
        "type": "totals",
        "ttls": [
            "",
            pair(s.fgm, s.fga),
            pair(s.fg3m, s.fg3a),
            pair(s.ftm, s.fta),
            s.oreb.to_string(),
            s.dreb.to_string(),
            (s.oreb + s.dreb).to_string(),
            s.ast.to_string(),
            s.stl.to_string(),
            s.blk.to_string(),
            s.tov.to_string(),
            s.pf.to_string(),
            "",
            s.pts.to_string(),
        ],
        "pcts": percents,
    })
}

/// The shape of this section is not documented beyond its name.
fn team_stats(entry: &LakeGame<'_>) -> Value {
    let mut value = json!({});
    for side in Side::BOTH {
        let s = team_line(entry, side);
        let of = team(entry, side);
        value[side.as_str()] = json!({
            "t": {"id": of.espn_id.to_string(), "abbrev": of.abbrev},
            "s": {
                "fieldGoalsMade-fieldGoalsAttempted": {"d": pair(s.fgm, s.fga), "l": "FG"},
                "fieldGoalPct": {"d": percent(s.fgm, s.fga), "l": "Field Goal %"},
                "totalRebounds": {"d": (s.oreb + s.dreb).to_string(), "l": "Rebounds"},
                "assists": {"d": s.ast.to_string(), "l": "Assists"},
                "turnovers": {"d": s.tov.to_string(), "l": "Turnovers"},
            },
        });
    }
    value
}
