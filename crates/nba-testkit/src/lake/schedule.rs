//! The documents of one day: the page form, and for the newest days the API's scoreboard (ETL dossier 2.1, 2.3).

use chrono::{Datelike as _, NaiveDate};
use serde_json::{Value, json};

use super::document::{bytes, final_word, logo, minute, team, team_name, team_uid};
use super::{LakeGame, Shapes};
use crate::sim::Side;

/// The first day fetched through the API: the last three days of the schedule, as the collector's window is three days.
const FIRST_SCOREBOARD: NaiveDate =
    NaiveDate::from_ymd_opt(2025, 4, 11).expect("a day of the calendar");

/// One game, as both forms are made from it.
pub(super) struct Event {
    page: Value,
    scoreboard: Value,
}

pub(super) fn event(entry: &LakeGame<'_>) -> Event {
    let header = &entry.game.header;
    let score = entry.game.final_score();
    let side_value = |side: Side, page: bool| {
        let of = team(entry, side);
        let [own, other] = [score[side.index()], score[side.other().index()]];
        if page {
            let mut value = json!({
                "id": of.espn_id.to_string(),
                "abbrev": of.abbrev,
                "displayName": team_name(of),
                "shortDisplayName": of.name,
                "logo": logo(of),
                "teamColor": of.color,
                "altColor": of.alt_color,
                "uid": team_uid(of),
                "recordSummary": "",
                "standingSummary": "",
                "location": of.location,
                "isHome": side == Side::Home,
                "score": own.to_string(),
            });
            if own > other {
                value["winner"] = json!(true);
            }
            value
        } else {
            json!({
                "id": of.espn_id.to_string(),
                "homeAway": side.as_str(),
                "score": own.to_string(),
                "winner": own > other,
                "team": {"id": of.espn_id.to_string(), "abbreviation": of.abbrev, "displayName": team_name(of)},
            })
        }
    };
    let venue = json!({
        "id": (u32::from(header.home.espn_id) + 1800).to_string(),
        "fullName": header.home.venue,
        "address": {"city": header.home.city, "state": header.home.state, "country": "USA"},
        "indoor": true,
    });
    let national = header.index.is_multiple_of(9);
    let page = json!({
        "id": entry.id,
        "date": minute(entry),
        "competitors": [side_value(Side::Home, true), side_value(Side::Away, true)],
        "venue": venue,
        // The page keeps these one level higher than the loader looks for them.
        "status": {"id": "3", "state": "post", "detail": final_word(entry)},
        "broadcasts": [{
            "name": if national { "ESPN" } else { "NBA League Pass" },
            "market": "national",
            "type": "TV",
        }],
        "completed": true,
        "isTie": false,
        "format": {"regulation": {"periods": 4}},
        "timeValid": true,
        "link": format!("https://www.espn.com/nba/game/_/gameId/{}", entry.id),
        "tickets": null,
    });
    let scoreboard = json!({
        "id": entry.id,
        "uid": format!("s:40~l:46~e:{}", entry.id),
        "date": minute(entry),
        "season": {"year": header.season_start + 1, "type": header.season_type.code()},
        "competitions": [{
            "id": entry.id,
            "competitors": [side_value(Side::Home, false), side_value(Side::Away, false)],
            "venue": venue,
        }],
        "status": {"type": {"id": "3", "name": "STATUS_FINAL", "state": "post", "completed": true, "detail": final_word(entry)}},
    });
    Event { page, scoreboard }
}

/// The document of a US day.
pub(super) fn day(date: NaiveDate, events: &[Event], shapes: Shapes) -> Vec<u8> {
    let board = match shapes {
        Shapes::Documented => date >= FIRST_SCOREBOARD,
        Shapes::Evenly => date.num_days_from_ce() % 2 == 0,
    };
    if board {
        let events: Vec<&Value> = events.iter().map(|event| &event.scoreboard).collect();
        return bytes(&json!({
            "leagues": [{"id": "46", "abbreviation": "NBA"}],
            "day": {"date": date.to_string()},
            "events": events,
        }));
    }
    let key = date.format("%Y%m%d").to_string();
    let games: Vec<&Value> = events.iter().map(|event| &event.page).collect();
    bytes(&json!({
        "app": {},
        "page": {"key": "schedule", "content": {"schedule": {key: games}}},
    }))
}
