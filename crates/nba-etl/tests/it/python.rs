//! Compat mode beside the script itself, function against function, on documents in which every part was replaced by something odd.
//!
//! A dual run shows that whole years agree. Here it is the exceptions: what Python raises, what it takes for false, what it prints.

use std::io::Write as _;
use std::process::{Command, Stdio};

use nba_etl::native::parting::{Records, TwoModes};
use nba_etl::native::{Mode, boxes, games, plays};
use nba_testkit::legacy::{LegacyCheckout, LegacyOptions};
use serde_json::{Value, json};

/// Reads one document a line with the functions of the scripts; prints the rows, or `"ERR"` where an exception loses the document.
/// `"ODD"`: a cell is a list or an object, which the real script's driver refuses.
const HARNESS: &str = r#"
import io, json, sys
from contextlib import redirect_stdout
from datetime import datetime, timezone
sys.path.insert(0, sys.argv[1])
from scripts.etl import extract_schedule_local as schedule, extract_boxscores_local as boxes, extract_pbp_local as plays

class Odd(Exception):
    pass

def cell(value, zone):
    if isinstance(value, (list, dict)):
        raise Odd()
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = (value.astimezone(timezone.utc) if zone else value).replace(tzinfo=None)
        return str(value)
    return None if value is None else "t" if value is True else "f" if value is False else str(value)

def row(values, zone=True):
    return None if values is None else [cell(value, zone) for value in values]

class Bucket:
    def __init__(self, text): self.text = text
    def list(self, prefix): return [prefix + "2024.json"]
    def get(self, key): return self.text

def read(kind, text):
    if kind == "games":
        rows, teams = schedule.read_year(Bucket(text), 2024, {"processed": 0, "skipped": 0})
        return [[row(r) for r in rows], teams]
    if kind == "plays":
        return [row(r) for r in plays.plays_of(json.loads(text), "g")]
    document = json.loads(text)
    team, players = boxes.rows_of(document.get("page", {}).get("content", {}).get("gamepackage", {}), "g")
    unique = {(r[0], r[1]): r for r in players}
    return [row(team, False), [row(r, False) for r in unique.values()]]

for line in sys.stdin:
    kind, text = line.rstrip("\n").split("\t", 1)
    try:
        with redirect_stdout(io.StringIO()):
            found = read(kind, text)
    except Odd:
        found = "ODD"
    except Exception:
        found = "ERR"
    print(json.dumps(found))
"#;

/// Everything that Python treats in a way of its own.
fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(7),
        json!(-3.9),
        json!(1e16),
        json!(""),
        json!("0"),
        json!("+12"),
        json!("12.5"),
        json!("1,234"),
        json!(" 5 "),
        json!("1_0"),
        json!("--"),
        json!("48.3%"),
        json!("38:30"),
        json!("home"),
        json!("National"),
        json!("totals"),
        json!("2024-10-01T03:00Z"),
        json!("2024-01-15T18:00:30-05:00"),
        json!("2021-05-12T21:30+0200"),
        json!([]),
        json!({}),
        json!([1]),
        json!({"a": 1}),
    ]
}

