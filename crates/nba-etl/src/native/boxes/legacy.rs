//! A box score as `extract_boxscores_local.py` reads it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::load::{Aside, ReadError};
use super::super::parting::Record;
use super::super::python::{
    self, boolean, cell, falsy, float, float_text, list_or_empty, object, object_or_empty, scalar,
    strptime_minutes, text, text_or_empty,
};
use super::{Boxes, COUNTS, PAIRS};

/// Where the totals of a team are among its fourteen texts: three texts, then eight figures.
const TOTALS: usize = 14;

type Cells = Vec<Option<String>>;

/// Reads the document; an error is an exception that loses the whole game.
pub(super) fn game(document: &Value, game_id: &str) -> Result<Boxes, ReadError> {
    let mut found = Boxes::default();
    let Some(package) = package(document).map_err(ReadError::new)? else {
        // No package: no row, and no word of it.
        return Ok(found);
    };
    match team_row(package, game_id) {
        Ok(values) => found.teams.rows.push(Record {
            values,
            ..Record::default()
        }),
        Err(reason) => found.teams.aside.push(Aside::new(game_id, 1, reason)),
    }
    let mut odd = BTreeMap::new();
    for (values, problem) in players(package, game_id).map_err(ReadError::new)? {
        odd.insert(values.get(1).cloned().flatten(), problem);
        // Of a player who is there twice the last line counts.
        let same = |row: &Record| row.values.get(1) == values.get(1);
        match found.players.rows.iter_mut().find(|row| same(row)) {
            Some(row) => row.values = values,
            None => found.players.rows.push(Record {
                values,
                ..Record::default()
            }),
        }
    }
    // The driver sees only the line that counts.
    if let Some(problem) = odd.into_values().flatten().next() {
        return Err(ReadError::new(problem));
    }
    Ok(found)
}

/// `page.content.gamepackage`: an absent part is an empty object, anything else but an object an exception.
fn package(document: &Value) -> Result<Option<&Map<String, Value>>, String> {
    let mut at = object(document, "the document")?;
    for name in ["page", "content", "gamepackage"] {
        match at.get(name) {
            None => return Ok(None),
            Some(part) => at = object(part, name)?,
        }
    }
    Ok(Some(at))
}

fn needed<'v>(parent: &'v Map<String, Value>, name: &str) -> Result<&'v Value, String> {
    parent
        .get(name)
        .ok_or_else(|| format!("`{name}` is missing"))
}

/// One `try` around all of it: whatever is wrong leaves the row out.
fn team_row(package: &Map<String, Value>, game_id: &str) -> Result<Cells, String> {
    let info = object(needed(package, "gmInfo")?, "gmInfo")?;
    let strip = object(needed(package, "gmStrp")?, "gmStrp")?;
    let mut scores: [Option<String>; 2] = [None, None];
    let teams = match needed(strip, "tms")? {
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            return Err("`tms` is no list".to_owned());
        }
        _ => python::iterated(Some(strip), "tms")?,
    };
    for team in &teams {
        let team = object(team, "a team")?;
        scores[usize::from(!falsy(team.get("isHome")))] =
            Some(safe_int(team.get("score"), "score")?);
    }
    let mut sides: [Option<Cells>; 2] = [None, None];
    for team in list_or_empty(Some(package), "bxscr")? {
        let team = object(team, "a team")?;
        let at_home = usize::from(!falsy(
            object_or_empty(Some(team), "tm")?.and_then(|tm| tm.get("hm")),
        ));
        sides[at_home] = Some(side(team, scores[at_home].as_deref())?);
    }
    let [away, home] = sides;
    let date = match info.get("dtTm") {
        value if falsy(value) => None,
        Some(Value::String(text)) => strptime_minutes(text).map(python::Moment::wall_text),
        _ => return Err("`dtTm` is no text".to_owned()),
    };
    let mut values = vec![Some(game_id.to_owned()), date];
    values.extend(home.ok_or("there is no home team")?);
    values.extend(away.ok_or("there is no visiting team")?);
    values.push(Some(safe_int(info.get("attnd"), "attnd")?));
    values.push(cell(Some(info), "gameState")?);
    let referees = list_or_empty(Some(info), "refs")?;
    for number in 0..3 {
        let referee = referees
            .get(number)
            .map(|referee| object(referee, "a referee"))
            .transpose()?;
        for name in ["dspNm", "pos"] {
            values.push(python::cell_or(referee, name, "")?);
        }
    }
    Ok(values)
}

