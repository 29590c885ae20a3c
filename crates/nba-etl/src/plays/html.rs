//! Pages whose plays stand in a table: old ESPN pages and Basketball-Reference.
//!
//! Only tables are looked at, and only their rows and cells; such pages are rarely well-formed, so nothing else is relied on.

use nba_boxscore::adapter::espn_text;
use nba_boxscore::{GameLog, Side};

use super::json::Fault;
use super::{Form, bref};

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TableRow {
    /// Which table of the page, counted from 1; 0 is none.
    table: usize,
    cells: Vec<String>,
}

/// Reads the game of a page.
pub(super) fn read(bytes: &[u8]) -> Result<(Form, GameLog), Fault> {
    // Pages of 2010 are Latin-1 now and then; every byte of that is the letter of its number.
    let page = match std::str::from_utf8(bytes) {
        Ok(text) => std::borrow::Cow::Borrowed(text),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let rows = rows(&page);
    let Some(heading) = rows.iter().find(|row| is_heading(&row.cells)) else {
        return Err(Fault::UnknownForm);
    };
    let table = rows
        .iter()
        .filter(|row| row.table == heading.table)
        .map(|row| row.cells.as_slice());
    if heading.cells.len() == 4 {
        let id = between(&page, "playbyplay?gameId=", |id| {
            // The page's own links go on with the period; others are other games.
            id.1.starts_with("&period=") || id.1.starts_with("&amp;period=")
        });
        espn(&id, table).map(|log| (Form::EspnHtml, log))
    } else {
        let id = between(&page, "boxscores/pbp/", |(id, _)| id.len() >= 12);
        bref::read_cells(&id, table).map(|log| (Form::Bref, log))
    }
}

/// `Time`, a team, `Score` and the other team.
fn is_heading(cells: &[String]) -> bool {
    let score = match cells.len() {
        4 => 2,
        6 => 3,
        _ => return false,
    };
    cells[0].eq_ignore_ascii_case("time") && cells[score].eq_ignore_ascii_case("score")
}

/// The letters and digits behind a word, at the first place that `fits` with what follows.
fn between(page: &str, word: &str, fits: impl Fn((&str, &str)) -> bool) -> String {
    page.split(word)
        .skip(1)
        .map(|rest| {
            let end = rest
                .find(|letter: char| !letter.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            rest.split_at(end)
        })
        .find(|&(id, rest)| !id.is_empty() && fits((id, rest)))
        .map_or_else(String::new, |(id, _)| id.to_owned())
}

/// Time, what the visitors did, the score, what the home team did.
fn espn<'a>(id: &str, table: impl Iterator<Item = &'a [String]>) -> Result<GameLog, Fault> {
    let mut period = 0i64;
    let mut titled = None;
    let mut teams = [""; 2];
    let mut rows = Vec::new();
    for cells in table {
        match cells {
            [title] => titled = title_period(title).or(titled),
            [_, visitors, _, home] if is_heading(cells) => {
                // A page may go back to a quarter it has left.
                period = titled.take().unwrap_or(period + 1);
                teams = [home, visitors];
            }
            // Above the first heading.
            _ if period == 0 => {}
            [clock, visitors, score, home] => {
                for (side, text) in [(Side::Away, visitors), (Side::Home, home)] {
                    if !text.is_empty() {
                        rows.push(espn_text::Row {
                            number: None,
                            period,
                            clock,
                            text,
                            side: Some(side),
                            score: bref::score(score),
                        });
                    }
                }
            }
            // The start or end of a period, or a timeout, over all columns.
            [clock, text] if !clock.is_empty() => rows.push(espn_text::Row {
                number: None,
                period,
                clock,
                text,
                side: None,
                score: None,
            }),
            _ => {}
        }
    }
    espn_text::read_with_teams(id, teams, rows).map_err(|error| Fault::Log {
        game: id.to_owned(),
        error,
    })
}

/// The period of `2nd Quarter Summary` or `1st Overtime Summary`.
fn title_period(title: &str) -> Option<i64> {
    let mut words = title.split(' ');
    let number: i64 = words
        .next()?
        .trim_end_matches(|letter: char| letter.is_ascii_alphabetic())
        .parse()
        .ok()?;
    match words.next()? {
        "Quarter" if (1..=4).contains(&number) => Some(number),
        "Overtime" if (1..=20).contains(&number) => Some(number + 4),
        _ => None,
    }
}

/// All rows of all tables, in the order of the page.
fn rows(page: &str) -> Vec<TableRow> {
    let mut found: Vec<TableRow> = Vec::new();
    let mut table = 0;
    let mut row: Option<Vec<String>> = None;
    let mut cell: Option<String> = None;
    let close_cell = |row: &mut Option<Vec<String>>, cell: &mut Option<String>| {
        if let (Some(row), Some(cell)) = (row, cell.take()) {
            row.push(plain(&cell));
        }
    };
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        if let Some(cell) = &mut cell {
            cell.push_str(text);
        }
        let end = tag.find('>').unwrap_or(tag.len());
        let inside = tag.get(1..end).unwrap_or_default();
        rest = tag.get(end + 1..).unwrap_or_default();
        let name: String = inside
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '/')
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        match name.as_str() {
            "table" | "tr" | "/tr" | "/table" => {
                close_cell(&mut row, &mut cell);
                if let Some(cells) = row.take().filter(|cells| !cells.is_empty()) {
                    found.push(TableRow { table, cells });
                }
                match name.as_str() {
                    "table" => table += 1,
                    "tr" => row = Some(Vec::new()),
                    _ => {}
                }
            }
            "td" | "th" => {
                close_cell(&mut row, &mut cell);
                if row.is_some() {
                    cell = Some(String::new());
                }
            }
            "/td" | "/th" => close_cell(&mut row, &mut cell),
            // What stands between these is no text of the page.
            "script" | "style" => {
                let close = format!("</{name}");
                rest = rest.find(&close).map_or("", |at| &rest[at..]);
            }
            _ => {}
        }
    }
    if let Some(cell) = &mut cell {
        cell.push_str(rest);
    }
    close_cell(&mut row, &mut cell);
    if let Some(cells) = row.filter(|cells| !cells.is_empty()) {
        found.push(TableRow { table, cells });
    }
    found
}

