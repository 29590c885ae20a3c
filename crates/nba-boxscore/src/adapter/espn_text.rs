//! ESPN plays as text alone: the platform's `play_by_play` table and ESPN's pages, which name people and nothing else.
//!
//! The rows say whose play it is, so a name belongs to that side or, for who blocks or steals, to the other. Both wordings
//! are read: `makes`/`misses` with `(X assists)`, and the older `MADE`/`MISSED` with `Assisted by X.`

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::text;
use crate::event::{
    Event, EventKind, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side, period_tenths,
};
use crate::log::{Ball, GameLog, LogBuilder, LogError, Note, Origin};

/// One row, borrowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// Number of the play: the suffix of its id as a number, never as text.
    pub number: Option<u32>,
    /// `period_number`.
    pub period: i64,
    /// `clock_display`.
    pub clock: &'a str,
    /// `play_text`.
    pub text: &'a str,
    /// `home_away`; none when the row is nobody's.
    pub side: Option<Side>,
    /// `home_score` and `away_score`.
    pub score: Option<[u16; 2]>,
}

/// What a try was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Two,
    Three,
    /// The distance fits both; whether three is the likelier.
    Either {
        likely: bool,
    },
}

/// What a row says, with the names in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said<'a> {
    Shot {
        shooter: &'a str,
        worth: Worth,
        made: bool,
        /// Who assisted or blocked.
        other: Option<&'a str>,
    },
    FreeThrow {
        shooter: &'a str,
        made: bool,
        technical: bool,
    },
    Rebound {
        player: Option<&'a str>,
        which: Rebound,
    },
    Turnover {
        player: Option<&'a str>,
        steal: Option<&'a str>,
    },
    Foul {
        player: &'a str,
        drawn: Option<&'a str>,
    },
    Technical,
    Substitution {
        enters: &'a str,
        leaves: &'a str,
    },
    PeriodStart,
    PeriodEnd,
    Nothing,
    Unknown,
}

/// What follows the name of whom, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phrase {
    Rebound(Rebound),
    TeamRebound(Rebound),
    Turnover,
    TeamTurnover,
    Foul,
    Technical,
    Nothing,
}

/// Earlier phrases win over later ones that start at the same place.
const PHRASES: [(&str, Phrase); 54] = [
    (
        "offensive team rebound",
        Phrase::TeamRebound(Rebound::Offensive),
    ),
    (
        "defensive team rebound",
        Phrase::TeamRebound(Rebound::Defensive),
    ),
    (
        "team offensive rebound",
        Phrase::TeamRebound(Rebound::Offensive),
    ),
    (
        "team defensive rebound",
        Phrase::TeamRebound(Rebound::Defensive),
    ),
    ("offensive rebound", Phrase::Rebound(Rebound::Offensive)),
    ("defensive rebound", Phrase::Rebound(Rebound::Defensive)),
    ("no turnover", Phrase::Nothing),
    ("kicked ball violation", Phrase::Nothing),
    // Of one's own team: the older texts have it for a turnover.
    ("kicked ball", Phrase::Turnover),
    ("shot clock", Phrase::TeamTurnover),
    ("8-second", Phrase::TeamTurnover),
    ("8 second", Phrase::TeamTurnover),
    ("too many players", Phrase::TeamTurnover),
    ("excess timeout turnover", Phrase::TeamTurnover),
    ("defensive 3-seconds", Phrase::Technical),
    ("defensive 3 seconds", Phrase::Technical),
    ("illegal defense", Phrase::Technical),
    ("bench technical", Phrase::Technical),
    ("double technical", Phrase::Technical),
    ("technical foul", Phrase::Technical),
    ("hanging technical", Phrase::Technical),
    ("flopping", Phrase::Technical),
    ("taunting", Phrase::Technical),
    ("non-unsportsmanlike", Phrase::Technical),
    ("excess timeout", Phrase::Technical),
    ("delay technical", Phrase::Technical),
    ("offensive foul turnover", Phrase::Turnover),
    ("offensive foul", Phrase::Foul),
    ("offensive charge", Phrase::Foul),
    ("personal", Phrase::Foul),
    ("shooting", Phrase::Foul),
    ("loose ball foul", Phrase::Foul),
    ("inbound foul", Phrase::Foul),
    ("flagrant foul", Phrase::Foul),
    ("clear path", Phrase::Foul),
    ("away from play", Phrase::Foul),
    ("transition take", Phrase::Foul),
    ("take foul", Phrase::Foul),
    ("bad pass", Phrase::Turnover),
    ("lost ball", Phrase::Turnover),
    ("traveling", Phrase::Turnover),
    ("out of bounds", Phrase::Turnover),
    ("double dribble", Phrase::Turnover),
    ("discontinue", Phrase::Turnover),
    ("palming", Phrase::Turnover),
    ("back court", Phrase::Turnover),
    ("backcourt", Phrase::Turnover),
    ("3 second", Phrase::Turnover),
    ("3-second", Phrase::Turnover),
    ("5 second", Phrase::Turnover),
    ("5-second", Phrase::Turnover),
    ("offensive goaltending", Phrase::Turnover),
    ("step out of bounds", Phrase::Turnover),
    ("turnover", Phrase::Turnover),
];