/// Id, abbreviation, score, and the totals; zeros where there are fewer than fourteen.
fn side(team: &Map<String, Value>, score: Option<&str>) -> Result<Cells, String> {
    let tm = object_or_empty(Some(team), "tm")?;
    let mut totals = None;
    for group in list_or_empty(Some(team), "stats")? {
        let group = object(group, "a group")?;
        if group.get("type").and_then(Value::as_str) == Some("totals") {
            totals = Some(group);
            break;
        }
    }
    let length = python::iterated(totals, "ttls")?.len();
    let mut values = vec![
        cell(tm, "id")?,
        cell(tm, "abbrev")?,
        Some(score.unwrap_or("0").to_owned()),
    ];
    if length < TOTALS {
        values.extend(std::iter::repeat_n(Some("0-0".to_owned()), 3));
        values.extend(std::iter::repeat_n(Some("0".to_owned()), 11));
        return Ok(values);
    }
    let cells = list_or_empty(totals, "ttls")?;
    let percents = list_or_empty(totals, "pcts")?;
    for pair in cells.iter().skip(1).take(3) {
        values.push(handed_over(pair, "ttls")?);
    }
    for at in 1..4 {
        values.push(Some(match percents.get(at) {
            Some(percent) => percentage(percent),
            None => "0.0".to_owned(),
        }));
    }
    for figure in cells.iter().skip(4).take(8) {
        values.push(Some(safe_int(Some(figure), "ttls")?));
    }
    Ok(values)
}

/// A value as it reaches the server.
fn handed_over(value: &Value, name: &str) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(boolean(*flag))),
        value => Ok(Some(text(scalar(value, name)?))),
    }
}

/// `safe_int`: whole numbers cut off towards zero; of a text the digits and minus signs, so that `12.5` becomes 125; else 0.
pub(super) fn safe_int(value: Option<&Value>, name: &str) -> Result<String, String> {
    match value {
        Some(number @ (Value::Bool(_) | Value::Number(_))) => python::int(number, name),
        value if falsy(value) => Ok("0".to_owned()),
        Some(Value::String(text)) => {
            let kept: String = text
                .chars()
                .filter(|letter| letter.is_ascii_digit() || *letter == '-')
                .collect();
            Ok(python::int_of(&kept).unwrap_or_else(|| "0".to_owned()))
        }
        _ => Err(format!("`{name}` is neither text nor number")),
    }
}

/// `parse_percentage`: 0 for what is no number.
fn percentage(value: &Value) -> String {
    float_text(float(text(value).trim_end_matches('%')).unwrap_or(0.0))
}

/// Minutes: what stands before the colon.
fn minutes(value: Option<&Value>) -> Result<String, String> {
    let whole = match value {
        value if falsy(value) => String::new(),
        Some(value) => text(value),
        None => String::new(),
    };
    let before = whole.split(':').next().unwrap_or_default().to_owned();
    safe_int(Some(&Value::String(before)), "minutes")
}

/// Lines of the players; an error is an exception outside of the script's inner `try`, so the game is lost.
fn players(
    package: &Map<String, Value>,
    game_id: &str,
) -> Result<Vec<(Cells, Option<String>)>, String> {
    let mut rows = Vec::new();
    for team in list_or_empty(Some(package), "bxscr")? {
        let team = object(team, "a team")?;
        let tm = object_or_empty(Some(team), "tm")?;
        for group in list_or_empty(Some(team), "stats")? {
            let group = object(group, "a group")?;
            for athlete in list_or_empty(Some(group), "athlts")? {
                rows.push(player(object(athlete, "an athlete")?, group, tm, game_id)?);
            }
        }
    }
    Ok(rows)
}

fn player(
    athlete: &Map<String, Value>,
    group: &Map<String, Value>,
    tm: Option<&Map<String, Value>>,
    game_id: &str,
) -> Result<(Cells, Option<String>), String> {
    let line = line(group, athlete)?;
    let value = |key: &str| {
        // Of a key that is there twice the last one counts, as in a dictionary.
        let found = line.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_ref())
    };
    let mut problem = None;
    let starts = group.get("type").and_then(Value::as_str) == Some("starters");
    let mut values = vec![
        Some(game_id.to_owned()),
        Some(text_or_empty(
            object_or_empty(Some(athlete), "athlt")?,
            "id",
        )),
        cell(tm, "id")?,
        cell(tm, "abbrev")?,
        Some(boolean(starts)),
        Some(minutes(value("minutes"))?),
    ];
    for key in PAIRS {
        values.push(match value(key) {
            pair if falsy(pair) => Some("0-0".to_owned()),
            Some(pair) => handed_over(pair, key).unwrap_or_else(|reason| {
                problem = Some(reason);
                None
            }),
            None => Some("0-0".to_owned()),
        });
    }
    for key in COUNTS {
        values.push(Some(safe_int(value(key), key)?));
    }
    Ok((values, problem))
}

/// The figures of a player by their keys.
pub(super) type Line<'v> = Vec<(Cow<'v, str>, Cow<'v, Value>)>;

/// `dict(zip(keys, stats))`; a key that is no text stands for nothing, and one that cannot be a key is an exception.
pub(super) fn line<'v>(
    group: &'v Map<String, Value>,
    athlete: &'v Map<String, Value>,
) -> Result<Line<'v>, String> {
    let keys = python::iterated(Some(group), "keys")?;
    let stats = python::iterated(Some(athlete), "stats")?;
    let mut line = Vec::with_capacity(stats.len());
    for (key, value) in keys.into_iter().zip(stats) {
        python::scalar(&key, "keys")?;
        let key = match key {
            Cow::Borrowed(key) => key.as_str().map(Cow::Borrowed),
            Cow::Owned(key) => key.as_str().map(|key| Cow::Owned(key.to_owned())),
        };
        line.extend(key.map(|key| (key, value)));
    }
    Ok(line)
}
