//! A day as `extract_schedule_local.py` reads it.

use chrono::Datelike as _;
use serde_json::{Map, Value};

use super::super::load::Aside;
use super::super::parting::Record;
use super::super::python::{
    self, Moment, boolean, cell, cell_or, falsy, from_iso, list_or_empty, object, object_or_empty,
    text_or_empty,
};
use super::{Day, events};

/// Cells of a team, as the page names them.
const TEAM_FIELDS: [&str; 10] = [
    "abbrev",
    "displayName",
    "shortDisplayName",
    "logo",
    "teamColor",
    "altColor",
    "uid",
    "recordSummary",
    "standingSummary",
    "location",
];

/// The day, and where the script gives the file up: position of the game, counted from 0.
///
/// One `try` around the whole file: the first game that cannot be read ends it, the games before are kept (ETL dossier 2.3).
pub(super) fn day(document: &Value, name: &str) -> (Day, Option<usize>) {
    let mut day = Day::default();
    let games = match events(document) {
        Ok(games) => games,
        Err(reason) => {
            day.games.aside.push(Aside::new(name, 1, reason));
            return (day, Some(0));
        }
    };
    for (at, event) in games.into_iter().enumerate() {
        match teams(event, &mut day).and_then(|()| game(event)) {
            Ok(Some(values)) => day.games.rows.push(Record {
                values,
                ..Record::default()
            }),
            Ok(None) => {}
            Err(reason) => {
                day.games.aside.push(Aside::new(name, at + 1, reason));
                return (day, Some(at));
            }
        }
    }
    (day, None)
}

/// Every team gets a row, also that of a game which cannot be read.
fn teams(event: &Value, day: &mut Day) -> Result<(), String> {
    for team in list_or_empty(Some(object(event, "a game")?), "competitors")? {
        let id = text_or_empty(Some(object(team, "a team")?), "id");
        day.teams.rows.push(Record {
            values: vec![
                Some(id.clone()),
                Some(format!("Team {id}")),
                Some(format!("T{id}")),
            ],
            ..Record::default()
        });
    }
    Ok(())
}

fn game(event: &Value) -> Result<Option<Vec<Option<String>>>, String> {
    let event = object(event, "a game")?;
    let competitors = list_or_empty(Some(event), "competitors")?;
    if falsy(event.get("id")) || competitors.len() < 2 {
        return Ok(None);
    }
    let [home, away] = sides(competitors)?;
    let date = date_text(event)?;
    let moment = from_iso(&date.replace('Z', "+00:00"));
    let day = date.split('T').next().filter(|day| !day.is_empty());

    let mut values = vec![
        Some(text_or_empty(Some(event), "id")),
        day.map(str::to_owned),
        moment.map(Moment::utc_text),
        moment.map(season),
    ];
    values.extend(team_cells(home)?);
    values.extend(team_cells(away)?);
    let venue = object_or_empty(Some(event), "venue")?;
    let address = object_or_empty(venue, "address")?;
    let status = object_or_empty(Some(event), "status")?;
    let kind = object_or_empty(status, "type")?;
    let broadcasts = list_or_empty(Some(event), "broadcasts")?;
    let broadcast = broadcast(broadcasts)?;
    values.extend([
        cell(venue, "fullName")?,
        Some(text_or_empty(venue, "id")),
        cell(address, "city")?,
        cell(address, "state")?,
        cell(address, "country")?,
        cell(venue, "indoor")?,
        // The page has both one level higher: they come out as `Unknown` and NULL.
        cell_or(kind, "detail", "Unknown")?,
        cell(kind, "detail")?,
        Some(text_or_empty(status, "id")),
        cell(status, "state")?,
        cell(broadcast, "name")?,
        cell(broadcast, "market")?,
        cell(broadcast, "type")?,
        Some(broadcasts.len().to_string()),
    ]);
    values.extend(rest(event)?);
    Ok(Some(values))
}

/// `completed` to `has_tickets`, which both modes read alike.
pub(super) fn rest(event: &Map<String, Value>) -> Result<[Option<String>; 7], String> {
    let format = object_or_empty(Some(event), "format")?;
    let regulation = object_or_empty(format, "regulation")?;
    Ok([
        cell(Some(event), "completed")?,
        cell(Some(event), "isTie")?,
        cell_or(regulation, "periods", "4")?,
        cell_or(Some(event), "timeValid", "t")?,
        cell(Some(event), "link")?,
        cell_or(Some(event), "headerPostfix", "")?,
        Some(boolean(!falsy(event.get("tickets")))),
    ])
}

/// Home and away: who says so is at home, everyone else is away, later ones win; the first two where that leaves one out.
pub(super) fn sides(competitors: &[Value]) -> Result<[&Map<String, Value>; 2], String> {
    let (mut home, mut away) = (None, None);
    for team in competitors {
        let team = object(team, "a team")?;
        let at_home = team.get("homeAway").and_then(Value::as_str) == Some("home");
        if at_home || !falsy(team.get("isHome")) {
            home = Some(team);
        } else {
            away = Some(team);
        }
    }
    match (home, away) {
        (Some(home), Some(away)) => Ok([home, away]),
        _ => match competitors {
            [first, second, ..] => Ok([object(first, "a team")?, object(second, "a team")?]),
            _ => Err("fewer than two teams".to_owned()),
        },
    }
}

/// `event.get("date") or ""`.
pub(super) fn date_text(event: &Map<String, Value>) -> Result<&str, String> {
    match event.get("date") {
        value if falsy(value) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        _ => Err("`date` is no text".to_owned()),
    }
}

/// By the month that the date itself shows (ETL dossier 2.3).
pub(super) fn season(moment: Moment) -> String {
    let first = if moment.wall.month() >= 10 {
        moment.wall.year()
    } else {
        moment.wall.year() - 1
    };
    format!("{first}-{:02}", (first + 1).rem_euclid(100))
}

/// Id, ten texts, score, winner, leader.
fn team_cells(team: &Map<String, Value>) -> Result<Vec<Option<String>>, String> {
    let leader = object_or_empty(Some(team), "leader")?;
    // The number 0 is false in Python, so it is lost; the text "0" is not.
    let score = match team.get("score") {
        score if falsy(score) => None,
        Some(score) => Some(python::int(score, "score")?),
        None => None,
    };
    let mut values = vec![Some(text_or_empty(Some(team), "id"))];
    for name in TEAM_FIELDS {
        values.push(cell(Some(team), name)?);
    }
    values.extend([
        score,
        cell_or(Some(team), "winner", "f")?,
        cell(leader, "name")?,
        cell(leader, "displayValue")?,
    ]);
    Ok(values)
}

/// The national one, else the home team's, else the first.
fn broadcast(items: &[Value]) -> Result<Option<&Map<String, Value>>, String> {
    for wanted in ["National", "Home"] {
        for item in items {
            let item = object(item, "a broadcast")?;
            if item.get("market").and_then(Value::as_str) == Some(wanted) {
                return Ok(Some(item));
            }
        }
    }
    items
        .first()
        .map(|item| object(item, "a broadcast"))
        .transpose()
}