/// Texts that count for nobody.
const NOTHING: [&str; 17] = [
    "timeout",
    "challenge",
    "review",
    "vs.",
    "jump ball",
    "violation",
    "goaltending",
    "ejected",
    "replay",
    "delay of game",
    "lane",
    "stoppage",
    "jumpball",
    "start of",
    "end of",
    "end game",
    "kicked ball",
];

/// The part before a word, and the part behind it; letters of either case.
fn around<'t>(text: &'t str, lower: &str, word: &str) -> Option<(&'t str, &'t str)> {
    let at = lower.find(word)?;
    // Lower-casing can change lengths in some scripts; then the places do not fit.
    Some((text.get(..at)?.trim(), text.get(at + word.len()..)?.trim()))
}

/// What stands before a word inside brackets, such as the name in `(X assists)`.
fn bracketed<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    text::brackets(text).find_map(|inside| inside.trim().strip_suffix(word).map(str::trim))
}

fn nonempty(name: &str) -> Option<&str> {
    let name = name.trim();
    (!name.is_empty()).then_some(name)
}

/// A name at the end of a sentence, without the full stop: that of `Jr.` and of an initial belongs to the name.
fn last_name(name: &str) -> Option<&str> {
    let name = name.trim();
    let last = name.rsplit(' ').next().unwrap_or_default();
    let own = ["Jr.", "Sr."].contains(&last) || last.len() == 2;
    nonempty(if own {
        name
    } else {
        // One only: `Stolen by Gary Trent Jr..` ends with the name's and the sentence's.
        name.strip_suffix('.').unwrap_or(name)
    })
}

/// What a try was worth, as far as its text tells: ESPN leaves `three point` out now and then, and gives the distance alone.
pub(super) fn worth(what: &str) -> Worth {
    let what = what.to_ascii_lowercase();
    if ["three point", "three-point", "3-pt", "3pt", "3-point"]
        .iter()
        .any(|word| what.contains(word))
    {
        return Worth::Three;
    }
    let feet = what
        .split_once("-foot")
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(text::count);
    match feet {
        _ if what.contains("two point") => Worth::Two,
        // The line is 22 feet away in the corners and 23.75 elsewhere.
        Some(25..) => Worth::Three,
        Some(feet @ 22..=24) => Worth::Either { likely: feet == 24 },
        _ => Worth::Two,
    }
}

fn read_text(text: &str) -> Said<'_> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    for (word, made) in [
        (" makes ", true),
        (" made ", true),
        (" misses ", false),
        (" missed ", false),
    ] {
        let Some((shooter, rest)) = around(text, &lower, word) else {
            continue;
        };
        let Some(shooter) = nonempty(shooter) else {
            continue;
        };
        let tail = rest.to_ascii_lowercase();
        if tail.contains("free throw") {
            return Said::FreeThrow {
                shooter,
                made,
                technical: tail.contains("technical"),
            };
        }
        let other = if made {
            bracketed(rest, "assists")
                .or_else(|| around(rest, &tail, "assisted by ").map(|(_, name)| name))
        } else {
            bracketed(rest, "blocks")
                .or_else(|| around(rest, &tail, "blocked by ").map(|(_, name)| name))
        };
        return Said::Shot {
            shooter,
            worth: worth(rest),
            made,
            other: other.and_then(last_name),
        };
    }
    if let Some((blocker, rest)) = around(text, &lower, " blocks ") {
        // `X blocks Y 's layup` and `X blocks Y's layup`.
        if let (Some(blocker), Some((shooter, what))) = (nonempty(blocker), rest.split_once("'s "))
            && let Some(shooter) = nonempty(shooter)
        {
            return Said::Shot {
                shooter,
                worth: worth(what),
                made: false,
                other: Some(blocker),
            };
        }
    }
    if let Some((enters, leaves)) = around(text, &lower, " enters the game for ")
        && let (Some(enters), Some(leaves)) = (nonempty(enters), last_name(leaves))
    {
        return Said::Substitution { enters, leaves };
    }
    if lower.starts_with("start of") {
        return Said::PeriodStart;
    }
    if lower.starts_with("end of") {
        return Said::PeriodEnd;
    }
    phrase(text, &lower)
}

