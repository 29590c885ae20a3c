//! Format 2: the summary API's document, one for all three keys, which no SQL loader reads (ETL dossier 2.1).

use serde_json::{Value, json};

use super::LakeGame;
use super::document::{
    final_word, linescores, logo, minute, pair, percent, player_id, signed, team, team_line,
    team_name, team_uid,
};
use super::quirks::LakeQuirk;
use crate::sim::{Play, PlayKind, Side, text};

/// Columns of a player's line, in the API's order.
const KEYS: [&str; 14] = [
    "minutes",
    "points",
    "fieldGoalsMade-fieldGoalsAttempted",
    "threePointFieldGoalsMade-threePointFieldGoalsAttempted",
    "freeThrowsMade-freeThrowsAttempted",
    "rebounds",
    "assists",
    "turnovers",
    "steals",
    "blocks",
    "offensiveRebounds",
    "defensiveRebounds",
    "fouls",
    "plusMinus",
];
const NAMES: [&str; 14] = [
    "MIN", "PTS", "FG", "3PT", "FT", "REB", "AST", "TO", "STL", "BLK", "OREB", "DREB", "PF", "+/-",
];

/// What ESPN puts where a play has no coordinates.
const NO_COORDINATE: (i64, i64) = (-214_748_340, -214_748_365);

pub(super) fn document(entry: &LakeGame<'_>) -> Value {
    let header = &entry.game.header;
    let mut sides = [Side::Away, Side::Home];
    let players: Vec<Value> = sides.iter().map(|side| players(entry, *side)).collect();
    let teams: Vec<Value> = sides
        .iter()
        .map(|side| team_figures(entry, *side))
        .collect();
    sides.reverse();
    let competitors: Vec<Value> = sides.iter().map(|side| competitor(entry, *side)).collect();
    let plays: Vec<Value> = if LakeQuirk::NoPlays.shown_by(entry) {
        Vec::new()
    } else {
        entry
            .game
            .plays
            .iter()
            .map(|one| play(entry, one))
            .collect()
    };
    let officials = header.referees.iter().zip(1..).map(|(name, order)| {
        json!({
            "fullName": name,
            "displayName": name,
            "position": {"name": "Referee", "displayName": "Referee", "id": "40"},
            "order": order,
        })
    });
    json!({
        "boxscore": {"teams": teams, "players": players},
        "format": {
            "regulation": {"periods": 4, "displayName": "Quarter", "slug": "quarter", "clock": 720.0},
            "overtime": {"displayName": "Quarter", "slug": "quarter", "clock": 300.0},
        },
        "gameInfo": {
            "venue": {
                "id": (u32::from(header.home.espn_id) + 1800).to_string(),
                "fullName": header.home.venue,
                "address": {"city": header.home.city, "state": header.home.state},
            },
            "attendance": header.attendance,
            "officials": officials.collect::<Vec<_>>(),
        },
        "broadcasts": [],
        "header": {
            "id": entry.id,
            "uid": format!("s:40~l:46~e:{}", entry.id),
            "season": {"year": header.season_start + 1, "current": false, "type": header.season_type.code()},
            "timeValid": true,
            "competitions": [{
                "id": entry.id,
                "uid": format!("s:40~l:46~e:{0}~c:{0}", entry.id),
                "date": minute(entry),
                "neutralSite": false,
                "boxscoreAvailable": true,
                "boxscoreSource": "full",
                "playByPlaySource": "full",
                "competitors": competitors,
                "status": {"type": {
                    "id": "3",
                    "name": "STATUS_FINAL",
                    "state": "post",
                    "completed": true,
                    "description": "Final",
                    "detail": final_word(entry),
                    "shortDetail": final_word(entry),
                }},
            }],
            "league": {"id": "46", "uid": "s:40~l:46", "name": "National Basketball Association", "abbreviation": "NBA", "slug": "nba"},
        },
        "plays": plays,
        "meta": {"gp_topic": format!("gp-basketball-nba-{}", entry.id)},
    })
}

fn team_value(entry: &LakeGame<'_>, side: Side) -> Value {
    let of = team(entry, side);
    json!({
        "id": of.espn_id.to_string(),
        "uid": team_uid(of),
        "slug": team_name(of).to_lowercase().replace(' ', "-"),
        "location": of.location,
        "name": of.name,
        "abbreviation": of.abbrev,
        "displayName": team_name(of),
        "shortDisplayName": of.name,
        "color": of.color,
        "alternateColor": of.alt_color,
        "logo": logo(of),
    })
}

fn competitor(entry: &LakeGame<'_>, side: Side) -> Value {
    let of = team(entry, side);
    let score = entry.game.final_score();
    let [own, other] = [score[side.index()], score[side.other().index()]];
    json!({
        "id": of.espn_id.to_string(),
        "uid": team_uid(of),
        "order": side.index(),
        "homeAway": side.as_str(),
        "winner": own > other,
        "team": team_value(entry, side),
        "score": own.to_string(),
        "linescores": linescores(entry, side),
    })
}