/// The document with each of its parts replaced by each odd value, and with each part left out.
fn variants(document: &Value) -> Vec<Value> {
    let mut paths = Vec::new();
    gather(document, String::new(), &mut paths);
    let mut found = vec![document.clone()];
    for path in paths {
        for odd in odd_values() {
            let mut changed = document.clone();
            if let Some(part) = changed.pointer_mut(&path) {
                *part = odd;
            }
            found.push(changed);
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or_default();
        let mut changed = document.clone();
        match changed.pointer_mut(parent) {
            Some(Value::Object(parts)) => drop(parts.remove(name)),
            Some(Value::Array(items)) => drop(items.remove(name.parse().unwrap())),
            _ => continue,
        }
        found.push(changed);
    }
    found
}

fn gather(value: &Value, path: String, into: &mut Vec<String>) {
    match value {
        Value::Object(parts) => {
            for (name, part) in parts {
                gather(part, format!("{path}/{name}"), into);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                gather(item, format!("{path}/{at}"), into);
            }
        }
        _ => {}
    }
    if !path.is_empty() {
        into.push(path);
    }
}

fn schedule() -> Value {
    let game = |id: &str| {
        json!({
            "id": id, "date": "2024-01-16T00:30Z", "completed": true, "isTie": false, "timeValid": true, "link": "x",
            "headerPostfix": "h", "tickets": {"n": 1}, "format": {"regulation": {"periods": 4}},
            "competitors": [
                {"id": "1", "isHome": true, "score": "101", "abbrev": "ATL", "winner": true, "leader": {"name": "A", "displayValue": "9"}},
                {"id": 2, "homeAway": "away", "score": 99, "recordSummary": "1-2"},
            ],
            "venue": {"id": "9", "fullName": "Arena", "indoor": true, "address": {"city": "X", "state": "Y"}},
            "status": {"id": "3", "state": "post", "detail": "Final", "type": {"detail": "Final"}},
            "broadcasts": [{"name": "A", "market": "Home", "type": "TV"}, {"name": "N", "market": "National"}],
        })
    };
    json!({"page": {"content": {"schedule": {"20240115": [game("a"), game("b")], "20240116": [game("c")]}}}})
}

fn box_score() -> Value {
    let team = |id: &str, hm: bool| {
        json!({"tm": {"id": id, "abbrev": "T", "hm": hm}, "stats": [
            {"type": "starters", "keys": ["minutes", "fieldGoalsMade-fieldGoalsAttempted", "rebounds", "plusMinus", "points"], "athlts": [
                {"athlt": {"id": format!("{id}1")}, "stats": ["38:30", "7-15", "12", "+5", 18]},
                {"athlt": {"id": format!("{id}1")}, "stats": ["1", "0-1", "0", "-1", "0"]}]},
            {"type": "totals", "ttls": ["", "7-15", "1-2", "3-4", "1", "2", "3", "4", "5", "6", "7", "8", "", "18"],
             "pcts": ["", "46.7%", ".5", 75]},
        ]})
    };
    json!({"page": {"content": {"gamepackage": {
        "gmInfo": {"dtTm": "2021-05-12T21:30Z", "attnd": "1,234", "gameState": "post", "refs": [{"dspNm": "A", "pos": "R"}]},
        "gmStrp": {"tms": [{"isHome": true, "score": "101"}, {"score": 99}]},
        "bxscr": [team("2", false), team("1", true)],
    }}}})
}

fn play_by_play() -> Value {
    let play = |id: &str| {
        json!({"id": id, "period": {"number": 1, "displayValue": "1st"}, "clock": {"displayValue": "11:34"}, "text": "makes",
            "homeAway": "home", "scoringPlay": true, "awayScore": 0, "homeScore": 2})
    };
    json!({"page": {"content": {"gamepackage": {"pbp": {"playGrps": [[play("a"), play("b")], [play("c")]]}}}}})
}

fn rows(records: &Records) -> Value {
    records.rows.iter().map(|row| json!(row.values)).collect()
}

/// What compat mode makes of it, in the harness's form.
fn native(kind: &str, text: &str) -> Value {
    let bytes = text.as_bytes();
    match kind {
        "games" => {
            let Ok(day) = games::read(bytes, "g", Mode::Compat) else {
                return json!([[], []]);
            };
            let mut ids: Vec<&str> = Vec::new();
            for row in &day.teams.rows {
                let id = row.values[0].as_deref().unwrap();
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
            let mut seen = std::collections::BTreeSet::new();
            let first = |row: &&Value| seen.insert(row[0].to_string());
            let games: Vec<Value> = rows(&day.games)
                .as_array()
                .unwrap()
                .iter()
                .filter(first)
                .cloned()
                .collect();
            json!([games, ids])
        }
        "plays" => plays::PlayByPlay
            .records(bytes, "g", Mode::Compat)
            .map_or_else(|_| json!("ERR"), |found| rows(&found)),
        _ => boxes::read(bytes, "g", Mode::Compat).map_or_else(
            |_| json!("ERR"),
            |found| {
                let team = rows(&found.teams)[0].clone();
                json!([team, rows(&found.players)])
            },
        ),
    }
}

#[test]
fn compat_mode_does_what_the_functions_of_the_scripts_do() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = LegacyCheckout::build(dir.path(), &LegacyOptions::default()).unwrap();
    let documents: Vec<(&str, String)> = [
        ("games", schedule()),
        ("boxes", box_score()),
        ("plays", play_by_play()),
    ]
    .iter()
    .flat_map(|(kind, document)| {
        variants(document)
            .into_iter()
            .map(|variant| (*kind, variant.to_string()))
    })
    .collect();
    let input: String = documents
        .iter()
        .map(|(kind, text)| format!("{kind}\t{text}\n"))
        .collect();
    let mut child = Command::new("python3")
        .args(["-c", HARNESS])
        .arg(checkout.project())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), documents.len());
    assert!(documents.len() > 5_000, "{}", documents.len());

    let mut different = Vec::new();
    let mut odd = 0;
    for ((kind, text), python) in documents.iter().zip(&answers) {
        if *python == json!("ODD") {
            odd += 1;
            continue;
        }
        let own = native(kind, text);
        if own != *python {
            let short = |text: String| text.chars().take(900).collect::<String>();
            let (python, own) = (short(python.to_string()), short(own.to_string()));
            different.push(format!(
                "{kind} {}\n  script {python}\n  port   {own}",
                short(text.clone())
            ));
        }
    }
    assert!(odd * 10 < documents.len(), "{odd} of {}", documents.len());
    assert!(
        different.is_empty(),
        "{} of {} differ:\n{}",
        different.len(),
        documents.len(),
        different[..different.len().min(5)].join("\n")
    );
}