/// Whether a text says that nothing counts: a timeout, a jump ball, the start or end of a period. One that is empty says nothing at all.
pub(super) fn counts_for_nobody(text: &str) -> bool {
    !text.trim().is_empty()
        && matches!(
            read_text(text),
            Said::Nothing | Said::PeriodStart | Said::PeriodEnd
        )
}

/// Who rebounds or loses the ball, by his name or that of his team, and what it is.
pub(super) fn who_acts(text: &str) -> Option<(&str, &'static str)> {
    match read_text(text) {
        Said::Rebound { player, .. } => Some((player?, "rebound")),
        Said::Turnover { player, .. } => Some((player?, "turnover")),
        _ => None,
    }
}

/// Whether a text names somebody who assists, blocks or steals.
pub(super) fn has_second(text: &str) -> bool {
    // Most texts are known by this to have none, at a fraction of the cost.
    if !["(", " by ", " blocks "]
        .iter()
        .any(|word| text.contains(word))
    {
        return false;
    }
    match read_text(text) {
        Said::Shot { other, .. } => other.is_some(),
        Said::Turnover { steal, .. } => steal.is_some(),
        _ => false,
    }
}

/// Rows that read `Name what (other does something)`.
fn phrase<'t>(text: &'t str, lower: &str) -> Said<'t> {
    let plain = lower.find('(').map_or(lower, |at| &lower[..at]);
    let found = PHRASES
        .iter()
        .filter_map(|(words, meaning)| Some((plain.find(words)?, *meaning)))
        .min_by_key(|(at, _)| *at);
    let Some((at, meaning)) = found else {
        if lower.contains("technical foul") {
            return Said::Technical;
        }
        if lower.is_empty() || NOTHING.iter().any(|word| lower.contains(word)) {
            return Said::Nothing;
        }
        return Said::Unknown;
    };
    let name = text.get(..at).and_then(nonempty);
    match meaning {
        Phrase::Rebound(which) => Said::Rebound {
            player: name,
            which,
        },
        Phrase::TeamRebound(which) => Said::Rebound {
            player: None,
            which,
        },
        Phrase::Turnover => Said::Turnover {
            player: name,
            steal: bracketed(text, "steals")
                .or_else(|| around(text, lower, "stolen by ").map(|(_, name)| name))
                .and_then(last_name),
        },
        Phrase::TeamTurnover => Said::Turnover {
            player: None,
            steal: None,
        },
        Phrase::Foul => match name {
            Some(player) => Said::Foul {
                player,
                drawn: bracketed(text, "draws the foul").and_then(nonempty),
            },
            None => Said::Unknown,
        },
        Phrase::Technical => Said::Technical,
        Phrase::Nothing => Said::Nothing,
    }
}

/// Reads the rows of one game, in the order of their numbers.
///
/// # Errors
///
/// When a clock or a period cannot be read.
pub fn read<'a>(id: &str, rows: impl IntoIterator<Item = Row<'a>>) -> Result<GameLog, LogError> {
    read_with_teams(id, [""; 2], rows)
}

/// The same for texts that call a team's rebound by the name of the team: `Boston offensive rebound`. `teams` are `[home, away]`.
///
/// # Errors
///
/// When a clock or a period cannot be read.
pub fn read_with_teams<'a>(
    id: &str,
    teams: [&'a str; 2],
    rows: impl IntoIterator<Item = Row<'a>>,
) -> Result<GameLog, LogError> {
    let mut reader = Reader {
        builder: LogBuilder::new(id),
        teams,
        names: Vec::with_capacity(32),
        seen: HashMap::new(),
        unnumbered: Vec::new(),
        moment: Vec::new(),
        score: [0; 2],
        clock: (0, 0),
        last_miss: None,
    };
    for (team, name) in reader.builder.log.teams.iter_mut().zip(teams) {
        name.clone_into(&mut team.name);
    }
    for (index, row) in (0u32..).zip(rows) {
        reader.row(index, &row)?;
    }
    reader.numbers_missing();
    Ok(reader.builder.finish_in_chain())
}