fn team_figures(entry: &LakeGame<'_>, side: Side) -> Value {
    let s = team_line(entry, side);
    let figures = [
        (
            "fieldGoalsMade-fieldGoalsAttempted",
            pair(s.fgm, s.fga),
            "FG",
        ),
        ("fieldGoalPct", percent(s.fgm, s.fga), "Field Goal %"),
        (
            "threePointFieldGoalsMade-threePointFieldGoalsAttempted",
            pair(s.fg3m, s.fg3a),
            "3PT",
        ),
        (
            "freeThrowsMade-freeThrowsAttempted",
            pair(s.ftm, s.fta),
            "FT",
        ),
        ("totalRebounds", (s.oreb + s.dreb).to_string(), "Rebounds"),
        (
            "offensiveRebounds",
            s.oreb.to_string(),
            "Offensive Rebounds",
        ),
        (
            "defensiveRebounds",
            s.dreb.to_string(),
            "Defensive Rebounds",
        ),
        ("assists", s.ast.to_string(), "Assists"),
        ("steals", s.stl.to_string(), "Steals"),
        ("blocks", s.blk.to_string(), "Blocks"),
        ("turnovers", s.tov.to_string(), "Turnovers"),
        ("fouls", s.pf.to_string(), "Fouls"),
    ];
    json!({
        "team": team_value(entry, side),
        "statistics": figures.map(|(name, shown, label)| json!({"name": name, "displayValue": shown, "label": label})),
        "displayOrder": if side == Side::Away { 1 } else { 2 },
        "homeAway": side.as_str(),
    })
}

fn players(entry: &LakeGame<'_>, side: Side) -> Value {
    let team_box = &entry.game.boxes[side.index()];
    let lines = entry.game.rosters[side.index()]
        .iter()
        .zip(&team_box.players);
    let athletes: Vec<Value> = lines
        .map(|(player, line)| {
            let s = &line.line;
            let stats = if line.did_not_play {
                json!([])
            } else {
                json!([
                    (s.seconds / 60).to_string(),
                    s.pts.to_string(),
                    pair(s.fgm, s.fga),
                    pair(s.fg3m, s.fg3a),
                    pair(s.ftm, s.fta),
                    (s.oreb + s.dreb).to_string(),
                    s.ast.to_string(),
                    s.tov.to_string(),
                    s.stl.to_string(),
                    s.blk.to_string(),
                    s.oreb.to_string(),
                    s.dreb.to_string(),
                    s.pf.to_string(),
                    signed(s.plus_minus),
                ])
            };
            json!({
                "active": false,
                "athlete": {
                    "id": player_id(player, false),
                    "uid": format!("s:40~l:46~a:{}", player.espn_id),
                    "displayName": player.name,
                    "shortName": player.short_name,
                    "jersey": player.jersey,
                    "position": {"abbreviation": player.position},
                },
                "starter": line.starter,
                "didNotPlay": line.did_not_play,
                "reason": "COACH'S DECISION",
                "ejected": line.ejected,
                "stats": stats,
            })
        })
        .collect();
    json!({
        "team": team_value(entry, side),
        "statistics": [{"names": NAMES, "keys": KEYS, "labels": NAMES, "athletes": athletes}],
        "displayOrder": if side == Side::Away { 1 } else { 2 },
    })
}

fn play(entry: &LakeGame<'_>, play: &Play) -> Value {
    let header = &entry.game.header;
    let (type_id, type_text) = text::espn_type(play);
    let (x, y) = play
        .coordinate
        .map_or(NO_COORDINATE, |(x, y)| (i64::from(x), i64::from(y)));
    let try_at_basket = matches!(
        play.kind,
        PlayKind::MadeShot | PlayKind::MissedShot | PlayKind::FreeThrow { .. }
    );
    let mut value = json!({
        "id": format!("{}{}", entry.id, play.sequence),
        "sequenceNumber": play.sequence.to_string(),
        "type": {"id": type_id.to_string(), "text": type_text},
        "text": play.text,
        "awayScore": play.score[1],
        "homeScore": play.score[0],
        "period": {"number": play.period, "displayValue": text::period_display(play.period)},
        "clock": {"displayValue": text::clock_display(play.clock_tenths, header.wording)},
        "scoringPlay": play.points > 0,
        "scoreValue": play.points,
        "wallclock": play.wallclock.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "shootingPlay": try_at_basket,
        "coordinate": {"x": x, "y": y},
        "pointsAttempted": play.value,
    });
    if let Some(side) = play.side {
        value["team"] = json!({"id": team(entry, side).espn_id.to_string()});
    }
    let participants: Vec<Value> = play
        .actors
        .iter()
        .flatten()
        .map(|actor| {
            let player = &entry.game.rosters[actor.side.index()][usize::from(actor.player)];
            json!({"athlete": {"id": player.espn_id.to_string()}})
        })
        .collect();
    if !participants.is_empty() {
        value["participants"] = json!(participants);
    }
    value
}
