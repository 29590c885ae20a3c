//! A box score as its document has it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::Divergence;
use super::super::load::Aside;
use super::super::parting::{LeftOut, Record, Records};
use super::super::python::{
    self, boolean, cell, falsy, from_iso, list_or_empty, object, object_or_empty, plain,
    strptime_minutes, text,
};
use super::legacy::{Line, line};
use super::{Boxes, COUNTS, PAIRS, PLAYER_COLUMNS, TEAM_COLUMNS};

/// Cells of a team's totals.
const TOTALS: usize = 14;

/// Reads a package. `source` is why the script reads nothing of the document, if it does not.
pub(super) fn game(
    package: Option<&Map<String, Value>>,
    game_id: &str,
    source: Option<Divergence>,
) -> Boxes {
    let mut found = Boxes::default();
    let Some(package) = package else {
        return found;
    };
    match teams(package, game_id) {
        Ok(None) => {}
        Ok(Some(mut record)) => {
            // Where the script has no row although it reads the document, what it needs is missing.
            record.because = BTreeSet::from([source.unwrap_or(Divergence::BoxTeamRow)]);
            if let Some(source) = source {
                found.teams.divergences.insert(source);
            }
            found.teams.divergences.extend(record.named.values());
            found.teams.rows.push(record);
        }
        Err(reason) => put_aside(
            &mut found.teams,
            game_id,
            1,
            reason,
            vec![game_id.to_owned()],
        ),
    }
    players(package, game_id, source, &mut found.players);
    found
}

fn put_aside(into: &mut Records, game_id: &str, number: usize, reason: String, key: Vec<String>) {
    into.divergences.insert(Divergence::BoxIncomplete);
    into.aside.push(Aside::new(game_id, number, reason));
    into.left_out.push(LeftOut {
        key,
        divergence: Divergence::BoxIncomplete,
    });
}

/// The row, column after column.
struct Row<'c> {
    columns: &'c [&'static str],
    values: Vec<Option<String>>,
    named: BTreeMap<&'static str, Divergence>,
}

/// A value read strictly, and why the script stores something else.
struct Found(Option<String>, Option<Divergence>);

impl Found {
    const MISSING: Found = Found(None, Some(Divergence::BoxMissing));
    const GARBLED: Found = Found(None, Some(Divergence::BoxGarbled));
}

impl<'c> Row<'c> {
    fn new(columns: &'c [&'static str]) -> Self {
        Row {
            columns,
            values: Vec::with_capacity(columns.len()),
            named: BTreeMap::new(),
        }
    }

    fn put(&mut self, found: Found) {
        if let (Some(divergence), Some(column)) = (found.1, self.columns.get(self.values.len())) {
            self.named.insert(*column, divergence);
        }
        self.values.push(found.0);
    }

    fn same(&mut self, value: Option<String>) {
        self.put(Found(value, None));
    }

    fn finish(self) -> Record {
        Record {
            values: self.values,
            named: self.named,
            because: BTreeSet::new(),
        }
    }
}

/// A text; an empty one says nothing.
fn words(parent: Option<&Map<String, Value>>, name: &str) -> Result<Found, String> {
    Ok(match cell(parent, name)? {
        Some(text) if text.trim().is_empty() => Found::MISSING,
        value => Found(value, None),
    })
}

/// A text for which the script stores an empty one when it is absent.
fn words_or_missing(parent: Option<&Map<String, Value>>, name: &str) -> Result<Found, String> {
    Ok(match words(parent, name)? {
        Found(None, _) => Found::MISSING,
        found => found,
    })
}

fn blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => matches!(text.trim(), "" | "-" | "--"),
        _ => false,
    }
}

/// A whole number, with sign and thousands separators or without; nothing else is one.
fn figure(value: Option<&Value>) -> Found {
    if blank(value) {
        return Found::MISSING;
    }
    let digits = match value {
        Some(Value::Number(number)) if number.is_i64() => Some(number.to_string()),
        // 12.0 is a whole number in another form.
        Some(Value::Number(number)) => number
            .as_f64()
            .filter(|float| float.fract() == 0.0)
            .map(python::truncated),
        Some(Value::String(text)) => grouped(text.trim()),
        _ => None,
    };
    match digits.filter(|digits| digits.parse::<i32>().is_ok()) {
        Some(digits) => Found(Some(digits), None),
        None => Found::GARBLED,
    }
}

