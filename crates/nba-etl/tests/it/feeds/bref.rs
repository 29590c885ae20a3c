//! Basketball-Reference: rows of six cells, in three wrappings.

use nba_boxscore::{Event, EventKind, PlayerRef, Rebound, ShotResult, ShotValue, Side, Tally};
use nba_testkit::sim::{self, Game};
use serde_json::{Value, json};

use super::nba::free_throw_places;
use super::truth::Names;

/// What a row says, and whose column it stands in.
fn said(
    event: &Event,
    place: Option<(usize, usize, bool)>,
    names: &Names,
) -> Option<(Side, String)> {
    let name = |side: Side, slot: Option<u8>| match slot {
        Some(slot) => names.short(side, slot).to_owned(),
        None => "Team".to_owned(),
    };
    Some(match event.kind {
        EventKind::PeriodStart { .. } | EventKind::PeriodEnd | EventKind::Neutral => return None,
        EventKind::Shot(shot) => {
            let PlayerRef { side, slot } = shot.shooter;
            let worth = if shot.value == ShotValue::Three { 3 } else { 2 };
            let who = name(side, Some(slot));
            let text = match shot.result {
                ShotResult::Made { assist: None } => format!("{who} makes {worth}-pt layup at rim"),
                ShotResult::Made { assist } => format!(
                    "{who} makes {worth}-pt jump shot from 5 ft (assist by {})",
                    name(side, assist)
                ),
                ShotResult::Missed { block: None } => {
                    format!("{who} misses {worth}-pt layup at rim")
                }
                ShotResult::Missed { block } => format!(
                    "{who} misses {worth}-pt layup at rim (block by {})",
                    name(side.other(), block)
                ),
            };
            (side, text)
        }
        EventKind::FreeThrow {
            shooter: PlayerRef { side, slot },
            made,
            technical,
        } => {
            let how = match (technical, place) {
                (false, Some((number, of, true))) => {
                    format!("flagrant free throw {number} of {of}")
                }
                (false, Some((number, of, false))) => format!("free throw {number} of {of}"),
                _ => "technical free throw".to_owned(),
            };
            let does = if made { "makes" } else { "misses" };
            (side, format!("{} {does} {how}", name(side, Some(slot))))
        }
        EventKind::Rebound {
            side,
            player,
            which,
        } => {
            let which = if which == Rebound::Offensive {
                "Offensive"
            } else {
                "Defensive"
            };
            (side, format!("{which} rebound by {}", name(side, player)))
        }
        EventKind::Turnover {
            side,
            player,
            steal,
        } => {
            let stolen = steal.map_or_else(String::new, |thief| {
                format!("; steal by {}", name(side.other(), Some(thief)))
            });
            let who = name(side, player);
            (side, format!("Turnover by {who} (bad pass{stolen})"))
        }
        EventKind::PersonalFoul {
            offender: PlayerRef { side, slot },
        } => (
            side.other(),
            format!("Personal foul by {}", name(side, Some(slot))),
        ),
        EventKind::TechnicalFoul { side, offender } => {
            (side, format!("Technical foul by {}", name(side, offender)))
        }
        EventKind::Substitution {
            side,
            enters,
            leaves,
        } => (
            side,
            format!(
                "{} enters the game for {}",
                name(side, Some(enters)),
                name(side, Some(leaves))
            ),
        ),
    })
}

/// The game as the site prints it; a heading begins a period.
pub(super) fn rows(game: &Game) -> Vec<Value> {
    let names = Names::new(game);
    let mut tally = Tally::new(sim::events::roster_sizes(game));
    let mut rows = Vec::new();
    let events: Vec<Event> = sim::events::events(game);
    let places = free_throw_places(&events);
    for (event, place) in events.iter().zip(places) {
        tally.apply(event).unwrap();
        let [home, away] = tally.points();
        let clock = event.clock_tenths;
        let clock = format!("{}:{:02}.{}", clock / 600, clock % 600 / 10, clock % 10);
        if matches!(event.kind, EventKind::PeriodStart { .. }) {
            rows.push(json!(["Time", "Visitors", "", "Score", "", "Hosts"]));
        }
        if let Some((column, text)) = said(event, place, &names) {
            let (visitors, hosts) = match column {
                Side::Away => (text, String::new()),
                Side::Home => (String::new(), text),
            };
            rows.push(json!([
                clock,
                visitors,
                "",
                format!("{away}-{home}"),
                "",
                hosts
            ]));
        }
    }
    rows
}

fn cells(row: &Value) -> Vec<&str> {
    let cells = row.as_array().unwrap().iter();
    cells.map(|cell| cell.as_str().unwrap_or("")).collect()
}

pub(super) fn document(_: &Game, rows: &[Value]) -> Vec<u8> {
    let rows: Vec<Value> = rows
        .iter()
        .map(|cells| json!({"row": 1, "cells": cells}))
        .collect();
    serde_json::to_vec(&json!({"bref_file": "202601010HOM_pbp.json", "rows": rows})).unwrap()
}

pub(super) fn page_document(_: &Game, rows: &[Value]) -> Vec<u8> {
    let mut page = String::from("<!DOCTYPE html><html><body><table id=\"pbp\">\n");
    for row in rows {
        let cells = cells(row);
        let kind = if cells[0] == "Time" { "th" } else { "td" };
        page.push_str("<tr>");
        for cell in cells {
            page.push_str(&format!("<{kind}>{}</{kind}>", cell.replace('\'', "&#39;")));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></body></html>");
    page.into_bytes()
}

/// The table of the scraper: seconds for clocks, teams for columns, no headings.
pub(super) fn csv_document(_: &Game, rows: &[Value]) -> Vec<u8> {
    let mut table = String::from(
        "period,period_type,remaining_seconds_in_period,relevant_team,away_team,home_team,away_score,home_score,description\n",
    );
    let mut period = 0;
    for row in rows {
        let cells = cells(row);
        if cells[0] == "Time" {
            period += 1;
            continue;
        }
        let (number, kind) = match period {
            ..=4 => (period, "QUARTER"),
            _ => (period - 4, "OVERTIME"),
        };
        let (minutes, seconds) = cells[0].split_once(':').unwrap();
        let minutes: f64 = minutes.parse().unwrap();
        let seconds = minutes * 60.0 + seconds.parse::<f64>().unwrap();
        let (team, text) = match cells[1] {
            "" => ("HOSTS", cells[5]),
            text => ("VISITORS", text),
        };
        let (away, home) = cells[3].split_once('-').unwrap_or(("", ""));
        let text = text.replace('"', "\"\"");
        table.push_str(&format!(
            "{number},{kind},{seconds:.1},{team},VISITORS,HOSTS,{away},{home},\"{text}\"\n"
        ));
    }
    table.into_bytes()
}
