//! A day as its document has it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use nba_utils::Season;
use serde_json::{Map, Value};

use super::super::Divergence;
use super::super::load::Aside;
use super::super::parting::{LeftOut, Record};
use super::super::python::{
    self, cell, falsy, from_iso, list_or_empty, object, object_or_empty, plain, text,
};
use super::legacy::{date_text, rest, season, sides};
use super::{COLUMNS, Day, events, legacy};

/// Cells of a team in the page's words.
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

pub(super) fn day(document: &Value, name: &str) -> Day {
    let mut day = Day::default();
    let board = scoreboard(document);
    let games = match &board {
        Some(games) => games.iter().collect(),
        None => match events(document) {
            Ok(games) => games,
            Err(reason) => {
                day.games.aside.push(Aside::new(name, 1, reason));
                return day;
            }
        },
    };
    let ended = legacy::day(document, name).1;
    for (at, event) in games.into_iter().enumerate() {
        let because = if board.is_some() {
            BTreeSet::from([Divergence::GameScoreboard])
        } else if ended.is_some_and(|ended| at >= ended) {
            BTreeSet::from([Divergence::GameRestOfFile])
        } else {
            BTreeSet::new()
        };
        teams(event, &because, &mut day);
        match game(event) {
            Ok(mut record) => {
                day.games.divergences.extend(record.named.values());
                day.games.divergences.extend(&because);
                record.because = because;
                day.games.rows.push(record);
            }
            Err(reason) => {
                day.games.divergences.insert(Divergence::GameIncomplete);
                day.games.aside.push(Aside::new(name, at + 1, reason));
                let id = event.get("id").map(text);
                day.games.left_out.extend(id.map(|id| LeftOut {
                    key: vec![id],
                    divergence: Divergence::GameIncomplete,
                }));
            }
        }
    }
    day
}

/// A row for every team with an id, with its own name.
fn teams(event: &Value, because: &BTreeSet<Divergence>, day: &mut Day) {
    let Ok(competitors) = list_or_empty(event.as_object(), "competitors") else {
        return;
    };
    for team in competitors.iter().filter_map(Value::as_object) {
        let Ok(id) = id(team, "team") else {
            let key = python::text_or_empty(Some(team), "id");
            day.teams.left_out.push(LeftOut {
                key: vec![key],
                divergence: Divergence::GameIncomplete,
            });
            continue;
        };
        let own = |name: &str| words(Some(team), name).ok().and_then(|found| found.value);
        let (name, abbrev) = (own("displayName"), own("abbrev"));
        let mut named = BTreeMap::new();
        for (column, own) in [("team_name", &name), ("team_abbreviation", &abbrev)] {
            if own.is_some() {
                named.insert(column, Divergence::GameTeamNames);
            }
        }
        day.teams.divergences.extend(named.values());
        day.teams.divergences.extend(because);
        day.teams.rows.push(Record {
            values: vec![
                Some(id.clone()),
                Some(name.unwrap_or_else(|| format!("Team {id}"))),
                Some(abbrev.unwrap_or_else(|| format!("T{id}"))),
            ],
            named,
            because: because.clone(),
        });
    }
}

/// A value, and whether the script stores something else for it.
struct Found {
    value: Option<String>,
    differs: bool,
}

/// A text; an empty one says nothing, so it is NULL.
fn words(parent: Option<&Map<String, Value>>, name: &str) -> Result<Found, String> {
    let value = cell(parent, name)?;
    Ok(match value.as_deref().map(str::trim) {
        Some("") => Found {
            value: None,
            differs: true,
        },
        _ => Found {
            value,
            differs: false,
        },
    })
}

/// An id that is one; what is missing has none, and not the text "None".
fn id(parent: &Map<String, Value>, of: &str) -> Result<String, String> {
    match parent.get("id") {
        value if falsy(value) => Err(format!("a {of} has no id")),
        Some(value @ (Value::String(_) | Value::Number(_))) => Ok(text(value)),
        _ => Err(format!("the id of a {of} is neither text nor number")),
    }
}

/// The row, column after column.
#[derive(Default)]
struct Row {
    values: Vec<Option<String>>,
    named: BTreeMap<&'static str, Divergence>,
}

impl Row {
    fn same(&mut self, value: Option<String>) {
        self.values.push(value);
    }