fn grouped(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    if first.contains('_') {
        return None;
    }
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.push_str(group);
    }
    python::int_of(&digits)
}

/// Made and attempted: `7-15`.
fn pair(value: Option<&Value>) -> Found {
    if blank(value) {
        return Found::MISSING;
    }
    let text = value.and_then(Value::as_str).map(str::trim);
    let number =
        |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    match text.and_then(|text| text.split_once('-').map(|parts| (text, parts))) {
        Some((text, (made, attempted))) if number(made) && number(attempted) => {
            Found(Some(text.to_owned()), None)
        }
        _ => Found::GARBLED,
    }
}

/// Per cent, from 0 to 100.
fn percent(value: Option<&Value>) -> Found {
    if blank(value) {
        return Found::MISSING;
    }
    let number = value
        .map(text)
        .and_then(|text| python::float(text.trim().trim_end_matches('%')))
        .filter(|number| (0.0..=100.0).contains(number));
    match number {
        Some(number) => Found(Some(python::float_text(number)), None),
        None => Found::GARBLED,
    }
}

/// Minutes, of `38:30` or `38`: the column holds whole ones.
fn minutes(value: Option<&Value>) -> Found {
    match value {
        Some(Value::String(text)) => {
            let before = text.split(':').next().unwrap_or_default();
            figure(Some(&Value::String(before.to_owned())))
        }
        value => figure(value),
    }
}

/// With seconds or without, in UTC; the script reads no seconds and drops the zone.
fn date(value: Option<&Value>) -> Found {
    let Some(text) = value.and_then(Value::as_str) else {
        return Found(None, None);
    };
    let moment = from_iso(&text.replace('Z', "+00:00")).or_else(|| strptime_minutes(text));
    let own = moment.map(|moment| plain(moment.utc()));
    let legacy = strptime_minutes(text).map(python::Moment::wall_text);
    let differs = (own != legacy).then_some(Divergence::BoxDate);
    Found(own, differs)
}

/// The row of the two teams; `None` for a document without figures.
fn teams(package: &Map<String, Value>, game_id: &str) -> Result<Option<Record>, String> {
    let teams = list_or_empty(Some(package), "bxscr")?;
    if teams.is_empty() {
        return Ok(None);
    }
    let mut sides: [Option<&Map<String, Value>>; 2] = [None, None];
    for team in teams {
        let team = object(team, "a team")?;
        let hm = object_or_empty(Some(team), "tm")?.and_then(|tm| tm.get("hm"));
        sides[usize::from(!falsy(hm))] = Some(team);
    }
    let [Some(away), Some(home)] = sides else {
        return Err("there are not a home and a visiting team".to_owned());
    };
    let info = object_or_empty(Some(package), "gmInfo")?;
    let strip = object_or_empty(Some(package), "gmStrp")?;
    let scores = list_or_empty(strip, "tms")?;
    let mut row = Row::new(&TEAM_COLUMNS);
    row.same(Some(game_id.to_owned()));
    row.put(date(info.and_then(|info| info.get("dtTm"))));
    for (team, at_home) in [(home, true), (away, false)] {
        let score = scores
            .iter()
            .filter_map(Value::as_object)
            .rfind(|team| falsy(team.get("isHome")) != at_home)
            .and_then(|team| team.get("score"));
        side(team, score, &mut row)?;
    }
    row.put(figure(info.and_then(|info| info.get("attnd"))));
    row.put(words(info, "gameState")?);
    let referees = list_or_empty(info, "refs")?;
    for number in 0..3 {
        let referee = referees.get(number).and_then(Value::as_object);
        row.put(words_or_missing(referee, "dspNm")?);
        row.put(words_or_missing(referee, "pos")?);
    }
    Ok(Some(row.finish()))
}

