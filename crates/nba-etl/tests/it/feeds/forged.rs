//! Documents that were changed with care: whoever wants a wrong game proven has to do more than this.

use nba_testkit::sim::Game;
use nba_utils::Verdict;
use serde_json::{Value, json};

use super::harm::{Rows, Trace, generated, trace, verdict};
use super::{SHAPES, Shape, games};

/// Which period each row stands in, from 1; headings belong to the period they begin.
fn periods(shape: &Shape, rows: &[Value]) -> Vec<u64> {
    let mut period = 0;
    rows.iter()
        .map(|row| {
            if Rows::is_heading(row) {
                period += 1;
            }
            let stated = row.pointer(shape.moment[0]);
            match stated {
                Some(Value::String(text)) if shape.moment.len() > 1 => text.parse().unwrap(),
                Some(stated) if shape.moment.len() > 1 => stated.as_u64().unwrap(),
                _ => period,
            }
        })
        .collect()
}

fn proven(shape: &Shape, game: &Game, rows: &[Value]) -> bool {
    match verdict(shape, game, rows) {
        Ok(found) => found == Verdict::Proven,
        Err(wrong) => panic!("{wrong}"),
    }
}

/// An overtime does not take the place of a period that is gone.
#[test]
fn a_lost_period_is_noticed() {
    let overtime = games(40).find(|game| game.periods > 4).unwrap();
    for shape in &SHAPES {
        for game in [generated(), &overtime] {
            let rows = (shape.rows)(game);
            let of = periods(shape, &rows);
            for lost in [1, 2, 4, u64::from(game.periods)] {
                let rest = rows.iter().zip(&of).filter(|(_, period)| **period != lost);
                let rest: Vec<Value> = rest.map(|(row, _)| row.clone()).collect();
                assert!(rest.len() < rows.len());
                assert!(!proven(shape, game, &rest), "{}: {lost}", shape.name);
            }
        }
    }
}

/// A document that breaks off, also between two periods.
#[test]
fn a_document_that_breaks_off_is_noticed() {
    let game = generated();
    for (number, shape) in SHAPES.iter().enumerate() {
        let rows = (shape.rows)(game);
        let last = rows
            .iter()
            .rposition(|row| trace(row) == Trace::Act)
            .unwrap();
        let of = periods(shape, &rows);
        let end_of_third = of.iter().rposition(|period| *period == 3).unwrap() + 1;
        for cut in [number + 2, rows.len() / 2 + number, end_of_third, last] {
            assert!(!proven(shape, game, &rows[..cut]), "{}: {cut}", shape.name);
        }
    }
}

/// Takes points away from the score that a row prints.
fn lower(row: &mut Value, side: usize, points: u64) {
    const PLACES: [[&str; 2]; 2] = [["homeScore", "awayScore"], ["home_score", "away_score"]];
    if let Value::Array(cells) = row {
        // Visitors first.
        let place = if cells.len() == 6 { 3 } else { 2 };
        if let Some((away, home)) = cells
            .get(place)
            .and_then(Value::as_str)
            .and_then(|cell| cell.split_once('-'))
        {
            let mut score: [u64; 2] = [home.parse().unwrap(), away.parse().unwrap()];
            score[side] -= points;
            cells[place] = json!(format!("{}-{}", score[1], score[0]));
        }
        return;
    }
    for names in PLACES {
        match row.get_mut(names[side]) {
            Some(Value::String(text)) => {
                *text = (text.parse::<u64>().unwrap() - points).to_string();
            }
            Some(cell) => *cell = json!(cell.as_u64().unwrap() - points),
            None => {}
        }
    }
}

/// A field goal is gone, and every score behind it says that it never was.
#[test]
fn a_lost_field_goal_whose_points_were_taken_away_is_noticed() {
    let game = generated();
    let made: Vec<usize> = (0..game.plays.len())
        .filter(|at| game.plays[*at].kind == nba_testkit::sim::PlayKind::MadeShot)
        .collect();
    let by_score = [
        "ESPN summary",
        "ESPN page",
        "ESPN text table",
        "hoopR, parquet",
    ];
    let mut tried = 0;
    for shape in &SHAPES {
        let headings = !by_score.contains(&shape.name);
        if headings && shape.name != "ESPN page of 2010" {
            continue;
        }
        for at in made.iter().skip(5).step_by(9) {
            let play = &game.plays[*at];
            let mut rows = (shape.rows)(game);
            // Of the page of 2010 every period begins with a heading.
            let at = at
                + if headings {
                    usize::from(play.period)
                } else {
                    0
                };
            let side = usize::from(play.side == Some(nba_testkit::sim::Side::Away));
            assert!(
                rows[at]
                    .to_string()
                    .contains(play.text.trim_end_matches('.')),
                "{}",
                rows[at]
            );
            rows.remove(at);
            for row in &mut rows[at..] {
                lower(row, side, u64::from(play.points));
            }
            assert!(!proven(shape, game, &rows), "{}: {}", shape.name, play.text);
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

/// Two players of one side take each other's field goal; where points are printed they do not fit.
#[test]
fn exchanged_shooters_are_noticed_by_their_points() {
    let game = generated();
    let fields = [
        ("NBA Stats v2, JSON", "PLAYER1_ID", "EVENTMSGTYPE", json!(1)),
        ("NBA Stats v3", "personId", "actionType", json!("Made Shot")),
        ("cdn.nba.com", "personId", "actionType", json!("2pt")),
        ("data.nba.com", "pid", "etype", json!(1)),
    ];
    for (name, who, kind, made) in fields {
        let shape = SHAPES.iter().find(|shape| shape.name == name).unwrap();
        let rows = (shape.rows)(game);
        let made: Vec<usize> = (0..rows.len())
            .filter(|at| {
                rows[*at][kind] == made && rows[*at].get("shotResult") != Some(&json!("Missed"))
            })
            .collect();
        let team = |at: usize| {
            let row = &rows[at];
            ["PERSON1TYPE", "teamId", "tid"].map(|name| row.get(name).cloned())
        };
        let (mut tried, mut noticed) = (0, 0);
        for one in made.iter().copied().step_by(5) {
            let other = made.iter().copied().find(|other| {
                *other > one && team(*other) == team(one) && rows[*other][who] != rows[one][who]
            });
            let Some(other) = other else { continue };
            let mut forged = rows.clone();
            forged[one][who] = rows[other][who].clone();
            forged[other][who] = rows[one][who].clone();
            tried += 1;
            // Two who had as many points and made as many count the same either way.
            noticed += usize::from(!proven(shape, game, &forged));
        }
        assert!(
            noticed > 5 && noticed * 2 > tried,
            "{name}: {noticed} of {tried}"
        );
    }
}