    fn parts(&mut self, value: Option<String>, differs: bool, divergence: Divergence) {
        if differs && let Some(column) = COLUMNS.get(self.values.len()) {
            self.named.insert(*column, divergence);
        }
        self.values.push(value);
    }

    fn words(&mut self, parent: Option<&Map<String, Value>>, name: &str) -> Result<(), String> {
        let found = words(parent, name)?;
        self.parts(found.value, found.differs, Divergence::GameEmptyText);
        Ok(())
    }

    /// An id that may be missing: the script stores an empty text then, or the word "None".
    fn optional_id(&mut self, parent: Option<&Map<String, Value>>) {
        let found = parent.and_then(|parent| id(parent, "part").ok());
        let differs = found.is_none();
        self.parts(found, differs, Divergence::GameEmptyText);
    }
}

fn game(event: &Value) -> Result<Record, String> {
    let event = object(event, "a game")?;
    let game_id = id(event, "game")?;
    let competitors = list_or_empty(Some(event), "competitors")?;
    if competitors.len() < 2 {
        return Err("fewer than two teams".to_owned());
    }
    let [home, away] = sides(competitors)?;
    let date = date_text(event)?;
    let (day, time, legacy_season) = when(date)?;
    let own_season = Season::from_date(day).map_err(|error| error.to_string())?;

    let mut row = Row::default();
    row.same(Some(game_id));
    let text = day.to_string();
    let differs = date.split('T').next() != Some(&text);
    row.parts(Some(text), differs, Divergence::GameZone);
    row.same(time.map(plain));
    let own_season = own_season.to_string();
    let differs = legacy_season.as_ref() != Some(&own_season);
    row.parts(Some(own_season), differs, Divergence::GameSeason);
    for team in [home, away] {
        team_cells(team, &mut row)?;
    }
    let venue = object_or_empty(Some(event), "venue")?;
    let address = object_or_empty(venue, "address")?;
    row.words(venue, "fullName")?;
    row.optional_id(venue);
    for name in ["city", "state", "country"] {
        row.words(address, name)?;
    }
    row.same(cell(venue, "indoor")?);
    status(event, &mut row)?;
    broadcasts(event, &mut row)?;
    for (at, value) in rest(event)?.into_iter().enumerate() {
        // The sixth is `header_postfix`, a text.
        match value.as_deref() {
            Some("") if at == 5 => row.parts(None, true, Divergence::GameEmptyText),
            _ => row.same(value),
        }
    }
    Ok(Record {
        values: row.values,
        named: row.named,
        because: BTreeSet::new(),
    })
}

/// The day in UTC, the time where the document has one, and the season that the script makes of it.
fn when(date: &str) -> Result<(NaiveDate, Option<NaiveDateTime>, Option<String>), String> {
    if let Some(moment) = from_iso(&date.replace('Z', "+00:00")) {
        let utc = moment.utc();
        return Ok((utc.date(), Some(utc), Some(season(moment))));
    }
    let day = date.split('T').next().unwrap_or_default();
    NaiveDate::parse_from_str(day, "%Y-%m-%d")
        .map(|day| (day, None, None))
        .map_err(|_| format!("`date` cannot be read: `{date}`"))
}

fn team_cells(team: &Map<String, Value>, row: &mut Row) -> Result<(), String> {
    row.same(Some(id(team, "team")?));
    for name in TEAM_FIELDS {
        row.words(Some(team), name)?;
    }
    let score = match team.get("score") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(Value::Bool(_)) => return Err("`score` is no number".to_owned()),
        Some(score) => Some(python::int(score, "score")?),
    };
    // The number 0 is false in Python.
    let zero = score.is_some() && falsy(team.get("score"));
    row.parts(score, zero, Divergence::GameZeroScore);
    row.same(python::cell_or(Some(team), "winner", "f")?);
    let leader = object_or_empty(Some(team), "leader")?;
    row.words(leader, "name")?;
    row.words(leader, "displayValue")
}

/// `game_status` to `status_state`: the page has the detail right under `status`.
fn status(event: &Map<String, Value>, row: &mut Row) -> Result<(), String> {
    let status = object_or_empty(Some(event), "status")?;
    let kind = object_or_empty(status, "type")?;
    let under_type = words(kind, "detail")?.value;
    let differs = under_type.is_none();
    let detail = match under_type {
        Some(detail) => Some(detail),
        None => words(status, "detail")?.value,
    };
    row.parts(detail.clone(), differs, Divergence::GameStatus);
    row.parts(detail, differs, Divergence::GameStatus);
    row.optional_id(status);
    row.words(status, "state")
}