fn side(team: &Map<String, Value>, score: Option<&Value>, row: &mut Row<'_>) -> Result<(), String> {
    let tm = object_or_empty(Some(team), "tm")?;
    row.put(words(tm, "id")?);
    row.put(words(tm, "abbrev")?);
    row.put(figure(score));
    let groups = list_or_empty(Some(team), "stats")?;
    let totals = groups
        .iter()
        .filter_map(Value::as_object)
        .find(|group| group.get("type").and_then(Value::as_str) == Some("totals"));
    let cells = list_or_empty(totals, "ttls")?;
    let percents = list_or_empty(totals, "pcts")?;
    if cells.len() < TOTALS {
        for _ in 0..14 {
            row.put(Found(None, Some(Divergence::BoxMissingTotals)));
        }
        return Ok(());
    }
    for at in 1..4 {
        row.put(pair(cells.get(at)));
    }
    for at in 1..4 {
        row.put(percent(percents.get(at)));
    }
    for at in 4..12 {
        row.put(figure(cells.get(at)));
    }
    Ok(())
}

fn players(
    package: &Map<String, Value>,
    game_id: &str,
    source: Option<Divergence>,
    found: &mut Records,
) {
    let mut number = 0;
    let teams = list_or_empty(Some(package), "bxscr").unwrap_or_default();
    for team in teams.iter().filter_map(Value::as_object) {
        let groups = list_or_empty(Some(team), "stats").unwrap_or_default();
        for group in groups.iter().filter_map(Value::as_object) {
            let athletes = list_or_empty(Some(group), "athlts").unwrap_or_default();
            for athlete in athletes {
                number += 1;
                match player(athlete, group, team, game_id) {
                    Ok(mut record) => {
                        record.because.extend(source);
                        found.divergences.extend(source);
                        found.divergences.extend(record.named.values());
                        let same = |row: &Record| row.values.get(1) == record.values.get(1);
                        // Of a player who is there twice the last line counts.
                        match found.rows.iter().position(same) {
                            Some(at) => found.rows[at] = record,
                            None => found.rows.push(record),
                        }
                    }
                    Err(reason) => {
                        let id = athlete.pointer("/athlt/id");
                        let key = vec![game_id.to_owned(), id.map_or_else(String::new, text)];
                        put_aside(found, game_id, number, reason, key);
                    }
                }
            }
        }
    }
}

fn player(
    athlete: &Value,
    group: &Map<String, Value>,
    team: &Map<String, Value>,
    game_id: &str,
) -> Result<Record, String> {
    let athlete = object(athlete, "an athlete")?;
    let who = object_or_empty(Some(athlete), "athlt")?;
    let id = match who.and_then(|who| who.get("id")) {
        id if falsy(id) => return Err("a player has no id".to_owned()),
        Some(id @ (Value::String(_) | Value::Number(_))) => text(id),
        _ => return Err("the id of a player is neither text nor number".to_owned()),
    };
    let tm = object_or_empty(Some(team), "tm")?;
    let line: Line<'_> = line(group, athlete)?;
    let value = |key: &str| {
        let found = line.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_ref())
    };
    let starts = group.get("type").and_then(Value::as_str) == Some("starters");
    let mut row = Row::new(&PLAYER_COLUMNS);
    row.same(Some(game_id.to_owned()));
    row.same(Some(id));
    row.put(words(tm, "id")?);
    row.put(words(tm, "abbrev")?);
    row.same(Some(boolean(starts)));
    if line.is_empty() || !falsy(athlete.get("didNotPlay")) {
        // Zeros would say that he played and did nothing.
        for _ in row.values.len()..PLAYER_COLUMNS.len() {
            row.put(Found(None, Some(Divergence::BoxDidNotPlay)));
        }
        return Ok(row.finish());
    }
    row.put(minutes(value("minutes")));
    for key in PAIRS {
        row.put(pair(value(key)));
    }
    for key in COUNTS {
        row.put(figure(value(key)));
    }
    Ok(row.finish())
}
