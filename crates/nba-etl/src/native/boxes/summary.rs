//! The summary API's document in the page's words, so that one reader does for both (ETL dossier 2.1).

use serde_json::{Map, Value, json};

use super::PAIRS;

/// Names of a team's figures, in the order of the page's totals after the three texts.
const FIGURES: [&str; 8] = [
    "offensiveRebounds",
    "defensiveRebounds",
    "totalRebounds",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "fouls",
];
/// Names of the percentages.
const PERCENTS: [&str; 3] = ["fieldGoalPct", "threePointFieldGoalPct", "freeThrowPct"];

/// The package, if the document is of that form.
pub(super) fn package(document: &Value) -> Option<Value> {
    if document.get("page").is_some() {
        return None;
    }
    let (header, boxscore) = (document.get("header")?, document.get("boxscore")?);
    let competition = header.pointer("/competitions/0");
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let competitors = list(competition.and_then(|found| found.get("competitors")));
    let at_home = |id: Option<&Value>| {
        competitors
            .iter()
            .find(|competitor| id.is_some() && team_id(competitor) == id)
            .is_some_and(said_home)
    };
    let strip: Vec<Value> = competitors
        .iter()
        .map(|competitor| {
            present([
                ("isHome", Some(json!(said_home(competitor)))),
                ("score", competitor.get("score").cloned()),
            ])
        })
        .collect();
    let lines = list(boxscore.get("players"));
    let teams: Vec<Value> = list(boxscore.get("teams"))
        .iter()
        .map(|team| {
            let id = team.pointer("/team/id");
            let hm = said_home(team) || (team.get("homeAway").is_none() && at_home(id));
            let own = lines.iter().find(|line| line.pointer("/team/id") == id);
            let mut stats = own.map(groups).unwrap_or_default();
            stats.push(totals(team));
            json!({
                "tm": present([
                    ("id", id.cloned()),
                    ("abbrev", team.pointer("/team/abbreviation").cloned()),
                    ("hm", Some(json!(hm))),
                ]),
                "stats": stats,
            })
        })
        .collect();
    let referees: Vec<Value> = list(document.pointer("/gameInfo/officials"))
        .iter()
        .map(|official| {
            let name = official.get("displayName").or(official.get("fullName"));
            let position = official
                .pointer("/position/displayName")
                .or(official.pointer("/position/name"));
            present([("dspNm", name.cloned()), ("pos", position.cloned())])
        })
        .collect();
    let of = |path: &str| competition.and_then(|found| found.pointer(path)).cloned();
    Some(json!({
        "gmInfo": present([
            ("dtTm", of("/date")),
            ("attnd", document.pointer("/gameInfo/attendance").cloned()),
            ("gameState", of("/status/type/state")),
            ("refs", Some(Value::Array(referees))),
        ]),
        "gmStrp": {"tms": strip},
        "bxscr": teams,
    }))
}

fn team_id(competitor: &Value) -> Option<&Value> {
    competitor.pointer("/team/id").or(competitor.get("id"))
}

fn said_home(team: &Value) -> bool {
    team.get("homeAway").and_then(Value::as_str) == Some("home")
}

/// An object of what is there.
fn present<const N: usize>(parts: [(&str, Option<Value>); N]) -> Value {
    let parts = parts.into_iter();
    Value::Object(
        parts
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<Map<_, _>>(),
    )
}

/// Starters and the bench, each with the keys of their lines.
fn groups(team: &Value) -> Vec<Value> {
    let mut groups = Vec::new();
    let tables = team.get("statistics").and_then(Value::as_array);
    for table in tables.into_iter().flatten() {
        let keys = table.get("keys").cloned().unwrap_or_default();
        for starts in [true, false] {
            let athletes = table.get("athletes").and_then(Value::as_array);
            let lines: Vec<Value> = athletes
                .into_iter()
                .flatten()
                .filter(|athlete| {
                    (athlete.get("starter").and_then(Value::as_bool) == Some(true)) == starts
                })
                .map(|athlete| {
                    present([
                        ("athlt", athlete.get("athlete").cloned()),
                        ("stats", athlete.get("stats").cloned()),
                        ("didNotPlay", athlete.get("didNotPlay").cloned()),
                    ])
                })
                .collect();
            groups.push(json!({
                "type": if starts { "starters" } else { "bench" },
                "keys": keys,
                "athlts": lines,
            }));
        }
    }
    groups
}

/// The team's figures in the places where the page has them.
fn totals(team: &Value) -> Value {
    let figure = |name: &str| {
        let figures = team.get("statistics").and_then(Value::as_array);
        figures
            .into_iter()
            .flatten()
            .find(|figure| figure.get("name").and_then(Value::as_str) == Some(name))
            .and_then(|figure| figure.get("displayValue"))
            .cloned()
            .unwrap_or_default()
    };
    let mut cells = vec![json!("")];
    cells.extend(PAIRS.map(figure));
    cells.extend(FIGURES.map(figure));
    // The page's last two: nothing, and points, which come from the score.
    cells.extend([json!(""), json!("")]);
    let mut percents = vec![json!("")];
    percents.extend(PERCENTS.map(figure));
    json!({"type": "totals", "ttls": cells, "pcts": percents})
}