/// The national one, else the home team's, else the first, in any spelling.
fn broadcasts(event: &Map<String, Value>, row: &mut Row) -> Result<(), String> {
    let items = list_or_empty(Some(event), "broadcasts")?;
    let pick = |same: fn(&str, &str) -> bool| {
        ["National", "Home"]
            .into_iter()
            .find_map(|wanted| {
                items.iter().find(|item| {
                    let market = item.get("market").and_then(Value::as_str);
                    market.is_some_and(|market| same(market, wanted))
                })
            })
            .or(items.first())
    };
    let own = pick(str::eq_ignore_ascii_case);
    let differs = own != pick(|a, b| a == b);
    let own = own.map(|item| object(item, "a broadcast")).transpose()?;
    for name in ["name", "market", "type"] {
        let found = words(own, name)?;
        let divergence = if differs {
            Divergence::GameBroadcast
        } else {
            Divergence::GameEmptyText
        };
        row.parts(found.value, found.differs || differs, divergence);
    }
    // None at all says nothing about who shows it.
    let count = (!items.is_empty()).then(|| items.len().to_string());
    let differs = count.is_none();
    row.parts(count, differs, Divergence::GameEmptyText);
    Ok(())
}

/// The games of the API's scoreboard in the page's words; `None` for a document of the page.
fn scoreboard(document: &Value) -> Option<Vec<Value>> {
    if document.get("page").is_some() {
        return None;
    }
    let events = document.get("events")?.as_array()?;
    Some(events.iter().map(in_page_words).collect())
}

fn in_page_words(event: &Value) -> Value {
    let at = |value: &Value, path: &str| value.pointer(path).cloned();
    let put = |into: &mut Map<String, Value>, name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            into.insert(name.to_owned(), value);
        }
    };
    let competition = at(event, "/competitions/0").unwrap_or_default();
    let mut page = Map::new();
    put(&mut page, "id", at(event, "/id"));
    let date = at(event, "/date").or_else(|| at(&competition, "/date"));
    put(&mut page, "date", date);
    let competitors = competition.get("competitors").and_then(Value::as_array);
    let teams: Vec<Value> = competitors
        .into_iter()
        .flatten()
        .map(|competitor| {
            let mut team = Map::new();
            let id = at(competitor, "/id").or_else(|| at(competitor, "/team/id"));
            put(&mut team, "id", id);
            for (name, path) in [
                ("homeAway", "/homeAway"),
                ("score", "/score"),
                ("winner", "/winner"),
                ("abbrev", "/team/abbreviation"),
                ("displayName", "/team/displayName"),
                ("shortDisplayName", "/team/shortDisplayName"),
                ("logo", "/team/logo"),
                ("teamColor", "/team/color"),
                ("altColor", "/team/alternateColor"),
                ("uid", "/team/uid"),
                ("location", "/team/location"),
                ("recordSummary", "/records/0/summary"),
            ] {
                put(&mut team, name, at(competitor, path));
            }
            Value::Object(team)
        })
        .collect();
    page.insert("competitors".to_owned(), Value::Array(teams));
    let status = at(event, "/status").or_else(|| at(&competition, "/status"));
    if let Some(status) = status {
        let mut short = Map::new();
        for name in ["id", "state", "detail"] {
            put(&mut short, name, at(&status, &format!("/type/{name}")));
        }
        put(&mut page, "completed", at(&status, "/type/completed"));
        page.insert("status".to_owned(), Value::Object(short));
    }
    let shown = competition.get("broadcasts").and_then(Value::as_array);
    let shown: Vec<Value> = shown
        .into_iter()
        .flatten()
        .map(|item| {
            let mut broadcast = Map::new();
            put(&mut broadcast, "name", at(item, "/names/0"));
            put(&mut broadcast, "market", at(item, "/market"));
            Value::Object(broadcast)
        })
        .collect();
    page.insert("broadcasts".to_owned(), Value::Array(shown));
    for (name, path) in [
        ("venue", "/venue"),
        ("format", "/format"),
        ("timeValid", "/timeValid"),
        ("tickets", "/tickets"),
    ] {
        put(&mut page, name, at(&competition, path));
    }
    put(&mut page, "link", at(event, "/links/0/href"));
    Value::Object(page)
}
