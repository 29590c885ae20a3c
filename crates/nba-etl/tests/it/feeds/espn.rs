//! ESPN's forms and hoopR's, which is ESPN's as a table.

use nba_boxscore::adapter::espn_text;
use nba_boxscore::{GameLog, Side};
use nba_testkit::plan::{Feeds, PlannedGame, Temporal};
use nba_testkit::sim::{self, Game, Play, text};
use nba_testkit::tables::GameTables;
use nba_testkit::{schema, sim::PlayKind};
use serde_json::{Map, Value, json};

fn team(game: &Game, side: sim::Side) -> &'static sim::Team {
    match side {
        sim::Side::Home => game.header.home,
        sim::Side::Away => game.header.away,
    }
}

// ---- summary -----------------------------------------------------------------------------------------------------

fn is_try(play: &Play) -> bool {
    matches!(
        play.kind,
        PlayKind::MadeShot | PlayKind::MissedShot | PlayKind::FreeThrow { .. }
    )
}

/// `plays` of a summary.
pub(super) fn summary_rows(game: &Game) -> Vec<Value> {
    let row = |play: &Play| {
        let mut row = json!({
            "id": format!("{}{}", game.header.game_id, play.sequence),
            "sequenceNumber": play.sequence.to_string(),
            "type": {"id": text::espn_type(play).0.to_string(), "text": text::espn_type(play).1},
            "text": play.text,
            "awayScore": play.score[1],
            "homeScore": play.score[0],
            "period": {"number": play.period},
            "clock": {"displayValue": text::clock_display(play.clock_tenths, game.header.wording)},
            "scoringPlay": play.points > 0,
            "scoreValue": play.points,
            "shootingPlay": is_try(play),
            "pointsAttempted": play.value,
        });
        if let Some(side) = play.side {
            row["team"] = json!({"id": team(game, side).espn_id.to_string()});
        }
        let participants: Vec<Value> = play
            .actors
            .iter()
            .flatten()
            .map(|actor| {
                let player = &game.rosters[actor.side.index()][usize::from(actor.player)];
                json!({"athlete": {"id": player.espn_id.to_string()}})
            })
            .collect();
        if !participants.is_empty() {
            row["participants"] = json!(participants);
        }
        row
    };
    game.plays.iter().map(row).collect()
}

pub(super) fn summary_document(game: &Game, rows: &[Value]) -> Vec<u8> {
    let competitors = sim::Side::BOTH.map(|side| {
        let team = team(game, side);
        json!({"homeAway": side.as_str(), "team": {"id": team.espn_id.to_string(), "abbreviation": team.abbrev}})
    });
    let document = json!({
        "boxscore": {"players": []},
        "header": {"id": game.header.game_id, "competitions": [{"competitors": competitors}]},
        "plays": rows,
    });
    serde_json::to_vec(&document).unwrap()
}

// ---- page --------------------------------------------------------------------------------------------------------

/// Plays of a page.
pub(super) fn page_rows(game: &Game) -> Vec<Value> {
    let row = |play: &Play| {
        let mut row = json!({
            "id": format!("{}{}", game.header.game_id, play.sequence),
            "period": {"number": play.period},
            "text": play.text,
            "awayScore": play.score[1],
            "homeScore": play.score[0],
            "clock": {"displayValue": text::clock_display(play.clock_tenths, game.header.wording)},
        });
        if let Some(side) = play.side {
            row["homeAway"] = json!(side.as_str());
        }
        if play.points > 0 {
            row["scoringPlay"] = json!(true);
        }
        row
    };
    game.plays.iter().map(row).collect()
}

pub(super) fn page_document(game: &Game, rows: &[Value]) -> Vec<u8> {
    let mut groups: Vec<Vec<&Value>> = Vec::new();
    let mut last = None;
    for row in rows {
        let period = row.pointer("/period/number").and_then(Value::as_u64);
        if groups.is_empty() || (period.is_some() && period != last) {
            groups.push(Vec::new());
            last = period;
        }
        groups.last_mut().unwrap().push(row);
    }
    let side = |side| {
        let team: &sim::Team = team(game, side);
        json!({"id": team.espn_id.to_string(), "abbrev": team.abbrev})
    };
    let document = json!({"page": {"content": {"gamepackage": {
        "gmStrp": {"gid": game.header.game_id},
        "pbp": {"playGrps": groups, "tms": {"home": side(sim::Side::Home), "away": side(sim::Side::Away)}},
    }}}});
    serde_json::to_vec(&document).unwrap()
}

// ---- the platform's tables ---------------------------------------------------------------------------------------

/// Rows that a game has in a table of the replica, by column.
fn table_rows(game: &Game, table: &str, feed: Feeds) -> Vec<Value> {
    let mut tables = GameTables::default();
    let planned = PlannedGame {
        index: game.header.index,
        plays: None,
        roster: None,
        feeds: feed,
        other_id: None,
    };
    tables.add(game, &planned, Temporal::Empty, 1);
    let (_, rows) = tables.tables().find(|(name, _)| *name == table).unwrap();
    let columns: Vec<&str> = schema::table(table)
        .unwrap()
        .stored_columns()
        .map(|name| name.trim_matches('"'))
        .collect();
    let lines = std::str::from_utf8(rows.bytes()).unwrap().lines();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            assert_eq!(cells.len(), columns.len(), "{line}");
            let cell = |cell: &str| match cell {
                "\\N" => Value::Null,
                text => json!(text.replace("\\n", "\n").replace("\\\\", "\\")),
            };
            let row: Map<String, Value> = columns
                .iter()
                .zip(cells)
                .map(|(name, text)| ((*name).to_owned(), cell(text)))
                .collect();
            Value::Object(row)
        })
        .collect()
}

