//! data.nba.com's mobile feed: the codes of NBA Stats, one text a row, ids of the second person in `opid` and `epid`.
//!
//! This feed is not corrected afterwards: about a quarter of its games differ from NBA Stats by one or two figures.

use super::stats_v2::{FIRST_TEAM_ID, NO_PERSONAL_FOUL, Person, Reader, Row};
use crate::log::{GameLog, LogError};

/// One element of `pla`, borrowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Play<'a> {
    /// `evt`.
    pub number: Option<i64>,
    /// `p` of the block it stands in.
    pub period: i64,
    /// `cl`.
    pub clock: &'a str,
    /// `de`.
    pub text: &'a str,
    /// `etype`.
    pub kind: i64,
    /// `mtype`.
    pub action: i64,
    /// `tid`.
    pub team: i64,
    /// `pid`.
    pub player: i64,
    /// `opid`: who stole, blocked or was fouled.
    pub opponent: Option<i64>,
    /// `epid`: who assisted or comes in.
    pub helper: Option<i64>,
    /// `hs` and `vs`.
    pub score: [u16; 2],
}

/// Reads the plays of one game, in the order of the document.
///
/// The document does not say which team is at home; the first basket does, unless `home` is given.
///
/// # Errors
///
/// When a clock or a period cannot be read, there is a third team, or nothing tells the sides.
pub fn read(id: &str, plays: &[Play<'_>], home: Option<u64>) -> Result<GameLog, LogError> {
    let home = home
        .and_then(|home| i64::try_from(home).ok())
        .or_else(|| home_by_score(plays))
        .ok_or(LogError::Missing { what: "home team" })?;
    // From 2017-18 on `(3 PF)` counts defensive three seconds and technical fouls, too.
    let mut reader = Reader::without_foul_figures(id);
    for play in plays {
        let score = match (play.kind, play.text.contains("PTS")) {
            // Rows without points print whatever score was there when they were written.
            (1 | 3, true) => format!("{} - {}", play.score[1], play.score[0]),
            _ => String::new(),
        };
        reader.row(&row(play, home, &score))?;
    }
    Ok(reader.finish())
}

fn home_by_score(plays: &[Play<'_>]) -> Option<i64> {
    let mut last = [0, 0];
    let mut visitors = None;
    for play in plays {
        if matches!(play.kind, 1 | 3) && play.team > 0 {
            if play.score[0] > last[0] && play.score[1] == last[1] {
                return Some(play.team);
            }
            if play.score[1] > last[1] && play.score[0] == last[0] {
                visitors = Some(play.team);
            }
        }
        last = play.score;
    }
    let first = i64::try_from(FIRST_TEAM_ID).ok()?;
    plays
        .iter()
        .map(|play| play.team)
        .find(|team| *team >= first && visitors.is_some_and(|visitors| *team != visitors))
}

fn row<'a>(play: &Play<'a>, home: i64, score: &'a str) -> Row<'a> {
    let at_home = play.team == home;
    // 4 and 5 are players of the home and the visiting team, 2 and 3 the teams.
    let player = |of_home: bool, id: i64, team: Option<i64>| Person {
        kind: Some(if of_home { 4 } else { 5 }),
        id: Some(id),
        team,
        ..Person::default()
    };
    let own = |id: i64| player(at_home, id, Some(play.team));
    let other = |id: i64| player(!at_home, id, None);
    let first = if play.kind == 6 && NO_PERSONAL_FOUL.contains(&play.action) {
        // A technical foul may be a coach's, whose id looks like a player's.
        Person {
            kind: Some(if at_home { 6 } else { 7 }),
            id: Some(play.player.max(1)),
            ..Person::default()
        }
    } else if play.player > 0 {
        own(play.player)
    } else {
        Person {
            kind: (play.team > 0).then_some(if at_home { 2 } else { 3 }),
            id: (play.team > 0).then_some(play.team),
            ..Person::default()
        }
    };
    let nobody = Person::default();
    let opponent = play.opponent.filter(|id| *id > 0).map_or(nobody, other);
    let helper = play.helper.filter(|id| *id > 0).map_or(nobody, own);
    let [second, third] = match play.kind {
        1 | 8 => [helper, nobody],
        2 => [nobody, opponent],
        5 | 6 | 10 => [opponent, nobody],
        _ => [nobody, nobody],
    };
    Row {
        number: play.number,
        // The end of the game is an event of its own here.
        kind: if play.kind == 0 { 18 } else { play.kind },
        action: play.action,
        period: play.period,
        clock: play.clock,
        home: play.text,
        neutral: "",
        visitor: "",
        score,
        people: [first, second, third],
    }
}
