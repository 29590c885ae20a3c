//! Basketball-Reference: rows of cells as they stand in its tables, and the table its best-known scraper writes.

use std::borrow::Cow;

use nba_boxscore::adapter::bref::{self, Row};
use nba_boxscore::{GameLog, Side};

use super::json::Fault;

/// Columns of the scraper's table.
const COLUMNS: [&str; 9] = [
    "period",
    "period_type",
    "remaining_seconds_in_period",
    "relevant_team",
    "away_team",
    "home_team",
    "away_score",
    "home_score",
    "description",
];

/// `visitors-home`; none when it is something else.
pub(super) fn score(cell: &str) -> Option<[u16; 2]> {
    let (away, home) = cell.trim().split_once('-')?;
    Some([home.trim().parse().ok()?, away.trim().parse().ok()?])
}

fn log_fault(game: &str) -> impl FnOnce(nba_boxscore::LogError) -> Fault {
    let game = game.to_owned();
    move |error| Fault::Log { game, error }
}

/// Reads rows of six cells: time, visitors, their points, score, points of the home team, home team. A heading whose first cell is `Time`
/// starts a period; what stands above the first one belongs to another table.
pub(super) fn read_cells<'a, C: AsRef<str> + 'a>(
    id: &str,
    table: impl Iterator<Item = &'a [C]>,
) -> Result<GameLog, Fault> {
    let mut period = 0i64;
    let mut teams = [""; 2];
    let mut rows = Vec::new();
    for cells in table {
        let cell = |place: usize| cells.get(place).map_or("", |cell| cell.as_ref().trim());
        if cell(0).eq_ignore_ascii_case("time") && cells.len() >= 6 {
            period += 1;
            teams = [cell(5), cell(1)];
        } else if period > 0 && cells.len() >= 6 {
            for (side, place) in [(Side::Away, 1), (Side::Home, 5)] {
                if !cell(place).is_empty() {
                    rows.push(Row {
                        period,
                        clock: cell(0),
                        text: cell(place),
                        column: Some(side),
                        score: score(cell(3)),
                    });
                }
            }
        } else if period > 0 && cells.len() == 2 && !cell(0).is_empty() {
            // A jump ball, the start or the end of a period, over all columns.
            rows.push(Row {
                period,
                clock: cell(0),
                text: cell(1),
                column: None,
                score: None,
            });
        }
    }
    if period == 0 {
        return Err(Fault::UnknownForm);
    }
    bref::read(id, teams, &rows).map_err(log_fault(id))
}

/// Whether a text begins with the heading of the scraper's table.
pub(super) fn is_csv(bytes: &[u8]) -> bool {
    let heading = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    std::str::from_utf8(heading)
        .is_ok_and(|heading| heading.trim().trim_start_matches('\u{feff}') == COLUMNS.join(","))
}

/// Reads the scraper's table: one game, without an id.
pub(super) fn read_csv(bytes: &[u8]) -> Result<GameLog, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::UnknownForm)?;
    let lines: Vec<Vec<Cow<'_, str>>> = text
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(cells)
        .collect();
    let mut rows = Vec::with_capacity(lines.len());
    let mut clocks = Vec::with_capacity(lines.len());
    for line in &lines {
        clocks.push(clock(line.get(2).map_or("", |cell| cell)));
    }
    let mut teams = [""; 2];
    for (line, clock) in lines.iter().zip(&clocks) {
        let cell = |place: usize| line.get(place).map_or("", |cell| cell.trim());
        let period: i64 = cell(0).parse().unwrap_or(0);
        teams = [cell(5), cell(4)];
        let score = cell(7).parse().ok().zip(cell(6).parse().ok());
        rows.push(Row {
            period: if cell(1).eq_ignore_ascii_case("overtime") && period > 0 {
                period.saturating_add(4)
            } else {
                period
            },
            clock,
            text: cell(8),
            column: match cell(3) {
                team if team == teams[0] && !team.is_empty() => Some(Side::Home),
                team if team == teams[1] && !team.is_empty() => Some(Side::Away),
                _ => None,
            },
            score: score.map(|(home, away)| [home, away]),
        });
    }
    bref::read("", teams, &rows).map_err(log_fault(""))
}

/// `707.0` seconds as `11:47.0`; what is no number stays as it is, for the error that names it.
fn clock(seconds: &str) -> String {
    let (whole, tenths) = seconds.trim().split_once('.').unwrap_or((seconds, "0"));
    match whole.trim().parse::<u32>() {
        Ok(whole) => {
            let tenth = tenths.get(..1).unwrap_or("0");
            format!("{}:{:02}.{tenth}", whole / 60, whole % 60)
        }
        Err(_) => seconds.to_owned(),
    }
}

/// The cells of a line; one in quotes may have commas and doubled quotes.
fn cells(line: &str) -> Vec<Cow<'_, str>> {
    if !line.contains('"') {
        return line.split(',').map(Cow::Borrowed).collect();
    }
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let cell = cells.last_mut();
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                if let Some(cell) = cell {
                    cell.push('"');
                }
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => {
                if let Some(cell) = cell {
                    cell.push(other);
                }
            }
        }
    }
    cells.into_iter().map(Cow::Owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{cells, clock, is_csv, read_csv};

    #[test]
    fn clocks_and_cells() {
        assert_eq!(clock("707.0"), "11:47.0");
        assert_eq!(clock("0.4"), "0:00.4");
        assert_eq!(clock("no"), "no");
        assert_eq!(cells("a,\"b, \"\"c\"\"\",d"), ["a", "b, \"c\"", "d"]);
    }

    #[test]
    fn a_table_of_the_scraper() {
        let table = "period,period_type,remaining_seconds_in_period,relevant_team,away_team,home_team,away_score,home_score,description\n\
            1,QUARTER,707.0,TORONTO RAPTORS,NEW JERSEY NETS,TORONTO RAPTORS,0,2,V. Carter makes 2-pt jump shot from 8 ft\n\
            1,OVERTIME,7.0,NEW JERSEY NETS,NEW JERSEY NETS,TORONTO RAPTORS,2,2,J. Kidd makes 2-pt layup at rim\n";
        assert!(is_csv(table.as_bytes()));
        let log = read_csv(table.as_bytes()).unwrap();
        assert_eq!(nba_boxscore::verify(&log).score.points(), [2, 2]);
        assert_eq!(log.events.iter().map(|event| event.period).max(), Some(5));
        let broken = table.replace("707.0", "soon");
        assert!(read_csv(broken.as_bytes()).is_err());
    }
}