/// `X vs. Y (Z gains possession)`, and anything else that speaks of a jump ball.
fn jumps(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["vs.", "jump ball", "jumpball"]
        .iter()
        .any(|word| lower.contains(word))
}

struct Reader<'a> {
    builder: LogBuilder,
    teams: [&'a str; 2],
    names: Vec<(Side, &'a str, PlayerRef)>,
    /// The row that had a number first, to know repeats.
    seen: HashMap<u32, Row<'a>>,
    /// Rows without a number, where others have one.
    unnumbered: Vec<u32>,
    /// Rows of this moment without numbers, with what they say.
    moment: Vec<(Row<'a>, Said<'a>)>,
    /// The score printed last.
    score: [u16; 2],
    /// Period and clock of the row before.
    clock: (u8, u16),
    /// Who missed last.
    last_miss: Option<Side>,
}

impl<'a> Reader<'a> {
    fn row(&mut self, index: u32, row: &Row<'a>) -> Result<(), LogError> {
        let period = text::period(index, row.period)?;
        let said = read_text(row.text);
        let clock = self.clock(index, period, row.clock, said)?;
        self.clock = (period, clock);
        if self.repeated(index, row, said) {
            return Ok(());
        }
        if row.text.trim().is_empty() {
            self.builder.note(Note::TextMissing { row: index });
        }
        let (kind, mention) = match (row.side, said) {
            (_, Said::PeriodStart) => (EventKind::PeriodStart { lineups: [None; 2] }, None),
            (_, Said::PeriodEnd) => (EventKind::PeriodEnd, None),
            (_, Said::Nothing) => (EventKind::Neutral, None),
            (Some(side), said) => self.kind(index, row, side, said)?,
            (None, _) => {
                self.builder.note(Note::Nobody {
                    row: index,
                    what: "play",
                });
                (EventKind::Neutral, None)
            }
        };
        let missed = match kind {
            EventKind::Shot(shot) => matches!(shot.result, ShotResult::Missed { .. }),
            EventKind::FreeThrow { made, .. } => !made,
            _ => false,
        };
        if missed {
            self.last_miss = row.side.or(self.last_miss);
        }
        self.score = row.score.unwrap_or(self.score);
        let event = Event {
            sequence: 0,
            period,
            clock_tenths: clock,
            // Rows that count for nobody print whatever score was there when they were written.
            score: row.score.filter(|_| kind != EventKind::Neutral),
            kind,
        };
        let origin = Origin {
            row: index,
            number: row.number,
        };
        let place = self.builder.push(event, origin)?;
        let ball = match said {
            Said::FreeThrow { .. } => text::free_throw(row.text),
            Said::Nothing if jumps(row.text) => Some(Ball::Jump),
            _ => None,
        };
        if let Some(ball) = ball {
            self.builder.mark(place, ball);
        }
        if let Some(player) = mention {
            self.builder.mention(place, player);
        }
        Ok(())
    }

    /// The clock of a row. Rows that count for nobody lack it now and then: they stand where the row before does.
    fn clock(&self, index: u32, period: u8, clock: &str, said: Said<'_>) -> Result<u16, LogError> {
        if !clock.trim().is_empty() {
            return text::clock_in(index, period, clock);
        }
        match said {
            Said::PeriodStart => Ok(period_tenths(period)),
            Said::PeriodEnd => Ok(0),
            Said::Nothing if self.clock.0 == period => Ok(self.clock.1),
            Said::Nothing => Ok(period_tenths(period)),
            _ => text::clock_in(index, period, clock),
        }
    }

    /// Whether the row is another one once more. Of rows that only may be, both are counted, and that is put on record.
    fn repeated(&mut self, index: u32, row: &Row<'a>, said: Said<'a>) -> bool {
        if let Some(number) = row.number {
            return match self.seen.entry(number) {
                Entry::Vacant(place) => {
                    place.insert(*row);
                    false
                }
                Entry::Occupied(first) if first.get() == row => {
                    self.builder.note(Note::Duplicate { row: index, number });
                    true
                }
                Entry::Occupied(_) => {
                    self.builder.note(Note::Conflict { row: index, number });
                    false
                }
            };
        }
        self.unnumbered.push(index);
        if self
            .moment
            .last()
            .is_some_and(|(before, _)| (before.period, before.clock) != (row.period, row.clock))
        {
            self.moment.clear();
        }
        // A score that is left out in one of them tells them apart no more.
        let is_it = |before: &Row<'_>| {
            (before.text, before.side) == (row.text, row.side)
                && (before.score == row.score || before.score.is_none() || row.score.is_none())
        };
        let place = self.moment.iter().rposition(|(before, _)| is_it(before));
        let between = place.map(|place| &self.moment[place + 1..]);
        let repeats = match (between, said) {
            (None, _) | (_, Said::Nothing | Said::Unknown) => None,
            (Some([]), _) => Some(true),
            // Tries and rebounds take turns at the rim, and the same man comes back in the moment in which he went.
            (Some(_), Said::Shot { .. } | Said::Rebound { .. } | Said::Technical) => None,
            (Some(between), Said::Substitution { enters, .. }) => {
                let goes = |said: &Said<'_>| matches!(said, Said::Substitution { leaves, .. } if *leaves == enters);
                (!between.iter().any(|(_, said)| goes(said))).then_some(false)
            }
            _ => Some(false),
        };
        if repeats.is_some() {
            self.builder.note(Note::Repeated { row: index });
        }
        if repeats == Some(true) {
            return true;
        }
        self.moment.push((*row, said));
        false
    }

    /// Rows without a number among rows with one: nobody can say whether they are others once more.
    fn numbers_missing(&mut self) {
        if self.seen.is_empty() {
            return;
        }
        for row in std::mem::take(&mut self.unnumbered) {
            self.builder.note(Note::Unnumbered { row });
        }
    }

    fn kind(
        &mut self,
        index: u32,
        row: &Row<'_>,
        side: Side,
        said: Said<'a>,
    ) -> Result<(EventKind, Option<PlayerRef>), LogError> {
        let mut mention = None;
        let kind = match said {
            Said::Shot {
                shooter,
                worth,
                made,
                other,
            } => {
                let shooter = self.player(index, side, shooter)?;
                let three = self.is_three(index, row, side, worth, made);
                let result = if made {
                    ShotResult::Made {
                        assist: self.slot(index, side, other)?,
                    }
                } else {
                    ShotResult::Missed {
                        block: self.slot(index, side.other(), other)?,
                    }
                };
                EventKind::Shot(Shot {
                    shooter,
                    value: if three {
                        ShotValue::Three
                    } else {
                        ShotValue::Two
                    },
                    result,
                })
            }
            Said::FreeThrow {
                shooter,
                made,
                technical,
            } => EventKind::FreeThrow {
                shooter: self.player(index, side, shooter)?,
                made,
                technical,
            },
            Said::Rebound { player, which } => {
                let player = self.slot(index, side, player)?;
                EventKind::Rebound {
                    // A team's defensive rebound stands in the older texts in the column of the team that missed.
                    side: match (player, which, self.last_miss) {
                        (None, Rebound::Defensive, Some(missed)) => missed.other(),
                        (None, Rebound::Offensive, Some(missed)) => missed,
                        _ => side,
                    },
                    player,
                    which,
                }
            }
            Said::Turnover { player, steal } => EventKind::Turnover {
                side,
                player: self.slot(index, side, player)?,
                steal: self.slot(index, side.other(), steal)?,
            },
            Said::Foul { player, drawn } => {
                if let Some(name) = drawn {
                    mention = Some(self.player(index, side.other(), name)?);
                }
                EventKind::PersonalFoul {
                    offender: self.player(index, side, player)?,
                }
            }
            Said::Technical => EventKind::TechnicalFoul {
                side,
                offender: None,
            },
            Said::Substitution { enters, leaves } => EventKind::Substitution {
                side,
                enters: self.player(index, side, enters)?.slot,
                leaves: self.player(index, side, leaves)?.slot,
            },
            Said::PeriodStart | Said::PeriodEnd | Said::Nothing => EventKind::Neutral,
            Said::Unknown => {
                self.builder.note(Note::UnknownKind {
                    row: index,
                    kind: row.text.to_owned(),
                });
                EventKind::Neutral
            }
        };
        Ok((kind, mention))
    }

    /// The score knows what a basket was worth; a miss on the line is put on record.
    fn is_three(
        &mut self,
        index: u32,
        row: &Row<'_>,
        side: Side,
        worth: Worth,
        made: bool,
    ) -> bool {
        if made && let (Some(score), before) = (row.score, self.score) {
            match score[side.index()].checked_sub(before[side.index()]) {
                Some(2) => return false,
                Some(3) => return true,
                _ => {}
            }
        }
        match worth {
            Worth::Two => false,
            Worth::Three => true,
            Worth::Either { likely } => {
                self.builder.note(Note::ValueGuessed { row: index });
                likely
            }
        }
    }

    fn slot(
        &mut self,
        index: u32,
        side: Side,
        name: Option<&'a str>,
    ) -> Result<Option<u8>, LogError> {
        match name {
            Some(name) if name.eq_ignore_ascii_case(self.teams[side.index()]) => Ok(None),
            Some(name) => self
                .player(index, side, name)
                .map(|player| Some(player.slot)),
            None => Ok(None),
        }
    }

    fn player(&mut self, index: u32, side: Side, name: &'a str) -> Result<PlayerRef, LogError> {
        let known = self
            .names
            .iter()
            .find(|(of, known, _)| *of == side && *known == name);
        if let Some((_, _, player)) = known {
            return Ok(*player);
        }
        let player = self.builder.enter(index, side, None, name)?;
        self.names.push((side, name, player));
        Ok(player)
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, Worth, read_text};
    use crate::event::Rebound;

    /// The forms that the legacy parser reads wrongly (box score dossier 4.3).
    #[test]
    fn wordings() {
        let shot = |shooter, three, made, other| Said::Shot {
            shooter,
            worth: if three { Worth::Three } else { Worth::Two },
            made,
            other,
        };
        let cases = [
            (
                "LeBron James makes 25-foot three point jumper (Kyrie Irving assists)",
                shot("LeBron James", true, true, Some("Kyrie Irving")),
            ),
            (
                "De'Aaron Fox misses layup",
                shot("De'Aaron Fox", false, false, None),
            ),
            (
                "Jontay Porter blocks Admiral Schofield 's 4-foot layup",
                shot("Admiral Schofield", false, false, Some("Jontay Porter")),
            ),
            (
                "Kirk Hinrich blocks Glen Davis's three point jumper",
                shot("Glen Davis", true, false, Some("Kirk Hinrich")),
            ),
            (
                "Luguentz Dort lost ball turnover. Stolen by Gary Trent Jr..",
                Said::Turnover {
                    player: Some("Luguentz Dort"),
                    steal: Some("Gary Trent Jr."),
                },
            ),
            (
                "Michael Jordan MADE 16-foot jumper. Assisted by Scottie Pippen.",
                shot("Michael Jordan", false, true, Some("Scottie Pippen")),
            ),
            (
                "P.J. Tucker makes technical free throw",
                Said::FreeThrow {
                    shooter: "P.J. Tucker",
                    made: true,
                    technical: true,
                },
            ),
            (
                "Lakers defensive team rebound",
                Said::Rebound {
                    player: None,
                    which: Rebound::Defensive,
                },
            ),
            (
                "Nikola Jokić bad pass (Karl-Anthony Towns steals)",
                Said::Turnover {
                    player: Some("Nikola Jokić"),
                    steal: Some("Karl-Anthony Towns"),
                },
            ),
            (
                "shot clock violation",
                Said::Turnover {
                    player: None,
                    steal: None,
                },
            ),
            (
                "James Johnson offensive foul (Antawn Jamison draws the foul)",
                Said::Foul {
                    player: "James Johnson",
                    drawn: Some("Antawn Jamison"),
                },
            ),
            (
                "Joe Ingles personal take foul",
                Said::Foul {
                    player: "Joe Ingles",
                    drawn: None,
                },
            ),
            (
                "Gradey Dick defensive 3-seconds (technical foul)\n",
                Said::Technical,
            ),
            (
                "Markelle Fultz enters the game for Franz Wagner.",
                Said::Substitution {
                    enters: "Markelle Fultz",
                    leaves: "Franz Wagner",
                },
            ),
            (
                "Kevin Porter Jr. misses 23-foot step back jumpshot",
                Said::Shot {
                    shooter: "Kevin Porter Jr.",
                    worth: Worth::Either { likely: false },
                    made: false,
                    other: None,
                },
            ),
            (
                "Scottie Pippen enters the game for Larry Nance Jr.",
                Said::Substitution {
                    enters: "Scottie Pippen",
                    leaves: "Larry Nance Jr.",
                },
            ),
            ("Raptors Full timeout", Said::Nothing),
            (
                "Ochai Agbaji defensive goaltending violation",
                Said::Nothing,
            ),
            ("something else entirely", Said::Unknown),
        ];
        for (text, said) in cases {
            assert_eq!(read_text(text), said, "{text}");
        }
    }
}