/// Rows of `play_by_play`.
pub(super) fn text_rows(game: &Game) -> Vec<Value> {
    table_rows(game, "public.play_by_play", Feeds::PLAY_BY_PLAY)
}

/// The rows as whoever asks the database has them.
pub(super) fn read_text_rows(game: &Game, rows: &[Value]) -> Result<GameLog, String> {
    fn cell<'a>(row: &'a Value, name: &str) -> &'a str {
        row[name].as_str().unwrap_or("")
    }
    let id = &game.header.game_id;
    let rows = rows.iter().map(|row| espn_text::Row {
        number: cell(row, "play_id")
            .strip_prefix(id.as_str())
            .and_then(|number| number.parse().ok()),
        period: cell(row, "period_number").parse().unwrap_or(0),
        clock: cell(row, "clock_display"),
        text: cell(row, "play_text"),
        side: match cell(row, "home_away") {
            "home" => Some(Side::Home),
            "away" => Some(Side::Away),
            _ => None,
        },
        score: cell(row, "home_score")
            .parse()
            .ok()
            .zip(cell(row, "away_score").parse().ok())
            .map(|(home, away)| [home, away]),
    });
    espn_text::read(id, rows).map_err(|error| error.to_string())
}

/// Rows of hoopR's `play_by_play`, with whole numbers and truth values where its files have them.
pub(super) fn hoopr_rows(game: &Game) -> Vec<Value> {
    const TRUTH: [&str; 2] = ["scoring_play", "shooting_play"];
    const TEXTS: [&str; 6] = [
        "type_text",
        "text",
        "clock_display_value",
        "home_team_abbrev",
        "away_team_abbrev",
        "period_display_value",
    ];
    let mut rows = table_rows(game, "public.hoopr_play_by_play", Feeds::HOOPR_PLAYS);
    for row in &mut rows {
        for (name, value) in row.as_object_mut().unwrap() {
            let Some(text) = value.as_str() else { continue };
            if name.starts_with("athlete_id_") {
                // Columns with gaps are doubles: `4065648.0` (BX-12).
                *value = json!(text.parse::<f64>().unwrap());
            } else if TRUTH.contains(&name.as_str()) {
                *value = json!(text == "1");
            } else if !TEXTS.contains(&name.as_str())
                && let Ok(number) = text.parse::<i64>()
            {
                *value = json!(number);
            }
        }
    }
    rows
}

pub(super) fn hoopr_document(_: &Game, rows: &[Value]) -> Vec<u8> {
    let columns: Vec<String> = schema::table("public.hoopr_play_by_play")
        .unwrap()
        .columns()
        .map(|name| name.trim_matches('"').to_owned())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("play_by_play_2024.parquet");
    super::parquet_rows::write(&path, &columns, rows);
    std::fs::read(&path).unwrap()
}

// ---- the page of 2010 --------------------------------------------------------------------------------------------

/// Rows of the table: four cells, or two where a row spans the others; a heading begins a period.
pub(super) fn html_rows(game: &Game) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut period = 0;
    for play in &game.plays {
        if play.period != period {
            period = play.period;
            rows.push(json!(["TIME", "VISITORS", "SCORE", "HOSTS"]));
        }
        let clock = text::clock_display(play.clock_tenths, game.header.wording);
        let score = format!("{}-{}", play.score[1], play.score[0]);
        rows.push(match play.side {
            Some(sim::Side::Home) => json!([clock, "", score, play.text]),
            Some(sim::Side::Away) => json!([clock, play.text, score, ""]),
            None => json!([clock, play.text]),
        });
    }
    rows
}

pub(super) fn html_document(_: &Game, rows: &[Value]) -> Vec<u8> {
    let mut page = String::from("<html><table>");
    for row in rows {
        let cells: Vec<&str> = row
            .as_array()
            .unwrap()
            .iter()
            .map(|cell| cell.as_str().unwrap_or(""))
            .collect();
        if cells[0] == "TIME" {
            page.push_str("<tr><td colspan=4>Summary</td></tr><tr>");
            for cell in cells {
                page.push_str(&format!("<th>{cell}</b></th>"));
            }
        } else {
            page.push_str("<tr>");
            let many = if cells.len() == 2 { " colspan=3" } else { "" };
            for (place, cell) in cells.iter().enumerate() {
                let cell = cell.replace('&', "&amp;");
                let cell = if cell.is_empty() { "&nbsp;" } else { &cell };
                let many = if place == 1 { many } else { "" };
                page.push_str(&format!("<td{many}><B>{cell}</B></td>"));
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>");
    page.into_bytes()
}