/// The text of a cell without entities, and with single spaces.
fn plain(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').filter(|end| *end <= 10);
        match entity.and_then(|end| Some((letter(&rest[1..end])?, end))) {
            Some((letter, end)) => {
                text.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letter an entity stands for.
fn letter(entity: &str) -> Option<char> {
    if let Some(number) = entity.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" => '\'',
        "nbsp" => '\u{a0}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{TableRow, plain, read, rows};
    use crate::plays::Form;
    use nba_boxscore::{Side, verify};

    #[test]
    fn cells_are_read_from_careless_tables() {
        let page = "<TABLE><tr class=x>\n<tr><td>12:00<td colspan=3><b>Start of the 2nd&nbsp;Quarter</b></tr>\
                    <thead><tr><th>TIME</b></th><th>CHI &amp; CO</th></thead></table><tr><td>J.J. O&#39;Neal";
        let row = |table, cells: &[&str]| TableRow {
            table,
            cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
        };
        assert_eq!(
            rows(page),
            [
                row(1, &["12:00", "Start of the 2nd Quarter"]),
                row(1, &["TIME", "CHI & CO"]),
                row(1, &["J.J. O'Neal"]),
            ]
        );
        assert_eq!(plain("a &b; &#xZZ; &amp"), "a &b; &#xZZ; &amp");
    }

    #[test]
    fn an_espn_page_of_2010() {
        let page = "<a href=\"playbyplay?gameId=300319011\">other</a><a href=\"playbyplay?gameId=300319004&period=1\">1</a>\
            <table><tr><th>TIME</th><th>CLEVELAND</th><th>SCORE</th><th>CHICAGO</th></tr>\
            <tr><td>11:42</td><td>LeBron James misses layup</td><td>0-0</td><td>&nbsp;</td></tr>\
            <tr><td>11:40</td><td>Cleveland offensive rebound</td><td>0-0</td><td>&nbsp;</td></tr>\
            <tr><td>11:32</td><td>LeBron James misses layup</td><td>0-0</td><td>&nbsp;</td></tr>\
            <tr><td>11:30</td><td>&nbsp;</td><td>0-0</td><td>Taj Gibson defensive rebound</td></tr>\
            <tr><td>11:17</td><td>&nbsp;</td><td>0-2</td><td><B>Taj Gibson makes layup (Brad Miller assists)</B></td></tr>\
            <tr><td>0:00</td><td colspan=3>End Game</td></tr></table>";
        let (form, log) = read(page.as_bytes()).unwrap();
        assert_eq!((form, log.id.as_str()), (Form::EspnHtml, "300319004"));
        assert_eq!(log.teams[1].name, "CLEVELAND");
        let names: Vec<&str> = log.teams[1]
            .players
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["LeBron James"], "the team is no player");
        assert_eq!(verify(&log).score.points(), [2, 0]);
        assert!(
            log.notes.iter().all(|note| !note.is_doubt()),
            "{:?}",
            log.notes
        );
    }

    #[test]
    fn quarters_are_those_of_their_titles() {
        for (title, period) in [
            ("2nd Quarter Summary", Some(2)),
            ("1st Overtime Summary", Some(5)),
            ("Summary", None),
            ("9th Quarter Summary", None),
        ] {
            assert_eq!(super::title_period(title), period, "{title}");
        }
        let heading = "<tr><th>TIME</th><th>A</th><th>SCORE</th><th>B</th></tr>";
        let page = format!(
            "<table><tr><td>1st Quarter Summary</td></tr>{heading}<tr><td>1:00</td><td>X makes layup</td><td>2-0</td><td></td></tr>\
             <tr><td>2nd Quarter Summary</td></tr>{heading}<tr><td>12:00</td><td>Y makes layup</td><td>6-0</td><td></td></tr>\
             <tr><td>1st Quarter Summary</td></tr>{heading}<tr><td>0:44</td><td>Z makes layup</td><td>4-0</td><td></td></tr></table>"
        );
        let (_, log) = read(page.as_bytes()).unwrap();
        assert_eq!(verify(&log).mismatches, []);
        assert_eq!(log.events.iter().map(|event| event.period).max(), Some(2));
    }

    #[test]
    fn a_basketball_reference_page() {
        let page = "<link rel=\"canonical\" href=\"https://www.example.org/boxscores/pbp/202604180CLE.html\" />\
            <table id=\"pbp\"><tr class=\"thead\"><th colspan=\"6\">1st Q</th></tr>\
            <tr class=\"thead\"><th>Time</th><th>Toronto</th><th></th><th>Score</th><th></th><th>Cleveland</th></tr>\
            <tr><td>12:00.0</td><td colspan=\"5\">Jump ball: J. Allen vs. J. Poeltl (D. Mitchell gains possession)</td></tr>\
            <tr><td>11:14.0</td><td>&nbsp;</td><td></td><td>0-3</td><td>+3</td><td><a>D. Mitchell</a> makes 3-pt jump shot from 24 ft</td></tr>\
            </table><table><tr><td>a</td><td>b</td><td>c</td><td>d</td><td>e</td><td>f</td></tr></table>";
        let (form, log) = read(page.as_bytes()).unwrap();
        assert_eq!((form, log.id.as_str()), (Form::Bref, "202604180CLE"));
        assert_eq!(log.teams[Side::Home.index()].name, "Cleveland");
        assert_eq!(verify(&log).score.points(), [3, 0]);
        let doubts = log.notes.iter().filter(|note| note.is_doubt());
        assert_eq!(doubts.count(), 1, "{:?}", log.notes);
        assert!(read(b"<table><tr><td>nothing</td></tr></table>").is_err());
    }
}
